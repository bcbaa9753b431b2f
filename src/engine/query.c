#include "engine/query_internal.h"

#include "base/mem.h"
#include "base/when.h"
#include "base/wide.h"
#include "engine/excluding.h"
#include "model/select.h"
#include "model/sketch.h"
#include "slo/budget.h"
#include "slo/composite.h"
#include "slo/expected.h"
#include "slo/policy.h"
#include "slo/slices.h"
#include "slo/period.h"
#include "slo/source.h"
#include "slo/window.h"

#include <assert.h>
#include <math.h>

#define ALIVE_US (30 * USEC_PER_SEC) /* a heartbeat comes every second or so */
#define EXPRESSION_MAX 16384
#define LAG_MAX_US (USEC_PER_HOUR + ALIVE_US) /* the longest timeout a slot can have */

int64_t slo_query_slots(const struct slo_query *q, int64_t from_us, int64_t to_us)
{
    int64_t slots = 0;
    for (size_t i = 0; i < q->member_count; i++)
        slots += slo_query_slots(&q->members[i], from_us, to_us);
    if (q->member_count)
        return slots;
    return sieve_slots(q->sieve, q->revisions, q->revision_count, from_us, to_us);
}

const int64_t query_burn_windows[] = {5 * USEC_PER_MIN,  30 * USEC_PER_MIN, USEC_PER_HOUR,
                                      2 * USEC_PER_HOUR, 6 * USEC_PER_HOUR, USEC_PER_DAY,
                                      3 * USEC_PER_DAY};
const size_t query_burn_count = countof(query_burn_windows);

/* ---- steps ----------------------------------------------------------------- */

/* Excluded results of the window that came before the first event; where the
 * results are gone, before its minute. */
static int count_early_excluded(const struct slo_query *q, int64_t *ret, struct err *reterr)
{
    const struct report_slo *s = q->out;
    int64_t to = q->first_event_us < s->upto_us ? q->first_event_us : s->upto_us;
    struct counts c = {0};
    *ret = 0;
    if (to < q->raw_since_us)
        to -= to % USEC_PER_MIN;
    if (s->counts.excluded == 0 || to <= s->start_us)
        return 0;
    if (slo_query_counts(q, s->start_us, to, &c, reterr) < 0)
        return -1;
    *ret = c.excluded;
    return 0;
}

int query_step_counts(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    int64_t early;
    if (slo_query_counts(q, s->start_us, s->upto_us, &s->counts, reterr) < 0 ||
        count_early_excluded(q, &early, reterr) < 0)
        return -1;
    int64_t first = q->first_event_us < s->upto_us ? q->first_event_us : s->upto_us;
    struct coverage v = expected_of_slots(&q->def->sli, slo_query_slots(q, s->start_us, s->upto_us),
                                          slo_query_slots(q, s->start_us, first), s->counts, early);
    s->expected = v.expected;
    s->observed = v.observed;
    s->prober_down = v.prober_down;
    s->target_silent = v.target_silent;
    s->not_started = v.not_started;
    return 0;
}

int query_step_budget(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    const struct slo_def *def = q->def;
    uint128 projected;
    if (slo_query_judged(q, s->start_us, s->upto_us, &s->judged, reterr) < 0)
        return -1;
    int64_t total = counts_total(s->judged);
    bool slices = def->method != METHOD_OCCURRENCES;
    s->slices = slices ? total / slices_whole(def) : 0;
    if (query_use(q, &projected, reterr) < 0)
        return -1;
    s->conclusive = budget_is_conclusive(s->use);
    s->state = budget_state(s->use, q->first_event_us, s->start_us);
    budget_fill(s, s->use, projected);
    if (total == 0)
        return 0;
    s->has_sli = true;
    s->sli = (double)s->judged.good / (double)total;
    s->has_confidence = !def->sli.metric && def->method != METHOD_RATIO_TIMESLICES;
    if (s->has_confidence)
        budget_wilson(s->judged, &s->confidence_low, &s->confidence_high);
    return 0;
}

/*
 * When the budget is used up if the last 6 hours go on. A rolling window counts
 * from what is left now; a calendar one from what is left of the whole period.
 * An end after the period, or after everything counted today has left the
 * rolling window, is not in sight.
 */
