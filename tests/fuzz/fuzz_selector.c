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

static void series(struct arena *a, const struct selector *s, const char *text, size_t n)
{
    struct series parsed, back;
    struct str room, more, out;
    struct err err;
    str_init(&room, n + 1);
    str_init(&out, 2048);
    if (series_parse(text, n, &room, &parsed, &err) == 0 && series_put(&parsed, &out, &err) == 0) {
        str_init(&more, out.len);
        int rc = series_parse(out.buf, out.len, &more, &back, &err);
        assert(rc == 0);
        int matches = s ? selector_matches(s, &parsed, &err) : 0;
        assert(!s || matches < 0 || selector_matches(again(a, s), &back, &err) == matches);
        assert(!s || matches != 1 ||
               selector_matches_name(s, parsed.name, parsed.name_len, &err) == 1);
        size_t first = out.len;
        rc = series_put(&back, &out, &err);
        assert(rc == 0 && out.len == 2 * first);
        assert(memcmp(out.buf, out.buf + first, first) == 0);
        str_release(&more);
    }
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
