/* The producers' side: what is pushed is copied and put into the queue. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/internal.h"

#include <assert.h>

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
    queue_push(&s->q, &r->head, false);
}

void store_push_sli(struct store *s, const struct sli_def *sli)
{
    struct record_sli *r = record_new(RECORD_SLI, sizeof(*r), 0);
    r->sli = *sli;
    r->sli.probe = arena_strdup(&r->head.arena, sli->probe);
    r->sli.key = arena_strdup(&r->head.arena, sli->key);
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

void store_push_result(struct store *s, uint32_t handle, const struct result *result,
                       const struct store_extra *extra)
{
    static const struct store_extra none;
    const struct store_extra *x = extra ? extra : &none;
    const char *message = x->message;
    struct queue *q = &s->q;
    int64_t reserved = unreserve(q);
    /* Beside the result itself, for evidence. */
    int64_t room = q->limit_bytes - atomic_load(&q->used_bytes) - reserved - STORE_RESULT_BYTES;
    size_t m = message ? evidence_len(strlen(message)) : 0;
    size_t b = x->body ? evidence_len(x->body_len) : 0;
    if (room < (int64_t)(m + b)) {
        message = NULL;
        m = b = 0;
    }
    struct record_result *r =
        m + b ? record_new(RECORD_RESULT, sizeof(*r), m + b) : queue_new_result(q);
    r->head.bytes = STORE_RESULT_BYTES + m + b;
    r->handle = handle;
    r->result = *result;
    r->has_message = message != NULL;
    r->message_len = (uint16_t)m;
    r->body_len = (uint16_t)b;
    if (m)
        memcpy(r->text, message, m);
    if (b)
        memcpy(r->text + m, x->body, b);
    queue_push(q, &r->head, false);
}

/* ---- alerts ----------------------------------------------------------------- */

void store_push_transition(struct store *s, const struct alert_transition *t,
                           const struct outbox_new *out, size_t n)
{
    struct record_transition *r = record_new(RECORD_TRANSITION, sizeof(*r), 0);
    struct arena *a = &r->head.arena;
    r->t = *t;
    r->t.slo = arena_strdup(a, t->slo);
    r->t.objective_name = arena_strdup(a, t->objective_name ? t->objective_name : "");
    r->t.service = arena_strdup(a, t->service ? t->service : "");
    r->n = n;
    r->out = n ? arena_alloc(a, n * sizeof(*out)) : NULL;
    for (size_t i = 0; i < n; i++) {
        r->out[i].receiver = arena_strdup(a, out[i].receiver);
        r->out[i].dedup_key = arena_strdup(a, out[i].dedup_key);
        r->out[i].payload = arena_strdup(a, out[i].payload);
        r->head.bytes += strlen(out[i].payload);
    }
    queue_push(&s->q, &r->head, true);
}

void store_push_delivery(struct store *s, int64_t outbox_id, bool done, const char *detail,
                         int64_t retry_at_us)
{
    struct record_delivery *r = record_new(RECORD_DELIVERY, sizeof(*r), 0);
    r->outbox_id = outbox_id;
    r->done = done;
    r->detail = arena_strdup(&r->head.arena, detail);
    r->retry_at_us = retry_at_us;
    queue_push(&s->q, &r->head, false);
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
    queue_push(q, &r->head, false);
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
