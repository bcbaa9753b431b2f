/*
 * Health documents, of any of the shapes that are in use: one state for all of
 * the target, and one for each component that it names.
 *
 * - {"status": "healthy", "checks": {"redis": "healthy" | "unhealthy: why" | true |
 *   {"status": "healthy", "latency_ms": 2, "error": "..."}}} and the like with
 *   "services", "components", "dependencies", "details";
 * - {"ready": false, "services": {...}}, also inside of a list with a status
 *   behind it, [{...}, 503], as a handler that returns a pair sends with 200;
 * - Spring Boot actuator: UP, DOWN, OUT_OF_SERVICE, UNKNOWN, nested "components";
 * - IETF health+json: pass, warn, fail, "checks": {"redis:latency": [{...}]};
 * - Kubernetes ?verbose text: "[+]etcd ok", "[-]etcd failed: reason withheld";
 * - plain text: "ok", "healthy", "ready", "alive" and their opposites.
 *
 * Pure; hard limits on depth, size and components.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEALTH_COMPONENTS_MAX 200 /* more are counted, not kept */
#define HEALTH_NAME_MAX 64
#define HEALTH_WHY_MAX 160

enum health_state { HEALTH_UNKNOWN, HEALTH_OK, HEALTH_DEGRADED, HEALTH_BAD };

struct health_component {
    const char *name; /* valid UTF-8 */
    enum health_state state;
    const char *why;    /* "connection refused"; or "" */
    int64_t latency_us; /* -1: not told */
};

struct health {
    enum health_state state;
    const char *said;                    /* the word that the state comes from: "not_ready" */
    const char *version;                 /* or NULL */
    int claimed_status;                  /* the 503 of a list; 0: none */
    struct health_component *components; /* in the order of the document */
    size_t component_count, component_total;
};

/* Everything lives in the arena. -1: it is none of these shapes. */
int health_read(struct arena *a, const char *content_type, const char *body, size_t n,
                struct health *ret, struct err *reterr);
