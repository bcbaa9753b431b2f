/* What is excluded of an SLO's window, for people. */
#include "engine/query_internal.h"

#include "base/vec.h"
#include "engine/excluding.h"
#include "engine/sieved.h"

#include <stdlib.h>

/* The newest so many are kept of what is found: of twice as many half go. */
struct found {
    VEC(struct report_exclusion) list;
    size_t n;
};

static int by_time(const void *a, const void *b)
{
    const struct report_exclusion *x = a, *y = b;
    return (x->from_us > y->from_us) - (x->from_us < y->from_us);
}

static void keep_newest(struct found *f)
{
    size_t n = f->list.len, extra = n > QUERY_EXCLUSIONS_MAX ? n - QUERY_EXCLUSIONS_MAX : 0;
    if (n)
        qsort(f->list.at, n, sizeof(*f->list.at), by_time);
    for (size_t i = 0; extra && i < QUERY_EXCLUSIONS_MAX; i++)
        f->list.at[i] = f->list.at[i + extra];
    f->list.len = n - extra;
}

static int add_spans(const struct report_slo *s, const struct exclusion *x, struct found *f,
                     struct err *reterr)
{
    struct exclusions *set;
    struct exclusion_span span;
    int rc = 0;
    if (exclusions_make(&x, 1, &set, reterr) < 0)
        return -1;
    for (int64_t t = s->start_us; exclusions_next(set, t, &span) && span.start_us < s->end_us;
         t = span.end_us) {
        if (f->n++ == SIEVED_STRETCHES_MAX) {
            rc = err_set(reterr, "more than %d exclusions of '%s' in one window",
                         SIEVED_STRETCHES_MAX, s->def->name);
            break;
        }
        vec_push(&f->list, ((struct report_exclusion){span.start_us, span.end_us, x}));
        if (f->list.len == 2 * QUERY_EXCLUSIONS_MAX)
            keep_newest(f);
    }
    exclusions_unref(set);
    return rc;
}

int query_step_excluded(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    struct found f = {0};
    int rc = 0;
    if (!q->sieve->set)
        return 0;
    for (size_t i = 0; rc == 0 && i < excluding_count(q->excluding); i++) {
        const struct exclusion *x = excluding_at(q->excluding, i);
        if (excluding_concerns(x, q->def))
            rc = add_spans(s, x, &f, reterr);
    }
    keep_newest(&f);
    s->excluded_spans = f.n;
    s->exclusion_count = f.list.len;
    s->exclusions = arena_alloc(q->arena, (f.list.len + 1) * sizeof(*s->exclusions));
    for (size_t i = 0; i < f.list.len; i++)
        s->exclusions[i] = f.list.at[i];
    vec_release(&f.list);
    return rc;
}
