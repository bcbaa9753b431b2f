/*
 * Windows that lived through everything: results come late, reloads bring
 * longer windows and other SLIs while probes run, what is excluded changes, history
 * is read while more of it is written, and the process ends and begins anew. At every
 * tick they are what a list of all results says.
 */
#include "engine/attach.h"

#include "base/vec.h"
#include "engine/evaluate.h"
#include "engine/excluding.h"
#include "io/zone.h"
#include "slo/budget.h"
#include "slo/expected.h"
#include "slo/slices.h"
#include "slo/targets.h"
#include "slo/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define S USEC_PER_SEC
#define MIN USEC_PER_MIN
#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY
#define T0 (20022 * DAY) /* a day before summer time ends in Berlin, six before the month does */
#define PATIENCE (30 * S)
#define SLOS 3
#define EXCLUSIONS 40 /* of an SLO */

struct world {
    uint64_t rng;
    char dir[64];
    char *path;
    struct store *store;
    struct evaluator *e;
    struct config *config;
    struct attach *attach; /* made, and not merged yet */
    bool read;             /* ... but read */
    struct zone *zone;
    struct probe_def probe;
    VEC(struct result) results;
    VEC(struct probe_revision) revisions;
    struct {
        VEC(struct slo_target) list;
    } targets[SLOS];
    struct decimal target[SLOS];
    uint64_t contents;
    int64_t now_us;
    struct exclusion excluded[SLOS][EXCLUSIONS]; /* in order, none overlaps */
    size_t excluded_n[SLOS];
    int merges, checks, sliced, cut, changed;
};

static int64_t below(struct world *w, int64_t n)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (int64_t)(w->rng % (uint64_t)n);
}

/* ---- what they are to be -------------------------------------------------------- */

static int number(const struct slo_def *d)
{
    return d->name[strlen(d->name) - 1] - '0';
}

static const struct exclusion *exclusion_at(const struct world *w, const struct slo_def *d,
                                            int64_t t_us)
{
    const struct exclusion *x = w->excluded[number(d)];
    for (size_t i = 0; i < w->excluded_n[number(d)]; i++)
        if (t_us >= x[i].from_us && t_us < x[i].to_us)
            return &x[i];
    return NULL;
}

static void add_result(const struct world *w, const struct slo_def *d, const struct result *r,
                       struct counts *c)
{
    const struct exclusion *x = exclusion_at(w, d, r->slot_us);
    enum outcome o = sli_classify(&d->sli, r);
    if (x && x->mode == EXCLUSION_DROP)
        return;
    bool bad = o == OUTCOME_BAD;
    c->good += o == OUTCOME_GOOD || (bad && x);
    c->bad += bad && !x;
    c->excluded += o == OUTCOME_EXCLUDED;
}

static int64_t slots(const struct world *w, const struct slo_def *d, int64_t from_us, int64_t to_us)
{
    int64_t n = expected_slots(w->revisions.at, w->revisions.len, from_us, to_us);
    const struct exclusion *x = w->excluded[number(d)];
    for (size_t i = 0; i < w->excluded_n[number(d)]; i++) {
        int64_t from = x[i].from_us > from_us ? x[i].from_us : from_us;
        int64_t to = x[i].to_us < to_us ? x[i].to_us : to_us;
        if (x[i].mode == EXCLUSION_DROP && from < to)
            n -= expected_slots(w->revisions.at, w->revisions.len, from, to);
    }
    return n;
}

static struct tier_counts brute(const struct world *w, const struct slo_view *v, int64_t start_us,
                                struct counts *ret)
{
    struct counts c = {0};
    for (size_t i = 0; i < w->results.len; i++) {
        const struct result *r = &w->results.at[i];
        if (r->slot_us < start_us || r->slot_us >= v->at_us || r->done_us > v->at_us)
            continue;
        add_result(w, v->def, r, &c);
    }
    *ret = c;
    return tier_counts_make(v->def, c, slots(w, v->def, start_us, v->at_us));
}

/* The worth of the slices that ended in (start, at]. */
static struct counts brute_slices(const struct world *w, const struct slo_view *v, int64_t start_us)
{
    struct slice_grid grid = slices_grid(v->def);
    struct counts sum = {0};
    VEC(struct counts) cells = {0};
    VEC(int64_t) edges = {0};
    vec_push(&edges, slices_floor(&grid, start_us));
    for (int64_t next; (next = slices_next(&grid, edges.at[cells.len])) <= v->at_us;) {
        vec_push(&edges, next);
        vec_push(&cells, (struct counts){0});
    }
    for (size_t i = 0, k = 0; cells.len && i < w->results.len; i++) {
        const struct result *r = &w->results.at[i];
        if (r->slot_us < edges.at[0] || r->slot_us >= edges.at[cells.len] || r->done_us > v->at_us)
            continue;
        while (k > 0 && edges.at[k] > r->slot_us)
            k--;
        while (edges.at[k + 1] <= r->slot_us)
            k++;
        add_result(w, v->def, r, &cells.at[k]);
    }
    for (size_t k = 0; k < cells.len; k++)
        counts_add(&sum, slices_judge(v->def, cells.at[k],
                                      slots(w, v->def, edges.at[k], edges.at[k + 1])));
    vec_release(&cells);
    vec_release(&edges);
    return sum;
}

