/* The canonical text of series: one spelling for equal ones, limits, errors. */
#include "model/series.h"

#include "base/mem.h"
#include "nines/sample.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static int canonical(const char *text, struct str *out, struct err *err)
{
    struct series s;
    struct str room;
    str_init(&room, 1 << 16);
    size_t n = strlen(text);
    char *exact = mem_alloc(n + 1); /* a sanitizer sees a read past the end */
    memcpy(exact, text, n);
    int rc = series_parse(exact, n, &room, &s, err);
    if (rc == 0)
        rc = series_put(&s, out, err);
    free(exact);
    str_release(&room);
    return rc;
}

static void is(const char *text, const char *want)
{
    struct str out;
    struct err err = {{0}};
    str_init(&out, 4096);
    if (canonical(text, &out, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    assert_string_equal(out.buf, want);
    str_clear(&out);
    assert_int_equal(canonical(want, &out, &err), 0);
    assert_string_equal(out.buf, want);
    str_release(&out);
}

static void test_canonical(void **state)
{
    (void)state;
    is("up", "up");
    is(" up ", "up");
    is("up{}", "up");
    is("up { } ", "up");
    is("a:b{b=\"2\",a=\"1\"}", "a:b{a=\"1\",b=\"2\"}");
    is("x{ ab = \"1\" , a = \"2\" , }", "x{a=\"2\",ab=\"1\"}");
    is("x{a=\"\"}", "x");
    is("x{a=\"\",b=\"1\"}", "x{b=\"1\"}");
    is("x{a=\"q\\\"b\\\\n\\n\"}", "x{a=\"q\\\"b\\\\n\\n\"}");
    is("x{a=\"\xc3\xa9\tb\"}", "x{a=\"\xc3\xa9\tb\"}");
}

static void test_numbers_of_le_and_quantile(void **state)
{
    (void)state;
    is("x{le=\"1.0\"}", "x{le=\"1\"}");
    is("x{le=\"5e-1\"}", "x{le=\"0.5\"}");
    is("x{le=\"+inf\"}", "x{le=\"+Inf\"}");
    is("x{le=\"Inf\"}", "x{le=\"+Inf\"}");
    is("x{le=\"1e+06\"}", "x{le=\"1000000\"}");
    is("x{le=\"100\"}", "x{le=\"100\"}");
    is("x{le=\"-0\"}", "x{le=\"0\"}");
    is("x{quantile=\"0.990\"}", "x{quantile=\"0.99\"}");
    is("x{le=\"abc\"}", "x{le=\"abc\"}");
    is("x{le=\" 1\"}", "x{le=\" 1\"}");
    is("x{version=\"1.0\"}", "x{version=\"1.0\"}");
}

static void test_number_texts(void **state)
{
    (void)state;
    char buf[SERIES_NUMBER_MAX];
    assert_string_equal(series_number_text(buf, 0.1), "0.1");
    assert_string_equal(series_number_text(buf, 12000), "12000");
    assert_string_equal(series_number_text(buf, -0.000025), "-0.000025");
    assert_string_equal(series_number_text(buf, 1.0 / 3), "0.3333333333333333");
    assert_string_equal(series_number_text(buf, 1e300), "1e+300");
    assert_string_equal(series_number_text(buf, NAN), "NaN");
    assert_string_equal(series_number_text(buf, -INFINITY), "-Inf");
    const double odd[] = {DBL_MAX,       DBL_MIN,     -DBL_TRUE_MIN, 9007199254740992.0,
                          123456789.123, -1234567e-9, 99999999e13,   1.0 / 7e-5,
                          1.7e15,        9.9999e15};
    for (size_t i = 0; i < countof(odd); i++) {
        double back;
        series_number_text(buf, odd[i]);
        assert_true(series_number(buf, strlen(buf), &back));
        assert_true(back == odd[i]);
    }
}

static void refused(const char *text, const char *why)
{
    struct str out;
    struct err err = {{0}};
    str_init(&out, 4096);
    str_add(&out, "kept");
    if (canonical(text, &out, &err) == 0)
        fail_msg("%s is taken", text);
    if (!strstr(err.msg, why))
        fail_msg("%s: '%s' does not mention '%s'", text, err.msg, why);
    assert_string_equal(out.buf, "kept");
    assert_false(out.overflow);
    str_release(&out);
}

static void test_refused(void **state)
{
    (void)state;
    refused("", "name at the end");
    refused("9x", "name at character 1");
    refused("x{", "label's name");
    refused("x{a", "'='");
    refused("x{a=", "double quotes");
    refused("x{a='1'}", "double quotes");
    refused("x{a=\"1}", "closing quote");
    refused("x{a=\"\\t\"}", "\\n at character 7");
    refused("x{a=\"1\"", "',' or '}'");
    refused("x{,}", "label's name");
    refused("x{a=\"1\" b=\"2\"}", "',' or '}' at character 9");
    refused("x{a:b=\"1\"}", "'='");
    refused("x{} 1", "the end of the series");
    refused("x{a=\"1\",a=\"2\"}", "'a' stands there twice");
    refused("x{a=\"\",a=\"2\"}", "'a' stands there twice");
    refused("x{a=\"\xff\"}", "UTF-8");
}

static void test_sizes(void **state)
{
    (void)state;
    struct str text;
    str_init(&text, 1 << 16);
    str_add(&text, "x");
    for (int i = 0; i <= SERIES_LABELS_MAX; i++)
        str_addf(&text, "%cl%d=\"v\"", i ? ',' : '{', i);
    str_addc(&text, '}');
    refused(text.buf, "more than 64 labels");

    str_clear(&text);
    str_add(&text, "x{a=\"");
    for (int i = 0; i < SAMPLE_SERIES_MAX - 8; i++)
        str_addc(&text, 'v');
    size_t fits = text.len;
    str_add(&text, "\"}");
    assert_int_equal(text.len, SAMPLE_SERIES_MAX - 1);
    is(text.buf, text.buf);
    text.len = fits;
    str_add(&text, "v\"}");
    refused(text.buf, "longer than 1023 bytes");

    /* A full string refuses, too. */
    struct str small, room;
    struct series s;
    struct err err = {{0}};
    str_init(&small, 4);
    str_init(&room, 64);
    assert_int_equal(series_parse("abcdef", 6, &room, &s, &err), 0);
    assert_int_equal(series_put(&s, &small, &err), -1);
    assert_int_equal(small.len, 0);
    str_release(&small);
    str_release(&room);
    str_release(&text);
}

static void test_labels_are_found(void **state)
{
    (void)state;
    struct series s;
    struct str room;
    str_init(&room, 64);
    assert_int_equal(series_parse("x{ab=\"1\",a=\"2\"}", 15, &room, &s, NULL), 0);
    assert_memory_equal(series_label(&s, "a")->value, "2", 1);
    assert_memory_equal(series_label(&s, "ab")->value, "1", 1);
    assert_null(series_label(&s, "b"));
    str_release(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical),    cmocka_unit_test(test_numbers_of_le_and_quantile),
        cmocka_unit_test(test_number_texts), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sizes),        cmocka_unit_test(test_labels_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
