/* Different series of a day, and the one that is too many. */
#include "base/units.h"
#include "probe/churn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static bool note(struct churn *c, int64_t at_us, int number)
{
    char text[32];
    snprintf(text, sizeof(text), "a{id=\"%d\"}", number);
    struct sample s[] = {{"known", 1}, {text, 2}};
    return churn_note(c, at_us, s, 2);
}

static void a_label_that_changes_is_refused_for_a_day(void **state)
{
    (void)state;
    struct churn c = {0};
    int64_t began = 1000 * USEC_PER_DAY + 5;
    for (int i = 1; i < CHURN_SERIES_MAX; i++)
        assert_true(note(&c, began + i, i));
    assert_false(note(&c, began + USEC_PER_DAY - 1, CHURN_SERIES_MAX));
    assert_true(note(&c, began + USEC_PER_DAY - 1, 17));
    assert_false(note(&c, began + USEC_PER_DAY, CHURN_SERIES_MAX));
    assert_true(note(&c, began + 1 + USEC_PER_DAY, CHURN_SERIES_MAX));
    assert_int_equal(table_count(&c.series), 2);
    churn_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_label_that_changes_is_refused_for_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
