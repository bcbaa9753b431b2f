"""Text for 80 columns: nothing is wider, and objectives of one SLO can be told apart."""
import pytest

PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - {id: api, interval: 10s, timeout: 1s, http: {url: "http://127.0.0.1:1/"}}
"""
SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - name: checkout-availability
    service: shop
    sli: {probe: api}
    objective: {goal: 99.9%, promise: 99.5%}
    window: [1d, {calendar: 1 month}]
  - name: whole
    service: all
    composite: [{slo: checkout-availability, objective: goal 1d, weight: 2.5}]
    window: 1d
---
apiVersion: nines/v1
kind: Exclusions
exclusions:
  - {name: x, service: shop, from: "2026-11-20T10:00:00Z", for: 1h, reason: a reason that is long enough to be cut}
"""
WIDE = {"COLUMNS": "80"}


@pytest.fixture
def shop(workspace):
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", SLOS)
    lines = []
    for i in range(8640 * 3):
        at = f"2026-11-{18 + i // 8640:02}T{i // 360 % 24:02}:{i // 6 % 60:02}:{i % 6 * 10:02}.5Z"
        bad = '"bad","reason":"status"' if i % 50 == 0 else '"good"'
        lines.append(f'{{"probe":"api","time":"{at}","outcome":{bad},"latency_ms":1}}\n')
    workspace.run("import", "--create", "interval=10s", "-", stdin="".join(lines))
    return workspace


@pytest.mark.parametrize("command", [("report",), ("report", "--group-by", "service"), ("explain", "whole"),
                                     ("explain", "checkout-availability", "-o", "goal 1 month")])
def test_nothing_is_wider(shop, command):
    out = shop.run(*command, "--at", "2026-11-21T00:00:00Z", env=WIDE).stdout
    assert ("Without exclusions: " in out) == (command != ("explain", "whole"))
    assert [line for line in out.splitlines() if len(line) > 80] == []


def test_objectives_can_be_told_apart(shop):
    out = shop.run("report", "--at", "2026-11-21T00:00:00Z", env=WIDE).stdout
    table = out.split("\n\n")[1]
    for name in "goal 1d", "goal 1 month", "promise 1d", "promise 1 month":
        assert f"… / {name} " in table
