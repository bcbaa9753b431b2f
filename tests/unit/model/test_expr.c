/* Conditions: grammar with positions, one text for equal ones, and what they
 * say of scrapes. */
#include "model/expr.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "model/history.h"
#include "model/selector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define S USEC_PER_SEC

static const struct expr *parse(struct arena *a, const char *text)
{
    const struct expr *e = NULL;
    struct err err = {{0}};
    size_t at = 0;
    if (expr_parse(a, text, &e, &at, &err) < 0)
        fail_msg("%s: at %zu: %s", text, at, err.msg);
    return e;
}

static void is(const char *text, const char *want)
{
    struct arena a = {0};
    assert_string_equal(expr_text(parse(&a, text)), want);
    assert_string_equal(expr_text(parse(&a, want)), want);
    arena_release(&a);
}

static void test_texts(void **state)
{
    (void)state;
    is("db_connections_active<=80", "db_connections_active <= 80");
    is(" x { b='1' , a=\"2\" } > 1e3 ", "x{a=\"2\",b=\"1\"} > 1000");
    is("max(q) < 10000", "max(q) < 10000");
    is("max( q ) == 5", "max(q) == 5");
    is("rate(n) >= 1000/s", "rate(n) >= 1000");
    is("rate(n[300s]) >= 10MiB/s", "rate(n[5m]) >= 10485760");
    is("increase(a{s=~\"5..\"}[5m]) / increase(a[5m]) <= 0.05",
       "increase(a{s=~\"5..\"}[5m]) / increase(a[5m]) <= 0.05");
    is("sum(rate(a[5m])) / sum(rate(b[5m])) > 5%", "rate(a[5m]) / rate(b[5m]) > 0.05");
    is("quantile(0.95, h[5m]) <= 2s", "quantile(0.95, h[5m]) <= 2");
    is("quantile(95%, h_bucket{a='1'}) <= 500ms", "quantile(0.95, h{a=\"1\"}) <= 0.5");
    is("hits / (hits + misses) >= 99.9%", "hits / (hits + misses) >= 0.999");
    is("age(t) < 26h", "age(t) < 93600");
    is("change(config_hash) == 0", "change(config_hash) == 0");
    is("present(app_info)", "present(app_info)");
    is("absent ( {__name__='e',a!=''} )", "absent(e{a!=\"\"})");
    is("a - (b - c) - d == -1", "a - (b - c) - d == -1");
    is("(a * (b)) / (c / d) != 0", "a * b / (c / d) != 0");
    is("-(a + b) * -3 > 0", "-(a + b) * -3 > 0");
    is("--a > -0", "--a > 0");
    is("a + 1h > 0", "a + 3600 > 0");
    is("sum > 1 # a metric of this name", "sum > 1");
    is("x / 5 > 1", "x / 5 > 1");
    is("x > 1.5KiB", "x > 1536");
    is("x > 1e3%", "x > 10");
}

static void refused(const char *text, size_t at, const char *why)
{
    struct arena a = {0};
    const struct expr *e = NULL;
    struct err err = {{0}};
    size_t found = 0;
    if (expr_parse(&a, text, &e, &found, &err) == 0)
        fail_msg("%s is taken", text);
    if (!strstr(err.msg, why))
        fail_msg("%s: '%s' does not mention '%s'", text, err.msg, why);
    if (found != at)
        fail_msg("%s: at %zu, not %zu: %s", text, found, at, err.msg);
    arena_release(&a);
}

