"""Every number of a report, against an independent computation from the file."""
import json
import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import recompute

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000

PROBES = """
apiVersion: nines/v1
kind: Probes
probes:
  - id: api-health
    interval: {interval}
    timeout: 5s
    http: {{url: "http://127.0.0.1:9/"}}
"""

SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - name: availability
    service: shop
    sli: {probe: api-health}
    objective: 99.9%
    window: 30d
    alerting: default
  - name: latency
    service: shop
    sli: {probe: api-health, faster_than: 500ms}
    objective: 95%
    window: 7d
    alerting: default
  - name: month
    service: shop
    sli: {probe: api-health}
    objective: 99.5%
    window: {calendar: 1 month, timezone: Europe/Berlin}
    alerting: default
"""


def line(rng, slot, bad_rate):
    outcome = "good"
    draw = rng.random()
    if draw < bad_rate:
        outcome = "bad"
    elif draw < bad_rate + 0.002:
        outcome = "excluded"
    elif draw < bad_rate + 0.004:
        outcome = "skipped"
    latency = min(rng.lognormvariate(4.5, 0.9), 4999)
    row = {"probe": "api-health", "time": recompute.when(slot), "outcome": outcome,
           "latency_ms": round(latency, 3)}
    if outcome == "bad":
        row["reason"] = rng.choice(["status", "status", "connect", "total_timeout"])
        row["code"] = 503
    elif outcome != "good":
        row["reason"] = "rate_limited" if outcome == "excluded" else "prober"
    return json.dumps(row)


def history(seed, interval, start, end, outages, gaps):
    """Slots of [start, end) with 0.05 % noise, outages (from, to, rate) and gaps."""
    rng = random.Random(seed)
    phase = 2_345_000 % interval
    lines = []
    for slot in range(start - start % interval + phase, end, interval):
        if slot < start or any(a <= slot < b for a, b in gaps):
            continue
        rate = max([r for a, b, r in outages if a <= slot < b], default=0.0005)
        lines.append(line(rng, slot, rate))
    return lines


def close(found, wanted, digits):
    if wanted is None or found is None:
        assert found is wanted
    else:
        assert found == pytest.approx(wanted, rel=10 ** -digits, abs=0.51 * 10 ** -digits)


def compare(found, wanted):
    for key in ("state", "good", "bad", "total", "excluded"):
        assert found[key] == wanted[key], key
    for key in ("expected", "observed", "missing"):
        assert found["coverage"][key] == wanted["coverage"][key], key
    close(found["sli"], wanted["sli"], 9)
    if wanted["confidence"]:
        close(found["confidence"]["low"], wanted["confidence"]["low"], 9)
        close(found["confidence"]["high"], wanted["confidence"]["high"], 9)
    else:
        assert found["confidence"] is None
    for key, value in wanted.get("budget", {}).items():
        if key == "exhausts_at":
            assert found["budget"][key] == value
        else:
            close(found["budget"][key], value, 6)
    assert {b["window"] for b in found["burn"]} == set(wanted["burn"])
    for burn in found["burn"]:
        close(burn["rate"], wanted["burn"][burn["window"]], 6)
    tiers = [{k: t[k] for k in ("severity", "long", "factor", "firing")} for t in found["tiers"]]
    assert tiers == wanted["tiers"]
    assert {r["reason"]: r["count"] for r in found["reasons"]} == wanted["reasons"]
    counts = [r["count"] for r in found["reasons"]]
    assert counts == sorted(counts, reverse=True)
    compare_latency(found["latency"], wanted["latency"])


def compare_latency(found, wanted):
    for key in ("count", "censored", "max", "lower_bound"):
        assert found[key] == wanted[key], key
    for key in ("p50", "p90", "p95", "p99"):
        if wanted[key] is None:
            assert found[key] is None
        else:
            assert found[key] == pytest.approx(wanted[key], rel=0.01), key


def imported(workspace, lines, interval):
    text = f"{interval // SECOND}s"
    workspace.write("probes/api.yaml", PROBES.format(interval=text))
    workspace.write("slos/all.yaml", SLOS)
    data = workspace.write("history.ndjson", "\n".join(lines) + "\n")
    workspace.run("import", "--create", f"interval={text}", data)
    with open(data) as f:
        return recompute.read(f)


def check_all(workspace, results, interval, at):
    report = workspace.report("--at", recompute.when(at))
    assert report["at"] == report["generated_at"] == recompute.when(at)
    slos = {s["slo"]: s for s in report["slos"]}
    availability = recompute.Slo(results, interval, at, at - 30 * DAY, at,
                                 recompute.ratio("99.9%"))
    compare(slos["availability"], availability.report())
    latency = recompute.Slo(results, interval, at, at - 7 * DAY, at, recompute.ratio("95%"),
                            faster_than=500_000)
    compare(slos["latency"], latency.report())
    # a month of Berlin that ends an hour after the clocks went back
    start = recompute.instant("2026-09-30T22:00:00Z")
    end = recompute.instant("2026-10-31T23:00:00Z")
    assert slos["month"]["window"]["start"] == recompute.when(start)
    assert slos["month"]["window"]["end"] == recompute.when(end)
    month = recompute.Slo(results, interval, at, start, end, recompute.ratio("99.5%"))
    compare(slos["month"], month.report(rolling=False))


def test_a_month_with_outages_and_gaps(workspace):
    interval = 60 * SECOND
    end = recompute.instant("2026-10-28T12:00:00Z")
    outages = [(end - 9 * DAY, end - 9 * DAY + 25 * MINUTE, 1.0),
               (end - 2 * DAY, end - 2 * DAY + 3 * HOUR, 0.1),
               (end - 30 * MINUTE, end, 0.4)]
    gaps = [(end - 20 * DAY, end - 19 * DAY - 7 * HOUR), (end - 26 * HOUR, end - 25 * HOUR)]
    lines = history(1, interval, end - 34 * DAY, end, outages, gaps)
    results = imported(workspace, lines, interval)
    # whole hours, odd microseconds, mid-slot, during an outage, after the end
    for at in (end, end - 1, end - 17 * MINUTE + 123_457, end - 2 * DAY + HOUR,
               end - 5 * DAY - 5 * SECOND, end + 4 * MINUTE, end + 40 * HOUR):
        check_all(workspace, results, interval, at)


def test_a_quiet_start_and_a_breach(workspace):
    interval = 15 * SECOND
    end = recompute.instant("2026-10-20T06:30:00Z")
    outages = [(end - 2 * HOUR, end - 90 * MINUTE, 0.9)]
    lines = history(2, interval, end - 30 * HOUR, end, outages, [])
    results = imported(workspace, lines, interval)
    for at in (end, end - 91 * MINUTE, end - 29 * HOUR, end - 31 * HOUR):
        check_all(workspace, results, interval, at)


def test_a_span_of_choice(workspace):
    interval = 15 * SECOND
    end = recompute.instant("2026-10-20T06:00:00Z")
    lines = history(3, interval, end - 2 * DAY, end, [], [])
    results = imported(workspace, lines, interval)
    start, to = end - 30 * HOUR + 7, end - 3 * HOUR
    report = workspace.report("--slo", "availability", "--from", recompute.when(start), "--to",
                              recompute.when(to))
    (found,) = report["slos"]
    slo = recompute.Slo(results, interval, to, start, to, recompute.ratio("99.9%"),
                        length=30 * DAY)
    wanted = slo.report()
    wanted["budget"]["exhausts_at"] = None
    compare(found, wanted)
    assert report["at"] == recompute.when(to)


def test_gate_for_continuous_integration(workspace):
    interval = 15 * SECOND
    end = recompute.instant("2026-10-20T06:00:00Z")
    at = recompute.when(end)
    few = history(4, interval, end - HOUR, end, [(end - MINUTE, end, 1.0)], [])
    imported(workspace, few, interval)  # 240 events: too few to judge 99.9 %
    gate = ("report", "--at", at, "--fail-on", "breached", "--slo", "availability")
    done = workspace.run(*gate, "--format", "json")
    assert json.loads(done.stdout)["slos"][0]["state"] == "breached"
    many = history(5, interval, end - 10 * HOUR, end - 2 * HOUR, [], [])
    imported(workspace, many, interval)
    assert workspace.run(*gate, check=False).returncode == 3
    assert workspace.run("report", "--at", at).returncode == 0


def test_a_report_in_a_file(workspace):
    interval = 15 * SECOND
    end = recompute.instant("2026-10-20T06:00:00Z")
    imported(workspace, history(6, interval, end - HOUR, end, [], []), interval)
    out = workspace.path / "report.json"
    out.write_text("old")
    done = workspace.run("report", "--at", recompute.when(end), "--format", "json", "--out", out)
    assert done.stdout == ""
    assert json.loads(out.read_text())["at"] == recompute.when(end)
    assert [p.name for p in workspace.path.glob("*.tmp")] == []
    done = workspace.run("report", "--out", workspace.path / "nowhere" / "r.txt", check=False)
    assert done.returncode == 1 and "nowhere" in done.stderr


@pytest.mark.parametrize("args", [
    ("--from", "2026-10-20T06:00:00Z"),
    ("--from", "2026-10-20T06:00:00Z", "--to", "2026-10-20T06:00:00Z"),
    ("--from", "2026-10-20T06:00:00Z", "--to", "2026-10-21T06:00:00Z", "--at",
     "2026-10-21T06:00:00Z"),
    ("--fail-on", "met"), ("--format", "xml"), ("--at", "yesterday"), ("extra",),
])
def test_usage(workspace, args):
    done = workspace.run("report", *args, check=False)
    assert done.returncode == 2 and done.stdout == "" and done.stderr


def test_an_unknown_slo(workspace):
    interval = 15 * SECOND
    end = recompute.instant("2026-10-20T06:00:00Z")
    imported(workspace, history(7, interval, end - HOUR, end, [], []), interval)
    done = workspace.run("report", "--slo", "availabilty", check=False)
    assert done.returncode == 1 and "did you mean 'availability'" in done.stderr


def test_status(workspace):
    interval = 15 * SECOND
    end = recompute.instant("2026-10-20T06:00:00Z")
    lines = history(8, interval, end - HOUR, end, [(end - MINUTE, end, 1.0)], [])
    imported(workspace, lines, interval)
    status = json.loads(workspace.run("status", "--json").stdout)
    assert {s["slo"] for s in status["slos"]} == {"availability", "latency", "month"}
    (probe,) = status["probes"]
    last = json.loads(lines[-1])
    assert probe["last"]["time"] == last["time"]
    assert probe["last"]["outcome"] == "bad"
    assert probe["last"]["latency_ms"] == last["latency_ms"]
    text = workspace.run("status").stdout
    assert "api-health" in text and "1 of 1 probes down" in text and "\033[" not in text
