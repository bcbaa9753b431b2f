"""What docs/agents.md shows of agents is configuration that loads without a
warning, and what they run on the sample platform is answered."""
import contextlib
import re
import subprocess
import textwrap

import conftest
import pytest

KEYS = {name: "secret-of-" + name.lower() for name in (
    "OPENAI_API_KEY", "AZURE_OPENAI_KEY", "ANTHROPIC_API_KEY", "MCP_TOKEN", "PLATFORM_KEY")}
HEAD = "apiVersion: nines/v1\nkind: {}\n"
PRICED = """  - id: chat
    interval: 5m
    agent: {protocol: openai, url: "http://127.0.0.1:9/", model: gpt-4o-mini, prompt: "{nonce}",
            max_tokens: 16}
"""
PRICES = "prices: {currency: USD, models: {gpt-4o-mini: {input: 0.15, output: 0.60}}}\n"


def blocks(page):
    """Each piece of YAML with the line it begins at: a block that shows several agents is as
    many."""
    text = (conftest.ROOT / page).read_text()
    for found in re.finditer(r"^```yaml\n(.*?)^```", text, re.S | re.M):
        line = text[:found.start()].count("\n") + 2
        pieces = re.split(r"\n\n(?=(?:#[^\n]*\n)*agent:)", found.group(1))
        for piece in pieces:
            yield pytest.param(piece, id=f"{page}:{line}")
            line += piece.count("\n") + 2


def files_of(piece):
    """The files that a piece of one of them stands for."""
    keys = set(re.findall(r"^(\w+):", piece, re.M))
    probes, daemon = HEAD.format("Probes") + "probes:\n" + PRICED, HEAD.format("Daemon") + PRICES
    if "kind" in keys:
        return {"probes/p.yaml": piece}
    if keys == {"agent"}:
        one = "  - id: one\n    interval: 5m\n" + textwrap.indent(piece, "    ")
        return {"probes/p.yaml": HEAD.format("Probes") + "probes:\n" + one}
    if keys == {"slos"}:
        return {"nines.yaml": daemon, "probes/p.yaml": probes,
                "slos/s.yaml": HEAD.format("SLOs") + piece}
    assert "prices" in keys, f"a piece of something unknown: {keys}"
    return {"nines.yaml": HEAD.format("Daemon") + piece,
            "probes/p.yaml": probes.replace("model: gpt-4o-mini", "model: own")
            if "own:" in piece else probes}


@pytest.mark.parametrize("piece", blocks("docs/agents.md"))
def test_what_is_shown_loads(workspace, piece):
    for name, text in files_of(piece).items():
        workspace.write(name, text)
    done = workspace.run("check", env=KEYS, check=False)
    assert (done.returncode, done.stderr) == (0, ""), f"{piece}\n{done.stderr}"


@contextlib.contextmanager
def platform():
    """The sample platform; its address."""
    process = subprocess.Popen([conftest.binary(), "demo", "serve", "--listen", "127.0.0.1:0"],
                               stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def test_commands_that_are_shown_are_answered():
    """Those of the manual, of the help and of docs/agents.md that ask something local."""
    shown = subprocess.run([conftest.binary(), "probe", "--help"], text=True, capture_output=True,
                           check=True).stdout
    shown += (conftest.ROOT / "docs/agents.md").read_text()
    commands = re.findall(r"^(?:\$ |  )?nines (probe --kind agent .*http://localhost:8000\S*)$",
                          shown, re.M)
    assert len(commands) >= 7
    with platform() as url:
        for command in commands:
            there = command.replace("http://localhost:8000", url)
            done = subprocess.run(f"{conftest.binary()} {there}", shell=True, text=True,
                                  capture_output=True, check=False)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
