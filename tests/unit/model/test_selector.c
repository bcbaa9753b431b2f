/* PromQL's selectors: grammar, one text for equal ones, what they match. */
#include "model/selector.h"

#include "base/mem.h"
#include "model/lex.h"
#include "model/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct selector *parse(struct arena *a, const char *text)
{
    const struct selector *s = NULL;
    struct err err = {{0}};
    size_t at = 0, n = strlen(text);
    char *exact = mem_alloc(n + 1);
    memcpy(exact, text, n);
    if (selector_parse(a, exact, n, &s, &at, &err) < 0)
        fail_msg("%s: at %zu: %s", text, at, err.msg);
    free(exact);
    return s;
}

static void is(const char *text, const char *want)
{
    struct arena a = {0};
    assert_string_equal(selector_text(parse(&a, text)), want);
    assert_string_equal(selector_text(parse(&a, want)), want);
    arena_release(&a);
}

static void test_texts(void **state)
{
    (void)state;
    is("up", "up");
    is(" job:up:rate5m { } ", "job:up:rate5m");
    is("up{}", "up");
    is("sum", "sum");
    is("x{b='2',a=\"1\",}", "x{a=\"1\",b=\"2\"}");
    is("x{a=\"1\",a=\"1\"}", "x{a=\"1\"}");
    is("x{a!~\"1\",a=~`2`,a!=\"3\",a=\"4\"}", "x{a=\"4\",a!=\"3\",a=~\"2\",a!~\"1\"}");
    is("{__name__=\"up\",a=\"1\"}", "up{a=\"1\"}");
    is("{__name__=\"on\"}", "{__name__=\"on\"}");
    is("{__name__=~\"a|b\"}", "{__name__=~\"a|b\"}");
    is("{__name__=\"a\",__name__=\"b\"}", "{__name__=\"a\",__name__=\"b\"}");
    is("x{le=\"1.0\",quantile!='.5'}", "x{le=\"1\",quantile!=\"0.5\"}");
    is("x{on='1',sum='2'}", "x{on=\"1\",sum=\"2\"}");
    is("x # a comment\n {a='1' # another\n}", "x{a=\"1\"}");
    is("x{a=\"\\\"\\\\\\n\\x41\\101\\u00e9\\U0001F600\"}",
       "x{a=\"\\\"\\\\\\nAA\xc3\xa9\xf0\x9f\x98\x80\"}");
    is("x{a='it\\'s \"q\"'}", "x{a=\"it's \\\"q\\\"\"}");
    is("x{a=`\\d+\n`}", "x{a=\"\\\\d+\\n\"}");
    is("x{a=~\"\\\\d+\"}", "x{a=~\"\\\\d+\"}");
}

static void refused(const char *text, size_t at, const char *why)
{
    struct arena a = {0};
    const struct selector *s = NULL;
    struct err err = {{0}};
    size_t found = 0;
    if (selector_parse(&a, text, strlen(text), &s, &found, &err) == 0)
        fail_msg("%s is taken", text);
    if (!strstr(err.msg, why))
        fail_msg("%s: '%s' does not mention '%s'", text, err.msg, why);
    if (found != at)
        fail_msg("%s: at %zu, not %zu", text, found, at);
    assert_null(s);
    arena_release(&a);
}

static void test_refused(void **state)
{
    (void)state;
    refused("", 0, "a metric's name or '{' at the end");
    refused("9x", 0, "a metric's name or '{', found '9x'");
    refused("{}", 0, "does not match \"\"");
    refused("{a=\"\"}", 0, "does not match \"\"");
    refused("{a=~\".*\",b!=\"1\"}", 0, "does not match \"\"");
    refused("x{", 2, "a label's name or '}' at the end");
    refused("x{,}", 2, "a label's name");
    refused("x{a}", 3, "=, !=, =~ or !~");
    refused("x{a==\"1\"}", 4, "a value in quotes");
    refused("x{a=1}", 4, "a value in quotes");
    refused("x{a=\"1}", 4, "closing quote");
    refused("x{a=\"1\n\"}", 4, "closing quote");
    refused("x{a=\"\\'\"}", 6, "an escape such as");
    refused("x{a=\"\\x4\"}", 6, "an escape such as");
    refused("x{a=\"\\ud800\"}", 6, "an escape such as");
    refused("x{a=\"\\xff\"}", 4, "UTF-8");
    refused("x{a=\"\\000\"}", 4, "UTF-8");
    refused("x{a=\"1\" b=\"2\"}", 8, "',' or '}'");
    refused("x{a:b=\"1\"}", 3, "=, !=");
    refused("x{__name__=\"y\"}", 2, "a name already");
    refused("x[5m]", 1, "the end of the selector, found '[5m]'");
    refused("x offset 5m", 2, "the end of the selector");
    refused("x y", 2, "the end of the selector");
    refused("on", 0, "{__name__=\"on\"}");
    refused("NaN", 0, "word of PromQL");
    refused("x{a=~\"(\"}", 5, "character 2");
    refused("x{a=~\"a)|(b\"}", 5, "unmatched");
    refused("x{a=~\"(?=b)\"}", 5, "look-around");
    refused("{a=~\"(a+)+\\\\1\"}", 4, "back references");
}

