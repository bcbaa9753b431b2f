#!/usr/bin/python3
"""The AI agent platform: checks are words, with the cause behind them."""
from fastapi.responses import JSONResponse
from prometheus_client import Counter, Gauge, Histogram, Info

import sample


def declare(registry):
    info = Info("app", "What is running.", registry=registry)
    info.info({"version": "1.0.0", "environment": "production"})
    return [
        Counter("http_requests_total", "Requests.", ["method", "endpoint", "status"],
                registry=registry),
        Histogram("http_request_duration_seconds", "How long requests take.",
                  ["method", "endpoint"],
                  buckets=[0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10], registry=registry),
        Counter("agent_executions_total", "Executions of agents.", ["agent_id", "status"],
                registry=registry),
        Histogram("agent_execution_duration_seconds", "How long executions take.", ["agent_id"],
                  buckets=[0.5, 1, 2.5, 5, 10, 30, 60, 120], registry=registry),
        Counter("agent_tokens_used_total", "Tokens.", ["agent_id", "model"], registry=registry),
        Gauge("active_users", "Users at work.", registry=registry),
        Gauge("active_agents_total", "Agents.", ["organization_id"], registry=registry),
        Gauge("db_connections_active", "Connections to the database.", registry=registry),
        Gauge("redis_connections_active", "Connections to Redis.", registry=registry),
        info,
    ]




platform = sample.Platform(declare)
app = platform.app


@app.get("/health")
async def health():
    return {"status": "healthy"}


@app.get("/ready")
async def ready():
    up = platform.up("database", "redis")
    checks = {name: "healthy" if well else "unhealthy: connection refused"
              for name, well in up.items()}
    well = all(up.values())
    return JSONResponse({"status": "ready" if well else "not_ready", "checks": checks},
                        status_code=200 if well else 503)


@app.get("/live")
async def live():
    return {"status": "alive"}


@app.get("/metrics")
async def metrics():
    return platform.text()


if __name__ == "__main__":
    platform.serve()
