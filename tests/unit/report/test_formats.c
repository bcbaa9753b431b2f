/*
 * Every format over the hand-made report: golden files, well-formedness, and
 * what must never be printed. NINES_UPDATE_GOLDEN=1 rewrites the files.
 */
#include "sample.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/units.h"
#include "report/fmt.h"

#include <jansson.h>
#include <math.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define OUT_MAX (64u << 20)

static const struct report_format *format_named(const char *name)
{
    for (const struct report_format *const *f = report_formats; *f; f++) {
        if (str_eq((*f)->name, name))
            return *f;
    }
    fail_msg("no format %s", name);
    return NULL;
}

static void render(struct str *out, const struct report *r, const char *name, int width)
{
    struct report_style style = {.width = width};
    str_init(out, OUT_MAX);
    assert_int_equal(format_named(name)->write(r, &style, out), 0);
}

/* ---- golden files ------------------------------------------------------ */

static void read_file(struct str *out, const char *path)
{
    char buf[4096];
    FILE *f = fopen(path, "rb");
    str_init(out, OUT_MAX);
    if (!f)
        fail_msg("%s is missing; NINES_UPDATE_GOLDEN=1 makes it", path);
    for (size_t n; (n = fread(buf, 1, sizeof buf, f)) > 0;)
        str_addn(out, buf, n);
    fclose(f);
}

static void compare_golden(const char *file, const struct str *got)
{
    char path[512];
    struct str want;
    snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, file);
    if (getenv("NINES_UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(got->buf, 1, got->len, f), got->len);
        fclose(f);
        return;
    }
    read_file(&want, path);
    assert_string_equal(got->buf, want.buf);
    str_release(&want);
}

static void test_golden(void **state)
{
    static const struct {
        const char *format, *file;
        int width;
    } cases[] = {{"json", "sample.json", 80},
                 {"csv", "sample.csv", 80},
                 {"markdown", "sample.md", 80},
                 {"text", "sample-80.txt", 80},
                 {"text", "sample-120.txt", 120}};
    struct report r;
    struct str out;
    (void)state;
    sample_all(&r);
    for (size_t i = 0; i < countof(cases); i++) {
        render(&out, &r, cases[i].format, cases[i].width);
        compare_golden(cases[i].file, &out);
        str_release(&out);
    }
    sample_release(&r);
}

/* ---- what must never be printed ---------------------------------------- */

static void assert_clean(const char *name, const char *text)
{
    static const char *const never[] = {
        "(^|[^[:alnum:].])-0(\\.0*)?%?([^[:alnum:].-]|$)",
        "(^|[^[:alpha:]])-?(nan|inf|infinity)([^[:alpha:]]|$)",
        "\\(null\\)",
        "[0-9]\\.[0-9]*0000000[0-9]",
    };
    for (size_t i = 0; i < countof(never); i++) {
        regex_t re;
        regmatch_t m;
        assert_int_equal(regcomp(&re, never[i], REG_EXTENDED | REG_ICASE | REG_NEWLINE), 0);
        if (regexec(&re, text, 1, &m, 0) == 0)
            fail_msg("%s prints %.60s", name, text + (m.rm_so > 20 ? m.rm_so - 20 : 0));
        regfree(&re);
    }
}

static void assert_all_clean(const struct report *r)
{
    for (const struct report_format *const *f = report_formats; *f; f++) {
        struct str out;
        render(&out, r, (*f)->name, 100);
        assert_clean((*f)->name, out.buf);
        str_release(&out);
    }
}

static void test_clean_numbers(void **state)
{
    struct report r;
    (void)state;
    sample_all(&r);
    assert_all_clean(&r);

    /* Rounding noise and what a caller forgot: signs and non-numbers. */
    struct report_slo *s = &r.slos[0];
    s->remaining = -0.0;
    s->remaining_ratio = -1e-13;
    s->burn[0].rate = -0.0;
    s->burn[1].rate = NAN;
    s->tiers[0].long_burn = INFINITY;
    s->points[3].burn = NAN;
    s->points[4].budget_remaining = -INFINITY;
    s->points[5].budget_remaining = -0.0;
    assert_all_clean(&r);
    sample_release(&r);
}

/* ---- JSON -------------------------------------------------------------- */

