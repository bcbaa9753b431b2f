#include "cli/check_lint.h"

#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "nines/config.h"
#include "nines/diag.h"
#include "nines/probe.h"
#include "nines/slo.h"
#include "report/fmt.h"
#include "slo/lint.h"
#include "slo/tiers.h"

#include <inttypes.h>
#include <stdio.h>

#define BUDGET_MIN 3       /* a budget of fewer whole runs is gone with an accident */
#define NAME_MAX_SHOWN 512 /* of both, the objective's in UTF-8 */
#define PROVEN_MAX 32

static const char *unit_name(const struct slo_def *slo)
{
    return slo->method != METHOD_OCCURRENCES ? "slice" : slo->sli.metric ? "scrape" : "run";
}

static const char *full_name(char buf[static NAME_MAX_SHOWN], const struct slo_def *slo)
{
    bool many = slo->objective_name[0] != '\0';
    snprintf(buf, NAME_MAX_SHOWN, "%s%s%s", slo->name, many ? "/" : "", slo->objective_name);
    return buf;
}

/* ---- warnings --------------------------------------------------------------------- */

static bool warn_budget(const struct slo_def *slo, const struct lint_slo *all, struct diag *d)
{
    char target[UNITS_MAX], unit[UNITS_MAX];
    if (!all->counted || all->allowed >= BUDGET_MIN)
        return false;
    diag_warning(d, slo->pos,
                 "a window of %s holds %" PRId64 " %ss of %s, of which %s lets %" PRId64
                 " fail: a budget of less than %d %ss; a shorter interval, a longer window or a "
                 "lower objective",
                 slo->window.text, all->expected, unit_name(slo),
                 units_duration(unit, tier_unit_us(slo)), decimal_percent(target, slo->target),
                 all->allowed, BUDGET_MIN, unit_name(slo));
    return true;
}

/* Whether one failure is enough for somebody to be woken, but for min_failures. */
static void warn_page(const struct slo_def *slo, struct diag *d)
{
    char factor[UNITS_MAX], lng[UNITS_MAX], interval[UNITS_MAX], calm[UNITS_MAX], but[80] = "";
    for (size_t i = 0; i < slo->tier_count; i++) {
        const struct tier_def *t = &slo->tiers[i];
        struct lint_tier l;
        lint_tier(slo, t, &l);
        if (t->severity != SEVERITY_PAGE || l.by_ratio != 1)
            continue;
        if (slo->for_us > t->short_us)
            continue; /* by then it has left the short window */
        if (t->min_failures > 1)
            snprintf(but, sizeof(but), ", were it not for min_failures of %d", t->min_failures);
        diag_warning(d, slo->pos, "at %s one failed %s pages (%s over %s)%s%s%s%s",
                     units_duration(interval, tier_unit_us(slo)), unit_name(slo),
                     decimal_text(factor, t->factor), units_duration(lng, t->long_us), but,
                     l.calm_us ? "; at " : "", l.calm_us ? units_duration(calm, l.calm_us) : "",
                     l.calm_us ? " or less it takes three" : "");
        return;
    }
}

/* ---- load --------------------------------------------------------------------------- */

/* What one loop carries while its times are still those of the targets. */
#define LOOP_TLS_RATE 300.0
#define LOOP_PLAIN_RATE 4000.0

static bool by_tls(const struct probe_def *p)
{
    for (const struct field *f = p->kind->fields; f->name; f++) {
        if (f->type != FIELD_STRING || !str_eq(f->name, "url"))
            continue;
        const char *url = *(const char *const *)((const char *)p->spec + f->offset);
        return url && str_starts(url, "https:");
    }
    return false;
}

