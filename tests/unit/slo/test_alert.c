#include "slo/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define S USEC_PER_SEC

static const struct tier_def tiers[] = {
    {SEVERITY_PAGE, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 2},
    {SEVERITY_TICKET, 3 * USEC_PER_DAY, 6 * USEC_PER_HOUR, {1, 0}, 2},
};

static const struct slo_def slo = {.name = "api",
                                   .objective_name = "",
                                   .service = "shop",
                                   .target = {999, 3},
                                   .tiers = tiers,
                                   .tier_count = 2};

/* How a tier looks in the test: quiet, firing, unobserved while its long
 * window still burns, unobserved without. */
enum look { QUIET, FIRES, BLIND_BURNING, BLIND };

static struct tier_view view(enum look l)
{
    switch (l) {
    case FIRES:
        return (struct tier_view){{50, 1000, 1000, 1000}, {50, 100, 100, 100}};
    case BLIND_BURNING:
        return (struct tier_view){{50, 900, 900, 1000}, {0, 49, 49, 100}};
    case BLIND:
        return (struct tier_view){{0, 900, 900, 1000}, {0, 49, 49, 100}};
    case QUIET:
        break;
    }
    return (struct tier_view){{0, 1000, 1000, 1000}, {0, 50, 50, 100}};
}

struct machine {
    struct alert_state state;
    struct alert_transition last;
    int64_t t;
    bool muted;
};

static bool step(struct machine *m, enum look page, enum look ticket)
{
    struct tier_view views[] = {view(page), view(ticket)};
    m->t += 10 * S;
    return alert_step(&m->state, &slo, m->t, views, m->muted, &m->last);
}

static void expect(struct machine *m, enum look page, enum look ticket, enum alert_event_kind kind,
                   enum severity severity, bool notify)
{
    assert_true(step(m, page, ticket));
    assert_int_equal(m->last.kind, kind);
    assert_int_equal(m->last.severity, severity);
    assert_int_equal(m->last.notify, notify);
    assert_int_equal(m->last.at_us, m->t);
    assert_memory_equal(&m->last.state, &m->state, sizeof(m->state));
}

static void a_whole_incident(void **state)
{
    (void)state;
    struct machine m = {0};
    assert_false(step(&m, QUIET, QUIET));
    expect(&m, QUIET, FIRES, ALERT_EVENT_FIRE, SEVERITY_TICKET, true);
    int64_t since = m.t;
    assert_int_equal(m.last.tier.long_us, 3 * USEC_PER_DAY);
    assert_int_equal(m.last.long_counts.bad, 50);
    assert_int_equal(m.last.long_counts.good, 950);
    assert_true(m.last.long_burn > 49.9 && m.last.long_burn < 50.1);
    assert_false(step(&m, QUIET, FIRES));
    expect(&m, FIRES, FIRES, ALERT_EVENT_ESCALATE, SEVERITY_PAGE, true);
    assert_int_equal(m.last.tier.long_us, USEC_PER_HOUR);
    expect(&m, QUIET, FIRES, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET, true);
    expect(&m, QUIET, QUIET, ALERT_EVENT_COOL, SEVERITY_TICKET, false);
    assert_int_equal(m.state.since_us, since);
    assert_int_equal(m.last.since_us, since);
    for (int i = 0; i < 29; i++)
        assert_false(step(&m, QUIET, QUIET));
    expect(&m, QUIET, QUIET, ALERT_EVENT_RESOLVE, SEVERITY_TICKET, true);
    assert_int_equal(m.last.since_us, since); /* the message tells how long it took */
    assert_int_equal(m.state.phase, ALERT_INACTIVE);
    assert_int_equal(m.state.since_us, 0);
    assert_false(step(&m, QUIET, QUIET));
}

