#include "store/backup.h"

#include "base/mem.h"
#include "base/str.h"
#include "io/sqlite.h"
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 2000

/* What SQLite may leave beside a file that it could not write to its end. */
static const char *const beside[] = {"-journal", "-wal", "-shm"};

/* ---- where to ------------------------------------------------------------------- */

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The database, or a file that belongs to it: replacing it would destroy both. */
static int check_not_source(const struct backup *b, const char *path, struct err *reterr)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".lock", ".sock"};
    for (size_t i = 0; i < countof(suffixes); i++) {
        mem_auto char *name = mem_printf("%s%s", b->source, suffixes[i]);
        if (str_eq(name, path) || same_file(name, path))
            return err_set(reterr, "%s belongs to the database itself; choose another file", path);
    }
    return 0;
}

/* Only what a backup may have been is replaced: a slip of the hand destroys no
 * file of another kind. */
static int check_replaceable(const char *path, struct err *reterr)
{
    unsigned char head[SCHEMA_HEAD_BYTES];
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));
    int rc = n < 0 ? err_errno(reterr, errno, "%s", path) : 0;
    if (n > 0 && !(n == sizeof(head) && schema_is_ours(head)))
        rc = err_set(reterr,
                     "%s is not a database of nines, and --force replaces nothing else;"
                     " choose another file",
                     path);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int check_target(const struct backup *b, const char *tmp, struct err *reterr)
{
    struct stat st;
    if (check_not_source(b, b->target, reterr) < 0 || check_not_source(b, tmp, reterr) < 0)
        return -1;
    for (size_t i = 0; i < countof(beside); i++) {
        mem_auto char *name = mem_printf("%s%s", tmp, beside[i]);
        if (check_not_source(b, name, reterr) < 0)
            return -1;
    }
    if (lstat(b->target, &st) < 0)
        return errno == ENOENT ? 0 : err_errno(reterr, errno, "%s", b->target);
    if (!b->force)
        return err_set(reterr, "%s exists already; --force replaces it", b->target);
    if (!S_ISREG(st.st_mode))
        return err_set(reterr, "%s is no regular file", b->target);
    return check_replaceable(b->target, reterr);
}

/* ---- the file that becomes it ------------------------------------------------------ */

