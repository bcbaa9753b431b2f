/* Lines of OpenMetrics 1.0: one space where there is one, and nothing else. */
#include "wire/promtext_internal.h"

#include "base/json.h"

#include <math.h>

static int om_fail(struct promtext *p, const char *at, const char *expected)
{
    char buf[SHOWN_MAX];
    return promtext_fail(p, at, "expected %s, found %s", expected, shown(buf, at, p->reader->end));
}

static const char *om_expected(struct promtext *p, const char *at, const char *expected)
{
    om_fail(p, at, expected);
    return NULL;
}

static bool begins(const char *s, const char *eol, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(eol - s) >= n && memcmp(s, word, n) == 0;
}

/* ---- metadata ---------------------------------------------------------------------------- */

/* Text with \n, \" and \\ for what it cannot hold as it is. */
static int check_escaped(struct promtext *p, const char *s, const char *eol)
{
    const char *bad;
    if (!text_valid(s, (size_t)(eol - s), &bad))
        return promtext_fail(p, bad, "the help text is not UTF-8: byte 0x%02x",
                             (unsigned char)*bad);
    for (; s < eol; s++) {
        if (*s == '"')
            return promtext_fail(p, s, "a double quote in a help text is written \\\"");
        if (*s != '\\')
            continue;
        s++;
        if (s == eol)
            return promtext_fail(p, s - 1, "a backslash in a help text is written \\\\");
    }
    return 0;
}

static int om_meta(struct promtext *p, const char *line, const char *eol, enum meta what)
{
    const char *name = line + strlen("# TYPE ");
    if (name == eol || !char_is(*name, NAME_START))
        return om_fail(p, name, "the name of a metric family");
    const char *s = skip_chars(name, eol, NAME_CHAR);
    size_t len = (size_t)(s - name);
    if (s == eol || *s != ' ')
        return om_fail(p, s, "one space after the name");
    s++;
    if (what == META_HELP && check_escaped(p, s, eol) < 0)
        return -1;
    if (what == META_UNIT && skip_chars(s, eol, NAME_CHAR) < eol)
        return om_fail(p, skip_chars(s, eol, NAME_CHAR), "a unit in letters, digits, '_' or ':'");
    return family_meta(p, line, what, name, len, s, (size_t)(eol - s));
}

static int om_eof(struct promtext *p, const char *behind)
{
    struct promtext_reader *r = p->reader;
    if (behind < r->end && *behind == '\n')
        behind++;
    if (behind < r->end)
        return promtext_fail(p, behind, "there must be nothing behind # EOF");
    if (family_end(p) < 0)
        return -1;
    r->om.over = true;
    r->at = r->end;
    return 0;
}

static int om_comment(struct promtext *p, const char *s, const char *eol)
{
    static const char *const words[METAS] = {"# TYPE ", "# UNIT ", "# HELP "};
    for (enum meta i = 0; i < METAS; i++) {
        if (begins(s, eol, words[i]))
            return om_meta(p, s, eol, i);
    }
    return promtext_fail(p, s,
                         "a line that begins with # is '# TYPE', '# HELP' or '# UNIT' with a name, "
                         "or '# EOF'; there are no comments");
}

/* ---- samples -------------------------------------------------------------------------------- */

struct label_at {
    const char *name, *value;
    size_t name_len, value_len;
    bool escaped;
};

/* name="value", to behind the quote. */
static const char *om_label(struct promtext *p, const char *s, const char *eol,
                            struct label_at *ret)
{
    if (s == eol || !char_is(*s, LABEL_START))
        return om_expected(p, s, "a label name");
    *ret = (struct label_at){.name = s};
    s = skip_chars(s, eol, LABEL_CHAR);
    ret->name_len = (size_t)(s - ret->name);
    if (*ret->name == '_') {
        promtext_fail(p, ret->name, "label names that begin with '_' are reserved");
        return NULL;
    }
    if (s == eol || *s != '=')
        return om_expected(p, s, "'=' right after the label name");
    if (s + 1 >= eol || s[1] != '"')
        return om_expected(p, s + 1, "a double quote right after '='");
    ret->value = s + 2;
    s = quoted_end(p, ret->value, eol, false, &ret->escaped);
    if (s)
        ret->value_len = (size_t)(s - 1 - ret->value);
    return s;
}

