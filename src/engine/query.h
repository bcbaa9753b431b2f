/*
 * Answers from the database: an error-budget report is computed here from the
 * store, by the formulas of docs/numbers.md, and printed by src/report. Works
 * beside a running daemon and without one. Not for the loop thread.
 */
#pragma once

#include "base/err.h"
#include "nines/config.h"
#include "nines/report.h"
#include "nines/store_reader.h"

#include <stdbool.h>
#include <stdint.h>

#define QUERY_POINTS_MAX 720
#define QUERY_FAILURES_MAX 10
#define QUERY_INCIDENTS_MAX 500 /* the newest ones */
#define QUERY_ANNOTATIONS_MAX 100
#define QUERY_EXCLUSIONS_MAX 100 /* the newest ones */

struct period;     /* slo/period.h */
struct slo_select; /* model/select.h */

struct query {
    const char *slo;                 /* only the SLO of this name, or NULL: all */
    const struct slo_select *select; /* only those of these that fit; NULL: all */
    int64_t at_us;                   /* the instant to look from */
    int64_t from_us, to_us;          /* to_us != 0: the window is [from, to) for every SLO, and
                               `at_us` is ignored: it is `to` */
    /* or NULL. The window is this period, by the zone of each SLO's calendar or UTC,
     * beside the one before; `at_us` is its query_period_end(). */
    const struct period *period;
    int64_t generated_at_us;
    bool brief;        /* no latency, reasons, curves, incidents, failures, annotations */
    bool no_incidents; /* their times are read of each of their alerts */
};

/*
 * The report is the caller's, to be freed with query_report_free(). It holds a
 * reference to `cfg`. What is excluded is what is declared there, and what is stored
 * when it is made, whatever the time it looks from. An unknown name is an error that
 * names the nearest one, and so is a choice that no SLO fits;
 * an SLO without data is a report of state no_data.
 */
int query_report(struct config *cfg, struct store_reader *r, const struct query *q,
                 struct report **ret, struct err *reterr);
/*
 * When the period of `q` is over for the SLOs that it asks for: where zones
 * differ, the last. It is an error if that is after `now_us`, what is complete by
 * then: a report of it would still change.
 */
int query_period_end(const struct config *cfg, const struct query *q, int64_t now_us, int64_t *ret,
                     struct err *reterr);
void query_report_free(struct report *report); /* NULL is fine */

/* What a version endpoint or a person said is not of this objective's service: SLOs
 * watch its probe, but none of this service, nor of one that a composite is made of.
 * What only a version endpoint tells is anybody's. */
bool query_is_foreign(const struct config *cfg, const struct slo_def *def, const char *probe);

/*
 * The instant to look from when nobody says one. While a daemon writes to this
 * database it is the end of what is complete there (a second or so ago), so
 * that slots in flight are not taken for missing; otherwise it is `now_us`.
 */
int query_now(struct store_reader *r, int64_t now_us, int64_t *ret, struct err *reterr);
