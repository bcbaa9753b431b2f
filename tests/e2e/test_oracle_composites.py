"""Composites of generated histories, reported by nines and recomputed from the files.

Two or three probes and two to four objectives of theirs, by all methods, with weights, exclusions
of the composite and of its members, and members' targets that change. NINES_COMPOSITES says how many
histories; each is compared at four instants, for three composites. NINES_CASES=1000 goes
on until it has compared that many, from NINES_SEED on, and prints what was compared.
"""
import collections
import contextlib
import decimal
import json
import os
import random
import shutil
import sqlite3
import sys

import conftest
import pytest

sys.path.insert(0, str(conftest.ROOT / "tests" / "tools"))
import composed
import make_exclusions
import recompute
from excluded import Excluded
from test_oracle import DAY, MINUTE, PERIODS, ROLLING, SLICES, ZONES, Scenario, compare_unexcluded
from test_report_numbers import close

FEW = int(os.environ.get("NINES_HISTORIES", "24")) <= 3  # the binary is a slow one
WEIGHTS = [None, None, "2", "0.5", "1.25", "0.333333", "10"]


class Composite:
    def __init__(self, rng, name, method, objectives, parts):
        self.name, self.method = name, method
        chosen = rng.sample(objectives, rng.randrange(2, min(4, len(objectives)) + 1))
        self.members = [(o, rng.choice(WEIGHTS)) for o in chosen]
        self.rolling = rng.choice(ROLLING) if rng.random() < 0.6 else None
        self.period, self.zone = rng.choice(PERIODS), rng.choice(ZONES)
        self.length = recompute.duration(self.rolling) if self.rolling else \
            recompute.NOMINAL_DAYS[self.period[1]] * self.period[0] * DAY
        self.slices, self.target = None, None
        slowest = max(parts[o.probe].interval for o in chosen)
        self.alerts = slowest <= MINUTE
        if method != "Occurrences":
            self.slice(rng, slowest)

    def slice(self, rng, slowest):
        whole = self.length if self.rolling else DAY
        fit = [m * MINUTE for m in SLICES if whole % (m * MINUTE) == 0 and slowest <= m * MINUTE
               and self.length // (m * MINUTE) <= 2000]
        if not fit:
            self.method = "Occurrences"
            return
        self.target = rng.choice(["50%", "90%", "95%", "99%"])
        self.slices = recompute.Slices(self.method, rng.choice(fit[:4]),
                                       recompute.ratio(rng.choice(["50%", "90%", "100%"])),
                                       None if self.rolling else (*self.period, self.zone))
        self.alerts = self.alerts and 5 * MINUTE % self.slices.length == 0

    def yaml(self):
        slo = {"name": self.name, "alerting": "default" if self.alerts else "none",
               "composite": [{"slo": o.name, **({"weight": float(w)} if w else {})}
                             for o, w in self.members],
               "window": self.rolling or {"calendar": "{} {}".format(*self.period),
                                          "timezone": self.zone}}
        if self.slices:
            slo["objective"] = self.target
            slo["budgeting"] = {"method": self.method, "slice": f"{self.slices.length // MINUTE}m"}
            if self.method == "Timeslices":
                slo["budgeting"]["slice_target"] = f"{int(self.slices.target * 100)}%"
        return "  - " + json.dumps(slo) + "\n"

    def made(self, parts, at):
        start, end = (at - self.length, at) if self.rolling else \
            recompute.calendar_window(at, *self.period, self.zone)
        members = []
        for o, w in self.members:
            part = parts[o.probe]
            targets = [] if self.slices else \
                [(since, recompute.ratio(target)) for since, target in o.targets]
            members.append((recompute.Slo(
                part.results, part.interval, at, start, end,
                recompute.ratio(self.target if self.slices else o.target), o.faster_than,
                part.timeout, o.classify, self.length, self.slices, self.alerts, None, targets),
                recompute.F(w or "1")))
        return composed.Composite(members, recompute.ratio(self.target) if self.slices else None)


class Site:
    """Two or three probes about one instant."""

    def __init__(self, seed):
        self.rng = rng = random.Random(seed)
        first = Scenario(seed, probe="q0")
        about = first.start + first.count // 2 * first.interval
        self.parts = {"q0": first}
        for k in range(1, rng.randrange(2, 4)):
            self.parts[f"q{k}"] = Scenario(seed + 7 * k, probe=f"q{k}", about=about)
        self.objectives = []
        for name, part in self.parts.items():
            part.objectives = [o for o in part.objectives if not o.slices][:2]
            for o in part.objectives:
                o.name, o.probe = f"{name}-{o.name}", name
            self.objectives += part.objectives
        self.composites = [Composite(rng, f"z{k}", method, self.objectives, self.parts)
                           for k, method in enumerate(["Occurrences", "Timeslices",
                                                       "RatioTimeslices"])]
        self.excluded = []

    def build(self, workspace):
        for part in self.parts.values():
            part.configure(workspace)
        workspace.write("slos/z.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n" +
                        "".join(c.yaml() for c in self.composites))
        for part in self.parts.values():
            part.load(workspace, reports=False)

    def span(self):
        return (min(p.start for p in self.parts.values()), max(p.end for p in self.parts.values()))

    def instants(self):
        start, end = self.span()
        base = self.parts["q0"]
        burst = base.start + base.count // 2 * base.interval + 20_000_000
        return [burst, end, self.rng.randrange(start, end), self.rng.randrange(start, end)]

    def change_targets(self, workspace):
        rows = []
        for o in self.objectives:
            o.change(self.rng, *self.span())
            rows += [(o.name, since, k, str(decimal.Decimal(target[:-1]) / 100))
                     for k, (since, target) in enumerate(o.targets)]
        with contextlib.closing(sqlite3.connect(workspace.path / "nines.db")) as db, db:
            db.executemany("INSERT INTO slo_revision(slo, objective, since, content, target,"
                           " window, sli) VALUES(?, '', ?, ?, ?, '', '')", rows)

    def exclude(self, workspace):
        names = [o.name for o in self.objectives] + [c.name for c in self.composites]
        self.excluded = make_exclusions.some(self.rng, *self.span(), names, 6)
        if self.excluded:
            workspace.write("slos/x.yaml", make_exclusions.document(self.excluded))

    def excluded_of(self, composite):
        """Of each member: its own, and those of the composite."""
        return [Excluded([x.own for x in self.excluded if x.of(o.name) or x.of(composite.name)],
                         self.span()[1] + 800 * DAY) for o, _ in composite.members]

    def check(self, report, at, tally):
        slos = {slo["slo"]: slo for slo in report["slos"]}
        for c in self.composites:
            plain, wanted = c.made(self.parts, at), None
            excluded = self.excluded_of(c)
            touched = any(x.touch(plain.one.start, plain.one.end) for x in excluded)
            wanted = (plain.without(excluded) if self.excluded else plain).report()
            wanted["unexcluded"] = None
            if touched:
                told = plain.report()
                wanted["unexcluded"] = {
                    **{k: told[k] for k in ("state", "sli", "good", "bad", "total", "excluded")},
                    **{k: told["budget"][k] for k in ("consumed_ratio", "remaining_ratio")}}
            try:
                compare(slos[c.name], wanted)
            except AssertionError as e:
                raise AssertionError(f"{c.name} at {recompute.when(at)}: {e}") from e
            tally.update(["composites", f"composite {c.method}", "composite " + wanted["state"],
                          *(["composite, excluded"] if touched else [])])


def compare(found, wanted):
    for key in ("state", "good", "bad", "total", "excluded"):
        assert found[key] == wanted[key], key
    for key in ("expected", "observed", "missing"):
        assert found["coverage"][key] == wanted["coverage"][key], key
    close(found["sli"], wanted["sli"], 9)
    for key, value in wanted["budget"].items():
        close(found["budget"][key], value, 6)
    for burn in found["burn"]:
        close(burn["rate"], wanted["burn"][burn["window"]], 6)
    assert {r["reason"]: r["count"] for r in found["reasons"]} == wanted["reasons"]
    assert [{k: t[k] for k in ("severity", "long", "factor", "firing")}
            for t in found["tiers"]] == wanted["tiers"]
    compare_unexcluded(found, wanted)


def compare_site(workspace, seed, tally):
    site = Site(seed)
    site.build(workspace)
    for k, at in enumerate(site.instants()):
        if k == 1:
            site.change_targets(workspace)
        if k == 2:
            site.exclude(workspace)
        site.check(workspace.report("--at", recompute.when(at)), at, tally)


@pytest.mark.parametrize("seed", range(1 if FEW else int(os.environ.get("NINES_COMPOSITES", "6"))))
def test_composites_equal_the_files(workspace, seed):
    compare_site(workspace, seed, collections.Counter())


@pytest.mark.skipif("NINES_CASES" not in os.environ, reason="takes long")
def test_many_composites(tmp_path):
    tally, failures = collections.Counter(), []
    seed = int(os.environ.get("NINES_SEED", "1000"))
    while tally["composites"] < int(os.environ["NINES_CASES"]):
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            compare_site(conftest.Workspace(folder), seed, tally)
        except AssertionError as e:
            failures.append(f"{seed}: {e}")
            print(f"seed {seed}: {e}", flush=True)
        shutil.rmtree(folder)
        seed += 1
    print("".join(f"\n{n:8} {name}" for name, n in sorted(tally.items())), flush=True)
    assert not failures
