#include "slo/exclusions.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include "slo/recurring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MODES 2
#define KEY_MAX (EXCLUSIONS_MAX * 512)

/* Loading refuses overlaps: what is joined here is the rare leftover of a change. From
 * any of so many joined ones, looking back must not get past JOIN_MAX of them. */
#define JOIN_MAX 400
#define JOIN_BACK_MAX 20

/* Sorted, of one mode, without overlaps. */
struct once {
    struct exclusion_span *at;
    size_t n;
};

struct exclusions {
    int refs; /* atomic */
    char *key;
    struct once once[MODES];
    struct {
        struct recurring **at;
        size_t n;
    } recurring[MODES];
};

/* ---- one by itself -------------------------------------------------------------- */

static bool names_fit(const struct string_list *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (str_eq(names->at[i], name))
            return true;
    return names->n == 0;
}

static bool has_label(const struct string_map *labels, const struct pair *wanted)
{
    for (size_t i = 0; i < labels->n; i++)
        if (str_eq(labels->at[i].key, wanted->key))
            return str_eq(labels->at[i].value, wanted->value);
    return false;
}

bool exclusion_fits(const struct exclusion *x, const struct slo_def *slo)
{
    if (!names_fit(&x->slos, slo->name) || (x->service && !str_eq(x->service, slo->service)))
        return false;
    for (size_t i = 0; i < x->labels.n; i++)
        if (!has_label(&slo->labels, &x->labels.at[i]))
            return false;
    return true;
}

struct counts exclusion_apply(enum exclusion_mode mode, enum no_data no_data, int64_t event,
                              struct counts c)
{
    if (mode == EXCLUSION_DROP)
        return (struct counts){0};
    c.good += c.bad;
    c.bad = 0;
    if (no_data == NO_DATA_BAD) {
        c.good += c.silent * event;
        c.scrapes += c.silent;
        c.silent = 0;
    }
    return c;
}

/* ---- the set ---------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
    const struct exclusion_span *x = a, *y = b;
    if (x->start_us != y->start_us)
        return x->start_us < y->start_us ? -1 : 1;
    return (x->end_us > y->end_us) - (x->end_us < y->end_us);
}

static void join_once(struct once *o)
{
    size_t n = 0;
    if (o->n == 0)
        return;
    qsort(o->at, o->n, sizeof(*o->at), by_start);
    for (size_t i = 1; i < o->n; i++) {
        struct exclusion_span *last = &o->at[n];
        if (o->at[i].start_us > last->end_us)
            o->at[++n] = o->at[i];
        else if (o->at[i].end_us > last->end_us)
            last->end_us = o->at[i].end_us;
    }
    o->n = n + 1;
}

static void add_once(struct once *o, const struct exclusion *x)
{
    o->at = mem_resize(o->at, o->n + 1, sizeof(*o->at));
    o->at[o->n++] = (struct exclusion_span){x->from_us, x->to_us, x->mode};
}

static int add_recurring(struct exclusions *x, const struct exclusion *one, struct err *reterr)
{
    struct recurring *r;
    const char *key;
    if (recurring_make(one, &r, &key, reterr) < 0)
        return -1;
    size_t n = x->recurring[one->mode].n++;
    x->recurring[one->mode].at = mem_resize(x->recurring[one->mode].at, n + 1, sizeof(r));
    x->recurring[one->mode].at[n] = r;
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In any order of the list they come as the same text. */
static void key_of_rules(struct str *s, const struct exclusion *const *list, size_t n)
{
    char **texts = mem_array(n + 1, sizeof(*texts));
    size_t rules = 0;
    for (size_t i = 0; i < n; i++)
        if (list[i]->rrule)
            texts[rules++] =
                mem_printf("%s %lld-%lld %s %s", exclusion_mode_name(list[i]->mode),
                           list[i]->from_us / USEC_PER_MIN, list[i]->to_us / USEC_PER_MIN,
                           list[i]->timezone, list[i]->rrule);
    qsort(texts, rules, sizeof(*texts), by_text);
    for (size_t i = 0; i < rules; i++) {
        str_addf(s, "%s%s", s->len ? ", " : "", texts[i]);
        free(texts[i]);
    }
    mem_free(&texts);
}

static char *make_key(const struct exclusions *x, const struct exclusion *const *list, size_t n)
{
    struct str s;
    str_init(&s, KEY_MAX);
    for (int m = 0; m < MODES; m++)
        for (size_t i = 0; i < x->once[m].n; i++)
            str_addf(&s, "%s%s %lld-%lld", s.len ? ", " : "",
                     exclusion_mode_name((enum exclusion_mode)m),
                     x->once[m].at[i].start_us / USEC_PER_MIN,
                     x->once[m].at[i].end_us / USEC_PER_MIN);
    key_of_rules(&s, list, n);
    assert(!s.overflow);
    char *key = str_detach(&s);
    str_release(&s);
    return key;
}

int exclusions_count(const struct exclusion *const *list, size_t n, struct err *reterr)
{
    size_t recurring = 0;
    for (size_t i = 0; i < n; i++)
        recurring += list[i]->rrule != NULL;
    if (n > EXCLUSIONS_MAX)
        return err_set(reterr, "an objective has %d exclusions at most; found %zu", EXCLUSIONS_MAX,
                       n);
    if (recurring > EXCLUSIONS_RECURRING_MAX)
        return err_set(reterr, "an objective has %d exclusions with a rule at most; found %zu",
                       EXCLUSIONS_RECURRING_MAX, recurring);
    return 0;
}

