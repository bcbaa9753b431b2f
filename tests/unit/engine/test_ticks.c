/*
 * Views at every tick against their definition: events are counted one by one,
 * slots by slo/expected.h, periods by slo/window.h. Schedules change, periods
 * end, reloads come, results are late.
 */
#include "engine/evaluate.h"

#include "base/vec.h"
#include "io/zone.h"
#include "slo/budget.h"
#include "slo/expected.h"
#include "slo/hours.h"
#include "slo/live.h"
#include "slo/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S USEC_PER_SEC
#define MIN USEC_PER_MIN
#define T0 (20000 * USEC_PER_DAY)
#define SLOS 3

struct event {
    int64_t slot_us;
    enum outcome outcome;
};

struct world {
    uint64_t rng;
    struct evaluator *e;
    struct zone *zone;
    struct probe_def probe;
    const struct hours *hours[3]; /* that the probe may have; the first: none */
    VEC(struct event) events;
    VEC(struct probe_revision) revisions;
    int64_t now_us;
    int transitions;
};

static const struct tier_def tiers[] = {
    {SEVERITY_PAGE, USEC_PER_HOUR, 5 * MIN, {144, 1}, 2},
    {SEVERITY_TICKET, 6 * USEC_PER_HOUR, 31 * MIN, {2, 0}, 3},
};

static int64_t below(struct world *w, int64_t n)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (int64_t)(w->rng % (uint64_t)n);
}

static const struct slo_def plain = {0};

static struct tier_counts counts(const struct world *w, int64_t start_us, int64_t t_us,
                                 struct counts *ret)
{
    struct counts c = {0};
    for (size_t i = 0; i < w->events.len; i++) {
        const struct event *e = &w->events.at[i];
        if (e->slot_us < start_us || e->slot_us >= t_us)
            continue;
        c.good += e->outcome == OUTCOME_GOOD;
        c.bad += e->outcome == OUTCOME_BAD;
        c.excluded += e->outcome == OUTCOME_EXCLUDED;
    }
    *ret = c;
    return tier_counts_make(&plain, c,
                            expected_slots(w->revisions.at, w->revisions.len, start_us, t_us));
}

static struct tier_counts window(const struct world *w, int64_t t_us, int64_t length_us)
{
    struct counts ignored;
    return counts(w, tier_window_start(t_us, length_us), t_us, &ignored);
}

static double burn(const struct world *w, const struct slo_view *v, int64_t length_us)
{
    struct tier_counts c = window(w, v->at_us, length_us);
    return tier_burn(c, v->def->target);
}

static void check(const struct world *w, const struct slo_view *v)
{
    struct counts c;
    struct span span = window_span(&v->def->window, v->at_us);
    int64_t start = tier_window_start(v->at_us, v->at_us - span.start_us);
    struct tier_counts whole = counts(w, start, v->at_us, &c);
    assert_int_equal(v->window_start_us, span.start_us);
    assert_int_equal(v->window.good, c.good);
    assert_int_equal(v->window.bad, c.bad);
    assert_int_equal(v->window.excluded, c.excluded);
    assert_int_equal(v->window_expected, whole.expected);
    assert_true(v->burn_5m == burn(w, v, 5 * MIN) && v->burn_30m == burn(w, v, 30 * MIN) &&
                v->burn_1h == burn(w, v, 60 * MIN) && v->burn_6h == burn(w, v, 360 * MIN) &&
                v->burn_3d == burn(w, v, 3 * USEC_PER_DAY));
    for (size_t i = 0; i < v->def->tier_count; i++) {
        const struct tier_def *t = &v->def->tiers[i];
        assert_int_equal(v->firing[i],
                         tier_fires(t, v->def->target, window(w, v->at_us, t->long_us),
                                    window(w, v->at_us, t->short_us)));
    }
}

static void on_transition(void *ctx, const struct slo_view *view, const struct alert_transition *t)
{
    struct world *w = ctx;
    assert_int_equal(view->at_us, t->at_us);
    assert_memory_equal(&view->alert, &t->state, sizeof(t->state));
    check(w, view);
    w->transitions++;
}

