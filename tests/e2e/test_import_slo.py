"""SLO files of other tools: what is written loads, and means what was there."""
import json
import urllib.parse

import conftest
import pytest
import yaml

FILES = sorted(p for p in (conftest.ROOT / "tests/golden/import-slo").glob("*.yaml")
               if not p.name.startswith("bad_"))
BAD = sorted((conftest.ROOT / "tests/golden/import-slo").glob("bad_*.yaml"))
SERVER = ["--prometheus", "http://127.0.0.1:9/"]
PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - {id: mine, metrics: {url: "http://127.0.0.1:1/metrics"}}
"""


def imported(workspace, *args):
    done = workspace.run("import-slo", *map(str, args))
    workspace.write("slos/imported.yaml", done.stdout)
    return done, [d for d in yaml.safe_load_all(done.stdout) if d]


def slos_of(documents):
    return {s["name"]: s for d in documents if d["kind"] == "SLOs" for s in d["slos"]}


@pytest.mark.parametrize("options", [[], SERVER, ["--probe", "mine"]], ids=["page", "server", "own"])
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_output_loads(workspace, path, options):
    done, documents = imported(workspace, path, *options)
    if "--probe" in options:
        workspace.write("probes/mine.yaml", PROBES)
    check = json.loads(workspace.run("check", "--json").stdout)
    assert check["errors"] == []
    assert check["slos"] == len(slos_of(documents))
    # What is told is at its place in the output, too.
    for line in done.stderr.splitlines():
        assert "# " + line.replace(": warning: ", ": ", 1) in done.stdout


def test_output_means_the_same(workspace):
    _, documents = imported(workspace, *(p for p in FILES if "_bad" not in p.name))
    slos = slos_of(documents)
    written = {d["metadata"]["name"]: d["spec"]
               for d in yaml.safe_load_all(workspace.run("export", "openslo").stdout)}
    assert written.keys() == slos.keys() and len(slos) == 12

    def source(name, part):
        ratio = written[name]["indicator"]["spec"]["ratioMetric"]
        return ratio[part]["metricSource"]["spec"]["query"]

    assert source("checkout-availability", "bad") == 'http_requests_total{code=~"5..|429",' \
                                                     'namespace="shop"}'
    assert source("checkout-availability", "total") == 'http_requests_total{namespace="shop"}'
    assert source("checkout-latency", "good") == 'http_request_duration_seconds_bucket{le="0.4",' \
                                                 'verb!="WATCH"}'
    assert source("checkout-raw", "good") == "probes_ok_total"
    assert {n: s["objectives"][0]["target"] for n, s in written.items()} == {
        "checkout-availability": 0.999, "checkout-latency": 0.95, "checkout-raw": 0.99,
        "checkout-vector-zero": 0.5, "shop-home-page": 0.9995, "api-errors": 0.995,
        "api-latency": 0.9, "up": 0.99, "up-2": 0.99, "search-ok": 0.995, "search-2": 0.9,
        "queue": 0.99}
    windows = {n: s["timeWindow"][0]["duration"] for n, s in written.items()}
    assert windows["checkout-raw"] == "30d" and windows["api-errors"] == "28d"
    assert windows["queue"] == "1M" and windows["up-2"] == "365d"
    queue = written["queue"]["objectives"][0]
    assert (queue["op"], queue["value"], queue["timeSliceWindow"]) == ("lte", 200, "1m")
    assert slos["api-errors"]["alerting"]["tiers"][3] == {
        "severity": "ticket", "long": "4d", "short": "6h", "factor": 1}


def test_a_server_is_asked_for_the_selectors(workspace):
    path = conftest.ROOT / "tests/golden/import-slo/sloth.yaml"
    _, documents = imported(workspace, path, *SERVER)
    url = urllib.parse.urlsplit(documents[0]["probes"][0]["metrics"]["url"])
    assert (url.netloc, url.path) == ("127.0.0.1:9", "/federate")
    # Errors are among all; bounds of buckets may be spelled in another way there.
    assert urllib.parse.parse_qs(url.query) == {"match[]": [
        'http_requests_total{job="checkout",namespace="shop"}',
        'http_request_duration_seconds_count{verb!="WATCH"}',
        'http_request_duration_seconds_bucket{verb!="WATCH"}',
        "probes_total", "probes_ok_total", "t_total", "e_total"]}


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.name)
def test_what_is_not_understood_writes_nothing(workspace, path):
    good = conftest.ROOT / "tests/golden/import-slo/pyrra.yaml"
    done = workspace.run("import-slo", str(good), str(path), check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{path}:" in done.stderr and ": error: " in done.stderr


def test_missing_file(workspace):
    done = workspace.run("import-slo", "absent.yaml", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == \
        "absent.yaml: error: cannot be opened: No such file or directory"


def test_json(workspace):
    path = conftest.ROOT / "tests/golden/import-slo/sloth.yaml"
    text = workspace.run("import-slo", str(path)).stdout
    found = json.loads(workspace.run("import-slo", "--json", str(path)).stdout)
    assert found["yaml"] == text
    assert (found["slos"], found["probes"], found["slos_not_carried"]) == (4, 1, 8)
    assert found["dropped"] == 0
    assert found["not_carried"][0] == {
        "file": str(path), "line": 3, "column": 10,
        "message": "label 'team' is not carried over a second time: it is 'checkout' already"}


@pytest.mark.parametrize("args, message", [
    ([], "expected 1 to 1000 files"),
    (["--probe", "a b", "x"], "--probe: 'a b' is no id of a probe"),
    (["--prometheus", "prom:9090", "x"], "--prometheus: "),
    (["--prometheus", "http://prom:9090/?a=b", "x"],
     "--prometheus: expected the server's URL alone, without a query"),
    (["--format", "text", "x"], "--format is yaml or json; found 'text'"),
])
def test_usage(workspace, args, message):
    done = workspace.run("import-slo", *args, check=False)
    assert done.returncode == 2 and message in done.stderr
