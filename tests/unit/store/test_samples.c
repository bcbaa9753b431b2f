/* Samples and annotations come back as they were pushed. */
#include "fixture.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/expr.h"
#include "store/dbcheck.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool push_scrape(struct store *s, int64_t slot_us, const struct sample *at, size_t n)
{
    struct store_extra extra = {.samples = at, .sample_count = n};
    struct result r = result_at(slot_us, OUTCOME_GOOD, REASON_NONE, 5);
    r.flags = RESULT_SCRAPED;
    assert_true(store_reserve(s));
    return store_push_result(s, 0, &r, &extra);
}

static void set_up_page(struct fixture *f)
{
    struct probe_def def = probe_def("page", USEC_PER_MIN);
    fixture_init(f);
    fixture_open(f);
    store_push_probe(f->store, 0, &def, T0);
}

/* What a reader tells, as one line of text each. */
static void tell(void *ctx, const char *series, int64_t slot_us, double value)
{
    str_addf(ctx, "%lld %s %g\n", (long long)(slot_us - T0), series ? series : "-", value);
}

static void samples_come_back(void **state)
{
    (void)state;
    struct fixture f;
    struct str told;
    set_up_page(&f);
    str_init(&told, 4096);
    struct sample first[] = {{"b{x=\"1\"}", 2}, {"a", -0.5}, {"c", (double)INFINITY}};
    struct sample second[] = {{"c", (double)NAN}, {"a", 7}, {"a", 8}};
    push_scrape(f.store, T0, first, 3);
    push_scrape(f.store, T0 + 10, second, 3);
    push_scrape(f.store, T0 + 20, NULL, 0);
    push_scrape(f.store, T0, second, 3); /* what is stored wins */
    fixture_flush(&f);
    struct store_reader *r = fixture_reader(&f);
    assert_int_equal(store_reader_samples(r, "page", 0, INT64_MAX, tell, &told, NULL), 0);
    assert_string_equal(told.buf, "0 a -0.5\n0 b{x=\"1\"} 2\n0 c inf\n10 a 7\n20 - 0\n");
    str_clear(&told);
    assert_int_equal(store_reader_samples(r, "page", T0 + 1, T0 + 20, tell, &told, NULL), 0);
    assert_string_equal(told.buf, "10 a 7\n");
    str_clear(&told);
    assert_int_equal(store_reader_last_samples(r, "page", T0 + 20, tell, &told, NULL), 0);
    assert_string_equal(told.buf, "10 a 7\n0 b{x=\"1\"} 2\n0 c inf\n10 - 1\n");
    str_clear(&told);
    assert_int_equal(store_reader_last_samples(r, "page", T0, tell, &told, NULL), 0);
    assert_int_equal(store_reader_samples(r, "nobody", 0, INT64_MAX, tell, &told, NULL), 0);
    assert_int_equal(store_reader_last_samples(r, "nobody", INT64_MAX, tell, &told, NULL), 0);
    assert_string_equal(told.buf, "");
    store_reader_free(r);
    str_release(&told);
    fixture_release(&f);
}

/* Of pages that are longer than one of the reader's. */
struct many {
    int64_t n, last_us;
};

static void count(void *ctx, const char *series, int64_t slot_us, double value)
{
    struct many *m = ctx;
    assert_non_null(series);
    assert_true(slot_us >= m->last_us);
    assert_int_equal((int64_t)value, slot_us - T0);
    m->last_us = slot_us;
    m->n++;
}

static void pages_of_samples_add_up(void **state)
{
    (void)state;
    struct fixture f;
    struct many m = {0};
    static char names[SAMPLES_MAX][16];
    static struct sample at[SAMPLES_MAX];
    set_up_page(&f);
    for (int64_t slot = 0; slot < 7; slot++) {
        for (int i = 0; i < SAMPLES_MAX; i++) {
            snprintf(names[i], sizeof(names[i]), "s_%d", i);
            at[i] = (struct sample){names[i], (double)slot};
        }
        push_scrape(f.store, T0 + slot, at, SAMPLES_MAX);
    }
    fixture_flush(&f);
    struct store_reader *r = fixture_reader(&f);
    assert_int_equal(store_reader_samples(r, "page", 0, INT64_MAX, count, &m, NULL), 0);
    assert_int_equal(m.n, 7 * SAMPLES_MAX);
    store_reader_free(r);
    fixture_release(&f);
}

