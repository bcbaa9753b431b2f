#include "demo/traffic.h"

#include "base/mem.h"
#include "demo/traffic_internal.h"

#include <assert.h>

const char *const traffic_agents[TRAFFIC_AGENTS] = {"researcher", "coder", "reviewer", "support"};

const int64_t traffic_latency_bounds[TRAFFIC_BUCKETS] = {10000,   50000,   100000,  250000,  500000,
                                                         1000000, 2500000, 5000000, 10000000};
const int64_t traffic_size_bounds[TRAFFIC_BUCKETS] = {64000000,     256000000,     1024000000,
                                                      4096000000,   16384000000,   65536000000,
                                                      262144000000, 1048576000000, 4194304000000};
const char *const traffic_methods[TRAFFIC_METHODS] = {"GET", "POST", "HEAD", "other"};
const int traffic_statuses[TRAFFIC_STATUSES] = {200, 202, 400, 404, 405, 429, 500, 503, 0};

int traffic_agent(const char *id)
{
    for (int i = 0; i < TRAFFIC_AGENTS; i++)
        if (str_eq(id, traffic_agents[i]))
            return i;
    return -1;
}

static void spread_add(struct spread *s, const int64_t *bounds, int64_t value)
{
    size_t i = 0;
    while (i < TRAFFIC_BUCKETS && value > bounds[i])
        i++;
    s->counts[i]++;
    s->sum += value;
}

static struct route_traffic *route_of(struct traffic *t, const char *path)
{
    size_t i = 0;
    while (t->routes[i].path && !str_eq(t->routes[i].path, path))
        i++;
    assert(i + 1 < TRAFFIC_ROUTES_MAX);
    t->routes[i].path = path;
    return &t->routes[i];
}

static size_t method_index(const char *method)
{
    size_t i = 0;
    while (i + 1 < TRAFFIC_METHODS && !str_eq(traffic_methods[i], method))
        i++;
    return i;
}

static size_t status_index(int status)
{
    size_t i = 0;
    while (i + 1 < TRAFFIC_STATUSES && traffic_statuses[i] != status)
        i++;
    return i;
}

void traffic_init(struct traffic *t, uint64_t seed)
{
    *t = (struct traffic){.dice = {seed}, .active_users = 140, .keys = 12};
}

void traffic_request(struct traffic *t, const char *route, const char *method, int status,
                     int64_t duration_us, size_t request_bytes, size_t response_bytes)
{
    struct route_traffic *r = route_of(t, route);
    r->requests[method_index(method)][status_index(status)]++;
    spread_add(&r->duration, traffic_latency_bounds, duration_us);
    spread_add(&t->request_bytes, traffic_size_bounds, (int64_t)request_bytes * 1000000);
    spread_add(&t->response_bytes, traffic_size_bounds, (int64_t)response_bytes * 1000000);
}

void traffic_execution(struct traffic *t, int agent, bool ok, int64_t duration_us,
                       int64_t prompt_tokens, int64_t completion_tokens)
{
    struct agent_traffic *a = &t->agents[agent];
    int64_t steps = 1 + dice_poisson(&t->dice, 3);
    *(ok ? &a->succeeded : &a->failed) += 1;
    a->prompt_tokens += prompt_tokens;
    a->completion_tokens += completion_tokens;
    spread_add(&a->duration, traffic_latency_bounds, duration_us);
    t->cost_microusd += prompt_tokens * 3 + completion_tokens * 15;
    t->traces++;
    t->observations += steps;
    t->rows += steps + 1;
    *(dice_unit(&t->dice) < 0.72 ? &t->cached : &t->uncached) += 1;
    for (int64_t i = 0; i < steps; i++)
        spread_add(&t->queries, traffic_latency_bounds,
                   (int64_t)dice_lognormal(&t->dice, 2500, 0.8));
}

static void background_job(struct traffic *t, bool failing)
{
    *(failing || dice_unit(&t->dice) < 0.01 ? &t->jobs_failed : &t->jobs_done) += 1;
    spread_add(&t->jobs, traffic_latency_bounds, (int64_t)dice_lognormal(&t->dice, 180000, 0.9));
    if (dice_unit(&t->dice) < 0.2)
        t->scores++;
}

void traffic_second(struct traffic *t, bool failing)
{
    int64_t runs = dice_poisson(&t->dice, 4), jobs = dice_poisson(&t->dice, 6);
    for (int64_t i = 0; i < runs; i++) {
        int agent = (int)(dice_next(&t->dice) % TRAFFIC_AGENTS);
        bool ok = dice_unit(&t->dice) >= (failing ? 0.9 : 0.003);
        int64_t us = (int64_t)dice_lognormal(&t->dice, ok ? 450000 : 20000, 0.7);
        traffic_request(t, "/v1/agents/{id}/execute", "POST", ok ? 200 : 503, us,
                        120 + dice_next(&t->dice) % 2000, 300 + dice_next(&t->dice) % 4000);
        traffic_execution(t, agent, ok, us, dice_poisson(&t->dice, 300),
                          ok ? dice_poisson(&t->dice, 180) : 0);
    }
    for (int64_t i = 0; i < jobs; i++)
        background_job(t, failing);
    t->active_agents = runs;
    t->active_users = 120 + dice_poisson(&t->dice, 20);
    t->queue_depth = failing ? t->queue_depth + jobs : dice_poisson(&t->dice, 2);
}
