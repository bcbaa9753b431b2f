#include "engine/attach_targets.h"

#include "base/mem.h"
#include "engine/sieved.h"
#include "slo/slices.h"
#include "slo/targets.h"

#include <string.h>

void attach_targets_want(struct attach_targets *a, const struct evaluator *e)
{
    for (size_t i = 0; i < evaluator_count(e); i++) {
        struct attach_target_list l = {0};
        if (!evaluator_wants_targets(e, i, &l.of))
            continue;
        l.of.key = l.key = mem_strdup(l.of.key);
        exclusions_ref(l.of.sieve.set);
        vec_push(&a->list, l);
    }
}

static int events_before(struct attach_target_list *l, struct store_reader *r, int64_t border_us,
                         struct counts *ret, struct err *reterr)
{
    return sieved_counts(r, &l->of.slo->sli, &l->of.sieve, border_us - border_us % USEC_PER_HOUR,
                         border_us, ret, reterr);
}

/* Those that ended in the border's hour, until then. A slice is a minute at least. */
static int slices_before(struct attach_target_list *l, struct store_reader *r, int64_t border_us,
                         struct counts *ret, struct err *reterr)
{
    struct slice_grid grid = slices_grid(l->of.slo);
    int64_t edges[62], hour = border_us - border_us % USEC_PER_HOUR;
    struct counts cells[61];
    size_t n = 0;
    edges[0] = slices_floor(&grid, hour);
    while (edges[n] < border_us && n < countof(cells)) {
        edges[n + 1] = slices_next(&grid, edges[n]);
        n++;
    }
    if (n == 0)
        return 0;
    if (sieved_cells(r, &l->of.slo->sli, &l->of.sieve, edges, n, cells, reterr) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        counts_add(ret, slices_judge(l->of.slo, cells[i], 0)); /* those without data do not count */
    return 0;
}

static int read_head(struct attach_target_list *l, struct store_reader *r, size_t i,
                     struct err *reterr)
{
    const struct slo_def *slo = l->of.slo;
    struct past_head *head = &l->heads[i];
    int64_t border = targets_border(slo, l->at[i].since_us);
    int64_t oldest = l->of.now_us - window_longest_us(&slo->window) - 2 * USEC_PER_HOUR;
    if (border < oldest || border > l->of.now_us - EVALUATE_HEADS_US)
        return 0;
    head->known = true;
    if (border % USEC_PER_HOUR == 0)
        return 0;
    if (slo->method == METHOD_OCCURRENCES)
        return events_before(l, r, border, &head->counts, reterr);
    return slices_before(l, r, border, &head->counts, reterr);
}

static int read_list(struct attach_target_list *l, struct store_reader *r, struct err *reterr)
{
    const struct slo_def *slo = l->of.slo;
    if (store_reader_slo_targets(r, slo->name, slo->objective_name, &l->at, &l->n, reterr) < 0)
        return -1;
    if (!targets_in_force(slo, l->at, l->n))
        l->n = 0;
    size_t skip = l->n > EVALUATE_TARGETS_MAX ? l->n - EVALUATE_TARGETS_MAX : 0;
    if (skip)
        memmove(l->at, l->at + skip, (l->n - skip) * sizeof(*l->at));
    l->n -= skip;
    l->heads = mem_array(l->n + 1, sizeof(*l->heads));
    for (size_t i = 1; i < l->n; i++)
        if (read_head(l, r, i, reterr) < 0)
            return -1;
    return 0;
}

int attach_targets_read(struct attach_targets *a, struct store_reader *r, struct err *reterr)
{
    int rc = store_reader_begin(r, reterr);
    if (rc < 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < a->list.len; i++)
        rc = read_list(&a->list.at[i], r, reterr);
    store_reader_end(r);
    return rc;
}

void attach_targets_merge(const struct attach_targets *a, struct evaluator *e)
{
    for (size_t i = 0; i < a->list.len; i++) {
        const struct attach_target_list *l = &a->list.at[i];
        evaluator_set_targets(e, &l->of, l->at, l->heads, l->n);
    }
}

void attach_targets_release(struct attach_targets *a)
{
    for (size_t i = 0; i < a->list.len; i++) {
        exclusions_unref(a->list.at[i].of.sieve.set);
        free(a->list.at[i].key);
        free(a->list.at[i].at);
        free(a->list.at[i].heads);
    }
    vec_release(&a->list);
}
