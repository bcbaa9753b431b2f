/*
 * Random alerts, silences and reloads on a clock that is told: a notify thread that is
 * ended and started anew from the rows it gave before every step gives the same rows as
 * one that lives on, whatever the threads' timing.
 */
#include "../cmocka_all.h"

#include "alert/dispatch.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "io/http.h"
#include "model/matcher.h"
#include "model/message.h"
#include "notify/kinds.h"
#include "notify/notify.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define S 1000000LL
#define BEGIN (1790000000LL * S)
#define ALERTS 12
#define STEPS 150
#define RUNS 60

/* ---- a store ------------------------------------------------------------------------------- */

struct group_row {
    char *key, *receiver;
    int64_t began_us, next_us, flushed_us;
};

struct told_row {
    char *key, *receiver, *integration;
    int64_t told_us;
    VEC(uint64_t) firing, resolved;
};

struct alert_row {
    char *fingerprint, *alert;
    int64_t at_us;
};

struct world {
    struct notify *notify;
    struct str said; /* every row, as text; the thread writes, sync makes it ours */
    VEC(struct alert_row) alerts;
    VEC(struct group_row) groups;
    VEC(struct told_row) told;
    bool anew;
    int messages;
};

static size_t alert_at(const struct world *w, const char *fingerprint)
{
    size_t i = 0;
    while (i < w->alerts.len && !str_eq(w->alerts.at[i].fingerprint, fingerprint))
        i++;
    return i;
}

static void forget_alert(struct world *w, const char *fingerprint)
{
    size_t i = alert_at(w, fingerprint);
    if (i == w->alerts.len)
        return;
    mem_free(&w->alerts.at[i].fingerprint);
    mem_free(&w->alerts.at[i].alert);
    w->alerts.at[i] = w->alerts.at[--w->alerts.len];
}

static void keep_alert(struct world *w, const struct told_alert *a)
{
    forget_alert(w, a->fingerprint);
    vec_push(&w->alerts,
             ((struct alert_row){mem_strdup(a->fingerprint), mem_strdup(a->alert), a->at_us}));
    str_addf(&w->said, "alert %s %lld %s\n", a->fingerprint, (long long)a->at_us, a->alert);
}

static void free_told(struct told_row *t)
{
    mem_free(&t->key);
    mem_free(&t->receiver);
    mem_free(&t->integration);
    vec_release(&t->firing);
    vec_release(&t->resolved);
}

static void forget_group(struct world *w, const struct dispatch_group *g)
{
    for (size_t i = w->groups.len; i-- > 0;) {
        struct group_row *row = &w->groups.at[i];
        if (!str_eq(row->key, g->group_key) || !str_eq(row->receiver, g->receiver))
            continue;
        mem_free(&row->key);
        mem_free(&row->receiver);
        *row = w->groups.at[--w->groups.len];
    }
}

static void group_gone(struct world *w, const struct dispatch_group *g)
{
    forget_group(w, g);
    for (size_t i = w->told.len; i-- > 0;) {
        struct told_row *row = &w->told.at[i];
        if (!str_eq(row->key, g->group_key) || !str_eq(row->receiver, g->receiver))
            continue;
        free_told(row);
        *row = w->told.at[--w->told.len];
    }
    str_addf(&w->said, "gone %s %s\n", g->receiver, g->group_key);
}

static void keep_group(struct world *w, const struct dispatch_group *g)
{
    forget_group(w, g);
    vec_push(&w->groups, ((struct group_row){mem_strdup(g->group_key), mem_strdup(g->receiver),
                                             g->began_us, g->next_us, g->flushed_us}));
    str_addf(&w->said, "group %s %s %lld %lld\n", g->receiver, g->group_key, (long long)g->next_us,
             (long long)g->flushed_us);
}