/* From behind '{' to behind '}'; labels go to `take`. */
static const char *om_labels(struct promtext *p, const char *s, const char *eol,
                             int (*take)(struct promtext *p, struct sample_line *l,
                                         const struct label_at *label),
                             struct sample_line *l)
{
    struct label_at label;
    if (s < eol && *s == '}')
        return s + 1;
    for (;;) {
        s = om_label(p, s, eol, &label);
        if (!s || take(p, l, &label) < 0)
            return NULL;
        if (s < eol && *s == '}')
            return s + 1;
        if (s == eol || *s != ',')
            return om_expected(p, s, "',' or '}' right after the label's value");
        s++;
    }
}

static int take_label(struct promtext *p, struct sample_line *l, const struct label_at *label)
{
    return sample_line_add(p, l, label->name, label->name_len, label->value, label->value_len,
                           label->escaped);
}

static size_t code_points(const char *s, size_t n, bool escaped)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        bool pair = escaped && s[i] == '\\' && i + 1 < n && memchr("\\\"n", s[i + 1], 3);
        count += ((unsigned char)s[i] & 0xc0) != 0x80;
        i += pair;
    }
    return count;
}

/* Exemplars are checked and dropped: only their length matters. A name that
 * comes twice is looked for in what was read of them. */
static int take_exemplar_label(struct promtext *p, struct sample_line *l,
                               const struct label_at *label)
{
    const char *s = memchr(l->exemplar.at, '{', (size_t)(label->name - l->exemplar.at));
    struct label_at other;
    for (s++; s < label->name; s++) {
        s = om_label(p, s, label->name, &other);
        if (!s)
            return -1;
        if (other.name_len == label->name_len &&
            memcmp(other.name, label->name, label->name_len) == 0)
            return promtext_fail(p, label->name, "a label of the exemplar comes twice");
    }
    l->exemplar.chars += label->name_len;
    l->exemplar.chars += code_points(label->value, label->value_len, label->escaped);
    if (l->exemplar.chars > EXEMPLAR_CHARS_MAX)
        return promtext_fail(p, l->exemplar.at,
                             "the names and values of an exemplar's labels are over %d characters",
                             EXEMPLAR_CHARS_MAX);
    return 0;
}

static const char *token_end(const char *s, const char *eol)
{
    const char *space = memchr(s, ' ', (size_t)(eol - s));
    return space ? space : eol;
}

static const char *om_number(struct promtext *p, const char *s, const char *eol, const char *what,
                             double *ret)
{
    const char *end = token_end(s, eol);
    int n = end - s > 40 ? 40 : (int)(end - s);
    if (end == s)
        return om_expected(p, s, what);
    switch (number_read(s, (size_t)(end - s), ret)) {
    case NUMBER_OK:
        return end;
    case NUMBER_RANGE:
        promtext_fail(p, s, "'%.*s' does not fit in 64 bits of floating point", n, s);
        return NULL;
    case NUMBER_SYNTAX:
        break;
    }
    promtext_fail(p, s, "expected %s; '%.*s' is not a number", what, n, s);
    return NULL;
}

static const char *om_time(struct promtext *p, const char *s, const char *eol, int128 *ret)
{
    const char *end = token_end(s, eol);
    int n = end - s > 40 ? 40 : (int)(end - s);
    if (end == s)
        return om_expected(p, s, "a timestamp in seconds");
    if (seconds_read(s, (size_t)(end - s), ret) == NUMBER_OK)
        return end;
    promtext_fail(p, s, "'%.*s' is not a timestamp: seconds, as a number that is finite", n, s);
    return NULL;
}

