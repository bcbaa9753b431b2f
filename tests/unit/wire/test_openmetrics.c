/* OpenMetrics 1.0: for each thing that a page MUST or MUST NOT, one that holds it
 * and one that does not. */
#include "../cmocka_all.h"

#include "page.h"

#include "base/str.h"

struct rule {
    const char *must; /* in our words */
    const char *good, *bad;
    const char *error; /* of the bad one */
};

/* Pages are written without their last line. */
#define END "# EOF\n"

static const char *read_page(const char *page, size_t n)
{
    static struct page_text t;
    page_read(&t, PROMTEXT_OPENMETRICS, page, n, NULL, 0);
    return t.rc < 0 ? t.text : NULL;
}

static void check_good(const char *must, const char *page)
{
    const char *error = read_page(page, strlen(page));
    if (error)
        fail_msg("%s: refused\n%s%s", must, page, error);
}

static void check_bad(const char *must, const char *page, const char *expected)
{
    const char *error = read_page(page, strlen(page));
    if (!error)
        fail_msg("%s: taken\n%s", must, page);
    const char *last = error + strlen(error) - 1;
    while (last > error && last[-1] != '\n')
        last--;
    if (strstr(last, expected) != last)
        fail_msg("%s\n%sexpected %s\nfound    %s", must, page, expected, last);
}

static void check_rules(const struct rule *rules, size_t n)
{
    struct str page;
    str_init(&page, 64 << 10);
    for (size_t i = 0; i < n; i++) {
        if (rules[i].good) {
            str_clear(&page);
            str_addf(&page, "%s" END, rules[i].good);
            check_good(rules[i].must, page.buf);
        }
        if (rules[i].bad) {
            str_clear(&page);
            str_addf(&page, "%s" END, rules[i].bad);
            check_bad(rules[i].must, page.buf, rules[i].error);
        }
    }
    str_release(&page);
}

static void test_the_page(void **state)
{
    (void)state;
    check_good("a page may be empty", "# EOF");
    check_good("ends with EOF and perhaps a line feed", "a 1\n# EOF\n");
    check_bad("ends with EOF", "", "1:1: the page does not end with # EOF");
    check_bad("ends with EOF", "a 1\n", "2:1: the page does not end with # EOF");
    check_bad("is whole", "a 1\n# EO", "2:5: the page is cut off");
    check_bad("is whole", "a 1\nb", "2:2: the page is cut off");
    check_bad("nothing behind EOF", "# EOF\n\n", "2:1: there must be nothing behind # EOF");
    check_bad("nothing behind EOF", "# EOF\na 1\n", "2:1: there must be nothing behind # EOF");
    check_bad("EOF is a line", "a 1\n# EOF x\n# EOF\n", "2:1: a line that begins with #");
    check_bad("no carriage returns at ends", "a 1\r\n# EOF\r\n", "1:4: a line ends with LF");
    check_bad("no byte order mark", "\xef\xbb\xbf# EOF\n", "1:1: there must be no byte order mark");
}

