#include "store/asked.h"

#include "base/arena.h"
#include "base/str.h"
#include "base/table.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "model/expr.h"
#include "model/selector.h"

#include <stdlib.h>
#include <string.h>

#define FOREVER INT64_MAX

/* ---- reading ------------------------------------------------------------------ */

struct span {
    int64_t since_us, until_us;
    enum asked how;
    size_t selector; /* of the SLI */
};

struct loading {
    struct arena arena;
    const struct selector *selectors[EXPR_SELECTORS_MAX];
    size_t n;
    VEC(struct span) spans;
    VEC(int64_t) edges;
    VEC(int64_t) sources; /* when each began, rising; nothing is known of before */
};

static size_t selectors_of(const struct sli_metric *m, const struct selector *ret[])
{
    const struct selector *const all[] = {m->good, m->bad, m->total};
    size_t n = 0;
    if (m->kind == SLI_THRESHOLD)
        return expr_selectors(m->condition, ret);
    for (size_t i = 0; i < countof(all); i++)
        if (all[i])
            ret[n++] = all[i];
    return n;
}

static int how_covered(struct loading *l, const char *text, const struct selector *s,
                       enum asked *ret, struct err *reterr)
{
    struct err why;
    const struct selector *stored;
    *ret = ASKED_NOT;
    if (str_eq(text, selector_text(s)))
        *ret = ASKED_NAMED;
    else if (str_eq(text, ASKED_ALL))
        *ret = ASKED_GIVEN;
    else if (selector_parse(&l->arena, text, strlen(text), &stored, NULL, &why) < 0)
        return err_set(reterr, "the wanted table is damaged: %s", why.msg);
    else if (selector_covers(stored, s))
        *ret = ASKED_GIVEN;
    return 0;
}

static int take_row(struct loading *l, size_t selector, struct sqlite_rows *q, struct err *reterr)
{
    struct span x = {.since_us = sqlite_int(q, 1),
                     .until_us = sqlite_null(q, 2) ? FOREVER : sqlite_int(q, 2),
                     .selector = selector};
    if (how_covered(l, sqlite_text(q, 0), l->selectors[selector], &x.how, reterr) < 0)
        return -1;
    if (x.how == ASKED_NOT)
        return 0;
    vec_push(&l->spans, x);
    vec_push(&l->edges, x.since_us);
    if (x.until_us < FOREVER)
        vec_push(&l->edges, x.until_us);
    return 0;
}

