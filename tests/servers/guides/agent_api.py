#!/usr/bin/python3
"""The agent API: sessions, tokens, a cache and a vector database, with the series of the
exporters that its rules look at."""
from prometheus_client import Counter, Gauge, Histogram

import sample


def declare(registry):
    return [
        Counter("http_requests_total", "Requests.", ["method", "status"], registry=registry),
        Histogram("http_request_duration_seconds", "How long requests take.",
                  buckets=[0.05, 0.1, 0.25, 0.5, 1, 2.5, 5], registry=registry),
        Gauge("agent_sessions_active", "Sessions that go on.", registry=registry),
        Counter("agent_sessions_total", "Sessions.", registry=registry),
        Counter("agent_sessions_completed_total", "Sessions that ended well.", registry=registry),
        Counter("agent_sessions_failed_total", "Sessions that failed.", registry=registry),
        Counter("agent_tokens_used_total", "Tokens.", ["agent_type", "workflow_step"],
                registry=registry),
        Counter("agent_cost_total", "Cost in dollars.", registry=registry),
        Counter("cache_hits_total", "Answers from the cache.", registry=registry),
        Counter("cache_misses_total", "Answers not from the cache.", registry=registry),
        Histogram("db_query_duration_seconds", "How long queries take.",
                  buckets=[0.01, 0.1, 1], registry=registry),
        Histogram("vector_db_query_duration_seconds", "How long vector queries take.",
                  buckets=[0.1, 0.5, 1, 2, 5], registry=registry),
        Gauge("pg_stat_activity_count", "Connections to the database.", registry=registry),
        Gauge("redis_memory_used_bytes", "Memory of Redis.", registry=registry),
        Counter("node_cpu_seconds_total", "Time of processors.", ["cpu", "mode"],
                registry=registry),
        Gauge("node_memory_MemAvailable_bytes", "Memory to be had.", registry=registry),
        Gauge("node_memory_MemTotal_bytes", "Memory.", registry=registry),
        Gauge("node_filesystem_avail_bytes", "Room left.", ["mountpoint"], registry=registry),
        Gauge("node_filesystem_size_bytes", "Room.", ["mountpoint"], registry=registry),
    ]


platform = sample.Platform(declare)
app = platform.app


@app.get("/health")
async def health():
    up = platform.up("database", "redis", "vector_db")
    return {"status": "ok" if all(up.values()) else "degraded", "checks": up}


@app.get("/metrics")
async def metrics():
    return platform.text()


if __name__ == "__main__":
    platform.serve()
