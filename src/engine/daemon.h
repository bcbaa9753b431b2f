/*
 * `nines run`: puts the parts together, runs the loop until a signal, and
 * takes them apart again.
 *
 *     loop thread    scheduler -> probe kinds -> record; every 10 s evaluate
 *     store thread   commits records in order
 *     notify thread  delivers committed messages
 *     web thread     serves the status picture and the control socket
 *
 * SIGINT or SIGTERM stops cleanly: no new slots, runs in flight end, everything
 * is committed. A second one does not wait for runs and deliveries. SIGHUP
 * reloads the configuration; a configuration with errors changes nothing.
 */
#pragma once

#include "base/err.h"
#include "nines/config.h"

struct daemon_options {
    const struct config_sources *sources; /* read again by a reload */
    const struct config_tables *tables;
    struct config *config;   /* the first snapshot; a reference is taken */
    const char *database;    /* overrides the configuration's; or NULL */
    const char *listen;      /* overrides the configuration's; or NULL */
    const char *test_clock;  /* FILE with the engine time to run to; or NULL */
    /* Prints what a failed reload found wrong; any thread but one at a time. */
    void (*print_diag)(const struct diag *d);
};

/* Returns after a clean stop (0) or when it could not start or store (-1). */
int daemon_run(const struct daemon_options *o, struct err *reterr);
