#include "model/series.h"

#include "base/json.h"
#include "nines/sample.h"

#include <assert.h>
#include <math.h>

#define NUMBER_TEXT_MAX 63 /* longer ones are no numbers that anybody writes */
#define DIGITS_MAX 17      /* enough to give back any double */
#define PLAIN_EXPONENT_MAX 15

/* ---- spelling ------------------------------------------------------------ */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

size_t series_label_span(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && (is_letter(text[i]) || (i > 0 && is_digit(text[i]))))
        i++;
    return i;
}

size_t series_name_span(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && (is_letter(text[i]) || text[i] == ':' || (i > 0 && is_digit(text[i]))))
        i++;
    return i;
}

bool series_is_number(const char *label, size_t n)
{
    return (n == 2 && memcmp(label, "le", 2) == 0) || (n == 8 && memcmp(label, "quantile", 8) == 0);
}

bool series_number(const char *text, size_t n, double *ret)
{
    char copy[NUMBER_TEXT_MAX + 1];
    if (n == 0 || n > NUMBER_TEXT_MAX || memchr(text, '\0', n))
        return false;
    /* strtod() skips white space and takes "nan(...)". */
    char first = *text;
    if (!is_letter(first) && !is_digit(first) && first != '.' && first != '+' && first != '-')
        return false;
    if (memchr(text, '(', n))
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    char *end;
    double v = strtod(copy, &end);
    if (end != copy + n)
        return false;
    *ret = v;
    return true;
}

char *series_number_text(char buf[static SERIES_NUMBER_MAX], double v)
{
    if (isnan(v) || isinf(v)) {
        str_copy(buf, SERIES_NUMBER_MAX, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
        return buf;
    }
    if (v == 0)
        v = 0; /* there is no negative zero */
    int digits = 0;
    do {
        snprintf(buf, SERIES_NUMBER_MAX, "%.*e", digits, v);
    } while (strtod(buf, NULL) != v && ++digits < DIGITS_MAX);
    const char *e = strchr(buf, 'e');
    long exponent = strtol(e + 1, NULL, 10);
    if (exponent >= -5 && exponent <= PLAIN_EXPONENT_MAX) {
        long decimals = digits > exponent ? digits - exponent : 0;
        snprintf(buf, SERIES_NUMBER_MAX, "%.*f", (int)decimals, v);
    }
    return buf;
}

int series_put_value(struct str *out, const char *value, size_t n)
{
    str_addc(out, '"');
    for (size_t i = 0; i < n; i++) {
        if (value[i] == '\n') {
            str_add(out, "\\n");
            continue;
        }
        if (value[i] == '"' || value[i] == '\\')
            str_addc(out, '\\');
        str_addc(out, value[i]);
    }
    return str_addc(out, '"');
}

/* ---- writing ------------------------------------------------------------- */

static int by_name(const void *x, const void *y)
{
    const struct series_label *a = x, *b = y;
    size_t n = a->name_len < b->name_len ? a->name_len : b->name_len;
    int order = memcmp(a->name, b->name, n);
    return order ? order : (a->name_len > b->name_len) - (a->name_len < b->name_len);
}

/* Most pages have them in order already. */
static void sort_labels(struct series *s)
{
    for (size_t i = 1; i < s->label_count; i++) {
        if (by_name(&s->labels[i - 1], &s->labels[i]) > 0) {
            qsort(s->labels, s->label_count, sizeof(s->labels[0]), by_name);
            return;
        }
    }
}

static bool is_text(const char *value, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = json_utf8((const unsigned char *)value + i, n - i);
        if (len == 0 || value[i] == '\0')
            return false;
        i += len;
    }
    return true;
}

static int check_label(const struct series *s, size_t i, struct err *reterr)
{
    const struct series_label *l = &s->labels[i];
    if (i > 0 && by_name(l - 1, l) == 0)
        return err_set(reterr, "the label '%.*s' stands there twice", (int)l->name_len, l->name);
    if (!is_text(l->value, l->value_len))
        return err_set(reterr, "the value of '%.*s' is not UTF-8 text", (int)l->name_len, l->name);
    return 0;
}

static void put_label(const struct series_label *l, struct str *out)
{
    char number[SERIES_NUMBER_MAX];
    double v;
    str_addn(out, l->name, l->name_len);
    str_addc(out, '=');
    if (series_is_number(l->name, l->name_len) && series_number(l->value, l->value_len, &v)) {
        series_number_text(number, v);
        series_put_value(out, number, strlen(number));
    } else {
        series_put_value(out, l->value, l->value_len);
    }
}

/* Takes back what was appended since `start`. */
static int refuse(struct str *out, size_t start)
{
    out->len = start;
    out->buf[start] = '\0';
    return -1;
}

