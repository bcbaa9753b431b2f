#include "engine/evaluate.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "slo/alert.h"
#include "slo/budget.h"
#include "slo/expected.h"
#include "slo/live.h"
#include "slo/window.h"

/* A probe that some SLO watches: its schedule's history and its SLIs. */
struct watched {
    char *id;
    int64_t first_event_us; /* INT64_MAX: none */
    int64_t stored_us;      /* newest slot that came with the history */
    VEC(struct probe_revision) revisions;
    VEC(struct eval_sli *) slis;
};

/* The windows of one SLI, shared by all SLOs on it. */
struct eval_sli {
    const struct sli_def *def; /* of the current snapshot */
    struct watched *probe;
    struct live *live;
    int64_t longest_us, attached_us;
    int64_t since_us; /* nothing is known of before */
    bool merged;
    bool used; /* by the snapshot being adopted */
};

struct eval_slo {
    struct slo_view view;
    struct eval_sli *sli;
};

struct evaluator {
    struct evaluator_hooks hooks;
    struct config *config;
    VEC(struct watched *) probes; /* sorted by id */
    VEC(struct eval_sli *) slis;
    VEC(struct eval_slo *) slos;
    int64_t born_us, next_tick_us;
    bool running; /* results have come in */
};

#define LONGEST_TIER_US (3 * USEC_PER_DAY)
/* Instants further back were jumped over with the clock. */
#define CATCH_UP_US USEC_PER_MIN

/* ---- look-ups ------------------------------------------------------------- */

/* Where `id` is, or would be. */
static size_t probe_place(const struct evaluator *e, const char *id)
{
    size_t lo = 0, hi = e->probes.len;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(e->probes.at[mid]->id, id) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static struct watched *find_probe(const struct evaluator *e, const char *id)
{
    size_t i = probe_place(e, id);
    return i < e->probes.len && str_eq(e->probes.at[i]->id, id) ? e->probes.at[i] : NULL;
}

static struct watched *need_probe(struct evaluator *e, const char *id)
{
    size_t i = probe_place(e, id);
    if (i < e->probes.len && str_eq(e->probes.at[i]->id, id))
        return e->probes.at[i];
    struct watched *w = mem_alloc(sizeof(*w));
    w->id = mem_strdup(id);
    w->first_event_us = INT64_MAX;
    w->stored_us = INT64_MIN;
    vec_push(&e->probes, w);
    memmove(&e->probes.at[i + 1], &e->probes.at[i], (e->probes.len - 1 - i) * sizeof(w));
    e->probes.at[i] = w;
    return w;
}

static struct eval_sli *find_sli(const struct evaluator *e, const char *key)
{
    for (size_t i = 0; i < e->slis.len; i++)
        if (str_eq(e->slis.at[i]->def->key, key))
            return e->slis.at[i];
    return NULL;
}

static struct eval_slo *find_slo(const struct evaluator *e, const char *name, const char *objective)
{
    for (size_t i = 0; i < e->slos.len; i++) {
        const struct slo_def *d = e->slos.at[i]->view.def;
        if (str_eq(d->name, name) && str_eq(d->objective_name, objective))
            return e->slos.at[i];
    }
    return NULL;
}

/* ---- snapshots ------------------------------------------------------------- */

static int64_t longest_window(const struct slo_def *def)
{
    /* A calendar period may be an hour longer than nominal, a month a day. */
    int64_t w = window_nominal_us(&def->window);
    if (def->window.type == WINDOW_CALENDAR)
        w += w / 10 + 2 * USEC_PER_HOUR;
    return w > LONGEST_TIER_US ? w : LONGEST_TIER_US;
}

static struct eval_sli *adopt_sli(struct evaluator *e, const struct slo_def *def, int64_t now_us)
{
    int64_t longest = longest_window(def);
    struct eval_sli *sli = find_sli(e, def->sli.key);
    if (sli && sli->longest_us < longest) {
        /* A longer window needs more history than is kept: start over. */
        live_free(sli->live);
        sli->live = live_new(longest, now_us);
        sli->longest_us = longest;
        sli->attached_us = now_us;
        sli->merged = false;
    }
    if (!sli) {
        sli = mem_alloc(sizeof(*sli));
        sli->probe = need_probe(e, def->sli.probe);
        sli->live = live_new(longest, now_us);
        sli->longest_us = longest;
        sli->attached_us = now_us;
        vec_push(&sli->probe->slis, sli);
        vec_push(&e->slis, sli);
    }
    sli->def = &def->sli;
    sli->used = true;
    return sli;
}

static void detach(struct watched *w, const struct eval_sli *sli)
{
    for (size_t i = 0; i < w->slis.len; i++)
        if (w->slis.at[i] == sli)
            w->slis.at[i--] = w->slis.at[--w->slis.len];
}

static void watched_free(struct watched *w)
{
    vec_release(&w->revisions);
    vec_release(&w->slis);
    free(w->id);
    free(w);
}

static void drop_unwatched(struct evaluator *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->probes.len; i++) {
        if (e->probes.at[i]->slis.len)
            e->probes.at[kept++] = e->probes.at[i];
        else
            watched_free(e->probes.at[i]);
    }
    e->probes.len = kept;
}