static void test_form(void **state)
{
    static const struct rule rules[] = {
        {"one space, and only where it stands", "a 1 2\n", "a  1\n", "1:3: expected a value"},
        {"no tabs", NULL, "a\t1\n", "1:2: expected one space and a value"},
        {"no space at the end", NULL, "a 1 \n", "1:5: expected a timestamp in seconds"},
        {"no space at the beginning", NULL, " a 1\n", "1:1: expected a metric name or '#'"},
        {"no space before the labels", "a{} 1\n", "a {} 1\n", "1:3: expected a value; '{}'"},
        {"a space behind the labels", NULL, "a{}1\n", "1:4: expected one space and a value"},
        {"no space between labels", "a{b=\"1\",c=\"2\"} 1\n", "a{b=\"1\", c=\"2\"} 1\n",
         "1:9: expected a label name, found a space"},
        {"no comma at the end of labels", NULL, "a{b=\"1\",} 1\n", "1:9: expected a label name"},
        {"commas between labels", NULL, "a{b=\"1\"c=\"2\"} 1\n", "1:8: expected ',' or '}'"},
        {"values in double quotes", NULL, "a{b='1'} 1\n", "1:5: expected a double quote"},
        {"no empty lines", "a 1\n", "\na 1\n", "1:1: there are no empty lines"},
        {"no comments", NULL, "# a comment\n", "1:1: a line that begins with # is"},
        {"no comments", NULL, "#TYPE a gauge\n", "1:1: a line that begins with # is"},
        {"names as the grammar has them", "a:b_9 1\n", "9a 1\n", "1:1: expected a metric name"},
        {"labels without colons", "a{b_9=\"\"} 1\n", "a{b:c=\"\"} 1\n", "1:4: expected '='"},
        {"no names with _ in front", "a_ 1\n", "_a 1\n", "1:1: names that begin with '_'"},
        {"no labels with _ in front", "a{b_=\"\"} 1\n", "a{_b=\"\"} 1\n", "1:3: label names that"},
        {"label names once", "a{b=\"1\",c=\"1\"} 1\n", "a{b=\"1\",b=\"1\"} 1\n",
         "1:9: the label 'b' comes twice"},
        {"strings are UTF-8", "a{b=\"\xc3\xa9\"} 1\n", "a{b=\"\xe9\"} 1\n",
         "1:6: the label's value"},
        {"strings are UTF-8", "# HELP a \xc3\xa9\n", "# HELP a \xe9\n", "1:10: the help text is"},
        {"line feeds are escaped", "a{b=\"\\n\\\"\\\\\\x\"} 1\n", "a{b=\"\n\"} 1\n",
         "1:5: the quote that begins here does not end"},
        {"quotes are escaped", NULL, "a{b=\"\"\"} 1\n", "1:7: expected ',' or '}'"},
        {"quotes are escaped in help", "# HELP a \\\"x\\\"\\\\\\n\\y\n", "# HELP a \"x\"\n",
         "1:10: a double quote in a help text"},
        {"backslashes escape something", NULL, "# HELP a x\\\n",
         "1:11: a backslash in a help text"},
        {"one value", NULL, "a\n", "1:2: expected one space and a value"},
        {"NaN and infinities", "a NaN\nb +Inf\nc -inf\nd Infinity\n", "a +NaN\n",
         "1:3: expected a value; '+NaN'"},
        {"decimals", "a 0042\nb 1.\nc .5\nd 1e5\ne 1.5E-3\n", "a 0x1\n", "1:3: expected a value"},
        {"numbers fit a double", "a 1.7e308\n", "a 1.8e308\n", "1:3: '1.8e308' does not fit"},
        {"times are finite seconds", "a 1 -1.5e3\n", "a 1 NaN\n", "1:5: 'NaN' is not a timestamp"},
        {"times are finite seconds", NULL, "a 1 +Inf\n", "1:5: '+Inf' is not a timestamp"},
        {"only one time", NULL, "a 1 2 3\n", "1:6: expected the end of the line"},
    };
    static const char nul[] = "a{b=\"\0\"} 1\n# HELP c \0\n# EOF";
    (void)state;
    check_rules(rules, countof(rules));
    assert_null(read_page(nul, sizeof(nul) - 1));
}

