/* nines import: history from NDJSON, into the database or, while a daemon
 * holds it, through that. */
#include "cli/cli.h"
#include "cli/table.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "engine/import.h"
#include "nines/config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CLOSE_PATIENCE_US (10 * USEC_PER_SEC)
#define SETTLE_PATIENCE_US (10 * USEC_PER_MIN)

struct input {
    const char *name;
    int fd;
    int64_t size; /* 0: unknown */
};

static ssize_t read_input(void *ctx, void *buf, size_t n)
{
    ssize_t got;
    do
        got = read(((struct input *)ctx)->fd, buf, n);
    while (got < 0 && errno == EINTR);
    return got;
}

static int open_input(const char *name, struct input *in, struct err *reterr)
{
    struct stat st;
    bool standard = strcmp(name, "-") == 0;
    *in = (struct input){.name = name, .fd = STDIN_FILENO};
    if (!standard)
        in->fd = open(name, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0)
        return err_errno(reterr, errno, "cannot open %s", name);
    if (fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode))
        in->size = st.st_size;
    return 0;
}

static void on_progress(void *ctx, int64_t bytes, const struct import_totals *t)
{
    struct progress *bar = ctx;
    bar->counted = "lines";
    bar->count = t->lines;
    progress_update(bar, bytes, "bytes");
}

/* "interval=15s" */
static int parse_create(const char *text, int64_t *ret_us, struct err *reterr)
{
    struct err why;
    if (!str_starts(text, "interval="))
        return err_set(reterr, "expected interval=DURATION, as in --create interval=15s");
    if (units_parse_duration(text + strlen("interval="), ret_us, &why) < 0)
        return err_set(reterr, "%s", why.msg);
    if (*ret_us < IMPORT_INTERVAL_MIN_US || *ret_us > IMPORT_INTERVAL_MAX_US)
        return err_set(reterr, "an interval is from 100ms to 366d; found '%s'",
                       text + strlen("interval="));
    return 0;
}

/*
 * What is declared is known, and what its SLOs ask for is rolled up at once.
 * With --create the file has its own idea of the schedule: a declared one then
 * begins with the daemon.
 */
static void declare(struct store *s, const struct config *cfg, bool create)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_us = now.tv_sec * USEC_PER_SEC + now.tv_nsec / NSEC_PER_USEC;
    for (size_t i = 0; !create && i < cfg->probe_count; i++)
        store_push_probe(s, (uint32_t)i, cfg->probes[i], now_us);
    for (size_t i = 0; i < cfg->slo_count; i++)
        if (cfg->slos[i]->member_count == 0)
            store_push_sli(s, &cfg->slos[i]->sli);
}

/* Rollups and sealing take a while of their own, and say nothing of how far. */
static void show_settling(struct progress *bar, const struct import_totals *t)
{
    bar->label = "summing up";
    bar->total = bar->shown_ns = 0;
    progress_update(bar, t->lines, "lines");
}

static int import_here(const struct config *cfg, const struct import_source *src,
                       const struct import_options *o, struct import_totals *totals,
                       struct err *reterr)
{
    struct store_options so = {.path = cfg->daemon.database};
    struct store *s;
    if (store_open(&so, &s, reterr) < 0)
        return -1;
    declare(s, cfg, o->create_interval_us > 0);
    int rc = import_into(s, src, o, totals, reterr);
    if (rc == 0)
        show_settling(o->ctx, totals);
    if (rc == 0)
        rc = store_settle(s, SETTLE_PATIENCE_US, reterr);
    if (store_close(s, CLOSE_PATIENCE_US, rc == 0 ? reterr : NULL) < 0)
        rc = -1;
    return rc;
}

static int import_somewhere(const struct config *cfg, const struct import_source *src,
                            const struct import_options *o, struct import_totals *totals,
                            struct err *reterr)
{
    const char *db = cfg->daemon.database;
    mem_auto char *socket_path = mem_printf("%s.sock", db);
    long holder = store_lock_holder(db);
    if (holder == 0)
        return import_here(cfg, src, o, totals, reterr);
    if (access(socket_path, F_OK) < 0)
        return err_set(reterr, "%s is in use by process %ld, which takes no requests", db, holder);
    return import_remote(socket_path, src, o, totals, reterr);
}

