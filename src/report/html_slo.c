#include "report/answers.h"
#include "report/charts.h"
#include "report/curve.h"
#include "report/fmt.h"
#include "report/html.h"
#include "report/policy.h"
#include "report/svg.h"

#include "base/mem.h"
#include "base/units.h"

#include <stdio.h>

#define FAILURES_SHOWN 12
#define INCIDENTS_SHOWN 20
#define ANNOTATIONS_SHOWN 20
#define EXCLUSIONS_SHOWN 20
#define NUMBERS_ROWS 32

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static void put_head(struct str *out, const struct report_slo *s, size_t index)
{
    char a[FMT_MAX], t[UNITS_MAX];
    struct str line;

    str_addf(out,
             "<section class=\"slo\" id=\"slo-%zu\" aria-labelledby=\"name-%zu\">\n"
             "<div class=\"head\"><div><h2 id=\"name-%zu\">",
             index, index, index);
    html_title(out, s);
    str_add(out, "</h2>\n<p class=\"meta\">");
    str_init(&line, 8192);
    if (s->def->service && s->def->service[0])
        str_addf(&line, "%s \xc2\xb7 ", s->def->service);
    fmt_subject(&line, s);
    str_addf(&line, " \xc2\xb7 %s", decimal_percent(t, s->def->target));
    str_addf(&line, " over %s", fmt_window(a, s));
    str_add(&line, " \xc2\xb7 ");
    fmt_period(&line, s);
    html_text(out, line.buf);
    str_add(out, "</p></div>");
    html_state(out, s->state);
    str_add(out, "</div>\n<p class=\"verdict\">");
    if (s->def->description) {
        html_text(out, s->def->description);
        str_add(out, s->def->description[0] ? "<br>" : "");
    }
    fmt_outlook(out, s);
    if (s->exhausts_at_us && s->exhausts_earliest_us)
        str_add(out, "; ");
    fmt_outlook_range(out, s);
    str_add(out, ".");
    if (s->previous) {
        str_add(out, "<br>");
        fmt_trend(out, s);
        str_addc(out, '.');
    }
    if (s->unexcluded) {
        str_add(out, "<br>");
        fmt_unexcluded(out, s);
        str_addc(out, '.');
    }
    if (s->state == SLO_WARMING)
        str_add(out, " Data begins after the window does, so this is not yet the whole picture.");
    policy_put_html(out, s);
    str_add(out, "</p>\n");
    str_release(&line);
}

/* ---- the five figures -------------------------------------------------- */

static void fact_open(struct str *out, const char *name, const char *css, const char *value)
{
    str_addf(out, "<div><dt>%s</dt><dd class=\"big%s\">%s</dd><dd class=\"sub\">", name, css,
             value);
}

static void fact_close(struct str *out)
{
    str_add(out, "</dd></div>\n");
}

static void fact_sli(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX], t[UNITS_MAX];
    bool miss = s->state == SLO_BREACHED;
    fact_open(out, fmt_sli_name(s), miss ? " over-limit" : "", fmt_sli(a, s));
    str_addf(out, "target %s", decimal_percent(t, s->def->target));
    if (s->def->method != METHOD_OCCURRENCES) {
        str_add(out, "<br>");
        fmt_judged(out, s);
    }
    if (s->has_confidence) {
        int digits = fmt_sli_digits(s);
        str_addf(out, "<br>95%% interval %s to %s", fmt_percent(a, s->confidence_low, digits),
                 fmt_percent(b, s->confidence_high, digits));
    }
    fact_close(out);
}

static void fact_budget(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX];
    bool spent = s->has_budget && s->remaining <= 0;
    fact_open(out, "Budget left", spent ? " over-limit" : "",
              s->has_budget ? fmt_percent(a, s->remaining_ratio, 1) : FMT_NONE);
    chart_meter(out, s);
    if (s->has_budget) {
        str_add(out, "<br>");
        fmt_spent(out, s, "bad ");
    }
    if (fmt_has_targets(s)) {
        str_add(out, "<br>target ");
        fmt_targets(out, s);
    }
    fact_close(out);
}