static void test_refused(void **state)
{
    (void)state;
    refused("", 0, "a metric, a function, a number or '(' at the end");
    refused("x", 1, "a comparison (== != < <= > >=) at the end");
    refused("x = 1", 2, "a comparison (== != < <= > >=), found '= 1'");
    refused("x < y", 4, "expected a number, found 'y'");
    refused("x < 1 2", 6, "the end of the condition");
    refused("x < 5 s", 6, "the end of the condition");
    refused("x < 5sec", 5, "a unit (ms s m h d KiB MiB GiB %), found 'sec'");
    refused("x < 5/sec", 5, "the end of the condition");
    refused("x < 1e999", 4, "too large");
    refused("x < 11111111111111111111111111111111111111111", 4, "more than 40 characters");
    refused("1 < 2", 0, "looks at no metric");
    refused("(x < 1)", 3, "an operator or ')'");
    refused("(x < 1", 3, "an operator or ')'");
    refused("x + < 1", 4, "a metric, a function");
    refused("smu(x) < 1", 0, "did you mean 'sum'");
    refused("foo(x) < 1", 0, "there is no function 'foo'; there are sum min");
    refused("sum(x < 1", 6, "')'");
    refused("sum(max(x)) < 1", 4, "a selector, rate or increase");
    refused("sum(x[5m]) < 1", 5, "sum takes no window");
    refused("x[5m] < 1", 1, "a bare selector takes no window");
    refused("rate(x[5]) < 1", 7, "expected a duration");
    refused("rate(x[25h]) < 1", 7, "more than 24h");
    refused("rate(x[5m) < 1", 14, "']'");
    refused("quantile(1.5, h) < 1", 9, "between 0 and 1");
    refused("quantile(h) < 1", 9, "a number");
    refused("quantile(0.5 h) < 1", 13, "','");
    refused("quantile(0.5, {a=\"1\"}) < 1", 14, "the name of a histogram");
    refused("quantile(0.5, h_bucket{le=\"1\"}) < 1", 14, "leave out le");
    refused("x{a=~\"(\"} < 1", 5, "bad pattern");
    refused("{} < 1", 0, "a name, or a matcher");
    refused("present(x) == 1", 11, "the end of the condition");
    refused("present(x", 9, "')'");
    refused("present(rate(x))", 12, "')'");
    refused("x < 1 and y < 2", 6, "the end of the condition");
}

static void test_sizes(void **state)
{
    (void)state;
    struct str text;
    str_init(&text, 1 << 16);
    for (int i = 0; i < EXPR_DEPTH_MAX; i++)
        str_addc(&text, '(');
    str_addc(&text, 'x');
    for (int i = 0; i < EXPR_DEPTH_MAX; i++)
        str_addc(&text, ')');
    str_add(&text, " > 1");
    is(text.buf, "x > 1");
    str_clear(&text);
    for (int i = 0; i <= EXPR_DEPTH_MAX; i++)
        str_add(&text, i % 2 ? "-" : "(");
    str_add(&text, "x");
    refused(text.buf, EXPR_DEPTH_MAX, "levels of parentheses");
    str_clear(&text);
    for (int i = 0; i <= EXPR_NODES_MAX / 2; i++)
        str_add(&text, "x+");
    refused(text.buf, EXPR_NODES_MAX + 1, "more than 256 terms");
    str_clear(&text);
    for (int i = 0; i <= EXPR_SELECTORS_MAX; i++)
        str_addf(&text, "x%02d+", i);
    refused(text.buf, 4 * EXPR_SELECTORS_MAX, "more than 16 different selectors");
    str_clear(&text);
    while (text.len <= EXPR_TEXT_MAX)
        str_addc(&text, ' ');
    refused(text.buf, 0, "more than 4096 bytes");
    str_release(&text);
}

static void test_what_it_looks_at(void **state)
{
    (void)state;
    struct arena a = {0};
    const struct selector *s[EXPR_SELECTORS_MAX];
    const struct expr *e =
        parse(&a, "increase(x{a='1'}[5m]) / (increase(x[1h]) + increase(x[5m])) < 1");
    assert_int_equal(expr_selectors(e, s), 2);
    assert_string_equal(selector_text(s[0]), "x{a=\"1\"}");
    assert_string_equal(selector_text(s[1]), "x");
    assert_true(expr_window_us(e) == USEC_PER_HOUR);
    assert_true(expr_looks_back(e));
    e = parse(&a, "quantile(0.5, h{a='1'}) < 1");
    assert_int_equal(expr_selectors(e, s), 1);
    assert_string_equal(selector_text(s[0]), "h_bucket{a=\"1\"}");
    assert_true(expr_window_us(e) == 0);
    assert_false(expr_looks_back(parse(&a, "max(x) < 1")));
    e = parse(&a, "absent(x)");
    assert_int_equal(expr_selectors(e, s), 1);
    arena_release(&a);
}

/* ---- answers ------------------------------------------------------------- */