static void assert_keys(json_t *object, const char *want)
{
    struct str keys;
    const char *key;
    json_t *value;
    str_init(&keys, 4096);
    json_object_foreach(object, key, value) str_addf(&keys, "%s%s", keys.len ? " " : "", key);
    assert_string_equal(keys.buf, want);
    str_release(&keys);
}

static json_t *parse_report(const struct report *r)
{
    struct str out;
    json_error_t e;
    render(&out, r, "json", 80);
    json_t *doc = json_loadb(out.buf, out.len, JSON_REJECT_DUPLICATES, &e);
    if (!doc)
        fail_msg("line %d: %s", e.line, e.text);
    str_release(&out);
    return doc;
}

static json_t *slo_at(json_t *doc, size_t i)
{
    return json_array_get(json_object_get(doc, "slos"), i);
}

static double real_of(json_t *object, const char *key)
{
    assert_true(json_is_number(json_object_get(object, key)));
    return json_number_value(json_object_get(object, key));
}

static void test_json_shape(void **state)
{
    struct report r;
    (void)state;
    sample_all(&r);
    json_t *doc = parse_report(&r), *s = slo_at(doc, 0);
    assert_keys(doc, "generated_at at slos incidents incident_times rollups");
    assert_int_equal(json_array_size(json_object_get(doc, "slos")), 7);
    assert_keys(
        s, "slo service objective_name labels target budgeting_method source window state sli good "
           "bad total excluded coverage confidence budget policy burn tiers latency reasons "
           "annotations");
    assert_keys(json_object_get(s, "source"), "probe kind expression");
    assert_keys(json_object_get(s, "window"), "type duration start end");
    assert_keys(json_object_get(s, "coverage"), "expected observed ratio missing");
    assert_keys(json_object_get(json_object_get(s, "coverage"), "missing"),
                "prober_down target_silent not_started");
    assert_keys(json_object_get(s, "confidence"), "level low high");
    assert_keys(json_object_get(s, "budget"),
                "unit allowed projected consumed remaining "
                "consumed_ratio remaining_ratio exhausts_at exhausts_between");
    assert_keys(json_array_get(json_object_get(s, "burn"), 0), "window rate");
    assert_keys(json_array_get(json_object_get(s, "tiers"), 0),
                "severity long short factor firing");
    assert_keys(json_object_get(s, "latency"), "count censored p50 p90 p95 p99 max lower_bound");
    assert_keys(json_array_get(json_object_get(s, "reasons"), 0), "reason count");
    assert_true(json_is_integer(json_object_get(json_object_get(s, "budget"), "consumed")));
    assert_true(json_is_real(json_object_get(json_object_get(s, "coverage"), "ratio")));
    assert_string_equal(json_string_value(json_object_get(s, "target")), "0.999");
    assert_true(json_is_null(json_object_get(json_object_get(s, "budget"), "exhausts_at")));
    json_decref(doc);
    sample_release(&r);
}

/* The example of the manual, number by number. */
static void test_json_example(void **state)
{
    struct report r;
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_MET);
    s->counts = (struct counts){172700, 100, 0};
    s->sli = 172700.0 / 172800;
    s->allowed = s->projected = (1 - 0.999) * 172800;
    s->consumed = 100;
    s->remaining = s->allowed - 100;
    s->consumed_ratio = 100 / s->allowed;
    s->remaining_ratio = 1 - s->consumed_ratio;
    json_t *doc = parse_report(&r), *j = slo_at(doc, 0), *b = json_object_get(j, "budget");
    assert_true(real_of(j, "sli") == 0.999421296);
    assert_true(real_of(b, "allowed") == 172.8);
    assert_true(real_of(b, "remaining") == 72.8);
    assert_true(real_of(b, "consumed_ratio") == 0.578704);
    assert_true(real_of(b, "remaining_ratio") == 0.421296);
    assert_true(real_of(json_object_get(j, "latency"), "p50") == 0.0123);
    json_decref(doc);
    sample_release(&r);
}

static void assert_says(const char *format, const struct report *r, const char *what)
{
    struct str out;
    struct report_style style = {.width = 100};
    str_init(&out, 1 << 20);
    assert_int_equal(format_named(format)->write(r, &style, &out), 0);
    if (!strstr(out.buf, what))
        fail_msg("no '%s' in: %s", what, out.buf);
    str_release(&out);
}

