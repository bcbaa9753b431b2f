#include "slo/conditions.h"

#include "base/mem.h"
#include "base/units.h"
#include "slo/budget.h"

#include <assert.h>
#include <stdio.h>

void run_tail_add(struct run_tail *tail, enum outcome o)
{
    if (o != OUTCOME_GOOD && o != OUTCOME_BAD)
        return;
    tail->bad = tail->bad << 1 | (o == OUTCOME_BAD);
    if (tail->n < CONDITION_RUNS_MAX)
        tail->n++;
}

/* ---- the kinds ------------------------------------------------------------------ */

int64_t condition_silent_us(int64_t interval_us)
{
    int64_t silent = CONDITION_SILENT_INTERVALS * interval_us;
    return silent < CONDITION_SILENT_US ? CONDITION_SILENT_US : silent;
}

static enum severity judge_no_data(const struct condition *c, const struct condition_view *v,
                                   int64_t t_us)
{
    int64_t silent = t_us - condition_silent_since(v);
    return silent >= condition_silent_us(v->interval_us) ? c->severity : SEVERITY_NONE;
}

static enum severity judge_prober(const struct condition *c, const struct condition_view *v,
                                  int64_t t_us)
{
    if (v->failing_us && t_us - v->failing_us >= CONDITION_STORE_US)
        return c->severity;
    if (v->gap_to_us - v->gap_from_us >= CONDITION_GAP_US &&
        t_us - v->gap_to_us < CONDITION_GAP_TOLD_US)
        return c->severity < SEVERITY_TICKET ? c->severity : SEVERITY_TICKET;
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

static enum severity judge_exhausts(const struct condition *c, const struct condition_view *v,
                                    int64_t t_us)
{
    (void)t_us;
    return budget_exhausts_within(v->use, &v->pace, c->within_us) ? c->severity : SEVERITY_NONE;
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
    [CONDITION_EXHAUSTS] = {{"exhausts_in", "BudgetExhausts", CONDITION_OF_SLO, SEVERITY_TICKET},
                            judge_exhausts},
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

/* Whether all that is known now was known when the alert was last looked at. */
static bool knows_nothing_new(const struct condition *c, const struct condition_view *v,
                              const struct alert_state *state)
{
    if (c->kind == CONDITION_CERTIFICATE)
        return v->cert_not_after_us == 0;
    return c->kind == CONDITION_NO_DATA &&
           (v->data_us == INT64_MIN ||
            state->evaluated_us - v->data_us >= condition_silent_us(v->interval_us));
}

enum severity condition_wanted(const struct condition *c, const struct condition_view *v,
                               const struct alert_state *state, int64_t t_us)
{
    bool held = state->phase == ALERT_FIRING || state->phase == ALERT_PENDING;
    if (held && knows_nothing_new(c, v, state))
        return c->severity;
    return condition_judge(c, v, t_us);
}

const char *condition_name(const struct condition *c, const char *objective_name,
                           char ret[static CONDITION_NAME_MAX])
{
    const char *key = c->key ? c->key : "";
    int n = snprintf(ret, CONDITION_NAME_MAX, "%s%s%s", objective_name,
                     objective_name[0] && key[0] ? " " : "", key);
    assert(n >= 0 && n < CONDITION_NAME_MAX);
    (void)n;
    return ret;
}
