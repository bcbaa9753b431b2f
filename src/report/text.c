/* The report on a terminal: a table of all objectives, then one block each. */
#include "report/answers.h"
#include "report/curve.h"
#include "report/fmt.h"
#include "report/formats.h"
#include "report/groups.h"
#include "report/incidents.h"
#include "report/policy.h"
#include "report/term.h"

#include "base/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Narrower than this the tables do not fit; wider than that lines are hard to
 * follow. */
#define WIDTH_MIN 80
#define WIDTH_MAX 132
#define LABEL_COLUMNS 12
#define FAILURES_SHOWN 6
#define REASONS_SHOWN 6
#define INCIDENTS_SHOWN 5
#define ANNOTATIONS_SHOWN 5
#define EXCLUSIONS_SHOWN 5

static const char *budget_color(const struct report_slo *s)
{
    if (!s->has_budget)
        return TERM_DIM;
    return s->remaining <= 0 ? TERM_RED : s->consumed_ratio >= 0.75 ? TERM_YELLOW : TERM_GREEN;
}

static const char *budget_left(char buf[static FMT_MAX], const struct report_slo *s)
{
    int digits = s->remaining_ratio > -10 ? 1 : 0;
    return s->has_budget ? fmt_percent(buf, s->remaining_ratio, digits) : FMT_NONE;
}

static const char *burn_color(double rate)
{
    return rate >= 6 ? TERM_RED : rate >= 1 ? TERM_YELLOW : TERM_PLAIN;
}

/* ---- the summary ------------------------------------------------------- */

static void put_verdict(struct term *t, const struct report *r)
{
    char at[FMT_MAX];
    size_t met = fmt_tally(r, SLO_MET);
    term_paint(t, TERM_BOLD, "Error budgets");
    term_paint(t, TERM_DIM, " at %s\n", fmt_instant(at, r->at_us));
    if (!r->slo_count) {
        str_add(t->out, "No objectives are declared.\n");
        return;
    }
    str_addf(t->out, "%zu of %zu objectives met", met, r->slo_count);
    for (enum slo_state s = SLO_BREACHED; s <= SLO_NO_DATA; s++) {
        if (!fmt_tally(r, s))
            continue;
        str_add(t->out, ", ");
        term_paint(t, term_state_color(s), "%zu %s", fmt_tally(r, s), fmt_state(s));
    }
    str_add(t->out, "\n\n");
}

struct columns {
    int name;
    bool bar;
};

static void put_row(struct term *t, struct columns c, const struct report_slo *s)
{
    char text[FMT_MAX], target[UNITS_MAX];
    const struct report_burn *burn = fmt_find_burn(s, USEC_PER_HOUR);
    str_add(t->out, "  ");
    term_title(t, c.name, s->def->name, s->def->objective_name);
    str_add(t->out, "  ");
    term_paint(t, term_state_color(s->state), "%s", term_state_mark(s->state));
    str_addc(t->out, ' ');
    term_cell(t, term_state_color(s->state), 8, fmt_state(s->state));
    term_right(t, TERM_PLAIN, 11, fmt_sli(text, s));
    term_right(t, TERM_PLAIN, 10, decimal_percent(target, s->def->target));
    if (c.bar) {
        str_add(t->out, "   ");
        term_bar(t, budget_color(s), s->has_budget ? s->remaining_ratio : 0, 12);
    }
    term_right(t, budget_color(s), 10, budget_left(text, s));
    term_right(t, burn ? burn_color(burn->rate) : TERM_DIM, 9,
               burn ? fmt_burn(text, burn->rate) : FMT_NONE);
    str_addc(t->out, '\n');
}

static void put_summary(struct term *t, const struct report *r)
{
    struct columns c = {.bar = t->width >= 100};
    int widest = 9;
    for (size_t i = 0; i < r->slo_count; i++) {
        struct str title;
        str_init(&title, 4096);
        fmt_title(&title, &r->slos[i]);
        int n = (int)fmt_columns(title.buf);
        widest = n > widest ? n : widest;
        str_release(&title);
    }
    c.name = t->width - 2 - 12 - 11 - 10 - (c.bar ? 15 : 0) - 10 - 9;
    c.name = widest < c.name ? widest : c.name;

    str_add(t->out, "  ");
    term_cell(t, TERM_DIM, c.name, "objective");
    str_add(t->out, "  ");
    term_cell(t, TERM_DIM, 10, "state");
    term_right(t, TERM_DIM, 11, "SLI");
    term_right(t, TERM_DIM, 10, "target");
    term_right(t, TERM_DIM, c.bar ? 25 : 10, "left");
    term_right(t, TERM_DIM, 9, "burn 1h");
    str_addc(t->out, '\n');
    for (size_t i = 0; i < r->slo_count; i++)
        put_row(t, c, &r->slos[i]);
    str_addc(t->out, '\n');
}

