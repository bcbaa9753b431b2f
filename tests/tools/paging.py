"""From transitions to messages, by docs/alerts.md and docs/routing.md alone.

Shares no code with nines. Times are whole seconds; labels are dicts, and a message is
(second, receiver, group, alerts that fire, alerts that have resolved), of which the last three
are sorted tuples of (label, value).
"""
import collections

SEVERITY = {"page": "critical", "ticket": "warning"}

# An alert from `at` on; `began` is when its incident did.
Change = collections.namedtuple("Change", "at labels firing began")


def key(labels):
    return tuple(sorted(labels.items()))


def changes(transitions, labels):
    """What transitions of an objective, as alerting.Objective has them, tell."""
    began = severity = None
    for t in transitions:
        if t["event"] == "fire":
            began, severity = t["at"], None
        if not t["sent"]:
            continue
        if severity and severity != t["severity"]:
            yield Change(t["at"], {**labels, "severity": SEVERITY[severity]}, False, began)
        severity = t["severity"]
        yield Change(t["at"], {**labels, "severity": SEVERITY[severity]},
                     t["event"] != "resolve", began)


class Route:
    """Matchers are equal values. `by` None is all labels; `muted(t)` is its time intervals."""

    def __init__(self, receiver, by=(), wait=30, interval=300, repeat=4 * 3600, matchers=None,
                 more=False, routes=(), muted=lambda t: False):
        self.receiver, self.by, self.matchers, self.more = receiver, by, matchers or {}, more
        self.wait, self.interval, self.repeat = wait, interval, repeat
        self.routes, self.muted = routes, muted

    def holds(self, labels):
        return all(labels.get(k, "") == v for k, v in self.matchers.items())

    def taking(self, labels):
        found = []
        for route in self.routes:
            if route.holds(labels):
                found += route.taking(labels)
                if not route.more:
                    break
        return found or [self]


def default_route(receivers):
    return Route(receivers[0], routes=[Route(r, None, 0, 10, more=True) for r in receivers])


class Group:
    def __init__(self, route, labels, due):
        self.route, self.labels, self.due = route, labels, due
        self.alerts = {}  # whether they fire
        self.told = None  # at, those that fired, those that had resolved


class Desk:
    """Silences are (from, to, labels); inhibitions (source, target, equal). In each (from, to)
    that is away nothing is looked at, and what was due then is at its end."""

    def __init__(self, root, silences=(), inhibitions=(), away=()):
        self.root, self.silences, self.inhibitions = root, silences, inhibitions
        self.away = away
        self.groups, self.firing, self.out = {}, set(), []

    def put(self, change):
        alert = key(change.labels)
        (self.firing.add if change.firing else self.firing.discard)(alert)
        for route in self.root.taking(change.labels):
            by = change.labels if route.by is None else route.by
            labels = key({k: change.labels[k] for k in by if k in change.labels})
            where = id(route), labels
            group = self.groups.get(where)
            if not group and not change.firing:
                continue
            if not group:
                group = self.groups[where] = Group(route, labels, change.at + route.wait)
            if not group.told and change.began + route.wait < change.at:
                group.due = min(group.due, change.at)
            if change.firing or alert in group.alerts:
                group.alerts[alert] = change.firing

    def held(self, route, alert, fires, t):
        labels = dict(alert)

        def matches(wanted, of=labels):
            return all(of.get(k, "") == v for k, v in wanted.items())

        def changed_to(other):
            """Its end is not kept back by itself under another severity."""
            return not fires and labels != other and \
                {**labels, "severity": ""} == {**other, "severity": ""}

        def mutes(rule, other):
            source, target, equal = rule
            if changed_to(other) or matches(source):
                return False
            return matches(target) and matches(source, other) and all(
                labels.get(k, "") == other.get(k, "") for k in equal)

        return (route.muted(t)
                or any(begin <= t < end and matches(of) for begin, end, of in self.silences)
                or any(mutes(rule, dict(other)) for rule in self.inhibitions
                       for other in self.firing))

    def flush(self, where, group, t):
        heard = {a: f for a, f in group.alerts.items() if not self.held(group.route, a, f, t)}
        firing = {a for a, f in heard.items() if f}
        resolved = {a for a, f in heard.items() if not f}
        if heard and self.speaks(group, firing, resolved, t):
            group.told = t, firing, resolved
            self.out.append((t, group.route.receiver, group.labels, tuple(sorted(firing)),
                             tuple(sorted(resolved))))
        over = {a for a, f in group.alerts.items() if not f}
        if group.told:  # what resolved unheard is news when it fires again
            group.told = group.told[0], group.told[1] - (over - resolved), group.told[2]
        group.alerts = {a: True for a in group.alerts if a not in over}
        while group.due <= t:
            group.due += group.route.interval
        if not group.alerts:
            del self.groups[where]

    def speaks(self, group, firing, resolved, t):
        if not group.told or not firing:
            return bool(firing) if not group.told else bool(group.told[1])
        at, told_firing, told_resolved = group.told
        return not firing <= told_firing or not resolved <= told_resolved \
            or t - at >= group.route.repeat

    def until(self, t):
        """All flushes before t."""
        while self.groups:
            where, group = min(self.groups.items(), key=lambda g: g[1].due)
            if group.due >= t:
                return
            self.flush(where, group, next((back for begin, back in self.away
                                           if begin < group.due < back), group.due))


def messages(root, all_changes, end, **how):
    """What is sent up to and including `end`."""
    desk = Desk(root, **how)
    for change in sorted(all_changes, key=lambda c: c.at):
        desk.until(change.at)
        desk.put(change)
    desk.until(end + 1)
    return desk.out


def read(message, seconds):
    """A message of the webhook kind, as the above has them."""
    told = [tuple(sorted(key(a["labels"]) for a in message["alerts"] if a["status"] == status))
            for status in ("firing", "resolved")]
    return (seconds(message["at"]), message["receiver"], key(message["groupLabels"]), *told)
