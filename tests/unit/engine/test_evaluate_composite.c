/* Alerts of composites on a clock that is a number, at instants worked out by hand. */
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
#define HOUR USEC_PER_HOUR
#define T0 (1000 * USEC_PER_DAY)
#define INTERVAL (15 * S)
#define COOLING (5 * MIN)

struct world {
    struct evaluator *e;
    VEC(struct alert_transition) transitions;
};

static void on_transition(void *ctx, const struct slo_view *view, const struct alert_transition *t)
{
    struct world *w = ctx;
    assert_string_equal(view->def->name, "both");
    vec_push(&w->transitions, *t);
}

static const struct tier_def tiers[] = {
    {SEVERITY_PAGE, HOUR, 5 * MIN, {144, 1}, 2},
};

static struct probe_def probes[2] = {
    {.id = "a", .interval_us = INTERVAL, .timeout_us = 5 * S, .max_in_flight = 1},
    {.id = "b", .interval_us = INTERVAL, .timeout_us = 5 * S, .max_in_flight = 1},
};

static struct slo_def *add_slo(struct config *c, const char *name, struct decimal target)
{
    struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
    d->name = name;
    d->service = "svc";
    d->objective_name = "";
    d->sli.key = name;
    memset(d->sli.classify, -1, sizeof(d->sli.classify));
    d->target = target;
    d->window = (struct window_def){.type = WINDOW_ROLLING, .duration_us = 30 * USEC_PER_DAY};
    d->slice_us = MIN;
    d->slice_target = (struct decimal){95, 2};
    c->slos[c->slo_count++] = d;
    return d;
}

/* Of the first `n` of a (weight 1) and b (0.5); 99.9 % each, or 99 % of minutes. */
static void adopt(struct world *w, size_t n, enum budget_method method, int64_t now)
{
    static const struct decimal weights[] = {{1, 0}, {5, 1}};
    struct decimal target =
        method == METHOD_OCCURRENCES ? (struct decimal){999, 3} : (struct decimal){99, 2};
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    c->slos = arena_alloc(&c->arena, 3 * sizeof(*c->slos));
    struct slo_member *members = arena_alloc(&c->arena, 2 * sizeof(*members));
    struct slo_def *both = add_slo(c, "both", target);
    both->method = method;
    both->alerting = true;
    both->tiers = tiers;
    both->tier_count = 1;
    both->members = members;
    for (; both->member_count < n; both->member_count++) {
        struct probe_def *probe = &probes[both->member_count];
        struct slo_def *slo = add_slo(c, probe->id, target), *as;
        slo->sli.probe = probe->id;
        slo->probe = probe;
        as = arena_alloc(&c->arena, sizeof(*as));
        *as = *slo;
        as->method = method;
        as->tiers = tiers;
        as->tier_count = 1;
        members[both->member_count] = (struct slo_member){slo, as, weights[both->member_count]};
    }
    evaluator_set_config(w->e, c, NULL, now);
    for (size_t i = 0; i < n; i++)
        evaluator_add_revision(w->e, &probes[i], now);
    config_unref(c);
}

/* The history of what is pending: nothing, or failures of its last minutes. */
static void merge(struct world *w, int64_t now, int64_t failing_us)
{
    struct pending_sli pending[4];
    struct pending_composite joint;
    size_t n = evaluator_pending(w->e, pending, 4);
    for (size_t i = 0; i < n; i++) {
        struct live *live = live_new(pending[i].longest_us, now);
        for (int64_t t = now - failing_us; t < now; t += INTERVAL)
            live_add(live, t, OUTCOME_BAD);
        evaluator_merge(w->e, pending[i].key, &(struct sli_past){.live = live});
        live_free(live);
    }
    if (evaluator_pending_composites(w->e, &joint, 1)) {
        struct live *live = live_new(joint.longest_us, now);
        evaluator_merge_composite(w->e, joint.key, live, now);
        live_free(live);
    }
    evaluator_set_alert(w->e, "both", "", &(struct alert_state){0});
}

static void feed(struct world *w, size_t probe, int64_t slot, bool good)
{
    struct result r = {.slot_us = slot, .done_us = slot + 10000, .total_us = 10000};
    r.outcome = good ? OUTCOME_GOOD : OUTCOME_BAD;
    r.reason = good ? REASON_NONE : REASON_STATUS;
    evaluator_run_due(w->e, r.done_us - 1);
    evaluator_result(w->e, probes[probe].id, &(struct observation){.result = r});
}

static int64_t feed_both(struct world *w, int64_t from, int64_t to, bool a, bool b)
{
    for (; from < to; from += INTERVAL) {
        feed(w, 0, from, a);
        feed(w, 1, from, b);
    }
    return from;
}

static int64_t feed_one(struct world *w, size_t probe, int64_t from, int64_t to, bool good)
{
    for (; from < to; from += INTERVAL)
        feed(w, probe, from, good);
    return from;
}

