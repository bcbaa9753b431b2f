"""Alerting that is configured wrong is told of when it is read, at its place; so are silences."""
import pytest

HEAD = ("apiVersion: nines/v1\nkind: Daemon\nreceivers:\n  - {name: oncall, log: {}}\n"
        "  - {name: mails, webhook: {url: 'http://127.0.0.1:9/'}}\n")
ROUTE = "route: {receiver: oncall}\n"
CYCLE = "what the one mutes is a source of the next, round to the first: they could all be mute at once"
BAD = {
    "receiver": ("route: {receiver: oncal}", "6:19: error: no receiver has the name 'oncal'; did you mean "
                 "'oncall'?"),
    "child's receiver": ("route: {receiver: oncall, routes: [{receiver: mail, matchers: [a=b]}]}",
                         "6:47: error: no receiver has the name 'mail'; did you mean 'mails'?"),
    "watchdog's receiver": (ROUTE + "watchdog: {receiver: onkall, every: 1m}",
                            "7:22: error: watchdog: no receiver has the name 'onkall'; did you mean 'oncall'?"),
    "matcher": ("route: {receiver: oncall, routes: [{receiver: mails, matchers: ['severity']}]}",
                "6:65: error: matchers: 'severity': expected one of =, !=, =~ and !~"),
    "pattern": ("route: {receiver: oncall, routes: [{receiver: mails, matchers: ['a=~\"(\"']}]}",
                "6:65: error: matchers: 'a=~\"(\"': bad pattern at character 2: missing closing parenthesis"),
    "old pattern": ("route: {receiver: oncall, routes: [{receiver: mails, match_re: {a: '('}}]}",
                    "6:65: error: match_re: 'a': bad pattern at character 2: missing closing parenthesis"),
    "source": (ROUTE + "inhibit_rules:\n  - {source_matchers: ['a=~\"[\"'], target_matchers: [b=c]}",
               "8:24: error: matchers: 'a=~\"[\"': bad pattern"),
    "root's matchers": ("route: {receiver: oncall, matchers: [a=b]}",
                        "6:37: error: matchers: the root of the routes takes every alert, always"),
    "interval": ("route: {receiver: oncall, routes: [{receiver: mails, mute_time_intervals: [night]}]}",
                 "6:76: error: no time interval has the name 'night'"),
    "cycle of two": (
        ROUTE + "inhibit_rules:\n"
        "  - {source_matchers: [severity=critical], target_matchers: [severity=warning]}\n"
        "  - {source_matchers: [severity=warning], target_matchers: [severity=critical]}\n",
        f"8:5: error: inhibit_rules: {CYCLE} (line 8 -> line 9 -> line 8)"),
    "cycle of three": (
        ROUTE + "inhibit_rules:\n"
        "  - {source_matchers: [s=a], target_matchers: [s=b], equal: [x]}\n"
        "  - {source_matchers: [s=b], target_matchers: [s=c], equal: [x]}\n"
        "  - {source_matchers: [s=c], target_matchers: [s=a], equal: [x]}\n",
        f"8:5: error: inhibit_rules: {CYCLE} (line 8 -> line 9 -> line 10 -> line 8)"),
    "wait": ("route: {receiver: oncall, group_wait: -5s}", "6:39: error: "),
    "step": ("route: {receiver: oncall, group_interval: 0s}",
             "6:43: error: group_interval: must be more than 0"),
}
TEMPLATES = [
    ("{{ .CommonLabels.alertname", "column 27 of it: expected }}"),
    ("{{ range .Alerts }}{{ .Labels.x }}", "column 1 of it: this block has no {{ end }}"),
    ("{{ .Status | toUper }}", "column 14 of it: there is no function 'toUper'; is it 'toUpper'?"),
    ("{{ .CommonLabls.x }}", "column 4 of it: the message has no .CommonLabls; is it .CommonLabels?"),
    ('{{ template "x" . }}', "column 4 of it: 'template': templates do not call others"),
]
SILENCES = [
    (("--until", "2020-01-02T00:00:00Z", "a=b"), 1, "it would have ended already, at 2020-01-02T00:00:00Z"),
    (("--from", "2020-01-01T00:00:00Z", "--for", "1h", "a=b"), 1,
     "it would have ended already, at 2020-01-01T01:00:00Z"),
    (("--from", "2190-01-02T00:00:00Z", "--until", "2190-01-01T00:00:00Z", "a=b"), 1, "starts"),
    (("--for", "2h", "a=~("), 2, "'a=~(', at byte 5: bad pattern at character 2"),
    (("--for", "2h", "a=~.*"), 1, "this would silence everything"),
    (("--for", "-2h", "a=b"), 2, "--for: expected a duration"),
]


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("command", [("check",), ("run", "--listen", "127.0.0.1:0"),
                                     ("alerts", "route", "a=b")])
def test_refused_at_its_place(workspace, what, command):
    text, message = BAD[what]
    workspace.write("nines.yaml", HEAD + text + "\n")
    done = workspace.run(*command, check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 1 and "1 error" in told
    assert told.startswith(f"nines.yaml:{message}")


@pytest.mark.parametrize("template,message", TEMPLATES)
def test_templates_are_read_at_load(workspace, template, message):
    workspace.write("nines.yaml", "apiVersion: nines/v1\nkind: Daemon\nreceivers:\n"
                    "  - name: chat\n    slack:\n      api_url: http://127.0.0.1:9/\n"
                    f"      text: '{template}'\n")
    done = workspace.run("check", check=False)
    told = [line for line in (done.stdout + done.stderr).splitlines() if " error: " in line]
    assert done.returncode == 1 and len(told) == 1
    assert told[0].startswith("nines.yaml:7:13: error: template, line 1, ") and message in told[0]


@pytest.mark.parametrize("args,code,message", SILENCES)
def test_silences_that_are_none(workspace, args, code, message):
    done = workspace.run("silence", "add", "--comment", "c", *args, check=False)
    assert (done.returncode, done.stdout) == (code, "") and message in done.stderr
    assert workspace.run("silence", "list", "--json").stdout == ""


def test_a_reload_with_one_of_them_keeps_what_is(workspace, daemons):
    workspace.write("nines.yaml", HEAD + ROUTE)
    daemon = daemons(workspace)
    daemon.wait("serving")
    workspace.write("nines.yaml", HEAD + BAD["cycle of two"][0])
    daemon.signal(1)
    daemon.wait("reload failed; the old configuration stays in force")
    assert daemon.stop() == 0
