/*
 * `nines status` as data: how every SLO and probe stands, from the database
 * alone, so that it works whether or not a daemon runs.
 */
#pragma once

#include "base/err.h"
#include "engine/components.h"
#include "engine/silencing.h"
#include "nines/config.h"
#include "nines/incident.h"
#include "nines/report.h"
#include "nines/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slo_select; /* model/select.h */

struct overview_probe {
    const struct probe_def *def;
    bool has_last;
    struct result last;
    char *message;                /* why the last one is not good; "" when good or unknown */
    char *version;                /* what the target said last that it runs; "" if it did not,
                                     or of the past */
    struct components components; /* of the last one's health document */
};

struct overview {
    int64_t now_us;
    bool past;    /* as of an instant that was asked for: of the daemon nothing is told */
    bool running; /* a daemon wrote to this database within 30 s */
    struct store_heartbeat heartbeat;
    struct report *report;         /* brief */
    struct alert_state *alerts;    /* by index of report->slos */
    struct overview_probe *probes; /* config order */
    size_t probe_count;
    size_t down;                     /* probes whose last result is bad */
    struct incident_case *incidents; /* open ones, in the report's arena */
    size_t incident_count;
    struct silencing told; /* alerts that are on, whosever, and silences; of the past none */
};

/* `select` NULL: every SLO and probe; else the SLOs that fit and what they look at.
 * `at_us` 0: as of now; else as of that instant: results of slots before it, at most
 * two days or two intervals back, and alerts as the transitions until then left them. */
int overview_read(struct config *cfg, struct store_reader *r, const struct slo_select *select,
                  int64_t now_us, int64_t at_us, struct overview **ret, struct err *reterr);
void overview_free(struct overview *o); /* NULL is fine */
