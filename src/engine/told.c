#include "engine/told.h"

#include "alert/default_route.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/alert_text.h"
#include "engine/conditions.h"
#include "model/matcher.h"
#include "model/message.h"
#include "nines/notifier.h"
#include "slo/conditions.h"
#include "wire/message.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct arena *arena;
    const struct config *config;
    struct dispatch_config routes;
    struct dispatch_past past;
    struct silence *silences;
    size_t silence_count;
    VEC(struct alert_transition) states;
    VEC(struct told_on) list;
    size_t next; /* where the last one was found */
};

/* ---- what is stored -------------------------------------------------------------------- */

static bool take_state(void *ctx, const struct alert_transition *t)
{
    struct reading *w = ctx;
    struct alert_transition copy = *t;
    copy.condition = arena_strdup(w->arena, t->condition);
    copy.slo = arena_strdup(w->arena, t->slo);
    copy.objective_name = arena_strdup(w->arena, t->objective_name);
    copy.service = arena_strdup(w->arena, t->service);
    vec_push(&w->states, copy);
    return true;
}

static int read_silences(struct reading *w, struct store_reader *r, struct err *reterr)
{
    struct stored_silence *stored;
    if (store_reader_silences(r, w->arena, &stored, &w->silence_count, reterr) < 0)
        return -1;
    w->silences = arena_alloc(w->arena, (w->silence_count + 1) * sizeof(*w->silences));
    for (size_t i = 0; i < w->silence_count; i++)
        w->silences[i] = *stored[i].silence;
    return 0;
}

static int read_all(struct reading *w, struct store_reader *r, struct err *reterr)
{
    if (store_reader_begin(r, reterr) < 0)
        return -1;
    int rc = store_reader_alerts(r, take_state, w, reterr);
    if (rc == 0)
        rc = store_reader_dispatch(r, w->arena, &w->past, reterr);
    if (rc == 0)
        rc = read_silences(w, r, reterr);
    store_reader_end(r);
    return rc;
}

/* ---- routes ------------------------------------------------------------------------------ */

static void read_receivers(struct reading *w)
{
    const struct config *c = w->config;
    struct dispatch_receiver *at = arena_alloc(w->arena, (c->receiver_count + 1) * sizeof(*at));
    for (size_t i = 0; i < c->receiver_count; i++) {
        const struct receiver_def *from = c->receivers[i];
        struct dispatch_integration *ways = arena_alloc(w->arena, (from->n + 1) * sizeof(*ways));
        for (size_t k = 0; k < from->n; k++)
            ways[k] =
                (struct dispatch_integration){from->at[k].name, from->at[k].spec->send_resolved};
        at[i] = (struct dispatch_receiver){from->name, ways, from->n};
    }
    w->routes = (struct dispatch_config){
        .routing = c->routing ? c->routing : default_route(c, w->arena),
        .receivers = at,
        .receiver_count = c->receiver_count,
        .external_url = "",
    };
}

static const struct dispatch_receiver *find_receiver(const struct reading *w, const char *name)
{
    for (size_t i = 0; i < w->routes.receiver_count; i++)
        if (str_eq(w->routes.receivers[i].name, name))
            return &w->routes.receivers[i];
    return NULL;
}

/* As rows of the log are sorted. */
static int by_log(const void *a, const void *b)
{
    const struct notified *x = a, *y = b;
    int order = strcmp(x->group_key, y->group_key);
    if (order == 0)
        order = strcmp(x->receiver, y->receiver);
    return order ? order : strcmp(x->integration, y->integration);
}

static const struct notified *find_told(const struct reading *w, const struct dispatch_group *g,
                                        const char *integration)
{
    struct notified key = {g->group_key, g->receiver, integration};
    if (w->past.told_count == 0)
        return NULL;
    return bsearch(&key, w->past.told, w->past.told_count, sizeof(key), by_log);
}

/* ---- one alert ----------------------------------------------------------------------------- */

static void fill_ways(const struct reading *w, const char *fingerprint, struct told_group *to)
{
    const struct dispatch_receiver *r = find_receiver(w, to->group.receiver);
    uint64_t number = notified_number(fingerprint);
    to->n = r ? r->n : 0;
    to->at = arena_alloc(w->arena, (to->n + 1) * sizeof(*to->at));
    for (size_t i = 0; i < to->n; i++) {
        const struct notified *t = find_told(w, &to->group, r->at[i].name);
        to->at[i] = (struct told_integration){
            .name = r->at[i].name,
            .at_us = t ? t->told_us : 0,
            .firing = t && notified_has(&t->firing, number),
        };
    }
}

