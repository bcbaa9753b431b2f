/* OpenSLO v1alpha; v1 is read as it is (openslo.h). */
#include "config/anchor.h"
#include "config/import_internal.h"

#include "base/str.h"
#include "model/expr.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SLICES_MAX 580000 /* of a minute: 600000, less what a month has over 30 days */
#define QUERY_MAX 8192    /* of a probe of kind prometheus */

static const struct import_key document_keys[] = {
    {"apiVersion", NULL}, {"kind", NULL}, {"metadata", NULL}, {"spec", NULL}, {0},
};

static const struct import_key metadata_keys[] = {
    {"name", NULL},
    {"labels", NULL},
    {"annotations", NULL},
    {"displayName", "nines shows the name; put it into the description"},
    {0},
};

static const struct import_key spec_keys[] = {
    {"service", NULL},
    {"description", NULL},
    {"timeWindows", NULL},
    {"budgetingMethod", NULL},
    {"indicator", NULL},
    {"objectives", NULL},
    {0},
};

static const struct import_key window_keys[] = {
    {"unit", NULL}, {"count", NULL}, {"isRolling", NULL}, {"calendar", NULL}, {0},
};

static const struct import_key calendar_keys[] = {{"startTime", NULL}, {"timeZone", NULL}, {0}};
static const struct import_key indicator_keys[] = {{"thresholdMetric", NULL}, {0}};

static const struct import_key objective_keys[] = {
    {"displayName", NULL},
    {"op", NULL},
    {"value", NULL},
    {"target", NULL},
    {"timeSliceTarget", NULL},
    {"ratioMetrics", NULL},
    {0},
};

static const struct import_key ratio_keys[] = {
    {"good", NULL}, {"total", NULL}, {"counter", NULL}, {"incremental", NULL}, {0},
};

static const struct import_key source_keys[] = {
    {"source", NULL},
    {"queryType", NULL},
    {"query", NULL},
    {"metadata", "nines asks Prometheus by the query alone"},
    {0},
};

bool import_is_openslo(const struct node *doc)
{
    const struct node *version = node_get(doc, "apiVersion");
    return version && version->kind == NODE_SCALAR && str_eq(version->text, "openslo/v1alpha");
}

/* ---- windows --------------------------------------------------------------------------------- */

static const struct unit {
    const char *name;
    const char *period; /* of the calendar, or NULL */
    int64_t us;
    bool varies; /* not of one length: `us` is what it is taken for */
    int max;     /* of calendar windows */
} units[] = {
    {"Second", NULL, USEC_PER_SEC, false, 0},
    {"Minute", NULL, USEC_PER_MIN, false, 0},
    {"Hour", NULL, USEC_PER_HOUR, false, 0},
    {"Day", "day", USEC_PER_DAY, false, 366},
    {"Week", "week", 7 * USEC_PER_DAY, false, 52},
    {"Month", "month", 30 * USEC_PER_DAY, true, 12},
    {"Quarter", "quarter", 90 * USEC_PER_DAY, true, 4},
    {"Year", "year", 365 * USEC_PER_DAY, true, 10},
};

static const struct unit *find_unit(const char *name)
{
    for (size_t i = 0; name && i < sizeof(units) / sizeof(*units); i++)
        if (str_eq(units[i].name, name))
            return &units[i];
    return NULL;
}

static void rolling(struct import *m, const struct node *n, const struct unit *u, int64_t count)
{
    char text[UNITS_MAX];
    int64_t us = count * u->us;
    if (us < USEC_PER_MIN || us > 3660 * USEC_PER_DAY) {
        import_drop(m, n->pos, "a rolling window is 1m to 3660d; found %" PRId64 " %s", count,
                    u->name);
        return;
    }
    m->slo->window = arena_strdup(&m->arena, units_duration(text, us));
    m->slo->window_us = us;
    if (u->varies)
        import_note(m, n->pos,
                    "a rolling %s has no one length: %s is written; a calendar's is "
                    "{calendar: 1 %s}",
                    u->name, m->slo->window, u->period);
}

