/* Minutes into spans: against a merge that keeps all of them. */
#include "engine/explain_spans.h"

#include "base/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define M USEC_PER_MIN

static void add(struct span_list *l, int64_t minute, int64_t lost)
{
    span_list_add(l, EXPLAIN_BAD, minute * M, (minute + 1) * M, lost);
}

static void check(const struct explain_span *s, int64_t from, int64_t to, int64_t lost)
{
    assert_int_equal(s->from_us, from * M);
    assert_int_equal(s->to_us, to * M);
    assert_int_equal(s->lost, lost);
}

static void none(void **state)
{
    struct span_list l = {.gap_us = 5 * M};
    (void)state;
    span_list_end(&l);
    assert_int_equal(l.spans.len, 0);
    assert_int_equal(l.all.count, 0);
    span_list_release(&l);
}

/* A gap of just five minutes is still within a span. */
static void merged(void **state)
{
    struct span_list l = {.gap_us = 5 * M};
    (void)state;
    add(&l, 10, 1);
    add(&l, 16, 2);
    add(&l, 23, 4);
    add(&l, 40, 3);
    span_list_end(&l);
    assert_int_equal(l.all.count, 3);
    assert_int_equal(l.all.lost, 10);
    assert_int_equal(l.spans.len, 3);
    check(&l.spans.at[0], 23, 24, 4);
    check(&l.spans.at[1], 10, 17, 3); /* as large as the next, and before it */
    check(&l.spans.at[2], 40, 41, 3);
    span_list_release(&l);
}

/* Of very many the largest stay; all are counted. */
static void bounded(void **state)
{
    struct span_list l = {.gap_us = M};
    const int64_t n = 5 * EXPLAIN_SPANS_MAX + 17;
    int64_t lost = 0;
    (void)state;
    for (int64_t i = 0; i < n; i++) {
        add(&l, 3 * i, 1 + i % 1000 + (i == 7 ? 5000 : 0));
        lost += 1 + i % 1000 + (i == 7 ? 5000 : 0);
        assert_true(l.spans.len < 2 * EXPLAIN_SPANS_MAX);
    }
    span_list_end(&l);
    assert_int_equal(l.all.count, n);
    assert_int_equal(l.all.lost, lost);
    assert_int_equal(l.spans.len, EXPLAIN_SPANS_MAX);
    check(&l.spans.at[0], 21, 22, 5008);
    check(&l.spans.at[1], 3 * 999, 3 * 999 + 1, 1000);
    for (size_t i = 1; i < l.spans.len; i++)
        assert_true(l.spans.at[i - 1].lost >= l.spans.at[i].lost);
    span_list_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none),
        cmocka_unit_test(merged),
        cmocka_unit_test(bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
