/* Reports from a real database against sums over the rows it was given. */
#include "engine/excluding.h"
#include "engine/overview.h"
#include "engine/query.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/vec.h"
#include "nines/probe.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#define S USEC_PER_SEC
#define MINUTE USEC_PER_MIN
#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY
#define T0 (20000 * DAY)
#define INTERVAL (15 * S)
#define SPAN (3 * DAY)
#define RAW_SINCE (T0 + 2 * DAY + 2 * HOUR) /* once results are deleted */
#define RUN_OF_BAD (5 * S + 1)

struct world {
    char dir[64];
    char *path;
    struct config *config;
    struct import_row *rows;
    size_t n;
    struct store_reader *reader;
};

static const struct tier_def tiers[] = {
    {SEVERITY_PAGE, HOUR, 5 * MINUTE, {144, 1}, 2},
    {SEVERITY_TICKET, DAY, 2 * HOUR, {3, 0}, 2},
};

static const struct probe_kind http = {.name = "http"};
static struct probe_def probe = {
    .id = "api", .kind = &http, .interval_us = INTERVAL, .timeout_us = 5 * S, .max_in_flight = 1};
static struct probe_def silent = {
    .id = "never", .kind = &http, .interval_us = MINUTE, .timeout_us = 5 * S, .phase_us = 7 * S};

static void add_slo(struct config *c, const char *name, const struct probe_def *p, int64_t faster,
                    int64_t window)
{
    struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
    d->name = name;
    d->service = "svc";
    d->objective_name = "";
    d->sli.probe = p->id;
    d->sli.key = arena_printf(&c->arena, "%s %lld", p->id, (long long)faster);
    d->sli.faster_than_us = faster;
    memset(d->sli.classify, -1, sizeof(d->sli.classify));
    d->probe = p;
    d->target = (struct decimal){99, 2};
    d->window = (struct window_def){.type = WINDOW_ROLLING, .duration_us = window, .text = "x"};
    d->alerting = true;
    d->tiers = tiers;
    d->tier_count = 2;
    c->slos[c->slo_count++] = d;
}

/* Of "cut". They cut hours, before RAW_SINCE too, and lie around it. */
static const struct exclusion cuts[] = {
    {.name = "before", .from_us = T0 - 2 * DAY, .to_us = T0 - DAY},
    {.name = "across the first", .from_us = T0 - MINUTE, .to_us = T0 + 3 * MINUTE},
    {.name = "minutes", .from_us = T0 + 67 * MINUTE, .to_us = T0 + 97 * MINUTE},
    {.name = "good",
     .mode = EXCLUSION_COUNT_GOOD,
     .from_us = T0 + 20 * HOUR,
     .to_us = T0 + 23 * HOUR + 11 * MINUTE},
    {.name = "in the gap", .from_us = T0 + DAY + HOUR, .to_us = T0 + DAY + 3 * HOUR},
    {.name = "outage", .from_us = T0 + 2 * DAY + 10 * MINUTE, .to_us = T0 + 2 * DAY + 35 * MINUTE},
    {.name = "touching",
     .mode = EXCLUSION_COUNT_GOOD,
     .from_us = T0 + 2 * DAY + 35 * MINUTE,
     .to_us = T0 + 2 * DAY + 40 * MINUTE},
    {.name = "deleted and not", .from_us = RAW_SINCE - 10 * MINUTE, .to_us = RAW_SINCE + MINUTE},
    {.name = "to come", .from_us = T0 + SPAN + HOUR, .to_us = T0 + SPAN + 2 * HOUR},
};

static void exclude(struct config *c)
{
    static const char *names[] = {"cut"};
    c->exclusions = arena_alloc(&c->arena, countof(cuts) * sizeof(*c->exclusions));
    c->exclusion_count = countof(cuts);
    for (size_t i = 0; i < countof(cuts); i++) {
        c->exclusions[i] = cuts[i];
        c->exclusions[i].slos = (struct string_list){names, 1};
        c->exclusions[i].timezone = "UTC";
        c->exclusions[i].reason = c->exclusions[i].author = "";
    }
}

