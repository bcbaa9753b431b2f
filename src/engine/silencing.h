/*
 * Silences and the alerts that are on, as they are stored: what is mute, and by what.
 * For commands, pages and the notify thread of a daemon; works with and without one.
 *
 *     struct silencing s;
 *     if (silencing_read(reader, &s, reterr) < 0) return -1;
 *     ...
 *     silencing_release(&s);
 *
 * Reading blocks: not for the loop thread.
 */
#pragma once

#include "alert/silence.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "nines/message.h"
#include "nines/store_reader.h"

#include <stddef.h>
#include <stdint.h>

#define SILENCES_MAX 5000 /* that are not over: less than are kept */

struct silencing {
    struct arena arena; /* all of it */
    struct stored_silence *silences;
    size_t silence_count;         /* by id */
    struct message_alert *alerts; /* that fire, as receivers are, or would be, told of them */
    size_t alert_count;           /* by start, then fingerprint */
};

/* `r` NULL: there is no database, and nothing in it. Nothing is left to release after an
 * error. */
int silencing_read(struct store_reader *r, struct silencing *ret, struct err *reterr);
/* The silences alone, without alerts. */
int silencing_read_silences(struct store_reader *r, struct silencing *ret, struct err *reterr);
void silencing_release(struct silencing *s); /* of zeroes is fine */

/* The one with this number, or NULL. */
const struct stored_silence *silencing_get(const struct silencing *s, int64_t id);

/* How many alerts that are on the matchers match. */
size_t silencing_count(const struct silencing *s, const struct matchers *matchers);
/* The first silence in force at `t` for an alert with these labels, or NULL. */
const struct stored_silence *silencing_find(const struct silencing *s,
                                            const struct string_map *labels, int64_t t_us);

/* Appends the members of a silence without the braces around them, called as they are in
 * Alertmanager's API: "id", "status", "matchers", "startsAt", "endsAt", "updatedAt",
 * "createdBy", "comment". The id is a text there. */
void silencing_put_json(const struct stored_silence *s, int64_t now_us, struct str *out);
/* Appends {"name":"value",...}. */
void silencing_put_map(const struct string_map *map, struct str *out);
