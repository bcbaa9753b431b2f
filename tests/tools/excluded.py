"""Spans of exclusions, by docs/numbers.md and RFC 5545 alone: days are tried one by one.

Shares no code with nines. Times are microseconds since the epoch; wall clocks are naive datetimes.
"""
import bisect
import calendar
import datetime
import re
import zoneinfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
EPOCH = datetime.datetime(1970, 1, 1)
MICRO = datetime.timedelta(microseconds=1)
DAY = datetime.timedelta(days=1)
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def wall(us, zone):
    utc = (EPOCH + datetime.timedelta(microseconds=us)).replace(tzinfo=datetime.timezone.utc)
    return utc.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None)


def at(clock, zone):
    """The instant; in a gap that much later, of two the first."""
    utc = clock.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=0).astimezone(datetime.timezone.utc)
    return (utc.replace(tzinfo=None) - EPOCH) // MICRO


class Rule:
    """`first` is the wall clock of the first occurrence."""

    def __init__(self, text, first):
        parts = dict(part.split("=") for part in text.split(";"))
        self.first, self.frequency = first, parts["FREQ"]
        self.interval = int(parts.get("INTERVAL", 1))
        self.count = int(parts["COUNT"]) if "COUNT" in parts else None
        self.until = parts.get("UNTIL")
        self.months = [int(m) for m in parts["BYMONTH"].split(",")] if "BYMONTH" in parts else None
        self.dates = [int(d) for d in parts["BYMONTHDAY"].split(",")] \
            if "BYMONTHDAY" in parts else None
        self.days = [re.fullmatch(r"(-?\d+)?(\w\w)", d).groups()
                     for d in parts["BYDAY"].split(",")] if "BYDAY" in parts else None

    def steps(self, day):
        """Whole units of the frequency since the first one's."""
        first = self.first.date()
        if self.frequency == "DAILY":
            return (day - first).days
        if self.frequency == "WEEKLY":
            monday = first - datetime.timedelta(days=first.weekday())
            return (day - monday).days // 7
        months = (day.year - first.year) * 12 + day.month - first.month
        return months if self.frequency == "MONTHLY" else day.year - first.year

    def weekday(self, day, ordinal, name):
        if DAYS[day.weekday()] != name:
            return False
        length = calendar.monthrange(day.year, day.month)[1]
        return ordinal is None or int(ordinal) in ((day.day - 1) // 7 + 1,
                                                   -((length - day.day) // 7 + 1))

    def usual(self, day):
        """No part says which days."""
        first = self.first
        if self.frequency == "WEEKLY":
            return day.weekday() == first.weekday()
        if self.frequency == "MONTHLY":
            return day.day == first.day
        return self.frequency == "DAILY" or (day.day, day.month) == (first.day, first.month)

    def holds(self, day):
        if self.steps(day) % self.interval or self.months and day.month not in self.months:
            return False
        length = calendar.monthrange(day.year, day.month)[1]
        if self.dates and not {day.day, day.day - length - 1} & set(self.dates):
            return False
        if self.days and not any(self.weekday(day, *d) for d in self.days):
            return False
        return bool(self.dates or self.days) or self.usual(day)

    def over(self, clock, instant):
        if not self.until:
            return False
        if len(self.until) == 8:
            return clock.strftime("%Y%m%d") > self.until
        limit = datetime.datetime.strptime(self.until[:15], "%Y%m%dT%H%M%S")
        return instant > (limit - EPOCH) // MICRO if self.until.endswith("Z") else clock > limit


class Exclusion:
    """[start, end), again and again if there is a rule."""

    def __init__(self, start, end, mode="drop", rule=None, zone="UTC", name=None):
        self.start, self.end, self.mode, self.rule, self.zone = start, end, mode, rule, zone
        self.name = name

    def spans(self, until):
        """Those that begin before `until`."""
        if not self.rule:
            return [(self.start, self.end)] if self.start < until else []
        first = wall(self.start, self.zone)
        rule, out, clock = Rule(self.rule, first), [], first
        while rule.count is None or len(out) < rule.count:
            instant = at(clock, self.zone)
            if instant >= until or rule.over(clock, instant):
                break
            if rule.holds(clock.date()):
                out.append((instant, instant + self.end - self.start))
            clock += DAY
        return out


class Spans:
    """Of one mode, merged; what lies in them is asked for by instants."""

    def __init__(self, spans):
        self.starts, self.ends = [], []
        for start, end in sorted(spans):
            if self.ends and start <= self.ends[-1]:
                self.ends[-1] = max(self.ends[-1], end)
            else:
                self.starts.append(start)
                self.ends.append(end)

    def hold(self, us):
        i = bisect.bisect_right(self.starts, us)
        return i > 0 and us < self.ends[i - 1]

    def within(self, start, end):
        """The parts of [start, end) that are in them."""
        for i in range(bisect.bisect_right(self.ends, start), len(self.starts)):
            if self.starts[i] >= end:
                return
            yield max(start, self.starts[i]), min(end, self.ends[i])


class Excluded:
    """All exclusions of an objective, as far as `until`."""

    def __init__(self, exclusions=(), until=0):
        of = {"drop": [], "count_good": []}
        for x in exclusions:
            of[x.mode] += x.spans(until)
        self.count = sum(map(len, of.values()))
        self.drop, self.good = Spans(of["drop"]), Spans(of["count_good"])

    def kind(self, us, kind):
        """What an event at `us` counts as; None: as nothing, nor is there a slot."""
        if self.drop.hold(us):
            return None
        return "good" if kind == "bad" and self.good.hold(us) else kind

    def touch(self, start, end):
        return any(True for spans in (self.drop, self.good) for _ in spans.within(start, end))