static void keep_told(struct world *w, const struct notified *e)
{
    struct told_row row = {.key = mem_strdup(e->group_key),
                           .receiver = mem_strdup(e->receiver),
                           .integration = mem_strdup(e->integration),
                           .told_us = e->told_us};
    str_addf(&w->said, "told %s/%s %s %lld", e->receiver, e->integration, e->group_key,
             (long long)e->told_us);
    for (size_t i = 0; i < e->firing.n; i++) {
        vec_push(&row.firing, e->firing.at[i]);
        str_addf(&w->said, " %llx", (unsigned long long)e->firing.at[i]);
    }
    for (size_t i = 0; i < e->resolved.n; i++) {
        vec_push(&row.resolved, e->resolved.at[i]);
        str_addf(&w->said, " -%llx", (unsigned long long)e->resolved.at[i]);
    }
    str_addc(&w->said, '\n');
    for (size_t i = w->told.len; i-- > 0;) {
        struct told_row *old = &w->told.at[i];
        if (!str_eq(old->key, row.key) || !str_eq(old->receiver, row.receiver) ||
            !str_eq(old->integration, row.integration))
            continue;
        free_told(old);
        *old = w->told.at[--w->told.len];
    }
    vec_push(&w->told, row);
}

static void on_rows(void *ctx, const struct dispatch_row *rows, size_t n)
{
    struct world *w = ctx;
    for (size_t i = 0; i < n; i++) {
        switch (rows[i].kind) {
        case DISPATCH_ALERT:
            keep_alert(w, rows[i].alert);
            break;
        case DISPATCH_ALERT_DONE:
            forget_alert(w, rows[i].alert->fingerprint);
            str_addf(&w->said, "done %s\n", rows[i].alert->fingerprint);
            break;
        case DISPATCH_GROUP:
            keep_group(w, rows[i].group);
            break;
        case DISPATCH_GROUP_GONE:
            group_gone(w, rows[i].group);
            break;
        case DISPATCH_TOLD:
            keep_told(w, rows[i].told);
            break;
        case DISPATCH_MESSAGE:
            w->messages++;
            str_addf(&w->said, "message %s/%s %s %s %lld %s\n", rows[i].message->receiver,
                     rows[i].message->integration, rows[i].message->group_key,
                     rows[i].message->dedup_key, (long long)rows[i].message->created_us,
                     rows[i].message->payload);
            break;
        }
    }
    str_add(&w->said, "--\n");
}

static void restore(struct world *w)
{
    struct told_alert alerts[ALERTS + 1];
    struct dispatch_group *groups = mem_array(w->groups.len + 1, sizeof(*groups));
    struct notified *told = mem_array(w->told.len + 1, sizeof(*told));
    assert_true(w->alerts.len <= ALERTS);
    for (size_t i = 0; i < w->alerts.len; i++)
        alerts[i] = (struct told_alert){w->alerts.at[i].fingerprint, w->alerts.at[i].alert,
                                        w->alerts.at[i].at_us};
    for (size_t i = 0; i < w->groups.len; i++) {
        const struct group_row *g = &w->groups.at[i];
        groups[i] =
            (struct dispatch_group){g->key, g->receiver, g->began_us, g->next_us, g->flushed_us};
    }
    for (size_t i = 0; i < w->told.len; i++) {
        const struct told_row *t = &w->told.at[i];
        told[i] = (struct notified){t->key,
                                    t->receiver,
                                    t->integration,
                                    t->told_us,
                                    {t->firing.at, t->firing.len},
                                    {t->resolved.at, t->resolved.len}};
    }
    notify_restore(w->notify, &(struct dispatch_past){alerts, w->alerts.len, groups, w->groups.len,
                                                      told, w->told.len});
    free(groups);
    free(told);
}

/* ---- the scene ----------------------------------------------------------------------------- */

struct scene {
    struct arena arena;
    struct config *configs[2], *config;
    struct pair pairs[ALERTS][4];
    char values[ALERTS][4][8], fingerprints[ALERTS][FINGERPRINT_SIZE];
    bool fires[ALERTS];
    int64_t since_us[ALERTS];
    struct silence silences[2];
    struct world live, anew;
    int64_t now_us;
    unsigned dice;
};

static unsigned roll(struct scene *c, unsigned n)
{
    c->dice = c->dice * 1103515245U + 12345U;
    return (c->dice >> 16) % n;
}

