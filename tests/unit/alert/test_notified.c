/* When there is something to tell. */
#include "../cmocka_all.h"

#include "alert/notified.h"
#include "base/mem.h"

static const uint64_t a_b[] = {1, 2}, a[] = {1}, b[] = {2}, c[] = {3};
#define SET(x) ((struct notified_set){x, countof(x)})
#define NONE ((struct notified_set){0})

static enum notified_why decide(const struct notified *last, struct notified_set firing,
                                struct notified_set resolved, bool send_resolved, int64_t now)
{
    return notified_decide(last, &firing, &resolved, send_resolved, 100, now);
}

static void test_first(void **state)
{
    (void)state;
    assert_int_equal(decide(NULL, SET(a), NONE, true, 1), NOTIFIED_NEWS);
    assert_int_equal(decide(NULL, NONE, SET(a), true, 1), NOTIFIED_NOTHING);
}

static void test_later(void **state)
{
    (void)state;
    struct notified last = {.told_us = 1000, .firing = SET(a_b), .resolved = SET(c)};
    assert_int_equal(decide(&last, SET(a_b), NONE, true, 1099), NOTIFIED_NOTHING);
    assert_int_equal(decide(&last, SET(a_b), NONE, true, 1100), NOTIFIED_REPEAT);
    assert_int_equal(decide(&last, SET(a), NONE, true, 1001), NOTIFIED_NOTHING);
    assert_int_equal(decide(&last, SET(c), NONE, true, 1001), NOTIFIED_NEWS);
    assert_int_equal(decide(&last, SET(a), SET(b), true, 1001), NOTIFIED_NEWS);
    assert_int_equal(decide(&last, SET(a), SET(b), false, 1001), NOTIFIED_NOTHING);
    assert_int_equal(decide(&last, SET(a), SET(c), true, 1001), NOTIFIED_NOTHING);
    assert_int_equal(decide(&last, NONE, SET(a), true, 1001), NOTIFIED_OVER);
    assert_int_equal(decide(&last, NONE, SET(a), false, 1001), NOTIFIED_OVER);
    last.firing = NONE;
    assert_int_equal(decide(&last, NONE, SET(a), true, 5000), NOTIFIED_NOTHING);
    assert_int_equal(decide(&last, SET(a), NONE, true, 1001), NOTIFIED_NEWS);
}

static void test_sets(void **state)
{
    (void)state;
    uint64_t list[] = {UINT64_MAX, 0, 7};
    struct notified_set set = {list, countof(list)}, none = NONE;
    notified_sort(list, countof(list));
    assert_true(list[0] == 0 && list[1] == 7 && list[2] == UINT64_MAX);
    assert_true(notified_has(&set, UINT64_MAX) && !notified_has(&set, 8));
    assert_false(notified_has(&none, 0));
    assert_true(notified_subset(&none, &none) && !notified_subset(&set, &none));
    assert_true(notified_number("ffffffffffffffff") == UINT64_MAX);
    assert_true(notified_number("000000000000000a") == 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
