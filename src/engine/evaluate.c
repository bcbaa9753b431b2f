#include "engine/evaluate_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/excluding.h"
#include "slo/hours.h"
#include "slo/live.h"

#include <assert.h>
#include <string.h>

#define LONGEST_TIER_US (3 * USEC_PER_DAY)

/* ---- look-ups ------------------------------------------------------------- */

struct watched *eval_need_probe(struct evaluator *e, const char *id)
{
    struct watched *w = table_get(&e->probes, id);
    if (w)
        return w;
    w = mem_alloc(sizeof(*w));
    w->id = mem_strdup(id);
    w->first_event_us = INT64_MAX;
    w->stored_us = w->outcome_us = w->deaf_us = INT64_MIN;
    vec_push(&e->watched, w);
    table_set(&e->probes, w->id, w);
    return w;
}

struct eval_slo *eval_find_slo(const struct evaluator *e, const char *name, const char *objective)
{
    struct eval_slo *s = table_get(&e->slos, name);
    while (s && !str_eq(s->def->objective_name, objective))
        s = s->namesake;
    return s;
}

/* ---- snapshots ------------------------------------------------------------- */

static int64_t longest_window(const struct slo_def *def)
{
    int64_t w = window_longest_us(&def->window);
    return w > LONGEST_TIER_US ? w : LONGEST_TIER_US;
}

/* Events from now on, for windows up to `longest_us`. */
static void collect(struct eval_sli *sli, int64_t longest_us, int64_t now_us)
{
    live_free(sli->live);
    sli->live = live_new(longest_us, now_us);
    sli->longest_us = longest_us;
    sli->attached_us = now_us;
    sli->merged = false;
    sli->torn = false;
    stream_free(sli->stream);
    sli->stream = NULL;
    sli->first_event_us = INT64_MAX;
    sli->fed_us = INT64_MIN;
    vec_clear(&sli->anew);
    eval_restart_lines(sli);
}

/* Takes the key over. */
static struct eval_sli *new_sli(struct evaluator *e, const struct slo_def *def, char *key,
                                const struct exclusions *excluded)
{
    struct eval_sli *sli = mem_alloc(sizeof(*sli));
    sli->key = key;
    sli->sieve = sieve_make(exclusions_ref(excluded), def);
    sli->now.at_us = sli->data_us = INT64_MIN;
    sli->probe = eval_need_probe(e, def->sli.probe);
    vec_push(&sli->probe->slis, sli);
    vec_push(&e->sli_list, sli);
    table_set(&e->slis, sli->key, sli);
    return sli;
}

static struct eval_sli *need_sli(struct evaluator *e, const struct slo_def *def,
                                 const struct exclusions *excluded)
{
    char *key = eval_key(def, excluded);
    struct eval_sli *sli = table_get(&e->slis, key);
    if (!sli)
        return new_sli(e, def, key, excluded);
    free(key);
    return sli;
}

