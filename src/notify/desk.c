#include "notify/desk.h"

#include "alert/default_route.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "nines/notifier.h"
#include "notify/orders.h"
#include "wire/message.h"

#include <assert.h>
#include <string.h>

struct desk {
    struct desk_options o; /* the config is of the reference below */
    struct config *config;
    struct arena config_arena; /* of what dispatch_config is made of */
    struct dispatch_config dispatch_config;
    struct dispatch *dispatch;
    struct orders waiting;  /* alerts that came before the restore */
    struct order *silences; /* those in force; or NULL */
    bool restored;
    int64_t told_us; /* with told_time */

    /* of the transaction under way */
    struct arena arena;
    VEC(struct dispatch_row) rows;
};

/* ---- rows ---------------------------------------------------------------------------------- */

static struct notified_set copy_set(struct arena *arena, const struct notified_set *set)
{
    uint64_t *at = arena_alloc(arena, (set->n + 1) * sizeof(*at));
    for (size_t i = 0; i < set->n; i++)
        at[i] = set->at[i];
    return (struct notified_set){at, set->n};
}

/* The message as text. What would be too long to be read again loses alerts at its end. */
static const char *payload(struct desk *d, const struct message *m)
{
    struct message part = *m;
    struct str text;
    str_init(&text, MESSAGE_TEXT_MAX);
    message_write(&part, &text);
    while (text.overflow && part.alert_count > 0) {
        size_t left = part.alert_count / 2;
        part.truncated += (int64_t)(part.alert_count - left);
        part.alert_count = left;
        str_clear(&text);
        message_write(&part, &text);
    }
    const char *ret = text.overflow ? NULL : arena_strndup(&d->arena, text.buf, text.len);
    str_release(&text);
    return ret;
}

static void on_send(void *ctx, const struct dispatch_send *s)
{
    struct desk *d = ctx;
    const char *text = payload(d, s->message);
    struct outbox_new *out = arena_alloc(&d->arena, sizeof(*out));
    assert(text); /* labels of a group have their limits */
    *out = (struct outbox_new){.receiver = arena_strdup(&d->arena, s->receiver),
                               .integration = arena_strdup(&d->arena, s->integration),
                               .group_key = arena_strdup(&d->arena, s->message->group_key),
                               .dedup_key = arena_strdup(&d->arena, s->dedup_key),
                               .payload = text,
                               .created_us = s->message->at_us};
    vec_push(&d->rows, ((struct dispatch_row){.kind = DISPATCH_MESSAGE, .message = out}));
}

static void on_told(void *ctx, const struct notified *e)
{
    struct desk *d = ctx;
    struct notified *out = arena_alloc(&d->arena, sizeof(*out));
    *out = (struct notified){.group_key = arena_strdup(&d->arena, e->group_key),
                             .receiver = arena_strdup(&d->arena, e->receiver),
                             .integration = arena_strdup(&d->arena, e->integration),
                             .told_us = e->told_us,
                             .firing = copy_set(&d->arena, &e->firing),
                             .resolved = copy_set(&d->arena, &e->resolved)};
    vec_push(&d->rows, ((struct dispatch_row){.kind = DISPATCH_TOLD, .told = out}));
}

static void add_group(struct desk *d, enum dispatch_row_kind kind, const struct dispatch_group *g)
{
    struct dispatch_group *out = arena_alloc(&d->arena, sizeof(*out));
    *out = *g;
    out->group_key = arena_strdup(&d->arena, g->group_key);
    out->receiver = arena_strdup(&d->arena, g->receiver);
    vec_push(&d->rows, ((struct dispatch_row){.kind = kind, .group = out}));
}

static void on_group(void *ctx, const struct dispatch_group *g)
{
    add_group(ctx, DISPATCH_GROUP, g);
}

static void on_gone(void *ctx, const struct dispatch_group *g)
{
    add_group(ctx, DISPATCH_GROUP_GONE, g);
}

