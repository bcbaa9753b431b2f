/* Conditions in the daemon: what they are told, and who is told of them. */
#include "engine/daemon_internal.h"

#include "base/log.h"

static void tell(struct daemon *d, const struct alert_transition *t)
{
    log_warn("alert", "event", alert_event_name(t->kind), "condition", t->condition, "slo", t->slo,
             "objective", t->objective_name, "severity", severity_name(t->severity), NULL);
    store_push_transition(d->store, t);
}

static void hook_transition(void *ctx, const struct condition_now *now,
                            const struct condition_view *view, const struct alert_transition *t)
{
    (void)now, (void)view;
    tell(ctx, t);
}

struct conditions *daemon_open_conditions(struct daemon *d)
{
    struct conditions_hooks hooks = {.transition = hook_transition, .ctx = d};
    return conditions_new(&hooks, d->started_us);
}

void daemon_tick_conditions(void *daemon, int64_t t_us)
{
    struct daemon *d = daemon;
    conditions_tick(d->conditions, d->evaluator, atomic_load(&d->store_failing_since_us), t_us);
}
