"""A composite of recompute.Slo objectives, by docs/numbers.md alone.

The members are made with the composite's window, length and slices; under slice methods with its
target, too. Terms are cut after the twelfth place.
"""
import recompute
from recompute import BURN_WINDOWS, MIN_FAILURES, SECOND, TIERS, F, duration, number

PARTS = 10 ** 12


def cut(f):
    return F(f * PARTS // 1, PARTS)


def known(values):
    values = [v for v in values if v is not None]
    return sum(values) if values else None


class Composite:
    """`members` are [(Slo, weight)]; `target` is of slices only."""

    def __init__(self, members, target=None):
        self.members, self.slos = members, [slo for slo, _ in members]
        self.one = self.slos[0]
        self.slices, self.at = self.one.slices, self.one.at
        self.miss = 1 - target if self.slices else 1 / sum(w / slo.miss for slo, w in members)

    def loss(self, weights_and_worths):
        """Of a slice."""
        if self.slices.method == "Timeslices":
            return F(int(any(worth < 1 for _, worth in weights_and_worths)))
        return min(F(1), sum(w * (1 - worth) for w, worth in weights_and_worths))

    def judged(self, start, end, done=None):
        judged, lost, missing = 0, F(0), 0
        for a, b in self.slices.between(start, end):
            seen, slots = [], False
            for slo, w in self.members:
                good, bad, excluded = slo.counts(a, b, done)
                slots |= slo.slots(a, b) > excluded
                if good + bad:
                    seen.append((w, self.slices.worth(good, bad)))
            if seen:
                judged += 1
                lost += self.loss(seen)
            elif slots:
                missing += 1
        return judged, lost, missing

    def burn(self, length):
        if not self.slices:
            burns = [(slo.burn(length), w) for slo, w in self.members]
            return known(cut(w * b) if b is not None else None for b, w in burns)
        judged, lost, _ = self.judged(self.at - length, self.at)
        return lost / judged / self.miss if judged and not length % self.slices.length else None

    def rate(self, t, length):
        """(burn of a tier's window at t, bad events or slices)."""
        if not self.slices:
            sides = [(slo.tier_window(t, length), slo.miss, w) for slo, w in self.members]
            return (sum(cut(w * F(bad, n) / miss) for (bad, n), miss, w in sides if n),
                    sum(bad for (bad, _), _, _ in sides))
        step = 10 if length <= 3600 * SECOND else 60 if length <= 3 * 86400 * SECOND else 3600
        judged, lost, missing = self.judged((t - length) // (step * SECOND) * (step * SECOND), t, t)
        return (lost / (judged + missing) / self.miss if judged + missing else F(0)), lost

    def tiers(self):
        """Of probes that are no slower than a minute: short windows are as declared."""
        t = self.at // (10 * SECOND) * (10 * SECOND)
        for severity, long, short, factor in TIERS if self.one.alerts else []:
            if duration(long) >= self.one.length or F(factor) * self.miss > 1:
                continue
            (burn, bad), (now, _) = self.rate(t, duration(long)), self.rate(t, duration(short))
            yield {"severity": severity, "long": long, "factor": factor,
                   "firing": burn >= F(factor) and now >= F(factor) and bad >= MIN_FAILURES}

    def spent(self):
        """(allowed, consumed) under Occurrences, in shares."""
        seen, consumed = 0, F(0)
        for slo, w in self.members:
            _, bad, _ = slo.counts(slo.start, slo.upto)
            allowed = slo.budget(0)[0]
            if allowed:
                seen = 1
                consumed += cut(w * bad / allowed)
        return F(seen), consumed

    def with_data(self):
        return [slo for slo in self.slos if
                (slo.judged(slo.start, slo.upto)[0] if self.slices else
                 sum(slo.counts(slo.start, slo.upto)[:2]))]

    def state(self, allowed, consumed):
        if not allowed:
            return "no_data"
        if consumed > allowed:
            return "breached"
        if any(slo.first() > slo.start for slo in self.with_data()):
            return "warming"
        return "at_risk" if consumed / allowed >= F(3, 4) else "met"

    def sums(self):
        good, bad, excluded = map(sum, zip(*(s.counts(s.start, s.upto) for s in self.slos)))
        covered = [slo.coverage(sum(c[:2]), c[2]) for slo, c in
                   ((slo, slo.counts(slo.start, slo.upto)) for slo in self.slos)]
        missing = {cause: sum(c["missing"][cause] for c in covered)
                   for cause in covered[0]["missing"]}
        reasons = {}
        for slo in self.slos:
            for reason, n in slo.reasons().items():
                reasons[reason] = reasons.get(reason, 0) + n
        return {"good": good, "bad": bad, "total": good + bad, "excluded": excluded,
                "reasons": reasons,
                "coverage": {"expected": sum(c["expected"] for c in covered),
                             "observed": sum(c["observed"] for c in covered), "missing": missing}}

    def report(self):
        out = self.sums() | {"sli": None, "tiers": list(self.tiers()), "burn": {
            w: number(self.burn(duration(w))) for w in BURN_WINDOWS}}
        if self.slices:
            unit, consumed, _ = self.judged(self.one.start, self.one.upto)
            allowed = self.miss * unit
            out["sli"] = number(1 - consumed / unit) if unit else None
        else:
            allowed, consumed = self.spent()
            if allowed:
                out["sli"] = number(1 - consumed * self.miss)
        out["state"] = self.state(allowed, consumed)
        out["budget"] = {"allowed": number(allowed), "consumed": number(consumed),
                         "remaining": number(allowed - consumed),
                         "consumed_ratio": number(consumed / allowed) if allowed else None,
                         "remaining_ratio": number(1 - consumed / allowed) if allowed else None}
        return out

    def without(self, excluded):
        """With what is excluded of each member instead."""
        copy = Composite([(slo.without(x), w) for (slo, w), x in zip(self.members, excluded)], F(0))
        copy.miss = self.miss
        return copy
