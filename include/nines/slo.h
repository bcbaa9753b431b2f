/*
 * SLIs, objectives and windows as declared, and the counts they are judged by.
 * The arithmetic is in src/slo; its meaning in docs/numbers.md.
 */
#pragma once

#include "base/units.h"
#include "base/wide.h"
#include "nines/condition.h"
#include "nines/config.h"
#include "nines/result.h"

#include <stdbool.h>
#include <stdint.h>

struct expr;     /* model/expr.h */
struct selector; /* model/selector.h */
struct zone;     /* an IANA time zone, io/zone.h */

/*
 * What an SLI takes from a probe's samples instead of its results.
 *
 * RATIO: events are what counters grew by from scrape to scrape; `total`, and
 * one of `good` and `bad`. A histogram below a bucket's bound is one: its bucket
 * is `good`, its count `total`.
 * THRESHOLD: each scrape that has the condition's series is one event.
 * RAW: a ready-made ratio: each scrape that has the series is one event, of which the
 * sample is the share that is good, or bad. It counts in parts: sli_event().
 */
enum sli_metric_kind { SLI_RATIO, SLI_THRESHOLD, SLI_RAW };

#define RAW_PARTS 1000000 /* of one event; shares are rounded to them */

struct sli_metric {
    enum sli_metric_kind kind;
    const struct selector *good, *bad; /* RATIO, RAW; one of them is NULL */
    const struct selector *total;      /* RATIO */
    const struct expr *condition;      /* THRESHOLD: without windows */
};

/* A stream of events classified good, bad or excluded. */
struct sli_def {
    const char *probe;               /* probe id */
    const struct sli_metric *metric; /* NULL: the probe's results are the events */
    int64_t faster_than_us;          /* 0: availability; else good needs total <= this */
    enum answer_measure measure;     /* what a good answer has to keep as well, or NONE */
    int64_t bound;                   /* of `measure`, in its unit */
    struct pos measure_pos;          /* of its bound */
    const char *currency;            /* of a bound on cost; NULL: nobody said */
    int8_t classify[REASON_COUNT];   /* outcome a reason is mapped to, or -1 */
    const char *key;                 /* canonical text, equal for equal definitions:
                                 "api-health", "api-health faster_than=500000us" */
};

/* What its counts count one event as: 1, or RAW_PARTS. */
static inline int64_t sli_event(const struct sli_def *sli)
{
    return sli->metric && sli->metric->kind == SLI_RAW ? RAW_PARTS : 1;
}

/* What the events of an SLI are, for people and their tools; slo/source.h tells
 * them apart. */
enum sli_source {
    SOURCE_RESULTS,   /* runs of the probe */
    SOURCE_RATIO,     /* what counters grew by */
    SOURCE_HISTOGRAM, /* the same of a histogram, below a bound */
    SOURCE_THRESHOLD, /* scrapes by a condition */
    SOURCE_COMPONENT, /* the same of a component of a health document */
    SOURCE_RAW,       /* scrapes by a ready-made ratio */
    SOURCE_COMPOSITE, /* of a composite: other objectives */
    SOURCE_ANSWERS,   /* runs of an agent by a measure of their answers */
};

enum window_type { WINDOW_ROLLING, WINDOW_CALENDAR };
enum calendar_unit { CALENDAR_DAY, CALENDAR_WEEK, CALENDAR_MONTH, CALENDAR_QUARTER, CALENDAR_YEAR };

struct window_def {
    enum window_type type;
    int64_t duration_us; /* rolling */
    enum calendar_unit unit;
    int count;               /* calendar: `1 month` */
    int64_t anchor_s;        /* a period begins when clocks show this: seconds from
                                1970-01-01 00:00, in no zone */
    const char *timezone;    /* IANA name, "UTC" by default */
    const struct zone *zone; /* calendar: resolved at load */
    const char *text;        /* as shown: "30d", "1 month" */
};

/* What a budget is counted in: events, slices that are good or bad, or slices by
 * their ratio; docs/numbers.md. */
enum budget_method { METHOD_OCCURRENCES, METHOD_TIMESLICES, METHOD_RATIO_TIMESLICES };

/* Midnight of 1970-01-01, or for weeks of Monday, 1970-01-05. */
static inline int64_t window_default_anchor(enum calendar_unit unit)
{
    return unit == CALENDAR_WEEK ? 4 * 86400 : 0;
}

enum no_data { NO_DATA_EXCLUDE, NO_DATA_GOOD, NO_DATA_BAD };

/* One multi-window burn-rate rule. */
struct tier_def {
    enum severity severity;
    int64_t long_us, short_us;
    struct decimal factor;
    int min_failures;
};