/* -1: it is not excluded. */
static int mode_at(const struct slo_def *d, int64_t slot)
{
    for (size_t i = 0; str_eq(d->name, "cut") && i < countof(cuts); i++)
        if (slot >= cuts[i].from_us && slot < cuts[i].to_us)
            return (int)cuts[i].mode;
    return -1;
}

static struct config *make_config(void)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    c->probes = arena_alloc(&c->arena, 2 * sizeof(*c->probes));
    c->probes[c->probe_count++] = &probe;
    c->probes[c->probe_count++] = &silent;
    c->slos = arena_alloc(&c->arena, 16 * sizeof(*c->slos));
    add_slo(c, "cut", &probe, 0, DAY);
    add_slo(c, "fast", &probe, 100 * USEC_PER_MSEC, DAY);
    add_slo(c, "hour", &probe, 0, HOUR);
    add_slo(c, "month", &probe, 0, 30 * DAY);
    add_slo(c, "never", &silent, 0, DAY);
    add_slo(c, "odd", &probe, 0, 50 * HOUR + 17 * S);
    exclude(c);
    return c;
}

static uint64_t rng = 0x9e3779b97f4a7c15;

static int64_t below(int64_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (int64_t)(rng % (uint64_t)n);
}

/* Three days but for their first slot; an outage of an hour, a gap of two, noise. */
static void make_rows(struct world *w)
{
    VEC(struct import_row) rows = {0};
    for (int64_t t = T0 + INTERVAL; t < T0 + SPAN; t += INTERVAL) {
        if (t >= T0 + DAY && t < T0 + DAY + 2 * HOUR)
            continue;
        bool outage = t >= T0 + 2 * DAY && t < T0 + 2 * DAY + HOUR;
        int64_t draw = below(1000);
        struct result r = {.slot_us = t, .total_us = 20000 + below(100000)};
        r.outcome = draw < (outage ? 700 : 2) ? OUTCOME_BAD
                    : draw > 997              ? OUTCOME_EXCLUDED
                    : draw > 995              ? OUTCOME_SKIPPED
                                              : OUTCOME_GOOD;
        r.reason =
            r.outcome == OUTCOME_BAD ? (draw % 3 ? REASON_STATUS : REASON_CONNECT) : REASON_NONE;
        if (r.outcome == OUTCOME_BAD)
            r.total_us = RUN_OF_BAD;
        r.done_us = t + r.total_us;
        vec_push(&rows, ((struct import_row){"api", r, 0}));
    }
    w->rows = rows.at;
    w->n = rows.len;
}

struct latch {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool done;
};

static void on_imported(void *ctx)
{
    struct latch *l = ctx;
    pthread_mutex_lock(&l->mutex);
    l->done = true;
    pthread_cond_signal(&l->cond);
    pthread_mutex_unlock(&l->mutex);
}

static void import_rows(struct store *s, struct import_row *rows, size_t n)
{
    struct latch l = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct import_batch b = {.rows = rows, .n = n, .create_interval_us = INTERVAL};
    store_import(s, &b, on_imported, &l);
    pthread_mutex_lock(&l.mutex);
    while (!l.done)
        pthread_cond_wait(&l.cond, &l.mutex);
    pthread_mutex_unlock(&l.mutex);
    assert_int_equal(b.status, 0);
    assert_int_equal(b.totals.inserted, n);
}

/* Chunks are deleted as a whole: one ends where results are to be deleted. */
static void import(struct store *s, struct world *w)
{
    size_t old = 0;
    while (w->rows[old].result.slot_us < RAW_SINCE)
        old++;
    import_rows(s, w->rows, old);
    import_rows(s, w->rows + old, w->n - old);
}

