"""nines check: every error at once, for people and for programs."""
import json
import re

import pytest

PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - {id: api-health, interval: 500ms, http: {url: "http://127.0.0.1:8000/health"}}
"""
SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: up, sli: {probe: %s}, objective: 99.9%%, window: 30d}
"""


def test_well(workspace):
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", SLOS % "api-health")
    done = workspace.run("check")
    assert done.stdout == "1 probe (2.0/s), 1 SLO, 1 receiver from 2 files: ok\n"
    assert done.stderr == ""
    told = json.loads(workspace.run("check", "--json").stdout)
    assert [slo["slo"] for slo in told.pop("lint")] == ["up"]
    assert told.pop("agents") == []
    assert told == {"ok": True, "files": 2, "probes": 1, "probes_per_second": 2.0, "slos": 1,
                    "objectives": 1, "receivers": 1, "errors": [], "warnings": [], "dropped": 0}


def test_an_slo_of_two_objectives_is_one(workspace):
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", SLOS % "api-health")
    workspace.write("slos/o.yaml", """apiVersion: openslo/v1
kind: SLO
metadata: {name: two}
spec:
  service: api
  indicator:
    metadata: {name: i}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: nines, spec: {probe: api-health}}}
        total: {metricSource: {type: nines, spec: {probe: api-health}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{displayName: low, target: 0.99}, {displayName: high, target: 0.999}]
""")
    assert ", 2 SLOs of 3 objectives, 1 receiver from 3 files: ok" in workspace.run("check").stdout
    told = json.loads(workspace.run("check", "--json").stdout)
    assert (told["slos"], told["objectives"], len(told["lint"])) == (2, 3, 3)


def test_errors_of_all_files(workspace):
    workspace.write("probes/p.yaml", PROBES.replace("500ms", "15"))
    workspace.write("slos/s.yaml", SLOS % "api-healht")
    done = workspace.run("check", check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    first, second, summary = done.stderr.splitlines()
    assert first.startswith("probes/p.yaml:4:32: error: interval: expected a duration like 15s")
    assert first.endswith("found '15'")
    assert second.startswith("slos/s.yaml:4:29: error: ")
    assert second.endswith("did you mean 'api-health'?")
    assert summary == "nines check: 2 errors"

    done = workspace.run("check", "--json", check=False)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert [(e["file"], e["line"], e["column"]) for e in told["errors"]] == [
        ("probes/p.yaml", 4, 32), ("slos/s.yaml", 4, 29)]


def test_paths(workspace):
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", "]")
    assert workspace.run("check", "probes").stdout.startswith("1 probe ")
    assert workspace.run("check", "probes", "nowhere", check=False).returncode == 1
    assert workspace.run("check", "--config", "none.yaml", check=False).returncode == 1
    assert workspace.run("check", "--format", "xml", check=False).returncode == 2


def test_nothing_to_check(workspace):
    done = workspace.run("check", check=False)
    assert done.returncode == 1
    assert "nothing to check" in done.stderr


def test_secrets_are_not_shown(workspace):
    workspace.write("probes/p.yaml", PROBES.replace('"}}', '", auth: {bearer: hunter2}}}'))
    done = workspace.run("check", "--json")
    assert "hunter2" not in done.stdout + done.stderr
    assert len(json.loads(done.stdout)["warnings"]) == 1


def test_retention_shorter_than_a_window(workspace):
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", SLOS % "api-health")
    daemon = "apiVersion: nines/v1\nkind: Daemon\nretention: {raw: %s}\n"
    workspace.write("nines.yaml", daemon % "7d")
    done = workspace.run("check")
    assert done.stderr.splitlines()[0] == (
        "nines.yaml:3:18: warning: raw: 7d is shorter than the window of the SLO 'up' (30d): "
        "results are kept for 31d")
    workspace.write("nines.yaml", daemon % "30d")
    assert workspace.run("check").stderr == ""
    workspace.write("nines.yaml", daemon % "31d")
    workspace.write("slos/s.yaml", (SLOS % "api-health").replace("30d", "{calendar: 1 month}"))
    assert "kept for 33d" in workspace.run("check").stderr
    workspace.write("nines.yaml", daemon % "40d, rollups: 1d, alerts: 2d, max_size: 10GB")
    assert [line.split(" is ")[0] for line in workspace.run("check").stderr.splitlines()] == [
        "nines.yaml:3:32: warning: rollups: 1d", "nines.yaml:3:44: warning: alerts: 2d"]
    workspace.write("nines.yaml", daemon.replace("raw", "rollups") % "60d")
    assert "rollups: has no effect while results are kept for ever" in workspace.run("check").stderr


