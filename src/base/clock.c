#include "base/clock.h"

#include "base/units.h"

#include <assert.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    int rc = clock_gettime(id, &t);
    assert(rc == 0);
    (void)rc;
    return (int64_t)t.tv_sec * USEC_PER_SEC * NSEC_PER_USEC + t.tv_nsec;
}

int64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return read_ns(CLOCK_REALTIME) / NSEC_PER_USEC;
}

static int64_t system_wall(void *ctx)
{
    (void)ctx;
    return clock_wall_us();
}

static int64_t system_boot(void *ctx)
{
    (void)ctx;
    return read_ns(CLOCK_BOOTTIME) / NSEC_PER_USEC;
}

void clock_init_sources(struct clock *c, int64_t (*wall_us)(void *ctx),
                        int64_t (*boot_us)(void *ctx), void *ctx)
{
    *c = (struct clock){.wall_us = wall_us, .boot_us = boot_us, .ctx = ctx};
    c->last_boot_us = boot_us(ctx);
    c->last_us = wall_us(ctx);
}

void clock_init(struct clock *c)
{
    clock_init_sources(c, system_wall, system_boot, NULL);
}

void clock_init_manual(struct clock *c, int64_t t_us)
{
    *c = (struct clock){.manual = true, .last_us = t_us};
}

void clock_set(struct clock *c, int64_t t_us)
{
    assert(c->manual);
    if (t_us > c->last_us)
        c->last_us = t_us;
}

int64_t clock_now(struct clock *c)
{
    if (c->manual)
        return c->last_us;
    int64_t half = (c->boot_us(c->ctx) - c->last_boot_us) / 2;
    assert(half >= 0);

    /* Engine time is the wall, except that it never advances by less than half
     * of what really went by: that is the slew after a backward step. An odd
     * microsecond stays in last_boot_us, else many small steps would stall. */
    int64_t floor_us = c->last_us + half;
    int64_t wall = c->wall_us(c->ctx);
    c->last_boot_us += 2 * half;
    c->last_us = wall > floor_us ? wall : floor_us;
    return c->last_us;
}
