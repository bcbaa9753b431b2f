/*
 * What reports say of agents' answers: money, sums of which a part is not known, and
 * every format over a report made by hand. NINES_UPDATE_GOLDEN=1 rewrites the files.
 */
#include "sample.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/units.h"
#include "report/answers.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define OUT_MAX (64u << 20)

static void render(struct str *out, const struct report *r, const char *name, int width)
{
    struct report_style style = {.width = width};
    const struct report_format *const *f = report_formats;
    while (*f && !str_eq((*f)->name, name))
        f++;
    assert_non_null(*f);
    str_init(out, OUT_MAX);
    assert_int_equal((*f)->write(r, &style, out), 0);
}

static void compare_golden(const char *file, const struct str *got)
{
    char path[512], buf[4096];
    struct str want;
    snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, file);
    bool update = getenv("NINES_UPDATE_GOLDEN") != NULL;
    FILE *f = fopen(path, update ? "wb" : "rb");
    if (!f)
        fail_msg("%s is missing; NINES_UPDATE_GOLDEN=1 makes it", path);
    str_init(&want, OUT_MAX);
    if (update)
        assert_int_equal(fwrite(got->buf, 1, got->len, f), got->len);
    else
        for (size_t n; (n = fread(buf, 1, sizeof buf, f)) > 0;)
            str_addn(&want, buf, n);
    fclose(f);
    if (!update)
        assert_string_equal(got->buf, want.buf);
    str_release(&want);
}

static void test_golden(void **state)
{
    static const struct {
        const char *format, *file;
        int width;
    } cases[] = {{"json", "agents.json", 80},
                 {"csv", "agents.csv", 80},
                 {"markdown", "agents.md", 80},
                 {"text", "agents-80.txt", 80},
                 {"text", "agents-120.txt", 120}};
    struct report r;
    struct str out;
    (void)state;
    sample_agents(&r);
    for (size_t i = 0; i < countof(cases); i++) {
        render(&out, &r, cases[i].format, cases[i].width);
        compare_golden(cases[i].file, &out);
        str_release(&out);
    }
    sample_release(&r);
}

/* ---- money ---------------------------------------------------------------- */

static void test_money(void **state)
{
    static const struct {
        int64_t cost;
        const char *exact, *people, *least;
    } cases[] = {
        {0, "0", "0",
         "\xe2\x89\xa5"
         "0"},
        {1, "0.000000000001", "0.000000000001",
         "\xe2\x89\xa5"
         "0.000000000001"},
        {123456789, "0.000123456789", "0.000123",
         "\xe2\x89\xa5"
         "0.000123"},
        {123556789, "0.000123556789", "0.000124",
         "\xe2\x89\xa5"
         "0.000123"},
        {COST_ONE / 2, "0.5", "0.500",
         "\xe2\x89\xa5"
         "0.500"},
        {999600000000, "0.9996", "1.000",
         "\xe2\x89\xa5"
         "0.999"},
        {1235 * (COST_ONE / 1000), "1.235", "1.24",
         "\xe2\x89\xa5"
         "1.23"},
        {1234567 * COST_ONE, "1234567", "1,234,567.00",
         "\xe2\x89\xa5"
         "1,234,567.00"},
        {INT64_MAX, "9223372.036854775807", "9,223,372.04",
         "\xe2\x89\xa5"
         "9,223,372.03"},
    };
    char buf[FMT_MAX];
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        assert_string_equal(fmt_cost(buf, cases[i].cost), cases[i].exact);
        assert_string_equal(fmt_money(buf, cases[i].cost, false), cases[i].people);
        assert_string_equal(fmt_money(buf, cases[i].cost, true), cases[i].least);
    }
}

/* ---- what is not known ------------------------------------------------------ */

typedef void words(struct str *out, const struct report_answers *a);

static void tokens(struct str *out, const struct report_answers *a)
{
    answers_tokens_text(out, &a->sums);
}

static void held(struct str *out, const struct report_answers *a)
{
    answers_held_text(out, &a->sums);
}

