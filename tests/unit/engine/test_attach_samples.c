/*
 * Metric SLIs by way of the daemon: what is evaluated live is what the store
 * derives, while reloads bring SLIs on series that nobody looked for, runs are in
 * flight meanwhile, history is read while more comes, and the process begins anew; less
 * what is excluded, which changes as well.
 */
#include "engine/attach.h"

#include "base/vec.h"
#include "engine/evaluate.h"
#include "engine/excluding.h"
#include "engine/versions.h"
#include "model/expr.h"
#include "model/selector.h"
#include "nines/probe.h"
#include "slo/budget.h"
#include "slo/expected.h"
#include "slo/slices.h"
#include "slo/tiers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define S USEC_PER_SEC
#define MIN USEC_PER_MIN
#define DAY USEC_PER_DAY
#define T0 (20022 * DAY)
#define PATIENCE (30 * S)
#define SERIES 7
#define FORMS 5
#define EXCLUSIONS 60 /* of all SLOs but the last form's */

/* What the target has; it has been running for long. */
static const char *const series_texts[SERIES] = {
    "r{status=\"200\"}",
    "r{status=\"500\"}",
    "d_bucket{le=\"0.5\"}",
    "d_count",
    "depth",
    "r{status=\"503\"}",
    "share",
};

/* Which SLIs there are, and the series that each looks at. */
static const char *const form_keys[FORMS] = {"page errors", "page latency", "page depth",
                                             "page share", "page rate"};
static const bool form_wants[FORMS][SERIES] = {
    {true, true, false, false, false, true, false},
    {false, false, true, true, false, false, false},
    {false, false, false, false, true, false, false},
    {false, false, false, false, false, false, true},
    {false, false, false, true, false, false, false},
};

static uint64_t source_of(const void *spec)
{
    return *(const uint64_t *)spec;
}

static const struct probe_kind pages = {.name = "pages", .samples = true, .source = source_of};

struct world {
    uint64_t rng;
    char dir[64];
    char *path;
    struct store *store;
    struct evaluator *e;
    struct config *config;
    struct attach *attach; /* made, and not merged yet */
    bool read;             /* ... but read */
    struct probe_def probe;
    uint64_t source; /* it changes with what the target counts */
    bool declared[FORMS];
    int64_t hundredths[FORMS]; /* the targets */
    uint64_t contents;
    double value[SERIES];
    bool there[SERIES], seen[SERIES];
    int64_t grown; /* requests since the beginning */
    int64_t now_us, slot_us;
    struct exclusion excluded[EXCLUSIONS]; /* in order, none overlaps */
    size_t excluded_n;
    int merges, checks, in_flight, changed, cut;
};

static int64_t below(struct world *w, int64_t n)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (int64_t)(w->rng % (uint64_t)n);
}

/* ---- declarations ------------------------------------------------------------------ */

static const struct selector *select_series(struct arena *a, const char *text)
{
    const struct selector *s = NULL;
    assert_int_equal(selector_parse(a, text, strlen(text), &s, NULL, NULL), 0);
    return s;
}

static struct sli_metric metric_of(struct arena *a, int form)
{
    struct sli_metric m = {.kind = form < 2 ? SLI_RATIO : SLI_THRESHOLD};
    if (form == 0) {
        m.bad = select_series(a, "r{status=~\"5..\"}");
        m.total = select_series(a, "r");
    } else if (form == 1) {
        m.good = select_series(a, "d_bucket{le=\"0.5\"}");
        m.total = select_series(a, "d_count");
    } else if (form == 3) {
        m.kind = SLI_RAW;
        m.bad = select_series(a, "share");
    } else {
        const char *text = form == 2 ? "depth < 100" : "rate(d_count) >= 1/s";
        assert_int_equal(expr_parse(a, text, &m.condition, NULL, NULL), 0);
    }
    return m;
}

