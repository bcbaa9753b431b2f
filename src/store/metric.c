#include "store/metric.h"

#include "base/mem.h"
#include "base/str.h"
#include "io/sqlite.h"
#include "model/expr.h"
#include "model/selector.h"

#include <string.h>

static const char *selector_or_null(const struct selector *s)
{
    return s ? selector_text(s) : NULL;
}

struct metric_text metric_text(const struct sli_metric *m)
{
    if (m->kind == SLI_THRESHOLD)
        return (struct metric_text){.condition = expr_text(m->condition)};
    return (struct metric_text){.good = selector_or_null(m->good),
                                .bad = selector_or_null(m->bad),
                                .total = selector_or_null(m->total)};
}

bool metric_text_same(const struct metric_text *a, const struct metric_text *b)
{
    return str_eq(a->good, b->good) && str_eq(a->bad, b->bad) && str_eq(a->total, b->total) &&
           str_eq(a->condition, b->condition);
}

static const char *text_or_null(struct sqlite_rows *q, int column)
{
    return sqlite_null(q, column) ? NULL : sqlite_text(q, column);
}

struct metric_text metric_text_read(struct sqlite_rows *q, int column)
{
    return (struct metric_text){text_or_null(q, column), text_or_null(q, column + 1),
                                text_or_null(q, column + 2), text_or_null(q, column + 3)};
}

struct metric_text metric_text_copy(const struct metric_text *t)
{
    return (struct metric_text){mem_strdup(t->good), mem_strdup(t->bad), mem_strdup(t->total),
                                mem_strdup(t->condition)};
}

void metric_text_release(struct metric_text *t)
{
    const char *const texts[] = {t->good, t->bad, t->total, t->condition};
    for (size_t i = 0; i < countof(texts); i++)
        free((void *)(uintptr_t)texts[i]);
    *t = (struct metric_text){0};
}

struct metric_stream *metric_new(const struct metric_text *text)
{
    struct metric_stream *m = mem_alloc(sizeof(*m));
    m->text = metric_text_copy(text);
    m->first_event = INT64_MAX;
    return m;
}

void metric_forget(struct metric_stream *m)
{
    derivation_release(&m->derivation);
    asked_release(&m->asked);
    m->begun = false;
}

static void unparse(struct metric_stream *m)
{
    metric_forget(m);
    arena_release(&m->arena);
    m->sli = (struct sli_def){0};
}

void metric_free(struct metric_stream *m)
{
    if (!m)
        return;
    unparse(m);
    metric_text_release(&m->text);
    free(m);
}

void metric_redefine(struct metric_stream *m, const struct metric_text *text)
{
    struct metric_text fresh = metric_text_copy(text);
    unparse(m);
    metric_text_release(&m->text);
    m->text = fresh;
    m->broken = false;
}

static int parse_selector(struct arena *a, const char *text, const struct selector **ret,
                          struct err *reterr)
{
    return text ? selector_parse(a, text, strlen(text), ret, NULL, reterr) : 0;
}

int metric_text_parse(struct arena *a, const struct metric_text *t, struct sli_metric *ret,
                      struct err *reterr)
{
    bool parts = !t->condition && !t->good != !t->bad;
    *ret = (struct sli_metric){.kind = t->condition ? SLI_THRESHOLD
                                       : t->total   ? SLI_RATIO
                                                    : SLI_RAW};
    if (!parts && !(t->condition && !t->total && !t->good && !t->bad))
        return err_set(reterr, "it is neither a ratio nor a condition");
    if (t->condition) {
        if (expr_parse(a, t->condition, &ret->condition, NULL, reterr) < 0)
            return -1;
        /* No configuration lets one pass, and no derivation could follow it. */
        return expr_window_us(ret->condition) == 0 ? 0 : err_set(reterr, "it looks at a window");
    }
    if (parse_selector(a, t->good, &ret->good, reterr) < 0 ||
        parse_selector(a, t->bad, &ret->bad, reterr) < 0)
        return -1;
    return parse_selector(a, t->total, &ret->total, reterr);
}

int metric_parse(struct metric_stream *m, struct err *reterr)
{
    struct err why;
    if (m->sli.metric)
        return 0;
    if (m->broken)
        return err_set(reterr, "the roll_stream table is damaged: a definition");
    if (metric_text_parse(&m->arena, &m->text, &m->def, &why) < 0) {
        unparse(m);
        m->broken = true;
        return err_set(reterr, "the roll_stream table is damaged: a definition: %s", why.msg);
    }
    m->sli.metric = &m->def;
    return 0;
}

int metric_begin(struct metric_stream *m, struct sqlite *db, int64_t probe, int64_t from_us,
                 struct err *reterr)
{
    metric_forget(m);
    if (metric_parse(m, reterr) < 0 || asked_load(db, probe, &m->sli, &m->asked, reterr) < 0)
        return -1;
    derivation_init(&m->derivation, &m->sli, &m->asked, from_us);
    m->begun = true;
    return 0;
}