static void test_metadata(void **state)
{
    static const struct rule rules[] = {
        {"types of the list", "# TYPE a unknown\na 1\n", "# TYPE a untyped\n",
         "1:10: 'untyped' is not a type"},
        {"types of the list", "# TYPE a gaugehistogram\n", "# TYPE a Gauge\n",
         "1:10: 'Gauge' is not a type"},
        {"one space each", "# TYPE a gauge\n", "# TYPE a  gauge\n", "1:10: ' gauge' is not a type"},
        {"one space each", NULL, "#  TYPE a gauge\n", "1:1: a line that begins with #"},
        {"one space each", NULL, "# TYPE  a gauge\n", "1:8: expected the name of a metric family"},
        {"a space behind the name", "# HELP a \n", "# HELP a\n", "1:9: expected one space"},
        {"the unit ends the name", "# UNIT a_seconds seconds\n", "# UNIT a seconds\n",
         "1:10: the unit 'seconds' is not the last part"},
        {"behind an underscore", NULL, "# UNIT aseconds seconds\n", "1:17: the unit 'seconds'"},
        {"the unit ends the name", "# TYPE a_s counter\n# UNIT a_s s\na_s_total 1\n",
         "# TYPE a_s counter\n# UNIT a_sx s\n", "2:13: the unit 's' is not"},
        {"units have no spaces", NULL, "# UNIT a_b b c\n", "1:13: expected a unit"},
        {"an empty unit is none", "# TYPE a info\n# UNIT a \n# UNIT a \n", NULL, NULL},
        {"an empty help is none", "# HELP a \n# HELP a x\n", "# HELP a x\n# HELP a y\n",
         "2:1: a second HELP of 'a'"},
        {"one type", NULL, "# TYPE a gauge\n# TYPE a gauge\n", "2:1: a second TYPE of 'a'"},
        {"one unit", NULL, "# UNIT a_b b\n# UNIT a_b b\n", "2:1: a second UNIT of 'a_b'"},
        {"any order", "# HELP a_b x\n# UNIT a_b b\n# TYPE a_b gauge\na_b 1\n", NULL, NULL},
        {"infos have no unit", "# TYPE a_b info\n", "# TYPE a_b info\n# UNIT a_b b\na_b_info 1\n",
         "2:1: an info has no unit"},
        {"statesets have no unit", NULL, "# UNIT a_b b\n# TYPE a_b stateset\n",
         "1:1: a stateset has no unit"},
        {"metadata before samples", "# TYPE a gauge\na 1\n", "a 1\n# TYPE a gauge\n",
         "2:8: 'a' is a name of an earlier family"},
        {"metadata stands together", "# TYPE a gauge\n# HELP a x\n# TYPE b gauge\n",
         "# TYPE a gauge\n# TYPE b gauge\n# HELP a x\n", "3:8: 'a' is a name of an earlier family"},
    };
    (void)state;
    check_rules(rules, countof(rules));
}

