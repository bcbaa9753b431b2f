#include "slo/tiers.h"

#include "base/mem.h"
#include "nines/probe.h"
#include "slo/expected.h"
#include "slo/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define S USEC_PER_SEC
#define MINUTE USEC_PER_MIN
#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY

static const struct decimal three_nines = {999, 3};
static const struct slo_def plain = {.target = {999, 3}};

/* Every slot of the window ran. */
static struct tier_counts probes(int64_t bad, int64_t n)
{
    return (struct tier_counts){bad, n, n, n};
}

static size_t defaults(struct decimal target, int64_t window, int64_t interval, int64_t timeout,
                       size_t *warnings, struct tier_def *out)
{
    struct diag diag = {0};
    struct probe_def probe = {.id = "api", .interval_us = interval, .timeout_us = timeout};
    struct slo_def slo = {.target = target, .probe = &probe, .pos = {"x.yaml", 1, 1}};
    slo.window = (struct window_def){.type = WINDOW_ROLLING, .duration_us = window};
    size_t n = tiers_make(&slo, &diag, out);
    assert_int_equal(diag.errors, 0);
    *warnings = diag.warnings;
    diag_release(&diag);
    return n;
}

static void default_tiers_that_suit(void **state)
{
    (void)state;
    struct tier_def t[TIERS_MAX];
    size_t warnings;
    assert_int_equal(defaults(three_nines, 30 * DAY, 15 * S, 5 * S, &warnings, t), 4);
    assert_int_equal(warnings, 0);
    static const struct tier_def want[] = {{SEVERITY_PAGE, HOUR, 5 * MINUTE, {144, 1}, 2},
                                           {SEVERITY_PAGE, 6 * HOUR, 30 * MINUTE, {6, 0}, 2},
                                           {SEVERITY_TICKET, DAY, 2 * HOUR, {3, 0}, 2},
                                           {SEVERITY_TICKET, 3 * DAY, 6 * HOUR, {1, 0}, 2}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(t[i].severity, want[i].severity);
        assert_int_equal(t[i].long_us, want[i].long_us);
        assert_int_equal(t[i].short_us, want[i].short_us);
        assert_int_equal(decimal_cmp(t[i].factor, want[i].factor), 0);
        assert_int_equal(t[i].min_failures, want[i].min_failures);
    }
    /* the tier must be shorter than the window */
    assert_int_equal(defaults(three_nines, 3 * DAY, 15 * S, 5 * S, &warnings, t), 3);
    assert_int_equal(defaults(three_nines, HOUR, 15 * S, 5 * S, &warnings, t), 0);
    assert_int_equal(warnings, 0);
    /* a burn of 14.4 needs T > 0.9306, 6 needs 0.8334, 3 needs 0.6667 */
    assert_int_equal(defaults((struct decimal){9, 1}, 30 * DAY, 15 * S, 5 * S, &warnings, t), 3);
    assert_int_equal(warnings, 1);
    assert_int_equal(defaults((struct decimal){5, 1}, 30 * DAY, 15 * S, 5 * S, &warnings, t), 1);
    assert_int_equal(warnings, 3);
    /* 3 slots in an hour are too few, 4 are not */
    assert_int_equal(defaults(three_nines, 30 * DAY, 20 * MINUTE, 5 * S, &warnings, t), 3);
    assert_int_equal(warnings, 1);
    assert_int_equal(defaults(three_nines, 30 * DAY, 15 * MINUTE, 10 * S, &warnings, t), 4);
    assert_int_equal(t[0].short_us, 31 * MINUTE);
    assert_int_equal(t[1].short_us, 31 * MINUTE);
    assert_int_equal(t[2].short_us, 2 * HOUR);
    assert_int_equal(defaults(three_nines, 30 * DAY, 120 * S, 60 * S, &warnings, t), 4);
    assert_int_equal(t[0].short_us, 5 * MINUTE);
    assert_int_equal(defaults(three_nines, 30 * DAY, 120 * S, 60 * S + 1, &warnings, t), 4);
    assert_int_equal(t[0].short_us, 6 * MINUTE);
}

