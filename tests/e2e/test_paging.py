"""Days of a month, and flapping at every phase of the cooling time, run by a daemon on its test
clock: what a webhook gets, and when, is what tests/tools/alerting.py and paging.py work out.

NINES_PAGING_DAYS=1-30 runs all of the month.
"""
import os
import sys

import conftest
import pytest

sys.path.insert(0, str(conftest.ROOT / "tests" / "tools"))
import alerting
import month
import paging
from running import Running
from scripted import Script

FEW = int(os.environ.get("NINES_HISTORIES", "24")) <= 3  # the binary is a slow one
RECEIVERS = "alerts: {prober_down: none}\nreceivers:\n" + "".join(
    f"  - {{name: {name}, rate: 600, webhook: {{url: '{{url}}/{name}'}}}}\n"
    for name in ("all", "pager", "desk"))
ROUTED = RECEIVERS + """route:
  receiver: all
  group_by: [slo]
  routes:
    - {receiver: pager, matchers: [severity=critical], group_by: [service], group_wait: 10s,
       group_interval: 2m, repeat_interval: 10m, continue: true}
    - {receiver: desk, matchers: [severity=warning], group_by: ['...'], group_wait: 1m,
       group_interval: 10m, repeat_interval: 1h}
"""
ROUTES = paging.Route("all", ["slo"], routes=[
    paging.Route("pager", ["service"], 10, 120, 600, {"severity": "critical"}, more=True),
    paging.Route("desk", None, 60, 600, 3600, {"severity": "warning"})])
AT_ONCE = paging.default_route(["all", "pager", "desk"])
WAYS = {name: (yaml, root) for name, yaml, root in (
    ("default", RECEIVERS, AT_ONCE), ("routed", ROUTED, ROUTES))}


def exact(script, first, last):
    """Of the runs that were made, over all slots."""
    ran = dict(script.runs)
    slots = range(first, last, script.interval)
    return month.Exact(first, script.interval, [ran.get(t, False) for t in slots],
                       [t in ran for t in slots], [t in ran for t in slots])


def labels(script):
    return {"alertname": "ErrorBudgetBurn", "service": "shop", "slo": script.probe}


# ---- days of the month ---------------------------------------------------------------------------


class Days:
    def __init__(self, workspace, yaml, begin, end, restarts):
        """`restarts` are (from, to) in which no daemon is."""
        probes = month.Probes()
        bad = {t: not good for t, good in zip(probes.times, probes.good)}
        self.script = Script("up", month.PROBE, month.OFFSET, bad.__getitem__)
        self.begin, self.end, self.restarts = begin, end, restarts
        self.running = Running(workspace, [(self.script, "objective: 99.9%")], yaml, begin)

    def run(self):
        self.running.start()
        for stop, again in self.restarts:
            self.running.go(stop)
            self.running.stop()
            self.running.start(again)
        self.running.go(self.end)
        self.running.stop()

    def wanted(self, root):
        first = self.begin // month.PROBE * month.PROBE + month.OFFSET
        objective = alerting.Objective(exact(self.script, first, self.end + 3600), month.F(1, 1000))
        self.transitions = list(objective.transitions(self.begin, self.end, self.restarts))
        return paging.messages(root, paging.changes(self.transitions, labels(self.script)), self.end,
                               away=self.restarts)


SPANS = {"outage": (month.at(11, "21:30"), month.at(12, "05:00")),
         "dark": (month.at(13, "14:30"), month.at(13, "22:30"))}
ABSENCES = [(month.at(11, "22:26"), month.at(11, "22:26") + 20), month.ABSENT]
if "NINES_PAGING_DAYS" in os.environ:
    first, last = map(int, os.environ["NINES_PAGING_DAYS"].split("-"))
    SPANS = {"days": (month.at(first), month.at(last + 1))}


@pytest.mark.skipif(FEW, reason="days take the slow binary minutes")
@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("routing", WAYS)
def test_days_of_the_month(workspace, routing, span):
    yaml, root = WAYS[routing]
    begin, end = SPANS[span]
    days = Days(workspace, yaml, begin, end, [a for a in ABSENCES if begin < a[0] and a[1] < end])
    try:
        days.run()
        wanted = days.wanted(root)
        assert sorted(days.running.messages(len(wanted))) == sorted(wanted)
    finally:
        days.running.close()
    assert {t["event"] for t in days.transitions} >= {"fire", "deescalate", "cool", "resolve"}
    assert {m[1] for m in wanted} >= {"pager", "desk"}


# ---- flapping --------------------------------------------------------------------------------------

