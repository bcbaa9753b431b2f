#include "model/matcher.h"

#include "base/json.h"
#include "base/mem.h"
#include "model/lex.h"
#include "model/regex.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#define SPACE " \t\n\v\f\r"
#define RESERVED SPACE "{}!=~,\\\"'`"

static const char *const op_texts[] = {"=", "!=", "=~", "!~"};

/* What one of the two syntaxes reads, before any regex is compiled. */
struct draft {
    const char *name, *value;
    enum matcher_op op;
};

struct drafts {
    struct draft at[MATCHERS_MAX];
    size_t n;
};

static bool is_utf8(const char *s, size_t n)
{
    size_t len = 1;
    for (size_t i = 0; i < n && len > 0; i += len)
        len = json_utf8((const unsigned char *)s + i, n - i);
    return len > 0;
}

static int add_draft(struct drafts *d, struct draft draft, struct err *reterr)
{
    if (d->n == MATCHERS_MAX)
        return err_set(reterr, "more than %d matchers", MATCHERS_MAX);
    d->at[d->n++] = draft;
    return 0;
}

/* The operator at `s`, the longest one; its length, or 0. */
static size_t take_op(const char *s, enum matcher_op *ret)
{
    for (int op = MATCH_NOT_REGEX; op >= MATCH_EQUAL; op--) {
        size_t n = strlen(op_texts[op]);
        if (strncmp(s, op_texts[op], n) == 0) {
            *ret = (enum matcher_op)op;
            return n;
        }
    }
    return 0;
}

/* ---- the UTF-8 syntax ------------------------------------------------------------------ */

static void skip_space(struct lex *l)
{
    l->at += strspn(l->text + l->at, SPACE);
}

static int expected(struct lex *l, const char *what, struct err *reterr)
{
    const char *left = l->text + l->at;
    if (!*left)
        return err_set(reterr, "expected %s at the end", what);
    return err_set(reterr, "expected %s, found '%.20s'", what, left);
}

/* A name or a value: in double quotes, or of characters that mean nothing else. */
static int take_word(struct lex *l, struct arena *a, const char *what, const char **ret,
                     struct err *reterr)
{
    struct str text;
    skip_space(l);
    size_t n = strcspn(l->text + l->at, RESERVED);
    if (n > 0) {
        *ret = arena_strndup(a, l->text + l->at, n);
        l->at += n;
        return 0;
    }
    if (l->text[l->at] != '"')
        return expected(l, what, reterr);
    str_init(&text, 4 * l->n + 1);
    int rc = lex_string(l, &text, reterr);
    if (rc == 0)
        *ret = arena_strdup(a, text.buf);
    str_release(&text);
    return rc;
}

static int take_matcher(struct lex *l, struct arena *a, struct drafts *d, struct err *reterr)
{
    struct draft draft;
    if (take_word(l, a, "a label name", &draft.name, reterr) < 0)
        return -1;
    skip_space(l);
    size_t n = take_op(l->text + l->at, &draft.op);
    if (n == 0)
        return expected(l, "one of =, !=, =~ and !~", reterr);
    l->at += n;
    if (take_word(l, a, "a value", &draft.value, reterr) < 0)
        return -1;
    skip_space(l);
    return add_draft(d, draft, reterr);
}

static int read_utf8(struct lex *l, struct arena *a, struct drafts *d, struct err *reterr)
{
    skip_space(l);
    bool open = l->text[l->at] == '{';
    if (open) {
        l->at++;
        skip_space(l);
    }
    while (l->text[l->at] && l->text[l->at] != '}') {
        if (take_matcher(l, a, d, reterr) < 0)
            return -1;
        if (l->text[l->at] != ',')
            break;
        l->at++;
        skip_space(l);
    }
    if (open && l->text[l->at] != '}')
        return expected(l, "a comma or a closing brace", reterr);
    if (open) {
        l->at++;
        skip_space(l);
    }
    return l->text[l->at] ? expected(l, open ? "nothing more" : "a comma", reterr) : 0;
}

