"""The platforms of the monitoring guides: their sample configurations, beside applications
that answer as the guides say, through scripted incidents. Every number is known beforehand,
because nothing happens but what the script says; and a real Prometheus saw the same."""
import re

import conftest
import peers
import pytest

ROOT = conftest.ROOT
STEP = 15
START = 1772323200  # 2026-03-01T00:00:00Z

pytestmark = pytest.mark.skipif(not (ROOT / "probes" / "paracle").is_dir(), reason="no samples")


def instant(step):
    seconds = step * STEP
    return f"2026-03-01T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"


class Watch:
    """`nines run` by a clock of ours, on a guide's configuration beside its sample platform."""

    def __init__(self, workspace, daemons, sample, folder, prometheus=None):
        self.workspace, self.daemons, self.sample = workspace, daemons, sample
        for kind in ("probes", "slos"):
            for path in (ROOT / kind / folder).glob("*.yaml"):
                text = path.read_text()
                if prometheus:
                    text = text.replace("localhost:9090", prometheus.url.removeprefix("http://"))
                text = re.sub("localhost:[0-9]+", sample.address, text)
                workspace.write(f"{kind}/{path.name}", text)
        self.step = 0
        self.start()

    def start(self):
        self.workspace.write("clock", instant(self.step))
        self.daemon = self.daemons(self.workspace, "--test-clock", "clock")
        self.daemon.wait("test clock reached")

    def stop(self):
        assert self.daemon.stop() == 0

    def go(self, steps=1, each=None):
        """Time goes on, after `each` is done in each step. A scrape of every probe on 15 s."""
        for _ in range(steps):
            if each:
                each()
            self.step += 1
            self.daemon.advance(instant(self.step))

    def report(self):
        found = self.workspace.report("--at", instant(self.step))
        return {slo["slo"]: slo for slo in found["slos"]}


def counted(slo):
    return slo["good"], slo["bad"], slo["total"]


@pytest.fixture
def watch(workspace, daemons, start):
    def begin(sample, folder, **options):
        return Watch(workspace, daemons, sample, folder, **options)
    return begin


@pytest.mark.parametrize("folder", ["paracle", "agent-platform", "aragora", "agenttrace",
                                    "agent-api"])
def test_samples_are_valid(workspace, folder):
    done = workspace.run("check", ROOT / "probes" / folder, ROOT / "slos" / folder)
    assert "error" not in done.stdout + done.stderr


def test_paracle(watch, start):
    """Redis goes away behind a handler that answers 200; 2 % of the requests fail; the API is
    restarted in the middle."""
    app = start(peers.Sample, "paracle")
    w = watch(app, "paracle")

    def traffic(bad=0):
        app.change("http_requests_total", {"method": "GET", "status": "200"}, by=100 - bad)
        if bad:
            app.change("http_requests_total", {"method": "GET", "status": "500"}, by=bad)
        app.change("paracle_agent_executions_total", {"agent": "coder", "status": "success"}, by=9)
        app.change("paracle_agent_executions_total", {"agent": "coder", "status": "failure"}, by=1)
        app.change("paracle_agent_duration_seconds", {"agent": "coder"}, observe=20, times=9)
        app.change("paracle_agent_duration_seconds", {"agent": "coder"}, observe=90)

    w.go(20, traffic)  # the first scrape is a baseline
    app.faults(down=["redis"])
    w.go(8, lambda: traffic(bad=2))
    app.restart()  # counters begin anew
    app.faults(version="1.1.0")
    w.go(12, traffic)
    w.stop()

    slos = w.report()
    assert counted(slos["paracle-requests"]) == (3900 - 16, 16, 3900)
    assert counted(slos["paracle-agents"]) == (39 * 9, 39, 390)
    assert counted(slos["paracle-agent-duration"]) == (39 * 9, 39, 390)
    assert counted(slos["paracle-redis"]) == (32, 8, 40)
    assert counted(slos["paracle-database"]) == (40, 0, 40)
    assert counted(slos["paracle-availability"]) == (40, 0, 40)
    for slo in slos.values():
        missing = slo["coverage"]["missing"]
        assert missing["target_silent"] == missing["prober_down"] == 0, slo["slo"]
    found = w.workspace.report("--at", instant(w.step))
    assert any(a["kind"] == "deploy" and "1.1.0" in a["text"] for slo in found["slos"] for a in slo["annotations"])


