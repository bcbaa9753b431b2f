#include "engine/explain_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "engine/excluding.h"
#include "engine/first_event.h"
#include "engine/sieved.h"
#include "nines/probe.h"
#include "slo/budget.h"
#include "slo/expected.h"

#include <assert.h>

#define GAP_US (5 * USEC_PER_MIN)
#define PAGE_US USEC_PER_DAY
#define PAGE_CELLS (PAGE_US / USEC_PER_MIN)
#define HOUR_CELLS (USEC_PER_HOUR / USEC_PER_MIN)
#define ATTEMPTS 3
#define NAMES_MAX 512

const char *explain_cause_name(enum explain_cause c)
{
    static const char *const names[] = {[EXPLAIN_BAD] = "bad",
                                        [EXPLAIN_PROBER_DOWN] = "prober_down",
                                        [EXPLAIN_TARGET_SILENT] = "target_silent"};
    return names[c];
}

/* ---- spans ------------------------------------------------------------------- */

struct lists {
    struct span_list bad, down, silent;
};

/* Minutes of a page, cut off at its ends. */
struct page {
    int64_t edges[PAGE_CELLS + 1];
    struct counts counts[PAGE_CELLS];
    size_t n;
};

static void lay_out(struct page *p, int64_t from_us, int64_t to_us)
{
    p->n = 0;
    p->edges[0] = from_us;
    while (p->edges[p->n] < to_us) {
        int64_t next = (p->edges[p->n] / USEC_PER_MIN + 1) * USEC_PER_MIN;
        assert(p->n < PAGE_CELLS);
        p->edges[++p->n] = next < to_us ? next : to_us;
    }
}

/* Slots of cells [a, b) for which the prober has nothing to show. */
static int64_t count_down(const struct explain_job *j, const struct page *p, size_t a, size_t b)
{
    int64_t from = p->edges[a];
    if (from < j->first_event_us)
        from = j->first_event_us < p->edges[b] ? j->first_event_us : p->edges[b];
    int64_t slots = sieve_slots(j->sieve, j->revisions, j->revision_count, from, p->edges[b]);
    for (size_t i = a; i < b; i++)
        slots -=
            sli_observed(&j->def->sli, p->counts[i]) + p->counts[i].excluded + p->counts[i].silent;
    return slots;
}

/* Where the results of an hour are as many as its slots nothing is missing, even if
 * imported ones do not lie on slots. */
static void add_down(const struct explain_job *j, const struct page *p, struct span_list *into)
{
    for (size_t a = 0, b; a < p->n; a = b) {
        int64_t hour = p->edges[a] / USEC_PER_HOUR;
        for (b = a; b < p->n && p->edges[b] / USEC_PER_HOUR == hour; b++)
            ;
        int64_t left = count_down(j, p, a, b);
        for (size_t i = a; i < b && left > 0; i++) {
            int64_t lost = count_down(j, p, i, i + 1);
            if (lost > left)
                lost = left;
            if (lost > 0)
                span_list_add(into, EXPLAIN_PROBER_DOWN, p->edges[i], p->edges[i + 1], lost);
            left -= lost > 0 ? lost : 0;
        }
    }
}

static void add_page(const struct explain_job *j, const struct page *p, struct lists *l)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct counts *c = &p->counts[i];
        if (c->bad > 0)
            span_list_add(&l->bad, EXPLAIN_BAD, p->edges[i], p->edges[i + 1], c->bad);
        if (c->silent > 0)
            span_list_add(&l->silent, EXPLAIN_TARGET_SILENT, p->edges[i], p->edges[i + 1],
                          c->silent);
    }
    add_down(j, p, &l->down);
}

static int read_pages(const struct explain_job *j, struct lists *l, struct err *reterr)
{
    const struct report_slo *s = j->out->slo;
    struct page *p = mem_alloc(sizeof(*p));
    int rc = 0;
    for (int64_t from = s->start_us, to; rc == 0 && from < s->upto_us; from = to) {
        to = (from / PAGE_US + 1) * PAGE_US;
        to = to < s->upto_us ? to : s->upto_us;
        lay_out(p, from, to);
        rc = sieved_cells(j->reader, &j->def->sli, j->sieve, p->edges, p->n, p->counts, reterr);
        for (size_t i = 0; rc == 0 && i < p->n; i++)
            p->counts[i] = slo_apply_no_data(j->def, p->counts[i]);
        if (rc == 0)
            add_page(j, p, l);
    }
    free(p);
    span_list_end(&l->bad);
    span_list_end(&l->down);
    span_list_end(&l->silent);
    return rc;
}

