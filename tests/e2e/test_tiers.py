"""Tiers that an objective declares: they fire, hand over to one another and end when `nines check`
says, and are what messages, reports and metrics tell of."""
import datetime
import json
import re
import urllib.request

import pytest

PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - id: api-health
    interval: 15s
    timeout: 5s
    http: {url: "%s/health", expect: {status: 200}}
"""
SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - name: up
    service: api
    sli: {probe: api-health}
    objective: 99.9%
    window: 28d
    alerting:
      min_failures: 3
      tiers:
        - {severity: page, long: 10m, short: 2m, factor: 100}
        - {severity: ticket, long: 6h, budget: 5%, min_failures: 12}
"""
DAEMON = """apiVersion: nines/v1
kind: Daemon
receivers: [{name: hook, webhook: {url: "%s/alert"}}]
"""
# 5% of 28 days in 6 hours is a rate of 5.6
TIERS = [("page", "10m", "2m", "100"), ("ticket", "6h", "30m", "5.6")]


@pytest.fixture
def site(workspace, target, webhook):
    workspace.write("probes/p.yaml", PROBES % target.url)
    workspace.write("slos/s.yaml", SLOS)
    workspace.write("nines.yaml", DAEMON % webhook.url)
    return workspace


def seconds(time):
    return datetime.datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()


def shown(tiers):
    return [(t["severity"], t["long"], t["short"], t["factor"]) for t in tiers]


def test_an_outage_by_declared_tiers(site, target, webhook, daemons):
    [lint] = json.loads(site.run("check", "--json").stdout)["lint"]
    assert shown(lint["tiers"]) == TIERS
    page, ticket = lint["tiers"]
    # a tenth of 40 slots; 0.56% of 1440 slots are 9, and min_failures of it is 12
    assert (page["failures"], page["min_failures"]) == (4, 3)
    assert (ticket["failures"], ticket["failures_by_ratio"]) == (12, 9)

    site.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(site, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T02:00:00Z")
    good, target.answer = target.answer, (503, {}, b"")
    d.advance("2026-03-01T02:10:00Z")
    target.answer = good
    d.advance("2026-03-01T03:00:00Z")
    sent = [webhook.alert() for _ in range(4)]
    assert d.stop() == 0

    told = {(a["status"], a["labels"]["severity"]): a for a in sent}
    assert [a["status"] for a in sent if a["labels"]["severity"] == "critical"] == ["firing", "resolved"]
    assert [a["status"] for a in sent if a["labels"]["severity"] == "warning"] == ["firing", "resolved"]
    for severity, windows in ("critical", ("10m", "2m")), ("warning", ("6h", "30m")):
        notes = told["firing", severity]["annotations"]
        assert (notes["burn_long"].split()[-1], notes["burn_short"].split()[-1]) == windows
    began, ended = seconds("2026-03-01T02:00:00Z"), seconds("2026-03-01T02:10:00Z")
    fired = seconds(told["firing", "critical"]["startsAt"])
    calmed = seconds(told["resolved", "critical"]["endsAt"])
    resolved = seconds(told["resolved", "warning"]["endsAt"])
    assert told["resolved", "warning"]["startsAt"] == told["firing", "critical"]["startsAt"]
    assert 3 * 15 < fired - began <= page["detect_seconds"]
    assert 120 - 15 <= calmed - ended <= page["reset_seconds"]
    assert 1800 - 15 <= resolved - ended - 300 <= ticket["reset_seconds"]

    during = site.report("--at", "2026-03-01T02:09:00Z")["slos"][0]["tiers"]
    assert shown(during) == TIERS
    assert [t["firing"] for t in during] == [True, True]
    after = site.report("--at", "2026-03-01T02:20:00Z")["slos"][0]["tiers"]
    assert [t["firing"] for t in after] == [False, True]
    text = site.run("report", "--at", "2026-03-01T02:20:00Z", "--color", "never").stdout
    assert re.search(r"page +10m/2m +fires at +100, now", text)
    assert re.search(r"ticket +6h/30m +fires at +5\.6, now", text)


def test_metrics_and_reports_name_them(site, daemons):
    site.write("slos/s.yaml", SLOS.replace("factor: 100", "budget: 1%, min_failures: 1"))
    d = daemons(site)
    address = d.wait("serving")["address"]
    text = urllib.request.urlopen(f"http://{address}/metrics").read().decode()
    assert d.stop() == 0
    found = re.findall(r'nines_slo_tier_firing\{.*severity="(\w+)",long="(\w+)",short="(\w+)"', text)
    assert found == [t[:3] for t in TIERS]
    # 1% of 28 days in 10 minutes is 40.32; half of them in 6 days is no decimal
    tiers = json.loads(site.run("check", "--json").stdout)["lint"][0]["tiers"]
    assert tiers[0]["factor"] == "40.32"
    site.write("slos/s.yaml", SLOS.replace("long: 6h, budget: 5%", "long: 6d, budget: 50%"))
    tiers = json.loads(site.run("check", "--json").stdout)["lint"][0]["tiers"]
    assert tiers[1]["factor"] == "2.333333333333"
    assert "2.333 " in site.run("check", "-v").stdout
