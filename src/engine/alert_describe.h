/* The paragraph of an alert, for those who read no further. Pure. */
#pragma once

#include "base/str.h"
#include "nines/message.h"
#include "nines/slo.h"

struct alert_story {
    const struct slo_def *slo; /* or NULL */
    const char *probe;         /* of a condition of a probe, else NULL */
    const char *says;          /* what holds, of a condition, else NULL */
    bool over;
    const struct string_map *notes; /* the annotations that are there */
};

/*
 * Appends one thing a line, each with its name before it, for a narrow screen: whose
 * alert it is, how bad it is, why, and what to do. It needs no summary above it: a
 * receiver may be made to show this alone. What is not among the annotations is left
 * out.
 */
void alert_describe(const struct alert_story *s, struct str *out);
