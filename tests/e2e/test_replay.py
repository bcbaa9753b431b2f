"""`nines replay`: what the daemon did is what is replayed, and a month whose alerts are worked out
by hand."""
import contextlib
import datetime
import json
import sqlite3

import conftest
import peers
import pytest
from test_guides import Watch, instant

KINDS = ["fire", "escalate", "deescalate", "cool", "refire", "resolve", "pend", "calm"]
SEVERITIES = [None, "ticket", "page"]
PHASES = ["inactive", "firing", "cooling", "pending"]

PROBE = "api-8765"  # its slots at 10 s lie on multiples of 10 s
PROBES = f"""
apiVersion: nines/v1
kind: Probes
probes:
  - id: {PROBE}
    interval: 10s
    timeout: 5s
    http: {{url: "http://127.0.0.1:1/"}}
"""
SLOS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - name: {name}
    service: api
    sli: {{probe: api-8765}}
    objective: {objective}
    window: 28d
    alerting: default
"""


def stamp(us):
    if not us:
        return None
    at = datetime.datetime.fromtimestamp(us // 10**6, datetime.timezone.utc)
    assert us % 10**6 == 0
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(us):
    seconds, text = us // 10**6, ""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if seconds >= unit:
            text += f"{seconds // unit}{name}"
            seconds %= unit
    return text


def decimal(n, scale):
    return f"{n / 10**scale:.{scale}f}"


def stored(path):
    """The table alert_event as replay says it."""
    with contextlib.closing(sqlite3.connect(f"file:{path}/nines.db?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        rows = db.execute("SELECT * FROM alert_event ORDER BY id").fetchall()

    def window(r, name):
        return {"window": duration(r[f"{name}_window"]), "good": r[f"{name}_good"],
                "bad": r[f"{name}_bad"], "excluded": r[f"{name}_excluded"],
                "expected": r[f"{name}_expected"], "burn": float(f"{r[f'{name}_burn']:.9g}")}

    return [{"at": stamp(r["at"]), "slo": r["slo"], "objective_name": r["objective"],
             "service": r["service"], "event": KINDS[r["kind"]],
             "severity": SEVERITIES[r["severity"]], "notify": bool(r["notify"]),
             "since": stamp(r["began"]),
             "tier": {"severity": SEVERITIES[r["tier_severity"]],
                      "factor": decimal(r["factor"], r["factor_scale"]),
                      "min_failures": r["min_failures"]},
             "long": window(r, "long"), "short": window(r, "short"),
             "state": {"phase": PHASES[r["phase"]], "severity": SEVERITIES[r["state_severity"]],
                       "since": stamp(r["since"]), "cooling_since": stamp(r["cooling_since"]),
                       "firing": r["firing"], "told": SEVERITIES[r["told"]]}} for r in rows]


def replay(workspace, start, end, *args):
    out = workspace.run("replay", "--from", start, "--to", end, *args).stdout
    *transitions, summary = map(json.loads, out.splitlines())
    return transitions, summary["summary"]


# ---- what the daemon did -------------------------------------------------------------


def test_results_as_the_daemon_saw_them(workspace, target, daemons):
    workspace.write("probes/api.yaml", PROBES.replace("http://127.0.0.1:1", target.url))
    workspace.write("slos/api.yaml", SLOS.format(name="api", objective="99.9%"))
    good, bad = (200, {}, b""), (503, {}, b"")
    workspace.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(workspace, "--test-clock", "clock")
    d.wait("test clock reached")
    for answer, until in ((good, "01:00:00"), (bad, "01:07:30"), (good, "03:00:00"),
                          (bad, "03:01:10"), (good, "03:20:00"), (bad, "03:40:00"),
                          (good, "11:00:00")):
        target.answer = answer
        d.advance(f"2026-03-01T{until}Z")
    assert d.stop() == 0

    seen = stored(workspace.path)
    assert {t["event"] for t in seen} >= {"fire", "deescalate", "cool", "resolve"}
    again, summary = replay(workspace, "2026-03-01T00:00:00Z", "2026-03-01T11:00:00Z")
    assert again == seen
    assert summary["transitions"] == len(seen) and summary["evaluations"] == 11 * 360


def test_an_alert_that_waits_does_so_over_a_restart(workspace, target, daemons):
    """A blip calms down; an outage pages after its ten minutes, whoever counted them."""
    workspace.write("probes/api.yaml", PROBES.replace("http://127.0.0.1:1", target.url))
    workspace.write("slos/api.yaml", SLOS.format(name="api", objective="99.9%").replace(
        "alerting: default", "alerting: {for: 10m}"))
    good, bad = (200, {}, b""), (503, {}, b"")
    workspace.write("clock", "2026-03-01T00:00:00Z")
    for spans in (((good, "01:00:00"), (bad, "01:01:10"), (good, "01:20:00"), (bad, "01:25:00")),
                  ((bad, "01:33:00"), (good, "01:40:00"))):
        d = daemons(workspace, "--test-clock", "clock")
        d.wait("test clock reached")
        for answer, until in spans:
            target.answer = answer
            d.advance(f"2026-03-01T{until}Z")
        assert d.stop() == 0

    seen = stored(workspace.path)
    assert [(t["event"], t["notify"], t["state"]["phase"]) for t in seen[:4]] == [
        ("pend", False, "pending"), ("calm", False, "inactive"), ("pend", False, "pending"),
        ("fire", True, "firing")]
    at = [datetime.datetime.fromisoformat(t["at"][:-1]) for t in seen[:4]]
    assert at[3] - at[2] == datetime.timedelta(minutes=10)
    assert seen[3]["since"] == seen[3]["at"]
    again, summary = replay(workspace, "2026-03-01T00:00:00Z", "2026-03-01T01:40:00Z")
    assert again == seen
    assert summary["alerts"] == 1 and summary["transitions"] == len(seen)


LATE = """
apiVersion: nines/v1
kind: SLOs
slos:
  - name: late
    service: api
    sli:
      probe: paracle-metrics
      ratio: {bad: 'late_total{code="500"}', total: late_total}
    objective: 99%
    window: 28d
    alerting: default
