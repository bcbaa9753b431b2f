"""The daemon on a disk that fails: each operation, each way, while it probes and alerts.

nines-faulty is the program with a layer below SQLite that fails on demand
(tests/support/faultvfs.c). Whatever fails: nothing ends, nothing measured is
lost, pages go out, and whoever asks is told.
"""
import contextlib
import hashlib
import json
import mmap
import os
import pathlib
import re
import signal
import sqlite3
import struct
import sys
import time
import urllib.error
import urllib.request

import conftest
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import crashbook
from crashbook import FIRE, MINUTE, SECOND
from test_crash import Ledger, instant, ledger, text  # noqa: F401 (a fixture)

FAULTS_SIZE, FAULTS_HITS = 4096, 2048
LONG = bool(os.environ.get("NINES_LONG"))
BEGIN = instant("2026-03-01T00:00:00Z")
PROBES = ["p0", "p1", "p2"]
INTERVAL = 15 * SECOND


class Disk:
    """The rules that nines-faulty obeys."""

    def __init__(self, path):
        path.write_bytes(bytes(FAULTS_SIZE))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), FAULTS_SIZE)

    def fail(self, *rules):
        lines = "".join(rule + "\n" for rule in rules).encode()
        self.map[:FAULTS_HITS] = lines.ljust(FAULTS_HITS, b"\0")

    def well(self):
        self.fail()

    def reset(self):
        self.map[FAULTS_HITS:FAULTS_HITS + 4] = bytes(4)

    @property
    def hits(self):
        return struct.unpack("=I", self.map[FAULTS_HITS:FAULTS_HITS + 4])[0]


class Site:
    def __init__(self, workspace, ledger, disk, interval=INTERVAL):
        self.workspace, self.ledger, self.disk = workspace, ledger, disk
        self.path = workspace.path / "nines.db"
        self.base = None
        workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nreceivers:\n"
                        f"  - {{name: hook, webhook: {{url: \"{ledger.url}/hook\"}}}}\n")
        workspace.write("probes/p.yaml", "apiVersion: nines/v1\nkind: Probes\n"
                        f"defaults: {{interval: {interval // 1000}ms, timeout: 5s}}\nprobes:\n"
                        + "".join(f"  - {{id: {p}, http: {{url: \"{ledger.url}/{p}/1\","
                                  " expect: {status: [200-249]}}}\n" for p in PROBES))
        workspace.write("slos/s.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n" + "".join(
            f"  - {{name: s-{p}, sli: {{probe: {p}}}, objective: 99.9%, window: 2h}}\n"
            for p in PROBES))

    def posts(self, n):
        """Waits for messages: all that came, at least n of them."""
        end = time.monotonic() + conftest.PATIENCE
        while len(self.ledger.posts) < n:
            assert time.monotonic() < end, self.ledger.posts
            self.ledger.read_posts()
        return self.ledger.posts

    def get(self, path):
        try:
            with urllib.request.urlopen(self.base + path, timeout=conftest.PATIENCE) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def metric(self, name):
        values = re.findall(rf"^{re.escape(name)} (\S+)$", self.get("/metrics")[1], re.M)
        return float(values[0]) if values else None

    def check(self, name):
        """(status of /readyz, this check)."""
        status, body = self.get("/readyz")
        found, = [c for c in json.loads(body)["checks"] if c["name"] == name]
        return status, found["ok"], found["detail"]

    def until(self, condition):
        """Of the daemon, which draws its picture once a second."""
        end = time.monotonic() + conftest.PATIENCE
        while not (value := condition()):
            assert time.monotonic() < end
        return value

    def check_stored(self):
        """Everything that the target answered is stored, in order, once; gives the book."""
        book = crashbook.Book()
        with crashbook.open_database(self.path) as db:
            crashbook.check_integrity(db)
            stored = book.read_life(db, BEGIN)
        db.close()
        assert crashbook.match_life(self.ledger.life("1"), stored, strict=True) == []
        return book


