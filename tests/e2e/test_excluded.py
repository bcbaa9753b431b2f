"""Exclusions applied: every number against sums over the rows that are left."""
import json
import pathlib
import random
import re
import signal
import sys
import urllib.request

import conftest
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import recompute
from test_report_numbers import DAY, HOUR, MINUTE, SECOND, history, imported

INTERVAL = 15 * SECOND
END = recompute.instant("2026-10-20T06:00:00Z")


def exclusions(workspace, spans, name="up"):
    """spans: (from, to, mode) of whole minutes."""
    items = "".join(f"""
  - {{name: x{i}, slos: [{name}], from: "{recompute.when(a)}", to: "{recompute.when(b)}",
     mode: {mode}, reason: "because {i}"}}""" for i, (a, b, mode) in enumerate(spans))
    workspace.write("slos/excluded.yaml", "apiVersion: nines/v1\nkind: Exclusions\nexclusions:"
                    + (items or " []") + "\n")


def objective(workspace, target="99%", window="7d", more=""):
    workspace.write("slos/all.yaml", f"""apiVersion: nines/v1
kind: SLOs
slos:
  - name: up
    service: shop
    sli: {{probe: api-health}}
    objective: {target}
    window: {window}
    alerting: none
{more}""")


def report(workspace, *args):
    (slo,) = workspace.report("--at", recompute.when(END), *args)["slos"]
    return slo


def minutes(start, end, down=()):
    """One run a minute, bad where it is down."""
    return [json.dumps({"probe": "api-health", "time": recompute.when(at), "latency_ms": 10,
                        **({"outcome": "bad", "reason": "status", "code": 503}
                           if any(a <= at < b for a, b in down) else {"outcome": "good"})})
            for at in range(start, end, MINUTE)]


def test_a_day_of_seven(workspace):
    """An hour of a week is lost, and a day is corrected: taken out it leaves 60 of 8,640
    minutes, counted as good 60 of 10,080."""
    hour = END - 2 * DAY
    imported(workspace, minutes(END - 7 * DAY, END, [(hour, hour + HOUR)]), MINUTE)
    objective(workspace)
    day = (END - 5 * DAY, END - 4 * DAY)
    assert report(workspace)["total"] == 10_080
    exclusions(workspace, [(*day, "drop")])
    found = report(workspace)
    assert (found["bad"], found["total"], found["coverage"]["expected"]) == (60, 8_640, 8_640)
    assert found["budget"]["consumed_ratio"] == pytest.approx(60 / 86.4, abs=1e-6)
    exclusions(workspace, [(*day, "count_good")])
    found = report(workspace)
    assert (found["bad"], found["total"]) == (60, 10_080)
    assert 1 - found["sli"] == pytest.approx(60 / 10_080, abs=1e-9)


def test_before_and_after(workspace):
    hour = END - 2 * DAY
    imported(workspace, minutes(END - 7 * DAY, END, [(hour, hour + HOUR), (END - HOUR, END)]),
             MINUTE)
    objective(workspace)
    exclusions(workspace, [(hour - HOUR, hour + 30 * MINUTE, "count_good"),
                           (hour + 30 * MINUTE, hour + 2 * HOUR, "drop")])
    found = report(workspace)
    assert (found["bad"], found["total"], found["state"]) == (60, 10_080 - 90, "met")
    before = found["unexcluded"]
    assert (before["bad"], before["total"], before["state"]) == (120, 10_080, "breached")
    assert before["consumed_ratio"] == pytest.approx(120 / 100.8, abs=1e-6)
    assert [(x["name"], x["mode"], x["reason"]) for x in found["exclusions"]] == [
        ("x0", "count_good", "because 0"), ("x1", "drop", "because 1")]
    assert found["reasons"] == [{"reason": "status", "count": 60}]
    at = ("--at", recompute.when(END))
    text = workspace.run("report", *at).stdout
    assert "Without exclusions: " in text and "breached, 119.0% of the budget spent" in " ".join(text.split())
    assert workspace.run("gate", "up", *at).returncode == 0
    told = workspace.run("explain", "up", *at).stdout
    assert "What is excluded" in told and "because 1 (x1)" in told
    exclusions(workspace, [])
    assert workspace.run("gate", "up", *at, check=False).returncode == 3
    assert "unexcluded" not in report(workspace)


