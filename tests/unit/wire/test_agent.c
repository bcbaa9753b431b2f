/* What all codecs share: the bounds of answers, errors, paths, and JSON of strangers. */
#include "wire/agent_path.h"

#include "base/mem.h"
#include "nines/answer.h"
#include "talk.h"

static const struct agent_ask chat = {
    .url = "http://h/v1/chat/completions", .model = "m", .prompt = "hi", .stream = true};

/* ---- bounds ------------------------------------------------------------------ */

static void test_text_is_bounded(void **state)
{
    (void)state;
    struct heard h;
    heard_begin(&h, "openai", &chat);
    struct agent_answer *a = &h.talk.answer;
    mem_auto char *piece = mem_alloc(100000);
    memset(piece, 'x', 99999);
    for (int i = 0; i < 20; i++)
        assert_int_equal(agent_say(a, piece, 99999), AGENT_TEXT);
    assert_int_equal(a->text.len, AGENT_TEXT_MAX);
    assert_int_equal(a->text_bytes, 20 * 99999);
    assert_true(a->text.overflow);
    assert_int_equal(agent_say(a, "", 0), 0);
    heard_release(&h);
}

/* A cut falls between characters, and nothing is kept behind it. */
static void test_cut_between_characters(void **state)
{
    (void)state;
    struct heard h;
    heard_begin(&h, "openai", &chat);
    struct agent_answer *a = &h.talk.answer;
    mem_auto char *piece = mem_alloc(AGENT_TEXT_MAX);
    memset(piece, 'x', AGENT_TEXT_MAX);
    agent_say(a, piece, AGENT_TEXT_MAX - 2);
    agent_say(a, "\xe2\x82\xac", 3);
    agent_say(a, "y", 1);
    assert_int_equal(a->text.len, AGENT_TEXT_MAX - 2);
    assert_true(a->text.overflow);
    heard_release(&h);
}

static void test_pieces_are_shown(void **state)
{
    (void)state;
    struct heard h;
    heard_begin(&h, "openai", &chat);
    struct agent_answer *a = &h.talk.answer;
    agent_reason(a, "hm", 2);
    agent_say(a, "a\0b\xff", 4);
    assert_int_equal(agent_call(a, 0, "f", "{}", 2), AGENT_TOOL);
    assert_string_equal(a->piece.buf, "hma\xef\xbf\xbd"
                                      "b\xef\xbf\xbd"
                                      "f{}");
    assert_string_equal(a->text.buf, "a\xef\xbf\xbd"
                                     "b\xef\xbf\xbd");
    mem_auto char *piece = mem_alloc(5000);
    memset(piece, 'x', 5000);
    agent_say(a, piece, 5000);
    assert_int_equal(a->piece.len, AGENT_PIECE_MAX);
    static const struct sse_event ping = {.what = SSE_COMMENT, .name = "", .data = ""};
    assert_int_equal(agent_event(&h.talk, &ping), AGENT_PING);
    assert_int_equal(a->piece.len, 0);
    heard_release(&h);
}

static void test_calls_are_bounded(void **state)
{
    (void)state;
    struct heard h;
    heard_begin(&h, "openai", &chat);
    struct agent_answer *a = &h.talk.answer;
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(agent_call(a, i, "f", "", 0), AGENT_TOOL);
    assert_int_equal(a->calls, 40);
    assert_int_equal(a->tool_count, AGENT_TOOLS_MAX);
    assert_int_equal(agent_call(a, 0, "f", "", 0), 0); /* nothing new */
    assert_int_equal(agent_call(a, 0, NULL, "{", 1), AGENT_TOOL);
    mem_auto char *piece = mem_alloc(AGENT_ARGUMENTS_MAX);
    memset(piece, 'x', AGENT_ARGUMENTS_MAX);
    agent_call(a, 0, NULL, piece, AGENT_ARGUMENTS_MAX);
    assert_int_equal(a->tools[0].arguments.len, AGENT_ARGUMENTS_MAX);
    assert_true(a->tools[0].arguments.overflow);
    assert_int_equal(agent_call(a, 39, NULL, "x", 1), AGENT_TOOL); /* counted, not kept */
    mem_auto char *name = mem_alloc(501);
    memset(name, 'n', 500);
    agent_call(a, 1, NULL, "{}", 2);
    assert_string_equal(a->tools[1].name, "f");
    heard_release(&h);
    heard_begin(&h, "openai", &chat);
    agent_call(&h.talk.answer, 0, name, "", 0);
    assert_int_equal(strlen(h.talk.answer.tools[0].name), AGENT_NAME_MAX - 1);
    heard_release(&h);
}

