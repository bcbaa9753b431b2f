/*
 * The key `alerting` of an SLO: which burn-rate tiers it has. What only the
 * window and the probe can tell is checked later, by slo_finish().
 */
#pragma once

#include "config/decode.h"
#include "nines/slo.h"

struct str;

#define ALERTING_TIERS_MAX 16
#define ALERTING_MIN_FAILURES_MAX 1000000

struct alerting {
    bool none;
    int min_failures;              /* 0: not said */
    int64_t for_us;                /* how long a tier fires until the alert does; 0: not said */
    const struct tier_decl *tiers; /* NULL: the default ones */
    size_t n;
};

/* For FIELD_CUSTOM: `out` is a struct alerting of zeroes. */
void decode_alerting(struct decode *c, const struct node *n, void *out);

/* Adds what tells tiers apart to the text an SLO's revision is made of; nothing
 * for the default ones. */
void alerting_identify(const struct slo_def *slo, struct str *text);
