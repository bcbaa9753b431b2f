/* Exclusions as rows: all of them comes back, removed ones stay, older files get a table. */
#include "../cmocka_all.h"
#include "fixture.h"

#include "base/arena.h"
#include "base/mem.h"
#include "nines/exclusion.h"

#include <string.h>

struct rows {
    struct arena arena;
    struct exclusion *at;
    size_t n;
};

static struct rows read_all(struct fixture *f)
{
    struct rows rows = {0};
    struct err err;
    fixture_flush(f);
    struct store_reader *r = fixture_reader(f);
    if (store_reader_exclusions(r, &rows.arena, &rows.at, &rows.n, &err) < 0)
        fail_msg("%s", err.msg);
    store_reader_free(r);
    return rows;
}

static const char *names[] = {"a", "b.c-d"};
static struct pair labels[] = {{.key = "team", .value = "x=y z"}, {.key = "empty", .value = ""}};

static const struct exclusion full = {
    .name = "",
    .mode = EXCLUSION_COUNT_GOOD,
    .from_us = T0,
    .to_us = T0 + USEC_PER_HOUR,
    .rrule = "FREQ=WEEKLY",
    .timezone = "Europe/Berlin",
    .slos = {names, 2},
    .service = "agents",
    .labels = {labels, 2},
    .reason = "move",
    .author = "me",
    .created_us = T0 + 5,
};

static void comes_back(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    const struct exclusion bare = {
        .from_us = T0, .to_us = T0 + 1, .timezone = "UTC", .reason = "", .author = ""};
    store_push_exclusion(f.store, &full);
    store_push_exclusion(f.store, &bare);
    struct rows rows = read_all(&f);
    assert_int_equal(rows.n, 2);
    const struct exclusion *x = &rows.at[0];
    assert_true(x->id == 1 && x->mode == full.mode && x->from_us == T0);
    assert_true(x->to_us == full.to_us && x->created_us == T0 + 5 && x->removed_us == 0);
    assert_string_equal(x->rrule, "FREQ=WEEKLY");
    assert_string_equal(x->timezone, "Europe/Berlin");
    assert_string_equal(x->service, "agents");
    assert_string_equal(x->reason, "move");
    assert_string_equal(x->author, "me");
    assert_string_equal(x->removed_by, "");
    assert_int_equal(x->slos.n, 2);
    assert_string_equal(x->slos.at[1], "b.c-d");
    assert_int_equal(x->labels.n, 2);
    assert_string_equal(x->labels.at[0].key, "team");
    assert_string_equal(x->labels.at[0].value, "x=y z");
    assert_string_equal(x->labels.at[1].value, "");
    x = &rows.at[1];
    assert_true(x->id == 2 && x->slos.n == 0 && x->labels.n == 0);
    assert_true(x->rrule == NULL && x->service == NULL && x->mode == EXCLUSION_DROP);
    arena_release(&rows.arena);
    fixture_release(&f);
}

static void removed_ones_stay(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    store_push_exclusion(f.store, &full);
    store_push_remove_exclusion(f.store, 1, T0 + 7, "you");
    store_push_remove_exclusion(f.store, 1, T0 + 8, "he"); /* the first one did it */
    store_push_exclusion(f.store, &full);
    struct rows rows = read_all(&f);
    assert_int_equal(rows.n, 2);
    assert_true(rows.at[0].removed_us == T0 + 7);
    assert_string_equal(rows.at[0].removed_by, "you");
    assert_true(rows.at[1].id == 2 && rows.at[1].removed_us == 0);
    arena_release(&rows.arena);
    fixture_release(&f);
}

static void a_file_of_version_4_gets_the_table(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    fixture_close(&f);
    fixture_to_version_5(&f);
    fixture_sql(&f, "DROP TABLE exclusion");
    fixture_sql(&f, "PRAGMA user_version = 4");
    fixture_open(&f);
    assert_int_equal(fixture_sql(&f, "PRAGMA user_version"), 7);
    store_push_exclusion(f.store, &full);
    struct rows rows = read_all(&f);
    assert_int_equal(rows.n, 1);
    arena_release(&rows.arena);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(removed_ones_stay),
        cmocka_unit_test(a_file_of_version_4_gets_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
