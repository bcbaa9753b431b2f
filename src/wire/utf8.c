#include "wire/utf8.h"

#include "base/json.h"
#include "base/steer.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* What stands for the character at p, *ret_took bytes of it. */
static const char *character(const char *p, size_t n, size_t *ret_took, size_t *ret_len)
{
    size_t len = *p ? json_utf8((const unsigned char *)p, n) : 0;
    *ret_took = len > 0 ? len : 1;
    *ret_len = len > 0 ? len : sizeof(REPLACEMENT) - 1;
    return len > 0 ? p : REPLACEMENT;
}

/* How much of the text is well-formed and fits. */
static size_t plain(const char *text, size_t n, size_t space)
{
    size_t i = 0, end = n < space ? n : space;
    while (i < end) {
        if ((unsigned char)(text[i] - 1) < 0x7f) {
            i++;
            continue;
        }
        size_t len = text[i] ? json_utf8((const unsigned char *)text + i, n - i) : 0;
        if (len == 0 || len > end - i)
            break;
        i += len;
    }
    return i;
}

size_t utf8_add(struct str *out, const char *text, size_t n)
{
    size_t i = 0;
    while (i < n) {
        size_t good = plain(text + i, n - i, out->max - out->len);
        str_addn(out, text + i, good);
        i += good;
        if (i == n)
            break;
        size_t took, len;
        const char *c = character(text + i, n - i, &took, &len);
        if (len > out->max - out->len)
            break;
        str_addn(out, c, len);
        i += took;
    }
    return i;
}

size_t utf8_copy(char *dst, size_t size, const char *text, size_t n)
{
    assert(size > 0);
    size_t at = 0;
    for (size_t i = 0; i < n;) {
        size_t took, len;
        const char *c = character(text + i, n - i, &took, &len);
        if (len > size - 1 - at)
            break;
        bool steers = steer_at(c, len);
        memcpy(dst + at, steers ? " " : c, steers ? 1 : len);
        at += steers ? 1 : len;
        i += took;
    }
    dst[at] = '\0';
    return at;
}
