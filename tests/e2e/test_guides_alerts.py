"""The Alertmanager files of the guides, as they are printed: the table of docs/guides.md, and a
page and a ticket from a failing probe through each to the services it names."""
import json
import re
import time

import pytest
from test_email import Mailbox, Server
from test_page import golden, mail
from test_receivers import Service
from test_routing import DATA, GUIDES, SETS, amtool, configure, label_sets, needs_amtool, routed

import conftest

PAGE = conftest.ROOT / "docs" / "guides.md"
NAMES = {"paracle": "Paracle", "agent_platform": "AI agent platform", "kubernetes": "Aragora",
         "monitoring": "Agent API"}
PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - {{id: api-health, interval: 15s, timeout: 5s, http: {{url: "{url}/health"}}}}
  - {{id: api-agents, interval: 15s, timeout: 5s, http: {{url: "{url}/agents"}},
      alerts: [{{failures: 3, of: 5, severity: ticket}}]}}
"""
SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: api-availability, service: agent-api, sli: {probe: api-health}, objective: 99.9%, window: 30d}
"""


def expressions(text):
    return sorted(set(re.findall(r"\{\{.*?\}\}", text)))


def warnings(ws):
    """What nines says of the file: {text: how often}, without names of this machine."""
    found = {}
    for line in ws.run("check").stderr.splitlines():
        said = re.match(r"alertmanager\.yml:\d+:\d+: warning: (.*)", line)
        if said:
            text = re.sub(r"nines@\S+", "nines@HOST", said[1])
            found[text] = found.get(text, 0) + 1
    return found


def routes(tree):
    """One cell: who gets what."""
    told = []
    for route in tree["routes"]:
        more = ", and on" if route["continue"] else ""
        told.append(f"`{route['matchers']}` to `{route['receiver']}`{more}")
    return "; ".join(told) + f"; else `{tree['receiver']}`"


def row(ws, name):
    configure(ws, name)
    text = (DATA / f"{name}.yml").read_text()
    tree = json.loads(ws.run("alerts", "route", "--tree", "--json").stdout)
    kinds = sorted({f"{n} {kind}" for kind in ("email", "pagerduty", "slack") if (n := text.count(f"{kind}_configs"))})
    said = "; ".join(f"{text} ({n} times)" if n > 1 else text for text, n in warnings(ws).items()) or "nothing"
    alike = sum([r["receiver"] for r in answer["routes"]] == amtool(ws, labels)
                for labels, answer in zip(label_sets(name), routed(ws, list(label_sets(name)))))
    used = " ".join(f"`{e}`" for e in expressions(text)).replace("|", "\\|") or "none"
    return f"| {NAMES[name]} | {routes(tree)} | {', '.join(kinds)} | {used} | {said} | {alike} of {SETS} |\n"


@needs_amtool
@pytest.mark.skipif(SETS != 200, reason="the table is of 200 label sets")
def test_the_table_of_the_guides(workspace):
    """What docs/guides.md says of the files is what nines and amtool say of them."""
    table = "".join(row(workspace, name) for name in GUIDES)
    assert table in PAGE.read_text(), table
    assert "no Alertmanager configuration" in PAGE.read_text()


def completed(text, url, port):
    """Only addresses are put in: what the guides leave out, or have placeholders for."""
    text = text.replace("https://hooks.slack.com/services/xxx", f"{url}/slack")
    text = re.sub(r"smtp_smarthost: .*", "", text)
    return text.replace("global:\n", f"global:\n  pagerduty_url: {url}/pagerduty\n  smtp_smarthost: 'localhost:{port}'\n"
                                      "  smtp_require_tls: false\n" + ("" if "smtp_from" in text else "  smtp_from: nines@example.org\n"))


def told(request):
    _, path, _, body = request
    return path, f"{path}\n{json.dumps(json.loads(body), indent=2, ensure_ascii=False)}\n"


@pytest.mark.parametrize("name, ticket", [*((name, "warning") for name in GUIDES), ("paracle", "info"),
                                          ("agent_platform", "info")])
def test_a_page_and_a_ticket(workspace, daemons, target, start, name, ticket):
    """One outage is a page, and a ticket of another probe; and who gets what is in the file kept
    for it. A ticket of a severity that no route names goes to the root's receiver."""
    service, box = start(Service), Mailbox()
    server = Server(box, hostname="127.0.0.1", port=0)
    server.start()
    try:
        url = f"{service.url}/slack"
        workspace.env.update(PAGERDUTY_SERVICE_KEY="k", SLACK_WEBHOOK_URL=url, SLACK_API_URL=url)
        workspace.write("alertmanager.yml", completed((DATA / f"{name}.yml").read_text(), service.url, server.port))
        workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nalertmanager: alertmanager.yml\n"
                                      f"severity_labels: {{ticket: {ticket}}}\n")
        workspace.write("probes/p.yaml", PROBES.format(url=target.url))
        workspace.write("slos/s.yaml", SLOS)
        d = daemons(workspace, "--test-clock", workspace.write("clock", "2026-03-10T00:00:00Z"))
        d.wait("test clock reached", time="2026-03-10T00:00:00Z")
        d.advance("2026-03-10T01:00:00Z")
        target.answer = (503, {}, b"")
        d.advance("2026-03-10T01:03:00Z")
        wait_until_sent(workspace)
        assert d.stop() == 0
    finally:
        server.stop(no_assert=True)
    kept = [text for _, text in sorted(map(told, service.requests))]
    kept += [mail(m).split("\n--- html")[0] for _, _, m in box.mails]
    golden(f"../guides/{name}-{ticket}", "\n".join(kept))


def wait_until_sent(workspace):
    end = time.monotonic() + conftest.PATIENCE
    while True:
        lines = workspace.run("alerts", "history", "--json").stdout.splitlines()
        states = [m["state"] for m in map(json.loads, lines) if m["is"] == "message"]
        if len(states) >= 2 and set(states) == {"delivered"}:
            return
        assert time.monotonic() < end, states
        time.sleep(0.05)
