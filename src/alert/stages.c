/*
 * A flush: the stages that a group passes. Those of `holding` are asked for each alert and
 * hold it back or not; what is left then goes to each integration by itself, past dedup.
 */
#include "alert/dispatch_internal.h"
#include "alert/inhibit.h"
#include "alert/mute.h"
#include "base/str.h"
#include "model/matcher.h"
#include "model/message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- what holds an alert back ------------------------------------------------------------ */

struct asked {
    struct dispatch *d;
    const struct group *group; /* NULL: it found no room for one */
    const struct live_alert *alert;
    int64_t now_us;
};

static int by_number(const void *a, const void *b)
{
    uint64_t x = (*(struct live_alert *const *)a)->number;
    uint64_t y = (*(struct live_alert *const *)b)->number;
    return x < y ? -1 : x > y;
}

static bool is_source(const struct routing_def *r, const struct live_alert *l)
{
    bool found = false;
    for (size_t i = 0; !found && l->a.firing && i < r->inhibit_count; i++)
        found = matchers_match(&r->inhibits[i].source, &l->a.labels);
    return found;
}

static void find_sources(struct dispatch *d)
{
    if (d->sources_known)
        return;
    vec_clear(&d->sources);
    vec_clear(&d->source_alerts);
    for (size_t i = 0; i < d->alerts.len; i++)
        if (is_source(d->config.routing, d->alerts.at[i]))
            vec_push(&d->source_alerts, d->alerts.at[i]);
    if (d->source_alerts.len > 1)
        qsort(d->source_alerts.at, d->source_alerts.len, sizeof(*d->source_alerts.at), by_number);
    for (size_t i = 0; i < d->source_alerts.len; i++)
        vec_push(&d->sources, &d->source_alerts.at[i]->a.labels);
    d->sources_known = true;
}

/* What mutes the end of an alert: not that it goes on with another severity. */
static ptrdiff_t find_muting_end(const struct dispatch *d, const struct string_map *labels)
{
    for (size_t i = 0; i < d->sources.len; i++)
        if (!inhibit_succeeds(d->sources.at[i], labels) &&
            inhibit_find(d->config.routing, labels, &d->sources.at[i], 1, NULL) == 0)
            return (ptrdiff_t)i;
    return -1;
}

static bool inhibited(const struct asked *q, struct dispatch_hold *hold)
{
    struct dispatch *d = q->d;
    const struct message_alert *a = &q->alert->a;
    find_sources(d);
    ptrdiff_t i =
        a->firing ? inhibit_find(d->config.routing, &a->labels, d->sources.at, d->sources.len, NULL)
                  : find_muting_end(d, &a->labels);
    if (i < 0)
        return false;
    const struct live_alert *source = d->source_alerts.at[i];
    hold->name = source->a.fingerprint;
    hold->by = matcher_label(&source->a.labels, "alertname");
    return true;
}

static bool silenced(const struct asked *q, struct dispatch_hold *hold)
{
    const struct silence *s =
        silence_find(q->d->silences, q->d->silence_count, &q->alert->a.labels, q->now_us);
    if (!s)
        return false;
    hold->name = s->id;
    hold->by = s->author;
    hold->until_us = s->ends_us;
    return true;
}

static bool muted(const struct asked *q, struct dispatch_hold *hold)
{
    const struct time_interval_def *t =
        q->group ? mute_find(q->d->config.routing, q->group->route, q->now_us) : NULL;
    if (!t)
        return false;
    hold->name = t->name;
    return true;
}

static const struct {
    const char *name;
    bool (*holds)(const struct asked *q, struct dispatch_hold *hold);
} holding[] = {
    {"inhibit", inhibited}, /* another alert says the same */
    {"silence", silenced},  /* somebody asked for quiet */
    {"interval", muted},    /* the route is mute at this time */
};

bool stages_hold(struct dispatch *d, const struct group *g, const struct live_alert *l,
                 int64_t now_us, struct dispatch_hold *hold)
{
    struct asked q = {.d = d, .group = g, .alert = l, .now_us = now_us};
    for (size_t i = 0; i < countof(holding); i++) {
        *hold = (struct dispatch_hold){.stage = holding[i].name, .name = "", .by = ""};
        if (holding[i].holds(&q, hold))
            return true;
    }
    return false;
}

/* ---- what goes to each integration ------------------------------------------------------- */

struct flush {
    struct dispatch *d;
    struct group *group;
    int64_t now_us;
    VEC(struct live_alert *) left; /* what no stage held back */
    VEC(uint64_t) firing, resolved;
    struct arena arena;
};

static struct notified_set firing_of(const struct flush *f)
{
    return (struct notified_set){f->firing.at, f->firing.len};
}

static enum notified_why decide(const struct flush *f, const struct dispatch_integration *to)
{
    const struct entry *e = group_entry(f->group, to->name);
    struct notified_set firing = firing_of(f), resolved = {f->resolved.at, f->resolved.len};
    struct notified last;
    if (e) {
        last = group_notified(f->group, e);
        last.told_us = last.told_us > f->now_us ? f->now_us : last.told_us;
    }
    return notified_decide(e ? &last : NULL, &firing, &resolved, to->send_resolved,
                           f->group->route->repeat_interval_us, f->now_us);
}

