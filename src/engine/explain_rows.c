/* One span of bad events: its exact ends, its reasons, what happened around it, and
 * its rows. */
#include "engine/explain_internal.h"

#include "base/mem.h"
#include "base/units.h"
#include "engine/sieved.h"
#include "slo/expected.h"
#include "slo/seen.h"

#define SEEN_MAX 4096

/* ---- bad rows, of results and of events alike ------------------------------------- */

typedef bool row_fn(void *ctx, const struct explain_row *row);

struct visit {
    const struct slo_def *def;
    struct sieve *sieve;
    row_fn *fn;
    void *ctx;
};

static bool visit_result(void *ctx, const struct result *r)
{
    const struct visit *v = ctx;
    struct counts c = {.bad = sli_classify(&v->def->sli, r) == OUTCOME_BAD};
    if (sieve_event(v->sieve, r->slot_us, c).bad == 0)
        return true;
    enum reason reason = r->reason < REASON_COUNT ? (enum reason)r->reason : REASON_INTERNAL;
    bool good = r->outcome == OUTCOME_GOOD; /* then not what the SLI promises of a good one */
    if (good)
        reason = v->def->sli.measure == MEASURE_COST ? REASON_COST : REASON_LATENCY;
    return v->fn(v->ctx, &(struct explain_row){.at_us = r->slot_us,
                                               .bad = 1,
                                               .reason = reason,
                                               .code = r->code,
                                               .total_us = r->total_us,
                                               .answer = good ? &r->answer : NULL});
}

static bool visit_event(void *ctx, int64_t slot_us, int64_t done_us, struct counts c)
{
    const struct visit *v = ctx;
    (void)done_us;
    c = slo_apply_no_data(v->def, sieve_event(v->sieve, slot_us, c));
    if (c.bad == 0)
        return true;
    return v->fn(v->ctx, &(struct explain_row){.at_us = slot_us,
                                               .good = c.good,
                                               .bad = c.bad,
                                               .reason = REASON_METRIC,
                                               .total_us = -1});
}

static int visit_bad(const struct explain_job *j, int64_t from_us, int64_t to_us, row_fn *fn,
                     void *ctx, struct err *reterr)
{
    struct visit v = {j->def, j->sieve, fn, ctx};
    if (j->def->sli.metric)
        return store_reader_events(j->reader, &j->def->sli, from_us, to_us, visit_event, &v,
                                   reterr);
    return store_reader_results(j->reader, j->def->sli.probe, from_us, to_us, visit_result, &v,
                                reterr);
}

/* ---- ends ------------------------------------------------------------------------- */

static bool take_first(void *ctx, const struct explain_row *row)
{
    *(int64_t *)ctx = row->at_us;
    return false;
}

static bool take_last(void *ctx, const struct explain_row *row)
{
    *(int64_t *)ctx = row->at_us;
    return true;
}

static int64_t interval_at(const struct explain_job *j, int64_t at_us)
{
    int64_t interval = j->revisions[0].interval_us;
    for (size_t i = 1; i < j->revision_count && j->revisions[i].since_us <= at_us; i++)
        interval = j->revisions[i].interval_us;
    return interval;
}

/* The first and the last minute of a span hold a bad row each. */
static int find_ends(const struct explain_job *j, struct explain_span *s, struct err *reterr)
{
    int64_t first = s->from_us, last = s->to_us,
            tail = (s->to_us - 1) / USEC_PER_MIN * USEC_PER_MIN;
    tail = tail > s->from_us ? tail : s->from_us;
    if (visit_bad(j, s->from_us, s->to_us, take_first, &first, reterr) < 0 ||
        visit_bad(j, tail, s->to_us, take_last, &last, reterr) < 0)
        return -1;
    if (last == s->to_us) /* the past changed meanwhile; the sums will tell */
        return 0;
    last += interval_at(j, last);
    s->from_us = first;
    s->to_us = last < j->out->slo->upto_us ? last : j->out->slo->upto_us;
    return 0;
}

/* ---- reasons, changes, alerts -------------------------------------------------------- */

/* Falling count; equal ones in the order of the enum. */
static void add_reason(struct explain_span *s, struct report_reason r)
{
    size_t i = s->reason_count++;
    for (; i > 0 && s->reasons[i - 1].count < r.count; i--)
        s->reasons[i] = s->reasons[i - 1];
    s->reasons[i] = r;
}

