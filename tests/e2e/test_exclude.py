"""Exclusions by command: with and without a daemon, declared ones beside them, refused ones, the audit."""
import fcntl
import json
import os
import resource
import socket
import threading

import conftest
import pytest

PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - {id: api, interval: 1m, timeout: 1s, http: {url: "http://127.0.0.1:1/"}}
"""
SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: a, service: s, sli: {probe: api}, objective: 99%, window: 7d, alerting: none}
  - {name: b, service: t, labels: {team: x}, sli: {probe: api}, objective: 90%, window: 7d,
     alerting: none}
"""
DECLARED = """apiVersion: nines/v1
kind: Exclusions
exclusions:
  - {name: sundays, service: s, from: "2026-11-29 02:30", for: 1h, timezone: Europe/Berlin,
     rrule: "FREQ=MONTHLY;BYDAY=-1SU", mode: count_good, reason: maintenance}
"""
SPAN = ["--from", "2026-11-20T10:00:00Z", "--to", "2026-11-20T11:00:00Z", "--reason", "r"]


@pytest.fixture
def site(tmp_path):
    site = conftest.Workspace(tmp_path)
    site.write("probes/p.yaml", PROBES)
    site.write("slos/s.yaml", SLOS)
    site.write("slos/x.yaml", DECLARED)
    return site


def listed(site, *args):
    out = site.run("exclude", "list", "--json", "--at", "2026-11-21T00:00:00Z", *args)
    return [json.loads(line) for line in out.stdout.splitlines()]


def add(site, *args):
    out = site.run("exclude", "add", "--json", "--author", "me", *args)
    assert out.stderr == ""
    return json.loads(out.stdout)["id"]


def go_through(site):
    first = add(site, "--slo", "a", *SPAN)
    assert first == 1
    rule = add(site, "--label", "team=x", "--from", "2026-11-20 23:30", "--for", "1h", "--timezone",
               "Asia/Tokyo", "--rrule", "FREQ=DAILY;COUNT=3", "--reason", "r", "--mode", "count_good")
    rows = {x["id"]: x for x in listed(site)}
    assert set(rows) == {None, 1, 2}
    assert rows[1]["slos"] == ["a"] and rows[1]["mode"] == "drop" and rows[1]["author"] == "me"
    assert rows[1]["span"] == {"is": "last", "start": "2026-11-20T10:00:00Z", "end": "2026-11-20T11:00:00Z"}
    assert rows[rule]["span"]["start"] == "2026-11-21T14:30:00Z" and rows[rule]["labels"] == {"team": "x"}
    assert rows[None]["span"] == {"is": "next", "start": "2026-11-29T01:30:00Z", "end": "2026-11-29T02:30:00Z"}
    again = site.run("exclude", "add", "--service", "s", "--from", "2026-11-20T09:30:00Z", "--for", "1h",
                     "--reason", "r", check=False)
    assert again.returncode == 1 and "overlaps exclusion 1," in again.stderr
    assert "free are 2026-11-20T09:30:00Z to 2026-11-20T10:00:00Z\n" in again.stderr
    site.run("exclude", "remove", 1, "--author", "you")
    twice = site.run("exclude", "remove", 1, check=False)
    assert twice.returncode == 1 and "exclusion 1 was removed at" in twice.stderr and "by you" in twice.stderr
    assert {x["id"] for x in listed(site)} == {None, 2}
    gone = [x for x in listed(site, "--all") if x["removed"]]
    assert [(x["id"], x["author"], x["removed_by"]) for x in gone] == [(1, "me", "you")]
    assert add(site, "--slo", "a", *SPAN) == 3


def test_without_a_daemon(site):
    go_through(site)


def test_through_the_daemon(site, daemons):
    daemons(site).wait("serving")
    go_through(site)


def test_text(site):
    add(site, "--slo", "a", *SPAN)
    out = site.run("exclude", "list", "--at", "2026-11-21T00:00:00Z").stdout.splitlines()
    assert out[0] == "     1  drop        last     2026-11-20T10:00:00Z to 2026-11-20T11:00:00Z  a  r  by me"
    assert out[1].endswith("service=s  FREQ=MONTHLY;BYDAY=-1SU Europe/Berlin  sundays "
                           "(slos/x.yaml:4)  maintenance")


