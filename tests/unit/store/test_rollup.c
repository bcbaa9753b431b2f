/* Hours and days: that they are what results say, whenever and from whatever
 * they were added up, and that what is not is told. */
#include "fixture.h"

#include "base/mem.h"
#include "io/sqlite.h"
#include "store/catalog.h"
#include "store/rollup.h"
#include "store/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY0 ((T0 / USEC_PER_DAY + 1) * USEC_PER_DAY)
#define DAYS 4
#define INTERVAL_US (30 * USEC_PER_SEC)
#define SLOTS (DAYS * USEC_PER_DAY / INTERVAL_US)

struct world {
    struct fixture f;
    struct sli_def slis[2];
};

static struct result result_of(int64_t i)
{
    uint32_t r = (uint32_t)(i * 2654435761u) >> 8;
    enum outcome o = r % 50 == 0 ? OUTCOME_BAD : r % 53 == 0 ? OUTCOME_EXCLUDED : OUTCOME_GOOD;
    enum reason reason = o == OUTCOME_BAD ? REASON_STATUS : REASON_NONE;
    return result_at(DAY0 + i * INTERVAL_US, o, reason, 1000 + r % 100000);
}

static void declare(struct world *w)
{
    struct probe_def def = probe_def("api", INTERVAL_US);
    store_push_probe(w->f.store, 0, &def, DAY0);
    for (size_t i = 0; i < countof(w->slis); i++)
        store_push_sli(w->f.store, &w->slis[i]);
}

static void import_all(struct world *w)
{
    struct import_row *rows = mem_array((size_t)SLOTS, sizeof(*rows));
    struct import_batch b = {.rows = rows, .import_id = 1};
    for (int64_t i = 0; i < SLOTS; i++)
        if (i % 1440 != 7) /* gaps */
            rows[b.n++] = (struct import_row){.probe = "api", .result = result_of(i), .line = 1};
    import_now(w->f.store, &b);
    assert_int_equal(b.status, 0);
    free(rows);
}

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->slis[0] = sli_def("api", 0, "api");
    w->slis[1] = sli_def("api", 50000, "api faster_than=50000us");
    fixture_init(&w->f);
    fixture_open(&w->f);
    declare(w);
    import_all(w);
    fixture_settle(&w->f);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    fixture_release(&w->f);
    free(w);
    return 0;
}

/* 1: all is well. */
static int verify(const struct world *w, struct rollup_checked *checked, struct err *err)
{
    struct sqlite *db;
    struct catalog c = {0};
    struct scanner scanner;
    assert_int_equal(sqlite_open(w->f.path, SQLITE_ACCESS_READ, 5000, &db, err), 0);
    scanner_init(&scanner, db, NULL);
    assert_int_equal(sqlite_run(db, "BEGIN", NULL, err), 0);
    assert_int_equal(catalog_load(&c, db, err), 0);
    int rc = rollup_verify(&c, db, &scanner, catalog_find(&c, "api"), checked, err);
    sqlite_rollback(db);
    catalog_release(&c);
    scanner_release(&scanner);
    sqlite_close(db);
    return rc;
}

static void all_is_well(const struct world *w, int64_t days)
{
    struct rollup_checked checked = {0};
    struct err err = {{0}};
    if (verify(w, &checked, &err) != 1)
        fail_msg("%s", err.msg);
    assert_int_equal(checked.hours, 3 * 24 * DAYS - 3); /* the last hour is not over */
    assert_int_equal(checked.days, 3 * days);
}

static void hours_and_days_are_what_results_say(void **state)
{
    struct world *w = *state;
    all_is_well(w, DAYS - 1);
}

static void a_late_result_takes_back_its_day(void **state)
{
    struct world *w = *state;
    struct import_row row = {.probe = "api", .result = result_of(2880 + 7), .line = 1};
    struct import_batch b = {.rows = &row, .n = 1, .import_id = 2};
    import_now(w->f.store, &b);
    assert_int_equal(b.totals.inserted, 1);
    assert_int_equal(fixture_sql(&w->f, "SELECT max(days_through) FROM roll_stream"),
                     DAY0 + USEC_PER_DAY);
    assert_int_equal(fixture_sql(&w->f, "SELECT count(*) FROM rollup_day"), 3);
    fixture_settle(&w->f);
    all_is_well(w, DAYS - 1);
}

