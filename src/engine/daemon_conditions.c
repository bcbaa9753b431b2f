/* Conditions in the daemon: what they are told, and who is told of them. */
#include "engine/daemon_internal.h"

static void hook_transition(void *ctx, const struct condition_now *now,
                            const struct condition_view *view, const struct alert_transition *t)
{
    daemon_tell_condition(ctx, now->def, &now->who, view, t);
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
    daemon_tell_late(d);
}

void daemon_draw_conditions(struct daemon *d, struct status *s)
{
    size_t n = 0;
    for (size_t i = 0; i < conditions_count(d->conditions); i++)
        n += alert_is_on(&conditions_at(d->conditions, i)->state);
    s->conditions = arena_alloc(&s->arena, (n + 1) * sizeof(*s->conditions));
    for (size_t i = 0; i < conditions_count(d->conditions); i++) {
        const struct condition_now *c = conditions_at(d->conditions, i);
        if (alert_is_on(&c->state))
            s->conditions[s->condition_count++] =
                (struct status_condition){c->def, c->who.slo, c->who.probe, c->state};
    }
}
