"""What `retention: {raw: ...}` deletes, and what it does not change."""
import datetime
import json
import random
import sqlite3
import time
import urllib.error
import urllib.request

import conftest
import pytest

PROBES = """
apiVersion: nines/v1
kind: Probes
probes:
  - {id: api, interval: 1m, http: {url: "%s/health"}}
"""

SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - {name: up, sli: {probe: api}, objective: 99%, window: 1d, alerting: default}
"""

START = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
DAYS = 8
NOW = "2026-03-09T00:00:00Z"
RAW_SINCE = "2026-03-05T00:00:00Z"  # three days of burn rates and one more


def line(minute):
    at = (START + datetime.timedelta(minutes=minute, seconds=17)).isoformat()
    if minute % 70 == 0:
        return {"probe": "api", "time": at, "outcome": "bad", "reason": "status", "code": 503,
                "latency_ms": 5}
    return {"probe": "api", "time": at, "outcome": "good", "code": 200,
            "latency_ms": 10 + minute % 9}


def lines(first, last):
    return "".join(json.dumps(line(m)) + "\n" for m in range(first, last))


def raw_since(workspace):
    with sqlite3.connect(f"file:{workspace.path}/nines.db?mode=ro", uri=True) as db:
        (us,), = db.execute("SELECT raw_since FROM probe WHERE id = 'api'").fetchall()
        rows, = db.execute("SELECT (SELECT count(*) FROM result WHERE slot < ?1)"
                           " + (SELECT count(*) FROM chunk WHERE first < ?1)", (us,)).fetchone()
    at = datetime.datetime.fromtimestamp(us / 1e6, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ"), rows


@pytest.fixture
def site(workspace, target):
    workspace.write("probes/p.yaml", PROBES % target.url)
    workspace.write("slos/s.yaml", SLOS)
    # Chunks go as a whole: one ends where results are to be deleted.
    workspace.run("import", "-", stdin=lines(0, 4 * 1440))
    workspace.run("import", "-", stdin=lines(4 * 1440, DAYS * 1440))
    return workspace


def advance_until(d, condition):
    """The store deletes on its own, a little a beat."""
    end = time.monotonic() + conftest.PATIENCE
    for second in range(1, 3600):
        if condition():
            return
        assert time.monotonic() < end
        d.advance(f"2026-03-09T00:{second // 60:02}:{second % 60:02}Z")
    raise AssertionError("an hour was not enough")


def run_until_deleted(site, daemons):
    site.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nretention: {raw: 1h}\n")
    d = daemons(site, "--test-clock", site.write("clock", NOW))
    advance_until(d, lambda: raw_since(site) == (RAW_SINCE, 0))
    return d


def test_numbers_stay(site, daemons):
    instants = [NOW, "2026-03-08T13:14:15.5Z", "2026-03-03T12:00:00Z"]
    before = [site.report("--at", t) for t in instants]
    d = run_until_deleted(site, daemons)
    after = [site.report("--at", t) for t in instants]
    assert after[0] == before[0]
    assert after[1] == before[1]
    assert after[2]["slos"][0].pop("tiers") == []
    before[2]["slos"][0].pop("tiers")
    assert after[2] == before[2]
    assert after[2]["slos"][0]["total"] == 1440
    assert d.stop() == 0


def test_what_is_gone_is_told(site, daemons):
    d = run_until_deleted(site, daemons)
    for at, unit in (("2026-03-03T12:00:30Z", "minute"), ("2026-03-03T12:30:00Z", "hour")):
        done = site.run("report", "--at", at, check=False)
        assert done.returncode == 1
        assert (f"results before {RAW_SINCE} are kept by the {unit} only (retention.raw); "
                f"use whole {unit}s") in done.stderr
        assert done.stdout == ""
    for running in (True, False):
        if not running:
            assert d.stop() == 0
        text = lines(4 * 1440, 4 * 1440 + 2) + lines(1440, 1441)
        done = site.run("import", "-", stdin=text, check=False)
        assert done.returncode == 1
        assert f"3: results of 'api' before {RAW_SINCE} were deleted (retention.raw)" in done.stderr


def test_how_much_is_gone_is_told(site, daemons):
    """Chunks and rows are counted, and the log adds up to the counter."""
    site.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nretention: {raw: 1h}\n")
    d = daemons(site, "--test-clock", site.write("clock", NOW))
    address = d.wait("serving")["address"]

    def told():
        return [e for e in d.log if isinstance(e, dict)  # before them, a warning as text
                and e["msg"] == "old results were deleted (retention)"]
    advance_until(d, lambda: sum(e["results"] for e in told()) >= 4 * 1440)
    assert f"\nnines_store_deleted_results_total {4 * 1440}\n" in get(address, "/metrics")
    assert told()[-1]["since_start"] == 4 * 1440 and told()[-1]["level"] == "info"
    assert raw_since(site) == (RAW_SINCE, 0)
    assert d.stop() == 0


def test_new_sli_begins_with_the_results(site, daemons):
    d = run_until_deleted(site, daemons)
    site.write("slos/fast.yaml", SLOS.replace("up,", "fast,").replace(
        "{probe: api}", "{probe: api, faster_than: 15ms}").replace("window: 1d", "window: 6d"))
    assert site.run("check").returncode == 0
    d.signal(1)
    d.wait("configuration reloaded")
    for declared in (True, False):
        if not declared:
            assert d.stop() == 0
        slo, = site.report("--at", NOW, "--slo", "fast")["slos"]
        assert slo["total"] == 4 * 1440
        missing = slo["coverage"]["missing"]
        assert abs(missing["not_started"] - 2 * 1440) <= 1
        assert missing["prober_down"] <= 1


def noisy(rng, count):
    for n in range(count):
        at = START + datetime.timedelta(seconds=10 * n + 3)
        phases = {name: rng.randrange(1, 5000000) / 1000 for name in ("dns", "connect", "tls", "wait", "transfer")}
        yield json.dumps({"probe": "api", "time": at.isoformat(), "outcome": "good",
                          "latency_ms": 30000, "phases_ms": phases}) + "\n"


def get(address, path):
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=conftest.PATIENCE) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.read().decode()


def test_too_large_and_all_of_it_needed(workspace, target, daemons):
    """Results stay, go on being recorded, and everybody is told."""
    workspace.write("probes/p.yaml", PROBES.replace("1m", "10s") % target.url)
    workspace.write("slos/s.yaml", SLOS.replace("window: 1d", "window: 30d"))
    workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nretention: {max_size: 1MiB}\n")
    workspace.run("import", "-", stdin="".join(noisy(random.Random(1), DAYS * 8640)))
    d = daemons(workspace, "--test-clock", workspace.write("clock", NOW))
    address = d.wait("serving")["address"]
    words = ("the database is over retention.max_size, and all results that are left are needed;"
             " it goes on growing")
    advance_until(d, lambda: any(words == e["msg"] for e in d.log))
    told, = [e for e in d.log if e["msg"] == words]
    assert told["level"] == "error" and told["bytes"] > told["max_bytes"] == 1 << 20
    d.advance("2026-03-09T01:00:00Z")
    ready = json.loads(get(address, "/readyz"))
    assert not ready["ready"]
    assert [c["name"] for c in ready["checks"] if not c["ok"]] == ["size"]
    metrics = get(address, "/metrics")
    assert "\nnines_store_oversize 1\n" in metrics
    assert f"\nnines_store_max_bytes {1 << 20}\n" in metrics
    assert d.stop() == 0
    stats = json.loads(workspace.run("db", "stats", "--json").stdout)["results"]
    assert stats["rows"] + stats["sealed"] == DAYS * 8640 + 360


def test_too_large(workspace, target, daemons):
    """The oldest results go, no more than it needs; what they summed up to stays."""
    workspace.write("probes/p.yaml", PROBES.replace("1m", "10s") % target.url)
    workspace.write("slos/s.yaml", SLOS)
    workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nretention: {max_size: 1MiB}\n")
    workspace.run("import", "-", stdin="".join(noisy(random.Random(1), DAYS * 8640)))
    d = daemons(workspace, "--test-clock", workspace.write("clock", NOW))
    d.wait("test clock reached", time=NOW)
    day = workspace.report("--at", "2026-03-02T00:00:00Z")["slos"][0]["total"]
    advance_until(d, lambda: raw_since(workspace)[0] > "2026-03-02")
    assert d.stop() == 0
    assert raw_since(workspace)[0] <= RAW_SINCE
    assert workspace.report("--at", "2026-03-02T00:00:00Z")["slos"][0]["total"] == day == 8640
    assert workspace.run("db", "check").returncode == 0


def test_a_composite_of_what_exclusions_left(site, daemons):
    """Reasons of a cut hour are unknown, to a composite as to its members."""
    site.write("slos/z.yaml", """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: both, composite: [{slo: up}], window: 1d}
---
apiVersion: nines/v1
kind: Exclusions
exclusions:
  - {name: half, from: "2026-03-02T20:30:00Z", for: 30m}
""")
    assert run_until_deleted(site, daemons).stop() == 0
    slos = {s["slo"]: s for s in site.report("--at", "2026-03-03T12:00:00Z")["slos"]}
    member, whole = slos["up"], slos["both"]
    assert "unknown" in [r["reason"] for r in member["reasons"]]
    assert whole["reasons"] == member["reasons"]
    assert sum(r["count"] for r in whole["reasons"]) == whole["bad"]
