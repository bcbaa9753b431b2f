/* The scheduler against a probe kind that ends when the test says so, on a
 * clock that is a number. */
#include "engine/scheduler.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/vec.h"
#include "model/schedule.h"
#include "slo/hours.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fake_run {
    probe_done_fn done;
    void *ctx;
    const struct probe_def *def;
};

struct seen {
    const char *id;
    struct result result;
    char message[160];
};

struct world {
    struct probe_env env;
    struct scheduler *scheduler;
    int64_t now_us;
    int reserved;
    bool full, stalled;
    VEC(struct fake_run *) runs;
    VEC(struct seen) results;
    int adopted, cancelled;
    int64_t per_host;
    const struct held_slot *held; /* NULL: no slot is */
    bool checks;                  /* there is a self-check */
    selfcheck_fn told;
    void *told_arg;
    struct selfcheck_wait *last_wait;
    int waits;
};

struct selfcheck_wait {
    struct world *world;
};

static void *fake_start(struct probe_env *env, const struct probe_def *def,
                        struct probe_memory *memory, probe_done_fn done, void *ctx)
{
    (void)memory;
    struct world *w = env->ctx;
    struct fake_run *run = mem_alloc(sizeof(*run));
    *run = (struct fake_run){done, ctx, def};
    vec_push(&w->runs, run);
    return run;
}

static struct world *world_of_cancel; /* cancel() gets only the run */

static void fake_cancel(void *p)
{
    struct world *w = world_of_cancel;
    for (size_t i = 0; i < w->runs.len; i++)
        if (w->runs.at[i] == p) {
            w->runs.at[i] = w->runs.at[--w->runs.len];
            break;
        }
    w->cancelled++;
    free(p);
}

static bool fake_held(struct probe_env *env, const struct probe_def *def,
                      const struct probe_memory *memory, int64_t now_us, struct held_slot *ret)
{
    (void)def, (void)memory;
    struct world *w = env->ctx;
    assert_int_equal(now_us, w->now_us);
    if (w->held)
        *ret = *w->held;
    return w->held;
}

static const struct probe_kind fake_kind = {
    .name = "fake", .start = fake_start, .cancel = fake_cancel, .held = fake_held};

static int64_t now_us(void *ctx)
{
    return ((struct world *)ctx)->now_us;
}

static bool reserve(void *ctx)
{
    struct world *w = ctx;
    if (w->full)
        return false;
    w->reserved++;
    return true;
}

static void unreserve(void *ctx)
{
    ((struct world *)ctx)->reserved--;
}

static void on_result(void *ctx, struct scheduled *p, const struct observation *obs)
{
    struct world *w = ctx;
    struct seen s = {.id = p->def->id, .result = obs->result};
    snprintf(s.message, sizeof(s.message), "%s", obs->message ? obs->message : "");
    w->reserved--;
    vec_push(&w->results, s);
}

static void on_adopt(void *ctx, struct scheduled *p, int64_t now_us)
{
    (void)p;
    (void)now_us;
    ((struct world *)ctx)->adopted++;
}

static bool on_stalled(void *ctx, int64_t since_ns)
{
    (void)since_ns;
    return ((struct world *)ctx)->stalled;
}

static struct selfcheck_wait *on_ask(void *ctx, selfcheck_fn told, void *arg)
{
    struct world *w = ctx;
    if (!w->checks)
        return NULL;
    struct selfcheck_wait *wait = mem_alloc(sizeof(*wait));
    wait->world = w;
    w->told = told;
    w->told_arg = arg;
    w->last_wait = wait;
    w->waits++;
    return wait;
}

static void on_unask(struct selfcheck_wait *wait)
{
    wait->world->waits--;
    free(wait);
}

struct decl {
    const char *id;
    int64_t interval_us, phase_us;
    int max_in_flight;
    uint64_t content;
    const char *peer;
    const char *hours;
};

static const struct hours *make_hours(const char *text)
{
    struct hours *h = NULL;
    assert_true(!text || hours_parse(text, &h, NULL) == 0);
    return h;
}

