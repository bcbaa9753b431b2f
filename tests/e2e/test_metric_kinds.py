"""The kinds `metrics` and `prometheus` beside a real Prometheus, and `nines probe` on them."""
import json
import sqlite3

import conftest
import peers
import pytest
import test_bad_targets
from test_bad_targets import bad  # noqa: F401, a fixture

PAGE = b"""# TYPE requests_total counter
requests_total{code="200"} 990
requests_total{code="500"} 10
# TYPE temperature gauge
temperature{room="a"} 21.5
temperature{room="b"} 1e-07
# TYPE odd gauge
odd NaN
# TYPE far gauge
far +Inf
"""
HEAD = "apiVersion: nines/v1\nkind: Probes\nprobes:\n"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A Prometheus that has scraped PAGE, and the address of the page."""
    page = conftest.Target()
    page.answer = (200, {"Content-Type": "text/plain; version=0.0.4"}, PAGE)
    server = peers.Prometheus(tmp_path_factory.mktemp("peer") / "prometheus", page.url[len("http://"):])
    peers.eventually(lambda: server.query("temperature"))
    yield server, page
    server.close()
    page.close()


def probe(workspace, spec, *args):
    workspace.write("probes/p.yaml", HEAD + "  - id: p\n    interval: 30s\n" + spec)
    done = workspace.run("probe", "p", "--json", *args, check=False)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def ask(workspace, server, queries, expect="[]"):
    lines = "".join(f"        {name}: '{query}'\n" for name, query in queries.items())
    return probe(workspace, f"    prometheus:\n      url: {server.url}/\n      expect: {expect}\n"
                            f"      queries:\n{lines}")


def samples(told):
    return {s["series"]: s["value"] for s in told["samples"]}


# ---- prometheus -----------------------------------------------------------------------


def test_answers_are_those_of_the_server(workspace, prometheus):
    server, _ = prometheus
    told = ask(workspace, server, {
        "good": 'sum(requests_total{code!~"5.."})', "total": "sum(requests_total)",
        "scalar": "scalar(sum(requests_total)) / 7", "small": 'temperature{room="b"}',
        "nothing": "no_such_series", "nan": "odd", "far": "far", "one": "vector(1)"})
    assert told["outcome"] == "good", told["message"]
    assert samples(told) == {"good": 990, "total": 1000, "scalar": 1000 / 7, "small": 1e-07,
                             "far": "+Inf", "one": 1}
    assert len(told["hops"]) == 8
    told = ask(workspace, server, {"good": 'sum(requests_total{code!~"5.."})',
                                   "total": "sum(requests_total)"},
               "[good / total >= 99%, good / total > 0.99]")
    assert (told["outcome"], told["reason"]) == ("bad", "metric")
    assert told["message"].startswith("expected good / total > 0.99; got ")


REFUSED = [
    ("requests_total", "gave 2 series"),
    ("requests_total[5m]", "of type 'matrix'"),
    ("sum(requests_total", "bad_data: "),
    ('"text"', "of type 'string'"),
    ("requests_total * on() temperature", "execution: "),
]


@pytest.mark.parametrize("query,words", REFUSED, ids=[q for q, _ in REFUSED])
def test_refusals_say_why(workspace, prometheus, query, words):
    server, _ = prometheus
    told = ask(workspace, server, {"ok": "vector(1)", "value": query})
    assert (told["outcome"], told["reason"]) == ("bad", "query")
    assert told["message"].startswith("value: ") and words in told["message"]
    assert told["samples"] == []


# ---- metrics ----------------------------------------------------------------------------


def test_a_page_is_read_as_prometheus_reads_it(workspace, prometheus):
    server, page = prometheus
    told = probe(workspace, f"""    metrics:
      url: {page.url}/metrics
      expect: ['{{__name__=~".+"}} != -1']
""")
    theirs = server.query('{__name__=~".+",__name__!~"up|scrape_.*"}')
    assert len(samples(told)) == len(theirs)
    for labels, value in theirs:
        own = {k: v for k, v in labels.items() if k not in ("__name__", "job", "instance")}
        inner = ",".join(f'{k}="{v}"' for k, v in sorted(own.items()))
        ours = samples(told)[labels["__name__"] + (f"{{{inner}}}" if inner else "")]
        assert str(float(ours)) == str(value), labels


def test_prometheus_own_page(workspace, prometheus):
    """Its own metrics, packed and in OpenMetrics if it pleases."""
    server, _ = prometheus
    told = probe(workspace, f"""    metrics:
      url: {server.url}/metrics
      expect:
        - prometheus_build_info == 1
        - process_open_fds > 0
        - present(prometheus_http_request_duration_seconds_bucket)
        - rate(process_cpu_seconds_total) < 100
