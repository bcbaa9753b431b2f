"""Spend caps of a real daemon: as many requests leave as they allow, counted at the server
that is asked, by a clock of the test's."""
import contextlib
import json
import sqlite3
import threading
import urllib.request

import conftest

ANSWER = {"output": "ready", "model": "m", "usage": {"in": 60, "out": 40}}
JSON = {"Content-Type": "application/json"}

NINES = """apiVersion: nines/v1
kind: Daemon
probes: probes
slos: slos
{more}
"""

PROBES = """apiVersion: nines/v1
kind: Probes
defaults: {{interval: 1m, timeout: 10s}}
probes:
{probes}
"""

# 60 bytes of a request, 20 tokens at worst, and 80 of an answer.
AGENT = """
  - id: {id}
    agent:
      protocol: json
      url: {url}/ask
      body: '{body}'
      read: {{text: $.output, model: $.model, tokens_in: $.usage.in, tokens_out: $.usage.out}}
      {spend}
"""
BODY = '{"model": "m", "max_tokens": 80, "q": "ready?", "x": "1234"}'
assert len(BODY) == 60

SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: up, service: s, sli: {probe: chat}, objective: 99%, window: 1d, alerts: [{silent: true}]}
"""

PRICES = "prices: {currency: USD, models: {m: {input: 1, output: 2}}}\n"


def agent(url, spend="", id="chat"):
    return AGENT.format(id=id, url=url, body=BODY, spend=f"spend: {spend}" if spend else "")


def configure(site, *agents, more=""):
    site.write("nines.yaml", NINES.format(more=more))
    site.write("probes/p.yaml", PROBES.format(probes="".join(agents)))
    site.write("slos/s.yaml", SLOS)


def answer(target, **usage):
    target.answer = (200, JSON, json.dumps({**ANSWER, "usage": usage or ANSWER["usage"]}).encode())


def start(site, daemons, time):
    site.write("clock", time)
    daemon = daemons(site, "--test-clock", "clock")
    daemon.wait("test clock reached", time=time)
    return daemon


def metrics(daemon):
    """{"name{labels}": value} of a daemon that is up."""
    address = next(e["address"] for e in daemon.log if isinstance(e, dict) and e.get("msg") == "serving")
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=conftest.PATIENCE) as answer:
        lines = answer.read().decode().splitlines()
    return {key: float(value) for key, value in
            (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def results(site, probe="chat"):
    """(outcome, reason) of each slot, in their order."""
    text = site.run("export", "results", "--probe", probe).stdout
    return [(r["outcome"], r.get("reason", "")) for r in map(json.loads, text.splitlines())
            if r.get("probe") == probe and "time" in r]


def test_a_cap_of_tokens_is_kept_exactly(workspace, target, daemons):
    # Each run takes 100 at worst and uses as many: 10 an hour.
    answer(target)
    configure(workspace, agent(target.url, "{hour: {tokens: 1000}}"))
    d = start(workspace, daemons, "2026-03-01T08:00:00Z")
    d.advance("2026-03-01T08:59:59Z")
    assert target.hits == 10
    d.advance("2026-03-01T09:00:00Z")
    d.advance("2026-03-01T09:05:00Z")
    assert 14 <= target.hits <= 16  # by the phase of its slots
    d.advance("2026-03-01T09:59:59Z")
    assert target.hits == 20
    slots = results(workspace)
    assert len(slots) == 120
    assert slots == 2 * (10 * [("good", "")] + 50 * [("excluded", "spend_cap")])

    # They leave what is promised: nothing is missing, and nothing is bad.
    slo, = workspace.report("--from", "2026-03-01T08:00:00Z", "--to", "2026-03-01T10:00:00Z")["slos"]
    assert (slo["good"], slo["bad"], slo["excluded"]) == (20, 0, 100)
    assert slo["coverage"]["missing"]["prober_down"] == 0
    assert slo["coverage"]["expected"] == slo["coverage"]["observed"] == 20
    assert slo["answers"]["held_back"] == 100
    assert slo["answers"]["tokens"]["in"] == 1200 and slo["answers"]["tokens"]["out"] == 800


def test_what_is_not_used_is_given_back(workspace, target, daemons):
    # 100 at worst, 10 in fact: 91 fit before the 92nd might be too much.
    answer(target, **{"in": 6, "out": 4})
    configure(workspace, agent(target.url, "{day: {tokens: 1009}}"))
    d = start(workspace, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T06:00:00Z")
    assert target.hits == 91
    d.advance("2026-03-01T23:59:59Z")
    assert target.hits == 91
    d.advance("2026-03-02T00:59:59Z")
    assert target.hits == 91 + 60


def test_usage_that_is_not_told_counts_as_what_it_may_come_to(workspace, target, daemons):
    target.answer = (200, JSON, b'{"output": "ready"}')
    configure(workspace, agent(target.url, "{hour: {tokens: 1099}}"))
    d = start(workspace, daemons, "2026-03-01T08:00:00Z")
    d.advance("2026-03-01T08:59:59Z")
    assert target.hits == 10
    # A restart counts them in the same way.
    assert d.stop() == 0
    d = start(workspace, daemons, "2026-03-01T08:59:59Z")
    d.advance("2026-03-01T09:59:59Z")
    assert target.hits == 20


def test_a_cap_of_money(workspace, target, daemons):
    # (60 * 1 + 40 * 2) / 10^6 are 0.00014 for a run; 20 and 80 tokens would be 0.00018.
    answer(target)
    configure(workspace, agent(target.url, "{hour: {cost: 0.0015}}"), more=PRICES)
    d = start(workspace, daemons, "2026-03-01T08:00:00Z")
    d.advance("2026-03-01T08:59:59Z")
    assert target.hits == 10  # 9 and what the tenth may come to are 0.00144; then it is 0.0014
    slo, = workspace.report("--at", "2026-03-01T09:00:00Z")["slos"]
    assert slo["answers"]["cost"]["total"] == "0.0014"
    message, = {m for m in workspace.messages("chat")}
    assert message == ("not sent until 09:00 UTC: 0.0014 USD of 0.0015 USD an hour of this probe"
                       " are spent, and a run may come to 0.00018 USD")


def test_all_probes_share_a_cap_and_a_reload_raises_it(workspace, target, daemons):
    answer(target)
    both = [agent(target.url), agent(target.url, id="other")]
    configure(workspace, *both, more="spend: {hour: {tokens: 2000}}")
    d = start(workspace, daemons, "2026-03-01T08:00:00Z")
    d.advance("2026-03-01T08:30:00Z")
    assert target.hits == 20
    configure(workspace, *both, more="spend: {hour: {tokens: 2500}, day: {tokens: 4000}}")
    d.signal(1)
    d.wait("configuration reloaded")
    d.advance("2026-03-01T08:59:59Z")
    assert target.hits == 25
    d.advance("2026-03-01T10:59:59Z")
    assert target.hits == 40


def test_a_kill_in_the_middle_never_overspends(workspace, target, daemons):
    """What is in flight when it is killed is lost to the next process, and no more."""
    answer(target)
    configure(workspace, agent(target.url, "{day: {tokens: 3000}}"))
    clock = "2026-03-01T00:{:02}:00Z"
    for minute in (7, 14, 21):
        d = start(workspace, daemons, clock.format(minute - 7))
        d.advance(clock.format(minute))
        d.kill()
    before = target.hits
    assert 20 <= before <= 22
    d = start(workspace, daemons, clock.format(21))
    d.advance("2026-03-01T23:00:00Z")
    assert target.hits == 30

    # One that hangs: its tokens are not known to the next process.
    d.advance("2026-03-02T00:10:00Z")
    assert d.stop() == 0
    sent, gate = target.hits, threading.Event()
    good = target.server.RequestHandlerClass.do_POST

    def hang(handler):
        target.hits += 1
        target.arrivals.release()
        gate.wait(conftest.PATIENCE)

    while target.arrivals.acquire(blocking=False):
        pass
    target.server.RequestHandlerClass.do_POST = hang
    d = start(workspace, daemons, "2026-03-02T00:10:00Z")
    workspace.write("clock", "2026-03-02T00:12:00Z")
    assert target.arrivals.acquire(timeout=conftest.PATIENCE)
    d.kill()
    gate.set()
    target.server.RequestHandlerClass.do_POST = good
    d = start(workspace, daemons, "2026-03-02T00:12:00Z")
    d.advance("2026-03-02T23:59:59Z")
    assert target.hits - 30 == 30 + 1, (sent, target.hits)


def test_held_back_is_shown_and_pages_nobody(workspace, target, daemons):
    answer(target)
    configure(workspace, agent(target.url, "{hour: {tokens: 300}, day: {tokens: 20000}}"),
              more=PRICES)
    d = start(workspace, daemons, "2026-03-01T08:00:00Z")
    d.advance("2026-03-01T08:50:00Z")
    assert target.hits == 3
    text = workspace.run("status").stdout
    assert "\n    not sent until 09:00 UTC: 300 of 300 tokens an hour of this probe are spent" in text
    status = json.loads(workspace.run("status", "--json").stdout)
    probe, = status["probes"]
    assert probe["last"]["reason"] == "spend_cap"
    assert probe["held_back"]["last_run"]["outcome"] == "good"
    assert status["alerts_on"] == 0

    m = metrics(d)
    assert m['nines_probe_held_slots_total{probe="chat",reason="spend_cap"}'] == 47
    assert m['nines_probe_held{probe="chat",reason="spend_cap"}'] == 1
    assert m['nines_probe_good{probe="chat"}'] == 1
    assert m['nines_probe_input_tokens_total{probe="chat"}'] == 180
    assert m['nines_probe_cost_total{probe="chat",currency="USD"}'] == 0.00042
    assert m['nines_probe_spent_tokens{probe="chat",span="hour"}'] == 300
    assert m['nines_probe_spend_cap_tokens{probe="chat",span="hour"}'] == 300
    assert m['nines_spent_cost{span="day",currency="USD"}'] == 0.00042

    # The same is counted as spent after a restart.
    assert d.stop() == 0
    d = start(workspace, daemons, "2026-03-01T08:50:00Z")
    m = metrics(d)
    assert m['nines_probe_spent_tokens{probe="chat",span="day"}'] == 300
    assert m['nines_probe_spent_cost{probe="chat",span="day",currency="USD"}'] == 0.00042


def test_a_price_changes_what_runs_cost_from_then_on(workspace, target, daemons):
    answer(target)
    configure(workspace, agent(target.url), more=PRICES)
    d = start(workspace, daemons, "2026-03-01T08:00:00Z")
    d.advance("2026-03-01T08:10:00Z")
    runs = target.hits
    configure(workspace, agent(target.url), more=PRICES.replace("output: 2", "output: 4"))
    d.signal(1)
    d.wait("configuration reloaded")
    d.advance("2026-03-01T08:20:00Z")
    slo, = workspace.report("--at", "2026-03-01T08:20:00Z")["slos"]
    assert slo["answers"]["cost"]["total"] == f"{(runs * 140 + (target.hits - runs) * 220) / 1e6:.6f}".rstrip("0")
    with contextlib.closing(sqlite3.connect(workspace.path / "nines.db")) as db:
        assert db.execute("SELECT count(*) FROM probe_revision").fetchone() == (1,)


def test_what_is_spent_now_is_shown(workspace, target, daemons):
    """By the real clock, as people look."""
    answer(target)
    configure(workspace, agent(target.url, "{day: {tokens: 1000000}}"),
              more=PRICES + "spend: {day: {cost: 5}}")
    site = workspace.path / "probes/p.yaml"
    site.write_text(site.read_text().replace("interval: 1m, timeout: 10s", "interval: 200ms, timeout: 200ms"))
    d = daemons(workspace)
    for _ in range(3):
        assert target.arrivals.acquire(timeout=conftest.PATIENCE)
    assert d.stop() == 0
    sent = target.hits
    status = json.loads(workspace.run("status", "--json").stdout)
    probe, = status["probes"]
    day = probe["spend"]["day"]
    if day["tokens"]:  # else it is a day later by now
        assert (day["tokens"], day["tokens_cap"]) == (100 * sent, 1000000)
        assert day["cost"] == f"{sent * 140 / 1e6:.6f}".rstrip("0") and day["cost_cap"] is None
        assert status["spend"]["day"]["cost_cap"] == "5"
        assert status["spend"]["currency"] == "USD"
        text = workspace.run("status").stdout
        assert f"\n    {100 * sent} of 1,000,000 tokens, " in text.replace(f"{100 * sent:,}", f"{100 * sent}")
        assert " of 5 USD today" in text