static struct config *make_config(const struct decl *decls, size_t n)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    c->hours = &hours_ops;
    c->probe_count = n;
    c->probes = arena_alloc(&c->arena, n * sizeof(*c->probes) + 1);
    for (size_t i = 0; i < n; i++) {
        struct probe_def *d = arena_alloc(&c->arena, sizeof(*d));
        d->id = arena_strdup(&c->arena, decls[i].id);
        d->kind = &fake_kind;
        d->interval_us = decls[i].interval_us;
        d->phase_us = decls[i].phase_us;
        d->timeout_us = decls[i].interval_us;
        d->max_in_flight = decls[i].max_in_flight;
        d->content = decls[i].content;
        d->peer = arena_strdup(&c->arena, decls[i].peer);
        d->hours = make_hours(decls[i].hours);
        c->probes[i] = d;
    }
    return c;
}

static void set_config(struct world *w, const struct decl *decls, size_t n)
{
    struct config *c = make_config(decls, n);
    c->daemon.per_host = w->per_host;
    scheduler_set_config(w->scheduler, c, w->now_us);
    config_unref(c);
}

static void end_run(struct world *w, size_t i, enum outcome o)
{
    struct fake_run *run = w->runs.at[i];
    w->runs.at[i] = w->runs.at[--w->runs.len];
    struct observation obs = {.message = o == OUTCOME_GOOD ? "" : "broken"};
    obs.result.outcome = (uint8_t)o;
    obs.result.total_us = 1234;
    run->done(run->ctx, &obs);
    free(run);
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->env.ctx = w;
    world_of_cancel = w;
    struct scheduler_hooks hooks = {now_us,   NULL,       reserve, unreserve, on_result,
                                    on_adopt, on_stalled, on_ask,  on_unask,  w};
    w->scheduler = scheduler_new(&w->env, &hooks);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    scheduler_free(w->scheduler);
    assert_int_equal(w->reserved, 0);
    assert_int_equal(w->waits, 0);
    assert_int_equal(w->runs.len, 0);
    vec_release(&w->runs);
    vec_release(&w->results);
    free(w);
    return 0;
}

#define S USEC_PER_SEC

static void test_slots_are_fixed_to_the_grid(void **state)
{
    struct world *w = *state;
    w->now_us = 100 * S + 1;
    set_config(w, (struct decl[]){{"a", 10 * S, 3 * S, 1, 1}}, 1);
    assert_int_equal(scheduler_due(w->scheduler), 103 * S);
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 0);

    w->now_us = 103 * S + 700;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 1);
    assert_int_equal(scheduler_due(w->scheduler), 113 * S);
    assert_int_equal(scheduler_complete_through(w->scheduler, w->now_us), 103 * S);

    w->now_us = 105 * S;
    end_run(w, 0, OUTCOME_GOOD);
    assert_int_equal(w->results.len, 1);
    assert_int_equal(w->results.at[0].result.slot_us, 103 * S);
    assert_int_equal(w->results.at[0].result.lag_us, 700);
    assert_int_equal(w->results.at[0].result.done_us, 105 * S);
    assert_int_equal(scheduler_complete_through(w->scheduler, w->now_us), 105 * S);
}

/* What there is no time for now stays due, the oldest first. */
static void test_some_of_what_is_due(void **state)
{
    struct world *w = *state;
    const struct decl three[] = {{"a", S, 300, 1, 1}, {"b", S, 100, 1, 1}, {"c", S, 200, 1, 1}};
    set_config(w, three, 3);
    w->now_us = 305;
    scheduler_run_some(w->scheduler, w->now_us, 2);
    assert_int_equal(w->runs.len, 2);
    assert_string_equal(w->runs.at[0]->def->id, "b");
    assert_string_equal(w->runs.at[1]->def->id, "c");
    assert_int_equal(scheduler_due(w->scheduler), 300);
    assert_int_equal(scheduler_complete_through(w->scheduler, w->now_us), 100);

    w->now_us += 7;
    scheduler_run_some(w->scheduler, w->now_us, 2);
    assert_int_equal(w->runs.len, 3);
    assert_int_equal(scheduler_due(w->scheduler), S + 100);
    end_run(w, 2, OUTCOME_GOOD);
    assert_int_equal(w->results.at[0].result.lag_us, 12);
    end_run(w, 1, OUTCOME_GOOD);
    end_run(w, 0, OUTCOME_GOOD);
}

