"""A daemon that asks 50 agents of all protocols, which go wrong at random, beside the log of
their server: each stored result is what the server did, sums are those of the log, caps hold,
and of three kills only what was in flight is missing.

Some seconds; ten minutes with NINES_LONG=1."""
import collections
import contextlib
import json
import os
import random
import sqlite3
import time
import urllib.parse

import peers

LONG = bool(os.environ.get("NINES_LONG"))
SECONDS = 600 if LONG else 12
SEED = int(os.environ.get("NINES_SEED", random.SystemRandom().randrange(10**6)))
KILLS = 3
FLUSH_S = 2.0    # until a result is stored, on a machine with other work
CAP = 5000 if LONG else 200  # tokens an hour of each of the capped
MOST = 60        # max_tokens of theirs
HOUR = 3600
BUSY_S = 0.5     # and may be between two lines of a program
IDLE = "3s"      # longer than a busy machine takes between two writes
PROBES_EACH = 5

PRICES = """apiVersion: nines/v1
kind: Daemon
prices: {currency: USD, models: {m: {input: 1, output: 2.5, cached_input: 0.5}}}
"""

TOLD, UNKNOWN, EITHER = "told", "unknown", "either"
FINE = {"": ("good", "none", TOLD)}
STATUS = {
    "status=500": ("bad", "status", UNKNOWN),
    "status=429&retry_after=5": ("bad", "rate_limited", UNKNOWN),
    "status=503&retry_after=1": ("bad", "overloaded", UNKNOWN),
    "status=529": ("bad", "overloaded", UNKNOWN),
}
STREAM = {
    "cut=2": ("bad", "sse_truncated", UNKNOWN),
    "end=no": ("bad", "sse_truncated", TOLD),
    "error=2": ("bad", "answer_error", UNKNOWN),
    "malformed=1": ("bad", "sse_protocol", UNKNOWN),
    "stall=3:60000": ("bad", "idle_timeout", UNKNOWN),
    "stall=3:300&pings=40": ("good", "none", TOLD),
    "gzip=1&each=5": ("good", "none", TOLD),
}
ENDED = {"none": True, "answer": True, "sse_truncated": False, "idle_timeout": False,
         "status": False, "overloaded": False}
SAYS = {"say=empty": ("bad", "answer", TOLD)}
USAGE = {
    "usage=no": ("good", "none", UNKNOWN),
    "usage=absurd": ("good", "none", UNKNOWN),
    "tokens=17": ("good", "none", TOLD),
    "error=1&code=rate_limit_exceeded": ("bad", "rate_limited", UNKNOWN),
}
CHAT = {**FINE, **STATUS, **STREAM, **SAYS, **USAGE,
        "say=reasoning": ("bad", "answer", TOLD), "form=json": ("bad", "sse_protocol", EITHER)}
DOCUMENT = {**FINE, **STATUS, **SAYS, **USAGE, "error=0": ("bad", "answer_error", UNKNOWN),
            "form=stream": ("bad", "json", EITHER)}
# Neither protocol tells tokens.
TOOL = {query: (outcome, reason, UNKNOWN)
        for query, (outcome, reason, _) in {**FINE, **STATUS, **STREAM, **SAYS}.items()}

# name: (keys of the agent, path, what it may be told to do)
AGENTS = {
    "openai": ("protocol: openai, model: m, prompt: Hi.", "/v1/chat/completions", CHAT),
    "capped": (f"protocol: openai, model: m, prompt: Hi., max_tokens: {MOST}, "
               f"spend: {{hour: {{tokens: {CAP}}}}}", "/v1/chat/completions", CHAT),
    "plain-openai": ("protocol: openai, model: m, prompt: Hi., stream: false",
                     "/v1/chat/completions", DOCUMENT),
    "anthropic": ("protocol: anthropic, model: m, prompt: Hi., max_tokens: 50", "/v1/messages",
                  CHAT),
    "plain-anthropic": ("protocol: anthropic, model: m, prompt: Hi., max_tokens: 50,"
                        " stream: false", "/v1/messages", DOCUMENT),
    "sse": ("protocol: sse, body: {q: hi}, read: {text: $.text, reasoning: $.thought,"
            " finish: $.finish, tokens_in: $.usage.in, tokens_out: $.usage.out,"
            " end: {event: done}, error: {event: error}}", "/sse", CHAT),
    "json": ("protocol: json, body: {q: hi}, read: {text: $.output, tokens_in: $.usage.in,"
             " tokens_out: $.usage.out}", "/json", DOCUMENT),
    "mcp": ("protocol: mcp, tool: echo, arguments: {text: hello}", "/mcp", TOOL),
    "a2a": ("protocol: a2a, prompt: Hi.", "/a2a", TOOL),
    "plain-a2a": ("protocol: a2a, prompt: Hi., stream: false", "/a2a",
                  {query: TOOL[query] for query in ("", *STATUS)}),
}