static int64_t no_clock(void *ctx)
{
    (void)ctx;
    return BEGIN;
}

static void begin(struct scene *c, struct world *w)
{
    struct err err;
    const struct notify_options o = {
        .config = c->config, .told_time = true, .rows = on_rows, .now_us = no_clock, .ctx = w};
    if (notify_start(&o, &w->notify, &err) < 0)
        fail_msg("%s", err.msg);
    const struct silence *list[] = {&c->silences[0], &c->silences[1]};
    notify_set_silences(w->notify, list, 2);
    notify_time(w->notify, c->now_us);
}

static void start(struct scene *c, struct world *w)
{
    begin(c, w);
    restore(w);
}

static void put(struct scene *c, struct world *w, size_t i)
{
    struct pair note = {.key = "summary", .value = "it burns"};
    struct message_alert a = {.firing = c->fires[i],
                              .labels = {c->pairs[i], 4},
                              .annotations = {&note, 1},
                              .starts_us = c->since_us[i],
                              .ends_us = c->fires[i] ? 0 : c->now_us,
                              .fingerprint = c->fingerprints[i],
                              .generator_url = ""};
    notify_put(w->notify, &a, 1, c->now_us);
}

static void silence_again(struct scene *c)
{
    struct silence *s = &c->silences[roll(c, 2)];
    s->starts_us = c->now_us + roll(c, 20) * S;
    s->ends_us = s->starts_us + (int64_t)roll(c, 80) * S;
}

/* What happens to both; the one anew may find it when it starts. */
static void happen(struct scene *c, struct world *w, unsigned what, size_t i)
{
    const struct silence *list[] = {&c->silences[0], &c->silences[1]};
    if (what == 0)
        notify_set_silences(w->notify, list, 2);
    else if (what > 1 && what < 8)
        put(c, w, i);
    notify_time(w->notify, c->now_us);
    if (what == 1)
        notify_set_config(w->notify, c->config);
    assert_true(notify_sync(w->notify, 60 * USEC_PER_SEC));
}

static void step(struct scene *c)
{
    unsigned what = roll(c, 12);
    size_t i = roll(c, ALERTS);
    notify_stop(c->anew.notify, 0);
    start(c, &c->anew);
    c->now_us += (1 + (int64_t)roll(c, 20)) * S;
    if (what == 0)
        silence_again(c);
    else if (what == 1)
        c->config = c->configs[roll(c, 2)];
    else if (what < 8) {
        bool fires = what < 6;
        if (!fires && !c->fires[i])
            what = 11;
        if (fires && !c->fires[i])
            c->since_us[i] = c->now_us - (int64_t)roll(c, 30) * S;
        c->fires[i] = fires;
    }
    happen(c, &c->live, what, i);
    happen(c, &c->anew, what, i);
    if (strcmp(c->live.said.buf, c->anew.said.buf) != 0) {
        fprintf(stderr, "%s\nanew:\n%s\n", c->live.said.buf, c->anew.said.buf);
        fail_msg("at %lld", (long long)((c->now_us - BEGIN) / S));
    }
    str_clear(&c->live.said);
    str_clear(&c->anew.said);
}

static void make_alerts(struct scene *c)
{
    static const char *const names[] = {"g", "h", "i", "n"};
    for (size_t i = 0; i < ALERTS; i++) {
        const size_t values[] = {i % 3, i % 2, i % 4, i};
        for (size_t k = 0; k < 4; k++) {
            snprintf(c->values[i][k], sizeof(c->values[i][k]), "%zu", values[k]);
            c->pairs[i][k] = (struct pair){.key = names[k], .value = c->values[i][k]};
        }
        message_fingerprint(c->fingerprints[i], &(struct string_map){c->pairs[i], 4});
    }
    for (size_t i = 0; i < 2; i++) {
        struct err err;
        size_t at;
        c->silences[i] =
            (struct silence){.id = i ? "1" : "0", .author = "me", .comment = "quiet", .ends_us = 1};
        assert_int_equal(matchers_parse(i ? "g=1" : "n=~\"[2468]\"", &c->arena,
                                        &c->silences[i].matchers, &at, &err),
                         0);
    }
}

