/*
 * What the parts of model/template.h share. Every expression has a type when it is
 * compiled, so that what does not fit is found then; a value at run time has it too.
 *
 *     template.c        texts and blocks      template_expr.c     pipelines, types
 *     template_run.c    rendering             template_member.c   what follows a dot
 *     template_func.c   functions, logic      template_text.c     functions of texts
 *     template_print.c  values as texts       template_json.c     values as JSON
 *     template_time.c   times as Go shows     template_human.c    numbers for people
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/template.h"
#include "nines/message.h"

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARGS_MAX 16
#define TEMPLATE_SCRATCH_MAX ((size_t)16 << 20) /* bytes that values of one rendering take */
#define TEXT_MAX ((size_t)1 << 20)              /* of one value */

/* Go's zero time, 0001-01-01: the end of an alert that fires. */
#define TIME_ZERO_US (-62135596800LL * 1000000)

enum type {
    TYPE_MESSAGE,
    TYPE_ALERTS,
    TYPE_ALERT,
    TYPE_MAP,
    TYPE_PAIRS,
    TYPE_PAIR,
    TYPE_TEXTS,
    TYPE_TEXT,
    TYPE_BOOL,
    TYPE_INT,
    TYPE_FLOAT,
    TYPE_TIME,
    TYPE_SPAN,
    TYPE_ANY,       /* `and`, `or` of several types that can all be printed */
    TYPE_CONDITION, /* the same where one cannot: true or false is all that is known */
};

#define BIT(type) (1U << (type))
#define LISTS (BIT(TYPE_ALERTS) | BIT(TYPE_MAP) | BIT(TYPE_PAIRS) | BIT(TYPE_TEXTS))
#define PRINTABLE                                                                                  \
    (BIT(TYPE_MAP) | BIT(TYPE_PAIRS) | BIT(TYPE_TEXTS) | BIT(TYPE_TEXT) | BIT(TYPE_BOOL) |         \
     BIT(TYPE_INT) | BIT(TYPE_FLOAT) | BIT(TYPE_TIME) | BIT(TYPE_SPAN) | BIT(TYPE_ANY))
#define ANYTHING (BIT(TYPE_CONDITION + 1) - 1)

#define ALERTS_FIRING 1U
#define ALERTS_RESOLVED 2U

struct value {
    enum type type;
    union {
        const struct message *message;
        struct {
            const struct message *of;
            unsigned which; /* ALERTS_ bits */
        } alerts;
        const struct message_alert *alert;
        struct string_map map; /* pairs as well: then not by key */
        const struct pair *pair;
        struct string_list texts;
        const char *text;
        bool flag;
        int64_t number; /* a time: microseconds; a span: nanoseconds, as Go's */
        double real;
    };
};

struct expr;
struct run;
struct parse;

/* A function, or a member: that one's first argument is what the dot follows. */
struct function {
    const char *name;
    struct value (*eval)(struct run *r, const struct expr *call, const struct value *args);
    enum type result;
    unsigned params[3]; /* types by BIT(); the last one for all that follow */
    size_t min, max;
    /* May look closer at the arguments and set call->type and call->data. */
    int (*check)(struct parse *p, struct expr *call);
};

struct member {
    enum type of;
    struct function f;
};

enum expr_kind { EXPR_VALUE, EXPR_DOT, EXPR_ROOT, EXPR_CALL };

struct expr {
    enum expr_kind kind;
    enum type type;
    size_t at; /* byte in the text */
    struct value value;
    const struct function *fn;
    struct expr *args[ARGS_MAX];
    size_t n;
    const void *data;
};

enum node_type { NODE_TEXT, NODE_PRINT, NODE_IF, NODE_WITH, NODE_RANGE };

struct template_node {
    enum node_type type;
    const char *text;
    size_t n;
    struct expr *pipe;
    struct template_node *body, *otherwise, *next;
};

struct template
{
    struct arena arena;
    struct template_node *nodes;
    locale_t locale; /* of upper and lower case; 0: ASCII alone */
};

