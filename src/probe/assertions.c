#include "probe/assertions.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "config/decode.h"
#include "model/expr.h"
#include "model/history.h"
#include "model/selector.h"
#include "probe/churn.h"
#include "probe/judge.h"

#include <stdio.h>

#define FOR_MAX_US (30 * USEC_PER_DAY)
#define SHOWN_MAX 256
#define WELL INT64_MIN

struct probe_memory {
    struct history *history;
    struct churn churn;
    int64_t last_us;
    int64_t since_us[]; /* of each assertion: the scrape that it has failed from on, or WELL */
};

/* ---- from YAML ------------------------------------------------------------------ */

struct written {
    const struct node *that;
    const char *name;
    int64_t for_us;
};

static const struct field written_fields[] = {
    {"that", FIELD_CUSTOM, offsetof(struct written, that), .flags = FIELD_REQUIRED,
     .decode = decode_keep, .help = "the condition"},
    {"for", FIELD_DURATION, offsetof(struct written, for_us), .min = 1, .max = FOR_MAX_US,
     .help = "fail only when it has failed for so long"},
    {"name", FIELD_STRING, offsetof(struct written, name), .help = "how to call it in messages"},
    {0},
};

/* Where the byte is in the file, if the text is on one line without escapes; one
 * in quotes begins behind the first of them. */
static struct pos inside(const struct node *n, size_t at)
{
    struct pos pos = n->pos;
    if (!strchr(n->text, '\n'))
        pos.column += (int)at + !n->plain;
    return pos;
}

static void add(struct decode *c, const struct written *w, struct assertions *a)
{
    const struct node *n = w->that;
    const struct expr *expr;
    size_t at = 0;
    struct err err;
    char found[FOUND_MAX];
    if (n->kind != NODE_SCALAR || node_is_null(n)) {
        decode_error(c, n->pos, "expected a condition like queue_depth < 100; found %s",
                     decode_found(n, found));
        return;
    }
    if (expr_parse(c->arena, n->text, &expr, &at, &err) < 0) {
        decode_error(c, inside(n, at), "%s", err.msg);
        return;
    }
    const char *text = expr_text(expr);
    a->at[a->n++] = (struct assertion){
        .expr = expr,
        .what = w->name ? arena_printf(c->arena, "%s: %s", w->name, text) : text,
        .for_us = w->for_us,
        .pos = n->pos,
    };
}

void assertions_decode(struct decode *c, const struct node *n, void *out)
{
    struct assertions *a = out;
    size_t count = n->kind == NODE_SEQ ? n->n : 1;
    if (count > ASSERTIONS_MAX) {
        decode_error(c, n->pos, "%zu assertions: at most %d are allowed", count, ASSERTIONS_MAX);
        return;
    }
    a->at = arena_alloc(c->arena, (count + 1) * sizeof(*a->at));
    for (size_t i = 0; i < count; i++) {
        const struct node *item = n->kind == NODE_SEQ ? n->items[i] : n;
        struct written w = {.that = item};
        if (item->kind == NODE_MAP) {
            w.that = NULL;
            decode_object(c, item, written_fields, &w);
        }
        if (w.that)
            add(c, &w, a);
    }
}

/* ---- what they need ---------------------------------------------------------------- */

static void want(struct assertions *a, const struct selector *s)
{
    for (size_t i = 0; i < a->wanted_count; i++) {
        if (str_eq(selector_text(a->wanted[i]), selector_text(s)))
            return;
    }
    a->wanted[a->wanted_count++] = s;
}

void assertions_prepare(struct decode *c, struct assertions *a)
{
    const struct selector *all[EXPR_SELECTORS_MAX];
    a->wanted = arena_alloc(c->arena, (a->n * EXPR_SELECTORS_MAX + 1) * sizeof(*a->wanted));
    a->wanted_count = 0;
    a->reach_us = 0;
    for (size_t i = 0; i < a->n; i++) {
        size_t n = expr_selectors(a->at[i].expr, all);
        for (size_t k = 0; k < n; k++)
            want(a, all[k]);
        int64_t window_us = expr_window_us(a->at[i].expr);
        if (window_us > a->reach_us)
            a->reach_us = window_us;
    }
}

