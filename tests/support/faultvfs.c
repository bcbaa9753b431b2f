/*
 * nines-faulty: the program, on a disk that fails when a test says so.
 *
 * NINES_FAULTS names a file of FAULTS_SIZE bytes that both map. Its text is one
 * rule a line, `OPERATION FILE CODE`:
 *
 *     write wal full        open main ioerr        lock write busy
 *
 * OPERATION is write, sync, open or lock; FILE is main, wal, shm (for open) or,
 * for lock, write or checkpoint; CODE is full, ioerr, busy, or hang: the call
 * waits until the rule is gone. How often rules were met stands at FAULTS_HITS.
 *
 *     write wal kill 7      sync wal killed 2
 *
 * SIGKILL in front of the seventh write, after the second sync that succeeds; with 0
 * they are counted only.
 *
 * NINES_QUEUE_BYTES makes the store's queue that small.
 */
#include "base/units.h"
#include "base/mem.h"
#include "nines/store.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#define FAULTS_SIZE 4096
#define FAULTS_HITS 2048
#define HANG_US 2000

/* Of the write-ahead log's index: https://sqlite.org/walformat.html */
#define WAL_LOCK_WRITE 0
#define WAL_LOCK_CHECKPOINT 1

struct fault_file {
    sqlite3_file base;
    const char *name;   /* in rules; NULL: a file that nobody names */
    sqlite3_file *real; /* behind this struct */
};

struct faulty {
    sqlite3_vfs vfs;
    sqlite3_io_methods methods;
    sqlite3_vfs *real;
    char *rules;
};

/* SQLite's methods know no context: the disk of this process. */
static struct faulty disk;

/* ---- rules ------------------------------------------------------------------- */

static int code_of(const char *operation, const char *code)
{
    static const struct {
        const char *operation;
        int code;
    } errors[] = {
        {"write", SQLITE_IOERR_WRITE},
        {"sync", SQLITE_IOERR_FSYNC},
        {"open", SQLITE_CANTOPEN},
        {"lock", SQLITE_IOERR_SHMLOCK},
    };
    if (strcmp(code, "full") == 0)
        return SQLITE_FULL;
    if (strcmp(code, "busy") == 0)
        return SQLITE_BUSY;
    for (size_t i = 0; i < countof(errors); i++)
        if (strcmp(errors[i].operation, operation) == 0)
            return errors[i].code;
    return SQLITE_IOERR;
}

/* What the rule for this operation and file says: SQLITE_OK without one. */
static int look_up(const char *operation, const char *name, bool *ret_hang)
{
    char text[FAULTS_HITS], op[16], file[16], code[16];
    *ret_hang = false;
    if (!disk.rules || !name)
        return SQLITE_OK;
    memcpy(text, disk.rules, sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (const char *line = text; *line; line += strspn(line, "\n")) {
        if (sscanf(line, "%15s %15s %15s", op, file, code) == 3 && strcmp(op, operation) == 0 &&
            strcmp(file, name) == 0 && strncmp(code, "kill", 4) != 0) {
            *ret_hang = strcmp(code, "hang") == 0;
            return code_of(operation, code);
        }
        line += strcspn(line, "\n");
    }
    return SQLITE_OK;
}

static uint32_t hit(void)
{
    return atomic_fetch_add((_Atomic uint32_t *)(void *)(disk.rules + FAULTS_HITS), 1) + 1;
}

/* `when` is kill or killed. */
static void end_here(const char *operation, const char *name, const char *when)
{
    char op[16], file[16], code[16];
    unsigned nth;
    if (!disk.rules || !name ||
        sscanf(disk.rules, "%15s %15s %15s %u", op, file, code, &nth) != 4 ||
        strcmp(op, operation) != 0 || strcmp(file, name) != 0 || strcmp(code, when) != 0)
        return;
    if (hit() == nth)
        raise(SIGKILL);
}

static int fault(const char *operation, const char *name)
{
    bool hang, met = false;
    int rc;
    end_here(operation, name, "kill");
    while ((rc = look_up(operation, name, &hang)) != SQLITE_OK) {
        if (!met)
            hit();
        met = true;
        if (!hang)
            return rc;
        usleep(HANG_US);
    }
    return SQLITE_OK;
}

/* ---- files --------------------------------------------------------------------- */

static struct fault_file *of(sqlite3_file *f)
{
    return (struct fault_file *)f;
}

#define REAL(f) (of(f)->real->pMethods)

static int file_close(sqlite3_file *f)
{
    return REAL(f)->xClose(of(f)->real);
}

static int file_read(sqlite3_file *f, void *buf, int n, sqlite3_int64 at)
{
    return REAL(f)->xRead(of(f)->real, buf, n, at);
}

static int done(const char *operation, const char *name, int rc)
{
    if (rc == SQLITE_OK)
        end_here(operation, name, "killed");
    return rc;
}

static int file_write(sqlite3_file *f, const void *buf, int n, sqlite3_int64 at)
{
    int rc = fault("write", of(f)->name);
    return rc ? rc : done("write", of(f)->name, REAL(f)->xWrite(of(f)->real, buf, n, at));
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int rc = fault("write", of(f)->name);
    return rc ? rc : REAL(f)->xTruncate(of(f)->real, size);
}

static int file_sync(sqlite3_file *f, int flags)
{
    int rc = fault("sync", of(f)->name);
    return rc ? rc : done("sync", of(f)->name, REAL(f)->xSync(of(f)->real, flags));
}

static int file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    return REAL(f)->xFileSize(of(f)->real, ret);
}

