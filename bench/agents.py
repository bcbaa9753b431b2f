"""Streamed answers beside the log of the server that wrote them: how far the first token and
the largest gap are off, what a stream costs, and what 1,000 of them at once take; the
same of a bare reader on libcurl and libuv."""
import json
import time

from figures import Figure
from setting import (ADDRESSES, Nines, bare_streams, demand, eventually, free_port, rank, steady,
                     write_files)
import truth

STREAMS = 1000            # compared
RATE = 50                 # a second
FIRST_US, GAP_US, TOKENS = 400_000, 20_000, 60
MEMORY = 1000             # at once
KB = 1000


class Streams:
    """bench/stream_server.c, and its log."""

    def __init__(self, setting, tokens, name):
        self.port = free_port()
        self.child = setting.spawn(
            [setting.program("stream_server"), "--port", self.port, "--first-us", FIRST_US,
             "--gap-us", GAP_US, "--tokens", tokens, "--addresses", ADDRESSES],
            setting.server_core, name=name)
        eventually(lambda: truth.answers(self.port), "the server of streams")

    def urls(self, count):
        return [f"http://127.0.0.{i % ADDRESSES + 1}:{self.port}/{i}" for i in range(count)]

    def log(self):
        self.child.stop()
        lines = map(json.loads, self.child.log.read_text().splitlines())
        return {(line["id"], line["n"]): line for line in lines}


def configure(folder, urls, interval, timeout="30s"):
    for name in ("probes", "slos"):
        (folder / name).mkdir(exist_ok=True)
    lines = [f"  - {{id: p{i}, agent: {{protocol: openai, url: \"{url}\", model: m, prompt: Hi.}}}}"
             for i, url in enumerate(urls)]
    write_files(folder / "probes", "apiVersion: nines/v1\nkind: Probes\ndefaults: {interval: "
                f"{interval}, timeout: {timeout}}}\nprobes:\n", lines)
    (folder / "nines.yaml").write_text("apiVersion: nines/v1\nkind: Daemon\n")


# ---- accuracy --------------------------------------------------------------------

def of_nines(nines):
    """By (ID, n-th run): (instant of the first token, largest gap), of good runs."""
    rows = nines.query(
        "SELECT substr(p.id, 2), r.slot + r.lag + a.first_token, a.gap, r.outcome FROM result AS r"
        " JOIN answer AS a ON a.probe = r.probe AND a.slot = r.slot"
        " JOIN probe AS p ON p.num = r.probe ORDER BY r.probe, r.slot")
    seen, counts = {}, {}
    for name, first, gap, outcome in rows:
        n = counts[name] = counts.get(name, -1) + 1
        if outcome == 0:
            seen[name, n] = (first, gap)
    return seen


def of_bare(path):
    lines = map(json.loads, path.read_text().splitlines())
    return {(line["id"], line["n"]): (line["first_token"], line["gap"])
            for line in lines if line["whole"]}


def errors(seen, log):
    """Of each stream that both know: (first token, largest gap), in us."""
    both = seen.keys() & log.keys()
    pairs = [(seen[k][0] - log[k]["first_token"], seen[k][1] - log[k]["gap"]) for k in both]
    return [sorted(p[0] for p in pairs), sorted(abs(p[1]) for p in pairs)]


def spread(ordered):
    return {"p50": rank(ordered, 0.5), "p90": rank(ordered, 0.9), "p99": rank(ordered, 0.99),
            "max": ordered[-1], "min": ordered[0], "streams": len(ordered)}


def measured(setting, seconds):
    """(errors, CPU us of a stream) of nines."""
    server = Streams(setting, TOKENS, "streams-nines")
    folder = setting.folder("agents")
    configure(folder, server.urls(RATE * 10), "10s")
    nines = Nines(setting, folder)
    cpu, since, until = steady(nines, seconds, warm_up=4)
    began = nines.query("SELECT count(*) FROM result WHERE slot >= ? AND slot < ?", since,
                        until - 4_000_000)[0][0] * seconds / (seconds - 4)
    nines.stop()
    # Whoever was under way at the end has no answer, so that its n is not used up.
    return errors(of_nines(nines), server.log()), cpu / max(began, 1)


def bare(setting, seconds):
    server = Streams(setting, TOKENS, "streams-bare")
    path = setting.dir / "bare.ndjson"
    told = bare_streams(setting, server.urls(RATE * 10), RATE, seconds, path)
    demand(told["bad"] == 0, f"{told['bad']} bare streams failed")
    return errors(of_bare(path), server.log()), told["cpu_us"]


# ---- memory ----------------------------------------------------------------------

def in_flight(setting, tokens):
    """Resident memory of a daemon whose probes ask once in 20 s; answers of 1,000 tokens take
    longer than that."""
    server = Streams(setting, tokens, f"streams-{tokens}")
    folder = setting.folder("agents-memory")
    configure(folder, server.urls(MEMORY), "20s", timeout="60s")
    nines = Nines(setting, folder)
    time.sleep(21)
    rss = nines.child.memory()["Rss"]
    open_now = len(list((nines.child.path() / "fd").iterdir()))
    nines.stop()
    server.child.stop()
    return rss, open_now


def run(setting):
    seconds = 8 if setting.quick else 4 + STREAMS // RATE + 2
    setting.show("agents: a bare reader")
    theirs, bare_cpu = bare(setting, seconds)
    setting.show("agents: nines")
    ours, cpu = measured(setting, seconds)
    demand(len(ours[0]) > RATE * (seconds - 4) / 2, f"only {len(ours[0])} streams were compared")
    for name, title, mine, other in zip(("first", "gap"), ("first token", "largest gap"), ours,
                                        theirs):
        mine, other = spread(mine), spread(other)
        for q in ("p50", "p90", "p99", "max"):
            yield Figure(f"agents_{name}_{q}", f"{title} off the server's log: {q}", mine[q],
                         "us", other[q], "bare reader",
                         detail={"nines": mine, "bare": other} if q == "p50" else {})
    yield Figure("agents_cpu", f"CPU per stream of {TOKENS} tokens", cpu, "us", bare_cpu,
                 "bare reader", cpu / max(bare_cpu, 1))
    setting.show("agents: memory")
    (idle, _), (busy, files) = in_flight(setting, 1), in_flight(setting, MEMORY)
    yield Figure("agents_memory", f"resident, each of {MEMORY:,} streams at once",
                 (busy - idle) / MEMORY / KB, "kB", detail={"idle": idle, "busy": busy,
                                                            "descriptors": files})
