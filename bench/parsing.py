"""Reading a page of metrics beside Go's readers of the same page: promtool check
metrics, and a Prometheus that scrapes it. All must see the same series."""
import http.server
import json
import random
import statistics
import threading
import urllib.parse

from figures import Figure
from setting import demand, eventually, fetch, find, free_port

PAGE_BYTES = 10_000_000
WANTED = ['app_component3_requests_total{status=~"5.."}',
          'app_component4_request_seconds_bucket{le="0.5"}', "app_component5_queue_depth"]
TYPES = ("counter", "histogram", "gauge")
SUFFIXES = ("requests_total", "request_seconds", "queue_depth")
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0",
          "+Inf")
SCRAPES = 6


def family(number, dice):
    """The lines of one family with 120 label sets."""
    kind = number % 3
    name = f"app_component{number}_{SUFFIXES[kind]}"
    yield f"# HELP {name} What component {number} of the platform has seen so far.\n"
    yield f"# TYPE {name} {TYPES[kind]}\n"
    for i in range(120):
        labels = (f'method="{("GET", "POST")[i % 2]}",path="/api/v1/agents/{i}/execute",'
                  f'pod="api-{number % 250}-7f6d9"')
        if kind == 0:
            for status in (200, 404, 500):
                yield f'{name}{{{labels},status="{status}"}} {dice.randrange(10**9)}\n'
        elif kind == 2:
            yield f"{name}{{{labels}}} {dice.random() * 1000}\n"
        else:
            count = 0
            for bound in BOUNDS:
                count += dice.randrange(1000)
                yield f'{name}_bucket{{{labels},le="{bound}"}} {count}\n'
            yield f"{name}_sum{{{labels}}} {dice.random() * 10000}\n"
            yield f"{name}_count{{{labels}}} {count}\n"


def make_page(size):
    """The same page each time, in Prometheus text."""
    dice, out, length, number = random.Random(1), [], 0, 0
    while length < size:
        lines = list(family(number, dice))
        out += lines
        length += sum(map(len, lines))
        number += 1
    return "".join(out)


def to_openmetrics(page):
    """The same page in OpenMetrics: there counters are named without _total."""
    lines = [line.replace("_total", "", 1) if line.startswith("#") else line
             for line in page.splitlines(True)]
    return "".join(lines) + "# EOF\n"


# ---- the others ---------------------------------------------------------------------


def promtool_seconds(setting, path, repetitions):
    """CPU time of reading the page, what an empty one takes apart."""
    def cpu(file):
        command = f"'{find('promtool')}' check metrics < '{file}'"
        # 3: it has read the page, and does not like some name in it
        out = setting.run(["sh", "-c", f"{command}; test $? -eq 0 -o $? -eq 3"], check=False)
        return out[1]

    empty = path.with_name("empty")
    empty.write_text("")
    return (statistics.median(cpu(path) for _ in range(repetitions)) -
            statistics.median(cpu(empty) for _ in range(repetitions))) / 1e6


class Server:
    def __init__(self, page):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def ask(base, expression):
    text = urllib.parse.urlencode({"query": expression})
    return json.loads(fetch(f"{base}/api/v1/query?{text}"))["data"]["result"]


def scrapes(setting, folder, page):
    """{"seconds": of a scrape, "samples", "sum"} by a Prometheus."""
    server = Server(page)
    config = {"scrape_configs": [{"job_name": "page", "scrape_interval": "3s", "scrape_timeout": "3s",
                                  "static_configs": [{"targets": [server.address]}]}]}
    (folder / "prometheus.yml").write_text(json.dumps(config))
    base = f"http://127.0.0.1:{free_port()}"
    child = setting.spawn([find("prometheus"), "--config.file=prometheus.yml",
                           f"--storage.tsdb.path={folder}/data",
                           f"--web.listen-address={base[len('http://'):]}"],
                          setting.prober_core, folder)
    try:
        eventually(lambda: fetch(f"{base}/-/ready"), "Prometheus")
        series = eventually(
            lambda: next((r["values"] for r in ask(base, "scrape_duration_seconds[10m]")
                          if len(r["values"]) >= SCRAPES), None), "scrapes of the page")
        # The first ones make the series.
        return {"seconds": statistics.median(float(v) for _, v in series[2:]),
                "samples": int(ask(base, "scrape_samples_scraped")[0]["value"][1]),
                "sum": float(ask(base, 'sum({__name__=~"app_.*"})')[0]["value"][1])}
    finally:
        child.stop()
        server.close()


# ---- figures ---------------------------------------------------------------------------


def rate(seen):
    return seen["bytes"] / seen["median_ns"]  # bytes per ns are GB/s


def run(setting):
    folder = setting.folder("parse")
    path = folder / "page.txt"
    page = make_page(PAGE_BYTES)
    path.write_text(page)
    (folder / "page.om").write_text(to_openmetrics(page))
    setting.show("parse: reading the page")
    program = setting.program("parse")
    few = setting.run_json([program, path, *WANTED])
    everything = setting.run_json([program, path, "--all"])
    strict = setting.run_json([program, folder / "page.om", "--openmetrics", "--all"])
    demand(few["samples"] > 0, "no series is wanted")
    demand((strict["samples"], strict["sum"]) == (everything["samples"], everything["sum"]),
           "the two formats of one page do not give the same")

    setting.show("parse: promtool check metrics")
    tool = len(page) / promtool_seconds(setting, path, 3 if setting.quick else 7) / 1e9
    setting.show("parse: Prometheus scrapes it")
    scrape = scrapes(setting, folder, page.encode())
    demand(scrape["samples"] == everything["samples"],
           f"{everything['samples']} series by nines, {scrape['samples']} by Prometheus")
    demand(abs(scrape["sum"] / everything["sum"] - 1) < 1e-9,
           f"the values add up to {everything['sum']} and, by Prometheus, {scrape['sum']}")
    by_scrape = len(page) / scrape["seconds"] / 1e9

    title = f"page of metrics, {len(page) / 1e6:.0f} MB"
    yield Figure("parse_few", f"{title}, few families wanted", rate(few), "GB/s", bar=(">=", 1),
                 detail=few)
    yield Figure("parse_few_promtool", f"{title}, few families wanted", rate(few), "GB/s", tool,
                 "promtool check metrics", rate(few) / tool)
    yield Figure("parse_all", f"{title}, all {everything['samples']:,} series", rate(everything),
                 "GB/s", by_scrape, "Prometheus scrape, with its storing",
                 rate(everything) / by_scrape, detail=everything | {"scrape": scrape})
    yield Figure("parse_openmetrics", f"{title}, all series, OpenMetrics", rate(strict), "GB/s",
                 rate(everything), "text", rate(strict) / rate(everything), detail=strict)
