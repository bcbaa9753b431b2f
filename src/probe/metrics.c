#include "probe/metrics.h"

#include "base/str.h"
#include "base/table.h"
#include "config/decode.h"
#include "io/http.h"
#include "model/selector.h"
#include "probe/churn.h"
#include "probe/judge.h"
#include "wire/promtext.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CONTENT_TYPE_MAX 256
/* Text first: OpenMetrics is read by the letter, and well-known libraries write pages
 * that break it (a gauge and a counter of one name) once they are asked for it. */
#define ACCEPT "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"

static const struct field metrics_fields[] = {
    HTTP_FIELDS_UPTO(struct metrics_probe, http, HTTP_PROBE_MAX_PAGE),
    {"expect", FIELD_CUSTOM, offsetof(struct metrics_probe, expect), .decode = assertions_decode,
     .help = "conditions on its series, such as queue_depth < 100, or {that, for, name}"},
    {0},
};

/* One page while it is read. */
struct page {
    const struct http_response *resp;
    struct arena *arena;
    const struct selector **wanted; /* what assertions want, then what SLOs do */
    size_t asserted, wanted_count;  /* the first `asserted` are the assertions' */
    const atomic_bool *stop;
    struct promtext text;
    struct str series;
    struct table seen;
    struct sample *samples;
    size_t sample_count, sample_cap;
};

/* ---- buckets that are not there ----------------------------------------------------- */

/* The bound of a selector of one bucket, in the form of canonical text: NULL if
 * it is none. */
static const char *bound_of(struct arena *a, const struct selector *s)
{
    static const char label[] = "le=\"";
    const char *text = selector_text(s);
    for (const char *p = text; (p = strstr(p, label)) != NULL; p++) {
        if (p == text || !strchr("{,", p[-1]))
            continue;
        p += sizeof(label) - 1;
        return arena_strndup(a, p, strcspn(p, "\""));
    }
    return NULL;
}

struct neighbours {
    double bound, below, above;
};

static double le_of(const struct series *s)
{
    for (size_t i = 0; i < s->label_count; i++) {
        const struct series_label *l = &s->labels[i];
        char text[64];
        if (l->name_len != 2 || memcmp(l->name, "le", 2) != 0 || l->value_len >= sizeof(text))
            continue;
        memcpy(text, l->value, l->value_len);
        text[l->value_len] = '\0';
        return strtod(text, NULL);
    }
    return NAN;
}

/* Reads the page again for all buckets of the histogram; whether there are any. */
static bool find_neighbours(const struct page *p, enum promtext_format format,
                            const struct selector *s, struct neighbours *ret)
{
    const struct selector *all = selector_with(p->arena, s, "le", NULL);
    struct promtext text;
    struct promtext_sample sample;
    size_t n = 0;
    promtext_open(&text, format, p->resp->body, p->resp->body_len, &all, 1);
    text.stop = p->stop;
    for (; promtext_next(&text, &sample) > 0; n++) {
        double le = le_of(&sample.series);
        if (le < ret->bound && !(le <= ret->below))
            ret->below = le;
        if (le > ret->bound && !(le >= ret->above))
            ret->above = le;
    }
    promtext_close(&text);
    return n > 0;
}

/* A histogram without the bucket that is asked for would count all as bad. */
static bool check_buckets(const struct page *p, enum promtext_format format, struct verdict *v)
{
    for (size_t i = p->asserted; i < p->wanted_count; i++) {
        const struct selector *s = p->wanted[i];
        const char *bound = promtext_matches(&p->text, i) ? NULL : bound_of(p->arena, s);
        struct neighbours n = {.below = NAN, .above = NAN};
        if (!bound)
            continue;
        n.bound = strtod(bound, NULL);
        if (!find_neighbours(p, format, s, &n))
            continue;
        char near[128];
        if (isnan(n.below) || isnan(n.above))
            snprintf(near, sizeof(near), "its neighbour is %g", isnan(n.below) ? n.above : n.below);
        else
            snprintf(near, sizeof(near), "its neighbours are %g and %g", n.below, n.above);
        verdict_fail(v, REASON_METRIC, "%.200s has no bucket %s; %s", selector_name(s), bound,
                     near);
        return false;
    }
    return true;
}

/* ---- the page ------------------------------------------------------------------------- */

static void want_all(struct page *p, const struct probe_def *def)
{
    const struct assertions *a = &((const struct metrics_probe *)def->spec)->expect;
    p->asserted = a->wanted_count;
    p->wanted_count = a->wanted_count + def->wanted_count;
    p->wanted = arena_alloc(p->arena, (p->wanted_count + 1) * sizeof(*p->wanted));
    for (size_t i = 0; i < a->wanted_count; i++)
        p->wanted[i] = a->wanted[i];
    for (size_t i = 0; i < def->wanted_count; i++)
        p->wanted[a->wanted_count + i] = def->wanted[i];
}

static void add(struct page *p, struct sample s)
{
    if (p->sample_count == p->sample_cap) {
        size_t cap = p->sample_cap ? 2 * p->sample_cap : 16;
        struct sample *at = arena_alloc(p->arena, cap * sizeof(*at));
        if (p->sample_count)
            memcpy(at, p->samples, p->sample_count * sizeof(*at));
        p->samples = at;
        p->sample_cap = cap;
    }
    p->samples[p->sample_count++] = s;
}

