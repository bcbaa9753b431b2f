/*
 * Snapshots come into force here. Files and the database are read on the
 * worker pool, one job at a time; what they bring is merged on the loop.
 */
#include "engine/daemon_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"
#include "engine/attach.h"
#include "engine/gone.h"
#include "engine/retention.h"
#include "engine/spending.h"
#include "engine/telling.h"

#include <inttypes.h>

#define ATTACH_AGAIN_US (10 * USEC_PER_SEC)

static void start_job(struct daemon *d, enum daemon_job job);

/* Order matters: the evaluator must watch a probe before its schedule is
 * recorded, and the store must know a probe before its SLIs. */
static void adopt(struct daemon *d, struct config *cfg, struct excluding *excluding)
{
    int64_t now = daemon_now(d);
    struct store_retention keep = retention_plan(cfg);
    store_set_retention(d->store, &keep);
    selfcheck_set(d->selfcheck, &cfg->daemon.self_check);
    evaluator_set_config(d->evaluator, cfg, excluding, now);
    conditions_set_config(d->conditions, cfg);
    scheduler_set_config(d->scheduler, cfg, now);
    spending_set_config(d->env.spend, cfg);
    telling_set_config(d->telling, cfg);
    for (size_t i = 0; i < cfg->slo_count; i++) {
        if (cfg->slos[i]->member_count == 0)
            store_push_sli(d->store, &cfg->slos[i]->sli);
        store_push_slo(d->store, cfg->slos[i], now);
    }
    notify_set_config(d->notify, cfg);
    struct config *previous = d->config;
    d->config = config_ref(cfg);
    daemon_adopt_excluding(d, excluding);
    config_unref(previous);
}

/* Whoever asked before this load began has its answer. */
static void answer_reload(struct daemon *d, bool ok)
{
    pthread_mutex_lock(&d->reload_mutex);
    d->reload_ok = ok;
    d->loads_ended++;
    pthread_cond_broadcast(&d->reload_done);
    pthread_mutex_unlock(&d->reload_mutex);
}

static void log_attached(const struct attach *a)
{
    struct attach_totals t = attach_totals(a);
    const int64_t numbers[] = {
        (int64_t)t.slis,          t.events, t.hours, t.minutes, t.tens, (int64_t)t.alerts,
        t.took_us / USEC_PER_MSEC};
    char text[countof(numbers)][UNITS_MAX];
    if (t.slis == 0)
        return;
    for (size_t i = 0; i < countof(numbers); i++)
        snprintf(text[i], sizeof(text[i]), "%" PRId64, numbers[i]);
    log_info("history read", "slis#", text[0], "events#", text[1], "hours#", text[2], "minutes#",
             text[3], "tens_of_seconds#", text[4], "alerts_going_on#", text[5], "ms#", text[6],
             NULL);
}

static void merge_attached(struct daemon *d)
{
    if (d->job_rc == 0) {
        attach_merge(d->attach, d->evaluator);
        attach_conditions(d->attach, d->conditions);
        attach_versions(d->attach, d->versions);
        gone_end(attach_gone(d->attach), daemon_now(d), daemon_alert_gone, d);
        daemon_reconcile(d);
        log_attached(d->attach);
    } else {
        log_error("history could not be read; new SLOs do not alert until it can", "error",
                  d->job_err.msg, NULL);
        d->attach_again_us = daemon_now(d) + ATTACH_AGAIN_US;
    }
    attach_free(d->attach);
    d->attach = NULL;
    /* More came meanwhile than could be held for an SLI. */
    struct pending_sli pending;
    struct pending_composite composite;
    if (!d->attach_again_us && (evaluator_pending(d->evaluator, &pending, 1) ||
                                evaluator_pending_composites(d->evaluator, &composite, 1)))
        d->attach_again_us = daemon_now(d);
}

/* ---- jobs ---------------------------------------------------------------------- */

