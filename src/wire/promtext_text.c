/* Prometheus text 0.0.4, as tolerant as Prometheus is. */
#include "wire/promtext_internal.h"

#include <inttypes.h>

static int text_fail(struct promtext *p, const char *at, const char *expected)
{
    char buf[SHOWN_MAX];
    if (at < p->reader->end && *at == '\r')
        return promtext_fail(p, at, "expected %s, found a carriage return; lines end with LF alone",
                             expected);
    return promtext_fail(p, at, "expected %s, found %s", expected, shown(buf, at, p->reader->end));
}

static const char *text_expected(struct promtext *p, const char *at, const char *expected)
{
    text_fail(p, at, expected);
    return NULL;
}

static const char *skip_blanks(const char *s, const char *end)
{
    return s < end && char_is(*s, BLANK) ? skip_chars(s, end, BLANK) : s;
}

static const char *end_of_line(const char *s, const char *end)
{
    const char *lf = memchr(s, '\n', (size_t)(end - s));
    return lf ? lf : end;
}

/* ---- comments, HELP and TYPE ---------------------------------------------------------- */

static int text_type(struct promtext *p, const char *name, size_t len, const char *s, size_t n)
{
    struct promtext_reader *r = p->reader;
    enum promtext_type type = type_of_word(s, n);
    if (type > PROMTEXT_SUMMARY)
        return promtext_fail(
            p, s, "'%.*s' is not a type; there are counter, gauge, histogram, summary and untyped",
            (int)(n > 40 ? 40 : n), s);
    r->text.type_name = name;
    r->text.type_len = len;
    r->text.type = type;
    return 0;
}

/* `s` is behind the '#'. What is not exactly HELP or TYPE is a comment. */
static int text_comment(struct promtext *p, const char *s)
{
    struct promtext_reader *r = p->reader;
    const char *eol = end_of_line(s, r->end), *word = skip_blanks(s, eol), *bad;
    bool help = eol - word > 4 && memcmp(word, "HELP", 4) == 0;
    bool type = eol - word > 4 && memcmp(word, "TYPE", 4) == 0;
    if (word > s && (help || type) && char_is(word[4], BLANK)) {
        const char *name = skip_blanks(word + 4, eol);
        if (name == eol || !char_is(*name, NAME_START))
            return text_fail(p, name,
                             help ? "a metric name after HELP" : "a metric name after TYPE");
        const char *behind = skip_chars(name, eol, NAME_CHAR);
        const char *rest = behind + (behind < eol);
        if (type && text_type(p, name, (size_t)(behind - name), rest, (size_t)(eol - rest)) < 0)
            return -1;
        if (help && !text_valid(rest, (size_t)(eol - rest), &bad))
            return promtext_fail(p, bad, "the help text is not UTF-8: byte 0x%02x",
                                 (unsigned char)*bad);
    }
    r->at = eol + (eol < r->end);
    return 0;
}

/* ---- samples ----------------------------------------------------------------------------- */

/* name="value", from where the name begins; `l` takes it, if there is one. */
static const char *text_label(struct promtext *p, const char *s, struct sample_line *l)
{
    const char *end = p->reader->end, *name = s;
    bool escaped;
    if (!char_is(*s, LABEL_START))
        return text_expected(p, s, "a label name or '}'");
    s = skip_chars(s, end, LABEL_CHAR);
    size_t name_len = (size_t)(s - name);
    if (*name == '_' && name_len == 8 && memcmp(name, "__name__", 8) == 0) {
        promtext_fail(p, name, "the name of a series stands before its labels, not among them");
        return NULL;
    }
    s = skip_blanks(s, end);
    if (s == end || *s != '=')
        return text_expected(p, s, "'=' after the label name");
    s = skip_blanks(s + 1, end);
    if (s == end || *s != '"')
        return text_expected(p, s, "the label's value in double quotes");
    const char *value = ++s;
    s = quoted_end(p, s, end, true, &escaped);
    if (s && l &&
        sample_line_add(p, l, name, name_len, value, (size_t)(s - 1 - value), escaped) < 0)
        return NULL;
    return s;
}

/* From behind '{', or from where a label begins, to behind '}'. A comma between
 * labels may be missing. */