/* ---- one objective ----------------------------------------------------- */

static void put_label(struct term *t, const char *label)
{
    str_add(t->out, "  ");
    term_cell(t, TERM_DIM, LABEL_COLUMNS - 2, label);
}

static void put_heading(struct term *t, const struct report_slo *s)
{
    char window[FMT_MAX];
    struct str title, subject;

    str_init(&title, 4096);
    fmt_title(&title, s);
    term_rule(t);
    term_paint(t, term_state_color(s->state), "%s ", term_state_mark(s->state));
    size_t used = 2 + term_clean(t, TERM_BOLD, title.buf, (size_t)t->width - 14);
    str_release(&title);
    term_right(t, term_state_color(s->state), t->width - (int)used, fmt_state(s->state));
    str_add(t->out, "\n  ");

    str_init(&subject, 4096);
    if (s->def->service && s->def->service[0])
        str_addf(&subject, "%s \xc2\xb7 ", s->def->service);
    if (fmt_counts_runs(s))
        fmt_subject(&subject, s);
    else
        str_add(&subject, s->def->member_count ? "composite" : s->def->sli.probe);
    str_addf(&subject, " \xc2\xb7 %s", fmt_window(window, s));
    used = 2 + term_clean(t, TERM_DIM, subject.buf, (size_t)t->width - 2);
    str_clear(&subject);
    fmt_period(&subject, s);
    str_add(t->out, used + 3 + fmt_columns(subject.buf) > (size_t)t->width ? "\n  " : " \xc2\xb7 ");
    term_clean(t, TERM_DIM, subject.buf, (size_t)t->width - 2);
    str_release(&subject);
    if (!fmt_counts_runs(s) && s->expression) { /* may be long */
        str_add(t->out, "\n  ");
        term_clean(t, TERM_PLAIN, s->expression, (size_t)t->width - 2);
    }
    str_add(t->out, "\n\n");
}

static void put_sli(struct term *t, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX], target[UNITS_MAX];
    int digits = fmt_sli_digits(s) + 1;
    bool short_of = s->state == SLO_BREACHED;

    put_label(t, "SLI");
    term_paint(t, short_of ? TERM_RED : TERM_BOLD, "%s", fmt_sli(a, s));
    str_addf(t->out, "  target %s", decimal_percent(target, s->def->target));
    str_add(t->out, "  ");
    fmt_judged(t->out, s);
    str_addc(t->out, '\n');
    if (!s->has_confidence && !s->counts.excluded)
        return;
    put_label(t, "");
    if (s->has_confidence)
        term_paint(t, TERM_DIM, "95%% interval %s to %s", fmt_percent(a, s->confidence_low, digits),
                   fmt_percent(b, s->confidence_high, digits));
    if (s->counts.excluded)
        term_paint(t, TERM_DIM, "%s%s", s->has_confidence ? "; " : "",
                   fmt_excluded(a, s, s->counts.excluded));
    str_addc(t->out, '\n');
}

static void put_budget(struct term *t, const struct report_slo *s)
{
    char a[FMT_MAX];
    struct str line;

    put_label(t, "Budget");
    if (!s->has_budget) {
        term_paint(t, TERM_DIM, "no %s to judge by\n", s->observed ? "events" : "data");
        return;
    }
    term_bar(t, budget_color(s), s->remaining_ratio, t->width / 5);
    str_add(t->out, "  ");
    if (s->remaining_ratio < 0)
        term_paint(t, budget_color(s), "%s overspent", fmt_percent(a, -s->remaining_ratio, 1));
    else
        term_paint(t, budget_color(s), "%s left", budget_left(a, s));
    str_add(t->out, ", ");
    fmt_spent(t->out, s, "");
    str_addc(t->out, '\n');
    str_init(&line, 4096);
    fmt_outlook(&line, s);
    put_label(t, "");
    term_paint(t, TERM_DIM, "%s\n", line.buf);
    str_clear(&line);
    fmt_outlook_range(&line, s);
    if (line.len) {
        put_label(t, "");
        term_paint(t, TERM_DIM, "%s\n", line.buf);
    }
    str_release(&line);
}

