/*
 * `log_configs`, of ours: one JSON line for each message, to stderr, stdout or a file that
 * is opened anew each time, so that it can be rotated. The line is that of wire/message.h.
 *
 * A pipe or terminal that nobody empties must hold up nobody: what does not fit into it is
 * written when there is room, and after a while the attempt has failed. The start of such a
 * line may have been read by then.
 */
#include "notify/kinds.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "notify/redact.h"
#include "wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#define LINE_MAX_BYTES ((size_t)16 << 20)
#define AGAIN_MS 20
#define PATIENCE_US (5 * USEC_PER_SEC)

struct log_spec {
    struct notifier_spec base;
    const char *path;
};

static const struct log_spec log_defaults = {.base.send_resolved = true};

static const struct field log_fields[] = {
    {"send_resolved", FIELD_BOOL, offsetof(struct log_spec, base.send_resolved),
     .help = "tell the end of alerts as well"},
    {"path", FIELD_STRING, offsetof(struct log_spec, path),
     .help = "stderr (default), stdout, or a file to append to"},
    {0},
};

/* A relative path is meant relative to the file that says it. */
static void log_prepare(struct decode *c, const struct node *n, const struct node *global,
                        void *spec)
{
    struct log_spec *s = spec;
    (void)global;
    if (!s->path) {
        s->path = "stderr";
        return;
    }
    if (*s->path == '\0')
        diag_error(c->diag, node_get(n, "path")->pos,
                   "path is empty; expected stderr, stdout or a file");
    const char *slash = n->pos.file ? strrchr(n->pos.file, '/') : NULL;
    if (slash && *s->path != '/' && !str_eq(s->path, "stderr") && !str_eq(s->path, "stdout"))
        s->path =
            arena_printf(c->arena, "%.*s/%s", (int)(slash - n->pos.file), n->pos.file, s->path);
}

/* ---- where it goes ------------------------------------------------------------------------ */

/* A stream of ours as a descriptor of its own. A pipe is opened once more, so that not to
 * block is said of this end alone; a file is not, or two places to write at would be known. */
static int open_stream(int fd, struct err *reterr)
{
    char path[64];
    struct stat st;
    if (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        int own = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (own >= 0)
            return own;
    }
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return copy < 0 ? err_errno(reterr, errno, "cannot write") : copy;
}

static int open_target(const char *path, struct err *reterr)
{
    if (str_eq(path, "stderr"))
        return open_stream(STDERR_FILENO, reterr);
    if (str_eq(path, "stdout"))
        return open_stream(STDOUT_FILENO, reterr);
    /* O_NONBLOCK: a FIFO without a reader fails instead of hanging. */
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
    return fd < 0 ? err_errno(reterr, errno, "cannot open %s", path) : fd;
}

/* ---- one line ------------------------------------------------------------------------------ */

struct line {
    int fd;
    bool socket;
    struct str text;
    size_t done_bytes;
    uint64_t until_ms;
    uv_timer_t timer;
    notifier_done_fn done;
    void *ctx;
};

static void line_free(struct line *l)
{
    if (l->fd >= 0)
        close(l->fd);
    str_release(&l->text);
    mem_free(&l);
}

static void on_closed(uv_handle_t *h)
{
    line_free(h->data);
}

/* One write that cannot block: what a pipe with room takes at least. */
static ssize_t write_some(const struct line *l)
{
    struct pollfd p = {.fd = l->fd, .events = POLLOUT};
    const char *at = l->text.buf + l->done_bytes;
    size_t n = l->text.len - l->done_bytes;
    if (n > PIPE_BUF)
        n = PIPE_BUF;
    if (l->socket)
        return send(l->fd, at, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (poll(&p, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(l->fd, at, n);
}

/* 1: all of it is written; 0: there is no room now. */
static int write_line(struct line *l, struct err *reterr)
{
    while (l->done_bytes < l->text.len) {
        ssize_t n = write_some(l);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (n < 0)
            return err_errno(reterr, errno, "cannot write");
        l->done_bytes += (size_t)n;
    }
    return 1;
}

static void on_again(uv_timer_t *t)
{
    struct line *l = t->data;
    struct err err;
    int rc = write_line(l, &err);
    if (rc == 0 && uv_now(t->loop) < l->until_ms)
        return;
    if (rc == 0)
        err_set(&err, "the reader does not keep up");
    notifier_done_fn done = l->done;
    void *ctx = l->ctx;
    uv_close((uv_handle_t *)t, on_closed);
    done(ctx, rc > 0 ? DELIVERY_OK : DELIVERY_RETRY, rc > 0 ? "written" : err.msg, 0);
}

static void wait_for_room(struct notifier_env *env, struct line *l)
{
    uv_timer_init(env->loop, &l->timer);
    l->timer.data = l;
    uv_update_time(env->loop);
    l->until_ms = uv_now(env->loop) + PATIENCE_US / USEC_PER_MSEC;
    uv_timer_start(&l->timer, on_again, AGAIN_MS, AGAIN_MS);
}

static void make_text(struct str *text, const struct notification *n)
{
    str_init(text, LINE_MAX_BYTES);
    message_write(n->message, text);
    str_addc(text, '\n');
    if (n->unrecorded && !text->overflow) {
        struct str marked;
        str_init(&marked, LINE_MAX_BYTES);
        str_addf(&marked, "{\"unrecorded\":true,%s", text->buf + 1);
        str_release(text);
        *text = marked;
    }
}

static void *log_send(struct notifier_env *env, const struct integration_def *def,
                      const struct notification *n, notifier_done_fn done, void *ctx)
{
    const struct log_spec *spec = (const struct log_spec *)(const void *)def->spec;
    struct line *l = mem_alloc(sizeof(*l));
    struct stat st;
    struct redact hide;
    struct err err;
    *l = (struct line){.done = done, .ctx = ctx};
    make_text(&l->text, n);
    redact_init(&hide, def);
    redact_show(&hide, env, "> ", l->text.buf, l->text.len, SIZE_MAX);
    redact_release(&hide);
    l->fd = open_target(spec->path, &err);
    l->socket = l->fd >= 0 && fstat(l->fd, &st) == 0 && S_ISSOCK(st.st_mode);
    int rc = l->fd < 0 ? -1 : l->text.overflow ? 1 : write_line(l, &err);
    if (rc == 0) {
        wait_for_room(env, l);
        return l;
    }
    bool too_long = l->text.overflow;
    line_free(l);
    if (too_long)
        done(ctx, DELIVERY_REJECTED, "the message is too long", 0);
    else
        done(ctx, rc > 0 ? DELIVERY_OK : DELIVERY_RETRY, rc > 0 ? "written" : err.msg, 0);
    return NULL;
}

static void log_cancel(void *delivery)
{
    struct line *l = delivery;
    uv_close((uv_handle_t *)&l->timer, on_closed);
}

const struct notifier_kind notifier_log = {
    .name = "log",
    .help = "write one JSON line for each message",
    .fields = log_fields,
    .defaults = &log_defaults,
    .spec_size = sizeof(struct log_spec),
    .prepare = log_prepare,
    .send = log_send,
    .cancel = log_cancel,
};
