"""A daemon that is killed again and again: what was measured, rolled up and told stays.

SIGKILL at random moments: 30 times, or 200 times with NINES_LONG=1. NINES_SEED
repeats a run. Two scenes: hours of engine time, in which alerts fire and
resolve and history is rolled up and sealed; and real time at some hundred
probes a second. After every kill the database is held against what the target
knows it answered (tests/servers/ledger.py, tests/tools/crashbook.py).
"""
import collections
import datetime
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import conftest
import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "tools"))
import crashbook
from crashbook import FIRE, HOUR, MINUTE, RESOLVE, SECOND, text

LONG = bool(os.environ.get("NINES_LONG"))
SEED = int(os.environ.get("NINES_SEED", random.SystemRandom().randrange(10**6)))
KILLS = {"engine": 150 if LONG else 20, "real": 50 if LONG else 10}
FLUSH_S = 1.0
BUSY_S = 1.0  # what a machine with other work may add to a flush interval
OUTCOMES = ["good", "bad", "excluded", "skipped"]
EPOCH = datetime.datetime(1970, 1, 1)


def instant(when):
    return (datetime.datetime.fromisoformat(when.rstrip("Z")) - EPOCH) \
        // datetime.timedelta(microseconds=1)


class Ledger:
    def __init__(self):
        self.process = subprocess.Popen([sys.executable, TESTS / "servers" / "ledger.py"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().strip()}"
        self.posts = []  # (key, message)
        self.book = collections.defaultdict(lambda: collections.defaultdict(list))

    def ask(self, path, body=None):
        with urllib.request.urlopen(self.url + path, body, timeout=conftest.PATIENCE) as reply:
            return reply.read()

    def down(self, probes):
        self.ask("/down", json.dumps(probes).encode())

    def life(self, life):
        for probe, name, n, code, answered in json.loads(self.ask("/book")):
            self.book[name][probe].append((n, code, answered))
        return self.book[life]

    def read_posts(self):
        new = json.loads(self.ask("/posts"))
        self.posts += new
        return new

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=conftest.PATIENCE)


