/* The picture the web thread shows, drawn on the loop when somebody looks. */
#include "engine/daemon_internal.h"

#include "base/mem.h"
#include "engine/retention.h"
#include "engine/spending.h"
#include "slo/budget.h"
#include "slo/composite.h"
#include "slo/expected.h"
#include "slo/slices.h"

#define DRAW_UNASKED_US USEC_PER_MIN

static void draw_probe(struct status *s, struct status_probe *out, const struct scheduled *p)
{
    out->has_last = p->has_last;
    out->last = p->last;
    out->message = status_text(s, p->last_message ? p->last_message : "");
    out->cert_not_after_us = p->cert_not_after_us;
    out->held = status_text(s, p->held_message);
    out->held_reason = p->held_reason;
    out->in_flight = p->in_flight;
    out->components = components_copy(&s->arena, &p->components);
    out->counters = probe_counters_copy(&s->arena, &p->counters);
    for (size_t i = 0; i < p->counters.count_n; i++) {
        const struct probe_count *c = &p->counters.counts[i];
        if (c->outcome == OUTCOME_SKIPPED)
            s->scheduler.slots_skipped += c->n;
        else
            s->scheduler.slots_run += c->n;
    }
    s->scheduler.slots_skipped += p->missed;
    if (p->counters.answers)
        s->scheduler.slots_run -= p->counters.answers->waited + p->counters.answers->sums.held;
}

static void draw_slo(struct status_slo *out, const struct slo_view *v)
{
    const struct {
        int64_t window_us;
        double rate;
    } burns[] = {
        {5 * USEC_PER_MIN, v->burn_5m}, {30 * USEC_PER_MIN, v->burn_30m},
        {USEC_PER_HOUR, v->burn_1h},    {6 * USEC_PER_HOUR, v->burn_6h},
        {3 * USEC_PER_DAY, v->burn_3d},
    };
    struct counts c = slo_apply_no_data(v->def, v->window);
    const struct slo_def *def = v->def;
    out->state =
        v->at_us ? budget_state(v->use, v->first_event_us, v->window_start_us) : SLO_NO_DATA;
    out->counts = c;
    out->judged = v->judged;
    out->has_sli = v->use.allowed > 0;
    out->sli = out->has_sli ? composite_sli(def, v->judged, v->use) : 0;
    out->expected = v->window_expected;
    out->observed = v->window_observed;
    out->clamped = v->clamped;
    out->resets = v->resets;
    out->has_budget = v->use.allowed > 0;
    out->remaining_ratio = out->has_budget ? budget_remaining(v->use) : 0;
    out->burn_count = countof(burns);
    for (size_t i = 0; i < countof(burns); i++)
        out->burn[i] = (struct report_burn){burns[i].window_us,
                                            out->has_sli && slices_divide(def, burns[i].window_us),
                                            burns[i].rate};
    for (size_t i = 0; i < v->def->tier_count; i++)
        out->firing[i] = v->firing[i];
    out->alert = v->alert;
}

/* In test time there may be no next look. */
static void look_at_store(struct daemon *d)
{
    if (d->test.path)
        store_get_stats(d->store, &d->store_stats);
    else
        store_peek_stats(d->store, &d->store_stats);
}

void daemon_publish(struct daemon *d)
{
    struct status *s = status_new(d->config);
    s->now_us = daemon_now(d);
    s->started_us = d->started_us;
    s->stopping = d->stops > 0;
    /* Scheduler, evaluator and snapshot keep the same order. */
    for (size_t i = 0; i < s->probe_count; i++)
        draw_probe(s, &s->probes[i], scheduler_at(d->scheduler, i));
    for (size_t i = 0; i < s->slo_count; i++)
        draw_slo(&s->slos[i], evaluator_view(d->evaluator, i));
    daemon_draw_conditions(d, s);
    spending_draw(d->env.spend, s);
    s->scheduler.in_flight = (int)scheduler_in_flight(d->scheduler);
    s->scheduler.lag_max_us = pulse_lag_max_us(&d->pulse);
    s->scheduler.lag = d->pulse.lag;
    s->reload = d->reloads;
    s->reload.error = status_text(s, d->reload_error);
    look_at_store(d);
    s->store = d->store_stats;
    notify_get_stats(d->notify, &s->notify);
    s->lane_count = notify_get_lane_stats(d->notify, &s->arena, &s->lanes);
    notify_get_watchdog(d->notify, &s->watchdog);
    status_publish(&d->board, s);
    d->drawn_us = s->now_us;
}

/* With thousands of probes a picture is a millisecond of the loop's time, so
 * one that nobody asks for is drawn now and then only, to be of use should the
 * loop be too busy when somebody does. */
void daemon_status_beat(struct daemon *d, int64_t now_us)
{
    struct store_stats stats;
    store_get_stats(d->store, &stats);
    retention_watch(&stats, &d->retention_told);
    if (now_us - d->drawn_us >= DRAW_UNASKED_US)
        daemon_publish(d);
    else
        status_confirm(&d->board);
}

static void on_status_asked(uv_async_t *a)
{
    daemon_publish(a->data);
}

static void ask_status(void *ctx)
{
    struct daemon *d = ctx;
    uv_async_send(&d->status_asked);
}

void daemon_status_init(struct daemon *d)
{
    status_board_init(&d->board, ask_status, d);
    uv_async_init(&d->loop, &d->status_asked, on_status_asked);
    d->status_asked.data = d;
}