/* ---- the classic syntax ------------------------------------------------------------------ */

/* Takes the escapes out of [s, end), which may stand in double quotes. */
static const char *classic_value(struct arena *a, const char *s, const char *end)
{
    bool quoted = s < end && *s == '"';
    char *out = arena_alloc(a, (size_t)(end - s) + 1), *to = out;
    for (s += quoted; s < end; s++) {
        bool last = s + 1 == end;
        if (*s == '"') {
            if (!quoted || !last)
                return NULL;
            quoted = false;
        } else if (*s == '\\' && !last && s[1] == 'n') {
            *to++ = '\n';
            s++;
        } else if (*s == '\\' && !last && (s[1] == '"' || s[1] == '\\')) {
            *to++ = *++s;
        } else if (*s == '\\' && !last) { /* an escape of nothing stands for itself */
            *to++ = *s++;
            *to++ = *s;
        } else {
            *to++ = *s;
        }
    }
    return quoted ? NULL : out;
}

static int classic_matcher(struct arena *a, const char *s, const char *end, struct drafts *d)
{
    struct draft draft;
    while (s < end && strchr(SPACE, *s))
        s++;
    while (end > s && strchr(SPACE, end[-1]))
        end--;
    const char *name = s;
    while (s < end && (isalnum((unsigned char)*s) || *s == '_' || *s == ':'))
        s++;
    if (s == name || isdigit((unsigned char)*name))
        return -1;
    draft.name = arena_strndup(a, name, (size_t)(s - name));
    while (s < end && strchr(SPACE, *s))
        s++;
    size_t n = take_op(s, &draft.op);
    if (n == 0 || n > (size_t)(end - s))
        return -1;
    s += n;
    while (s < end && strchr(SPACE, *s))
        s++;
    draft.value = classic_value(a, s, end);
    return draft.value ? add_draft(d, draft, NULL) : -1;
}

/* Where the matcher that starts at `s` ends: at a comma that is not in quotes. */
static const char *classic_end(const char *s, const char *end)
{
    bool quoted = false, escaped = false;
    for (; s < end && (quoted || *s != ','); s++) {
        if (*s == '"' && !escaped)
            quoted = !quoted;
        escaped = *s == '\\' && !escaped;
    }
    return s;
}

static int read_classic(const char *text, size_t n, struct arena *a, struct drafts *d)
{
    const char *s = text, *end = text + n;
    if (s < end && *s == '{')
        s++;
    if (s < end && end[-1] == '}')
        end--;
    while (s < end) {
        const char *stop = classic_end(s, end);
        bool blank = stop == end && strspn(s, SPACE) >= (size_t)(end - s);
        if (!blank && classic_matcher(a, s, stop, d) < 0)
            return -1;
        s = stop + 1;
    }
    return 0;
}

/* ---- both -------------------------------------------------------------------------------- */

static bool same(const struct drafts *a, const struct drafts *b)
{
    bool equal = a->n == b->n;
    for (size_t i = 0; equal && i < a->n; i++)
        equal = a->at[i].op == b->at[i].op && str_eq(a->at[i].name, b->at[i].name) &&
                str_eq(a->at[i].value, b->at[i].value);
    return equal;
}

int matchers_parse(const char *text, struct arena *arena, struct matchers *list, size_t *ret_at,
                   struct err *reterr)
{
    struct drafts utf8 = {0}, classic = {0};
    struct lex l = {.text = text, .n = strlen(text)};
    *ret_at = 0;
    if (l.n > MATCHERS_TEXT_MAX)
        return err_set(reterr, "more than %d bytes", MATCHERS_TEXT_MAX);
    if (!is_utf8(text, l.n))
        return err_set(reterr, "not UTF-8");
    int new_rc = read_utf8(&l, arena, &utf8, reterr);
    int old_rc = read_classic(text, l.n, arena, &classic);
    *ret_at = l.at;
    if (new_rc < 0 && old_rc < 0)
        return -1;
    const struct drafts *d =
        old_rc < 0 || (new_rc == 0 && same(&utf8, &classic)) ? &utf8 : &classic;
    for (size_t i = 0; i < d->n; i++)
        if (matchers_add(list, arena, d->at[i].name, d->at[i].op, d->at[i].value, reterr) < 0)
            return -1;
    return 0;
}

