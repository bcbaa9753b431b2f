#include "cli/explain.h"

#include "base/units.h"
#include "report/fmt.h"
#include "report/term.h"

#define WIDTH_MIN 80
#define WIDTH_MAX 132
#define REASONS_SHOWN 3
#define AROUND_SHOWN 3

/* ---- the headline ------------------------------------------------------------- */

/* What left the count, such as answers that do not tell what was promised of them. */
static void end_budget(struct term *t, const struct report_slo *s)
{
    char a[FMT_MAX];
    if (s->counts.excluded)
        term_paint(t, TERM_DIM, "; %s", fmt_excluded(a, s, s->counts.excluded));
    str_addc(t->out, '\n');
}

static void put_budget(struct term *t, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX];
    str_add(t->out, "  ");
    if (!s->has_budget) {
        term_paint(t, TERM_DIM, "no events, so no budget to spend");
        end_budget(t, s);
        return;
    }
    fmt_spent(t->out, s, "bad ");
    str_add(t->out, ", ");
    term_paint(t, s->remaining < 0 ? TERM_RED : TERM_PLAIN, "%s left",
               fmt_percent(a, s->remaining_ratio, 1));
    str_addf(t->out, "; %s bad of %s events", fmt_counted(a, s, s->counts.bad),
             fmt_counted(b, s, counts_total(s->counts)));
    end_budget(t, s);
}

static void put_head(struct term *t, const struct report_slo *s)
{
    char a[FMT_MAX], target[UNITS_MAX];
    struct str title, line;
    str_init(&title, 4096);
    fmt_title(&title, s);
    term_paint(t, term_state_color(s->state), "%s ", term_state_mark(s->state));
    term_clean(t, TERM_BOLD, title.buf, (size_t)t->width - 14);
    term_paint(t, term_state_color(s->state), " %s\n", fmt_state(s->state));
    str_clear(&title);
    fmt_subject(&title, s);
    str_add(t->out, "  ");
    term_clean(t, TERM_DIM, title.buf, (size_t)t->width - 4);
    str_addc(t->out, '\n');
    str_clear(&title);
    fmt_period(&title, s);
    str_init(&line, 4096);
    str_addf(&line, "%s, target %s, ", fmt_sli(a, s), decimal_percent(target, s->def->target));
    str_addf(&line, "%s: %s", fmt_window(a, s), title.buf);
    str_add(t->out, "  ");
    term_wrap(t, TERM_PLAIN, 2, line.buf);
    str_release(&line);
    put_budget(t, s);
    if (fmt_has_targets(s)) {
        str_clear(&title);
        fmt_targets(&title, s);
        str_addf(t->out, "  targets: %s\n", title.buf);
    }
    str_release(&title);
}

/* ---- spans --------------------------------------------------------------------- */

static void put_reasons(struct term *t, const struct report_slo *slo, const struct explain_span *s)
{
    char n[FMT_MAX];
    if (s->reason_count == 0)
        term_paint(t, TERM_DIM, "results are deleted");
    for (size_t i = 0; i < s->reason_count && i < REASONS_SHOWN; i++)
        str_addf(t->out, "%s%s %s", i ? ", " : "", reason_name(s->reasons[i].reason),
                 fmt_counted(n, slo, s->reasons[i].count));
    if (s->reason_count > REASONS_SHOWN)
        str_add(t->out, ", \xe2\x80\xa6");
    str_addc(t->out, '\n');
}

