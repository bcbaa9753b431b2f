/* Prometheus text: what is taken, what is refused, and which series are wanted. */
#include "../cmocka_all.h"

#include "page.h"

#include "base/arena.h"
#include "base/str.h"
#include "model/selector.h"

/* What a page gives, wanted or skipped: both must agree on whether it is right. */
static const char *text_of_n(const char *page, size_t n)
{
    static struct page_text all, none;
    static const struct selector *const nothing[1];
    page_read(&all, PROMTEXT_TEXT, page, n, NULL, 0);
    page_read(&none, PROMTEXT_TEXT, page, n, nothing, 0);
    if (all.rc != none.rc)
        fail_msg("%.*s\ntaken: %s\nskipped: %s", (int)n, page, all.text, none.text);
    if (all.rc < 0) {
        const char *error = strrchr(all.text, '\n');
        assert_non_null(error);
        assert_true(none.len <= all.len);
        assert_string_equal(all.text + all.len - none.len, none.text);
    }
    return all.text;
}

static const char *text_of(const char *page)
{
    return text_of_n(page, strlen(page));
}

struct page {
    const char *page, *gives;
};

static void check_pages(const struct page *pages, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_string_equal(text_of(pages[i].page), pages[i].gives);
}

static void test_samples(void **state)
{
    static const struct page pages[] = {
        {"", ""},
        {"\n\n  \t\n", ""},
        {"a 1", "a 1 untyped\n"},
        {"a 1\n", "a 1 untyped\n"},
        {"a\t1 \n", "a 1 untyped\n"},
        {"  # x\na 1\n", "a 1 untyped\n"},
        {"a{} 1\n", "a 1 untyped\n"},
        {"a{b=\"c\"} 1\n", "a{b=[c]} 1 untyped\n"},
        {"a{b=\"c\",} 1\n", "a{b=[c]} 1 untyped\n"},
        {"a { b = \"c\" , d=\"e\" } 1\n", "a{b=[c],d=[e]} 1 untyped\n"},
        {"a{d=\"1\" b=\"2\"} 1\n", "a{b=[2],d=[1]} 1 untyped\n"},
        {"a{b=\"c\"}1\n", "a{b=[c]} 1 untyped\n"},
        {"a-1\n", "a -1 untyped\n"},
        {"a.5\n", "a 0.5 untyped\n"},
        {"a:b:c 1 123\n", "a:b:c 1 @123000 untyped\n"},
        {"a 1 0 \n", "a 1 @0 untyped\n"},
        {"a 1 9223372036854775807\n", "a 1 @9223372036854775807 untyped\n"},
        {"a{b=\"x\\\\y\\\"z\\n\\q\"} 1\n", "a{b=[x\\y\"z\n\\q]} 1 untyped\n"},
        {"a{b=\"x\ny\"} 1\nc 2", "a{b=[x\ny]} 1 untyped\nc 2 untyped\n"},
        {"a{b=\"\xc3\xa9\xf0\x9f\x98\x80\"} 1\n", "a{b=[\xc3\xa9\xf0\x9f\x98\x80]} 1 untyped\n"},
        {"a{b=\"\"} 1\n", "a{b=[]} 1 untyped\n"},
        {"a 1\na 2\n", "a 1 untyped\na 2 untyped\n"},
        {"# a comment \xff\n#\n#x\n# HELPx\n# HELP\n# EOF\na 1\n", "a 1 untyped\n"},
        {"# HELP a\n# HELP a \n# HELP a b \"c\" \\d\n #HELP \xff\n# UNIT x y\na 1\n",
         "a 1 untyped\n"},
    };
    (void)state;
    check_pages(pages, countof(pages));
}