int series_put(struct series *s, struct str *out, struct err *reterr)
{
    size_t start = out->len;
    bool overflow = out->overflow;
    char open = '{';
    sort_labels(s);
    str_addn(out, s->name, s->name_len);
    for (size_t i = 0; i < s->label_count && !out->overflow; i++) {
        if (check_label(s, i, reterr) < 0)
            return refuse(out, start);
        if (s->labels[i].value_len == 0)
            continue;
        str_addc(out, open);
        put_label(&s->labels[i], out);
        open = ',';
    }
    if (open == ',')
        str_addc(out, '}');
    if (!out->overflow && out->len - start < SAMPLE_SERIES_MAX)
        return 0;
    out->overflow = overflow;
    err_set(reterr, "a series longer than %d bytes: '%.80s...'", SAMPLE_SERIES_MAX - 1,
            out->buf + start);
    return refuse(out, start);
}

/* ---- reading ------------------------------------------------------------- */

struct reader {
    const char *text;
    size_t n, at;
    struct str *room;
    size_t starts[SERIES_LABELS_MAX]; /* in the room: it moves while it grows */
};

static char peek(struct reader *r)
{
    while (r->at < r->n && (r->text[r->at] == ' ' || r->text[r->at] == '\t'))
        r->at++;
    return r->at < r->n ? r->text[r->at] : '\0';
}

static int unexpected(struct reader *r, const char *what, struct err *reterr)
{
    if (r->at >= r->n)
        return err_set(reterr, "expected %s at the end of the series", what);
    return err_set(reterr, "expected %s at character %zu of the series, found '%.*s'", what,
                   r->at + 1, r->n - r->at < 20 ? (int)(r->n - r->at) : 20, r->text + r->at);
}

/* After the backslash. */
static int unescape(char c, char *ret)
{
    switch (c) {
    case 'n':
        *ret = '\n';
        return 0;
    case '"':
    case '\\':
        *ret = c;
        return 0;
    default:
        return -1;
    }
}

static int read_value(struct reader *r, struct series_label *l, size_t *start, struct err *reterr)
{
    if (peek(r) != '"')
        return unexpected(r, "a value in double quotes", reterr);
    *start = r->room->len;
    for (r->at++; r->at < r->n && r->text[r->at] != '"'; r->at++) {
        char c = r->text[r->at];
        if (c == '\\' && (++r->at >= r->n || unescape(r->text[r->at], &c) < 0))
            return unexpected(r, "\\\\, \\\" or \\n", reterr);
        str_addc(r->room, c);
    }
    if (r->at >= r->n)
        return unexpected(r, "a closing quote", reterr);
    r->at++;
    l->value_len = r->room->len - *start;
    return 0;
}

static int read_label(struct reader *r, struct series *s, struct err *reterr)
{
    if (s->label_count == SERIES_LABELS_MAX)
        return err_set(reterr, "more than %d labels", SERIES_LABELS_MAX);
    struct series_label *l = &s->labels[s->label_count];
    peek(r);
    l->name = r->text + r->at;
    l->name_len = series_label_span(l->name, r->n - r->at);
    if (l->name_len == 0)
        return unexpected(r, "a label's name", reterr);
    r->at += l->name_len;
    if (peek(r) != '=')
        return unexpected(r, "'='", reterr);
    r->at++;
    if (read_value(r, l, &r->starts[s->label_count], reterr) < 0)
        return -1;
    s->label_count++;
    return 0;
}

static int read_labels(struct reader *r, struct series *s, struct err *reterr)
{
    for (char c; (c = peek(r)) != '}';) {
        if (read_label(r, s, reterr) < 0)
            return -1;
        c = peek(r);
        if (c == ',')
            r->at++;
        else if (c != '}')
            return unexpected(r, "',' or '}'", reterr);
    }
    r->at++;
    return 0;
}

int series_parse(const char *text, size_t n, struct str *room, struct series *ret,
                 struct err *reterr)
{
    struct reader r = {.text = text, .n = n, .room = room};
    struct series *s = ret;
    assert(room->max >= n);
    str_clear(room);
    s->label_count = 0;
    peek(&r);
    s->name = text + r.at;
    s->name_len = series_name_span(s->name, n - r.at);
    if (s->name_len == 0)
        return unexpected(&r, "a metric's name", reterr);
    r.at += s->name_len;
    if (peek(&r) == '{') {
        r.at++;
        if (read_labels(&r, s, reterr) < 0)
            return -1;
    }
    peek(&r);
    if (r.at < n)
        return unexpected(&r, "the end of the series", reterr);
    for (size_t i = 0; i < s->label_count; i++)
        s->labels[i].value = room->buf + r.starts[i];
    return 0;
}

const struct series_label *series_label(const struct series *s, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < s->label_count; i++)
        if (s->labels[i].name_len == n && memcmp(s->labels[i].name, name, n) == 0)
            return &s->labels[i];
    return NULL;
}
