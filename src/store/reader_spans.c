/* Sums over one span that need no steps: reasons and latencies. Whole hours
 * come from rollups where there are any, the ends and the rest from rows. */
#include "io/sqlite.h"
#include "model/sketch.h"
#include "store/packed.h"
#include "store/reader.h"
#include "store/rows.h"

struct span_sum {
    const struct sli_def *sli; /* reasons; NULL: latencies */
    int64_t *reasons;
    struct sketch *sketch;
};

static void add_row(struct span_sum *sum, const struct result *r)
{
    if (!sum->sli) {
        if (r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD)
            sketch_add(sum->sketch, r->total_us, r->outcome == OUTCOME_BAD);
    } else if (sli_classify(sum->sli, r) == OUTCOME_BAD) {
        sum->reasons[bad_reason(r)]++;
    }
}

static int add_rows(struct store_reader *rd, int64_t probe, int64_t from_us, int64_t to_us,
                    struct span_sum *sum, struct err *reterr)
{
    if (from_us >= to_us)
        return 0;
    struct sqlite_rows *q = sqlite_query(rd->db,
                                         "SELECT " EVENT_COLUMNS " FROM result"
                                         " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3",
                                         BIND(v_int(probe), v_int(from_us), v_int(to_us)), reterr);
    struct result r = {0};
    int rc;
    if (!q)
        return -1;
    while ((rc = sqlite_next(q, reterr)) > 0) {
        event_read(q, &r);
        add_row(sum, &r);
    }
    return rc;
}

static int add_hour(struct sqlite_rows *q, struct span_sum *sum, struct err *reterr)
{
    size_t n;
    const void *data = sqlite_blob(q, sum->sli ? 0 : 1, &n);
    if (!sum->sli)
        return sketch_decode(data, n, sum->sketch, reterr);
    return n ? packed_get_reasons(data, n, sum->reasons, reterr) : 0;
}

static int add_hours(struct store_reader *rd, int64_t stream, int64_t from_us, int64_t to_us,
                     struct span_sum *sum, struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(rd->db,
                                         "SELECT reasons, packed FROM rollup"
                                         " WHERE stream = ?1 AND hour >= ?2 AND hour < ?3",
                                         BIND(v_int(stream), v_int(from_us), v_int(to_us)), reterr);
    int rc;
    if (!q)
        return -1;
    while ((rc = sqlite_next(q, reterr)) > 0) {
        if (add_hour(q, sum, reterr) < 0) {
            sqlite_end(q);
            return -1;
        }
    }
    return rc;
}

/* Less than an hour at either end, or what is not rolled up. */
static int add_end(struct store_reader *rd, const struct rolled *at, int64_t from_us, int64_t to_us,
                   struct span_sum *sum, struct err *reterr)
{
    int64_t gone_us = to_us < at->raw_us ? to_us : at->raw_us, hour;
    if (from_us >= gone_us)
        return add_rows(rd, at->probe, from_us, to_us, sum, reterr);
    int rc = sqlite_lookup(
        rd->db, "SELECT hour FROM rollup WHERE stream = ?1 AND hour >= ?2 AND hour < ?3",
        BIND(v_int(at->stream), v_int(hour_floor(from_us)), v_int(gone_us)), &hour, reterr);
    if (rc != 0)
        return rc < 0 ? -1 : reader_too_fine(at, "hour", reterr);
    return add_rows(rd, at->probe, gone_us, to_us, sum, reterr);
}

static int add_span(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                    struct span_sum *sum, struct err *reterr)
{
    struct rolled at;
    int rc = reader_rolled(r, probe, sum->sli, &at, reterr);
    if (rc <= 0)
        return rc;
    int64_t first = hour_floor(from_us + USEC_PER_HOUR - 1), last = hour_floor(to_us);
    if (last > at.through_us)
        last = at.through_us;
    if (first >= last)
        return add_end(r, &at, from_us, to_us, sum, reterr);
    if (add_end(r, &at, from_us, first, sum, reterr) < 0 ||
        add_hours(r, at.stream, first, last, sum, reterr) < 0)
        return -1;
    return add_end(r, &at, last, to_us, sum, reterr);
}

int store_reader_reasons(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                         int64_t to_us, int64_t ret[REASON_COUNT], struct err *reterr)
{
    struct span_sum sum = {.sli = sli, .reasons = ret};
    memset(ret, 0, REASON_COUNT * sizeof(*ret));
    if (reader_begin(r, reterr) < 0)
        return -1;
    return reader_end(r, add_span(r, sli->probe, from_us, to_us, &sum, reterr));
}

int store_reader_latency(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                         struct sketch *into, struct err *reterr)
{
    struct span_sum sum = {.sketch = into};
    if (reader_begin(r, reterr) < 0)
        return -1;
    return reader_end(r, add_span(r, probe, from_us, to_us, &sum, reterr));
}
