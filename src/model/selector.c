#include "model/selector.h"

#include "base/mem.h"
#include "model/lex.h"
#include "model/regex.h"

#include <assert.h>
#include <math.h>

#define NAME_LABEL "__name__"

enum match_op { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE };

static const char *const op_texts[] = {
    [MATCH_EQ] = "=",
    [MATCH_NE] = "!=",
    [MATCH_RE] = "=~",
    [MATCH_NRE] = "!~",
};

struct matcher {
    const char *label;
    const char *value;
    size_t value_len;
    enum match_op op;
    bool is_number; /* `le` and `quantile`, when the value is one */
    double number;
    const struct regex *re;
};

struct selector {
    const char *name; /* or NULL: then the matchers say all */
    const char *text;
    size_t count;
    struct matcher at[];
};

/* ---- matching ------------------------------------------------------------ */

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool equals(const struct matcher *m, const char *value, size_t n)
{
    double v;
    if (n == m->value_len && memcmp(value, m->value, n) == 0)
        return true;
    return m->is_number && series_number(value, n, &v) && same_number(v, m->number);
}

static int match_pattern(const struct matcher *m, const char *value, size_t n, struct err *reterr)
{
    char number[SERIES_NUMBER_MAX];
    double v;
    if (series_is_number(m->label, strlen(m->label)) && series_number(value, n, &v)) {
        value = series_number_text(number, v);
        n = strlen(number);
    }
    return regex_match(m->re, value, n, reterr);
}

static int match_value(const struct matcher *m, const char *value, size_t n, struct err *reterr)
{
    if (m->op == MATCH_EQ || m->op == MATCH_NE)
        return equals(m, value, n) == (m->op == MATCH_EQ);
    int rc = match_pattern(m, value, n, reterr);
    return rc < 0 ? -1 : (rc == 1) == (m->op == MATCH_RE);
}

static bool is_name(const struct matcher *m)
{
    return strcmp(m->label, NAME_LABEL) == 0;
}

int selector_matches_name(const struct selector *s, const char *name, size_t n, struct err *reterr)
{
    if (s->name)
        return strlen(s->name) == n && memcmp(s->name, name, n) == 0;
    for (size_t i = 0; i < s->count; i++) {
        int rc = is_name(&s->at[i]) ? match_value(&s->at[i], name, n, reterr) : 1;
        if (rc != 1)
            return rc;
    }
    return 1;
}

int selector_matches(const struct selector *s, const struct series *series, struct err *reterr)
{
    int rc = selector_matches_name(s, series->name, series->name_len, reterr);
    for (size_t i = 0; i < s->count && rc == 1; i++) {
        if (is_name(&s->at[i]))
            continue;
        const struct series_label *l = series_label(series, s->at[i].label);
        rc = match_value(&s->at[i], l ? l->value : "", l ? l->value_len : 0, reterr);
    }
    return rc;
}

static int by_text(const void *x, const void *y)
{
    const struct matcher *a = x, *b = y;
    int order = strcmp(a->label, b->label);
    if (order == 0)
        order = (a->op > b->op) - (a->op < b->op);
    return order ? order : strcmp(a->value, b->value);
}

bool selector_covers(const struct selector *a, const struct selector *b)
{
    if (!a->name || !b->name || strcmp(a->name, b->name) != 0)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        size_t j = 0;
        while (j < b->count && by_text(&a->at[i], &b->at[j]) != 0)
            j++;
        if (j == b->count)
            return false;
    }
    return true;
}

/* ---- building ------------------------------------------------------------ */

/* Words that PromQL takes for something else than a metric's name. */
static bool is_reserved(const char *name, size_t n)
{
    static const char *const words[] = {
        "bool", "ignoring", "on", "group_left", "group_right", "inf", "nan", "atan2",
    };
    for (size_t i = 0; i < countof(words); i++)
        if (strlen(words[i]) == n && strncasecmp(words[i], name, n) == 0)
            return true;
    return false;
}

static bool is_plain_name(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && series_name_span(name, n) == n && !is_reserved(name, n);
}

/* The one matcher that makes up the name, or `count`. */
static size_t find_name(const struct matcher *at, size_t count)
{
    size_t found = count;
    for (size_t i = 0; i < count; i++) {
        if (!is_name(&at[i]))
            continue;
        if (found < count)
            return count;
        found = i;
    }
    bool plain = found < count && at[found].op == MATCH_EQ && is_plain_name(at[found].value);
    return plain ? found : count;
}

