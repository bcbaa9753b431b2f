/*
 * What objectives depend on: other SLOs by their names, and what their probe depends
 * on. All of it in a row can be no better than the product of what each promises, so an
 * objective above that is a promise that others do not allow. Only a warning: people
 * have caches.
 */
#include "config/build.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/wide.h"

#include <stdlib.h>

#define PROMISES_DEPENDS_MAX 32
#define CYCLE_SHOWN 8
#define PARTS 1000000000000000000 /* of products */
#define TEXT_MAX 4096

struct promises {
    struct build *b;
    struct table first; /* struct built_slo by name: the first of its objectives */
    /* struct slo_def: the highest objective of a name, which an SLO may be held to, and
     * by probe the highest that its runs succeed */
    struct table names, probes;
};

static struct built_slo *find(const struct promises *p, const char *name)
{
    return table_get(&p->first, name);
}

static const struct node *node_of(const struct built_slo *s, size_t i)
{
    const struct node *n = s->depends_on;
    return n->kind == NODE_SEQ ? n->items[i] : n;
}

/* Of those that are its own: another objective's are the same. */
static size_t count_of(const struct promises *p, const struct built_slo *s)
{
    return s->depends_on && find(p, s->def->name) == s ? s->def->depends_on.n : 0;
}

/* ---- names --------------------------------------------------------------------- */

static void unknown(struct build *b, const struct node *at)
{
    const char **names = mem_array(b->slos.len + 1, sizeof(*names));
    for (size_t i = 0; i < b->slos.len; i++)
        names[i] = b->slos.at[i].def->name;
    const char *near = build_nearest(b, at->text, names, b->slos.len);
    mem_free(&names);
    decode_error(&b->decode, at->pos, "depends_on: no SLO has the name '%.128s'%s%s%s", at->text,
                 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void check_names(struct promises *p, const struct built_slo *s)
{
    size_t n = count_of(p, s);
    if (n > PROMISES_DEPENDS_MAX)
        decode_error(&p->b->decode, s->depends_on->pos, "depends_on: at most %d SLOs",
                     PROMISES_DEPENDS_MAX);
    for (size_t i = 0; i < n && i < PROMISES_DEPENDS_MAX; i++) {
        const struct node *at = node_of(s, i);
        if (str_eq(at->text, s->def->name))
            decode_error(&p->b->decode, at->pos, "depends_on: an SLO cannot depend on itself");
        else if (!find(p, at->text) && !p->b->unread)
            unknown(p->b, at);
        for (size_t j = 0; j < i; j++)
            if (str_eq(at->text, node_of(s, j)->text))
                decode_error(&p->b->decode, at->pos, "depends_on: '%.128s' is named twice",
                             at->text);
    }
}

/* ---- cycles ---------------------------------------------------------------------- */

/* The first that it depends on and that is still open; NULL: none is. */
static struct built_slo *next_open(const struct promises *p, const struct built_slo *s)
{
    for (size_t i = 0; i < count_of(p, s); i++) {
        struct built_slo *on = find(p, s->def->depends_on.at[i]);
        if (on && on != s && on->open)
            return on;
    }
    return NULL;
}

/* Whoever depends on nothing that is open is not part of a cycle. */
static void close_ends(const struct promises *p)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < p->b->slos.len; i++) {
            struct built_slo *s = &p->b->slos.at[i];
            if (!s->open || next_open(p, s))
                continue;
            s->open = false;
            again = true;
        }
    }
}

static void tell_cycle(const struct promises *p, struct built_slo *first)
{
    struct str path;
    struct built_slo *s = first;
    str_init(&path, TEXT_MAX);
    for (int i = 0; i < CYCLE_SHOWN && (i == 0 || s != first); i++, s = next_open(p, s))
        str_addf(&path, "%s -> ", s->def->name);
    str_add(&path, s == first ? first->def->name : "...");
    decode_error(&p->b->decode, first->depends_on->pos, "depends_on: SLOs depend on each other: %s",
                 path.buf);
    str_release(&path);
}

/* From any open one the way leads into a cycle; each is told once. */
static void find_cycles(const struct promises *p)
{
    for (size_t i = 0; i < p->b->slos.len; i++) {
        struct built_slo *s = &p->b->slos.at[i];
        size_t walk = i + 1;
        if (!s->open)
            continue;
        for (; !s->walk; s = next_open(p, s))
            s->walk = walk;
        if (s->walk == walk)
            tell_cycle(p, s);
    }
}

