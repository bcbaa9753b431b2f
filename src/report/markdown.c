/* GitHub's Markdown: a summary table, then one section per objective. */
#include "report/answers.h"
#include "report/fmt.h"
#include "report/formats.h"
#include "report/groups.h"
#include "report/incidents.h"
#include "report/policy.h"

#include "base/units.h"

#define FAILURES_SHOWN 5
#define REASONS_SHOWN 8
#define INCIDENTS_SHOWN 10
#define ANNOTATIONS_SHOWN 10
#define EXCLUSIONS_SHOWN 20

/* Text that Markdown must not interpret, on one line. */
static void put_text(struct str *out, const char *s)
{
    size_t len;
    for (size_t n = strlen(s); n > 0; s += len, n -= len) {
        uint32_t cp = fmt_code_point(s, n, &len);
        if (cp == '<')
            str_add(out, "&lt;");
        else if (cp == '&')
            str_add(out, "&amp;");
        else if (cp == '@')
            str_add(out, "&#64;"); /* a mention would notify somebody */
        else if (cp < 0x80 && strchr("\\`*_[]>|#~!", (int)cp))
            str_addf(out, "\\%c", (char)cp);
        else
            fmt_add_code_point(out, cp);
    }
}

static void put_title(struct str *out, const struct report_slo *s)
{
    struct str title;
    str_init(&title, 4096);
    fmt_title(&title, s);
    put_text(out, title.buf);
    str_release(&title);
}

static const char *state_mark(enum slo_state s)
{
    switch (s) {
    case SLO_MET:
        return "\xf0\x9f\x9f\xa2";
    case SLO_BREACHED:
        return "\xf0\x9f\x94\xb4";
    case SLO_AT_RISK:
        return "\xf0\x9f\x9f\xa1";
    case SLO_WARMING:
        return "\xf0\x9f\x94\xb5";
    case SLO_NO_DATA:
        return "\xe2\x9a\xaa";
    }
    return "";
}

static const char *budget_left(char buf[static FMT_MAX], const struct report_slo *s)
{
    return s->has_budget ? fmt_percent(buf, s->remaining_ratio, 1) : FMT_NONE;
}

static void put_summary(struct str *out, const struct report *r)
{
    char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX], t[UNITS_MAX];
    str_add(out, "| Objective | State | SLI | Target | Budget left | Burn 1h | Coverage |\n"
                 "|---|---|--:|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < r->slo_count; i++) {
        const struct report_slo *s = &r->slos[i];
        const struct report_burn *burn = fmt_find_burn(s, USEC_PER_HOUR);
        double coverage;
        str_add(out, "| ");
        put_title(out, s);
        str_addf(out, " | %s %s | %s | %s | %s", state_mark(s->state), fmt_state(s->state),
                 fmt_sli(a, s), decimal_percent(t, s->def->target), budget_left(b, s));
        str_addf(out, " | %s", burn ? fmt_burn(a, burn->rate) : FMT_NONE);
        str_addf(out, " | %s |\n",
                 fmt_coverage(s, &coverage) ? fmt_floor(c, coverage, 1) : FMT_NONE);
    }
    str_addc(out, '\n');
}

static void put_source(struct str *out, const struct report_slo *s)
{
    struct str subject;
    if (s->source == SOURCE_RESULTS)
        return;
    str_init(&subject, 8192);
    fmt_subject(&subject, s);
    str_add(out, "- **Source** ");
    put_text(out, subject.buf);
    str_addc(out, '\n');
    str_release(&subject);
}

static void put_facts(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX], t[UNITS_MAX];
    double coverage;
    int digits = fmt_sli_digits(s);

    str_addf(out, "- **SLI** %s, target %s; ", fmt_sli(a, s), decimal_percent(t, s->def->target));
    fmt_judged(out, s);
    if (s->counts.excluded)
        str_addf(out, ", %s", fmt_excluded(a, s, s->counts.excluded));
    if (s->has_confidence)
        str_addf(out, "; 95%% interval %s to %s", fmt_percent(a, s->confidence_low, digits + 1),
                 fmt_percent(b, s->confidence_high, digits + 1));
    str_addc(out, '\n');
    if (s->has_budget) {
        str_addf(out, "- **Budget** %s left: ", budget_left(a, s));
        fmt_spent(out, s, "");
        str_add(out, ". ");
        fmt_outlook(out, s);
        if (s->exhausts_at_us && s->exhausts_earliest_us)
            str_add(out, "; ");
        fmt_outlook_range(out, s);
        str_add(out, ".\n");
    }
    if (fmt_has_targets(s)) {
        str_add(out, "- **Targets** ");
        fmt_targets(out, s);
        str_addc(out, '\n');
    }
    policy_put_markdown(out, s, put_text);
    if (s->previous) {
        str_add(out, "- **Trend** ");
        fmt_trend(out, s);
        str_addc(out, '\n');
    }
    if (s->unexcluded) {
        str_add(out, "- **Excluded** ");
        fmt_unexcluded(out, s);
        str_addc(out, '\n');
    }
    if (fmt_coverage(s, &coverage)) {
        str_addf(out, "- **Coverage** %s: ", fmt_floor(a, coverage, 2));
        str_addf(out, "%s of %s expected", fmt_count(a, s->observed), fmt_count(b, s->expected));
        if (!fmt_counts_runs(s))
            str_addf(out, " %s", fmt_observed(s));
        if (s->observed < s->expected) {
            str_add(out, "; missing: ");
            fmt_missing(out, s);
        }
        str_addc(out, '\n');
    }
}