def declare(workspace, interval, slo):
    workspace.write("probes/p.yaml", PROBES.replace("500ms", f"{interval}, timeout: 5s"))
    workspace.write("slos/s.yaml", SLOS.split("  - ")[0]
                    + "  - {name: up, sli: {probe: api-health}, " + slo + "}\n")


def warnings(workspace):
    return [line.split(" warning: ")[1] for line in workspace.run("check").stderr.splitlines()]


def test_failures_that_page(workspace):
    declare(workspace, "60s", "objective: 99.9%, window: 30d")
    assert warnings(workspace) == [
        "at 1m one failed run pages (14.4 over 1h), were it not for min_failures of 2; at 25s or "
        "less it takes three"]
    declare(workspace, "60s", "objective: 99.9%, window: 30d, alerting: {min_failures: 1}")
    assert warnings(workspace) == [
        "at 1m one failed run pages (14.4 over 1h); at 25s or less it takes three"]
    for calm in ("objective: 99.9%, window: 30d, alerting: none", "objective: 99%, window: 30d"):
        declare(workspace, "60s", calm)
        assert warnings(workspace) == []
    declare(workspace, "25s", "objective: 99.9%, window: 30d")
    assert warnings(workspace) == []


def test_budget_of_hardly_a_run(workspace):
    declare(workspace, "60s", "objective: 99.9%, window: 1d, alerting: none")
    assert warnings(workspace) == [
        "a window of 1d holds 1440 runs of 1m, of which 99.9% lets 1 fail: a budget of less than 3 "
        "runs; a shorter interval, a longer window or a lower objective"]
    declare(workspace, "60s", "objective: 99.79%, window: 1d, alerting: none")
    assert warnings(workspace) == []


def test_lint_for_programs_and_people(workspace):
    declare(workspace, "15s", "objective: 99.9%, window: 30d, alerting: "
            "[{severity: page, long: 6h, budget: 5%}]")
    [slo] = json.loads(workspace.run("check", "--json").stdout)["lint"]
    assert slo.pop("proven") == pytest.approx(172800 / (172800 + 1.959963984540054**2), abs=1e-9)
    assert slo == {
        "slo": "up", "objective_name": "", "unit": "run", "unit_seconds": 15.0,
        "expected": 172800, "allowed": 172, "tiers": [
            {"severity": "page", "long": "6h", "short": "30m", "factor": "6", "min_failures": 2,
             "failures": 9, "failures_by_ratio": 9, "detect_seconds": 9 * 15.0 + 5 + 10,
             "reset_seconds": 30 * 60.0 - 0 + 10, "interval_for_three": None}]}
    text = workspace.run("check", "--verbose").stdout
    assert "budget: 172 of 172800 runs; a window without a failure proves 99.997777%" in text
    assert re.search(r"^  page +6 +6h/30m +9 +2m30s +30m10s$", text, re.M)
    declare(workspace, "15s", "objective: 99.9%, window: 30d, alerting: none")
    assert "no alerts" in workspace.run("check", "-v").stdout


def test_an_alert_that_waits(workspace):
    """It detects later by as much, and one failure is forgotten before it fires."""
    tier = "[{severity: page, long: 1h, short: 5m, factor: 14.4}]"
    declare(workspace, "60s", "objective: 99.9%, window: 90d, alerting: {tiers: " + tier + "}")
    assert "one failed run pages" in warnings(workspace)[0]
    [before] = json.loads(workspace.run("check", "--json").stdout)["lint"][0]["tiers"]
    declare(workspace, "60s", "objective: 99.9%, window: 90d, alerting: {for: 5m, tiers: " + tier + "}")
    assert "one failed run pages" in warnings(workspace)[0]
    declare(workspace, "60s", "objective: 99.9%, window: 90d, "
            "alerting: {for: 5m10s, tiers: " + tier + "}")
    assert warnings(workspace) == []
    [after] = json.loads(workspace.run("check", "--json").stdout)["lint"][0]["tiers"]
    assert after["detect_seconds"] - before["detect_seconds"] == 310
    assert "\n  the alert fires when a tier has fired for 5m10s\n" in \
        workspace.run("check", "--verbose").stdout


