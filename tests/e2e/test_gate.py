"""nines gate: what a deploy pipeline is told, against histories counted by hand."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import recompute

MINUTE, DAY = 60_000_000, 86_400_000_000
END = recompute.instant("2026-10-20T00:00:00Z")

PROBES = """
apiVersion: nines/v1
kind: Probes
defaults: {interval: 1m, timeout: 5s}
probes:
  - id: api
    http: {url: "http://127.0.0.1:9/"}
  - id: idle
    http: {url: "http://127.0.0.1:9/"}
"""

SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - {name: day, service: shop, sli: {probe: api}, objective: 99%, window: 1d}
  - {name: week, service: shop, sli: {probe: api}, objective: 99%, window: 7d}
  - {name: strict, service: shop, sli: {probe: api}, objective: 99.99%, window: 1d}
  - {name: idle, service: shop, sli: {probe: idle}, objective: 99%, window: 1d}
"""


@pytest.fixture
def shop(workspace):
    """Two days of a probe a minute, of which `bad` of the last day fail."""
    def build(bad, slots=2 * 1440):
        lines = [json.dumps({"probe": "api", "time": recompute.when(END - (i + 1) * MINUTE),
                             "outcome": "bad" if i < bad else "good",
                             "reason": "status" if i < bad else "none", "latency_ms": 1})
                 for i in range(slots)]
        workspace.write("probes/p.yaml", PROBES)
        workspace.write("slos/s.yaml", SLOS)
        workspace.run("import", workspace.write("h.ndjson", "\n".join(reversed(lines)) + "\n"))

        def gate(*args):
            return workspace.run("gate", "--at", recompute.when(END), *args, check=False)
        return gate
    return build


def test_the_budget_decides(shop):
    """1440 events at 99 % allow 14.4 bad ones."""
    gate = shop(bad=9)
    done = gate("day")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "go day (met): 37.5% of the error budget is left\n"
    assert gate("day", "--remaining", "37.5%").returncode == 0  # just that much is left
    done = gate("day", "--remaining", "37.500001%")
    assert done.returncode == 3
    assert done.stdout == ("stop day (met): 37.5% of the error budget is left, "
                           "less than 37.500001%\n")


def test_breached(shop):
    gate = shop(bad=15)
    done = gate("idle", "day")
    assert done.returncode == 3
    assert done.stdout.splitlines()[1] == (
        "stop day (breached): -4.2% of the error budget is left")


def test_too_little_to_judge_by_passes_unless_strict(shop):
    gate = shop(bad=1)
    for name, why in [("idle", "there is no data in the window"), ("week", "data begins after"),
                      ("strict", "too few events")]:
        done = gate(name)
        assert done.returncode == 0 and done.stdout.startswith(f"go {name} ") and why in done.stdout
        done = gate(name, "--strict")
        assert done.returncode == 3 and done.stdout.startswith(f"stop {name} ")


def test_json(shop):
    gate = shop(bad=9)
    done = gate("--json", "day", "idle")
    assert done.stdout == gate("--json", "day", "idle").stdout
    assert json.loads(done.stdout) == {
        "at": "2026-10-20T00:00:00Z", "decision": "go",
        "slos": [{"slo": "day", "objective_name": "", "decision": "go", "state": "met",
                  "remaining_ratio": 0.375, "why": "37.5% of the error budget is left",
                  "policy": None},
                 {"slo": "idle", "objective_name": "", "decision": "go", "state": "no_data",
                  "remaining_ratio": None, "why": "there is no data in the window",
                  "policy": None}]}


@pytest.mark.parametrize("args,code", [
    ((), 2), (("day", "--remaining", "1%%"), 2), (("day", "--remaining", "101%"), 2),
    (("day", "--format", "csv"), 2), (("dai",), 1)])
def test_errors(shop, args, code):
    done = shop(bad=0)(*args)
    assert (done.returncode, done.stdout) == (code, "") and done.stderr


POLICIES = """
apiVersion: nines/v1
kind: SLOs
slos:
  - name: day
    service: shop
    sli: {probe: api}
    objective: 99%
    window: 1d
    policy:
      - {spent: 50%, then: "Ask the owner: is it worth it?"}
      - {spent: 62.5%, then: Only fixes, stop: true}
      - {spent: 200%, then: All hands}
  - {name: calm, service: shop, sli: {probe: api}, objective: 99%, window: 1d,
     policy: [{spent: 100%, then: Talk about it}]}
  - {name: strict, service: shop, sli: {probe: api}, objective: 99.99%, window: 1d,
     policy: [{spent: 1%, then: Only fixes, stop: true}]}
"""


@pytest.mark.parametrize("bad,line", [
    (7, "go day (met): 51.4% of the error budget is left"),
    (8, "go day (met): 44.4% of the error budget is left; "
        "policy from 50% spent: Ask the owner: is it worth it?"),
    (9, "stop day (met): 37.5% of the error budget is left; policy from 62.5% spent: Only fixes"),
    (29, "stop day (breached): -101.4% of the error budget is left; "
         "policy from 62.5% spent: Only fixes")])
def test_steps_of_a_policy_decide(shop, workspace, bad, line):
    """9 of 14.4 is 62.5 % to the last digit, and the step holds from there on."""
    gate = shop(bad=bad)
    workspace.write("slos/s.yaml", POLICIES)
    done = gate("day")
    assert (done.stdout, done.returncode) == (line + "\n", 3 if line.startswith("stop") else 0)
    workspace.write("slos/s.yaml", workspace.run("export", "openslo", "--slo", "day").stdout)
    assert gate("day").stdout == line + "\n"


def test_a_breach_without_a_step_that_stops(shop, workspace):
    gate = shop(bad=15)
    workspace.write("slos/s.yaml", POLICIES)
    done = gate("calm")
    assert done.returncode == 0 and done.stdout == (
        "go calm (breached): -4.2% of the error budget is left; "
        "policy from 100% spent: Talk about it\n")
    assert gate("calm", "--remaining", "0%").returncode == 3
    step = json.loads(gate("calm", "--json").stdout)["slos"][0]["policy"]
    assert step == {"spent": "1", "then": "Talk about it", "stop": False}


def test_too_little_for_a_step_to_stop(shop, workspace):
    gate = shop(bad=1)
    workspace.write("slos/s.yaml", POLICIES)
    assert gate("strict").returncode == 0 and "too few events" in gate("strict").stdout
    assert gate("strict", "--strict").returncode == 3


def test_the_report_says_which_step_holds(shop, workspace):
    shop(bad=9)
    workspace.write("slos/s.yaml", POLICIES)
    at = ("--at", recompute.when(END))
    day, = workspace.report(*at, "--slo", "day")["slos"]
    assert day["policy"] == {
        "in_force": {"spent": "0.625", "then": "Only fixes", "stop": True},
        "next": {"spent": "2", "then": "All hands", "stop": False}}
    calm, = workspace.report(*at, "--slo", "calm")["slos"]
    assert calm["policy"]["in_force"] is None and calm["policy"]["next"]["spent"] == "1"
    text = workspace.run("report", *at, "--slo", "calm").stdout
    assert "Policy    no step is in force\n            next at 100%: Talk about it\n" in text
