/* Indicators and where their numbers come from. */
#include "config/openslo.h"

#include "base/str.h"
#include "model/expr.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- metric sources --------------------------------------------------------------- */

struct source_spec {
    const struct node *probe, *query, *component, *faster_than, *classify;
    const struct node *measures[MEASURE_COUNT];
};

struct source {
    const struct node *at; /* what stands under `good`, `total` or `thresholdMetric` */
    struct source_spec spec;
};

/* clang-format off */
#define OPENSLO_MEASURE(name, m)                                                                   \
    {name, FIELD_CUSTOM, offsetof(struct source_spec, measures[m]), .decode = decode_keep}
/* clang-format on */

static const struct field spec_fields[] = {
    {"probe", FIELD_CUSTOM, offsetof(struct source_spec, probe), .decode = decode_keep},
    {"query", FIELD_CUSTOM, offsetof(struct source_spec, query), .decode = decode_keep},
    {"component", FIELD_CUSTOM, offsetof(struct source_spec, component), .decode = decode_keep},
    {"faster_than", FIELD_CUSTOM, offsetof(struct source_spec, faster_than), .decode = decode_keep},
    {"classify", FIELD_CUSTOM, offsetof(struct source_spec, classify), .decode = decode_keep},
    OPENSLO_MEASURE("ttft_faster_than", MEASURE_TTFT),
    OPENSLO_MEASURE("gap_below", MEASURE_GAP),
    OPENSLO_MEASURE("tokens_per_second_at_least", MEASURE_SPEED),
    OPENSLO_MEASURE("cost_at_most", MEASURE_COST),
    {0},
};

static const char *const source_types[] = {"nines", "prometheus"};

/* Whether it is one of ours; `Prometheus` is what people write. */
static bool check_type(struct build *b, const struct node *n)
{
    char found[FOUND_MAX];
    for (size_t i = 0; n->kind == NODE_SCALAR && i < countof(source_types); i++) {
        if (str_eq(n->text, source_types[i]))
            return true;
        if (strcasecmp(n->text, source_types[i]) != 0)
            continue;
        decode_warning(&b->decode, n->pos, "type: %s is taken for '%s'; write that",
                       decode_found(n, found), source_types[i]);
        return true;
    }
    decode_error(&b->decode, n->pos,
                 "type: expected nines or prometheus, both of which name a probe; found %s",
                 decode_found(n, found));
    return false;
}

struct data_source {
    const struct node *description, *type, *details;
};

static const struct field data_source_fields[] = {
    {"description", FIELD_CUSTOM, offsetof(struct data_source, description), .decode = decode_keep},
    {"type", FIELD_CUSTOM, offsetof(struct data_source, type), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"connectionDetails", FIELD_CUSTOM, offsetof(struct data_source, details),
     .flags = FIELD_REQUIRED, .decode = decode_keep},
    {0},
};

void openslo_check_data_source(struct build *b, const struct node *spec)
{
    static const struct field type = {"type", FIELD_STRING};
    const char *text;
    struct data_source d = {0};
    decode_object(&b->decode, spec, data_source_fields, &d);
    openslo_check_description(b, d.description);
    if (d.type)
        decode_value(&b->decode, d.type, &type, &text); /* others' are none of ours */
}

/* `probe` of the connectionDetails, which may be a list of mappings. */
static const struct node *probe_of(const struct node *details)
{
    const struct node *probe = node_get(details, "probe");
    for (size_t i = 0; !probe && details && details->kind == NODE_SEQ && i < details->n; i++)
        probe = node_get(details->items[i], "probe");
    return probe;
}

/* PromQL in the document: it is a probe that asks it. */
static void missing_probe(struct build *b, const struct node *at, const struct source_spec *s)
{
    if (decode_misspelt(at, spec_fields, "probe"))
        return;
    if (s->query && s->query->kind == NODE_SCALAR)
        decode_error(&b->decode, s->query->pos,
                     "query: a server is asked by a probe: declare {id: ID, prometheus: {url: URL, "
                     "queries: {NAME: '%.200s'}}} and write 'probe: ID' and 'query: NAME' here",
                     s->query->text);
    else
        decode_error(&b->decode, at->pos, "missing key 'probe'");
}

