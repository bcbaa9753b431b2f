#include "engine/first_event.h"

#include "base/mem.h"
#include "base/units.h"
#include "nines/slo.h"
#include "nines/store_reader.h"

#include <stdlib.h>

bool first_event_differs(const struct sli_def *sli)
{
    for (int i = 0; i < REASON_COUNT; i++)
        if (sli->classify[i] >= 0)
            return true;
    return sli->measure != MEASURE_NONE;
}

/* Narrows [*from, *to), which holds an event, down to the first of its parts of
 * `length_us` that does. */
static int narrow(struct store_reader *r, const struct sli_def *sli, int64_t *from_us,
                  int64_t *to_us, int64_t length_us, struct err *reterr)
{
    size_t n = (size_t)((*to_us - *from_us) / length_us) + 2, cells = 0;
    int64_t *edges = mem_array(n + 1, sizeof(*edges));
    struct counts *c = mem_array(n, sizeof(*c));
    edges[0] = *from_us;
    while (edges[cells] < *to_us) {
        int64_t next = (edges[cells] / length_us + 1) * length_us;
        edges[++cells] = next < *to_us ? next : *to_us;
    }
    int rc = store_reader_cells(r, sli, edges, cells, c, reterr);
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
static int find(struct store_reader *r, const struct sli_def *sli, int64_t raw_since_us,
                int64_t from_us, int64_t to_us, int64_t *ret, struct err *reterr)
{
    struct search s = {.sli = sli};
    if (narrow(r, sli, &from_us, &to_us, USEC_PER_DAY, reterr) < 0 ||
        narrow(r, sli, &from_us, &to_us, USEC_PER_HOUR, reterr) < 0 ||
        narrow(r, sli, &from_us, &to_us, USEC_PER_MIN, reterr) < 0)
        return -1;
    s.slot_us = from_us;
    if (from_us >= raw_since_us &&
        store_reader_results(r, sli->probe, from_us, to_us, is_none, &s, reterr) < 0)
        return -1;
    *ret = s.slot_us;
    return 0;
}

int first_event_find(struct store_reader *r, const struct sli_def *sli, int64_t raw_since_us,
                     int64_t from_us, int64_t to_us, int64_t *ret, struct err *reterr)
{
    struct counts c;
    if (store_reader_counts(r, sli, 0, from_us, &c, reterr) < 0)
        return -1;
    if (counts_total(c) > 0) {
        *ret = from_us;
        return 0;
    }
    if (store_reader_counts(r, sli, from_us, to_us, &c, reterr) < 0)
        return -1;
    *ret = INT64_MAX;
    return counts_total(c) > 0 ? find(r, sli, raw_since_us, from_us, to_us, ret, reterr) : 0;
}
