#!/usr/bin/python3
"""The same month by nines, by a real Prometheus and by plain addition, side by side.

    agreement.py NINES [FOLDER]

NINES is the binary; promtool and prometheus are looked up in PATH. Data, databases and servers
live in FOLDER (default: a temporary one). Prints the tables of docs/prometheus-agreement.md.
"""
import concurrent.futures
import functools
import json
import math
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

from alerting import LENGTHS, TIERS, Objective
from month import ABSENT, END, F, SCRAPE, START, Month, at, rfc3339
from promrate import Rates

PATIENCE = 120
SLOS = {"requests": F(1, 1000), "latency": F(1, 100), "up": F(1, 1000)}  # what may fail
WINDOWS = {w: LENGTHS[w] for w in ("5m", "30m", "1h", "2h", "6h", "1d", "3d")}
OVER = {w: [w, f"{seconds + SCRAPE}s"] for w, seconds in WINDOWS.items()}
FAILED = 'http_requests_total{code=~"5.."}'
RATIOS = {
    "requests": f"sum(rate({FAILED}[%s])) / sum(rate(http_requests_total[%s]))",
    "latency": "(sum(rate(http_request_duration_seconds_count[%s]))"
               ' - sum(rate(http_request_duration_seconds_bucket{le="0.5"}[%s])))'
               " / sum(rate(http_request_duration_seconds_count[%s]))",
    "up": "1 - avg_over_time(probe_success[%s])",
}
# start, end, step: the whole month, and closer where something happens
SPANS = [(START + 67 * 60, END + 1, 73 * 60), (at(4, "10:01"), at(4, "11:41"), 120),
         (at(11, "22:11"), at(11, "23:41"), 120), (at(19, "03:01"), at(19, "06:00"), 240),
         (at(23, "00:01"), at(25, "18:00"), 1800), (at(27, "14:01"), at(27, "14:20"), 60),
         (at(23, "09:12"), at(23, "09:25"), 60), (at(6, "00:00"), at(6, "06:40"), 600),
         (at(13, "14:56"), at(13, "16:30"), 300), (at(1, "01:50"), at(3), 2400)]


class Prometheus:
    """A real one over the month's samples; scrapes nothing."""

    def __init__(self, folder, month):
        samples = folder / "month.om"
        with samples.open("w") as f:
            month.openmetrics(f)
        subprocess.run([tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet",
                        "--max-block-duration=1024h", samples, folder / "data"], check=True)
        (folder / "prometheus.yml").write_text("scrape_configs: []\n")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", tool("prometheus"),
             f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             "--storage.tsdb.retention.time=100y", "--web.listen-address=127.0.0.1:0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.url = None
        for line in self.process.stderr:
            if found := re.search("Listening on.* address=([0-9.:]+)", line):
                self.url = f"http://{found[1]}"
            if "ready to receive web requests" in line:
                return
        raise RuntimeError("prometheus does not start")

    def ask(self, path, **what):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(what)}"
        with urllib.request.urlopen(url, timeout=PATIENCE) as reply:
            found = json.load(reply)["data"]["result"]
        assert len(found) <= 1, what
        return found[0] if found else None

    def value(self, expression, t):
        """A float, or None without an answer. NaN is one."""
        found = self.ask("query", query=expression, time=t)
        return found and float(found["value"][1])

    def values(self, expression, spans):
        """{t: a number}, without those that are NaN."""
        out = {}
        for start, end, step in spans:
            found = self.ask("query_range", query=expression, start=start, end=end - 1, step=step)
            out.update((t, float(v)) for t, v in (found["values"] if found else []) if v != "NaN")
        return out

    def close(self):
        self.process.terminate()
        self.process.stderr.read()
        self.process.wait(timeout=PATIENCE)
        self.process.stderr.close()


class Nines:
    """The binary, with the month imported."""

    PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - {id: page, interval: 60s, timeout: 5s, metrics: {url: "http://127.0.0.1:9/metrics"}}
  - {id: ping, interval: 15s, timeout: 5s, http: {url: "http://127.0.0.1:9/"}}
