/*
 * What was lived through is what is replayed: an evaluator is told of random
 * histories while they are stored, another one is started in the middle as a
 * daemon would, and the replay of the database says the same to the last bit.
 */
#include "engine/replay.h"

#include "base/vec.h"
#include "engine/attach.h"
#include "engine/evaluate.h"
#include "engine/excluding.h"
#include "nines/store.h"

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
#define T0 (20022 * DAY)
#define PATIENCE (30 * S)
#define HISTORIES 12
#define SLOS 10
#define EXCLUSIONS 20

enum { API, WEB, DB, PROBES };

struct flight {
    int probe;
    struct result result;
};

/* An evaluator and what came out of it. */
struct witness {
    struct evaluator *e;
    VEC(struct alert_transition) told;
};

struct world {
    uint64_t rng;
    char dir[64];
    char *path;
    struct store *store;
    struct config *config;
    struct probe_def probes[PROBES];
    const struct probe_def *depends[1];
    struct witness live, started, replayed;
    VEC(struct flight) flights; /* by done */
    int64_t middle_us, revised_us, end_us;
    bool goes_on; /* in the middle no process ends */
    size_t transitions, after_middle, sliced, promised, muted, late;
};

static int64_t below(struct world *w, int64_t n)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (int64_t)(w->rng % (uint64_t)n);
}

/* ---- what is declared --------------------------------------------------------------- */

static const struct tier_def tiers[] = {
    {SEVERITY_PAGE, 10 * MIN, 2 * MIN, {5, 0}, 2},
    {SEVERITY_TICKET, HOUR, 10 * MIN, {2, 0}, 2},
    {SEVERITY_TICKET, DAY, HOUR, {1, 0}, 5},
};

static struct slo_def *add_slo(struct world *w, const char *name, int probe, int64_t faster_us)
{
    struct config *c = w->config;
    struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
    d->name = name;
    d->service = "svc";
    d->objective_name = "";
    d->sli.probe = w->probes[probe].id;
    d->sli.key = arena_printf(&c->arena, "%s %d", d->sli.probe, faster_us > 0);
    d->sli.faster_than_us = faster_us;
    memset(d->sli.classify, -1, sizeof(d->sli.classify));
    d->probe = &w->probes[probe];
    d->target = (struct decimal){99, 2};
    d->window = (struct window_def){.type = WINDOW_ROLLING, .duration_us = 2 * DAY};
    d->alerting = true;
    d->tiers = tiers;
    d->tier_count = countof(tiers);
    c->slos[c->slo_count++] = d;
    return d;
}

/* By a measure of answers: only of WEB, whose runs have some. */
static void promise(struct slo_def *d, enum answer_measure measure, int64_t bound)
{
    d->sli.key = d->name;
    d->sli.measure = measure;
    d->sli.bound = bound;
}

static void slice(struct slo_def *d, enum budget_method method, int64_t slice_us)
{
    d->method = method;
    d->slice_us = slice_us;
    d->slice_target = (struct decimal){9, 1};
}

/* Some begin while an alert fires, of objectives that share the SLI of others. */
static void exclude(struct world *w)
{
    struct config *c = w->config;
    const char **names = arena_alloc(&c->arena, 2 * sizeof(*names));
    names[0] = "x";
    names[1] = "x-minutes";
    c->exclusions = arena_alloc(&c->arena, EXCLUSIONS * sizeof(*c->exclusions));
    for (int64_t t = T0; c->exclusion_count < EXCLUSIONS;) {
        struct exclusion *x = &c->exclusions[c->exclusion_count++];
        *x = (struct exclusion){.name = "x", .timezone = "UTC", .reason = "", .author = ""};
        x->slos = (struct string_list){names, 2};
        x->mode = (enum exclusion_mode)below(w, 2);
        x->from_us = t += below(w, 200) * MIN;
        x->to_us = t += (1 + below(w, 100)) * MIN;
    }
}

