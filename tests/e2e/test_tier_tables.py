"""How soon each default tier fires and ends, by `nines replay` over outages of known error rates.

At 99.9 %, probes each 10, 15, 30, 60 and 300 s, rates of 100, 15 and 2 %: how many failures it
takes, when by slots and the grid of evaluations, and that both come to F * B * L / e and
S * (1 - F * B / e) as the interval shrinks.
"""
import json
import math
import sys

import conftest
import pytest

sys.path.insert(0, str(conftest.ROOT / "tests" / "tools"))
import alerting
import month
from month import DAY, F, HOUR

INTERVALS = [10, 15, 30, 60, 300]
RATES = {"all": F(1), "some": F(15, 100), "few": F(2, 100)}
MISS = F(1, 1000)
BEGAN = month.START + 3 * DAY + 5 * HOUR
LASTS, BEHIND = 6 * HOUR, 7 * HOUR
OUTAGE = (BEGAN, BEGAN + LASTS)
OFFSET = 7  # of the slots; runs take less than a second
# failures in a row that fire 14.4 over 1 h, 6 over 6 h, 3 over 1 d, 1 over 3 d
FEWEST = {10: (6, 13, 26, 26), 15: (4, 9, 18, 18), 30: (2, 5, 9, 9), 60: (1, 3, 5, 5),
          300: (1, 1, 1, 1)}
MINUTES = {  # to detect, and to reset, in the limit
    "all": ((0.864, 2.16, 4.32, 4.32), (4.928, 29.82, 119.64, 359.64)),
    "some": ((5.76, 14.4, 28.8, 28.8), (4.52, 28.8, 117.6, 357.6)),
    "few": ((43.2, 108, 216, 216), (1.4, 21, 102, 342)),
}


def tiers(interval):
    """A short window holds two intervals and a timeout."""
    return [(severity, long, "11m" if interval == 300 and short == "5m" else short, factor)
            for severity, long, short, factor in alerting.TIERS]


class Probe:
    def __init__(self, interval, rate):
        self.id, self.interval, self.rate = f"{rate}-{interval}", interval, RATES[rate]
        first = month.START + OFFSET
        self.times = range(first, OUTAGE[1] + BEHIND, interval)
        self.bad = [self.fails(t) for t in self.times]
        ones = [1] * len(self.times)
        self.exact = month.Exact(first, interval, self.bad, ones, ones)

    def fails(self, t):
        """Evenly, beginning with the first slot."""
        k = (t - BEGAN) // self.interval
        return BEGAN <= t < OUTAGE[1] and \
            math.ceil((k + 1) * self.rate) > math.ceil(k * self.rate)

    def lines(self):
        for t, bad in zip(self.times, self.bad):
            what = '"bad","reason":"status"' if bad else '"good"'
            yield (f'{{"probe":"{self.id}","time":"{month.rfc3339(t)}","outcome":{what},'
                   f'"latency_ms":20}}\n')

    def slo(self, place):
        severity, long, short, factor = tiers(self.interval)[place]
        return (f"  - {{name: {self.id}-{place}, sli: {{probe: {self.id}}}, objective: 99.9%, "
                f"window: 30d, alerting: {{min_failures: 1, tiers: [{{severity: {severity}, "
                f"long: {long}, short: {short}, factor: {float(factor):g}}}]}}}}\n")

    def by_formula(self, place):
        """Of a total outage: the tick behind the last failure that it takes, and the one at which
        the first of the failures that burn in the short window is out of it."""
        _, long, short, factor = tiers(self.interval)[place]
        takes, burns = (math.ceil(factor * MISS * alerting.LENGTHS[w] / self.interval)
                        for w in (long, short))
        slots = [t for t, bad in zip(self.times, self.bad) if bad]
        fires = slots[takes - 1] // 10 * 10 + 10
        length, step = alerting.LENGTHS[short], 60 if alerting.LENGTHS[short] > HOUR else 10
        ends = (slots[-burns] // step * step) + step + length
        return fires, ends


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    workspace = conftest.Workspace(tmp_path_factory.mktemp("tables"))
    probes = [Probe(interval, rate) for interval in INTERVALS for rate in RATES]
    workspace.write("probes/p.yaml", "apiVersion: nines/v1\nkind: Probes\nprobes:\n" + "".join(
        f"  - {{id: {p.id}, interval: {p.interval}s, timeout: 1s,"
        " http: {url: 'http://127.0.0.1:9/'}}\n" for p in probes))
    workspace.write("slos/s.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n" + "".join(
        p.slo(place) for p in probes for place in range(4)))
    workspace.run("import", "-", stdin="".join(line for p in probes for line in p.lines()))
    out = workspace.run("replay", "--from", month.rfc3339(BEGAN - HOUR),
                        "--to", month.rfc3339(OUTAGE[1] + BEHIND)).stdout
    told = {}
    for line in out.splitlines()[:-1]:
        t = json.loads(line)
        told.setdefault(t["slo"], []).append(t)
    return {p.id: p for p in probes}, told


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("interval", INTERVALS)
def test_when_tiers_fire_and_end(replayed, interval, rate):
    probes, told = replayed
    probe = probes[f"{rate}-{interval}"]
    for place, tier in enumerate(tiers(interval)):
        said = told.get(f"{probe.id}-{place}", [])
        objective = alerting.Objective(probe.exact, MISS, tiers=[tier], min_failures=1)
        wanted = objective.transitions(BEGAN - HOUR, OUTAGE[1] + BEHIND)
        assert [(t["at"], t["event"], t["notify"]) for t in said] == [
            (month.rfc3339(t["at"]), t["event"], t["sent"]) for t in wanted]
        fires, ends = (next(t for t in each if t["event"] == event) for each, event in (
            (said, "fire"), (said[::-1], "cool")))
        if rate == "all":
            assert fires["long"]["bad"] == FEWEST[interval][place]
            assert (fires["at"], ends["at"]) == tuple(map(month.rfc3339, probe.by_formula(place)))
        assert [t["event"] for t in said].count("fire") == [t["event"] for t in said].count("resolve")


@pytest.mark.parametrize("rate", RATES)
def test_what_they_come_to(replayed, rate):
    """As the interval shrinks, up to one failure, the grid and where windows begin."""
    probes, told = replayed
    for interval in INTERVALS:
        probe = probes[f"{rate}-{interval}"]
        slack = interval / float(RATES[rate]) + interval + 10 + 60
        for place, tier in enumerate(tiers(interval)):
            if tier[2] == "11m":
                continue  # the tables have 5 minutes
            said = told[f"{probe.id}-{place}"]
            at = {event: [month.seconds(t["at"]) for t in said if t["event"] == event]
                  for event in ("fire", "cool")}
            detect, reset = (60 * table[place] for table in MINUTES[rate])
            assert abs(at["fire"][0] - BEGAN - detect) <= slack, (interval, tier)
            assert abs(at["cool"][-1] - OUTAGE[1] - reset) <= slack, (interval, tier)


def test_the_table_is_the_formula():
    for rate, e in RATES.items():
        for place, (_, long, short, factor) in enumerate(alerting.TIERS):
            detect = factor * MISS * alerting.LENGTHS[long] / e
            reset = alerting.LENGTHS[short] * (1 - factor * MISS / e)
            assert (float(detect) / 60, float(reset) / 60) == pytest.approx(
                tuple(table[place] for table in MINUTES[rate]), abs=1e-9)
