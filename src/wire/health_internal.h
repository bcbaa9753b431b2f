/* What the readers of the shapes share: words, and a document in the making. */
#pragma once

#include "wire/health.h"

/* One statement about a state. */
struct health_claim {
    enum health_state state;
    bool listed;      /* its word is in the table: HEALTH_UNKNOWN may be said as well */
    const char *said; /* the word, in the arena */
    const char *why;  /* what stood behind it, in the arena; "" */
};

/* A document as it grows. */
struct health_draft {
    struct arena *arena;
    struct health *doc;
    enum health_state unkept; /* the worst of what found no place */
};

/* "unhealthy: connection refused", "UP", "not ready". A word that says good
 * counts only alone or before a colon, comma or dash; any other counts too when
 * a sentence begins with it. */
struct health_claim health_claim_text(struct arena *a, const char *text, size_t n);
struct health_claim health_claim_bool(bool well);

/* The worse of two: OK, DEGRADED, UNKNOWN, BAD. */
enum health_state health_worse(enum health_state a, enum health_state b);

/* A copy of at most `max` bytes, NUL included, cut between characters, controls
 * as '?'. The text is valid UTF-8. */
const char *health_text(struct arena *a, const char *text, size_t n, size_t max);

/* Adds a component, or adds to the one of that name: the worse state counts,
 * the longer latency. */
void health_add(struct health_draft *d, const char *name, struct health_claim claim,
                int64_t latency_us);

/* JSON of any shape; health_json.c. */
int health_read_json(struct health_draft *d, const char *body, size_t n, struct err *reterr);
