"""nines explain: spans that add up to the report, and the rows below them."""
import json
import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import recompute
from test_report_numbers import DAY, HOUR, MINUTE, SECOND, history, imported
from test_retention import run_until_deleted, site

INTERVAL = 15 * SECOND
END = recompute.instant("2026-10-20T06:00:00Z")


def explain(workspace, name, *args):
    return json.loads(workspace.run("explain", name, "--json", "--at", recompute.when(END),
                                    *args).stdout)


def bad_slots(results, start, faster=None):
    return [r for r in results if start <= r["slot"] < END and
            (r["outcome"] == "bad" or (faster and r["outcome"] == "good" and r["us"] > faster))]


def rows_of(lines):
    for line in lines:
        row = json.loads(line)
        yield {"slot": recompute.instant(row["time"]), "outcome": row["outcome"],
               "reason": row.get("reason"), "us": round(row["latency_ms"] * 1000)}


def spans_by_hand(rows):
    """(minutes' start, minutes' end, rows) of each span, the largest first."""
    spans = []
    for row in sorted(rows, key=lambda r: r["slot"]):
        minute = row["slot"] // MINUTE * MINUTE
        if spans and minute - spans[-1][1] <= 5 * MINUTE:
            spans[-1][1] = minute + MINUTE
            spans[-1][2].append(row)
        else:
            spans.append([minute, minute + MINUTE, [row]])
    return sorted(spans, key=lambda s: (-len(s[2]), s[0]))


@pytest.mark.parametrize("seed", range(6))
def test_spans_add_up_to_the_report(workspace, seed):
    rng = random.Random(seed)
    days = rng.choice([1, 3, 8])
    outages, gaps = [], []
    for _ in range(rng.randrange(4)):
        at = END - rng.randrange(days * DAY)
        outages.append((at, at + rng.randrange(MINUTE, 3 * HOUR), rng.choice([0.3, 1.0])))
    for _ in range(rng.randrange(3)):
        at = END - rng.randrange(days * DAY)
        gaps.append((at, at + rng.randrange(HOUR)))
    lines = history(seed, INTERVAL, END - days * DAY, END, outages, gaps)
    imported(workspace, lines, INTERVAL)
    results = list(rows_of(lines))
    report = {s["slo"]: s for s in workspace.report("--at", recompute.when(END))["slos"]}
    starts = {"availability": END - 30 * DAY, "latency": END - 7 * DAY,
              "month": recompute.instant("2026-09-30T22:00:00Z")}
    for name, start in starts.items():
        found = explain(workspace, name, "--limit", "1000")
        for key in ("state", "sli", "good", "bad", "total"):
            assert found[key] == report[name][key]
        assert found["coverage"]["missing"] == report[name]["coverage"]["missing"]
        wanted = spans_by_hand(bad_slots(results, start, 500_000 if name == "latency" else None))
        assert found["span_count"] == len(wanted)
        assert sum(s["bad"] for s in found["spans"]) == found["bad"] == report[name]["bad"]
        for span, (_, _, rows) in zip(found["spans"], wanted):
            assert span["bad"] == len(rows)
            assert span["start"] == recompute.when(rows[0]["slot"])
            assert recompute.instant(span["end"]) == min(rows[-1]["slot"] + INTERVAL, END)
            assert sum(r["count"] for r in span["reasons"]) == len(rows)
            assert span["budget_ratio"] == pytest.approx(
                len(rows) / report[name]["budget"]["allowed"], rel=1e-5)
        missing = found["missing"]
        assert sum(s["slots"] for s in missing["spans"]) == missing["slots"]
        assert missing["slots"] == found["coverage"]["missing"]["prober_down"]


def scripted(workspace):
    """An outage of half an hour, a blip, and an hour without the prober."""
    lines = history(1, INTERVAL, END - 2 * DAY, END, [], [(END - 5 * HOUR, END - 4 * HOUR)])
    out = []
    for line in lines:
        row = json.loads(line)
        at = recompute.instant(row["time"])
        down = END - DAY <= at < END - DAY + 30 * MINUTE or at == END - 10 * HOUR + 2_345_000
        row |= {"outcome": "bad" if down else "good", "reason": "status" if down else "none",
                "code": 503 if down else 200, "latency_ms": 12.5}
        out.append(json.dumps(row))
    imported(workspace, out, INTERVAL)


