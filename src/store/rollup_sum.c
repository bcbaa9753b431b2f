#include "store/rollup_sum.h"

#include "io/sqlite.h"
#include "store/rows.h"

void rollup_sum_begin(struct rollup_sum *s, enum stream_kind kind, enum rollup_span span,
                      int64_t start_us)
{
    struct sketch sketch = s->sketch;
    sketch_clear(&sketch);
    *s = (struct rollup_sum){.kind = kind, .span = span, .start_us = start_us, .sketch = sketch};
    for (size_t i = 0; i < PACKED_HOURS; i++)
        s->hours[i] = (struct percentiles){-1, -1, -1};
}

void rollup_sum_release(struct rollup_sum *s)
{
    sketch_release(&s->sketch);
}

static size_t part_count(const struct rollup_sum *s)
{
    return s->span == ROLLUP_DAY ? PACKED_HOURS : PACKED_MINUTES;
}

/* Nanoseconds for each token, rounded up. -1: not known; -2: there are none. */
static int64_t token_ns(const struct answer *a)
{
    int64_t tokens, us;
    if (!answer_speed(a, &tokens, &us))
        return -1;
    return tokens ? (us * 1000 + tokens - 1) / tokens : -2;
}

/* How long a run took at least by a measure of its answer; what a failed one would have
 * come to is not known. */
static void add_answer(struct sketch *into, enum stream_kind kind, const struct result *r)
{
    const struct answer *a = &r->answer;
    int64_t v = -1;
    if (kind == STREAM_TTFT && a->first_token_us)
        v = a->first_token_us;
    else if (kind == STREAM_GAP && a->last_event_us)
        v = a->gap_us;
    else if (kind == STREAM_TOKEN)
        v = token_ns(a);
    if (r->outcome == OUTCOME_GOOD && v != -1)
        sketch_add(into, v > 0 ? v : 0, v < 0);
    else if (r->outcome == OUTCOME_BAD && kind == STREAM_TTFT && v < 0)
        sketch_add(into, r->total_us, true);
    else if (r->outcome == OUTCOME_BAD)
        sketch_add(into, v > 0 ? v : 0, true);
}

void rollup_sketch_result(struct sketch *into, enum stream_kind kind, const struct result *r)
{
    if (kind != STREAM_LATENCY) {
        if (r->flags & RESULT_ANSWER)
            add_answer(into, kind, r);
    } else if (r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD) {
        sketch_add(into, r->total_us, r->outcome == OUTCOME_BAD);
    }
}

void rollup_sum_result(struct rollup_sum *s, const struct stream *st, const struct result *r)
{
    if (stream_is_sketch(s->kind)) {
        rollup_sketch_result(&s->sketch, s->kind, r);
        return;
    }
    if (s->kind == STREAM_ANSWERS) {
        answer_sums_result(&s->answers, r);
        return;
    }
    struct counts *minute = &s->parts[(r->slot_us - s->start_us) / USEC_PER_MIN];
    switch (sli_classify(&st->sli, r)) {
    case OUTCOME_GOOD:
        minute->good++;
        s->sum.good++;
        break;
    case OUTCOME_BAD:
        minute->bad++;
        s->sum.bad++;
        s->reasons[bad_reason(&st->sli, r)]++;
        break;
    case OUTCOME_EXCLUDED:
        minute->excluded++;
        s->sum.excluded++;
        break;
    default: /* skipped: missing data, not an event */
        break;
    }
}

void rollup_sum_event(struct rollup_sum *s, int64_t slot_us, struct counts c)
{
    if (!packed_can_be(s->sum)) /* of a damaged file */
        return;
    counts_add(&s->parts[(slot_us - s->start_us) / USEC_PER_MIN], c);
    counts_add(&s->sum, c);
    s->reasons[REASON_METRIC] += c.bad;
}

int rollup_sum_events(struct sqlite *db, int64_t stream, struct rollup_sum *sum, int64_t hour_us,
                      struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(db,
                     "SELECT slot, good, bad, excluded, scrapes, silent FROM event"
                     " WHERE stream = ?1 AND slot >= ?2 AND slot < ?3",
                     BIND(v_int(stream), v_int(hour_us), v_int(hour_us + USEC_PER_HOUR)), reterr);
    int rc = q ? 0 : -1;
    rollup_sum_begin(sum, STREAM_METRIC, ROLLUP_HOUR, hour_us);
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct counts c = {sqlite_int(q, 1), sqlite_int(q, 2), sqlite_int(q, 3), sqlite_int(q, 4),
                           sqlite_int(q, 5)};
        rollup_sum_event(sum, sqlite_int(q, 0), c);
    }
    return rc;
}

