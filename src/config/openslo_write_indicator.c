/* The indicator of an SLO as OpenSLO has it. */
#include "config/openslo_write_indicator.h"

#include "base/mem.h"
#include "base/units.h"
#include "config/yaml_text.h"
#include "model/expr.h"
#include "model/selector.h"
#include "nines/sample.h"

#include <ctype.h>
#include <string.h>

#define INDICATOR_MAX ((size_t)1 << 20)

/* Up to what is behind it in the `spec`. */
static void put_source(struct str *out, const char *part, const char *probe, const char *key,
                       const char *value)
{
    str_addf(out, "        %smetricSource: {type: nines, spec: {probe: ", part);
    yaml_put_text(out, probe);
    if (key) {
        str_addf(out, ", %s: ", key);
        yaml_put_text(out, value);
    }
}

#define RATIO "      ratioMetric:\n        counter: true\n"
#define GOOD "good: {"
#define BAD "bad: {"
#define TOTAL "total: {"
#define RAW "raw: {"
#define END "}}}\n" /* of one of them */

static void put_classify(struct str *out, const struct sli_def *sli)
{
    bool any = false;
    for (int i = 0; i < REASON_COUNT; i++) {
        if (sli->classify[i] < 0)
            continue;
        str_addf(out, "%s%s: %s", any ? ", " : ", classify: {", reason_name((enum reason)i),
                 outcome_name((enum outcome)sli->classify[i]));
        any = true;
    }
    str_add(out, any ? "}" : "");
}

static void put_results(struct str *out, const struct sli_def *sli)
{
    char text[UNITS_MAX];
    str_add(out, RATIO);
    put_source(out, GOOD, sli->probe, NULL, NULL);
    if (sli->faster_than_us)
        str_addf(out, ", faster_than: %s", units_duration(text, sli->faster_than_us));
    if (sli->measure != MEASURE_NONE)
        str_addf(out, ", %s: %s", answer_measure_name(sli->measure),
                 answer_bound_text(text, sli->measure, sli->bound));
    put_classify(out, sli);
    str_add(out, END);
    put_source(out, TOTAL, sli->probe, NULL, NULL);
    str_add(out, END);
}

static void put_counters(struct str *out, const struct sli_def *sli)
{
    const struct sli_metric *m = sli->metric;
    str_add(out, RATIO);
    put_source(out, m->good ? GOOD : BAD, sli->probe, "query",
               selector_text(m->good ? m->good : m->bad));
    str_add(out, END);
    put_source(out, TOTAL, sli->probe, "query", selector_text(m->total));
    str_add(out, END);
}

static void put_raw(struct str *out, const struct sli_def *sli)
{
    const struct sli_metric *m = sli->metric;
    str_addf(out, "      ratioMetric:\n        rawType: %s\n", m->good ? "success" : "failure");
    put_source(out, RAW, sli->probe, "query", selector_text(m->good ? m->good : m->bad));
    str_add(out, END);
}

/* The component's name in NAME{component="..."} at the start of `text`; *ret_end
 * is what follows. NULL: it is another condition. The caller frees it. */
static char *component_name(const char *text, const char *series, const char **ret_end)
{
    struct str name;
    size_t len = strlen(series);
    if (strncmp(text, series, len) != 0 || !str_starts(text + len, "{component=\""))
        return NULL;
    const char *p = text + len + strlen("{component=\"");
    str_init(&name, EXPR_TEXT_MAX);
    for (; *p && *p != '"'; p++) {
        bool escaped = *p == '\\' && p[1];
        p += escaped;
        str_addc(&name, escaped && *p == 'n' ? '\n' : *p);
    }
    *ret_end = p;
    char *copy = mem_strdup(name.buf);
    str_release(&name);
    return copy;
}

/* Seconds as a duration: 0 when they are no whole microseconds. */
static int64_t seconds_us(const char *text)
{
    struct decimal d;
    struct err err;
    if (decimal_parse(text, &d, &err) < 0 || d.scale > 6 || d.n > INT64_MAX / USEC_PER_SEC)
        return 0;
    return d.n * decimal_pow10(6 - d.scale);
}

