#include "config/openslo_write.h"

#include "config/openslo_group.h"

#include "base/mem.h"
#include "base/when.h"
#include "config/yaml_text.h"
#include "model/expr.h"
#include "model/selector.h"
#include "nines/sample.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- values --------------------------------------------------------------------- */

static void put_pair(struct str *out, const char *indent, const char *key, const char *value)
{
    str_addf(out, "%s", indent);
    yaml_put_text(out, key);
    str_add(out, ": ");
    yaml_put_text(out, value);
    str_addc(out, '\n');
}

/* In the largest unit it has; 0 when it is no whole number of minutes. */
static int put_duration(struct str *out, int64_t us)
{
    static const struct {
        int64_t us;
        char letter;
    } units[] = {{USEC_PER_DAY, 'd'}, {USEC_PER_HOUR, 'h'}, {USEC_PER_MIN, 'm'}};
    for (size_t i = 0; i < countof(units); i++) {
        if (us % units[i].us != 0)
            continue;
        str_addf(out, "%" PRId64 "%c", us / units[i].us, units[i].letter);
        return 0;
    }
    return -1;
}

/* ---- metadata ---------------------------------------------------------------------- */

static const char *severity_key(enum severity s)
{
    return s == SEVERITY_PAGE ? "page" : "ticket";
}

static void put_tier(struct str *out, const struct tier_decl *t)
{
    char text[UNITS_MAX];
    str_addf(out, "{severity: %s, long: %s", severity_key(t->severity),
             units_duration(text, t->long_us));
    if (t->short_us)
        str_addf(out, ", short: %s", units_duration(text, t->short_us));
    if (t->factor.n)
        str_addf(out, ", factor: %s", decimal_text(text, t->factor));
    else
        str_addf(out, ", budget: %s", decimal_percent(text, t->budget));
    if (t->min_failures)
        str_addf(out, ", min_failures: %d", t->min_failures);
    str_addc(out, '}');
}

/* As the short form has it under `alerting`. */
static void put_alerting(struct str *out, const struct slo_def *s)
{
    struct str text;
    str_init(&text, 8192);
    if (!s->alerting) {
        str_add(&text, "none");
    } else if (!s->declared && !s->min_failures) {
        str_add(&text, "default");
    } else {
        str_addc(&text, '{');
        if (s->min_failures)
            str_addf(&text, "min_failures: %d%s", s->min_failures, s->declared ? ", " : "");
        for (size_t i = 0; i < s->declared_count; i++) {
            str_add(&text, i ? ", " : "tiers: [");
            put_tier(&text, &s->declared[i]);
        }
        str_add(&text, s->declared ? "]}" : "}");
    }
    put_pair(out, "    ", "nines/alerting", text.buf);
    str_release(&text);
}

