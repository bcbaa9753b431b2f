"""What must be in the database of a prober that was killed, from what its target gave.

Shares no code with nines. `Book` keeps every result that was ever seen stored;
a later look must find all of them as they were, and nothing that the target's
ledger (tests/servers/ledger.py) does not have.
"""
import collections
import datetime
import json
import sqlite3

CODES = 50
SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
GOOD, BAD, EXCLUDED, SKIPPED = range(4)
FIRE, ESCALATE, DEESCALATE, COOL, REFIRE, RESOLVE = range(6)
# What may follow in one alert's life; None is its begin.
NEXT = {None: {FIRE}, FIRE: {ESCALATE, DEESCALATE, COOL}, ESCALATE: {ESCALATE, DEESCALATE, COOL},
        DEESCALATE: {ESCALATE, DEESCALATE, COOL}, COOL: {REFIRE, ESCALATE, RESOLVE},
        REFIRE: {ESCALATE, DEESCALATE, COOL}, RESOLVE: {FIRE}}

Row = collections.namedtuple("Row", "done outcome reason code total")


def text(us):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)).isoformat() + "Z"


def open_database(path):
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def check_integrity(db):
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def is_made(db):
    """Not killed while the tables were made."""
    return db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'answer'").fetchone() == (1,)


def complete_through(db):
    return db.execute("SELECT ifnull(max(complete_through), 0) FROM heartbeat").fetchone()[0]