static struct history *history(void)
{
    return history_new(EXPR_WINDOW_MAX_US);
}

static void add(struct history *h, int64_t at_us, const char *page)
{
    struct sample at[32];
    size_t n = 0;
    mem_auto char *text = mem_strdup(page);
    char *save = NULL;
    for (char *p = strtok_r(text, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
        char *value = strrchr(p, '=');
        *value++ = '\0';
        at[n++] = (struct sample){p, strtod(value, NULL)};
    }
    history_add(h, at_us, at, n);
}

static void ask(struct history *h, const char *text, enum expr_answer want, const char *want_seen)
{
    struct arena a = {0};
    char seen[256] = "";
    int64_t now = history_scrapes(h) ? history_last_us(h) : 0;
    enum expr_answer got = expr_ask(parse(&a, text), h, now, seen, sizeof(seen));
    if (got != want || strcmp(seen, want_seen) != 0)
        fail_msg("%s: %d, '%s'; not %d, '%s'", text, got, seen, want, want_seen);
    arena_release(&a);
}

/* One scrape, or two 10 s apart, and one question. */
static void told(const char *before, const char *page, const char *text, enum expr_answer want,
                 const char *seen)
{
    struct history *h = history();
    if (before)
        add(h, 100 * S, before);
    add(h, 110 * S, page);
    ask(h, text, want, seen);
    history_free(h);
}

static void test_values(void **state)
{
    (void)state;
    const char *q = "q{n=\"a\"}=5 q{n=\"b\"}=12 q{n=\"c\"}=20 z=0";
    told(NULL, "x=80", "x <= 80", EXPR_HOLDS, "x 80");
    told(NULL, "x=80.5", "x <= 80", EXPR_FAILS, "x 80.5");
    told(NULL, q, "q < 10", EXPR_FAILS, "q{n=\"b\"} 12 and 1 more");
    told(NULL, q, "q < 100", EXPR_HOLDS, "q{n=\"a\"} 5 and 2 more");
    told(NULL, q, "q{n=\"a\"} != 5", EXPR_FAILS, "q{n=\"a\"} 5");
    told(NULL, q, "sum(q) == 37", EXPR_HOLDS, "37");
    told(NULL, q, "min(q) > 5", EXPR_FAILS, "5");
    told(NULL, q, "max(q) >= 20", EXPR_HOLDS, "20");
    told(NULL, q, "avg(q{n!=\"b\"}) == 12.5", EXPR_HOLDS, "12.5");
    told(NULL, q, "count(q) == 3", EXPR_HOLDS, "3");
    told(NULL, q, "q + 1 == 38", EXPR_HOLDS, "38"); /* within arithmetic: the sum */
    told(NULL, q, "-q == -37", EXPR_HOLDS, "-37");
    told(NULL, q, "2 * q{n=\"b\"} - q{n=\"c\"} / 5 == 20", EXPR_HOLDS, "20");
    told(NULL, q, "q / z < 1", EXPR_UNKNOWN, "a division by zero");
    told(NULL, q, "missing < 1", EXPR_UNKNOWN, "there is no series missing");
    told(NULL, q, "sum(missing) < 1", EXPR_UNKNOWN, "there is no series missing");
    told(NULL, q, "q + missing < 1", EXPR_UNKNOWN, "there is no series missing");
    told(NULL, "x=NaN y=1", "x < 1", EXPR_UNKNOWN, "there is no series x");
    told(NULL, "x{a=\"1\"}=NaN x=1", "x < 2", EXPR_HOLDS, "x 1");
    told(NULL, "x=inf", "x - x == 0", EXPR_UNKNOWN, "no number");
    told(NULL, "x=inf", "x > 1", EXPR_HOLDS, "x +Inf");
    told(NULL, q, "present(q)", EXPR_HOLDS, "3 series");
    told(NULL, q, "present(q{n=\"d\"})", EXPR_FAILS, "0 series");
    told(NULL, q, "absent(q{n=\"d\"})", EXPR_HOLDS, "0 series");
    told(NULL, q, "absent(z)", EXPR_FAILS, "1 series");
    told(NULL, "x=NaN", "present(x)", EXPR_FAILS, "0 series");
    told(NULL, "t=50 u{a=\"1\"}=109.5 u{a=\"2\"}=10", "age(t) < 60", EXPR_FAILS, "t 60");
    told(NULL, "t=50 u{a=\"1\"}=109.5 u{a=\"2\"}=10", "age(u) < 60", EXPR_FAILS, "u{a=\"2\"} 100");
    told(NULL, "t=50 u{a=\"1\"}=109.5 u{a=\"2\"}=10", "age(u) + 0 == 100.5", EXPR_HOLDS, "100.5");
    struct history *h = history();
    ask(h, "present(x)", EXPR_UNKNOWN, "no scrape yet");
    history_free(h);
}

static void test_each_comparison(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        bool less, equal, more;
    } ops[] = {
        {"==", false, true, false}, {"!=", true, false, true}, {"<", true, false, false},
        {"<=", true, true, false},  {">", false, false, true}, {">=", false, true, true},
    };
    for (size_t i = 0; i < countof(ops); i++) {
        char text[16];
        snprintf(text, sizeof(text), "x %s 5", ops[i].op);
        told(NULL, "x=4", text, ops[i].less ? EXPR_HOLDS : EXPR_FAILS, "x 4");
        told(NULL, "x=5", text, ops[i].equal ? EXPR_HOLDS : EXPR_FAILS, "x 5");
        told(NULL, "x=6", text, ops[i].more ? EXPR_HOLDS : EXPR_FAILS, "x 6");
    }
}

