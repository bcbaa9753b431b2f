/* Evaluation on a clock that is a number: which tick fires, what a restart
 * merges, what a reload keeps. */
#include "engine/evaluate.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/vec.h"
#include "slo/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S USEC_PER_SEC
#define MIN USEC_PER_MIN
#define T0 (1000 * USEC_PER_DAY)
#define INTERVAL (15 * S)

struct world {
    struct evaluator *e;
    VEC(struct alert_transition) transitions;
};

static void on_transition(void *ctx, const struct slo_view *view, const struct alert_transition *t)
{
    struct world *w = ctx;
    assert_ptr_equal(view->def->name, t->slo);
    vec_push(&w->transitions, *t);
}

static const struct tier_def tiers[] = {
    {SEVERITY_PAGE, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 2},
};

static struct probe_def probe = {
    .id = "api", .interval_us = INTERVAL, .timeout_us = 5 * S, .max_in_flight = 1};

static void add_slo(struct config *c, size_t i, const char *name, const char *key, int64_t faster)
{
    struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
    d->name = name;
    d->service = "svc";
    d->objective_name = "";
    d->sli.probe = "api";
    d->sli.key = key;
    d->sli.faster_than_us = faster;
    memset(d->sli.classify, -1, sizeof(d->sli.classify));
    d->probe = &probe;
    d->target = (struct decimal){999, 3};
    d->window = (struct window_def){.type = WINDOW_ROLLING, .duration_us = 30 * USEC_PER_DAY};
    d->alerting = true;
    d->tiers = tiers;
    d->tier_count = 1;
    c->slos[i] = d;
}

static struct config *make_config(size_t n)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    c->slo_count = n;
    c->slos = arena_alloc(&c->arena, 2 * sizeof(*c->slos));
    if (n > 0)
        add_slo(c, 0, "availability", "api", 0);
    if (n > 1)
        add_slo(c, 1, "latency", "api faster_than=100000us", 100000);
    return c;
}

static void merge_empty(struct world *w, int64_t now)
{
    struct pending_sli pending[4];
    size_t n = evaluator_pending(w->e, pending, 4);
    for (size_t i = 0; i < n; i++) {
        struct live *nothing = live_new(pending[i].longest_us, now);
        evaluator_merge(w->e, pending[i].sli->key, &(struct sli_past){.live = nothing});
        live_free(nothing);
    }
    for (size_t i = 0; i < evaluator_count(w->e); i++) {
        const struct slo_def *def = evaluator_view(w->e, i)->def;
        evaluator_set_alert(w->e, def->name, def->objective_name, &(struct alert_state){0});
    }
}

