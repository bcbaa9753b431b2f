"""What a report says of agents' answers, against sums over the exported lines: the days'
tokens and cost to the last digit, times within the sketch's error, measures exactly."""
import collections
import csv
import decimal
import io
import json
import math
import pathlib
import re
import sys
import urllib.request

import pytest
from conftest import Workspace

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import recompute

AT = "2026-11-21T06:30:00Z"
DAYS = 8
DAY = 86_400_000_000

NINES = """
apiVersion: nines/v1
kind: Daemon
database: nines.db
prices:
  currency: USD
  models:
    gpt-4o-mini: {input: 0.15, output: 0.60, cached_input: 0.075}
    sample: {input: 3, output: 15}
"""

PROBES = """
apiVersion: nines/v1
kind: Probes
defaults: {interval: 5m, timeout: 60s}
probes:
  - id: chat-answers
    agent: {protocol: openai, url: "http://127.0.0.1:9/v1/chat/completions", model: gpt-4o-mini,
            prompt: "Reply with the word ready. Run {nonce}.", max_tokens: 64}
  - id: support-messages
    agent: {protocol: anthropic, url: "http://127.0.0.1:9/v1/messages", model: sample,
            prompt: "Hello. Run {nonce}.", max_tokens: 64}
  - id: search-tool
    agent: {protocol: mcp, url: "http://127.0.0.1:9/mcp", tool: search}
"""

MEASURES = {
    "chat-answered": "{probe: chat-answers}",
    "chat-first-token": "{probe: chat-answers, ttft_faster_than: 300ms}",
    "chat-no-gap": "{probe: chat-answers, gap_below: 50ms}",
    "chat-speed": "{probe: chat-answers, tokens_per_second_at_least: 70}",
    "support-cost": "{probe: support-messages, cost_at_most: 0.001}",
    "chat-whole": "{probe: chat-answers, faster_than: 700ms}",
    "support-answered": "{probe: support-messages}",
    "search-works": "{probe: search-tool}",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("agents"))
    workspace.write("nines.yaml", NINES)
    workspace.write("probes/agents.yaml", PROBES)
    slos = "".join(f"  - {{name: {name}, service: agents, sli: {sli}, objective: 99%, window: 7d,"
                   f" alerting: none}}\n" for name, sli in MEASURES.items())
    workspace.write("slos/agents.yaml", f"apiVersion: nines/v1\nkind: SLOs\nslos:\n{slos}")
    history = workspace.run("demo", "history", "--agents", "--to", AT, "--days", DAYS).stdout
    workspace.run("import", "--create", "interval=5m", "-", stdin=history)
    return workspace


class Run:
    def __init__(self, line):
        self.at = recompute.instant(line["time"])
        self.outcome, self.reason = line["outcome"], line.get("reason", "none")
        self.total_ms = decimal.Decimal(line.get("latency_ms", 0))
        self.answer = line.get("answer")

    def number(self, key):
        value = (self.answer or {}).get(key)
        return None if value is None else decimal.Decimal(value)


def runs_of(site, probe):
    lines = site.run("export", "results", "--probe", probe).stdout.splitlines()
    return [Run(json.loads(line, parse_float=decimal.Decimal)) for line in lines]


def within(runs, start, end):
    return [r for r in runs if start <= r.at < end]


def span(slo):
    return recompute.instant(slo["window"]["start"]), recompute.instant(slo["window"]["end"])


Sums = collections.namedtuple(
    "Sums", "runs good tokens_in tokens_out unknown cost cost_unknown held")


def add_up(runs):
    sent = [r for r in runs if r.answer is not None]
    told = [r for r in sent if r.number("tokens_in") is not None
            and r.number("tokens_out") is not None]
    paid = [r for r in sent if r.number("cost") is not None]
    return Sums(sum(r.outcome in ("good", "bad") for r in sent),
                sum(r.outcome == "good" for r in sent),
                int(sum(r.number("tokens_in") or 0 for r in sent)),
                int(sum(r.number("tokens_out") or 0 for r in sent)), len(sent) - len(told),
                sum((r.number("cost") for r in paid), decimal.Decimal(0)), len(sent) - len(paid),
                sum(r.outcome == "excluded" and r.reason == "spend_cap" for r in runs))


def told(day):
    return Sums(day["runs"], day["good"], day["tokens_in"], day["tokens_out"], day["unknown_runs"],
                decimal.Decimal(day["cost"]), day["cost_unknown_runs"], day["held_back"])


def slo_of(report, name):
    return next(s for s in report["slos"] if s["slo"] == name)


