#include "config/file.h"

#include "base/mem.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, struct str *out, struct err *reterr)
{
    char buf[16384];
    for (;;) {
        ssize_t n = read(fd, buf, sizeof(buf));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(reterr, errno, "cannot be read");
        if (n == 0)
            return 0;
        if (str_addn(out, buf, (size_t)n) < 0)
            return err_set(reterr, "larger than %zu KiB", out->max >> 10);
    }
}

int file_read(const char *path, struct str *out, struct err *reterr)
{
    struct stat st;
    /* NONBLOCK: a FIFO without a writer must not hang the open. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_errno(reterr, errno, "cannot be opened");
    int rc = 0;
    if (fstat(fd, &st) < 0)
        rc = err_errno(reterr, errno, "cannot be read");
    else if (!S_ISREG(st.st_mode))
        rc = err_set(reterr, "is not a regular file");
    else
        rc = read_all(fd, out, reterr);
    close(fd);
    return rc;
}

int file_type(const char *path, struct err *reterr)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_errno(reterr, errno, "cannot be opened");
    return S_ISDIR(st.st_mode) ? 2 : 1;
}

static bool is_yaml(const char *name)
{
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && dot && (str_eq(dot, ".yaml") || str_eq(dot, ".yml"));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int file_list(const char *folder, char ***ret, size_t *ret_n, struct err *reterr)
{
    VEC(char *) paths = {0};
    size_t len = strlen(folder);
    const char *slash = len && folder[len - 1] == '/' ? "" : "/";
    DIR *dir = opendir(folder);
    if (!dir)
        return err_errno(reterr, errno, "cannot be opened");
    int rc = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(dir));) {
        if (!is_yaml(e->d_name))
            continue;
        if (paths.len == FILE_LIST_MAX)
            rc = err_set(reterr, "more than %d files", FILE_LIST_MAX);
        else
            vec_push(&paths, mem_printf("%s%s%s", folder, slash, e->d_name));
    }
    closedir(dir);
    if (rc < 0) {
        for (size_t i = 0; i < paths.len; i++)
            free(paths.at[i]);
        vec_release(&paths);
        return -1;
    }
    if (paths.len)
        qsort(paths.at, paths.len, sizeof(*paths.at), by_name);
    *ret = paths.at;
    *ret_n = paths.len;
    return 0;
}