static void finish_fills_an_objective(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct diag diag = {0};
    struct decode c = {&arena, &diag};
    struct probe_def probe = {.interval_us = 15 * S, .timeout_us = 5 * S};
    struct slo_def slo = {.target = three_nines, .probe = &probe, .alerting = true};
    slo.window = (struct window_def){.type = WINDOW_CALENDAR, .unit = CALENDAR_WEEK, .count = 1};
    slo_finish(&slo, &c);
    assert_int_equal(slo.tier_count, 4);
    assert_int_equal(slo.tiers[1].factor.n, 6);
    slo.alerting = false;
    slo_finish(&slo, &c);
    assert_int_equal(slo.tier_count, 0);
    assert_null(slo.tiers);
    arena_release(&arena);
}

static void min_failures_of_the_default_ones(void **state)
{
    (void)state;
    struct diag diag = {0};
    struct tier_def t[TIERS_MAX];
    struct probe_def probe = {.interval_us = 10 * MINUTE, .timeout_us = 5 * S};
    struct slo_def slo = {.target = three_nines, .probe = &probe, .min_failures = 3};
    slo.window = (struct window_def){.type = WINDOW_ROLLING, .duration_us = 30 * DAY};
    assert_int_equal(tiers_make(&slo, &diag, t), 4); /* 6 slots in an hour */
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(t[i].min_failures, 3);
    slo.min_failures = 4;
    assert_int_equal(tiers_make(&slo, &diag, t), 3);
    assert_int_equal(diag.warnings, 1);
    diag_release(&diag);
}

static void declared_tiers(void **state)
{
    (void)state;
    static const struct tier_decl declared[] = {
        {.severity = SEVERITY_PAGE,
         .long_us = HOUR,
         .short_us = 5 * MINUTE,
         .factor = {144, 1},
         .min_failures = 1},
        {.severity = SEVERITY_PAGE, .long_us = 6 * HOUR, .short_us = 30 * MINUTE, .budget = {5, 2}},
        {.severity = SEVERITY_TICKET, .long_us = 3 * DAY, .budget = {1, 1}},
        {.severity = SEVERITY_TICKET, .long_us = 10 * MINUTE, .factor = {2, 0}},
        {.severity = SEVERITY_TICKET, .long_us = 30 * DAY, .budget = {1, 0}},
        {.severity = SEVERITY_TICKET, .long_us = 28 * DAY, .budget = {1, 0}},
    };
    struct diag diag = {0};
    struct tier_def t[TIERS_MAX];
    struct probe_def probe = {.id = "api", .interval_us = 15 * S, .timeout_us = 5 * S};
    struct slo_def slo = {.target = three_nines,
                          .probe = &probe,
                          .min_failures = 3,
                          .declared = declared,
                          .declared_count = countof(declared)};
    /* A month is taken for 30 days; a tier may be as long as the window. */
    slo.window = (struct window_def){
        .type = WINDOW_CALENDAR, .unit = CALENDAR_MONTH, .count = 1, .text = "1 month"};
    assert_int_equal(tiers_make(&slo, &diag, t), countof(declared));
    assert_int_equal(diag.errors + diag.warnings, 0);
    static const struct tier_def want[] = {
        {SEVERITY_PAGE, HOUR, 5 * MINUTE, {144, 1}, 1},
        {SEVERITY_PAGE, 6 * HOUR, 30 * MINUTE, {6, 0}, 3},
        {SEVERITY_TICKET, 3 * DAY, 6 * HOUR, {1, 0}, 3},
        {SEVERITY_TICKET, 10 * MINUTE, MINUTE, {2, 0}, 3}, /* a twelfth is 50 s */
        {SEVERITY_TICKET, 30 * DAY, 60 * HOUR, {1, 0}, 3},
        {SEVERITY_TICKET, 28 * DAY, 56 * HOUR, {1071428571428, 12}, 3},
    };
    for (size_t i = 0; i < countof(want); i++) {
        assert_int_equal(t[i].severity, want[i].severity);
        assert_int_equal(t[i].long_us, want[i].long_us);
        assert_int_equal(t[i].short_us, want[i].short_us);
        assert_int_equal(decimal_cmp(t[i].factor, want[i].factor), 0);
        assert_int_equal(t[i].min_failures, want[i].min_failures);
    }
    /* Beyond 3 d windows start at whole hours: so do stretched ones end. */
    probe.interval_us = 2 * DAY;
    slo.declared = &declared[4];
    slo.declared_count = 1;
    assert_int_equal(tiers_make(&slo, &diag, t), 1);
    assert_int_equal(t[0].short_us, 4 * DAY + HOUR);
    assert_int_equal(diag.errors, 0);
    diag_release(&diag);
}

