/* nines suggest: objectives that the history of a probe would have kept. */
#include "cli/cli.h"
#include "cli/table.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/when.h"
#include "engine/query.h"
#include "engine/suggest.h"
#include "nines/config.h"
#include "nines/probe.h"
#include "report/fmt.h"

#include <inttypes.h>
#include <jansson.h>

/* ---- text ------------------------------------------------------------------------- */

static void print_head(const char *probe, const struct suggest *g)
{
    char from[FMT_MAX], to[FMT_MAX], n[FMT_MAX], bad[FMT_MAX], p50[FMT_MAX], p90[FMT_MAX],
        p99[FMT_MAX];
    const struct counts *c = &g->availability.counts;
    printf("%s, %s to %s UTC: %s runs, %s bad; latency p50 %s, p90 %s, p99 %s\n", probe,
           fmt_stamp(from, g->from_us), fmt_stamp(to, g->to_us), fmt_count(n, counts_total(*c)),
           fmt_count(bad, c->bad), fmt_latency(p50, g->p50_us, false),
           fmt_latency(p90, g->p90_us, false), fmt_latency(p99, g->p99_us, false));
}

/* The first target that was breached is enough to see where the line is. */
static bool is_shown(const struct suggestion *s, int i)
{
    return i == 0 || !s->targets[i - 1].breached;
}

static void print_suggestion(const struct suggestion *s)
{
    char bound[UNITS_MAX], sli[FMT_MAX], target[UNITS_MAX], allowed[FMT_MAX], bad[FMT_MAX],
        consumed[FMT_MAX];
    if (s->measure != MEASURE_NONE)
        printf("\n%s %s", answer_measure_name(s->measure), units_duration(bound, s->bound));
    else if (s->faster_than_us)
        printf("\nfaster_than %s", units_duration(bound, s->faster_than_us));
    else
        printf("\navailability");
    printf(": %s of all runs, %s bad\n",
           fmt_floor(sli, (double)s->counts.good / (double)counts_total(s->counts), 4),
           fmt_count(bad, s->counts.bad));
    printf("  %-8s %14s %14s\n", "TARGET", "BAD ALLOWED", "BUDGET SPENT");
    for (int i = 0; i < SUGGEST_TARGETS && is_shown(s, i); i++) {
        const struct suggest_target *t = &s->targets[i];
        printf("  %-8s %14s %14s  %s\n", decimal_percent(target, t->target),
               fmt_events(allowed, t->allowed), fmt_percent(consumed, t->consumed, 1),
               i == s->advised                ? "<- advised"
               : t->breached                  ? "breached"
               : t->allowed < SUGGEST_MIN_BAD ? "too few runs to tell"
                                              : "");
    }
}

static void print_slo(const char *probe, const struct suggestion *s)
{
    char bound[UNITS_MAX], target[UNITS_MAX];
    if (s->advised < 0)
        return;
    decimal_percent(target, s->targets[s->advised].target);
    if (s->measure != MEASURE_NONE)
        printf("  - name: %s-%s-%s\n    sli: {probe: %s, %s: %s}\n", probe,
               s->measure == MEASURE_TTFT ? "ttft" : "gap", units_duration(bound, s->bound), probe,
               answer_measure_name(s->measure), bound);
    else if (s->faster_than_us)
        printf("  - name: %s-%s\n    sli: {probe: %s, faster_than: %s}\n", probe,
               units_duration(bound, s->faster_than_us), probe, bound);
    else
        printf("  - name: %s-availability\n    sli: {probe: %s}\n", probe, probe);
    printf("    objective: %s\n    window: 30d\n", target);
}

static void print_text(const char *probe, const struct suggest *g)
{
    bool any = g->availability.advised >= 0;
    print_head(probe, g);
    if (counts_total(g->availability.counts) == 0) {
        puts("There is nothing to judge by.");
        return;
    }
    print_suggestion(&g->availability);
    for (size_t i = 0; i < g->latency_count; i++) {
        print_suggestion(&g->latency[i]);
        any |= g->latency[i].advised >= 0;
    }
    for (size_t i = 0; i < g->answer_count; i++) {
        print_suggestion(&g->answers[i]);
        any |= g->answers[i].advised >= 0;
    }
    if (!any) {
        puts("\nNone of them is advised: none would have left a quarter of its budget.");
        return;
    }
    puts("\napiVersion: nines/v1\nkind: SLOs\nslos:");
    print_slo(probe, &g->availability);
    for (size_t i = 0; i < g->latency_count; i++)
        print_slo(probe, &g->latency[i]);
    for (size_t i = 0; i < g->answer_count; i++)
        print_slo(probe, &g->answers[i]);
}

