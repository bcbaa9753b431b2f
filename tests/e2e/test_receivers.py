"""`nines alerts test` to a service of each kind on loopback: the page as it arrives is a golden
file (NINES_UPDATE_GOLDEN=1 writes them); what is shown is what was sent, without secrets, also
where the service repeats all that it was told; and what bad services are taken for."""
import datetime
import http.server
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.request

import peers
import pytest

from conftest import PATIENCE, ROOT

GOLDEN = ROOT / "tests" / "golden" / "receivers"
SECRET = 'S3cr3t"/+é-0123456789'  # what JSON, addresses and base64 write differently
TOKEN = "S3cr3t-0123456789"  # where a header or an address takes no more
LABELS = [word for label in ("severity=critical", "service=agent-api", "slo=api-availability")
          for word in ("--label", label)]

KINDS = {
    "alertmanager": "{url: '%(url)s/'}",
    "discord": "{webhook_url: {env: HOOK}, content: '@here'}",
    "msteams": "{webhook_url: {env: HOOK}}",
    "msteamsv2": "{webhook_url: {env: HOOK}}",
    "ntfy": "{url: '%(url)s', topic: ops, token: $TOKEN}",
    "opsgenie": "{api_url: '%(url)s/', api_key: $TOKEN, priority: P1, tags: 'nines,{{ .CommonLabels.service }}'}",
    "pagerduty": "{url: '%(url)s/v2/enqueue', routing_key: $SECRET, component: '{{ .CommonLabels.slo }}'}",
    "slack": "{api_url: {env: HOOK}, channel: '#alerts', title: '{{ .Status | toUpper }}: {{ .CommonAnnotations.summary }}'}",
    "telegram": "{api_url: '%(url)s', bot_token: $BOT, chat_id: -100123}",
    "webhook": "{url: {env: HOOK}, headers: {X-Token: {env: SECRET}},"
               " http_config: {basic_auth: {username: nines, password: $SECRET}}}",
}


class Service:
    """Keeps what it was sent and answers as told; `echo` repeats the request."""

    def __init__(self, status=200, headers=(), body=b"ok", echo=False):
        self.requests = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.requests.append((self.command, self.path, self.headers.items(), text))
                answer = body
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                if echo:
                    told = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
                    answer = b"\n".join([self.path.encode(), told.encode("latin-1"), text])
                    self.send_header("X-Echo", self.path)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def first(self):
        """The first request, once it is there."""
        until = time.monotonic() + PATIENCE
        while not self.requests and time.monotonic() < until:
            threading.Event().wait(0.02)
        return self.requests[0]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def serve(start):
    return lambda **options: start(Service, **options)


def configure(ws, receivers, url):
    ws.env = {"HOOK": f"{url}/services/T0/B0/{TOKEN}", "TOKEN": TOKEN, "SECRET": SECRET,
              "BOT": f"12345:{TOKEN}"}
    ws.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nexternal_url: http://nines.example.org\n"
                           f"receivers:\n{receivers}")


def send(ws, receiver, *args, good=True):
    done = ws.run("alerts", "test", receiver, *args, check=False)
    assert done.returncode == (0 if good else 1), done.stdout + done.stderr
    return done.stdout


def arrived(request):
    """As text that is the same each time."""
    method, path, headers, body = request
    headers = [f"{name}: {value}" for name, value in headers if name not in ("Host", "Content-Length")]
    try:
        body = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        body = body.decode()
    text = "\n".join([f"{method} {path}", *headers, "", body]) + "\n"
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "2026-10-22T08:00:10Z", text)
    text = re.sub(r"nines/\S+", "nines/VERSION", text)
    return re.sub(r"test-\d+", "test-KEY", text)