def test_agent_platform(watch, start):
    """The database goes away, and says why; a series vanishes and returns."""
    app = start(peers.Sample, "agent_platform")
    w = watch(app, "agent-platform")

    def traffic(agents=True):
        get = {"method": "GET", "endpoint": "/agents"}
        app.change("http_requests_total", {**get, "status": "200"}, by=50)
        app.change("http_request_duration_seconds", get, observe=0.2, times=49)
        app.change("http_request_duration_seconds", get, observe=0.7)
        if agents:
            app.change("agent_executions_total", {"agent_id": "a", "status": "success"}, by=19)
            app.change("agent_executions_total", {"agent_id": "a", "status": "failed"}, by=1)

    w.go(10, traffic)
    app.faults(down=["database"])
    w.go(4, traffic)
    app.faults()
    app.forget("agent_executions_total", {"agent_id": "a", "status": "success"})
    app.forget("agent_executions_total", {"agent_id": "a", "status": "failed"})
    w.go(3, lambda: traffic(agents=False))  # nothing to be told of agents
    w.go(3, traffic)  # they return, from 0: a reset
    w.stop()

    slos = w.report()
    assert counted(slos["platform-errors"]) == (19 * 50, 0, 19 * 50)
    assert counted(slos["platform-latency"]) == (19 * 49, 19, 19 * 50)
    assert counted(slos["platform-agents"]) == (16 * 19, 16, 16 * 20)
    silent = slos["platform-agents"]["coverage"]["missing"]["target_silent"]
    assert silent == 3
    assert counted(slos["platform-database"]) == (60 - 12, 12, 60)  # asked every 5 s
    assert counted(slos["platform-redis"]) == (60, 0, 60)
    (message,) = w.workspace.messages("platform-ready")
    assert "database" in message and "connection refused" in message and "redis" not in message


def test_aragora(watch, workspace, start):
    """A queue that grows, in a gauge; restarts that only the cluster's Prometheus knows."""
    sample = start(peers.Sample, "aragora")
    prometheus = start(peers.Prometheus, workspace.path / "prometheus", sample.address)
    sample.change("pg_stat_activity_count", {"datname": "aragora", "state": "active"}, set=70)
    peers.eventually(lambda: prometheus.query('sum(pg_stat_activity_count{datname="aragora"})'),
                     lambda found: found and found[0][1] == 70)
    w = watch(sample, "aragora", prometheus=prometheus)
    sample.change("aragora_queue_depth", set=12)
    w.go(20)
    sample.change("aragora_queue_depth", set=1200)
    sample.change("pg_stat_activity_count", {"datname": "aragora", "state": "active"}, set=95)
    peers.eventually(lambda: prometheus.query('sum(pg_stat_activity_count{datname="aragora"})'),
                     lambda found: found and found[0][1] == 95)
    w.go(19)
    # It has not lasted for as long as its rules wait: 10 and 5 minutes.
    assert w.workspace.messages("aragora-metrics") == w.workspace.messages("aragora-database") == set()
    w.go(3)
    assert w.workspace.messages("aragora-metrics") == set()
    (message,) = w.workspace.messages("aragora-database")
    assert "AragoraDBConnections" in message and "95" in message
    w.go(20)
    w.stop()
    (message,) = w.workspace.messages("aragora-metrics")
    assert "AragoraQueueBacklog" in message and "1200" in message
    slos = w.report()
    assert counted(slos["aragora-queue"]) == (10, 21, 31)
    assert counted(slos["aragora-connections"]) == (10, 21, 31)
    assert counted(slos["aragora-availability"]) == (186, 0, 186)