@pytest.fixture
def disk(workspace):
    program = pathlib.Path(conftest.binary()).parents[2] / "tests" / "support" / "nines-faulty"
    if not program.exists():
        pytest.skip("nines-faulty is built with the unit tests only")
    workspace.program = str(program)
    workspace.env["NINES_FAULTS"] = str(workspace.path / "faults")
    return Disk(workspace.path / "faults")


@pytest.fixture
def site(workspace, ledger, disk):
    return Site(workspace, ledger, disk)


def start(site, daemons, at=BEGIN):
    site.workspace.write("clock", text(at))
    d = daemons(site.workspace, "--test-clock", "clock")
    site.base = "http://" + d.wait("serving")["address"]
    d.wait("test clock reached", time=text(at))
    return d


def name_of(message):
    """The SLO that it is of, or the name of another alert."""
    labels = message["commonLabels"]
    return labels.get("slo", labels["alertname"])


# ---- what is written -----------------------------------------------------------------

@pytest.mark.parametrize("rule", ["write wal full", "write wal ioerr", "sync wal full",
                                  "sync wal ioerr", "lock write busy", "lock write ioerr"])
def test_commits_fail_while_an_alert_fires(site, daemons, disk, rule):
    d = start(site, daemons)
    d.advance(text(BEGIN + 60 * MINUTE))
    disk.fail(rule)
    site.ledger.down(["p0"])
    site.workspace.write("clock", text(BEGIN + 62 * MINUTE))
    d.wait("test clock reached, but not everything is stored")
    assert disk.hits > 0
    site.workspace.write("clock", text(BEGIN + 65 * MINUTE))

    # The page and the one about the disk, from memory.
    first = {name_of(m): (key, m) for key, m in site.posts(2)}
    assert set(first) == {"s-p0", "ProberDown"}
    key, page = first["s-p0"]
    assert page["status"] == first["ProberDown"][1]["status"] == "firing"
    # upkeep may have failed before the first commit did
    site.until(lambda: "nothing could be committed" in site.check("store")[2])
    status, _, detail = site.check("store")
    assert status == 503
    assert str(site.path.name) in detail  # and why
    assert site.metric("nines_store_failing") == 1
    assert site.metric('nines_store_slice_failures_total{kind="commit"}') > 0
    assert site.metric('nines_store_failing_since_timestamp_seconds{kind="commit"}') > 0
    assert site.metric("nines_store_commit_failures_total") > 0
    assert site.metric("nines_store_queue_bytes") > 0

    disk.well()
    d.wait("results are stored again")
    d.advance(text(BEGIN + 72 * MINUTE))  # it has cooled
    assert site.until(lambda: site.check("store")[1])
    assert site.metric("nines_store_failing") == 0
    over = site.posts(3)[2][1]
    assert (name_of(over), over["status"]) == ("ProberDown", "resolved")
    assert d.stop() == 0

    book = site.check_stored()
    for probe in PROBES:
        assert len(book.rows[probe]) == 72 * MINUTE // INTERVAL  # none was left out
    with crashbook.open_database(site.path) as db:
        assert db.execute("SELECT slo, kind FROM alert_event"
                          " WHERE condition = ''").fetchall() == [("s-p0", FIRE)]
        stored = db.execute("SELECT dedup_key, done FROM outbox").fetchall()
    db.close()
    site.ledger.read_posts()
    assert len(site.ledger.posts) == len(stored) == 3  # none was sent twice
    assert {k for k, m in site.ledger.posts} == {k for k, _ in stored}
    assert {done for _, done in stored} == {1} and key in dict(stored)


# ---- what moves the log into the database ------------------------------------------------

@pytest.mark.parametrize("rule", ["write main full", "write main ioerr", "sync main ioerr",
                                  "lock checkpoint busy"])