static const struct dispatch_hold *keep_hold(struct arena *a, const struct dispatch_hold *from)
{
    if (!from)
        return NULL;
    struct dispatch_hold *h = arena_alloc(a, sizeof(*h));
    *h = (struct dispatch_hold){arena_strdup(a, from->stage), arena_strdup(a, from->name),
                                arena_strdup(a, from->by), from->until_us};
    return h;
}

/* They are asked for in the order of the list, as a rule. */
static struct told_on *find_on(struct reading *w, const char *fingerprint)
{
    for (size_t n = 0; n < w->list.len; n++, w->next++) {
        w->next = w->next < w->list.len ? w->next : 0;
        if (str_eq(w->list.at[w->next].alert.fingerprint, fingerprint))
            return &w->list.at[w->next];
    }
    return NULL;
}

/* The groups of an alert come one after another. */
static void take_group(void *ctx, const struct message_alert *a, const struct dispatch_group *g,
                       const struct dispatch_hold *hold)
{
    struct reading *w = ctx;
    struct told_on *on = find_on(w, a->fingerprint);
    if (!on || !g)
        return;
    struct told_group *more = arena_alloc(w->arena, (on->group_count + 1) * sizeof(*on->groups));
    if (on->group_count)
        memcpy(more, on->groups, on->group_count * sizeof(*more));
    struct told_group *to = &more[on->group_count++];
    to->group = *g;
    to->group.group_key = arena_strdup(w->arena, g->group_key);
    to->group.receiver = arena_strdup(w->arena, g->receiver);
    to->hold = keep_hold(w->arena, hold);
    fill_ways(w, a->fingerprint, to);
    on->groups = more;
}

/* What the dispatcher of a daemon that starts now would know: an alert whose text is damaged
 * it forgets, and is told of it again. */
static void dispatch_all(struct reading *w, int64_t now_us)
{
    static const struct dispatch_hooks none = {.ctx = NULL};
    struct dispatch *d = dispatch_new(&w->routes, &none);
    dispatch_restore(d, w->past.groups, w->past.group_count, w->past.told, w->past.told_count,
                     now_us);
    for (size_t i = 0; i < w->past.alert_count; i++) {
        const struct told_alert *row = &w->past.alerts[i];
        struct told_on on = {.dispatched = true};
        struct err err;
        if (message_alert_read(row->alert, strlen(row->alert), w->arena, &on.alert, &err) < 0 ||
            !on.alert.firing)
            continue;
        vec_push(&w->list, on);
        /* One without room is in no group, and is shown so. */
        (void)dispatch_put(d, &on.alert, dispatch_time(d, row->at_us), now_us, NULL);
    }
    dispatch_silences(d, w->silences, w->silence_count);
    dispatch_each(d, now_us, take_group, w);
    dispatch_free(d);
}

/* ---- states ------------------------------------------------------------------------------- */

static const struct condition_info *find_condition(const char *name)
{
    for (int k = 0; k < CONDITION_KINDS; k++)
        if (str_eq(condition_info((enum condition_kind)k)->name, name))
            return condition_info((enum condition_kind)k);
    return NULL;
}

static bool label_is(const struct string_map *labels, const char *key, const char *value)
{
    return str_eq(matcher_label(labels, key), value);
}

/* A condition's transitions are stored under condition_name(): its labels apart. */
static bool is_named(const struct string_map *labels, const char *name)
{
    const char *objective = matcher_label(labels, "objective");
    const char *threshold = matcher_label(labels, "threshold");
    char joined[CONDITION_NAME_MAX];
    int n = snprintf(joined, sizeof(joined), "%s%s%s", objective,
                     *objective && *threshold ? " " : "", threshold);
    return n < (int)sizeof(joined) && str_eq(joined, name);
}

static bool is_of(const struct string_map *labels, const struct alert_transition *t)
{
    if (!*t->condition)
        return label_is(labels, "alertname", "ErrorBudgetBurn") &&
               label_is(labels, "slo", t->slo) && label_is(labels, "objective", t->objective_name);
    const struct condition_info *info = find_condition(t->condition);
    if (!info || !label_is(labels, "alertname", info->alert) ||
        !is_named(labels, t->objective_name))
        return false;
    if (info->about == CONDITION_OF_PROCESS)
        return true;
    return label_is(labels, info->about == CONDITION_OF_SLO ? "slo" : "probe", t->slo);
}

