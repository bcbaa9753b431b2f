"""Generated histories and objectives, reported by nines and recomputed from the file.

Deterministic: every scenario has its seed, and its year is over: from now on the
schedule is that of the configuration, with a phase of its own.

A case is one objective of one history at one instant, or over one span: each of its numbers is
compared. NINES_HISTORIES=24 histories have over 1000 of them. NINES_CASES=10000 goes on with more
histories until it has that many, tells of all that differ, and prints what was compared:

    NINES_CASES=10000 python3 -m pytest -s -k many_cases tests/e2e/test_oracle.py

NINES_SEED is the first history of these.
"""
import collections
import contextlib
import decimal
import json
import os
import pathlib
import random
import re
import shutil
import sqlite3
import sys

import conftest
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import make_exclusions
import recompute
from excluded import Excluded
from test_report_numbers import close, compare

MILLI, SECOND, MINUTE, HOUR, DAY = 1000, 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
INTERVALS = ["333ms", "1s", "7s", "15s", "60s", "300s"]
# the nights on which clocks change, and turns of the year, the quarter and the month
NIGHTS = ["2024-03-31", "2024-10-27", "2024-03-10", "2024-11-03", "2024-04-07", "2024-10-06",
          "2024-01-01", "2024-07-01"]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
ROLLING = ["37m", "1h", "2h", "6h", "1d", "7d", "30d", "90d"]
PERIODS = [(1, "day"), (1, "week"), (1, "month"), (1, "quarter"), (1, "year"), (2, "month"),
           (3, "day")]
TARGETS = ["50%", "90%", "95%", "99%", "99.9%", "99.99%", "99.999%"]
SLICES = [1, 2, 5, 6, 10, 15, 30, 37, 60, 120, 360, 720, 1440]
REASONS = ["status", "connect", "total_timeout", "rate_limited", "json"]


def duration(text):
    return int(text[:-2]) * MILLI if text.endswith("ms") else recompute.duration(text)


