#!/usr/bin/python3
"""Probes one local nginx with nines and with prometheus-blackbox-exporter at the
same time, and prints the median of each phase side by side.

usage: compare_blackbox.py [--seconds 600] [--interval 1.0] [--nines BIN]
                           [--nginx BIN] [--blackbox BIN]

The peers are looked for in PATH, /usr/sbin and build-tools/, where their packages
nginx and prometheus-blackbox-exporter may be unpacked with dpkg-deb -x.
"""
import argparse
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
NGINX = """
daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log; worker_processes 1;
events {{}}
http {{
  access_log off; default_type application/json;
  client_body_temp_path {dir}/a; proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c;
  uwsgi_temp_path {dir}/d; scgi_temp_path {dir}/e;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{{"status":"healthy"}}'; }} }}
}}
"""
BLACKBOX = "modules: {http: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}}\n"
PROBES = """
apiVersion: nines/v1
kind: Probes
probes:
  - id: nginx
    interval: {interval}ms
    timeout: 5s
    http: {{url: "http://localhost:{port}/health", expect: {{status: 200}}}}
"""
# blackbox's name of a phase: ours
PHASES = {"resolve": "dns", "connect": "connect", "tls": "tls", "processing": "wait",
          "transfer": "transfer"}


def find(name):
    tools = ROOT / "build-tools/usr"
    path = [os.environ.get("PATH", ""), "/usr/sbin", f"{tools}/bin", f"{tools}/sbin"]
    return shutil.which(name, path=os.pathsep.join(path))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, process):
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def scrape(port, target):
    query = urllib.parse.urlencode({"module": "http", "target": target})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/probe?{query}", timeout=10) as r:
        text = r.read().decode()
    seen = dict(re.findall(r'probe_http_duration_seconds\{phase="(\w+)"\} (\S+)', text))
    total = re.search(r"^probe_duration_seconds (\S+)", text, re.M).group(1)
    return {ours: float(seen[theirs]) * 1e6 for theirs, ours in PHASES.items()} | {
        "total": float(total) * 1e6}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seconds", type=int, default=600)
    p.add_argument("--interval", type=float, default=1.0)
    p.add_argument("--nines", default=str(ROOT / "build/src/cli/nines"))
    p.add_argument("--nginx", default=find("nginx"))
    p.add_argument("--blackbox", default=find("prometheus-blackbox-exporter"))
    a = p.parse_args()
    if not a.nginx or not a.blackbox:
        p.error("nginx or prometheus-blackbox-exporter is nowhere to be found")
    nines = str(pathlib.Path(a.nines).resolve())
    with tempfile.TemporaryDirectory() as tmp:
        d = pathlib.Path(tmp)
        web, exporter = free_port(), free_port()
        (d / "nginx.conf").write_text(NGINX.format(dir=d, port=web))
        (d / "blackbox.yml").write_text(BLACKBOX)
        (d / "probes").mkdir()
        (d / "probes/nginx.yaml").write_text(
            PROBES.format(interval=int(a.interval * 1000), port=web))
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        children = []
        try:
            children.append(subprocess.Popen([a.nginx, "-c", d / "nginx.conf"], **quiet))
            wait_port(web, children[-1])
            children.append(subprocess.Popen(
                [a.blackbox, f"--config.file={d}/blackbox.yml",
                 f"--web.listen-address=127.0.0.1:{exporter}"], **quiet))
            wait_port(exporter, children[-1])
            children.append(subprocess.Popen([nines, "run", "--listen", "127.0.0.1:0"], cwd=d,
                                             **quiet))
            theirs = []
            begin = time.monotonic()
            for k in range(int(a.seconds / a.interval)):
                time.sleep(max(0.0, begin + k * a.interval - time.monotonic()))
                theirs.append(scrape(exporter, f"http://localhost:{web}/health"))
            children[-1].terminate()
            children[-1].wait(30)
            children.pop()
            columns = ["dns", "connect", "tls", "wait", "transfer", "total"]
            with sqlite3.connect(f"file:{d}/nines.db?mode=ro", uri=True) as db:
                ours = db.execute(f"SELECT outcome, {', '.join(columns)} "
                                  "FROM result").fetchall()
        finally:
            for child in reversed(children):
                child.terminate()
                child.wait(30)
    print(f"{len(ours)} runs of nines ({sum(r[0] == 0 for r in ours)} good), "
          f"{len(theirs)} of blackbox_exporter; medians in microseconds")
    print(f"{'phase':10} {'nines':>10} {'blackbox':>10}")
    for i, c in enumerate(columns):
        print(f"{c:10} {statistics.median(r[i + 1] for r in ours):10.0f} "
              f"{statistics.median(t[c] for t in theirs):10.0f}")


if __name__ == "__main__":
    main()
