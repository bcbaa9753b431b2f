"""Random exclusions that touch a history, as what a file declares and as excluded.Exclusion."""
import calendar
import datetime
import json

import excluded
from excluded import DAYS, MINUTE

DAY = 24 * 60 * MINUTE
HORIZON = 500 * DAY  # overlaps are refused as far as 400 days


def text_of(us, zone):
    clock = excluded.wall(us, zone)
    return clock.strftime("%Y-%m-%d %H:%M")


def utc(us):
    return text_of(us, "UTC").replace(" ", "T") + ":00Z"


def months_back(day, n):
    years, month = divmod(day.year * 12 + day.month - 1 - n, 12)
    length = calendar.monthrange(years, month + 1)[1]
    return datetime.date(years, month + 1, min(day.day, length))


def weekly(rng, day, interval):
    names = {DAYS[day.weekday()], *rng.sample(DAYS, rng.randrange(3))}
    names = sorted(names, key=DAYS.index) if rng.random() < 0.8 else None
    first = day - datetime.timedelta(weeks=interval * rng.randrange(30))
    return "FREQ=WEEKLY" + (";BYDAY=" + ",".join(names) if names else ""), first


def monthly(rng, day, interval):
    back = months_back(day, interval * rng.randrange(24))
    length = calendar.monthrange(day.year, day.month)[1]
    if rng.random() < 0.5:
        first = back if back.day == day.day else day
        if rng.random() < 0.3:
            return "FREQ=MONTHLY", first
        date = rng.choice([day.day, day.day - length - 1])
        if date < 0:
            last = calendar.monthrange(first.year, first.month)[1]
            first = first.replace(day=last + date + 1) if last + date >= 0 else day
        return f"FREQ=MONTHLY;BYMONTHDAY={date}", first
    ordinal = rng.choice([(day.day - 1) // 7 + 1, -((length - day.day) // 7 + 1)])
    text = f"FREQ=MONTHLY;BYDAY={ordinal}{DAYS[day.weekday()]}"
    rule = excluded.Rule(text, datetime.datetime(back.year, back.month, 1))
    last = calendar.monthrange(back.year, back.month)[1]
    found = [d for d in range(1, last + 1) if rule.holds(back.replace(day=d))]
    return text, back.replace(day=found[0]) if found else day


def yearly(rng, day, interval):
    first = day
    if (day.month, day.day) != (2, 29):
        first = day.replace(year=day.year - interval * rng.randrange(5))
    if rng.random() < 0.5:
        return "FREQ=YEARLY", first
    return f"FREQ=YEARLY;BYMONTH={day.month};BYMONTHDAY={day.day}", first


def daily(rng, day, interval):
    return "FREQ=DAILY", day - datetime.timedelta(days=interval * rng.randrange(100))


def ended(rng, us):
    """It may end before what it was made for."""
    draw = rng.random()
    if draw < 0.2:
        return f";COUNT={rng.randrange(1, 60)}"
    if draw < 0.5:
        clock = excluded.wall(us + rng.choice([-2, 0, 0, 1, 20]) * DAY, "UTC")
        return ";UNTIL=" + clock.strftime(rng.choice(["%Y%m%d", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ"]))
    return ""


def recurring(rng, us, length, zone):
    """One that would hold at `us`."""
    clock, interval = excluded.wall(us, zone), rng.choice([1, 1, 1, 2, 3])
    rule, first = rng.choice([daily, weekly, monthly, yearly])(rng, clock.date(), interval)
    start = excluded.at(datetime.datetime.combine(first, clock.time()), zone)
    if interval > 1:
        rule += f";INTERVAL={interval}"
    rule += ended(rng, us)
    return excluded.Exclusion(start, start + min(length, 12 * 60 * MINUTE), rule=rule, zone=zone)


class Declared:
    """One of the objectives `names`; None: of all."""

    def __init__(self, rng, number, start, end, names):
        self.name, self.id = f"x{number}", None
        us = rng.randrange(start, end) // MINUTE * MINUTE
        most = max(2, (end - start) // MINUTE // 3)
        length = rng.randrange(1, rng.choice([most, max(2, most // 20)])) * MINUTE \
            if most > 2 else MINUTE
        zone = rng.choice(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
        self.own = excluded.Exclusion(us, us + length, zone=zone)
        if rng.random() < 0.5:
            self.own = recurring(rng, us, length, zone)
        self.own.mode = rng.choice(["drop", "drop", "count_good"])
        self.names = sorted(rng.sample(names, rng.randrange(1, len(names) + 1)))
        if rng.random() < 0.3:
            self.names = None
        self.by_clock = rng.random() < 0.5 and \
            excluded.at(excluded.wall(self.own.start, zone), zone) == self.own.start

    def of(self, name):
        return self.names is None or name in self.names

    def valid(self):
        """The first span must be one of its rule."""
        x = self.own
        return x.spans(x.start + 1)[:1] == [(x.start, x.end)]

    def collides(self, others, until):
        mine = self.own.spans(until)
        for other in others:
            if self.names and other.names and not set(self.names) & set(other.names):
                continue
            if any(a < d and c < b for a, b in mine for c, d in other.own.spans(until)):
                return True
        return False

    def yaml(self):
        x = self.own
        out = {"name": self.name, "mode": x.mode, "timezone": x.zone, "reason": f"of {self.name}",
               "from": text_of(x.start, x.zone) if self.by_clock else utc(x.start),
               "to": utc(x.end)}
        if self.names:
            out["slos"] = self.names
        if x.rule:
            out["rrule"] = x.rule
        return "  - " + json.dumps(out) + "\n"

    def arguments(self, names):
        """Of nines exclude add; `names` are all objectives."""
        x = self.own
        out = ["--from", text_of(x.start, x.zone) if self.by_clock else utc(x.start), "--to",
               utc(x.end), "--mode", x.mode, "--timezone", x.zone, "--reason", self.name]
        for name in self.names or names:
            out += ["--slo", name]
        return out + (["--rrule", x.rule] if x.rule else [])


def some(rng, start, end, names, most):
    """Up to `most` that do not overlap."""
    out = []
    for number in range(most):
        x = Declared(rng, number, start, end, names)
        if x.valid() and not x.collides(out, end + HORIZON):
            out.append(x)
    return out


def document(declared):
    return "apiVersion: nines/v1\nkind: Exclusions\nexclusions:\n" + \
        "".join(x.yaml() for x in declared)
