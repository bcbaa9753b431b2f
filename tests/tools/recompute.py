#!/usr/bin/python3
"""Recomputes a report of one SLO from an import file, by docs/numbers.md alone.

    recompute.py --interval 15s --at 2026-11-21T00:00:00Z --window 30d --target 99.9% FILE

Shares no code with nines: results are kept one by one, sums are plain loops,
numbers are fractions and percentiles are exact. Prints the JSON object that
`nines report --format json` has in `slos`, as far as it follows from the file.
"""
import argparse
import bisect
import calendar
import datetime
import decimal
import fractions
import itertools
import json
import re
import sys
import zoneinfo

from excluded import Excluded
from measures import Measure

F = fractions.Fraction
SECOND = 1_000_000
UNITS = {"us": 1, "ms": 1000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND,
         "d": 86400 * SECOND, "w": 7 * 86400 * SECOND}
BURN_WINDOWS = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]
TIERS = [("page", "1h", "5m", "14.4"), ("page", "6h", "30m", "6"),
         ("ticket", "1d", "2h", "3"), ("ticket", "3d", "6h", "1")]
MIN_FAILURES = 2


def duration(text):
    number, unit = re.fullmatch(r"(\d+)(us|ms|s|m|h|d|w)", text).groups()
    return int(number) * UNITS[unit]


def ratio(text):
    return F(text[:-1]) / 100 if text.endswith("%") else F(text)


def instant(text):
    """RFC 3339 in UTC to microseconds."""
    date, _, fraction = text.removesuffix("Z").partition(".")
    parsed = datetime.datetime.strptime(date, "%Y-%m-%dT%H:%M:%S")
    return calendar.timegm(parsed.timetuple()) * SECOND + int(fraction.ljust(6, "0")[:6] or 0)


def when(us):
    text = datetime.datetime.utcfromtimestamp(us // SECOND).strftime("%Y-%m-%dT%H:%M:%S")
    rest = us % SECOND
    if rest == 0:
        return text + "Z"
    return f"{text}.{rest // 1000:03d}Z" if rest % 1000 == 0 else f"{text}.{rest:06d}Z"


EPOCH = datetime.datetime(1970, 1, 1)
MONTHS = {"month": 1, "quarter": 3, "year": 12}
NOMINAL_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}