"""


def test_metrics_as_the_daemon_saw_them(workspace, daemons, start):
    """Counters and components, through restarts of the target and of the daemon; an objective
    that comes later."""
    app = start(peers.Sample, "paracle")
    w = Watch(workspace, daemons, app, "paracle")

    def traffic(bad=0):
        app.change("http_requests_total", {"method": "GET", "status": "200"}, by=100 - bad)
        app.change("http_requests_total", {"method": "GET", "status": "500"}, by=bad)

    w.go(30, traffic)
    w.stop()
    workspace.write("slos/late.yaml", LATE)
    w.start()
    w.go(10, traffic)
    app.faults(down=["redis"])
    w.go(40, lambda: traffic(bad=90))
    app.restart()
    app.faults()
    w.go(60, traffic)
    w.stop()
    seen = stored(workspace.path)
    slos = {t["slo"] for t in seen}
    assert {"paracle-requests", "paracle-redis"} <= slos
    again, summary = replay(workspace, instant(0), instant(w.step))
    assert again == seen
    done = workspace.run("replay", "--from", instant(0), "--to", instant(w.step))
    assert f"SLO 'late': probe 'paracle-metrics' looks for its series, or no longer does, " \
        f"since {instant(30)}" in done.stderr
    assert done.stderr.count("since") == 1
    assert summary["pages"] + summary["tickets"] == len(
        [t for t in seen if t["event"] == "fire"])


METRICS = """
apiVersion: nines/v1
kind: Probes
probes:
  - id: pages
    interval: 15s
    timeout: 5s
    metrics: {url: "http://127.0.0.1:1/metrics"}
"""
ERRORS = """
apiVersion: nines/v1
kind: SLOs
slos:
  - name: errors
    service: api
    sli: {probe: pages, ratio: {bad: 'requests_total{code="500"}', total: requests_total}}
    objective: 99%
    window: 28d
    alerting: default
  - name: up
    service: api
    sli: {probe: pages}
    objective: 99%
    window: 28d
    alerting: default
