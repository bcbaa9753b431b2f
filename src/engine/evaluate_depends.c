/* What is known to fail mutes what depends on it. */
#include "engine/evaluate_internal.h"

#include "base/str.h"

/* Of an older result nobody can say that it holds still: a probe out of its
 * service hours, or removed, must not mute for ever. */
static int64_t holds_us(const struct probe_def *def)
{
    return 2 * def->interval_us + def->timeout_us;
}

static void need_all(struct evaluator *e, const struct probe_def *def)
{
    for (size_t i = 0; i < def->depends_on_count; i++)
        eval_need_probe(e, def->depends_on[i]->id)->dependency = true;
}

void eval_need_dependencies(struct evaluator *e, const struct config *cfg)
{
    for (size_t i = 0; i < e->watched.len; i++)
        e->watched.at[i]->dependency = false;
    for (size_t i = 0; i < e->slo_count; i++) {
        const struct slo_def *slo = e->slo_list[i].def;
        for (size_t k = 0; k < slo_part_count(slo); k++)
            need_all(e, slo_part(slo, k)->probe);
    }
    for (size_t i = 0; i < cfg->probe_count; i++)
        if (cfg->probes[i]->conditions.n)
            need_all(e, cfg->probes[i]);
}

/* A run that says nothing of the target leaves what is known. */
void eval_note_outcome(struct watched *w, int64_t slot_us, enum outcome o)
{
    if ((o != OUTCOME_GOOD && o != OUTCOME_BAD) || slot_us < w->outcome_us)
        return;
    w->outcome_us = w->learned_us = slot_us;
    w->bad = o == OUTCOME_BAD;
}

void evaluator_set_outcome(struct evaluator *e, const char *probe, int64_t slot_us, enum outcome o)
{
    struct watched *w = table_get(&e->probes, probe);
    if (!w || slot_us < w->outcome_us)
        return;
    eval_note_outcome(w, slot_us, o);
    /* Nobody ran it meanwhile: it holds until there was time to. */
    if (w->learned_us < e->settled_us)
        w->learned_us = e->settled_us;
}

bool evaluator_mutes_probe(const struct evaluator *e, const struct probe_def *def, int64_t t_us)
{
    bool muted = false;
    for (size_t i = 0; !muted && i < def->depends_on_count; i++) {
        const struct probe_def *on = def->depends_on[i];
        const struct watched *w = table_get(&e->probes, on->id);
        muted = w && w->bad && w->learned_us >= t_us - holds_us(on);
    }
    return muted;
}

bool eval_muted(const struct evaluator *e, const struct slo_def *slo, int64_t t_us)
{
    bool muted = false;
    for (size_t i = 0; !muted && i < slo_part_count(slo); i++)
        muted = evaluator_mutes_probe(e, slo_part(slo, i)->probe, t_us);
    return muted;
}
