/* Pyrra: the ServiceLevelObjective of pyrra.dev/v1alpha1. */
#include "config/import_internal.h"

#include "base/str.h"
#include "model/selector.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "pyrra.dev/"
#define WINDOW_MAX_US (3660 * USEC_PER_DAY)

#define NAME_TEXT "nines' alerts carry the name of their SLO"
#define GROUP_TEXT                                                                                 \
    "the SLO is one over all groups; write one for each value, with a matcher on it, to tell "     \
    "them "                                                                                        \
    "apart"

static const struct import_key document_keys[] = {
    {"apiVersion", NULL},
    {"kind", NULL},
    {"metadata", NULL},
    {"spec", NULL},
    {"status", "it is Kubernetes' own"},
    {0},
};

static const struct import_key spec_keys[] = {
    {"description", NULL},
    {"target", NULL},
    {"window", NULL},
    {"indicator", NULL},
    {"alerting", NULL},
    {"partial_response_strategy", "it is for Thanos"},
    {"performance_over_accuracy", "nines counts exactly"},
    {"performanceOverAccuracy", "nines counts exactly"},
    {0},
};

static const struct import_key indicator_keys[] = {
    {"ratio", NULL},      {"latency", NULL},   {"latencyNative", NULL},
    {"bool_gauge", NULL}, {"boolGauge", NULL}, {0},
};

static const struct import_key ratio_keys[] = {
    {"errors", NULL},
    {"total", NULL},
    {"grouping", GROUP_TEXT},
    {0},
};

static const struct import_key latency_keys[] = {
    {"success", NULL},
    {"total", NULL},
    {"grouping", GROUP_TEXT},
    {0},
};

static const struct import_key gauge_keys[] = {
    {"metric", NULL},
    {"grouping", GROUP_TEXT},
    {0},
};

static const struct import_key metric_keys[] = {{"metric", NULL}, {0}};

static const struct import_key alerting_keys[] = {
    {"disabled", NULL},
    {"burnrates", NULL},
    {"absent", "coverage tells of silence, beside each number"},
    {"name", NAME_TEXT},
    {"absentName", NAME_TEXT},
    {"burnRateType", "the static factors are used"},
    {0},
};

bool import_is_pyrra(const struct node *doc)
{
    const struct node *version = node_get(doc, "apiVersion"), *kind = node_get(doc, "kind");
    return version && version->kind == NODE_SCALAR && str_eq(version->text, "pyrra.dev/v1alpha1") &&
           kind && kind->kind == NODE_SCALAR && str_eq(kind->text, "ServiceLevelObjective");
}

/* ---- indicators --------------------------------------------------------------------------- */

static const struct node *metric_of(struct import *m, const struct node *n, const char *key)
{
    const struct node *query = import_get(n, key, NULL);
    if (query && import_keys(m, query, key, metric_keys)) {
        const struct node *metric = import_get(query, "metric", NULL);
        if (metric && metric->kind == NODE_SCALAR)
            return metric;
    }
    import_drop(m, n->pos, "expected a 'metric' under '%s'", key);
    return NULL;
}

static void read_counters(struct import *m, const struct node *n, const char *key,
                          const struct import_key *keys, bool is_good)
{
    struct import_query part, total;
    struct err err;
    import_keys(m, n, is_good ? "latency" : "ratio", keys);
    const struct node *some = metric_of(m, n, key), *all = metric_of(m, n, "total");
    if (!some || !all)
        return;
    if (import_query(m, some->text, true, &part, &err) < 0)
        import_drop(m, some->pos, "%s: %s", key, err.msg);
    else if (import_query(m, all->text, true, &total, &err) < 0)
        import_drop(m, all->pos, "total: %s", err.msg);
    else if (is_good && !selector_names(part.plus, "le"))
        import_drop(m, some->pos,
                    "success: expected the bucket of a histogram, with a bound in "
                    "its label 'le'");
    else
        import_counters(m, some->pos, &part, is_good, &total);
}

static void read_gauge(struct import *m, const struct node *n)
{
    const struct selector *gauge;
    struct err err;
    import_keys(m, n, "bool_gauge", gauge_keys);
    const char *text = import_text(m, n, "metric", NULL);
    if (!text) {
        import_drop(m, n->pos, "bool_gauge: expected a 'metric'");
        return;
    }
    if (selector_parse(&m->arena, text, strlen(text), &gauge, NULL, &err) < 0) {
        import_drop(m, n->pos, "bool_gauge: %s", err.msg);
        return;
    }
    import_note(m, n->pos,
                "bool_gauge: Prometheus is asked, and a run is good when all series are "
                "1; Pyrra counts each series for itself");
    m->slo->query = arena_printf(&m->arena, "min(%s)", selector_text(gauge));
    m->slo->condition = "== 1";
}

static void read_indicator(struct import *m, const struct node *n)
{
    if (!n || !import_keys(m, n, "indicator", indicator_keys)) {
        import_drop(m, n ? n->pos : m->slo->pos, "it has no 'indicator'");
        return;
    }
    const struct node *ratio = import_get(n, "ratio", NULL);
    const struct node *latency = import_get(n, "latency", NULL);
    const struct node *native = import_get(n, "latencyNative", NULL);
    const struct node *gauge = import_get(n, "bool_gauge", "boolGauge");
    if (!!ratio + !!latency + !!native + !!gauge != 1)
        import_drop(m, n->pos,
                    "expected one of 'ratio', 'latency', 'latencyNative' and "
                    "'bool_gauge'");
    else if (native)
        import_drop(m, native->pos,
                    "latencyNative: pages of metrics in text have no native histograms; use one "
                    "with buckets under 'histogram', or probe the service with 'faster_than'");
    else if (ratio)
        read_counters(m, ratio, "errors", ratio_keys, false);
    else if (latency)
        read_counters(m, latency, "success", latency_keys, true);
    else
        read_gauge(m, gauge);
}

