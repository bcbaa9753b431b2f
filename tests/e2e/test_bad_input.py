"""Files, databases, arguments and outputs that are wrong: each is told in clear
words, with the right exit code, and nothing is half done."""
import contextlib
import json
import os
import pathlib
import pwd
import resource
import socket
import sqlite3
import subprocess
import tempfile

import conftest
import pytest

PROBES = """apiVersion: nines/v1
kind: Probes
probes:
"""
PROBE = "  - {id: api, interval: 1s, http: {url: 'http://127.0.0.1:1/'}}\n"
SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
"""
SLO = "  - {name: up, sli: {probe: api}, objective: 99.9%, window: 30d}\n"
LINE = '{"probe":"api","time":"2026-03-01T00:00:00Z","outcome":"good","latency_ms":1}\n'


@pytest.fixture
def site(workspace):
    workspace.write("probes/p.yaml", PROBES + PROBE)
    workspace.write("slos/s.yaml", SLOS + SLO)
    return workspace


# ---- configuration --------------------------------------------------------------

FILES = [
    (b"apiVersion: nines/v1\nkind: Probes\nkind: SLOs\n", ":3:1:", "duplicate key 'kind'"),
    (b"kind: Probes\nprobes:\n\t- {id: a}\n", ":3:1:", "a tab"),
    (b"a: &a [x, x]\nb: &b [*a, *a]\n", ":1:4:", "anchor '&a'"),
    (b"[" * 100000, ":1:65:", "more than 64 levels"),
    (b"{a: " * 100000, ":1:257:", "more than 64 levels"),
    (b"- x\n" * 200000, ":99998:3:", "more than 100000 values"),
    (b"x" * (1 << 21), ":", "larger than 1024 KiB"),
    (b"kind: Pro\0bes\n", ":1:10:", "NUL"),
    (b"kind: \xff\n", ":1:7:", "0xff is not valid UTF-8"),
    (b"kind: \xed\xa0\x80\n", ":1:7:", "not valid UTF-8"),
    ("kind: Probes\n".encode("utf-16"), ":1:1:", "not valid UTF-8"),
    (b"apiVersion: nines/v1\nkind: Probe\n", ":2:7:", "did you mean 'Probes'?"),
    (b"- a\n", ":1:1:", "expected a document"),
]
PROBE_KEYS = [
    ("interval: 15", "found '15'"), ("interval: [1s]", "found a list"), ("interval: 1us", "from"),
    ("intervall: 1s", "did you mean 'interval'?"), ("timeout: soon", "found 'soon'"),
    ("max_in_flight: 1.5", "whole number"), ("labels: x", "mapping"),
    ('"\\e[31m\\u202e": x', "unknown key"),
]


def errors(workspace, *args):
    done = workspace.run("check", *args, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr) < 4000
    assert not set(done.stderr) & set("\0\033\u202e\u009b")
    return done.stderr


@pytest.mark.parametrize("data,place,words", FILES, ids=[f[2] for f in FILES])
def test_file(workspace, data, place, words):
    (workspace.path / "probes" / "p.yaml").write_bytes(data)
    told = errors(workspace)
    assert "probes/p.yaml" + place in told
    assert words in told


@pytest.mark.parametrize("key,words", PROBE_KEYS)
def test_probe_key(workspace, key, words):
    workspace.write("probes/p.yaml",
                    PROBES + "  - {id: api, %s, http: {url: 'http://h/'}}\n" % key)
    told = errors(workspace)
    assert told.startswith("probes/p.yaml:4:")
    assert words in told


def test_names_that_clash_or_lead_nowhere(workspace):
    workspace.write("probes/a.yaml", PROBES + PROBE)
    workspace.write("probes/b.yaml", PROBES + PROBE)
    told = errors(workspace)
    assert "probes/b.yaml:4:10: error: two probes have the id 'api'" in told
    assert "probes/a.yaml:4:10" in told
    (workspace.path / "probes" / "b.yaml").unlink()
    workspace.write("slos/s.yaml", SLOS + SLO + SLO.replace("api", "apo").replace("up", "un"))
    told = errors(workspace)
    assert "slos/s.yaml:5:29: error:" in told and "did you mean 'api'?" in told
    workspace.write("slos/s.yaml", SLOS + SLO + SLO)
    assert "two SLOs have the name 'up'" in errors(workspace)


OBJECTIVES = [
    # what takes the place of `objective: 99.9%, window: 30d`, where it is told, and what
    ("objective: 100%, window: 30d", 46, "100% leaves no error budget"),
    ("objective: 1, window: 30d", 46, "expected a percentage like 99.9%"),
    ("objective: 99%, window: {calendar: 1 month, timezone: Europe/Berln}", 89,
     "unknown time zone 'Europe/Berln'"),
    ("objective: 99%, window: 30d, budgeting: {method: RatioTimeslices, slice: 7m}", 108,
     "slice: 7m does not divide the window of 30d into whole slices"),
    ("objective: 99%, window: [30d, 1h], budgeting: {method: RatioTimeslices, slice: 1d},"
     " alerting: none", 114, "slice: 1d does not divide the window of 1h into whole slices"),
    ("objective: {goal: 99%, promise: 90%}, window: [7d, 1w]", 86, "there is one of 7d already"),
    ("objective: {goal: 99%, the promise: 90%}, window: 7d", 58, "a name is made of"),
]


@pytest.mark.parametrize("text,column,words", OBJECTIVES)
def test_objective(site, text, column, words):
    site.write("slos/s.yaml", SLOS + SLO.replace("objective: 99.9%, window: 30d", text))
    told = errors(site)
    assert told.startswith(f"slos/s.yaml:4:{column}: error: "), told
    assert words in told


def test_objectives_of_one_name(site):
    """In two files, and in two forms."""
    site.write("slos/t.yaml", SLOS + SLO)
    told = errors(site)
    assert "slos/t.yaml:4:12: error: two SLOs have the name 'up'; the other one is at slos/s.yaml:4:12" in told
    site.write("slos/t.yaml", """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: up}