def declare(workspace, agents):
    workspace.write("nines.yaml", PRICES)
    probes, slos = "", ""
    for name, (keys, path, faults) in AGENTS.items():
        card = "/.well-known/agent-card.json" if path == "/a2a" else ""
        # All is well as often as all else together, and stalls are seldom: they take long.
        drawn = [f for f in faults if "60000" not in f] + [""] * len(faults)
        drawn = drawn * 3 + [f for f in faults if "60000" in f]
        script = urllib.parse.quote("|".join(drawn), safe="")
        idle = "" if name.startswith(("plain", "json")) else f", idle_timeout: {IDLE}"
        for i in range(PROBES_EACH):
            probes += (f"  - {{id: {name}-{i}, max_in_flight: 15, agent: {{{keys}{idle}, "
                       f"url: \"{agents.url}{path}{card}?id={name}-{i}&any={script}\"}}}}\n")
            slos += (f"  - {{name: {name}-{i}, service: s, sli: {{probe: {name}-{i}}},"
                     f" objective: 90%, window: 1d, alerting: none}}\n")
    workspace.write("probes/p.yaml", "apiVersion: nines/v1\nkind: Probes\n"
                    "defaults: {interval: 2s, timeout: 30s}\n"
                    f"probes:\n{probes}")
    workspace.write("slos/s.yaml", f"apiVersion: nines/v1\nkind: SLOs\nslos:\n{slos}")


def stored(workspace):
    """{(probe, slot): (outcome, reason)} of what is committed."""
    db = sqlite3.connect(f"file:{workspace.path}/nines.db?mode=ro", uri=True)
    with contextlib.closing(db):
        return {row[:2]: row[2:] for row in db.execute(
            "SELECT id, slot, outcome, reason FROM result JOIN probe ON num = probe")}


Run = collections.namedtuple("Run", "began ended line")


def runs_of(workspace, probe):
    """Its results in their order, with the instants at which they ran."""
    lines = workspace.run("export", "results", "--probe", probe).stdout.splitlines()
    lines = [line for line in map(json.loads, lines) if "outcome" in line]
    db = sqlite3.connect(f"file:{workspace.path}/nines.db?mode=ro", uri=True)
    with contextlib.closing(db):
        times = db.execute("SELECT slot + lag, slot + lag + total FROM result JOIN probe"
                           " ON num = probe WHERE id = ? ORDER BY slot", (probe,)).fetchall()
    assert len(times) == len(lines)
    return [Run(a / 1e6, b / 1e6, line) for (a, b), line in zip(times, lines)]


def asked(log, probe):
    """What of it asked for an answer, in its order."""
    def asks(line):
        if line["path"] == "/mcp":
            return line["body"] and json.loads(line["body"])["method"] == "tools/call"
        return line["method"] == "POST"
    return sorted((line for line in log if line["id"] == probe and asks(line)),
                  key=lambda line: line["asked"])


def used(line):
    """(in, out) that the server told, if it told them."""
    query = dict(urllib.parse.parse_qsl(line["drawn"]))
    return 12, int(query.get("tokens", 6))


def paused(line):
    """Whether the server itself stopped for about as long as IDLE between two writes."""
    written = line["written"]
    instants = [written[k] for k in ("headers", "end") if k in written] + written["tokens"]
    return any(b - a > 2.5 for a, b in zip(sorted(instants), sorted(instants)[1:]))


def hold_against(run, line, faults):
    """What is wrong with a stored run beside its line of the log; "" for nothing."""
    outcome, reason, tokens = faults[line["drawn"]]
    result, answer = run.line, run.line["answer"]
    seen = (result["outcome"], result.get("reason", "none"))
    if seen == ("skipped", "prober") or seen == ("bad", "idle_timeout") and paused(line):
        return ""  # by a machine that stood still
    if seen != (outcome, reason):
        return f"{seen} instead of {(outcome, reason)}"
    told = (answer.get("tokens_in"), answer.get("tokens_out"))
    if tokens == TOLD and told != used(line):
        return f"{told} tokens"
    if tokens == UNKNOWN and None not in told:
        return f"{told} tokens that nobody told"
    if ("cost" in answer) != (None not in told and not line["path"] in ("/sse", "/json")):
        return f"cost {answer.get('cost')}"
    ended = "ended" in answer.get("flags", [])
    if ended != ENDED.get(reason, ended):
        return f"flags {answer.get('flags')}"
    written = line["written"]["tokens"][:1]
    # What one read brings has one stamp, that of when the socket was ready: on a busy machine
    # a token has that of an event before it.
    if answer.get("first_token_ms") == answer.get("first_event_ms"):
        written = [line["written"].get("first_event", line["asked"])]
    waited_ms = (written[0] - line["asked"]) * 1000 if written else 0
    if answer.get("first_token_ms", waited_ms) < waited_ms - 0.5:
        return "a first token that was not written yet"
    return ""


