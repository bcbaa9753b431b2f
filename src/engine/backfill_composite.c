#include "engine/backfill_slices.h"

#include "base/mem.h"
#include "engine/sieved.h"
#include "nines/probe.h"
#include "slo/composite.h"
#include "slo/expected.h"
#include "slo/live.h"
#include "slo/slices.h"

#include <stdlib.h>

#define PAGE 1024
#define SETTLED_US (2 * USEC_PER_DAY)

struct part {
    const struct slo_def *def;
    struct sieve sieve;
    struct store_probe known;
    struct probe_revision declared; /* of a probe that never ran */
    struct counts cells[PAGE];
};

struct job {
    const struct backfill_composite *b;
    struct part *parts;
    struct slice_grid grid;
    struct live *live;
    int64_t edges[PAGE + 1];
};

static int read_part(const struct job *j, size_t i, struct err *reterr)
{
    const struct slo_def *def = slo_part(j->b->slo, i);
    struct part *p = &j->parts[i];
    p->def = def;
    p->sieve = sieve_make(j->b->excluded[i], def);
    p->declared = (struct probe_revision){0, def->probe->interval_us, def->probe->phase_us,
                                          def->probe->timeout_us, def->probe->hours};
    return store_reader_probe(j->b->reader, def->sli.probe, &p->known, reterr) < 0 ? -1 : 0;
}

static struct counts worth_of(const struct job *j, struct part *p, size_t cell)
{
    const struct probe_revision *revs = p->known.revisions;
    size_t n = p->known.revision_count;
    if (n == 0) {
        revs = &p->declared;
        n = 1;
    }
    int64_t slots = sieve_slots(&p->sieve, revs, n, j->edges[cell], j->edges[cell + 1]);
    return slices_judge(p->def, p->cells[cell], slots);
}

static void add_slice(const struct job *j, size_t cell)
{
    struct counts worth[SLO_MEMBERS_MAX];
    for (size_t i = 0; i < j->b->slo->member_count; i++)
        worth[i] = worth_of(j, &j->parts[i], cell);
    struct counts all = composite_slice(j->b->slo, worth);
    if (!counts_empty(all))
        live_add_event(j->live, j->edges[cell + 1] - 1, all);
}

/* Slices from edges[0] on that end by `to`; the page's last end is the next one's first. */
static int add_page(struct job *j, int64_t to_us, size_t *ret_n, struct err *reterr)
{
    size_t n = 0;
    for (; n < PAGE && slices_next(&j->grid, j->edges[n]) <= to_us; n++)
        j->edges[n + 1] = slices_next(&j->grid, j->edges[n]);
    for (size_t i = 0; n > 0 && i < j->b->slo->member_count; i++)
        if (sieved_cells(j->b->reader, &j->parts[i].def->sli, &j->parts[i].sieve, j->edges, n,
                         j->parts[i].cells, reterr) < 0)
            return -1;
    for (size_t i = 0; i < n; i++)
        add_slice(j, i);
    j->edges[0] = j->edges[n];
    *ret_n = n;
    return 0;
}

static int read_slices(struct job *j, struct err *reterr)
{
    const struct backfill_composite *b = j->b;
    /* Long windows begin at whole hours. */
    int64_t first = b->attached_us - b->longest_us - USEC_PER_HOUR;
    size_t n = PAGE;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->slo->member_count; i++)
        rc = read_part(j, i, reterr);
    j->edges[0] = slices_floor(&j->grid, first > 0 ? first : 0);
    while (rc == 0 && n == PAGE)
        rc = add_page(j, b->attached_us - SETTLED_US, &n, reterr);
    return rc;
}

int backfill_composite(const struct backfill_composite *b, struct live **ret, int64_t *ret_until_us,
                       struct err *reterr)
{
    struct job *j = mem_alloc(sizeof(*j));
    j->b = b;
    j->parts = mem_array(b->slo->member_count, sizeof(*j->parts));
    j->grid = slices_grid(b->slo);
    j->live = live_new(b->longest_us, b->attached_us);
    int rc = read_slices(j, reterr);
    *ret = j->live;
    *ret_until_us = j->edges[0];
    for (size_t i = 0; i < b->slo->member_count; i++)
        revisions_free(j->parts[i].known.revisions, j->parts[i].known.revision_count);
    free(j->parts);
    free(j);
    if (rc == 0)
        return 0;
    live_free(*ret);
    *ret = NULL;
    return -1;
}
