"""Alerts besides burn rates, from a run to the message: failures, certificates, silence."""
import datetime
import ssl

import conftest
import peers
import pytest

HEAD = "apiVersion: nines/v1\nkind: {}\n"
BAD = (503, {"Content-Type": "application/json"}, b'{"status":"down"}')


@pytest.fixture
def site(workspace, webhook):
    workspace.write("nines.yaml", HEAD.format("Daemon") + f"""
severity_labels: {{page: p1, ticket: p3}}
receivers: [{{name: hook, webhook: {{url: "{webhook.url}/alert"}}}}]
""")
    return workspace


def probes(site, text):
    site.write("probes/api.yaml", HEAD.format("Probes")
               + "defaults: {interval: 10s, timeout: 5s}\nprobes:\n" + text)


def start(site, daemons, time):
    site.write("clock", time)
    daemon = daemons(site, "--test-clock", "clock")
    daemon.wait("test clock reached")
    return daemon


def test_k_of_n_failures_page_and_resolve(site, target, webhook, daemons):
    probes(site, f"""
  - {{id: api, labels: {{team: a}}, http: {{url: "{target.url}/"}},
      alerts: [{{failures: 2, of: 3}}, {{failures: 20, severity: ticket}}]}}
""")
    d = start(site, daemons, "2026-03-01T00:00:00Z")
    good, target.answer = target.answer, BAD
    d.advance("2026-03-01T00:00:10Z")
    assert webhook.posts.empty()
    d.advance("2026-03-01T00:00:40Z")
    page = webhook.alert()
    assert page["status"] == "firing"
    assert page["labels"] == {"alertname": "ProbeFailing", "probe": "api", "severity": "p1",
                              "team": "a", "threshold": "2/3"}
    assert "api: 2 or more of its last 3 runs failed" == page["annotations"]["summary"]
    assert "2026-03-01T00:00:20Z" <= page["startsAt"] <= "2026-03-01T00:00:40Z"

    assert d.stop() == 0  # a restart is no second page
    d = start(site, daemons, "2026-03-01T00:01:00Z")
    d.advance("2026-03-01T00:02:00Z")
    metrics = site.run("status", "--json").stdout
    assert '"ProbeFailing"' in metrics
    assert "ProbeFailing" in site.run("status").stdout
    target.answer = good
    d.advance("2026-03-01T00:10:00Z")
    over = webhook.alert()
    assert over["status"] == "resolved" and over["startsAt"] == page["startsAt"]
    assert over["fingerprint"] == page["fingerprint"]
    assert webhook.posts.empty()
    assert d.stop() == 0


def test_a_rule_that_is_removed_ends_its_alert(site, target, webhook, daemons):
    rule = f'  - {{id: api, http: {{url: "{target.url}/"}}, alerts: [{{failures: %s}}]}}\n'
    target.answer = BAD
    probes(site, rule % 2)
    d = start(site, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T00:01:00Z")
    page = webhook.alert()
    assert page["labels"]["threshold"] == "2/2"
    probes(site, rule % 3)
    d.signal(1)
    d.wait("configuration reloaded")
    d.advance("2026-03-01T00:02:00Z")
    seen = {(a["labels"]["threshold"], a["status"]) for a in (webhook.alert(), webhook.alert())}
    assert seen == {("2/2", "resolved"), ("3/3", "firing")}
    assert d.stop() == 0


def test_a_certificate_that_ends_soon(site, webhook, daemons, tmp_path):
    peers.make_certificates(tmp_path)  # of 30 days
    target = conftest.Target()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    target.server.socket = context.wrap_socket(target.server.socket, server_side=True)
    try:
        probes(site, f"""
  - id: api
    http: {{url: "{target.url.replace('http:', 'https:').replace('127.0.0.1', 'localhost')}/",
            tls: {{ca_file: {tmp_path}/ca.pem}}}}
    alerts: [{{certificate: 14d}}, {{certificate: 40d, severity: page}}]
""")
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        at = [(now + datetime.timedelta(seconds=s)).strftime("%Y-%m-%dT%H:%M:%SZ")
              for s in (0, 30, 60, 120)]
        d = start(site, daemons, at[0])
        d.advance(at[1])
        page = webhook.alert()
        assert page["labels"] == {"alertname": "CertificateExpires", "probe": "api",
                                  "severity": "p1", "threshold": "40d"}
        assert page["annotations"]["summary"].startswith("api: its certificate ends in ")
        assert d.stop() == 0
        d = start(site, daemons, at[2])
        d.advance(at[3])
        assert webhook.posts.empty()
        assert d.stop() == 0
    finally:
        target.close()


def test_a_metric_that_falls_silent(site, target, webhook, daemons):
    target.answer = (200, {"Content-Type": "text/plain"}, b"depth 3\n")
    probes(site, f'  - {{id: queue, metrics: {{url: "{target.url}/metrics"}}}}\n')
    site.write("slos/queue.yaml", HEAD.format("SLOs") + """slos:
  - name: depth
    service: worker
    sli: {probe: queue, threshold: depth < 10}
    objective: 99%
    window: 1d
    alerts: [{silent: true, severity: page}]
  - name: unasked
    sli: {probe: queue, threshold: depth < 20}
    objective: 99%
    window: 1d
""")
    d = start(site, daemons, "2026-03-01T00:00:00Z")
    d.advance("2026-03-01T00:10:00Z")
    assert webhook.posts.empty()
    good, target.answer = target.answer, BAD
    d.advance("2026-03-01T00:14:30Z")
    assert webhook.posts.empty()
    d.advance("2026-03-01T00:16:00Z")
    page = webhook.alert()
    assert page["labels"] == {"alertname": "NoData", "service": "worker", "severity": "p1",
                              "slo": "depth"}
    assert page["annotations"]["summary"].startswith("depth: no data for 5m")
    target.answer = good
    d.advance("2026-03-01T00:22:00Z")
    assert webhook.alert()["status"] == "resolved"
    assert webhook.posts.empty()
    assert d.stop() == 0
