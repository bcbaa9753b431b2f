#include "engine/scheduler.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/due.h"
#include "engine/peers.h"
#include "slo/hours.h"

#include <assert.h>

#define LAST_MESSAGE_MAX 160

/* What a probe remembers: runs of an earlier definition may still look at its
 * own when the next one is in force. */
struct remembered {
    int refs;
    const struct probe_kind *kind;
    struct probe_memory *memory;
};

/* A result that waits for the self-check: what the store needs of it. */
struct held {
    struct observation obs;
    struct selfcheck_wait *wait;
    char *message;
};

/* One slot being measured. Holds a reference on the snapshot its definition
 * lives in, so a reload cannot pull it away. */
struct run {
    struct run *prev, *next;
    struct scheduler *scheduler;
    struct scheduled *probe;
    struct config *config;
    const struct probe_kind *kind;
    void *kind_run;    /* NULL: measured */
    struct held *held; /* measured; or NULL */
    struct peer *peer;
    struct remembered *memory;
    int64_t slot_us, start_us, start_ns;
};

struct scheduler {
    struct probe_env *env;
    struct scheduler_hooks hooks;
    struct config *config;
    VEC(struct scheduled *) probes; /* sorted by id */
    struct due due;
    struct run *runs; /* newest first */
    struct peers peers;
    size_t in_flight;
    uint32_t next_handle;
    bool stopped;
};

/* ---- memory ---------------------------------------------------------------- */

static struct remembered *memory_new(const struct probe_def *def)
{
    if (!def->kind->memory_new)
        return NULL;
    struct remembered *m = mem_alloc(sizeof(*m));
    m->refs = 1;
    m->kind = def->kind;
    m->memory = def->kind->memory_new(def);
    return m;
}

static struct remembered *memory_ref(struct remembered *m)
{
    if (m)
        m->refs++;
    return m;
}

static void memory_unref(struct remembered *m)
{
    if (!m || --m->refs)
        return;
    m->kind->memory_free(m->memory);
    free(m);
}

/* ---- runs ------------------------------------------------------------------ */

static void run_unlink(struct run *run)
{
    struct scheduler *s = run->scheduler;
    if (run->prev)
        run->prev->next = run->next;
    else
        s->runs = run->next;
    if (run->next)
        run->next->prev = run->prev;
    s->in_flight--;
}

/* It takes no place any more. */
static void run_measured(struct run *run)
{
    run->kind_run = NULL;
    run->probe->in_flight--;
    if (run->peer)
        run->peer->in_flight--;
}

static void run_free(struct run *run)
{
    if (run->held) {
        free(run->held->message);
        free(run->held);
    }
    peers_put(&run->scheduler->peers, run->peer);
    memory_unref(run->memory);
    config_unref(run->config);
    free(run);
}

static void forget_held(struct scheduled *p)
{
    mem_free(&p->held_message);
    p->held_reason = REASON_NONE;
}

static void note_result(struct scheduled *p, const struct observation *obs)
{
    probe_counters_add(&p->counters, &obs->result);
    if (obs->result.outcome == OUTCOME_SKIPPED)
        return;
    p->last = obs->result;
    p->has_last = true;
    p->cert_not_after_us = obs->cert_not_after_us;
    bool scraped = obs->result.flags & RESULT_SCRAPED;
    components_take(&p->components, obs->samples, scraped ? obs->sample_count : 0);
    if (scraped)
        probe_counters_add_scrape(&p->counters, obs->sample_count);
    free(p->last_message);
    p->last_message =
        obs->result.outcome == OUTCOME_GOOD ? NULL : mem_strndup(obs->message, LAST_MESSAGE_MAX);
}

static void end_run(struct run *run, struct observation *obs, int64_t end_us)
{
    struct scheduler *s = run->scheduler;
    struct scheduled *p = run->probe;
    obs->result.slot_us = run->slot_us;
    obs->result.lag_us = (int32_t)(run->start_us - run->slot_us);
    obs->result.done_us =
        s->hooks.done_us ? s->hooks.done_us(s->hooks.ctx, end_us) : s->hooks.now_us(s->hooks.ctx);
    run_unlink(run);
    note_result(p, obs);
    s->hooks.result(s->hooks.ctx, p, obs);
    run_free(run);
}

static bool not_reached(const struct result *r)
{
    return r->outcome == OUTCOME_BAD && (r->reason == REASON_DNS || r->reason == REASON_CONNECT);
}

