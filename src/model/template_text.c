/* Functions of texts: case, white space, escapes, patterns. */
#include "model/template_internal.h"

#include "base/json.h"
#include "base/mem.h"
#include "model/regex.h"

#include <ctype.h>
#include <string.h>
#include <wctype.h>

#define REGEX_STEPS 200 /* what a look with a pattern counts for */
#define GROUPS_MAX 32

/* ---- letters --------------------------------------------------------------------- */

/* The code point at s and its length; a byte that is no UTF-8 stands for itself. */
static size_t decode(const char *s, size_t n, uint32_t *ret)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t len = json_utf8(p, n);
    *ret = p[0];
    if (len > 1) {
        *ret = p[0] & (0x7fU >> len);
        for (size_t i = 1; i < len; i++)
            *ret = *ret << 6 | (p[i] & 0x3f);
    }
    return len ? len : 1;
}

static void encode(struct str *out, uint32_t c)
{
    if (c >= 0x10000)
        str_addc(out, (char)(0xf0 | c >> 18));
    else if (c >= 0x800)
        str_addc(out, (char)(0xe0 | c >> 12));
    else if (c >= 0x80)
        str_addc(out, (char)(0xc0 | c >> 6));
    else
        str_addc(out, (char)c);
    if (c >= 0x10000)
        str_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
    if (c >= 0x800)
        str_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
    if (c >= 0x80)
        str_addc(out, (char)(0x80 | (c & 0x3f)));
}

enum letter_case { CASE_UPPER, CASE_LOWER };

static uint32_t to_case(const struct run *r, uint32_t c, enum letter_case to)
{
    if (c < 0x80)
        return (uint32_t)(to == CASE_UPPER ? toupper((int)c) : tolower((int)c));
    if (!r->t->locale)
        return c;
    return to == CASE_UPPER ? towupper_l(c, r->t->locale) : towlower_l(c, r->t->locale);
}

static bool is_letter(const struct run *r, uint32_t c)
{
    if (c < 0x80)
        return isalpha((int)c);
    return r->t->locale && iswalpha_l(c, r->t->locale);
}

static bool is_digit(uint32_t c)
{
    return c < 0x80 && isdigit((int)c);
}

static void add_case(struct run *r, struct str *out, const char *s, size_t len, uint32_t c,
                     enum letter_case to)
{
    bool utf8 = c < 0x80 || len > 1;
    if (utf8)
        encode(out, to_case(r, c, to));
    else
        str_addn(out, s, len);
}

static struct value whole_case(struct run *r, const char *s, enum letter_case to)
{
    struct str out;
    uint32_t c;
    str_init(&out, TEXT_MAX);
    for (size_t n = strlen(s), i = 0, len; i < n; i += len) {
        len = decode(s + i, n - i, &c);
        add_case(r, &out, s + i, len, c, to);
    }
    return tmpl_run_str(r, &out);
}

EVAL(tmpl_eval_upper)
{
    (void)call;
    return whole_case(r, args[0].text, CASE_UPPER);
}

EVAL(tmpl_eval_lower)
{
    (void)call;
    return whole_case(r, args[0].text, CASE_LOWER);
}

static bool in_word(const struct run *r, uint32_t c)
{
    return is_letter(r, c) || is_digit(c) || c == '_';
}

/* Whether c between the two does not end a word: "don't", "a_b". */
static bool joins(const struct run *r, uint32_t before, uint32_t c, uint32_t after)
{
    if (in_word(r, c))
        return true;
    bool middle = c == '\'' || c == '.' || c == 0x2019 || c == ':' || c == 0xb7;
    return middle && in_word(r, before) && in_word(r, after);
}

EVAL(tmpl_eval_title)
{
    (void)call;
    const char *s = args[0].text;
    struct str out;
    bool seen = false; /* the word's first letter */
    uint32_t before = ' ', c, after;
    str_init(&out, TEXT_MAX);
    for (size_t n = strlen(s), i = 0, len; i < n; i += len) {
        len = decode(s + i, n - i, &c);
        after = ' ';
        if (i + len < n)
            decode(s + i + len, n - i - len, &after);
        bool letter = is_letter(r, c);
        add_case(r, &out, s + i, len, c, letter && !seen ? CASE_UPPER : CASE_LOWER);
        seen = joins(r, before, c, after) && (seen || letter);
        before = c;
    }
    return tmpl_run_str(r, &out);
}

