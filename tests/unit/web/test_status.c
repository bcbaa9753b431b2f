#include "engine/status.h"

#include "base/clock.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define NS 1000000000LL

/* Names of the failing checks, in order. */
static void failing(const struct status *s, int64_t mono_ns, char *buf, size_t size)
{
    struct status_check checks[STATUS_CHECKS];
    size_t n = 0;

    buf[0] = '\0';
    bool ok = status_checks(s, mono_ns, checks);
    for (size_t i = 0; i < STATUS_CHECKS; i++) {
        if (!checks[i].ok)
            n += (size_t)snprintf(buf + n, size - n, "%s ", checks[i].name);
    }
    assert_int_equal(ok, n == 0);
}

static void test_checks(void **state)
{
    struct config *c = fixture_config();
    struct status *s = fixture_status(c);
    int64_t now = s->built_mono_ns;
    char names[128];

    (void)state;
    failing(NULL, now, names, sizeof(names));
    assert_string_equal(names, "engine config store ");
    assert_true(status_alive(NULL, now));

    failing(s, now + STATUS_STALE_NS, names, sizeof(names));
    assert_string_equal(names, "");
    failing(s, now + STATUS_STALE_NS + 1, names, sizeof(names));
    assert_string_equal(names, "engine ");
    assert_false(status_alive(s, now + STATUS_STALE_NS + 1));

    s->stopping = true;
    failing(s, now, names, sizeof(names));
    assert_string_equal(names, "engine ");
    assert_true(status_alive(s, now));
    s->stopping = false;

    s->store.failing_since_us = s->now_us - STATUS_STORE_PATIENCE_US + 1;
    failing(s, now, names, sizeof(names));
    assert_string_equal(names, "");
    s->store.failing_since_us--;
    s->store.queued_bytes = s->store.queue_limit_bytes;
    s->scheduler.lag_max_us = STATUS_LAG_LIMIT_US + 1;
    s->notify.pending = NOTIFY_ITEMS_MAX;
    failing(s, now, names, sizeof(names));
    assert_string_equal(names, "store queue loop_lag notify ");

    status_unref(s);
    assert_int_equal(c->refs, 1);
    fixture_config_free(c);
}

static void test_histogram(void **state)
{
    struct histogram h;

    (void)state;
    histogram_init_latency(&h);
    histogram_add(&h, -5);
    histogram_add(&h, 5000);
    histogram_add(&h, 5001);
    histogram_add(&h, INT32_MAX);
    assert_int_equal(h.counts[0], 2);
    assert_int_equal(h.counts[1], 1);
    assert_int_equal(h.counts[h.n], 1);
    assert_int_equal(h.sum_us, 10001 + (int64_t)INT32_MAX);
}

/* Readers keep what they hold while the writer replaces it. */
static void *reader(void *arg)
{
    struct status_board *b = arg;
    int64_t last = 0;

    for (int i = 0; i < 20000; i++) {
        struct status *s = status_get(b);
        if (!s)
            continue;
        if (s->now_us < last || s->probes[0].cert_not_after_us != s->now_us)
            return (void *)1;
        last = s->now_us;
        status_unref(s);
    }
    return NULL;
}

static void test_board(void **state)
{
    struct config *c = fixture_config();
    struct status_board b;
    pthread_t threads[2];
    void *rc;

    (void)state;
    status_board_init(&b, NULL, NULL);
    assert_null(status_get(&b));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &b), 0);
    for (int64_t i = 1; i <= 5000; i++) {
        struct status *s = status_new(c);
        s->now_us = s->probes[0].cert_not_after_us = i;
        status_publish(&b, s);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &rc);
        assert_null(rc);
    }
    status_board_release(&b);
    assert_int_equal(c->refs, 1);
    fixture_config_free(c);
}

/* What the engine thread does, on a thread of its own: draws when asked. */
struct engine {
    struct status_board board;
    struct config *config;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int asked, answered, drawn;
    bool end;
};

static void ask(void *ctx)
{
    struct engine *e = ctx;

    pthread_mutex_lock(&e->mutex);
    e->asked++;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->mutex);
}

static void draw(struct engine *e, int64_t age_ns)
{
    struct status *s = status_new(e->config);

    s->now_us = ++e->drawn;
    status_publish(&e->board, s);
    s->built_mono_ns -= age_ns;
}

static void *engine_thread(void *arg)
{
    struct engine *e = arg;

    pthread_mutex_lock(&e->mutex);
    while (!e->end) {
        while (!e->end && e->asked == e->answered)
            pthread_cond_wait(&e->wake, &e->mutex);
        e->answered = e->asked;
        if (e->end)
            break;
        pthread_mutex_unlock(&e->mutex); /* ask() comes with the board locked */
        draw(e, 0);
        pthread_mutex_lock(&e->mutex);
    }
    pthread_mutex_unlock(&e->mutex);
    return NULL;
}

static int64_t look(struct engine *e)
{
    struct status *s = status_get(&e->board);
    int64_t n = s->now_us;

    assert_true(status_alive(s, clock_mono_ns()));
    status_unref(s);
    return n;
}

static void test_asking(void **state)
{
    struct engine e = {.config = fixture_config(),
                       .mutex = PTHREAD_MUTEX_INITIALIZER,
                       .wake = PTHREAD_COND_INITIALIZER};
    pthread_t thread;

    (void)state;
    status_board_init(&e.board, ask, &e);
    assert_null(status_get(&e.board)); /* there is nobody yet to ask */
    assert_int_equal(e.asked, 0);
    draw(&e, 0);
    assert_int_equal(look(&e), 1);
    assert_int_equal(e.asked, 0);

    /* An hour later: confirmed, so the loop is well and draws another. */
    draw(&e, 3600 * NS);
    status_confirm(&e.board);
    assert_int_equal(pthread_create(&thread, NULL, engine_thread, &e), 0);
    assert_int_equal(look(&e), 3);
    pthread_mutex_lock(&e.mutex);
    e.end = true;
    pthread_cond_signal(&e.wake);
    pthread_mutex_unlock(&e.mutex);
    pthread_join(thread, NULL);
    assert_int_equal(e.asked, 1);

    /* It does not move any more: nobody waits for it, and it shows. */
    draw(&e, 3600 * NS);
    e.board.current->confirmed_mono_ns -= STATUS_STALE_NS + 1;
    struct status *s = status_get(&e.board);
    assert_int_equal(e.asked, 1);
    assert_false(status_alive(s, clock_mono_ns()));
    status_unref(s);

    status_board_release(&e.board);
    assert_int_equal(e.config->refs, 1);
    fixture_config_free(e.config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_asking),
        cmocka_unit_test(test_board),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
