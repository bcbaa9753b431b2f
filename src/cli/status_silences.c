/* What of nines status is about silences. */
#include "cli/json_out.h"
#include "cli/status.h"

#include "model/matcher.h"
#include "report/fmt.h"
#include "report/term.h"

#include <inttypes.h>

#define MATCHERS_MAX_BYTES ((size_t)1 << 20)

static size_t count_silenced(const struct overview *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->told.alert_count; i++)
        n += silencing_find(&o->told, &o->told.alerts[i].labels, o->now_us) != NULL;
    return n;
}

/* How many alerts that are on it mutes. */
static size_t mutes(const struct overview *o, const struct stored_silence *s)
{
    if (silence_state(s->silence, o->now_us) != SILENCE_ACTIVE)
        return 0;
    return silencing_count(&o->told, &s->silence->matchers);
}

static void put_silence(struct term *t, const struct overview *o, const struct stored_silence *s)
{
    char left[FMT_MAX];
    struct str line;
    str_init(&line, MATCHERS_MAX_BYTES);
    str_addf(&line, "{");
    matchers_text(&s->silence->matchers, &line);
    str_addf(&line, "}  %s: %s", s->silence->author, s->silence->comment);
    str_addf(t->out, "  %4" PRId64 "  mutes %zu, %s left  ", s->id, mutes(o, s),
             fmt_span(left, s->silence->ends_us - o->now_us));
    term_clean(t, TERM_DIM, line.buf, t->width > 60 ? (size_t)t->width - 36 : 24);
    str_addc(t->out, '\n');
    str_release(&line);
}

void status_put_silences(struct term *t, const struct overview *o)
{
    size_t n = count_silenced(o);
    if (n == 0)
        return;
    term_paint(t, TERM_YELLOW, "%zu of %zu alerts silenced\n", n, o->told.alert_count);
    for (size_t i = 0; i < o->told.silence_count; i++)
        if (mutes(o, &o->told.silences[i]) > 0)
            put_silence(t, o, &o->told.silences[i]);
    str_addc(t->out, '\n');
}

static void put_one_json(struct str *out, const struct overview *o, const struct stored_silence *s)
{
    str_addc(out, '{');
    json_put_id(out, "id", s->id);
    json_put_string(out, "matchers", s->matchers);
    json_put_time(out, "ends_at", s->silence->ends_us);
    json_put_string(out, "author", s->silence->author);
    json_put_string(out, "comment", s->silence->comment);
    json_put_int(out, "mutes", (int64_t)mutes(o, s));
    str_addc(out, '}');
}

void status_put_silences_json(struct str *out, const struct overview *o)
{
    json_put_int(out, "alerts_on", (int64_t)o->told.alert_count);
    json_put_int(out, "alerts_silenced", (int64_t)count_silenced(o));
    str_add(out, ",\"silences\":[");
    for (size_t i = 0; i < o->told.silence_count; i++) {
        if (mutes(o, &o->told.silences[i]) == 0)
            continue;
        if (out->buf[out->len - 1] != '[')
            str_addc(out, ',');
        put_one_json(out, o, &o->told.silences[i]);
    }
    str_addc(out, ']');
}
