/* What people take to be on, held against what is. */
#include "engine/telling_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/message.h"
#include "wire/message.h"

#include <string.h>

/* ---- what was told ------------------------------------------------------------------ */

static struct string_map copy_map(struct arena *a, const struct string_map *from)
{
    struct string_map to = {arena_alloc(a, (from->n + 1) * sizeof(*to.at)), from->n};
    for (size_t i = 0; i < from->n; i++)
        to.at[i] = (struct pair){.key = arena_strdup(a, from->at[i].key),
                                 .value = arena_strdup(a, from->at[i].value)};
    return to;
}

static void forget(struct telling *t, struct told *old)
{
    struct told *last = t->told.at[--t->told.len];
    t->told.at[old->index] = last;
    last->index = old->index;
    table_remove(&t->by_print, old->alert.fingerprint);
    arena_release(&old->arena);
    free(old);
}

void telling_note(struct telling *t, const struct message_alert *a)
{
    struct told *old = table_get(&t->by_print, a->fingerprint);
    if (old)
        forget(t, old);
    if (!a->firing)
        return;
    struct told *n = mem_alloc(sizeof(*n));
    n->alert = *a;
    n->alert.labels = copy_map(&n->arena, &a->labels);
    n->alert.annotations = (struct string_map){0};
    n->alert.fingerprint = arena_strdup(&n->arena, a->fingerprint);
    n->alert.generator_url = arena_strdup(&n->arena, a->generator_url);
    n->index = t->told.len;
    vec_push(&t->told, n);
    table_set(&t->by_print, n->alert.fingerprint, n);
}

void telling_forget(struct telling *t)
{
    while (t->told.len)
        forget(t, t->told.at[t->told.len - 1]);
    vec_release(&t->told);
    vec_release(&t->missing);
    arena_release(&t->arena);
    table_release(&t->by_print);
}

void telling_restore(struct telling *t, const struct dispatch_past *past)
{
    struct arena arena = {0};
    for (size_t i = 0; i < past->alert_count; i++) {
        const char *text = past->alerts[i].alert;
        struct message_alert a;
        if (message_alert_read(text, strlen(text), &arena, &a, NULL) == 0)
            telling_note(t, &a);
        arena_reset(&arena);
    }
    arena_release(&arena);
}

/* ---- what should be on ---------------------------------------------------------------- */

/* Whether it is missing, and to be told of now. */
static bool missing(struct telling *t, const struct string_map *labels, bool seen)
{
    char print[FINGERPRINT_SIZE];
    struct told *told = table_get(&t->by_print, message_fingerprint(print, labels));
    if (told) {
        told->expected = true;
        return false;
    }
    vec_push(&t->missing, copy_map(&t->arena, labels));
    t->late = t->late || !seen;
    return seen;
}

bool telling_late(const struct telling *t)
{
    return t->late;
}

/* As if it fired now, but with the incident's own begin; what decided is looked up. */
static struct alert_transition once_more(const struct telling *t, const struct alert_state *s)
{
    return (struct alert_transition){.at_us = t->reconcile_us,
                                     .kind = ALERT_EVENT_FIRE,
                                     .notify = true,
                                     .severity = s->told,
                                     .since_us = s->since_us,
                                     .state = *s};
}

void telling_expect_slo(struct telling *t, const struct slo_view *view)
{
    struct severity_labels names = telling_names(t->config);
    struct arena arena = {0};
    const struct slo_def *def = view->def;
    if (view->alert.told == SEVERITY_NONE)
        return;
    struct string_map labels = alert_labels(def, view->alert.told, &names, &arena);
    if (missing(t, &labels, view->at_us != 0)) {
        struct alert_transition tr = once_more(t, &view->alert);
        tr.slo = def->name;
        tr.objective_name = def->objective_name;
        tr.service = def->service;
        struct tell *w = telling_new_tell(t, &tr);
        w->view = *view;
        w->again = true;
        telling_push(t, w);
    }
    arena_release(&arena);
}

