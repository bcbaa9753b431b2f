#include "wire/promtext_internal.h"

#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <math.h>

/* Letters and _ begin and continue names and labels; a colon only names;
 * digits continue both. */
#define A (NAME_CHAR | NAME_START | LABEL_CHAR | LABEL_START)
#define D (NAME_CHAR | LABEL_CHAR | DIGIT)
#define C (NAME_CHAR | NAME_START)
#define B BLANK

/* clang-format off */
const unsigned char char_kinds[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, B, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    B, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    D, D, D, D, D, D, D, D, D, D, C, 0, 0, 0, 0, 0,
    0, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
    A, A, A, A, A, A, A, A, A, A, A, 0, 0, 0, 0, A,
    0, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
    A, A, A, A, A, A, A, A, A, A, A, 0, 0, 0, 0, 0,
};
/* clang-format on */

const char *shown(char buf[static SHOWN_MAX], const char *s, const char *end)
{
    if (s >= end)
        return "the end of the page";
    if (*s == '\n' || (*s == '\r' && (s + 1 == end || s[1] == '\n')))
        return *s == '\n' ? "the end of the line" : "a carriage return";
    if (*s == ' ')
        return "a space";
    unsigned char c = (unsigned char)*s;
    snprintf(buf, SHOWN_MAX, c > 0x20 && c < 0x7f ? "'%c'" : "byte 0x%02x", c);
    return buf;
}

/* ---- numbers ------------------------------------------------------------------------- */

/* A decimal taken apart: digits * 10^exponent. */
struct decimal_parts {
    bool negative;
    uint128 digits; /* the first 38 that matter */
    size_t digit_count;
    int64_t exponent;
};

#define DIGITS_MAX 38
#define EXPONENT_MAX 100000

static void take_digit(struct decimal_parts *d, char c, bool fraction)
{
    if (d->digit_count < DIGITS_MAX) {
        d->digits = d->digits * 10 + (unsigned)(c - '0');
        d->digit_count += d->digits != 0;
        d->exponent -= fraction;
    } else {
        d->exponent += !fraction;
    }
}

/* [sign] digits [. digits] [e [sign] digits], with a digit before the e. */
static bool take_apart(const char *s, size_t n, struct decimal_parts *d)
{
    const char *end = s + n;
    bool any = false, fraction = false;
    *d = (struct decimal_parts){0};
    if (s < end && (*s == '+' || *s == '-'))
        d->negative = *s++ == '-';
    for (; s < end && (char_is(*s, DIGIT) || (*s == '.' && !fraction)); s++) {
        if (*s == '.') {
            fraction = true;
            continue;
        }
        any = true;
        take_digit(d, *s, fraction);
    }
    if (!any || s == end)
        return any;
    if (*s != 'e' && *s != 'E')
        return false;
    bool down = ++s < end && *s == '-';
    s += s < end && (*s == '+' || *s == '-');
    if (s == end)
        return false;
    int64_t exponent = 0;
    for (; s < end && char_is(*s, DIGIT); s++)
        exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*s - '0') : exponent;
    d->exponent += down ? -exponent : exponent;
    return s == end;
}

static bool is_word(const char *s, size_t n, const char *word)
{
    return n == strlen(word) && strncasecmp(s, word, n) == 0;
}

static bool not_finite(const char *s, size_t n, double *ret)
{
    if (is_word(s, n, "nan")) {
        *ret = NAN;
        return true;
    }
    bool sign = n > 0 && (*s == '+' || *s == '-'), negative = sign && *s == '-';
    if (!is_word(s + sign, n - sign, "inf") && !is_word(s + sign, n - sign, "infinity"))
        return false;
    *ret = negative ? -INFINITY : INFINITY;
    return true;
}

/* The library rounds right whatever the length, but wants an end. */
static double rounded(const char *s, size_t n)
{
    char few[64];
    if (n < sizeof(few)) {
        memcpy(few, s, n);
        few[n] = '\0';
        return strtod(few, NULL);
    }
    mem_auto char *many = mem_strndup(s, n);
    return strtod(many, NULL);
}

enum number number_read(const char *s, size_t n, double *ret)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct decimal_parts d;
    if (!take_apart(s, n, &d))
        return not_finite(s, n, ret) ? NUMBER_OK : NUMBER_SYNTAX;
    /* Both exact as doubles: one operation rounds once. (More than 38 digits are
     * not below 2^53.) */
    if (d.digits <= 1ULL << 53 && d.exponent >= -22 && d.exponent <= 22) {
        double v = (double)(uint64_t)d.digits;
        v = d.exponent < 0 ? v / tens[-d.exponent] : v * tens[d.exponent];
        *ret = d.negative ? -v : v;
        return NUMBER_OK;
    }
    *ret = rounded(s, n);
    return isinf(*ret) ? NUMBER_RANGE : NUMBER_OK;
}

#define PS_DIGITS 12

enum number seconds_read(const char *s, size_t n, int128 *ret_ps)
{
    const int128 limit = (int128)((uint128)1 << 126);
    struct decimal_parts d;
    double v;
    if (!take_apart(s, n, &d))
        return NUMBER_SYNTAX;
    if (number_read(s, n, &v) != NUMBER_OK)
        return NUMBER_RANGE;
    int64_t e = d.exponent + PS_DIGITS;
    uint128 ps = d.digits;
    for (; e > 0 && ps && ps < (uint128)limit; e--)
        ps = ps > (uint128)limit / 10 ? (uint128)limit : ps * 10;
    for (; e < 0 && ps; e++)
        ps /= 10;
    if (ps > (uint128)limit)
        ps = (uint128)limit;
    *ret_ps = d.negative ? -(int128)ps : (int128)ps;
    return NUMBER_OK;
}

