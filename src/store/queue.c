#include "store/queue.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void *record_new(enum record_kind kind, size_t size, size_t text)
{
    struct record *r = mem_alloc(size + text);
    r->kind = kind;
    r->pushes = 1;
    r->bytes = size + text;
    return r;
}

void record_free(struct record *r)
{
    arena_release(&r->arena);
    free(r);
}

void queue_init(struct queue *q, int64_t limit_bytes)
{
    *q = (struct queue){.limit_bytes = limit_bytes};
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->done, &attr);
    pthread_condattr_destroy(&attr);
    sem_init(&q->wake, 0, 0);
}

static void free_list(struct record *r)
{
    while (r) {
        struct record *next = r->next;
        record_free(r);
        r = next;
    }
}

void queue_release(struct queue *q)
{
    free_list(q->first);
    free_list(q->inbox);
    free_list(q->spare);
    free_list(q->at_hand);
    q->first = q->last = NULL;
    sem_destroy(&q->wake);
    pthread_cond_destroy(&q->done);
    pthread_mutex_destroy(&q->mutex);
}

/* ---- who pushes ---------------------------------------------------------------- */

static void stack_push(_Atomic(struct record *) *stack, struct record *r)
{
    r->next = atomic_load(stack);
    while (!atomic_compare_exchange_weak(stack, &r->next, r))
        ;
}

void queue_wake(struct queue *q)
{
    if (!atomic_exchange(&q->woken, true))
        sem_post(&q->wake);
}

void queue_push(struct queue *q, struct record *r, bool urgent)
{
    atomic_fetch_add(&q->pushed, 1);
    int64_t used = atomic_fetch_add(&q->used_bytes, (int64_t)r->bytes) + (int64_t)r->bytes;
    r->pushed_ns = atomic_load(&q->inbox) ? 0 : clock_mono_ns();
    stack_push(&q->inbox, r);
    if (urgent) /* after the push: the writer takes this back before it gathers */
        atomic_store(&q->urgent, true);
    if (urgent || used > q->limit_bytes / 4)
        queue_wake(q);
}

struct record_result *queue_new_result(struct queue *q)
{
    struct record *r = q->at_hand;
    if (!r) {
        r = atomic_exchange(&q->spare, NULL);
        atomic_store(&q->spares, 0);
    }
    if (!r)
        return record_new(RECORD_RESULT, sizeof(struct record_result), 0);
    q->at_hand = r->next;
    memset(r, 0, sizeof(struct record_result));
    r->kind = RECORD_RESULT;
    r->pushes = 1;
    return (struct record_result *)r;
}

/* ---- the writer ----------------------------------------------------------------- */

/* One that follows another only says more: a disk that fails does not fill
 * memory with them. */
static bool merge_heartbeat(struct queue *q, const struct record *r)
{
    struct record_heartbeat *into = (struct record_heartbeat *)q->last;
    const struct record_heartbeat *from = (const struct record_heartbeat *)r;
    if (r->kind != RECORD_HEARTBEAT || !q->first || into->head.kind != RECORD_HEARTBEAT ||
        into->started_us != from->started_us)
        return false;
    into->now_us = from->now_us;
    into->complete_through_us = from->complete_through_us;
    into->watchdog_us = from->watchdog_us;
    into->head.pushes += r->pushes;
    atomic_fetch_sub(&q->used_bytes, (int64_t)r->bytes);
    return true;
}

static void append(struct queue *q, struct record *r)
{
    r->next = NULL;
    if (q->first) {
        q->last->next = r;
    } else {
        q->first = r;
        q->oldest_ns = r->pushed_ns ? r->pushed_ns : clock_mono_ns();
    }
    q->last = r;
}

void queue_gather(struct queue *q)
{
    q->hurry |= atomic_exchange(&q->urgent, false);
    struct record *newest = atomic_exchange(&q->inbox, NULL), *r = NULL;
    while (newest) { /* turned round */
        struct record *next = newest->next;
        newest->next = r;
        r = newest;
        newest = next;
    }
    while (r) {
        struct record *next = r->next;
        if (merge_heartbeat(q, r))
            record_free(r);
        else
            append(q, r);
        r = next;
    }
}

/* Until then, or until somebody wakes the writer. */
static void nap(struct queue *q, int64_t until_ns)
{
    struct timespec ts = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    sem_clockwait(&q->wake, CLOCK_MONOTONIC, &ts);
    atomic_store(&q->woken, false); /* before the look at what there is */
}

void queue_wait_until(struct queue *q, pthread_cond_t *c, int64_t until_ns)
{
    struct timespec ts = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    pthread_cond_timedwait(c, &q->mutex, &ts);
}

