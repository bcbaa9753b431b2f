"""A month as tests/tools/month.py tells it, replayed: an overload, an outage, a bad deploy, a slow
burn and a blip, an hour that nobody saw in the middle of an alert, a service that is hours old.

Which alerts there must be is worked out from the counts, tick by tick, by tests/tools/alerting.py.
Whom that tells, and when, is worked out by tests/tools/paging.py, and `nines alerts simulate` must
say the same. What people read is in tests/golden/replay/month.txt; NINES_UPDATE_GOLDEN=1 writes it
anew.
"""
import datetime
import json
import os
import sys

import conftest
import pytest

sys.path.insert(0, str(conftest.ROOT / "tests" / "tools"))
import agreement
import alerting
import month as made
import paging

GOLDEN = conftest.ROOT / "tests" / "golden" / "replay" / "month.txt"
SPAN = ("--from", made.rfc3339(made.START), "--to", made.rfc3339(made.END))
pytestmark = pytest.mark.skipif(int(os.environ.get("NINES_HISTORIES", "24")) <= 3,
                                reason="the month is the plain binary's")

ROUTING = """apiVersion: nines/v1
kind: Daemon
receivers: [{name: all, log: {}}, {name: pager, log: {}}, {name: desk, log: {}}]
route:
  receiver: all
  group_by: [slo]
  group_interval: 5m
  repeat_interval: 4h
  routes:
    - {receiver: pager, matchers: [severity=critical], group_by: [service], group_wait: 10s,
       repeat_interval: 20m, continue: true}
    - {receiver: desk, matchers: [severity=warning, slo=requests], group_by: ['...'], group_wait: 1m,
       group_interval: 10m, repeat_interval: 12h, mute_time_intervals: [monday]}
inhibit_rules:
  - {source_matchers: [slo=up, severity=critical], target_matchers: [severity=warning],
     equal: [service]}
time_intervals:
  - {name: monday, time_intervals: [{weekdays: [monday]}]}
"""


def monday(t):
    return datetime.datetime.fromtimestamp(t, made.UTC).weekday() == 0


ROUTES = paging.Route("all", ["slo"], routes=[
    paging.Route("pager", ["service"], 10, 300, 1200, {"severity": "critical"}, more=True),
    paging.Route("desk", None, 60, 600, 12 * made.HOUR,
                 {"severity": "warning", "slo": "requests"}, muted=monday)])
INHIBITIONS = [({"slo": "up", "severity": "critical"}, {"severity": "warning"}, ["service"])]
SILENCES = [(made.at(19, "03:30"), made.at(19, "06:00"), {"slo": "requests"}),
            (made.at(23, "10:00"), made.at(24, "06:00"), {"slo": "latency"})]


class Told:
    """What nines says of the month, and what it must say."""

    def __init__(self, folder):
        month = made.Month()
        self.folder = folder
        self.nines = nines = agreement.Nines(conftest.binary(), folder, month)
        nines.write("incidents.ndjson", "".join(
            json.dumps({"from": made.rfc3339(begin), "to": made.rfc3339(end), "name": name}) + "\n"
            for name, begin, end, *_ in made.INCIDENTS))
        replay = ("replay", *SPAN, "--incidents", "incidents.ndjson")
        *self.transitions, summary = map(json.loads, nines.run(*replay).splitlines())
        self.summary = summary["summary"]
        self.text = nines.run(*replay, "--format", "text")
        self.again = nines.run(*replay, "--format", "text")
        self.objectives = agreement.objectives(month)
        self.wanted = {slo: list(objective.transitions(made.START, made.END))
                       for slo, objective in self.objectives.items()}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return Told(tmp_path_factory.mktemp("replay"))


@pytest.mark.parametrize("slo", agreement.SLOS)
def test_every_transition(told, slo):
    said = [(t["at"], t["event"], t["severity"], t["notify"], t["state"]["firing"],
             t["long"]["window"], t["short"]["window"])
            for t in told.transitions if t["slo"] == slo]
    assert said == [(made.rfc3339(t["at"]), t["event"], t["severity"], t["sent"], t["firing"],
                     t["cause"][1], t["cause"][2]) for t in told.wanted[slo]]


