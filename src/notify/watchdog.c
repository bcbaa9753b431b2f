#include "notify/watchdog.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/http.h"
#include "model/message.h"
#include "notify/access.h"
#include "notify/send.h"
#include "notify/verdict.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define ROUTE "{}/{alertname=\"Watchdog\"}"
#define SUMMARY "nines is at work. This alert always fires: when it stops, nobody watches."
#define ANSWER_MAX 4096

/* One request, or one integration, of the beat under way. */
struct line {
    struct watchdog *watchdog;
    const struct integration_def *def; /* NULL: the address */
    struct http_call *http;
    void *delivery;
    bool busy;
};

struct watchdog {
    const struct notifier_env *env;
    struct notifier_env blind; /* the same, and nobody looks */
    int64_t (*mono_us)(void *ctx);
    void *ctx;
    uv_timer_t timer;
    struct config *config;
    const struct watchdog_config *def; /* of it; NULL: none */
    int64_t due_us;                    /* mono */
    int64_t started_us;                /* engine time of the first */

    struct line *lines;
    size_t line_count, busy;
    bool any; /* of the beat under way one was delivered */
    struct arena arena;
    struct notification note;
    char key[64];

    _Atomic int64_t alive_us; /* mono */
    pthread_mutex_t mutex;
    struct watchdog_stats stats;
};

static int64_t mono_now(const struct watchdog *w)
{
    return w->mono_us ? w->mono_us(w->ctx) : clock_mono_ns() / NSEC_PER_USEC;
}

/* ---- the end of a beat ---------------------------------------------------------------- */

static void line_ended(struct line *l, enum delivery d, const char *detail)
{
    struct watchdog *w = l->watchdog;
    l->busy = false;
    l->delivery = NULL;
    l->http = NULL;
    pthread_mutex_lock(&w->mutex);
    if (d != DELIVERY_OK)
        snprintf(w->stats.detail, sizeof(w->stats.detail), "%s%s%s", l->def ? l->def->name : "",
                 l->def ? ": " : "", detail);
    w->any = w->any || d == DELIVERY_OK;
    if (--w->busy == 0) {
        w->stats.delivered += w->any;
        w->stats.failed += !w->any;
        if (w->any)
            w->stats.last_us = w->env->now_us(w->env->ctx);
    }
    pthread_mutex_unlock(&w->mutex);
}

static void on_delivered(void *ctx, enum delivery d, const char *detail, int64_t retry_after_us)
{
    (void)retry_after_us;
    line_ended(ctx, d, detail);
}

static void on_response(void *ctx, const struct http_response *r)
{
    struct line *l = ctx;
    struct verdict v;
    verdict_http(r, l->watchdog->env->now_us(l->watchdog->env->ctx), &v);
    line_ended(l, v.delivery, v.detail);
}

/* A late word is worth nothing. */
static void cancel(struct watchdog *w)
{
    bool cut = w->busy > 0;
    for (size_t i = 0; i < w->line_count; i++) {
        struct line *l = &w->lines[i];
        if (l->busy && l->http)
            http_cancel(l->http);
        else if (l->busy)
            send_cancel(l->def, l->delivery);
        l->busy = false;
        l->http = NULL;
        l->delivery = NULL;
    }
    w->busy = 0;
    pthread_mutex_lock(&w->mutex);
    w->stats.delivered += cut && w->any;
    w->stats.failed += cut && !w->any;
    if (cut && w->any)
        w->stats.last_us = w->env->now_us(w->env->ctx);
    else if (cut)
        str_copy(w->stats.detail, sizeof(w->stats.detail), "no answer before the next was due");
    pthread_mutex_unlock(&w->mutex);
}

/* ---- a beat ----------------------------------------------------------------------------- */

static struct string_map one_pair(struct arena *a, const char *key, const char *value)
{
    struct string_map map = {arena_alloc(a, 2 * sizeof(*map.at)), 1};
    map.at[0] = (struct pair){.key = key, .value = value};
    return map;
}

static const struct message *make_message(struct watchdog *w, int64_t now_us)
{
    struct arena *a = &w->arena;
    struct message *m = arena_alloc(a, sizeof(*m));
    struct message_alert *alert = arena_alloc(a, sizeof(*alert));
    char *fingerprint = arena_alloc(a, FINGERPRINT_SIZE);
    struct str key;
    *alert = (struct message_alert){.firing = true,
                                    .labels = one_pair(a, "alertname", "Watchdog"),
                                    .annotations = one_pair(a, "summary", SUMMARY),
                                    .starts_us = w->started_us,
                                    .generator_url = w->config->daemon.external_url};
    alert->labels.at[1] = (struct pair){.key = "severity", .value = "none"};
    alert->labels.n = 2;
    alert->fingerprint = message_fingerprint(fingerprint, &alert->labels);
    *m = (struct message){.receiver = w->def->receiver,
                          .firing = true,
                          .group_labels = one_pair(a, "alertname", "Watchdog"),
                          .external_url = w->config->daemon.external_url,
                          .alerts = alert,
                          .alert_count = 1,
                          .at_us = now_us};
    str_init(&key, 256);
    message_group_key(ROUTE, &m->group_labels, &key);
    m->group_key = arena_strdup(a, key.buf);
    str_release(&key);
    message_common(m, a);
    return m;
}

