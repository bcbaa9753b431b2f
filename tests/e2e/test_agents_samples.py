"""What docs/agents.md says that the samples cost: of real runs against the sample platform, at
the prices of nines.yaml, and within what `nines check` says that a day may come to."""
import decimal
import json
import re
import subprocess

import conftest
import pytest

DAY_S = 86_400
ADDRESS = "127.0.0.1:8000"  # of the samples


@pytest.fixture(scope="module")
def platform():
    process = subprocess.Popen([conftest.binary(), "demo", "serve", "--listen", "127.0.0.1:0"],
                               stdout=subprocess.PIPE, text=True)
    yield process.stdout.readline().strip().removeprefix("http://")
    process.terminate()
    process.wait(timeout=conftest.PATIENCE)


def rows():
    """{probe: [runs a day, tokens of a run, tokens a day, cost a day]} of the table."""
    text = (conftest.ROOT / "docs/agents.md").read_text().split("### What the samples cost")[1]
    cells = [re.split(r" *\| *", line.strip("| ")) for line in text.splitlines()
             if line.startswith("| `")]
    return {name: (row + [""] * 4)[1:5]
            for row in cells for name in re.findall("`([^`]+)`", row[0])}


def number(text):
    return int(text.replace(",", ""))


def test_what_the_samples_cost(workspace, platform):
    agents = (conftest.ROOT / "probes/agents.yaml").read_text()
    workspace.write("probes/agents.yaml", agents.replace(ADDRESS, platform))
    workspace.write("nines.yaml", (conftest.ROOT / "nines.yaml").read_text())
    told = {agent["probe"]: agent for agent in
            json.loads(workspace.run("check", "--verbose", "--json").stdout)["agents"]}
    table = rows()
    assert set(table) == set(told) and len(table) == 6
    costs = decimal.Decimal(0)
    for probe, (runs, run_tokens, day_tokens, cost) in table.items():
        result = json.loads(workspace.run("probe", probe, "--json").stdout)
        answer = result["answer"]
        seen = answer.get("tokens_in"), answer.get("tokens_out")
        if run_tokens == "not told":
            assert seen == (None, None)
            assert sorted(map(int, runs.split(", "))) == [144, 288]
            continue
        assert told[probe]["runs_per_day"] == int(runs)
        assert seen[0] == number(run_tokens.split(" and ")[0])
        assert sum(seen) * int(runs) <= told[probe]["tokens_per_day"]
        if "about" not in run_tokens:
            assert seen[1] == number(run_tokens.split(" and ")[1])
            assert sum(seen) * int(runs) == number(day_tokens)
        if cost == "no price":
            assert "cost" not in answer
            continue
        day = decimal.Decimal(answer["cost"]) * int(runs)
        assert day == decimal.Decimal(cost.split()[0])
        assert day <= decimal.Decimal(told[probe]["cost_per_day"])
        costs += day
    manual = " ".join((conftest.ROOT / "docs/agents.md").read_text().split())
    assert f"come to {costs} USD a day" in manual