static void put_members(struct str *out, const struct report_slo *s)
{
    char sli[FMT_MAX], a[FMT_MAX], b[FMT_MAX], weight[UNITS_MAX];
    struct str name;
    if (s->member_count == 0)
        return;
    str_init(&name, 4096);
    str_add(out, "\n| Member | Weight | State | SLI | Spent of its own | Of the spending |\n"
                 "|---|--:|---|--:|--:|--:|\n");
    for (size_t i = 0; i < s->member_count; i++) {
        const struct report_member *m = &s->members[i];
        str_clear(&name);
        fmt_member(&name, m);
        str_add(out, "| ");
        put_text(out, name.buf);
        str_addf(out, " | %s | %s | %s", decimal_text(weight, m->weight), fmt_state(m->state),
                 m->has_sli ? fmt_floor(sli, m->sli, fmt_sli_digits(s)) : FMT_NONE);
        str_addf(out, " | %s | %s |\n",
                 m->has_budget ? fmt_percent(a, m->consumed_ratio, 1) : FMT_NONE,
                 m->has_share ? fmt_percent(b, m->share, 1) : FMT_NONE);
    }
    str_release(&name);
}

static void put_latency(struct str *out, const struct report_latency *l)
{
    char p50[FMT_MAX], p90[FMT_MAX], p95[FMT_MAX], p99[FMT_MAX], max[FMT_MAX], n[FMT_MAX];
    if (l->count <= 0)
        return;
    str_addf(out, "- **Latency** p50 %s, p90 %s, p95 %s, p99 %s, max %s over %s runs",
             fmt_latency(p50, l->p50_us, l->p50_lower), fmt_latency(p90, l->p90_us, l->p90_lower),
             fmt_latency(p95, l->p95_us, l->p95_lower), fmt_latency(p99, l->p99_us, l->p99_lower),
             fmt_latency(max, l->max_us, false), fmt_count(n, l->count));
    if (l->censored)
        str_addf(out, ", %s of them failed", fmt_count(n, l->censored));
    str_addc(out, '\n');
}

static void put_burn(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], t[UNITS_MAX], u[UNITS_MAX];
    if (s->burn_count) {
        str_add(out, "\n|");
        for (size_t i = 0; i < s->burn_count; i++)
            str_addf(out, " %s |", units_duration(t, s->burn[i].window_us));
        str_add(out, " window |\n|");
        for (size_t i = 0; i < s->burn_count; i++)
            str_add(out, "--:|");
        str_add(out, "---|\n|");
        for (size_t i = 0; i < s->burn_count; i++)
            str_addf(out, " %s |", s->burn[i].has_rate ? fmt_burn(a, s->burn[i].rate) : FMT_NONE);
        str_add(out, " burn rate |\n");
    }
    if (!s->tier_count)
        return;
    str_add(out, "\n| Alert | Windows | Fires at | Long | Short | Now |\n"
                 "|---|---|--:|--:|--:|---|\n");
    for (size_t i = 0; i < s->tier_count; i++) {
        const struct report_tier *tier = &s->tiers[i];
        str_addf(out, "| %s | %s and %s", severity_name(tier->def.severity),
                 units_duration(t, tier->def.long_us), units_duration(u, tier->def.short_us));
        str_addf(out, " | %s", fmt_factor(a, tier->def.factor));
        str_addf(out, " | %s", fmt_burn(a, tier->long_burn));
        str_addf(out, " | %s | %s |\n", fmt_burn(a, tier->short_burn),
                 tier->firing ? "**firing**" : "quiet");
    }
}

static void put_excluded(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX];
    struct str text;
    if (!s->exclusion_count)
        return;
    str_init(&text, 8192);
    str_add(out, "\n| Excluded from (UTC) | For | Mode | Why |\n|---|---|---|---|\n");
    for (size_t i = 0; i < s->exclusion_count && i < EXCLUSIONS_SHOWN; i++) {
        const struct report_exclusion *e = &s->exclusions[s->exclusion_count - 1 - i];
        str_addf(out, "| %s | %s | `%s` | ", fmt_stamp(a, e->from_us),
                 fmt_span(b, e->to_us - e->from_us), exclusion_mode_name(e->exclusion->mode));
        str_clear(&text);
        fmt_exclusion(&text, e->exclusion);
        put_text(out, text.buf);
        str_add(out, " |\n");
    }
    str_clear(&text);
    fmt_exclusions_left(&text, s, EXCLUSIONS_SHOWN);
    if (text.len)
        str_addf(out, "\n%s.\n", text.buf);
    str_release(&text);
}

