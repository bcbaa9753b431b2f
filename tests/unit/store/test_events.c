/*
 * Whatever happens to samples, in any order (restarts, faults of the disk, late
 * slots, imports, new SLIs): the events of metric SLIs are what one derivation
 * from the first scrape to the last says.
 */
#include "metrics_world.h"

#include "base/mem.h"
#include "base/str.h"
#include "io/sqlite.h"
#include "store/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#define SQL_FULL 13

static struct world *world_new(uint32_t seed)
{
    struct world *w = mem_alloc(sizeof(*w));
    world_init(w, seed);
    return w;
}

static void world_end(struct world *w)
{
    world_release(w);
    free(w);
}

static void restart(struct world *w, size_t slis)
{
    fixture_close(&w->f);
    fixture_open(&w->f);
    world_declare(w, slis);
}

static void restarts_do_not_show(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    size_t slis = 1;
    world_declare(w, slis);
    for (int round = 0; round < 30 && w->live < WORLD_SLOTS; round++) {
        world_run(w, 1 + world_next(w) % 300);
        if (world_next(w) % 3 == 0)
            world_verify(w);
        if (world_next(w) % 3 == 0)
            restart(w, slis);
        if (world_next(w) % 5 == 0 && slis < WORLD_SLIS)
            world_declare(w, ++slis);
        world_check(w);
    }
    assert_true(world_verify(w) > 3000);
    assert_true(fixture_sql(&w->f, "SELECT count(*) FROM rollup_day WHERE silent > 0") > 0);
    assert_int_equal(fixture_sql(&w->f, "SELECT count(*) FROM roll_stream WHERE kind = 2"),
                     (int)slis);
    world_check(w);
    world_end(w);
}

/* Declarations go and come back, other ones want the same series meanwhile, and the
 * probe is pointed at another target. */
static void what_nobody_looks_for_is_no_scrape(void **state)
{
    (void)state;
    struct world *w = world_new(6);
    uint64_t source = 1;
    world_declare(w, 1);
    for (int round = 0; round < 40 && w->live < WORLD_SLOTS; round++) {
        world_run(w, 1 + world_next(w) % 200);
        if (world_next(w) % 3 == 0)
            world_verify(w);
        if (world_next(w) % 4 == 0) {
            fixture_close(&w->f);
            fixture_open(&w->f);
        }
        source += world_next(w) % 8 == 0;
        world_declare_only(w, world_next(w) % (1u << WORLD_SLIS), source);
        world_check(w);
    }
    world_verify(w);
    assert_true(source > 3);
    assert_true(fixture_sql(&w->f, "SELECT count(*) FROM wanted WHERE until > since") > 20);
    world_end(w);
}

/* The first two series, and a pod's with errors of its own unless that is negative. */
static void scrape(struct world *w, double requests, double pod_errors)
{
    struct world_slot *s = &w->slots[w->live];
    *s = (struct world_slot){.present = true, .scrape = true, .has = 3, .values = {requests, 5}};
    if (pod_errors >= 0) {
        s->has |= 1u << 3;
        s->values[3] = pod_errors;
    }
    world_push(w, w->live++);
}

/* A pod that came while nobody looked has not had all its errors when it comes back. */
static void what_came_unasked_is_not_new(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) {
        struct world *w = world_new(8);
        world_declare_only(w, 1, 1);
        scrape(w, 1000, -1);
        scrape(w, 1010, -1);
        world_declare_only(w, 4, 1);
        scrape(w, 1020, 70000);
        world_declare_only(w, 1, 1);
        if (again) {
            fixture_close(&w->f);
            fixture_open(&w->f);
            world_declare_only(w, 1, 1);
        }
        scrape(w, 1030, -1);
        scrape(w, 1040, 70001);
        scrape(w, 1050, 70003);
        fixture_settle(&w->f);
        assert_int_equal(fixture_sql(&w->f, "SELECT sum(good) FROM event"), 10 + 10 + 10);
        assert_int_equal(fixture_sql(&w->f, "SELECT sum(bad) FROM event WHERE stream IN (SELECT"
                                            " num FROM roll_stream WHERE key LIKE '% bad')"),
                         2);
        world_check(w);
        world_verify(w);
        world_end(w);
    }
}

/* The runs of a kind without samples are no silence of those that had looked. */
static void another_kind_looks_for_nothing(void **state)
{
    (void)state;
    struct world *w = world_new(9);
    world_declare_only(w, 5, 1);
    scrape(w, 1000, -1);
    scrape(w, 1010, -1);
    world_declare_only(w, 0, 0);
    for (int i = 0; i < 5; i++) {
        w->slots[w->live].present = true;
        world_push(w, w->live++);
    }
    world_declare_only(w, 5, 1);
    scrape(w, 5000, -1);
    scrape(w, 5020, -1);
    fixture_settle(&w->f);
    assert_int_equal(fixture_sql(&w->f, "SELECT sum(good) FROM event WHERE stream IN (SELECT"
                                        " num FROM roll_stream WHERE key LIKE '% bad')"),
                     10 + 20);
    assert_int_equal(fixture_sql(&w->f, "SELECT sum(silent) FROM event WHERE stream IN (SELECT"
                                        " num FROM roll_stream WHERE key LIKE '% bad')"),
                     0);
    world_check(w);
    world_verify(w);
    world_end(w);
}

