#include "notify/mime.h"

#include "base/json.h"

#include <string.h>

#define LINE_MAX_CHARS 76
#define WORD_BYTES 39 /* 52 as base64: with =?UTF-8?B?, ?= and a short name still one line */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void add_base64(struct str *out, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        unsigned v = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                     (left > 2 ? p[i + 2] : 0u);
        str_addc(out, digits[v >> 18]);
        str_addc(out, digits[v >> 12 & 63]);
        str_addc(out, left > 1 ? digits[v >> 6 & 63] : '=');
        str_addc(out, left > 2 ? digits[v & 63] : '=');
    }
}

void mime_base64(struct str *out, const void *data, size_t n)
{
    const unsigned char *p = data;
    size_t most = LINE_MAX_CHARS / 4 * 3;
    for (size_t i = 0; i < n; i += most) {
        add_base64(out, p + i, n - i < most ? n - i : most);
        str_add(out, "\r\n");
    }
}

/* Whether it can stand as it is: ASCII, no encoded word of its own, and no word that is
 * too long for a line. */
static bool is_plain(const char *value)
{
    size_t word = 0;
    for (const char *p = value; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < ' ' || c > '~' || (c == '=' && p[1] == '?'))
            return false;
        word = c == ' ' ? 0 : word + 1;
        if (word > LINE_MAX_CHARS - 2)
            return false;
    }
    return true;
}

/* Words on as many lines as it takes; runs of spaces stay. */
static void add_plain(struct str *out, size_t column, const char *value)
{
    while (*value) {
        size_t spaces = strspn(value, " "), word = strcspn(value + spaces, " ");
        if (column > 1 && spaces > 0 && word > 0 && column + spaces + word > LINE_MAX_CHARS) {
            str_add(out, "\r\n");
            column = 0;
        }
        str_addn(out, value, spaces + word);
        column += spaces + word;
        value += spaces + word;
    }
}

/* A character is never in two words. */
static void add_encoded(struct str *out, const char *value)
{
    size_t n = strlen(value), at = 0;
    while (at < n) {
        struct str word;
        str_init(&word, WORD_BYTES);
        while (at < n) {
            size_t len = json_utf8((const unsigned char *)value + at, n - at);
            size_t room = WORD_BYTES - word.len;
            if ((len ? len : 3) > room)
                break;
            if (len == 0)
                str_add(&word, "\xef\xbf\xbd");
            else if ((unsigned char)value[at] < ' ' || value[at] == 0x7f)
                str_addc(&word, ' ');
            else
                str_addn(&word, value + at, len);
            at += len ? len : 1;
        }
        str_add(out, "=?UTF-8?B?");
        add_base64(out, (const unsigned char *)word.buf, word.len);
        str_add(out, at < n ? "?=\r\n " : "?=");
        str_release(&word);
    }
}

void mime_header(struct str *out, const char *name, const char *value)
{
    str_addf(out, "%s: ", name);
    if (is_plain(value)) {
        add_plain(out, strlen(name) + 2, value);
    } else {
        if (strlen(name) > 10)
            str_add(out, "\r\n ");
        add_encoded(out, value);
    }
    str_add(out, "\r\n");
}

void mime_part(struct str *out, const char *boundary, const char *type, const char *text)
{
    struct str lines;
    str_init(&lines, 2 * strlen(text) + 1);
    for (const char *p = text; *p; p++) {
        if (*p == '\n' && (p == text || p[-1] != '\r'))
            str_addc(&lines, '\r');
        str_addc(&lines, *p);
    }
    str_addf(out, "--%s\r\nContent-Type: %s; charset=utf-8\r\n", boundary, type);
    str_add(out, "Content-Transfer-Encoding: base64\r\n\r\n");
    mime_base64(out, lines.buf, lines.len);
    str_release(&lines);
}
