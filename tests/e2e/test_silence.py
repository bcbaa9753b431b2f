"""Silences: by command with and without a daemon, by amtool, and what is told of a silenced alert."""
import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import urllib.error
import urllib.request

import conftest
import pytest

PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - {id: api, interval: 15s, timeout: 10s, http: {url: "%s/"}}
"""
SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: api-availability, service: agent-api, sli: {probe: api}, objective: 99.9%, window: 30d}
"""
LONG = ["--for", "2h", "--comment", "works", "--author", "me"]


@pytest.fixture
def site(tmp_path):
    site = conftest.Workspace(tmp_path)
    site.write("probes/p.yaml", PROBES % "http://127.0.0.1:1")
    site.write("slos/s.yaml", SLOS)
    return site


def listed(site, *args):
    out = site.run("silence", "list", "--json", *args)
    return {int(s["id"]): s for s in map(json.loads, out.stdout.splitlines())}


def states(site):
    return {n: s["status"]["state"] for n, s in listed(site, "--all").items()}


def tell(site, *labels):
    """Alerts of which people were told, as the dispatcher keeps them."""
    with contextlib.closing(sqlite3.connect(site.path / "nines.db")) as db, db:
        for n, one in enumerate(labels):
            alert = {"status": "firing", "labels": one, "annotations": {"summary": "s"},
                     "startsAt": f"2026-11-22T00:0{n}:00Z", "endsAt": "0001-01-01T00:00:00Z",
                     "generatorURL": "http://x/", "fingerprint": f"{n:016x}"}
            db.execute("INSERT INTO notify_alert VALUES(?, 1, ?)", (alert["fingerprint"], json.dumps(alert)))


# ---- by command ------------------------------------------------------------------------


def go_through(site):
    first = site.run("silence", "add", *LONG, "--slo", "api-availability", 'severity=~"critical|page"')
    assert re.match(r"silence 1, until \S+:\d\dZ \(2h\)\n$", first.stdout)
    assert "warning: no alert that is on now has these labels" in first.stderr
    later = site.run("silence", "add", *LONG, "--from", "2090-01-01T00:00:00Z", "ErrorBudgetBurn")
    assert later.stdout.startswith("silence 2, from 2090-01-01T00:00:00Z until 2090-01-01T02:00:00Z (2h)\n")
    third = site.run("silence", "add", "--json", "--until", "2090-01-01T00:00:00Z", "--comment", "c", "a!=b", "c=d,e!~f")
    assert json.loads(third.stdout)["matchers"] == [
        {"isEqual": e, "isRegex": r, "name": n, "value": v}
        for n, v, e, r in (("a", "b", False, False), ("c", "d", True, False), ("e", "f", False, True))]
    rows = listed(site)
    assert rows[1]["createdBy"] == "me" and rows[1]["comment"] == "works" and rows[1]["mutes"] == 0
    assert rows[1]["matchers"] == [
        {"isEqual": True, "isRegex": True, "name": "severity", "value": "critical|page"},
        {"isEqual": True, "isRegex": False, "name": "slo", "value": "api-availability"}]
    assert states(site) == {1: "active", 2: "pending", 3: "active"}
    wrong = site.run("silence", "expire", 1, 7, 2, 8, check=False)
    assert wrong.returncode == 1
    assert wrong.stderr == "nines silence expire: there is no silence 7; there is no silence 8\n"
    assert states(site) == {1: "active", 2: "pending", 3: "active"}
    site.run("silence", "expire", 1, 2, "--author", "you")
    assert states(site) == {1: "expired", 2: "expired", 3: "active"}
    assert list(listed(site)) == [3] and listed(site, "--all")[1]["expiredBy"] == "you"
    again = site.run("silence", "expire", 2, check=False)
    assert again.returncode == 1 and "silence 2 was expired at " in again.stderr and " by you" in again.stderr
    text = site.run("silence", "list", "--all", "--at", "2089-12-31T22:00:00Z").stdout.splitlines()
    assert re.match(r"     1  expired  at \S+ by you  \{severity=~\"critical\|page\",slo=\"api-availability\"\}  me: works$",
                    text[0])
    assert re.match(r"     3  active   2h left, until 2090-01-01T00:00:00Z  \{a!=\"b\",.*: c  \(mutes 0 now\)$", text[2])


def test_without_a_daemon(site):
    go_through(site)


def test_through_the_daemon(site, daemons):
    daemons(site).wait("serving")
    go_through(site)