static struct explain_span *take(struct arena *a, const struct span_list *l, size_t limit,
                                 size_t *ret_n)
{
    size_t n = l->spans.len < limit ? l->spans.len : limit;
    struct explain_span *kept = arena_alloc(a, (n + 1) * sizeof(*kept));
    if (n)
        memcpy(kept, l->spans.at, n * sizeof(*kept));
    *ret_n = n;
    return kept;
}

static bool is_larger(const struct explain_span *a, const struct explain_span *b)
{
    return a->lost != b->lost ? a->lost > b->lost : a->from_us < b->from_us;
}

/* Both causes of missing data in one list, by size. */
static void take_gaps(struct explain *e, const struct lists *l, size_t limit)
{
    size_t d = 0, s = 0, n = l->down.spans.len + l->silent.spans.len;
    n = n < limit ? n : limit;
    e->gaps = arena_alloc(&e->arena, (n + 1) * sizeof(*e->gaps));
    for (; e->gap_count < n; e->gap_count++) {
        const struct explain_span *down = &l->down.spans.at[d], *silent = &l->silent.spans.at[s];
        bool first = s == l->silent.spans.len || (d < l->down.spans.len && is_larger(down, silent));
        e->gaps[e->gap_count] = first ? *down : *silent;
        d += first;
        s += !first;
    }
    e->missing = (struct explain_sums){l->down.all.count + l->silent.all.count,
                                       l->down.all.lost + l->silent.all.lost};
}

static int choose(struct explain *e, const struct explain_query *q, const struct span_list *bad,
                  struct err *reterr)
{
    e->rank = q->span ? q->span : bad->spans.len > 0;
    if (e->rank > bad->spans.len)
        return err_set(reterr, "there is no span %zu; the budget went in %zu", e->rank,
                       bad->spans.len);
    if (e->rank)
        e->chosen = bad->spans.at[e->rank - 1];
    return 0;
}

static int keep_spans(const struct explain_job *j, const struct lists *l, struct err *reterr)
{
    struct explain *e = j->out;
    e->bad = l->bad.all;
    e->spans = take(&e->arena, &l->bad, j->query->limit, &e->span_count);
    take_gaps(e, l, j->query->limit);
    if (choose(e, j->query, &l->bad, reterr) < 0)
        return -1;
    for (size_t i = 0; i < e->span_count; i++) {
        if (explain_detail(j, &e->spans[i], reterr) < 0)
            return -1;
    }
    if (e->rank == 0)
        return 0;
    return explain_rows(j, reterr) < 0 ? -1 : explain_detail(j, &e->chosen, reterr);
}

static int read_spans(const struct explain_job *j, struct err *reterr)
{
    int64_t gap = GAP_US > j->def->slice_us ? GAP_US : j->def->slice_us;
    for (size_t i = 0; i < j->revision_count; i++) {
        int64_t twice = 2 * j->revisions[i].interval_us + USEC_PER_MIN - 1;
        gap = twice > gap ? twice / USEC_PER_MIN * USEC_PER_MIN : gap;
    }
    struct lists l = {.bad.gap_us = gap, .down.gap_us = gap, .silent.gap_us = gap};
    j->out->gap_us = gap;
    int rc = read_pages(j, &l, reterr);
    if (rc == 0)
        rc = keep_spans(j, &l, reterr);
    span_list_release(&l.bad);
    span_list_release(&l.down);
    span_list_release(&l.silent);
    return rc;
}

/* ---- the objective --------------------------------------------------------------- */

static int find_objective(const struct report *report, const struct explain_query *q,
                          const struct report_slo **ret, struct err *reterr)
{
    struct str names;
    *ret = NULL;
    if (!q->objective_name && report->slo_count == 1) {
        *ret = &report->slos[0];
        return 0;
    }
    str_init(&names, NAMES_MAX);
    /* The one without a name, as a composite is beside the objectives it is made of. */
    for (size_t i = 0; !q->objective_name && i < report->slo_count; i++)
        if (!report->slos[i].def->objective_name[0])
            *ret = &report->slos[i];
    for (size_t i = 0; i < report->slo_count; i++) {
        const char *name = report->slos[i].def->objective_name;
        str_addf(&names, "%s'%s'", i ? ", " : "", name);
        if (q->objective_name && str_eq(name, q->objective_name))
            *ret = &report->slos[i];
    }
    if (!*ret && q->objective_name)
        err_set(reterr, "SLO '%s' has no objective '%s', only %s", q->slo, q->objective_name,
                names.buf);
    else if (!*ret)
        err_set(reterr, "SLO '%s' has several objectives, name one of %s", q->slo, names.buf);
    str_release(&names);
    return *ret ? 0 : -1;
}