/* False, nothing appended: the condition is not one of a component. */
static bool put_component(struct str *out, const struct sli_def *sli)
{
    static const char up[] = "\"} == 1", fast[] = "\"} <= ";
    const char *text = expr_text(sli->metric->condition), *end = "";
    char limit[UNITS_MAX];
    int64_t us = 0;
    mem_auto char *name = component_name(text, SERIES_COMPONENT, &end);
    bool ok = name && str_eq(end, up);
    if (!name) {
        name = component_name(text, SERIES_COMPONENT_LATENCY, &end);
        us = name && str_starts(end, fast) ? seconds_us(end + strlen(fast)) : 0;
        ok = us > 0;
    }
    if (!ok)
        return false;
    str_add(out, RATIO);
    put_source(out, GOOD, sli->probe, "component", name);
    if (us)
        str_addf(out, ", faster_than: %s", units_duration(limit, us));
    str_add(out, END);
    put_source(out, TOTAL, sli->probe, "component", name);
    str_add(out, END);
    return true;
}

struct comparison {
    size_t left;    /* bytes of the condition's left side */
    const char *op; /* of OpenSLO */
    const char *value;
};

/* "x < 5" is x, lt, 5; what is not so simple is 1 where it holds. */
static struct comparison compare(const char *condition)
{
    static const struct {
        const char *sign, *op;
    } signs[] = {{" <= ", "lte"}, {" >= ", "gte"}, {" < ", "lt"}, {" > ", "gt"}};
    struct comparison whole = {strlen(condition), "gte", "1"};
    bool quoted = false;
    int braces = 0;
    for (const char *p = condition; *p; p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (!quoted)
            braces += (*p == '{') - (*p == '}');
        for (size_t i = 0; !quoted && braces == 0 && i < countof(signs); i++) {
            const char *value = p + strlen(signs[i].sign);
            if (str_starts(p, signs[i].sign) && value[strspn(value, "0123456789.-+eE")] == '\0')
                return (struct comparison){(size_t)(p - condition), signs[i].op, value};
        }
    }
    return whole;
}

static void put_threshold(struct str *out, const struct sli_def *sli)
{
    const char *text = expr_text(sli->metric->condition);
    mem_auto char *query = mem_strndup(text, compare(text).left);
    str_add(out, "      thresholdMetric:\n");
    put_source(out, "", sli->probe, "query", query);
    str_add(out, "}}\n");
}

/* What is under `spec`. */
static void put_spec(struct str *out, const struct sli_def *sli)
{
    if (!sli->metric)
        put_results(out, sli);
    else if (sli->metric->kind == SLI_RATIO)
        put_counters(out, sli);
    else if (sli->metric->kind == SLI_RAW)
        put_raw(out, sli);
    else if (!put_component(out, sli))
        put_threshold(out, sli);
}

void openslo_put_indicator(struct str *out, const struct slo_def *s, const char *name,
                           const char *indent)
{
    struct str text;
    str_init(&text, INDICATOR_MAX);
    str_add(&text, "  indicator:\n    metadata: {name: ");
    yaml_put_text(&text, name);
    str_add(&text, "}\n    spec:\n");
    put_spec(&text, &s->sli);
    /* No value is on more than one line. */
    for (char *line = text.buf, *end; *line; line = end) {
        end = strchr(line, '\n') + 1;
        str_add(out, indent);
        str_addn(out, line, (size_t)(end - line));
    }
    str_release(&text);
}

void openslo_put_comparison(struct str *out, const struct slo_def *s)
{
    struct str ignored;
    const struct sli_metric *m = s->sli.metric;
    if (!m || m->kind != SLI_THRESHOLD)
        return;
    str_init(&ignored, INDICATOR_MAX);
    if (!put_component(&ignored, &s->sli)) {
        struct comparison c = compare(expr_text(m->condition));
        str_addf(out, "      op: %s\n      value: %s\n", c.op, c.value);
    }
    str_release(&ignored);
}
