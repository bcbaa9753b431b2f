"""The daemon over hours of engine time: probe, record, evaluate, page."""
import json
import resource
import signal
import sqlite3
import subprocess
import urllib.request

import conftest
import pytest

PROBES = """
apiVersion: nines/v1
kind: Probes
defaults: {{interval: {interval}, timeout: 5s}}
probes:
  - id: api-health
    http:
      url: {url}/health
      expect: {{status: 200, json: {{$.status: healthy}}}}
"""

SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - name: api-availability
    service: agent-api
    sli: {probe: api-health}
    objective: 99.9%
    window: 30d
    alerting: default
"""

DAEMON = """
apiVersion: nines/v1
kind: Daemon
receivers:
  - name: hook
    webhook: {{url: "{url}/alert"}}
"""

PHASE_0 = "api-8765"  # an id whose slots at 10 s lie on multiples of 10 s

GOOD = (200, {"Content-Type": "application/json"}, b'{"status":"healthy"}')
BAD = (503, {"Content-Type": "application/json"}, b'{"status":"down"}')


@pytest.fixture
def site(workspace, target, webhook):
    workspace.write("probes/api.yaml", PROBES.format(url=target.url, interval="15s"))
    workspace.write("slos/api.yaml", SLOS)
    workspace.write("nines.yaml", DAEMON.format(url=webhook.url))
    return workspace


def counts(report, name="api-availability"):
    (slo,) = [s for s in report["slos"] if s["slo"] == name]
    return slo


def test_hours_in_seconds_page_and_resolve(site, target, webhook, daemons):
    site.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(site, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T02:00:00Z")
    good = target.answer
    target.answer = BAD
    d.advance("2026-03-01T02:10:00Z")
    target.answer = good

    path, body = webhook.post()
    page = conftest.alert_of(body)
    assert path == "/alert" and page["status"] == "firing"
    assert page["labels"] == {"alertname": "ErrorBudgetBurn", "service": "agent-api",
                              "severity": "critical", "slo": "api-availability"}
    # 4 of 240 slots fail the 14.4x tier's 1 h window; the first tick after
    # the fourth failed slot tells.
    assert "2026-03-01T02:00:40Z" <= page["startsAt"] <= "2026-03-01T02:01:10Z"

    d.advance("2026-03-01T12:00:00Z")
    while page["status"] != "resolved":
        page = webhook.alert()
    assert d.stop() == 0

    slo = counts(site.report("--at", "2026-03-01T12:00:00Z"))
    assert slo["total"] == 12 * 240
    assert slo["bad"] == 40
    assert slo["good"] == 12 * 240 - 40
    assert slo["state"] == "breached"
    assert slo["coverage"]["missing"]["prober_down"] == 0
    assert slo["reasons"] == [{"reason": "status", "count": 40}]


def test_restart_keeps_the_alert_and_counts_the_gap(site, target, webhook, daemons):
    site.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(site, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T01:00:00Z")
    target.answer = BAD
    d.advance("2026-03-01T01:05:00Z")
    assert webhook.alert()["status"] == "firing"
    assert d.stop() == 0

    site.write("clock", "2026-03-01T01:06:00Z")
    d = daemons(site, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T01:30:00Z")
    assert d.stop() == 0
    # Still one page: the alert went on over the restart.
    assert webhook.posts.empty()
    slo = counts(site.report("--at", "2026-03-01T01:30:00Z"))
    assert slo["coverage"]["missing"]["prober_down"] == 4
    assert slo["coverage"]["expected"] == slo["total"] + sum(slo["coverage"]["missing"].values())


def test_killed_daemon_loses_nothing_committed(site, daemons):
    site.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(site, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T01:00:00Z")
    d.kill()
    slo = counts(site.report("--at", "2026-03-01T01:00:00Z"))
    assert slo["total"] == 240
    with sqlite3.connect(f"file:{site.path}/nines.db?mode=ro", uri=True) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_second_daemon_is_refused(site, daemons):
    d = daemons(site)
    d.wait("serving")
    second = site.run("run", "--listen", "127.0.0.1:0", check=False)
    assert second.returncode == 1
    assert str(d.process.pid) in second.stderr
    assert d.stop() == 0


def test_reload_adopts_good_files_and_refuses_bad_ones(site, target, daemons):
    d = daemons(site)
    d.wait("serving")
    site.write("probes/more.yaml", PROBES.format(url=target.url, interval="1s")
               .replace("api-health", "api-more"))
    d.signal(signal.SIGHUP)
    d.wait("configuration reloaded")
    site.write("probes/more.yaml", "kind: Probes\nprobes: [}")
    d.signal(signal.SIGHUP)
    d.wait("reload failed; the old configuration stays in force")
    assert d.stop() == 0
    with sqlite3.connect(f"file:{site.path}/nines.db?mode=ro", uri=True) as db:
        ids = {row[0] for row in db.execute("SELECT id FROM probe")}
    assert ids == {"api-health", "api-more"}


def get(base, path):
    try:
        with urllib.request.urlopen(base + path, timeout=conftest.PATIENCE) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def test_own_health_is_served(site, daemons):
    d = daemons(site)
    base = "http://" + d.wait("serving")["address"]
    assert get(base, "/livez")[0] == 200
    assert get(base, "/version")[0] == 200
    assert json.loads(get(base, "/health")[1])
    status, metrics = get(base, "/metrics")
    assert status == 200
    checked = subprocess.run(["promtool", "check", "metrics"], input=metrics, text=True,
                             capture_output=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert get(base, "/nothing")[0] == 404
    assert d.stop() == 0


def test_second_signal_does_not_wait_for_a_hanging_target(site, daemons):
    import socket
    with socket.create_server(("127.0.0.1", 0)) as hole:
        port = hole.getsockname()[1]
        text = PROBES.format(url=f"http://127.0.0.1:{port}", interval="1s").replace(
            "timeout: 5s", "timeout: 10m")
        site.write("probes/api.yaml", text)
        d = daemons(site)
        d.wait("serving")
        connection, _ = hole.accept()  # a run is in flight and will not end
        d.signal(signal.SIGTERM)
        d.wait("stopping; a second signal does not wait")
        assert d.process.poll() is None
        d.signal(signal.SIGTERM)
        assert d.process.wait(timeout=conftest.PATIENCE) == 0
        connection.close()


def disk_limit(process, size=resource.RLIM_INFINITY):
    """Files of the process may grow to `size`: a disk that is full, at will."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_full_disk_pages_from_memory_and_loses_nothing(site, target, webhook, daemons):
    site.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(site, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T01:00:00Z")
    disk_limit(d.process, 0)
    site.write("clock", "2026-03-01T01:00:10Z")
    d.wait("test clock reached, but not everything is stored")
    target.answer = BAD
    site.write("clock", "2026-03-01T01:05:00Z")

    seen = [webhook.alert() for _ in range(2)]
    assert {(a["labels"]["alertname"], a["labels"]["severity"], a["status"]) for a in seen} == {
        ("ErrorBudgetBurn", "critical", "firing"), ("ProberDown", "critical", "firing")}
    assert d.process.poll() is None

    disk_limit(d.process)
    d.wait("results are stored again")
    d.advance("2026-03-01T01:06:00Z")
    assert webhook.posts.empty()  # the recorded messages are those that were sent
    d.advance("2026-03-01T01:11:00Z")  # it has cooled
    resolved = webhook.alert()
    assert (resolved["labels"]["alertname"], resolved["status"]) == ("ProberDown", "resolved")
    assert d.stop() == 0
    assert webhook.posts.empty()

    slo = counts(site.report("--at", "2026-03-01T01:06:00Z"))
    assert slo["total"] == 66 * 4 and slo["bad"] == 6 * 4
    with sqlite3.connect(f"file:{site.path}/nines.db?mode=ro", uri=True) as db:
        assert db.execute("SELECT kind FROM alert_event WHERE condition = ''").fetchall() == [(0,)]
        assert db.execute("SELECT done FROM outbox").fetchall() == [(1,), (1,), (1,)]


def test_stop_with_a_full_disk_says_so_in_time(site, target, webhook, daemons):
    d = daemons(site)
    d.wait("serving")
    disk_limit(d.process, 0)
    d.wait("results cannot be stored; they wait in memory")
    d.signal(signal.SIGTERM)
    d.wait("stopping; a second signal does not wait")
    d.signal(signal.SIGTERM)
    d.wait("stopping at once")
    assert d.process.wait(timeout=conftest.PATIENCE) == 1


def start_at(site, daemons, time):
    site.write("clock", time)
    d = daemons(site, "--test-clock", "clock")
    d.wait("test clock reached", time=time)
    return d


def reload(d):
    d.signal(signal.SIGHUP)
    d.wait("configuration reloaded")


def test_new_interval_counts_from_its_reload(site, target, daemons):
    d = start_at(site, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T01:00:00Z")
    site.write("probes/api.yaml", PROBES.format(url=target.url, interval="30s"))
    reload(d)
    d.advance("2026-03-01T02:00:00Z")
    assert d.stop() == 0
    slo = counts(site.report("--at", "2026-03-01T02:00:00Z"))
    assert slo["total"] == 240 + 120
    assert slo["coverage"]["missing"]["prober_down"] == 0


def test_renamed_probe_keeps_its_history(site, target, daemons):
    d = start_at(site, daemons, "2026-03-01T00:00:00Z")
    target.answer = BAD
    d.advance("2026-03-01T01:00:00Z")
    target.answer = GOOD
    text = PROBES.format(url=target.url, interval="15s")
    site.write("probes/api.yaml", text.replace("id: api-health",
                                               "id: api-ready\n    renamed_from: api-health"))
    site.write("slos/api.yaml", SLOS.replace("api-health", "api-ready"))
    reload(d)
    d.advance("2026-03-01T02:00:00Z")
    assert d.stop() == 0
    slo = counts(site.report("--at", "2026-03-01T02:00:00Z"))
    assert slo["bad"] == 240
    assert abs(slo["total"] - 480) <= 1  # the id decides the phase


def test_removed_and_returning_probe_is_one_history(site, target, daemons):
    d = start_at(site, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T01:00:00Z")
    for name in ("probes/api.yaml", "slos/api.yaml"):
        (site.path / name).rename(site.path / (name + ".away"))
    reload(d)
    d.advance("2026-03-01T02:00:00Z")
    for name in ("probes/api.yaml", "slos/api.yaml"):
        (site.path / (name + ".away")).rename(site.path / name)
    reload(d)
    d.advance("2026-03-01T03:00:00Z")
    assert d.stop() == 0
    slo = counts(site.report("--at", "2026-03-01T03:00:00Z"))
    assert slo["total"] == 480
    assert slo["coverage"]["missing"]["prober_down"] == 240


def test_objective_added_by_reload_knows_what_was_before(site, target, webhook, daemons):
    (site.path / "slos/api.yaml").unlink()
    d = start_at(site, daemons, "2026-03-01T00:00:00Z")
    target.answer = BAD
    d.advance("2026-03-01T00:30:00Z")
    site.write("slos/api.yaml", SLOS)
    reload(d)
    d.advance("2026-03-01T00:31:00Z")
    page = webhook.alert()
    assert page["status"] == "firing" and page["startsAt"] == "2026-03-01T00:30:10Z"
    assert "api-health: 120 times status" in page["annotations"]["failing_probes"]
    assert d.stop() == 0


def test_slot_at_an_evaluation_belongs_to_the_next(site, target, webhook, daemons):
    # The id gives phase 0: every slot lies on an evaluation instant.
    text = PROBES.format(url=target.url, interval="10s").replace("api-health", PHASE_0)
    site.write("probes/api.yaml", text)
    site.write("slos/api.yaml", SLOS.replace("api-health", PHASE_0))
    d = start_at(site, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T01:59:55Z")
    target.answer = BAD
    d.advance("2026-03-01T02:05:00Z")
    # Six of 360 burn at 16.7, five at 13.9. The sixth slot is not in [.., 02:00:50).
    assert webhook.alert()["startsAt"] == "2026-03-01T02:01:00Z"
    assert d.stop() == 0

    # A second process at the same instant: the stored slot stays, once.
    d = start_at(site, daemons, "2026-03-01T02:05:00Z")
    d.advance("2026-03-01T02:05:10Z")
    assert d.stop() == 0
    slo = counts(site.report("--at", "2026-03-01T02:05:20Z"))
    assert slo["total"] == 2 * 360 + 32 and slo["bad"] == 32


def test_clock_file_is_believed_only_forward(site, daemons):
    d = start_at(site, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T01:00:00Z")
    site.write("clock", "2026-02-01T00:00:00Z")
    site.write("clock", "tomorrow")
    (site.path / "clock").unlink()
    d.advance("2026-03-01T01:10:00Z")
    assert d.stop() == 0
    assert counts(site.report("--at", "2026-03-01T01:10:00Z"))["total"] == 280
    site.write("clock", "tomorrow")
    refused = site.run("run", "--test-clock", "clock", check=False)
    assert refused.returncode == 1 and "tomorrow" in refused.stderr


def test_objective_added_while_the_disk_is_full_alerts_afterwards(site, target, webhook, daemons):
    (site.path / "slos/api.yaml").unlink()
    d = start_at(site, daemons, "2026-03-01T00:00:00Z")
    disk_limit(d.process, 0)
    site.write("clock", "2026-03-01T00:00:10Z")
    d.wait("test clock reached, but not everything is stored")
    site.write("slos/api.yaml", SLOS)
    reload(d)
    d.wait("history could not be read; new SLOs do not alert until it can")
    disk_limit(d.process)
    d.wait("results are stored again")
    target.answer = BAD
    d.advance("2026-03-01T00:05:00Z")
    assert webhook.alert()["status"] == "firing"
    assert d.stop() == 0


SEVERAL = SLOS.replace("objective: 99.9%", "objective: {goal: 99.9%, promise: 99%}")


def events(webhook, n):
    alerts = [webhook.alert() for _ in range(n)]
    return sorted((a["labels"].get("objective", ""), a["status"]) for a in alerts), alerts


@pytest.mark.parametrize("restart", [False, True])
def test_one_objective_becomes_several_and_back(site, target, webhook, daemons, restart):
    """The alert of what is no more is ended for those who know of it; the new ones begin with
    none of its state, and back again nothing is left of before."""
    def change(d, text, at):
        site.write("slos/api.yaml", text)
        if not restart:
            reload(d)
            return d
        assert d.stop() == 0
        return start_at(site, daemons, at)
    d = start_at(site, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T01:00:00Z")
    target.answer = BAD
    d.advance("2026-03-01T01:03:00Z")
    (told, (first,)) = events(webhook, 1)
    assert told == [("", "firing")]
    d = change(d, SEVERAL, "2026-03-01T01:03:00Z")
    d.advance("2026-03-01T01:03:20Z")
    told, posts = events(webhook, 2)
    assert told == [("", "resolved"), ("goal", "firing")]
    over = next(p for p in posts if p["status"] == "resolved")
    assert all(over[k] == first[k] for k in ("fingerprint", "labels", "startsAt"))
    assert over["annotations"]["summary"].startswith("api-availability: ended after ")
    d.advance("2026-03-01T01:12:00Z")
    assert events(webhook, 1)[0] == [("promise", "firing")]
    d = change(d, SLOS, "2026-03-01T01:12:00Z")
    d.advance("2026-03-01T01:12:20Z")
    assert events(webhook, 3)[0] == [("", "firing"), ("goal", "resolved"), ("promise", "resolved")]
    d = change(d, SLOS.replace("alerting: default", "alerting: none"), "2026-03-01T01:12:20Z")
    d.advance("2026-03-01T01:13:00Z")
    assert events(webhook, 1)[0] == [("", "resolved")]
    assert json.loads(site.run("status", "--json").stdout)["slos"][0]["alert"] == "inactive"
    assert d.stop() == 0
    assert webhook.posts.empty()
    with sqlite3.connect(f"file:{site.path}/nines.db?mode=ro", uri=True) as db:
        assert db.execute("SELECT count(*) FROM alert WHERE phase != 0").fetchone() == (0,)


@pytest.mark.parametrize("restart", [False, True])
def test_other_labels_end_the_old_alert_and_begin_a_new_one(site, target, webhook, daemons, restart):
    """To receivers an alert is its labels: of a declared one, and of what a severity is called."""
    d = start_at(site, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T01:00:00Z")
    target.answer = BAD
    d.advance("2026-03-01T01:03:00Z")
    first = webhook.alert()
    known = site.path / "nines.yaml"
    steps = [lambda: site.write("slos/api.yaml", SLOS + "    labels: {team: core}\n"),
             lambda: site.write("nines.yaml", known.read_text() + "severity_labels: {page: sev1}\n")]
    for i, change in enumerate(steps):
        at = f"2026-03-01T01:0{4 + i}:00Z"
        d.advance(at)
        assert webhook.posts.empty()
        change()
        if restart:
            assert d.stop() == 0
            d = start_at(site, daemons, at)
        else:
            reload(d)
        d.advance(at.replace(":00Z", ":20Z"))
        told = {a["status"]: a for a in (webhook.alert(), webhook.alert())}
        over, new = told["resolved"], told["firing"]
        assert over["labels"] == first["labels"] and "other labels" in over["annotations"]["summary"]
        assert new["startsAt"] == first["startsAt"] == over["startsAt"]
        # What decided was looked up, as it was stored.
        for note in ("burn_long", "burn_short"):
            assert new["annotations"][note] == first["annotations"][note]
        first = new
    assert first["labels"]["team"] == "core" and first["labels"]["severity"] == "sev1"
    assert d.stop() == 0
    assert webhook.posts.empty()


def test_a_transition_that_nobody_was_told_of_is_told_at_the_next_start(site, target, webhook, daemons):
    """As if it had been killed between the transition and the dispatcher's rows, both ways."""
    d = start_at(site, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T01:00:00Z")
    target.answer = BAD
    d.advance("2026-03-01T01:03:00Z")
    page = webhook.alert()
    d.kill()
    with sqlite3.connect(site.path / "nines.db") as db:
        for table in ("notify_alert", "notify_group", "notify_log", "outbox"):
            db.execute(f"DELETE FROM {table}")
    db.close()
    d = start_at(site, daemons, "2026-03-01T01:03:00Z")
    d.advance("2026-03-01T01:03:20Z")
    again = webhook.alert()
    assert all(again[k] == page[k] for k in ("status", "labels", "startsAt", "fingerprint"))
    assert again["annotations"]["burn_long"] == page["annotations"]["burn_long"]
    d.kill()
    tables = ("notify_alert", "notify_group", "notify_log")
    with sqlite3.connect(site.path / "nines.db") as db:
        before = {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    db.close()
    target.answer = GOOD
    d = start_at(site, daemons, "2026-03-01T01:03:20Z")
    d.advance("2026-03-01T12:00:00Z")
    while "lasted" not in (over := webhook.alert())["annotations"]:
        pass
    assert over["status"] == "resolved"
    d.kill()
    with sqlite3.connect(site.path / "nines.db") as db:
        for table in tables:
            db.execute(f"DELETE FROM {table}")
            for row in before[table]:
                db.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
    db.close()
    d = start_at(site, daemons, "2026-03-01T12:00:00Z")
    d.advance("2026-03-01T12:00:20Z")
    over = webhook.alert()
    assert over["status"] == "resolved" and over["fingerprint"] == page["fingerprint"]
    assert over["annotations"]["summary"].startswith("api-availability: resolved after ")
    assert d.stop() == 0
    assert webhook.posts.empty()