/* 0, or -1: the verdict says why not. */
static int keep(struct page *p, struct promtext_sample *s, struct verdict *v)
{
    struct err err;
    str_clear(&p->series);
    if (series_put(&s->series, &p->series, &err) < 0) {
        verdict_fail(v, REASON_METRIC, "%s", err.msg);
        return -1;
    }
    if (table_get(&p->seen, p->series.buf))
        return 0; /* twice in a page of text: the first counts */
    if (p->sample_count == SAMPLES_MAX) {
        verdict_fail(v, REASON_METRIC, "more than %d series are wanted of this page", SAMPLES_MAX);
        return -1;
    }
    struct sample kept = {arena_strdup(p->arena, p->series.buf), s->value};
    table_set(&p->seen, kept.series, p);
    add(p, kept);
    return 0;
}

static int read_samples(struct page *p, struct verdict *v)
{
    struct promtext_sample sample;
    int rc;
    while ((rc = promtext_next(&p->text, &sample)) > 0) {
        if (keep(p, &sample, v) < 0)
            return -1;
    }
    if (rc < 0)
        verdict_fail(v, REASON_EXPOSITION, "line %zu column %zu: %s", p->text.line, p->text.column,
                     p->text.error);
    return rc;
}

static void read_page(const struct probe_def *def, const struct judge_input *in, struct verdict *v,
                      struct http_reading *ret)
{
    struct page p = {.resp = in->resp, .arena = ret->arena, .stop = &ret->stop};
    char type[CONTENT_TYPE_MAX];
    if (v->outcome != OUTCOME_GOOD)
        return;
    bool typed = http_header(in->resp, "Content-Type", type, sizeof(type));
    enum promtext_format format = promtext_format(typed ? type : NULL);
    want_all(&p, def);
    str_init(&p.series, SAMPLE_SERIES_MAX);
    promtext_open(&p.text, format, in->resp->body, in->resp->body_len, p.wanted, p.wanted_count);
    p.text.stop = p.stop;
    if (read_samples(&p, v) == 0 && check_buckets(&p, format, v)) {
        ret->samples = p.samples;
        ret->sample_count = p.sample_count;
        ret->scraped = true;
    }
    promtext_close(&p.text);
    table_release(&p.seen);
    str_release(&p.series);
}

static void remember(const struct probe_def *def, struct probe_memory *memory, int64_t wall_us,
                     struct verdict *v, struct http_reading *ret)
{
    const struct metrics_probe *m = def->spec;
    if (!ret->scraped)
        return;
    if (assertions_note(memory, wall_us, ret->samples, ret->sample_count)) {
        assertions_judge(&m->expect, memory, wall_us, ret->samples, ret->sample_count, v);
        return;
    }
    ret->scraped = false;
    ret->sample_count = 0;
    verdict_fail(v, REASON_METRIC,
                 "more than %d different series were wanted in a day: a label"
                 " changes from scrape to scrape",
                 CHURN_SERIES_MAX);
}

static const struct http_reader reader = {.read = read_page, .remember = remember};

/* ---- the kind ---------------------------------------------------------------------------- */

static void prepare(struct decode *c, const struct node *n, const struct probe_def *def, void *spec)
{
    struct metrics_probe *m = spec;
    m->http.accept = ACCEPT;
    m->http.gzip = true;
    if (!m->http.max_body)
        m->http.max_body = METRICS_DEFAULT_BODY;
    if (m->http.method && str_eq(m->http.method, "HEAD"))
        diag_error(c->diag, http_key_pos(n, def->pos, "method"), "a HEAD has no page to read");
    assertions_prepare(c, &m->expect);
    http_prepare(c, n, def, &m->http);
}

static void release(void *spec)
{
    struct metrics_probe *m = spec;
    expect_release(&m->http.expect);
}

static struct probe_memory *memory_new(const struct probe_def *def)
{
    const struct metrics_probe *m = def->spec;
    return assertions_memory_new(&m->expect);
}

static void *start(struct probe_env *env, const struct probe_def *def, struct probe_memory *memory,
                   probe_done_fn done, void *ctx)
{
    const struct metrics_probe *m = def->spec;
    return http_run_start(env, def, &m->http, &reader, memory, done, ctx);
}

static uint64_t source(const void *spec)
{
    const struct metrics_probe *p = spec;
    const char *body = p->http.body;
    uint64_t hash = http_spec_source(&p->http);
    return body ? hash_mix(hash, str_hash(body, strlen(body))) : hash;
}

const struct probe_kind probe_metrics = {
    .name = "metrics",
    .help = "a page of metrics, as Prometheus scrapes it",
    .fields = metrics_fields,
    .spec_size = sizeof(struct metrics_probe),
    .samples = true,
    .source = source,
    .prepare = prepare,
    .release = release,
    .memory_new = memory_new,
    .memory_free = assertions_memory_free,
    .start = start,
    .cancel = http_run_cancel,
};