static void on_done(void *ctx, const char *fingerprint)
{
    struct desk *d = ctx;
    struct told_alert *out = arena_alloc(&d->arena, sizeof(*out));
    *out = (struct told_alert){.fingerprint = arena_strdup(&d->arena, fingerprint), .alert = ""};
    vec_push(&d->rows, ((struct dispatch_row){.kind = DISPATCH_ALERT_DONE, .alert = out}));
}

static void add_alert(struct desk *d, const struct message_alert *a, int64_t at_us)
{
    struct told_alert *out = arena_alloc(&d->arena, sizeof(*out));
    struct str text;
    str_init(&text, MESSAGE_TEXT_MAX);
    message_alert_write(a, &text);
    assert(!text.overflow);
    *out = (struct told_alert){.fingerprint = arena_strdup(&d->arena, a->fingerprint),
                               .alert = arena_strndup(&d->arena, text.buf, text.len),
                               .at_us = at_us};
    str_release(&text);
    vec_push(&d->rows, ((struct dispatch_row){.kind = DISPATCH_ALERT, .alert = out}));
}

/* The end of a transaction. */
static void hand_over(struct desk *d)
{
    if (d->rows.len > 0)
        d->o.rows(d->o.ctx, d->rows.at, d->rows.len);
    vec_clear(&d->rows);
    arena_reset(&d->arena);
}

/* ---- the configuration ------------------------------------------------------------------ */

static struct dispatch_receiver receiver_of(struct arena *arena, const struct receiver_def *def)
{
    struct dispatch_integration *at = arena_alloc(arena, (def->n + 1) * sizeof(*at));
    for (size_t i = 0; i < def->n; i++)
        at[i] = (struct dispatch_integration){.name = def->at[i].name,
                                              .send_resolved = def->at[i].spec->send_resolved};
    return (struct dispatch_receiver){.name = def->name, .at = at, .n = def->n};
}

/* Without receivers there is one without a name, so that alerts have a group. */
static struct dispatch_config config_of(struct arena *arena, const struct config *config)
{
    size_t n = config->receiver_count;
    struct dispatch_receiver *receivers = arena_alloc(arena, (n + 1) * sizeof(*receivers));
    for (size_t i = 0; i < n; i++)
        receivers[i] = receiver_of(arena, config->receivers[i]);
    if (n == 0)
        receivers[n++].name = "";
    return (struct dispatch_config){
        .routing = config->routing ? config->routing : default_route(config, arena),
        .receivers = receivers,
        .receiver_count = n,
        .external_url = config->daemon.external_url ? config->daemon.external_url : ""};
}

static int64_t time_of(const struct desk *d, int64_t now_us)
{
    return d->o.told_time ? d->told_us : now_us;
}

void desk_configure(struct desk *d, struct config *config, int64_t now_us)
{
    struct arena before = d->config_arena;
    d->config_arena = (struct arena){0};
    d->dispatch_config = config_of(&d->config_arena, config);
    dispatch_configure(d->dispatch, &d->dispatch_config, time_of(d, now_us));
    config_ref(config);
    config_unref(d->config);
    d->config = config;
    arena_release(&before);
    hand_over(d);
}

void desk_silences(struct desk *d, struct order *o)
{
    assert(o->kind == ORDER_SILENCES);
    dispatch_silences(d->dispatch, o->silences, o->n);
    if (d->silences)
        order_free(d->silences);
    d->silences = o;
}

/* ---- alerts and time ----------------------------------------------------------------------- */

/* Instants with told time: what happens after a time was told happens after that time,
 * whether or not something happened at it, which a restart forgets. */
static int64_t after_told(const struct desk *d, int64_t t_us)
{
    return t_us > d->told_us ? t_us : d->told_us + 1;
}

/* Flushes what is due before `until_us`, each at its time. */
static void catch_up(struct desk *d, int64_t until_us)
{
    int64_t next;
    while ((next = dispatch_next(d->dispatch)) < until_us) {
        d->told_us = after_told(d, next);
        dispatch_tick(d->dispatch, d->told_us);
        hand_over(d);
    }
}