static void fact_burn(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX];
    const struct report_burn *b = fmt_find_burn(s, 6 * USEC_PER_HOUR);
    const struct report_burn *hour = fmt_find_burn(s, USEC_PER_HOUR);
    size_t firing = 0;
    for (size_t i = 0; i < s->tier_count; i++)
        firing += s->tiers[i].firing;
    fact_open(out, "Burn rate, 6h", "", b ? fmt_burn(a, b->rate) : FMT_NONE);
    str_addf(out, "last hour %s<br>", hour ? fmt_burn(a, hour->rate) : FMT_NONE);
    if (firing)
        str_addf(out, "<span class=\"hot\">%zu alert%s firing</span>", firing,
                 plural((int64_t)firing));
    else
        str_add(out, s->tier_count ? "no alert is firing" : "no alerts are set");
    fact_close(out);
}

static void fact_latency(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX];
    const struct report_latency *l = &s->latency;
    fact_open(out, s->answers ? "p99 whole answer" : "p99 latency", "",
              fmt_latency(a, l->p99_us, l->p99_lower));
    str_addf(out, "p50 %s<br>p95 %s", fmt_latency(a, l->p50_us, l->p50_lower),
             fmt_latency(b, l->p95_us, l->p95_lower));
    fact_close(out);
}

/* In the place of the latency, which a metric SLI has not. */
static void fact_events(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX];
    fact_open(out, "Events", "", fmt_counted(a, s, counts_total(s->counts)));
    str_addf(out, "%s good<br>%s bad", fmt_counted(a, s, s->counts.good),
             fmt_counted(b, s, s->counts.bad));
    if (s->counts.excluded)
        str_addf(out, "<br>%s", fmt_excluded(a, s, s->counts.excluded));
    fact_close(out);
}

static void fact_coverage(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX];
    double coverage;
    bool has = fmt_coverage(s, &coverage);
    fact_open(out, "Coverage", "", has ? fmt_floor(a, coverage, 2) : FMT_NONE);
    if (has)
        str_addf(out, "%s of %s %s", fmt_count(a, s->observed), fmt_count(b, s->expected),
                 fmt_observed(s));
    if (s->observed < s->expected) {
        str_add(out, "<br>");
        fmt_missing(out, s);
    }
    fact_close(out);
}

/* ---- tables ------------------------------------------------------------ */

static void table_open(struct str *out, const char *css, const char *title, const char *head)
{
    str_addf(out,
             "<div%s><h3>%s</h3><div class=\"scroll\"><table><thead><tr>%s</tr></thead>"
             "<tbody>",
             css, title, head);
}

static void table_close(struct str *out)
{
    str_add(out, "</tbody></table></div></div>\n");
}

static void put_tiers(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], u[UNITS_MAX], v[UNITS_MAX];
    if (!s->tier_count)
        return;
    table_open(out, "", "Burn-rate alerts",
               "<th>Alert</th><th>Windows</th><th class=\"n\">Fires at</th>"
               "<th class=\"n\">Long</th><th class=\"n\">Short</th><th>Now</th>");
    for (size_t i = 0; i < s->tier_count; i++) {
        const struct report_tier *t = &s->tiers[i];
        str_addf(out, "<tr><td>%s</td><td class=\"w\">%s and %s</td>",
                 severity_name(t->def.severity), units_duration(u, t->def.long_us),
                 units_duration(v, t->def.short_us));
        str_addf(out, "<td class=\"n\">%s</td>", fmt_factor(a, t->def.factor));
        str_addf(out, "<td class=\"n\">%s</td>", fmt_burn(a, t->long_burn));
        str_addf(out, "<td class=\"n\">%s</td>", fmt_burn(a, t->short_burn));
        str_add(out, t->firing ? "<td class=\"hot\">firing</td></tr>"
                               : "<td class=\"dim\">quiet</td></tr>");
    }
    table_close(out);
}

