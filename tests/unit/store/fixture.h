/* A store in a fresh directory, and the few definitions that tests push. */
#pragma once

#include "base/units.h"
#include "nines/store.h"
#include "nines/store_reader.h"
#include "nines/store_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATIENCE_US (20 * USEC_PER_SEC)
#define T0 (1790000000 * USEC_PER_SEC / USEC_PER_HOUR * USEC_PER_HOUR) /* the start of an hour */

struct fixture {
    char dir[64];
    char path[96];
    struct store *store;
};

void fixture_init(struct fixture *f); /* the directory */
void fixture_open(struct fixture *f); /* the store */
void fixture_close(struct fixture *f);
void fixture_release(struct fixture *f); /* closes, removes the directory */

struct store_reader *fixture_reader(const struct fixture *f);
void fixture_flush(struct fixture *f);
void fixture_settle(struct fixture *f);

/* Runs SQL on the file, behind the store's back; one integer comes back. */
int64_t fixture_sql(const struct fixture *f, const char *sql);

/* Take away what schema 4, 6, or 7, added, for tests of older files. */
void fixture_to_version_6(const struct fixture *f);
void fixture_to_version_5(const struct fixture *f);
void fixture_to_version_3(const struct fixture *f);

struct probe_def probe_def(const char *id, int64_t interval_us);
struct sli_def sli_def(const char *probe, int64_t faster_than_us, const char *key);
struct result result_at(int64_t slot_us, enum outcome o, enum reason reason, int64_t total_us);

void push_result(struct store *s, uint32_t handle, const struct result *r);

/* Stores the batch and waits for it. */
void import_now(struct store *s, struct import_batch *b);