/* " # {labels} value [time]", to the end of the line; `s` is at the '#'. */
static const char *om_exemplar(struct promtext *p, const char *s, const char *eol,
                               struct sample_line *l)
{
    int128 time;
    l->exemplar.at = s;
    l->exemplar.chars = 0;
    if (!begins(s, eol, "# {"))
        return om_expected(p, s + 1, "' {' and the exemplar's labels");
    s = om_labels(p, s + 3, eol, take_exemplar_label, l);
    if (!s)
        return NULL;
    if (s == eol || *s != ' ')
        return om_expected(p, s, "one space and the exemplar's value");
    l->exemplar.value_at = s + 1;
    s = om_number(p, s + 1, eol, "the exemplar's value", &l->exemplar.value);
    if (s && s < eol)
        s = om_time(p, s + 1, eol, &time);
    return s;
}

/* From behind the labels to the end of the line. */
static const char *om_tail(struct promtext *p, const char *s, const char *eol,
                           struct sample_line *l)
{
    if (s == eol || *s != ' ')
        return om_expected(p, s, "one space and a value");
    l->value_at = ++s;
    s = om_number(p, s, eol, "a value", &l->value);
    if (s && s < eol && s[1] != '#') {
        l->time_at = s + 1;
        l->has_time = true;
        s = om_time(p, s + 1, eol, &l->time_ps);
    }
    if (s && s < eol && s[1] == '#')
        s = om_exemplar(p, s + 1, eol, l);
    if (s && s < eol)
        return om_expected(p, s, "the end of the line");
    return s;
}

static int om_sample(struct promtext *p, const char *s, const char *eol,
                     struct promtext_sample *ret)
{
    struct promtext_reader *r = p->reader;
    struct sample_line *l = &r->line;
    enum promtext_type type;
    if (!char_is(*s, NAME_START))
        return om_fail(p, s, "a metric name or '#'");
    l->at = l->series.name = s;
    s = skip_chars(s, eol, NAME_CHAR);
    l->series.name_len = (size_t)(s - l->at);
    l->series.label_count = 0;
    l->escaped = 0;
    l->has_time = false;
    l->exemplar.at = NULL;
    if (s < eol && *s == '{')
        s = om_labels(p, s + 1, eol, take_label, l);
    if (s)
        s = om_tail(p, s, eol, l);
    if (!s || sample_line_finish(p, l) < 0 || family_sample(p, l, &type) < 0)
        return -1;
    if (!wanted_name(&r->wanted, l->series.name, l->series.name_len)) {
        r->at = eol + 1;
        return 0;
    }
    int rc = promtext_give(p, l, type, ret);
    if (rc >= 0)
        r->at = eol + 1;
    return rc;
}

/* ---- the page ---------------------------------------------------------------------------- */

static int om_unended(struct promtext *p, const char *s)
{
    p->reader->om.over = true; /* told once */
    if (s == p->reader->end)
        return promtext_fail(p, s, "the page does not end with # EOF");
    return promtext_fail(p, p->reader->end, "the page is cut off: it does not end with # EOF");
}

static int om_line(struct promtext *p, const char *s, struct promtext_sample *ret)
{
    struct promtext_reader *r = p->reader;
    if (begins(s, r->end, "# EOF") && (s + 5 == r->end || s[5] == '\n'))
        return om_eof(p, s + 5);
    const char *eol = s < r->end ? memchr(s, '\n', (size_t)(r->end - s)) : NULL;
    if (!eol)
        return om_unended(p, s);
    if (eol == s)
        return promtext_fail(p, s, "there are no empty lines in OpenMetrics");
    if (eol[-1] == '\r')
        return promtext_fail(p, eol - 1, "a line ends with LF, not with CR LF");
    if (s == r->page && begins(s, eol, "\xef\xbb\xbf"))
        return promtext_fail(p, s, "there must be no byte order mark");
    if (*s != '#')
        return om_sample(p, s, eol, ret);
    int rc = om_comment(p, s, eol);
    if (rc == 0)
        r->at = eol + 1;
    return rc;
}

int openmetrics_next(struct promtext *p, struct promtext_sample *ret)
{
    struct promtext_reader *r = p->reader;
    int rc = 0;
    while (rc == 0 && !r->om.over)
        rc = promtext_stopped(p) ? -1 : om_line(p, r->at, ret);
    return rc;
}