static void test_families(void **state)
{
    static const struct rule rules[] = {
        {"not interleaved", "a{x=\"1\"} 1\na{x=\"2\"} 1\nb 1\n",
         "a{x=\"1\"} 1\nb 1\na{x=\"2\"} 1\n", "3:1: 'a' is a name of an earlier family"},
        {"unique", "# TYPE a gauge\na 1\n# TYPE b gauge\n",
         "# TYPE a gauge\na 1\n# TYPE a counter\n", "3:8: 'a' is a name of an earlier family"},
        {"no clash of names", "# TYPE a counter\na_total 1\n# TYPE a_x gauge\na_x 1\n",
         "# TYPE a counter\na_total 1\n# TYPE a_created gauge\na_created 1\n",
         "3:8: 'a_created' is a name of an earlier family"},
        {"no clash of names", NULL, "# TYPE a_count gauge\na_count 1\n# TYPE a histogram\n",
         "3:1: 'a_count', a sample's name here"},
        {"no clash of names", NULL, "# TYPE a summary\na_count 1\na_bucket 1\na_sum 1\n",
         "4:1: 'a_sum' is a name of an earlier family"},
        {"metrics not interleaved",
         "# TYPE a summary\na_count{b=\"1\"} 0\na_sum{b=\"1\"} 0\na_count{b=\"2\"} 0\n",
         "# TYPE a summary\na_count{b=\"1\"} 0\na_count{b=\"2\"} 0\na_sum{b=\"1\"} 0\n",
         "4:1: a metric with these labels stood here before"},
        {"series once", "a{b=\"1\"} 1\na{b=\"2\"} 1\n", "a{b=\"1\"} 1\na{b=\"1\"} 1\n",
         "2:1: this series comes twice"},
        {"in any order of labels", NULL, "a{b=\"1\",c=\"2\"} 1\na{c=\"2\",b=\"1\"} 1\n",
         "2:1: this series comes twice"},
        {"empty labels are none", NULL, "a{b=\"\"} 1\na 1\n", "2:1: this series comes twice"},
        {"escapes are what they mean", NULL, "a{b=\"\\\\x\"} 1\na{b=\"\\x\"} 1\n",
         "2:1: this series comes twice"},
        {"points rise in time", "a 1 1\na 2 2.000000001\na 3 2.000000002\n", "a 1 2\na 1 1\n",
         "2:5: the timestamp is before"},
        {"points rise in time", "a 1 1600000000.000000001\na 2 1600000000.000000002\n",
         "a 1 2\na 1 2.0\n", "2:1: this series comes twice"},
        {"points not interleaved",
         "# TYPE a summary\na_count 0 1\na_sum 0 1\na_count 0 2\na_sum 0 2\n",
         "# TYPE a summary\na_count 0 1\na_count 0 2\na_sum 0 1\na_sum 0 2\n",
         "4:9: the timestamp is before"},
        {"all with a time or none", NULL, "a 1\na 1 2\n", "2:1: of the samples of one metric"},
        {"all with a time or none", NULL, "# TYPE a counter\na_total 1 2\na_created 1\n",
         "3:1: of the samples of one metric"},
    };
    (void)state;
    check_rules(rules, countof(rules));
}

static void test_simple_types(void **state)
{
    static const struct rule rules[] = {
        {"gauges have no suffix", "# TYPE a gauge\na -1.5\n",
         "# TYPE a gauge\na 1\n# TYPE b gauge\nb_x 1\na_y 1\nb_x 2\n",
         "6:1: 'b_x' is a name of an earlier family"},
        {"a gauge has one value", NULL, "# TYPE a gauge\na 1\na 2\n",
         "3:1: this series comes twice"},
        {"counters end in _total", "# TYPE a counter\na_total 1\n", "# TYPE a counter\na 1\n",
         "2:1: samples of the counter 'a' end in _total, _created"},
        {"counters are numbers", "# TYPE a counter\na_total +Inf\n",
         "# TYPE a counter\na_total NaN\n", "2:9: a_total is a number from 0 on; found nan"},
        {"counters begin at 0", "# TYPE a counter\na_total 0\n", "# TYPE a counter\na_total -1\n",
         "2:9: a_total is a number from 0 on; found -1"},
        {"a counter has a total", "# TYPE a counter\na_created 1\na_total 1\n",
         "# TYPE a counter\na_created 1\n", "2:1: the counter that begins here has no _total"},
        {"created is a time", "# TYPE a counter\na_total 1\na_created 1.5e9\n",
         "# TYPE a counter\na_total 1\na_created +Inf\n", "3:11: a_created is a time"},
        {"unknowns have no suffix", "# TYPE a unknown\na 1\n", "# TYPE a unknown\na 1\na 1\n",
         "3:1: this series comes twice"},
        {"infos end in _info", "# TYPE a info\na_info{b=\"1\"} 1\n", "# TYPE a info\na 1\n",
         "2:1: samples of the info 'a' end in _info"},
        {"infos are 1", "# TYPE a info\na_info 1.0\n", "# TYPE a info\na_info 0\n",
         "2:8: a_info is 1; found 0"},
        {"states have a label of the name", "# TYPE a stateset\na{a=\"x\"} 0\na{a=\"y\"} 1\n",
         "# TYPE a stateset\na{b=\"x\"} 0\n", "2:1: a sample of a stateset has a label"},
        {"states are 0 or 1", "# TYPE a stateset\na{a=\"x\"} 1.0\n",
         "# TYPE a stateset\na{a=\"x\"} 2\n", "2:10: a is 0 or 1; found 2"},
        {"one of each state", NULL, "# TYPE a stateset\na{a=\"x\"} 1\na{a=\"x\"} 0\n",
         "3:1: this series comes twice"},
        {"statesets not interleaved",
         "# TYPE a stateset\na{a=\"x\",e=\"1\"} 1\na{a=\"y\",e=\"1\"} 1\na{a=\"x\",e=\"2\"} 1\n",
         "# TYPE a stateset\na{a=\"x\",e=\"1\"} 1\na{a=\"x\",e=\"2\"} 1\na{a=\"y\",e=\"1\"} 1\n",
         "4:1: a metric with these labels stood here before"},
    };
    (void)state;
    check_rules(rules, countof(rules));
}