def test_a_known_history(workspace):
    scripted(workspace)
    found = explain(workspace, "availability")
    assert found["span_count"] == 2 and found["gap"] == "5m"
    first, second = found["spans"]
    assert (first["span"], first["bad"], first["total"]) == (1, 120, 120)
    assert first["reasons"] == [{"reason": "status", "count": 120}]
    assert (second["bad"], second["start"]) == (1, "2026-10-19T20:00:02.345Z")
    assert second["end"] == "2026-10-19T20:00:17.345Z"
    (gap,) = found["missing"]["spans"]
    assert (gap["cause"], gap["slots"]) == ("prober_down", 240)
    assert (gap["start"], gap["end"]) == ("2026-10-20T01:00:00Z", "2026-10-20T02:00:00Z")
    assert (found["rows"]["span"], found["rows"]["bad"], found["rows"]["shown"]) == (1, 120, 10)
    assert found["rows"]["rows"][0] == {
        "time": "2026-10-19T06:00:02.345Z", "bad": 1, "good": 0, "reason": "status", "code": 503,
        "latency": 0.0125, "message": None}
    found = explain(workspace, "availability", "--span", "2", "--limit", "1")
    assert found["rows"]["span"] == 2 and found["rows"]["shown"] == 1
    assert [s["span"] for s in found["spans"]] == [1] and found["span_count"] == 2


def test_text(workspace):
    scripted(workspace)
    args = ("explain", "availability", "--at", recompute.when(END))
    text = workspace.run(*args).stdout
    assert text == workspace.run(*args).stdout
    assert "\033[" not in text
    assert "    1  2026-10-19 06:00:02  30m" in text and "status 120" in text
    assert "prober down" in text and "unexpected status" in text
    painted = workspace.run(*args, "--color", "always").stdout
    assert "\033[31m" in painted
    assert "\033[" not in workspace.run(*args, env={"NO_COLOR": "1"}).stdout


def test_no_data(workspace):
    scripted(workspace)
    text = workspace.run("explain", "availability", "--at", "2020-01-01T00:00:00Z").stdout
    assert "no events" in text and "No event was bad" in text
    found = json.loads(workspace.run("explain", "availability", "--json", "--at",
                                     "2020-01-01T00:00:00Z").stdout)
    assert found["sli"] is None and found["spans"] == [] and found["rows"]["span"] == 0


def test_what_a_daemon_recorded(workspace, target, daemons):
    """Messages of the evidence, the deploy before and the alert within."""
    workspace.write("probes/p.yaml", """apiVersion: nines/v1
kind: Probes
probes:
  - {id: api, interval: 15s, http: {url: "%s/health"}}
""" % target.url)
    workspace.write("slos/s.yaml", """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: api, service: api, sli: {probe: api}, objective: 99.9%, window: 1d, alerting: default}
""")
    workspace.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(workspace, "--test-clock", "clock")
    d.wait("serving")
    d.advance("2026-03-01T01:00:00Z")
    target.answer = (503, {}, b"")
    d.advance("2026-03-01T01:10:00Z")
    target.answer = (200, {}, b"")
    d.advance("2026-03-01T02:00:00Z")
    assert d.stop() == 0
    args = ("explain", "api", "--at", "2026-03-01T02:00:00Z")
    found = json.loads(workspace.run(*args, "--json").stdout)
    (span,) = found["spans"]
    assert span["bad"] == found["bad"] > 30
    (alert,) = span["alerts"]
    assert alert["severity"] == "page" and alert["fired_at"].startswith("2026-03-01T01:0")
    row = found["rows"]["rows"][0]
    assert row["code"] == 503 and row["message"] in workspace.messages("api")
    assert "page fired 2026-03-01 01:0" in workspace.run(*args).stdout


