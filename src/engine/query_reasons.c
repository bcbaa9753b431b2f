/* Why events of the window were bad, and the newest failures: of what is not excluded. */
#include "engine/query_internal.h"

#include "base/mem.h"
#include "base/vec.h"
#include "nines/store_reader.h"

/* ---- the window without what is excluded -------------------------------------- */

/* [from, to); an end that is a span's, not the window's, is told. */
struct rest {
    int64_t from_us, to_us;
    bool cut_before, cut_behind;
};

struct rests {
    VEC(struct rest) list;
};

/* Sums were read before, so there are not too many. */
static void find_rests(const struct slo_query *q, struct rests *r)
{
    const struct report_slo *s = q->out;
    struct sieve *v = q->sieve;
    if (!v->set) {
        vec_push(&r->list, ((struct rest){s->start_us, s->upto_us, false, false}));
        return;
    }
    for (int64_t t = s->start_us; t < s->upto_us; t = v->to_us) {
        sieve_enter(v, t);
        bool last = v->to_us >= s->upto_us;
        struct rest one = {t, last ? s->upto_us : v->to_us, t > s->start_us, !last};
        if (!v->within)
            vec_push(&r->list, one);
    }
}

/* ---- failures ------------------------------------------------------------------- */

static int read_failures(const struct slo_query *q, const struct rests *rests, struct failure *f,
                         size_t *ret_n, struct err *reterr)
{
    for (size_t i = rests->list.len; i-- > 0 && *ret_n < QUERY_FAILURES_MAX;) {
        const struct rest *one = &rests->list.at[i];
        size_t n = 0;
        if (store_reader_failures(q->reader, q->def->sli.probe, one->from_us, one->to_us,
                                  f + *ret_n, QUERY_FAILURES_MAX - *ret_n, &n, reterr) < 0)
            return -1;
        *ret_n += n;
    }
    return 0;
}

int query_step_failures(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    struct rests rests = {0};
    struct failure *f = mem_array(QUERY_FAILURES_MAX, sizeof(*f));
    size_t n = 0;
    find_rests(q, &rests);
    int rc = read_failures(q, &rests, f, &n, reterr);
    vec_release(&rests.list);
    if (rc == 0) {
        s->failures = arena_alloc(q->arena, (n + 1) * sizeof(*s->failures));
        s->failure_count = n;
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        s->failures[i] = (struct report_failure){.at_us = f[i].result.slot_us,
                                                 .reason = (enum reason)f[i].result.reason,
                                                 .code = f[i].result.code,
                                                 .message = arena_strdup(q->arena, f[i].message)};
    }
    free(f);
    return rc;
}

/* ---- reasons ---------------------------------------------------------------------- */

/* Silent slots that the objective takes for bad ones. */
static int count_silent_bad(const struct slo_query *q, int64_t *ret, struct err *reterr)
{
    struct counts c;
    *ret = 0;
    if (q->def->no_data != NO_DATA_BAD)
        return 0;
    if (slo_query_stored(q, q->out->start_us, q->out->upto_us, &c, reterr) < 0)
        return -1;
    *ret = c.silent;
    return 0;
}

/* Falling count; equal ones in the order of the enum. */
static void insert_reason(struct report_slo *s, struct report_reason r)
{
    size_t i = s->reason_count++;
    for (; i > 0 && s->reasons[i - 1].count < r.count; i--)
        s->reasons[i] = s->reasons[i - 1];
    s->reasons[i] = r;
}

/* Where results are gone, the whole hours of it. */
static void keep_known(const struct slo_query *q, struct rest *one)
{
    int64_t into = one->from_us % USEC_PER_HOUR;
    if (one->cut_before && one->from_us < q->raw_since_us && into)
        one->from_us += USEC_PER_HOUR - into;
    if (one->cut_behind && one->to_us < q->raw_since_us)
        one->to_us -= one->to_us % USEC_PER_HOUR;
}

static int read_reasons(const struct slo_query *q, int64_t counts[static REASON_COUNT],
                        struct err *reterr)
{
    struct rests rests = {0};
    int rc = 0;
    find_rests(q, &rests);
    for (size_t i = 0; rc == 0 && i < rests.list.len; i++) {
        struct rest one = rests.list.at[i];
        int64_t more[REASON_COUNT] = {0};
        keep_known(q, &one);
        if (one.from_us >= one.to_us)
            continue;
        rc = store_reader_reasons(q->reader, &q->def->sli, one.from_us, one.to_us, more, reterr);
        for (int k = 0; k < REASON_COUNT; k++)
            counts[k] += more[k];
    }
    vec_release(&rests.list);
    return rc;
}

int query_step_reasons(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    int64_t counts[REASON_COUNT] = {0}, silent, known = 0;
    if (read_reasons(q, counts, reterr) < 0 || count_silent_bad(q, &silent, reterr) < 0)
        return -1;
    counts[REASON_METRIC] += silent;
    for (int i = 0; i < REASON_COUNT; i++) {
        known += counts[i];
        if (counts[i] > 0)
            insert_reason(s, (struct report_reason){(enum reason)i, counts[i]});
    }
    if (q->sieve->set && s->start_us < q->raw_since_us && s->counts.bad > known)
        insert_reason(s, (struct report_reason){REPORT_REASON_UNKNOWN, s->counts.bad - known});
    return 0;
}