static int matches(const char *selector, const char *series)
{
    struct arena a = {0};
    struct series s;
    struct str room;
    struct err err = {{0}};
    str_init(&room, 4096);
    assert_int_equal(series_parse(series, strlen(series), &room, &s, &err), 0);
    int rc = selector_matches(parse(&a, selector), &s, &err);
    str_release(&room);
    arena_release(&a);
    return rc;
}

static void test_matches(void **state)
{
    (void)state;
    const char *x = "x{code=\"503\",path=\"/a\",le=\"0.50\"}";
    assert_int_equal(matches("x", x), 1);
    assert_int_equal(matches("y", x), 0);
    assert_int_equal(matches("x{code=\"503\"}", x), 1);
    assert_int_equal(matches("x{code=\"50\"}", x), 0);
    assert_int_equal(matches("x{code!=\"503\"}", x), 0);
    assert_int_equal(matches("x{code=~\"5..\"}", x), 1);
    assert_int_equal(matches("x{code=~\"5\"}", x), 0); /* anchored */
    assert_int_equal(matches("x{code=~\"03|5\"}", x), 0);
    assert_int_equal(matches("x{code=~\"4..|5..\"}", x), 1);
    assert_int_equal(matches("x{code!~\"4..\",path!=\"/x\"}", x), 1);
    assert_int_equal(matches("x{absent=\"\"}", x), 1);
    assert_int_equal(matches("x{absent!=\"\"}", x), 0);
    assert_int_equal(matches("x{absent=~\".*\"}", x), 1);
    assert_int_equal(matches("x{absent=~\".+\"}", x), 0);
    assert_int_equal(matches("x{absent!=\"1\"}", x), 1);
    assert_int_equal(matches("{__name__=~\"x|y\"}", x), 1);
    assert_int_equal(matches("{__name__!=\"x\",code=\"503\"}", x), 0);
    assert_int_equal(matches("{code=\"503\"}", x), 1);
    assert_int_equal(matches("{__name__=\"x\",__name__=\"y\"}", x), 0);
    assert_int_equal(matches("x{le=\"0.5\"}", x), 1);
    assert_int_equal(matches("x{le=\"5e-1\"}", x), 1);
    assert_int_equal(matches("x{le!=\".5\"}", x), 0);
    assert_int_equal(matches("x{le=~\"0[.]5\"}", x), 1);
    assert_int_equal(matches("x{le=\"+Inf\"}", "x{le=\"inf\"}"), 1);
    assert_int_equal(matches("x{le=\"1\"}", "x{le=\"one\"}"), 0);
}

static void test_patterns_as_prometheus_reads_them(void **state)
{
    (void)state;
    assert_int_equal(matches("x{a=~\"a.b\"}", "x{a=\"a\\nb\"}"), 0);
    assert_int_equal(matches("x{a=~\"(?s)a.b\"}", "x{a=\"a\\nb\"}"), 1);
    assert_int_equal(matches("x{a=~\"ab$\"}", "x{a=\"ab\\n\"}"), 0);
    assert_int_equal(matches("x{a=~\"ab$\\n\"}", "x{a=\"ab\\n\"}"), 0);
    assert_int_equal(matches("x{a=~\"(?i)AB\"}", "x{a=\"ab\"}"), 1);
}

static void test_patterns_of_promql_alone(void **state)
{
    (void)state;
    const char *const taken[] = {
        "a|b",    "",           "(a|b)*c",  "[^a-z]+?",  "[]a]",         "[[:alpha:]_-]",
        "a{2,3}", "a{1000}",    "a{,3}",    "{x",        "\\x41\\x{e9}", "\\Qa+b\\E+",
        "\\pL",   "\\p{Greek}", "(?P<n>a)", "(?i-s:a)b", "(?U)a+",       "\\d\\D\\s\\S\\w\\W\\b\\B",
        "\\A\\z", "\\.\\*\\_",  "a??",      "^$",        "\\0",          "[\\d\\]]",
    };
    const char *const refusals[] = {
        "a**",       "a++",       "a{2}{3}",   "a*+",   "a???",      "(?=a)",   "(?!a)",
        "(?<=a)b",   "(?<!a)b",   "(?>a)",     "(?|a)", "(?<n>a)",   "(?P=n)",  "(?P>n)",
        "(a)\\1",    "(a)\\g{1}", "(?R)",      "(?1)",  "(?(1)a|b)", "(?#c)",   "(?x)a b",
        "(*ACCEPT)", "a{1001}",   "a{1,1001}", "\\K",   "\\R",       "\\X",     "\\h",
        "\\Z",       "\\G",       "\\E",       "\\e",   "\\xg",      "\\x4",    "a\\",
        "[\\b]",     "[\\Qa\\E]", "[a",        "*a",    "(*)",       "a{01}",   "\\\xc3\xa9",
        "[[:word",   "(?C1)a",    "(?^a)",     "(a",    "\\c",       "\\u0041", "\\N",
    };
    for (size_t i = 0; i < countof(taken); i++) {
        struct regex *re = NULL;
        struct err err = {{0}};
        if (regex_compile_whole(taken[i], &re, &err) < 0)
            fail_msg("%s: %s", taken[i], err.msg);
        regex_free(re);
    }
    for (size_t i = 0; i < countof(refusals); i++) {
        struct regex *re = NULL;
        struct err err = {{0}};
        if (regex_compile_whole(refusals[i], &re, &err) == 0)
            fail_msg("%s is taken", refusals[i]);
        assert_true(strstr(err.msg, "character"));
    }
}