int matchers_add(struct matchers *list, struct arena *arena, const char *name, enum matcher_op op,
                 const char *value, struct err *reterr)
{
    struct matcher m = {.op = op};
    if (!*name)
        return err_set(reterr, "a label has a name");
    if (list->n == MATCHERS_MAX)
        return err_set(reterr, "more than %d matchers", MATCHERS_MAX);
    if (op >= MATCH_REGEX && regex_compile_whole(value, &m.regex, reterr) < 0)
        return -1;
    m.name = arena_strdup(arena, name);
    m.value = arena_strdup(arena, value);
    if ((list->n & (list->n - 1)) == 0) { /* full: room for as many again */
        struct matcher *more = arena_alloc(arena, (2 * list->n + 1) * sizeof(*more));
        if (list->n > 0)
            memcpy(more, list->at, list->n * sizeof(*more));
        list->at = more;
    }
    list->at[list->n++] = m;
    return 0;
}

void matchers_release(struct matchers *list)
{
    for (size_t i = 0; i < list->n; i++)
        regex_free(list->at[i].regex);
    *list = (struct matchers){0};
}

/* ---- matching ------------------------------------------------------------------------------ */

const char *matcher_label(const struct string_map *labels, const char *name)
{
    for (size_t i = 0; i < labels->n; i++)
        if (str_eq(labels->at[i].key, name))
            return labels->at[i].value;
    return "";
}

bool matcher_takes(const struct matcher *m, const char *value)
{
    int found;
    switch (m->op) {
    case MATCH_EQUAL:
        return str_eq(m->value, value);
    case MATCH_NOT_EQUAL:
        return !str_eq(m->value, value);
    case MATCH_REGEX:
    case MATCH_NOT_REGEX:
        found = regex_match(m->regex, value, strlen(value), NULL);
        return found == (m->op == MATCH_REGEX ? 1 : 0);
    }
    return false;
}

bool matchers_match(const struct matchers *list, const struct string_map *labels)
{
    bool all = true;
    for (size_t i = 0; all && i < list->n; i++)
        all = matcher_takes(&list->at[i], matcher_label(labels, list->at[i].name));
    return all;
}

static int compare(const void *a, const void *b)
{
    const struct matcher *x = a, *y = b;
    int c = strcmp(x->name, y->name);
    if (c == 0)
        c = strcmp(x->value, y->value);
    return c ? c : (int)x->op - (int)y->op;
}

void matchers_sort(struct matchers *list)
{
    if (list->n > 1)
        qsort(list->at, list->n, sizeof(*list->at), compare);
}

static void put_quoted(struct str *out, const char *text)
{
    str_addc(out, '"');
    for (; *text; text++) {
        if (*text == '\n')
            str_add(out, "\\n");
        else if (*text == '"' || *text == '\\')
            str_addf(out, "\\%c", *text);
        else
            str_addc(out, *text);
    }
    str_addc(out, '"');
}

void matchers_text(const struct matchers *list, struct str *out)
{
    struct matcher sorted[MATCHERS_MAX];
    struct matchers copy = {sorted, list->n};
    assert(list->n <= MATCHERS_MAX);
    if (list->n > 0)
        memcpy(sorted, list->at, list->n * sizeof(*sorted));
    matchers_sort(&copy);
    for (size_t i = 0; i < copy.n; i++) {
        const struct matcher *m = &sorted[i];
        str_add(out, i ? "," : "");
        if (m->name[strcspn(m->name, RESERVED)])
            put_quoted(out, m->name);
        else
            str_add(out, m->name);
        str_add(out, op_texts[m->op]);
        put_quoted(out, m->value);
    }
}
