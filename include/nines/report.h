/*
 * An error-budget report as data: what src/engine/query.c computes from the
 * store and every format in src/report prints. docs/report.md is the manual of
 * the JSON form. Times in microseconds; latencies in microseconds; a double is
 * only ever for printing, and `has_*` says whether there is a number at all.
 */
#pragma once

#include "nines/alert.h"
#include "nines/exclusion.h"
#include "nines/incident.h"
#include "nines/slo.h"
#include "nines/store_reader.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct excluding; /* engine/excluding.h */

enum slo_state { SLO_MET, SLO_BREACHED, SLO_AT_RISK, SLO_WARMING, SLO_NO_DATA };

struct report_burn {
    int64_t window_us;
    bool has_rate;
    double rate;
};

struct report_tier {
    struct tier_def def;
    bool firing;
    double long_burn, short_burn;
};

/* Where results are deleted reasons are known by the hour: the bad events that are left
 * of an hour which an exclusion cuts are of this one, "unknown". */
#define REPORT_REASON_UNKNOWN REASON_COUNT

struct report_reason {
    enum reason reason;
    int64_t count;
};

/* Latency of all runs; failed ones rank above all others. */
struct report_latency {
    int64_t count, censored;
    int64_t p50_us, p90_us, p95_us, p99_us, max_us;  /* -1: no data */
    bool p50_lower, p90_lower, p95_lower, p99_lower; /* lands on a censored run */
};

/* One day, in UTC, of the runs of an agent's probe. */
struct report_answer_day {
    int64_t from_us, to_us; /* cut by the window */
    struct answer_sums sums;
};

/* What the runs of an agent's probe measured in the window, all of them, whatever the
 * objective is. */
struct report_answers {
    bool streams;                           /* else there is neither ttft nor gap */
    struct report_latency ttft, gap, token; /* token: nanoseconds for each, where it says us */
    struct answer_sums sums;
    const char *currency; /* of costs; NULL: there are no prices */
    bool has_per_good;
    int64_t per_good;               /* cost of all runs over the good ones, rounded to nearest;
                               at least that, if some are not known */
    struct report_answer_day *days; /* that have runs or were held, oldest first */
    size_t day_count;
};

/* One step of the curves, [at, at + step). */
struct report_point {
    int64_t at_us;
    struct counts counts;
    int64_t expected, observed;     /* slots; a ratio's events are not slots */
    int64_t p50_us, p95_us, p99_us; /* -1: no data */
    struct percentiles ttft, gap;   /* of answers; -1: no data */
    bool has_budget;
    double budget_remaining; /* ratio; falls from 1 at the window's start to the report's
                                own remaining_ratio at its end */
    bool has_burn;
    double burn; /* over the step */
};

struct report_incident {
    int64_t from_us, to_us; /* to_us 0: still going on */
    enum severity severity;
    int64_t bad; /* events lost from fire to resolve */
};

struct report_failure {
    int64_t at_us;
    enum reason reason;
    int code;
    const char *message; /* NULL or "": not kept, or none was given */
};

/* A target that held in a part of the window, and what it allows there. */
struct report_target {
    int64_t since_us; /* the start of the part */
    struct decimal target;
    int64_t total;  /* its events, or slices */
    double allowed; /* of these */
};

/* A deploy or a note of the window. */
struct report_annotation {
    int64_t at_us;
    const char *kind;  /* "deploy", "note" */
    const char *probe; /* that saw it, or "" */
    const char *text;  /* "1.0.0 -> 1.1.0" */
};

/* Of a composite: how one of its objectives did in the composite's window, by its
 * method, and what of the spending is its. */
struct report_member {
    const struct slo_def *def; /* the member as it is declared */
    struct decimal weight;
    enum slo_state state;
    struct counts counts;
    bool has_sli, has_budget;
    double sli, consumed_ratio; /* of its own budget; of slices, as if it were alone */
    bool has_share;             /* something is spent */
    double share;               /* of what all members have spent, weights applied */
};

