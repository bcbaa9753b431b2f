/* Pipelines and the types of what is in them. */
#include "model/template_internal.h"

#include "base/mem.h"
#include "model/lex.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#define NUMBER_MAX 40
#define PIPE_MAX 16  /* commands of one pipeline */
#define CHAIN_MAX 16 /* members behind a value */

static struct expr *new_expr(struct parse *p, enum expr_kind kind, enum type type, size_t at)
{
    struct expr *e = arena_alloc(&p->t->arena, sizeof(*e));
    e->kind = kind;
    e->type = type;
    e->at = at;
    return e;
}

static struct expr *new_call(struct parse *p, const struct function *fn, size_t at)
{
    struct expr *e = new_expr(p, EXPR_CALL, fn->result, at);
    e->fn = fn;
    return e;
}

/* ---- types ----------------------------------------------------------------------- */

const char *tmpl_type_name(enum type type)
{
    static const char *const names[] = {
        [TYPE_MESSAGE] = "the message",
        [TYPE_ALERTS] = "a list of alerts",
        [TYPE_ALERT] = "an alert",
        [TYPE_MAP] = "a set of labels",
        [TYPE_PAIRS] = "a list of pairs",
        [TYPE_PAIR] = "a pair",
        [TYPE_TEXTS] = "a list of texts",
        [TYPE_TEXT] = "a text",
        [TYPE_BOOL] = "true or false",
        [TYPE_INT] = "a whole number",
        [TYPE_FLOAT] = "a number with a fraction",
        [TYPE_TIME] = "a time",
        [TYPE_SPAN] = "a duration",
        [TYPE_ANY] = "one of several types",
        [TYPE_CONDITION] = "a condition",
    };
    return names[type];
}

static void types_text(unsigned types, struct str *out)
{
    const char *sep = "";
    if ((types & PRINTABLE) == PRINTABLE)
        types = (types & ~PRINTABLE) | BIT(TYPE_TEXT);
    for (unsigned i = 0; i <= TYPE_CONDITION; i++) {
        if (!(types & BIT(i)))
            continue;
        str_addf(out, "%s%s", sep, tmpl_type_name((enum type)i));
        sep = " or ";
    }
}

static int wrong_type(struct parse *p, const struct expr *call, const struct expr *arg,
                      unsigned types)
{
    struct str want;
    str_init(&want, 400);
    types_text(types, &want);
    tmpl_parse_fail(p, arg->at, "%s: expected %s, found %s", call->fn->name, want.buf,
                    tmpl_type_name(arg->type));
    str_release(&want);
    return -1;
}

/* All arguments are there. */
static int finish_call(struct parse *p, struct expr *call, bool member)
{
    const struct function *fn = call->fn;
    size_t own = member ? 1 : 0; /* nobody writes what a member is of as an argument */
    if (call->n < fn->min || call->n > fn->max)
        return tmpl_parse_fail(p, call->at, "%s wants %s%zu argument%s, found %zu", fn->name,
                               fn->max > fn->min ? "at least " : "", fn->min - own,
                               fn->min - own == 1 ? "" : "s", call->n - own);
    for (size_t i = 0; i < call->n; i++) {
        unsigned types = fn->params[i < countof(fn->params) ? i : countof(fn->params) - 1];
        if (!(BIT(call->args[i]->type) & types))
            return wrong_type(p, call, call->args[i], types);
    }
    return fn->check ? fn->check(p, call) : 0;
}

/* ---- operands -------------------------------------------------------------------- */

static int take_string(struct parse *p, struct expr **ret)
{
    struct str s;
    struct lex lex = {.text = p->text, .n = p->n, .at = p->at};
    struct err err;
    size_t at = p->at;
    str_init(&s, TEMPLATE_TEXT_MAX);
    int rc = lex_string(&lex, &s, &err);
    p->at = lex.at;
    if (rc < 0) {
        tmpl_parse_fail(p, lex.at, "%s", err.msg);
    } else {
        *ret = new_expr(p, EXPR_VALUE, TYPE_TEXT, at);
        (*ret)->value = (struct value){.type = TYPE_TEXT};
        (*ret)->value.text = arena_strndup(&p->t->arena, s.buf, s.len);
    }
    str_release(&s);
    return rc;
}

