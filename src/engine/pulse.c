#include "engine/pulse.h"

#include "base/clock.h"

#include <uv.h>

#define LAG_SPAN_NS 10000000000LL
#define BUSY_LAG_US 5000 /* a turn longer than this is lag to whatever came due in it */

void pulse_init(struct pulse *p, struct uv_loop_s *loop)
{
    *p = (struct pulse){.loop = loop, .turn_ns = clock_mono_ns(), .lag_from_ns = clock_mono_ns()};
    p->turn_idle_ns = uv_metrics_idle_time(loop);
    histogram_init_lag(&p->lag);
}

/* Time the loop spent in callbacks since it last turned. */
static int64_t busy_ns(const struct pulse *p, int64_t now_ns)
{
    return now_ns - p->turn_ns - (int64_t)(uv_metrics_idle_time(p->loop) - p->turn_idle_ns);
}

static void note_lag(struct pulse *p, int64_t now_ns, int64_t lag_us)
{
    if (now_ns - p->lag_from_ns > LAG_SPAN_NS) {
        p->lag_max_us[1] = p->lag_max_us[0];
        p->lag_max_us[0] = 0;
        p->lag_from_ns = now_ns;
    }
    if (lag_us > p->lag_max_us[0])
        p->lag_max_us[0] = lag_us;
    histogram_add(&p->lag, lag_us);
    if (lag_us > PULSE_STALL_US)
        p->stall_end_ns = now_ns;
}

void pulse_turn(struct pulse *p)
{
    int64_t now = clock_mono_ns();
    int64_t busy_us = busy_ns(p, now) / NSEC_PER_USEC;
    if (busy_us > BUSY_LAG_US)
        note_lag(p, now, busy_us);
    p->turn_ns = now;
    p->turn_idle_ns = uv_metrics_idle_time(p->loop);
}

void pulse_late(struct pulse *p, int64_t due_ns)
{
    int64_t now = clock_mono_ns();
    int64_t lag_us = (now - due_ns) / NSEC_PER_USEC;
    note_lag(p, now, lag_us < 0 ? 0 : lag_us);
}

bool pulse_stalled_since(const struct pulse *p, int64_t since_ns)
{
    return p->stall_end_ns > since_ns ||
           busy_ns(p, clock_mono_ns()) > PULSE_STALL_US * NSEC_PER_USEC;
}

int64_t pulse_lag_max_us(const struct pulse *p)
{
    return p->lag_max_us[0] > p->lag_max_us[1] ? p->lag_max_us[0] : p->lag_max_us[1];
}