static void test_types(void **state)
{
    static const struct page pages[] = {
        {"# TYPE a counter\na 1\na_total 1\n", "a 1 counter\na_total 1 untyped\n"},
        {"# TYPE a gauge\n#  \tTYPE\t b untyped\na 1\nb 1\n", "a 1 untyped\nb 1 untyped\n"},
        {"# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\nh 1\nh_x 1\n",
         "h_bucket{le=[1]} 1 histogram\nh_sum 1 histogram\nh_count 1 histogram\nh 1 untyped\n"
         "h_x 1 untyped\n"},
        {"# TYPE s summary\ns{quantile=\"1\"} 1\ns_sum 1\ns_count 1\ns_bucket 1\n",
         "s{quantile=[1]} 1 summary\ns_sum 1 summary\ns_count 1 summary\ns_bucket 1 untyped\n"},
        {"a 1\n# TYPE a counter\na 1\n# TYPE a gauge\na 1\n",
         "a 1 untyped\na 1 counter\na 1 gauge\n"},
    };
    (void)state;
    check_pages(pages, countof(pages));
}

static void test_numbers(void **state)
{
    static const struct page pages[] = {
        {"a 0", "a 0 untyped\n"},
        {"a -0", "a -0 untyped\n"},
        {"a +5", "a 5 untyped\n"},
        {"a .5", "a 0.5 untyped\n"},
        {"a 5.", "a 5 untyped\n"},
        {"a 0042", "a 42 untyped\n"},
        {"a 1e3", "a 1000 untyped\n"},
        {"a 1.5E-3", "a 0.0015 untyped\n"},
        {"a 4.9351e-05", "a 4.9351000000000002e-05 untyped\n"},
        {"a 0.1", "a 0.10000000000000001 untyped\n"},
        {"a 9007199254740993", "a 9007199254740992 untyped\n"},
        {"a 1.7976931348623157e308", "a 1.7976931348623157e+308 untyped\n"},
        {"a 5e-324", "a 4.9406564584124654e-324 untyped\n"},
        {"a 1e23", "a 9.9999999999999992e+22 untyped\n"},
        {"a 1e-400", "a 0 untyped\n"},
        {"a 0.000000000000000000000000000000000000000000001", "a 9.9999999999999998e-46 untyped\n"},
        {"a 123456789012345678901234567890123456789012345678901234567890123456789",
         "a 1.2345678901234569e+68 untyped\n"},
        {"a inf", "a inf untyped\n"},
        {"a +Inf", "a inf untyped\n"},
        {"a -INF", "a -inf untyped\n"},
        {"a Infinity", "a inf untyped\n"},
        {"a -infinity", "a -inf untyped\n"},
        {"a NaN", "a nan untyped\n"},
        {"a nAN", "a nan untyped\n"},
    };
    (void)state;
    check_pages(pages, countof(pages));
}

static double value_of(const char *number)
{
    struct promtext_sample sample;
    struct promtext p;
    char page[256];
    int n = snprintf(page, sizeof(page), "a %s", number);
    promtext_open(&p, PROMTEXT_TEXT, page, (size_t)n, NULL, 0);
    assert_int_equal(promtext_next(&p, &sample), 1);
    promtext_close(&p);
    return sample.value;
}

/* As the library rounds them, to the last bit. */
static void test_numbers_are_rounded_right(void **state)
{
    uint64_t dice = 0x9e3779b97f4a7c15u;
    char number[128];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        int digits = (int)(dice >> 40) % 24;
        double v = (double)(dice >> (dice & 63)) * (i % 3 ? 1 : 1e-9);
        if (i % 2)
            snprintf(number, sizeof(number), "%.*f", digits, v);
        else
            snprintf(number, sizeof(number), "%" PRIu64 "e%d", dice >> (dice & 63), digits - 12);
        double read = value_of(number), expected = strtod(number, NULL);
        assert_memory_equal(&read, &expected, sizeof(read));
    }
}

