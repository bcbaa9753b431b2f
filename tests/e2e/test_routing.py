"""`nines alerts route` on the alertmanager.yml of four monitoring guides, and on one that
has a bit of everything, against Alertmanager's own tool."""
import json
import os
import random
import re
import shutil
import subprocess

import pytest

from conftest import PATIENCE, ROOT

DATA = ROOT / "tests" / "e2e" / "alertmanager"
GUIDES = ["paracle", "agent_platform", "kubernetes", "monitoring"]
# with a binary that is slow, amtool has answered all of them before
SETS = 200 if int(os.environ.get("NINES_HISTORIES", "24")) > 3 else 40
VALUES = {
    "severity": ["critical", "warning", "info", "page", "Critical", "", "critical "],
    "alertname": ["HighErrorRate", "Down", "LatencyHigh", "x"],
    "service": ["api", "api-2", "web", "db", "foo1", "foo2", "baz", "foo\\bar"],
    "cluster": ["eu", "us", "eu-1"],
    "team": ["X", "Y", "platform", "a b"],
    "owner": ["team-X", "team-Y", "", "team-"],
}

needs_amtool = pytest.mark.skipif(not shutil.which("amtool"), reason="amtool is not installed")


def label_sets(seed):
    dice = random.Random(seed)
    for _ in range(SETS):
        names = dice.sample(sorted(VALUES), dice.randint(0, len(VALUES)))
        yield {name: dice.choice(VALUES[name]) for name in names}


def completed(text):
    """As amtool takes it: with addresses and keys where the guide has placeholders, or
    none at all. Routes are left alone."""
    text = text.replace("$SLACK_WEBHOOK_URL", "http://127.0.0.1/x")
    text = text.replace("${SLACK_WEBHOOK_URL}", "http://127.0.0.1/x")
    text = text.replace("YOUR_SLACK_WEBHOOK_URL", "http://127.0.0.1/x")
    if "email_configs" in text and "smtp_smarthost" not in text:
        text = text.replace("global:\n", "global:\n  smtp_smarthost: 'localhost:25'\n"
                                         "  smtp_from: 'a@example.org'\n")
    return text


def configure(ws, name):
    ws.env.update(PAGERDUTY_SERVICE_KEY="k", SLACK_WEBHOOK_URL="http://127.0.0.1/x", SLACK_API_URL="http://127.0.0.1/x")
    text = (DATA / f"{name}.yml").read_text()
    ws.write("alertmanager.yml", text)
    ws.write("completed.yml", completed(text))
    ws.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nalertmanager: alertmanager.yml\n")


def routed(ws, sets):
    lines = "".join(json.dumps(labels) + "\n" for labels in sets)
    done = ws.run("alerts", "route", "--json", "-", stdin=lines)
    return [json.loads(line) for line in done.stdout.splitlines()]


