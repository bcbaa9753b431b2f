/* The line that says what an objective's alert is about. */
#include "engine/alert_summary.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "model/expr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct alert_transition moved(enum alert_event_kind kind)
{
    return (struct alert_transition){
        .slo = "api-redis",
        .objective_name = "",
        .service = "agent-api",
        .kind = kind,
        .severity = SEVERITY_PAGE,
        .at_us = 2 * USEC_PER_HOUR,
        .since_us = USEC_PER_HOUR,
        .long_burn = 14.4,
        .short_burn = 100,
        .tier = {SEVERITY_PAGE, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 2},
    };
}

/* Of an objective on this condition; NULL: on plain results. The caller frees. */
static char *summary(const char *condition, const struct alert_transition *t)
{
    struct arena a = {0};
    struct sli_metric metric = {.kind = SLI_THRESHOLD};
    struct slo_def def = {.name = "api-redis",
                          .service = "agent-api",
                          .objective_name = "",
                          .target = {99, 2},
                          .sli = {.probe = "api-ready"}};
    struct slo_view view = {.def = &def};
    struct err err;
    size_t at;
    if (condition && expr_parse(&a, condition, &metric.condition, &at, &err) < 0)
        fail_msg("%s: %s", condition, err.msg);
    if (condition)
        def.sli.metric = &metric;
    char *line = alert_summary(&view, t);
    arena_release(&a);
    return line;
}

static void names_the_component(void **state)
{
    struct alert_transition t = moved(ALERT_EVENT_FIRE);
    (void)state;
    mem_auto char *line = summary("component_up{component=\"redis\"} == 1", &t);
    assert_string_equal(line, "api-redis (agent-api 99%; redis) burns its error budget at 14.4x "
                              "over 1h and 100.0x over 5m");
}

static void says_nothing_of_results(void **state)
{
    struct alert_transition t = moved(ALERT_EVENT_ESCALATE);
    (void)state;
    mem_auto char *line = summary(NULL, &t);
    assert_string_equal(
        line, "api-redis (agent-api 99%) burns its error budget at 14.4x over 1h and 100.0x over "
              "5m");
}

/* At a start an alert may be told of again whose tier is in no row any more. */
static void tells_no_rates_that_are_not_known(void **state)
{
    struct alert_transition t = moved(ALERT_EVENT_FIRE);
    (void)state;
    t.tier = (struct tier_def){0};
    mem_auto char *line = summary(NULL, &t);
    assert_string_equal(line, "api-redis (agent-api 99%) burns its error budget");
}

static void says_how_long_it_took(void **state)
{
    struct alert_transition t = moved(ALERT_EVENT_RESOLVE);
    (void)state;
    t.objective_name = "goal";
    mem_auto char *line = summary(NULL, &t);
    assert_string_equal(line, "api-redis / goal: resolved after 1h");
}

/* A phone shows one line. */
static void cuts_long_conditions_between_characters(void **state)
{
    struct alert_transition t = moved(ALERT_EVENT_FIRE);
    struct str condition;
    (void)state;
    str_init(&condition, 4096);
    str_add(&condition, "queue{name=\"");
    for (int i = 0; i < 100; i++)
        str_add(&condition, "\xc3\xa4\xc3\xb6");
    str_add(&condition, "\"} < 10");
    mem_auto char *line = summary(condition.buf, &t);
    const char *cut = strstr(line, "...) burns");
    assert_non_null(cut);
    assert_true((unsigned char)cut[-1] == 0xa4 || (unsigned char)cut[-1] == 0xb6);
    assert_true(strlen(line) < 300);
    str_release(&condition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_component),
        cmocka_unit_test(says_nothing_of_results),
        cmocka_unit_test(tells_no_rates_that_are_not_known),
        cmocka_unit_test(says_how_long_it_took),
        cmocka_unit_test(cuts_long_conditions_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