def calendar_window(at, count, unit, zone):
    """[start, end) of the period that holds `at`, by the zone's wall clock."""
    zone = zoneinfo.ZoneInfo(zone)
    utc = (EPOCH + datetime.timedelta(microseconds=at)).replace(tzinfo=datetime.timezone.utc)
    local = utc.astimezone(zone).replace(tzinfo=None)

    def boundary(k):
        if unit in MONTHS:
            years, month = divmod(MONTHS[unit] * count * k, 12)
            wall = datetime.datetime(1970 + years, 1 + month, 1)
        elif unit == "week":
            wall = datetime.datetime(1970, 1, 5) + datetime.timedelta(weeks=count * k)
        else:
            wall = EPOCH + datetime.timedelta(days=count * k)
        since = wall.replace(tzinfo=zone).astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return wall, (since - EPOCH) // datetime.timedelta(microseconds=1)

    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
    k = max(0, (local - EPOCH).days // (longest[unit] * count) - 1)
    while boundary(k + 1)[0] <= local:
        k += 1
    return boundary(k)[1], boundary(k + 1)[1]


class Result:
    def __init__(self, line):
        self.slot = instant(line["time"])
        self.total = round(F(str(line.get("latency_ms", 0))) * 1000)
        self.done = self.slot + self.total
        self.outcome = line["outcome"]
        self.reason = line.get("reason", "none")
        self.answer = line.get("answer")


def read(lines, probe=None):
    results = {}
    for text in lines:
        line = json.loads(text, parse_float=str)
        if probe is None or line["probe"] == probe:
            result = Result(line)
            results.setdefault(result.slot, result)
    return [results[slot] for slot in sorted(results)]


class Slices:
    """How a budget is counted in slices; `period` of a calendar window: (count, unit, zone)."""

    PARTS = 10 ** 12

    def __init__(self, method, length, target=None, period=None):
        self.method, self.length, self.target, self.period = method, length, target, period

    def between(self, start, end):
        """The slices that ended in (start, end]."""
        at = start // self.length * self.length
        stop = None
        while True:
            if self.period and (stop is None or at >= stop):
                first, stop = calendar_window(start if stop is None else at, *self.period)
                at = first + max(0, at - first, start - first) // self.length * self.length
            to = at + self.length if stop is None else min(at + self.length, stop)
            if to > end:
                return
            if to > start:
                yield at, to
            at = to

    def begin(self, us):
        """Of the first slice that begins then or later."""
        return next(a for a, _ in self.between(us - 1, us + 2 * self.length) if a >= us)

    def worth(self, good, bad):
        if self.method == "Timeslices":
            return F(int(good >= self.target * (good + bad)))
        return F(good * self.PARTS // (good + bad), self.PARTS)


class Slo:
    """`faster_than`: microseconds, or a Measure. `length` is the declared window's, where
    [start, end) is a span or a calendar period; `targets` are those that were in force,
    [(since, target)], and `excluded` an Excluded."""

    def __init__(self, results, interval, at, start, end, target, faster_than=None,
                 timeout=5 * SECOND, classify=None, length=None, slices=None, alerts=True,
                 excluded=None, targets=()):
        self.declared = (results, interval, at, start, end, target, faster_than, timeout, classify,
                         length, slices, alerts)
        self.results, self.interval, self.at = results, interval, at
        self.start, self.end, self.upto = start, end, min(at, end)
        self.miss = 1 - target
        self.faster_than, self.timeout = faster_than, timeout
        self.classify, self.length = classify or {}, length or end - start
        self.phase = results[0].slot % interval if results else 0
        self.slices, self.alerts = slices, alerts
        self.order = [r.slot for r in results]
        self.excluded, self.target = excluded or Excluded(), target
        self.late = max((r.total for r in results), default=0)
        kinds = [self.left(r) for r in results]
        self.sums = {name: [0, *itertools.accumulate(int(kind == name) for kind in kinds)]
                     for name in ("good", "bad", "excluded")}
        self.known = targets
        in_force = targets and targets[-1][1] == target
        minutes = {since // (60 * SECOND) * 60 * SECOND: t for since, t in targets}
        self.targets = sorted(minutes.items()) if in_force else [(0, target)]

    def kind(self, r):
        kind = r.outcome
        if kind in ("bad", "excluded"):
            kind = self.classify.get(r.reason, kind)
        if kind == "good" and isinstance(self.faster_than, Measure):
            return self.faster_than.kind(r.answer)
        if kind == "good" and self.faster_than and r.total > self.faster_than:
            return "bad"
        return kind

    def left(self, r):
        """What it counts as when exclusions are applied; None: as nothing."""
        return self.excluded.kind(r.slot, self.kind(r))

    def held(self, us):
        """The target that was in force."""
        return next((t for since, t in reversed(self.targets) if since <= us), self.targets[0][1])

    def first(self):
        """Excluded or not."""
        return next((r.slot for r in self.results if self.kind(r) in ("good", "bad")), None)

    def within(self, start, end):
        return self.results[bisect.bisect_left(self.order, start):
                            bisect.bisect_left(self.order, end)]

    def counts(self, start, end, done=None):
        """(good, bad, excluded) of the slots in [start, end), of results that are done by then."""
        a, b = (bisect.bisect_left(self.order, us) for us in (start, end))
        late = bisect.bisect_left(self.order, done - self.late, a, max(a, b)) if done else b
        unseen = [self.left(r) for r in self.results[late:b] if r.done > done]
        return tuple(sums[b] - sums[a] - unseen.count(name) if b > a else 0
                     for name, sums in self.sums.items())

    def grid(self, start, end):
        first = -((self.phase - start) // self.interval)
        last = -((self.phase - end) // self.interval)
        return max(0, last - first)

    def slots(self, start, end):
        """Those of spans that are dropped are none."""
        return self.grid(start, end) - sum(self.grid(a, b)
                                           for a, b in self.excluded.drop.within(start, end))

    def judged(self, start, end, done=None):
        """Slices that could be judged, what of them is lost, and those that could not."""
        judged, lost, missing = 0, F(0), 0
        for a, b in self.slices.between(start, end):
            good, bad, excluded = self.counts(a, b, done)
            if good + bad:
                judged += 1
                lost += 1 - self.slices.worth(good, bad)
            elif self.slots(a, b) > excluded:
                missing += 1
        return judged, lost, missing

    def burn(self, length):
        if self.slices:
            judged, lost, _ = self.judged(self.at - length, self.at)
            return lost / judged / self.miss if judged and not length % self.slices.length else None
        good, bad, _ = self.counts(self.at - length, self.at)
        return F(bad, good + bad) / self.miss if good + bad else None

    def tier_window(self, t, length):
        step = 10 if length <= 3600 * SECOND else 60 if length <= 3 * 86400 * SECOND else 3600
        start = (t - length) // (step * SECOND) * (step * SECOND)
        if self.slices:
            judged, lost, missing = self.judged(start, t, t)
            return lost, judged + missing
        good, bad, excluded = self.counts(start, t, t)
        return bad, max(self.slots(start, t) - excluded, good + bad)

    def in_force(self):
        """The default tiers that can fire: [(severity, long, short in microseconds, factor)]."""
        apart = self.slices.length if self.slices else self.interval
        for severity, long, short, factor in TIERS if self.alerts else []:
            if duration(long) >= self.length or F(factor) * self.miss > 1 or \
                    duration(long) // apart < 2 * MIN_FAILURES:
                continue
            least = max(duration(short), 2 * self.interval + self.timeout)
            yield severity, long, -(-least // (60 * SECOND)) * 60 * SECOND, factor

    def tiers(self):
        t = self.at // (10 * SECOND) * (10 * SECOND)
        out = []
        for severity, long, short, factor in self.in_force():
            sides = [self.tier_window(t, duration(long)), self.tier_window(t, short)]
            burns = all(n and F(bad, n) >= F(factor) * self.miss for bad, n in sides)
            out.append({"severity": severity, "long": long, "factor": factor,
                        "firing": burns and sides[0][0] >= MIN_FAILURES})
        return out

    def latency(self):
        runs = [r for r in self.within(self.start, self.upto) if r.outcome in ("good", "bad")]
        times = sorted(r.total for r in runs if r.outcome == "good")
        out = {"count": len(runs), "censored": len(runs) - len(times), "lower_bound": []}
        top = max((r.total for r in runs), default=None)
        for p in (50, 90, 95, 99):
            rank = -(-p * len(runs) // 100)
            name = f"p{p}"
            if rank > len(times):
                out["lower_bound"].append(name)
                out[name] = top
            else:
                out[name] = times[rank - 1] if rank else None
        out["max"] = top
        for key in ("p50", "p90", "p95", "p99", "max"):
            out[key] = out[key] / 1e6 if out[key] is not None else None
        if not runs:
            out["lower_bound"] = []
        return out

    def reasons(self):
        found = {}
        for r in self.within(self.start, self.upto):
            if self.left(r) == "bad":
                broken = getattr(self.faster_than, "reason", "latency")
                reason = broken if r.reason == "none" else r.reason
                found[reason] = found.get(reason, 0) + 1
        return found

    def state(self, allowed, bad):
        if not allowed:
            return "no_data"
        if bad > allowed:
            return "breached"
        if self.first() > self.start:
            return "warming"
        return "at_risk" if F(bad, 1) / allowed >= F(3, 4) else "met"

    def pieces(self):
        """What the budget to date is of, by the targets that held: [[start, end, target]]."""
        start = self.start
        if self.slices:
            start = next((a for a, _ in self.slices.between(start, self.upto)), start)
        held = {start: self.held(start)}
        held.update((self.slices.begin(since) if self.slices else since, target)
                    for since, target in self.targets if since > start)
        out = []
        for since in sorted(us for us in held if us == start or us < self.upto):
            if out and out[-1][2] == held[since]:
                continue
            if out:
                out[-1][1] = since
            out.append([since, self.upto, held[since]])
        return out

    def units(self, start, end):
        """What the budget of a part is of: seen, and seen or missing; slices by their beginnings."""
        if not self.slices:
            good, bad, excluded = self.counts(start, end)
            return good + bad, max(good + bad, self.slots(start, end) - excluded)
        seen = missing = 0
        for a, b in self.slices.between(self.start, self.upto):
            if start <= a < end:
                judged, _, silent = self.judged(b - 1, b)
                seen, missing = seen + judged, missing + silent
        return seen, seen + missing

    def budget(self, later):
        """(allowed, projected, the same by the newest target, parts)."""
        parts = [(start, target, *self.units(start, end)) for start, end, target in self.pieces()]
        return (sum((1 - target) * seen for _, target, seen, _ in parts),
                sum((1 - target) * whole for _, target, _, whole in parts) + self.miss * later,
                self.miss * (sum(whole for *_, whole in parts) + later), parts)

    def coverage(self, total, excluded):
        slots = self.slots(self.start, self.upto)
        expected = max(slots - excluded, total)
        first = self.first()
        first = self.upto if first is None else max(self.start, min(first, self.upto))
        early = self.slots(self.start, first) - self.counts(self.start, first)[2]
        early = min(max(early, 0), expected - total)
        return {"expected": expected, "observed": total,
                "missing": {"prober_down": expected - total - early, "target_silent": 0,
                            "not_started": early}}

    def exhausts(self, left, rolling):
        """`left` is the share of a whole budget by the newest target."""
        burn = self.burn(6 * 3600 * SECOND)
        room = self.end - self.start if rolling else self.end - self.at
        if not burn or left <= 0 or room <= 0:
            return None
        wait = left / burn * (self.end - self.start)
        return None if wait > room else when((self.at + round(wait)) // SECOND * SECOND)

    def without(self, excluded):
        return Slo(*self.declared, excluded, self.known)

    def summary(self):
        """What is told of the window as if nothing were excluded."""
        told = self.report()
        return {key: told[key] for key in ("state", "sli", "good", "bad", "total", "excluded")} | \
            {key: told["budget"][key] for key in ("consumed_ratio", "remaining_ratio")}

    def report(self, rolling=True):
        good, bad, excluded = self.counts(self.start, self.upto)
        total = good + bad
        coverage = self.coverage(total, excluded)
        out = {"good": good, "bad": bad, "total": total,
               "excluded": excluded, "sli": None, "confidence": None, "coverage": coverage,
               "tiers": self.tiers(), "latency": self.latency(), "reasons": self.reasons(),
               "burn": {w: number(self.burn(duration(w))) for w in BURN_WINDOWS}}
        unit, consumed = total, F(bad)
        later = self.slots(self.upto, self.end)
        if self.slices:
            unit, consumed, _ = self.judged(self.start, self.upto)
            later = sum(self.slots(a, b) > 0 for a, b in self.slices.between(self.upto, self.end))
        allowed, projected, whole, parts = self.budget(later)
        out["state"] = self.state(allowed, consumed)
        out["targets"] = [{"since": when(max(since, self.start)), "target": target, "total": count,
                           "allowed": float((1 - target) * count)}
                          for since, target, count, _ in parts]
        if all(part[1] == self.target for part in parts):
            out["targets"] = []
        if not unit:
            out["budget"] = {"allowed": 0, "projected": number(projected), "consumed": 0,
                             "remaining": 0, "consumed_ratio": None, "remaining_ratio": None,
                             "exhausts_at": None}
            return out
        out["sli"] = number(1 - consumed / unit)
        if not self.slices or self.slices.method == "Timeslices":
            out["confidence"] = wilson(int(unit - consumed), unit)
        left = (allowed - consumed) / (self.miss * unit) if rolling else \
            (projected - consumed) / whole
        out["budget"] = {"allowed": number(allowed), "projected": number(projected),
                         "consumed": number(consumed), "remaining": number(allowed - consumed),
                         "consumed_ratio": number(consumed / allowed),
                         "remaining_ratio": number(1 - consumed / allowed),
                         "exhausts_at": self.exhausts(left, rolling)}
        return out


def number(f):
    return None if f is None else float(f)


def wilson(good, n):
    with decimal.localcontext() as context:
        context.prec = 40
        z = decimal.Decimal("1.959963984540054235594524430521")
        p, n = decimal.Decimal(good) / n, decimal.Decimal(n)
        scale = 1 + z * z / n
        middle = (p + z * z / (2 * n)) / scale
        half = z * (p * (1 - p) / n + z * z / (4 * n * n)).sqrt() / scale
        return {"level": 0.95, "low": float(max(middle - half, 0)),
                "high": float(min(middle + half, 1))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--probe")
    parser.add_argument("--interval", type=duration, required=True)
    parser.add_argument("--timeout", type=duration, default=5 * SECOND)
    parser.add_argument("--at", type=instant, required=True)
    parser.add_argument("--window", type=duration)
    parser.add_argument("--start", type=instant, help="calendar: the period's start")
    parser.add_argument("--end", type=instant, help="calendar: the period's end")
    parser.add_argument("--target", type=ratio, required=True)
    parser.add_argument("--faster-than", type=duration)
    a = parser.parse_args()
    with open(a.file) as f:
        results = read(f, a.probe)
    rolling = a.window is not None
    start = a.at - a.window if rolling else a.start
    end = a.at if rolling else a.end
    slo = Slo(results, a.interval, a.at, start, end, a.target, a.faster_than, a.timeout)
    json.dump(slo.report(rolling), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
