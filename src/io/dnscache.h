/*
 * Addresses, and a bounded cache of them by name with an expiry: what
 * io/resolve.h remembers between lookups. Pure: the caller brings the time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESOLVE_MAX_ADDRS 16
#define RESOLVE_MAX_NAME 256
#define DNSCACHE_MAX 4096 /* names held; beyond, the oldest of a bucket goes */

struct resolve_addr {
    int family; /* AF_INET or AF_INET6 */
    unsigned char ip[16];
};

struct resolve_addrs {
    size_t n;
    struct resolve_addr at[RESOLVE_MAX_ADDRS]; /* in the order to be tried */
};

/* Adds one if there is room and it is not there yet. `ip` has 4 or 16 bytes. */
void resolve_addrs_add(struct resolve_addrs *a, int family, const void *ip);

/* "127.0.0.1:80", "[::1]:80"; cut to size. Returns buf. */
char *resolve_addr_text(char *buf, size_t size, const struct resolve_addr *a, int port);

struct dnscache;

struct dnscache *dnscache_new(void);
void dnscache_free(struct dnscache *c);
void dnscache_clear(struct dnscache *c);

/* Names are lower-case and shorter than RESOLVE_MAX_NAME; `family` is AF_UNSPEC,
 * AF_INET or AF_INET6 and part of the key. */
void dnscache_put(struct dnscache *c, const char *name, int family, int64_t now_ns,
                  int64_t expires_ns, const struct resolve_addrs *addrs);
bool dnscache_get(struct dnscache *c, const char *name, int family, int64_t now_ns,
                  struct resolve_addrs *ret);
