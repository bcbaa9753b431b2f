/*
 * The tour of `nines demo`: demo_story.c tells it, demo_stage.c is what it
 * stands on - the child processes, what they say, and how that is shown.
 */
#pragma once

#include "cli/cli.h"
#include "demo/child.h"

#include <signal.h>

struct demo_options {
    const char *dir;
    uint64_t seed;
    int days;
};

/* Runs the whole tour; an exit code. */
int demo_story(const struct command *self, const struct cli_common *common,
               const struct demo_options *o);

/* ---- the stage ------------------------------------------------------------------ */

#define STAGE_ADDRESS_MAX 96

struct stage {
    const struct cli_common *common;
    const char *dir;
    bool color, live; /* live: stdout is a terminal, lines may be redrawn */
    bool drawn;       /* such a line is on the screen */
    int64_t started_ns, act_ns;
    int signal_fd;
    sigset_t old_signals;
    struct child platform, daemon, tool;
    bool daemon_may_end;

    /* what the children said */
    char platform_url[STAGE_ADDRESS_MAX];   /* "http://127.0.0.1:43817" */
    char daemon_address[STAGE_ADDRESS_MAX]; /* "127.0.0.1:9464" */
    bool incident_over;
    int delivered;
    bool quoting;      /* the page that was delivered last */
    int64_t good, bad; /* results since the daemon's start */
};

int stage_open(struct stage *s, struct err *reterr);

/* Ends every child, whatever happened. */
void stage_close(struct stage *s);

/*
 * Waits until a child says something, or so long, and takes note of what was
 * said. -1: a signal asks to end, or a child that should run does not.
 */
int stage_pump(struct stage *s, int64_t wait_us, struct err *reterr);

/* Pumps for so long, or until *flag if it is given. -1 also when a flag is
 * given and did not come. */
int stage_wait(struct stage *s, int64_t us, const bool *flag, const char *what, struct err *reterr);

/* Runs a subcommand to its end in the demo's directory, showing the command
 * and its output. Its exit code is in s->tool.status. */
int stage_command(struct stage *s, const char *const argv[], struct err *reterr);

/* Asks the daemon how many results there are. */
int stage_count(struct stage *s, struct err *reterr);

/* ---- telling --------------------------------------------------------------------- */

enum tone { TONE_PLAIN, TONE_TITLE, TONE_COMMAND, TONE_QUIET, TONE_GOOD, TONE_BAD };

/* One line. */
void stage_say(struct stage *s, enum tone tone, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* One line that the next one replaces; without a terminal, nothing. */
void stage_show(struct stage *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

double stage_seconds(const struct stage *s); /* since act_ns was set */
