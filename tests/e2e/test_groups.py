"""SLOs chosen by service and labels, and rolled up by them."""
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
defaults: {interval: 1m, timeout: 5s, labels: {team: platform}}
probes:
  - {id: api, http: {url: "http://127.0.0.1:9/"}}
  - {id: db, http: {url: "http://127.0.0.1:9/"}}
"""

SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - {name: day, service: shop, sli: {probe: api}, objective: 99%, window: 1d,
     labels: {team: payments, tier: "1"}}
  - {name: two, service: shop, sli: {probe: api}, objective: 99%, window: 2d}
  - {name: fast, service: shop, sli: {probe: api, faster_than: 500ms}, objective: 90%, window: 1d}
  - {name: dbs, service: infra, sli: {probe: db}, objective: 99%, window: 1d}
"""
BAD = {"api": 9, "db": 20}


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


def names(report):
    return [s["slo"] for s in report["slos"]]


@pytest.mark.parametrize("args,chosen", [
    ((), ["day", "dbs", "fast", "two"]), (("--service", "shop"), ["day", "fast", "two"]),
    (("--label", "team=payments"), ["day"]),
    (("--label", "team=platform"), ["dbs", "fast", "two"]),  # of the probe, where it has none
    (("--label", "team=platform", "--service", "shop"), ["fast", "two"]),
    (("--label", "team=payments", "--label", "tier=1"), ["day"]),
    (("--slo", "two", "--service", "shop"), ["two"])])
def test_every_command_chooses_alike(shop, args, chosen):
    assert names(shop.report("--at", TO, *args)) == chosen
    if "--slo" in args:
        return
    assert names(json.loads(shop.run("status", "--json", *args).stdout)) == chosen
    if args:
        gate = json.loads(shop.run("gate", "--at", TO, "--json", *args, check=False).stdout)
        assert names(gate) == chosen
    replay = shop.run("replay", "--from", FROM, "--to", TO, *args).stdout.splitlines()
    lines = [json.loads(line) for line in replay]
    assert lines[-1]["summary"]["slos"] == len(chosen)
    assert {line["slo"] for line in lines[:-1]} <= set(chosen)


def test_status_shows_the_probes_of_the_chosen(shop):
    status = json.loads(shop.run("status", "--json", "--service", "infra").stdout)
    assert [p["probe"] for p in status["probes"]] == ["db"]
    assert "1 of 1 probes down" in shop.run("status", "--service", "infra").stdout


def test_labels_are_in_the_report(shop):
    labels = {s["slo"]: s["labels"] for s in shop.report("--at", TO)["slos"]}
    assert labels["day"] == {"team": "payments", "tier": "1"}
    assert labels["dbs"] == {"team": "platform"}


def test_a_period_is_that_of_the_chosen(shop):
    report = shop.report("--period", "2026-10-19", "--service", "infra")
    assert names(report) == ["dbs"] and report["slos"][0]["previous"]["bad"] == 0


@pytest.mark.parametrize("command", [
    ("report", "--at", TO), ("status",), ("gate", "--at", TO),
    ("replay", "--from", FROM, "--to", TO)])
@pytest.mark.parametrize("args,message", [
    (("--service", "shup"), "no SLO has the service 'shup'; did you mean 'shop'?"),
    (("--label", "teem=x"), "no SLO has a label 'teem'; did you mean 'team'?"),
    (("--label", "team=x"), "no SLO has the label team=x; there are payments, platform"),
    (("--service", "infra", "--label", "tier=1"),
     "no SLO has all of the service and labels asked for")])
def test_nothing_fits(shop, command, args, message):
    done = shop.run(*command, *args, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"nines {command[0]}: {message}\n"


@pytest.mark.parametrize("args,message", [
    (("--label", "team"), "--label: expected KEY=VALUE, such as team=payments; found 'team'"),
    (("--label", "=x"), "--label: expected KEY=VALUE, such as team=payments; found '=x'"),
    (("--service", ""), "--service needs the name of a service")])
def test_usage(shop, args, message):
    done = shop.run("status", *args, check=False)
    assert done.returncode == 2 and message in done.stderr


def test_a_named_one_that_does_not_fit(shop):
    done = shop.run("gate", "--at", TO, "day", "dbs", "--service", "shop", check=False)
    assert done.returncode == 1
    assert "SLO 'dbs' is not one of those chosen by service and labels" in done.stderr


def groups(rollup):
    return {g["group"]: (g["objectives"], {k: n for k, n in g["states"].items() if n},
                         g["least_left"]["slo"], g["bad"], g["total"]) for g in rollup["groups"]}


def test_rollups(shop):
    """Of two days of runs `day` counts one, so what is of both spans is not added up."""
    report = shop.report("--at", TO, "--group-by", "tier")
    by = {r["by"]: groups(r) for r in report["rollups"]}
    assert list(by) == ["service", "team", "tier"]
    assert by["service"] == {"infra": (1, {"breached": 1}, "dbs", 20, 1440),
                             "shop": (3, {"met": 3}, "day", None, None)}
    assert by["team"] == {"payments": (1, {"met": 1}, "day", 9, 1440),
                          "platform": (3, {"breached": 1, "met": 2}, "dbs", None, None)}
    assert by["tier"] == {"1": (1, {"met": 1}, "day", 9, 1440),
                          None: (3, {"breached": 1, "met": 2}, "dbs", None, None)}
    span = ("--from", FROM, "--to", TO)
    both = {r["by"]: groups(r) for r in shop.report(*span, "--service", "shop")["rollups"]}
    assert both["service"]["shop"][3:] == (18, 2880)  # `day` and `two` have one SLI


def test_a_table_of_groups_comes_first(shop):
    text = shop.run("report", "--at", TO, "--group-by", "service").stdout.splitlines()
    assert text[3].split() == ["service", "least", "left", "of", "objectives"]
    assert text[4].split()[1:] == ["infra", "-38.9%", "dbs", "1", "breached"]
    assert "| infra | 1 | 1 breached | -38.9% | dbs | 20 of 1,440 |" in shop.run(
        "report", "--at", TO, "--group-by", "service", "--format", "markdown").stdout
    assert '<th scope="row">infra</th>' in shop.run(
        "report", "--at", TO, "--group-by", "service", "--format", "html").stdout


def test_status_has_a_line_for_each_group(shop):
    text = shop.run("status", "--group-by", "team").stdout
    assert "payments" in text and "platform" in text and "day" not in text
    status = json.loads(shop.run("status", "--json").stdout)
    assert [r["by"] for r in status["rollups"]] == ["service", "team"]


@pytest.mark.parametrize("command", ["report", "status"])
def test_no_such_label(shop, command):
    done = shop.run(command, "--group-by", "teem", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no SLO has a label 'teem'; did you mean 'team'?" in done.stderr
