/* nines import-slo: SLO files of other tools as nines' own. */
#include "cli/cli.h"
#include "cli/table.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "config/file.h"
#include "config/import_slo.h"
#include "config/load.h"
#include "config/tree.h"
#include "engine/kinds.h"
#include "io/url.h"
#include "nines/config.h"
#include "nines/diag.h"

#include <string.h>

#define OUTPUT_MAX ((size_t)32 << 20)
#define JSON_MAX (4 * OUTPUT_MAX)
#define FILES_MAX 1000

/* ---- what is shown ------------------------------------------------------------------- */

static void add_notes(struct str *out, const struct diag *d)
{
    const char *sep = "";
    str_add(out, "\"not_carried\":[");
    for (size_t i = 0; i < d->n; i++) {
        const struct diag_item *item = &d->items[i];
        str_addf(out, "%s{\"file\":", sep);
        json_add_string(out, item->pos.file);
        str_addf(out, ",\"line\":%d,\"column\":%d,\"message\":", item->pos.line, item->pos.column);
        json_add_string(out, item->text);
        str_addc(out, '}');
        sep = ",";
    }
    str_addf(out, "],\"dropped\":%zu", d->dropped);
}

static int print_json(const struct command *self, const struct str *yaml, const struct diag *d,
                      const struct import_slo_counts *n)
{
    struct str out;
    str_init(&out, JSON_MAX);
    str_addf(&out, "{\"slos\":%zu,\"probes\":%zu,\"slos_not_carried\":%zu,", n->slos, n->probes,
             n->dropped);
    add_notes(&out, d);
    str_add(&out, ",\"yaml\":");
    json_add_string(&out, yaml->buf);
    str_addc(&out, '}');
    int rc = out.overflow ? cli_fail(self, "there is too much to say") : EXIT_GOOD;
    if (rc == EXIT_GOOD)
        puts(out.buf);
    str_release(&out);
    return rc;
}

/* ---- the work ------------------------------------------------------------------------ */

/* What is written loads, or is not written. */
static int check_output(const struct str *yaml, const char *probe, struct diag *diag)
{
    struct config *config = NULL;
    struct diag found = {0};
    struct str text;
    str_init(&text, OUTPUT_MAX + 1024);
    if (probe)
        str_addf(&text,
                 "apiVersion: nines/v1\nkind: Probes\nprobes:\n"
                 "  - {id: '%s', metrics: {url: 'http://localhost/metrics'}}\n---\n",
                 probe);
    str_addn(&text, yaml->buf, yaml->len);
    int rc =
        config_load_text("output", text.buf, text.len, engine_config_tables(), &config, &found);
    for (size_t i = 0; i < found.n; i++)
        if (!found.items[i].warning)
            diag_error(diag, found.items[i].pos, "%s", found.items[i].text);
    config_unref(config);
    diag_release(&found);
    str_release(&text);
    return rc;
}

static void read_files(struct arena *a, char **paths, size_t n, struct import_slo_file *ret,
                       struct diag *diag)
{
    for (size_t i = 0; i < n; i++) {
        struct err err;
        struct str text;
        str_init(&text, YAML_FILE_MAX);
        if (file_read(paths[i], &text, &err) < 0)
            diag_error(diag, (struct pos){.file = paths[i]}, "%s", err.msg);
        ret[i] = (struct import_slo_file){.name = paths[i], .len = text.len};
        ret[i].text = arena_strndup(a, text.buf, text.len);
        str_release(&text);
    }
}

static int import_files(const struct import_slo_file *files, size_t n,
                        const struct import_slo_options *o, struct str *out, struct diag *diag,
                        struct import_slo_counts *counts)
{
    if (diag->errors)
        return -1;
    if (import_slos(files, n, o, out, diag, counts) < 0)
        return -1;
    return check_output(out, o->probe, diag);
}

static int import(const struct command *self, const struct cli_common *common, char **paths,
                  size_t n, const struct import_slo_options *o)
{
    struct arena arena = {0};
    struct import_slo_file *files = arena_alloc(&arena, n * sizeof(*files));
    struct import_slo_counts counts;
    struct diag diag = {0};
    struct str out;
    int rc = EXIT_GOOD;
    str_init(&out, OUTPUT_MAX);
    read_files(&arena, paths, n, files, &diag);
    bool ok = import_files(files, n, o, &out, &diag, &counts) == 0;
    diag_sort(&diag);
    if (!ok) {
        cli_print_diag(&diag, stderr, cli_color(common, stderr));
        rc = cli_fail(self, "%zu error%s", diag.errors, diag.errors == 1 ? "" : "s");
    } else if (str_eq(common->format, "json")) {
        rc = print_json(self, &out, &diag, &counts);
    } else {
        cli_print_diag(&diag, stderr, cli_color(common, stderr));
        fwrite(out.buf, 1, out.len, stdout);
    }
    str_release(&out);
    diag_release(&diag);
    arena_release(&arena);
    return rc;
}

static bool is_id(const char *id)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return id[0] && strchr(letters, id[0]) && strspn(id, all) == strlen(id) && strlen(id) <= 128;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct import_slo_options o = {.tables = engine_config_tables()};
    struct cli_common common = {0};
    struct err err;
    const struct cli_option options[] = {
        {"probe", 'p', OPT_STRING, &o.probe, "ID",
         "read counters from this probe of kind metrics, and write none"},
        {"prometheus", 0, OPT_STRING, &o.prometheus, "URL",
         "read series from this server, with all their labels"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc == first || argc - first > FILES_MAX)
        return cli_usage(self, "expected 1 to %d files", FILES_MAX);
    if (common.format && !str_eq(common.format, "yaml") && !str_eq(common.format, "json"))
        return cli_usage(self, "--format is yaml or json; found '%s'", common.format);
    if (o.probe && !is_id(o.probe))
        return cli_usage(self, "--probe: '%s' is no id of a probe", o.probe);
    if (o.prometheus && url_check(o.prometheus, &err) < 0)
        return cli_usage(self, "--prometheus: %s", err.msg);
    if (o.prometheus && strpbrk(o.prometheus, "?#"))
        return cli_usage(self, "--prometheus: expected the server's URL alone, without a query");
    return import(self, &common, argv + first, (size_t)(argc - first), &o);
}

const struct command command_import_slo = {
    .name = "import-slo",
    .arguments = "FILE...",
    .summary = "SLO files of OpenSLO v1alpha, Sloth and Pyrra as nines' own",
    .details =
        "Writes the SLOs, and the probes that they need, as YAML on the standard output.\n"
        "What cannot be carried over is told on the standard error as file:line:column,\n"
        "with the reason and what to do, and is a comment at its place in the output.\n"
        "Counters are read from the service's own page of metrics, whose address is to be\n"
        "put in; with --prometheus from the server that has them. OpenSLO v1 needs no\n"
        "import: it is read as it is.\n"
        "Exit status: 0 when all was carried over or told, 1 when a file is not understood;\n"
        "then nothing is written.\n"
        "\n"
        "Examples:\n"
        "  nines import-slo sloth/api.yaml > slos/api.yaml\n"
        "  nines import-slo --prometheus http://prometheus:9090 slo/*.yaml > slos/all.yaml\n"
        "  nines import-slo --probe api-metrics pyrra.yaml > slos/api.yaml\n"
        "  nines import-slo --json openslo.yaml\n",
    .run = run,
};
