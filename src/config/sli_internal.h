/* What sli.c and sli_measure.c share. */
#pragma once

#include "base/str.h"
#include "config/sli.h"

/* Sets the measure, if there is one. `form`: of another that was chosen, or NULL. False:
 * there is more than one thing, reported. */
bool measure_choose(struct decode *c, const struct node *n, const struct sli_raw *raw,
                    const char *form, struct sli_def *sli);
void measure_add_key(struct str *key, const struct sli_def *sli);

void sli_two_things(struct decode *c, const struct node *second, const char *a, const char *b);