static void test_errors(void **state)
{
    static const struct page pages[] = {
        {"a", "1:2: expected a value, found the end of the page\n"},
        {"a\n", "1:2: expected a value, found the end of the line\n"},
        {"x 1\na \n", "x 1 untyped\n2:3: expected a value, found the end of the line\n"},
        {"<html>", "1:1: expected a metric name, '#' or an empty line, found '<'\n"},
        {"\xef\xbb\xbf"
         "a 1\n",
         "1:1: expected a metric name, '#' or an empty line, found byte 0xef\n"},
        {"{a=\"b\"} 1\n", "1:1: expected a metric name, '#' or an empty line, found '{'\n"},
        {"  a 1\n", "1:1: blanks before the name of a series\n"},
        {"a{b=\"c\"} 1\na{b=\"c\",__name__=\"d\"} 1\n",
         "a{b=[c]} 1 untyped\n2:9: the name of a series stands before its labels, not among "
         "them\n"},
        {"1a 1\n", "1:1: expected a metric name, '#' or an empty line, found '1'\n"},
        {"a{b='c'} 1\n", "1:5: expected the label's value in double quotes, found '''\n"},
        {"a{b} 1\n", "1:4: expected '=' after the label name, found '}'\n"},
        {"a{b:c=\"x\"} 1\n", "1:4: expected '=' after the label name, found ':'\n"},
        {"a{=\"x\"} 1\n", "1:3: expected a label name or '}', found '='\n"},
        {"a{,b=\"x\"} 1\n", "1:3: expected a label name or '}', found ','\n"},
        {"a{b=\"x\",,} 1\n", "1:9: expected a label name or '}', found ','\n"},
        {"a{b=\"x\"\n} 1\n", "1:8: expected a label name or '}', found the end of the line\n"},
        {"a{b=\"x", "1:5: the quote that begins here does not end\n"},
        {"a{b=\"x\\\n\"} 1\n", "1:5: the quote that begins here does not end\n"},
        {"a{b=\"x\xff\"} 1\n", "1:7: the label's value is not UTF-8: byte 0xff\n"},
        {"a{b=\"\xed\xa0\x80\"} 1\n", "1:6: the label's value is not UTF-8: byte 0xed\n"},
        {"a{b=\"\xc3\"} 1\n", "1:6: the label's value is not UTF-8: byte 0xc3\n"},
        {"# HELP a \xff\n", "1:10: the help text is not UTF-8: byte 0xff\n"},
        {"# HELP  \n", "1:9: expected a metric name after HELP, found the end of the line\n"},
        {"# TYPE 1 gauge\n", "1:8: expected a metric name after TYPE, found '1'\n"},
        {"# TYPE a\n", "1:9: '' is not a type; there are counter, gauge, histogram, summary and "
                       "untyped\n"},
        {"# TYPE a  gauge\n", "1:10: ' gauge' is not a type; there are counter, gauge, histogram, "
                              "summary and untyped\n"},
        {"# TYPE a info\n", "1:10: 'info' is not a type; there are counter, gauge, histogram, "
                            "summary and untyped\n"},
        {"a true\n", "1:3: 'true' is not a number\n"},
        {"a 1_2\n", "1:3: '1_2' is not a number\n"},
        {"a 0x10\n", "1:3: '0x10' is not a number\n"},
        {"a 0x1p-3\n", "1:3: '0x1p-3' is not a number\n"},
        {"a +nan\n", "1:3: '+nan' is not a number\n"},
        {"a infin\n", "1:3: 'infin' is not a number\n"},
        {"a .\n", "1:3: '.' is not a number\n"},
        {"a -\n", "1:3: '-' is not a number\n"},
        {"a 1.2.3\n", "1:3: '1.2.3' is not a number\n"},
        {"a 1e\n", "1:3: '1e' is not a number\n"},
        {"a 1e+\n", "1:3: '1e+' is not a number\n"},
        {"a 1e999\n", "1:3: the value does not fit in 64 bits of floating point\n"},
        {"a 1{\n", "1:4: expected a timestamp in milliseconds or the end of the line, found '{'\n"},
        {"a{b=\"c\"}{d=\"e\"} 1\n", "1:9: expected a value, found '{'\n"},
        {"a 1 -5\n",
         "1:5: expected a timestamp in milliseconds or the end of the line, found '-'\n"},
        {"a 1 1.5\n", "1:6: expected the end of the line, found '.'\n"},
        {"a 1 2 3\n", "1:7: expected the end of the line, found '3'\n"},
        {"a 1 9223372036854775808\n", "1:5: the timestamp does not fit in 64 bits\n"},
        {"a 1 # {} 1\n",
         "1:5: expected a timestamp in milliseconds or the end of the line, found '#'\n"},
        {"a 1\r\n", "1:4: expected the end of the line, found a carriage return; lines end with LF "
                    "alone\n"},
    };
    (void)state;
    check_pages(pages, countof(pages));
}