/* A span may reach over what is excluded. */
static int read_reasons(const struct explain_job *j, const struct explain_span *s,
                        int64_t counts[static REASON_COUNT], struct err *reterr)
{
    struct sieve *v = j->sieve;
    int rc = 0;
    if (!v->set)
        return store_reader_reasons(j->reader, &j->def->sli, s->from_us, s->to_us, counts, reterr);
    for (int64_t t = s->from_us; rc == 0 && t < s->to_us; t = v->to_us) {
        int64_t more[REASON_COUNT] = {0};
        sieve_enter(v, t);
        if (v->within)
            continue;
        rc = store_reader_reasons(j->reader, &j->def->sli, t,
                                  v->to_us < s->to_us ? v->to_us : s->to_us, more, reterr);
        for (int i = 0; i < REASON_COUNT; i++)
            counts[i] += more[i];
    }
    return rc;
}

static int find_reasons(const struct explain_job *j, struct explain_span *s, struct err *reterr)
{
    int64_t counts[REASON_COUNT] = {0};
    if (j->def->sli.metric)
        counts[REASON_METRIC] = s->lost;
    else if (read_reasons(j, s, counts, reterr) < 0)
        return -1;
    for (int i = 0; i < REASON_COUNT; i++) {
        if (counts[i] > 0)
            add_reason(s, (struct report_reason){(enum reason)i, counts[i]});
    }
    return 0;
}

static void find_annotations(const struct report_slo *slo, struct explain_span *s)
{
    for (size_t i = 0; i < slo->annotation_count; i++) {
        int64_t at = slo->annotations[i].at_us;
        if (at < s->from_us - EXPLAIN_BEFORE_US || at >= s->to_us)
            continue;
        if (s->annotation_count++ == 0)
            s->annotation_first = i;
    }
}

static void find_alerts(const struct report_slo *slo, int64_t gap_us, struct explain_span *s)
{
    for (size_t i = 0; i < slo->incident_count; i++) {
        const struct report_incident *n = &slo->incidents[i];
        if (n->from_us >= s->to_us + gap_us || (n->to_us && n->to_us <= s->from_us))
            continue;
        if (s->alert_count++ == 0)
            s->alert_first = i;
    }
}

int explain_detail(const struct explain_job *j, struct explain_span *s, struct err *reterr)
{
    struct counts c;
    bool raw = s->from_us >= j->raw_since_us;
    if (explain_slices(j, s, reterr) < 0)
        return -1;
    if (raw && (find_ends(j, s, reterr) < 0 || find_reasons(j, s, reterr) < 0))
        return -1;
    if (sieved_counts(j->reader, &j->def->sli, j->sieve, s->from_us, s->to_us, &c, reterr) < 0)
        return -1;
    s->total = counts_total(slo_apply_no_data(j->def, c));
    find_annotations(j->out->slo, s);
    find_alerts(j->out->slo, j->out->gap_us, s);
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------ */

static const char *seen(const struct explain_job *j, const struct answer *answer)
{
    struct str text;
    str_init(&text, SEEN_MAX);
    sli_seen(&j->def->sli, answer, j->out->report->config->daemon.prices.currency, &text);
    const char *kept = arena_strdup(&j->out->arena, text.buf);
    str_release(&text);
    return kept;
}

static bool take_row(void *ctx, const struct explain_row *row)
{
    const struct explain_job *j = ctx;
    struct explain *e = j->out;
    struct explain_row *at = &e->rows[e->row_count++];
    *at = *row;
    at->answer = NULL;
    if (row->answer && j->def->sli.measure)
        at->message = seen(j, row->answer);
    e->rows_bad += row->bad;
    return e->row_count < j->query->limit;
}

static int read_message(const struct explain_job *j, struct explain_row *row, struct err *reterr)
{
    struct failure f;
    size_t n = 0;
    if (store_reader_failures(j->reader, j->def->sli.probe, row->at_us, row->at_us + 1, &f, 1, &n,
                              reterr) < 0)
        return -1;
    if (n > 0 && f.message[0])
        row->message = arena_strdup(&j->out->arena, f.message);
    return 0;
}

int explain_rows(const struct explain_job *j, struct err *reterr)
{
    struct explain_job at = *j;
    struct explain *e = j->out;
    e->rows = arena_alloc(&e->arena, (j->query->limit + 1) * sizeof(*e->rows));
    if (j->query->limit == 0 || e->chosen.to_us <= j->raw_since_us)
        return 0;
    if (visit_bad(j, e->chosen.from_us, e->chosen.to_us, take_row, &at, reterr) < 0)
        return -1;
    for (size_t i = 0; i < e->row_count; i++) {
        if (!e->rows[i].message && read_message(j, &e->rows[i], reterr) < 0)
            return -1;
    }
    return 0;
}