static void add_slo(struct world *w, struct config *c, const struct probe_def *probe, int form)
{
    struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
    struct sli_metric *m = arena_alloc(&c->arena, sizeof(*m));
    *m = metric_of(&c->arena, form);
    d->name = form_keys[form];
    d->service = "svc";
    d->objective_name = "";
    d->sli.probe = "page";
    d->sli.key = form_keys[form];
    d->sli.metric = m;
    memset(d->sli.classify, -1, sizeof(d->sli.classify));
    d->probe = probe;
    if (w->hundredths[form] == 0 || below(w, 4) == 0)
        w->hundredths[form] = 90 + below(w, 9);
    d->target = (struct decimal){w->hundredths[form], 2};
    d->content = ++w->contents;
    d->window = (struct window_def){.type = WINDOW_ROLLING, .duration_us = (4 + below(w, 4)) * DAY};
    d->method = (enum budget_method)below(w, 3);
    d->slice_us = below(w, 2) ? MIN : 15 * MIN;
    d->slice_target = (struct decimal){5, 1};
    d->no_data = form < 2 ? NO_DATA_EXCLUDE : (enum no_data)below(w, 3);
    c->slos[c->slo_count++] = d;
}

static void want_series(struct probe_def *probe, struct config *c)
{
    const struct selector **wanted =
        arena_alloc(&c->arena, FORMS * EXPR_SELECTORS_MAX * sizeof(*wanted));
    probe->wanted = wanted;
    for (size_t i = 0; i < c->slo_count; i++) {
        const struct sli_metric *m = c->slos[i]->sli.metric;
        const struct selector *named[EXPR_SELECTORS_MAX] = {m->good ? m->good : m->bad, m->total};
        size_t n = m->condition ? expr_selectors(m->condition, named) : m->total ? 2 : 1;
        for (size_t k = 0; k < n; k++)
            wanted[probe->wanted_count++] = named[k];
    }
}

static struct probe_def *add_probe(struct world *w, struct config *c)
{
    struct probe_def *probe = arena_alloc(&c->arena, sizeof(*probe));
    uint64_t *source = arena_alloc(&c->arena, sizeof(*source));
    struct probe_def **all = arena_alloc(&c->arena, sizeof(*all));
    *source = w->source;
    *probe = w->probe;
    probe->spec = source;
    all[0] = probe;
    c->probes = all;
    c->probe_count = 1;
    return probe;
}

/* To another target, which has counted more. */
static void move(struct world *w)
{
    w->source++;
    for (size_t i = 0; i < SERIES; i++)
        w->value[i] += (double)below(w, 1000000000);
}

static void exclude(struct world *w)
{
    int64_t t = (w->now_us - 9 * DAY) / MIN * MIN;
    size_t n = 0;
    for (; n < EXCLUSIONS && t < w->now_us + DAY; n++) {
        struct exclusion *x = &w->excluded[n];
        t += below(w, 2) ? below(w, 8 * 60) * MIN : (1 + below(w, 20)) * MIN;
        *x = (struct exclusion){.name = "x", .timezone = "UTC", .reason = "", .author = ""};
        x->mode = (enum exclusion_mode)below(w, 2);
        x->from_us = t;
        x->to_us = t += (1 + below(w, below(w, 4) ? 60 : 600)) * MIN;
    }
    w->excluded_n = n;
}

static const struct exclusion *exclusion_at(const struct world *w, const struct slo_def *d,
                                            int64_t t_us)
{
    for (size_t i = 0; d->name != form_keys[FORMS - 1] && i < w->excluded_n; i++)
        if (t_us >= w->excluded[i].from_us && t_us < w->excluded[i].to_us)
            return &w->excluded[i];
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct slo_def *const *)a)->name, (*(struct slo_def *const *)b)->name);
}