/* What may cover the selector: the same name, with other matchers or none. */
static int load_selector(struct loading *l, struct sqlite *db, int64_t probe, size_t i,
                         struct err *reterr)
{
    const struct selector *s = l->selectors[i];
    const char *name = selector_name(s) ? selector_name(s) : selector_text(s);
    struct sqlite_rows *q =
        sqlite_query(db,
                     "SELECT selector, since, until FROM wanted"
                     " WHERE probe = ?1 AND selector IN (?2, ?3)"
                     " UNION ALL SELECT selector, since, until FROM wanted"
                     " WHERE probe = ?1 AND selector >= ?3 || '{' AND selector < ?3 || '|'",
                     BIND(v_int(probe), v_text(ASKED_ALL), v_text(name)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        if (take_row(l, i, q, reterr) < 0) {
            sqlite_end(q);
            return -1;
        }
    }
    return rc;
}

static int earlier(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static enum asked how_at(const struct loading *l, int64_t at_us)
{
    enum asked all = ASKED_NAMED;
    if (l->sources.len == 0 || at_us < l->sources.at[0])
        return ASKED_GIVEN;
    for (size_t k = 0; k < l->n; k++) {
        enum asked best = ASKED_NOT;
        for (size_t i = 0; i < l->spans.len; i++) {
            const struct span *x = &l->spans.at[i];
            if (x->selector == k && x->since_us <= at_us && at_us < x->until_us && x->how > best)
                best = x->how;
        }
        all = best < all ? best : all;
    }
    return all;
}

/* The first source follows what was imported: that may go on. */
static bool is_anew(const struct loading *l, int64_t at_us)
{
    for (size_t i = 1; i < l->sources.len; i++)
        if (l->sources.at[i] == at_us)
            return true;
    return false;
}

static void sum_up(struct loading *l, struct asked_spans *ret)
{
    VEC(struct asked_span) out = {0};
    for (size_t i = 0; i < l->sources.len; i++)
        vec_push(&l->edges, l->sources.at[i]);
    if (l->edges.len > 1)
        qsort(l->edges.at, l->edges.len, sizeof(*l->edges.at), earlier);
    vec_push(&out, ((struct asked_span){.since_us = INT64_MIN, .how = ASKED_GIVEN}));
    for (size_t i = 0; i < l->edges.len; i++) {
        int64_t at = l->edges.at[i];
        struct asked_span x = {.since_us = at, .how = how_at(l, at), .anew = is_anew(l, at)};
        bool same_edge = i > 0 && l->edges.at[i - 1] == at;
        if (!same_edge && (x.anew || x.how != out.at[out.len - 1].how))
            vec_push(&out, x);
    }
    *ret = (struct asked_spans){out.at, out.len};
}

static int load_sources(struct loading *l, struct sqlite *db, int64_t probe, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(db,
                     "SELECT since FROM wanted WHERE probe = ?1 AND selector GLOB '@*'"
                     " ORDER BY since",
                     BIND(v_int(probe)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        vec_push(&l->sources, sqlite_int(q, 0));
    return rc;
}

int asked_load(struct sqlite *db, int64_t probe, const struct sli_def *sli, struct asked_spans *ret,
               struct err *reterr)
{
    struct loading l = {0};
    l.n = selectors_of(sli->metric, l.selectors);
    int rc = load_sources(&l, db, probe, reterr);
    for (size_t i = 0; rc >= 0 && i < l.n; i++)
        rc = load_selector(&l, db, probe, i, reterr);
    if (rc >= 0)
        sum_up(&l, ret);
    vec_release(&l.spans);
    vec_release(&l.edges);
    vec_release(&l.sources);
    arena_release(&l.arena);
    return rc < 0 ? -1 : 0;
}

void asked_release(struct asked_spans *s)
{
    free(s->at);
    *s = (struct asked_spans){0};
}

/* ---- asking --------------------------------------------------------------------- */

static size_t span_at(const struct asked_spans *s, int64_t slot_us)
{
    size_t i = s->n - 1;
    while (i > 0 && s->at[i].since_us > slot_us)
        i--;
    return i;
}

enum asked asked_at(const struct asked_spans *s, int64_t slot_us)
{
    return s->n ? s->at[span_at(s, slot_us)].how : ASKED_GIVEN;
}

int64_t asked_since(const struct asked_spans *s, int64_t slot_us)
{
    if (s->n == 0)
        return INT64_MIN;
    size_t i = span_at(s, slot_us);
    bool asked = s->at[i].how != ASKED_NOT;
    while (i > 0 && !s->at[i].anew && (s->at[i - 1].how != ASKED_NOT) == asked)
        i--;
    return s->at[i].since_us;
}

struct sli_asked asked_now(const struct asked_spans *s)
{
    struct sli_asked now = {.named_us = INT64_MAX};
    size_t i = s->n;
    while (i > 0 && s->at[i - 1].how == ASKED_NAMED)
        now.named_us = s->at[--i].since_us;
    now.since_us = now.anew_us = now.before_us = asked_since(s, INT64_MAX);
    if (now.anew_us > INT64_MIN && asked_at(s, now.anew_us - 1) != ASKED_NOT)
        now.since_us = now.before_us = asked_since(s, now.anew_us - 1);
    while (now.since_us > INT64_MIN && asked_at(s, now.since_us - 1) != ASKED_NOT)
        now.since_us = asked_since(s, now.since_us - 1);
    return now;
}

/* ---- changing ------------------------------------------------------------------- */

int asked_any(struct sqlite *db, int64_t probe, struct err *reterr)
{
    int64_t one;
    return sqlite_lookup(db, "SELECT 1 FROM wanted WHERE probe = ?1 AND until IS NULL LIMIT 1",
                         BIND(v_int(probe)), &one, reterr);
}

/* Selectors whose spans go on. There may be thousands. */
struct open_spans {
    struct arena arena;
    VEC(const char *) at;
    struct table known, wanted;
};

static void add(struct table *t, const char *selector)
{
    table_set(t, selector, t); /* any value but NULL */
}

static int load_open(struct open_spans *o, struct sqlite *db, int64_t probe, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(db, "SELECT selector FROM wanted WHERE probe = ?1 AND until IS NULL",
                     BIND(v_int(probe)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        const char *selector = arena_strdup(&o->arena, sqlite_text(q, 0));
        vec_push(&o->at, selector);
        add(&o->known, selector);
    }
    return rc;
}

static int begin_span(struct sqlite *db, int64_t probe, const char *selector, int64_t at_us,
                      struct err *reterr)
{
    return sqlite_run(db,
                      "INSERT OR REPLACE INTO wanted(probe, selector, since, until)"
                      " VALUES(?1, ?2, ?3, NULL)",
                      BIND(v_int(probe), v_text(selector), v_int(at_us)), reterr);
}

static int end_span(struct sqlite *db, int64_t probe, const char *selector, int64_t at_us,
                    struct err *reterr)
{
    return sqlite_run(db,
                      "UPDATE wanted SET until = max(since, ?3)"
                      " WHERE probe = ?1 AND selector = ?2 AND until IS NULL",
                      BIND(v_int(probe), v_text(selector), v_int(at_us)), reterr);
}

static int change(struct sqlite *db, int64_t probe, int64_t at_us, struct open_spans *open,
                  const char *const *selectors, size_t n, struct err *reterr)
{
    int changes = 0;
    for (size_t i = 0; i < n; i++)
        add(&open->wanted, selectors[i]);
    for (size_t i = 0; i < open->at.len; i++) {
        if (table_get(&open->wanted, open->at.at[i]))
            continue;
        changes++;
        if (end_span(db, probe, open->at.at[i], at_us, reterr) < 0)
            return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (table_get(&open->known, selectors[i]))
            continue;
        changes++;
        if (begin_span(db, probe, selectors[i], at_us, reterr) < 0)
            return -1;
    }
    return changes > 0;
}

int asked_change(struct sqlite *db, int64_t probe, int64_t at_us, const char *const *selectors,
                 size_t n, struct err *reterr)
{
    struct open_spans open = {0};
    int rc = load_open(&open, db, probe, reterr);
    if (rc == 0)
        rc = change(db, probe, at_us, &open, selectors, n, reterr);
    table_release(&open.known);
    table_release(&open.wanted);
    vec_release(&open.at);
    arena_release(&open.arena);
    return rc;
}
