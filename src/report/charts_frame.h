/* What the charts of one objective have in common: ticks, captions, what is shaded. */
#pragma once

#include "report/curve.h"
#include "report/svg.h"

#include "base/str.h"

#define TICKS_MAX 12

struct ticks {
    struct tick at[TICKS_MAX];
    size_t n;
};

void ticks_add(struct ticks *t, double at, const char *text); /* no more than fit */

/* "21 Nov 08:00 to 11:00 UTC: ", of whole days "21 Nov: ". */
void chart_time(struct str *text, const struct bucket *b);

void figure_open(struct str *out, const char *title); /* up to its name */

/* What lies behind the data: the part of a calendar period that is still to come, spans of
 * alerts, deploys and notes (the table of changes tells what they are). */
void chart_incidents(const struct plot *p, const struct report_slo *s);
void chart_future(const struct plot *p, const struct report_slo *s);
void chart_annotations(const struct plot *p, const struct report_slo *s);

/* p50, p95 and p99 of the buckets, whatever they are of; nothing without any. */
struct percentiles_chart {
    const char *title;
    const struct report_latency *of; /* of the whole window */
    int64_t limit_us;                /* of the objective; 0: none */
};
void chart_percentiles(struct str *out, const struct report_slo *s, const struct curve *c,
                       const struct percentiles_chart *what);
