"""End-to-end tests: the real binary, real servers on loopback, no network.

NINES_BIN names the binary (default: build/src/cli/nines). Nothing here sleeps
to wait for something: it reads a log line, a reply or a queue, with a limit.
"""
import contextlib
import http.server
import json
import os
import pathlib
import queue
import re
import sqlite3
import subprocess
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 120


def binary():
    return os.environ.get("NINES_BIN", str(ROOT / "build" / "src" / "cli" / "nines"))


class Workspace:
    """A directory with a configuration, where commands run."""

    def __init__(self, path):
        self.path = path
        self.program = binary()
        self.env = {}
        (path / "probes").mkdir()
        (path / "slos").mkdir()

    def write(self, name, text):
        target = self.path / name
        partial = target.with_name(target.name + ".partial")
        partial.write_text(text)
        partial.rename(target)
        return target

    def run(self, *args, check=True, stdin=None, env=None):
        done = subprocess.run([self.program, *map(str, args)], cwd=self.path, input=stdin, text=True,
                              capture_output=True, timeout=PATIENCE,
                              env={**os.environ, **self.env, **(env or {})})
        if check:
            assert done.returncode == 0, f"{args}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def report(self, *args):
        return json.loads(self.run("report", "--format", "json", *args).stdout)

    def messages(self, probe):
        """What was said of a probe's bad results."""
        db = sqlite3.connect(f"file:{self.path}/nines.db?mode=ro", uri=True)
        with contextlib.closing(db):
            rows = db.execute("SELECT message FROM evidence JOIN probe ON num = probe"
                              " WHERE id = ?", (probe,))
            return {message for (message,) in rows}

    def daemon(self, *args):
        return Daemon(self, args)


class Daemon:
    """`nines run`; its log lines are read as they come."""

    def __init__(self, workspace, args):
        self.workspace = workspace
        self.lines = queue.Queue()
        self.log = []
        self.process = subprocess.Popen(
            [workspace.program, "run", "--listen", "127.0.0.1:0", *map(str, args)],
            cwd=workspace.path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **workspace.env})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.put(line)
        self.lines.put(None)

    def wait(self, msg, **fields):
        """The next log line with this msg and these fields."""
        while True:
            line = self.lines.get(timeout=PATIENCE)
            assert line is not None, f"ended before '{msg}':\n" + "\n".join(map(str, self.log))
            try:
                entry = json.loads(line)
            except ValueError:
                self.log.append(line)
                continue
            self.log.append(entry)
            if entry.get("msg") == msg and all(entry.get(k) == v for k, v in fields.items()):
                return entry

    def advance(self, time):
        """Moves the test clock; returns once everything up to there is stored."""
        self.workspace.write("clock", time)
        self.wait("test clock reached", time=time)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=PATIENCE)
        self.reader.join(timeout=PATIENCE)
        return code

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=PATIENCE)


def status_fields(member=None):
    """What docs/nines.1 says that `nines status --json` has: the members of the object, or of
    one of them, with those of what is in there."""
    text = (ROOT / "docs" / "nines.1").read_text().split("\n.Ss status\n")[1].split("\n.Ss ")[0]
    text = text.rsplit("\n.El\n", 1)[0]
    items = dict(item.split("\n", 1) for item in text.split("\n.It Ic ")[1:])
    return set(re.findall(r"^\.Ql (\w+)", items[member], re.M)) if member else set(items)


def alert_of(body):
    """The one alert of a message, which has no more where there are no routes."""
    message = json.loads(body)
    alert, = message["alerts"]
    assert message["version"] == "4" and message["status"] == alert["status"]
    return alert


class Target:
    """An HTTP server whose answer the test sets: (status, headers, body)."""

    def __init__(self):
        self.answer = (200, {"Content-Type": "application/json"}, b'{"status":"healthy"}')
        self.posts = queue.Queue()
        self.hits = 0
        self.arrivals = threading.Semaphore(0)
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self):
                target.hits += 1
                target.arrivals.release()
                status, headers, body = target.answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = reply

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                target.posts.put((self.path, body))
                self.reply()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def post(self):
        return self.posts.get(timeout=PATIENCE)

    def alert(self):
        """That of the next message."""
        return alert_of(self.post()[1])

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


@pytest.fixture
def target():
    t = Target()
    yield t
    t.close()


@pytest.fixture
def webhook():
    t = Target()
    yield t
    t.close()


@pytest.fixture
def daemons():
    """Daemons started through this are ended whatever happens."""
    started = []

    def start(workspace, *args):
        d = workspace.daemon(*args)
        started.append(d)
        return d

    yield start
    for d in started:
        if d.process.poll() is None:
            d.kill()


@pytest.fixture
def start():
    """start(class, ...): a peer that is closed after the test."""
    started = []

    def begin(kind, *args, **options):
        started.append(kind(*args, **options))
        return started[-1]

    yield begin
    for peer in reversed(started):
        peer.close()
