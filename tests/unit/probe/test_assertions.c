/* Assertions with memory, fed by hand. */
#include "probe/assertions.h"

#include "base/mem.h"
#include "base/units.h"
#include "config/tree.h"
#include "nines/diag.h"
#include "probe/judge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct list {
    struct arena arena;
    struct diag diag;
    struct assertions a;
    struct probe_memory *memory;
    int64_t now_us;
    struct verdict v;
};

static void list_init(struct list *l, const char *yaml)
{
    *l = (struct list){.now_us = 1000 * USEC_PER_DAY};
    struct decode c = {.arena = &l->arena, .diag = &l->diag};
    struct yaml_documents docs = {0};
    int rc = yaml_parse(&l->arena, &l->arena, "test.yaml", yaml, strlen(yaml), &l->diag, &docs);
    assert_int_equal(rc, 0);
    assertions_decode(&c, docs.at[0], &l->a);
    assertions_prepare(&c, &l->a);
}

static void list_open(struct list *l, const char *yaml)
{
    list_init(l, yaml);
    if (l->diag.errors)
        fail_msg("%s: %s", yaml, l->diag.items[0].text);
    l->memory = assertions_memory_new(&l->a);
}

static void list_close(struct list *l)
{
    assertions_memory_free(l->memory);
    diag_release(&l->diag);
    arena_release(&l->arena);
}

/* The next scrape: series `a` with a value, or nothing if NaN. */
static enum reason scrape(struct list *l, double a)
{
    struct sample s = {"a", a};
    l->v = (struct verdict){.outcome = OUTCOME_GOOD};
    l->now_us += 15 * USEC_PER_SEC;
    assertions_judge(&l->a, l->memory, l->now_us, &s, isnan(a) ? 0 : 1, &l->v);
    return l->v.reason;
}

static const char *seen(const struct list *l)
{
    return l->v.seen[l->v.seen_count - 1].seen;
}

static void test_at_once(void **state)
{
    (void)state;
    struct list l;
    list_open(&l, "[a < 10, {that: a > 0, name: some}]");
    assert_int_equal(scrape(&l, 5), REASON_NONE);
    assert_int_equal(l.v.seen_count, 2);
    assert_string_equal(l.v.seen[0].what, "a < 10");
    assert_string_equal(l.v.seen[1].what, "some: a > 0");
    assert_int_equal(scrape(&l, 12), REASON_METRIC);
    assert_string_equal(l.v.message, "expected a < 10; got a 12");
    assert_false(l.v.seen[0].ok);
    assert_true(l.v.seen[1].ok);
    assert_int_equal(scrape(&l, 13), REASON_METRIC);
    assert_string_equal(l.v.message, "expected a < 10; got a 13 for 15s now");
    list_close(&l);
}

static void test_for(void **state)
{
    (void)state;
    struct list l;
    list_open(&l, "{that: a < 10, for: 30s}");
    assert_int_equal(scrape(&l, 12), REASON_NONE);
    assert_string_equal(seen(&l), "a 12; bad after 30s");
    assert_int_equal(scrape(&l, 12), REASON_NONE);
    assert_string_equal(seen(&l), "a 12 for 15s now; bad after 30s");
    assert_int_equal(scrape(&l, 9), REASON_NONE); /* a pause: it starts again */
    assert_int_equal(scrape(&l, 12), REASON_NONE);
    assert_int_equal(scrape(&l, 12), REASON_NONE);
    assert_int_equal(scrape(&l, 12), REASON_METRIC);
    assert_string_equal(l.v.message, "expected a < 10; got a 12 for 30s now");
    /* Not known is no pause, and no failure. */
    assert_int_equal(scrape(&l, NAN), REASON_NONE);
    assert_int_equal(scrape(&l, 12), REASON_METRIC);
    assert_string_equal(l.v.message, "expected a < 10; got a 12 for 1m now");
    list_close(&l);
}

static void test_not_enough_yet(void **state)
{
    (void)state;
    struct list l;
    list_open(&l, "[change(a) == 0]");
    assert_int_equal(scrape(&l, 1), REASON_NONE);
    assert_true(l.v.seen[0].ok && l.v.seen[0].open);
    assert_non_null(strstr(seen(&l), "not enough scrapes yet"));
    assert_int_equal(scrape(&l, 1), REASON_NONE);
    assert_true(l.v.seen[0].ok && !l.v.seen[0].open);
    assert_int_equal(scrape(&l, 2), REASON_METRIC);
    list_close(&l);
}

static void test_presence_is_always_known(void **state)
{
    (void)state;
    struct list l;
    list_open(&l, "[present(a)]");
    assert_int_equal(scrape(&l, NAN), REASON_METRIC);
    assert_int_equal(scrape(&l, 1), REASON_NONE);
    assert_int_equal(scrape(&l, NAN), REASON_METRIC);
    list_close(&l);
}

static void test_windows(void **state)
{
    (void)state;
    struct list l;
    list_open(&l, "['increase(a[1m]) <= 3']");
    assert_int_equal(l.a.reach_us, USEC_PER_MIN);
    for (int i = 0; i < 20; i++)
        assert_int_equal(scrape(&l, i < 10 ? i / 2 : 100 + i / 2),
                         i < 10 || i > 13 ? 0 : REASON_METRIC);
    list_close(&l);
}

static void test_without_memory(void **state)
{
    (void)state;
    struct list l;
    list_open(&l, "[a < 10, {that: a < 9, for: 1m}]");
    assertions_memory_free(l.memory);
    l.memory = NULL;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(scrape(&l, 12), REASON_METRIC);
        assert_false(l.v.seen[0].ok);
        assert_true(l.v.seen[1].ok);
    }
    list_close(&l);
}

/* A clock that stands still or goes back breaks nothing. */
static void test_clock(void **state)
{
    (void)state;
    struct list l;
    list_open(&l, "[rate(a) > 0/s, {that: a < 1, for: 5us}]");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(scrape(&l, i), REASON_NONE);
        if (i)
            assert_null(strstr(l.v.seen[0].seen, "not enough"));
        l.now_us -= 20 * USEC_PER_SEC;
    }
    list_close(&l);
}

static void test_errors_have_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        int line, column;
    } cases[] = {
        {"- a < 1\n- a <\n", 2, 6},
        {"- 'a < x'\n", 1, 8},
        {"- {for: 5m}\n", 1, 3},
        {"- {that: [a]}\n", 1, 10},
        {"- {that: a < 1, bogus: 1}\n", 1, 17},
        {"- {that: a < 1, for: 31d}\n", 1, 22},
        {"- null\n", 1, 3},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct list l;
        list_init(&l, cases[i].yaml);
        if (l.diag.errors != 1)
            fail_msg("%zu errors for %s", l.diag.errors, cases[i].yaml);
        struct pos p = l.diag.items[0].pos;
        if (p.line != cases[i].line || p.column != cases[i].column)
            fail_msg("%s: %d:%d: %s", cases[i].yaml, p.line, p.column, l.diag.items[0].text);
        list_close(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_once),        cmocka_unit_test(test_for),
        cmocka_unit_test(test_not_enough_yet), cmocka_unit_test(test_presence_is_always_known),
        cmocka_unit_test(test_windows),        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_clock),          cmocka_unit_test(test_errors_have_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