static void drop_unused(struct evaluator *e)
{
    for (size_t i = 0; i < e->slis.len; i++) {
        struct eval_sli *sli = e->slis.at[i];
        if (sli->used)
            continue;
        detach(sli->probe, sli);
        live_free(sli->live);
        free(sli);
        e->slis.at[i--] = e->slis.at[--e->slis.len];
    }
    drop_unwatched(e);
}

static bool same_tiers(const struct slo_def *a, const struct slo_def *b)
{
    bool same = a->tier_count == b->tier_count;
    for (size_t i = 0; same && i < a->tier_count; i++)
        same = a->tiers[i].severity == b->tiers[i].severity &&
               a->tiers[i].long_us == b->tiers[i].long_us &&
               a->tiers[i].short_us == b->tiers[i].short_us &&
               decimal_cmp(a->tiers[i].factor, b->tiers[i].factor) == 0;
    return same;
}

void evaluator_set_config(struct evaluator *e, struct config *cfg, int64_t now_us)
{
    VEC(struct eval_slo *) next = {0};
    /* `def` pointers of known SLIs die with the old snapshot: it is released
     * last, after every one of them points into the new one. */
    for (size_t i = 0; i < e->slis.len; i++)
        e->slis.at[i]->used = false;
    for (size_t i = 0; i < cfg->slo_count; i++) {
        const struct slo_def *def = cfg->slos[i];
        struct eval_slo *slo = mem_alloc(sizeof(*slo));
        const struct eval_slo *known = find_slo(e, def->name, def->objective_name);
        if (known)
            slo->view = known->view;
        if (known && !same_tiers(known->view.def, def))
            slo->view.alert.firing = 0; /* its bits are of other tiers */
        slo->view.def = def;
        slo->sli = adopt_sli(e, def, now_us);
        vec_push(&next, slo);
    }
    for (size_t i = 0; i < e->slos.len; i++)
        free(e->slos.at[i]);
    vec_release(&e->slos);
    e->slos.at = next.at;
    e->slos.len = next.len;
    e->slos.cap = next.cap;
    drop_unused(e);
    struct config *previous = e->config;
    e->config = config_ref(cfg);
    config_unref(previous);
}

void evaluator_set_history(struct evaluator *e, const char *probe, const struct store_probe *known)
{
    struct watched *w = need_probe(e, probe);
    vec_clear(&w->revisions);
    for (size_t i = 0; i < known->revision_count; i++)
        vec_push(&w->revisions, known->revisions[i]);
    if (known->first_event_us < w->first_event_us)
        w->first_event_us = known->first_event_us;
    if (!e->running && known->last_slot_us <= e->born_us)
        w->stored_us = known->last_slot_us;
}

void evaluator_add_revision(struct evaluator *e, const struct probe_def *def, int64_t now_us)
{
    struct watched *w = find_probe(e, def->id);
    struct probe_revision rev = {now_us, def->interval_us, def->phase_us, def->timeout_us};
    if (!w)
        return;
    if (w->revisions.len) {
        const struct probe_revision *last = &w->revisions.at[w->revisions.len - 1];
        if (last->interval_us == rev.interval_us && last->phase_us == rev.phase_us &&
            last->timeout_us == rev.timeout_us)
            return;
    }
    vec_push(&w->revisions, rev);
}

void evaluator_set_alert(struct evaluator *e, const char *slo, const char *objective_name,
                         const struct alert_state *state)
{
    struct eval_slo *s = find_slo(e, slo, objective_name);
    if (!s || s->view.settled)
        return;
    s->view.alert = *state;
    s->view.settled = true;
}

size_t evaluator_pending(const struct evaluator *e, struct pending_sli *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < e->slis.len && n < max; i++) {
        const struct eval_sli *sli = e->slis.at[i];
        if (!sli->merged)
            out[n++] = (struct pending_sli){sli->def, sli->longest_us, sli->attached_us};
    }
    return n;
}

void evaluator_merge(struct evaluator *e, const char *sli_key, int64_t since_us,
                     const struct live *history)
{
    struct eval_sli *sli = find_sli(e, sli_key);
    if (!sli || sli->merged)
        return;
    live_merge(sli->live, history);
    sli->since_us = since_us;
    sli->merged = true;
}

/* ---- results and ticks -------------------------------------------------------- */

void evaluator_result(struct evaluator *e, const char *probe, const struct result *r)
{
    struct watched *w = find_probe(e, probe);
    e->running = true;
    /* What is stored wins, and it has been merged. */
    if (!w || r->slot_us <= w->stored_us)
        return;
    bool event = r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD;
    if (event && r->slot_us < w->first_event_us)
        w->first_event_us = r->slot_us;
    for (size_t i = 0; i < w->slis.len; i++) {
        struct eval_sli *sli = w->slis.at[i];
        enum outcome o = sli_classify(sli->def, r);
        if (o != OUTCOME_SKIPPED)
            live_add(sli->live, r->slot_us, o);
    }
}

