/* The store's life: opened, waited for, asked how it is, closed. */
#include "base/clock.h"
#include "base/mem.h"
#include "io/sqlite.h"
#include "store/internal.h"
#include "store/outbox.h"
#include "store/schema.h"
#include "store/writer.h"

#include <inttypes.h>

#define SETTLE_FAILURES 5 /* of the upkeep, while settling is waited for */
#define SETTLE_LOOK_US (200 * USEC_PER_MSEC)

/* ---- opening -------------------------------------------------------------- */

static int load(struct store *s, struct err *reterr)
{
    if (catalog_load(&s->catalog, s->db, reterr) < 0 || outbox_load(s, reterr) < 0 ||
        retention_load(s, reterr) < 0)
        return -1;
    if (sqlite_lookup(s->db, "SELECT max(complete_through) FROM heartbeat", NULL,
                      &s->complete_through_us, reterr) < 0)
        return -1;
    s->stats.complete_through_us = s->complete_through_us;
    return 0;
}

static int open_database(struct store *s, struct err *reterr)
{
    if (sqlite_open(s->path, SQLITE_ACCESS_WRITE, STORE_BUSY_MS, &s->db, reterr) < 0 ||
        schema_migrate(s->db, s->path, reterr) < 0 || sqlite_keep_wal(s->db, reterr) < 0)
        return -1;
    scanner_init(&s->scanner, s->db, s->path);
    return sqlite_exec(s->db,
                       "PRAGMA synchronous = NORMAL;"
                       "PRAGMA cache_size = -16384;" /* KiB */
                       "PRAGMA journal_size_limit = 67108864;",
                       reterr);
}

static void destroy(struct store *s)
{
    checkpoint_stop(s);
    for (size_t i = 0; i < s->outbox.len; i++)
        outbox_item_release(&s->outbox.at[i]);
    vec_release(&s->outbox);
    vec_release(&s->handles);
    catalog_release(&s->catalog);
    scanner_release(&s->scanner);
    sqlite_close(s->db);
    lock_drop(&s->lock);
    queue_release(&s->q);
    free(s->path);
    free(s);
}

int store_open_faulty(const struct store_options *o, store_fault_fn fault, void *fault_ctx,
                      struct store **ret, struct err *reterr)
{
    struct store *s = mem_alloc(sizeof(*s));
    s->o = *o;
    s->path = mem_strdup(o->path);
    s->o.path = s->path;
    s->lock.fd = -1;
    queue_init(&s->q, o->queue_bytes ? o->queue_bytes : STORE_QUEUE_BYTES);
    if (lock_take(&s->lock, s->path, reterr) < 0 || open_database(s, reterr) < 0 ||
        load(s, reterr) < 0)
        goto failed;
    sqlite_set_fault(s->db, fault, fault_ctx);
    if (checkpoint_start(s, reterr) < 0)
        goto failed;
    int rc = pthread_create(&s->thread, NULL, writer_main, s);
    if (rc != 0) {
        err_errno(reterr, rc, "cannot start the store thread");
        goto failed;
    }
    *ret = s;
    return 0;
failed:
    destroy(s);
    return -1;
}

int store_open(const struct store_options *o, struct store **ret, struct err *reterr)
{
    return store_open_faulty(o, NULL, NULL, ret, reterr);
}

int store_close(struct store *s, int64_t patience_us, struct err *reterr)
{
    queue_stop(&s->q, patience_us);
    pthread_join(s->thread, NULL);
    checkpoint_stop(s);
    int rc = s->failed;
    if (rc < 0)
        err_set(reterr, "%" PRIu64 " records could not be stored: %s",
                atomic_load(&s->q.pushed) - s->q.committed, s->err.msg);
    else
        /* A reader in the way leaves the log for the next writer. */
        (void)sqlite_checkpoint(s->db, true, NULL);
    destroy(s);
    return rc;
}