static void without_room_a_scrape_is_the_probers_fault(void **state)
{
    (void)state;
    struct fixture f;
    struct str told;
    struct probe_def def = probe_def("page", USEC_PER_MIN);
    char name[1000];
    fixture_init(&f);
    struct store_options o = {.path = f.path, .queue_bytes = 2048};
    assert_int_equal(store_open(&o, &f.store, NULL), 0);
    store_push_probe(f.store, 0, &def, T0);
    fixture_flush(&f);
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    struct sample big[] = {{name, 1}, {"a", 1}, {"b", 1}};
    struct sample more[] = {{name, 1}, {name, 1}, {name, 1}};
    assert_true(push_scrape(f.store, T0, big, 3));
    fixture_flush(&f);
    assert_false(push_scrape(f.store, T0 + 1, more, 3));
    fixture_flush(&f);
    assert_int_equal(fixture_sql(&f, "SELECT outcome FROM result ORDER BY slot DESC LIMIT 1"),
                     OUTCOME_SKIPPED);
    assert_int_equal(fixture_sql(&f, "SELECT reason FROM result ORDER BY slot DESC LIMIT 1"),
                     REASON_PROBER);
    str_init(&told, 4096);
    struct store_reader *r = fixture_reader(&f);
    assert_int_equal(store_reader_samples(r, "page", T0 + 1, INT64_MAX, tell, &told, NULL), 0);
    assert_string_equal(told.buf, "");
    store_reader_free(r);
    str_release(&told);
    fixture_release(&f);
}

/* ---- one key, two meanings ---------------------------------------------------------- */

static void declare_threshold(struct fixture *f, const char *text, struct counts *ret)
{
    struct arena arena = {0};
    struct sli_metric metric = {.kind = SLI_THRESHOLD};
    struct sli_def sli = sli_def("page", 0, "page key");
    assert_int_equal(expr_parse(&arena, text, &metric.condition, NULL, NULL), 0);
    sli.metric = &metric;
    store_push_sli(f->store, &sli);
    fixture_settle(f);
    struct store_reader *r = fixture_reader(f);
    assert_int_equal(store_reader_counts(r, &sli, 0, INT64_MAX, ret, NULL), 0);
    store_reader_free(r);
    arena_release(&arena);
}

static void another_meaning_of_a_key_begins_anew(void **state)
{
    (void)state;
    struct fixture f;
    struct counts c;
    set_up_page(&f);
    for (int64_t i = 0; i < 100; i++) {
        struct sample at = {"queue", (double)i};
        push_scrape(f.store, T0 + i * USEC_PER_MIN, &at, 1);
    }
    store_push_heartbeat(f.store, T0 + 101 * USEC_PER_MIN, T0 + 101 * USEC_PER_MIN);
    declare_threshold(&f, "queue < 30", &c);
    assert_int_equal(c.good, 30);
    declare_threshold(&f, "queue < 80", &c);
    assert_int_equal(c.good, 80);
    assert_int_equal(c.bad, 20);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM roll_stream WHERE kind = 2"), 1);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM event"), 100);
    fixture_release(&f);
}

/* ---- damage --------------------------------------------------------------------------- */

static void keep_fault(void *ctx, const char *text)
{
    str_addf(ctx, "%s\n", text);
}

