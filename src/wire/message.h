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

#define MESSAGE_TEXT_MAX ((size_t)16 << 20) /* bytes of JSON that are read */
#define MESSAGE_LABELS_MAX 256              /* of one map */
#define MESSAGE_LABEL_BYTES_MAX (64 << 10)  /* of one key or value */

/* Appends one line of JSON, without a line end; str overflow is the caller's to look
 * at. Without at_us, "at" is left out. */
void message_write(const struct message *m, struct str *out);

/* One alert alone, as it is in the list of a message; its fingerprint, if it has one, is
 * of 16 hexadecimal digits. */
void message_alert_write(const struct message_alert *a, struct str *out);
int message_alert_read(const char *text, size_t n, struct arena *arena, struct message_alert *ret,
                       struct err *reterr);

/* What message_write() wrote, and Alertmanager itself. Everything read lives in
 * the arena. Unknown members are passed over; absent maps and lists are empty, other
 * absent members an error, but for "at" (at_us: 0), "truncatedAlerts", a
 * "fingerprint" (computed) and URLs (""). A firing alert has no end, whatever the
 * text says. Times before 1970 are errors, but for Go's zero. Alerts keep their
 * order; maps are sorted. */
int message_read(const char *text, size_t n, struct arena *arena, struct message *ret,
                 struct err *reterr);