/* A slot that had been left out, or one that is stored: that wins. */
static void push_late(struct world *w)
{
    int64_t i = world_next(w) % (uint32_t)w->live;
    struct world_slot before = w->slots[i], *s = &w->slots[i];
    *s = (struct world_slot){.present = true, .outcome = OUTCOME_GOOD};
    if (world_next(w) % 4)
        world_scrape(w, s);
    world_push(w, i);
    if (before.present)
        *s = before;
}

static void late_slots_are_told_in_their_place(void **state)
{
    (void)state;
    struct world *w = world_new(2);
    world_declare(w, 3);
    for (int round = 0; round < 25; round++) {
        world_run(w, 1 + world_next(w) % 200);
        for (uint32_t n = world_next(w) % 4; n > 0; n--)
            push_late(w);
        if (world_next(w) % 3 == 0)
            world_verify(w);
        if (world_next(w) % 6 == 0)
            restart(w, 3);
        world_check(w);
    }
    world_end(w);
}

/* ---- imports -------------------------------------------------------------------- */

struct bringing {
    struct import_row rows[4000];
    struct import_batch b;
    int64_t inserted, different; /* that are to be */
};

static struct import_row *add_row(struct bringing *x, int64_t slot, const char *series)
{
    struct import_row *row = &x->rows[x->b.n++];
    *row = (struct import_row){.probe = WORLD_PROBE, .line = 1, .series = series};
    row->result.slot_us = world_slot_us(slot);
    return row;
}

static void import_result(struct world *w, struct bringing *x, int64_t i)
{
    struct world_slot *s = &w->slots[i];
    struct import_row *row = add_row(x, i, NULL);
    uint8_t outcome = world_next(w) % 8 ? OUTCOME_GOOD : (uint8_t)(1 + world_next(w) % 3);
    /* Longer than any other: it always differs. */
    row->result =
        result_at(world_slot_us(i), outcome, outcome == OUTCOME_GOOD ? REASON_NONE : REASON_STATUS,
                  3 * USEC_PER_SEC + world_next(w) % 1000000);
    x->inserted += !s->present;
    x->different += s->present;
    if (s->present && !x->b.replace)
        return;
    s->present = s->imported = true;
    s->outcome = outcome;
}

static void import_scrape(struct world *w, struct bringing *x, int64_t i)
{
    struct world_slot fresh, *s = &w->slots[i];
    world_scrape(w, &fresh);
    if (!fresh.has) {
        add_row(x, i, "");
        x->inserted += !s->scrape;
        s->scrape = true;
    }
    for (int k = 0; k < WORLD_SERIES; k++) {
        bool any = s->scrape && s->has >> k & 1;
        if (!(fresh.has >> k & 1))
            continue;
        double value = fresh.values[k] + 0.125; /* differs, too */
        add_row(x, i, world_series[k])->value = value;
        x->inserted += !any;
        x->different += any && s->values[k] != value;
        s->scrape = true;
        if (any && !x->b.replace)
            continue;
        s->has |= 1u << k;
        s->values[k] = value;
    }
}

/* A stretch of slots, whose rows come in any order but within a slot. */
static void import_some(struct world *w, bool sliced)
{
    struct bringing *x = mem_alloc(sizeof(*x));
    int64_t first = world_next(w) % WORLD_SLOTS, last = first + world_next(w) % 300;
    bool backwards = world_next(w) % 2;
    x->b = (struct import_batch){.rows = x->rows,
                                 .replace = world_next(w) % 3 == 0,
                                 .import_id = world_next(w),
                                 .slice_rows = sliced ? 50 : 0};
    if (last > WORLD_SLOTS)
        last = WORLD_SLOTS;
    uint32_t what = world_next(w) % 3;
    for (int64_t k = first; k < last; k++) {
        int64_t i = backwards ? last - 1 - (k - first) : k;
        if (world_next(w) % 5 == 0)
            continue;
        if (what != 0)
            import_result(w, x, i);
        if (what != 1 && (what == 0 || w->slots[i].present))
            import_scrape(w, x, i);
    }
    if (x->b.n) {
        import_now(w->f.store, &x->b);
        if (x->b.status < 0)
            fail_msg("%s", x->b.err.msg);
        assert_int_equal(x->b.totals.inserted, x->inserted);
        assert_int_equal(x->b.totals.different, x->different);
    }
    free(x);
}

static void imports_are_told_anew(void **state)
{
    (void)state;
    struct world *w = world_new(4);
    w->live = WORLD_SLOTS / 4;
    world_declare(w, 3);
    for (int round = 0; round < 24; round++) {
        if (world_next(w) % 3)
            import_some(w, world_next(w) % 2);
        else
            world_run(w, 1 + world_next(w) % 200);
        if (world_next(w) % 3 == 0)
            world_verify(w);
        if (world_next(w) % 6 == 0)
            restart(w, 3);
        world_check(w);
    }
    world_end(w);
}

