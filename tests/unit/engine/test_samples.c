/*
 * Metric SLIs in the evaluator, on a clock that is a number: what is scraped
 * becomes windows and pages, and neither restarts nor reloads nor scrapes that
 * come while history is read change what they say.
 */
#include "engine/evaluate.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/vec.h"
#include "engine/stream.h"
#include "model/expr.h"
#include "model/selector.h"
#include "slo/derive.h"
#include "slo/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define S USEC_PER_SEC
#define MIN USEC_PER_MIN
#define T0 (1000 * USEC_PER_DAY)
#define INTERVAL (15 * S)
#define SERIES 6
#define SLOS 3

static struct probe_def probe = {
    .id = "page", .interval_us = INTERVAL, .timeout_us = 5 * S, .max_in_flight = 1};

static const struct tier_def tiers[] = {
    {SEVERITY_PAGE, USEC_PER_HOUR, 5 * MIN, {144, 1}, 2},
};

/* ---- a target that counts -------------------------------------------------------- */

static const char *const series_texts[SERIES] = {
    "r{status=\"200\"}", "r{status=\"404\"}", "r{status=\"500\"}",
    "r{status=\"503\"}", "depth{q=\"a\"}",    "other",
};

struct target {
    double value[SERIES];
    bool there[SERIES];
};

static struct observation observe(const struct target *t, struct sample at[static SERIES],
                                  int64_t slot_us, enum scrape_state state)
{
    struct observation obs = {.samples = at};
    for (size_t i = 0; i < SERIES; i++)
        if (t->there[i])
            at[obs.sample_count++] = (struct sample){series_texts[i], t->value[i]};
    obs.result = (struct result){.slot_us = slot_us, .done_us = slot_us + 10000};
    obs.result.outcome = state == SCRAPE_DATA     ? OUTCOME_GOOD
                         : state == SCRAPE_SILENT ? OUTCOME_BAD
                                                  : OUTCOME_EXCLUDED;
    if (state == SCRAPE_DATA)
        obs.result.flags = RESULT_SCRAPED;
    else
        obs.sample_count = 0;
    return obs;
}

/* ---- declarations ----------------------------------------------------------------- */

static const struct selector *select_series(struct arena *a, const char *text)
{
    const struct selector *s = NULL;
    assert_int_equal(selector_parse(a, text, strlen(text), &s, NULL, NULL), 0);
    return s;
}

static struct slo_def *add_slo(struct config *c, const char *name, struct sli_metric metric,
                               int64_t window_us)
{
    struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
    struct sli_metric *m = arena_alloc(&c->arena, sizeof(*m));
    *m = metric;
    d->name = name;
    d->service = "svc";
    d->objective_name = "";
    d->sli.probe = "page";
    d->sli.key = arena_printf(&c->arena, "page %s", name);
    d->sli.metric = m;
    memset(d->sli.classify, -1, sizeof(d->sli.classify));
    d->probe = &probe;
    d->target = (struct decimal){999, 3};
    d->window = (struct window_def){.type = WINDOW_ROLLING, .duration_us = window_us};
    d->alerting = true;
    d->tiers = tiers;
    d->tier_count = 1;
    c->slos[c->slo_count++] = d;
    return d;
}

static struct config *make_config(int64_t window_us)
{
    struct config *c = mem_alloc(sizeof(*c));
    struct sli_metric errors = {.kind = SLI_RATIO}, depth = {.kind = SLI_THRESHOLD};
    struct sli_metric rate = {.kind = SLI_THRESHOLD};
    c->refs = 1;
    c->slos = arena_alloc(&c->arena, SLOS * sizeof(*c->slos));
    errors.bad = select_series(&c->arena, "r{status=~\"5..\"}");
    errors.total = select_series(&c->arena, "r");
    assert_int_equal(expr_parse(&c->arena, "depth < 100", &depth.condition, NULL, NULL), 0);
    assert_int_equal(expr_parse(&c->arena, "rate(other) >= 2/s", &rate.condition, NULL, NULL), 0);
    add_slo(c, "errors", errors, window_us);
    add_slo(c, "depth", depth, window_us);
    add_slo(c, "rate", rate, window_us)->no_data = NO_DATA_BAD;
    return c;
}

/* ---- the evaluator ------------------------------------------------------------------ */

struct world {
    struct evaluator *e;
    struct target target;
    VEC(struct alert_transition) transitions;
};

static void on_transition(void *ctx, const struct slo_view *view, const struct alert_transition *t)
{
    struct world *w = ctx;
    (void)view;
    vec_push(&w->transitions, *t);
}