def first_at(phase, interval, t):
    """The first slot at or after t."""
    return phase + -((phase - t) // interval) * interval


def slots(phase, interval, start, end):
    return range(first_at(phase, interval, start), end, interval)


class Book:
    def __init__(self):
        self.rows = collections.defaultdict(dict)  # probe -> slot -> Row
        self.checked = 0

    def read_life(self, db, since):
        """The results since then; those seen earlier must be there still."""
        found = collections.defaultdict(dict)
        for probe, slot, *rest in db.execute(
                "SELECT p.id, slot, done, outcome, reason, code, total FROM result r"
                " JOIN probe p ON p.num = r.probe WHERE slot >= ? ORDER BY p.num, slot", (since,)):
            found[probe][slot] = Row(*rest)
        for probe, rows in self.rows.items():
            for slot in [s for s in rows if s >= since]:
                assert found[probe].get(slot) == rows[slot], (probe, slot)
        for probe, rows in found.items():
            self.checked += len(rows.keys() - self.rows[probe].keys())
            self.rows[probe].update(rows)
        return found

    def counts(self, probe, start, end):
        kinds = [r.outcome for s, r in self.rows[probe].items() if start <= s < end]
        return kinds.count(GOOD), kinds.count(BAD)

    def visible(self, probe, start, t):
        """(observed, bad) of an evaluation at t."""
        kinds = [r.outcome for s, r in self.rows[probe].items()
                 if start <= s < t and r.done <= t and r.outcome in (GOOD, BAD)]
        return len(kinds), kinds.count(BAD)


def unwrap(codes):
    """The numbers of the requests whose answers had these codes: near their places."""
    numbers = []
    for i, code in enumerate(codes):
        off = (code - i) % CODES
        numbers.append(i + (off - CODES if off > CODES // 2 else off))
    return numbers


def match_life(ledger, stored, strict):
    """ledger: {probe: [(n, code, answered)]} of one life; stored: {probe: {slot: Row}}.

    Every stored result was answered, none twice. Gives the ledger entries that
    are not stored. With `strict` the stored ones are the first of each probe.
    """
    lost = []
    for probe in ledger.keys() | stored.keys():
        entries = {n: (code, answered) for n, code, answered in ledger.get(probe, [])}
        rows = [r for _, r in sorted(stored.get(probe, {}).items()) if r.code]
        numbers = unwrap([r.code for r in rows])
        assert len(set(numbers)) == len(numbers), (probe, numbers)
        for row, n in zip(rows, numbers):
            assert n in entries, (probe, n, row)
            assert entries[n][0] == row.code, (probe, n, row, entries[n])
            assert row.outcome in ((GOOD, SKIPPED) if row.code < 250 else (BAD, SKIPPED)), (probe, row)
        if strict:
            assert numbers == list(range(len(numbers))), (probe, numbers)
        lost += [(answered, probe, n) for n, (_, answered) in entries.items()
                 if n not in set(numbers)]
    return sorted(lost)


def check_prefix(ledger, lost, tolerance):
    """What is missing was answered after what is stored, but for runs under way together."""
    missing = {(probe, n) for _, probe, n in lost}
    last = max((a for p, es in ledger.items() for n, _, a in es if (p, n) not in missing),
               default=None)
    early = [x for x in lost if last is not None and x[0] < last - tolerance]
    assert not early, (early, last)


CURRENT = 253_402_300_800_000_000  # derived_through of a stream that has all its events
SCRAPED = 4


def check_samples(db, probe, since):
    """Scrapes came with their results, events with both: growth adds up. How many scrapes."""
    num, = db.execute("SELECT num FROM probe WHERE id = ?", (probe,)).fetchone() or (0,)
    scrapes = {slot for slot, in db.execute(
        "SELECT slot FROM sample WHERE probe = ? AND series = 0", (num,))}
    told = {slot: flags & SCRAPED and outcome in (GOOD, BAD) for slot, outcome, flags in db.execute(
        "SELECT slot, outcome, flags FROM result WHERE probe = ? AND slot >= ?", (num, since))}
    assert {slot for slot in scrapes if slot >= since} == {slot for slot, on in told.items() if on}
    lost = db.execute("SELECT count(*) FROM sample s WHERE series = 0 AND value <> (SELECT count(*)"
                      " FROM sample o WHERE o.probe = s.probe AND o.slot = s.slot AND series <> 0)")
    assert lost.fetchone() == (0,)
    totals = db.execute(
        "SELECT slot, sum(value), sum(iif(text LIKE '%down%', value, 0)) FROM sample"
        " JOIN series ON num = series WHERE sample.probe = ? GROUP BY slot ORDER BY slot",
        (num,)).fetchall()
    assert all(a[1] <= b[1] and a[2] <= b[2] for a, b in zip(totals, totals[1:])), totals
    # Another url is another target: its counters are no growth of the one's before.
    moved = [at for at, in db.execute("SELECT since FROM wanted WHERE probe = ? AND selector GLOB '@*'"
                                      " ORDER BY since", (num,))][1:]
    steps = [(b[1] - a[1], b[2] - a[2]) for a, b in zip(totals, totals[1:])
             if not any(a[0] < at <= b[0] for at in moved)]
    grew = sum(total for total, _ in steps), sum(down for _, down in steps)
    for stream, in db.execute("SELECT num FROM roll_stream WHERE probe = ? AND kind = 2"
                              " AND derived_through = ?", (num, CURRENT)):
        good, bad, known = db.execute("SELECT ifnull(sum(good), 0), ifnull(sum(bad), 0),"
                                      " ifnull(sum(scrapes), 0) FROM event WHERE stream = ?",
                                      (stream,)).fetchone()
        assert (good + bad, bad, known) == (*grew, len(totals)), (stream, good, bad, known, grew)
        silent = {slot for slot, in db.execute(
            "SELECT slot FROM event WHERE stream = ? AND silent > 0 AND slot >= ?", (stream, since))}
        failed = {slot for slot, on in told.items() if not on} - skipped(db, num)
        failed |= {slot for slot, in db.execute(  # a page without the series
            "SELECT slot FROM sample WHERE probe = ? AND series = 0 AND value = 0"
            " AND slot >= ?", (num, since))}
        assert silent == failed, (since, silent - failed, failed - silent)
    return len(scrapes)


def skipped(db, num):
    return {slot for slot, in db.execute(
        "SELECT slot FROM result WHERE probe = ? AND outcome NOT IN (0, 1)", (num,))}


class Alerts:
    """The stored transitions of burn rates; what was seen once stays as it was."""

    COLUMNS = ("id, at, slo, objective, kind, notify, severity, began, phase, long_window,"
               " long_good, long_bad, long_expected, short_window, short_good, short_bad,"
               " short_expected")
    Event = collections.namedtuple("Event", COLUMNS.replace(" ", "").split(","))

    def __init__(self):
        self.events = []
        self.messages = {}  # of the outbox, by their keys

    def read(self, db):
        events = [self.Event(*row) for row in
                  db.execute(f"SELECT {self.COLUMNS} FROM alert_event"
                             " WHERE condition = '' ORDER BY id")]
        assert events[:len(self.events)] == self.events
        new = events[len(self.events):]
        self.events = events
        self.check_legal()
        for slo, phase in db.execute("SELECT slo, phase FROM alert WHERE condition = ''"):
            assert [e.phase for e in events if e.slo == slo][-1] == phase, slo
        # A message stays as it was first stored.
        for key, payload in db.execute("SELECT dedup_key, payload FROM outbox"):
            message = json.loads(payload)
            assert self.messages.setdefault(key, message) == message
        return new

    def check_told(self, posts):
        """People heard of each incident that it began and that it ended, in this order: as it
        is stored, whatever was sent twice."""
        told, wanted = collections.defaultdict(list), collections.defaultdict(list)
        sent = sorted(dict(posts).values(), key=lambda message: message["at"])
        for alert in (a for message in sent for a in message["alerts"]):
            if alert["labels"]["alertname"] != "ErrorBudgetBurn":
                continue
            said = (alert["status"], alert["startsAt"])
            if said not in told[alert["labels"]["slo"]][-1:]:  # else it is repeated after hours
                told[alert["labels"]["slo"]].append(said)
        for e in self.events:
            if e.notify:
                status = "resolved" if e.kind == RESOLVE else "firing"
                wanted[e.slo].append((status, text(e.began)))
        assert told == wanted

    def check_legal(self):
        last = {}
        for e in self.events:
            assert e.kind in NEXT[last.get(e.slo)], (e.slo, last.get(e.slo), e)
            last[e.slo] = e.kind

    def incidents(self, slo, since):
        """Kinds of the transitions that were told."""
        return [e.kind for e in self.events if e.slo == slo and e.at >= since and e.notify]


def check_event(book, event, probe, phase, interval):
    """A transition's counts are those of the stored results."""
    for length, good, bad, expected in (
            (event.long_window, event.long_good, event.long_bad, event.long_expected),
            (event.short_window, event.short_good, event.short_bad, event.short_expected)):
        step = 10 * SECOND if length <= HOUR else MINUTE
        start = (event.at - length) // step * step
        assert book.visible(probe, start, event.at) == (good + bad, bad), event
        assert expected == len(slots(phase, interval, start, event.at)), event
