/* A timer: never early, once, and with another look at the sockets when the loop was late. */
#include "io/timer.h"

#include "base/clock.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#define NS_PER_MS 1000000LL

struct seen {
    struct timer *timer;
    int calls, reads;
    int64_t at_ns;
    bool stops; /* a read stops the timer */
};

static void on_due(void *ctx)
{
    struct seen *s = ctx;
    s->calls++;
    s->at_ns = clock_mono_ns();
}

static void finish(uv_loop_t *loop, struct seen *s)
{
    timer_free(s->timer);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void test_once_and_not_early(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct seen s = {.timer = timer_new(&loop)};
    int64_t due_ns = clock_mono_ns() + 3 * NS_PER_MS + 300000;
    timer_start(s.timer, due_ns, on_due, &s);
    assert_int_equal(s.calls, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(s.calls, 1);
    assert_true(s.at_ns >= due_ns);
    timer_start(s.timer, due_ns, on_due, &s); /* long ago: soon, not now */
    assert_int_equal(s.calls, 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(s.calls, 2);
    finish(&loop, &s);
}

static void test_stopped(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct seen s = {.timer = timer_new(&loop)};
    timer_start(s.timer, clock_mono_ns() + NS_PER_MS, on_due, &s);
    timer_stop(s.timer);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(s.calls, 0);
    timer_start(s.timer, clock_mono_ns() + NS_PER_MS, on_due, &s);
    finish(&loop, &s); /* freed while it runs */
    assert_int_equal(s.calls, 0);
    timer_free(NULL);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct seen *s = poll->data;
    char byte;
    int fd;
    (void)status, (void)events;
    assert_int_equal(uv_fileno((uv_handle_t *)poll, &fd), 0);
    assert_int_equal(read(fd, &byte, 1), 1);
    s->reads++;
    assert_int_equal(s->calls, 0);
    if (s->stops)
        timer_stop(s->timer);
    uv_close((uv_handle_t *)poll, NULL);
}

/* The loop is held up over the deadline while a byte waits: it is read first. */
static void late(bool stops, int calls)
{
    uv_loop_t loop;
    uv_poll_t poll;
    int fds[2];
    uv_loop_init(&loop);
    struct seen s = {.timer = timer_new(&loop), .stops = stops};
    assert_int_equal(pipe(fds), 0);
    poll.data = &s;
    uv_poll_init(&loop, &poll, fds[0]);
    uv_poll_start(&poll, UV_READABLE, on_readable);
    int64_t due_ns = clock_mono_ns() + NS_PER_MS;
    timer_start(s.timer, due_ns, on_due, &s);
    assert_int_equal(write(fds[1], "x", 1), 1);
    while (clock_mono_ns() < due_ns + 2 * TIMER_LATE_NS)
        continue;
    uv_update_time(&loop); /* as if timers came before sockets */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(s.reads, 1);
    assert_int_equal(s.calls, calls);
    close(fds[0]);
    close(fds[1]);
    finish(&loop, &s);
}

static void test_late_loop_reads_first(void **state)
{
    (void)state;
    late(false, 1);
    late(true, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_and_not_early),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_late_loop_reads_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
