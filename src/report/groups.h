/*
 * Roll-ups: what the objectives of a service, or of one label's value, come to
 * together. States are counted and events are added up; ratios are not averaged.
 */
#pragma once

#include "nines/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct term;

/* What to group by: this, or else a label. */
#define GROUPS_BY_SERVICE "service"
#define GROUPS_BY_TEAM "team" /* a label that JSON always groups by, if there is one */

struct report_group {
    const char *name; /* NULL: of those that have none */
    size_t objectives;
    size_t states[SLO_NO_DATA + 1];
    const struct report_slo *least; /* that has the least of its budget left; NULL: none
                                       has a budget */
    /*
     * The events of the SLIs of the group, each SLI once; composites add none, theirs
     * are their members'. Not there if the objectives are of different spans, or if
     * two of one SLI count differently.
     */
    bool has_events;
    int64_t bad, total;
};

struct report_groups {
    const char *by;
    struct report_group *at; /* by name; that without a name is the last */
    size_t n;
};

/* `by` and the report outlive the groups. */
void groups_make(struct report_groups *g, const struct report *r, const char *by);
void groups_release(struct report_groups *g);

/* Met only if all are; else the first state that one of them has, of breached, at
 * risk, warming and no data. */
enum slo_state groups_state(const struct report_group *g);

/* "1 breached, 2 met" */
void groups_states(struct str *out, const struct report_group *g);

/*
 * The roll-ups of a JSON document, an array: by service, by team if any objective has
 * one, and by `by`, which may be NULL. `newline` goes in front of each group: "" for
 * documents of one line.
 */
void groups_put_json(struct str *out, const struct report *r, const char *by, const char *newline);

/* A table of the groups, one line each; behind it an empty line. */
void groups_put_text(struct term *t, const struct report *r, const char *by);
/* The same for Markdown and HTML. `text` makes a name harmless there. */
typedef void groups_text(struct str *out, const char *text);
void groups_put_markdown(struct str *out, const struct report *r, const char *by,
                         groups_text *text);
void groups_put_html(struct str *out, const struct report *r, const char *by);