static void refiring_is_silent_unless_it_is_worse(void **state)
{
    (void)state;
    struct machine m = {0};
    expect(&m, QUIET, FIRES, ALERT_EVENT_FIRE, SEVERITY_TICKET, true);
    expect(&m, QUIET, QUIET, ALERT_EVENT_COOL, SEVERITY_TICKET, false);
    expect(&m, QUIET, FIRES, ALERT_EVENT_REFIRE, SEVERITY_TICKET, false);
    expect(&m, QUIET, QUIET, ALERT_EVENT_COOL, SEVERITY_TICKET, false);
    for (int i = 0; i < 29; i++) /* the time runs anew */
        assert_false(step(&m, QUIET, QUIET));
    expect(&m, FIRES, QUIET, ALERT_EVENT_ESCALATE, SEVERITY_PAGE, true);
    expect(&m, QUIET, QUIET, ALERT_EVENT_COOL, SEVERITY_PAGE, false);
    /* back as a ticket: silent first, and told as a de-escalation */
    expect(&m, QUIET, FIRES, ALERT_EVENT_REFIRE, SEVERITY_PAGE, false);
    expect(&m, QUIET, FIRES, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET, true);
}

static void blindness_clears_nothing(void **state)
{
    (void)state;
    struct machine m = {0};
    assert_false(step(&m, BLIND, BLIND));
    assert_false(step(&m, BLIND_BURNING, BLIND_BURNING)); /* nor does it fire */
    expect(&m, FIRES, QUIET, ALERT_EVENT_FIRE, SEVERITY_PAGE, true);
    assert_false(step(&m, BLIND_BURNING, QUIET));
    assert_false(step(&m, BLIND, QUIET));
    assert_false(step(&m, BLIND, FIRES)); /* no de-escalation either */
    /* the page tier sees again; a blind ticket tier that had fired remains */
    expect(&m, QUIET, BLIND_BURNING, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET, true);
    assert_false(step(&m, BLIND, BLIND));         /* a higher tier holds nothing it did not raise */
    assert_false(step(&m, BLIND_BURNING, FIRES)); /* and so it escalates nothing */
    expect(&m, BLIND_BURNING, QUIET, ALERT_EVENT_COOL, SEVERITY_TICKET, false);
    for (int i = 0; i < 29; i++) /* cooling is over for a blind tier, too */
        assert_false(step(&m, QUIET, BLIND));
    expect(&m, QUIET, BLIND, ALERT_EVENT_RESOLVE, SEVERITY_TICKET, true);
}

static void an_instant_counts_once(void **state)
{
    (void)state;
    struct machine m = {0};
    expect(&m, FIRES, QUIET, ALERT_EVENT_FIRE, SEVERITY_PAGE, true);
    m.t -= 10 * S;
    assert_false(step(&m, QUIET, QUIET));
    assert_int_equal(m.state.phase, ALERT_FIRING);
}

static void tiers_may_vanish_with_a_reload(void **state)
{
    (void)state;
    struct machine m = {0};
    expect(&m, FIRES, QUIET, ALERT_EVENT_FIRE, SEVERITY_PAGE, true);
    struct slo_def bare = slo;
    bare.tiers = NULL;
    bare.tier_count = 0;
    assert_true(alert_step(&m.state, &bare, m.t + 10 * S, NULL, false, &m.last));
    assert_int_equal(m.last.kind, ALERT_EVENT_COOL);
    assert_int_equal(m.last.tier.long_us, 0);
}

/* ---- muted --------------------------------------------------------------------- */

static void what_is_muted_is_told_later(void **state)
{
    (void)state;
    struct machine m = {.muted = true};
    expect(&m, FIRES, QUIET, ALERT_EVENT_FIRE, SEVERITY_PAGE, false);
    int64_t since = m.t;
    assert_false(step(&m, FIRES, QUIET));
    m.muted = false;
    expect(&m, FIRES, QUIET, ALERT_EVENT_FIRE, SEVERITY_PAGE, true);
    assert_int_equal(m.last.since_us, since); /* when it began, not when it is told */
    assert_int_equal(m.last.tier.long_us, USEC_PER_HOUR);
    /* Once. */
    assert_false(step(&m, FIRES, QUIET));
    m.muted = true;
    assert_false(step(&m, FIRES, QUIET));
    m.muted = false;
    assert_false(step(&m, FIRES, QUIET));
}

