"""Health and readiness endpoints as platforms write them, through `nines probe`."""
import json

import pytest

PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - id: api
    %s: {url: '%s/ready'%s}
"""
HEALTHY = {"status": "healthy", "version": "1.0.0", "checks": {
    "postgres": {"status": "healthy", "latency_ms": 2}, "redis": {"status": "healthy"}}}
NOT_READY = {"status": "not_ready", "checks": {
    "database": "healthy", "redis": "unhealthy: Error 111 connecting to redis:6379"}}
VERBOSE = "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n"
PAIR = [{"ready": False, "services": {"database": True, "redis": False}}, 503]


def probe(workspace, target, kind, status, document, keys="", args=("--json",)):
    body = document if isinstance(document, str) else json.dumps(document)
    target.answer = (status, {"Content-Type": "application/json"}, body.encode())
    workspace.write("probes/p.yaml", PROBES % (kind, target.url, keys))
    done = workspace.run("probe", *args, "api", check=False)
    assert done.returncode in (0, 1), done.stderr
    return done


# kind, status, document, other keys; reason, message
PAGES = [
    ("health", 200, {"status": "healthy", "version": "1.0.3"}, "", "none", ""),
    ("health", 200, HEALTHY, ", components: {required: [postgres, redis]}", "none", ""),
    ("health", 200, {"status": "alive"}, "", "none", ""),
    ("health", 200, {"version": "1.0.0", "uptime": "2h15m30s"}, "", "none", ""),
    ("readiness", 503, NOT_READY, "", "readiness",
     "redis unhealthy: Error 111 connecting to redis:6379"),
    ("readiness", 200, PAIR, "", "readiness", "redis unhealthy (status 503 in its body)"),
    ("readiness", 503, VERBOSE, "", "readiness", "etcd unhealthy: reason withheld"),
    ("health", 503, {"status": "DOWN", "components": {"db": {"status": "DOWN", "details": {
        "error": "connection closed"}}}}, "", "health", "db unhealthy: connection closed"),
    ("health", 200, {"status": "warn", "output": "cache is cold"}, ", degraded: bad", "health",
     'it says "warn": cache is cold'),
    ("health", 200, HEALTHY, ", components: {required: [disk]}", "health", "disk missing"),
    ("health", 404, {"detail": "Not Found"}, "", "status", "expected status 2xx; got 404"),
    ("health", 200, "<html>Welcome</html>", "", "health",
     "not a health document: 20 bytes of application/json, neither JSON nor a word for a"
     " state"),
]


@pytest.mark.parametrize("kind,status,document,keys,reason,message", PAGES)
def test_page(workspace, target, kind, status, document, keys, reason, message):
    done = probe(workspace, target, kind, status, document, keys)
    told = json.loads(done.stdout)
    assert (told["reason"], told["message"]) == (reason, message)
    assert told["outcome"] == ("good" if reason == "none" else "bad")
    assert done.returncode == (0 if reason == "none" else 1)
    assert told["code"] == status


def test_components_are_shown(workspace, target):
    told = json.loads(probe(workspace, target, "health", 200, HEALTHY).stdout)
    assert [(a["ok"], a["expected"], a["seen"]) for a in told["assertions"]] == [
        (True, "status 2xx", "200"), (True, "a healthy state", "healthy"),
        (True, "component postgres", "healthy, 2.00ms"), (True, "component redis", "healthy")]
    text = probe(workspace, target, "readiness", 503, NOT_READY, args=()).stdout
    assert "component redis" in text and "unhealthy: Error 111" in text


def test_keys_are_checked(workspace, target):
    workspace.write("probes/p.yaml", PROBES % ("health", target.url, ", componets: {}"))
    done = workspace.run("check", check=False)
    assert done.returncode == 1
    assert "probes/p.yaml:5" in done.stderr and "did you mean 'components'?" in done.stderr