static bool is_white(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

EVAL(tmpl_eval_trim)
{
    (void)call;
    const char *s = args[0].text;
    size_t n = strlen(s), from = 0, to = 0, len;
    uint32_t c;
    for (size_t i = 0; i < n; i += len) {
        len = decode(s + i, n - i, &c);
        bool white = is_white(c) && (c < 0x80 || len > 1);
        if (white && to == 0)
            from = i + len;
        else if (!white)
            to = i + len;
    }
    return tmpl_run_text(r, s + from, to > from ? to - from : 0);
}

/* ---- lists, escapes --------------------------------------------------------------- */

EVAL(tmpl_eval_join)
{
    (void)call;
    struct str out;
    str_init(&out, TEXT_MAX);
    for (size_t i = 0; i < args[1].texts.n; i++) {
        if (i > 0)
            str_add(&out, args[0].text);
        str_add(&out, args[1].texts.at[i]);
    }
    return tmpl_run_str(r, &out);
}

EVAL(tmpl_eval_html)
{
    static const struct {
        char c;
        const char *text;
    } escapes[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&#34;"}, {'\'', "&#39;"}};
    struct value v = tmpl_eval_print(r, call, args);
    struct str out;
    str_init(&out, TEXT_MAX);
    for (const char *s = v.text; *s; s++) {
        size_t i = 0;
        while (i < countof(escapes) && escapes[i].c != *s)
            i++;
        if (i < countof(escapes))
            str_add(&out, escapes[i].text);
        else
            str_addc(&out, *s);
    }
    return tmpl_run_str(r, &out);
}

EVAL(tmpl_eval_urlquery)
{
    struct value v = tmpl_eval_print(r, call, args);
    struct str out;
    str_init(&out, TEXT_MAX);
    for (const char *s = v.text; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < 0x80 && (isalnum(c) || strchr("-_.~", c)))
            str_addc(&out, *s);
        else if (c == ' ')
            str_addc(&out, '+');
        else
            str_addf(&out, "%%%02X", c);
    }
    return tmpl_run_str(r, &out);
}

/* ---- patterns -------------------------------------------------------------------- */

static void free_regex(void *re)
{
    regex_free(re);
}

/* Compiled with the template, so that it is found wrong with it. */
int tmpl_check_regex(struct parse *p, struct expr *call)
{
    struct regex *re;
    struct err err;
    const struct expr *pattern = call->args[0];
    if (pattern->kind != EXPR_VALUE)
        return tmpl_parse_fail(p, pattern->at, "%s: expected a pattern in quotes", call->fn->name);
    if (regex_compile_search(pattern->value.text, &re, &err) < 0)
        return tmpl_parse_fail(p, pattern->at, "%s: %s", call->fn->name, err.msg);
    arena_on_release(&p->t->arena, free_regex, re);
    if (regex_groups(re) >= GROUPS_MAX)
        return tmpl_parse_fail(p, pattern->at, "%s: a pattern of more than %d groups",
                               call->fn->name, GROUPS_MAX - 1);
    call->data = re;
    return 0;
}

/* A pattern that its limits stop matches nothing. */
EVAL(tmpl_eval_match)
{
    const char *s = args[1].text;
    struct value v = {.type = TYPE_BOOL};
    if (tmpl_run_step(r, REGEX_STEPS))
        v.flag = regex_match(call->data, s, strlen(s), NULL) == 1;
    return v;
}

/* A group of a replacement: `$1`, `${name}`, at its dollar. *ret_number: SIZE_MAX when
 * it names none. The length, 0 when it is no group. */
static size_t group_at(const struct regex *re, const char *s, size_t *ret_number)
{
    bool braces = s[1] == '{';
    const char *name = s + 1 + braces;
    size_t n = 0;
    char word[64];
    while (isalnum((unsigned char)name[n]) || name[n] == '_')
        n++;
    if (n == 0 || n >= sizeof(word) || (braces && name[n] != '}'))
        return 0;
    memcpy(word, name, n);
    word[n] = '\0';
    if (strspn(word, "0123456789") == n) {
        *ret_number = n < 4 ? (size_t)strtol(word, NULL, 10) : SIZE_MAX;
    } else {
        *ret_number = regex_group(re, word);
        *ret_number = *ret_number ? *ret_number : SIZE_MAX;
    }
    if (*ret_number > regex_groups(re))
        *ret_number = SIZE_MAX;
    return n + 1 + (braces ? 2 : 0);
}

int tmpl_check_replace(struct parse *p, struct expr *call)
{
    if (tmpl_check_regex(p, call) < 0)
        return -1;
    const struct expr *by = call->args[1];
    if (by->kind != EXPR_VALUE)
        return tmpl_parse_fail(p, by->at, "%s: expected a replacement in quotes", call->fn->name);
    for (const char *s = by->value.text; (s = strchr(s, '$')); s++) {
        size_t group = 0, n = s[1] == '$' ? 2 : group_at(call->data, s, &group);
        if (n > 0 && group == SIZE_MAX)
            return tmpl_parse_fail(p, by->at,
                                   "%s: the pattern has no group %.*s; ${1}x is group 1 and an x",
                                   call->fn->name, (int)n, s);
        s += n > 0 ? n - 1 : 0;
    }
    return 0;
}

static void add_replacement(struct str *out, const struct regex *re, const char *by,
                            const char *text, const struct regex_span *spans)
{
    while (*by) {
        size_t group = 0, n = *by == '$' && by[1] != '$' ? group_at(re, by, &group) : 0;
        if (n > 0 && spans[group].from != SIZE_MAX)
            str_addn(out, text + spans[group].from, spans[group].to - spans[group].from);
        else if (n == 0)
            str_addc(out, *by);
        by += n > 0 ? n : 1;
        if (n == 0 && by[-1] == '$' && *by == '$')
            by++;
    }
}

/* As Go: an empty match right behind another one is none. */
EVAL(tmpl_eval_replace)
{
    const char *s = args[2].text;
    size_t n = strlen(s), at = 0, copied = 0;
    struct regex_span spans[GROUPS_MAX];
    struct str out;
    str_init(&out, TEXT_MAX);
    while (at <= n && tmpl_run_step(r, REGEX_STEPS) &&
           regex_find(call->data, s, n, at, spans, GROUPS_MAX, NULL) == 1) {
        str_addn(&out, s + copied, spans[0].from - copied);
        if (spans[0].to > copied || spans[0].from == 0)
            add_replacement(&out, call->data, args[1].text, s, spans);
        copied = spans[0].to;
        uint32_t c;
        size_t width = at < n ? decode(s + at, n - at, &c) : 1;
        at = at + width > spans[0].to ? at + width : spans[0].to;
    }
    str_addn(&out, s + copied, n - copied);
    return tmpl_run_str(r, &out);
}