#define S "# TYPE a summary\n"

static void test_summaries(void **state)
{
    static const struct rule rules[] = {
        {"parts may be absent", S "a_count 1\n", NULL, NULL},
        {"in any order",
         S "a{quantile=\"0.9\"} NaN\na{quantile=\"0\"} 1\na_sum 1\na_count 1\n"
           "a_created 1\n",
         NULL, NULL},
        {"quantiles have a label", S "a{quantile=\"1\"} 0\n", S "a 1\n", "2:1: a summary's value"},
        {"from 0 to 1", NULL, S "a{quantile=\"1.1\"} 0\n", "2:3: quantile is a number from 0 to 1"},
        {"from 0 to 1", NULL, S "a{quantile=\"NaN\"} 0\n", "2:3: quantile is a number from 0 to 1"},
        {"a number", NULL, S "a{quantile=\"x\"} 0\n", "2:3: quantile is a number from 0 to 1"},
        {"once each", NULL, S "a{quantile=\"0.5\"} 0\na{quantile=\"0.50\"} 0\n",
         "3:1: this series comes twice"},
        {"values not negative", NULL, S "a{quantile=\"0.5\"} -1\n", "2:19: a is not negative"},
        {"counts are whole", S "a_count 2.0\n", S "a_count 2.5\n",
         "2:9: a_count is a whole number"},
        {"counts are not negative", NULL, S "a_count -1\n", "2:9: a_count is a whole number"},
        {"counts are numbers", NULL, S "a_count NaN\n", "2:9: a_count is a whole number"},
        {"sums are not negative", S "a_sum 0.5\n", S "a_sum -0.5\n",
         "2:7: a_sum is a number from 0"},
        {"sums are numbers", NULL, S "a_sum NaN\n", "2:7: a_sum is a number from 0"},
        {"no quantile on others", NULL, S "a_sum{quantile=\"1\"} 1\n", "2:7: quantile is only"},
        {"no other suffix", NULL, S "a_count 1\na_bucket{le=\"1\"} 1\na_count{b=\"c\"} 1\n",
         "4:1: 'a_count' is a name of an earlier family"},
    };
    (void)state;
    check_rules(rules, countof(rules));
}

#undef S
#define H "# TYPE a histogram\n"
#define G "# TYPE a gaugehistogram\n"

