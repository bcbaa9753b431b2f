/* Regular expressions: matching, errors, and that no pattern runs away. */
#include "model/regex.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static int match(const char *pattern, const char *text, size_t n)
{
    struct regex *re = NULL;
    struct err err = {{0}};
    if (regex_compile(pattern, &re, &err) < 0)
        fail_msg("%s: %s", pattern, err.msg);
    int rc = regex_match(re, text, n, &err);
    regex_free(re);
    return rc;
}

static int match_str(const char *pattern, const char *text)
{
    return match(pattern, text, strlen(text));
}

static void test_matches(void **state)
{
    (void)state;
    assert_int_equal(match_str("ok", "all ok here"), 1);
    assert_int_equal(match_str("^ok$", "all ok"), 0);
    assert_int_equal(match_str("^ok$", "ok\n"), 1);
    assert_int_equal(match_str("(?i)HEALTHY", "healthy"), 1);
    assert_int_equal(match_str("^.{1}$", "\xc3\xa9"), 1); /* one character, two bytes */
    assert_int_equal(match_str("a\\x{0}b", "a"), 0);
    assert_int_equal(match("a\\x{0}b", "a\0b", 3), 1);
    assert_int_equal(match("^$", NULL, 0), 1);
}

static void test_bytes_that_are_not_text(void **state)
{
    (void)state;
    assert_int_equal(match("ready", "\xff\xfe ready \x80", 10), 1);
    assert_int_equal(match("^.$", "\xff", 1), 0);
}

static void refused(const char *pattern, const char *why)
{
    struct regex *re = NULL;
    struct err err = {{0}};
    assert_int_equal(regex_compile(pattern, &re, &err), -1);
    assert_null(re);
    if (!strstr(err.msg, why))
        fail_msg("'%s' does not mention '%s'", err.msg, why);
}

static void test_refused(void **state)
{
    (void)state;
    refused("(", "character");
    refused("a\\Cb", "character");
    refused("[z-a]", "character");
    char *deep = mem_alloc(400);
    memset(deep, '(', 150);
    memset(deep + 150, ')', 150);
    refused(deep, "nested");
    free(deep);
    char *big = mem_alloc(5000);
    memset(big, 'a', 4999);
    refused(big, "4096");
    free(big);
    refused("(((a{1,2000}){1,2000}){1,2000})", "character");
}

/* Each of these takes seconds to ages without limits. */
static void test_runaways_are_errors(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    char *text = mem_alloc(n);
    memset(text, 'a', n);
    assert_int_equal(match("(a+)+$|x", text, 40), 1);
    assert_int_equal(match("(a+)+b\\d", text, n), 0); /* needs a digit: rejected at once */
    text[n - 1] = 'z';
    assert_int_equal(match("(a+)+[bc]", text, n), -1);
    assert_int_equal(match("(a|aa)+[bc]", text, n), -1);
    assert_int_equal(match("[ab]*[cd]", text, n), -1); /* quadratic: each start is cheap */
    assert_int_equal(match("z", text, n), 1);
    assert_int_equal(match("[ab]+z", text, n), 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_bytes_that_are_not_text),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_runaways_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
