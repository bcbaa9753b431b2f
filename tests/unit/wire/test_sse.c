/* Streams of events: what the standard says of them, cut anywhere, and their bounds. */
#include "wire/sse.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct log {
    struct str text;
    size_t left; /* events until it is enough */
    size_t bytes;
};

static bool write_down(void *ctx, const struct sse_event *e)
{
    static const char *const what[] = {"event", "comment", "malformed"};
    struct log *log = ctx;
    assert_int_equal(strlen(e->data), e->data_len);
    str_addf(&log->text, "%s %s[%s]\n", what[e->what], e->name, e->data);
    log->bytes += e->bytes;
    return --log->left > 0;
}

static void run(struct log *log, const char *stream, size_t n, size_t piece, bool *ret_open)
{
    *log = (struct log){.left = SIZE_MAX};
    str_init(&log->text, 8 << 20);
    struct sse *s = sse_new(write_down, log);
    for (size_t i = 0; i < n; i += piece)
        assert_true(sse_feed(s, stream + i, n - i < piece ? n - i : piece));
    *ret_open = sse_open(s);
    sse_free(s);
}

static void expect_n(const char *stream, size_t n, const char *want, bool open)
{
    for (size_t piece = 1; piece <= n + 1; piece++) {
        struct log log;
        bool is_open;
        run(&log, stream, n, piece, &is_open);
        assert_string_equal(log.text.buf, want);
        assert_int_equal(is_open, open);
        str_release(&log.text);
    }
}

static void expect(const char *stream, const char *want, bool open)
{
    expect_n(stream, strlen(stream), want, open);
}

static void test_lines(void **state)
{
    (void)state;
    expect("data: a\n\n", "event message[a]\n", false);
    expect("data: a\r\n\r\n", "event message[a]\n", false);
    expect("data: a\r\r", "event message[a]\n", false);
    expect("data: a\r\n\r\ndata: b\r\rdata: c\n\n",
           "event message[a]\nevent message[b]\nevent message[c]\n", false);
    expect("data:a\ndata: b\ndata\ndata:  c\n\n", "event message[a\nb\n\n c]\n", false);
    expect("\xef\xbb\xbf"
           "data: a\n\n",
           "event message[a]\n", false);
    expect("data: a\n\n\xef\xbb\xbf"
           "data: b\n\n",
           "event message[a]\n", false); /* a field of another name */
    expect("", "", false);
    expect("\n\n\n", "", false);
}

static void test_fields(void **state)
{
    (void)state;
    expect("event: done\ndata: x\n\ndata: y\n\n", "event done[x]\nevent message[y]\n", false);
    expect("event: a\nevent: b\ndata: x\n\n", "event b[x]\n", false);
    expect("event: a\n\ndata: x\n\n", "event message[x]\n", false); /* no data, no event */
    expect("data\n\n", "event message[]\n", false);
    expect("data:\ndata:\n\n", "event message[\n]\n", false);
    expect("id: 1\nretry: 5\nDATA: x\n data: y\n\n", "", false);
    expect(": hello\n\n:\n: a\ndata: x\n: b\n\n",
           "comment [hello]\ncomment []\ncomment [a]\ncomment [b]\nevent message[x]\n", false);
}

static void test_ends(void **state)
{
    (void)state;
    expect("data: a", "", true);
    expect("data: a\n", "", true);
    expect("event: a\n", "", true);
    expect(": ping\n", "comment [ping]\n", false);
    expect(": ping", "", true);
    expect("data: a\n\r", "event message[a]\n", false);
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    expect("data: \xe2\x82\xac \xf0\x9f\x98\x80\n\n",
           "event message[\xe2\x82\xac "
           "\xf0\x9f\x98\x80]\n",
           false);
    expect("data: a\xff"
           "b\xe2\x82\n\n",
           "event message[a\xef\xbf\xbd"
           "b\xef\xbf\xbd\xef\xbf\xbd]\n",
           false);
    static const char nul[] = "data: a\0b\nevent: \0\n\n";
    expect_n(nul, sizeof(nul) - 1,
             "event \xef\xbf\xbd[a\xef\xbf\xbd"
             "b]\n",
             false);
    expect("event: a\tb\ndata: x\n\n", "event a b[x]\n", false);
}

