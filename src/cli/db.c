/* nines db: is the database in order, and what is it made of. */
#include "cli/cli.h"
#include "cli/table.h"

#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "nines/config.h"
#include "store/dbcheck.h"
#include "store/dbstats.h"

#include <inttypes.h>
#include <jansson.h>

static bool known_format(const struct cli_common *common)
{
    return !common->format || str_eq(common->format, "text") || str_eq(common->format, "json");
}

/* Parses what both have in common; -1 to go on, and then `*ret` is set. */
static int begin(const struct command *self, const struct cli_option *options, int argc,
                 char **argv, struct cli_common *common, struct config **ret)
{
    int first, rc = cli_parse(self, options, argc, argv, common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "unexpected argument '%s'", argv[first]);
    if (!known_format(common))
        return cli_usage(self, "--format is text or json; found '%s'", common->format);
    *ret = cli_config(self, common, true);
    return *ret ? -1 : EXIT_BAD;
}

static void print_json(json_t *doc)
{
    json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(doc);
}

/* Of a damaged file, or the name of a file: any bytes. */
static json_t *text_json(const char *text)
{
    struct str quoted;
    str_init(&quoted, 8 * (strlen(text) + 1));
    json_add_string(&quoted, text);
    json_t *value = json_loads(quoted.buf, JSON_DECODE_ANY, NULL);
    str_release(&quoted);
    return value;
}

/* ---- nines db check --------------------------------------------------------------- */

struct checking {
    struct progress bar;
    json_t *faults; /* NULL: they are printed */
};

static void on_fault(void *ctx, const char *text)
{
    struct checking *c = ctx;
    progress_end(&c->bar);
    if (c->faults)
        json_array_append_new(c->faults, text_json(text));
    else
        printf("%s\n", text);
}

static void on_progress(void *ctx, const char *what, int64_t done, int64_t total)
{
    struct checking *c = ctx;
    c->bar.total = total;
    progress_update(&c->bar, done, what);
}

static void print_totals(const struct dbcheck *c)
{
    const struct dbcheck_totals *t = &c->totals;
    printf("checked: %" PRId64 " results in rows, %" PRId64 " in %" PRId64 " chunks; ", t->rows,
           t->sealed, t->chunks);
    if (!c->quick)
        printf("rollups of %" PRId64 " probes, of %" PRId64 " hours and %" PRId64 " days; ",
               t->probes, t->hours, t->days);
    if (t->samples)
        printf("%" PRId64 " samples and %" PRId64 " events; ", t->samples, t->events);
    printf("%" PRId64 " alerts, %" PRId64 " messages\n", t->alerts, t->messages);
    if (t->faults)
        printf("%s: %" PRId64 " fault%s\n", c->path, t->faults, t->faults == 1 ? "" : "s");
    else
        printf("%s: in order\n", c->path);
}

static json_t *totals_json(const struct dbcheck_totals *t)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "rows",
                     (json_int_t)t->rows, "sealed", (json_int_t)t->sealed, "chunks",
                     (json_int_t)t->chunks, "probes", (json_int_t)t->probes, "hours",
                     (json_int_t)t->hours, "days", (json_int_t)t->days, "samples",
                     (json_int_t)t->samples, "events", (json_int_t)t->events, "alerts",
                     (json_int_t)t->alerts, "messages", (json_int_t)t->messages);
}

static const struct command command_check_db = {
    .name = "db check",
    .arguments = "",
    .summary = "hold the database against itself",
    .details = "Pages and indexes, every chunk, rollups against the results they sum up, events\n"
               "of metric SLIs against the samples, alerts against their transitions. Every fault "
               "is a line; exit 1 if there is one. Only\n"
               "reads, also beside a running daemon.\n\n"
               "Examples:\n"
               "  nines db check\n"
               "  nines db check --quick --db /backup/nines.db\n",
};

static int run_check(int argc, char **argv)
{
    const struct command *self = &command_check_db;
    struct cli_common common = {0};
    struct checking checking = {0};
    struct config *cfg = NULL;
    struct dbcheck c = {.fault = on_fault, .progress = on_progress, .ctx = &checking};
    const struct cli_option options[] = {
        {"quick", 0, OPT_FLAG, &c.quick, NULL, "trust indexes and rollups"},
        {0},
    };
    int rc = begin(self, options, argc, argv, &common, &cfg);
    if (rc >= 0)
        return rc;
    struct err err;
    bool json = common.format && str_eq(common.format, "json");
    c.path = cfg->daemon.database;
    checking.faults = json ? json_array() : NULL;
    progress_start(&checking.bar, "checking", 0, cli_color(&common, stderr));
    rc = dbcheck_run(&c, &err);
    progress_end(&checking.bar);
    if (rc < 0)
        rc = cli_fail(self, "%s", err.msg);
    else if (json)
        print_json(json_pack("{s:b, s:O, s:o}", "ok", c.totals.faults == 0, "faults",
                             checking.faults, "checked", totals_json(&c.totals)));
    else
        print_totals(&c);
    json_decref(checking.faults);
    config_unref(cfg);
    return rc == 0 && c.totals.faults ? EXIT_BAD : rc;
}

