"""When a budget ends, and how sure that is: against the formulas, in decimals."""
import json
import pathlib
import sys
from decimal import Decimal, getcontext

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import recompute

getcontext().prec = 40
MINUTE, SECOND = 60_000_000, 1_000_000
END = recompute.instant("2026-10-20T00:00:00Z")
AT = recompute.when(END)

PROBES = """
apiVersion: nines/v1
kind: Probes
defaults: {interval: 1m, timeout: 5s}
probes:
  - {id: api, http: {url: "http://127.0.0.1:9/"}}
"""

SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - {name: day, sli: {probe: api}, objective: 99%, window: 1d}
  - {name: slices, sli: {probe: api}, objective: 95%, window: 1d, alerting: none,
     budgeting: {method: Timeslices, slice: 10m, slice_target: 95%}}
  - {name: ratio, sli: {probe: api}, objective: 99%, window: 1d, alerting: none,
     budgeting: {method: RatioTimeslices, slice: 10m}}
"""


@pytest.fixture
def forecast(workspace):
    """Two days of a run a minute; `bad` are how many minutes before the end failed."""
    def build(bad):
        workspace.write("probes/p.yaml", PROBES)
        workspace.write("slos/s.yaml", SLOS)
        lines = [json.dumps({"probe": "api", "time": recompute.when(END - i * MINUTE),
                             "outcome": "bad" if i in bad else "good",
                             "reason": "status" if i in bad else "none", "latency_ms": 1})
                 for i in range(2 * 1440, 0, -1)]
        workspace.run("import", workspace.write("h.ndjson", "\n".join(lines) + "\n"))
        report = workspace.report("--at", AT)
        return {s["slo"]: (s["budget"]["exhausts_at"], s["budget"]["exhausts_between"])
                for s in report["slos"]}
    return build


def wilson(bad, total):
    """The textbook's form, which is not the one of the program."""
    z = Decimal("1.959963984540054")
    p, n = Decimal(bad) / total, Decimal(total)
    middle, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)).sqrt()
    return [(middle + sign * half) / (1 + z * z / n) for sign in (-1, 1)]


def ends(left, ratio, miss):
    """at + remaining_ratio * W / burn, cut to a second; None beyond a window."""
    wait = left * 1440 * MINUTE / (ratio / miss) if ratio > 0 else None
    if wait is None or wait > 1440 * MINUTE:
        return None
    return recompute.when((END + round(wait)) // SECOND * SECOND)


def test_an_interval_of_events(forecast):
    """9 of 1440 bad, 360 in 6 h: 37.5 % left, burn 2.5, gone in 3 h 36 min."""
    miss, left = Decimal("0.01"), Decimal("5.4") / Decimal("14.4")
    low, high = wilson(9, 360)
    at, between = forecast(range(1, 10))["day"]
    assert at == "2026-10-20T03:36:00Z" == ends(left, Decimal(9) / 360, miss)
    assert between == [ends(left, high, miss), ends(left, low, miss)]
    assert between == ["2026-10-20T01:55:19Z", "2026-10-20T06:48:52Z"]


def test_an_interval_of_slices(forecast):
    """3 bad slices of 144, 36 of them in 6 h: 7.2 are allowed."""
    miss, left = Decimal("0.05"), Decimal("4.2") / Decimal("7.2")
    low, high = wilson(3, 36)
    at, between = forecast([5, 15, 25])["slices"]
    assert at == ends(left, Decimal(3) / 36, miss)
    assert between == [ends(left, high, miss), ends(left, low, miss)] and between[1] is None


def test_none_where_there_is_no_ratio_of_independent_events(forecast):
    at, between = forecast(range(1, 6))["ratio"]
    assert at is not None and between is None


def test_quiet_hours_prove_little(forecast):
    """5 bad ones before the last 6 h: nothing burns, but up to 1.06 % may fail."""
    low, high = wilson(0, 360)
    at, between = forecast(range(400, 405))["day"]
    assert at is None and low < Decimal("1e-30")
    assert between == [ends(Decimal("9.4") / Decimal("14.4"), high, Decimal("0.01")), None]


def test_what_is_gone_has_no_forecast(forecast):
    assert forecast(range(1, 31))["day"] == (None, None)


def test_people_are_told(forecast, workspace):
    forecast(range(1, 10))
    args = ("report", "--at", AT, "--slo", "day")
    assert ("            95% interval 20 Oct 2026 01:55 UTC to 20 Oct 2026 06:48 UTC\n"
            in workspace.run(*args).stdout)
    for form in "markdown", "html":
        assert ("runs out on 20 Oct 2026 03:36 UTC; 95% interval 20 Oct 2026 01:55 UTC to "
                "20 Oct 2026 06:48 UTC." in workspace.run(*args, "--format", form).stdout)