static struct excluding *make_excluding(struct world *w, struct config *c)
{
    struct excluding *x;
    struct err err;
    c->exclusions = arena_alloc(&c->arena, EXCLUSIONS * sizeof(*c->exclusions));
    c->exclusion_count = w->excluded_n;
    for (size_t i = 0; i < w->excluded_n; i++) {
        c->exclusions[i] = w->excluded[i];
        c->exclusions[i].slos =
            (struct string_list){arena_alloc(&c->arena, FORMS * sizeof(char *)), FORMS - 1};
        memcpy(c->exclusions[i].slos.at, form_keys, (FORMS - 1) * sizeof(char *));
    }
    if (c->slo_count)
        qsort(c->slos, c->slo_count, sizeof(*c->slos), by_name); /* as a snapshot has them */
    if (excluding_read(c, NULL, &x, &err) < 0)
        fail_msg("%s", err.msg);
    return x;
}

/* As the daemon does: daemon_reload.c. `more`: another SLI, or one that goes. */
static void adopt(struct world *w, int more)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    if (below(w, 8) == 0)
        move(w);
    struct probe_def *probe = add_probe(w, c);
    c->slos = arena_alloc(&c->arena, FORMS * sizeof(*c->slos));
    if (more >= 0)
        w->declared[more] = !w->declared[more] || below(w, 3) > 0;
    for (int i = 0; i < FORMS; i++)
        if (w->declared[i])
            add_slo(w, c, probe, i);
    want_series(probe, c);
    if (below(w, 2))
        exclude(w);
    struct excluding *excluding = make_excluding(w, c);
    evaluator_set_config(w->e, c, excluding, w->now_us);
    excluding_unref(excluding);
    store_push_probe(w->store, 0, probe, w->now_us);
    store_push_wanted(w->store, 0, probe, w->now_us);
    evaluator_add_revision(w->e, probe, w->now_us);
    for (size_t i = 0; i < c->slo_count; i++) {
        store_push_sli(w->store, &c->slos[i]->sli);
        store_push_slo(w->store, c->slos[i], w->now_us);
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

static void begin(struct world *w, int more)
{
    struct evaluator_hooks hooks = {0};
    struct store_options o = {.path = w->path};
    struct err err;
    if (store_open(&o, &w->store, &err) < 0)
        fail_msg("%s", err.msg);
    w->e = evaluator_new(&hooks, w->now_us);
    adopt(w, more);
    read_attached(w);
    merge_attached(w);
}

static void end(struct world *w)
{
    struct err err;
    if (w->attach)
        attach_free(w->attach);
    w->attach = NULL;
    assert_int_equal(store_close(w->store, PATIENCE, &err), 0);
    evaluator_free(w->e);
}

/* ---- against the store --------------------------------------------------------------- */

struct sum {
    struct world *w;
    const struct slo_def *def;
    int64_t start_us, at_us, requests;
    struct counts counts;
    int64_t slice_us;
    struct counts *slices;      /* of slices that ended by at_us, from start_us on */
    struct slo_target *targets; /* all that there were */
    size_t target_count;
    uint128 allowed; /* by them */
};

static void allow(struct sum *s, int64_t slot_us, struct counts c)
{
    size_t i = s->target_count - 1;
    /* Only the newest are told apart. */
    size_t oldest = i < EVALUATE_TARGETS_MAX ? 0 : i + 1 - EVALUATE_TARGETS_MAX;
    while (i > oldest && s->targets[i].since_us > slot_us)
        i--;
    s->allowed += budget_use_make(slo_apply_no_data(s->def, c), s->targets[i].target, 1).allowed;
}

static bool add_event(void *ctx, int64_t slot_us, int64_t done_us, struct counts c)
{
    struct sum *s = ctx;
    s->requests += counts_total(c);
    const struct exclusion *x = exclusion_at(s->w, s->def, slot_us);
    if (x && x->mode == EXCLUSION_DROP) {
        s->w->cut++;
        return true;
    }
    if (x) {
        c.good += c.bad;
        c.bad = 0;
    }
    if (x && s->def->no_data == NO_DATA_BAD) {
        c.good += c.silent * sli_event(&s->def->sli);
        c.scrapes += c.silent;
        c.silent = 0;
    }
    if (done_us <= s->at_us && slot_us >= s->start_us && slot_us < s->at_us) {
        counts_add(&s->counts, c);
        allow(s, slot_us, c);
    }
    if (done_us <= s->at_us && slot_us >= s->start_us &&
        slot_us < s->at_us / s->slice_us * s->slice_us)
        counts_add(&s->slices[(slot_us - s->start_us) / s->slice_us], c);
    return true;
}

/* The window begins at a whole hour, so at the border of a slice. */
static void check_slices(const struct slo_view *v, const struct sum *s)
{
    struct counts worth = {0};
    if (v->def->method == METHOD_OCCURRENCES)
        return;
    for (int64_t i = 0; s->start_us + (i + 1) * s->slice_us <= s->at_us; i++)
        counts_add(&worth, slices_judge(v->def, s->slices[i], 0));
    assert_int_equal(v->judged.good, worth.good);
    assert_int_equal(v->judged.bad, worth.bad);
}

static void check_one(struct world *w, struct store_reader *r, const struct slo_view *v)
{
    const struct sli_def *sli = &v->def->sli;
    struct sum sum = {.w = w,
                      .def = v->def,
                      .start_us = tier_window_start(v->at_us, v->def->window.duration_us),
                      .at_us = v->at_us,
                      .slice_us = v->def->slice_us};
    struct err err;
    int64_t first;
    sum.slices =
        mem_array((size_t)((sum.at_us - sum.start_us) / sum.slice_us) + 1, sizeof(*sum.slices));
    assert_int_equal(
        store_reader_slo_targets(r, v->def->name, "", &sum.targets, &sum.target_count, &err), 0);
    assert_int_equal(store_reader_events(r, sli, 0, INT64_MAX, add_event, &sum, &err), 0);
    struct counts d = counts_minus(v->window, sum.counts);
    if (!counts_empty(d))
        fail_msg("%s is off by %lld good, %lld bad, %lld excluded, %lld scrapes, %lld silent",
                 sli->key, (long long)d.good, (long long)d.bad, (long long)d.excluded,
                 (long long)d.scrapes, (long long)d.silent);
    check_slices(v, &sum);
    if (v->def->method == METHOD_OCCURRENCES) {
        assert_true(v->use.allowed == sum.allowed);
        w->changed += sum.allowed != slices_use(v->def, v->judged, v->def->target).allowed;
    }
    free(sum.targets);
    free(sum.slices);
    if (sli->metric->kind == SLI_RATIO)
        assert_true(sum.requests <= w->grown);
    assert_int_equal(store_reader_first_event(r, sli, &first, &err), 0);
    assert_int_equal(v->first_event_us, first);
    w->checks++;
}

static void look(struct world *w)
{
    struct store_reader *r;
    struct err err;
    assert_int_equal(store_flush(w->store, PATIENCE, &err), 0);
    assert_int_equal(store_reader_open(w->path, &r, &err), 0);
    for (size_t i = 0; i < evaluator_count(w->e); i++)
        check_one(w, r, evaluator_view(w->e, i));
    store_reader_free(r);
}

/* ---- what happens --------------------------------------------------------------------- */

static void change_target(struct world *w)
{
    int64_t requests = below(w, 50), slow = below(w, 20) ? 0 : below(w, requests + 1);
    int64_t errors = below(w, 10) ? 0 : below(w, requests + 1);
    if (below(w, 80) == 0)
        memset(w->value, 0, sizeof(w->value)); /* it began anew */
    for (size_t i = 0; i < SERIES; i++)
        if (w->seen[i] && below(w, 60) == 0) /* else it is new when it comes */
            w->there[i] = !w->there[i];
    w->value[0] += (double)(requests - errors);
    w->value[below(w, 2) ? 1 : 5] += (double)errors;
    w->value[2] += (double)(requests - slow);
    w->value[3] += (double)requests;
    w->value[4] = (double)below(w, 120);
    w->value[6] = (double)below(w, 1100) / 1000;
    w->grown += 2 * requests; /* what was lost in a restart comes back at most once */
}

static void take_sample(struct world *w, struct observation *obs, struct sample *at, size_t i,
                        const bool *looked_for, double value)
{
    bool wanted = false;
    for (int f = 0; f < FORMS; f++)
        wanted |= looked_for[f] && form_wants[f][i];
    if (!wanted || !w->there[i])
        return;
    at[obs->sample_count++] = (struct sample){series_texts[i], value};
    w->seen[i] = true;
}

static void record(struct world *w, const struct observation *obs)
{
    struct store_extra extra = {.samples = obs->samples, .sample_count = obs->sample_count};
    evaluator_run_due(w->e, obs->result.done_us - 1);
    assert_true(store_reserve(w->store));
    store_push_result(w->store, 0, &obs->result, &extra);
    evaluator_result(w->e, "page", obs);
    store_push_heartbeat(w->store, w->now_us, w->slot_us);
}

/* A run looks for what was wanted when it began; a reload may come before it ends. */
static void run(struct world *w)
{
    struct sample at[SERIES];
    struct observation obs = {.samples = at, .message = ""};
    bool looked_for[FORMS];
    double value[SERIES]; /* of the target that it asks */
    uint64_t source = w->source;
    int64_t draw = below(w, 24);
    memcpy(looked_for, w->declared, sizeof(looked_for));
    memcpy(value, w->value, sizeof(value));
    obs.result.slot_us = w->slot_us;
    w->now_us = w->slot_us + 1 + below(w, S);
    if (!w->attach && below(w, 60) == 0) {
        adopt(w, (int)below(w, FORMS));
        w->in_flight++;
    }
    obs.result.done_us = w->now_us += 1 + below(w, 4 * S);
    obs.result.total_us = 1;
    if (source == w->source) {
        change_target(w);
        memcpy(value, w->value, sizeof(value));
    }
    if (draw == 0) {
        obs.result.outcome = OUTCOME_EXCLUDED;
    } else if (draw < 4) {
        obs.result.outcome = OUTCOME_BAD;
        obs.result.reason = REASON_CONNECT;
    } else if (draw < 5) {
        obs.result.outcome = OUTCOME_SKIPPED;
    } else {
        obs.result.flags = RESULT_SCRAPED;
        for (size_t i = 0; i < SERIES; i++)
            take_sample(w, &obs, at, i, looked_for, value[i]);
    }
    record(w, &obs);
}

static void step(struct world *w)
{
    int64_t kind = below(w, 1000), interval = w->probe.interval_us, due = evaluator_due(w->e);
    if (kind < 4)
        w->now_us += below(w, kind ? 3 * USEC_PER_HOUR : DAY);
    if (kind < 10) {
        end(w);
        w->now_us += below(w, 2) ? below(w, 5 * USEC_PER_HOUR) : below(w, S);
        begin(w, below(w, 3) ? -1 : (int)below(w, FORMS));
    }
    w->slot_us = (w->now_us / interval + 1) * interval;
    run(w);
    if (w->attach && !w->read && below(w, 4) == 0)
        read_attached(w);
    else if (w->attach && w->read && below(w, 4) == 0)
        merge_attached(w);
    else if (!w->attach && kind > 985)
        adopt(w, (int)below(w, FORMS));
    else if (!w->attach && evaluator_due(w->e) > due + 4 * MIN / 10 && below(w, 4) == 0)
        look(w);
    else if (!w->attach && evaluator_due(w->e) != due && below(w, 20) == 0)
        look(w);
}

/* ---- */

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->now_us = T0;
    w->probe = (struct probe_def){
        .id = "page",
        .kind = &pages,
        .interval_us = 30 * S,
        .timeout_us = 10 * S,
        .max_in_flight = 1,
    };
    for (size_t i = 0; i < SERIES; i++) {
        w->value[i] = 1e9;
        w->there[i] = true;
    }
    snprintf(w->dir, sizeof(w->dir), "/tmp/nines-samples-XXXXXX");
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
    free(w->path);
    free(w);
    return 0;
}