static void transition(struct store *s, int64_t at, enum alert_event_kind kind,
                       enum alert_phase phase, enum severity severity)
{
    struct alert_transition t = {.slo = "month", .objective_name = "", .service = "svc"};
    t.at_us = at;
    t.kind = kind;
    t.severity = severity;
    t.state = (struct alert_state){.phase = phase, .severity = severity, .evaluated_us = at};
    t.tier = tiers[0];
    store_push_transition(s, &t);
}

#define FIRED (T0 + 2 * DAY + 3 * MINUTE + 10 * S)
#define RESOLVED (T0 + 2 * DAY + 70 * MINUTE + 20 * S)
#define FIRED_AGAIN (T0 + SPAN - 10 * MINUTE)

static struct store *open_store(const struct world *w)
{
    struct store *s;
    struct err err;
    struct store_options o = {.path = w->path};
    if (store_open(&o, &s, &err) < 0)
        fail_msg("%s", err.msg);
    return s;
}

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    str_copy(w->dir, sizeof(w->dir), "/tmp/nines-query-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->path = mem_printf("%s/test.db", w->dir);
    w->config = make_config();
    make_rows(w);
    struct store *s = open_store(w);
    import(s, w);
    for (size_t i = 0; i < w->config->slo_count; i++)
        store_push_sli(s, &w->config->slos[i]->sli);
    transition(s, FIRED, ALERT_EVENT_FIRE, ALERT_FIRING, SEVERITY_TICKET);
    transition(s, FIRED + MINUTE, ALERT_EVENT_ESCALATE, ALERT_FIRING, SEVERITY_PAGE);
    transition(s, RESOLVED, ALERT_EVENT_RESOLVE, ALERT_INACTIVE, SEVERITY_PAGE);
    transition(s, FIRED_AGAIN, ALERT_EVENT_FIRE, ALERT_FIRING, SEVERITY_TICKET);
    assert_int_equal(store_settle(s, 60 * S, NULL), 0);
    assert_int_equal(store_close(s, 60 * S, NULL), 0);
    assert_int_equal(store_reader_open(w->path, &w->reader, NULL), 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    store_reader_free(w->reader);
    for (size_t i = 0; i < countof(suffixes); i++) {
        mem_auto char *path = mem_printf("%s%s", w->path, suffixes[i]);
        unlink(path);
    }
    rmdir(w->dir);
    config_unref(w->config);
    free(w->rows);
    free(w->path);
    free(w);
    return 0;
}

static struct report *ask(struct world *w, struct query q)
{
    struct report *r;
    struct err err;
    if (query_report(w->config, w->reader, &q, &r, &err) < 0)
        fail_msg("%s", err.msg);
    return r;
}

static struct counts sum(const struct world *w, const struct slo_def *d, int64_t from, int64_t to)
{
    struct counts c = {0};
    for (size_t i = 0; i < w->n; i++) {
        const struct result *r = &w->rows[i].result;
        if (!str_eq(d->sli.probe, "api") || r->slot_us < from || r->slot_us >= to)
            continue;
        enum outcome o = sli_classify(&d->sli, r);
        int mode = mode_at(d, r->slot_us);
        if (mode == EXCLUSION_DROP)
            continue;
        if (mode == EXCLUSION_COUNT_GOOD && o == OUTCOME_BAD)
            o = OUTCOME_GOOD;
        c.good += o == OUTCOME_GOOD;
        c.bad += o == OUTCOME_BAD;
        c.excluded += o == OUTCOME_EXCLUDED;
    }
    return c;
}

static void same(struct counts a, struct counts b)
{
    assert_int_equal(a.good, b.good);
    assert_int_equal(a.bad, b.bad);
    assert_int_equal(a.excluded, b.excluded);
}

static void check_curve(const struct world *w, const struct report_slo *s)
{
    assert_in_range(s->point_count, 0, QUERY_POINTS_MAX);
    int64_t end = s->start_us;
    for (size_t i = 0; i < s->point_count; i++) {
        const struct report_point *p = &s->points[i];
        int64_t to = p->at_us + s->step_us < s->upto_us ? p->at_us + s->step_us : s->upto_us;
        assert_int_equal(p->at_us % s->step_us, 0);
        assert_true(i == 0 ? p->at_us - s->start_us < s->step_us : p->at_us == end);
        same(p->counts, sum(w, s->def, p->at_us, to));
        bool any = counts_total(p->counts) > 0;
        assert_int_equal(p->has_burn, any);
        if (any || !str_eq(s->def->name, "cut")) /* latency is of all runs */
            assert_true(any ? p->p50_us > 0 && p->p50_us <= p->p99_us : p->p50_us == -1);
        assert_true(p->expected >= counts_total(p->counts));
        assert_true(isfinite(p->burn) && isfinite(p->budget_remaining));
        end = p->at_us + s->step_us;
    }
    assert_true(end >= s->upto_us);
    if (s->has_budget)
        assert_true(fabs(s->points[s->point_count - 1].budget_remaining - s->remaining_ratio) <
                    1e-12);
}

static int64_t slots_left(const struct report_slo *s)
{
    int64_t first = (s->start_us + INTERVAL - 1) / INTERVAL * INTERVAL, n = 0;
    for (int64_t slot = first; slot < s->upto_us; slot += INTERVAL)
        n += mode_at(s->def, slot) != EXCLUSION_DROP;
    return n - s->counts.excluded;
}

static void check_slo(const struct world *w, const struct report_slo *s, int64_t at)
{
    static const int64_t windows[] = {5 * MINUTE, 30 * MINUTE, HOUR,   2 * HOUR,
                                      6 * HOUR,   DAY,         3 * DAY};
    same(s->counts, sum(w, s->def, s->start_us, s->upto_us));
    assert_int_equal(s->observed, counts_total(s->counts));
    assert_int_equal(s->expected, s->observed + s->prober_down + s->not_started);
    if (str_eq(s->def->sli.probe, "api"))
        assert_int_equal(s->expected, slots_left(s));
    assert_int_equal(s->burn_count, 7);
    for (size_t i = 0; i < 7; i++) {
        struct counts c = sum(w, s->def, at - windows[i], at);
        double want = counts_total(c) ? (double)c.bad / (double)counts_total(c) / 0.01 : 0;
        assert_int_equal(s->burn[i].window_us, windows[i]);
        assert_true(fabs(s->burn[i].rate - want) < 1e-9);
        assert_int_equal(s->burn[i].has_rate, counts_total(c) > 0);
    }
    int64_t reasons = 0;
    for (size_t i = 0; i < s->reason_count; i++) {
        assert_true(i == 0 || s->reasons[i].count <= s->reasons[i - 1].count);
        reasons += s->reasons[i].count;
    }
    assert_int_equal(reasons, s->counts.bad);
    check_curve(w, s);
}

static void reports_equal_sums_over_rows(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 12; i++) {
        int64_t at = T0 + below(SPAN + 6 * HOUR);
        at = i == 0 ? T0 + SPAN : i == 1 ? T0 + DAY + HOUR : at;
        struct report *r = ask(w, (struct query){.at_us = at, .generated_at_us = 5});
        assert_int_equal(r->slo_count, 6);
        assert_int_equal(r->at_us, at);
        assert_int_equal(r->generated_at_us, 5);
        for (size_t k = 0; k < r->slo_count; k++) {
            const struct report_slo *s = &r->slos[k];
            assert_int_equal(s->end_us, at);
            assert_int_equal(s->start_us, at - s->def->window.duration_us);
            check_slo(w, s, at);
        }
        query_report_free(r);
    }
}