@pytest.mark.parametrize("args,code,told", [
    ((), 2, "expected one SLO"), (("a", "b"), 2, "expected one SLO"),
    (("availability", "--limit", "0"), 2, "from 1 to 1000"),
    (("availability", "--span", "x"), 2, "a number"),
    (("availability", "--format", "csv"), 2, "text or json"),
    (("availability", "--span", "3"), 1, "no span 3; the budget went in 2"),
    (("availability", "--objective", "x"), 1, "no objective 'x'"),
    (("availabilty",), 1, "did you mean 'availability'")])
def test_errors(workspace, args, code, told):
    scripted(workspace)
    done = workspace.run("explain", *args, *(["--at", recompute.when(END)] if code == 1 else []),
                         check=False)
    assert (done.returncode, done.stdout) == (code, "") and told in done.stderr


# ---- metric SLIs, slices, deleted results ------------------------------------------------

METRIC_SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - name: errors
    service: shop
    sli: {probe: page, ratio: {bad: errors_total, total: requests_total}}
    objective: 99%
    window: 1d
    alerting: none
  - name: queue
    service: shop
    sli: {probe: page, threshold: queue_depth < 10}
    objective: 99%
    window: 1d
    no_data: bad
    alerting: none
  - name: queue-unjudged
    service: shop
    sli: {probe: page, threshold: queue_depth < 10}
    objective: 99%
    window: 1d
    alerting: none
"""


def sampled(workspace):
    """Four hours: 100 requests a minute, 7 failing in three of them; a queue too deep for
    two minutes and not told for ten."""
    workspace.write("probes/p.yaml", """apiVersion: nines/v1
kind: Probes
probes:
  - {id: page, interval: 1m, timeout: 5s, metrics: {url: "http://127.0.0.1:9/"}}
""")
    workspace.write("slos/s.yaml", METRIC_SLOS)
    lines, errors = [], 0
    for i in range(240):
        errors += 7 if 30 <= i < 33 else 0
        values = {"requests_total": 100 * i, "errors_total": errors}
        if not 100 <= i < 110:
            values["queue_depth"] = 50 if 200 <= i < 202 else 1
        for series, value in values.items():
            lines.append(json.dumps({"probe": "page", "series": series, "value": value,
                                     "time": recompute.when(END - (240 - i) * MINUTE)}))
    workspace.run("import", workspace.write("s.ndjson", "\n".join(lines) + "\n"))


def test_metric_slis(workspace):
    sampled(workspace)
    start = END - 240 * MINUTE
    found = explain(workspace, "errors")
    (span,) = found["spans"]
    assert span["bad"] == found["bad"] == 21 and span["total"] == 300
    assert span["start"] == recompute.when(start + 30 * MINUTE)
    assert span["end"] == recompute.when(start + 33 * MINUTE)
    assert span["reasons"] == [{"reason": "metric", "count": 21}]
    assert [(r["bad"], r["good"], r["latency"]) for r in found["rows"]["rows"]] == [
        (7, 93, None)] * 3
    found = explain(workspace, "queue")
    assert [(s["bad"], s["total"]) for s in found["spans"]] == [(10, 10), (2, 2)]
    assert found["bad"] == 12 and found["missing"]["count"] == 0
    found = explain(workspace, "queue-unjudged")
    assert [s["bad"] for s in found["spans"]] == [2] and found["bad"] == 2
    (gap,) = found["missing"]["spans"]
    assert gap == {"cause": "target_silent", "start": recompute.when(start + 100 * MINUTE),
                   "end": recompute.when(start + 110 * MINUTE), "slots": 10}
    assert "7 bad of 100" in workspace.run("explain", "errors", "--at", recompute.when(END)).stdout


def test_slices_have_spans_of_events(workspace):
    scripted(workspace)
    workspace.write("slos/all.yaml", """apiVersion: nines/v1
kind: SLOs
slos:
  - name: minutes
    service: shop
    sli: {probe: api-health}
    objective: 99%
    window: 2d
    budgeting: {method: Timeslices, slice: 1m, slice_target: 95%}
    alerting: none
