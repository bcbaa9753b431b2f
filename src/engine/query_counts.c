/*
 * Counts that several steps of one report ask for. All the instants between
 * which they count are known beforehand, so one pass over the store counts
 * between neighbouring ones, and an answer is a difference of two sums.
 */
#include "engine/query_internal.h"

#include "base/mem.h"
#include "engine/first_event.h"
#include "engine/sieved.h"
#include "slo/expected.h"
#include "slo/tiers.h"

#include <assert.h>
#include <stdlib.h>

static void add_instant(struct slo_query *q, int64_t at_us)
{
    vec_push(&q->instants, at_us);
}

static void add_instants(struct slo_query *q)
{
    const struct report_slo *s = q->out;
    add_instant(q, s->start_us);
    add_instant(q, s->upto_us);
    add_instant(q, q->at_us);
    for (size_t i = 0; i < query_burn_count; i++)
        add_instant(q, q->at_us - query_burn_windows[i]);
    int64_t t = query_tiers_at(q);
    for (size_t i = 0; t && i < q->def->tier_count; i++) {
        add_instant(q, tier_window_start(t, q->def->tiers[i].long_us));
        add_instant(q, tier_window_start(t, q->def->tiers[i].short_us));
        add_instant(q, t);
    }
    for (size_t i = 0; i < s->point_count; i++)
        add_instant(q, s->points[i].at_us);
    for (size_t i = 0; i < q->part_count; i++)
        add_instant(q, q->parts[i].from_us);
    query_incident_instants(q);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void sort_instants(struct slo_query *q)
{
    size_t n = 0;
    qsort(q->instants.at, q->instants.len, sizeof(*q->instants.at), compare);
    for (size_t i = 0; i < q->instants.len; i++)
        if (n == 0 || q->instants.at[i] != q->instants.at[n - 1])
            q->instants.at[n++] = q->instants.at[i];
    q->instants.len = n;
}

int query_step_sums(struct slo_query *q, struct err *reterr)
{
    add_instants(q);
    sort_instants(q);
    size_t n = q->instants.len;
    q->sums = mem_array(n, sizeof(*q->sums)); /* the first stays zero */
    if (sieved_cells(q->reader, &q->def->sli, q->sieve, q->instants.at, n - 1, q->sums + 1,
                     reterr) < 0)
        return -1;
    for (size_t i = 1; i < n; i++)
        counts_add(&q->sums[i], q->sums[i - 1]);
    return 0;
}

/* The instant among those that are known; NULL: it is not. */
static const int64_t *find_instant(const struct slo_query *q, int64_t at_us)
{
    return q->instants.len
               ? bsearch(&at_us, q->instants.at, q->instants.len, sizeof(at_us), compare)
               : NULL;
}

static const struct counts *sum_at(const struct slo_query *q, int64_t at_us)
{
    const int64_t *found = find_instant(q, at_us);
    return found ? &q->sums[found - q->instants.at] : NULL;
}

int slo_query_stored(const struct slo_query *q, int64_t from_us, int64_t to_us, struct counts *ret,
                     struct err *reterr)
{
    const struct counts *from = sum_at(q, from_us), *to = sum_at(q, to_us);
    if (!from || !to)
        return sieved_counts(q->reader, &q->def->sli, q->sieve, from_us, to_us, ret, reterr);
    *ret = from_us < to_us ? counts_minus(*to, *from) : (struct counts){0};
    return 0;
}

/* Each by its own no_data. */
static int count_members(const struct slo_query *q, int64_t from_us, int64_t to_us,
                         struct counts *ret, struct err *reterr)
{
    struct counts c;
    *ret = (struct counts){0};
    for (size_t i = 0; i < q->member_count; i++) {
        if (slo_query_counts(&q->members[i], from_us, to_us, &c, reterr) < 0)
            return -1;
        counts_add(ret, c);
    }
    return 0;
}

int slo_query_counts(const struct slo_query *q, int64_t from_us, int64_t to_us, struct counts *ret,
                     struct err *reterr)
{
    struct counts stored;
    if (q->member_count)
        return count_members(q, from_us, to_us, ret, reterr);
    if (slo_query_stored(q, from_us, to_us, &stored, reterr) < 0)
        return -1;
    *ret = slo_apply_no_data(q->def, stored);
    return 0;
}

int slo_query_judged(const struct slo_query *q, int64_t from_us, int64_t to_us, struct counts *ret,
                     struct err *reterr)
{
    if (!q->worth)
        return slo_query_counts(q, from_us, to_us, ret, reterr);
    const int64_t *from = find_instant(q, from_us), *to = find_instant(q, to_us);
    assert(from && to && from <= to);
    *ret = counts_minus(q->worth[to - q->instants.at], q->worth[from - q->instants.at]);
    return 0;
}

/* What the store knows of the probe is that of its SLIs, but for some. Before the window any
 * instant up to its start says the same. */
int query_step_first_event(struct slo_query *q, struct err *reterr)
{
    const struct sli_def *sli = &q->def->sli;
    if (!first_event_differs(sli))
        return 0;
    return first_event_find(q->reader, sli, q->raw_since_us, q->out->start_us, q->out->upto_us,
                            &q->first_event_us, reterr);
}
