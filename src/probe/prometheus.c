#include "probe/prometheus.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "config/decode.h"
#include "io/http.h"
#include "io/jsonpath.h"
#include "model/selector.h"
#include "probe/judge.h"
#include "probe/observation.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define QUERY_MAX 8192
#define BODY_MAX (4 * QUERY_MAX)
#define SEEN_MAX 256
#define WARNING "warning"

static const struct field prometheus_fields[] = {
    HTTP_FIELDS(struct prometheus_probe, http),
    {"queries", FIELD_STRING_MAP, offsetof(struct prometheus_probe, queries),
     .flags = FIELD_REQUIRED,
     .help = "series: PromQL expression whose answer is one number, up to 8 of them"},
    {"expect", FIELD_CUSTOM, offsetof(struct prometheus_probe, expect), .decode = assertions_decode,
     .help = "conditions on the answers by their keys, such as value >= 1, or {that, for, name}"},
    {0},
};

/* ---- one answer ---------------------------------------------------------------------- */

/* A text of the document; NULL: it is not there. Valid until the next call. */
static const char *text_at(struct jsonpath *j, const char *path)
{
    struct json_value v;
    bool found = jsonpath_get(j, path, &v, NULL) == 0 && v.type == JSON_TYPE_STRING;
    return found ? v.text : NULL;
}

static int64_t length_at(struct jsonpath *j, const char *path)
{
    struct json_value v;
    bool found = jsonpath_get(j, path, &v, NULL) == 0 && v.type == JSON_TYPE_ARRAY;
    return found ? v.i : -1;
}

/* As Prometheus writes numbers: "0.5", "1e+06", "+Inf", "NaN". */
static bool number_at(struct jsonpath *j, const char *path, double *ret)
{
    const char *text = text_at(j, path);
    char *end = NULL;
    if (!text || !*text || isspace((unsigned char)*text))
        return false;
    *ret = strtod(text, &end);
    return *end == '\0';
}

static void refused(struct jsonpath *j, struct verdict *v)
{
    const char *type = text_at(j, "$.errorType");
    mem_auto char *kept = mem_strdup(type ? type : "error");
    const char *said = text_at(j, "$.error");
    verdict_fail(v, REASON_QUERY, "%.60s: %.400s", kept, said ? said : "without an explanation");
}

static void add_sample(struct http_reading *ret, double value)
{
    if (isnan(value))
        return;
    ret->samples = arena_alloc(ret->arena, sizeof(*ret->samples));
    ret->samples[0].value = value;
    ret->sample_count = 1;
}

static void read_result(struct jsonpath *j, struct verdict *v, struct http_reading *ret)
{
    double value = NAN;
    const char *said = text_at(j, "$.data.resultType");
    char type[32];
    str_copy(type, sizeof(type), said ? said : "");
    int64_t n = length_at(j, "$.data.result");
    bool scalar = str_eq(type, "scalar"), vector = str_eq(type, "vector");
    if (!scalar && !vector)
        verdict_fail(v, REASON_QUERY, "the answer is of type '%s'; ask for an instant number",
                     type);
    else if (n < 0 || (scalar && n != 2))
        verdict_fail(v, REASON_QUERY, "the answer has no result");
    else if (vector && n > 1)
        verdict_fail(v, REASON_QUERY, "the query gave %lld series; aggregate it to one",
                     (long long)n);
    else if (n > 0 &&
             !number_at(j, scalar ? "$.data.result[1]" : "$.data.result[0].value[1]", &value))
        verdict_fail(v, REASON_QUERY, "the answer holds no number");
    if (v->outcome != OUTCOME_GOOD)
        return;
    add_sample(ret, value);
    ret->scraped = true;
}

