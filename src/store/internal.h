/* The store from within: what its files share. */
#pragma once

#include "base/vec.h"
#include "nines/store.h"
#include "store/catalog.h"
#include "store/checkpoint.h"
#include "store/lock.h"
#include "store/queue.h"
#include "store/retention.h"
#include "store/scan.h"

#include <pthread.h>

struct sqlite;

#define STORE_BUSY_MS 2000 /* only readers of a log that is being reset hold the writer up */

typedef int (*store_fault_fn)(void *ctx, const char *sql); /* as sqlite_fault_fn */

struct store {
    struct store_options o;
    char *path;
    struct lock lock;
    struct queue q;
    pthread_t thread;
    int failed; /* the writer's result, after its end */
    struct err err;

    /* writer thread only */
    struct sqlite *db;
    struct scanner scanner; /* for whoever reads results of this connection */
    struct catalog catalog;
    bool catalog_stale;             /* a transaction was rolled back */
    bool full_sync;                 /* as the connection is set now */
    VEC(int64_t) handles;           /* probe number by handle, 0: none */
    VEC(struct outbox_item) outbox; /* of the open transaction */
    int64_t alive_us;               /* newest committed heartbeat */
    int64_t complete_through_us;    /* of the file */
    bool daemon;                    /* heartbeats come: results keep coming in */
    int64_t roll_after_ns;          /* an import is going on: rolling would be wasted */
    size_t roll_next;               /* round robin over the streams */
    size_t seal_next;               /* ... and over the probes */
    struct retention retention;

    struct checkpoint checkpoint;

    /* guarded by q.mutex */
    struct store_stats stats;
    struct store_retention keep;
};

/* For tests: every SQL step of the writer asks `fault` first. */
int store_open_faulty(const struct store_options *o, store_fault_fn fault, void *fault_ctx,
                      struct store **ret, struct err *reterr);