static void put_targets(struct term *t, const struct report_slo *s)
{
    struct str line;
    if (!fmt_has_targets(s))
        return;
    str_init(&line, 4096);
    fmt_targets(&line, s);
    put_label(t, "Targets");
    str_addf(t->out, "%s\n", line.buf);
    str_release(&line);
}

static void put_trend(struct term *t, const struct report_slo *s)
{
    struct str line;
    if (!s->previous)
        return;
    str_init(&line, 4096);
    fmt_trend(&line, s);
    put_label(t, "Trend");
    str_addf(t->out, "%s\n", line.buf);
    str_release(&line);
}

static void put_exclusion(struct term *t, const struct report_exclusion *e)
{
    char a[FMT_MAX], b[FMT_MAX];
    struct str why;
    str_addf(t->out, "%s  ", fmt_stamp(a, e->from_us));
    term_cell(t, TERM_PLAIN, 12, exclusion_mode_name(e->exclusion->mode));
    term_cell(t, TERM_PLAIN, 8, fmt_span(b, e->to_us - e->from_us));
    str_init(&why, 8192);
    fmt_exclusion(&why, e->exclusion);
    fmt_clean(t->out, why.buf, (size_t)(t->width - LABEL_COLUMNS - 21 - 20));
    str_addc(t->out, '\n');
    str_release(&why);
}

static void put_excluded(struct term *t, const struct report_slo *s)
{
    struct str line;
    if (!s->unexcluded)
        return;
    for (size_t i = 0; i < s->exclusion_count && i < EXCLUSIONS_SHOWN; i++) {
        put_label(t, i ? "" : "Excluded");
        put_exclusion(t, &s->exclusions[s->exclusion_count - 1 - i]);
    }
    str_init(&line, 4096);
    fmt_exclusions_left(&line, s, EXCLUSIONS_SHOWN);
    if (line.len) {
        put_label(t, "");
        term_paint(t, TERM_DIM, "%s\n", line.buf);
    }
    str_clear(&line);
    fmt_unexcluded(&line, s);
    put_label(t, "");
    term_wrap(t, TERM_DIM, LABEL_COLUMNS, line.buf);
    str_release(&line);
}

static void put_history(struct term *t, const struct report_slo *s)
{
    struct curve c;
    char text[UNITS_MAX], peak[FMT_MAX];
    int columns = t->width - LABEL_COLUMNS - 1;

    curve_build(&c, s, (size_t)(columns < CURVE_MAX ? columns : CURVE_MAX));
    if (!c.n)
        return;
    put_label(t, "History");
    term_strip(t, &c);
    str_addc(t->out, '\n');
    double highest;
    if (!term_burn_peak(&c, &highest))
        return;
    put_label(t, "Burn");
    term_spark(t, &c, highest);
    str_addc(t->out, '\n');
    put_label(t, "");
    term_paint(t, TERM_DIM, "one column is %s; burn peaks at %s\n", units_duration(text, c.step_us),
               fmt_burn(peak, highest));
}

static void put_coverage(struct term *t, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX];
    double coverage;
    struct str why;

    put_label(t, "Coverage");
    if (!fmt_coverage(s, &coverage)) {
        term_paint(t, TERM_DIM, "nothing was expected\n");
        return;
    }
    term_paint(t, coverage < 0.9 ? TERM_YELLOW : TERM_PLAIN, "%s", fmt_floor(a, coverage, 2));
    str_addf(t->out, ", %s of %s %s", fmt_count(a, s->observed), fmt_count(b, s->expected),
             fmt_counts_runs(s) ? "observed" : fmt_observed(s));
    str_init(&why, 4096);
    fmt_missing(&why, s);
    if (why.len)
        str_addf(t->out, "; %s", why.buf);
    str_release(&why);
    str_addc(t->out, '\n');
}

static void put_burn(struct term *t, const struct report_slo *s)
{
    char a[FMT_MAX], u[UNITS_MAX];
    if (!s->burn_count)
        return;
    put_label(t, "Burn rate");
    for (size_t i = 0; i < s->burn_count; i++) {
        const struct report_burn *b = &s->burn[i];
        term_paint(t, TERM_DIM, "%s ", units_duration(u, b->window_us));
        term_paint(t, b->has_rate ? burn_color(b->rate) : TERM_DIM, "%s",
                   b->has_rate ? fmt_burn(a, b->rate) : FMT_NONE);
        str_add(t->out, i + 1 < s->burn_count ? "  " : "\n");
    }
}

