/* Silences by request: what is taken, what is refused, and what is known of them then. */
#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "engine/edit.h"
#include "engine/silencing.h"
#include "nines/store.h"
#include "nines/store_reader.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOW (1764000000 * USEC_PER_SEC)

struct place {
    char dir[64], path[96];
    struct edit_place edit;
};

static int setup(void **state)
{
    struct place *p = mem_alloc(sizeof(*p));
    struct err err;
    str_copy(p->dir, sizeof(p->dir), "/tmp/nines-edit-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof(p->path), "%s/nines.db", p->dir);
    struct store_options o = {.path = p->path};
    if (store_open(&o, &p->edit.store, &err) < 0)
        fail_msg("%s", err.msg);
    p->edit.database = p->path;
    p->edit.now_us = NOW + 250000;
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    glob_t files;
    mem_auto char *pattern = mem_printf("%s/*", p->dir);
    assert_int_equal(store_close(p->edit.store, 20000000, NULL), 0);
    if (glob(pattern, 0, NULL, &files) == 0)
        for (size_t i = 0; i < files.gl_pathc; i++)
            unlink(files.gl_pathv[i]);
    globfree(&files);
    rmdir(p->dir);
    free(p);
    return 0;
}

/* Runs it; `error` NULL: it is fine, and silences are others. */
static void expect(struct place *p, const char *request, const char *answer, const char *error)
{
    struct str out;
    struct err err;
    str_init(&out, 4096);
    p->edit.silencing = p->edit.excluding = true;
    int rc = edit_run(&p->edit, request, strlen(request), &out, &err);
    if (error && (rc == 0 || !strstr(err.msg, error)))
        fail_msg("%s: expected '%s'; found '%s'", request, error, rc < 0 ? err.msg : out.buf);
    if (!error && rc < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(out.buf, error ? "" : answer);
    assert_int_equal(p->edit.silencing, !error);
    assert_false(p->edit.excluding);
    str_release(&out);
}

static void read_all(const struct place *p, struct silencing *ret)
{
    struct store_reader *r;
    struct err err;
    if (store_reader_open(p->path, &r, &err) < 0 || silencing_read(r, ret, &err) < 0)
        fail_msg("%s", err.msg);
    store_reader_free(r);
}

#define ADD(matchers, from, to, length)                                                            \
    "{\"do\":\"silence\",\"matchers\":\"" matchers "\",\"from_us\":" from ",\"to_us\":" to         \
    ",\"for_us\":" length ",\"author\":\"me\",\"comment\":\"works\"}"

/* Of a time that is past or 0 it begins now, in whole seconds. */
static void added(void **state)
{
    struct place *p = *state;
    expect(p, ADD("a=1", "0", "0", "60000000"),
           "{\"id\":1,\"starts_us\":1764000000000000,\"ends_us\":1764000060000000}\n", NULL);
    expect(p, ADD("b=1,c=~x|y", "1763999990000000", "0", "60000000"),
           "{\"id\":2,\"starts_us\":1764000000000000,\"ends_us\":1764000050000000}\n", NULL);
    expect(p, ADD("d!=1,e=1", "1764000100000000", "1764000200500000", "0"),
           "{\"id\":3,\"starts_us\":1764000100000000,\"ends_us\":1764000200500000}\n", NULL);
    struct silencing known;
    read_all(p, &known);
    assert_int_equal(known.silence_count, 3);
    assert_int_equal(known.alert_count, 0);
    assert_string_equal(silencing_get(&known, 2)->matchers, "b=\"1\",c=~\"x|y\"");
    assert_string_equal(silencing_get(&known, 2)->silence->comment, "works");
    assert_null(silencing_get(&known, 4));
    assert_int_equal(silence_state(silencing_get(&known, 1)->silence, NOW), SILENCE_ACTIVE);
    assert_int_equal(silence_state(silencing_get(&known, 3)->silence, NOW), SILENCE_PENDING);
    struct pair pairs[] = {{.key = "b", .value = "1"}, {.key = "c", .value = "y"}};
    const struct string_map labels = {pairs, 2};
    assert_int_equal(silencing_find(&known, &labels, NOW)->id, 2);
    assert_null(silencing_find(&known, &labels, NOW - 1));
    silencing_release(&known);
}

static void expired(void **state)
{
    struct place *p = *state;
    for (int i = 1; i <= 3; i++) {
        mem_auto char *answer = mem_printf(
            "{\"id\":%d,\"starts_us\":1764000000000000,\"ends_us\":1764000060000000}\n", i);
        expect(p, ADD("a=1", "0", "0", "60000000"), answer, NULL);
    }
    p->edit.now_us = NOW + 30 * USEC_PER_SEC;
    expect(p, "{\"do\":\"expire_silences\",\"ids\":[1,3],\"by\":\"you\"}", "{}\n", NULL);
    /* All that is wrong is told, and 2 stays. */
    expect(p, "{\"do\":\"expire_silences\",\"ids\":[1,2,9],\"by\":\"you\"}", NULL,
           "silence 1 was expired at 2025-11-24T16:00:30Z by you; there is no silence 9");
    struct silencing known;
    read_all(p, &known);
    assert_int_equal(silencing_get(&known, 1)->silence->ends_us, NOW + 30 * USEC_PER_SEC);
    assert_int_equal(silencing_get(&known, 2)->silence->ends_us, NOW + 60 * USEC_PER_SEC);
    assert_int_equal(silencing_get(&known, 3)->silence->ends_us, NOW + 30 * USEC_PER_SEC);
    silencing_release(&known);
    p->edit.now_us = NOW + 60 * USEC_PER_SEC;
    expect(p, "{\"do\":\"expire_silences\",\"ids\":[2],\"by\":\"you\"}", NULL,
           "silence 2 ended at 2025-11-24T16:01:00Z");
}

static void replaced(void **state)
{
    struct place *p = *state;
    expect(p, ADD("a=1", "0", "0", "60000000"),
           "{\"id\":1,\"starts_us\":1764000000000000,\"ends_us\":1764000060000000}\n", NULL);
    expect(p,
           "{\"do\":\"silence\",\"matchers\":\"a=1\",\"from_us\":0,\"to_us\":1764000090000000,"
           "\"for_us\":0,\"author\":\"me\",\"comment\":\"longer\",\"replaces\":1}",
           "{\"id\":2,\"starts_us\":1764000000000000,\"ends_us\":1764000090000000}\n", NULL);
    expect(p,
           "{\"do\":\"silence\",\"matchers\":\"a=1\",\"from_us\":0,\"to_us\":1764000090000000,"
           "\"for_us\":0,\"author\":\"me\",\"comment\":\"longer\",\"replaces\":1}",
           NULL, "silence 1 was expired at 2025-11-24T16:00:00Z by me");
    struct silencing known;
    read_all(p, &known);
    assert_int_equal(known.silence_count, 2);
    silencing_release(&known);
}

static void refused(void **state)
{
    static const struct {
        const char *request, *why;
    } cases[] = {
        {ADD("", "0", "0", "60000000"), "this would silence everything"},
        {ADD("a=~.*", "0", "0", "60000000"), "this would silence everything"},
        {ADD("a=~(", "0", "0", "60000000"), "the matchers, at byte "},
        {ADD("a=1", "0", "0", "0"), "no later than it starts"},
        {ADD("a=1", "1764000100000000", "1764000100000000", "0"), "no later than it starts"},
        {ADD("a=1", "0", "1764000000250000", "0"), "it would have ended already, at 2025"},
        {ADD("a=1", "1763999900000000", "0", "60000000"), "it would have ended already"},
        {ADD("a=1", "-1", "0", "60000000"), "the time is out of range"},
        {ADD("a=1", "0", "0", "253402300799000000"), "the time is out of range"},
        {ADD("a=1", "0", "253402300800000000", "0"), "the time is out of range"},
        {"{\"do\":\"silence\",\"matchers\":\"a=1\"}", "silence: "},
        {"{\"do\":\"silence\",\"matchers\":\"a=1\",\"from_us\":0,\"to_us\":0,\"for_us\":60000000,"
         "\"author\":\"m\\ne\",\"comment\":\"c\"}",
         "the author must be one line"},
        {"{\"do\":\"silence\",\"matchers\":\"a=1\",\"from_us\":0,\"to_us\":0,\"for_us\":60000000,"
         "\"author\":\"me\",\"comment\":\"c\\u001b\"}",
         "the comment must be one line"},
        {"{\"do\":\"silence\",\"matchers\":\"a=1\",\"from_us\":0,\"to_us\":0,\"for_us\":60000000,"
         "\"author\":\"me\",\"comment\":\"\"}",
         "a silence has a comment"},
        {"{\"do\":\"silence\",\"matchers\":\"a=1\",\"from_us\":0,\"to_us\":0,\"for_us\":60000000,"
         "\"author\":\"\",\"comment\":\"c\"}",
         "a silence has an author"},
        {"{\"do\":\"silence\",\"matchers\":\"a=1\",\"from_us\":0,\"to_us\":0,\"for_us\":60000000,"
         "\"author\":\"me\",\"comment\":\"c\",\"replaces\":4}",
         "there is no silence 4"},
        {"{\"do\":\"expire_silences\",\"ids\":[],\"by\":\"me\"}", "expected numbers of silences"},
        {"{\"do\":\"expire_silences\",\"ids\":[\"1\"],\"by\":\"me\"}",
         "expected numbers of silences"},
        {"{\"do\":\"expire_silences\",\"ids\":[1],\"by\":\"m\\te\"}",
         "the author must be one line"},
        {"{\"do\":\"expire_silences\",\"ids\":[1]}", "expire_silences: "},
    };
    for (size_t i = 0; i < countof(cases); i++)
        expect(*state, cases[i].request, NULL, cases[i].why);
    struct silencing known;
    read_all(*state, &known);
    assert_int_equal(known.silence_count, 0);
    silencing_release(&known);
}

/* What fires of the alerts that are kept. */
static void alerts(void **state)
{
    struct place *p = *state;
    static const char *const labels[] = {"{\"alertname\":\"x\",\"slo\":\"a\"}",
                                         "{\"alertname\":\"y\",\"slo\":\"a\"}",
                                         "{\"alertname\":\"z\",\"slo\":\"b\"}"};
    for (int i = 0; i < 3; i++) {
        mem_auto char *text = mem_printf(
            "{\"status\":\"%s\",\"labels\":%s,\"annotations\":{},\"startsAt\":"
            "\"2025-11-24T15:0%d:00Z\",\"endsAt\":\"2025-11-24T15:30:00Z\",\"generatorURL\":\"\"}",
            i == 2 ? "resolved" : "firing", labels[i], 5 - i);
        const char print[] = {'0', (char)('0' + i), '\0'};
        struct told_alert told = {.fingerprint = print, .alert = text, .at_us = NOW};
        struct dispatch_row row = {.kind = DISPATCH_ALERT, .alert = &told};
        store_push_dispatch(p->edit.store, &row, 1);
    }
    expect(p, ADD("alertname=x", "0", "0", "60000000"),
           "{\"id\":1,\"starts_us\":1764000000000000,\"ends_us\":1764000060000000}\n", NULL);
    expect(p, ADD("slo=~a|b", "1764000010000000", "0", "60000000"),
           "{\"id\":2,\"starts_us\":1764000010000000,\"ends_us\":1764000070000000}\n", NULL);
    struct silencing known;
    struct str out;
    str_init(&out, 4096);
    read_all(p, &known);
    assert_int_equal(known.alert_count, 2); /* by start */
    silencing_put_map(&known.alerts[0].labels, &out);
    assert_string_equal(out.buf, labels[1]);
    assert_int_equal(silencing_count(&known, &known.silences[0].silence->matchers), 1);
    assert_int_equal(silencing_count(&known, &known.silences[1].silence->matchers), 2);
    assert_null(silencing_find(&known, &known.alerts[0].labels, NOW));
    assert_int_equal(silencing_find(&known, &known.alerts[1].labels, NOW)->id, 1);
    str_clear(&out);
    silencing_put_json(&known.silences[1], NOW, &out);
    assert_string_equal(
        out.buf, "\"id\":\"2\",\"status\":{\"state\":\"pending\"},\"matchers\":[{\"isEqual\":"
                 "true,\"isRegex\":true,\"name\":\"slo\",\"value\":\"a|b\"}],\"startsAt\":"
                 "\"2025-11-24T16:00:10Z\",\"endsAt\":\"2025-11-24T16:01:10Z\",\"updatedAt\":"
                 "\"2025-11-24T16:00:00.250Z\",\"createdBy\":\"me\",\"comment\":\"works\"");
    str_release(&out);
    silencing_release(&known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(added, setup, teardown),
        cmocka_unit_test_setup_teardown(expired, setup, teardown),
        cmocka_unit_test_setup_teardown(replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(refused, setup, teardown),
        cmocka_unit_test_setup_teardown(alerts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