static void test_hanging_target_does_not_delay_slots(void **state)
{
    struct world *w = *state;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 2, 1}}, 1);
    for (int i = 0; i < 4; i++) {
        w->now_us = i * 10 * S;
        scheduler_run_due(w->scheduler, w->now_us);
    }
    /* Two run, the other two slots are rows of their own. */
    assert_int_equal(w->runs.len, 2);
    assert_int_equal(w->results.len, 2);
    assert_int_equal(w->results.at[0].result.outcome, OUTCOME_SKIPPED);
    assert_int_equal(w->results.at[0].result.reason, REASON_PROBER);
    assert_int_equal(w->results.at[0].result.slot_us, 20 * S);
    assert_int_equal(w->results.at[1].result.slot_us, 30 * S);
}

/* Without a run, and whoever else is in flight: it takes no place and needs none. */
static void test_a_slot_that_is_held_back(void **state)
{
    struct world *w = *state;
    const struct held_slot cap = {OUTCOME_EXCLUDED, REASON_SPEND_CAP, "the cap is reached"};
    const struct held_slot wait = {OUTCOME_BAD, REASON_RATE_LIMITED, "asked to wait"};
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 1, 1}}, 1);
    const struct scheduled *p = scheduler_at(w->scheduler, 0);
    scheduler_run_due(w->scheduler, 0);
    w->held = &cap;
    w->now_us = 10 * S + 5;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 1);
    assert_int_equal(p->in_flight, 1);
    assert_int_equal(w->reserved, 1); /* the run's own */
    assert_int_equal(w->results.len, 1);
    const struct seen *seen = &w->results.at[0];
    assert_int_equal(seen->result.outcome, OUTCOME_EXCLUDED);
    assert_int_equal(seen->result.reason, REASON_SPEND_CAP);
    assert_int_equal(seen->result.slot_us, 10 * S);
    assert_int_equal(seen->result.done_us, 10 * S + 5);
    assert_int_equal(seen->result.lag_us, 5);
    assert_int_equal(seen->result.flags, 0);
    assert_string_equal(seen->message, "the cap is reached");
    assert_string_equal(p->held_message, "the cap is reached");
    assert_int_equal(p->held_reason, REASON_SPEND_CAP);
    assert_int_equal(p->counters.answers->sums.held, 1);
    assert_int_equal(p->counters.counts[0].n, 1);

    /* What is known of runs stays what it was. */
    end_run(w, 0, OUTCOME_GOOD);
    assert_int_equal(p->last.outcome, OUTCOME_GOOD);
    assert_non_null(p->held_message);
    w->held = &wait;
    w->now_us = 20 * S;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->results.at[2].result.reason, REASON_RATE_LIMITED);
    assert_int_equal(w->results.at[2].result.outcome, OUTCOME_BAD);
    assert_int_equal(p->last.outcome, OUTCOME_GOOD);
    assert_int_equal(p->held_reason, REASON_RATE_LIMITED);

    /* It goes on. */
    w->held = NULL;
    w->now_us = 30 * S;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_null(p->held_message);
    assert_int_equal(w->runs.len, 1);
    end_run(w, 0, OUTCOME_GOOD);
    w->held = &cap; /* freed with the probe */
    w->now_us = 40 * S;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(scheduler_complete_through(w->scheduler, w->now_us), 40 * S);
    assert_int_equal(p->counters.answers->sums.held, 2);
    assert_int_equal(p->counters.answers->waited, 1);

    /* Where the store has no room it is missing, as any other. */
    w->full = true;
    w->now_us = 50 * S;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->results.len, 5);
    assert_int_equal(p->missed, 1);
}

static void test_jump_leaves_a_gap_not_a_burst(void **state)
{
    struct world *w = *state;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 5, 1}}, 1);
    scheduler_run_due(w->scheduler, 0);
    end_run(w, 0, OUTCOME_GOOD);
    w->now_us = 1000 * S; /* 99 slots passed; this one is due right now */
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 1);
    assert_int_equal(scheduler_at(w->scheduler, 0)->missed, 99);
    assert_int_equal(scheduler_due(w->scheduler), 1010 * S);
    end_run(w, 0, OUTCOME_GOOD);
    /* Too late for its slot: it does not run at all. */
    w->now_us = 1010 * S + SCHEDULER_LAG_MAX_US + 1;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 0);
    assert_int_equal(scheduler_at(w->scheduler, 0)->missed, 100);
}

/* A start that took three seconds: nobody is late, nothing is missed, nothing
 * comes in a burst. */