"""


def test_samples_alone(workspace):
    """Imported without results: no run of the probe, but scrapes."""
    workspace.write("probes/pages.yaml", METRICS)
    workspace.write("slos/errors.yaml", ERRORS)
    lines, good, bad = [], 0, 0
    for i in range(480):  # two hours; the second quarter of an hour fails
        good, bad = good + 10, bad + (10 if 60 <= i < 120 else 0)
        for code, value in (("200", good), ("500", bad)):
            lines.append(json.dumps({"probe": "pages", "time": instant(i),
                                     "series": f'requests_total{{code="{code}"}}',
                                     "value": value}) + "\n")
    workspace.run("import", "--create", "interval=15s", "-", stdin="".join(lines))
    transitions, summary = replay(workspace, instant(0), instant(480))
    assert {t["slo"] for t in transitions} == {"errors"}
    assert transitions[0]["event"] == "fire"
    assert summary["results"] == 479  # the first is of before
    for t in (t for t in transitions if t["event"] in ("fire", "escalate")):
        (slo,) = [s for s in workspace.report("--at", t["at"])["slos"] if s["slo"] == "errors"]
        assert t["long"]["bad"] == slo["bad"] > 0
        assert any(tier["firing"] for tier in slo["tiers"])


# ---- a month ---------------------------------------------------------------------------

STEP = 10
START = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
DAYS = 30


def at(day, clock):
    return f"2026-03-{day:02}T{clock}Z"


def slot(day, clock):
    hour, minute, second = map(int, clock.split(":"))
    return ((day - 1) * 86400 + hour * 3600 + minute * 60 + second) // STEP


def failures():
    bad = set(range(slot(3, "10:00:00"), slot(3, "10:30:00")))  # all
    bad |= set(range(slot(8, "10:00:00"), slot(8, "10:20:00"), 2))  # every second one
    bad |= set(range(slot(13, "10:00:00"), slot(13, "10:01:10")))  # seven
    bad |= set(range(slot(18, "10:00:00"), slot(18, "10:00:50")))  # five: a blip
    bad |= set(range(slot(22, "00:00:00"), slot(24, "00:00:00"), 480))  # one in 80 minutes
    return bad


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    workspace = conftest.Workspace(tmp_path_factory.mktemp("month"))
    workspace.write("probes/api.yaml", PROBES)
    workspace.write("slos/api.yaml", SLOS.format(name="api", objective="99.9%"))
    bad, lines = failures(), []
    for i in range(DAYS * 86400 // STEP):
        when = (START + datetime.timedelta(seconds=i * STEP)).strftime("%Y-%m-%dT%H:%M:%SZ")
        what = '"bad","reason":"status","code":503' if i in bad else '"good","code":200'
        lines.append(f'{{"probe":"{PROBE}","time":"{when}","outcome":{what},"latency_ms":100}}\n')
    workspace.run("import", "--create", "interval=10s", "-", stdin="".join(lines))
    return workspace


WHOLE = ("2026-03-01T00:00:00Z", "2026-03-31T00:00:00Z")

# A tick sees the slots up to 10 s before it. 14.4 over 1 h needs 6 failures of 360 slots, 6 over
# 6 h 13 of 2160, 3 over 1 d and 1 over 3 d 26; over their short windows 1 of 5 min, 2 of 30 min,
# 3 of 2 h and 3 of 6 h. Windows of more than 1 h begin at whole minutes.
MONTH = [
    (at(3, "10:01:00"), "fire", "page", "1h"),  # the sixth failure was that of 10:00:50
    (at(3, "10:59:50"), "deescalate", "ticket", "1d"),  # of 30 min the one of 10:29:50 is left
    (at(3, "16:30:00"), "cool", "ticket", None),  # six hours after the last
    (at(3, "16:35:00"), "resolve", "ticket", None),
    (at(8, "10:01:50"), "fire", "page", "1h"),  # the sixth is that of 10:01:40
    (at(8, "10:49:30"), "deescalate", "ticket", "1d"),
    (at(8, "16:20:00"), "cool", "ticket", None),
    (at(8, "16:25:00"), "resolve", "ticket", None),
    (at(13, "10:01:00"), "fire", "page", "1h"),
    (at(13, "10:06:10"), "cool", "page", None),  # 5 min after the last; no other tier has enough
    (at(13, "10:11:10"), "resolve", "page", None),
    (at(23, "09:20:10"), "fire", "ticket", "3d"),  # the 26th, 25 times 80 minutes later
    (at(24, "02:01:00"), "cool", "ticket", None),  # the third last was at 20:00:00
    (at(24, "02:06:00"), "resolve", "ticket", None),
]

INCIDENTS = [
    {"from": at(3, "10:00:00"), "to": at(3, "10:30:00"), "name": "failover"},
    {"from": at(8, "10:00:00"), "to": at(8, "10:20:00"), "name": "half of it"},
    {"from": at(18, "10:00:00"), "to": at(18, "10:00:50"), "name": "blip"},
    {"from": at(22, "00:00:00"), "to": at(24, "00:00:00"), "name": "slow burn"},
]


def test_month(month):
    transitions, summary = replay(month, *WHOLE)
    assert [(t["at"], t["event"], t["severity"]) for t in transitions] == [m[:3] for m in MONTH]
    for t, (_, _, _, window) in zip(transitions, MONTH):
        assert window in (None, t["long"]["window"])
    first = transitions[0]
    assert (first["long"]["bad"], first["long"]["expected"]) == (6, 360)
    assert (first["short"]["bad"], first["short"]["expected"]) == (6, 30)
    assert first["long"]["burn"] == 16.6666667 and first["short"]["burn"] == 200
    del summary["results"]
    assert summary == {
        "from": WHOLE[0], "to": WHOLE[1], "slos": 1, "evaluations": 30 * 8640,
        "transitions": 14, "alerts": 4, "pages": 3, "tickets": 1, "muted": 0, "firing": 0,
        "longest_seconds": 16 * 3600 + 45 * 60 + 50, "longest_slo": "api"}


@pytest.mark.parametrize("form", ["lines", "list"])
def test_month_by_its_incidents(month, form):
    if form == "lines":
        text = "\n".join(map(json.dumps, INCIDENTS)) + "\n\n"
    else:
        text = "".join(f"- from: {i['from']}\n  to: {i['to']}\n  name: {i['name']}\n"
                       for i in INCIDENTS)
    month.write("incidents", text)
    _, summary = replay(month, *WHOLE, "--incidents", "incidents")
    assert summary["precision"] == 0.75  # the one of the 13th was none
    assert summary["recall"] == 0.75
    assert summary["incidents"] == [
        {**INCIDENTS[0], "judged": True, "alerts": 1, "severity": "page",
         "detection_seconds": 60, "page_seconds": 60, "ticket_seconds": 3590,
         "reset_seconds": 6 * 3600},
        {**INCIDENTS[1], "judged": True, "alerts": 1, "severity": "page",
         "detection_seconds": 110, "page_seconds": 110, "ticket_seconds": 2970,
         "reset_seconds": 6 * 3600},
        {**INCIDENTS[2], "judged": True, "alerts": 0, "severity": None,
         "detection_seconds": None, "page_seconds": None, "ticket_seconds": None,
         "reset_seconds": None},
        {**INCIDENTS[3], "judged": True, "alerts": 1, "severity": "ticket",
         "detection_seconds": 120010, "page_seconds": None, "ticket_seconds": 120010,
         "reset_seconds": 7260},
    ]
    text = month.run("replay", "--from", WHOLE[0], "--to", WHOLE[1], "--incidents", "incidents",
                     "--format", "text").stdout
    assert "4 alerts: 3 pages, 1 ticket; the longest 16h 45m, api from 2026-03-23 09:20:10" in text
    assert "precision 75.0%: 3 of 4 alerts" in text and "recall 75.0%: 3 of 4 incidents" in text


def test_parts_of_the_month(month):
    """History before --from counts, alerts do not; the span's end is in it."""
    whole, _ = replay(month, *WHOLE)
    part, summary = replay(month, at(13, "10:00:40"), at(13, "10:11:10"))
    assert part == whole[8:11]
    part, _ = replay(month, at(13, "10:00:40"), at(13, "10:11:09"))
    assert part == whole[8:10]
    (fire, *rest), summary = replay(month, at(3, "10:10:00"), at(4, "00:00:00"))
    assert (fire["at"], fire["event"], fire["long"]["bad"]) == (at(3, "10:10:10"), "fire", 61)
    assert [t["at"] for t in rest] == [m[0] for m in MONTH[1:4]]
    (fire,), summary = replay(month, at(23, "00:00:00"), at(24, "00:00:00"))
    assert fire == whole[11]
    assert (summary["firing"], summary["longest_seconds"]) == (1, 52790)


