/* Text written into a buffer that is large enough, by hand: there are millions of lines. */
#pragma once

#include <stdint.h>
#include <string.h>

static inline char *put_text(char *p, const char *text)
{
    size_t n = strlen(text);
    memcpy(p, text, n);
    return p + n;
}

static inline char *put_digits(char *p, int64_t v, int n)
{
    for (int i = n; i-- > 0; v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + n;
}

static inline char *put_number(char *p, int64_t v)
{
    int n = 1;
    for (int64_t rest = v / 10; rest; rest /= 10)
        n++;
    return put_digits(p, v, n);
}

/* Milliseconds, with as many decimals as they need: "12", "12.3", "12.345". */
static inline char *put_ms(char *p, int64_t us)
{
    int64_t part = us % 1000;
    p = put_number(p, us / 1000);
    if (part == 0)
        return p;
    *p++ = '.';
    p = put_digits(p, part, 3);
    while (p[-1] == '0')
        p--;
    return p;
}
