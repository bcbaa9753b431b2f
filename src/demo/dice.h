/*
 * Made-up numbers that look real: a small deterministic generator (splitmix64)
 * and the distributions that services show. One seed, one sequence, on every
 * machine.
 */
#pragma once

#include <stdint.h>

struct dice {
    uint64_t state;
};

uint64_t dice_next(struct dice *d);
double dice_unit(struct dice *d); /* [0, 1) */
double dice_lognormal(struct dice *d, double median, double sigma);
int64_t dice_poisson(struct dice *d, double mean); /* 0 <= mean <= 500 */
