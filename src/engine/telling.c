#include "engine/telling_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/facts.h"
#include "notify/notify.h"

#include <assert.h>

#define NSEC_PER_MS (NSEC_PER_USEC * USEC_PER_MSEC)
#define FLUSH_US (500 * USEC_PER_MSEC)
#define FLUSH_PATIENT_US (10 * USEC_PER_SEC)
#define BARE_MAX 50 /* texts made in one turn of the loop: a few milliseconds */

struct severity_labels telling_names(const struct config *cfg)
{
    return cfg->daemon.severity_labels;
}

/* ---- one alert --------------------------------------------------------------------- */

struct tell *telling_new_tell(struct telling *t, const struct alert_transition *tr)
{
    struct tell *w = mem_alloc(sizeof(*w));
    w->telling = t;
    w->config = config_ref(t->config);
    w->t = *tr;
    w->t.condition = arena_strdup(&w->arena, tr->condition);
    w->t.slo = arena_strdup(&w->arena, tr->slo);
    w->t.objective_name = arena_strdup(&w->arena, tr->objective_name);
    w->t.service = arena_strdup(&w->arena, tr->service);
    w->made_ns = clock_mono_ns();
    w->due_ns = w->made_ns + TELLING_WAIT_US * NSEC_PER_USEC;
    return w;
}

static void tell_free(struct tell *w)
{
    arena_release(&w->arena);
    arena_release(&w->found.arena);
    config_unref(w->config);
    free(w);
}

static size_t make_text(const struct tell *w, const struct alert_transition *t,
                        struct alert_facts *facts, struct arena *arena,
                        struct message_alert ret[static ALERT_TEXT_MAX])
{
    struct severity_labels names = telling_names(w->config);
    const char *url = w->config->daemon.external_url;
    if (url && url[0]) {
        facts->generator_url = arena_printf(arena, "%s/health", url);
        facts->dashboard_url = arena_printf(arena, "%s/", url);
    }
    if (w->view.def)
        return alert_text(&w->view, t, facts, &names, arena, ret);
    return condition_text(&w->condition, &w->who, &w->seen, t, facts, &names, arena, ret);
}

void telling_put(struct telling *t, const struct message_alert *alerts, size_t n, int64_t at_us)
{
    notify_put(t->o.notify, alerts, n, at_us);
    for (size_t i = 0; i < n; i++)
        telling_note(t, &alerts[i]);
}

/* ---- looking up: on a worker ------------------------------------------------------- */

struct earlier {
    const struct tell *w;
    struct tell_found *found;
};

/* The last one that people were told of. */
static bool take_earlier(void *ctx, const struct alert_transition *t)
{
    struct earlier *e = ctx;
    bool tells = t->kind == ALERT_EVENT_FIRE || t->kind == ALERT_EVENT_ESCALATE ||
                 t->kind == ALERT_EVENT_DEESCALATE;
    if (!tells || !t->notify || (t->condition && t->condition[0]) ||
        !str_eq(t->objective_name, e->w->t.objective_name))
        return true;
    struct alert_transition *into = &e->found->t;
    into->tier = t->tier;
    into->long_counts = t->long_counts;
    into->short_counts = t->short_counts;
    into->long_expected = t->long_expected;
    into->short_expected = t->short_expected;
    into->long_burn = t->long_burn;
    into->short_burn = t->short_burn;
    return true;
}

/* So that the failures which made the alert are there to be read. Of many alerts of one
 * moment the first one's will do: each is a commit. */
static void flush(struct telling *t, int64_t made_ns)
{
    struct store_stats stats;
    int64_t begun_ns = clock_mono_ns();
    store_get_stats(t->o.store, &stats);
    if (t->flushed_ns > made_ns || stats.failing_since_us)
        return;
    if (store_flush(t->o.store, t->o.patient ? FLUSH_PATIENT_US : FLUSH_US, NULL) == 0)
        t->flushed_ns = begun_ns;
}

static void look_up(struct tell *w)
{
    const struct telling_options *o = &w->telling->o;
    struct store_reader *r;
    flush(w->telling, w->made_ns);
    if (store_reader_open(o->database, &r, NULL) < 0)
        return;
    if (w->again && w->view.def) {
        struct earlier e = {w, &w->found};
        store_reader_transitions(r, w->t.slo, w->t.since_us, w->t.at_us + 1, take_earlier, &e,
                                 NULL);
    }
    struct facts_wanted want = {.config = w->config,
                                .slo = w->view.def ? w->view.def : w->who.slo,
                                .probe = w->view.def ? NULL : w->who.probe,
                                .alert = &w->found.t,
                                .use = w->view.use,
                                .deadline_ns = o->patient ? INT64_MAX : w->due_ns};
    facts_read(r, &want, &w->found.arena, &w->found.facts);
    store_reader_free(r);
}

