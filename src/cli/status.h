/*
 * The two voices of `nines status`. Both append to `out`; -1 when it overflows.
 */
#pragma once

#include "base/str.h"
#include "engine/overview.h"

/* With `style->group_by` a line for each group instead of each objective. */
int status_put_text(const struct overview *o, const struct report_style *style, struct str *out);

/*
 * {"at", "daemon": {"running", "started_at", "alive_at", "watchdog_at", "complete_through"},
 *  "slos": [{"slo", "service", "objective_name", "target", "state", "sli", "good", "bad",
 *    "coverage", "remaining_ratio", "burn_1h", "burn_6h", "alert", "severity", "since"}],
 *  "rollups": as in a report,
 *  "probes": [{"probe", "spend", "last": null or {"time", "outcome", "reason", "code",
 *    "latency_ms", "message"}, "held_back": null or {"last_run": as "last"}}],
 *  "spend": null or {"currency", "hour": {"tokens", "tokens_cap", "cost", "cost_cap"}, "day"},
 *  "alerts_on", "alerts_silenced", "silences": [those that mute one: {"id", "matchers",
 *    "ends_at", "author", "comment", "mutes"}]}
 *
 * One object on one line, so that --watch gives a stream of them.
 */
int status_put_json(const struct overview *o, const struct report_style *style, struct str *out);

/* Their parts on what asking agents spent: of a probe, below its line; of all. In JSON the
 * member "spend", of all with `p` NULL. */
struct term;
void status_put_spend(struct term *t, const struct overview *o, const struct overview_probe *p);
void status_put_all_spend(struct term *t, const struct overview *o);
void status_put_spend_json(struct str *out, const struct overview *o,
                           const struct overview_probe *p);

/* Their parts on open incidents: a line each, and the member "incidents" of the object, an array
 * as of a report. */
void status_put_incidents(struct term *t, const struct overview *o);
void status_put_incidents_json(struct str *out, const struct overview *o);

/* Their parts on alerts besides burn rates: nothing where none is on; and the member before
 * "alerts_on", "other_alerts": [{"alertname", "severity", "slo", "objective", "probe",
 * "threshold", "since", "summary"}], what is not said "". */
void status_put_conditions(struct term *t, const struct overview *o);
void status_put_conditions_json(struct str *out, const struct overview *o);

/* Their parts on silences: nothing where no alert that is on is mute, and the last members
 * of the object. */
void status_put_silences(struct term *t, const struct overview *o);
void status_put_silences_json(struct str *out, const struct overview *o);
