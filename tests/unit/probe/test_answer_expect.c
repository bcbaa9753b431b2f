/* From YAML to what is expected of answers: what it comes to, what is refused; schemas. */
#include "answers.h"

#include "base/mem.h"
#include "base/str.h"
#include "probe/answer_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_in_words(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_kind(
        &f, &answer_kind,
        "{expect: {answer: {contains: [a, b]}, tool: [x, {name: y, arguments: {$.c: Paris, "
        "$.n: '< 5'}}], finish: [stop, end_turn], min_tokens: 5, ttft_faster_than: 2s, "
        "gap_below: 1s, tokens_per_second_at_least: 20.5, cost_at_most: 0.002}}");
    assert_int_equal(f.diag.errors, 0);
    const struct agent_expect *e = &((const struct answer_spec *)f.def.spec)->expect;
    assert_string_equal(e->text.at[1].what, "answer containing \"b\"");
    assert_string_equal(e->tools[0].what, "a call of x");
    assert_string_equal(e->tools[1].what, "a call of y with $.c = \"Paris\", $.n < 5");
    assert_string_equal(e->finish_what, "an end by stop or end_turn");
    assert_string_equal(e->min_tokens_what, "at least 5 tokens");
    assert_string_equal(e->whats[MEASURE_TTFT], "first token within 2s");
    assert_string_equal(e->whats[MEASURE_GAP], "no gap over 1s");
    assert_string_equal(e->whats[MEASURE_SPEED], "at least 20.5 tokens a second");
    assert_string_equal(e->whats[MEASURE_COST], "a cost of at most 0.002");
    assert_true(e->reads_json); /* of the tool's arguments */
    fixture_release(&f);
}

static void refused(const char *expect, const char *text)
{
    mem_auto char *yaml = mem_printf("{expect: %s}", expect);
    fixture_refused_kind(&answer_kind, yaml, text);
}

static void test_refused(void **state)
{
    (void)state;
    refused("{answer: ready}", "contains");
    refused("{answer: {contain: x}}", "did you mean 'contains'");
    refused("{answer: {type: string}}", "unknown condition");
    refused("{answer: {matches: '('}}", "bad pattern");
    refused("{answers: {contains: x}}", "did you mean 'answer'");
    refused("{body: {contains: x}}", "unknown key 'body'");
    refused("{json: {$.a: {matches: '('}}}", "bad pattern");
    refused("{json: {a: 1}}", "path");
    refused("{tool: }", "expected a name, {name, arguments}, or a list");
    refused("{tool: []}", "expected a name");
    refused("{tool: {arguments: {$.a: 1}}}", "missing key 'name'");
    refused("{tool: {name: x, argument: {$.a: 1}}}", "did you mean 'arguments'");
    refused("{tool: [x, [y]]}", "tool: expected text");
    refused("{tool: {name: x, arguments: {$.a: {matches: '('}}}}", "bad pattern");
    refused("{empty: maybe}", "true or false");
    refused("{refusal: perhaps}", "true, false, or a list of texts that begin a refusal");
    refused("{refusal: []}", "true, false, or a list");
    refused("{refusal: 'true'}", "true, false, or a list");
    refused("{min_tokens: 0}", "min_tokens");
    refused("{min_tokens: 100000001}", "min_tokens");
    refused("{cost_at_most: 0}", "above 0");
    refused("{ttft_faster_than: 6s}", "ttft_faster_than is longer than the timeout");
    refused("{gap_below: 6s}", "gap_below is longer than the timeout");
    refused("{faster_than: 6s}", "faster_than is longer than the timeout");
    struct str many;
    str_init(&many, 1024);
    str_add(&many, "{answer: {contains: [");
    for (int i = 0; i < EXPECT_MAX_CHECKS - 3; i++)
        str_add(&many, "a, ");
    str_add(&many, "]}}");
    refused(many.buf, "65 conditions: at most 64 are allowed");
    str_release(&many);
}

static void test_of_streams_alone(void **state)
{
    (void)state;
    fixture_refused_kind(&answer_kind, "{document: true, expect: {ttft_faster_than: 1s}}",
                         "not streamed");
    fixture_refused_kind(&answer_kind, "{document: true, expect: {gap_below: 1s}}", "not streamed");
}