/* What may be said of one tier: what it is (0: nothing), and whether it is an error. */
static void mistakes_in_declared_tiers(void **state)
{
    (void)state;
    static const struct {
        struct tier_decl tier;
        size_t errors, warnings;
        const char *said;
    } rows[] = {
        {{.long_us = HOUR, .factor = {1000, 0}}, 0, 0, NULL},
        {{.long_us = HOUR, .factor = {10001, 1}}, 1, 0, "burns at 1000 only"},
        {{.long_us = DAY, .budget = {4, 2}}, 0, 0, NULL},
        {{.long_us = DAY, .budget = {333, 4}}, 1, 0, "a burn rate of 0.999"},
        {{.long_us = 30 * DAY, .factor = {1, 0}}, 0, 0, NULL},
        {{.long_us = 30 * DAY + HOUR, .factor = {1, 0}}, 1, 0, "longer than the window"},
        {{.long_us = 2 * MINUTE, .factor = {10, 0}, .min_failures = 4}, 0, 0, NULL},
        {{.long_us = 2 * MINUTE, .factor = {10, 0}, .min_failures = 5}, 1, 0, "must hold 10"},
        {{.long_us = MINUTE, .factor = {10, 0}}, 1, 0, "no longer than that"},
        {{.long_us = HOUR, .short_us = MINUTE, .factor = {10, 0}}, 0, 0, NULL},
        {{.long_us = 30 * DAY + HOUR, .factor = {1001, 0}}, 2, 0, NULL},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        struct diag diag = {0};
        struct tier_def t[TIERS_MAX];
        struct probe_def probe = {.id = "api", .interval_us = 15 * S, .timeout_us = 5 * S};
        struct slo_def slo = {
            .target = three_nines, .probe = &probe, .declared = &rows[i].tier, .declared_count = 1};
        slo.window =
            (struct window_def){.type = WINDOW_ROLLING, .duration_us = 30 * DAY, .text = "30d"};
        tiers_make(&slo, &diag, t);
        assert_int_equal(diag.errors, rows[i].errors);
        assert_int_equal(diag.warnings, rows[i].warnings);
        if (rows[i].said)
            assert_non_null(strstr(diag.items[0].text, rows[i].said));
        diag_release(&diag);
    }
}

static void starts_are_floored(void **state)
{
    (void)state;
    int64_t t = 1000000 * HOUR + 59 * MINUTE + 50 * S;
    assert_int_equal(tier_window_start(t, 5 * MINUTE), t - 5 * MINUTE);
    assert_int_equal(tier_window_start(t, HOUR - 3 * S), t - HOUR);
    assert_int_equal(tier_window_start(t, HOUR), t - HOUR);
    assert_int_equal(tier_window_start(t, HOUR + 1), t - HOUR - 50 * S);
    assert_int_equal(tier_window_start(t, 3 * DAY), t - 3 * DAY - 50 * S);
    assert_int_equal(tier_window_start(t, 3 * DAY + 1), (1000000 - 72) * HOUR);
    assert_int_equal(tier_window_start(0, 5 * S), -10 * S);
}

