/*
 * The outbox and the rows of the dispatcher, within the store: a message is a row from
 * the commit that made it; it is handed over after each commit that made it pending,
 * and at a start.
 */
#pragma once

#include "alert/notified.h"
#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct store;

/* Pending messages of an earlier process join those that are to be handed over. */
int outbox_load(struct store *s, struct err *reterr);

/* A set as notify_log has it: 8 bytes each, the lowest first. The caller frees; never
 * NULL. */
unsigned char *outbox_pack_set(const struct notified_set *set, size_t *ret_n);
/* False: these bytes are no such set, with numbers that rise. */
bool outbox_unpack_set(const void *at, size_t n, struct arena *arena, struct notified_set *ret);
