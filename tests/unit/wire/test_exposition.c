#include "wire/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_samples(void **state)
{
    struct str out;
    struct exposition e = {.out = &out};
    const struct label l[] = {{"probe", "a"}, {"outcome", NULL}};

    (void)state;
    str_init(&out, 1 << 16);
    exposition_family(&e, "x_total", EXPOSITION_COUNTER, "Things.");
    exposition_int(&e, NULL, 0, INT64_MAX);
    exposition_int(&e, l, 2, 0);
    exposition_family(&e, "y_ratio", EXPOSITION_GAUGE, "A ratio.");
    exposition_double(&e, NULL, 0, 0.1);
    exposition_double(&e, NULL, 0, -0.0);
    exposition_double(&e, NULL, 0, 1.0 / 3);
    exposition_seconds(&e, NULL, 0, 2500);
    exposition_seconds(&e, NULL, 0, -1500000);
    exposition_seconds(&e, NULL, 0, 0);
    exposition_seconds(&e, NULL, 0, 1790000000000001);
    assert_string_equal(out.buf, "# HELP x_total Things.\n"
                                 "# TYPE x_total counter\n"
                                 "x_total 9223372036854775807\n"
                                 "x_total{probe=\"a\",outcome=\"\"} 0\n"
                                 "# HELP y_ratio A ratio.\n"
                                 "# TYPE y_ratio gauge\n"
                                 "y_ratio 0.1\n"
                                 "y_ratio 0\n"
                                 "y_ratio 0.33333333333333331\n"
                                 "y_ratio 0.0025\n"
                                 "y_ratio -1.5\n"
                                 "y_ratio 0\n"
                                 "y_ratio 1790000000.000001\n");
    str_release(&out);
}

static void test_single_samples(void **state)
{
    struct str out;
    struct exposition e = {.out = &out};

    (void)state;
    str_init(&out, 1 << 16);
    exposition_counter(&e, "x_total", "Things.", 3);
    exposition_gauge(&e, "y", "Others.", -4);
    assert_string_equal(out.buf, "# HELP x_total Things.\n# TYPE x_total counter\nx_total 3\n"
                                 "# HELP y Others.\n# TYPE y gauge\ny -4\n");
    str_release(&out);
}

static void test_escaping(void **state)
{
    struct str out;
    struct exposition e = {.out = &out};
    const struct label l[] = {{"v", "a\\b\"c\nd\xc3\xa9 \xff\xed\xa0\x80 \xe2\x82"}};

    (void)state;
    str_init(&out, 1 << 16);
    exposition_family(&e, "x", EXPOSITION_GAUGE, "A \"help\" \\ with\nbreaks.");
    exposition_int(&e, l, 1, 1);
    assert_string_equal(out.buf,
                        "# HELP x A \"help\" \\\\ with\\nbreaks.\n"
                        "# TYPE x gauge\n"
                        "x{v=\"a\\\\b\\\"c\\nd\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef"
                        "\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\"} 1\n");
    str_release(&out);
}

static void test_histogram(void **state)
{
    struct str out;
    struct exposition e = {.out = &out};
    const struct label l[] = {{"probe", "a"}};
    const int64_t bounds[] = {5000, 1000000}, counts[] = {2, 3, 1};

    (void)state;
    str_init(&out, 1 << 16);
    exposition_family(&e, "d_seconds", EXPOSITION_HISTOGRAM, "Time.");
    exposition_histogram(&e, l, 1, bounds, counts, 2, 7250000);
    exposition_histogram(&e, NULL, 0, bounds, counts, 0, 0);
    assert_string_equal(out.buf, "# HELP d_seconds Time.\n"
                                 "# TYPE d_seconds histogram\n"
                                 "d_seconds_bucket{probe=\"a\",le=\"0.005\"} 2\n"
                                 "d_seconds_bucket{probe=\"a\",le=\"1\"} 5\n"
                                 "d_seconds_bucket{probe=\"a\",le=\"+Inf\"} 6\n"
                                 "d_seconds_sum{probe=\"a\"} 7.25\n"
                                 "d_seconds_count{probe=\"a\"} 6\n"
                                 "d_seconds_bucket{le=\"+Inf\"} 2\n"
                                 "d_seconds_sum 0\n"
                                 "d_seconds_count 2\n");
    str_release(&out);
}

static void test_overflow(void **state)
{
    struct str out;
    struct exposition e = {.out = &out};

    (void)state;
    str_init(&out, 100);
    exposition_family(&e, "x_total", EXPOSITION_COUNTER, "Things.");
    for (int i = 0; i < 20; i++)
        exposition_int(&e, NULL, 0, i);
    assert_true(out.overflow);
    str_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),  cmocka_unit_test(test_single_samples),
        cmocka_unit_test(test_escaping), cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