def test_each_result_is_what_the_server_did(workspace, daemons):
    print("NINES_SEED", SEED)
    dice = random.Random(SEED)
    agents = peers.Agents()
    declare(workspace, agents)
    instants = sorted(dice.uniform(0.2, 0.9) * SECONDS for _ in range(KILLS))
    since, kept, killed = time.monotonic(), {}, []
    daemon = daemons(workspace)
    for instant in instants:
        daemon.wait("serving")
        # Of the tests' few waits for time itself: a kill comes when it comes.
        time.sleep(max(0, since + instant - time.monotonic()))
        kept.update(stored(workspace))
        daemon.kill()
        killed.append(time.time())
        daemon = daemons(workspace)
    daemon.wait("serving")
    time.sleep(max(0, since + SECONDS - time.monotonic()))
    assert daemon.stop() == 0
    killed.append(time.time())  # what was in flight then

    now = stored(workspace)
    assert {key: now.get(key) for key in kept} == kept
    log, report = agents.log(), workspace.report()
    agents.close()
    found, wrongs = collections.Counter(), []
    for name, (_, _, faults) in AGENTS.items():
        for i in range(PROBES_EACH):
            probe = f"{name}-{i}"
            slo = next(s for s in report["slos"] if s["slo"] == probe)
            found += against_the_log(runs_of(workspace, probe), asked(log, probe), faults, killed,
                                     slo["answers"], name == "capped", wrongs)
    print(len(log), dict(found))
    assert not wrongs, "\n".join(map(str, wrongs[:20]))
    assert found["held"] and (found["limited"] or not LONG)
    assert sum(found[key] for key in ("good", "bad")) > 15 * SECONDS


def against_the_log(runs, lines, faults, killed, answers, capped, wrongs):
    """Each of a probe's runs has its line, sums are theirs; counts what there was."""
    found, left, sums = collections.Counter(), list(lines), collections.Counter()
    for run in runs:
        if "answer" not in run.line:
            reason = run.line.get("reason", run.line["outcome"])
            found["held" if reason == "spend_cap" else
                  "limited" if reason in ("rate_limited", "overloaded") else "skipped"] += 1
            sums["held_back"] += reason == "spend_cap"
            continue
        line = next((l for l in left if run.began <= l["asked"] <= run.ended + BUSY_S), None)
        if not line:
            near = [(l["asked"] - run.began, l["drawn"]) for l in lines
                    if abs(l["asked"] - run.began) < 3]
            wrongs.append(("nobody asked", run, near))
            continue
        left.remove(line)
        wrong = hold_against(run, line, faults)
        if wrong:
            wrongs.append((line["path"], line["drawn"], wrong, run, line))
        found[run.line["outcome"]] += 1
        sums["runs"] += run.line["outcome"] in ("good", "bad")
        sums["good"] += run.line["outcome"] == "good"
        for key, name in (("tokens_in", "in"), ("tokens_out", "out")):
            sums[name] += run.line["answer"].get(key, 0)
    if wrongs:
        return found
    # What the log has and the store has not was lost by a kill.
    for line in left:
        # A fault that hangs is in flight for as long as it hangs.
        longest = FLUSH_S + (30 if "60000" in line["drawn"] else 1)
        assert any(0 < k - line["asked"] < longest for k in killed), line
    found["lost"] += len(left)
    if capped:
        keep_cap(lines, left, faults)
    assert (answers["runs"], answers["good"], answers["held_back"]) == (
        sums["runs"], sums["good"], sums["held_back"])
    tokens = answers["tokens"]  # null: no run told any
    assert (tokens["in"] or 0, tokens["out"] or 0) == (sums["in"], sums["out"])
    return found


def keep_cap(lines, lost, faults):
    """Of no hour more than the cap was asked for, but for what kills lost; what an answer does
    not tell counts as what it may come to."""
    spent = collections.Counter()
    for line in lines:
        worst = len(line["body"]) // 3 + MOST
        told = faults[line["drawn"]][2] != UNKNOWN and line not in lost
        spent[line["asked"] // HOUR] += sum(used(line)) if told else worst
        spent[line["asked"] // HOUR] -= worst if line in lost else 0
    assert max(spent.values()) <= CAP, spent