static bool zone_known(struct import *m, const char *name, struct err *reterr)
{
    const struct config_tables *t = m->options->tables;
    struct zone *zone = NULL;
    if (!t || !t->zone_open)
        return true;
    if (t->zone_open(name, &zone, reterr) < 0)
        return false;
    t->zone_free(zone);
    return true;
}

/* What can stand within quotes in a mapping on one line. */
static bool is_plain(const char *text)
{
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/: ") ==
           strlen(text);
}

static void calendar(struct import *m, const struct node *n, const struct node *at,
                     const struct unit *u, int64_t count)
{
    struct err err;
    int64_t anchor;
    if (!u->period || count > u->max) {
        import_drop(m, n->pos, "a calendar window is 1 to %d %ss; found %" PRId64,
                    u->period ? u->max : 12, u->period ? u->period : "month", count);
        return;
    }
    if (!import_keys(m, at, "calendar", calendar_keys))
        return;
    const char *start = import_text(m, at, "startTime", NULL);
    const char *zone = import_text(m, at, "timeZone", NULL);
    const char *text = arena_printf(&m->arena, "{calendar: %" PRId64 " %s%s", count, u->period,
                                    count > 1 ? "s" : "");
    if (start && (!is_plain(start) || !anchor_parse(start, &anchor)))
        import_drop(m, at->pos, "startTime: expected YYYY-MM-DD HH:MM:SS; found '%.60s'", start);
    else if (start)
        text = arena_printf(&m->arena, "%s, start: '%s'", text, start);
    if (zone && (!is_plain(zone) || !zone_known(m, zone, &err)))
        import_drop(m, at->pos, "timeZone: no time zone is called '%.60s'", zone);
    else if (zone)
        text = arena_printf(&m->arena, "%s, timezone: '%s'", text, zone);
    m->slo->window = arena_printf(&m->arena, "%s}", text);
    m->slo->window_us = count * u->us;
}

static void read_window(struct import *m, const struct node *spec)
{
    const struct node *list = import_get(spec, "timeWindows", NULL);
    const struct node *n = list && list->kind == NODE_SEQ && list->n == 1 ? list->items[0] : list;
    if (!n || n->kind != NODE_MAP) {
        import_drop(m, n ? n->pos : spec->pos, "expected one window under 'timeWindows'");
        return;
    }
    import_keys(m, n, "a time window", window_keys);
    const char *number = import_text(m, n, "count", NULL);
    const struct unit *u = find_unit(import_text(m, n, "unit", NULL));
    size_t digits = number ? strspn(number, "0123456789") : 0;
    int64_t count = digits && digits <= 5 && !number[digits] ? strtoll(number, NULL, 10) : 0;
    const struct node *at = import_get(n, "calendar", NULL);
    bool is_rolling = import_true(m, n, "isRolling");
    if (!u || count < 1)
        import_drop(m, n->pos, "expected a window like {unit: Day, count: 30}");
    else if (at && is_rolling)
        import_drop(m, n->pos, "a window is rolling or the calendar's; this one is both");
    else if (at)
        calendar(m, n, at, u, count);
    else
        rolling(m, n, u, count);
    if (!m->slo->dropped && !at && !is_rolling)
        import_note(m, n->pos, "a window without 'isRolling' and 'calendar' is taken for rolling");
}

/* ---- indicators ------------------------------------------------------------------------------ */

/* The query of a source, if it is Prometheus. */
static const struct node *query_of(struct import *m, const struct node *from, const char *key)
{
    const struct node *n = import_get(from, key, NULL);
    if (!n || !import_keys(m, n, key, source_keys)) {
        import_drop(m, n ? n->pos : from->pos, "expected {source, queryType, query} under '%s'",
                    key);
        return NULL;
    }
    const char *source = import_text(m, n, "source", NULL);
    const struct node *query = import_get(n, "query", NULL);
    if (!source || strcasecmp(source, "prometheus") != 0) {
        import_drop(m, n->pos, "%s: nines asks Prometheus, and no source called '%.60s'", key,
                    source ? source : "");
        return NULL;
    }
    if (query && query->kind == NODE_SCALAR && query->text[0])
        return query;
    import_drop(m, n->pos, "%s: expected a query", key);
    return NULL;
}

