/*
 * Whom the runs connect to, by host and port: how many are under way against
 * each, over all probes (`limits.per_host`).
 */
#pragma once

#include "base/table.h"

struct peers {
    struct table by_name;
};

/* Shared by all who name it; goes with the last reference. */
struct peer {
    int refs;
    int in_flight; /* the caller's to count */
    char name[];
};

struct peer *peers_get(struct peers *p, const char *name); /* a reference; NULL gives NULL */
struct peer *peer_ref(struct peer *peer);                  /* NULL gives NULL */
void peers_put(struct peers *p, struct peer *peer);        /* gives one back; NULL is fine */
void peers_release(struct peers *p);                       /* all references have been given back */