/* Smallest failures / slots, without min_failures, at 99.9 %. */
static void quantisation_table(void **state)
{
    (void)state;
    static const struct {
        int64_t interval;
        int64_t k[4];
    } rows[] = {{10 * S, {6, 13, 26, 26}},
                {15 * S, {4, 9, 18, 18}},
                {30 * S, {2, 5, 9, 9}},
                {60 * S, {1, 3, 5, 5}},
                {300 * S, {1, 1, 1, 1}}};
    static const struct tier_def tiers[] = {{SEVERITY_PAGE, HOUR, 5 * MINUTE, {144, 1}, 1},
                                            {SEVERITY_PAGE, 6 * HOUR, 30 * MINUTE, {6, 0}, 1},
                                            {SEVERITY_TICKET, DAY, 2 * HOUR, {3, 0}, 1},
                                            {SEVERITY_TICKET, 3 * DAY, 6 * HOUR, {1, 0}, 1}};
    for (size_t i = 0; i < countof(rows); i++) {
        for (size_t j = 0; j < 4; j++) {
            struct tier_def t = tiers[j];
            int64_t k = rows[i].k[j];
            assert_int_equal(tier_failures_to_fire(&t, three_nines, rows[i].interval), k);
            t.min_failures = 2;
            assert_int_equal(tier_failures_to_fire(&t, three_nines, rows[i].interval),
                             k < 2 ? 2 : k);
            /* and the rule itself agrees: k fires, k - 1 does not */
            int64_t n = t.long_us / rows[i].interval, m = t.short_us / rows[i].interval;
            t.min_failures = 1;
            assert_true(tier_fires(&t, three_nines, probes(k, n), probes(k < m ? k : m, m)));
            assert_false(
                tier_fires(&t, three_nines, probes(k - 1, n), probes(k - 1 < m ? k - 1 : m, m)));
        }
    }
    struct tier_def page = tiers[0];
    assert_int_equal(tier_failures_to_fire(&page, (struct decimal){9, 1}, 10 * S), 0);
    assert_int_equal(tier_failures_to_fire(&page, (struct decimal){9999, 4}, 10 * S), 1);
}

static void a_young_objective_does_not_page_by_division(void **state)
{
    (void)state;
    struct tier_def page = {SEVERITY_PAGE, HOUR, 5 * MINUTE, {144, 1}, 2};
    /* two of two failed, but an hour holds 240 slots: 2/240 is below 1.44 % */
    struct tier_counts lng = tier_counts_make(&plain, (struct counts){0, 2, 0}, 240);
    struct tier_counts shrt = tier_counts_make(&plain, (struct counts){0, 2, 0}, 20);
    assert_false(tier_fires(&page, three_nines, lng, shrt));
    lng.bad = 4;
    assert_true(tier_fires(&page, three_nines, lng, shrt));
    /* excluded slots are not expected: 3 of 208 are 1.442 % */
    lng = tier_counts_make(&plain, (struct counts){100, 3, 32}, 240);
    assert_int_equal(lng.expected, 208);
    assert_true(tier_fires(&page, three_nines, lng, shrt));
    lng = tier_counts_make(&plain, (struct counts){100, 3, 31}, 240);
    assert_false(tier_fires(&page, three_nines, lng, shrt));
    /* one failure alone never fires */
    lng = tier_counts_make(&plain, (struct counts){10, 1, 0}, 0);
    assert_int_equal(lng.expected, 11);
    assert_false(tier_fires(&page, three_nines, lng, shrt));
    assert_true(tier_may_clear((struct tier_counts){0, 10, 10, 20}));
    assert_false(tier_may_clear((struct tier_counts){0, 9, 9, 20}));
    assert_true(tier_may_clear((struct tier_counts){0}));
}

/* bad/V times observed/expected, compared without rounding. */
static void a_ratio_is_thinned_by_what_was_scraped(void **state)
{
    (void)state;
    struct tier_def page = {SEVERITY_PAGE, HOUR, 5 * MINUTE, {144, 1}, 2};
    const struct sli_metric ratio = {.kind = SLI_RATIO};
    const struct slo_def slo = {.sli = {.probe = "api", .metric = &ratio}, .target = {999, 3}};
    /* 288 of 10000 requests are 2.88 %; half of the hour was scraped: 1.44 % */
    struct counts c = {.good = 9712, .bad = 288, .scrapes = 120};
    struct tier_counts at = tier_counts_make(&slo, c, 240);
    assert_int_equal(at.total, 10000);
    assert_int_equal(at.observed, 120);
    assert_int_equal(at.expected, 240);
    assert_true(tier_fires(&page, three_nines, at, at));
    assert_true(tier_burn(at, three_nines) > 14.4 - 1e-9 && tier_burn(at, three_nines) < 14.4001);
    c.good++;
    assert_false(tier_fires(&page, three_nines, tier_counts_make(&slo, c, 240), at));
    c.good--;
    c.scrapes = 119;
    assert_false(tier_fires(&page, three_nines, tier_counts_make(&slo, c, 240), at));
    c.excluded = 2; /* two slots fewer were expected */
    assert_true(tier_fires(&page, three_nines, tier_counts_make(&slo, c, 240), at));
    /* Spread growth without its scrape in the window is nothing observed. */
    at = tier_counts_make(&slo, (struct counts){.bad = 50}, 20);
    assert_false(tier_fires(&page, three_nines, at, at));
    assert_true(tier_burn(at, three_nines) == 0);
    assert_false(tier_may_clear(at));
    /* All the numbers there are. */
    c = (struct counts){.good = INT64_MAX / 2, .bad = INT64_MAX / 2, .scrapes = INT64_MAX / 2};
    at = tier_counts_make(&slo, c, INT64_MAX / 2);
    assert_true(tier_fires(&page, three_nines, at, at));
}

