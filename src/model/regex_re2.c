/* Which patterns RE2 takes: PCRE2 knows more, some of it spelled as what RE2
 * would take for something else. */
#include "model/regex.h"

#include "base/str.h"

#include <ctype.h>
#include <stdbool.h>

#define REPEAT_MAX 1000

struct scan {
    const char *pattern, *at;
    struct err *err;
};

static int refuse(struct scan *s, const char *at, const char *what)
{
    return err_set(s->err, "bad pattern at character %zu: %s", (size_t)(at - s->pattern) + 1, what);
}

static bool is_alnum(char c)
{
    return isalnum((unsigned char)c);
}

/* \xHH or \x{H...}; `at` is behind the x. */
static int skip_hex(struct scan *s)
{
    const char *start = s->at;
    bool braces = *s->at == '{';
    if (braces)
        s->at++;
    const char *digits = s->at;
    while (isxdigit((unsigned char)*s->at) && (braces || s->at - digits < 2))
        s->at++;
    if (braces ? s->at == digits || *s->at != '}' : s->at - digits != 2)
        return refuse(s, start, "expected two hexadecimal digits, or some in braces");
    if (braces)
        s->at++;
    return 0;
}

/* At the backslash. */
static int skip_escape(struct scan *s, bool in_class)
{
    const char *start = s->at++;
    char c = *s->at;
    if (c == '\0')
        return refuse(s, start, "a backslash at the end");
    s->at++;
    if (c == 'x')
        return skip_hex(s);
    if (c >= '1' && c <= '9')
        return refuse(s, start, "back references are not supported");
    if (c == 'Q' && !in_class) {
        const char *end = strstr(s->at, "\\E");
        s->at = end ? end + 2 : s->at + strlen(s->at);
        return 0;
    }
    if ((unsigned char)c >= 0x80)
        return refuse(s, start, "this character needs no backslash");
    if (is_alnum(c) && !strchr(in_class ? "0afnrtvdDsSwWpP" : "0afnrtvdDsSwWpPAbBz", c))
        return refuse(s, start, "there is no such escape");
    return 0;
}

/* At the opening bracket. */
static int skip_class(struct scan *s)
{
    const char *start = s->at++;
    if (*s->at == '^')
        s->at++;
    if (*s->at == ']')
        s->at++;
    while (*s->at != ']') {
        if (*s->at == '\0')
            return refuse(s, start, "a character class without its closing bracket");
        if (*s->at == '\\') {
            if (skip_escape(s, true) < 0)
                return -1;
            continue;
        }
        /* [:alpha:] has a bracket of its own. */
        const char *posix = s->at[0] == '[' && s->at[1] == ':' ? strstr(s->at + 2, ":]") : NULL;
        s->at = posix ? posix + 2 : s->at + 1;
    }
    s->at++;
    return 0;
}

/* At an opening parenthesis. */
static int skip_open(struct scan *s)
{
    const char *start = s->at++;
    if (*s->at == '*')
        return refuse(s, s->at, "nothing to repeat");
    if (*s->at != '?')
        return 0;
    s->at++;
    if (s->at[0] == 'P' && s->at[1] == '<')
        return 0; /* PCRE2 checks the name */
    size_t flags = strspn(s->at, "imsU-");
    if (s->at[flags] != ':' && (flags == 0 || s->at[flags] != ')'))
        return refuse(s, start,
                      "groups of this kind (look-around, atomic, conditional) are not "
                      "supported");
    s->at += flags;
    if (*s->at == ':')
        s->at++;
    return 0;
}

/* {n}, {n,} or {n,m} at `at`: its length. 0: braces that mean themselves. */
static size_t repeat_span(const char *at, long *ret_max)
{
    char *end;
    if (at[0] != '{' || !isdigit((unsigned char)at[1]))
        return 0;
    *ret_max = strtol(at + 1, &end, 10);
    if (*end == ',') {
        end++;
        long more = isdigit((unsigned char)*end) ? strtol(end, &end, 10) : 0;
        *ret_max = more > *ret_max ? more : *ret_max;
    }
    return *end == '}' ? (size_t)(end + 1 - at) : 0;
}

/* 1: stepped over a repetition, 0: there is none. */
static int skip_repeat(struct scan *s)
{
    long max = 0;
    size_t len = *s->at && strchr("*+?", *s->at) ? 1 : repeat_span(s->at, &max);
    if (len == 0)
        return 0;
    if (max > REPEAT_MAX)
        return refuse(s, s->at, "more than 1000 repetitions");
    if (len > 2 && s->at[1] == '0' && isdigit((unsigned char)s->at[2]))
        return refuse(s, s->at, "a number with a leading zero");
    s->at += len;
    if (*s->at == '?')
        s->at++;
    if (*s->at && (strchr("*+?", *s->at) || repeat_span(s->at, &max)))
        return refuse(s, s->at, "a repetition of a repetition");
    return 1;
}

static int skip_one(struct scan *s)
{
    switch (*s->at) {
    case '\\':
        return skip_escape(s, false);
    case '[':
        return skip_class(s);
    case '(':
        return skip_open(s);
    default:
        s->at++;
        return 0;
    }
}

int regex_check_re2(const char *pattern, struct err *reterr)
{
    struct scan s = {pattern, pattern, reterr};
    while (*s.at) {
        int repeat = skip_repeat(&s);
        if (repeat < 0 || (repeat == 0 && skip_one(&s) < 0))
            return -1;
    }
    return 0;
}
