#include "io/resolve.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/dnschannel.h"
#include "io/hosts.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#define NS_PER_S 1000000000LL
#define TTL_MIN_S 1
#define TTL_MAX_S 3600
#define SHARE_NS (1 * NS_PER_S) /* older lookups wait for a retry: do not join them */
#define ROUTE_CHECK_NS (60 * NS_PER_S)
#define WATCH_MS 5000

struct resolve_wait {
    TAILQ_ENTRY(resolve_wait) link;
    struct lookup *lookup;
    resolve_fn fn;
    void *ctx;
};

TAILQ_HEAD(lookup_list, lookup);

/* One question. The channel holds a pointer to it until it answers; waiters come
 * and go. In exactly one of the resolver's lists. */
struct lookup {
    TAILQ_ENTRY(lookup) link;
    TAILQ_HEAD(, resolve_wait) waiters;
    struct resolver *resolver;
    int64_t started_ns;
    int family;
    bool fresh;
    bool local_fault;
    const char *error;
    struct resolve_addrs addrs;
    char name[RESOLVE_MAX_NAME];
};

/* What a worker prepared after a watched file changed. */
struct reload {
    uv_work_t work;
    struct resolver *resolver;
    struct dnschannel *channel; /* NULL: could not be made */
    struct hosts *hosts;
};

