/* The conditions from within: conditions.c judges, conditions_past.c restores. */
#pragma once

#include "base/table.h"
#include "base/vec.h"
#include "engine/conditions.h"

struct rule {
    struct condition_now now;
    size_t slo;       /* in the snapshot */
    struct ear *ear;  /* of a probe's */
    char *name, *key; /* key: condition_key() */
};

/* A probe that has rules. */
struct ear {
    char *id;
    struct run_tail runs;
    int64_t cert_not_after_us;
    int64_t attached_us; /* what was done by then is in its past */
    bool settled;        /* the past is known */
    bool used;           /* by the snapshot being adopted */
    size_t first, count; /* its rules */
};

struct conditions {
    struct conditions_hooks hooks;
    struct config *config;
    struct rule *rules;
    int64_t *due; /* rules[i] is looked at from then on */
    size_t n;
    struct table by_key; /* rules */
    struct table by_id;  /* ears */
    VEC(struct ear *) ears;
    int64_t listens_us; /* since when without a gap */
    int64_t gap_from_us, gap_to_us, failing_us;
    int64_t tick_us; /* 0: none yet */
    bool lived;      /* the life of the process before is known */
};

/* Names a rule over snapshots; freed by the caller. */
char *condition_key(const struct condition_now *now);