static void test_changed_targets(void **state)
{
    static const char *const people[] = {"text", "markdown", "html"};
    struct report r;
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_MET);
    struct report_target targets[] = {{s->start_us, {99, 2}, 10000, 100},
                                      {s->start_us + USEC_PER_DAY, s->def->target, 20500, 20.5}};
    s->targets = targets;
    s->target_count = 2;
    char at[FMT_MAX], want[256];
    snprintf(want, sizeof(want),
             "99%% until %s (allows 100 of 10,000), then 99.9%% (allows 20.5 of 20,500)",
             fmt_instant(at, targets[1].since_us));
    for (size_t i = 0; i < countof(people); i++)
        assert_says(people[i], &r, want);
    json_t *doc = parse_report(&r), *list = json_object_get(slo_at(doc, 0), "targets");
    assert_int_equal(json_array_size(list), 2);
    assert_keys(json_array_get(list, 0), "since target total allowed");
    json_decref(doc);
    s->target_count = 1; /* not the one that is written */
    assert_says("text", &r, "99% (allows 100 of 10,000)");
    s->targets++; /* it is */
    doc = parse_report(&r);
    assert_null(json_object_get(slo_at(doc, 0), "targets"));
    json_decref(doc);
    sample_release(&r);
}

static void test_json_no_data(void **state)
{
    struct report r;
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_NO_DATA);
    s->expected = 0;
    json_t *doc = parse_report(&r), *j = slo_at(doc, 0);
    assert_true(json_is_null(json_object_get(j, "sli")));
    assert_true(json_is_null(json_object_get(j, "confidence")));
    assert_true(json_is_null(json_object_get(json_object_get(j, "coverage"), "ratio")));
    assert_true(json_is_null(json_object_get(json_object_get(j, "budget"), "consumed_ratio")));
    assert_true(json_is_null(json_object_get(json_object_get(j, "latency"), "p50")));
    json_t *burn = json_array_get(json_object_get(j, "burn"), 0);
    assert_true(json_is_null(json_object_get(burn, "rate")));
    assert_string_equal(json_string_value(json_object_get(j, "state")), "no_data");
    json_decref(doc);
    sample_release(&r);
}

/* ---- metric SLIs ------------------------------------------------------- */

/* Their events may be requests: nothing speaks of checks, runs or latency. */
static void test_metric_words(void **state)
{
    static const char *const never[] = {"check", " run",         "95% interval", "p50",
                                        "p99",   "Availability", "(null)"};
    static const char *const formats[] = {"text", "markdown"};
    (void)state;
    for (int kind = SAMPLE_RATIO; kind <= SAMPLE_COMPONENT; kind++) {
        struct report r;
        sample_init(&r);
        struct report_slo *s = sample_add(&r, (enum sample_kind)kind);
        s->failure_count = 0;
        for (size_t f = 0; f < countof(formats); f++) {
            struct str out;
            render(&out, &r, formats[f], 100);
            for (size_t i = 0; i < countof(never); i++)
                if (strstr(out.buf, never[i]))
                    fail_msg("%s says '%s'", formats[f], never[i]);
            assert_non_null(strstr(out.buf, "scrapes"));
            str_release(&out);
        }
        sample_release(&r);
    }
}

static void test_json_metric(void **state)
{
    struct report r;
    (void)state;
    sample_init(&r);
    sample_add(&r, SAMPLE_RATIO);
    json_t *doc = parse_report(&r), *j = slo_at(doc, 0), *source = json_object_get(j, "source");
    json_t *notes = json_object_get(j, "annotations"), *coverage = json_object_get(j, "coverage");
    assert_string_equal(json_string_value(json_object_get(source, "probe")), "api-metrics");
    assert_string_equal(json_string_value(json_object_get(source, "kind")), "ratio");
    assert_string_equal(json_string_value(json_object_get(source, "expression")),
                        "bad http_requests_total{status=~\"5..\"} of http_requests_total");
    assert_true(json_is_null(json_object_get(j, "confidence")));
    assert_int_equal(json_integer_value(json_object_get(j, "total")), 165 * 240 * 53);
    assert_int_equal(json_integer_value(json_object_get(coverage, "observed")), 165 * 240);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(coverage, "missing"), "target_silent")),
        3 * 240);
    assert_true(json_is_null(json_object_get(json_object_get(j, "latency"), "p50")));
    assert_int_equal(json_array_size(notes), 3);
    assert_keys(json_array_get(notes, 0), "at kind probe text");
    json_decref(doc);
    sample_release(&r);
}

