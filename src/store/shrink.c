#include "store/shrink.h"

#include "base/clock.h"
#include "base/mem.h"
#include "io/sqlite.h"
#include "store/internal.h"

#include <sys/stat.h>

#define INCREMENTAL 2 /* of PRAGMA auto_vacuum */

/* Fewer than are ever kept free, so that a step always finds as many. */
#define STEP_PAGES 64
#define STEP_SQL "PRAGMA incremental_vacuum(64)"

_Static_assert(STEP_PAGES < SHRINK_SPARE_PAGES, "a step takes what is to stay free");

/* 1 there are pages to give back, 0 not. */
static int has_spare(struct sqlite *db, struct err *reterr)
{
    int64_t mode, pages, free_pages;
    if (sqlite_lookup(db, "PRAGMA auto_vacuum", NULL, &mode, reterr) < 0 ||
        sqlite_lookup(db, "PRAGMA page_count", NULL, &pages, reterr) < 0 ||
        sqlite_lookup(db, "PRAGMA freelist_count", NULL, &free_pages, reterr) < 0)
        return -1;
    return mode == INCREMENTAL && free_pages > SHRINK_SPARE_PAGES + pages / SHRINK_SPARE_PART;
}

int shrink_slice(struct store *s, struct err *reterr)
{
    int64_t until_ns = clock_mono_ns() + RETENTION_SLICE_US * NSEC_PER_USEC;
    int rc = has_spare(s->db, reterr);
    if (rc <= 0)
        return rc;
    if (sqlite_run(s->db, "BEGIN IMMEDIATE", NULL, reterr) < 0)
        return -1;
    while (rc == 1 && clock_mono_ns() < until_ns)
        rc = sqlite_run(s->db, STEP_SQL, NULL, reterr) < 0 ? -1 : has_spare(s->db, reterr);
    if (rc < 0 || sqlite_run(s->db, "COMMIT", NULL, reterr) < 0) {
        sqlite_rollback(s->db);
        return -1;
    }
    return rc;
}

void shrink_log(struct store *s)
{
    struct stat st;
    mem_auto char *log = mem_printf("%s-wal", s->path);
    if (stat(log, &st) < 0 || st.st_size <= SHRINK_LOG_BYTES)
        return;
    sqlite_set_wait(s->db, 0);
    (void)sqlite_checkpoint(s->db, true, NULL); /* a reader in the way: another time */
    sqlite_set_wait(s->db, STORE_BUSY_MS);
}
