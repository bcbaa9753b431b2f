/*
 * A report made by hand: every state, odd names, all chart elements. The
 * numbers agree with each other, the instants are fixed.
 */
#pragma once

#include "nines/report.h"

#define SAMPLE_AT_US 1795219200000000LL /* 2026-11-21T00:00:00Z */

enum sample_kind {
    SAMPLE_MET,      /* 30 days, one small incident */
    SAMPLE_BREACHED, /* latency objective over its budget, a page is firing */
    SAMPLE_AT_RISK,  /* a calendar month in its third week */
    SAMPLE_WARMING,  /* data for two hours only */
    SAMPLE_NO_DATA,
    SAMPLE_RATIO,     /* of counters; a target that fell silent, deploys */
    SAMPLE_COMPONENT, /* of a health document */
    SAMPLE_HOSTILE,   /* names and messages with markup, controls, bad UTF-8 */
    SAMPLE_KINDS,
};

/* Appends an SLO to the report (allocated in r->arena, at most 64). */
struct report_slo *sample_add(struct report *r, enum sample_kind kind);

void sample_init(struct report *r); /* empty, at SAMPLE_AT_US */
void sample_all(struct report *r);  /* all but the hostile one */
/* Five objectives on an agent's probe, each by a measure of its own, and one of counters. */
void sample_agents(struct report *r);
/* Makes one an agent's. */
void sample_answers(struct report *r, struct report_slo *s);
/* Two incidents, of the first two SLOs, which are there. */
void sample_incidents(struct report *r);
void sample_release(struct report *r);