static void test_nul_bytes(void **state)
{
    (void)state;
    assert_string_equal(text_of_n("a{b=\"\0\"} 1\n# HELP a \0\n", 22), "a{b=[]} 1 untyped\n");
    assert_string_equal(
        text_of_n("a 1\n\0b 1\n", 9),
        "a 1 untyped\n2:1: expected a metric name, '#' or an empty line, found byte "
        "0x00\n");
    assert_string_equal(text_of_n("a\0 1\n", 5), "1:2: '' is not a number\n");
}

/* What is skipped is compared with the line before: each place where two lines
 * can begin to differ. */
static void test_lines_that_begin_alike(void **state)
{
    static const char *const lines[] = {
        "a 1\n",
        "a{} 1\n",
        "a{b=\"x\"} 1\n",
        "a{b=\"x\",} 1\n",
        "a{b=\"x\",c=\"y\"} 1\n",
        "a{b=\"x\",c=\"y\",d=\"z\"} 1\n",
        "a{b=\"x\",c=\"yy\",d=\"z\"} 1\n",
        "a{b=\"x\" c=\"y\"} 1\n",
        "a{b=\"x\"} 1e5 5\n",
        "a{bb=\"x\",c=\"\\\"\",d=\"a long one indeed\"} 1\n",
        "a{bb=\"x\",c=\"\\\"\",d=\"a long one, indeed\"} 1\n",
        "a{bb=\"x\",c=\"\\\"\",d=\"a long one, \nindeed\"} 1\n",
        "aa{b=\"x\"} 1\n",
        "a{b=\"x\",c=y} 1\n",
        "a{b=\"x\",1=\"y\"} 1\n",
        "a{b=\"x\"",
        "a{b=\"x\",c=\"y\"",
        "a{",
        "a",
    };
    char page[512];
    (void)state;
    for (size_t i = 0; i < countof(lines); i++) {
        for (size_t k = 0; k < countof(lines); k++) {
            for (size_t m = 0; m < countof(lines); m++) {
                int n = snprintf(page, sizeof(page), "%s%s%s", lines[i], lines[k], lines[m]);
                text_of_n(page, (size_t)n);
            }
        }
    }
}

/* Every prefix of a page and every byte of it changed: skipping and taking see
 * the same errors. */
static void test_every_byte(void **state)
{
    static const char page[] = "# HELP a b\n# TYPE a counter\na{b=\"x\",c=\"y\\n\"} 1.5 3\n"
                               "a{b=\"x\",c=\"z\"} 17\nb_b -2e5\n";
    static const char bytes[] = " \t\n\r\"\\{}=,#aE0.\xff\xc3";
    char changed[sizeof(page)];
    (void)state;
    for (size_t i = 0; i < sizeof(page); i++)
        text_of_n(page, i);
    for (size_t i = 0; i < sizeof(page) - 1; i++) {
        for (size_t k = 0; k < sizeof(bytes); k++) {
            memcpy(changed, page, sizeof(page));
            changed[i] = bytes[k];
            text_of_n(changed, sizeof(page) - 1);
        }
    }
}