static struct eval_sli *adopt_sli(struct evaluator *e, const struct slo_def *def,
                                  const struct exclusions *excluded, int64_t now_us)
{
    int64_t longest = longest_window(def);
    struct eval_sli *sli = need_sli(e, def, excluded);
    bool anew = eval_need_line(sli, def);
    if (sli->longest_us < longest || anew) /* needs more history than is kept */
        collect(sli, longest > sli->longest_us ? longest : sli->longest_us, now_us);
    if (!sli->used) { /* those of the snapshot before */
        live_unwatch(sli->live);
        vec_clear(&sli->windows);
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

static void forget_revisions(struct watched *w)
{
    for (size_t i = 0; i < w->revisions.len; i++)
        hours_unref(w->revisions.at[i].hours);
    vec_clear(&w->revisions);
}

static void add_revision(struct watched *w, struct probe_revision rev)
{
    rev.hours = hours_ref(rev.hours);
    vec_push(&w->revisions, rev);
}

static void watched_free(struct watched *w)
{
    eval_forget_held(w);
    forget_revisions(w);
    vec_release(&w->revisions);
    vec_release(&w->slis);
    free(w->id);
    free(w);
}

static void sli_free(struct eval_sli *sli)
{
    eval_drop_lines(sli, true);
    live_free(sli->live);
    stream_free(sli->stream);
    vec_release(&sli->windows);
    vec_release(&sli->anew);
    vec_release(&sli->ends);
    exclusions_unref(sli->sieve.set);
    free(sli->key);
    free(sli);
}

static void drop_unwatched(struct evaluator *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->watched.len; i++) {
        struct watched *w = e->watched.at[i];
        if (w->slis.len || w->dependency) {
            e->watched.at[kept++] = w;
            continue;
        }
        table_remove(&e->probes, w->id);
        watched_free(w);
    }
    e->watched.len = kept;
}

static void drop_unused(struct evaluator *e)
{
    for (size_t i = 0; i < e->sli_list.len; i++) {
        struct eval_sli *sli = e->sli_list.at[i];
        if (sli->used) {
            eval_drop_lines(sli, false);
            continue;
        }
        detach(sli->probe, sli);
        table_remove(&e->slis, sli->key);
        sli_free(sli);
        e->sli_list.at[i--] = e->sli_list.at[--e->sli_list.len];
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
               a->tiers[i].min_failures == b->tiers[i].min_failures &&
               decimal_cmp(a->tiers[i].factor, b->tiers[i].factor) == 0;
    return same;
}

/* What goes on over a reload: where the alert is, and what the last tick saw. */
static void keep_known(struct eval_slo *slo, const struct eval_slo *known)
{
    eval_draw(known);
    *slo->view = *known->view;
    slo->view->def = slo->def;
    slo->tick_us = known->tick_us;
    slo->settled = known->settled;
    if (slo->def->alerting) /* else gone.h ends it */
        slo->alert = known->alert;
    if (same_tiers(known->def, slo->def))
        return;
    slo->alert.firing = 0; /* its bits are of other tiers */
    memset(slo->view->firing, 0, sizeof(slo->view->firing));
}

struct slo_set {
    struct eval_slo *at;
    struct slo_view *views;
    size_t n;
};

static struct slo_set adopt_slos(struct evaluator *e, const struct config *cfg)
{
    size_t n = cfg->slo_count;
    struct slo_set set = {mem_array(n, sizeof(*set.at)), mem_array(n, sizeof(*set.views)), n};
    for (size_t i = 0; i < n; i++) {
        struct eval_slo *slo = &set.at[i];
        slo->def = cfg->slos[i];
        slo->view = &set.views[i];
        const struct eval_slo *known = eval_find_slo(e, slo->def->name, slo->def->objective_name);
        if (!known)
            continue;
        keep_known(slo, known);
        eval_keep_targets(slo, known);
    }
    return set;
}

static void adopt_part(struct evaluator *e, struct eval_slo *slo, size_t i, struct eval_slo *part,
                       const struct excluding *excluding, int64_t now_us)
{
    const struct exclusions *excluded = excluding_of_part(excluding, slo->def, i);
    part->def = slo_part(slo->def, i);
    part->sli = adopt_sli(e, part->def, excluded, now_us);
    exclusions_unref(excluded);
}

static void adopt_source(struct evaluator *e, struct eval_slo *slo,
                         const struct excluding *excluding, int64_t now_us)
{
    size_t n = slo->def->member_count;
    if (n == 0) {
        adopt_part(e, slo, 0, slo, excluding, now_us);
        return;
    }
    slo->parts = mem_array(n, sizeof(*slo->parts));
    for (size_t i = 0; i < n; i++)
        adopt_part(e, slo, i, &slo->parts[i], excluding, now_us);
    eval_need_joint(e, slo, now_us);
}

static void name_slos(struct evaluator *e)
{
    table_release(&e->slos);
    for (size_t i = 0; i < e->slo_count; i++) {
        struct eval_slo *slo = &e->slo_list[i];
        slo->namesake = table_get(&e->slos, slo->def->name);
        table_set(&e->slos, slo->def->name, slo);
    }
}

static uint64_t source_of(const struct config *cfg, const char *probe)
{
    const struct probe_def *def = cfg ? config_probe(cfg, probe) : NULL;
    return def && def->kind && def->kind->source ? def->kind->source(def->spec) : 0;
}

/* Counters do not go on from one source to another: the store knows by itself. */
static void note_sources(struct evaluator *e, const struct config *cfg, int64_t now_us)
{
    for (size_t i = 0; i < e->sli_list.len; i++) {
        struct eval_sli *sli = e->sli_list.at[i];
        const char *probe = sli->probe->id;
        if (sli->def->metric && source_of(e->config, probe) != source_of(cfg, probe))
            vec_push(&sli->anew, now_us);
    }
}

static void free_slo(struct eval_slo *slo)
{
    eval_free_targets(slo);
    free(slo->parts);
}

static void free_slos(struct evaluator *e)
{
    for (size_t i = 0; i < e->slo_count; i++)
        free_slo(&e->slo_list[i]);
    free(e->slo_list);
    free(e->views);
}

static void unuse(struct eval_sli *sli)
{
    sli->used = false;
    for (size_t i = 0; i < sli->lines.len; i++)
        sli->lines.at[i]->used = false;
}

void evaluator_set_config(struct evaluator *e, struct config *cfg,
                          const struct excluding *excluding, int64_t now_us)
{
    e->settled_us = now_us;
    note_sources(e, cfg, now_us);
    e->running |= e->config != NULL;
    /* Pointers into the old snapshot die with it: it is released last, after
     * everything points into the new one. */
    struct slo_set set = adopt_slos(e, cfg);
    free_slos(e);
    e->slo_list = set.at;
    e->views = set.views;
    e->slo_count = set.n;
    name_slos(e);
    for (size_t i = 0; i < e->sli_list.len; i++)
        unuse(e->sli_list.at[i]);
    for (size_t i = 0; i < e->joints.len; i++)
        e->joints.at[i]->line.used = false;
    for (size_t i = 0; i < e->slo_count; i++)
        adopt_source(e, &e->slo_list[i], excluding, now_us);
    /* Not before each SLI keeps what the longest of its windows needs. */
    for (size_t i = 0; i < e->slo_count; i++) {
        eval_revise_target(&e->slo_list[i], now_us);
        eval_watch(&e->slo_list[i]);
    }
    eval_need_dependencies(e, cfg);
    drop_unused(e);
    eval_drop_joints(e, false);
    struct config *previous = e->config;
    e->config = config_ref(cfg);
    config_unref(previous);
}

void evaluator_set_history(struct evaluator *e, const char *probe, const struct store_probe *known)
{
    struct watched *w = eval_need_probe(e, probe);
    forget_revisions(w);
    for (size_t i = 0; i < known->revision_count; i++)
        add_revision(w, known->revisions[i]);
    if (known->first_event_us < w->first_event_us)
        w->first_event_us = known->first_event_us;
    if (!e->running && known->last_slot_us <= e->born_us)
        w->stored_us = known->last_slot_us;
    eval_revised(w);
}

void evaluator_add_revision(struct evaluator *e, const struct probe_def *def, int64_t now_us)
{
    struct watched *w = table_get(&e->probes, def->id);
    struct probe_revision rev = {now_us, def->interval_us, def->phase_us, def->timeout_us,
                                 def->hours};
    if (!w)
        return;
    if (w->revisions.len) {
        const struct probe_revision *last = &w->revisions.at[w->revisions.len - 1];
        if (last->interval_us == rev.interval_us && last->phase_us == rev.phase_us &&
            last->timeout_us == rev.timeout_us && hours_same(last->hours, rev.hours))
            return;
    }
    add_revision(w, rev);
    eval_revised(w);
}

void evaluator_set_alert(struct evaluator *e, const char *slo, const char *objective_name,
                         const struct alert_state *state)
{
    struct eval_slo *s = eval_find_slo(e, slo, objective_name);
    if (!s || s->settled)
        return;
    if (s->def->alerting)
        s->alert = *state;
    s->settled = true;
}

size_t evaluator_pending(const struct evaluator *e, struct pending_sli *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < e->sli_list.len && n < max; i++) {
        const struct eval_sli *sli = e->sli_list.at[i];
        if (!sli->merged)
            out[n++] = (struct pending_sli){.sli = sli->def,
                                            .key = sli->key,
                                            .sieve = sli->sieve,
                                            .longest_us = sli->longest_us,
                                            .attached_us = sli->attached_us,
                                            .first = !e->running};
    }
    return n;
}

/* What was read tells of all sources up to its newest one. */
static void merge_sources(struct eval_sli *sli, const struct sli_past *past)
{
    VEC(int64_t) anew = {0};
    if (past->newest_us < past->asked.anew_us)
        vec_push(&anew, past->asked.anew_us);
    for (size_t i = 0; i < sli->anew.len; i++)
        if (sli->anew.at[i] > past->asked.anew_us)
            vec_push(&anew, sli->anew.at[i]);
    vec_clear(&sli->anew);
    for (size_t i = 0; i < anew.len; i++)
        vec_push(&sli->anew, anew.at[i]);
    vec_release(&anew);
}

void evaluator_merge(struct evaluator *e, const char *key, struct sli_past *past)
{
    struct eval_sli *sli = table_get(&e->slis, key);
    if (!sli || sli->merged || sli->torn)
        return;
    live_merge(sli->live, past->live);
    for (size_t i = 0; i < past->line_count; i++)
        eval_merge_line(sli, &past->lines[i]);
    sli->since_us = past->since_us;
    sli->merged = true;
    if (past->data_us > sli->data_us && past->data_us)
        sli->data_us = past->data_us;
    if (!sli->def->metric)
        return;
    sli->stream = past->stream;
    past->stream = NULL;
    sli->first_event_us = past->first_event_us;
    sli->fed_us = past->newest_us;
    sli->asked = past->asked;
    merge_sources(sli, past);
    eval_release_held(sli);
}

/* Those of its SLIs that collect anew. */
static void rewatch(struct eval_slo *slo)
{
    if (slo->sli && !slo->sli->merged)
        eval_watch(slo);
    for (size_t i = 0; i < slo->def->member_count; i++)
        if (!slo->parts[i].sli->merged)
            eval_watch(&slo->parts[i]);
}

void evaluator_reattach(struct evaluator *e, int64_t now_us)
{
    e->settled_us = now_us;
    for (size_t i = 0; i < e->slo_count; i++)
        if (!eval_is_merged(&e->slo_list[i]))
            eval_draw(&e->slo_list[i]); /* its windows go */
    for (size_t i = 0; i < e->sli_list.len; i++) {
        struct eval_sli *sli = e->sli_list.at[i];
        if (sli->merged)
            continue;
        collect(sli, sli->longest_us, now_us);
        vec_clear(&sli->windows);
        eval_forget_held(sli->probe);
    }
    for (size_t i = 0; i < e->slo_count; i++)
        rewatch(&e->slo_list[i]);
    eval_reattach_joints(e, now_us);
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

void evaluator_set_past(struct evaluator *e)
{
    e->running = true;
}

void evaluator_free(struct evaluator *e)
{
    if (!e)
        return;
    table_release(&e->slos);
    table_release(&e->slis);
    table_release(&e->probes);
    for (size_t i = 0; i < e->sli_list.len; i++)
        sli_free(e->sli_list.at[i]);
    for (size_t i = 0; i < e->watched.len; i++)
        watched_free(e->watched.at[i]);
    vec_release(&e->sli_list);
    vec_release(&e->watched);
    eval_drop_joints(e, true);
    free_slos(e);
    config_unref(e->config);
    free(e);
}