static struct counts brute_judged(const struct world *w, const struct slo_view *v, int64_t start_us)
{
    struct counts c;
    if (v->def->method != METHOD_OCCURRENCES)
        return brute_slices(w, v, start_us);
    brute(w, v, start_us, &c);
    return c;
}

/* By the targets that held; of many only the newest are told apart. */
static struct budget_use brute_use(struct world *w, const struct slo_view *v, int64_t start_us)
{
    int slo = v->def->name[4] - '0';
    size_t n = w->targets[slo].list.len,
           skip = n > EVALUATE_TARGETS_MAX ? n - EVALUATE_TARGETS_MAX : 0;
    struct target_part *parts = mem_array(n, sizeof(*parts));
    struct budget_use use = {0};
    n = targets_cut(v->def, w->targets[slo].list.at + skip, n - skip, start_us, v->at_us, parts);
    for (size_t i = 0; i < n; i++) {
        struct counts c = brute_judged(w, v, parts[i].from_us);
        if (i + 1 < n)
            c = counts_minus(c, brute_judged(w, v, parts[i + 1].from_us));
        budget_use_add(&use, slices_use(v->def, c, parts[i].target));
    }
    w->changed += n > 1;
    free(parts);
    return use;
}

static double burn(const struct world *w, const struct slo_view *v, int64_t length_us)
{
    struct counts ignored;
    if (v->def->method != METHOD_OCCURRENCES) {
        struct counts worth = brute_slices(w, v, tier_window_start(v->at_us, length_us));
        return tier_burn(slices_tier_counts(v->def, worth), v->def->target);
    }
    struct tier_counts c = brute(w, v, tier_window_start(v->at_us, length_us), &ignored);
    return tier_burn(c, v->def->target);
}

static void check(struct world *w, const struct slo_view *v)
{
    struct counts c;
    struct span span = window_span(&v->def->window, v->at_us);
    int64_t start = tier_window_start(v->at_us, v->at_us - span.start_us);
    struct tier_counts whole = brute(w, v, start, &c);
    assert_int_equal(v->window.good, c.good);
    assert_int_equal(v->window.bad, c.bad);
    assert_int_equal(v->window.excluded, c.excluded);
    assert_int_equal(v->window_expected, whole.expected);
    if (v->def->method != METHOD_OCCURRENCES) {
        c = brute_slices(w, v, start);
        w->sliced++;
    }
    assert_int_equal(v->judged.good, c.good);
    assert_int_equal(v->judged.bad, c.bad);
    assert_int_equal(v->judged.silent, c.silent);
    struct budget_use use = brute_use(w, v, start);
    assert_true(v->use.spent == use.spent);
    assert_true(v->use.allowed == use.allowed);
    assert_true(v->burn_5m == burn(w, v, 5 * MIN));
    assert_true(v->burn_1h == burn(w, v, HOUR));
    assert_true(v->burn_6h == burn(w, v, 6 * HOUR));
    assert_true(v->burn_3d == burn(w, v, 3 * DAY));
    w->checks++;
    w->cut += w->excluded_n[number(v->def)] > 0;
}

/* ---- what happens ------------------------------------------------------------------ */

static void add_slo(struct world *w, struct config *c, int i, bool fast, int window)
{
    static const int64_t slices[][2] = {
        {MIN, 5 * MIN},  {30 * MIN, 90 * MIN}, {15 * MIN, 6 * HOUR},
        {5 * MIN, HOUR}, {HOUR, 6 * HOUR},
    };
    struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
    const struct window_def windows[] = {
        {.type = WINDOW_ROLLING, .duration_us = DAY},
        {.type = WINDOW_ROLLING, .duration_us = 4 * DAY + 90 * MIN},
        {.type = WINDOW_ROLLING, .duration_us = 12 * DAY},
        {.type = WINDOW_CALENDAR, .unit = CALENDAR_DAY, .count = 1, .zone = w->zone},
        {.type = WINDOW_CALENDAR, .unit = CALENDAR_MONTH, .count = 1, .zone = w->zone},
    };
    d->name = arena_printf(&c->arena, "slo-%d", i);
    d->service = "svc";
    d->objective_name = "";
    d->sli.probe = "api";
    d->sli.key = fast ? "api fast" : "api";
    d->sli.faster_than_us = fast ? 500 * USEC_PER_MSEC : 0;
    memset(d->sli.classify, -1, sizeof(d->sli.classify));
    d->probe = &w->probe;
    if (below(w, 8) == 0)
        w->target[i] = (struct decimal){90 + below(w, 9), 2};
    d->target = w->target[i];
    d->content = ++w->contents;
    d->window = windows[window];
    d->window.timezone = "Europe/Berlin";
    d->method = (enum budget_method)below(w, 3);
    d->slice_us = slices[window][below(w, 2)];
    d->slice_target = (struct decimal){9 + below(w, 2), 1};
    c->slos[c->slo_count++] = d;
}

