/*
 * `nines run`: puts the parts together, runs the loop until a signal, and
 * takes them apart again.
 *
 *     loop thread    scheduler -> probe kinds -> record; every 10 s evaluate
 *     store thread   commits records in order
 *     notify thread  delivers committed messages
 *
 * The web thread is a layer above: it is started by the caller between
 * daemon_start() and daemon_loop(), and looks in through the status board.
 *
 * SIGINT or SIGTERM stops cleanly: no new slots, runs in flight end, everything
 * is committed. A second one does not wait for runs and deliveries. SIGHUP
 * reloads the configuration; a configuration with errors changes nothing.
 */
#pragma once

#include "base/err.h"
#include "nines/config.h"

struct daemon;
struct status_board;
struct store;
struct str;

struct daemon_options {
    const struct config_sources *sources; /* read again by a reload */
    const struct config_tables *tables;
    struct config *config;  /* the first snapshot; a reference is taken */
    const char *database;   /* overrides the configuration's; or NULL */
    const char *test_clock; /* FILE with the engine time to run to; or NULL */
    /* Shows what a failed reload found wrong; loop thread. May be NULL. */
    void (*print_diag)(const struct diag *d);
};

/* Opens the store, takes over history and alert state, schedules the first
 * slots. On failure everything is taken apart again and nothing is set. */
int daemon_start(const struct daemon_options *o, struct daemon **ret, struct err *reterr);

/* Runs until it is told to stop. */
void daemon_loop(struct daemon *d);

/* Commits and delivers what is left and frees; -1 if not all could be stored. */
int daemon_finish(struct daemon *d, struct err *reterr);

/* For the web thread, from start to finish. */
struct status_board *daemon_board(struct daemon *d);
struct store *daemon_store(struct daemon *d); /* to import into */
const char *daemon_database(const struct daemon *d);

/* As edit_run(); what it changes comes into force by itself. Any thread but the loop's. */
int daemon_edit(struct daemon *d, const char *request, size_t n, struct str *answer,
                struct err *reterr);

/* Reloads and waits for the outcome; any thread but the loop's. -1: refused,
 * the old configuration stays. */
int daemon_reload_wait(struct daemon *d, struct err *reterr);
