#include "io/sqlite.h"

#include "base/mem.h"
#include "base/vec.h"

#include <assert.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_PAGES 1024 /* between two looks at the progress */

struct sqlite_rows {
    struct sqlite *db;
    const char *sql; /* the literal: its address is the key */
    sqlite3_stmt *stmt;
    bool running;
};

struct sqlite {
    sqlite3 *handle;
    char *path;
    int64_t wal_pages, commits;
    VEC(struct sqlite_rows *) cache;
    sqlite_fault_fn fault;
    void *fault_ctx;
};

void sqlite_global_init(void)
{
    /* The statistics put a mutex around every allocation of every thread. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

static int fail(struct sqlite *db, int rc, struct err *reterr)
{
    int code = rc & 0xff;
    /* The connection's message is better than the code's, when it is about this code. */
    const char *text =
        sqlite3_errcode(db->handle) == code ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc);
    if (rc == SQLITE_READONLY_ROLLBACK) /* a journal of before the log: from its first instant */
        text = "its last writer was killed, and only another one can clear up after it";
    int cause =
        code == SQLITE_CANTOPEN || code == SQLITE_IOERR ? sqlite3_system_errno(db->handle) : 0;
    return cause ? err_errno(reterr, cause, "%s: %s", db->path, text)
                 : err_set(reterr, "%s: %s", db->path, text);
}

static int on_wal(void *ctx, sqlite3 *handle, const char *name, int pages)
{
    (void)handle, (void)name;
    struct sqlite *db = ctx;
    db->wal_pages = pages;
    db->commits++;
    return SQLITE_OK;
}

/* SQLite would wait at a pipe, and call a folder an I/O error. */
static int check_file(const char *path, struct err *reterr)
{
    struct stat st;
    if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
        return 0; /* what cannot be looked at, opening explains */
    return err_set(reterr, "%s is %s, not a database", path,
                   S_ISDIR(st.st_mode) ? "a folder" : "no regular file");
}

/* Answers of the probed services are in there: not for every user to read. The
 * files beside it get its mode. What cannot be made, SQLite reports better. */
static void create_private(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd >= 0)
        close(fd);
}

int sqlite_open(const char *path, enum sqlite_access access, int busy_ms, struct sqlite **ret,
                struct err *reterr)
{
    if (check_file(path, reterr) < 0)
        return -1;
    /* From a folder on, so that ":memory:" and "file:x?mode=ro" are names as any other. */
    mem_auto char *name = mem_printf("%s%s", path[0] == '/' ? "" : "./", path);
    struct sqlite *db = mem_alloc(sizeof(*db));
    db->path = mem_strdup(path);
    if (access == SQLITE_ACCESS_WRITE)
        create_private(name);
    int flags = access == SQLITE_ACCESS_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                              : SQLITE_OPEN_READONLY;
    int rc = sqlite3_open_v2(name, &db->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                             NULL);
    if (rc != SQLITE_OK) {
        fail(db, rc, reterr);
        sqlite_close(db);
        return -1;
    }
    sqlite3_busy_timeout(db->handle, busy_ms);
    /* In place of the automatic checkpoint: the writer decides when. */
    sqlite3_wal_hook(db->handle, on_wal, db);
    *ret = db;
    return 0;
}

void sqlite_close(struct sqlite *db)
{
    if (!db)
        return;
    for (size_t i = 0; i < db->cache.len; i++) {
        assert(!db->cache.at[i]->running);
        sqlite3_finalize(db->cache.at[i]->stmt);
        free(db->cache.at[i]);
    }
    vec_release(&db->cache);
    int rc = sqlite3_close(db->handle);
    assert(rc == SQLITE_OK);
    (void)rc;
    free(db->path);
    free(db);
}

void sqlite_set_wait(struct sqlite *db, int busy_ms)
{
    sqlite3_busy_timeout(db->handle, busy_ms);
}

bool sqlite_is_readonly(const struct sqlite *db)
{
    return sqlite3_db_readonly(db->handle, "main") == 1;
}

int sqlite_keep_wal(struct sqlite *db, struct err *reterr)
{
    int on = 1;
    int rc = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return rc == SQLITE_OK ? 0 : fail(db, rc, reterr);
}

static int check_fault(struct sqlite *db, const char *sql, struct err *reterr)
{
    int rc = db->fault ? db->fault(db->fault_ctx, sql) : SQLITE_OK;
    return rc == SQLITE_OK ? 0 : err_set(reterr, "%s: %s", db->path, sqlite3_errstr(rc));
}

int sqlite_exec(struct sqlite *db, const char *sql, struct err *reterr)
{
    if (check_fault(db, sql, reterr) < 0)
        return -1;
    int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fail(db, rc, reterr);
}

static int bind_one(sqlite3_stmt *stmt, int i, const struct sqlite_bound *v)
{
    switch (v->type) {
    case SQLITE_VALUE_INT:
        return sqlite3_bind_int64(stmt, i, v->i);
    case SQLITE_VALUE_DOUBLE:
        return sqlite3_bind_double(stmt, i, v->d);
    case SQLITE_VALUE_TEXT:
        return sqlite3_bind_text(stmt, i, v->p, -1, SQLITE_STATIC);
    case SQLITE_VALUE_BLOB:
        return sqlite3_bind_blob64(stmt, i, v->p, v->n, SQLITE_STATIC);
    case SQLITE_VALUE_NULL:
    case SQLITE_END_OF_VALUES:
        break;
    }
    return sqlite3_bind_null(stmt, i);
}