static void put_members(struct str *out, const struct report_slo *s)
{
    char sli[FMT_MAX], a[FMT_MAX], b[FMT_MAX], weight[UNITS_MAX];
    struct str name;
    if (s->member_count == 0)
        return;
    str_init(&name, 4096);
    table_open(out, "", "Members",
               "<th>Member</th><th class=\"n\">Weight</th><th>State</th><th class=\"n\">SLI</th>"
               "<th class=\"n\">Spent of its own</th><th class=\"n\">Of the spending</th>");
    for (size_t i = 0; i < s->member_count; i++) {
        const struct report_member *m = &s->members[i];
        str_clear(&name);
        fmt_member(&name, m);
        str_add(out, "<tr><td>");
        html_text(out, name.buf);
        str_addf(out, "</td><td class=\"n\">%s</td><td>", decimal_text(weight, m->weight));
        html_state(out, m->state);
        str_addf(out, "</td><td class=\"n\">%s</td>",
                 m->has_sli ? fmt_floor(sli, m->sli, fmt_sli_digits(s)) : FMT_NONE);
        str_addf(out, "<td class=\"n\">%s</td><td class=\"n\">%s</td></tr>",
                 m->has_budget ? fmt_percent(a, m->consumed_ratio, 1) : FMT_NONE,
                 m->has_share ? fmt_percent(b, m->share, 1) : FMT_NONE);
    }
    str_release(&name);
    table_close(out);
}

static void put_burn(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], u[UNITS_MAX];
    if (!s->burn_count)
        return;
    str_add(out, "<div><h3>Burn rate by window</h3><div class=\"scroll\"><table><thead><tr>");
    for (size_t i = 0; i < s->burn_count; i++)
        str_addf(out, "<th class=\"n\">%s</th>", units_duration(u, s->burn[i].window_us));
    str_add(out, "</tr></thead><tbody><tr>");
    for (size_t i = 0; i < s->burn_count; i++)
        str_addf(out, "<td class=\"n\">%s</td>",
                 s->burn[i].has_rate ? fmt_burn(a, s->burn[i].rate) : FMT_NONE);
    str_add(out, "</tr>");
    table_close(out);
}

static void put_latency(struct str *out, const struct report_latency *l)
{
    char a[FMT_MAX];
    if (l->count <= 0)
        return;
    const struct {
        int64_t us;
        bool lower;
    } q[] = {{l->p50_us, l->p50_lower},
             {l->p90_us, l->p90_lower},
             {l->p95_us, l->p95_lower},
             {l->p99_us, l->p99_lower},
             {l->max_us, false}};
    table_open(out, "", "Latency",
               "<th class=\"n\">p50</th><th class=\"n\">p90</th><th class=\"n\">p95</th>"
               "<th class=\"n\">p99</th><th class=\"n\">max</th><th class=\"n\">Runs</th>"
               "<th class=\"n\">Failed</th>");
    str_add(out, "<tr>");
    for (size_t i = 0; i < countof(q); i++)
        str_addf(out, "<td class=\"n\">%s</td>", fmt_latency(a, q[i].us, q[i].lower));
    str_addf(out, "<td class=\"n\">%s</td>", fmt_count(a, l->count));
    str_addf(out, "<td class=\"n\">%s</td></tr>", fmt_count(a, l->censored));
    table_close(out);
}

static void put_reasons(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX];
    if (!s->reason_count)
        return;
    table_open(out, "", "Where the budget went",
               "<th>Reason</th><th class=\"n\">Events</th><th></th>");
    for (size_t i = 0; i < s->reason_count; i++) {
        const struct report_reason *r = &s->reasons[i];
        str_addf(out, "<tr><td><code>%s</code> <span class=\"dim\">", reason_name(r->reason));
        html_text(out, fmt_reason(s, r->reason));
        str_addf(out,
                 "</span></td><td class=\"n\">%s</td><td class=\"bar\"><span class=\"share\" "
                 "style=\"width:",
                 fmt_counted(a, s, r->count));
        svg_number(out, 100.0 * (double)r->count / (double)s->reasons[0].count);
        str_add(out, "%\"></span></td></tr>");
    }
    table_close(out);
}

