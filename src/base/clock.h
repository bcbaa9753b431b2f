/*
 * Engine time: wall time in microseconds since the epoch that never goes back.
 *
 * A forward step of the wall clock jumps (the caller sees a gap); a backward
 * step is slewed: engine time runs at half speed until the wall has caught up.
 * Between steps it advances with CLOCK_BOOTTIME, so a suspend is a gap too.
 *
 * A manual clock moves only when told: unit tests and `nines run --test-clock`.
 *
 * Measured durations never come from here: use clock_mono_ns().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct clock {
    int64_t (*wall_us)(void *ctx); /* sources; replaced in tests */
    int64_t (*boot_us)(void *ctx);
    void *ctx;
    bool manual;
    int64_t last_boot_us;
    int64_t last_us; /* last value given out */
};

void clock_init(struct clock *c); /* the system's clocks */
void clock_init_sources(struct clock *c, int64_t (*wall_us)(void *ctx),
                        int64_t (*boot_us)(void *ctx), void *ctx);
void clock_init_manual(struct clock *c, int64_t t_us);
void clock_set(struct clock *c, int64_t t_us); /* manual only; never back */
int64_t clock_now(struct clock *c);

int64_t clock_mono_ns(void); /* CLOCK_MONOTONIC, for measuring */
int64_t clock_wall_us(void); /* CLOCK_REALTIME, may step: log stamps, certificates */