/* A snapshot, and what is stored of its exclusions. */
static int load(struct daemon *d)
{
    if (config_load(d->o.sources, d->o.tables, &d->loaded, &d->load_diag) < 0)
        return -1;
    if (daemon_read_excluding(d, d->loaded, &d->read_excluding, &d->job_err) == 0)
        return 0;
    diag_error(&d->load_diag, (struct pos){0}, "exclusions cannot be read: %s", d->job_err.msg);
    config_unref(d->loaded);
    d->loaded = NULL;
    return -1;
}

static void do_work(uv_work_t *w)
{
    struct daemon *d = w->data;
    switch (d->job) {
    case JOB_LOAD:
        d->job_rc = load(d);
        break;
    case JOB_EXCLUDING:
        d->job_rc = daemon_flush(d, false, &d->job_err);
        if (d->job_rc == 0)
            d->job_rc = daemon_tell_late_silences(d, &d->job_err);
        if (d->job_rc == 0)
            d->job_rc = daemon_read_excluding(d, d->config, &d->read_excluding, &d->job_err);
        break;
    case JOB_ATTACH:
        d->job_rc = daemon_flush(d, false, &d->job_err);
        if (d->job_rc == 0 && (d->job_rc = attach_read(d->attach, d->database)) < 0)
            err_set(&d->job_err, "%s", attach_error(d->attach));
        break;
    case JOB_FLUSH:
        daemon_sync(d, false);
        d->job_rc = daemon_flush(d, false, &d->job_err);
        break;
    case JOB_NONE:
        break;
    }
}

static void start_attach(struct daemon *d)
{
    d->attach_again_us = 0;
    d->attach = attach_new(d->evaluator, d->config);
    attach_want_conditions(d->attach, d->conditions, d->evaluator);
    attach_want_versions(d->attach, d->versions);
    start_job(d, JOB_ATTACH);
}

/* Too late to matter; whoever waits for it is told when the loop ends. */
static void drop_loaded(struct daemon *d)
{
    config_unref(d->loaded);
    excluding_unref(d->read_excluding);
    d->loaded = NULL;
    d->read_excluding = NULL;
    diag_release(&d->load_diag);
}

static void loaded(struct daemon *d)
{
    if (d->stops) {
        drop_loaded(d);
        return;
    }
    d->reloads.last_us = daemon_now(d);
    d->reloads.last_ok = d->job_rc == 0;
    if (d->job_rc == 0) {
        d->reloads.succeeded++;
        d->reload_error[0] = '\0';
        adopt(d, d->loaded, d->read_excluding);
        config_unref(d->loaded);
        d->read_excluding = NULL;
        log_info("configuration reloaded", NULL);
        start_attach(d);
    } else {
        d->reloads.failed++;
        snprintf(d->reload_error, sizeof(d->reload_error),
                 "%zu errors; the old configuration stays", d->load_diag.errors);
        log_error("reload failed; the old configuration stays in force", NULL);
        if (d->o.print_diag)
            d->o.print_diag(&d->load_diag);
    }
    d->loaded = NULL;
    diag_release(&d->load_diag);
    answer_reload(d, d->reloads.last_ok);
}

/* The old ones stay if these cannot be read: as a reload would. */
static void excluding_read_again(struct daemon *d)
{
    if (d->job_rc < 0) {
        log_error("exclusions could not be read; the old ones stay in force", "error",
                  d->job_err.msg, NULL);
        return;
    }
    evaluator_set_config(d->evaluator, d->config, d->read_excluding, daemon_now(d));
    daemon_adopt_excluding(d, d->read_excluding);
    d->read_excluding = NULL;
    log_info("exclusions have changed", NULL);
    if (!d->stops)
        start_attach(d);
}

static void announce(struct daemon *d)
{
    char at[WHEN_MAX];
    daemon_publish(d); /* time stands still: no beat will show what came since the last one */
    if (d->job_rc == 0)
        log_info("test clock reached", "time", when_text(at, daemon_now(d)), NULL);
    else
        log_error("test clock reached, but not everything is stored", "error", d->job_err.msg,
                  NULL);
}