/* Of weeks ago, and of days to come. Some cut slices. */
static void exclude(struct world *w, int slo)
{
    int64_t t = (w->now_us - 14 * DAY) / MIN * MIN;
    size_t n = 0;
    for (; n < EXCLUSIONS && t < w->now_us + 2 * DAY; n++) {
        struct exclusion *x = &w->excluded[slo][n];
        t += below(w, 2) ? below(w, 24 * 60) * MIN : (1 + below(w, 20)) * MIN;
        *x = (struct exclusion){.name = "x", .timezone = "UTC", .reason = "", .author = ""};
        x->from_us = t;
        x->mode = (enum exclusion_mode)below(w, 2);
        t += below(w, 4) ? (1 + below(w, 90)) * MIN : (1 + below(w, 10)) * HOUR;
        x->to_us = t;
    }
    w->excluded_n[slo] = below(w, 3) ? n : 0;
}

static struct excluding *make_excluding(struct world *w, struct config *c)
{
    struct excluding *x;
    struct err err;
    c->exclusions = arena_alloc(&c->arena, (SLOS * EXCLUSIONS + 1) * sizeof(*c->exclusions));
    for (int i = 0; i < SLOS; i++) {
        const char **name = arena_alloc(&c->arena, sizeof(*name));
        *name = c->slos[i]->name;
        for (size_t k = 0; k < w->excluded_n[i]; k++) {
            struct exclusion *one = &c->exclusions[c->exclusion_count++];
            *one = w->excluded[i][k];
            one->slos = (struct string_list){name, 1};
        }
    }
    if (excluding_read(c, NULL, &x, &err) < 0)
        fail_msg("%s", err.msg);
    return x;
}

static void note_target(struct world *w, int i)
{
    struct slo_target next = {w->now_us - w->now_us % MIN, w->target[i]};
    size_t n = w->targets[i].list.len;
    if (n && w->targets[i].list.at[n - 1].since_us == next.since_us)
        w->targets[i].list.len = --n;
    if (n == 0 || decimal_cmp(w->targets[i].list.at[n - 1].target, next.target) != 0)
        vec_push(&w->targets[i].list, next);
}

/* As the daemon does: daemon_reload.c. */
static void adopt(struct world *w)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    c->slos = arena_alloc(&c->arena, SLOS * sizeof(*c->slos));
    for (int i = 0; i < SLOS; i++)
        add_slo(w, c, i, below(w, 2), (int)below(w, 5));
    for (int i = 0; i < SLOS; i++)
        if (below(w, 2))
            exclude(w, i);
    struct excluding *excluding = make_excluding(w, c);
    evaluator_set_config(w->e, c, excluding, w->now_us);
    excluding_unref(excluding);
    store_push_probe(w->store, 0, &w->probe, w->now_us);
    evaluator_add_revision(w->e, &w->probe, w->now_us);
    for (int i = 0; i < SLOS; i++) {
        store_push_sli(w->store, &c->slos[i]->sli);
        store_push_slo(w->store, c->slos[i], w->now_us);
        note_target(w, i);
    }
    config_unref(w->config);
    w->config = c;
    w->attach = attach_new(w->e, c);
    w->read = false;
}

static void read_attached(struct world *w)
{
    struct err err;
    int rc = below(w, 2) ? store_flush(w->store, PATIENCE, &err)
                         : store_settle(w->store, PATIENCE, &err); /* rolls up */
    assert_int_equal(rc, 0);
    if (attach_read(w->attach, w->path) < 0)
        fail_msg("%s", attach_error(w->attach));
    w->read = true;
}

static void merge_attached(struct world *w)
{
    attach_merge(w->attach, w->e);
    w->merges += attach_totals(w->attach).slis > 0;
    attach_free(w->attach);
    w->attach = NULL;
}

static void revise(struct world *w)
{
    w->probe.interval_us = (1 + below(w, 6)) * 10 * S;
    w->probe.phase_us = below(w, 10) * S;
    vec_push(&w->revisions, ((struct probe_revision){w->now_us, w->probe.interval_us,
                                                     w->probe.phase_us, w->probe.timeout_us}));
    store_push_probe(w->store, 0, &w->probe, w->now_us);
    evaluator_add_revision(w->e, &w->probe, w->now_us);
}

