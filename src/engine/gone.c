#include "engine/gone.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/conditions.h"
#include "slo/tiers.h"

struct gone {
    struct arena arena;
    const struct config *cfg; /* while it is read */
    VEC(struct alert_transition) list;
};

static bool alerts(const struct config *cfg, const struct alert_transition *t)
{
    if (t->condition && t->condition[0])
        return conditions_find(cfg, t) != NULL;
    for (size_t i = 0; i < cfg->slo_count; i++) {
        const struct slo_def *s = cfg->slos[i];
        if (s->alerting && str_eq(s->name, t->slo) && str_eq(s->objective_name, t->objective_name))
            return true;
    }
    return false;
}

static bool take(void *ctx, const struct alert_transition *t)
{
    struct gone *g = ctx;
    struct alert_transition kept = *t;
    if (alerts(g->cfg, t))
        return true;
    kept.condition = arena_strdup(&g->arena, t->condition ? t->condition : "");
    kept.slo = arena_strdup(&g->arena, t->slo);
    kept.objective_name = arena_strdup(&g->arena, t->objective_name);
    kept.service = arena_strdup(&g->arena, t->service);
    vec_push(&g->list, kept);
    return true;
}

int gone_read(struct store_reader *r, const struct config *cfg, struct gone **ret,
              struct err *reterr)
{
    struct gone *g = mem_alloc(sizeof(*g));
    g->cfg = cfg;
    if (store_reader_alerts(r, take, g, reterr) < 0) {
        gone_free(g);
        return -1;
    }
    g->cfg = NULL;
    *ret = g;
    return 0;
}

void gone_end(const struct gone *g, int64_t now_us,
              void (*fn)(void *ctx, const struct alert_transition *t), void *ctx)
{
    int64_t at = now_us - now_us % EVALUATE_EVERY_US;
    for (size_t i = 0; i < g->list.len; i++) {
        struct alert_transition t = g->list.at[i];
        t.at_us = at > t.state.evaluated_us ? at : t.state.evaluated_us;
        t.kind = alert_is_on(&t.state) ? ALERT_EVENT_RESOLVE : ALERT_EVENT_CALM;
        t.severity = t.state.severity;
        t.since_us = t.state.since_us;
        t.notify = t.state.told != SEVERITY_NONE;
        t.state = (struct alert_state){.evaluated_us = t.at_us};
        fn(ctx, &t);
    }
}

void gone_free(struct gone *g)
{
    if (!g)
        return;
    vec_release(&g->list);
    arena_release(&g->arena);
    free(g);
}
