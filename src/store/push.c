/* The producers' side: what is pushed is copied and put into the queue. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/selector.h"
#include "slo/hours.h"
#include "store/asked.h"
#include "store/internal.h"
#include "store/metric.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#define HEARTBEAT_GAP_US USEC_PER_MIN /* longer: the prober was not alive in between */

void store_push_probe(struct store *s, uint32_t handle, const struct probe_def *def, int64_t at_us)
{
    struct record_probe *r = record_new(RECORD_PROBE, sizeof(*r), 0);
    struct arena *a = &r->head.arena;
    r->handle = handle;
    r->id = arena_strdup(a, def->id);
    r->renamed_from = arena_strdup(a, def->renamed_from);
    r->revision = (struct probe_revision){
        .since_us = at_us,
        .interval_us = def->interval_us,
        .phase_us = def->phase_us,
        .timeout_us = def->timeout_us,
    };
    r->hours = arena_strdup(a, def->hours ? hours_text(def->hours) : "");
    queue_push(&s->q, &r->head, false);
}

/* What a probe's runs look for, while it is put together. */
struct wanting {
    struct record_wanted *record;
    VEC(const char *) at;
};

static void want(void *ctx, const char *selector)
{
    struct wanting *w = ctx;
    vec_push(&w->at, arena_strdup(&w->record->head.arena, selector));
}

static void want_all(struct wanting *w, const struct probe_def *def)
{
    char source[ASKED_SOURCE_MAX];
    uint64_t from = def->kind->source ? def->kind->source(def->spec) : 0;
    snprintf(source, sizeof(source), "%c%016" PRIx64, ASKED_SOURCE, from);
    want(w, source);
    if (def->kind->given)
        def->kind->given(def->spec, want, w);
    for (size_t i = 0; i < def->wanted_count; i++)
        want(w, selector_text(def->wanted[i]));
}

void store_push_wanted(struct store *s, uint32_t handle, const struct probe_def *def, int64_t at_us)
{
    struct record_wanted *r = record_new(RECORD_WANTED, sizeof(*r), 0);
    struct wanting w = {.record = r};
    if (def->kind->samples)
        want_all(&w, def);
    r->handle = handle;
    r->at_us = at_us;
    r->n = w.at.len;
    r->selectors = arena_alloc(&r->head.arena, w.at.len * sizeof(*r->selectors));
    if (w.at.len)
        memcpy(r->selectors, w.at.at, w.at.len * sizeof(*r->selectors));
    vec_release(&w.at);
    queue_push(&s->q, &r->head, false);
}

/* Definitions live in a snapshot that may go before the record is stored: their
 * texts are parsed again. */
static const struct sli_metric *copy_metric(struct arena *a, const struct sli_metric *m)
{
    struct sli_metric *copy = arena_alloc(a, sizeof(*copy));
    struct metric_text text = metric_text(m);
    int rc = metric_text_parse(a, &text, copy, NULL);
    assert(rc == 0); /* what was parsed once */
    (void)rc;
    return copy;
}

void store_push_sli(struct store *s, const struct sli_def *sli)
{
    struct record_sli *r = record_new(RECORD_SLI, sizeof(*r), 0);
    r->sli = *sli;
    r->sli.probe = arena_strdup(&r->head.arena, sli->probe);
    r->sli.key = arena_strdup(&r->head.arena, sli->key);
    if (sli->metric)
        r->sli.metric = copy_metric(&r->head.arena, sli->metric);
    queue_push(&s->q, &r->head, false);
}

void store_push_slo(struct store *s, const struct slo_def *slo, int64_t at_us)
{
    struct record_slo *r = record_new(RECORD_SLO, sizeof(*r), 0);
    struct arena *a = &r->head.arena;
    char target[UNITS_MAX];
    r->slo = arena_strdup(a, slo->name);
    r->objective = arena_strdup(a, slo->objective_name ? slo->objective_name : "");
    r->target = arena_strdup(a, decimal_text(target, slo->target));
    r->window = arena_strdup(a, slo->window.text ? slo->window.text : "");
    r->sli = arena_strdup(a, slo->sli.key);
    r->at_us = at_us;
    r->content = slo->content;
    queue_push(&s->q, &r->head, false);
}