static void explicit_spans(void **state)
{
    struct world *w = *state;
    int64_t from = T0 + 5 * HOUR + 3, to = T0 + 2 * DAY + 20 * MINUTE + 1;
    struct report *r = ask(w, (struct query){.from_us = from, .to_us = to, .slo = "month"});
    assert_int_equal(r->slo_count, 1);
    assert_int_equal(r->at_us, to);
    assert_int_equal(r->slos[0].start_us, from);
    assert_int_equal(r->slos[0].end_us, to);
    assert_int_equal(r->slos[0].exhausts_at_us, 0);
    check_slo(w, &r->slos[0], to);
    query_report_free(r);
}

static const struct result *row_at(const struct world *w, int64_t slot)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->rows[i].result.slot_us == slot)
            return &w->rows[i].result;
    return NULL;
}

/* Looks at a t just after a slot whose run fails, 1 us too late to be seen. */
static void tiers_see_what_was_done_by_then(void **state)
{
    struct world *w = *state;
    int64_t t = T0 + 2 * DAY + 20 * MINUTE;
    while (!row_at(w, t - 5 * S) || row_at(w, t - 5 * S)->outcome != OUTCOME_BAD)
        t += 10 * S;
    struct report *r = ask(w, (struct query){.at_us = t + 3 * S, .slo = "month"});
    struct report_slo *s = &r->slos[0];
    assert_int_equal(s->tier_count, 2);
    for (size_t i = 0; i < 2; i++) {
        int64_t start = i == 0 ? t - HOUR : (t - DAY) / MINUTE * MINUTE, slots = 0;
        struct counts c = {0};
        for (int64_t slot = T0; slot < t; slot += INTERVAL)
            slots += slot >= start;
        for (size_t k = 0; k < w->n; k++) {
            const struct result *e = &w->rows[k].result;
            if (e->slot_us < start || e->slot_us >= t || e->done_us > t)
                continue;
            c.bad += e->outcome == OUTCOME_BAD;
            c.excluded += e->outcome == OUTCOME_EXCLUDED;
        }
        double want = (double)c.bad / (double)(slots - c.excluded) / 0.01;
        assert_true(c.bad > 20);
        assert_true(fabs(s->tiers[i].long_burn - want) < 1e-9);
    }
    assert_true(s->tiers[0].firing);
    query_report_free(r);
}

