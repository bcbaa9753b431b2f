/*
 * One run of a program on a uv loop: no shell, an environment of the caller's alone,
 * bytes to its standard input, and what it writes, standard error included, up to a
 * limit (the rest is read and dropped, so it never waits for us).
 *
 * It is the leader of a session of its own. At its deadline all of its process group get
 * SIGTERM, a second later SIGKILL; what is left of the group when the program has ended is
 * killed too. The loop waits only while the kernel starts the program.
 *
 * SIGPIPE must be ignored in the process: a program may end without reading. The loop's
 * thread must not be the only one that could take SIGCHLD and block it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;
struct command_run;

#define COMMAND_OUTPUT_MAX (64 << 10)

struct command_request {
    const char *const *argv; /* NULL-ended; argv[0] is a path */
    const char *const *env;  /* NULL-ended "NAME=value": all that there is */
    const char *input;
    size_t input_len;
    int64_t timeout_us; /* > 0 */
};

/* Valid only during the callback. */
struct command_result {
    const char *failed; /* it could not be started, and why; else NULL */
    bool timed_out;
    int exit_code; /* when `signal` is 0 */
    int signal;    /* that ended it */
    const char *output;
    size_t output_len;
    bool cut; /* there was more */
};

typedef void (*command_done_fn)(void *ctx, const struct command_result *result);

/* What `r` points to is copied. `done` comes exactly once, never from inside. */
struct command_run *command_start(struct uv_loop_s *loop, const struct command_request *r,
                                  command_done_fn done, void *ctx);

/* Before `done`: it will not come. Kills at once; the loop needs turns to let go of it. */
void command_cancel(struct command_run *run);
