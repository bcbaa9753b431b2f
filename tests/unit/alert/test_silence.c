/* Silences: when they are in force, and which may be made. */
#include "labels.h"

#include "alert/silence.h"

static void test_states(void **state)
{
    (void)state;
    struct silence s = {.starts_us = 100, .ends_us = 200};
    assert_int_equal(silence_state(&s, 99), SILENCE_PENDING);
    assert_int_equal(silence_state(&s, 100), SILENCE_ACTIVE);
    assert_int_equal(silence_state(&s, 199), SILENCE_ACTIVE);
    assert_int_equal(silence_state(&s, 200), SILENCE_EXPIRED);
    assert_string_equal(silence_state_name(SILENCE_PENDING), "pending");
    assert_string_equal(silence_state_name(SILENCE_EXPIRED), "expired");
    s.ends_us = 50; /* expired before it began */
    assert_int_equal(silence_state(&s, 60), SILENCE_EXPIRED);
}

static void test_mutes(void **state)
{
    (void)state;
    struct arena a = {0};
    struct silence s[2] = {{.starts_us = 100, .ends_us = 200}, {.starts_us = 150, .ends_us = 300}};
    matchers_of(&a, &s[0].matchers, "n=x");
    matchers_of(&a, &s[1].matchers, "n=~\"x|y\"");
    struct string_map x = labels_of(&a, "n=x"), y = labels_of(&a, "n=y");
    assert_true(silence_mutes(&s[0], &x, 100));
    assert_false(silence_mutes(&s[0], &x, 200));
    assert_false(silence_mutes(&s[0], &y, 100));
    assert_null(silence_find(s, 2, &y, 149));
    assert_ptr_equal(silence_find(s, 2, &y, 150), &s[1]);
    assert_ptr_equal(silence_find(s, 2, &x, 150), &s[0]);
    assert_ptr_equal(silence_find(s, 2, &x, 200), &s[1]);
    assert_null(silence_find(NULL, 0, &x, 200));
    arena_release(&a);
}

static void refuses(const struct silence *s, int64_t now, const char *why)
{
    struct err err = {0};
    assert_int_equal(silence_check(s, now, &err), -1);
    if (!strstr(err.msg, why))
        fail_msg("'%s' does not say '%s'", err.msg, why);
}

static void test_check(void **state)
{
    (void)state;
    struct arena a = {0};
    char longest[SILENCE_TEXT_MAX + 2] = "";
    struct err err;
    struct silence s = {.starts_us = 100, .ends_us = 200, .author = "me", .comment = "works"};
    refuses(&s, 100, "would silence everything");
    matchers_of(&a, &s.matchers, "n!=x,m=~\".*\"");
    refuses(&s, 100, "would silence everything");
    matchers_of(&a, &s.matchers, "o=y");
    assert_int_equal(silence_check(&s, 199, &err), 0);
    refuses(&s, 200, "would have ended already, at 1970-01-01T00:00:00.000200Z");
    s.ends_us = 100;
    refuses(&s, 50, "no later than it starts");
    s.ends_us = 200;
    s.author = "";
    refuses(&s, 100, "an author");
    s.author = "me";
    s.comment = NULL;
    refuses(&s, 100, "a comment");
    memset(longest, 'x', SILENCE_TEXT_MAX);
    s.comment = longest;
    assert_int_equal(silence_check(&s, 199, &err), 0);
    longest[SILENCE_TEXT_MAX] = 'x';
    refuses(&s, 100, "at most 1000 bytes");
    longest[SILENCE_TEXT_MAX] = '\0';
    /* It is written with quotes and escapes, and has to be read again. */
    char *value = mem_alloc(MATCHERS_TEXT_MAX);
    memset(value, '"', MATCHERS_TEXT_MAX / 2 + 9);
    struct matcher quotes = {"alertname", value, MATCH_EQUAL, NULL};
    struct silence quoted = s;
    quoted.matchers = (struct matchers){&quotes, 1};
    refuses(&quoted, 100, "at most 16384 bytes");
    value[MATCHERS_TEXT_MAX / 2 - 20] = '\0';
    assert_int_equal(silence_check(&quoted, 199, &err), 0);
    mem_free(&value);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_states), cmocka_unit_test(test_mutes),
                                       cmocka_unit_test(test_check)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
