/*
 * A circuit breaker: after so many failures in a row nothing is tried for a while, then
 * one attempt decides whether it closes or stays open for longer. Pure; time is an
 * argument, of any clock that does not go back. Zeroes are a closed one.
 *
 *     closed -> (failures in a row) -> open -> (its time is over) -> half open
 *     half open -> success: closed; failure: open
 *
 * Beside that a service may say when it wants to be asked again (breaker_hold): nothing is
 * tried before, whatever the state.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
    int failures;     /* in a row */
    int64_t until_us; /* open until then; 0: closed */
    int64_t held_us;  /* as the service asked; 0: it did not */
};

enum breaker_state breaker_state(const struct breaker *b, int64_t now_us);

/* When the next attempt may be made: now, or later. Half open it is one at a time, which
 * is for the caller to see to. */
int64_t breaker_due_us(const struct breaker *b, int64_t now_us);

void breaker_success(struct breaker *b);

/* The failure of an attempt. With `limit` or more of them in a row it is open for
 * `open_us`, which the caller makes of b->failures + 1. */
void breaker_failure(struct breaker *b, int limit, int64_t now_us, int64_t open_us);

/* Nothing is to be tried before `until_us`, or what was said before, if that is later. */
void breaker_hold(struct breaker *b, int64_t until_us);
