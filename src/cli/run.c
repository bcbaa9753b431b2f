/* nines run: the daemon, with the web thread in front of it. */
#include "cli/cli.h"
#include "cli/table.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/daemon.h"
#include "engine/import.h"
#include "engine/kinds.h"
#include "nines/config.h"
#include "web/web.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static void print_diag(const struct diag *d)
{
    cli_print_diag(d, stderr, false);
}

static ssize_t read_body(void *ctx, void *buf, size_t n)
{
    ssize_t got = web_body_read(ctx, buf, n);
    if (got < 0)
        errno = ECONNRESET;
    return got;
}

static int on_import(void *ctx, struct web_body *body, const struct web_import *how,
                     struct import_totals *ret, struct err *reterr)
{
    struct import_source source = {read_body, body};
    struct import_options o = {
        .replace = how->replace,
        .create_interval_us = how->create_interval_us,
        .import_id = how->id,
        .batch_rows = IMPORT_BATCH_LIVE,
        .slice_rows = IMPORT_SLICE_LIVE,
    };
    return import_into(daemon_store(ctx), &source, &o, ret, reterr);
}

static int on_edit(void *ctx, const char *request, size_t n, struct str *answer, struct err *reterr)
{
    return daemon_edit(ctx, request, n, answer, reterr);
}

static int on_reload(void *ctx, struct err *reterr)
{
    return daemon_reload_wait(ctx, reterr);
}

static int serve(struct daemon *d, const char *listen, struct web **ret, struct err *reterr)
{
    mem_auto char *control = mem_printf("%s.sock", daemon_database(d));
    struct web_options o = {
        .listen = listen,
        .control_path = control,
        .board = daemon_board(d),
        .database = daemon_database(d),
        .import = on_import,
        .edit = on_edit,
        .reload = on_reload,
        .ctx = d,
    };
    if (web_start(&o, ret, reterr) < 0)
        return -1;
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    log_info("serving", "address", web_address(*ret), "pid#", pid, NULL);
    return 0;
}

/* Each run under way holds a descriptor: as many as there may be. The usual
 * 1,024 are for programs that call select(). */
static void raise_open_files(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur >= r.rlim_max)
        return;
    rlim_t before = r.rlim_cur;
    r.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) < 0)
        return;
    char from[24], to[24];
    snprintf(from, sizeof(from), "%llu", (unsigned long long)before);
    snprintf(to, sizeof(to), "%llu", (unsigned long long)r.rlim_max);
    log_info("open files allowed", "from#", from, "to#", to, NULL);
}

static int run_daemon(const struct daemon_options *o, const char *listen, struct err *reterr)
{
    struct daemon *d;
    struct web *web;
    /* A file over the size limit is a full disk, which we live through. */
    signal(SIGXFSZ, SIG_IGN);
    raise_open_files();
    if (daemon_start(o, &d, reterr) < 0)
        return -1;
    if (serve(d, listen, &web, reterr) < 0) {
        daemon_finish(d, NULL);
        return -1;
    }
    daemon_loop(d);
    web_stop(web);
    return daemon_finish(d, reterr);
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common = {0};
    struct daemon_options o = {0};
    signal(SIGHUP, SIG_IGN); /* a reload asked for while starting is the start */
    const char *listen = NULL;
    const struct cli_option options[] = {
        {"listen", 'l', OPT_STRING, &listen, "ADDR",
         "where to serve health and metrics; 'off' for nowhere"},
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
    if (listen && config_check_listen(listen, cfg->daemon.allow_remote, &err) < 0) {
        config_unref(cfg);
        return cli_usage(self, "--listen: %s", err.msg);
    }
    o.sources = &sources;
    o.tables = engine_config_tables();
    o.config = cfg;
    o.database = common.db;
    o.print_diag = print_diag;
    log_setup((enum log_level)cfg->daemon.log_level, (enum log_format)cfg->daemon.log_format,
              cli_color(&common, stderr));
    if (!listen)
        listen = cfg->daemon.listen;
    rc = run_daemon(&o, strcmp(listen, "off") == 0 ? "" : listen, &err) < 0
             ? cli_fail(self, "%s", err.msg)
             : EXIT_GOOD;
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
