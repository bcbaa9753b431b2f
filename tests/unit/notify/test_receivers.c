/* Requests of receivers: golden ones, and what holds for whatever an alert says.
 * NINES_UPDATE_GOLDEN=1 rewrites the golden file. */
#include "page.h"

#include "base/json.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define SHOWN 1500

static const char *const hostile = "\"quotes' <b>&amp;</b> <!channel> \xf0\x9f\x94\xa5 \\ \x01"
                                   " \xff\xfe \xed\xa0\x80 \xee\x83\xb0 end";

/* 100 KB of emojis, after it a tag. */
static const char *endless(struct arena *a)
{
    char *text = arena_alloc(a, (100 << 10) + 8);
    for (size_t i = 0; i < 100 << 10; i += 4)
        memcpy(text + i, i % 400 ? "\xf0\x9f\x94\xa5" : "<&>\"", 4);
    return text;
}

static struct message message_of(struct arena *a, const char *which)
{
    if (str_eq(which, "resolved"))
        return page_message(a, 1, 0, "api burns", "it was down");
    if (str_eq(which, "many"))
        return page_message(a, 120, 80, "api burns", "it is down");
    if (str_eq(which, "hostile"))
        return page_message(a, 2, 1, hostile, endless(a));
    return page_message(a, 1, 1, "api burns", "it is down\nsince long");
}

static struct outgoing build(struct page *p, const char *const yaml[2], const struct message *m)
{
    struct outgoing out;
    struct err err = {{0}};
    const struct notifier_kind *type = page_kind(yaml[0]);
    assert_non_null(type);
    const void *spec = page_spec(p, type, yaml[1]);
    for (size_t i = 0; i < p->diag.n; i++)
        if (!p->diag.items[i].warning)
            fail_msg("%s: %s", yaml[0], p->diag.items[i].text);
    assert_non_null(spec);
    outgoing_init(&out);
    if (type->build(spec, m, "key-1", &out, &err) < 0)
        fail_msg("%s: %s", yaml[0], err.msg);
    return out;
}

static void show_start(const char *body, size_t n, struct str *out)
{
    str_addc(out, '\n');
    text_cut(body, n, SHOWN, TEXT_BYTES, false, out);
    str_addf(out, "\n[%zu bytes, %016llx]\n\n", n, str_hash(body, n));
}

static void show(const struct outgoing *o, const char *name, const char *which, struct str *out)
{
    const char *headers[OUTGOING_HEADERS_MAX];
    struct http_request r = outgoing_request(o, headers);
    str_addf(out, "== %s, %s\n%s %s\n", name, which, r.method, r.url);
    for (size_t i = 0; i < r.header_count; i++)
        str_addf(out, "%s\n",
                 str_starts(r.headers[i], "User-Agent: nines/") ? "User-Agent: nines/"
                                                                : r.headers[i]);
    if (r.body_len <= SHOWN)
        str_addf(out, "\n%s\n\n", r.body);
    else
        show_start(r.body, r.body_len, out);
}