static void read_ratio(struct import *m, const struct node *n)
{
    struct import_query good, total;
    struct err err;
    if (!import_keys(m, n, "ratioMetrics", ratio_keys)) {
        m->slo->dropped = true;
        return;
    }
    bool counters = import_true(m, n, "counter") || import_true(m, n, "incremental");
    const struct node *some = query_of(m, n, "good"), *all = query_of(m, n, "total");
    if (!some || !all)
        return;
    if (import_query(m, some->text, counters, &good, &err) < 0)
        import_drop(m, some->pos, "good: %s; nines takes the growth of one selector", err.msg);
    else if (import_query(m, all->text, counters, &total, &err) < 0)
        import_drop(m, all->pos, "total: %s; nines takes the growth of one selector", err.msg);
    else
        import_counters(m, some->pos, &good, true, &total);
}

static const char *sign_of(const char *op)
{
    static const char *const signs[][2] = {{"lte", "<="}, {"gte", ">="}, {"lt", "<"}, {"gt", ">"}};
    for (size_t i = 0; op && i < 4; i++)
        if (str_eq(signs[i][0], op))
            return signs[i][1];
    return NULL;
}

static void read_threshold(struct import *m, const struct node *objective,
                           const struct node *indicator)
{
    const struct expr *parsed;
    size_t at;
    const char *sign = sign_of(import_text(m, objective, "op", NULL));
    const char *value = import_text(m, objective, "value", NULL);
    import_keys(m, indicator, "indicator", indicator_keys);
    const struct node *query = query_of(m, indicator, "thresholdMetric");
    if (!query)
        return;
    if (!sign || !value) {
        import_drop(m, objective->pos,
                    "a thresholdMetric needs 'op' (lte, gte, lt or gt) and "
                    "'value'");
        return;
    }
    const char *text = arena_printf(&m->arena, "value %s %s", sign, value);
    if (value[strspn(value, "0123456789.-+eE")] ||
        expr_parse(&m->arena, text, &parsed, &at, NULL)) {
        import_drop(m, import_get(objective, "value", NULL)->pos,
                    "value: expected a number; found '%.60s'", value);
        return;
    }
    if (strlen(query->text) > QUERY_MAX) {
        import_drop(m, query->pos, "a query of more than %d bytes", QUERY_MAX);
        return;
    }
    if (strstr(query->text, "{{")) {
        import_drop(m, query->pos,
                    "the query is a template: Prometheus must be asked as it is, "
                    "write the window out");
        return;
    }
    m->slo->query = query->text;
    m->slo->condition = text + strlen("value ");
}

/* ---- documents ------------------------------------------------------------------------------- */

static void read_budgeting(struct import *m, const struct node *spec, const struct node *objective)
{
    char text[UNITS_MAX];
    struct decimal share, one = {1, 0};
    const char *method = import_text(m, spec, "budgetingMethod", NULL);
    const char *target = import_text(m, objective, "timeSliceTarget", NULL);
    if (!method || str_eq(method, "Occurrences")) {
        if (target)
            import_note(m, import_get(objective, "timeSliceTarget", NULL)->pos,
                        "'timeSliceTarget' is not carried over: it is of Timeslices");
        return;
    }
    if (!str_eq(method, "Timeslices")) {
        import_drop(m, import_get(spec, "budgetingMethod", NULL)->pos,
                    "budgetingMethod: expected Occurrences or Timeslices; found '%.60s'", method);
        return;
    }
    if (!target || decimal_parse(target, &share, NULL) < 0 || share.n == 0 ||
        decimal_cmp(share, one) > 0) {
        import_drop(m, objective->pos, "Timeslices need a 'timeSliceTarget' above 0 and at most 1");
        return;
    }
    if (m->slo->window_us % USEC_PER_MIN || m->slo->window_us > SLICES_MAX * USEC_PER_MIN) {
        import_drop(m, objective->pos,
                    "Timeslices: the window is whole minutes, at most %d of them", SLICES_MAX);
        return;
    }
    import_note(m, objective->pos,
                "the length of a slice is not in the file: 1m is written; change "
                "'slice' if yours is another");
    m->slo->budgeting = arena_printf(&m->arena, "{method: Timeslices, slice: 1m, slice_target: %s}",
                                     decimal_percent(text, share));
}

