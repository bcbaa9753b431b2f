/* The first event of an SLI that maps reasons. */
#include "engine/query_internal.h"

#include "base/mem.h"
#include "nines/store_reader.h"

static bool reclassifies(const struct sli_def *sli)
{
    for (int i = 0; i < REASON_COUNT; i++)
        if (sli->classify[i] >= 0)
            return true;
    return false;
}

/* Narrows [*from, *to), which holds an event, down to the first of its parts of
 * `length_us` that does. */
static int narrow(const struct slo_query *q, int64_t *from_us, int64_t *to_us, int64_t length_us,
                  struct err *reterr)
{
    size_t n = (size_t)((*to_us - *from_us) / length_us) + 2, cells = 0;
    int64_t *edges = mem_array(n + 1, sizeof(*edges));
    struct counts *c = mem_array(n, sizeof(*c));
    edges[0] = *from_us;
    while (edges[cells] < *to_us) {
        int64_t next = (edges[cells] / length_us + 1) * length_us;
        edges[++cells] = next < *to_us ? next : *to_us;
    }
    int rc = store_reader_cells(q->reader, &q->def->sli, edges, cells, c, reterr);
    for (size_t i = 0; rc == 0 && i < cells; i++) {
        if (counts_total(c[i]) == 0)
            continue;
        *from_us = edges[i];
        *to_us = edges[i + 1];
        break;
    }
    free(edges);
    free(c);
    return rc;
}

struct search {
    const struct sli_def *sli;
    int64_t slot_us;
};

static bool is_none(void *ctx, const struct result *r)
{
    struct search *s = ctx;
    enum outcome o = sli_classify(s->sli, r);
    if (o != OUTCOME_GOOD && o != OUTCOME_BAD)
        return true;
    s->slot_us = r->slot_us;
    return false;
}

/* [from, to) holds an event. Where results are gone it is known by the minute. */
static int find_first(struct slo_query *q, int64_t from_us, int64_t to_us, struct err *reterr)
{
    struct search s = {.sli = &q->def->sli};
    if (narrow(q, &from_us, &to_us, USEC_PER_DAY, reterr) < 0 ||
        narrow(q, &from_us, &to_us, USEC_PER_HOUR, reterr) < 0 ||
        narrow(q, &from_us, &to_us, USEC_PER_MIN, reterr) < 0)
        return -1;
    s.slot_us = from_us;
    if (from_us >= q->raw_since_us &&
        store_reader_results(q->reader, q->def->sli.probe, from_us, to_us, is_none, &s, reterr) < 0)
        return -1;
    q->first_event_us = s.slot_us;
    return 0;
}

/*
 * The store knows a probe's first event. An SLI that maps reasons may see its
 * own later, or earlier: it is searched for within the window; before it, any
 * instant up to the start says the same. It is the first one, excluded or not.
 */
int query_step_first_event(struct slo_query *q, struct err *reterr)
{
    int64_t from = q->out->start_us, to = q->out->upto_us;
    struct counts c;
    if (!reclassifies(&q->def->sli))
        return 0;
    if (store_reader_counts(q->reader, &q->def->sli, 0, from, &c, reterr) < 0)
        return -1;
    if (counts_total(c) > 0) {
        q->first_event_us = from;
        return 0;
    }
    if (store_reader_counts(q->reader, &q->def->sli, from, to, &c, reterr) < 0)
        return -1;
    q->first_event_us = INT64_MAX;
    return counts_total(c) > 0 ? find_first(q, from, to, reterr) : 0;
}
