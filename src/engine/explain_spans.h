/*
 * Minutes in which something was lost, merged into spans: pure. Memory is
 * bounded: of more than EXPLAIN_SPANS_MAX spans the largest are kept, and all of
 * them are counted.
 */
#pragma once

#include "base/vec.h"
#include "engine/explain.h"

struct span_list {
    int64_t gap_us;           /* minutes no further apart are one span */
    struct explain_span open; /* the last one, may still grow; lost 0: there is none */
    VEC(struct explain_span) spans;
    struct explain_sums all;
};

/* Something was lost in [from, to), a minute or the part of one that the window
 * holds; `lost` > 0. Of one cause from's never fall. */
void span_list_add(struct span_list *l, enum explain_cause cause, int64_t from_us, int64_t to_us,
                   int64_t lost);

/* No more come: the largest spans first, equal ones by time. */
void span_list_end(struct span_list *l);
void span_list_release(struct span_list *l);