static void test_bytes_add_up(void **state)
{
    (void)state;
    static const char stream[] = ": c\r\ndata: a\r\n\r\nevent: x\r\ndata: b\r\n\r\n: d\r\n";
    for (size_t piece = 1; piece < sizeof(stream); piece++) {
        struct log log;
        bool open;
        run(&log, stream, sizeof(stream) - 1, piece, &open);
        assert_int_equal(log.bytes, sizeof(stream) - 2); /* the last LF is of what follows */
        str_release(&log.text);
    }
}

static void test_enough(void **state)
{
    (void)state;
    struct log log = {.left = 2};
    str_init(&log.text, 1 << 10);
    struct sse *s = sse_new(write_down, &log);
    static const char stream[] = "data: a\n\ndata: b\n\ndata: c\n\n";
    assert_false(sse_feed(s, stream, sizeof(stream) - 1));
    assert_false(sse_feed(s, stream, sizeof(stream) - 1));
    assert_string_equal(log.text.buf, "event message[a]\nevent message[b]\n");
    sse_free(s);
    str_release(&log.text);
}

/* A line of n bytes between two events, in pieces. */
static char *long_line(size_t n, const char *behind, size_t *ret_len)
{
    struct str s;
    str_init(&s, 8 << 20);
    str_add(&s, "data: a\n\n");
    size_t at = s.len;
    str_add(&s, "data:");
    while (s.len - at < n)
        str_addc(&s, 'x');
    str_add(&s, behind);
    *ret_len = s.len;
    char *line = str_detach(&s);
    str_release(&s);
    return line;
}

static void expect_long(size_t n, const char *behind, const char *want, size_t want_len)
{
    static const size_t pieces[] = {1, 4096, 1 << 20, SIZE_MAX / 2};
    for (size_t i = 0; i < countof(pieces); i++) {
        struct log log;
        bool open;
        size_t len;
        mem_auto char *stream = long_line(n, behind, &len);
        run(&log, stream, len, pieces[i], &open);
        assert_int_equal(log.text.len, want_len);
        assert_string_equal(log.text.buf + (want_len > 200 ? want_len - 20 : 0), want);
        assert_false(open);
        str_release(&log.text);
    }
}

static void test_long_lines(void **state)
{
    (void)state;
    /* As long as a line may be; then one more, told once, and what follows is fine. */
    expect_long(SSE_LINE_MAX, "\n\n", "xxxxxxxxxxxxxxxxxx]\n", 17 + 14 + SSE_LINE_MAX - 5 + 2);
    static const char told[] = "event message[a]\nmalformed [a line of more than 128 KiB]\n"
                               "event message[b]\n";
    expect_long(SSE_LINE_MAX + 1, "\n\ndata: b\n\n", told, sizeof(told) - 1);
    expect_long(3 * SSE_LINE_MAX, "\ndata: c\n\ndata: b\n\n", told, sizeof(told) - 1);
}

/* An event that never ends takes no more memory than it may, and is told at once. */
static void test_endless_event(void **state)
{
    (void)state;
    struct log log = {.left = SIZE_MAX};
    str_init(&log.text, 1 << 20);
    struct sse *s = sse_new(write_down, &log);
    for (size_t i = 0; i < 3 * SSE_DATA_MAX / 8; i++)
        assert_true(sse_feed(s, "data: xxxxxxx\n", 14));
    assert_string_equal(log.text.buf, "malformed [an event of more than 128 KiB of data]\n");
    assert_true(sse_open(s));
    assert_true(sse_feed(s, "\ndata: b\n\n", 10));
    assert_string_equal(log.text.buf, "malformed [an event of more than 128 KiB of data]\n"
                                      "event message[b]\n");
    sse_free(s);
    str_release(&log.text);
}

/* The data of an event may be as long as it says, to the byte. */
static void test_data_max(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct log log = {.left = SIZE_MAX};
        str_init(&log.text, 4 << 20);
        struct sse *s = sse_new(write_down, &log);
        size_t half = SSE_DATA_MAX / 2;
        mem_auto char *line = mem_alloc(half + 16);
        memset(line, 'x', half + 16);
        memcpy(line, "data:", 5);
        sse_feed(s, line, 5 + half); /* half of them, the LF between, and the rest */
        sse_feed(s, "\n", 1);
        sse_feed(s, line, 5 + half - 1 + more);
        sse_feed(s, "\n\n", 2);
        assert_int_equal(strncmp(log.text.buf, more ? "malformed" : "event", 5), 0);
        sse_free(s);
        str_release(&log.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_ends),         cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_bytes_add_up), cmocka_unit_test(test_enough),
        cmocka_unit_test(test_long_lines),   cmocka_unit_test(test_endless_event),
        cmocka_unit_test(test_data_max),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
