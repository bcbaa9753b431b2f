/* Matchers of labels: both syntaxes, what holds where they differ, and matching. */
#include "../cmocka_all.h"

#include "model/matcher.h"

static struct arena arena;

static int finish(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void reads(const char *text, const char *canonical)
{
    struct matchers list = {0}, again = {0};
    struct str out, back;
    struct err err = {0};
    size_t at;
    str_init(&out, 4096);
    str_init(&back, 4096);
    if (matchers_parse(text, &arena, &list, &at, &err) < 0)
        fail_msg("%s: %s at %zu", text, err.msg, at);
    matchers_text(&list, &out);
    assert_string_equal(out.buf, canonical);
    assert_int_equal(matchers_parse(out.buf, &arena, &again, &at, &err), 0);
    matchers_text(&again, &back);
    assert_string_equal(back.buf, canonical);
    matchers_release(&list);
    matchers_release(&again);
    str_release(&out);
    str_release(&back);
}

static void refuses(const char *text, size_t where, const char *why)
{
    struct matchers list = {0};
    struct err err = {0};
    size_t at = 99;
    assert_int_equal(matchers_parse(text, &arena, &list, &at, &err), -1);
    matchers_release(&list);
    assert_int_equal(at, where);
    if (!strstr(err.msg, why))
        fail_msg("%s: '%s' does not say '%s'", text, err.msg, why);
}

static void test_both(void **state)
{
    (void)state;
    reads("", "");
    reads("{}", "");
    reads("severity=\"page\"", "severity=\"page\"");
    reads("severity=page", "severity=\"page\"");
    reads(" { b != \"x\" , a =~ \"api|web\" , } ", "a=~\"api|web\",b!=\"x\"");
    reads("a=~api|web,b!~x.*", "a=~\"api|web\",b!~\"x.*\"");
    reads("a=\"x,y\",a=\"b=c\"", "a=\"b=c\",a=\"x,y\"");
    reads("a=\"q\\\"\\\\n\"", "a=\"q\\\"\\\\n\"");
    reads("a=\"\"", "a=\"\"");
}

static void test_classic_alone(void **state)
{
    (void)state;
    reads("a=", "a=\"\"");
    reads("a=hello world ", "a=\"hello world\"");
    reads("a=x=y", "a=\"x=y\"");
    reads("a=~[0-9]{2}\\d", "a=~\"[0-9]{2}\\\\d\"");
    reads("a=\"\\d\"", "a=\"\\\\d\"");
    reads("a=x}", "a=\"x\"");
}

static void test_utf8_alone(void **state)
{
    (void)state;
    reads("\"with space\"=x", "\"with space\"=\"x\"");
    reads("größe=xl", "größe=\"xl\"");
    reads("a.b-c=\"d\"", "a.b-c=\"d\"");
    reads("1=2", "1=\"2\"");
}

static void test_where_they_differ(void **state)
{
    (void)state;
    /* Go's \t and \x41 are escapes; the classic syntax knows neither. */
    reads("a=\"\\t\"", "a=\"\\\\t\"");
    reads("a=\"\\x41\"", "a=\"\\\\x41\"");
    reads("a.b=\"\\x41\"", "a.b=\"A\"");
}

static void test_errors(void **state)
{
    (void)state;
    refuses("severity", 8, "expected one of =, !=, =~ and !~ at the end");
    refuses("severity==\"a\"b\"", 9, "expected a value, found '=\"a\"b\"'");
    refuses("=x", 0, "expected a label name");
    refuses("a=\"x", 2, "");
    refuses("a=\"x\" b=\"y\"", 6, "expected a comma, found 'b=\"y\"'");
    refuses("{a=\"x\"b", 6, "a comma or a closing brace");
    refuses("a=~\"(\"", 6, "");
    refuses("a=~\"(?=x)\"", 10, "");
    refuses("\"\"=x", 4, "a label has a name");
    refuses("a=\xff", 0, "not UTF-8");
    char many[65 * 4 + 1] = "";
    for (int i = 0; i < 65; i++)
        memcpy(many + (size_t)i * 4, "a=b,", 5);
    refuses(many, 65 * 4 - 1, "more than 64 matchers");
}

static bool match(const char *text, const char *a, const char *b)
{
    struct matchers list = {0};
    struct pair pairs[] = {{.key = "b", .value = b}, {.key = "a", .value = a}};
    struct string_map labels = {pairs, b ? 2 : 0};
    struct err err;
    size_t at;
    assert_int_equal(matchers_parse(text, &arena, &list, &at, &err), 0);
    bool ret = matchers_match(&list, &labels);
    matchers_release(&list);
    return ret;
}

static void test_match(void **state)
{
    (void)state;
    assert_true(match("", "x", "y"));
    assert_true(match("a=x,b=y", "x", "y"));
    assert_false(match("a=x,b=y", "x", "z"));
    assert_true(match("a=~\"x|y\"", "y", ""));
    assert_false(match("a=~\"x|y\"", "xy", "")); /* the whole value */
    assert_false(match("a=~\"x|y\"", "zx", ""));
    assert_true(match("a!~\"x|y\"", "xy", ""));
    assert_true(match("a!=x", "y", ""));
    assert_true(match("c=\"\"", "x", "y")); /* a label that is not there */
    assert_true(match("c=~\".*\"", "x", "y"));
    assert_false(match("c=~\".+\"", "x", "y"));
    assert_true(match("c!=x", NULL, NULL));
    assert_false(match("a=~\".*\"", "\xff", "")); /* no text that a pattern matches */
    assert_true(match("a!~\"x\"", "\xff", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both),       cmocka_unit_test(test_classic_alone),
        cmocka_unit_test(test_utf8_alone), cmocka_unit_test(test_where_they_differ),
        cmocka_unit_test(test_errors),     cmocka_unit_test(test_match),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