static void do_work(uv_work_t *work)
{
    struct tell *w = ((struct telling *)work->data)->working;
    struct tell_found *f = &w->found;
    look_up(w);
    f->n = make_text(w, &f->t, &f->facts, &f->arena, f->alerts);
}

/* ---- the queue --------------------------------------------------------------------- */

static void pump(struct telling *t);

static void take_off(struct telling *t)
{
    struct tell *w = t->head;
    t->head = w->next;
    if (!t->head)
        t->tail = &t->head;
    w->told = true;
}

/* The worker that looks something up for it does so for nothing. */
static void tell_bare(struct telling *t)
{
    struct message_alert alerts[ALERT_TEXT_MAX];
    struct alert_facts none = {0};
    struct arena arena = {0};
    struct tell *w = t->head;
    take_off(t);
    telling_put(t, alerts, make_text(w, &w->t, &none, &arena, alerts), w->t.at_us);
    arena_release(&arena);
    if (w != t->working)
        tell_free(w);
}

static void work_done(uv_work_t *work, int status)
{
    struct telling *t = work->data;
    struct tell *w = t->working;
    (void)status; /* never cancelled */
    t->working = NULL;
    if (!w->told) {
        assert(w == t->head);
        take_off(t);
        telling_put(t, w->found.alerts, w->found.n, w->t.at_us);
    }
    tell_free(w);
    pump(t);
}

static bool is_due(const struct tell *w)
{
    return w && w->due_ns <= clock_mono_ns();
}

static void on_timer(uv_timer_t *timer)
{
    struct telling *t = timer->data;
    for (size_t i = 0; i < BARE_MAX && is_due(t->head); i++)
        tell_bare(t);
    pump(t);
}

static void arm(struct telling *t)
{
    if (t->o.patient || !t->head) {
        uv_timer_stop(&t->timer);
        return;
    }
    int64_t wait_ns = t->head->due_ns - clock_mono_ns();
    uv_update_time(t->o.loop);
    uv_timer_start(&t->timer, on_timer, wait_ns > 0 ? (uint64_t)(wait_ns / NSEC_PER_MS) + 1 : 0, 0);
}

static void pump(struct telling *t)
{
    if (!t->head && !t->working && t->reconcile) {
        t->reconcile = false;
        telling_hold(t);
    }
    if (t->head && !t->working && (t->o.patient || !is_due(t->head))) {
        t->working = t->head;
        t->working->found.t = t->working->t;
        uv_queue_work(t->o.loop, &t->work, do_work, work_done);
    }
    arm(t);
    if (telling_idle(t) && t->was_busy) {
        t->was_busy = false;
        if (t->o.idle)
            t->o.idle(t->o.ctx);
    }
}

void telling_push(struct telling *t, struct tell *w)
{
    t->was_busy = true;
    *t->tail = w;
    t->tail = &w->next;
}

/* ---- from outside ------------------------------------------------------------------ */

struct telling *telling_new(const struct telling_options *o)
{
    struct telling *t = mem_alloc(sizeof(*t));
    t->o = *o;
    t->tail = &t->head;
    t->work.data = t->timer.data = t;
    uv_timer_init(o->loop, &t->timer);
    return t;
}

static void on_closed(uv_handle_t *h)
{
    struct telling *t = h->data;
    telling_forget(t);
    config_unref(t->config);
    free(t);
}

void telling_close(struct telling *t)
{
    if (!t)
        return;
    assert(!t->head && !t->working);
    uv_close((uv_handle_t *)&t->timer, on_closed);
}

void telling_set_config(struct telling *t, struct config *cfg)
{
    struct config *previous = t->config;
    t->config = config_ref(cfg);
    config_unref(previous);
}

void telling_slo(struct telling *t, const struct slo_view *view, const struct alert_transition *tr)
{
    struct tell *w = telling_new_tell(t, tr);
    w->view = *view;
    telling_push(t, w);
    pump(t);
}

void telling_condition(struct telling *t, const struct condition *c,
                       const struct condition_subject *who, const struct condition_view *view,
                       const struct alert_transition *tr)
{
    struct tell *w = telling_new_tell(t, tr);
    w->condition = *c;
    w->who = *who;
    w->seen = *view;
    telling_push(t, w);
    pump(t);
}

void telling_reconcile(struct telling *t, int64_t now_us)
{
    t->reconcile = t->was_busy = true;
    t->reconcile_us = now_us;
    pump(t);
}

bool telling_idle(const struct telling *t)
{
    return !t->head && !t->working && !t->reconcile;
}

void telling_hurry(struct telling *t)
{
    t->reconcile = false;
    while (t->head)
        tell_bare(t);
}