static void ask(struct line *l)
{
    static const char *const headers[] = {"User-Agent: nines/" NINES_VERSION};
    struct watchdog *w = l->watchdog;
    const struct http_request r = {
        .method = w->def->method == WATCHDOG_POST ? "POST" : "GET",
        .url = w->def->url.value,
        .headers = headers,
        .header_count = 1,
        .timeout_us = ACCESS_TIMEOUT_US,
        .max_body = ANSWER_MAX,
    };
    l->http = http_start(w->env->http, &r, NULL, on_response, l);
}

static void tell(struct line *l)
{
    struct watchdog *w = l->watchdog;
    void *delivery = send_begin(&w->blind, l->def, &w->note, on_delivered, l);
    if (delivery)
        l->delivery = delivery;
}

static void beat(struct watchdog *w)
{
    int64_t now_us = w->env->now_us(w->env->ctx);
    arena_reset(&w->arena);
    if (w->started_us == 0)
        w->started_us = now_us;
    snprintf(w->key, sizeof(w->key), "watchdog-%lld-%lld", (long long)w->started_us,
             (long long)now_us);
    w->note = (struct notification){.dedup_key = w->key};
    if (w->def->receiver)
        w->note.message = make_message(w, now_us);
    w->any = false;
    w->busy = w->line_count;
    pthread_mutex_lock(&w->mutex);
    w->stats.detail[0] = '\0';
    pthread_mutex_unlock(&w->mutex);
    for (size_t i = 0; i < w->line_count; i++) {
        struct line *l = &w->lines[i];
        l->busy = true;
        if (l->def)
            tell(l);
        else
            ask(l);
    }
}

static void on_timer(uv_timer_t *t);

static void schedule(struct watchdog *w)
{
    int64_t wait_us = w->due_us - mono_now(w);
    if (w->mono_us)
        return;
    uv_update_time(w->env->loop);
    uv_timer_start(&w->timer, on_timer, wait_us > 0 ? (uint64_t)(wait_us / USEC_PER_MSEC + 1) : 0,
                   0);
}

static void on_timer(uv_timer_t *t)
{
    watchdog_turn(container_of(t, struct watchdog, timer));
}

void watchdog_turn(struct watchdog *w)
{
    int64_t now = mono_now(w);
    if (!w->def)
        return;
    if (now >= w->due_us) {
        bool silent = now - atomic_load(&w->alive_us) > WATCHDOG_PATIENCE_US;
        cancel(w);
        pthread_mutex_lock(&w->mutex);
        w->stats.withheld += silent && !w->stats.silent;
        w->stats.silent = silent;
        pthread_mutex_unlock(&w->mutex);
        w->due_us = now + (silent ? WATCHDOG_AGAIN_US : w->def->every_us);
        if (!silent)
            beat(w);
    }
    schedule(w);
}

/* ---- life ----------------------------------------------------------------------------- */

static const struct receiver_def *find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->receiver_count; i++)
        if (str_eq(config->receivers[i]->name, name))
            return config->receivers[i];
    return NULL;
}

static void make_lines(struct watchdog *w)
{
    const struct receiver_def *to = w->def->receiver ? find(w->config, w->def->receiver) : NULL;
    size_t n = w->def->receiver ? (to ? to->n : 0) : 1;
    w->lines = mem_array(n + 1, sizeof(*w->lines));
    w->line_count = n;
    for (size_t i = 0; i < n; i++)
        w->lines[i] = (struct line){.watchdog = w, .def = to ? &to->at[i] : NULL};
}

/* What was under way begins again at once, and so does what is new. */
void watchdog_configure(struct watchdog *w, struct config *config)
{
    bool at_once = w->busy > 0 || !w->def;
    cancel(w);
    free(w->lines);
    w->lines = NULL;
    w->line_count = 0;
    config_ref(config);
    config_unref(w->config);
    w->config = config;
    w->def = config->daemon.watchdog.every_us > 0 ? &config->daemon.watchdog : NULL;
    pthread_mutex_lock(&w->mutex);
    w->stats.on = w->def != NULL;
    w->stats.every_us = w->def ? w->def->every_us : 0;
    pthread_mutex_unlock(&w->mutex);
    uv_timer_stop(&w->timer);
    if (!w->def)
        return;
    make_lines(w);
    int64_t now = mono_now(w);
    if (at_once || w->due_us > now + w->def->every_us)
        w->due_us = now;
    schedule(w);
}

struct watchdog *watchdog_new(const struct watchdog_options *o)
{
    struct watchdog *w = mem_alloc(sizeof(*w));
    w->env = o->env;
    w->mono_us = o->mono_us;
    w->ctx = o->ctx;
    pthread_mutex_init(&w->mutex, NULL);
    uv_timer_init(w->env->loop, &w->timer);
    w->blind = *o->env;
    w->blind.show = NULL;
    atomic_store(&w->alive_us, mono_now(w)); /* time to come up */
    watchdog_configure(w, o->config);
    return w;
}

static void on_closed(uv_handle_t *h)
{
    struct watchdog *w = container_of((uv_timer_t *)h, struct watchdog, timer);
    pthread_mutex_destroy(&w->mutex);
    arena_release(&w->arena);
    free(w->lines);
    config_unref(w->config);
    free(w);
}

void watchdog_close(struct watchdog *w)
{
    cancel(w);
    uv_close((uv_handle_t *)&w->timer, on_closed);
}

void watchdog_alive(struct watchdog *w)
{
    atomic_store(&w->alive_us, mono_now(w));
}

void watchdog_get_stats(struct watchdog *w, struct watchdog_stats *ret)
{
    pthread_mutex_lock(&w->mutex);
    *ret = w->stats;
    pthread_mutex_unlock(&w->mutex);
}
