/*
 * Numbers and text as reports print them. Two voices: machine forms (JSON,
 * CSV) are exact and free of decoration; people's forms group digits, floor
 * what must not be flattered and never say NaN, infinity or negative zero.
 *
 * Functions that fill a buffer return it.
 */
#pragma once

#include "nines/report.h"

#include <stddef.h>
#include <stdint.h>

#define FMT_MAX 64

/* Shown for a number that does not exist. */
#define FMT_NONE "\xe2\x80\x93" /* en dash */

/* ---- machine forms ----------------------------------------------------- */

/* At most `decimals` decimals, no trailing zeros: "172.8", "100", "0". The
 * number must be finite. */
char *fmt_real(char buf[static FMT_MAX], double v, int decimals);

/* A ratio or rate: like fmt_real, always with a decimal point. Six decimals,
 * or as many as six significant digits take: "0.578704", "1.0", "0.0000123457". */
char *fmt_ratio(char buf[static FMT_MAX], double v);

/* An SLI or a bound of it, nine decimals: what matters is its distance to 1. */
char *fmt_near_one(char buf[static FMT_MAX], double v);

/* Microseconds as seconds, exactly: "0.0123", "2.0". */
char *fmt_seconds(char buf[static FMT_MAX], int64_t us);

/* ---- people's forms ---------------------------------------------------- */

char *fmt_count(char buf[static FMT_MAX], int64_t n);                  /* "172,800" */
char *fmt_events(char buf[static FMT_MAX], double n);                  /* "172.8", "12,400" */
char *fmt_percent(char buf[static FMT_MAX], double ratio, int digits); /* rounded: "42.1%" */
/* Floored: "99.94%", "100%" only when it is all of it. */
char *fmt_floor(char buf[static FMT_MAX], double ratio, int digits);
char *fmt_burn(char buf[static FMT_MAX], double rate); /* "0.25" "14.4" "1,000" */
/* Of a tier: exact, but for what stands after a third decimal: "14.4" "2.143". */
char *fmt_factor(char buf[static FMT_MAX], struct decimal factor);
char *fmt_latency(char buf[static FMT_MAX], int64_t us, bool lower); /* "12.3ms" "≥50ms" "–" */

/* A round latency on an axis: "5ms", "0.5s". */
char *fmt_tick(char buf[static FMT_MAX], double us);

/* The SLI, floored to two digits more than its target has, so that a miss is
 * never rounded into a hit; FMT_NONE without data. */
char *fmt_sli(char buf[static FMT_MAX], const struct report_slo *s);
int fmt_sli_digits(const struct report_slo *s);

char *fmt_day(char buf[static FMT_MAX], int64_t us);     /* "21 Nov" */
char *fmt_date(char buf[static FMT_MAX], int64_t us);    /* "21 Nov 2026" */
char *fmt_clock(char buf[static FMT_MAX], int64_t us);   /* "08:00", UTC */
char *fmt_instant(char buf[static FMT_MAX], int64_t us); /* "21 Nov 2026 08:00 UTC" */
char *fmt_stamp(char buf[static FMT_MAX], int64_t us);   /* "2026-11-21 08:00:15" */

/* A span for people, at most two units: "3d 4h", "45m", "12s". */
char *fmt_span(char buf[static FMT_MAX], int64_t us);

/* ---- words about an SLO ------------------------------------------------ */

const char *fmt_state(enum slo_state s);                 /* "at risk" */
const char *fmt_failure(const struct report_failure *f); /* its message, or what the reason means */
const char *fmt_unit(const struct report_slo *s);        /* of the budget: "events", "slices", or
                                                            "budget" where it is the unit */
/* What is spent of the budget: "86.0 of 172.8 bad events spent", or of a composite that
 * has no unit of its own "49.8% of it spent". `bad` is "bad " or "". */
void fmt_spent(struct str *out, const struct report_slo *s, const char *bad);
/* What the SLI is of: "172,700 good of 172,800", "98.7 good of 100 scrapes", "9,990
 * good of 10,000 slices of 1m", "mean of 10,000 slices of 1m". */
void fmt_judged(struct str *out, const struct report_slo *s);
/* Events as `counts` has them: "172,800"; of a raw ratio, which counts in parts of one,
 * "98.7". */
