"""A daemon and real Alertmanagers: as its receivers, with amtool; and beside it, told of the same
alerts under the same configuration, where both must say the same to the same webhook."""
import datetime
import json
import os
import shutil
import signal
import subprocess
import time

import peers
import pytest

import conftest

FEW = int(os.environ.get("NINES_HISTORIES", "24")) <= 3  # the binary is a slow one
PROBES = """apiVersion: nines/v1
kind: Probes
probes:
"""
PROBE = """  - id: {name}
    interval: 1s
    timeout: 500ms
    http: {{url: "{url}/{name}"}}
    alerts: [{{failures: 2, of: 2, severity: {severity}}}]
    labels: {{team: {team}}}
"""
PASS = """route: {receiver: hook, group_by: [alertname, team], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: '%s'}]}]
"""


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def amtool(url, *args):
    program = shutil.which("amtool") or pytest.skip("there is no amtool")
    done = subprocess.run([program, f"--alertmanager.url={url}", *args], text=True,
                          capture_output=True, timeout=conftest.PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def queried(url, *args):
    """{labels: alert} that amtool shows."""
    alerts = json.loads(amtool(url, "alert", "query", "-o", "json", *args))
    return {json.dumps(a["labels"], sort_keys=True): a for a in alerts}


def listed(ws):
    """The same of what `nines alerts list` shows."""
    alerts = [json.loads(line) for line in ws.run("alerts", "list", "--json").stdout.splitlines()]
    return {json.dumps(a["labels"], sort_keys=True): a for a in alerts if a["state"] in ("firing", "cooling")}


def write(ws, target, rest, names):
    ws.write("probes/p.yaml", PROBES + "".join(
        PROBE.format(name=name, url=target.url, severity=severity, team=team)
        for name, severity, team in names))
    ws.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nexternal_url: http://nines.example.org\n" + rest)


@pytest.fixture
def two(workspace, start, webhook):
    """Two Alertmanagers, each with a webhook of its own path."""
    return [start(peers.Alertmanager, workspace.path / f"am{n}", PASS % f"{webhook.url}/{n}") for n in (1, 2)]


class Sides(conftest.Target):
    """A target whose paths go bad one by one."""

    def __init__(self):
        super().__init__()
        self.bad = set()
        handler, sides = self.server.RequestHandlerClass, self

        def do_GET(self):
            self.send_response(503 if self.path[1:] in sides.bad else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        handler.do_GET = do_GET


TO_TWO = """
receivers:
  - name: am
    alertmanager_configs: [{url: '%s', lifetime: %s}, {url: '%s', lifetime: %s}]
route: {receiver: am, group_by: ['...'], group_wait: 0s, group_interval: %s, repeat_interval: %s}
"""


def told(webhook, wanted):
    """Reads messages until the last of each path and team is as wanted. Alerts that had begun
    long before are told of at once there, without those that come a little later."""
    last = {}
    while last != wanted:
        path, body = webhook.post()
        m = json.loads(body)
        assert m["groupLabels"].keys() == {"alertname", "team"} and path[1:] in "12"
        names = "".join(sorted(a["labels"]["probe"] for a in m["alerts"]))
        last[path + m["groupLabels"]["team"]] = (m["status"], names)


def test_receives_groups_is_silenced_and_resolves(workspace, start, two, webhook, daemons):
    target = start(Sides)
    lifetime, begin = "12h", now().replace(microsecond=0) - datetime.timedelta(minutes=30)
    write(workspace, target, TO_TWO % (two[0].url, lifetime, two[1].url, lifetime, "10s", "4h"),
          [("a", "page", "x"), ("b", "page", "x"), ("c", "ticket", "y")])

    def at(minutes):
        return text_of(begin + datetime.timedelta(minutes=minutes))

    d = daemons(workspace, "--test-clock", workspace.write("clock", at(0)))
    d.wait("test clock reached", time=at(0))
    target.bad = {"a", "b", "c"}
    d.advance(at(1))
    told(webhook, {"/1x": ("firing", "ab"), "/1y": ("firing", "c"), "/2x": ("firing", "ab"), "/2y": ("firing", "c")})
    for one in two:
        there, here = queried(one.url), listed(workspace)
        assert there.keys() == here.keys() and len(there) == 3
        for labels, alert in there.items():
            assert alert["startsAt"] == here[labels]["since"].replace("Z", ".000Z")
            assert alert["fingerprint"] == here[labels]["fingerprint"]
            assert alert["annotations"]["summary"].endswith("2 or more of its last 2 runs failed")

    amtool(two[0].url, "silence", "add", "--comment=works", "--author=ann", "--duration=1h", "probe=a")
    assert [json.loads(k)["probe"] for k in queried(two[0].url, "--silenced")] == ["a"]
    assert sorted(json.loads(k)["probe"] for k in queried(two[0].url)) == ["b", "c"]
    assert len(queried(two[1].url)) == 3  # the silence is that one's alone
    target.bad = set()
    d.advance(at(8))
    told(webhook, {"/1x": ("resolved", "b"), "/1y": ("resolved", "c"), "/2x": ("resolved", "ab"), "/2y": ("resolved", "c")})
    for one in two:
        peers.eventually(lambda one=one: queried(one.url), lambda alerts: not alerts)
    assert listed(workspace) == {} and d.stop() == 0


def text_of(time):
    return time.isoformat().replace("+00:00", "Z")


def test_stays_active_while_nines_lives(workspace, start, two, webhook, daemons):
    """An alert outlives its first end there, since it is posted again, and does not outlive nines.
    The test clock is so far behind that the first end is soon."""
    target = start(Sides)
    target.bad = {"a"}
    write(workspace, target, TO_TWO % (two[0].url, "1m", two[1].url, "1m", "1s", "2s"), [("a", "page", "x")])
    begin = now().replace(microsecond=0) - datetime.timedelta(seconds=50)
    begin -= datetime.timedelta(seconds=begin.second % 10)
    d = daemons(workspace, "--test-clock", workspace.write("clock", text_of(begin)))
    d.wait("test clock reached", time=text_of(begin))
    d.advance(text_of(begin + datetime.timedelta(seconds=11)))
    told(webhook, {"/1x": ("firing", "a"), "/2x": ("firing", "a")})
    (first,) = queried(two[0].url).values()
    for second in range(12, 20):
        d.advance(text_of(begin + datetime.timedelta(seconds=second)))
    d.kill()
    (later,) = peers.eventually(lambda: queried(two[0].url).values(),
                                lambda alerts: [a["endsAt"] > first["endsAt"] for a in alerts] == [True])
    end = datetime.datetime.fromisoformat(first["endsAt"].replace("Z", "+00:00"))
    while now() <= end:
        assert len(queried(two[1].url)) == 1
        time.sleep(0.25)
    assert len(queried(two[0].url)) == len(queried(two[1].url)) == 1 and webhook.posts.empty()
    assert later["startsAt"] == first["startsAt"]
    told(webhook, {"/1x": ("resolved", "a"), "/2x": ("resolved", "a")})
    assert queried(two[0].url) == queried(two[1].url) == {}


# ---- beside it ---------------------------------------------------------------------------

BESIDE = """
route:
  receiver: everybody
  group_by: [team]
  group_wait: 3s
  group_interval: 4s
  repeat_interval: 13s
  routes:
    - {matchers: [severity=warning], receiver: tickets, continue: true, group_by: ['...']}
    - {matchers: ['team=~"x|y"']}
receivers:
  - name: everybody
    webhook_configs: [{url: '%s'}]
  - name: tickets
    webhook_configs: [{url: '%s', send_resolved: false}]
"""
FIRST = """    - {matchers: [alertname!=""], receiver: am, continue: true, group_by: ['...'], group_wait: 0s, group_interval: 1s}
"""


def plain(message):
    """What must be the same: all but times of the message and addresses of who sends it."""
    m = {k: v for k, v in message.items() if k not in ("at", "externalURL")}
    for alert in m["alerts"]:
        alert["startsAt"] = alert["startsAt"][:19]
        alert["endsAt"] = alert["endsAt"][:19]
    m["alerts"].sort(key=lambda a: (a["status"], a["fingerprint"]))
    return m


def received(webhook):
    """{path: {(receiver, group): [message, ...]}}"""
    got = {}
    while not webhook.posts.empty():
        path, body = webhook.post()
        m = plain(json.loads(body))
        got.setdefault(path, {}).setdefault((m["receiver"], m["groupKey"]), []).append(m)
    return got


@pytest.mark.skipif(FEW, reason="it goes by the clock of the wall")
def test_says_what_an_alertmanager_says(workspace, start, webhook, daemons):
    """The same groups, messages and order. Waits are odd, and alerts come and go at even times."""
    target = start(Sides)
    there = BESIDE % ((f"{webhook.url}/there",) * 2)
    alertmanager = start(peers.Alertmanager, workspace.path / "am", there)
    here = (BESIDE % ((f"{webhook.url}/here",) * 2)).replace("  routes:\n", "  routes:\n" + FIRST)
    here += f"  - {{name: am, alertmanager: {{url: '{alertmanager.url}', lifetime: 1h}}}}\n"
    all_of_them = [("a", "page", "x"), ("b", "page", "x"), ("c", "ticket", "x"), ("d", "page", "y"), ("e", "ticket", "z")]
    write(workspace, target, here, all_of_them)
    d = daemons(workspace)
    d.wait("serving")

    def fires(name):
        d.wait("alert", event="fire", slo=name)

    target.bad = {"a", "d", "e"}
    fires("e")
    target.bad |= {"b"}
    fires("b")
    target.bad |= {"c"}
    fires("c")
    write(workspace, target, here, [p for p in all_of_them if p[0] in "ace"])  # b and d are over
    d.signal(signal.SIGHUP)
    last = time.monotonic()
    while time.monotonic() < last + 22:
        time.sleep(0.1)
    got = received(webhook)
    ours, theirs = got["/here"], got["/there"]
    assert ours.keys() == theirs.keys() and len(ours) == 4
    for group, messages in theirs.items():
        both = min(len(messages), len(ours[group]))  # the last one may be under way
        assert max(len(messages), len(ours[group])) <= both + 1
        assert ours[group][:both] == messages[:both], group
    x, y = (ours["everybody", '{}/{team=~"x|y"}:{team="%s"}' % team] for team in "xy")
    assert len(x) >= 4 and y[0]["status"] == "firing" and y[-1]["status"] == "resolved"
    assert any(len({a["status"] for a in m["alerts"]}) == 2 for m in x)
    assert d.stop() == 0
