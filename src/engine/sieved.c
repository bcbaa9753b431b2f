#include "engine/sieved.h"

#include "base/mem.h"
#include "base/vec.h"

#include <string.h>

/* One stretch of a cell. */
struct piece {
    size_t cell;
    bool within;
    enum exclusion_mode mode;
};

struct pieces {
    VEC(struct piece) list;
    VEC(int64_t) edges;
};

static int cut(struct pieces *p, struct sieve *s, const int64_t *edges, size_t n,
               struct err *reterr)
{
    for (size_t i = 0; i < n; i++) {
        for (int64_t t = edges[i]; t < edges[i + 1]; t = s->to_us) {
            if (t < s->from_us || t >= s->to_us)
                sieve_enter(s, t);
            if (p->list.len == n + SIEVED_STRETCHES_MAX)
                return err_set(reterr, "more than %d exclusions in one span of time",
                               SIEVED_STRETCHES_MAX / 2);
            vec_push(&p->list, ((struct piece){i, s->within, s->mode}));
            vec_push(&p->edges, t);
        }
    }
    vec_push(&p->edges, edges[n]);
    return 0;
}

static int read_pieces(struct store_reader *r, const struct sli_def *sli, const struct sieve *s,
                       const struct pieces *p, struct counts *ret, struct err *reterr)
{
    struct counts *counts = mem_array(p->list.len, sizeof(*counts));
    int rc = store_reader_cells(r, sli, p->edges.at, p->list.len, counts, reterr);
    for (size_t i = 0; rc == 0 && i < p->list.len; i++) {
        const struct piece *one = &p->list.at[i];
        counts_add(&ret[one->cell],
                   one->within ? exclusion_apply(one->mode, s->no_data, s->event, counts[i])
                               : counts[i]);
    }
    free(counts);
    return rc;
}

int sieved_cells(struct store_reader *r, const struct sli_def *sli, struct sieve *s,
                 const int64_t *edges, size_t n, struct counts *ret, struct err *reterr)
{
    struct pieces p = {0};
    if (!s->set || n == 0)
        return store_reader_cells(r, sli, edges, n, ret, reterr);
    memset(ret, 0, n * sizeof(*ret));
    int rc = cut(&p, s, edges, n, reterr);
    if (rc == 0)
        rc = read_pieces(r, sli, s, &p, ret, reterr);
    vec_release(&p.list);
    vec_release(&p.edges);
    return rc;
}

int sieved_counts(struct store_reader *r, const struct sli_def *sli, struct sieve *s,
                  int64_t from_us, int64_t to_us, struct counts *ret, struct err *reterr)
{
    const int64_t edges[] = {from_us, to_us};
    if (!s->set || from_us >= to_us)
        return store_reader_counts(r, sli, from_us, to_us, ret, reterr);
    return sieved_cells(r, sli, s, edges, 1, ret, reterr);
}
