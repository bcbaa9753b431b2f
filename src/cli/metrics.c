/* nines metrics FILE|URL: what a page of metrics says, or what is wrong with it. */
#include "cli/metrics.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"
#include "cli/table.h"
#include "io/url.h"
#include "model/selector.h"
#include "nines/diag.h"
#include "nines/sample.h"

#include <inttypes.h>
#include <math.h>

#define ERRORS_MAX 100 /* of one page: what follows is mostly their doing */
#define LINE_MAX_BYTES (16 << 10)
#define DEFAULT_TIMEOUT_US (10 * USEC_PER_SEC)

struct metrics {
    const struct command *self;
    struct cli_common common;
    struct metrics_source source;
    struct metrics_page page;
    struct arena arena;
    const struct selector **wanted; /* NULL: all */
    size_t wanted_count;
    struct diag diag;
    bool more_errors;
    size_t unshown; /* series that have no canonical text */
};

/* ---- checking -------------------------------------------------------------------------- */

static void begin(struct promtext *p, const struct metrics *m)
{
    promtext_open(p, m->page.format, m->page.text, m->page.n, m->wanted, m->wanted_count);
}

/* Selectors that no series matches are errors of no place. */
static void check_found(struct metrics *m, const struct promtext *p)
{
    for (size_t i = 0; i < m->wanted_count; i++) {
        if (promtext_matches(p, i) == 0)
            diag_error(&m->diag, (struct pos){.file = m->page.name}, "no series matches %s",
                       selector_text(m->wanted[i]));
    }
}

/* A page is right as a whole or not at all: nothing is shown before all is read. */
static void check(struct metrics *m)
{
    struct promtext_sample sample;
    struct promtext p;
    int rc;
    begin(&p, m);
    while ((rc = promtext_next(&p, &sample)) != 0) {
        if (rc > 0)
            continue;
        if (m->diag.errors == ERRORS_MAX) {
            m->more_errors = true;
            break;
        }
        struct pos pos = {.file = m->page.name, .line = (int)p.line, .column = (int)p.column};
        diag_error(&m->diag, pos, "%s", p.error);
        promtext_go_on(&p);
    }
    if (m->diag.errors == 0)
        check_found(m, &p);
    promtext_close(&p);
    diag_sort(&m->diag);
}

/* ---- showing ------------------------------------------------------------------------------ */

/* RFC 3339 where that has a year for it, else microseconds. */
static const char *time_text(char buf[static WHEN_MAX], int64_t us)
{
    if (us >= 0 && us < WHEN_END_US)
        return when_text(buf, us);
    snprintf(buf, WHEN_MAX, "%" PRId64 "us", us);
    return buf;
}

static void put_text(const struct promtext_sample *s, const char *series, struct str *out)
{
    char number[SERIES_NUMBER_MAX], when[WHEN_MAX];
    str_addf(out, "%s %s", series, series_number_text(number, s->value));
    if (s->has_time)
        str_addf(out, " %s", time_text(when, s->time_us));
    str_addc(out, '\n');
}

/* JSON has no NaN and no infinity: they are strings. */
static void put_json(const struct promtext_sample *s, const char *series, bool first,
                     struct str *out)
{
    char number[SERIES_NUMBER_MAX], when[WHEN_MAX];
    const char *quote = isfinite(s->value) ? "" : "\"";
    str_add(out, first ? "\n{\"series\":" : ",\n{\"series\":");
    json_add_string(out, series);
    str_addf(out, ",\"type\":\"%s\",\"value\":%s%s%s", promtext_type_name(s->type), quote,
             series_number_text(number, s->value), quote);
    if (s->has_time)
        str_addf(out, ",\"time\":\"%s\"", time_text(when, s->time_us));
    str_addc(out, '}');
}

static void show_samples(struct metrics *m, bool json)
{
    struct promtext_sample sample;
    struct str series, out;
    struct promtext p;
    bool first = true;
    str_init(&series, LINE_MAX_BYTES);
    str_init(&out, LINE_MAX_BYTES);
    begin(&p, m);
    while (promtext_next(&p, &sample) > 0) {
        str_clear(&series);
        str_clear(&out);
        if (series_put(&sample.series, &series, NULL) < 0) {
            m->unshown++;
            continue;
        }
        if (json)
            put_json(&sample, series.buf, first, &out);
        else
            put_text(&sample, series.buf, &out);
        first = false;
        fwrite(out.buf, 1, out.len, stdout);
    }
    promtext_close(&p);
    str_release(&series);
    str_release(&out);
}

static void show_json(struct metrics *m)
{
    struct str out;
    str_init(&out, 1 << 20);
    printf("{\"format\":\"%s\",\"samples\":[",
           m->page.format == PROMTEXT_OPENMETRICS ? "openmetrics" : "text");
    if (m->diag.errors == 0)
        show_samples(m, true);
    for (size_t i = 0; i < m->diag.n; i++) {
        const struct diag_item *item = &m->diag.items[i];
        str_addf(&out, "%s\n{\"line\":%d,\"column\":%d,\"message\":", i ? "," : "", item->pos.line,
                 item->pos.column);
        json_add_string(&out, item->text);
        str_addc(&out, '}');
    }
    printf("],\"errors\":[%s],\"more_errors\":%s}\n", out.buf, m->more_errors ? "true" : "false");
    str_release(&out);
}