static void incidents_and_failures(void **state)
{
    struct world *w = *state;
    struct report *r = ask(w, (struct query){.at_us = T0 + SPAN, .slo = "month"});
    struct report_slo *s = &r->slos[0];
    assert_int_equal(s->incident_count, 2);
    assert_int_equal(s->incidents[0].from_us, FIRED);
    assert_int_equal(s->incidents[0].to_us, RESOLVED);
    assert_int_equal(s->incidents[0].severity, SEVERITY_PAGE);
    assert_int_equal(s->incidents[0].bad, sum(w, s->def, FIRED, RESOLVED).bad);
    assert_int_equal(s->incidents[1].from_us, FIRED_AGAIN);
    assert_int_equal(s->incidents[1].to_us, 0);
    assert_int_equal(s->incidents[1].bad, sum(w, s->def, FIRED_AGAIN, T0 + SPAN).bad);
    assert_int_equal(s->failure_count, QUERY_FAILURES_MAX);
    for (size_t i = 1; i < s->failure_count; i++)
        assert_true(s->failures[i].at_us < s->failures[i - 1].at_us);
    query_report_free(r);
    /* in the middle it is still going on; after it, a short window has none */
    r = ask(w, (struct query){.at_us = FIRED + 5 * MINUTE, .slo = "month"});
    assert_int_equal(r->slos[0].incident_count, 1);
    assert_int_equal(r->slos[0].incidents[0].to_us, 0);
    query_report_free(r);
    r = ask(w, (struct query){.from_us = RESOLVED, .to_us = RESOLVED + HOUR, .slo = "month"});
    assert_int_equal(r->slos[0].incident_count, 0);
    query_report_free(r);
}

