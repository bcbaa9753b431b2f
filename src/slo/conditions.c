#include "slo/conditions.h"

#include "base/mem.h"
#include "base/units.h"
#include "slo/budget.h"

#include <assert.h>

void run_tail_add(struct run_tail *tail, enum outcome o)
{
    if (o != OUTCOME_GOOD && o != OUTCOME_BAD)
        return;
    tail->bad = tail->bad << 1 | (o == OUTCOME_BAD);
    if (tail->n < CONDITION_RUNS_MAX)
        tail->n++;
}

/* ---- the kinds ------------------------------------------------------------------ */

static enum severity judge_no_data(const struct condition *c, const struct condition_view *v,
                                   int64_t t_us)
{
    int64_t silent = CONDITION_SILENT_INTERVALS * v->interval_us;
    int64_t since = v->data_us > v->listens_us ? v->data_us : v->listens_us;
    if (silent < CONDITION_SILENT_US)
        silent = CONDITION_SILENT_US;
    return t_us - since >= silent ? c->severity : SEVERITY_NONE;
}

static enum severity judge_prober(const struct condition *c, const struct condition_view *v,
                                  int64_t t_us)
{
    (void)c;
    if (v->failing_us && t_us - v->failing_us >= CONDITION_STORE_US)
        return SEVERITY_PAGE;
    if (v->gap_to_us - v->gap_from_us >= CONDITION_GAP_US &&
        t_us - v->gap_to_us < CONDITION_GAP_TOLD_US)
        return SEVERITY_TICKET;
    return SEVERITY_NONE;
}

static enum severity judge_failures(const struct condition *c, const struct condition_view *v,
                                    int64_t t_us)
{
    (void)t_us;
    assert(c->failures >= 1 && c->failures <= c->of && c->of <= CONDITION_RUNS_MAX);
    uint64_t looked_at = c->of == CONDITION_RUNS_MAX ? UINT64_MAX : (UINT64_C(1) << c->of) - 1;
    int bad = __builtin_popcountll(v->runs.bad & looked_at);
    return bad >= c->failures ? c->severity : SEVERITY_NONE;
}

static enum severity judge_certificate(const struct condition *c, const struct condition_view *v,
                                       int64_t t_us)
{
    if (!v->cert_not_after_us)
        return SEVERITY_NONE;
    return v->cert_not_after_us - t_us <= c->within_us ? c->severity : SEVERITY_NONE;
}

static enum severity judge_spent(const struct condition *c, const struct condition_view *v,
                                 int64_t t_us)
{
    (void)t_us;
    return budget_consumed_at_least(v->use, c->spent) ? c->severity : SEVERITY_NONE;
}

/* ---- the table ------------------------------------------------------------------ */

static const struct kind {
    struct condition_info info;
    enum severity (*judge)(const struct condition *c, const struct condition_view *v, int64_t t_us);
} kinds[] = {
    [CONDITION_NO_DATA] = {{"no_data", "NoData", CONDITION_OF_SLO, SEVERITY_TICKET}, judge_no_data},
    [CONDITION_PROBER_DOWN] = {{"prober_down", "ProberDown", CONDITION_OF_PROCESS, SEVERITY_PAGE},
                               judge_prober},
    [CONDITION_FAILURES] = {{"failures", "ProbeFailing", CONDITION_OF_PROBE, SEVERITY_PAGE},
                            judge_failures},
    [CONDITION_CERTIFICATE] = {{"certificate", "CertificateExpires", CONDITION_OF_PROBE,
                                SEVERITY_TICKET},
                               judge_certificate},
    [CONDITION_BUDGET_SPENT] = {{"budget_spent", "BudgetSpent", CONDITION_OF_SLO, SEVERITY_TICKET},
                                judge_spent},
};

_Static_assert(countof(kinds) == CONDITION_KINDS, "a line for each kind");

enum severity condition_judge(const struct condition *c, const struct condition_view *v,
                              int64_t t_us)
{
    return kinds[c->kind].judge(c, v, t_us);
}

const struct condition_info *condition_info(enum condition_kind k)
{
    return &kinds[k].info;
}
