"""What people take to be on, held against what is: under other labels, at a start and after a
reload, each alert is over under the old ones and is told of under the new, with all it says."""
import conftest
import pytest

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
