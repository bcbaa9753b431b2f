/*
 * Random alerts, silences and restarts: a dispatcher that is made anew from its rows before
 * every step says the same as one that lives on; and each alert that fires and is not held
 * back is told of in time, and again in time.
 */
#include "labels.h"

#include "alert/dispatch.h"
#include "base/str.h"
#include "model/message.h"

#include <stdlib.h>
#include <string.h>

#define S 1000000LL
#define BEGIN (1000 * S)
#define ALERTS 12
#define STEPS 400
#define WAIT 10
#define INTERVAL 30
#define REPEAT 100
#define ROWS_MAX 64

/* What is stored of an alert. */
struct row {
    bool present, firing;
    int64_t at_us, starts_us, ends_us;
};

struct log_row {
    char *key, *receiver, *integration;
    int64_t told_us;
    uint64_t firing[ALERTS], resolved[ALERTS];
    size_t firing_count, resolved_count;
};

struct group_row {
    char *key, *receiver;
    int64_t began_us, next_us, flushed_us;
};

struct world {
    struct dispatch *d;
    struct dispatch_config config;
    struct dispatch_hooks hooks;
    struct str said;
    struct row rows[ALERTS];
    char (*fingerprints)[FINGERPRINT_SIZE];
    struct log_row log[ROWS_MAX];
    size_t log_count;
    struct group_row groups[ROWS_MAX];
    size_t group_count;
    int64_t told_us[ALERTS]; /* when it was last told to be firing by receiver "a" */
};

struct scene {
    struct arena arena;
    struct routing_def routing;
    struct route_def routes[2];
    struct inhibit_def rule;
    struct string_map labels[ALERTS];
    char fingerprints[ALERTS][FINGERPRINT_SIZE];
    struct silence silences[2];
    struct world live, anew;
    int64_t free_since_us[ALERTS];
    int64_t held_to_it; /* times that an alert had to have been told of */
    unsigned dice;
};

static unsigned roll(struct scene *c, unsigned n)
{
    c->dice = c->dice * 1103515245U + 12345U;
    return (c->dice >> 16) % n;
}

/* ---- the store --------------------------------------------------------------------------- */

static void on_send(void *ctx, const struct dispatch_send *s)
{
    struct world *w = ctx;
    const struct message *m = s->message;
    str_addf(&w->said, "%lld %s/%s %s %d:", (long long)((m->at_us - BEGIN) / S), s->receiver,
             s->integration, s->dedup_key, s->why);
    for (size_t i = 0; i < m->alert_count; i++) {
        const char *n = matcher_label(&m->alerts[i].labels, "n");
        str_addf(&w->said, " %s%s", m->alerts[i].firing ? "" : "-", n);
        if (m->alerts[i].firing && str_eq(s->receiver, "a"))
            w->told_us[strtol(n, NULL, 10)] = m->at_us;
    }
    str_addc(&w->said, '\n');
}

static void on_told(void *ctx, const struct notified *e)
{
    struct world *w = ctx;
    size_t i = 0;
    while (i < w->log_count &&
           !(str_eq(w->log[i].key, e->group_key) && str_eq(w->log[i].receiver, e->receiver) &&
             str_eq(w->log[i].integration, e->integration)))
        i++;
    struct log_row *row = &w->log[i];
    if (i == w->log_count) {
        assert_true(++w->log_count < ROWS_MAX);
        row->key = mem_strdup(e->group_key);
        row->receiver = mem_strdup(e->receiver);
        row->integration = mem_strdup(e->integration);
    }
    row->told_us = e->told_us;
    row->firing_count = row->resolved_count = 0;
    for (size_t k = 0; k < e->firing.n; k++)
        row->firing[row->firing_count++] = e->firing.at[k];
    for (size_t k = 0; k < e->resolved.n; k++)
        row->resolved[row->resolved_count++] = e->resolved.at[k];
}

static size_t find_group(const struct world *w, const struct dispatch_group *g)
{
    size_t i = 0;
    while (i < w->group_count &&
           !(str_eq(w->groups[i].key, g->group_key) && str_eq(w->groups[i].receiver, g->receiver)))
        i++;
    return i;
}

static void on_group(void *ctx, const struct dispatch_group *g)
{
    struct world *w = ctx;
    size_t i = find_group(w, g);
    struct group_row *row = &w->groups[i];
    if (i == w->group_count) {
        assert_true(++w->group_count < ROWS_MAX);
        row->key = mem_strdup(g->group_key);
        row->receiver = mem_strdup(g->receiver);
    }
    row->began_us = g->began_us;
    row->next_us = g->next_us;
    row->flushed_us = g->flushed_us;
}

