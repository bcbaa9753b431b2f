#include "model/lex.h"

#include "base/json.h"

#include <stdint.h>

#define FOUND_MAX 20

char lex_peek(struct lex *l)
{
    while (l->at < l->n) {
        char c = l->text[l->at];
        if (c == '#') {
            const char *end = memchr(l->text + l->at, '\n', l->n - l->at);
            l->at = end ? (size_t)(end - l->text) : l->n;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            l->at++;
        } else {
            return c ? c : '\x01'; /* a NUL is no end, and nothing else either */
        }
    }
    return '\0';
}

bool lex_take(struct lex *l, const char *word)
{
    size_t n = strlen(word);
    lex_peek(l);
    if (l->n - l->at < n || memcmp(l->text + l->at, word, n) != 0)
        return false;
    l->at += n;
    return true;
}

int lex_expected(struct lex *l, const char *what, struct err *reterr)
{
    lex_peek(l);
    size_t left = l->n - l->at;
    if (left == 0)
        return err_set(reterr, "expected %s at the end", what);
    return err_set(reterr, "expected %s, found '%.*s'", what,
                   (int)(left < FOUND_MAX ? left : FOUND_MAX), l->text + l->at);
}

/* `count` digits of a base: \x41, \101, \u00e9. */
static int take_digits(struct lex *l, int count, int base, uint32_t *ret)
{
    uint32_t v = 0;
    for (int i = 0; i < count; i++, l->at++) {
        char digit[2] = {l->at < l->n ? l->text[l->at] : '\0'};
        char *end;
        unsigned long d = strtoul(digit, &end, base);
        if (end != digit + 1)
            return -1;
        v = v * (uint32_t)base + (uint32_t)d;
    }
    *ret = v;
    return 0;
}

static void put_rune(struct str *out, uint32_t c)
{
    if (c < 0x80) {
        str_addc(out, (char)c);
    } else if (c < 0x800) {
        str_addc(out, (char)(0xc0 | c >> 6));
        str_addc(out, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        str_addc(out, (char)(0xe0 | c >> 12));
        str_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
        str_addc(out, (char)(0x80 | (c & 0x3f)));
    } else {
        str_addc(out, (char)(0xf0 | c >> 18));
        str_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
        str_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
        str_addc(out, (char)(0x80 | (c & 0x3f)));
    }
}

/* \ooo and \xHH are bytes, \uHHHH and \UHHHHHHHH characters. */
static int numeric_escape(struct lex *l, char c, struct str *out)
{
    uint32_t v;
    bool byte = c == 'x' || (c >= '0' && c <= '7');
    if (c >= '0' && c <= '7') {
        l->at--;
        if (take_digits(l, 3, 8, &v) < 0 || v > 0xff)
            return -1;
    } else if (take_digits(l, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16, &v) < 0) {
        return -1;
    }
    if (byte)
        str_addc(out, (char)v);
    else if (v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return -1;
    else
        put_rune(out, v);
    return 0;
}

/* Behind the backslash. */
static int take_escape(struct lex *l, char quote, struct str *out, struct err *reterr)
{
    static const char names[] = "abfnrtv\\", means[] = "\a\b\f\n\r\t\v\\";
    size_t start = l->at;
    char c = l->at < l->n ? l->text[l->at++] : '\0';
    const char *simple = c ? strchr(names, c) : NULL;
    if (simple) {
        str_addc(out, means[simple - names]);
        return 0;
    }
    if (c == quote) {
        str_addc(out, quote);
        return 0;
    }
    bool numeric = c == 'x' || c == 'u' || c == 'U' || (c >= '0' && c <= '7');
    if (numeric && numeric_escape(l, c, out) == 0)
        return 0;
    l->at = start;
    return lex_expected(l, "an escape such as \\n, \\\\ or \\x41", reterr);
}

static bool is_text(const char *s, size_t n)
{
    size_t len = 1;
    for (size_t i = 0; i < n && len > 0; i += len) {
        len = json_utf8((const unsigned char *)s + i, n - i);
        if (len == 0 || s[i] == '\0')
            return false;
    }
    return true;
}

int lex_string(struct lex *l, struct str *out, struct err *reterr)
{
    char quote = lex_peek(l);
    size_t start = l->at, written = out->len;
    if (quote != '"' && quote != '\'' && quote != '`')
        return lex_expected(l, "a value in quotes", reterr);
    for (l->at++; l->at < l->n && l->text[l->at] != quote;) {
        char c = l->text[l->at];
        if (c == '\n' && quote != '`')
            break;
        l->at++;
        if (c != '\\' || quote == '`')
            str_addc(out, c);
        else if (take_escape(l, quote, out, reterr) < 0)
            return -1;
    }
    if (l->at >= l->n || l->text[l->at] != quote) {
        l->at = start;
        return lex_expected(l, "the closing quote of a value", reterr);
    }
    l->at++;
    if (!is_text(out->buf + written, out->len - written)) {
        l->at = start;
        return err_set(reterr, "the value is not UTF-8 text");
    }
    return 0;
}
