/* The picture of an answer, at three widths, from marks made by hand. */
#include "cli/timeline.h"

#include "../cmocka_all.h"
#include "base/mem.h"
#include "base/units.h"
#include "cli/paint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000

static void add(struct timeline *t, enum mark_kind kind, int64_t at_us, const char *name,
                const char *text)
{
    timeline_add(t, &(struct answer_mark){
                        .kind = kind, .at_us = at_us, .name = name, .text = text, .bytes = 10});
}

/* Headers after 300 ms, a token after 900, some more, a stall of 800 ms, the rest. */
static void make_slow(struct timeline *t)
{
    timeline_init(t);
    add(t, MARK_REQUEST, 10, "chat completion", "");
    add(t, MARK_HEADERS, 300 * MS, "200", "");
    add(t, MARK_EVENT, 302 * MS, "", "");
    add(t, MARK_PING, 600 * MS, "", "");
    for (int i = 0; i < 20; i++)
        add(t, MARK_TEXT, (900 + i * i) * MS, "", i == 19 ? " over the" : "word ");
    for (int i = 0; i < 10; i++)
        add(t, MARK_TEXT, (2061 + 20 * i) * MS, "", i ? "word " : " lazy\x1b[2J");
    add(t, MARK_TERMINATOR, 2300 * MS, "", "");
    add(t, MARK_CLOSED, 2301 * MS, "", "");
}

static const struct hop hop = {.url = "http://h/v1",
                               .address = "127.0.0.1:1",
                               .protocol = "HTTP/1.1",
                               .status = 200,
                               .phases = {.connect_us = 1200, .send_us = 90, .wait_us = 298 * MS}};

static char *drawn(const struct timeline *t, bool over, int64_t now_us, int width, bool color)
{
    struct observation obs = {.hops = &hop, .hop_count = 1};
    obs.result.answer.headers_us = t->n != 6; /* of make_unasked */
    struct timeline_view v = {
        .line = t, .obs = over ? &obs : NULL, .now_us = now_us, .color = color, .width = width};
    struct str out;
    str_init(&out, 1 << 16);
    timeline_draw(&v, &out);
    assert_false(out.overflow);
    char *text = str_detach(&out);
    str_release(&out);
    return text;
}

static void check_widths(const char *text, int width)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        mem_auto char *line = mem_strndup(text, n);
        assert_in_range(paint_columns(line), 0, width);
        text += n + (text[n] == '\n');
    }
}

/* Compared with tests/golden/probe/timeline.txt, which NINES_UPDATE_GOLDEN=1 writes. */
static void check_golden(const char *got)
{
    if (getenv("NINES_UPDATE_GOLDEN")) {
        FILE *f = fopen(GOLDEN, "w");
        assert_non_null(f);
        fputs(got, f);
        fclose(f);
        return;
    }
    FILE *f = fopen(GOLDEN, "r");
    assert_non_null(f);
    mem_auto char *want = mem_alloc(1 << 16);
    size_t n = fread(want, 1, (1 << 16) - 1, f);
    fclose(f);
    assert_true(n > 0);
    assert_string_equal(got, want);
}

/* A server with a handshake, reasoning, a tool call, an error at the end and no terminator. */
static void make_odd(struct timeline *t)
{
    timeline_init(t);
    add(t, MARK_REQUEST, 10, "initialize", "");
    add(t, MARK_HEADERS, 40 * MS, "200", "");
    add(t, MARK_PING, 40 * MS, "", "");
    add(t, MARK_TERMINATOR, 41 * MS, "", ""); /* that of the answer is missing */
    add(t, MARK_CLOSED, 41 * MS, "", "");
    add(t, MARK_REQUEST, 41 * MS, "notifications/initialized", "");
    add(t, MARK_HEADERS, 50 * MS, "202", "");
    add(t, MARK_REQUEST, 51 * MS, "tools/call", "");
    add(t, MARK_HEADERS, 90 * MS, "200", "");
    add(t, MARK_REASONING, 120 * MS, "", "hmm");
    add(t, MARK_REASONING, 125 * MS, "", "hmm");
    add(t, MARK_TOOL, 400 * MS, "get_weather", "");
    add(t, MARK_MALFORMED, 500 * MS, "", "");
    add(t, MARK_ERROR, 510 * MS, "", "");
    add(t, MARK_CLOSED, 512 * MS, "", "");
}

