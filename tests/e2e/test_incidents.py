"""Incidents: opened by alerts and by people, with a daemon on a clock of its own, killed in between,
and without one; in the report, in status, and as what replay's alerts are held against."""
import json

import conftest
import pytest

PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - {id: api-health, interval: 15s, timeout: 5s, http: {url: "%s"}}
"""
SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: api-availability, service: agent-api, sli: {probe: api-health}, objective: 99.9%,
     window: 30d, alerting: default}
  - {name: api-goal, service: agent-api, sli: {probe: api-health}, objective: 95%,
     window: 7d, alerting: none}
"""
BAD = (500, {}, b"no")
NO_RECEIVERS = "receivers: []\n"


@pytest.fixture
def site(tmp_path):
    site = conftest.Workspace(tmp_path)
    site.env = {"USER": "anna"}
    site.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\n" + NO_RECEIVERS)
    site.write("slos/s.yaml", SLOS)
    site.write("probes/p.yaml", PROBES % "http://127.0.0.1:1/")
    return site


def listed(site, *args):
    out = site.run("incident", "list", "--json", *args).stdout
    return [json.loads(line) for line in out.splitlines()]


def shown(site, number):
    return json.loads(site.run("incident", "show", number, "--json").stdout)


def begin(site, daemons, time):
    site.write("clock", time)
    d = daemons(site, "--test-clock", "clock")
    d.wait("test clock reached", time=time)
    return d


