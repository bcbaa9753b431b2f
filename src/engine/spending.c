#include "engine/spending.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "config/prices.h"
#include "engine/status.h"
#include "model/spend.h"
#include "nines/diag.h"
#include "nines/store_reader.h"
#include "probe/agent.h"

#include <stdlib.h>

#define WHY_MAX 400
#define NEAR_LOOKS 100 /* models without a price that others are searched for */

static struct agent_spec *agent_of(const struct probe_def *def)
{
    struct agent_spec *spec = def->kind == &probe_agent ? def->spec : NULL;
    return spec && spec->codec ? spec : NULL; /* without, it has errors */
}

const struct agent_spec *spending_agent(const struct probe_def *def)
{
    return agent_of(def);
}

/* ---- prices --------------------------------------------------------------------------- */

static const char *nearest(const struct price_table *t, const char *model)
{
    mem_auto const char **names = mem_array(t->n + 1, sizeof(*names));
    for (size_t i = 0; i < t->n; i++)
        names[i] = t->at[i].model;
    return str_nearest(model, names, t->n);
}

/* Why nobody knows what the probe costs. */
static void tell_unpriced(const struct config *cfg, const struct agent_spec *spec, size_t *looks,
                          char why[static WHY_MAX])
{
    const struct price_table *t = &cfg->daemon.prices;
    if (!spec->model) {
        str_copy(why, WHY_MAX, "it names no model");
        return;
    }
    if (cfg->partial) {
        snprintf(why, WHY_MAX,
                 "its model '%.128s' is priced in nines.yaml, which is not among what is read: "
                 "pass it, too",
                 spec->model);
        return;
    }
    const char *near = *looks ? nearest(t, spec->model) : NULL;
    *looks -= *looks > 0;
    snprintf(why, WHY_MAX, "'prices' of nines.yaml have none for its model '%.128s'%s%.128s%s",
             spec->model, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void tell(const struct config *cfg, const struct agent_spec *spec, struct decode *c,
                 struct pos pos, const char *what, const char *why)
{
    if (cfg->partial && spec->model)
        diag_warning(c->diag, pos, "%s: %s", what, why);
    else
        diag_error(c->diag, pos, "%s: %s", what, why);
}

void spending_tell_unpriced(const struct config *cfg, const struct agent_spec *spec,
                            struct decode *c, struct pos pos, const char *what)
{
    size_t looks = 0;
    char why[WHY_MAX];
    tell_unpriced(cfg, spec, &looks, why);
    tell(cfg, spec, c, pos, what, why);
}

static void check_price(const struct config *cfg, const struct probe_def *def,
                        const struct agent_spec *spec, size_t *looks, struct decode *c)
{
    const struct price_table *t = &cfg->daemon.prices;
    const struct spend_caps *all = &cfg->daemon.spend;
    char why[WHY_MAX];
    bool own = spec->spend.cost_hour || spec->spend.cost_day;
    if (spec->price || (!own && !all->cost_pos.file && !(t->n && spec->model)))
        return;
    tell_unpriced(cfg, spec, looks, why);
    if (own)
        tell(cfg, spec, c, spec->spend.cost_pos, "spend: a cap on cost needs a price for the probe",
             why);
    if (all->cost_pos.file)
        diag_error(c->diag, all->cost_pos,
                   "spend: a cap on cost needs a price for each agent, and '%.128s' has none: %s",
                   def->id, why);
    if (!own && !all->cost_pos.file)
        diag_warning(c->diag, def->pos, "what runs of '%.128s' cost is not known: %s", def->id,
                     why);
}

/* ---- caps ------------------------------------------------------------------------------- */

/* By the ledger's own words, before anything is spent. */
static void check_caps(const struct config *cfg, const struct probe_def *def,
                       const struct agent_spec *spec, struct decode *c)
{
    static const struct spend_caps none;
    struct spend *s = spend_new();
    struct spend_account *a = spend_account(s, def->id);
    struct spend_taken t = spend_worst(NULL, spec->price, spec->worst_in, spec->worst_out, 0);
    char why[SPEND_REFUSAL_MAX];
    spend_limit(s, &none, cfg->daemon.prices.currency);
    if (spend_refuses(s, a, &spec->spend, &t, why, sizeof(why)))
        diag_error(c->diag, spec->spend.pos, "spend: no run would be sent: %s", why);
    spend_limit(s, &cfg->daemon.spend, cfg->daemon.prices.currency);
    if (spend_refuses(s, a, &none, &t, why, sizeof(why)))
        diag_error(c->diag, cfg->daemon.spend.pos, "spend: no run of '%.128s' would be sent: %s",
                   def->id, why);
    spend_free(s);
}

void spending_finish(const struct config *cfg, const struct node *daemon, struct decode *c)
{
    const struct price_table *t = &cfg->daemon.prices;
    size_t looks = NEAR_LOOKS;
    (void)daemon;
    for (size_t i = 0; i < cfg->probe_count; i++) {
        const struct probe_def *def = cfg->probes[i];
        struct agent_spec *spec = agent_of(def);
        if (!spec)
            continue;
        spec->price = spec->model ? price_find(t, spec->model) : NULL;
        check_price(cfg, def, spec, &looks, c);
        check_caps(cfg, def, spec, c);
    }
}

/* ---- in force ------------------------------------------------------------------------------ */

void spending_set_config(struct spend *s, const struct config *cfg)
{
    spend_limit(s, &cfg->daemon.spend, cfg->daemon.prices.currency);
    for (size_t i = 0; i < cfg->probe_count; i++)
        if (cfg->probes[i]->renamed_from && !config_probe(cfg, cfg->probes[i]->renamed_from))
            spend_rename(s, cfg->probes[i]->renamed_from, cfg->probes[i]->id);
}

void spending_draw(struct spend *s, struct status *into)
{
    for (size_t i = 0; i < into->probe_count; i++) {
        struct status_probe *p = &into->probes[i];
        const struct agent_spec *spec = agent_of(p->def);
        if (!spec)
            continue;
        p->spending = arena_alloc(&into->arena, sizeof(*p->spending));
        p->spending->caps = spec->spend;
        p->spending->priced = spec->price;
        spend_now(s, spend_account(s, p->def->id), into->now_us, &p->spending->spent);
        if (into->spending)
            continue;
        into->spending = arena_alloc(&into->arena, sizeof(*into->spending));
        into->spending->caps = *spend_caps(s);
        spend_now(s, NULL, into->now_us, &into->spending->spent);
    }
}

/* ---- what an earlier process spent ----------------------------------------------------------- */

static const struct price *dearest(const struct price_table *t)
{
    const struct price *p = NULL;
    for (size_t i = 0; i < t->n; i++)
        if (!p || t->at[i].out > p->out)
            p = &t->at[i];
    return p;
}

/* What a run comes to that did not tell. Of a probe that is gone nobody knows what it
 * asked for. */
static struct spend_taken untold(const struct config *cfg, const char *id)
{
    const struct probe_def *def = config_probe(cfg, id);
    const struct agent_spec *spec = def ? agent_of(def) : NULL;
    if (spec)
        return spend_worst(NULL, spec->price, spec->worst_in, spec->worst_out, 0);
    return spend_worst(NULL, dearest(&cfg->daemon.prices), 0, AGENT_TOKENS_UNSAID, 0);
}

static int64_t times(int64_t n, int64_t each, int64_t more)
{
    int64_t sum;
    if (__builtin_mul_overflow(n, each, &sum) || __builtin_add_overflow(sum, more, &sum))
        return INT64_MAX;
    return sum;
}

static int64_t tokens_of(const struct answer_sums *s, const struct spend_taken *each)
{
    return times(s->tokens_unknown, each->tokens, times(1, s->tokens_in, s->tokens_out));
}

static int64_t cost_of(const struct answer_sums *s, const struct spend_taken *each)
{
    return times(s->cost_unknown, each->cost, s->cost);
}

int spending_read(struct store_reader *r, const struct config *cfg, const char *id, int64_t now_us,
                  struct spend_caps *ret, struct err *reterr)
{
    int64_t hour_us = now_us - now_us % USEC_PER_HOUR, day_us = now_us - now_us % USEC_PER_DAY;
    const int64_t edges[] = {day_us, hour_us, hour_us + USEC_PER_HOUR};
    struct answer_sums sums[2] = {0}; /* of the day before the hour, and of the hour */
    size_t first = day_us == hour_us;
    struct spend_taken each = untold(cfg, id);
    if (store_reader_answers(r, id, edges + first, 2 - first, sums + first, reterr) < 0)
        return -1;
    answer_sums_add(&sums[0], &sums[1]);
    *ret = (struct spend_caps){
        .tokens_hour = tokens_of(&sums[1], &each),
        .tokens_day = tokens_of(&sums[0], &each),
        .cost_hour = cost_of(&sums[1], &each),
        .cost_day = cost_of(&sums[0], &each),
    };
    return 0;
}

static int restore_account(struct spend *s, const struct config *cfg, struct store_reader *r,
                           const char *id, int64_t now_us, struct err *reterr)
{
    struct spend_caps spent;
    if (spending_read(r, cfg, id, now_us, &spent, reterr) < 0)
        return -1;
    if (spent.tokens_day || spent.cost_day)
        spend_restore(s, spend_account(s, id), now_us, spent.tokens_hour, spent.tokens_day,
                      spent.cost_hour, spent.cost_day);
    return 0;
}

int spending_restore(struct spend *s, const struct config *cfg, const char *database,
                     int64_t now_us, struct err *reterr)
{
    struct store_reader *r;
    struct arena arena = {0};
    const char *const *ids;
    size_t n = 0;
    if (store_reader_open(database, &r, reterr) < 0)
        return -1;
    int rc = store_reader_probe_ids(r, &arena, &ids, &n, reterr);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = restore_account(s, cfg, r, ids[i], now_us, reterr);
    arena_release(&arena);
    store_reader_free(r);
    return rc;
}
