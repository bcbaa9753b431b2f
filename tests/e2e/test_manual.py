"""The manual, the completion and the README say what the binary does: no more, no less."""
import json
import re
import subprocess
import urllib.request

import conftest
import pytest

DOCS = conftest.ROOT / "docs"
COMMON = "Common options"
SUBCOMMANDS = {"db": ["db check", "db stats"], "demo": ["demo serve", "demo history"],
               "annotate": ["annotate add", "annotate list", "annotate remove"],
               "alerts": ["alerts history", "alerts list", "alerts render", "alerts retry", "alerts route",
                          "alerts simulate", "alerts test"],
               "exclude": ["exclude add", "exclude list", "exclude remove"],
               "incident": ["incident open", "incident note", "incident close", "incident list",
                            "incident show"],
               "silence": ["silence add", "silence list", "silence expire"]}


def help_of(*command):
    return subprocess.run([conftest.binary(), *command, "--help"], text=True, check=True,
                          capture_output=True).stdout


def commands_of_help():
    block = help_of().split("commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in block.splitlines()]


def all_commands():
    """With "demo serve" behind "demo"."""
    return [c for name in commands_of_help() for c in [name] + SUBCOMMANDS.get(name, [])]


def options_of_help(command):
    """{long name: (letter or None, value or None)} of the command's own and of all options."""
    own, common = {}, {}
    into = None
    for line in help_of(*command.split()).splitlines():
        if line.endswith("options:"):
            into = common if line.startswith("common") else own
        found = re.match(r"  (?:-(\w), |    )--([a-z-]+)(?: (\S+))?", line)
        if found and into is not None:
            letter, name, value = found.groups()
            into[name] = (letter, value)
        elif not line:
            into = None
    return own, common


def sections_of_manual():
    text = (DOCS / "nines.1").read_text().split(".Sh COMMANDS\n")[1].split("\n.Sh ")[0]
    return {s.split("\n")[0]: s for s in text.split("\n.Ss ")[1:]}


def options_of_manual(section):
    options = {}
    for line in section.splitlines():
        found = re.match(r"\.It Fl (?:(\w) , )?-([a-z-]+)(?: Ar (\S+))?$", line)
        if found:
            letter, name, value = found.groups()
            options[name] = (letter, value)
        else:
            assert not line.startswith(".It Fl"), f"cannot read: {line}"
    return options


def lower(options):
    return {n: (letter, value and value.lower()) for n, (letter, value) in options.items()}


def test_manual_has_every_command():
    commands = all_commands()
    assert list(sections_of_manual()) == commands + [COMMON]
    synopsis = (DOCS / "nines.1").read_text().split(".Sh SYNOPSIS\n")[1].split(".Sh ")[0]
    assert re.findall(r"^\.Cm (.+)", synopsis, re.M) == commands
    for name, inner in SUBCOMMANDS.items():
        words = "|".join(c.split()[1] for c in inner)
        assert help_of(name).startswith(f"usage: nines {name} [OPTION...] [{words}]\n")


@pytest.mark.parametrize("command", all_commands())
def test_manual_has_every_option(command):
    own, common = options_of_help(command)
    assert "help" in common
    assert options_of_manual(sections_of_manual()[command]) == lower(own)
    assert options_of_manual(sections_of_manual()[COMMON]) == lower(common)


def test_manual_names_the_formats():
    (formats,) = re.findall(r"Formats: (.*?)\. Times", help_of("report"), re.S)
    names = re.findall(r"\b(text|json|markdown|html|csv|[a-z]+)\b", re.sub(r"\(.*?\)", "", formats))
    names.remove("and")
    section = sections_of_manual()["report"].split("The formats are\n")[1]
    assert re.findall(r"^\.Ql (\w+)", section, re.M) == names
    assert complete("nines", "report", "--format", "") == names


@pytest.mark.parametrize("page", ["nines.1", "nines.yaml.5"])
def test_manual_is_well_formed(page):
    done = subprocess.run(["mandoc", "-Tlint", page], cwd=DOCS, text=True, capture_output=True)
    assert done.stdout + done.stderr == ""


# ---- completion -----------------------------------------------------------------


def complete(*words):
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nines;'
              ' printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", str(DOCS / "nines.bash"), *words],
                          text=True, check=True, capture_output=True)
    return done.stdout.split()


def test_completion_has_every_command():
    assert complete("nines", "") == commands_of_help() + ["--help", "--version"]
    assert complete("nines", "re") == ["report", "replay"]


@pytest.mark.parametrize("command", all_commands())
def test_completion_has_every_option(command):
    own, common = options_of_help(command)
    wanted = {f"--{name}" for name in {**own, **common}}
    wanted |= {f"-{letter}" for letter, _ in {**own, **common}.values() if letter}
    assert sorted(complete("nines", *command.split(), "-")) == sorted(wanted)


@pytest.mark.parametrize("option, names", [
    ("kind", r"http, health, readiness, metrics or agent"),
    ("protocol", r"json, sse, openai, anthropic, mcp, a2a")])
def test_completion_has_every_word_of_an_option(option, names):
    """Those that the help lists."""
    assert names in help_of("probe")
    assert complete("nines", "probe", f"--{option}", "") == re.findall(r"\b(?!or\b)\w+", names)


# ---- samples ------------------------------------------------------------------------


