#include "demo/child.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 32
#define SELF "/proc/self/exe"

static void become(const char *const argv[], const char *dir, int in, int out,
                   enum child_output output, pid_t parent)
{
    const char *args[ARGS_MAX] = {"nines"};
    sigset_t none;
    size_t n = 1;
    while (argv[n - 1] && n < ARGS_MAX - 1) {
        args[n] = argv[n - 1];
        n++;
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* it died before we asked to be told */
        _exit(1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(in, STDIN_FILENO);
    if (output == CHILD_GIVES_STDOUT || output == CHILD_GIVES_BOTH)
        dup2(out, STDOUT_FILENO);
    if (output == CHILD_GIVES_STDERR || output == CHILD_GIVES_BOTH)
        dup2(out, STDERR_FILENO);
    if (dir && chdir(dir) < 0)
        _exit(1);
    /* execv() takes its strings as they are; its type is older than const. */
    execv(SELF, (char *const *)(uintptr_t)args);
    _exit(127);
}

int child_start(struct child *c, const char *const argv[], const char *dir, int stdin_fd,
                enum child_output output, struct err *reterr)
{
    int out[2] = {-1, -1}, in = stdin_fd;
    pid_t parent = getpid();
    *c = (struct child){.fd = -1};
    if (in < 0)
        in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ready = in >= 0 && (output == CHILD_SHARES || pipe2(out, O_CLOEXEC) == 0);
    pid_t pid = ready ? fork() : -1;
    int why = errno;
    if (pid == 0)
        become(argv, dir, in, out[1], output, parent);
    if (in >= 0)
        close(in);
    if (out[1] >= 0)
        close(out[1]);
    if (pid < 0) {
        if (out[0] >= 0)
            close(out[0]);
        return err_errno(reterr, why, "cannot start nines %s", argv[0]);
    }
    if (out[0] >= 0)
        fcntl(out[0], F_SETFL, O_NONBLOCK);
    c->pid = pid;
    c->fd = out[0];
    str_init(&c->buf, CHILD_LINE_MAX - 1);
    return 0;
}

static bool take_line(struct child *c, char line[static CHILD_LINE_MAX])
{
    if (!c->buf.buf) /* never started */
        return false;
    const char *end = memchr(c->buf.buf, '\n', c->buf.len);
    bool cut = !end && (c->buf.len == c->buf.max || (c->fd < 0 && c->buf.len > 0));
    if (!end && !cut)
        return false;
    size_t n = end ? (size_t)(end - c->buf.buf) : c->buf.len, used = end ? n + 1 : n;
    memcpy(line, c->buf.buf, n);
    line[n] = '\0';
    memmove(c->buf.buf, c->buf.buf + used, c->buf.len - used);
    c->buf.len -= used;
    c->buf.buf[c->buf.len] = '\0';
    return true;
}

bool child_line(struct child *c, char line[static CHILD_LINE_MAX])
{
    char chunk[CHILD_LINE_MAX];
    if (take_line(c, line))
        return true;
    if (c->fd < 0)
        return false;
    ssize_t n = read(c->fd, chunk, c->buf.max - c->buf.len);
    if (n > 0) {
        str_addn(&c->buf, chunk, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(c->fd);
        c->fd = -1;
    }
    return take_line(c, line);
}

static bool reap(struct child *c, int flags)
{
    int status;
    if (c->pid == 0)
        return true;
    if (waitpid(c->pid, &status, flags) != c->pid)
        return false;
    c->pid = 0;
    c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

bool child_running(struct child *c)
{
    return !reap(c, WNOHANG);
}

/* Its output is read meanwhile: a child must not hang on a full pipe. */
void child_stop(struct child *c, int64_t patience_us)
{
    char line[CHILD_LINE_MAX];
    if (c->pid == 0)
        return;
    int64_t deadline = clock_mono_ns() + patience_us * NSEC_PER_USEC;
    kill(c->pid, SIGTERM);
    while (!reap(c, WNOHANG) && clock_mono_ns() < deadline) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        poll(&p, 1, 20);
        while (child_line(c, line))
            continue;
    }
    if (c->pid == 0)
        return;
    kill(c->pid, SIGKILL);
    reap(c, 0);
}

void child_release(struct child *c)
{
    if (c->fd >= 0)
        close(c->fd);
    if (c->buf.buf)
        str_release(&c->buf);
    *c = (struct child){.fd = -1, .status = c->status};
}
