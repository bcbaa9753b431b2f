"""Resident memory under load, and of a daemon that has nothing to do."""
import time

from figures import Figure
from setting import Nines, configure, outcomes_of, demand, target

PROBES, OBJECTIVES, INTERVAL = 10_000, 1_000, 10
MB = 1e6


def loaded(setting, site):
    folder = setting.folder("memory")
    configure(folder, site.urls(PROBES), f"{INTERVAL}s", slos=OBJECTIVES)
    nines = Nines(setting, folder)
    began = int(time.time() * 1e6)
    peak = 0
    for i in range(20 if setting.quick else 60):
        setting.show(f"memory: {PROBES:,} probes, {i} s")
        time.sleep(1)
        now = nines.child.memory()
        peak = max(peak, now["Rss"])
    nines.stop()
    seen = outcomes_of(nines, began, began + INTERVAL * 1_000_000)
    demand(seen["good"] >= PROBES * 0.9, f"of the first round only {seen['good']} were good")
    return now, peak, seen["skipped"]


def run(setting):
    with target(setting) as site:
        busy, peak, skipped = loaded(setting, site)
    folder = setting.folder("memory")
    configure(folder, [], "10s")
    nines = Nines(setting, folder)
    time.sleep(3)
    idle = nines.child.memory()
    nines.stop()
    return [
        Figure("memory_loaded", f"resident, {PROBES:,} probes at {INTERVAL} s, "
               f"{OBJECTIVES:,} SLIs", peak / MB, "MB", bar=("<=", 100),
               detail={"at_the_end": busy["Rss"] / MB, "anonymous": busy["Anonymous"] / MB,
                       "skipped_in_first_round": skipped}),
        Figure("memory_idle", "anonymous memory, nothing to do", idle["Anonymous"] / MB, "MB",
               bar=("<=", 15), detail={"resident": idle["Rss"] / MB}),
    ]
