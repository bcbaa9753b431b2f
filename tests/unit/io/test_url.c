/* URLs as probes write them and as servers redirect to them. */
#include "io/url.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_check(void **state)
{
    (void)state;
    struct err err = {{0}};
    assert_int_equal(url_check("http://localhost:8000/health?x=1", &err), 0);
    assert_int_equal(url_check("https://[::1]:8443/", &err), 0);
    assert_int_equal(url_check("https://example.com", &err), 0);
    assert_int_equal(url_check("HTTPS://xn--bcher-kva.example/", &err), 0);
    static const struct {
        const char *url, *why;
    } bad[] = {
        {"localhost:8000", "begins with http"},  {"ftp://x/", "ftp"},
        {"http://", "not a valid URL"},          {"http://a b/", "not a valid URL"},
        {"http://h:99999/", "not a valid URL"},  {"http://u@h/", "auth"},
        {"https://u:secret@h/", "auth"},         {"file:///etc/passwd", "file"},
        {"http://b\u00fccher.example/", "xn--"}, {"http://h:0/", "port 0"},
    };
    for (size_t i = 0; i < countof(bad); i++) {
        if (url_check(bad[i].url, &err) == 0)
            fail_msg("%s was accepted", bad[i].url);
        if (!strstr(err.msg, bad[i].why))
            fail_msg("%s: '%s' does not mention '%s'", bad[i].url, err.msg, bad[i].why);
        assert_null(strstr(err.msg, "secret"));
    }
}

static void test_resolve(void **state)
{
    (void)state;
    static const struct {
        const char *base, *location, *want;
    } cases[] = {
        {"http://h/a/b?q=1", "c", "http://h/a/c"},
        {"http://h/a/b", "/c?x=2", "http://h/c?x=2"},
        {"http://h/a/b", "../c", "http://h/c"},
        {"http://h:81/a", "?z=1", "http://h:81/a?z=1"},
        {"https://h/a", "//other/x", "https://other/x"},
        {"http://h/a", "https://u:p@other:444/x#frag", "https://other:444/x"},
        {"http://h/a", "/sp ace/\xc3\xa9", "http://h/sp%20ace/%c3%a9"},
        {"http://h/a", "http://h/b c", "http://h/b%20c"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        char *got = NULL;
        struct err err = {{0}};
        if (url_resolve(cases[i].base, cases[i].location, &got, &err) < 0)
            fail_msg("%s + %s: %s", cases[i].base, cases[i].location, err.msg);
        assert_string_equal(got, cases[i].want);
        free(got);
    }
}

static void test_resolve_refuses(void **state)
{
    (void)state;
    char *got = NULL;
    struct err err = {{0}};
    assert_int_equal(url_resolve("http://h/", "ftp://h/", &got, &err), -1);
    assert_int_equal(url_resolve("http://h/", "javascript:alert(1)", &got, &err), -1);
    assert_int_equal(url_resolve("http://h/", "http://a b:x/", &got, &err), -1);
    assert_int_equal(url_resolve("http://h/", "http://\xc2\x9b/", &got, &err), -1);
    assert_int_equal(url_resolve("http://h/", "/\x1b[31m", &got, &err), -1);
    char *big = mem_alloc(URL_MAX + 2);
    memset(big, 'a', URL_MAX + 1);
    assert_int_equal(url_resolve("http://h/", big, &got, &err), -1);
    free(big);
    assert_null(got);
}

static void test_origin(void **state)
{
    (void)state;
    assert_true(url_same_origin("http://h/", "http://H:80/x"));
    assert_false(url_same_origin("http://h/", "http://h:81/"));
    assert_false(url_same_origin("http://h/", "https://h/"));
    assert_false(url_same_origin("http://h/", "http://g/"));
    assert_true(url_is_https("HTTPS://h/"));
    assert_false(url_is_https("http://h/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_resolve_refuses),
        cmocka_unit_test(test_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