static const char *make_text(struct arena *a, const struct selector *s)
{
    struct str out;
    size_t max = s->name ? strlen(s->name) : 0;
    for (size_t i = 0; i < s->count; i++)
        max += strlen(s->at[i].label) + 2 * s->at[i].value_len + 8;
    str_init(&out, max + 2);
    if (s->name)
        str_add(&out, s->name);
    for (size_t i = 0; i < s->count; i++) {
        const struct matcher *m = &s->at[i];
        str_addc(&out, i ? ',' : '{');
        str_add(&out, m->label);
        str_add(&out, op_texts[m->op]);
        series_put_value(&out, m->value, m->value_len);
    }
    if (s->count > 0)
        str_addc(&out, '}');
    assert(!out.overflow);
    const char *text = arena_strdup(a, out.buf);
    str_release(&out);
    return text;
}

/* Sorts and thins out `at`. */
static const struct selector *build(struct arena *a, struct matcher *at, size_t count)
{
    struct selector *s = arena_alloc(a, sizeof(*s) + count * sizeof(*at));
    qsort(at, count, sizeof(*at), by_text);
    size_t unique = 0;
    for (size_t i = 0; i < count; i++)
        if (unique == 0 || by_text(&at[unique - 1], &at[i]) != 0)
            at[unique++] = at[i];
    size_t name = find_name(at, unique);
    for (size_t i = 0; i < unique; i++) {
        if (i == name)
            s->name = at[i].value;
        else
            s->at[s->count++] = at[i];
    }
    s->text = make_text(a, s);
    return s;
}

static void set_value(struct arena *a, struct matcher *m, const char *value)
{
    char number[SERIES_NUMBER_MAX];
    bool plain = m->op == MATCH_EQ || m->op == MATCH_NE;
    m->is_number = plain && series_is_number(m->label, strlen(m->label)) &&
                   series_number(value, strlen(value), &m->number);
    m->value = arena_strdup(a, m->is_number ? series_number_text(number, m->number) : value);
    m->value_len = strlen(m->value);
}

const char *selector_text(const struct selector *s)
{
    return s->text;
}

const char *selector_name(const struct selector *s)
{
    return s->name;
}

bool selector_names(const struct selector *s, const char *label)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->at[i].label, label) == 0)
            return true;
    return s->name && strcmp(label, NAME_LABEL) == 0;
}

const struct selector *selector_with(struct arena *a, const struct selector *s, const char *label,
                                     const char *value)
{
    /* Room for the name, and the new one. */
    struct matcher *at = arena_alloc(a, (s->count + 2) * sizeof(*at));
    size_t count = 0;
    if (s->name && strcmp(label, NAME_LABEL) != 0) {
        at[count] = (struct matcher){.label = NAME_LABEL};
        set_value(a, &at[count++], s->name);
    }
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->at[i].label, label) != 0)
            at[count++] = s->at[i];
    if (value) {
        at[count] = (struct matcher){.label = arena_strdup(a, label)};
        set_value(a, &at[count++], value);
    }
    return build(a, at, count);
}

const struct selector *selector_rename(struct arena *a, const struct selector *s, const char *name)
{
    return selector_with(a, s, NAME_LABEL, name);
}

/* ---- reading ------------------------------------------------------------- */

struct reader {
    struct lex *lex;
    struct arena *arena;
    struct matcher at[SELECTOR_MATCHERS_MAX + 1];
    size_t count;
    bool named; /* by a name in front of the braces */
};

static void free_pattern(void *re)
{
    regex_free(re);
}

static int compile(struct reader *r, struct matcher *m, struct err *reterr)
{
    struct regex *re;
    if (m->op != MATCH_RE && m->op != MATCH_NRE)
        return 0;
    if (regex_compile_whole(m->value, &re, reterr) < 0)
        return -1;
    arena_on_release(r->arena, free_pattern, re);
    m->re = re;
    return 0;
}

static int read_op(struct reader *r, enum match_op *ret, struct err *reterr)
{
    static const enum match_op longest_first[] = {MATCH_NRE, MATCH_RE, MATCH_NE, MATCH_EQ};
    for (size_t i = 0; i < countof(longest_first); i++) {
        if (lex_take(r->lex, op_texts[longest_first[i]])) {
            *ret = longest_first[i];
            return 0;
        }
    }
    return lex_expected(r->lex, "=, !=, =~ or !~", reterr);
}

