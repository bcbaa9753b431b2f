"""The 30-day report of one SLO at 15 s: in-process, and the same questions put to
Prometheus on the same results. Both have to give the same answers."""
import calendar
import json
import re
import time
import urllib.parse

from figures import Figure
from setting import configure, demand, eventually, fetch, find, free_port, median

START = 20_000 * 86_400   # where bench/report.c begins its 30 days
DAYS, INTERVAL = 30, 15
END = START + DAYS * 86_400
CENSORED = 5.0            # a failed run ranks above all others: its timeout
WINDOWS = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
SKETCH = 0.01             # the stated error of a sketch


def in_process(setting, database):
    """Microseconds of CPU of a whole report: the slower of two instants."""
    out = setting.run([setting.program("report"), "--keep", database])[0]
    times = [float(us) for us in re.findall(r"^whole report\s+([\d.]+) us", out, re.M)]
    demand(times, f"bench/report printed no time:\n{out}")
    return max(times), out


# ---- the same results for Prometheus -----------------------------------------------

def open_metrics(setting, database, path):
    """What `nines export` gives, as samples; how many."""
    lines = setting.run([setting.nines, "export", "results", "--db", database],
                        cwd=database.parent)[0].splitlines()
    success, duration = [], []
    for line in lines:
        r = json.loads(line)
        at = when(r["time"])
        good = r["outcome"] == "good"
        success.append(f"probe_success {int(good)} {at}\n")
        duration.append(f"probe_duration_seconds {r['latency_ms'] / 1000 if good else CENSORED}"
                        f" {at}\n")
    with open(path, "w", encoding="ascii") as out:
        out.writelines(["# TYPE probe_success gauge\n", *success,
                        "# TYPE probe_duration_seconds gauge\n", *duration, "# EOF\n"])
    return len(lines)


def when(text):
    """Seconds since the epoch; slots of this history are whole ones."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def start_prometheus(setting, folder, samples):
    setting.show("report: writing blocks for Prometheus")
    setting.run([find("promtool"), "tsdb", "create-blocks-from", "openmetrics",
                 "--max-block-duration=72h", samples,
                 folder / "data"], setting.both_cores, folder)
    port = free_port()
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1m}\n")
    server = setting.spawn(
        [find("prometheus"), "--config.file=prometheus.yml", f"--storage.tsdb.path={folder}/data",
         "--storage.tsdb.retention.time=100y", "--log.level=error",
         f"--web.listen-address=127.0.0.1:{port}"], setting.prober_core, folder)
    base = f"http://127.0.0.1:{port}"
    eventually(lambda: fetch(f"{base}/-/ready"), "Prometheus")
    return server, base


class Asker:
    """Puts questions as of the end; adds up how long the answers took."""

    def __init__(self, base):
        self.base, self.wall, self.engine = base, 0.0, 0.0

    def _get(self, path, **args):
        began = time.monotonic()
        reply = json.loads(fetch(f"{self.base}/api/v1/{path}?" +
                                 urllib.parse.urlencode({**args, "stats": "all"})))
        self.wall += time.monotonic() - began
        self.engine += reply["data"]["stats"]["timings"]["evalTotalTime"]
        return reply["data"]["result"]

    def at_end(self, query):
        result = self._get("query", query=query, time=END - 0.001)
        return float(result[0]["value"][1]) if result else None

    def hourly(self, query):
        """One value an hour, each at the hour's end."""
        result = self._get("query_range", query=query, start=START + 3600 - 0.001,
                           end=END - 0.001, step=3600)
        return [float(v) for _, v in result[0]["values"]]


def questions(base):
    """All that a report says: counts, percentiles, burn windows, the budget's curve."""
    ask = Asker(base)
    answers = {
        "total": ask.at_end(f"count_over_time(probe_success[{DAYS}d])"),
        "good": ask.at_end(f"sum_over_time(probe_success[{DAYS}d])"),
        "burn": {w: ask.at_end(f"1 - avg_over_time(probe_success[{w}])") for w in WINDOWS},
        "max": ask.at_end(f"max_over_time(probe_duration_seconds[{DAYS}d])"),
        **{name: ask.at_end(f"quantile_over_time({q}, probe_duration_seconds[{DAYS}d])")
           for name, q in QUANTILES.items()},
        "hourly_total": ask.hourly("count_over_time(probe_success[1h])"),
        "hourly_good": ask.hourly("sum_over_time(probe_success[1h])"),
    }
    return answers, ask.wall, ask.engine


# ---- both ----------------------------------------------------------------------------

def reported(setting, database, folder):
    """The report of the command, as JSON."""
    configure(folder, [], "1s")
    (folder / "probes" / "bench.yaml").write_text(
        "apiVersion: nines/v1\nkind: Probes\nprobes:\n"
        f"  - {{id: bench, interval: {INTERVAL}s, http: {{url: \"http://127.0.0.1:9/\"}}}}\n")
    (folder / "slos" / "bench.yaml").write_text(
        "apiVersion: nines/v1\nkind: SLOs\nslos:\n"
        "  - {name: bench, service: bench, sli: {probe: bench}, objective: 99.9%, "
        f"window: {DAYS}d, alerting: default}}\n")
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(END))
    out, _, seconds = setting.run([setting.nines, "report", "--db", database, "--at", at,
                                   "--format", "json"], cwd=folder)
    return json.loads(out)["slos"][0], seconds


def compare(ours, theirs):
    demand(ours["total"] == theirs["total"] and ours["good"] == theirs["good"],
           f"{ours['good']} of {ours['total']} good by nines, "
           f"{theirs['good']:.0f} of {theirs['total']:.0f} by Prometheus")
    demand(sum(theirs["hourly_good"]) == ours["good"], "the hours do not add up to the whole")
    worst = 0.0
    for name in QUANTILES:
        off = abs(ours["latency"][name] / theirs[name] - 1)
        worst = max(worst, off)
        demand(off <= SKETCH + 1e-4, f"{name}: {ours['latency'][name]} s by nines, "
               f"{theirs[name]} s by Prometheus")
    for burn in ours["burn"]:
        ratio = theirs["burn"].get(burn["window"])
        if ratio is not None:
            demand(abs(burn["rate"] * 0.001 - ratio) < 1e-6,
                   f"burn over {burn['window']}: {burn['rate']} by nines, "
                   f"{ratio / 0.001} by Prometheus")
    return worst


def run(setting):
    folder = setting.folder("report")
    database = folder / "kept.db"
    setting.show("report: 30 days of results")
    us, text = in_process(setting, database)
    ours, command = reported(setting, database, folder)
    n = open_metrics(setting, database, folder / "samples")
    server, base = start_prometheus(setting, folder, folder / "samples")
    setting.show("report: asking Prometheus")
    runs = [questions(base) for _ in range(3 if setting.quick else 9)]
    server.stop()
    worst = compare(ours, runs[0][0])
    engine, wall = median([r[2] for r in runs]) * 1e6, median([r[1] for r in runs]) * 1e6
    detail = {"results": n, "percentile_error": worst, "prometheus_http_us": wall,
              "command_us": command * 1e6, "questions": text.splitlines()}
    title = f"30-day report, {n:,} results"
    yield Figure("report", title, us / 1000, "ms", bar=("<=", 2), detail=detail)
    yield Figure("report_peer", f"{title}, same answers", us / 1000, "ms", engine / 1000,
                 "Prometheus, in its engine", engine / us, (">=", 100))