/* ---- JSON ------------------------------------------------------------------------- */

static json_t *seconds(int64_t us)
{
    return us < 0 ? json_null() : json_real((double)us / USEC_PER_SEC);
}

static json_t *suggestion_json(const struct suggestion *s)
{
    char text[UNITS_MAX];
    json_t *targets = json_array();
    for (int i = 0; i < SUGGEST_TARGETS; i++) {
        const struct suggest_target *t = &s->targets[i];
        json_array_append_new(
            targets, json_pack("{s:s, s:f, s:f, s:b, s:b}", "target", decimal_text(text, t->target),
                               "allowed", t->allowed, "consumed_ratio", t->consumed, "breached",
                               t->breached, "advised", i == s->advised));
    }
    json_t *o =
        json_pack("{s:o, s:I, s:I, s:o}", "faster_than",
                  s->faster_than_us ? seconds(s->faster_than_us) : json_null(), "good",
                  (json_int_t)s->counts.good, "bad", (json_int_t)s->counts.bad, "targets", targets);
    if (s->measure != MEASURE_NONE)
        json_object_set_new(o, answer_measure_name(s->measure), seconds(s->bound));
    return o;
}

static void print_json(const char *probe, const struct suggest *g)
{
    char from[WHEN_MAX], to[WHEN_MAX];
    json_t *slis = json_array();
    json_array_append_new(slis, suggestion_json(&g->availability));
    for (size_t i = 0; i < g->latency_count; i++)
        json_array_append_new(slis, suggestion_json(&g->latency[i]));
    for (size_t i = 0; i < g->answer_count; i++)
        json_array_append_new(slis, suggestion_json(&g->answers[i]));
    json_t *doc = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "probe", probe, "from",
                            when_text(from, g->from_us), "to", when_text(to, g->to_us), "p50",
                            seconds(g->p50_us), "p90", seconds(g->p90_us), "p99",
                            seconds(g->p99_us), "slis", slis);
    json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(doc);
}

/* ------------------------------------------------------------------------------------ */

/* Whether its answers have a first token: objectives on that are refused of others. */
static bool streams(const struct config *cfg, const char *probe)
{
    const struct probe_def *def = config_probe(cfg, probe);
    return def && def->kind->streams && def->kind->streams(def->spec);
}

static int suggest_for(const struct config *cfg, const char *probe, int64_t from_us, int64_t to_us,
                       struct suggest *ret, struct err *reterr)
{
    struct store_reader *r;
    struct clock clock;
    if (store_reader_open(cfg->daemon.database, &r, reterr) < 0)
        return -1;
    clock_init(&clock);
    int rc = to_us ? 0 : query_now(r, clock_now(&clock), &to_us, reterr);
    if (rc == 0 && from_us >= to_us)
        rc = err_set(reterr, "--from must be before --to, which is now by default");
    if (rc == 0)
        rc = suggest_read(r, probe, streams(cfg, probe), from_us, to_us, ret, reterr);
    store_reader_free(r);
    return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common = {0};
    struct suggest g;
    struct err err;
    int64_t from_us = 0, to_us = 0;
    const struct cli_option options[] = {
        {"from", 0, OPT_TIME, &from_us, "TIME", "look at results from then on; 30 days by default"},
        {"to", 0, OPT_TIME, &to_us, "TIME", "look at those before it; now by default"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1)
        return cli_usage(self, "expected the id of one probe");
    if (common.format && !str_eq(common.format, "text") && !str_eq(common.format, "json"))
        return cli_usage(self, "--format is text or json; found '%s'", common.format);
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    rc = cli_check_probe(self, cfg, argv[first]);
    if (rc < 0 && suggest_for(cfg, argv[first], from_us, to_us, &g, &err) < 0) {
        rc = cli_fail(self, "%s", err.msg);
    } else if (rc < 0) {
        rc = EXIT_GOOD;
        if (common.format && str_eq(common.format, "json"))
            print_json(argv[first], &g);
        else
            print_text(argv[first], &g);
    }
    config_unref(cfg);
    return rc;
}

const struct command command_suggest = {
    .name = "suggest",
    .arguments = "PROBE",
    .summary = "objectives that a probe's history would have kept",
    .details = "Shows what targets of availability, and bounds on latency, would have cost of\n"
               "their budgets (of an agent's streamed answers also bounds on the first token\n"
               "and on gaps), and writes those down that would have left a quarter of it and\n"
               "allow at least three bad runs.\n\n"
               "Examples:\n"
               "  nines suggest api-health\n"
               "  nines suggest --from 2026-10-01T00:00:00Z --to 2026-11-01T00:00:00Z api-health\n"
               "  nines suggest --json api-health\n",
    .run = run,
};
