/*
 * How the sample agents speak: the words of an answer one by one, with the faults that
 * answers have, in the form of a protocol. To add one: write its file with a
 * `struct voice` and a route.
 */
#pragma once

#include "demo/platform_internal.h"

struct speech {
    struct call *call;
    int64_t id; /* of the answer */
    int64_t tokens_in, tokens_out;
    bool usage;          /* a stream tells what was used */
    const char *request; /* the id of the request as JSON; or NULL */
};

/* Each puts its events into the reply's body; those of a NULL are not there. */
struct voice {
    void (*begin)(const struct speech *s);
    void (*token)(const struct speech *s, const char *text, bool reasoning);
    void (*end)(const struct speech *s);
    void (*fail)(const struct speech *s);                         /* within the stream */
    void (*document)(const struct speech *s, const char *answer); /* the whole of it */
    void (*failure)(const struct speech *s);                      /* a document that says so */
};

/* The answer takes at most `max_tokens`; 0: as many as it has. */
void speech_init(struct speech *s, struct call *c, int64_t tokens_in, int64_t max_tokens);
bool speech_is_cut(const struct speech *s); /* by its `max_tokens` */

void speech_stream(const struct speech *s, const struct voice *v);
void speech_document(const struct speech *s, const struct voice *v);

/* Of the path's {id}: its index, or -1 after a 404. */
int call_agent(struct call *c);