/* A list of tools without the one that was to be called. */
static void make_unasked(struct timeline *t)
{
    timeline_init(t);
    add(t, MARK_REQUEST, 10, "initialize", "");
    add(t, MARK_HEADERS, 40 * MS, "200", "");
    add(t, MARK_REQUEST, 51 * MS, "tools/list", "");
    add(t, MARK_HEADERS, 90 * MS, "200", "");
    add(t, MARK_TERMINATOR, 91 * MS, "", "");
    add(t, MARK_CLOSED, 92 * MS, "", "");
}

static void put(struct str *out, const char *title, const struct timeline *t, bool over,
                int64_t now_us, int width)
{
    mem_auto char *got = drawn(t, over, now_us, width, false);
    check_widths(got, width);
    str_addf(out, "---- %s, %d columns\n%s\n", title, width, got);
}

static void test_golden(void **state)
{
    (void)state;
    static const int widths[] = {40, 60, 80, 120};
    struct timeline slow, odd, empty, unasked;
    struct str out;
    str_init(&out, 1 << 16);
    make_slow(&slow);
    make_odd(&odd);
    make_unasked(&unasked);
    timeline_init(&empty);
    add(&empty, MARK_REQUEST, 10, "chat completion", "");
    for (size_t i = 0; i < countof(widths); i++)
        put(&out, "a stall", &slow, true, 2310 * MS, widths[i]);
    put(&out, "a handshake and an error", &odd, true, 512 * MS, 80);
    put(&out, "never asked", &unasked, true, 93 * MS, 80);
    put(&out, "no headers", &empty, true, 10000 * MS, 80);
    put(&out, "under way", &empty, false, 1234 * MS, 80);
    slow.n -= 12; /* in the middle of the stall */
    slow.count[MARK_TEXT] = 20;
    slow.count[MARK_TERMINATOR] = slow.count[MARK_CLOSED] = 0;
    slow.last_us[MARK_TEXT] = 1261 * MS;
    put(&out, "under way, stalled", &slow, false, 1900 * MS, 80);
    check_golden(out.buf);
    str_release(&out);
    timeline_release(&slow);
    timeline_release(&odd);
    timeline_release(&empty);
    timeline_release(&unasked);
}

/* Colours change no text, and no stranger's text gets through to the terminal. */
static void test_colors(void **state)
{
    (void)state;
    struct timeline t;
    make_slow(&t);
    mem_auto char *plain = drawn(&t, true, 2310 * MS, 80, false);
    mem_auto char *colored = drawn(&t, true, 2310 * MS, 80, true);
    assert_null(strchr(plain, '\033'));
    assert_null(strstr(colored, "\033[2J"));
    char *to = colored;
    for (const char *from = colored; *from;) {
        if (*from == '\033')
            from = strchr(from, 'm') + 1;
        else
            *to++ = *from++;
    }
    *to = '\0';
    assert_string_equal(colored, plain);
    timeline_release(&t);
}

/* Marks beyond the bound are counted, and the picture is still right about its end. */
static void test_more_marks_than_are_kept(void **state)
{
    (void)state;
    struct timeline t;
    timeline_init(&t);
    add(&t, MARK_REQUEST, 1, "x", "");
    add(&t, MARK_HEADERS, 2, "200", "");
    for (int i = 0; i < TIMELINE_MARKS + 98; i++)
        add(&t, MARK_TEXT, 1000 + i, "", "0123456789012345678901234567890123456789");
    add(&t, MARK_TERMINATOR, 200 * MS, "", "");
    assert_int_equal(t.n, TIMELINE_MARKS);
    assert_int_equal(t.dropped, 101);
    assert_int_equal(t.count[MARK_TEXT], TIMELINE_MARKS + 98);
    assert_true(t.text_bytes <= TIMELINE_TEXT);
    mem_auto char *got = drawn(&t, true, 201 * MS, 80, false);
    assert_non_null(strstr(got, "end           200ms"));
    assert_non_null(strstr(got, "text          50098"));
    timeline_release(&t);
}

