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
            fixture_settle(&w->f);
        if (world_next(w) % 3 == 0)
            restart(w, slis);
        if (world_next(w) % 5 == 0 && slis < WORLD_SLIS)
            world_declare(w, ++slis);
        world_check(w);
    }
    fixture_settle(&w->f);
    assert_true(fixture_sql(&w->f, "SELECT count(*) FROM rollup_day WHERE silent > 0") > 0);
    assert_int_equal(fixture_sql(&w->f, "SELECT count(*) FROM roll_stream WHERE kind = 2"),
                     (int)slis);
    world_check(w);
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
            fixture_settle(&w->f);
        if (world_next(w) % 6 == 0)
            restart(w, 3);
        world_check(w);
    }
    world_end(w);
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
    if (!d->sick || (d->seed >> 8) % 4000 || str_starts(sql, "PRAGMA"))
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
    for (int round = 0; round < 25; round++) {
        disk.sick = true;
        world_run(w, 40 + world_next(w) % 160);
        if (world_next(w) % 2)
            push_late(w);
        fixture_flush(&w->f); /* tried again until it is well */
        disk.sick = false;
        if (world_next(w) % 3 == 0)
            fixture_settle(&w->f);
        world_check(w);
    }
    assert_true(disk.faults > 5);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restarts_do_not_show),
        cmocka_unit_test(late_slots_are_told_in_their_place),
        cmocka_unit_test(undone_batches_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
