#include "model/select.h"

#include "base/mem.h"
#include "base/str.h"
#include "nines/probe.h"

#include <stdlib.h>
#include <string.h>

#define LISTED_MAX 8 /* of what there is */
#define LIST_BYTES 512

/* ---- labels --------------------------------------------------------------------- */

static const char *find(const struct string_map *labels, const char *key)
{
    for (size_t i = 0; i < labels->n; i++)
        if (str_eq(labels->at[i].key, key))
            return labels->at[i].value;
    return NULL;
}

const char *slo_label(const struct slo_def *slo, const char *key)
{
    const char *own = find(&slo->labels, key);
    return own || !slo->probe ? own : find(&slo->probe->labels, key);
}

size_t slo_label_count(const struct slo_def *slo)
{
    size_t n = slo->labels.n;
    for (size_t i = 0; slo->probe && i < slo->probe->labels.n; i++)
        n += find(&slo->labels, slo->probe->labels.at[i].key) == NULL;
    return n;
}

struct slo_label slo_label_at(const struct slo_def *slo, size_t i)
{
    const struct pair *p = slo->labels.at + i;
    if (i >= slo->labels.n) {
        i -= slo->labels.n;
        for (p = slo->probe->labels.at; find(&slo->labels, p->key) || i > 0; p++)
            i -= !find(&slo->labels, p->key);
    }
    return (struct slo_label){p->key, p->value};
}

/* ---- choosing --------------------------------------------------------------------- */

static bool has_service(const struct slo_def *slo, const char *service)
{
    return str_eq(slo->service ? slo->service : "", service);
}

static bool has_label(const struct slo_def *slo, const struct slo_label *l)
{
    return str_eq(slo_label(slo, l->key), l->value);
}

bool slo_select_fits(const struct slo_select *select, const struct slo_def *slo)
{
    if (!select)
        return true;
    if (select->service && !has_service(slo, select->service))
        return false;
    for (size_t i = 0; i < select->label_count; i++)
        if (!has_label(slo, &select->labels[i]))
            return false;
    return true;
}

/* ---- what there is ------------------------------------------------------------------ */

struct words {
    const char **at;
    size_t n;
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, each once. */
static void settle(struct words *w)
{
    size_t n = 0;
    if (w->n > 1)
        qsort(w->at, w->n, sizeof(*w->at), compare);
    for (size_t i = 0; i < w->n; i++)
        if (n == 0 || !str_eq(w->at[n - 1], w->at[i]))
            w->at[n++] = w->at[i];
    w->n = n;
}

/* The nearest of the words, or some of them, behind a message; frees them. */
static int tell(const char *what, const char *word, struct words *w, struct err *reterr)
{
    struct str list;
    settle(w);
    const char *near = str_nearest(word, w->at, w->n);
    str_init(&list, LIST_BYTES);
    for (size_t i = 0; !near && i < w->n && i < LISTED_MAX; i++)
        str_addf(&list, "%s%.60s", i ? ", " : "", w->at[i]);
    if (near)
        err_set(reterr, "%s; did you mean '%s'?", what, near);
    else if (w->n == 0)
        err_set(reterr, "%s: none has any", what);
    else
        err_set(reterr, "%s; there %s %s%s", what, w->n == 1 ? "is" : "are", list.buf,
                w->n > LISTED_MAX ? ", ..." : "");
    str_release(&list);
    free(w->at);
    return -1;
}

static int no_service(const struct config *cfg, const char *service, struct err *reterr)
{
    char what[256];
    struct words w = {mem_array(cfg->slo_count + 1, sizeof(*w.at)), 0};
    for (size_t i = 0; i < cfg->slo_count; i++)
        if (cfg->slos[i]->service && *cfg->slos[i]->service)
            w.at[w.n++] = cfg->slos[i]->service;
    snprintf(what, sizeof(what), "no SLO has the service '%.128s'", service);
    return tell(what, service, &w, reterr);
}

static int no_key(const struct config *cfg, const char *key, struct err *reterr)
{
    char what[256];
    size_t n = 0;
    for (size_t i = 0; i < cfg->slo_count; i++)
        n += slo_label_count(cfg->slos[i]);
    struct words w = {mem_array(n + 1, sizeof(*w.at)), 0};
    for (size_t i = 0; i < cfg->slo_count; i++)
        for (size_t k = 0, of = slo_label_count(cfg->slos[i]); k < of; k++)
            w.at[w.n++] = slo_label_at(cfg->slos[i], k).key;
    snprintf(what, sizeof(what), "no SLO has a label '%.128s'", key);
    return tell(what, key, &w, reterr);
}

int slo_label_check(const struct config *cfg, const char *key, struct err *reterr)
{
    for (size_t i = 0; i < cfg->slo_count; i++)
        if (slo_label(cfg->slos[i], key))
            return 0;
    return no_key(cfg, key, reterr);
}

static int no_value(const struct config *cfg, const struct slo_label *l, struct err *reterr)
{
    char what[384];
    struct words w = {mem_array(cfg->slo_count + 1, sizeof(*w.at)), 0};
    for (size_t i = 0; i < cfg->slo_count; i++) {
        const char *value = slo_label(cfg->slos[i], l->key);
        if (value)
            w.at[w.n++] = value;
    }
    if (w.n == 0) {
        free(w.at);
        return no_key(cfg, l->key, reterr);
    }
    snprintf(what, sizeof(what), "no SLO has the label %.128s=%.128s", l->key, l->value);
    return tell(what, l->value, &w, reterr);
}

int slo_select_check(const struct config *cfg, const char *name, const struct slo_select *select,
                     struct err *reterr)
{
    bool any = false, service = false, named = false;
    if (!select)
        return 0;
    for (size_t i = 0; i < cfg->slo_count; i++) {
        bool is = !name || str_eq(cfg->slos[i]->name, name);
        named |= is;
        any |= is && slo_select_fits(select, cfg->slos[i]);
        service |= select->service && has_service(cfg->slos[i], select->service);
    }
    if (any || !named)
        return 0;
    if (select->service && !service)
        return no_service(cfg, select->service, reterr);
    for (size_t k = 0; k < select->label_count; k++) {
        bool label = false;
        for (size_t i = 0; !label && i < cfg->slo_count; i++)
            label = has_label(cfg->slos[i], &select->labels[k]);
        if (!label)
            return no_value(cfg, &select->labels[k], reterr);
    }
    if (name)
        return err_set(reterr, "SLO '%s' is not one of those chosen by service and labels", name);
    return err_set(reterr, "no SLO has all of the service and labels asked for");
}
