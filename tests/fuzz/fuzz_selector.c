/* Selectors and series. Line 1 is a selector, line 2 a series: what is accepted
 * comes back from its canonical text, and means the same. */
#include "fuzz.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/selector.h"

#include <assert.h>
#include <string.h>

static const struct selector *again(struct arena *a, const struct selector *s)
{
    const struct selector *t = NULL;
    const char *text = selector_text(s);
    if (strlen(text) > SELECTOR_TEXT_MAX)
        return s; /* escapes make it longer */
    int rc = selector_parse(a, text, strlen(text), &t, NULL, NULL);
    assert(rc == 0 && strcmp(selector_text(t), text) == 0);
    assert(str_eq(selector_name(s), selector_name(t)));
    return t;
}

static void back_again(struct arena *a, const struct selector *s, const struct series *parsed,
                       const struct str *text)
{
    struct series back;
    struct str room, out;
    struct err err;
    str_init(&room, text->len);
    str_init(&out, 2048);
    int rc = series_parse(text->buf, text->len, &room, &back, &err);
    assert(rc == 0);
    int matches = s ? selector_matches(s, parsed, &err) : -1;
    if (matches >= 0)
        assert(selector_matches(again(a, s), &back, &err) == matches);
    if (matches == 1)
        assert(selector_matches_name(s, back.name, back.name_len, &err) == 1);
    rc = series_put(&back, &out, &err);
    assert(rc == 0 && str_eq(out.buf, text->buf));
    str_release(&room);
    str_release(&out);
}

static void series(struct arena *a, const struct selector *s, const char *text, size_t n)
{
    struct series parsed;
    struct str room, out;
    struct err err;
    str_init(&room, n + 1);
    str_init(&out, 2048);
    if (series_parse(text, n, &room, &parsed, &err) == 0 && series_put(&parsed, &out, &err) == 0)
        back_again(a, s, &parsed, &out);
    str_release(&room);
    str_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct err err;
    const struct selector *s = NULL;
    const char *text = size ? (const char *)data : "";
    const char *end = memchr(text, '\n', size);
    size_t n = end ? (size_t)(end - text) : size, at = SIZE_MAX;
    if (selector_parse(&a, text, n, &s, &at, &err) == 0) {
        again(&a, s);
        again(&a, selector_rename(&a, s, "name"));
        again(&a, selector_with(&a, s, "le", "0.5"));
    } else {
        assert(at <= n);
        s = NULL;
    }
    if (end)
        series(&a, s, end + 1, size - n - 1);
    arena_release(&a);
    return 0;
}