struct resolver {
    uv_loop_t *loop;
    uv_timer_t soon; /* runs out at once when `ready` has some */
    uv_fs_poll_t watch_hosts, watch_resolv;
    struct dnschannel *channel;
    struct hosts *hosts;
    struct dnscache *cache;
    struct lookup_list asked, ready, again;
    size_t lookups;
    char *servers, *hosts_path, *resolv_path;
    bool ipv6_first;
    int64_t route_checked_ns;
    bool reloading, reload_again, closing;
    int open; /* handles and requests that keep this memory alive */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void resolver_drop(struct resolver *r)
{
    if (--r->open > 0)
        return;
    void (*closed)(void *) = r->closed;
    void *ctx = r->closed_ctx;

    hosts_free(r->hosts);
    dnscache_free(r->cache);
    free(r->servers);
    free(r->hosts_path);
    free(r->resolv_path);
    free(r);
    if (closed)
        closed(ctx);
}

static void on_handle_closed(uv_handle_t *h)
{
    resolver_drop(h->data);
}

/* ---- lookups --------------------------------------------------------------- */

static void lookup_free(struct lookup *l)
{
    assert(TAILQ_EMPTY(&l->waiters));
    l->resolver->lookups--;
    free(l);
}

/* A host without IPv6 must not spend its connect deadline on it. */
static bool ipv6_first(struct resolver *r, int64_t now)
{
    if (!r->route_checked_ns || now - r->route_checked_ns > ROUTE_CHECK_NS) {
        /* 2000::/3 is the whole global internet: any address of it will do. */
        struct resolve_addr global = {.family = AF_INET6, .ip = {0x20, 0x01, 0x48, 0x60, [15] = 1}};

        r->ipv6_first = resolve_addr_usable(&global);
        r->route_checked_ns = now;
    }
    return r->ipv6_first;
}

static void append(struct resolve_addrs *to, const struct resolve_addrs *from)
{
    for (size_t i = 0; i < from->n; i++)
        resolve_addrs_add(to, from->at[i].family, from->at[i].ip);
}

static void take_addresses(struct lookup *l, const struct dns_answer *a)
{
    struct resolver *r = l->resolver;
    int64_t now = clock_mono_ns();
    bool v6_first = ipv6_first(r, now);
    int64_t ttl_s = a->ttl_s < TTL_MIN_S ? TTL_MIN_S : a->ttl_s > TTL_MAX_S ? TTL_MAX_S : a->ttl_s;

    append(&l->addrs, v6_first ? &a->v6 : &a->v4);
    append(&l->addrs, v6_first ? &a->v4 : &a->v6);
    dnscache_put(r->cache, l->name, l->family, now, now + ttl_s * NS_PER_S, &l->addrs);
}

/* Inside c-ares: only moves the lookup to where deliver() or a new channel
 * finds it. */
static void on_answer(void *ctx, const struct dns_answer *a)
{
    struct lookup *l = ctx;
    struct resolver *r = l->resolver;

    TAILQ_REMOVE(&r->asked, l, link);
    if (a->dropped) {
        TAILQ_INSERT_TAIL(&r->again, l, link);
        return;
    }
    l->error = a->error;
    l->local_fault = a->local_fault;
    if (!a->error)
        take_addresses(l, a);
    TAILQ_INSERT_TAIL(&r->ready, l, link);
}

/* Tells the waiters, outside of c-ares: they may start, cancel and close. */
static void deliver(void *ctx)
{
    struct resolver *r = ctx;
    struct lookup *l;

    r->open++;
    while ((l = TAILQ_FIRST(&r->ready))) {
        struct resolve_wait *w;

        TAILQ_REMOVE(&r->ready, l, link);
        while ((w = TAILQ_FIRST(&l->waiters))) {
            TAILQ_REMOVE(&l->waiters, w, link);
            struct resolve_wait told = *w;

            free(w);
            told.fn(told.ctx, &l->addrs, l->error, l->local_fault);
        }
        lookup_free(l);
    }
    resolver_drop(r);
}

static void on_soon(uv_timer_t *t)
{
    deliver(t->data);
}

/* An answer that came from inside the question waits for the next turn. */
static void deliver_soon(struct resolver *r)
{
    if (!TAILQ_EMPTY(&r->ready))
        uv_timer_start(&r->soon, on_soon, 0, 0);
}

static void ask(struct lookup *l)
{
    TAILQ_INSERT_TAIL(&l->resolver->asked, l, link);
    dnschannel_ask(l->resolver->channel, l->name, l->family, on_answer, l);
}

/* ---- answers without a packet ------------------------------------------------ */

/* Lower-case, without a final dot. False if it cannot be a name. */
static bool normal_name(char name[static RESOLVE_MAX_NAME], const char *host)
{
    size_t n = strlen(host);

    if (n && host[n - 1] == '.')
        n--;
    if (!n || n >= RESOLVE_MAX_NAME)
        return false;
    for (size_t i = 0; i < n; i++)
        name[i] = (char)tolower((unsigned char)host[i]);
    name[n] = '\0';
    return true;
}

static bool is_localhost(const char *name)
{
    static const char suffix[] = ".localhost";
    size_t n = strlen(name), k = sizeof(suffix) - 1;

    return str_eq(name, suffix + 1) || (n > k && str_eq(name + n - k, suffix));
}

/* -1: not a literal; else whether it is of the wanted family. */
static int parse_literal(const char *name, int family, struct resolve_addrs *ret)
{
    unsigned char ip[16];
    int got = AF_UNSPEC;

    if (inet_pton(AF_INET, name, ip) == 1)
        got = AF_INET;
    else if (inet_pton(AF_INET6, name, ip) == 1)
        got = AF_INET6;
    if (got == AF_UNSPEC)
        return -1;
    if (family != AF_UNSPEC && family != got)
        return 0;
    resolve_addrs_add(ret, got, ip);
    return 1;
}

static void loopback(int family, struct resolve_addrs *ret)
{
    static const unsigned char v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};

    if (family != AF_INET6)
        resolve_addrs_add(ret, AF_INET, v4);
    if (family != AF_INET)
        resolve_addrs_add(ret, AF_INET6, v6);
}

bool resolver_now(struct resolver *r, const char *host, int family, bool fresh,
                  struct resolve_addrs *ret)
{
    char name[RESOLVE_MAX_NAME];

    ret->n = 0;
    if (!normal_name(name, host))
        return false;
    int literal = parse_literal(name, family, ret);

    if (literal >= 0)
        return literal;
    if (is_localhost(name)) {
        loopback(family, ret);
        return true;
    }
    if (hosts_find(r->hosts, name, family, ret))
        return true;
    return !fresh && dnscache_get(r->cache, name, family, clock_mono_ns(), ret);
}