static void declare(struct world *w)
{
    w->probes[API] = (struct probe_def){
        .id = "api", .interval_us = 15 * S, .phase_us = 3 * S, .timeout_us = 40 * S};
    w->probes[WEB] = (struct probe_def){.id = "web", .interval_us = 10 * S, .timeout_us = 5 * S};
    w->probes[DB] = (struct probe_def){
        .id = "db", .interval_us = 20 * S, .phase_us = 7 * S, .timeout_us = 10 * S};
    w->depends[0] = &w->probes[DB];
    w->probes[API].depends_on = w->depends;
    w->probes[API].depends_on_count = 1;
    w->config = mem_alloc(sizeof(*w->config));
    w->config->refs = 1;
    w->config->slos = arena_alloc(&w->config->arena, SLOS * sizeof(*w->config->slos));
    add_slo(w, "availability", API, 0);
    add_slo(w, "latency", API, 20 * S);
    add_slo(w, "silent", WEB, 0)->alerting = false;
    add_slo(w, "web", WEB, 0);
    slice(add_slo(w, "web-minutes", WEB, 0), METHOD_TIMESLICES, MIN);
    slice(add_slo(w, "web-pairs", API, 0), METHOD_RATIO_TIMESLICES, 2 * MIN);
    add_slo(w, "x", WEB, 0);
    slice(add_slo(w, "x-minutes", WEB, 0), METHOD_TIMESLICES, MIN);
    promise(add_slo(w, "web ttft", WEB, 0), MEASURE_TTFT, 1200000);
    promise(add_slo(w, "web cost", WEB, 0), MEASURE_COST, COST_ONE / 2);
    exclude(w);
    /* Attaching asks for what others depend on. */
    w->config->probes = arena_alloc(&w->config->arena, PROBES * sizeof(*w->config->probes));
    w->config->probes[0] = &w->probes[API];
    w->config->probes[1] = &w->probes[DB];
    w->config->probes[2] = &w->probes[WEB];
    w->config->probe_count = PROBES;
}

/* ---- what happens --------------------------------------------------------------------- */

/* Bad stretches of their own, and runs that do not tell. */
static void answer(struct result *r)
{
    int64_t minute = r->slot_us / MIN, dice = r->slot_us / S * 7919 % 101;
    r->flags = RESULT_ANSWER;
    r->answer.first_token_us = dice < 5 ? 0 : (uint32_t)(minute / 40 % 5 ? 900000 : 1200000 + dice);
    r->answer.cost = dice > 90 ? -1 : COST_ONE / 2 + (minute / 70 % 4 ? 0 : dice % 3);
}

static void fly(struct world *w, int probe, int64_t slot_us, int sickness)
{
    const struct probe_def *def = &w->probes[probe];
    bool bad = below(w, 100) < sickness;
    int64_t draw = below(w, 300);
    /* Whole seconds: some are done at the very instant of an evaluation. */
    int64_t took = below(w, (bad || draw < 60 ? def->timeout_us : 2 * S) / S) * S;
    struct result r = {.slot_us = slot_us, .done_us = slot_us + took, .total_us = took};
    r.outcome = draw == 299   ? OUTCOME_EXCLUDED
                : draw == 298 ? OUTCOME_SKIPPED
                : bad         ? OUTCOME_BAD
                              : OUTCOME_GOOD;
    r.reason = r.outcome == OUTCOME_GOOD ? REASON_NONE : REASON_STATUS;
    if (probe == WEB && r.outcome <= OUTCOME_BAD)
        answer(&r);
    /* When a process ends, what is in flight has no result. */
    bool lost = !w->goes_on && r.slot_us <= w->middle_us && r.done_us > w->middle_us;
    if (lost || r.done_us > w->end_us)
        return;
    w->late += took > def->interval_us;
    vec_push(&w->flights, ((struct flight){probe, r}));
}

/* Well for hours, then a little or quite sick, or not run at all. */
static void live_through(struct world *w, int probe)
{
    static const int degrees[] = {2, 20, 60, 100};
    const struct probe_def *def = &w->probes[probe];
    int64_t interval = def->interval_us, change_us = T0;
    int sickness = 0;
    bool sick = true, gone = false;
    for (int64_t slot = T0 + def->phase_us; slot < w->end_us; slot += interval) {
        if (slot >= change_us) {
            sick = !sick;
            /* A daemon that starts believes of a dependency what was seen last, however
             * long ago; replay knows that the prober had been there. */
            gone = below(w, 12) == 0 && probe != DB;
            sickness = sick ? degrees[below(w, (int64_t)countof(degrees))] : 0;
            change_us = slot + below(w, sick ? 2 * HOUR : 4 * HOUR);
        }
        if (!gone)
            fly(w, probe, slot, sickness);
        if (probe == API && slot >= w->revised_us && interval == def->interval_us) {
            interval = 2 * def->interval_us;
            slot += def->interval_us - (slot - def->phase_us) % interval;
        }
    }
}

static int by_done(const void *a, const void *b)
{
    const struct result *x = &((const struct flight *)a)->result;
    const struct result *y = &((const struct flight *)b)->result;
    if (x->done_us != y->done_us)
        return x->done_us < y->done_us ? -1 : 1;
    return x->slot_us < y->slot_us ? -1 : x->slot_us > y->slot_us;
}

/* ---- who sees it ------------------------------------------------------------------------ */

static void keep(struct witness *x, const struct alert_transition *t)
{
    vec_push(&x->told, *t);
}

