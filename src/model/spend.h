/*
 * What probing may cost: caps by clock hour and UTC day, in tokens and in money, for
 * each probe and for all together. Enforced before sending: a run takes what it may
 * come to, at worst, and gives back what it did not use. Pure arithmetic; time is
 * handed in. Belongs to the loop thread.
 *
 * Sums saturate and never wrap. Unknown usage counts as what was taken: a cap errs on
 * the side of not sending.
 */
#pragma once

#include "nines/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spend;
struct spend_account; /* of one probe id; lives as long as the ledger */

struct spend *spend_new(void);
void spend_free(struct spend *s); /* NULL is fine; nothing may be taken */

/* The caps of all together, and of one probe; may change at any time. */
void spend_limit(struct spend *s, const struct spend_caps *caps);
struct spend_account *spend_account(struct spend *s, const char *id);

struct spend_taken {
    int64_t tokens, cost; /* at worst */
    int64_t at_us;
};

/*
 * Whether a run that comes to `tokens` and `cost` at worst may be sent at `at_us`:
 * NULL, or which cap is in its way, for people ("2,000 tokens an hour of all probes:
 * 1,990 are spent; next at 09:00 UTC"), in `buf`.
 */
const char *spend_refuses(const struct spend *s, const struct spend_account *a,
                          const struct spend_caps *caps, const struct spend_taken *t, char *buf,
                          size_t size);
void spend_take(struct spend *s, struct spend_account *a, const struct spend_taken *t);
/* The run has ended: what it used, -1: not known, then what was taken is. Counts in the
 * hour and day of t->at_us. */
void spend_settle(struct spend *s, struct spend_account *a, const struct spend_taken *t,
                  int64_t tokens, int64_t cost);

/* What was spent before this process began, in the hour and the day of `at_us`. */
void spend_restore(struct spend *s, struct spend_account *a, int64_t at_us, int64_t tokens_hour,
                   int64_t tokens_day, int64_t cost_hour, int64_t cost_day);

/* As of `at_us`, runs in flight at what they took; `a` NULL: of all. */
void spend_now(const struct spend *s, const struct spend_account *a, int64_t at_us,
               struct spend_caps *ret);