/* Another one may have taken its place while the lock was waited for. */
static bool is_at(int fd, const char *path)
{
    struct stat x, y;
    return fstat(fd, &x) == 0 && lstat(path, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

static bool is_locked_out(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* Removes what a backup that was killed has left; one that goes on holds a lock
 * on its file. Who removes holds it too, so that nobody removes a newer one. */
static int remove_left(const char *tmp, struct err *reterr)
{
    int rc = 0, fd = open(tmp, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_errno(reterr, errno, "%s", tmp);
    if (is_locked_out(fd))
        rc = err_set(reterr, "%s is being written by another backup", tmp);
    else if (is_at(fd, tmp) && unlink(tmp) < 0)
        rc = err_errno(reterr, errno, "%s", tmp);
    close(fd);
    return rc;
}

static void remove_beside(const char *tmp)
{
    for (size_t i = 0; i < countof(beside); i++) {
        mem_auto char *name = mem_printf("%s%s", tmp, beside[i]);
        unlink(name);
    }
}

/* A new file, private and held until it is closed. */
static int make_file(const char *tmp, int *ret_fd, struct err *reterr)
{
    for (;;) {
        if (remove_left(tmp, reterr) < 0)
            return -1;
        int fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        if (fd < 0 && errno != EEXIST)
            return err_errno(reterr, errno, "%s", tmp);
        if (fd >= 0 && !is_locked_out(fd) && is_at(fd, tmp)) {
            remove_beside(tmp); /* of one that was killed */
            *ret_fd = fd;
            return 0;
        }
        if (fd >= 0)
            close(fd);
    }
}

/* ---- the copy ------------------------------------------------------------------- */

static void on_copied(void *ctx, int64_t done, int64_t total)
{
    const struct backup *b = ctx;
    b->progress(b->ctx, done, total, "pages");
}

/* In a transaction that has read something: that is the moment. */
static int copy_pages(struct backup *b, struct sqlite *from, struct sqlite *to, struct err *reterr)
{
    if (sqlite_exec(from, "PRAGMA query_only = 1", reterr) < 0 ||
        sqlite_run(from, "BEGIN", NULL, reterr) < 0)
        return -1;
    int rc = schema_check_known(from, b->source, reterr);
    if (rc == 0)
        rc = sqlite_copy(from, to, b->progress ? on_copied : NULL, b, reterr);
    sqlite_rollback(from);
    return rc;
}

/* A log of its own would have to be carried along; the next writer makes one. */
static int make_plain(struct sqlite *to, struct err *reterr)
{
    return sqlite_exec(to, "PRAGMA journal_mode = DELETE", reterr);
}

static int copy(struct backup *b, const char *tmp, struct err *reterr)
{
    struct sqlite *from = NULL, *to = NULL;
    int rc = -1;
    if (sqlite_open(b->source, SQLITE_ACCESS_READ, BUSY_MS, &from, reterr) == 0 &&
        sqlite_open(tmp, SQLITE_ACCESS_WRITE, BUSY_MS, &to, reterr) == 0 &&
        copy_pages(b, from, to, reterr) == 0)
        rc = make_plain(to, reterr);
    sqlite_close(to);
    sqlite_close(from);
    return rc;
}

/* ---- is it good ----------------------------------------------------------------- */

static int check_whole(struct sqlite *db, const char *path, struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(db, "PRAGMA quick_check(1)", NULL, reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc > 0 && !str_eq(sqlite_text(q, 0), "ok"))
        rc = err_set(reterr, "%s is damaged: %s", path, sqlite_text(q, 0));
    sqlite_end(q);
    return rc < 0 ? -1 : 0;
}

static int verify(const struct backup *b, const char *tmp, struct err *reterr)
{
    struct sqlite *db = NULL;
    struct err err;
    int rc = -1;
    if (sqlite_open(tmp, SQLITE_ACCESS_READ, BUSY_MS, &db, &err) == 0 &&
        schema_check_known(db, tmp, &err) == 0)
        rc = check_whole(db, b->source, &err);
    sqlite_close(db);
    return rc < 0 ? err_set(reterr, "the copy is of no use: %s", err.msg) : 0;
}

/* ---- in place ------------------------------------------------------------------- */

static int sync_folder(const char *path, struct err *reterr)
{
    const char *slash = strrchr(path, '/');
    mem_auto char *folder =
        !slash ? mem_strdup(".") : mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    if (rc < 0)
        err_errno(reterr, errno, "%s", folder);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Not over a file that came meanwhile, where the file system can tell. */
static int put_in_place(const struct backup *b, const char *tmp, int fd, struct err *reterr)
{
    unsigned flags = b->force ? 0 : RENAME_NOREPLACE;
    if (fsync(fd) < 0)
        return err_errno(reterr, errno, "%s", tmp);
    int rc = renameat2(AT_FDCWD, tmp, AT_FDCWD, b->target, flags);
    if (rc < 0 && errno == EINVAL && !b->force)
        rc = rename(tmp, b->target);
    if (rc < 0)
        return err_errno(reterr, errno, "%s", b->target);
    return sync_folder(b->target, reterr);
}

int backup_make(struct backup *b, struct err *reterr)
{
    struct stat st;
    int fd = -1, rc = -1;
    mem_auto char *tmp = mem_printf("%s.tmp", b->target);
    if (schema_check_there(b->source, reterr) < 0 || check_target(b, tmp, reterr) < 0 ||
        make_file(tmp, &fd, reterr) < 0)
        return -1;
    if (copy(b, tmp, reterr) == 0 && verify(b, tmp, reterr) == 0)
        rc = put_in_place(b, tmp, fd, reterr);
    if (rc < 0 && is_at(fd, tmp)) {
        unlink(tmp);
        remove_beside(tmp);
    }
    b->bytes = fstat(fd, &st) == 0 ? st.st_size : 0;
    close(fd);
    return rc;
}
