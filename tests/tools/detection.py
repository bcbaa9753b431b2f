#!/usr/bin/python3
"""How long from the first failing probe to the page and to the ticket, of daemons that run.

    detection.py NINES

Probes each 10, 15, 30 and 60 s fail all, 15 % or 2 % of their runs, evenly, from one instant on:
when the messages are made that a webhook gets, in the daemon's own time, for objectives of 99.9 %
and of 99 %, with the default routing and with a group_wait of 30 s. Prints the table of
docs/alerts.md.
"""
import math
import os
import pathlib
import sys
import tempfile

import alerting
import month
from month import DAY, F, HOUR
from scripted import Script, Service

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import conftest

INTERVALS = [10, 15, 30, 60]
RATES = {"all": F(1), "some": F(15, 100), "few": F(2, 100)}
OBJECTIVES = {"99.9%": F(1, 1000), "99%": F(1, 100)}
OFFSET = 5  # of the slots: halfway between evaluations
START = month.START
BEGAN = START + 600
HEAD = "apiVersion: nines/v1\nkind: {}\n"
ROUTE = """route: {{receiver: hook, group_by: ['...'], group_wait: {}, group_interval: 10s}}
"""
SEVERITIES = {"critical": "page", "warning": "ticket"}


def evenly(rate, interval):
    """Fails a share of all runs, beginning with the first."""
    def fails(t):
        k = (t - BEGAN) // interval
        return t >= BEGAN and math.ceil((k + 1) * rate) > math.ceil(k * rate)
    return fails


def limit(objective, rate, severity):
    """F * B * L / e of the first tier of a severity, in seconds; None: none can fire."""
    miss = OBJECTIVES[objective]
    return min((factor * miss * alerting.LENGTHS[long] / rate
                for s, long, _, factor in alerting.TIERS if s == severity and factor * miss <= rate),
               default=None)


class Measured:
    """`seconds` of {(rate, interval, severity)}, of one daemon."""

    def __init__(self, workspace, cells, lasts, objective="99.9%", group_wait=None):
        self.scripts = {(rate, interval): Script(f"{rate}-{interval}", interval, OFFSET,
                                                 evenly(RATES[rate], interval))
                        for rate, interval in cells}
        self.service = Service(self.scripts.values())
        self.workspace, self.lasts = workspace, lasts
        self.configure(objective, group_wait)
        try:
            self.run()
        finally:
            self.service.close()

    def configure(self, objective, group_wait):
        url = self.service.url
        self.workspace.write("nines.yaml", HEAD.format("Daemon") + (
            ROUTE.format(group_wait) if group_wait else "") +
            f"receivers: [{{name: hook, webhook: {{url: '{url}/hook'}}}}]\n")
        self.workspace.write("probes/p.yaml", HEAD.format("Probes") + "probes:\n" + "".join(
            f"  - {{id: {s.probe}, interval: {s.interval}s, timeout: 5s,"
            f" http: {{url: '{url}/{s.probe}'}}}}\n" for s in self.scripts.values()))
        self.workspace.write("slos/s.yaml", HEAD.format("SLOs") + "slos:\n" + "".join(
            f"  - {{name: {s.probe}, sli: {{probe: {s.probe}}}, objective: {objective},"
            " window: 30d}\n"
            for s in self.scripts.values()))

    def run(self):
        self.workspace.write("clock", month.rfc3339(START))
        self.service.begin(START)
        daemon = self.workspace.daemon("--test-clock", "clock")
        try:
            daemon.wait("test clock reached")
            daemon.advance(month.rfc3339(BEGAN + self.lasts))
            assert daemon.stop() == 0
        finally:
            if daemon.process.poll() is None:
                daemon.kill()
        self.read()

    def read(self):
        of = {s.probe: cell for cell, s in self.scripts.items()}
        first = {cell: next(t for t, bad in s.runs if bad) for cell, s in self.scripts.items()}
        self.seconds = {}
        for _, message in self.service.posts:
            for alert in message["alerts"]:
                if alert["status"] != "firing":
                    continue
                cell = of[alert["labels"]["slo"]]
                key = (*cell, SEVERITIES[alert["labels"]["severity"]])
                self.seconds.setdefault(key, month.seconds(message["at"]) - first[cell])


def text(seconds):
    if seconds is None:
        return "never"
    seconds = int(seconds)
    if seconds < 60:
        return f"{seconds} s"
    hours, rest = divmod(seconds, HOUR)
    minutes, rest = divmod(rest, 60)
    return " ".join(f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if n)


def measure(cells, lasts, **how):
    with tempfile.TemporaryDirectory() as folder:
        return Measured(conftest.Workspace(pathlib.Path(folder)), cells, lasts, **how).seconds


SHARES = {"all": "100 %", "some": "15 %", "few": "2 %"}
LASTS = {"99.9%": 2 * HOUR, "99%": 40 * HOUR}


def rows():
    cells = [(rate, interval) for rate in RATES for interval in INTERVALS]
    for objective in OBJECTIVES:
        at_once, waits = (measure(cells, LASTS[objective], objective=objective, group_wait=wait)
                          for wait in (None, "30s"))
        for rate in RATES:
            severity = "page" if limit(objective, RATES[rate], "page") else "ticket"
            bound = limit(objective, RATES[rate], severity)
            yield [objective.replace("%", " %"), SHARES[rate], severity, text(bound),
                   *(f"{text(at_once.get((rate, i, severity)))}, {text(waits.get((rate, i, severity)))}"
                     for i in INTERVALS)]


def main():
    os.environ["NINES_BIN"] = sys.argv[1]
    head = ["objective", "fails", "sent", "F * B * L / e", *(f"each {i} s" for i in INTERVALS)]
    for row in [head, ["---"] * len(head), *rows()]:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
