/*
 * The `health` and `readiness` probe kinds: a page that says how the target and
 * what it depends on are, in any of the shapes of wire/health.h.
 *
 * A run is good when the status is as expected (2xx by default), the document
 * says that all is well, and so does each component that it names but those to
 * be ignored. "Degraded" is well enough unless `degraded: bad`. A state in words
 * that nines does not know is not good when it is the target's, or a required
 * component's, or when the target says nothing of itself; else the target's own
 * word counts. The reason is the name of the kind, also when the status is not as expected
 * but the document can be read; 429, and 503 with Retry-After, keep theirs.
 *
 * The two differ in one thing: a document that tells a version and no state
 * (/version) is good health, but no readiness.
 *
 * Samples: component_up and component_latency_seconds of each component whose
 * state, or latency, is told.
 */
#pragma once

#include "nines/probe.h"
#include "probe/http.h"

#define HEALTH_LIST_MAX 100 /* names in `required`, in `ignored` */

enum health_degraded { DEGRADED_IS_GOOD, DEGRADED_IS_BAD };

struct health_probe {
    struct http_spec http;
    struct {
        struct string_list required, ignored;
    } components;
    int degraded;       /* enum health_degraded */
    int version_unused; /* 1: its version is not told to anybody */
};

extern const struct probe_kind probe_health, probe_readiness;

/* What both kinds are made of. */
extern const struct field health_fields[];
extern const struct http_reader health_reader; /* health_judge.c */
void health_prepare(struct decode *c, const struct node *n, const struct probe_def *def,
                    void *spec);
void health_given(const void *spec, void (*tell)(void *ctx, const char *selector), void *ctx);
void health_release(void *spec);
void *health_start(struct probe_env *env, const struct probe_def *def, struct probe_memory *memory,
                   probe_done_fn done, void *ctx);