def blocks(page, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(), re.S | re.M)


def test_configurations_of_the_readme_load(workspace):
    text = (conftest.ROOT / "README.md").read_text()
    files = dict(re.findall(r"^cat > (\S+) <<'EOF'\n(.*?)^EOF$", text, re.S | re.M))
    files |= {name: body for name, body in re.findall(r"^```yaml\n# (nines\.yaml)\n(.*?)^```", text,
                                                      re.S | re.M)}
    assert list(files) == ["probes/api.yaml", "slos/api.yaml", "nines.yaml"]
    for name, body in files.items():
        workspace.write(name, body)
    done = workspace.run("check", env={"ALERT_TOKEN": "t", "SLACK_API_URL": "https://hooks.example.org/x"})
    assert done.stderr == ""


def test_readme_lists_every_command():
    text = (conftest.ROOT / "README.md").read_text()
    assert re.findall(r"^\| `nines ([\w-]+)` \|", text, re.M) == commands_of_help()


@pytest.mark.parametrize("page", ["README.md", "docs/import.md"])
def test_lines_of_the_import_format_are_taken(workspace, page):
    text = "".join(blocks(conftest.ROOT / page, "json-lines"))
    done = workspace.run("import", "--json", "--create", "interval=15s", "-", stdin=text)
    assert json.loads(done.stdout)["inserted"] == len(text.splitlines())


# ---- what the status has in JSON --------------------------------------------------


def test_manual_has_the_fields_of_the_status(workspace):
    workspace.write("probes/p.yaml", PROBES.format(url="http://127.0.0.1:1"))
    workspace.write("slos/s.yaml", SLOS)
    result = {"probe": "api-health", "time": "2026-03-01T00:00:00Z", "outcome": "good", "latency_ms": 1}
    workspace.run("import", "-", stdin=json.dumps(result) + "\n")
    status = json.loads(workspace.run("status", "--json", "--at", "2026-03-01T00:01:00Z").stdout)
    assert set(status) == conftest.status_fields()
    (slo,), (probe,) = status["slos"], status["probes"]
    assert set(slo) | {"event_parts", "inactive", "pending", "firing", "cooling"} == \
        conftest.status_fields("slos")
    assert set(probe) | set(probe["last"]) | {"name", "state", "last_run"} == \
        conftest.status_fields("probes")
    assert status["daemon"] is None
    status = json.loads(workspace.run("status", "--json").stdout)
    assert set(status["daemon"]) == conftest.status_fields("daemon")


# ---- what a running daemon shows -----------------------------------------------------

PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - id: api-health
    interval: 15s
    http: {{url: "{url}/health"}}
"""
SLOS = """apiVersion: nines/v1
kind: SLOs
slos:
  - {name: api-availability, service: api, sli: {probe: api-health}, objective: 99.9%,
     window: 30d, runbook: "https://wiki.example.org/api", labels: {team: core}}
"""
DAEMON = """apiVersion: nines/v1
kind: Daemon
receivers:
  - name: hook
    webhook: {{url: "{url}/alert"}}
watchdog: {{url: "{target}", every: 1h}}
"""


def named(page, title):
    """What the tables below a heading, up to the next, have in their first columns."""
    section = re.split(r"^#+ ", page.split(f"# {title}\n")[1], flags=re.M)[0]
    return {name for row in re.findall(r"^\| (`.*?) \|", section, re.M)
            for name in re.findall(r"`(\w+)`", row)}


def test_pages_name_what_a_daemon_says(workspace, target, webhook, daemons):
    workspace.write("probes/p.yaml", PROBES.format(url=target.url))
    workspace.write("slos/s.yaml", SLOS)
    workspace.write("nines.yaml", DAEMON.format(url=webhook.url, target=target.url))
    workspace.write("clock", "2026-03-01T00:00:00Z")
    target.answer = (503, {}, b"")
    d = daemons(workspace, "--test-clock", "clock")
    address = d.wait("serving")["address"]
    d.advance("2026-03-01T00:20:00Z")
    payload = json.loads(webhook.post()[1])
    with urllib.request.urlopen(f"http://{address}/metrics") as reply:
        metrics = reply.read().decode()
    with urllib.request.urlopen(f"http://{address}/") as reply:
        index = reply.read().decode()
    assert d.stop() == 0

    alerts = (DOCS / "alerts.md").read_text()
    message, *parts = (named(alerts, title) for title in ("The message", "Labels", "Annotations"))
    alert, = payload["alerts"]
    assert message == set(payload) | set(alert)
    for names, said in zip(parts, (alert["labels"], alert["annotations"])):
        assert names and set(said) - names <= {"team"}
    (sample,) = blocks(DOCS / "alerts.md", "json")
    sample = json.loads(sample)
    assert list(sample) == list(payload)
    assert list(sample["alerts"][0]) == list(alert)

    readme = (conftest.ROOT / "README.md").read_text()
    families = set(re.findall(r"^# TYPE (\w+)", metrics, re.M))
    told = set(re.findall(r"\bnines_[a-z_]+", readme + alerts))
    assert told and not [name for name in told - families  # nines_watchdog_*
                         if not (name[-1] == "_" and any(f.startswith(name) for f in families))]
    for path in re.findall(r"^\S+ +(/\w+)", index, re.M):
        assert f"`{path}`" in readme