static int read_matcher(struct reader *r, struct err *reterr)
{
    struct matcher *m = &r->at[r->count];
    struct lex *l = r->lex;
    lex_peek(l);
    size_t len = series_label_span(l->text + l->at, l->n - l->at);
    if (len == 0)
        return lex_expected(l, "a label's name or '}'", reterr);
    if (r->count - r->named == SELECTOR_MATCHERS_MAX)
        return err_set(reterr, "more than %d matchers", SELECTOR_MATCHERS_MAX);
    *m = (struct matcher){.label = arena_strndup(r->arena, l->text + l->at, len)};
    if (r->named && is_name(m))
        return err_set(reterr, "the metric has a name already");
    l->at += len;
    if (read_op(r, &m->op, reterr) < 0)
        return -1;

    lex_peek(l);
    size_t value_at = l->at;
    struct str value;
    str_init(&value, l->n);
    int rc = lex_string(l, &value, reterr);
    if (rc == 0) {
        set_value(r->arena, m, value.buf);
        size_t behind = l->at;
        l->at = value_at; /* where a bad pattern is */
        rc = compile(r, m, reterr);
        l->at = rc == 0 ? behind : value_at;
        r->count++;
    }
    str_release(&value);
    return rc;
}

static int read_braces(struct reader *r, struct err *reterr)
{
    while (!lex_take(r->lex, "}")) {
        if (read_matcher(r, reterr) < 0)
            return -1;
        if (!lex_take(r->lex, ",") && lex_peek(r->lex) != '}')
            return lex_expected(r->lex, "',' or '}'", reterr);
    }
    return 0;
}

static int read_name(struct reader *r, struct err *reterr)
{
    struct lex *l = r->lex;
    const char *name = l->text + l->at;
    size_t len = series_name_span(name, l->n - l->at);
    if (len == 0)
        return 0;
    if (is_reserved(name, len))
        return err_set(reterr, "'%.*s' is a word of PromQL: write {__name__=\"%.*s\"}", (int)len,
                       name, (int)len, name);
    struct matcher *m = &r->at[r->count++];
    *m = (struct matcher){.label = NAME_LABEL};
    set_value(r->arena, m, arena_strndup(r->arena, name, len));
    l->at += len;
    r->named = true;
    return 0;
}

/* Whether all of it would match a series without any label, or name. */
static int takes_nothing(const struct reader *r, struct err *reterr)
{
    for (size_t i = 0; i < r->count; i++) {
        int rc = match_value(&r->at[i], "", 0, reterr);
        if (rc != 1)
            return rc;
    }
    return 1;
}

int lex_selector(struct lex *l, struct arena *a, const struct selector **ret, struct err *reterr)
{
    struct reader r = {.lex = l, .arena = a};
    lex_peek(l);
    size_t start = l->at;
    if (read_name(&r, reterr) < 0)
        return -1;
    bool braces = lex_take(l, "{");
    if (!braces && !r.named)
        return lex_expected(l, "a metric's name or '{'", reterr);
    if (braces && read_braces(&r, reterr) < 0)
        return -1;
    int nothing = takes_nothing(&r, reterr);
    if (nothing != 0)
        l->at = start;
    if (nothing == 1)
        err_set(reterr, "a selector needs a name, or a matcher that does not match \"\"");
    if (nothing != 0)
        return -1;
    *ret = build(a, r.at, r.count);
    return 0;
}

int selector_parse(struct arena *a, const char *text, size_t n, const struct selector **ret,
                   size_t *ret_at, struct err *reterr)
{
    struct lex l = {.text = text, .n = n};
    const struct selector *s = NULL;
    int rc;
    if (n > SELECTOR_TEXT_MAX)
        rc = err_set(reterr, "a selector of %zu bytes: at most %d are allowed", n,
                     SELECTOR_TEXT_MAX);
    else
        rc = lex_selector(&l, a, &s, reterr);
    if (rc == 0 && lex_peek(&l) != '\0')
        rc = lex_expected(&l, "the end of the selector", reterr);
    if (rc == 0)
        *ret = s;
    else if (ret_at)
        *ret_at = l.at;
    return rc;
}
