"""What the sample platforms of tests/servers/guides have in common.

Each is an application of FastAPI and prometheus_client that answers as the platform's
monitoring guide says. Nothing happens in it by itself: a test says what went wrong and
how much traffic there was, so that it knows every number beforehand.

    PUT  /_faults  {"down": ["redis"], "version": "1.1.0"}   what is wrong from now on
    POST /_count   [{"metric": ..., "labels": {...}, "by": 3}]
                   or "set" for gauges, "observe" with "times" for histograms
    POST /_forget  [{"metric": ..., "labels": {...}}]         the series vanishes
    POST /_restart                                            counters begin anew

It prints `port PORT` once it accepts connections, on loopback; it ends when its standard
input is closed.
"""
import socket
import sys
import threading
from typing import Any, Dict, List, Optional

import fastapi
import prometheus_client
import pydantic
import uvicorn
from prometheus_client.openmetrics import exposition as openmetrics


class Faults(pydantic.BaseModel):
    """Dependencies that do not answer, and what the target says it runs."""

    down: List[str] = []
    version: str = "1.0.0"


class Change(pydantic.BaseModel):
    """One series, and what happened to it."""

    metric: str
    labels: Dict[str, str] = {}
    by: Optional[float] = None
    set: Optional[float] = None
    observe: Optional[float] = None
    times: int = 1


class Platform:
    """The application, its metrics and its faults. `declare(registry)` makes the metrics: a
    list of prometheus_client's."""

    def __init__(self, declare, version="1.0.0"):
        self.app = fastapi.FastAPI()
        self.declare = declare
        self.first_version = version
        self.faults = Faults(version=version)
        self.begin()
        self.app.put("/_faults")(self.set_faults)
        self.app.post("/_count")(self.count)
        self.app.post("/_forget")(self.forget)
        self.app.post("/_restart")(self.restart)

    def begin(self):
        self.registry = prometheus_client.CollectorRegistry()
        self.metrics = {}
        for metric in self.declare(self.registry):
            for family in metric.describe():
                self.metrics[family.name.removesuffix("_total")] = metric

    def up(self, *names):
        return {name: name not in self.faults.down for name in names}

    # ---- what a test says

    async def set_faults(self, faults: Faults):
        self.faults = faults
        return {}

    def metric(self, change):
        """By the name that is scraped or by its family's."""
        return self.metrics[change.metric.removesuffix("_total")]

    def series(self, change):
        metric = self.metric(change)
        return metric.labels(**change.labels) if change.labels else metric

    async def count(self, changes: List[Change]):
        for change in changes:
            series = self.series(change)
            if change.by is not None:
                series.inc(change.by)
            if change.set is not None:
                series.set(change.set)
            for _ in range(change.times if change.observe is not None else 0):
                series.observe(change.observe)
        return {}

    async def forget(self, changes: List[Change]):
        for change in changes:
            metric = self.metric(change)
            metric.remove(*(change.labels[name] for name in metric._labelnames))
        return {}

    async def restart(self):
        self.begin()
        return {}

    # ---- what a scraper reads

    def text(self, media_type=prometheus_client.CONTENT_TYPE_LATEST):
        return fastapi.Response(prometheus_client.generate_latest(self.registry),
                                media_type=media_type)

    def negotiated(self, request: fastapi.Request) -> Any:
        """OpenMetrics for who asks for it."""
        if "application/openmetrics-text" not in request.headers.get("accept", ""):
            return self.text()
        return fastapi.Response(openmetrics.generate_latest(self.registry),
                                media_type=openmetrics.CONTENT_TYPE_LATEST)

    def serve(self):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(self.app, log_level="critical"))

        def end_with_parent():
            sys.stdin.read()
            server.should_exit = True

        threading.Thread(target=end_with_parent, daemon=True).start()
        print("port", listener.getsockname()[1], flush=True)
        server.run(sockets=[listener])