struct percentiles rollup_percentiles(const struct sketch *s)
{
    bool lower;
    return (struct percentiles){
        .p50_us = sketch_quantile(s, 50, 100, &lower),
        .p95_us = sketch_quantile(s, 95, 100, &lower),
        .p99_us = sketch_quantile(s, 99, 100, &lower),
    };
}

int rollup_day_percentiles(const void **packed, size_t *n,
                           struct percentiles ret[static PACKED_HOURS], struct err *reterr)
{
    const unsigned char *p = *packed, *end = *n ? p + *n : p;
    if (packed_get_percentiles(&p, end, ret, reterr) < 0)
        return -1;
    *packed = p;
    *n = (size_t)(end - p);
    return 0;
}

static int add_reasons(struct rollup_sum *s, struct sqlite_rows *row, struct err *reterr)
{
    size_t n;
    const void *data = sqlite_blob(row, 4, &n);
    return n ? packed_get_reasons(data, n, s->reasons, reterr) : 0;
}

static int add_hour_sketch(struct rollup_sum *day, int64_t hour, struct sqlite_rows *row,
                           struct err *reterr)
{
    size_t n;
    const void *data = sqlite_blob(row, 5, &n);
    struct sketch of_hour = SKETCH_INIT;
    int rc = sketch_decode(data, n, &of_hour, reterr);
    if (rc == 0) {
        day->hours[hour] = rollup_percentiles(&of_hour);
        sketch_merge(&day->sketch, &of_hour);
    }
    sketch_release(&of_hour);
    return rc;
}

static int add_answers(struct rollup_sum *s, struct sqlite_rows *row, struct err *reterr)
{
    size_t n;
    const void *data = sqlite_blob(row, 5, &n);
    return packed_get_answers(data, n, &s->answers, reterr);
}

static int impossible(struct err *reterr)
{
    return err_set(reterr, "a rollup is damaged: it counts what cannot be");
}

int rollup_counts(struct sqlite_rows *row, struct counts *ret, struct err *reterr)
{
    *ret = (struct counts){sqlite_int(row, 1), sqlite_int(row, 2), sqlite_int(row, 3),
                           sqlite_int(row, 6), sqlite_int(row, 7)};
    return packed_can_be(*ret) ? 0 : impossible(reterr);
}

int rollup_sum_hour(struct rollup_sum *day, struct sqlite_rows *row, struct err *reterr)
{
    int64_t at = (sqlite_int(row, 0) - day->start_us) / USEC_PER_HOUR;
    struct counts *hour = &day->parts[at];
    if (rollup_counts(row, hour, reterr) < 0)
        return -1;
    counts_add(&day->sum, *hour);
    if (!packed_can_be(day->sum))
        return impossible(reterr);
    if (add_reasons(day, row, reterr) < 0)
        return -1;
    if (day->kind == STREAM_ANSWERS)
        return add_answers(day, row, reterr);
    return stream_is_sketch(day->kind) ? add_hour_sketch(day, at, row, reterr) : 0;
}

int rollup_sum_load(struct rollup_sum *s, struct sqlite_rows *row, struct err *reterr)
{
    size_t n;
    if (rollup_counts(row, &s->sum, reterr) < 0 || add_reasons(s, row, reterr) < 0)
        return -1;
    if (s->kind == STREAM_ANSWERS)
        return add_answers(s, row, reterr);
    const void *data = sqlite_blob(row, 5, &n);
    if (!stream_is_sketch(s->kind))
        return packed_get_counts(data, n, s->parts, part_count(s), reterr);
    if (s->span == ROLLUP_DAY && rollup_day_percentiles(&data, &n, s->hours, reterr) < 0)
        return -1;
    return sketch_decode(data, n, &s->sketch, reterr);
}

int rollup_sum_encode(const struct rollup_sum *s, struct rollup_text *ret, struct err *reterr)
{
    struct rollup_text t;
    str_init(&t.reasons, PACKED_MAX);
    str_init(&t.packed, SKETCH_ENCODED_MAX + PACKED_MAX);
    bool sketch = stream_is_sketch(s->kind);
    if (sketch && s->span == ROLLUP_DAY)
        packed_put_percentiles(&t.packed, s->hours);
    if (sketch)
        sketch_encode(&s->sketch, &t.packed);
    else if (s->kind == STREAM_ANSWERS)
        packed_put_answers(&t.packed, &s->answers);
    else
        packed_put_counts(&t.packed, s->parts, part_count(s));
    if (s->sum.bad)
        packed_put_reasons(&t.reasons, s->reasons);
    if (t.reasons.overflow || t.packed.overflow) {
        rollup_text_release(&t);
        return err_set(reterr, "a rollup is too large");
    }
    *ret = t;
    return 0;
}

void rollup_text_release(struct rollup_text *t)
{
    str_release(&t->reasons);
    str_release(&t->packed);
}
