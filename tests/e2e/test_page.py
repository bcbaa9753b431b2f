"""One page and its end as each kind of receiver gets them from a daemon: an outage of four
minutes after five good days, and a deploy before it. On-call people read these, so they are
kept as files, and docs/receivers.md shows what they say."""
import datetime
import json
import os
import re
import subprocess
import time

import pytest
from test_email import Mailbox, Server
from test_receivers import KINDS, Service, configure

import conftest

GOLDEN = conftest.ROOT / "tests" / "golden" / "pages"
BEGIN = datetime.datetime(2026, 3, 5, tzinfo=datetime.timezone.utc)
PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - id: api-health
    interval: 15s
    timeout: 5s
    http: {{url: "{url}/health"}}
"""
SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: api-availability, service: agent-api, sli: {probe: api-health}, objective: 99.9%,
     window: 30d, runbook: "https://wiki.example.org/api", labels: {team: platform}}
"""
FIRES = ["SLO: api-availability, 99.9% over 30d, service agent-api", "Burn rate: 16.7x over 1h, 200.0x over 5m",
         "% spent, ", "% left, used up in ", "Since: ", "Failing: api-health: 4 times status",
         "Example: ", "expected status 2xx; got 503", "Last deploy: ", " api-health 1.4.2",
         "Runbook: https://wiki.example.org/api", "Dashboard: http://nines.example.org/",
         "Silence: nines silence add "]
OVER = ["SLO: api-availability, 99.9% over 30d", "Lasted: ", "Cost: 16 bad events, ", "% of the budget",
        "Failed: api-health: 16 times status", "Last deploy: "]
TOLD_OF_THE_END = {"alertmanager", "discord", "email", "log", "msteams", "msteamsv2", "ntfy", "telegram", "webhook"}