static void warn_load(const struct config *c, struct diag *d)
{
    double tls = 0, plain = 0, most = 0;
    const struct probe_def *first = NULL;
    for (size_t i = 0; i < c->probe_count; i++) {
        const struct probe_def *p = c->probes[i];
        double rate = (double)USEC_PER_SEC / (double)p->interval_us;
        *(by_tls(p) ? &tls : &plain) += rate;
        if (rate > most) {
            most = rate;
            first = p;
        }
    }
    double load = tls / LOOP_TLS_RATE + plain / LOOP_PLAIN_RATE;
    if (load > 0.5)
        diag_warning(
            d, first->pos,
            "all probes together are %.0f TLS connections and %.0f others a second, "
            "%.0f%% of what one loop carries: the times it measures begin to hold its own; "
            "longer intervals, this one's first",
            tls, plain, 100 * load);
}

void check_lint_warn(const struct config *c, struct diag *d)
{
    for (size_t i = 0; i < c->slo_count; i++) {
        const struct slo_def *slo = c->slos[i];
        struct lint_slo all;
        lint_slo(slo, &all);
        if (!warn_budget(slo, &all, d) && all.counted)
            warn_page(slo, d);
    }
    warn_load(c, d);
    diag_sort(d);
}

/* ---- the table -------------------------------------------------------------------- */

/* For people: whole seconds, and what is over counts as one. */
static const char *seconds(char buf[static UNITS_MAX], int64_t us)
{
    return units_duration(buf, (us + USEC_PER_SEC - 1) / USEC_PER_SEC * USEC_PER_SEC);
}

static void print_worth(const struct slo_def *slo, const struct lint_slo *all)
{
    if (slo->member_count) {
        puts("  made of other objectives: what failures take, and how soon they tell, is theirs");
        return;
    }
    if (!all->counted) {
        puts("  events come as traffic does: times hold where that is steady");
        return;
    }
    printf("  budget: %" PRId64 " of %" PRId64 " %ss", all->allowed, all->expected, unit_name(slo));
    if (all->expected > 0)
        printf("; a window without a failure proves %.*f%%", all->proven < 0.9999 ? 3 : 6,
               all->proven * 100);
    putchar('\n');
}

static void print_tier(const struct slo_def *slo, const struct tier_def *t, bool counted)
{
    char lng[UNITS_MAX], shrt[UNITS_MAX], factor[FMT_MAX], detect[UNITS_MAX], reset[UNITS_MAX];
    char windows[2 * UNITS_MAX + 4], fewest[64] = "-", calm[UNITS_MAX] = "";
    struct lint_tier l = {0};
    if (slo->member_count == 0)
        lint_tier(slo, t, &l);
    snprintf(windows, sizeof(windows), "%s/%s", units_duration(lng, t->long_us),
             units_duration(shrt, t->short_us));
    if (counted && l.by_ratio < l.fewest)
        snprintf(fewest, sizeof(fewest), "%" PRId64 " (%" PRId64 ")", l.fewest, l.by_ratio);
    else if (counted)
        snprintf(fewest, sizeof(fewest), "%" PRId64, l.fewest);
    printf("  %-7s %-8s %-10s %9s  %14s  %14s%s%s\n", severity_name(t->severity),
           fmt_factor(factor, t->factor), windows, fewest,
           l.detect_us ? seconds(detect, l.detect_us) : "-",
           l.reset_us ? seconds(reset, l.reset_us) : "-", l.calm_us ? "   three at " : "",
           l.calm_us ? units_duration(calm, l.calm_us) : "");
}

