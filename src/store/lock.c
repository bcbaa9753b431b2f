#include "store/lock.h"

#include "base/mem.h"
#include "nines/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_TRIES 10
#define LOCK_PAUSE_US 5000

static char *lock_path(const char *database)
{
    return mem_printf("%s.lock", database);
}

static pid_t read_pid(int fd)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    long pid = n > 0 ? strtol(text, NULL, 10) : 0;
    return pid > 0 ? (pid_t)pid : 0;
}

static void write_pid(int fd)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    /* The pid is only for messages: a full disk is no reason to fail here. */
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) < 0)
        return;
}

/* store_lock_holder() holds a shared lock for an instant while it looks. */
static int take_patiently(int fd)
{
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK)
            return -1;
        usleep(LOCK_PAUSE_US);
    }
    errno = EWOULDBLOCK;
    return -1;
}

static int busy(const char *database, pid_t pid, struct err *reterr)
{
    if (pid > 0)
        return err_set(reterr, "%s is in use by process %ld", database, (long)pid);
    return err_set(reterr, "%s is in use by another process", database);
}

int lock_take(struct lock *l, const char *database, struct err *reterr)
{
    mem_auto char *path = lock_path(database);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_errno(reterr, errno, "cannot create the lock file %s", path);
    if (take_patiently(fd) < 0) {
        int rc = errno == EWOULDBLOCK ? busy(database, read_pid(fd), reterr)
                                      : err_errno(reterr, errno, "cannot lock %s", path);
        close(fd);
        return rc;
    }
    write_pid(fd);
    l->fd = fd;
    return 0;
}

void lock_drop(struct lock *l)
{
    if (l->fd < 0)
        return;
    close(l->fd);
    l->fd = -1;
}

long store_lock_holder(const char *path)
{
    mem_auto char *lock = lock_path(path);
    int fd = open(lock, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    long pid = 0;
    if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        pid = (long)read_pid(fd);
        pid = pid > 0 ? pid : -1;
    }
    close(fd);
    return pid;
}
