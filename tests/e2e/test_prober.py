"""What all kinds of probes share: whose fault a failure is, when a probe runs,
how many run against one host, and what depends on what."""
import json
import socket
import sqlite3

import conftest
import pytest

PROBES = """
apiVersion: nines/v1
kind: Probes
defaults: {{interval: 15s, timeout: 5s}}
probes:
{probes}
"""

SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - name: availability
    sli: {probe: api}
    objective: 99.9%
    window: 30d
    alerting: default
"""


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def rows(workspace, sql):
    with sqlite3.connect(f"file:{workspace.path}/nines.db?mode=ro", uri=True) as db:
        return db.execute(sql).fetchall()


def run_to(workspace, daemons, start, *times):
    workspace.write("clock", start)
    d = daemons(workspace, "--test-clock", "clock")
    d.wait("test clock reached")
    for time in times:
        d.advance(time)
    assert d.stop() == 0


def the_slo(workspace, at):
    (slo,) = workspace.report("--at", at)["slos"]
    return slo


# ---- self_check ----------------------------------------------------------------


def self_checked(workspace, checked):
    workspace.write("probes/p.yaml", PROBES.format(
        probes=f"  - {{id: api, http: {{url: 'http://127.0.0.1:{closed_port()}/'}}}}"))
    workspace.write("slos/s.yaml", SLOS)
    targets = "".join(f"\n    - {t}" for t in checked)
    workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\n"
                    + (f"self_check:\n  targets:{targets}\n" if checked else ""))


def test_a_failure_is_the_targets_while_others_can_be_reached(workspace, target, daemons):
    self_checked(workspace, [f"tcp://127.0.0.1:{closed_port()}", target.url + "/"])
    run_to(workspace, daemons, "2026-03-01T00:00:00Z", "2026-03-01T00:10:00Z")
    slo = the_slo(workspace, "2026-03-01T00:10:00Z")
    assert (slo["bad"], slo["excluded"]) == (40, 0)
    assert slo["reasons"] == [{"reason": "connect", "count": 40}]
    assert target.hits == 40  # one connection for each failing second


def test_a_failure_is_nobodys_while_nobody_can_be_reached(workspace, daemons):
    self_checked(workspace, [f"tcp://127.0.0.1:{closed_port()}",
                             f"http://127.0.0.1:{closed_port()}/"])
    run_to(workspace, daemons, "2026-03-01T00:00:00Z", "2026-03-01T00:10:00Z")
    slo = the_slo(workspace, "2026-03-01T00:10:00Z")
    assert (slo["bad"], slo["excluded"]) == (0, 40)
    assert slo["state"] == "no_data"
    ((message,),) = rows(workspace, "SELECT DISTINCT message FROM evidence")
    assert message.startswith("the prober reaches no target of self_check")
    assert "connection refused" in message


def test_without_self_check_a_failure_is_bad(workspace, daemons):
    self_checked(workspace, [])
    run_to(workspace, daemons, "2026-03-01T00:00:00Z", "2026-03-01T00:10:00Z")
    assert the_slo(workspace, "2026-03-01T00:10:00Z")["bad"] == 40


@pytest.mark.parametrize("target, why", [
    ("udp://10.0.0.1:53", "nines.yaml:5:7: error: targets: 'udp://'"),
    ("10.0.0.1:53", "nines.yaml:5:7: error: targets: expected tcp://address:port or a URL"),
    ("tcp://10.0.0.1", "nines.yaml:5:7: error: targets: expected a host and a port"),
])
def test_targets_of_the_self_check_are_checked(workspace, target, why):
    self_checked(workspace, [target])
    done = workspace.run("check", check=False)
    assert done.returncode == 1
    assert why in done.stdout + done.stderr


# ---- limits.per_host ---------------------------------------------------------------


def test_a_host_takes_so_many_at_once(workspace, target, daemons):
    # So many probes that some of them are due in the same millisecond.
    workspace.write("probes/p.yaml", PROBES.format(probes="".join(
        f"  - {{id: p{i}, interval: 100ms, timeout: 100ms, http: {{url: '{target.url}/'}}}}\n"
        for i in range(120))))
    workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nlimits: {per_host: 1}\n")
    run_to(workspace, daemons, "2026-03-01T00:00:00Z", "2026-03-01T00:00:00.500Z")
    outcomes = dict(rows(workspace, "SELECT outcome, count(*) FROM result GROUP BY outcome"))
    good, skipped = outcomes[0], outcomes[3]
    assert good == target.hits and skipped > 0
    assert good + skipped == 120 * 5
    ((message,),) = rows(workspace, "SELECT DISTINCT message FROM evidence")
    host = target.url.removeprefix("http://")
    assert message == f"1 runs against {host} are in flight (limits.per_host)"


# ---- service hours --------------------------------------------------------------------


def test_a_probe_keeps_to_its_hours(workspace, target, daemons):
    hours = "hours: {timezone: Europe/Berlin, days: mon-fri, from: '08:00', to: '18:00'}"
    probe = "  - {{id: api, {hours}, http: {{url: '{url}/'}}}}"
    workspace.write("probes/p.yaml",
                    PROBES.format(probes=probe.format(hours=hours, url=target.url)))
    workspace.write("slos/s.yaml", SLOS)
    # From Friday 17:00 to Monday 12:00 there; the clocks go forward on Sunday.
    run_to(workspace, daemons, "2026-03-27T16:00:00Z", "2026-03-30T10:00:00Z")
    slo = the_slo(workspace, "2026-03-30T10:00:00Z")
    assert slo["total"] == 5 * 240 == target.hits
    assert slo["coverage"]["missing"]["prober_down"] == 0
    # The window begins on a Saturday: 20 whole days, and this morning.
    assert slo["coverage"]["expected"] == (20 * 10 + 4) * 240

    # Other hours are another schedule, from when they came into force.
    workspace.write("probes/p.yaml",
                    PROBES.format(probes=probe.format(hours="hours: []", url=target.url)))
    done = workspace.run("check", check=False)
    assert done.returncode == 1 and "there is no span" in done.stdout + done.stderr
    workspace.write("probes/p.yaml",
                    PROBES.format(probes=probe.format(hours="timeout: 5s", url=target.url)))
    run_to(workspace, daemons, "2026-03-30T20:00:00Z", "2026-03-30T21:00:00Z")
    schedules = [h for (h,) in rows(workspace, "SELECT hours FROM probe_revision ORDER BY since")]
    assert schedules == ["Europe/Berlin mon-fri 08:00-18:00", ""]
    slo = the_slo(workspace, "2026-03-30T21:00:00Z")
    assert slo["total"] == 6 * 240
    assert slo["coverage"]["missing"]["prober_down"] == 6 * 240  # from 10:00 to 16:00


# ---- depends_on ------------------------------------------------------------------------

GOOD = (200, {}, b"")
BAD = (503, {}, b"")


@pytest.fixture
def database():
    t = conftest.Target()
    yield t
    t.close()


@pytest.fixture
def pair(workspace, target, database, webhook):
    workspace.write("probes/p.yaml", PROBES.format(probes=(
        f"  - {{id: api, depends_on: db, http: {{url: '{target.url}/'}}}}\n"
        f"  - {{id: db, http: {{url: '{database.url}/'}}}}")))
    workspace.write("slos/s.yaml", SLOS)
    workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nreceivers:\n"
                    f"  - {{name: hook, webhook: {{url: '{webhook.url}/alert'}}}}\n")
    return workspace


def test_a_page_waits_for_what_it_depends_on(pair, target, database, webhook, daemons):
    pair.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(pair, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T02:00:00Z")
    target.answer = database.answer = BAD
    d.advance("2026-03-01T02:05:00Z")
    assert d.stop() == 0
    assert webhook.posts.empty()
    fired = rows(pair, "SELECT kind, notify FROM alert_event")
    assert fired == [(0, 0)]

    # A restart forgets neither the alert nor that nobody was told.
    pair.write("clock", "2026-03-01T02:05:30Z")
    d = daemons(pair, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T02:08:00Z")
    assert webhook.posts.empty()

    database.answer = GOOD
    d.advance("2026-03-01T02:09:00Z")
    path, body = webhook.post()
    page = conftest.alert_of(body)
    assert (page["status"], page["labels"]["severity"]) == ("firing", "critical")
    assert page["startsAt"] < "2026-03-01T02:02:00Z" < json.loads(body)["at"]
    assert d.stop() == 0

    # Nor that somebody was.
    pair.write("clock", "2026-03-01T02:09:30Z")
    d = daemons(pair, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T02:15:00Z")
    target.answer = GOOD
    d.advance("2026-03-01T12:00:00Z")
    on, over = {"critical"}, False
    while not over:
        alert = webhook.alert()
        severity = alert["labels"]["severity"]
        assert alert["status"] == "firing" or severity in on
        on = on | {severity} if alert["status"] == "firing" else on - {severity}
        over = "lasted" in alert["annotations"]  # else it goes on with another severity
    assert not on
    assert d.stop() == 0
    assert webhook.posts.empty()


def test_nobody_hears_of_what_its_cause_explains(pair, target, database, webhook, daemons):
    pair.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(pair, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T02:00:00Z")
    target.answer = database.answer = BAD
    d.advance("2026-03-01T02:01:30Z")
    target.answer = GOOD
    d.advance("2026-03-04T02:00:00Z")
    database.answer = GOOD
    d.advance("2026-03-04T03:00:00Z")
    assert d.stop() == 0
    assert webhook.posts.empty()
    kinds = [k for (k,) in rows(pair, "SELECT kind FROM alert_event ORDER BY id")]
    assert kinds[0] == 0 and kinds[-1] == 5  # fire and resolve, for the record
    assert rows(pair, "SELECT count(*) FROM outbox") == [(0,)]