static void put_incidents(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX];
    if (!s->incident_count)
        return;
    table_open(out, "", "Incidents",
               "<th>Began</th><th>Lasted</th><th>Severity</th><th class=\"n\">Lost</th>");
    for (size_t i = 0; i < s->incident_count && i < INCIDENTS_SHOWN; i++) {
        const struct report_incident *n = &s->incidents[s->incident_count - 1 - i];
        str_addf(out,
                 "<tr><td class=\"w\">%s</td><td class=\"w\">%s</td><td>%s</td>"
                 "<td class=\"n\">%s</td></tr>",
                 fmt_instant(a, n->from_us),
                 n->to_us ? fmt_span(b, n->to_us - n->from_us) : "going on",
                 severity_name(n->severity), fmt_counted(c, s, n->bad));
    }
    table_close(out);
}

static void put_excluded(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX];
    struct str text;
    if (!s->exclusion_count)
        return;
    str_init(&text, 8192);
    table_open(out, " class=\"wide\"", "Exclusions",
               "<th>From, UTC</th><th>For</th><th>Mode</th><th>Why</th>");
    for (size_t i = 0; i < s->exclusion_count && i < EXCLUSIONS_SHOWN; i++) {
        const struct report_exclusion *e = &s->exclusions[s->exclusion_count - 1 - i];
        str_addf(out, "<tr><td class=\"w\">%s</td><td class=\"w\">%s</td><td><code>%s</code></td>",
                 fmt_stamp(a, e->from_us), fmt_span(b, e->to_us - e->from_us),
                 exclusion_mode_name(e->exclusion->mode));
        str_clear(&text);
        fmt_exclusion(&text, e->exclusion);
        str_add(out, "<td class=\"msg\">");
        html_text(out, text.buf);
        str_add(out, "</td></tr>");
    }
    str_clear(&text);
    fmt_exclusions_left(&text, s, EXCLUSIONS_SHOWN);
    if (text.len)
        str_addf(out, "<tr><td class=\"dim\" colspan=\"4\">%s</td></tr>", text.buf);
    table_close(out);
    str_release(&text);
}

static void put_annotations(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX];
    if (!s->annotation_count)
        return;
    table_open(out, " class=\"wide\"", "Changes",
               "<th>Time, UTC</th><th>Kind</th><th>What</th><th>Seen by</th>");
    for (size_t i = 0; i < s->annotation_count && i < ANNOTATIONS_SHOWN; i++) {
        const struct report_annotation *n = &s->annotations[s->annotation_count - 1 - i];
        str_addf(out, "<tr><td class=\"w\">%s</td><td>", fmt_stamp(a, n->at_us));
        html_text(out, n->kind);
        str_add(out, "</td><td class=\"msg\">");
        html_text(out, n->text);
        str_add(out, "</td><td class=\"w\">");
        html_text(out, n->probe);
        str_add(out, "</td></tr>");
    }
    table_close(out);
}

static void put_failures(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX];
    if (!s->failure_count)
        return;
    table_open(out, " class=\"wide\"", "Recent failures",
               "<th>Time, UTC</th><th>Reason</th><th class=\"n\">Code</th><th>Message</th>");
    for (size_t i = 0; i < s->failure_count && i < FAILURES_SHOWN; i++) {
        const struct report_failure *f = &s->failures[i];
        str_addf(out, "<tr><td class=\"w\">%s</td><td><code>%s</code></td><td class=\"n\">",
                 fmt_stamp(a, f->at_us), reason_name(f->reason));
        if (f->code)
            str_addf(out, "%d", f->code);
        str_add(out, "</td><td class=\"msg\">");
        html_text(out, fmt_failure(f));
        str_add(out, "</td></tr>");
    }
    table_close(out);
}

