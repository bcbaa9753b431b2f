#include "engine/attach.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/backfill.h"
#include "engine/evaluate.h"
#include "slo/live.h"

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

static int read_all(struct attach *a, struct store_reader *r)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct pending_sli *p = &a->slis[i];
        if (store_reader_probe(r, p->sli->probe, &a->probes[i], &a->err) != 1 ||
            store_reader_sli_since(r, p->sli, &a->since_us[i], &a->err) < 0 ||
            backfill_sli(r, p->sli, p->longest_us, p->attached_us, &a->history[i], &a->err) < 0)
            return -1;
    }
    for (size_t i = 0; i < a->alert_count; i++) {
        const struct slo_def *slo = a->alerts[i].slo;
        if (store_reader_alert(r, slo->name, slo->objective_name, &a->alerts[i].state, &a->err) < 0)
            return -1;
    }
    return 0;
}

int attach_read(struct attach *a, const char *database)
{
    struct store_reader *r = NULL;
    if (a->n == 0 && a->alert_count == 0)
        return 0;
    if (store_reader_open(database, &r, &a->err) < 0)
        return -1;
    int rc = read_all(a, r);
    store_reader_free(r);
    return rc;
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