/* ---- results ---------------------------------------------------------------- */

bool store_reserve(struct store *s)
{
    struct queue *q = &s->q;
    int64_t reserved = atomic_fetch_add(&q->reserved_bytes, STORE_RESULT_BYTES);
    if (atomic_load(&q->used_bytes) + reserved + STORE_RESULT_BYTES <= q->limit_bytes)
        return true;
    atomic_fetch_sub(&q->reserved_bytes, STORE_RESULT_BYTES);
    atomic_fetch_add(&q->refused, 1);
    return false;
}

/* Gives a reservation back; what stays reserved. */
static int64_t unreserve(struct queue *q)
{
    int64_t before = atomic_fetch_sub(&q->reserved_bytes, STORE_RESULT_BYTES);
    assert(before >= STORE_RESULT_BYTES);
    return before - STORE_RESULT_BYTES;
}

void store_unreserve(struct store *s)
{
    unreserve(&s->q);
}

static size_t evidence_len(size_t n)
{
    return n < STORE_EVIDENCE_MAX ? n : STORE_EVIDENCE_MAX;
}

_Static_assert(sizeof(struct record_result) <= STORE_RESULT_BYTES,
               "a result fits into its reservation");

/* What is kept beside a result: bytes of each part. */
struct beside {
    size_t message, body, samples;
};

static size_t sample_len(const struct sample *x)
{
    return sizeof(double) + strlen(x->series) + 1;
}

static size_t samples_len(const struct store_extra *x)
{
    size_t n = 0;
    assert(x->sample_count <= SAMPLES_MAX);
    for (size_t i = 0; i < x->sample_count; i++)
        n += sample_len(&x->samples[i]);
    return n;
}

/* How many there are: a NaN says no more than a series that is not there. */
static uint32_t copy_samples(char *to, const struct store_extra *x)
{
    uint32_t n = 0;
    for (size_t i = 0; i < x->sample_count; i++) {
        const struct sample *s = &x->samples[i];
        if (isnan(s->value))
            continue;
        memcpy(to, &s->value, sizeof(double));
        memcpy(to + sizeof(double), s->series, sample_len(s) - sizeof(double));
        to += sample_len(s);
        n++;
    }
    return n;
}

/* False: there is no room for the samples. Evidence is kept if there is room. */
static bool fit(struct queue *q, int64_t reserved, const struct store_extra *x, struct beside *b)
{
    /* Beside the result itself. */
    int64_t room = q->limit_bytes - atomic_load(&q->used_bytes) - reserved - STORE_RESULT_BYTES;
    if (room < (int64_t)b->samples)
        return false;
    room -= (int64_t)b->samples;
    b->message = x->message ? evidence_len(strlen(x->message)) : 0;
    b->body = x->body ? evidence_len(x->body_len) : 0;
    if (room < (int64_t)(b->message + b->body))
        b->message = b->body = 0;
    return true;
}

static bool has_samples(const struct result *r)
{
    return r->flags & RESULT_SCRAPED && r->outcome <= OUTCOME_BAD;
}

static struct result skipped(const struct result *r)
{
    return (struct result){.slot_us = r->slot_us,
                           .done_us = r->done_us,
                           .lag_us = r->lag_us,
                           .outcome = OUTCOME_SKIPPED,
                           .reason = REASON_PROBER};
}

