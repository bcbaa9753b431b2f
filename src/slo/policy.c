#include "slo/policy.h"

#include "slo/budget.h"

const struct policy_step *policy_reached(const struct slo_def *slo, struct budget_use use,
                                         bool stop)
{
    for (size_t i = slo->policy.n; i-- > 0;) {
        const struct policy_step *step = &slo->policy.at[i];
        if ((step->stop || !stop) && budget_consumed_at_least(use, step->spent))
            return step;
    }
    return NULL;
}

void policy_fill(struct report_slo *r)
{
    const struct slo_policy *p = &r->def->policy;
    r->policy = policy_reached(r->def, r->use, false);
    size_t next = r->policy ? (size_t)(r->policy - p->at) + 1 : 0;
    r->policy_next = next < p->n ? &p->at[next] : NULL;
}
