/* What of nines status is about incidents. */
#include "cli/status.h"

#include "base/units.h"
#include "report/fmt.h"
#include "report/incidents.h"
#include "report/term.h"

#include <inttypes.h>

#define LINE_BYTES (4 << 10)

static void put_line(struct term *t, const struct incident_case *c, int64_t now_us)
{
    char span[FMT_MAX];
    const struct incident *in = &c->incident;
    int64_t start = c->times.began_us ? c->times.began_us : in->opened_us;
    struct str line;
    str_init(&line, LINE_BYTES);
    str_addf(&line, "incident %" PRId64 ", %s, for %s: ", in->id, severity_name(in->severity),
             fmt_span(span, now_us > start ? now_us - start : 0));
    str_add(&line, in->title);
    term_clean(t, in->severity == SEVERITY_PAGE ? TERM_RED : TERM_YELLOW, line.buf,
               (size_t)t->width);
    str_addc(t->out, '\n');
    str_release(&line);
}

void status_put_incidents(struct term *t, const struct overview *o)
{
    for (size_t i = 0; i < o->incident_count; i++)
        put_line(t, &o->incidents[i], o->now_us);
}

void status_put_incidents_json(struct str *out, const struct overview *o)
{
    str_add(out, ",\"incidents\":[");
    for (size_t i = 0; i < o->incident_count; i++) {
        str_add(out, i ? "," : "");
        incident_put_json(out, &o->incidents[i]);
        str_addc(out, '}');
    }
    str_addc(out, ']');
}