def test_agenttrace(watch, start):
    """ClickHouse is slow, then gone; ingestion stops; a page that is OpenMetrics."""
    app = start(peers.Sample, "agenttrace")
    w = watch(app, "agenttrace")

    def traffic(traces=30000, slow=0):
        get = {"method": "GET", "path": "/traces"}
        app.change("http_requests_total", {**get, "status": "200"}, by=1000)
        app.change("http_request_duration_seconds", get, observe=0.03, times=60)
        app.change("http_request_duration_seconds", get, observe=0.15, times=39)
        app.change("http_request_duration_seconds", get, observe=3 if slow else 0.4)
        if traces:
            app.change("traces_ingested_total", by=traces)

    w.go(21, traffic)
    app.faults(down=["clickhouse"])
    w.go(10, lambda: traffic(traces=3000, slow=1))
    app.faults(version="1.2.0")
    w.go(9, traffic)
    w.stop()

    slos = w.report()
    assert counted(slos["agenttrace-errors"]) == (39000, 0, 39000)
    assert counted(slos["agenttrace-p50"]) == (39 * 60, 39 * 40, 39 * 100)
    assert counted(slos["agenttrace-p50-critical"]) == (39 * 99, 39, 39 * 100)
    assert counted(slos["agenttrace-p99"]) == (3890, 10, 3900)
    assert counted(slos["agenttrace-p99-critical"]) == (3890, 10, 3900)
    assert slos["agenttrace-p99"]["state"] != "breached"  # 10 of 3900 is less than 1 %
    # 2000 a second are enough, 200 only for the critical row.
    assert counted(slos["agenttrace-ingestion"]) == (29, 10, 39)
    assert counted(slos["agenttrace-ingestion-critical"]) == (39, 0, 39)
    assert counted(slos["agenttrace-clickhouse"]) == (30, 10, 40)
    assert counted(slos["agenttrace-postgres"]) == (40, 0, 40)
    assert counted(slos["agenttrace-clickhouse-latency"])[0] == 30
    assert counted(slos["agenttrace-availability"]) == (90, 30, 120)
    (message,) = w.workspace.messages("agenttrace-health")
    assert "clickhouse" in message and "connection refused" in message


def test_agent_api(watch, start):
    """Sessions fail while the cache does not help; the page is gone for a while."""
    app = start(peers.Sample, "agent_api")
    w = watch(app, "agent-api")

    def traffic(failed=0, hits=8):
        app.change("http_requests_total", {"method": "POST", "status": "200"}, by=30)
        app.change("agent_sessions_total", by=10)
        if failed:
            app.change("agent_sessions_failed_total", by=failed)
        app.change("cache_hits_total", by=hits)
        app.change("cache_misses_total", by=10 - hits)

    app.change("agent_sessions_failed_total", by=1)
    w.go(20, traffic)
    w.go(20, lambda: traffic(failed=3, hits=2))
    w.stop()
    slos = w.report()
    total = counted(slos["agent-api-sessions"])
    # Asked every 10 s: what happened before the first scrape is not known.
    assert total[1] == 60 and total[2] in (390, 400)
    assert counted(slos["agent-api-requests"])[1] == 0
    good, bad, _ = counted(slos["agent-api-cache"])
    assert bad >= 19 and good >= 18


def test_prometheus_counts_the_same(watch, workspace, start):
    """A real Prometheus reads the same pages: the growth of the counters that it saw, resets
    and all, is what the objectives count."""
    app = start(peers.Sample, "paracle")
    prometheus = start(peers.Prometheus, workspace.path / "prometheus", app.address)
    w = watch(app, "paracle")
    made = {"500": 0, "200": 0}

    def seen():
        expression = 'sum by (status) (http_requests_total)'
        return {m["status"]: v for m, v in prometheus.query(expression)}

    def traffic(bad):
        for status, n in (("500", bad), ("200", 100 - bad)):
            made[status] += n
            app.change("http_requests_total", {"method": "GET", "status": status}, by=n)
        peers.eventually(seen, lambda found: found == made)

    for bad in (1, 2, 0, 5):
        w.go(1, lambda: traffic(bad))
    app.restart()
    made.update({"500": 0, "200": 0})
    for bad in (7, 0, 1):
        w.go(1, lambda: traffic(bad))
    w.stop()

    def grown(selector):
        total = 0.0
        for series in prometheus.raw(f"http_requests_total{selector}[1h]"):
            # Of all that it saw, what was there at the first scrape is not growth.
            for before, after in zip(series, series[1:]):
                total += after - before if after >= before else after
        return total

    slo = w.report()["paracle-requests"]
    assert slo["bad"] == grown('{status="500"}') == 2 + 0 + 5 + 7 + 0 + 1
    assert slo["total"] == grown("") == 600