int64_t query_exhausts_at(const struct slo_query *q, double burn)
{
    const struct report_slo *s = q->out;
    int64_t length = s->end_us - s->start_us, room = length, at_us = q->at_us;
    double left = s->remaining;
    if (q->def->window.type == WINDOW_CALENDAR) {
        left = s->projected - s->consumed;
        room = s->end_us - at_us;
    }
    if (!s->has_budget || left <= 0 || burn <= 0 || room <= 0 || q->full == 0)
        return 0;
    left /= (double)q->full / (double)s->use.one; /* the newest target says what burns */
    double wait = left / burn * (double)length;
    if (wait > (double)room)
        return 0;
    return (at_us + llround(wait)) / USEC_PER_SEC * USEC_PER_SEC; /* 44.999999... is 45 */
}

/* By the ends of the interval of confidence of the ratio that burns. */
static void set_exhausts(const struct slo_query *q, struct counts c, double burn)
{
    struct report_slo *s = q->out;
    double low, high, outage = budget_burn(1, 1, q->def->target);
    s->exhausts_at_us = query_exhausts_at(q, burn);
    if (!s->has_confidence || q->def->member_count)
        return;
    /* Of the bad ones: one less the bounds of the good ones would lose their digits. */
    budget_wilson((struct counts){.good = c.bad, .bad = c.good}, &low, &high);
    s->exhausts_earliest_us = query_exhausts_at(q, high * outage);
    s->exhausts_latest_us = query_exhausts_at(q, low * outage);
}

static int step_burn(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    assert(query_burn_count <= countof(s->burn));
    for (size_t i = 0; i < query_burn_count; i++) {
        struct counts c;
        int64_t window = query_burn_windows[i];
        if (slo_query_judged(q, q->at_us - window, q->at_us, &c, reterr) < 0)
            return -1;
        struct report_burn *b = &s->burn[s->burn_count++];
        b->window_us = window;
        b->has_rate = counts_total(c) > 0 && slices_divide(q->def, window);
        b->rate = b->has_rate ? budget_burn(c.bad, counts_total(c), q->def->target) : 0;
        if (q->outlook && b->window_us == 6 * USEC_PER_HOUR && b->has_rate)
            set_exhausts(q, c, b->rate);
    }
    return 0;
}

static int step_latency(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    struct sketch sketch = SKETCH_INIT;
    if (q->def->sli.metric) /* the runs' latency is not that of its events */
        return 0;
    if (store_reader_latency(q->reader, q->def->sli.probe, s->start_us, s->upto_us, &sketch,
                             reterr) < 0)
        return -1;
    query_fill_latency(&s->latency, &sketch);
    sketch_release(&sketch);
    return 0;
}

typedef int query_step(struct slo_query *q, struct err *reterr);

static query_step *const brief_steps[] = {
    query_step_excluded,    query_step_targets, query_step_sums,   query_step_slices,
    query_step_first_event, query_step_counts,  query_step_budget, step_burn,
    query_step_tiers};
static query_step *const detail_steps[] = {
    step_latency,        query_step_reasons,     query_step_curve, query_step_incidents,
    query_step_failures, query_step_annotations, query_step_spent, query_step_answers};

static int run_steps(query_step *const *steps, size_t n, struct slo_query *q, struct err *reterr)
{
    for (size_t i = 0; i < n; i++) {
        if (steps[i](q, reterr) < 0)
            return -1;
    }
    return 0;
}

/* ---- one SLO ------------------------------------------------------------------ */

static void set_window(struct report_slo *s, const struct slo_def *def, const struct query *q,
                       int64_t at_us)
{
    struct span w = {q->from_us, q->to_us};
    if (!q->to_us)
        w = window_span(&def->window, at_us);
    s->start_us = w.start_us > 0 ? w.start_us : 0;
    s->end_us = w.end_us;
    s->upto_us = w.end_us < at_us ? w.end_us : at_us;
}

/* The probe as the store knows it; a probe that never ran here keeps what its
 * definition would have made. The revisions of `known` are the caller's. */
int query_read_probe(struct slo_query *q, struct store_probe *known, struct err *reterr)
{
    int64_t since_us;
    const struct sli_def *sli = &q->def->sli;
    int found = store_reader_probe(q->reader, sli->probe, known, reterr);
    if (found <= 0)
        return found;
    if (known->revision_count > 0) {
        q->revisions = known->revisions;
        q->revision_count = known->revision_count;
    }
    if (store_reader_sli_since(q->reader, sli, &since_us, reterr) < 0)
        return -1;
    q->raw_since_us = known->raw_since_us;
    if (sli->metric)
        return store_reader_first_event(q->reader, sli, &q->first_event_us, reterr);
    q->first_event_us = known->first_event_us > since_us ? known->first_event_us : since_us;
    return 0;
}