static void put_annotations(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX];
    if (!s->annotation_count)
        return;
    str_add(out, "\n| Time (UTC) | Change | |\n|---|---|---|\n");
    for (size_t i = 0; i < s->annotation_count && i < ANNOTATIONS_SHOWN; i++) {
        const struct report_annotation *n = &s->annotations[s->annotation_count - 1 - i];
        str_addf(out, "| %s | ", fmt_stamp(a, n->at_us));
        put_text(out, n->kind);
        str_add(out, " | ");
        put_text(out, n->text);
        str_add(out, " |\n");
    }
}

static void put_losses(struct str *out, const struct report_slo *s)
{
    char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX];
    if (s->reason_count) {
        str_add(out, "\n| Reason | Count |\n|---|--:|\n");
        for (size_t i = 0; i < s->reason_count && i < REASONS_SHOWN; i++) {
            str_addf(out, "| `%s`: ", reason_name(s->reasons[i].reason));
            put_text(out, fmt_reason(s, s->reasons[i].reason));
            str_addf(out, " | %s |\n", fmt_counted(a, s, s->reasons[i].count));
        }
    }
    if (s->incident_count) {
        str_add(out, "\n| Incident | Lasted | Severity | Lost |\n|---|---|---|--:|\n");
        for (size_t i = 0; i < s->incident_count && i < INCIDENTS_SHOWN; i++) {
            const struct report_incident *n = &s->incidents[s->incident_count - 1 - i];
            str_addf(out, "| %s | %s | %s | %s |\n", fmt_instant(a, n->from_us),
                     n->to_us ? fmt_span(b, n->to_us - n->from_us) : "still going on",
                     severity_name(n->severity), fmt_counted(c, s, n->bad));
        }
    }
    if (!s->failure_count)
        return;
    str_add(out, "\n<details><summary>Recent failures</summary>\n\n"
                 "| Time (UTC) | Reason | Code | Message |\n|---|---|--:|---|\n");
    for (size_t i = 0; i < s->failure_count && i < FAILURES_SHOWN; i++) {
        const struct report_failure *f = &s->failures[i];
        str_addf(out, "| %s | `%s` | ", fmt_stamp(a, f->at_us), reason_name(f->reason));
        if (f->code)
            str_addf(out, "%d", f->code);
        str_add(out, " | ");
        put_text(out, fmt_failure(f));
        str_add(out, " |\n");
    }
    str_add(out, "\n</details>\n");
}

static void put_slo(struct str *out, const struct report *r, const struct report_slo *s)
{
    char a[FMT_MAX], t[UNITS_MAX];
    str_add(out, "## ");
    put_title(out, s);
    str_addf(out, ": %s %s\n\n", state_mark(s->state), fmt_state(s->state));
    put_text(out, s->def->service ? s->def->service : "");
    str_addf(out, " \xc2\xb7 %s over ", decimal_percent(t, s->def->target));
    put_text(out, fmt_window(a, s));
    str_addf(out, " \xc2\xb7 %s \xc2\xb7 ", s->budgeting_method);
    fmt_period(out, s);
    str_add(out, "\n\n");
    if (s->def->description) {
        put_text(out, s->def->description);
        str_add(out, "\n\n");
    }
    put_source(out, s);
    put_facts(out, s);
    put_members(out, s);
    if (s->answers)
        answers_put_markdown(out, r, s, put_text);
    else
        put_latency(out, &s->latency);
    put_burn(out, s);
    put_excluded(out, s);
    put_annotations(out, s);
    put_losses(out, s);
}

static int write_markdown(const struct report *r, const struct report_style *style, struct str *out)
{
    char at[FMT_MAX];
    str_addf(out, "# Error budgets at %s\n\n", fmt_instant(at, r->at_us));
    if (style->group_by)
        groups_put_markdown(out, r, style->group_by, put_text);
    if (!r->slo_count)
        str_add(out, "No objectives are declared.\n");
    else
        put_summary(out, r);
    for (size_t i = 0; i < r->slo_count; i++) {
        put_slo(out, r, &r->slos[i]);
        if (i + 1 < r->slo_count)
            str_addc(out, '\n');
    }
    incidents_put_markdown(out, r, put_text);
    return out->overflow ? -1 : 0;
}

const struct report_format report_markdown = {
    .name = "markdown",
    .help = "for pull requests and wikis",
    .write = write_markdown,
};