static int show(struct metrics *m)
{
    if (str_eq(m->common.format, "json")) {
        show_json(m);
    } else if (m->diag.errors == 0) {
        show_samples(m, false);
    } else {
        cli_print_diag(&m->diag, stderr, cli_color(&m->common, stderr));
        if (m->more_errors)
            fputs("and more behind them\n", stderr);
    }
    if (m->unshown)
        cli_fail(m->self, "%zu series left out: longer than %d bytes, or with a NUL byte",
                 m->unshown, SAMPLE_SERIES_MAX - 1);
    return m->diag.errors ? EXIT_BAD : EXIT_GOOD;
}

/* ---- arguments ------------------------------------------------------------------------------ */

static int parse_selectors(struct metrics *m, char *const *texts, size_t n)
{
    struct err err;
    size_t at;
    if (n == 0)
        return -1;
    m->wanted = arena_alloc(&m->arena, n * sizeof(*m->wanted));
    m->wanted_count = n;
    for (size_t i = 0; i < n; i++) {
        if (selector_parse(&m->arena, texts[i], strlen(texts[i]), &m->wanted[i], &at, &err) < 0)
            return cli_usage(m->self, "selector '%s', character %zu: %s", texts[i], at + 1,
                             err.msg);
    }
    return -1;
}

static const char *url_option(const struct metrics_source *s)
{
    return s->headers.n    ? "--header"
           : s->insecure   ? "--insecure"
           : s->timeout_us ? "--timeout"
                           : NULL;
}

/* -1: all is well. */
static int check_arguments(const struct metrics *m)
{
    const struct metrics_source *s = &m->source;
    struct err err;
    if (m->common.format && !str_eq(m->common.format, "json") && !str_eq(m->common.format, "text"))
        return cli_usage(m->self, "--format is text or json; found '%s'", m->common.format);
    if (!metrics_is_url(s->target))
        return url_option(s) ? cli_usage(m->self, "%s goes with a URL", url_option(s)) : -1;
    return url_check(s->target, &err) < 0 ? cli_usage(m->self, "%s", err.msg) : -1;
}

static int run_metrics(struct metrics *m, char *const *selectors, size_t n)
{
    struct err err;
    int rc = check_arguments(m);
    if (rc < 0)
        rc = parse_selectors(m, selectors, n);
    if (rc >= 0)
        return rc;
    if (!m->source.timeout_us)
        m->source.timeout_us = DEFAULT_TIMEOUT_US;
    if (metrics_fetch(&m->source, &m->page, &err) < 0)
        return cli_fail(m->self, "%s: %s", m->source.target, err.msg);
    check(m);
    return show(m);
}

static int run(const struct command *self, int argc, char **argv)
{
    struct metrics m = {.self = self};
    const struct cli_option options[] = {
        {"openmetrics", 0, OPT_FLAG, &m.source.openmetrics, NULL,
         "OpenMetrics, whatever the content type says"},
        {"header", 'H', OPT_STRINGS, &m.source.headers, "LINE", "'Name: value'; may be repeated"},
        {"timeout", 't', OPT_DURATION, &m.source.timeout_us, "DURATION", "whole request; 10s"},
        {"insecure", 'k', OPT_FLAG, &m.source.insecure, NULL, "accept any certificate"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &m.common, &first);
    if (rc >= 0)
        return rc;
    if (argc == first)
        return cli_usage(self, "expected a file, a URL, or - for the standard input");
    m.source.target = argv[first];
    rc = run_metrics(&m, argv + first + 1, (size_t)(argc - first - 1));
    free(m.page.text);
    diag_release(&m.diag);
    arena_release(&m.arena);
    return rc;
}

const struct command command_metrics = {
    .name = "metrics",
    .arguments = "FILE|URL|- [SELECTOR...]",
    .summary = "print the series of a page of metrics, or its errors",
    .details =
        "Reads Prometheus text, or OpenMetrics when the server's content type says so,\n"
        "and prints the series that a selector matches (all without one), each with its\n"
        "value and its timestamp if it has one. A page with errors gives file:line:column\n"
        "of each, and nothing else. Gzip is unpacked. Text is judged as Prometheus does,\n"
        "OpenMetrics by every MUST of its specification.\n"
        "Exit status: 0 good, 1 errors or a selector that matches nothing, 2 usage.\n\n"
        "Examples:\n"
        "  nines metrics http://localhost:8000/metrics\n"
        "  nines metrics page.txt 'http_requests_total{status=~\"5..\",path!=\"/x\"}'\n"
        "  nines metrics --openmetrics page.txt > /dev/null\n"
        "  nines metrics --json -H 'Authorization: Bearer t' https://api.example.com/metrics\n"
        "  my-exporter | nines metrics - up\n",
    .run = run,
};
