"""The same 30 days by nines, by a real Prometheus with rules after Sloth's shape, and by addition.

docs/prometheus-agreement.md has the tables and says why some of them differ. nines must equal the
addition to the last digit it prints. Prometheus must equal a model of its arithmetic, so that no
difference stays without its cause.
"""
import os
import subprocess
import sys

import conftest
import peers
import pytest

sys.path.insert(0, str(conftest.ROOT / "tests" / "tools"))
import agreement
import burnrules

PRINTED = 5.01e-7  # ratios have six decimals, SLIs nine
# the numbers of a sanitized binary are no others, but take it minutes
pytestmark = pytest.mark.skipif(int(os.environ.get("NINES_HISTORIES", "24")) <= 3,
                                reason="the month is the plain binary's")


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    for name in ("promtool", "prometheus"):
        os.environ["PATH"] += os.pathsep + os.path.dirname(peers.find(name))
    both = agreement.Agreement(conftest.binary(), tmp_path_factory.mktemp("month"))
    yield both
    both.close()


@pytest.fixture(scope="module")
def looked(month):
    month.look()
    return month


def close(a, b, by):
    return a is b is None or a is not None and b is not None and abs(a - b) <= by


# how far Prometheus may be from what happened
TOLERANCES = {
    "requests: SLI": 2e-5, "requests: budget consumed": 2e-2,
    "latency: SLI": 1e-6, "latency: budget consumed": 1e-4,
    "up: SLI": 1e-12, "up: budget consumed": 1e-9,
    "requests: events": 100, "requests: bad events": 300,
    "requests: mean of 5m ratios, as recorded": None,
    "requests: mean of 5m ratios, without NaN": 5e-5,
}


def test_a_month(month):
    table = month.period()
    print("\n".join(agreement.rows(table)))
    assert table.keys() == TOLERANCES.keys()
    for name, (said, asked, exact) in table.items():
        if name.endswith("consumed"):
            assert close(said, exact, PRINTED)
        elif name.endswith("events"):
            assert said == exact
        else:
            assert close(said, float(exact), 5.01e-10)
        if TOLERANCES[name] is None:
            assert asked != asked  # NaN since the first quiet minute
        else:
            assert close(asked, float(exact), TOLERANCES[name]), name
    # what a series begins with is no growth to increase()
    assert table["requests: bad events"][1] < table["requests: bad events"][2] - 100


def test_slices(month):
    table = month.slices()
    print("\n".join(agreement.rows(table)))
    for name, (said, asked, exact) in table.items():
        assert close(said, exact, 5.01e-10), name
        if name.endswith("1m, rate over 60s"):
            assert asked is None  # one sample a minute has no rate over a minute
        else:
            assert close(asked, exact, 1e-12 if name.startswith("up") else 3e-4), name


def test_burn_rates(looked):
    print("\n".join(agreement.burn_rows(looked)))
    assert len(looked.instants) >= 1000
    for slo in agreement.SLOS:
        for w in agreement.WINDOWS:
            for t, said, asked, _, exact, model in looked.burns(slo, w):
                assert close(said, exact, PRINTED), (slo, w, agreement.rfc3339(t))
                by = 1e-9 * max(1, model or 0)
                assert close(asked, model, by), (slo, w, agreement.rfc3339(t))
                assert slo != "up" or close(asked, exact, by)


def test_tiers(looked):
    print("\n".join(agreement.tier_rows(looked)))
    fired = set()
    for slo in agreement.SLOS:
        for tier in agreement.TIERS:
            found = looked.tiers(slo, tier)
            for t, said, asked, exact, why in found:
                where = (slo, tier[1], agreement.rfc3339(t))
                assert said == exact, where
                assert (said == asked) == (len(why) % 2 == 0), where
                assert slo != "up" or why in ([], ["expected slots"]), where
            fired.update((slo, tier) for f in found if f[1])
            agree = sum(f[1] == f[2] for f in found)
            assert agree >= 0.9 * len(found), (slo, tier)
    assert len(fired) >= 10


@pytest.mark.parametrize("errors", burnrules.OUTAGES)
def test_rules_by_promtool(tmp_path, errors):
    promtool = peers.find("promtool")
    (tmp_path / "rules.yml").write_text(burnrules.rules("requests"))
    (tmp_path / "test.yml").write_text(burnrules.unit_test("requests", errors))
    for command in (("check", "rules", "rules.yml"), ("test", "rules", "test.yml")):
        done = subprocess.run([promtool, *command], cwd=tmp_path, text=True, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
