#include "store/writer.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "io/sqlite.h"
#include "store/checkpoint.h"
#include "store/internal.h"
#include "store/records.h"
#include "store/retention.h"
#include "store/rollup.h"
#include "store/seal.h"
#include "store/turns.h"

#include <time.h>

#define BACKOFF_MIN_US (100 * USEC_PER_MSEC)
#define BACKOFF_MAX_US USEC_PER_SEC
#define IDLE_US USEC_PER_SEC
#define ROLL_QUIET_US USEC_PER_SEC /* after an import batch, the next may follow */

/* ---- one batch ---------------------------------------------------------------- */

static void drop_outbox(struct store *s)
{
    for (size_t i = 0; i < s->outbox.len; i++)
        outbox_item_release(&s->outbox.at[i]);
    vec_clear(&s->outbox);
}

static int set_sync(struct store *s, bool full, struct err *reterr)
{
    if (s->full_sync == full)
        return 0;
    if (sqlite_run(s->db, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL,
                   reterr) < 0)
        return -1;
    s->full_sync = full;
    return 0;
}

static int refresh(struct store *s, struct err *reterr)
{
    if (!s->catalog_stale)
        return 0;
    scanner_forget(&s->scanner);
    if (catalog_load(&s->catalog, s->db, reterr) < 0)
        return -1;
    s->catalog_stale = false;
    return 0;
}

static int try_batch(struct store *s, const struct batch *b, struct err *reterr)
{
    if (refresh(s, reterr) < 0 || set_sync(s, b->urgent, reterr) < 0 ||
        sqlite_run(s->db, "BEGIN IMMEDIATE", NULL, reterr) < 0)
        return -1;
    for (const struct record *r = b->first; r; r = r->next)
        if (record_apply(s, r, reterr) < 0)
            goto failed;
    if (sqlite_run(s->db, "COMMIT", NULL, reterr) < 0)
        goto failed;
    return 0;
failed:
    sqlite_rollback(s->db);
    s->catalog_stale = true;
    drop_outbox(s);
    return -1;
}

static void note_failure(struct store *s, const struct err *err)
{
    pthread_mutex_lock(&s->q.mutex);
    s->stats.failed_commits++;
    bool first = s->stats.failing_since_us == 0;
    if (first)
        s->stats.failing_since_us = turns_now(s);
    int64_t since = s->stats.failing_since_us;
    s->err = *err;
    pthread_mutex_unlock(&s->q.mutex);
    if (first && s->o.health)
        s->o.health(s->o.ctx, since, err->msg);
}

static void note_commit(struct store *s, size_t records)
{
    int64_t pages = 0, page_size = 0;
    /* Sizes are for people: an error here says nothing about the commit. */
    if (sqlite_lookup(s->db, "PRAGMA page_count", NULL, &pages, NULL) < 0 ||
        sqlite_lookup(s->db, "PRAGMA page_size", NULL, &page_size, NULL) < 0)
        pages = 0;
    pthread_mutex_lock(&s->q.mutex);
    bool recovered = s->stats.failing_since_us != 0;
    s->stats.failing_since_us = 0;
    s->stats.commits++;
    s->stats.committed_records += (int64_t)records;
    s->stats.database_bytes = pages * page_size;
    s->stats.wal_bytes = sqlite_wal_pages(s->db) * page_size;
    s->stats.complete_through_us = s->complete_through_us;
    pthread_mutex_unlock(&s->q.mutex);
    if (recovered && s->o.health)
        s->o.health(s->o.ctx, 0, NULL);
}

static void hand_over(struct store *s)
{
    if (s->outbox.len && s->o.committed)
        s->o.committed(s->o.ctx, s->outbox.at, s->outbox.len);
    else
        drop_outbox(s);
    vec_clear(&s->outbox); /* the items are the callee's now */
}

/* Answers one import that waits behind a batch that cannot be committed; its
 * record stays where it is, empty. False: there is none. */
static bool fail_import(struct store *s, const struct err *err)
{
    struct record_import *im = NULL;
    pthread_mutex_lock(&s->q.mutex);
    queue_gather(&s->q);
    for (struct record *r = s->q.first; r && !im; r = r->next)
        if (r->kind == RECORD_IMPORT && ((struct record_import *)r)->batch)
            im = (struct record_import *)r;
    struct import_batch *b = im ? im->batch : NULL;
    if (im)
        im->batch = NULL;
    pthread_mutex_unlock(&s->q.mutex);
    if (!im)
        return false;
    import_free(im->state);
    im->state = NULL;
    b->status = err_set(&b->err, "the database cannot be written at present: %s", err->msg);
    im->done(im->ctx);
    return true;
}

/* Until it is committed, or there is no patience left: -1. Who imports is told
 * at once, and may try again; results have nobody else to keep them. */
static int commit_batch(struct store *s, struct batch *b)
{
    int64_t backoff_us = BACKOFF_MIN_US;
    struct err err;
    int64_t began_ns = clock_mono_ns();
    while (try_batch(s, b, &err) < 0) {
        turns_note(s, STORE_SLICE_COMMIT, began_ns, &err);
        note_failure(s, &err);
        while (fail_import(s, &err))
            ;
        if (!queue_pause(&s->q, backoff_us))
            return -1;
        backoff_us = backoff_us * 2 < BACKOFF_MAX_US ? backoff_us * 2 : BACKOFF_MAX_US;
        began_ns = clock_mono_ns();
    }
    turns_note(s, STORE_SLICE_COMMIT, began_ns, NULL);
    for (const struct record *r = b->first; r; r = r->next)
        record_committed(s, r);
    note_commit(s, b->n);
    hand_over(s);
    queue_commit(&s->q, b);
    return 0;
}

