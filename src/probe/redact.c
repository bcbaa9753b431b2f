#include "probe/redact.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define SECRET_MIN 4
#define NAME_MAX_LEN 40

void redact(char *text, size_t n, const char *secret)
{
    size_t len = secret ? strlen(secret) : 0;
    if (len < SECRET_MIN)
        return;
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        while (same < len && i + same < n && text[i + same] == secret[same])
            same++;
        /* A cut is the end of the text, or a quote that we have added. */
        bool cut = same >= SECRET_MIN && (i + same == n || strchr("\"'", text[i + same]));
        if (same == len || cut) {
            memset(text + i, '*', same);
            i += same - 1;
        }
    }
}

/* ---- URL parameters ---------------------------------------------------------- */

/* One parameter in a text: where its value is. */
struct parameter {
    size_t at, len;
};

static bool is_secret_name(const char *name, size_t n)
{
    static const char *const part[] = {"token",   "secret",  "passw",      "signature",
                                       "api_key", "api-key", "credential", "apikey"};
    static const char *const whole[] = {"key", "sig", "auth", "pwd", "code", "session"};
    char text[NAME_MAX_LEN + 1];
    if (n > NAME_MAX_LEN)
        return false;
    memcpy(text, name, n);
    text[n] = '\0';
    for (size_t i = 0; i < countof(part); i++) {
        if (strcasestr(text, part[i]))
            return true;
    }
    for (size_t i = 0; i < countof(whole); i++) {
        if (strcasecmp(text, whole[i]) == 0)
            return true;
    }
    return false;
}

/* The next parameter with a secret name from `*at` on, which moves behind it. */
static bool next_secret(const char *text, size_t n, size_t *at, struct parameter *ret)
{
    for (size_t i = *at; i < n; i++) {
        if (text[i] != '?' && text[i] != '&')
            continue;
        size_t name = i + 1, eq = name, end;
        while (eq < n && (isalnum((unsigned char)text[eq]) || strchr("_-.", text[eq])) && text[eq])
            eq++;
        if (eq == n || text[eq] != '=' || !is_secret_name(text + name, eq - name))
            continue;
        for (end = eq + 1;
             end < n && (unsigned char)text[end] > ' ' && !strchr("&#\"'<>", text[end]);)
            end++;
        *ret = (struct parameter){eq + 1, end - eq - 1};
        *at = end;
        return true;
    }
    return false;
}

void redact_query(char *text, size_t n)
{
    struct parameter p;
    for (size_t at = 0; next_secret(text, n, &at, &p);)
        memset(text + p.at, '*', p.len);
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

static char *decoded(struct arena *a, const char *text)
{
    char *copy = arena_strdup(a, text), *out = copy;
    for (const char *p = text; *p; p++) {
        int high = *p == '%' ? hex(p[1]) : -1, low = high >= 0 ? hex(p[2]) : -1;
        *out++ = low >= 0 ? (char)(high << 4 | low) : *p == '+' ? ' ' : *p;
        p += low >= 0 ? 2 : 0;
    }
    *out = '\0';
    return copy;
}

size_t redact_query_values(struct arena *a, const char *url,
                           const char *ret[static REDACT_QUERY_MAX])
{
    size_t n = 0, len = strlen(url);
    struct parameter p;
    for (size_t at = 0; n + 2 <= REDACT_QUERY_MAX && next_secret(url, len, &at, &p);) {
        ret[n++] = arena_strndup(a, url + p.at, p.len);
        ret[n] = decoded(a, ret[n - 1]);
        n += strcmp(ret[n], ret[n - 1]) != 0;
    }
    return n;
}