static int number_value(struct parse *p, const char *text, struct expr *e)
{
    const char *digits = text + strspn(text, "+-");
    char *end;
    errno = 0;
    if (digits[0] == '0' && isalnum((unsigned char)digits[1]))
        return tmpl_parse_fail(p, e->at, "'%s': expected a decimal number", text);
    if (strpbrk(text, ".eE")) {
        e->value.real = strtod(text, &end);
    } else {
        e->value.number = strtoll(text, &end, 10);
        e->type = TYPE_INT;
    }
    e->value.type = e->type;
    if (*end || end == text || !isdigit((unsigned char)end[-1]))
        return tmpl_parse_fail(p, e->at, "'%s': expected a decimal number", text);
    if (errno == ERANGE || (e->type == TYPE_FLOAT && !isfinite(e->value.real)))
        return tmpl_parse_fail(p, e->at, "'%s': the number is too large or too small", text);
    return 0;
}

static int take_number(struct parse *p, struct expr **ret)
{
    char text[NUMBER_MAX + 1];
    size_t n = 0;
    for (; p->at + n < p->n && n <= NUMBER_MAX; n++) {
        char c = p->text[p->at + n];
        bool sign = (c == '+' || c == '-') && (n == 0 || strchr("eE", p->text[p->at + n - 1]));
        if (!sign && c != '.' && c != '_' && !isalnum((unsigned char)c))
            break;
        text[n < NUMBER_MAX ? n : NUMBER_MAX] = c;
    }
    if (n > NUMBER_MAX)
        return tmpl_parse_fail(p, p->at, "a number of more than %d characters", NUMBER_MAX);
    text[n] = '\0';
    *ret = new_expr(p, EXPR_VALUE, TYPE_FLOAT, p->at);
    p->at += n;
    return number_value(p, text, *ret);
}

/* The members behind a value: `.Labels.slo`. The last one may still want arguments. */
static int take_chain(struct parse *p, struct expr **e, bool *ret_open)
{
    *ret_open = false;
    for (int i = 0; p->at < p->n && p->text[p->at] == '.'; i++) {
        size_t at = p->at++, n = tmpl_parse_word(p);
        const char *name = p->text + p->at;
        if (n == 0 || isdigit((unsigned char)*name))
            return tmpl_parse_fail(p, at, "expected a name behind the dot");
        if (i == CHAIN_MAX)
            return tmpl_parse_fail(p, at, "more than %d names in a row", CHAIN_MAX);
        if (*ret_open)
            return tmpl_parse_fail(p, at, "%s wants arguments: put it in parentheses with them",
                                   (*e)->fn->name);
        const struct function *fn = tmpl_member_find((*e)->type, name, n);
        if (!fn && (*e)->type != TYPE_MAP)
            return tmpl_member_unknown(p, at, (*e)->type, name, n);
        struct expr *call = new_call(p, fn ? fn : tmpl_member_label(), at);
        if (!fn)
            call->data = arena_strndup(&p->t->arena, name, n);
        call->args[call->n++] = *e;
        *e = call;
        *ret_open = call->fn->min > 1;
        p->at += n;
    }
    return 0;
}

static int take_parens(struct parse *p, enum type dot, struct expr **ret)
{
    size_t at = p->at++;
    if (++p->depth > TEMPLATE_DEPTH_MAX)
        return tmpl_parse_fail(p, at, "parentheses are nested deeper than %d", TEMPLATE_DEPTH_MAX);
    if (tmpl_parse_pipe(p, dot, ret) < 0)
        return -1;
    tmpl_parse_space(p);
    if (!tmpl_parse_at(p, ")"))
        return tmpl_parse_fail(p, p->at, "expected )");
    p->at++;
    p->depth--;
    return 0;
}

static int take_dot(struct parse *p, enum type dot, struct expr **ret)
{
    bool root = p->text[p->at] == '$';
    size_t at = p->at;
    *ret = new_expr(p, root ? EXPR_ROOT : EXPR_DOT, root ? TYPE_MESSAGE : dot, at);
    p->at++;
    size_t n = tmpl_parse_word(p);
    if (root && n > 0)
        return tmpl_parse_fail(p, at, "$%.*s: variables are not supported; $ alone is the message",
                               (int)n, p->text + p->at);
    if (!root && n > 0)
        p->at--; /* the dot is the first of the chain */
    return 0;
}

static int take_bool(struct parse *p, size_t n, struct expr **ret)
{
    *ret = new_expr(p, EXPR_VALUE, TYPE_BOOL, p->at);
    (*ret)->value = (struct value){.type = TYPE_BOOL, .flag = n == 4};
    p->at += n;
    return 0;
}

static bool at_bool(const struct parse *p, size_t n)
{
    return (n == 4 && tmpl_parse_at(p, "true")) || (n == 5 && tmpl_parse_at(p, "false"));
}

