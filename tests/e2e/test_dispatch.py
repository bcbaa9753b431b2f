"""`nines alerts simulate`: bad lines; against a running Alertmanager, the same alerts at the same
times, which must be told of in the same messages; and against a model in a few lines."""
import datetime
import json
import os
import queue
import random
import re
import time
import urllib.request

import conftest
import peers
import pytest

FEW = int(os.environ.get("NINES_HISTORIES", "24")) <= 3  # the binary is a slow one
BEGIN = datetime.datetime(2026, 10, 22, 8, tzinfo=datetime.timezone.utc)
ROUTES = """
route:
  receiver: all
  group_by: [scene]
  group_wait: %s
  group_interval: %s
  repeat_interval: %s
  routes:
    - {matchers: [scene=muted], mute_time_intervals: [always], receiver: all}
    - {matchers: [scene=twice], receiver: other, continue: true}
    - {matchers: [scene=twice], receiver: all}
receivers:
  - name: all
    webhook_configs: [{url: '%s/all'}]
  - name: other
    webhook_configs: [{url: '%s/other'}]
inhibit_rules:
  - {source_matchers: [n=source], target_matchers: [n=~"target.*"], equal: [scene]}
time_intervals:
  - {name: always, time_intervals: [{}]}
"""


def configure(ws, waits, url="http://127.0.0.1:1"):
    text = ROUTES % (*waits, url, url)
    ws.write("alertmanager.yml", text)
    ws.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nalertmanager: alertmanager.yml\n")
    return text


def simulate(ws, lines, *args):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = ws.run("alerts", "simulate", "--json", *args, stdin=text)
    return [json.loads(line) for line in done.stdout.splitlines()]


