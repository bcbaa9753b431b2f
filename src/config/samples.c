/* Probes whose runs give samples: what SLOs want of them, and in which order
 * they come. */
#include "config/build.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "model/expr.h"
#include "model/selector.h"

#include <stdlib.h>
#include <string.h>

struct want {
    struct probe_def *probe;
    const struct selector *selector;
};

struct wants {
    struct build *build;
    struct probe_def *probe; /* that they are of now, */
    struct pos pos;          /* and where that is said */
    VEC(struct want) list;
};

static void want(struct wants *w, const struct selector *s)
{
    const struct probe_def *p = w->probe;
    if (!s)
        return;
    if (p->spec && p->kind->gives && !p->kind->gives(p->spec, s))
        decode_error(&w->build->decode, w->pos, "probe: no run of '%s' gives a series '%s'", p->id,
                     selector_text(s));
    vec_push(&w->list, ((struct want){w->probe, s}));
}

static void want_metric(struct wants *w, const struct sli_metric *m)
{
    const struct selector *s[EXPR_SELECTORS_MAX];
    size_t n = m->condition ? expr_selectors(m->condition, s) : 0;
    for (size_t i = 0; i < n; i++)
        want(w, s[i]);
    want(w, m->good);
    want(w, m->bad);
    want(w, m->total);
}

static int compare(const void *a, const void *b)
{
    const struct want *x = a, *y = b;
    int c = strcmp(x->probe->id, y->probe->id);
    return c ? c : strcmp(selector_text(x->selector), selector_text(y->selector));
}

static int compare_id(const void *id, const void *probe)
{
    return strcmp(id, (*(struct probe_def *const *)probe)->id);
}

/* Another set is another definition: its runs look for other series. */
static void give(struct arena *a, const struct want *list, size_t n)
{
    struct probe_def *p = list[0].probe;
    const struct selector **wanted = arena_alloc(a, n * sizeof(*wanted));
    for (size_t i = 0; i < n; i++) {
        const char *text = selector_text(list[i].selector);
        if (i > 0 && str_eq(text, selector_text(list[i - 1].selector)))
            continue;
        wanted[p->wanted_count++] = list[i].selector;
        p->content = hash_mix(p->content, str_hash(text, strlen(text)));
    }
    p->wanted = wanted;
}

static void give_all(struct build *b)
{
    struct config *c = b->config;
    struct wants w = {.build = b};
    for (size_t i = 0; i < b->slos.len; i++) {
        const struct slo_def *s = b->slos.at[i].def;
        struct probe_def **probe =
            s->sli.key && s->sli.metric && c->probe_count
                ? bsearch(s->sli.probe, c->probes, c->probe_count, sizeof(*c->probes), compare_id)
                : NULL;
        const struct probe_kind *kind = probe ? (*probe)->kind : NULL;
        if (!kind || (b->slos.at[i].component && !kind->components))
            continue; /* reported */
        w.probe = *probe;
        w.pos = b->slos.at[i].probe->pos;
        want_metric(&w, s->sli.metric);
    }
    if (w.list.len > 1)
        qsort(w.list.at, w.list.len, sizeof(*w.list.at), compare);
    for (size_t i = 0, from = 0; i < w.list.len; i++) {
        if (i + 1 < w.list.len && w.list.at[i + 1].probe == w.list.at[i].probe)
            continue;
        give(&c->arena, &w.list.at[from], i + 1 - from);
        from = i + 1;
    }
    vec_release(&w.list);
}

/* Growth is from one scrape to the next: a run ends before the next one begins. */
static void check_order(struct build *b, const struct probe_def *p)
{
    char timeout[UNITS_MAX], interval[UNITS_MAX];
    if (p->timeout_us > p->interval_us)
        decode_error(&b->decode, p->pos,
                     "timeout: the runs of a %s probe follow one another, so it is at most the "
                     "interval; found %s every %s",
                     p->kind->name, units_duration(timeout, p->timeout_us),
                     units_duration(interval, p->interval_us));
    else if (p->max_in_flight > 1)
        decode_error(&b->decode, p->pos,
                     "max_in_flight: the runs of a %s probe follow one another: 1; found '%d'",
                     p->kind->name, p->max_in_flight);
}

void build_samples(struct build *b)
{
    const struct config *c = b->config;
    for (size_t i = 0; i < c->probe_count; i++)
        if (c->probes[i]->kind && c->probes[i]->kind->samples)
            check_order(b, c->probes[i]);
    give_all(b);
}