static void test_first_error_counts(void **state)
{
    (void)state;
    struct heard h;
    heard_begin(&h, "openai", &chat);
    struct agent_answer *a = &h.talk.answer;
    assert_int_equal(agent_fail(a, AGENT_ERROR, "first\n%d \xff", 1), AGENT_ERROR);
    assert_int_equal(agent_fail(a, AGENT_MALFORMED, "second"), AGENT_MALFORMED);
    assert_string_equal(a->error, "first 1 \xef\xbf\xbd");
    heard_release(&h);
}

static void test_tokens_that_cannot_be(void **state)
{
    (void)state;
    struct heard h;
    heard_begin(&h, "openai", &chat);
    struct agent_answer *a = &h.talk.answer;
    agent_tokens(a, &a->tokens_in, 0);
    agent_tokens(a, &a->tokens_out, ANSWER_TOKENS_MAX);
    assert_false(a->absurd);
    assert_int_equal(a->tokens_in, 0);
    assert_int_equal(a->tokens_out, ANSWER_TOKENS_MAX);
    agent_tokens(a, &a->tokens_out, ANSWER_TOKENS_MAX + 1LL);
    assert_int_equal(a->tokens_out, -1);
    assert_true(a->absurd);
    heard_release(&h);
}

/* ---- errors ------------------------------------------------------------------ */

static void expect_error(const char *json, const char *message, const char *code)
{
    struct heard h;
    hear_document(&h, "openai", &chat, json);
    assert_int_equal(h.bits, AGENT_ERROR);
    assert_string_equal(h.talk.answer.error, message);
    assert_string_equal(h.talk.answer.error_code, code);
    heard_release(&h);
}

static void test_errors(void **state)
{
    (void)state;
    expect_error(
        "{\"error\":{\"message\":\"slow down\",\"type\":\"tokens\",\"param\":null,\"code\":"
        "\"rate_limit_exceeded\"}}",
        "slow down", "rate_limit_exceeded");
    expect_error("{\"error\":{\"message\":\"oops\",\"type\":\"server_error\",\"code\":null}}",
                 "oops", "server_error");
    expect_error("{\"error\":{\"message\":\"busy\",\"code\":503}}", "busy", "503");
    expect_error("{\"error\":{\"code\":429,\"message\":\"q\",\"status\":\"RESOURCE_EXHAUSTED\"}}",
                 "q", "RESOURCE_EXHAUSTED");
    expect_error("{\"object\":\"error\",\"message\":\"too long\",\"type\":\"BadRequestError\","
                 "\"param\":null,\"code\":400}",
                 "too long", "BadRequestError");
    expect_error("{\"error\":\"model not found\"}", "model not found", "");
    expect_error("{\"detail\":\"Not Found\"}", "Not Found", "");
    expect_error("{\"error\":{\"type\":\"overloaded_error\"}}", "overloaded_error",
                 "overloaded_error");
    expect_error("{\"error\":{\"x\":[1]}}", "an error that says no more than {\"x\":[1]}", "");
    expect_error("{\"error\":true}", "an error that says no more than true", "");
}

/* ---- JSON of strangers --------------------------------------------------------- */

static void expect_malformed(const char *data, const char *message)
{
    struct heard h;
    heard_begin(&h, "openai", &chat);
    struct sse_event e = {.what = SSE_EVENT, .name = "message", .data = data};
    e.data_len = strlen(data);
    assert_int_equal(agent_event(&h.talk, &e), AGENT_MALFORMED);
    if (strncmp(h.talk.answer.error, message, strlen(message)) != 0)
        fail_msg("%s", h.talk.answer.error);
    heard_release(&h);
}