TIER = ("page", "20m", "1m", month.F(50))
alerting.LENGTHS.update({"20m": 1200, "1m": 60})
YAML = ("objective: 99.9%, alerting: {{{}tiers: [{{severity: page, long: 20m, short: 1m,"
        " factor: 50}}]}}")
BEGIN = month.START
BAD = BEGIN + 60, BEGIN + 150  # fires; a minute later it cools
AGAIN = range(BAD[1] + 60, BAD[1] + 60 + 340, 10)  # one more failure: of each script another one
LAST = AGAIN[-1] + 600
WAITS = [0, 30]


def flapping():
    return {Script(f"flap-{wait}-{again - BEGIN}", 10, 5,
                   lambda t, again=again: BAD[0] <= t < BAD[1] or again <= t < again + 10): wait
            for again in AGAIN for wait in WAITS}


def flap(running, happens, when):
    """What happens does in the middle of all that."""
    away = []
    running.start()
    running.go(when)
    if happens == "restart":
        running.stop()
        running.start(when + 20)
        away = [(when, when + 20)]
    elif happens == "reload":
        running.reload()
    running.go(LAST)
    running.stop()
    return away


@pytest.mark.skipif(FEW, reason="the slow binary takes minutes")
@pytest.mark.parametrize("routing", WAYS)
@pytest.mark.parametrize("happens", ["nothing", "restart", "reload"])
def test_flapping_at_every_phase_of_cooling(workspace, routing, happens):
    yaml, root = WAYS[routing]
    scripts = flapping()
    running = Running(workspace, [(s, YAML.format(f"for: {wait}s, " if wait else ""))
                                  for s, wait in scripts.items()], yaml, BEGIN)
    changes, phases, fires = [], {wait: set() for wait in WAITS}, {wait: set() for wait in WAITS}
    try:
        away = flap(running, happens, BAD[1] + 200)
        for script, wait in scripts.items():
            objective = alerting.Objective(exact(script, BEGIN + 5, LAST + 1300), month.F(1, 1000),
                                           tiers=[TIER], wait=wait)
            transitions = list(objective.transitions(BEGIN, LAST, away))
            changes += paging.changes(transitions, labels(script))
            phases[wait] |= {t["at"] - before["at"] for before, t in zip(transitions, transitions[1:])
                             if t["event"] == "refire"}
            fires[wait].add(sum(t["event"] == "fire" for t in transitions))
        wanted = paging.messages(root, changes, LAST, away=away)
        assert sorted(running.messages(len(wanted))) == sorted(wanted)
    finally:
        running.close()
    if happens != "restart":  # two instants are missing then
        assert phases == {wait: set(range(10, 310, 10)) for wait in WAITS}
    assert fires == {wait: {1, 2} for wait in WAITS}


# ---- clocks that step in a repeat interval -----------------------------------------------------------


def outage(workspace):
    return Running(workspace, [(Script("up", 10, 5, lambda t: True), "objective: 99.9%")], ROUTED,
                   BEGIN)


@pytest.mark.parametrize("hours", [1, 9])
def test_a_clock_set_hours_ahead(workspace, hours):
    """What was due meanwhile is told once, and then as ever."""
    running, back = outage(workspace), BEGIN + 1800 + hours * 3600
    away, end = [(BEGIN + 1800, back)], back + 1800
    try:
        running.start()
        running.go(BEGIN + 1800)
        running.stop()
        running.start(back)
        running.go(end)
        running.stop()
        script, = running.scripts
        objective = alerting.Objective(exact(script, BEGIN + 5, end + 3600), month.F(1, 1000))
        changes = paging.changes(objective.transitions(BEGIN, end, away), labels(script))
        wanted = paging.messages(ROUTES, changes, end, away=away)
        assert running.messages(len(wanted)) == wanted
    finally:
        running.close()
    assert sum(back - hours * 3600 < m[0] <= back for m in wanted) == 1


def test_a_clock_set_back(workspace):
    """No page twice, and none that waits until the clock is where it was."""
    running, back = outage(workspace), BEGIN + 1800
    try:
        running.start()
        running.go(BEGIN + 3600)
        running.stop()
        before = running.messages(6)
        running.start(back)
        running.go(back + 3600)
        running.stop()
        after = running.messages(12)[6:]
    finally:
        running.close()
    assert [m[0] - BEGIN for m in before] == [70 + 600 * k for k in range(6)]
    assert [m[0] - back for m in after] == [600 * k for k in range(1, 7)]
    assert {m[1:] for m in before} == {m[1:] for m in after} and before[0][3]
