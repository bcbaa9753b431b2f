"""Agents that are asked: each protocol, each way in which an answer goes wrong, deadlines,
compression, HTTP/2. The servers are FastAPI on uvicorn; tests/servers/agents.py."""
import json

import peers
import pytest

CHAT = "protocol: openai, model: m, prompt: 'Say ready. Run {nonce}.'"
CLAUDE = "protocol: anthropic, model: m, prompt: Hi., max_tokens: 50"
OWN = ("protocol: sse, body: {q: hi}, read: {text: $.text, reasoning: $.thought, tool: $.tool,"
       " arguments: $.arguments, finish: $.finish, tokens_in: $.usage.in,"
       " tokens_out: $.usage.out, cost: $.usage.cost, end: {event: done},"
       " error: {event: error}}")
PLAIN = "protocol: sse, body: {q: hi}, read: {end: {data: '[DONE]'}}"
DOCUMENT = ("protocol: json, body: {q: hi}, read: {text: $.output, finish: $.finish,"
            " tokens_in: $.usage.in, tokens_out: $.usage.out, cost: $.usage.cost}")
MCP = "protocol: mcp, tool: echo, arguments: {text: hello}"
A2A = "protocol: a2a, prompt: Hi."
PATHS = {CHAT: "/v1/chat/completions", CLAUDE: "/v1/messages", OWN: "/sse", PLAIN: "/plain",
         DOCUMENT: "/json", MCP: "/mcp", A2A: "/a2a"}
PRICES = """apiVersion: nines/v1
kind: Daemon
prices: {currency: USD, models: {m: {input: 1, output: 2.5, cached_input: 0.5}}}
"""


@pytest.fixture(scope="module")
def agents():
    server = peers.Agents()
    yield server
    server.close()


def declare(workspace, agents, agent, query="", more="", timeout="20s", url=None):
    """A probe of that agent; `more` are further keys."""
    url = url or f"{agents.url}{PATHS[agent]}"
    workspace.write("probes/a.yaml", "apiVersion: nines/v1\nkind: Probes\nprobes:\n"
                    f"  - {{id: a, interval: 5m, timeout: {timeout}, agent: {{{agent},"
                    f" url: \"{url}?{query}\"{', ' if more else ''}{more}}}}}\n")


def ask(workspace):
    done = workspace.run("probe", "a", "--json", check=False)
    assert done.returncode in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["outcome"] == "good" else 1)
    return told


# ---- all is well -------------------------------------------------------------------

GOOD = [
    (CHAT, "", "ready token1 token2 token3 token4 token5", "streamed", (12, 6)),
    (CHAT + ", stream: false", "", "ready token1 token2 token3 token4 token5", "", (12, 6)),
    (CLAUDE, "", "ready token1 token2 token3 token4 token5", "streamed", (12, 6)),
    (CLAUDE + ", stream: false", "", "ready token1 token2 token3 token4 token5", "", (12, 6)),
    (OWN, "", "ready token1 token2 token3 token4 token5", "streamed", (12, 6)),
    (PLAIN, "tokens=1", "ready", "streamed", (None, None)),
    (DOCUMENT, "", "ready token1 token2 token3 token4 token5", "", (12, 6)),
    (MCP, "", "hello", "streamed", (None, None)),
    (MCP, "form=json", "hello", "", (None, None)),
    (A2A + ", stream: false", "", "ready token1 token2 token3 token4 token5", "", (None, None)),
    (A2A, "", "ready token1 token2 token3 token4 token5", "streamed",
     (None, None)),
    (CHAT, "gzip=1&each=5", "ready token1 token2 token3 token4 token5", "streamed", (12, 6)),
    (CHAT, "usage=no", "ready token1 token2 token3 token4 token5", "streamed", (None, None)),
    (CHAT, "text=%E2%82%AC%C3%A4%F0%9F%98%80ok", "€ä😀ok", "streamed", (12, 2)),
    (CLAUDE, "pings=5&stall=2:30", "ready token1 token2 token3 token4 token5", "streamed",
     (12, 6)),
]


def base(agent):
    return next(key for key in PATHS if agent.startswith(key))


