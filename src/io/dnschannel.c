#include "io/dnschannel.h"

#include "base/mem.h"

#include <ares.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#define SERVER_TIMEOUT_MS 2000
#define SERVER_TRIES 3
#define TTL_UNKNOWN_S 3600

/* One socket of c-ares, for as long as it is open. */
struct dns_socket {
    LIST_ENTRY(dns_socket) link;
    uv_poll_t poll;
    struct dnschannel *channel;
    ares_socket_t fd;
};

struct question {
    struct dnschannel *channel;
    dns_answer_fn fn;
    void *ctx;
};

struct dnschannel {
    ares_channel ares;
    uv_loop_t *loop; /* NULL until attached */
    uv_timer_t timer;
    LIST_HEAD(, dns_socket) sockets;
    void (*after)(void *ctx);
    void *after_ctx;
    void (*freed)(void *ctx);
    void *freed_ctx;
    int open; /* handles that keep this memory alive */
};

static void drop(struct dnschannel *ch)
{
    if (--ch->open > 0)
        return;
    void (*freed)(void *) = ch->freed;
    void *ctx = ch->freed_ctx;

    free(ch);
    if (freed)
        freed(ctx);
}

static void rearm(struct dnschannel *ch);

/* ---- sockets and timeouts ---------------------------------------------------- */

/* The owner may free the channel in `after`; its memory stays to our end. */
static void process(struct dnschannel *ch, ares_socket_t in, ares_socket_t out)
{
    ch->open++;
    ares_process_fd(ch->ares, in, out);
    ch->after(ch->after_ctx);
    rearm(ch);
    drop(ch);
}

static void on_timer(uv_timer_t *t)
{
    process(container_of(t, struct dnschannel, timer), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void on_timer_closed(uv_handle_t *h)
{
    drop(container_of((uv_timer_t *)h, struct dnschannel, timer));
}

static void rearm(struct dnschannel *ch)
{
    struct timeval tv;

    if (!ch->ares)
        return;
    if (!ares_timeout(ch->ares, NULL, &tv)) {
        uv_timer_stop(&ch->timer);
        return;
    }
    uv_update_time(ch->loop);
    uv_timer_start(&ch->timer, on_timer,
                   (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000 + 1, 0);
}

static void on_socket_closed(uv_handle_t *h)
{
    struct dns_socket *s = container_of((uv_poll_t *)h, struct dns_socket, poll);
    struct dnschannel *ch = s->channel;

    free(s);
    drop(ch);
}

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct dns_socket *s = container_of(poll, struct dns_socket, poll);
    bool in = status < 0 || (events & UV_READABLE), out = status < 0 || (events & UV_WRITABLE);

    process(s->channel, in ? s->fd : ARES_SOCKET_BAD, out ? s->fd : ARES_SOCKET_BAD);
}

static struct dns_socket *socket_new(struct dnschannel *ch, ares_socket_t fd)
{
    struct dns_socket *s = mem_alloc(sizeof(*s));

    s->channel = ch;
    s->fd = fd;
    if (uv_poll_init_socket(ch->loop, &s->poll, fd) < 0) {
        free(s); /* the question ends by c-ares' own timeout */
        return NULL;
    }
    ch->open++;
    LIST_INSERT_HEAD(&ch->sockets, s, link);
    return s;
}

static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct dnschannel *ch = arg;
    struct dns_socket *s;

    LIST_FOREACH(s, &ch->sockets, link)
    if (s->fd == fd)
        break;
    if (!readable && !writable) {
        if (!s)
            return;
        LIST_REMOVE(s, link);
        uv_close((uv_handle_t *)&s->poll, on_socket_closed);
        return;
    }
    if (!s)
        s = socket_new(ch, fd);
    if (s)
        uv_poll_start(&s->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
                      on_socket_ready);
}

/* ---- questions ---------------------------------------------------------------- */

static const char *explain(int status)
{
    switch (status) {
    case ARES_ENOTFOUND:
        return "no such name (NXDOMAIN)";
    case ARES_ENODATA:
        return "the name has no address";
    case ARES_ESERVFAIL:
        return "the name server failed (SERVFAIL)";
    case ARES_EREFUSED:
        return "the name server refused the query (REFUSED)";
    case ARES_EFORMERR:
    case ARES_EBADRESP:
    case ARES_EBADQUERY:
        return "the name server's answer makes no sense";
    case ARES_ETIMEOUT:
        return "the name servers do not answer";
    case ARES_ECONNREFUSED:
        return "no name server could be reached or was willing";
    case ARES_EBADNAME:
        return "not a valid name";
    default:
        return ares_strerror(status);
    }
}

/* c-ares does not say why it could not open a socket: try to open one. */
static bool out_of_descriptors(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd >= 0)
        close(fd);
    return fd < 0;
}