def test_a_days_cost_is_the_sum_of_its_lines(site):
    report = site.report("--at", AT)
    for name, probe in (("chat-answered", "chat-answers"),
                        ("support-answered", "support-messages")):
        slo = slo_of(report, name)
        answers, (start, end) = slo["answers"], span(slo)
        runs = within(runs_of(site, probe), start, end)
        assert len(answers["days"]) == 8  # seven days that begin in the middle of one
        for day in answers["days"]:
            midnight = recompute.instant(day["day"] + "T00:00:00Z")
            assert told(day) == add_up(within(runs, midnight, midnight + DAY)), day
        whole = add_up(runs)
        cost = answers["cost"]
        assert whole.cost > 0 and cost["currency"] == "USD"
        assert decimal.Decimal(cost["total"]) == whole.cost
        assert cost["unknown_runs"] == whole.cost_unknown
        assert cost["lower_bound"] == (whole.cost_unknown > 0)
        exact = whole.cost * 10 ** 12 / whole.good
        rounded = int((2 * exact + 1) // 2)
        assert decimal.Decimal(cost["per_good_answer"]) * 10 ** 12 == rounded
        assert (answers["tokens"]["in"], answers["tokens"]["out"]) == whole[2:4]
        assert (answers["runs"], answers["good"]) == whole[:2]
        assert answers["held_back"] == whole.held
        assert answers["limited"] == sum(r.outcome != "good" and
                                         r.reason in ("rate_limited", "overloaded") for r in runs)


def test_what_a_cap_held_back_is_not_missing(site):
    slo = slo_of(site.report("--at", AT), "support-answered")
    assert slo["answers"]["held_back"] > 0
    assert slo["excluded"] >= slo["answers"]["held_back"]
    assert slo["coverage"]["missing"] == {"prober_down": 0, "target_silent": 0, "not_started": 0}


def rank(values, q):
    """The value of rank ceil(q n); failed runs, None, above all others."""
    known = sorted(v for v in values if v is not None)
    at = math.ceil(len(values) * q) - 1
    return known[at] if at < len(known) else None


@pytest.mark.parametrize("key, name", [("first_token_ms", "ttft"), ("gap_ms", "gap")])
def test_percentiles_of_times(site, key, name):
    slo = slo_of(site.report("--at", AT), "chat-answered")
    runs = [r for r in within(runs_of(site, "chat-answers"), *span(slo)) if r.answer is not None]
    runs = [r for r in runs if r.outcome == "bad" or r.number(key) is not None]
    times = [r.number(key) if r.outcome == "good" else None for r in runs]
    got = slo["answers"][name]
    assert got["count"] == len(times)
    assert got["censored"] == times.count(None)
    for q in (50, 90, 95, 99):
        want = rank(times, decimal.Decimal(q) / 100)
        assert (f"p{q}" in got["lower_bound"]) == (want is None)
        if want is not None:
            assert got[f"p{q}"] * 1000 == pytest.approx(float(want), rel=0.01)


def keeps(run, name):
    """None: it does not tell."""
    if name == "chat-whole":
        return run.total_ms <= 700
    if name == "chat-first-token":
        value = run.number("first_token_ms")
        return None if value is None else value <= 300
    if name == "chat-no-gap":
        return None if run.number("last_event_ms") is None else (run.number("gap_ms") or 0) <= 50
    if name == "support-cost":
        value = run.number("cost")
        return None if value is None else value <= decimal.Decimal("0.001")
    first, last, tokens = (run.number(k) for k in ("first_token_ms", "last_token_ms", "tokens_out"))
    if tokens is None or last is None:
        return None
    tokens -= run.number("tokens_reasoning") or 0
    return tokens * 1000 >= 70 * (last - first if last > first else last)


@pytest.mark.parametrize("name", ["chat-first-token", "chat-no-gap", "chat-speed", "support-cost",
                                  "chat-whole"])
def test_objectives_by_measures(site, name):
    slo = slo_of(site.report("--at", AT), name)
    good = bad = excluded = 0
    for run in within(runs_of(site, slo["source"]["probe"]), *span(slo)):
        kept = keeps(run, name) if run.outcome == "good" else None
        good += run.outcome == "good" and kept is True
        bad += run.outcome == "bad" or kept is False
        excluded += run.outcome == "excluded" or (run.outcome == "good" and kept is None)
    assert (slo["good"], slo["bad"], slo["excluded"]) == (good, bad, excluded)
    assert slo["source"]["kind"] == ("results" if name == "chat-whole" else "answers")
    assert bad > 0 and good > 0
    told = json.loads(site.run("explain", name, "--at", AT, "--json").stdout)
    assert (told["good"], told["bad"], told["excluded"]) == (good, bad, excluded)
    line = site.run("explain", name, "--at", AT).stdout.splitlines()[3]
    assert line.endswith(f" events; {excluded:,} excluded" if excluded else " events")


def test_every_format_tells_the_same_cost(site):
    report = site.report("--at", AT)
    answers = slo_of(report, "chat-answered")["answers"]
    rows = io.StringIO(site.run("report", "--format", "csv", "--at", AT).stdout)
    row = next(r for r in csv.DictReader(rows) if r["slo"] == "chat-answered")
    assert row["cost"] == answers["cost"]["total"]
    assert row["cost_per_good_answer"] == answers["cost"]["per_good_answer"]
    assert row["tokens_out"] == str(answers["tokens"]["out"])
    assert float(row["ttft_p95"]) == answers["ttft"]["p95"]
    for form in ("text", "markdown", "html"):
        text = site.run("report", "--format", form, "--at", AT).stdout
        assert f"{answers['tokens']['in']:,} in" in text, form
        assert "USD a good answer" in text, form
    page = site.run("report", "--format", "html", "--at", AT).stdout
    assert page.count("<b>Tokens by day</b>") == len({s["source"]["probe"] for s in report["slos"]
                                                      if s["answers"]["tokens"]["in"]})


def shown(cost):
    """Three digits, as people read them; more where they stand before the point."""
    digits = max(0, 2 - cost.adjusted())
    return str(cost.quantize(decimal.Decimal(1).scaleb(-digits), decimal.ROUND_HALF_UP))


@pytest.mark.parametrize("name, probe", [("chat-answered", "chat-answers"),
                                         ("support-answered", "support-messages")])
def test_a_day_by_hand_is_what_people_read(site, name, probe):
    """The last whole day, in the table of the text and on the page's chart."""
    midnight = recompute.instant(AT) // DAY * DAY - DAY
    day = add_up(within(runs_of(site, probe), midnight, midnight + DAY))
    least = "≥" if day.cost_unknown else ""
    text = site.run("report", "--at", AT, "--slo", name).stdout
    line, = re.findall(r"^ +(?:By day +)?20 Nov +(.*)$", text, re.M)
    assert re.split("  +", line) == [
        str(day.runs), str(day.good), f"{day.tokens_in:,}", f"{day.tokens_out:,}",
        f"{least}{shown(day.cost)} USD", str(day.held)]
    page = site.run("report", "--at", AT, "--slo", name, "--format", "html").stdout
    assert f"{least}{shown(day.cost)} USD; {day.runs} runs" in page


def test_a_day_by_hand_is_what_metrics_say(site, tmp_path, daemons):
    """A daemon that begins with this history counts what was spent in it since midnight."""
    (tmp_path / "metrics").mkdir()
    clone = Workspace(tmp_path / "metrics")
    for name in ("nines.yaml", "probes/agents.yaml", "slos/agents.yaml"):
        clone.write(name, (site.path / name).read_text())
    history = site.run("export", "results").stdout
    clone.run("import", "--create", "interval=5m", "-", stdin=history)
    clone.write("clock", AT)
    daemon = daemons(clone, "--test-clock", "clock")
    address = daemon.wait("serving")["address"]
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    said = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    midnight = recompute.instant(AT) // DAY * DAY
    for probe in ("chat-answers", "support-messages"):
        runs = within(runs_of(site, probe), midnight, recompute.instant(AT))
        day = add_up(runs)
        assert day.runs > 50 and not day.cost_unknown
        key = f'nines_probe_spent_cost{{probe="{probe}",span="day",currency="USD"}}'
        assert decimal.Decimal(said[key]) == day.cost
        key = f'nines_probe_spent_tokens{{probe="{probe}",span="day"}}'
        assert int(said[key]) == day.tokens_in + day.tokens_out
    assert daemon.stop() == 0


def test_reasons_in_an_explanation(site):
    explained = json.loads(site.run("explain", "chat-first-token", "--at", AT, "--json").stdout)
    late = [r for r in explained["rows"]["rows"] if r["reason"] == "latency"]
    assert late and all(r["message"].startswith("first token after ") and
                        r["message"].endswith("ms, 300ms allowed") for r in late), late
    explained = json.loads(site.run("explain", "support-cost", "--at", AT, "--json",
                                    "--limit", "100").stdout)
    dear = [r["message"] for r in explained["rows"]["rows"] if r["reason"] == "cost"]
    seen = [re.fullmatch(r"a cost of (0\.\d+) USD, at most 0\.001 allowed", m) for m in dear]
    assert seen and all(m and decimal.Decimal(m[1]) > decimal.Decimal("0.001") for m in seen), dear


def imported(folder, lines):
    """Lines of one probe by their slot, of two objectives on it."""
    workspace = Workspace(folder)
    workspace.write("nines.yaml", NINES)
    workspace.write("probes/agents.yaml", PROBES)
    workspace.write("slos/agents.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n" + "".join(
        f"  - {{name: {name}, service: agents, sli: {{probe: chat-answers{more}}},"
        f" objective: 90%, window: 1d, alerting: none}}\n"
        for name, more in (("answered", ""), ("cheap", ", cost_at_most: 0.001"))))
    start, step = recompute.instant("2026-11-20T00:00:00Z"), 5 * 60_000_000
    data = "".join(json.dumps({"probe": "chat-answers",
                               "time": recompute.when(start + line.pop("slot") * step), **line})
                   + "\n" for line in lines)
    workspace.run("import", "--create", "interval=5m", "-", stdin=data)
    return workspace


def test_slots_before_the_first_answer_that_tells_are_not_started(tmp_path):
    """Two hours without costs, an hour of nothing, an hour with costs, and nothing again: what
    the prober missed is only the latter, of an objective on costs."""
    workspace = imported(tmp_path, (
        {"slot": slot, "outcome": "good", "code": 200, "latency_ms": 900,
         "answer": {"cost": "0.0005"} if slot >= 36 else {}}
        for slot in (*range(24), *range(36, 48), 60)))
    at = ("--at", "2026-11-20T05:05:00Z")
    slos = {s["slo"]: s for s in workspace.report(*at)["slos"]}
    down = {name: s["coverage"]["missing"]["prober_down"] for name, s in slos.items()}
    assert down == {"answered": 24, "cheap": 12}
    assert [slos["cheap"][key] for key in ("good", "bad", "excluded")] == [13, 0, 24]
    assert slos["cheap"]["state"] == "warming"
    for name, n in down.items():
        found = json.loads(workspace.run("explain", name, "--format", "json", *at).stdout)
        assert found["missing"]["slots"] == n


def test_days_add_up_whatever_came_of_their_runs(tmp_path):
    """A day whose runs the prober cannot vouch for has been paid as well."""
    answer = {"tokens_in": 10, "tokens_out": 5, "cost": "0.0005"}
    workspace = imported(tmp_path, (
        {"slot": slot, "latency_ms": 900, "answer": answer,
         **({"outcome": "good"} if slot < 250 else {"outcome": "excluded", "reason": "prober"})}
        for slot in (200, 201, 300, 301, 302)))
    slo = workspace.report("--at", "2026-11-21T06:00:00Z")["slos"][0]["answers"]
    days = [(d["day"], d["runs"], d["cost"]) for d in slo["days"]]
    assert days == [("2026-11-20", 2, "0.001"), ("2026-11-21", 0, "0.0015")]
    assert (slo["cost"]["total"], slo["cost"]["per_good_answer"]) == ("0.0025", "0.00125")


def test_slots_that_were_not_sent_rank_as_failed_runs(tmp_path):
    """As the daemon records them; they come back as they went."""
    lines = [{"slot": 0, "outcome": "bad", "reason": "rate_limited", "code": 429,
              "latency_ms": 31.5, "answer": {"headers_ms": 30}},
             *({"slot": slot, "outcome": "bad", "reason": "rate_limited", "latency_ms": 0}
               for slot in (1, 2)),
             {"slot": 3, "outcome": "good", "latency_ms": 900, "answer": {}}]
    workspace = imported(tmp_path, lines)
    slo = workspace.report("--at", "2026-11-20T00:20:00Z")["slos"][0]
    assert (slo["good"], slo["bad"], slo["answers"]["limited"]) == (1, 3, 3)
    assert [slo["latency"][key] for key in ("count", "censored")] == [4, 3]
    assert slo["latency"]["p50"] == pytest.approx(0.9, rel=0.01)
    assert slo["latency"]["lower_bound"] == ["p50", "p90", "p95", "p99"]
    data = workspace.run("export", "results").stdout
    assert [json.loads(line)["latency_ms"] for line in data.splitlines()] == [31.5, 0, 0, 900]
    fresh = workspace.path / "again.db"
    workspace.run("import", "--create", "interval=5m", "--db", fresh, "-", stdin=data)
    assert workspace.run("export", "results", "--db", fresh).stdout == data