struct parse {
    const char *text;
    size_t n, at, error_at;
    struct template *t;
    int depth; /* blocks and parentheses */
    struct err *err;
};

struct run {
    const struct template *t;
    const struct message *message;
    struct str *out;
    struct arena scratch;
    size_t steps, bytes; /* used so far */
    bool over;           /* one of them ended: nothing more is done */
};

/* ---- compiling ------------------------------------------------------------------- */

/* Sets the error and its place; -1. */
int tmpl_parse_fail(struct parse *p, size_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void tmpl_parse_space(struct parse *p);
bool tmpl_parse_at(const struct parse *p, const char *word); /* that comes next */
bool tmpl_parse_at_close(const struct parse *p);             /* `}}` or ` -}}` does */
/* The letters, digits and _ that come next. */
size_t tmpl_parse_word(const struct parse *p);
/* Up to what closes it, which stays. */
int tmpl_parse_pipe(struct parse *p, enum type dot, struct expr **ret);

const struct function *tmpl_function_find(const char *name, size_t n);
/* -1: there is none; the message names the nearest, or why it is refused. */
int tmpl_function_unknown(struct parse *p, size_t at, const char *name, size_t n);
const struct function *tmpl_member_find(enum type of, const char *name, size_t n);
int tmpl_member_unknown(struct parse *p, size_t at, enum type of, const char *name, size_t n);
const struct function *tmpl_member_label(void); /* of a map: any name */
const char *tmpl_type_name(enum type type);     /* "a text" */

int tmpl_check_printf(struct parse *p, struct expr *call);
int tmpl_check_regex(struct parse *p, struct expr *call);
int tmpl_check_replace(struct parse *p, struct expr *call);

/* ---- rendering ------------------------------------------------------------------- */

/* False: too much; r->over is set. */
bool tmpl_run_step(struct run *r, size_t n);
void *tmpl_run_alloc(struct run *r, size_t size); /* NULL: too much */
struct value tmpl_run_text(struct run *r, const char *text, size_t n);
/* Takes the str's text and releases it. */
struct value tmpl_run_str(struct run *r, struct str *s);
struct value tmpl_run_eval(struct run *r, const struct expr *e, const struct value *dot);

bool tmpl_value_true(const struct value *v);
size_t tmpl_value_count(struct run *r, const struct value *v); /* of a list; bytes of a text */
/* The i-th of a list, of those that count; blank past its end. */
struct value tmpl_value_at(struct run *r, const struct value *v, size_t i);
void tmpl_value_print(struct str *out, const struct value *v);
void tmpl_value_json(struct str *out, const struct value *v);

void tmpl_time_format(struct str *out, int64_t us, const char *layout); /* Go's layouts */
void tmpl_time_print(struct str *out, int64_t us);
void tmpl_span_print(struct str *out, int64_t ns);
int64_t tmpl_span_between(int64_t to_us, int64_t from_us); /* in ns, within int64_t */
void tmpl_real_print(struct str *out, double v);           /* shortest, as Go's %v */

#define EVAL(name)                                                                                 \
    struct value name(struct run *r, const struct expr *call, const struct value *args)

/* Of texts. */
EVAL(tmpl_eval_upper);
EVAL(tmpl_eval_lower);
EVAL(tmpl_eval_title);
EVAL(tmpl_eval_trim);
EVAL(tmpl_eval_join);
EVAL(tmpl_eval_html);
EVAL(tmpl_eval_urlquery);
EVAL(tmpl_eval_match);
EVAL(tmpl_eval_replace);
/* Of all. */
EVAL(tmpl_eval_print);
EVAL(tmpl_eval_println);
EVAL(tmpl_eval_printf);
EVAL(tmpl_eval_json);
/* Of numbers, or texts that are some. */
EVAL(tmpl_eval_humanize);
EVAL(tmpl_eval_humanize1024);
EVAL(tmpl_eval_human_duration);
EVAL(tmpl_eval_human_percentage);
EVAL(tmpl_eval_human_timestamp);
/* Of times. */
EVAL(tmpl_eval_format);
EVAL(tmpl_eval_date);
EVAL(tmpl_eval_since);