/* One objective is one SLO here; of several each has its own name. */
static const char *name_of(struct import *m, const char *name, const struct node *objective,
                           size_t i, size_t n)
{
    const struct node *display = import_get(objective, "displayName", NULL);
    if (n == 1)
        return name;
    if (display && display->kind == NODE_SCALAR && display->text[0])
        return arena_printf(&m->arena, "%s-%s", name, display->text);
    return arena_printf(&m->arena, "%s-%zu", name, i + 1);
}

static void read_objective(struct import *m, const struct node *doc, const struct node *objective,
                           const char *name)
{
    const struct node *metadata = import_get(doc, "metadata", NULL);
    const struct node *spec = import_get(doc, "spec", NULL);
    const struct node *indicator = import_get(spec, "indicator", NULL);
    const struct node *annotations = import_get(metadata, "annotations", NULL);
    struct import_slo *s = import_begin(m, objective->pos, name);
    import_keys(m, objective, "an objective", objective_keys);
    s->service = import_text(m, spec, "service", NULL);
    s->description = import_text(m, spec, "description", NULL);
    s->alerting = "none"; /* this version has no alerts */
    import_labels(m, import_get(metadata, "labels", NULL));
    for (size_t i = 0; annotations && annotations->kind == NODE_MAP && i < annotations->n; i++)
        import_annotation(m, annotations->items[2 * i], annotations->items[2 * i]->text,
                          annotations->items[2 * i + 1]);
    import_target(m, import_get(objective, "target", NULL), "target", false);
    read_window(m, spec);
    read_budgeting(m, spec, objective);
    const struct node *ratio = import_get(objective, "ratioMetrics", NULL);
    if (!ratio == !indicator)
        import_drop(m, objective->pos,
                    "expected one of 'ratioMetrics' in the objective and "
                    "'indicator' in 'spec'");
    else if (ratio)
        read_ratio(m, ratio);
    else
        read_threshold(m, objective, indicator);
    import_end(m);
}

void import_openslo(struct import *m, const struct node *doc)
{
    const char *kind = import_text(m, doc, "kind", NULL);
    if (!kind || !str_eq(kind, "SLO")) {
        import_note(m, doc->pos,
                    "a document of kind '%.60s' is not carried over: services are "
                    "named by their SLOs",
                    kind ? kind : "");
        return;
    }
    const struct node *metadata = import_get(doc, "metadata", NULL);
    const struct node *spec = import_get(doc, "spec", NULL);
    import_keys(m, doc, "OpenSLO v1alpha", document_keys);
    if (metadata)
        import_keys(m, metadata, "metadata", metadata_keys);
    const char *name =
        metadata && metadata->kind == NODE_MAP ? import_text(m, metadata, "name", NULL) : NULL;
    const struct node *list = spec && import_keys(m, spec, "spec", spec_keys)
                                  ? import_get(spec, "objectives", NULL)
                                  : NULL;
    if (!name || !*name || !list || list->kind != NODE_SEQ) {
        import_note(m, doc->pos, "an SLO without %s is not carried over",
                    name && *name ? "a list of objectives" : "a name");
        return;
    }
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i]->kind == NODE_MAP)
            read_objective(m, doc, list->items[i], name_of(m, name, list->items[i], i, list->n));
        else
            import_note(m, list->items[i]->pos,
                        "an objective that is no mapping is not carried "
                        "over");
    }
}
