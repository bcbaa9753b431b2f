"""Objectives proposed from history: what each would have cost is what a report of it says."""
import json

import conftest
import pytest

PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - {id: api-health, interval: 1m, timeout: 10s, http: {url: "http://127.0.0.1:1/"}}
"""
FROM, TO = "2026-10-22T00:00:00Z", "2026-11-21T00:00:00Z"
START = 1792627200  # FROM
SPAN = ("--from", FROM, "--to", TO)


@pytest.fixture
def site(tmp_path):
    site = conftest.Workspace(tmp_path)
    site.write("probes/p.yaml", PROBES)
    site.write("slos/s.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos: []\n")
    return site


def fill(site, runs, bad, latency):
    """A run a minute; of these every so many is bad."""
    import datetime
    lines = []
    for i in range(runs):
        at = datetime.datetime.fromtimestamp(START + 60 * i, datetime.timezone.utc)
        line = {"probe": "api-health", "time": f"{at:%Y-%m-%dT%H:%M:%SZ}", "outcome": "good",
                "latency_ms": latency(i)}
        if i % (runs // bad) == 0:
            line.update(outcome="bad", reason="status")
        lines.append(json.dumps(line))
    site.run("import", "-", stdin="\n".join(lines) + "\n")


def suggested(site, *args):
    return json.loads(site.run("suggest", "--json", *SPAN, "api-health", *args).stdout)


def test_what_is_advised_is_what_reports_say(site):
    fill(site, 43200, 30, lambda i: 10 + i % 100)
    told = suggested(site)
    availability, *bounds = told["slis"]
    assert (availability["good"], availability["bad"], availability["faster_than"]) == (43170, 30, None)
    advised = [t["target"] for t in availability["targets"] if t["advised"]]
    assert advised == ["0.999"]  # 30 of 43.2: less than three quarters
    assert [b["faster_than"] for b in bounds] == [0.1, 0.15]
    text = site.run("suggest", *SPAN, "api-health").stdout
    assert "30 bad" in text and "<- advised" in text and "breached" in text
    # The file that it writes down is a file of objectives, and its report says the same.
    site.write("slos/s.yaml", text[text.index("apiVersion"):])
    site.run("check")
    slos = {s["slo"]: s for s in site.report(*SPAN)["slos"]}
    for sli in told["slis"]:
        for target in sli["targets"]:
            if not target["advised"]:
                continue
            bound = sli["faster_than"]
            slo = slos["api-health-" + (f"{round(bound * 1000)}ms" if bound else "availability")]
            assert slo["target"] == target["target"]
            assert (slo["good"], slo["bad"]) == (sli["good"], sli["bad"])
            assert slo["budget"]["consumed_ratio"] == pytest.approx(target["consumed_ratio"], abs=1e-6)
            assert slo["budget"]["remaining_ratio"] >= 0.25
    assert len(slos) == sum(t["advised"] for sli in told["slis"] for t in sli["targets"])


def test_too_few_runs_advise_nothing_strict(site):
    fill(site, 100, 1, lambda i: 5)
    availability = suggested(site)["slis"][0]
    assert [t["target"] for t in availability["targets"] if t["advised"]] == ["0.95"]
    assert [t["target"] for t in availability["targets"] if t["breached"]] == ["0.995", "0.999", "0.9995", "0.9999"]


def test_no_data_and_what_is_refused(site):
    fill(site, 10, 1, lambda i: 5)
    none = site.run("suggest", "--to", FROM, "api-health").stdout
    assert "nothing to judge by" in none
    for args, code, words in ((["api-helth"], 1, "did you mean 'api-health'"), ([], 2, "the id of one probe"),
                              (["--format", "csv", "api-health"], 2, "text or json"),
                              (["--from", TO, "--to", FROM, "api-health"], 1, "before --to")):
        out = site.run("suggest", *args, check=False)
        assert out.returncode == code and words in out.stderr


AGENT = """apiVersion: nines/v1
kind: Probes
probes:
  - id: chat
    interval: 5m
    timeout: 30s
    agent: {protocol: PROTOCOL, url: "http://127.0.0.1:1/", REST}
"""
STREAMED = AGENT.replace("PROTOCOL", "openai").replace("REST", "model: m, prompt: x")
DOCUMENT = AGENT.replace("PROTOCOL", "json").replace("REST", "body: {q: x}, read: {text: $.a}")


def fill_answers(site):
    """A run each five minutes; first tokens from 300 to 399 ms, gaps of 20 to 39, and each
    500th run is bad."""
    import datetime
    lines = []
    for i in range(8640):
        at = datetime.datetime.fromtimestamp(START + 300 * i, datetime.timezone.utc)
        first = 300 + i % 100
        line = {"probe": "chat", "time": f"{at:%Y-%m-%dT%H:%M:%SZ}", "outcome": "good",
                "latency_ms": 900, "answer": {
                    "headers_ms": 100, "first_event_ms": 200, "first_token_ms": first,
                    "last_token_ms": 800, "last_event_ms": 810, "gap_ms": 20 + i % 20,
                    "events": 20, "tokens_in": 10, "tokens_out": 50, "cost": "0.001",
                    "flags": ["streamed", "ended"]}}
        if i % 500 == 0:
            line.update(outcome="bad", reason="answer")
        lines.append(json.dumps(line))
    site.run("import", "-", stdin="\n".join(lines) + "\n")


def test_bounds_of_streamed_answers(site):
    site.write("probes/p.yaml", STREAMED)
    fill_answers(site)
    told = json.loads(site.run("suggest", "--json", *SPAN, "chat").stdout)
    ttft = [s for s in told["slis"] if "ttft_faster_than" in s]
    gaps = [s for s in told["slis"] if "gap_below" in s]
    assert [s["ttft_faster_than"] for s in ttft] == [0.4]
    assert [s["gap_below"] for s in gaps] == [0.04]
    bad = len(range(0, 8640, 500))
    assert (ttft[0]["good"], ttft[0]["bad"]) == (8640 - bad, bad)
    text = site.run("suggest", *SPAN, "chat").stdout
    site.write("slos/s.yaml", text[text.index("apiVersion"):])
    slos = {s["slo"]: s for s in site.report(*SPAN)["slos"]}
    for name, sli in (("chat-ttft-400ms", ttft[0]), ("chat-gap-40ms", gaps[0])):
        assert (slos[name]["good"], slos[name]["bad"]) == (sli["good"], sli["bad"])
        [advised] = [t for t in sli["targets"] if t["advised"]]
        assert slos[name]["target"] == advised["target"]
        assert slos[name]["budget"]["consumed_ratio"] == pytest.approx(advised["consumed_ratio"])


def test_no_first_token_where_nothing_is_streamed(site):
    site.write("probes/p.yaml", DOCUMENT)
    fill_answers(site)
    told = json.loads(site.run("suggest", "--json", *SPAN, "chat").stdout)
    assert not [s for s in told["slis"] if "ttft_faster_than" in s or "gap_below" in s]