static void test_slots_before_the_start_are_skipped(void **state)
{
    struct world *w = *state;
    w->now_us = 100 * S;
    set_config(w,
               (struct decl[]){
                   {"a", 2 * S, 0, 1, 1}, {"b", 10 * S, 1 * S, 1, 1}, {"c", 10 * S, 9 * S, 1, 1}},
               3);
    w->now_us = 103 * S;
    scheduler_skip(w->scheduler, w->now_us);
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 0);
    assert_int_equal(scheduler_due(w->scheduler), 104 * S);
    w->now_us = 109 * S;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 2); /* a for 108, c for 109 */
    assert_int_equal(scheduler_due(w->scheduler), 110 * S);
    assert_int_equal(scheduler_at(w->scheduler, 0)->missed, 2);
    assert_int_equal(scheduler_at(w->scheduler, 1)->missed, 0);
    scheduler_skip(w->scheduler, w->now_us); /* all are later: no effect */
    assert_int_equal(scheduler_due(w->scheduler), 110 * S);
    while (w->runs.len)
        end_run(w, 0, OUTCOME_GOOD);
}

static void test_no_room_no_run(void **state)
{
    struct world *w = *state;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 1, 1}}, 1);
    w->full = true;
    scheduler_run_due(w->scheduler, 0);
    assert_int_equal(w->runs.len, 0);
    assert_int_equal(w->results.len, 0);
    assert_int_equal(scheduler_at(w->scheduler, 0)->missed, 1);
}

static void test_stall_is_the_probers_fault(void **state)
{
    struct world *w = *state;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 1, 1}}, 1);
    scheduler_run_due(w->scheduler, 0);
    w->stalled = true;
    end_run(w, 0, OUTCOME_BAD);
    assert_int_equal(w->results.at[0].result.outcome, OUTCOME_SKIPPED);
    assert_int_equal(w->results.at[0].result.reason, REASON_PROBER);
}

/* ---- limits.per_host ------------------------------------------------------------- */

static void test_a_host_takes_so_many(void **state)
{
    struct world *w = *state;
    const struct decl four[] = {{"a", 10 * S, 0, 2, 1, "h:80"},
                                {"b", 10 * S, 1, 2, 1, "h:80"},
                                {"c", 10 * S, 2, 2, 1, "h:80"},
                                {"d", 10 * S, 3, 2, 1, "h:81"}};
    w->per_host = 2;
    set_config(w, four, 4);
    w->now_us = 5;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 3); /* a, b, d */
    assert_int_equal(w->results.len, 1);
    assert_string_equal(w->results.at[0].id, "c");
    assert_int_equal(w->results.at[0].result.outcome, OUTCOME_SKIPPED);
    assert_int_equal(w->results.at[0].result.reason, REASON_PROBER);
    assert_non_null(strstr(w->results.at[0].message, "2 runs against h:80"));

    /* A place that comes free is for whoever is due next. */
    end_run(w, 0, OUTCOME_GOOD);
    w->now_us = 10 * S;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 3);
    /* A new limit is in force at once; runs under way count against it. */
    w->per_host = 0;
    set_config(w, four, 4);
    w->now_us = 10 * S + 5;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 6);
    while (w->runs.len)
        end_run(w, 0, OUTCOME_GOOD);
}

/* A run counts against the host that it began with. */
static void test_a_probe_moves_to_another_host(void **state)
{
    struct world *w = *state;
    w->per_host = 1;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 3, 1, "old:80"}}, 1);
    scheduler_run_due(w->scheduler, 0);
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 3, 2, "new:80"}}, 1);
    w->now_us = 10 * S;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 2);
    end_run(w, 0, OUTCOME_GOOD);
    w->now_us = 20 * S;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 1); /* the other one is against new:80 still */
    end_run(w, 0, OUTCOME_GOOD);
}

/* ---- service hours ------------------------------------------------------------------ */

#define MONDAY (1794787200 * S) /* 2026-11-16T00:00:00Z */
#define HOUR USEC_PER_HOUR