@pytest.mark.parametrize("args, code, words", [
    (["add", *LONG, "--slo", "api-availabilty"], 1, "no SLO has the name 'api-availabilty'; did you mean 'api-availability'?"),
    (["add", *LONG, "--service", "x"], 1, "no service has the name 'x'"),
    (["add", *LONG], 2, "which alerts?"),
    (["add", *LONG, ""], 2, "a matcher is empty"),
    (["add", *LONG, "{}"], 2, "'{}' is no matcher"),
    (["add", *LONG, "a=b", 'c=~"("'], 2, "'c=~\"(\"', at byte "),
    (["add", *LONG, "a=b="], 0, ""),
    (["add", *LONG, "=b"], 2, "'=b', at byte 1"),
    (["add", *LONG, 'a=~".*"'], 1, "this would silence everything"),
    (["add", *LONG, "--until", "2090-01-01T00:00:00Z", "a=b"], 2, "one of --for and --until"),
    (["add", "--comment", "c", "a=b"], 2, "one of --for and --until"),
    (["add", "--for", "1h", "a=b"], 2, "--comment is missing"),
    (["add", "--for", "1h", "--comment", "a\nb", "a=b"], 1, "the comment must be one line"),
    (["add", "--for", "1h", "--comment", "x" * 1001, "a=b"], 1, "a comment of a silence is at most 1000 bytes long"),
    (["add", *LONG, "--author", "", "a=b"], 1, "a silence has an author"),
    (["add", "--until", "2026-01-01T00:00:00Z", "--comment", "c", "a=b"], 1, "it would have ended already, at 2026-01-01"),
    (["add", "--from", "2090-01-02T00:00:00Z", "--until", "2090-01-01T00:00:00Z", "--comment", "c", "a=b"], 1,
     "it would end at 2090-01-01T00:00:00Z, no later than it starts"),
    (["add", "--from", "2026-01-01T00:00:00Z", "--for", "1h", "--comment", "c", "a=b"], 1, "it would have ended already"),
    (["add", "--format", "xml", *LONG, "a=b"], 2, "text or json"),
    (["expire", "1"], 1, "there is no silence 1"),
    (["expire", "x"], 2, "expected a number"),
    (["expire", "0"], 2, "expected a number"),
    (["expire"], 2, "expected the numbers of silences"),
    (["list", "x"], 2, "unexpected argument"),
    (["list", "--format", "xml"], 2, "text or json"),
    (["bogus"], 2, "add, list and expire"),
    ([], 2, "add, list or expire"),
])
def test_what_is_refused(site, args, code, words):
    site.run("annotate", "add", "there is a database")
    out = site.run("silence", *args, check=False)
    assert out.returncode == code and words in out.stderr
    assert len(listed(site, "--all")) == (code == 0)


def test_nothing_is_expired_without_a_database(site):
    out = site.run("silence", "expire", 1, check=False)
    assert out.returncode == 1 and "there is no database" in out.stderr
    assert listed(site) == {} and not list(site.path.glob("*.db*"))


def test_what_is_mute_now(site):
    site.run("annotate", "add", "there is a database")
    tell(site, {"alertname": "Burn", "slo": "a", "severity": "critical"}, {"alertname": "Burn", "slo": "b"},
         {"alertname": "Down", "probe": "x\x1b[31m"})
    out = site.run("silence", "add", *LONG, "Burn")
    assert out.stderr == "" and out.stdout.splitlines()[1:] == [
        "it mutes 2 alerts that are on now:", '  Burn{severity="critical", slo="a"}', '  Burn{slo="b"}']
    out = site.run("silence", "add", *LONG, "--from", "2090-01-01T00:00:00Z", "slo=a")
    assert out.stdout.splitlines()[1] == "it will mute, if they still fire, 1 alert that is on now:"
    out = site.run("silence", "add", *LONG, "Down")
    assert "\x1b" not in out.stdout and "Down{probe=" in out.stdout
    out = site.run("silence", "add", "--json", *LONG, "slo=b")
    assert json.loads(out.stdout)["alerts"] == [{"alertname": "Burn", "slo": "b"}]
    assert [s["mutes"] for s in listed(site).values()] == [2, 0, 1, 1]
    site.run("silence", "expire", 3)
    status = site.run("status").stdout
    assert "\n2 of 3 alerts silenced\n     1  mutes 2, 1h 59m left  {alertname=\"Burn\"}  me: works\n" in status
    status = json.loads(site.run("status", "--json").stdout)
    assert (status["alerts_on"], status["alerts_silenced"]) == (3, 2)
    assert [(s["id"], s["mutes"], s["matchers"]) for s in status["silences"]] == [
        (1, 2, 'alertname="Burn"'), (4, 1, 'slo="b"')]
    for member in ("silences", "other_alerts"):
        assert set(status[member][0]) == conftest.status_fields(member)
    assert "silenced" not in site.run("status", "--at", "2026-11-22T00:00:00Z").stdout