class Scene:
    """One workspace, its ledger, and lives that end by SIGKILL."""

    def __init__(self, workspace, ledger, daemons, rng, probes, interval, arguments=()):
        self.site, self.ledger, self.daemons, self.rng = workspace, ledger, daemons, rng
        self.probes, self.interval, self.arguments = probes, interval, arguments
        self.book, self.alerts = crashbook.Book(), crashbook.Alerts()
        self.page_interval = max(interval, SECOND)
        self.lives = self.kills = self.reloads = self.scrapes = 0
        self.worst = 0.0
        self.daemon = None
        self.phases = {}
        self.path = workspace.path / "nines.db"
        workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nreceivers:\n"
                        f"  - {{name: hook, webhook: {{url: \"{ledger.url}/hook\"}}}}\n")
        workspace.write("slos/s.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n" + "".join(
            f"  - {{name: s-{p}, sli: {{probe: {p}}}, objective: 99.9%, window: 2h}}\n"
            for p in probes)
            + "  - name: pages\n"
            "    sli: {probe: page, ratio: {bad: 'answers_total{class=\"down\"}',"
            " total: answers_total}}\n"
            "    objective: 99%\n    window: 2h\n    alerting: none\n")

    def configure(self):
        """Results of this life are told by their path."""
        self.site.write("probes/p.yaml", "apiVersion: nines/v1\nkind: Probes\n"
                        f"defaults: {{interval: {self.interval // 1000}ms, timeout: 5s}}\n"
                        "probes:\n" + "".join(
                            f"  - {{id: {p}, http: {{url: \"{self.ledger.url}/{p}/{self.lives}\","
                            " expect: {status: [200-249]}}}\n" for p in self.probes)
                        + f"  - {{id: page, interval: {self.page_interval // 1000}ms, timeout: "
                        f"{min(self.page_interval // 1000, 5000)}ms,"
                        f" metrics: {{url: \"{self.ledger.url}/page/{self.lives}\"}}}}\n")

    def new_sli(self):
        """Its whole history has to be rolled up."""
        self.reloads += 1
        probe = self.rng.choice(self.probes)
        self.site.write("slos/more.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n"
                        f"  - {{name: more, sli: {{probe: {probe}, faster_than: "
                        f"{self.rng.randrange(10**6) + 1}us}}, objective: 99%, window: 1d,"
                        " alerting: none}\n")

    def start(self):
        self.lives += 1
        self.configure()
        self.daemon = self.daemons(self.site, *self.arguments)
        return self.daemon

    def kill(self):
        killed = time.monotonic()
        self.daemon.kill()
        self.daemon = None
        self.kills += 1
        return killed

    def read_phases(self, db):
        if not self.phases:
            self.phases = dict(db.execute(
                "SELECT p.id, phase FROM probe_revision r JOIN probe p ON p.num = r.probe"))

    def check(self, killed, since, strict, tolerance):
        """After a kill; what was running had begun at `since`, engine time."""
        if not self.path.exists() or not self.path.stat().st_size:
            return
        with crashbook.open_database(self.path) as db:
            crashbook.check_integrity(db)
            if not crashbook.is_made(db):
                return
            if self.kills % 5 == 0:
                self.site.run("db", "check")
            self.read_phases(db)
            ledger = self.ledger.life(str(self.lives))
            stored = self.book.read_life(db, since)
            lost = crashbook.match_life(ledger, stored, strict)
            crashbook.check_prefix(ledger, lost, tolerance)
            self.scrapes = crashbook.check_samples(db, "page", since)
            for answered, probe, n in lost:
                self.worst = max(self.worst, killed - answered)
            assert self.worst <= FLUSH_S + BUSY_S, (lost, killed)
            for event in self.alerts.read(db):
                probe = event.slo.removeprefix("s-")
                crashbook.check_event(self.book, event, probe, self.phases[probe], self.interval)
        self.ledger.read_posts()
        db.close()

    def past(self, probe, start, end, every, quiet):
        """Import lines, as they are read out of the book."""
        for slot in crashbook.slots(self.phases[probe] % every, every, start, end):
            bad = slot < quiet and self.rng.random() < 0.01
            total = self.rng.randrange(500, 90000)
            code = 250 if bad else 200
            self.book.rows[probe][slot] = crashbook.Row(slot + total, int(bad), 12 * bad, code, total)
            line = {"probe": probe, "time": text(slot), "outcome": "bad" if bad else "good",
                    "code": code, "latency_ms": total / 1000}
            if bad:
                line["reason"] = "status"
            yield json.dumps(line) + "\n"

    def check_deliveries(self):
        """Each message came, under its one name, and none that is not stored."""
        with crashbook.open_database(self.path) as db:
            self.alerts.read(db)
        db.close()
        assert {key for key, _ in self.ledger.posts} == set(self.alerts.messages)
        for key, message in self.ledger.posts:
            assert self.alerts.messages[key] == message
        self.alerts.check_told(self.ledger.posts)
        return len(self.alerts.messages)

    def check_whole(self, since):
        """Rows and chunks as one, against the book; and the database against itself."""
        with crashbook.open_database(self.path) as db:
            self.book.read_life(db, since)
        db.close()
        found = collections.defaultdict(dict)
        for line in map(json.loads, self.site.run("export", "results").stdout.splitlines()):
            found[line["probe"]][instant(line["time"])] = (
                OUTCOMES.index(line["outcome"]), line.get("code", 0), line["latency_ms"])
        for probe, rows in self.book.rows.items():
            assert found[probe] == {slot: (r.outcome, r.code, r.total / 1000)
                                    for slot, r in rows.items()}, probe
        self.site.run("db", "check")
        with crashbook.open_database(self.path) as db:
            sealed, chunks = db.execute("SELECT ifnull(sum(n), 0), count(*) FROM chunk").fetchone()
        db.close()
        return sum(map(len, found.values())), sealed, chunks

    def check_report(self, start, end):
        """Rollups and tail, against the results one by one; every gap is the prober's."""
        report = self.site.report("--from", text(start), "--to", text(end))
        for slo in report["slos"]:
            if slo["slo"] in ("more", "pages"):
                continue
            probe = slo["slo"].removeprefix("s-")
            good, bad = self.book.counts(probe, start, end)
            assert (slo["good"], slo["bad"]) == (good, bad), slo
            coverage = slo["coverage"]
            known = self.book.rows[probe]
            first = min((s for s, r in known.items() if r.outcome in (0, 1)), default=end)
            expected = len(crashbook.slots(self.phases[probe], self.interval, start, end))
            early = len(crashbook.slots(self.phases[probe], self.interval, start,
                                        min(max(first, start), end)))
            assert coverage["expected"] == expected, (slo, expected)
            assert coverage["missing"] == {
                "prober_down": expected - early - good - bad, "target_silent": 0,
                "not_started": early}, slo
        return len(report["slos"])


