/*
 * When to try again. Pure.
 */
#pragma once

#include <stdint.h>

/* Wait before attempt `attempts` + 1, given that `attempts` (>= 1) failed:
 * doubles from min_us up to max_us, and `random` picks a point in the upper
 * half of that, never below min_us. */
int64_t retry_backoff_us(int attempts, int64_t min_us, int64_t max_us, uint64_t random);
