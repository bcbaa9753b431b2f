"""SLOs made of other SLOs: worked figures of three methods, reports, explain and replay."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import recompute

MINUTE = 60_000_000
END = recompute.instant("2026-10-20T00:00:00Z")
FROM, TO = recompute.when(END - 1440 * MINUTE), recompute.when(END)

PROBES = """
apiVersion: nines/v1
kind: Probes
defaults: {interval: 1m, timeout: 5s}
probes:
  - {id: api, http: {url: "http://127.0.0.1:9/"}}
  - {id: db, http: {url: "http://127.0.0.1:9/"}}
  - {id: new, http: {url: "http://127.0.0.1:9/"}}
"""

SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - {name: api, sli: {probe: api}, objective: 99%, window: 1d}
  - {name: db, sli: {probe: db}, objective: 95%, window: 1d}
  - {name: new, sli: {probe: new}, objective: 99%, window: 1d}
  - {name: events, composite: [{slo: api}, {slo: db, weight: 0.5}, {slo: new}], window: 1d}
  - {name: slices, composite: [{slo: api}, {slo: db, weight: 0.5}], objective: 90%, window: 1d,
     budgeting: {method: Timeslices, slice: 10m, slice_target: 95%}}
  - {name: ratios, composite: [{slo: api}, {slo: db, weight: 0.5}], objective: 90%, window: 1d,
     budgeting: {method: RatioTimeslices, slice: 10m}}
"""
BAD = {"api": 9, "db": 36}


@pytest.fixture
def shop(workspace):
    """Two days of two probes, a run a minute, of which the last few fail."""
    lines = [json.dumps({"probe": probe, "time": recompute.when(END - i * MINUTE),
                         "outcome": "bad" if i <= bad else "good",
                         "reason": "status" if i <= bad else "none", "latency_ms": 1})
             for i in range(2 * 1440, 0, -1) for probe, bad in BAD.items()]
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", SLOS)
    workspace.run("import", workspace.write("h.ndjson", "\n".join(lines) + "\n"))
    return workspace


def by_name(report):
    return {s["slo"]: s for s in report["slos"]}


def test_three_methods_by_hand(shop):
    slos = by_name(shop.report("--at", TO))
    events, slices, ratios = slos["events"], slos["slices"], slos["ratios"]
    # 9 of 14.4 allowed, and half of 36 of 72
    assert events["budget"]["consumed_ratio"] == 0.875
    assert events["budget"]["unit"] == "budget" and events["budget"]["allowed"] == 1
    assert events["sli"] == pytest.approx(1 - 0.875 / (100 + 0.5 * 20 + 100), abs=1e-9)
    assert [m["share"] for m in events["members"]] == [pytest.approx(0.625 / 0.875, abs=1e-6),
                                                       pytest.approx(0.25 / 0.875, abs=1e-6), 0]
    assert [m["state"] for m in events["members"]] == ["met", "met", "no_data"]
    assert (events["bad"], events["total"]) == (45, 2880)
    # Bad slices: the last of api, the last four of db
    assert slices["sli"] == pytest.approx(140 / 144, abs=1e-9)
    assert slices["budget"]["consumed"] == 4
    # Lost: 0.9 + 0.5, cut to 1; 0.5; 0.5; half of 0.6
    assert ratios["budget"]["consumed"] == pytest.approx(2.3, abs=1e-6)


def test_all_that_tells_of_objectives_tells_of_composites(shop):
    for form in "text", "html", "markdown", "csv":
        assert "events" in shop.run("report", "--at", TO, "--format", form).stdout
    told = shop.run("explain", "events", "--at", TO).stdout
    assert "nines explain api" in told and "71.4% of the spending" in told
    told = json.loads(shop.run("explain", "slices", "--at", TO, "--json").stdout)
    assert [m["slo"] for m in told["members"]] == ["api", "db"] and told["spans"] == []
    refused = shop.run("explain", "events", "--span", "1", check=False)
    assert refused.returncode == 1 and "is a composite" in refused.stderr
    written = shop.run("export", "openslo", "--slo", "events").stdout
    assert written.count("    indicator:") == 3


def test_replay_alerts_by_all_members(shop):
    lines = [json.loads(line) for line in
             shop.run("replay", "--from", FROM, "--to", TO, "--slo", "events").stdout.splitlines()]
    assert lines[-1]["summary"]["alerts"] == 1 and lines[-1]["summary"]["pages"] == 1
    assert {line["slo"] for line in lines[:-1]} == {"events"}
    db = shop.run("replay", "--from", FROM, "--to", TO, "--slo", "db").stdout.splitlines()
    assert json.loads(db[-1])["summary"]["slos"] == 1
    assert shop.run("replay", "--from", FROM, "--to", TO, "--slo", "ratios").returncode == 0


@pytest.mark.parametrize("composite,said", [
    ("[{slo: api, weight: 0.001}]", "weights are so small"),
    ("[{slo: api}], objective: 99%, budgeting: {method: RatioTimeslices, slice: 1m}, "
     "alerting: none", None),
])
def test_what_members_come_to_is_checked(shop, composite, said):
    shop.write("slos/s.yaml", SLOS + f"  - {{name: odd, composite: {composite}, window: 1d}}\n")
    done = shop.run("check", check=False)
    assert done.returncode == (1 if said else 0)
    assert not said or said in done.stderr