/* What the server says of itself beats the status it says it with. */
static void read_answer(const struct probe_def *def, const struct judge_input *in,
                        struct verdict *v, struct http_reading *ret)
{
    struct jsonpath *j = in->json;
    struct err err;
    (void)def;
    bool json = jsonpath_open(j, in->resp->body, in->resp->body_len, &err) == 0;
    const char *said = json ? text_at(j, "$.status") : NULL;
    bool success = said && str_eq(said, "success"), error = said && str_eq(said, "error");
    if (error) {
        refused(j, v);
        return;
    }
    if (v->outcome != OUTCOME_GOOD)
        return;
    if (!success) {
        verdict_fail(v, REASON_QUERY, "not an answer of Prometheus: %s",
                     json ? "it has no status" : err.msg);
        return;
    }
    const char *warning = text_at(j, "$.warnings[0]");
    if (warning)
        verdict_see(v, true, WARNING, warning);
    read_result(j, v, ret);
}

static const struct http_reader reader = {.json = true, .read = read_answer};

/* ---- the run: one request for each query ------------------------------------------------ */

struct part {
    struct prom_run *whole;
    void *run; /* NULL: ended */
    struct observation obs;
};

struct prom_run {
    struct probe_env *env;
    const struct probe_def *def;
    struct probe_memory *memory;
    probe_done_fn done;
    void *ctx;
    struct arena arena; /* what parts saw */
    size_t count, left;
    struct part parts[];
};

static const struct prometheus_probe *spec_of(const struct prom_run *run)
{
    return run->def->spec;
}

static void run_free(struct prom_run *run)
{
    arena_release(&run->arena);
    free(run);
}

/* What was asked and what came, for people. */
static void show_part(const struct prom_run *run, const struct part *part, struct verdict *v)
{
    const struct observation *o = &part->obs;
    const struct prometheus_probe *p = spec_of(run);
    const struct pair *query = &p->queries.at[part - run->parts];
    bool good = o->result.outcome == OUTCOME_GOOD;
    char seen[SEEN_MAX];
    if (!good)
        str_copy(seen, sizeof(seen), o->message);
    else if (!o->sample_count)
        str_copy(seen, sizeof(seen), "no value");
    else
        snprintf(seen, sizeof(seen), "%.15g", o->samples[0].value);
    verdict_see(v, good, query->key, seen);
    for (size_t i = 0; i < o->assertion_count; i++) {
        if (str_eq(o->assertions[i].what, WARNING))
            verdict_see(v, true, WARNING, o->assertions[i].seen);
    }
    if (good || v->outcome != OUTCOME_GOOD)
        return;
    verdict_fail(v, (enum reason)o->result.reason, "%s: %s", query->key, o->message);
    v->outcome = (enum outcome)o->result.outcome;
}

/* The part that tells of the whole: the first that is not good, else the slowest. */
static const struct part *telling(const struct prom_run *run)
{
    const struct part *slowest = run->parts;
    for (size_t i = 0; i < run->count; i++) {
        const struct result *r = &run->parts[i].obs.result;
        if (r->outcome != OUTCOME_GOOD)
            return &run->parts[i];
        if (r->total_us > slowest->obs.result.total_us)
            slowest = &run->parts[i];
    }
    return slowest;
}

static void gather(struct prom_run *run, struct observation *o)
{
    size_t hops = 0;
    for (size_t i = 0; i < run->count; i++)
        hops += run->parts[i].obs.hop_count;
    struct hop *all = arena_alloc(&run->arena, (hops + 1) * sizeof(*all));
    struct sample *samples = arena_alloc(&run->arena, run->count * sizeof(*samples));
    o->hop_count = o->sample_count = 0;
    o->result.flags |= RESULT_SCRAPED;
    for (size_t i = 0; i < run->count; i++) {
        const struct observation *part = &run->parts[i].obs;
        for (size_t k = 0; k < part->hop_count; k++)
            all[o->hop_count++] = part->hops[k];
        if (part->sample_count)
            samples[o->sample_count++] =
                (struct sample){spec_of(run)->queries.at[i].key, part->samples[0].value};
        if (!(part->result.flags & RESULT_SCRAPED))
            o->result.flags &= ~RESULT_SCRAPED;
        if (part->result.total_us > o->result.total_us)
            o->result.total_us = part->result.total_us;
    }
    o->hops = all;
    o->samples = samples;
    if (!(o->result.flags & RESULT_SCRAPED))
        o->sample_count = 0;
}

