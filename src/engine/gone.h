/*
 * Alerts that went on when their objective was taken out of the configuration, got
 * another name (as one does when it becomes one of several), or ceased to alert.
 * Nothing would ever end them: they are over as soon as that is known.
 */
#pragma once

#include "base/err.h"
#include "nines/alert.h"
#include "nines/config.h"
#include "nines/store_reader.h"

struct gone; /* a list of them */

/* Those the store knows of; none for an objective or a condition of `cfg` that alerts. */
int gone_read(struct store_reader *r, const struct config *cfg, struct gone **ret,
              struct err *reterr);
/* Each as the resolve that ends it, at the last evaluation instant by `now_us`. */
void gone_end(const struct gone *g, int64_t now_us,
              void (*fn)(void *ctx, const struct alert_transition *t), void *ctx);
void gone_free(struct gone *g); /* NULL is fine */
