"""Deploys and notes written by hand: with and without a daemon, shown by reports, taken back."""
import json

import conftest
import pytest

PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - {id: api-health, interval: 1h, timeout: 1s, http: {url: "http://127.0.0.1:1/"}}
  - {id: other, interval: 1h, timeout: 1s, http: {url: "http://127.0.0.1:1/"}}
"""
SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: a, service: s, sli: {probe: api-health}, objective: 99%, window: 7d, alerting: none}
"""


@pytest.fixture
def site(tmp_path):
    site = conftest.Workspace(tmp_path)
    site.write("probes/p.yaml", PROBES)
    site.write("slos/s.yaml", SLOS)
    return site


def listed(site, *args):
    out = site.run("annotate", "list", "--json", *args)
    return [json.loads(line) for line in out.stdout.splitlines()]


def shown(site):
    report = site.report("--at", "2026-11-21T00:00:00Z")
    return [(x["at"], x["kind"], x["text"]) for x in report["slos"][0]["annotations"]]


def add(site, at, text, *args):
    out = site.run("annotate", "add", "--at", f"2026-11-{at}T00:00:00Z", text, *args)
    assert (out.stdout, out.stderr) == ("", "")


def write_all(site):
    add(site, 18, "note of 18", "--probe", "api-health")
    add(site, 16, "release \u00e4 16", "--kind", "deploy")
    add(site, 10, "before the window")
    assert [x["text"] for x in listed(site)] == ["before the window", "release \u00e4 16", "note of 18"]
    assert [x["text"] for x in listed(site, "--from", "2026-11-16T00:00:00Z", "--to",
                                      "2026-11-18T00:00:00Z")] == ["release \u00e4 16"]
    assert shown(site) == [("2026-11-16T00:00:00Z", "deploy", "release \u00e4 16"),
                           ("2026-11-18T00:00:00Z", "note", "note of 18")]
    first = listed(site)[1]["id"]
    site.run("annotate", "remove", first)
    gone = site.run("annotate", "remove", first, check=False)
    assert gone.returncode == 1 and f"there is no annotation {first}" in gone.stderr
    assert [kind for _, kind, _ in shown(site)] == ["note"]


def test_without_a_daemon(site):
    write_all(site)


def test_through_the_daemon(site, daemons):
    daemons(site).wait("serving")
    write_all(site)


@pytest.mark.parametrize("args, code, words", [
    (["add"], 2, "expected one text"),
    (["add", "a", "b"], 2, "expected one text"),
    (["add", ""], 1, "1 to 1024 bytes"),
    (["add", "x" * 1025], 1, "1 to 1024 bytes"),
    (["add", "a\nb"], 1, "control characters"),
    (["add", "--kind", "deploi", "x"], 2, "deploy or note"),
    (["add", "--probe", "api-helth", "x"], 1, "did you mean 'api-health'"),
    (["remove", "one"], 2, "expected a number"),
    (["remove"], 2, "the number of one annotation"),
    (["remove", "1"], 1, "annotation 1"),
    (["list", "--format", "xml"], 2, "text or json"),
    (["bogus"], 2, "add, list and remove"),
    ([], 2, "add, list or remove"),
])
def test_what_is_refused(site, args, code, words):
    site.run("annotate", "add", "there is a database")
    site.run("annotate", "remove", 1)
    out = site.run("annotate", *args, check=False)
    assert out.returncode == code and words in out.stderr
    assert listed(site) == []


def test_nothing_is_taken_back_without_a_database(site):
    out = site.run("annotate", "remove", 1, check=False)
    assert out.returncode == 1 and "there is no database" in out.stderr
    assert not list(site.path.glob("*.db*"))


def test_a_terminal_interprets_nothing(site):
    add(site, 18, "a\u009b31mb\u202e")
    assert "a\ufffd31mb\ufffd" in site.run("annotate", "list").stdout