@pytest.mark.parametrize("args, code, words", [
    (["add", "--slo", "c", *SPAN], 1, "no SLO has the name 'c'"),
    (["add", "--service", "s", "--label", "team=x", *SPAN], 1, "it is of no SLO"),
    (["add", *SPAN], 2, "which SLOs?"),
    (["add", "--slo", "a", *SPAN[:4]], 2, "--reason is missing"),
    (["add", "--slo", "a", "--reason", "r", "--for", "1h"], 2, "--from is missing"),
    (["add", "--slo", "a", *SPAN, "--for", "1h"], 2, "one of --to and --for"),
    (["add", "--slo", "a", "--reason", "r", "--from", "2026-11-20 10:00", "--for", "1h"], 2, "a time of no zone"),
    (["add", "--slo", "a", "--reason", "r", "--from", "2026-11-20T10:00:30Z", "--for", "1h"], 2, "whole minutes"),
    (["add", "--slo", "a", "--reason", "r", "--from", "2026-11-20T10:00:00Z", "--for", "30s"], 2, "--for: "),
    (["add", "--slo", "a", *SPAN, "--timezone", "Europe/Bonn"], 2, "unknown time zone"),
    (["add", "--slo", "a", *SPAN, "--rrule", "FREQ=HOURLY"], 2, "--rrule: FREQ: expected"),
    (["add", "--slo", "a", *SPAN, "--rrule", "FREQ=WEEKLY;BYDAY=SU"], 2, "not on a day of the rule"),
    (["add", "--slo", "a", *SPAN, "--mode", "skip"], 2, "drop or count_good"),
    (["add", "--label", "team", *SPAN], 2, "KEY=VALUE"),
    (["add", "--slo", "a", *SPAN[:4], "--reason", "a\nb"], 1, "reason: must be one line"),
    (["add", "--slo", "a", *SPAN[:4], "--reason", "x" * 1025], 1, "reason: has 1024 bytes at most"),
    (["add", "--service", "s", "--reason", "r", "--from", "2026-12-27T02:00:00Z", "--for", "1h"], 1,
     "overlaps the exclusion 'sundays' of slos/x.yaml:4"),
    (["add", "x"], 2, "unexpected argument"),
    (["remove", "1"], 1, "there is no exclusion 1"),
    (["remove", "x"], 2, "expected a number"),
    (["remove"], 2, "the number of one exclusion"),
    (["list", "--format", "xml"], 2, "text or json"),
    (["bogus"], 2, "add, list and remove"),
    ([], 2, "add, list or remove"),
])
def test_what_is_refused(site, args, code, words):
    site.run("annotate", "add", "there is a database")
    out = site.run("exclude", *args, check=False)
    assert out.returncode == code and words in out.stderr
    assert len(listed(site, "--all")) == 1


def test_nothing_is_taken_back_without_a_database(site):
    out = site.run("exclude", "remove", 1, check=False)
    assert out.returncode == 1 and "there is no database" in out.stderr
    assert len(listed(site)) == 1
    assert not list(site.path.glob("*.db*"))


def test_overlaps_in_files(site):
    site.write("slos/y.yaml", """apiVersion: nines/v1
kind: Exclusions
exclusions:
  - {name: one, slos: [a], from: 2026-12-27T02:00:00Z, for: 1h}
  - {name: two, slos: [b], from: 2026-12-27T02:00:00Z, for: 1h}
  - {name: three, labels: {team: x}, from: 2026-12-27T02:59:00Z, for: 1h}
  - {name: four, from: 2026-12-27T03:59:00Z, for: 1h}
""")
    out = site.run("check", check=False)
    assert out.returncode == 1
    assert [line.split(": error: ") for line in out.stderr.splitlines() if ": error: " in line] == [
        ["slos/y.yaml:4:12", "the exclusion 'one' overlaps 'sundays' at slos/x.yaml:4:12: both are of the SLO "
                             "'a' at 2026-12-27T02:00:00Z"],
        ["slos/y.yaml:6:12", "the exclusion 'three' overlaps 'two' at slos/y.yaml:5:12: both are of the SLO "
                             "'b' at 2026-12-27T02:59:00Z"]]


def test_too_many_in_files(site):
    rows = "".join(f"  - {{name: n{i}, slos: [b], from: 2026-01-01T{i // 60:02}:{i % 60:02}:00Z, for: 1m}}\n"
                   for i in range(1001))
    site.write("slos/y.yaml", "apiVersion: nines/v1\nkind: Exclusions\nexclusions:\n" + rows)
    out = site.run("check", check=False)
    assert "slos/y.yaml:1004:12: error: the SLO 'b': an objective has 1000 exclusions at most; found 1001" in out.stderr