def test_twice_the_same(month):
    runs = {month.run("replay", "--from", WHOLE[0], "--to", WHOLE[1]).stdout for _ in range(2)}
    assert len(runs) == 1


def test_other_objectives(month):
    """99 % pages for the 52nd failure of an hour: 14.4 times 1 % of 360 slots."""
    month.write("drafts.yaml", SLOS.format(name="draft", objective="99%"))
    transitions, _ = replay(month, *WHOLE, "--slos", "drafts.yaml")
    assert {t["slo"] for t in transitions} == {"draft"}
    assert transitions[0]["at"] == at(3, "10:08:40")
    assert not any(t["at"].startswith("2026-03-23") for t in transitions)
    (month.path / "drafts").mkdir(exist_ok=True)
    (month.path / "drafts.yaml").rename(month.path / "drafts" / "one.yaml")
    assert replay(month, *WHOLE, "--slos", "drafts")[0] == transitions


@pytest.mark.parametrize("args, says", [
    (("--slos", "nowhere"), "there is no file or folder 'nowhere'"),
    (("--slo", "apy"), "unknown SLO 'apy'; did you mean 'api'?"),
    (("--incidents", "nowhere"), "nowhere: error: cannot be opened"),
])
def test_refused(month, args, says):
    done = month.run("replay", "--from", WHOLE[0], "--to", WHOLE[1], *args, check=False)
    assert done.returncode == 1 and done.stdout == "" and says in done.stderr


