"""The groups of `nines alerts route` against those of a running Alertmanager, by what its
webhooks say."""
import json
import re

import peers
from test_routing import DATA, configure, label_sets, routed

ALERTS = 60


def with_webhooks(text, url):
    """Every receiver tells who it is by the path; a group waits for its alerts, which all
    come at once."""
    for name in ("default", "team-x-pager", "team-x", "team-y"):
        text = text.replace(f"  - name: {name}\n", f"  - name: {name}\n    webhook_configs: [{{url: '{url}/{name}'}}]\n")
    text = text.replace("group_wait: 5s", "group_wait: 1s").replace("group_wait: 0s", "group_wait: 1s")
    text = re.sub(r"inhibit_rules:\n(  .*\n)*", "", text)
    return text.replace("[nights, office]", "[always]").replace("[nights]", "[never]") + (
        "  - {name: always, time_intervals: [{}]}\n"
        "  - {name: never, time_intervals: [{years: ['1999']}]}\n")


def test_groups(workspace, webhook):
    """Group keys are the same text, and groups have no alerts but ours."""
    configure(workspace, "everything")
    sets = [{"alertname": "x", **labels} for labels in label_sets("groups")][:ALERTS]
    sets = [{name: value for name, value in labels.items() if value} for labels in sets]
    expected = {}
    for labels, answer in zip(sets, routed(workspace, sets)):
        for route in answer["routes"]:
            expected.setdefault((route["receiver"], route["group_key"]), set()).add(
                json.dumps(labels, sort_keys=True))
    configuration = with_webhooks((DATA / "everything.yml").read_text(), webhook.url)
    alertmanager = peers.Alertmanager(workspace.path / "alertmanager", configuration)
    try:
        alertmanager.fire(sets)
        seen = {}
        while seen.keys() < expected.keys():
            path, body = webhook.post()
            message = json.loads(body)
            assert path == "/" + message["receiver"]
            seen.setdefault((message["receiver"], message["groupKey"]), set()).update(
                json.dumps(alert["labels"], sort_keys=True) for alert in message["alerts"])
    finally:
        alertmanager.close()
    assert seen.keys() == expected.keys()
    for group in seen:
        assert seen[group] <= expected[group]