static void test_whole_patterns_have_limits(void **state)
{
    (void)state;
    char text[1001];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct regex *re = NULL;
    struct err err = {{0}};
    assert_int_equal(regex_compile_whole("(a+)+[bc]", &re, &err), 0);
    assert_int_equal(regex_match(re, text, 1000, &err), -1);
    regex_free(re);
    assert_int_equal(regex_compile_whole(".+", &re, &err), 0);
    assert_int_equal(regex_match(re, text, 1000, &err), 1);
    assert_int_equal(regex_match(re, "\xff", 1, &err), 0);
    assert_int_equal(regex_match(re, "a\xff", 2, &err), 0);
    assert_int_equal(regex_match(re, "", 0, &err), 0);
    regex_free(re);
}

static void test_names(void **state)
{
    (void)state;
    struct arena a = {0};
    const struct selector *s = parse(&a, "x{a=\"1\"}");
    assert_string_equal(selector_name(s), "x");
    assert_int_equal(selector_matches_name(s, "x", 1, NULL), 1);
    assert_int_equal(selector_matches_name(s, "xy", 2, NULL), 0);
    s = parse(&a, "{__name__=~\"x.*\",a=\"1\"}");
    assert_null(selector_name(s));
    assert_int_equal(selector_matches_name(s, "xy", 2, NULL), 1);
    assert_int_equal(selector_matches_name(s, "y", 1, NULL), 0);
    s = parse(&a, "{a=\"1\"}");
    assert_int_equal(selector_matches_name(s, "y", 1, NULL), 1);
    assert_true(selector_names(s, "a"));
    assert_false(selector_names(s, "b"));
    arena_release(&a);
}

static void test_derived_selectors(void **state)
{
    (void)state;
    struct arena a = {0};
    const struct selector *s = parse(&a, "x{a=~\"1|2\",le!=\"3\"}");
    s = selector_rename(&a, s, "x_bucket");
    assert_string_equal(selector_text(s), "x_bucket{a=~\"1|2\",le!=\"3\"}");
    assert_string_equal(selector_text(selector_with(&a, s, "le", "5e-1")),
                        "x_bucket{a=~\"1|2\",le=\"0.5\"}");
    assert_string_equal(selector_text(selector_with(&a, s, "le", NULL)), "x_bucket{a=~\"1|2\"}");
    s = parse(&a, "{__name__=~\"a|b\",c=\"1\"}");
    assert_string_equal(selector_text(selector_rename(&a, s, "d")), "d{c=\"1\"}");
    arena_release(&a);
}

static void test_sizes(void **state)
{
    (void)state;
    struct str text;
    str_init(&text, 1 << 16);
    str_add(&text, "x{");
    for (int i = 0; i < SELECTOR_MATCHERS_MAX; i++)
        str_addf(&text, "l%d=\"v\",", i);
    str_addc(&text, '}');
    struct arena a = {0};
    const struct selector *s = selector_with(&a, parse(&a, text.buf), "more", "1");
    assert_non_null(strstr(selector_text(s), "more=\"1\""));
    text.len--;
    str_add(&text, "m=\"v\"}");
    refused(text.buf, text.len - 6, "more than 32 matchers");
    str_clear(&text);
    str_add(&text, "x{a=\"");
    while (text.len < SELECTOR_TEXT_MAX - 2)
        str_addc(&text, '\t');
    str_add(&text, "\"}");
    assert_string_equal(selector_text(parse(&a, text.buf)), text.buf);
    str_addc(&text, ' ');
    refused(text.buf, 0, "at most 2048");
    arena_release(&a);
    str_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_patterns_as_prometheus_reads_them),
        cmocka_unit_test(test_patterns_of_promql_alone),
        cmocka_unit_test(test_whole_patterns_have_limits),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_derived_selectors),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
