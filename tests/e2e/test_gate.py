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
                  "remaining_ratio": 0.375, "why": "37.5% of the error budget is left"},
                 {"slo": "idle", "objective_name": "", "decision": "go", "state": "no_data",
                  "remaining_ratio": None, "why": "there is no data in the window"}]}


@pytest.mark.parametrize("args,code", [
    ((), 2), (("day", "--remaining", "1%%"), 2), (("day", "--remaining", "101%"), 2),
    (("day", "--format", "csv"), 2), (("dai",), 1)])
def test_errors(shop, args, code):
    done = shop(bad=0)(*args)
    assert (done.returncode, done.stdout) == (code, "") and done.stderr
