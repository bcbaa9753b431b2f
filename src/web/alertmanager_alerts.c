/* Alerts that are on, one by one and in their groups, as Alertmanager shows them. */
#include "alert/route.h"
#include "base/json.h"
#include "base/vec.h"
#include "base/when.h"
#include "model/matcher.h"
#include "web/alertmanager_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX ((size_t)1 << 20)

static void put_string(struct str *out, const char *key, const char *value)
{
    str_addf(out, "\"%s\":", key);
    json_add_string(out, value);
}

static void put_time(struct str *out, const char *key, int64_t us)
{
    char text[WHEN_MAX];
    put_string(out, key, when_text(text, us));
}

/* ---- one alert -------------------------------------------------------------------------- */

struct mutes {
    bool silenced;
    const char *inhibited_by; /* a fingerprint, or NULL */
};

static struct mutes mutes_of(const struct am_view *v, const struct message_alert *a)
{
    ptrdiff_t by = inhibit_find(v->routing, &a->labels, v->firing, v->known.alert_count, NULL);
    return (struct mutes){
        .silenced = silencing_find(&v->known, &a->labels, v->now_us) != NULL,
        .inhibited_by = by < 0 ? NULL : v->known.alerts[by].fingerprint,
    };
}

static void put_silenced_by(const struct am_view *v, const struct message_alert *a, struct str *out)
{
    const char *sep = "";
    str_add(out, "\"silencedBy\":[");
    for (size_t i = 0; i < v->known.silence_count; i++) {
        const struct stored_silence *s = &v->known.silences[i];
        if (!silence_mutes(s->silence, &a->labels, v->now_us))
            continue;
        str_addf(out, "%s\"%" PRId64 "\"", sep, s->id);
        sep = ",";
    }
    str_addc(out, ']');
}

struct receivers {
    struct str *out;
    const char *sep;
};

static void put_receiver(void *ctx, const struct route_taken *taken)
{
    struct receivers *r = ctx;
    str_addf(r->out, "%s{", r->sep);
    put_string(r->out, "name", taken->path[taken->depth]->receiver);
    str_addc(r->out, '}');
    r->sep = ",";
}

/* It has no end while it fires; Alertmanager's has one, that moves along. */
static void put_alert(const struct am_view *v, const struct message_alert *a, struct str *out)
{
    struct mutes m = mutes_of(v, a);
    struct receivers receivers = {out, ""};
    str_add(out, "{\"annotations\":");
    silencing_put_map(&a->annotations, out);
    str_addc(out, ',');
    put_time(out, "endsAt", v->now_us + v->routing->resolve_timeout_us);
    str_addc(out, ',');
    put_string(out, "fingerprint", a->fingerprint);
    str_add(out, ",\"receivers\":[");
    route_walk(v->routing, &a->labels, put_receiver, &receivers);
    str_add(out, "],");
    put_time(out, "startsAt", a->starts_us);
    str_add(out, ",\"status\":{\"inhibitedBy\":[");
    if (m.inhibited_by)
        json_add_string(out, m.inhibited_by);
    str_add(out, "],\"mutedBy\":[],");
    put_silenced_by(v, a, out);
    str_addf(out, ",\"state\":\"%s\"},", m.silenced || m.inhibited_by ? "suppressed" : "active");
    put_time(out, "updatedAt", v->now_us);
    str_addc(out, ',');
    put_string(out, "generatorURL", a->generator_url);
    str_add(out, ",\"labels\":");
    silencing_put_map(&a->labels, out);
    str_addc(out, '}');
}

static bool is_wanted(const struct am_view *v, const struct message_alert *a)
{
    const struct am_query *q = v->query;
    struct mutes m = mutes_of(v, a);
    if (!matchers_match(&v->filter, &a->labels))
        return false;
    if ((q->without_silenced && m.silenced) || (q->without_inhibited && m.inhibited_by))
        return false;
    return !q->without_active || m.silenced || m.inhibited_by;
}