""", "--verbose")
    assert told["outcome"] == "good", told["message"]
    assert "Content-Encoding: gzip" in told["headers"]
    assert told["body"].startswith("# HELP")
    seen = {a["expected"]: a["seen"] for a in told["assertions"]}
    assert "not enough scrapes yet" in seen["rate(process_cpu_seconds_total) < 100"]


@pytest.mark.parametrize("url,timeout,reason,words", test_bad_targets.TARGETS,
                         ids=[t[0] for t in test_bad_targets.TARGETS])
def test_bad_target(workspace, bad, url, timeout, reason, words):  # noqa: F811
    """What breaks below the page is told as the http kind tells it."""
    told = test_bad_targets.probe(workspace, "--kind", "metrics", "--timeout", timeout,
                                  url.format(**bad))
    words = words.replace("over 1MiB", "over 16MiB")
    assert (told["outcome"], told["reason"]) == ("bad", reason)
    assert words in told["message"] and told["samples"] == []


# ---- nines probe --------------------------------------------------------------------------


def test_a_url_of_any_kind(workspace, target):
    told = {}
    for kind in ("http", "health", "readiness", "metrics"):
        done = workspace.run("probe", target.url, "--kind", kind, "--json", check=False)
        told[kind] = json.loads(done.stdout)
    assert [told[k]["outcome"] for k in ("http", "health", "readiness")] == ["good"] * 3
    assert told["metrics"]["reason"] == "exposition"
    assert told["metrics"]["message"].startswith("line 1 column ")
    assert told["metrics"]["body"] == '{"status":"healthy"}'
    for args, words in (
            (["--kind", "helth"], "did you mean 'health'?"),
            (["--kind", "metrics", "--expect-status", "200"], "goes with --kind http"),
            (["--kind", "health", "--body", "x", "--method", "HEAD"], "no document to read"),
            (["--kind", "metrics", "--method", "HEAD"], "no page to read"),
            (["--kind", "prometheus"], "missing key 'queries'")):
        done = workspace.run("probe", target.url, *args, check=False)
        assert done.returncode == 2 and words in done.stderr, done.stderr


def test_verbose_shows_all_but_secrets(workspace, target):
    workspace.env["SECRET"] = "hunter2hunter2"
    target.answer = (200, {"Content-Type": "text/plain", "X-Echo": "hunter2hunter2",
                           "Set-Cookie": "sid=0123456789; HttpOnly"},
                     b"a{x=\"1\"} 2\nb hunter2hunter2\n\x1b[31m\n")
    workspace.write("probes/p.yaml", HEAD + f"""
  - id: page
    http:
      url: {target.url}?access_token=plainsecret&x=1
      headers: {{X-Key: {{env: SECRET}}}}
""")
    done = workspace.run("probe", "page", "--verbose")
    assert "hunter2" not in done.stdout and "plainsecret" not in done.stdout
    assert "access_token=***********&x=1" in done.stdout
    assert "X-Echo: **************" in done.stdout
    assert "Set-Cookie: sid=**********; HttpOnly" in done.stdout
    assert 'a{x="1"} 2\n' in done.stdout and "\x1b" not in done.stdout
    quiet = workspace.run("probe", "page")
    assert "X-Echo" not in quiet.stdout and 'a{x="1"}' not in quiet.stdout


# ---- the daemon ----------------------------------------------------------------------------


def test_assertions_remember_from_run_to_run(workspace, target, daemons):
    """A queue that is too long for 30 s makes runs bad, and a restart forgets."""
    def page(depth, errors):
        target.answer = (200, {"Content-Type": "text/plain"},
                         b"depth %d\nerrors_total %d\n" % (depth, errors))

    workspace.write("probes/p.yaml", HEAD + f"""
  - id: api-8765  # its slots lie on multiples of 10 s
    interval: 10s
    timeout: 5s
    metrics:
      url: {target.url}/metrics
      expect:
        - {{that: depth < 100, for: 30s}}
        - increase(errors_total[1m]) <= 5
""")
    page(10, 100)
    workspace.write("clock", "2026-03-01T00:00:00Z")
    daemon = daemons(workspace, "--test-clock", "clock")
    daemon.wait("test clock reached")
    for minute, depth, errors in ((0, 10, 100), (1, 200, 100), (2, 10, 104), (3, 10, 110),
                                  (5, 10, 110)):
        page(depth, errors)
        daemon.advance(f"2026-03-01T00:0{minute}:55Z")
    assert daemon.stop() == 0
    with sqlite3.connect(workspace.path / "nines.db") as db:
        bad = dict(db.execute("SELECT slot / 60000000 % 60, sum(outcome = 1) FROM result"
                              " GROUP BY 1"))
        texts = {row[0] for row in db.execute("SELECT message FROM evidence")}
    # Slots are 10 s apart: three of the second minute are within the first 30 s of the failure.
    # Four errors are few enough; six more are not for as long as the minute reaches back to them.
    assert bad == {0: 0, 1: 3, 2: 0, 3: 6, 4: 0, 5: 0}
    assert any(t.startswith("expected depth < 100; got depth 200 for 30s now") for t in texts)
    assert any(t.startswith("expected increase(errors_total[1m]) <= 5; got ") for t in texts)
