"""`nines alerts list`, `history` and `retry`: what is on, who was told, what became of messages."""
import contextlib
import json
import sqlite3
import time

import conftest
import pytest

CONFIG = """
apiVersion: nines/v1
kind: Daemon
listen: 127.0.0.1:0
receivers:
  - {name: oncall, webhook: {url: "http://127.0.0.1:1/"}, log: {path: out.log}}
  - {name: quiet, log: {path: quiet.log}}
route:
  receiver: quiet
  group_by: [alertname]
  group_wait: 30s
  routes:
    - {matchers: ['severity="critical"'], receiver: oncall, continue: true}
    - {matchers: ['service="shop"'], receiver: quiet}
inhibit_rules:
  - {source_matchers: [alertname="Down"], target_matchers: [alertname="Slow"], equal: [service]}
"""
PROBES = """
apiVersion: nines/v1
kind: Probes
probes:
  - id: api
    interval: 1m
    labels: {team: shop}
    alerts: [{failures: 2, severity: ticket}]
    http: {url: "http://127.0.0.1:1/"}
"""
SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - {name: up, service: shop, sli: {probe: api}, objective: 99%, window: 7d, alerting: default}
  - {name: soon, service: shop, sli: {probe: api}, objective: 99%, window: 7d, alerting: default}