static void test_malformed(void **state)
{
    (void)state;
    expect_malformed("", "an event is not JSON: ");
    expect_malformed("hello", "an event is not JSON: ");
    expect_malformed("{\"choices\":[", "an event is not JSON: ");
    expect_malformed("{} x", "an event is not JSON: end of file expected");
    expect_malformed("[1]", "an event is JSON, but no object");
    expect_malformed("null", "an event is JSON, but no object");
    expect_malformed("{\"a\":1,\"a\":2}", "an event is not JSON: duplicate object key");
    expect_malformed("{\"a\":1e999}", "an event is not JSON: real number overflow");
    expect_malformed("{\"a\":NaN}", "an event is not JSON: ");
    struct str deep;
    str_init(&deep, 1 << 20);
    for (int i = 0; i < 100000; i++)
        str_add(&deep, "[");
    expect_malformed(deep.buf, "an event is not JSON: maximum parsing depth reached");
    str_release(&deep);
    expect_malformed("{\"hello\":1}", "an event with neither choices nor an error");
}

static void expect_text(const char *content, const char *text)
{
    struct heard h;
    mem_auto char *data =
        mem_printf("data: {\"choices\":[{\"delta\":{\"content\":\"%s\"}}]}\n\n", content);
    hear(&h, "openai", &chat, data);
    assert_int_equal(h.bits, AGENT_TEXT);
    assert_string_equal(h.talk.answer.text.buf, text);
    heard_release(&h);
}

/* What encoders of other languages make of half an emoji, and of NULs. */
static void test_halves_of_characters(void **state)
{
    (void)state;
    expect_text("\\ud83d\\ude00", "\xf0\x9f\x98\x80");
    expect_text("a\\ud83d", "a\xef\xbf\xbd");
    expect_text("\\uDE00b", "\xef\xbf\xbd"
                            "b");
    expect_text("\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80");
    expect_text("\\\\ud83d \\ud83d", "\\ud83d \xef\xbf\xbd");
    expect_text("a\\u0000b", "a\xef\xbf\xbd"
                             "b");
    expect_text("a\xff"
                "b\xc3",
                "a\xef\xbf\xbd"
                "b\xef\xbf\xbd");
}

/* ---- paths --------------------------------------------------------------------- */

static void test_bad_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        size_t at;
        const char *message;
    } bad[] = {
        {"", 0, "a JSON path begins with '$', like $.output[0].text"},
        {"a.b", 0, "a JSON path begins with '$', like $.output[0].text"},
        {"$a", 1, "expected . or ["},
        {"$.", 2, "expected a key"},
        {"$.a..b", 4, "expected a key"},
        {"$.a b", 3, "expected . or ["},
        {"$.*", 2, "expected one key; * is not understood"},
        {"$[", 2, "expected an index like 0 or -1, or a key in quotes"},
        {"$[a]", 2, "expected an index like 0 or -1, or a key in quotes"},
        {"$[*]", 2, "expected an index like 0 or -1, or a key in quotes"},
        {"$[-0]", 2, "expected an index like 0 or -1, or a key in quotes"},
        {"$[#]", 2, "expected an index like 0 or -1, or a key in quotes"},
        {"$.a[99999999999999999999]", 4, "an index is at most 1000000"},
        {"$.a[1", 5, "expected ]"},
        {"$[\"a", 2, "the quote is not closed"},
        {"$[\"\"]", 3, "expected a key"},
        {"$[\"a\"", 5, "expected ]"},
    };
    for (size_t i = 0; i < countof(bad); i++) {
        struct arena arena = {0};
        const struct agent_path *path;
        struct err err;
        size_t at = SIZE_MAX;
        assert_int_equal(agent_path_parse(&arena, bad[i].path, &path, &at, &err), -1);
        assert_string_equal(err.msg, bad[i].message);
        assert_int_equal(at, bad[i].at);
        arena_release(&arena);
    }
    struct arena arena = {0};
    const struct agent_path *path;
    struct err err;
    size_t at;
    char many[2000] = "$";
    memset(many + 1, 'a', sizeof(many) - 2);
    many[1] = '.';
    assert_int_equal(agent_path_parse(&arena, many, &path, &at, &err), -1);
    assert_string_equal(err.msg, "a JSON path has at most 1024 bytes");
    for (size_t i = 0; i < 33; i++)
        memcpy(many + 1 + 2 * i, ".a", 3);
    assert_int_equal(agent_path_parse(&arena, many, &path, &at, &err), -1);
    assert_string_equal(err.msg, "a JSON path has at most 32 steps");
    assert_int_equal(at, 65);
    arena_release(&arena);
}