/* No request came, but the target was there: not the same as no data. */
static void test_no_events(void **state)
{
    struct report r;
    struct str out;
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_RATIO);
    s->has_sli = s->has_budget = false;
    s->counts = (struct counts){.scrapes = s->observed};
    s->state = SLO_NO_DATA;
    render(&out, &r, "html", 100);
    assert_non_null(strstr(out.buf, "There were no events to judge by"));
    str_release(&out);
    sample_release(&r);
}

/* ---- CSV --------------------------------------------------------------- */

/* Fields of each record by RFC 4180; records must all be as wide. */
static void test_csv_records(void **state)
{
    struct report r;
    struct str out;
    size_t fields = 1, records = 0, width = 0;
    bool quoted = false;
    (void)state;
    sample_all(&r);
    sample_add(&r, SAMPLE_HOSTILE);
    render(&out, &r, "csv", 80);
    for (const char *p = out.buf; *p; p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (!quoted && *p == ',')
            fields++;
        else if (!quoted && *p == '\n') {
            assert_true(p > out.buf && p[-1] == '\r');
            width = records++ ? width : fields;
            assert_int_equal(fields, width);
            fields = 1;
        }
    }
    assert_false(quoted);
    assert_int_equal(records, 9);
    str_release(&out);
    sample_release(&r);
}

/* ---- HTML -------------------------------------------------------------- */

/* Balance of tags, and nothing that asks the network. */
static void assert_well_formed(const char *html)
{
    char open[64][24];
    size_t depth = 0;
    for (const char *p = strchr(html, '<'); p; p = strchr(p, '<')) {
        const char *name = p + 1 + (p[1] == '/'), *gt = strchr(p, '>');
        char tag[24];
        assert_non_null(gt);
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        bool closing = p[1] == '/', self = gt[-1] == '/';
        if (p[1] == '!' || n == 0 || n >= sizeof tag)
            assert_true(p[1] == '!');
        str_copy(tag, n + 1 < sizeof tag ? n + 1 : sizeof tag, name);
        p = gt;
        if (name[-1] == '<' && (*name == '!' || str_eq(tag, "meta") || str_eq(tag, "link") ||
                                str_eq(tag, "br") || self))
            continue;
        if (!closing) {
            assert_true(depth < countof(open));
            str_copy(open[depth++], sizeof open[0], tag);
            continue;
        }
        assert_true(depth > 0);
        assert_string_equal(open[depth - 1], tag);
        depth--;
    }
    assert_int_equal(depth, 0);
    assert_null(strstr(html, "http://"));
    assert_null(strstr(html, "https://"));
    assert_null(strstr(html, "<script"));
    assert_null(strstr(html, "<img"));
    assert_null(strstr(html, "@import"));
}

