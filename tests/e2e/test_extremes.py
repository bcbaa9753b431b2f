"""Objectives at the ends of what there can be: targets from 50 % to 99.9999 %, SLIs of 0 % and of
100 %, no event, one, and a million million; a leap day in windows of both kinds."""
import json
import math
import sys
from fractions import Fraction as F

import conftest
import pytest

sys.path.insert(0, str(conftest.ROOT / "tests" / "tools"))
import recompute
from test_report_numbers import compare

TARGETS = ["50%", "90%", "99%", "99.9%", "99.99%", "99.999%", "99.9999%"]
DAY = recompute.duration("1d")
INTERVAL = recompute.duration("5m")
PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - {id: p, interval: 5m, timeout: 5s, http: {url: "http://127.0.0.1:9/"}}
  - {id: page, interval: 60s, timeout: 5s, metrics: {url: "http://127.0.0.1:9/metrics"}}
"""


def declare(workspace, window, sli="{probe: p}"):
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n" + "".join(
        f"  - {{name: t{target[:-1]}, sli: {sli}, objective: {target}, window: {window}}}\n"
        for target in TARGETS))


def result(slot, good):
    row = {"probe": "p", "time": recompute.when(slot), "latency_ms": 1, "outcome": "good"}
    if not good:
        row.update(outcome="bad", reason="status")
    return json.dumps(row)


def held(workspace, lines, at, start, end, period=False):
    """Each objective's report against one that is worked out from the lines."""
    results = recompute.read(lines)
    found = {slo["target"]: slo for slo in workspace.report("--at", recompute.when(at))["slos"]}
    assert len(found) == len(TARGETS)
    for target in TARGETS:
        ratio = recompute.ratio(target)
        slo = recompute.Slo(results, INTERVAL, at, start, end, ratio,
                            length=30 * DAY if period else None)
        (said,) = [s for t, s in found.items() if F(t) == ratio]
        assert (said["window"]["start"], said["window"]["end"]) == tuple(
            map(recompute.when, (start, end)))
        compare(said, slo.report(rolling=not period))
    return found


# ---- a leap day -------------------------------------------------------------------------


@pytest.mark.parametrize("year, days", [(2024, 29), (2023, 28)])
def test_february(workspace, year, days):
    first = recompute.instant(f"{year}-02-01T00:00:00Z")
    last = recompute.instant(f"{year}-03-01T00:00:00Z")
    assert last - first == days * DAY
    # the last minutes of February fail, and those before it begins
    bad = {last - INTERVAL, last - 2 * INTERVAL, first - INTERVAL}
    lines = [result(slot, slot not in bad) for slot in range(first - DAY, last + DAY, INTERVAL)]
    declare(workspace, "{calendar: 1 month}")
    workspace.run("import", "-", stdin="\n".join(lines))
    found = held(workspace, lines, last - 1, first, last, period=True)
    assert {slo["bad"] for slo in found.values()} == {2}
    assert {slo["total"] for slo in found.values()} == {days * DAY // INTERVAL}
    march = recompute.instant(f"{year}-04-01T00:00:00Z")
    found = held(workspace, lines, last, last, march, period=True)
    assert {slo["total"] for slo in found.values()} == {0}
    closed = workspace.report("--period", f"{year}-02")["slos"]
    assert {(slo["bad"], slo["total"]) for slo in closed} == {(2, days * DAY // INTERVAL)}


def test_thirty_days_across_a_leap_day(workspace):
    at = recompute.instant("2024-03-15T12:00:00Z")
    lines = [result(slot, slot % DAY) for slot in range(at - 31 * DAY, at, INTERVAL)]
    declare(workspace, "30d")
    workspace.run("import", "-", stdin="\n".join(lines))
    found = held(workspace, lines, at, recompute.instant("2024-02-14T12:00:00Z"), at)
    assert {slo["bad"] for slo in found.values()} == {30}  # one a midnight


# ---- how many, and how good ---------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 3000])
@pytest.mark.parametrize("good", [False, True])
def test_all_or_nothing(workspace, count, good):
    at = recompute.instant("2024-06-20T00:00:00Z")
    first = at - count * INTERVAL
    declare(workspace, "10d")
    other = result(at + DAY, True)  # so that there is a probe
    lines = [result(first + i * INTERVAL, good) for i in range(count)] + [other]
    workspace.run("import", "-", stdin="\n".join(lines))
    found = held(workspace, lines, at, at - 10 * DAY, at)
    for slo in found.values():
        if count == 0:
            assert slo["state"] == "no_data" and slo["sli"] is None
        elif not good:
            assert slo["state"] == "breached" and slo["sli"] == 0
        else:
            assert slo["sli"] == 1 and slo["budget"]["consumed_ratio"] == 0


def test_a_million_million(workspace):
    """Requests of 20 minutes, one more failed than 99.9999 % allow."""
    at = recompute.instant("2024-06-20T00:00:00Z")
    bad, total = 10 ** 6 + 1, 10 ** 12
    lines, scrapes = [], 20
    for i in range(scrapes + 1):
        when = recompute.when(at - (scrapes + 1 - i) * 60 * recompute.SECOND)
        for code, n in (("500", bad), ("200", total - bad)):
            lines.append(json.dumps({"probe": "page", "time": when,
                                     "series": f'requests_total{{code="{code}"}}',
                                     "value": n * i // scrapes}))
    declare(workspace, "1h",
            "{probe: page, ratio: {bad: 'requests_total{code=\"500\"}', total: requests_total}}")
    workspace.run("import", "-", stdin="\n".join(lines))
    for slo in workspace.report("--at", recompute.when(at))["slos"]:
        assert (slo["bad"], slo["good"], slo["total"]) == (bad, total - bad, total)
        miss = 1 - F(slo["target"])
        assert slo["budget"]["allowed"] == float(miss * total)
        assert math.isclose(slo["budget"]["consumed_ratio"], bad / (miss * total), abs_tol=6e-7)
        assert (slo["state"] == "breached") == (bad > miss * total)
    assert slo["target"] == "0.999999" and slo["state"] == "breached"