/* Rows that two streams of one probe do not have in common. */
static int64_t different(const struct world *w)
{
    int64_t n = 0;
    n += fixture_sql(&w->f, "SELECT count(*) FROM (SELECT hour, good, bad, excluded, reasons,"
                            " packed FROM rollup JOIN roll_stream ON num = stream"
                            " WHERE key = 'api' EXCEPT SELECT hour, good, bad, excluded, reasons,"
                            " packed FROM rollup JOIN roll_stream ON num = stream"
                            " WHERE key = 'api again')");
    n += fixture_sql(&w->f, "SELECT count(*) FROM (SELECT day, good, bad, excluded, reasons,"
                            " packed FROM rollup_day JOIN roll_stream ON num = stream"
                            " WHERE key = 'api' EXCEPT SELECT day, good, bad, excluded, reasons,"
                            " packed FROM rollup_day JOIN roll_stream ON num = stream"
                            " WHERE key = 'api again')");
    return n;
}

static void a_new_sli_is_rolled_up_from_rows_and_chunks(void **state)
{
    struct world *w = *state;
    struct sli_def again = sli_def("api", 0, "api again");
    assert_true(fixture_sql(&w->f, "SELECT count(*) FROM chunk") > 0);
    assert_true(different(w) > 0);
    store_push_sli(w->f.store, &again);
    fixture_settle(&w->f);
    assert_int_equal(different(w), 0);
    assert_int_equal(fixture_sql(&w->f, "SELECT count(*) FROM rollup"), 4 * (24 * DAYS - 1));
}

static void an_older_file_gets_its_days(void **state)
{
    struct world *w = *state;
    fixture_close(&w->f);
    fixture_sql(&w->f, "DELETE FROM rollup_day RETURNING 1");
    fixture_sql(&w->f, "UPDATE roll_stream SET days_through = 0 RETURNING 1");
    assert_int_equal(fixture_sql(&w->f, "SELECT count(*) FROM rollup_day"), 0);
    fixture_open(&w->f);
    declare(w);
    fixture_settle(&w->f);
    all_is_well(w, DAYS - 1);
}

static void what_is_wrong_is_named(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE rollup SET good = good + 1 WHERE stream = 2 AND hour % 7 = 3 RETURNING 1",
         "are stored, but there are"},
        {"UPDATE rollup SET packed = x'013c020000' WHERE stream = 2 RETURNING 1",
         "parts or reasons are wrong"},
        {"UPDATE rollup SET reasons = NULL WHERE stream = 2 RETURNING 1",
         "parts or reasons are wrong"},
        {"UPDATE rollup SET packed = x'01' WHERE stream = 1 RETURNING 1", "cannot be decoded"},
        {"DELETE FROM rollup WHERE stream = 3 AND hour > 0 RETURNING 1", "it is missing"},
        {"INSERT INTO rollup SELECT stream, hour + 3600000000, good, bad, excluded, reasons,"
         " packed, 0, 0 FROM rollup WHERE stream = 2 ORDER BY hour DESC LIMIT 1 RETURNING 1",
         "hours without results"},
        {"UPDATE rollup_day SET bad = bad + 1 WHERE stream = 2 RETURNING 1", "day"},
        {"UPDATE rollup_day SET packed = x'0118020000' WHERE stream = 2 RETURNING 1", "day"},
        {"DELETE FROM rollup_day WHERE stream = 1 RETURNING 1", "it is missing"},
        {"UPDATE rollup_day SET day = day + 86400000000 * 30 WHERE stream = 1 RETURNING 1",
         "it is missing"},
        {"INSERT INTO rollup_day SELECT stream, day + 86400000000 * 30, good, bad, excluded,"
         " reasons, packed, 0, 0 FROM rollup_day WHERE stream = 1 LIMIT 1 RETURNING 1",
         "it is not over yet"},
    };
    fixture_close(&w->f);
    for (size_t i = 0; i < countof(cases); i++) {
        struct rollup_checked checked = {0};
        struct err err = {{0}};
        struct sqlite *db;
        int64_t v;
        assert_int_equal(sqlite_open(w->f.path, SQLITE_ACCESS_WRITE, 5000, &db, &err), 0);
        /* Seen by this connection only, and gone with it. */
        struct catalog c = {0};
        struct scanner scanner;
        scanner_init(&scanner, db, NULL);
        assert_int_equal(sqlite_run(db, "BEGIN IMMEDIATE", NULL, &err), 0);
        assert_int_equal(sqlite_lookup(db, cases[i].sql, NULL, &v, &err), 1);
        assert_int_equal(catalog_load(&c, db, &err), 0);
        int rc = rollup_verify(&c, db, &scanner, catalog_find(&c, "api"), &checked, &err);
        if (rc != 0 || !strstr(err.msg, cases[i].words))
            fail_msg("case %zu: %d, %s", i, rc, err.msg);
        catalog_release(&c);
        scanner_release(&scanner);
        sqlite_rollback(db);
        sqlite_close(db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hours_and_days_are_what_results_say, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_late_result_takes_back_its_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_sli_is_rolled_up_from_rows_and_chunks, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_older_file_gets_its_days, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
