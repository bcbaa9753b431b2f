/* nines replay: the alerts that history would have caused. */
#include "cli/replay.h"

#include "cli/cli.h"
#include "cli/select.h"
#include "cli/table.h"

#include "base/when.h"
#include "nines/config.h"

#define LINES_MAX (16u << 20)

struct replay_command {
    const char *slo, *slos, *incidents_file;
    struct cli_select select;
    int64_t from_us, to_us;
    bool text;
    struct term term; /* over `lines` */
    struct str lines;
    struct arena arena;
    struct score_incident *incidents;
    size_t incident_count;
    struct score score;
    struct progress bar;
};

/* A line at a time: a pipe gets it when it happens. */
static void flush(struct replay_command *c)
{
    fwrite(c->lines.buf, 1, c->lines.len, stdout);
    str_clear(&c->lines);
}

static void on_transition(void *ctx, const struct alert_transition *t)
{
    struct replay_command *c = ctx;
    score_take(&c->score, t);
    if (c->text)
        replay_put_text(&c->term, t);
    else
        replay_put_json(&c->lines, t);
    flush(c);
}

static void on_left_out(void *ctx, const struct slo_def *slo, const char *probe)
{
    (void)ctx;
    fprintf(stderr, "nines replay: SLO '%s' is left out: nothing is stored of probe '%s'\n",
            slo->name, probe);
}

static void on_asked_late(void *ctx, const struct slo_def *slo, int64_t since_us)
{
    char at[WHEN_MAX];
    (void)ctx;
    fprintf(stderr,
            "nines replay: SLO '%s': probe '%s' looks for its series, or no longer does, since "
            "%s; nothing is replayed of before\n",
            slo->name, slo->sli.probe, when_text(at, since_us));
}

static void on_progress(void *ctx, int64_t at_us)
{
    struct replay_command *c = ctx;
    c->bar.count = (at_us - c->from_us) / USEC_PER_HOUR;
    progress_update(&c->bar, at_us - c->from_us, "");
}

static void sum_up(struct replay_command *c, const struct replay_totals *totals)
{
    score_finish(&c->score, c->incidents, c->incident_count);
    struct replay_summary s = {&c->score, totals, c->incidents, c->incident_count,
                               c->incidents_file != NULL};
    if (c->text)
        replay_sum_text(&c->term, &s);
    else
        replay_sum_json(&c->lines, &s);
    flush(c);
}

static int replay(struct replay_command *c, struct config *cfg, bool color, struct err *reterr)
{
    struct replay_options o = {.config = cfg,
                               .slo = c->slo,
                               .select = c->select.chosen,
                               .from_us = c->from_us,
                               .to_us = c->to_us,
                               .transition = on_transition,
                               .left_out = on_left_out,
                               .asked_late = on_asked_late,
                               .progress = on_progress,
                               .ctx = c};
    struct replay_totals totals;
    score_init(&c->score, c->from_us, c->to_us);
    progress_start(&c->bar, "replaying", c->to_us - c->from_us, color);
    c->bar.counted = "hours";
    int rc = replay_run(cfg->daemon.database, &o, &totals, reterr);
    progress_end(&c->bar);
    if (rc == 0 && c->score.full)
        rc = err_set(reterr, "there are more than %d alerts; replay a shorter span",
                     SCORE_ALERTS_MAX);
    if (rc == 0)
        sum_up(c, &totals);
    score_release(&c->score);
    return rc;
}

static struct config *load(const struct command *self, const struct cli_common *common,
                           const char *slos)
{
    struct config_sources sources = {.config_file = common->config, .slos = slos};
    return cli_config_from(self, common, &sources, true);
}

/* When they began is told by the objectives that their alerts were of, whatever is tried. */
static bool read_stored(const struct command *self, const struct cli_common *common,
                        struct replay_command *c)
{
    struct err err;
    struct config *cfg = load(self, common, NULL);
    if (!cfg)
        return false;
    int rc = incidents_stored(cfg, c->from_us, c->to_us, &c->arena, &c->incidents,
                              &c->incident_count, &err);
    config_unref(cfg);
    if (rc < 0)
        cli_fail(self, "%s", err.msg);
    return rc == 0;
}

