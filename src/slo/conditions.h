/*
 * Alerts besides burn rates: what each kind asks, as small pure functions, in one table.
 * A condition is judged at the instants of burn-rate alerts, and alert_step_plain()
 * makes an alert of what it says, with the same phases: docs/alerts.md.
 *
 *  - no_data: an SLI is silent for max(3 * interval, 5 min) while the prober listens.
 *  - prober_down: nothing can be stored for 30 s, a page; or nothing was measured for 2
 *    min or longer, which ended within the last minute, a ticket.
 *  - failures: at least k of the newest n runs of a probe were bad. Excluded and skipped
 *    runs are none of the n. Fewer runs than n are enough if k of them were bad.
 *  - certificate: what a probe saw last ends within a time, or has ended.
 *  - budget_spent: an SLO has spent a share of its budget.
 */
#pragma once

#include "nines/alert.h"
#include "nines/result.h"
#include "nines/slo.h"

#include <stdint.h>

#define CONDITION_RUNS_MAX 64
#define CONDITION_SILENT_US (5 * USEC_PER_MIN)
#define CONDITION_SILENT_INTERVALS 3
#define CONDITION_STORE_US (30 * USEC_PER_SEC)
#define CONDITION_GAP_US (2 * USEC_PER_MIN)
#define CONDITION_GAP_TOLD_US USEC_PER_MIN

enum condition_kind {
    CONDITION_NO_DATA,
    CONDITION_PROBER_DOWN,
    CONDITION_FAILURES,
    CONDITION_CERTIFICATE,
    CONDITION_BUDGET_SPENT,
    CONDITION_KINDS
};

enum condition_about { CONDITION_OF_SLO, CONDITION_OF_PROBE, CONDITION_OF_PROCESS };

struct condition {
    enum condition_kind kind;
    enum severity severity; /* of prober_down it is the kind's own */
    int failures, of;       /* failures: 1 <= failures <= of <= CONDITION_RUNS_MAX */
    int64_t within_us;      /* certificate */
    struct decimal spent;   /* budget_spent: a ratio above 0 */
};

/* The newest runs of a probe in the order in which they ended; zeroes: none yet. */
struct run_tail {
    uint64_t bad; /* bit 0: the newest */
    int n;
};
void run_tail_add(struct run_tail *tail, enum outcome o);

/* What is known at an instant; a kind looks at its own. */
struct condition_view {
    /* no_data: the newest slot that had data (INT64_MIN: none yet), since when the prober
     * has listened without a gap, and how often. */
    int64_t data_us, listens_us, interval_us;
    /* prober_down: since when commits fail (0: they do not), and the last span in which
     * nothing was measured, [from, to), both 0 if there was none. */
    int64_t failing_us, gap_from_us, gap_to_us;
    struct run_tail runs;      /* failures */
    int64_t cert_not_after_us; /* certificate; 0: none was seen */
    struct budget_use use;     /* budget_spent */
};

/* The severity that is wanted at t; SEVERITY_NONE: the condition does not hold. */
enum severity condition_judge(const struct condition *c, const struct condition_view *v,
                              int64_t t_us);

struct condition_info {
    const char *name;  /* "no_data" */
    const char *alert; /* "NoData": the label alertname */
    enum condition_about about;
    enum severity severity; /* unless it is configured */
};
const struct condition_info *condition_info(enum condition_kind k);