char *fmt_counted(char buf[static FMT_MAX], const struct report_slo *s, int64_t n);
char *fmt_window(char buf[static FMT_MAX], const struct report_slo *s); /* "30d rolling" */

/* "22 Oct 2026 to 21 Nov 2026", with times unless both ends are midnight UTC. */
void fmt_period(struct str *out, const struct report_slo *s);

/* "api-availability", or with several objectives "api-availability / strict". */
void fmt_title(struct str *out, const struct report_slo *s);

/* What the SLI counts: "api-health", "api-health within 500ms" or "api-metrics:
 * worker_queue_depth < 10000". */
void fmt_subject(struct str *out, const struct report_slo *s);

/* A member of a composite: "api-availability", "checkout / goal". */
void fmt_member(struct str *out, const struct report_member *m);

/* What its ratio is called: "Availability", "Fast enough". */
const char *fmt_sli_name(const struct report_slo *s);

/* Whether its events are runs of its probe, one each. */
bool fmt_counts_runs(const struct report_slo *s);

/* What coverage counts, of its source: "checks" or "scrapes". */
const char *fmt_observed(const struct report_slo *s);

/* "3 excluded"; of a metric SLI "3 scrapes excluded". */
char *fmt_excluded(char buf[static FMT_MAX], const struct report_slo *s, int64_t n);

/* Why events of this SLI are bad. */
const char *fmt_reason(const struct report_slo *s, enum reason reason);

/* What becomes of the budget at the burn rate of the last 6 h, a sentence without
 * its full stop: "At the 6h burn rate the budget runs out on 24 Nov 2026 14:00 UTC". */
void fmt_outlook(struct str *out, const struct report_slo *s);

/* How sure that is, of one that runs out: "95% interval 23 Nov 2026 22:00 UTC to 27 Nov
 * 2026 04:00 UTC", "... or later"; "" when nothing is known of it. */
void fmt_outlook_range(struct str *out, const struct report_slo *s);

/* How the period before was, of a report that has one; a sentence without its full
 * stop: "The period before: 99.951%, 49.0% of the budget spent; now 8.9 points more". */
void fmt_trend(struct str *out, const struct report_slo *s);

/* Whether other targets held in the window than the one that is written. */
bool fmt_has_targets(const struct report_slo *s);
/* Which: "99% until 12 Nov 2026 10:00 UTC (allows 100 of 10,000), then 99.9% (allows
 * 10 of 10,000)", the newest ones. */
void fmt_targets(struct str *out, const struct report_slo *s);

/* Of an SLO with `unexcluded`: how it were without its exclusions, without a full stop:
 * "Without exclusions: 99.31%, breached, 690.3% of the budget spent, 120 bad of 17,280". */
void fmt_unexcluded(struct str *out, const struct report_slo *s);

/* Why, which and who: "a new switch (network, by anna)", "#7 by joe". Not cleaned. */
void fmt_exclusion(struct str *out, const struct exclusion *x);

/* How many are not in the list: "12 earlier ones are not listed"; "": none. */
void fmt_exclusions_left(struct str *out, const struct report_slo *s, size_t shown);

/* Why coverage is not whole: "12 prober down, 3 not started"; "" when it is. */
void fmt_missing(struct str *out, const struct report_slo *s);

/* The rate over `window_us`, or NULL when there is none. */
const struct report_burn *fmt_find_burn(const struct report_slo *s, int64_t window_us);

/* Observed by expected; false when nothing was expected. */
bool fmt_coverage(const struct report_slo *s, double *ret);

/* How many of the SLOs are in a state. */
size_t fmt_tally(const struct report *r, enum slo_state state);

/* ---- text of unknown origin ------------------------------------------- */

/*
 * Decodes one code point of UTF-8, at most `n` bytes; *ret_len says how many it
 * took (at least 1 for n > 0). Malformed bytes and control characters give
 * U+FFFD: neither a terminal nor a browser gets to interpret them. Tab and
 * line breaks give a space.
 */
uint32_t fmt_code_point(const char *s, size_t n, size_t *ret_len);

/* Appends a code point as UTF-8. */
void fmt_add_code_point(struct str *out, uint32_t cp);

/* Appends cleaned text, at most `columns` code points, cut with an ellipsis.
 * Returns how many were written. */
size_t fmt_clean(struct str *out, const char *s, size_t columns);

size_t fmt_columns(const char *s); /* code points */