static struct sqlite_rows *prepare(struct sqlite *db, const char *sql, struct err *reterr)
{
    for (size_t i = 0; i < db->cache.len; i++)
        if (db->cache.at[i]->sql == sql)
            return db->cache.at[i];
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (rc != SQLITE_OK) {
        fail(db, rc, reterr);
        return NULL;
    }
    struct sqlite_rows *q = mem_alloc(sizeof(*q));
    *q = (struct sqlite_rows){.db = db, .sql = sql, .stmt = stmt};
    vec_push(&db->cache, q);
    return q;
}

struct sqlite_rows *sqlite_query(struct sqlite *db, const char *sql,
                                 const struct sqlite_bound *args, struct err *reterr)
{
    struct sqlite_rows *q = prepare(db, sql, reterr);
    if (!q)
        return NULL;
    assert(!q->running);
    int n = 0;
    for (; args && args[n].type != SQLITE_END_OF_VALUES; n++) {
        int rc = bind_one(q->stmt, n + 1, &args[n]);
        if (rc != SQLITE_OK) {
            fail(db, rc, reterr);
            return NULL;
        }
    }
    assert(n == sqlite3_bind_parameter_count(q->stmt));
    q->running = true;
    return q;
}

int sqlite_next(struct sqlite_rows *q, struct err *reterr)
{
    if (check_fault(q->db, q->sql, reterr) < 0) {
        sqlite_end(q);
        return -1;
    }
    int rc = sqlite3_step(q->stmt);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE)
        fail(q->db, rc, reterr);
    sqlite_end(q);
    return rc == SQLITE_DONE ? 0 : -1;
}

void sqlite_end(struct sqlite_rows *q)
{
    if (!q || !q->running)
        return;
    q->running = false;
    sqlite3_reset(q->stmt);
    sqlite3_clear_bindings(q->stmt); /* bound text is the caller's and goes now */
}

int sqlite_run(struct sqlite *db, const char *sql, const struct sqlite_bound *args,
               struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(db, sql, args, reterr);
    if (!q)
        return -1;
    int rc;
    while ((rc = sqlite_next(q, reterr)) > 0)
        ;
    return rc;
}

int sqlite_lookup(struct sqlite *db, const char *sql, const struct sqlite_bound *args, int64_t *ret,
                  struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(db, sql, args, reterr);
    if (!q)
        return -1;
    int rc = sqlite_next(q, reterr);
    if (rc > 0 && sqlite_null(q, 0))
        rc = 0;
    else if (rc > 0)
        *ret = sqlite_int(q, 0);
    sqlite_end(q);
    return rc;
}

bool sqlite_null(struct sqlite_rows *q, int column)
{
    return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

int64_t sqlite_int(struct sqlite_rows *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

double sqlite_double(struct sqlite_rows *q, int column)
{
    return sqlite3_column_double(q->stmt, column);
}

const char *sqlite_text(struct sqlite_rows *q, int column)
{
    const unsigned char *s = sqlite3_column_text(q->stmt, column);
    return s ? (const char *)s : "";
}

const void *sqlite_blob(struct sqlite_rows *q, int column, size_t *ret_n)
{
    const void *p = sqlite3_column_blob(q->stmt, column);
    *ret_n = (size_t)sqlite3_column_bytes(q->stmt, column);
    return p;
}

int64_t sqlite_changes(struct sqlite *db)
{
    return sqlite3_changes64(db->handle);
}

int64_t sqlite_last_id(struct sqlite *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

void sqlite_rollback(struct sqlite *db)
{
    if (!sqlite3_get_autocommit(db->handle))
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int64_t sqlite_commits(const struct sqlite *db)
{
    return db->commits;
}

int64_t sqlite_wal_pages(const struct sqlite *db)
{
    return db->wal_pages;
}

int sqlite_checkpoint(struct sqlite *db, bool truncate, struct err *reterr)
{
    int log = -1, done = -1;
    int rc = sqlite3_wal_checkpoint_v2(
        db->handle, "main", truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &log,
        &done);
    if (rc != SQLITE_OK)
        return fail(db, rc, reterr);
    /* What was moved need not be moved again; what a reader held back does. */
    db->wal_pages = log > done ? log - done : 0;
    return 0;
}

int sqlite_copy(struct sqlite *from, struct sqlite *to, sqlite_copied_fn fn, void *ctx,
                struct err *reterr)
{
    sqlite3_backup *b = sqlite3_backup_init(to->handle, "main", from->handle, "main");
    int rc = SQLITE_OK;
    if (!b)
        return fail(to, sqlite3_extended_errcode(to->handle), reterr);
    while (rc == SQLITE_OK) {
        rc = sqlite3_backup_step(b, COPY_PAGES);
        int64_t total = sqlite3_backup_pagecount(b);
        if (fn && rc == SQLITE_OK)
            fn(ctx, total - sqlite3_backup_remaining(b), total);
    }
    int end = sqlite3_backup_finish(b);
    return rc == SQLITE_DONE && end == SQLITE_OK ? 0 : fail(to, end ? end : rc, reterr);
}

void sqlite_set_fault(struct sqlite *db, sqlite_fault_fn fault, void *ctx)
{
    db->fault = fault;
    db->fault_ctx = ctx;
}
