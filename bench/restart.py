"""From the start of the process until history is read and slots run: 10,000
probes, 1,000 SLIs, 90 days."""
import calendar
import contextlib
import json
import time

from figures import Figure
from setting import Nines, configure, demand, eventually, median, target

PROBES, SLIS, DAYS = 10_000, 1_000, 90


def seconds_of(text):
    """Of a log line's RFC 3339 time."""
    whole = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    return whole + float("0" + text[19:-1])


def logged(nines, message):
    for line in nines.child.log.read_text().splitlines():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if entry.get("msg") == message:
                return entry
    return None


def start(setting, folder):
    began = time.time()
    nines = Nines(setting, folder)
    read = eventually(lambda: logged(nines, "history read"), "the history to be read")
    serving = logged(nines, "serving")
    first = eventually(lambda: nines.query("SELECT min(slot) FROM result WHERE slot > ?",
                                           int(began * 1e6))[0][0], "a first result")
    nines.stop()
    return {"history_read_ms": (seconds_of(read["ts"]) - began) * 1000,
            "serving_ms": (seconds_of(serving["ts"]) - began) * 1000,
            "first_slot_ms": first / 1000 - began * 1000,
            "said": {k: v for k, v in read.items() if isinstance(v, (int, float))}}


def run(setting):
    folder = setting.folder("restart")
    days = 30 if setting.quick else DAYS
    with target(setting) as site:
        configure(folder, site.urls(PROBES), "10s", slos=SLIS, window=f"{days}d")
        setting.show(f"restart: making {days} days of {SLIS:,} SLIs")
        setting.run([setting.program("make_history"), "--db", folder / "nines.db", "--probes",
                     PROBES, "--slis", SLIS, "--days", days], setting.both_cores)
        runs = []
        for i in range(2 if setting.quick else 5):
            setting.show(f"restart: run {i + 1}")
            runs.append(start(setting, folder))
    said = runs[-1]["said"]
    demand(said.get("slis", SLIS) == SLIS, f"the daemon said {said}")
    ready = [max(r["history_read_ms"], r["first_slot_ms"]) for r in runs]
    yield Figure("restart", f"restart, {PROBES:,} probes, {SLIS:,} SLIs, {days} days",
                 median(ready) / 1000, "s", bar=("<=", 1), detail={"runs": runs})