void query_set_source(struct report_slo *s, const struct slo_def *def, struct arena *a)
{
    struct str text;
    str_init(&text, EXPRESSION_MAX);
    s->def = def;
    s->budgeting_method = budget_method_name(def->method);
    s->source = def->member_count ? SOURCE_COMPOSITE : sli_source(&def->sli);
    if (def->member_count)
        composite_expression(def, &text);
    else
        sli_expression(&def->sli, &text);
    s->expression = arena_strdup(a, text.buf);
    s->latency = (struct report_latency){0, 0, -1, -1, -1, -1, -1, false, false, false, false};
    str_release(&text);
}

static int query_plain(struct slo_query *sq, bool brief, struct err *reterr)
{
    const struct probe_def *probe = sq->def->probe;
    struct probe_revision declared = {0, probe->interval_us, probe->phase_us, probe->timeout_us,
                                      probe->hours};
    struct store_probe known = {0};
    sq->revisions = &declared;
    sq->revision_count = 1;
    int rc = query_read_probe(sq, &known, reterr);
    if (rc == 0 && !brief)
        rc = query_step_grid(sq, reterr);
    if (rc == 0)
        rc = run_steps(brief_steps, countof(brief_steps), sq, reterr);
    if (rc == 0 && !brief)
        rc = run_steps(detail_steps, countof(detail_steps), sq, reterr);
    revisions_free(known.revisions, known.revision_count);
    return rc;
}

void query_release(struct slo_query *sq)
{
    vec_release(&sq->instants);
    mem_free(&sq->sums);
    mem_free(&sq->worth);
}

/* excluding NULL: as if nothing were. */
static int query_slo(struct report *report, struct store_reader *r, const struct query *q,
                     const struct excluding *excluding, const struct slo_def *def,
                     struct report_slo *s, struct err *reterr)
{
    struct sieve sieve = sieve_make(excluding ? excluding_of(excluding, def) : NULL, def);
    struct slo_query sq = {.reader = r,
                           .config = report->config,
                           .def = def,
                           .excluding = excluding,
                           .sieve = &sieve,
                           .at_us = q->to_us ? q->to_us : report->at_us,
                           .incidents = report->incidents,
                           .incident_count = q->brief ? 0 : report->incident_count,
                           .outlook = q->to_us == 0,
                           .arena = &report->arena,
                           .out = s,
                           .first_event_us = INT64_MAX};
    query_set_source(s, def, &report->arena);
    set_window(s, def, q, sq.at_us);

    /* One moment for all of it; the log of a busy store grows for as long. */
    int rc = store_reader_begin(r, reterr);
    if (rc < 0)
        return -1;
    rc = def->member_count ? query_composite(&sq, q->brief, reterr)
                           : query_plain(&sq, q->brief, reterr);
    store_reader_end(r);
    query_release(&sq);
    return rc;
}

static void set_span(struct query *q, const struct period *p, const struct slo_def *def)
{
    struct span s = period_span(p, def->window.zone);
    q->from_us = s.start_us;
    q->to_us = s.end_us;
}

/* A window, and beside it, brief, what it were if nothing was excluded. */
static int query_both(struct report *report, struct store_reader *r, const struct query *q,
                      const struct slo_def *def, struct report_slo *s, struct err *reterr)
{
    struct query brief = *q;
    if (query_slo(report, r, q, report->excluding, def, s, reterr) < 0)
        return -1;
    if (s->excluded_spans == 0 || q->brief)
        return 0;
    brief.brief = true;
    s->unexcluded = arena_alloc(&report->arena, sizeof(*s->unexcluded));
    return query_slo(report, r, &brief, NULL, def, s->unexcluded, reterr);
}

static bool is_asked(const struct query *q, const struct slo_def *def)
{
    return (!q->slo || str_eq(q->slo, def->name)) && slo_select_fits(q->select, def);
}

/* Where the earliest window begins. */
static int64_t earliest(const struct report *report, const struct query *q)
{
    int64_t from = report->at_us;
    for (size_t i = 0; i < report->config->slo_count; i++) {
        const struct slo_def *def = report->config->slos[i];
        struct query own = *q;
        struct report_slo s;
        if (!is_asked(q, def))
            continue;
        if (q->period)
            set_span(&own, q->period, def);
        set_window(&s, def, &own, report->at_us);
        from = s.start_us < from ? s.start_us : from;
    }
    return from;
}

