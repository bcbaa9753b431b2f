#include "slo/source.h"

#include "base/mem.h"
#include "base/units.h"
#include "model/expr.h"
#include "model/selector.h"
#include "nines/sample.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- canonical selectors, name{a="x",b=~"y"}, read as text ------------------- */

struct part {
    const char *at;
    size_t n;
};

/* The next matcher from `at` on, which is behind a brace or a comma: its end. */
static const char *matcher_end(const char *at)
{
    bool quoted = false;
    for (; *at; at++) {
        if (quoted && *at == '\\' && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && (*at == ',' || *at == '}'))
            break;
    }
    return at;
}

/* The matcher label="value" of a selector; n is 0 if there is none. */
static struct part find_matcher(const struct selector *s, const char *label)
{
    const char *at = strchr(selector_text(s), '{');
    size_t n = strlen(label);
    while (at && *at && *at != '}') {
        const char *end = matcher_end(++at);
        if (strncmp(at, label, n) == 0 && at[n] == '=' && at[n + 1] == '"')
            return (struct part){at, (size_t)(end - at)};
        at = end;
    }
    return (struct part){NULL, 0};
}

/* What is between the quotes, as it is written there. */
static struct part value_of(struct part matcher)
{
    const char *quote = memchr(matcher.at, '"', matcher.n);
    assert(quote && matcher.at[matcher.n - 1] == '"');
    return (struct part){quote + 1, (size_t)(matcher.at + matcher.n - quote) - 2};
}

static void put_part(struct str *out, struct part p)
{
    str_addn(out, p.at, p.n);
}

/* ---- telling them apart --------------------------------------------------------- */

/* `name` is `base` and the suffix. */
static bool is_named(const char *name, const char *base, size_t base_len, const char *suffix)
{
    return name && strlen(name) == base_len + strlen(suffix) &&
           strncmp(name, base, base_len) == 0 && str_eq(name + base_len, suffix);
}

static bool is_histogram(const struct sli_metric *m)
{
    static const char suffix[] = "_bucket";
    const char *name = m->good ? selector_name(m->good) : NULL;
    if (!name || strlen(name) <= strlen(suffix))
        return false;
    size_t base = strlen(name) - strlen(suffix);
    return str_eq(name + base, suffix) && find_matcher(m->good, "le").n > 0 &&
           is_named(selector_name(m->total), name, base, "_count");
}

/* The only series of a condition when it is one of a component, or NULL. */
static const struct selector *component_of(const struct expr *condition)
{
    const struct selector *s[EXPR_SELECTORS_MAX];
    if (expr_selectors(condition, s) != 1)
        return NULL;
    const char *name = selector_name(s[0]);
    bool known = name && (str_eq(name, SERIES_COMPONENT) || str_eq(name, SERIES_COMPONENT_LATENCY));
    return known && find_matcher(s[0], "component").n > 0 ? s[0] : NULL;
}

enum sli_source sli_source(const struct sli_def *sli)
{
    const struct sli_metric *m = sli->metric;
    if (!m)
        return sli->measure == MEASURE_NONE ? SOURCE_RESULTS : SOURCE_ANSWERS;
    if (m->kind == SLI_RAW)
        return SOURCE_RAW;
    if (m->kind == SLI_RATIO)
        return is_histogram(m) ? SOURCE_HISTOGRAM : SOURCE_RATIO;
    return component_of(m->condition) ? SOURCE_COMPONENT : SOURCE_THRESHOLD;
}

/* ---- in words -------------------------------------------------------------------- */

/* "0.5" seconds are "500ms"; what is no whole number of microseconds, or not
 * finite, stays as it is. */
static void put_bound(struct str *out, const char *text, size_t n)
{
    char span[UNITS_MAX], *end;
    mem_auto char *number = mem_strndup(text, n);
    double us = strtod(number, &end) * USEC_PER_SEC;
    if (*end || !(us >= 1 && us < 1e15) || fabs(us - round(us)) > 1e-6 * us)
        str_add(out, number);
    else
        str_add(out, units_duration(span, llround(us)));
}

/* The series of the count, by the histogram's own name. */
static void put_histogram(struct str *out, const struct sli_metric *m)
{
    const char *name = selector_name(m->total), *text = selector_text(m->total);
    struct part bound = value_of(find_matcher(m->good, "le"));
    str_addn(out, name, strlen(name) - strlen("_count"));
    const char *brace = strchr(text, '{');
    str_addf(out, "%s within ", brace ? brace : "");
    put_bound(out, bound.at, bound.n);
}

static void put_component(struct str *out, const struct expr *condition)
{
    const struct selector *s = component_of(condition);
    const char *text = expr_text(condition), *series = selector_text(s);
    const char *limit = text + strlen(series);
    put_part(out, value_of(find_matcher(s, "component")));
    if (!str_eq(selector_name(s), SERIES_COMPONENT_LATENCY))
        return;
    if (strncmp(text, series, strlen(series)) != 0 || strncmp(limit, " <= ", 4) != 0) {
        str_addf(out, ": %s", text);
        return;
    }
    str_add(out, " within ");
    put_bound(out, limit + 4, strlen(limit + 4));
}

static void put_ratio(struct str *out, const struct sli_metric *m)
{
    str_addf(out, "%s %s of %s", m->good ? "good" : "bad",
             selector_text(m->good ? m->good : m->bad), selector_text(m->total));
}

static void put_raw(struct str *out, const struct sli_metric *m)
{
    str_addf(out, "%s share %s", m->good ? "good" : "bad",
             selector_text(m->good ? m->good : m->bad));
}

void sli_expression(const struct sli_def *sli, struct str *out)
{
    char limit[UNITS_MAX];
    switch (sli_source(sli)) {
    case SOURCE_RESULTS:
        if (sli->faster_than_us > 0)
            str_addf(out, "within %s", units_duration(limit, sli->faster_than_us));
        return;
    case SOURCE_RATIO:
        put_ratio(out, sli->metric);
        return;
    case SOURCE_RAW:
        put_raw(out, sli->metric);
        return;
    case SOURCE_HISTOGRAM:
        put_histogram(out, sli->metric);
        return;
    case SOURCE_THRESHOLD:
        str_add(out, expr_text(sli->metric->condition));
        return;
    case SOURCE_ANSWERS:
        answer_promise(sli->measure, sli->bound, sli->currency, out);
        return;
    case SOURCE_COMPOSITE: /* composite_expression() */
        break;
    case SOURCE_COMPONENT:
        put_component(out, sli->metric->condition);
        return;
    }
}