int64_t us_of_ps(int128 ps)
{
    int128 us = ps / 1000000;
    if (ps % 1000000 < 0)
        us--;
    return us > INT64_MAX ? INT64_MAX : us < INT64_MIN ? INT64_MIN : (int64_t)us;
}

/* ---- quoted text ----------------------------------------------------------------------- */

#define ONES 0x0101010101010101u
#define HIGHS 0x8080808080808080u

/* Bit 7 of the first byte that is c, and perhaps of later ones. */
static inline uint64_t has_byte(uint64_t w, unsigned char c)
{
    uint64_t x = w ^ (ONES * c);
    return (x - ONES) & ~x & HIGHS;
}

/* To the first byte that is a quote, a backslash, the end of a line or beyond
 * ASCII; eight at a time. */
static inline const char *to_special(const char *s, const char *end)
{
    for (; end - s >= 8; s += 8) {
        uint64_t w;
        memcpy(&w, s, sizeof(w));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        w = __builtin_bswap64(w);
#endif
        uint64_t found = has_byte(w, '"') | has_byte(w, '\\') | has_byte(w, '\n') | (w & HIGHS);
        if (found)
            return s + (__builtin_ctzll(found) >> 3);
    }
    while (s < end && *s != '"' && *s != '\\' && *s != '\n' && (unsigned char)*s < 0x80)
        s++;
    return s;
}

bool text_valid(const char *s, size_t n, const char **ret_at)
{
    const char *end = s + n;
    while ((s = to_special(s, end)) < end) {
        size_t length = json_utf8((const unsigned char *)s, (size_t)(end - s));
        if (length == 0) {
            *ret_at = s;
            return false;
        }
        s += length;
    }
    return true;
}

static const char *quoted_unended(struct promtext *p, const char *begin)
{
    promtext_fail(p, begin - 1, "the quote that begins here does not end");
    return NULL;
}

const char *quoted_end(struct promtext *p, const char *s, const char *end, bool newlines,
                       bool *ret_escaped)
{
    const char *begin = s;
    bool escaped = false;
    while ((s = to_special(s, end)) < end && *s != '"') {
        size_t length = 1;
        if (*s == '\\') {
            escaped = true;
            s++;
            if (s == end || *s == '\n')
                return quoted_unended(p, begin);
            length = json_utf8((const unsigned char *)s, (size_t)(end - s));
        } else if (*s == '\n') {
            if (!newlines)
                return quoted_unended(p, begin);
        } else {
            length = json_utf8((const unsigned char *)s, (size_t)(end - s));
        }
        if (length == 0) {
            promtext_fail(p, s, "the label's value is not UTF-8: byte 0x%02x", (unsigned char)*s);
            return NULL;
        }
        s += length;
    }
    if (s == end)
        return quoted_unended(p, begin);
    *ret_escaped = escaped;
    return s + 1;
}

/* Only \\ \" and \n stand for something else. */
static size_t unescape(const char *s, size_t n, char *out)
{
    const char *begin = out;
    for (size_t i = 0; i < n; i++) {
        char next = s[i] == '\\' && i + 1 < n ? s[i + 1] : '\0';
        if (next == '\\' || next == '"' || next == 'n') {
            *out++ = next == 'n' ? '\n' : next;
            i++;
        } else {
            *out++ = s[i];
        }
    }
    return (size_t)(out - begin);
}

/* ---- a sample's labels --------------------------------------------------------------------- */

int sample_line_add(struct promtext *p, struct sample_line *l, const char *name, size_t name_len,
                    const char *value, size_t value_len, bool escaped)
{
    struct series *s = &l->series;
    if (s->label_count == SERIES_LABELS_MAX)
        return promtext_fail(p, name, "more than %d labels", SERIES_LABELS_MAX);
    l->escaped |= (uint64_t)escaped << s->label_count;
    s->labels[s->label_count++] = (struct series_label){name, value, name_len, value_len};
    return 0;
}

static void unescape_values(struct promtext_reader *r, struct sample_line *l)
{
    size_t need = 0;
    for (size_t i = 0; i < l->series.label_count; i++)
        need += l->escaped >> i & 1 ? l->series.labels[i].value_len : 0;
    if (need > r->room_size) {
        r->room_size = need * 2;
        r->room = mem_resize(r->room, r->room_size, 1);
    }
    char *out = r->room;
    for (size_t i = 0; i < l->series.label_count; i++) {
        struct series_label *label = &l->series.labels[i];
        if (!(l->escaped >> i & 1))
            continue;
        label->value_len = unescape(label->value, label->value_len, out);
        label->value = out;
        out += label->value_len;
    }
}

static int by_name(const struct series_label *a, const struct series_label *b)
{
    size_t n = a->name_len < b->name_len ? a->name_len : b->name_len;
    int rc = memcmp(a->name, b->name, n);
    return rc ? rc : a->name_len < b->name_len ? -1 : a->name_len > b->name_len;
}

int sample_line_finish(struct promtext *p, struct sample_line *l)
{
    struct series_label *labels = l->series.labels;
    if (l->escaped)
        unescape_values(p->reader, l);
    for (size_t i = 1; i < l->series.label_count; i++) {
        struct series_label label = labels[i];
        size_t k = i;
        for (; k > 0 && by_name(&labels[k - 1], &label) > 0; k--)
            labels[k] = labels[k - 1];
        if (k > 0 && by_name(&labels[k - 1], &label) == 0)
            return promtext_fail(p, label.name, "the label '%.*s' comes twice",
                                 (int)(label.name_len > 100 ? 100 : label.name_len), label.name);
        labels[k] = label;
    }
    return 0;
}
