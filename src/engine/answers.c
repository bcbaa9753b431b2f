#include "engine/answers.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/spending.h"
#include "nines/probe.h"
#include "nines/slo.h"
#include "probe/agent.h"

/* Of chats their protocol says it, of others the keys that name a place for it. */
static bool tokens_told(const struct agent_spec *spec)
{
    return spec->codec->chat || spec->paths.tokens_out;
}

/* Whether prices have something to be of. */
static bool usage_told(const struct agent_spec *spec)
{
    return spec->codec->chat || (spec->paths.tokens_in && spec->paths.tokens_out);
}

/* By the prices of tokens, or as the answer tells. */
static bool cost_known(const struct agent_spec *spec)
{
    return spec->paths.cost || (spec->price && usage_told(spec));
}

static void tell(const struct config *cfg, struct decode *c, struct pos pos,
                 const struct probe_def *def, const struct agent_spec *spec)
{
    mem_auto char *what =
        mem_printf("cost_at_most: what runs of '%.128s' cost is not known", def->id);
    if (spec->price)
        diag_error(c->diag, pos,
                   "%s: `read` says no place of cost, or of both tokens_in and tokens_out", what);
    else
        spending_tell_unpriced(cfg, spec, c, pos, what);
}

/* What no answer ever tells would be a promise that failures alone count for. */
static void tell_untold(struct decode *c, struct pos pos, const char *key,
                        const struct probe_def *def, const struct agent_spec *spec)
{
    bool generic = !str_eq(spec->protocol, "mcp") && !str_eq(spec->protocol, "a2a");
    diag_error(c->diag, pos, "%s: answers of '%.128s' do not tell their tokens: %s%s", key, def->id,
               generic ? "`read` says no place of tokens_out" : "there are none in protocol ",
               generic ? "" : spec->protocol);
}

static bool same_place(struct pos a, struct pos b)
{
    return a.file == b.file && a.line == b.line && a.column == b.column;
}

/* Several objectives may be of one SLI: it is told once. */
static void check_slo(const struct config *cfg, size_t i, struct decode *c)
{
    struct slo_def *slo = cfg->slos[i];
    const struct agent_spec *spec = slo->probe ? spending_agent(slo->probe) : NULL;
    bool again = i && same_place(cfg->slos[i - 1]->sli.measure_pos, slo->sli.measure_pos);
    if (spec && slo->sli.measure == MEASURE_SPEED && !again && !tokens_told(spec))
        tell_untold(c, slo->sli.measure_pos, answer_measure_name(MEASURE_SPEED), slo->probe, spec);
    if (slo->sli.measure != MEASURE_COST || !spec)
        return;
    slo->sli.currency = cfg->daemon.prices.currency;
    if (!again && !cost_known(spec))
        tell(cfg, c, slo->sli.measure_pos, slo->probe, spec);
}

static void check_probe(const struct config *cfg, const struct probe_def *def,
                        const struct agent_spec *spec, struct decode *c)
{
    const struct agent_expect *e = &spec->expect;
    if (e->bounds[MEASURE_COST] && !cost_known(spec))
        tell(cfg, c, e->cost_pos, def, spec);
    if (e->bounds[MEASURE_SPEED] && !tokens_told(spec))
        tell_untold(c, e->speed_pos, answer_measure_name(MEASURE_SPEED), def, spec);
    if (e->min_tokens && !tokens_told(spec))
        tell_untold(c, e->min_tokens_pos, "min_tokens", def, spec);
    if (spec->max_tokens && e->min_tokens > spec->max_tokens)
        diag_error(c->diag, e->min_tokens_pos,
                   "min_tokens: an answer has at most max_tokens, %lld: none would be good",
                   (long long)spec->max_tokens);
}

void answers_finish(const struct config *cfg, struct decode *c)
{
    for (size_t i = 0; i < cfg->probe_count; i++) {
        const struct probe_def *def = cfg->probes[i];
        const struct agent_spec *spec = def->kind ? spending_agent(def) : NULL;
        if (spec)
            check_probe(cfg, def, spec, c);
    }
    for (size_t i = 0; i < cfg->slo_count; i++)
        check_slo(cfg, i, c);
}