static bool is_receiver_wanted(const struct am_view *v, const char *name)
{
    struct pair pair = {.key = "receiver", .value = name};
    return matchers_match(&v->receiver, &(struct string_map){&pair, 1});
}

struct reaching {
    const struct am_view *v;
    bool wanted;
};

static void look_at_receiver(void *ctx, const struct route_taken *taken)
{
    struct reaching *r = ctx;
    r->wanted = r->wanted || is_receiver_wanted(r->v, taken->path[taken->depth]->receiver);
}

static bool reaches_wanted(const struct am_view *v, const struct message_alert *a)
{
    struct reaching r = {.v = v};
    route_walk(v->routing, &a->labels, look_at_receiver, &r);
    return r.wanted;
}

void am_put_alerts(struct am_view *v, struct str *out)
{
    const char *sep = "";
    str_addc(out, '[');
    for (size_t i = 0; i < v->known.alert_count; i++) {
        const struct message_alert *a = &v->known.alerts[i];
        if (!is_wanted(v, a) || !reaches_wanted(v, a))
            continue;
        str_add(out, sep);
        put_alert(v, a, out);
        sep = ",";
    }
    str_add(out, "]\n");
}

/* ---- groups ------------------------------------------------------------------------------ */

/* That an alert is in a group. */
struct membership {
    const char *receiver, *key;
    struct string_map labels; /* of the group */
    const struct message_alert *alert;
};

struct grouping {
    struct am_view *v;
    const struct message_alert *alert;
    VEC(struct membership) list;
};

static void take_group(void *ctx, const struct route_taken *taken)
{
    struct grouping *g = ctx;
    struct arena *arena = &g->v->arena;
    const struct route_def *route = taken->path[taken->depth];
    struct string_map labels = route_group_labels(route, &g->alert->labels, arena);
    struct str key;
    if (!is_receiver_wanted(g->v, route->receiver))
        return;
    str_init(&key, KEY_MAX);
    route_group_key(taken, &labels, &key);
    vec_push(&g->list, ((struct membership){route->receiver, arena_strdup(arena, key.buf), labels,
                                            g->alert}));
    str_release(&key);
}

static int by_group(const void *a, const void *b)
{
    const struct membership *x = a, *y = b;
    int order = strcmp(x->receiver, y->receiver);
    if (order == 0)
        order = strcmp(x->key, y->key);
    if (order == 0)
        order = x->alert < y->alert ? -1 : x->alert > y->alert;
    return order;
}

static bool same_group(const struct membership *a, const struct membership *b)
{
    return strcmp(a->receiver, b->receiver) == 0 && strcmp(a->key, b->key) == 0;
}

static void put_group_end(const struct membership *m, struct str *out)
{
    str_add(out, "],\"labels\":");
    silencing_put_map(&m->labels, out);
    str_add(out, ",\"receiver\":{");
    put_string(out, "name", m->receiver);
    str_add(out, "}}");
}

void am_put_groups(struct am_view *v, struct str *out)
{
    struct grouping g = {.v = v};
    for (size_t i = 0; i < v->known.alert_count; i++) {
        g.alert = &v->known.alerts[i];
        if (is_wanted(v, g.alert))
            route_walk(v->routing, &g.alert->labels, take_group, &g);
    }
    if (g.list.len)
        qsort(g.list.at, g.list.len, sizeof(*g.list.at), by_group);
    str_addc(out, '[');
    for (size_t i = 0; i < g.list.len; i++) {
        const struct membership *m = &g.list.at[i];
        bool first = i == 0 || !same_group(m, m - 1);
        str_add(out, !first ? "," : i == 0 ? "{\"alerts\":[" : ",{\"alerts\":[");
        put_alert(v, m->alert, out);
        if (i + 1 == g.list.len || !same_group(m, m + 1))
            put_group_end(m, out);
    }
    str_add(out, "]\n");
    vec_release(&g.list);
}
