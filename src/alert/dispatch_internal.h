/*
 * What the files of the dispatcher share: alerts and groups in memory.
 */
#pragma once

#include "alert/dispatch.h"
#include "base/arena.h"
#include "base/table.h"
#include "base/vec.h"

struct group;

struct live_alert {
    struct arena arena; /* of what follows */
    struct message_alert a;
    uint64_t number; /* of the fingerprint */
    int64_t at_us;
    VEC(struct group *) groups;
    bool groupless; /* one of its routes has no group for want of room */
};

/* Of one integration. */
struct entry {
    char *integration;
    int64_t told_us;
    VEC(uint64_t) firing, resolved;
};

struct group {
    struct arena arena;
    const char *id; /* of key and receiver */
    const char *key, *receiver;
    const struct route_def *route; /* NULL: no alert has come since a start or a reload */
    struct string_map labels;      /* of the group */
    int64_t began_us, next_us, flushed_us;
    VEC(struct live_alert *) members;
    VEC(struct entry *) entries; /* by integration */
};

struct dispatch {
    struct dispatch_config config;
    struct dispatch_hooks hooks;
    int64_t last_us; /* last tick */
    struct table by_fingerprint, by_id;
    VEC(struct live_alert *) alerts;
    VEC(struct group *) groups;
    const struct silence *silences;
    size_t silence_count;
    /* Alerts that fire and are a source of some rule, by fingerprint; made when needed. */
    VEC(const struct string_map *) sources;
    VEC(const struct live_alert *) source_alerts;
    bool sources_known;
    struct dispatch_stats stats;
};

/* ---- group.c ----------------------------------------------------------------------------- */

struct dispatch_group group_row(const struct group *g);
struct group *group_find(const struct dispatch *d, const char *key, const char *receiver);
/* NULL: no room. */
struct group *group_add(struct dispatch *d, const char *key, const char *receiver);
/* Tells `gone`, and frees it; its members do not know it any more. */
void group_remove(struct dispatch *d, struct group *g);
void group_free(struct group *g);

struct entry *group_entry(const struct group *g, const char *integration); /* or NULL */
struct entry *group_make_entry(struct group *g, const char *integration);
/* Valid until the entry changes. */
struct notified group_notified(const struct group *g, const struct entry *e);

/* Takes the alert into the groups of its routes, as its state and time say. A first flush
 * is not waited for when the alert had begun the wait before it `came`. */
void group_route(struct dispatch *d, struct live_alert *l, int64_t came_us, int64_t now_us);

/* ---- stages.c ---------------------------------------------------------------------------- */

/* Whether something holds the alert back in this group; `hold` then says what. */
bool stages_hold(struct dispatch *d, const struct group *g, const struct live_alert *l,
                 int64_t now_us, struct dispatch_hold *hold);
/* All of a flush but who is a member afterwards. */
void stages_run(struct dispatch *d, struct group *g, int64_t now_us);