def judged(method, cells):
    """What slices of (good, bad) are worth: how many were judged, and what they spent."""
    cells = [c for c in cells if sum(c)]
    if "Ratio" in method:
        return len(cells), sum(1 - c[0] * 10**12 // sum(c) / 10**12 for c in cells)
    return len(cells), sum(c[0] < 0.95 * sum(c) for c in cells)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("method", ["Occurrences",
                                    "{method: Timeslices, slice: 10m, slice_target: 95%}",
                                    "{method: RatioTimeslices, slice: 15m}"])
def test_random_spans(workspace, seed, method):
    rng = random.Random(seed)
    start = END - 3 * DAY
    outages = [(a, a + rng.randrange(2 * HOUR), 0.5)
               for a in (start + rng.randrange(3 * DAY) for _ in range(6))]
    lines = history(seed, INTERVAL, start, END, outages, [(start + DAY, start + DAY + HOUR)])
    imported(workspace, lines, INTERVAL)
    objective(workspace, "90%", "2d", f"    budgeting: {method}\n")
    spans, at = [], start - DAY
    while at < END + DAY:
        at += rng.randrange(1, 300) * MINUTE
        end = at + rng.randrange(1, 120) * MINUTE
        spans.append((at, end, rng.choice(["drop", "count_good"])))
        at = end
    exclusions(workspace, spans)

    def mode(slot):
        return next((m for a, b, m in spans if a <= slot < b), None)
    length = {"O": MINUTE, "T": 10 * MINUTE, "R": 15 * MINUTE}[method.lstrip("{method: ")[0]]
    cells, bad, total = {}, 0, 0
    for row in map(json.loads, lines):
        slot = recompute.instant(row["time"])
        if slot < END - 2 * DAY or row["outcome"] not in ("good", "bad") or mode(slot) == "drop":
            continue
        lost = row["outcome"] == "bad" and mode(slot) is None
        bad, total = bad + lost, total + 1
        cell = cells.setdefault(slot // length, [0, 0])
        cell[lost] += 1
    found = report(workspace)
    assert (found["bad"], found["total"]) == (bad, total)
    assert sum(r["count"] for r in found["reasons"]) == bad
    first = (END - 2 * DAY) // INTERVAL * INTERVAL + 2_345_000 % INTERVAL
    slots = [at for at in range(first, END, INTERVAL) if at >= END - 2 * DAY and mode(at) != "drop"]
    assert found["coverage"]["expected"] == len(slots) - found["excluded"]
    if length > MINUTE:
        n, spent = judged(method, list(cells.values()))
        assert found["slices"]["judged"] == n
        assert found["budget"]["consumed"] == pytest.approx(spent, abs=1e-5)
    told = json.loads(workspace.run("explain", "up", "--json", "--limit", "1000", "--at",
                                    recompute.when(END)).stdout)
    assert sum(s["bad"] for s in told["spans"]) == told["bad"] == bad
    assert sum(sum(r["count"] for r in s["reasons"]) for s in told["spans"]) == bad
    assert sum(s["slots"] for s in told["missing"]["spans"]) == \
        told["coverage"]["missing"]["prober_down"]
    assert told["exclusion_count"] == found["exclusion_count"] == sum(
        a < END and b > END - 2 * DAY for a, b, _ in spans)


def test_the_daemon(workspace, target, daemons):
    """An outage pages; excluded on a reload, it does not hold the page, and what the daemon
    shows is what the report says."""
    workspace.write("probes/p.yaml", f"""apiVersion: nines/v1
kind: Probes
probes:
  - {{id: api-health, interval: 15s, http: {{url: "{target.url}/health"}}}}
""")
    workspace.write("slos/all.yaml", """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: up, service: shop, sli: {probe: api-health}, objective: 99.9%, window: 1d,
     alerting: default}
""")
    workspace.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(workspace, "--test-clock", "clock")
    base = "http://" + d.wait("serving")["address"]

    def shown():
        with urllib.request.urlopen(base + "/metrics", timeout=conftest.PATIENCE) as reply:
            page = reply.read().decode()
        return {name: int(re.search(f'^nines_slo_events{{.*"{name}".*}} (\\d+)$', page, re.M)[1])
                for name in ("good", "bad")}
    d.advance("2026-03-01T01:00:00Z")
    target.answer = (503, {}, b"")
    d.advance("2026-03-01T01:10:00Z")
    assert shown()["bad"] > 30
    exclusions(workspace, [(recompute.instant("2026-03-01T01:00:00Z"),
                            recompute.instant("2026-03-01T01:12:00Z"), "drop")])
    d.signal(signal.SIGHUP)
    d.wait("history read")
    d.advance("2026-03-01T01:11:30Z")
    target.answer = (200, {}, b"")
    d.advance("2026-03-01T01:20:00Z")
    live = shown()
    assert d.stop() == 0
    at = ("--at", "2026-03-01T01:20:00Z")
    (found,) = workspace.report(*at)["slos"]
    assert found["bad"] == 0 and found["unexcluded"]["bad"] > 40
    assert live == {"good": found["good"], "bad": 0}
    assert found["coverage"]["missing"]["prober_down"] == 0
    out = workspace.run("replay", "--from", "2026-03-01T00:00:00Z", "--to",
                        "2026-03-01T01:20:00Z").stdout
    assert "fire" not in out