static void test_histograms(void **state)
{
    static const struct rule rules[] = {
        {"whole",
         H "a_bucket{le=\"0.1\"} 1\na_bucket{le=\"1\"} 1\na_bucket{le=\"1.1e+23\"} 3\n"
           "a_bucket{le=\"+Inf\"} 17.0\na_count 17\na_sum 324789.3\na_created 1.5\n",
         NULL, NULL},
        {"a bucket +Inf", H "a_bucket{le=\"+Inf\"} 1\n", H "a_bucket{le=\"1\"} 1\n",
         "2:1: the histogram that begins here has no bucket +Inf"},
        {"at least one bucket", NULL, H "a_count 1\na_sum 1\nb 1\n",
         "2:1: the histogram that begins"},
        {"infinity is +Inf", NULL, H "a_bucket{le=\"inf\"} 1\n", "2:10: le is written +Inf"},
        {"buckets have le", NULL, H "a_bucket 1\n", "2:1: a bucket has a label 'le'"},
        {"le is a number", NULL, H "a_bucket{le=\"NaN\"} 1\n", "2:10: le is a number"},
        {"le is a number", NULL, H "a_bucket{le=\"x\"} 1\n", "2:10: le is a number"},
        {"sorted by number",
         H "a_bucket{le=\"9\"} 1\na_bucket{le=\"10\"} 1\na_bucket{le=\"+Inf\"} 1\n",
         H "a_bucket{le=\"10\"} 1\na_bucket{le=\"9\"} 1\n", "3:10: le rises from bucket to bucket"},
        {"unique", NULL, H "a_bucket{le=\"1\"} 1\na_bucket{le=\"1.0\"} 1\n", "3:10: le rises"},
        {"cumulative", NULL, H "a_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n",
         "3:21: a_bucket is at least as much as the bucket above"},
        {"buckets are whole", NULL, H "a_bucket{le=\"+Inf\"} 1.5\n", "2:21: a_bucket is a whole"},
        {"buckets are not NaN", NULL, H "a_bucket{le=\"+Inf\"} NaN\n", "2:21: a_bucket is a whole"},
        {"buckets are not negative", NULL, H "a_bucket{le=\"+Inf\"} -1\n", "2:21: a_bucket is a"},
        {"sum and count together", NULL, H "a_bucket{le=\"+Inf\"} 1\na_sum 1\n",
         "2:1: of the histogram that begins here only one of _sum and _count"},
        {"sum and count together", NULL, H "a_bucket{le=\"+Inf\"} 1\na_count 1\nb 1\n",
         "2:1: of the histogram that begins here only one of _sum and _count"},
        {"the count is +Inf's", NULL, H "a_bucket{le=\"+Inf\"} 1\na_count 2\na_sum 1\n",
         "2:1: of the histogram that begins here the count is 2, and the bucket +Inf 1"},
        {"sums are not negative", NULL, H "a_bucket{le=\"+Inf\"} 1\na_count 1\na_sum -1\n",
         "4:7: a_sum is a number from 0 on"},
        {"no sum with negative buckets", H "a_bucket{le=\"-1\"} 1\na_bucket{le=\"+Inf\"} 1\n",
         H "a_bucket{le=\"-1\"} 1\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\n",
         "2:1: a histogram with buckets below 0 has no _sum"},
        {"no le on others", NULL, H "a_bucket{le=\"+Inf\"} 1\na_sum{le=\"1\"} 1\n",
         "3:7: le is only"},
        {"each point whole", H "a_bucket{le=\"+Inf\"} 1 1\na_bucket{le=\"+Inf\"} 2 2\n",
         H "a_bucket{le=\"1\"} 1 1\na_bucket{le=\"+Inf\"} 2 2\n", "2:1: the histogram that begins"},
        {"each metric whole", NULL,
         H "a_bucket{le=\"1\",b=\"x\"} 1\na_bucket{le=\"+Inf\",b=\"y\"} 2\n", "2:1: the histogram"},
        {"of gauges: whole",
         G "a_bucket{le=\"1\"} 20.0\na_bucket{le=\"+Inf\"} 42.0\na_gcount 42\n"
           "a_gsum 3289.3\n",
         G "a_bucket{le=\"1\"} 20.0\n", "2:1: the histogram that begins here has no bucket +Inf"},
        {"of gauges: gsum and gcount together", NULL, G "a_bucket{le=\"+Inf\"} 1\na_gsum 1\n",
         "2:1: of the histogram that begins here only one of _gsum and _gcount"},
        {"of gauges: gsum is a number", NULL, G "a_bucket{le=\"+Inf\"} 1\na_gsum NaN\n",
         "3:8: a_gsum is not NaN"},
        {"of gauges: negative gsum",
         G "a_bucket{le=\"-1\"} 1\na_bucket{le=\"+Inf\"} 1\na_gcount 1\na_gsum -2\n",
         G "a_bucket{le=\"+Inf\"} 1\na_gcount 1\na_gsum -2\n",
         "2:1: a histogram without buckets below 0 has no negative _gsum"},
        {"of gauges: not negative", NULL, G "a_bucket{le=\"+Inf\"} -1\n",
         "2:21: a_bucket is a whole"},
        {"of gauges: no _created", NULL, G "a_bucket{le=\"+Inf\"} 1\na_created 1\na_bucket 1\n",
         "4:1: 'a_bucket' is a name of an earlier family"},
    };
    (void)state;
    check_rules(rules, countof(rules));
}