void telling_expect_condition(struct telling *t, const struct condition_now *now,
                              const struct condition_view *view)
{
    struct severity_labels names = telling_names(t->config);
    struct arena arena = {0};
    if (now->state.told == SEVERITY_NONE)
        return;
    struct string_map labels =
        condition_labels(now->def, &now->who, now->state.told, &names, &arena);
    if (missing(t, &labels, view != NULL)) {
        struct alert_transition tr = once_more(t, &now->state);
        tr.condition = condition_info(now->def->kind)->name;
        tr.slo = condition_subject_name(&now->who);
        tr.objective_name = now->name;
        tr.service = "";
        struct tell *w = telling_new_tell(t, &tr);
        w->condition = *now->def;
        w->who = now->who;
        w->seen = *view;
        w->again = true;
        telling_push(t, w);
    }
    arena_release(&arena);
}

/* ---- what should not ------------------------------------------------------------------ */

static bool same_label(const struct string_map *a, const struct string_map *b, const char *key)
{
    const char *x = message_label(a, key), *y = message_label(b, key);
    return str_eq(x ? x : "", y ? y : "");
}

/* Of what this was about an alert with other labels is missing. */
static bool goes_on(const struct telling *t, const struct string_map *labels)
{
    static const char *const names[] = {"alertname", "slo", "objective", "probe", "threshold"};
    for (size_t i = 0; i < t->missing.len; i++) {
        size_t k = 0;
        while (k < countof(names) && same_label(&t->missing.at[i], labels, names[k]))
            k++;
        if (k == countof(names))
            return true;
    }
    return false;
}

static bool alerts(const struct config *cfg, const char *slo, const char *objective)
{
    for (size_t i = 0; i < cfg->slo_count; i++) {
        const struct slo_def *s = cfg->slos[i];
        if (s->alerting && str_eq(s->name, slo) && str_eq(s->objective_name, objective))
            return true;
    }
    return false;
}

static const char *says(const struct telling *t, const struct string_map *labels, const char *took,
                        struct arena *arena)
{
    const char *slo = message_label(labels, "slo"), *probe = message_label(labels, "probe");
    const char *objective = message_label(labels, "objective");
    const char *title = slo ? slo : probe ? probe : "nines";
    if (slo && objective)
        title = arena_printf(arena, "%s / %s", slo, objective);
    if (goes_on(t, labels))
        return arena_printf(arena, "%s: goes on, under other labels", title);
    if (!slo || alerts(t->config, slo, objective ? objective : ""))
        return arena_printf(arena, "%s: resolved after %s", title, took);
    return arena_printf(arena, "%s: ended after %s, as the objective alerts no more", title, took);
}

static void end(struct telling *t, struct told *told)
{
    char took[UNITS_MAX];
    struct arena arena = {0};
    struct message_alert a = told->alert; /* which goes when it is put */
    int64_t lasted = t->reconcile_us - a.starts_us;
    lasted = lasted > 0 ? lasted : 0;
    units_duration(took, lasted - lasted % USEC_PER_SEC);
    a.firing = false;
    a.ends_us = a.starts_us + lasted;
    a.fingerprint = arena_strdup(&arena, a.fingerprint);
    a.labels = copy_map(&arena, &a.labels);
    a.generator_url = arena_strdup(&arena, a.generator_url);
    struct pair notes[] = {{.key = "lasted", .value = took},
                           {.key = "summary", .value = says(t, &a.labels, took, &arena)}};
    a.annotations = (struct string_map){notes, countof(notes)};
    telling_put(t, &a, 1, t->reconcile_us);
    arena_release(&arena);
}

void telling_hold(struct telling *t)
{
    t->late = false;
    for (size_t i = 0; i < t->told.len; i++)
        t->told.at[i]->expected = false;
    t->o.expect(t->o.ctx, t);
    for (size_t i = t->told.len; i-- > 0;)
        if (!t->told.at[i]->expected)
            end(t, t->told.at[i]);
    vec_clear(&t->missing);
    arena_reset(&t->arena);
}
