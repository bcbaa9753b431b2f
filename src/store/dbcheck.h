/*
 * Whether a database is what it says: SQLite finds its pages and indexes in
 * order, each chunk decodes to what its row tells and overlaps nothing, each run
 * of an agent has its answer, rollups are what the results add up to and days
 * what their hours do, events of metric SLIs are what the samples say, alerts
 * stand where their last transition left them, what people were told of and what
 * is silenced can be read, and whatever refers to something finds it. Only reads,
 * also beside a running daemon: in many short snapshots, but for the pages and
 * the rows, which are gone through in one each.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct dbcheck_totals {
    int64_t chunks, sealed;  /* decoded, with so many results */
    int64_t rows;            /* results that are rows */
    int64_t probes;          /* whose rollups were added up again */
    int64_t hours, days;     /* of those, that are right */
    int64_t samples, events; /* of metric SLIs, that are right */
    int64_t alerts, messages;
    int64_t faults;
};

struct dbcheck {
    const char *path;
    bool quick; /* trust indexes and rollups */
    /* One fault, named by file, table, probe and time as far as it has them. */
    void (*fault)(void *ctx, const char *text);
    /* `what` is being checked; total 0: unknown. May be NULL. */
    void (*progress)(void *ctx, const char *what, int64_t done, int64_t total);
    void *ctx;
    struct dbcheck_totals totals; /* set */
};

#define DBCHECK_FAULTS_MAX 1000 /* are told; all are counted */

/* 0 when it was checked, whatever was found; -1 when it could not be. */
int dbcheck_run(struct dbcheck *c, struct err *reterr);
