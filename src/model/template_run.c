/* Rendering: what was compiled, over one message, within its steps. */
#include "model/template_internal.h"

#include <string.h>

static void run_nodes(struct run *r, const struct template_node *node, const struct value *dot);

bool tmpl_run_step(struct run *r, size_t n)
{
    r->steps += n;
    if (r->steps > TEMPLATE_STEPS_MAX)
        r->over = true;
    return !r->over;
}

void *tmpl_run_alloc(struct run *r, size_t size)
{
    if (r->over || size > TEMPLATE_SCRATCH_MAX - r->bytes) {
        r->over = true;
        return NULL;
    }
    r->bytes += size;
    return arena_alloc(&r->scratch, size);
}

struct value tmpl_run_text(struct run *r, const char *text, size_t n)
{
    struct value v = {.type = TYPE_TEXT};
    char *copy = tmpl_run_alloc(r, n + 1);
    if (copy && n > 0)
        memcpy(copy, text, n);
    v.text = copy ? copy : "";
    return v;
}

struct value tmpl_run_str(struct run *r, struct str *s)
{
    r->over = r->over || s->overflow;
    struct value v = tmpl_run_text(r, s->buf, s->len);
    str_release(s);
    return v;
}

/* ---- expressions ----------------------------------------------------------------- */

static bool is_lazy(const struct expr *e, const struct value *v, size_t i)
{
    bool is_and = strcmp(e->fn->name, "and") == 0, is_or = strcmp(e->fn->name, "or") == 0;
    return i + 1 < e->n && ((is_and && !tmpl_value_true(v)) || (is_or && tmpl_value_true(v)));
}

struct value tmpl_run_eval(struct run *r, const struct expr *e, const struct value *dot)
{
    struct value args[ARGS_MAX];
    struct value root = {.type = TYPE_MESSAGE, .message = r->message};
    tmpl_run_step(r, 1);
    switch (e->kind) {
    case EXPR_VALUE:
        return e->value;
    case EXPR_DOT:
        return *dot;
    case EXPR_ROOT:
        return root;
    case EXPR_CALL:
        break;
    }
    for (size_t i = 0; i < e->n; i++) {
        args[i] = tmpl_run_eval(r, e->args[i], dot);
        if (is_lazy(e, &args[i], i))
            return args[i];
    }
    return e->fn->eval(r, e, args);
}

/* ---- lists ----------------------------------------------------------------------- */

static bool counts(const struct value *v, const struct message_alert *a)
{
    return v->alerts.which & (a->firing ? ALERTS_FIRING : ALERTS_RESOLVED);
}

static size_t count_alerts(struct run *r, const struct value *v)
{
    const struct message *m = v->alerts.of;
    size_t n = 0;
    tmpl_run_step(r, m->alert_count);
    for (size_t i = 0; i < m->alert_count; i++)
        n += counts(v, &m->alerts[i]);
    return n;
}

size_t tmpl_value_count(struct run *r, const struct value *v)
{
    switch (v->type) {
    case TYPE_ALERTS:
        return count_alerts(r, v);
    case TYPE_MAP:
    case TYPE_PAIRS:
        return v->map.n;
    case TYPE_TEXTS:
        return v->texts.n;
    default:
        return strlen(v->text);
    }
}

static const struct message_alert *alert_at(struct run *r, const struct value *v, size_t i)
{
    static const struct message_alert none = {
        .fingerprint = "", .generator_url = "", .starts_us = TIME_ZERO_US};
    const struct message *m = v->alerts.of;
    for (size_t k = 0; k < m->alert_count && tmpl_run_step(r, 1); k++)
        if (counts(v, &m->alerts[k]) && i-- == 0)
            return &m->alerts[k];
    return &none;
}

