"""`nines check --verbose` of the sample objectives: what people read is in tests/golden/lint
(NINES_UPDATE_GOLDEN=1 writes it anew), and its numbers are worked out by docs/numbers.md."""
import fractions
import json
import math
import os
import re
import shutil
import subprocess

import conftest
import pytest

F = fractions.Fraction
ROOT = conftest.ROOT
GOLDEN = ROOT / "tests" / "golden" / "lint"
GUIDES = ["agent-api", "agent-platform", "agenttrace", "aragora", "paracle"]
SAMPLES = ["probes", "slos"]
SETS = {"samples": ["nines.yaml", *SAMPLES],
        **{name: [f"probes/{name}", f"slos/{name}"] for name in GUIDES}}
SECONDS = {"5m": 300, "11m": 660, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21600,
           "1d": 86400, "3d": 259200}
Z = 1.959963984540054


def check(*args):
    done = subprocess.run([conftest.binary(), "check", *args], cwd=ROOT, text=True,
                          capture_output=True, timeout=conftest.PATIENCE)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("name", SETS)
def test_what_people_read(name):
    done = check("--verbose", "--color", "never", *SETS[name])
    text = done.stdout + "\n" + done.stderr
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("NINES_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def test_samples_show_the_rules_of_alerts(tmp_path):
    """Each that their probes can have, and none that is not understood."""
    text = "\n".join(path.read_text() for folder in SAMPLES
                     for path in sorted((ROOT / folder).glob("*.yaml")))
    for rule in ("failures: 3, of: 5", "budget_spent: 75%", "exhausts_in: 2d", "silent: true"):
        assert f"{{{rule}" in text
        bad = tmp_path / "bad"
        shutil.rmtree(bad, ignore_errors=True)
        for folder in SAMPLES:
            shutil.copytree(ROOT / folder, bad / folder)
            for path in (bad / folder).rglob("*.yaml"):
                path.write_text(path.read_text().replace(f"{{{rule}", "{x" + rule))
        shutil.copy(ROOT / "nines.yaml", bad)
        done = subprocess.run([conftest.binary(), "check", *SETS["samples"]], cwd=bad, text=True,
                              capture_output=True, timeout=conftest.PATIENCE)
        assert done.returncode == 1 and "unknown key 'x" in done.stderr


@pytest.mark.parametrize("name", SETS)
def test_numbers(name):
    targets = re.findall(r"^[^ ].*: ([0-9.]+)% over .*, a \w+ each",
                         check("--verbose", *SETS[name]).stdout, re.M)
    lint = json.loads(check("--json", *SETS[name]).stdout)["lint"]
    assert len(lint) == len(targets) > 0
    for slo, target in zip(lint, targets):
        miss, every = 1 - F(target) / 100, F(str(slo["unit_seconds"]))
        if slo["expected"] is not None:
            n = slo["expected"]
            assert slo["allowed"] == math.floor(miss * n)
            assert slo["proven"] == pytest.approx(n / (n + Z * Z), abs=1e-9)
        for tier in slo["tiers"]:
            numbers(tier, miss, every, F(tier["factor"]))


def numbers(tier, miss, every, factor):
    """The formulas of the section on tiers; a run takes its timeout at most."""
    fewest = {side: math.ceil(factor * miss * (SECONDS[tier[side]] // every))
              for side in ("long", "short")}
    takes = max(fewest["long"], fewest["short"], tier["min_failures"])
    if tier["failures"] is not None:
        assert tier["failures"] == takes
        assert tier["failures_by_ratio"] == max(fewest.values())
    more = 0 if SECONDS[tier["short"]] <= 3600 else 50
    timeout = tier["detect_seconds"] - float(takes * every) - 10
    assert 0 <= timeout <= 3600
    assert tier["reset_seconds"] == float(
        SECONDS[tier["short"]] + more - (fewest["short"] - 1) * every + 10)
