"""The alerts of an objective, tick by tick, by docs/numbers.md and docs/alerts.md alone.

Shares no code with nines. Times are seconds; counts come from month.Exact.
"""
from month import DAY, F, HOUR

TICK, COOLING = 10, 300
LENGTHS = {"5m": 300, "11m": 660, "30m": 1800, "1h": HOUR, "2h": 2 * HOUR, "6h": 6 * HOUR, "1d": DAY,
           "3d": 3 * DAY}
TIERS = [("page", "1h", "5m", F(144, 10)), ("page", "6h", "30m", F(6)),
         ("ticket", "1d", "2h", F(3)), ("ticket", "3d", "6h", F(1))]
RANK = {None: 0, "ticket": 1, "page": 2}


class Objective:
    """`unknown` is a span [from, to) whose events become visible at its end; `late` is how long
    after its slot each of the others does; `wait` is the alert's `for`."""

    def __init__(self, exact, miss, unknown=(0, 0), tiers=TIERS, min_failures=2, late=0,
                 wait=0):
        self.exact, self.miss, self.unknown = exact, miss, unknown
        self.tiers, self.min_failures, self.late = tiers, min_failures, late
        self.wait = wait
        self.least = {factor: (miss * factor).as_integer_ratio() for _, _, _, factor in tiers}

    def window(self, t, name):
        """(bad, total, slots with data, slots) of a tier's window at t."""
        length = LENGTHS[name]
        step = TICK if length <= HOUR else 60 if length <= 3 * DAY else HOUR
        start = (t - length) // step * step
        counts = self.exact.between(start, t)
        if self.unknown[0] <= t <= self.unknown[1]:
            return self.exact.between(start, self.unknown[0])[:2] + counts[2:]
        if self.late:
            return self.exact.between(start, t - self.late)[:3] + counts[3:]
        return counts

    def burn(self, counts):
        bad, total, seen, slots = counts
        return F(bad * seen, total * slots) / self.miss if total and slots else F(0)

    def burns(self, counts, factor):
        bad, total, seen, slots = counts
        above, below = self.least[factor]
        return total > 0 and bad * seen * below >= above * total * slots

    def fires(self, t, tier):
        _, long, short, factor = tier
        if not self.burns(self.window(t, short), factor):
            return False
        counts = self.window(t, long)
        return counts[0] >= self.min_failures and self.burns(counts, factor)

    def blind(self, t, tier):
        _, _, seen, slots = self.window(t, tier[2])
        return 2 * seen < slots

    def holds(self, t, tier, severity):
        _, long, _, factor = tier
        if RANK[tier[0]] > RANK[severity] or not self.blind(t, tier):
            return False
        counts = self.window(t, long)
        return counts[0] >= self.min_failures and self.burns(counts, factor) or (
            tier[0] == severity and all(self.blind(t, other) for other in self.tiers
                                        if other[0] == severity))

    def cause(self, t, severity):
        """Of the tiers of a severity one that fires, and of these what burns most."""
        return max((tier for tier in self.tiers if tier[0] == severity),
                   key=lambda tier: (self.fires(t, tier), self.burn(self.window(t, tier[1]))))

    def transitions(self, start, end, away=()):
        """[{at, event, severity, sent, firing, cause}] of the ticks in (start, end], but for those
        in any (from, to] that is away."""
        phase, severity, since = "inactive", None, None
        for t in range(start + TICK, end + 1, TICK):
            if any(begin < t <= back for begin, back in away):
                continue
            firing = {tier for tier in self.tiers if self.fires(t, tier) or
                      phase == "firing" and self.holds(t, tier, severity)}
            want = max((tier[0] for tier in firing), key=RANK.get, default=None)
            event, sent = None, True
            if phase == "inactive" and want and self.wait:
                event, phase, severity, since, sent = "pend", "pending", want, t, False
            elif phase == "pending" and not want:
                event, phase, sent = "calm", "inactive", False
            elif phase == "inactive" and want or phase == "pending" and t - since >= self.wait:
                event, phase, severity = "fire", "firing", want
            elif phase == "firing" and not want:
                event, phase, since, sent = "cool", "cooling", t, False
            elif phase == "firing" and want != severity:
                event = "escalate" if RANK[want] > RANK[severity] else "deescalate"
                severity = want
            elif phase == "cooling" and want and RANK[want] > RANK[severity]:
                event, phase, severity = "escalate", "firing", want
            elif phase == "cooling" and want:
                event, phase, sent = "refire", "firing", False
            elif phase == "cooling" and t - since >= COOLING:
                event, phase = "resolve", "inactive"
            if event:
                yield {"at": t, "event": event, "severity": severity, "sent": sent,
                       "firing": sum(1 << self.tiers.index(tier) for tier in firing),
                       "cause": self.cause(t, want or severity)}


class Alert:
    """From the first to fire to the resolution; None: not by the end."""

    def __init__(self, first):
        self.began = first["at"]
        self.saw = first["at"] - LENGTHS[first["cause"][2]]
        self.calm = self.over = None
        self.told = {}

    def take(self, transition):
        if transition["event"] == "resolve":
            self.over = transition["at"]
            return
        self.calm = transition["at"] if transition["event"] == "cool" else None
        if transition["sent"]:
            self.told.setdefault(transition["severity"], transition["at"])


def alerts(transitions):
    out = []
    for t in transitions:
        if not out or out[-1].over:
            out.append(Alert(t))
        out[-1].take(t)
    return out


def score(all_alerts, incidents, end):
    """(precision, recall, {name: what became of it}); incidents are (name, from, to)."""
    right, told = set(), {}
    for name, begin, finish in incidents:
        own = [a for a in all_alerts if a.saw < finish and (a.calm or end) > begin]
        right.update(own)
        first = {s: min((max(a.told[s] - begin, 0) for a in own if s in a.told), default=None)
                 for s in ("page", "ticket")}
        seen = [v for v in first.values() if v is not None]
        reset = None
        if own and all(a.calm for a in own):
            reset = max(max(a.calm - finish, 0) for a in own)
        told[name] = {"alerts": len(own), "detection_seconds": min(seen, default=None),
                      "page_seconds": first["page"], "ticket_seconds": first["ticket"],
                      "reset_seconds": reset}
    found = sum(t["alerts"] > 0 for t in told.values())
    return len(right) / len(all_alerts), found / len(incidents), told