static void test_changes_and_steps(void **state)
{
    (void)state;
    told(NULL, "x=5", "change(x) == 0", EXPR_UNKNOWN, "not enough scrapes yet for x");
    told("x=5", "x=5", "change(x) == 0", EXPR_HOLDS, "x 0");
    told("x=5 x{a=\"1\"}=7", "x=5 x{a=\"1\"}=6", "change(x) == 0", EXPR_FAILS, "x{a=\"1\"} -1");
    told("x=5", "y=5", "change(x) == 0", EXPR_UNKNOWN, "there is no series x");
    told("x=5", "x{a=\"1\"}=5", "change(x) == 0", EXPR_UNKNOWN, "not enough scrapes yet for x");
    told("x=5 y=1", "x=25 y=2", "rate(x) == 2/s", EXPR_HOLDS, "2");
    told("x=5 y=1", "x=25 y=2", "increase(x) == 20", EXPR_HOLDS, "20");
    told(NULL, "x=5", "rate(x) >= 0", EXPR_UNKNOWN, "not enough scrapes yet for x");
    told("x=5", "y=5", "rate(x) >= 0", EXPR_UNKNOWN, "there is no series x");
    told("x=5", "x=7", "increase(x{e=\"1\"}) / increase(x) == 0", EXPR_HOLDS, "0");
    told("x=5", "x=5", "increase(x{e=\"1\"}) / increase(x) == 0", EXPR_UNKNOWN,
         "a division by zero");
}

static void test_windows(void **state)
{
    (void)state;
    struct arena a = {0};
    char seen[128];
    const struct expr *increase = parse(&a, "increase(x[60s]) <= 10");
    const struct expr *rate = parse(&a, "rate(x[60s]) > 0.15/s");
    struct history *h = history();
    for (int i = 1; i <= 7; i++) {
        char page[32];
        snprintf(page, sizeof(page), "x=%d", i * 2);
        add(h, i * 10 * S, page);
        enum expr_answer got = expr_ask(increase, h, 0, seen, sizeof(seen));
        assert_int_equal(got, i < 7 ? EXPR_UNKNOWN : EXPR_FAILS);
        assert_string_equal(seen, i < 7 ? "not enough scrapes yet for x" : "12");
        assert_int_equal(expr_ask(rate, h, 0, NULL, 0), i < 7 ? EXPR_UNKNOWN : EXPR_HOLDS);
    }
    /* Vanished: it has grown, and did not since. */
    for (int i = 8; i <= 14; i++) {
        add(h, i * 10 * S, "y=1");
        assert_int_equal(expr_ask(increase, h, 0, seen, sizeof(seen)), EXPR_HOLDS);
    }
    assert_string_equal(seen, "0");
    history_free(h);
    arena_release(&a);
}