static void test_no_slots_outside_of_hours(void **state)
{
    struct world *w = *state;
    const struct decl decl = {"a", 10 * S, 0, 1, 1, NULL, "UTC mon-fri 08:00-18:00"};
    w->now_us = MONDAY;
    set_config(w, &decl, 1);
    assert_int_equal(scheduler_due(w->scheduler), MONDAY + 8 * HOUR);
    w->now_us = MONDAY + 18 * HOUR - 10 * S;
    scheduler_skip(w->scheduler, w->now_us);
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 1);
    assert_int_equal(scheduler_due(w->scheduler), MONDAY + 32 * HOUR);
    assert_int_equal(scheduler_complete_through(w->scheduler, w->now_us + S), w->now_us);
    end_run(w, 0, OUTCOME_GOOD);
    assert_int_equal(scheduler_complete_through(w->scheduler, MONDAY + 20 * HOUR),
                     MONDAY + 20 * HOUR);
    /* What a jump passes over is missed, but for the night. */
    w->now_us = MONDAY + 56 * HOUR + 5;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 1);
    assert_int_equal(scheduler_at(w->scheduler, 0)->missed, 3600);
    end_run(w, 0, OUTCOME_GOOD);
    assert_int_equal(w->results.at[1].result.slot_us, MONDAY + 56 * HOUR);
}

/* The last slot of the day is not lost when the loop wakes up a little late. */
static void test_the_last_slot_of_the_day(void **state)
{
    struct world *w = *state;
    const struct decl decl = {"a", S / 10, 0, 9, 1, NULL, "UTC daily 08:00-18:00"};
    w->now_us = MONDAY + 18 * HOUR - S / 5;
    set_config(w, &decl, 1);
    w->now_us = MONDAY + 18 * HOUR + S / 4;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 1);
    assert_int_equal(scheduler_at(w->scheduler, 0)->missed, 1);
    end_run(w, 0, OUTCOME_GOOD);
    assert_int_equal(w->results.at[0].result.slot_us, MONDAY + 18 * HOUR - S / 10);
    assert_int_equal(scheduler_due(w->scheduler), MONDAY + 32 * HOUR);
}

static void test_new_hours_come_into_force(void **state)
{
    struct world *w = *state;
    struct decl decl = {"a", 10 * S, 0, 1, 1, NULL, "UTC daily 08:00-18:00"};
    w->now_us = MONDAY + 20 * HOUR;
    set_config(w, &decl, 1);
    assert_int_equal(scheduler_due(w->scheduler), MONDAY + 32 * HOUR);
    decl.hours = NULL;
    decl.content = 2;
    set_config(w, &decl, 1);
    assert_int_equal(scheduler_due(w->scheduler), w->now_us);
    scheduler_run_due(w->scheduler, w->now_us);
    end_run(w, 0, OUTCOME_GOOD);
    decl.hours = "UTC daily 20:00-21:00";
    decl.content = 3;
    set_config(w, &decl, 1); /* the slot of right now has run */
    assert_int_equal(scheduler_due(w->scheduler), w->now_us + 10 * S);
}

/* ---- self_check ------------------------------------------------------------------------ */

static void end_unreached(struct world *w, size_t i, enum reason reason)
{
    struct fake_run *run = w->runs.at[i];
    w->runs.at[i] = w->runs.at[--w->runs.len];
    char message[] = "connection refused by 10.9.8.7:80";
    struct observation obs = {.message = message};
    obs.result.outcome = OUTCOME_BAD;
    obs.result.reason = (uint8_t)reason;
    obs.result.total_us = 1234;
    run->done(run->ctx, &obs);
    memset(message, 'x', sizeof(message) - 1); /* gone with the call */
    free(run);
}

static void answer(struct world *w, bool up)
{
    assert_int_equal(w->waits, 1);
    struct selfcheck_wait *wait = w->last_wait;
    w->waits--;
    free(wait);
    w->told(w->told_arg, up, "no route");
}

static void test_without_self_check_failures_are_bad(void **state)
{
    struct world *w = *state;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 1, 1}}, 1);
    scheduler_run_due(w->scheduler, 0);
    end_unreached(w, 0, REASON_CONNECT);
    assert_int_equal(w->results.at[0].result.outcome, OUTCOME_BAD);
    assert_int_equal(w->results.at[0].result.reason, REASON_CONNECT);
}