static void is_told(const struct world *w, size_t i, enum alert_event_kind kind, int64_t at_us)
{
    assert_true(w->transitions.len > i);
    assert_int_equal(w->transitions.at[i].kind, kind);
    assert_int_equal(w->transitions.at[i].at_us, at_us);
}

/* It cools from `at_us` on, and then is over. */
static void is_over(const struct world *w, int64_t at_us)
{
    assert_int_equal(w->transitions.len, 3);
    is_told(w, 1, ALERT_EVENT_COOL, at_us);
    is_told(w, 2, ALERT_EVENT_RESOLVE, at_us + COOLING);
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

static int64_t begin(struct world *w, enum budget_method method)
{
    adopt(w, 2, method, T0);
    merge(w, T0, 0);
    return feed_both(w, T0, T0 + 2 * HOUR, true, true);
}

/* bad(a) + bad(b) / 2 >= 14.4 * 0.001 * 240 = 3.456: three slots of both at +0, +15 and
 * +30 s are 4.5. None is in the five minutes from +40 s on. */
static void test_burns_are_summed(void **state)
{
    struct world *w = *state;
    int64_t t = begin(w, METHOD_OCCURRENCES);
    int64_t good = feed_both(w, t, t + 45 * S, false, false);
    feed_both(w, good, t + 30 * MIN, true, true);
    is_told(w, 0, ALERT_EVENT_FIRE, t + 40 * S);
    assert_int_equal(w->transitions.at[0].long_counts.bad, 6);
    assert_int_equal(w->transitions.at[0].long_expected, 480);
    is_over(w, t + 340 * S);
}

/* Of b alone seven are 3.5, the seventh at +90 s. */
static void test_weights_delay(void **state)
{
    struct world *w = *state;
    int64_t t = begin(w, METHOD_OCCURRENCES);
    feed_both(w, t, t + 5 * MIN, true, false);
    is_told(w, 0, ALERT_EVENT_FIRE, t + 100 * S);
}

/* b is not seen after +45 s, and again from R on: ten of the twenty slots of its short
 * window are known at R + 140 s. */
static void test_a_blind_member_holds_the_alert(void **state)
{
    struct world *w = *state;
    int64_t t = begin(w, METHOD_OCCURRENCES), back = t + 30 * MIN;
    int64_t good = feed_both(w, t, t + 45 * S, false, false);
    feed_one(w, 0, good, back, true);
    assert_int_equal(w->transitions.len, 1);
    feed_both(w, back, back + 30 * MIN, true, true);
    is_over(w, back + 140 * S);
}

/* A minute in which one run of either fails is bad: nine of sixty are 0.15 >= 14.4 * 0.01
 * when the ninth ends, of which each member has but five. */
static void test_slices_are_joined(void **state)
{
    struct world *w = *state;
    int64_t t = begin(w, METHOD_TIMESLICES);
    for (int64_t at = t; at < t + 20 * MIN; at += INTERVAL) {
        bool first = (at - t) % MIN == 0, even = (at - t) / MIN % 2 == 0;
        feed(w, 0, at, !first || !even);
        feed(w, 1, at, !first || even);
    }
    is_told(w, 0, ALERT_EVENT_FIRE, t + 9 * MIN);
    assert_int_equal(w->transitions.at[0].long_counts.bad, 9);
}

/* Without runs of b a minute is judged by a; without both it has no data. */
static void test_a_member_without_data_adds_nothing(void **state)
{
    struct world *w = *state;
    int64_t t = begin(w, METHOD_TIMESLICES);
    int64_t end = feed_one(w, 0, t, t + 5 * MIN, false);
    evaluator_run_due(w->e, end + MIN);
    const struct slo_view *v = evaluator_view(w->e, 0);
    assert_int_equal(v->judged.bad, 5);
    assert_int_equal(v->judged.good, 120);
}

/* Nobody is paged before the history of the new member is known; then at once: it has
 * twenty failures, which are 10. Without it nothing burns from the next tick on. */
static void test_members_come_and_go(void **state)
{
    struct world *w = *state;
    adopt(w, 1, METHOD_OCCURRENCES, T0);
    merge(w, T0, 0);
    int64_t t = feed_one(w, 0, T0, T0 + 2 * HOUR, true);
    adopt(w, 2, METHOD_OCCURRENCES, t);
    t = feed_one(w, 0, t, t + 2 * MIN, true);
    assert_int_equal(w->transitions.len, 0);
    merge(w, t - 2 * MIN, 5 * MIN);
    evaluator_run_due(w->e, t);
    is_told(w, 0, ALERT_EVENT_FIRE, t - 10 * S);
    adopt(w, 1, METHOD_OCCURRENCES, t + S);
    feed_one(w, 0, t + INTERVAL, t + 10 * MIN, true);
    is_over(w, t + 10 * S);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_burns_are_summed),
        T(test_weights_delay),
        T(test_a_blind_member_holds_the_alert),
        T(test_slices_are_joined),
        T(test_a_member_without_data_adds_nothing),
        T(test_members_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