/* The SLO whose alert it is; of several objectives the one that begins the name. */
static const struct slo_def *find_slo(const struct config *c, const struct alert_transition *t)
{
    for (size_t i = 0; i < c->slo_count; i++) {
        const struct slo_def *slo = c->slos[i];
        size_t n = strlen(slo->objective_name);
        if (!str_eq(slo->name, t->slo))
            continue;
        if (str_eq(slo->objective_name, t->objective_name) ||
            (*t->condition && (n == 0 || (strncmp(slo->objective_name, t->objective_name, n) == 0 &&
                                          t->objective_name[n] == ' '))))
            return slo;
    }
    return NULL;
}

/* Of what is configured no more. */
static struct string_map labels_as_stored(const struct alert_transition *t, struct arena *a)
{
    const struct condition_info *info = find_condition(t->condition);
    bool of_probe = info && info->about == CONDITION_OF_PROBE;
    struct string_map map = {.at = arena_alloc(a, 3 * sizeof(*map.at))};
    map.at[map.n++] = (struct pair){"alertname", info            ? info->alert
                                                 : *t->condition ? t->condition
                                                                 : "ErrorBudgetBurn"};
    if (*t->objective_name)
        map.at[map.n++] = (struct pair){of_probe ? "threshold" : "objective", t->objective_name};
    if (*t->slo)
        map.at[map.n++] = (struct pair){of_probe ? "probe" : "slo", t->slo};
    message_sort_map(&map);
    return map;
}

/* What nobody was told of has no labels stored. */
static struct string_map labels_of(const struct reading *w, const struct alert_transition *t)
{
    const struct config *c = w->config;
    const struct severity_labels *names = &c->daemon.severity_labels;
    const struct condition *def = *t->condition ? conditions_find(c, t) : NULL;
    struct condition_subject who = {.slo = find_slo(c, t)};
    if (!*t->condition && who.slo)
        return alert_labels(who.slo, t->state.severity, names, w->arena);
    if (!def)
        return labels_as_stored(t, w->arena);
    if (condition_info(def->kind)->about != CONDITION_OF_SLO)
        who = (struct condition_subject){.probe = config_probe(c, t->slo)};
    return condition_labels(def, &who, t->state.severity, names, w->arena);
}

static void add_state(struct reading *w, const struct alert_transition *t)
{
    char fingerprint[FINGERPRINT_SIZE];
    bool found = false;
    for (size_t i = 0; i < w->list.len; i++) {
        struct told_on *on = &w->list.at[i];
        if (!on->dispatched || !is_of(&on->alert.labels, t))
            continue;
        on->stated = found = true;
        on->of = *t;
    }
    if (found)
        return;
    struct told_on on = {.stated = true, .of = *t};
    on.alert = (struct message_alert){.firing = true,
                                      .labels = labels_of(w, t),
                                      .starts_us = t->state.since_us,
                                      .generator_url = ""};
    on.alert.fingerprint =
        arena_strdup(w->arena, message_fingerprint(fingerprint, &on.alert.labels));
    vec_push(&w->list, on);
}

static bool is_pending(const struct told_on *on)
{
    return on->stated && on->of.state.phase == ALERT_PENDING;
}

static int by_start(const void *a, const void *b)
{
    const struct told_on *x = a, *y = b;
    if (is_pending(x) != is_pending(y))
        return is_pending(x) - is_pending(y);
    if (x->alert.starts_us != y->alert.starts_us)
        return x->alert.starts_us < y->alert.starts_us ? -1 : 1;
    return strcmp(x->alert.fingerprint, y->alert.fingerprint);
}

/* ---- all of it ---------------------------------------------------------------------------- */

int told_read(const struct config *config, struct store_reader *r, int64_t now_us, struct told *ret,
              struct err *reterr)
{
    *ret = (struct told){0};
    struct reading w = {.arena = &ret->arena, .config = config};
    read_receivers(&w);
    int rc = read_all(&w, r, reterr);
    if (rc == 0)
        dispatch_all(&w, now_us);
    for (size_t i = 0; rc == 0 && i < w.states.len; i++)
        add_state(&w, &w.states.at[i]);
    ret->at = arena_alloc(&ret->arena, (w.list.len + 1) * sizeof(*ret->at));
    if (rc == 0 && w.list.len) {
        memcpy(ret->at, w.list.at, w.list.len * sizeof(*ret->at));
        ret->n = w.list.len;
        qsort(ret->at, ret->n, sizeof(*ret->at), by_start);
    }
    vec_release(&w.states);
    vec_release(&w.list);
    if (rc < 0)
        told_release(ret);
    return rc;
}

void told_release(struct told *t)
{
    arena_release(&t->arena);
    *t = (struct told){0};
}