static void take_records(struct dns_answer *a, const struct ares_addrinfo *ai)
{
    a->ttl_s = TTL_UNKNOWN_S;
    for (const struct ares_addrinfo_node *n = ai->nodes; n; n = n->ai_next) {
        const void *sa = n->ai_addr;

        if (n->ai_family == AF_INET6)
            resolve_addrs_add(&a->v6, AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr);
        else if (n->ai_family == AF_INET)
            resolve_addrs_add(&a->v4, AF_INET, &((const struct sockaddr_in *)sa)->sin_addr);
        a->ttl_s = n->ai_ttl < a->ttl_s ? n->ai_ttl : a->ttl_s;
    }
    for (const struct ares_addrinfo_cname *c = ai->cnames; c; c = c->next)
        a->ttl_s = c->ttl < a->ttl_s ? c->ttl : a->ttl_s;
    if (!a->v4.n && !a->v6.n)
        a->error = explain(ARES_ENODATA);
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *ai)
{
    struct question *q = arg;
    struct dns_answer a = {0};

    (void)timeouts;
    if (status == ARES_EDESTRUCTION) {
        a.dropped = true;
    } else if (status == ARES_SUCCESS) {
        take_records(&a, ai);
    } else {
        a.error = explain(status);
        a.local_fault =
            status == ARES_ENOMEM || (status == ARES_ECONNREFUSED && out_of_descriptors());
        if (a.local_fault)
            a.error = "no socket for a DNS query";
    }
    if (ai)
        ares_freeaddrinfo(ai);
    q->fn(q->ctx, &a);
    free(q);
}

void dnschannel_ask(struct dnschannel *ch, const char *name, int family, dns_answer_fn fn,
                    void *ctx)
{
    struct question *q = mem_alloc(sizeof(*q));
    struct ares_addrinfo_hints hints = {
        /* Without these c-ares reads /etc/services and connects a socket to
         * each address, for 30 us a lookup. */
        .ai_flags = ARES_AI_NUMERICSERV | ARES_AI_NOSORT,
        .ai_family = family,
    };

    assert(ch->loop);
    *q = (struct question){.channel = ch, .fn = fn, .ctx = ctx};
    ares_getaddrinfo(ch->ares, name, NULL, &hints, on_answer, q);
    rearm(ch);
}

/* ---- life ------------------------------------------------------------------- */

static int init_ares(struct dnschannel *ch, const char *servers, const char *resolv_path, int flags)
{
    mem_auto char *path = mem_strdup(resolv_path);
    char lookups[] = "b"; /* name servers only: the hosts file is read by us */
    struct ares_options o = {
        .flags = flags,
        .timeout = SERVER_TIMEOUT_MS,
        .tries = SERVER_TRIES,
        .lookups = lookups,
        .resolvconf_path = path,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = ch,
    };
    int status =
        ares_init_options(&ch->ares, &o,
                          ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                              ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF);

    if (status == ARES_SUCCESS && servers) {
        status = ares_set_servers_ports_csv(ch->ares, servers);
        if (status != ARES_SUCCESS)
            ares_destroy(ch->ares);
    }
    return status;
}

static bool has_one_server(struct dnschannel *ch)
{
    struct ares_addr_port_node *list = NULL;
    bool one = ares_get_servers_ports(ch->ares, &list) == ARES_SUCCESS && list && !list->next;

    ares_free_data(list);
    return one;
}

int dnschannel_new(const char *servers, const char *resolv_path, struct dnschannel **ret,
                   struct err *reterr)
{
    struct dnschannel *ch = mem_alloc(sizeof(*ch));
    int status = init_ares(ch, servers, resolv_path, 0);

    /* c-ares passes a SERVFAIL by and tries the next server, and has forgotten
     * it when none is left. With a single server there is nothing to try. */
    if (status == ARES_SUCCESS && has_one_server(ch)) {
        ares_destroy(ch->ares);
        status = init_ares(ch, servers, resolv_path, ARES_FLAG_NOCHECKRESP);
    }
    if (status != ARES_SUCCESS) {
        free(ch);
        return err_set(reterr, "name servers '%s': %s", servers ? servers : resolv_path,
                       ares_strerror(status));
    }
    *ret = ch;
    return 0;
}

void dnschannel_attach(struct dnschannel *ch, struct uv_loop_s *loop, void (*after)(void *ctx),
                       void *ctx)
{
    ch->loop = loop;
    ch->after = after;
    ch->after_ctx = ctx;
    uv_timer_init(loop, &ch->timer);
    ch->open = 1;
}

void dnschannel_free(struct dnschannel *ch, void (*freed)(void *ctx), void *ctx)
{
    ares_channel ares = ch->ares;

    ch->ares = NULL;
    ares_destroy(ares);
    assert(LIST_EMPTY(&ch->sockets));
    ch->freed = freed;
    ch->freed_ctx = ctx;
    if (ch->loop) {
        uv_close((uv_handle_t *)&ch->timer, on_timer_closed);
    } else {
        ch->open = 1;
        drop(ch);
    }
}
