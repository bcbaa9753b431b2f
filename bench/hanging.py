"""Whether a receiver that hangs bends what is measured: 5,000 probes a second with alerts
that are told again and again, to one that never answers and to one that answers a byte a
second, beside the same daemon without receivers; A, B, A, B, ... An hour of each with
NINES_LONG."""
import asyncio
import contextlib
import os
import re
import threading

from figures import Figure
from setting import Nines, configure, demand, fetch, median, phases_of, steady, target

RATE = 5000
FAILING = 100
JUDGED = ("connect", "send", "wait", "lag")
MB = 1e6

ROUTE = """\
route: {receiver: silent, group_by: [...], group_wait: 0s, group_interval: 10s,
        repeat_interval: 10s,
        routes: [{receiver: silent, continue: true}, {receiver: slow}]}
"""


class Hanging:
    """Two that accept everything; `requests` counts."""

    def __init__(self):
        self.requests, self.ready = 0, threading.Event()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        self.ready.wait()

    def serve(self):
        asyncio.set_event_loop(self.loop)
        servers = [self.loop.run_until_complete(asyncio.start_server(f, "127.0.0.1", 0))
                   for f in (self.silent, self.slow)]
        self.ports = [s.sockets[0].getsockname()[1] for s in servers]
        self.ready.set()
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))

    async def silent(self, reader, writer):
        self.requests += 1
        with contextlib.suppress(OSError):
            while await reader.read(65536):
                pass
        writer.close()

    async def slow(self, reader, writer):
        self.requests += 1
        with contextlib.suppress(OSError):
            for c in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000:
                writer.write(bytes([c]))
                await writer.drain()
                await asyncio.sleep(1)
        writer.close()

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


def config_of(hanging):
    receivers = "".join(f'  - {{name: {name}, rate: 1000, webhook: {{url: '
                        f'"http://127.0.0.1:{port}/"}}}}\n'
                        for name, port in zip(("silent", "slow"), hanging.ports))
    return f"receivers:\n{receivers}{ROUTE}"


def metric(nines, name):
    found = re.search(rf"^{name} (\S+)$", fetch(f"http://{nines.address}/metrics"), re.M)
    demand(found, f"/metrics has no {name}")
    return float(found[1])


def observe(setting, site, seconds, hanging):
    """Phases and lag of a daemon in its steady state, and what it took."""
    folder = setting.folder("hanging")
    configure(folder, site.urls(RATE, failing=FAILING), "1s", slos=RATE // 10)
    for file in (folder / "probes").glob("*.yaml"):
        file.write_text(file.read_text().replace(
            "timeout: 5s}", "timeout: 5s, alerts: [{failures: 3, of: 5}]}", 1))
    (folder / "nines.yaml").write_text("apiVersion: nines/v1\nkind: Daemon\n"
                                       + (config_of(hanging) if hanging else ""))
    before = hanging.requests if hanging else 0
    nines = Nines(setting, folder)
    _, since, until = steady(nines, seconds, warm_up=16)
    seen = phases_of(nines, since, until)
    seen["rss"] = nines.child.memory()["Rss"]
    seen["loop_lag_max_us"] = metric(nines, "nines_loop_lag_max_seconds") * 1e6
    seen["pending"] = metric(nines, "nines_notify_pending")
    seen["made"] = nines.query("SELECT count(*) FROM outbox")[0][0]
    seen["requests"] = hanging.requests - before if hanging else 0
    demand(seen["probes"] > 0.9 * RATE * seconds, f"only {seen['probes']} slots ran")
    demand(not hanging or seen["requests"] > 2, "nobody was told")
    nines.stop()
    return seen


def p(runs, phase, q):
    return median([r[f"{phase}_us"][q] for r in runs])


def listed(runs, name):
    return ", ".join(f"{r[name]:,}" for r in runs)


def run(setting):
    seconds, repetitions = (10, 1) if setting.quick else (20, 3)
    if os.environ.get("NINES_LONG"):
        seconds, repetitions = 3600, 1
    hanging, without, told = Hanging(), [], []
    try:
        with target(setting) as site:
            for i in range(repetitions):
                for runs, who in ((without, None), (told, hanging)):
                    setting.show(f"hanging: {i + 1} of {repetitions},"
                                 f" {'receivers that hang' if who else 'no receivers'}")
                    runs.append(observe(setting, site, seconds, who))
    finally:
        hanging.close()
    detail = {"with": told, "without": without}
    for phase in JUDGED:
        for q in ("p50", "p99"):
            value, reference = p(told, phase, q), p(without, phase, q)
            yield Figure(f"hanging_{phase}_{q}", f"receiver hangs: {phase} {q} at {RATE:,}/s",
                         value, "us", reference, "no receivers", value / max(reference, 1),
                         ("±", 0.10) if q == "p50" and phase != "lag" else None,
                         detail if (phase, q) == ("wait", "p50") else {})
    lag = [median([r["loop_lag_max_us"] for r in runs]) / 1000 for runs in (told, without)]
    yield Figure("hanging_loop_lag", "receiver hangs: latest turn of the loop in 10 s", lag[0],
                 "ms", lag[1], "no receivers")
    rss = [max(r["rss"] for r in runs) / MB for runs in (told, without)]
    yield Figure("hanging_memory", "receiver hangs: resident", rss[0], "MB", rss[1],
                 "no receivers",
                 lines=["Messages while receivers hang: " + listed(told, "made")
                        + "; requests: " + listed(told, "requests") + "."])