/* What each member spends, and of which share of the spending it is. */
static void put_members(struct term *t, const struct report_slo *s)
{
    char consumed[FMT_MAX], share[FMT_MAX], weight[UNITS_MAX];
    for (size_t i = 0; i < s->member_count; i++) {
        const struct report_member *m = &s->members[i];
        put_label(t, i ? "" : "Members");
        term_paint(t, term_state_color(m->state), "%s ", term_state_mark(m->state));
        term_title(t, t->width < 94 ? 23 : 28, m->def->name, m->def->objective_name);
        str_addf(t->out, " x%-5s", decimal_text(weight, m->weight));
        term_right(t, TERM_PLAIN, 9,
                   m->has_budget ? fmt_percent(consumed, m->consumed_ratio, 1) : FMT_NONE);
        term_paint(t, TERM_DIM, " of its own, ");
        term_right(t, TERM_PLAIN, 6, m->has_share ? fmt_percent(share, m->share, 1) : FMT_NONE);
        term_paint(t, TERM_DIM, t->width < 94 ? " of all\n" : " of the spending\n");
    }
}

#define TIER_WINDOWS_MAX (2 * UNITS_MAX + 2)

static const char *tier_windows(char buf[static TIER_WINDOWS_MAX], const struct tier_def *d)
{
    char lng[UNITS_MAX], shrt[UNITS_MAX];
    snprintf(buf, TIER_WINDOWS_MAX, "%s/%s", units_duration(lng, d->long_us),
             units_duration(shrt, d->short_us));
    return buf;
}

static void put_tiers(struct term *t, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX], f[FMT_MAX], windows[TIER_WINDOWS_MAX];
    int wide = 8, digits = 5;
    for (size_t i = 0; i < s->tier_count; i++) {
        const struct tier_def *d = &s->tiers[i].def;
        int w = (int)strlen(tier_windows(windows, d)), n = (int)strlen(fmt_factor(f, d->factor));
        wide = w > wide ? w : wide;
        digits = n > digits ? n : digits;
    }
    for (size_t i = 0; i < s->tier_count; i++) {
        const struct report_tier *tier = &s->tiers[i];
        put_label(t, i ? "" : "Alerts");
        term_cell(t, TERM_PLAIN, 8, severity_name(tier->def.severity));
        term_cell(t, TERM_PLAIN, wide, tier_windows(windows, &tier->def));
        str_add(t->out, " fires at ");
        term_right(t, TERM_PLAIN, digits, fmt_factor(f, tier->def.factor));
        str_add(t->out, ", now ");
        term_right(t, TERM_PLAIN, 6, fmt_burn(a, tier->long_burn));
        str_addf(t->out, " / %s", fmt_burn(b, tier->short_burn));
        term_paint(t, tier->firing ? TERM_RED : TERM_DIM, "  %s\n",
                   tier->firing ? "FIRING" : "quiet");
    }
}

static void put_latency(struct term *t, const struct report_latency *l)
{
    const struct {
        const char *name;
        int64_t us;
        bool lower;
    } q[] = {{"p50", l->p50_us, l->p50_lower},
             {"p90", l->p90_us, l->p90_lower},
             {"p95", l->p95_us, l->p95_lower},
             {"p99", l->p99_us, l->p99_lower},
             {"max", l->max_us, false}};
    char text[FMT_MAX];
    if (l->count <= 0)
        return;
    put_label(t, "Latency");
    for (size_t i = 0; i < 5; i++) {
        term_paint(t, TERM_DIM, "%s%s ", i ? "  " : "", q[i].name);
        str_add(t->out, fmt_latency(text, q[i].us, q[i].lower));
    }
    if (l->censored && t->width >= 100)
        term_paint(t, TERM_DIM, "  %s failed", fmt_count(text, l->censored));
    str_addc(t->out, '\n');
}