class Objective:
    def __init__(self, rng, name, threshold, probe="p"):
        self.name, self.target, self.probe = name, rng.choice(TARGETS), probe
        self.faster_than = threshold if rng.random() < 0.4 else None
        self.classify = {}
        if rng.random() < 0.4:
            self.classify = {r: rng.choice(["good", "bad", "excluded"])
                             for r in rng.sample(REASONS, 2)}
        self.rolling = rng.choice(ROLLING) if rng.random() < 0.5 else None
        self.period, self.zone = rng.choice(PERIODS), rng.choice(ZONES)
        self.slices, self.alerts = None, True
        self.targets = []

    def change(self, rng, start, end):
        """Other targets before; now and then the newest is none that a daemon ran with."""
        around = (end - start) // 2 + MINUTE
        sinces = sorted(rng.sample(range(start - around, end + around), rng.randrange(1, 5)))
        targets = [rng.choice(TARGETS) for _ in sinces]
        if rng.random() < 0.85:
            targets[-1] = self.target
        self.targets = list(zip(sinces, targets))

    def slice(self, rng, interval, timeout):
        """Counts in slices instead: as long as the interval, and few enough to be summed here."""
        if self.rolling:
            length = recompute.duration(self.rolling)
        else:
            length = recompute.NOMINAL_DAYS[self.period[1]] * self.period[0] * DAY
        whole = length if self.rolling else DAY
        fit = [m * MINUTE for m in SLICES if whole % (m * MINUTE) == 0 and
               interval <= m * MINUTE and length // (m * MINUTE) <= 3000]
        if not fit:
            return self
        target = recompute.ratio(rng.choice(["50%", "90%", "95%", "100%"]))
        method = rng.choice(["Timeslices", "RatioTimeslices"])
        self.slices = recompute.Slices(method, rng.choice(fit[:4]), target,
                                       None if self.rolling else (*self.period, self.zone))
        shorts = [max(recompute.duration(t[2]), 2 * interval + timeout) for t in recompute.TIERS]
        self.alerts = all(-(-us // MINUTE) * MINUTE % self.slices.length == 0 for us in shorts)
        return self

    def budgeting(self):
        s = self.slices
        text = {"method": s.method, "slice": f"{s.length // MINUTE}m"}
        if s.method == "Timeslices":
            text["slice_target"] = f"{int(s.target * 100)}%"
        return text

    def yaml(self):
        sli = {"probe": self.probe}
        if self.faster_than:
            sli["faster_than"] = f"{self.faster_than}us"
        if self.classify:
            sli["classify"] = self.classify
        window = self.rolling or {"calendar": "{} {}".format(*self.period), "timezone": self.zone}
        slo = {"name": self.name, "sli": sli, "objective": self.target, "window": window}
        if self.slices:
            slo.update(budgeting=self.budgeting(), alerting="default" if self.alerts else "none")
        return "  - " + json.dumps(slo) + "\n"

    def recomputed(self, results, interval, timeout, at, span, excluded=None):
        if self.rolling:
            length = recompute.duration(self.rolling)
            start, end = at - length, at
        else:
            length = recompute.NOMINAL_DAYS[self.period[1]] * self.period[0] * DAY
            start, end = recompute.calendar_window(at, *self.period, self.zone)
        if span:
            start, end = span
        targets = [(since, recompute.ratio(target)) for since, target in self.targets]
        plain = recompute.Slo(results, interval, at, start, end, recompute.ratio(self.target),
                              self.faster_than, timeout, self.classify, length, self.slices,
                              self.alerts, None, targets)
        rolling = bool(self.rolling or span)
        if excluded and excluded.touch(start, end):
            slo = plain.without(excluded)
            wanted = slo.report(rolling)
            wanted["unexcluded"] = plain.summary()
        else:
            wanted = (plain.without(excluded) if excluded else plain).report(rolling)
            wanted["unexcluded"] = None
        if span:
            wanted["budget"]["exhausts_at"] = None
        return start, end, wanted


class Scenario:
    def __init__(self, seed, tally=None, probe="p", about=None):
        """The history of a probe; `about` is an instant that it is to hold."""
        self.probe = probe
        self.tally = collections.Counter() if tally is None else tally
        self.rng = rng = random.Random(seed)
        self.text = INTERVALS[seed % len(INTERVALS)]
        self.interval, self.timeout = duration(self.text), rng.choice([SECOND, 5 * SECOND])
        self.count = rng.choice([1, 40, 1500, 1500, 3000])
        self.threshold = rng.choice([100 * MILLI, 500 * MILLI])
        night = recompute.instant(rng.choice(NIGHTS) + "T00:00:00Z")
        night = night if about is None else about
        self.start = night - rng.randrange(0, self.count * self.interval)
        if rng.random() < 0.5:
            self.start -= self.start % self.interval
        self.lines = [self.line(k) for k in self.slots()]
        self.objectives = [Objective(rng, f"o{i}", self.threshold) for i in range(3)]
        self.objectives += [Objective(rng, f"p{i}", self.threshold).slice(rng, self.interval, self.timeout)
                            for i in range(3)]
        self.excluded = []

    def excluded_of(self, objective):
        return Excluded([x.own for x in self.excluded if x.of(objective.name)],
                        self.end + 800 * DAY)

    def change_targets(self, workspace):
        """As daemons would have noted them."""
        rows = []
        for o in self.objectives:
            if self.rng.random() < 0.6:
                o.change(self.rng, self.start, self.end)
                rows += [(o.name, since, k, str(decimal.Decimal(target[:-1]) / 100))
                         for k, (since, target) in enumerate(o.targets)]
        with contextlib.closing(sqlite3.connect(workspace.path / "nines.db")) as db, db:
            db.executemany("INSERT INTO slo_revision(slo, objective, since, content, target,"
                           " window, sli) VALUES(?, '', ?, ?, ?, '', '')", rows)

    def exclude(self, workspace):
        """Some are declared, some are added, one of these is taken back later."""
        names = [o.name for o in self.objectives]
        self.excluded = make_exclusions.some(self.rng, self.start, self.end, names, 6)
        declared, added = self.excluded[::2], self.excluded[1::2]
        if declared:
            workspace.write("slos/x.yaml", make_exclusions.document(declared))
        for x in added:
            args = x.arguments(names)
            x.id = json.loads(workspace.run("exclude", "add", "--json", *args).stdout)["id"]

    def take_back(self, workspace):
        added = [x for x in self.excluded if x.id]
        if added:
            gone = self.rng.choice(added)
            workspace.run("exclude", "remove", gone.id)
            self.excluded.remove(gone)

    def slots(self):
        """With gaps, one in the head of the history."""
        rng, k = self.rng, 0
        jumps = {rng.randrange(self.count): rng.choice([1, 100, 2000]) for _ in range(2)}
        for i in range(self.count):
            k += 1 + jumps.get(i, 0)
            yield k
        self.end = self.start + (k + 1) * self.interval

    def line(self, k):
        rng = self.rng
        draw, head = rng.random(), k < 30 and self.count > 30
        burst = self.count // 2 < k % self.count < self.count // 2 + 60
        outcome, reason = "good", None
        if draw < 0.02 or head and draw < 0.5:
            outcome, reason = "excluded", rng.choice(["rate_limited", None])
        elif draw < 0.03 or head and draw < 0.7:
            outcome, reason = "skipped", rng.choice(["prober", None])
        elif draw < 0.032 or burst and draw < 0.7 or head:
            outcome, reason = "bad", rng.choice(REASONS)
        total = rng.choice([self.threshold + d for d in (-1, 0, 1)] + [0]) \
            if rng.random() < 0.1 else int(rng.lognormvariate(11, 1.2))
        if outcome == "bad" and burst:
            total = rng.randrange(30 * SECOND)  # seen by tiers only when it is done
        row = {"probe": self.probe, "time": recompute.when(self.start + k * self.interval),
               "outcome": outcome, "code": 200, "latency_ms": total / MILLI}
        if reason:
            row["reason"] = reason
        keys = list(row)
        rng.shuffle(keys)
        return json.dumps({key: row[key] for key in keys})

    def configure(self, workspace):
        workspace.write(f"probes/{self.probe}.yaml", (
            "apiVersion: nines/v1\nkind: Probes\nprobes:\n  - {id: %s, interval: %s, timeout: %dms,"
            " max_in_flight: 50, http: {url: 'http://127.0.0.1:9/'}}\n")
            % (self.probe, self.text, self.timeout // MILLI))
        workspace.write(f"slos/{self.probe}.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n" +
                        "".join(o.yaml() for o in self.objectives))

    def load(self, workspace, reports=True):
        """In pieces, out of order, with reports between them."""
        lines = list(self.lines)
        self.rng.shuffle(lines)
        cuts = sorted(self.rng.randrange(len(lines) + 1) for _ in range(2))
        for a, b in zip([0] + cuts, cuts + [len(lines)]):
            done = workspace.run("import", "--format", "json", "-",
                                 stdin="\n".join(lines[a:b]) + "\r\n")
            assert json.loads(done.stdout)["inserted"] == b - a
            if reports:
                workspace.run("report", "--at", recompute.when(self.end))
        self.results = recompute.read(self.lines)

    def instants(self):
        rng = self.rng
        within = [rng.randrange(self.start, self.end) for _ in range(3)]
        burst = self.start + self.count // 2 * self.interval
        seen = [(burst + after * SECOND) // (10 * SECOND) * 10 * SECOND for after in (15, 30)]
        return seen + [self.end, self.results[-1].slot, within[0], within[1] // HOUR * HOUR,
                within[2] // (10 * SECOND) * 10 * SECOND, self.end + rng.randrange(2 * DAY)]

    def check(self, report, at, span=None):
        assert report["at"] == report["generated_at"] == recompute.when(at)
        conclusive = False
        names = {objective.name for objective in self.objectives}
        told = [slo for slo in report["slos"] if slo["slo"] in names]
        assert len(told) == len(self.objectives)
        for objective, found in zip(self.objectives, told):
            excluded = self.excluded_of(objective) if self.excluded else None
            start, end, wanted = objective.recomputed(self.results, self.interval, self.timeout,
                                                      at, span, excluded)
            assert found["slo"] == objective.name
            assert found["window"]["start"] == recompute.when(start)
            assert found["window"]["end"] == recompute.when(end)
            try:
                compare(found, wanted)
                compare_targets(found, wanted)
                compare_unexcluded(found, wanted)
            except AssertionError as e:
                raise AssertionError(f"{objective.name} at {recompute.when(at)}: {e}") from e
            self.note(objective, wanted, span)
            conclusive |= wanted["state"] == "breached" and wanted["budget"]["allowed"] >= 1
        return conclusive

    def note(self, objective, wanted, span):
        method = objective.slices.method if objective.slices else "Occurrences"
        window = "span" if span else "rolling" if objective.rolling else "calendar"
        self.tally.update(["cases", method, window, "state " + wanted["state"]])
        for name, told in (("excluded", wanted["unexcluded"]), ("changed target", wanted["targets"]),
                           ("classify", objective.classify), ("faster_than", objective.faster_than)):
            if told:
                self.tally.update([name, f"{name}, {method}, {window}"])


def compare_targets(found, wanted):
    said = found.get("targets", [])
    assert [(t["since"], recompute.ratio(t["target"]), t["total"]) for t in said] == \
        [(t["since"], t["target"], t["total"]) for t in wanted["targets"]]
    for t, w in zip(said, wanted["targets"]):
        close(t["allowed"], w["allowed"], 6)


def compare_unexcluded(found, wanted):
    said, plain = found.get("unexcluded"), wanted["unexcluded"]
    assert (said is None) == (plain is None)
    for key in plain or ():
        if key in ("sli", "consumed_ratio", "remaining_ratio"):
            close(said[key], plain[key], 9 if key == "sli" else 6)
        else:
            assert said[key] == plain[key], key


STRANGE = re.compile(r"(?<![a-z])(nan|-?inf)(?![a-z])|(?<![\w.-])-0(\.0+)?%?(?![\d.\w-])", re.I)


def compare_history(workspace, s, formats=True):
    """The same history as it is, with other targets before, and with exclusions."""
    s.configure(workspace)
    s.load(workspace)
    s.tally.update(["histories"])
    instants = s.instants()
    for k, at in enumerate(instants):
        if k == 2 and s.rng.random() < 0.7:
            s.change_targets(workspace)
        if k == 3 and s.rng.random() < 0.8:
            s.exclude(workspace)
        if k == 6:
            s.take_back(workspace)
        gate = workspace.run("report", "--format", "json", "--fail-on", "breached", "--at",
                             recompute.when(at), check=False)
        assert gate.returncode in (0, 3), gate.stderr
        assert gate.returncode == (3 if s.check(json.loads(gate.stdout), at) else 0)
    span = (s.start + 1, s.end - s.interval // 2)
    when = ("--from", recompute.when(span[0]), "--to", recompute.when(span[1]))
    s.check(workspace.report(*when), span[1], span)
    for form in ("text", "csv", "markdown", "html", "json") if formats else ():
        out = workspace.run("report", "--format", form, *when).stdout
        assert not STRANGE.search(out), form
        assert out == workspace.run("report", "--format", form, *when).stdout


@pytest.mark.parametrize("seed", range(int(os.environ.get("NINES_HISTORIES", "24"))))
def test_reports_equal_the_file(workspace, seed):
    compare_history(workspace, Scenario(seed), formats=seed % 6 == 0)


@pytest.mark.skipif("NINES_CASES" not in os.environ, reason="takes long")
def test_many_cases(tmp_path):
    tally, failures = collections.Counter(), []
    seed = int(os.environ.get("NINES_SEED", "1000"))
    while tally["cases"] < int(os.environ["NINES_CASES"]):
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            compare_history(conftest.Workspace(folder), Scenario(seed, tally), formats=False)
        except AssertionError as e:
            failures.append(f"{seed}: {e}")
            print(f"seed {seed}: {e}", flush=True)
        shutil.rmtree(folder)
        seed += 1
    print("".join(f"\n{n:8} {name}" for name, n in sorted(tally.items())), flush=True)
    assert not failures


def test_a_daemon_imports_the_same(workspace):
    s = Scenario(3)
    s.configure(workspace)
    # as long as an objective may be, beside the others
    with open(workspace.path / "slos" / "p.yaml", "a") as f:
        f.write("  - {name: z-decade, sli: {probe: p}, objective: 99%, window: 3660d}\n"
                "  - {name: z-years, sli: {probe: p}, objective: 99%, "
                "window: {calendar: 10 years}}\n")
    daemon = workspace.daemon()
    try:
        daemon.wait("serving")
        s.load(workspace)
        for at in s.instants():
            s.check(workspace.report("--at", recompute.when(at)), at)
    finally:
        code = daemon.stop()
    assert code == 0
    for at in s.instants():
        s.check(workspace.report("--at", recompute.when(at)), at)


def test_replacing_history(workspace):
    s = Scenario(9)
    s.configure(workspace)
    s.load(workspace)
    changed = [json.loads(text) for text in s.lines[::7]]
    for row in changed:
        row.update(outcome="bad", reason="json", latency_ms=row["latency_ms"] + 1)
    text = "\n".join(map(json.dumps, changed)) + "\n"
    kept = json.loads(workspace.run("import", "--format", "json", "-", stdin=text).stdout)
    assert (kept["different"], kept["replaced"]) == (len(changed), 0)
    s.check(workspace.report("--at", recompute.when(s.end)), s.end)
    done = workspace.run("import", "--replace", "--format", "json", "-", stdin=text)
    assert json.loads(done.stdout)["replaced"] == len(changed)
    s.results = recompute.read([json.dumps(row) for row in changed] + s.lines)
    for at in s.instants():
        s.check(workspace.report("--at", recompute.when(at)), at)


@pytest.mark.parametrize("phases,same", [
    ({"dns": 0.1, "send": 0.2, "wait": 0.3}, True), ({"dns": 0.1, "wait": 0.3}, True), (None, True),
    ({"dns": 0.1, "send": 0.3, "wait": 0.3}, False), ({"dns": 0.1, "send": 0.2}, False),
])
def test_what_a_line_differs_by(workspace, phases, same):
    Scenario(0).configure(workspace)
    row = {"probe": "p", "time": "2024-06-01T00:00:00Z", "outcome": "good", "latency_ms": 1,
           "phases_ms": {"dns": 0.1, "send": 0.2, "wait": 0.3}}
    workspace.run("import", "-", stdin=json.dumps(row))
    row["phases_ms"] = phases
    done = workspace.run("import", "--format", "json", "-", stdin=json.dumps(row))
    assert json.loads(done.stdout)["different"] == (0 if same else 1)


@pytest.mark.parametrize("tier", ["1h", "6h", "1d", "3d"])
@pytest.mark.parametrize("early", [0, 10 * SECOND])
def test_where_a_tier_window_begins(workspace, tier, early):
    """Two failures fire every tier of 99.999 %: one now, one where the window begins or before."""
    t = recompute.instant("2024-06-03T12:00:50Z")
    begin = (t - recompute.duration(tier)) // MINUTE * MINUTE if tier != "1h" else t - HOUR
    failures = {t - 10 * SECOND, begin - early}
    lines = [json.dumps({"probe": "p", "time": recompute.when(slot), "latency_ms": 1,
                         **({"outcome": "bad", "reason": "status"} if slot in failures
                            else {"outcome": "good"})})
             for slot in range(begin - MINUTE + 50 * SECOND, t, 10 * SECOND)]
    workspace.write("probes/p.yaml", "apiVersion: nines/v1\nkind: Probes\nprobes:\n"
                    "  - {id: p, interval: 10s, http: {url: 'http://127.0.0.1:9/'}}\n")
    workspace.write("slos/o.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n"
                    "  - {name: o, sli: {probe: p}, objective: 99.999%, window: 7d}\n")
    workspace.run("import", "-", stdin="\n".join(lines))
    (slo,) = workspace.report("--at", recompute.when(t + 3 * SECOND))["slos"]
    (firing,) = [found["firing"] for found in slo["tiers"] if found["long"] == tier]
    assert firing == (early == 0)
