/*
 * Exclusions as people make them: spans of time that are taken out of objectives,
 * or in which nothing counts as bad. What they do to the numbers: docs/numbers.md;
 * the spans of one objective: slo/exclusions.h.
 */
#pragma once

#include "base/err.h"
#include "nines/config.h"

#include <stdbool.h>
#include <stdint.h>

enum exclusion_mode {
    EXCLUSION_DROP,       /* neither events nor slots */
    EXCLUSION_COUNT_GOOD, /* bad events are good ones */
};

/* One that a file declares, or that was added by command. Texts are the owner's. */
struct exclusion {
    int64_t id;       /* of a stored one, from 1; 0: declared */
    const char *name; /* of a declared one; "" */
    struct pos pos;   /* where it is declared */
    enum exclusion_mode mode;
    int64_t from_us, to_us; /* [from, to): whole minutes. Of a recurring one the first */
    const char *rrule;      /* RFC 5545, the subset of slo/rrule.h; NULL: it is once */
    const char *timezone;   /* IANA: by whose clock it recurs; "UTC" */
    /* The objectives it is of: all that is given must fit, nothing given fits all. */
    struct string_list slos; /* one of these names */
    const char *service;     /* NULL: any */
    struct string_map labels;
    const char *reason, *author; /* "" */
    /* of a stored one: the audit */
    int64_t created_us, removed_us; /* removed_us 0: it is in force */
    const char *removed_by;
};

#define EXCLUSIONS_MAX 1000         /* of an objective, */
#define EXCLUSIONS_RECURRING_MAX 50 /* and of those with a rule */
#define EXCLUSION_TEXT_MAX 1024     /* bytes of a reason */

/* What the loader needs of its sibling layer (slo/exclusions.h), for config_tables. */
struct exclusion_ops {
    /* A time as people write it: "2026-10-22T08:00:00Z", with another offset, or by the
     * clocks of `timezone` as "2026-10-22 08:00" or "2026-10-22" (midnight; twice a day: the
     * first). NULL: such a one is an error. */
    int (*time)(const char *text, const char *timezone, int64_t *ret_us, struct err *reterr);
    /* Whether its span, rule and zone are all that they must be. On error *ret_key is
     * the key that is at fault: "from", "to", "rrule" or "timezone". */
    int (*check)(const struct exclusion *x, const char **ret_key, struct err *reterr);
    bool (*fits)(const struct exclusion *x, const struct slo_def *slo);
};

const char *exclusion_mode_name(enum exclusion_mode m); /* "count_good" */
