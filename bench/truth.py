"""Whether load bends what is measured: phases at 5,000/s beside those of the bare
loop, a 20 ms answer at 10/s and at 5,000/s, and HTTPS, whose handshakes keep one
loop from reading first bytes in time."""
import socket

from figures import Figure
from setting import (ADDRESSES, Nines, bare_loop, configure, demand, eventually, free_port, median,
                     phases_of, steady, target)

RATE = 5000
SLOW_US = 20_000
TLS_RATES = [100, 250, 500, 750, 1000]
JUDGED = ("connect", "send", "wait", "transfer")


def measured(setting, urls, rate, seconds, ca=None):
    """nines' own phases at this rate."""
    folder = setting.folder("truth")
    configure(folder, urls, f"{len(urls) * 1000 // rate}ms", slos=min(len(urls) // 10, 500), ca=ca)
    nines = Nines(setting, folder)
    _, since, until = steady(nines, seconds, warm_up=6)
    nines.stop()
    return phases_of(nines, since, until)


def p50(seen, phase):
    """None where nothing could be measured."""
    return seen.get(f"{phase}_us", {}).get("p50")


def medians(runs, phase):
    demand(all(r["probes"] for r in runs), f"nothing was measured at {RATE:,}/s")
    return median([p50(r, phase) for r in runs])


def phases(setting, site, seconds, repetitions):
    bare, ours = [], []
    for i in range(repetitions):
        setting.show(f"truth: phases at {RATE:,}/s, {i + 1} of {repetitions}")
        bare.append(bare_loop(setting, site.urls(RATE), RATE, seconds))
        ours.append(measured(setting, site.urls(RATE), RATE, seconds))
    out = []
    for phase in JUDGED:
        value, reference = medians(ours, phase), medians(bare, phase)
        out.append(Figure(f"truth_{phase}", f"median of {phase} at {RATE:,}/s", value, "us",
                          reference, "bare loop", value / max(reference, 1), ("±", 0.10)))
    return out


def answers(port):
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def slow(setting, seconds):
    port = free_port()
    server = setting.spawn([setting.program("slow_server"), "--delay-us", SLOW_US, "--port", port,
                            "--addresses", ADDRESSES], setting.server_core)
    eventually(lambda: answers(port), "the slow server")
    urls = [f"http://127.0.0.{i % ADDRESSES + 1}:{port}/{i}" for i in range(RATE)]
    seen = {}
    for rate in (10, RATE):
        setting.show(f"truth: an answer after 20 ms, {rate:,}/s")
        seen[rate] = (measured(setting, urls[:rate], rate, seconds),
                      bare_loop(setting, urls[:rate], rate, seconds))
    server.stop()
    few, many = p50(seen[10][0], "wait"), p50(seen[RATE][0], "wait")
    demand(few and many, "nothing was measured with the slow server")
    return Figure("truth_slow", f"wait median, 20 ms answer, {RATE:,}/s", many / 1000, "ms",
                  few / 1000, "at 10/s", many / few, ("±", 0.10),
                  {"bare_loop_us": {r: p50(s[1], "wait") for r, s in seen.items()}})


def https(setting, site, seconds):
    """The curve: wait medians by rate. Two loops share the one core, then both."""
    rates = TLS_RATES[::4] if setting.quick else TLS_RATES
    lines = [f"{'HTTPS fresh, wait median in us':32}" + "".join(f"{r:>8}/s" for r in rates)]
    points = {}
    kinds = {"bare loop": {}, "two bare loops, the same core": {"loops": 2}, "nines": None}
    if not setting.quick:
        kinds["two bare loops, both cores"] = {"loops": 2, "core": setting.both_cores}
    for kind, options in kinds.items():
        points[kind] = []
        for rate in rates:
            setting.show(f"truth: HTTPS at {rate:,}/s, {kind}")
            urls = site.urls(rate, tls=True)
            seen = (measured(setting, urls, rate, seconds, site.ca) if options is None else
                    bare_loop(setting, urls, rate, seconds, ca=site.ca, **options))
            points[kind].append(p50(seen, "wait"))
        lines.append(f"{kind:32}" + "".join(f"{p:>10,}" if p is not None else f"{'stalled':>10}"
                                            for p in points[kind]))
    ours, bare = points["nines"][0], points["bare loop"][0]
    return Figure("truth_https", f"HTTPS wait median at {rates[0]:,}/s", ours, "us", bare,
                  "bare loop", ours / bare if ours and bare else None,
                  detail={"rates": rates, "wait_us": points}, lines=lines)


def run(setting):
    seconds, repetitions = (4, 1) if setting.quick else (10, 3)
    with target(setting) as site:
        yield from phases(setting, site, seconds, repetitions)
        yield slow(setting, max(seconds, 6))
        yield https(setting, site, 3 if setting.quick else 5)
