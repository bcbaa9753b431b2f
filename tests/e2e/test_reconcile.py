"""What people take to be on, held against what is: under other labels, at a start and after a
reload, each alert is over under the old ones and is told of under the new, with all it says."""
import contextlib
import datetime
import os
import random
import sqlite3
import time

import conftest
import pytest

FEW = int(os.environ.get("NINES_HISTORIES", "24")) <= 3  # the binary is a slow one
EPOCH = datetime.datetime(1970, 1, 1)
HEAD = "apiVersion: nines/v1\nkind: {}\n"
BAD = (503, {"Content-Type": "application/json"}, b'{"status":"down"}')


def configure(site, url, hook, names):
    site.write("nines.yaml", HEAD.format("Daemon") + f"""
severity_labels: {names}
receivers: [{{name: hook, webhook: {{url: "{hook}/alert"}}}}]
""")
    site.write("probes/p.yaml", HEAD.format("Probes") + f"""
probes:
  - {{id: api, interval: 10s, timeout: 5s, http: {{url: "{url}/"}}, alerts: [{{failures: 2, of: 3}}]}}
""")
    site.write("slos/s.yaml", HEAD.format("SLOs") + """
slos:
  - {name: up, service: shop, sli: {probe: api}, objective: 99%, window: 7d,
     alerts: [{budget_spent: 50%}, {exhausts_in: 3d}]}
""")


def start(site, daemons, time):
    site.write("clock", time)
    daemon = daemons(site, "--test-clock", "clock")
    daemon.wait("test clock reached")
    return daemon


def posted(webhook, n):
    alerts = [webhook.alert() for _ in range(n)]
    told = {(a["labels"]["alertname"], a["labels"]["severity"], a["status"]): a for a in alerts}
    assert len(told) == n and webhook.posts.empty()
    return told


NAMES = {"ProbeFailing": ("p1", "critical"), "ErrorBudgetBurn": ("p1", "critical"),
         "BudgetSpent": ("p3", "warning"), "BudgetExhausts": ("p3", "warning")}


