#include "io/command.h"

#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define GRACE_MS 1000 /* from SIGTERM to SIGKILL; and for output after the end */

/*
 * start -> RUNNING -> (deadline) STOPPING -> exit -> DRAINING -> finish -> CLOSING
 * A program that cannot be started goes to finish from the timer, in the next turn.
 */
enum state { RUNNING, STOPPING, DRAINING, CLOSING };

struct command_run {
    uv_process_t process;
    uv_pipe_t input, output;
    uv_timer_t timer;
    uv_write_t write;
    enum state state;
    int open;                    /* handles that are not closed yet */
    bool known, spawned, exited, /* of the process handle; known: it is one */
        timed_out, output_ended;
    int64_t exit_code;
    int signal, spawn_error;
    char *bytes;
    struct str text;
    bool cut;
    char room[4096];
    command_done_fn done; /* NULL: cancelled */
    void *ctx;
};

static void on_closed(uv_handle_t *h)
{
    struct command_run *run = h->data;
    if (--run->open > 0)
        return;
    str_release(&run->text);
    free(run->bytes);
    free(run);
}

static void close_handle(void *handle)
{
    uv_handle_t *h = handle;
    if (!uv_is_closing(h))
        uv_close(h, on_closed);
}

/* Whoever is left of the program's group; there may be nobody. */
static void kill_group(struct command_run *run, int signum)
{
    if (run->spawned)
        kill(-run->process.pid, signum);
}

static void finish(struct command_run *run)
{
    assert(run->state != CLOSING);
    run->state = CLOSING;
    if (!run->exited)
        kill_group(run, SIGKILL);
    if (run->done) {
        struct command_result result = {
            .failed = run->spawn_error ? uv_strerror(run->spawn_error) : NULL,
            .timed_out = run->timed_out,
            .exit_code = (int)run->exit_code,
            .signal = run->signal,
            .output = run->text.buf,
            .output_len = run->text.len,
            .cut = run->cut,
        };
        run->done(run->ctx, &result);
    }
    uv_timer_stop(&run->timer);
    close_handle(&run->timer);
    close_handle(&run->input);
    close_handle(&run->output);
    /* One that still runs is waited for: closing its handle would leave a zombie. */
    if (run->known && (run->exited || !run->spawned))
        close_handle(&run->process);
}

static void on_timer(uv_timer_t *t)
{
    struct command_run *run = t->data;
    if (!run->spawned || run->state == DRAINING) {
        finish(run);
    } else if (run->state == RUNNING) {
        run->state = STOPPING;
        run->timed_out = true;
        kill_group(run, SIGTERM);
        uv_timer_start(t, on_timer, GRACE_MS, 0);
    } else {
        kill_group(run, SIGKILL);
    }
}

static void on_ended(uv_process_t *p, int64_t status, int signum)
{
    struct command_run *run = p->data;
    run->exited = true;
    run->exit_code = status;
    run->signal = signum;
    kill(-p->pid, SIGKILL); /* children that it left */
    if (run->state == CLOSING) {
        close_handle(p);
        return;
    }
    run->state = DRAINING;
    if (run->output_ended)
        finish(run);
    else
        uv_timer_start(&run->timer, on_timer, GRACE_MS, 0);
}

static void on_room(uv_handle_t *h, size_t wanted, uv_buf_t *ret)
{
    struct command_run *run = h->data;
    (void)wanted;
    *ret = uv_buf_init(run->room, sizeof(run->room));
}

static void on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct command_run *run = s->data;
    if (n < 0) {
        run->output_ended = true;
        uv_read_stop(s);
        if (run->state == DRAINING)
            finish(run);
        return;
    }
    size_t left = run->text.max - run->text.len;
    size_t take = (size_t)n < left ? (size_t)n : left;
    str_addn(&run->text, buf->base, take);
    run->cut = run->cut || take < (size_t)n;
}

/* Read or not: a program need not care for its input. */
static void on_written(uv_write_t *w, int status)
{
    struct command_run *run = w->data;
    (void)status;
    close_handle(&run->input);
}

/* Its output and its errors are one pipe. */
static int spawn(struct command_run *run, const struct command_request *r)
{
    uv_file ends[2];
    int rc = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);
    if (rc < 0)
        return rc;
    uv_pipe_open(&run->output, ends[0]);
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&run->input},
        {.flags = UV_INHERIT_FD, .data.fd = ends[1]},
        {.flags = UV_INHERIT_FD, .data.fd = ends[1]},
    };
    uv_process_options_t o = {
        .exit_cb = on_ended,
        .file = r->argv[0],
        .args = (char **)(uintptr_t)r->argv,
        .env = (char **)(uintptr_t)r->env,
        .cwd = "/",
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 3,
        .stdio = stdio,
    };
    rc = uv_spawn(run->timer.loop, &run->process, &o);
    run->process.data = run;
    run->open++; /* a handle even if it failed */
    run->known = true;
    close(ends[1]);
    return rc;
}

static void init_handles(struct command_run *run, uv_loop_t *loop)
{
    uv_timer_init(loop, &run->timer);
    uv_pipe_init(loop, &run->input, 0);
    uv_pipe_init(loop, &run->output, 0);
    run->timer.data = run->input.data = run->output.data = run;
    run->write.data = run;
    run->open = 3;
}

struct command_run *command_start(struct uv_loop_s *loop, const struct command_request *r,
                                  command_done_fn done, void *ctx)
{
    struct command_run *run = mem_alloc(sizeof(*run));
    run->done = done;
    run->ctx = ctx;
    str_init(&run->text, COMMAND_OUTPUT_MAX);
    init_handles(run, loop);
    uv_update_time(loop);
    run->spawn_error = spawn(run, r);
    if (run->spawn_error) {
        uv_timer_start(&run->timer, on_timer, 0, 0);
        return run;
    }
    run->spawned = true;
    run->bytes = mem_alloc(r->input_len + 1);
    memcpy(run->bytes, r->input_len ? r->input : "", r->input_len);
    uv_buf_t buf = uv_buf_init(run->bytes, (unsigned)r->input_len);
    if (uv_write(&run->write, (uv_stream_t *)&run->input, &buf, 1, on_written) < 0)
        close_handle(&run->input);
    uv_read_start((uv_stream_t *)&run->output, on_room, on_output);
    uv_timer_start(&run->timer, on_timer, (uint64_t)(r->timeout_us + 999) / 1000, 0);
    return run;
}

void command_cancel(struct command_run *run)
{
    run->done = NULL;
    finish(run);
}