def golden(name, text):
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("NINES_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_page(workspace, serve, kind):
    service = serve()
    configure(workspace, f"  - {{name: ops, {kind}: {KINDS[kind] % {'url': service.url}}, rate: 60}}\n", service.url)
    told = send(workspace, "ops", *LABELS)
    assert "* delivered: HTTP 200: ok" in told
    told = send(workspace, f"ops/{kind}", "--resolved", *LABELS, good=True)
    fired, resolved = service.requests
    golden(kind, arrived(fired) + "\n" + arrived(resolved))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_secrets_are_not_shown(workspace, serve, kind):
    """The service repeats path, headers and body."""
    service = serve(echo=True)
    configure(workspace, f"  - {{name: ops, {kind}_configs: [{KINDS[kind] % {'url': service.url}}]}}\n", service.url)
    for args in ((), ("--json",)):
        told = send(workspace, "ops", *args)
        ((_, path, headers, body),) = service.requests
        service.requests.clear()
        sent = path + str(headers) + body.decode()
        if kind != "alertmanager":
            assert "S3cr3t" in sent or "S3cr3t" in str(json.loads(body))
            assert "[secret]" in told
        assert "S3cr3t" not in told and "B0" not in told
        assert "UzNjcjN0" not in told and "bmluZXM6" not in told  # base64


def test_shown_is_sent(workspace, serve):
    service = serve(status=202, headers=[("X-Note", "a \x1b[31m b")], body=b"fine \xff\x1b[2Jyes\n\nno")
    configure(workspace, f"  - {{name: ops, webhook: {{url: '{service.url}/hook?a=b', headers: {{X-Team: ops}}}}}}\n",
              service.url)
    told = send(workspace, "ops")
    lines = [line[2:] for line in told.splitlines() if line.startswith("> ")]
    ((method, path, headers, body),) = service.requests
    assert lines[0] == f"{method} {service.url}{path}"
    assert set(lines[1:-1]) == {f"{k}: {v}" for k, v in headers if k != "Host"}
    assert lines[-1] == body.decode()
    assert "\x1b" not in told and "< X-Note: a .[31m b\n" in told
    assert "< fine ..[2Jyes\n< \n< no\n" in told
    assert "< HTTP/1.1 202\n< " in told
    assert re.search(r"^\* 127\.0\.0\.1:\d+: \S+ in all, name .*, wait ", told, re.M)


def test_exec_and_log(workspace):
    (workspace.path / "hook").write_text("#!/bin/sh\ncd ${0%/*}\ncat > got\nenv | sort > env\necho took it from $KEY\n")
    (workspace.path / "hook").chmod(0o755)
    configure(workspace, "  - name: ops\n"
                         f"    exec: {{command: [{workspace.path}/hook, a b], env: {{KEY: {{env: SECRET}}}}}}\n"
                         "    log_configs: [{path: alerts.ndjson}, {path: more.ndjson}]\n", "http://x")
    told = send(workspace, "ops", *LABELS)
    assert SECRET not in told and "* delivered: exit code 0: took it from [secret]" in told
    one, two = json.loads((workspace.path / "got").read_text()), json.loads((workspace.path / "more.ndjson").read_text())
    assert one == two == json.loads((workspace.path / "alerts.ndjson").read_text())
    assert one["alerts"][0]["labels"]["severity"] == "critical"
    text = (workspace.path / "env").read_text()
    assert f"KEY={SECRET}\n" in text and "NINES_STATUS=firing\n" in text
    golden("log", arrived(("line", "", [], (workspace.path / "alerts.ndjson").read_bytes())))


def test_log_to_a_full_pipe(workspace):
    """Nobody reads; the attempt ends all the same, and what was not written is told."""
    configure(workspace, "  - {name: ops, log: {path: pipe}}\n", "http://x")
    os.mkfifo(workspace.path / "pipe")
    told = send(workspace, "ops", good=False)
    assert "cannot open" in told
    reader = os.open(workspace.path / "pipe", os.O_RDWR | os.O_NONBLOCK)
    try:
        with pytest.raises(BlockingIOError):
            while True:
                os.write(reader, b"x" * 4096)
        assert "the reader does not keep up" in send(workspace, "ops", good=False)
    finally:
        os.close(reader)


BAD = [
    (dict(status=500, body=b"oops"), "failed, and would be tried again: HTTP 500: oops"),
    (dict(status=429, headers=[("Retry-After", "7")], body=b""), "failed, and would be tried again: HTTP 429"),
    (dict(status=400, body=b"no"), "refused: HTTP 400: no"),
    (dict(status=200, body=b'{"ok":false,"error":"channel_not_found"}'), "refused: HTTP 200"),
    (dict(status=200, body=b"\x00\xff" * 40000), None),
]


@pytest.mark.parametrize("options, why", BAD)
def test_bad_answers(workspace, serve, options, why):
    service = serve(**options)
    configure(workspace, "  - {name: ops, slack: {api_url: $HOOK}}\n", service.url)
    told = send(workspace, "ops", good=why is None)
    assert not why or f"* not delivered: {why}" in told
    assert len(told) < 40000


def test_redirects_are_not_followed(workspace, serve):
    other = serve()
    service = serve(status=307, headers=[("Location", other.url + "/elsewhere")], body=b"")
    configure(workspace, "  - {name: ops, slack: {api_url: $HOOK}}\n", service.url)
    assert "* not delivered: refused: HTTP 307" in send(workspace, "ops", good=False)
    assert not other.requests and len(service.requests) == 1


def listener(answer):
    """A server of bytes: what it says once somebody is there; None: nothing, ever."""
    sock = socket.create_server(("127.0.0.1", 0))

    def serve_one():
        connection, _ = sock.accept()
        if answer is not None:
            connection.sendall(answer)
            connection.close()
        else:
            held.append(connection)

    held = [sock]
    threading.Thread(target=serve_one, daemon=True).start()
    return f"http://127.0.0.1:{sock.getsockname()[1]}", held


@pytest.mark.parametrize("answer, why", [
    (None, "no response within 300ms"), (b"", "closed|reset|broke|empty"),
    (b"\x16\x03\x01 garbage\r\n\r\n", "not HTTP|protocol|HTTP/0.9|no HTTP|closed"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", ""),
])
def test_broken_services(workspace, answer, why):
    url, held = listener(answer)
    configure(workspace, "  - {name: ops, webhook: {url: $HOOK, timeout: 300ms}}\n", url)
    done = workspace.run("alerts", "test", "ops", check=False)
    for sock in held:
        sock.close()
    if why:
        assert done.returncode == 1, done.stdout
        assert re.search(r"\* not delivered: failed, and would be tried again: .*(" + why + ")", done.stdout), done.stdout


def test_unknown_certificate(workspace, tmp_path, serve):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, timeout=PATIENCE)
    import ssl
    service = serve()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    service.server.socket = context.wrap_socket(service.server.socket, server_side=True)
    url = service.url.replace("http:", "https:")
    rest = "{url: '%s/x'%s}" % (url, "%s")
    configure(workspace, "  - name: ops\n    webhook_configs:\n"
                         f"      - {rest % ''}\n"
                         f"      - {rest % ', http_config: {tls_config: {ca_file: cert.pem}}'}\n"
                         f"      - {rest % ', http_config: {tls_config: {insecure_skip_verify: true}}'}\n", url)
    assert "certificate" in send(workspace, "ops/webhook", good=False)
    assert not service.requests
    send(workspace, "ops/webhook 2")
    send(workspace, "ops/webhook 3")
    assert len(service.requests) == 2


def test_usage(workspace, serve):
    service = serve()
    configure(workspace, f"  - {{name: on-call, webhook: {{url: {service.url}}}}}\n", service.url)

    def fails(code, *args):
        done = workspace.run("alerts", "test", *args, check=False)
        assert done.returncode == code
        return done.stderr

    assert "did you mean 'on-call'?" in fails(1, "on-cal")
    assert "on-call has no integration 'webhok'; did you mean 'webhook'?" in fails(1, "on-call/webhok")
    assert "expected NAME=VALUE; found 'x'" in fails(2, "on-call", "--label", "x")
    assert "expected one receiver" in fails(2)
    assert "--format is text or json" in fails(2, "on-call", "--format", "csv")
    assert not service.requests
    (line,) = send(workspace, "on-call", "--json").splitlines()
    row = json.loads(line)
    assert (row["receiver"], row["integration"], row["delivered"], row["detail"]) == \
        ("on-call", "webhook", True, "HTTP 200: ok")
    assert row["dialogue"][0] == f"> POST {service.url}"


def test_alertmanager(workspace, start):
    """A running one has the alert until its end is posted, and passes it on as it is."""
    hook = start(Service)
    alertmanager = start(peers.Alertmanager, workspace.path / "am",
                         "route: {receiver: a, group_wait: 0s, group_interval: 1s, group_by: ['...']}\n"
                         f"receivers: [{{name: a, webhook_configs: [{{url: '{hook.url}'}}]}}]\n")
    configure(workspace, f"  - {{name: am, alertmanager: {{url: '{alertmanager.url}', lifetime: 5h}}}}\n", "http://x")

    def active():
        with urllib.request.urlopen(f"{alertmanager.url}/api/v2/alerts", timeout=PATIENCE) as reply:
            return json.load(reply)

    send(workspace, "am", *LABELS)
    (alert,) = active()
    assert alert["labels"]["slo"] == "api-availability"
    assert alert["annotations"]["summary"] == "A test of the receiver am"
    left = datetime.datetime.fromisoformat(alert["endsAt"]) - datetime.datetime.fromisoformat(alert["updatedAt"])
    assert abs(left - datetime.timedelta(hours=5)) < datetime.timedelta(minutes=1)
    send(workspace, "am", *LABELS)
    assert len(active()) == 1
    send(workspace, "am", "--resolved", *LABELS)
    assert active() == []
    told = json.loads(hook.first()[3])
    assert told["commonLabels"]["severity"] == "critical"


@pytest.mark.parametrize("name", ["agent_platform", "kubernetes", "monitoring", "paracle"])
def test_guides(workspace, serve, name):
    """The files load as they are printed, and every receiver but mail sends with them."""
    text = (ROOT / "tests" / "e2e" / "alertmanager" / f"{name}.yml").read_text()
    service = serve()
    workspace.write("alertmanager.yml", text)
    workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nalertmanager: alertmanager.yml\n")
    url = f"{service.url}/services/x"
    workspace.env = {"PAGERDUTY_SERVICE_KEY": "k", "SLACK_WEBHOOK_URL": url, "SLACK_API_URL": url}
    done = workspace.run("check")
    golden(f"check-{name}", re.sub(r"nines@\S+", "nines@HOST", done.stderr))
    needed = {"paracle": "PAGERDUTY_SERVICE_KEY", "agent_platform": "SLACK_WEBHOOK_URL", "monitoring": "SLACK_API_URL"}
    if name in needed:
        workspace.env.pop(needed[name])
        done = workspace.run("check", check=False, env={"SLACK_API_URL": ""})
        assert done.returncode == 1
        assert re.search(rf"^alertmanager.yml:\d+:\d+: error: .*{needed[name]}", done.stderr, re.M)
        workspace.env[needed[name]] = url
    if name == "monitoring":
        send(workspace, "warning", *LABELS)
        attachment = json.loads(service.first()[3])["attachments"][0]
        assert attachment["title"] == "Warning: TestAlert"
    if name == "agent_platform":
        send(workspace, "slack-warnings")
        assert json.loads(service.first()[3])["channel"] == "#alerts"


def refused(workspace, receivers, *expected):
    workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\n" + receivers)
    done = workspace.run("check", check=False, env={"SLACK_API_URL": ""})
    assert done.returncode == 1
    assert [line.replace("nines.yaml:", "") for line in done.stderr.splitlines()[:-1]] == list(expected)


def test_bad_configurations(workspace):
    refused(workspace, "receivers: [{name: a, wechat_configs: []}]\n",
            "3:23: error: unknown key 'wechat_configs'; did you mean 'webhook_configs'?",
            )
    refused(workspace, "receivers: [{name: a, slack: {}}]\n",
            "3:30: error: missing key 'api_url' or 'api_url_file'; expected an address, or the environment variable"
            " SLACK_API_URL")
    refused(workspace, "receivers: [{name: a, log: {}, rate: 0}]\n", "3:38: error: rate: must be from 1 to 100000; found '0'")
    refused(workspace, "receivers:\n  - {name: a, alertmanager: {url: http://a}}\n"
                       "route: {receiver: a, group_interval: 7h, repeat_interval: 12h}\n",
            "4:29: error: lifetime: alerts would end after 12h, but the route at line 5 tells them again every 14h"
            " (repeat_interval, to the next group_interval): give a longer lifetime")
    refused(workspace, "receivers: [{name: a, alertmanager: {url: http://a, lifetime: 4h}}]\n",
            "3:37: error: lifetime: alerts would end after 4h, but without 'route' they are told again every 4h: give a"
            " longer lifetime")
    refused(workspace, "receivers: [{name: a, alertmanager: {url: http://a, lifetime: 5m}}, {name: b, log: {}}]\n"
                       "watchdog: {receiver: a, every: 5m}\n",
            "3:37: error: lifetime: the watchdog's alert would end after 5m, but it is told again every 5m: give a"
            " longer lifetime")
    refused(workspace, "global: {slack_api_url: ftp://x, slack_api_urll: x}\nreceivers: [{name: a, slack: {}}]\n",
            "3:25: warning: slack_api_url: a secret in plain text; {env: NAME} or {file: path} keeps it out of here",
            "3:25: error: slack_api_url is not an http:// or https:// address",
            "3:34: error: unknown key 'slack_api_urll'; did you mean 'slack_api_url'?")
    refused(workspace, "global: {http_config: {proxy_url: x}}\nreceivers: [{name: a, log: {}}, {name: b, ntfy: {topic: x}},\n"
                       "  {name: c, ntfy: {topic: x}}]\n",
            "3:24: error: unknown key 'proxy_url'; expected basic_auth, authorization, tls_config or follow_redirects")
    refused(workspace, "receivers: [{name: a, webhook: {url: http://a, headers: {Host: b, Authorization: c},\n"
                       "  http_config: {authorization: {credentials: $HOME}}}}]\n",
            "3:57: error: headers: Host cannot be set",
            "3:57: error: one of headers.Authorization and a login in http_config")
    refused(workspace, "receivers: [{name: a, log: [x]}]\n", "3:28: error: log: expected a mapping of keys to values; found a list")


def test_global_defaults(workspace, serve):
    service = serve()
    workspace.env = {"HOOK": f"{service.url}/services/global", "TOKEN": TOKEN}
    workspace.write("key", "opsgenie-key\n")
    workspace.write("nines.yaml", f"""apiVersion: nines/v1
kind: Daemon
global:
  slack_api_url: $HOOK
  pagerduty_url: {service.url}/pd
  opsgenie_api_url: {service.url}/og/
  opsgenie_api_key_file: key
  telegram_api_url: {service.url}/tg
  http_config: {{authorization: {{credentials: $TOKEN}}}}
receivers:
  - name: ops
    opsgenie: {{}}
    pagerduty: {{routing_key: r, http_config: {{}}}}
    slack: {{}}
    telegram: {{bot_token: '1:a', chat_id: 5, http_config: {{basic_auth: {{username: u}}}}}}
""")
    assert TOKEN not in send(workspace, "ops")
    seen = {path: dict(headers).get("Authorization") for _, path, headers, _ in service.requests}
    assert seen == {"/og/v2/alerts": "GenieKey opsgenie-key", "/pd": None,
                    "/services/global": f"Bearer {TOKEN}", "/tg/bot1:a/sendMessage": "Basic dTo="}
