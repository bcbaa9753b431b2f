#include "notify/lane.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "notify/notify.h"
#include "notify/retry.h"
#include "notify/send.h"
#include "wire/message.h"

#include <assert.h>
#include <string.h>

void item_free(struct item *it)
{
    mem_free(&it->receiver);
    mem_free(&it->integration);
    mem_free(&it->group_key);
    mem_free(&it->dedup_key);
    mem_free(&it->payload);
    mem_free(&it);
}

struct lane *lane_new(struct lane_owner *owner, const char *receiver, const char *integration)
{
    struct lane *l = mem_alloc(sizeof(*l));
    l->owner = owner;
    l->receiver = mem_strdup(receiver);
    l->integration = mem_strdup(integration);
    l->per_minute = NOTIFY_RATE;
    return l;
}

static void free_queue(struct lane_queue *q)
{
    while (q->head) {
        struct item *it = q->head;
        q->head = it->next;
        item_free(it);
    }
    mem_free(&q);
}

void lane_free(struct lane *l)
{
    if (l->sending)
        send_cancel(l->sent_by, l->delivery);
    if (l->config)
        config_unref(l->config);
    while (l->queues) {
        struct lane_queue *q = l->queues;
        l->queues = q->next;
        free_queue(q);
    }
    arena_release(&l->arena);
    mem_free(&l->receiver);
    mem_free(&l->integration);
    mem_free(&l);
}

/* ---- queues ------------------------------------------------------------------------------ */

void lane_push(struct lane *l, struct item *it)
{
    struct lane_queue *q = l->queues;
    while (q && !str_eq(q->head->group_key, it->group_key))
        q = q->next;
    if (!q) {
        q = mem_alloc(sizeof(*q));
        q->tail = &q->head;
        q->next = l->queues;
        l->queues = q;
    }
    it->arrived = l->arrivals++;
    it->next = NULL;
    *q->tail = it;
    q->tail = &it->next;
    l->pending++;
}

bool lane_admits(struct lane *l, const struct item *it, size_t max_items)
{
    if (it->again) {
        l->left_from = it->next_id;
        l->asked = !it->last;
        return true;
    }
    if (l->left_from && it->outbox_id >= l->left_from)
        return false;
    if (l->pending < max_items)
        return true;
    l->left_from = it->outbox_id;
    return false;
}

bool lane_wants_more(struct lane *l, size_t max_items)
{
    if (!l->left_from || l->asked || l->pending > max_items / 2)
        return false;
    return l->asked = true;
}

/* The first of a queue, which goes when it is the last. */
static struct item *pop(struct lane *l, struct lane_queue *q)
{
    struct item *it = q->head;
    q->head = it->next;
    l->pending--;
    if (q->head)
        return it;
    struct lane_queue **at = &l->queues;
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    mem_free(&q);
    return it;
}

struct item *lane_find(const struct lane *l, const char *dedup_key)
{
    for (const struct lane_queue *q = l->queues; q; q = q->next)
        for (struct item *it = q->head; it; it = it->next)
            if (str_eq(it->dedup_key, dedup_key))
                return it;
    return NULL;
}

int64_t lane_oldest_us(const struct lane *l)
{
    int64_t oldest = 0;
    for (const struct lane_queue *q = l->queues; q; q = q->next)
        for (const struct item *it = q->head; it; it = it->next)
            if (oldest == 0 || it->created_us < oldest)
                oldest = it->created_us;
    return oldest;
}

static struct lane_queue *next_queue(const struct lane *l, int64_t mono_us)
{
    struct lane_queue *found = NULL;
    for (struct lane_queue *q = l->queues; q; q = q->next)
        if (q->head->due_us <= mono_us && (!found || q->head->arrived < found->head->arrived))
            found = q;
    return found;
}

static int64_t later(int64_t a_us, int64_t b_us)
{
    return a_us > b_us ? a_us : b_us;
}

int64_t lane_due_us(const struct lane *l)
{
    int64_t due = INT64_MAX;
    if (l->sending || !l->queues)
        return INT64_MAX;
    if (!l->def)
        return 0;
    for (const struct lane_queue *q = l->queues; q; q = q->next)
        due = q->head->due_us < due ? q->head->due_us : due;
    due = later(due, breaker_due_us(&l->breaker, 0));
    return later(due, rate_due_us(&l->rate, l->per_minute, 0));
}

/* ---- ends -------------------------------------------------------------------------------- */

