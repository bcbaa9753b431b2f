/*
 * Questions to name servers: c-ares on a uv loop. One channel is one set of
 * servers; io/resolve.h replaces it as a whole when resolv.conf changes.
 */
#pragma once

#include "base/err.h"
#include "io/dnscache.h"

#include <stdbool.h>
#include <stdint.h>

struct uv_loop_s;
struct dnschannel;

struct dns_answer {
    bool dropped; /* the channel was freed: nothing is known */
    struct resolve_addrs v4, v6;
    int64_t ttl_s;     /* the smallest of the records */
    const char *error; /* NULL on success; static text, without the name */
    bool local_fault;  /* the prober's own: no descriptors, no memory */
};

typedef void (*dns_answer_fn)(void *ctx, const struct dns_answer *a);

/* `servers` is "127.0.0.1:5353,..." or NULL for those of the file. Reads the
 * file (blocking) and touches nothing else: fit for a worker thread. */
int dnschannel_new(const char *servers, const char *resolv_path, struct dnschannel **ret,
                   struct err *reterr);

/* Before the first question. `after` is called on the loop whenever answers
 * may have come, outside of c-ares: the place to act on them. */
void dnschannel_attach(struct dnschannel *ch, struct uv_loop_s *loop, void (*after)(void *ctx),
                       void *ctx);

/* `fn` comes exactly once, maybe from inside; it may only take notes. */
void dnschannel_ask(struct dnschannel *ch, const char *name, int family, dns_answer_fn fn,
                    void *ctx);

/* Unanswered questions are dropped at once. Never from inside a dns_answer_fn.
 * `freed` (may be NULL) comes when the last handle is closed; at once if the
 * channel was never attached. */
void dnschannel_free(struct dnschannel *ch, void (*freed)(void *ctx), void *ctx);
