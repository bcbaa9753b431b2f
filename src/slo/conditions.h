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
 *  - exhausts_in: what is left of an SLO's budget is spent within a time, at the pace of
 *    the last 6 hours: what a report calls `exhausts_at` is not further away. A budget
 *    that is spent already has no end to come, and holds.
 */
#pragma once

#include "nines/alert.h"
#include "nines/condition.h"
#include "nines/result.h"
#include "nines/slo.h"
#include "slo/budget.h"

#include <stdint.h>

#define CONDITION_SILENT_US (5 * USEC_PER_MIN)
#define CONDITION_SILENT_INTERVALS 3
#define CONDITION_STORE_US (30 * USEC_PER_SEC)
#define CONDITION_GAP_US (2 * USEC_PER_MIN)
#define CONDITION_GAP_TOLD_US USEC_PER_MIN

enum condition_about { CONDITION_OF_SLO, CONDITION_OF_PROBE, CONDITION_OF_PROCESS };

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
    struct budget_use use;     /* budget_spent, exhausts_in */
    struct budget_pace pace;   /* exhausts_in */
};

/* Since when an SLI is silent, as far as anybody listened: no_data holds from
 * condition_silent_us() after it. */
static inline int64_t condition_silent_since(const struct condition_view *v)
{
    return v->data_us > v->listens_us ? v->data_us : v->listens_us;
}
int64_t condition_silent_us(int64_t interval_us);

/* The severity that is wanted at t; SEVERITY_NONE: the condition does not hold. */
enum severity condition_judge(const struct condition *c, const struct condition_view *v,
                              int64_t t_us);

/* The same for an alert that is in this state: what cannot be told yet, as after a start,
 * does not end it. Until something new is heard, a silent SLI stays silent and a
 * certificate that is not seen yet is the one that was. */
enum severity condition_wanted(const struct condition *c, const struct condition_view *v,
                               const struct alert_state *state, int64_t t_us);

/*
 * What tells apart the alerts of one kind about one subject, for alert_transition's
 * objective_name: the objective, a space, and the condition's key; what is "" is left
 * out. `ret` holds CONDITION_NAME_MAX bytes.
 */
#define CONDITION_NAME_MAX 320
const char *condition_name(const struct condition *c, const char *objective_name,
                           char ret[static CONDITION_NAME_MAX]);

struct condition_info {
    const char *name;  /* "no_data" */
    const char *alert; /* "NoData": the label alertname */
    enum condition_about about;
    enum severity severity; /* unless it is configured */
};
const struct condition_info *condition_info(enum condition_kind k);
