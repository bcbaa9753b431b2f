#include "engine/excluding.h"

#include "engine/excluding_pairs.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/table.h"
#include "base/vec.h"
#include "base/when.h"
#include "nines/store_reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct excluding {
    int refs; /* atomic */
    struct config *cfg;
    struct arena arena; /* of what is stored */
    VEC(const struct exclusion *) list;
    const struct exclusions **of; /* of each of cfg->slos; equal ones are one set */
};

/* ---- who has the same ones ------------------------------------------------------------ */

/* Which exclusions fit an objective, as text: equal for equal lists. */
static void name_list(struct str *key, const bool *fits, size_t n)
{
    str_clear(key);
    for (size_t i = 0; i < n; i++)
        if (fits[i])
            str_addf(key, "%zu ", i);
    assert(!key->overflow);
}

struct fitting {
    const struct exclusion *const *list;
    size_t n;
    bool *fits;
    const struct exclusion **found;
    size_t count;
    struct str key;
};

static void fitting_init(struct fitting *f, const struct exclusion *const *list, size_t n)
{
    *f = (struct fitting){.list = list, .n = n};
    f->fits = mem_array(n + 1, sizeof(*f->fits));
    f->found = mem_array(n + 1, sizeof(*f->found));
    str_init(&f->key, (n + 1) * 24);
}

static void fitting_release(struct fitting *f)
{
    mem_free(&f->fits);
    mem_free(&f->found);
    str_release(&f->key);
}

static void fit(struct fitting *f, const struct slo_def *slo)
{
    f->count = 0;
    for (size_t i = 0; i < f->n; i++) {
        f->fits[i] = excluding_concerns(f->list[i], slo);
        if (f->fits[i])
            f->found[f->count++] = f->list[i];
    }
    name_list(&f->key, f->fits, f->n);
}

/* ---- loading ------------------------------------------------------------------------ */

const struct slo_def *excluding_common_slo(const struct config *cfg, const struct exclusion *a,
                                           const struct exclusion *b)
{
    for (size_t i = 0; i < cfg->slo_count; i++)
        if (exclusion_fits(a, cfg->slos[i]) && exclusion_fits(b, cfg->slos[i]))
            return cfg->slos[i];
    return NULL;
}

/* Told at the last one of those that are too many. */
static bool check_counts(const struct config *cfg, struct decode *c)
{
    bool ok = true;
    struct err err;
    struct fitting f;
    const struct exclusion **list = mem_array(cfg->exclusion_count + 1, sizeof(*list));
    for (size_t i = 0; i < cfg->exclusion_count; i++)
        list[i] = &cfg->exclusions[i];
    fitting_init(&f, list, cfg->exclusion_count);
    for (size_t i = 0; i < cfg->slo_count; i++) {
        fit(&f, cfg->slos[i]);
        if (exclusions_count(f.found, f.count, &err) == 0)
            continue;
        diag_error(c->diag, f.found[f.count - 1]->pos, "the SLO '%s': %s", cfg->slos[i]->name,
                   err.msg);
        ok = false;
        break;
    }
    fitting_release(&f);
    mem_free(&list);
    return ok;
}

void excluding_finish(const struct config *cfg, struct decode *c)
{
    if (check_counts(cfg, c))
        excluding_check_pairs(cfg, c);
}

/* ---- making ----------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    const struct exclusion *x = *(const struct exclusion *const *)a;
    const struct exclusion *y = *(const struct exclusion *const *)b;
    if (x->from_us != y->from_us)
        return x->from_us < y->from_us ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int make_set(struct fitting *f, const struct slo_def *slo, struct exclusions **ret,
                    struct err *reterr)
{
    struct err err;
    if (exclusions_make(f->found, f->count, ret, &err) < 0)
        return err_set(reterr, "the exclusions of %s: %s", slo->name, err.msg);
    return 0;
}

/* Keys are borrowed by the table: they live in the arena. */
static int make_sets(struct excluding *x, struct err *reterr)
{
    struct fitting f;
    struct table sets = {0};
    int rc = 0;
    fitting_init(&f, x->list.at, x->list.len);
    for (size_t i = 0; i < x->cfg->slo_count && rc == 0; i++) {
        struct exclusions *set = NULL;
        fit(&f, x->cfg->slos[i]);
        if (f.count > 0)
            x->of[i] = exclusions_ref(table_get(&sets, f.key.buf));
        if (f.count == 0 || x->of[i])
            continue;
        rc = make_set(&f, x->cfg->slos[i], &set, reterr);
        x->of[i] = set;
        if (set)
            table_set(&sets, arena_strdup(&x->arena, f.key.buf), set);
    }
    table_release(&sets);
    fitting_release(&f);
    return rc;
}

static int add_stored(struct excluding *x, struct store_reader *r, struct err *reterr)
{
    struct exclusion *stored = NULL;
    size_t n = 0;
    if (r && store_reader_exclusions(r, &x->arena, &stored, &n, reterr) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (stored[i].removed_us == 0)
            vec_push(&x->list, &stored[i]);
    return 0;
}

int excluding_read(struct config *cfg, struct store_reader *r, struct excluding **ret,
                   struct err *reterr)
{
    struct excluding *x = mem_alloc(sizeof(*x));
    x->refs = 1;
    x->cfg = config_ref(cfg);
    x->of = mem_array(cfg->slo_count + 1, sizeof(struct exclusions *));
    for (size_t i = 0; i < cfg->exclusion_count; i++)
        vec_push(&x->list, &cfg->exclusions[i]);
    if (add_stored(x, r, reterr) < 0) {
        excluding_unref(x);
        return -1;
    }
    if (x->list.len > 1)
        qsort(x->list.at, x->list.len, sizeof(*x->list.at), by_time);
    if (make_sets(x, reterr) < 0) {
        excluding_unref(x);
        return -1;
    }
    *ret = x;
    return 0;
}

struct excluding *excluding_ref(struct excluding *x)
{
    if (x)
        __atomic_fetch_add(&x->refs, 1, __ATOMIC_RELAXED);
    return x;
}

void excluding_unref(struct excluding *x)
{
    if (!x || __atomic_fetch_sub(&x->refs, 1, __ATOMIC_ACQ_REL) > 1)
        return;
    for (size_t i = 0; i < x->cfg->slo_count; i++)
        exclusions_unref(x->of[i]);
    mem_free(&x->of);
    vec_release(&x->list);
    arena_release(&x->arena);
    config_unref(x->cfg);
    mem_free(&x);
}

/* ---- asking ------------------------------------------------------------------------------ */

static int compare_slo(const void *key, const void *item)
{
    const struct slo_def *a = key, *b = *(struct slo_def *const *)item;
    int c = strcmp(a->name, b->name);
    return c ? c : strcmp(a->objective_name, b->objective_name);
}

const struct exclusions *excluding_of(const struct excluding *x, const struct slo_def *slo)
{
    struct slo_def *const *found = NULL;
    if (x && x->cfg->slo_count)
        found = bsearch(slo, x->cfg->slos, x->cfg->slo_count, sizeof(*found), compare_slo);
    return found ? x->of[found - x->cfg->slos] : NULL;
}

const struct config *excluding_config(const struct excluding *x)
{
    return x->cfg;
}

size_t excluding_count(const struct excluding *x)
{
    return x ? x->list.len : 0;
}

const struct exclusion *excluding_at(const struct excluding *x, size_t i)
{
    assert(i < x->list.len);
    return x->list.at[i];
}
