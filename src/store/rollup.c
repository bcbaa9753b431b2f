#include "store/rollup.h"

#include "base/clock.h"
#include "base/mem.h"
#include "io/sqlite.h"
#include "model/sketch.h"
#include "store/internal.h"
#include "store/packed.h"
#include "store/rows.h"

/*
 * Up to where the results of a probe are complete. While results keep coming
 * in that is what the heartbeats say; without a prober it is also the end of
 * what was imported, in whole hours.
 */
static int64_t roll_limit(struct store *s, int64_t probe)
{
    int64_t through = s->complete_through_us;
    int64_t imported = catalog_at(&s->catalog, probe)->imported_through;
    if (!s->daemon && imported > through)
        through = imported;
    return hour_floor(through);
}

struct hour {
    struct counts minutes[PACKED_MINUTES], sum;
    int64_t reasons[REASON_COUNT];
    struct sketch sketch;
};

static void hour_add(struct hour *h, const struct stream *st, int64_t hour_us,
                     const struct result *r)
{
    if (st->kind == STREAM_LATENCY) {
        if (r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD)
            sketch_add(&h->sketch, r->total_us, r->outcome == OUTCOME_BAD);
        return;
    }
    struct counts *m = &h->minutes[(r->slot_us - hour_us) / USEC_PER_MIN];
    switch (sli_classify(&st->sli, r)) {
    case OUTCOME_GOOD:
        m->good++;
        h->sum.good++;
        break;
    case OUTCOME_BAD:
        m->bad++;
        h->sum.bad++;
        h->reasons[bad_reason(r)]++;
        break;
    case OUTCOME_EXCLUDED:
        m->excluded++;
        h->sum.excluded++;
        break;
    default: /* skipped: missing data, not an event */
        break;
    }
}

static int hour_read(struct store *s, const struct stream *st, int64_t hour_us, struct hour *h,
                     struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(
        s->db,
        "SELECT " EVENT_COLUMNS " FROM result"
        " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3",
        BIND(v_int(st->probe), v_int(hour_us), v_int(hour_us + USEC_PER_HOUR)), reterr);
    struct result r = {0};
    int rc;
    if (!q)
        return -1;
    while ((rc = sqlite_next(q, reterr)) > 0) {
        event_read(q, &r);
        hour_add(h, st, hour_us, &r);
    }
    return rc;
}

static int hour_write(struct store *s, const struct stream *st, int64_t hour_us,
                      const struct hour *h, struct err *reterr)
{
    struct str reasons, packed;
    str_init(&reasons, PACKED_MAX);
    str_init(&packed, 4 * SKETCH_BUCKETS + PACKED_MAX);
    if (st->kind == STREAM_LATENCY)
        sketch_encode(&h->sketch, &packed);
    else
        packed_put_minutes(&packed, h->minutes);
    if (h->sum.bad)
        packed_put_reasons(&reasons, h->reasons);
    int rc = -1;
    if (reasons.overflow || packed.overflow)
        err_set(reterr, "an hour of results is too large to be rolled up");
    else
        rc = sqlite_run(s->db,
                        "INSERT INTO rollup(stream, hour, good, bad, excluded, reasons, packed)"
                        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                        BIND(v_int(st->num), v_int(hour_us), v_int(h->sum.good), v_int(h->sum.bad),
                             v_int(h->sum.excluded),
                             v_blob(h->sum.bad ? reasons.buf : NULL, reasons.len),
                             v_blob(packed.buf, packed.len)),
                        reterr);
    str_release(&packed);
    str_release(&reasons);
    return rc;
}

static int roll_hour(struct store *s, const struct stream *st, int64_t hour_us, struct err *reterr)
{
    struct hour h = {.sketch = SKETCH_INIT};
    int rc = hour_read(s, st, hour_us, &h, reterr);
    if (rc == 0)
        rc = hour_write(s, st, hour_us, &h, reterr);
    sketch_release(&h.sketch);
    return rc;
}

/* Rolls one stream until `until_ns`; hours without results are jumped over. */
static int roll_stream(struct store *s, struct stream *st, int64_t until_ns, struct err *reterr)
{
    int64_t limit = roll_limit(s, st->probe), through = st->rolled_through;
    do {
        int64_t slot;
        int rc = sqlite_lookup(s->db,
                               "SELECT min(slot) FROM result"
                               " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3",
                               BIND(v_int(st->probe), v_int(through), v_int(limit)), &slot, reterr);
        if (rc < 0)
            return -1;
        if (rc == 0) {
            through = limit;
            break;
        }
        if (roll_hour(s, st, hour_floor(slot), reterr) < 0)
            return -1;
        through = hour_floor(slot) + USEC_PER_HOUR;
    } while (through < limit && clock_mono_ns() < until_ns);
    return catalog_set_rolled(&s->catalog, s->db, st, through, reterr);
}

static struct stream *next_stream(struct store *s)
{
    size_t n = s->catalog.streams.len;
    for (size_t i = 0; i < n; i++) {
        size_t at = (s->roll_next + i) % n;
        struct stream *st = &s->catalog.streams.at[at];
        if (st->rolled_through < roll_limit(s, st->probe)) {
            s->roll_next = at;
            return st;
        }
    }
    return NULL;
}

int rollup_slice(struct store *s, struct err *reterr)
{
    struct stream *st = next_stream(s);
    if (!st)
        return 0;
    int64_t until_ns = clock_mono_ns() + ROLL_SLICE_US * NSEC_PER_USEC;
    if (sqlite_run(s->db, "BEGIN IMMEDIATE", NULL, reterr) < 0)
        return -1;
    while (st && clock_mono_ns() < until_ns) {
        if (roll_stream(s, st, until_ns, reterr) < 0)
            goto failed;
        st = next_stream(s);
    }
    if (sqlite_run(s->db, "COMMIT", NULL, reterr) < 0)
        goto failed;
    return st != NULL;
failed:
    sqlite_rollback(s->db);
    s->catalog_stale = true;
    return -1;
}
