"""Export gives back what import took, and what was measured; imports of any size, in any order,
here and through a daemon, are the same history."""
import json
import random
import sqlite3

import conftest
import pytest

PROBES = "apiVersion: nines/v1\nkind: Probes\nprobes:\n"
START = 1792656000_000000  # 2026-10-22T08:00:00Z, microseconds
PHASES = ("dns", "connect", "tls", "send", "wait", "transfer")
REASONS = ("dns", "connect", "tls", "status", "json", "total_timeout", "rate_limited")


@pytest.fixture
def site(tmp_path):
    return conftest.Workspace(tmp_path)


def time(us):
    import datetime
    at = datetime.datetime.fromtimestamp(us // 1_000_000, datetime.timezone.utc)
    fraction = us % 1_000_000
    digits = "" if not fraction else f".{fraction // 1000:03}" if fraction % 1000 == 0 else f".{fraction:06}"
    return f"{at:%Y-%m-%dT%H:%M:%S}{digits}Z"


def ms(us):
    return us // 1000 if us % 1000 == 0 else us / 1000


def make_line(dice, probe, slot):
    """One result in the form that export writes."""
    outcome = dice.choices(("good", "bad", "excluded", "skipped"), (90, 6, 3, 1))[0]
    line = {"probe": probe, "time": time(slot), "outcome": outcome}
    if outcome == "bad" or outcome == "excluded" and dice.random() < 0.5:
        line["reason"] = dice.choice(REASONS)
    if outcome != "skipped" and dice.random() < 0.9:
        line["code"] = dice.choice((200, 204, 429, 503))
    if outcome in ("good", "bad"):
        line["latency_ms"] = ms(int(dice.lognormvariate(9, 1)))
        if dice.random() < 0.95:
            line["phases_ms"] = {p: ms(int(dice.lognormvariate(6, 1))) for p in PHASES}
    return json.dumps(line, separators=(",", ":"))


def make_history(seed, probes, per_probe, interval=15_000_000):
    dice = random.Random(seed)
    lines = {}
    for i, probe in enumerate(sorted(probes)):
        slots = (START + i * 1_234_567 + k * interval for k in range(per_probe))
        lines[probe] = [make_line(dice, probe, s) for s in slots if dice.random() < 0.98]
    return lines


def text(lines):
    return "".join(line + "\n" for line in lines)


def test_round_trip(site):
    """Sorted, shuffled and twice the same: one history, byte for byte."""
    history = [line for lines in make_history(1, ("api", "b-2", "c.d"), 9000).values() for line in lines]
    shuffled = random.Random(2).sample(history, len(history))
    for name, lines in (("sorted.db", history), ("shuffled.db", shuffled)):
        done = site.run("import", "--db", name, "--create", "interval=15s", "-", stdin=text(lines))
        assert f"{len(history)} new, 0 already there" in done.stdout
        assert site.run("export", "results", "--db", name).stdout == text(history)
        done = site.run("import", "--db", name, "--json", "-", stdin=text(lines))
        assert json.loads(done.stdout) == {"lines": len(history), "inserted": 0, "same": len(history),
                                           "different": 0, "replaced": 0}
    exported = site.run("export", "results", "--db", "shuffled.db").stdout
    site.run("import", "--db", "again.db", "--create", "interval=15s", "-", stdin=exported)
    assert site.run("export", "results", "--db", "again.db").stdout == exported


def test_probes_and_spans(site):
    history = make_history(3, ("a", "b", "c"), 1000)
    site.run("import", "--create", "interval=15s", "-", stdin=text(sum(history.values(), [])))
    done = site.run("export", "results", "--probe", "c", "-p", "a", "--probe", "c")
    assert done.stdout == text(history["a"] + history["c"])
    begin, end = START + 100 * 15_000_000, START + 900 * 15_000_000
    done = site.run("export", "results", "-p", "b", "--from", time(begin), "--to", time(end))
    assert done.stdout == text(x for x in history["b"] if time(begin) <= json.loads(x)["time"] < time(end))
    assert site.run("export", "results", "--from", "2030-01-01T00:00:00Z").stdout == ""


def test_a_late_line_and_a_replaced_one(site):
    """Into the middle of history that is packed."""
    history = make_history(4, ("a",), 20000)["a"]
    late, wrong = history[7000], history[12000]
    changed = json.dumps({**json.loads(wrong), "outcome": "bad", "reason": "tls", "latency_ms": 1,
                          "code": 0}, separators=(",", ":"))
    rest = history[:7000] + history[7001:12000] + [changed] + history[12001:]
    site.run("import", "--create", "interval=15s", "-", stdin=text(rest))
    done = site.run("import", "--json", "-", stdin=text([late, wrong]))
    assert json.loads(done.stdout) == {"lines": 2, "inserted": 1, "same": 0, "different": 1, "replaced": 0}
    done = site.run("import", "--json", "--replace", "-", stdin=text([wrong]))
    assert json.loads(done.stdout)["replaced"] == 1
    assert site.run("export", "results").stdout == text(history)


# ---- samples -----------------------------------------------------------------------------

PAGES = """
apiVersion: nines/v1
kind: Probes
probes:
  - {id: page, interval: 15s, timeout: 5s, metrics: {url: "http://127.0.0.1:1/metrics"}}
"""
PAGE_SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - name: errors
    sli: {probe: page, ratio: {bad: 'requests_total{code="500"}', total: requests_total}}
    objective: 99%
    window: 1d
  - {name: queue, sli: {probe: page, threshold: queue < 5}, objective: 99%, window: 1d}
"""


def sample(slot, series, value):
    return json.dumps({"probe": "page", "time": time(slot), "series": series, "value": value},
                      separators=(",", ":"))


def make_samples(seed, n, interval=15_000_000):
    """Lines as export writes them, and what the SLIs are to count."""
    dice, lines, good, bad, short = random.Random(seed), [], 0, 0, 0
    ok, failed = 1000, 50
    for k in range(n):
        slot = START + k * interval
        if k and dice.random() < 0.02:
            lines.append(sample(slot, "", 0))  # a page without anything of this
            continue
        more, worse = dice.randrange(100), dice.randrange(3)
        queue = dice.randrange(7)
        ok, failed = ok + more, failed + worse
        if k:
            good, bad = good + more, bad + worse
        short += queue < 5
        lines += [sample(slot, "queue", queue), sample(slot, 'requests_total{code="200"}', ok),
                  sample(slot, 'requests_total{code="500"}', failed)]
    return lines, good, bad, short


def test_samples_round_trip_and_count(site):
    lines, good, bad, short = make_samples(8, 3000)
    site.write("probes/p.yaml", PAGES)
    site.write("slos/s.yaml", PAGE_SLOS)
    shuffled = random.Random(9).sample(lines, len(lines))
    for name, some in (("sorted.db", lines), ("shuffled.db", shuffled)):
        done = site.run("import", "--db", name, "--json", "-", stdin=text(some))
        assert json.loads(done.stdout)["inserted"] == len(lines)
        assert site.run("export", "samples", "--db", name).stdout == text(lines)
        report = site.report("--db", name, "--from", time(START), "--to",
                             time(START + 3000 * 15_000_000))
        slos = {s["slo"]: s for s in report["slos"]}
        assert (slos["errors"]["good"], slos["errors"]["bad"]) == (good, bad)
        assert slos["queue"]["good"] == short
        site.run("db", "check", "--db", name)
        again = site.run("import", "--db", name, "--json", "-", stdin=text(some))
        assert json.loads(again.stdout)["same"] == len(lines)


def test_samples_in_any_spelling_and_what_is_wrong_with_them(site):
    site.write("probes/p.yaml", PAGES)
    begin = START
    done = site.run("import", "-", stdin=text([
        sample(begin, ' requests_total { zone="b", code = "200", none="" } ', 7),
        sample(begin, 'requests_total{code="200",zone="b"}', 7)]))
    assert "1 new, 1 already there" in done.stdout
    assert site.run("export", "samples").stdout == text(
        [sample(begin, 'requests_total{code="200",zone="b"}', 7)])
    for series, words in (('requests_total{code="200"', "-:1: "), ('a{b="1",b="2"}', "-:1: "),
                          ("x" * 1100, "-:1: ")):
        done = site.run("import", "-", stdin=text([sample(begin, series, 1)]), check=False)
        assert done.returncode == 1 and words in done.stderr, done.stderr
    done = site.run("import", "-", stdin=text(
        [sample(begin + 1, f"s_{i}", i) for i in range(2001)]), check=False)
    assert done.returncode == 1 and "more than 2000 series at one time" in done.stderr


def test_samples_through_a_daemon(site, daemons):
    """In slices beside it; what it counts is what a file of its own says."""
    lines, good, bad, short = make_samples(10, 4000)
    site.write("probes/p.yaml", PAGES)
    site.write("slos/s.yaml", PAGE_SLOS)
    d = daemons(site)
    d.wait("serving")
    half = len(lines) // 2
    site.run("import", "-", stdin=text(lines[half:]))
    site.run("import", "-", stdin=text(lines[:half]))
    span = ("--from", time(START), "--to", time(START + 4000 * 15_000_000))
    slos = {s["slo"]: s for s in site.report(*span)["slos"]}  # also while events are derived
    assert (slos["errors"]["good"], slos["errors"]["bad"]) == (good, bad)
    assert slos["queue"]["good"] == short
    assert site.run("export", "samples", *span).stdout == text(lines)
    assert d.stop() == 0
    site.run("db", "check")


@pytest.mark.parametrize("args,code,words", [
    (["export"], 2, "expected what to export: results"),
    (["export", "rules"], 2, "cannot export 'rules', only results"),
    (["export", "results", "--format", "csv"], 2, "--format is ndjson; found 'csv'"),
    (["export", "results", "--from", "2026-10-22T08:00:00Z", "--to", "2026-10-22T08:00:00Z"], 2,
     "--from must be before --to"),
    (["export", "results", "--from", "yesterday"], 2, "--from: expected a time like"),
    (["export", "results", "--probe", "api-heath"], 1, "unknown probe 'api-heath'; did you mean 'api-health'?"),
    (["export", "results", "--probe", "zzz"], 1, "unknown probe 'zzz'"),
    (["export", "results", "--db", "none.db"], 1, "there is no database at none.db"),
    (["import", "--create", "interval=99ms", "-"], 2, "an interval is from 100ms to 366d; found '99ms'"),
    (["import", "--create", "interval=367d", "-"], 2, "an interval is from 100ms to 366d; found '367d'"),
])
def test_wrong_usage(site, args, code, words):
    site.write("probes/p.yaml", PROBES + "  - {id: declared, http: {url: 'http://127.0.0.1:1/'}}\n")
    site.run("import", "--create", "interval=15s", "-",
             stdin=text(make_history(5, ("api-health",), 3)["api-health"]))
    done = site.run(*args, check=False)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stdout == ""
    assert site.run("export", "results", "--probe", "declared").stdout == ""  # nothing, so far


def test_damage_is_told(site):
    site.run("import", "--create", "interval=15s", "-", stdin=text(make_history(6, ("a",), 3000)["a"]))
    with sqlite3.connect(site.path / "nines.db") as db:
        db.execute("UPDATE chunk SET data = substr(data, 1, length(data) / 2)")
    done = site.run("export", "results", check=False)
    assert done.returncode == 1
    assert "chunk" in done.stderr


@pytest.mark.parametrize("change", ["reason = 200", "total = -1", "wait = -5", "code = 1000",
                                    "outcome = 1, reason = 0", "outcome = 0, reason = 3",
                                    "total = 86400000001"])
def test_what_no_line_can_say_is_told(site, change):
    """Rather than to write what import would refuse."""
    site.run("import", "--create", "interval=15s", "-", stdin=text(make_history(6, ("a",), 100)["a"]))
    with sqlite3.connect(site.path / "nines.db") as db:
        db.execute(f"UPDATE result SET {change} WHERE slot = (SELECT min(slot) FROM result)")
    done = site.run("export", "results", check=False)
    assert done.returncode == 1
    assert "the results of 'a' are damaged" in done.stderr


def test_through_the_daemon(site):
    """In any order, while it probes; exported while it runs; one span each."""
    site.write("probes/p.yaml", PROBES + "  - {id: live, interval: 1s, http: {url: 'http://127.0.0.1:1/'}}\n")
    history = make_history(7, [f"p{i:02}" for i in range(40)], 1500)
    ordered = sum(history.values(), [])
    by_time = sorted(ordered, key=lambda line: json.loads(line)["time"])
    daemon = site.daemon()
    daemon.wait("serving")
    done = site.run("import", "--json", "--create", "interval=15s", "-", stdin=text(by_time))
    assert json.loads(done.stdout)["inserted"] == len(ordered)
    chosen = [x for p in history for x in ("--probe", p)][:64]
    assert site.run("export", "results", *chosen).stdout == text(sum((history[p] for p in list(history)[:32]), []))
    done = site.run("import", "--json", "-", stdin=text(ordered))
    assert json.loads(done.stdout)["same"] == len(ordered)
    assert daemon.stop() == 0
    with sqlite3.connect(f"file:{site.path}/nines.db?mode=ro", uri=True) as db:
        spans = db.execute("SELECT id, first, last FROM import_span JOIN probe ON probe = num"
                           " WHERE import = (SELECT min(import) FROM import_span) ORDER BY id").fetchall()
    assert [s[0] for s in spans] == sorted(history)
    for probe, first, last in spans:
        assert (time(first), time(last)) == tuple(json.loads(history[probe][i])["time"] for i in (0, -1))


def test_an_error_tells_what_is_stored(site):
    """The line, and how many before it, both ways; then the whole file again."""
    history = make_history(8, ("a", "b"), 60_000)
    lines = history["a"] + history["b"]
    wrong = lines[:90_000] + ['{"probe":"a","time":"now"}'] + lines[90_000:]
    for live in (False, True):
        name = f"{live}.db"
        args = ("--db", name, "--create", "interval=15s", "-")
        daemon = site.daemon("--db", name) if live else None
        if daemon:
            site.write("probes/p.yaml", PROBES + "  - {id: live, http: {url: 'http://127.0.0.1:1/'}}\n")
            daemon.wait("serving")
        done = site.run("import", *args, stdin=text(wrong), check=False)
        assert done.returncode == 1
        assert "-:90001: \"time\": expected a time" in done.stderr
        exported = site.run("export", "results", "--db", name).stdout
        stored = exported.count('"probe":"a"') + exported.count('"probe":"b"')
        told = [int(line.split()[2]) for line in done.stderr.splitlines() if "before the error" in line]
        assert told == ([stored] if stored else [])
        assert stored < 90_000 and (stored > 0) == live
        site.run("import", *args, stdin=text(lines))
        assert site.run("export", "results", "--db", name, "--probe", "a", "--probe", "b").stdout == text(lines)
        if daemon:
            assert daemon.stop() == 0
