"""nines check: every error at once, for people and for programs."""
import json

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
    assert told == {"ok": True, "files": 2, "probes": 1, "probes_per_second": 2.0, "slos": 1,
                    "receivers": 1, "errors": [], "warnings": [], "dropped": 0}


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
