/*
 * Health documents, of any of the shapes that are in use: one state for all of
 * the target, and one for each component that it names.
 *
 * - {"status": "healthy", "checks": {"redis": "healthy" | "unhealthy: why" | true |
 *   {"status": "healthy", "latency_ms": 2, "error": "..."}}} and the like with
 *   "services", "components", "dependencies", "details", or lists of them with names;
 *   members at the top count if there is nothing else: {"database": "ok"};
 * - {"ready": false, "services": {...}}, also inside of a list with a status
 *   behind it, [{...}, 503], as a handler that returns a pair sends with 200;
 * - Spring Boot actuator: UP, DOWN, OUT_OF_SERVICE, UNKNOWN, nested "components";
 * - IETF health+json: pass, warn, fail, "checks": {"redis:latency": [{...}]};
 * - Kubernetes ?verbose text: "[+]etcd ok", "[-]etcd failed: reason withheld";
 * - plain text: "ok", "healthy", "ready", "alive" and their opposites;
 * - {"version": "1.0.0"} without any state.
 *
 * Pure; hard limits on depth, size and components.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEALTH_SIZE_MAX (1 << 20)
#define HEALTH_DEPTH_MAX 64       /* brackets within brackets */
#define HEALTH_COMPONENTS_MAX 200 /* more are counted, not kept */
#define HEALTH_NAME_MAX 64        /* bytes with NUL; longer names are cut */
#define HEALTH_WHY_MAX 160
#define HEALTH_SAID_MAX 48
#define HEALTH_VERSION_MAX 64

/* UNKNOWN: no word, or one that is in no table. It is never taken for good. */
enum health_state { HEALTH_UNKNOWN, HEALTH_OK, HEALTH_DEGRADED, HEALTH_BAD };

struct health_component {
    const char *name; /* valid UTF-8; distinct; of nested ones "db/validation" */
    enum health_state state;
    const char *why;    /* "connection refused"; of an unknown state what it said; or "" */
    int64_t latency_us; /* -1: not told */
};

struct health {
    enum health_state state;
    const char *said;    /* the word that the state comes from: "not_ready"; "": the state is
                            that of the components, the worst; or there is none at all */
    const char *why;     /* beside that word; or "" */
    const char *version; /* or NULL */
    int claimed_status;  /* the 503 of a list or of "status": 503; 0: none */
    /* In the order of the document. Of those that are not kept the worst is
     * in `state`. */
    struct health_component *components;
    size_t component_count, component_total;
};

/* Everything lives in the arena; its texts hold no control characters. -1: it
 * is none of these shapes. A bare number is a latency in milliseconds, unless
 * its key names another unit. `content_type` may be NULL. */
int health_read(struct arena *a, const char *content_type, const char *body, size_t n,
                struct health *ret, struct err *reterr);

/* "healthy", "degraded", "unhealthy", "unknown" */
const char *health_state_name(enum health_state s);
