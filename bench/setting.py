"""What every bench needs: places, two cores, child processes and their CPU
time, an nginx to ask, a configuration for as many probes as wanted.

Only loopback is listened on, and only processes started here are ended.
"""
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOOLS = ROOT / "build-tools" / "usr"
ADDRESSES = 50        # one remote address has 28,232 ports a minute
PATIENCE = 180        # seconds until something that should happen has failed to
TICK = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """The bench could not run, or the two sides gave different answers."""


def demand(holds, what):
    if not holds:
        raise Failed(what)


def find(name):
    path = os.pathsep.join([f"{TOOLS}/bin", f"{TOOLS}/sbin", os.environ.get("PATH", ""),
                            "/usr/sbin", "/usr/bin"])
    found = shutil.which(name, path=path)
    demand(found, f"there is no {name}; scripts/bench without --build fetches it")
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fetch(url):
    with urllib.request.urlopen(url, timeout=PATIENCE) as reply:
        return reply.read().decode()


def eventually(holds, what, patience=PATIENCE):
    """The first true value of holds()."""
    end = time.monotonic() + patience
    while True:
        with contextlib.suppress(OSError, urllib.error.URLError):
            if value := holds():
                return value
        demand(time.monotonic() < end, f"waited in vain for {what}")
        time.sleep(0.05)


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def rank(ordered, q):
    """The value of rank ceil(q * n), as reports count it."""
    return ordered[max(0, -int(-q * len(ordered) // 1) - 1)]


def start(core, args, **options):
    """The command on that core, ending with this process at the latest, and
    before others where that is allowed: what else runs here is not measured.
    Linux shares a core between sessions first, so each gets one of its own."""
    command = ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", str(core), *map(str, args)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True,
                               **options)
    with contextlib.suppress(OSError):
        pathlib.Path(f"/proc/{process.pid}/autogroup").write_text("-20")
    return process


class Child:
    """A process on one core, with its output in a file."""

    def __init__(self, args, core, cwd, log):
        self.log = pathlib.Path(log)
        with open(log, "wb") as out:
            self.process = start(core, args, cwd=cwd, stdout=out, stderr=out)
        self.name = pathlib.Path(args[0]).name

    def path(self):
        return pathlib.Path(f"/proc/{self.process.pid}")

    def cpu_us(self):
        """User and system time of all its threads so far."""
        stat = (self.path() / "stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1_000_000 // TICK

    def memory(self):
        """Bytes by the names of smaps_rollup: Rss, Anonymous, ..."""
        text = (self.path() / "smaps_rollup").read_text()
        return {k: int(v) * 1024 for k, v in re.findall(r"^(\w+):\s+(\d+) kB", text, re.M)}

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f"{self.name} does not stop") from None

    def tail(self):
        return self.log.read_text(errors="replace")[-2000:]


class Setting:
    def __init__(self, build, quick, show=None):
        self.build, self.quick = pathlib.Path(build).resolve(), quick
        self.show = show or (lambda text: None)
        self.nines = self.build / "src" / "cli" / "nines"
        cores = sorted(os.sched_getaffinity(0))
        self.server_core, self.prober_core = cores[0], cores[1 if len(cores) > 1 else 0]
        self.both_cores = f"{self.server_core},{self.prober_core}"
        self.children = contextlib.ExitStack()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="nines-bench-"))
        os.chmod(self.dir, 0o755)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def close(self):
        self.children.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def program(self, name):
        path = self.build / "bench" / name
        demand(path.exists(), f"{path} is not built")
        return path

    def folder(self, name):
        path = self.dir / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def spawn(self, args, core, cwd=None, name=None):
        name = name or pathlib.Path(args[0]).name
        child = Child(args, core, cwd or self.dir, self.dir / f"{name}.log")
        self.children.callback(child.stop)
        return child

    def run(self, args, core=None, cwd=None, check=True):
        """Runs to the end; gives (stdout, cpu_us, seconds)."""
        core = self.prober_core if core is None else core
        began = time.monotonic()
        child = start(core, args, cwd=cwd or self.dir, stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE)
        errors = []
        reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))
        reader.start()
        out = child.stdout.read().decode()
        reader.join()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        demand(not check or child.returncode == 0,
               f"{' '.join(map(str, args))}: exit {child.returncode}\n"
               f"{errors[0].decode(errors='replace')[-2000:]}")
        return out, (used.ru_utime + used.ru_stime) * 1e6, seconds

    def pipe(self, args, out):
        """Runs it with its output into a file; the JSON object on its stderr."""
        child = start(self.both_cores, args, cwd=self.dir, stdout=out, stderr=subprocess.PIPE)
        said = child.stderr.read().decode(errors="replace")
        demand(child.wait() == 0, f"{args[0]}: {said}")
        return json.loads(said)

    def run_json(self, args, core=None, cwd=None):
        return json.loads(self.run(args, core, cwd)[0])