static void test_the_gap_goes_to_the_end(void **state)
{
    (void)state;
    struct timeline t;
    struct timeline_gap gap;
    timeline_init(&t);
    assert_false(timeline_gap(&t, 100, &gap));
    add(&t, MARK_REQUEST, 1, "x", "");
    add(&t, MARK_HEADERS, 10, "200", "");
    assert_false(timeline_gap(&t, 1000, &gap)); /* no piece yet */
    add(&t, MARK_TEXT, 1000, "", "a");
    add(&t, MARK_PING, 2000, "", "");
    add(&t, MARK_TEXT, 3000, "", "b");
    add(&t, MARK_EVENT, 4000, "usage", "");
    assert_true(timeline_gap(&t, 9000, &gap));
    assert_int_equal(gap.from_us, 3000);
    assert_int_equal(gap.to_us, 9000);
    assert_int_equal(gap.after, t.n);
    add(&t, MARK_TERMINATOR, 4500, "", "");
    assert_true(timeline_gap(&t, 9000, &gap));
    assert_int_equal(gap.from_us, 1000);
    assert_int_equal(gap.to_us, 3000);
    timeline_release(&t);
}

static void test_the_axis_grows_in_steps(void **state)
{
    (void)state;
    static const int64_t cases[][2] = {{0, 1000 * MS},          {999 * MS, 1000 * MS},
                                       {1000 * MS, 2000 * MS},  {4999 * MS, 5000 * MS},
                                       {5000 * MS, 10000 * MS}, {61000 * MS, 100000 * MS}};
    struct timeline t;
    timeline_init(&t);
    for (size_t i = 0; i < countof(cases); i++) {
        struct timeline_view v = {.line = &t, .now_us = cases[i][0]};
        assert_int_equal(timeline_axis_us(&v), cases[i][1]);
    }
    timeline_release(&t);
}

static void test_no_phase_is_shorter_than_nothing(void **state)
{
    (void)state;
    struct timeline t;
    timeline_init(&t);
    add(&t, MARK_REQUEST, 0, "x", "");
    add(&t, MARK_HEADERS, 1000, "200", ""); /* before all of the request was out */
    add(&t, MARK_TEXT, 1500, "", "a");
    add(&t, MARK_CLOSED, 2000, "", "");
    mem_auto char *got = drawn(&t, true, 2000, 80, false);
    assert_non_null(strstr(got, "headers         0us"));
    assert_null(strstr(got, "-"));
    timeline_release(&t);
}

static void check_clean(const char *text, int columns, const char *front, const char *end)
{
    struct str out;
    str_init(&out, 256);
    assert_in_range(paint_clean(&out, text, strlen(text), columns), 0, columns);
    assert_string_equal(out.buf, front);
    str_clear(&out);
    assert_in_range(paint_clean_end(&out, text, strlen(text), columns), 0, columns);
    assert_string_equal(out.buf, end);
    str_release(&out);
}

static void test_text_of_strangers(void **state)
{
    (void)state;
    check_clean("abc", 3, "abc", "abc");
    check_clean("abcd", 3, "ab\u2026", "\u2026cd");
    check_clean("a\033[2Jb\n", 10, "a?[2Jb ", "a?[2Jb ");
    check_clean("\xc2\x9b\xe2\x80\xae\xff", 5, "???", "???");
    check_clean("\u4e16\u754c\u4eba", 5, "\u4e16\u754c\u2026", "\u2026\u754c\u4eba");
    check_clean("\u4e16\u754c\u4eba", 6, "\u4e16\u754c\u4eba", "\u4e16\u754c\u4eba");
    check_clean("", 5, "", "");
    check_clean("abc", 0, "", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_colors),
        cmocka_unit_test(test_more_marks_than_are_kept),
        cmocka_unit_test(test_the_gap_goes_to_the_end),
        cmocka_unit_test(test_the_axis_grows_in_steps),
        cmocka_unit_test(test_no_phase_is_shorter_than_nothing),
        cmocka_unit_test(test_text_of_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