/* As of the report: a probe that never ran has what its definition would make. */
static int read_probe(struct explain_job *j, struct store_probe *known, struct err *reterr)
{
    int64_t since_us;
    const struct sli_def *sli = &j->def->sli;
    int found = store_reader_probe(j->reader, sli->probe, known, reterr);
    if (found <= 0)
        return found;
    if (known->revision_count > 0) {
        j->revisions = known->revisions;
        j->revision_count = known->revision_count;
    }
    if (store_reader_sli_since(j->reader, sli, &since_us, reterr) < 0)
        return -1;
    j->raw_since_us = known->raw_since_us;
    if (sli->metric)
        return store_reader_first_event(j->reader, sli, &j->first_event_us, reterr);
    j->first_event_us = known->first_event_us > since_us ? known->first_event_us : since_us;
    if (!first_event_differs(sli))
        return 0;
    return first_event_find(j->reader, sli, j->raw_since_us, j->out->slo->start_us,
                            j->out->slo->upto_us, &j->first_event_us, reterr);
}

static int explain_slo(struct explain *e, struct store_reader *r, const struct explain_query *q,
                       struct err *reterr)
{
    const struct slo_def *def = e->slo->def;
    struct probe_revision declared = {0, def->probe->interval_us, def->probe->phase_us,
                                      def->probe->timeout_us, def->probe->hours};
    struct store_probe known = {0};
    struct sieve sieve = sieve_make(excluding_of(e->report->excluding, def), def);
    struct explain_job j = {.reader = r,
                            .def = def,
                            .sieve = &sieve,
                            .query = q,
                            .out = e,
                            .revisions = &declared,
                            .revision_count = 1,
                            .first_event_us = INT64_MAX};
    int rc = read_probe(&j, &known, reterr);
    e->raw_since_us = j.raw_since_us;
    if (rc == 0)
        rc = read_spans(&j, reterr);
    revisions_free(known.revisions, known.revision_count);
    return rc;
}

/* Its members have spans of their own. */
static int explain_composite(const struct explain *e, const struct explain_query *q,
                             struct err *reterr)
{
    if (q->span == 0)
        return 0;
    return err_set(reterr, "'%s' is a composite: spans are its members', such as '%s'", q->slo,
                   e->slo->def->members[0].slo->name);
}

static int read_once(struct config *cfg, struct store_reader *r, const struct explain_query *q,
                     struct explain **ret, struct err *reterr)
{
    struct query ask = {.slo = q->slo, .at_us = q->at_us, .generated_at_us = q->at_us};
    struct explain *e = mem_alloc(sizeof(*e));
    if (query_report(cfg, r, &ask, &e->report, reterr) < 0 ||
        find_objective(e->report, q, &e->slo, reterr) < 0 ||
        (e->slo->def->member_count ? explain_composite(e, q, reterr)
                                   : explain_slo(e, r, q, reterr)) < 0) {
        explain_free(e);
        return -1;
    }
    *ret = e;
    return 0;
}

/* An import may change the past between two pages: then it is read again. */
int explain_read(struct config *cfg, struct store_reader *r, const struct explain_query *q,
                 struct explain **ret, struct err *reterr)
{
    assert(q->limit <= EXPLAIN_LIMIT_MAX);
    for (int i = 0; i < ATTEMPTS; i++) {
        struct explain *e;
        if (read_once(cfg, r, q, &e, reterr) < 0)
            return -1;
        if (e->slo->def->member_count || e->bad.lost == e->slo->counts.bad) {
            *ret = e;
            return 0;
        }
        explain_free(e);
    }
    return err_set(reterr, "the history of '%s' changes while it is read; try again later", q->slo);
}

bool explain_share(const struct explain *e, const struct explain_span *s, double *ret)
{
    const struct report_slo *slo = e->slo;
    int64_t bad = slo->def->method == METHOD_OCCURRENCES ? s->lost : s->worth.bad;
    *ret = budget_consumed(budget_use_with(slo->use, bad));
    return slo->has_budget;
}

void explain_free(struct explain *e)
{
    if (!e)
        return;
    query_report_free(e->report);
    arena_release(&e->arena);
    free(e);
}
