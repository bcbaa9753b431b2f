/* nines export: what is stored, for other tools and for nines import. */
#include "cli/cli.h"
#include "cli/table.h"

#include "base/arena.h"
#include "base/str.h"
#include "base/when.h"
#include "engine/export.h"
#include "nines/config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct export
{
    const struct config *cfg;
    struct store_reader *reader;
    struct arena arena;
    const struct option_list *wanted; /* probes; none: all */
    struct export_options o;
    bool samples; /* else results */
};

static int write_lines(void *ctx, const char *text, size_t n)
{
    (void)ctx;
    return fwrite(text, 1, n, stdout) == n ? 0 : -1;
}

static void on_results(void *ctx, int64_t lines)
{
    progress_update(ctx, lines, "results");
}

static void on_samples(void *ctx, int64_t lines)
{
    progress_update(ctx, lines, "samples");
}

static bool declared(const struct config *cfg, const char *id)
{
    for (size_t i = 0; i < cfg->probe_count; i++)
        if (str_eq(cfg->probes[i]->id, id))
            return true;
    return false;
}

static bool listed(const char *id, const char *const *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(ids[i], id))
            return true;
    return false;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The wanted ones, each once; one that is declared may have no results yet. */
static int choose(struct export *x, const char *const *ids, size_t n, struct err *reterr)
{
    size_t count = 0;
    const char **chosen = arena_alloc(&x->arena, x->wanted->n * sizeof(*chosen));
    for (size_t i = 0; i < x->wanted->n; i++) {
        const char *id = x->wanted->at[i];
        if (!listed(id, ids, n) && !declared(x->cfg, id)) {
            const char *near = str_nearest(id, ids, n);
            return err_set(reterr, "unknown probe '%s'%s%s%s", id, near ? "; did you mean '" : "",
                           near ? near : "", near ? "'?" : "");
        }
        if (!listed(id, chosen, count))
            chosen[count++] = id;
    }
    qsort(chosen, count, sizeof(*chosen), by_bytes);
    x->o.probes = chosen;
    x->o.probe_count = count;
    return 0;
}

static int choose_probes(struct export *x, struct err *reterr)
{
    const char *const *ids;
    size_t n;
    if (store_reader_probe_ids(x->reader, &x->arena, &ids, &n, reterr) < 0)
        return -1;
    if (x->wanted->n)
        return choose(x, ids, n, reterr);
    x->o.probes = ids;
    x->o.probe_count = n;
    return 0;
}

/* A terminal shows the lines themselves. */
static int export_all(struct export *x, bool color, struct err *reterr)
{
    struct progress bar;
    int64_t n;
    if (choose_probes(x, reterr) < 0)
        return -1;
    progress_start(&bar, "exporting", 0, color);
    x->o.write = write_lines;
    x->o.progress = isatty(STDOUT_FILENO) ? NULL : x->samples ? on_samples : on_results;
    x->o.ctx = &bar;
    int rc = x->samples ? export_samples(x->reader, &x->o, &n, reterr)
                        : export_results(x->reader, &x->o, &n, reterr);
    progress_end(&bar);
    return rc;
}

static int open_and_export(const struct command *self, const struct cli_common *common,
                           struct export *x)
{
    struct err err;
    struct config *cfg = cli_config(self, common, true);
    if (!cfg)
        return EXIT_BAD;
    x->cfg = cfg;
    int rc = store_reader_open(cfg->daemon.database, &x->reader, &err);
    if (rc == 0)
        rc = export_all(x, cli_color(common, stderr), &err);
    store_reader_free(x->reader);
    arena_release(&x->arena);
    config_unref(cfg);
    if (rc < 0)
        return cli_fail(self, "%s", err.msg);
    return rc == 0 ? EXIT_GOOD : EXIT_BAD; /* main() tells that output was lost */
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common = {0};
    struct option_list wanted = {0};
    struct export x = {.wanted = &wanted, .o = {.to_us = WHEN_END_US}};
    const struct cli_option options[] = {
        {"probe", 'p', OPT_STRINGS, &wanted, "ID", "only this probe; may be repeated"},
        {"from", 0, OPT_TIME, &x.o.from_us, "TIME", "what is at or after this"},
        {"to", 0, OPT_TIME, &x.o.to_us, "TIME", "what is before this"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1)
        return cli_usage(self, "expected what to export: results or samples");
    x.samples = str_eq(argv[first], "samples");
    if (!x.samples && !str_eq(argv[first], "results"))
        return cli_usage(self, "cannot export '%s', only results or samples", argv[first]);
    if (common.format && !str_eq(common.format, "ndjson"))
        return cli_usage(self, "--format is ndjson; found '%s'", common.format);
    if (x.o.to_us <= x.o.from_us)
        return cli_usage(self, "--from must be before --to");
    return open_and_export(self, &common, &x);
}

const struct command command_export = {
    .name = "export",
    .arguments = "results|samples",
    .summary = "write stored results, or samples of metrics, as NDJSON",
    .details = "One JSON object a line, as `nines import` takes them, by probe and time. Works\n"
               "with and without a running daemon. Lines do not say how late a run started, nor\n"
               "that its connection was kept.\n\n"
               "Examples:\n"
               "  nines export results > history.ndjson\n"
               "  nines export results --probe api-health --from 2026-10-01T00:00:00Z\n"
               "  nines export samples --probe api-metrics > samples.ndjson\n"
               "  nines export results | nines import --db copy.db --create interval=15s -\n",
    .run = run,
};