spec:
  service: x
  indicator:
    metadata: {name: x}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: nines, spec: {probe: api}}}
        total: {metricSource: {type: nines, spec: {probe: api}}}
  budgetingMethod: Occurrences
  timeWindow: [{duration: 30d, isRolling: true}]
  objectives: [{target: 0.99}]
""")
    told = errors(site)
    assert "slos/t.yaml:3:18: error: two SLOs have the name 'up'; the other one is at slos/s.yaml:4:12" in told


def test_a_window_longer_than_results_are_kept(site):
    """Any of its windows; results are kept for it all the same, as is said."""
    site.write("slos/s.yaml", SLOS + SLO.replace("window: 30d", "window: [7d, 90d]"))
    site.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nretention: {raw: 30d}\n")
    done = site.run("check")
    assert ("nines.yaml:3:18: warning: raw: 30d is shorter than the window of the SLO 'up' (90d): "
            "results are kept for 91d") in done.stderr


def test_paths_that_are_no_files(workspace):
    os.mkfifo(workspace.path / "probes" / "p.yaml")
    assert "not a regular file" in errors(workspace)
    assert "is a folder" in errors(workspace, "--config", "probes")
    assert "no file or folder" in errors(workspace, "nowhere")
    done = workspace.run("run", "--config", "nowhere.yaml", check=False)
    assert done.returncode == 1
    for option in ("--db", "--config"):
        assert workspace.run("status", option, "", check=False).returncode == 2


LISTEN = [("foo", 2, "expected an address"), ("127.0.0.1", 2, "expected an address"),
          ("127.0.0.1:65536", 2, "expected an address"), ("0.0.0.0:0", 2, "allow_remote"),
          ("[::]:0", 2, "allow_remote"), ("127.0.0.1:{used}", 1, "in use")]


@pytest.mark.parametrize("address,code,words", LISTEN)
def test_listen(site, address, code, words):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = address.format(used=other.getsockname()[1])
        done = site.run("run", "--listen", address, check=False)
    assert done.returncode == code
    assert words in done.stderr
    assert code == 1 or not (site.path / "nines.db").exists()


# ---- databases ------------------------------------------------------------------

def make_foreign(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (x)")
        db.execute("PRAGMA application_id = 4711")


def make_newer(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 999")


def make_cut(path):
    os.truncate(path, path.stat().st_size // 2)


DATABASES = [
    # what is done to a database of ours (None: to nothing), and what is told
    (None, make_foreign, "of another application"),
    (None, lambda path: path.write_bytes(os.urandom(20000)), "not a database"),
    (None, lambda path: path.mkdir(), "is a folder"),
    (None, os.mkfifo, "no regular file"),
    (None, lambda path: path.symlink_to("/nowhere/else"), ""),
    (LINE, make_newer, "newer nines"),
    (LINE, make_cut, "malformed"),
]


@pytest.mark.parametrize("history,spoil,words", DATABASES)
def test_database(site, history, spoil, words):
    path = site.path / "nines.db"
    if history:
        site.run("import", "-", stdin=history)
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    for command in (["run", "--listen", "off"], ["report"], ["status"], ["import", "-"]):
        done = site.run(*command, check=False, stdin=LINE)
        assert done.returncode == 1, command
        assert words in done.stderr
        assert done.stdout == ""
    assert before is None or path.read_bytes() == before


def test_names_of_databases_are_names_of_files(site):
    for name in (":memory:", "file:x.db?mode=memory"):
        site.run("import", "--db", name, "-", stdin=LINE)
        assert (site.path / name).is_file()
        site.run("report", "--db", name)


def test_missing_folder(site):
    for command in (["run", "--listen", "off"], ["report"], ["import", "-"]):
        done = site.run(*command, "--db", "no/such/nines.db", check=False, stdin=LINE)
        assert done.returncode == 1
        assert "no/such/nines.db" in done.stderr


@pytest.fixture
def outsider():
    """A folder for somebody without rights, and how to become that."""
    root = os.geteuid() == 0
    user = pwd.getpwnam("nobody").pw_uid if root else None
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)

        def run(*args):
            return subprocess.run([conftest.binary(), *args], cwd=folder, text=True, input=LINE,
                                  capture_output=True, timeout=conftest.PATIENCE, user=user,
                                  extra_groups=[] if root else None)
        try:
            run("version")
        except PermissionError:
            pytest.skip("the binary is out of reach for others")
        yield conftest.Workspace(folder), run
        folder.chmod(0o755)


def test_no_permission(outsider):
    workspace, run = outsider
    workspace.write("probes/p.yaml", PROBES + PROBE)
    workspace.write("slos/s.yaml", SLOS + SLO)
    workspace.path.chmod(0o555)
    done = run("run", "--listen", "off")
    assert done.returncode == 1 and "Permission denied" in done.stderr
    workspace.path.chmod(0o755)
    workspace.run("import", "-", stdin=LINE)
    for file in workspace.path.glob("nines.db*"):
        file.chmod(0o444)
    workspace.path.chmod(0o555)
    for command in (["run", "--listen", "off"], ["import", "-"]):
        done = run(*command)
        assert done.returncode == 1 and "Permission denied" in done.stderr
    for command in (["report", "--json"], ["status", "--json"]):  # reading is all they do
        done = run(*command)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)


def test_no_space_at_the_start(site):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
    done = subprocess.run([conftest.binary(), "run", "--listen", "off"], cwd=site.path, text=True,
                          capture_output=True, timeout=conftest.PATIENCE, preexec_fn=limit)
    assert done.returncode == 1
    assert "nines.db" in done.stderr
    # Once there is room, nothing of it is in the way.
    site.run("import", "-", stdin=LINE)


# ---- import ---------------------------------------------------------------------

LINES = ["not json", "[" * 10000, '{"probe":"api"}', "x" * 100000, "\0", '{"a":1}{"b":2}',
         LINE.replace("good", "fine"), LINE.replace("2026", "1926"), LINE.replace(":1}", ":-1}"),
         LINE.replace(":1}", ":1e400}"), LINE.replace("api", "unknown")]


@pytest.mark.parametrize("line", LINES, ids=[str(i) for i in range(len(LINES))])
def test_import_line(site, line):
    done = site.run("import", "-", stdin=LINE + line, check=False)
    assert done.returncode == 1
    assert "-:2: " in done.stderr
    assert len(done.stderr) < 1000


# ---- output ---------------------------------------------------------------------

COMMANDS = [["--help"], ["report", "--help"], ["version"], ["check"], ["report"], ["status"],
            ["report", "--format", "json"], ["report", "--format", "html"],
            ["probe", "http://127.0.0.1:1/"]]


@pytest.fixture
def recorded(site):
    site.run("import", "-", stdin=LINE)
    return site


def run_with(workspace, args, **kw):
    return subprocess.run([conftest.binary(), *args], cwd=workspace.path, text=True,
                          timeout=conftest.PATIENCE, **kw)


@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_lost_output_is_no_success(recorded, args):
    with open("/dev/full", "w") as full:
        done = run_with(recorded, args, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert "cannot write to standard output" in done.stderr


@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_closed_standard_streams(recorded, args):
    def close():
        for fd in (0, 1, 2):
            os.close(fd)
    assert run_with(recorded, args, preexec_fn=close).returncode == 1


def test_a_closed_standard_input_is_empty(recorded):
    done = run_with(recorded, ["import", "-"], preexec_fn=lambda: os.close(0),
                    capture_output=True)
    assert done.stdout == "0 lines: 0 new, 0 already there\n", done.stderr


@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_a_reader_that_went_away_is_not_told(recorded, args):
    read, write = os.pipe()
    os.close(read)
    done = run_with(recorded, args, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.returncode == 1
    assert done.stderr == ""


def test_reports_go_to_files(recorded):
    recorded.run("report", "--out", "r.txt")
    whole = (recorded.path / "r.txt").read_text()
    (recorded.path / "link").symlink_to("r.txt")
    recorded.run("report", "--format", "json", "--out", "link")
    assert (recorded.path / "link").is_symlink()
    assert (recorded.path / "r.txt").read_text() != whole
    done = recorded.run("report", "--out", "/proc/self/fd/1")  # a pipe here
    assert "up" in done.stdout
    for out, words in ((".", "Is a directory"), ("no/such", "No such file")):
        done = recorded.run("report", "--out", out, check=False)
        assert done.returncode == 1 and words in done.stderr
    assert not list(recorded.path.glob("*.tmp"))


@pytest.mark.parametrize("columns", ["1", "20", "80", "200", "100000", "-5", "wide", ""])
def test_any_width(recorded, columns):
    for args in (["report"], ["status"], ["probe", "http://127.0.0.1:1/"]):
        done = recorded.run(*args, check=False, env={"COLUMNS": columns})
        assert done.stdout
        width = max(map(len, done.stdout.splitlines()))
        assert width <= (200 if columns in ("200", "100000") else 80)


@pytest.mark.parametrize("env", [{"LC_ALL": "C"}, {"LC_ALL": "xx_YY"}, {"TERM": "dumb"},
                                 {"NO_COLOR": "1"}, {"TZ": "Mars/Base"}, {"HOME": "/nowhere"}])
def test_any_environment(recorded, env):
    at = ["report", "--at", "2026-03-02T00:00:00Z"]
    plain = recorded.run(*at).stdout
    assert recorded.run(*at, env=env).stdout == plain
    assert "\033" not in plain