static void on_done(void *ctx, const char *fingerprint)
{
    struct world *w = ctx;
    for (size_t i = 0; i < ALERTS; i++)
        if (str_eq(w->fingerprints[i], fingerprint))
            w->rows[i].present = false;
}

static void free_log(struct log_row *row)
{
    mem_free(&row->key);
    mem_free(&row->receiver);
    mem_free(&row->integration);
}

static void on_gone(void *ctx, const struct dispatch_group *g)
{
    struct world *w = ctx;
    size_t i = find_group(w, g);
    assert_true(i < w->group_count);
    for (size_t k = w->log_count; k-- > 0;) {
        if (!str_eq(w->log[k].key, g->group_key) || !str_eq(w->log[k].receiver, g->receiver))
            continue;
        free_log(&w->log[k]);
        w->log[k] = w->log[--w->log_count];
    }
    mem_free(&w->groups[i].key);
    mem_free(&w->groups[i].receiver);
    w->groups[i] = w->groups[--w->group_count];
}

static void begin_world(struct scene *c, struct world *w)
{
    static const struct dispatch_integration both[] = {{"x", true}, {"y", false}};
    static const struct dispatch_receiver receivers[] = {{"a", both, 2}, {"b", both, 1}};
    w->config = (struct dispatch_config){
        .routing = &c->routing, .receivers = receivers, .receiver_count = 2, .external_url = ""};
    w->hooks = (struct dispatch_hooks){.send = on_send,
                                       .told = on_told,
                                       .group = on_group,
                                       .gone = on_gone,
                                       .done = on_done,
                                       .ctx = w};
    w->fingerprints = c->fingerprints;
    w->d = dispatch_new(&w->config, &w->hooks);
    str_init(&w->said, 8 << 20);
}

static void end_world(struct world *w)
{
    while (w->log_count > 0)
        free_log(&w->log[--w->log_count]);
    while (w->group_count > 0) {
        w->group_count--;
        mem_free(&w->groups[w->group_count].key);
        mem_free(&w->groups[w->group_count].receiver);
    }
    dispatch_free(w->d);
    str_release(&w->said);
}

static void put_row(struct scene *c, struct world *w, size_t i, int64_t now_us)
{
    const struct row *row = &w->rows[i];
    struct message_alert a = {.firing = row->firing,
                              .labels = c->labels[i],
                              .starts_us = row->starts_us,
                              .ends_us = row->ends_us,
                              .fingerprint = c->fingerprints[i]};
    assert_int_equal(dispatch_put(w->d, &a, row->at_us, now_us, NULL), 0);
}

static void restart(struct scene *c, struct world *w, int64_t now_us)
{
    struct notified entries[ROWS_MAX];
    struct dispatch_group groups[ROWS_MAX];
    struct dispatch *d = dispatch_new(&w->config, &w->hooks);
    for (size_t i = 0; i < w->log_count; i++) {
        const struct log_row *r = &w->log[i];
        entries[i] = (struct notified){.group_key = r->key,
                                       .receiver = r->receiver,
                                       .integration = r->integration,
                                       .told_us = r->told_us,
                                       .firing = {r->firing, r->firing_count},
                                       .resolved = {r->resolved, r->resolved_count}};
    }
    for (size_t i = 0; i < w->group_count; i++) {
        const struct group_row *r = &w->groups[i];
        groups[i] =
            (struct dispatch_group){r->key, r->receiver, r->began_us, r->next_us, r->flushed_us};
    }
    dispatch_restore(d, groups, w->group_count, entries, w->log_count, now_us);
    dispatch_free(w->d);
    w->d = d;
    dispatch_silences(d, c->silences, 2);
    for (size_t i = ALERTS; i-- > 0;) /* in any order */
        if (w->rows[i].present)
            put_row(c, w, i, now_us);
}

/* ---- the steps --------------------------------------------------------------------------- */

static void change(struct scene *c, struct world *w, size_t i, bool firing, int64_t now_us)
{
    struct row *row = &w->rows[i];
    if (!firing && !row->present)
        return;
    if (firing && !(row->present && row->firing))
        row->starts_us = now_us;
    row->present = true;
    row->firing = firing;
    row->ends_us = firing ? 0 : now_us;
    row->at_us = dispatch_time(w->d, now_us);
    put_row(c, w, i, now_us);
}

