/*
 * Child processes of this same program, with their output as lines. Each is a
 * process group of its own, so that ^C reaches only the parent, and gets
 * SIGTERM when the parent dies in whatever way.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILD_LINE_MAX 4096

enum child_output {
    CHILD_SHARES,       /* our stdout and stderr */
    CHILD_GIVES_STDOUT, /* read by child_line(); stderr is ours */
    CHILD_GIVES_STDERR, /* the same the other way round */
    CHILD_GIVES_BOTH,
};

struct child {
    pid_t pid;      /* 0: none */
    int fd;         /* its output, non-blocking; -1: none, or ended */
    struct str buf; /* what is read and not yet a line */
    int status;     /* exit code, 128 + signal, once pid is 0 */
};

/* `argv` as after "nines"; stdin_fd -1 is /dev/null, else it is the child's
 * and closed here. */
int child_start(struct child *c, const char *const argv[], const char *dir, int stdin_fd,
                enum child_output output, struct err *reterr);

/* The next whole line without its end; false if there is none yet. Longer ones
 * are cut. */
bool child_line(struct child *c, char line[static CHILD_LINE_MAX]);

/* Whether it still runs; reaps it otherwise. */
bool child_running(struct child *c);

/* Ends it: SIGTERM, and SIGKILL when that does not help in time. Harmless for
 * one that never started. */
void child_stop(struct child *c, int64_t patience_us);

/* After child_stop(), or once it does not run. */
void child_release(struct child *c);