static void live_is_what_is_stored(struct world *w, uint64_t seed)
{
    w->rng = seed * 0x9e3779b97f4a7c15;
    begin(w, (int)below(w, FORMS));
    for (int i = 0; i < 2500; i++)
        step(w);
    if (w->attach && !w->read)
        read_attached(w);
    if (w->attach)
        merge_attached(w);
    end(w);
    assert_true(w->merges > 20);
    assert_true(w->checks > 150);
    assert_true(w->in_flight > 10);
    assert_true(w->changed > 10);
    assert_true(w->cut > 10000);
}

static void test_live_is_what_is_stored_1(void **state)
{
    live_is_what_is_stored(*state, 1);
}

static void test_live_is_what_is_stored_2(void **state)
{
    live_is_what_is_stored(*state, 2);
}

static void test_live_is_what_is_stored_3(void **state)
{
    live_is_what_is_stored(*state, 3);
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static void run_slots(struct world *w, int n)
{
    for (int i = 0; i < n; i++) {
        w->slot_us = (w->now_us / w->probe.interval_us + 1) * w->probe.interval_us;
        run(w);
        if (!w->attach) /* a reload came */
            continue;
        read_attached(w);
        merge_attached(w);
    }
}

static void point_elsewhere(struct world *w)
{
    move(w);
    adopt(w, -1);
    read_attached(w);
    merge_attached(w);
}

/* A url is changed, and once more while the first run of that is in flight. */
static void test_two_other_targets_at_once(void **state)
{
    struct world *w = *state;
    struct sample at[SERIES];
    struct observation obs = {.samples = at, .message = ""};
    w->rng = 7;
    begin(w, 0);
    run_slots(w, 5);
    point_elsewhere(w);
    w->slot_us = (w->now_us / w->probe.interval_us + 1) * w->probe.interval_us;
    for (size_t i = 0; i < SERIES; i++)
        take_sample(w, &obs, at, i, w->declared, w->value[i]);
    w->now_us = w->slot_us + S;
    point_elsewhere(w);
    w->now_us += S;
    obs.result = (struct result){
        .slot_us = w->slot_us, .done_us = w->now_us, .total_us = 2 * S, .flags = RESULT_SCRAPED};
    record(w, &obs);
    run_slots(w, 3);
    evaluator_run_due(w->e, w->now_us + 4 * MIN);
    look(w);
    end(w);
}

/* An import brought a scrape of a time to come, without a result. */
static void test_a_scrape_that_is_yet_to_come(void **state)
{
    struct world *w = *state;
    struct err err;
    struct import_row row = {.probe = "page", .series = ""};
    struct import_batch b = {.rows = &row, .n = 1, .import_id = 1};
    w->rng = 5;
    begin(w, 0);
    run_slots(w, 5);
    row.result.slot_us = w->now_us + USEC_PER_HOUR;
    store_import(w->store, &b, nothing, NULL);
    assert_int_equal(store_flush(w->store, PATIENCE, &err), 0);
    assert_int_equal(b.totals.inserted, 1);
    end(w);
    begin(w, 2);
    run_slots(w, 20);
    look(w);
    end(w);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_live_is_what_is_stored_1),     T(test_live_is_what_is_stored_2),
        T(test_live_is_what_is_stored_3),     T(test_two_other_targets_at_once),
        T(test_a_scrape_that_is_yet_to_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
