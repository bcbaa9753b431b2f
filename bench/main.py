"""The benchmark: runs the benches of TABLE one after the other, prints their
figures as one table and writes them as JSON.

    main.py [--build DIR] [--quick] [--only NAME,...] [--json FILE] [--list]

Exit status 0 unless a bench could not run or two sides gave different answers:
a bar that is missed is a figure, not a failure.
"""
import argparse
import importlib
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

import figures
import setting

# To add a bench: a module with run(setting), which gives figures, and a line here.
TABLE = [
    ("cost", "probe_cost", "CPU per probe beside the bare loop and the peers"),
    ("throughput", "throughput", "probes per second on one core, start lag"),
    ("truth", "truth", "measured phases under load beside the bare loop's"),
    ("agents", "agents", "streamed answers beside the server's log, a bare reader's, memory"),
    ("hanging", "hanging", "measured phases while receivers hang"),
    ("disk", "disk", "bytes per sealed result, made up and real"),
    ("import", "importing", "lines per second"),
    ("parse", "parsing", "a page of metrics beside promtool and a Prometheus scrape"),
    ("report", "report", "a 30-day report beside Prometheus on the same results"),
    ("tick", "tick", "evaluating 1,000 SLOs"),
    ("restart", "restart", "from start to probing with 10,000 probes and 90 days"),
    ("memory", "memory", "resident memory with 10,000 probes, and idle"),
]


def words(args):
    """The output of a command that tells a version; "" where there is none."""
    try:
        done = subprocess.run([setting.find(args[0]), *args[1:]], capture_output=True, text=True,
                              check=False, timeout=30)
    except setting.Failed:
        return ""
    return done.stdout + done.stderr


def version(pattern, *args):
    found = re.search(pattern, words(args))
    return found[1] if found else ""


def processor():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*: (.*)$", text, re.M)
    return found[1] if found else platform.machine()


def about(place, quick):
    revision = words(["git", "-C", str(setting.ROOT), "describe", "--always", "--dirty",
                      "--abbrev=12"]).strip()
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "revision": revision, "quick": quick,
        "machine": {"cpu": processor(), "cores": os.cpu_count(), "memory_bytes": pages,
                    "kernel": platform.release()},
        "cores": {"server": place.server_core, "prober": place.prober_core},
        "versions": {
            "nines": version(r"nines (\S+)", str(place.nines), "version"),
            "curl": version(r"libcurl +(\S+)", str(place.nines), "version"),
            "sqlite": version(r"sqlite +(\S+)", str(place.nines), "version"),
            "libuv": version(r"libuv +(\S+)", str(place.nines), "version"),
            "compiler": words(["cc", "--version"]).splitlines()[0],
            "nginx": version(r"nginx/(\S+)", "nginx", "-v"),
            "wrk": version(r"wrk \S*?(\d[\d.]*)", "wrk", "-v"),
            "prometheus": version(r"version (\S+)", "prometheus", "--version"),
            "blackbox_exporter": version(r"version (\S+)", "prometheus-blackbox-exporter",
                                         "--version"),
        },
    }


def headline(info):
    m = info["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in info["versions"].items() if v)
    return (f"{info['date']}, revision {info['revision']}"
            f"{', quick' if info['quick'] else ''}\n"
            f"{m['cpu']}, {m['cores']} cores, {m['memory_bytes'] / 2**30:.0f} GiB, "
            f"Linux {m['kernel']}; servers on core {info['cores']['server']}, "
            f"probers on core {info['cores']['prober']}\n{versions}")


def run_all(chosen, place):
    done, failures = [], {}
    for name, module, _ in chosen:
        began = time.monotonic()
        try:
            for figure in importlib.import_module(module).run(place):
                done.append(figure)
        except setting.Failed as e:
            failures[name] = str(e)
        except subprocess.CalledProcessError as e:
            failures[name] = f"{e}: {(e.stderr or b'').decode(errors='replace')[-500:]}"
        place.show(f"{name}: {failures.get(name, 'done')} ({time.monotonic() - began:.0f} s)")
    return done, failures


def parse(argv):
    parser = argparse.ArgumentParser(prog="scripts/bench", description="measures nines")
    parser.add_argument("--quick", action="store_true", help="shorter runs, smaller sets")
    parser.add_argument("--only", default="", metavar="NAME,...", help="only these benches")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--build", default=str(setting.ROOT / "build-bench"), metavar="DIR",
                        help="measure this build, as it is, instead of a new one in build-bench")
    parser.add_argument("--list", action="store_true", help="print the benches and end")
    options = parser.parse_args(argv)
    wanted = [n for n in options.only.split(",") if n]
    unknown = set(wanted) - {n for n, _, _ in TABLE}
    if unknown:
        parser.error(f"no bench is called {', '.join(sorted(unknown))}")
    return options, [t for t in TABLE if not wanted or t[0] in wanted]


def main(argv):
    options, chosen = parse(argv)
    if options.list:
        for name, _, text in TABLE:
            print(f"{name:12} {text}")
        return 0
    place = setting.Setting(options.build, options.quick, setting.progress())
    try:
        info = about(place, options.quick)
        done, failures = run_all(chosen, place)
    finally:
        place.close()
    place.show("")
    print(headline(info), "", figures.table(done), sep="\n")
    for name, why in failures.items():
        print(f"\n{name} FAILED: {why}")
    if options.json:
        pathlib.Path(options.json).write_text(figures.to_json(info, done, failures) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
