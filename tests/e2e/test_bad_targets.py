"""Servers that misbehave: each gets its reason, and nobody else suffers."""
import gzip
import json
import sqlite3
import subprocess

import conftest
import pytest

SERVERS = conftest.ROOT / "tests" / "servers"
PROBES = """apiVersion: nines/v1
kind: Probes
probes:
"""


def start_server(script):
    """A server of tests/servers, and the values that it names."""
    process = subprocess.Popen(["/usr/bin/python3", str(SERVERS / script)], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    values = {}
    for line in process.stdout:
        if line == "ready\n":
            return process, values
        name, value = line.split()
        values[name] = value
    raise AssertionError(f"{script} ended before it was ready")


def serve(script):
    process, values = start_server(script)
    yield values
    process.stdin.close()
    process.wait(timeout=conftest.PATIENCE)


@pytest.fixture(scope="module")
def bad():
    yield from serve("badserver.py")


@pytest.fixture(scope="module")
def redirects():
    yield from serve("redirects.py")


def probe(workspace, *args):
    done = workspace.run("probe", "--json", *args, check=False)
    assert done.returncode in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["outcome"] == "good" else 1)
    return told


# ---- targets --------------------------------------------------------------------

LONG, SHORT = "20s", "300ms"  # for what ends by itself, and for what does not
TARGETS = [
    # URL, timeout, reason, words of the message
    ("http://nosuchhost.invalid/", LONG, "dns", "nosuchhost.invalid"),
    ("http://a..b/", LONG, "dns", "not a valid name"),
    ("http://127.0.0.1:{refused}/", LONG, "connect", "refused by 127.0.0.1"),
    ("http://127.0.0.1:{backlog}/", SHORT, "connect", "within 300ms"),
    ("http://127.0.0.1:{never-read}/", SHORT, "ttfb_timeout", "within 300ms"),
    ("http://127.0.0.1:{http}/hang", SHORT, "ttfb_timeout", "within 300ms"),
    ("http://127.0.0.1:{http}/drip", SHORT, "total_timeout", "within 300ms"),
    ("http://127.0.0.1:{http}/drip-status", SHORT, "total_timeout", "within 300ms"),
    ("http://127.0.0.1:{http}/endless-body", LONG, "body", "over 1MiB"),
    ("http://127.0.0.1:{http}/endless-headers", LONG, "protocol", "headers are over"),
    ("http://127.0.0.1:{http}/endless-line", LONG, "protocol", "header line is over"),
    ("http://127.0.0.1:{http}/endless-interim", LONG, "protocol", "headers are over"),
    ("http://127.0.0.1:{http}/garbage", LONG, "protocol", "not valid HTTP"),
    ("http://127.0.0.1:{http}/bad-status", LONG, "protocol", "not valid HTTP"),
    ("http://127.0.0.1:{http}/bad-version", LONG, "protocol", "not valid HTTP"),
    ("http://127.0.0.1:{http}/bad-chunk", LONG, "protocol", "not valid HTTP"),
    ("http://127.0.0.1:{http}/bad-length", LONG, "protocol", "not valid HTTP"),
    ("http://127.0.0.1:{http}/no-colon", LONG, "protocol", "not valid HTTP"),
    ("http://127.0.0.1:{http}/truncated", LONG, "truncated", "after 10 of 100 body bytes"),
    ("http://127.0.0.1:{http}/truncated-chunk", LONG, "truncated", "after 3 body bytes"),
    ("http://127.0.0.1:{http}/empty", LONG, "truncated", "without a response"),
    ("http://127.0.0.1:{http}/reset", LONG, "truncated", "reset by peer"),
    ("http://127.0.0.1:{http}/reset-in-body", LONG, "truncated", "reset by peer"),
    ("http://127.0.0.1:{http}/503", LONG, "overloaded", "got 503"),
    ("https://localhost:{https-good}/ok", LONG, "cert", "not trusted"),
    ("https://localhost:{https-self}/ok", LONG, "cert", "self-signed"),
    ("https://127.0.0.1:{tls-silent}/", SHORT, "tls", "within 300ms"),
    ("https://127.0.0.1:{not-tls}/", LONG, "tls", "TLS handshake"),
]


@pytest.mark.parametrize("url,timeout,reason,words", TARGETS, ids=[t[0] for t in TARGETS])
def test_target(workspace, bad, url, timeout, reason, words):
    told = probe(workspace, "--timeout", timeout, url.format(**bad))
    assert (told["outcome"], told["reason"]) == ("bad", reason)
    assert words in told["message"]


CERTIFICATES = [
    ("https-good", "", "good", "none", ""),
    ("https-expired", "", "bad", "cert", "expired"),
    ("https-early", "", "bad", "cert", "valid"),
    ("https-wrong", "", "bad", "cert", "other.example"),
    ("https-self", "", "bad", "cert", "self-signed"),
    ("https-client", "", "bad", "tls", "certificate required"),
    ("https-client", ", cert_file: {dir}/client.pem, key_file: {dir}/client.key", "good",
     "none", ""),
]


