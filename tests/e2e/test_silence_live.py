"""What people are told of an alert that is silenced, by a daemon that runs on a clock of our own."""
import json
import os
import resource
import subprocess

import pytest

from test_silence import PROBES, SLOS

ROUTE = """apiVersion: nines/v1
kind: Daemon
receivers: [{name: hook, webhook: {url: "%s/hook"}}]
route: {receiver: hook, group_by: [slo], group_wait: 0s, group_interval: 1m, repeat_interval: 4h}
"""
SILENCE = ["--comment", "works", "--author", "me"]


class Scene:
    """The probe is bad from the start."""

    def __init__(self, site, target, webhook, daemons):
        self.site, self.target, self.webhook, self.daemons = site, target, webhook, daemons
        site.write("probes/p.yaml", PROBES % target.url)
        site.write("slos/s.yaml", SLOS)
        site.write("nines.yaml", ROUTE % webhook.url)
        site.write("clock", "2026-03-01T00:00:00Z")
        target.answer = (503, {}, b"")
        self.start()

    def start(self):
        self.daemon = self.daemons(self.site, "--test-clock", "clock")
        self.daemon.wait("serving")

    def restart(self):
        assert self.daemon.stop() == 0
        self.start()

    def to(self, time):
        self.daemon.advance(f"2026-03-01T{time}Z")

    def silence(self, *args):
        out = self.site.run("silence", "add", "--json", *SILENCE, *args)
        return json.loads(out.stdout)["id"]

    def told(self):
        """[(when, status), ...] of what came to the receiver; the daemon ends."""
        assert self.daemon.stop() == 0
        messages = [json.loads(self.webhook.posts.get_nowait()[1]) for _ in range(self.webhook.posts.qsize())]
        return [(m["at"][11:19], m["status"]) for m in messages]


@pytest.fixture
def scene(workspace, target, webhook, daemons):
    return Scene(workspace, target, webhook, daemons)


FIRES = "00:01:00"  # its group is looked at then, and each minute from then on


def test_an_alert_outlasts_its_silence(scene):
    """Told at the first look at its group behind the end, whatever came in between."""
    assert scene.silence("--until", "2026-03-01T00:10:30Z", "--slo", "api-availability") == "1"
    scene.to("00:05:00")
    scene.restart()
    scene.to("00:10:59")
    assert scene.webhook.posts.qsize() == 0
    scene.to("00:20:00")
    assert scene.told() == [("00:11:00", "firing")]


def test_a_silence_ends_by_hand(scene):
    scene.silence("--for", "2h", "ErrorBudgetBurn")
    scene.to("00:20:10")
    mutes = json.loads(scene.site.run("silence", "list", "--json", "--at", "2026-03-01T00:20:10Z").stdout)
    assert mutes["mutes"] == 1 and mutes["startsAt"] == "2026-03-01T00:00:00Z"
    scene.site.run("silence", "expire", 1)
    scene.to("00:25:00")
    assert scene.told() == [("00:21:00", "firing")]


def test_it_is_over_before_its_silence(scene):
    """Nobody has heard of it, and nobody does; the next one is told of."""
    scene.silence("--for", "90m", "severity=critical")
    scene.to("00:02:00")
    scene.target.answer = (200, {}, b"{}")
    scene.to("00:30:00")
    scene.restart()
    scene.to("03:00:00")
    assert scene.webhook.posts.qsize() == 0
    scene.target.answer = (503, {}, b"")
    scene.to("03:10:00")
    told = scene.told()
    assert [status for _, status in told] == ["firing"] and "03:00:00" < told[0][0] < "03:05:00"


def test_it_is_over_in_a_silence(scene):
    """People have heard that it fires, and not that it is over; the next one is told of."""
    scene.to("00:02:00")
    scene.silence("--for", "1h", "slo=api-availability")
    scene.target.answer = (200, {}, b"{}")
    scene.to("03:00:00")
    scene.target.answer = (503, {}, b"")
    scene.to("03:10:00")
    (first, second) = scene.told()
    assert first == (FIRES, "firing") and second[1] == "firing" and "03:00:00" < second[0] < "03:05:00"


def test_it_is_told_and_silenced(scene):
    """What was told is not told again because a silence has ended, but repeated when it is time."""
    scene.to("00:02:00")
    scene.silence("--for", "1h", "slo=api-availability")
    scene.restart()
    scene.to("04:30:00")
    assert scene.told() == [(FIRES, "firing"), ("04:01:00", "firing")]


def test_a_silence_begins_by_itself(scene):
    """That it fires was told before, that it is over falls into the silence."""
    scene.target.answer = (200, {}, b"{}")
    scene.silence("--from", "2026-03-01T00:10:00Z", "--until", "2026-03-01T00:50:00Z", "service=agent-api")
    scene.to("00:05:00")
    scene.target.answer = (503, {}, b"")
    scene.to("00:09:00")
    scene.target.answer = (200, {}, b"{}")
    scene.to("00:59:00")
    told = scene.told()
    assert [status for _, status in told] == ["firing"] and told[0][0] < "00:10:00"


def test_another_alert_is_told(scene):
    scene.silence("--for", "2h", "slo=api-availability", "severity=warning")
    scene.silence("--for", "2h", "slo=other")
    scene.to("00:05:00")
    assert scene.told() == [(FIRES, "firing")]


def test_the_command_of_a_message(scene):
    """As it is, from the message to a shell."""
    scene.to("00:02:00")
    (alert,) = json.loads(scene.webhook.post()[1])["alerts"]
    (scene.site.path / "bin").mkdir()
    (scene.site.path / "bin" / "nines").symlink_to(scene.site.program)
    out = subprocess.run(["sh", "-c", alert["annotations"]["silence_command"]], cwd=scene.site.path, text=True,
                         capture_output=True, env={**os.environ, "PATH": f"{scene.site.path}/bin:{os.environ['PATH']}"})
    assert out.returncode == 0 and out.stderr == ""
    assert out.stdout == ("silence 1, until 2026-03-01T02:02:00Z (2h)\nit mutes 1 alert that is on now:\n"
                          '  ErrorBudgetBurn{service="agent-api", severity="critical", slo="api-availability"}\n')
    scene.target.answer = (200, {}, b"{}")
    scene.to("01:59:00")
    assert scene.told() == []


def test_it_is_committed_late(scene):
    """The command gave up while the disk was full; what it asked for is in force when it is stored."""
    scene.to("00:00:10")  # nothing waits to be stored
    pid = scene.daemon.process.pid
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, most))
    late = scene.site.run("silence", "add", *SILENCE, "--for", "2h", "slo=api-availability", check=False)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
    assert late.returncode == 1 and "silence add: " in late.stderr
    assert scene.site.run("silence", "list", "--all").stdout == ""
    scene.to("00:00:30")  # it is committed,
    scene.to("00:00:45")  # and that is seen
    assert json.loads(scene.site.run("silence", "list", "--all", "--json").stdout)["id"] == "1"
    scene.to("00:20:00")
    assert scene.told() == []
