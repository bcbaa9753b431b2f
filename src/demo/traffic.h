/*
 * The sample platform's numbers: what it really served, plus a made-up
 * background of agents at work, so that every counter moves. Names and labels
 * are those that agent platforms use in the wild; the Prometheus text is valid
 * for `promtool check metrics`.
 */
#pragma once

#include "base/str.h"
#include "demo/dice.h"

#include <stdbool.h>
#include <stdint.h>

#define TRAFFIC_ROUTES_MAX 24
#define TRAFFIC_METHODS 4
#define TRAFFIC_STATUSES 9
#define TRAFFIC_AGENTS 4
#define TRAFFIC_BUCKETS 9

struct spread {
    int64_t counts[TRAFFIC_BUCKETS + 1];
    int64_t sum; /* microseconds, or millionths of a byte for sizes */
};

struct route_traffic {
    const char *path; /* label; NULL ends */
    int64_t requests[TRAFFIC_METHODS][TRAFFIC_STATUSES];
    struct spread duration;
};

struct agent_traffic {
    int64_t succeeded, failed, prompt_tokens, completion_tokens;
    struct spread duration;
};

struct traffic {
    struct dice dice;
    struct route_traffic routes[TRAFFIC_ROUTES_MAX];
    struct agent_traffic agents[TRAFFIC_AGENTS];
    struct spread request_bytes, response_bytes, queries, jobs;
    int64_t cached, uncached, traces, observations, scores, keys, rows;
    int64_t jobs_done, jobs_failed, cost_microusd;
    int64_t active_agents, active_users, queue_depth;
};

extern const char *const traffic_agents[TRAFFIC_AGENTS];
int traffic_agent(const char *id); /* index, or -1 */

void traffic_init(struct traffic *t, uint64_t seed);

/* `route` is one of the caller's constant labels. */
void traffic_request(struct traffic *t, const char *route, const char *method, int status,
                     int64_t duration_us, size_t request_bytes, size_t response_bytes);
void traffic_execution(struct traffic *t, int agent, bool ok, int64_t duration_us,
                       int64_t prompt_tokens, int64_t completion_tokens);

/* One second of background; `failing` makes most of it fail. */
void traffic_second(struct traffic *t, bool failing);

void traffic_write(const struct traffic *t, struct str *out);
