"""From the first failing probe to the page, as a webhook gets it from a daemon on its test clock:
what the tiers ask for, and some cells of the table of docs/alerts.md; and pages of blips."""
import os
import sys

import conftest
import pytest

sys.path.insert(0, str(conftest.ROOT / "tests" / "tools"))
import alerting
import blips
import detection
import month

FEW = int(os.environ.get("NINES_HISTORIES", "24")) <= 3  # the binary is a slow one
CELLS = [("all", 10), ("all", 15), ("all", 30), ("all", 60), ("some", 15), ("some", 60), ("few", 30)]
pytestmark = pytest.mark.skipif(FEW, reason="hours of many probes")


def table(heading):
    """The rows of the table below a heading of docs/alerts.md."""
    text = (conftest.ROOT / "docs" / "alerts.md").read_text().split(f"\n## {heading}\n")[1]
    lines = [line for line in text.split("\n## ")[0].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def by_rules(rate, interval):
    """Of the tick at which a tier of `page` fires first, behind the first slot that fails."""
    fails = detection.evenly(detection.RATES[rate], interval)
    first = detection.START // interval * interval + detection.OFFSET
    slots = range(first, detection.BEGAN + 3600, interval)
    bad, ones = [fails(t) for t in slots], [1] * len(slots)
    objective = alerting.Objective(month.Exact(first, interval, bad, ones, ones), month.F(1, 1000))
    fired = next(t for t in objective.transitions(detection.START, slots[-1]) if t["severity"] == "page")
    return fired["at"] - slots[bad.index(True)]


@pytest.mark.parametrize("group_wait", [None, "30s"])
def test_how_soon_people_are_told(workspace, group_wait):
    found = detection.Measured(workspace, CELLS, 2400, group_wait=group_wait).seconds
    rows = {(row[0], row[1]): row[4:] for row in table("How soon")}
    for rate, interval in CELLS:
        seconds = found[rate, interval, "page"]
        assert seconds == by_rules(rate, interval) + (30 if group_wait else 0), (rate, interval)
        said = rows["99.9 %", detection.SHARES[rate]][detection.INTERVALS.index(interval)]
        assert said.split(", ")[1 if group_wait else 0] == detection.text(seconds), (rate, interval)


def test_blips_page_nobody(workspace):
    """Of 0.05 % that fail by dice: where it takes three failures at least, or does by the interval."""
    cells = [(15, 0), (30, 0), (30, 1), (60, 0), (60, 1)]
    found = blips.Months(conftest.binary(), workspace.path, cells)
    for (interval, least), pages in found.pages.items():
        if interval < 30 or least > 2:
            assert not any(pages), (interval, least)
    assert any(found.pages[30, 2]), "two of them in an hour are enough, and dice do that"