@pytest.mark.parametrize("text, says", [
    ('{"from": "2026-03-01T00:00:00Z", "name": "x"}\n', "incidents:1:1: error: missing key 'to'"),
    ('{"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", "name": "x"}\n'
     '{"form": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", "name": "x"}\n',
     "incidents:2:2: error: unknown key 'form'; did you mean 'from'?"),
    ('- {from: yesterday, to: 2026-03-02T00:00:00Z, name: x}\n', "incidents:1:10: error:"),
    ('- {from: 2026-03-02T00:00:00Z, to: 2026-03-02T00:00:00Z, name: x}\n',
     "'from' must be before 'to'"),
    ("from: x\n", "expected a list of incidents"),
    ("", "expected one list of incidents; found nothing"),
])
def test_refused_incidents(month, text, says):
    month.write("incidents", text)
    done = month.run("replay", "--from", WHOLE[0], "--to", WHOLE[1], "--incidents", "incidents",
                     check=False)
    assert done.returncode == 1 and done.stdout == "" and says in done.stderr


def test_usage(month):
    for args in ((), ("--from", WHOLE[0]), ("--from", WHOLE[1], "--to", WHOLE[0]),
                 ("--from", WHOLE[0], "--to", WHOLE[1], "--format", "csv"),
                 ("--from", WHOLE[0], "--to", WHOLE[1], "api")):
        assert month.run("replay", *args, check=False).returncode == 2


def test_probe_without_history(month):
    month.write("drafts2.yaml", SLOS.format(name="fine", objective="99%"))
    month.write("probes/new.yaml", PROBES.replace(PROBE, "new"))
    slo = SLOS.format(name="early", objective="99%").replace(PROBE, "new")
    month.write("drafts2.yaml", SLOS.format(name="fine", objective="99%") + "---" + slo)
    done = month.run("replay", "--from", WHOLE[0], "--to", WHOLE[1], "--slos", "drafts2.yaml")
    assert "SLO 'early' is left out: nothing is stored of probe 'new'" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["summary"]["slos"] == 1
    (month.path / "probes" / "new.yaml").unlink()