def test_a_composite_has_those_of_its_members(site):
    site.write("slos/c.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n"
               "  - {name: c, composite: [{slo: a}, {slo: b}], window: 7d, alerting: none}\n")
    rows = "".join(f"  - {{name: n{i}, slos: [{'ab'[i % 2]}], from: 2026-01-01T{i // 60:02}:{i % 60:02}:00Z, for: 1m}}\n"
                   for i in range(999))
    site.write("slos/y.yaml", "apiVersion: nines/v1\nkind: Exclusions\nexclusions:\n" + rows)
    site.write("slos/x.yaml", "")
    assert add(site, "--slo", "a", *SPAN) == 1
    out = site.run("exclude", "add", "--slo", "b", *SPAN, check=False)
    assert out.returncode == 1
    assert "the SLO 'c': an objective has 1000 exclusions at most; found 1001" in out.stderr


ALERTED = """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: a, service: s, sli: {probe: api}, objective: 99.9%, window: 30d}
"""
DAEMON = """apiVersion: nines/v1
kind: Daemon
receivers:
  - name: hook
    webhook: {{url: "{url}/alert"}}
"""


def test_a_daemon_neither_pages_nor_waits(site, target, webhook, daemons):
    """An outage within an exclusion added just before does not page, one behind it does; and
    taken back, the first one counts after all."""
    site.write("probes/p.yaml", PROBES.replace("1m", "15s").replace("http://127.0.0.1:1", target.url))
    site.write("slos/s.yaml", ALERTED)
    site.write("nines.yaml", DAEMON.format(url=webhook.url))
    site.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(site, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T02:00:00Z")
    number = add(site, "--slo", "a", "--from", "2026-03-01T02:00:00Z", "--for", "10m", "--reason", "r")
    d.wait("exclusions have changed")
    good, bad = target.answer, (503, {}, b"")
    target.answer = bad
    d.advance("2026-03-01T02:10:00Z")
    target.answer = good
    d.advance("2026-03-01T04:00:00Z")
    target.answer = bad
    d.advance("2026-03-01T04:05:00Z")
    target.answer = good
    page = webhook.alert()
    assert "2026-03-01T04:00:40Z" <= page["startsAt"] <= "2026-03-01T04:01:10Z"
    assert site.report("--at", "2026-03-01T04:00:00Z")["slos"][0]["bad"] == 0
    site.run("exclude", "remove", number)
    d.wait("exclusions have changed")
    assert d.stop() == 0
    assert site.report("--at", "2026-03-01T04:00:00Z")["slos"][0]["bad"] == 40


def test_many_are_compared_fast(site):
    """45,000 pairs with a rule each: zones and rules are read once, not for every pair."""
    rows = [f"{{name: y{i}, service: s, from: '2025-{1 + i // 28:02}-{1 + i % 28:02} 02:00', for: 1h, "
            "timezone: Europe/Berlin, rrule: FREQ=YEARLY}" for i in range(50)]
    rows += [f"{{name: o{i}, slos: [a], from: '{2025 + i // 336}-{1 + i % 336 // 28:02}-{1 + i % 28:02}T12:00:00Z', "
             "for: 1h}" for i in range(900)]
    rows += ["{name: late, slos: [a, b], from: '2026-01-01T01:30:00Z', for: 1h}"]
    site.write("slos/x.yaml", "apiVersion: nines/v1\nkind: Exclusions\nexclusions:\n" +
               "".join(f"  - {row}\n" for row in rows))
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    out = site.run("check", check=False)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert out.stderr.splitlines() == [
        "slos/x.yaml:954:12: error: the exclusion 'late' overlaps 'y0' at slos/x.yaml:4:12: "
        "both are of the SLO 'a' at 2026-01-01T01:30:00Z", "nines check: 1 error"]
    assert spent < 4


def test_composite_of_what_is_not_there(site):
    site.write("slos/c.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n"
               "  - {name: c, service: u, composite: [{slo: aa}], window: 7d}\n")
    out = site.run("check", check=False)
    assert out.returncode == 1
    assert "slos/c.yaml:4:" in out.stderr and "'aa'" in out.stderr and "1 error" in out.stderr


def test_daemon_killed_meanwhile(site, monkeypatch):
    """Who holds the database goes away without an answer: nobody knows whether it was done."""
    add(site, "--slo", "a", *SPAN)
    monkeypatch.chdir(site.path)
    with open("nines.db.lock", "w", encoding="ascii") as lock, socket.socket(socket.AF_UNIX) as server:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        server.bind("nines.db.sock")
        server.listen()
        threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        out = site.run("exclude", "remove", "1", check=False)
    assert out.returncode == 1 and out.stderr.endswith("; if it was done, 'list' shows it\n")
