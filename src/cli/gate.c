/* nines gate: whether the error budget allows a change, for deploy pipelines. */
#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/select.h"
#include "cli/table.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "engine/query.h"
#include "nines/config.h"
#include "report/fmt.h"
#include "report/policy.h"
#include "slo/budget.h"
#include "slo/policy.h"

#include <math.h>

#define GATE_BYTES_MAX (16u << 20)
#define WHY_MAX 1024

struct gate {
    const char *remaining_text; /* --remaining */
    struct decimal remaining;   /* stop below it */
    bool strict, json;
    int64_t at_us;
    struct cli_select select;

    struct str out;
    bool stop;
    size_t judged;
};

/* What there is to stop for. */
struct grounds {
    bool breached;                  /* where no policy says what that means */
    bool below;                     /* --remaining */
    const struct policy_step *step; /* that is reached and stops, or NULL */
};

static struct grounds find_grounds(const struct gate *g, const struct report_slo *s)
{
    bool policy = s->def->policy.n > 0;
    return (struct grounds){.breached = !policy && s->state == SLO_BREACHED,
                            .below = (!policy || g->remaining_text) &&
                                     budget_left_below(s->use, g->remaining),
                            .step = policy_reached(s->def, s->use, true)};
}

static void tell(const struct gate *g, const struct report_slo *s, const struct grounds *why,
                 struct str *out)
{
    char left[FMT_MAX], limit[UNITS_MAX];
    str_addf(out, "%s of the error budget is left", fmt_percent(left, s->remaining_ratio, 1));
    if (why->below && !why->breached)
        str_addf(out, ", less than %s", decimal_percent(limit, g->remaining));
    const struct policy_step *step = why->step ? why->step : s->policy;
    if (!step)
        return;
    str_addf(out, "; policy from %s spent: ", decimal_percent(limit, step->spent));
    fmt_clean(out, step->then, WHY_MAX);
}

/* Whether to stop, and why, or why not. */
static bool judge(const struct gate *g, const struct report_slo *s, struct str *out)
{
    char left[FMT_MAX];
    struct grounds why = find_grounds(g, s);
    bool stop = why.breached || why.below || why.step;
    if (s->state == SLO_NO_DATA) {
        str_add(out, "there is no data in the window");
        return g->strict;
    }
    if (s->state == SLO_WARMING) {
        str_addf(out, "data begins after the window does; %s of the error budget is left",
                 fmt_percent(left, s->remaining_ratio, 1));
        return g->strict;
    }
    if (stop && !s->conclusive) {
        str_add(out, "too few events to judge by: a single bad one is a breach");
        return g->strict;
    }
    tell(g, s, &why, out);
    return stop;
}

static void put_json(struct gate *g, const struct report_slo *s, bool stop, const char *why)
{
    str_add(&g->out, g->judged ? ",{" : "{");
    json_put_string(&g->out, "slo", s->def->name);
    json_put_string(&g->out, "objective_name", s->def->objective_name);
    json_put_string(&g->out, "decision", stop ? "stop" : "go");
    json_put_string(&g->out, "state", slo_state_name(s->state));
    json_put_number(&g->out, "remaining_ratio", s->has_budget, s->remaining_ratio, fmt_ratio);
    json_put_string(&g->out, "why", why);
    json_put_key(&g->out, "policy");
    policy_put_step(&g->out, s->policy);
    str_addc(&g->out, '}');
}

static void put_line(struct gate *g, const struct report_slo *s, bool stop, const char *why)
{
    str_add(&g->out, stop ? "stop " : "go ");
    fmt_title(&g->out, s);
    str_addf(&g->out, " (%s): %s\n", fmt_state(s->state), why);
}

static int judge_slo(struct gate *g, struct config *cfg, struct store_reader *r, const char *name,
                     struct err *reterr)
{
    struct str why;
    struct report *report;
    struct query q = {.slo = name,
                      .select = g->select.chosen,
                      .at_us = g->at_us,
                      .generated_at_us = g->at_us,
                      .brief = true};
    if (query_report(cfg, r, &q, &report, reterr) < 0)
        return -1;
    str_init(&why, 8 * WHY_MAX);
    for (size_t i = 0; i < report->slo_count; i++) {
        const struct report_slo *s = &report->slos[i];
        str_clear(&why);
        bool stop = judge(g, s, &why);
        if (g->json)
            put_json(g, s, stop, why.buf);
        else
            put_line(g, s, stop, why.buf);
        g->judged++;
        g->stop |= stop;
    }
    str_release(&why);
    query_report_free(report);
    return 0;
}