static void put_one(struct desk *d, const struct message_alert *a, int64_t at_us, int64_t now_us)
{
    add_alert(d, a, at_us);
    /* Without room it is counted, and stays stored for the next start. */
    (void)dispatch_put(d->dispatch, a, at_us, now_us, &(struct err){0});
}

static void put_now(struct desk *d, struct order *o, int64_t now_us)
{
    int64_t at_us = o->at_us;
    if (d->o.told_time) {
        at_us = now_us = after_told(d, at_us);
        d->told_us = at_us - 1; /* more may come at this instant */
    }
    at_us = dispatch_time(d->dispatch, at_us);
    for (size_t i = 0; i < o->n; i++)
        put_one(d, &o->alerts[i], at_us, now_us);
    hand_over(d);
    order_free(o);
}

void desk_put(struct desk *d, struct order *o, int64_t now_us)
{
    assert(o->kind == ORDER_ALERTS);
    if (!d->restored) {
        orders_push(&d->waiting, o);
        return;
    }
    if (d->o.told_time)
        catch_up(d, o->at_us);
    put_now(d, o, now_us);
}

void desk_time(struct desk *d, int64_t now_us)
{
    if (!d->restored) {
        d->told_us = now_us > d->told_us ? now_us : d->told_us;
        return;
    }
    if (!d->o.told_time) {
        dispatch_tick(d->dispatch, now_us);
        hand_over(d);
        return;
    }
    if (now_us < d->told_us)
        return;
    catch_up(d, now_us + 1);
    d->told_us = now_us > d->told_us ? now_us : d->told_us;
}

int64_t desk_due_us(const struct desk *d)
{
    return d->restored && !d->o.told_time ? dispatch_next(d->dispatch) : INT64_MAX;
}

/* An alert that cannot be read is not one that was told: whoever knows that it should be
 * on puts it. */
static void restore_alert(struct desk *d, struct arena *arena, const struct told_alert *row,
                          int64_t now_us)
{
    struct message_alert a;
    struct err err;
    if (row->at_us <= 0 ||
        message_alert_read(row->alert, strlen(row->alert), arena, &a, &err) < 0) {
        on_done(d, row->fingerprint);
        return;
    }
    int64_t at_us = row->at_us < now_us ? row->at_us : now_us;
    (void)dispatch_put(d->dispatch, &a, at_us, now_us, &err);
}

void desk_restore(struct desk *d, struct order *o, int64_t now_us)
{
    assert(o->kind == ORDER_RESTORE && !d->restored);
    const struct dispatch_past *past = &o->past;
    int64_t now = time_of(d, now_us);
    dispatch_restore(d->dispatch, past->groups, past->group_count, past->told, past->told_count,
                     now);
    for (size_t i = 0; i < past->alert_count; i++)
        restore_alert(d, &o->arena, &past->alerts[i], now);
    hand_over(d);
    order_free(o);
    d->restored = true;
    for (struct order *w; (w = orders_pop(&d->waiting));)
        put_now(d, w, now_us);
}

/* ---- its life ------------------------------------------------------------------------------ */

struct desk *desk_new(const struct desk_options *o)
{
    struct desk *d = mem_alloc(sizeof(*d));
    const struct dispatch_hooks hooks = {.send = on_send,
                                         .told = on_told,
                                         .group = on_group,
                                         .gone = on_gone,
                                         .done = on_done,
                                         .ctx = d};
    d->o = *o;
    d->config = config_ref(o->config);
    d->told_us = o->now_us;
    d->dispatch_config = config_of(&d->config_arena, d->config);
    d->dispatch = dispatch_new(&d->dispatch_config, &hooks);
    orders_init(&d->waiting);
    return d;
}

void desk_free(struct desk *d)
{
    dispatch_free(d->dispatch);
    for (struct order *w; (w = orders_pop(&d->waiting));)
        order_free(w);
    if (d->silences)
        order_free(d->silences);
    config_unref(d->config);
    arena_release(&d->config_arena);
    arena_release(&d->arena);
    vec_release(&d->rows);
    mem_free(&d);
}

void desk_get_stats(const struct desk *d, struct dispatch_stats *ret)
{
    dispatch_get_stats(d->dispatch, ret);
}
