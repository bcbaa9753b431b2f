/*
 * What an alert says: the JSON document that an outbox row stores and a
 * receiver delivers. docs/alerts.md lists its fields.
 */
#pragma once

#include "engine/evaluate.h"
#include "nines/alert.h"

/* Names one message: a receiver may drop the second of a name. */
void message_dedup_key(const struct alert_transition *t, char *buf, size_t size);

/* The one line a phone shows; caller frees. */
char *message_summary(const struct slo_view *v, const struct alert_transition *t);

/* The payload; caller frees. */
char *message_payload(const struct slo_view *view, const struct alert_transition *t);

/* That an alert is over whose objective is not there to be described (gone.h). Caller
 * frees. */
char *message_gone(const struct alert_transition *t);

/* That nothing can be stored since `since_us`, because of `error`; NULL: that
 * it can again. Caller frees. */
char *message_storage(int64_t since_us, int64_t at_us, const char *error);