static void adopt(struct evaluator *e, int64_t window_us, int64_t now_us)
{
    struct config *c = make_config(window_us);
    evaluator_set_config(e, c, NULL, now_us);
    evaluator_add_revision(e, &probe, now_us);
    config_unref(c);
}

static void settle_alerts(struct evaluator *e)
{
    for (size_t i = 0; i < evaluator_count(e); i++)
        evaluator_set_alert(e, evaluator_view(e, i)->def->name, "", &(struct alert_state){0});
}

static void merge_nothing(struct evaluator *e, int64_t now_us)
{
    struct pending_sli pending[SLOS];
    size_t n = evaluator_pending(e, pending, SLOS);
    for (size_t i = 0; i < n; i++) {
        struct live *nothing = live_new(pending[i].longest_us, now_us);
        struct sli_past past = {.live = nothing,
                                .stream = stream_new(pending[i].sli),
                                .first_event_us = INT64_MAX,
                                .newest_us = INT64_MIN};
        evaluator_merge(e, pending[i].sli->key, &past);
        stream_free(past.stream);
        live_free(nothing);
    }
    settle_alerts(e);
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    struct evaluator_hooks hooks = {on_transition, w};
    w->e = evaluator_new(&hooks, T0);
    w->target = (struct target){.there = {true, true, false, false, true, true}};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    evaluator_free(w->e);
    vec_release(&w->transitions);
    free(w);
    return 0;
}

static void feed(struct world *w, int64_t slot_us, enum scrape_state state)
{
    struct sample at[SERIES];
    struct observation obs = observe(&w->target, at, slot_us, state);
    evaluator_run_due(w->e, obs.result.done_us - 1);
    evaluator_result(w->e, "page", &obs);
}

static const struct slo_view *view(const struct evaluator *e, const char *name)
{
    for (size_t i = 0; i < evaluator_count(e); i++)
        if (strcmp(evaluator_view(e, i)->def->name, name) == 0)
            return evaluator_view(e, i);
    fail_msg("no SLO %s", name);
    return NULL;
}

/* ---- by hand --------------------------------------------------------------------------- */

/* 100 requests a scrape; from the outage on every second one fails. */
static void test_requests_that_fail_page(void **state)
{
    struct world *w = *state;
    struct target *t = &w->target;
    adopt(w->e, 30 * USEC_PER_DAY, T0);
    merge_nothing(w->e, T0);
    int64_t slot = T0, outage = T0 + 2 * USEC_PER_HOUR;
    for (; slot < outage; slot += INTERVAL) {
        feed(w, slot, SCRAPE_DATA);
        t->value[0] += 100;
        t->value[5] += 100;
    }
    assert_int_equal(w->transitions.len, 0);
    t->there[2] = true; /* none of these was ever seen: it starts at 0 */
    for (; slot < outage + 4 * MIN; slot += INTERVAL) {
        t->value[0] += 50;
        t->value[2] += 50;
        t->value[5] += 100;
        feed(w, slot, SCRAPE_DATA);
    }
    evaluator_run_due(w->e, slot);
    /* The first bad scrape brought 200 requests, so an hour has 24100: n of them
     * burn 50 n / 24100 / 0.001 >= 14.4, first for n = 7, at +90 s. */
    assert_int_equal(w->transitions.len, 1);
    const struct alert_transition *tr = &w->transitions.at[0];
    assert_string_equal(tr->slo, "errors");
    assert_int_equal(tr->kind, ALERT_EVENT_FIRE);
    assert_int_equal(tr->at_us, outage + 100 * S);
    assert_int_equal(tr->long_counts.bad, 350);
    assert_int_equal(tr->long_counts.good + tr->long_counts.bad, 24100);
    assert_int_equal(tr->long_counts.scrapes, 240);
    assert_int_equal(tr->long_expected, 240);
    const struct slo_view *v = view(w->e, "errors");
    assert_int_equal(v->window.bad, 16 * 50);
    assert_int_equal(v->window.good, 480 * 100 + 16 * 50);
    assert_int_equal(v->window.scrapes, 480 + 16);
    assert_int_equal(v->first_event_us, T0);
    assert_int_equal(v->resets, 0);
}

