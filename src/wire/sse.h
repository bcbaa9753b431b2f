/*
 * A stream of server-sent events, read as it comes in: bytes in any pieces go in,
 * events come out. As the HTML standard has it: lines end in CR, LF or both, a byte
 * order mark at the start goes, an event without data is none, one that no empty line
 * ends is dropped. Bytes are UTF-8 or not: what is not is replaced by U+FFFD, also
 * where the pieces cut a character.
 *
 * Bounded: a line of over SSE_LINE_MAX bytes, or an event with more data than
 * SSE_DATA_MAX, is malformed, told once, and not kept. Events are read on the loop, between
 * those of others, and one of this size as JSON takes 3 ms, or 13 when it is made to: what
 * says more belongs into a document.
 *
 * Pure; belongs to one thread.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSE_LINE_MAX (128u << 10)
#define SSE_DATA_MAX (128u << 10)
#define SSE_NAME_MAX 128 /* of an event; longer ones are cut */

enum sse_what {
    SSE_EVENT,
    SSE_COMMENT,   /* `data` is what stands behind the colon, cut */
    SSE_MALFORMED, /* `data` says why, for people */
};

struct sse_event {
    enum sse_what what;
    const char *name; /* "message" unless the stream says another */
    const char *data; /* NUL-terminated; lives during the call. NULs within are U+FFFD */
    size_t data_len;
    size_t bytes; /* of the stream, that it took; 0 of what is malformed */
};

/* False: enough, no more events are told. */
typedef bool (*sse_event_fn)(void *ctx, const struct sse_event *e);

struct sse;
struct sse *sse_new(sse_event_fn fn, void *ctx);
void sse_free(struct sse *s); /* NULL is fine */
/* False when the callback had enough. */
bool sse_feed(struct sse *s, const char *data, size_t n);
/* Whether the stream, if it ends here, ends within an event or a line. */
bool sse_open(const struct sse *s);