static const char *text_labels(struct promtext *p, const char *s, struct sample_line *l)
{
    struct promtext_reader *r = p->reader;
    const char *end = r->end;
    bool comma = true; /* or the brace: another label could begin as well as none */
    for (;;) {
        s = skip_blanks(s, end);
        if (s == end)
            return text_expected(p, s, "a label name or '}'");
        if (*s == '}')
            return s + 1;
        if (!l && comma && r->text.bound_count < BOUNDS_MAX)
            r->text.bounds[r->text.bound_count++] = (size_t)(s - r->text.before);
        s = text_label(p, s, l);
        if (!s)
            return NULL;
        if (!l)
            r->text.before_len = (size_t)(s - r->text.before);
        s = skip_blanks(s, end);
        comma = s < end && *s == ',';
        s += comma;
    }
}

/* A number's digits and one point, to the end of the line: nearly all. */
static const char *plain_value(const char *s, const char *end)
{
    const char *begin = s;
    s += s < end && *s == '-';
    const char *digits = s;
    s = skip_chars(s, end, DIGIT);
    bool any = s > digits;
    if (s < end && *s == '.') {
        const char *fraction = s + 1;
        s = skip_chars(fraction, end, DIGIT);
        any |= s > fraction;
    }
    /* 300 digits fit into any double */
    return any && s < end && *s == '\n' && s - begin < 300 ? s : NULL;
}

static const char *text_number(struct promtext *p, const char *s, double *ret)
{
    const char *end = p->reader->end, *token = s;
    while (s < end && *s != '{' && *s != '\n' && !char_is(*s, BLANK))
        s++;
    if (s == token)
        return text_expected(p, s, "a value");
    switch (number_read(token, (size_t)(s - token), ret)) {
    case NUMBER_OK:
        return s;
    case NUMBER_RANGE:
        promtext_fail(p, token, "the value does not fit in 64 bits of floating point");
        return NULL;
    case NUMBER_SYNTAX:
        break;
    }
    if (s[-1] == '\r')
        return text_expected(p, s - 1, "the end of the line");
    int n = s - token > 40 ? 40 : (int)(s - token);
    promtext_fail(p, token, "'%.*s' is not a number", n, token);
    return NULL;
}

/* Whole milliseconds, without a sign. */
static const char *text_time(struct promtext *p, const char *s, struct sample_line *l)
{
    const char *begin = s, *end = skip_chars(s, p->reader->end, DIGIT);
    uint64_t ms = 0;
    if (s == end)
        return text_expected(p, s, "a timestamp in milliseconds or the end of the line");
    for (; s < end; s++) {
        if (__builtin_mul_overflow(ms, 10, &ms) ||
            __builtin_add_overflow(ms, (uint64_t)(*s - '0'), &ms) || ms > INT64_MAX) {
            promtext_fail(p, begin, "the timestamp does not fit in 64 bits");
            return NULL;
        }
    }
    l->has_time = true;
    l->time_ps = (int128)ms * 1000000000;
    return s;
}

/* From behind the labels to behind the end of the line. */
static const char *text_tail(struct promtext *p, const char *s, struct sample_line *l)
{
    const char *end = p->reader->end;
    s = skip_blanks(s, end);
    s = text_number(p, s, &l->value);
    if (!s)
        return NULL;
    s = skip_blanks(s, end);
    if (s < end && *s != '\n') {
        s = text_time(p, s, l);
        if (!s)
            return NULL;
        s = skip_blanks(s, end);
    }
    if (s < end && *s != '\n')
        return text_expected(p, s, "the end of the line");
    return s + (s < end);
}

/* How much of the line at `s` is as in the unwanted one before, up to where a
 * label begins; 0: nothing that helps. */
static size_t shared_with_before(struct promtext_reader *r, const char *s)
{
    size_t n = r->text.before_len, i = 0;
    if ((size_t)(r->end - s) < n)
        n = (size_t)(r->end - s);
    while (n - i >= 8) {
        uint64_t a, b;
        memcpy(&a, r->text.before + i, sizeof(a));
        memcpy(&b, s + i, sizeof(b));
        if (a != b)
            break;
        i += 8;
    }
    while (i < n && r->text.before[i] == s[i])
        i++;
    size_t k = r->text.bound_count;
    while (k > 0 && r->text.bounds[k - 1] > i)
        k--;
    if (k == 0)
        return 0;
    /* That label is read again, and bounds its place anew. */
    r->text.bound_count = k - 1;
    return r->text.bounds[k - 1];
}

