#include "config/yaml_text.h"

#include "base/json.h"
#include "base/mem.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Text that no reader takes for a number, a truth or a date. */
static bool is_word(const char *text)
{
    static const char *const taken[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};
    for (size_t i = 0; i < countof(taken); i++)
        if (strcasecmp(text, taken[i]) == 0)
            return false;
    for (const char *p = text; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_-./", *p))
            return false;
    return isalpha((unsigned char)text[0]) && strlen(text) <= 128;
}

/* What YAML forbids, or takes for the end of a line, though JSON does not: C1 and NEL, the line
 * separators, the byte order mark, and what is no character. */
static unsigned escaped(const char *p)
{
    unsigned char a = (unsigned char)p[0], b = a ? (unsigned char)p[1] : 0,
                  c = b ? (unsigned char)p[2] : 0;
    if (a == 0xc2 && b < 0xa0)
        return b;
    unsigned cp = (a & 0xfu) << 12 | (b & 0x3fu) << 6 | (c & 0x3fu);
    bool is = cp == 0x2028 || cp == 0x2029 || cp == 0xfeff || cp == 0xfffe || cp == 0xffff;
    return (a & 0xf0) == 0xe0 && is ? cp : 0;
}

static void put_quoted(struct str *out, const char *text)
{
    struct str json;
    str_init(&json, out->max);
    json_add_string(&json, text);
    for (const char *p = json.buf; *p; p++) {
        unsigned cp = escaped(p);
        if (cp) {
            str_addf(out, "\\u%04x", cp);
            p += cp < 0x800 ? 1 : 2;
        } else {
            str_addc(out, *p);
        }
    }
    str_release(&json);
}

void yaml_put_text(struct str *out, const char *text)
{
    if (is_word(text)) {
        str_add(out, text);
        return;
    }
    /* YAML's double quotes read what JSON's do; single ones leave PromQL as it is. */
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f) {
            put_quoted(out, text);
            return;
        }
    str_addc(out, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            str_addc(out, '\'');
        str_addc(out, *p);
    }
    str_addc(out, '\'');
}

void yaml_put_comment(struct str *out, const char *indent, const char *text)
{
    size_t n = strlen(text);
    str_addf(out, "%s# ", indent);
    for (size_t i = 0; i < n;) {
        size_t len = json_utf8((const unsigned char *)text + i, n - i);
        unsigned char c = (unsigned char)text[i];
        if (len == 0 || c < ' ' || c == 0x7f || (len > 1 && escaped(text + i)))
            str_addc(out, c == '\n' || c == '\t' ? ' ' : '?');
        else
            str_addn(out, text + i, len);
        i += len ? len : 1;
    }
    str_addc(out, '\n');
}
