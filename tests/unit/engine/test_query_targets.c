/* Reports over windows in which targets changed, against figures worked out by hand. */
#include "engine/query.h"

#include "base/mem.h"
#include "base/units.h"
#include "io/zone.h"
#include "nines/probe.h"
#include "slo/budget.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#define S USEC_PER_SEC
#define MIN USEC_PER_MIN
#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY
#define T0 (20000 * DAY)
#define EVENTS 20000 /* one a minute */
#define CHANGE (T0 + EVENTS / 2 * MIN)
#define END (T0 + EVENTS * MIN)

static const struct decimal two_nines = {99, 2}, three_nines = {999, 3};

struct world {
    char dir[64];
    char *path;
    struct config *config;
    struct slo_def *slo;
    struct zone *utc;
    struct store *store;
    struct store_reader *reader;
};

static const struct probe_kind http = {.name = "http"};
static const struct probe_def probe = {
    .id = "api", .kind = &http, .interval_us = MIN, .timeout_us = 5 * S, .max_in_flight = 1};

static void make_config(struct world *w)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    c->slos = arena_alloc(&c->arena, sizeof(*c->slos));
    w->config = c;
    w->slo = c->slos[c->slo_count++] = arena_alloc(&c->arena, sizeof(*w->slo));
    *w->slo = (struct slo_def){.name = "api-availability",
                               .service = "svc",
                               .objective_name = "",
                               .sli = {.probe = "api", .key = "api"},
                               .probe = &probe,
                               .target = three_nines,
                               .window = {.duration_us = 30 * DAY, .text = "30d"}};
    memset(w->slo->sli.classify, -1, sizeof(w->slo->sli.classify));
}

/* The first `bad` minutes from T0 are bad, and `also` from `also_us` on. */
static void push_events(struct world *w, int bad, int64_t also_us, int also)
{
    store_push_probe(w->store, 0, &probe, T0);
    for (int64_t t = T0; t < END; t += MIN) {
        bool is_bad = t < T0 + bad * MIN || (t >= also_us && t < also_us + also * MIN);
        struct result r = {.slot_us = t,
                           .done_us = t + S,
                           .total_us = S,
                           .outcome = is_bad ? OUTCOME_BAD : OUTCOME_GOOD,
                           .reason = is_bad ? REASON_STATUS : REASON_NONE};
        while (!store_reserve(w->store))
            assert_int_equal(store_flush(w->store, 60 * S, NULL), 0);
        store_push_result(w->store, 0, &r, NULL);
    }
    store_push_sli(w->store, &w->slo->sli);
    assert_int_equal(store_settle(w->store, 60 * S, NULL), 0);
}

/* A daemon comes to run with this target. */
static void run_with(struct world *w, struct decimal target, int64_t at_us)
{
    struct slo_def d = *w->slo;
    d.target = target;
    d.content = (uint64_t)at_us;
    store_push_slo(w->store, &d, at_us);
    assert_int_equal(store_flush(w->store, 60 * S, NULL), 0);
}