@pytest.mark.parametrize("agent, query, text, streamed, tokens", GOOD)
def test_every_protocol(workspace, agents, agent, query, text, streamed, tokens):
    url = agents.url + PATHS[base(agent)]
    if base(agent) == A2A:
        url += "/.well-known/agent-card.json"
    declare(workspace, agents, agent, query, url=url)
    told = ask(workspace)
    answer = told["answer"]
    assert (told["outcome"], told["message"], told["told"]["text"]) == ("good", "", text)
    assert ("streamed" in answer["flags"]) == bool(streamed) and "ended" in answer["flags"]
    assert (answer.get("tokens_in"), answer.get("tokens_out")) == tokens
    order = [answer[f"{name}_ms"] for name in
             ("headers", "first_event", "first_token", "last_token", "last_event")]
    assert order == sorted(order) and 0 < order[0] and order[-1] <= told["latency_ms"]


def test_cached_tokens_are_cheaper(workspace, agents):
    """Both protocols tell 12 in, 4 of them cached, and 6 out; by hand: 8 + 2 + 15 millionths."""
    workspace.write("nines.yaml", PRICES)
    for agent in (CHAT, CLAUDE):
        declare(workspace, agents, agent)
        answer = ask(workspace)["answer"]
        assert (answer["tokens_in"], answer["tokens_cached"]) == (12, 4)
        assert answer["cost"] == "0.000025"
    declare(workspace, agents, OWN)
    assert ask(workspace)["answer"]["cost"] == "0.0025"  # as it told
    declare(workspace, agents, CHAT, "usage=no")
    assert "cost" not in ask(workspace)["answer"]


def test_an_mcp_session_is_begun_and_ended(workspace, agents):
    declare(workspace, agents, MCP, "id=mcp1")
    assert ask(workspace)["outcome"] == "good"
    lines = agents.log("mcp1")
    said = [json.loads(line["body"])["method"] if line["body"] else line["method"]
            for line in lines]
    assert said == ["initialize", "notifications/initialized", "tools/list", "tools/call", "DELETE"]
    assert all(line["headers"]["mcp-session-id"] == "session-1" for line in lines[1:])
    assert all("mcp-protocol-version" in line["headers"] for line in lines[1:])


def test_each_run_has_a_nonce_of_its_own(workspace, agents):
    declare(workspace, agents, CHAT, "id=nonce", "headers: {X-Run: 'r-{nonce}'}")
    for _ in range(2):
        assert ask(workspace)["outcome"] == "good"
    lines = agents.log("nonce")
    nonces = [line["headers"]["x-run"][2:] for line in lines]
    assert all(len(n) == 16 and int(n, 16) >= 0 for n in nonces) and nonces[0] != nonces[1]
    for line, nonce in zip(lines, nonces):
        asked = json.loads(line["body"])
        assert asked["messages"][-1]["content"] == f"Say ready. Run {nonce}."
        assert asked["stream"] is True and asked["stream_options"] == {"include_usage": True}


# ---- what goes wrong ---------------------------------------------------------------

