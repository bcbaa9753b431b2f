/*
 * Conditions: alerts besides burn rates, as declared. What each kind asks is in
 * slo/conditions.h, how they are written in nines.yaml(5).
 */
#pragma once

#include "base/units.h"
#include "nines/diag.h"

#include <stddef.h>
#include <stdint.h>

#define CONDITION_RUNS_MAX 64
#define CONDITIONS_MAX 16 /* of one probe or objective */

enum severity { SEVERITY_NONE, SEVERITY_TICKET, SEVERITY_PAGE };

enum condition_kind {
    CONDITION_NO_DATA,
    CONDITION_PROBER_DOWN,
    CONDITION_FAILURES,
    CONDITION_CERTIFICATE,
    CONDITION_BUDGET_SPENT,
    CONDITION_EXHAUSTS,
    CONDITION_KINDS
};

struct condition {
    enum condition_kind kind;
    enum severity severity; /* of prober_down the highest; what it has is the kind's own */
    int failures, of;       /* failures: 1 <= failures <= of <= CONDITION_RUNS_MAX */
    int64_t within_us;      /* certificate, exhausts_in */
    struct decimal spent;   /* budget_spent: a ratio above 0 */
    int64_t for_us;         /* how long it has to hold until the alert fires; multiples of 10 s */
    const char *key; /* tells several of a kind and subject apart: "3/5", "14d"; NULL is "" */
    struct pos pos;
};

struct condition_list {
    const struct condition *at;
    size_t n;
};