static void run_import(struct store *s, struct batch *b)
{
    struct record_import *r = (struct record_import *)b->first;
    void (*done)(void *) = r->done;
    void *ctx = r->ctx;
    struct import_batch *im = r->batch;
    if (!im) { /* already answered: fail_import() */
        queue_commit(&s->q, b);
        return;
    }
    int64_t began_ns = clock_mono_ns();
    int rc = refresh(s, &im->err);
    if (rc == 0)
        rc = set_sync(s, false, &im->err);
    if (rc == 0)
        rc = import_apply(s, im, &r->state, &im->err);
    s->roll_after_ns = clock_mono_ns() + ROLL_QUIET_US * NSEC_PER_USEC;
    s->retention.after_ns = clock_mono_ns() + RETENTION_QUIET_US * NSEC_PER_USEC;
    turns_note(s, STORE_SLICE_IMPORT, began_ns, NULL); /* who imports is told of failures */
    if (rc >= 0)
        note_commit(s, 0);
    if (rc > 0) {
        queue_again(&s->q, b);
        return;
    }
    import_free(r->state); /* refused before it could go on */
    im->status = rc;
    queue_commit(&s->q, b);
    done(ctx);
}

/* ---- between batches ---------------------------------------------------------- */

/* Takes the number of the settling that is being waited for; 0: none. */
static uint64_t settle_ticket(struct store *s)
{
    pthread_mutex_lock(&s->q.mutex);
    uint64_t t = s->q.settle_wanted != s->q.settle_done ? s->q.settle_wanted : 0;
    pthread_mutex_unlock(&s->q.mutex);
    return t;
}

static void settled(struct store *s, uint64_t ticket)
{
    pthread_mutex_lock(&s->q.mutex);
    if (ticket > s->q.settle_done)
        s->q.settle_done = ticket;
    pthread_cond_broadcast(&s->q.done);
    pthread_mutex_unlock(&s->q.mutex);
}

/* One slice of one kind: 1 there may be more, 0 nothing left, -1 failed. */
static int run_slice(struct store *s, enum store_slice kind, bool now)
{
    struct err err;
    int64_t began_ns = clock_mono_ns();
    int rc = refresh(s, &err);
    if (rc == 0)
        rc = set_sync(s, false, &err);
    if (rc == 0 && kind == STORE_SLICE_ROLLUP)
        rc = rollup_slice(s, &err);
    else if (rc == 0 && kind == STORE_SLICE_SEAL)
        rc = seal_slice(s, &err);
    else if (rc == 0)
        rc = retention_slice(s, now, &err);
    turns_note(s, kind, began_ns, rc < 0 ? &err : NULL);
    return rc;
}

/* Some background work; when to come back if nothing else happens. */
static int64_t idle_slice(struct store *s)
{
    int64_t now_ns = clock_mono_ns(), later_ns = now_ns + IDLE_US * NSEC_PER_USEC;
    uint64_t ticket = settle_ticket(s);
    if (checkpoint_ask(s) && !ticket)
        return later_ns;
    checkpoint_wait(s);
    if (!ticket && now_ns < s->roll_after_ns)
        return s->roll_after_ns;
    int rc = run_slice(s, STORE_SLICE_ROLLUP, ticket != 0);
    if (rc == 1)
        return now_ns;
    if (rc == 0)
        rc = run_slice(s, STORE_SLICE_SEAL, ticket != 0);
    bool unsealed = rc > 0;
    if (rc >= 0)
        rc = run_slice(s, STORE_SLICE_RETENTION, ticket != 0);
    if (rc < 0)
        (void)queue_pause(&s->q, BACKOFF_MIN_US);
    else if (rc == 0 && !unsealed && ticket)
        settled(s, ticket);
    if (ticket && (unsealed || rc == 1))
        return now_ns;
    if (unsealed)
        return now_ns + SEAL_PAUSE_US * NSEC_PER_USEC;
    return rc == 1 ? s->retention.resume_ns : later_ns;
}

/* ---- the thread --------------------------------------------------------------- */

void *writer_main(void *store)
{
    struct store *s = store;
    struct batch b;
    int64_t next_ns = clock_mono_ns();
    if (s->o.background)
        thread_background();
    hand_over(s); /* what an earlier process left to be sent */
    for (;;) {
        switch (queue_wait(&s->q, next_ns, &b)) {
        case QUEUE_STOPPED:
            return NULL;
        case QUEUE_IDLE:
            next_ns = idle_slice(s);
            break;
        case QUEUE_BATCH:
            if (b.first->kind == RECORD_IMPORT) {
                run_import(s, &b);
            } else if (commit_batch(s, &b) < 0) {
                s->failed = -1;
                /* store_close() frees what is left. */
                for (struct record *r = b.first, *next; r; r = next) {
                    next = r->next;
                    record_free(r);
                }
                return NULL;
            }
            (void)checkpoint_ask(s);
            next_ns = clock_mono_ns();
            break;
        }
    }
}
