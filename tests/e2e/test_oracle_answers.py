"""Objectives by measures of agents' answers, of generated histories, recomputed from the file.

As test_oracle.py, with answers on the lines: some do not tell, some are just on the bound.
NINES_ANSWERS=200 takes so many histories, 4 if it is not said, 2 where the binary is slow.
"""
import decimal
import json
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import measures
import recompute
from test_oracle import MILLI, Objective, Scenario, compare_history
from test_report_numbers import close

FEW = int(os.environ.get("NINES_HISTORIES", "24")) <= 3  # the binary is a slow one
HISTORIES = int(os.environ.get("NINES_ANSWERS", "2" if FEW else "4"))
DECIMALS = decimal.Decimal("1e-12")


def milli(us):
    return f"{us // 1000}.{us % 1000:03d}"


class AnswerObjective(Objective):
    def __init__(self, rng, name, scenario):
        super().__init__(rng, name, scenario.threshold, scenario.probe)
        if rng.random() < 0.2:
            return
        key = rng.choice(sorted(measures.Measure.KEYS))
        bound, text = {
            "ttft_faster_than": (scenario.ttft / measures.F(1000), f"{scenario.ttft}us"),
            "gap_below": (scenario.gap / measures.F(1000), f"{scenario.gap}us"),
            "tokens_per_second_at_least": (measures.F(scenario.speed), scenario.speed),
            "cost_at_most": (measures.F(scenario.cost), scenario.cost),
        }[key]
        self.faster_than = measures.Measure(key, bound, text)

    def yaml(self):
        measure = self.faster_than
        if not isinstance(measure, measures.Measure):
            return super().yaml()
        self.faster_than = None
        try:
            slo = json.loads(super().yaml()[4:])
        finally:
            self.faster_than = measure
        slo["sli"][measure.key] = measure.text
        return "  - " + json.dumps(slo) + "\n"


class AnswerScenario(Scenario):
    def __init__(self, seed, probe="p"):
        self.ttft, self.gap = 400 * MILLI, 150 * MILLI
        self.speed, self.cost = "30.5", "0.002000000001"
        super().__init__(seed, probe=probe)
        rng = self.rng
        self.objectives = [AnswerObjective(rng, f"o{i}", self) for i in range(4)]
        self.objectives += [AnswerObjective(rng, f"p{i}", self).slice(rng, self.interval, self.timeout)
                            for i in range(3)]

    def near(self, bound):
        return bound + self.rng.choice([-1, 0, 1]) if self.rng.random() < 0.2 \
            else int(bound * self.rng.lognormvariate(-0.5, 0.7)) + 1

    def answer(self):
        """As text, so that no number is rounded on its way."""
        rng, parts = self.rng, {}
        first = self.near(self.ttft)
        if rng.random() < 0.97:
            parts["first_event_ms"] = milli(max(first // 2, 1))
            parts["last_event_ms"] = milli(first + 9_000_000)
            if self.rng.random() < 0.9:
                parts["gap_ms"] = milli(self.near(self.gap))
        if rng.random() < 0.95:
            parts["first_token_ms"] = milli(first)
            parts["last_token_ms"] = milli(first + rng.choice([0, 2_000_000, 2_000_001, 1_234_567]))
        for key, odds in zip(measures.TOKENS, (0.9, 0.9, 0.3, 0.3)):
            if rng.random() < odds:
                parts[key] = str(rng.choice([61, 0, rng.randrange(400)])
                                 if key == "tokens_out" else rng.randrange(40))
        if rng.random() < 0.9:
            near = self.near(2_000_000_001)
            parts["cost"] = json.dumps(f"{decimal.Decimal(near) * DECIMALS:f}")
        if rng.random() < 0.3:
            parts["flags"] = '["reasoned"]'
        return "{" + ",".join(f'"{k}":{v}' for k, v in parts.items()) + "}"

    def line(self, k):
        text = super().line(k)
        row, rng = json.loads(text), self.rng
        if row["outcome"] == "excluded" and rng.random() < 0.6:
            row["reason"] = "spend_cap"
        elif row["outcome"] == "bad" and rng.random() < 0.3:
            row["reason"] = rng.choice(["rate_limited", "overloaded", "sse_truncated"])
        elif row["outcome"] != "skipped" and rng.random() < 0.95:
            row.pop("code")
            return json.dumps(row)[:-1] + ',"answer":' + self.answer() + "}"
        return json.dumps(row)

    def configure(self, workspace):
        workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nprices: {currency: EUR,"
                                      " models: {m: {input: 0.15, output: 0.6}}}\n")
        super().configure(workspace)
        workspace.write(f"probes/{self.probe}.yaml", (
            "apiVersion: nines/v1\nkind: Probes\nprobes:\n  - {id: %s, interval: %s, timeout: %dms,"
            " max_in_flight: 50, agent: {protocol: openai, url: 'http://127.0.0.1:9/', model: m,"
            " prompt: hi, first_event_timeout: 500ms, idle_timeout: 500ms}}\n")
            % (self.probe, self.text, self.timeout // MILLI))

    def check(self, report, at, span=None):
        said = super().check(report, at, span)
        for slo in report["slos"]:
            start, end = (recompute.instant(slo["window"][k]) for k in ("start", "end"))
            upto = min(at, end)
            compare_answers(slo["answers"], [r for r in self.results if start <= r.slot < upto])
        return said


def compare_answers(found, results):
    wanted = measures.sums(results)
    for key in ("runs", "good", "held_back", "limited"):
        assert found[key] == wanted[key], key
    assert found["tokens"]["unknown_runs"] == wanted["tokens_unknown"]
    assert found["cost"]["unknown_runs"] == wanted["cost_unknown"]
    for key, value in wanted["tokens"].items():
        compare_sum(found["tokens"][key], value, wanted["tokens_unknown"])
    compare_sum(found["cost"]["total"], wanted["cost"], wanted["cost_unknown"])
    for key in ("ttft", "gap"):
        compare_percentiles(found[key], measures.ranked(results, key))


def compare_sum(found, wanted, unknown):
    """Null is a sum of nothing, where some run did not tell."""
    assert measures.F(found or 0) == wanted
    assert found is not None or unknown


def compare_percentiles(found, values):
    if not values:
        assert found is None or found["count"] == 0
        return
    assert found["count"] == len(values)
    assert found["censored"] == sum(censored for censored, _ in values)
    most = max(v for _, v in values)
    close(found["max"], float(most / 1000), 6)
    for percent in (50, 90, 95, 99):
        censored, value = values[-(-percent * len(values) // 100) - 1]
        name = f"p{percent}"
        assert (name in found["lower_bound"]) == censored
        assert found[name] == pytest.approx(float((most if censored else value) / 1000), rel=0.01)


def told(answer):
    """Numbers may be written in two ways, and a stream without a gap says so or does not."""
    if answer is None:
        return None
    numbers = {key: measures.F(value) for key, value in answer.items() if key != "flags"}
    return {"gap_ms": measures.F(0), "flags": answer.get("flags"), **numbers}


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_reports_of_answers_equal_the_file(workspace, seed):
    s = AnswerScenario(seed)
    compare_history(workspace, s, formats=seed % 5 == 0)
    data = workspace.run("export", "results").stdout
    exported = recompute.read(data.splitlines())
    assert [told(r.answer) for r in exported] == [told(r.answer) for r in s.results]
    fresh = workspace.path / "again.db"
    workspace.run("import", "--create", "interval=1s", "--db", fresh, "-", stdin=data)
    assert workspace.run("export", "results", "--db", fresh).stdout == data