static void finish(struct prom_run *run)
{
    struct verdict v = {.outcome = OUTCOME_GOOD, .reason = REASON_NONE};
    struct probe_env *env = run->env;
    for (size_t i = 0; i < run->count; i++)
        show_part(run, &run->parts[i], &v);
    struct observation obs = telling(run)->obs;
    gather(run, &obs);
    if (v.outcome == OUTCOME_GOOD)
        assertions_judge(&spec_of(run)->expect, run->memory, env->wall_us(env->ctx), obs.samples,
                         obs.sample_count, &v);
    obs.result.outcome = (uint8_t)v.outcome;
    obs.result.reason = (uint8_t)v.reason;
    obs.message = v.message;
    obs.assertions = v.seen;
    obs.assertion_count = v.seen_count;
    run->done(run->ctx, &obs);
    run_free(run);
}

static void on_part(void *ctx, const struct observation *obs)
{
    struct part *part = ctx;
    struct prom_run *run = part->whole;
    part->obs = observation_copy(&run->arena, obs);
    part->run = NULL;
    if (--run->left == 0)
        finish(run);
}

static void *start(struct probe_env *env, const struct probe_def *def, struct probe_memory *memory,
                   probe_done_fn done, void *ctx)
{
    const struct prometheus_probe *p = def->spec;
    struct prom_run *run = mem_alloc(sizeof(*run) + p->queries.n * sizeof(run->parts[0]));
    run->env = env;
    run->def = def;
    run->memory = memory;
    run->done = done;
    run->ctx = ctx;
    run->count = run->left = p->queries.n;
    for (size_t i = 0; i < run->count; i++) {
        struct part *part = &run->parts[i];
        part->whole = run;
        part->run = http_run_start(env, def, &p->requests[i], &reader, NULL, on_part, part);
    }
    return run;
}

static void cancel(void *ctx)
{
    struct prom_run *run = ctx;
    for (size_t i = 0; i < run->count; i++) {
        if (run->parts[i].run)
            http_run_cancel(run->parts[i].run);
    }
    run_free(run);
}

/* ---- the kind ------------------------------------------------------------------------------ */

static void add_encoded(struct str *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (isalnum(*p) || strchr("-._~", *p))
            str_addc(out, (char)*p);
        else
            str_addf(out, "%%%02X", *p);
    }
}

/* The server is told to give up when we do. */
static const char *form(struct decode *c, const char *query, int64_t timeout_us)
{
    struct str s;
    str_init(&s, BODY_MAX);
    str_add(&s, "query=");
    add_encoded(&s, query);
    str_addf(&s, "&timeout=%lldms", (long long)((timeout_us + 999) / 1000));
    const char *body = s.overflow ? NULL : arena_strdup(c->arena, s.buf);
    str_release(&s);
    return body;
}

static bool is_series_name(const char *name)
{
    if (!isalpha((unsigned char)*name) && !strchr("_:", *name))
        return false;
    for (; *name; name++) {
        if (!isalnum((unsigned char)*name) && !strchr("_:", *name))
            return false;
    }
    return true;
}

static void check_queries(struct decode *c, struct pos pos, const struct prometheus_probe *p)
{
    if (p->queries.n == 0 || p->queries.n > PROMETHEUS_QUERIES_MAX)
        diag_error(c->diag, pos, "expected 1 to %d queries; found %zu", PROMETHEUS_QUERIES_MAX,
                   p->queries.n);
    for (size_t i = 0; i < p->queries.n; i++) {
        const struct pair *q = &p->queries.at[i];
        if (!*q->key || !is_series_name(q->key))
            decode_error(c, q->pos, "expected a name for the series, like value or good; found %s",
                         q->key);
        if (!*q->value || strlen(q->value) > QUERY_MAX)
            decode_error(c, q->pos, "expected a query of at most %d bytes", QUERY_MAX);
    }
}

