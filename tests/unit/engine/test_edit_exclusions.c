/* Requests to exclude: what is taken, what is refused, and one that comes too late. */
#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/edit.h"
#include "nines/store.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct place {
    char dir[64], path[96];
    struct store *store;
};

static int setup(void **state)
{
    struct place *p = mem_alloc(sizeof(*p));
    struct err err;
    str_copy(p->dir, sizeof(p->dir), "/tmp/nines-edit-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof(p->path), "%s/nines.db", p->dir);
    struct store_options o = {.path = p->path};
    if (store_open(&o, &p->store, &err) < 0)
        fail_msg("%s", err.msg);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    glob_t files;
    mem_auto char *pattern = mem_printf("%s/*", p->dir);
    assert_int_equal(store_close(p->store, 20000000, NULL), 0);
    if (glob(pattern, 0, NULL, &files) == 0)
        for (size_t i = 0; i < files.gl_pathc; i++)
            unlink(files.gl_pathv[i]);
    globfree(&files);
    rmdir(p->dir);
    free(p);
    return 0;
}

#define GOOD                                                                                       \
    "{\"do\":\"exclude\",\"seen\":%d,\"mode\":\"drop\",\"from_us\":1764000000000000,"              \
    "\"to_us\":1764003600000000,\"rrule\":\"\",\"timezone\":\"UTC\",\"slos\":[\"a\"],"             \
    "\"service\":\"\",\"labels\":{\"k\":\"v\"},\"reason\":\"r\",\"author\":\"me\","                \
    "\"created_us\":1764000000000000}"

/* Runs it; NULL: it is fine. */
static void expect(struct place *p, const char *request, const char *answer, bool excluding,
                   const char *error)
{
    struct str out;
    struct err err;
    struct edit_place place = {.store = p->store, .database = p->path, .now_us = 1};
    str_init(&out, 4096);
    int rc = edit_run(&place, request, strlen(request), &out, &err);
    if (error && (rc == 0 || !strstr(err.msg, error)))
        fail_msg("%s: expected '%s'; found '%s'", request, error, rc < 0 ? err.msg : out.buf);
    if (!error && rc < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(out.buf, error ? "" : answer);
    assert_false(place.silencing);
    assert_int_equal(place.excluding, !error && excluding);
    str_release(&out);
}

static void expect_good(struct place *p, int seen, const char *answer)
{
    mem_auto char *request = mem_printf(GOOD, seen);
    expect(p, request, answer, true, NULL);
}

static void added_and_removed(void **state)
{
    struct place *p = *state;
    expect_good(p, 0, "{\"id\":1}\n");
    expect_good(p, 1, "{\"id\":2}\n");
    expect(p, "{\"do\":\"forget_exclusion\",\"id\":1,\"at_us\":1,\"by\":\"you\"}", "{}\n", true,
           NULL);
    expect(p, "{\"do\":\"forget_exclusion\",\"id\":1,\"at_us\":2,\"by\":\"you\"}", NULL, false,
           "exclusion 1 was removed at 1970-01-01T00:00:00.000001Z by you");
    expect(p, "{\"do\":\"forget_exclusion\",\"id\":3,\"at_us\":2,\"by\":\"you\"}", NULL, false,
           "there is no exclusion 3");
    expect_good(p, 2, "{\"id\":3}\n"); /* also after a removal */
    expect(p, "{\"do\":\"annotate\",\"at_us\":1,\"kind\":\"note\",\"probe\":\"\",\"text\":\"t\"}",
           "{}\n", false, NULL);
}

/* Overlaps were looked for among those that were there then. */
static void too_late(void **state)
{
    struct place *p = *state;
    expect_good(p, 0, "{\"id\":1}\n");
    mem_auto char *request = mem_printf(GOOD, 0);
    expect(p, request, NULL, false, "another exclusion was added at the same time");
}

static void refused(void **state)
{
    /* What takes the place of what in a good one. */
    static const struct {
        const char *from, *to, *why;
    } cases[] = {
        {"\"drop\"", "\"skip\"", "the mode is drop or count_good; found 'skip'"},
        {"1764003600000000", "1764000000000000", "it must end after it begins"},
        {"1764003600000000", "1764000000000001", "whole minutes"},
        {"\"UTC\"", "\"Moon\"", "unknown time zone 'Moon'"},
        {"\"rrule\":\"\"", "\"rrule\":\"FREQ=X\"", "FREQ: expected"},
        {"[\"a\"]", "[\"\"]", "slos: expected names"},
        {"[\"a\"]", "[1]", "slos: expected names"},
        {"[\"a\"]", "\"a\"", "slos: expected up to 1000 names"},
        {"[\"a\"]", "[\"a\\nb\"]", "slos: must be one line"},
        {"{\"k\":\"v\"}", "{\"k=\":\"v\"}", "labels: expected names with their values"},
        {"{\"k\":\"v\"}", "{\"k\":1}", "labels: expected names with their values"},
        {"{\"k\":\"v\"}", "[]", "labels: expected up to 1000 of them"},
        {"\"service\":\"\"", "\"service\":\"a\\tb\"", "service: must be one line"},
        {"\"me\"", "\"m\\ne\"", "author: must be one line"},
        {"\"reason\":\"r\",", "", "exclude: "},
        {"\"created_us\":1764000000000000", "\"created_us\":-1", "the time of making"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        mem_auto char *good = mem_printf(GOOD, 0);
        char *at = strstr(good, cases[i].from);
        assert_non_null(at);
        mem_auto char *bad =
            mem_printf("%.*s%s%s", (int)(at - good), good, cases[i].to, at + strlen(cases[i].from));
        expect(*state, bad, NULL, false, cases[i].why);
    }
    expect(*state, "{\"do\":\"forget_exclusion\",\"id\":1,\"at_us\":0,\"by\":\"\"}", NULL, false,
           "the time is out of range");
    expect(*state, "{\"do\":\"forget_exclusion\",\"id\":1}", NULL, false, "forget_exclusion: ");
    expect_good(*state, 0, "{\"id\":1}\n"); /* none of them came through */
}

static void too_long(void **state)
{
    mem_auto char *good = mem_printf(GOOD, 0);
    mem_auto char *long_one = mem_printf("%s%*s", good, EDIT_REQUEST_MAX, "");
    expect(*state, long_one, NULL, false, "a request has 65536 bytes at most");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(added_and_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(too_late, setup, teardown),
        cmocka_unit_test_setup_teardown(refused, setup, teardown),
        cmocka_unit_test_setup_teardown(too_long, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
