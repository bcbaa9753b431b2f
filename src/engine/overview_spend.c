/* What the probes of an overview spent, and how those stand that a cap holds back. */
#include "engine/overview.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/units.h"
#include "engine/spending.h"
#include "nines/probe.h"
#include "probe/agent.h"

#include <stdlib.h>

#define LOOK_BACK_US (2 * USEC_PER_DAY)
#define PAGE_US USEC_PER_DAY

const struct result *overview_health(const struct overview_probe *p)
{
    if (p->held)
        return p->has_ran ? &p->ran : NULL;
    return p->has_last ? &p->last : NULL;
}

/* ---- what was sent last ------------------------------------------------------------- */

static bool take_ran(void *ctx, const struct result *r)
{
    struct overview_probe *p = ctx;
    if (r->flags & RESULT_ANSWER) {
        p->ran = *r;
        p->has_ran = true;
    }
    return true;
}

static int read_ran(struct store_reader *r, struct overview_probe *p, struct err *reterr)
{
    int64_t to_us = p->last.slot_us;
    for (int64_t back = 0; back < LOOK_BACK_US && !p->has_ran; back += PAGE_US, to_us -= PAGE_US)
        if (store_reader_results(r, p->def->id, to_us - PAGE_US, to_us, take_ran, p, reterr) < 0)
            return -1;
    if (!p->has_ran || p->ran.outcome == OUTCOME_GOOD)
        return 0;
    return store_reader_message(r, p->def->id, p->ran.slot_us, &p->ran_message, reterr);
}

/* ---- what is spent -------------------------------------------------------------------- */

static void add(int64_t *into, int64_t n)
{
    if (__builtin_add_overflow(*into, n, into))
        *into = INT64_MAX;
}

static void add_to_all(struct overview_spend *all, const struct spend_caps *spent)
{
    add(&all->spent.tokens_hour, spent->tokens_hour);
    add(&all->spent.tokens_day, spent->tokens_day);
    add(&all->spent.cost_hour, spent->cost_hour);
    add(&all->spent.cost_day, spent->cost_day);
}

/* Those that are gone count as well, as the caps of all are on all that was sent. */
static int read_all(struct overview *o, const struct config *cfg, struct store_reader *r,
                    struct err *reterr)
{
    struct arena arena = {0};
    const char *const *ids;
    size_t n = 0;
    o->spend = mem_alloc(sizeof(*o->spend));
    o->spend->caps = cfg->daemon.spend;
    int rc = store_reader_probe_ids(r, &arena, &ids, &n, reterr);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct spend_caps spent;
        rc = spending_read(r, cfg, ids[i], o->now_us, &spent, reterr);
        if (rc == 0)
            add_to_all(o->spend, &spent);
    }
    o->spend->priced = cfg->daemon.prices.n || o->spend->spent.cost_day;
    arena_release(&arena);
    return rc;
}

static int read_own(struct overview_probe *p, const struct agent_spec *spec, int64_t now_us,
                    const struct config *cfg, struct store_reader *r, struct err *reterr)
{
    p->spend = mem_alloc(sizeof(*p->spend));
    p->spend->caps = spec->spend;
    if (spending_read(r, cfg, p->def->id, now_us, &p->spend->spent, reterr) < 0)
        return -1;
    p->spend->priced = spec->price || p->spend->spent.cost_day;
    return 0;
}

int overview_read_spend(struct overview *o, const struct config *cfg, struct store_reader *r,
                        struct err *reterr)
{
    bool any = false;
    o->currency = cfg->daemon.prices.currency;
    for (size_t i = 0; i < o->probe_count; i++) {
        struct overview_probe *p = &o->probes[i];
        const struct agent_spec *spec = spending_agent(p->def);
        p->held = p->has_last && p->last.outcome == OUTCOME_EXCLUDED &&
                  p->last.reason == REASON_SPEND_CAP;
        if (p->held && read_ran(r, p, reterr) < 0)
            return -1;
        any |= spec != NULL;
        if (spec && !o->past && read_own(p, spec, o->now_us, cfg, r, reterr) < 0)
            return -1;
    }
    return any && !o->past ? read_all(o, cfg, r, reterr) : 0;
}

void overview_free_spend(struct overview *o)
{
    for (size_t i = 0; o->probes && i < o->probe_count; i++) {
        free(o->probes[i].spend);
        free(o->probes[i].ran_message);
    }
    free(o->spend);
}
