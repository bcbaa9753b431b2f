/*
 * Whether any two exclusions that files declare overlap.
 */
#pragma once

#include "nines/config.h"

/* An error at the later one of each two that have an objective and time in common. Objectives
 * have no more of them than exclusions_count() allows. Two with rules that come daily take some
 * milliseconds, all others next to nothing. */
void excluding_check_pairs(const struct config *cfg, struct decode *c);