static void test_schemas_that_are_refused(void **state)
{
    (void)state;
    refused("{schema: object}", "schema: expected a mapping");
    refused("{schema: {typ: object}}", "unknown keyword 'typ'; did you mean 'type'?");
    refused("{schema: {oneOf: []}}", "'oneOf' is not in the part of JSON Schema");
    refused("{schema: {quantum: 1}}", "unknown keyword 'quantum'");
    refused("{schema: {type: text}}", "expected null, boolean, object");
    refused("{schema: {type: []}}", "a type or a list");
    refused("{schema: {enum: a}}", "enum: expected a list of values");
    refused("{schema: {properties: [a]}}", "a mapping of names to schemas");
    refused("{schema: {properties: {a: {format: x}}}}", "'format' is not in the part");
    refused("{schema: {required: a}}", "required: expected a list");
    refused("{schema: {required: [a], additionalProperties: false}}", "'a' is not among");
    refused("{schema: {minItems: -1}}", "minItems: expected a count");
    refused("{schema: {minItems: 3, maxItems: 2}}", "at least 3 and at most 2");
    refused("{schema: {minLength: 3, maxLength: 2}}", "maxLength: nothing has");
    refused("{schema: {minProperties: 3, maxProperties: 2}}", "maxProperties: nothing has");
    refused("{schema: {minimum: '3'}}", "minimum: expected a number");
    refused("{schema: {pattern: '('}}", "schema: pattern: ");
    refused("{schema: {pattern: }}", "a regular expression");
    refused("{schema: {anyOf: []}}", "anyOf: expected a list of schemas");
    refused("{schema: {items: [a]}}", "expected a mapping like {type: object}, true or false");
    struct str deep;
    str_init(&deep, 4096);
    str_add(&deep, "{schema: ");
    for (int i = 0; i < SCHEMA_DEPTH_MAX; i++)
        str_add(&deep, "{items: ");
    str_add(&deep, "{}");
    for (int i = 0; i < SCHEMA_DEPTH_MAX; i++)
        str_add(&deep, "}");
    str_add(&deep, "}");
    refused(deep.buf, "at most 16 schemas within each other");
    str_release(&deep);
    str_init(&deep, 64 << 10);
    str_add(&deep, "{schema: {anyOf: [");
    for (int i = 0; i < SCHEMA_NODES_MAX; i++)
        str_add(&deep, i ? ", {}" : "{}");
    str_add(&deep, "]}}");
    refused(deep.buf, "at most 512 schemas");
    str_release(&deep);
}

/* "" for a document that fits. */
static void fits(const char *schema, const char *json, const char *fault)
{
    struct fixture f;
    struct err err = {""};
    mem_auto char *yaml = mem_printf("{expect: {schema: %s}}", schema);
    fixture_init_kind(&f, &answer_kind, yaml);
    if (f.diag.errors)
        fail_msg("%s: %s", schema, f.diag.items[0].text);
    const struct agent_expect *e = &((const struct answer_spec *)f.def.spec)->expect;
    int rc = answer_schema_check(e->schema, json, strlen(json), &err);
    assert_int_equal(rc, *fault ? -1 : 0);
    if (strcmp(err.msg, fault) != 0)
        fail_msg("%s of %s: %s, not %s", json, schema, err.msg, fault);
    fixture_release(&f);
}

static void test_schema_types(void **state)
{
    (void)state;
    fits("{}", "1", "");
    fits("true", "1", "");
    fits("false", "1", "$: there may be nothing");
    fits("{type: string}", "\"a\"", "");
    fits("{type: string}", "1", "$: expected string, found number");
    fits("{type: integer}", "2.0", "");
    fits("{type: integer}", "2.5", "$: expected integer, found number");
    fits("{type: number}", "2", "");
    fits("{type: [string, 'null']}", "null", "");
    fits("{type: [string, 'null']}", "[]", "$: expected string or null, found array");
    fits("{type: null}", "null", "");
    fits("{type: boolean}", "true", "");
    fits("{type: object}", "{", "not JSON: string or '}' expected near end of file at byte 1");
    fits("{type: integer}", "123456789012345678901234567890", "");
}

static void test_schema_values(void **state)
{
    (void)state;
    fits("{enum: [a, 1, null, true]}", "1.0", "");
    fits("{enum: [a, 1, null, true]}", "\"1\"",
         "$: expected one of \"a\", 1, null, true, found \"1\"");
    fits("{enum: [a, 1, null, true]}", "false",
         "$: expected one of \"a\", 1, null, true, found false");
    fits("{const: {a: [1, {b: x}]}}", "{\"a\": [1, {\"b\": \"x\"}]}", "");
    fits("{const: {a: [1, {b: x}]}}", "{\"a\": [1, {\"b\": \"y\"}]}",
         "$: expected an object, found an object");
    fits("{const: {a: 1}}", "{\"a\": 1, \"b\": 2}", "$: expected an object, found an object");
    fits("{const: [1]}", "[1, 2]", "$: expected an array, found an array of 2");
    fits("{const: ''}", "\"\"", "");
    fits("{const: 08}", "\"08\"", "");
}