""")
    found = explain(workspace, "minutes")
    assert found["budget"]["unit"] == "slices" and found["budget"]["consumed"] == 31
    assert [(s["bad"], s["budget_ratio"]) for s in found["spans"]] == [
        (120, pytest.approx(30 / 28.2, rel=0.05)), (1, pytest.approx(1 / 28.2, rel=0.05))]
    assert sum(s["budget_ratio"] for s in found["spans"]) == pytest.approx(
        found["budget"]["consumed_ratio"], abs=2e-6)
    args = ("gate", "minutes", "--at", recompute.when(END))
    assert workspace.run(*args, check=False).returncode == 3


@pytest.mark.parametrize("method", ["{method: Timeslices, slice: 10m, slice_target: 99%}",
                                    "{method: RatioTimeslices, slice: 15m}"])
def test_slices_add_up_to_the_report(workspace, method):
    lines = history(9, INTERVAL, END - 3 * DAY, END, [(END - DAY, END - DAY + HOUR, 0.3)], [])
    imported(workspace, lines, INTERVAL)
    workspace.write("slos/all.yaml", """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: slices, service: shop, sli: {probe: api-health}, objective: 90%%, window: 2d,
     budgeting: %s, alerting: none}
""" % method)
    found = explain(workspace, "slices", "--limit", "1000")
    assert len(found["spans"]) == found["span_count"] > 1
    assert sum(s["bad"] for s in found["spans"]) == found["bad"]
    assert sum(s["budget_ratio"] for s in found["spans"]) == pytest.approx(
        found["budget"]["consumed_ratio"], abs=1e-5)


def test_deleted_results(site, daemons):
    def all_of(at):
        return json.loads(site.run("explain", "up", "--json", "--at", at).stdout)
    at = "2026-03-03T12:00:00Z"
    before = all_of(at)
    assert run_until_deleted(site, daemons).stop() == 0
    after = all_of(at)
    assert after["bad"] == before["bad"] == sum(s["bad"] for s in after["spans"]) + 11
    assert [s["bad"] for s in after["spans"]] == [s["bad"] for s in before["spans"]]
    assert before["spans"][0]["reasons"] and not after["spans"][0]["reasons"]
    assert after["spans"][0]["end"] == "2026-03-02T12:11:00Z"  # whole minutes
    assert before["rows"]["shown"] == 1 and after["rows"]["shown"] == 0
    text = site.run("explain", "up", "--at", at).stdout
    assert "results are deleted" in text


OBJECTIVES = """apiVersion: openslo/v1
kind: SLO
metadata: {name: health}
spec:
  service: shop
  indicator:
    metadata: {name: health}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: nines, spec: {probe: api-health}}}
        total: {metricSource: {type: nines, spec: {probe: api-health}}}
  budgetingMethod: Occurrences
  timeWindow: [{duration: 1d, isRolling: true}]
  objectives: [{displayName: goal, target: 0.999}, {displayName: promise, target: 0.9}]
"""


def test_several_objectives(workspace):
    scripted(workspace)
    workspace.write("slos/open.yaml", OBJECTIVES)
    at = ("--at", recompute.when(END))
    done = workspace.run("explain", "health", *at, check=False)
    assert done.returncode == 1 and "name one of 'goal', 'promise'" in done.stderr
    found = explain(workspace, "health", "--objective", "promise")
    assert (found["objective_name"], found["state"], found["bad"]) == ("promise", "met", 121)
    done = workspace.run("gate", "health", *at, check=False)
    assert done.returncode == 3
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "stop health / goal (breached)", "go health / promise (met)"]


def test_the_deploys_before(workspace):
    scripted(workspace)
    for minutes, text in [(-70, "too early"), (-58, "1.0.0 -> 1.1.0"), (10, "1.0.0 again")]:
        workspace.run("annotate", "add", "--kind", "deploy", "--probe", "api-health", "--at",
                      recompute.when(END - DAY + minutes * MINUTE), text)
    found = explain(workspace, "availability")
    assert [a["text"] for a in found["spans"][0]["annotations"]] == ["1.0.0 -> 1.1.0",
                                                                    "1.0.0 again"]
    assert found["spans"][1]["annotations"] == []
    text = workspace.run("explain", "availability", "--at", recompute.when(END)).stdout
    assert "deploy 1.0.0 -> 1.1.0 58m 2s before" in text and "too early" not in text