static void on_checked(void *ctx, bool up, const char *detail)
{
    struct run *run = ctx;
    struct scheduler *s = run->scheduler;
    struct observation obs = run->held->obs;
    mem_auto char *message = NULL;
    if (!up) {
        message =
            mem_printf("the prober reaches no target of self_check (%s): %s", detail, obs.message);
        obs.message = message;
        obs.result.outcome = OUTCOME_EXCLUDED;
        obs.result.reason = REASON_PROBER;
    }
    end_run(run, &obs, s->hooks.now_us(s->hooks.ctx));
}

/* An observation is gone when its `done` returns; of one without a response
 * there is little to keep. */
static bool hold(struct run *run, const struct observation *obs)
{
    struct scheduler *s = run->scheduler;
    struct selfcheck_wait *wait = s->hooks.ask ? s->hooks.ask(s->hooks.ctx, on_checked, run) : NULL;
    if (!wait)
        return false;
    struct held *h = mem_alloc(sizeof(*h));
    h->wait = wait;
    h->message = mem_strdup(obs->message);
    h->obs = (struct observation){
        .result = obs->result, .message = h->message, .cert_not_after_us = obs->cert_not_after_us};
    h->obs.result.flags &= ~RESULT_SCRAPED;
    run->held = h;
    return true;
}

static void on_done(void *ctx, const struct observation *seen)
{
    struct run *run = ctx;
    struct scheduler *s = run->scheduler;
    struct observation obs = *seen;
    run_measured(run);
    if (s->hooks.stalled && s->hooks.stalled(s->hooks.ctx, run->start_ns)) {
        obs.result.outcome = OUTCOME_SKIPPED;
        obs.result.reason = REASON_PROBER;
        obs.result.flags &= ~RESULT_SCRAPED;
        obs.message = "the prober itself stalled while it measured";
    }
    if (!not_reached(&obs.result) || !hold(run, &obs))
        end_run(run, &obs, run->start_us + seen->result.total_us);
}

static void start_run(struct scheduler *s, struct scheduled *p, int64_t slot_us, int64_t now_us)
{
    struct run *run = mem_alloc(sizeof(*run));
    run->scheduler = s;
    run->probe = p;
    run->config = config_ref(s->config);
    run->kind = p->def->kind;
    run->memory = memory_ref(p->memory);
    run->slot_us = slot_us;
    run->start_us = now_us;
    forget_held(p);
    run->start_ns = clock_mono_ns();
    run->next = s->runs;
    if (s->runs)
        s->runs->prev = run;
    s->runs = run;
    s->in_flight++;
    p->in_flight++;
    run->peer = peer_ref(p->peer);
    if (run->peer)
        run->peer->in_flight++;
    run->kind_run =
        run->kind->start(s->env, p->def, run->memory ? run->memory->memory : NULL, on_done, run);
}

static void skip_slot(struct scheduler *s, struct scheduled *p, int64_t slot_us, int64_t now_us,
                      const char *why)
{
    struct observation obs = {.message = why};
    obs.result.slot_us = slot_us;
    obs.result.done_us = now_us;
    obs.result.outcome = OUTCOME_SKIPPED;
    obs.result.reason = REASON_PROBER;
    note_result(p, &obs);
    s->hooks.result(s->hooks.ctx, p, &obs);
}

/* Its kind has a reason not to run it: a result that takes nobody's place. */
static bool held_back(struct scheduler *s, struct scheduled *p, int64_t slot_us, int64_t now_us)
{
    struct held_slot held;
    const struct probe_kind *kind = p->def->kind;
    if (!kind->held ||
        !kind->held(s->env, p->def, p->memory ? p->memory->memory : NULL, now_us, &held))
        return false;
    assert(held.outcome != OUTCOME_GOOD);
    struct observation obs = {.message = held.message};
    obs.result.slot_us = slot_us;
    obs.result.lag_us = (int32_t)(now_us - slot_us);
    obs.result.done_us = s->hooks.done_us ? s->hooks.done_us(s->hooks.ctx, now_us) : now_us;
    obs.result.outcome = (uint8_t)held.outcome;
    obs.result.reason = (uint8_t)held.reason;
    forget_held(p);
    p->held_message = mem_strndup(held.message, LAST_MESSAGE_MAX);
    p->held_reason = held.reason;
    probe_counters_add_held(&p->counters, &obs.result);
    s->hooks.result(s->hooks.ctx, p, &obs);
    return true;
}