/* The newest changes, and the alerts. */
static void put_around(struct term *t, const struct report_slo *slo, const struct explain_span *s)
{
    char a[FMT_MAX], b[FMT_MAX];
    size_t skip = s->annotation_count > AROUND_SHOWN ? s->annotation_count - AROUND_SHOWN : 0;
    for (size_t i = skip; i < s->annotation_count; i++) {
        const struct report_annotation *n = &slo->annotations[s->annotation_first + i];
        int64_t before = s->from_us - n->at_us;
        term_paint(t, TERM_BLUE, "       %s ", n->kind);
        term_clean(t, TERM_PLAIN, n->text, 60);
        if (before > 0)
            term_paint(t, TERM_DIM, " %s before\n", fmt_span(a, before));
        else
            term_paint(t, TERM_DIM, " at %s\n", fmt_stamp(a, n->at_us));
    }
    for (size_t i = 0; i < s->alert_count && i < AROUND_SHOWN; i++) {
        const struct report_incident *n = &slo->incidents[s->alert_first + i];
        term_paint(t, n->severity == SEVERITY_PAGE ? TERM_RED : TERM_YELLOW, "       %s",
                   severity_name(n->severity));
        str_addf(t->out, " fired %s, ", fmt_stamp(a, n->from_us));
        str_addf(t->out, "%s\n", n->to_us ? fmt_span(b, n->to_us - n->from_us) : "going on");
    }
}

static void put_span(struct term *t, const struct explain *e, size_t i)
{
    const struct explain_span *s = &e->spans[i];
    char a[FMT_MAX];
    double share;
    bool has = explain_share(e, s, &share);
    str_addf(t->out, "%5zu  ", i + 1);
    term_cell(t, TERM_PLAIN, 21, fmt_stamp(a, s->from_us));
    term_cell(t, TERM_PLAIN, 9, fmt_span(a, s->to_us - s->from_us));
    term_right(t, TERM_RED, 10, fmt_counted(a, e->slo, s->lost));
    term_right(t, TERM_PLAIN, 10, has ? fmt_percent(a, share, 1) : FMT_NONE);
    str_add(t->out, "  ");
    put_reasons(t, e->slo, s);
    put_around(t, e->slo, s);
}

static void put_sum(struct term *t, const struct report_slo *s, const char *name,
                    struct explain_sums sum, double share)
{
    char a[FMT_MAX], words[FMT_MAX];
    snprintf(words, sizeof words, "%s %s span%s", name, fmt_count(a, sum.count),
             sum.count == 1 ? "" : "s");
    str_add(t->out, "       ");
    term_cell(t, TERM_DIM, 30, words);
    term_right(t, TERM_DIM, 10, fmt_counted(a, s, sum.lost));
    term_right(t, TERM_DIM, 10, fmt_percent(a, share, 1));
    str_addc(t->out, '\n');
}

static void put_spans(struct term *t, const struct explain *e)
{
    char gap[UNITS_MAX];
    struct explain_sums rest = e->bad;
    double share, left = e->slo->consumed_ratio;
    if (e->bad.count == 0) {
        str_add(t->out, "\nNo event was bad.\n");
        return;
    }
    term_paint(t, TERM_BOLD, "\nWhere the budget went");
    term_paint(t, TERM_DIM, " (bad minutes at most %s apart are one span)\n",
               units_duration(gap, e->gap_us));
    str_add(t->out, "       ");
    term_cell(t, TERM_DIM, 21, "start, UTC");
    term_cell(t, TERM_DIM, 9, "length");
    term_right(t, TERM_DIM, 10, "bad");
    term_right(t, TERM_DIM, 10, "of budget");
    term_paint(t, TERM_DIM, "  reasons\n");
    for (size_t i = 0; i < e->span_count; i++) {
        put_span(t, e, i);
        rest.count--;
        rest.lost -= e->spans[i].lost;
        left -= explain_share(e, &e->spans[i], &share) ? share : 0;
    }
    if (rest.count > 0)
        put_sum(t, e->slo, "and", rest, left > 0 ? left : 0);
    if (e->bad.count > 1)
        put_sum(t, e->slo, "all", e->bad, e->slo->consumed_ratio);
}

static void put_gaps(struct term *t, const struct explain *e)
{
    char a[FMT_MAX];
    if (e->missing.count == 0)
        return;
    term_paint(t, TERM_BOLD, "\nWhat was not seen\n");
    for (size_t i = 0; i < e->gap_count; i++) {
        const struct explain_span *s = &e->gaps[i];
        str_add(t->out, "       ");
        term_cell(t, TERM_PLAIN, 21, fmt_stamp(a, s->from_us));
        term_cell(t, TERM_PLAIN, 9, fmt_span(a, s->to_us - s->from_us));
        term_right(t, TERM_YELLOW, 10, fmt_count(a, s->lost));
        str_addf(t->out, " slots    %s\n",
                 s->cause == EXPLAIN_PROBER_DOWN ? "prober down" : "target silent");
    }
    if ((size_t)e->missing.count > e->gap_count)
        term_paint(t, TERM_DIM, "       and %s more\n",
                   fmt_count(a, e->missing.count - (int64_t)e->gap_count));
}