/* False: errors were printed. */
static bool read_incidents(const struct command *self, const struct cli_common *common,
                           struct replay_command *c, bool color)
{
    struct diag diag = {0};
    if (!c->incidents_file)
        return true;
    if (str_eq(c->incidents_file, INCIDENTS_STORED))
        return read_stored(self, common, c);
    int rc = incidents_read(c->incidents_file, &c->arena, &c->incidents, &c->incident_count, &diag);
    diag_sort(&diag);
    cli_print_diag(&diag, stderr, color);
    if (rc < 0)
        cli_fail(self, "the incidents have %zu error%s", diag.errors, diag.errors == 1 ? "" : "s");
    diag_release(&diag);
    return rc == 0;
}

static int check_options(const struct command *self, const struct cli_common *common,
                         struct replay_command *c)
{
    const char *format = common->format ? common->format : "ndjson";
    c->text = str_eq(format, "text");
    if (!c->text && !str_eq(format, "ndjson") && !str_eq(format, "json"))
        return cli_usage(self, "--format is ndjson or text; found '%s'", format);
    if (!c->from_us || !c->to_us)
        return cli_usage(self, "expected --from TIME and --to TIME");
    if (c->from_us >= c->to_us)
        return cli_usage(self, "--from must be before --to");
    return cli_select(self, &c->select);
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common = {0};
    struct replay_command c = {0};
    const struct cli_option options[] = {
        {"from", 0, OPT_TIME, &c.from_us, "TIME", "where it begins; history before counts too"},
        {"to", 0, OPT_TIME, &c.to_us, "TIME", "where it ends"},
        {"slos", 0, OPT_STRING, &c.slos, "PATH",
         "a file or folder with other SLOs than the configuration's"},
        {"slo", 's', OPT_STRING, &c.slo, "NAME", "only this SLO"},
        CLI_SELECT_SERVICE(c.select),
        CLI_SELECT_LABEL(c.select),
        {"incidents", 'i', OPT_STRING, &c.incidents_file, "FILE",
         "what went wrong, to compare with: a file, or 'stored'"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "unexpected argument '%s'; one SLO is named by --slo", argv[first]);
    if ((rc = check_options(self, &common, &c)) >= 0)
        return rc;
    struct err err = {{0}};
    bool color = cli_color(&common, stderr);
    struct config *cfg = load(self, &common, c.slos);
    str_init(&c.lines, LINES_MAX);
    c.term = (struct term){&c.lines, cli_color(&common, stdout), cli_width(stdout)};
    rc = EXIT_BAD;
    if (cfg && read_incidents(self, &common, &c, color))
        rc = replay(&c, cfg, color, &err) < 0 ? cli_fail(self, "%s", err.msg) : EXIT_GOOD;
    str_release(&c.lines);
    arena_release(&c.arena);
    config_unref(cfg);
    return rc;
}

const struct command command_replay = {
    .name = "replay",
    .arguments = "",
    .summary = "show the alerts that stored history would have caused",
    .details = "Writes a line for each transition of an alert, and a summary as the last one:\n"
               "NDJSON, or text. Nothing is stored and nobody is told. With --slos other\n"
               "objectives are tried on the same history, and with --incidents the alerts are\n"
               "compared with what went wrong: a file of {from, to, name}, one a line, or with\n"
               "'stored' those of `nines incident`.\n"
               "How to tune alerts with it: docs/replay.md.\n\n"
               "Examples:\n"
               "  nines replay --from 2026-10-01T00:00:00Z --to 2026-11-01T00:00:00Z\n"
               "  nines replay --from 2026-10-01T00:00:00Z --to 2026-11-01T00:00:00Z \\\n"
               "      --slos drafts/api.yaml --incidents october.ndjson --format text\n",
    .run = run,
};