/* ---- waiting -------------------------------------------------------------- */

static int out_of_patience(struct store *s, struct err *reterr)
{
    if (s->stats.failing_since_us)
        return err_set(reterr, "%s", s->err.msg);
    return err_set(reterr, "%s: not committed in time", s->path);
}

int store_flush(struct store *s, int64_t patience_us, struct err *reterr)
{
    struct queue *q = &s->q;
    int rc = 0;
    int64_t until_ns = clock_mono_ns() + patience_us * NSEC_PER_USEC;
    pthread_mutex_lock(&q->mutex);
    uint64_t wanted = atomic_load(&q->pushed);
    if (q->committed < wanted)
        atomic_store(&q->urgent, true);
    queue_wake(q);
    while (q->committed < wanted && rc == 0) {
        if (clock_mono_ns() >= until_ns)
            rc = out_of_patience(s, reterr);
        else
            queue_wait_until(q, &q->done, until_ns);
    }
    pthread_mutex_unlock(&q->mutex);
    return rc;
}

/* Failures of the upkeep so far; *ret_now: one of its kinds fails at present. */
static int64_t upkeep_failures(const struct store *s, bool *ret_now)
{
    static const enum store_slice upkeep[] = {STORE_SLICE_ROLLUP, STORE_SLICE_SEAL,
                                              STORE_SLICE_RETENTION};
    int64_t n = 0;
    *ret_now = false;
    for (size_t i = 0; i < countof(upkeep); i++) {
        n += s->stats.slices[upkeep[i]].failures;
        *ret_now |= s->stats.slices[upkeep[i]].failing_since_us != 0;
    }
    return n;
}

/* A disk may recover, a damaged row does not. */
static int check_upkeep(struct store *s, int64_t failures_before, struct err *reterr)
{
    bool failing;
    if (upkeep_failures(s, &failing) - failures_before < SETTLE_FAILURES || !failing)
        return 0;
    return err_set(reterr, "%s", s->stats.error);
}

int store_settle(struct store *s, int64_t patience_us, struct err *reterr)
{
    struct queue *q = &s->q;
    int rc = 0;
    bool failing;
    int64_t until_ns = clock_mono_ns() + patience_us * NSEC_PER_USEC;
    if (store_flush(s, patience_us, reterr) < 0)
        return -1;
    pthread_mutex_lock(&q->mutex);
    uint64_t ticket = ++q->settle_wanted;
    int64_t failures = upkeep_failures(s, &failing);
    queue_wake(q);
    while (q->settle_done < ticket && rc == 0) {
        int64_t look_ns = clock_mono_ns() + SETTLE_LOOK_US * NSEC_PER_USEC;
        rc = check_upkeep(s, failures, reterr);
        if (rc == 0 && clock_mono_ns() >= until_ns)
            rc = out_of_patience(s, reterr);
        else if (rc == 0)
            queue_wait_until(q, &q->done, look_ns < until_ns ? look_ns : until_ns);
    }
    pthread_mutex_unlock(&q->mutex);
    return rc;
}

/* With the mutex held. */
static void copy_stats(struct store *s, struct store_stats *ret)
{
    queue_gather(&s->q); /* heartbeats that wait are one */
    *ret = s->stats;
    ret->queued_bytes = atomic_load(&s->q.used_bytes);
    ret->queue_limit_bytes = s->q.limit_bytes;
    ret->refused_slots = atomic_load(&s->q.refused);
}

void store_get_stats(struct store *s, struct store_stats *ret)
{
    pthread_mutex_lock(&s->q.mutex);
    copy_stats(s, ret);
    pthread_mutex_unlock(&s->q.mutex);
}

void store_peek_stats(struct store *s, struct store_stats *last)
{
    if (pthread_mutex_trylock(&s->q.mutex) != 0)
        return;
    copy_stats(s, last);
    pthread_mutex_unlock(&s->q.mutex);
}
