/* Texts between actions, and blocks. */
#include "model/template_internal.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BRANCHES_MAX 100 /* `else if` of one `if` */

enum stop { STOP_TEXT, STOP_END, STOP_ELSE, STOP_ELSE_IF };

static int parse_list(struct parse *p, enum type dot, struct template_node **ret,
                      enum stop *ret_stop);

int tmpl_parse_fail(struct parse *p, size_t at, const char *fmt, ...)
{
    char msg[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(msg, sizeof(msg), fmt, args);
    va_end(args);
    p->error_at = at < p->n ? at : p->n;
    return err_set(p->err, "%s", msg);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void tmpl_parse_space(struct parse *p)
{
    while (p->at < p->n && is_space(p->text[p->at]))
        p->at++;
}

bool tmpl_parse_at(const struct parse *p, const char *word)
{
    size_t n = strlen(word);
    return p->n - p->at >= n && memcmp(p->text + p->at, word, n) == 0;
}

bool tmpl_parse_at_close(const struct parse *p)
{
    return tmpl_parse_at(p, "}}") || (tmpl_parse_at(p, "-}}") && is_space(p->text[p->at - 1]));
}

size_t tmpl_parse_word(const struct parse *p)
{
    size_t n = 0;
    while (p->at + n < p->n &&
           (isalnum((unsigned char)p->text[p->at + n]) || p->text[p->at + n] == '_'))
        n++;
    return n;
}

/* ---- delimiters ------------------------------------------------------------------ */

static void skip_trimmed(struct parse *p, bool trim)
{
    if (trim)
        tmpl_parse_space(p);
}

/* Behind an action: at `}}`, or at `-}}` with a space before it. */
static int close_action(struct parse *p)
{
    tmpl_parse_space(p);
    if (!tmpl_parse_at_close(p))
        return tmpl_parse_fail(p, p->at, "expected }}");
    bool trim = p->text[p->at] == '-';
    p->at += trim ? 3 : 2;
    skip_trimmed(p, trim);
    return 0;
}

static int skip_comment(struct parse *p)
{
    const char *end = memmem(p->text + p->at + 2, p->n - p->at - 2, "*/", 2);
    if (!end)
        return tmpl_parse_fail(p, p->at, "the comment has no end");
    p->at = (size_t)(end - p->text) + 2;
    bool trim =
        p->n - p->at >= 4 && is_space(p->text[p->at]) && memcmp(p->text + p->at + 1, "-}}", 3) == 0;
    if (!trim && !tmpl_parse_at(p, "}}"))
        return tmpl_parse_fail(p, p->at, "expected }} right behind the comment");
    p->at += trim ? 4 : 2;
    skip_trimmed(p, trim);
    return 0;
}

static struct template_node *add_node(struct parse *p, struct template_node ***tail,
                                      enum node_type type)
{
    struct template_node *node = arena_alloc(&p->t->arena, sizeof(*node));
    node->type = type;
    **tail = node;
    *tail = &node->next;
    return node;
}

/* Up to `{{` or the end; `{{- ` takes the white space before it. */
static void take_text(struct parse *p, struct template_node ***tail)
{
    const char *start = p->text + p->at;
    const char *open = memmem(start, p->n - p->at, "{{", 2);
    size_t n = open ? (size_t)(open - start) : p->n - p->at;
    p->at += n;
    if (open && p->n - p->at >= 4 && open[2] == '-' && is_space(open[3])) {
        while (n > 0 && is_space(start[n - 1]))
            n--;
    }
    if (n == 0)
        return;
    struct template_node *node = add_node(p, tail, NODE_TEXT);
    node->text = arena_strndup(&p->t->arena, start, n);
    node->n = n;
}

/* ---- blocks ---------------------------------------------------------------------- */

static enum type element(enum type list)
{
    switch (list) {
    case TYPE_ALERTS:
        return TYPE_ALERT;
    case TYPE_PAIRS:
        return TYPE_PAIR;
    default:
        return TYPE_TEXT; /* a map's are its values */
    }
}

/* What stands between a block's head and its `end`. */
static int parse_branches(struct parse *p, enum type dot, struct template_node *block, size_t at)
{
    enum stop stop;
    enum type inner = dot;
    if (block->type == NODE_WITH)
        inner = block->pipe->type;
    else if (block->type == NODE_RANGE)
        inner = element(block->pipe->type);
    if (parse_list(p, inner, &block->body, &stop) < 0)
        return -1;
    if (stop == STOP_ELSE_IF && block->type != NODE_IF)
        return tmpl_parse_fail(p, p->at, "`else if` belongs to an `if`");
    if (stop == STOP_ELSE && parse_list(p, dot, &block->otherwise, &stop) < 0)
        return -1;
    if (stop == STOP_ELSE)
        return tmpl_parse_fail(p, p->at, "expected {{ end }}, found a second `else`");
    if (stop == STOP_TEXT)
        return tmpl_parse_fail(p, at, "this block has no {{ end }}");
    return stop == STOP_ELSE_IF ? 1 : 0;
}

static int parse_block(struct parse *p, enum type dot, struct template_node ***tail,
                       enum node_type type, size_t at)
{
    if (++p->depth > TEMPLATE_DEPTH_MAX)
        return tmpl_parse_fail(p, at, "blocks are nested deeper than %d", TEMPLATE_DEPTH_MAX);
    int rc = 1, branches = 0;
    /* `else if` is an `if` within the `else`, ended by the same `end`. */
    for (struct template_node **slot = *tail, *block; rc == 1; slot = &block->otherwise) {
        if (branches++ == BRANCHES_MAX)
            return tmpl_parse_fail(p, p->at, "more than %d branches", BRANCHES_MAX);
        block = arena_alloc(&p->t->arena, sizeof(*block));
        *block = (struct template_node){.type = type};
        *slot = block;
        if (slot == *tail)
            *tail = &block->next;
        if (tmpl_parse_pipe(p, dot, &block->pipe) < 0)
            return -1;
        if (type == NODE_RANGE && !(BIT(block->pipe->type) & LISTS))
            return tmpl_parse_fail(p, block->pipe->at, "expected a list to go over, found %s",
                                   tmpl_type_name(block->pipe->type));
        if (close_action(p) < 0)
            return -1;
        rc = parse_branches(p, dot, block, at);
    }
    p->depth--;
    return rc;
}

/* `else` or `else if`; at what follows the word. */
static int parse_else(struct parse *p, enum stop *ret_stop)
{
    tmpl_parse_space(p);
    size_t n = tmpl_parse_word(p);
    if (n == 2 && tmpl_parse_at(p, "if")) {
        p->at += 2;
        *ret_stop = STOP_ELSE_IF;
        return 0;
    }
    *ret_stop = STOP_ELSE;
    return close_action(p);
}

static int parse_print(struct parse *p, enum type dot, struct template_node ***tail)
{
    struct template_node *node = add_node(p, tail, NODE_PRINT);
    if (tmpl_parse_pipe(p, dot, &node->pipe) < 0)
        return -1;
    if (!(BIT(node->pipe->type) & PRINTABLE))
        return tmpl_parse_fail(p, node->pipe->at, "%s cannot be printed: name a member of it",
                               tmpl_type_name(node->pipe->type));
    return close_action(p);
}

static bool word_is(const struct parse *p, size_t n, const char *word)
{
    return strlen(word) == n && tmpl_parse_at(p, word);
}

/* Behind `{{`. *ret_stop other than STOP_TEXT: the list ends here. */
static int parse_action(struct parse *p, enum type dot, struct template_node ***tail,
                        enum stop *ret_stop)
{
    static const struct {
        const char *word;
        enum node_type type;
    } blocks[] = {{"if", NODE_IF}, {"with", NODE_WITH}, {"range", NODE_RANGE}};
    size_t start = p->at - 2;
    if (p->n - p->at >= 2 && p->text[p->at] == '-' && is_space(p->text[p->at + 1]))
        p->at += p->n - p->at >= 4 && memcmp(p->text + p->at + 2, "/*", 2) == 0 ? 2 : 1;
    if (tmpl_parse_at(p, "/*"))
        return skip_comment(p);
    tmpl_parse_space(p);
    size_t n = tmpl_parse_word(p);
    for (size_t i = 0; i < countof(blocks); i++) {
        if (!word_is(p, n, blocks[i].word))
            continue;
        p->at += n;
        return parse_block(p, dot, tail, blocks[i].type, start);
    }
    if (word_is(p, n, "end")) {
        p->at += n;
        *ret_stop = STOP_END;
        return close_action(p);
    }
    if (word_is(p, n, "else")) {
        p->at += n;
        return parse_else(p, ret_stop);
    }
    return parse_print(p, dot, tail);
}

static int parse_list(struct parse *p, enum type dot, struct template_node **ret,
                      enum stop *ret_stop)
{
    struct template_node **tail = ret;
    *ret_stop = STOP_TEXT;
    while (*ret_stop == STOP_TEXT) {
        take_text(p, &tail);
        if (p->at == p->n)
            return 0;
        p->at += 2;
        if (parse_action(p, dot, &tail, ret_stop) < 0)
            return -1;
    }
    return 0;
}

/* ---- the whole ------------------------------------------------------------------- */

static int parse_all(struct parse *p)
{
    enum stop stop;
    if (p->n > TEMPLATE_TEXT_MAX)
        return tmpl_parse_fail(p, 0, "a template of %zu bytes: at most %d are allowed", p->n,
                               TEMPLATE_TEXT_MAX);
    if (parse_list(p, TYPE_MESSAGE, &p->t->nodes, &stop) < 0)
        return -1;
    if (stop != STOP_TEXT)
        return tmpl_parse_fail(p, p->at, "there is no block that this `%s` could belong to",
                               stop == STOP_END ? "end" : "else");
    return 0;
}

int template_compile(const char *text, struct template **ret, size_t *ret_at, struct err *reterr)
{
    struct template *t = mem_alloc(sizeof(*t));
    struct parse p = {.text = text, .n = strlen(text), .t = t, .err = reterr};
    t->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (parse_all(&p) < 0) {
        if (ret_at)
            *ret_at = p.error_at;
        template_free(t);
        return -1;
    }
    *ret = t;
    return 0;
}

void template_free(struct template *t)
{
    if (!t)
        return;
    arena_release(&t->arena);
    if (t->locale)
        freelocale(t->locale);
    free(t);
}
