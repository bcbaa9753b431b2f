#include "store/queue.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"

#include <assert.h>

void *record_new(enum record_kind kind, size_t size, size_t text)
{
    struct record *r = mem_alloc(size + text);
    r->kind = kind;
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
    pthread_cond_init(&q->wake, &attr);
    pthread_cond_init(&q->done, &attr);
    pthread_condattr_destroy(&attr);
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
    q->first = q->last = NULL;
    pthread_cond_destroy(&q->done);
    pthread_cond_destroy(&q->wake);
    pthread_mutex_destroy(&q->mutex);
}

static void append(struct queue *q, struct record *r)
{
    r->next = NULL;
    if (q->first) {
        q->last->next = r;
    } else {
        q->first = r;
        q->oldest_ns = clock_mono_ns();
    }
    q->last = r;
}

void queue_push(struct queue *q, struct record *r, bool urgent)
{
    pthread_mutex_lock(&q->mutex);
    bool was_empty = !q->first;
    append(q, r);
    q->pushed++;
    q->used_bytes += (int64_t)r->bytes;
    q->urgent |= urgent;
    /* Otherwise the writer sleeps until the flush is due. */
    if (was_empty || q->urgent || q->used_bytes > q->limit_bytes / 4)
        pthread_cond_signal(&q->wake);
    pthread_mutex_unlock(&q->mutex);
}

void queue_wait_until(struct queue *q, pthread_cond_t *c, int64_t until_ns)
{
    struct timespec ts = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    pthread_cond_timedwait(c, &q->mutex, &ts);
}

static void take(struct queue *q, struct batch *ret)
{
    *ret = (struct batch){.first = q->first};
    struct record *last = NULL;
    while (q->first && ret->n < BATCH_MAX) {
        struct record *r = q->first;
        if (r->kind == RECORD_IMPORT && last)
            break;
        q->first = r->next;
        last = r;
        ret->n++;
        ret->bytes += (int64_t)r->bytes;
        ret->urgent |= r->kind == RECORD_TRANSITION;
        if (r->kind == RECORD_IMPORT)
            break;
    }
    last->next = NULL;
    if (!q->first) {
        q->last = NULL;
        q->urgent = false;
    }
}

static bool is_due(const struct queue *q, int64_t now_ns)
{
    return q->first && (q->urgent || q->stop || q->used_bytes > q->limit_bytes / 4 ||
                        now_ns - q->oldest_ns >= STORE_FLUSH_US * NSEC_PER_USEC);
}

enum queue_event queue_wait(struct queue *q, int64_t until_ns, struct batch *ret)
{
    enum queue_event event;
    pthread_mutex_lock(&q->mutex);
    for (;;) {
        int64_t now_ns = clock_mono_ns();
        if (is_due(q, now_ns)) {
            take(q, ret);
            event = QUEUE_BATCH;
            break;
        }
        if (q->stop) {
            event = QUEUE_STOPPED;
            break;
        }
        if (now_ns >= until_ns || q->settle_wanted != q->settle_done) {
            event = QUEUE_IDLE;
            break;
        }
        int64_t flush_ns = q->oldest_ns + STORE_FLUSH_US * NSEC_PER_USEC;
        queue_wait_until(q, &q->wake, q->first && flush_ns < until_ns ? flush_ns : until_ns);
    }
    pthread_mutex_unlock(&q->mutex);
    return event;
}

void queue_commit(struct queue *q, struct batch *b)
{
    free_list(b->first);
    b->first = NULL;
    pthread_mutex_lock(&q->mutex);
    q->used_bytes -= b->bytes;
    q->committed += b->n;
    pthread_cond_broadcast(&q->done);
    pthread_mutex_unlock(&q->mutex);
}

void queue_again(struct queue *q, struct batch *b)
{
    pthread_mutex_lock(&q->mutex);
    append(q, b->first);
    q->urgent = true;
    pthread_mutex_unlock(&q->mutex);
}

bool queue_pause(struct queue *q, int64_t pause_us)
{
    pthread_mutex_lock(&q->mutex);
    pthread_cond_broadcast(&q->done);
    int64_t now_ns = clock_mono_ns(), until_ns = now_ns + pause_us * NSEC_PER_USEC;
    bool again = true;
    for (;;) {
        now_ns = clock_mono_ns();
        if (q->stop && now_ns >= q->give_up_ns) {
            again = false;
            break;
        }
        if (now_ns >= until_ns)
            break;
        bool hurry = q->stop && q->give_up_ns < until_ns;
        queue_wait_until(q, &q->wake, hurry ? q->give_up_ns : until_ns);
    }
    pthread_mutex_unlock(&q->mutex);
    return again;
}

void queue_stop(struct queue *q, int64_t patience_us)
{
    pthread_mutex_lock(&q->mutex);
    assert(!q->stop);
    q->stop = true;
    q->give_up_ns = clock_mono_ns() + patience_us * NSEC_PER_USEC;
    pthread_cond_signal(&q->wake);
    pthread_mutex_unlock(&q->mutex);
}
