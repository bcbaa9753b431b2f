#include "io/timer.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

#define NS_PER_MS 1000000LL

struct timer {
    uv_timer_t handle;
    int64_t at_ns;
    bool second_chance;
    void (*fn)(void *ctx);
    void *ctx;
};

struct timer *timer_new(struct uv_loop_s *loop)
{
    struct timer *t = mem_alloc(sizeof(*t));
    uv_timer_init(loop, &t->handle);
    return t;
}

static void on_closed(uv_handle_t *h)
{
    free(container_of((uv_timer_t *)h, struct timer, handle));
}

void timer_free(struct timer *t)
{
    if (t)
        uv_close((uv_handle_t *)&t->handle, on_closed);
}

static void on_time(uv_timer_t *handle);

/* The loop's own time may lag. */
static void arm(struct timer *t, int64_t left_ns)
{
    uv_update_time(t->handle.loop);
    uv_timer_start(&t->handle, on_time,
                   left_ns > 0 ? (uint64_t)((left_ns + NS_PER_MS - 1) / NS_PER_MS) : 0, 0);
}

static void on_time(uv_timer_t *handle)
{
    struct timer *t = container_of(handle, struct timer, handle);
    int64_t late_ns = clock_mono_ns() - t->at_ns;
    if (late_ns < 0) {
        arm(t, -late_ns);
    } else if (late_ns > TIMER_LATE_NS && !t->second_chance) {
        t->second_chance = true;
        uv_timer_start(handle, on_time, 1, 0);
    } else {
        t->fn(t->ctx);
    }
}

void timer_start(struct timer *t, int64_t at_ns, void (*fn)(void *ctx), void *ctx)
{
    t->at_ns = at_ns;
    t->fn = fn;
    t->ctx = ctx;
    t->second_chance = false;
    arm(t, at_ns - clock_mono_ns());
}

void timer_stop(struct timer *t)
{
    uv_timer_stop(&t->handle);
}