static int take_operand(struct parse *p, enum type dot, struct expr **ret, bool *ret_open)
{
    char c = p->at < p->n ? p->text[p->at] : '\0';
    size_t n = tmpl_parse_word(p);
    *ret_open = false;
    if (c == '"' || c == '`')
        return take_string(p, ret);
    if (isdigit((unsigned char)c) || ((c == '-' || c == '+') && !tmpl_parse_at_close(p)))
        return take_number(p, ret);
    if (at_bool(p, n))
        return take_bool(p, n, ret);
    if (n > 0)
        return tmpl_function_find(p->text + p->at, n)
                   ? tmpl_parse_fail(p, p->at,
                                     "%.*s: put the function in parentheses, with its "
                                     "arguments",
                                     (int)n, p->text + p->at)
                   : tmpl_function_unknown(p, p->at, p->text + p->at, n);
    int rc;
    if (c == '(')
        rc = take_parens(p, dot, ret);
    else if (c == '.' || c == '$')
        rc = take_dot(p, dot, ret);
    else
        return tmpl_parse_fail(p, p->at,
                               "expected a path, a function, a text in double quotes or a "
                               "number%s",
                               c == '\'' ? "; 'x' is a number in Go" : "");
    return rc < 0 ? -1 : take_chain(p, ret, ret_open);
}

/* ---- commands and pipelines ------------------------------------------------------- */

/* At the end of a command, after white space. */
static bool at_end(const struct parse *p)
{
    return p->at >= p->n || p->text[p->at] == '|' || p->text[p->at] == ')' ||
           tmpl_parse_at_close(p);
}

static int take_args(struct parse *p, enum type dot, struct expr *call)
{
    for (;;) {
        size_t before = p->at;
        bool open;
        tmpl_parse_space(p);
        if (at_end(p))
            return 0;
        if (p->at == before)
            return tmpl_parse_fail(p, p->at, "expected a space");
        if (call->n == ARGS_MAX)
            return tmpl_parse_fail(p, p->at, "more than %d arguments", ARGS_MAX);
        struct expr *arg;
        if (take_operand(p, dot, &arg, &open) < 0)
            return -1;
        if (open)
            return tmpl_parse_fail(
                p, arg->at, "%s wants arguments: put it in parentheses with them", arg->fn->name);
        call->args[call->n++] = arg;
    }
}

static int end_call(struct parse *p, enum type dot, struct expr *call, struct expr *piped,
                    bool member)
{
    if (take_args(p, dot, call) < 0)
        return -1;
    if (piped && call->n == ARGS_MAX)
        return tmpl_parse_fail(p, call->at, "more than %d arguments", ARGS_MAX);
    if (piped)
        call->args[call->n++] = piped;
    return finish_call(p, call, member);
}

static int no_more(struct parse *p, const struct expr *e)
{
    size_t before = p->at;
    tmpl_parse_space(p);
    if (at_end(p))
        return 0;
    if (p->at == before)
        return tmpl_parse_fail(p, p->at, "expected a space, | or }}");
    return tmpl_parse_fail(p, p->at, "%s takes no arguments", e->fn ? e->fn->name : "this value");
}

/* One command; `piped` is what stands before the bar, or NULL. */
static int take_command(struct parse *p, enum type dot, struct expr *piped, struct expr **ret)
{
    bool open = false;
    tmpl_parse_space(p);
    size_t at = p->at, n = tmpl_parse_word(p);
    if (p->at < p->n && isdigit((unsigned char)p->text[p->at]))
        n = 0;
    if (n > 0 && !at_bool(p, n)) {
        const struct function *fn = tmpl_function_find(p->text + at, n);
        if (!fn)
            return tmpl_function_unknown(p, at, p->text + at, n);
        *ret = new_call(p, fn, at);
        p->at += n;
        return end_call(p, dot, *ret, piped, false);
    }
    if (at_end(p))
        return tmpl_parse_fail(p, at, "expected a path or a function");
    if (take_operand(p, dot, ret, &open) < 0)
        return -1;
    if (open)
        return end_call(p, dot, *ret, piped, true);
    if (piped)
        return tmpl_parse_fail(p, at, "expected a function behind the bar");
    return no_more(p, *ret);
}

int tmpl_parse_pipe(struct parse *p, enum type dot, struct expr **ret)
{
    struct expr *piped = NULL;
    for (int n = 0; n < PIPE_MAX; n++) {
        if (take_command(p, dot, piped, ret) < 0)
            return -1;
        if (p->at >= p->n || p->text[p->at] != '|')
            return 0;
        p->at++;
        piped = *ret;
    }
    return tmpl_parse_fail(p, p->at, "more than %d functions in a pipeline", PIPE_MAX);
}