static void compare(const struct str *got)
{
    const char *path = GOLDEN_DIR "/receivers.txt";
    struct str want;
    char buf[4096];
    size_t n;
    if (getenv("NINES_UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(got->buf, 1, got->len, f), got->len);
        fclose(f);
        return;
    }
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s is missing; NINES_UPDATE_GOLDEN=1 makes it", path);
    str_init(&want, 4 << 20);
    while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
        str_addn(&want, buf, n);
    fclose(f);
    assert_string_equal(got->buf, want.buf);
    str_release(&want);
}

static void test_golden(void **state)
{
    static const char *const whiches[] = {"firing", "resolved", "many", "hostile"};
    struct str got;
    (void)state;
    str_init(&got, 4 << 20);
    for (size_t i = 0; i < PAGE_TYPES; i++) {
        for (size_t k = 0; k < 4; k++) {
            struct page p;
            page_init(&p);
            struct message m = message_of(&p.arena, whiches[k]);
            struct outgoing o = build(&p, page_yaml[i], &m);
            show(&o, page_yaml[i][0], whiches[k], &got);
            outgoing_release(&o);
            page_release(&p);
        }
    }
    assert_false(got.overflow);
    compare(&got);
    str_release(&got);
}

/* UTF-16 units. */
static size_t units(const char *s)
{
    size_t n = 0;
    for (size_t len; *s; s += len) {
        len = json_utf8((const unsigned char *)s, strlen(s));
        assert_true(len > 0);
        n += len == 4 ? 2 : 1;
    }
    return n;
}

static const char *text_at(json_t *doc, const char *a, const char *b)
{
    json_t *at = json_object_get(doc, a);
    if (json_is_array(at))
        at = json_array_get(at, 0);
    const char *text = json_string_value(b ? json_object_get(at, b) : at);
    assert_non_null(text);
    return text;
}

static void says(const char *text, const char *start)
{
    assert_int_equal(strncmp(text, start, strlen(start)), 0);
}

static void ends_cut(const char *text, size_t max)
{
    size_t n = strlen(text);
    assert_true(units(text) <= max);
    assert_true(units(text) + 8 >= max);
    assert_string_equal(text + n - 3, "\xe2\x80\xa6");
}

/* Cut to `max` characters, an escape being one; past `start` nothing is markup. */
static void is_marked_up(const char *text, size_t max, const char *start)
{
    size_t n = units(text);
    assert_int_equal(strncmp(text, start, strlen(start)), 0);
    assert_null(strpbrk(text + strlen(start), "<>"));
    for (const char *at = strchr(text, '&'); at; at = strchr(at + 1, '&')) {
        size_t len = strcspn(at, ";") + 1;
        assert_true((len == 4 && (memcmp(at, "&lt;", 4) == 0 || memcmp(at, "&gt;", 4) == 0)) ||
                    (len == 5 && memcmp(at, "&amp;", 5) == 0) ||
                    (len == 6 && memcmp(at, "&quot;", 6) == 0));
        n -= len - 1;
    }
    assert_true(n <= max && n + 2 >= max);
    assert_string_equal(text + strlen(text) - 3, "\xe2\x80\xa6");
}

/* What comes out is JSON within the service's limits, whatever went in. */
static void test_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAGE_TYPES; i++) {
        struct page p;
        page_init(&p);
        struct message m = page_message(&p.arena, 60, 60, endless(&p.arena), hostile);
        m.truncated = 7;
        struct outgoing o = build(&p, page_yaml[i], &m);
        const char *name = page_yaml[i][0];
        json_t *doc = json_loadb(o.body.buf, o.body.len, 0, NULL);
        if (!doc && !str_eq(name, "alertmanager"))
            fail_msg("%s is no JSON", name);
        if (str_eq(name, "slack")) /* the text is cut before it could say so */
            says(text_at(doc, "attachments", "title"), "Firing (60 and 7 more): ");
        if (str_eq(name, "discord"))
            ends_cut(text_at(doc, "embeds", "description"), 4096);
        else if (str_eq(name, "slack"))
            is_marked_up(text_at(doc, "attachments", "text"), 8000, "<http://e.example|look> ");
        else if (str_eq(name, "telegram"))
            is_marked_up(text_at(doc, "text", NULL), 4096, "");
        else if (str_eq(name, "opsgenie"))
            ends_cut(text_at(doc, "description", NULL), 15000);
        else if (str_eq(name, "pagerduty"))
            assert_true(o.body.len <= 500 << 10);
        else if (str_eq(name, "msteams") || str_eq(name, "msteamsv2"))
            assert_true(o.body.len <= 27 << 10);
        else if (str_eq(name, "ntfy"))
            assert_true(o.body.len <= 8000);
        json_decref(doc);
        outgoing_release(&o);
        page_release(&p);
    }
}

static void cut(const char *text, size_t max, enum text_unit unit, const char *want)
{
    struct str out;
    str_init(&out, 256);
    text_cut(text, strlen(text), max, unit, false, &out);
    assert_string_equal(out.buf, want);
    str_release(&out);
}

#define FIRE "\xf0\x9f\x94\xa5"
#define DOTS "\xe2\x80\xa6"

static void test_cut(void **state)
{
    (void)state;
    cut("abc", 3, TEXT_CHARS, "abc");
    cut("abcd", 3, TEXT_CHARS, "ab" DOTS);
    cut("ab" FIRE, 4, TEXT_CHARS, "ab" FIRE);
    cut("ab" FIRE, 3, TEXT_CHARS, "ab" DOTS);
    cut("a" FIRE "b", 3, TEXT_CHARS, "a" DOTS);
    cut("ab" FIRE, 6, TEXT_BYTES, "ab" FIRE);
    cut("ab" FIRE, 5, TEXT_BYTES, "ab" DOTS);
    cut("a\xff", 2, TEXT_CHARS, "a\xef\xbf\xbd");
    cut("a\xff", 3, TEXT_BYTES, DOTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