static void check_request(struct decode *c, const struct node *n, struct pos pos,
                          const struct http_spec *s)
{
    if (s->method || s->body)
        diag_error(c->diag, http_key_pos(n, pos, s->method ? "method" : "body"),
                   "queries are sent with POST as a form: there is no method or body to choose");
    if (s->url && strpbrk(s->url, "?#"))
        diag_error(c->diag, http_key_pos(n, pos, "url"),
                   "expected the server's URL alone; the path /api/v1/query is added");
}

static const char *api_url(struct decode *c, const char *url)
{
    size_t n = strlen(url);
    while (n && url[n - 1] == '/')
        n--;
    return arena_printf(c->arena, "%.*s/api/v1/query", (int)n, url);
}

static void prepare(struct decode *c, const struct node *n, const struct probe_def *def, void *spec)
{
    struct prometheus_probe *p = spec;
    size_t errors = c->diag->errors;
    check_queries(c, http_key_pos(n, def->pos, "queries"), p);
    check_request(c, n, def->pos, &p->http);
    assertions_prepare(c, &p->expect);
    if (c->diag->errors > errors)
        return;
    if (p->http.url)
        p->http.url = api_url(c, p->http.url);
    p->http.method = "POST";
    p->http.accept = "application/json";
    p->http.body = form(c, p->queries.at[0].value, def->timeout_us);
    p->http.content_type = "application/x-www-form-urlencoded";
    http_prepare(c, n, def, &p->http);
    p->requests = arena_alloc(c->arena, p->queries.n * sizeof(*p->requests));
    for (size_t i = 0; i < p->queries.n; i++) {
        p->requests[i] = p->http;
        p->requests[i].body = form(c, p->queries.at[i].value, def->timeout_us);
        p->requests[i].body_len = strlen(p->requests[i].body);
    }
}

static void release(void *spec)
{
    struct prometheus_probe *p = spec;
    expect_release(&p->http.expect);
}

/* Series are called as its queries are. */
static bool gives(const void *spec, const struct selector *s)
{
    const struct prometheus_probe *p = spec;
    const char *name = selector_name(s);
    for (size_t i = 0; name && i < p->queries.n; i++)
        if (str_eq(p->queries.at[i].key, name))
            return true;
    return !name;
}

static struct probe_memory *memory_new(const struct probe_def *def)
{
    const struct prometheus_probe *p = def->spec;
    return assertions_memory_new(&p->expect);
}

static void given(const void *spec, void (*tell)(void *ctx, const char *selector), void *ctx)
{
    const struct prometheus_probe *p = spec;
    for (size_t i = 0; i < p->queries.n; i++)
        tell(ctx, p->queries.at[i].key);
}

static uint64_t source(const void *spec)
{
    const struct prometheus_probe *p = spec;
    uint64_t hash = http_spec_source(&p->http);
    for (size_t i = 0; i < p->queries.n; i++) {
        const struct pair *query = &p->queries.at[i];
        hash = hash_mix(hash, str_hash(query->key, strlen(query->key)));
        hash = hash_mix(hash, str_hash(query->value, strlen(query->value)));
    }
    return hash;
}

const struct probe_kind probe_prometheus = {
    .name = "prometheus",
    .help = "queries to a Prometheus server",
    .fields = prometheus_fields,
    .spec_size = sizeof(struct prometheus_probe),
    .samples = true,
    .gives = gives,
    .given = given,
    .source = source,
    .prepare = prepare,
    .release = release,
    .memory_new = memory_new,
    .memory_free = assertions_memory_free,
    .start = start,
    .cancel = cancel,
};