# ---- the target ----------------------------------------------------------------

NGINX = """daemon off;
pid {dir}/nginx.pid;
error_log {dir}/error.log crit;
worker_processes 1;
events {{ worker_connections 15000; }}
http {{
    access_log off;
    default_type application/json;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
    uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    ssl_session_cache off;
    ssl_session_tickets off;
    server {{
        {listen}
        ssl_certificate {dir}/server.pem;
        ssl_certificate_key {dir}/server.key;
        location / {{ return 200 '{{"status":"healthy","checks":{{"db":"ok"}}}}'; }}
        location /fail/ {{ return 503 '{{"status":"down"}}'; }}
        location /requests {{ stub_status; }}
    }}
}}
"""


def make_certificates(folder):
    """An authority and a server's certificate of it for the addresses: ECDSA on
    P-256, which costs the server least, so that the prober is what is measured."""
    names = ",".join(f"IP:127.0.0.{i + 1}" for i in range(ADDRESSES))
    (folder / "ext").write_text(f"subjectAltName={names}\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for args in (
            ["req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
             "-subj", "/CN=nines bench"],
            ["req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=target"],
            ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
             "-CAcreateserial", "-days", "30", "-extfile", "ext", "-out", "server.pem"]):
        subprocess.run([find("openssl"), *args], cwd=folder, check=True, capture_output=True)
    return folder / "ca.pem"


class Target:
    """nginx on the server's core: a healthy answer on each address, in the
    clear and by TLS, a failing one below /fail/."""

    def __init__(self, setting):
        self.folder = setting.folder("nginx")
        self.ca = make_certificates(self.folder)
        self.port, self.tls_port = free_port(), free_port()
        listen = "\n        ".join(
            f"listen 127.0.0.{i + 1}:{self.port}; listen 127.0.0.{i + 1}:{self.tls_port} ssl;"
            for i in range(ADDRESSES))
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(dir=self.folder, listen=listen))
        self.child = setting.spawn([find("nginx"), "-p", self.folder, "-e",
                                    self.folder / "start.log", "-c", config],
                                   setting.server_core)
        eventually(self.requests, "nginx")

    def requests(self):
        """How many it has answered, asking included."""
        text = fetch(f"http://127.0.0.1:{self.port}/requests")
        return int(text.split()[9])

    def urls(self, count, tls=False, failing=0):
        """`count` URLs over all addresses, the last `failing` of which fail."""
        scheme, port = ("https", self.tls_port) if tls else ("http", self.port)
        return [f"{scheme}://127.0.0.{i % ADDRESSES + 1}:{port}/"
                f"{'fail/' if i >= count - failing else ''}{i}" for i in range(count)]


@contextlib.contextmanager
def target(setting):
    t = Target(setting)
    try:
        yield t
    finally:
        t.child.stop()


# ---- the two probers -----------------------------------------------------------

def bare_loop(setting, urls, rate, seconds, warm_up=2, kept=False, ca=None, loops=1, core=None):
    """bench/bare_loop.c on these URLs; its JSON object."""
    targets = setting.dir / "targets"
    targets.write_text("\n".join(urls) + "\n")
    args = [setting.program("bare_loop"), "--rate", rate, "--seconds", seconds, "--warm-up",
            warm_up, "--loops", loops, "--targets", targets]
    args += ["--kept"] if kept else []
    args += ["--ca", ca] if ca else []
    return setting.run_json(args, core)


def bare_streams(setting, urls, rate, seconds, out):
    """The same of streams of chat completions; a line for each goes to `out`."""
    targets = setting.dir / "targets"
    targets.write_text("\n".join(urls) + "\n")
    return setting.run_json([setting.program("bare_loop"), "--rate", rate, "--seconds", seconds,
                             "--targets", targets, "--streams", out])


