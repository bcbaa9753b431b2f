#include "slo/metric.h"

#include "model/expr.h"
#include "model/selector.h"

#include <assert.h>
#include <string.h>

/* Canonical texts have been parsed before: they are not refused. */
static const struct selector *copy_selector(struct arena *a, const struct selector *s)
{
    const struct selector *copy = NULL;
    if (!s)
        return NULL;
    const char *text = selector_text(s);
    int rc = selector_parse(a, text, strlen(text), &copy, NULL, NULL);
    assert(rc == 0);
    (void)rc;
    return copy;
}

static const struct expr *copy_expr(struct arena *a, const struct expr *e)
{
    const struct expr *copy = NULL;
    if (!e)
        return NULL;
    int rc = expr_parse(a, expr_text(e), &copy, NULL, NULL);
    assert(rc == 0);
    (void)rc;
    return copy;
}

const struct sli_def *sli_copy(struct arena *a, const struct sli_def *sli)
{
    struct sli_def *copy = arena_alloc(a, sizeof(*copy));
    *copy = *sli;
    copy->probe = arena_strdup(a, sli->probe);
    copy->key = arena_strdup(a, sli->key);
    if (!sli->metric)
        return copy;
    struct sli_metric *m = arena_alloc(a, sizeof(*m));
    m->kind = sli->metric->kind;
    m->good = copy_selector(a, sli->metric->good);
    m->bad = copy_selector(a, sli->metric->bad);
    m->total = copy_selector(a, sli->metric->total);
    m->condition = copy_expr(a, sli->metric->condition);
    copy->metric = m;
    return copy;
}