struct metric_source {
    const struct node *ref, *type, *spec;
};

static const struct field metric_source_fields[] = {
    {"metricSourceRef", FIELD_CUSTOM, offsetof(struct metric_source, ref), .decode = decode_keep},
    {"type", FIELD_CUSTOM, offsetof(struct metric_source, type), .decode = decode_keep},
    {"spec", FIELD_CUSTOM, offsetof(struct metric_source, spec), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {0},
};

/* What `good`, `bad`, `total` or `thresholdMetric` holds. False: reported. */
static bool read_source(struct build *b, const struct node *n, struct source *ret)
{
    const struct node *metric = NULL, *probe = NULL;
    const struct field fields[] = {
        {"metricSource", FIELD_CUSTOM, 0, .flags = FIELD_REQUIRED, .decode = decode_keep},
        {0},
    };
    struct metric_source m = {0};
    size_t errors = b->decode.diag->errors;
    *ret = (struct source){.at = n};
    decode_object(&b->decode, n, fields, &metric);
    if (metric)
        decode_object(&b->decode, metric, metric_source_fields, &m);
    const struct openslo_object *o =
        m.ref ? openslo_find(b, OPENSLO_DATA_SOURCE, "metricSourceRef", m.ref) : NULL;
    const struct node *type = o ? node_get(o->spec, "type") : NULL;
    if (m.type)
        check_type(b, m.type);
    else if (type)
        check_type(b, type);
    else if (metric && metric->kind == NODE_MAP && !m.ref &&
             !decode_misspelt(metric, metric_source_fields, "type"))
        decode_error(&b->decode, metric->pos, "metricSource: needs 'type' or 'metricSourceRef'");
    if (m.spec)
        decode_object(&b->decode, m.spec, spec_fields, &ret->spec);
    if (o)
        probe = probe_of(node_get(o->spec, "connectionDetails"));
    if (!ret->spec.probe)
        ret->spec.probe = probe;
    if (m.spec && m.spec->kind == NODE_MAP && !ret->spec.probe && (!m.ref || o))
        missing_probe(b, m.spec, &ret->spec);
    /* What a file that could not be read may hold is not reported as missing. */
    return b->decode.diag->errors == errors && ret->spec.probe;
}

/* ---- ratios --------------------------------------------------------------------------- */

struct ratio {
    const struct node *counter, *good, *bad, *total, *raw, *raw_type;
};

static const struct field ratio_fields[] = {
    {"counter", FIELD_CUSTOM, offsetof(struct ratio, counter), .decode = decode_keep},
    {"good", FIELD_CUSTOM, offsetof(struct ratio, good), .decode = decode_keep},
    {"bad", FIELD_CUSTOM, offsetof(struct ratio, bad), .decode = decode_keep},
    {"total", FIELD_CUSTOM, offsetof(struct ratio, total), .decode = decode_keep},
    {"raw", FIELD_CUSTOM, offsetof(struct ratio, raw), .decode = decode_keep},
    {"rawType", FIELD_CUSTOM, offsetof(struct ratio, raw_type), .decode = decode_keep},
    {0},
};

static bool same_text(const struct node *a, const struct node *b)
{
    return a && b && a->kind == NODE_SCALAR && b->kind == NODE_SCALAR && str_eq(a->text, b->text);
}

/* Good (or bad) events and all of them come from the same runs. */
static bool check_probes(struct build *b, const struct source *part, const struct source *total)
{
    if (same_text(part->spec.probe, total->spec.probe))
        return true;
    decode_error(&b->decode, total->spec.probe->pos,
                 "probe: the parts of a ratio come from the same runs: one probe, the same in "
                 "both");
    return false;
}

/* The i-th of what is said about runs beyond whose they are: NULL, it is not. False: there
 * are no more. */
static bool run_key(const struct source_spec *s, size_t i, const char **ret_name,
                    const struct node **ret)
{
    const struct {
        const char *name;
        const struct node *node;
    } keys[] = {{"faster_than", s->faster_than}, {"classify", s->classify}};
    size_t measure = i - countof(keys) + MEASURE_NONE + 1;
    if (i < countof(keys)) {
        *ret_name = keys[i].name;
        *ret = keys[i].node;
    } else if (measure < MEASURE_COUNT) {
        *ret_name = answer_measure_name((enum answer_measure)measure);
        *ret = s->measures[measure];
    } else {
        return false;
    }
    return true;
}

/* What `good` says about runs holds for all of them. */
static bool check_total(struct build *b, const struct source *total)
{
    const char *name;
    const struct node *node;
    for (size_t i = 0; run_key(&total->spec, i, &name, &node); i++) {
        if (!node)
            continue;
        decode_error(&b->decode, node->pos, "%s: belongs to 'good'; 'total' is all runs", name);
        return false;
    }
    return true;
}

/* Runs of a probe, or what they say of a component. */
static struct node *results_sli(struct build *b, const struct source *good, bool is_bad,
                                const struct source *total)
{
    const struct source_spec *g = &good->spec, *t = &total->spec;
    if (is_bad) {
        decode_error(&b->decode, good->at->pos,
                     "bad: runs and components are counted by 'good' and 'total'; 'bad' is of "
                     "counters and has a 'query'");
        return NULL;
    }
    if ((g->component || t->component) && !same_text(g->component, t->component)) {
        decode_error(&b->decode, (t->component ? t->component : t->probe)->pos,
                     "component: the same one in 'good' and 'total'");
        return NULL;
    }
    if (!check_total(b, total))
        return NULL;
    const char *name;
    const struct node *node;
    struct node *sli = openslo_map(b, good->at->pos);
    openslo_put(b, sli, "probe", g->probe);
    openslo_put(b, sli, "component", g->component);
    for (size_t i = 0; run_key(g, i, &name, &node); i++)
        openslo_put(b, sli, name, node);
    return sli;
}

static bool about_runs(struct build *b, const char *name, const struct node *n)
{
    if (n)
        decode_error(&b->decode, n->pos, "%s: is about runs; a 'query' counts something else",
                     name);
    return n != NULL;
}

static bool check_counter_spec(struct build *b, const struct source_spec *s)
{
    const char *name;
    const struct node *node;
    bool ok = !about_runs(b, "component", s->component);
    for (size_t i = 0; run_key(s, i, &name, &node); i++)
        ok = !about_runs(b, name, node) && ok;
    return ok;
}

static void check_counter(struct build *b, const struct node *n, const struct node *counter)
{
    static const struct field field = {"counter", FIELD_BOOL};
    bool is_counter = false;
    size_t errors = b->decode.diag->errors;
    if (counter)
        decode_value(&b->decode, counter, &field, &is_counter);
    if (is_counter || b->decode.diag->errors != errors)
        return;
    if (counter)
        decode_error(&b->decode, counter->pos,
                     "counter: what a 'query' names only grows, and is counted by that: true");
    else
        decode_warning(&b->decode, n->pos,
                       "ratioMetric: a 'query' is taken to name counters; write 'counter: true'");
}

static struct node *counters_sli(struct build *b, const struct source *part, const char *name,
                                 const struct source *total)
{
    if (!check_counter_spec(b, &part->spec) || !check_counter_spec(b, &total->spec))
        return NULL;
    struct node *sli = openslo_map(b, part->at->pos), *ratio = openslo_map(b, part->at->pos);
    openslo_put(b, ratio, name, part->spec.query);
    openslo_put(b, ratio, "total", total->spec.query);
    openslo_put(b, sli, "probe", part->spec.probe);
    openslo_put(b, sli, "ratio", ratio);
    return sli;
}

/* `total`, and one of `good` and `bad`. */
static bool check_parts(struct build *b, const struct node *n, const struct ratio *r)
{
    if (r->total && !r->good != !r->bad)
        return true;
    if (!decode_misspelt(n, ratio_fields, "total") && !decode_misspelt(n, ratio_fields, "good") &&
        !decode_misspelt(n, ratio_fields, "bad"))
        decode_error(&b->decode, r->good && r->bad ? r->bad->pos : n->pos,
                     "ratioMetric: expected 'total' and one of 'good' and 'bad'");
    return false;
}

/* `raw` and `rawType` alone; `counter` says nothing of them. */
static bool check_raw(struct build *b, const struct ratio *r)
{
    static const struct field counter = {"counter", FIELD_BOOL};
    const struct node *part = r->good ? r->good : r->bad ? r->bad : r->total;
    bool ignored;
    if (part)
        decode_error(&b->decode, part->pos,
                     "raw: is the ratio by itself; leave out 'good', 'bad' and 'total'");
    else if (!r->raw_type)
        decode_error(&b->decode, r->raw->pos, "raw: needs 'rawType', success or failure");
    else if (!r->raw)
        decode_error(&b->decode, r->raw_type->pos, "rawType: belongs to 'raw', which is missing");
    else if (r->counter)
        decode_value(&b->decode, r->counter, &counter, &ignored);
    return r->raw && r->raw_type && !part;
}

static const struct node *raw_sli(struct build *b, const struct ratio *r)
{
    static const char *const names[] = {"success", "failure", NULL};
    static const struct field type = {"rawType", FIELD_ENUM, .names = names};
    struct source s;
    int which = -1;
    if (!check_raw(b, r))
        return NULL;
    decode_value(&b->decode, r->raw_type, &type, &which);
    if (!read_source(b, r->raw, &s) || which < 0 || !check_counter_spec(b, &s.spec))
        return NULL;
    if (!s.spec.query) {
        decode_error(&b->decode, s.spec.probe->pos,
                     "raw: needs a 'query'; runs and components of a probe are counted by 'good' "
                     "and 'total'");
        return NULL;
    }
    struct node *sli = openslo_map(b, r->raw->pos);
    openslo_put(b, sli, "probe", s.spec.probe);
    openslo_put(b, sli, which ? "raw_failure" : "raw", s.spec.query);
    return sli;
}

static const struct node *ratio_sli(struct build *b, const struct node *n)
{
    struct ratio r = {0};
    struct source part, total;
    size_t errors = b->decode.diag->errors;
    decode_object(&b->decode, n, ratio_fields, &r);
    if (n->kind == NODE_MAP && (r.raw || r.raw_type))
        return raw_sli(b, &r);
    if (n->kind != NODE_MAP || !check_parts(b, n, &r))
        return NULL;
    bool ok = read_source(b, r.good ? r.good : r.bad, &part);
    ok = read_source(b, r.total, &total) && ok;
    if (!ok || !check_probes(b, &part, &total))
        return NULL;
    struct node *sli = NULL;
    if (!part.spec.query && !total.spec.query) {
        sli = results_sli(b, &part, r.good == NULL, &total);
    } else if (part.spec.query && total.spec.query) {
        check_counter(b, n, r.counter);
        sli = counters_sli(b, &part, r.good ? "good" : "bad", &total);
    } else {
        const struct source *without = part.spec.query ? &total : &part;
        decode_error(&b->decode, without->at->pos,
                     "'query' is in both parts of a ratio, or in neither: then the runs of the "
                     "probe are counted");
    }
    return b->decode.diag->errors == errors ? sli : NULL;
}

/* ---- thresholds ------------------------------------------------------------------------- */

static const char *sign_of(struct build *b, const struct node *op)
{
    static const char *const names[] = {"lte", "gte", "lt", "gt", NULL};
    static const char *const signs[] = {"<=", ">=", "<", ">"};
    static const struct field field = {"op", FIELD_ENUM, .names = names};
    int which = -1;
    decode_value(&b->decode, op, &field, &which);
    return which < 0 ? NULL : signs[which];
}

static const char *number_of(struct build *b, const struct node *n)
{
    char found[FOUND_MAX], *end = NULL;
    bool ok = n->kind == NODE_SCALAR && n->plain && strlen(n->text) < UNITS_MAX &&
              (isdigit((unsigned char)n->text[0]) || strchr("-.", n->text[0])) &&
              n->text[strspn(n->text, "0123456789.-+eE")] == '\0';
    if (ok) {
        strtod(n->text, &end);
        ok = end != n->text && *end == '\0';
    }
    if (ok)
        return n->text;
    decode_error(&b->decode, n->pos, "value: expected a number like 0.5; found %s",
                 decode_found(n, found));
    return NULL;
}

/* A query that compares by itself is 1 where it holds and else 0. */
static bool is_condition(struct build *b, const struct node *query)
{
    struct err err;
    size_t at;
    const struct expr *e;
    return expr_parse(b->decode.arena, query->text, &e, &at, &err) == 0;
}

static const char *condition(struct build *b, const struct node *query, const char *sign,
                             const struct node *value)
{
    const char *number = number_of(b, value);
    if (!number)
        return NULL;
    if (!is_condition(b, query))
        return arena_printf(b->decode.arena, "%s %s %s", query->text, sign, number);
    if (str_eq(sign, ">=") && str_eq(number, "1"))
        return query->text;
    decode_error(&b->decode, value->pos,
                 "value: a query that is a condition is 1 where it holds: 'op: gte' and "
                 "'value: 1'");
    return NULL;
}

static const struct node *threshold_sli(struct build *b, const struct node *n,
                                        const struct openslo_objective *o)
{
    static const struct field text = {"query", FIELD_STRING};
    struct source s;
    const char *query = NULL;
    if (!read_source(b, n, &s))
        return NULL;
    if (!s.spec.query) {
        decode_error(&b->decode, s.spec.probe->pos,
                     "thresholdMetric: needs a 'query'; runs and components of a probe are "
                     "counted by a ratioMetric");
        return NULL;
    }
    decode_value(&b->decode, s.spec.query, &text, &query);
    if (!query || !check_counter_spec(b, &s.spec) || !o)
        return NULL;
    if (!o->op || !o->value) {
        decode_error(&b->decode, o->at->pos, "a thresholdMetric needs '%s' in the objective",
                     o->op ? "value" : "op");
        return NULL;
    }
    const char *sign = sign_of(b, o->op);
    const char *holds = sign ? condition(b, s.spec.query, sign, o->value) : NULL;
    if (!holds)
        return NULL;
    struct node *sli = openslo_map(b, n->pos);
    struct node whole = *s.spec.query; /* its place, plain or quoted */
    whole.text = holds;
    openslo_put(b, sli, "probe", s.spec.probe);
    openslo_put(b, sli, "threshold", &whole);
    return sli;
}

/* ---- either ---------------------------------------------------------------------------------- */

struct sli_spec {
    const struct node *description, *threshold, *ratio;
};

static const struct field sli_spec_fields[] = {
    {"description", FIELD_CUSTOM, offsetof(struct sli_spec, description), .decode = decode_keep},
    {"thresholdMetric", FIELD_CUSTOM, offsetof(struct sli_spec, threshold), .decode = decode_keep},
    {"ratioMetric", FIELD_CUSTOM, offsetof(struct sli_spec, ratio), .decode = decode_keep},
    {0},
};

bool openslo_has_ratio(const struct node *sli_spec)
{
    return node_get(sli_spec, "ratioMetric") != NULL;
}

const struct node *openslo_sli(struct build *b, const struct node *spec,
                               const struct openslo_objective *objective)
{
    struct sli_spec s = {0};
    decode_object(&b->decode, spec, sli_spec_fields, &s);
    if (spec->kind != NODE_MAP)
        return NULL;
    openslo_check_description(b, s.description);
    if (!s.threshold == !s.ratio) {
        if (!decode_misspelt(spec, sli_spec_fields, "thresholdMetric") &&
            !decode_misspelt(spec, sli_spec_fields, "ratioMetric"))
            decode_error(&b->decode, s.ratio ? s.ratio->pos : spec->pos,
                         "an SLI has one of 'ratioMetric' and 'thresholdMetric'");
        return NULL;
    }
    return s.ratio ? ratio_sli(b, s.ratio) : threshold_sli(b, s.threshold, objective);
}

void openslo_check_sli(struct build *b, const struct node *spec)
{
    openslo_sli(b, spec, NULL);
}
