/*
 * Moves the write-ahead log into the database, on a thread and a connection of
 * their own: a checkpoint waits for the disk, and commits go on meanwhile.
 *
 * The log begins anew with the first write after all of it was moved, unless a
 * reader still looks at it. So its length is bounded by what is written while
 * the longest reader looks, or during one checkpoint and the second before it.
 * Beyond CHECKPOINT_BEHIND_PAGES imports and upkeep wait for the checkpoint
 * under way; commits never do.
 *
 * SQLite before 3.51.3 loses commits when a checkpoint begins on a log that is
 * already moved as a whole, just as a commit begins that log anew (wal.html,
 * "WAL-reset bug"). Here no checkpoint begins on such a log: the writer asks
 * for one between its transactions only, one at a time, and after one that left
 * nothing only once it has committed again. Until the one it asked for has
 * ended nobody else moves pages, so no commit meanwhile can begin the log anew.
 * Nobody but this process may checkpoint: the lock on the database sees to it.
 */
#pragma once

#include "base/err.h"
#include "base/units.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct sqlite;
struct store;

/* Pages that a batch each second changes again and again are moved once. */
#define CHECKPOINT_PAGES 4096
#define CHECKPOINT_EVERY_US USEC_PER_SEC
#define CHECKPOINT_BEHIND_PAGES 16384 /* 64 MiB */

/* Part of struct store. */
struct checkpoint {
    pthread_t thread;
    bool started;
    int64_t next_ns;   /* writer thread: not before */
    int64_t seen;      /* writer thread: its commits when the log was found moved; -1: it was not */
    struct sqlite *db; /* its own thread; opened when first needed */

    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    bool wanted, running, stop;
    bool moved; /* the last one left nothing in the log */
};

int checkpoint_start(struct store *s, struct err *reterr);
void checkpoint_stop(struct store *s); /* waits for the one under way */

/* Writer thread, between its transactions: starts one if it is time, and if it
 * may. True when one is under way and the log is long: what can wait does. */
bool checkpoint_ask(struct store *s);
void checkpoint_wait(struct store *s); /* until that is not so */
