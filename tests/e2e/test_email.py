"""Mails as a mail program reads them, from a real server."""
import email
import email.policy
import ssl
import subprocess

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

DAEMON = "apiVersion: nines/v1\nkind: Daemon\n"


class Mailbox:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.mail_from, envelope.rcpt_tos,
                           email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    ok = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ann", b"s3cret")
    return AuthResult(success=ok, handled=False)


class Server(Controller):
    """On a port of the system's choice."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def certificate(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "key.pem", "-out",
                    tmp_path / "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return ctx


@pytest.fixture
def serve():
    started = []

    def begin(**options):
        box = Mailbox()
        server = Server(box, hostname="127.0.0.1", port=0, **options)
        server.start()
        started.append(server)
        return box, server.port

    yield begin
    for server in started:
        server.stop(no_assert=True)


def test_a_mail_over_starttls_with_a_login(workspace, certificate, serve):
    box, port = serve(tls_context=certificate, authenticator=authenticate, auth_required=True)
    workspace.env = {"SMTP_PASSWORD": "s3cret"}
    workspace.write("nines.yaml", DAEMON + f"""
global:
  smtp_smarthost: localhost:{port}
  smtp_from: nines@example.org
  smtp_auth_username: ann
  smtp_auth_password: $SMTP_PASSWORD
  smtp_require_tls: true
  smtp_tls_config: {{ca_file: cert.pem}}
receivers:
  - name: ops
    email_configs:
      - to: 'ops@example.org, Ann <ann@example.org>'
        headers:
          Subject: 'Über {{{{ .CommonLabels.alertname }}}} → {{{{ .Status | toUpper }}}}'
          X-Team: core
        text: "{{{{ range .Alerts }}}}.\\n..\\n{{{{ .Labels.alertname }}}}\\n{{{{ end }}}}"
""")
    done = workspace.run("alerts", "test", "ops", "--label", "alertname=<Prüfung>")
    (sender, recipients, mail), = box.mails
    assert (sender, recipients) == ("nines@example.org", ["ops@example.org", "ann@example.org"])
    assert mail["Subject"] == "Über <Prüfung> → FIRING"
    assert mail["To"] == "ops@example.org, ann@example.org"
    assert mail["X-Team"] == "core" and mail["Message-ID"] and mail["In-Reply-To"]
    plain = mail.get_body(("plain",)).get_content()
    assert plain.splitlines() == [".", "..", "<Prüfung>"]
    assert "&lt;Prüfung&gt;" in mail.get_body(("html",)).get_content()
    said = done.stdout + done.stderr
    assert "> EHLO localhost" in said and "> STARTTLS" in said and "> AUTH PLAIN" in said
    assert "> RCPT TO:<ann@example.org>" in said and "< 250 2.0.0 taken" in said
    assert "s3cret" not in said and "AHMzY3JldA" not in said and "> [secret]" in said


def test_what_is_wrong_is_said(workspace, certificate, serve):
    box, port = serve(tls_context=certificate)
    receiver = f"receivers: [{{name: ops, email: {{to: a@b.org, from: c@d.org, " \
               f"smarthost: 'localhost:{port}', require_tls: true}}}}]\n"
    workspace.write("nines.yaml", DAEMON + receiver)
    done = workspace.run("alerts", "test", "ops", check=False)
    assert done.returncode == 1 and "self-signed" in done.stdout + done.stderr
    assert not box.mails
    box, port = serve()
    workspace.write("nines.yaml", DAEMON + receiver.replace("require_tls: true", "hello: me")
                    .replace("c@d.org", "no address"))
    done = workspace.run("alerts", "test", "ops", check=False)
    assert done.returncode == 1 and "not an address: no address" in done.stdout + done.stderr
