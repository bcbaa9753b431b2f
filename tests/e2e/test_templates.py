"""Templates and messages against Alertmanager's own: what amtool renders, what it sends."""
import json
import re
import shutil
import subprocess

import conftest
import peers
import pytest

PAGE = conftest.ROOT / "docs" / "templates.md"
MESSAGE = {
    "receiver": "ops", "status": "firing",
    "alerts": [
        {"status": "firing", "labels": {"alertname": "Burn", "slo": "api", "x": "<1>"},
         "annotations": {"summary": "s \"q\" 'a' é"}, "startsAt": "2026-11-22T01:02:03.120Z",
         "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://g", "fingerprint": "00ff"},
        {"status": "resolved", "labels": {"alertname": "Burn"}, "annotations": {},
         "startsAt": "2026-11-22T01:02:03.123456Z", "endsAt": "2026-11-22T02:02:03Z",
         "generatorURL": "", "fingerprint": "00fe"}],
    "groupLabels": {"alertname": "Burn"}, "commonLabels": {"alertname": "Burn"},
    "commonAnnotations": {}, "externalURL": "http://e"}
BOTH = r"""
[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ .Alerts.Firing | len }}{{ end }}] {{ .GroupLabels.SortedPairs.Values | join " " }} {{ if gt (len .CommonLabels) (len .GroupLabels) }}({{ with .CommonLabels.Remove .GroupLabels.Names }}{{ .Values | join " " }}{{ end }}){{ end }}
{{ range .Alerts }}{{ .Status }}{{ range .Labels.SortedPairs }} - {{ .Name }} = {{ .Value }}{{ end }}{{ .Annotations.summary }}{{ end }}
{{ (index .Alerts 0).EndsAt }} {{ (index .Alerts 1).StartsAt }} {{ (index .Alerts 0).StartsAt.Unix }}
{{ (index .Alerts 0).StartsAt.Format "2006-01-02T15:04:05.999999Z07:00 Monday January 1 2 3 4 5 06 PM pm -0700 -07:00 002 03 .000 .99 ,000 Jan2 _2006 __2 _2 Junk Mondays Janet 20060102 .0001 0405" }}
{{ (index .Alerts 1).EndsAt.Sub (index .Alerts 1).StartsAt }} {{ (index .Alerts 1).EndsAt.Sub (index .Alerts 0).EndsAt }} {{ (index .Alerts 0).StartsAt.Sub (index .Alerts 1).StartsAt }}
{{ printf "%q %d %5s %-5s| %.2f %6.2f|%-6d|%06d|%+d|%X|%t|%5t|%8v|%-8v|%.2s" .Status 3 "a" "b" 1.5 1.25 3 4 5 255 true false "é" "é" "éabc" }}
{{ printf "%x %08x %+x %-8x| %X %05d %-05d| %+.1f %08.3f %-8.1f| %f" 255 -255 255 255 -16 -42 42 2.25 -3.14159 2.0 1e10 }}
{{ print 1 2 "a" "b" 3 }} {{ println "x" 1 }} {{ print true false }} {{ "a" | printf "%s-%s%%" "b" }}
{{ html "<a>&\"'" .Status }} {{ urlquery "a b&c/é~-_." }} {{ safeHtml "<b>" }}
{{ title "hello wORLD don't foo-bar x_y éa foo.bar a:b 3abc O'neil a/b AB_CD 1.5ab 1,5a a.1b a1.5b _a" }}
{{ toUpper "straße éΣς ŉ ı ǆ яґ αώ ÿ" }} {{ toLower "İÉΣ ЯҐ ΑΏ Ÿ Ⅷ Ǆ K Å" }}
{{ 1.5 }} {{ 1e9 }} {{ 100000.5 }} {{ 1234567.0 }} {{ 0.0001 }} {{ 0.00001 }} {{ -3 }} {{ 0.0 }} {{ 12345678901234567890.5 }}
{{ reReplaceAll "(a)(b)?" "<$1$2>" "xaby" }} {{ reReplaceAll "x*" "-" "abc" }} {{ reReplaceAll "(?P<n>b)" "[${n}]$$" "abc" }} {{ reReplaceAll "" "-" "éa" }} {{ reReplaceAll "b*" "-" "abbcb" }} {{ reReplaceAll "a" "$-${" "bab" }} {{ match "^b" "ab" }}
{{ len "é" }} {{ len .Alerts }} {{ eq 1 2 1 }} {{ ne 1 2 }} {{ ge 1 1 }} {{ lt "a" "b" }} {{ le 1.5 1.0 }} {{ or "" "b" }} {{ and 1 "" "c" }}|{{ not "" }} {{ or 0 false "z" }}
{{ if 0.0 }}a{{ else if 1 }}b{{ end }}{{ range .CommonAnnotations }}x{{ else }}none {{ $.Status }}{{ end }}{{ with .CommonLabels.nope }}x{{ else }}{{ .Status }}{{ end }}
a  {{- /* c */ -}}  b {{- 3 -}} c {{ -3 }}{{-3}}x{{- -3 -}} y {{- "a" }} {{/* x */}}z {{ "}}" }} {{ "a\u00e9\n\x41\101" }} {{ `a\n` }}
{{ printf "%q %q" "a\tb\u00a0é\x7f" `x"y` }} {{ "2006" | (index .Alerts 0).StartsAt.Format }} {{ index .GroupLabels "alertname" }}
""".strip().split("\n")
NEITHER = ["{{ .Statu }}", "{{ nofunc 1 }}", "{{ if }}{{ end }}", "{{ end }}", "{{ .Status }",
           "{{ eq 1 \"a\" }}", "{{ toUpper 1 }}", "{{ \"a\" .Status }}", "{{ .Status.x }}",
           "{{ range 3 }}{{ end }}", "{{ lt true false }}", "{{ (.Status }}", "{{ 3x }}",
           "{{ . Status }}", "{{ if true }}", "{{ len 3 }}", "{{ match \"(\" \"a\" }}"]


