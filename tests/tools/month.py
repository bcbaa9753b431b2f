"""A month of a service, made up and the same each time, in the formats of nines and of Prometheus,
and exactly what happened in it.

March 2026. A page of counters is scraped each minute, and a probe runs each 15 s, both 7 s past
the full ones, so no sample ever lies on the edge of a window. The story is INCIDENTS and what
stands behind them.
"""
import datetime
import fractions
import itertools
import math
import random

F = fractions.Fraction

UTC = datetime.timezone.utc
START = int(datetime.datetime(2026, 3, 1, tzinfo=UTC).timestamp())
HOUR, DAY = 3600, 86400
DAYS = 30
END = START + DAYS * DAY
HEAD = HOUR  # of data before the month
OFFSET = 7
SCRAPE, PROBE = 60, 15
SEED = 20260301


def at(day, clock="00:00"):
    hours, minutes = map(int, clock.split(":"))
    return START + (day - 1) * DAY + hours * HOUR + minutes * 60


def rfc3339(t):
    return datetime.datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


# what of all requests fails, of what kind, what of all is slow; what of all probes fails
INCIDENTS = [
    ("birth", at(1, "02:00"), at(1, "02:03"), 0.02, "500", 0.02, 0.5),
    ("overload", at(4, "10:00"), at(4, "10:30"), 0.4, "503", 0.5, 0.4),
    ("outage", at(11, "22:10"), at(11, "22:25"), 1.0, "500", 0.0, 1.0),
    ("into the dark", at(13, "14:48"), at(13, "14:58"), 0.1, "500", 0.1, 0.6),
    ("bad deploy", at(19, "03:00"), at(19, "05:00"), 0.05, "500", 0.1, 0.05),
    ("slow burn", at(23), at(25, "12:00"), 0.0025, "500", 0.012, 0.0022),
    ("blip", at(27, "14:00"), at(27, "14:01"), 0.3, "503", 0.3, 0.5),
]
QUIET = (at(6, "00:00"), at(6, "06:00"))  # nobody asks for anything
ABSENT = (at(13, "15:00"), at(13, "16:00"))  # neither scrapes nor probes
RESTARTS = [at(8, "12:00"), at(15, "04:30"), at(23, "09:15")]
USUAL = 0.0003, 0.004, 0.0004  # the shares of failed and of slow requests, and of failed probes


def incident(t):
    return next((i for i in INCIDENTS if i[1] <= t < i[2]), None)


def some(rng, n, share):
    """How many of n independent events, by the gaps between them."""
    if share in (0, 1):
        return int(n * share)
    count, at_, scale = 0, -1, math.log(1 - share)
    while True:
        at_ += 1 + int(math.log(1 - rng.random()) / scale)
        if at_ >= n:
            return count
        count += 1


class Scrapes:
    """What happened in the minute before each scrape, and whether the scrape was made."""

    NAMES = ("200", "500", "503", "slow")

    def __init__(self):
        rng = random.Random(SEED)
        self.times = list(range(START - HEAD + OFFSET, END, SCRAPE))
        self.growth = [self.minute(rng, t) for t in self.times]
        self.made = [not ABSENT[0] <= t < ABSENT[1] for t in self.times]
        self.values = list(self.counted())

    def minute(self, rng, t):
        """Requests by code, and slow ones."""
        if QUIET[0] <= t < QUIET[1]:
            return 0, 0, 0, 0
        if ABSENT[0] - SCRAPE <= t <= ABSENT[1] + SCRAPE:
            return 599, 1, 0, 3  # even, as what is not seen in detail is taken to be
        hour = (t - START) / HOUR % 24
        n = int(600 - 300 * abs(hour - 15) / 15 + rng.randrange(60))
        found = incident(t)
        failed = some(rng, n, USUAL[0])
        slow = some(rng, n, found[5] if found else USUAL[1])
        more = some(rng, n - failed, found[3]) if found else 0
        overload = more if found and found[4] == "503" else 0
        failed += more - overload
        return n - failed - overload, failed, overload, slow

    def counted(self):
        """Counters since the last restart; those of failures are there once there was one."""
        restarts = {next(i for i, t in enumerate(self.times) if t > r) for r in RESTARTS}
        value = [10 ** 6, 0, 0, 5 * 10 ** 3]
        for i, growth in enumerate(self.growth):
            value = list(growth) if i in restarts else [v + g for v, g in zip(value, growth)]
            yield tuple(value)

    def series(self):
        """{name: [(time, value)]} of the scrapes that were made."""
        out = {}

        def add(name, t, value):
            out.setdefault(name, []).append((t, value))

        for t, made, (ok, failed, overload, slow) in zip(self.times, self.made, self.values):
            if not made:
                continue
            total = ok + failed + overload
            add('http_requests_total{code="200"}', t, ok)
            if failed:
                add('http_requests_total{code="500"}', t, failed)
            if overload:
                add('http_requests_total{code="503"}', t, overload)
            add('http_request_duration_seconds_bucket{le="0.5"}', t, total - slow)
            add('http_request_duration_seconds_bucket{le="+Inf"}', t, total)
            add('http_request_duration_seconds_count', t, total)
        return out


