/* `nines explain` on a terminal and as JSON. -1: `out` overflowed. */
#pragma once

#include "base/str.h"
#include "engine/explain.h"
#include "nines/report.h"
#include "report/term.h"

int explain_put_text(const struct explain *e, const struct report_style *style, struct str *out);
int explain_put_json(const struct explain *e, struct str *out);

/* What is excluded of the objective's window; nothing if nothing is. explain_excluded.c */
void explain_text_excluded(struct term *t, const struct report_slo *s);
void explain_json_excluded(struct str *out, const struct report_slo *s);