/* ---- window, alerts -------------------------------------------------------------------------- */

/* As Prometheus has durations, years of 365 days included. 0: none, noted. */
static int64_t read_window(struct import *m, const struct node *n)
{
    char text[UNITS_MAX];
    struct err err;
    int64_t us = 0;
    if (!n || n->kind != NODE_SCALAR) {
        import_drop(m, n ? n->pos : m->slo->pos, "it has no 'window'");
        return 0;
    }
    size_t digits = strspn(n->text, "0123456789");
    if (digits > 0 && digits <= 2 && strcmp(n->text + digits, "y") == 0)
        us = strtol(n->text, NULL, 10) * 365 * USEC_PER_DAY;
    else if (units_parse_duration(n->text, &us, &err) < 0)
        import_drop(m, n->pos, "window: %s", err.msg);
    if (m->slo->dropped)
        return 0;
    if (us < USEC_PER_MIN || us > WINDOW_MAX_US) {
        import_drop(m, n->pos, "window: nines takes 1m to 3660d; found '%.60s'", n->text);
        return 0;
    }
    m->slo->window = arena_strdup(&m->arena, units_duration(text, us));
    return us;
}

/* A part of a window as alerts have it: whole minutes, beyond three days whole hours. */
static int64_t part_of(int64_t window_us, int parts)
{
    int64_t us = window_us / parts;
    int64_t unit = us > 3 * USEC_PER_DAY - USEC_PER_MIN ? USEC_PER_HOUR : USEC_PER_MIN;
    return (us + unit / 2) / unit * unit;
}

/* Windows are shares of the SLO's: of four weeks an hour and five minutes, and so on. */
static void add_tiers(struct import *m, struct pos pos, int64_t window_us)
{
    static const struct {
        const char *severity;
        int longs, shorts, factor;
    } shares[] = {{"page", 672, 8064, 14},
                  {"page", 112, 1344, 7},
                  {"ticket", 28, 336, 2},
                  {"ticket", 7, 112, 1}};
    struct import_tier tiers[4];
    size_t n = 0;
    for (size_t i = 0; i < 4; i++) {
        int64_t long_us = part_of(window_us, shares[i].longs);
        int64_t short_us = part_of(window_us, shares[i].shorts);
        if (long_us < 2 * USEC_PER_MIN || short_us < USEC_PER_MIN || short_us >= long_us) {
            import_note(m, pos, "the burn rate %d is left out: its windows are below a minute",
                        shares[i].factor);
            continue;
        }
        tiers[n++] =
            (struct import_tier){shares[i].severity, long_us, short_us, 10 * shares[i].factor};
    }
    import_tiers(m, pos, tiers, n);
}

static void read_alerting(struct import *m, const struct node *spec, int64_t window_us)
{
    const struct node *n = import_get(spec, "alerting", NULL);
    bool off = false;
    if (n && import_keys(m, n, "alerting", alerting_keys))
        off = import_true(m, n, "disabled") ||
              (import_get(n, "burnrates", NULL) && !import_true(m, n, "burnrates"));
    if (off)
        m->slo->alerting = "none";
    else if (window_us)
        add_tiers(m, n ? n->pos : spec->pos, window_us);
}

/* ---- documents ------------------------------------------------------------------------------- */

static void read_metadata(struct import *m, const struct node *metadata)
{
    import_keys(m, metadata, "metadata", import_metadata_keys);
    const struct node *labels = import_get(metadata, "labels", NULL);
    const struct node *annotations = import_get(metadata, "annotations", NULL);
    for (size_t i = 0; labels && labels->kind == NODE_MAP && i < labels->n; i++) {
        const struct node *key = labels->items[2 * i], *value = labels->items[2 * i + 1];
        bool ours = str_starts(key->text, PREFIX);
        if (ours && str_eq(key->text, PREFIX "service") && value->kind == NODE_SCALAR)
            m->slo->service = value->text;
        else if (ours)
            import_label(m, key, key->text + strlen(PREFIX), value);
        else
            import_note(m, key->pos,
                        "label '%.60s' is not carried over: it is Kubernetes' own; Pyrra passes on "
                        "those that begin with " PREFIX,
                        key->text);
    }
    for (size_t i = 0; annotations && annotations->kind == NODE_MAP && i < annotations->n; i++) {
        const struct node *key = annotations->items[2 * i];
        size_t skip = str_starts(key->text, PREFIX) ? strlen(PREFIX) : 0;
        import_annotation(m, key, key->text + skip, annotations->items[2 * i + 1]);
    }
}

void import_pyrra(struct import *m, const struct node *doc)
{
    const struct node *metadata = import_get(doc, "metadata", NULL);
    const struct node *spec = import_get(doc, "spec", NULL);
    const char *name =
        metadata && metadata->kind == NODE_MAP ? import_text(m, metadata, "name", NULL) : NULL;
    if (!name || !*name) {
        import_note(m, doc->pos, "an SLO without a name is not carried over");
        return;
    }
    struct import_slo *s = import_begin(m, doc->pos, name);
    import_keys(m, doc, "ServiceLevelObjective", document_keys);
    read_metadata(m, metadata);
    if (!spec || !import_keys(m, spec, "spec", spec_keys)) {
        import_drop(m, doc->pos, "it has no 'spec'");
        return;
    }
    s->description = import_text(m, spec, "description", NULL);
    import_target(m, import_get(spec, "target", NULL), "target", true);
    int64_t window_us = read_window(m, import_get(spec, "window", NULL));
    read_alerting(m, spec, window_us);
    read_indicator(m, import_get(spec, "indicator", NULL));
    import_end(m);
}