static void assert_words(words *fn, const struct report_answers *a, const char *want)
{
    struct str out;
    str_init(&out, 4096);
    fn(&out, a);
    assert_string_equal(out.buf, want);
    str_release(&out);
}

static void test_tokens(void **state)
{
    struct report_answers a = {.sums = {.runs = 3, .good = 3, .tokens_in = 1200, .tokens_out = 34}};
    (void)state;
    assert_words(tokens, &a, "1,200 in, 34 out");
    a.sums.tokens_cached = 1024;
    a.sums.tokens_reasoning = 20;
    a.sums.tokens_unknown = 1;
    assert_words(tokens, &a,
                 "at least 1,200 in (1,024 of them cached), 34 out (20 of them reasoning); "
                 "1 run did not tell");
    a.sums = (struct answer_sums){.runs = 3, .good = 3, .tokens_unknown = 3};
    assert_words(tokens, &a, "not known: no run told them");
    a.sums = (struct answer_sums){.runs = 3}; /* none was sent: none were used */
    assert_words(tokens, &a, "0 in, 0 out");
}

static void test_cost(void **state)
{
    struct report_answers a = {.currency = "EUR",
                               .sums = {.runs = 4, .good = 3, .cost = 3 * COST_ONE / 2},
                               .has_per_good = true,
                               .per_good = COST_ONE / 2};
    (void)state;
    assert_words(answers_cost_text, &a, "1.50 EUR, 0.500 EUR a good answer");
    a.sums.cost_unknown = 1;
    assert_words(answers_cost_text, &a,
                 "\xe2\x89\xa5"
                 "1.50 EUR, \xe2\x89\xa5"
                 "0.500 EUR a good answer; "
                 "not known of 1 run");
    a.currency = NULL; /* as answers told it */
    a.has_per_good = false;
    assert_words(answers_cost_text, &a,
                 "\xe2\x89\xa5"
                 "1.50; not known of 1 run");
    a.sums.cost = 0;
    assert_words(answers_cost_text, &a, "not known: there are no prices");
    a.currency = "EUR";
    a.sums.cost_unknown = 4;
    assert_words(answers_cost_text, &a, "not known of any of 4 runs");
}

static void test_held(void **state)
{
    struct report_answers a = {0};
    (void)state;
    assert_words(held, &a, "");
    a.sums.held = 1200;
    assert_words(held, &a, "1,200 runs not sent because of spend caps");
    a.sums.limited = 5;
    assert_words(held, &a,
                 "1,200 runs not sent because of spend caps; 5 met a rate limit or an overloaded "
                 "target");
    a.sums.held = 0;
    assert_words(held, &a, "5 met a rate limit or an overloaded target");
}

/* The speed that so many reach: none, where that falls on a run that failed. */
static void test_speed(void **state)
{
    struct report_answers a = {.token = {.count = 10,
                                         .p50_us = 25000000,
                                         .p95_us = 40000000,
                                         .p99_us = 90000000,
                                         .p99_lower = true}};
    (void)state;
    assert_words(answers_speed_text, &a, "40 tokens/s in half of the runs, 25 in 95%");
    a.token.p50_lower = a.token.p95_lower = true;
    assert_words(answers_speed_text, &a, "not known of half of the runs");
}

/* ---- JSON ------------------------------------------------------------------- */

static json_t *parse_answers(const struct report_answers *a)
{
    struct str out;
    json_error_t e;
    str_init(&out, OUT_MAX);
    answers_put_json(&out, a);
    json_t *doc = json_loadb(out.buf, out.len, JSON_REJECT_DUPLICATES, &e);
    if (!doc)
        fail_msg("line %d: %s in %s", e.line, e.text, out.buf);
    str_release(&out);
    return doc;
}