static void test_schema_objects(void **state)
{
    (void)state;
    fits("{properties: {a: {type: string}}}", "[]", "");
    fits("{properties: {a: {type: string}}}", "{\"a\": 1}", "$.a: expected string, found number");
    fits("{required: [a, 'b c']}", "{\"a\": null}", "$.\"b c\": is required, and missing");
    fits("{properties: {a: {}}, additionalProperties: false}", "{\"a\": 1, \"b\": 2}",
         "$.b: is not among the properties");
    fits("{additionalProperties: {type: number}}", "{\"x\": 1, \"y\": \"2\"}",
         "$.y: expected number, found string");
    fits("{properties: {a: false}}", "{\"a\": 1}", "$.a: there may be nothing");
    fits("{minProperties: 1}", "{}", "$: expected at least 1 members, found 0");
    fits("{maxProperties: 1}", "{\"a\": 1, \"b\": 2}", "$: expected at most 1 members, found 2");
}

static void test_schema_arrays(void **state)
{
    (void)state;
    static const char schema[] =
        "{properties: {items: {items: {required: [name], properties: {name: {type: string}}}}}}";
    fits(schema, "{\"items\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}", "");
    fits(schema, "{\"items\": [{\"name\": \"a\"}, {\"name\": 2}]}",
         "$.items[1].name: expected string, found number");
    fits(schema, "{\"items\": [{}]}", "$.items[0].name: is required, and missing");
    fits("{minItems: 1}", "[]", "$: expected at least 1 elements, found 0");
    fits("{maxItems: 1}", "[1, 2]", "$: expected at most 1 elements, found 2");
}

static void test_schema_texts_and_numbers(void **state)
{
    (void)state;
    fits("{minLength: 2}", "\"\u00e9\"", "$: expected at least 2 characters, found 1");
    fits("{maxLength: 1}", "\"\u00e9\"", "");
    fits("{pattern: '^a+$'}", "\"aaa\"", "");
    fits("{pattern: '^a+$'}", "\"b\"", "$: expected text like /^a+$/, found \"b\"");
    fits("{pattern: x}", "3", "");
    fits("{minimum: 2, maximum: 3}", "2", "");
    fits("{minimum: 2}", "1.99", "$: expected at least 2, found 1.99");
    fits("{maximum: 9007199254740992}", "9007199254740993",
         "$: expected at most 9007199254740992, found 9007199254740993");
    fits("{exclusiveMinimum: 0}", "0", "$: expected above 0, found 0");
    fits("{exclusiveMaximum: 0.5}", "0.5", "$: expected below 0.5, found 0.5");
}

static void test_schema_choices(void **state)
{
    (void)state;
    static const char schema[] = "{anyOf: [{type: string}, {required: [a]}]}";
    fits(schema, "\"x\"", "");
    fits(schema, "{\"a\": 1}", "");
    fits(schema, "{}", "$: none of anyOf; the first: $: expected string, found object");
}

/* Choices within choices, over a wide document: it ends, and says why. */
static void test_schema_work_is_bounded(void **state)
{
    (void)state;
    struct str schema, json;
    str_init(&schema, 64 << 10);
    str_init(&json, 1 << 20);
    str_add(&schema, "{items: {anyOf: [");
    for (int i = 0; i < 400; i++)
        str_add(&schema, "{type: number}, ");
    str_add(&schema, "{type: string}]}}");
    str_add(&json, "[");
    for (int i = 0; i < 20000; i++)
        str_add(&json, "\"x\",");
    str_add(&json, "0]");
    struct fixture f;
    struct err err;
    mem_auto char *yaml = mem_printf("{expect: {schema: %s}}", schema.buf);
    fixture_init_kind(&f, &answer_kind, yaml);
    assert_int_equal(f.diag.errors, 0);
    const struct agent_expect *e = &((const struct answer_spec *)f.def.spec)->expect;
    assert_int_equal(answer_schema_check(e->schema, json.buf, json.len, &err), -1);
    assert_non_null(strstr(err.msg, "too large for this schema"));
    fixture_release(&f);
    str_release(&schema);
    str_release(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_words),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_of_streams_alone),
        cmocka_unit_test(test_schemas_that_are_refused),
        cmocka_unit_test(test_schema_types),
        cmocka_unit_test(test_schema_values),
        cmocka_unit_test(test_schema_objects),
        cmocka_unit_test(test_schema_arrays),
        cmocka_unit_test(test_schema_texts_and_numbers),
        cmocka_unit_test(test_schema_choices),
        cmocka_unit_test(test_schema_work_is_bounded),
    };
    return cmocka_run_group_tests_name("answer_expect", tests, NULL, NULL);
}
