/* Which components of health documents are recorded. */
#include "engine/components.h"

#include "model/selector.h"
#include "nines/config.h"
#include "nines/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Another name in each document: room runs out, but not for what objectives name. */
static void test_names_that_never_come_again(void **state)
{
    static const char wanted[] = "component_up{component=\"redis\"}";
    struct components_recorded c = {0};
    struct arena arena = {0};
    const struct selector *s;
    struct err err;
    (void)state;
    assert_int_equal(selector_parse(&arena, wanted, strlen(wanted), &s, NULL, &err), 0);
    struct probe_def def = {.wanted = &s, .wanted_count = 1};
    size_t kept = 0;
    for (int i = 0; i < 3 * COMPONENTS_RECORDED_MAX; i++) {
        char name[64];
        snprintf(name, sizeof(name), "component_up{component=\"c%d\"}", i);
        struct sample one = {name, 1}, out;
        kept += components_record(&c, &def, &one, 1, &out);
    }
    assert_int_equal(kept, COMPONENTS_RECORDED_MAX);
    struct sample some[] = {{"component_up{component=\"late\"}", 1},
                            {wanted, 0.5},
                            {"component_up{component=\"c7\"}", 1}};
    struct sample out[3];
    assert_int_equal(components_record(&c, &def, some, 3, out), 2);
    assert_string_equal(out[0].series, wanted);
    assert_true(out[0].value == 0.5);
    assert_string_equal(out[1].series, some[2].series);
    components_recorded_release(&c);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_that_never_come_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
