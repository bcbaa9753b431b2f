"""What people see of metric SLIs: pages, reports, status, the daemon's own metrics."""
import json
import urllib.request

import conftest
import pytest

PROBES = """
apiVersion: nines/v1
kind: Probes
defaults: {{interval: 15s, timeout: 5s}}
probes:
  - id: api-ready
    readiness: {{url: {ready}/ready}}
  - id: api-metrics
    metrics: {{url: {metrics}/metrics}}
"""

SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - name: api-redis
    service: agent-api
    sli: {probe: api-ready, component: redis}
    objective: 99.9%
    window: 30d
  - name: api-errors
    service: agent-api
    sli:
      probe: api-metrics
      ratio: {bad: 'http_requests_total{status=~"5.."}', total: http_requests_total}
    objective: 99%
    window: 30d
    alerting: none
"""

DAEMON = """
apiVersion: nines/v1
kind: Daemon
receivers:
  - name: hook
    webhook: {{url: "{url}/alert"}}
"""


def document(redis, version):
    body = {"status": "ready" if redis == "healthy" else "not_ready", "version": version,
            "services": {"database": "healthy", "redis": redis}}
    status = 200 if redis == "healthy" else 503
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def page(good, bad):
    text = ("# TYPE http_requests_total counter\n"
            f'http_requests_total{{status="200"}} {good}\n'
            f'http_requests_total{{status="500"}} {bad}\n')
    return 200, {"Content-Type": "text/plain; version=0.0.4"}, text.encode()


@pytest.fixture
def metrics():
    t = conftest.Target()
    yield t
    t.close()


def named(items, key, name):
    (one,) = [i for i in items if i[key] == name]
    return one


def test_a_component_pages_and_is_shown(workspace, target, metrics, webhook, daemons):
    workspace.write("probes/api.yaml", PROBES.format(ready=target.url, metrics=metrics.url))
    workspace.write("slos/api.yaml", SLOS)
    workspace.write("nines.yaml", DAEMON.format(url=webhook.url))
    workspace.write("clock", "2026-03-01T00:00:00Z")
    target.answer = document("healthy", "1.0.0")
    metrics.answer = page(1000, 10)
    d = daemons(workspace, "--test-clock", "clock")
    base = f"http://{d.wait('serving')['address']}"
    d.wait("test clock reached")
    d.advance("2026-03-01T01:00:00Z")
    metrics.answer = page(1990, 20)
    target.answer = document("unhealthy: timeout", "1.1.0")
    d.advance("2026-03-01T01:05:00Z")

    alert = webhook.alert()
    assert alert["labels"]["slo"] == "api-redis" and alert["status"] == "firing"
    assert "; redis)" in alert["annotations"]["summary"]
    assert "api-ready" in alert["annotations"]["last_deploy"]
    assert "1.0.0 -> 1.1.0" in alert["annotations"]["last_deploy"]

    with urllib.request.urlopen(base + "/metrics", timeout=conftest.PATIENCE) as reply:
        lines = reply.read().decode().splitlines()
    assert ('nines_probe_component_state{probe="api-ready",component="redis",state="unhealthy"} 1'
            in lines)
    assert 'nines_probe_samples_total{probe="api-metrics"} 520' in lines  # 260 scrapes of two

    status = json.loads(workspace.run("status", "--json").stdout)
    probe = named(status["probes"], "probe", "api-ready")
    assert probe["version"] == "1.1.0"
    assert [(c["name"], c["state"]) for c in probe["components"]] == [
        ("database", "healthy"), ("redis", "unhealthy")]
    assert named(status["probes"], "probe", "api-metrics")["components"] == []
    text = workspace.run("status").stdout
    assert "redis unhealthy \N{MIDDLE DOT} database healthy" in text
    assert d.stop() == 0

    report = workspace.report("--at", "2026-03-01T01:05:00Z")
    redis = named(report["slos"], "slo", "api-redis")
    assert (redis["good"], redis["bad"]) == (240, 20)
    assert redis["reasons"] == [{"reason": "metric", "count": 20}]
    assert redis["confidence"] is None and redis["latency"]["p99"] is None
    assert [(a["kind"], a["probe"], a["text"]) for a in redis["annotations"]][-1] == (
        "deploy", "api-ready", "1.0.0 -> 1.1.0")
    errors = named(report["slos"], "slo", "api-errors")
    assert errors["source"] == {
        "probe": "api-metrics", "kind": "ratio",
        "expression": 'bad http_requests_total{status=~"5.."} of http_requests_total'}
    assert (errors["good"], errors["bad"], errors["sli"]) == (990, 10, 0.99)
    assert errors["coverage"]["observed"] == 260
