/* Puts selectors and conditions to Prometheus: prints a test of rules in which
 * what we say is what is expected, for `promtool test rules`. */
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "model/expr.h"
#include "model/history.h"
#include "model/selector.h"
#include "model/series.h"

#include <inttypes.h>

#define STEP_US (15 * USEC_PER_SEC)
#define TEXT_MAX 4096

/* Each series twice: at 0 s and at 15 s. */
static const struct {
    const char *series;
    double before, now;
} page[] = {
    {"x{code=\"200\",path=\"/a\"}", 100, 140},
    {"x{code=\"404\",path=\"/a\"}", 5, 5},
    {"x{code=\"500\",path=\"/a/b\"}", 0, 2},
    {"x{code=\"503\",path=\"/c\"}", 1, 2.5},
    {"x{path=\"a\\nb\"}", 0, 7},
    {"x{path=\"\xc3\xa9\xce\xb1\"}", 0, 8},
    {"x{path=\"a.b|c\\\\d\"}", 0, 9},
    {"y", 1, 3},
    {"z{le=\"0.5\"}", 0, 1},
    {"h_bucket{le=\"0.1\"}", 0, 10},
    {"h_bucket{le=\"0.5\"}", 0, 30},
    {"h_bucket{le=\"1\"}", 0, 35},
    {"h_bucket{le=\"+Inf\"}", 0, 40},
    {"h_bucket{le=\"0.1\",n=\"b\"}", 0, 1},
    {"h_bucket{le=\"0.5\",n=\"b\"}", 0, 1},
    {"h_bucket{le=\"1\",n=\"b\"}", 0, 9},
    {"h_bucket{le=\"+Inf\",n=\"b\"}", 0, 9},
};

static const char *const selectors[] = {
    "x",
    "x{code=\"200\"}",
    "x{code!=\"200\"}",
    "x{code=~\"5..\"}",
    "x{code!~\"5..\"}",
    "x{code=~\"5\"}",
    "x{code=~\"200|404|\"}",
    "x{code=\"\"}",
    "x{code!=\"\"}",
    "x{code=~\".*\"}",
    "x{code=~\".+\"}",
    "x{code!~\".+\",path!=\"a\\nb\"}",
    "x{path=~\"/a.*\"}",
    "x{path=~\"a.b\"}",
    "x{path=~\"(?s)a.b\"}",
    "x{path=~\"(?s:a.)b|/c\"}",
    "x{path=~\"(?m)a$\\n^b\"}",
    "x{path=~\"a$\"}",
    "x{path=~\"a$\\nb\"}",
    "x{path=~\"[^/]+\"}",
    "x{path=~\"\\\\x61[[:space:]]\\\\x{62}\"}",
    "x{path=~`\\Qa.b|c\\d\\E`}",
    "x{path=~`\\PN\\p{Greek}`}",
    "x{path=~`(?i)/A(?-i:/b)?`}",
    "x{path=~`(?P<one>/)[a-c]{1,2}?`}",
    "x{path=~`\\S{2}`}",
    "x{path=~`..`}",
    "x{path=~`(?U)/a.*b`}",
    "x{path=~`\\b.\\b.\\b.*`}",
    "x{path=~`\\D*\\W\\D*`}",
    "x{path=~`a{,2}|{x|/{1}c`}",
    "{__name__=~\"y|z\"}",
    "{__name__=~\"[yz]\",le=\"0.5\"}",
    "{__name__!=\"x\",__name__!~\"h.*\",__name__!=\"\"}",
    "{code=\"404\",}",
    "{__name__=\"y\"}",
    "y # with a comment",
};

