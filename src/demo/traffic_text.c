#include "demo/traffic_internal.h"

#include "base/mem.h"
#include "wire/exposition.h"

static void histogram(struct exposition *e, const char *name, const char *help,
                      const int64_t *bounds, const struct spread *s)
{
    exposition_family(e, name, EXPOSITION_HISTOGRAM, help);
    exposition_histogram(e, NULL, 0, bounds, s->counts, TRAFFIC_BUCKETS, s->sum);
}

/* ---- requests ------------------------------------------------------------------- */

static void put_route_requests(struct exposition *e, const struct route_traffic *r)
{
    for (size_t m = 0; m < TRAFFIC_METHODS; m++) {
        for (size_t s = 0; s < TRAFFIC_STATUSES; s++) {
            char status[12] = "other";
            if (traffic_statuses[s])
                snprintf(status, sizeof(status), "%d", traffic_statuses[s]);
            struct label l[] = {
                {"method", traffic_methods[m]}, {"path", r->path}, {"status", status}};
            if (r->requests[m][s])
                exposition_int(e, l, 3, r->requests[m][s]);
        }
    }
}

static void put_requests(struct exposition *e, const struct traffic *t)
{
    exposition_family(e, "http_requests_total", EXPOSITION_COUNTER, "HTTP requests.");
    for (const struct route_traffic *r = t->routes; r->path; r++)
        put_route_requests(e, r);
    exposition_family(e, "http_request_duration_seconds", EXPOSITION_HISTOGRAM,
                      "Time to answer a request.");
    for (const struct route_traffic *r = t->routes; r->path; r++) {
        struct label l[] = {{"path", r->path}};
        exposition_histogram(e, l, 1, traffic_latency_bounds, r->duration.counts, TRAFFIC_BUCKETS,
                             r->duration.sum);
    }
    histogram(e, "http_request_size_bytes", "Size of request bodies.", traffic_size_bounds,
              &t->request_bytes);
    histogram(e, "http_response_size_bytes", "Size of response bodies.", traffic_size_bounds,
              &t->response_bytes);
}

/* The same requests as a platform that puts its name before every metric
 * reports them. */
static void put_aragora(struct exposition *e, const struct traffic *t)
{
    struct spread all = {0};
    exposition_family(e, "aragora_http_requests_total", EXPOSITION_COUNTER,
                      "HTTP requests by status.");
    for (size_t s = 0; s < TRAFFIC_STATUSES; s++) {
        char status[12] = "other";
        int64_t n = 0;
        if (traffic_statuses[s])
            snprintf(status, sizeof(status), "%d", traffic_statuses[s]);
        for (const struct route_traffic *r = t->routes; r->path; r++)
            for (size_t m = 0; m < TRAFFIC_METHODS; m++)
                n += r->requests[m][s];
        struct label l[] = {{"status", status}};
        exposition_int(e, l, 1, n);
    }
    for (const struct route_traffic *r = t->routes; r->path; r++) {
        all.sum += r->duration.sum;
        for (size_t i = 0; i <= TRAFFIC_BUCKETS; i++)
            all.counts[i] += r->duration.counts[i];
    }
    histogram(e, "aragora_http_request_duration_seconds", "Time to answer a request.",
              traffic_latency_bounds, &all);
    exposition_gauge(e, "aragora_queue_depth", "Jobs that wait.", t->queue_depth);
}

/* ---- agents --------------------------------------------------------------------- */

static void put_executions(struct exposition *e, const struct traffic *t, const char *name,
                           const char *agent_label)
{
    exposition_family(e, name, EXPOSITION_COUNTER, "Agent executions.");
    for (size_t i = 0; i < TRAFFIC_AGENTS; i++) {
        struct label ok[] = {{agent_label, traffic_agents[i]}, {"status", "success"}};
        struct label bad[] = {{agent_label, traffic_agents[i]}, {"status", "failure"}};
        exposition_int(e, ok, 2, t->agents[i].succeeded);
        exposition_int(e, bad, 2, t->agents[i].failed);
    }
}

static void put_durations(struct exposition *e, const struct traffic *t, const char *name,
                          const char *agent_label)
{
    exposition_family(e, name, EXPOSITION_HISTOGRAM, "Duration of agent executions.");
    for (size_t i = 0; i < TRAFFIC_AGENTS; i++) {
        struct label l[] = {{agent_label, traffic_agents[i]}};
        exposition_histogram(e, l, 1, traffic_latency_bounds, t->agents[i].duration.counts,
                             TRAFFIC_BUCKETS, t->agents[i].duration.sum);
    }
}

static int64_t tokens(const struct agent_traffic *a)
{
    return a->prompt_tokens + a->completion_tokens;
}