static void on_transition(void *ctx, const struct slo_view *view, const struct alert_transition *t)
{
    (void)view;
    keep(ctx, t);
}

static void on_replayed(void *ctx, const struct alert_transition *t)
{
    keep(ctx, t);
}

static void witness_start(struct world *w, struct witness *x, int64_t now_us)
{
    const struct alert_state inactive = {0};
    struct evaluator_hooks hooks = {on_transition, x};
    struct err err;
    x->e = evaluator_new(&hooks, now_us);
    if (w->goes_on && now_us > T0)
        evaluator_set_past(x->e);
    struct excluding *excluding;
    assert_int_equal(excluding_read(w->config, NULL, &excluding, &err), 0);
    evaluator_set_config(x->e, w->config, excluding, now_us);
    excluding_unref(excluding);
    assert_int_equal(store_flush(w->store, PATIENCE, &err), 0);
    struct attach *a = attach_new(x->e, w->config);
    if (attach_read(a, w->path) < 0)
        fail_msg("%s", attach_error(a));
    /* What fired before goes on in a daemon, and not in a replay. */
    for (size_t i = 0; i < w->config->slo_count; i++)
        evaluator_set_alert(x->e, w->config->slos[i]->name, "", &inactive);
    attach_merge(a, x->e);
    attach_free(a);
}

static void tick(struct witness *x, int64_t t_us)
{
    while (x->e && evaluator_due(x->e) <= t_us)
        evaluator_run_due(x->e, evaluator_due(x->e));
}

static void revise(struct world *w)
{
    struct probe_def *def = &w->probes[API];
    def->interval_us *= 2;
    store_push_probe(w->store, API, def, w->revised_us);
    evaluator_add_revision(w->live.e, def, w->revised_us);
    if (w->started.e)
        evaluator_add_revision(w->started.e, def, w->revised_us);
}

static void see(struct world *w, const struct flight *f)
{
    struct observation obs = {.result = f->result};
    const char *id = w->probes[f->probe].id;
    assert_true(store_reserve(w->store));
    assert_true(store_push_result(w->store, (uint32_t)f->probe, &f->result, NULL));
    tick(&w->live, f->result.done_us - 1);
    tick(&w->started, f->result.done_us - 1);
    evaluator_result(w->live.e, id, &obs);
    if (w->started.e)
        evaluator_result(w->started.e, id, &obs);
}

static void play(struct world *w)
{
    bool revised = false;
    for (size_t i = 0; i < w->flights.len; i++) {
        int64_t done = w->flights.at[i].result.done_us;
        if (!revised && done > w->revised_us) {
            revise(w);
            revised = true;
        }
        if (!w->started.e && done > w->middle_us)
            witness_start(w, &w->started, w->middle_us);
        see(w, &w->flights.at[i]);
    }
    tick(&w->live, w->end_us);
    tick(&w->started, w->end_us);
}

/* ---- what is said of it -------------------------------------------------------------------- */

static void same_counts(struct counts a, struct counts b)
{
    assert_int_equal(a.good, b.good);
    assert_int_equal(a.bad, b.bad);
    assert_int_equal(a.excluded, b.excluded);
}

static void same(const struct alert_transition *a, const struct alert_transition *b)
{
    assert_int_equal(a->at_us, b->at_us);
    assert_string_equal(a->slo, b->slo);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->severity, b->severity);
    assert_int_equal(a->notify, b->notify);
    assert_int_equal(a->since_us, b->since_us);
    assert_int_equal(a->tier.long_us, b->tier.long_us);
    same_counts(a->long_counts, b->long_counts);
    same_counts(a->short_counts, b->short_counts);
    assert_int_equal(a->long_expected, b->long_expected);
    assert_int_equal(a->short_expected, b->short_expected);
    assert_true(a->long_burn == b->long_burn && a->short_burn == b->short_burn);
    assert_int_equal(a->state.phase, b->state.phase);
    assert_int_equal(a->state.firing, b->state.firing);
    assert_int_equal(a->state.told, b->state.told);
}

