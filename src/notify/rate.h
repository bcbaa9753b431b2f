/*
 * How many messages in a minute: a bucket that holds as many as a minute has, filled
 * evenly. Pure and exact: what is kept is the instant at which the bucket would be full,
 * in parts of a message, so nothing is rounded away. Zeroes are a full one.
 */
#pragma once

#include <stdint.h>

#define RATE_PER_MINUTE_MAX 100000

struct rate {
    int64_t full_us; /* when the bucket is full again */
    int64_t rest;    /* and parts of a microsecond beyond, in 1 / per_minute */
};

/* When the next one may be taken: now, or later. per_minute >= 1. */
int64_t rate_due_us(const struct rate *r, int per_minute, int64_t now_us);

/* Takes one; it is due. */
void rate_take(struct rate *r, int per_minute, int64_t now_us);
