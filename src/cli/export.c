/* nines export: what is stored, for other tools and for nines import; objectives
 * for tools that read OpenSLO. */
#include "cli/cli.h"
#include "cli/table.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "config/openslo_write.h"
#include "engine/export.h"
#include "nines/config.h"
#include "nines/slo.h"

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

/* ---- objectives -------------------------------------------------------------------- */

#define OPENSLO_MAX ((size_t)64 << 20)

/* Every name that is asked for must be one. */
static int check_names(const struct config *cfg, const struct option_list *wanted,
                       struct err *reterr)
{
    const char **names = mem_array(cfg->slo_count + 1, sizeof(*names));
    int rc = 0;
    for (size_t i = 0; i < cfg->slo_count; i++)
        names[i] = cfg->slos[i]->name;
    for (size_t i = 0; rc == 0 && i < wanted->n; i++) {
        if (listed(wanted->at[i], names, cfg->slo_count))
            continue;
        const char *near = str_nearest(wanted->at[i], names, cfg->slo_count);
        rc = err_set(reterr, "unknown SLO '%s'%s%s%s", wanted->at[i],
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    mem_free(&names);
    return rc;
}

/* All that can be said is written, also when something cannot. */
static int write_openslo(const struct command *self, const struct config *cfg,
                         const struct option_list *wanted)
{
    struct err err;
    struct str out;
    int code = EXIT_GOOD;
    if (check_names(cfg, wanted, &err) < 0)
        return cli_fail(self, "%s", err.msg);
    str_init(&out, OPENSLO_MAX);
    for (size_t i = 0, n; i < cfg->slo_count; i += n) {
        n = openslo_objectives(cfg->slos + i, cfg->slo_count - i);
        if (wanted->n && !listed(cfg->slos[i]->name, wanted->at, wanted->n))
            continue;
        str_clear(&out);
        if (openslo_write(cfg->slos + i, n, &out, &err) < 0)
            code = cli_fail(self, "%s", err.msg);
        fwrite(out.buf, 1, out.len, stdout);
    }
    str_release(&out);
    return code;
}

static int export_openslo(const struct command *self, const struct cli_common *common,
                          const struct option_list *wanted)
{
    if (common->format && !str_eq(common->format, "yaml"))
        return cli_usage(self, "--format of openslo is yaml; found '%s'", common->format);
    struct config *cfg = cli_config(self, common, true);
    if (!cfg)
        return EXIT_BAD;
    int code = write_openslo(self, cfg, wanted);
    config_unref(cfg);
    return code;
}

/* ---- the command ---------------------------------------------------------------------- */

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common = {0};
    struct option_list wanted = {0}, slos = {0};
    struct export x = {.wanted = &wanted, .o = {.to_us = WHEN_END_US}};
    const struct cli_option options[] = {
        {"probe", 'p', OPT_STRINGS, &wanted, "ID", "only this probe; may be repeated"},
        {"slo", 's', OPT_STRINGS, &slos, "NAME", "of openslo: only this SLO; may be repeated"},
        {"from", 0, OPT_TIME, &x.o.from_us, "TIME", "what is at or after this"},
        {"to", 0, OPT_TIME, &x.o.to_us, "TIME", "what is before this"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1)
        return cli_usage(self, "expected what to export: results, samples or openslo");
    if (str_eq(argv[first], "openslo")) {
        if (wanted.n || x.o.from_us || x.o.to_us != WHEN_END_US)
            return cli_usage(self, "openslo is of the configuration: it takes --slo, not --probe, "
                                   "--from and --to");
        return export_openslo(self, &common, &slos);
    }
    if (slos.n)
        return cli_usage(self, "--slo is of openslo; results and samples are of probes");
    x.samples = str_eq(argv[first], "samples");
    if (!x.samples && !str_eq(argv[first], "results"))
        return cli_usage(self, "cannot export '%s', only results, samples or openslo", argv[first]);
    if (common.format && !str_eq(common.format, "ndjson"))
        return cli_usage(self, "--format is ndjson; found '%s'", common.format);
    if (x.o.to_us <= x.o.from_us)
        return cli_usage(self, "--from must be before --to");
    return open_and_export(self, &common, &x);
}

const struct command command_export = {
    .name = "export",
    .arguments = "results|samples|openslo",
    .summary = "write stored results or samples as NDJSON, or objectives as OpenSLO",
    .details = "One JSON object a line, as `nines import` takes them, by probe and time. Works\n"
               "with and without a running daemon. Lines do not say how late a run started, nor\n"
               "that its connection was kept.\n\n"
               "`openslo` writes the objectives of the configuration as OpenSLO v1, from which\n"
               "the same objectives are read.\n\n"
               "Examples:\n"
               "  nines export results > history.ndjson\n"
               "  nines export results --probe api-health --from 2026-10-01T00:00:00Z\n"
               "  nines export samples --probe api-metrics > samples.ndjson\n"
               "  nines export openslo --slo api-availability > api-availability.yaml\n"
               "  nines export results | nines import --db copy.db --create interval=15s -\n",
    .run = run,
};