SHORT = "300ms"  # for what does not end by itself
WRONG = [
    # agent, query, more keys, timeout, reason, words of the message
    (CHAT, "cut=2", "", None, "sse_truncated", ""),
    (CHAT, "end=no", "", None, "sse_truncated", "terminator"),
    (CLAUDE, "end=no", "", None, "sse_truncated", "terminator"),
    (CHAT, "error=2", "", None, "answer_error", "the model gave up"),
    (CHAT, "error=2&code=rate_limit_exceeded", "", None, "rate_limited", "the model gave up"),
    (CLAUDE, "error=2&code=overloaded_error", "", None, "overloaded", "the model gave up"),
    (CLAUDE, "error=2&code=api_error", "", None, "answer_error", "the model gave up"),
    (OWN, "error=0", "", None, "answer_error", "the model gave up"),
    (CHAT + ", stream: false", "error=0", "", None, "answer_error", "the model gave up"),
    (DOCUMENT, "error=0", "", None, "answer_error", "the model gave up"),
    (A2A, "error=0", "", None, "answer_error", "the model gave up"),
    (MCP, "error=0", "", None, "answer_error", "the model gave up"),
    ("protocol: mcp, tool: broken", "", "", None, "answer_error", "ready"),
    ("protocol: mcp, tool: ekko", "", "", None, None, "ekko"),
    (CHAT, "malformed=1", "", None, "sse_protocol", ""),
    (CHAT, "form=json", "", None, "sse_protocol", "stream"),
    (CHAT + ", stream: false", "form=stream", "", None, "json", "stream"),
    (CHAT, "say=reasoning", "", None, "answer", ""),
    (CHAT, "say=empty", "", None, "answer", ""),
    (CHAT, "tokens=0", "", None, "answer", ""),
    (CHAT, "say=refusal&text=I+cannot+help", "", None, "answer", "refus"),
    (CHAT, "text=I+can%E2%80%99t+help+with+that.", "", None, "answer", "refus"),
    (CLAUDE, "say=refusal&text=No", "", None, "answer", "refus"),
    (CHAT, "status=500", "", None, "status", "500"),
    (CHAT, "status=429", "", None, "rate_limited", "429"),
    (CHAT, "status=503", "", None, "status", "503"),
    (CHAT, "status=503&retry_after=3", "", None, "overloaded", "503"),
    (CHAT, "status=529", "", None, "overloaded", "529"),
    (CHAT, "headers=60000", "first_event_timeout: 200ms", None, "ttfb_timeout", ""),
    (CHAT, "first_event=60000", "first_event_timeout: 200ms", None, "event_timeout", ""),
    (CHAT, "first_event=60000&pings=20", "first_event_timeout: 200ms", None, "event_timeout", ""),
    (CHAT, "stall=3:60000", "idle_timeout: 200ms", None, "idle_timeout", ""),
    (CHAT, "stall=3:60000&pings=20", "idle_timeout: 200ms", None, "idle_timeout", ""),
    (CLAUDE, "stall=3:60000&pings=20", "idle_timeout: 200ms", None, "idle_timeout", ""),
    (CHAT, "stall=6:60000", "idle_timeout: 200ms", None, "idle_timeout", ""),
    (CHAT, "stall=3:60000", "", SHORT, "total_timeout", ""),
    (CHAT, "headers=60000", "", SHORT, "ttfb_timeout", ""),
    (CHAT, "endless=1&each=1", "", "1s", "total_timeout", ""),
    (CHAT, "endless=1", "max_body: 64KiB", None, "body", ""),
    (CHAT, "big=1200000", "", None, "sse_protocol", ""),
    (CHAT, "", "expect: {answer: {contains: [ready, never]}}", None, "answer", "never"),
    (CHAT, "", "expect: {answer: {not_contains: token3}}", None, "answer", "token3"),
    (CHAT, "", "expect: {min_tokens: 7}", None, "answer", "7"),
    (CHAT, "usage=no", "expect: {min_tokens: 1}", None, "answer", ""),
    (CHAT, "usage=absurd", "expect: {min_tokens: 1}", None, "answer", ""),
    (CHAT, "", "expect: {finish: [length]}", None, "answer", "stop"),
    (CHAT, "", "expect: {tool: get_weather}", None, "answer", "get_weather"),
    (CHAT, "say=tool",
     "expect: {tool: {name: get_weather, arguments: {$.city: London}}}", None, "answer", "London"),
    (CHAT, "first=100", "expect: {ttft_faster_than: 50ms}", None, "latency", "50ms"),
    (CHAT, "stall=2:100", "expect: {gap_below: 50ms}", None, "latency", "50ms"),
    (CHAT, "each=50", "expect: {tokens_per_second_at_least: 30}", None, "latency", "30"),
    (CHAT, "text=%7B%22city%22:7%7D",
     "expect: {schema: {type: object, properties: {city: {type: string}}}}", None, "answer",
     "$.city"),
    (CHAT, "text=%7B%22city%22:%22Rome%22%7D", "expect: {json: {$.city: Paris}}", None, "answer",
     "Paris"),
    (CHAT, "", "expect: {json: {$.city: Paris}}", None, "answer", ""),
]


@pytest.mark.parametrize("agent, query, more, timeout, reason, words", WRONG)
def test_what_goes_wrong_has_a_reason(workspace, agents, agent, query, more, timeout, reason,
                                      words):
    path = PATHS[next((key for key in PATHS if agent.startswith(key)), MCP)]
    url = agents.url + path + ("/.well-known/agent-card.json" if path == "/a2a" else "")
    declare(workspace, agents, agent, query, more, timeout or "20s", url)
    told = ask(workspace)
    assert told["outcome"] == "bad"
    if reason:
        assert told["reason"] == reason, told["message"]
    assert told["message"] and words in told["message"]


FINE = [
    (CHAT, "say=tool", "expect: {tool: get_weather}"),
    (CHAT, "say=tool", "expect: {tool: {name: get_weather, arguments: {$.city: Paris}}}"),
    (CLAUDE, "say=tool", "expect: {tool: get_weather, finish: [tool_use]}"),
    (CHAT, "say=empty", "expect: {empty: true}"),
    (CHAT, "say=refusal&text=I+cannot+help", "expect: {refusal: true}"),
    (CHAT, "text=I+can%E2%80%99t+say", "expect: {refusal: [never this]}"),
    (CHAT, "text=%7B%22city%22:%22Paris%22%7D",
     "expect: {json: {$.city: Paris}, schema: {type: object, required: [city]}}"),
]


