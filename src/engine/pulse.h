/*
 * What the loop knows of its own health: how late it wakes up and whether it
 * stalled, so that a measurement taken meanwhile is not blamed on the target.
 */
#pragma once

#include "engine/status.h"

#include <stdbool.h>
#include <stdint.h>

struct uv_loop_s;

#define PULSE_STALL_US 250000 /* longer than this spoils what is being measured */

struct pulse {
    struct uv_loop_s *loop; /* with UV_METRICS_IDLE_TIME */
    int64_t turn_ns;        /* when the loop last turned, CLOCK_MONOTONIC */
    uint64_t turn_idle_ns;  /* its idle time then */
    int64_t stall_end_ns;   /* end of the newest stall; 0: none */
    struct histogram lag;
    int64_t lag_max_us[2]; /* this and the previous 10 s */
    int64_t lag_from_ns;
};

void pulse_init(struct pulse *p, struct uv_loop_s *loop);

/* Once per turn of the loop, before it polls. */
void pulse_turn(struct pulse *p);

/* A timer due at `due_ns` fired now. */
void pulse_late(struct pulse *p, int64_t due_ns);

/* Did the loop stall at any time since `since_ns`, up to now? */
bool pulse_stalled_since(const struct pulse *p, int64_t since_ns);

int64_t pulse_lag_max_us(const struct pulse *p); /* of the last 10 to 20 s */