static void end_world(struct world *w)
{
    notify_stop(w->notify, 0);
    while (w->alerts.len > 0)
        forget_alert(w, w->alerts.at[0].fingerprint);
    while (w->groups.len > 0)
        forget_group(w, &(struct dispatch_group){.group_key = w->groups.at[0].key,
                                                 .receiver = w->groups.at[0].receiver});
    for (size_t i = 0; i < w->told.len; i++)
        free_told(&w->told.at[i]);
    vec_release(&w->alerts);
    vec_release(&w->groups);
    vec_release(&w->told);
    str_release(&w->said);
}

static void run(struct config *configs[2], unsigned seed)
{
    struct scene *c = mem_alloc(sizeof(*c));
    c->dice = seed;
    c->now_us = BEGIN;
    c->configs[0] = c->config = configs[0];
    c->configs[1] = configs[1];
    make_alerts(c);
    str_init(&c->live.said, 8 << 20);
    str_init(&c->anew.said, 8 << 20);
    start(c, &c->live);
    start(c, &c->anew);
    for (int i = 0; i < STEPS; i++)
        step(c);
    assert_true(c->live.messages > 50);
    assert_int_equal(c->live.messages, c->anew.messages);
    end_world(&c->live);
    end_world(&c->anew);
    for (size_t i = 0; i < 2; i++)
        matchers_release(&c->silences[i].matchers);
    arena_release(&c->arena);
    mem_free(&c);
}

/* ---- configurations ------------------------------------------------------------------------ */

static struct config *load(const char *text)
{
    static const struct probe_kind *const no_kinds[] = {NULL};
    static const struct notifier_kind *const notifiers[] = {&notifier_log, &notifier_webhook, NULL};
    const struct config_tables tables = {.probe_kinds = no_kinds, .notifiers = notifiers};
    char path[] = "/tmp/nines-notify-XXXXXX";
    int fd = mkstemp(path);
    const struct config_sources sources = {.config_file = path};
    struct diag diag = {0};
    struct config *c = NULL;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    if (config_load(&sources, &tables, &c, &diag) < 0)
        fail_msg("%d: %s", diag.items[0].pos.line, diag.items[0].text);
    diag_release(&diag);
    unlink(path);
    return c;
}

#define HEAD "apiVersion: nines/v1\nkind: Daemon\nprobes: []\nslos: []\n"
#define RECEIVERS                                                                                  \
    "receivers:\n"                                                                                 \
    "  - name: a\n"                                                                                \
    "    webhook_configs: [{url: 'http://127.0.0.1:1/', send_resolved: true},\n"                   \
    "                      {url: 'http://127.0.0.1:1/', send_resolved: false}]\n"                  \
    "  - name: b\n"                                                                                \
    "    webhook: {url: 'http://127.0.0.1:1/'}\n"

static const char routed[] =
    HEAD RECEIVERS "route:\n"
                   "  receiver: a\n  group_by: [g]\n  group_wait: 10s\n  group_interval: 30s\n"
                   "  repeat_interval: 100s\n"
                   "  routes:\n"
                   "    - {receiver: b, matchers: ['h=1'], group_by: [i], continue: true}\n"
                   "    - {receiver: a}\n"
                   "inhibit_rules:\n"
                   "  - {source_matchers: ['n=0'], target_matchers: ['i=3']}\n";

static void both(const char *one, const char *two)
{
    struct config *configs[] = {load(one), load(two)};
    for (unsigned seed = 1; seed <= RUNS / 2; seed++)
        run(configs, seed);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(configs[i]->refs, 1);
        config_unref(configs[i]);
    }
}

static void test_routed(void **state)
{
    (void)state;
    both(routed, routed);
}

/* A reload between routes and none. */
static void test_rerouted(void **state)
{
    (void)state;
    both(routed, HEAD RECEIVERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routed),
        cmocka_unit_test(test_rerouted),
    };
    http_global_init();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return rc;
}
