/* nines run: the daemon. */
#include "cli/cli.h"
#include "cli/table.h"

#include "base/log.h"
#include "engine/daemon.h"
#include "engine/kinds.h"
#include "nines/config.h"

static void print_diag(const struct diag *d)
{
    cli_print_diag(d, stderr, false);
}

static void set_up_log(const struct config *cfg, const struct cli_common *common)
{
    log_setup((enum log_level)cfg->daemon.log_level, (enum log_format)cfg->daemon.log_format,
              cli_color(common, stderr));
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common = {0};
    struct daemon_options o = {0};
    const struct cli_option options[] = {
        {"listen", 'l', OPT_STRING, &o.listen, "ADDR", "where to serve health and metrics"},
        {"test-clock", 0, OPT_STRING, &o.test_clock, "FILE",
         "run by the time in FILE instead of the clock, for tests"},
        {0},
    };
    int first;
    int rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "unexpected argument '%s'", argv[first]);

    struct config *cfg = cli_config(self, &common, false);
    if (!cfg)
        return EXIT_BAD;
    struct config_sources sources = {.config_file = common.config};
    struct err err = {0};
    o.sources = &sources;
    o.tables = engine_config_tables();
    o.config = cfg;
    o.database = common.db;
    o.print_diag = print_diag;
    set_up_log(cfg, &common);
    rc = daemon_run(&o, &err) < 0 ? cli_fail(self, "%s", err.msg) : EXIT_GOOD;
    config_unref(cfg);
    return rc;
}

const struct command command_run = {
    .name = "run",
    .arguments = "",
    .summary = "probe, record, evaluate, alert and serve until stopped",
    .details = "Reads nines.yaml if there is one, ./probes and ./slos, keeps results in\n"
               "./nines.db and serves /metrics, /readyz and /health on 127.0.0.1:9464.\n"
               "SIGHUP reloads the configuration; a first SIGINT or SIGTERM stops cleanly, a\n"
               "second one at once.\n\n"
               "Examples:\n"
               "  nines run\n"
               "  nines run --config /etc/nines/nines.yaml --db /var/lib/nines/nines.db\n"
               "  nines run --listen 127.0.0.1:0\n",
    .run = run,
};
