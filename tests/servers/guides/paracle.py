#!/usr/bin/python3
"""Paracle. Its readiness handler returns a document and a status, of which FastAPI makes a
list and answers 200; its metrics call themselves plain text."""
from prometheus_client import Counter, Gauge, Histogram

import sample


def declare(registry):
    return [
        Counter("paracle_agent_executions_total", "Executions of agents.", ["agent", "status"],
                registry=registry),
        Histogram("paracle_agent_duration_seconds", "How long executions take.", ["agent"],
                  buckets=[1, 5, 10, 30, 60, 120], registry=registry),
        Gauge("paracle_active_agents", "Agents at work.", registry=registry),
        Counter("paracle_llm_tokens_total", "Tokens of models.", ["provider", "model"],
                registry=registry),
        # The client library appends _total to this name, whatever the guide's rule says.
        Counter("paracle_llm_cost_usd", "Cost of models in dollars.", ["provider"],
                registry=registry),
        Counter("http_requests_total", "Requests.", ["method", "status"], registry=registry),
    ]


platform = sample.Platform(declare, version="1.0.3")
app = platform.app


@app.get("/health")
async def health():
    return {"status": "healthy", "version": platform.faults.version}


@app.get("/health/ready")
async def health_ready():
    services = platform.up("database", "redis", "storage")
    ready = all(services.values())
    return {"ready": ready, "services": services}, 200 if ready else 503


@app.get("/metrics")
async def metrics():
    return platform.text("text/plain")


if __name__ == "__main__":
    platform.serve()