static void test_a_failure_waits_for_the_self_check(void **state)
{
    struct world *w = *state;
    w->checks = true;
    w->per_host = 1;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 1, 1, "h:80"}}, 1);
    scheduler_run_due(w->scheduler, 0);
    w->now_us = 9 * S;
    end_unreached(w, 0, REASON_DNS);
    assert_int_equal(w->results.len, 0);
    assert_int_equal(scheduler_in_flight(w->scheduler), 1);
    assert_int_equal(scheduler_complete_through(w->scheduler, 9 * S), 0);

    /* It takes no place: the next slot runs. */
    w->now_us = 10 * S;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 1);

    w->now_us = 11 * S;
    answer(w, true);
    const struct seen *s = &w->results.at[0];
    assert_int_equal(s->result.outcome, OUTCOME_BAD);
    assert_int_equal(s->result.reason, REASON_DNS);
    assert_int_equal(s->result.slot_us, 0);
    assert_int_equal(s->result.done_us, 11 * S); /* when it became visible */
    assert_string_equal(s->message, "connection refused by 10.9.8.7:80");

    end_unreached(w, 0, REASON_CONNECT);
    w->now_us = 13 * S;
    answer(w, false);
    s = &w->results.at[1];
    assert_int_equal(s->result.outcome, OUTCOME_EXCLUDED);
    assert_int_equal(s->result.reason, REASON_PROBER);
    assert_int_equal(s->result.slot_us, 10 * S);
    assert_non_null(strstr(s->message, "self_check (no route): connection refused by 10.9.8.7:80"));
    assert_int_equal(scheduler_in_flight(w->scheduler), 0);
}

static void test_other_failures_do_not_wait(void **state)
{
    struct world *w = *state;
    w->checks = true;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 1, 1}}, 1);
    scheduler_run_due(w->scheduler, 0);
    end_unreached(w, 0, REASON_TLS);
    assert_int_equal(w->results.len, 1);
    w->now_us = 10 * S;
    scheduler_run_due(w->scheduler, w->now_us);
    end_run(w, 0, OUTCOME_GOOD);
    assert_int_equal(w->results.len, 2);
    assert_int_equal(w->waits, 0);
}

/* A probe that leaves, or the end, cancels the wait: teardown counts. */
static void test_a_wait_can_be_cancelled(void **state)
{
    struct world *w = *state;
    w->checks = true;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 1, 1}, {"b", 10 * S, 0, 1, 1}}, 2);
    scheduler_run_due(w->scheduler, 0);
    end_unreached(w, 1, REASON_CONNECT);
    end_unreached(w, 0, REASON_CONNECT);
    assert_int_equal(w->waits, 2);
    set_config(w, (struct decl[]){{"b", 10 * S, 0, 1, 1}}, 1);
    assert_int_equal(w->waits, 1);
    assert_int_equal(w->cancelled, 0);
}

static void test_reload_keeps_unchanged_probes(void **state)
{
    struct world *w = *state;
    struct decl before[] = {
        {"a", 10 * S, 0, 1, 1}, {"b", 10 * S, 1 * S, 1, 2}, {"d", 10 * S, 2 * S, 1, 3}};
    struct decl after[] = {
        {"b", 10 * S, 1 * S, 1, 2}, {"c", 10 * S, 5 * S, 1, 4}, {"d", 20 * S, 2 * S, 1, 5}};
    set_config(w, before, 3);
    assert_int_equal(w->adopted, 3);
    for (; w->now_us <= 2 * S; w->now_us += S)
        scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(w->runs.len, 3);
    uint32_t b_handle = scheduler_at(w->scheduler, 1)->handle;

    w->now_us = 3 * S;
    set_config(w, after, 3);
    assert_int_equal(w->cancelled, 1); /* a */
    assert_int_equal(w->adopted, 5);   /* c, and d anew */
    assert_int_equal(scheduler_count(w->scheduler), 3);
    assert_int_equal(scheduler_at(w->scheduler, 0)->handle, b_handle);
    assert_int_equal(scheduler_at(w->scheduler, 0)->next_us, 11 * S);
    assert_int_equal(scheduler_at(w->scheduler, 1)->next_us, 5 * S);
    assert_int_equal(scheduler_at(w->scheduler, 2)->next_us, 22 * S);
    /* A run that began before the reload ends on its old definition. */
    while (w->runs.len)
        end_run(w, 0, OUTCOME_GOOD);
    assert_int_equal(w->results.len, 2);
}