/* ---- waiting for an answer ---------------------------------------------------- */

static struct lookup *find_shared(struct resolver *r, const char *name, int family)
{
    struct lookup *l;
    int64_t now = clock_mono_ns();

    TAILQ_FOREACH_REVERSE(l, &r->asked, lookup_list, link)
    {
        if (now - l->started_ns > SHARE_NS)
            return NULL; /* the list is in order of time */
        if (!l->fresh && l->family == family && str_eq(l->name, name))
            return l;
    }
    return NULL;
}

static struct lookup *lookup_new(struct resolver *r, const char *host, int family, bool fresh)
{
    struct lookup *l = mem_alloc(sizeof(*l));
    struct resolve_addrs unused = {0};

    *l = (struct lookup){
        .resolver = r, .family = family, .fresh = fresh, .started_ns = clock_mono_ns()};
    TAILQ_INIT(&l->waiters);
    r->lookups++;
    if (!normal_name(l->name, host)) {
        l->error = "not a valid name";
    } else if (parse_literal(l->name, family, &unused) == 0) {
        l->error = "the address is of the other IP family";
    } else if (r->lookups > RESOLVE_MAX_LOOKUPS) {
        l->error = "too many DNS lookups under way";
        l->local_fault = true;
    }
    if (l->error)
        TAILQ_INSERT_TAIL(&r->ready, l, link);
    else
        ask(l);
    return l;
}

struct resolve_wait *resolver_start(struct resolver *r, const char *host, int family, bool fresh,
                                    resolve_fn fn, void *ctx)
{
    char name[RESOLVE_MAX_NAME];
    struct lookup *l = NULL;

    assert(!r->closing);
    if (!fresh && normal_name(name, host))
        l = find_shared(r, name, family);
    if (!l)
        l = lookup_new(r, host, family, fresh);
    struct resolve_wait *w = mem_alloc(sizeof(*w));

    *w = (struct resolve_wait){.lookup = l, .fn = fn, .ctx = ctx};
    TAILQ_INSERT_TAIL(&l->waiters, w, link);
    deliver_soon(r);
    return w;
}

void resolver_cancel(struct resolve_wait *w)
{
    TAILQ_REMOVE(&w->lookup->waiters, w, link);
    free(w);
}