# ---- hours of engine time -------------------------------------------------------

class Engine(Scene):
    DAYS = 3  # imported

    def __init__(self, *arguments):
        super().__init__(*arguments, probes=[f"p{i}" for i in range(4)], interval=20 * SECOND,
                         arguments=("--test-clock", "clock"))
        self.now = instant("2026-03-01T00:00:00Z")
        self.begin = self.now - self.DAYS * 24 * HOUR
        self.since = self.now  # of this life
        self.pace = 0.5 / (60 * MINUTE)  # seconds of a microsecond of engine time
        self.incidents = 0

    def live(self):
        if self.daemon:
            return
        self.site.write("clock", text(self.now))
        self.since = self.now
        self.start().wait("test clock reached", time=text(self.now))

    def advance(self, us):
        self.live()
        self.now += us
        began = time.monotonic()
        self.daemon.advance(text(self.now))
        self.pace = (self.pace + (time.monotonic() - began) / us) / 2

    def check(self, killed):
        super().check(killed, self.since, strict=True, tolerance=0.05)
        with crashbook.open_database(self.path) as db:
            through = min(crashbook.complete_through(db), self.now)
        db.close()
        for probe in self.phases:
            for slot in crashbook.slots(self.phases[probe], self.interval, self.since, through):
                assert slot in self.book.rows[probe], (probe, text(slot))

    def killed(self, us):
        """An advance that is not survived."""
        kind = self.rng.choice(["boot", "run", "run", "page", "reload", "end"])
        if kind == "boot":
            if self.daemon:
                self.check(self.kill())
            self.site.write("clock", text(self.now))
            self.since = self.now
            self.start()
            time.sleep(self.rng.uniform(0, 0.15))
        else:
            self.live()
            if kind == "reload":
                self.new_sli()
                self.daemon.signal(signal.SIGHUP)
            self.now += us
            self.site.write("clock", text(self.now))
            if kind == "end":
                self.daemon.wait("test clock reached", time=text(self.now))
            elif kind == "page":
                end = time.monotonic() + us * self.pace
                while not self.ledger.read_posts() and time.monotonic() < end:
                    pass
            else:
                time.sleep(self.rng.uniform(0, us * self.pace * 1.2))
        self.check(self.kill())

    def incident(self, kills):
        """Down and up again, with kills in between: one page and one end of it."""
        self.incidents += 1
        begin, sick = self.now, self.rng.sample(self.probes, self.rng.randint(1, 3))
        self.ledger.down(sick)
        for _ in range(kills[0]):
            self.killed(self.rng.randint(2, 10) * MINUTE)
        self.advance(10 * MINUTE)
        self.ledger.down([])
        for _ in range(kills[1]):
            self.killed(self.rng.randint(1, 8) * HOUR)
        self.advance(40 * MINUTE)
        with crashbook.open_database(self.path) as db:
            self.book.read_life(db, self.since)
            self.alerts.read(db)
        db.close()
        for probe in self.probes:
            told = self.alerts.incidents(f"s-{probe}", begin)
            assert told == ([FIRE, RESOLVE] if probe in sick else []), (probe, sick, told)

    def away(self):
        """Killed, and not missed for days: what is old by then is sealed at the next start."""
        if self.daemon:
            self.check(self.kill())
        self.now += self.rng.randint(24, 200) * HOUR

    def import_history(self):
        """On the schedule that the probes have; the database learns it in a first life."""
        self.live()
        assert self.daemon.stop() == 0
        self.daemon = None
        with crashbook.open_database(self.path) as db:
            self.read_phases(db)
        db.close()
        quiet = self.now - 3 * HOUR  # what failed before is no incident of ours
        lines = [line for p in self.probes
                 for line in self.past(p, self.begin, self.now, self.interval, quiet)]
        self.site.run("import", "-", stdin="".join(lines))


# ---- real time ---------------------------------------------------------------------

