/* Roll-ups against counts made by hand. */
#include "report/groups.h"

#include "base/mem.h"
#include "base/units.h"
#include "nines/probe.h"
#include "report/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define DAY USEC_PER_DAY

struct world {
    struct slo_def defs[8];
    struct report_slo slos[8];
    struct report report;
};

static struct pair payments[] = {{"team", "payments", {0}}},
                   hostile[] = {{"team", "a|\x1b<b>", {0}}};

/* One objective: `bad` of `total`, of which `allowed` are. */
static struct report_slo *add(struct world *w, const char *name, const char *service,
                              const char *sli, int64_t bad, int64_t total, int64_t allowed)
{
    size_t i = w->report.slo_count++;
    struct slo_def *d = &w->defs[i];
    struct report_slo *s = &w->slos[i];
    *d = (struct slo_def){.name = name, .service = service, .objective_name = "", .sli.key = sli};
    *s = (struct report_slo){.def = d,
                             .end_us = DAY,
                             .upto_us = DAY,
                             .state = total == 0      ? SLO_NO_DATA
                                      : bad > allowed ? SLO_BREACHED
                                                      : SLO_MET,
                             .counts = {.good = total - bad, .bad = bad},
                             .use = {(uint128)bad, (uint128)allowed},
                             .has_budget = total > 0};
    if (total > 0) {
        s->consumed_ratio = (double)bad / (double)allowed;
        s->remaining_ratio = 1 - s->consumed_ratio;
        s->remaining = (double)(allowed - bad);
    }
    w->report.slos = w->slos;
    return s;
}

static void test_states_are_counted_and_events_added(void **state)
{
    struct world w = {0};
    struct report_groups g;
    (void)state;
    add(&w, "z-slow", "shop", "api fast", 30, 1000, 100);
    add(&w, "z", "shop", "api", 9, 1000, 10);
    add(&w, "other", "infra", "db", 20, 500, 10);
    add(&w, "loose", "shop", "api", 9, 1000, 50); /* the same events */
    add(&w, "idle", "", "idle", 0, 0, 0);
    groups_make(&g, &w.report, GROUPS_BY_SERVICE);
    assert_int_equal(g.n, 3);
    assert_string_equal(g.at[0].name, "infra");
    assert_int_equal(groups_state(&g.at[0]), SLO_BREACHED);
    assert_string_equal(g.at[1].name, "shop");
    assert_int_equal(g.at[1].objectives, 3);
    assert_int_equal(g.at[1].states[SLO_MET], 3);
    assert_string_equal(g.at[1].least->def->name, "z");
    assert_true(g.at[1].has_events);
    assert_int_equal(g.at[1].bad, 39);
    assert_int_equal(g.at[1].total, 2000);
    assert_null(g.at[2].name);
    assert_null(g.at[2].least);
    assert_int_equal(g.at[2].total, 0);
    assert_int_equal(groups_state(&g.at[2]), SLO_NO_DATA);
    groups_release(&g);
}

static void test_the_least_is_told_exactly(void **state)
{
    struct world w = {0};
    struct report_groups g;
    const int64_t big = 1000000000000000000;
    (void)state;
    /* 1/3 of it spent, and one part in 10^18 more or less. */
    add(&w, "a", "s", "1", big, 1, 3 * big)->has_budget = true;
    add(&w, "b", "s", "2", big + 1, 1, 3 * big);
    add(&w, "c", "s", "3", big - 1, 1, 3 * big);
    add(&w, "d", "s", "4", big + 1, 1, 3 * big); /* as little: the first one stays */
    groups_make(&g, &w.report, GROUPS_BY_SERVICE);
    assert_string_equal(g.at[0].least->def->name, "b");
    groups_release(&g);
}

static void no_events(struct world *w, const char *by)
{
    struct report_groups g;
    groups_make(&g, &w->report, by);
    assert_int_equal(g.n, 1);
    assert_false(g.at[0].has_events);
    groups_release(&g);
}

static void test_events_that_do_not_add_up(void **state)
{
    (void)state;
    struct world spans = {0}, counts = {0}, large = {0}, members = {0};
    add(&spans, "a", "s", "1", 1, 10, 1);
    add(&spans, "b", "s", "2", 1, 10, 1)->start_us = 1;
    no_events(&spans, GROUPS_BY_SERVICE);

    add(&counts, "a", "s", "1", 1, 10, 1); /* of one SLI, but one of them has an exclusion */
    add(&counts, "b", "s", "1", 0, 10, 1);
    no_events(&counts, GROUPS_BY_SERVICE);

    add(&large, "a", "s", "1", 1, INT64_MAX, 1);
    add(&large, "b", "s", "2", 1, INT64_MAX, 1);
    no_events(&large, GROUPS_BY_SERVICE);

    add(&members, "whole", "s", "1", 1, 10, 1);
    members.defs[0].member_count = 2;
    no_events(&members, GROUPS_BY_SERVICE);

    struct report_groups g;
    add(&members, "part", "s", "2", 1, 10, 1);
    groups_make(&g, &members.report, GROUPS_BY_SERVICE);
    assert_true(g.at[0].has_events);
    assert_int_equal(g.at[0].total, 10);
    groups_release(&g);
}

static void test_json(void **state)
{
    struct world w = {0};
    struct str out;
    (void)state;
    str_init(&out, 65536);
    groups_put_json(&out, &w.report, NULL, "");
    assert_string_equal(out.buf, "[{\"by\": \"service\", \"groups\": []}]");
    add(&w, "a", "shop", "1", 3, 10, 4);
    w.defs[0].labels = (struct string_map){payments, 1};
    str_clear(&out);
    groups_put_json(&out, &w.report, "team", ""); /* not twice */
    assert_string_equal(
        out.buf,
        "[{\"by\": \"service\", \"groups\": [{\"group\": \"shop\", \"objectives\": 1, \"states\": "
        "{\"met\": 1, \"breached\": 0, \"at_risk\": 0, \"warming\": 0, \"no_data\": 0}, "
        "\"least_left\": {\"slo\": \"a\", \"objective_name\": \"\", \"remaining_ratio\": 0.25}, "
        "\"bad\": 3, \"total\": 10}]}, {\"by\": \"team\", \"groups\": [{\"group\": \"payments\", "
        "\"objectives\": 1, \"states\": {\"met\": 1, \"breached\": 0, \"at_risk\": 0, \"warming\": "
        "0, \"no_data\": 0}, \"least_left\": {\"slo\": \"a\", \"objective_name\": \"\", "
        "\"remaining_ratio\": 0.25}, \"bad\": 3, \"total\": 10}]}]");
    str_release(&out);
}

static void test_names_are_made_harmless(void **state)
{
    struct world w = {0};
    struct str out;
    (void)state;
    add(&w, "a", "shop", "1", 3, 10, 4);
    w.defs[0].labels = (struct string_map){hostile, 1};
    str_init(&out, 65536);
    groups_put_html(&out, &w.report, "team");
    assert_non_null(strstr(out.buf, "&lt;b&gt;"));
    assert_null(strchr(out.buf, '\x1b'));
    str_clear(&out);
    struct term t = {&out, false, 80};
    groups_put_text(&t, &w.report, "team");
    assert_null(strchr(out.buf, '\x1b'));
    str_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_are_counted_and_events_added),
        cmocka_unit_test(test_the_least_is_told_exactly),
        cmocka_unit_test(test_events_that_do_not_add_up),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_names_are_made_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
