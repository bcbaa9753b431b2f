"""Periods of calendar windows in every time zone there is, over ten years, against the zone data
as Python reads it."""
import datetime
import random
import zoneinfo

import conftest
import pytest

UTC = datetime.timezone.utc
UNITS = {"day": 0, "week": 0, "month": 1, "quarter": 3, "year": 12}
PROBES = """apiVersion: nines/v1
kind: Probes
probes:
  - {id: p, interval: 1h, timeout: 1s, http: {url: "http://127.0.0.1:1/"}}
"""
INSTANTS = 4


def zones():
    known = zoneinfo.available_timezones()
    return sorted(z for z in known if not z.startswith(("posix/", "right/")) and z not in ("localtime", "Factory"))


def instant(zone, wall):
    """When clocks there show this: what they skip is moved on, what they show twice is the first."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def start_of(zone, unit, count, anchor, k):
    if not UNITS[unit]:
        return instant(zone, anchor + datetime.timedelta(days=k * count * (7 if unit == "week" else 1)))
    months = anchor.month - 1 + k * count * UNITS[unit]
    first = anchor.replace(year=anchor.year + months // 12, month=months % 12 + 1, day=1)
    return instant(zone, first + datetime.timedelta(days=anchor.day - 1))


def period_of(zone, unit, count, anchor, at):
    days = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[unit] * count
    k = (at - anchor.replace(tzinfo=UTC)) // datetime.timedelta(days=days) - 2
    while start_of(zone, unit, count, anchor, k + 1) <= at:
        k += 1
    return start_of(zone, unit, count, anchor, k), start_of(zone, unit, count, anchor, k + 1)


def text(at):
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def choose(dice, unit):
    """A whole period of what calendars have, or some of them from any time."""
    if dice.random() < 0.4:
        return 1, None
    # Not before 2010: reports know no time before 1970, and zones were wild then.
    day = datetime.datetime(2010, 1, 1) + datetime.timedelta(days=dice.randrange(3000))
    time = dice.choice((0, 0, dice.randrange(86400)))
    return dice.randrange(1, 4), day + datetime.timedelta(seconds=time)


@pytest.mark.parametrize("unit", UNITS)
def test_periods_of_all_zones(tmp_path, unit):
    dice = random.Random(unit)
    site = conftest.Workspace(tmp_path)
    site.write("probes/p.yaml", PROBES)
    slos, windows = ["apiVersion: nines/v1", "kind: SLOs", "slos:"], {}
    for i, name in enumerate(zones()):
        count, anchor = choose(dice, unit)
        start = f", start: '{anchor:%Y-%m-%d %H:%M:%S}'" if anchor else ""
        slos.append(f"  - {{name: z{i}, service: s, sli: {{probe: p}}, objective: 99%, alerting: none,"
                    f" window: {{calendar: {count} {unit}, timezone: {name}{start}}}}}")
        default = datetime.datetime(1970, 1, 5 if unit == "week" else 1)
        windows[f"z{i}"] = (zoneinfo.ZoneInfo(name), count, anchor or default)
    site.write("slos/s.yaml", "\n".join(slos) + "\n")
    site.run("import", "-", stdin='{"probe":"p","time":"2018-06-01T00:00:00Z","outcome":"good","latency_ms":1}\n')
    for _ in range(INSTANTS):
        at = datetime.datetime(2019, 1, 1, tzinfo=UTC) + datetime.timedelta(seconds=dice.randrange(10 * 31557600))
        report = site.report("--at", text(at))
        assert len(report["slos"]) == len(windows)
        for slo in report["slos"]:
            zone, count, anchor = windows[slo["slo"]]
            start, end = period_of(zone, unit, count, anchor, at)
            got = slo["window"]["start"], slo["window"]["end"]
            assert got == (text(start), text(end)), f"{zone}, {count} {unit} from {anchor}, at {text(at)}"