#define B "a_bucket{le=\"+Inf\"} 1"

static void test_exemplars(void **state)
{
    static const struct rule rules[] = {
        {"of buckets", H B " # {id=\"x\"} 0.67 1520879607.789\n", NULL, NULL},
        {"of totals", "# TYPE a counter\na_total 1 5 # {} 1\n", NULL, NULL},
        {"of nothing else", NULL, "a 1 # {} 1\n", "1:5: only totals of counters and buckets"},
        {"of nothing else", NULL, H B "\na_count 1 # {} 1\n", "3:11: only totals of counters"},
        {"labels, even if none", H B " # {} 1\n", H B " # 1\n", "2:24: expected ' {' and the"},
        {"a value", NULL, H B " # {}\n", "2:27: expected one space and the exemplar's value"},
        {"a value", NULL, H B " # {} x\n", "2:28: expected the exemplar's value; 'x'"},
        {"a finite time", NULL, H B " # {} 1 NaN\n", "2:30: 'NaN' is not a timestamp"},
        {"one", NULL, H B " # {} 1 # {} 1\n", "2:30: '#' is not a timestamp"},
        {"unique labels", NULL, H B " # {b=\"1\",b=\"1\"} 1\n", "2:32: a label of the exemplar"},
        {"in its bucket", H "a_bucket{le=\"1\"} 1 # {} 1\n" B "\n",
         H "a_bucket{le=\"1\"} 1 # {} 1.5\n" B "\n",
         "2:25: the exemplar does not lie in its bucket"},
        {"in its bucket", NULL, H B " # {} NaN\n", "2:28: the exemplar does not lie in its bucket"},
    };
    struct str page;
    (void)state;
    check_rules(rules, countof(rules));
    /* 128 characters, not bytes */
    str_init(&page, 4096);
    for (int n = 63; n <= 64; n++) {
        str_clear(&page);
        str_addf(&page, "# TYPE a counter\na_total 1 # {b=\"");
        for (int i = 0; i < n; i++)
            str_add(&page, "\xc3\xa9\\\"");
        str_add(&page, "\",c=\"\"} 1\n" END);
        if (n == 63)
            check_good("128 characters", page.buf);
        else
            check_bad("128 characters", page.buf, "2:11: the names and values of an exemplar's");
    }
    str_release(&page);
}

/* ---- what is read ------------------------------------------------------------------------ */

static void test_samples(void **state)
{
    static const char page[] =
        "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n"
        "# HELP a_seconds x\\n\\\"y\\\"\n"
        "a_seconds_total{c=\"\\n\",b=\"x\"} 17.5 1520879607.789 # {id=\"1\"} 2\n"
        "# TYPE s stateset\ns{s=\"up\"} 1\nfree 4 -1.5\n"
        "late 1 10000000000000000000000"
        "0000000000000000000000e-40\n# EOF";
    static struct page_text t;
    (void)state;
    page_read(&t, PROMTEXT_OPENMETRICS, page, sizeof(page) - 1, NULL, 0);
    assert_string_equal(t.text, "a_seconds_total{b=[x],c=[\n]} 17.5 @1520879607789000 counter\n"
                                "s{s=[up]} 1 stateset\n"
                                "free 4 @-1500000 untyped\n"
                                "late 1 @10000000000 untyped\n");
}