/* Its own window, or the period asked for beside the one before. */
static int query_windows(struct report *report, struct store_reader *r, const struct query *q,
                         const struct slo_def *def, struct report_slo *s, struct err *reterr)
{
    struct query own = *q;
    if (!q->period)
        return query_both(report, r, q, def, s, reterr);
    set_span(&own, q->period, def);
    if (query_both(report, r, &own, def, s, reterr) < 0)
        return -1;
    struct period before = period_before(q->period);
    set_span(&own, &before, def);
    own.brief = true;
    s->previous = arena_alloc(&report->arena, sizeof(*s->previous));
    return query_slo(report, r, &own, report->excluding, def, s->previous, reterr);
}

/* ---- the report ----------------------------------------------------------------- */

static int unknown_slo(const struct config *cfg, const char *name, struct err *reterr)
{
    const char **names = mem_array(cfg->slo_count + 1, sizeof(*names));
    for (size_t i = 0; i < cfg->slo_count; i++)
        names[i] = cfg->slos[i]->name;
    const char *near = str_nearest(name, names, cfg->slo_count);
    if (near)
        err_set(reterr, "there is no SLO '%s'; did you mean '%s'?", name, near);
    else
        err_set(reterr, "there is no SLO '%s'", name);
    free(names);
    return -1;
}

int query_report(struct config *cfg, struct store_reader *r, const struct query *q,
                 struct report **ret, struct err *reterr)
{
    assert(!q->to_us || q->from_us < q->to_us);
    if (slo_select_check(cfg, q->slo, q->select, reterr) < 0)
        return -1;
    struct report *report = mem_alloc(sizeof(*report));
    report->config = config_ref(cfg);
    report->generated_at_us = q->generated_at_us;
    report->at_us = q->to_us ? q->to_us : q->at_us;
    if (excluding_read(cfg, r, &report->excluding, reterr) < 0)
        goto fail;
    if (!q->brief && !q->no_incidents &&
        query_read_incidents(report, r, earliest(report, q), reterr) < 0)
        goto fail;
    report->slos = arena_alloc(&report->arena, (cfg->slo_count + 1) * sizeof(*report->slos));
    for (size_t i = 0; i < cfg->slo_count; i++) {
        const struct slo_def *def = cfg->slos[i];
        if (!is_asked(q, def))
            continue;
        if (query_windows(report, r, q, def, &report->slos[report->slo_count++], reterr) < 0)
            goto fail;
        policy_fill(&report->slos[report->slo_count - 1]);
    }
    if (q->slo && report->slo_count == 0) {
        unknown_slo(cfg, q->slo, reterr);
        goto fail;
    }
    query_end_incidents(report, !q->slo && !q->select);
    *ret = report;
    return 0;
fail:
    query_report_free(report);
    return -1;
}

void query_report_free(struct report *report)
{
    if (!report)
        return;
    arena_release(&report->arena);
    excluding_unref(report->excluding);
    config_unref(report->config);
    free(report);
}

int query_period_end(const struct config *cfg, const struct query *q, int64_t now_us, int64_t *ret,
                     struct err *reterr)
{
    char name[PERIOD_MAX], end[WHEN_MAX];
    int64_t last = 0;
    for (size_t i = 0; i < cfg->slo_count; i++) {
        if (!is_asked(q, cfg->slos[i]))
            continue;
        struct span s = period_span(q->period, cfg->slos[i]->window.zone);
        last = s.end_us > last ? s.end_us : last;
    }
    if (last == 0)
        last = period_span(q->period, NULL).end_us;
    if (last > now_us)
        return err_set(reterr, "the period %s is not over before %s; --from and --to name any span",
                       period_text(name, q->period), when_text(end, last));
    *ret = last;
    return 0;
}

int query_now(struct store_reader *r, int64_t now_us, int64_t *ret, struct err *reterr)
{
    struct store_heartbeat h;
    if (store_reader_heartbeat(r, &h, reterr) < 0)
        return -1;
    bool writes = h.alive_us > 0 && h.alive_us <= now_us && now_us - h.alive_us < ALIVE_US;
    bool close = h.complete_through_us <= now_us && now_us - h.complete_through_us < LAG_MAX_US;
    *ret = writes && close && h.complete_through_us > 0 ? h.complete_through_us : now_us;
    return 0;
}