@pytest.mark.parametrize("agent, query, more", FINE)
def test_what_is_expected_is_fine(workspace, agents, agent, query, more):
    declare(workspace, agents, agent, query, more)
    told = ask(workspace)
    assert told["outcome"] == "good", told["message"]


# ---- other ways there --------------------------------------------------------------

PROXY = """
location / {{ proxy_pass http://{address}; proxy_http_version 1.1; proxy_buffering off; }}
"""


@pytest.fixture(scope="module")
def proxy(agents, tmp_path_factory):
    server = peers.Nginx(tmp_path_factory.mktemp("proxy") / "nginx",
                         PROXY.format(address=agents.address), tls_options="ssl http2")
    yield server
    server.close()


def test_a_stream_over_http2(workspace, agents, proxy):
    tls = f"tls: {{ca_file: {proxy.folder}/ca.pem}}"
    url = proxy.tls + PATHS[CHAT]
    declare(workspace, agents, CHAT, "id=h2&first=60&each=10", tls, url=url)
    told = ask(workspace)
    hop, = told["hops"]
    answer = told["answer"]
    assert (told["outcome"], told["message"], hop["protocol"]) == ("good", "", "HTTP/2")
    assert answer["first_token_ms"] - answer["headers_ms"] >= 55 and answer["gap_ms"] >= 9
    assert answer["first_token_ms"] >= sum(hop["phases_ms"][p] for p in ("connect", "tls"))
    assert len(agents.log("h2")) == 1


def test_a_stream_over_http2_that_is_cut(workspace, agents, proxy):
    tls = f"tls: {{ca_file: {proxy.folder}/ca.pem}}"
    declare(workspace, agents, CHAT, "cut=2", tls, url=proxy.tls + PATHS[CHAT])
    told = ask(workspace)
    assert (told["outcome"], told["reason"]) == ("bad", "sse_truncated"), told["message"]
    assert "ended" not in told["answer"]["flags"]


# ---- the server's own log ----------------------------------------------------------

def test_the_times_are_those_of_the_server(workspace, agents):
    """Whatever the machine does, nothing is read before it was written, and a largest gap is
    not shorter than what lay between two writes by more than it took to read the first."""
    for i in range(5):
        declare(workspace, agents, CHAT, f"id=t{i}&first={40 * i}&stall=3:120")
        told = ask(workspace)
        answer, (line,) = told["answer"], agents.log(f"t{i}")
        written = line["written"]
        asked = line["asked"]
        first = (written["tokens"][0] - asked) * 1000
        assert answer["first_token_ms"] >= first - 0.5
        assert answer["last_token_ms"] >= (written["tokens"][-1] - asked) * 1000 - 0.5
        assert told["latency_ms"] >= (written["end"] - asked) * 1000 - 0.5
        assert answer["gap_ms"] > 120 - (answer["first_token_ms"] - first)
        assert len(written["tokens"]) == answer["tokens_out"] == 6


# ---- Retry-After -------------------------------------------------------------------

@pytest.mark.parametrize("after", ["3600", "date:3600"])
def test_who_says_when_to_come_back_is_left_alone(workspace, agents, daemons, after):
    """The server sees one request; the slots that follow are results all the same."""
    name = f"later-{after[:4]}"
    workspace.write("probes/a.yaml", f"""apiVersion: nines/v1
kind: Probes
probes:
  - id: a
    interval: 200ms
    timeout: 5s
    max_in_flight: 25
    agent: {{{CHAT}, retry_after_max: 2h,
             url: "{agents.url}{PATHS[CHAT]}?id={name}&status=429&retry_after={after}"}}
""")
    daemon = daemons(workspace)
    daemon.wait("serving")

    def lines():
        done = workspace.run("export", "results", check=False)
        return [json.loads(line) for line in done.stdout.splitlines()]

    found = peers.eventually(lines, lambda some: len(some) >= 10)
    assert daemon.stop() == 0
    assert {(line["outcome"], line["reason"]) for line in found} == {("bad", "rate_limited")}
    assert len(agents.log(name)) == sum("answer" in line for line in found) < len(found) / 2
