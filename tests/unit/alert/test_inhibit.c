/* Which alerts are mute because others fire. */
#include "labels.h"

#include "alert/inhibit.h"

static void rule_of(struct arena *a, struct inhibit_def *rule, const char *source,
                    const char *target)
{
    matchers_of(a, &rule->source, source);
    matchers_of(a, &rule->target, target);
}

static void test_mutes(void **state)
{
    (void)state;
    static const struct {
        const char *source, *target;
        bool mutes;
    } cases[] = {
        {"s=critical n=x", "s=warning n=x", true},
        {"s=critical n=x", "s=warning n=y", false}, /* equal: [n] */
        {"s=critical", "s=warning", true},          /* neither has it */
        {"s=critical n=x", "s=warning", false},
        {"s=critical", "s=warning n=", true}, /* empty is not there */
        {"s=warning", "s=warning", false},
        {"s=critical", "s=info", false},
        {"s=critical", "s=critical", false},
    };
    struct arena a = {0};
    const char *equal[] = {"n"};
    struct inhibit_def rule = {.equal = {equal, 1}};
    rule_of(&a, &rule, "s=critical", "s=warning");
    for (size_t i = 0; i < countof(cases); i++) {
        struct string_map source = labels_of(&a, cases[i].source);
        struct string_map target = labels_of(&a, cases[i].target);
        if (inhibit_mutes(&rule, &source, &target) != cases[i].mutes)
            fail_msg("case %zu", i);
    }
    arena_release(&a);
}

/* Alertmanager's rule against alerts that mute themselves and each other. */
static void test_both_sides(void **state)
{
    (void)state;
    struct arena a = {0};
    struct inhibit_def rule = {0};
    rule_of(&a, &rule, "s=1", "t=1");
    struct string_map both = labels_of(&a, "s=1 t=1"), source = labels_of(&a, "s=1"),
                      target = labels_of(&a, "t=1");
    assert_false(inhibit_mutes(&rule, &both, &both));
    assert_true(inhibit_mutes(&rule, &source, &both));
    assert_true(inhibit_mutes(&rule, &both, &target));
    assert_true(inhibit_mutes(&rule, &source, &target));
    assert_false(inhibit_mutes(&rule, &target, &source));
    arena_release(&a);
}

static void test_find(void **state)
{
    (void)state;
    struct arena a = {0};
    struct inhibit_def rules[2] = {0};
    struct routing_def r = {.inhibits = rules, .inhibit_count = 2};
    const struct inhibit_def *by = NULL;
    rule_of(&a, &rules[0], "n=down", "s=~\"warning|info\"");
    rule_of(&a, &rules[1], "s=critical", "s=warning");
    struct string_map one = labels_of(&a, "s=critical"), two = labels_of(&a, "n=down"),
                      three = labels_of(&a, "s=warning"), four = labels_of(&a, "s=info");
    const struct string_map *firing[] = {&one, &two, &three, &four};
    assert_int_equal(inhibit_find(&r, &three, firing, 4, &by), 1);
    assert_ptr_equal(by, &rules[0]); /* the first rule, not the first alert */
    assert_int_equal(inhibit_find(&r, &three, firing, 1, &by), 0);
    assert_ptr_equal(by, &rules[1]);
    assert_int_equal(inhibit_find(&r, &four, firing, 1, NULL), -1);
    assert_int_equal(inhibit_find(&r, &two, firing, 4, NULL), -1);
    assert_int_equal(inhibit_find(&r, &three, NULL, 0, NULL), -1);
    r.inhibit_count = 0;
    assert_int_equal(inhibit_find(&r, &three, firing, 4, NULL), -1);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mutes),
                                       cmocka_unit_test(test_both_sides),
                                       cmocka_unit_test(test_find)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
