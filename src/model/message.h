/*
 * What a message is made of that follows from its alerts, as Alertmanager computes
 * it. Pure; results live in the caller's arena.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "nines/message.h"

#define FINGERPRINT_SIZE 17 /* 16 hexadecimal digits and NUL */

/* Of a set of labels by rising key: 64-bit FNV-1a of its names and values, each
 * followed by a byte 0xff, which no UTF-8 holds. Returns `buf`. */
char *message_fingerprint(char buf[static FINGERPRINT_SIZE], const struct string_map *labels);

/* NULL when the map has no such key. */
const char *message_label(const struct string_map *labels, const char *key);

/* By rising key, as every map of a message is; keys are distinct. */
void message_sort_map(struct string_map *map);
/* Firing ones first, each part by start, then by fingerprint. */
void message_sort_alerts(struct message *m);

/* Fills in common_labels and common_annotations: what all alerts have, with the
 * same value; and `firing`. Alerts' maps must be sorted; texts are shared. */
void message_common(struct message *m, struct arena *arena);

/* Appends the key of a group: that of its route (`{}/{severity="page"}`), a colon,
 * and `{alertname="x", service="y"}`. */
void message_group_key(const char *route_key, const struct string_map *group_labels,
                       struct str *out);

/* Appends a text in double quotes as Go writes it (%q): escapes for quotes,
 * backslashes, what cannot be printed, and bytes that are not UTF-8. */
void message_quote(const char *text, size_t n, struct str *out);