bool resolve_addr_usable(const struct resolve_addr *a)
{
    union {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to = {.sa.sa_family = (sa_family_t)a->family};
    int fd = socket(a->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    if (a->family == AF_INET6) {
        memcpy(&to.v6.sin6_addr, a->ip, 16);
        to.v6.sin6_port = htons(9);
    } else {
        memcpy(&to.v4.sin_addr, a->ip, 4);
        to.v4.sin_port = htons(9);
    }
    bool ok = connect(fd, &to.sa, a->family == AF_INET6 ? sizeof(to.v6) : sizeof(to.v4)) == 0;

    close(fd);
    return ok;
}

/* ---- changed files --------------------------------------------------------- */

static void start_reload(struct resolver *r);

static void run_reload(uv_work_t *work)
{
    struct reload *job = container_of(work, struct reload, work);
    struct resolver *r = job->resolver;

    job->hosts = hosts_read(r->hosts_path);
    if (dnschannel_new(r->servers, r->resolv_path, &job->channel, NULL) < 0)
        job->channel = NULL;
}

static void discard_again(struct resolver *r)
{
    struct lookup *l;

    while ((l = TAILQ_FIRST(&r->again))) {
        TAILQ_REMOVE(&r->again, l, link);
        lookup_free(l);
    }
}

static void use_channel(struct resolver *r, struct dnschannel *ch)
{
    r->channel = ch;
    r->open++;
    dnschannel_attach(ch, r->loop, deliver, r);
}

static void on_channel_freed(void *ctx)
{
    resolver_drop(ctx);
}

/* The lookups of the old channel are asked again by the new one. */
static void switch_channel(struct resolver *r, struct dnschannel *ch)
{
    struct dnschannel *old = r->channel;
    struct lookup *l;

    use_channel(r, ch);
    dnschannel_free(old, on_channel_freed, r);
    while ((l = TAILQ_FIRST(&r->again))) {
        TAILQ_REMOVE(&r->again, l, link);
        l->started_ns = clock_mono_ns();
        if (TAILQ_EMPTY(&l->waiters))
            lookup_free(l);
        else
            ask(l);
    }
    deliver_soon(r);
}

static void on_reloaded(uv_work_t *work, int status)
{
    struct reload *job = container_of(work, struct reload, work);
    struct resolver *r = job->resolver;

    r->reloading = false;
    if (status == 0 && !r->closing) {
        hosts_free(r->hosts);
        r->hosts = job->hosts;
        dnscache_clear(r->cache);
        r->route_checked_ns = 0;
        if (job->channel)
            switch_channel(r, job->channel);
        if (r->reload_again)
            start_reload(r);
    } else {
        hosts_free(job->hosts);
        if (job->channel)
            dnschannel_free(job->channel, NULL, NULL);
    }
    free(job);
    resolver_drop(r);
}

static void start_reload(struct resolver *r)
{
    r->reload_again = r->reloading;
    if (r->reloading)
        return;
    struct reload *job = mem_alloc(sizeof(*job));

    job->resolver = r;
    r->reloading = true;
    r->open++;
    uv_queue_work(r->loop, &job->work, run_reload, on_reloaded);
}

static void on_file_changed(uv_fs_poll_t *h, int status, const uv_stat_t *prev,
                            const uv_stat_t *now)
{
    struct resolver *r = h->data;

    (void)status, (void)prev, (void)now;
    if (!r->closing)
        start_reload(r);
}

/* ---- life ------------------------------------------------------------------- */

static void watch(struct resolver *r, uv_fs_poll_t *h, const char *path, unsigned ms)
{
    uv_fs_poll_init(r->loop, h);
    h->data = r;
    uv_fs_poll_start(h, on_file_changed, path, ms);
    uv_unref((uv_handle_t *)h);
    r->open++;
}

int resolver_new(struct uv_loop_s *loop, const struct resolver_options *o, struct resolver **ret,
                 struct err *reterr)
{
    struct resolver *r = mem_alloc(sizeof(*r));
    unsigned ms = o->watch_ms ? o->watch_ms : WATCH_MS;
    struct dnschannel *ch;

    r->loop = loop;
    r->servers = o->servers && *o->servers ? mem_strdup(o->servers) : NULL;
    r->hosts_path = mem_strdup(o->hosts_path ? o->hosts_path : "/etc/hosts");
    r->resolv_path = mem_strdup(o->resolv_path ? o->resolv_path : "/etc/resolv.conf");
    TAILQ_INIT(&r->asked);
    TAILQ_INIT(&r->ready);
    TAILQ_INIT(&r->again);
    r->open = 1;
    if (dnschannel_new(r->servers, r->resolv_path, &ch, reterr) < 0) {
        resolver_drop(r);
        return -1;
    }
    use_channel(r, ch);
    r->cache = dnscache_new();
    r->hosts = hosts_read(r->hosts_path);
    uv_timer_init(loop, &r->soon);
    r->soon.data = r;
    watch(r, &r->watch_hosts, r->hosts_path, ms);
    watch(r, &r->watch_resolv, r->resolv_path, ms);
    *ret = r;
    return 0;
}

void resolver_close(struct resolver *r, void (*closed)(void *ctx), void *ctx)
{
    struct lookup *l;

    assert(!r->closing);
    r->closing = true;
    r->closed = closed;
    r->closed_ctx = ctx;
    dnschannel_free(r->channel, on_channel_freed, r);
    discard_again(r);
    while ((l = TAILQ_FIRST(&r->ready))) {
        TAILQ_REMOVE(&r->ready, l, link);
        lookup_free(l);
    }
    uv_close((uv_handle_t *)&r->soon, on_handle_closed);
    uv_close((uv_handle_t *)&r->watch_hosts, on_handle_closed);
    uv_close((uv_handle_t *)&r->watch_resolv, on_handle_closed);
}
