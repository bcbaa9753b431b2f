"""`nines replay` of composites, transition by transition, against the rules of docs/numbers.md."""
import json
import pathlib
import random
import sys
from fractions import Fraction as F

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import recompute

SECOND, INTERVAL, TICK, COOLING = 1_000_000, 15, 10, 300
HOUR, LONG, SHORT, FACTOR = 3600, 3600, 300, F(72, 5)
BEGIN = recompute.instant("2026-10-20T00:00:00Z") // SECOND
SLOTS = 10 * HOUR // INTERVAL
WEIGHTS = {"a": F(1), "b": F(1, 2)}
MISS, SLICE_MISS, SLICE, SLICE_TARGET = F(1, 1000), F(1, 100), 60, F(95, 100)

PROBES = """
apiVersion: nines/v1
kind: Probes
defaults: {interval: 15s, timeout: 5s}
probes:
  - {id: a, http: {url: "http://127.0.0.1:9/"}}
  - {id: b, http: {url: "http://127.0.0.1:9/"}}
"""

SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - {name: a, sli: {probe: a}, objective: 99.9%, window: 30d, alerting: none}
  - {name: b, sli: {probe: b}, objective: 99.9%, window: 30d, alerting: none}
  - name: burns
    composite: [{slo: a}, {slo: b, weight: 0.5}]
    window: 30d
    alerting: {tiers: [{severity: page, long: 1h, short: 5m, factor: 14.4}]}
  - name: slices
    composite: [{slo: a}, {slo: b, weight: 0.5}]
    window: 30d
    objective: 99%
    budgeting: {method: Timeslices, slice: 1m, slice_target: 95%}
    alerting: {tiers: [{severity: page, long: 1h, short: 5m, factor: 14.4}]}
"""


def history(seed):
    """Of each probe which slots fail: quiet, then outages and blips of either, then quiet."""
    draw = random.Random(seed)
    bad = {"a": set(), "b": set()}
    for failing in bad.values():
        at = 2 * HOUR // INTERVAL
        while at < SLOTS - 3 * HOUR // INTERVAL:
            at += draw.randrange(1, 200)
            length = draw.choice([1, 1, 2, 3, 5, 8, 30])
            failing.update(range(at, at + length))
            at += length
    return bad


def burns(bad, t):
    """The members' failures in the last hour, and whether the composite burns by F in both windows."""
    def window(length):
        slots = range((t - length) // INTERVAL, t // INTERVAL + 1)
        slots = [k for k in slots if t - length <= k * INTERVAL < t]
        return {p: sum(k in bad[p] for k in slots) for p in bad}

    def burn(length):
        return sum(WEIGHTS[p] * F(n * INTERVAL, length) / MISS for p, n in window(length).items())
    return sum(window(LONG).values()), burn(LONG) >= FACTOR and burn(SHORT) >= FACTOR


def slices(bad, t):
    """The same of slices that ended in the windows: bad if one of a member's is."""
    def window(length):
        ends = [e for e in range(t - length + 1, t + 1) if e % SLICE == 0]
        per = SLICE // INTERVAL
        return sum(any(F(sum(k not in bad[p] for k in range(e // INTERVAL - per, e // INTERVAL)), per)
                       < SLICE_TARGET for p in bad) for e in ends), len(ends)

    def burn(length):
        n, judged = window(length)
        return F(n, judged) / SLICE_MISS
    return window(LONG)[0], burn(LONG) >= FACTOR and burn(SHORT) >= FACTOR


def wanted(name, rule, bad):
    out, phase, since = [], "quiet", 0
    for t in range(2 * HOUR - 600, SLOTS * INTERVAL, TICK):
        count, burning = rule(bad, t)
        fires = burning and count >= 2
        event = None
        if fires and phase != "firing":
            event, phase = "refire" if phase == "cooling" else "fire", "firing"
        elif not fires and phase == "firing":
            event, phase, since = "cool", "cooling", t
        elif phase == "cooling" and t - since >= COOLING:
            event, phase = "resolve", "quiet"
        if event:
            out.append((recompute.when((BEGIN + t) * SECOND), name, event, count))
    return out


@pytest.mark.parametrize("seed", [1, 2])
def test_composites_alert_by_the_rules(workspace, seed):
    bad = history(seed)
    lines = [json.dumps({"probe": p, "time": recompute.when((BEGIN + k * INTERVAL) * SECOND),
                         "outcome": "bad" if k in bad[p] else "good",
                         "reason": "status" if k in bad[p] else "none", "latency_ms": 1})
             for k in range(SLOTS) for p in bad]
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", SLOS)
    workspace.run("import", workspace.write("h.ndjson", "\n".join(lines) + "\n"))
    begin, end = BEGIN + 2 * HOUR - 600, BEGIN + SLOTS * INTERVAL
    out = workspace.run("replay", "--from", recompute.when(begin * SECOND), "--to",
                        recompute.when(end * SECOND)).stdout
    *told, _ = map(json.loads, out.splitlines())
    expected = wanted("burns", burns, bad) + wanted("slices", slices, bad)
    assert {e for _, _, e, _ in expected} >= {"fire", "cool", "refire", "resolve"}
    assert {n for _, n, _, _ in expected} == {"burns", "slices"}
    assert sorted((t["at"], t["slo"], t["event"], t["long"]["bad"]) for t in told) == sorted(expected)