def amtool(ws, labels):
    """amtool reads values in quotes as Go's texts."""
    words = [f"{name}={json.dumps(value)}" for name, value in labels.items()]
    done = subprocess.run(["amtool", "config", "routes", "test", "--config.file", "completed.yml", *words],
                          cwd=ws.path, text=True, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split(",")


@needs_amtool
@pytest.mark.parametrize("name", [*GUIDES, "everything"])
def test_like_amtool(workspace, name):
    configure(workspace, name)
    sets = list(label_sets(name))
    answers = routed(workspace, sets)
    assert len(answers) == len(sets)
    reached = set()
    for labels, answer in zip(sets, answers):
        receivers = [r["receiver"] for r in answer["routes"]]
        assert receivers == amtool(workspace, labels), labels
        reached.update(receivers)
    assert len(reached) >= (3 if SETS == 200 else 2)


@needs_amtool
def test_values_amtool_would_not_tell_apart(workspace):
    """The comparison can fail: another tree gives other answers."""
    configure(workspace, "agent_platform")
    text = (workspace.path / "alertmanager.yml").read_text()
    workspace.write("alertmanager.yml", text.replace("severity: warning", "severity: info"))
    sets = list(label_sets("other"))
    assert any([r["receiver"] for r in answer["routes"]] != amtool(workspace, labels)
               for labels, answer in zip(sets, routed(workspace, sets)))


def test_why(workspace):
    configure(workspace, "agent_platform")
    done = workspace.run("alerts", "route", "severity=critical", "alertname=Down", "x=y")
    assert done.stdout == (
        'pagerduty-critical\n'
        '  way    {} > {severity="critical"}  (line 13)\n'
        '  group  {}/{severity="critical"}:{alertname="Down", severity="critical"}\n'
        '  sent   after 30s, changes every 5m, again after 4h\n')
    (route,) = routed(workspace, [{"severity": "warning"}])[0]["routes"]
    assert route["path"] == ["", 'severity="warning"']
    assert route["group_key"] == '{}/{severity="warning"}:{severity="warning"}'
    assert (route["index"], route["continue"], route["repeat_interval"]) == (2, False, "4h")
    (route,) = routed(workspace, [{}])[0]["routes"]
    assert (route["receiver"], route["path"], route["group_key"]) == ("default", [""], "{}:{}")


def test_tree(workspace):
    configure(workspace, "agent_platform")
    assert workspace.run("alerts", "route", "--tree").stdout == (
        '{} -> default\n'
        '    grouped by alertname, severity, after 30s, changes every 5m, again after 4h\n'
        '  {severity="critical"} -> pagerduty-critical, continue\n'
        '      grouped by alertname, severity, after 30s, changes every 5m, again after 4h\n'
        '  {severity="warning"} -> slack-warnings\n'
        '      grouped by alertname, severity, after 30s, changes every 5m, again after 4h\n')
    tree = json.loads(workspace.run("alerts", "route", "--tree", "--json").stdout)
    assert [r["receiver"] for r in tree["routes"]] == ["pagerduty-critical", "slack-warnings"]
    assert tree["group_by"] == ["alertname", "severity"]


@needs_amtool
def test_tree_of_everything(workspace):
    """The same matchers and receivers, in the same order, as amtool draws them."""
    configure(workspace, "everything")
    done = subprocess.run(["amtool", "config", "routes", "show", "--config.file", "completed.yml"],
                          cwd=workspace.path, text=True, capture_output=True, timeout=PATIENCE)
    drawn = re.findall(r"(\{.*\}|default-route)  (?:continue: true  )?receiver: (\S+)", done.stdout)
    ours = re.findall(r"^ *(\{.*\}) -> ([^,\n]+)", workspace.run("alerts", "route", "--tree").stdout, re.M)
    assert [receiver for _, receiver in drawn] == [receiver for _, receiver in ours]
    assert [matchers for matchers, _ in drawn[1:]] == [matchers for matchers, _ in ours[1:]]


@pytest.mark.parametrize("words, message", [
    (["severity"], "expected LABEL=VALUE; found 'severity'"),
    (["=x"], "a label has a name"),
    (["a=1", "a=2"], "the label 'a' is there twice"),
    (["--tree", "a=1"], "--tree is of all routes; unexpected argument 'a=1'"),
    (["--format", "csv"], "--format is text or json; found 'csv'"),
    ([f"l{i}=x" for i in range(65)], "at most 64 labels"),
])
def test_usage(workspace, words, message):
    configure(workspace, "agent_platform")
    done = workspace.run("alerts", "route", *words, check=False)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize("line, message", [
    ("[]", "line 2: expected a JSON object of labels"),
    ("{", "line 2: expected a JSON object of labels"),
    ('{"a":1}', "line 2: the label 'a': expected a text"),
    ('{"":"x"}', "line 2: a label has a name"),
])
def test_bad_lines(workspace, line, message):
    configure(workspace, "agent_platform")
    done = workspace.run("alerts", "route", "-", check=False, stdin="\n" + line + "\n")
    assert done.returncode == 1
    assert message in done.stderr


def test_without_routes(workspace):
    done = workspace.run("alerts", "route", check=False)
    assert done.returncode == 1
    assert "the configuration has no 'route': alerts go to all receivers" in done.stderr
    assert "route, simulate or test" in workspace.run("alerts", check=False).stderr
    assert "'lst' is none of " in workspace.run("alerts", "lst", check=False).stderr


def test_a_file_that_is_wrong(workspace):
    workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nalertmanager: none.yml\n")
    assert "nines.yaml:3:15: error: there is no file or folder 'none.yml'" in check(workspace)
    workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nalertmanager: probes\n")
    assert "is a folder; it names one file" in check(workspace)
    configure(workspace, "agent_platform")
    text = (workspace.path / "alertmanager.yml").read_text()
    workspace.write("alertmanager.yml", text.replace("receiver: 'slack-warnings'", "receiver: slack-warning"))
    assert "no receiver has the name 'slack-warning'; did you mean 'slack-warnings'?" in check(workspace)


def check(ws):
    done = ws.run("check", check=False)
    assert done.returncode == 1
    return done.stderr
