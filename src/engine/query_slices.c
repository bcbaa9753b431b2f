/*
 * What the slices of an objective are worth, counted up to each instant that the
 * report asks for. There may be a year of minutes of them, and they are read and
 * forgotten by the page.
 */
#include "engine/query_internal.h"

#include "base/mem.h"
#include "engine/sieved.h"
#include "slo/budget.h"
#include "slo/slices.h"

#include <stdlib.h>

#define PAGE 4096

struct walk {
    struct slo_query *q;
    struct slice_grid grid;
    size_t instant; /* those before it have their sums */
    struct counts worth;
    int64_t edges[PAGE + 1];
    struct counts cells[PAGE];
};

/* Slices of the page whose end is not after `last`. */
static size_t fill_page(struct walk *w, int64_t last_us)
{
    size_t n = 0;
    while (n < PAGE) {
        int64_t next = slices_next(&w->grid, w->edges[n]);
        if (next > last_us)
            break;
        w->edges[++n] = next;
    }
    return n;
}

static void reach(struct walk *w, int64_t t_us)
{
    struct slo_query *q = w->q;
    while (w->instant < q->instants.len && q->instants.at[w->instant] < t_us)
        q->worth[w->instant++] = w->worth;
}

static int judge_page(struct walk *w, size_t n, struct err *reterr)
{
    const struct slo_query *q = w->q;
    if (sieved_cells(q->reader, &q->def->sli, q->sieve, w->edges, n, w->cells, reterr) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int64_t slots = slo_query_slots(q, w->edges[i], w->edges[i + 1]);
        reach(w, w->edges[i + 1]);
        counts_add(&w->worth, slices_judge(q->def, w->cells[i], slots));
        if (counts_total(w->worth) > BUDGET_EVENTS_MAX - slices_whole(q->def))
            return err_set(reterr, "the span holds too many slices of '%s'", q->def->name);
    }
    return 0;
}

int query_step_slices(struct slo_query *q, struct err *reterr)
{
    int rc = 0;
    if (q->def->method == METHOD_OCCURRENCES)
        return 0;
    struct walk *w = mem_alloc(sizeof(*w));
    size_t n = q->instants.len;
    int64_t last = q->instants.at[n - 1];
    w->q = q;
    w->grid = slices_grid(q->def);
    w->edges[0] = slices_floor(&w->grid, q->instants.at[0]);
    q->worth = mem_array(n, sizeof(*q->worth));
    for (size_t slices; rc == 0 && (slices = fill_page(w, last)) > 0;) {
        rc = judge_page(w, slices, reterr);
        w->edges[0] = w->edges[slices];
    }
    reach(w, INT64_MAX);
    free(w);
    return rc;
}

/* Those that hold a scheduled slot. */
int64_t query_slices_to_come(const struct slo_query *q)
{
    struct slice_grid grid = slices_grid(q->def);
    int64_t n = 0, at = slices_floor(&grid, q->out->upto_us);
    while (at < q->out->end_us) {
        int64_t next = slices_next(&grid, at);
        n += next <= q->out->end_us && slo_query_slots(q, at, next) > 0;
        at = next;
    }
    return n;
}