/* People are told of it: it is not to be lost to a power failure. */
static bool is_durable(const struct record *r)
{
    return r->kind == RECORD_TRANSITION ||
           (r->kind == RECORD_DISPATCH && ((const struct record_dispatch *)r)->messages);
}

static void take(struct queue *q, struct batch *ret)
{
    *ret = (struct batch){.first = q->first};
    struct record *last = NULL;
    for (size_t n = 0; q->first && n < BATCH_MAX; n++) {
        struct record *r = q->first;
        if (r->kind == RECORD_IMPORT && last)
            break;
        q->first = r->next;
        last = r;
        ret->n += r->pushes;
        ret->bytes += (int64_t)r->bytes;
        ret->urgent |= is_durable(r);
        if (r->kind == RECORD_IMPORT)
            break;
    }
    last->next = NULL;
    if (!q->first) {
        q->last = NULL;
        q->hurry = false;
    }
}

static bool is_due(const struct queue *q, int64_t now_ns)
{
    return q->first && (q->hurry || q->stop || atomic_load(&q->used_bytes) > q->limit_bytes / 4 ||
                        now_ns - q->oldest_ns >= STORE_FLUSH_US * NSEC_PER_USEC);
}

/* What the writer is to do now; false: nothing, until *ret_until_ns. */
static bool next_event(struct queue *q, int64_t *ret_until_ns, enum queue_event *ret_event,
                       struct batch *ret)
{
    int64_t now_ns = clock_mono_ns();
    queue_gather(q);
    if (is_due(q, now_ns)) {
        take(q, ret);
        *ret_event = QUEUE_BATCH;
        return true;
    }
    if (q->stop) {
        *ret_event = QUEUE_STOPPED;
        return true;
    }
    if (now_ns >= *ret_until_ns || q->settle_wanted != q->settle_done) {
        *ret_event = QUEUE_IDLE;
        return true;
    }
    /* What comes into an empty queue meanwhile is due a flush interval later. */
    int64_t flush_ns = (q->first ? q->oldest_ns : now_ns) + STORE_FLUSH_US * NSEC_PER_USEC;
    if (flush_ns < *ret_until_ns)
        *ret_until_ns = flush_ns;
    return false;
}

enum queue_event queue_wait(struct queue *q, int64_t until_ns, struct batch *ret)
{
    enum queue_event event;
    for (;;) {
        int64_t nap_ns = until_ns;
        pthread_mutex_lock(&q->mutex);
        bool found = next_event(q, &nap_ns, &event, ret);
        pthread_mutex_unlock(&q->mutex);
        if (found)
            return event;
        nap(q, nap_ns);
    }
}

/* Records of results go back to who makes them; on the way through free() two
 * threads would meet in the allocator's lock. */
static void recycle(struct queue *q, struct record *r)
{
    while (r) {
        struct record *next = r->next;
        const struct record_result *res = (struct record_result *)r;
        if (r->kind == RECORD_RESULT && res->message_len + res->body_len + res->samples_len == 0 &&
            atomic_load(&q->spares) < SPARES_MAX) {
            atomic_fetch_add(&q->spares, 1);
            stack_push(&q->spare, r);
        } else {
            record_free(r);
        }
        r = next;
    }
}

void queue_commit(struct queue *q, struct batch *b)
{
    recycle(q, b->first);
    b->first = NULL;
    atomic_fetch_sub(&q->used_bytes, b->bytes);
    pthread_mutex_lock(&q->mutex);
    q->committed += b->n;
    pthread_cond_broadcast(&q->done);
    pthread_mutex_unlock(&q->mutex);
}

void queue_again(struct queue *q, struct batch *b)
{
    pthread_mutex_lock(&q->mutex);
    queue_gather(q);
    append(q, b->first);
    q->hurry = true;
    pthread_mutex_unlock(&q->mutex);
}

bool queue_pause(struct queue *q, int64_t pause_us)
{
    int64_t until_ns = clock_mono_ns() + pause_us * NSEC_PER_USEC;
    for (;;) {
        pthread_mutex_lock(&q->mutex);
        queue_gather(q);
        pthread_cond_broadcast(&q->done);
        bool stop = q->stop;
        int64_t give_up_ns = q->give_up_ns;
        pthread_mutex_unlock(&q->mutex);
        int64_t now_ns = clock_mono_ns();
        if (stop && now_ns >= give_up_ns)
            return false;
        if (now_ns >= until_ns)
            return true;
        nap(q, stop && give_up_ns < until_ns ? give_up_ns : until_ns);
    }
}

void queue_stop(struct queue *q, int64_t patience_us)
{
    pthread_mutex_lock(&q->mutex);
    assert(!q->stop);
    q->stop = true;
    q->give_up_ns = clock_mono_ns() + patience_us * NSEC_PER_USEC;
    pthread_mutex_unlock(&q->mutex);
    queue_wake(q);
}
