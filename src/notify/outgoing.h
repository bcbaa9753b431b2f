/*
 * A request to a receiver's service, ready to be made, and the JSON that most of them
 * take. Pure: building one asks nobody and waits for nothing.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "io/http.h"
#include "notify/access.h"
#include "notify/text.h"

#include <stddef.h>

#define OUTGOING_BODY_MAX ((size_t)16 << 20) /* as io/http.h sends */
#define OUTGOING_HEADERS_MAX 16
#define OUTGOING_HEADER_BYTES (16 << 10)
#define OUTGOING_ANSWER_MAX (64 << 10)

struct outgoing {
    const char *method;
    struct str url, body;
    struct str lines; /* headers, each with its NUL */
    size_t starts[OUTGOING_HEADERS_MAX];
    size_t header_count;
    const struct http_access *access; /* the receiver's */
};

void outgoing_init(struct outgoing *o);
void outgoing_release(struct outgoing *o);

/* Adds "Name: value". Control characters of the value become spaces; bytes past 0x7e
 * stay. A header beyond the limits sets lines.overflow. */
void outgoing_header(struct outgoing *o, const char *name, const char *value);

/* An address with `path` behind; one slash between them. */
void outgoing_url(struct outgoing *o, const char *base, const char *path);

/* Adds what access says and who we are, and ends it. -1: it became too long. */
int outgoing_finish(struct outgoing *o, const struct http_access *access, struct err *reterr);

/* The request as io/http.h takes it; it and `headers` point into `o`. */
struct http_request outgoing_request(const struct outgoing *o,
                                     const char *headers[static OUTGOING_HEADERS_MAX]);

#define GROUP_ID_SIZE 33
/* 32 hexadecimal digits of the group's key, for services that find an incident by a name
 * of limited length. Returns `buf`. */
char *group_id(char buf[static GROUP_ID_SIZE], const struct message *m);

/* ---- JSON ------------------------------------------------------------------------- */

struct form {
    struct texts texts;
    struct str *out;
};

void form_init(struct form *f, const struct message *m, struct str *out);
void form_release(struct form *f);

/* Each adds a comma first if something stands before. NULL key: an element of a list. */
void form_open(struct form *f, const char *key, char bracket); /* '{' or '[' */
void form_close(struct form *f, char bracket);                 /* '}' or ']' */
void form_string(struct form *f, const char *key, const char *value);
void form_raw(struct form *f, const char *key, const char *json); /* true, 12 */

/* A rendered text of at most `max` characters; left out when it is empty. Returns
 * whether it was not. */
bool form_text(struct form *f, const char *key, const struct template *t, enum text_style style,
               size_t max);
/* The same as one line, into `value` (initialised here; the caller releases). */
void form_value(struct form *f, const struct template *t, size_t max, struct str *value);
/* A list of the words of a rendered text that commas separate: at most `count`, each of
 * at most `max` characters; empty ones are left out. */
void form_words(struct form *f, const char *key, const struct template *t, size_t max,
                size_t count);
/* An object of all of them, empty ones included; each cut to `max`, and at most
 * `count` of them. */
void form_text_map(struct form *f, const char *key, const struct text_map *map, size_t max,
                   size_t count);
