/*
 * The `log` receiver: one JSON line for each message, to stderr, stdout or a
 * file that is opened anew each time, so that it can be rotated.
 */
#include "notify/kinds.h"

#include "base/str.h"
#include "notify/body.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

struct log_spec {
    const char *path;
};

static const struct field log_fields[] = {
    {"path", FIELD_STRING, offsetof(struct log_spec, path),
     .help = "stderr (default), stdout, or a file to append to"},
    {0},
};

/* A relative path is meant relative to the file that says it. */
static void log_prepare(struct decode *c, const struct node *n, void *spec)
{
    struct log_spec *s = spec;

    if (!s->path) {
        s->path = "stderr";
        return;
    }
    if (*s->path == '\0')
        diag_error(c->diag, n->pos, "path is empty; expected stderr, stdout or a file");
    const char *slash = n->pos.file ? strrchr(n->pos.file, '/') : NULL;
    if (slash && *s->path != '/' && !str_eq(s->path, "stderr") && !str_eq(s->path, "stdout"))
        s->path =
            arena_printf(c->arena, "%.*s/%s", (int)(slash - n->pos.file), n->pos.file, s->path);
}

/* A pipe that nobody empties must not hold up the other receivers. */
static int write_line(int fd, const struct str *line, struct err *reterr)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    if (poll(&p, 1, 0) == 0)
        return err_set(reterr, "the reader does not keep up");
    for (size_t done = 0; done < line->len;) {
        ssize_t n = write(fd, line->buf + done, line->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(reterr, errno, "cannot write");
        done += (size_t)n;
    }
    return 0;
}

static int append(const char *path, const struct str *line, struct err *reterr)
{
    if (str_eq(path, "stderr"))
        return write_line(STDERR_FILENO, line, reterr);
    if (str_eq(path, "stdout"))
        return write_line(STDOUT_FILENO, line, reterr);

    /* O_NONBLOCK: a FIFO without a reader fails instead of hanging. */
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
    if (fd < 0)
        return err_errno(reterr, errno, "cannot open %s", path);
    int rc = write_line(fd, line, reterr);
    close(fd);
    return rc;
}

static void *log_send(struct notifier_env *env, const struct receiver_def *def,
                      const struct notification *n, notifier_done_fn done, void *ctx)
{
    const struct log_spec *spec = def->spec;
    struct str line;
    struct err e;

    (void)env;
    str_init(&line, BODY_MAX + 1);
    body_write(n, &line);
    str_addc(&line, '\n');
    if (line.overflow)
        done(ctx, DELIVERY_REJECTED, "the message is too long", 0);
    else if (append(spec->path, &line, &e) < 0)
        done(ctx, DELIVERY_RETRY, e.msg, 0);
    else
        done(ctx, DELIVERY_OK, "written", 0);
    str_release(&line);
    return NULL;
}

const struct notifier_kind notifier_log = {
    .name = "log",
    .help = "write one JSON line for each message",
    .fields = log_fields,
    .spec_size = sizeof(struct log_spec),
    .prepare = log_prepare,
    .send = log_send,
};
