#include "notify/lane.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "notify/notify.h"
#include "notify/retry.h"
#include "notify/send.h"
#include "wire/message.h"

#include <assert.h>

void item_free(struct item *it)
{
    free(it->receiver);
    free(it->dedup_key);
    free(it->payload);
    free(it);
}

struct lane *lane_new(struct lane_owner *owner, const char *name)
{
    struct lane *l = mem_alloc(sizeof(*l));

    l->owner = owner;
    l->name = mem_strdup(name);
    l->tail = &l->head;
    return l;
}

size_t lane_free(struct lane *l)
{
    size_t n = 0;

    if (l->sending)
        send_cancel(l->to, l->delivery);
    arena_release(&l->arena);
    if (l->config)
        config_unref(l->config);
    while (l->head) {
        struct item *it = l->head;
        l->head = it->next;
        item_free(it);
        n++;
    }
    free(l->name);
    free(l);
    return n;
}

void lane_push(struct lane *l, struct item *it)
{
    it->next = NULL;
    *l->tail = it;
    l->tail = &it->next;
}

struct item *lane_find(const struct lane *l, const char *dedup_key)
{
    for (struct item *it = l->head; it; it = it->next) {
        if (str_eq(it->dedup_key, dedup_key))
            return it;
    }
    return NULL;
}

int64_t lane_due_us(const struct lane *l)
{
    return l->head && !l->sending ? l->due_us : INT64_MAX;
}

static void finish_head(struct lane *l, const struct lane_end *end)
{
    struct item *it = l->head;

    l->head = it->next;
    if (!l->head)
        l->tail = &l->head;
    l->due_us = 0;
    l->owner->ended(l->owner->ctx, it, end);
    item_free(it);
}

static void retry_head(struct lane *l, const char *detail, int64_t retry_after_us)
{
    struct lane_owner *o = l->owner;
    struct item *it = l->head;
    char text[512];

    it->attempts++;
    if (o->now_us(o->ctx) - it->created_us >= o->give_up_us) {
        snprintf(text, sizeof(text), "given up after %d attempts: %s", it->attempts, detail);
        finish_head(l, &(struct lane_end){DELIVERY_REJECTED, text, 0});
        return;
    }
    int64_t wait =
        retry_backoff_us(it->attempts, o->backoff_min_us, o->backoff_max_us, o->random(o->ctx));
    if (retry_after_us > NOTIFY_RETRY_AFTER_MAX_US)
        retry_after_us = NOTIFY_RETRY_AFTER_MAX_US;
    if (retry_after_us > wait)
        wait = retry_after_us;
    l->due_us = clock_mono_ns() / NSEC_PER_USEC + wait;
    o->ended(o->ctx, it, &(struct lane_end){DELIVERY_RETRY, detail, wait});
}

static void on_done(void *ctx, enum delivery d, const char *detail, int64_t retry_after_us)
{
    struct lane *l = ctx;

    assert(l->sending && l->head);
    l->sending = false;
    l->delivery = NULL;
    l->failing = d != DELIVERY_OK;
    struct config *config = l->config;
    l->config = NULL;
    if (d == DELIVERY_RETRY)
        retry_head(l, detail, retry_after_us);
    else
        finish_head(l, &(struct lane_end){d, detail, 0});
    config_unref(config);
}

void lane_pump(struct lane *l, struct config *config, int64_t mono_us)
{
    struct item *it = l->head;

    if (!it || l->sending || mono_us < l->due_us)
        return;
    arena_reset(&l->arena);
    if (!l->def || l->def->n == 0) {
        finish_head(l, &(struct lane_end){DELIVERY_REJECTED, "no receiver of this name", 0});
        return;
    }
    struct err err;
    struct message *m = arena_alloc(&l->arena, sizeof(*m));
    if (message_read(it->payload, strlen(it->payload), &l->arena, m, &err) < 0) {
        finish_head(l, &(struct lane_end){DELIVERY_REJECTED, err.msg, 0});
        return;
    }
    l->sending = true;
    l->config = config_ref(config);
    l->to = &l->def->at[0];
    l->message = (struct notification){
        .outbox_id = it->outbox_id,
        .dedup_key = it->dedup_key,
        .message = m,
        .unrecorded = it->unrecorded,
    };
    void *delivery = send_begin(&l->owner->env, l->to, &l->message, on_done, l);
    assert((delivery != NULL) == l->sending);
    if (delivery)
        l->delivery = delivery;
}
