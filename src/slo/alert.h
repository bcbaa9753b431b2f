/*
 * The alert state machine of one (SLO, objective): one enum, changed in one
 * function, pure. Evaluated at multiples of 10 s over what was visible then.
 *
 * inactive -> firing when a tier fires; with `for`, inactive -> pending, and pending
 * -> firing when one has fired at each instant for so long, with the severity of that
 * instant, or back to inactive when none does. Neither is sent. firing -> cooling when
 * none fires and each may clear; cooling -> firing again without a message if one
 * refires; cooling -> inactive after 5 min, with one resolve message. Several tiers are
 * one alert with the highest severity; a higher tier that starts is an escalation
 * (message), a lower one that remains is a de-escalation (message).
 *
 * While the alert is muted, since what it depends on is known to fail, its moves
 * are stored and not sent. What people then do not know, or know otherwise, is
 * sent as soon as the alert is muted no more, if it fires still: as the alert's
 * `fire`, if there was none, or as a change of severity. A resolve is sent, muted
 * or not, if people know of the alert, and else never.
 *
 * A tier whose short window is less than half observed, a blind one, does not
 * clear: while the alert fires, it holds the alert as long as its long window
 * burns; the tiers of the alert's severity do so too while all of them are blind,
 * since none of them can tell that it is over. A higher tier holds nothing. All of
 * this follows from the severity and the windows, and time from what is stored with
 * transitions: a restart between two of them, or other tiers, change nothing.
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
 * one that ends: of a `resolve` that is sent the one that people were told of.
 */
bool alert_step(struct alert_state *state, const struct slo_def *slo, int64_t t_us,
                const struct tier_view *views, bool muted, struct alert_transition *ret);

/*
 * The same machine for what is no burn rate (slo/conditions.h): `want` is what is
 * wanted at t, SEVERITY_NONE: nothing. Whose alert it is the caller fills in, and there
 * is no tier.
 */
bool alert_step_plain(struct alert_state *state, int64_t for_us, enum severity want, int64_t t_us,
                      bool muted, struct alert_transition *ret);
