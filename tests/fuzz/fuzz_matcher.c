/* Matchers of labels. Line 1 is a list of them, line 2 a value of the label `a`: what is
 * accepted comes back from its canonical text, and means the same. */
#include "fuzz.h"

#include "base/mem.h"
#include "model/matcher.h"

#include <assert.h>
#include <string.h>

static void again(struct arena *a, const struct matchers *list, const char *value)
{
    struct pair pair = {.key = "a", .value = value};
    struct string_map labels = {&pair, 1};
    struct matchers back = {0};
    struct str text, twice;
    struct err err;
    size_t at;
    str_init(&text, 256 << 10);
    str_init(&twice, 256 << 10);
    matchers_text(list, &text);
    int rc = text.len > MATCHERS_TEXT_MAX ? -1 : matchers_parse(text.buf, a, &back, &at, &err);
    if (text.len <= MATCHERS_TEXT_MAX) { /* escapes may have made it too long */
        assert(rc == 0 && back.n == list->n);
        matchers_text(&back, &twice);
        assert(str_eq(text.buf, twice.buf));
        matchers_match(&back, &labels);
    }
    (void)rc;
    matchers_release(&back);
    str_release(&text);
    str_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct matchers list = {0};
    struct err err;
    size_t at = SIZE_MAX;
    char *text = arena_strndup(&a, size ? (const char *)data : "", size);
    char *value = strchr(text, '\n');
    if (value)
        *value++ = '\0';
    size_t n = strlen(text);
    if (matchers_parse(text, &a, &list, &at, &err) == 0)
        again(&a, &list, value ? value : "");
    else
        assert(at <= n);
    (void)n;
    matchers_release(&list);
    arena_release(&a);
    return 0;
}
