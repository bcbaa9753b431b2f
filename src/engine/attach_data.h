/* When an SLI had data last, as far as a silence that is told of goes back. */
#pragma once

#include "engine/evaluate.h"
#include "nines/store_reader.h"

/* Of what was done until the SLI was attached; *ret stays as it is if there is none. */
int attach_read_data(struct store_reader *r, const struct pending_sli *p,
                     const struct store_probe *probe, int64_t *ret_us, struct err *reterr);
