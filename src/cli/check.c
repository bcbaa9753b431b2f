/* nines check: everything that is wrong with the configuration, in one go. */
#include "cli/check_agents.h"
#include "cli/check_lint.h"
#include "cli/cli.h"
#include "cli/table.h"

#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "engine/kinds.h"
#include "nines/config.h"
#include "nines/diag.h"
#include "nines/probe.h"
#include "nines/slo.h"

#define JSON_MAX (64u << 20) /* some KiB for each objective */
#define RATE_MAX 32

static double probes_per_second(const struct config *c)
{
    double rate = 0;
    for (size_t i = 0; i < c->probe_count; i++)
        rate += (double)USEC_PER_SEC / (double)c->probes[i]->interval_us;
    return rate;
}

/* Objectives of one SLO have its name, and lie beside each other. */
static size_t count_slos(const struct config *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->slo_count; i++)
        n += i == 0 || !str_eq(c->slos[i]->name, c->slos[i - 1]->name);
    return n;
}

static const char *rate_text(char buf[static RATE_MAX], double rate)
{
    if (rate > 0 && rate < 0.01)
        return "less than 0.01/s";
    snprintf(buf, RATE_MAX, "%.*f/s", rate < 1 ? 2 : 1, rate);
    return buf;
}

static void print_summary(const struct config *c, const struct diag *d)
{
    char rate[RATE_MAX];
    size_t slos = count_slos(c);
    printf("%zu probe%s (%s), %zu SLO%s", c->probe_count, c->probe_count == 1 ? "" : "s",
           rate_text(rate, probes_per_second(c)), slos, slos == 1 ? "" : "s");
    if (slos != c->slo_count)
        printf(" of %zu objectives", c->slo_count);
    printf(", %zu receiver%s from %zu file%s: ok", c->receiver_count,
           c->receiver_count == 1 ? "" : "s", c->file_count, c->file_count == 1 ? "" : "s");
    if (d->warnings)
        printf(", %zu warning%s", d->warnings, d->warnings == 1 ? "" : "s");
    putchar('\n');
}

static void add_items(struct str *out, const char *key, const struct diag *d, bool warnings)
{
    const char *sep = "";
    str_addf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < d->n; i++) {
        const struct diag_item *item = &d->items[i];
        if (item->warning != warnings)
            continue;
        str_addf(out, "%s{\"file\":", sep);
        json_add_string(out, item->pos.file);
        str_addf(out, ",\"line\":%d,\"column\":%d,\"message\":", item->pos.line, item->pos.column);
        json_add_string(out, item->text);
        str_addc(out, '}');
        sep = ",";
    }
    str_addc(out, ']');
}

/* `c` is NULL when there are errors. */
static int print_json(const struct command *self, const struct config *c, const struct diag *d)
{
    struct str out;
    str_init(&out, JSON_MAX);
    str_addf(&out, "{\"ok\":%s", c ? "true" : "false");
    if (c)
        str_addf(&out,
                 ",\"files\":%zu,\"probes\":%zu,\"probes_per_second\":%.6f,\"slos\":%zu,"
                 "\"objectives\":%zu,\"receivers\":%zu",
                 c->file_count, c->probe_count, probes_per_second(c), count_slos(c), c->slo_count,
                 c->receiver_count);
    if (c)
        check_lint_json(c, &out);
    if (c)
        check_agents_json(c, &out);
    add_items(&out, "errors", d, false);
    add_items(&out, "warnings", d, true);
    str_addf(&out, ",\"dropped\":%zu}", d->dropped);
    int rc = out.overflow ? cli_fail(self, "there is too much to say") : EXIT_GOOD;
    if (rc == EXIT_GOOD)
        puts(out.buf);
    str_release(&out);
    return rc;
}

static void no_files(const struct config_sources *src, struct diag *d)
{
    if (src->path_count)
        diag_error(d, (struct pos){.file = src->paths[0]}, "no *.yaml or *.yml file here");
    else
        diag_error(d, (struct pos){.file = "nines.yaml"},
                   "nothing to check: there is no nines.yaml here and no file in probes or slos");
}

static void check_lints(const struct config *config, struct diag *diag)
{
    check_agents_warn(config, diag);
    check_lint_warn(config, diag); /* sorts them */
}

static int check(const struct command *self, const struct cli_common *common,
                 const struct config_sources *src, bool verbose)
{
    struct diag diag = {0};
    struct config *config = NULL;
    bool json = str_eq(common->format, "json");
    if (config_load(src, engine_config_tables(), &config, &diag) == 0 && config->file_count == 0) {
        no_files(src, &diag);
        config_unref(config);
        config = NULL;
    }
    int rc = config ? EXIT_GOOD : EXIT_BAD;
    if (config)
        check_lints(config, &diag);
    if (json) {
        rc = print_json(self, config, &diag) == EXIT_GOOD ? rc : EXIT_BAD;
    } else {
        cli_print_diag(&diag, stderr, cli_color(common, stderr));
        if (config && verbose) {
            check_lint_print(config, cli_color(common, stdout));
            check_agents_print(config, cli_color(common, stdout));
        }
        if (config)
            print_summary(config, &diag);
        else
            cli_fail(self, "%zu error%s", diag.errors, diag.errors == 1 ? "" : "s");
    }
    config_unref(config);
    diag_release(&diag);
    return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
    bool verbose = false;
    const struct cli_option options[] = {
        {"verbose", 'v', OPT_FLAG, &verbose, NULL,
         "what objectives and their alerts are worth, what agents cost"},
        {0},
    };
    struct cli_common common = {0};
    int first;
    int rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (common.format && !str_eq(common.format, "json") && !str_eq(common.format, "text"))
        return cli_usage(self, "--format is text or json, not '%s'", common.format);
    struct config_sources src = {.config_file = common.config,
                                 .paths = (const char *const *)(argv + first),
                                 .path_count = (size_t)(argc - first)};
    return check(self, &common, &src, verbose);
}

const struct command command_check = {
    .name = "check",
    .arguments = "[PATH...]",
    .summary = "validate the configuration",
    .details = "Reads nines.yaml, probes/ and slos/, or the files and folders given, and prints\n"
               "every error as file:line:column with what was expected. Nothing is probed.\n"
               "Objectives that one failed run breaches or pages for are warned of; --verbose\n"
               "says of every one how many failures its alerts take, and how soon they tell,\n"
               "and of agents what a day of asking may come to, in tokens and money.\n"
               "Exit status: 0 when all is well (warnings do not count), 1 when it is not.\n"
               "\n"
               "Examples:\n"
               "  nines check\n"
               "  nines check probes/api.yaml slos/\n"
               "  nines check --verbose\n"
               "  nines check --config /etc/nines/nines.yaml --json\n",
    .run = run,
};
