"""Ready-made ratios: the share that is good comes as a number, and counts as it is."""
import json
import re
import urllib.request
from fractions import Fraction as F

import conftest
import pytest

PARTS = 10 ** 6
SLOTS = 6 * 60 + 1

PROBES = """\
apiVersion: nines/v1
kind: Probes
probes:
  - {id: server, interval: 1m, timeout: 5s, metrics: {url: 'http://127.0.0.1:9/metrics'}}
"""

SLOS = """\
apiVersion: nines/v1
kind: SLOs
slos:
  - name: success
    service: shop
    sli: {probe: server, raw: 'success:ratio'}
    objective: 99%
    window: 6h
    alerting: [{severity: page, long: 1h, short: 5m, factor: 14.4, min_failures: 12}]
  - name: failure
    service: shop
    sli: {probe: server, raw_failure: 'failure:ratio{zone=~".+"}'}
    objective: 99%
    window: 6h
    alerting: none
  - name: silent-is-bad
    service: shop
    sli: {probe: server, raw: 'success:ratio'}
    objective: 99%
    window: 6h
    alerting: none
    no_data: bad
  - name: slices
    service: shop
    sli: {probe: server, raw: 'success:ratio'}
    objective: 90%
    window: 6h
    alerting: none
    budgeting: {method: Timeslices, slice: 5m, slice_target: 95%}
  - name: mean
    service: shop
    sli: {probe: server, raw: 'success:ratio'}
    objective: 90%
    window: 6h
    alerting: none
    budgeting: {method: RatioTimeslices, slice: 5m}
"""


def instant(i):
    return f"2026-10-20T{8 + i // 60:02}:{i % 60:02}:00Z"


def share(i):
    """Parts that are good; an outage, and after it a third of half an hour; None: silent."""
    if 100 <= i < 104:
        return None
    if 120 <= i < 130:
        return 0
    if 130 <= i < 160:
        return 333333 + i
    return PARTS if i % 3 else PARTS - 1000


def lines():
    out = []
    for i in range(SLOTS):
        good = share(i)
        # of two zones the mean counts: each as far off as the other
        samples = [] if good is None else [
            ("success:ratio", good / PARTS),
            ('failure:ratio{zone="a"}', (PARTS - good) / PARTS),
            ('failure:ratio{zone="b"}', (PARTS - good) / PARTS)]
        for series, value in samples or [("other", 1)]:
            out.append(json.dumps({"probe": "server", "time": instant(i), "series": series,
                                   "value": value}) + "\n")
    return "".join(out)


@pytest.fixture
def site(workspace):
    workspace.write("probes/p.yaml", PROBES)
    workspace.write("slos/s.yaml", SLOS)
    workspace.run("import", "--create", "interval=1m", "-", stdin=lines())
    return workspace


def by_name(site, at=SLOTS - 1):
    return {s["slo"]: s for s in site.report("--at", instant(at))["slos"]}


def near(got, want):
    assert got == pytest.approx(float(want), abs=1e-6)


def test_numbers_by_hand(site):
    slos = by_name(site)
    seen = [share(i) for i in range(SLOTS - 1) if share(i) is not None]
    good, scrapes = sum(seen), len(seen)
    for name in "success", "failure":
        s = slos[name]
        assert (s["good"], s["total"], s["event_parts"]) == (good, scrapes * PARTS, PARTS)
        assert s["bad"] == scrapes * PARTS - good
        assert s["source"]["kind"] == "raw" and s["confidence"] is None
        near(s["sli"], F(good, scrapes * PARTS))
        assert s["coverage"]["observed"] == scrapes == SLOTS - 1 - 4
        assert s["coverage"]["missing"]["target_silent"] == 4
        budget = s["budget"]
        near(budget["allowed"], F(scrapes, 100))
        near(budget["projected"], F(SLOTS - 1, 100))
        near(budget["consumed"], scrapes - F(good, PARTS))
        near(budget["consumed_ratio"], (scrapes - F(good, PARTS)) / F(scrapes, 100))
        assert s["reasons"] == [{"reason": "metric", "count": s["bad"]}]
    s = slos["silent-is-bad"]
    assert s["bad"] == slos["success"]["bad"] + 4 * PARTS and s["total"] == (SLOTS - 1) * PARTS
    assert s["coverage"]["missing"]["target_silent"] == 0


def test_slices_by_hand(site):
    slos = by_name(site)
    slices = [[share(i) for i in range(k, k + 5) if share(i) is not None]
              for k in range(0, SLOTS - 1, 5)]
    means = [F(sum(s), len(s) * PARTS) for s in slices]
    assert len(means) == 72
    bad = sum(m < F(95, 100) for m in means)
    s = slos["slices"]
    assert (s["slices"]["judged"], s["slices"]["bad"], bad) == (72, 8, 8)
    near(s["budget"]["consumed_ratio"], bad / F(72, 10))
    s = slos["mean"]
    near(s["sli"], sum(means) / 72)
    near(s["budget"]["consumed"], 72 - sum(means))
    assert s["budget"]["unit"] == "slices"


