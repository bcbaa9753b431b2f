"""SLIs of scraped counters over a daemon's life: reloads, a crash, a gap, deploys.

The target serves 100 requests between two scrapes, and knows how many it ever did.
"""
import json
import re
import signal
import urllib.request

import conftest
import pytest

PROBES = """
apiVersion: nines/v1
kind: Probes
defaults: {{interval: 15s, timeout: 5s}}
probes:
  - id: page-01
    metrics: {{url: "{url}/metrics"}}
  - id: health-01
    health: {{url: "{url}/health"}}
"""

HEAD = "apiVersion: nines/v1\nkind: SLOs\nslos:\n"
ERRORS = """  - name: errors
    sli: {probe: page-01, ratio: {bad: 'requests_total{code="500"}', total: requests_total}}
    objective: 99.9%
    window: 1d
"""
LATENCY = """  - name: latency
    sli: {probe: page-01, histogram: seconds, faster_than: 500ms}
    objective: 99%
    window: 1d
"""
LOSSES = """  - name: losses
    sli: {probe: page-01, ratio: {bad: lost_total, total: requests_total}}
    objective: 99.9%
    window: 1d
  - name: answers
    sli: {probe: page-01, ratio: {good: answers_total, total: requests_total}}
    objective: 99.9%
    window: 1d
"""
REDIS = """  - name: redis
    sli: {probe: health-01, component: redis}
    objective: 99%
    window: 1d
    no_data: bad
"""
HEALTH = {"status": "healthy", "version": "1.0.0",
          "components": {"redis": {"status": "healthy"}}}


class Platform(conftest.Target):
    """Counts on with each scrape."""

    def __init__(self):
        super().__init__()
        self.ok, self.failed, self.slow = 1_000_000, 5_000, 70_000
        self.fail = 0  # of the 100 to come
        self.health = dict(HEALTH)
        self.up = True
        platform, handler = self, self.server.RequestHandlerClass

        def reply(this):
            platform.answer = platform.page() if this.path == "/metrics" else platform.document()
            handler.reply(this)

        handler_reply = type("Handler", (handler,), {"do_GET": reply})
        self.server.RequestHandlerClass = handler_reply

    def page(self):
        if not self.up:
            return 503, {}, b"down"
        self.ok += 100 - self.fail
        self.failed += self.fail
        total = self.ok + self.failed
        return 200, {"Content-Type": "text/plain; version=0.0.4"}, (
            f'requests_total{{code="200"}} {self.ok}\n'
            + (f'requests_total{{code="500"}} {self.failed}\n' if self.failed else "")
            + f'lost_total 40\nanswers_total {total}\n'
            f'seconds_bucket{{le="0.5"}} {total - self.slow}\n'
            f'seconds_bucket{{le="+Inf"}} {total}\nseconds_count {total}\nseconds_sum 9\n').encode()

    def document(self):
        if not self.up:
            return 503, {}, b""
        return 200, {"Content-Type": "application/json"}, json.dumps(self.health).encode()


@pytest.fixture
def platform(start):
    return start(Platform)


@pytest.fixture
def site(workspace, platform):
    workspace.write("probes/p.yaml", PROBES.format(url=platform.url))
    workspace.write("slos/s.yaml", HEAD + ERRORS)
    workspace.write("clock", "2026-03-01T00:00:00Z")
    return workspace


def begin(site, daemons):
    d = daemons(site, "--test-clock", "clock")
    d.address = d.wait("serving")["address"]
    d.wait("test clock reached")
    return d


def by_name(slos):
    return {s["slo"]: s for s in slos}


def live(d):
    """What the daemon's windows hold: {(slo, class): events}."""
    with urllib.request.urlopen(f"http://{d.address}/metrics", timeout=conftest.PATIENCE) as reply:
        text = reply.read().decode()
    found = re.findall(r'^nines_slo_events\{([^}]*)\} (\d+)$', text, re.M)
    labels = [(dict(re.findall(r'(\w+)="([^"]*)"', of)), int(n)) for of, n in found]
    return {(of["slo"], of["class"]): n for of, n in labels}


def assert_same(d, slos):
    now = live(d)
    for name, slo in slos.items():
        assert (now[name, "good"], now[name, "bad"]) == (slo["good"], slo["bad"]), name