def past():
    """Good results of five days, as lines to import."""
    for k in range(5 * 24 * 60 * 4):
        at = BEGIN + datetime.timedelta(seconds=15 * k)
        yield json.dumps({"probe": "api-health", "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                          "outcome": "good", "latency_ms": 12}) + "\n"


def golden(name, text):
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("NINES_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text


def receivers(url, port):
    text = ""
    for kind, fields in KINDS.items():
        fields = fields.replace("{env: HOOK}", f"'{url}/{kind}'") % {"url": f"{url}/{kind}"}
        text += f"  - {{name: {kind}, {kind}: {fields}}}\n"
    return text + (f"  - {{name: log, log: {{path: page.ndjson}}}}\n"
                   f"  - name: email\n    email: {{to: ops@example.org, from: nines@example.org,"
                   f" smarthost: 'localhost:{port}', send_resolved: true}}\n")


def said(value):
    """All texts in a JSON document, and names of its members."""
    if isinstance(value, dict):
        return [text for name, inner in value.items() for text in [name, *said(inner)]]
    if isinstance(value, list):
        return [text for inner in value for text in said(inner)]
    return [value] if isinstance(value, str) else []


def shown(request):
    """As it came, but for what is another each time."""
    method, path, headers, body = request
    if method == "line":
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False) + "\n"
    lines = [f"{name}: {value}" for name, value in headers if name not in ("Host", "Content-Length")]
    text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://HOST", text)
    return re.sub(r"nines/\S+", "nines/VERSION", "\n".join([f"{method} {path}", *lines, "", text]) + "\n")


def mail(message):
    parts = [f"{name}: {message[name]}" for name in ("From", "To", "Subject")]
    for kind in ("plain", "html"):
        parts += ["", f"--- {kind}", message.get_body((kind,)).get_content().replace("\r\n", "\n")]
    return "\n".join(parts)


@pytest.fixture
def outage(workspace, target, daemons, start):
    """What each kind got: {kind: [text for people to read, ...]}, and all that was said."""
    service, box = start(Service), Mailbox()
    server = Server(box, hostname="127.0.0.1", port=0)
    server.start()
    try:
        configure(workspace, receivers(service.url, server.port), service.url)
        workspace.write("probes/p.yaml", PROBES.format(url=target.url))
        workspace.write("slos/s.yaml", SLOS)
        workspace.run("import", "--create", "interval=15s", "-", stdin="".join(past()))
        d = daemons(workspace, "--test-clock", workspace.write("clock", "2026-03-10T00:00:00Z"))
        d.wait("test clock reached", time="2026-03-10T00:00:00Z")
        d.advance("2026-03-10T01:00:00Z")
        workspace.run("annotate", "add", "--kind", "deploy", "--probe", "api-health", "--at",
                      "2026-03-10T00:58:00Z", "1.4.2")
        target.answer = (503, {}, b"")
        d.advance("2026-03-10T01:04:00Z")
        target.answer = (200, {}, b"{}")
        d.advance("2026-03-10T02:00:00Z")
        wait_for_messages(workspace)
        assert d.stop() == 0
    finally:
        server.stop(no_assert=True)
    return service.requests, [m for _, _, m in box.mails]


def wait_for_messages(workspace):
    """Until nothing is left to send."""
    end = time.monotonic() + conftest.PATIENCE
    while True:
        lines = workspace.run("alerts", "history", "--json").stdout.splitlines()
        states = [m["state"] for m in map(json.loads, lines) if m["is"] == "message"]
        if states and set(states) == {"delivered"} and len(states) >= 2 * len(KINDS):
            return
        assert time.monotonic() < end, states
        time.sleep(0.05)


def test_a_page_in_each_receiver(workspace, outage):
    requests, mails = outage
    got = {"email": [(mail(m), mail(m)) for m in mails]}
    for method, path, headers, body in requests:
        kind = path.split("/")[1]
        text = "\n".join(said(json.loads(body))).replace("\n\n", "\n")
        got.setdefault(kind, []).append((shown((method, path, headers, body)), text))
    lines = (workspace.path / "page.ndjson").read_bytes().splitlines()
    got["log"] = [(shown(("line", "", [], line)), "\n".join(said(json.loads(line)))) for line in lines]
    for kind in sorted(got):
        golden(kind, "\n".join(text for text, _ in got[kind]))
    assert got.keys() == {*KINDS, "log", "email"}
    for kind, messages in got.items():
        assert len(messages) == (1 if kind == "slack" else 2), kind
        for expected in FIRES:
            assert expected in messages[0][1], (kind, expected)
        for expected in OVER if kind in TOLD_OF_THE_END else ():
            assert expected in messages[-1][1], (kind, expected)
    pasted, = {text for m in got["webhook"] for text in re.findall("Silence: (.*)", m[1])}
    (workspace.path / "bin").mkdir()
    (workspace.path / "bin" / "nines").symlink_to(workspace.program)
    done = subprocess.run(["sh", "-c", pasted], cwd=workspace.path, text=True, capture_output=True,
                          env={**os.environ, **workspace.env,
                               "PATH": f"{workspace.path}/bin:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stderr
    assert '{alertname="ErrorBudgetBurn",slo="api-availability"}' in workspace.run("silence", "list").stdout


def test_what_the_documentation_shows():
    """The mail, and the message of a webhook, are those that came."""
    text = (GOLDEN / "email.txt").read_text()
    page, over = re.findall(r"^--- plain\n(.*?)\n\n+--- html", text, re.S | re.M)
    receivers = (conftest.ROOT / "docs" / "receivers.md").read_text()
    assert f"```\n{page}\n```" in receivers and f"```\n{over}\n```" in receivers
    for kind in (*KINDS, "log", "email"):
        assert f"({'../tests/golden/pages/'}{kind}.txt)" in receivers
    message = (GOLDEN / "webhook.txt").read_text().split("\n\n")[1]
    assert f"```json\n{message.rstrip()}\n```" in (conftest.ROOT / "docs" / "alerts.md").read_text()