static void finish(struct lane *l, struct lane_queue *q, const struct lane_end *end)
{
    struct item *it = pop(l, q);
    l->owner->ended(l->owner->ctx, it, end);
    item_free(it);
}

static void retry(struct lane *l, struct lane_queue *q, const char *detail, int64_t retry_after_us)
{
    struct lane_owner *o = l->owner;
    struct item *it = q->head;
    char text[512];

    it->attempts++;
    if (o->now_us(o->ctx) - it->created_us >= o->give_up_us) {
        snprintf(text, sizeof(text), "given up after %d attempts: %s", it->attempts, detail);
        finish(l, q, &(struct lane_end){DELIVERY_REJECTED, text, 0});
        return;
    }
    int64_t wait =
        retry_backoff_us(it->attempts, o->backoff_min_us, o->backoff_max_us, o->random(o->ctx));
    wait = later(wait, retry_after_us);
    it->due_us = o->mono_us(o->ctx) + wait;
    o->ended(o->ctx, it, &(struct lane_end){DELIVERY_RETRY, detail, wait});
}

/* A refusal is an answer: who gives it is there. */
static void note(struct lane *l, enum delivery d, int64_t retry_after_us)
{
    struct lane_owner *o = l->owner;
    l->failing = d != DELIVERY_OK;
    l->delivered += d == DELIVERY_OK;
    l->retried += d == DELIVERY_RETRY;
    l->rejected += d == DELIVERY_REJECTED;
    if (d != DELIVERY_RETRY) {
        breaker_success(&l->breaker);
        return;
    }
    int64_t open_us = retry_backoff_us(l->breaker.failures + 1, o->backoff_min_us,
                                       o->backoff_max_us, o->random(o->ctx));
    breaker_failure(&l->breaker, NOTIFY_BREAKER_FAILURES, o->mono_us(o->ctx), open_us);
    if (retry_after_us > 0)
        breaker_hold(&l->breaker, o->mono_us(o->ctx) + retry_after_us);
}

static void on_done(void *ctx, enum delivery d, const char *detail, int64_t retry_after_us)
{
    struct lane *l = ctx;
    struct lane_queue *q = l->queue;

    assert(l->sending && q);
    l->sending = false;
    l->delivery = NULL;
    l->queue = NULL;
    struct config *config = l->config;
    l->config = NULL;
    if (retry_after_us > NOTIFY_RETRY_AFTER_MAX_US)
        retry_after_us = NOTIFY_RETRY_AFTER_MAX_US;
    note(l, d, retry_after_us);
    if (d == DELIVERY_RETRY)
        retry(l, q, detail, retry_after_us);
    else
        finish(l, q, &(struct lane_end){d, detail, 0});
    config_unref(config);
}

/* ---- beginnings -------------------------------------------------------------------------- */

static void refuse_all(struct lane *l)
{
    const struct lane_end gone = {DELIVERY_REJECTED, "the configuration has no such integration",
                                  0};
    while (l->queues) {
        l->rejected++;
        finish(l, l->queues, &gone);
    }
}

static void refuse(struct lane *l, struct lane_queue *q, const char *why)
{
    char text[512];
    snprintf(text, sizeof(text), "the message cannot be read: %.400s", why);
    l->rejected++;
    finish(l, q, &(struct lane_end){DELIVERY_REJECTED, text, 0});
}

static void begin(struct lane *l, struct lane_queue *q, struct config *config)
{
    struct item *it = q->head;
    struct err err;
    if (message_read(it->payload, strlen(it->payload), &l->arena, &l->message, &err) < 0) {
        refuse(l, q, err.msg);
        return;
    }
    rate_take(&l->rate, l->per_minute, l->owner->mono_us(l->owner->ctx));
    l->sending = true;
    l->queue = q;
    l->config = config_ref(config);
    l->sent_by = l->def;
    l->notification = (struct notification){
        .outbox_id = it->outbox_id,
        .dedup_key = it->dedup_key,
        .message = &l->message,
        .unrecorded = it->unrecorded,
    };
    void *delivery = send_begin(&l->owner->env, l->def, &l->notification, on_done, l);
    assert((delivery != NULL) == l->sending);
    if (delivery)
        l->delivery = delivery;
}

void lane_pump(struct lane *l, struct config *config)
{
    int64_t mono_us = l->owner->mono_us(l->owner->ctx);
    if (l->sending)
        return;
    arena_release(&l->arena);
    if (!l->def)
        refuse_all(l);
    if (lane_due_us(l) > mono_us)
        return;
    begin(l, next_queue(l, mono_us), config);
}