static void print_totals(const struct cli_common *common, const struct import_totals *t)
{
    if (common->format && strcmp(common->format, "json") == 0) {
        printf("{\"lines\":%" PRId64 ",\"inserted\":%" PRId64 ",\"same\":%" PRId64
               ",\"different\":%" PRId64 ",\"replaced\":%" PRId64 "}\n",
               t->lines, t->inserted, t->same, t->different, t->replaced);
        return;
    }
    printf("%" PRId64 " line%s: %" PRId64 " new, %" PRId64 " already there", t->lines,
           t->lines == 1 ? "" : "s", t->inserted, t->same);
    if (t->different)
        printf(", %" PRId64 " different (%" PRId64 " replaced%s)", t->different, t->replaced,
               t->replaced < t->different ? ", the others kept as stored: --replace overwrites"
                                          : "");
    putchar('\n');
}

static int import_file(const struct command *self, const struct cli_common *common,
                       struct import_options *o, struct input *in)
{
    struct config *cfg = cli_config(self, common, true);
    if (!cfg)
        return EXIT_BAD;
    struct import_source src = {read_input, in};
    struct import_totals totals = {0};
    struct progress bar;
    struct err err;
    o->name = in->name;
    o->progress = on_progress;
    o->ctx = &bar;
    progress_start(&bar, "importing", in->size, cli_color(common, stderr));
    int rc = import_somewhere(cfg, &src, o, &totals, &err);
    progress_end(&bar);
    config_unref(cfg);
    if (rc == 0) {
        print_totals(common, &totals);
        return EXIT_GOOD;
    }
    if (totals.lines)
        fprintf(stderr,
                "nines import: %" PRId64 " line%s before the error %s stored; give the whole file"
                " again once it is mended\n",
                totals.lines, totals.lines == 1 ? "" : "s", totals.lines == 1 ? "is" : "are");
    return cli_fail(self, "%s", err.msg);
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common = {0};
    struct import_options o = {0};
    const char *create = NULL;
    const struct cli_option options[] = {
        {"create", 0, OPT_STRING, &create, "interval=DURATION",
         "make unknown probes, taking their results to be that far apart"},
        {"replace", 0, OPT_FLAG, &o.replace, NULL,
         "overwrite what is stored and differs from the file"},
        {0},
    };
    int first;
    int rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    struct err err;
    if (argc - first != 1)
        return cli_usage(self, "expected one file, or - for standard input");
    if (create && parse_create(create, &o.create_interval_us, &err) < 0)
        return cli_usage(self, "--create: %s", err.msg);
    struct input in;
    if (open_input(argv[first], &in, &err) < 0)
        return cli_fail(self, "%s", err.msg);
    rc = import_file(self, &common, &o, &in);
    if (in.fd != STDIN_FILENO)
        close(in.fd);
    return rc;
}

const struct command command_import = {
    .name = "import",
    .arguments = "FILE|-",
    .summary = "add results and samples from an NDJSON file to the history",
    .details =
        "One JSON object a line:\n"
        "  {\"probe\":\"api-health\",\"time\":\"2026-10-22T08:00:00Z\",\"outcome\":\"good\",\n"
        "   \"code\":200,\"latency_ms\":12.3,\"phases_ms\":{\"dns\":0.1,\"wait\":11.9}}\n"
        "  {\"probe\":\"api-health\",\"time\":\"2026-10-22T08:00:15Z\",\"outcome\":\"bad\",\n"
        "   \"reason\":\"status\",\"code\":503,\"latency_ms\":3.1}\n"
        "  {\"probe\":\"api-metrics\",\"time\":\"2026-10-22T08:00:00Z\",\n"
        "   \"series\":\"http_requests_total{status=\\\"200\\\"}\",\"value\":1234}\n"
        "What is stored already wins; what differs is counted. While `nines run`\n"
        "holds the database the lines go through it. Imports never send alerts.\n\n"
        "Examples:\n"
        "  nines import history.ndjson\n"
        "  nines import --create interval=15s history.ndjson\n"
        "  zcat history.ndjson.gz | nines import --replace -\n",
    .run = run,
};
