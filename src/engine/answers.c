#include "engine/answers.h"

#include "engine/spending.h"
#include "nines/probe.h"
#include "nines/slo.h"
#include "probe/agent.h"

/* By the prices of tokens, or as the answer tells. */
static bool cost_known(const struct agent_spec *spec)
{
    return spec->price || spec->paths.cost;
}

static void tell(struct decode *c, struct pos pos, const struct probe_def *def,
                 const struct agent_spec *spec)
{
    if (spec->model)
        diag_error(c->diag, pos,
                   "cost_at_most: what runs of '%.128s' cost is not known: 'prices' of nines.yaml "
                   "have none for its model '%.128s'",
                   def->id, spec->model);
    else
        diag_error(c->diag, pos,
                   "cost_at_most: what runs of '%.128s' cost is not known: it names no model",
                   def->id);
}

static bool same_place(struct pos a, struct pos b)
{
    return a.file == b.file && a.line == b.line && a.column == b.column;
}

/* Several objectives may be of one SLI: it is told once. */
static void check_slo(const struct config *cfg, size_t i, struct decode *c)
{
    const struct slo_def *slo = cfg->slos[i];
    const struct agent_spec *spec = slo->probe ? spending_agent(slo->probe) : NULL;
    if (slo->sli.measure != MEASURE_COST || !spec || cost_known(spec))
        return;
    if (i == 0 || !same_place(cfg->slos[i - 1]->sli.measure_pos, slo->sli.measure_pos))
        tell(c, slo->sli.measure_pos, slo->probe, spec);
}

void answers_finish(const struct config *cfg, struct decode *c)
{
    for (size_t i = 0; i < cfg->slo_count; i++)
        check_slo(cfg, i, c);
}