static void put_tokens(struct exposition *e, const struct traffic *t)
{
    int64_t all = 0;
    exposition_family(e, "agent_tokens_used_total", EXPOSITION_COUNTER, "Tokens used.");
    for (size_t i = 0; i < TRAFFIC_AGENTS; i++) {
        struct label l[] = {{"agent_id", traffic_agents[i]},
                            {"agent_type", traffic_agents[i]},
                            {"model", "sample-large"}};
        exposition_int(e, l, 3, tokens(&t->agents[i]));
        all += tokens(&t->agents[i]);
    }
    exposition_counter(e, "agent_tokens_saved_caching_total", "Tokens that the cache saved.",
                       all / 4);
    exposition_counter(e, "agent_tokens_saved_compression_total", "Tokens that compression saved.",
                       all / 9);
    exposition_counter(e, "agent_tokens_saved_routing_total", "Tokens that routing saved.",
                       all / 15);
    exposition_family(e, "paracle_llm_tokens_total", EXPOSITION_COUNTER, "Tokens used.");
    struct label model[] = {{"provider", "sample"}, {"model", "sample-large"}};
    exposition_int(e, model, 2, all);
    exposition_family(e, "paracle_llm_cost_usd_total", EXPOSITION_COUNTER, "Cost in USD.");
    exposition_seconds(e, model, 1, t->cost_microusd);
    exposition_family(e, "agent_cost_total", EXPOSITION_COUNTER, "Cost in USD.");
    exposition_seconds(e, NULL, 0, t->cost_microusd);
}

static void put_sessions(struct exposition *e, const struct traffic *t)
{
    int64_t ok = 0, bad = 0;
    for (size_t i = 0; i < TRAFFIC_AGENTS; i++) {
        ok += t->agents[i].succeeded;
        bad += t->agents[i].failed;
    }
    exposition_counter(e, "agent_sessions_total", "Agent sessions begun.", ok + bad);
    exposition_counter(e, "agent_sessions_completed_total", "Agent sessions that completed.", ok);
    exposition_counter(e, "agent_sessions_failed_total", "Agent sessions that failed.", bad);
    exposition_gauge(e, "agent_sessions_active", "Agent sessions at work.", t->active_agents);
    exposition_gauge(e, "paracle_active_agents", "Agents at work.", t->active_agents);
    exposition_gauge(e, "active_users", "Users with an open session.", t->active_users);
}

/* ---- the machinery below ------------------------------------------------------------ */

static void put_workers(struct exposition *e, const struct traffic *t)
{
    struct label ok[] = {{"type", "trace"}, {"status", "success"}};
    struct label bad[] = {{"type", "trace"}, {"status", "failed"}};
    struct label queue[] = {{"queue", "traces"}};
    exposition_family(e, "worker_jobs_processed_total", EXPOSITION_COUNTER, "Jobs processed.");
    exposition_int(e, ok, 2, t->jobs_done);
    exposition_int(e, bad, 2, t->jobs_failed);
    histogram(e, "worker_job_duration_seconds", "Duration of jobs.", traffic_latency_bounds,
              &t->jobs);
    exposition_family(e, "worker_queue_depth", EXPOSITION_GAUGE, "Jobs that wait.");
    exposition_int(e, queue, 1, t->queue_depth);
    exposition_gauge(e, "worker_active_jobs", "Jobs at work.",
                     t->queue_depth > 4 ? 4 : t->queue_depth);
    exposition_counter(e, "traces_ingested_total", "Traces ingested.", t->traces);
    exposition_counter(e, "observations_ingested_total", "Observations ingested.", t->observations);
    exposition_counter(e, "scores_created_total", "Scores created.", t->scores);
    exposition_counter(e, "api_keys_created_total", "API keys created.", t->keys);
    exposition_counter(e, "clickhouse_insert_rows_total", "Rows inserted.", t->rows);
}

static void put_stores(struct exposition *e, const struct traffic *t)
{
    int64_t active = 6 + t->active_agents * 2;
    exposition_gauge(e, "db_connections_active", "Database connections in use.", active);
    exposition_gauge(e, "db_connections_idle", "Database connections that wait.", 60 - active);
    exposition_gauge(e, "db_connections_max", "Database connections allowed.", 60);
    histogram(e, "db_query_duration_seconds", "Duration of database queries.",
              traffic_latency_bounds, &t->queries);
    histogram(e, "vector_db_query_duration_seconds", "Duration of vector searches.",
              traffic_latency_bounds, &t->queries);
    exposition_gauge(e, "redis_connections_active", "Redis connections in use.",
                     3 + t->active_agents);
    exposition_counter(e, "cache_hits_total", "Lookups that the cache answered.", t->cached);
    exposition_counter(e, "cache_misses_total", "Lookups that it did not.", t->uncached);
}

void traffic_write(const struct traffic *t, struct str *out)
{
    struct exposition e = {.out = out};
    struct label info[] = {{"version", NINES_VERSION}, {"environment", "demo"}};
    exposition_family(&e, "app_info", EXPOSITION_GAUGE, "1, with the version.");
    exposition_int(&e, info, 2, 1);
    put_requests(&e, t);
    put_aragora(&e, t);
    put_executions(&e, t, "agent_executions_total", "agent_id");
    put_durations(&e, t, "agent_execution_duration_seconds", "agent_id");
    put_executions(&e, t, "paracle_agent_executions_total", "agent");
    put_durations(&e, t, "paracle_agent_duration_seconds", "agent");
    put_tokens(&e, t);
    put_sessions(&e, t);
    put_workers(&e, t);
    put_stores(&e, t);
}
