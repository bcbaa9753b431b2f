#include "engine/backfill_slices.h"

#include "base/mem.h"
#include "engine/sieved.h"
#include "slo/live.h"
#include "slo/slices.h"

#include <stdlib.h>

#define PAGE 4096
/* From here on it matters what was done when, and events are kept by the minute. */
#define RECENT_US (3 * USEC_PER_DAY)

struct page {
    int64_t edges[PAGE + 1];
    struct counts cells[PAGE];
};

static void add(struct backfill_slices *b, struct live *live, int64_t begin_us, int64_t end_us,
                struct counts events)
{
    int64_t slots =
        sieve_slots(&b->sieve, b->probe->revisions, b->probe->revision_count, begin_us, end_us);
    struct counts worth = slices_judge(b->slo, events, slots);
    if (!counts_empty(worth))
        live_add_event(live, end_us - 1, worth);
}

/* Slices from *border on that end by `to`. */
static int add_old(struct backfill_slices *b, struct slice_grid *grid, struct page *p,
                   int64_t *border_us, int64_t to_us, struct live *live, struct err *reterr)
{
    for (size_t n = PAGE; n == PAGE;) {
        p->edges[0] = *border_us;
        for (n = 0; n < PAGE && slices_next(grid, p->edges[n]) <= to_us; n++)
            p->edges[n + 1] = slices_next(grid, p->edges[n]);
        if (n > 0 &&
            sieved_cells(b->reader, &b->slo->sli, &b->sieve, p->edges, n, p->cells, reterr) < 0)
            return -1;
        for (size_t i = 0; i < n; i++)
            add(b, live, p->edges[i], p->edges[i + 1], p->cells[i]);
        *border_us = p->edges[n];
    }
    return 0;
}

int backfill_slices(struct backfill_slices *b, struct live **ret, int64_t *ret_until_us,
                    struct err *reterr)
{
    struct slice_grid grid = slices_grid(b->slo);
    /* Long windows begin at whole hours. */
    int64_t first = b->attached_us - b->longest_us - USEC_PER_HOUR;
    int64_t recent = b->attached_us - RECENT_US, end;
    int64_t border = slices_floor(&grid, first > 0 ? first : 0);
    struct live *live = live_new(b->longest_us, b->attached_us);
    struct page *p = mem_alloc(sizeof(*p));
    /* One slice may lie across: it is not old yet, but its first minutes are. */
    int64_t old = slices_floor(&grid, recent > 0 ? recent : 0);
    if (old < recent)
        old = slices_next(&grid, old);
    int rc = add_old(b, &grid, p, &border, old, live, reterr);
    free(p);
    if (rc < 0) {
        live_free(live);
        return -1;
    }
    for (; (end = slices_next(&grid, border)) <= b->attached_us; border = end)
        add(b, live, border, end, live_minutes(b->events, border, end));
    *ret = live;
    *ret_until_us = border;
    return 0;
}
