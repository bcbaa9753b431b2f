#include "../cmocka_all.h"

#include "base/str.h"
#include "base/table.h"

static void test_replaces_and_removes(void **state)
{
    (void)state;
    struct table t = {0};
    int a, b;
    assert_null(table_get(&t, "x"));
    table_set(&t, "x", &a);
    table_set(&t, "x", &b);
    assert_ptr_equal(table_get(&t, "x"), &b);
    assert_int_equal(table_count(&t), 1);
    table_remove(&t, "y");
    table_remove(&t, "x");
    assert_null(table_get(&t, "x"));
    assert_int_equal(table_count(&t), 0);
    table_release(&t);
}

static void test_many(void **state)
{
    (void)state;
    enum { N = 10000 };
    static char keys[N][16];
    struct table t = {0};
    for (int i = 0; i < N; i++) {
        snprintf(keys[i], sizeof(keys[i]), "probe-%d", i);
        table_set(&t, keys[i], keys[i]);
    }
    for (int i = 0; i < N; i += 2)
        table_remove(&t, keys[i]);
    for (int i = 0; i < N; i++)
        assert_ptr_equal(table_get(&t, keys[i]), i % 2 ? keys[i] : NULL);
    assert_int_equal(table_count(&t), N / 2);
    table_release(&t);
    assert_null(table_get(&t, keys[1]));
    table_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replaces_and_removes),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
