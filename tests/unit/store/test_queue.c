/* The queue by itself: many who push, one who takes, and no record lost. */
#include "store/queue.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PRODUCERS 4
#define EACH 20000
#define LIMIT (64LL << 20)

struct producer {
    struct queue *q;
    pthread_t thread;
    uint32_t number;
};

static void *produce(void *arg)
{
    struct producer *p = arg;
    for (uint32_t i = 0; i < EACH; i++) {
        struct record_delivery *r = record_new(RECORD_DELIVERY, sizeof(*r), 0);
        r->outbox_id = p->number;
        r->retry_at_us = i;
        queue_push(p->q, &r->head, i == EACH - 1);
    }
    return NULL;
}

/* Each one's records come in its order, whatever the others do. */
static void order_is_kept(void **state)
{
    (void)state;
    struct queue q;
    struct producer p[PRODUCERS];
    int64_t next[PRODUCERS] = {0};
    size_t seen = 0;
    queue_init(&q, LIMIT);
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        p[i] = (struct producer){.q = &q, .number = i};
        assert_int_equal(pthread_create(&p[i].thread, NULL, produce, &p[i]), 0);
    }
    while (seen < (size_t)PRODUCERS * EACH) {
        struct batch b;
        if (queue_wait(&q, clock_mono_ns() + NSEC_PER_USEC, &b) != QUEUE_BATCH)
            continue;
        for (struct record *r = b.first; r; r = r->next) {
            struct record_delivery *d = (struct record_delivery *)r;
            assert_int_equal(d->retry_at_us, next[d->outbox_id]++);
        }
        seen += b.n;
        queue_commit(&q, &b);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(p[i].thread, NULL);
    assert_int_equal(q.used_bytes, 0);
    assert_int_equal(q.committed, seen);
    assert_null(q.first);
    queue_release(&q);
}

static struct batch take_all(struct queue *q)
{
    struct batch b;
    enum queue_event event = queue_wait(q, INT64_MAX, &b);
    assert_int_equal(event, QUEUE_BATCH);
    return b;
}

static void push_result(struct queue *q, struct record_result *r)
{
    queue_push(q, &r->head, true);
}

static void records_of_results_come_again(void **state)
{
    (void)state;
    struct queue q;
    queue_init(&q, LIMIT);
    struct record_result *first = queue_new_result(&q);
    first->result.total_us = 1;
    push_result(&q, first);
    struct batch b = take_all(&q);
    queue_commit(&q, &b);

    struct record_result *again = queue_new_result(&q), *new = queue_new_result(&q);
    assert_ptr_equal(again, first);
    assert_ptr_not_equal(new, first);
    assert_int_equal(again->result.total_us, 0);
    assert_int_equal(again->head.pushes, 1);
    push_result(&q, again);
    push_result(&q, new);
    b = take_all(&q);
    assert_int_equal(b.n, 2);
    assert_ptr_equal(b.first, &again->head);
    queue_commit(&q, &b);
    queue_release(&q);
}

/* One with text is of another size: it must not be taken for one without. */
static void records_with_text_are_freed(void **state)
{
    (void)state;
    struct queue q;
    queue_init(&q, LIMIT);
    struct record_result *r = record_new(RECORD_RESULT, sizeof(*r), 8);
    r->message_len = 8;
    push_result(&q, r);
    struct batch b = take_all(&q);
    queue_commit(&q, &b);
    assert_null(q.spare);
    queue_release(&q);
}

static void heartbeat(struct queue *q, int64_t now_us)
{
    struct record_heartbeat *r = record_new(RECORD_HEARTBEAT, sizeof(*r), 0);
    r->started_us = 1;
    r->now_us = now_us;
    queue_push(q, &r->head, false);
}

/* ... and count as many, for who waits until his own is committed. */
static void heartbeats_in_a_row_are_one(void **state)
{
    (void)state;
    struct queue q;
    queue_init(&q, LIMIT);
    heartbeat(&q, 2);
    heartbeat(&q, 3);
    push_result(&q, queue_new_result(&q));
    heartbeat(&q, 4);
    struct batch b = take_all(&q);
    struct record_heartbeat *first = (struct record_heartbeat *)b.first;
    assert_int_equal(first->now_us, 3);
    assert_int_equal(first->head.next->kind, RECORD_RESULT);
    assert_int_equal(((struct record_heartbeat *)first->head.next->next)->now_us, 4);
    assert_int_equal(b.n, 4);
    assert_int_equal(b.bytes, q.used_bytes);
    queue_commit(&q, &b);
    assert_int_equal(q.committed, q.pushed);
    assert_int_equal(q.used_bytes, 0);
    queue_release(&q);
}

/* An ordinary record waits for the flush, by its own age. */
static void what_is_not_urgent_waits(void **state)
{
    (void)state;
    struct queue q;
    struct batch b;
    queue_init(&q, LIMIT);
    int64_t began_ns = clock_mono_ns();
    queue_push(&q, &queue_new_result(&q)->head, false);
    assert_int_equal(queue_wait(&q, began_ns, &b), QUEUE_IDLE);
    b = take_all(&q);
    assert_true(clock_mono_ns() - began_ns >= STORE_FLUSH_US * NSEC_PER_USEC);
    queue_commit(&q, &b);
    queue_release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(records_of_results_come_again),
        cmocka_unit_test(records_with_text_are_freed),
        cmocka_unit_test(heartbeats_in_a_row_are_one),
        cmocka_unit_test(what_is_not_urgent_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