static void what_is_over_while_muted_is_never_told(void **state)
{
    (void)state;
    struct machine m = {.muted = true};
    expect(&m, FIRES, QUIET, ALERT_EVENT_FIRE, SEVERITY_PAGE, false);
    expect(&m, QUIET, FIRES, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET, false);
    expect(&m, QUIET, QUIET, ALERT_EVENT_COOL, SEVERITY_TICKET, false);
    m.muted = false; /* it does not fire any more */
    for (int i = 0; i < 29; i++)
        assert_false(step(&m, QUIET, QUIET));
    expect(&m, QUIET, QUIET, ALERT_EVENT_RESOLVE, SEVERITY_TICKET, false);
    /* The next one is an alert like any other. */
    expect(&m, FIRES, QUIET, ALERT_EVENT_FIRE, SEVERITY_PAGE, true);
}

static void it_may_fire_again_after_it_cooled_untold(void **state)
{
    (void)state;
    struct machine m = {.muted = true};
    expect(&m, QUIET, FIRES, ALERT_EVENT_FIRE, SEVERITY_TICKET, false);
    expect(&m, QUIET, QUIET, ALERT_EVENT_COOL, SEVERITY_TICKET, false);
    m.muted = false;
    assert_false(step(&m, QUIET, QUIET));
    expect(&m, QUIET, FIRES, ALERT_EVENT_REFIRE, SEVERITY_TICKET, false);
    expect(&m, QUIET, FIRES, ALERT_EVENT_FIRE, SEVERITY_TICKET, true);
    /* ... or at once as something worse, which begins it for people. */
    struct machine n = {.muted = true};
    expect(&n, QUIET, FIRES, ALERT_EVENT_FIRE, SEVERITY_TICKET, false);
    n.muted = false;
    expect(&n, FIRES, FIRES, ALERT_EVENT_FIRE, SEVERITY_PAGE, true);
}

static void changes_of_severity_wait(void **state)
{
    (void)state;
    struct machine m = {0};
    expect(&m, QUIET, FIRES, ALERT_EVENT_FIRE, SEVERITY_TICKET, true);
    m.muted = true;
    expect(&m, FIRES, FIRES, ALERT_EVENT_ESCALATE, SEVERITY_PAGE, false);
    expect(&m, QUIET, FIRES, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET, false);
    m.muted = false; /* as people know it */
    assert_false(step(&m, QUIET, FIRES));
    m.muted = true;
    expect(&m, FIRES, FIRES, ALERT_EVENT_ESCALATE, SEVERITY_PAGE, false);
    m.muted = false;
    expect(&m, FIRES, FIRES, ALERT_EVENT_ESCALATE, SEVERITY_PAGE, true);
    m.muted = true;
    expect(&m, QUIET, FIRES, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET, false);
    m.muted = false;
    expect(&m, QUIET, FIRES, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET, true);
}

static void what_people_know_is_not_said_again(void **state)
{
    (void)state;
    struct machine m = {0};
    expect(&m, FIRES, FIRES, ALERT_EVENT_FIRE, SEVERITY_PAGE, true);
    m.muted = true;
    expect(&m, QUIET, FIRES, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET, false);
    m.muted = false; /* and at once it is what they were told */
    expect(&m, FIRES, FIRES, ALERT_EVENT_ESCALATE, SEVERITY_PAGE, false);
    assert_false(step(&m, FIRES, FIRES));
    assert_int_equal(m.state.told, SEVERITY_PAGE);
}

static void people_are_told_that_it_is_over(void **state)
{
    (void)state;
    struct machine m = {0};
    expect(&m, FIRES, QUIET, ALERT_EVENT_FIRE, SEVERITY_PAGE, true);
    m.muted = true;
    expect(&m, QUIET, QUIET, ALERT_EVENT_COOL, SEVERITY_PAGE, false);
    for (int i = 0; i < 29; i++)
        assert_false(step(&m, QUIET, QUIET));
    expect(&m, QUIET, QUIET, ALERT_EVENT_RESOLVE, SEVERITY_PAGE, true);
}

