/*
 * What an earlier process knew of conditions: where their alerts are, how the newest runs
 * of their probes ended, and until when the prober lived. conditions.h shows the order of
 * calls.
 */
#pragma once

#include "base/err.h"
#include "nines/store_reader.h"

#include <stddef.h>
#include <stdint.h>

struct conditions;
struct conditions_past;

/* Of all that is not settled; what was done until now is to be committed before it is read,
 * what comes later is told to `c` itself. */
struct conditions_past *conditions_past_new(struct conditions *c, int64_t now_us);
int conditions_past_read(struct conditions_past *p, struct store_reader *r, struct err *reterr);
void conditions_past_merge(const struct conditions_past *p, struct conditions *c);
size_t conditions_past_on(const struct conditions_past *p); /* alerts that go on */
void conditions_past_free(struct conditions_past *p);       /* NULL is fine */
