"""What Prometheus' rate() comes to, in fractions, and in which steps it leads to other alerts.

After extrapolatedRate of promql/functions.go (2.42): the growth between the first and the last
sample of the range, stretched towards both of its ends, but not below where a counter would have
been 0. What a series grew by before the first sample in the range is not in it: neither since the
sample before the range, nor what a new series begins with.
"""
import bisect
import functools

from month import F


class Counter:
    """One series: [(time, value)]."""

    def __init__(self, samples):
        self.times = [t for t, _ in samples]
        self.values = [v for _, v in samples]
        self.grown, grown = [0], 0
        for before, after in zip(self.values, self.values[1:]):
            grown += after - before if after >= before else after
            self.grown.append(grown)

    def increase(self, start, end):
        """Over [start, end], or None without two samples."""
        a, b = bisect.bisect_left(self.times, start), bisect.bisect_right(self.times, end) - 1
        if b <= a:
            return None
        grown, first = self.grown[b] - self.grown[a], self.times[a]
        spanned = self.times[b] - first
        mean = F(spanned, b - a)
        before, after = F(first - start), F(end - self.times[b])
        if grown:
            before = min(before, spanned * F(self.values[a], grown))
        stretched = spanned + sum(d if d < mean * F(11, 10) else mean / 2 for d in (before, after))
        return grown * stretched / spanned


def total(counters, start, end):
    """sum(increase()): None if no series has one."""
    found = [i for c in counters if (i := c.increase(start, end)) is not None]
    return sum(found) if found else None


class Rates:
    """The error ratios of month.Month as the rules have them; None where there is no number."""

    def __init__(self, month):
        def of(*names):
            return [Counter(month.series[name]) for name in month.series
                    if any(name.startswith(n) for n in names)]

        self.failed = of('http_requests_total{code="5')
        self.requests = of("http_requests_total")
        self.within = of('http_request_duration_seconds_bucket{le="0.5"}')
        self.timed = of("http_request_duration_seconds_count")
        self.up = month.exact["up"]

    @functools.cache
    def ratio(self, slo, start, end):
        if slo == "up":
            bad, runs, _, _ = self.up.between(start, end)
            return F(bad, runs) if runs else None
        if slo == "requests":
            bad, all_ = total(self.failed, start, end), total(self.requests, start, end)
        else:
            all_, good = (total(c, start, end) for c in (self.timed, self.within))
            bad = None if all_ is None else all_ - good
        return bad / all_ if bad is not None and all_ else None