/* As the short form has it in the list under `window`. */
static void add_window(struct str *out, const struct window_def *w)
{
    int64_t days = w->anchor_s / 86400, rest = w->anchor_s % 86400, year;
    int month, day;
    if (w->type == WINDOW_ROLLING) {
        str_add(out, w->text);
        return;
    }
    str_addf(out, "{calendar: %s, timezone: %s", w->text, w->timezone);
    when_civil_from_days(days, &year, &month, &day);
    if (w->anchor_s != window_default_anchor(w->unit))
        str_addf(out, ", start: '%04" PRId64 "-%02d-%02d %02d:%02d:%02d'", year, month, day,
                 (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
    str_addc(out, '}');
}

/* OpenSLO has one window: those behind the first are an annotation. */
static void put_windows(struct str *out, const struct openslo_group *g)
{
    struct str text;
    if (g->window_count == 1)
        return;
    str_init(&text, 8192);
    for (size_t i = 1; i < g->window_count; i++) {
        str_add(&text, i > 1 ? ", " : "[");
        add_window(&text, &g->windows[i]->window);
    }
    str_addc(&text, ']');
    put_pair(out, "    ", "nines/windows", text.buf);
    str_release(&text);
}

/* As the short form has it under `policy`, on one line. */
static void put_policy(struct str *out, const struct slo_policy *p)
{
    char spent[UNITS_MAX];
    struct str text;
    if (p->n == 0)
        return;
    str_init(&text, 1 << 16);
    str_addc(&text, '[');
    for (size_t i = 0; i < p->n; i++) {
        const struct policy_step *s = &p->at[i];
        str_addf(&text, "%s{spent: %s, then: ", i ? ", " : "", decimal_percent(spent, s->spent));
        yaml_put_text(&text, s->then);
        str_add(&text, s->stop ? ", stop: true}" : "}");
    }
    str_addc(&text, ']');
    put_pair(out, "    ", "nines/policy", text.buf);
    str_release(&text);
}

static void put_depends(struct str *out, const struct string_list *names)
{
    struct str text;
    if (names->n == 0)
        return;
    str_init(&text, 1 << 13);
    for (size_t i = 0; i < names->n; i++) {
        str_add(&text, i ? ", " : "[");
        yaml_put_text(&text, names->at[i]);
    }
    str_addc(&text, ']');
    put_pair(out, "    ", "nines/depends_on", text.buf);
    str_release(&text);
}

static void put_metadata(struct str *out, const struct openslo_group *g)
{
    const struct slo_def *s = g->windows[0];
    static const char *const no_data[] = {"exclude", "good", "bad"};
    put_pair(out, "  ", "name", s->name);
    if (s->labels.n)
        str_add(out, "  labels:\n");
    for (size_t i = 0; i < s->labels.n; i++)
        put_pair(out, "    ", s->labels.at[i].key, s->labels.at[i].value);
    str_add(out, "  annotations:\n");
    put_alerting(out, s);
    if (s->no_data != NO_DATA_EXCLUDE)
        put_pair(out, "    ", "nines/no_data", no_data[s->no_data]);
    if (s->runbook)
        put_pair(out, "    ", "nines/runbook", s->runbook);
    put_depends(out, &s->depends_on);
    put_policy(out, &s->policy);
    put_windows(out, g);
}

/* ---- indicators -------------------------------------------------------------------- */

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

/* Returns whether its objectives have `op` and `value`. */
static bool put_indicator(struct str *out, const struct slo_def *s)
{
    const struct sli_def *sli = &s->sli;
    str_add(out, "  indicator:\n    metadata: {name: ");
    yaml_put_text(out, s->name);
    str_add(out, "}\n    spec:\n");
    if (!sli->metric)
        put_results(out, sli);
    else if (sli->metric->kind == SLI_RATIO)
        put_counters(out, sli);
    else if (sli->metric->kind == SLI_RAW)
        put_raw(out, sli);
    else if (!put_component(out, sli)) {
        put_threshold(out, sli);
        return true;
    }
    return false;
}

/* ---- windows, objectives ------------------------------------------------------------- */

static void put_calendar(struct str *out, const struct window_def *w)
{
    static const char letters[] = {'d', 'w', 'M', 'Q', 'Y'};
    int64_t days = w->anchor_s / 86400, rest = w->anchor_s % 86400, year;
    int month, day;
    when_civil_from_days(days, &year, &month, &day);
    str_addf(out,
             "    - duration: %d%c\n      isRolling: false\n      calendar:\n"
             "        startTime: %04" PRId64 "-%02d-%02d %02d:%02d:%02d\n        timeZone: ",
             w->count, letters[w->unit], year, month, day, (int)(rest / 3600),
             (int)(rest / 60 % 60), (int)(rest % 60));
    yaml_put_text(out, w->timezone);
    str_addc(out, '\n');
}

static int put_window(struct str *out, const struct slo_def *s, struct err *reterr)
{
    str_add(out, "  timeWindow:\n");
    if (s->window.type == WINDOW_CALENDAR) {
        put_calendar(out, &s->window);
        return 0;
    }
    str_add(out, "    - duration: ");
    if (put_duration(out, s->window.duration_us) < 0)
        return err_set(reterr, "SLO '%s': OpenSLO's durations are whole minutes; the window is %s",
                       s->name, s->window.text);
    str_add(out, "\n      isRolling: true\n");
    return 0;
}

static void put_objective(struct str *out, const struct openslo_group *g, const struct slo_def *s,
                          bool compared)
{
    char text[UNITS_MAX], name[OPENSLO_NAME_SIZE];
    str_addf(out, "    - target: %s\n", decimal_text(text, s->target));
    if (openslo_group_name(g, s, name)[0])
        put_pair(out, "      ", "displayName", name);
    if (compared) {
        struct comparison c = compare(expr_text(s->sli.metric->condition));
        str_addf(out, "      op: %s\n      value: %s\n", c.op, c.value);
    }
    if (s->method == METHOD_OCCURRENCES)
        return;
    str_add(out, "      timeSliceWindow: ");
    put_duration(out, s->slice_us);
    str_addc(out, '\n');
    if (s->method == METHOD_TIMESLICES)
        str_addf(out, "      timeSliceTarget: %s\n", decimal_text(text, s->slice_target));
}

/* ---- all of it ------------------------------------------------------------------------- */

static int put_document(struct slo_def *const *slos, size_t n, struct str *out, struct err *reterr)
{
    static const char *const methods[] = {"Occurrences", "Timeslices", "RatioTimeslices"};
    struct openslo_group g;
    openslo_group(slos, n, &g);
    const struct slo_def *s = g.windows[0];
    str_add(out, "---\napiVersion: openslo/v1\nkind: SLO\nmetadata:\n");
    put_metadata(out, &g);
    str_add(out, "spec:\n");
    if (s->description)
        put_pair(out, "  ", "description", s->description);
    put_pair(out, "  ", "service", s->service[0] ? s->service : s->name);
    bool compared = put_indicator(out, s);
    put_pair(out, "  ", "budgetingMethod", methods[s->method]);
    if (put_window(out, s, reterr) < 0)
        return -1;
    str_add(out, "  objectives:\n");
    for (size_t i = 0; i < n; i++)
        if (str_eq(slos[i]->window.text, s->window.text))
            put_objective(out, &g, slos[i], compared);
    if (out->overflow)
        return err_set(reterr, "SLO '%s' is too large to be written", s->name);
    return 0;
}

int openslo_write(struct slo_def *const *slos, size_t n, struct str *out, struct err *reterr)
{
    struct str text;
    str_init(&text, out->max);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (slos[i]->member_count)
            rc = err_set(reterr,
                         "SLO '%s' is a composite: one of OpenSLO has indicators of its own in the "
                         "place of other SLOs, so it cannot be written",
                         slos[i]->name);
    if (rc == 0)
        rc = put_document(slos, n, &text, reterr);
    if (rc == 0 && str_addn(out, text.buf, text.len) < 0)
        rc = err_set(reterr, "SLO '%s' is too large to be written", slos[0]->name);
    str_release(&text);
    return rc;
}