/* A rule as it was written; slo/tiers.h makes a tier_def of it. */
struct tier_decl {
    struct pos pos, long_pos, short_pos, burn_pos; /* burn_pos: of factor or budget */
    enum severity severity;
    int64_t long_us;
    int64_t short_us;      /* 0: a twelfth of long_us */
    struct decimal factor; /* n is 0: by `budget` */
    struct decimal budget; /* share of the SLO's budget spent in long_us */
    int min_failures;      /* 0: as the SLO says */
};

/* A target of an objective, in force from `since_us`, a whole minute, until the next
 * one's: slo/targets.h. */
struct slo_target {
    int64_t since_us;
    struct decimal target;
};

/*
 * Of a composite: another SLO of the same snapshot, one objective of it. `as` is that
 * SLO as the composite counts it: its name, SLI, probe and no_data, with the window,
 * the method, the slices and the tiers of the composite. Its target is its own under
 * Occurrences, else the composite's.
 */
#define SLO_MEMBERS_MAX 64

struct slo_member {
    const struct slo_def *slo; /* never a composite itself */
    const struct slo_def *as;
    struct decimal weight; /* above 0, at most 1000, of at most 6 decimals */
};

/* What was agreed to do when so much of the budget is spent. */
struct policy_step {
    struct decimal spent; /* ratio of the budget, above 0, at most 10 */
    const char *then;
    bool stop; /* `nines gate` stops from here on */
};

struct slo_policy {
    const struct policy_step *at; /* by rising `spent` */
    size_t n;
};

struct slo_def {
    const char *name;
    const char *service;
    const char *description;    /* or NULL */
    const char *runbook;        /* or NULL */
    const char *dashboard;      /* address of one of its own, or NULL */
    const char *objective_name; /* "" unless several objectives */
    struct pos pos;
    struct sli_def sli;               /* of a composite: zeroes, but its key */
    const struct probe_def *probe;    /* resolved; same snapshot; NULL of a composite */
    const struct slo_member *members; /* of a composite: slo/composite.h */
    size_t member_count;              /* 0: it has an SLI of its own */
    struct decimal target;
    struct window_def window;
    enum budget_method method;
    int64_t slice_us;            /* of slices: whole minutes, at least the interval */
    struct pos slice_pos;        /* where it was said */
    struct decimal slice_target; /* TIMESLICES: a slice is good from this ratio on */
    enum no_data no_data;
    bool alerting;                    /* false: `none` */
    int min_failures;                 /* of tiers that name none; 0: TIER_MIN_FAILURES */
    int64_t for_us;                   /* how long a tier has to fire until the alert does */
    const struct tier_decl *declared; /* NULL: the default tiers */
    size_t declared_count;
    const struct tier_def *tiers; /* those that can fire, after dropping */
    size_t tier_count;
    struct condition_list conditions; /* besides burn rates, of the first window */
    struct string_map labels;
    struct slo_policy policy;
    struct string_list depends_on; /* names of SLOs */
    uint64_t content;              /* hash of the definition: its revision */
};

/* The objectives that an SLO counts by, each with an SLI of its own: itself, or a
 * composite's members as it counts them. */
static inline size_t slo_part_count(const struct slo_def *slo)
{
    return slo->member_count ? slo->member_count : 1;
}

static inline const struct slo_def *slo_part(const struct slo_def *slo, size_t i)
{
    return slo->member_count ? slo->members[i].as : slo;
}

/*
 * Events of a span, as sli_event() counts them. For metric SLIs also how many scrapes
 * had their data, and how many had not though the prober was alive (`target_silent`);
 * there `excluded` counts scrapes. For other SLIs both are 0.
 */
struct counts {
    int64_t good, bad, excluded, scrapes, silent;
};

static inline int64_t counts_total(struct counts c)
{
    return c.good + c.bad;
}

static inline void counts_add(struct counts *into, struct counts c)
{
    into->good += c.good;
    into->bad += c.bad;
    into->excluded += c.excluded;
    into->scrapes += c.scrapes;
    into->silent += c.silent;
}

static inline struct counts counts_minus(struct counts a, struct counts b)
{
    return (struct counts){a.good - b.good, a.bad - b.bad, a.excluded - b.excluded,
                           a.scrapes - b.scrapes, a.silent - b.silent};
}

static inline bool counts_empty(struct counts c)
{
    return (c.good | c.bad | c.excluded | c.scrapes | c.silent) == 0;
}

/*
 * What is spent of an error budget: spent / allowed, both in one unit of the maker's
 * choice and at most 2^120; `one` is an event or a slice in that unit. allowed 0: there
 * is no data. The arithmetic is in src/slo/budget.h.
 */
struct budget_use {
    uint128 spent, allowed, one;
};

/* How an SLI classifies one result; model/result.c. OUTCOME_SKIPPED stays
 * skipped: it is missing data. */
enum outcome sli_classify(const struct sli_def *sli, const struct result *r);

const char *budget_method_name(enum budget_method m); /* "Timeslices" */
const char *severity_name(enum severity s);           /* "page" */
const char *sli_source_name(enum sli_source s);       /* "histogram" */
