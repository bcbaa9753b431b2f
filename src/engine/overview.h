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
#include "nines/store_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slo_select; /* model/select.h */

/* Of the clock hour and UTC day of `now_us`, as a daemon that starts would count it. */
struct overview_spend {
    struct spend_caps spent, caps;
    bool priced; /* what a run costs is known beforehand, or some are known to have cost */
};

struct overview_probe {
    const struct probe_def *def;
    bool has_last;
    struct result last;
    char *message;                /* why the last one is not good; "" when good or unknown */
    char *version;                /* what the target said last that it runs; "" if it did not,
                                     or of the past */
    struct components components; /* of the last one's health document */
    struct overview_spend *spend; /* of an agent's probe; else NULL */
    bool held;                    /* the last one was not sent because of a spend cap */
    bool has_ran;                 /* then: whether there is a newest one that was */
    struct result ran;
    char *ran_message;
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
    size_t down;                     /* probes whose last result is bad; of those that are held
                                        back the newest that was sent */
    struct overview_spend *spend;    /* of all probes; NULL: none asks an agent */
    const char *currency;            /* of the configuration, or NULL */
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

/* overview_spend.c: the parts on spending, once the probes are read. Of the past there is
 * none but what was held back. */
int overview_read_spend(struct overview *o, const struct config *cfg, struct store_reader *r,
                        struct err *reterr);
void overview_free_spend(struct overview *o);
/* What stands for the probe's health: `ran` of one that is held back, else `last`. NULL:
 * nothing does. */
const struct result *overview_health(const struct overview_probe *p);
