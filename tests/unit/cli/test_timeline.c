/* The picture of an answer, at three widths, from marks made by hand. */
#include "cli/timeline.h"

#include "../cmocka_all.h"
#include "base/mem.h"
#include "base/units.h"
#include "cli/paint.h"

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
    struct timeline_view v = {
        .line = t, .obs = over ? &obs : NULL, .now_us = now_us, .color = color, .width = width};
    struct str out;
    str_init(&out, 1 << 16);
    timeline_draw(&v, &out);
    assert_false(out.overflow);
    return str_detach(&out);
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

static void test_golden(void **state)
{
    (void)state;
    struct timeline t;
    make_slow(&t);
    for (int width = 60; width <= 120; width += width == 60 ? 20 : 40) {
        mem_auto char *got = drawn(&t, true, 2310 * MS, width, false);
        check_widths(got, width);
        print_message("%s\n", got);
    }
    mem_auto char *live = drawn(&t, false, 4310 * MS, 80, false);
    print_message("%s\n", live);
    timeline_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