/* A span of an exclusion that reaches into the window. */
struct report_exclusion {
    int64_t from_us, to_us;            /* [from, to), as it is excluded, not cut by the window */
    const struct exclusion *exclusion; /* the report's */
};

struct report_slo {
    const struct slo_def *def;
    enum sli_source source;
    const char *expression;       /* of the source, for people: "redis within 50ms"; NULL or "":
                                     there is nothing to add to the probe */
    const char *budgeting_method; /* "Occurrences" */
    int64_t start_us, end_us;     /* [start, end): the window; end is `at`, or a calendar
                                 period's end */
    int64_t upto_us;              /* data counted up to here, min(end, at) */
    enum slo_state state;
    struct counts counts;
    struct counts judged;  /* what the budget is made of: `counts`, or the worth of
                             slices (slo/slices.h) */
    struct budget_use use; /* what that spent, of what the targets allow */
    int64_t slices;        /* that were judged; 0 of Occurrences */
    bool conclusive;       /* enough events or slices that one bad one is no breach */
    bool has_sli;
    double sli;

    int64_t expected, observed, prober_down, target_silent, not_started;

    bool has_confidence; /* never of a metric SLI: its events are not independent */
    double confidence_low, confidence_high; /* Wilson, 95 % */

    bool has_budget;
    double allowed, projected, consumed, remaining; /* events or slices */
    double consumed_ratio, remaining_ratio;
    int64_t exhausts_at_us; /* 0: not in sight */
    /* The same by the ends of the 95 % interval of what burns; earliest 0: not in sight,
     * or there is no such interval; latest 0: not in sight. */
    int64_t exhausts_earliest_us, exhausts_latest_us;
    struct report_target *targets; /* those of the window in turn, at least one; they
                                      need not be that of `def` */
    size_t target_count;

    /* Steps of the error-budget policy: the one in force and the one after it; NULL:
     * there is none. */
    const struct policy_step *policy, *policy_next;

    struct report_burn burn[8];
    size_t burn_count;
    struct report_tier *tiers;
    size_t tier_count;
    struct report_member *members; /* of a composite, as it lists them */
    size_t member_count;
    struct report_latency latency;
    struct report_answers *answers;                 /* of an agent's probe; else NULL */
    struct report_reason reasons[REASON_COUNT + 1]; /* falling count */
    size_t reason_count;

    /* for people: text sparkline, HTML */
    int64_t step_us;
    struct report_point *points;
    size_t point_count;
    struct report_incident *incidents; /* oldest first */
    size_t incident_count;
    struct report_failure *failures; /* newest first */
    size_t failure_count;
    struct report_annotation *annotations; /* oldest first */
    size_t annotation_count;

    /* What is excluded of the window, oldest first; the newest ones if there are more. */
    struct report_exclusion *exclusions;
    size_t exclusion_count; /* in the list */
    size_t excluded_spans;  /* of all */
    /* the same window as if nothing were, brief; NULL if nothing is, or if this is brief */
    struct report_slo *unexcluded;

    /* of the period before, brief; NULL unless the report is one of a period */
    struct report_slo *previous;
};

struct report {
    int64_t generated_at_us, at_us;
    struct report_slo *slos;
    size_t slo_count;
    /* Those that were going on in a window, about any of its objectives, or about none, by
     * rising number; a brief report has none. And what their times come to. */
    struct incident_case *incidents;
    size_t incident_count;
    struct incident_mean to_detect, to_restore;
    struct arena arena;          /* all of the above lives here */
    struct config *config;       /* a reference: defs live there */
    struct excluding *excluding; /* a reference: exclusions live there */
};

struct report_style {
    bool color;
    int width;            /* columns for text */
    const char *group_by; /* "service" or a label: roll-ups by it as well; or NULL */
};

/*
 * A report format. To add one: write src/report/NAME.c with one `const struct
 * report_format` and add its line to the table in src/report/formats.c.
 */
struct report_format {
    const char *name;
    const char *help;
    int (*write)(const struct report *r, const struct report_style *style, struct str *out);
};

extern const struct report_format *const report_formats[]; /* NULL-ended */

const char *slo_state_name(enum slo_state s); /* "at_risk" */
