"""Lines a second into an empty database: one probe after the other, and by time."""
import pathlib

from figures import Figure
from setting import demand


def write_lines(setting, path, results, probes, order="probe"):
    """A file of made-up results; the entropy of one, in bits."""
    setting.show(f"{results:,} lines")
    with open(path, "wb") as out:
        child = setting.pipe([setting.program("lines"), "--results", results, "--probes", probes,
                              "--order", order], out)
    return child["entropy_bits"]


def imported(setting, folder, path, results):
    """The import of the file: (seconds, cpu_us) of it."""
    (folder / "nines.yaml").write_text("apiVersion: nines/v1\nkind: Daemon\n")
    for name in ("probes", "slos"):
        (folder / name).mkdir(exist_ok=True)
    out, cpu, seconds = setting.run(
        [setting.nines, "import", "--create", "interval=15s", path], setting.both_cores, folder)
    demand(f"{results} new" in out.replace(",", ""), f"nines import said: {out}")
    return seconds, cpu


def run(setting):
    results = 1_000_000 if setting.quick else 10_000_000
    for order, probes in (("probe", 50), ("time", 50)):
        folder = setting.folder("import")
        path = pathlib.Path(folder / "lines.ndjson")
        write_lines(setting, path, results, probes, order)
        setting.show(f"import: {results:,} lines, by {order}")
        seconds, cpu = imported(setting, folder, path, results)
        path.unlink()
        yield Figure(f"import_by_{order}", f"import of {results:,} lines, by {order}",
                     results / seconds, "/s", bar=(">=", 300_000),
                     detail={"seconds": seconds, "cpu_us_per_line": cpu / results})
        setting.folder("import")