/* The first slot of a definition at or after an instant. */
static int64_t next_slot(const struct probe_def *def, int64_t t_us)
{
    return hours_next(def->hours, def->phase_us, def->interval_us, t_us);
}

static int64_t slots_in(const struct probe_def *def, int64_t from_us, int64_t to_us)
{
    return hours_count(def->hours, def->phase_us, def->interval_us, from_us, to_us);
}

/* The newest slot that is due, if it is not too late for it; else any older. */
static int64_t newest_slot(const struct scheduled *p, int64_t now_us)
{
    int64_t interval = p->def->interval_us;
    int64_t slot = p->next_us + (now_us - p->next_us) / interval * interval;
    while (slot > p->next_us && now_us - slot <= SCHEDULER_LAG_MAX_US &&
           !slots_in(p->def, slot, slot + 1))
        slot -= interval;
    return slot;
}

/* Too many runs of all probes against the same host and port. */
static bool skip_for_peer(struct scheduler *s, struct scheduled *p, int64_t slot_us, int64_t now_us)
{
    char why[256];
    int64_t most = s->config->daemon.per_host;
    if (!most || !p->peer || p->peer->in_flight < most)
        return false;
    snprintf(why, sizeof(why), "%lld runs against %.100s are in flight (limits.per_host)",
             (long long)most, p->peer->name);
    skip_slot(s, p, slot_us, now_us, why);
    return true;
}

/* Runs the newest slot that is due; older ones have passed for good. */
static void run_probe(struct scheduler *s, struct scheduled *p, int64_t now_us)
{
    int64_t slot = newest_slot(p, now_us);
    p->missed += slots_in(p->def, p->next_us, now_us + 1) - 1;
    p->passed_us = slot;
    p->next_us = next_slot(p->def, now_us + 1);
    due_moved(&s->due, p);
    if (now_us - slot > SCHEDULER_LAG_MAX_US || !s->hooks.reserve(s->hooks.ctx))
        p->missed++;
    else if (held_back(s, p, slot, now_us))
        return;
    else if (p->in_flight >= p->def->max_in_flight)
        skip_slot(s, p, slot, now_us, "as many runs as allowed are still in flight");
    else if (!skip_for_peer(s, p, slot, now_us))
        start_run(s, p, slot, now_us);
}

void scheduler_run_some(struct scheduler *s, int64_t now_us, size_t n)
{
    for (; n && !s->stopped && due_us(&s->due) <= now_us; n--)
        run_probe(s, due_first(&s->due), now_us);
}

void scheduler_run_due(struct scheduler *s, int64_t now_us)
{
    scheduler_run_some(s, now_us, SIZE_MAX);
}

int64_t scheduler_due(const struct scheduler *s)
{
    return s->stopped ? INT64_MAX : due_us(&s->due);
}

int64_t scheduler_complete_through(const struct scheduler *s, int64_t now_us)
{
    int64_t through = due_us(&s->due) < now_us ? due_us(&s->due) : now_us;
    for (const struct run *r = s->runs; r; r = r->next)
        if (r->slot_us < through)
            through = r->slot_us;
    return through;
}

/* ---- snapshots ------------------------------------------------------------- */

/* The runs of the probes that leave, in one pass over all runs. */
static void cancel_runs(struct scheduler *s)
{
    for (struct run *r = s->runs, *next; r; r = next) {
        next = r->next;
        if (!r->probe->leaves)
            continue;
        if (r->held) {
            s->hooks.unask(r->held->wait);
        } else {
            r->kind->cancel(r->kind_run);
            run_measured(r);
        }
        s->hooks.unreserve(s->hooks.ctx);
        run_unlink(r);
        run_free(r);
    }
}

static struct scheduled *adopt_new(struct scheduler *s, const struct probe_def *def, int64_t now_us)
{
    struct scheduled *p = mem_alloc(sizeof(*p));
    p->handle = s->next_handle++;
    probe_counters_init(&p->counters);
    p->def = def;
    p->memory = memory_new(def);
    p->peer = peers_get(&s->peers, def->peer);
    p->passed_us = INT64_MIN;
    p->next_us = next_slot(def, now_us);
    due_add(&s->due, p);
    if (s->hooks.adopt)
        s->hooks.adopt(s->hooks.ctx, p, now_us);
    return p;
}

