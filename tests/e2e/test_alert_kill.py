"""A daemon that is killed between any two steps of an alert's way to people.

nines-faulty (tests/support/faultvfs.c) ends in front of or after the n-th write, sync or
lock of its database; the receiver ends it while a request comes in, before it answers and
after it did; and now and then it ends at any moment, and in its start. Between all that
the receiver answers 500, closes, or hangs. Held against a run that nobody kills: no page
is lost, what is repeated has the key that it had, nothing is told twice under two keys,
and in the end everybody knows how it is.

A few runs, or NINES_KILL_RUNS; NINES_SEED repeats them.
"""
import collections
import contextlib
import http.server
import json
import os
import pathlib
import random
import resource
import signal
import sys
import threading
import time

import conftest
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import crashbook
from crashbook import DEESCALATE, ESCALATE, FIRE, MINUTE, RESOLVE, SECOND, text
from test_crash import instant
from test_storage_faults import Disk

LONG = bool(os.environ.get("NINES_LONG"))
RUNS = int(os.environ.get("NINES_KILL_RUNS", 16 if LONG else 2))  # of each routing
SEED = int(os.environ.get("NINES_SEED", random.SystemRandom().randrange(10**6)))
BEGIN = instant("2026-03-01T00:00:00Z")
STEP, QUIET, END = 10 * SECOND, 4 * MINUTE, 38 * MINUTE
PAGE, TICKET = "critical", "warning"
HEAD = "apiVersion: nines/v1\nkind: {}\n"

# Minutes in which each is down: together, one by one, again before it is over; p3 for a
# condition only.
DOWN = {"p0": [(5, 9), (16, 20)], "p1": [(5, 9)], "p2": [(10, 14)], "p3": [(6, 9)]}
TEAM = {"p0": "a", "p1": "a", "p2": "b", "p3": "b"}

GROUPED = """
route:
  receiver: all
  group_by: [team]
  group_wait: 10s
  group_interval: 30s
  repeat_interval: 12h
  routes:
    - {matchers: [severity=critical], receiver: pager, group_by: [alertname, slo, probe],
       group_wait: 0s, group_interval: 10s, continue: true}
    - {receiver: all}
inhibit_rules:
  - {source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [slo]}
"""
ROUTINGS = {"plain": "", "grouped": GROUPED}
POINTS = ["write wal kill", "write wal killed", "sync wal kill", "sync wal killed",
          "lock write kill", "early", "unanswered", "answered", "any", "reached"]


def is_down(probe, engine):
    return any(a * MINUTE <= engine - BEGIN < b * MINUTE for a, b in DOWN[probe])