/* min_failures are whole scrapes, however many parts those of others add up to. */
static void parts_of_scrapes_burn_alike(void **state)
{
    (void)state;
    struct tier_def page = {SEVERITY_PAGE, HOUR, 5 * MINUTE, {144, 1}, 2};
    const struct sli_metric raw = {.kind = SLI_RAW};
    struct slo_def slo = {.sli = {.probe = "api", .metric = &raw}, .target = {999, 3}};
    /* 1.44 scrapes of 100 burn at 14.4, but are not two failures */
    struct counts c = {.good = 98560000, .bad = 1440000, .scrapes = 100};
    struct tier_counts at = tier_counts_make(&slo, c, 100);
    assert_true(tier_burn(at, three_nines) > 14.4 - 1e-9 && tier_burn(at, three_nines) < 14.4001);
    assert_false(tier_fires(&page, three_nines, at, at));
    page.min_failures = 1;
    assert_true(tier_fires(&page, three_nines, at, at));
    c.good++;
    c.bad--;
    at = tier_counts_make(&slo, c, 100);
    assert_false(tier_fires(&page, three_nines, at, at));
    /* thinned by the scrapes that are missing, as whole ones are */
    page.min_failures = 2;
    c = (struct counts){.good = 97120000, .bad = 2880000, .scrapes = 100, .excluded = 3};
    assert_true(tier_fires(&page, three_nines, tier_counts_make(&slo, c, 203), at) == false);
    at = tier_counts_make(&slo, c, 203);
    assert_true(tier_fires(&page, three_nines, at, at));
    at = tier_counts_make(&slo, c, 204);
    assert_false(tier_fires(&page, three_nines, at, at));
    assert_false(tier_may_clear(at));
    assert_true(tier_may_clear(tier_counts_make(&slo, c, 203)));
    /* a silent one is a whole one */
    slo.no_data = NO_DATA_BAD;
    at = tier_counts_make(&slo, (struct counts){.good = RAW_PARTS, .scrapes = 1, .silent = 2}, 3);
    assert_int_equal(at.bad, 2 * RAW_PARTS);
    assert_int_equal(at.total, at.observed);
    assert_int_equal(at.total, at.expected);
}

/* What a silent target is taken for decides whether its silence burns. */
static void silence_counts_as_the_objective_says(void **state)
{
    (void)state;
    struct tier_def page = {SEVERITY_PAGE, HOUR, 5 * MINUTE, {144, 1}, 2};
    const struct sli_metric threshold = {.kind = SLI_THRESHOLD};
    struct slo_def slo = {.sli = {.probe = "api", .metric = &threshold}, .target = {999, 3}};
    const struct counts c = {.good = 200, .scrapes = 200, .silent = 40};
    slo.no_data = NO_DATA_BAD;
    struct tier_counts at = tier_counts_make(&slo, c, 240);
    assert_int_equal(at.bad, 40);
    assert_int_equal(at.observed, 240);
    assert_true(tier_fires(&page, three_nines, at, at));
    slo.no_data = NO_DATA_GOOD;
    at = tier_counts_make(&slo, c, 240);
    assert_int_equal(at.bad, 0);
    assert_int_equal(at.observed, 240);
    slo.no_data = NO_DATA_EXCLUDE;
    at = tier_counts_make(&slo, c, 240);
    assert_int_equal(at.observed, 200);
    assert_int_equal(at.expected, 240);
}