void check_lint_print(const struct config *c, bool color)
{
    const char *bold = color ? "\033[1m" : "", *dim = color ? "\033[2m" : "",
               *plain = color ? "\033[0m" : "";
    bool alerts = false;
    for (size_t i = 0; i < c->slo_count; i++) {
        const struct slo_def *slo = c->slos[i];
        char name[NAME_MAX_SHOWN], target[UNITS_MAX], unit[UNITS_MAX];
        struct lint_slo all;
        lint_slo(slo, &all);
        printf("%s%s%s: %s over %s, a %s each %s\n", bold, full_name(name, slo), plain,
               decimal_percent(target, slo->target), slo->window.text, unit_name(slo),
               units_duration(unit, tier_unit_us(slo)));
        print_worth(slo, &all);
        if (slo->tier_count)
            printf("  %s%-7s %-8s %-10s %9s  %14s  %14s%s\n", dim, "tier", "burn", "windows",
                   "failures", "detects within", "resets within", plain);
        else
            puts("  no alerts");
        if (slo->tier_count && slo->for_us)
            printf("  the alert fires when a tier has fired for %s\n",
                   units_duration(unit, slo->for_us));
        for (size_t k = 0; k < slo->tier_count; k++)
            print_tier(slo, &slo->tiers[k], all.counted);
        putchar('\n');
        alerts |= slo->tier_count > 0;
    }
    if (!alerts)
        return;
    puts("failures: so many in a row fire the tier. The times are of a total outage, from its");
    puts("beginning, and from its end; the message that it is over comes 5m later.\n");
}

/* ---- JSON ------------------------------------------------------------------------- */

static double as_seconds(int64_t us)
{
    return (double)us / (double)USEC_PER_SEC;
}

static void add_tier(const struct slo_def *slo, const struct tier_def *t, bool counted,
                     struct str *out)
{
    char lng[UNITS_MAX], shrt[UNITS_MAX], factor[UNITS_MAX];
    struct lint_tier l = {0};
    if (slo->member_count == 0)
        lint_tier(slo, t, &l);
    str_addf(out,
             "{\"severity\":\"%s\",\"long\":\"%s\",\"short\":\"%s\",\"factor\":\"%s\","
             "\"min_failures\":%d,",
             severity_name(t->severity), units_duration(lng, t->long_us),
             units_duration(shrt, t->short_us), decimal_text(factor, t->factor), t->min_failures);
    if (counted)
        str_addf(out, "\"failures\":%" PRId64 ",\"failures_by_ratio\":%" PRId64 ",", l.fewest,
                 l.by_ratio);
    else
        str_add(out, "\"failures\":null,\"failures_by_ratio\":null,");
    if (slo->member_count)
        str_add(out, "\"detect_seconds\":null,\"reset_seconds\":null,");
    else
        str_addf(out, "\"detect_seconds\":%.6f,\"reset_seconds\":%.6f,", as_seconds(l.detect_us),
                 as_seconds(l.reset_us));
    if (l.calm_us)
        str_addf(out, "\"interval_for_three\":%.0f}", as_seconds(l.calm_us));
    else
        str_add(out, "\"interval_for_three\":null}");
}

static void add_slo(const struct slo_def *slo, struct str *out)
{
    struct lint_slo all;
    lint_slo(slo, &all);
    str_add(out, "{\"slo\":");
    json_add_string(out, slo->name);
    str_add(out, ",\"objective_name\":");
    json_add_string(out, slo->objective_name);
    str_addf(out, ",\"unit\":\"%s\",\"unit_seconds\":%.6f,", unit_name(slo),
             as_seconds(tier_unit_us(slo)));
    if (all.counted)
        str_addf(out, "\"expected\":%" PRId64 ",\"allowed\":%" PRId64 ",\"proven\":%.9f,",
                 all.expected, all.allowed, all.proven);
    else
        str_add(out, "\"expected\":null,\"allowed\":null,\"proven\":null,");
    str_add(out, "\"tiers\":[");
    for (size_t i = 0; i < slo->tier_count; i++) {
        str_add(out, i ? "," : "");
        add_tier(slo, &slo->tiers[i], all.counted, out);
    }
    str_add(out, "]}");
}

void check_lint_json(const struct config *c, struct str *out)
{
    str_add(out, ",\"lint\":[");
    for (size_t i = 0; i < c->slo_count; i++) {
        str_add(out, i ? "," : "");
        add_slo(c->slos[i], out);
    }
    str_addc(out, ']');
}
