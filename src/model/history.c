#include "model/history.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/selector.h"
#include "model/series.h"

#include <assert.h>
#include <math.h>
#include <sys/queue.h>

#define VIEWS_PER_WORD 64

/* A series, as last seen. */
struct entry {
    TAILQ_ENTRY(entry) age;
    char *series;
    double value;
    int64_t seen_us;
    double le;         /* NaN: it has none */
    uint64_t *matched; /* a bit per view */
    /* In its newest scrape: */
    double grew, before;
    bool has_before; /* it was in the scrape before that, too */
    bool reset;
};

/* What a selector has grown by at the scrapes of a window. */
struct point {
    int64_t at_us;
    double by;
    int resets;
};

struct track {
    size_t view;
    int64_t window_us;
    double le; /* one bucket only; NaN: all */
    VEC(struct point) points;
    size_t head;      /* the first one inside the window */
    int64_t since_us; /* the scrape before it */
};

struct history {
    int64_t reach_us;
    int64_t since_us;           /* what was seen before has no value; INT64_MIN: all has */
    int64_t last_us, before_us; /* INT64_MIN: none; equal: there is only one */
    size_t scrapes;
    bool added;                         /* seeding is over */
    VEC(struct entry *) entries;        /* by text */
    TAILQ_HEAD(entry_ages, entry) ages; /* the one unseen for longest first */
    VEC(const struct selector *) wanted;
    VEC(const struct selector *) views;
    VEC(struct track) tracks;
    struct str room; /* for parsing */
};

struct history *history_new(int64_t reach_us)
{
    struct history *h = mem_alloc(sizeof(*h));
    h->reach_us = reach_us;
    h->since_us = h->last_us = h->before_us = INT64_MIN;
    TAILQ_INIT(&h->ages);
    str_init(&h->room, SAMPLE_SERIES_MAX);
    return h;
}

static void entry_free(struct entry *e)
{
    free(e->series);
    free(e->matched);
    free(e);
}

void history_free(struct history *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->entries.len; i++)
        entry_free(h->entries.at[i]);
    for (size_t i = 0; i < h->tracks.len; i++)
        vec_release(&h->tracks.at[i].points);
    vec_release(&h->entries);
    vec_release(&h->wanted);
    vec_release(&h->views);
    vec_release(&h->tracks);
    str_release(&h->room);
    free(h);
}

void history_want(struct history *h, const struct selector *s)
{
    assert(h->entries.len == 0);
    vec_push(&h->wanted, s);
}

/* ---- selectors and the series that they match ---------------------------- */

/* A pattern that hits its limits does not match: who scraped has told of it. */
static bool matches(const struct selector *s, const struct series *series)
{
    return selector_matches(s, series, NULL) == 1;
}

static bool parse(struct history *h, const char *text, struct series *ret)
{
    size_t n = strlen(text);
    return n < SAMPLE_SERIES_MAX && series_parse(text, n, &h->room, ret, NULL) == 0;
}

/* The metric's name is looked at before the text is taken apart: most series
 * belong to others. */
static bool may_match(const struct selector *s, const char *text)
{
    const char *name = selector_name(s);
    size_t n = name ? strlen(name) : 0;
    return !name || (strncmp(text, name, n) == 0 && (text[n] == '{' || text[n] == '\0'));
}

static bool in_view(const struct entry *e, size_t view)
{
    return e->matched[view / VIEWS_PER_WORD] >> view % VIEWS_PER_WORD & 1;
}

static void set_view(struct entry *e, size_t view, bool on)
{
    if (on)
        e->matched[view / VIEWS_PER_WORD] |= UINT64_C(1) << view % VIEWS_PER_WORD;
}

static void match_all(struct history *h, struct entry *e, const struct series *series)
{
    e->matched = mem_array(h->views.len / VIEWS_PER_WORD + 1, sizeof(*e->matched));
    for (size_t i = 0; i < h->views.len; i++)
        set_view(e, i, matches(h->views.at[i], series));
}

/* A view is a selector that was asked about: each series is matched with it
 * once. */