static void adopt_known(struct scheduler *s, struct scheduled *p, const struct probe_def *def,
                        int64_t now_us)
{
    bool same = p->def->content == def->content;
    bool same_slots = p->def->phase_us == def->phase_us &&
                      p->def->interval_us == def->interval_us &&
                      hours_same(p->def->hours, def->hours);
    /* What was due before belongs to the definition that goes: results of slots
     * before now_us are taken for runs of it. */
    if (!same && p->next_us < now_us && !s->stopped)
        run_probe(s, p, now_us);
    if (!same_slots) {
        /* Both schedules may have a slot right now: it has been run. */
        p->next_us = next_slot(def, p->passed_us < now_us ? now_us : p->passed_us + 1);
        due_moved(&s->due, p);
    }
    p->def = def;
    struct peer *previous = p->peer;
    p->peer = peers_get(&s->peers, def->peer);
    peers_put(&s->peers, previous);
    if (!same) {
        memory_unref(p->memory);
        p->memory = memory_new(def);
    }
    if (!same && s->hooks.adopt)
        s->hooks.adopt(s->hooks.ctx, p, now_us);
}

static void scheduled_free(struct scheduler *s, struct scheduled *p)
{
    peers_put(&s->peers, p->peer);
    probe_counters_release(&p->counters);
    components_release(&p->components);
    components_recorded_release(&p->recorded);
    memory_unref(p->memory);
    forget_held(p);
    free(p->last_message);
    free(p);
}

static void remove_probes(struct scheduler *s, struct scheduled **at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        due_remove(&s->due, at[i]);
        at[i]->leaves = true;
    }
    cancel_runs(s);
    for (size_t i = 0; i < n; i++)
        scheduled_free(s, at[i]);
}

void scheduler_set_config(struct scheduler *s, struct config *cfg, int64_t now_us)
{
    VEC(struct scheduled *) kept = {0}, left = {0};
    size_t old = 0;
    /* Both lists are sorted by id: one merge pass. */
    for (size_t i = 0; i < cfg->probe_count; i++) {
        const struct probe_def *def = cfg->probes[i];
        while (old < s->probes.len && strcmp(s->probes.at[old]->def->id, def->id) < 0)
            vec_push(&left, s->probes.at[old++]);
        if (old < s->probes.len && str_eq(s->probes.at[old]->def->id, def->id)) {
            adopt_known(s, s->probes.at[old], def, now_us);
            vec_push(&kept, s->probes.at[old]);
            old++;
        } else {
            vec_push(&kept, adopt_new(s, def, now_us));
        }
    }
    while (old < s->probes.len)
        vec_push(&left, s->probes.at[old++]);
    remove_probes(s, left.at, left.len);
    vec_release(&left);
    vec_release(&s->probes);
    s->probes.at = kept.at;
    s->probes.len = kept.len;
    s->probes.cap = kept.cap;
    struct config *previous = s->config;
    s->config = config_ref(cfg);
    config_unref(previous);
}

void scheduler_skip(struct scheduler *s, int64_t now_us)
{
    due_clear(&s->due);
    for (size_t i = 0; i < s->probes.len; i++) {
        struct scheduled *p = s->probes.at[i];
        if (p->next_us < now_us)
            p->next_us = next_slot(p->def, now_us);
        due_add(&s->due, p);
    }
}

/* ---- life -------------------------------------------------------------------- */

struct scheduler *scheduler_new(struct probe_env *env, const struct scheduler_hooks *hooks)
{
    struct scheduler *s = mem_alloc(sizeof(*s));
    s->env = env;
    s->hooks = *hooks;
    return s;
}

size_t scheduler_in_flight(const struct scheduler *s)
{
    return s->in_flight;
}

size_t scheduler_count(const struct scheduler *s)
{
    return s->probes.len;
}

const struct scheduled *scheduler_at(const struct scheduler *s, size_t i)
{
    return s->probes.at[i];
}

void scheduler_stop(struct scheduler *s)
{
    s->stopped = true;
}

void scheduler_free(struct scheduler *s)
{
    if (!s)
        return;
    if (s->probes.len)
        remove_probes(s, s->probes.at, s->probes.len);
    vec_release(&s->probes);
    due_release(&s->due);
    peers_release(&s->peers);
    config_unref(s->config);
    free(s);
}
