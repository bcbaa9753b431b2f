/*
 * A one-shot timer on a loop, for those who may not know uv.
 *
 *     struct timer *t = timer_new(loop);
 *     timer_start(t, deadline_ns, on_deadline, ctx);
 *     ...
 *     timer_free(t);
 *
 * `fn` is called on the loop thread once the instant (clock_mono_ns()) has come, never
 * before it and never from inside timer_start(). When the loop was late by more than
 * TIMER_LATE_NS, what came in meanwhile still waits in the sockets: `fn` is then called
 * only after they were read once more, unless that started it anew or stopped it.
 */
#pragma once

#include <stdint.h>

#define TIMER_LATE_NS 20000000LL

struct uv_loop_s;
struct timer;

struct timer *timer_new(struct uv_loop_s *loop);
/* The loop must turn once more before it can be closed. NULL is fine. */
void timer_free(struct timer *t);

void timer_start(struct timer *t, int64_t at_ns, void (*fn)(void *ctx), void *ctx);
void timer_stop(struct timer *t);
