/*
 * Runs of any kind against a server of tests/servers, one after the other, and
 * what is left of their observations.
 */
#pragma once

#include "fixture.h"
#include "nines/probe.h"

#include <uv.h>

#define SEEN_MAX 40

struct seen {
    int calls;
    struct result result;
    char message[600];
    size_t hops, assertions, samples;
    struct {
        bool ok;
        char what[200], seen[200];
    } assertion[SEEN_MAX];
    struct {
        char series[200];
        double value;
    } sample[SEEN_MAX];
    char body[1100], headers[2000], url[300];
    size_t body_len;
};

struct runs {
    struct spawned *server;
    uv_loop_t loop;
    struct http_client *http;
    struct jsonpath *json;
    struct probe_env env;
    int64_t wall_us; /* the clock that runs see */
};

/* The group's fixture: *state is a struct runs. */
int runs_setup(void **state, const char *script);
int runs_teardown(void **state);

/* One run of a definition, with a memory or NULL. */
struct seen runs_once(struct runs *r, const struct probe_def *def, struct probe_memory *memory);
/* Decodes, runs once without memory, releases. */
struct seen runs_yaml(struct runs *r, const struct probe_kind *kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void seen_reason(const struct seen *s, enum reason reason, const char *message);
/* Of a series that must be there. */
double seen_value(const struct seen *s, const char *series);