def test_checkpoints_fail(site, daemons, disk, rule):
    d = start(site, daemons)
    disk.fail("lock checkpoint busy")
    # Few of each probe, so rows: pages enough for a checkpoint to be due.
    lines = "".join(json.dumps({"probe": f"x{i % 1000}", "outcome": "good", "latency_ms": 5,
                                "time": text(BEGIN - (200000 - i) * SECOND)}) + "\n"
                    for i in range(200000))
    site.workspace.run("import", "--create", "interval=1000s", "-", stdin=lines)
    failures = 'nines_store_slice_failures_total{kind="checkpoint"}'
    # From here on nothing is committed: SQLite syncs the database only in a
    # checkpoint during which nothing is.
    disk.fail(rule)
    hits, failed = disk.hits, site.metric(failures)
    site.until(lambda: disk.hits > hits and site.metric(failures) > failed + 1)
    disk.fail("lock checkpoint busy")
    engine = BEGIN + 20 * SECOND  # told after 10 s
    d.advance(text(engine))
    status, ok, detail = site.check("store")
    assert status == 503 and "checkpoint has failed for" in detail, detail
    assert site.metric("nines_store_failing") == 0
    assert site.metric('nines_store_slice_failures_total{kind="checkpoint"}') > 0
    log = site.path.with_name("nines.db-wal")
    assert log.stat().st_size > 16 << 20

    disk.well()
    while not site.check("store")[1]:
        engine += 20 * SECOND
        d.advance(text(engine))
    assert d.stop() == 0
    assert engine < BEGIN + 24 * 60 * MINUTE  # what is older may be sealed
    book = site.check_stored()
    for probe in PROBES:
        first = min(book.rows[probe])
        assert sorted(book.rows[probe]) == list(range(first, engine, INTERVAL))
        assert first < BEGIN + INTERVAL


# ---- opening ---------------------------------------------------------------------------------

def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# SQLite itself waits 10 s for a lock on the log's index that nobody lets go.
OPENING = ["open main ioerr", "open wal ioerr", "open shm ioerr", "open shm full"] + \
    LONG * ["lock write busy"]


@pytest.mark.parametrize("rule", OPENING)
def test_a_database_that_does_not_open(site, daemons, disk, rule):
    d = start(site, daemons)
    d.advance(text(BEGIN + 10 * MINUTE))
    assert d.stop() == 0
    before = digest(site.path)
    rows = crashbook.Book()
    with crashbook.open_database(site.path) as db:
        rows.read_life(db, BEGIN)
    db.close()
    disk.fail(rule)
    refused = site.workspace.run("run", "--test-clock", "clock", check=False)
    assert refused.returncode == 1 and "nines.db" in refused.stderr, refused
    assert digest(site.path) == before
    disk.well()
    d = start(site, daemons, BEGIN + 10 * MINUTE)
    d.advance(text(BEGIN + 20 * MINUTE))
    assert d.stop() == 0
    assert len(site.check_stored().rows["p0"]) == 80
    with crashbook.open_database(site.path) as db:
        rows.read_life(db, BEGIN)
    db.close()


@pytest.mark.parametrize("rule", ["write main full", "write main ioerr", "write wal full",
                                  "write wal ioerr", "sync main ioerr"])
def test_a_database_that_cannot_be_made(site, daemons, disk, rule):
    disk.fail(rule)
    site.workspace.write("clock", text(BEGIN))
    refused = site.workspace.run("run", "--test-clock", "clock", check=False)
    assert refused.returncode == 1 and "nines.db" in refused.stderr, refused
    disk.well()
    d = start(site, daemons)
    d.advance(text(BEGIN + 10 * MINUTE))
    assert d.stop() == 0
    assert len(site.check_stored().rows["p0"]) == 40


@pytest.mark.parametrize("rule", ["write wal full", "write wal ioerr", "sync wal ioerr",
                                  "lock write ioerr"])
def test_an_older_file_that_cannot_be_migrated(workspace, disk, rule):
    """It stays what it was, and goes on once the disk is well."""
    def ask(sql):
        with contextlib.closing(sqlite3.connect(workspace.path / "nines.db")) as db:
            return db.execute(sql).fetchall()

    old = (pathlib.Path(__file__).parents[1] / "golden" / "store" / "schema5.sql").read_text()
    with contextlib.closing(sqlite3.connect(workspace.path / "nines.db")) as db:
        db.executescript(old)
    disk.fail(rule)
    refused = workspace.run("import", "-", stdin="", check=False)
    assert refused.returncode == 1 and "nines.db" in refused.stderr, refused
    assert disk.hits > 0
    assert ask("PRAGMA user_version") == [(5,)] and ask("SELECT done FROM outbox") == [(0,)]
    assert ask("SELECT count(*) FROM sqlite_schema WHERE name = 'notify_log'") == [(0,)]
    disk.well()
    workspace.run("import", "-", stdin="")
    assert ask("PRAGMA user_version") > [(5,)] and ask("SELECT done FROM outbox") == [(2,)]
    assert ask("SELECT slo, phase FROM alert") == [("up", 1)]


