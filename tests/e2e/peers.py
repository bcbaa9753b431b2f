"""Real servers of other people, each on a free loopback port until close().

Where a peer is not on this machine its test is skipped; scripts/test fetches
all of them beforehand.
"""
import importlib.util
import json
import os
import queue
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import conftest
import pytest


def find(name):
    tools = conftest.ROOT / "build-tools" / "usr"
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", f"{tools}/bin",
                            f"{tools}/sbin"])
    return shutil.which(name, path=path) or pytest.skip(f"there is no {name}")


def eventually(get, wanted=bool):
    """get() once wanted(get()), and a failure that shows the last one if that takes too long."""
    end = time.monotonic() + conftest.PATIENCE
    while not wanted(value := get()):
        assert time.monotonic() < end, f"still: {value}"
        time.sleep(0.02)
    return value


def request(url, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    made = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(made, timeout=conftest.PATIENCE) as reply:
        return json.load(reply)


class Peer:
    """A child process whose output is read as it comes; it ends with this one at the latest."""

    def __init__(self, args, **options):
        self.output, self.lines = [], queue.Queue()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *map(str, args)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.output.append(line)
            self.lines.put(line)
        self.lines.put(None)

    def wait(self, pattern):
        """The match in the next line that has one."""
        while True:
            line = self.lines.get(timeout=conftest.PATIENCE)
            assert line is not None, f"ended without '{pattern}':\n" + "".join(self.output)
            if found := re.search(pattern, line):
                return found

    def close(self):
        """Lets it end what it is doing."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=conftest.PATIENCE)
        self.reader.join(timeout=conftest.PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()
        print("".join(self.output))  # pytest shows it beside a failure


# ---- nginx ------------------------------------------------------------------------

NGINX = """
daemon off; worker_processes 1; pid nginx.pid; error_log stderr notice;
events {{ }}
http {{
  log_format seen '$uri $status $connection $connection_requests $ssl_protocol';
  access_log access.log seen;
  default_type application/json;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  {http}
  server {{
    listen 127.0.0.1:{plain};
    {server}
  }}
  server {{
    listen 127.0.0.1:{tls} {tls_options};
    ssl_certificate server.pem; ssl_certificate_key server.key;
    ssl_client_certificate ca.pem; ssl_verify_client optional;
    {server}
  }}
}}
"""


def make_certificates(folder):
    """ca.pem, and server and client .pem and .key signed by it."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
            "-subj", "/CN=test authority")
    for name, extension in (("server", "subjectAltName=DNS:localhost"),
                            ("client", "extendedKeyUsage=clientAuth")):
        (folder / "extensions").write_text(extension)
        openssl("req", *new_key, "-keyout", f"{name}.key", "-out", "request", "-subj",
                f"/CN={name}")
        openssl("x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "30", "-extfile", "extensions", "-out", f"{name}.pem")


class Nginx(Peer):
    """On sockets that listen before it starts: nobody can take the ports, nor come too early."""

    def __init__(self, folder, server, http="", tls_options="ssl"):
        program = find("nginx")
        self.folder = folder
        folder.mkdir()
        make_certificates(folder)
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        plain, tls = (s.getsockname()[1] for s in listeners)
        (folder / "nginx.conf").write_text(NGINX.format(plain=plain, tls=tls, server=server,
                                                        http=http, tls_options=tls_options))
        numbers = [s.fileno() for s in listeners]
        super().__init__([program, "-p", folder, "-c", "nginx.conf", "-e", "stderr"],
                         pass_fds=numbers,
                         env={**os.environ, "NGINX": "".join(f"{n};" for n in numbers)})
        for s in listeners:
            s.close()
        self.plain, self.tls = f"http://localhost:{plain}", f"https://localhost:{tls}"

    def requests(self):
        """The requests that it has served: (path, status, connection, number on it, TLS)."""
        log = self.folder / "access.log"
        text = log.read_text() if log.exists() else ""
        return [(path, int(status), int(connection), int(number), tls)
                for path, status, connection, number, tls in
                (line.split() for line in text.splitlines(True) if line.endswith("\n"))]


# ---- the others ---------------------------------------------------------------------


class Platform(Peer):
    """tests/servers/fastapi_app.py."""

    def __init__(self):
        for module in ("fastapi", "uvicorn"):
            importlib.util.find_spec(module) or pytest.skip(f"there is no {module}")
        super().__init__([sys.executable, conftest.ROOT / "tests/servers/fastapi_app.py"])
        self.url = f"http://127.0.0.1:{self.wait('^port ([0-9]+)')[1]}"

    def faults(self, **faults):
        request(self.url + "/faults", "PUT", faults)

    def received(self):
        return request(self.url + "/received")


class Agents(Peer):
    """tests/servers/agents.py, and its log."""

    def __init__(self):
        for module in ("fastapi", "uvicorn"):
            importlib.util.find_spec(module) or pytest.skip(f"there is no {module}")
        super().__init__([sys.executable, conftest.ROOT / "tests/servers/agents.py"],
                         env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        self.address = f"127.0.0.1:{self.wait('^port ([0-9]+)')[1]}"
        self.url = f"http://{self.address}"

    def close(self):
        """Not what it is doing: some of that has no end."""
        self.process.stdin.close()
        super().close()

    def log(self, number=None):
        """What it served: all, or what had id=NUMBER in its query."""
        with urllib.request.urlopen(self.url + "/log", timeout=conftest.PATIENCE) as reply:
            lines = [json.loads(line) for line in reply.read().decode().splitlines()]
        return [line for line in lines if number is None or line["id"] == str(number)]


class Sample(Peer):
    """A sample platform of tests/servers/guides; see sample.py there."""

    def __init__(self, name):
        for module in ("fastapi", "uvicorn", "prometheus_client"):
            importlib.util.find_spec(module) or pytest.skip(f"there is no {module}")
        super().__init__([sys.executable, conftest.ROOT / f"tests/servers/guides/{name}.py"],
                         env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        self.address = f"127.0.0.1:{self.wait('^port ([0-9]+)')[1]}"
        self.url = f"http://{self.address}"

    def faults(self, **faults):
        request(self.url + "/_faults", "PUT", faults)

    def change(self, metric, labels=None, **how):
        """by=3, set=2.5, or observe=0.2, times=10."""
        request(self.url + "/_count", "POST", [{"metric": metric, "labels": labels or {}, **how}])

    def forget(self, metric, labels):
        request(self.url + "/_forget", "POST", [{"metric": metric, "labels": labels}])

    def restart(self):
        request(self.url + "/_restart", "POST", {})


class Prometheus(Peer):
    """Scrapes one address ten times a second."""

    CONFIGURATION = """
scrape_configs:
  - job_name: nines
    scrape_interval: 100ms
    scrape_timeout: 100ms
    static_configs: [{{targets: ["{address}"]}}]
"""

    def __init__(self, folder, address):
        program = find("prometheus")
        folder.mkdir()
        (folder / "prometheus.yml").write_text(self.CONFIGURATION.format(address=address))
        super().__init__([program, f"--config.file={folder}/prometheus.yml",
                          f"--storage.tsdb.path={folder}/data",
                          "--web.listen-address=127.0.0.1:0"])
        # it says these two in either order
        first = self.wait("Listening on.* address=([0-9.:]+)|ready to receive web requests")
        second = self.wait("Listening on.* address=([0-9.:]+)|ready to receive web requests")
        self.url = f"http://{first[1] or second[1]}"

    def query(self, expression):
        """[(labels, value)] of an expression, now."""
        text = urllib.parse.urlencode({"query": expression})
        reply = request(f"{self.url}/api/v1/query?{text}")
        assert reply["status"] == "success" and "warnings" not in reply
        return [(s["metric"], float(s["value"][1])) for s in reply["data"]["result"]]

    def raw(self, selector):
        """The values of the samples of each series in a range, oldest first."""
        text = urllib.parse.urlencode({"query": selector})
        reply = request(f"{self.url}/api/v1/query?{text}")
        return [[float(value) for _, value in s["values"]] for s in reply["data"]["result"]]

    def by(self, expression, *labels):
        """The values of an expression by the values of some labels, which must tell all apart."""
        found = self.query(expression)
        values = {tuple(m[name] for name in labels): value for m, value in found}
        assert len(values) == len(found)
        return values

    def complaints(self):
        """What it logs about scrapes: duplicates, samples out of order, names it cannot take."""
        return [line for line in self.output if re.search("level=(warn|error)", line)]


class Alertmanager(Peer):
    """With a configuration of ours."""

    def __init__(self, folder, configuration):
        program = find("prometheus-alertmanager")
        folder.mkdir()
        (folder / "alertmanager.yml").write_text(configuration)
        super().__init__([program, f"--config.file={folder}/alertmanager.yml",
                          f"--storage.path={folder}/data", "--cluster.listen-address=",
                          "--web.listen-address=127.0.0.1:0"])
        self.url = f"http://{self.wait('Listening on.* address=([0-9.:]+)')[1]}"

    def fire(self, alerts):
        """[labels, ...]"""
        body = json.dumps([{"labels": labels} for labels in alerts]).encode()
        made = urllib.request.Request(f"{self.url}/api/v2/alerts", body,
                                      {"Content-Type": "application/json"})
        urllib.request.urlopen(made, timeout=conftest.PATIENCE).close()