"""
T0 = 1773104910_000000  # 2026-03-10T01:08:30Z
AT = "2026-03-10T01:20:30Z"
FIRING, COOLING, PENDING = 1, 2, 3
PAGE, TICKET = 2, 1


@contextlib.contextmanager
def database(site):
    with contextlib.closing(sqlite3.connect(site.path / "nines.db", isolation_level=None)) as db:
        yield db


def alert_json(fingerprint, firing=True, summary="", **labels):
    return json.dumps({
        "status": "firing" if firing else "resolved", "labels": labels,
        "annotations": {"summary": summary} if summary else {}, "startsAt": "2026-03-10T01:08:30Z",
        "endsAt": "0001-01-01T00:00:00Z" if firing else "2026-03-10T01:18:30Z", "generatorURL": "",
        "fingerprint": fingerprint})


def put_alert(db, fingerprint, **labels):
    db.execute("INSERT INTO notify_alert VALUES(?, ?, ?)",
               (fingerprint, T0, alert_json(fingerprint, **labels)))


def put_state(db, slo, phase, severity, since=T0, told=None, condition="", objective=""):
    cooling = since + 60_000_000 if phase == COOLING else 0
    told = severity if told is None else told
    db.execute("INSERT INTO alert VALUES(?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
               (condition, slo, objective, phase, severity, since, cooling, since, told))


def put_message(db, number, state, attempts=0, detail=None, retry_at=0, integration="webhook",
                at=T0, alerts=(), receiver="oncall"):
    payload = json.dumps({
        "receiver": receiver, "status": "firing", "alerts": list(map(json.loads, alerts)),
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "",
        "version": "4", "groupKey": "g", "truncatedAlerts": 0})
    db.execute("INSERT INTO outbox(id, event, created, receiver, dedup_key, payload, done, attempts,"
               " retry_at, detail, integration, group_key) VALUES(?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'g')",
               (number, at, receiver, f"key{number}", payload, state, attempts, retry_at, detail,
                integration))


BURN = {"alertname": "ErrorBudgetBurn", "slo": "up", "service": "shop", "severity": "critical"}
A, B = "00000000000000aa", "00000000000000bb"


@pytest.fixture
def site(workspace):
    workspace.write("nines.yaml", CONFIG)
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", SLOS)
    workspace.run("import", "-", stdin="")
    return workspace


def listed(site, *args):
    out = site.run("alerts", "list", "--json", "--at", AT, *args).stdout
    return [json.loads(line) for line in out.splitlines()]


def group_of(alert, receiver):
    (group,) = [g for g in alert["groups"] if g["receiver"] == receiver]
    return group


def test_nothing_is_on(site):
    assert site.run("alerts", "list").stdout == "no alert is on\n"
    assert listed(site) == []
    assert site.run("alerts", "history").stdout == ""
    assert site.run("alerts", "retry", "--all-dead").stdout == (
        "0 messages are pending again, to be sent when `nines run` starts\n")


def test_each_with_its_state_and_who_was_told(site):
    with database(site) as db:
        put_alert(db, A, summary="up: burns fast", **BURN)
        put_state(db, "up", FIRING, PAGE)
    (alert,) = listed(site)
    assert (alert["fingerprint"], alert["state"], alert["since"], alert["condition"]) == (
        A, "firing", "2026-03-10T01:08:30Z", None)
    assert alert["labels"] == BURN and alert["dispatched"]
    assert {g["receiver"] for g in alert["groups"]} == {"oncall", "quiet"}
    group = group_of(alert, "oncall")
    assert group["held"] is None and group["flushed"] is None
    assert group["integrations"] == [{"integration": "webhook", "told": None, "firing": False},
                                     {"integration": "log", "told": None, "firing": False}] or \
        group["integrations"] == [{"integration": "log", "told": None, "firing": False},
                                  {"integration": "webhook", "told": None, "firing": False}]
    with database(site) as db:
        key = group["group_key"]
        db.execute("INSERT INTO notify_group VALUES(?, 'oncall', ?, ?, ?)",
                   (key, T0, T0 + 330_000_000, T0 + 30_000_000))
        db.execute("INSERT INTO notify_log VALUES(?, 'oncall', 'log', ?, ?, x'')",
                   (key, T0 + 30_000_000, bytes.fromhex(A)[::-1]))
        db.execute("UPDATE alert SET phase = 2, cooling_since = ?", (T0 + 60_000_000,))
    (alert,) = listed(site, "--receiver", "oncall")
    assert (alert["state"], alert["cooling_since"]) == ("cooling", "2026-03-10T01:09:30Z")
    (group,) = alert["groups"]
    assert (group["next"], group["flushed"]) == ("2026-03-10T01:14:00Z", "2026-03-10T01:09:00Z")
    told = {i["integration"]: (i["told"], i["firing"]) for i in group["integrations"]}
    assert told == {"log": ("2026-03-10T01:09:00Z", True), "webhook": (None, False)}
    text = site.run("alerts", "list", "--at", AT).stdout
    assert "cooling  ErrorBudgetBurn  since 2026-03-10 01:08:30, 12m\n" in text
    assert '    alertname="ErrorBudgetBurn" service="shop" severity="critical" slo="up"\n' in text
    assert "    up: burns fast\n" in text
    assert "log told 11m 30s ago" in text and "webhook not told" in text
    assert "due at 2026-03-10 01:14:00\n" in text
    assert "-> quiet: log not told; due at " in text
    assert all(len(line) <= 80 for line in text.splitlines() if "due at" not in line)


def test_what_holds_it_back(site):
    with database(site) as db:
        put_alert(db, A, alertname="Down", service="shop", severity="critical")
        put_alert(db, B, alertname="Slow", service="shop", severity="critical")
        db.execute("INSERT INTO silence(id, matchers, starts, ends, author, comment, created)"
                   " VALUES(7, 'alertname=\"Down\"', ?, ?, 'me', 'move', ?)",
                   (T0, T0 + 3600_000_000, T0))
    down, slow = listed(site)
    assert group_of(down, "oncall")["held"] == {
        "stage": "silence", "name": "7", "by": "me", "until": "2026-03-10T02:08:30Z"}
    held = group_of(slow, "oncall")["held"]
    assert (held["stage"], held["name"], held["by"]) == ("inhibit", A, "Down")
    text = site.run("alerts", "list", "--at", AT).stdout
    assert "held back: silence 7 of me until 2026-03-10 02:08:30\n" in text
    assert f"held back: inhibited by Down, {A}\n" in text
    assert listed(site, "--at", "2026-03-10T02:08:30Z")[0]["groups"][0]["held"] is None


def test_those_that_nobody_was_told_of(site):
    with database(site) as db:
        put_state(db, "soon", PENDING, PAGE, since=T0 - 60_000_000, told=0)
        put_state(db, "up", FIRING, PAGE, told=0)
        put_state(db, "old", FIRING, TICKET, condition="failures", objective="3/5")
        put_state(db, "api", FIRING, TICKET, condition="failures", objective="2/2")
        put_state(db, "gone", FIRING, PAGE, objective="goal")
    alerts = {a["labels"].get("probe", a["labels"].get("slo")): a for a in listed(site)}
    assert [a["state"] for a in listed(site)][-1] == "pending"
    assert alerts["up"]["labels"] == {**BURN, "team": "shop"} and not alerts["up"]["dispatched"]
    assert alerts["soon"]["state"] == "pending"
    assert alerts["gone"]["labels"]["objective"] == "goal"
    assert alerts["old"]["condition"] == alerts["api"]["condition"] == "failures"
    assert alerts["api"]["labels"] == {"alertname": "ProbeFailing", "probe": "api", "threshold": "2/2",
                                       "severity": "warning", "team": "shop"}
    assert alerts["old"]["labels"] == {"alertname": "ProbeFailing", "probe": "old",
                                       "threshold": "3/5"}
    text = site.run("alerts", "list", "--at", AT).stdout
    assert "    pending: nobody is told before it fires\n" in text
    assert "    nobody is told: something that it depends on is down\n" in text
    assert "    on its way: " in text


def test_a_condition_is_known_by_its_labels(site):
    with database(site) as db:
        for fingerprint, threshold in ((A, "3/5"), (B, "5/9")):
            put_alert(db, fingerprint, alertname="ProbeFailing", probe="api", threshold=threshold,
                      severity="warning")
        put_state(db, "api", FIRING, TICKET, condition="failures", objective="3/5")
        put_state(db, "api", COOLING, TICKET, condition="failures", objective="5/9")
    names = {a["fingerprint"]: (a["condition"], a["state"]) for a in listed(site)}
    assert names == {A: ("failures", "firing"), B: ("failures", "cooling")}


def test_a_damaged_text_is_as_if_nobody_was_told(site):
    with database(site) as db:
        put_alert(db, A, **BURN)
        put_state(db, "up", FIRING, PAGE)
        db.execute("UPDATE notify_alert SET alert = '{'")
    (alert,) = listed(site)
    assert (alert["state"], alert["dispatched"], alert["labels"]["slo"]) == ("firing", False, "up")


def test_some_of_them(site):
    with database(site) as db:
        put_alert(db, A, **BURN)
        put_alert(db, B, alertname="Slow", service="web", severity="warning")
    assert [a["fingerprint"] for a in listed(site, "severity=critical")] == [A]
    assert [a["fingerprint"] for a in listed(site, "Slow")] == [B]
    assert [a["fingerprint"] for a in listed(site, "Slow", "service=shop")] == []
    assert [a["fingerprint"] for a in listed(site, "--receiver", "oncall")] == [A]
    assert "is like that" in site.run("alerts", "list", "Nothing").stdout


@pytest.mark.parametrize("words, status, told", [
    (["list", "--receiver", "onkall"], 1, "there is no receiver 'onkall'; did you mean 'oncall'?"),
    (["list", "a=~("], 2, "'a=~(': "),
    (["list", "--format", "csv"], 2, "--format is text or json; found 'csv'"),
    (["history", "x"], 2, "unexpected argument 'x'"),
    (["history", "--from", "2026-03-10T00:00:00Z", "--to", "2026-03-10T00:00:00Z"], 2,
     "--from is not before --to"),
    (["history", "--format", "csv"], 2, "--format is text or json; found 'csv'"),
    (["retry"], 2, "expected numbers of messages, or --all-dead"),
    (["retry", "1", "--all-dead"], 2, "expected numbers of messages, or --all-dead"),
    (["retry", "x"], 2, "expected the number of a message; found 'x'"),
    (["retry", "0"], 2, "expected the number of a message; found '0'"),
    (["retry", "9" * 20], 2, "expected the number of a message; found '9"),
    (["retry", "--json", "1"], 2, "--format is text; found 'json'"),
    (["retry", "7"], 1, "there is no message 7"),
])
def test_errors(site, words, status, told):
    done = site.run("alerts", *words, check=False)
    assert done.returncode == status and told in done.stderr


def test_without_a_database(workspace):
    for words in (["list"], ["history"], ["retry", "1"], ["retry", "--all-dead"]):
        done = workspace.run("alerts", *words, check=False)
        assert done.returncode == 1 and "there is no database at" in done.stderr
    assert not (workspace.path / "nines.db").exists()


def test_history(site):
    with database(site) as db:
        for at, condition, kind, notify in ((T0, "", 0, 1), (T0 + 20_000_000, "failures", 0, 0)):
            db.execute(
                "INSERT INTO alert_event VALUES(NULL, ?, ?, '', 'shop', ?, ?, 2, ?, 1, 2, ?, 0, ?, 1,"
                " 2, 3600000000, 300000000, 144, 1, 2, 40, 20, 0, 60, 33.3, 1, 4, 0, 5, 80, 2, ?)",
                (at, "api" if condition else "up", kind, notify, at, at, at, condition))
        names = [alert_json(f"{n:016x}", alertname="X", slo=s) for n, s in enumerate("abcd", 1)]
        put_message(db, 1, 1, attempts=1, detail="200", at=T0, alerts=[alert_json(A, **BURN)])
        put_message(db, 2, 0, attempts=3, detail="answered 503", at=T0 + 10_000_000,
                    retry_at=T0 + 90_000_000, alerts=names, integration="log")
        put_message(db, 3, 2, attempts=1, detail="refused:\x1b[31m no such channel",
                    at=T0 + 40_000_000, alerts=[alert_json(A, firing=False, **BURN)])
    lines = [json.loads(x) for x in site.run("alerts", "history", "--json").stdout.splitlines()]
    assert [(x["is"], x.get("id")) for x in lines] == [
        ("transition", None), ("message", 1), ("message", 2), ("transition", None), ("message", 3)]
    first = lines[0]["transition"]
    assert (lines[0]["condition"], first["slo"], first["event"], first["long"]["bad"]) == (
        None, "up", "fire", 20)
    assert lines[3]["condition"] == "failures"
    assert lines[2] == {
        "is": "message", "at": "2026-03-10T01:08:40Z", "id": 2, "receiver": "oncall",
        "integration": "log", "state": "pending", "attempts": 3, "detail": "answered 503",
        "retry_at": "2026-03-10T01:10:00Z", "group_key": "g", "dedup_key": "key2",
        "alerts": [{"fingerprint": f"{n:016x}", "status": "firing", "alertname": "X", "slo": s}
                   for n, s in enumerate("abcd", 1)]}
    text = site.run("alerts", "history").stdout
    assert "2026-03-10 01:08:30  fire       page     up" in text
    assert "2026-03-10 01:08:30  delivered       1   oncall/webhook  1 firing: up\n" in text
    assert "2026-03-10 01:08:40  pending         2   oncall/log  4 firing: a b c ...\n" in text
    assert "tried 3 times, the last one: answered 503; again at 2026-03-10 01:10:00\n" in text
    assert "2026-03-10 01:08:50  fire       page   - api" in text
    assert "dead            3   oncall/webhook  1 resolved: up\n" in text
    assert "\x1b" not in text
    some = site.run("alerts", "history", "--slo", "up", "--json").stdout.splitlines()
    assert [json.loads(x).get("id") for x in some] == [None, 1, 3]
    some = site.run("alerts", "history", "--dead", "--json").stdout.splitlines()
    assert [json.loads(x)["id"] for x in some] == [3]
    some = site.run("alerts", "history", "--from", "2026-03-10T01:08:31Z", "--to",
                    "2026-03-10T01:08:50Z", "--json").stdout.splitlines()
    assert [json.loads(x).get("id") for x in some] == [2]


def states(site):
    with database(site) as db:
        return db.execute("SELECT id, done FROM outbox ORDER BY id").fetchall()


def test_retry(site):
    with database(site) as db:
        for number, state in enumerate((0, 1, 2, 2, 2), 1):
            put_message(db, number, state, integration="" if number == 5 else "log")
    done = site.run("alerts", "retry", "1", "2", "3", "5", check=False)
    assert done.returncode == 1
    assert done.stdout == "1 message is pending again, to be sent when `nines run` starts\n"
    for told in ("message 1 is being tried: nobody has given it up", "message 2 was delivered",
                 "message 5 is of an older nines"):
        assert told in done.stderr
    assert states(site) == [(1, 0), (2, 1), (3, 0), (4, 2), (5, 2)]
    done = site.run("alerts", "retry", "--all-dead")
    assert done.stdout == "1 message is pending again, to be sent when `nines run` starts\n"
    assert "1 of an older nines cannot be sent" in done.stderr
    assert states(site) == [(1, 0), (2, 1), (3, 0), (4, 0), (5, 2)]


def test_retry_through_a_daemon(site, daemons, webhook):
    site.write("nines.yaml", CONFIG.replace("http://127.0.0.1:1/", webhook.url))
    with database(site) as db:
        put_message(db, 3, 2, alerts=[alert_json(A, **BURN)], detail="refused", attempts=1)
        put_message(db, 4, 2, alerts=[alert_json(A, **BURN)], receiver="gone")
    d = daemons(site, "--test-clock", site.write("clock", AT))
    d.wait("test clock reached", time=AT)
    done = site.run("alerts", "retry", "3")
    assert done.stdout == "1 message is pending again\n"
    _, body = webhook.post()
    assert json.loads(body)["alerts"][0]["fingerprint"] == A
    refused = site.run("alerts", "retry", "9", check=False)
    assert refused.returncode == 1 and "there is no message 9" in refused.stderr
    site.run("alerts", "retry", "4")
    assert d.stop() == 0
    assert states(site) == [(3, 1), (4, 2)]
    with database(site) as db:
        assert db.execute("SELECT attempts FROM outbox WHERE id = 3").fetchall() == [(2,)]


def until(condition):
    """Of what a daemon does on its own threads."""
    end = time.monotonic() + conftest.PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_from_the_first_failure_to_a_message_that_is_tried_again(site, daemons, target, webhook):
    """All of it with a daemon: refused, so given up; then taken."""
    site.write("nines.yaml", CONFIG.replace("http://127.0.0.1:1/", webhook.url)
               .replace("group_wait: 30s", "group_wait: 10s"))
    site.write("probes/p.yaml", PROBES.replace("http://127.0.0.1:1/", target.url + "/"))
    site.write("slos/s.yaml", SLOS.split("  - {name: soon")[0])
    webhook.answer = (400, {}, b"no such channel")
    d = daemons(site, "--test-clock", site.write("clock", "2026-03-10T00:00:00Z"))
    d.wait("test clock reached", time="2026-03-10T00:00:00Z")
    d.advance("2026-03-10T01:00:00Z")
    target.answer = (500, {}, b"")
    d.advance("2026-03-10T02:00:00Z")
    webhook.post()

    def given_up():
        out = site.run("alerts", "history", "--dead", "--json").stdout.splitlines()
        return [m["id"] for m in map(json.loads, out)]

    until(given_up)
    (alert,) = [a for a in listed(site, "--at", "2026-03-10T02:00:00Z", "slo=up")]
    assert alert["state"] == "firing" and alert["dispatched"]
    told = {i["integration"]: i["firing"] for i in group_of(alert, "oncall")["integrations"]}
    assert told == {"log": True, "webhook": True}  # it is in the outbox
    (dead,) = given_up()
    webhook.answer = (200, {}, b"")
    site.run("alerts", "retry", "--all-dead")
    webhook.post()
    until(lambda: not given_up())
    d.advance("2026-03-10T02:01:00Z")
    assert d.stop() == 0
    with database(site) as db:
        assert db.execute("SELECT done, attempts FROM outbox WHERE id = ?", (dead,)).fetchall() == [(1, 2)]
    history = site.run("alerts", "history", "--slo", "up").stdout
    assert history.index("  fire ") < history.index("  delivered ")
    assert site.run("db", "check").returncode == 0