class Real(Scene):
    def __init__(self, *arguments):
        super().__init__(*arguments, probes=[f"q{i:02}" for i in range(24)],
                         interval=SECOND // 5)
        self.begin = None
        self.days = []  # imported ones
        self.cut = 0    # imports that lost their daemon

    def life(self):
        """From its start to its kill, at any moment and in the midst of anything."""
        kind = self.rng.choice(["boot", "run", "run", "reload", "import"])
        since = int(time.time() * SECOND)
        self.begin = self.begin or since
        d = self.start()
        lines = None
        if kind == "boot":
            time.sleep(self.rng.uniform(0, 0.3))
        else:
            d.wait("serving")
            time.sleep(self.rng.uniform(0.2, 2.5))
        if kind == "reload":
            self.new_sli()
            d.signal(signal.SIGHUP)
            time.sleep(self.rng.uniform(0, 0.1))
        elif kind == "import" and self.phases:
            lines = self.import_day()
        killed = self.kill()
        self.check(killed, since, strict=False, tolerance=0.5)
        if lines:
            self.import_again(*lines)
        return since

    def import_day(self):
        day = self.begin - (len(self.days) + 1) * 24 * HOUR
        day -= day % HOUR
        self.days.append(day)
        lines = "".join(line for p in self.probes[:8]
                        for line in self.past(p, day, day + 24 * HOUR, MINUTE, day + 24 * HOUR))
        process = subprocess.Popen([conftest.binary(), "import", "-"], cwd=self.site.path, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        feeder = threading.Thread(target=self.feed, args=(process.stdin, lines), daemon=True)
        feeder.start()
        time.sleep(self.rng.uniform(0.01, 0.12))
        return process, feeder, lines

    @staticmethod
    def feed(stdin, lines):
        try:
            stdin.write(lines)
            stdin.close()
        except BrokenPipeError:
            pass

    def import_again(self, process, feeder, lines):
        """What the killed daemon took of an import does not come twice."""
        process.wait(timeout=conftest.PATIENCE)
        feeder.join(timeout=conftest.PATIENCE)
        process.stdout.close()
        process.stderr.close()
        self.cut += process.returncode != 0
        self.site.run("import", "-", stdin=lines)


@pytest.fixture
def ledger():
    started = Ledger()
    yield started
    started.close()


def test_killed_over_days_of_engine_time(workspace, ledger, daemons, capsys):
    rng = random.Random(SEED)
    with capsys.disabled():
        print(f"\nNINES_SEED={SEED}", end=" ", flush=True)
    scene = Engine(workspace, ledger, daemons, rng)
    scene.import_history()
    while scene.kills < KILLS["engine"]:
        left = KILLS["engine"] - scene.kills
        first = min(left, rng.randint(0, 3))
        scene.incident((first, min(left - first, rng.randint(0, 3))))
        if scene.kills < KILLS["engine"] and rng.random() < 0.7:
            scene.away()
        for _ in range(3):
            day = rng.randrange((scene.now - scene.begin) // HOUR) * HOUR + scene.begin
            scene.check_report(day, min(day + rng.choice([HOUR, 24 * HOUR]), scene.now))
    scene.check_report(scene.begin, scene.now)
    scene.live()
    scene.advance(MINUTE)
    assert scene.daemon.stop() == 0
    scene.ledger.read_posts()
    messages = scene.check_deliveries()
    results, sealed, chunks = scene.check_whole(scene.since)
    with capsys.disabled():
        print(f"engine time: {scene.kills} kills, {scene.reloads} in a reload, "
              f"{scene.book.checked} results, {scene.scrapes} scrapes and"
              f" {len(scene.alerts.events)} transitions checked, "
              f"{sealed} of {results} sealed in {chunks} chunks, {scene.incidents} incidents, {messages} messages in {len(ledger.posts)} deliveries,"
              f" oldest lost result {scene.worst * 1000:.0f} ms old")


def test_killed_in_real_time(workspace, ledger, daemons, capsys):
    scene = Real(workspace, ledger, daemons, random.Random(SEED))
    with capsys.disabled():
        print(f"\nNINES_SEED={SEED}", end=" ", flush=True)
    while scene.kills < KILLS["real"]:
        since = scene.life()
        if not scene.phases:
            continue
        now = int(time.time() * SECOND)
        scene.check_report(since, now)
        scene.check_report(scene.begin, now)
        for day in scene.days[-1:]:
            scene.check_report(day, day + 24 * HOUR)
    since = int(time.time() * SECOND)
    scene.start().wait("serving")
    assert scene.daemon.stop() == 0
    assert not scene.alerts.events
    results, sealed, chunks = scene.check_whole(since)
    with capsys.disabled():
        print(f"real time: {scene.kills} kills, {scene.reloads} in a reload, {scene.cut} in an"
              f" import, {scene.book.checked} results and {scene.scrapes} scrapes checked, {sealed} of {results} sealed in"
              f" {chunks} chunks, oldest lost result"
              f" {scene.worst * 1000:.0f} ms old")