/* What they were not told of cannot end for them. */
static void it_is_over_as_they_know_it(void **state)
{
    (void)state;
    struct machine m = {0};
    expect(&m, QUIET, FIRES, ALERT_EVENT_FIRE, SEVERITY_TICKET, true);
    m.muted = true;
    expect(&m, FIRES, FIRES, ALERT_EVENT_ESCALATE, SEVERITY_PAGE, false);
    expect(&m, QUIET, QUIET, ALERT_EVENT_COOL, SEVERITY_PAGE, false);
    for (int i = 0; i < 29; i++)
        assert_false(step(&m, QUIET, QUIET));
    expect(&m, QUIET, QUIET, ALERT_EVENT_RESOLVE, SEVERITY_TICKET, true);
    m.muted = false;
    expect(&m, FIRES, FIRES, ALERT_EVENT_FIRE, SEVERITY_PAGE, true);
    m.muted = true;
    expect(&m, QUIET, FIRES, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET, false);
    expect(&m, QUIET, QUIET, ALERT_EVENT_COOL, SEVERITY_TICKET, false);
    for (int i = 0; i < 29; i++)
        assert_false(step(&m, QUIET, QUIET));
    expect(&m, QUIET, QUIET, ALERT_EVENT_RESOLVE, SEVERITY_PAGE, true);
}

/* Whatever comes, in any order: people know of each incident at most once at a
 * time, it ends for them, and once nothing mutes they know what is. */
static void never_twice_never_lost(void **state)
{
    (void)state;
    srandom(7);
    struct machine m = {0};
    enum severity known = SEVERITY_NONE;
    for (int i = 0; i < 20000; i++) {
        enum look page = random() % 3 ? QUIET : FIRES, ticket = random() % 2 ? QUIET : FIRES;
        int steps = random() % 8 ? 1 : 32;
        m.muted = random() % 3 == 0;
        while (steps--) {
            bool moved = step(&m, page, ticket);
            const struct alert_transition *t = &m.last;
            if (moved && t->notify && t->kind == ALERT_EVENT_RESOLVE) {
                assert_int_not_equal(known, SEVERITY_NONE);
                assert_int_equal(t->severity, known);
                known = SEVERITY_NONE;
            } else if (moved && t->notify) {
                assert_int_equal(t->kind == ALERT_EVENT_FIRE, known == SEVERITY_NONE);
                assert_int_not_equal(t->severity, known);
                assert_false(m.muted);
                known = t->severity;
            }
            assert_int_equal(m.state.told, known);
        }
        /* Two quiet instants later at most. */
        m.muted = false;
        for (int k = 0; k < 2; k++)
            if (step(&m, page, ticket) && m.last.notify)
                known = m.last.kind == ALERT_EVENT_RESOLVE ? SEVERITY_NONE : m.last.severity;
        if (m.state.phase == ALERT_FIRING)
            assert_int_equal(known, m.state.severity);
        if (m.state.phase == ALERT_INACTIVE)
            assert_int_equal(known, SEVERITY_NONE);
    }
}

/* ---- for ----------------------------------------------------------------------- */

static struct slo_def waiting(int64_t for_us)
{
    struct slo_def def = slo;
    def.for_us = for_us;
    return def;
}

static bool wait_step(struct machine *m, const struct slo_def *def, enum look page,
                      enum look ticket)
{
    struct tier_view views[] = {view(page), view(ticket)};
    m->t += 10 * S;
    return alert_step(&m->state, def, m->t, views, m->muted, &m->last);
}

