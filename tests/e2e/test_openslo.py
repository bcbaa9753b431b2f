"""OpenSLO documents: read, reported by, and written."""
import re

import conftest
import pytest

PROBES = """\
apiVersion: nines/v1
kind: Probes
defaults: {interval: 15s, timeout: 5s}
probes:
  - {id: api-health, http: {url: 'http://127.0.0.1:1/'}}
  - {id: api-ready, readiness: {url: 'http://127.0.0.1:1/'}}
  - {id: api-metrics, metrics: {url: 'http://127.0.0.1:1/metrics'}}
  - {id: api-database, prometheus: {url: 'http://127.0.0.1:1', queries: {connections: sum(x)}}}
"""

SHORT = """\
apiVersion: nines/v1
kind: SLOs
slos:
  - name: short
    service: shop
    sli: {probe: api-health, faster_than: 200ms, classify: {status: excluded}}
    objective: 99%
    window: 7d
    alerting: none
"""

LONG = """\
[{"apiVersion": "openslo/v1", "kind": "SLI", "metadata": {"name": "fast"},
  "spec": {"ratioMetric": {"counter": true,
    "good": {"metricSource": {"metricSourceRef": "health",
      "spec": {"faster_than": "200ms", "classify": {"status": "excluded"}}}},
    "total": {"metricSource": {"type": "nines", "spec": {"probe": "api-health"}}}}}},
 {"apiVersion": "openslo/v1", "kind": "SLO", "metadata": {"name": "long"},
  "spec": {"service": "shop", "indicatorRef": "fast", "budgetingMethod": "Occurrences",
    "timeWindow": [{"duration": "1w", "isRolling": true}],
    "objectives": [{"displayName": "easy", "target": 0.5}, {"displayName": "same", "target": 0.99}]}}]
"""

SOURCE = """\
apiVersion: openslo/v1
kind: DataSource
metadata: {name: health}
spec: {type: nines, connectionDetails: {probe: api-health}}
"""


def history():
    lines = []
    for i in range(2000):
        at = f"2026-10-20T{i // 240:02}:{i // 4 % 60:02}:{i % 4 * 15:02}Z"
        outcome = ('"outcome":"bad","reason":"connect"' if i % 37 == 0 else
                   '"outcome":"bad","reason":"status","code":500' if i % 41 == 0 else
                   '"outcome":"good","code":200')
        lines.append(f'{{"probe":"api-health","time":"{at}",{outcome},'
                     f'"latency_ms":{100 + i % 110}}}\n')
    return "".join(lines)


def numbers(slo):
    """All that does not name the SLO."""
    return {k: v for k, v in slo.items() if k not in ("slo", "objective_name", "name")}


def test_the_same_numbers(workspace):
    """In two files that refer to each other, beside the short form."""
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/short.yaml", SHORT)
    workspace.write("slos/long.yaml", LONG)
    workspace.write("slos/source.yaml", SOURCE)
    assert "2 SLOs of 3 objectives" in workspace.run("check").stdout
    workspace.run("import", "--create", "interval=15s", "-", stdin=history())
    slos = workspace.report("--at", "2026-10-20T09:00:00Z")["slos"]
    by_name = {(s["slo"], s["objective_name"]): s for s in slos}
    assert sorted(by_name) == [("long", "easy"), ("long", "same"), ("short", "")]
    short = by_name["short", ""]
    assert short["bad"] > 0 and short["good"] > 0
    assert numbers(by_name["long", "same"]) == numbers(short)
    easy = by_name["long", "easy"]
    assert (easy["good"], easy["bad"], easy["target"]) == (short["good"], short["bad"], "0.5")


COMPOSITE = """\
---
apiVersion: nines/v1
kind: SLOs
slos:
  - {name: fast, service: shop, sli: {probe: api-health, faster_than: 150ms}, objective: 50%, window: 7d, alerting: none}
  - {name: up, service: shop, sli: {probe: api-health}, objective: 99%, window: 7d, alerting: none}
  - {name: burns, service: shop, composite: [{slo: fast, weight: 0.25}, {slo: up}], window: 1d}
  - {name: slices, service: shop, composite: [{slo: fast}, {slo: up}], window: 1d, objective: 60%,
     budgeting: {method: Timeslices, slice: 5m, slice_target: 95%}}
  - {name: ratios, service: shop, composite: [{slo: fast, weight: 0.25}, {slo: up}], window: 1d, objective: 60%,
     budgeting: {method: RatioTimeslices, slice: 5m}}
"""