static int file_lock(sqlite3_file *f, int lock)
{
    return REAL(f)->xLock(of(f)->real, lock);
}

static int file_unlock(sqlite3_file *f, int lock)
{
    return REAL(f)->xUnlock(of(f)->real, lock);
}

static int file_reserved(sqlite3_file *f, int *ret)
{
    return REAL(f)->xCheckReservedLock(of(f)->real, ret);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    return REAL(f)->xFileControl(of(f)->real, op, arg);
}

static int file_sector(sqlite3_file *f)
{
    return REAL(f)->xSectorSize(of(f)->real);
}

static int file_device(sqlite3_file *f)
{
    return REAL(f)->xDeviceCharacteristics(of(f)->real);
}

static int shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    int rc = page == 0 ? fault("open", "shm") : SQLITE_OK;
    return rc ? rc : REAL(f)->xShmMap(of(f)->real, page, size, extend, ret);
}

static int shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    int rc = SQLITE_OK;
    if ((flags & SQLITE_SHM_LOCK) && (flags & SQLITE_SHM_EXCLUSIVE))
        rc = fault("lock", at == WAL_LOCK_WRITE        ? "write"
                           : at == WAL_LOCK_CHECKPOINT ? "checkpoint"
                                                       : NULL);
    return rc ? rc : REAL(f)->xShmLock(of(f)->real, at, n, flags);
}

static void shm_barrier(sqlite3_file *f)
{
    REAL(f)->xShmBarrier(of(f)->real);
}

static int shm_unmap(sqlite3_file *f, int erase)
{
    return REAL(f)->xShmUnmap(of(f)->real, erase);
}

static int disk_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *f, int flags,
                     int *ret_flags)
{
    (void)vfs;
    struct fault_file *ff = of(f);
    *ff = (struct fault_file){.real = (sqlite3_file *)(ff + 1)};
    ff->name = flags & SQLITE_OPEN_MAIN_DB ? "main" : flags & SQLITE_OPEN_WAL ? "wal" : NULL;
    ff->real->pMethods = NULL;
    int rc = fault("open", ff->name);
    if (rc == SQLITE_OK)
        rc = disk.real->xOpen(disk.real, path, ff->real, flags, ret_flags);
    if (ff->real->pMethods)
        f->pMethods = &disk.methods;
    return rc;
}

/* ---- the disk in place of the system's -------------------------------------------- */

static char *map_rules(const char *path)
{
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return NULL;
    void *p = mmap(NULL, FAULTS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}

/* The linker puts these in front of the functions of the program. */
void __real_sqlite_global_init(void);
void __wrap_sqlite_global_init(void);
int __real_store_open(const struct store_options *o, struct store **ret, struct err *reterr);
int __wrap_store_open(const struct store_options *o, struct store **ret, struct err *reterr);

void __wrap_sqlite_global_init(void)
{
    __real_sqlite_global_init();
    if (disk.real)
        return;
    disk.rules = map_rules(getenv("NINES_FAULTS"));
    disk.real = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.real;
    disk.vfs.zName = "faulty";
    disk.vfs.szOsFile += (int)sizeof(struct fault_file);
    disk.vfs.xOpen = disk_open;
    disk.methods = (sqlite3_io_methods){
        .iVersion = 2, /* without memory maps: they would go around these */
        .xClose = file_close,
        .xRead = file_read,
        .xWrite = file_write,
        .xTruncate = file_truncate,
        .xSync = file_sync,
        .xFileSize = file_size,
        .xLock = file_lock,
        .xUnlock = file_unlock,
        .xCheckReservedLock = file_reserved,
        .xFileControl = file_control,
        .xSectorSize = file_sector,
        .xDeviceCharacteristics = file_device,
        .xShmMap = shm_map,
        .xShmLock = shm_lock,
        .xShmBarrier = shm_barrier,
        .xShmUnmap = shm_unmap,
    };
    sqlite3_vfs_register(&disk.vfs, 1);
}

int __wrap_store_open(const struct store_options *o, struct store **ret, struct err *reterr)
{
    struct store_options small = *o;
    const char *bytes = getenv("NINES_QUEUE_BYTES");
    if (bytes)
        small.queue_bytes = strtoll(bytes, NULL, 10);
    return __real_store_open(&small, ret, reterr);
}
