"""The whole tour, as a newcomer sees it."""
import html.parser
import json


def test_the_tour_ends_with_a_page_and_a_report(workspace):
    done = workspace.run("demo", "--dir", workspace.path / "out")
    assert "PAGE agent-availability" in done.stdout
    assert "delivered to the webhook" in done.stdout
    messages = [json.loads(line) for line in (workspace.path / "out/alerts.ndjson").open()]
    told = [a["labels"] for m in messages if m["status"] == "firing" for a in m["alerts"]]
    assert any(a.get("slo") == "agent-availability" and a["severity"] == "critical" for a in told)
    page = (workspace.path / "out/report.html").read_text()
    html.parser.HTMLParser().feed(page)
    assert "agent-availability" in page and "http-equiv" in page
    assert "nan" not in done.stdout.lower().split()
