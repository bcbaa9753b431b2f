"""A target that is changed while the daemon runs counts from then on: in reports, in what
the daemon itself serves, after a restart, and for who looks back."""
import json
import re
import signal
import urllib.request

import conftest
import pytest

PROBES = """
apiVersion: nines/v1
kind: Probes
probes:
  - id: api-health
    interval: 15s
    timeout: 5s
    http: {{url: "{url}/health", expect: {{status: 200}}}}
"""

SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - name: api-availability
    service: agent-api
    sli: {{probe: api-health}}
    objective: {events}
    window: 30d
    alerting: none
  - name: api-slices
    service: agent-api
    sli: {{probe: api-health}}
    objective: {slices}
    window: {{calendar: 1 month}}
    budgeting: {{method: Timeslices, slice: 1m, slice_target: 100%}}
    alerting: none
"""

GOOD = (200, {}, b"fine")
BAD = (503, {}, b"down")
LEFT = re.compile(r'^nines_slo_budget_remaining_ratio\{.*slo="([^"]+)".*\} (\S+)$', re.M)


@pytest.fixture
def site(workspace, target):
    workspace.write("probes/api.yaml", PROBES.format(url=target.url))
    workspace.write("slos/api.yaml", SLOS.format(events="90%", slices="80%"))
    return workspace


def started(site, daemons, time):
    site.write("clock", time)
    d = daemons(site, "--test-clock", "clock")
    base = "http://" + d.wait("serving")["address"]
    d.wait("test clock reached", time=time)
    return d, base


def reload(d):
    d.signal(signal.SIGHUP)
    d.wait("configuration reloaded")


def by_name(report):
    return {slo["slo"]: slo for slo in report["slos"]}


def left(base):
    """What the daemon says is left of each budget."""
    with urllib.request.urlopen(base + "/metrics", timeout=conftest.PATIENCE) as reply:
        return {name: float(value) for name, value in LEFT.findall(reply.read().decode())}


def agree(site, base, at):
    told, reported = left(base), by_name(site.report("--at", at))
    for name, slo in reported.items():
        assert told[name] == pytest.approx(slo["budget"]["remaining_ratio"], abs=2e-6), name
    return reported


def test_a_changed_target_counts_from_its_reload(site, target, daemons):
    d, base = started(site, daemons, "2026-03-01T00:00:00Z")
    target.answer = BAD
    d.advance("2026-03-01T00:05:00Z")
    target.answer = GOOD
    d.advance("2026-03-01T01:00:00Z")
    site.write("slos/api.yaml", SLOS.format(events="99%", slices="95%"))
    reload(d)
    d.advance("2026-03-01T02:00:00Z")

    # 240 events at 90 % and as many at 99 %; 60 slices at 80 % and as many at 95 %.
    slos = agree(site, base, "2026-03-01T02:00:00Z")
    events, slices = slos["api-availability"], slos["api-slices"]
    assert events["targets"] == [
        {"since": events["window"]["start"], "target": "0.9", "total": 240, "allowed": 24},
        {"since": "2026-03-01T01:00:00Z", "target": "0.99", "total": 240, "allowed": 2.4}]
    assert events["target"] == "0.99"
    assert events["budget"]["allowed"] == 26.4 and events["budget"]["consumed"] == 20
    assert [(t["target"], t["total"], t["allowed"]) for t in slices["targets"]] == [
        ("0.8", 60, 12), ("0.95", 60, 3)]
    assert slices["budget"]["allowed"] == 15 and slices["budget"]["consumed"] == 5
    # Of March as it is now: 60 slices at 80 %, all others at 95 %.
    assert slices["budget"]["projected"] == pytest.approx(12 + (31 * 1440 - 60) * 0.05)

    # A restart changes nothing, nor does another definition with the same target.
    assert d.stop() == 0
    site.write("slos/api.yaml", SLOS.format(events="99%\n    description: new", slices="95%"))
    d, base = started(site, daemons, "2026-03-01T02:30:00Z")
    d.advance("2026-03-01T03:00:00Z")
    slos = agree(site, base, "2026-03-01T03:00:00Z")
    assert [t["total"] for t in slos["api-availability"]["targets"]] == [240, 360]
    assert d.stop() == 0

    # Before the change there was but one, and a target that never was in force is judged
    # as if it always had been.
    before = by_name(site.report("--at", "2026-03-01T01:00:00Z"))["api-availability"]
    assert [t["target"] for t in before["targets"]] == ["0.9"]
    assert before["budget"]["allowed"] == 24
    site.write("slos/api.yaml", SLOS.format(events="99.9%", slices="95%"))
    new = by_name(site.report("--at", "2026-03-01T02:00:00Z"))["api-availability"]
    assert "targets" not in new and new["budget"]["allowed"] == 0.48


def test_people_are_told(site, target, daemons):
    d, _ = started(site, daemons, "2026-03-01T00:00:00Z")
    target.answer = BAD
    d.advance("2026-03-01T00:01:00Z")
    target.answer = GOOD
    d.advance("2026-03-01T00:30:00Z")
    site.write("slos/api.yaml", SLOS.format(events="99%", slices="80%"))
    reload(d)
    d.advance("2026-03-01T01:00:00Z")
    assert d.stop() == 0
    at = ("--at", "2026-03-01T01:00:00Z")
    said = "90% until 1 Mar 2026 00:30 UTC (allows 12 of 120), then 99% (allows 1.2 of 120)"
    for kind in ("text", "markdown", "html"):
        assert said in site.run("report", "--format", kind, *at).stdout
    assert said in site.run("explain", "api-availability", *at).stdout
    told = json.loads(site.run("explain", "api-availability", "--format", "json", *at).stdout)
    assert told["budget"]["allowed"] == 13.2
    assert told["spans"][0]["budget_ratio"] == pytest.approx(4 / 13.2, abs=1e-6)