class People:
    """Who asks for probes' sake, and who is told: with ill will, as `plan` says."""

    def __init__(self):
        self.came = []  # (receiver, key, body), complete ones
        self.unrecorded = set()  # (receiver, key) of those that said so
        self.down = set()
        self.plan = lambda receiver, key: "answer"
        self.daemon = None
        people = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self):
                self.answer(503 if self.path[1:] in people.down else 200)

            def do_POST(self):
                receiver, key = self.path[1:], self.headers["Idempotency-Key"]
                plan = people.plan(receiver, key)
                if plan == "early":
                    return self.kill()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                people.came.append((receiver, key, body))
                if self.headers["Nines-Unrecorded"]:
                    people.unrecorded.add((receiver, key))
                if plan == "unanswered":
                    return self.kill()
                if plan == "hang":
                    self.connection.settimeout(conftest.PATIENCE)
                    self.rfile.read(1)  # until they go
                if plan in ("hang", "close"):
                    self.close_connection = True
                    return None
                self.answer(500 if plan == "500" else 200)
                if plan == "answered":
                    self.wfile.flush()
                    return self.kill()
                return None

            def kill(self):
                self.close_connection = True
                people.daemon.process.kill()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *args: None  # whoever was killed is gone
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Run:
    """One scene from its begin to its end, in as many lives as it takes."""

    def __init__(self, workspace, daemons, people, disk, routing, rng):
        self.site, self.daemons, self.people, self.disk = workspace, daemons, people, disk
        self.rng, self.daemon = rng, None
        self.kills = collections.Counter()
        self.point = None
        self.ill = set()  # keys that were once received badly
        for name in ("nines.db", "nines.db-wal", "nines.db-shm"):
            with contextlib.suppress(FileNotFoundError):
                (workspace.path / name).unlink()
        people.came, people.plan = [], self.receive
        workspace.write("nines.yaml", HEAD.format("Daemon") + "receivers:\n" + "".join(
            f"  - {{name: {r}, rate: 1000, webhook: {{url: \"{people.url}/{r}\", timeout: 1s}}}}\n"
            for r in ("all", "pager")) + ROUTINGS[routing])
        workspace.write("probes/p.yaml", HEAD.format("Probes")
                        + "defaults: {interval: 10s, timeout: 5s}\nprobes:\n" + "".join(
                            f"  - {{id: {p}, labels: {{team: {TEAM[p]}}},"
                            f" http: {{url: \"{people.url}/{p}\"}}"
                            + (", alerts: [{failures: 3, of: 5}]" if p == "p3" else "") + "}\n"
                            for p in DOWN))
        workspace.write("slos/s.yaml", HEAD.format("SLOs") + "slos:\n" + "".join(
            f"  - {{name: s-{p}, sli: {{probe: {p}}}, objective: 95%, window: 2h, alerting: "
            "{tiers: [{severity: page, long: 10m, short: 2m, factor: 4},"
            " {severity: ticket, long: 30m, short: 5m, factor: 1}]}}\n"
            for p in DOWN if p != "p3"))

    # ---- who is told ---------------------------------------------------------------

    def receive(self, receiver, key):
        if self.point in ("early", "unanswered", "answered"):
            point, self.point = self.point, None
            return point
        if self.rng is None or (receiver, key) in self.ill or self.rng.random() > 0.1:
            return "answer"
        self.ill.add((receiver, key))
        return self.rng.choice(["500", "close", "hang"])

    # ---- lives ----------------------------------------------------------------------

    def arm(self, points):
        self.point = point = self.rng.choice(points)
        self.armed = point
        if " " in point:
            self.disk.fail(f"{point} {self.rng.randint(1, 12)}")
            self.disk.reset()

    def strike(self):
        """Those that the test itself does."""
        if self.point == "any":
            time.sleep(self.rng.uniform(0, 0.03))
            self.daemon.process.kill()
        if self.point == "reached":
            self.daemon.process.kill()

    def ended(self):
        assert self.daemon.process.wait(timeout=conftest.PATIENCE) == -signal.SIGKILL, \
            self.daemon.log[-5:]
        self.kills[self.armed] += 1
        self.daemon, self.point = None, None
        self.disk.well()

    def wait(self, engine):
        """Whether it lived."""
        try:
            self.daemon.wait("test clock reached", time=text(engine))
        except AssertionError:
            self.ended()
            return False
        return True

    def start(self, engine, again):
        self.site.write("clock", text(engine))
        if again and self.rng.random() < 0.3:
            self.arm(POINTS[:-1])
        self.daemon = self.people.daemon = self.daemons(self.site, "--test-clock", "clock")
        if self.point == "any":
            self.strike()
        return self.wait(engine)

    def to(self, engine):
        self.people.down = {p for p in DOWN if is_down(p, engine)}
        if self.daemon is None:
            while not self.start(engine, self.kills):
                pass
            return
        self.site.write("clock", text(engine))
        if self.point == "any":
            self.strike()
        lived = self.wait(engine)
        if lived and self.point == "reached":
            self.strike()
            self.ended()
            lived = False
        while not lived:
            lived = self.start(engine, True)

    def outbox(self, sql):
        with contextlib.closing(crashbook.open_database(self.site.path / "nines.db")) as db:
            return db.execute(sql).fetchall()

    def drain(self, engine):
        self.point, self.rng = None, None
        self.disk.well()
        end = time.monotonic() + conftest.PATIENCE
        while self.daemon is None or self.daemon.process.poll() is not None or \
                self.outbox("SELECT 1 FROM outbox WHERE done = 0"):
            assert time.monotonic() < end, self.outbox("SELECT * FROM outbox WHERE done = 0")
            if self.daemon and self.daemon.process.poll() is not None:
                self.ended()
            if self.daemon is None:
                self.start(engine, False)
            time.sleep(0.02)
        assert self.daemon.stop() == 0

    def moments(self, kills, busy):
        """Half of them about when something happens."""
        near = sorted({at + i for at in busy for i in (-1, 0, 1)})
        some = self.rng.sample(near, kills // 2)
        return {*some, *self.rng.sample(range(QUIET // STEP, END // STEP), kills - len(some))}

    def play(self, kills, busy=()):
        at = self.moments(kills, busy) if kills else set()
        self.to(BEGIN + QUIET)
        for i in range(QUIET // STEP + 1, END // STEP + 1):
            if i in at and self.daemon:
                self.arm(POINTS)
            self.to(BEGIN + i * STEP)
        self.drain(BEGIN + END)
        self.site.run("db", "check")
        return self

    def busy(self):
        """Steps in which something was decided or told."""
        return {(at - BEGIN) // STEP for at, in self.outbox(
            "SELECT at FROM alert_event UNION SELECT created FROM outbox")}

    # ---- what came of it -----------------------------------------------------------------

    def messages(self):
        """Each once, as it came first: (receiver, key, message) by time."""
        first = {}
        for receiver, key, body in self.people.came:
            assert first.setdefault((receiver, key), body) == body  # repeated: it is the same
        all = [(r, k, json.loads(body)) for (r, k), body in first.items()]
        return sorted(all, key=lambda m: instant(m[2]["at"]))

    def told(self):
        """{(receiver, alert): [status, ...]}, changes only."""
        told = collections.defaultdict(list)
        for receiver, _, message in self.messages():
            for a in message["alerts"]:
                name = a["labels"].get("slo") or a["labels"].get("probe")
                said = told[receiver, name, a["labels"]["severity"]]
                if said[-1:] != [a["status"]]:
                    said.append(a["status"])
        return dict(told)

    def happened(self):
        """{alert: [status, ...]} of pages, by the stored transitions."""
        happened, severity = collections.defaultdict(list), {}
        for condition, slo, kind, level in self.outbox(
                "SELECT condition, slo, kind, severity FROM alert_event WHERE notify AND slo <> ''"
                " ORDER BY id"):
            name, was = (condition, slo), severity.get((condition, slo))
            now = None if kind == RESOLVE else level
            assert kind in (FIRE, ESCALATE, DEESCALATE, RESOLVE)
            severity[name] = now
            if (now == 2) != (was == 2):
                happened[slo].append("firing" if now == 2 else "resolved")
        return dict(happened)

    def doubles(self):
        """Messages of a group that say again, under another key, what the last one said."""
        last, n = {}, 0
        for receiver, key, message in self.messages():
            group = receiver, message["groupKey"]
            says = {(a["fingerprint"], a["status"], a["startsAt"]) for a in message["alerts"]}
            n += last.get(group) == says
            last[group] = says
        return n

    def check(self, wanted):
        stored = self.outbox("SELECT receiver, dedup_key, done FROM outbox")
        assert {done for _, _, done in stored} == {1}
        assert {(r, k) for r, k, _ in self.people.came} == {(r, k) for r, k, _ in stored}
        assert self.happened() == wanted
        told = self.told()
        for name, statuses in wanted.items():
            for receiver in ("all", "pager"):
                assert told.get((receiver, name, PAGE)) == statuses, (receiver, name, told)
        for (receiver, name, severity), statuses in told.items():
            assert statuses[0] == "firing", (receiver, name, severity)
            assert statuses[-1] == "resolved" or severity == TICKET, (receiver, name)
        assert self.doubles() == 0


@pytest.fixture
def people():
    p = People()
    yield p
    p.close()


@pytest.fixture
def disk(workspace):
    program = pathlib.Path(conftest.binary()).parents[2] / "tests" / "support" / "nines-faulty"
    if not program.exists():
        pytest.skip("nines-faulty is built with the unit tests only")
    workspace.program = str(program)
    workspace.env["NINES_FAULTS"] = str(workspace.path / "faults")
    return Disk(workspace.path / "faults")


PAGES = {"s-p0": ["firing", "resolved"] * 2, "s-p1": ["firing", "resolved"],
         "s-p2": ["firing", "resolved"], "p3": ["firing", "resolved"]}


@pytest.mark.parametrize("routing", ROUTINGS)
def test_no_page_is_lost_and_none_comes_twice(workspace, daemons, people, disk, routing, capsys):
    reference = Run(workspace, daemons, people, disk, routing, None).play(0)
    assert reference.happened() == PAGES
    reference.check(PAGES)
    assert len(people.came) == len(reference.messages())  # nothing was repeated
    busy = reference.busy()
    kills, sums = collections.Counter(), collections.Counter()
    for n in range(RUNS):
        seed = f"{SEED}-{routing}-{n}"
        print("NINES_SEED", seed)
        run = Run(workspace, daemons, people, disk, routing, random.Random(seed)).play(8, busy)
        kills += run.kills
        sums["messages"] += len(run.messages())
        sums["repeated"] += len(people.came) - len(run.messages())
        run.check(PAGES)
    assert sum(kills.values()) >= 4 * RUNS
    with capsys.disabled():
        print(f"\n{routing}: {kills.total()} kills ({dict(kills)}), {sums['messages']} messages, "
              f"{sums['repeated']} repeated under their own key, 0 under another, 0 lost")


# ---- a disk that fails ------------------------------------------------------------------

@contextlib.contextmanager
def full(run, how):
    """Nothing can be written."""
    if how == "limit":
        pid = run.daemon.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[1]))
        yield
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    else:
        run.disk.fail(how)
        yield
        run.disk.well()


def told_of(people, name):
    return any(name in body for receiver, _, body in people.came if receiver == "pager")


FULL = [("plain", "limit", "answer"), ("grouped", "sync wal ioerr", "500")] + LONG * [
    ("grouped", "write wal full", "answer"), ("plain", "lock write busy", "close"),
    ("grouped", "limit", "hang")]


@pytest.mark.parametrize("routing,how,first", FULL)
def test_pages_of_a_full_disk_come_once(workspace, daemons, people, disk, routing, how, first):
    """From memory, as their receivers will or will not; and not again when they are stored."""
    run = Run(workspace, daemons, people, disk, routing, None)
    met = collections.Counter()

    def receive(receiver, key):
        met[receiver, key] += 1
        return first if met[receiver, key] == 1 else "answer"

    people.plan = receive
    run.to(BEGIN + 5 * MINUTE - STEP)
    with full(run, how):
        people.down = {"p0", "p1", "p3"}
        workspace.write("clock", text(BEGIN + 9 * MINUTE - STEP))
        run.daemon.wait("test clock reached, but not everything is stored")
        end = time.monotonic() + conftest.PATIENCE
        while not all(told_of(people, n) for n in (b"s-p0", b"s-p1", b"ProbeFailing", b"ProberDown")):
            assert time.monotonic() < end, people.came
            time.sleep(0.02)
        early = {(r, k) for r, k, _ in people.came}
    run.daemon.wait("results are stored again")
    assert early and early <= people.unrecorded
    for minute in range(9, END // MINUTE + 1):
        run.to(BEGIN + minute * MINUTE)
    run.drain(BEGIN + END)
    workspace.run("db", "check")
    run.check(PAGES)
    assert len(people.came) == (1 if first == "answer" else 2) * len(run.messages())


# ---- real time -------------------------------------------------------------------------

@pytest.mark.skipif(not LONG, reason="a minute of real time; NINES_LONG=1")
def test_pages_of_a_daemon_that_is_killed_every_second(workspace, daemons, people, disk, capsys):
    rng = random.Random(f"{SEED}-real")
    print("NINES_SEED", SEED)
    probes, kills = [f"q{i:02}" for i in range(20)], 0
    workspace.write("nines.yaml", HEAD.format("Daemon") + "receivers:\n"
                    f"  - {{name: all, rate: 1000, webhook: {{url: \"{people.url}/all\"}}}}\n")
    workspace.write("probes/p.yaml", HEAD.format("Probes")
                    + "defaults: {interval: 200ms, timeout: 2s}\nprobes:\n" + "".join(
                        f"  - {{id: {p}, http: {{url: \"{people.url}/{p}\"}},"
                        " alerts: [{failures: 3, of: 5}]}\n" for p in probes))

    def begin():
        people.daemon = daemons(workspace)
        return people.daemon

    def told():
        return collections.Counter(a["labels"]["probe"] for body in dict(
            ((r, k), b) for r, k, b in people.came).values() for a in json.loads(body)["alerts"])

    d = begin()
    for p in probes:
        people.down = people.down | {p}
        for _ in range(3):
            if rng.random() < 0.5:
                disk.fail(f"{rng.choice(POINTS[:5])} {rng.randint(1, 6)}")
                disk.reset()
                with contextlib.suppress(Exception):
                    d.process.wait(timeout=3)
            else:
                time.sleep(rng.uniform(0, 1.5))
            disk.well()
            d.kill()
            kills += 1
            d = begin()
    end = time.monotonic() + conftest.PATIENCE
    while set(told()) != set(probes):
        assert time.monotonic() < end, set(probes) - set(told())
        time.sleep(0.1)
    assert d.stop() == 0
    workspace.run("db", "check")
    first = {}
    for receiver, key, body in people.came:
        assert first.setdefault(key, body) == body
    assert set(told().values()) == {1}, told()
    with capsys.disabled():
        print(f"\nreal time: {kills} kills, {len(first)} messages, {len(people.came) - len(first)}"
              " repeated under their own key, 0 under another, 0 lost")
