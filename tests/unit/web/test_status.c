#include "engine/status.h"

#include "base/clock.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

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
        if (s->now_us < last || s->probes[0].counters.results[0][0] != s->now_us)
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
    status_board_init(&b);
    assert_null(status_get(&b));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &b), 0);
    for (int64_t i = 1; i <= 5000; i++) {
        struct status *s = status_new(c);
        s->now_us = s->probes[0].counters.results[0][0] = i;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_board),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
