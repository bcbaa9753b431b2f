/*
 * What probing may cost: caps by clock hour and UTC day, in tokens and in money, for
 * each probe and for all together. Enforced before sending: a run takes what it may
 * come to, at worst, and gives back what it did not use. Pure arithmetic; time is
 * handed in. Belongs to the loop thread.
 *
 * Sums never wrap, and say INT64_MAX when they are more than that. Unknown usage counts
 * as what was taken: a cap errs on the side of not sending. The last few hours and days
 * are kept, so that a clock that is set back a little finds what it had spent.
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

/* The caps of all together, and what money is called in messages (copied; NULL: nothing);
 * may change at any time. None is in force at first. */
void spend_limit(struct spend *s, const struct spend_caps *caps, const char *currency);
/* That of a probe, made when it is asked for first. */
struct spend_account *spend_account(struct spend *s, const char *id);
/* A probe has a new name: its account goes with it. No effect if `from` has none or `to`
 * has one. */
void spend_rename(struct spend *s, const char *from, const char *to);

/* ---- what a run costs ------------------------------------------------------------ */

/* By its prices: -1 where there are none or `in` or `out` is not known (-1); where all are
 * 0, that needs no tokens. `cached` are among `in`; -1: none. Saturates. */
int64_t spend_cost(const struct price *p, int64_t in, int64_t out, int64_t cached);

struct spend_taken {
    int64_t tokens, cost; /* at worst; neither is negative */
    int64_t at_us;        /* since the epoch */
};

/*
 * What a run at `at_us` that may come to `in` and `out` tokens takes: no less than the
 * most that a run of this account used so far in this process (`a` NULL: none has run).
 * What that is above in + out is reckoned at the dearest price. `p` NULL: its cost is 0, or
 * the most that a run told.
 */
struct spend_taken spend_worst(const struct spend_account *a, const struct price *p, int64_t in,
                               int64_t out, int64_t at_us);

/* ---- sending --------------------------------------------------------------------- */

/*
 * Whether a run that comes to `tokens` and `cost` at worst may be sent at `at_us`:
 * NULL, or which cap is in its way, for people ("not sent until 09:00 UTC: 1,990 of 2,000
 * tokens an hour of all probes are spent, and a run may come to 64"), in `buf`. Of several
 * caps it is the one that lasts longest.
 */
#define SPEND_REFUSAL_MAX 256
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

/* The caps of all together. */
const struct spend_caps *spend_caps(const struct spend *s);
