#include "engine/attach_data.h"

#include "slo/conditions.h"

struct newest {
    const struct sli_def *sli;
    int64_t until_us;
    int64_t *slot_us;
};

static bool take_result(void *ctx, const struct result *r)
{
    const struct newest *n = ctx;
    enum outcome o = sli_classify(n->sli, r);
    if ((o == OUTCOME_GOOD || o == OUTCOME_BAD) && r->done_us <= n->until_us)
        *n->slot_us = r->slot_us;
    return true;
}

static bool take_event(void *ctx, int64_t slot_us, int64_t done_us, struct counts c)
{
    const struct newest *n = ctx;
    if ((counts_total(c) || c.scrapes) && done_us <= n->until_us)
        *n->slot_us = slot_us;
    return true;
}

int attach_read_data(struct store_reader *r, const struct pending_sli *p,
                     const struct store_probe *probe, int64_t *ret_us, struct err *reterr)
{
    struct newest n = {p->sli, p->attached_us, ret_us};
    if (probe->last_slot_us == INT64_MIN || probe->revision_count == 0)
        return 0;
    const struct probe_revision *now = &probe->revisions[probe->revision_count - 1];
    int64_t silent_us = condition_silent_us(now->interval_us) + now->timeout_us;
    int64_t to_us = probe->last_slot_us < p->attached_us ? probe->last_slot_us : p->attached_us;
    int64_t from_us = to_us - silent_us;
    if (p->sli->metric)
        return store_reader_events(r, p->sli, from_us, to_us + 1, take_event, &n, reterr);
    return store_reader_results(r, p->sli->probe, from_us, to_us + 1, take_result, &n, reterr);
}