static void test_html(void **state)
{
    struct report r;
    struct str out;
    (void)state;
    sample_all(&r);
    sample_add(&r, SAMPLE_HOSTILE);
    render(&out, &r, "html", 80);
    assert_well_formed(out.buf);
    assert_non_null(strstr(out.buf, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_non_null(strstr(out.buf, "&lt;img src=x onerror=alert(1)&gt;"));
    assert_non_null(strstr(out.buf, "&lt;/td&gt;&lt;script&gt;alert(2)&lt;/script&gt;"));
    assert_null(memchr(out.buf, 0x1b, out.len));
    str_release(&out);
    sample_release(&r);
}

/* Of one objective the page's head is a sentence. */
static void test_the_verdict_of_one(void **state)
{
    struct report r;
    (void)state;
    sample_init(&r);
    sample_add(&r, SAMPLE_MET);
    assert_says("html", &r, "The objective is met");
    sample_release(&r);
    sample_init(&r);
    sample_add(&r, SAMPLE_NO_DATA);
    assert_says("html", &r, "The objective has no data");
    sample_release(&r);
}

/* The same by a parser that was not written for this page. */
static void test_html_by_python(void **state)
{
    static const char script[] =
        "import sys, html.parser\n"
        "void = {'meta', 'link', 'br'}\n"
        "class P(html.parser.HTMLParser):\n"
        "    stack = []\n"
        "    def handle_starttag(self, t, a):\n"
        "        if t not in void: self.stack.append(t)\n"
        "        assert t != 'script' and not any(k.startswith('on') for k, v in a), (t, a)\n"
        "        assert len({k for k, v in a}) == len(a), (t, a)\n"
        "    def handle_startendtag(self, t, a): pass\n"
        "    def handle_endtag(self, t): assert self.stack.pop() == t, (t, self.getpos())\n"
        "p = P()\n"
        "p.feed(sys.stdin.buffer.read().decode('utf-8', 'strict'))\n"
        "p.close()\n"
        "assert not p.stack, p.stack\n";
    char page[] = "/tmp/nines-report-XXXXXX";
    struct report r;
    struct str out;
    (void)state;
    sample_all(&r);
    sample_add(&r, SAMPLE_HOSTILE);
    render(&out, &r, "html", 80);
    int fd = mkstemp(page);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, out.buf, out.len), (ssize_t)out.len);
    close(fd);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (freopen(page, "rb", stdin))
            execlp("python3", "python3", "-c", script, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    unlink(page);
    assert_int_equal(status, 0);
    str_release(&out);
    sample_release(&r);
}

/* ---- odd reports ------------------------------------------------------- */

static void test_text_is_safe_and_fits(void **state)
{
    static const int widths[] = {40, 80, 100, 120, 132};
    struct report r;
    struct str out;
    (void)state;
    sample_all(&r);
    sample_add(&r, SAMPLE_HOSTILE);
    for (size_t i = 0; i < countof(widths); i++) {
        render(&out, &r, "text", widths[i]);
        int column = 0;
        for (const char *p = out.buf; *p; p++) {
            assert_true(*p == '\n' || (unsigned char)*p >= ' ');
            column = *p == '\n' ? 0 : column + ((*p & 0xC0) != 0x80);
            if (column > (widths[i] < 80 ? 80 : widths[i]))
                fail_msg("width %d: %.80s", widths[i], p - column);
        }
        str_release(&out);
    }
    sample_release(&r);
}

/* Imported results and those whose evidence has gone have no message. */
static void test_failures_without_message(void **state)
{
    (void)state;
    const char *const formats[] = {"text", "markdown", "html"};
    struct report r;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_BREACHED);
    s->failure_count = 1;
    for (size_t i = 0; i < 2 * countof(formats); i++) {
        s->failures[0] =
            (struct report_failure){s->upto_us, REASON_TTFB_TIMEOUT, 0, i % 2 ? "" : NULL};
        s->reason_count = 0;
        struct str out;
        render(&out, &r, formats[i / 2], 100);
        if (!strstr(out.buf, reason_text(REASON_TTFB_TIMEOUT)))
            fail_msg("%s: a failure without a message says nothing", formats[i / 2]);
        str_release(&out);
    }
    sample_release(&r);
}

static void test_color_only_when_asked(void **state)
{
    struct report r;
    struct str out;
    struct report_style style = {.color = true, .width = 80};
    (void)state;
    sample_all(&r);
    str_init(&out, OUT_MAX);
    assert_int_equal(format_named("text")->write(&r, &style, &out), 0);
    assert_non_null(strstr(out.buf, "\033[31m"));
    str_clear(&out);
    style.color = false;
    assert_int_equal(format_named("text")->write(&r, &style, &out), 0);
    assert_null(strchr(out.buf, '\033'));
    str_release(&out);
    sample_release(&r);
}

static void test_empty(void **state)
{
    struct report r;
    struct str out;
    (void)state;
    sample_init(&r);
    assert_all_clean(&r);
    render(&out, &r, "html", 80);
    assert_well_formed(out.buf);
    str_release(&out);
    json_t *doc = parse_report(&r);
    assert_int_equal(json_array_size(json_object_get(doc, "slos")), 0);
    json_decref(doc);
    sample_release(&r);
}

