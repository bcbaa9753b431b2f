/*
 * Composites that lived through everything: reloads give them members, weights, methods
 * and targets and take them, what is excluded of a member changes, history is read while
 * more of it is written, and the process ends and begins anew. At every look they are what
 * a list of all results says, joined slice by slice or burn by burn.
 */
#include "engine/attach.h"

#include "base/vec.h"
#include "engine/evaluate.h"
#include "engine/excluding.h"
#include "slo/expected.h"
#include "slo/slices.h"
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
#define T0 (20022 * DAY)
#define PATIENCE (30 * S)
#define PROBES 3
#define SLOS (PROBES + 1) /* one of each probe, and the composite */
#define EXCLUSIONS 24     /* of an SLO */
#define PARTS 1000000000000

struct world {
    uint64_t rng;
    char dir[64];
    char *path;
    struct store *store;
    struct evaluator *e;
    struct config *config;
    struct attach *attach; /* made, and not merged yet */
    bool read;             /* ... but read */
    struct probe_def probes[PROBES];
    struct {
        VEC(struct result) list;
    } results[PROBES];
    struct decimal target[PROBES];
    uint64_t contents;
    int64_t now_us;
    struct exclusion excluded[SLOS][EXCLUSIONS]; /* in order, none overlaps */
    size_t excluded_n[SLOS];
    int merges, checks[3], cut, without, joined, retargeted, restarts;
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

/* How a member's instant is excluded: -1 not, else the mode. A drop of one wins. */
static int excluded_at(const struct world *w, int member, int64_t t_us)
{
    const int of[] = {member, PROBES};
    int mode = -1;
    for (size_t k = 0; k < countof(of); k++) {
        const struct exclusion *x = w->excluded[of[k]];
        for (size_t i = 0; i < w->excluded_n[of[k]]; i++)
            if (t_us >= x[i].from_us && t_us < x[i].to_us && mode != EXCLUSION_DROP)
                mode = (int)x[i].mode;
    }
    return mode;
}

/* Results and scheduled slots of [from, to) that are known at `at`. */
static struct counts brute(const struct world *w, int member, int64_t from_us, int64_t to_us,
                           int64_t at_us, int64_t *ret_slots)
{
    struct counts c = {0};
    int64_t interval = w->probes[member].interval_us;
    *ret_slots = 0;
    for (int64_t t = (from_us + interval - 1) / interval * interval; t < to_us; t += interval)
        *ret_slots += excluded_at(w, member, t) != EXCLUSION_DROP;
    for (size_t i = 0; i < w->results[member].list.len; i++) {
        const struct result *r = &w->results[member].list.at[i];
        if (r->slot_us < from_us || r->slot_us >= to_us || r->done_us > at_us)
            continue;
        int mode = excluded_at(w, member, r->slot_us);
        if (mode == EXCLUSION_DROP)
            continue;
        c.good += r->outcome == OUTCOME_GOOD || (r->outcome == OUTCOME_BAD && mode >= 0);
        c.bad += r->outcome == OUTCOME_BAD && mode < 0;
        c.excluded += r->outcome == OUTCOME_EXCLUDED;
    }
    return c;
}

/* floor(weight * bad / (miss * total)) in 10^-12 */
static uint128 brute_share(struct decimal weight, struct counts c, struct decimal target)
{
    uint128 one = (uint128)decimal_pow10(target.scale), miss = one - (uint128)target.n;
    uint128 total = (uint128)counts_total(c);
    if (total == 0)
        return 0;
    return (uint128)weight.n * PARTS * (uint128)c.bad * one /
           ((uint128)decimal_pow10(weight.scale) * miss * total);
}

static void check_occurrences(struct world *w, const struct slo_view *v, int64_t start_us)
{
    uint128 spent = 0;
    struct counts sum = {0};
    int64_t expected = 0, slots;
    for (size_t i = 0; i < v->def->member_count; i++) {
        int member = number(v->def->members[i].slo);
        struct counts c = brute(w, member, start_us, v->at_us, v->at_us, &slots);
        counts_add(&sum, c);
        expected += slots - c.excluded;
        spent += brute_share(v->def->members[i].weight, c, w->target[member]);
    }
    assert_int_equal(v->window.good, sum.good);
    assert_int_equal(v->window.bad, sum.bad);
    assert_int_equal(v->window.excluded, sum.excluded);
    assert_int_equal(v->window_expected, expected);
    assert_true(v->use.allowed == (counts_total(sum) ? PARTS : 0));
    assert_true(v->use.spent == spent);
}

/* What one slice is worth: parts lost, or -1 without data; *ret_slots: scheduled. */
static int64_t brute_slice(const struct world *w, const struct slo_view *v, int64_t from_us,
                           int64_t to_us, bool *ret_expected)
{
    const struct slo_def *d = v->def;
    uint128 lost = 0;
    bool data = false;
    *ret_expected = false;
    for (size_t i = 0; i < d->member_count; i++) {
        struct decimal weight = d->members[i].weight;
        int64_t slots;
        struct counts c = brute(w, number(d->members[i].slo), from_us, to_us, v->at_us, &slots);
        int64_t total = counts_total(c);
        *ret_expected |= slots > c.excluded;
        if (total == 0)
            continue;
        data = true;
        if (d->method == METHOD_TIMESLICES)
            lost += c.good * decimal_pow10(d->slice_target.scale) < d->slice_target.n * total;
        else
            lost += (uint128)(PARTS - (int64_t)((uint128)c.good * PARTS / (uint128)total)) *
                    (uint128)weight.n / (uint128)decimal_pow10(weight.scale);
    }
    uint128 whole = d->method == METHOD_TIMESLICES ? 1 : PARTS;
    return data ? (int64_t)(lost < whole ? lost : whole) : -1;
}

static void check_slices(struct world *w, const struct slo_view *v, int64_t start_us)
{
    int64_t whole = v->def->method == METHOD_TIMESLICES ? 1 : PARTS, slice = v->def->slice_us;
    struct counts sum = {0};
    for (int64_t end = (start_us / slice + 1) * slice; end <= v->at_us; end += slice) {
        bool expected;
        int64_t lost = brute_slice(w, v, end - slice, end, &expected);
        sum.good += lost < 0 ? 0 : whole - lost;
        sum.bad += lost < 0 ? 0 : lost;
        sum.silent += lost < 0 && expected;
        w->without += lost < 0;
        w->joined += lost > 0;
    }
    assert_int_equal(v->judged.good, sum.good);
    assert_int_equal(v->judged.bad, sum.bad);
    assert_int_equal(v->judged.silent, sum.silent);
    struct budget_use use = slices_use(v->def, sum, v->def->target);
    assert_true(v->use.spent == use.spent && v->use.allowed == use.allowed);
}

static void check(struct world *w, const struct slo_view *v)
{
    struct span span = window_span(&v->def->window, v->at_us);
    int64_t start = tier_window_start(v->at_us, v->at_us - span.start_us);
    if (v->def->method == METHOD_OCCURRENCES)
        check_occurrences(w, v, start);
    else
        check_slices(w, v, start);
    w->checks[v->def->method]++;
    for (size_t i = 0; i < v->def->member_count; i++)
        w->cut += w->excluded_n[number(v->def->members[i].slo)] > 0;
}

/* ---- what happens ------------------------------------------------------------------ */

static struct slo_def *add_slo(struct world *w, struct config *c, int i)
{
    struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
    d->name = arena_printf(&c->arena, "slo-%d", i);
    d->service = "svc";
    d->objective_name = "";
    memset(d->sli.classify, -1, sizeof(d->sli.classify));
    d->content = ++w->contents;
    d->window = (struct window_def){.type = WINDOW_ROLLING, .duration_us = DAY};
    d->target = (struct decimal){9, 1};
    c->slos[c->slo_count++] = d;
    if (i == PROBES)
        return d;
    if (below(w, 6) == 0) {
        w->target[i] = (struct decimal){90 + below(w, 9), 2};
        w->retargeted++;
    }
    d->sli.probe = w->probes[i].id;
    d->sli.key = w->probes[i].id;
    d->probe = &w->probes[i];
    d->target = w->target[i];
    return d;
}

static void compose(struct world *w, struct config *c)
{
    static const struct decimal weights[] = {{1, 0}, {25, 1}, {3, 1}, {1, 6}, {1000, 0}};
    static const int64_t windows[] = {HOUR, DAY, 4 * DAY + 90 * MIN};
    struct slo_def *d = add_slo(w, c, PROBES);
    struct slo_member *members = arena_alloc(&c->arena, PROBES * sizeof(*members));
    d->method = (enum budget_method)below(w, 3);
    d->window.duration_us = windows[below(w, 3)];
    d->slice_us = below(w, 2) ? 15 * MIN : 30 * MIN;
    d->slice_target = (struct decimal){9 + below(w, 2), 1};
    d->members = members;
    do {
        d->member_count = 0;
        for (int i = 0; i < PROBES; i++)
            if (below(w, 2))
                members[d->member_count++].slo = c->slos[i];
    } while (d->member_count == 0);
    struct decimal weight = weights[below(w, 5)];
    d->sli.key = arena_printf(&c->arena, "composite %d", (int)d->content);
    for (size_t i = 0; i < d->member_count; i++) {
        struct slo_def *as = arena_alloc(&c->arena, sizeof(*as));
        *as = *members[i].slo;
        as->window = d->window;
        as->method = d->method;
        as->slice_us = d->slice_us;
        as->slice_target = d->slice_target;
        if (d->method != METHOD_OCCURRENCES)
            as->target = d->target;
        members[i].as = as;
        members[i].weight = i ? weight : weights[0];
    }
}

/* Of a day ago, and of hours to come. Some cut slices. */
static void exclude(struct world *w, int slo)
{
    int64_t t = (w->now_us - 5 * DAY) / MIN * MIN;
    size_t n = 0;
    for (; n < EXCLUSIONS && t < w->now_us + 6 * HOUR; n++) {
        struct exclusion *x = &w->excluded[slo][n];
        t += (1 + below(w, 12 * 60)) * MIN;
        *x = (struct exclusion){.name = "x", .timezone = "UTC", .reason = "", .author = ""};
        x->from_us = t;
        x->mode = (enum exclusion_mode)below(w, 2);
        t += (1 + below(w, 90)) * MIN;
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

/* As the daemon does: daemon_reload.c. */
static void adopt(struct world *w)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    c->slos = arena_alloc(&c->arena, SLOS * sizeof(*c->slos));
    for (int i = 0; i < PROBES; i++)
        add_slo(w, c, i);
    compose(w, c);
    for (int i = 0; i < SLOS; i++)
        if (below(w, 3) == 0)
            exclude(w, i);
    struct excluding *excluding = make_excluding(w, c);
    evaluator_set_config(w->e, c, excluding, w->now_us);
    excluding_unref(excluding);
    for (int i = 0; i < PROBES; i++) {
        store_push_probe(w->store, (uint32_t)i, &w->probes[i], w->now_us);
        evaluator_add_revision(w->e, &w->probes[i], w->now_us);
        store_push_sli(w->store, &c->slos[i]->sli);
    }
    for (int i = 0; i < SLOS; i++)
        store_push_slo(w->store, c->slos[i], w->now_us);
    config_unref(w->config);
    w->config = c;
    w->attach = attach_new(w->e, c);
    w->read = false;
}

static void read_attached(struct world *w)
{
    struct err err;
    assert_int_equal(store_flush(w->store, PATIENCE, &err), 0);
    if (attach_read(w->attach, w->path) < 0)
        fail_msg("%s", attach_error(w->attach));
    w->read = true;
}

static void merge_attached(struct world *w)
{
    attach_merge(w->attach, w->e);
    w->merges++;
    attach_free(w->attach);
    w->attach = NULL;
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
    if (w->attach && w->read)
        merge_attached(w);
    else if (w->attach)
        attach_free(w->attach);
    w->attach = NULL;
    assert_int_equal(store_close(w->store, PATIENCE, &err), 0);
    evaluator_free(w->e);
    w->restarts++;
}

/* One slot of a probe, with a result or without. */
static void run(struct world *w, int probe)
{
    int64_t draw = below(w, 12);
    struct result r = {.slot_us =
                           w->now_us / w->probes[probe].interval_us * w->probes[probe].interval_us};
    size_t n = w->results[probe].list.len;
    if (draw == 11 || (n && w->results[probe].list.at[n - 1].slot_us >= r.slot_us))
        return;
    r.done_us = w->now_us;
    r.total_us = w->now_us - r.slot_us;
    r.outcome = draw == 0 ? OUTCOME_BAD : draw == 1 ? OUTCOME_EXCLUDED : OUTCOME_GOOD;
    r.reason = draw > 1 ? REASON_NONE : REASON_STATUS;
    evaluator_run_due(w->e, r.done_us - 1);
    assert_true(store_reserve(w->store));
    store_push_result(w->store, (uint32_t)probe, &r, NULL);
    evaluator_result(w->e, w->probes[probe].id, &(struct observation){.result = r});
    vec_push(&w->results[probe].list, r);
}

static void look(struct world *w)
{
    for (size_t i = 0; !w->attach && i < evaluator_count(w->e); i++) {
        const struct slo_view *v = evaluator_view(w->e, i);
        if (v->at_us && v->def->member_count)
            check(w, v);
    }
}

static void step(struct world *w)
{
    int64_t kind = below(w, 1000), due = evaluator_due(w->e);
    w->now_us += 1 + (kind < 4 ? below(w, 5 * HOUR) : below(w, 3 * MIN));
    if (kind >= 4 && kind < 8) {
        end(w);
        w->now_us += below(w, 2 * HOUR);
        begin(w);
        return;
    }
    for (int i = 0; i < PROBES; i++) {
        w->now_us += 1 + below(w, S);
        run(w, i);
    }
    store_push_heartbeat(w->store, w->now_us, w->now_us - MIN);
    if (w->attach && !w->read && below(w, 4) == 0)
        read_attached(w);
    else if (w->attach && w->read && below(w, 4) == 0)
        merge_attached(w);
    else if (!w->attach && kind > 970)
        adopt(w);
    else if (evaluator_due(w->e) != due && below(w, 8) == 0)
        look(w);
}

/* ---- */

static int setup(void **state)
{
    static const char *const ids[PROBES] = {"a", "b", "c"};
    struct world *w = mem_alloc(sizeof(*w));
    w->rng = 0x9e3779b97f4a7c15;
    w->now_us = T0;
    for (int i = 0; i < PROBES; i++) {
        w->target[i] = (struct decimal){99, 2};
        w->probes[i] = (struct probe_def){
            .id = ids[i], .interval_us = (i + 1) * 2 * MIN, .timeout_us = MIN, .max_in_flight = 1};
    }
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
    for (int i = 0; i < PROBES; i++)
        vec_release(&w->results[i].list);
    free(w->path);
    free(w);
    return 0;
}

static void test_composites_are_what_their_members_are(void **state)
{
    struct world *w = *state;
    begin(w);
    for (int i = 0; i < 5000; i++)
        step(w);
    end(w);
    assert_true(w->now_us > T0 + 6 * DAY);
    assert_true(w->merges > 40);
    for (int i = 0; i < 3; i++)
        assert_true(w->checks[i] > 60);
    assert_true(w->cut > 100);
    assert_true(w->joined > 1000);
    assert_true(w->without > 100);
    assert_true(w->retargeted > 20);
    assert_true(w->restarts > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_composites_are_what_their_members_are, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