static void what_is_excluded_is_told(void **state)
{
    struct world *w = *state;
    int64_t at = T0 + 2 * DAY + 38 * MINUTE;
    struct report *r = ask(w, (struct query){.at_us = at, .slo = "cut"});
    const struct report_slo *s = &r->slos[0], *u = s->unexcluded;
    assert_int_equal(s->excluded_spans, 3);
    assert_int_equal(s->exclusion_count, 3);
    assert_string_equal(s->exclusions[0].exclusion->name, "in the gap");
    assert_int_equal(s->exclusions[2].to_us, T0 + 2 * DAY + 40 * MINUTE);
    assert_int_equal(s->exclusions[2].exclusion->mode, EXCLUSION_COUNT_GOOD);
    assert_non_null(u);
    assert_int_equal(u->start_us, s->start_us);
    same(u->counts, sum(w, w->config->slos[2], s->start_us, s->upto_us)); /* "hour": nothing is */
    assert_true(u->counts.bad > s->counts.bad + 50);
    assert_int_equal(u->state, SLO_BREACHED);
    assert_null(u->unexcluded);
    assert_int_equal(u->excluded_spans, 0);
    assert_true(s->failure_count > 0);
    for (size_t i = 0; i < s->failure_count; i++)
        assert_int_equal(mode_at(s->def, s->failures[i].at_us), -1);
    query_report_free(r);
    r = ask(w, (struct query){.from_us = T0 + 3 * HOUR, .to_us = T0 + 4 * HOUR, .slo = "cut"});
    assert_null(r->slos[0].unexcluded);
    assert_int_equal(r->slos[0].exclusion_count, 0);
    query_report_free(r);
}

static void nothing_known(void **state)
{
    struct world *w = *state;
    struct report *r = ask(w, (struct query){.at_us = T0 + SPAN, .slo = "never"});
    const struct report_slo *s = &r->slos[0];
    assert_int_equal(s->state, SLO_NO_DATA);
    assert_int_equal(s->expected, 1440); /* by its definition */
    assert_int_equal(s->not_started, 1440);
    assert_false(s->has_sli || s->has_budget || s->has_confidence);
    assert_int_equal(s->latency.p50_us, -1);
    assert_int_equal(s->latency.max_us, -1);
    query_report_free(r);
    struct err err;
    struct query q = {.at_us = T0, .slo = "mnth"};
    assert_int_equal(query_report(w->config, w->reader, &q, &r, &err), -1);
    assert_non_null(strstr(err.msg, "did you mean 'month'"));
    assert_int_equal(w->config->refs, 1);
}

static void overview_of_all(void **state)
{
    struct world *w = *state;
    struct overview *o;
    assert_int_equal(overview_read(w->config, w->reader, NULL, T0 + SPAN + HOUR, 0, &o, NULL), 0);
    assert_false(o->running);
    assert_int_equal(o->report->slo_count, 6);
    assert_int_equal(o->probe_count, 2);
    assert_true(o->probes[0].has_last);
    assert_int_equal(o->probes[0].last.slot_us, w->rows[w->n - 1].result.slot_us);
    assert_false(o->probes[1].has_last);
    assert_int_equal(o->alerts[3].phase, ALERT_FIRING);
    assert_int_equal(o->alerts[0].phase, ALERT_INACTIVE);
    assert_int_equal(o->report->slos[3].point_count, 0);
    overview_free(o);
}

static int64_t newest_before(const struct world *w, int64_t at_us)
{
    int64_t newest = INT64_MIN;
    for (size_t i = 0; i < w->n; i++) {
        const struct import_row *row = &w->rows[i];
        if (row->result.slot_us < at_us && row->result.slot_us > newest)
            newest = row->result.slot_us;
    }
    return newest;
}

static struct overview *as_of(struct world *w, int64_t at_us)
{
    struct overview *o;
    assert_int_equal(overview_read(w->config, w->reader, NULL, T0 + SPAN + HOUR, at_us, &o, NULL),
                     0);
    assert_true(o->past);
    assert_false(o->running);
    assert_int_equal(o->now_us, at_us);
    assert_int_equal(o->report->at_us, at_us);
    return o;
}

