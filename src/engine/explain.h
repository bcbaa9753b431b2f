/*
 * Where an objective's budget went: from its report down to spans of time, their
 * reasons, the changes before and the alerts within them, and to the rows
 * themselves. Read a day at a time, each as of one moment. Not for the loop thread.
 *
 * A span is made of the minutes (of UTC) that hold bad events: two of them are of
 * one span when no more than `gap_us` lies between. So each bad event of the
 * report is in exactly one span. What is missing makes spans in the same way. Of what
 * is excluded nothing is in a span, whatever lies around it; the report lists it.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "engine/query.h"

#include <stddef.h>
#include <stdint.h>

#define EXPLAIN_SPANS_MAX 4096
#define EXPLAIN_LIMIT_MAX 1000
#define EXPLAIN_BEFORE_US (60LL * 60 * 1000000) /* changes up to so long before a span */

enum explain_cause { EXPLAIN_BAD, EXPLAIN_PROBER_DOWN, EXPLAIN_TARGET_SILENT };

struct explain_span {
    enum explain_cause cause;
    /* [from, to): from the first bad slot to one interval behind the last, where
     * results are kept; else whole minutes */
    int64_t from_us, to_us;
    int64_t lost;        /* bad events, or slots that are missing */
    int64_t total;       /* events within; 0 unless EXPLAIN_BAD */
    struct counts worth; /* under slice methods, of the slices it reaches into */
    struct report_reason reasons[REASON_COUNT]; /* falling; none where results are gone */
    size_t reason_count;
    /* of the report's lists: changes in the hour before it and within, and alerts
     * that fired within or up to a gap later */
    size_t annotation_first, annotation_count;
    size_t alert_first, alert_count;
};

struct explain_sums {
    int64_t count, lost;
};

/* A bad result; of a metric SLI a slot with bad events. */
struct explain_row {
    int64_t at_us, good, bad;
    enum reason reason;
    int code;
    int64_t total_us; /* -1: a metric SLI's events have none */
    /* Of the evidence as stored; of a good answer that is bad by the SLI's measure what
     * was seen; or NULL. */
    const char *message;
    const struct answer *answer; /* NULL, but while rows are read */
};

struct explain_query {
    const char *slo;
    const char *objective_name; /* NULL: the SLO has one */
    int64_t at_us;
    size_t limit; /* of spans, and of rows; at most EXPLAIN_LIMIT_MAX */
    size_t span;  /* whose rows: its rank from 1; 0: the largest one's */
};

struct explain {
    struct report *report;
    const struct report_slo *slo; /* of a composite all that follows is empty */
    int64_t gap_us;
    struct explain_sums bad, missing; /* of all spans */
    struct explain_span *spans;       /* of bad events, the largest first */
    size_t span_count;                /* at most `limit` */
    struct explain_span *gaps;        /* of missing data, the same */
    size_t gap_count;

    size_t rank; /* of the span whose rows these are; 0: there is none */
    struct explain_span chosen;
    struct explain_row *rows; /* oldest first, at most `limit` */
    size_t row_count;
    int64_t rows_bad;     /* events in `rows` */
    int64_t raw_since_us; /* there are no rows before; 0: there are */
    struct arena arena;
};

/* explain_free() frees it. Errors: no such SLO, objective or span, several
 * objectives and none named; history that changed while it was read. */
int explain_read(struct config *cfg, struct store_reader *r, const struct explain_query *q,
                 struct explain **ret, struct err *reterr);
void explain_free(struct explain *e); /* NULL is fine */

/* What a span of bad events is of the budget, 1 being all of it; false when there is
 * no budget. */
bool explain_share(const struct explain *e, const struct explain_span *s, double *ret);

const char *explain_cause_name(enum explain_cause c); /* "prober_down" */
