"""What the benchmark makes of its measurements; the measurements are not tested."""
import importlib
import json
import subprocess
import sys

import conftest
import pytest

BENCH = conftest.ROOT / "bench"


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


@pytest.mark.parametrize("figure, met", [
    ({"value": 9.0, "bar": ("<=", 9)}, True),
    ({"value": 9.01, "bar": ("<=", 9)}, False),
    ({"value": 7999, "bar": (">=", 8000)}, False),
    ({"value": 8000, "bar": (">=", 8000)}, True),
    # with a ratio the bar is about that, not about the value
    ({"value": 40, "reference": 20, "ratio": 2.0, "bar": ("<=", 2.5)}, True),
    ({"value": 1, "reference": 20, "ratio": 3.0, "bar": ("<=", 2.5)}, False),
    ({"value": 1, "ratio": 0.9, "bar": ("±", 0.1001)}, True),
    ({"value": 1, "ratio": 1.2, "bar": ("±", 0.1)}, False),
    ({"value": 1}, None),
    ({"value": None, "bar": ("<=", 1)}, None),
])
def test_bars(module, figure, met):
    made = module("figures").Figure(name="x", title="x", unit="us", **figure)
    assert made.met() is met
    assert {True: "yes", False: "NO", None: ""}[met] == module("figures").row(made)[-1]


def test_table_and_json_say_the_same(module):
    figures = module("figures")
    made = [figures.Figure("cost", "CPU per probe", 69, "us", 46, "bare loop", 1.5, ("<=", 1.5),
                           {"runs": [1, 2]}),
            figures.Figure("rate", "probes per second", 12000, "/s", bar=(">=", 8000),
                           lines=["a note"])]
    lines = figures.table(made).splitlines()
    assert len({len(line) for line in lines[:4]}) == 1, "columns are not aligned"
    assert "69 us" in lines[2] and "46 us bare loop" in lines[2] and "1.5 x" in lines[2]
    assert "12,000 /s" in lines[3] and lines[-1] == "a note"
    said = json.loads(figures.to_json({"date": "now"}, made, {"disk": "why"}))
    assert said["figures"]["cost"] == {
        "title": "CPU per probe", "value": 69, "unit": "us", "reference": 46,
        "against": "bare loop", "ratio": 1.5, "bar": "<= 1.5", "met": True, "runs": [1, 2]}
    assert said["failures"] == {"disk": "why"}


@pytest.mark.parametrize("q, expected", [(0.5, 50), (0.99, 99), (0.001, 1), (1, 100)])
def test_rank_is_that_of_reports(module, q, expected):
    assert module("setting").rank(list(range(1, 101)), q) == expected


def test_entropy_of_a_column(module):
    disk = module("disk")
    assert disk.entropy_bits([7] * 100) == 0
    assert disk.entropy_bits([0, 1, 2, 3] * 8) == 2


def test_answers_that_differ_are_no_figures(module):
    report, failed = module("report"), module("setting").Failed
    ours = {"total": 100, "good": 99, "burn": [{"window": "1h", "rate": 10.0}],
            "latency": dict.fromkeys(report.QUANTILES, 0.5)}
    theirs = {"total": 100.0, "good": 99.0, "hourly_good": [50, 49], "burn": {"1h": 0.01},
              **dict.fromkeys(report.QUANTILES, 0.502)}
    assert report.compare(ours, theirs) == pytest.approx(0.004, abs=1e-4)
    for wrong in ({"good": 98.0}, {"hourly_good": [50, 48]}, {"p95": 0.51}, {"burn": {"1h": 0.02}}):
        with pytest.raises(failed):
            report.compare(ours, theirs | wrong)


def test_a_page_is_the_same_in_both_formats(module):
    parsing = module("parsing")
    page = parsing.make_page(50_000)
    assert page == parsing.make_page(50_000)
    strict = parsing.to_openmetrics(page)
    assert strict.endswith("\n# EOF\n") and "# TYPE app_component0_requests counter\n" in strict
    samples = [line for line in page.splitlines() if not line.startswith("#")]
    assert samples == [line for line in strict.splitlines() if not line.startswith("#")]


def test_the_table_of_benches(tmp_path):
    def run(*args):
        return subprocess.run([sys.executable, "-B", BENCH / "main.py", "--build", tmp_path, *args],
                              capture_output=True, text=True, check=False)

    listed = run("--list")
    assert listed.returncode == 0
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert {"agents", "cost", "throughput", "truth", "hanging", "disk", "import", "parse", "report", "tick",
            "restart", "memory"} == set(names)
    assert run("--only", "nothing").returncode == 2