static void damage_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE sample SET value = 2 WHERE series = 0 AND slot % 7 = 3", "not counted right"},
        {"DELETE FROM sample WHERE series > 0 AND slot = (SELECT max(slot) FROM sample)",
         "not marked right"},
        {"UPDATE sample SET gone = 1 - gone WHERE series > 0 AND slot ="
         " (SELECT min(slot) FROM sample)",
         "not marked right"},
        {"UPDATE sample SET value = value + 1000 WHERE series > 0 AND slot > 0",
         "not what the samples say"},
        {"DELETE FROM event WHERE slot = (SELECT max(slot) FROM event)", "one is missing"},
        {"UPDATE event SET done = done + 1 WHERE slot = (SELECT min(slot) FROM event)",
         "one is missing"},
        {"INSERT INTO event SELECT stream, slot + 1000000, done + 1000000, 1, 0, 0, 1, 0 FROM event"
         " ORDER BY slot DESC LIMIT 1",
         "there is no scrape of that"},
        {"UPDATE event SET good = -1 WHERE slot = (SELECT max(slot) FROM event)",
         "no event may be like that"},
        {"UPDATE roll_stream SET first_event = first_event + 1 WHERE kind = 2",
         "not known as the first"},
        {"UPDATE roll_stream SET condition = 'queue <' WHERE kind = 2", "a definition"},
        {"UPDATE roll_stream SET condition = 'rate(queue[5m]) < 1' WHERE kind = 2", "a definition"},
        {"DELETE FROM series", "there is no series"},
        {"UPDATE event SET stream = stream + 90", "there is no stream"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct fixture f;
        struct counts c;
        struct str faults;
        set_up_page(&f);
        for (int64_t k = 0; k < 20; k++) {
            struct sample at = {"queue", (double)k};
            push_scrape(f.store, T0 + k * USEC_PER_MIN, &at, 1);
        }
        declare_threshold(&f, "queue < 10", &c);
        fixture_close(&f);
        fixture_sql(&f, cases[i].sql);
        str_init(&faults, 64 << 10);
        struct dbcheck check = {.path = f.path, .fault = keep_fault, .ctx = &faults};
        assert_int_equal(dbcheck_run(&check, NULL), 0);
        if (!strstr(faults.buf, cases[i].words))
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, faults.buf, cases[i].words);
        /* Nor does it hold the prober up. */
        struct probe_def def = probe_def("page", USEC_PER_MIN);
        struct sample at = {"queue", 3};
        fixture_open(&f);
        store_push_probe(f.store, 0, &def, T0);
        push_scrape(f.store, T0 + 30 * USEC_PER_MIN, &at, 1);
        fixture_flush(&f);
        str_release(&faults);
        fixture_release(&f);
    }
}

/* ---- annotations ---------------------------------------------------------------------- */

static bool tell_note(void *ctx, const struct annotation *a)
{
    str_addf(ctx, "%lld %s %s: %s\n", (long long)(a->at_us - T0), a->kind, a->probe, a->text);
    return true;
}

static void check_version(const struct fixture *f, const char *probe, const char *want)
{
    char *version = NULL;
    struct store_reader *r = fixture_reader(f);
    assert_int_equal(store_reader_version(r, probe, &version, NULL), 0);
    assert_string_equal(version, want);
    store_reader_free(r);
    free(version);
}

static void annotations_come_back(void **state)
{
    (void)state;
    struct fixture f;
    struct str told;
    struct probe_def renamed = probe_def("pages", USEC_PER_MIN);
    set_up_page(&f);
    fixture_flush(&f);
    check_version(&f, "page", "");
    store_push_annotation(f.store, &(struct annotation){T0 + 1, "deploy", "page", "1.0.0"});
    fixture_flush(&f);
    check_version(&f, "page", "1.0.0");
    store_push_annotation(f.store,
                          &(struct annotation){T0 + 3, "deploy", "page", "1.0.0 -> 1.1.0"});
    store_push_annotation(f.store, &(struct annotation){T0 + 2, "note", "", "a -> b"});
    store_push_annotation(f.store, &(struct annotation){T0 + 9, "deploy", "other", "7"});
    fixture_flush(&f);
    check_version(&f, "page", "1.1.0");
    struct store_reader *r = fixture_reader(&f);
    str_init(&told, 4096);
    assert_int_equal(store_reader_annotations(r, T0 + 1, T0 + 9, tell_note, &told, NULL), 0);
    assert_string_equal(told.buf, "1 deploy page: 1.0.0\n2 note : a -> b\n"
                                  "3 deploy page: 1.0.0 -> 1.1.0\n");
    store_reader_free(r);
    str_release(&told);

    /* What people write is no version that the target has told. */
    struct annotation by_hand = {T0 + 20, "deploy", "page", "9.9", .by_hand = true};
    store_push_annotation(f.store, &by_hand);
    fixture_flush(&f);
    check_version(&f, "page", "1.1.0");
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM annotation"), 5);
    store_push_forget_annotation(f.store, fixture_sql(&f, "SELECT max(id) FROM annotation"));
    fixture_flush(&f);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM annotation WHERE by_hand"), 0);
    renamed.renamed_from = "page";
    store_push_probe(f.store, 0, &renamed, T0);
    fixture_flush(&f);
    check_version(&f, "page", "");
    check_version(&f, "pages", "1.1.0");
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_come_back),
        cmocka_unit_test(pages_of_samples_add_up),
        cmocka_unit_test(without_room_a_scrape_is_the_probers_fault),
        cmocka_unit_test(another_meaning_of_a_key_begins_anew),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(annotations_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