/* Numbers past 64 bits are numbers all the same, and leave others as they are. */
static void test_long_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *usage;
        int64_t in, out;
        bool absurd;
    } cases[] = {
        {"{\"prompt_tokens\":12345678901234567890,\"completion_tokens\":7}", -1, 7, true},
        {"{\"prompt_tokens\":3,\"completion_tokens\":-99999999999999999999999}", 3, -1, true},
        {"{\"prompt_tokens\":3,\"completion_tokens\":1,\"x\":[123456789012345678901.5,"
         "1e30,0.12345678901234567890123,99999999999999999999,\"99999999999999999999\\ud83d\"]}",
         3, 1, false},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct heard h;
        mem_auto char *data = mem_printf("data: {\"choices\":[],\"usage\":%s}\n\n", cases[i].usage);
        hear(&h, "openai", &chat, data);
        assert_int_equal(h.bits, 0);
        assert_int_equal(h.talk.answer.tokens_in, cases[i].in);
        assert_int_equal(h.talk.answer.tokens_out, cases[i].out);
        assert_int_equal(h.talk.answer.absurd, cases[i].absurd);
        heard_release(&h);
    }
}

static void expect_at(const char *text, const char *want)
{
    static const char doc[] =
        "{\"a\":{\"b\":[1,\"two\",{\"c d\":3.5}],\"e.f\":true},\"\\u00e9\":null,"
        "\"big\":12345678901234567890,\"x\":0.1}";
    struct arena arena = {0};
    struct agent_paths paths = {0};
    struct agent_ask ask = {.url = "http://h", .paths = &paths};
    struct err err = {0};
    struct heard h;
    size_t at;
    if (agent_path_parse(&arena, text, &paths.text, &at, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    hear_document(&h, "json", &ask, doc);
    assert_int_equal(h.bits, *want ? AGENT_END | AGENT_TEXT : AGENT_END);
    assert_string_equal(h.talk.answer.text.buf, want);
    heard_release(&h);
    arena_release(&arena);
}

static void test_paths(void **state)
{
    (void)state;
    expect_at("$.a.b[0]", "1");
    expect_at("$.a.b[1]", "two");
    expect_at("$.a.b[2][\"c d\"]", "3.5");
    expect_at("$.a.b[-1]['c d']", "3.5");
    expect_at("$.a.b[#-2]", "two");
    expect_at("$.a.b[-3]", "1");
    expect_at("$.a.b[-4]", "");
    expect_at("$.a.b[3]", "");
    expect_at("$.a[\"e.f\"]", "true");
    expect_at("$.a.\"e.f\"", "true");
    expect_at("$.\xc3\xa9", "");
    expect_at("$.a.b", "[1,\"two\",{\"c d\":3.5}]");
    expect_at("$.nothing.at[1].all", "");
    expect_at("$.a[0]", "");
    expect_at("$.a.b.c", "");
    expect_at("$[0]", "");
    expect_at("$.x", "0.1");
}

/* ---- the table ------------------------------------------------------------------ */

static void test_codecs(void **state)
{
    (void)state;
    for (size_t i = 0; agent_codecs[i]; i++) {
        const struct agent_codec *c = agent_codecs[i];
        assert_ptr_equal(agent_codec_find(c->name), c);
        assert_true(c->help[0] && (c->streams || c->documents));
        assert_non_null(c->next);
        assert_non_null(c->event);
        assert_non_null(c->document);
    }
    assert_null(agent_codec_find("gopher"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_bounded),
        cmocka_unit_test(test_cut_between_characters),
        cmocka_unit_test(test_pieces_are_shown),
        cmocka_unit_test(test_calls_are_bounded),
        cmocka_unit_test(test_first_error_counts),
        cmocka_unit_test(test_tokens_that_cannot_be),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_halves_of_characters),
        cmocka_unit_test(test_long_numbers),
        cmocka_unit_test(test_bad_paths),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_codecs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