/* The counts of [start, t) beside how many events it should have held. */
static struct tier_counts expected_counts(const struct eval_sli *sli, int64_t t_us,
                                          int64_t length_us, struct counts c)
{
    int64_t slots = expected_slots(sli->probe->revisions.at, sli->probe->revisions.len,
                                   tier_window_start(t_us, length_us), t_us);
    return tier_counts_make(c, slots);
}

static struct tier_counts window_counts(const struct eval_sli *sli, int64_t t_us, int64_t length_us)
{
    return expected_counts(sli, t_us, length_us, live_sum(sli->live, t_us, length_us));
}

static double burn(const struct eval_slo *slo, int64_t t_us, int64_t length_us)
{
    struct tier_counts c = window_counts(slo->sli, t_us, length_us);
    return budget_burn(c.bad, c.expected, slo->view.def->target);
}

static void refresh_view(struct eval_slo *slo, int64_t t_us, const struct tier_view *views)
{
    struct slo_view *v = &slo->view;
    const struct slo_def *def = v->def;
    struct span span = window_span(&def->window, t_us);
    int64_t length = t_us - span.start_us;
    v->at_us = t_us;
    v->window = live_sum(slo->sli->live, t_us, length);
    v->window_start_us = span.start_us;
    v->window_expected = expected_counts(slo->sli, t_us, length, v->window).expected;
    v->first_event_us = slo->sli->probe->first_event_us;
    if (v->first_event_us < slo->sli->since_us)
        v->first_event_us = slo->sli->since_us;
    v->burn_5m = burn(slo, t_us, 5 * USEC_PER_MIN);
    v->burn_30m = burn(slo, t_us, 30 * USEC_PER_MIN);
    v->burn_1h = burn(slo, t_us, USEC_PER_HOUR);
    v->burn_6h = burn(slo, t_us, 6 * USEC_PER_HOUR);
    v->burn_3d = burn(slo, t_us, 3 * USEC_PER_DAY);
    for (size_t i = 0; i < def->tier_count; i++)
        v->firing[i] = tier_fires(&def->tiers[i], def->target, views[i].lng, views[i].shrt);
}

static void tick_slo(struct evaluator *e, struct eval_slo *slo, int64_t t_us)
{
    const struct slo_def *def = slo->view.def;
    struct tier_view views[TIERS_MAX] = {0};
    struct alert_transition tr;
    for (size_t i = 0; i < def->tier_count; i++) {
        views[i].lng = window_counts(slo->sli, t_us, def->tiers[i].long_us);
        views[i].shrt = window_counts(slo->sli, t_us, def->tiers[i].short_us);
    }
    refresh_view(slo, t_us, views);
    if (!def->alerting || !slo->view.settled || !slo->sli->merged)
        return;
    if (alert_step(&slo->view.alert, def, t_us, views, &tr))
        e->hooks.transition(e->hooks.ctx, &slo->view, &tr);
}

int64_t evaluator_due(const struct evaluator *e)
{
    return e->next_tick_us;
}

void evaluator_run_due(struct evaluator *e, int64_t now_us)
{
    if (now_us - e->next_tick_us > CATCH_UP_US)
        e->next_tick_us = now_us - now_us % EVALUATE_EVERY_US;
    for (; e->next_tick_us <= now_us; e->next_tick_us += EVALUATE_EVERY_US) {
        for (size_t i = 0; i < e->slis.len; i++)
            live_advance(e->slis.at[i]->live, e->next_tick_us);
        for (size_t i = 0; i < e->slos.len; i++)
            tick_slo(e, e->slos.at[i], e->next_tick_us);
    }
}

size_t evaluator_count(const struct evaluator *e)
{
    return e->slos.len;
}

const struct slo_view *evaluator_view(const struct evaluator *e, size_t i)
{
    return &e->slos.at[i]->view;
}

/* ---- life ----------------------------------------------------------------------- */

struct evaluator *evaluator_new(const struct evaluator_hooks *hooks, int64_t now_us)
{
    struct evaluator *e = mem_alloc(sizeof(*e));
    e->hooks = *hooks;
    e->born_us = now_us;
    e->next_tick_us = (now_us / EVALUATE_EVERY_US + 1) * EVALUATE_EVERY_US;
    return e;
}

void evaluator_free(struct evaluator *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->slis.len; i++) {
        live_free(e->slis.at[i]->live);
        free(e->slis.at[i]);
    }
    for (size_t i = 0; i < e->slos.len; i++)
        free(e->slos.at[i]);
    for (size_t i = 0; i < e->probes.len; i++)
        watched_free(e->probes.at[i]);
    vec_release(&e->slis);
    vec_release(&e->slos);
    vec_release(&e->probes);
    config_unref(e->config);
    free(e);
}