static void set_up(struct world *w)
{
    struct err err;
    struct store_options o = {0};
    *w = (struct world){0};
    str_copy(w->dir, sizeof(w->dir), "/tmp/nines-targets-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    o.path = w->path = mem_printf("%s/test.db", w->dir);
    make_config(w);
    assert_int_equal(zone_open("UTC", &w->utc, NULL), 0);
    if (store_open(&o, &w->store, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(store_reader_open(w->path, &w->reader, NULL), 0);
}

static void tear_down(struct world *w)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    assert_int_equal(store_close(w->store, 60 * S, NULL), 0);
    store_reader_free(w->reader);
    for (size_t i = 0; i < countof(suffixes); i++) {
        mem_auto char *path = mem_printf("%s%s", w->path, suffixes[i]);
        unlink(path);
    }
    rmdir(w->dir);
    zone_free(w->utc);
    config_unref(w->config);
    free(w->path);
}

static struct report *ask(struct world *w, struct query q)
{
    struct report *r;
    struct err err;
    if (query_report(w->config, w->reader, &q, &r, &err) < 0)
        fail_msg("%s", err.msg);
    return r;
}

static void near(double a, double b)
{
    if (fabs(a - b) > 1e-9)
        fail_msg("%.12f is not %.12f", a, b);
}

static void assert_target(const struct report_target *t, int64_t since_us, struct decimal target,
                          int64_t total, double allowed)
{
    assert_int_equal(t->since_us, since_us);
    assert_int_equal(decimal_cmp(t->target, target), 0);
    assert_int_equal(t->total, total);
    near(t->allowed, allowed);
}

/* Half of the window at 99 % allows 100, the other half at 99.9 % allows 10: with 110 bad
 * the objective is met, with one more it is not. */
static void half_and_half(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct world w;
        set_up(&w);
        push_events(&w, 110, CHANGE + HOUR, more);
        run_with(&w, two_nines, T0 + DAY);
        run_with(&w, two_nines, T0 + 2 * DAY); /* restarts, or another window */
        run_with(&w, three_nines, CHANGE + 40 * S);
        run_with(&w, three_nines, CHANGE + DAY);
        struct report *r = ask(&w, (struct query){.from_us = T0, .to_us = END});
        const struct report_slo *s = &r->slos[0];
        assert_int_equal(s->target_count, 2);
        assert_target(&s->targets[0], T0, two_nines, EVENTS / 2, 100);
        assert_target(&s->targets[1], CHANGE, three_nines, EVENTS / 2, 10);
        assert_int_equal(s->state, more ? SLO_BREACHED : SLO_AT_RISK);
        near(s->allowed, 110);
        near(s->projected, 110);
        near(s->consumed, 110 + more);
        near(s->remaining, -more);
        near(s->consumed_ratio, (110.0 + more) / 110);
        near(s->points[s->point_count - 1].budget_remaining, s->remaining_ratio);
        assert_true(budget_left_below(s->use, (struct decimal){0, 0}) == more);
        query_report_free(r);
        tear_down(&w);
    }
}

/* What no daemon has run with yet is as if it always had been, be it new or as it once
 * was; and another target alone is no other objective. */
static void what_is_not_in_force(void **state)
{
    (void)state;
    struct world w;
    struct query q = {.from_us = T0, .to_us = END};
    set_up(&w);
    push_events(&w, 110, 0, 0);
    for (int i = 0; i < 3; i++) {
        if (i == 1)
            run_with(&w, two_nines, T0 + DAY);
        if (i == 2)
            run_with(&w, (struct decimal){95, 2}, CHANGE);
        w.slo->target = i < 2 ? three_nines : two_nines;
        struct report *r = ask(&w, q);
        const struct report_slo *s = &r->slos[0];
        assert_int_equal(s->target_count, 1);
        assert_target(&s->targets[0], T0, w.slo->target, EVENTS, i < 2 ? 20 : 200);
        near(s->allowed, i < 2 ? 20 : 200);
        query_report_free(r);
    }
    /* In force again, and asked about the time before. */
    run_with(&w, three_nines, END - DAY);
    w.slo->target = three_nines;
    q.to_us = T0 + 5 * DAY;
    struct report *r = ask(&w, q);
    assert_int_equal(r->slos[0].target_count, 1);
    assert_target(&r->slos[0].targets[0], T0, two_nines, 5 * 1440, 72);
    query_report_free(r);
    tear_down(&w);
}

/* Slices of 10 minutes; the target changes 3 minutes into one of them. */
static void slices_in_turn(void **state)
{
    static const enum budget_method methods[] = {METHOD_TIMESLICES, METHOD_RATIO_TIMESLICES};
    (void)state;
    for (size_t i = 0; i < countof(methods); i++) {
        struct world w;
        set_up(&w);
        push_events(&w, 15, 0, 0);
        w.slo->method = methods[i];
        w.slo->slice_us = 10 * MIN;
        w.slo->slice_target = (struct decimal){9, 1};
        run_with(&w, two_nines, T0);
        run_with(&w, three_nines, CHANGE + 3 * MIN);
        struct report *r = ask(&w, (struct query){.from_us = T0, .to_us = END});
        const struct report_slo *s = &r->slos[0];
        assert_int_equal(s->target_count, 2);
        assert_target(&s->targets[0], T0, two_nines, 1001, 10.01);
        assert_target(&s->targets[1], CHANGE + 10 * MIN, three_nines, 999, 0.999);
        near(s->allowed, 11.009);
        near(s->consumed, methods[i] == METHOD_TIMESLICES ? 2 : 1.5);
        near(s->consumed_ratio, s->consumed / 11.009);
        query_report_free(r);
        tear_down(&w);
    }
}

/* A calendar day, at noon, at 99 % up to 6:00: 3.6 and 0.36 are allowed by now, 0.72 for
 * the rest. 2 bad in the last 6 hours burn at (2 / 360) / 0.001; the 2.68 that are left
 * last for 2.68 / 2 * 6 h = 8.04 h. */
static void a_day_that_is_not_over(void **state)
{
    (void)state;
    struct world w;
    set_up(&w);
    push_events(&w, 0, T0 + 7 * HOUR, 2);
    w.slo->window = (struct window_def){.type = WINDOW_CALENDAR,
                                        .unit = CALENDAR_DAY,
                                        .count = 1,
                                        .zone = w.utc,
                                        .timezone = "UTC",
                                        .text = "1 day"};
    run_with(&w, two_nines, T0 - 3 * DAY);
    run_with(&w, three_nines, T0 + 6 * HOUR);
    struct report *r = ask(&w, (struct query){.at_us = T0 + 12 * HOUR});
    const struct report_slo *s = &r->slos[0];
    assert_target(&s->targets[0], T0, two_nines, 360, 3.6);
    assert_target(&s->targets[1], T0 + 6 * HOUR, three_nines, 360, 0.36);
    near(s->allowed, 3.96);
    near(s->projected, 4.68);
    assert_int_equal(s->exhausts_at_us, T0 + 12 * HOUR + 804 * HOUR / 100);
    query_report_free(r);
    tear_down(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_and_half),
        cmocka_unit_test(what_is_not_in_force),
        cmocka_unit_test(slices_in_turn),
        cmocka_unit_test(a_day_that_is_not_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
