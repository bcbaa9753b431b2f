"""nines check of agents: what cannot be, what would cost more than was meant, and what a day
may come to."""
import json

import pytest

DAEMON = """apiVersion: nines/v1
kind: Daemon
prices:
  currency: USD
  models:
    small: {input: 0.15, output: 0.60}
    big: {input: 15, output: 75}
"""
AGENT = {"protocol": "openai", "url": "http://127.0.0.1:9/v1/chat/completions", "model": "small",
         "prompt": "Say ready. {nonce}", "max_tokens": 100}


def declare(workspace, *, interval="5m", timeout="60s", sli=None, daemon=DAEMON, hours=None, **changes):
    """One agent, `chat`, and one objective on it, with an SLI of `sli` besides the probe."""
    agent = {key: value for key, value in {**AGENT, **changes}.items() if value is not None}
    probe = {"id": "chat", "interval": interval, "timeout": timeout, "agent": agent}
    if hours:
        probe["hours"] = hours
    workspace.write("nines.yaml", daemon)
    workspace.write("probes/p.yaml", json.dumps(
        {"apiVersion": "nines/v1", "kind": "Probes", "probes": [probe]}))
    workspace.write("slos/s.yaml", json.dumps(
        {"apiVersion": "nines/v1", "kind": "SLOs", "slos": [
            {"name": "s", "sli": {"probe": "chat", **(sli or {})}, "objective": "99%",
             "window": "30d", "alerting": "none"}]}))


def told(workspace):
    return json.loads(workspace.run("check", "--json", check=False).stdout)


def messages(workspace, which="warnings"):
    return [item["message"] for item in told(workspace)[which]]


def test_a_modest_agent_is_well(workspace):
    declare(workspace, sli={"ttft_faster_than": "2s"})
    assert messages(workspace) == [] and messages(workspace, "errors") == []


def test_what_a_day_may_come_to(workspace):
    declare(workspace)
    [agent] = told(workspace)["agents"]
    tokens = agent["tokens_per_run"]
    assert 100 < tokens < 200
    assert agent == {"probe": "chat", "runs_per_day": 288, "bounded": True,
                     "tokens_per_run": tokens,
                     "tokens_per_day": 288 * tokens, "cost_per_day": agent["cost_per_day"]}
    millionths = 288 * ((tokens - 100) * 15 + 100 * 60)  # of a cent: prices are of a million
    assert float(agent["cost_per_day"]) == pytest.approx(millionths / 1e8, abs=1e-12)
    text = workspace.run("check", "--verbose").stdout
    assert f"  chat: 288 runs a day of at most {tokens} tokens: {288 * tokens:,} tokens, " \
        f"{agent['cost_per_day']} USD\n" in text


def test_a_day_of_service_hours(workspace):
    declare(workspace, hours={"timezone": "Europe/Berlin", "days": "mon-fri", "from": "08:00",
                              "to": "18:00"})
    assert told(workspace)["agents"][0]["runs_per_day"] == 120


def test_no_price_no_cost(workspace):
    declare(workspace, model="unheard-of")
    [agent] = told(workspace)["agents"]
    assert agent["cost_per_day"] is None
    assert "and what these cost is not known" in workspace.run("check", "-v").stdout


def test_an_answer_of_any_length(workspace):
    declare(workspace, max_tokens=None)
    [agent] = told(workspace)["agents"]
    assert agent["bounded"] is False
    assert f"of {agent['tokens_per_run']:,} tokens, if an answer has 1000: " in \
        workspace.run("check", "-v").stdout


def test_tools_tell_no_tokens(workspace):
    declare(workspace, protocol="mcp", tool="echo", model=None, prompt=None, max_tokens=None)
    [agent] = told(workspace)["agents"]
    assert agent == {"probe": "chat", "runs_per_day": 288, "bounded": False,
                     "tokens_per_run": None, "tokens_per_day": None, "cost_per_day": None}
    assert "chat: 288 runs a day, whose answers tell no tokens: a cap takes each for 1,0" in \
        workspace.run("check", "-v").stdout


def test_a_cap_that_most_slots_do_not_get_through(workspace):
    declare(workspace)
    [agent] = told(workspace)["agents"]
    quarter = agent["tokens_per_day"] // 4
    declare(workspace, spend={"day": {"tokens": quarter}})
    assert messages(workspace) == []
    declare(workspace, spend={"day": {"tokens": quarter - 1}})
    [warning] = messages(workspace)
    assert warning == (
        f"spend: 'chat' may come to {agent['tokens_per_day']:,} tokens a day, if answers are as "
        f"long as they may be; of a cap of {quarter - 1:,} tokens most slots would be held back: a "
        "longer interval, a lower max_tokens, or a higher cap")
    declare(workspace, spend={"hour": {"cost": 0.0001}, "day": {"tokens": quarter - 1}})
    assert "USD an hour" in messages(workspace)[0]  # the smaller share of the two
    declare(workspace, daemon=DAEMON + f"spend: {{day: {{tokens: {quarter - 1}}}}}\n")
    assert messages(workspace)[0].startswith("spend: all agents together may come to")


