/*
 * Name lookups on a uv loop, by c-ares over uv_poll: no thread, no getaddrinfo.
 *
 * In this order: IP literals, `localhost` and `*.localhost` (loopback, always),
 * the hosts file, the cache, the name servers. Positive answers are cached for
 * their TTL (at least 1 s, at most 1 h), failures never. The hosts file and
 * resolv.conf are watched and re-read on the worker pool; name servers that
 * change take over the lookups under way.
 *
 * There is no deadline here: who waits has one and cancels. An answer that
 * comes after everybody left still fills the cache.
 */
#pragma once

#include "base/err.h"
#include "io/dnscache.h"

#include <stdbool.h>

struct uv_loop_s;
struct resolver;
struct resolve_wait;

#define RESOLVE_MAX_LOOKUPS 4096 /* under way at a time */

struct resolver_options {
    const char *servers;     /* "127.0.0.1:5353,..."; NULL or "": resolv.conf */
    const char *hosts_path;  /* NULL: /etc/hosts */
    const char *resolv_path; /* NULL: /etc/resolv.conf */
    unsigned watch_ms;       /* how often the two files are looked at; 0: 5 s */
};

/* Reads both files at once, so call it before the loop runs. The error says
 * which server address is wrong. */
int resolver_new(struct uv_loop_s *loop, const struct resolver_options *o, struct resolver **ret,
                 struct err *reterr);

/* Nobody may be waiting any more. `closed` comes when the memory is gone. */
void resolver_close(struct resolver *r, void (*closed)(void *ctx), void *ctx);

/*
 * The answer, if no packet is needed for it: true, with at least one address.
 * `family` is AF_UNSPEC, AF_INET or AF_INET6; `fresh` bypasses the cache.
 */
bool resolver_now(struct resolver *r, const char *host, int family, bool fresh,
                  struct resolve_addrs *ret);

/* `addrs->n` is 0 on failure; then `error` is why, without the name in it. A
 * local fault is the prober's own: no descriptors, too many lookups. */
typedef void (*resolve_fn)(void *ctx, const struct resolve_addrs *addrs, const char *error,
                           bool local_fault);

/*
 * Asks the name servers. `fn` comes exactly once, never from inside this
 * function, unless cancelled. Callers for one name within a second share one
 * lookup, unless `fresh`.
 */
struct resolve_wait *resolver_start(struct resolver *r, const char *host, int family, bool fresh,
                                    resolve_fn fn, void *ctx);
void resolver_cancel(struct resolve_wait *w);

/* Whether this machine has a route and a source address to `a` (no packet is
 * sent). Tells a missing IPv6 from a shortage of local ports. */
bool resolve_addr_usable(const struct resolve_addr *a);
