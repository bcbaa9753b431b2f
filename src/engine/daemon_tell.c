/*
 * Alerts on their way to people, as far as the daemon puts the parts together:
 *
 *     hook_transition -> store                        what happened
 *                     -> telling -> notify            to whom it is told: rows, messages
 *     rows -> store -> committed -> notify            and only then it leaves
 */
#include "engine/daemon_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/units.h"
#include "engine/telling.h"

/* ---- between threads ------------------------------------------------------------- */

static void on_rows(void *ctx, const struct dispatch_row *rows, size_t n)
{
    struct daemon *d = ctx;
    pthread_mutex_lock(&d->gate);
    if (d->store_open)
        store_push_dispatch(d->store, rows, n);
    pthread_mutex_unlock(&d->gate);
}

static void on_delivered(void *ctx, int64_t outbox_id, enum outbox_state state, const char *detail,
                         int64_t retry_at_us)
{
    struct daemon *d = ctx;
    pthread_mutex_lock(&d->gate);
    if (d->store_open)
        store_push_delivery(d->store, outbox_id, state, detail, retry_at_us);
    pthread_mutex_unlock(&d->gate);
}

static void on_more(void *ctx, const char *receiver, const char *integration, int64_t from_id)
{
    struct daemon *d = ctx;
    pthread_mutex_lock(&d->gate);
    if (d->store_open)
        store_push_outbox_more(d->store, receiver, integration, from_id);
    pthread_mutex_unlock(&d->gate);
}

static int64_t published_now(void *ctx)
{
    struct daemon *d = ctx;
    return atomic_load_explicit(&d->published_us, memory_order_relaxed);
}

struct notify_options daemon_notify_options(struct daemon *d)
{
    return (struct notify_options){.config = d->o.config,
                                   .told_time = d->test.path != NULL,
                                   .rows = on_rows,
                                   .delivered = on_delivered,
                                   .more = on_more,
                                   .now_us = published_now,
                                   .ctx = d};
}

/* ---- the start --------------------------------------------------------------------- */

static void on_idle(void *ctx)
{
    struct daemon *d = ctx;
    if (d->test.path && !d->ended)
        daemon_kick(d);
}

static void on_expect(void *ctx, struct telling *t)
{
    struct daemon *d = ctx;
    for (size_t i = 0; i < evaluator_count(d->evaluator); i++) {
        const struct slo_view *view = evaluator_view(d->evaluator, i);
        if (view->def->alerting)
            telling_expect_slo(t, view);
    }
    for (size_t i = 0; i < conditions_count(d->conditions); i++) {
        struct condition_view seen;
        bool known = conditions_view(d->conditions, d->evaluator, i, &seen);
        telling_expect_condition(t, conditions_at(d->conditions, i), known ? &seen : NULL);
    }
}

int daemon_open_telling(struct daemon *d, struct err *reterr)
{
    struct store_reader *r;
    struct telling_options o = {.loop = &d->loop,
                                .database = d->database,
                                .store = d->store,
                                .notify = d->notify,
                                .patient = d->test.path != NULL,
                                .idle = on_idle,
                                .expect = on_expect,
                                .ctx = d};
    d->telling = telling_new(&o);
    telling_set_config(d->telling, d->o.config);
    if (daemon_tell_silences(d, reterr) < 0 || store_reader_open(d->database, &r, reterr) < 0)
        return -1;
    int rc = store_reader_dispatch(r, &d->past_arena, &d->past, reterr);
    store_reader_free(r);
    if (rc == 0)
        telling_restore(d->telling, &d->past);
    return rc;
}

void daemon_start_telling(struct daemon *d)
{
    notify_restore(d->notify, &d->past);
    arena_release(&d->past_arena);
}

/* While it is not known where an alert is, none is taken to be over. */
static bool settled(const struct daemon *d)
{
    for (size_t i = 0; i < evaluator_count(d->evaluator); i++) {
        const struct slo_view *view = evaluator_view(d->evaluator, i);
        if (view->def->alerting && !view->settled)
            return false;
    }
    for (size_t i = 0; i < conditions_count(d->conditions); i++)
        if (!conditions_at(d->conditions, i)->settled)
            return false;
    return true;
}

void daemon_reconcile(struct daemon *d)
{
    int64_t now = daemon_now(d);
    if (settled(d))
        telling_reconcile(d->telling, now - now % EVALUATE_EVERY_US);
}

void daemon_tell_late(struct daemon *d)
{
    if (telling_late(d->telling))
        daemon_reconcile(d);
}

/* ---- the end ------------------------------------------------------------------------ */

void daemon_close_telling(struct daemon *d)
{
    arena_release(&d->past_arena);
    if (!d->telling)
        return;
    if (d->stops > 1 || !d->store_open)
        telling_hurry(d->telling);
    while (!telling_idle(d->telling))
        uv_run(&d->loop, UV_RUN_ONCE);
    telling_close(d->telling);
    d->telling = NULL;
}

/* ---- transitions ------------------------------------------------------------------ */

static void record(struct daemon *d, const struct alert_transition *t)
{
    char lng[32], shrt[32];
    snprintf(lng, sizeof(lng), "%.2f", t->long_burn);
    snprintf(shrt, sizeof(shrt), "%.2f", t->short_burn);
    log_warn("alert", "event", alert_event_name(t->kind), "condition",
             t->condition ? t->condition : "", "slo", t->slo, "objective", t->objective_name,
             "severity", severity_name(t->severity), "long_burn#", lng, "short_burn#", shrt, NULL);
    store_push_transition(d->store, t);
}

static void hook_transition(void *ctx, const struct slo_view *view,
                            const struct alert_transition *t)
{
    struct daemon *d = ctx;
    record(d, t);
    if (t->notify)
        telling_slo(d->telling, view, t);
}

void daemon_tell_condition(struct daemon *d, const struct condition *c,
                           const struct condition_subject *who, const struct condition_view *view,
                           const struct alert_transition *t)
{
    record(d, t);
    if (t->notify)
        telling_condition(d->telling, c, who, view, t);
}

/* People are told of its end when what is on is reconciled, which follows. */
void daemon_alert_gone(void *daemon, const struct alert_transition *t)
{
    record(daemon, t);
}

struct evaluator_hooks daemon_evaluator_hooks(struct daemon *d)
{
    return (struct evaluator_hooks){
        .transition = hook_transition, .ctx = d, .ticked = daemon_tick_conditions};
}

/* ---- a store that fails -------------------------------------------------------------- */

/* Messages go out from memory then: that it fails is an alert itself, prober_down. */
void daemon_check_storage(struct daemon *d, int64_t now_us)
{
    int64_t failing_us = atomic_load(&d->store_failing_since_us);
    if (failing_us && now_us - failing_us >= NOTIFY_PATIENCE_US)
        notify_send_uncommitted(d->notify);
}