/* Ours, and in PromQL; what both say is a number. */
static const struct {
    const char *ours, *promql;
} conditions[] = {
    {"sum(x) > 0", "sum(x)"},
    {"min(x) > 0", "min(x)"},
    {"max(x{code!=\"\"}) > 0", "max(x{code!=\"\"})"},
    {"avg(x) > 0", "avg(x)"},
    {"count(x{code=~\"[45]..\"}) > 0", "count(x{code=~\"[45]..\"})"},
    {"x + y > 0", "sum(x) + sum(y)"},
    {"x / (x + y) > 0", "sum(x) / (sum(x) + sum(y))"},
    {"2 - 3 * -y / 4 > 0", "2 - 3 * -y / 4"},
    {"-(y + 1) * y - -y < 0", "-(y + 1) * y - -y"},
    {"100 / 10 / y - 5 - y < 0", "100 / 10 / y - 5 - y"},
    {"age(y) > 0", "time() - y"},
    {"change(y) > 0", "y - y offset 15s"},
    {"increase(x{code=~\"5..\"}) > 0", "sum(x{code=~\"5..\"} - x{code=~\"5..\"} offset 15s)"},
    {"rate(x) > 0", "sum(x - x offset 15s) / 15"},
    {"increase(x{code=\"500\"}) / increase(x) < 1",
     "sum(x{code=\"500\"} - x{code=\"500\"} offset 15s) / sum(x - x offset 15s)"},
    {"quantile(0.5, h) > 0", "histogram_quantile(0.5, sum by (le) (h_bucket))"},
    {"quantile(0.05, h) > 0", "histogram_quantile(0.05, sum by (le) (h_bucket))"},
    {"quantile(0.9, h) > 0", "histogram_quantile(0.9, sum by (le) (h_bucket))"},
    {"quantile(0.99, h) > 0", "histogram_quantile(0.99, sum by (le) (h_bucket))"},
    {"quantile(0.5, h{n=\"b\"}) > 0", "histogram_quantile(0.5, sum by (le) (h_bucket{n=\"b\"}))"},
    {"quantile(1, h{n=\"b\"}) > 0", "histogram_quantile(1, sum by (le) (h_bucket{n=\"b\"}))"},
};

/* In YAML's double quotes. */
static void quoted(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '\n') {
            fputs("\\n", stdout);
            continue;
        }
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

static void print_input(void)
{
    puts("evaluation_interval: 15s\ntests:\n  - interval: 15s\n    input_series:");
    for (size_t i = 0; i < countof(page); i++) {
        fputs("      - series: ", stdout);
        quoted(page[i].series);
        printf("\n        values: %g %g\n", page[i].before, page[i].now);
    }
    puts("    promql_expr_test:");
}

static void print_expr(const char *promql)
{
    fputs("      - expr: ", stdout);
    quoted(promql);
    fputs("\n        eval_time: 15s\n        exp_samples:", stdout);
}

static void on_value(void *ctx, const char *series, double value)
{
    (void)ctx;
    fputs("\n          - labels: ", stdout);
    quoted(series);
    printf("\n            value: %.17g", value);
}

static void print_selector(struct arena *a, struct history *h, const char *text)
{
    const struct selector *s = NULL;
    struct err err;
    if (selector_parse(a, text, strlen(text), &s, NULL, &err) < 0) {
        fprintf(stderr, "%s: %s\n", text, err.msg);
        abort();
    }
    print_expr(selector_text(s));
    puts(history_values(h, s, on_value, NULL) ? "" : " []");
    print_expr(text);
    puts(history_values(h, s, on_value, NULL) ? "" : " []");
}

static void print_condition(struct arena *a, struct history *h, const char *ours,
                            const char *promql)
{
    const struct expr *e = NULL;
    char seen[TEXT_MAX];
    struct err err;
    if (expr_parse(a, ours, &e, NULL, &err) < 0 ||
        expr_ask(e, h, STEP_US, seen, sizeof(seen)) != EXPR_HOLDS) {
        fprintf(stderr, "%s does not hold\n", ours);
        abort();
    }
    const char *number = strrchr(seen, ' ') ? strrchr(seen, ' ') + 1 : seen;
    /* Names and the digits behind the twelfth are not compared. */
    mem_auto char *rounded = mem_printf("round(scalar(sum(%s)) * 1e9 + vector(0))", promql);
    print_expr(rounded);
    printf("\n          - labels: \"{}\"\n            value: %.0f\n", strtod(number, NULL) * 1e9);
}

int main(void)
{
    struct arena a = {0};
    struct history *h = history_new(0);
    struct sample at[countof(page)];
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < countof(page); i++)
            at[i] = (struct sample){page[i].series, turn ? page[i].now : page[i].before};
        history_add(h, turn * STEP_US, at, countof(at));
    }
    print_input();
    for (size_t i = 0; i < countof(selectors); i++)
        print_selector(&a, h, selectors[i]);
    for (size_t i = 0; i < countof(conditions); i++)
        print_condition(&a, h, conditions[i].ours, conditions[i].promql);
    history_free(h);
    arena_release(&a);
    return 0;
}
