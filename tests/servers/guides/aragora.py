#!/usr/bin/python3
"""Aragora: /health and /ready in plain words, and a queue."""
from fastapi.responses import PlainTextResponse
from prometheus_client import Counter, Gauge, Histogram

import sample


def declare(registry):
    return [
        Counter("aragora_http_requests_total", "Requests.", ["method", "status"],
                registry=registry),
        Histogram("aragora_http_request_duration_seconds", "How long requests take.",
                  buckets=[0.05, 0.1, 0.25, 0.5, 1, 2.5, 5], registry=registry),
        Gauge("aragora_queue_depth", "Jobs that wait.", registry=registry),
        # Exporters beside the platform, whose series its rules look at.
        Counter("kube_pod_container_status_restarts_total", "Restarts of containers.",
                ["namespace", "pod"], registry=registry),
        Gauge("pg_stat_activity_count", "Connections to the database.", ["datname", "state"],
              registry=registry),
    ]


platform = sample.Platform(declare)
app = platform.app


@app.get("/health")
async def health():
    return PlainTextResponse("ok")


@app.get("/ready")
async def ready():
    well = all(platform.up("database").values())
    return PlainTextResponse("ready" if well else "not ready", status_code=200 if well else 503)


@app.get("/metrics")
async def metrics():
    return platform.text()


if __name__ == "__main__":
    platform.serve()