static void replay_from(struct world *w, int64_t from_us)
{
    struct replay_options o = {.config = w->config,
                               .from_us = from_us,
                               .to_us = w->end_us,
                               .transition = on_replayed,
                               .ctx = &w->replayed};
    struct replay_totals totals;
    struct err err;
    vec_clear(&w->replayed.told);
    if (replay_run(w->path, &o, &totals, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(totals.slos, SLOS - 1);
    assert_int_equal(totals.evaluations, w->end_us / (10 * S) - from_us / (10 * S));
}

static void compare(struct world *w, int64_t from_us, const struct witness *x)
{
    replay_from(w, from_us);
    assert_int_equal(w->replayed.told.len, x->told.len);
    for (size_t i = 0; i < x->told.len; i++)
        same(&w->replayed.told.at[i], &x->told.at[i]);
}

/* ---- */

static void begin(struct world *w)
{
    struct store_options o = {.path = w->path};
    struct err err;
    declare(w);
    w->end_us = T0 + DAY + below(w, DAY);
    w->middle_us = T0 + below(w, w->end_us - T0);
    w->goes_on = below(w, 2);
    w->revised_us = T0 + below(w, w->end_us - T0);
    vec_clear(&w->flights);
    for (int i = 0; i < PROBES; i++)
        live_through(w, i);
    qsort(w->flights.at, w->flights.len, sizeof(*w->flights.at), by_done);
    if (store_open(&o, &w->store, &err) < 0)
        fail_msg("%s", err.msg);
    for (uint32_t i = 0; i < PROBES; i++)
        store_push_probe(w->store, i, &w->probes[i], T0);
    for (size_t i = 0; i < w->config->slo_count; i++)
        store_push_sli(w->store, &w->config->slos[i]->sli);
    witness_start(w, &w->live, T0);
}

static void witness_end(struct witness *x)
{
    evaluator_free(x->e);
    vec_release(&x->told);
    *x = (struct witness){0};
}

static void remove_files(struct world *w)
{
    static const char *const names[] = {"t.db", "t.db-wal", "t.db-shm", "t.db.lock"};
    for (size_t i = 0; i < countof(names); i++) {
        mem_auto char *path = mem_printf("%s/%s", w->dir, names[i]);
        unlink(path);
    }
}

static void end(struct world *w)
{
    struct err err;
    for (size_t i = 0; i < w->live.told.len; i++) {
        const struct alert_transition *t = &w->live.told.at[i];
        w->muted += t->kind == ALERT_EVENT_FIRE && !t->notify;
    }
    for (size_t i = 0; i < w->live.told.len; i++) {
        w->sliced += strchr(w->live.told.at[i].slo, '-') != NULL;
        w->promised += strchr(w->live.told.at[i].slo, ' ') != NULL;
    }
    w->transitions += w->live.told.len;
    w->after_middle += w->started.told.len;
    if (w->store)
        assert_int_equal(store_close(w->store, PATIENCE, &err), 0);
    w->store = NULL;
    witness_end(&w->live);
    witness_end(&w->started);
    witness_end(&w->replayed);
    w->config->probe_count = 0; /* they are the test's */
    config_unref(w->config);
    w->config = NULL;
    remove_files(w);
}

static void test_replay_is_what_was_lived_through(void **state)
{
    struct world *w = *state;
    struct err err;
    for (int i = 0; i < HISTORIES; i++) {
        begin(w);
        play(w);
        if (below(w, 2)) /* from rollups and chunks, or from rows */
            assert_int_equal(store_settle(w->store, PATIENCE, &err), 0);
        assert_int_equal(store_flush(w->store, PATIENCE, &err), 0);
        compare(w, T0, &w->live);
        if (w->started.e)
            compare(w, w->middle_us, &w->started);
        end(w);
    }
    assert_true(w->transitions > 40 * HISTORIES);
    assert_true(w->after_middle > 10 * HISTORIES);
    assert_true(w->sliced > 10 * HISTORIES);
    assert_true(w->promised > 10 * HISTORIES);
    assert_true(w->muted > 5);
    assert_true(w->late > 100);
}

static void test_what_cannot_be_replayed(void **state)
{
    struct world *w = *state;
    struct replay_options o = {.transition = on_replayed, .ctx = &w->replayed};
    struct replay_totals totals;
    struct err err;
    begin(w);
    o.config = w->config;
    o.from_us = T0;
    o.to_us = T0 + HOUR;
    o.slo = "webb";
    assert_int_equal(replay_run(w->path, &o, &totals, &err), -1);
    assert_string_equal(err.msg, "unknown SLO 'webb'; did you mean 'web'?");
    o.slo = "silent";
    assert_int_equal(replay_run(w->path, &o, &totals, &err), -1);
    assert_string_equal(err.msg, "SLO 'silent' does not alert");
    o.slo = NULL;
    o.to_us = o.from_us;
    assert_int_equal(replay_run(w->path, &o, &totals, &err), -1);
    assert_int_equal(store_flush(w->store, PATIENCE, &err), 0);
    end(w);
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->rng = 0x9e3779b97f4a7c15;
    snprintf(w->dir, sizeof(w->dir), "/tmp/nines-replay-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->path = mem_printf("%s/t.db", w->dir);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    remove_files(w);
    rmdir(w->dir);
    vec_release(&w->flights);
    free(w->path);
    free(w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replay_is_what_was_lived_through, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_replayed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