def reported(site, at):
    return by_name(site.report("--at", at)["slos"])


def test_a_new_objective_does_not_count_what_was_before(site, platform, daemons):
    d = begin(site, daemons)
    d.advance("2026-03-01T00:10:00Z")
    site.write("slos/s.yaml", HEAD + ERRORS + LATENCY + REDIS)
    d.signal(signal.SIGHUP)
    d.wait("history read")
    d.advance("2026-03-01T00:20:00Z")
    slos = reported(site, "2026-03-01T00:20:00Z")
    assert slos["errors"]["total"] == 79 * 100 and slos["errors"]["bad"] == 0
    assert slos["latency"]["total"] == 39 * 100 and slos["latency"]["bad"] == 0
    assert slos["redis"]["good"] == slos["redis"]["total"] == 80  # components are always told
    assert slos["errors"]["coverage"]["missing"] == {
        "prober_down": 0, "target_silent": 0, "not_started": 86400 // 15 - 80}
    assert_same(d, slos)
    assert d.stop() == 0
    site.run("db", "check")


def test_half_a_history_is_none(site, platform, daemons):
    """Requests were counted before, of what became of them nobody knows."""
    d = begin(site, daemons)
    d.advance("2026-03-01T01:00:00Z")
    site.write("slos/s.yaml", HEAD + ERRORS + LOSSES)
    unheard = reported(site, "2026-03-01T01:00:00Z")
    d.signal(signal.SIGHUP)
    d.wait("history read")
    d.advance("2026-03-01T01:10:00Z")
    slos = reported(site, "2026-03-01T01:10:00Z")
    for name in ("losses", "answers"):
        assert unheard[name]["total"] == 0
        assert (slos[name]["good"], slos[name]["bad"]) == (39 * 100, 0)
        assert slos[name]["coverage"]["observed"] == 40
    assert slos["errors"]["total"] == 279 * 100
    assert_same(d, slos)
    assert d.stop() == 0
    site.run("db", "check")


def test_a_crash_changes_nothing_and_a_gap_is_spread(site, platform, daemons):
    site.write("slos/s.yaml", HEAD + ERRORS + REDIS)
    d = begin(site, daemons)
    d.advance("2026-03-01T01:00:00Z")
    d.kill()
    platform.ok += 24_000  # served while nobody looked
    site.write("clock", "2026-03-01T02:00:00Z")
    d = begin(site, daemons)
    platform.fail = 10
    d.advance("2026-03-01T02:05:00Z")
    at = "2026-03-01T02:05:00Z"
    slos = reported(site, at)
    assert slos["errors"]["bad"] == 20 * 10
    assert slos["errors"]["total"] == 239 * 100 + 24_000 + 21 * 100 - 100
    assert slos["errors"]["coverage"]["missing"]["prober_down"] == 240
    assert_same(d, slos)
    hour = by_name(site.report("--from", "2026-03-01T01:00:00Z", "--to", "2026-03-01T02:00:00Z")["slos"])
    assert 23_900 <= hour["errors"]["total"] <= 24_100


def test_silence_and_deploys(site, platform, daemons):
    site.write("slos/s.yaml", HEAD + ERRORS + REDIS)
    d = begin(site, daemons)
    d.advance("2026-03-01T00:10:00Z")
    platform.up = False
    d.advance("2026-03-01T00:15:00Z")
    platform.up = True
    platform.health["version"] = "1.1.0"
    d.advance("2026-03-01T00:20:00Z")
    assert d.stop() == 0
    platform.health["version"] = "2.0.0"
    site.write("clock", "2026-03-01T00:21:00Z")
    d = begin(site, daemons)
    d.advance("2026-03-01T00:25:00Z")
    report = site.report("--at", "2026-03-01T00:25:00Z")
    slos = by_name(report["slos"])
    assert slos["redis"]["bad"] == 20  # silent ones are, as it says
    assert slos["errors"]["coverage"]["missing"]["target_silent"] == 20
    texts = [a["text"] for a in slos["redis"].get("annotations", [])]
    assert texts == ["1.0.0", "1.0.0 -> 1.1.0", "1.1.0 -> 2.0.0"]