def test_slices_too_long_for_a_tier(workspace):
    declare(workspace, "15s", "objective: 99%, window: 30d, "
            "budgeting: {method: RatioTimeslices, slice: 30m}")
    assert "14.4 over 1h is left out: slices are too long for that window" in warnings(workspace)[0]


def test_names_are_shown_whole(workspace):
    declare(workspace, "15s", "objective: 99.9%, window: 30d")
    name = 63 * "\u00e9"
    spec = {"ratioMetric": {"counter": True, **{part: {"metricSource": {
        "type": "nines", "spec": {"probe": "api-health"}}} for part in ("good", "total")}}}
    workspace.write("slos/o.yaml", json.dumps({
        "apiVersion": "openslo/v1", "kind": "SLO", "metadata": {"name": "o"}, "spec": {
            "service": "s", "budgetingMethod": "Occurrences",
            "indicator": {"metadata": {"name": "o"}, "spec": spec},
            "timeWindow": [{"duration": "30d", "isRolling": True}],
            "objectives": [{"displayName": name, "target": 0.9}, {"target": 0.8}]}},
        ensure_ascii=False))
    assert f"o/{name}: 90%" in workspace.run("check", "--verbose").stdout


@pytest.mark.parametrize("tier, objective, where, message", [
    ("severity: page, long: 1h, factor: 1000.1", "99.9%", "factor",
     "factor: a burn rate of 1000.1 is out of reach: at an objective of 99.9% even a total outage "
     "burns at 1000 only"),
    ("severity: page, long: 10h, budget: 5%", "70%", "budget",
     "budget: a burn rate of 3.6 is out of reach: at an objective of 70% even a total outage burns "
     "at 3.33 only"),
    ("severity: ticket, long: 4d, budget: 10%", "99.9%", "budget",
     "budget: to spend 10% of the budget of 30d in 4d is a burn rate of 0.75; below 1 there is "
     "budget over at the window's end: a larger share, or a shorter window"),
    ("severity: page, long: 31d, factor: 1", "99.9%", "long",
     "long: 31d is longer than the window of the SLO (30d)"),
    ("severity: page, long: 5m, factor: 14.4, min_failures: 11", "99.9%", "long",
     "long: 5m holds 20 slots of 15s; for min_failures of 11 it must hold 22"),
    ("severity: page, long: 1m, factor: 14.4, min_failures: 1", "99.9%", "long",
     "long: the short window is at least 1m, two intervals and a timeout of the probe 'api-health' "
     "in whole minutes; a long one of 1m is no longer than that"),
    ("severity: page, long: 1h, factor: 2}, {severity: page, long: 1h, short: 5m, factor: 3",
     "99.9%", "{severity: page, long: 1h, short", "two page tiers have the windows 1h and 5m"),
])
def test_tiers_that_cannot_be(workspace, tier, objective, where, message):
    declare(workspace, "15s", f"objective: {objective}, window: 30d, alerting: [{{{tier}}}]")
    done = workspace.run("check", check=False)
    assert done.returncode == 1
    [error, _] = done.stderr.splitlines()
    line = (workspace.path / "slos/s.yaml").read_text().splitlines()[3]
    value = line.index(where + ": ") + len(where) + 2 if where[0] != "{" else line.index(where)
    assert error == f"slos/s.yaml:4:{value + 1}: error: {message}"


def test_a_short_window_that_is_too_short(workspace):
    declare(workspace, "5m", "objective: 99%, window: 30d, alerting: "
            "[{severity: page, long: 6h, short: 5m, factor: 6}]")
    assert warnings(workspace) == [
        "short: 5m is stretched to 11m, two intervals and a timeout of the probe 'api-health' in "
        "whole minutes"]


def test_more_than_half_a_loop(workspace):
    def probes(n, scheme):
        listed = (f'  - {{id: p{i}, interval: 500ms, timeout: 400ms, http: {{url: '
                  f'"{scheme}://127.0.0.1:8000/"}}}}\n' for i in range(n))
        workspace.write("probes/p.yaml", PROBES.split("  - ")[0] + "".join(listed))

    probes(76, "https")
    [told] = warnings(workspace)
    assert told.startswith("all probes together are 152 TLS connections and 0 others a second, 51%")
    probes(75, "https")
    assert warnings(workspace) == []
    probes(76, "http")
    assert warnings(workspace) == []