def test_openslo_there_and_back(site):
    before = by_name(site)
    text = site.run("export", "openslo").stdout
    assert text.count("rawType: success") == 4 and text.count("rawType: failure") == 1
    site.write("slos/s.yaml", text)
    assert site.run("export", "openslo").stdout == text
    assert "warning" not in site.run("check").stderr.replace("left out", "")
    after = by_name(site)
    for name, slo in before.items():
        for key in "good", "bad", "sli", "budget", "slices", "source", "tiers", "coverage":
            assert slo.get(key) == after[name].get(key), (name, key)


def test_explained_and_shown(site):
    told = json.loads(site.run("explain", "success", "--at", instant(SLOTS - 1), "--json").stdout)
    bad = by_name(site)["success"]["bad"]
    assert told["event_parts"] == PARTS and told["bad"] == bad
    outage = max(told["spans"], key=lambda s: s["bad"])
    assert bad == sum(s["bad"] for s in told["spans"])
    near(sum(s["budget_ratio"] for s in told["spans"]),
         by_name(site)["success"]["budget"]["consumed_ratio"])
    assert outage["bad"] > 10 * PARTS
    text = site.run("explain", "success", "--at", instant(SLOTS - 1)).stdout
    assert "000000" not in text and " of 356 events" in text
    text = site.run("report", "--slo", "success", "--at", instant(SLOTS - 1)).stdout
    assert " good of 356 scrapes" in text and "good share success:ratio" in text


def test_failures_are_whole_scrapes(site):
    """Nine failed scrapes of an hour burn enough, but twelve are asked for: these are ten
    of the outage and three that were bad by two thirds."""
    out = site.run("replay", "--from", instant(0), "--to", instant(SLOTS - 1)).stdout
    told = [json.loads(line) for line in out.splitlines()]
    fired = [t for t in told if t.get("event") == "fire"]
    assert [(t["slo"], t["severity"]) for t in fired] == [("success", "page")]
    assert instant(132) < fired[0]["at"] < instant(133)
    assert (fired[0]["long"]["bad"], fired[0]["long"]["expected"]) == (12, 60)


def test_shares_are_not_added_up(site):
    told = site.report("--group-by", "service", "--at", instant(SLOTS - 1))
    groups = next(r["groups"] for r in told["rollups"] if r["by"] == "service")
    assert [(g["objectives"], g["bad"], g["total"]) for g in groups] == [(5, None, None)]


def page(text):
    return 200, {"Content-Type": "text/plain; version=0.0.4"}, text.encode()


def test_the_daemon_counts_as_the_report(workspace, target, daemons):
    """A steady ratio, one that is none, two series, and silence."""
    workspace.write("probes/p.yaml", PROBES.replace("http://127.0.0.1:9", target.url))
    workspace.write("slos/s.yaml", SLOS)
    workspace.write("clock", "2026-10-20T08:00:00Z")
    target.answer = page("success:ratio 0.9985\n")
    d = daemons(workspace, "--test-clock", "clock")
    address = d.wait("serving")["address"]
    d.wait("test clock reached")
    d.advance("2026-10-20T08:30:00Z")
    target.answer = page("success:ratio 1.5\n")
    d.advance("2026-10-20T08:40:00Z")
    target.answer = page('success:ratio{zone="a"} 0.5\nsuccess:ratio{zone="b"} 1\n')
    d.advance("2026-10-20T08:44:00Z")
    target.answer = page("other 1\n")
    d.advance("2026-10-20T08:50:00Z")
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=conftest.PATIENCE) as reply:
        text = reply.read().decode()
    found = re.findall(r'^nines_slo_(events|clamped_total)\{([^}]*)\} ([0-9.]+)$', text, re.M)
    now = {(dict(re.findall(r'(\w+)="([^"]*)"', of))["slo"],
            dict(re.findall(r'(\w+)="([^"]*)"', of)).get("class", what)): float(n)
           for what, of, n in found}
    slos = by_name(workspace, 50)
    assert now["success", "clamped_total"] == 10
    assert now["success", "good"] == pytest.approx(30 * 0.9985 + 10 + 4 * 0.75)
    assert (now["success", "silent"], now["silent-is-bad", "bad"] - now["success", "bad"]) == (
        pytest.approx(6), pytest.approx(6))
    for name in "success", "silent-is-bad", "slices", "mean":
        assert now[name, "good"] * PARTS == pytest.approx(slos[name]["good"], abs=0.1)
        assert now[name, "bad"] * PARTS == pytest.approx(slos[name]["bad"], abs=0.1)
    covered = re.search(r'^nines_slo_coverage_ratio\{.*"success".*\} ([0-9.]+)$', text, re.M)
    assert float(covered[1]) == pytest.approx(44 / 360, abs=0.003)  # of all six hours
    status = json.loads(workspace.run("status", "--json").stdout)
    assert {s["slo"]: s["event_parts"] for s in status["slos"]}["success"] == PARTS
    assert d.stop() == 0


def test_a_database_is_right(site):
    """Its events are what its samples say."""
    assert site.run("db", "check").returncode == 0


def test_what_is_none_is_refused(site):
    site.write("slos/s.yaml", SLOS.replace("raw: 'success:ratio'", "raw: 'avg(success)'", 1))
    done = site.run("check", check=False)
    assert done.returncode == 1 and "raw: expected the end of the selector" in done.stderr