/* ---- rows ------------------------------------------------------------------------ */

static void put_row(struct term *t, const struct report_slo *s, const struct explain_row *r)
{
    char a[FMT_MAX], b[FMT_MAX], words[2 * FMT_MAX + 16];
    const char *why = r->message ? r->message : fmt_reason(s, r->reason);
    term_paint(t, TERM_DIM, "       %s  ", fmt_stamp(a, r->at_us));
    if (r->total_us < 0) {
        snprintf(words, sizeof words, "%s bad of %s", fmt_counted(a, s, r->bad),
                 fmt_counted(b, s, r->bad + r->good));
        term_cell(t, TERM_PLAIN, 32, words);
        str_addc(t->out, '\n');
        return;
    }
    term_cell(t, TERM_PLAIN, 14, reason_name(r->reason));
    snprintf(a, sizeof a, "%d", r->code);
    term_cell(t, TERM_PLAIN, 5, r->code ? a : "");
    term_right(t, TERM_PLAIN, 8, fmt_latency(a, r->total_us, false));
    str_add(t->out, "  ");
    term_clean(t, TERM_PLAIN, why, (size_t)t->width - 58);
    str_addc(t->out, '\n');
}

static void put_rows(struct term *t, const struct explain *e)
{
    char a[FMT_MAX], b[FMT_MAX];
    if (e->rank == 0)
        return;
    term_paint(t, TERM_BOLD, "\nSpan %zu", e->rank);
    term_paint(t, TERM_DIM, ", from %s", fmt_stamp(a, e->chosen.from_us));
    if (e->row_count == 0) {
        str_add(t->out, ": its results are deleted, counts are kept\n");
        return;
    }
    term_paint(t, TERM_DIM, ": %s of its %s bad events\n", fmt_counted(a, e->slo, e->rows_bad),
               fmt_counted(b, e->slo, e->chosen.lost));
    for (size_t i = 0; i < e->row_count; i++)
        put_row(t, e->slo, &e->rows[i]);
}

/* Of a composite: who spent it, and where to look on. */
static void put_members(struct term *t, const struct report_slo *s)
{
    char share[FMT_MAX], consumed[FMT_MAX], weight[UNITS_MAX];
    term_paint(t, TERM_BOLD, "\nWho spent it\n");
    for (size_t i = 0; i < s->member_count; i++) {
        const struct report_member *m = &s->members[i];
        const char *objective = m->def->objective_name;
        term_paint(t, term_state_color(m->state), "  %s ", term_state_mark(m->state));
        term_right(t, TERM_PLAIN, 7, m->has_share ? fmt_percent(share, m->share, 1) : FMT_NONE);
        str_addf(t->out, " of the spending: weight %s, %s of its own budget\n",
                 decimal_text(weight, m->weight),
                 m->has_budget ? fmt_percent(consumed, m->consumed_ratio, 1) : FMT_NONE);
        term_paint(t, TERM_DIM, "            nines explain %s%s%s%s\n", m->def->name,
                   objective[0] ? " --objective '" : "", objective, objective[0] ? "'" : "");
    }
}

int explain_put_text(const struct explain *e, const struct report_style *style, struct str *out)
{
    struct term t = {.out = out, .color = style->color, .width = style->width};
    t.width = t.width < WIDTH_MIN ? WIDTH_MIN : t.width > WIDTH_MAX ? WIDTH_MAX : t.width;
    put_head(&t, e->slo);
    if (e->slo->member_count) {
        put_members(&t, e->slo);
        return out->overflow ? -1 : 0;
    }
    put_spans(&t, e);
    put_gaps(&t, e);
    explain_text_excluded(&t, e->slo);
    put_rows(&t, e);
    return out->overflow ? -1 : 0;
}
