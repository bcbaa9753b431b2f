/* nines explain: where an error budget went, down to the rows. */
#include "cli/cli.h"
#include "cli/explain.h"
#include "cli/table.h"

#include "base/clock.h"
#include "nines/config.h"
#include "nines/store_reader.h"

#include <errno.h>
#include <stdlib.h>

#define EXPLAIN_BYTES_MAX (64u << 20)
#define LIMIT_DEFAULT 10

struct explain_options {
    struct explain_query q;
    const char *limit, *span;
    bool json;
};

/* A number from 1 to `most`. */
static int read_number(const struct command *self, const char *name, const char *text, long most,
                       size_t *ret)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || *end || end == text || n < 1 || n > most)
        return cli_usage(self, "--%s is a number from 1 to %ld; found '%s'", name, most, text);
    *ret = (size_t)n;
    return -1;
}

/* EXIT_USAGE, or -1 when they make sense. */
static int read_options(const struct command *self, const struct cli_common *common,
                        struct explain_options *o)
{
    int rc;
    o->q.limit = LIMIT_DEFAULT;
    if (common->format && !str_eq(common->format, "text") && !str_eq(common->format, "json"))
        return cli_usage(self, "--format is text or json; found '%s'", common->format);
    o->json = str_eq(common->format, "json");
    if (o->limit &&
        (rc = read_number(self, "limit", o->limit, EXPLAIN_LIMIT_MAX, &o->q.limit)) >= 0)
        return rc;
    return o->span ? read_number(self, "span", o->span, EXPLAIN_SPANS_MAX, &o->q.span) : -1;
}

static int explain(struct config *cfg, struct explain_options *o, const struct report_style *style,
                   struct str *text, struct err *reterr)
{
    struct clock clock;
    struct store_reader *reader;
    struct explain *e = NULL;
    if (store_reader_open(cfg->daemon.database, &reader, reterr) < 0)
        return -1;
    clock_init(&clock);
    int rc = o->q.at_us ? 0 : query_now(reader, clock_now(&clock), &o->q.at_us, reterr);
    if (rc == 0)
        rc = explain_read(cfg, reader, &o->q, &e, reterr);
    if (rc == 0)
        rc = o->json ? explain_put_json(e, text) : explain_put_text(e, style, text);
    if (rc < 0 && text->overflow)
        err_set(reterr, "there is too much to show; see --limit");
    explain_free(e);
    store_reader_free(reader);
    return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common = {0};
    struct explain_options o = {0};
    const struct cli_option options[] = {
        {"at", 0, OPT_TIME, &o.q.at_us, "TIME", "look back from TIME instead of now"},
        {"objective", 'o', OPT_STRING, &o.q.objective_name, "NAME",
         "which one, of an SLO with several"},
        {"limit", 'n', OPT_STRING, &o.limit, "N", "show N spans, and N rows; 10 by default"},
        {"span", 's', OPT_STRING, &o.span, "N", "show the rows of span N; 1, the largest"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1)
        return cli_usage(self, "expected one SLO: nines explain SLO");
    if ((rc = read_options(self, &common, &o)) >= 0)
        return rc;
    o.q.slo = argv[first];
    struct config *cfg = cli_config(self, &common, true);
    if (!cfg)
        return EXIT_BAD;
    struct report_style style = {.color = cli_color(&common, stdout), .width = cli_width(stdout)};
    struct str text;
    struct err err = {{0}};
    str_init(&text, EXPLAIN_BYTES_MAX);
    if (explain(cfg, &o, &style, &text, &err) < 0)
        rc = cli_fail(self, "%s", err.msg);
    else
        rc = EXIT_GOOD;
    if (rc == EXIT_GOOD)
        fwrite(text.buf, 1, text.len, stdout);
    str_release(&text);
    config_unref(cfg);
    return rc;
}

const struct command command_explain = {
    .name = "explain",
    .arguments = "SLO",
    .summary = "tell where an error budget went: spans, reasons, rows",
    .details = "Minutes with bad events that lie at most 5 minutes apart (or two intervals of the\n"
               "probe) are one span. Spans are numbered by what they cost, and together hold all\n"
               "bad events of the report. Under a span stand the changes of the hour before it\n"
               "and within, and the alerts that fired. What is missing is listed in spans too.\n"
               "Below are the rows of the largest span, or of the one that --span names.\n\n"
               "Examples:\n"
               "  nines explain api-availability\n"
               "  nines explain api-availability --at 2026-11-01T00:00:00Z --limit 3\n"
               "  nines explain api-availability --span 2 --limit 100\n"
               "  nines explain api-availability --json\n",
    .run = run,
};