/* ---- nines db stats --------------------------------------------------------------- */

static double per(int64_t bytes, int64_t n)
{
    return n > 0 ? (double)bytes / (double)n : 0;
}

static const char *vacuum_name(int mode)
{
    static const char *const names[] = {"none", "full", "incremental"};
    return mode >= 0 && mode < 3 ? names[mode] : "unknown";
}

static json_t *real_or_null(bool known, double v)
{
    return known ? json_real(v) : json_null();
}

/* A damaged file may hold others. */
static bool is_time(int64_t us)
{
    return us >= 0 && us < WHEN_END_US;
}

static json_t *time_or_null(bool known, int64_t us)
{
    char buf[WHEN_MAX];
    return known && is_time(us) ? json_string(when_text(buf, us)) : json_null();
}

static json_t *tables_json(const struct dbstats *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->table_count; i++) {
        const struct dbstats_table *t = &s->tables[i];
        json_array_append_new(list,
                              json_pack("{s:o, s:s, s:o, s:o}", "name", text_json(t->name), "type",
                                        t->index ? "index" : "table", "bytes",
                                        s->sized ? json_integer(t->bytes) : json_null(), "rows",
                                        t->rows < 0 ? json_null() : json_integer(t->rows)));
    }
    return list;
}

static json_t *classes_json(const struct dbstats *s)
{
    json_t *list = json_array();
    char interval[UNITS_MAX];
    for (size_t i = 0; i < s->class_count; i++) {
        const struct dbstats_class *c = &s->classes[i];
        bool any = c->rows + c->sealed > 0;
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:I, s:I, s:o, s:o}", "interval",
                            c->interval_us ? units_duration(interval, c->interval_us) : "unknown",
                            "probes", (json_int_t)c->probes, "rows", (json_int_t)c->rows, "sealed",
                            (json_int_t)c->sealed, "oldest", time_or_null(any, c->oldest_us),
                            "newest", time_or_null(any, c->newest_us)));
    }
    return list;
}

static json_t *results_json(const struct dbstats *s)
{
    int64_t n = s->rows + s->sealed, bytes = s->row_bytes + s->sealed_bytes;
    return json_pack(
        "{s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "rows", (json_int_t)s->rows, "sealed",
        (json_int_t)s->sealed, "chunks", (json_int_t)s->chunks, "bytes_per_row",
        real_or_null(s->sized && s->rows, per(s->row_bytes, s->rows)), "bytes_per_sealed",
        real_or_null(s->sized && s->sealed, per(s->sealed_bytes, s->sealed)), "bytes_per_result",
        real_or_null(s->sized && n, per(bytes, n)), "bytes_per_result_with_rollups",
        real_or_null(s->sized && n, per(bytes + s->rollup_bytes, n)));
}

static json_t *samples_json(const struct dbstats *s)
{
    return json_pack("{s:I, s:o, s:I, s:o}", "samples", (json_int_t)s->samples, "bytes_per_sample",
                     real_or_null(s->sized && s->samples, per(s->sample_bytes, s->samples)),
                     "events", (json_int_t)s->events, "bytes_per_event",
                     real_or_null(s->sized && s->events, per(s->event_bytes, s->events)));
}

static json_t *stats_json(const char *path, const struct dbstats *s)
{
    return json_pack("{s:o, s:I, s:s, s:I, s:I, s:I, s:I, s:o, s:I, s:o, s:o, s:o, s:o}",
                     "database", text_json(path), "schema", (json_int_t)s->schema, "auto_vacuum",
                     vacuum_name(s->auto_vacuum), "page_size", (json_int_t)s->page_size, "pages",
                     (json_int_t)s->pages, "free_pages", (json_int_t)s->free_pages, "file_bytes",
                     (json_int_t)s->file_bytes, "map_bytes",
                     s->sized ? json_integer(s->map_bytes) : json_null(), "wal_bytes",
                     (json_int_t)s->wal_bytes, "tables", tables_json(s), "results", results_json(s),
                     "metrics", samples_json(s), "probes", classes_json(s));
}

static void print_share(const char *name, int64_t bytes, int64_t rows, const struct dbstats *s)
{
    char size[UNITS_MAX], count[24] = "";
    if (rows >= 0)
        snprintf(count, sizeof(count), "%" PRId64, rows);
    printf("%-30s %12s %10s %6.1f%%\n", name, count, units_human_size(size, bytes),
           100 * per(bytes, s->pages * s->page_size));
}

static void print_tables(const struct dbstats *s)
{
    printf("\n%-30s %12s %10s %7s\n", "TABLE OR INDEX", "ROWS", "BYTES", "SHARE");
    for (size_t i = 0; i < s->table_count; i++)
        print_share(s->tables[i].name, s->tables[i].bytes, s->tables[i].rows, s);
    print_share("(free)", s->free_pages * s->page_size, -1, s);
    print_share("(page maps)", s->map_bytes, -1, s);
    if (!s->sized)
        puts("This SQLite was built without dbstat: it does not tell what a table takes.");
}