static void work_done(uv_work_t *w, int status)
{
    struct daemon *d = w->data;
    enum daemon_job job = d->job;
    (void)status; /* never cancelled */
    d->job = JOB_NONE;
    if (job == JOB_LOAD)
        loaded(d);
    else if (job == JOB_EXCLUDING)
        excluding_read_again(d);
    else if (job == JOB_ATTACH)
        merge_attached(d);
    else if (job == JOB_FLUSH)
        announce(d);
    if (d->job == JOB_NONE && d->reload_again && !d->stops) {
        d->reload_again = false;
        start_job(d, JOB_LOAD);
    }
    if (d->job == JOB_NONE && d->excluding_again && !d->stops) {
        d->excluding_again = false;
        start_job(d, JOB_EXCLUDING);
    }
    daemon_kick(d);
    daemon_check_stop(d);
}

static void start_job(struct daemon *d, enum daemon_job job)
{
    if (job == JOB_LOAD) {
        pthread_mutex_lock(&d->reload_mutex);
        d->loads_started++;
        pthread_mutex_unlock(&d->reload_mutex);
    }
    d->job = job;
    d->job_rc = 0;
    d->job_err.msg[0] = '\0';
    d->work.data = d;
    uv_queue_work(&d->loop, &d->work, do_work, work_done);
}

void daemon_attach_again(struct daemon *d, int64_t now_us)
{
    if (!d->attach_again_us || now_us < d->attach_again_us || d->job != JOB_NONE || d->stops)
        return;
    evaluator_reattach(d->evaluator, now_us);
    start_attach(d);
}

void daemon_reload(struct daemon *d)
{
    if (d->stops)
        return;
    if (d->job != JOB_NONE)
        d->reload_again = true;
    else
        start_job(d, JOB_LOAD);
}

void daemon_excluding_changed(struct daemon *d)
{
    if (d->stops)
        return;
    if (d->job != JOB_NONE)
        d->excluding_again = true;
    else
        start_job(d, JOB_EXCLUDING);
}

/* A load already under way may have read the files before they changed: the
 * answer is that of the next one. */
int daemon_reload_wait(struct daemon *d, struct err *reterr)
{
    pthread_mutex_lock(&d->reload_mutex);
    uint64_t mine = d->loads_started + 1;
    uv_async_send(&d->reload_asked);
    while (d->loads_ended < mine && !d->reloads_ended)
        pthread_cond_wait(&d->reload_done, &d->reload_mutex);
    bool ok = d->loads_ended >= mine && d->reload_ok;
    bool ended = d->reloads_ended;
    pthread_mutex_unlock(&d->reload_mutex);
    if (ok)
        return 0;
    return err_set(reterr, ended ? "the daemon is stopping"
                                 : "the configuration has errors; the old one stays in force");
}

void daemon_end_reloads(struct daemon *d)
{
    pthread_mutex_lock(&d->reload_mutex);
    d->reloads_ended = true;
    pthread_cond_broadcast(&d->reload_done);
    pthread_mutex_unlock(&d->reload_mutex);
}

void daemon_announce_reached(struct daemon *d)
{
    start_job(d, JOB_FLUSH);
}

int daemon_adopt_first(struct daemon *d, struct err *reterr)
{
    struct excluding *excluding;
    if (daemon_read_excluding(d, d->o.config, &excluding, reterr) < 0)
        return -1;
    adopt(d, d->o.config, excluding);
    d->reloads = (struct status_reload){.succeeded = 1, .last_ok = true, .last_us = daemon_now(d)};
    if (daemon_flush(d, false, reterr) < 0 ||
        spending_restore(d->env.spend, d->config, d->database, daemon_now(d), reterr) < 0)
        return -1;
    struct attach *a = attach_new(d->evaluator, d->config);
    attach_want_conditions(a, d->conditions, d->evaluator);
    attach_want_versions(a, d->versions);
    int rc = attach_read(a, d->database);
    if (rc == 0) {
        attach_merge(a, d->evaluator);
        attach_conditions(a, d->conditions);
        attach_versions(a, d->versions);
        gone_end(attach_gone(a), daemon_now(d), daemon_alert_gone, d);
        daemon_reconcile(d);
        log_attached(a);
    } else {
        err_set(reterr, "%s", attach_error(a));
    }
    attach_free(a);
    return rc;
}
