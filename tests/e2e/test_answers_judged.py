"""What a probe expects of answers, held against agents that give them: FastAPI applications
that speak OpenAI's and Anthropic's protocols, streamed and not, and one of their own."""
import json
import urllib.parse

import peers
import pytest

NINES = """apiVersion: nines/v1
kind: Daemon
prices: {currency: USD, models: {small: {input: 100, output: 1000}}}
"""
CITY = '{"city": "Paris", "days": 3}'
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "json": "/json"}


@pytest.fixture(scope="module")
def agents():
    peer = peers.Agents()
    yield peer
    peer.close()


def ask(workspace, agents, expect, protocol="openai", stream=True, **script):
    """One run: (exit status, what it said)."""
    agent = {"protocol": protocol, "expect": expect,
             "url": f"{agents.url}{PATHS[protocol]}?{urllib.parse.urlencode(script)}"}
    if protocol == "json":
        agent |= {"body": {"q": "{nonce}"}, "read": {"text": "$.output", "finish": "$.finish"}}
    else:
        agent |= {"model": "small", "prompt": "Say ready. {nonce}", "max_tokens": 64,
                  "stream": stream}
    workspace.write("nines.yaml", NINES)
    workspace.write("probes/p.yaml", json.dumps({
        "apiVersion": "nines/v1", "kind": "Probes", "probes": [
            {"id": "chat", "interval": "5m", "timeout": "30s", "agent": agent}]}))
    done = workspace.run("probe", "chat", "--json", check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def reason(workspace, agents, expect, **how):
    code, told = ask(workspace, agents, expect, **how)
    assert (code == 0) == (told["outcome"] == "good"), told
    return told.get("reason", "none") if code else "good"


EVERYWHERE = [("openai", True), ("openai", False), ("anthropic", True), ("anthropic", False),
              ("json", False)]


@pytest.mark.parametrize("protocol, stream", EVERYWHERE)
@pytest.mark.parametrize("expect, text, wanted", [
    ({}, "ready", "good"),
    ({"answer": {"contains": ["ready", "steady"]}}, "steady, ready, go", "good"),
    ({"answer": {"contains": "ready"}}, "steady", "answer"),
    ({"answer": {"equals": "ready"}}, "ready\n", "good"),
    ({"answer": {"not_matches": "(?i)error"}}, "An Error", "answer"),
    ({"json": {"$.city": "Paris", "$.days": "> 2"}}, CITY, "good"),
    ({"json": {"$.city": "Berlin"}}, CITY, "answer"),
    ({"json": {"$.city": "Paris"}}, f"```json\n{CITY}\n```", "good"),
    ({"schema": {"type": "object", "required": ["city"], "additionalProperties": False,
                 "properties": {"city": {"enum": ["Paris"]}, "days": {"type": "integer"}}}},
     CITY, "good"),
    ({"schema": {"properties": {"city": {"type": "number"}}}}, CITY, "answer"),
    ({"schema": {"type": "object"}}, "Paris, for 3 days.", "answer"),
    ({}, "I\u2019m sorry, but I can\u2019t help with that.", "answer"),
    ({"refusal": True}, "I\u2019m sorry, but I can\u2019t help with that.", "good"),
])
def test_texts(workspace, agents, protocol, stream, expect, text, wanted):
    assert reason(workspace, agents, expect, protocol=protocol, stream=stream, text=text) == wanted


@pytest.mark.parametrize("protocol, stream", EVERYWHERE[:4])
def test_tools(workspace, agents, protocol, stream):
    def called(expect, say="tool"):
        return reason(workspace, agents, expect, protocol=protocol, stream=stream, say=say)

    assert called({"tool": "get_weather"}) == "good"
    assert called({"tool": {"name": "get_weather", "arguments": {"$.city": "Paris"}}}) == "good"
    assert called({"tool": {"name": "get_weather", "arguments": {"$.city": "Rome"}}}) == "answer"
    assert called({"tool": ["get_weather", "get_time"]}) == "answer"
    assert called({"tool": "get_weather"}, say="text") == "answer"


@pytest.mark.parametrize("protocol, stream", EVERYWHERE[:4])
@pytest.mark.parametrize("say, allowed", [("empty", "empty"), ("reasoning", "empty"),
                                          ("refusal", "refusal")])
def test_what_says_nothing(workspace, agents, protocol, stream, say, allowed):
    how = {"protocol": protocol, "stream": stream, "say": say}
    assert reason(workspace, agents, {}, **how) == "answer"
    assert reason(workspace, agents, {"empty": True, "refusal": allowed == "refusal"},
                  **how) == "good"


@pytest.mark.parametrize("expect, wanted", [
    ({"min_tokens": 6, "finish": "stop"}, "good"),
    ({"min_tokens": 7}, "answer"),
    ({"finish": ["end_turn"]}, "answer"),
    # 12 tokens in, 6 out: 0.0012 and 0.006
    ({"cost_at_most": "0.0072"}, "good"),
    ({"cost_at_most": "0.007199999999"}, "cost"),
    ({"ttft_faster_than": "29s", "gap_below": "29s"}, "good"),
    ({"ttft_faster_than": "200ms"}, "latency"),
    ({"gap_below": "50ms"}, "latency"),
    ({"tokens_per_second_at_least": 0.2}, "good"),
    ({"tokens_per_second_at_least": 60}, "latency"),  # five waits of 20 ms and a stall
    ({"faster_than": "250ms"}, "latency"),
])
def test_numbers(workspace, agents, expect, wanted):
    """Only what cannot be faster than it is told to be is expected to be too slow."""
    script = {"first": 200, "each": 20, "stall": "3:60"}
    assert reason(workspace, agents, expect, **script) == wanted


def test_what_is_not_told_is_not_good(workspace, agents):
    for expect, wanted in (({}, "good"), ({"min_tokens": 1}, "answer"), ({"cost_at_most": 1}, "cost"),
                           ({"tokens_per_second_at_least": 0.001}, "latency")):
        assert reason(workspace, agents, expect, usage="no") == wanted
        assert reason(workspace, agents, expect, usage="absurd") == wanted


def test_the_first_failing_assertion_names_the_reason(workspace, agents):
    code, told = ask(workspace, agents, {
        "answer": {"contains": "steady"}, "cost_at_most": "0.000001", "faster_than": "1us",
        "min_tokens": 50})
    assert code == 1 and told["reason"] == "answer"
    assert told["message"].startswith('expected answer containing "steady"; got ')
    failed = [a["expected"] for a in told["assertions"] if not a["ok"]]
    assert failed == ['answer containing "steady"', "at least 50 tokens",
                      "a cost of at most 0.000001", "total at most 1us"]