static void add_slo(struct world *w, struct config *c, const char *objective,
                    struct window_def window_def)
{
    struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
    d->name = "one name for all";
    d->service = "svc";
    d->objective_name = objective;
    d->sli.probe = d->sli.key = "api";
    memset(d->sli.classify, -1, sizeof(d->sli.classify));
    d->probe = &w->probe;
    d->target = (struct decimal){99, 2};
    d->window = window_def;
    d->alerting = true;
    d->tiers = tiers;
    d->tier_count = countof(tiers);
    c->slos[c->slo_count++] = d;
}

static void adopt(struct world *w, bool turned)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    c->slos = arena_alloc(&c->arena, SLOS * sizeof(*c->slos));
    struct window_def day = {
        .type = WINDOW_CALENDAR, .unit = CALENDAR_DAY, .count = 1, .zone = w->zone};
    struct window_def week = {.type = WINDOW_ROLLING, .duration_us = 7 * USEC_PER_DAY};
    add_slo(w, c, "day", turned ? week : day);
    add_slo(w, c, "week", turned ? day : week);
    add_slo(w, c, "hours", (struct window_def){.type = WINDOW_ROLLING, .duration_us = 300 * MIN});
    evaluator_set_config(w->e, c, NULL, w->now_us);
    config_unref(c);
}

/* What the last tick saw goes on until the next one. */
static void reload(struct world *w)
{
    struct slo_view before[SLOS];
    for (size_t i = 0; i < SLOS; i++)
        before[i] = *evaluator_view(w->e, i);
    adopt(w, below(w, 2));
    for (size_t i = 0; i < SLOS; i++) {
        const struct slo_view *v = evaluator_view(w->e, i);
        assert_int_equal(v->at_us, before[i].at_us);
        assert_memory_equal(&v->window, &before[i].window, sizeof(v->window));
        assert_memory_equal(&v->alert, &before[i].alert, sizeof(v->alert));
        assert_ptr_not_equal(v->def, before[i].def);
        assert_true(v->burn_1h == before[i].burn_1h);
    }
}

/* The store knows other schedules of old than this process does. */
static void learn(struct world *w)
{
    w->revisions.at[0].interval_us = (1 + below(w, 6)) * 10 * S;
    struct store_probe known = {.first_event_us = T0,
                                .last_slot_us = INT64_MIN,
                                .revisions = w->revisions.at,
                                .revision_count = w->revisions.len};
    evaluator_set_history(w->e, "api", &known);
}

static void revise(struct world *w)
{
    w->probe.interval_us = (1 + below(w, 6)) * 10 * S;
    w->probe.phase_us = below(w, 10) * S;
    w->probe.timeout_us = 5 * S;
    w->probe.hours = w->hours[below(w, 3)];
    evaluator_add_revision(w->e, &w->probe, w->now_us);
    struct probe_revision rev = {w->now_us, w->probe.interval_us, w->probe.phase_us,
                                 w->probe.timeout_us, w->probe.hours};
    vec_push(&w->revisions, rev);
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    struct evaluator_hooks hooks = {on_transition, w};
    w->rng = 0x9e3779b97f4a7c15;
    w->now_us = T0;
    w->probe.id = "api";
    w->e = evaluator_new(&hooks, T0);
    struct hours *office = NULL, *night = NULL;
    assert_int_equal(hours_parse("Europe/Berlin mon-fri 08:00-18:00", &office, NULL), 0);
    assert_int_equal(hours_parse("Asia/Kolkata daily 22:00-06:00", &night, NULL), 0);
    w->hours[1] = office;
    w->hours[2] = night;
    assert_int_equal(zone_open("Asia/Kolkata", &w->zone, NULL), 0); /* days begin at :30 */
    adopt(w, false); /* a longer window comes after a shorter one */
    revise(w);
    struct live *nothing = live_new(8 * USEC_PER_DAY, T0);
    evaluator_merge(w->e, "api", &(struct sli_past){.live = nothing});
    live_free(nothing);
    for (size_t i = 0; i < SLOS; i++)
        evaluator_set_alert(w->e, "one name for all", evaluator_view(w->e, i)->def->objective_name,
                            &(struct alert_state){0});
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    evaluator_free(w->e);
    zone_free(w->zone);
    hours_unref(w->hours[1]);
    hours_unref(w->hours[2]);
    vec_release(&w->events);
    vec_release(&w->revisions);
    free(w);
    return 0;
}