struct value tmpl_value_at(struct run *r, const struct value *v, size_t i)
{
    static const struct pair none = {.key = "", .value = ""};
    struct value ret = {.type = TYPE_TEXT, .text = ""};
    switch (v->type) {
    case TYPE_ALERTS:
        return (struct value){.type = TYPE_ALERT, .alert = alert_at(r, v, i)};
    case TYPE_PAIRS:
        return (struct value){.type = TYPE_PAIR, .pair = i < v->map.n ? &v->map.at[i] : &none};
    case TYPE_MAP:
        ret.text = i < v->map.n ? v->map.at[i].value : "";
        return ret;
    default:
        ret.text = i < v->texts.n ? v->texts.at[i] : "";
        return ret;
    }
}

bool tmpl_value_true(const struct value *v)
{
    switch (v->type) {
    case TYPE_ALERTS:
        for (size_t i = 0; i < v->alerts.of->alert_count; i++)
            if (counts(v, &v->alerts.of->alerts[i]))
                return true;
        return false;
    case TYPE_MAP:
    case TYPE_PAIRS:
        return v->map.n > 0;
    case TYPE_TEXTS:
        return v->texts.n > 0;
    case TYPE_TEXT:
        return v->text[0] != '\0';
    case TYPE_BOOL:
        return v->flag;
    case TYPE_INT:
    case TYPE_SPAN:
        return v->number != 0;
    case TYPE_FLOAT:
        return v->real != 0;
    default:
        return true;
    }
}

/* ---- blocks ---------------------------------------------------------------------- */

/* In one pass: alerts that do not count are stepped over. */
static void range_alerts(struct run *r, const struct template_node *node, const struct value *list)
{
    const struct message *m = list->alerts.of;
    for (size_t i = 0; i < m->alert_count && tmpl_run_step(r, 1); i++) {
        struct value v = {.type = TYPE_ALERT, .alert = &m->alerts[i]};
        if (counts(list, v.alert))
            run_nodes(r, node->body, &v);
    }
}

static void range(struct run *r, const struct template_node *node, const struct value *list)
{
    if (list->type == TYPE_ALERTS) {
        range_alerts(r, node, list);
        return;
    }
    size_t n = tmpl_value_count(r, list);
    for (size_t i = 0; i < n && tmpl_run_step(r, 1); i++) {
        struct value v = tmpl_value_at(r, list, i);
        run_nodes(r, node->body, &v);
    }
}

static void run_block(struct run *r, const struct template_node *node, const struct value *dot)
{
    struct value v = tmpl_run_eval(r, node->pipe, dot);
    if (!tmpl_value_true(&v))
        run_nodes(r, node->otherwise, dot);
    else if (node->type == NODE_RANGE)
        range(r, node, &v);
    else
        run_nodes(r, node->body, node->type == NODE_WITH ? &v : dot);
}

static void run_print(struct run *r, const struct template_node *node, const struct value *dot)
{
    struct value v = tmpl_run_eval(r, node->pipe, dot);
    if (!r->over)
        tmpl_value_print(r->out, &v);
}

static void run_nodes(struct run *r, const struct template_node *node, const struct value *dot)
{
    for (; node && !r->out->overflow && tmpl_run_step(r, 1); node = node->next) {
        if (node->type == NODE_TEXT)
            str_addn(r->out, node->text, node->n);
        else if (node->type == NODE_PRINT)
            run_print(r, node, dot);
        else
            run_block(r, node, dot);
    }
}

int template_render(const struct template *t, const struct message *m, struct str *out,
                    struct err *reterr)
{
    struct run r = {.t = t, .message = m, .out = out};
    struct value root = {.type = TYPE_MESSAGE, .message = m};
    run_nodes(&r, t->nodes, &root);
    arena_release(&r.scratch);
    if (out->overflow)
        return err_set(reterr, "the text would be longer than %zu bytes", out->max);
    if (r.over)
        return err_set(reterr,
                       "the template does more than %d steps, or makes too long texts of what is "
                       "in the message (%zu bytes, all together)",
                       TEMPLATE_STEPS_MAX, TEMPLATE_SCRATCH_MAX);
    return 0;
}