static void test_no_slot_runs_twice_for_a_new_interval(void **state)
{
    struct world *w = *state;
    w->now_us = 100 * S;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 1, 1}}, 1);
    scheduler_run_due(w->scheduler, w->now_us);
    end_run(w, 0, OUTCOME_GOOD);
    set_config(w, (struct decl[]){{"a", 5 * S, 0, 1, 2}}, 1);
    assert_int_equal(scheduler_due(w->scheduler), 105 * S);
    /* A slot that is due and has not run is not lost. */
    w->now_us = 105 * S;
    set_config(w, (struct decl[]){{"a", 15 * S, 0, 1, 3}}, 1);
    assert_int_equal(scheduler_due(w->scheduler), 105 * S);
}

/* It is stored as one of the definition that was in force then. */
static void test_what_was_due_runs_as_it_was(void **state)
{
    struct world *w = *state;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 1, 1}, {"b", 10 * S, 0, 1, 1}}, 2);
    const struct probe_def *before = scheduler_at(w->scheduler, 0)->def;
    scheduler_run_due(w->scheduler, 0);
    end_run(w, 0, OUTCOME_GOOD);
    end_run(w, 0, OUTCOME_GOOD);
    w->now_us = 10 * S + 1;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 1, 2}, {"b", 10 * S, 0, 1, 1}}, 2);
    assert_int_equal(w->runs.len, 1);
    assert_ptr_equal(w->runs.at[0]->def, before);
    assert_int_equal(scheduler_at(w->scheduler, 0)->next_us, 20 * S);
    assert_int_equal(scheduler_at(w->scheduler, 1)->next_us, 10 * S); /* the same as before */
    end_run(w, 0, OUTCOME_GOOD);
    assert_int_equal(w->results.at[2].result.slot_us, 10 * S);
}

static void test_stop_lets_runs_end(void **state)
{
    struct world *w = *state;
    set_config(w, (struct decl[]){{"a", 10 * S, 0, 1, 1}}, 1);
    scheduler_run_due(w->scheduler, 0);
    scheduler_stop(w->scheduler);
    assert_true(scheduler_due(w->scheduler) == INT64_MAX);
    w->now_us = 10 * S;
    scheduler_run_due(w->scheduler, w->now_us);
    assert_int_equal(scheduler_in_flight(w->scheduler), 1);
    end_run(w, 0, OUTCOME_GOOD);
    assert_int_equal(scheduler_in_flight(w->scheduler), 0);
}

static void test_many_probes_start_in_slot_order(void **state)
{
    struct world *w = *state;
    struct decl decls[500];
    char ids[500][8];
    for (int i = 0; i < 500; i++) {
        snprintf(ids[i], sizeof(ids[i]), "p%03d", i);
        decls[i] = (struct decl){ids[i], 10 * S, schedule_phase(ids[i], 10 * S), 1, 1};
    }
    set_config(w, decls, 500);
    int64_t last = 0;
    size_t started = 0;
    while (scheduler_due(w->scheduler) < 10 * S) {
        w->now_us = scheduler_due(w->scheduler);
        assert_true(w->now_us >= last);
        last = w->now_us;
        scheduler_run_due(w->scheduler, w->now_us);
        started += w->runs.len;
        while (w->runs.len)
            end_run(w, 0, OUTCOME_GOOD);
    }
    assert_int_equal(started, 500);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_slots_are_fixed_to_the_grid),
        T(test_some_of_what_is_due),
        T(test_hanging_target_does_not_delay_slots),
        T(test_a_slot_that_is_held_back),
        T(test_jump_leaves_a_gap_not_a_burst),
        T(test_slots_before_the_start_are_skipped),
        T(test_no_room_no_run),
        T(test_stall_is_the_probers_fault),
        T(test_a_host_takes_so_many),
        T(test_a_probe_moves_to_another_host),
        T(test_no_slots_outside_of_hours),
        T(test_the_last_slot_of_the_day),
        T(test_new_hours_come_into_force),
        T(test_without_self_check_failures_are_bad),
        T(test_a_failure_waits_for_the_self_check),
        T(test_other_failures_do_not_wait),
        T(test_a_wait_can_be_cancelled),
        T(test_reload_keeps_unchanged_probes),
        T(test_no_slot_runs_twice_for_a_new_interval),
        T(test_what_was_due_runs_as_it_was),
        T(test_stop_lets_runs_end),
        T(test_many_probes_start_in_slot_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
