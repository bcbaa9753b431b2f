/*
 * A derivation (slo/derive.h) that goes along the slots of a probe as they are
 * stored, and knows in which of them its series were looked for: it begins anew
 * where that begins anew, and of other scrapes it learns what is not new.
 */
#pragma once

#include "base/err.h"
#include "slo/derive.h"
#include "store/asked.h"
#include "store/scrapes.h"

#include <stdbool.h>
#include <stdint.h>

struct sqlite;

struct derivation {
    const struct asked_spans *asked;
    struct derive *derive;
    int64_t since_us; /* when it began anew; INT64_MIN: it did not */
};

/* Goes on with slots from `from_us` on. `sli` and `asked` must outlive it. */
void derivation_init(struct derivation *d, const struct sli_def *sli,
                     const struct asked_spans *asked, int64_t from_us);
void derivation_release(struct derivation *d); /* zeroed is fine */

/* As store_sample_fn: what is stored of before. */
void derivation_seed(struct derivation *d, const char *series, int64_t slot_us, double value);
/* All that is stored of before `before_us`. */
int derivation_seed_all(struct derivation *d, struct sqlite *db, int64_t probe, int64_t before_us,
                        struct err *reterr);

/* False: it is no slot of this SLI. */
bool derivation_feed(struct derivation *d, const struct scraped *slot, derive_fn emit, void *ctx);

/* Is this, which came of `slot`, an event? False for silence that tells nothing: up
 * to the first event of a series that nobody had named, or of an import. */
bool derivation_counts(const struct derivation *d, const struct scraped *slot, struct counts c,
                       int64_t first_event_us);

/* Does the SLI have its first event here? */
static inline bool derivation_is_event(struct counts c)
{
    return (c.good | c.bad | c.scrapes | c.silent) != 0;
}
