#include "io/dnscache.h"

#include "base/mem.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024u /* a power of two */

struct entry {
    struct entry *next;
    int family;
    int64_t expires_ns;
    struct resolve_addrs addrs;
    char name[];
};

struct dnscache {
    size_t n;
    struct entry *buckets[BUCKETS];
};

void resolve_addrs_add(struct resolve_addrs *a, int family, const void *ip)
{
    struct resolve_addr add = {.family = family};

    memcpy(add.ip, ip, family == AF_INET6 ? 16 : 4);
    for (size_t i = 0; i < a->n; i++)
        if (memcmp(&a->at[i], &add, sizeof(add)) == 0)
            return;
    if (a->n < RESOLVE_MAX_ADDRS)
        a->at[a->n++] = add;
}

char *resolve_addr_text(char *buf, size_t size, const struct resolve_addr *a, int port)
{
    const unsigned char *v4 = a->ip;
    char ip[INET6_ADDRSTRLEN];

    if (a->family == AF_INET) { /* for each result: half the cost of inet_ntop() */
        snprintf(buf, size, "%d.%d.%d.%d:%d", v4[0], v4[1], v4[2], v4[3], port);
        return buf;
    }
    if (!inet_ntop(a->family, a->ip, ip, sizeof(ip)))
        assert(!"an address has one of two families");
    snprintf(buf, size, "[%s]:%d", ip, port);
    return buf;
}

struct dnscache *dnscache_new(void)
{
    return mem_alloc(sizeof(struct dnscache));
}

void dnscache_clear(struct dnscache *c)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        while (c->buckets[i]) {
            struct entry *e = c->buckets[i];

            c->buckets[i] = e->next;
            free(e);
        }
    }
    c->n = 0;
}

void dnscache_free(struct dnscache *c)
{
    if (!c)
        return;
    dnscache_clear(c);
    free(c);
}

/* The link that holds the entry, or the NULL link at the bucket's end. Expired
 * entries met on the way are dropped. */
static struct entry **find(struct dnscache *c, const char *name, int family, int64_t now_ns)
{
    struct entry **at = &c->buckets[str_hash(name, strlen(name)) & (BUCKETS - 1)];

    while (*at) {
        struct entry *e = *at;

        if (e->expires_ns <= now_ns) {
            *at = e->next;
            free(e);
            c->n--;
        } else if (e->family == family && str_eq(e->name, name)) {
            return at;
        } else {
            at = &e->next;
        }
    }
    return at;
}

/* Makes room for one: the oldest entry of the bucket, or of the next ones. */
static void evict_near(struct dnscache *c, const char *name)
{
    size_t b = str_hash(name, strlen(name));

    while (!c->buckets[b & (BUCKETS - 1)])
        b++;
    struct entry *e = c->buckets[b & (BUCKETS - 1)];

    c->buckets[b & (BUCKETS - 1)] = e->next;
    free(e);
    c->n--;
}

void dnscache_put(struct dnscache *c, const char *name, int family, int64_t now_ns,
                  int64_t expires_ns, const struct resolve_addrs *addrs)
{
    struct entry **at = find(c, name, family, now_ns);

    if (*at) {
        (*at)->expires_ns = expires_ns;
        (*at)->addrs = *addrs;
        return;
    }
    if (c->n >= DNSCACHE_MAX) {
        evict_near(c, name);
        at = find(c, name, family, now_ns); /* the eviction may have freed its link */
    }

    size_t len = strlen(name);
    struct entry *e = mem_alloc(sizeof(*e) + len + 1);

    memcpy(e->name, name, len + 1);
    e->family = family;
    e->expires_ns = expires_ns;
    e->addrs = *addrs;
    *at = e;
    c->n++;
}

bool dnscache_get(struct dnscache *c, const char *name, int family, int64_t now_ns,
                  struct resolve_addrs *ret)
{
    struct entry *e = *find(c, name, family, now_ns);

    if (!e)
        return false;
    *ret = e->addrs;
    return true;
}