static void test_labels_that_are_refused_when_wanted(void **state)
{
    static struct page_text t;
    struct str s;
    (void)state;
    page_read(&t, PROMTEXT_TEXT, "a{b=\"x\",c=\"y\",b=\"z\"} 1\n", 23, NULL, 0);
    assert_string_equal(t.text, "1:15: the label 'b' comes twice\n");
    str_init(&s, 4096);
    str_add(&s, "a{");
    for (int i = 0; i <= SERIES_LABELS_MAX; i++)
        str_addf(&s, "l%d=\"\",", i);
    str_add(&s, "} 1\n");
    page_read(&t, PROMTEXT_TEXT, s.buf, s.len, NULL, 0);
    assert_non_null(strstr(t.text, "more than 64 labels"));
    static const struct selector *const nothing[1];
    page_read(&t, PROMTEXT_TEXT, s.buf, s.len, nothing, 0);
    assert_int_equal(t.rc, 0);
    str_release(&s);
}

/* ---- what is wanted ------------------------------------------------------------------- */

static const char PAGE[] = "# TYPE http_requests_total counter\n"
                           "http_requests_total{status=\"200\",path=\"/a\"} 10\n"
                           "http_requests_total{status=\"500\",path=\"/a\"} 1\n"
                           "http_requests_total{status=\"503\",path=\"/x\"} 2\n"
                           "up 1\n"
                           "h_bucket{le=\"0.5\"} 3\n"
                           "h_bucket{le=\"+Inf\"} 4\n"
                           "up{job=\"b\"} 0\n";

static void test_selectors(void **state)
{
    static const char *const texts[] = {"http_requests_total{status=~\"5..\",path!=\"/x\"}",
                                        "http_requests_total",
                                        "{job=\"b\"}",
                                        "missing",
                                        "h_bucket{le=\"0.50\"}",
                                        "up"};
    /* per sample: which of these match */
    static const size_t expected[][3] = {{1, 1}, {2, 0, 1}, {1, 1}, {1, 5}, {1, 4}, {2, 2, 5}};
    static const size_t totals[] = {1, 3, 1, 0, 1, 2};
    const struct selector *wanted[countof(texts)];
    struct promtext_sample sample;
    struct arena arena = {0};
    struct promtext p;
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < countof(texts); i++)
        assert_int_equal(selector_parse(&arena, texts[i], strlen(texts[i]), &wanted[i], NULL, NULL),
                         0);
    promtext_open(&p, PROMTEXT_TEXT, PAGE, sizeof(PAGE) - 1, wanted, countof(wanted));
    for (; promtext_next(&p, &sample) == 1; n++) {
        assert_true(n < countof(expected));
        assert_int_equal(sample.matched_count, expected[n][0]);
        for (size_t k = 0; k < sample.matched_count; k++)
            assert_int_equal(sample.matched[k], expected[n][1 + k]);
    }
    assert_int_equal(n, countof(expected));
    for (size_t i = 0; i < countof(wanted); i++)
        assert_int_equal(promtext_matches(&p, i), totals[i]);
    promtext_close(&p);
    arena_release(&arena);
}

static void test_going_on(void **state)
{
    static const char page[] = "a 1\nb x\nc{d=\"} 1\ne 2\n\nf{ 1\ng 3\n";
    static const char *const errors[] = {"2:3", "3:5", "6:4"};
    struct promtext_sample sample;
    struct promtext p;
    size_t n = 0, samples = 0;
    int rc;
    (void)state;
    promtext_open(&p, PROMTEXT_TEXT, page, sizeof(page) - 1, NULL, 0);
    while ((rc = promtext_next(&p, &sample)) != 0) {
        char place[32];
        samples += rc > 0;
        if (rc > 0)
            continue;
        snprintf(place, sizeof(place), "%zu:%zu", p.line, p.column);
        assert_true(n < countof(errors));
        assert_string_equal(place, errors[n++]);
        promtext_go_on(&p);
    }
    assert_int_equal(n, countof(errors));
    assert_int_equal(samples, 3);
    promtext_close(&p);
}