def test_questions_that_a_cache_may_answer(workspace):
    declare(workspace, prompt="Say ready.")
    assert messages(workspace) == []  # nothing is promised that a cache would change
    declare(workspace, prompt="Say ready.", sli={"ttft_faster_than": "2s"})
    [warning] = messages(workspace)
    assert warning.startswith("agent: each run of 'chat' asks the same: a cache may answer it")
    declare(workspace, prompt="Say ready.", sli={"ttft_faster_than": "2s"},
            headers={"X-Run": "{nonce}"})
    assert messages(workspace) == []
    declare(workspace, prompt="Say ready. " * 300)
    assert len(messages(workspace)) == 1


def test_a_cost_that_the_model_chooses(workspace):
    declare(workspace, max_tokens=None, sli={"cost_at_most": 0.01})
    [warning] = messages(workspace)
    assert "without max_tokens" in warning
    declare(workspace, sli={"cost_at_most": 0.01})
    assert messages(workspace) == []


def test_questions_that_pile_up(workspace):
    declare(workspace, interval="30s", timeout="60s")
    [warning] = messages(workspace)
    assert "while it hangs, 2 runs ask at once" in warning


@pytest.mark.parametrize("change, message", [
    ({"sli": {"cost_at_most": 0.01}, "model": "unheard-of"},
     "cost_at_most: what runs of 'chat' cost is not known: 'prices' of nines.yaml have none for its "
     "model 'unheard-of'"),
    ({"expect": {"cost_at_most": 0.01}, "model": "unheard-of"},
     "cost_at_most: what runs of 'chat' cost is not known: 'prices' of nines.yaml have none for its "
     "model 'unheard-of'"),
    ({"expect": {"min_tokens": 101}},
     "min_tokens: an answer has at most max_tokens, 100: none would be good"),
    ({"stream": False, "sli": {"ttft_faster_than": "1s"}},
     "ttft_faster_than: the answers of 'chat' are not streamed: each comes in one piece; "
     "faster_than bounds when"),
    ({"stream": False, "expect": {"gap_below": "1s"}},
     "gap_below: the answer is not streamed, so that it comes in one piece; faster_than bounds "
     "when"),
    ({"protocol": "mcp", "tool": "t", "model": None, "prompt": None, "max_tokens": None,
      "sli": {"cost_at_most": 1}},
     "cost_at_most: what runs of 'chat' cost is not known: it names no model"),
    ({"protocol": "mcp", "tool": "t", "model": None, "prompt": None, "max_tokens": None,
      "sli": {"tokens_per_second_at_least": 1}},
     "tokens_per_second_at_least: answers of 'chat' do not tell their tokens: there are none in "
     "protocol mcp"),
    ({"protocol": "a2a", "model": None, "max_tokens": None, "expect": {"min_tokens": 1}},
     "min_tokens: answers of 'chat' do not tell their tokens: there are none in protocol a2a"),
    ({"protocol": "json", "prompt": None, "max_tokens": None,
      "read": {"tokens_out": "$.out"}, "sli": {"cost_at_most": 1}},
     "cost_at_most: what runs of 'chat' cost is not known: `read` says no place of cost, or of "
     "both tokens_in and tokens_out"),
    ({"protocol": "sse", "prompt": None, "max_tokens": None,
      "expect": {"tokens_per_second_at_least": 1}},
     "tokens_per_second_at_least: answers of 'chat' do not tell their tokens: `read` says no place "
     "of tokens_out"),
])
def test_what_cannot_be(workspace, change, message):
    declare(workspace, **change)
    assert messages(workspace, "errors") == [message]


def test_paths_without_the_file_of_prices(workspace):
    """What nines.yaml would say cannot be known, and is no error; without any model it is."""
    declare(workspace, sli={"cost_at_most": 0.01}, expect={"cost_at_most": 0.01},
            spend={"day": {"cost": 2}})

    def check(*paths):
        done = workspace.run("check", "--json", *paths, check=False)
        items = json.loads(done.stdout)
        return done.returncode, *([i["message"] for i in items[k]] for k in ("errors", "warnings"))
    unknown = "its model 'small' is priced in nines.yaml, which is not among what is read: pass " \
        "it, too"
    promise = f"cost_at_most: what runs of 'chat' cost is not known: {unknown}"
    assert check("probes", "slos") == \
        (0, [], [promise, f"spend: a cap on cost needs a price for the probe: {unknown}", promise])
    assert check("probes", "slos", "nines.yaml") == (0, [], [])
    assert check("--config", "nines.yaml", "probes", "slos") == (0, [], [])
    # A Daemon document without the price, and none at all: these are what `nines run` has.
    workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\n")
    assert check("probes", "slos", "nines.yaml")[0] == check()[0] == 1
    (workspace.path / "nines.yaml").unlink()
    assert (check()[0], len(check()[1])) == (1, 3)
    declare(workspace, protocol="mcp", tool="t", model=None, prompt=None, max_tokens=None,
            sli={"cost_at_most": 1})
    assert check("probes", "slos") == \
        (1, ["cost_at_most: what runs of 'chat' cost is not known: it names no model"], [])