static int judge_all(struct gate *g, struct config *cfg, char **names, int n, struct err *reterr)
{
    struct clock clock;
    struct store_reader *reader;
    struct str rows;
    char at[WHEN_MAX];
    if (store_reader_open(cfg->daemon.database, &reader, reterr) < 0)
        return -1;
    clock_init(&clock);
    int rc = g->at_us ? 0 : query_now(reader, clock_now(&clock), &g->at_us, reterr);
    if (rc == 0 && n == 0)
        rc = judge_slo(g, cfg, reader, NULL, reterr);
    for (int i = 0; rc == 0 && i < n; i++)
        rc = judge_slo(g, cfg, reader, names[i], reterr);
    store_reader_free(reader);
    if (rc < 0)
        return -1;
    if (g->out.overflow)
        return err_set(reterr, "there is too much to say");
    if (!g->json)
        return 0;
    rows = g->out;
    str_init(&g->out, GATE_BYTES_MAX + 256);
    str_addf(&g->out, "{\"at\":\"%s\",\"decision\":\"%s\",\"slos\":[%s]}\n",
             when_text(at, g->at_us), g->stop ? "stop" : "go", rows.buf);
    str_release(&rows);
    return 0;
}

/* EXIT_USAGE, or -1 when the options make sense. */
static int read_options(const struct command *self, const struct cli_common *common, struct gate *g,
                        int operands)
{
    struct err err;
    int rc = cli_select(self, &g->select);
    if (rc >= 0)
        return rc;
    if (operands == 0 && !g->select.chosen)
        return cli_usage(self, "expected the SLOs to ask: nines gate SLO..., or --service or "
                               "--label");
    if (common->format && !str_eq(common->format, "text") && !str_eq(common->format, "json"))
        return cli_usage(self, "--format is text or json; found '%s'", common->format);
    g->json = str_eq(common->format, "json");
    if (!g->remaining_text)
        return -1;
    if (decimal_parse_percent(g->remaining_text, &g->remaining, &err) < 0)
        return cli_usage(self, "--remaining: %s", err.msg);
    if (decimal_cmp(g->remaining, (struct decimal){1, 0}) > 0)
        return cli_usage(self, "--remaining is at most 100%%; found '%s'", g->remaining_text);
    return -1;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common = {0};
    struct gate g = {.remaining = {0, 0}};
    const struct cli_option options[] = {
        {"remaining", 'r', OPT_STRING, &g.remaining_text, "PERCENT",
         "stop when less of the budget is left; 0% by default"},
        {"strict", 0, OPT_FLAG, &g.strict, NULL,
         "stop where there is no data, or too little of it to judge by"},
        {"at", 0, OPT_TIME, &g.at_us, "TIME", "look back from TIME instead of now"},
        CLI_SELECT_SERVICE(g.select),
        CLI_SELECT_LABEL(g.select),
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if ((rc = read_options(self, &common, &g, argc - first)) >= 0)
        return rc;
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    struct err err = {{0}};
    str_init(&g.out, GATE_BYTES_MAX);
    if (judge_all(&g, cfg, argv + first, argc - first, &err) < 0) {
        rc = cli_fail(self, "%s", err.msg);
    } else {
        fwrite(g.out.buf, 1, g.out.len, stdout);
        rc = g.stop ? EXIT_BREACHED : EXIT_GOOD;
    }
    str_release(&g.out);
    config_unref(cfg);
    return rc;
}

const struct command command_gate = {
    .name = "gate",
    .arguments = "[SLO...]",
    .summary = "tell a deploy pipeline whether the error budget allows a change",
    .details = "Exits with 3 when one of the objectives is breached or has less of its budget\n"
               "left than --remaining, with 1 when that cannot be told because of an error, and\n"
               "with 0 otherwise. Of an objective that has a policy only the steps that say stop\n"
               "decide, and --remaining if it is given. --service and --label choose instead of "
               "names; of those named\n"
               "they take nothing that does not fit. Says why, a line for each. Without data, "
               "while data begins\n"
               "after the window does, and with so few events that a single bad one is a breach,\n"
               "it lets pass, unless --strict.\n\n"
               "Examples:\n"
               "  nines gate api-availability && ./deploy\n"
               "  nines gate api-availability api-latency --remaining 10%\n"
               "  nines gate --service checkout --label tier=1\n"
               "  nines gate api-availability --strict --json\n",
    .run = run,
};