def at(seconds):
    return (BEGIN + datetime.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def alert(when, scene, n, status="firing"):
    return {"at": when, "status": status, "labels": {"scene": scene, "n": n}}


# ---- lines ---------------------------------------------------------------------------------------


def named(when, name, status="firing"):
    return {"at": at(when), "status": status, "labels": {"alertname": name, "scene": "x", "n": name}}


def test_text(workspace):
    configure(workspace, ("30s", "5m", "4h"))
    lines = [named(0, "source"), named(1, "target"), {"at": at(2), "silence": "n=source", "until": at(700)},
             named(1000, "source", "resolved")]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (workspace.path / "a.ndjson").write_text(text)
    done = workspace.run("alerts", "simulate", "--for", "10m", "a.ndjson")
    assert re.sub("[0-9a-f]{16}", "F", done.stdout).replace('all  {}:{scene="x"}', "GROUP") == (
        "2026-10-22T08:00:30Z  held  GROUP  source by silence n=source of simulate until 2026-10-22T08:11:40Z\n"
        "2026-10-22T08:00:30Z  held  GROUP  target by inhibit F of source\n"
        "2026-10-22T08:15:30Z  send  GROUP  firing: source\n"
        "2026-10-22T08:20:30Z  send  GROUP  firing: target  resolved: source\n")


def test_json(workspace):
    configure(workspace, ("30s", "5m", "4h"))
    lines = [named(0, "a"), {"at": at(2), "silence": "n=b", "until": at(700)}, named(3, "b")]
    held, sent = simulate(workspace, lines, "--for", "1m")
    assert (sent["event"], sent["why"], sent["receiver"]) == ("send", "news", "all")
    assert sent["message"]["groupKey"] == sent["group_key"] == '{}:{scene="x"}'
    assert sent["message"]["at"] == sent["at"] == at(30) and sent["dedup_key"]
    assert held.pop("fingerprint")
    assert held == {"at": at(30), "event": "held", "receiver": "all", "group_key": '{}:{scene="x"}',
                    "alertname": "b", "stage": "silence", "name": "n=b", "by": "simulate", "until": at(700)}


BAD = [
    ("[]", "expected a JSON object, one in each line"),
    ("{", "expected a JSON object, one in each line"),
    ("{}", 'expected "at", a time such as'),
    ('{"at":"x"}', '"at": '),
    ('{"at":"2026-10-22T08:00:00Z"}', 'expected "labels", an object of texts'),
    ('{"at":"2026-10-22T08:00:00Z","labels":{}}', 'expected "labels", an object of texts'),
    ('{"at":"2026-10-22T08:00:00Z","labels":{"a":1}}', "\"labels\": 'a': expected a text"),
    ('{"at":"2026-10-22T08:00:00Z","labels":[]}', 'expected "labels", an object of texts'),
    ('{"at":"2026-10-22T08:00:00Z","label":{"a":"b"}}', "unknown key 'label'; did you mean 'labels'?"),
    ('{"at":"2026-10-22T08:00:00Z","labels":{"a":"b"},"status":"x"}', '"status" is firing or resolved'),
    ('{"at":"2026-10-22T08:00:00Z","labels":{"a":"b"},"status":"resolved"}',
     "an alert resolves that does not fire"),
    ('{"at":"2026-10-22T08:00:00Z","silence":1}', 'expected "silence", matchers such as'),
    ('{"at":"2026-10-22T08:00:00Z","silence":"a=b"}', 'expected "until", a time'),
    ('{"at":"2026-10-22T08:00:00Z","silence":"a=~\\"(\\"","until":"2026-10-22T09:00:00Z"}', '"silence": '),
    ('{"at":"2026-10-22T08:00:00Z","silence":"a=b","until":"2026-10-22T07:00:00Z"}',
     "no later than it starts"),
    ('{"at":"2026-10-22T08:00:00Z","silence":"a=\\"\\"","until":"2026-10-22T09:00:00Z"}',
     "this would silence everything"),
    ('{"at":"2026-10-22T07:59:59Z","labels":{"a":"b"}}', '"at" is before that of the line before it'),
]


@pytest.mark.parametrize("line,message", BAD)
def test_bad_lines(workspace, line, message):
    configure(workspace, ("30s", "5m", "4h"))
    first = json.dumps(alert("2026-10-22T08:00:00Z", "x", "a"))
    done = workspace.run("alerts", "simulate", check=False, stdin=first + "\n\n" + line + "\n")
    assert done.returncode == 1
    assert "stdin:3: " in done.stderr and message in done.stderr


def test_too_long(workspace):
    configure(workspace, ("1s", "1s", "4000d"))
    line = json.dumps(alert("2026-10-22T08:00:00Z", "x", "a"))
    done = workspace.run("alerts", "simulate", "--for", "100d", check=False, stdin=line)
    assert done.returncode == 1 and "more than 1000000 flushes: that is too long a time" in done.stderr


def test_bad_arguments(workspace):
    configure(workspace, ("30s", "5m", "4h"))
    assert "absent: cannot be opened" in workspace.run("alerts", "simulate", "absent", check=False).stderr
    assert "found 'b' as well" in workspace.run("alerts", "simulate", "a", "b", check=False).stderr
    assert "--format is text or json" in workspace.run("alerts", "simulate", "-f", "csv", check=False).stderr
    done = workspace.run("alerts", "simulate", "--for", "60000d", check=False)
    assert done.returncode == 2
    (workspace.path / "nines.yaml").unlink()
    assert "has no 'route'" in workspace.run("alerts", "simulate", check=False, stdin="").stderr


# ---- a model ---------------------------------------------------------------------------------------


def model(events, wait, interval, repeat, end):
    """[(second, firing names, resolved names)] of one group, second by second."""
    alerts, told, due, messages = {}, None, None, []
    for now in range(end + 1):
        for _, name, status in (e for e in events if e[0] == now):
            if status == "firing" and not alerts:
                due, told = now + wait, None
            if status == "firing" or name in alerts:
                alerts[name] = status
        if not alerts or now < due:
            continue
        due = now + interval
        firing = {n for n, s in alerts.items() if s == "firing"}
        resolved = set(alerts) - firing
        if told is None:
            speak = bool(firing)
        elif not firing:
            speak = bool(told[1])
        else:
            speak = not firing <= told[1] or not resolved <= told[2] or now - told[0] >= repeat
        if speak:
            told = (now, firing, resolved)
            messages.append((now, firing, resolved))
        alerts = {n: "firing" for n in firing}
    return messages


@pytest.mark.parametrize("seed", range(3 if FEW else 40))
def test_like_the_model(workspace, seed):
    dice = random.Random(seed)
    wait, interval, repeat = dice.choice([0, 5, 30]), dice.choice([7, 20, 60]), dice.choice([10, 95, 400])
    configure(workspace, (f"{wait}s", f"{interval}s", f"{repeat}s"))
    second, events = 0, []
    for _ in range(150):
        second += dice.choice([0, 1, 2, 10, 40])
        name, status = dice.choice("abcde"), dice.choice(["firing", "firing", "resolved"])
        fires = {n: s for _, n, s in events}.get(name) == "firing"
        events.append((second, name, status if fires else "firing"))
    lines = [alert(at(when), "x", name, status) for when, name, status in events]
    told = simulate(workspace, lines, "--for", "10m")
    found = [(round((datetime.datetime.fromisoformat(m["at"].replace("Z", "+00:00")) - BEGIN).total_seconds()),
              *({a["labels"]["n"] for a in m["message"]["alerts"] if a["status"] == status}
                for status in ("firing", "resolved"))) for m in told]
    assert found == model(events, wait, interval, repeat, second + 600)
    assert len({m["dedup_key"] for m in told}) == len(told)


# ---- Alertmanager ----------------------------------------------------------------------------------


def post(url, body):
    made = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(made, timeout=conftest.PATIENCE) as reply:
        text = reply.read()
    return json.loads(text) if text else None


def now_text():
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


# (half seconds, scene, alert, status): in the middle between flushes, each 2 s from 1 s on.
# A scene whose alerts are all over stays so: an empty group lives on for up to half a minute
# there, and is gone at once here.
SCRIPT = [
    (0, "one", "a", "firing"),
    (0, "more", "a", "firing"), (4, "more", "b", "firing"), (4, "more", "c", "firing"),
    (0, "over", "a", "firing"), (8, "over", "a", "resolved"),
    (0, "part", "a", "firing"), (0, "part", "b", "firing"), (8, "part", "b", "resolved"),
    (0, "flap", "a", "firing"), (4, "flap", "a", "resolved"), (5, "flap", "a", "firing"),
    (0, "blip", "a", "firing"), (1, "blip", "a", "resolved"),
    (0, "short", "a", "firing"), (4, "short", "b", "firing"), (5, "short", "b", "resolved"),
    (0, "again", "a", "firing"), (0, "again", "b", "firing"), (4, "again", "b", "resolved"),
    (8, "again", "b", "firing"),
    (0, "inhibit", "source", "firing"), (0, "inhibit", "target", "firing"),
    (8, "inhibit", "source", "resolved"),
    (0, "later", "target", "firing"), (4, "later", "source", "firing"),
    (4, "later", "target2", "firing"), (12, "later", "source", "resolved"),
    (0, "muted", "a", "firing"),
    (0, "twice", "a", "firing"), (8, "twice", "a", "resolved"),
    (0, "silence", "a", "firing"), (0, "silence", "b", "firing"),
    (4, "hush", "a", "firing"), (4, "hush", "b", "firing"),
    (16, "silence", "c", "firing"),
    (0, "quiet", "a", "firing"), (8, "quiet", "a", "resolved"),
    (4, "never", "a", "firing"), (8, "never", "a", "resolved"),
    (0, "expired", "a", "firing"), (0, "expired", "b", "firing"),
]
# half seconds, alert, seconds; one is made for a minute, and expired then
SILENCES = [(-1, "silence", "b", 5.5), (5, "hush", "a", 4), (5, "quiet", "a", 4), (-1, "never", "a", 9)]
EXPIRED = (-1, "expired", "b", 12)  # half seconds, from and to
LASTS = 25  # half seconds; between flushes as well


def play(alertmanager):
    """Does what the script says; what was done when, as lines."""
    steps = [(when, "alert", rest) for when, *rest in SCRIPT]
    steps += [(when, "silence", rest) for when, *rest in SILENCES]
    steps += [(EXPIRED[0], "silence", (*EXPIRED[1:3], 60)), (EXPIRED[3], "expire", ())]
    expiring = {}
    begin, lines = time.monotonic() + 1, []
    for when, kind, rest in sorted(steps, key=lambda s: s[0]):
        time.sleep(max(0, begin + when / 2 - time.monotonic()))
        stamp = now_text()
        if kind == "alert":
            scene, n, status = rest
            told = {"labels": {"scene": scene, "n": n}, "startsAt": stamp}
            if status == "resolved":
                told = {"labels": told["labels"], "endsAt": stamp}
            post(f"{alertmanager.url}/api/v2/alerts", [told])
            lines.append(alert(stamp, scene, n, status))
        elif kind == "expire":
            made = urllib.request.Request(f"{alertmanager.url}/api/v2/silence/{expiring['id']}", method="DELETE")
            urllib.request.urlopen(made, timeout=conftest.PATIENCE).close()
            expiring["line"]["until"] = stamp
        else:
            scene, n, seconds = rest
            until = (datetime.datetime.now(datetime.timezone.utc)
                     + datetime.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
            matchers = [{"name": k, "value": v, "isRegex": False, "isEqual": True}
                        for k, v in (("scene", scene), ("n", n))]
            made = post(f"{alertmanager.url}/api/v2/silences", {
                "matchers": matchers, "startsAt": stamp, "endsAt": until, "createdBy": "me", "comment": "c"})
            lines.append({"at": stamp, "silence": f"scene={scene},n={n}", "until": until})
            if scene == EXPIRED[1]:
                expiring.update(id=made["silenceID"], line=lines[-1])
    time.sleep(max(0, begin + LASTS / 2 - time.monotonic()))
    return lines


def by_group(messages):
    """{(receiver, group): [(alerts that fire, that have resolved), ...]}"""
    groups = {}
    for m in messages:
        told = tuple(sorted(a["labels"]["n"] for a in m["alerts"] if a["status"] == status)
                     for status in ("firing", "resolved"))
        groups.setdefault((m["receiver"], m["groupKey"]), []).append(told)
    return groups


@pytest.mark.skipif(FEW, reason="it goes by the clock of the wall")
def test_like_alertmanager(workspace, webhook):
    text = configure(workspace, ("1s", "2s", "5s"), webhook.url)
    alertmanager = peers.Alertmanager(workspace.path / "alertmanager", text)
    seen = []
    try:
        lines = play(alertmanager)
    finally:
        alertmanager.close()
    while True:
        try:
            seen.append(json.loads(webhook.posts.get(timeout=0.5)[1]))
        except queue.Empty:
            break
    lines.sort(key=lambda line: line["at"])
    rest = LASTS / 2 - max(when for when, *_ in SCRIPT) / 2
    told = [line["message"] for line in simulate(workspace, lines, "--for", f"{int(rest * 1000)}ms")
            if line["event"] == "send"]
    expected, found = by_group(seen), by_group(told)
    assert found == expected
    assert ("all", '{}/{scene="muted"}:{scene="muted"}') not in found and len(found) >= 13
    of = {key.split('scene="')[-1].split('"')[0]: told for (receiver, key), told in found.items() if receiver == "all"}
    assert of["quiet"] == [(["a"], [])] and "never" not in of
    assert of["expired"][:2] == [(["a"], []), (["a", "b"], [])]


def test_ends_are_for_those_who_ask(workspace):
    workspace.write("nines.yaml", """apiVersion: nines/v1
kind: Daemon
route: {receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 1m, repeat_interval: 4h}
receivers:
  - name: team
    exec_configs:
      - {command: /bin/true}
      - {command: /bin/true, send_resolved: false}
""")
    lines = [named(0, "a"), named(600, "a", "resolved")]
    told = [(line["integration"], line["message"]["status"]) for line in simulate(workspace, lines, "--for", "10m")]
    assert told == [("exec", "firing"), ("exec 2", "firing"), ("exec", "resolved")]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = workspace.run("alerts", "simulate", "--for", "10m", stdin=text)
    assert [line.split()[2] for line in done.stdout.splitlines()] == ["team/exec", "team/exec", "team/exec"]
    assert 'team/exec 2  {}:{alertname="a"}  firing: a' in done.stdout