def test_commands_of_messages(site):
    """What a message says is to be typed works as it is, whatever the names are."""
    golden = (conftest.ROOT / "tests/golden/engine/alert_text.txt").read_text()
    commands = [json.loads(text) for text in re.findall(r'annotation silence_command: (".*")$', golden, re.M)]
    assert len(commands) > 5 and any("'\\''" in c for c in commands)
    (site.path / "bin").mkdir()
    (site.path / "bin" / "nines").symlink_to(conftest.binary())
    env = {**os.environ, "PATH": f"{site.path}/bin:{os.environ['PATH']}"}
    for n, command in enumerate(commands, 1):
        subprocess.run(["sh", "-c", command], cwd=site.path, env=env, check=True, capture_output=True)
        matchers = {m["name"]: m["value"] for m in listed(site)[n]["matchers"]}
        assert matchers["alertname"] and ("slo" not in matchers or matchers["slo"] in ("api's", "b"))


# ---- the API of Alertmanager -------------------------------------------------------------


def ask(base, path, method="GET", body=None, **headers):
    """(status, JSON or None)"""
    made = urllib.request.Request(f"{base}/api/v2/{path}", body and body.encode(), method=method,
                                  headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(made, timeout=conftest.PATIENCE) as reply:
            text = reply.read()
            return reply.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


SILENCE = {"matchers": [{"name": "slo", "value": "a", "isRegex": False, "isEqual": True}],
           "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2090-01-01T00:00:00.5Z", "createdBy": "me", "comment": "c"}


@pytest.fixture
def base(site, daemons):
    site.write("nines.yaml", """apiVersion: nines/v1
kind: Daemon
receivers: [{name: chat, log: {}}, {name: pager, log: {}}]
route:
  receiver: chat
  group_by: [slo]
  routes: [{receiver: pager, matchers: ['severity="critical"'], group_by: [alertname]}]
inhibit_rules: [{source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [slo]}]
""")
    return "http://" + daemons(site).wait("serving")["address"]


def test_alerts_of_the_api(site, base):
    tell(site, {"alertname": "A", "slo": "a", "severity": "critical"},
         {"alertname": "B", "slo": "a", "severity": "warning"}, {"alertname": "C", "slo": "b", "severity": "warning"},
         {"alertname": "D", "slo": "c", "severity": "warning"})
    site.run("silence", "add", *LONG, "slo=b")
    site.run("silence", "add", *LONG, "--from", "2090-01-01T00:00:00Z", "slo=c")
    names = lambda query: "".join(a["labels"]["alertname"] for a in ask(base, f"alerts{query}")[1])
    a, b, c, d = ask(base, "alerts")[1]
    assert [x["status"]["state"] for x in (a, b, c, d)] == ["active", "suppressed", "suppressed", "active"]
    assert b["status"]["inhibitedBy"] == [a["fingerprint"]] and c["status"]["silencedBy"] == ["1"]
    assert a["receivers"] == [{"name": "pager"}] and b["receivers"] == [{"name": "chat"}]
    assert a["annotations"] == {"summary": "s"} and a["startsAt"] == "2026-11-22T00:00:00Z"
    assert (names("?silenced=false"), names("?inhibited=false"), names("?active=false")) == ("ABD", "ACD", "BC")
    assert (names("?filter=slo=a&filter=severity!=critical"), names("?receiver=p.*")) == ("B", "A")
    groups = ask(base, "alerts/groups")[1]
    assert [(g["receiver"]["name"], g["labels"], "".join(x["labels"]["alertname"] for x in g["alerts"])) for g in groups] == [
        ("chat", {"slo": "a"}, "B"), ("chat", {"slo": "b"}, "C"), ("chat", {"slo": "c"}, "D"),
        ("pager", {"alertname": "A"}, "A")]
    assert ask(base, "receivers")[1] == [{"name": "chat"}, {"name": "pager"}]
    assert ask(base, "status")[1]["versionInfo"]["version"]
    assert ask(base, "alerts?filter=a=~%22(%22")[0] == 400 and ask(base, "alerts?receiver=(")[0] == 400
    assert ask(base, "alerts?filter=" + "x" * 5000)[0] == 400
    assert ask(base, "alerts", "POST", "[]")[0] == 405 and ask(base, "nothing")[0] == 404


def test_silences_of_the_api(site, base):
    json_type = {"Content_Type": "application/json"}
    make = lambda **more: ask(base, "silences", "POST", json.dumps({**SILENCE, **more}), **json_type)
    assert make() == (200, {"silenceID": "1"})
    assert listed(site)[1]["endsAt"] == "2090-01-01T00:00:00.500Z"
    assert make(id="1", comment="more") == (200, {"silenceID": "2"})
    assert states(site) == {1: "expired", 2: "active"}
    assert make(id="1")[0] == 400 and make(id="9")[0] == 404 and make(endsAt="2026-01-01T00:00:00Z")[0] == 400
    assert make(matchers=[])[0] == 400 and make(matchers=[{"name": "a"}])[0] == 400 and make(comment="")[0] == 400
    assert make(startsAt="now")[0] == 400
    assert [s["id"] for s in ask(base, "silences")[1]] == ["1", "2"]
    assert ask(base, "silences?filter=slo=b")[1] == [] and len(ask(base, "silences?filter=slo=a")[1]) == 2
    assert ask(base, "silence/2")[1]["comment"] == "more" and ask(base, "silence/3")[0] == 404
    assert ask(base, "silence/x")[0] == 404
    body = json.dumps(SILENCE)
    port = base.rsplit(":", 1)[1]
    for headers in ({"Origin": base, **json_type}, {"Origin": "null", **json_type}, {"Host": f"evil.example:{port}", **json_type},
                    {"Host": f"127.0.0.1.evil.example:{port}", **json_type}):
        assert ask(base, "silences", "POST", body, **headers)[0] == 403
        assert ask(base, "silence/2", "DELETE", **headers)[0] == 403
    assert ask(base, "silences", "POST", body, Content_Type="text/plain")[0] == 415
    assert states(site) == {1: "expired", 2: "active"}
    assert ask(base, "silence/2", "DELETE", Host=f"localhost:{port}") == (200, None)
    assert ask(base, "silence/2", "DELETE")[0] == 500 and ask(base, "silence/7", "DELETE")[0] == 404
    assert states(site) == {1: "expired", 2: "expired"}


@pytest.mark.skipif(os.geteuid() != 0, reason="to be another user")
def test_silences_of_another_user(site, base):
    """He may look, and nothing else."""
    site.run("silence", "add", *LONG, "slo=a")
    out = subprocess.run(["curl", "-s", "-X", "DELETE", f"{base}/api/v2/silence/1", "--next", "-s", f"{base}/api/v2/silence/1"],
                         user=65534, cwd="/", capture_output=True, text=True, check=True).stdout.splitlines()
    assert out[0] == '"expected a process of the same user, on this machine"' and '"state":"active"' in out[1]


@pytest.mark.skipif(not shutil.which("amtool"), reason="amtool is not installed")
def test_amtool(site, base):
    def amtool(*args):
        return subprocess.run(["amtool", f"--alertmanager.url={base}", *args], text=True, check=True,
                              capture_output=True).stdout
    assert amtool("silence", "add", "--duration=2h", "--comment=works", "--author=me", "Down", 'slo=~"a|b"') == "1\n"
    (one,) = json.loads(amtool("silence", "query", "-o", "json"))
    assert (one["id"], one["createdBy"], one["comment"]) == ("1", "me", "works")
    assert one["matchers"] == [{"isEqual": True, "isRegex": False, "name": "alertname", "value": "Down"},
                               {"isEqual": True, "isRegex": True, "name": "slo", "value": "a|b"}]
    tell(site, {"alertname": "Down", "slo": "a"}, {"alertname": "Up", "slo": "a"})
    assert [a["labels"]["alertname"] for a in json.loads(amtool("alert", "query", "-o", "json"))] == ["Up"]
    both = json.loads(amtool("alert", "query", "-o", "json", "--active", "--silenced"))
    assert [a["status"]["silencedBy"] for a in both] == [["1"], []]
    assert "Up" in amtool("alert")
    amtool("silence", "update", "--duration=3h", "1")
    assert states(site) == {1: "expired", 2: "active"}
    amtool("silence", "expire", "2")
    assert states(site) == {1: "expired", 2: "expired"} and amtool("silence", "query", "-q") == ""