/* A line that is not wanted, its name ending at `name_end`, or the first `shared`
 * bytes being known. */
static int text_skip(struct promtext *p, const char *s, const char *name_end, size_t shared)
{
    struct promtext_reader *r = p->reader;
    const char *end = r->end, *behind;
    r->text.before = s;
    r->text.before_len = shared; /* labels that follow add to it */
    if (shared) {
        s = text_labels(p, s + shared, NULL);
    } else {
        r->text.bound_count = 0;
        s = skip_blanks(name_end, end);
        if (s < end && *s == '{')
            s = text_labels(p, s + 1, NULL);
    }
    if (!s) {
        r->text.bound_count = 0;
        return -1;
    }
    s = skip_blanks(s, end);
    behind = plain_value(s, end);
    if (behind) {
        r->at = behind + 1;
        return 0;
    }
    struct sample_line *l = &r->line;
    s = text_tail(p, s, l);
    if (!s)
        return -1;
    r->at = s;
    return 0;
}

static enum promtext_type text_type_of(const struct promtext_reader *r, const struct series *s)
{
    static const char *const suffixes[] = {"_bucket", "_count", "_sum"};
    size_t n = r->text.type_len;
    if (!r->text.type_name || s->name_len < n || memcmp(s->name, r->text.type_name, n) != 0)
        return PROMTEXT_UNTYPED;
    const char *suffix = s->name + n;
    size_t len = s->name_len - n;
    bool histogram = r->text.type == PROMTEXT_HISTOGRAM;
    if (len == 0 && !histogram)
        return r->text.type;
    if (!histogram && r->text.type != PROMTEXT_SUMMARY)
        return PROMTEXT_UNTYPED;
    for (size_t i = histogram ? 0 : 1; i < 3; i++) {
        if (strlen(suffixes[i]) == len && memcmp(suffixes[i], suffix, len) == 0)
            return r->text.type;
    }
    return PROMTEXT_UNTYPED;
}

static int text_take(struct promtext *p, const char *s, const char *name_end,
                     struct promtext_sample *ret)
{
    struct promtext_reader *r = p->reader;
    struct sample_line *l = &r->line;
    r->text.bound_count = 0;
    r->text.before_len = 0;
    l->at = l->series.name = s;
    l->series.name_len = (size_t)(name_end - s);
    l->series.label_count = 0;
    l->escaped = 0;
    l->has_time = false;
    s = skip_blanks(name_end, r->end);
    if (s < r->end && *s == '{')
        s = text_labels(p, s + 1, l);
    if (s)
        s = text_tail(p, s, l);
    if (!s || sample_line_finish(p, l) < 0)
        return -1;
    r->at = s;
    return promtext_give(p, l, text_type_of(r, &l->series), ret);
}

/* 1: wanted; 0: go on; -1. */
static int text_sample(struct promtext *p, const char *s, struct promtext_sample *ret)
{
    struct promtext_reader *r = p->reader;
    size_t shared = r->text.bound_count ? shared_with_before(r, s) : 0;
    if (shared)
        return text_skip(p, s, NULL, shared);
    if (!char_is(*s, NAME_START))
        return text_fail(p, s, "a metric name, '#' or an empty line");
    const char *name_end = skip_chars(s, r->end, NAME_CHAR);
    if (wanted_name(&r->wanted, s, (size_t)(name_end - s)))
        return text_take(p, s, name_end, ret);
    return text_skip(p, s, name_end, 0);
}

int text_next(struct promtext *p, struct promtext_sample *ret)
{
    struct promtext_reader *r = p->reader;
    int rc = 0;
    while (rc == 0) {
        if (promtext_stopped(p))
            return -1;
        const char *s = skip_blanks(r->at, r->end);
        if (s == r->end)
            return 0;
        if (*s == '\n')
            r->at = s + 1;
        else if (*s == '#')
            rc = text_comment(p, s + 1);
        else if (s > r->at)
            rc = promtext_fail(p, r->at, "blanks before the name of a series");
        else
            rc = text_sample(p, s, ret);
    }
    return rc;
}