/* ---- judging --------------------------------------------------------------------------- */

struct probe_memory *assertions_memory_new(const struct assertions *a)
{
    struct probe_memory *m = mem_alloc(sizeof(*m) + a->n * sizeof(m->since_us[0]));
    m->history = history_new(a->reach_us);
    m->last_us = INT64_MIN;
    for (size_t i = 0; i < a->wanted_count; i++)
        history_want(m->history, a->wanted[i]);
    for (size_t i = 0; i < a->n; i++)
        m->since_us[i] = WELL;
    return m;
}

void assertions_memory_free(struct probe_memory *m)
{
    if (!m)
        return;
    history_free(m->history);
    churn_release(&m->churn);
    free(m);
}

/* "12000 for 5m15s, fails at 10m" */
static void say_since(char *shown, size_t size, const struct assertion *as, int64_t failed_us)
{
    char since[UNITS_MAX], limit[UNITS_MAX];
    size_t len = strlen(shown);
    int64_t seconds_us = failed_us - failed_us % USEC_PER_SEC;
    if (seconds_us)
        snprintf(shown + len, size - len, " for %s now", units_duration(since, seconds_us));
    len = strlen(shown);
    if (failed_us < as->for_us)
        snprintf(shown + len, size - len, "; bad after %s", units_duration(limit, as->for_us));
}

/* Whether the run may be good as far as this one goes; *ret_open: only so far. */
static bool judge_one(const struct assertion *as, struct probe_memory *m, int64_t *since_us,
                      char shown[static SHOWN_MAX], bool *ret_open)
{
    enum expr_answer answer = expr_ask(as->expr, m->history, m->last_us, shown, SHOWN_MAX);
    *ret_open = answer != EXPR_HOLDS;
    if (answer == EXPR_HOLDS)
        *since_us = WELL;
    if (answer == EXPR_UNKNOWN && !*shown)
        str_copy(shown, SHOWN_MAX, "not enough scrapes yet");
    if (answer != EXPR_FAILS)
        return true;
    if (*since_us == WELL)
        *since_us = m->last_us;
    int64_t failed_us = m->last_us - *since_us;
    say_since(shown, SHOWN_MAX, as, failed_us);
    return failed_us < as->for_us;
}

static void judge_all(const struct assertions *a, struct probe_memory *m, struct verdict *v)
{
    for (size_t i = 0; i < a->n; i++) {
        char shown[SHOWN_MAX] = "";
        bool open, ok = judge_one(&a->at[i], m, &m->since_us[i], shown, &open);
        struct assertion_seen *seen = verdict_see(v, ok, a->at[i].what, shown);
        if (seen)
            seen->open = ok && open;
        if (!ok && v->outcome == OUTCOME_GOOD)
            verdict_fail(v, REASON_METRIC, "expected %s; got %s", a->at[i].what, shown);
    }
}

bool assertions_note(struct probe_memory *memory, int64_t at_us, const struct sample *samples,
                     size_t n)
{
    return !memory || churn_note(&memory->churn, at_us, samples, n);
}

void assertions_judge(const struct assertions *a, struct probe_memory *memory, int64_t at_us,
                      const struct sample *samples, size_t n, struct verdict *v)
{
    if (!a->n)
        return;
    struct probe_memory *m = memory ? memory : assertions_memory_new(a);
    if (m->last_us != INT64_MIN && at_us <= m->last_us)
        at_us = m->last_us + 1; /* a clock may stand still */
    m->last_us = at_us;
    history_add(m->history, at_us, samples, n);
    judge_all(a, m, v);
    if (!memory)
        assertions_memory_free(m);
}