static void test_silence_is_what_the_objective_says(void **state)
{
    struct world *w = *state;
    adopt(w->e, 30 * USEC_PER_DAY, T0);
    merge_nothing(w->e, T0);
    int64_t slot = T0;
    for (; slot < T0 + 10 * MIN; slot += INTERVAL) {
        w->target.value[5] += 1000;
        feed(w, slot, SCRAPE_DATA);
    }
    for (; slot < T0 + 20 * MIN; slot += INTERVAL)
        feed(w, slot, SCRAPE_SILENT);
    feed(w, slot, SCRAPE_EXCLUDED);
    evaluator_run_due(w->e, slot + 10 * S);
    const struct slo_view *depth = view(w->e, "depth"), *rate = view(w->e, "rate");
    assert_int_equal(depth->window.good, 40);
    assert_int_equal(depth->window.silent, 40);
    assert_int_equal(depth->window.excluded, 1);
    assert_int_equal(depth->alert.phase, ALERT_INACTIVE);
    assert_true(depth->burn_5m == 0);
    /* The same silence is bad for this one. */
    assert_int_equal(rate->window.good, 39); /* the first scrape is where growth begins */
    assert_int_equal(rate->window.silent, 40);
    assert_true(rate->burn_5m > 900);
    assert_int_equal(rate->alert.phase, ALERT_FIRING);
    assert_int_equal(w->transitions.len, 1);
    assert_string_equal(w->transitions.at[0].slo, "rate");
}

/* A restart of the target is told; what it counted in between is not made up. */
static void test_resets_and_clamps_are_counted(void **state)
{
    struct world *w = *state;
    struct target *t = &w->target;
    adopt(w->e, 30 * USEC_PER_DAY, T0);
    merge_nothing(w->e, T0);
    t->value[0] = 5000;
    feed(w, T0, SCRAPE_DATA);
    t->value[0] = 30;
    feed(w, T0 + INTERVAL, SCRAPE_DATA);
    evaluator_run_due(w->e, T0 + MIN);
    assert_int_equal(view(w->e, "errors")->resets, 1);
    assert_int_equal(view(w->e, "errors")->clamped, 0);
    assert_int_equal(view(w->e, "errors")->window.good, 30);
}

/* It was kept back for a self-check: its successor is known already. */
static void test_a_late_silence_counts_at_its_slot(void **state)
{
    struct world *w = *state;
    adopt(w->e, 30 * USEC_PER_DAY, T0);
    merge_nothing(w->e, T0);
    feed(w, T0, SCRAPE_DATA);
    feed(w, T0 + 2 * INTERVAL, SCRAPE_DATA);
    struct sample at[SERIES];
    struct observation late = observe(&w->target, at, T0 + INTERVAL, SCRAPE_EXCLUDED);
    late.result.done_us = T0 + 2 * INTERVAL + 20000;
    evaluator_result(w->e, "page", &late);
    late = observe(&w->target, at, T0 + INTERVAL + S, SCRAPE_SILENT);
    late.result.done_us = T0 + 2 * INTERVAL + 20000;
    evaluator_result(w->e, "page", &late);
    feed(w, T0 + 3 * INTERVAL, SCRAPE_DATA);
    evaluator_run_due(w->e, T0 + 2 * MIN);
    const struct slo_view *v = view(w->e, "depth");
    assert_int_equal(v->window.good, 3);
    assert_int_equal(v->window.excluded, 1);
    assert_int_equal(v->window.silent, 1);
}

/* More than can be held comes while the history is read: it is read again. */
static void test_too_much_to_hold_is_read_again(void **state)
{
    struct world *w = *state;
    struct pending_sli pending[SLOS];
    enum { MANY = 2000 };
    struct sample *at = mem_array(MANY, sizeof(*at));
    char(*names)[64] = mem_array(MANY, sizeof(*names));
    adopt(w->e, 30 * USEC_PER_DAY, T0);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "r{n=\"%zu\",status=\"200\"}", i);
        at[i] = (struct sample){names[i], (double)i};
    }
    int64_t slot = T0;
    for (int i = 0; i < 60; i++, slot += INTERVAL) {
        struct observation obs = observe(&w->target, at, slot, SCRAPE_SILENT);
        obs.result.flags = RESULT_SCRAPED;
        obs.samples = at;
        obs.sample_count = MANY;
        evaluator_run_due(w->e, obs.result.done_us - 1);
        evaluator_result(w->e, "page", &obs);
    }
    merge_nothing(w->e, slot); /* as of T0 */
    assert_int_equal(evaluator_pending(w->e, pending, SLOS), SLOS);
    evaluator_reattach(w->e, slot);
    assert_int_equal(evaluator_pending(w->e, pending, SLOS), SLOS);
    assert_int_equal(pending[0].attached_us, slot);
    merge_nothing(w->e, slot);
    assert_int_equal(evaluator_pending(w->e, pending, SLOS), 0);
    for (int i = 0; i < 4; i++, slot += INTERVAL)
        feed(w, slot, SCRAPE_DATA);
    evaluator_run_due(w->e, slot);
    assert_int_equal(view(w->e, "depth")->window.good, 4);
    free(at);
    free(names);
}