static void result(struct world *w, bool outage)
{
    int64_t late = below(w, 3) ? below(w, S) : below(w, MIN);
    int64_t kind = below(w, 40);
    enum outcome o = outage || kind == 0 ? OUTCOME_BAD
                     : kind == 1         ? OUTCOME_EXCLUDED
                                         : OUTCOME_GOOD;
    struct result r = {.slot_us = w->now_us - late, .done_us = w->now_us, .total_us = late};
    r.outcome = (uint8_t)o;
    r.reason = o == OUTCOME_BAD ? REASON_STATUS : REASON_NONE;
    evaluator_run_due(w->e, r.done_us - 1);
    /* A view is of the tick: what comes after it waits for the next one. */
    int64_t seen = evaluator_view(w->e, 0)->window.good + evaluator_view(w->e, 0)->window.bad;
    evaluator_result(w->e, "api", &(struct observation){.result = r});
    assert_int_equal(evaluator_view(w->e, 0)->window.good + evaluator_view(w->e, 0)->window.bad,
                     seen);
    vec_push(&w->events, ((struct event){r.slot_us, o}));
}

static void test_views_are_what_they_mean(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 4000; i++) {
        w->now_us += below(w, 300) ? below(w, 90 * S) : below(w, 5 * USEC_PER_HOUR);
        if (below(w, 150) == 0)
            reload(w);
        if (below(w, 400) == 0)
            revise(w);
        if (below(w, 400) == 0)
            learn(w);
        int64_t due = evaluator_due(w->e);
        result(w, i / 200 % 3 == 2);
        if (evaluator_due(w->e) == due)
            continue;
        /* Only what had been done by then. */
        struct event newest = w->events.at[--w->events.len];
        for (size_t j = 0; j < SLOS; j++)
            check(w, evaluator_view(w->e, j));
        vec_push(&w->events, newest);
    }
    assert_true(w->now_us > T0 + 2 * USEC_PER_DAY);
    assert_true(w->transitions > 20);
    assert_true(w->revisions.len > 3);
}

/* Also one that nobody looked at before. */
static void test_a_reload_shows_the_last_tick(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 100; i++) {
        w->now_us += 10 * S;
        result(w, true);
    }
    evaluator_run_due(w->e, w->now_us + 30 * S);
    adopt(w, true);
    check(w, evaluator_view(w->e, 2));
    assert_true(evaluator_view(w->e, 2)->window.bad > 90);
}

/* As many as there may be, each found again by its name. */
static void test_thousands_of_objectives(void **state)
{
    struct world *w = *state;
    const size_t n = 10000;
    for (int round = 0; round < 2; round++) {
        struct config *c = mem_alloc(sizeof(*c));
        c->refs = 1;
        c->slos = arena_alloc(&c->arena, n * sizeof(*c->slos));
        for (size_t i = 0; i < n; i++) {
            add_slo(w, c, i % 2 ? "b" : "a",
                    (struct window_def){.type = WINDOW_ROLLING, .duration_us = USEC_PER_DAY});
            c->slos[i]->name = arena_printf(&c->arena, "slo-%zu", i / 2);
            c->slos[i]->sli.probe = c->slos[i]->sli.key = arena_printf(&c->arena, "p-%zu", i / 3);
        }
        evaluator_set_config(w->e, c, NULL, w->now_us);
        config_unref(c);
        for (size_t i = 0; round == 0 && i < n; i++) {
            const struct slo_def *d = evaluator_view(w->e, i)->def;
            evaluator_set_alert(w->e, d->name, d->objective_name,
                                &(struct alert_state){.since_us = (int64_t)i + 1});
        }
    }
    assert_int_equal(evaluator_count(w->e), n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(evaluator_view(w->e, i)->alert.since_us, (int64_t)i + 1);
        assert_true(evaluator_view(w->e, i)->settled);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_views_are_what_they_mean),
        T(test_a_reload_shows_the_last_tick),
        T(test_thousands_of_objectives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