static void put_numbers_head(struct str *out, bool results)
{
    str_addf(out,
             "<details><summary>The numbers behind the charts</summary><div class=\"scroll\">"
             "<table><thead><tr><th>From, UTC</th><th class=\"n\">Good</th>"
             "<th class=\"n\">Bad</th><th class=\"n\">Excluded</th>%s"
             "<th class=\"n\">Expected</th>"
             "<th class=\"n\">Budget left</th><th class=\"n\">Highest burn</th>%s"
             "</tr></thead><tbody>\n",
             results ? "" : "<th class=\"n\">Scrapes</th>",
             results ? "<th class=\"n\">Highest p50</th><th class=\"n\">p95</th>"
                       "<th class=\"n\">p99</th>"
                     : "");
}

static void put_cells(struct str *out, const int64_t *at, size_t n,
                      char *(*text)(char buf[static FMT_MAX], int64_t v))
{
    char a[FMT_MAX];
    for (size_t i = 0; i < n; i++)
        str_addf(out, "<td class=\"n\">%s</td>", text(a, at[i]));
}

static char *exact_latency(char buf[static FMT_MAX], int64_t us)
{
    return fmt_latency(buf, us, false);
}

/* What the charts show, for those who cannot or do not want to see them. */
static void put_numbers(struct str *out, const struct report_slo *s)
{
    struct curve c;
    char a[FMT_MAX];
    bool results = fmt_counts_runs(s);
    curve_build(&c, s, NUMBERS_ROWS);
    if (!c.n)
        return;
    put_numbers_head(out, results);
    for (size_t i = 0; i < c.n; i++) {
        const struct bucket *b = &c.at[i];
        const int64_t events[] = {b->counts.good, b->counts.bad};
        const int64_t slots[] = {b->observed, b->expected};
        const int64_t latency[] = {b->p50_us, b->p95_us, b->p99_us};
        str_addf(out, "<tr><td class=\"w\">%s</td>", fmt_stamp(a, b->from_us));
        for (size_t k = 0; k < countof(events); k++)
            str_addf(out, "<td class=\"n\">%s</td>", fmt_counted(a, s, events[k]));
        put_cells(out, &b->counts.excluded, 1, fmt_count);
        put_cells(out, results ? slots + 1 : slots, results ? 1 : 2, fmt_count);
        str_addf(out, "<td class=\"n\">%s</td>",
                 b->has_budget ? fmt_percent(a, b->budget, 1) : FMT_NONE);
        str_addf(out, "<td class=\"n\">%s</td>", b->has_burn ? fmt_burn(a, b->burn) : FMT_NONE);
        put_cells(out, latency, results ? countof(latency) : 0, exact_latency);
        str_add(out, "</tr>\n");
    }
    str_add(out, "</tbody></table></div></details>\n");
}

void html_slo(struct str *out, const struct report *r, size_t index)
{
    const struct report_slo *s = &r->slos[index];
    put_head(out, s, index);
    str_add(out, "<dl class=\"facts\">\n");
    fact_sli(out, s);
    fact_budget(out, s);
    fact_burn(out, s);
    if (fmt_counts_runs(s))
        fact_latency(out, s);
    else
        fact_events(out, s);
    fact_coverage(out, s);
    str_add(out, "</dl>\n");
    if (s->answers)
        answers_put_facts(out, r, s);
    charts_write(out, r, index);
    str_add(out, "<div class=\"detail\">\n");
    put_members(out, s);
    put_burn(out, s);
    if (s->answers)
        answers_put_tables(out, r, s);
    else
        put_latency(out, &s->latency);
    put_tiers(out, s);
    put_reasons(out, s);
    put_incidents(out, s);
    put_excluded(out, s);
    put_annotations(out, s);
    put_failures(out, s);
    str_add(out, "</div>\n");
    put_numbers(out, s);
    str_add(out, "</section>\n");
}
