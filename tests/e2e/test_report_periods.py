"""nines report --period: closed periods in the zone of each objective, beside the one before."""
import csv
import io
import json
import pathlib
import sys

import conftest
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import recompute
from test_report_numbers import DAY, HOUR, SECOND, history, imported

INTERVAL = 300 * SECOND
FIRST = recompute.instant("2026-08-25T00:00:00Z")
LAST = recompute.instant("2026-11-02T00:00:00Z")


@pytest.fixture(scope="module")
def months(tmp_path_factory):
    """Only read: one for all."""
    workspace = conftest.Workspace(tmp_path_factory.mktemp("months"))
    lines = history(3, INTERVAL, FIRST, LAST, [(LAST - 20 * DAY, LAST - 20 * DAY + HOUR, 1.0)], [])
    imported(workspace, lines, INTERVAL)
    workspace.rows = [json.loads(line) for line in lines]
    return workspace


def counted(workspace, start, end):
    start, end = recompute.instant(start), recompute.instant(end)
    inside = [r["outcome"] for r in workspace.rows if start <= recompute.instant(r["time"]) < end]
    return inside.count("good"), inside.count("bad")


PERIODS = [
    ("2026-10", ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
     ("2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"), "2026-08-31T22:00:00Z"),
    ("2026-10-25", ("2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"),
     ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"), "2026-10-23T22:00:00Z"),
    ("2026-W43", ("2026-10-19T00:00:00Z", "2026-10-26T00:00:00Z"),
     ("2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"), "2026-10-11T22:00:00Z"),
    ("2026-Q3", ("2026-07-01T00:00:00Z", "2026-10-01T00:00:00Z"),
     ("2026-06-30T22:00:00Z", "2026-09-30T22:00:00Z"), "2026-03-31T22:00:00Z"),
    ("2025", ("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
     ("2024-12-31T23:00:00Z", "2025-12-31T23:00:00Z"), "2023-12-31T23:00:00Z"),
]


@pytest.mark.parametrize("period,utc,berlin,before", PERIODS)
def test_periods(months, period, utc, berlin, before):
    report = months.report("--period", period)
    assert report["at"] == report["generated_at"] == max(utc[1], berlin[1])
    slos = {s["slo"]: s for s in report["slos"]}
    for name, (start, end) in [("availability", utc), ("month", berlin)]:
        s = slos[name]
        assert (s["window"]["start"], s["window"]["end"]) == (start, end)
        assert (s["good"], s["bad"]) == counted(months, start, end)
    previous = slos["month"]["previous"]
    assert (previous["start"], previous["end"]) == (before, berlin[0])
    assert (previous["good"], previous["bad"]) == counted(months, before, berlin[0])
    s = slos["month"]
    if previous["sli"] is not None and s["sli"] is not None:
        change = s["budget"]["consumed_ratio"] - previous["consumed_ratio"]
        assert previous["consumed_ratio_change"] == pytest.approx(change, abs=2e-6)
        assert previous["sli_change"] == pytest.approx(s["sli"] - previous["sli"], abs=2e-9)
    else:
        assert previous["sli_change"] is None


def test_the_same_bytes_every_time_and_in_every_format(months):
    for form in ["text", "json", "markdown", "html", "csv"]:
        args = ("report", "--period", "2026-10", "--format", form)
        text = months.run(*args).stdout
        assert text == months.run(*args).stdout
        if form in ("text", "markdown", "html"):
            assert text.count("The period before: ") == 3
    row = list(csv.DictReader(io.StringIO(months.run("report", "--period", "2026-10", "--format",
                                                     "csv").stdout)))[0]
    assert row["slo"] == "availability" and row["previous_total"] == str(
        sum(counted(months, "2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z")))


def test_a_period_equals_from_and_to(months):
    period = months.report("--period", "2026-10-21", "--slo", "availability")["slos"][0]
    span = months.report("--from", "2026-10-21T00:00:00Z", "--to", "2026-10-22T00:00:00Z",
                         "--slo", "availability")["slos"][0]
    del period["previous"]
    assert period == span


@pytest.mark.parametrize("args,code,told", [
    (("--period", "2026-13"), 2, "there is no month 13"),
    (("--period", "2025-W53"), 2, "there is no week 53 in 2025"),
    (("--period", "last month"), 2, "expected a period such as 2026"),
    (("--period", "2026-10", "--at", "2026-10-21T00:00:00Z"), 2, "a span of its own"),
    (("--period", "2199"), 1, "the period 2199 is not over before 2200-01-01T00:00:00Z"),
    (("--period", "2026-10", "--slo", "mont"), 1, "did you mean 'month'")])
def test_errors(months, args, code, told):
    done = months.run("report", *args, check=False)
    assert (done.returncode, done.stdout) == (code, "") and told in done.stderr
