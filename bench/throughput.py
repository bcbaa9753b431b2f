"""How many probes a second one core carries with no slot skipped or late, and
how late they start at 5,000 a second."""
import re

from figures import Figure
from setting import Nines, bare_loop, configure, demand, find, median, outcomes_of, phases_of, steady, target

LAG_RATE = 5000
STEPS = [8000, 10000, 12000, 14000]  # up while all slots run
STEPS_DOWN = [7000, 6000, 5000, 4000, 2000]  # where the first does not hold


def observe(setting, site, rate, seconds):
    """A daemon with `rate` probes, each once a second: what became of the slots
    of whole seconds."""
    folder = setting.folder("throughput")
    configure(folder, site.urls(rate), "1s", slos=rate // 10)
    nines = Nines(setting, folder)
    cpu, since, until = steady(nines, seconds, warm_up=6)
    nines.stop()
    since = -(-since // 1_000_000) * 1_000_000
    until = until // 1_000_000 * 1_000_000
    outcomes = outcomes_of(nines, since, until)
    expected = rate * (until - since) // 1_000_000
    return {"rate": rate, "expected": expected, "ran": outcomes["good"] + outcomes["bad"],
            "bad": outcomes["bad"], "core": cpu / seconds / 1e6,
            "skipped": outcomes["skipped"], "lag_us": phases_of(nines, since, until).get("lag_us")}


def holds(seen):
    return seen["ran"] == seen["expected"] and seen["bad"] == 0


def carries(setting, site, rate, seconds, tried):
    """Once in two: another process on this machine may have stalled the first."""
    for _ in range(2):
        setting.show(f"throughput: {rate:,} probes a second")
        tried.append(observe(setting, site, rate, seconds))
        if holds(tried[-1]):
            return True
    return False


def highest(setting, site, seconds):
    tried, best = [], 0
    for rate in STEPS[:1] if setting.quick else STEPS:
        if not carries(setting, site, rate, seconds, tried):
            break
        best = rate
    for rate in STEPS_DOWN if not best else []:
        if carries(setting, site, rate, seconds, tried):
            best = rate
            break
    return best, tried


def capacity(setting, site):
    """What the target answers to wrk on fresh connections: it must not be the limit."""
    setting.show("throughput: the target alone")
    out = setting.run([find("wrk"), "-t1", "-c100", "-d3s", "-H", "Connection: close",
                       site.urls(1)[0]])[0]
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    demand(found, f"wrk said: {out}")
    return float(found[1])


def run(setting):
    seconds, repetitions = (6, 1) if setting.quick else (15, 3)
    with target(setting) as site:
        most = capacity(setting, site)
        best, tried = highest(setting, site, seconds)
        lags, bare = [], []
        for i in range(repetitions):
            setting.show(f"throughput: start lag, {i + 1} of {repetitions}")
            bare.append(bare_loop(setting, site.urls(LAG_RATE), LAG_RATE, seconds))
            lags.append(observe(setting, site, LAG_RATE, seconds)["lag_us"])
            demand(lags[-1], f"nines ran no slot at {LAG_RATE:,}/s")
    p99 = median([x["p99"] for x in lags]) / 1000
    return [
        Figure("sustained_rate", "probes per second on one core, all slots run", best, "/s",
               bar=(">=", 8000), detail={"tried": tried, "target_alone": most},
               lines=[f"The target alone answers {most:,.0f}/s to wrk on fresh connections."]),
        Figure("start_lag_p99", f"start lag p99 at {LAG_RATE:,}/s", p99, "ms",
               median([b["lag_us"]["p99"] for b in bare]) / 1000, "bare loop", bar=("<=", 5),
               detail={"p50_us": median([x["p50"] for x in lags])}),
    ]
