/* What targets say they run, and when it is told that this changed. */
#include "engine/versions.h"

#include "base/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOUR (490000 * USEC_PER_HOUR)

static void test_changes(void **state)
{
    struct versions *v = versions_new();
    char longer[2 * VERSION_MAX];
    const char *before;
    (void)state;
    assert_false(versions_said(v, "api", "1", HOUR, &before)); /* not read from the store yet */
    versions_know(v, "api", "");
    assert_true(versions_known(v, "api"));
    assert_true(versions_said(v, "api", "1", HOUR, &before));
    assert_string_equal(before, "");
    versions_know(v, "api", "7"); /* too late */
    assert_false(versions_said(v, "api", "1", HOUR, &before));
    assert_true(versions_said(v, "api", "2", HOUR, &before));
    assert_string_equal(before, "1");
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_true(versions_said(v, "api", longer, HOUR, &before));
    assert_false(versions_said(v, "api", longer, HOUR, &before));
    versions_free(v);
}

/* Another one with every answer: told so often in an hour, and at last what it is. */
static void test_one_that_never_stays(void **state)
{
    struct versions *v = versions_new();
    const char *before;
    char text[32];
    int told = 0;
    (void)state;
    versions_know(v, "api", "0");
    versions_know(v, "other", "0");
    for (int i = 1; i <= 3600; i++) {
        snprintf(text, sizeof(text), "%d", i);
        told += versions_said(v, "api", text, HOUR + (i - 1) * USEC_PER_SEC, &before);
    }
    assert_int_equal(told, VERSIONS_HOURLY);
    assert_true(versions_said(v, "other", "1", HOUR, &before)); /* each has its share */
    assert_true(versions_said(v, "api", text, HOUR + USEC_PER_HOUR, &before));
    snprintf(text, sizeof(text), "%d", VERSIONS_HOURLY);
    assert_string_equal(before, text);
    versions_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_one_that_never_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