def rendered(ws, template, *args):
    return ws.run("alerts", "render", "--template", template, *args, check=False)


def by_amtool(ws, template):
    ws.write("none.tmpl", "")
    return subprocess.run(
        ["amtool", "template", "render", "--template.glob=none.tmpl",
         "--template.data=message.json", f"--template.text={template}"],
        cwd=ws.path, text=True, capture_output=True)


@pytest.mark.skipif(not shutil.which("amtool"), reason="amtool is not installed")
def test_amtool_renders_the_same(workspace):
    workspace.write("message.json", json.dumps(MESSAGE))
    for template in BOTH:
        theirs, ours = by_amtool(workspace, template), rendered(workspace, template, "message.json")
        assert theirs.returncode == ours.returncode == 0, (template, theirs.stderr, ours.stderr)
        assert ours.stdout.rstrip("\n") == theirs.stdout.rstrip("\n"), template
    for template in NEITHER:
        theirs, ours = by_amtool(workspace, template), rendered(workspace, template, "message.json")
        assert theirs.returncode != 0 and ours.returncode == 1, template
        assert re.match(r"nines alerts render: template:\d+:\d+: ", ours.stderr)


def rows(title):
    section = PAGE.read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines()
             if line.startswith("| ") and not line.startswith("| function |")]
    return [[c.strip().replace("\\|", "|") for c in row] for row in cells]


def test_examples_of_the_manual(workspace):
    functions = rows("Functions")
    assert len(functions) > 20
    for _, _, example, want in functions:
        done = rendered(workspace, example.strip("`"))
        assert done.stdout == want[1:-1] + "\n", (example, done.stderr)
    command, shown = re.search(r"^\$ nines (.*)\n(.*)$", PAGE.read_text(), re.M).groups()
    assert rendered(workspace, command.split("'")[1]).stdout == shown + "\n"


def test_every_function_is_in_the_manual():
    source = (conftest.ROOT / "src/model/template_func.c").read_text()
    table = source.split("functions[] = {")[1].split("\n};")[0]
    named = {name for row in rows("Functions") for name in re.findall(r"`(\w+)`", row[0])}
    assert set(re.findall(r'\{"(\w+)"', table)) == named
    source = (conftest.ROOT / "src/model/template_member.c").read_text()
    members = set(re.findall(r'(?:PLAIN|WITH)\(TYPE_\w+, "(\w+)"', source))
    assert members <= set(re.findall(r"`\.(\w+)", PAGE.read_text()))


def test_messages_and_templates_from_files(workspace):
    workspace.write("page.tmpl", "{{ .Receiver }}\n{{ .Stats }}")
    done = workspace.run("alerts", "render", "-t", "page.tmpl", check=False)
    assert done.returncode == 1
    assert done.stderr == ("nines alerts render: page.tmpl:2:4: the message has no .Stats; is it"
                           " .Status?\n")
    done = workspace.run("alerts", "render", "-t", "none.tmpl", check=False)
    assert "none.tmpl: " in done.stderr
    sample = workspace.run("alerts", "render", "--message").stdout
    done = workspace.run("alerts", "render", "-t", "{{ .Receiver }}", "-", stdin=sample)
    assert done.stdout == "on-call\n"
    done = workspace.run("alerts", "render", "-", stdin='{"receiver": 1}', check=False)
    assert done.stderr == "nines alerts render: -: receiver: expected a text\n"
    assert workspace.run("alerts", "render", "a", "b", check=False).returncode == 2
    assert workspace.run("alerts", "render", "--json", check=False).returncode == 2


class Alertmanager(peers.Peer):
    CONFIGURATION = """
route: {{receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 100ms}}
receivers: [{{name: ops, webhook_configs: [{{url: "{url}/alert"}}]}}]
"""

    def __init__(self, folder, url):
        program = peers.find("prometheus-alertmanager")
        folder.mkdir()
        (folder / "alertmanager.yml").write_text(self.CONFIGURATION.format(url=url))
        super().__init__([program, f"--config.file={folder}/alertmanager.yml",
                          f"--storage.path={folder}/data", "--cluster.listen-address=",
                          "--web.listen-address=127.0.0.1:0"])
        self.url = f"http://{self.wait('Listening on.* address=([0-9.:]+)')[1]}"

    def post(self, alerts):
        subprocess.run(["curl", "-sSf", "-H", "Content-Type: application/json", "-d",
                        json.dumps(alerts), f"{self.url}/api/v2/alerts"], check=True)


def test_reads_and_writes_what_alertmanager_sends(workspace, webhook, start):
    manager = start(Alertmanager, workspace.path / "alertmanager", webhook.url)
    manager.post([{"labels": {"alertname": "Burn", "slo": name, "x": 'q"\\é'},
                   "annotations": {"summary": f"{name} <burns>"},
                   "startsAt": "2026-11-22T01:02:03.12Z", "generatorURL": "http://g/?a=1&b=2"}
                  for name in ("api", "web")])
    (_, body, *_) = webhook.post()
    theirs = json.loads(body)
    ours = workspace.run("alerts", "render", "--message", "-", stdin=body.decode()).stdout
    assert json.loads(ours) == theirs
    # Without them, fingerprints are computed.
    bare = json.loads(body)
    for alert in bare["alerts"]:
        del alert["fingerprint"]
    again = workspace.run("alerts", "render", "--message", "-", stdin=json.dumps(bare)).stdout
    assert json.loads(again) == theirs
