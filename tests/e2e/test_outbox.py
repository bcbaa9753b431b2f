"""More messages than are held in memory: all come, in their order."""
import contextlib
import json
import sqlite3

HEAD = "apiVersion: nines/v1\nkind: {}\n"
MANY = 2500  # more than are read at once


def message(n):
    return json.dumps({"receiver": "r", "status": "firing", "alerts": [], "groupLabels": {},
                       "commonLabels": {}, "commonAnnotations": {}, "externalURL": "",
                       "version": "4", "groupKey": str(n), "truncatedAlerts": 0})


def start(site, daemons):
    d = daemons(site, "--test-clock", "clock")
    d.wait("test clock reached")
    return d


def test_what_was_left_in_the_outbox_comes_in_its_order(workspace, webhook, daemons):
    workspace.write("nines.yaml", HEAD.format("Daemon") + "receivers: [{name: r, rate: 100000,"
                    f" webhook: {{url: \"{webhook.url}/\"}}}}]\n")
    workspace.write("clock", "2026-03-01T00:00:00Z")
    assert start(workspace, daemons).stop() == 0
    with contextlib.closing(sqlite3.connect(workspace.path / "nines.db")) as db, db:
        db.executemany("INSERT INTO outbox(event, created, receiver, integration, group_key,"
                       " dedup_key, payload) VALUES(0, ?, 'r', 'webhook', 'g', ?, ?)",
                       [(1772323200000000, str(n), message(n)) for n in range(MANY)])
    d = start(workspace, daemons)
    came = [json.loads(webhook.post()[1])["groupKey"] for _ in range(MANY)]
    assert came == [str(n) for n in range(MANY)]
    assert d.stop() == 0
    assert webhook.posts.empty()
    with contextlib.closing(sqlite3.connect(workspace.path / "nines.db")) as db:
        assert db.execute("SELECT done, count(*) FROM outbox GROUP BY 1").fetchall() == [(1, MANY)]
