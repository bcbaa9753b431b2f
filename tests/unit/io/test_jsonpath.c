/* JSON paths: values and types, what is refused, hostile documents. */
#include "io/jsonpath.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const char doc[] =
    "{\"status\":\"healthy\",\"checks\":{\"redis\":{\"status\":\"down\",\"ms\":3.5}},"
    "\"items\":[{\"id\":1},{\"id\":9007199254740993}],\"yes\":true,\"no\":false,\"nil\":null,"
    "\"odd key\":1,\"a.b\":2,\"esc\":\"\\u00e9\\n\",\"tags\":[\"x\",\"1\",2,true,null,2.5],"
    "\"huge\":18446744073709551616,\"empty\":[]}";

static int setup(void **state)
{
    struct jsonpath *j = NULL;
    struct err err = {{0}};
    if (jsonpath_new(&j, &err) < 0) {
        print_error("%s\n", err.msg);
        return -1;
    }
    *state = j;
    return jsonpath_open(j, doc, strlen(doc), &err);
}

static int teardown(void **state)
{
    jsonpath_free(*state);
    return 0;
}

static struct json_value get(void **state, const char *path)
{
    struct json_value v = {0};
    struct err err = {{0}};
    assert_int_equal(jsonpath_check(path, &err), 0);
    if (jsonpath_get(*state, path, &v, &err) < 0)
        fail_msg("%s: %s", path, err.msg);
    return v;
}

static void expect_text(void **state, const char *path, enum json_type type, const char *text)
{
    struct json_value v = get(state, path);
    assert_int_equal(v.type, type);
    assert_int_equal(v.text_len, strlen(text));
    assert_memory_equal(v.text, text, v.text_len);
}

static void test_values(void **state)
{
    expect_text(state, "$.status", JSON_TYPE_STRING, "healthy");
    expect_text(state, "$.checks.redis.status", JSON_TYPE_STRING, "down");
    expect_text(state, "$.\"a.b\"", JSON_TYPE_INT, "2");
    expect_text(state, "$.odd key", JSON_TYPE_INT, "1");
    expect_text(state, "$.esc", JSON_TYPE_STRING, "\xc3\xa9\n");
    expect_text(state, "$.yes", JSON_TYPE_BOOL, "true");
    expect_text(state, "$.no", JSON_TYPE_BOOL, "false");
    expect_text(state, "$.nil", JSON_TYPE_NULL, "null");
    expect_text(state, "$.none", JSON_TYPE_ABSENT, "");
    expect_text(state, "$.status.deeper", JSON_TYPE_ABSENT, "");
    expect_text(state, "$.checks.redis", JSON_TYPE_OBJECT, "{\"status\":\"down\",\"ms\":3.5}");
    assert_true(get(state, "$.checks.redis.ms").r == 3.5);
    assert_int_equal(get(state, "$.yes").i, 1);
    assert_int_equal(get(state, "$").type, JSON_TYPE_OBJECT);
}

static void test_numbers_are_exact(void **state)
{
    assert_true(get(state, "$.items[1].id").i == 9007199254740993);
    assert_true(get(state, "$.items[#-1].id").i == 9007199254740993);
    assert_int_equal(get(state, "$.huge").type, JSON_TYPE_REAL);
    assert_true(get(state, "$.huge").r == 18446744073709551616.0);
}

static void test_arrays(void **state)
{
    assert_int_equal(get(state, "$.items").i, 2);
    assert_int_equal(get(state, "$.empty").i, 0);
    assert_int_equal(get(state, "$.items[2]").type, JSON_TYPE_ABSENT);
    struct json_value v = get(state, "$.tags");
    assert_int_equal(v.i, 6);
    assert_memory_equal(v.text, "[\"x\"", 4);
}

static int contains(void **state, const char *path, struct json_value want)
{
    struct err err = {{0}};
    return jsonpath_contains(*state, path, &want, &err);
}