def test_composites_have_the_same_numbers(workspace):
    """Read back from OpenSLO, whose composites have indicators in the place of SLOs."""
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", COMPOSITE)
    workspace.run("import", "--create", "interval=15s", "-", stdin=history())
    names = ["burns", "slices", "ratios"]
    at = ("--at", "2026-10-20T07:03:00Z")

    def report():
        slos = [s for s in workspace.report(*at)["slos"] if s["objective_name"] == "" and s["slo"] in names]
        for s in slos:
            s["members"] = [numbers(m) for m in s["members"]]
            del s["source"]  # which names them
        return {s["slo"]: numbers(s) for s in slos}

    before = report()
    text = workspace.run("export", "openslo", *(a for n in names for a in ("--slo", n))).stdout
    assert text.count("compositeWeight: 0.25\n") == 2 and text.count("    indicator:") == 6
    workspace.write("slos/s.yaml", text)
    assert "3 SLOs of 9 objectives" in workspace.run("check").stdout
    after = report()
    assert sorted(before) == sorted(names)
    for name in names:
        assert before[name]["budget"]["consumed_ratio"] > 0
        for key in before[name]:
            assert before[name][key] == after[name][key], (name, key)
    assert workspace.run("export", "openslo").stdout == text


def test_the_page_is_right(workspace):
    """Each block of docs/openslo.md by itself, without a warning about it."""
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nreceivers: [{name: on-call, log: {}}]\n")
    blocks = re.findall(r"```yaml\n(.*?)```", (conftest.ROOT / "docs" / "openslo.md").read_text(), re.S)
    assert len(blocks) == 9
    for block in blocks:
        workspace.write("slos/page.yaml", block)
        done = workspace.run("check")
        warnings = [w for w in done.stderr.splitlines() if "left out" not in w]
        assert not warnings, warnings
        assert re.search(r" [123] SLOs?", done.stdout)
        first = workspace.run("export", "openslo").stdout
        workspace.write("slos/page.yaml", first)
        assert workspace.run("export", "openslo").stdout == first


def test_all_samples_there_and_back(workspace):
    """The objectives of this repository, written and read and written again."""
    folders = lambda name: sorted({str(p.parent) for p in (conftest.ROOT / name).rglob("*.yaml")})
    daemon = (conftest.ROOT / "nines.yaml").read_text() + f"probes: {folders('probes')}\n"
    workspace.write("nines.yaml", daemon + f"slos: {folders('slos')}\n")
    text = workspace.run("export", "openslo").stdout
    names = re.findall(r"^  name: (.*)", text, re.M)
    assert len(names) > 40 and names == sorted(names)
    workspace.write("slos/all.yaml", text)
    workspace.write("nines.yaml", daemon)
    assert workspace.run("export", "openslo").stdout == text
    one = workspace.run("export", "openslo", "--slo", names[3]).stdout
    assert one in text and one.count("kind: SLO\n") == 1


@pytest.mark.parametrize("args, code, said", [
    (("--slo", "shrt"), 1, "unknown SLO 'shrt'; did you mean 'short'?"),
    (("--probe", "api-health"), 2, "it takes --slo"),
    (("--format", "ndjson"), 2, "--format of openslo is yaml"),
])
def test_export_refuses(workspace, args, code, said):
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/short.yaml", SHORT)
    done = workspace.run("export", "openslo", *args, check=False)
    assert done.returncode == code and said in done.stderr and not done.stdout


def test_what_cannot_be_said(workspace):
    """The others are written all the same."""
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/short.yaml", SHORT + "  - {name: odd, sli: {probe: api-health}, objective: 99%, window: 90s}\n")
    done = workspace.run("export", "openslo", check=False)
    assert done.returncode == 1
    assert "SLO 'odd': OpenSLO's durations are whole minutes; the window is 1m30s" in done.stderr
    assert "name: short" in done.stdout and "odd" not in done.stdout


def test_a_half_right_set_loads_nothing(workspace):
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/short.yaml", SHORT)
    workspace.write("slos/long.yaml", LONG)  # whose DataSource is not there
    done = workspace.run("check", check=False)
    assert done.returncode == 1
    assert ("slos/long.yaml:3:50: error: metricSourceRef: no document of kind DataSource has the name"
            " 'health'") in done.stderr


def test_a_target_of_nothing(workspace):
    """0 is accepted with a warning, and all that is told of it is finite."""
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/long.yaml", LONG.replace('"target": 0.5', '"target": 0'))
    workspace.write("slos/source.yaml", SOURCE)
    done = workspace.run("check", "--verbose")
    assert "slos/long.yaml:9:54: warning: objective: 0% promises nothing" in done.stderr
    bad = history().replace('"outcome":"good","code":200', '"outcome":"bad","reason":"body"')
    workspace.run("import", "--create", "interval=15s", "-", stdin=bad)
    slo = workspace.report("--at", "2026-10-20T08:20:00Z", "--slo", "long")["slos"][0]
    assert (slo["objective_name"], slo["target"], slo["sli"]) == ("easy", "0", 0)
    assert slo["budget"]["remaining"] == 0 and slo["budget"]["consumed_ratio"] == 1
    for format in ("text", "markdown", "html", "csv"):
        text = workspace.run("report", "--at", "2026-10-20T08:20:00Z", "--format", format).stdout
        assert not re.search(r"\b(nan|inf)\b|-0[.,]?0*%", text)
    assert workspace.run("gate", "long", "--at", "2026-10-20T08:20:00Z", check=False).returncode in (0, 3)


