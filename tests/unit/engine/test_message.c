/* What an alert says of an objective on a metric. */
#include "engine/message.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "model/expr.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* The payload of an objective on this condition, or on plain results. */
static json_t *payload(const char *condition)
{
    struct arena a = {0};
    struct sli_metric metric = {.kind = SLI_THRESHOLD};
    struct slo_def def = {.name = "api-redis",
                          .service = "agent-api",
                          .objective_name = "",
                          .target = {99, 2},
                          .window.text = "30d",
                          .sli = {.probe = "api-ready"}};
    struct slo_view view = {.def = &def, .window = {.good = 90, .bad = 10, .scrapes = 100}};
    struct alert_transition t = {
        .slo = "api-redis",
        .objective_name = "",
        .service = "agent-api",
        .kind = ALERT_EVENT_FIRE,
        .severity = SEVERITY_PAGE,
        .tier = {SEVERITY_PAGE, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 2},
        .long_counts = {.good = 90, .bad = 10, .scrapes = 7},
        .long_expected = 9};
    struct err err;
    size_t at;
    if (condition && expr_parse(&a, condition, &metric.condition, &at, &err) < 0)
        fail_msg("%s: %s", condition, err.msg);
    if (condition)
        def.sli.metric = &metric;
    mem_auto char *text = message_payload(&view, &t);
    json_t *doc = json_loads(text, 0, NULL);
    assert_non_null(doc);
    arena_release(&a);
    return doc;
}

static const char *text_of(const json_t *doc, const char *key)
{
    return json_string_value(json_object_get(doc, key));
}

static void names_the_component(void **state)
{
    (void)state;
    json_t *doc = payload("component_up{component=\"redis\"} == 1");
    const json_t *source = json_object_get(doc, "source"), *lng = json_object_get(doc, "long");
    assert_string_equal(text_of(source, "kind"), "component");
    assert_string_equal(text_of(source, "expression"), "redis");
    assert_non_null(strstr(text_of(doc, "summary"), "api-redis (agent-api 99%; redis) burns"));
    assert_int_equal(json_integer_value(json_object_get(lng, "total")), 100);
    assert_int_equal(json_integer_value(json_object_get(lng, "observed")), 7);
    assert_int_equal(json_integer_value(json_object_get(lng, "expected")), 9);
    json_decref(doc);
}

static void says_nothing_of_results(void **state)
{
    (void)state;
    json_t *doc = payload(NULL);
    const json_t *source = json_object_get(doc, "source"), *lng = json_object_get(doc, "long");
    assert_string_equal(text_of(source, "kind"), "results");
    assert_string_equal(text_of(source, "expression"), "");
    assert_non_null(strstr(text_of(doc, "summary"), "api-redis (agent-api 99%) burns"));
    assert_int_equal(json_integer_value(json_object_get(lng, "observed")), 100);
    json_decref(doc);
}

/* Of one of several objectives, and by a name as long as there may be. */
static void tells_what_is_gone(void **state)
{
    struct str name;
    (void)state;
    str_init(&name, 1024);
    for (int i = 0; i < 63; i++)
        str_add(&name, "\xf0\x9f\x98\x80");
    struct alert_transition t = {.slo = "api",
                                 .objective_name = name.buf,
                                 .service = "shop",
                                 .kind = ALERT_EVENT_RESOLVE,
                                 .severity = SEVERITY_TICKET,
                                 .at_us = 90 * USEC_PER_SEC};
    mem_auto char *text = message_gone(&t);
    json_t *doc = json_loads(text, 0, NULL);
    mem_auto char *alert = mem_printf("api/%s", name.buf);
    mem_auto char *summary =
        mem_printf("api / %s: ended after 1m30s, as the objective alerts no more", name.buf);
    assert_non_null(doc);
    assert_string_equal(text_of(doc, "alert"), alert);
    assert_string_equal(text_of(doc, "summary"), summary);
    assert_string_equal(text_of(doc, "status"), "resolved");
    assert_string_equal(text_of(doc, "severity"), "ticket");
    assert_int_equal(json_object_size(doc), 12);
    json_decref(doc);
    str_release(&name);
}

/* A phone shows one line; the whole condition is beside it. */
static void cuts_long_conditions(void **state)
{
    struct str condition;
    (void)state;
    str_init(&condition, 4096);
    str_add(&condition, "queue{name=\"");
    for (int i = 0; i < 100; i++)
        str_add(&condition, "\xc3\xa4\xc3\xb6");
    str_add(&condition, "\"} < 10");
    json_t *doc = payload(condition.buf); /* would not be JSON if a character were cut */
    assert_string_equal(text_of(json_object_get(doc, "source"), "expression"), condition.buf);
    assert_non_null(strstr(text_of(doc, "summary"), "...) burns"));
    assert_true(strlen(text_of(doc, "summary")) < 300);
    str_release(&condition);
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_gone),
        cmocka_unit_test(names_the_component),
        cmocka_unit_test(says_nothing_of_results),
        cmocka_unit_test(cuts_long_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
