"""Streamed answers beside the log of the server that wrote them: how far the first token and
the largest gap are off, what a stream costs, and what 1,000 of them at once take; the
same of a bare reader on libcurl and libuv."""
import dataclasses
import json
import time

from figures import Figure
from setting import (ADDRESSES, Nines, bare_streams, demand, eventually, free_port, rank, steady,
                     write_files)
import truth

MEMORY = 1000             # at once
MEMORY_GAP_US, MEMORY_S = 20_000, 20  # answers of 1,000 tokens take as long
KB = 1000
AGENTS = {
    "openai": "protocol: openai, model: m, prompt: Hi.",
    "sse": "protocol: sse, body: {q: Hi.}, read: {text: $.content, end: {data: '[DONE]'}}",
}


@dataclasses.dataclass
class Load:
    """So many streams at once, on average: how each goes, and how many begin a second."""
    at_once: int
    first_us: int
    gap_us: int
    tokens: int
    rate: int
    probes: int    # ask in turns
    streams: int   # compared
    warm_up: int   # seconds, which are those of a stream at least

    def seconds(self, quick):
        return self.streams / self.rate * (0.3 if quick else 1)


LOADS = [Load(1, 10_000, 1_000, 10, 33, 33, 1000, 1),
         Load(50, 200_000, 10_000, 60, 56, 56, 1000, 2),
         Load(1000, 1_000_000, 50_000, 60, 222, 1110, 2220, 6)]


class Streams:
    """bench/stream_server.c, and its log."""

    def __init__(self, setting, form, load, name):
        self.port = free_port()
        self.child = setting.spawn(
            [setting.program("stream_server"), "--port", self.port, "--first-us", load.first_us,
             "--gap-us", load.gap_us, "--tokens", load.tokens, "--addresses", ADDRESSES,
             *(["--plain"] if form == "sse" else [])],
            setting.server_core, name=name)
        eventually(lambda: truth.answers(self.port), "the server of streams")

    def urls(self, count):
        return [f"http://127.0.0.{i % ADDRESSES + 1}:{self.port}/{i}" for i in range(count)]

    def log(self):
        self.child.stop()
        lines = map(json.loads, self.child.log.read_text().splitlines())
        return {(line["id"], line["n"]): line for line in lines}


def configure(folder, form, urls, interval_ms, timeout="60s"):
    for name in ("probes", "slos"):
        (folder / name).mkdir(exist_ok=True)
    lines = [f"  - {{id: p{i}, agent: {{{AGENTS[form]}, url: \"{url}\"}}}}"
             for i, url in enumerate(urls)]
    write_files(folder / "probes", "apiVersion: nines/v1\nkind: Probes\ndefaults: {interval: "
                f"{interval_ms}ms, timeout: {timeout}}}\nprobes:\n", lines)
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


def measured(setting, form, load, seconds):
    """(errors, CPU us of a stream) of nines."""
    server = Streams(setting, form, load, f"streams-nines-{form}-{load.at_once}")
    folder = setting.folder("agents")
    configure(folder, form, server.urls(load.probes), load.probes * 1000 // load.rate)
    nines = Nines(setting, folder)
    cpu, since, until = steady(nines, seconds, load.warm_up)
    time.sleep(load.warm_up)  # until what began then is stored
    began = nines.query("SELECT count(*) FROM result WHERE slot >= ? AND slot < ?", since,
                        until)[0][0]
    nines.stop()
    # Whoever was under way at the end has no answer, so that its n is not used up.
    return errors(of_nines(nines), server.log()), cpu / max(began, 1)


def bare(setting, form, load, seconds):
    server = Streams(setting, form, load, f"streams-bare-{form}-{load.at_once}")
    path = setting.dir / "bare.ndjson"
    told = bare_streams(setting, server.urls(load.probes), load.rate, seconds + load.warm_up, path)
    demand(told["bad"] == 0, f"{told['bad']} bare streams failed")
    return errors(of_bare(path), server.log()), told["cpu_us"]


def compared(setting, form, load):
    seconds = load.seconds(setting.quick)
    what = f"{form}, {load.at_once:,} at once"
    setting.show(f"agents: {what}, a bare reader")
    theirs, bare_cpu = bare(setting, form, load, seconds)
    setting.show(f"agents: {what}")
    ours, cpu = measured(setting, form, load, seconds)
    demand(len(ours[0]) > load.rate * seconds / 2, f"only {len(ours[0])} streams were compared")
    key = f"agents_{form}_{load.at_once}"
    for name, title, mine, other in zip(("first", "gap"), ("first token", "largest gap"), ours,
                                        theirs):
        mine, other = spread(mine), spread(other)
        for q in ("p50", "p90", "p99", "max"):
            yield Figure(f"{key}_{name}_{q}", f"{title} off the server's log, {what}: {q}", mine[q],
                         "us", other[q], "bare reader",
                         detail={"nines": mine, "bare": other} if q == "p50" else {})
    yield Figure(f"{key}_cpu", f"CPU per stream of {load.tokens} tokens, {what}", cpu, "us",
                 bare_cpu, "bare reader", cpu / max(bare_cpu, 1))


# ---- memory ----------------------------------------------------------------------

def resident(child):
    """Its bytes, and how many descriptors it has open."""
    return child.memory()["Rss"], len(list((child.path() / "fd").iterdir()))


def of_daemon(setting, server):
    folder = setting.folder("agents-memory")
    configure(folder, "openai", server.urls(MEMORY), MEMORY_S * 1000)
    nines = Nines(setting, folder)
    time.sleep(MEMORY_S + 1)
    seen = resident(nines.child)
    nines.stop()
    return seen


def of_bare_reader(setting, server):
    targets = setting.dir / "targets"
    targets.write_text("\n".join(server.urls(MEMORY)) + "\n")
    child = setting.spawn(
        [setting.program("bare_loop"), "--rate", MEMORY // MEMORY_S, "--seconds", MEMORY_S + 10,
         "--targets", targets, "--streams", setting.dir / "bare.ndjson"], setting.prober_core)
    time.sleep(MEMORY_S + 1)
    seen = resident(child)
    child.process.kill()
    child.process.wait()
    return seen


def each_stream(setting, look, name):
    """(bytes for each stream, details): while 1,000 are under way, beside hardly any."""
    seen = []
    for tokens in (1, MEMORY_S * 1_000_000 // MEMORY_GAP_US):
        load = Load(MEMORY, 400_000, MEMORY_GAP_US, tokens, 0, MEMORY, 0, 0)
        server = Streams(setting, "openai", load, f"streams-{name}-{tokens}")
        seen.append(look(setting, server))
        server.child.stop()
    (idle, idle_files), (busy, files) = seen
    demand(files - idle_files > 0.9 * MEMORY, f"only {files - idle_files} streams were under way")
    return (busy - idle) / (files - idle_files), {"idle": idle, "busy": busy, "descriptors": files}


def run(setting):
    for form in AGENTS:
        for load in LOADS:
            yield from compared(setting, form, load)
    setting.show("agents: memory")
    ours, mine = each_stream(setting, of_daemon, "nines")
    theirs, other = each_stream(setting, of_bare_reader, "bare")
    yield Figure("agents_memory", f"resident, each of {MEMORY:,} streams at once", ours / KB, "kB",
                 theirs / KB, "bare reader", ours / theirs, detail={"nines": mine, "bare": other})
