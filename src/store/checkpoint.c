#include "store/checkpoint.h"

#include "base/clock.h"
#include "base/thread.h"
#include "io/sqlite.h"
#include "store/internal.h"
#include "store/shrink.h"
#include "store/turns.h"

/* ---- its thread -------------------------------------------------------------- */

static int open_own(struct store *s, struct sqlite **ret, struct err *reterr)
{
    int64_t version;
    struct sqlite *db;
    if (sqlite_open(s->path, SQLITE_ACCESS_WRITE, 0, &db, reterr) < 0)
        return -1;
    /* A connection finds the log with its first query. */
    if (sqlite_keep_wal(db, reterr) < 0 ||
        sqlite_lookup(db, "PRAGMA schema_version", NULL, &version, reterr) < 0) {
        sqlite_close(db);
        return -1;
    }
    *ret = db;
    return 0;
}

/* True when nothing is left in the log. A failure leaves it longer, and is told
 * by the statistics. */
static bool move(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    struct err err;
    int64_t began_ns = clock_mono_ns();
    int rc = c->db ? 0 : open_own(s, &c->db, &err);
    if (rc == 0)
        rc = sqlite_checkpoint(c->db, false, &err);
    turns_note(s, STORE_SLICE_CHECKPOINT, began_ns, rc < 0 ? &err : NULL);
    return rc == 0 && sqlite_wal_pages(c->db) == 0;
}

static void *checkpoint_main(void *store)
{
    struct store *s = store;
    struct checkpoint *c = &s->checkpoint;
    if (s->o.background)
        thread_background();
    pthread_mutex_lock(&c->mutex);
    while (!c->stop) {
        if (!c->wanted) {
            pthread_cond_wait(&c->changed, &c->mutex);
            continue;
        }
        c->wanted = false;
        c->running = true;
        pthread_mutex_unlock(&c->mutex);
        bool moved = move(s);
        pthread_mutex_lock(&c->mutex);
        c->running = false;
        c->moved = moved;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->mutex);
    sqlite_close(c->db);
    return NULL;
}

int checkpoint_start(struct store *s, struct err *reterr)
{
    struct checkpoint *c = &s->checkpoint;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->seen = -1;
    int rc = pthread_create(&c->thread, NULL, checkpoint_main, s);
    c->started = rc == 0;
    return rc == 0 ? 0 : err_errno(reterr, rc, "cannot start the checkpoint thread");
}

void checkpoint_stop(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    if (!c->started)
        return;
    pthread_mutex_lock(&c->mutex);
    c->stop = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->mutex);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->mutex);
    c->started = false;
}

/* ---- the writer's -------------------------------------------------------------- */

/* With the mutex held. */
static bool is_behind(const struct store *s)
{
    return sqlite_wal_pages(s->db) > CHECKPOINT_BEHIND_PAGES &&
           (s->checkpoint.wanted || s->checkpoint.running);
}

/* None is under way, and the log holds pages that are not moved: see the
 * header for what happens to a checkpoint that begins otherwise. */
static bool may_begin(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    pthread_mutex_lock(&c->mutex);
    bool busy = c->wanted || c->running;
    bool moved = !busy && c->moved;
    if (moved)
        c->moved = false;
    pthread_mutex_unlock(&c->mutex);
    if (moved) {
        c->seen = sqlite_commits(s->db);
        shrink_log(s);
    }
    return !busy && sqlite_commits(s->db) > c->seen;
}

bool checkpoint_ask(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    int64_t now_ns = clock_mono_ns();
    bool begin =
        may_begin(s) && sqlite_wal_pages(s->db) >= CHECKPOINT_PAGES && now_ns >= c->next_ns;
    pthread_mutex_lock(&c->mutex);
    if (begin) {
        c->next_ns = now_ns + CHECKPOINT_EVERY_US * NSEC_PER_USEC;
        c->wanted = true;
        pthread_cond_broadcast(&c->changed);
    }
    bool behind = is_behind(s);
    pthread_mutex_unlock(&c->mutex);
    return behind;
}

void checkpoint_wait(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    pthread_mutex_lock(&c->mutex);
    while (is_behind(s))
        pthread_cond_wait(&c->changed, &c->mutex);
    pthread_mutex_unlock(&c->mutex);
}