"""
    SLIS = {"requests": f"{{probe: page, ratio: {{bad: '{FAILED}', total: http_requests_total}}}}",
            "latency": "{probe: page, histogram: http_request_duration_seconds,"
                       " faster_than: 500ms}",
            "up": "{probe: ping}"}

    def __init__(self, program, folder, month):
        self.program, self.folder = program, folder
        slos = [self.slo(name, name, miss) for name, miss in SLOS.items()]
        self.write("probes/p.yaml", self.PROBES)
        self.write("slos/s.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n" + "".join(slos))
        slices = [self.slo(f"{sli}-{method}-{length}", sli, F(1, 100), ", alerting: none, "
                           f"budgeting: {{method: {method}, slice: {length}"
                           + (", slice_target: 99%}" if method == "Timeslices" else "}"))
                  for sli in ("requests", "up") for method in ("Timeslices", "RatioTimeslices")
                  for length in ("1m", "5m")]
        self.write("slices.yaml", "apiVersion: nines/v1\nkind: Daemon\nslos: [slices]\n")
        self.write("slices/s.yaml", "apiVersion: nines/v1\nkind: SLOs\nslos:\n" + "".join(slices))
        with (folder / "month.ndjson").open("w+") as f:
            month.ndjson(f)
        self.run("import", "month.ndjson")

    def slo(self, name, sli, miss, more=""):
        return (f"  - {{name: {name}, sli: {self.SLIS[sli]}, window: 30d, "
                f"objective: {float(100 - 100 * miss):g}%{more}}}\n")

    def write(self, name, text):
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text)

    def run(self, *args):
        return subprocess.run([self.program, *args], cwd=self.folder, check=True, text=True,
                              capture_output=True, timeout=PATIENCE).stdout

    def report(self, t, *args):
        found = json.loads(self.run("report", "--format", "json", "--at", rfc3339(t), *args))
        return {slo["slo"]: slo for slo in found["slos"]}

    def reports(self, instants):
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            return dict(zip(instants, pool.map(self.report, instants)))


def tool(name):
    return shutil.which(name) or sys.exit(f"there is no {name}")


def objectives(month):
    return {slo: Objective(month.exact[slo], miss, (0, 0) if slo == "up" else ABSENT)
            for slo, miss in SLOS.items()}


# ---- one instant -------------------------------------------------------------------------


class Rule:
    """Whether a tier fires at t: as Prometheus has it, and change by change as nines has it."""

    STEPS = ["first scrape", "new series or gap", ">= for >", "expected slots"]

    def __init__(self, month, rates):
        self.month, self.rates = month, rates
        self.objectives = objectives(month)

    def plain(self, slo, start, t):
        bad, total_, _, _ = self.month.exact[slo].between(start, t)
        return F(bad, total_) if total_ else None

    def verdicts(self, slo, tier, t):
        _, long, short, factor = tier
        least = factor * SLOS[slo]
        ranges = [t - WINDOWS[w] for w in (long, short)]
        rates = [self.rates.ratio(slo, start, t) for start in ranges]
        longer = [self.rates.ratio(slo, start - SCRAPE * (slo != "up"), t) for start in ranges]
        plain = [self.plain(slo, start, t) for start in ranges]
        return [all(r is not None and r > least for r in rates),
                all(r is not None and r > least for r in longer),
                all(r is not None and r > least for r in plain),
                all(r is not None and r >= least for r in plain),
                self.objectives[slo].fires(t, tier)]

    def causes(self, found):
        return [step for step, a, b in zip(self.STEPS, found, found[1:]) if a != b]


# ---- the month ---------------------------------------------------------------------------


class Agreement:
    def __init__(self, program, folder):
        self.month = Month()
        self.rates = Rates(self.month)
        self.rule = Rule(self.month, self.rates)
        for name in ("prometheus", "nines"):
            (folder / name).mkdir()
        self.nines = Nines(program, folder / "nines", self.month)
        self.prometheus = Prometheus(folder / "prometheus", self.month)

    def close(self):
        self.prometheus.close()

    def look(self):
        """Asks both at many instants."""
        self.instants = sorted({t for span in SPANS for t in range(*span)})
        self.reports = self.nines.reports(self.instants)
        self.asked, self.longer = (
            {(slo, w): self.prometheus.values(RATIOS[slo].replace("%s", OVER[w][i]), SPANS)
             for slo in SLOS for w in WINDOWS} for i in (0, 1))

    @functools.cache
    def burns(self, slo, w):
        """For each instant (t, nines, prometheus, over one scrape more, exact, by the model)."""
        place, out = list(WINDOWS).index(w), []
        for t in self.instants:
            start = t - WINDOWS[w]
            exact, model = self.rule.plain(slo, start, t), self.rates.ratio(slo, start, t)
            said = self.reports[t][slo]["burn"][place]
            assert said["window"] == w
            burn = [None if v is None else float(v) / float(SLOS[slo])
                    for v in (self.asked[slo, w].get(t), self.longer[slo, w].get(t), exact, model)]
            out.append((t, said["rate"], *burn))
        return out

    @functools.cache
    def tiers(self, slo, tier):
        """For each instant (t, nines, prometheus, exact, why they differ)."""
        (_, long, short, factor), out = tier, []
        for t in self.instants:
            said = self.reports[t][slo]["tiers"]
            (tells,) = [s["firing"] for s in said if s["long"] == long]
            asked = [self.asked[slo, w].get(t) for w in (long, short)]
            fires = all(r is not None and r > float(factor * SLOS[slo]) for r in asked)
            verdicts = self.rule.verdicts(slo, tier, t)
            out.append((t, tells, fires, verdicts[-1], self.rule.causes(verdicts)))
        return out

    def period(self):
        """{quantity: (nines, Prometheus, exact)} of the whole month, at its end."""
        report, out, w = self.nines.report(END), {}, f"{END - START}s"
        for slo, miss in SLOS.items():
            said = report[slo]
            bad, events, _, _ = self.month.exact[slo].between(START, END)
            sli = self.prometheus.value("1 - (" + RATIOS[slo].replace("%s", w) + ")", END)
            out[f"{slo}: SLI"] = said["sli"], sli, 1 - bad / events
            out[f"{slo}: budget consumed"] = (said["budget"]["consumed_ratio"],
                                              (1 - sli) / float(miss), float(bad / events / miss))
        report = report["requests"]
        bad, events, _, _ = self.month.exact["requests"].between(START, END)
        out["requests: events"] = report["total"], self.prometheus.value(
            f"sum(increase(http_requests_total[{w}]))", END), events
        out["requests: bad events"] = report["bad"], self.prometheus.value(
            f"sum(increase({FAILED}[{w}]))", END), bad
        ratio = RATIOS["requests"].replace("%s", "5m")
        mean = "1 - sum_over_time(({0})[{1}s:1m]) / count_over_time(({0})[{1}s:1m])"
        for name, expression in (("as recorded", ratio), ("without NaN", f"({ratio}) >= 0")):
            value = self.prometheus.value(mean.format(expression, END - START - 1), END)
            out[f"requests: mean of 5m ratios, {name}"] = report["sli"], value, 1 - bad / events
        return out

    def slices(self):
        """{quantity: (nines, Prometheus, exact)}: the SLI by slices, at the month's end."""
        report, out = self.nines.report(END, "--config", "slices.yaml"), {}
        for name, said in report.items():
            slo, method, length = name.split("-")
            seconds = int(length[:-1]) * 60
            counts = [self.month.exact[slo].between(t, t + seconds)
                      for t in range(START, END, seconds)]
            judged = [1 - F(bad, n) for bad, n, _, _ in counts if n]
            worth = [r >= F(99, 100) if method == "Timeslices" else
                     F(r.numerator * 10 ** 12 // r.denominator, 10 ** 12) for r in judged]
            exact = float(sum(worth) / F(len(worth)))
            for more in (0,) if slo == "up" else (0, SCRAPE):
                ratio = "1 - (" + RATIOS[slo].replace("%s", f"{seconds + more}s") + ") >= 0"
                one = f"({ratio}) >= bool 0.99" if method == "Timeslices" else ratio
                asked = self.prometheus.value(
                    f"sum_over_time(({one})[{END - START - 1}s:{length}])"
                    f" / count_over_time(({ratio})[{END - START - 1}s:{length}])", END)
                over = f", rate over {seconds + more}s" if slo != "up" else ""
                out[f"{slo}: {method} of {length}{over}"] = said["sli"], asked, exact
        return out


# ---- tables ------------------------------------------------------------------------------


def number(v):
    if v is None or isinstance(v, float) and math.isnan(v):
        return "none" if v is None else "NaN"
    return f"{v:,}" if isinstance(v, int) else f"{v:,.3f}" if v > 1000 else f"{v:.9f}"


def difference(a, b):
    if a is None or b is None or math.isnan(a) or math.isnan(b):
        return "-"
    if abs(b) > 1000:
        return f"{a - b:+,.3f}"
    return f"{a - b:+.9f}".replace("-0.000000000", "+0.000000000")


def rows(table):
    yield "| | nines | Prometheus | exact | nines - exact | Prometheus - exact |"
    yield "|---|---|---|---|---|---|"
    for name, (said, asked, exact) in table.items():
        yield (f"| {name} | {number(said)} | {number(asked)} | {number(exact)} "
               f"| {difference(said, exact)} | {difference(asked, exact)} |")


def farthest(pairs):
    """The largest difference of those that have both values, and when."""
    return max(((abs(a - b), t) for t, a, b in pairs if a is not None and b is not None),
               default=(0, START))


def burn_rows(agreement):
    yield ("| objective | window | instants | nines - exact, at most | Prometheus - exact, at most "
           "| when | over one scrape more, at most | when |")
    yield "|---|---|---|---|---|---|---|---|"
    for slo in SLOS:
        for w in WINDOWS:
            found = agreement.burns(slo, w)
            said, _ = farthest((t, n, e) for t, n, _, _, e, _ in found)
            asked, when = farthest((t, p, e) for t, _, p, _, e, _ in found)
            longer, late = farthest((t, p, e) for t, _, _, p, e, _ in found)
            longer = f"{longer:.6f} | {rfc3339(late)}" if slo != "up" else "- | -"
            yield (f"| {slo} | {w} | {len(found)} | {said:.7f} | {asked:.6f} "
                   f"| {rfc3339(when)} | {longer} |")


def tier_rows(agreement):
    yield ("| objective | tier | instants | nines fires | Prometheus fires | agree "
           "| differ, and by what |")
    yield "|---|---|---|---|---|---|---|"
    for slo in SLOS:
        for tier in TIERS:
            found = agreement.tiers(slo, tier)
            causes = {}
            for _, said, asked, _, why in found:
                if said != asked:
                    causes[", ".join(why)] = causes.get(", ".join(why), 0) + 1
            told = "; ".join(f"{n} {why}" for why, n in sorted(causes.items())) or "0"
            _, long, short, factor = tier
            yield (f"| {slo} | {float(factor):g} over {long} and {short} | {len(found)} "
                   f"| {sum(f[1] for f in found)} | {sum(f[2] for f in found)} "
                   f"| {sum(f[1] == f[2] for f in found)} | {told} |")


def tables(agreement):
    yield from ["The month:", "", *rows(agreement.period()), "", "By slices:", "",
                *rows(agreement.slices()), "", "Burn rates:", "", *burn_rows(agreement), "",
                "Tiers:", "", *tier_rows(agreement)]


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        agreement = Agreement(program, folder)
        try:
            agreement.look()
            print("\n".join(tables(agreement)))
        finally:
            agreement.close()


if __name__ == "__main__":
    main()