static int fill(struct exclusions *x, const struct exclusion *const *list, size_t n,
                struct err *reterr)
{
    for (size_t i = 0; i < n; i++)
        if (!list[i]->rrule)
            add_once(&x->once[list[i]->mode], list[i]);
        else if (add_recurring(x, list[i], reterr) < 0)
            return -1;
    for (int m = 0; m < MODES; m++)
        join_once(&x->once[m]);
    x->key = make_key(x, list, n);
    return 0;
}

int exclusions_make(const struct exclusion *const *list, size_t n, struct exclusions **ret,
                    struct err *reterr)
{
    if (exclusions_count(list, n, reterr) < 0)
        return -1;
    if (n == 0) {
        *ret = NULL;
        return 0;
    }
    struct exclusions *x = mem_alloc(sizeof(*x));
    x->refs = 1;
    if (fill(x, list, n, reterr) < 0) {
        exclusions_unref(x);
        return -1;
    }
    *ret = x;
    return 0;
}

/* Holders read only; the count is the one thing that changes. */
static struct exclusions *own(const struct exclusions *x)
{
    union {
        const struct exclusions *read;
        struct exclusions *own;
    } u = {x};
    return u.own;
}

const struct exclusions *exclusions_ref(const struct exclusions *x)
{
    if (x)
        __atomic_fetch_add(&own(x)->refs, 1, __ATOMIC_RELAXED);
    return x;
}

void exclusions_unref(const struct exclusions *x)
{
    struct exclusions *o = own(x);
    if (!o || __atomic_fetch_sub(&o->refs, 1, __ATOMIC_ACQ_REL) > 1)
        return;
    for (int m = 0; m < MODES; m++) {
        for (size_t i = 0; i < o->recurring[m].n; i++)
            recurring_free(o->recurring[m].at[i]);
        free(o->recurring[m].at);
        free(o->once[m].at);
    }
    free(o->key);
    free(o);
}

const char *exclusions_key(const struct exclusions *x)
{
    return x ? x->key : "";
}

/* ---- spans in order ----------------------------------------------------------------- */

static bool once_next(const struct once *o, int64_t t_us, struct exclusion_span *ret)
{
    size_t low = 0, high = o->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (o->at[mid].end_us <= t_us)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == o->n)
        return false;
    *ret = o->at[low];
    return true;
}

/* Of a mode, the one that begins first of those that end after t. */
static bool one_next(const struct exclusions *x, enum exclusion_mode mode, int64_t t_us,
                     struct exclusion_span *ret)
{
    struct exclusion_span s;
    bool found = once_next(&x->once[mode], t_us, ret);
    for (size_t i = 0; i < x->recurring[mode].n; i++) {
        if (!recurring_next(x->recurring[mode].at[i], t_us, &s))
            continue;
        if (!found || by_start(&s, ret) < 0)
            *ret = s;
        found = true;
    }
    return found;
}

static void join(const struct exclusions *x, int64_t t_us, struct exclusion_span *span)
{
    struct exclusion_span s;
    for (int i = 0; i < JOIN_MAX; i++) {
        if (!one_next(x, span->mode, span->end_us, &s) || s.start_us >= span->end_us)
            break;
        span->end_us = s.end_us;
    }
    for (int i = 0; span->start_us <= t_us; i++) {
        if (!one_next(x, span->mode, span->start_us, &s) || s.start_us >= span->start_us)
            return;
        span->start_us = i < JOIN_BACK_MAX ? s.start_us : t_us;
        if (i == JOIN_BACK_MAX)
            return;
    }
}

/* Of a mode, as if there were no other. */
static bool mode_next(const struct exclusions *x, enum exclusion_mode mode, int64_t t_us,
                      struct exclusion_span *ret)
{
    if (!one_next(x, mode, t_us, ret))
        return false;
    if (x->recurring[mode].n > 0)
        join(x, t_us, ret);
    return true;
}

/* The part of `g`, which ends after t, that t is in or that comes first after it. */
static void cut_by_drops(const struct exclusions *x, int64_t t_us, struct exclusion_span *g)
{
    struct exclusion_span d;
    for (int64_t at = g->start_us; mode_next(x, EXCLUSION_DROP, at, &d); at = d.end_us) {
        if (d.start_us > t_us) {
            if (d.start_us < g->end_us)
                g->end_us = d.start_us;
            return;
        }
        if (d.end_us > g->start_us)
            g->start_us = d.end_us;
    }
}

bool exclusions_next(const struct exclusions *x, int64_t t_us, struct exclusion_span *ret)
{
    struct exclusion_span drop, good;
    if (!x)
        return false;
    bool drops = mode_next(x, EXCLUSION_DROP, t_us, &drop);
    if (!mode_next(x, EXCLUSION_COUNT_GOOD, t_us, &good)) {
        if (drops)
            *ret = drop;
        return drops;
    }
    if (drops && (drop.start_us <= t_us || drop.start_us <= good.start_us)) {
        *ret = drop;
        return true;
    }
    cut_by_drops(x, t_us, &good);
    *ret = good;
    return true;
}
