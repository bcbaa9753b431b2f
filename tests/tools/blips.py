#!/usr/bin/python3
"""Pages of a service that is well: single runs fail, 0.05 % of them, by dice.

    blips.py NINES [SEEDS]

Replays months of 30 days at probes each 10, 15, 30 and 60 s, objectives of 99.9 %, and prints the
table of docs/alerts.md: pages and tickets in a month, with the default tiers and with a higher `min_failures`.
"""
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile

import month

INTERVALS = [10, 15, 30, 60]
SHARE = 0.0005
LEAST = [2, 3, 4]  # min_failures
OFFSET = 7


def slots_that_fail(rng, count):
    at = -1
    while True:
        at += 1 + int(math.log(1 - rng.random()) / math.log(1 - SHARE))
        if at >= count:
            return
        yield at


class Months:
    """`pages` of {(interval, min_failures): [of each seed]}."""

    def __init__(self, nines, folder, cells, days=month.DAYS):
        """`cells` are (interval, seed)."""
        self.nines, self.folder, self.cells, self.days = nines, pathlib.Path(folder), cells, days
        self.bad = {cell: list(slots_that_fail(random.Random(f"blips {cell}"),
                                               days * month.DAY // cell[0])) for cell in cells}
        self.configure()
        self.load()
        self.replay()

    def write(self, name, text):
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text("apiVersion: nines/v1\n" + text)

    def configure(self):
        self.write("probes/p.yaml", "kind: Probes\nprobes:\n" + "".join(
            f"  - {{id: p-{i}-{seed}, interval: {i}s, timeout: 5s,"
            " http: {url: 'http://127.0.0.1:9/'}}\n" for i, seed in self.cells))
        self.write("slos/s.yaml", "kind: SLOs\nslos:\n" + "".join(
            f"  - {{name: s-{i}-{seed}-{least}, sli: {{probe: p-{i}-{seed}}}, objective: 99.9%,"
            f" window: 30d, alerting: {{min_failures: {least}}}}}\n"
            for i, seed in self.cells for least in LEAST))

    def load(self):
        with subprocess.Popen([self.nines, "import", "-"], cwd=self.folder, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as into:
            for (interval, seed), bad in self.bad.items():
                failed = set(bad)
                into.stdin.writelines(
                    f'{{"probe":"p-{interval}-{seed}","time":"'
                    f'{month.rfc3339(month.START + OFFSET + k * interval)}","outcome":'
                    + ('"bad","reason":"status"' if k in failed else '"good"')
                    + ',"latency_ms":20}\n' for k in range(self.days * month.DAY // interval))
            into.stdin.close()
        assert into.returncode == 0

    def replay(self):
        out = subprocess.run(
            [self.nines, "replay", "--from", month.rfc3339(month.START), "--to",
             month.rfc3339(month.START + self.days * month.DAY)],
            cwd=self.folder, check=True, text=True, capture_output=True).stdout
        self.pages = {(i, least): [0] * sum(c[0] == i for c in self.cells)
                      for i, _ in self.cells for least in LEAST}
        self.tickets = {key: list(of) for key, of in self.pages.items()}
        for t in map(json.loads, out.splitlines()[:-1]):
            interval, seed, least = map(int, t["slo"].split("-")[1:])
            if t["event"] in ("fire", "escalate"):
                into = self.pages if t["severity"] == "page" else self.tickets
                into[interval, least][seed] += 1


def main():
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    with tempfile.TemporaryDirectory() as folder:
        found = Months(sys.argv[1], folder, [(i, s) for i in INTERVALS for s in range(seeds)])
    print("| `min_failures` | " + " | ".join(f"each {i} s" for i in INTERVALS) + " |")
    print("| --- " * (len(INTERVALS) + 1) + "|")
    for least in LEAST:
        cells = (f"{sum(found.pages[i, least]) / seeds:.2f}, "
                 f"{sum(found.tickets[i, least]) / seeds:.2f}" for i in INTERVALS)
        print(f"| {least} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