/* An SLO of which nothing but its definition is known. */
static void test_bare(void **state)
{
    struct report r;
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_NO_DATA);
    const struct slo_def *def = s->def;
    *s = (struct report_slo){.def = def,
                             .budgeting_method = "Timeslices",
                             .start_us = 0,
                             .end_us = SAMPLE_AT_US,
                             .state = SLO_NO_DATA,
                             .latency = {0, 0, -1, -1, -1, -1, -1, false, false, false, false}};
    assert_all_clean(&r);
    sample_release(&r);
}

static void test_many_points(void **state)
{
    enum { POINTS = 100000 };
    struct report r;
    struct str few, many;
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_MET);
    render(&few, &r, "html", 80);
    struct report_point *points = arena_alloc(&r.arena, POINTS * sizeof *points);
    s->step_us = (s->end_us - s->start_us) / POINTS;
    for (size_t i = 0; i < POINTS; i++) {
        points[i] = s->points[i * s->point_count / POINTS];
        points[i].at_us = s->start_us + (int64_t)i * s->step_us;
    }
    s->points = points;
    s->point_count = POINTS;
    render(&many, &r, "html", 80);
    assert_true(many.len < few.len + few.len / 4);
    assert_well_formed(many.buf);
    str_release(&few);
    str_release(&many);
    sample_release(&r);
}

/* Past the maximum a writer says so instead of handing out half a report. */
static void test_maximum(void **state)
{
    struct report r;
    struct report_style style = {.width = 80};
    (void)state;
    sample_all(&r);
    for (const struct report_format *const *f = report_formats; *f; f++) {
        struct str out;
        str_init(&out, 500);
        assert_int_equal((*f)->write(&r, &style, &out), -1);
        assert_true(out.len <= 500);
        str_release(&out);
    }
    sample_release(&r);
}

static void contains(const struct report *r, const char *format, const char *wanted)
{
    struct str out;
    render(&out, r, format, 100);
    if (!strstr(out.buf, wanted))
        fail_msg("%s has no '%s':\n%s", format, wanted, out.buf);
    str_release(&out);
}

/* The report of a period tells of the one before, in every format. */
static void test_trend(void **state)
{
    struct report r;
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_MET);
    struct report_slo before = *s;
    static const char *const formats[] = {"text", "markdown", "html"};
    s->previous = &before;
    before.consumed_ratio = s->consumed_ratio + 0.125;
    before.sli = 0.9995;
    before.counts.bad = 4321;
    for (size_t i = 0; i < countof(formats); i++) {
        contains(&r, formats[i], "of the budget spent; now 12.5 points less");
        contains(&r, formats[i], "The period is over");
    }
    contains(&r, "json", "\"consumed_ratio_change\": -0.125");
    contains(&r, "json", "\"bad\": 4321");
    contains(&r, "csv", ",0.9995,4321,");
    before.consumed_ratio = s->consumed_ratio - 2;
    contains(&r, "text", "; now 200 points more");
    before.consumed_ratio = s->consumed_ratio;
    contains(&r, "text", "; now as much");
    before.has_budget = before.has_sli = false;
    contains(&r, "text", "The period before has no data");
    contains(&r, "json", "\"sli_change\": null");
    sample_release(&r);
}