bool store_push_result(struct store *s, uint32_t handle, const struct result *result,
                       const struct store_extra *extra)
{
    static const struct store_extra none;
    const struct store_extra *x = extra ? extra : &none;
    struct queue *q = &s->q;
    int64_t reserved = unreserve(q);
    struct beside b = {.samples = has_samples(result) ? samples_len(x) : 0};
    bool kept = fit(q, reserved, x, &b);
    if (!kept)
        b = (struct beside){0};
    size_t text = b.message + b.body + b.samples;
    struct record_result *r =
        text ? record_new(RECORD_RESULT, sizeof(*r), text) : queue_new_result(q);
    r->head.bytes = STORE_RESULT_BYTES + text;
    r->handle = handle;
    r->result = kept ? *result : skipped(result);
    r->has_message = kept && x->message && (b.message || !*x->message);
    r->message_len = (uint16_t)b.message;
    r->body_len = (uint16_t)b.body;
    r->samples_len = (uint32_t)b.samples;
    if (b.message)
        memcpy(r->text, x->message, b.message);
    if (b.body)
        memcpy(r->text + b.message, x->body, b.body);
    if (b.samples)
        r->sample_count = copy_samples(r->text + b.message + b.body, x);
    queue_push(q, &r->head, false);
    return kept;
}

void store_push_annotation(struct store *s, const struct annotation *a)
{
    struct record_annotation *r = record_new(RECORD_ANNOTATION, sizeof(*r), 0);
    struct arena *arena = &r->head.arena;
    r->a = (struct annotation){
        .at_us = a->at_us,
        .kind = arena_strdup(arena, a->kind),
        .probe = arena_strdup(arena, a->probe ? a->probe : ""),
        .text = arena_strdup(arena, a->text),
        .by_hand = a->by_hand,
    };
    queue_push(&s->q, &r->head, false);
}

void store_push_forget_annotation(struct store *s, int64_t id)
{
    struct record_annotation *r = record_new(RECORD_FORGET_ANNOTATION, sizeof(*r), 0);
    r->a.id = id;
    queue_push(&s->q, &r->head, false);
}

/* ---- alerts ----------------------------------------------------------------- */

void store_push_transition(struct store *s, const struct alert_transition *t)
{
    struct record_transition *r = record_new(RECORD_TRANSITION, sizeof(*r), 0);
    struct arena *a = &r->head.arena;
    r->t = *t;
    r->t.condition = arena_strdup(a, t->condition ? t->condition : "");
    r->t.slo = arena_strdup(a, t->slo);
    r->t.objective_name = arena_strdup(a, t->objective_name ? t->objective_name : "");
    r->t.service = arena_strdup(a, t->service ? t->service : "");
    queue_push(&s->q, &r->head, true);
}

/* ---- heartbeats --------------------------------------------------------------- */

void store_push_heartbeat(struct store *s, int64_t now_us, int64_t complete_through_us)
{
    struct queue *q = &s->q;
    int64_t last_us = atomic_load(&q->last_heartbeat_us);
    if (!last_us || now_us - last_us > HEARTBEAT_GAP_US)
        q->heartbeat_started_us = now_us;
    atomic_store(&q->last_heartbeat_us, now_us);
    struct record_heartbeat *r = record_new(RECORD_HEARTBEAT, sizeof(*r), 0);
    r->started_us = q->heartbeat_started_us;
    r->now_us = now_us;
    r->complete_through_us = complete_through_us;
    r->watchdog_us = q->watchdog_us;
    queue_push(q, &r->head, false);
}

void store_set_watchdog(struct store *s, int64_t delivered_us)
{
    s->q.watchdog_us = delivered_us;
}

/* ---- retention ---------------------------------------------------------------- */

void store_set_retention(struct store *s, const struct store_retention *keep)
{
    assert(keep->results_us >= 0 && keep->max_bytes >= 0 && keep->needed_us >= 0);
    pthread_mutex_lock(&s->q.mutex);
    s->keep = *keep;
    s->stats.max_bytes = keep->max_bytes;
    pthread_mutex_unlock(&s->q.mutex);
}

/* ---- import --------------------------------------------------------------------- */

void store_import(struct store *s, struct import_batch *b, void (*done)(void *ctx), void *ctx)
{
    struct record_import *r = record_new(RECORD_IMPORT, sizeof(*r), 0);
    r->batch = b;
    r->done = done;
    r->ctx = ctx;
    queue_push(&s->q, &r->head, true);
}