/* Whoever waits for a page can end it at any line. */
static void test_stopping(void **state)
{
    static const char *const pages[] = {
        [PROMTEXT_TEXT] = "a 1\n\n# c\nb 2\n",
        [PROMTEXT_OPENMETRICS] = "a 1\nb 2\n# EOF\n",
    };
    struct promtext_sample sample;
    struct promtext p;
    (void)state;
    for (int i = 0; i < 2; i++) {
        atomic_bool stop = false;
        promtext_open(&p, (enum promtext_format)i, pages[i], strlen(pages[i]), NULL, 0);
        p.stop = &stop;
        assert_int_equal(promtext_next(&p, &sample), 1);
        stop = true;
        assert_int_equal(promtext_next(&p, &sample), -1);
        assert_int_equal(promtext_next(&p, &sample), -1);
        promtext_close(&p);
    }
}

/* A page of nothing but one label. */
static void test_a_megabyte_of_label(void **state)
{
    size_t n = 1 << 20;
    struct promtext_sample sample;
    struct promtext p;
    struct str s;
    (void)state;
    str_init(&s, 4 << 20);
    str_add(&s, "a{b=\"");
    for (size_t i = 0; i < n; i++)
        str_add(&s, i % 1000 ? "x" : "\\n");
    str_add(&s, "\"} 1\n");
    promtext_open(&p, PROMTEXT_TEXT, s.buf, s.len, NULL, 0);
    assert_int_equal(promtext_next(&p, &sample), 1);
    assert_int_equal(sample.series.labels[0].value_len, n);
    assert_int_equal(sample.series.labels[0].value[1000], '\n');
    assert_int_equal(promtext_next(&p, &sample), 0);
    promtext_close(&p);
    str_release(&s);
}

/* Lines that are shorter than one far above share no more than they have: the
 * time that this takes is that of the page, not its square. */
static void test_short_lines_below_a_long_one(void **state)
{
    static const struct selector *const nothing[1];
    struct promtext_sample sample;
    struct promtext p;
    struct str s;
    (void)state;
    str_init(&s, 16 << 20);
    str_add(&s, "a{b=\"x\",c=\"");
    for (size_t i = 0; i < 1 << 20; i++)
        str_addc(&s, 'y');
    str_add(&s, "\"} 1\n");
    for (int i = 0; i < 400000; i++)
        str_add(&s, "a{b=\"x\",} 1\n");
    promtext_open(&p, PROMTEXT_TEXT, s.buf, s.len, nothing, 0);
    assert_int_equal(promtext_next(&p, &sample), 0);
    promtext_close(&p);
    str_release(&s);
}

static void test_format(void **state)
{
    static const char om[] = "application/openmetrics-text";
    (void)state;
    assert_int_equal(promtext_format(NULL), PROMTEXT_TEXT);
    assert_int_equal(promtext_format(""), PROMTEXT_TEXT);
    assert_int_equal(promtext_format("text/plain; version=0.0.4"), PROMTEXT_TEXT);
    assert_int_equal(promtext_format("application/openmetrics-textual"), PROMTEXT_TEXT);
    assert_int_equal(promtext_format(om), PROMTEXT_OPENMETRICS);
    assert_int_equal(promtext_format(" Application/OpenMetrics-Text ; version=1.0.0"),
                     PROMTEXT_OPENMETRICS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_are_rounded_right),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_lines_that_begin_alike),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_labels_that_are_refused_when_wanted),
        cmocka_unit_test(test_selectors),
        cmocka_unit_test(test_going_on),
        cmocka_unit_test(test_stopping),
        cmocka_unit_test(test_a_megabyte_of_label),
        cmocka_unit_test(test_short_lines_below_a_long_one),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