/* ---- retention ------------------------------------------------------------------ */

static void what_is_left_goes_on_from_what_is_gone(void **state)
{
    (void)state;
    struct world *w = world_new(5);
    struct store_retention keep = {.results_us = 8 * USEC_PER_HOUR};
    world_declare(w, 3);
    for (int round = 0; round < 24; round++) {
        world_run(w, 1 + world_next(w) % 400);
        store_set_retention(w->f.store, &keep);
        world_verify(w);
        world_check(w);
        if (world_next(w) % 3 == 0)
            restart(w, 3);
    }
    world_verify(w);
    int64_t raw_since = fixture_sql(&w->f, "SELECT raw_since FROM probe");
    assert_true(raw_since > world_slot_us(WORLD_SLOTS / 3));
    assert_int_equal(
        fixture_sql(&w->f, "SELECT count(*) FROM event JOIN probe WHERE slot < raw_since"), 0);
    /* The last scrape, and what no scrape since has. */
    assert_true(fixture_sql(&w->f, "SELECT count(*) FROM sample JOIN probe WHERE slot < raw_since"
                                   " AND series > 0") <= WORLD_SERIES);
    world_end(w);
}

static void series_that_are_gone_for_good_go(void **state)
{
    (void)state;
    struct fixture f;
    struct probe_def def = probe_def("p", USEC_PER_MIN);
    struct store_retention keep = {.results_us = USEC_PER_HOUR};
    fixture_init(&f);
    fixture_open(&f);
    store_push_probe(f.store, 0, &def, T0);
    store_set_retention(f.store, &keep);
    /* Each of them is there for one scrape: more than are ever kept. */
    for (int i = 0; i < 40; i++) {
        char names[500][24];
        struct sample at[500];
        struct store_extra extra = {.samples = at, .sample_count = 500};
        struct result r = result_at(T0 + i * USEC_PER_MIN, OUTCOME_GOOD, REASON_NONE, 5);
        r.flags = RESULT_SCRAPED;
        for (int k = 0; k < 500; k++) {
            snprintf(names[k], sizeof(names[k]), "pod_%d_%d", i, k);
            at[k] = (struct sample){names[k], 1};
        }
        assert_true(store_reserve(f.store));
        assert_true(store_push_result(f.store, 0, &r, &extra));
    }
    for (int i = 0; i < 200; i++) {
        struct result r = result_at(T0 + (40 + i) * USEC_PER_MIN, OUTCOME_BAD, REASON_CONNECT, 5);
        push_result(f.store, 0, &r);
        store_push_heartbeat(f.store, r.slot_us + 1, r.slot_us + 1);
    }
    fixture_settle(&f);
    /* Those of the last scrape, and whole scrapes of others. */
    int64_t left = fixture_sql(&f, "SELECT count(*) FROM series");
    assert_true(left >= 500 + 4 * SAMPLES_MAX && left <= 1000 + 4 * SAMPLES_MAX);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM sample WHERE series > 0"), left);
    fixture_release(&f);
}

/* ---- a sick disk ---------------------------------------------------------------- */

struct disk {
    _Atomic uint32_t seed, faults;
    _Atomic bool sick;
};

static int on_step(void *ctx, const char *sql)
{
    struct disk *d = ctx;
    d->seed = d->seed * 1664525 + 1013904223;
    if (!d->sick || (d->seed >> 8) % 800 || str_starts(sql, "PRAGMA"))
        return 0;
    d->faults++;
    return SQL_FULL;
}

static void undone_batches_leave_nothing_behind(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct disk disk = {.seed = 7};
    struct store_options o = {.path = w->f.path};
    struct err err = {{0}};
    fixture_close(&w->f);
    assert_int_equal(store_open_faulty(&o, on_step, &disk, &w->f.store, &err), 0);
    world_declare(w, 3);
    /* How often it fails depends on how records fall into batches. */
    for (int round = 0; round < 30 || (disk.faults <= 5 && round < 1000); round++) {
        disk.sick = true;
        world_run(w, 1 + world_next(w) % 30);
        if (world_next(w) % 2)
            push_late(w);
        fixture_flush(&w->f); /* tried again until it is well */
        disk.sick = false;
        if (world_next(w) % 3 == 0)
            world_verify(w);
        world_check(w);
    }
    assert_true(disk.faults > 5);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restarts_do_not_show),
        cmocka_unit_test(what_nobody_looks_for_is_no_scrape),
        cmocka_unit_test(what_came_unasked_is_not_new),
        cmocka_unit_test(another_kind_looks_for_nothing),
        cmocka_unit_test(late_slots_are_told_in_their_place),
        cmocka_unit_test(imports_are_told_anew),
        cmocka_unit_test(what_is_left_goes_on_from_what_is_gone),
        cmocka_unit_test(series_that_are_gone_for_good_go),
        cmocka_unit_test(undone_batches_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
