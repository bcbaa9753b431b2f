#include "web/process.h"

#include "base/units.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int64_t n = 0;

    if (!d)
        return -1;
    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        n += e->d_name[0] != '.';
    closedir(d);
    return n - 1; /* not the one that looked */
}

/* Fields are counted from 3 on: the second one is a name in parentheses that
 * may hold anything. */
static int64_t stat_field(const char *after_name, int field)
{
    const char *p = after_name;

    for (int i = 3; i < field && p; i++) {
        p = strchr(p, ' ');
        p = p ? p + 1 : NULL;
    }
    return p ? strtoll(p, NULL, 10) : -1;
}

/* Boot time plus uptime at the start; what `ps` shows too. */
static int64_t start_time(int64_t ticks)
{
    struct timespec wall, boot;

    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    int64_t booted =
        (wall.tv_sec - boot.tv_sec) * USEC_PER_SEC + (wall.tv_nsec - boot.tv_nsec) / NSEC_PER_USEC;
    return booted + ticks * USEC_PER_SEC / sysconf(_SC_CLK_TCK);
}

static void read_stat(struct process_stats *s)
{
    char buf[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return;
    buf[n] = '\0';
    const char *p = strrchr(buf, ')');
    if (!p || p[1] != ' ')
        return;
    s->threads = stat_field(p + 2, 20);
    s->started_us = start_time(stat_field(p + 2, 22));
    s->virtual_bytes = stat_field(p + 2, 23);
    s->resident_bytes = stat_field(p + 2, 24) * sysconf(_SC_PAGESIZE);
}

void process_get_stats(struct process_stats *ret)
{
    struct rusage u;
    struct rlimit r;

    *ret = (struct process_stats){-1, -1, -1, -1, -1, -1, -1};
    read_stat(ret);
    if (getrusage(RUSAGE_SELF, &u) == 0)
        ret->cpu_us = (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * USEC_PER_SEC + u.ru_utime.tv_usec +
                      u.ru_stime.tv_usec;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != RLIM_INFINITY)
        ret->max_fds = (int64_t)r.rlim_cur;
    ret->open_fds = count_fds();
}