/* ---- against a list of events ----------------------------------------------------------- */

struct event {
    int64_t slot_us, done_us;
    struct counts counts;
};

struct scraped {
    int64_t slot_us, done_us;
    struct target target;
    enum scrape_state state;
};

/* One SLI as it is without interruptions. */
struct stream_model {
    struct stream *stream;
    VEC(struct event) events;
    int64_t done_us; /* of what is fed */
};

struct random {
    uint64_t rng;
    struct config *config; /* of the models */
    struct stream_model model[SLOS];
    VEC(struct scraped) scrapes;
    struct target target;
    struct evaluator *e;
    int64_t now_us, window_us, attached_us, merged_us;
    bool pending;
    int merges, checks, held;
};

static int64_t below(struct random *w, int64_t n)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (int64_t)(w->rng % (uint64_t)n);
}

static void on_model(void *ctx, const struct derived *e)
{
    struct stream_model *m = ctx;
    vec_push(&m->events, ((struct event){e->slot_us, m->done_us, e->counts}));
}

static void change_target(struct random *w)
{
    struct target *t = &w->target;
    for (size_t i = 0; i < SERIES; i++) {
        if (below(w, 40) == 0)
            t->there[i] = !t->there[i];
        if (i == 4)
            t->value[i] = (double)below(w, 120);
        else
            t->value[i] += (double)below(w, 40);
    }
    if (below(w, 60) == 0)
        memset(t->value, 0, sizeof(t->value)); /* it began anew */
}

static void scrape(struct random *w)
{
    struct sample at[SERIES];
    int64_t draw = below(w, 20);
    enum scrape_state state = draw == 0 ? SCRAPE_EXCLUDED : draw < 4 ? SCRAPE_SILENT : SCRAPE_DATA;
    change_target(w);
    struct observation obs = observe(&w->target, at, w->now_us, state);
    obs.result.done_us = w->now_us += 1 + below(w, 5 * S);
    struct scrape s = {obs.result.slot_us, INTERVAL, state, at, obs.sample_count};
    for (size_t i = 0; i < SLOS; i++) {
        w->model[i].done_us = obs.result.done_us;
        derive_feed(w->model[i].stream->derive, &s, on_model, &w->model[i]);
    }
    vec_push(&w->scrapes, ((struct scraped){s.slot_us, obs.result.done_us, w->target, state}));
    evaluator_run_due(w->e, obs.result.done_us - 1);
    evaluator_result(w->e, "page", &obs);
    w->held += w->pending;
}

/* What a store would tell of the scrapes until the attachment. */
static void seed(const struct random *w, struct sli_past *past)
{
    double last[SERIES];
    int64_t seen[SERIES], scraped = INT64_MIN;
    for (size_t i = 0; i < SERIES; i++)
        seen[i] = INT64_MIN;
    for (size_t i = 0; i < w->scrapes.len; i++) {
        const struct scraped *s = &w->scrapes.at[i];
        if (s->done_us > w->attached_us)
            break;
        past->newest_us = s->slot_us;
        scraped = s->state == SCRAPE_DATA ? s->slot_us : scraped;
        for (size_t j = 0; j < SERIES && s->state == SCRAPE_DATA; j++)
            if (s->target.there[j]) {
                seen[j] = s->slot_us;
                last[j] = s->target.value[j];
            }
    }
    for (size_t j = 0; j < SERIES; j++)
        if (seen[j] != INT64_MIN)
            derive_seed(past->stream->derive, series_texts[j], seen[j], last[j]);
    if (scraped != INT64_MIN)
        derive_seed_scrape(past->stream->derive, scraped);
}

static void merge(struct random *w)
{
    struct pending_sli pending[SLOS];
    size_t n = evaluator_pending(w->e, pending, SLOS);
    assert_int_equal(n, SLOS);
    for (size_t i = 0; i < n; i++) {
        struct live *live = live_new(pending[i].longest_us, w->now_us);
        struct sli_past past = {.live = live,
                                .stream = stream_new(pending[i].sli),
                                .first_event_us = INT64_MAX,
                                .newest_us = INT64_MIN};
        size_t k = strstr(pending[i].sli->key, "errors")  ? 0
                   : strstr(pending[i].sli->key, "depth") ? 1
                                                          : 2;
        const struct stream_model *m = &w->model[k];
        for (size_t j = 0; j < m->events.len; j++)
            if (m->events.at[j].done_us <= w->attached_us)
                live_add_event(live, m->events.at[j].slot_us, m->events.at[j].counts);
        seed(w, &past);
        evaluator_merge(w->e, pending[i].sli->key, &past);
        assert_null(past.stream);
        live_free(live);
    }
    settle_alerts(w->e);
    w->pending = false;
    w->merged_us = w->now_us;
    w->merges++;
}

