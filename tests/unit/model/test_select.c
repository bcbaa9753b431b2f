/* Choosing SLOs by service and labels, and what is said when nothing fits. */
#include "model/select.h"

#include "base/str.h"
#include "base/vec.h"
#include "nines/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static struct pair probe_labels[] = {{"team", "platform", {0}}, {"zone", "eu", {0}}};
static struct pair own_labels[] = {{"team", "payments", {0}}, {"tier", "1", {0}}};
static struct probe_def probe = {.id = "api", .labels = {probe_labels, 2}};
static struct slo_def checkout = {
    .name = "checkout", .service = "shop", .probe = &probe, .labels = {own_labels, 2}};
static struct slo_def search = {.name = "search", .service = "shop", .probe = &probe};
static struct slo_def whole = {.name = "whole", .service = "", .labels = {own_labels + 1, 1}};

static struct slo_def *slos[] = {&checkout, &search, &whole};
static struct config config = {.slos = slos, .slo_count = 3};

static void test_labels_are_its_own_and_its_probes(void **state)
{
    (void)state;
    assert_string_equal(slo_label(&checkout, "team"), "payments");
    assert_string_equal(slo_label(&checkout, "zone"), "eu");
    assert_string_equal(slo_label(&search, "team"), "platform");
    assert_null(slo_label(&search, "tier"));
    assert_null(slo_label(&whole, "team")); /* no probe of its own */
    assert_int_equal(slo_label_count(&checkout), 3);
    assert_string_equal(slo_label_at(&checkout, 0).value, "payments");
    assert_string_equal(slo_label_at(&checkout, 1).key, "tier");
    assert_string_equal(slo_label_at(&checkout, 2).key, "zone");
    assert_int_equal(slo_label_count(&search), 2);
    assert_string_equal(slo_label_at(&search, 1).key, "zone");
    assert_int_equal(slo_label_count(&whole), 1);
}

static void test_all_that_is_asked_for_must_fit(void **state)
{
    (void)state;
    const struct slo_label team = {"team", "platform"}, both[] = {{"zone", "eu"}, {"tier", "1"}};
    struct slo_select service = {"shop", NULL, 0}, by_team = {NULL, &team, 1},
                      by_both = {"shop", both, 2}, other = {"shops", both, 2};
    assert_true(slo_select_fits(NULL, &whole));
    assert_true(slo_select_fits(&service, &checkout));
    assert_false(slo_select_fits(&service, &whole));
    assert_false(slo_select_fits(&by_team, &checkout)); /* its own team counts */
    assert_true(slo_select_fits(&by_team, &search));
    assert_true(slo_select_fits(&by_both, &checkout));
    assert_false(slo_select_fits(&by_both, &search));
    assert_false(slo_select_fits(&other, &checkout));
}

static void expect(const char *name, const char *service, const char *key, const char *value,
                   const char *message)
{
    struct err err = {{0}};
    struct slo_label label = {key, value};
    struct slo_select select = {service, &label, key ? 1 : 0};
    assert_int_equal(slo_select_check(&config, name, &select, &err), *message ? -1 : 0);
    assert_string_equal(err.msg, message);
}

static void test_nothing_fits(void **state)
{
    (void)state;
    assert_int_equal(slo_select_check(&config, NULL, NULL, NULL), 0);
    expect(NULL, "shop", NULL, NULL, "");
    expect("unknown", "shop", NULL, NULL, ""); /* for the caller to tell */
    expect(NULL, "shup", NULL, NULL, "no SLO has the service 'shup'; did you mean 'shop'?");
    expect(NULL, "billing", NULL, NULL, "no SLO has the service 'billing'; there is shop");
    expect(NULL, NULL, "taem", "x", "no SLO has a label 'taem'; did you mean 'team'?");
    expect(NULL, NULL, "cloud", "x", "no SLO has a label 'cloud'; there are team, tier, zone");
    expect(NULL, NULL, "team", "platfrom",
           "no SLO has the label team=platfrom; did you mean 'platform'?");
    expect(NULL, NULL, "team", "", "no SLO has the label team=; there are payments, platform");
    expect("search", "shop", "tier", "1",
           "SLO 'search' is not one of those chosen by service and labels");
    expect(NULL, "", "team", "platform", "no SLO has all of the service and labels asked for");
}

static void test_where_there_is_nothing(void **state)
{
    (void)state;
    struct config none = {0};
    struct err err;
    struct slo_select select = {"shop", NULL, 0};
    assert_int_equal(slo_select_check(&none, "x", &select, &err), 0);
    struct slo_def *bare[] = {&(struct slo_def){.name = "x"}};
    struct config one = {.slos = bare, .slo_count = 1};
    assert_int_equal(slo_select_check(&one, NULL, &select, &err), -1);
    assert_string_equal(err.msg, "no SLO has the service 'shop': none has any");
}

static void test_many_are_cut(void **state)
{
    (void)state;
    struct slo_def defs[20];
    struct slo_def *at[20];
    char names[20][8];
    struct err err;
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof(names[i]), "s%02d", i);
        defs[i] = (struct slo_def){.name = "n", .service = names[i]};
        at[i] = &defs[i];
    }
    struct config many = {.slos = at, .slo_count = 20};
    struct slo_select select = {"payments", NULL, 0};
    assert_int_equal(slo_select_check(&many, NULL, &select, &err), -1);
    assert_string_equal(err.msg, "no SLO has the service 'payments'; there are s00, s01, s02, "
                                 "s03, s04, s05, s06, s07, ...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_are_its_own_and_its_probes),
        cmocka_unit_test(test_all_that_is_asked_for_must_fit),
        cmocka_unit_test(test_nothing_fits),
        cmocka_unit_test(test_where_there_is_nothing),
        cmocka_unit_test(test_many_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