static void test_json_unknown(void **state)
{
    struct report_answer_day day = {
        0, USEC_PER_DAY, {.runs = 2, .good = 2, .tokens_unknown = 2, .cost_unknown = 2}};
    struct report_answers a = {
        .currency = "USD", .sums = day.sums, .has_per_good = true, .days = &day, .day_count = 1};
    (void)state;
    json_t *doc = parse_answers(&a), *cost = json_object_get(doc, "cost");
    json_t *one = json_array_get(json_object_get(doc, "days"), 0);
    assert_true(json_is_null(json_object_get(doc, "ttft")));
    assert_true(json_is_null(json_object_get(doc, "gap")));
    assert_true(json_is_null(json_object_get(doc, "tokens_per_second")));
    assert_true(json_is_null(json_object_get(cost, "total")));
    assert_true(json_is_null(json_object_get(cost, "per_good_answer")));
    assert_true(json_is_true(json_object_get(cost, "lower_bound")));
    assert_int_equal(json_integer_value(json_object_get(cost, "unknown_runs")), 2);
    assert_true(json_is_null(json_object_get(json_object_get(doc, "tokens"), "in")));
    assert_string_equal(json_string_value(json_object_get(one, "day")), "1970-01-01");
    assert_true(json_is_null(json_object_get(one, "tokens_in")));
    assert_true(json_is_null(json_object_get(one, "cost")));
    json_decref(doc);
    a.currency = NULL;
    doc = parse_answers(&a);
    assert_true(json_is_null(json_object_get(doc, "cost")));
    json_decref(doc);
}

/* Days add up to the whole, cost to the last digit. */
static void test_json_adds_up(void **state)
{
    struct report r;
    (void)state;
    sample_agents(&r);
    const struct report_answers *a = r.slos[0].answers;
    json_t *doc = parse_answers(a), *days = json_object_get(doc, "days"), *day;
    size_t i;
    int64_t tokens = 0;
    double total = 0;
    json_array_foreach(days, i, day)
    {
        tokens += json_integer_value(json_object_get(day, "tokens_out"));
        total += strtod(json_string_value(json_object_get(day, "cost")), NULL);
    }
    json_t *all = json_object_get(json_object_get(doc, "tokens"), "out");
    assert_int_equal(tokens, json_integer_value(all));
    double told =
        strtod(json_string_value(json_object_get(json_object_get(doc, "cost"), "total")), NULL);
    assert_true(total > told - 1e-9 && total < told + 1e-9);
    json_decref(doc);
    sample_release(&r);
}

/* ---- words of objectives ------------------------------------------------------- */

static void assert_says(const char *format, const struct report *r, const char *what, bool says)
{
    struct str out;
    render(&out, r, format, 100);
    if ((strstr(out.buf, what) != NULL) != says)
        fail_msg("%s says %s'%s'", format, says ? "no " : "", what);
    str_release(&out);
}

static void test_words(void **state)
{
    static const char *const people[] = {"text", "markdown", "html"};
    struct report r;
    (void)state;
    sample_agents(&r);
    r.slo_count = 5; /* agents only */
    for (size_t i = 0; i < countof(people); i++) {
        if (i < 2) /* the page explains coverage */
            assert_says(people[i], &r, "scrapes", false);
        assert_says(people[i], &r, "(null)", false);
        assert_says(people[i], &r, "runs not sent because of spend caps", true);
    }
    assert_says("html", &r, "<b>Whole answer</b>", true);
    assert_says("html", &r, "<b>Time to first token</b>", true);
    assert_says("html", &r, "<b>Longest gap</b>", true);
    assert_says("html", &r, "<b>Latency</b>", false);
    assert_says("html", &r, "objective 800ms", true);
    assert_says("html", &r, "objective 1s", true);
    assert_says("html", &r, ">50k</span>", true);
    assert_says("html", &r, ">0.05</span>", true);
    assert_says("html", &r, ">USD per day of UTC; some is not known", true);
    assert_says("html", &r, "chat-answers whole answer within 20s", true);
    assert_says("text", &r, "chat-answers: first token within 800ms", true);
    sample_release(&r);
}