static void it_waits_before_it_fires(void **state)
{
    (void)state;
    const struct slo_def def = waiting(30 * S);
    struct machine m = {0};
    assert_true(wait_step(&m, &def, QUIET, FIRES));
    assert_int_equal(m.last.kind, ALERT_EVENT_PEND);
    assert_false(m.last.notify);
    assert_int_equal(m.last.severity, SEVERITY_TICKET);
    assert_int_equal(m.state.phase, ALERT_PENDING);
    assert_false(alert_is_on(&m.state));
    assert_int_equal(m.state.since_us, m.t);
    assert_false(wait_step(&m, &def, QUIET, FIRES));
    assert_false(wait_step(&m, &def, QUIET, FIRES));
    /* On the instant, with the severity of that instant. */
    assert_true(wait_step(&m, &def, FIRES, QUIET));
    assert_int_equal(m.last.kind, ALERT_EVENT_FIRE);
    assert_true(m.last.notify);
    assert_int_equal(m.last.severity, SEVERITY_PAGE);
    assert_int_equal(m.state.since_us, m.t);
    assert_int_equal(m.last.since_us, m.t);
    /* Then it does not wait any more: it cools and refires as ever. */
    assert_true(wait_step(&m, &def, QUIET, QUIET));
    assert_int_equal(m.last.kind, ALERT_EVENT_COOL);
    assert_true(wait_step(&m, &def, FIRES, QUIET));
    assert_int_equal(m.last.kind, ALERT_EVENT_REFIRE);
}

static void a_blip_is_not_told(void **state)
{
    (void)state;
    const struct slo_def def = waiting(30 * S);
    struct machine m = {0};
    for (int i = 0; i < 3; i++) { /* time begins anew each time */
        assert_true(wait_step(&m, &def, FIRES, QUIET));
        int64_t began = m.t;
        assert_false(wait_step(&m, &def, FIRES, QUIET));
        assert_false(wait_step(&m, &def, FIRES, QUIET));
        /* nor does what is not seen hold what has not fired */
        assert_true(wait_step(&m, &def, BLIND_BURNING, BLIND_BURNING));
        assert_int_equal(m.last.kind, ALERT_EVENT_CALM);
        assert_false(m.last.notify);
        assert_int_equal(m.last.since_us, began);
        assert_int_equal(m.state.phase, ALERT_INACTIVE);
        assert_int_equal(m.state.since_us, 0);
    }
    /* One that is configured away meanwhile fires at once. */
    assert_true(wait_step(&m, &def, FIRES, QUIET));
    assert_true(wait_step(&m, &slo, FIRES, QUIET));
    assert_int_equal(m.last.kind, ALERT_EVENT_FIRE);
}

static void muted_while_it_waits(void **state)
{
    (void)state;
    const struct slo_def def = waiting(10 * S);
    struct machine m = {.muted = true};
    assert_true(wait_step(&m, &def, FIRES, QUIET));
    m.muted = false;
    assert_true(wait_step(&m, &def, FIRES, QUIET));
    assert_int_equal(m.last.kind, ALERT_EVENT_FIRE);
    assert_true(m.last.notify);
}

/* ---- restarts ------------------------------------------------------------------ */

/* Three tiers, two of them pages. */
static const struct tier_def three[] = {
    {SEVERITY_PAGE, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 2},
    {SEVERITY_PAGE, 6 * USEC_PER_HOUR, 30 * USEC_PER_MIN, {6, 0}, 2},
    {SEVERITY_TICKET, 3 * USEC_PER_DAY, 6 * USEC_PER_HOUR, {1, 0}, 2},
};

static void a_page_tier_that_sees_ends_what_a_blind_one_never_raised(void **state)
{
    struct slo_def def = slo;
    struct alert_state a = {0};
    struct alert_transition t;
    (void)state;
    def.tiers = three;
    def.tier_count = 3;
    const struct tier_view fires[] = {view(FIRES), view(BLIND), view(QUIET)};
    const struct tier_view blind[] = {view(BLIND), view(BLIND), view(FIRES)};
    const struct tier_view half[] = {view(QUIET), view(BLIND_BURNING), view(FIRES)};
    const struct tier_view seen[] = {view(QUIET), view(BLIND), view(FIRES)};
    assert_true(alert_step(&a, &def, 10 * S, fires, false, &t));
    assert_false(alert_step(&a, &def, 20 * S, blind, false, &t)); /* none of them can tell */
    assert_false(alert_step(&a, &def, 30 * S, half, false, &t));
    assert_true(alert_step(&a, &def, 40 * S, seen, false, &t));
    assert_int_equal(t.kind, ALERT_EVENT_DEESCALATE);
}

