"""nines probe of agents: every protocol over real streams, the picture, and the picture while
the answer comes in, on a terminal."""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time
import urllib.request

import conftest
import pytest


class Agents:
    """tests/servers/agents.py."""

    def __init__(self):
        script = conftest.ROOT / "tests/servers/agents.py"
        self.process = subprocess.Popen(["/usr/bin/python3", script], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline().split()[1])}"

    def log(self):
        with urllib.request.urlopen(self.url + "/log") as r:
            return [json.loads(line) for line in r]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def agents():
    server = Agents()
    yield server
    server.close()


def probe(*args, env=None):
    return subprocess.run([conftest.binary(), "probe", "--kind", "agent", *args], text=True,
                          capture_output=True, check=False,
                          env={**os.environ, "COLUMNS": "90", **(env or {})})


ASKED = {"openai": ("/v1/chat/completions", ["--model", "m"]),
         "anthropic": ("/v1/messages", ["--model", "m"]),
         "mcp": ("/mcp", ["--tool", "echo", "--arguments", '{"text": "ready {nonce}"}']),
         "a2a": ("/a2a", ["--protocol", "a2a"]),
         "sse": ("/sse", ["--protocol", "sse", "--body", "{}", "--read", "text=$.text",
                          "--read", "event=delta"]),
         "json": ("/json", ["--protocol", "json", "--body", "{}", "--read", "text=$.output"])}


@pytest.mark.parametrize("protocol", ASKED)
def test_each_protocol(agents, protocol):
    path, options = ASKED[protocol]
    shown = probe(*options, agents.url + path)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert re.search(r"^  first token +\d", shown.stdout, re.M)
    assert re.search(r"^answer", shown.stdout, re.M) and "  ready" in shown.stdout
    assert "GOOD" in shown.stdout and "\x1b" not in shown.stdout


def test_json(agents):
    path, options = ASKED["openai"]
    run = json.loads(probe(*options, "--json", f"{agents.url}{path}?each=20&stall=3:200&pings=50").stdout)
    answer, marks = run["answer"], run["marks"]
    assert answer["tokens_out"] == 6 and answer["tokens_cached"] == 4
    assert "cost" not in answer
    assert answer["flags"] == ["streamed", "ended"]
    assert 200 <= answer["gap_ms"] <= answer["last_event_ms"]
    assert run["told"]["text"].startswith("ready token1") and run["told"]["finish"] == "stop"
    kinds = [m["kind"] for m in marks]
    assert kinds[:2] == ["request", "headers"] and kinds[-2:] == ["terminator", "closed"]
    assert kinds.count("text") == 6 and kinds.count("ping") >= 3
    times = [m["at_ms"] for m in marks]
    assert times == sorted(times) and times[-1] <= run["latency_ms"]
    gaps = [(b["at_ms"] - a["at_ms"], b["text"]) for a, b in
            zip(*[[m for m in marks if m["kind"] == "text"][i:] for i in (0, 1)])]
    assert max(gaps)[1] == " token3"
    assert max(gaps)[0] == pytest.approx(answer["gap_ms"], abs=0.002)
    assert run["marks_dropped"] == 0


def test_the_stall_is_where_it_was(agents):
    path, options = ASKED["anthropic"]
    shown = probe(*options, f"{agents.url}{path}?stall=4:400").stdout
    value = re.search(r"largest gap +(\d+)ms", shown)
    assert int(value.group(1)) >= 400
    assert 'after " token3", before " token4"' in shown


@pytest.mark.parametrize("script, row, verdict", [
    ("say=reasoning&each=20", "no token", "reasoning alone"),
    ("error=2", "error ", "answer_error"),
    ("end=no", "closed ", "sse_truncated"),
    ("malformed=2", "malformed ", "sse_protocol"),
])
def test_what_goes_wrong_has_a_row(agents, script, row, verdict):
    path, options = ASKED["openai"]
    shown = probe(*options, f"{agents.url}{path}?{script}")
    assert shown.returncode == 1
    assert re.search(f"^  {row}", shown.stdout, re.M), shown.stdout
    assert verdict in shown.stdout.splitlines()[-1]


def test_a_session_of_mcp_is_ended(agents):
    """Also when the tool was not there."""
    before = sum(line["method"] == "DELETE" for line in agents.log())
    shown = probe("--tool", "ecko", agents.url + "/mcp")
    assert shown.returncode == 1
    assert "the server has no tool 'ecko'; did you mean 'echo'?" in shown.stdout
    assert re.search("^  list ", shown.stdout, re.M) and "first token" not in shown.stdout
    probe("--tool", "echo", "--arguments", '{"text": "x"}', agents.url + "/mcp")
    assert sum(line["method"] == "DELETE" for line in agents.log()) == before + 2


def test_keys_come_from_the_environment(agents):
    path, options = ASKED["openai"]
    url = agents.url + path + "?id=keys"
    shown = probe(*options, "--bearer-env", "KEY", "--header-env", "X-Key: OTHER", "--verbose", url,
                  env={"KEY": "sesame-1", "OTHER": "sesame-2"})
    assert shown.returncode == 0 and "sesame" not in shown.stdout
    (asked,) = [line for line in agents.log() if line["id"] == "keys"]
    assert asked["headers"]["authorization"] == "Bearer sesame-1"
    assert asked["headers"]["x-key"] == "sesame-2"
    unset = probe(*options, "--bearer-env", "NOT_SET_AT_ALL", url)
    assert unset.returncode == 2
    assert "the environment variable NOT_SET_AT_ALL is not set" in unset.stderr