static size_t view_of(struct history *h, const struct selector *s)
{
    for (size_t i = 0; i < h->views.len; i++)
        if (h->views.at[i] == s)
            return i;
    struct series series;
    size_t view = h->views.len;
    vec_push(&h->views, s);
    for (size_t i = 0; i < h->entries.len; i++) {
        struct entry *e = h->entries.at[i];
        if (view % VIEWS_PER_WORD == 0 && view > 0) {
            e->matched = mem_resize(e->matched, view / VIEWS_PER_WORD + 1, sizeof(*e->matched));
            e->matched[view / VIEWS_PER_WORD] = 0;
        }
        if (may_match(s, e->series) && parse(h, e->series, &series))
            set_view(e, view, matches(s, &series));
    }
    return view;
}

static bool is_wanted(struct history *h, const char *text, struct series *ret)
{
    bool parsed = false;
    if (h->wanted.len == 0)
        return parse(h, text, ret);
    for (size_t i = 0; i < h->wanted.len; i++) {
        if (!may_match(h->wanted.at[i], text))
            continue;
        if (!parsed && !parse(h, text, ret))
            return false;
        parsed = true;
        if (matches(h->wanted.at[i], ret))
            return true;
    }
    return false;
}

/* ---- series -------------------------------------------------------------- */

