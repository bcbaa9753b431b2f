"""Alerts of generated histories with exclusions: `nines replay` against the tiers, tick by tick.

Histories are those of test_oracle.py, so each has its seed; counts are recompute.Slo's and the
rules are alerting.Objective's. NINES_REPLAYS says how many histories.
"""
import json
import os
import sys

import conftest
import pytest

sys.path.insert(0, str(conftest.ROOT / "tests" / "tools"))
import alerting
import recompute
from excluded import Excluded
from test_oracle import DAY, SECOND, Scenario

TICK = 10 * SECOND
FEW = int(os.environ.get("NINES_HISTORIES", "24")) <= 3  # the binary is a slow one


class Tiers(alerting.Objective):
    """Of one recompute.Slo; windows are told by their lengths in microseconds."""

    def __init__(self, slo):
        tiers = [(severity, recompute.duration(long), short, recompute.F(factor))
                 for severity, long, short, factor in slo.in_force()]
        super().__init__(None, slo.miss, tiers=tiers)
        self.slo = slo

    def window(self, t, length):
        """(bad, seen, seen, slots): each run is an event."""
        now = t * SECOND
        step = TICK if length <= 3600 * SECOND else 6 * TICK if length <= 3 * DAY else 360 * TICK
        start = (now - length) // step * step
        good, bad, excluded = self.slo.counts(start, now, now)
        slots = max(self.slo.slots(start, now) - excluded, good + bad)
        return bad, good + bad, good + bad, slots


def short_history(seed):
    """The next one of at most two days, whose ticks are not too many."""
    while True:
        s = Scenario(seed)
        if 1000 * SECOND < s.end - s.start < 2 * DAY:
            return s
        seed += 1000


def replayed(workspace, begin, end):
    out = workspace.run("replay", "--from", recompute.when(begin), "--to", recompute.when(end))
    *lines, _ = map(json.loads, out.stdout.splitlines())
    return [(t["at"], t["slo"], t["event"], t["severity"], t["notify"], t["state"]["firing"],
             t["long"]["bad"], t["long"]["expected"], t["short"]["bad"], t["short"]["expected"])
            for t in lines]


def transitions(objective, name, begin, end):
    for t in objective.transitions(begin // SECOND, end // SECOND):
        sides = [objective.window(t["at"], length) for length in t["cause"][1:3]]
        yield (recompute.when(t["at"] * SECOND), name, t["event"], t["severity"], t["sent"],
               t["firing"], sides[0][0], sides[0][3], sides[1][0], sides[1][3])


def wanted(s, begin, end):
    out = []
    for o in s.objectives:
        if o.slices:
            continue
        length = recompute.duration(o.rolling) if o.rolling else \
            recompute.NOMINAL_DAYS[o.period[1]] * o.period[0] * DAY
        excluded = Excluded([x.own for x in s.excluded if x.of(o.name)], end + 800 * DAY)
        slo = recompute.Slo(s.results, s.interval, end, end - length, end,
                            recompute.ratio(o.target), o.faster_than, s.timeout, o.classify, length,
                            excluded=excluded)
        out += transitions(Tiers(slo), o.name, begin, end)
    return sorted(out)


@pytest.mark.parametrize("seed", range(2 if FEW else int(os.environ.get("NINES_REPLAYS", "6"))))
def test_replays_equal_the_rules(workspace, seed):
    s = short_history(seed)
    s.objectives = [o for o in s.objectives if not o.slices]
    s.configure(workspace)
    s.load(workspace)
    begin, end = s.start // TICK * TICK, -(-s.end // TICK) * TICK + 400 * SECOND
    assert sorted(replayed(workspace, begin, end)) == wanted(s, begin, end)
    s.exclude(workspace)
    assert sorted(replayed(workspace, begin, end)) == wanted(s, begin, end)
