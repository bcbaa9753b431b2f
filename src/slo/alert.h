/*
 * The alert state machine of one (SLO, objective): one enum, changed in one
 * function, pure. Evaluated at multiples of 10 s over what was visible then.
 *
 * inactive -> firing when any tier fires; firing -> cooling when none does and
 * each may clear; cooling -> firing again without a message if one refires;
 * cooling -> inactive after 5 min, with one resolve message. Several tiers are
 * one alert with the highest severity; a higher tier that starts is an
 * escalation (message), a lower one that remains is a de-escalation (message).
 *
 * While the alert is muted, since what it depends on is known to fail, its moves
 * are stored and not sent. What people then do not know, or know otherwise, is
 * sent as soon as the alert is muted no more, if it fires still: as the alert's
 * `fire`, if there was none, or as a change of severity. A resolve is sent, muted
 * or not, if people know of the alert, and else never.
 *
 * A tier whose short window is less than half observed does not clear: while
 * the alert fires, it holds the alert if it is of the alert's severity, or a
 * lower one whose long window still burns. The state holds no more than the
 * severity, so that a restart between two transitions changes nothing.
 */
#pragma once

#include "nines/alert.h"
#include "slo/tiers.h"

#include <stdbool.h>
#include <stdint.h>

#define ALERT_COOLING_US (5 * USEC_PER_MIN)

struct tier_view {
    struct tier_counts lng, shrt;
};

/*
 * Steps the machine to instant t, a multiple of 10 s; an instant that is not
 * after the last one changes nothing. views[i] belongs to slo->tiers[i]. True
 * when there is a transition, which is then in *ret (strings borrowed from
 * slo). The transition's severity is the new one; of `cool` and `resolve`, the
 * one that ends.
 */
bool alert_step(struct alert_state *state, const struct slo_def *slo, int64_t t_us,
                const struct tier_view *views, bool muted, struct alert_transition *ret);