static void overview_of_the_past(void **state)
{
    struct world *w = *state;
    const struct {
        int64_t at_us;
        enum alert_phase phase;
        enum severity severity;
    } moments[] = {
        {FIRED - 1, ALERT_INACTIVE, SEVERITY_NONE},
        {FIRED, ALERT_FIRING, SEVERITY_TICKET},
        {FIRED + 2 * MINUTE, ALERT_FIRING, SEVERITY_PAGE},
        {RESOLVED + 1, ALERT_INACTIVE, SEVERITY_PAGE},
        {T0 + DAY + 2 * HOUR, ALERT_INACTIVE, SEVERITY_NONE}, /* the end of a gap */
    };
    for (size_t i = 0; i < countof(moments); i++) {
        struct overview *o = as_of(w, moments[i].at_us);
        assert_true(o->probes[0].has_last);
        assert_int_equal(o->probes[0].last.slot_us, newest_before(w, moments[i].at_us));
        assert_int_equal(o->alerts[3].phase, moments[i].phase);
        assert_int_equal(o->alerts[3].severity, moments[i].severity);
        overview_free(o);
    }
    struct overview *o = as_of(w, T0);
    assert_false(o->probes[0].has_last);
    overview_free(o);
}

/* While a daemon writes, "now" is where its history is complete. Last of all:
 * it adds a heartbeat. */
static void now_is_where_history_is_complete(void **state)
{
    struct world *w = *state;
    int64_t beat = T0 + SPAN + 10 * S, now;
    assert_int_equal(query_now(w->reader, beat, &now, NULL), 0);
    assert_int_equal(now, beat);
    struct store *s = open_store(w);
    store_push_heartbeat(s, beat, beat - 3 * S);
    assert_int_equal(store_close(s, 60 * S, NULL), 0);
    assert_int_equal(query_now(w->reader, beat + S, &now, NULL), 0);
    assert_int_equal(now, beat - 3 * S);
    assert_int_equal(query_now(w->reader, beat + HOUR, &now, NULL), 0); /* dead */
    assert_int_equal(now, beat + HOUR);
    assert_int_equal(query_now(w->reader, beat - MINUTE, &now, NULL), 0); /* of the future */
    assert_int_equal(now, beat - MINUTE);
}

/* ---- deleted results -------------------------------------------------------- */

static struct sli_def mapped_sli(const char *key)
{
    struct sli_def sli = {.probe = "api", .key = key};
    memset(sli.classify, -1, sizeof(sli.classify));
    sli.classify[REASON_CONNECT] = OUTCOME_EXCLUDED;
    return sli;
}

static void delete_old(struct world *w)
{
    struct store *s = open_store(w);
    struct sli_def old = mapped_sli("api mapped before");
    store_push_sli(s, &old);
    assert_int_equal(store_settle(s, 60 * S, NULL), 0);
    store_set_retention(s, &(struct store_retention){.results_us = DAY});
    store_push_heartbeat(s, T0 + SPAN + 2 * HOUR + 5, T0 + SPAN + 2 * HOUR);
    assert_int_equal(store_settle(s, 60 * S, NULL), 0);
    assert_int_equal(store_close(s, 60 * S, NULL), 0);
}

static void refused(struct world *w, struct query q, const char *words)
{
    struct report *r = NULL;
    struct err err = {{0}};
    assert_int_equal(query_report(w->config, w->reader, &q, &r, &err), -1);
    if (!strstr(err.msg, words))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
}