def configure(folder, urls, interval, slos=0, kept=False, ca=None, timeout="5s", window="30d"):
    """probes/ and slos/ for one probe a URL, each with a status and a JSON
    assertion, and an availability objective for the first `slos` of them."""
    tls = f", tls: {{ca_file: {ca}}}" if ca else ""
    reuse = ", reuse: true" if kept else ""
    (folder / "probes").mkdir(exist_ok=True)
    (folder / "slos").mkdir(exist_ok=True)
    probes = [f"  - {{id: p{i}, http: {{url: \"{url}\"{reuse}{tls}, "
              "expect: {status: 200, json: {$.status: healthy}}}}" for i, url in enumerate(urls)]
    objectives = [f"  - {{name: s{i}, service: bench, sli: {{probe: p{i}}}, "
                  f"objective: 99.9%, window: {window}, alerting: default}}" for i in range(slos)]
    write_files(folder / "probes", f"apiVersion: nines/v1\nkind: Probes\ndefaults: {{interval: "
                f"{interval}, timeout: {timeout}}}\nprobes:\n", probes)
    write_files(folder / "slos", "apiVersion: nines/v1\nkind: SLOs\nslos:\n", objectives)
    (folder / "nines.yaml").write_text("apiVersion: nines/v1\nkind: Daemon\nreceivers:\n"
                                       "  - {name: file, log: {path: alerts.ndjson}}\n")


def write_files(folder, head, lines):
    """One file has an upper limit: 2,000 entries in each."""
    for old in folder.glob("*.yaml"):
        old.unlink()
    for i in range(0, len(lines), 2000):
        text = head + "\n".join(lines[i:i + 2000]) + "\n"
        (folder / f"bench{i // 2000}.yaml").write_text(text)


def ask(database, sql, *values):
    """All rows of the answer, by a reader of its own."""
    db = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return db.execute(sql, values).fetchall()
    finally:
        db.close()


class Nines:
    """`nines run` on the prober's core."""

    def __init__(self, setting, folder, *args, core=None):
        self.folder = pathlib.Path(folder)
        self.database = self.folder / "nines.db"
        self.child = setting.spawn([setting.nines, "run", "--listen", "127.0.0.1:0", *args],
                                   setting.prober_core if core is None else core, folder)
        self.address = eventually(self._address, "nines run")

    def _address(self):
        demand(self.child.process.poll() is None, f"nines run ended:\n{self.child.tail()}")
        for line in self.child.log.read_text().splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if entry.get("msg") == "serving":
                    return entry["address"]
        return None

    def stop(self):
        code = self.child.stop()
        demand(code == 0, f"nines run: exit {code}\n{self.child.tail()}")

    def query(self, sql, *values):
        return ask(self.database, sql, *values)


PHASES = ("connect", "tls", "send", "wait", "transfer", "total", "lag")


def phases_of(nines, since_us, until_us):
    """Medians and p99 of the stored results, in the shape of bare_loop's object."""
    rows = nines.query("SELECT connect, tls, send, wait, transfer, total, lag FROM result"
                       " WHERE slot >= ? AND slot < ? AND outcome IN (0, 1)", since_us, until_us)
    out = {"probes": len(rows)}
    for name, column in zip(PHASES, zip(*rows)):
        ordered = sorted(column)
        out[f"{name}_us"] = {"p50": rank(ordered, 0.5), "p99": rank(ordered, 0.99),
                             "max": ordered[-1]}
    return out


def outcomes_of(nines, since_us, until_us):
    """{"good": n, "bad": n, "excluded": n, "skipped": n} of the slots in the span."""
    rows = dict(nines.query("SELECT outcome, count(*) FROM result WHERE slot >= ? AND slot < ?"
                            " GROUP BY outcome", since_us, until_us))
    return {name: rows.get(i, 0) for i, name in
            enumerate(("good", "bad", "excluded", "skipped"))}


def steady(nines, seconds, warm_up):
    """CPU time over a span of a running daemon: (cpu_us, since_us, until_us)."""
    eventually(lambda: nines.query("SELECT 1 FROM result LIMIT 1"), "a first result")
    time.sleep(warm_up)
    since, before = time.time(), nines.child.cpu_us()
    time.sleep(seconds)
    until, after = time.time(), nines.child.cpu_us()
    return after - before, int(since * 1e6), int(until * 1e6)


def progress(stream=sys.stderr):
    """A function that shows one changing line on a terminal, or lines elsewhere."""
    if stream.isatty():
        return lambda text: print(f"\r\033[K{text[:100]}", end="", file=stream, flush=True)
    return lambda text: print(text, file=stream, flush=True)