/* What is excluded, and how it were without, in every format. */
static void test_excluded(void **state)
{
    struct report r;
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_MET);
    struct report_slo without = *s;
    static const char *const people[] = {"text", "markdown", "html"};
    const struct exclusion stored = {.id = 7,
                                     .name = "",
                                     .reason = "upstream outage",
                                     .author = "anna",
                                     .mode = EXCLUSION_COUNT_GOOD};
    const struct exclusion declared = {.name = "pa<b>tching", .reason = "", .author = ""};
    const struct exclusion hostile = {
        .id = 8, .name = "", .author = "j\x1b[31moe", .reason = "a|<i>"};
    struct report_exclusion list[] = {
        {s->start_us, s->start_us + 90 * USEC_PER_MIN, &declared},
        {s->start_us + USEC_PER_HOUR * 5, s->start_us + USEC_PER_HOUR * 6, &hostile},
        {s->start_us + USEC_PER_DAY, s->start_us + USEC_PER_DAY + USEC_PER_MIN, &stored}};
    s->exclusions = list;
    s->exclusion_count = countof(list);
    s->excluded_spans = 1234;
    s->unexcluded = &without;
    without.state = SLO_BREACHED;
    without.consumed_ratio = 1.5;
    without.counts = (struct counts){.good = 9880, .bad = 120};
    for (size_t i = 0; i < countof(people); i++) {
        contains(&r, people[i], ", breached, 150.0% of the budget spent, 120 bad of 10,000");
        contains(&r, people[i], "1,231 earlier ones are not listed");
        contains(&r, people[i], "upstream outage");
        contains(&r, people[i], "1h 30m");
    }
    contains(&r, "text", "count_good  1m      upstream outage (#7 by anna)");
    contains(&r, "text", "drop        1h 30m  pa<b>tching");
    contains(&r, "markdown", "| `count_good` | upstream outage (\\#7 by anna) |");
    contains(&r, "markdown", "| a\\|&lt;i\\> (\\#8 by j\xef\xbf\xbd\\[31moe) |");
    contains(&r, "html", "pa&lt;b&gt;tching");
    contains(&r, "json", "\"mode\": \"drop\", \"name\": \"pa<b>tching\", \"id\": null");
    contains(&r, "json", "\"id\": 7, \"reason\": \"upstream outage\", \"author\": \"anna\"");
    contains(&r, "json", "\"exclusion_count\": 1234");
    contains(&r, "json", "\"unexcluded\": {\"state\": \"breached\"");
    contains(&r, "json", "\"total\": 10000, ");
    contains(&r, "csv", ",1234,breached,");
    contains(&r, "csv", ",120,10000,1.5,1\r\n");
    without.has_budget = without.has_sli = false;
    contains(&r, "text", "Without exclusions: no data either");
    s->exclusion_count = 0;
    s->excluded_spans = 1;
    contains(&r, "text", "1 earlier one is not listed");
    sample_release(&r);
}

/* Scrapes by their share: people read scrapes, machines parts and how many make one. */
static void test_raw_ratio(void **state)
{
    static const char *const people[] = {"text", "markdown", "html"};
    const struct sli_metric metric = {.kind = SLI_RAW};
    struct report r;
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_MET);
    struct slo_def def = *s->def;
    def.sli.metric = &metric;
    s->def = &def;
    s->source = SOURCE_RAW;
    s->expression = "bad share errors:ratio";
    s->counts = (struct counts){.good = 9925600000, .bad = 74400000, .scrapes = 10000};
    for (size_t i = 0; i < countof(people); i++) {
        if (i < 2)
            contains(&r, people[i], "9,926 good of 10,000 scrapes");
        contains(&r, people[i], "bad share errors:ratio");
    }
    contains(&r, "html", "9,926 good<br>74.4 bad");
    contains(&r, "json", "\"good\": 9925600000,");
    contains(&r, "json", "\"total\": 10000000000,");
    contains(&r, "json", "\"event_parts\": 1000000");
    contains(&r, "json", "\"kind\": \"raw\"");
    contains(&r, "csv", ",1000000\r\n");
    sample_release(&r);
}

/* An hour that is cut is known by its sum. */
static void test_unknown_reason(void **state)
{
    struct report r;
    static const char *const formats[] = {"text", "markdown", "html", "json", "csv"};
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_MET);
    s->reasons[0] = (struct report_reason){REPORT_REASON_UNKNOWN, 17};
    s->reason_count = 1;
    for (size_t i = 0; i < countof(formats); i++)
        contains(&r, formats[i], "unknown");
    sample_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_clean_numbers),
        cmocka_unit_test(test_json_shape),
        cmocka_unit_test(test_json_example),
        cmocka_unit_test(test_changed_targets),
        cmocka_unit_test(test_json_no_data),
        cmocka_unit_test(test_metric_words),
        cmocka_unit_test(test_json_metric),
        cmocka_unit_test(test_no_events),
        cmocka_unit_test(test_csv_records),
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_the_verdict_of_one),
        cmocka_unit_test(test_html_by_python),
        cmocka_unit_test(test_text_is_safe_and_fits),
        cmocka_unit_test(test_failures_without_message),
        cmocka_unit_test(test_color_only_when_asked),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_bare),
        cmocka_unit_test(test_many_points),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_trend),
        cmocka_unit_test(test_excluded),
        cmocka_unit_test(test_raw_ratio),
        cmocka_unit_test(test_unknown_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