@pytest.mark.parametrize("how", ["restart", "reload"])
def test_other_labels(workspace, target, webhook, daemons, how):
    configure(workspace, target.url, webhook.url, "{page: p1, ticket: p3}")
    d = start(workspace, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T06:30:00Z")
    good, target.answer = target.answer, BAD
    d.advance("2026-03-01T06:50:00Z")
    before = posted(webhook, 4)
    configure(workspace, target.url, webhook.url, "{page: critical, ticket: warning}")
    if how == "reload":
        d.signal(1)
        d.wait("configuration reloaded")
    else:
        assert d.stop() == 0
        d = start(workspace, daemons, "2026-03-01T06:50:10Z")
    d.advance("2026-03-01T06:52:00Z")
    after = posted(webhook, 8)
    for name, (old, new) in NAMES.items():
        over, on = after[(name, old, "resolved")], after[(name, new, "firing")]
        was = before[(name, old, "firing")]
        assert over["startsAt"] == on["startsAt"] == was["startsAt"]
        assert over["fingerprint"] == was["fingerprint"] != on["fingerprint"]
        assert over["annotations"]["summary"].endswith("goes on, under other labels")
        assert on["annotations"].keys() == was["annotations"].keys()
    spent = after[("BudgetSpent", "warning", "firing")]["annotations"]["summary"]
    assert 480 < float(spent.removeprefix("up: ").split("%")[0]) < 500, spent
    fails = after[("ProbeFailing", "critical", "firing")]["annotations"]
    assert fails["failing_probes"] in ("api: 120 times status", "api: 121 times status"), fails
    burns = after[("ErrorBudgetBurn", "critical", "firing")]["annotations"]
    assert 480 < float(burns["budget_spent"].rstrip("%")) < 500, burns
    target.answer = good
    d.advance("2026-03-01T07:00:00Z")
    over = webhook.alert()
    assert over["status"] == "resolved"
    assert over["fingerprint"] == after[("ProbeFailing", "critical", "firing")]["fingerprint"]
    assert d.stop() == 0


def test_silence_that_is_told_again(workspace, target, webhook, daemons):
    """Since when there is no data is known from the alert, whenever the prober was started."""
    configure(workspace, target.url, webhook.url, "{page: p1, ticket: p3}")
    workspace.write("probes/p.yaml", HEAD.format("Probes") + f"""
probes:
  - {{id: queue, interval: 10s, timeout: 5s, metrics: {{url: "{target.url}/metrics"}}}}
""")
    workspace.write("slos/s.yaml", HEAD.format("SLOs") + """
slos:
  - {name: depth, service: shop, sli: {probe: queue, threshold: depth < 10}, objective: 99%,
     window: 1d, alerts: [{silent: true}]}
""")
    target.answer = (200, {"Content-Type": "text/plain"}, b"depth 3\n")
    d = start(workspace, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T00:10:00Z")
    target.answer = BAD
    d.advance("2026-03-01T00:40:00Z")
    on = webhook.alert()
    assert on["annotations"]["summary"].startswith("depth: no data for 5m")
    assert d.stop() == 0
    text = (workspace.path / "nines.yaml").read_text()
    workspace.write("nines.yaml", text.replace("p3", "warning"))
    d = start(workspace, daemons, "2026-03-01T01:00:00Z")  # away for so long that it had no ears
    d.advance("2026-03-01T01:01:00Z")
    told = {a["labels"]["alertname"] + " " + a["status"]: a for a in [webhook.alert() for _ in range(3)]}
    assert told.keys() == {"NoData firing", "NoData resolved", "ProberDown firing"}
    assert told["NoData firing"]["startsAt"] == on["startsAt"]
    assert told["NoData firing"]["annotations"]["summary"].startswith("depth: no data for 50m")
    assert d.stop() == 0


# ---- whatever happens ----------------------------------------------------------------------------

STEP = datetime.timedelta(seconds=10)
NAMES_OF = {"": "ErrorBudgetBurn", "failures": "ProbeFailing", "budget_spent": "BudgetSpent"}


def at(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


class World:
    """Outages of a service and of what it depends on, restarts, crashes, and reloads with other
    labels and rules; and whoever reads the messages, who believes them."""

    def __init__(self, site, daemons, target, net, webhook, seed):
        self.site, self.daemons, self.target, self.net, self.webhook = site, daemons, target, net, webhook
        self.good = target.answer
        self.random = random.Random(seed)
        self.now = datetime.datetime(2026, 3, 1)
        self.belief, self.seen, self.crashed = {}, 0, False
        self.words, self.team, self.of, self.spent = ("p3", "p1"), "a", "3/5", "30%"
        self.write()
        self.daemon = self.begin()

    def write(self):
        ticket, page = self.words
        failures, of = self.of.split("/")
        self.site.write("nines.yaml", HEAD.format("Daemon") + f"""
severity_labels: {{page: {page}, ticket: {ticket}}}
alerts: {{prober_down: none}}
receivers: [{{name: hook, rate: 10000, webhook: {{url: "{self.webhook.url}/alert"}}}}]
""")
        self.site.write("probes/p.yaml", HEAD.format("Probes") + f"""
defaults: {{interval: 10s, timeout: 1s}}
probes:
  - {{id: net, http: {{url: "{self.net.url}/"}}}}
  - {{id: api, depends_on: [net], http: {{url: "{self.target.url}/"}},
      alerts: [{{failures: {failures}, of: {of}}}]}}
""")
        self.site.write("slos/s.yaml", HEAD.format("SLOs") + f"""
slos:
  - name: up
    service: shop
    labels: {{team: {self.team}}}
    sli: {{probe: api}}
    objective: 95%
    window: 1d
    alerts: [{{budget_spent: {self.spent}}}]
    alerting:
      tiers:
        - {{severity: page, long: 30m, short: 5m, factor: 6}}
        - {{severity: ticket, long: 2h, short: 10m, factor: 2}}
""")

    def begin(self):
        self.site.write("clock", at(self.now))
        daemon = self.daemons(self.site, "--test-clock", "clock")
        daemon.wait("test clock reached", time=at(self.now))
        return daemon

    def go_on(self, span):
        self.now += span
        self.daemon.advance(at(self.now))

    def change(self):
        kind = self.random.choice(["words", "team", "of", "spent"])
        choices = {"words": [("p3", "p1"), ("warning", "critical"), ("same", "same")], "team": ["a", "b"],
                   "of": ["3/5", "4/6"], "spent": ["30%", "60%"]}
        setattr(self, kind, self.random.choice(choices[kind]))
        self.write()

    def shake(self):
        what = self.random.choice(["nothing", "restart", "crash", "reload", "reload", "changed restart"])
        if "changed" in what or what == "reload":
            self.change()
        if what == "reload":
            self.daemon.signal(1)
            self.daemon.wait("configuration reloaded")
        elif what == "crash":
            self.crashed = True
            self.daemon.kill()
        elif "restart" in what:
            assert self.daemon.stop() == 0
        if what == "crash" or "restart" in what:
            self.now += STEP * self.random.choice([0, 1, 3, 30])
            self.daemon = self.begin()

    def read(self):
        while not self.webhook.posts.empty():
            a = self.webhook.alert()
            key = tuple(sorted(a["labels"].items()))
            self.seen += 1
            assert a["status"] == "firing" or key in self.belief or self.crashed, a
            if a["status"] == "firing":
                assert self.belief.setdefault(key, a["startsAt"]) == a["startsAt"] or self.crashed, a
                self.belief[key] = a["startsAt"]
            else:
                self.belief.pop(key, None)

    def label(self, row):
        condition, slo, objective, told, since = row
        labels = {"alertname": NAMES_OF[condition], "severity": self.words[told - 1]}
        if condition == "failures":
            labels |= {"probe": slo, "threshold": objective}
        else:
            labels |= {"slo": slo, "service": "shop", "team": self.team}
        if condition == "budget_spent":
            labels["threshold"] = objective
        return tuple(sorted(labels.items())), at(EPOCH + datetime.timedelta(microseconds=since))

    def what_is(self):
        db = sqlite3.connect(f"file:{self.site.path}/nines.db?mode=ro", uri=True)
        with contextlib.closing(db):
            rows = db.execute("SELECT condition, slo, objective, told, since FROM alert WHERE told > 0")
            return dict(self.label(row) for row in rows)

    def agrees(self):
        """A resolve may wait for the next look at its group."""
        for _ in range(6):
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline:
                self.read()
                if self.belief == self.what_is():
                    self.crashed = False
                    return True
                time.sleep(0.05)
            self.go_on(STEP)
        return False


@pytest.mark.parametrize("seed", [1] if FEW else [1, 2])
def test_whoever_reads_knows_what_is(workspace, target, webhook, daemons, seed):
    net = conftest.Target()
    w = World(workspace, daemons, target, net, webhook, seed)
    try:
        for phase in range(8 if FEW else 25):
            target.answer = BAD if w.random.random() < 0.45 else w.good
            net.answer = BAD if w.random.random() < 0.25 else w.good
            w.go_on(STEP * w.random.choice([1, 2, 6, 30, 90]))
            w.shake()
            assert w.agrees(), (phase, w.belief, w.what_is())
        assert w.daemon.stop() == 0
        assert FEW or w.seen > 10
    finally:
        net.close()
