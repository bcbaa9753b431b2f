/*
 * A message as JSON: the body of Alertmanager's webhook, version 4, with the members
 * that only nines has beside it ("at"). It is what the outbox stores and what a
 * receiver makes its own body of, so what is sent is what was committed.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "nines/message.h"

#include <stddef.h>

/* Appends one line of JSON; str overflow is the caller's to look at. */
void message_write(const struct message *m, struct str *out);

/* What message_write() wrote, and Alertmanager itself. Everything read lives in
 * the arena. Unknown members are passed over; hard maxima on alerts and labels. */
int message_read(const char *text, size_t n, struct arena *arena, struct message *ret,
                 struct err *reterr);