@pytest.mark.parametrize("slo", agreement.SLOS)
def test_the_counts_that_decided(told, slo):
    objective = told.objectives[slo]
    said = [t for t in told.transitions if t["slo"] == slo]
    for t, wanted in zip(said, told.wanted[slo]):
        for side, name in zip(("long", "short"), wanted["cause"][1:3]):
            bad, total, _, slots = counts = objective.window(wanted["at"], name)
            assert (t[side]["bad"], t[side]["good"], t[side]["expected"]) == \
                (bad, total - bad, slots), t["at"]
            assert t[side]["burn"] == pytest.approx(float(objective.burn(counts)), rel=1e-8)


def test_the_story_is_in_it(told):
    """Each turn of the state machine is taken, one of them held by an hour without data."""
    assert {t["event"] for t in told.transitions} == {
        "fire", "escalate", "deescalate", "cool", "refire", "resolve"}
    page, after = (t for t in told.wanted["up"]
                   if made.at(13, "14:50") <= t["at"] < made.at(13, "20:00"))
    assert (page["event"], after["event"]) == ("escalate", "deescalate")
    assert after["at"] == made.ABSENT[1] + 15 * 60  # half of 30 minutes is seen again


def test_incidents(told):
    alerts = [a for each in told.wanted.values() for a in alerting.alerts(each)]
    incidents = [i[:3] for i in made.INCIDENTS]
    precision, recall, what = alerting.score(alerts, incidents, made.END)
    assert told.summary["alerts"] == len(alerts)
    assert told.summary["pages"] == sum("page" in a.told for a in alerts)
    assert told.summary["precision"] == pytest.approx(precision, abs=1e-6)
    assert told.summary["recall"] == pytest.approx(recall, abs=1e-6)
    for said in told.summary["incidents"]:
        assert said["judged"]
        assert {key: said[key] for key in what[said["name"]]} == what[said["name"]], said["name"]


def simulated(told, changes):
    told.nines.write("routing.yaml", ROUTING)
    lines = [(c.at, {"at": made.rfc3339(c.at), "status": "firing" if c.firing else "resolved",
                     "labels": c.labels}) for c in changes]
    lines += [(begin, {"at": made.rfc3339(begin), "until": made.rfc3339(end),
                       "silence": ",".join(f"{k}={v}" for k, v in of.items())})
              for begin, end, of in SILENCES]
    told.nines.write("alerts.ndjson", "".join(
        json.dumps(line) + "\n" for _, line in sorted(lines, key=lambda line: line[0])))
    out = told.nines.run("alerts", "simulate", "--config", "routing.yaml", "--for", "1d", "--json",
                         "alerts.ndjson")
    return [json.loads(line) for line in out.splitlines()]


def test_whom_it_tells(told):
    changes = sorted((
        c._replace(began=c.at) for slo, transitions in told.wanted.items()
        for c in paging.changes(transitions, {"alertname": "ErrorBudgetBurn", "slo": slo,
                                              "service": "api"})), key=lambda c: c.at)
    said = simulated(told, changes)
    sent = [paging.read(m["message"], made.seconds) for m in said if m["event"] == "send"]
    wanted = paging.messages(ROUTES, changes, changes[-1].at + made.DAY, silences=SILENCES,
                             inhibitions=INHIBITIONS)
    assert sorted(sent) == sorted(wanted)
    assert {m["stage"] for m in said if m["event"] == "held"} == {"inhibit", "silence", "interval"}
    assert {m[1] for m in wanted} == {"all", "pager", "desk"}
    again = [m["why"] for m in said if m["event"] == "send"]
    assert again.count("repeat") > 10 and again.count("news") > 20


def test_what_people_read(told):
    assert told.text == told.again
    if os.environ.get("NINES_UPDATE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(told.text)
    assert told.text == GOLDEN.read_text()