static void put_reasons(struct term *t, const struct report_slo *s)
{
    char n[FMT_MAX];
    for (size_t i = 0; i < s->reason_count && i < REASONS_SHOWN; i++) {
        const struct report_reason *r = &s->reasons[i];
        put_label(t, i ? "" : "Reasons");
        term_cell(t, TERM_PLAIN, 14, reason_name(r->reason));
        term_right(t, TERM_PLAIN, 9, fmt_counted(n, s, r->count));
        str_add(t->out, "  ");
        term_bar_plain(t, TERM_RED, (double)r->count / (double)s->reasons[0].count, 16);
        str_addc(t->out, '\n');
    }
}

static void put_incidents(struct term *t, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX];
    for (size_t i = 0; i < s->incident_count && i < INCIDENTS_SHOWN; i++) {
        const struct report_incident *n = &s->incidents[s->incident_count - 1 - i];
        put_label(t, i ? "" : "Incidents");
        str_addf(t->out, "%s  ", fmt_stamp(a, n->from_us));
        term_cell(t, n->severity == SEVERITY_PAGE ? TERM_RED : TERM_YELLOW, 8,
                  severity_name(n->severity));
        str_addf(t->out, "%s, %s lost\n",
                 n->to_us ? fmt_span(b, n->to_us - n->from_us) : "going on",
                 fmt_counted(c, s, n->bad));
    }
}

static void put_annotations(struct term *t, const struct report_slo *s)
{
    char a[FMT_MAX];
    for (size_t i = 0; i < s->annotation_count && i < ANNOTATIONS_SHOWN; i++) {
        const struct report_annotation *n = &s->annotations[s->annotation_count - 1 - i];
        put_label(t, i ? "" : "Changes");
        str_addf(t->out, "%s  ", fmt_stamp(a, n->at_us));
        term_cell(t, TERM_PLAIN, 8, n->kind);
        int room = t->width - LABEL_COLUMNS - 21 - 8;
        fmt_clean(t->out, n->text, (size_t)room);
        if (*n->probe && (int)(strlen(n->text) + strlen(n->probe)) + 3 <= room)
            term_paint(t, TERM_DIM, " (%s)", n->probe);
        str_addc(t->out, '\n');
    }
}

static void put_failures(struct term *t, const struct report_slo *s)
{
    char a[FMT_MAX];
    for (size_t i = 0; i < s->failure_count && i < FAILURES_SHOWN; i++) {
        const struct report_failure *f = &s->failures[i];
        put_label(t, i ? "" : "Failures");
        term_paint(t, TERM_DIM, "%s  ", fmt_stamp(a, f->at_us));
        term_cell(t, TERM_PLAIN, 14, reason_name(f->reason));
        if (f->code)
            snprintf(a, sizeof a, "%d", f->code);
        term_cell(t, TERM_PLAIN, 4, f->code ? a : "");
        fmt_clean(t->out, fmt_failure(f), (size_t)(t->width - LABEL_COLUMNS - 21 - 18));
        str_addc(t->out, '\n');
    }
}

static void put_slo(struct term *t, const struct report *r, const struct report_slo *s)
{
    put_heading(t, s);
    put_sli(t, s);
    put_budget(t, s);
    put_members(t, s);
    put_targets(t, s);
    policy_put_term(t, s, LABEL_COLUMNS);
    put_trend(t, s);
    put_excluded(t, s);
    put_history(t, s);
    put_coverage(t, s);
    put_burn(t, s);
    put_tiers(t, s);
    if (s->answers)
        answers_put_term(t, r, s, LABEL_COLUMNS);
    else
        put_latency(t, &s->latency);
    put_reasons(t, s);
    put_incidents(t, s);
    put_annotations(t, s);
    put_failures(t, s);
    str_addc(t->out, '\n');
}

static int write_text(const struct report *r, const struct report_style *style, struct str *out)
{
    struct term t = {.out = out, .color = style->color, .width = style->width};
    t.width = t.width < WIDTH_MIN ? WIDTH_MIN : t.width > WIDTH_MAX ? WIDTH_MAX : t.width;
    put_verdict(&t, r);
    if (style->group_by)
        groups_put_text(&t, r, style->group_by);
    if (r->slo_count > 1)
        put_summary(&t, r);
    for (size_t i = 0; i < r->slo_count; i++)
        put_slo(&t, r, &r->slos[i]);
    incidents_put_text(&t, r);
    return out->overflow ? -1 : 0;
}

const struct report_format report_text = {
    .name = "text",
    .help = "for terminals, with bars and sparklines",
    .write = write_text,
};