class Probes:
    def __init__(self):
        rng = random.Random(SEED + 1)
        self.times = list(range(START - HEAD + OFFSET, END, PROBE))
        self.made = [not ABSENT[0] <= t < ABSENT[1] for t in self.times]
        self.good = [rng.random() >= ((i := incident(t)) and i[6] or USUAL[2]) for t in self.times]

    def results(self):
        return [(t, good) for t, good, made in zip(self.times, self.good, self.made) if made]


class Exact:
    """Counts of events in any span, by addition: of each slot of a schedule."""

    def __init__(self, first, interval, bad, total, seen):
        self.first, self.interval, self.count = first, interval, len(seen)
        self.bad, self.total, self.seen = (list(itertools.accumulate(map(int, each), initial=0))
                                           for each in (bad, total, seen))

    def between(self, start, end):
        """(bad, total, slots with data, slots) in [start, end)."""
        a, b = -((self.first - start) // self.interval), -((self.first - end) // self.interval)
        slots = b - a
        if a < 0 or b > self.count:
            a, b = (min(max(i, 0), self.count) for i in (a, b))
        return (self.bad[b] - self.bad[a], self.total[b] - self.total[a],
                self.seen[b] - self.seen[a], slots)


class Month:
    def __init__(self):
        self.scrapes, self.probes = Scrapes(), Probes()
        self.series = self.scrapes.series()
        s = self.scrapes
        # the first scrape is a baseline
        growth = [(0, 0, 0, 0)] + s.growth[1:]
        made = [False] + s.made[1:]
        total = [sum(g[:3]) for g in growth]
        first, p = s.times[0], self.probes
        failed = [made and not good for made, good in zip(p.made, p.good)]
        self.exact = {
            "requests": Exact(first, SCRAPE, [g[1] + g[2] for g in growth], total, made),
            "latency": Exact(first, SCRAPE, [g[3] for g in growth], total, made),
            "up": Exact(first, PROBE, failed, p.made, p.made),
        }

    def openmetrics(self, out):
        family = None
        for name, samples in sorted(self.series.items()):
            for suffix, kind in (("_total", "counter"), ("_bucket", "histogram")):
                base = name.split("{")[0].removesuffix(suffix)
                if name.split("{")[0].endswith(suffix) and base != family:
                    family = base
                    out.write(f"# TYPE {family} {kind}\n")
            out.writelines(f"{name} {value} {t}\n" for t, value in samples)
        out.write("# TYPE probe_success gauge\n")
        out.writelines(f"probe_success {good:d} {t}\n" for t, good in self.probes.results())
        out.write("# EOF\n")

    def ndjson(self, out):
        lines = []
        for name, samples in self.series.items():
            quoted = name.replace('"', '\\"')
            lines += [(t, f'{{"probe":"page","time":"{rfc3339(t)}","series":"{quoted}",'
                       f'"value":{value}}}\n') for t, value in samples]
        out.writelines(text for _, text in sorted(lines, key=lambda line: line[0]))
        for t, good in self.probes.results():
            what = '"good","code":200' if good else '"bad","reason":"status","code":503'
            out.write(f'{{"probe":"ping","time":"{rfc3339(t)}","outcome":{what},"latency_ms":20}}\n')