static void adopt(struct world *w, size_t slos, int64_t now)
{
    struct config *c = make_config(slos);
    evaluator_set_config(w->e, c, NULL, now);
    evaluator_add_revision(w->e, &probe, now);
    config_unref(c);
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    struct evaluator_hooks hooks = {on_transition, w};
    w->e = evaluator_new(&hooks, T0);
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

/* One result whose run took 10 ms, ticks before it first, as the daemon does. */
static void feed(struct world *w, int64_t slot, enum outcome o)
{
    struct result r = {.slot_us = slot, .done_us = slot + 10000, .total_us = 10000};
    r.outcome = (uint8_t)o;
    r.reason = o == OUTCOME_BAD ? REASON_STATUS : REASON_NONE;
    evaluator_run_due(w->e, r.done_us - 1);
    evaluator_result(w->e, "api", &(struct observation){.result = r});
}

static int64_t feed_span(struct world *w, int64_t from, int64_t to, enum outcome o)
{
    for (; from < to; from += INTERVAL)
        feed(w, from, o);
    return from;
}

static void test_fourth_failure_pages_and_quiet_resolves(void **state)
{
    struct world *w = *state;
    adopt(w, 1, T0);
    merge_empty(w, T0);
    int64_t t = feed_span(w, T0, T0 + 2 * USEC_PER_HOUR, OUTCOME_GOOD);
    assert_int_equal(w->transitions.len, 0);
    int64_t outage = t;
    t = feed_span(w, t, t + 5 * MIN, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 1);
    const struct alert_transition *tr = &w->transitions.at[0];
    assert_int_equal(tr->kind, ALERT_EVENT_FIRE);
    assert_int_equal(tr->severity, SEVERITY_PAGE);
    /* Failures at +0, +15, +30, +45 s: 4/240 >= 1.44 % first holds at +50 s. */
    assert_int_equal(tr->at_us, outage + 50 * S);
    assert_int_equal(tr->long_counts.bad, 4);
    assert_int_equal(tr->long_expected, 240);
    feed_span(w, t, t + 30 * MIN, OUTCOME_GOOD);
    const struct alert_transition *last = &w->transitions.at[w->transitions.len - 1];
    assert_int_equal(last->kind, ALERT_EVENT_RESOLVE);
    assert_true(last->notify);
}

static void test_young_slo_does_not_page_by_division(void **state)
{
    struct world *w = *state;
    adopt(w, 1, T0);
    merge_empty(w, T0);
    /* The first three slots ever fail: 3 of 240 expected, not 3 of 3. */
    feed_span(w, T0, T0 + 3 * INTERVAL, OUTCOME_BAD);
    evaluator_run_due(w->e, T0 + MIN);
    assert_int_equal(w->transitions.len, 0);
}

/* ---- depends_on --------------------------------------------------------------------- */

static struct probe_def database = {
    .id = "db", .interval_us = 30 * S, .timeout_us = 5 * S, .max_in_flight = 1};
static const struct probe_def *const on_database[] = {&database};

static void depend(bool on)
{
    probe.depends_on = on ? on_database : NULL;
    probe.depends_on_count = on;
}

static int independent(void **state)
{
    depend(false);
    return teardown(state);
}

/* Both at the same slots. */
static int64_t feed_both(struct world *w, int64_t from, int64_t to, enum outcome db, enum outcome o)
{
    for (; from < to; from += INTERVAL) {
        struct result r = {.slot_us = from, .done_us = from + 5000, .total_us = 5000};
        r.outcome = (uint8_t)db;
        evaluator_run_due(w->e, r.done_us - 1);
        evaluator_result(w->e, "db", &(struct observation){.result = r});
        feed(w, from, o);
    }
    return from;
}

static int sent(const struct world *w)
{
    int n = 0;
    for (size_t i = 0; i < w->transitions.len; i++)
        n += w->transitions.at[i].notify;
    return n;
}

static void test_a_known_cause_mutes(void **state)
{
    struct world *w = *state;
    depend(true);
    adopt(w, 1, T0);
    merge_empty(w, T0);
    int64_t t = feed_both(w, T0, T0 + 2 * USEC_PER_HOUR, OUTCOME_GOOD, OUTCOME_GOOD);
    t = feed_both(w, t, t + 5 * MIN, OUTCOME_BAD, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 1);
    assert_int_equal(w->transitions.at[0].kind, ALERT_EVENT_FIRE);
    assert_false(w->transitions.at[0].notify);
    int64_t began = w->transitions.at[0].at_us;
    /* What says nothing of the database changes nothing. */
    t = feed_both(w, t, t + 45 * S, OUTCOME_SKIPPED, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 1);
    /* It is well, and the service is not: one page, with when it began. */
    t = feed_both(w, t, t + 10 * MIN, OUTCOME_GOOD, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 2);
    assert_int_equal(w->transitions.at[1].kind, ALERT_EVENT_FIRE);
    assert_true(w->transitions.at[1].notify);
    assert_int_equal(w->transitions.at[1].since_us, began);
    t = feed_both(w, t, t + 10 * MIN, OUTCOME_BAD, OUTCOME_BAD);
    assert_int_equal(sent(w), 1);
    feed_both(w, t, t + 30 * MIN, OUTCOME_GOOD, OUTCOME_GOOD);
    assert_int_equal(sent(w), 2);
    assert_int_equal(w->transitions.at[w->transitions.len - 1].kind, ALERT_EVENT_RESOLVE);
}

static void test_both_recover_and_nobody_was_told(void **state)
{
    struct world *w = *state;
    depend(true);
    adopt(w, 1, T0);
    merge_empty(w, T0);
    int64_t t = feed_both(w, T0, T0 + 2 * USEC_PER_HOUR, OUTCOME_GOOD, OUTCOME_GOOD);
    t = feed_both(w, t, t + MIN, OUTCOME_BAD, OUTCOME_BAD);
    t = feed_both(w, t, t + 6 * MIN, OUTCOME_BAD, OUTCOME_GOOD);
    feed_both(w, t, t + 30 * MIN, OUTCOME_GOOD, OUTCOME_GOOD);
    assert_int_equal(w->transitions.at[w->transitions.len - 1].kind, ALERT_EVENT_RESOLVE);
    assert_int_equal(sent(w), 0);
}

/* A dependency that does not run any more must not mute for ever. */
static void test_what_was_known_grows_old(void **state)
{
    struct world *w = *state;
    depend(true);
    adopt(w, 1, T0);
    merge_empty(w, T0);
    int64_t t = feed_both(w, T0, T0 + 2 * USEC_PER_HOUR, OUTCOME_GOOD, OUTCOME_GOOD);
    t = feed_both(w, t, t + 2 * MIN, OUTCOME_BAD, OUTCOME_BAD);
    assert_int_equal(sent(w), 0);
    t = feed_span(w, t, t + MIN, OUTCOME_BAD);
    assert_int_equal(sent(w), 0);
    feed_span(w, t, t + MIN, OUTCOME_BAD);
    assert_int_equal(sent(w), 1);
}

/* An earlier process fired, told nobody, and saw the database fail. */
static void test_a_restart_goes_on_muted(void **state)
{
    struct world *w = *state;
    const struct alert_state fired = {.phase = ALERT_FIRING,
                                      .severity = SEVERITY_PAGE,
                                      .since_us = T0 - 5 * MIN,
                                      .evaluated_us = T0 - 10 * S,
                                      .firing = 1};
    depend(true);
    adopt(w, 1, T0);
    struct pending_sli pending;
    assert_int_equal(evaluator_pending(w->e, &pending, 1), 1);
    struct live *live = live_new(pending.longest_us, T0);
    for (int64_t t = T0 - 5 * MIN; t < T0; t += INTERVAL)
        live_add(live, t, OUTCOME_BAD);
    evaluator_merge(w->e, pending.sli->key, &(struct sli_past){.live = live});
    live_free(live);
    evaluator_set_outcome(w->e, "db", T0 - 5 * S, OUTCOME_BAD);
    evaluator_set_outcome(w->e, "db", T0 - 15 * S, OUTCOME_GOOD); /* an older one */
    evaluator_set_outcome(w->e, "nobody's", T0, OUTCOME_BAD);
    evaluator_set_alert(w->e, "availability", "", &fired);
    int64_t t = feed_both(w, T0, T0 + MIN, OUTCOME_BAD, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 0);
    feed_both(w, t, t + MIN, OUTCOME_GOOD, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 1);
    assert_true(w->transitions.at[0].notify);
    assert_int_equal(w->transitions.at[0].since_us, fired.since_us);
}

static void test_no_alert_before_history_is_merged(void **state)
{
    struct world *w = *state;
    struct pending_sli pending;
    adopt(w, 1, T0);
    assert_int_equal(evaluator_pending(w->e, &pending, 1), 1);
    assert_int_equal(pending.attached_us, T0);
    feed_span(w, T0, T0 + 10 * MIN, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 0);
    merge_empty(w, T0);
    evaluator_run_due(w->e, T0 + 11 * MIN);
    assert_int_equal(w->transitions.len, 1);
    assert_int_equal(evaluator_pending(w->e, &pending, 1), 0);
}

static void test_reload_keeps_windows_and_alert(void **state)
{
    struct world *w = *state;
    adopt(w, 1, T0);
    merge_empty(w, T0);
    int64_t t = feed_span(w, T0, T0 + 5 * MIN, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 1);
    adopt(w, 2, t);
    assert_int_equal(evaluator_view(w->e, 0)->alert.phase, ALERT_FIRING);
    struct pending_sli pending[2];
    assert_int_equal(evaluator_pending(w->e, pending, 2), 1);
    assert_string_equal(pending[0].sli->key, "api faster_than=100000us");
    evaluator_run_due(w->e, t + MIN);
    assert_int_equal(w->transitions.len, 1); /* no second page */
    assert_int_equal(evaluator_view(w->e, 0)->window.bad, 20);
    adopt(w, 1, t + MIN);
    assert_int_equal(evaluator_count(w->e), 1);
}

/* Two SLOs may share an SLI: the history is there, the alert's state is not. */
/* The prober is down while a page fires; then tiers come that ask for `failures`. */
static size_t reload_unobserved(struct world *w, int failures)
{
    struct tier_def other = tiers[0];
    struct config *c = make_config(1);
    adopt(w, 1, T0);
    merge_empty(w, T0);
    int64_t t = feed_span(w, T0, T0 + 2 * USEC_PER_HOUR, OUTCOME_GOOD);
    t = feed_span(w, t, t + 5 * MIN, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 1);
    evaluator_run_due(w->e, t + 10 * MIN);
    assert_int_equal(w->transitions.len, 1); /* held: nothing is observed */
    other.min_failures = failures;
    ((struct slo_def *)c->slos[0])->tiers = &other;
    evaluator_set_config(w->e, c, NULL, t + 10 * MIN);
    evaluator_run_due(w->e, t + 11 * MIN);
    adopt(w, 1, t + 11 * MIN); /* `other` goes */
    config_unref(c);
    return w->transitions.len;
}

static void test_what_is_not_seen_goes_on(void **state)
{
    assert_int_equal(reload_unobserved(*state, 2), 1);
}

/* As it would over a restart: other tiers cannot tell that it is over, either. */
static void test_so_it_does_over_a_change_of_tiers(void **state)
{
    assert_int_equal(reload_unobserved(*state, 3), 1);
}

/* What the last tick saw is shown until the next one, but not as of another tier. */
static void test_what_is_shown_to_fire_is_of_its_tiers(void **state)
{
    struct world *w = *state;
    struct tier_def other = tiers[0];
    struct config *c = make_config(1);
    adopt(w, 1, T0);
    merge_empty(w, T0);
    int64_t t = feed_span(w, T0, T0 + 2 * USEC_PER_HOUR, OUTCOME_GOOD);
    t = feed_span(w, t, t + 5 * MIN, OUTCOME_BAD);
    assert_true(evaluator_view(w->e, 0)->firing[0]);
    adopt(w, 1, t);
    assert_true(evaluator_view(w->e, 0)->firing[0]);
    other.factor.n++;
    ((struct slo_def *)c->slos[0])->tiers = &other;
    ((struct slo_def *)c->slos[0])->tier_count = 1;
    evaluator_set_config(w->e, c, NULL, t);
    assert_false(evaluator_view(w->e, 0)->firing[0]);
    adopt(w, 1, t); /* `other` goes */
    config_unref(c);
}

static void test_slo_on_a_known_sli_goes_on_from_its_stored_alert(void **state)
{
    struct world *w = *state;
    adopt(w, 1, T0);
    merge_empty(w, T0);
    int64_t t = feed_span(w, T0, T0 + 5 * MIN, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 1);
    struct alert_state stored = evaluator_view(w->e, 0)->alert;
    struct config *c = make_config(1);
    c->slos[0]->name = "again";
    evaluator_set_config(w->e, c, NULL, t);
    config_unref(c);
    struct pending_sli pending;
    assert_int_equal(evaluator_pending(w->e, &pending, 1), 0);
    t = feed_span(w, t, t + MIN, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 1); /* not before its state is known */
    evaluator_set_alert(w->e, "again", "", &stored);
    feed_span(w, t, t + MIN, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 1); /* and then it fires already */
    assert_int_equal(evaluator_view(w->e, 0)->alert.phase, ALERT_FIRING);
    evaluator_set_alert(w->e, "again", "", &(struct alert_state){0});
    assert_int_equal(evaluator_view(w->e, 0)->alert.phase, ALERT_FIRING);
}

static void test_clock_jump_is_not_evaluated_tick_by_tick(void **state)
{
    struct world *w = *state;
    adopt(w, 1, T0);
    merge_empty(w, T0);
    int64_t t = feed_span(w, T0, T0 + 5 * MIN, OUTCOME_BAD);
    assert_int_equal(w->transitions.len, 1);
    /* Centuries of ticks would keep the loop for hours. */
    int64_t later = t + 300 * 365 * USEC_PER_DAY + 3 * S;
    evaluator_run_due(w->e, later);
    assert_int_equal(evaluator_view(w->e, 0)->at_us, later - later % (10 * S));
    assert_true(evaluator_due(w->e) > later && evaluator_due(w->e) <= later + 10 * S);
}

static void test_a_slot_stored_before_counts_once(void **state)
{
    struct world *w = *state;
    struct probe_revision rev = {T0 - USEC_PER_HOUR, INTERVAL, 0, 5 * S};
    struct store_probe known = {
        .first_event_us = T0, .last_slot_us = T0, .revisions = &rev, .revision_count = 1};
    adopt(w, 1, T0);
    struct live *history = live_new(30 * USEC_PER_DAY, T0);
    live_add(history, T0, OUTCOME_BAD);
    evaluator_set_history(w->e, "api", &known);
    evaluator_merge(w->e, "api", &(struct sli_past){.live = history});
    live_free(history);
    feed(w, T0, OUTCOME_GOOD);
    feed(w, T0 + INTERVAL, OUTCOME_GOOD);
    evaluator_run_due(w->e, T0 + MIN);
    assert_int_equal(evaluator_view(w->e, 0)->window.bad, 1);
    assert_int_equal(evaluator_view(w->e, 0)->window.good, 1);
}

/* A probe that no objective watches any more is forgotten with its schedule. */
/* What a run's end says, unless an evaluation or an attachment has gone by it. */
static void test_nothing_is_done_before_what_was_evaluated(void **state)
{
    struct world *w = *state;
    int64_t tick = T0 + 10 * S;
    adopt(w, 1, T0 + 3);
    assert_int_equal(evaluator_done_us(w->e, T0 + 2, T0 + 4), T0 + 4);
    assert_int_equal(evaluator_done_us(w->e, T0 + 5, T0 + 9), T0 + 5);
    assert_int_equal(evaluator_done_us(w->e, T0 + 12, T0 + 9), T0 + 9);
    merge_empty(w, T0 + 3);
    assert_int_equal(evaluator_done_us(w->e, tick - 1, tick + 20), tick - 1);
    evaluator_run_due(w->e, tick + 10);
    assert_int_equal(evaluator_done_us(w->e, tick - 1, tick + 20), tick + 1);
    assert_int_equal(evaluator_done_us(w->e, tick + 2, tick + 20), tick + 2);
    adopt(w, 2, tick + 15);
    assert_int_equal(evaluator_done_us(w->e, tick + 2, tick + 20), tick + 16);
}

static void test_unwatched_probe_is_forgotten(void **state)
{
    struct world *w = *state;
    adopt(w, 1, T0);
    merge_empty(w, T0);
    feed_span(w, T0, T0 + MIN, OUTCOME_BAD);
    adopt(w, 0, T0 + MIN);
    adopt(w, 1, T0 + 2 * MIN);
    merge_empty(w, T0 + 2 * MIN);
    evaluator_run_due(w->e, T0 + 3 * MIN);
    const struct slo_view *v = evaluator_view(w->e, 0);
    assert_int_equal(v->window.bad, 0);
    assert_true(v->first_event_us == INT64_MAX);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define DEPENDS(f) cmocka_unit_test_setup_teardown(f, setup, independent)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_fourth_failure_pages_and_quiet_resolves),
        T(test_young_slo_does_not_page_by_division),
        DEPENDS(test_a_known_cause_mutes),
        DEPENDS(test_both_recover_and_nobody_was_told),
        DEPENDS(test_what_was_known_grows_old),
        DEPENDS(test_a_restart_goes_on_muted),
        T(test_no_alert_before_history_is_merged),
        T(test_reload_keeps_windows_and_alert),
        T(test_what_is_not_seen_goes_on),
        T(test_so_it_does_over_a_change_of_tiers),
        T(test_what_is_shown_to_fire_is_of_its_tiers),
        T(test_slo_on_a_known_sli_goes_on_from_its_stored_alert),
        T(test_clock_jump_is_not_evaluated_tick_by_tick),
        T(test_a_slot_stored_before_counts_once),
        T(test_nothing_is_done_before_what_was_evaluated),
        T(test_unwatched_probe_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