MANY = """\
apiVersion: nines/v1
kind: SLOs
slos:
  - name: many
    service: shop
    sli: {probe: api-health}
    objective: {goal: 99.9%, promise: 50%}
    window: [7d, {calendar: 1 day, timezone: America/New_York}]
"""


def test_many_objectives_and_windows(workspace):
    """Each pair is what an SLO of that objective and that window alone is; alerts go by the
    first window; and all of it is in the document that is written."""
    workspace.write("probes/p.yaml", PROBES)
    alone = [f"""\
  - name: {name}
    service: shop
    sli: {{probe: api-health}}
    objective: {target}
    window: {window}
    alerting: {alerting}
""" for name, target, window, alerting in (
        ("goal_7d", "99.9%", "7d", "default"), ("promise_7d", "50%", "7d", "default"),
        ("goal_1_day", "99.9%", "{calendar: 1 day, timezone: America/New_York}", "none"),
        ("promise_1_day", "50%", "{calendar: 1 day, timezone: America/New_York}", "none"))]
    workspace.write("slos/many.yaml", MANY + "".join(alone))
    workspace.run("import", "--create", "interval=15s", "-", stdin=history())
    at = ("--at", "2026-10-20T08:20:00Z")
    slos = workspace.report(*at)["slos"]
    many = {s["objective_name"]: s for s in slos if s["slo"] == "many"}
    assert sorted(many) == ["goal 1 day", "goal 7d", "promise 1 day", "promise 7d"]
    for s in slos:
        if s["slo"] != "many":
            assert numbers(s) == numbers(many[s["slo"].replace("_", " ")])
    assert [len(many[name]["tiers"]) for name in sorted(many)] == [0, 4, 0, 1]
    assert many["goal 7d"]["total"] != many["goal 1 day"]["total"]
    text = workspace.run("export", "openslo", "--slo", "many").stdout
    assert text.count("kind: SLO\n") == 1
    before = workspace.run("report", *at, "--slo", "many", "--json").stdout
    workspace.write("slos/many.yaml", text)
    after = workspace.run("report", *at, "--slo", "many", "--json").stdout
    assert after == before
    assert workspace.run("explain", "many", "--objective", "goal 7d", *at).returncode == 0


POLICY = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: policies}
spec:
  service: x
  indicator:
    metadata: {name: x}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: nines, spec: {probe: api-health}}}
        total: {metricSource: {type: nines, spec: {probe: api-health}}}
  budgetingMethod: Occurrences
  timeWindow: [{duration: 30d, isRolling: true}]
  objectives: [{target: 0.999}]
  alertPolicies:
    - kind: AlertPolicy
      metadata: {name: a}
      spec:
        alertWhenBreaching: true
        conditions:
          - kind: AlertCondition
            metadata: {name: a}
            spec:
              severity: %s
              condition: {kind: burnrate, op: gt, threshold: %s, lookbackWindow: %s}
        notificationTargets:
          - {kind: AlertNotificationTarget, metadata: {name: log}, spec: {target: x}}
"""


def test_policies_alert_as_tiers_do(workspace):
    """The transitions of history are those of the tier in the short form."""
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", POLICY % ("SEV-1", "14.4", "1h"))
    workspace.run("import", "--create", "interval=15s", "-", stdin=history())
    span = ("--from", "2026-10-20T00:00:00Z", "--to", "2026-10-20T09:00:00Z")
    policy = workspace.run("replay", *span, "--json").stdout
    assert '"severity":"page"' in policy and '"event":"fire"' in policy.replace('kind', 'event')
    workspace.write("slos/s.yaml", """\
apiVersion: nines/v1
kind: SLOs
slos:
  - name: policies
    service: x
    sli: {probe: api-health}
    objective: 99.9%
    window: 30d
    alerting: {tiers: [{severity: page, long: 1h, factor: 14.4}]}
""")
    assert workspace.run("replay", *span, "--json").stdout == policy


@pytest.mark.parametrize("condition, words", [
    (("page", "0.5", "1h"), ":26:62: error: threshold: a burn rate below 1"),
    (("page", "1001", "1h"), ":26:62: error: factor: a burn rate of 1001 is out of reach"),
    (("page", "2", "1M"), ":26:81: error: lookbackWindow: months, quarters and years"),
    (("page", "2", "31d"), "error: long: 31d is longer than the window of the SLO (30d)"),
    (("page", "2", "1m"), "error: long: the short window is at least 1m"),
])
def test_policies_that_cannot_alert(workspace, condition, words):
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", POLICY % condition)
    done = workspace.run("check", check=False)
    assert done.returncode == 1 and words in done.stderr
