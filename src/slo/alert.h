/*
 * The alert state machine of one (SLO, objective): one enum, changed in one
 * function, pure. Evaluated at multiples of 10 s over what was visible then.
 *
 * inactive -> firing when any tier fires; firing -> cooling when none does and
 * each may clear; cooling -> firing again without a message if one refires;
 * cooling -> inactive after 5 min, with one resolve message. Several tiers are
 * one alert with the highest severity; a higher tier that starts is an
 * escalation (message), a lower one that remains is a de-escalation (message).
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

/* Steps the machine to instant t. views[i] belongs to slo->tiers[i]. True when
 * there is a transition, which is then in *ret (strings borrowed from slo). */
bool alert_step(struct alert_state *state, const struct slo_def *slo, int64_t t_us,
                const struct tier_view *views, struct alert_transition *ret);