/* ---- what they allow --------------------------------------------------------------- */

struct allowed {
    uint128 parts; /* of PARTS, rounded up: so nothing is warned of that is kept */
    size_t n;
    struct str text; /* "database 99.5% x cache 99.9%" */
};

static void allow(struct allowed *a, const char *name, struct decimal target)
{
    char percent[UNITS_MAX];
    uint128 one = (uint128)decimal_pow10(target.scale);
    a->parts = (a->parts * (uint128)target.n + one - 1) / one;
    str_addf(&a->text, "%s%s %s", a->n++ ? " x " : "", name, decimal_percent(percent, target));
}

/* The SLO names an objective of the probe itself. */
static bool is_named(const struct promises *p, const struct slo_def *s, const char *probe)
{
    for (size_t i = 0; i < s->depends_on.n; i++) {
        const struct slo_def *on = table_get(&p->names, s->depends_on.at[i]);
        if (on && str_eq(on->sli.probe, probe))
            return true;
    }
    return false;
}

/* Down to a millionth of a percent. */
static const char *percent_down(char buf[static UNITS_MAX], uint128 parts)
{
    int64_t n = (int64_t)(parts / (PARTS / 100000000));
    return decimal_percent(buf, decimal_lowest((struct decimal){n, 8}));
}

static bool is_above(struct decimal target, uint128 parts)
{
    return (uint128)target.n * (uint128)(PARTS / decimal_pow10(target.scale)) > parts;
}

static void check_promise(const struct promises *p, const struct built_slo *s)
{
    char promised[UNITS_MAX], product[UNITS_MAX];
    const struct slo_def *def = s->def, *on;
    struct allowed a = {.parts = PARTS};
    str_init(&a.text, TEXT_MAX);
    for (size_t i = 0; i < def->depends_on.n; i++)
        if ((on = table_get(&p->names, def->depends_on.at[i])))
            allow(&a, on->name, on->target);
    for (size_t i = 0; def->probe && !def->sli.metric && i < def->probe->depends_on_count; i++) {
        const char *probe = def->probe->depends_on[i]->id;
        if (!is_named(p, def, probe) && (on = table_get(&p->probes, probe)))
            allow(&a, on->name, on->target);
    }
    if (a.n && is_above(def->target, a.parts))
        decode_warning(&p->b->decode, s->depends_on ? s->depends_on->pos : def->pos,
                       "objective: %s promises more than what it depends on allows: %s%s%s",
                       decimal_percent(promised, def->target), a.text.buf, a.n > 1 ? " = " : "",
                       a.n > 1 ? percent_down(product, a.parts) : "");
    str_release(&a.text);
}

/* Over another window it promises the same. */
static bool is_repeated(const struct build *b, size_t i)
{
    for (size_t j = i; j-- > 0 && str_eq(b->slos.at[j].def->name, b->slos.at[i].def->name);)
        if (decimal_cmp(b->slos.at[j].def->target, b->slos.at[i].def->target) == 0)
            return true;
    return false;
}

static void note_highest(struct table *t, const char *key, struct slo_def *def)
{
    const struct slo_def *known = table_get(t, key);
    if (!known || decimal_cmp(def->target, known->target) > 0)
        table_set(t, key, def);
}

static void note(struct promises *p, struct built_slo *s)
{
    struct slo_def *def = s->def;
    if (!find(p, def->name))
        table_set(&p->first, def->name, s);
    s->open = true;
    if (!def->sli.key)
        return; /* it has errors */
    note_highest(&p->names, def->name, def);
    if (def->probe && !def->sli.metric && !def->sli.faster_than_us &&
        def->sli.measure == MEASURE_NONE)
        note_highest(&p->probes, def->probe->id, def);
}

void build_promises(struct build *b)
{
    struct promises p = {.b = b};
    size_t errors = b->decode.diag->errors;
    for (size_t i = 0; i < b->slos.len; i++)
        note(&p, &b->slos.at[i]);
    for (size_t i = 0; i < b->slos.len; i++)
        check_names(&p, &b->slos.at[i]);
    close_ends(&p);
    find_cycles(&p);
    for (size_t i = 0; i < b->slos.len && b->decode.diag->errors == errors; i++)
        if (b->slos.at[i].def->sli.key && !is_repeated(b, i))
            check_promise(&p, &b->slos.at[i]);
    table_release(&p.first);
    table_release(&p.names);
    table_release(&p.probes);
}