static void no_restart_changes_anything(void **state)
{
    static const int64_t waits[] = {0, 10 * S, 40 * S};
    long moved = 0;
    (void)state;
    srandom(11);
    for (int run = 0; run < 600; run++) {
        struct slo_def def = waiting(waits[run % 3]);
        struct alert_state lives = {0}, stored = {0};
        enum look looks[3] = {QUIET, QUIET, QUIET};
        bool muted = false;
        def.tiers = three;
        def.tier_count = 3;
        for (int64_t t = 10 * S; t < 4000 * S; t += 10 * S) {
            struct alert_transition one, other;
            if (random() % 5 == 0)
                looks[random() % 3] = (enum look)(random() % 4);
            if (random() % 20 == 0)
                muted = !muted;
            const struct tier_view v[] = {view(looks[0]), view(looks[1]), view(looks[2])};
            /* What a process would read that was started since the last one. */
            struct alert_state again = stored;
            bool a = alert_step(&lives, &def, t, v, muted, &one);
            bool b = alert_step(&again, &def, t, v, muted, &other);
            assert_int_equal(a, b);
            if (!a)
                continue;
            assert_int_equal(one.kind, other.kind);
            assert_int_equal(one.notify, other.notify);
            assert_int_equal(one.severity, other.severity);
            assert_int_equal(one.since_us, other.since_us);
            assert_int_equal(one.tier.long_us, other.tier.long_us);
            assert_memory_equal(&one.state, &other.state, sizeof(one.state));
            stored = one.state;
            moved++;
        }
    }
    assert_true(moved > 3000);
}

/* People are told of whole slices, whatever parts those are counted in. */
static void slices_are_told_whole(void **state)
{
    enum { WHOLE = 1000 };
    const struct tier_view v = {{2600, 9000, 9000, 10 * WHOLE, WHOLE},
                                {1400, 4000, 4000, 5 * WHOLE, WHOLE}};
    const struct tier_view views[] = {v, v};
    struct alert_state a = {0};
    struct alert_transition t;
    (void)state;
    assert_true(alert_step(&a, &slo, 10 * S, views, false, &t));
    assert_int_equal(t.kind, ALERT_EVENT_FIRE);
    assert_int_equal(t.long_counts.bad, 3);
    assert_int_equal(t.long_counts.good, 6);
    assert_int_equal(t.long_expected, 10);
    assert_int_equal(t.short_counts.bad, 1);
    assert_int_equal(t.short_counts.good, 3);
    assert_int_equal(t.short_expected, 5);
    assert_true(t.long_burn > 259.9 && t.long_burn < 260.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_incident),
        cmocka_unit_test(refiring_is_silent_unless_it_is_worse),
        cmocka_unit_test(blindness_clears_nothing),
        cmocka_unit_test(an_instant_counts_once),
        cmocka_unit_test(tiers_may_vanish_with_a_reload),
        cmocka_unit_test(what_is_muted_is_told_later),
        cmocka_unit_test(what_is_over_while_muted_is_never_told),
        cmocka_unit_test(it_may_fire_again_after_it_cooled_untold),
        cmocka_unit_test(changes_of_severity_wait),
        cmocka_unit_test(what_people_know_is_not_said_again),
        cmocka_unit_test(people_are_told_that_it_is_over),
        cmocka_unit_test(it_is_over_as_they_know_it),
        cmocka_unit_test(never_twice_never_lost),
        cmocka_unit_test(it_waits_before_it_fires),
        cmocka_unit_test(a_blip_is_not_told),
        cmocka_unit_test(muted_while_it_waits),
        cmocka_unit_test(a_page_tier_that_sees_ends_what_a_blind_one_never_raised),
        cmocka_unit_test(no_restart_changes_anything),
        cmocka_unit_test(slices_are_told_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
