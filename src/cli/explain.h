/* `nines explain` on a terminal and as JSON. -1: `out` overflowed. */
#pragma once

#include "base/str.h"
#include "engine/explain.h"
#include "nines/report.h"

int explain_put_text(const struct explain *e, const struct report_style *style, struct str *out);
int explain_put_json(const struct explain *e, struct str *out);