/* All is checked, wanted or not. */
static void test_nothing_wanted(void **state)
{
    static const struct selector *const nothing[1];
    static struct page_text t;
    (void)state;
    page_read(&t, PROMTEXT_OPENMETRICS, "a 1\nb 2\n# EOF\n", 14, nothing, 0);
    assert_string_equal(t.text, "");
    page_read(&t, PROMTEXT_OPENMETRICS, "a 1\na 2\n# EOF\n", 14, nothing, 0);
    assert_string_equal(t.text, "2:1: this series comes twice\n");
}

static void test_going_on(void **state)
{
    static const char page[] = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\n# TYPE c counter\n"
                               "c_total x\nc_total -1\nc_created 2\n\na 1\na 2\nb 3\n";
    static const char *const errors[] = {"2:1", "4:9", "5:9", "7:1", "9:1", "11:1"};
    struct promtext_sample sample;
    struct promtext p;
    size_t n = 0;
    int rc;
    (void)state;
    promtext_open(&p, PROMTEXT_OPENMETRICS, page, sizeof(page) - 1, NULL, 0);
    while ((rc = promtext_next(&p, &sample)) != 0) {
        char place[64];
        if (rc > 0)
            continue;
        snprintf(place, sizeof(place), "%zu:%zu", p.line, p.column);
        assert_true(n < countof(errors));
        assert_string_equal(place, errors[n++]);
        promtext_go_on(&p);
    }
    assert_int_equal(n, countof(errors));
    promtext_close(&p);
}

/* Every prefix is refused, and no byte that is changed makes it crash. */
static void test_every_byte(void **state)
{
    static const char page[] = "# TYPE a counter\n# HELP a b\na_total{x=\"y\"} 1 2 # {z=\"\"} 1 2\n"
                               "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\n# TYPE s summary\n"
                               "s{quantile=\"1\"} 1\n# EOF\n";
    static const char bytes[] = " \t\n\r\"\\{}=,#aE0.\xff\xc3";
    char changed[sizeof(page)];
    (void)state;
    assert_null(read_page(page, sizeof(page) - 1));
    for (size_t i = 0; i < sizeof(page) - 2; i++)
        assert_non_null(read_page(page, i));
    for (size_t i = 0; i < sizeof(page) - 1; i++) {
        for (size_t k = 0; k < sizeof(bytes); k++) {
            memcpy(changed, page, sizeof(page));
            changed[i] = bytes[k];
            read_page(changed, sizeof(page) - 1);
        }
    }
}

/* Many series: the set of what was seen grows. */
static void test_many_series(void **state)
{
    struct promtext_sample sample;
    struct promtext p;
    struct str s;
    (void)state;
    str_init(&s, 64 << 20);
    for (int i = 0; i < 100000; i++)
        str_addf(&s, "a{b=\"%d\"} %d\n", i, i);
    str_add(&s, "a{b=\"77\"} 1\n# EOF\n");
    promtext_open(&p, PROMTEXT_OPENMETRICS, s.buf, s.len, NULL, 0);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(promtext_next(&p, &sample), 1);
        assert_true(sample.value == i);
    }
    assert_int_equal(promtext_next(&p, &sample), -1);
    assert_int_equal(p.line, 100001);
    promtext_close(&p);
    str_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_page),     cmocka_unit_test(test_form),
        cmocka_unit_test(test_metadata),     cmocka_unit_test(test_families),
        cmocka_unit_test(test_simple_types), cmocka_unit_test(test_summaries),
        cmocka_unit_test(test_histograms),   cmocka_unit_test(test_exemplars),
        cmocka_unit_test(test_samples),      cmocka_unit_test(test_nothing_wanted),
        cmocka_unit_test(test_going_on),     cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_many_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
