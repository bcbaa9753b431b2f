#include "base/json.h"

#include <stdbool.h>
#include <string.h>

static bool tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

size_t json_utf8(const unsigned char *p, size_t n)
{
    if (n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        return n >= 2 && tail(p[1]) ? 2 : 0;
    if (p[0] >= 0xe0 && p[0] <= 0xef) {
        if (n < 3 || !tail(p[1]) || !tail(p[2]))
            return 0;
        bool overlong = p[0] == 0xe0 && p[1] < 0xa0;
        bool surrogate = p[0] == 0xed && p[1] > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        if (n < 4 || !tail(p[1]) || !tail(p[2]) || !tail(p[3]))
            return 0;
        bool overlong = p[0] == 0xf0 && p[1] < 0x90;
        bool beyond = p[0] == 0xf4 && p[1] > 0x8f;
        return overlong || beyond ? 0 : 4;
    }
    return 0;
}

static void add_escaped(struct str *out, unsigned char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *at = c ? strchr(plain, c) : NULL;
    if (at)
        str_addf(out, "\\%c", letters[at - plain]);
    else
        str_addf(out, "\\u%04x", c);
}

int json_add_stringn(struct str *out, const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    str_addc(out, '"');
    for (size_t i = 0; i < n;) {
        size_t plain = 0;
        while (i + plain < n && p[i + plain] >= 0x20 && p[i + plain] < 0x7f &&
               p[i + plain] != '"' && p[i + plain] != '\\')
            plain++;
        if (plain > 0) {
            str_addn(out, p + i, plain);
            i += plain;
            continue;
        }
        size_t len = json_utf8(p + i, n - i);
        if (len == 0)
            str_add(out, "\xef\xbf\xbd");
        else if (len == 1)
            add_escaped(out, p[i]);
        else if (len == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0) /* steers terminals, too */
            add_escaped(out, p[i + 1]);
        else
            str_addn(out, p + i, len);
        i += len ? len : 1;
    }
    return str_addc(out, '"');
}

int json_add_string(struct str *out, const char *text)
{
    return text ? json_add_stringn(out, text, strlen(text)) : str_add(out, "null");
}
