/* What the slices that a span reaches into are worth. A gap is at least a slice long,
 * so no two spans share one. */
#include "engine/explain_internal.h"

#include "base/mem.h"
#include "engine/sieved.h"
#include "slo/expected.h"
#include "slo/slices.h"

#define PAGE 1440

struct slice_page {
    int64_t edges[PAGE + 1];
    struct counts cells[PAGE];
};

/* Those that begin before `to` and ended in the window. */
static size_t fill_page(const struct explain_job *j, struct slice_grid *g, struct slice_page *p,
                        int64_t to_us)
{
    size_t n = 0;
    while (n < PAGE && p->edges[n] < to_us) {
        int64_t next = slices_next(g, p->edges[n]);
        if (next > j->out->slo->upto_us)
            break;
        p->edges[++n] = next;
    }
    return n;
}

int explain_slices(const struct explain_job *j, struct explain_span *s, struct err *reterr)
{
    int rc = 0;
    if (j->def->method == METHOD_OCCURRENCES)
        return 0;
    struct slice_page *p = mem_alloc(sizeof(*p));
    struct slice_grid g = slices_grid(j->def);
    p->edges[0] = slices_floor(&g, s->from_us);
    for (size_t n; rc == 0 && (n = fill_page(j, &g, p, s->to_us)) > 0; p->edges[0] = p->edges[n]) {
        rc = sieved_cells(j->reader, &j->def->sli, j->sieve, p->edges, n, p->cells, reterr);
        for (size_t i = 0; rc == 0 && i < n; i++) {
            int64_t slots = sieve_slots(j->sieve, j->revisions, j->revision_count, p->edges[i],
                                        p->edges[i + 1]);
            counts_add(&s->worth, slices_judge(j->def, p->cells[i], slots));
        }
    }
    free(p);
    return rc;
}
