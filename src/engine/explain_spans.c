#include "engine/explain_spans.h"

#include <assert.h>

static int by_size(const void *a, const void *b)
{
    const struct explain_span *x = a, *y = b;
    if (x->lost != y->lost)
        return x->lost < y->lost ? 1 : -1;
    return (x->from_us > y->from_us) - (x->from_us < y->from_us);
}

static void keep_largest(struct span_list *l)
{
    if (l->spans.len)
        qsort(l->spans.at, l->spans.len, sizeof(*l->spans.at), by_size);
    if (l->spans.len > EXPLAIN_SPANS_MAX)
        l->spans.len = EXPLAIN_SPANS_MAX;
}

static void close_span(struct span_list *l)
{
    if (l->open.lost == 0)
        return;
    l->all.count++;
    vec_push(&l->spans, l->open);
    l->open.lost = 0;
    if (l->spans.len == 2 * EXPLAIN_SPANS_MAX)
        keep_largest(l);
}

void span_list_add(struct span_list *l, enum explain_cause cause, int64_t from_us, int64_t to_us,
                   int64_t lost)
{
    assert(lost > 0 && from_us < to_us);
    l->all.lost += lost;
    if (l->open.lost > 0 && from_us - l->open.to_us <= l->gap_us) {
        l->open.to_us = to_us;
        l->open.lost += lost;
        return;
    }
    close_span(l);
    l->open =
        (struct explain_span){.cause = cause, .from_us = from_us, .to_us = to_us, .lost = lost};
}

void span_list_end(struct span_list *l)
{
    close_span(l);
    keep_largest(l);
}

void span_list_release(struct span_list *l)
{
    vec_release(&l->spans);
}
