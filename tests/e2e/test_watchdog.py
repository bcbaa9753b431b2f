"""The watchdog as somebody outside hears it: `watchdog` in nines.yaml."""
import contextlib
import json
import queue
import re
import signal
import sqlite3
import urllib.request

import pytest

DAEMON = "apiVersion: nines/v1\nkind: Daemon\nlog: {format: json}\n"


def start(workspace, daemons, config, env=None):
    workspace.env = {"DEADMAN_URL": "unused", **(env or {})}
    workspace.write("nines.yaml", DAEMON + config)
    return daemons(workspace)


def silence(target, seconds):
    """Nothing arrives for so long."""
    with pytest.raises(queue.Empty):
        target.posts.get(timeout=seconds)


def drain(target):
    with contextlib.suppress(queue.Empty):
        while True:
            target.posts.get_nowait()


def test_a_receiver_hears_it_until_the_process_stands_still(workspace, daemons, target, webhook):
    d = start(workspace, daemons,
              f"receivers:\n  - {{name: ops, webhook: {{url: '{webhook.url}'}}}}\n"
              f"  - {{name: deadman, webhook: {{url: '{target.url}/dead'}}}}\n"
              "watchdog: {receiver: deadman, every: 1s}\n")
    path, body = target.post()
    assert path == "/dead"
    message = json.loads(body)
    assert message["receiver"] == "deadman" and message["status"] == "firing"
    alert, = message["alerts"]
    assert alert["labels"] == {"alertname": "Watchdog", "severity": "none"}
    later, = json.loads(target.post()[1])["alerts"]
    assert later["fingerprint"] == alert["fingerprint"] and later["startsAt"] == alert["startsAt"]

    d.signal(signal.SIGSTOP)
    drain(target)
    silence(target, 0.5)  # what was on its way when it stopped
    drain(target)
    silence(target, 3)
    d.signal(signal.SIGCONT)
    target.post()
    # It is nobody else's, and nothing of it is stored.
    assert webhook.posts.empty()
    assert d.stop() == 0
    drain(target)
    silence(target, 2)
    with contextlib.closing(sqlite3.connect(workspace.path / "nines.db")) as db:
        assert db.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


def test_an_address_is_asked_and_the_time_is_shown(workspace, daemons, target):
    d = start(workspace, daemons, "watchdog: {url: {env: DEADMAN_URL}, method: POST, every: 1s}\n",
              {"DEADMAN_URL": target.url + "/ping/s3cret"})
    address = d.wait("serving")["address"]
    for _ in range(3):
        assert target.post() == ("/ping/s3cret", b"")
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        metrics = answer.read().decode()
    assert re.search(r'^nines_watchdog_heartbeats_total\{result="delivered"\} [1-9]', metrics, re.M)
    assert re.search(r"^nines_watchdog_last_delivery_timestamp_seconds [0-9.e+]+", metrics, re.M)
    assert "nines_watchdog_silent 0" in metrics
    for _ in range(3):  # a heartbeat of the store later it is in the database
        target.post()
    assert d.stop() == 0
    assert "watchdog last delivered" in workspace.run("status").stdout
    assert json.loads(workspace.run("status", "--format", "json").stdout)["daemon"]["watchdog_at"]
    assert not [line for line in d.log if "s3cret" in str(line)]


def test_a_reload_takes_it_away(workspace, daemons, target):
    d = start(workspace, daemons, f"watchdog: {{url: '{target.url}', method: POST, every: 1s}}\n")
    target.post()
    workspace.write("nines.yaml", DAEMON)
    d.signal(signal.SIGHUP)
    d.wait("configuration reloaded")
    drain(target)
    silence(target, 0.5)
    drain(target)
    silence(target, 2)
    assert d.stop() == 0
