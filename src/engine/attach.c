#include "engine/attach.h"

#include "base/clock.h"
#include "base/mem.h"
#include "engine/backfill.h"
#include "engine/evaluate.h"
#include "slo/live.h"

/* SLIs read as of one moment; the store's log cannot be emptied meanwhile. */
#define SLICE 200

struct attach_alert {
    const struct slo_def *slo;
    struct alert_state state;
};

struct attach {
    struct config *config; /* a reference: `slis` point into it */
    struct pending_sli *slis;
    struct store_probe *probes; /* slis[i]'s */
    struct live **history;
    int64_t *since_us;
    size_t n;
    struct attach_alert *alerts;
    size_t alert_count;
    struct attach_totals totals;
    struct err err;
};

struct attach *attach_new(const struct evaluator *e, struct config *cfg)
{
    struct attach *a = mem_alloc(sizeof(*a));
    a->config = config_ref(cfg);
    a->slis = mem_array(cfg->slo_count, sizeof(*a->slis));
    a->n = evaluator_pending(e, a->slis, cfg->slo_count);
    a->probes = mem_array(a->n, sizeof(*a->probes));
    a->history = mem_array(a->n, sizeof(*a->history));
    a->since_us = mem_array(a->n, sizeof(*a->since_us));
    a->alerts = mem_array(cfg->slo_count, sizeof(*a->alerts));
    for (size_t i = 0; i < evaluator_count(e); i++)
        if (!evaluator_view(e, i)->settled)
            a->alerts[a->alert_count++].slo = evaluator_view(e, i)->def;
    return a;
}

static int read_sli(struct attach *a, size_t i, struct backfill *b)
{
    const struct pending_sli *p = &a->slis[i];
    if (store_reader_probe(b->reader, p->sli->probe, &a->probes[i], &a->err) != 1 ||
        store_reader_sli_since(b->reader, p->sli, &a->since_us[i], &a->err) < 0)
        return -1;
    b->sli = p->sli;
    b->longest_us = p->longest_us;
    b->attached_us = p->attached_us;
    /* A clock that was set back leaves slots that are yet to come. */
    b->all_done = p->first && a->probes[i].last_slot_us <= p->attached_us;
    return backfill_read(b, &a->history[i], &a->err);
}

static int read_slice(struct attach *a, size_t from, size_t to, struct backfill *b)
{
    int rc = store_reader_begin(b->reader, &a->err);
    if (rc < 0)
        return -1;
    for (size_t i = from; rc == 0 && i < to; i++)
        rc = read_sli(a, i, b);
    store_reader_end(b->reader);
    return rc;
}

static int read_slis(struct attach *a, struct store_reader *r)
{
    struct backfill b = {.reader = r};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->n; i += SLICE)
        rc = read_slice(a, i, i + SLICE < a->n ? i + SLICE : a->n, &b);
    a->totals.slis = a->n;
    a->totals.hours = b.hours;
    a->totals.minutes = b.minutes;
    a->totals.tens = b.tens;
    a->totals.events = b.events;
    backfill_release(&b);
    return rc;
}

static int read_alerts(struct attach *a, struct store_reader *r)
{
    int rc = store_reader_begin(r, &a->err);
    if (rc < 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < a->alert_count; i++) {
        struct attach_alert *alert = &a->alerts[i];
        rc = store_reader_alert(r, alert->slo->name, alert->slo->objective_name, &alert->state,
                                &a->err);
        a->totals.alerts += alert->state.phase != ALERT_INACTIVE;
    }
    store_reader_end(r);
    return rc;
}

int attach_read(struct attach *a, const char *database)
{
    struct store_reader *r = NULL;
    int64_t began_ns = clock_mono_ns();
    if (a->n == 0 && a->alert_count == 0)
        return 0;
    if (store_reader_open(database, &r, &a->err) < 0)
        return -1;
    int rc = read_slis(a, r);
    if (rc == 0)
        rc = read_alerts(a, r);
    store_reader_free(r);
    a->totals.took_us = (clock_mono_ns() - began_ns) / 1000;
    return rc;
}

struct attach_totals attach_totals(const struct attach *a)
{
    return a->totals;
}

const char *attach_error(const struct attach *a)
{
    return a->err.msg;
}

void attach_merge(const struct attach *a, struct evaluator *e)
{
    for (size_t i = 0; i < a->n; i++) {
        if (!a->history[i])
            continue;
        evaluator_set_history(e, a->slis[i].sli->probe, &a->probes[i]);
        evaluator_merge(e, a->slis[i].sli->key, a->since_us[i], a->history[i]);
    }
    for (size_t i = 0; i < a->alert_count; i++)
        evaluator_set_alert(e, a->alerts[i].slo->name, a->alerts[i].slo->objective_name,
                            &a->alerts[i].state);
}

void attach_free(struct attach *a)
{
    for (size_t i = 0; i < a->n; i++) {
        live_free(a->history[i]);
        free(a->probes[i].revisions);
    }
    free(a->slis);
    free(a->probes);
    free(a->history);
    free(a->since_us);
    free(a->alerts);
    config_unref(a->config);
    free(a);
}