static void begin(struct world *w)
{
    struct evaluator_hooks hooks = {0};
    struct store_options o = {.path = w->path};
    struct err err;
    if (store_open(&o, &w->store, &err) < 0)
        fail_msg("%s", err.msg);
    w->e = evaluator_new(&hooks, w->now_us);
    adopt(w);
    read_attached(w);
    merge_attached(w);
}

static void end(struct world *w)
{
    struct err err;
    if (w->attach) {
        if (w->read)
            merge_attached(w);
        else
            attach_free(w->attach);
        w->attach = NULL;
    }
    assert_int_equal(store_close(w->store, PATIENCE, &err), 0);
    evaluator_free(w->e);
}

static void result(struct world *w)
{
    int64_t late = below(w, 3) ? below(w, S) : below(w, MIN), draw = below(w, 20);
    struct result r = {.slot_us = w->now_us - late, .done_us = w->now_us, .total_us = late};
    r.outcome = draw == 0   ? OUTCOME_BAD
                : draw == 1 ? OUTCOME_EXCLUDED
                : draw == 2 ? OUTCOME_SKIPPED
                            : OUTCOME_GOOD;
    r.reason = draw > 2 ? REASON_NONE : REASON_STATUS;
    for (size_t i = w->results.len; i > 0 && w->results.at[i - 1].done_us > r.slot_us; i--)
        if (w->results.at[i - 1].slot_us == r.slot_us)
            return; /* a slot has one result */
    evaluator_run_due(w->e, r.done_us - 1);
    assert_true(store_reserve(w->store));
    store_push_result(w->store, 0, &r, NULL);
    evaluator_result(w->e, "api", &(struct observation){.result = r});
    store_push_heartbeat(w->store, w->now_us, w->now_us - MIN);
    vec_push(&w->results, r);
}

static void look(struct world *w)
{
    for (size_t i = 0; !w->attach && i < evaluator_count(w->e); i++)
        if (evaluator_view(w->e, i)->at_us)
            check(w, evaluator_view(w->e, i));
}

static void step(struct world *w)
{
    int64_t kind = below(w, 1000), due = evaluator_due(w->e);
    w->now_us += 1 + (kind == 0  ? below(w, 2 * DAY)
                      : kind < 5 ? below(w, 3 * HOUR)
                                 : below(w, 90 * S));
    if (kind < 8) {
        end(w);
        w->now_us += below(w, 2) ? below(w, 5 * HOUR) : below(w, S);
        begin(w);
        return;
    }
    if (kind < 20 && !w->attach) /* a reload waits for that */
        revise(w);
    result(w);
    if (w->attach && !w->read && below(w, 4) == 0)
        read_attached(w);
    else if (w->attach && w->read && below(w, 4) == 0)
        merge_attached(w);
    else if (!w->attach && kind > 970)
        adopt(w);
    else if (evaluator_due(w->e) != due && below(w, 4) == 0)
        look(w);
}

/* ---- */

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->rng = 0x9e3779b97f4a7c15;
    w->now_us = T0;
    for (int i = 0; i < SLOS; i++)
        w->target[i] = (struct decimal){99, 2};
    w->probe = (struct probe_def){
        .id = "api", .interval_us = 30 * S, .timeout_us = MIN, .max_in_flight = 2};
    vec_push(&w->revisions, ((struct probe_revision){T0, 30 * S, 0, MIN}));
    assert_int_equal(zone_open("Europe/Berlin", &w->zone, NULL), 0);
    snprintf(w->dir, sizeof(w->dir), "/tmp/nines-attach-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->path = mem_printf("%s/t.db", w->dir);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"t.db", "t.db-wal", "t.db-shm", "t.db.lock"};
    for (size_t i = 0; i < countof(names); i++) {
        mem_auto char *path = mem_printf("%s/%s", w->dir, names[i]);
        unlink(path);
    }
    rmdir(w->dir);
    config_unref(w->config);
    zone_free(w->zone);
    for (int i = 0; i < SLOS; i++)
        vec_release(&w->targets[i].list);
    vec_release(&w->results);
    vec_release(&w->revisions);
    free(w->path);
    free(w);
    return 0;
}

static void test_nothing_is_lost_or_counted_twice(void **state)
{
    struct world *w = *state;
    begin(w);
    for (int i = 0; i < 7000; i++)
        step(w);
    end(w);
    assert_true(w->now_us > T0 + 10 * DAY);
    assert_true(w->merges > 60);
    assert_true(w->checks > 1000);
    assert_true(w->sliced > 500);
    assert_true(w->cut > 500);
    assert_true(w->changed > 500);
    assert_true(w->revisions.len > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_is_lost_or_counted_twice, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
