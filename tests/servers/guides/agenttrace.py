#!/usr/bin/python3
"""AgentTrace: checks with latencies, Kubernetes' endpoints, a version, and OpenMetrics for
who asks for it."""
import fastapi
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import Counter, Gauge, Histogram

import sample

# The bounds that its objectives speak of are among them.
LATENCY = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
LATENCY_MS = {"postgres": 2, "clickhouse": 5, "redis": 1}


def declare(registry):
    return [
        Counter("http_requests_total", "Requests.", ["method", "path", "status"],
                registry=registry),
        Histogram("http_request_duration_seconds", "How long requests take.", ["method", "path"],
                  buckets=LATENCY, registry=registry),
        Counter("traces_ingested_total", "Traces.", registry=registry),
        Counter("observations_ingested_total", "Observations.", registry=registry),
        Counter("scores_created_total", "Scores.", registry=registry),
        Counter("worker_jobs_processed_total", "Jobs.", ["type", "status"], registry=registry),
        Gauge("worker_queue_depth", "Jobs that wait.", ["queue"], registry=registry),
        Gauge("worker_active_jobs", "Jobs at work.", registry=registry),
        Gauge("db_connections_active", "Connections in use.", registry=registry),
        Gauge("db_connections_idle", "Connections not in use.", registry=registry),
        Gauge("db_connections_max", "Connections there may be.", registry=registry),
        Histogram("clickhouse_query_duration_seconds", "How long queries take.",
                  buckets=[0.1, 1, 5, 10, 30], registry=registry),
        Counter("clickhouse_insert_rows_total", "Rows.", registry=registry),
        Gauge("node_filesystem_avail_bytes", "Room left.", ["mountpoint"], registry=registry),
        Gauge("node_filesystem_size_bytes", "Room.", ["mountpoint"], registry=registry),
    ]


platform = sample.Platform(declare)
app = platform.app


def checks():
    return {name: {"status": "healthy", "latency_ms": LATENCY_MS[name]} if well else
            {"status": "unhealthy", "error": "connection refused"}
            for name, well in platform.up(*LATENCY_MS).items()}


@app.get("/health")
async def health():
    found = checks()
    well = all(check["status"] == "healthy" for check in found.values())
    return JSONResponse({"status": "healthy" if well else "unhealthy", "checks": found,
                         "version": platform.faults.version, "uptime": "2h15m30s"},
                        status_code=200 if well else 503)


@app.get("/livez")
async def livez():
    return PlainTextResponse("ok")


@app.get("/readyz")
async def readyz():
    up = platform.up(*LATENCY_MS)
    lines = [f"[+]{name} ok" if well else f"[-]{name} failed: reason withheld"
             for name, well in up.items()]
    well = all(up.values())
    lines.append("readyz check passed" if well else "readyz check failed")
    return PlainTextResponse("\n".join(lines) + "\n", status_code=200 if well else 503)


@app.get("/version")
async def version():
    return {"version": platform.faults.version, "uptime": "2h15m30s"}


@app.get("/metrics")
async def metrics(request: fastapi.Request):
    return platform.negotiated(request)


if __name__ == "__main__":
    platform.serve()