static bool is_held(const struct scene *c, size_t i, int64_t now_us)
{
    return i % 4 == 3 || silence_find(c->silences, 2, &c->labels[i], now_us);
}

/* Who fires, and was held back by nothing for as long as it may take, was told of not
 * longer ago than that. */
static void in_time(struct scene *c, const struct world *w, int64_t now_us)
{
    int64_t longest = (WAIT + REPEAT + 2 * INTERVAL) * S;
    for (size_t i = 0; i < ALERTS; i++) {
        const struct row *row = &w->rows[i];
        if (!row->present || !row->firing || is_held(c, i, now_us))
            c->free_since_us[i] = now_us;
        if (c->free_since_us[i] + longest > now_us)
            continue;
        c->held_to_it++;
        if (w->told_us[i] + longest < now_us)
            fail_msg("alert %zu was told of at %lld, and now is %lld", i,
                     (long long)((w->told_us[i] - BEGIN) / S), (long long)((now_us - BEGIN) / S));
    }
}

static void silence_again(struct scene *c, int64_t now_us)
{
    struct silence *s = &c->silences[roll(c, 2)];
    s->starts_us = now_us + roll(c, 20) * S;
    s->ends_us = s->starts_us + (int64_t)roll(c, 80) * S;
}

static void step(struct scene *c, int64_t now_us)
{
    unsigned what = roll(c, 12);
    size_t i = roll(c, ALERTS);
    restart(c, &c->anew, now_us);
    if (what == 0)
        silence_again(c, now_us);
    else if (what < 5)
        for (size_t k = 0; k < 2; k++)
            change(c, k ? &c->anew : &c->live, i, what < 4, now_us);
    restart(c, &c->anew, now_us);
    dispatch_tick(c->live.d, now_us);
    dispatch_tick(c->anew.d, now_us);
    if (strcmp(c->live.said.buf, c->anew.said.buf) != 0)
        fail_msg("at %lld:\n%s\nanew:\n%s", (long long)((now_us - BEGIN) / S), c->live.said.buf,
                 c->anew.said.buf);
    str_clear(&c->live.said);
    str_clear(&c->anew.said);
    in_time(c, &c->live, now_us);
}

/* root -> a, by "g"; what has h=1 goes to b, by "i", and on: each in two groups. */
static void make_routes(struct scene *c)
{
    static const char *by_g[] = {"g"}, *by_i[] = {"i"};
    c->routing.root = (struct route_def){.receiver = "a",
                                         .group_by = {by_g, 1},
                                         .group_wait_us = WAIT * S,
                                         .group_interval_us = INTERVAL * S,
                                         .repeat_interval_us = REPEAT * S};
    c->routes[0] = c->routes[1] = c->routing.root;
    c->routes[0].receiver = "b";
    c->routes[0].group_by = (struct string_list){by_i, 1};
    c->routes[0].go_on = true;
    matchers_of(&c->arena, &c->routes[0].matchers, "h=1");
    c->routing.root.routes = c->routes;
    c->routing.root.route_count = 2;
    matchers_of(&c->arena, &c->rule.source, "n=0");
    matchers_of(&c->arena, &c->rule.target, "i=3");
    c->routing.inhibits = &c->rule;
    c->routing.inhibit_count = 1;
}

static void run(unsigned seed)
{
    struct scene *c = mem_alloc(sizeof(*c));
    c->dice = seed;
    make_routes(c);
    for (int i = 0; i < ALERTS; i++) {
        char *text = arena_printf(&c->arena, "g=%d h=%d i=%d n=%d", i % 3, i % 2, i % 4, i);
        c->labels[i] = labels_of(&c->arena, text);
        message_fingerprint(c->fingerprints[i], &c->labels[i]);
        c->free_since_us[i] = BEGIN;
    }
    for (int i = 0; i < 2; i++) {
        c->silences[i] = (struct silence){.id = i ? "1" : "0", .author = "me", .comment = "c"};
        matchers_of(&c->arena, &c->silences[i].matchers, i ? "g=1" : "n=~\"[2468]\"");
    }
    begin_world(c, &c->live);
    begin_world(c, &c->anew);
    dispatch_silences(c->live.d, c->silences, 2);
    int64_t now_us = BEGIN;
    for (int i = 0; i < STEPS; i++)
        step(c, now_us += (1 + (int64_t)roll(c, 8)) * S);
    assert_true(c->held_to_it > 100);
    end_world(&c->live);
    end_world(&c->anew);
    arena_release(&c->arena);
    mem_free(&c);
}

static void test_restart(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 60; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_restart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