/* One tier watched over a simulated outage of a probe that runs each second. */
struct watch {
    const struct tier_def *tier;
    struct live *live;
    int64_t now;
    int64_t error_units; /* carried over, in 1/10000 of an event */
};

static bool firing(struct watch *w)
{
    const struct probe_revision rev = {0, S, 0, S};
    struct tier_counts v[2];
    int64_t lengths[] = {w->tier->long_us, w->tier->short_us};
    for (int i = 0; i < 2; i++) {
        int64_t start = tier_window_start(w->now, lengths[i]);
        v[i] = tier_counts_make(&plain, live_sum(w->live, w->now, lengths[i]),
                                expected_slots(&rev, 1, start, w->now));
    }
    return tier_fires(w->tier, three_nines, v[0], v[1]);
}

/* Runs 10 s with an error rate of e / 10000, spread evenly. */
static void run(struct watch *w, int64_t e)
{
    for (int i = 0; i < 10; i++) {
        w->error_units += e;
        bool bad = w->error_units >= 10000;
        w->error_units -= bad ? 10000 : 0;
        live_add(w->live, w->now, bad ? OUTCOME_BAD : OUTCOME_GOOD);
        w->now += S;
    }
}

static int64_t seconds_until(struct watch *w, bool state, int64_t e)
{
    int64_t began = w->now;
    while (firing(w) != state) {
        run(w, e);
        assert_true(w->now - began < 4 * DAY);
    }
    return (w->now - began) / S;
}

/* Minutes to detect and to reset after an outage with error rate e, from
 * t = F B L / e and S (1 - F B / e). The engine looks every 10 s and floors
 * the start of windows over an hour to a minute. */
static void detection_and_reset_table(void **state)
{
    (void)state;
    static const struct tier_def tiers[] = {{SEVERITY_PAGE, HOUR, 5 * MINUTE, {144, 1}, 2},
                                            {SEVERITY_PAGE, 6 * HOUR, 30 * MINUTE, {6, 0}, 2},
                                            {SEVERITY_TICKET, DAY, 2 * HOUR, {3, 0}, 2},
                                            {SEVERITY_TICKET, 3 * DAY, 6 * HOUR, {1, 0}, 2}};
    static const struct {
        int64_t e;
        double detect[4], reset[4];
    } rows[] = {
        {10000, {0.864, 2.16, 4.32, 4.32}, {4.928, 29.82, 119.64, 359.64}},
        {1500, {5.76, 14.4, 28.8, 28.8}, {4.52, 28.8, 117.6, 357.6}},
        {200, {43.2, 108, 216, 216}, {1.4, 21, 102, 342}},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        for (size_t j = 0; j < 4; j++) {
            struct watch w = {.tier = &tiers[j], .now = 1700000000 * S};
            w.live = live_new(3 * DAY, w.now);
            double fires = (double)seconds_until(&w, true, rows[i].e) / 60;
            double slack = (10.0 + (tiers[j].long_us > HOUR ? 60.0 : 0)) / 60;
            double gap = 10000.0 / (double)rows[i].e / 60; /* between two failures */
            assert_true(fires >= rows[i].detect[j] - gap);
            assert_true(fires <= rows[i].detect[j] + slack + gap);
            while (w.now - 1700000000 * S < tiers[j].short_us)
                run(&w, rows[i].e); /* the outage fills the short window */
            double clears = (double)seconds_until(&w, false, 0) / 60;
            assert_true(clears >= rows[i].reset[j] - 2 * gap);
            assert_true(clears <= rows[i].reset[j] + slack + 2 * gap);
            live_free(w.live);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_tiers_that_suit),
        cmocka_unit_test(finish_fills_an_objective),
        cmocka_unit_test(min_failures_of_the_default_ones),
        cmocka_unit_test(declared_tiers),
        cmocka_unit_test(mistakes_in_declared_tiers),
        cmocka_unit_test(starts_are_floored),
        cmocka_unit_test(quantisation_table),
        cmocka_unit_test(a_young_objective_does_not_page_by_division),
        cmocka_unit_test(a_ratio_is_thinned_by_what_was_scraped),
        cmocka_unit_test(parts_of_scrapes_burn_alike),
        cmocka_unit_test(silence_counts_as_the_objective_says),
        cmocka_unit_test(detection_and_reset_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