static void make_message(struct flush *f, const struct dispatch_integration *to, struct message *m)
{
    *m = (struct message){.receiver = f->group->receiver,
                          .group_key = f->group->key,
                          .group_labels = f->group->labels,
                          .external_url = f->d->config.external_url,
                          .at_us = f->now_us};
    m->alerts = arena_alloc(&f->arena, (f->left.len + 1) * sizeof(*m->alerts));
    for (size_t i = 0; i < f->left.len; i++)
        if (f->left.at[i]->a.firing || to->send_resolved)
            m->alerts[m->alert_count++] = f->left.at[i]->a;
    message_sort_alerts(m);
    message_common(m, &f->arena);
    if (m->alert_count > MESSAGE_ALERTS_MAX) {
        m->truncated = (int64_t)(m->alert_count - MESSAGE_ALERTS_MAX);
        m->alert_count = MESSAGE_ALERTS_MAX;
    }
}

/* The instant tells the messages of a group to an integration apart. */
static void dedup_key(const struct flush *f, const struct dispatch_integration *to,
                      char buf[static DISPATCH_KEY_MAX])
{
    unsigned long long group = str_hash(f->group->id, strlen(f->group->id));
    unsigned long long name = str_hash(to->name, strlen(to->name));
    snprintf(buf, DISPATCH_KEY_MAX, "%016llx-%08llx-%lld", group, name & 0xffffffff,
             (long long)f->now_us);
}

static void send_message(struct flush *f, const struct dispatch_integration *to,
                         enum notified_why why)
{
    struct dispatch *d = f->d;
    struct message m;
    char key[DISPATCH_KEY_MAX];
    if (!to->send_resolved && f->firing.len == 0)
        return; /* it is noted, not sent */
    make_message(f, to, &m);
    dedup_key(f, to, key);
    struct dispatch_send s = {.message = &m,
                              .receiver = f->group->receiver,
                              .integration = to->name,
                              .dedup_key = key,
                              .why = why};
    d->stats.messages++;
    d->stats.truncated += m.truncated;
    if (d->hooks.send)
        d->hooks.send(d->hooks.ctx, &s);
}

static void tell(const struct flush *f, const struct entry *e)
{
    struct notified row = group_notified(f->group, e);
    if (f->d->hooks.told)
        f->d->hooks.told(f->d->hooks.ctx, &row);
}

static void note(struct flush *f, const struct dispatch_integration *to)
{
    struct entry *e = group_make_entry(f->group, to->name);
    vec_clear(&e->firing);
    vec_clear(&e->resolved);
    for (size_t i = 0; i < f->firing.len; i++)
        vec_push(&e->firing, f->firing.at[i]);
    for (size_t i = 0; i < f->resolved.len; i++)
        vec_push(&e->resolved, f->resolved.at[i]);
    e->told_us = f->now_us;
    tell(f, e);
}

static void to_integrations(struct flush *f)
{
    const struct dispatch_config *c = &f->d->config;
    size_t k = 0;
    while (k < c->receiver_count && !str_eq(c->receivers[k].name, f->group->receiver))
        k++;
    assert(k < c->receiver_count); /* the loader knows every receiver */
    for (size_t i = 0; i < c->receivers[k].n; i++) {
        const struct dispatch_integration *to = &c->receivers[k].at[i];
        enum notified_why why = decide(f, to);
        if (why == NOTIFIED_NOTHING)
            continue;
        send_message(f, to, why);
        note(f, to);
    }
}

/* It is gone without a word: were it still taken for told, it would not be told of when
 * it fires again. */
static void forget(struct flush *f, const struct live_alert *l)
{
    for (size_t i = 0; i < f->group->entries.len; i++) {
        struct entry *e = f->group->entries.at[i];
        size_t n = 0;
        for (size_t k = 0; k < e->firing.len; k++)
            if (e->firing.at[k] != l->number)
                e->firing.at[n++] = e->firing.at[k];
        if (n == e->firing.len)
            continue;
        e->firing.len = n;
        tell(f, e);
    }
}

/* ---- the flush --------------------------------------------------------------------------- */

static void hold_back(struct flush *f, const struct live_alert *l, const struct dispatch_hold *hold)
{
    struct dispatch_group row = group_row(f->group);
    if (f->d->hooks.held)
        f->d->hooks.held(f->d->hooks.ctx, &row, &l->a, hold);
    if (!l->a.firing)
        forget(f, l);
}

void stages_run(struct dispatch *d, struct group *g, int64_t now_us)
{
    struct flush f = {.d = d, .group = g, .now_us = now_us};
    struct dispatch_hold hold;
    for (size_t i = 0; i < g->members.len; i++) {
        struct live_alert *l = g->members.at[i];
        if (stages_hold(d, g, l, now_us, &hold)) {
            hold_back(&f, l, &hold);
            continue;
        }
        vec_push(&f.left, l);
        if (l->a.firing)
            vec_push(&f.firing, l->number);
        else
            vec_push(&f.resolved, l->number);
    }
    notified_sort(f.firing.at, f.firing.len);
    notified_sort(f.resolved.at, f.resolved.len);
    if (f.left.len > 0)
        to_integrations(&f);
    vec_release(&f.left);
    vec_release(&f.firing);
    vec_release(&f.resolved);
    arena_release(&f.arena);
}