def test_an_outage_is_an_incident(site, target, daemons):
    site.write("probes/p.yaml", PROBES % target.url)
    d = begin(site, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T01:20:00Z")  # a blip, of the long window, but of no incident
    good, target.answer = target.answer, BAD
    d.advance("2026-03-01T01:20:15Z")
    target.answer = good
    d.advance("2026-03-01T02:00:00Z")
    target.answer = BAD
    d.advance("2026-03-01T02:03:00Z")
    one, = listed(site)
    assert one["state"] == "open" and one["severity"] == "page" and one["title"] == "api-availability"
    assert one["opened_by"] is None and one["restored"] is None and one["alerted"]
    # The first bad event is the first slot after the answer changed.
    assert "2026-03-01T02:00:00Z" <= one["began"] < "2026-03-01T02:00:15Z"
    assert one["detected"] == one["opened"] == one["alerts"][0]["told"]
    assert 15 <= one["detect_seconds"] <= 75

    # Whoever is there in between: the same incident goes on.
    d.kill()
    d = begin(site, daemons, "2026-03-01T02:04:00Z")
    assert site.run("incident", "note", 1, "rolled back", "--at", "2026-03-01T02:03:30Z").stdout == ""
    site.run("annotate", "add", "--kind", "deploy", "--at", "2026-03-01T01:59:00Z", "2.4.0")
    status = json.loads(site.run("status", "--json", "--at", "2026-03-01T02:04:00Z").stdout)
    assert [i["id"] for i in status["incidents"]] == [1]
    assert "incident 1" in site.run("status", "--at", "2026-03-01T02:04:00Z").stdout
    d.advance("2026-03-01T02:10:00Z")
    target.answer = good
    d.advance("2026-03-01T03:30:00Z")
    assert d.stop() == 0

    one, = listed(site)
    assert one["state"] == "closed" and one["closed_by"] is None
    # The short window of the tier that let go last is 30 minutes; a ticket goes on.
    alert, = one["alerts"]
    assert alert["severity"] == "page" and alert["cleared"] == alert["resolved"] == one["restored"]
    assert one["closed"] == one["restored"]
    assert "2026-03-01T02:39:00Z" <= one["restored"] <= "2026-03-01T02:41:00Z"
    assert status["incidents"][0]["began"] == one["began"]

    line = shown(site, 1)["timeline"]
    kinds = [m["what"] for m in line]
    assert kinds[:2] == ["deploy", "began"] and kinds[-1] == "closed"
    assert kinds.index("fire") < kinds.index("note") < kinds.index("deescalate")
    assert "restored" in kinds
    assert line[0]["after_seconds"] < 0 and line[1]["after_seconds"] == 0
    assert next(m for m in line if m["what"] == "note")["text"] == "anna: rolled back"
    times = [m["at"] for m in line]
    assert times == sorted(times)

    report = site.report("--at", "2026-03-01T04:00:00Z")
    one_again, = report["incidents"]
    spent = {s["slo"]: s for s in one_again["spent"]}
    bad = {s["slo"]: s["bad"] for s in report["slos"]}
    assert {k: s["bad"] + 1 for k, s in spent.items()} == bad and bad["api-availability"] >= 36
    ratios = {s["slo"]: s["budget"]["consumed_ratio"] for s in report["slos"]}
    for name, s in spent.items():
        share = ratios[name] * s["bad"] / bad[name]
        assert s["consumed_ratio"] == pytest.approx(share, rel=1e-5)
    assert report["incident_times"]["to_detect"] == {
        "count": 1, "mean_seconds": one["detect_seconds"], "median_seconds": one["detect_seconds"]}
    for kind in ("text", "markdown", "html"):
        out = site.run("report", "--at", "2026-03-01T04:00:00Z", "--format", kind).stdout
        assert "1 incident;" in out, kind
    # Of another time, and of another SLO's report, there is none.
    assert site.report("--at", "2026-03-01T01:59:00Z")["incidents"] == []

    # What the daemon did, replayed, finds it; a less strict SLO would have missed it.
    span = ["--from", "2026-03-01T01:00:00Z", "--to", "2026-03-01T04:00:00Z"]
    replayed = summary(site, *span)
    assert replayed["recall"] == 1 and replayed["precision"] == 1
    found, = replayed["incidents"]
    assert found["from"] == one["began"] and found["detection_seconds"] == one["detect_seconds"]
    site.write("draft.yaml", SLOS.replace("99.9%", "90%").replace("name: api", "name: x"))
    missed = summary(site, *span, "--slos", "draft.yaml")
    assert missed["recall"] == 0 and missed["incidents"][0]["from"] == one["began"]

    # A person knows better when it was over, once.
    site.run("incident", "close", 1, "--restored", "2026-03-01T02:10:00Z", "--by", "ben")
    corrected, = listed(site)
    assert corrected["closed"] == one["closed"] and corrected["closed_by"] == "ben"
    assert corrected["restored"] == "2026-03-01T02:10:00Z" and len(corrected["alerts"]) == 1
    again = site.run("incident", "close", 1, check=False)
    assert "incident 1 was closed at 2026-03-01T02:" in again.stderr and "by ben" in again.stderr


def summary(site, *args):
    out = site.run("replay", "--incidents", "stored", *args).stdout
    return json.loads(out.splitlines()[-1])["summary"]


def history(site):
    """A day in which every run of one hour fails."""
    lines = []
    for minute in range(24 * 60):
        outcome, reason = ("bad", "status") if 600 <= minute < 660 else ("good", None)
        line = {"probe": "api-health", "time": f"2026-02-01T{minute // 60:02}:{minute % 60:02}:00Z",
                "outcome": outcome, "code": 500 if reason else 200, "latency_ms": 5}
        lines.append(json.dumps({**line, "reason": reason} if reason else line))
    site.run("import", "-", "--create", "interval=1m", stdin="\n".join(lines))


def test_a_person_writes_down_what_no_alert_saw(site):
    history(site)
    now = site.run("incident", "open", "first").stdout
    assert now == "incident 1\n"
    one, = listed(site)
    assert one["opened_by"] == "anna" and not one["alerted"] and one["detect_seconds"] == 0
    site.run("incident", "close", 1)
    done = site.run("incident", "close", 1, check=False)
    assert done.returncode == 1 and "incident 1 was closed at" in done.stderr
    assert "by anna" in done.stderr
    assert listed(site, "--open") == []


def test_refused(site):
    history(site)
    cases = [
        (["open"], 2, "expected one title"),
        (["open", "x", "--severity", "high"], 2, "--severity is page or ticket; found 'high'"),
        (["open", "x", "--slo", "api-availabilty"], 1, "did you mean 'api-availability'?"),
        (["open", "x", "--service", "agent-apo"], 1, "did you mean 'agent-api'?"),
        (["open", "x", "--service", "zzzzzzzz"], 1, "there is no service 'zzzzzzzz'"),
        (["open", ""], 1, "title: must have 1 to 200 bytes"),
        (["open", "a\nb"], 1, "title: must be one line without control characters"),
        (["open", "x", "--by", ""], 1, "by: must have 1 to 512 bytes"),
        (["open", "x", "--began", "2999-01-01T00:00:00Z"], 1, "began: is in the future"),
        (["open", "x", "--began", "2001-01-01T00:00:00Z"], 1, "began: is more than a year ago"),
        (["note", "1"], 2, "expected the number of an incident and one text"),
        (["note", "x", "y"], 2, "expected the number of an incident; found 'x'"),
        (["show", "99999999999999999999"], 2, "an incident; found '99999999999999999999'"),
        (["note", "9", "y"], 1, "there is no incident 9"),
        (["note", "9", ""], 1, "text: must have 1 to 1024 bytes"),
        (["close"], 2, "expected the number of one incident"),
        (["close", "0"], 2, "found '0'"),
        (["close", "9"], 1, "there is no incident 9"),
        (["show"], 2, "expected the number of one incident"),
        (["show", "9"], 1, "there is no incident 9"),
        (["show", "9", "--format", "csv"], 2, "--format is text or json; found 'csv'"),
        (["list", "9"], 2, "unexpected argument '9'"),
        (["list", "--format", "csv"], 2, "--format is text or json; found 'csv'"),
    ]
    for args, code, says in cases:
        done = site.run("incident", *args, check=False)
        assert (done.returncode, done.stdout) == (code, "") and says in done.stderr, (args, done)
    assert listed(site) == []


def test_times_by_hand(site, daemons):
    history(site)
    d = begin(site, daemons, "2026-02-02T00:00:00Z")
    site.run("incident", "open", "a miss", "--service", "agent-api", "--began",
             "2026-02-01T10:00:00Z", "--detected", "2026-02-01T10:40:00Z", "--by", "ben")
    done = site.run("incident", "close", 1, "--restored", "2026-02-01T09:00:00Z", check=False)
    assert "restored: it began at 2026-02-01T10:00:00Z" in done.stderr
    done = site.run("incident", "open", "x", "--began", "2026-02-01T10:00:00Z", "--detected",
                    "2026-02-01T09:00:00Z", check=False)
    assert "detected: is before it began" in done.stderr
    site.run("incident", "close", 1, "--restored", "2026-02-01T11:00:00Z")
    assert d.stop() == 0
    one, = listed(site)
    assert (one["detect_seconds"], one["restore_seconds"]) == (2400, 3600)
    assert one["opened"] == "2026-02-02T00:00:00Z" and one["closed_by"] == "anna"
    report = site.report("--at", "2026-02-02T00:00:00Z")
    spent = {s["slo"]: s["bad"] for s in report["incidents"][0]["spent"]}
    assert spent == {"api-availability": 60, "api-goal": 60}
    assert site.report("--at", "2026-02-02T00:00:00Z", "--slo", "api-goal")["incidents"]
    replayed = summary(site, "--from", "2026-02-01T06:00:00Z", "--to", "2026-02-02T00:00:00Z")
    assert replayed["recall"] == 1 and replayed["incidents"][0]["name"] == "a miss"
