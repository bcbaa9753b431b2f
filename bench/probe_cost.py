"""CPU time per HTTP probe: the daemon, all in, beside the bare loop and beside
blackbox_exporter with Prometheus. A, B, A, B, ...: medians of the repetitions,
because machines are never quiet."""
import json
import time
import urllib.parse

from figures import Figure
from setting import (Failed, Nines, bare_loop, configure, demand, eventually, fetch, find,
                     free_port, median, outcomes_of, steady, target)

RATE_PEERS = 500
FAILING = 500   # one probe in so many gets a 503
OBJECTIVES = 10  # one probe in so many has an SLO

# The busier a core is, the less of the cost is that of waking up, which both
# sides have alike: the higher rates are the harder comparison.
CASES = {
    "fresh": {"bar": 1.5, "rate": 4000, "title": "CPU per probe, fresh connection"},
    "fresh_busy": {"bar": 1.5, "rate": 8000, "title": "CPU per probe, fresh connection"},
    "kept": {"bar": 2.5, "rate": 8000, "kept": True, "title": "CPU per probe, kept connection"},
    "https": {"bar": 1.15, "rate": 500, "tls": True,
              "title": "CPU per probe, HTTPS fresh, verified"},
}


def failing(count):
    return max(1, count // FAILING)


def one_nines(setting, urls, rate, seconds, kept=False, ca=None, rollup=False):
    """CPU us per probe of a daemon in its steady state, and its answers."""
    folder = setting.folder("probe_cost")
    configure(folder, urls, f"{len(urls) * 1000 // rate}ms", slos=len(urls) // OBJECTIVES,
              kept=kept, ca=ca)
    nines = Nines(setting, folder)
    cpu, since, until = steady(nines, seconds, warm_up=6)
    nines.stop()
    answers = outcomes_of(nines, since, until)
    ran = answers["good"] + answers["bad"]
    demand(ran > 0.9 * rate * seconds, f"nines ran {ran} of {rate * seconds} slots: {answers}")
    out = {"cpu_us": cpu / ran, "probes": ran, "answers": answers}
    if rollup:
        out["rollup_us"] = rollup_cost(setting, folder, nines)
    return out


def rollup_cost(setting, folder, nines):
    """Rolling up comes when the hour is over: the clock is set past it. What a
    start costs at the hour's end without that is taken off."""
    results, newest = nines.query("SELECT count(*), max(slot) FROM result")[0]
    hours = (newest // 3_600_000_000 + 1) * 3600

    def start(at):
        (folder / "clock").write_text(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)))
        configure(folder, [], "1s")
        daemon = Nines(setting, folder, "--test-clock", "clock")
        if at > hours:
            eventually(lambda: not daemon.query(
                "SELECT 1 FROM roll_stream WHERE rolled_through < ?", hours * 1_000_000),
                "the rollups")
        cpu = daemon.child.cpu_us()
        daemon.stop()
        return cpu

    idle = start(newest // 1_000_000 + 1)
    return max(0, start(hours + 1200) - idle) / results


def middle(pairs):
    """The pair with the median ratio: what ran side by side had the same noise."""
    return sorted(pairs, key=lambda p: p[0] / p[1])[(len(pairs) - 1) // 2]


def compare(setting, site, name, seconds, repetitions):
    case = CASES[name]
    tls, kept, rate = case.get("tls", False), case.get("kept", False), case["rate"]
    urls = site.urls(rate, tls=tls, failing=failing(rate))
    ca = site.ca if tls else None
    bare, ours = [], []
    for i in range(repetitions):
        setting.show(f"probe_cost: {name} {i + 1} of {repetitions}: bare loop")
        bare.append(bare_loop(setting, urls, rate, seconds, kept=kept, ca=ca))
        setting.show(f"probe_cost: {name} {i + 1} of {repetitions}: nines")
        ours.append(one_nines(setting, urls, rate, seconds, kept, ca, rollup=i == 0))
    check_answers(bare, ours, rate)
    rollup = ours[0].get("rollup_us", 0)
    value, reference = middle([(o["cpu_us"] + rollup, b["cpu_us"]) for o, b in zip(ours, bare)])
    return Figure(f"cpu_{name}", f"{case['title']}, {rate:,}/s", value, "us", reference,
                  "bare loop", value / reference, ("<=", case["bar"]),
                  {"bare_runs": [r["cpu_us"] for r in bare], "rollup_us": rollup,
                   "nines_runs": [r["cpu_us"] for r in ours]})


def check_answers(bare, ours, count):
    """The one in so many that fails has to have failed on both sides, by the
    slots that the span cut off more or less."""
    share = failing(count) / count
    for side, good, bad in [("bare loop", r["probes"] - r["bad"], r["bad"]) for r in bare] + [
            ("nines", r["answers"]["good"], r["answers"]["bad"]) for r in ours]:
        off = abs(bad / (good + bad) - share)
        demand(off < 0.1 * share + 2 / (good + bad), f"{side}: {bad} of {good + bad} failed, "
               f"expected {share:.4%}")


# ---- the peers --------------------------------------------------------------------

BLACKBOX = """modules:
  bench:
    prober: http
    timeout: 5s
    http:
      preferred_ip_protocol: ip4
      valid_status_codes: [200]
      fail_if_body_not_matches_regexp: ['"status":"healthy"']
"""


def prometheus_config(urls, blackbox):
    return {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [{
        "job_name": "bench", "metrics_path": "/probe", "params": {"module": ["bench"]},
        "static_configs": [{"targets": urls}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": f"127.0.0.1:{blackbox}"}]}]}


def start_peers(setting, urls):
    folder = setting.folder("peers")
    blackbox, port = free_port(), free_port()
    (folder / "blackbox.yml").write_text(BLACKBOX)
    (folder / "prometheus.yml").write_text(json.dumps(prometheus_config(urls, blackbox)))
    exporter = setting.spawn([find("prometheus-blackbox-exporter"), "--config.file",
                              "blackbox.yml", "--log.level=error",
                              f"--web.listen-address=127.0.0.1:{blackbox}"],
                             setting.prober_core, folder)
    server = setting.spawn([find("prometheus"), "--config.file=prometheus.yml",
                            f"--storage.tsdb.path={folder}/data", "--log.level=error",
                            f"--web.listen-address=127.0.0.1:{port}"],
                           setting.prober_core, folder)
    eventually(lambda: fetch(f"http://127.0.0.1:{port}/-/ready"), "Prometheus")
    return exporter, server, f"http://127.0.0.1:{port}"


def ask(base, query):
    reply = json.loads(fetch(f"{base}/api/v1/query?" + urllib.parse.urlencode({"query": query})))
    result = reply["data"]["result"]
    return float(result[0]["value"][1]) if result else 0.0


def peers(setting, site, seconds, repetitions):
    count = RATE_PEERS
    urls = site.urls(count, failing=failing(count))
    exporter, server, base = start_peers(setting, urls)
    eventually(lambda: ask(base, "count(probe_success)") == count, "all targets to be scraped")
    costs, exporters = [], []
    for i in range(repetitions):
        setting.show(f"probe_cost: blackbox_exporter and Prometheus {i + 1} of {repetitions}")
        before, one, two = site.requests(), exporter.cpu_us(), server.cpu_us()
        time.sleep(seconds)
        probes = site.requests() - before - 1
        one, two = exporter.cpu_us() - one, server.cpu_us() - two
        exporters.append(one / probes)
        costs.append((one + two) / probes)
    availability = ask(base, f"avg(avg_over_time(probe_success[{int(seconds)}s]))")
    server.stop()
    exporter.stop()
    setting.show("probe_cost: nines and the bare loop at the same rate")
    ours = [one_nines(setting, urls, count, seconds, rollup=i == 0) for i in range(repetitions)]
    bare = [bare_loop(setting, urls, count, seconds)["cpu_us"] for _ in range(repetitions)]
    own = median([r["cpu_us"] for r in ours]) + ours[0]["rollup_us"]
    good = sum(r["answers"]["good"] for r in ours) / sum(r["probes"] for r in ours)
    if abs(availability - good) > 1e-3:
        raise Failed(f"availability: {good} by nines, {availability} by Prometheus")
    reference = median(costs)
    lines = [f"At {count}/s waking up is most of it: the bare loop takes {median(bare):.0f} us, "
             f"{reference / median(bare):.1f} x less than the two."]
    return Figure("cpu_peers", f"CPU per probe, fresh connection, {count}/s", own, "us",
                  reference, "blackbox_exporter + Prometheus", reference / own, (">=", 10),
                  {"blackbox_exporter_us": median(exporters), "runs": costs,
                   "bare_loop_us": median(bare), "bare_loop_ratio": reference / median(bare),
                   "availability": {"nines": good, "prometheus": availability}}, lines)


def run(setting):
    seconds, repetitions = (4, 1) if setting.quick else (8, 3)
    with target(setting) as site:
        for name in list(CASES)[1:] if setting.quick else CASES:
            yield compare(setting, site, name, seconds, repetitions)
        yield peers(setting, site, seconds, 1 if setting.quick else 3)
