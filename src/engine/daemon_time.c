/*
 * Time: one timer wakes the loop for whatever is due next. With --test-clock
 * the same steps run by a clock that jumps from one due instant to the next,
 * as soon as nothing is in flight, up to the time that the file names: hours
 * pass in milliseconds, and runs take no engine time.
 */
#include "engine/daemon_internal.h"

#include "base/log.h"
#include "base/units.h"
#include "base/when.h"
#include "engine/telling.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define BEAT_US USEC_PER_SEC
#define WAKE_MAX_US (250 * USEC_PER_MSEC) /* stalls are noticed at least this soon */
#define STEPS_MAX 256                     /* of a jumping clock, between looks at signals */
#define TEST_POLL_MS 2
/* What a loop that cannot keep up has not begun waits in the scheduler, where it
 * is known to be late, not in queues of its parts. */
#define STARTS_MAX 16 /* in one turn */
#define NSEC_PER_S (NSEC_PER_USEC * USEC_PER_SEC)

int64_t daemon_now(struct daemon *d)
{
    int64_t now = clock_now(&d->clock);
    atomic_store_explicit(&d->published_us, now, memory_order_relaxed);
    return now;
}

static int64_t next_due(const struct daemon *d)
{
    int64_t due = scheduler_due(d->scheduler);
    return evaluator_due(d->evaluator) < due ? evaluator_due(d->evaluator) : due;
}

static void beat(struct daemon *d, int64_t now_us)
{
    daemon_watchdog_beat(d);
    store_push_heartbeat(d->store, now_us, scheduler_complete_through(d->scheduler, now_us));
    daemon_check_storage(d, now_us);
    daemon_attach_again(d, now_us);
    daemon_silences_again(d);
    daemon_status_beat(d, now_us);
    d->next_beat_us = now_us + BEAT_US;
}

/* An evaluation at t is of what was done by t, and at t itself something may
 * still be done. In test time it may not once nothing is in flight. */
static void step(struct daemon *d, int64_t now_us)
{
    scheduler_run_some(d->scheduler, now_us, d->test.path ? SIZE_MAX : STARTS_MAX);
    bool settled = d->test.path && !scheduler_in_flight(d->scheduler);
    evaluator_run_due(d->evaluator, settled ? now_us : now_us - 1);
    if (now_us >= d->next_beat_us)
        beat(d, now_us);
}

static void on_wake(uv_poll_t *p, int status, int events)
{
    struct daemon *d = p->data;
    (void)status, (void)events;
    if (!d->test.path)
        pulse_late(&d->pulse, d->wake_due_ns);
    daemon_pump(d);
}

static void arm(struct daemon *d, int64_t in_us)
{
    if (in_us > WAKE_MAX_US)
        in_us = WAKE_MAX_US;
    d->wake_due_ns = clock_mono_ns() + (in_us > 0 ? in_us * NSEC_PER_USEC : 0);
    struct itimerspec at = {.it_value = {d->wake_due_ns / NSEC_PER_S, d->wake_due_ns % NSEC_PER_S}};
    /* Setting it takes back an expiry that was not read. */
    int rc = timerfd_settime(d->wake_fd, TFD_TIMER_ABSTIME, &at, NULL);
    assert(rc == 0);
    (void)rc;
}

void daemon_kick(struct daemon *d)
{
    arm(d, 0);
}

/* ---- a clock out of a file -------------------------------------------------- */

static int read_test_clock(struct daemon *d, int64_t *ret_us, struct err *reterr)
{
    char text[WHEN_MAX + 2];
    int fd = open(d->test.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(reterr, errno, "test clock '%s'", d->test.path);
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
        n--;
    if (n <= 0)
        return err_set(reterr, "test clock '%s' is empty", d->test.path);
    return when_parse(text, (size_t)n, ret_us, reterr);
}

/* A file that is being rewritten may be unreadable for a moment: the target
 * stays as it was. */
static void refresh_target(struct daemon *d)
{
    int64_t t;
    if (read_test_clock(d, &t, NULL) < 0 || t <= d->test.target_us)
        return;
    d->test.target_us = t;
    d->test.reached = false;
}

static bool store_is_behind(const struct daemon *d)
{
    struct store_stats st;
    store_get_stats(d->store, &st);
    return st.queued_bytes > st.queue_limit_bytes / 2;
}

/* With all that was put by then, and nothing that comes later. */
static void tell_time(struct daemon *d, int64_t now_us)
{
    if (now_us <= d->test.told_us)
        return;
    d->test.told_us = now_us;
    notify_time(d->notify, now_us);
}

static void reach(struct daemon *d)
{
    if (d->test.reached || !telling_idle(d->telling))
        return; /* its end comes here again */
    tell_time(d, d->test.target_us);
    daemon_announce_reached(d);
    d->test.reached = true;
}

static void pump_test(struct daemon *d)
{
    status_confirm(&d->board); /* no beat does while time stands still */
    refresh_target(d);
    for (int i = 0; i < STEPS_MAX && !d->stops; i++) {
        if (scheduler_in_flight(d->scheduler) || d->job != JOB_NONE || !telling_idle(d->telling)) {
            arm(d, WAKE_MAX_US); /* its end kicks us before */
            return;
        }
        tell_time(d, evaluator_due(d->evaluator) - EVALUATE_EVERY_US);
        if (store_is_behind(d))
            break;
        int64_t due = next_due(d);
        int64_t now = due <= d->test.target_us ? due : d->test.target_us;
        clock_set(&d->clock, now);
        step(d, daemon_now(d));
        if (due > d->test.target_us) {
            reach(d);
            arm(d, TEST_POLL_MS * USEC_PER_MSEC);
            return;
        }
    }
    arm(d, d->stops ? WAKE_MAX_US : 0);
}

void daemon_pump(struct daemon *d)
{
    if (d->test.path) {
        pump_test(d);
        return;
    }
    int64_t now = daemon_now(d);
    step(d, now);
    arm(d, next_due(d) - daemon_now(d));
}

static void on_turn(uv_prepare_t *p)
{
    struct daemon *d = p->data;
    pulse_turn(&d->pulse);
}

int daemon_time_init(struct daemon *d, struct err *reterr)
{
    uv_loop_configure(&d->loop, UV_METRICS_IDLE_TIME);
    uv_prepare_init(&d->loop, &d->turn);
    d->wake.data = d->turn.data = d;
    d->wake_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (d->wake_fd < 0)
        return err_errno(reterr, errno, "timerfd");
    uv_poll_init(&d->loop, &d->wake, d->wake_fd);
    uv_poll_start(&d->wake, UV_READABLE, on_wake);
    d->test.path = d->o.test_clock;
    if (d->test.path) {
        if (read_test_clock(d, &d->test.target_us, reterr) < 0)
            return -1;
        clock_init_manual(&d->clock, d->test.target_us);
    } else {
        clock_init(&d->clock);
    }
    d->started_us = daemon_now(d);
    pulse_init(&d->pulse, &d->loop);
    uv_prepare_start(&d->turn, on_turn);
    return 0;
}

void daemon_time_close(struct daemon *d)
{
    uv_close((uv_handle_t *)&d->turn, NULL);
    if (d->wake_fd < 0)
        return;
    uv_close((uv_handle_t *)&d->wake, NULL);
    close(d->wake_fd);
}
