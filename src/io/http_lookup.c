#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "io/http_internal.h"
#include "io/resolve.h"
#include "io/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct http_lookup {
    struct http_client *client;
    uv_timer_t deadline;
    struct resolve_wait *wait; /* NULL: over */
    http_lookup_fn fn;
    void *ctx;
    int64_t timeout_us;
    char host[RESOLVE_MAX_NAME];
};

_Static_assert(HTTP_ADDRESSES_MAX >= RESOLVE_MAX_ADDRS, "all that are found fit");

static void on_closed(uv_handle_t *h)
{
    struct http_lookup *l = container_of((uv_timer_t *)h, struct http_lookup, deadline);
    struct http_client *c = l->client;

    free(l);
    http_client_drop(c);
}

static void end(struct http_lookup *l)
{
    l->wait = NULL;
    uv_close((uv_handle_t *)&l->deadline, on_closed);
}

static void tell(struct http_lookup *l, const struct http_addresses *found)
{
    http_lookup_fn fn = l->fn;
    void *ctx = l->ctx;

    end(l);
    fn(ctx, found);
}

static void put_address(struct http_addresses *ret, const struct resolve_addr *a)
{
    if (inet_ntop(a->family, a->ip, ret->at[ret->n], sizeof(ret->at[0])))
        ret->n++;
}

/* Those of a family that this machine has no way to say nothing of the target;
 * where that is true of all, it is for the connections to find out. */
static void put_addresses(struct http_addresses *ret, const struct resolve_addrs *addrs)
{
    for (size_t i = 0; i < addrs->n; i++)
        if (resolve_addr_usable(&addrs->at[i]))
            put_address(ret, &addrs->at[i]);
    for (size_t i = 0; ret->n == 0 && i < addrs->n; i++)
        put_address(ret, &addrs->at[i]);
}

static void on_resolved(void *ctx, const struct resolve_addrs *addrs, const char *error,
                        bool local_fault)
{
    struct http_lookup *l = ctx;
    struct http_addresses found = {.reason = REASON_NONE};
    char message[512];

    put_addresses(&found, addrs);
    if (found.n == 0) {
        snprintf(message, sizeof(message), "lookup of %s: %s", l->host, error);
        found.message = message;
        found.reason = local_fault ? REASON_PROBER : REASON_DNS;
        found.local_fault = local_fault;
    }
    tell(l, &found);
}

static void on_deadline(uv_timer_t *t)
{
    struct http_lookup *l = container_of(t, struct http_lookup, deadline);
    struct http_addresses found = {.reason = REASON_DNS};
    char message[512], limit[UNITS_MAX];

    snprintf(message, sizeof(message), "lookup of %s did not end within %s", l->host,
             units_duration(limit, l->timeout_us));
    found.message = message;
    resolver_cancel(l->wait);
    tell(l, &found);
}

struct http_lookup *http_lookup(struct http_client *c, const struct http_request *req,
                                struct http_addresses *now, http_lookup_fn fn, void *ctx)
{
    static const int families[] = {[IP_ANY] = AF_UNSPEC, [IP_V4] = AF_INET, [IP_V6] = AF_INET6};
    int family = families[req->family];
    struct resolve_addrs addrs;
    mem_auto char *host = url_host(req->url);

    if (resolver_now(c->resolver, host, family, req->dns_fresh, &addrs)) {
        *now = (struct http_addresses){.reason = REASON_NONE};
        put_addresses(now, &addrs);
        return NULL;
    }
    struct http_lookup *l = mem_alloc(sizeof(*l));

    l->client = c;
    l->fn = fn;
    l->ctx = ctx;
    l->timeout_us = req->timeout_us;
    if (req->connect_timeout_us > 0 && req->connect_timeout_us < l->timeout_us)
        l->timeout_us = req->connect_timeout_us;
    str_copy(l->host, sizeof(l->host), host);
    uv_timer_init(c->loop, &l->deadline);
    c->open++;
    uv_update_time(c->loop);
    uv_timer_start(&l->deadline, on_deadline, (uint64_t)(l->timeout_us / USEC_PER_MSEC) + 1, 0);
    l->wait = resolver_start(c->resolver, host, family, req->dns_fresh, on_resolved, l);
    return l;
}

void http_lookup_cancel(struct http_lookup *l)
{
    resolver_cancel(l->wait);
    end(l);
}
