/* What is excluded of an objective: no span has anything of it. */
#include "cli/explain.h"

#include "cli/json_out.h"

#define SHOWN 10

static void put_one(struct term *t, const struct report_exclusion *e)
{
    char a[FMT_MAX];
    struct str why;
    str_add(t->out, "       ");
    term_cell(t, TERM_PLAIN, 21, fmt_stamp(a, e->from_us));
    term_cell(t, TERM_PLAIN, 9, fmt_span(a, e->to_us - e->from_us));
    term_cell(t, TERM_PLAIN, 12, exclusion_mode_name(e->exclusion->mode));
    str_init(&why, 8192);
    fmt_exclusion(&why, e->exclusion);
    term_clean(t, TERM_PLAIN, why.buf, (size_t)t->width - 49);
    str_release(&why);
    str_addc(t->out, '\n');
}

void explain_text_excluded(struct term *t, const struct report_slo *s)
{
    struct str line;
    if (!s->unexcluded)
        return;
    term_paint(t, TERM_BOLD, "\nWhat is excluded\n");
    for (size_t i = 0; i < s->exclusion_count && i < SHOWN; i++)
        put_one(t, &s->exclusions[s->exclusion_count - 1 - i]);
    str_init(&line, 4096);
    fmt_exclusions_left(&line, s, SHOWN);
    if (line.len)
        term_paint(t, TERM_DIM, "       %s\n", line.buf);
    str_clear(&line);
    fmt_unexcluded(&line, s);
    str_add(t->out, "       ");
    term_wrap(t, TERM_DIM, 7, line.buf);
    str_release(&line);
}

void explain_json_excluded(struct str *out, const struct report_slo *s)
{
    str_add(out, ",\"exclusions\":[");
    for (size_t i = 0; i < s->exclusion_count; i++) {
        const struct report_exclusion *e = &s->exclusions[i];
        str_add(out, i ? ",{" : "{");
        json_put_time(out, "start", e->from_us);
        json_put_time(out, "end", e->to_us);
        json_put_string(out, "mode", exclusion_mode_name(e->exclusion->mode));
        json_put_string(out, "name", e->exclusion->name);
        json_put_id(out, "id", e->exclusion->id);
        json_put_string(out, "reason", e->exclusion->reason);
        json_put_string(out, "author", e->exclusion->author);
        str_addc(out, '}');
    }
    str_addf(out, "],\"exclusion_count\":%zu", s->excluded_spans);
}