static void ignore(void *ctx, const struct slo_view *v, const struct alert_transition *t)
{
    (void)ctx, (void)v, (void)t;
}

static void restart(struct random *w)
{
    struct evaluator_hooks hooks = {ignore, NULL};
    evaluator_free(w->e);
    w->e = evaluator_new(&hooks, w->now_us);
    w->window_us = (3 + below(w, 7)) * USEC_PER_DAY;
    adopt(w->e, w->window_us, w->now_us);
    w->attached_us = w->now_us;
    w->pending = true;
    merge(w);
}

/* A longer window needs more history than is kept. */
static void reload(struct random *w)
{
    w->window_us += USEC_PER_DAY;
    adopt(w->e, w->window_us, w->now_us);
    w->attached_us = w->now_us;
    w->pending = true;
}

static struct counts expected_counts(const struct random *w, size_t k, int64_t t_us)
{
    struct counts c = {0};
    int64_t start = tier_window_start(t_us, w->window_us);
    for (size_t i = 0; i < w->model[k].events.len; i++) {
        const struct event *e = &w->model[k].events.at[i];
        if (e->slot_us >= start && e->slot_us < t_us && e->done_us <= t_us)
            counts_add(&c, e->counts);
    }
    return c;
}

static void check(struct random *w)
{
    static const char *const names[SLOS] = {"errors", "depth", "rate"};
    for (size_t k = 0; k < SLOS; k++) {
        const struct slo_view *v = view(w->e, names[k]);
        if (w->pending || v->at_us < w->merged_us)
            continue;
        struct counts want = expected_counts(w, k, v->at_us);
        if (!counts_empty(counts_minus(v->window, want)))
            fail_msg("%s: %lld/%lld/%lld/%lld/%lld, not %lld/%lld/%lld/%lld/%lld", names[k],
                     (long long)v->window.good, (long long)v->window.bad,
                     (long long)v->window.excluded, (long long)v->window.scrapes,
                     (long long)v->window.silent, (long long)want.good, (long long)want.bad,
                     (long long)want.excluded, (long long)want.scrapes, (long long)want.silent);
        w->checks++;
    }
}

static void step(struct random *w)
{
    int64_t kind = below(w, 400), due = evaluator_due(w->e);
    if (kind == 0)
        w->now_us += below(w, 5 * USEC_PER_HOUR); /* the prober was down: spread */
    w->now_us = (w->now_us / INTERVAL + 1 + (kind < 10 ? below(w, 8) : 0)) * INTERVAL;
    if (kind < 3 && !w->pending)
        restart(w);
    scrape(w);
    if (w->pending && below(w, 4) == 0)
        merge(w);
    else if (!w->pending && kind > 390)
        reload(w);
    if (evaluator_due(w->e) != due && below(w, 3) == 0)
        check(w);
}

static void test_windows_are_those_of_an_uninterrupted_run(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct random w = {.rng = seed * 0x9e3779b97f4a7c15, .now_us = T0};
        w.config = make_config(USEC_PER_DAY);
        for (size_t i = 0; i < SLOS; i++)
            w.model[i].stream = stream_new(&w.config->slos[i]->sli);
        w.target = (struct target){.there = {true, true, false, true, true, true}};
        restart(&w);
        for (int i = 0; i < 4000; i++)
            step(&w);
        assert_true(w.merges > 40);
        assert_true(w.held > 40);
        assert_true(w.checks > 1000);
        evaluator_free(w.e);
        for (size_t i = 0; i < SLOS; i++) {
            stream_free(w.model[i].stream);
            vec_release(&w.model[i].events);
        }
        vec_release(&w.scrapes);
        config_unref(w.config);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_requests_that_fail_page),
        T(test_silence_is_what_the_objective_says),
        T(test_resets_and_clamps_are_counted),
        T(test_a_late_silence_counts_at_its_slot),
        T(test_too_much_to_hold_is_read_again),
        cmocka_unit_test(test_windows_are_those_of_an_uninterrupted_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
