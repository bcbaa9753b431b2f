"""`nines backup` and `nines db`: copies that are whole, damage that is found, sums that add up."""
import contextlib
import datetime
import fcntl
import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess

import conftest
import pytest

PROBES = """
apiVersion: nines/v1
kind: Probes
probes:
  - {id: api, interval: 1m, http: {url: "%s/health"}}
  - {id: slow, interval: 30m, http: {url: "%s/health"}}
"""

SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - {name: up, sli: {probe: api}, objective: 99%, window: 7d, alerting: default}
  - {name: fast, sli: {probe: api, faster_than: 15ms}, objective: 90%, window: 7d, alerting: none}
"""

START = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
DAYS = 9
NOW = "2026-03-10T00:00:00Z"


def line(probe, minute):
    at = (START + datetime.timedelta(minutes=minute, seconds=17)).isoformat()
    if minute % 70 == 0:
        return {"probe": probe, "time": at, "outcome": "bad", "reason": "status", "code": 503,
                "latency_ms": 5}
    return {"probe": probe, "time": at, "outcome": "good", "code": 200,
            "latency_ms": 10 + minute % 9}


def lines(probe, first, last, step=1):
    return "".join(json.dumps(line(probe, m)) + "\n" for m in range(first, last, step))


@pytest.fixture
def site(workspace, target):
    """Sealed history, and a tail of rows that is rolled up."""
    workspace.write("probes/p.yaml", PROBES % (target.url, target.url))
    workspace.write("slos/s.yaml", SLOS)
    workspace.run("import", "-", stdin=lines("api", 0, (DAYS - 1) * 1440))
    workspace.run("import", "-", stdin=lines("slow", 0, DAYS * 1440, 30))
    for hour in range(24):
        first = (DAYS - 1) * 1440 + 60 * hour
        workspace.run("import", "-", stdin=lines("api", first, first + 60))
    return workspace


def database(site, name="nines.db"):
    return contextlib.closing(sqlite3.connect(site.path / name, isolation_level=None))


def ask(site, sql, *args):
    with database(site) as db:
        return db.execute(sql, args).fetchall()


def check(site, *args):
    """The faults that are found; the exit code says the same."""
    done = site.run("db", "check", "--json", *args, check=False)
    told = json.loads(done.stdout)
    assert done.returncode == (1 if told["faults"] else 0), done.stderr
    assert told["ok"] == (not told["faults"])
    return told["faults"], told["checked"]


# ---- backup ---------------------------------------------------------------------


def files(path):
    return sorted(p.name for p in path.iterdir() if p.is_file())


def test_backup_while_a_daemon_writes(site, daemons):
    instants = [NOW, "2026-03-08T13:14:15.5Z"]
    d = daemons(site, "--test-clock", site.write("clock", NOW))
    d.wait("test clock reached", time=NOW)
    before = [site.run("report", "--json", "--at", t).stdout for t in instants]
    known = 0
    for n in range(5):
        site.write("clock", f"2026-03-10T0{n + 1}:00:00Z")  # an hour is probed, rolled up, written
        site.run("backup", f"copy{n}.db")
        name = f"copy{n}.db"
        assert [p for p in files(site.path) if p.startswith(name)] == [name]
        assert stat.S_IMODE(os.stat(site.path / name).st_mode) & 0o137 == 0
        after = [site.run("report", "--json", "--at", t, "--db", name).stdout for t in instants]
        assert after == before
        faults, checked = check(site, "--db", name)
        assert faults == []
        assert checked["rows"] + checked["sealed"] >= known
        known = checked["rows"] + checked["sealed"]
    assert d.stop() == 0
    assert check(site)[0] == []
    assert [site.run("report", "--json", "--at", t).stdout for t in instants] == before


def test_backup_is_the_database(site):
    site.run("backup", "copy.db")
    with database(site) as db, database(site, "copy.db") as copy:
        assert list(db.iterdump()) == list(copy.iterdump())
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    # Put in the place of the other it goes on.
    for name in files(site.path):
        if name.startswith("nines.db"):
            (site.path / name).unlink()
    (site.path / "copy.db").rename(site.path / "nines.db")
    site.run("import", "-", stdin=lines("api", DAYS * 1440, DAYS * 1440 + 5))
    assert check(site)[0] == []


def test_backup_replaces_nothing_unasked(site):
    site.write("copy.db", "mine")
    done = site.run("backup", "copy.db", check=False)
    assert (done.returncode, done.stderr) == (
        1, "nines backup: copy.db exists already; --force replaces it\n")
    assert (site.path / "copy.db").read_text() == "mine"
    with database(site, "other.db") as other:
        other.execute("CREATE TABLE mine(a)")
    site.write("long.txt", "mine" * 100)
    for name in ["copy.db", "long.txt", "other.db"]:
        kept = (site.path / name).read_bytes()
        done = site.run("backup", "--force", name, check=False)
        assert (done.returncode, done.stderr) == (
            1, f"nines backup: {name} is not a database of nines, and --force replaces nothing"
               " else; choose another file\n")
        assert (site.path / name).read_bytes() == kept
        assert not (site.path / f"{name}.tmp").exists()
    site.write("copy.db", "")
    site.run("backup", "--force", "copy.db")
    assert check(site, "--db", "copy.db")[0] == []
    site.run("backup", "--force", "copy.db")
    assert check(site, "--db", "copy.db")[0] == []
    (site.path / "link.db").symlink_to("nines.db")
    for name in ["nines.db", "./nines.db", "nines.db-wal", "nines.db.lock", "link.db"]:
        done = site.run("backup", "--force", name, check=False)
        assert done.returncode == 1
        assert "belongs to the database itself" in done.stderr
    done = site.run("backup", "missing/copy.db", check=False)
    assert done.returncode == 1 and "missing/copy.db" in done.stderr
    assert site.run("backup", check=False).returncode == 2
    assert check(site)[0] == []


def test_backup_writes_first_where_nothing_lies(site):
    # The name it is written under before it is whole is taken, by the database.
    (site.path / "live.tmp").write_bytes((site.path / "nines.db").read_bytes())
    done = site.run("backup", "--db", "live.tmp", "live", check=False)
    assert (done.returncode, done.stderr) == (
        1, "nines backup: live.tmp belongs to the database itself; choose another file\n")
    assert check(site, "--db", "live.tmp")[0] == []
    # One that was killed has left it; another that goes on holds it.
    with open(site.path / "copy.db.tmp", "w") as left:
        left.write("half")
        left.flush()
        fcntl.flock(left, fcntl.LOCK_EX)
        done = site.run("backup", "copy.db", check=False)
        assert (done.returncode, done.stderr) == (
            1, "nines backup: copy.db.tmp is being written by another backup\n")
        assert (site.path / "copy.db.tmp").read_text() == "half"
    site.run("backup", "copy.db")
    assert check(site, "--db", "copy.db")[0] == []
    assert not (site.path / "copy.db.tmp").exists()
    # What lies beside that name is removed, unless it is the database.
    (site.path / "live2.tmp-journal").write_bytes((site.path / "nines.db").read_bytes())
    done = site.run("backup", "--db", "live2.tmp-journal", "live2", check=False)
    assert (done.returncode, done.stderr) == (
        1, "nines backup: live2.tmp-journal belongs to the database itself; choose another file\n")
    assert check(site, "--db", "live2.tmp-journal")[0] == []


def test_backup_that_fails_leaves_nothing(site):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (32768, 32768))  # writes fail as on a full disk
    before = files(site.path)
    for suffix in ["", "-journal", "-wal", "-shm"]:  # of one that was killed
        site.write(f"copy.db.tmp{suffix}", "left")
    done = subprocess.run([site.program, "backup", "copy.db"], cwd=site.path, text=True,
                          capture_output=True, timeout=conftest.PATIENCE, preexec_fn=limit,
                          env={**os.environ, **site.env})
    assert done.returncode == 1 and done.stdout == ""
    assert files(site.path) == before


def test_backup_of_damage_is_none(site):
    damage_page(site)
    done = site.run("backup", "copy.db", check=False)
    assert done.returncode == 1
    assert "the copy is of no use: ./nines.db is damaged" in done.stderr
    assert not [p for p in files(site.path) if p.startswith("copy.db")]


def test_no_database(workspace):
    for words in (["backup", "copy.db"], ["db", "check"], ["db", "stats"]):
        done = workspace.run(*words, check=False)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr == (f"nines {' '.join(words if words[0] == 'db' else words[:1])}: there is no"
                               " database at ./nines.db: `nines run` or `nines import` makes it\n")
    assert files(workspace.path) == []


# ---- check ----------------------------------------------------------------------


def damage_page(site):
    """A page of an index loses a cell."""
    (page,), = ask(site, "SELECT rootpage FROM sqlite_schema WHERE name = 'chunk_span'")
    ask(site, "PRAGMA wal_checkpoint(TRUNCATE)")
    with open(site.path / "nines.db", "r+b") as f:
        f.seek((page - 1) * 4096 + 3)
        count = int.from_bytes(f.read(2), "big")
        assert count > 1
        f.seek((page - 1) * 4096 + 3)
        f.write((count - 1).to_bytes(2, "big"))


def flip_chunk(site):
    (num, data), = ask(site, "SELECT num, data FROM chunk ORDER BY num LIMIT 1")
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1:]
    ask(site, "UPDATE chunk SET data = ? WHERE num = ?", flipped, num)


DAMAGE = {
    "chunk-byte": (flip_chunk, "table chunk: chunk 1 of 'api', 2026-03-01T00:00:17Z: "),
    "chunk-n": ("UPDATE chunk SET n = n + 1 WHERE num = 1", "table chunk: chunk 1 of 'api'"),
    "chunk-bad": ("UPDATE chunk SET bad = bad + 1 WHERE num = 1",
                  "the number of bad results is not what the table says"),
    "chunk-last": ("UPDATE chunk SET last = last - 1 WHERE num = 1", "table chunk: chunk 1 of"),
    "chunk-of-nobody": ("UPDATE chunk SET probe = 99 WHERE num = 1", "is of no probe"),
    "chunk-sealed-through": ("UPDATE probe SET sealed_through = 1 WHERE id = 'api'",
                             "lies beyond sealed_through ('api')"),
    "chunk-overlap": ("INSERT INTO chunk(probe, first, last, n, bad, data)"
                      " SELECT probe, first + 1, last, n, bad, data FROM chunk WHERE num = 1",
                      "another chunk begins within its span"),
    "row-in-chunk": ("INSERT INTO result SELECT probe, (SELECT first + 1 FROM chunk WHERE num = 1),"
                     " done, outcome, reason, code, total, dns, connect, tls, send, wait, transfer,"
                     " lag, flags FROM result WHERE probe = 1 ORDER BY slot LIMIT 1",
                     "there are rows within its span"),
    "row-gone": ("DELETE FROM result WHERE (probe, slot) IN"
                 " (SELECT probe, slot FROM result WHERE probe = 1 ORDER BY slot LIMIT 1 OFFSET 30)",
                 "probe 'api': "),
    "row-outcome": ("UPDATE result SET outcome = 7 WHERE (probe, slot) IN"
                    " (SELECT probe, slot FROM result LIMIT 1)", "table result: "),
    "rollup-count": ("UPDATE rollup SET good = good + 1 WHERE (stream, hour) IN"
                     " (SELECT stream, hour FROM rollup LIMIT 1 OFFSET 7)", "probe 'api': "),
    "rollup-gone": ("DELETE FROM rollup WHERE (stream, hour) IN"
                    " (SELECT stream, hour FROM rollup LIMIT 1 OFFSET 7)", "probe 'api': "),
    "rollup-of-nobody": ("UPDATE rollup SET stream = 99 WHERE (stream, hour) IN"
                         " (SELECT stream, hour FROM rollup LIMIT 1)",
                         "table rollup: there is no stream 99"),
    "day-count": ("UPDATE rollup_day SET bad = bad + 1 WHERE (stream, day) IN"
                  " (SELECT stream, day FROM rollup_day LIMIT 1 OFFSET 2)", "probe 'api': "),
    "day-gone": ("DELETE FROM rollup_day WHERE (stream, day) IN"
                 " (SELECT stream, day FROM rollup_day LIMIT 1 OFFSET 2)", "probe 'api': "),
    "page": (damage_page, "chunk_span"),
    "name-no-text": ("UPDATE roll_stream SET probe = 99, key = CAST(x'ff41' AS TEXT) WHERE num = 1",
                     "table roll_stream: stream 1 is of no probe ('\ufffdA')"),
    "row-time": ("UPDATE result SET slot = -1 WHERE (probe, slot) IN"
                 " (SELECT probe, slot FROM result WHERE probe = 1 LIMIT 1)", "table result: "),
    "row-phase": ("UPDATE result SET wait = -1 WHERE (probe, slot) IN"
                  " (SELECT probe, slot FROM result LIMIT 1)", "table result: "),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_check_finds(site, name):
    damage, told = DAMAGE[name]
    assert check(site)[0] == []
    if callable(damage):
        damage(site)
    else:
        ask(site, damage)
    faults, _ = check(site)
    assert faults and all(f.startswith("./nines.db: ") for f in faults)
    assert any(told in f for f in faults), faults
    assert not any("nines db check" in f for f in faults), faults


def test_damage_is_told_with_its_cure(site):
    flip_chunk(site)
    inside = json.dumps(line("api", 1440)) + "\n"
    for words, text in ((["export", "results"], None), (["import", "-"], inside),
                        (["report", "--at", "2026-03-02T00:00:30Z"], None)):
        done = site.run(*words, stdin=text, check=False)
        assert done.returncode == 1
        assert "./nines.db: chunk 1: " in done.stderr
        assert done.stderr.endswith("; `nines db check` names all damage, restore a backup\n")


FAR = 9223372036854775807

NUMBERS = {
    "raw-since": (f"UPDATE probe SET raw_since = {FAR}", "the probe table is damaged"),
    "raw-since-odd": ("UPDATE probe SET raw_since = 5", "the probe table is damaged"),
    "rolled-far": (f"UPDATE roll_stream SET rolled_through = {FAR}",
                   "the roll_stream table is damaged"),
    "rolled-odd": ("UPDATE roll_stream SET rolled_through = rolled_through + 1",
                   "the roll_stream table is damaged"),
    "rolled-early": (f"UPDATE roll_stream SET rolled_through = -{FAR}",
                     "the roll_stream table is damaged"),
    "days-far": ("UPDATE roll_stream SET days_through = rolled_through + 864e8",
                 "the roll_stream table is damaged"),
    "interval": ("UPDATE probe_revision SET interval = 0", "the probe_revision table is damaged"),
    "timeout": ("UPDATE probe_revision SET timeout = -1", "the probe_revision table is damaged"),
    "hour-count": (f"UPDATE rollup SET good = {FAR}", "a rollup is damaged"),
    "hour-negative": ("UPDATE rollup SET bad = -1", "a rollup is damaged"),
    "hour-packed": ("UPDATE rollup SET packed = substr(packed, 1, 1)", "a rollup is damaged"),
    "day-packed": ("UPDATE rollup_day SET packed = substr(packed, 1, 1)", "a rollup is damaged"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_impossible_numbers_are_told(site, name):
    """By those who reckon with them as well; nobody breaks down, nor waits for ever."""
    damage, told = NUMBERS[name]
    ask(site, damage)
    assert check(site)[0]
    done = site.run("report", "--at", "2026-03-09T12:00:00Z", check=False)
    assert done.returncode == 1 and told in done.stderr, done
    again = site.run("import", "--replace", "-", check=False,
                     stdin=json.dumps({**line("api", 0), "code": 204}) + "\n")
    if "rollup is" in told:  # it starts over from what the results say
        assert again.returncode in (0, 1), again
        assert again.returncode == 0 or told in again.stderr, again
    else:
        assert again.returncode == 1 and told in again.stderr, again
    assert site.run("db", "stats").returncode == 0


def test_import_tells_what_cannot_be_summed_up(site):
    ask(site, "UPDATE rollup SET packed = substr(packed, 1, 3) WHERE stream IN"
              " (SELECT num FROM roll_stream WHERE probe = 2)")
    ask(site, "UPDATE roll_stream SET days_through = 0 WHERE probe = 2")
    ask(site, "DELETE FROM rollup_day")
    done = site.run("import", "-", stdin=lines("api", 0, 10), check=False)
    assert done.returncode == 1
    assert "is damaged" in done.stderr


def test_rows_of_no_time(site):
    """A result at an impossible time: still what the file is made of can be told."""
    for slot in (FAR, -FAR):
        ask(site, "INSERT INTO result SELECT probe, ?, done, outcome, reason, code, total, dns, connect, tls,"
                  " send, wait, transfer, lag, flags FROM result LIMIT 1", slot)
    assert "OLDEST" in site.run("db", "stats").stdout
    assert json.loads(site.run("db", "stats", "--json").stdout)["probes"][0]["oldest"] is None
    assert any("table result: " in f for f in check(site)[0])


def test_a_writer_killed_while_making_it(site):
    """What is left of it only a writer can clear up; readers say so."""
    child = os.fork()
    if child == 0:
        db = sqlite3.connect(site.path / "nines.db", isolation_level=None)
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA cache_size = 2")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE result SET flags = flags + 4")
        db.execute("UPDATE rollup SET excluded = 1")
        os._exit(0)
    os.waitpid(child, 0)
    assert (site.path / "nines.db-journal").stat().st_size
    for words in (["report"], ["db", "check"], ["export", "results"]):
        done = site.run(*words, check=False)
        assert done.returncode == 1
        assert "its last writer was killed" in done.stderr
    site.run("import", "-", stdin=lines("api", 0, 10))
    assert check(site)[0] == []


@pytest.fixture
def alerting(site, daemons, target):
    """With an alert that fired and a message about it."""
    d = daemons(site, "--test-clock", site.write("clock", NOW))
    d.wait("test clock reached", time=NOW)
    target.answer = (500, {}, b"")
    d.advance("2026-03-10T02:00:00Z")
    assert d.stop() == 0
    assert ask(site, "SELECT count(*) > 0 FROM alert_event") == [(1,)]
    old = "INSERT INTO outbox(event, created, receiver, dedup_key, payload, done)"
    ask(site, old + " VALUES(1, 1773104910000000, 'log', 'k', '{}', 1)")
    ask(site, "INSERT INTO silence(matchers, starts, ends, author, comment, created)"
              " VALUES('alertname=\"x\"', 1, 2, 'me', 'why', 1)")
    ask(site, "INSERT OR REPLACE INTO notify_alert VALUES('ab', 1, '{}')")
    ask(site, "INSERT OR REPLACE INTO notify_group VALUES('g', 'team', 1, 1, 1)")
    ask(site, "INSERT OR REPLACE INTO notify_log VALUES('g', 'team', 'log', 1, x'0100000000000000', x'')")
    assert check(site)[0] == []
    return site


@pytest.mark.parametrize("sql, told", [
    ("UPDATE alert SET phase = (phase + 1) % 3", "table alert: the state is not that of the last"
     " transition ('up'), 2026-03-10T"),
    ("DELETE FROM alert", "table alert_event: there is no alert ('up')"),
    ("DELETE FROM alert_event WHERE id = 1", "the transition of message"),
    ("UPDATE alert SET condition = 'no_data'", "table alert_event: there is no alert ('up')"),
    ("UPDATE outbox SET done = 3", "table outbox: no message may be like "),
    ("UPDATE outbox SET done = 0, payload = '{'", " says cannot be read ('"),
    ("INSERT INTO incident_note VALUES(1, 7, 1, 'me', 'x')",
     "table incident_note: there is no incident 7 ('me')"),
    ("UPDATE incident_alert SET incident = 9", "table incident_alert: there is no incident 9 ('up')"),
    ("INSERT INTO incident VALUES(8, 'x', 2, 1, '', 0, '', 0, 0, 0)",
     "table incident: nothing holds incident 8 open ('x')"),
    ("UPDATE notify_alert SET alert = '{' WHERE fingerprint = 'ab'",
     "table notify_alert: the alert cannot be read ('ab')"),
    ("DELETE FROM notify_group WHERE group_key = 'g'",
     "table notify_log: there is no such group ('g')"),
    ("UPDATE notify_log SET firing = x'01' WHERE group_key = 'g'",
     "table notify_log: what 'team/log' was told of group g is damaged"),
    ("UPDATE notify_log SET resolved = zeroblob(16) WHERE group_key = 'g'",
     "table notify_log: what 'team/log' was told of group g is damaged"),
    ("UPDATE silence SET matchers = 'a=~\"(\"'",
     "table silence: the matchers of silence 1 cannot be read: "),
])
def test_check_finds_of_alerts(alerting, sql, told):
    ask(alerting, sql)
    faults, _ = check(alerting)
    assert any(told in f for f in faults), faults


def test_check_beside_a_daemon(site, daemons):
    d = daemons(site, "--test-clock", site.write("clock", NOW))
    d.wait("test clock reached", time=NOW)
    for n in range(5):
        site.write("clock", f"2026-03-10T0{n + 1}:00:00Z")
        assert check(site)[0] == []
        assert check(site, "--quick")[0] == []
    assert d.stop() == 0


def test_check_tells_what_it_did(site):
    done = site.run("db", "check")
    rows, = ask(site, "SELECT count(*) FROM result")[0]
    sealed, chunks = ask(site, "SELECT sum(n), count(*) FROM chunk")[0]
    assert sealed and rows + sealed == DAYS * 1440 + DAYS * 48
    hours, = ask(site, "SELECT count(*) FROM rollup")[0]
    days, = ask(site, "SELECT count(*) FROM rollup_day")[0]
    assert done.stdout == (
        f"checked: {rows} results in rows, {sealed} in {chunks} chunks; rollups of 2 probes, of "
        f"{hours} hours and {days} days; 0 alerts, 0 messages\n./nines.db: in order\n")
    assert "rollups" not in site.run("db", "check", "--quick").stdout
    ask(site, "UPDATE rollup SET good = good + 1 WHERE stream = 1")
    done = site.run("db", "check", check=False)
    assert done.returncode == 1
    assert done.stdout.endswith("\n./nines.db: 1 fault\n")


# ---- stats ----------------------------------------------------------------------


def test_stats_add_up(site):
    told = json.loads(site.run("db", "stats", "--json").stdout)
    size = os.stat(site.path / "nines.db").st_size
    assert told["file_bytes"] == size == told["pages"] * told["page_size"]
    parts = sum(t["bytes"] for t in told["tables"])
    assert parts + told["free_pages"] * told["page_size"] + told["map_bytes"] == size
    assert told["map_bytes"] == 4096  # one page for the first 820
    assert (told["schema"], told["auto_vacuum"], told["wal_bytes"]) == (7, "incremental", 0)
    for table in told["tables"]:
        if table["rows"] is not None:
            assert ask(site, f"SELECT count(*) FROM {table['name']}") == [(table["rows"],)]
    tables = {t["name"]: t for t in told["tables"]}
    results = told["results"]
    assert results["rows"] + results["sealed"] == DAYS * 1440 + DAYS * 48
    chunk_bytes = tables["chunk"]["bytes"] + tables["chunk_span"]["bytes"]
    assert results["bytes_per_sealed"] == pytest.approx(chunk_bytes / results["sealed"])
    assert [(p["interval"], p["probes"], p["rows"] + p["sealed"], p["oldest"], p["newest"])
            for p in told["probes"]] == [
        ("1m", 1, DAYS * 1440, "2026-03-01T00:00:17Z", "2026-03-09T23:59:17Z"),
        ("30m", 1, DAYS * 48, "2026-03-01T00:00:17Z", "2026-03-09T23:30:17Z")]


def test_stats_of_a_file_with_any_name(site):
    name = os.fsdecode(b"\xff.db")
    (site.path / name).write_bytes((site.path / "nines.db").read_bytes())
    stats = json.loads(site.run("db", "stats", "--json", "--db", name).stdout)
    assert stats["database"] == "\ufffd.db" and stats["pages"] > 0


def test_stats_for_people(site):
    text = site.run("db", "stats").stdout
    assert text.startswith("./nines.db: ")
    assert "schema 7, auto_vacuum incremental" in text
    for word in ["TABLE OR INDEX", "chunk", "rollup_day", "BYTES EACH", "OLDEST"]:
        assert word in text


def test_a_file_of_an_older_version_does_not_shrink(site):
    with database(site) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("VACUUM")
    assert "the file never shrinks" in site.run("db", "stats").stdout
    assert json.loads(site.run("db", "stats", "--json").stdout)["auto_vacuum"] == "none"
    shutil.copy(site.path / "nines.db", site.path / "copy.db")
    assert check(site, "--db", "copy.db")[0] == []


def test_usage(workspace):
    for words in (["db"], ["db", "chekc"], ["db", "check", "x"], ["db", "stats", "--format", "csv"]):
        assert workspace.run(*words, check=False).returncode == 2


# ---- older files -----------------------------------------------------------------------


def test_a_file_of_schema_3_goes_on(tmp_path):
    """One that the version before metrics wrote: four days of two probes, sealed and rolled up."""
    old = conftest.Workspace(tmp_path)
    old.write("probes/p.yaml", "apiVersion: nines/v1\nkind: Probes\ndefaults: {interval: 15m}\nprobes:\n"
              "  - {id: api, http: {url: 'http://127.0.0.1:1/'}}\n"
              "  - {id: web, http: {url: 'http://127.0.0.1:1/'}}\n")
    old.write("slos/s.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n"
              "  - {name: api, sli: {probe: api}, objective: 99%, window: 30d}\n"
              "  - {name: api-fast, sli: {probe: api, faster_than: 20ms}, objective: 90%, window: 30d}\n"
              "  - {name: web, sli: {probe: web}, objective: 99%, window: 30d}\n")
    dump = (pathlib.Path(__file__).parents[1] / "golden" / "store" / "schema3.sql").read_text()
    with sqlite3.connect(tmp_path / "nines.db") as db:
        db.executescript(dump)
    db.close()
    done = old.run("report", check=False)
    assert "written by an older nines (schema 3); `nines run` or `nines import` brings it" in done.stderr
    old.run("import", "-", stdin="")
    assert json.loads(old.run("db", "check", "--json").stdout)["checked"]["hours"] == 475
    report = old.report("--from", "2026-03-01T00:00:00Z", "--to", "2026-03-05T00:00:00Z")
    assert {s["slo"]: (s["good"], s["bad"], s["latency"]["p50"]) for s in report["slos"]} == {
        "api": (374, 10, 0.012224), "api-fast": (319, 65, 0.012224), "web": (369, 15, 0.012608)}
    exported = old.run("export", "results").stdout
    assert hashlib.md5(exported.encode()).hexdigest() == "3cbb01384f382cccb78f327961d251c5"
    assert old.run("export", "samples").stdout == ""


def test_a_file_of_schema_5_goes_on(tmp_path):
    """One of the version before routing, with an alert that fires and a message that nobody took."""
    old = conftest.Workspace(tmp_path)
    old.write("probes/p.yaml", "apiVersion: nines/v1\nkind: Probes\nprobes:\n"
              "  - {id: api, interval: 1m, http: {url: 'http://127.0.0.1:1/'}}\n")
    old.write("slos/s.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n  - {name: up, service: shop,"
              " sli: {probe: api}, objective: 99%, window: 7d, alerting: default}\n")
    dump = (pathlib.Path(__file__).parents[1] / "golden" / "store" / "schema5.sql").read_text()
    with sqlite3.connect(tmp_path / "nines.db") as db:
        db.executescript(dump)
    db.close()
    assert "(schema 5)" in old.run("report", check=False).stderr
    old.run("import", "-", stdin="")
    assert check(old)[0] == []
    assert ask(old, "SELECT condition, slo, objective, phase, told FROM alert") == [("", "up", "", 1, 2)]
    assert ask(old, "SELECT condition, slo, kind FROM alert_event") == [("", "up", 0)]
    assert ask(old, "SELECT done, integration, detail FROM outbox") == [
        (2, "", "not sent: it is of an older nines; what still fires is told anew")]
    report = old.report("--at", "2026-03-10T03:00:00Z")["slos"][0]
    assert (report["good"], report["bad"], report["tiers"][0]["firing"]) == (60, 120, True)