@pytest.mark.parametrize("options, message", [
    (["http://h/v1"], "the URL does not tell what the agent speaks; --protocol is one of json, sse, "
                      "openai, anthropic, mcp, a2a"),
    (["--tool", "t", "--arguments", "[1", "http://h/mcp"], "--arguments is no JSON: "),
    (["--read", "text", "--protocol", "sse", "http://h/"],
     "expected --read KEY=PATH, like text=$.delta; found 'text'"),
    (["-L", "http://h/mcp"], "--follow does not go with --kind agent"),
    (["--header-env", "X", "http://h/mcp"], "expected --header-env 'Name: VARIABLE'"),
    (["--method", "PUT", "http://h/mcp"], "--method does not go with --kind agent"),
])
def test_refused(options, message):
    shown = probe(*options)
    assert shown.returncode == 2 and message in shown.stderr


def test_options_of_agents_alone():
    shown = subprocess.run([conftest.binary(), "probe", "--model", "m", "http://h/"], text=True,
                           capture_output=True, check=False)
    assert shown.returncode == 2 and "--model goes with --kind agent" in shown.stderr


def test_by_id(agents, workspace):
    workspace.write("probes/p.yaml", f"""
apiVersion: nines/v1
kind: Probes
defaults: {{interval: 5m, timeout: 20s}}
probes:
  - id: chat
    agent: {{protocol: openai, url: "{agents.url}/v1/chat/completions", model: m, prompt: hi}}
""")
    workspace.write("nines.yaml", """
apiVersion: nines/v1
kind: Daemon
prices: {currency: EUR, models: {m: {input: 1, output: 2, cached_input: 0.5}}}
""")
    shown = workspace.run("probe", "chat")
    # 8 of 12 tokens in at 1, 4 at 0.5, 6 out at 2, for a million each
    assert "cost 0.000022 EUR" in shown.stdout


# ---- a terminal ---------------------------------------------------------------------


def on_terminal(args, rows, columns, pause=0):
    """What a terminal of that size is sent; one that reads slowly with a pause."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm")
        os.environ.pop("COLUMNS", None)
        os.environ.pop("NO_COLOR", None)
        os.execv(conftest.binary(), [conftest.binary(), "probe", "--kind", "agent", *args])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    sent = b""
    while True:
        time.sleep(pause)
        try:
            some = os.read(fd, 200 if pause else 1 << 16)
        except OSError:
            break
        if not some:
            break
        sent += some
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), sent.decode()


def pictures(sent):
    """What the screen showed before each redrawing, and at the end."""
    lines, row, shown = [""], 0, []
    for part in re.split(r"(\x1b\[\d*[A-Za-z]|\r|\n)", sent):
        code = re.fullmatch(r"\x1b\[(\d*)([A-Za-z])", part)
        if code and code.group(2) == "A":
            shown.append("\n".join(lines))
            row -= int(code.group(1))
            assert row >= 0
        elif code and code.group(2) == "J":
            del lines[row:]
            lines.append("")
        elif part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part == "\r":
            written = ""
        elif part and not code:
            lines[row] = written + part if written else part
            written = lines[row]
            continue
        if part in ("\r", "\n") or code and code.group(2) in "AJ":
            written = ""
    return [*shown, "\n".join(lines)]


def test_live(agents):
    path, options = ASKED["openai"]
    code, sent = on_terminal([*options, f"{agents.url}{path}?first=300&stall=3:700&each=10"], 40, 80)
    shown = pictures(sent)
    assert code == 0
    assert len(shown) > 8
    waiting = [s for s in shown[:-1] if "nothing for" in s or "waiting for" in s]
    assert waiting, "the stall is told"
    assert any('after " token2", before now' in s for s in shown[:-1])
    for picture in shown[:-1]:
        assert all(len(line) <= 80 for line in picture.splitlines())
    assert "GOOD" in shown[-1] and "receiving" not in shown[-1]


def test_a_small_terminal(agents):
    path, options = ASKED["openai"]
    _, sent = on_terminal([*options, f"{agents.url}{path}?first=300&each=10"], 8, 60)
    for picture in pictures(sent)[:-1]:
        assert len(picture.splitlines()) <= 8


def test_a_slow_terminal_loses_pictures_and_no_time(agents):
    """It takes longer to read than the answer takes; what was measured does not see it."""
    path, options = ASKED["openai"]
    began = time.monotonic()
    _, sent = on_terminal([*options, f"{agents.url}{path}?first=200&each=10&tokens=100&id=slow"],
                          40, 100, pause=0.05)
    took = time.monotonic() - began
    lost = re.search(r"too slow for (\d+) of the pictures", sent)
    assert lost and int(lost.group(1)) > 0
    (asked,) = [line for line in agents.log() if line["id"] == "slow"]
    served_ms = (asked["written"]["end"] - asked["asked"]) * 1000
    told = re.search(r"GOOD.* in ([\d.]+)(ms|s)", sent.replace("\x1b[0m", ""))
    measured_ms = float(told.group(1)) * (1 if told.group(2) == "ms" else 1000)
    assert measured_ms < served_ms + 500 < took * 1000
