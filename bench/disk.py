"""Bytes a result takes once it is sealed, beside what it says (its entropy) and
beside plain rows: on made-up lognormal phases, and on probes of a real server."""
import collections
import math
import time

import importing
from figures import Figure
from setting import Nines, ask, configure, demand, eventually, rank, target

PER_PROBE = 172_800  # 30 days at 15 s
DAY = 86_400
COLUMNS = ("slot", "done", "outcome", "reason", "code", "total", "dns", "connect", "tls", "send",
           "wait", "transfer", "lag", "flags")
PHASES = ("dns", "connect", "tls", "send", "wait", "transfer")


def seal(setting, folder):
    """A daemon without probes, eight days later: everything is old enough."""
    configure(folder, [], "1s")
    last = max(ask(folder / "nines.db", "SELECT coalesce(max(slot), 0) FROM result"
                   " UNION ALL SELECT coalesce(max(last), 0) FROM chunk"))[0]
    at = time.gmtime(last // 1_000_000 + 8 * DAY)
    (folder / "clock").write_text(time.strftime("%Y-%m-%dT%H:%M:%SZ", at))
    setting.show("disk: sealing")
    daemon = Nines(setting, folder, "--test-clock", "clock")
    eventually(lambda: daemon.query("SELECT count(*) FROM result")[0][0] == 0,
               "all results to be sealed")
    daemon.stop()
    return daemon


def sizes(daemon):
    """Bytes by what they are for, and the results in chunks."""
    pages = dict(daemon.query("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
    chunks = sum(b for n, b in pages.items() if n.startswith("chunk"))
    rollups = sum(b for n, b in pages.items() if n.startswith("roll"))
    return chunks, rollups, daemon.query("SELECT sum(n) FROM chunk")[0][0]


def raw_rows(setting, results, probes):
    path = setting.folder("raw") / "raw.db"
    return setting.run_json([setting.program("raw_sqlite"), "--db", path, "--results", results,
                             "--probes", probes])


def lognormal(setting):
    probes = 3 if setting.quick else 10
    results = probes * PER_PROBE
    folder = setting.folder("disk")
    path = folder / "lines.ndjson"
    bits = importing.write_lines(setting, path, results, probes)
    importing.imported(setting, folder, path, results)
    path.unlink()
    chunks, rollups, n = sizes(seal(setting, folder))
    demand(n == results, f"{n} of {results} results are in chunks")
    raw = raw_rows(setting, results, probes)
    detail = {"results": results, "entropy_bytes": bits / 8, "rollups_bytes": rollups / results,
              "raw_insert_us": raw["insert_us"]}
    per, plain = chunks / results, raw["bytes_per_result"]
    title = "disk per sealed result, lognormal phases"
    yield Figure("disk_lognormal", title, per, "B", plain, "plain rows", bar=("<=", 9),
                 detail=detail)
    yield Figure("disk_lognormal_entropy", f"{title}, beside their entropy", per, "B", bits / 8,
                 "entropy", per / (bits / 8), ("<=", 1.15))
    yield Figure("disk_lognormal_rollups", f"{title}, with rollups", (chunks + rollups) / results,
                 "B", plain, "plain rows")


def entropy_bits(values):
    """Of one column, each value for itself; for slots, of their distances."""
    counts = collections.Counter(values)
    n = len(values)
    return -sum(c / n * math.log2(c / n) for c in counts.values())


def column_entropies(daemon):
    """Bits a result by column, the mean over the probes."""
    probes = [p for p, in daemon.query("SELECT DISTINCT probe FROM result")]
    out = dict.fromkeys(COLUMNS, 0.0)
    for probe in probes:
        rows = daemon.query(f"SELECT {', '.join(COLUMNS)} FROM result WHERE probe = ?"
                            " ORDER BY slot", probe)
        columns = dict(zip(COLUMNS, zip(*rows)))
        slots = columns["slot"]
        columns["done"] = [d - s - l - t for d, s, l, t in
                           zip(columns["done"], slots, columns["lag"], columns["total"])]
        columns["total"] = [t - sum(p) for t, p in
                            zip(columns["total"], zip(*(columns[c] for c in PHASES)))]
        columns["slot"] = [b - a for a, b in zip(slots, slots[1:])]
        for name, column in columns.items():
            out[name] += entropy_bits(column) / len(probes)
    return out


def real(setting):
    """Four probes each 100 ms, for minutes."""
    seconds = 60 if setting.quick else 420
    folder = setting.folder("disk")
    with target(setting) as site:
        configure(folder, site.urls(4), "100ms", slos=4)
        nines = Nines(setting, folder)
        for left in range(seconds, 0, -5):
            setting.show(f"disk: real probing, {left} s left")
            time.sleep(5)
        nines.stop()
    bits = column_entropies(nines)
    rows = nines.query("SELECT count(*) FROM result")[0][0]
    waits = sorted(w for w, in nines.query("SELECT wait FROM result"))
    chunks, rollups, n = sizes(seal(setting, folder))
    demand(n == rows, f"{n} of {rows} results are in chunks")
    held, = nines.query("SELECT sum(length(data)) FROM chunk")[0]
    phases = sum(bits[p] for p in PHASES) / 8
    detail = {"results": rows, "entropy_bits": bits, "phases_entropy_bytes": phases,
              "entropy_bytes": sum(bits.values()) / 8, "rollups_bytes": rollups / n,
              "pages_bytes": chunks / n, "wait_p50_us": rank(waits, 0.5)}
    title = f"disk per sealed result, real probing, {n // 4:,} a chunk"
    lines = ["entropy of real probing, bits: " +
             ", ".join(f"{c} {b:.1f}" for c, b in bits.items() if b >= 0.05)]
    yield Figure("disk_real", title, held / n, "B", sum(bits.values()) / 8,
                 f"entropy ({phases:.2f} of the phases)", bar=("<=", 5), detail=detail, lines=lines)


def run(setting):
    yield from lognormal(setting)
    yield from real(setting)
