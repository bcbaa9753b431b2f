/*
 * The error-budget policy of an objective: the step in force and the next one, as each
 * format says it. An objective without a policy has nothing of it.
 */
#pragma once

#include "nines/report.h"
#include "report/term.h"

typedef void policy_text(struct str *out, const char *text); /* makes a text harmless */

/* {"spent", "then", "stop"}, or null. */
void policy_put_step(struct str *out, const struct policy_step *step);

/* {"in_force", "next"}, a step each; null without a policy. */
void policy_put_json(struct str *out, const struct report_slo *s);

/* A line or two, behind a label `columns` wide. */
void policy_put_term(struct term *t, const struct report_slo *s, int columns);
void policy_put_markdown(struct str *out, const struct report_slo *s, policy_text *text);
void policy_put_html(struct str *out, const struct report_slo *s);
