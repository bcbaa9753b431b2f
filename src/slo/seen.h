/* Why a good answer is bad by a measure of its SLI, told to people. Pure. */
#pragma once

#include "base/str.h"
#include "nines/slo.h"

/*
 * Appends what was seen and what is allowed, without a full stop; `currency` may be NULL:
 *
 *     first token after 1.91s, 800ms allowed
 *     a gap of 2.10s, 1s allowed
 *     12.3 tokens a second, at least 20 expected
 *     a cost of 0.0031 USD, at most 0.002 allowed
 *
 * A number that people would read as keeping the promise is told to its last digit.
 */
void sli_seen(const struct sli_def *sli, const struct answer *a, const char *currency,
              struct str *out);
