/*
 * Exclusions while the daemon runs. They are of SLOs, and windows are of SLIs: SLOs of
 * which the same is excluded share them, and what is not left of an event never gets
 * in. So ticks know nothing of exclusions, but for slots that are none.
 */
#include "engine/evaluate_internal.h"

#include "base/mem.h"
#include "slo/live.h"

char *eval_key(const struct slo_def *def, const struct exclusions *set)
{
    /* The only way in which no_data matters to what is left. */
    bool bad = def->sli.metric && def->no_data == NO_DATA_BAD;
    if (!set)
        return mem_strdup(def->sli.key);
    return mem_printf("%s\nexcluded%s %s", def->sli.key, bad ? " no_data=bad" : "",
                      exclusions_key(set));
}

void eval_add_event(struct eval_sli *sli, int64_t slot_us, struct counts c)
{
    c = sieve_event(&sli->sieve, slot_us, c);
    live_add_event(sli->live, slot_us, c);
    eval_changed(sli, slot_us);
}
