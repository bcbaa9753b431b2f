"""nines against servers that its users run: nginx, FastAPI on uvicorn, Prometheus."""
import collections
import sqlite3

import peers
import pytest

GOOD, BAD, EXCLUDED, SKIPPED = range(4)


def probes(defaults, **https):
    """A document of probes; an underscore in a name stands for a dash."""
    text = f"apiVersion: nines/v1\nkind: Probes\ndefaults: {{{defaults}}}\nprobes:\n"
    for name, http in https.items():
        text += f"  - {{id: {name.replace('_', '-')}, http: {{{http}}}}}\n"
    return text


def database(workspace):
    db = sqlite3.connect(f"file:{workspace.path}/nines.db?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    return db


def results(workspace):
    """{probe: its results in order}, those that ran."""
    found = collections.defaultdict(list)
    db = database(workspace)
    for row in db.execute("SELECT id, result.* FROM result JOIN probe ON num = probe"
                          " WHERE outcome != ? ORDER BY slot", (SKIPPED,)):
        found[row["id"]].append(row)
    db.close()
    return found


# ---- nginx ------------------------------------------------------------------------

HEALTHY = "return 200 '{\"status\":\"healthy\"}';"
SITE = f"""
location /plain {{ {HEALTHY} }}
location /kept {{ keepalive_requests 5; {HEALTHY} }}
location /secret {{ {HEALTHY} }}
location /secret-kept {{ {HEALTHY} }}
location /mutual {{ if ($ssl_client_verify != SUCCESS) {{ return 403; }} {HEALTHY} }}
location /untrusted {{ {HEALTHY} }}
location /moved {{ return 302 /arrived; }}
location /arrived {{ {HEALTHY} }}
location /stays {{ return 302 /nowhere; }}
"""
EXPECT = "expect: {json: {$.status: healthy}}"


def nginx_probes(nginx):
    trust = f"ca_file: {nginx.folder}/ca.pem"
    own = f"cert_file: {nginx.folder}/client.pem, key_file: {nginx.folder}/client.key"
    return probes(
        "interval: 1s, timeout: 20s",
        plain=f'url: "{nginx.plain}/plain", {EXPECT}',
        kept=f'url: "{nginx.plain}/kept", reuse: true, {EXPECT}',
        secret=f'url: "{nginx.tls}/secret", tls: {{{trust}}}, {EXPECT}',
        secret_kept=f'url: "{nginx.tls}/secret-kept", reuse: true, tls: {{{trust}}}, {EXPECT}',
        mutual=f'url: "{nginx.tls}/mutual", tls: {{{trust}, {own}}}, {EXPECT}',
        untrusted=f'url: "{nginx.tls}/untrusted"',
        moved=f'url: "{nginx.plain}/moved", follow: 3, {EXPECT}',
        stays=f'url: "{nginx.plain}/stays", expect: {{status: 302, headers: {{Location:'
              f' {{contains: /nowhere}}}}}}')


def check_phases(run, secret, reused):
    parts = [run[name] for name in ("dns", "connect", "tls", "send", "wait", "transfer")]
    assert min(parts) >= 0 and sum(parts) <= run["total"]
    assert run["send"] + run["wait"] > 0
    assert (run["connect"] > 0) == (not reused)
    assert (run["tls"] > 0) == (secret and not reused)


def test_nginx_serves_what_is_stored(workspace, daemons, start):
    nginx = start(peers.Nginx, workspace.path / "nginx", SITE)
    workspace.write("probes/p.yaml", nginx_probes(nginx))
    # By a clock of ours: on a busy machine runs would overlap, use a second
    # connection each, and be left out where the prober itself stalled.
    workspace.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(workspace, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T00:00:20Z")
    assert d.stop() == 0
    nginx.close()  # now all it served is in its log
    served = collections.defaultdict(list)
    for path, *rest in nginx.requests():
        served[path[1:]].append(rest)
    stored = results(workspace)
    assert set(stored) == {"plain", "kept", "secret", "secret-kept", "mutual", "untrusted",
                           "moved", "stays"}

    for name in ("plain", "kept", "secret", "secret-kept", "mutual"):
        runs, requests = stored[name], served[name]
        assert {(r["outcome"], r["code"]) for r in runs} == {(GOOD, 200)}, workspace.messages(name)
        assert len(requests) == len(runs) == 20, name
        for run, (_, _, number, tls) in zip(runs, requests):
            check_phases(run, "secret" in name or name == "mutual", number > 1)
            assert (tls == "-") == (name in ("plain", "kept"))
    for name in ("plain", "secret", "mutual"):
        assert {number for _, _, number, _ in served[name]} == {1}
    assert max(number for _, _, number, _ in served["kept"]) == 5
    assert len({connection for _, connection, _, _ in served["secret-kept"]}) == 1

    assert {r["outcome"] for r in stored["untrusted"]} == {BAD}
    assert "untrusted" not in served
    (message,) = workspace.messages("untrusted")
    assert "certificate" in message

    assert {(r["outcome"], r["code"]) for r in stored["moved"]} == {(GOOD, 200)}
    assert len(served["moved"]) == len(served["arrived"]) == len(stored["moved"])
    assert {(r["outcome"], r["code"]) for r in stored["stays"]} == {(GOOD, 302)}
    assert len(served["stays"]) == len(stored["stays"]) and "nowhere" not in served


def test_nothing_is_sent_twice(workspace, daemons, start):
    """A kept connection that dies under a request fails that run: nobody asks again."""
    http = "map $connection_requests $dies { default 1; 1 0; }"
    site = f"location / {{ if ($dies) {{ return 444; }} {HEALTHY} }}"
    nginx = start(peers.Nginx, workspace.path / "nginx", site, http)
    workspace.write("probes/p.yaml", probes("interval: 1s, timeout: 20s",
                                            kept=f'url: "{nginx.plain}/", reuse: true'))
    workspace.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(workspace, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T00:00:20Z")
    assert d.stop() == 0
    nginx.close()
    runs, requests = results(workspace)["kept"], nginx.requests()
    assert len(runs) == 20
    assert [r[1] for r in requests] == [200, 444] * 10
    assert [r["outcome"] for r in runs] == [GOOD, BAD] * 10


def test_time_goes_to_the_phase_that_took_it(workspace, daemons, start):
    site = f"location /slow {{ limit_rate 2k; return 200 {'x' * 4000}; }}"
    nginx = start(peers.Nginx, workspace.path / "nginx", site)
    workspace.write("probes/p.yaml", probes("interval: 10s, timeout: 20s",
                                            slow=f'url: "{nginx.plain}/slow"'))
    workspace.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(workspace, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T00:00:10Z")
    assert d.stop() == 0
    (run,) = results(workspace)["slow"]
    assert run["outcome"] == GOOD
    assert run["transfer"] > 100_000 > run["total"] - run["transfer"]


# ---- FastAPI on uvicorn ---------------------------------------------------------------

SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: available, service: agents, sli: {probe: ready}, objective: 99.9%, window: 2h}
"""
RECEIVER = """apiVersion: nines/v1
kind: Daemon
receivers: [{{name: app, webhook: {{url: "{url}/alert"}}}}]
"""


def platform_probes(url):
    chat = (f'url: "{url}/v1/chat/completions", body: \'{{"stream":true}}\', expect: {{headers:'
            f' {{Content-Type: {{contains: text/event-stream}}}}, body: {{contains:'
            f' "data: [DONE]"}}}}')
    return probes(
        "interval: 1m, timeout: 20s",
        health=f'url: "{url}/health", {EXPECT}',
        ready=f'url: "{url}/ready", expect: {{status: 200}}',
        reason=f'url: "{url}/ready", expect: {{status: [200, 503], json: {{$.status: ready,'
               f' $.checks.database: healthy, $.checks.redis: healthy}}}}',
        list=f'url: "{url}/health/ready", expect: {{json: {{"$[0].ready": true, "$[1]": 200}}}}',
        kept=f'url: "{url}/health", reuse: true, {EXPECT}',
        chat=chat)


def reasons(workspace, at):
    """{SLO: {reason: count}} of the SLOs' windows before an instant."""
    return {slo["slo"]: {r["reason"]: r["count"] for r in slo["reasons"]}
            for slo in workspace.report("--at", at)["slos"]}


def test_platform_that_is_not_ready(workspace, daemons, start):
    platform = start(peers.Platform)
    names = ["health", "ready", "reason", "list", "kept", "chat"]
    workspace.write("probes/p.yaml", platform_probes(platform.url))
    workspace.write("slos/s.yaml", SLOS + "".join(
        f"  - {{name: {name}, sli: {{probe: {name}}}, objective: 50%, window: 10m,"
        f" alerting: none}}\n" for name in names))
    workspace.write("nines.yaml", RECEIVER.format(url=platform.url))
    workspace.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(workspace, "--test-clock", "clock")
    d.wait("test clock reached")
    d.advance("2026-03-01T01:00:00Z")
    well = {name: {} for name in names}
    assert reasons(workspace, "2026-03-01T01:00:00Z") == well | {"available": {}}

    platform.faults(down=["redis"], stream="unfinished")
    d.advance("2026-03-01T01:10:00Z")
    assert reasons(workspace, "2026-03-01T01:10:00Z") == well | {
        "available": {"status": 10}, "ready": {"status": 10}, "reason": {"json": 10},
        "list": {"json": 10}, "chat": {"body": 10}}
    platform.faults(down=["redis"], stream="broken")
    d.advance("2026-03-01T01:20:00Z")
    assert reasons(workspace, "2026-03-01T01:20:00Z")["chat"] == {"truncated": 10}

    (page,) = peers.eventually(platform.received)
    (alert,) = page["alerts"]
    assert alert["labels"]["slo"] == "available" and alert["labels"]["severity"] == "critical"
    assert page["status"] == "firing"
    platform.faults()
    d.advance("2026-03-01T02:30:00Z")
    first, last = peers.eventually(platform.received, lambda them: len(them) > 1)
    assert first == page and last["status"] == "resolved"
    assert last["alerts"][0]["fingerprint"] == alert["fingerprint"]
    assert d.stop() == 0

    assert any("$.checks.redis" in m or "$.status" in m for m in workspace.messages("reason"))
    assert any("503" in m for m in workspace.messages("ready"))
    stored = results(workspace)
    assert {len(stored[name]) for name in names} == {150}
    assert sum(r["connect"] > 0 for r in stored["kept"]) == 1
    db = database(workspace)
    assert [row[0] for row in db.execute("SELECT done FROM outbox")] == [1, 1]
    db.close()


# ---- Prometheus -----------------------------------------------------------------------

TWO_SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: up, service: agents, sli: {probe: api}, objective: 99.9%, window: 30d}
  - {name: fast, service: agents, sli: {probe: api, faster_than: 1ms}, objective: 50%,
     window: 30d, alerting: none}
"""


def compare_results(prometheus, workspace):
    """What it counts are the stored results: outcomes, reasons, and each bucket."""
    names = ["good", "bad", "excluded", "skipped"]
    db = database(workspace)
    rows = db.execute("SELECT id, outcome, count(*) FROM result JOIN probe ON num = probe"
                      " GROUP BY 1, 2").fetchall()
    stored = {(i, n): 0 for i in ("api", "other") for n in names[:2]}
    stored |= {(row[0], names[row[1]]): row[2] for row in rows}
    peers.eventually(lambda: prometheus.by("nines_probe_results_total", "probe", "outcome"),
                     lambda told: told == stored)
    bad = stored["api", "bad"]
    failures = prometheus.by("nines_probe_failures_total", "probe", "outcome", "reason")
    assert failures == ({("api", "bad", "status"): bad} if bad else {})
    buckets = prometheus.by("nines_probe_duration_seconds_bucket", "probe", "le")
    assert len(buckets) > 20
    for (probe, le), value in buckets.items():
        (count,) = db.execute("SELECT count(*) FROM result JOIN probe ON num = probe WHERE id = ?"
                              " AND outcome < 2 AND total <= ?",
                              (probe, 1e18 if le == "+Inf" else float(le) * 1e6)).fetchone()
        assert value == count, (probe, le)
    db.close()


def compare_burn(prometheus, slos):
    """Alike where history covers the window; before its start only /metrics expects events."""
    burn, reported = prometheus.by("nines_slo_burn_rate", "slo", "window"), {}
    for slo in slos:
        rates = {b["window"]: b["rate"] for b in slo["burn"]}
        reported |= {(slo["slo"], w): rates[w] for w in ("5m", "30m", "1h")}
        for window, slots in (("6h", 6 * 360), ("3d", 3 * 24 * 360)):
            reported[slo["slo"], window] = slo["bad"] / slots / (1 - float(slo["target"]))
    assert burn == pytest.approx(reported, abs=1e-5)


def compare_report(prometheus, slos):
    """And what it says of the objectives is in the report."""
    events, reported = prometheus.by("nines_slo_events", "slo", "class"), {}
    for slo in slos:
        for name in ("good", "bad", "excluded"):
            reported[slo["slo"], name] = slo[name]
    assert events == reported
    for metric, number in (
            ("nines_slo_sli_ratio", lambda s: s["sli"]),
            ("nines_slo_target_ratio", lambda s: float(s["target"])),
            ("nines_slo_coverage_ratio", lambda s: s["coverage"]["ratio"]),
            ("nines_slo_budget_remaining_ratio", lambda s: s["budget"]["remaining_ratio"])):
        assert prometheus.by(metric, "slo") == pytest.approx(
            {(s["slo"],): number(s) for s in slos}, abs=1e-6), metric
    compare_burn(prometheus, slos)
    state = prometheus.by("nines_slo_state == 1", "slo", "state")
    assert set(state) == {(s["slo"], s["state"]) for s in slos}
    firing = prometheus.by("nines_slo_tier_firing", "slo", "severity", "long", "short")
    assert firing == {(s["slo"], t["severity"], t["long"], t["short"]): t["firing"]
                      for s in slos for t in s["tiers"]}


def test_prometheus_sees_the_numbers_of_the_report(workspace, target, daemons, start):
    workspace.write("probes/p.yaml", probes(
        "interval: 10s, timeout: 5s",
        api=f'url: "{target.url}/a"',
        other=f'url: "{target.url}/b", expect: {{status: [200, 503]}}'))
    workspace.write("slos/s.yaml", TWO_SLOS)
    workspace.write("clock", "2026-03-01T00:00:00Z")
    d = daemons(workspace, "--test-clock", "clock")
    address = d.wait("serving")["address"]
    d.wait("test clock reached")
    prometheus = start(peers.Prometheus, workspace.path / "prometheus", address)
    peers.eventually(lambda: prometheus.query('up{job="nines"}'),
                     lambda up: [value for _, value in up] == [1])

    d.advance("2026-03-01T01:00:00Z")
    compare_results(prometheus, workspace)
    compare_report(prometheus, workspace.report("--at", "2026-03-01T01:00:00Z")["slos"])
    good = target.answer
    target.answer = (503, {}, b"")
    d.advance("2026-03-01T01:05:00Z")
    target.answer = good
    compare_results(prometheus, workspace)
    slos = workspace.report("--at", "2026-03-01T01:05:00Z")["slos"]
    assert any(t["firing"] for s in slos for t in s["tiers"])
    compare_report(prometheus, slos)

    assert prometheus.query("min_over_time(up[1h])")[0][1] == 1
    assert prometheus.query("scrape_samples_scraped - scrape_samples_post_metric_relabeling"
                            )[0][1] == 0
    assert prometheus.complaints() == []
    assert d.stop() == 0
