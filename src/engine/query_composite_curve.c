/* What a composite's report tells of its members' events: curve, reasons, failures. */
#include "engine/query_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "slo/budget.h"
#include "slo/composite.h"
#include "slo/expected.h"

#include <stdlib.h>

/* What of the budget is left after so many bad events of each member. */
static double left_after(const struct slo_query *whole, const int64_t *bad)
{
    struct budget_use uses[SLO_MEMBERS_MAX];
    for (size_t i = 0; i < whole->member_count; i++) {
        const struct report_slo *p = whole->members[i].out;
        int64_t total = counts_total(p->judged);
        uses[i] = budget_use_with(p->use, bad[i] < total ? bad[i] : total);
    }
    return budget_remaining(composite_use(whole->def, uses));
}

/* Bad events of each member in [from, to) go to `bad`; of slices, to that of the whole. */
static int add_bad(const struct slo_query *whole, int64_t from_us, int64_t to_us, int64_t *bad,
                   struct err *reterr)
{
    struct counts c;
    if (whole->def->method != METHOD_OCCURRENCES) {
        if (slo_query_judged(whole, from_us, to_us, &c, reterr) < 0)
            return -1;
        bad[0] += c.bad;
        return 0;
    }
    for (size_t i = 0; i < whole->member_count; i++) {
        if (slo_query_judged(&whole->members[i], from_us, to_us, &c, reterr) < 0)
            return -1;
        bad[i] += c.bad;
    }
    return 0;
}

static void set_left(const struct slo_query *whole, struct report_point *p, const int64_t *bad)
{
    const struct report_slo *s = whole->out;
    int64_t total = counts_total(s->judged);
    p->has_budget = s->has_budget;
    if (whole->def->method == METHOD_OCCURRENCES)
        p->budget_remaining = left_after(whole, bad);
    else
        p->budget_remaining =
            budget_remaining(budget_use_with(s->use, bad[0] < total ? bad[0] : total));
}

static int fill_point(const struct slo_query *whole, struct report_point *p, int64_t to_us,
                      struct err *reterr)
{
    struct counts c;
    p->p50_us = p->p95_us = p->p99_us = -1;
    for (size_t i = 0; i < whole->member_count; i++) {
        const struct slo_query *part = &whole->members[i];
        if (slo_query_counts(part, p->at_us, to_us, &c, reterr) < 0)
            return -1;
        int64_t observed = sli_observed(&part->def->sli, c);
        int64_t expected = slo_query_slots(part, p->at_us, to_us) - c.excluded;
        counts_add(&p->counts, c);
        p->observed += observed;
        p->expected += expected > observed ? expected : observed;
    }
    return query_composite_burn(whole, p->at_us, to_us, &p->has_burn, &p->burn, reterr);
}

int query_composite_curve(struct slo_query *whole, struct err *reterr)
{
    struct report_slo *s = whole->out;
    int64_t bad[SLO_MEMBERS_MAX] = {0};
    if (s->point_count == 0)
        return 0;
    if (add_bad(whole, s->start_us, s->points[0].at_us, bad, reterr) < 0)
        return -1;
    for (size_t i = 0; i < s->point_count; i++) {
        struct report_point *p = &s->points[i];
        int64_t to = i + 1 < s->point_count ? s->points[i + 1].at_us : s->upto_us;
        if (fill_point(whole, p, to, reterr) < 0 || add_bad(whole, p->at_us, to, bad, reterr) < 0)
            return -1;
        set_left(whole, p, bad);
    }
    return 0;
}

static int by_count(const void *a, const void *b)
{
    const struct report_reason *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return (x->reason > y->reason) - (x->reason < y->reason);
}

int query_composite_reasons(struct slo_query *whole, struct err *reterr)
{
    struct report_slo *s = whole->out;
    int64_t counts[REPORT_REASON_UNKNOWN + 1] = {0};
    if (query_composite_each(whole, query_step_reasons, reterr) < 0)
        return -1;
    for (size_t i = 0; i < whole->member_count; i++) {
        const struct report_slo *p = whole->members[i].out;
        for (size_t k = 0; k < p->reason_count; k++)
            counts[p->reasons[k].reason] += p->reasons[k].count;
    }
    for (int i = 0; i <= REPORT_REASON_UNKNOWN; i++)
        if (counts[i] > 0)
            s->reasons[s->reason_count++] = (struct report_reason){(enum reason)i, counts[i]};
    if (s->reason_count > 1)
        qsort(s->reasons, s->reason_count, sizeof(*s->reasons), by_count);
    return 0;
}

static int newest_first(const void *a, const void *b)
{
    const struct report_failure *x = a, *y = b;
    return (x->at_us < y->at_us) - (x->at_us > y->at_us);
}

/* Runs that failed, each once though several members may look at its probe. */
int query_composite_failures(struct slo_query *whole, struct err *reterr)
{
    struct report_slo *s = whole->out;
    s->failures =
        arena_alloc(whole->arena, whole->member_count * QUERY_FAILURES_MAX * sizeof(*s->failures));
    for (size_t i = 0; i < whole->member_count; i++) {
        struct slo_query *part = &whole->members[i];
        bool again = false;
        for (size_t k = 0; !again && k < i; k++)
            again = str_eq(whole->members[k].def->sli.probe, part->def->sli.probe);
        if (again)
            continue;
        if (query_step_failures(part, reterr) < 0)
            return -1;
        for (size_t k = 0; k < part->out->failure_count; k++)
            s->failures[s->failure_count++] = part->out->failures[k];
    }
    if (s->failure_count > 1)
        qsort(s->failures, s->failure_count, sizeof(*s->failures), newest_first);
    if (s->failure_count > QUERY_FAILURES_MAX)
        s->failure_count = QUERY_FAILURES_MAX;
    return 0;
}