static void print_each(const char *name, int64_t n, int64_t bytes, const struct dbstats *s)
{
    char each[24] = "";
    if (n > 0 && s->sized)
        snprintf(each, sizeof(each), "%.2f", per(bytes, n));
    printf("%-30s %12" PRId64 " %18s\n", name, n, each);
}

static void print_results(const struct dbstats *s)
{
    char chunks[48];
    int64_t n = s->rows + s->sealed, bytes = s->row_bytes + s->sealed_bytes;
    printf("\n%-30s %12s %18s\n", "RESULTS", "NUMBER", "BYTES EACH");
    snprintf(chunks, sizeof(chunks), "in %" PRId64 " chunk%s", s->chunks,
             s->chunks == 1 ? "" : "s");
    print_each("rows", s->rows, s->row_bytes, s);
    print_each(chunks, s->sealed, s->sealed_bytes, s);
    print_each("all", n, bytes, s);
    print_each("all, with their rollups", n, bytes + s->rollup_bytes, s);
    if (s->samples)
        print_each("samples of metrics", s->samples, s->sample_bytes, s);
    if (s->events)
        print_each("events of metric SLIs", s->events, s->event_bytes, s);
}

static void print_classes(const struct dbstats *s)
{
    char interval[UNITS_MAX], oldest[WHEN_MAX], newest[WHEN_MAX];
    printf("\n%-10s %8s %12s  %-27s %s\n", "EVERY", "PROBES", "RESULTS", "OLDEST", "NEWEST");
    for (size_t i = 0; i < s->class_count; i++) {
        const struct dbstats_class *c = &s->classes[i];
        int64_t n = c->rows + c->sealed;
        printf("%-10s %8" PRId64 " %12" PRId64 "  %-27s %s\n",
               c->interval_us ? units_duration(interval, c->interval_us) : "unknown", c->probes, n,
               n && is_time(c->oldest_us) ? when_text(oldest, c->oldest_us) : "-",
               n && is_time(c->newest_us) ? when_text(newest, c->newest_us) : "-");
    }
}

static void print_stats(const char *path, const struct dbstats *s)
{
    char size[UNITS_MAX], log[UNITS_MAX];
    printf("%s: %s in %" PRId64 " pages, log %s, schema %" PRId64 ", auto_vacuum %s\n", path,
           units_human_size(size, s->pages * s->page_size), s->pages,
           units_human_size(log, s->wal_bytes), s->schema, vacuum_name(s->auto_vacuum));
    if (s->auto_vacuum == 0)
        puts("Made by an older version: free pages are used again, but the file never shrinks.");
    print_tables(s);
    print_results(s);
    if (s->class_count)
        print_classes(s);
}

static const struct command command_stats_db = {
    .name = "db stats",
    .arguments = "",
    .summary = "show what the database is made of",
    .details = "Bytes of each table and index, of a result as a row and sealed, and how far back\n"
               "results go. Reads all of the file, also beside a running daemon.\n\n"
               "Examples:\n"
               "  nines db stats\n"
               "  nines db stats --json --db /backup/nines.db\n",
};

static int run_stats(int argc, char **argv)
{
    const struct command *self = &command_stats_db;
    struct cli_common common = {0};
    struct config *cfg = NULL;
    struct dbstats stats;
    struct err err;
    int rc = begin(self, NULL, argc, argv, &common, &cfg);
    if (rc >= 0)
        return rc;
    if (dbstats_read(cfg->daemon.database, &stats, &err) < 0) {
        rc = cli_fail(self, "%s", err.msg);
    } else {
        if (common.format && str_eq(common.format, "json"))
            print_json(stats_json(cfg->daemon.database, &stats));
        else
            print_stats(cfg->daemon.database, &stats);
        dbstats_release(&stats);
        rc = EXIT_GOOD;
    }
    config_unref(cfg);
    return rc;
}

/* ---- nines db ---------------------------------------------------------------------- */

static int run(const struct command *self, int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], "check"))
        return run_check(argc - 1, argv + 1);
    if (argc > 1 && str_eq(argv[1], "stats"))
        return run_stats(argc - 1, argv + 1);
    struct cli_common common = {0};
    int first, rc = cli_parse(self, NULL, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "'%s' is neither check nor stats", argv[first]);
    return cli_usage(self, "expected check or stats");
}

const struct command command_db = {
    .name = "db",
    .arguments = "[check|stats]",
    .summary = "check the database, or show what it is made of",
    .details = "  nines db check    hold the database against itself\n"
               "  nines db stats    bytes of tables and results\n\n"
               "Examples:\n"
               "  nines db check\n"
               "  nines db stats --json\n",
    .run = run,
};