/* Tokens and cost are told once for a probe and a window. */
static void test_told_once(void **state)
{
    struct report r;
    (void)state;
    sample_agents(&r);
    r.slo_count = 3;
    assert_null(answers_told_by(&r, &r.slos[0]));
    assert_ptr_equal(answers_told_by(&r, &r.slos[1]), &r.slos[0]);
    assert_ptr_equal(answers_told_by(&r, &r.slos[2]), &r.slos[0]);
    assert_says("markdown", &r, "- **Tokens and cost** as of 'chat-answered'", true);
    r.slos[1].start_us += USEC_PER_HOUR; /* of another window */
    assert_null(answers_told_by(&r, &r.slos[1]));
    r.slos[2].upto_us -= USEC_PER_HOUR;
    assert_null(answers_told_by(&r, &r.slos[2]));
    r.slos[0].answers = NULL;
    r.slos[2].upto_us = r.slos[0].upto_us;
    assert_null(answers_told_by(&r, &r.slos[2]));
    sample_release(&r);
}

/* Nothing of it is there of a probe that has no answers; without runs there are no numbers. */
static void test_none(void **state)
{
    struct report r;
    (void)state;
    sample_all(&r);
    assert_says("json", &r, "\"answers\"", false);
    assert_says("csv", &r, "ttft", false);
    assert_says("html", &r, "Whole answer", false);
    sample_release(&r);
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_NO_DATA);
    const struct report_latency none = {
        .p50_us = -1, .p90_us = -1, .p95_us = -1, .p99_us = -1, .max_us = -1};
    struct report_answers a = {
        .streams = true, .ttft = none, .gap = none, .token = none, .currency = "USD"};
    s->answers = &a;
    for (const struct report_format *const *f = report_formats; *f; f++)
        assert_says((*f)->name, &r, "nan", false);
    assert_says("text", &r, "Tokens", false);
    a.sums.limited = 3; /* all that was to be sent was told to wait */
    assert_says("text", &r, "3 met a rate limit or an overloaded target", true);
    assert_says("html", &r, "3 met a rate limit or an overloaded target", true);
    sample_release(&r);
}

/* A currency is any text. */
static void test_hostile(void **state)
{
    struct report r;
    (void)state;
    sample_agents(&r);
    for (size_t i = 0; i < 5; i++)
        r.slos[i].answers->currency = "<b>\x1b[31m|\"";
    for (const struct report_format *const *f = report_formats; *f; f++)
        assert_says((*f)->name, &r, "\x1b", false);
    assert_says("html", &r, "<b>\xef\xbf\xbd", false);
    assert_says("markdown", &r, "<b>", false);
    sample_release(&r);
}

/* Ten years by the day are drawn in columns of several days each. */
static void test_many_days(void **state)
{
    struct report r;
    struct str out;
    (void)state;
    sample_agents(&r);
    struct report_slo *s = &r.slos[0];
    size_t n = 3652;
    s->start_us = s->end_us - (int64_t)n * USEC_PER_DAY;
    struct report_answer_day *days = mem_array(n, sizeof *days);
    for (size_t i = 0; i < n; i++)
        days[i] = (struct report_answer_day){s->start_us + (int64_t)i * USEC_PER_DAY,
                                             s->start_us + (int64_t)(i + 1) * USEC_PER_DAY,
                                             {.runs = 1, .good = 1, .tokens_out = 5, .cost = 7}};
    s->answers->days = days;
    s->answers->day_count = n;
    r.slo_count = 1;
    render(&out, &r, "html", 80);
    assert_non_null(strstr(out.buf, "per 28d of UTC"));
    assert_non_null(strstr(out.buf, "0 in, 140 out; 28 runs"));
    assert_non_null(strstr(out.buf, ">millionths of USD per 28d of UTC"));
    assert_non_null(strstr(out.buf, ">0.0001</span>")); /* of the 196 * 10^-12 of a column */
    str_release(&out);
    free(days);
    sample_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),       cmocka_unit_test(test_money),
        cmocka_unit_test(test_tokens),       cmocka_unit_test(test_cost),
        cmocka_unit_test(test_held),         cmocka_unit_test(test_speed),
        cmocka_unit_test(test_json_unknown), cmocka_unit_test(test_json_adds_up),
        cmocka_unit_test(test_told_once),    cmocka_unit_test(test_words),
        cmocka_unit_test(test_none),         cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_many_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
