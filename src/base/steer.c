#include "base/steer.h"

#include "base/json.h"

#include <stdbool.h>
#include <string.h>

uint32_t steer_code_point(const char *p, size_t bytes)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)p[0] & masks[bytes];
    for (size_t i = 1; i < bytes; i++)
        c = c << 6 | ((unsigned char)p[i] & 0x3f);
    return c;
}

size_t steer_at(const char *p, size_t n)
{
    size_t bytes = json_utf8((const unsigned char *)p, n);
    uint32_t c = bytes ? steer_code_point(p, bytes) : ' ';
    bool steers = c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
                  (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
    return steers ? bytes : 0;
}

void steer_blank(char *text)
{
    char *to = text;
    for (size_t n = strlen(text); n > 0;) {
        size_t steers = steer_at(text, n), took = steers ? steers : 1;
        *to++ = steers ? '?' : *text;
        text += took;
        n -= took;
    }
    *to = '\0';
}