static void test_contains(void **state)
{
    struct json_value x = {.type = JSON_TYPE_STRING, .text = "x", .text_len = 1};
    struct json_value one = {.type = JSON_TYPE_STRING, .text = "1", .text_len = 1};
    assert_int_equal(contains(state, "$.tags", x), 1);
    assert_int_equal(contains(state, "$.tags", one), 1);
    struct json_value n = {.type = JSON_TYPE_INT, .i = 1, .r = 1};
    assert_int_equal(contains(state, "$.tags", n), 0); /* true is not 1, nor is "1" */
    n.i = 2;
    assert_int_equal(contains(state, "$.tags", n), 1);
    struct json_value real = {.type = JSON_TYPE_REAL, .r = 2.5};
    assert_int_equal(contains(state, "$.tags", real), 1);
    assert_int_equal(contains(state, "$.tags", (struct json_value){.type = JSON_TYPE_NULL}), 1);
    struct json_value yes = {.type = JSON_TYPE_BOOL, .i = 1}, no = {.type = JSON_TYPE_BOOL};
    assert_int_equal(contains(state, "$.tags", yes), 1);
    assert_int_equal(contains(state, "$.tags", no), 0);
    assert_int_equal(contains(state, "$.status", x), 0);
    assert_int_equal(contains(state, "$.none", x), 0);
}

static void test_paths_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        "status", "$status", "$.",      "$..a",   "$.a.",
        "$.a[",    "$.a[]",  "$.a[-1]", "$.a[#-]", "$.a[x]", "$.a[9999999999]",
        "$.a[0]b", "$.\"a",  "$.\"\"",  "$.a\"b",  "$[*]",   "$.*",
        "$.a[#-1",
    };
    for (size_t i = 0; i < countof(bad); i++) {
        struct err err = {{0}};
        if (jsonpath_check(bad[i], &err) == 0)
            fail_msg("'%s' was accepted", bad[i]);
        assert_true(err.msg[0] != '\0');
    }
}

static int open_doc(struct jsonpath *j, const char *text, size_t n, const char *why)
{
    struct err err = {{0}};
    int rc = jsonpath_open(j, text, n, &err);
    if (rc < 0 && !strstr(err.msg, why))
        fail_msg("'%s' does not mention '%s'", err.msg, why);
    return rc;
}

static char *nested(size_t depth)
{
    char *text = mem_alloc(2 * depth + 1);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return text;
}

static void test_documents_refused(void **state)
{
    struct jsonpath *j = *state;
    assert_int_equal(open_doc(j, "", 0, "empty"), -1);
    assert_int_equal(open_doc(j, "{\"a\":1", 6, "not valid"), -1);
    assert_int_equal(open_doc(j, "<html>", 6, "not valid"), -1);
    assert_int_equal(open_doc(j, "{\"a\":NaN}", 9, "not valid"), -1);
    assert_int_equal(open_doc(j, "{} x", 4, "not valid"), -1);
    assert_int_equal(open_doc(j, "\"\\", 2, "not valid"), -1);
    char *text = nested(10000);
    assert_int_equal(open_doc(j, text, 20000, "deeper"), -1);
    free(text);
    text = nested(1000);
    assert_int_equal(open_doc(j, text, 2000, ""), 0);
    assert_int_equal(get(state, "$[0][0]").type, JSON_TYPE_ARRAY);
    free(text);
    text = mem_alloc((1 << 20) + 1);
    memset(text, ' ', (1 << 20) + 1);
    text[0] = '1';
    assert_int_equal(open_doc(j, text, (1 << 20) + 1, "1 MiB"), -1);
    assert_int_equal(open_doc(j, text, 1 << 20, ""), 0);
    assert_int_equal(get(state, "$").i, 1);
    free(text);
    /* brackets inside of strings are not depth */
    text = nested(5000);
    text[0] = '"', text[9999] = '"';
    assert_int_equal(open_doc(j, text, 10000, ""), 0);
    free(text);
    assert_int_equal(open_doc(j, doc, strlen(doc), ""), 0);
}

static void test_document_need_not_end_in_nul(void **state)
{
    struct jsonpath *j = *state;
    assert_int_equal(open_doc(j, "[1,2]garbage", 5, ""), 0);
    assert_int_equal(get(state, "$").i, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers_are_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arrays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_contains, setup, teardown),
        cmocka_unit_test(test_paths_refused),
        cmocka_unit_test_setup_teardown(test_documents_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_document_need_not_end_in_nul, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