# ---- no room left ------------------------------------------------------------------------------

def test_a_full_queue_stops_slots_and_loses_nothing(workspace, ledger, disk, daemons):
    workspace.env["NINES_QUEUE_BYTES"] = "30000"
    site = Site(workspace, ledger, disk, interval=SECOND // 10)
    begin = int(time.time() * SECOND)
    d = daemons(workspace)
    site.base = "http://" + d.wait("serving")["address"]
    disk.fail("write wal full")
    d.wait("results cannot be stored; they wait in memory")
    site.until(lambda: site.metric("nines_store_refused_slots_total") > 10)
    site.until(lambda: not site.check("queue")[1])
    status, _, detail = site.check("queue")
    assert status == 503 and "30000 bytes" in detail
    assert site.metric("nines_store_queue_bytes") < 35000  # what is no result still comes
    run = site.metric("nines_scheduler_slots_run_total")
    site.until(lambda: site.metric("nines_store_refused_slots_total") > 30)
    assert site.metric("nines_scheduler_slots_run_total") == run  # and none is measured
    skipped = site.metric("nines_scheduler_slots_skipped_total")
    assert skipped >= 30

    disk.well()
    d.wait("results are stored again")
    site.until(lambda: site.check("queue")[1] and site.check("store")[1])
    site.until(lambda: site.metric("nines_scheduler_slots_run_total") > run + 30)
    assert d.stop() == 0
    book = site.check_stored()
    end = max(max(rows) for rows in book.rows.values()) + 1
    report = workspace.report("--from", text(begin), "--to", text(end))
    missing = 0
    for slo in report["slos"]:
        coverage = slo["coverage"]
        assert slo["total"] == len(book.rows[slo["slo"].removeprefix("s-")]) == coverage["observed"]
        assert coverage["missing"]["target_silent"] == 0
        missing += coverage["missing"]["prober_down"]
    assert missing >= 30


def test_an_outage_of_the_disk_outlives_a_stop(site, daemons, disk):
    d = start(site, daemons)
    d.advance(text(BEGIN + 10 * MINUTE))
    disk.fail("write wal ioerr")
    site.workspace.write("clock", text(BEGIN + 12 * MINUTE))
    d.wait("test clock reached, but not everything is stored")
    d.signal(signal.SIGTERM)
    d.wait("stopping; a second signal does not wait")
    disk.well()
    assert d.process.wait(timeout=conftest.PATIENCE) == 0
    assert len(site.check_stored().rows["p0"]) == 48


@pytest.mark.skipif(not LONG, reason="30 s of real time; NINES_LONG=1")
def test_a_disk_that_hangs_does_not_hold_a_page_back(site, daemons, disk):
    d = start(site, daemons)
    d.advance(text(BEGIN + 60 * MINUTE))
    disk.fail("write wal hang")
    site.ledger.down(["p0"])
    began = time.monotonic()
    engine = BEGIN + 62 * MINUTE
    while not site.ledger.posts:
        engine += SECOND
        site.workspace.write("clock", text(engine))
        time.sleep(0.1)
        site.ledger.read_posts()
        assert time.monotonic() - began < conftest.PATIENCE
    (key, page), = site.ledger.posts
    assert name_of(page) == "s-p0" and page["status"] == "firing"
    disk.well()
    d.advance(text(engine + SECOND))
    assert d.stop() == 0
    site.ledger.read_posts()
    assert {k for k, m in site.ledger.posts if name_of(m) == "s-p0"} == {key}
    site.check_stored()
