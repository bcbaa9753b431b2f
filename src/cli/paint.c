#include "cli/paint.h"

#include "base/json.h"
#include "base/steer.h"

#include <stdint.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

void paint(struct str *out, bool on, const char *color, const char *text)
{
    if (on && *color)
        str_addf(out, "%s%s\033[0m", color, text);
    else
        str_add(out, text);
}

void paint_pad(struct str *out, int n)
{
    for (int i = 0; i < n; i++)
        str_addc(out, ' ');
}

int paint_columns(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* ---- text of strangers ----------------------------------------------------------------- */

/* The next character of a text: as it is shown, and how wide at most. */
struct glyph {
    const char *text;
    size_t len;   /* of `text` */
    size_t bytes; /* that it takes of what is read */
    int columns;
};

static struct glyph glyph_at(const char *text, size_t n)
{
    size_t bytes = json_utf8((const unsigned char *)text, n);
    struct glyph g = {.text = "?", .len = 1, .bytes = bytes ? bytes : 1, .columns = 1};
    if (!bytes)
        return g;
    uint32_t c = steer_code_point(text, bytes);
    if (c == '\n' || c == '\t' || c == '\r') {
        g.text = " ";
    } else if (!steer_at(text, n)) {
        g.text = text;
        g.len = bytes;
        g.columns = c >= 0x1100 && !(c >= 0x2000 && c < 0x2e80) ? 2 : 1;
    }
    return g;
}

int paint_clean(struct str *out, const char *text, size_t n, int columns)
{
    int used = 0;
    for (size_t i = 0; i < n;) {
        struct glyph g = glyph_at(text + i, n - i);
        bool last = i + g.bytes >= n;
        if (used + g.columns > columns - !last) {
            str_add(out, columns > used ? ELLIPSIS : "");
            return columns > used ? used + 1 : used;
        }
        str_addn(out, g.text, g.len);
        used += g.columns;
        i += g.bytes;
    }
    return used;
}

int paint_clean_end(struct str *out, const char *text, size_t n, int columns)
{
    /* A character takes a column at least, and at most four bytes. */
    size_t most = columns > 0 ? 4 * (size_t)columns : 0, from = n > most ? n - most : 0;
    int width = 0;
    while (from > 0 && from < n && ((unsigned char)text[from] & 0xc0) == 0x80)
        from++;
    for (size_t i = from; i < n;) {
        struct glyph g = glyph_at(text + i, n - i);
        width += g.columns;
        i += g.bytes;
    }
    bool cut = from > 0 || width > columns;
    while (from < n && width > columns - cut) {
        struct glyph g = glyph_at(text + from, n - from);
        width -= g.columns;
        from += g.bytes;
    }
    if (cut && columns > 0)
        str_add(out, ELLIPSIS);
    return paint_clean(out, text + from, n - from, columns) + (cut && columns > 0);
}

void paint_lines(struct str *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        if (i == 0 || text[i - 1] == '\n')
            str_add(out, "  ");
        struct glyph g = glyph_at(text + i, n - i);
        if (text[i] == '\n' || text[i] == '\t')
            str_addc(out, text[i]);
        else if (text[i] != '\r' || i + 1 >= n || text[i + 1] != '\n')
            str_addn(out, text[i] == '\r' ? "?" : g.text, g.len);
        i += g.bytes;
    }
    str_add(out, n && text[n - 1] == '\n' ? "\n" : "\n\n");
}