/* As PromQL's histogram_quantile() of these increases. */
static void test_quantiles(void **state)
{
    (void)state;
    const char *none = "h_bucket{le=\"0.1\"}=0 h_bucket{le=\"0.5\"}=0 h_bucket{le=\"1\"}=0 "
                       "h_bucket{le=\"+Inf\"}=0";
    const char *some = "h_bucket{le=\"0.1\"}=10 h_bucket{le=\"0.5\"}=30 h_bucket{le=\"1\"}=35 "
                       "h_bucket{le=\"+Inf\"}=40";
    told(none, some, "quantile(0.5, h) < 1", EXPR_HOLDS, "0.3");
    told(none, some, "quantile(0.125, h) < 1", EXPR_HOLDS, "0.05");
    told(none, some, "quantile(0.25, h) == 0.1", EXPR_HOLDS, "0.1");
    told(none, some, "quantile(0.8, h) == 0.7", EXPR_HOLDS, "0.7");
    told(none, some, "quantile(0.99, h) == 1", EXPR_HOLDS, "1"); /* beyond: the last bound */
    told(none, some, "quantile(0, h) == 0", EXPR_HOLDS, "0");
    told(none, none, "quantile(0.5, h) < 1", EXPR_UNKNOWN, "nothing was observed by h");
    told(NULL, some, "quantile(0.5, h) < 1", EXPR_UNKNOWN, "not enough scrapes yet for h");
    told(none, "x=1", "quantile(0.5, h) < 1", EXPR_UNKNOWN, "there is no series h");
    told("h_bucket{le=\"1\"}=0", "h_bucket{le=\"1\"}=5", "quantile(0.5, h) < 1", EXPR_UNKNOWN,
         "there is no bucket le=\"+Inf\" of h");
    /* Summed over other labels; a bucket that falls is taken as its neighbour. */
    told("h_bucket{le=\"1\"}=0 h_bucket{le=\"+Inf\"}=0 h_bucket{a=\"1\",le=\"1\"}=0 "
         "h_bucket{a=\"1\",le=\"+Inf\"}=0",
         "h_bucket{le=\"1\"}=1 h_bucket{le=\"+Inf\"}=1 h_bucket{a=\"1\",le=\"1\"}=2 "
         "h_bucket{a=\"1\",le=\"+Inf\"}=3",
         "quantile(0.5, h) < 1", EXPR_HOLDS, "0.666666666667");
    told("h_bucket{le=\"1\"}=0 h_bucket{le=\"2\"}=0 h_bucket{le=\"+Inf\"}=0",
         "h_bucket{le=\"1\"}=4 h_bucket{le=\"2\"}=3 h_bucket{le=\"+Inf\"}=4", "quantile(1, h) < 9",
         EXPR_HOLDS, "1");
    told("h_bucket{le=\"-1\"}=0 h_bucket{le=\"+Inf\"}=0",
         "h_bucket{le=\"-1\"}=4 "
         "h_bucket{le=\"+Inf\"}=4",
         "quantile(0.5, h) < 9", EXPR_HOLDS, "-1");
}

static void test_a_quantile_over_a_window(void **state)
{
    (void)state;
    struct arena a = {0};
    char seen[128];
    const struct expr *e = parse(&a, "quantile(0.5, h[20s]) <= 1s");
    struct history *h = history();
    for (int i = 1; i <= 6; i++) {
        char page[128];
        /* Fast ones only until the fourth scrape, slow ones only after it. */
        snprintf(page, sizeof(page),
                 "h_bucket{le=\"1\"}=%d h_bucket{le=\"3\"}=%d h_bucket{le=\"+Inf\"}=%d",
                 10 * (i < 4 ? i : 4), 10 * i, 10 * i);
        add(h, i * 10 * S, page);
        enum expr_answer got = expr_ask(e, h, 0, seen, sizeof(seen));
        assert_int_equal(got, i < 3 ? EXPR_UNKNOWN : i < 6 ? EXPR_HOLDS : EXPR_FAILS);
    }
    assert_string_equal(seen, "2");
    history_free(h);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_what_it_looks_at),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_each_comparison),
        cmocka_unit_test(test_changes_and_steps),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_a_quantile_over_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
