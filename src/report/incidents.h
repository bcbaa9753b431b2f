/*
 * Incidents as each format tells of them: docs/incidents.md. A report without any has
 * nothing of it, but for JSON, which always has its list.
 */
#pragma once

#include "nines/incident.h"
#include "nines/report.h"
#include "report/fmt.h"
#include "report/term.h"

typedef void incidents_text(struct str *out, const char *text); /* makes a text harmless */

/* Members of the report's object, with a comma behind the last: "incidents", an array with
 * `newline` in front of each, and "incident_times". */
void incidents_put_json(struct str *out, const struct report *r, const char *newline);
/* One as an object, without what is behind its brace: members may be added. */
void incident_put_json(struct str *out, const struct incident_case *c);

/* A chapter at the end. */
void incidents_put_text(struct term *t, const struct report *r);
void incidents_put_markdown(struct str *out, const struct report *r, incidents_text *text);
void incidents_put_html(struct str *out, const struct report *r);

/* "open" or "closed" */
const char *incident_state(const struct incident *in);
/* A span, or a dash where it is not known. */
char *incident_span(char buf[static FMT_MAX], int64_t us);
/* "by an alert", "by anna" */
void incident_by(struct str *out, const char *who);