static void reports_of_deleted_hours(void **state)
{
    struct world *w = *state;
    static const int64_t instants[] = {T0 + HOUR, T0 + DAY + HOUR, T0 + 2 * DAY, RAW_SINCE,
                                       T0 + SPAN};
    delete_old(w);
    for (size_t i = 0; i < countof(instants) * w->config->slo_count; i++) {
        int64_t at = instants[i % countof(instants)];
        const char *name = w->config->slos[i / countof(instants)]->name;
        if (str_eq(name, "odd"))
            continue;
        struct report *r = ask(w, (struct query){.at_us = at, .slo = name});
        check_slo(w, &r->slos[0], at);
        bool known = at >= RAW_SINCE + 2 * HOUR || str_eq(name, "never");
        assert_int_equal(r->slos[0].tier_count, known ? 2 : 0);
        query_report_free(r);
    }
    struct report *r = ask(w, (struct query){.at_us = T0 + SPAN, .slo = "month"});
    assert_int_equal(r->slos[0].incidents[0].from_us, FIRED);
    assert_int_equal(r->slos[0].incidents[0].bad,
                     sum(w, r->slos[0].def, FIRED - 10 * S, RESOLVED + 40 * S).bad);
    query_report_free(r);
}

static void deleted_hours_are_not_cut(void **state)
{
    struct world *w = *state;
    int64_t at = T0 + 2 * DAY + 30 * MINUTE;
    delete_old(w);
    refused(w, (struct query){.at_us = at + 1, .slo = "hour"}, "use whole minutes");
    refused(w, (struct query){.at_us = at, .slo = "hour"}, "use whole hours");
    struct report *r = ask(w, (struct query){.at_us = at, .slo = "hour", .brief = true});
    same(r->slos[0].counts, sum(w, r->slos[0].def, at - HOUR, at));
    query_report_free(r);
}

static void a_young_sli_warms_up(void **state)
{
    struct world *w = *state;
    delete_old(w);
    for (int maps = 0; maps < 2; maps++) {
        add_slo(w->config, maps ? "young" : "younger", &probe, 0, 60 * HOUR);
        struct slo_def *d = w->config->slos[w->config->slo_count - 1];
        d->sli.key = "api young";
        if (maps)
            d->sli = mapped_sli("api mapped");
        struct report *r = ask(w, (struct query){.at_us = T0 + SPAN, .slo = d->name});
        const struct report_slo *s = &r->slos[0];
        same(s->counts, sum(w, d, RAW_SINCE, T0 + SPAN));
        assert_int_equal(s->state, SLO_WARMING);
        /* The 38 hours before its history are nobody's fault. */
        assert_in_range(s->not_started, 38 * HOUR / INTERVAL, 38 * HOUR / INTERVAL + 2);
        assert_true(s->prober_down < 20); /* the noise */
        query_report_free(r);
    }
}

static void first_events_of_deleted_hours(void **state)
{
    struct world *w = *state;
    delete_old(w);
    add_slo(w->config, "mapped", &probe, 0, 30 * DAY);
    struct slo_def *d = w->config->slos[w->config->slo_count - 1];
    d->sli = mapped_sli("api mapped before");
    struct report *r = ask(w, (struct query){.at_us = T0 + SPAN, .slo = "mapped"});
    const struct report_slo *s = &r->slos[0];
    same(s->counts, sum(w, d, T0, T0 + SPAN));
    assert_int_equal(s->not_started, 27 * DAY / INTERVAL); /* before its minute, T0 */
    query_report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_equal_sums_over_rows),
        cmocka_unit_test(explicit_spans),
        cmocka_unit_test(tiers_see_what_was_done_by_then),
        cmocka_unit_test(incidents_and_failures),
        cmocka_unit_test(what_is_excluded_is_told),
        cmocka_unit_test(nothing_known),
        cmocka_unit_test(overview_of_all),
        cmocka_unit_test(overview_of_the_past),
        cmocka_unit_test(now_is_where_history_is_complete),
        /* The last ones: they delete. */
        cmocka_unit_test(reports_of_deleted_hours),
        cmocka_unit_test(deleted_hours_are_not_cut),
        cmocka_unit_test(a_young_sli_warms_up),
        cmocka_unit_test(first_events_of_deleted_hours),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