@pytest.mark.parametrize("name,tls,outcome,reason,words", CERTIFICATES)
def test_certificate(workspace, bad, name, tls, outcome, reason, words):
    workspace.write("probes/p.yaml", PROBES + (
        "  - {id: api, http: {url: 'https://localhost:%s/ok', tls: {ca_file: %s/ca.pem%s}}}\n"
        % (bad[name], bad["dir"], tls.format(**bad))))
    told = probe(workspace, "api")
    assert (told["outcome"], told["reason"]) == (outcome, reason)
    assert words in (told["message"] or "")


def test_redirects(workspace, redirects):
    here = f"http://127.0.0.1:{redirects['a']}"
    told = probe(workspace, "--follow", f"{here}/self")
    assert told["reason"] == "redirect"
    told = probe(workspace, "--follow", f"{here}/chain/50")
    assert told["reason"] == "redirect"
    for location in ("ftp://127.0.0.1/", "file:///etc/passwd", "http://[::1", "http://"):
        told = probe(workspace, "--follow", f"{here}/to/302?url={location}")
        assert (told["outcome"], told["reason"]) == ("bad", "redirect"), location
    # To where nothing listens: the reason is that of the last hop.
    told = probe(workspace, "--follow", f"{here}/to/302?url=http://127.0.0.1:1/")
    assert told["reason"] == "connect"
    told = probe(workspace, "--follow", f"{here}/cross")
    assert told["outcome"] == "good"


def test_another_origin_gets_no_secrets(workspace, redirects):
    workspace.write("probes/p.yaml", PROBES + (
        "  - {id: api, http: {url: 'http://127.0.0.1:%s/cross', follow: 3,"
        " auth: {bearer: hunter2}, expect: {body: {contains: hunter2}}}}\n" % redirects["a"]))
    assert probe(workspace, "api")["reason"] == "body"


BODIES = [
    (b"[" * 10000 + b"]" * 10000, {}),
    (b'{"status":' * 10000 + b"1" + b"}" * 10000, {}),
    (b'{"status":"healthy"', {}),
    (b"\x00\xff\xfe", {}),
    (b"", {}),
    # Not asked for, so not unpacked: a bomb stays as small as it was sent.
    (gzip.compress(b'{"status":"healthy"}' + b" " * (1 << 24)), {"Content-Encoding": "gzip"}),
]


@pytest.mark.parametrize("body,headers", BODIES,
                         ids=["arrays", "objects", "cut", "binary", "empty", "bomb"])
def test_json_body(workspace, target, body, headers):
    target.answer = (200, {"Content-Type": "application/json", **headers}, body)
    workspace.write("probes/p.yaml", PROBES + (
        "  - {id: api, http: {url: '%s/', expect: {json: {$.status: healthy}}}}\n" % target.url))
    told = probe(workspace, "api")
    assert (told["outcome"], told["reason"]) == ("bad", "json")
    assert len(told["message"]) < 500


URLS = [
    ("http://", "No host"), ("http://127.0.0.1:99999/", "Port"), ("http://h:0/", "port 0"),
    ("http://[::1/", "IPv6"), ("ftp://h/", "http:// or https://"), ("http://h/a b", "not a valid"),
    ("http://u:hunter2@h/", "auth"), ("http://b\u00fccher.example/", "xn--"),
    ("http://h/" + "a" * 20000, "at most"),
]


@pytest.mark.parametrize("url,words", URLS, ids=[u[0][:24] for u in URLS])
def test_url_is_a_usage_error(workspace, url, words):
    done = workspace.run("probe", url, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert "hunter2" not in done.stderr
    assert len(done.stderr) < 500


def test_bad_targets_do_not_disturb_a_good_one(workspace, bad, target, daemons):
    """All of them at once, and what the good one gets is good."""
    probes = "defaults: {interval: 500ms, timeout: 2s}\nprobes:\n"
    probes += "  - {id: good, interval: 100ms, http: {url: '%s/'}}\n" % target.url
    for i, (url, *_) in enumerate(TARGETS):
        probes += "  - {id: bad-%d, http: {url: '%s'}}\n" % (i, url.format(**bad))
    workspace.write("probes/p.yaml", PROBES.replace("probes:\n", probes))
    d = daemons(workspace)
    d.wait("serving")
    for _ in range(15):
        assert target.arrivals.acquire(timeout=conftest.PATIENCE)
    assert d.stop() == 0

    reasons = {}
    with sqlite3.connect(f"file:{workspace.path}/nines.db?mode=ro", uri=True) as db:
        for name, reason, n in db.execute(
                "SELECT id, reason, count(*) FROM result JOIN probe ON num = probe"
                " GROUP BY id, reason"):
            reasons.setdefault(name, {})[reason] = n
    good = reasons.pop("good")
    assert set(good) == {0} and good[0] >= 15
    assert len(reasons) == len(TARGETS)
    mixed = {name: r for name, r in reasons.items() if len(r) != 1 or 0 in r}
    assert not mixed
