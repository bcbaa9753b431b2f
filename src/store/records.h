/* Records become rows, inside of the writer's transaction. */
#pragma once

#include "base/err.h"

struct record;
struct result;
struct store;

int record_apply(struct store *s, const struct record *r, struct err *reterr);

/* exclusions.c */
struct record_exclusion;
int record_exclusion(struct store *s, const struct record_exclusion *r, struct err *reterr);
int record_remove_exclusion(struct store *s, const struct record_exclusion *r, struct err *reterr);

/* outbox.c */
struct record_dispatch;
struct record_delivery;
struct record_more;
int record_dispatch(struct store *s, const struct record_dispatch *r, struct err *reterr);
int record_delivery(struct store *s, const struct record_delivery *r, struct err *reterr);
int record_outbox_more(struct store *s, const struct record_more *r, struct err *reterr);
int record_outbox_retry(struct store *s, const struct record_delivery *r, struct err *reterr);

/* silences.c */
struct record_silence;
int record_silence(struct store *s, const struct record_silence *r, struct err *reterr);
int record_expire_silence(struct store *s, const struct record_silence *r, struct err *reterr);

/* What is to be known in memory once the transaction with it is committed. */
void record_committed(struct store *s, const struct record *r);

/*
 * The import batch of a record, in transactions of its own: 1 when there is more
 * to do, by calling again with the same *state (NULL at first), 0 when all of it
 * is stored, -1 when it failed; then *state is freed. A fault is the import's to
 * report: it is not tried again.
 */
struct import;
struct import_batch;
int import_apply(struct store *s, struct import_batch *b, struct import **state,
                 struct err *reterr);
void import_free(struct import *im); /* NULL is fine */