/* Where the series is, or would be. */
static size_t position(const struct history *h, const char *series, bool *found)
{
    size_t low = 0, high = h->entries.len;
    *found = false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(h->entries.at[mid]->series, series);
        if (order == 0) {
            *found = true;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct entry *find(const struct history *h, const char *series)
{
    bool found;
    size_t at = position(h, series, &found);
    return found ? h->entries.at[at] : NULL;
}

static void forget_oldest(struct history *h)
{
    struct entry *e = TAILQ_FIRST(&h->ages);
    bool found;
    size_t at = position(h, e->series, &found);
    assert(found);
    memmove(&h->entries.at[at], &h->entries.at[at + 1],
            (h->entries.len - at - 1) * sizeof(h->entries.at[0]));
    h->entries.len--;
    TAILQ_REMOVE(&h->ages, e, age);
    entry_free(e);
}

/* NULL: there is no room, all others are newer. */
static struct entry *add_entry(struct history *h, const char *text, const struct series *series,
                               int64_t at_us)
{
    if (h->entries.len == SAMPLES_MAX) {
        if (TAILQ_FIRST(&h->ages)->seen_us >= at_us)
            return NULL;
        forget_oldest(h);
    }
    struct entry *e = mem_alloc(sizeof(*e));
    const struct series_label *le = series_label(series, "le");
    e->series = mem_strdup(text);
    if (!le || !series_number(le->value, le->value_len, &e->le))
        e->le = NAN;
    match_all(h, e, series);

    bool found;
    size_t at = position(h, text, &found);
    assert(!found);
    vec_reserve(&h->entries, h->entries.len + 1);
    memmove(&h->entries.at[at + 1], &h->entries.at[at],
            (h->entries.len - at) * sizeof(h->entries.at[0]));
    h->entries.at[at] = e;
    h->entries.len++;
    TAILQ_INSERT_TAIL(&h->ages, e, age);
    return e;
}

/* Seeds come in any order. */
static void sort_in(struct history *h, struct entry *e)
{
    TAILQ_REMOVE(&h->ages, e, age);
    struct entry *older = TAILQ_LAST(&h->ages, entry_ages);
    while (older && older->seen_us > e->seen_us)
        older = TAILQ_PREV(older, entry_ages, age);
    if (older)
        TAILQ_INSERT_AFTER(&h->ages, older, e, age);
    else
        TAILQ_INSERT_HEAD(&h->ages, e, age);
}

/* ---- scrapes ------------------------------------------------------------- */

size_t history_scrapes(const struct history *h)
{
    return h->scrapes;
}

int64_t history_last_us(const struct history *h)
{
    return h->last_us;
}

void history_seed_scrape(struct history *h, int64_t at_us)
{
    assert(!h->added);
    if (at_us > h->last_us)
        h->last_us = h->before_us = at_us;
    h->scrapes = 1;
}

void history_seed(struct history *h, const char *series, int64_t at_us, double value)
{
    struct series parsed;
    struct entry *e = find(h, series);
    if (isnan(value) || (e && e->seen_us >= at_us))
        return;
    if (!e && is_wanted(h, series, &parsed))
        e = add_entry(h, series, &parsed, at_us);
    if (e) {
        e->value = value;
        e->seen_us = at_us;
        sort_in(h, e);
    }
    if (at_us >= h->since_us)
        history_seed_scrape(h, at_us);
}

void history_restart(struct history *h, int64_t since_us)
{
    assert(since_us > h->last_us && h->tracks.len == 0);
    h->since_us = since_us;
    h->scrapes = 0;
}

void history_know(struct history *h, const char *series, int64_t at_us)
{
    struct series parsed;
    struct entry *e = find(h, series);
    if (!e && is_wanted(h, series, &parsed))
        e = add_entry(h, series, &parsed, at_us);
    if (!e)
        return;
    e->seen_us = at_us;
    sort_in(h, e);
}

/* What a counter that starts at 0 has grown by. */
static double from_zero(double value)
{
    return value > 0 && !isinf(value) ? value : 0;
}

static void see(struct history *h, struct entry *e, double value)
{
    bool goes_on = e->seen_us >= h->since_us;
    e->has_before = goes_on && e->seen_us == h->before_us && h->before_us < h->last_us;
    e->before = e->value;
    e->reset = goes_on && value < e->value;
    if (!goes_on)
        e->grew = 0;
    else if (e->reset)
        e->grew = from_zero(value);
    else
        e->grew = isinf(value) || isinf(e->value) ? 0 : value - e->value;
    e->value = value;
    e->seen_us = h->last_us;
    TAILQ_REMOVE(&h->ages, e, age);
    TAILQ_INSERT_TAIL(&h->ages, e, age);
}

static void see_first(struct history *h, const struct sample *s)
{
    struct series parsed;
    if (!is_wanted(h, s->series, &parsed))
        return;
    struct entry *e = add_entry(h, s->series, &parsed, h->last_us);
    if (!e)
        return;
    bool baseline = h->before_us == h->last_us;
    e->grew = baseline ? 0 : from_zero(s->value);
    e->value = s->value;
    e->seen_us = h->last_us;
}

static void track_step(struct history *h, struct track *t);

void history_add(struct history *h, int64_t at_us, const struct sample *at, size_t n)
{
    assert(at_us > h->last_us);
    h->before_us = h->scrapes ? h->last_us : at_us;
    h->last_us = at_us;
    h->scrapes++;
    h->added = true;
    /* Known series first: a new one must not push out one that is yet to come. */
    size_t unknown = 0;
    for (size_t i = 0; i < n; i++) {
        struct entry *e = isnan(at[i].value) ? NULL : find(h, at[i].series);
        unknown += !e;
        if (e && e->seen_us < at_us)
            see(h, e, at[i].value);
    }
    for (size_t i = 0; i < n && unknown > 0; i++)
        if (!isnan(at[i].value) && !find(h, at[i].series))
            see_first(h, &at[i]);
    for (size_t i = 0; i < h->tracks.len; i++)
        track_step(h, &h->tracks.at[i]);
}

size_t history_values(struct history *h, const struct selector *s, history_value_fn fn, void *ctx)
{
    size_t view = view_of(h, s), n = 0;
    for (size_t i = 0; i < h->entries.len; i++) {
        const struct entry *e = h->entries.at[i];
        if (e->seen_us != h->last_us || !in_view(e, view))
            continue;
        n++;
        if (fn)
            fn(ctx, e->series, e->value);
    }
    return n;
}

size_t history_changes(struct history *h, const struct selector *s, history_value_fn fn, void *ctx)
{
    size_t view = view_of(h, s), n = 0;
    for (size_t i = 0; i < h->entries.len; i++) {
        const struct entry *e = h->entries.at[i];
        double by = e->value - e->before;
        if (e->seen_us != h->last_us || !e->has_before || isnan(by) || !in_view(e, view))
            continue;
        n++;
        fn(ctx, e->series, by);
    }
    return n;
}

/* ---- growth -------------------------------------------------------------- */

/* `le` NaN: of all series. */
static struct growth step_of(const struct history *h, size_t view, double le)
{
    struct growth g = {.from_us = h->before_us, .to_us = h->last_us};
    bool grew = h->before_us < h->last_us;
    for (size_t i = 0; i < h->entries.len; i++) {
        const struct entry *e = h->entries.at[i];
        if (!in_view(e, view) || (!isnan(le) && e->le != le))
            continue;
        g.known++;
        if (e->seen_us != h->last_us)
            continue;
        g.series++;
        if (!grew)
            continue;
        g.by += e->grew;
        g.resets += e->reset;
    }
    return g;
}

struct growth history_step(struct history *h, const struct selector *s)
{
    return step_of(h, view_of(h, s), NAN);
}

static void add_point(struct track *t, const struct growth *g)
{
    int64_t step_us = t->window_us / HISTORY_POINTS_MAX;
    struct point *last = t->points.len > t->head ? &t->points.at[t->points.len - 1] : NULL;
    if (last && step_us > 0 && last->at_us / step_us == g->to_us / step_us) {
        last->at_us = g->to_us;
        last->by += g->by;
        last->resets += g->resets;
        return;
    }
    struct point p = {g->to_us, g->by, g->resets};
    vec_push(&t->points, p);
}

static void track_step(struct history *h, struct track *t)
{
    struct growth g = step_of(h, t->view, t->le);
    add_point(t, &g);
    for (; t->points.at[t->head].at_us <= h->last_us - t->window_us; t->head++)
        t->since_us = t->points.at[t->head].at_us;
    if (t->head * 2 < t->points.len)
        return;
    t->points.len -= t->head;
    memmove(t->points.at, t->points.at + t->head, t->points.len * sizeof(t->points.at[0]));
    t->head = 0;
}

static bool same_le(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static struct track *track_of(struct history *h, size_t view, int64_t window_us, double le)
{
    const struct track *sibling = NULL;
    for (size_t i = 0; i < h->tracks.len; i++) {
        struct track *t = &h->tracks.at[i];
        if (t->view != view || t->window_us != window_us)
            continue;
        if (same_le(t->le, le))
            return t;
        if (!isnan(t->le))
            sibling = t;
    }
    struct track t = {.view = view, .window_us = window_us, .le = le, .since_us = h->before_us};
    if (h->before_us < h->last_us) {
        struct growth g = step_of(h, view, le);
        add_point(&t, &g);
    }
    /* A bucket that is new has not grown while its histogram was followed. */
    if (sibling && !isnan(le))
        t.since_us = sibling->since_us;
    vec_push(&h->tracks, t);
    return &h->tracks.at[h->tracks.len - 1];
}

static struct growth growth_of(struct history *h, size_t view, int64_t window_us, double le)
{
    struct growth g = step_of(h, view, le);
    if (window_us == 0 || h->scrapes == 0)
        return g;
    const struct track *t = track_of(h, view, window_us, le);
    g.by = 0;
    g.resets = 0;
    g.from_us = t->since_us;
    for (size_t i = t->head; i < t->points.len; i++) {
        g.by += t->points.at[i].by;
        g.resets += t->points.at[i].resets;
    }
    return g;
}

struct growth history_growth(struct history *h, const struct selector *s, int64_t window_us)
{
    assert(window_us > 0 && window_us <= h->reach_us);
    return growth_of(h, view_of(h, s), window_us, NAN);
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

size_t history_buckets(struct history *h, const struct selector *s, int64_t window_us,
                       history_bucket_fn fn, void *ctx)
{
    double bounds[HISTORY_BUCKETS_MAX];
    size_t view = view_of(h, s), n = 0, unique = 0;
    assert(window_us >= 0 && window_us <= h->reach_us);
    VEC(double) all = {0};
    for (size_t i = 0; i < h->entries.len; i++) {
        const struct entry *e = h->entries.at[i];
        if (e->seen_us == h->last_us && !isnan(e->le) && in_view(e, view))
            vec_push(&all, e->le);
    }
    n = all.len;
    if (n > 0)
        qsort(all.at, n, sizeof(all.at[0]), by_value);
    for (size_t i = 0; i < n && unique < HISTORY_BUCKETS_MAX; i++)
        if (unique == 0 || all.at[i] != bounds[unique - 1])
            bounds[unique++] = all.at[i];
    vec_release(&all);
    for (size_t i = 0; i < unique; i++) {
        struct growth g = growth_of(h, view, window_us, bounds[i]);
        fn(ctx, bounds[i], &g);
    }
    return unique;
}
