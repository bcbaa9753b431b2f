#include "engine/selfcheck.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/http.h"
#include "io/url.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uv.h>

#define SPACE_US USEC_PER_SEC /* from the start of one check to that of the next */
#define STAGGER_MS 250        /* the next target does not wait longer for the one before */
#define BODY_MAX 4096         /* any answer will do */
#define DETAIL_MAX 256
#define TCP "tcp://"

struct selfcheck_wait {
    TAILQ_ENTRY(selfcheck_wait) link;
    struct selfcheck *check;
    bool telling; /* in which list */
    selfcheck_fn fn;
    void *ctx;
};

TAILQ_HEAD(waits, selfcheck_wait);

struct attempt {
    struct selfcheck *check;
    struct http_call *call; /* NULL: has ended */
};

/* A copy: a reload may bring others while a check is under way. */
struct targets {
    char *url[SELFCHECK_TARGETS_MAX];
    size_t n;
    int64_t timeout_us;
};

enum selfcheck_state { CHECK_IDLE, CHECK_SPACED, CHECK_RUNNING };

struct selfcheck {
    struct http_client *http;
    int64_t (*now_us)(void *ctx);
    void *ctx;
    uv_timer_t timer; /* SPACED: to begin. RUNNING: to try the next target */
    enum selfcheck_state state;
    struct waits waits;
    struct waits telling; /* while answers are given: those still to be told */
    struct targets wanted, current;
    struct attempt attempts[SELFCHECK_TARGETS_MAX];
    size_t tried, failed;
    int64_t began_us; /* engine time; INT64_MIN: none has */
    int64_t began_ns;
    char detail[DETAIL_MAX]; /* why the newest attempt failed */
};

static void targets_release(struct targets *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->url[i]);
    t->n = 0;
}

static void targets_copy(struct targets *to, const struct targets *from)
{
    targets_release(to);
    *to = *from;
    for (size_t i = 0; i < to->n; i++)
        to->url[i] = mem_strdup(from->url[i]);
}

/* ---- the end of a check ------------------------------------------------------------ */

static void cancel_attempts(struct selfcheck *c)
{
    for (size_t i = 0; i < c->tried; i++) {
        if (c->attempts[i].call)
            http_cancel(c->attempts[i].call);
        c->attempts[i].call = NULL;
    }
}

/* Whoever asks from inside of an answer waits for another check. */
static void end(struct selfcheck *c, bool up)
{
    struct selfcheck_wait *w;
    cancel_attempts(c);
    uv_timer_stop(&c->timer);
    c->state = CHECK_IDLE;
    TAILQ_FOREACH(w, &c->waits, link)
    w->telling = true;
    TAILQ_CONCAT(&c->telling, &c->waits, link);
    while ((w = TAILQ_FIRST(&c->telling))) {
        TAILQ_REMOVE(&c->telling, w, link);
        selfcheck_fn fn = w->fn;
        void *ctx = w->ctx;
        free(w);
        fn(ctx, up, c->detail);
    }
}

/* ---- attempts ------------------------------------------------------------------------ */

static void try_next(struct selfcheck *c);

static void on_response(void *ctx, const struct http_response *r)
{
    struct attempt *a = ctx;
    struct selfcheck *c = a->check;
    a->call = NULL;
    if (r->reason == REASON_NONE || r->status > 0) {
        end(c, true);
        return;
    }
    str_copy(c->detail, sizeof(c->detail), r->message);
    c->failed++;
    if (c->failed == c->current.n)
        end(c, false);
    else if (c->failed == c->tried)
        try_next(c);
}

static void on_timer(uv_timer_t *t);

static void try_next(struct selfcheck *c)
{
    struct attempt *a = &c->attempts[c->tried];
    const char *target = c->current.url[c->tried++];
    int64_t left_us = c->current.timeout_us - (clock_mono_ns() - c->began_ns) / NSEC_PER_USEC;
    bool tcp = str_starts(target, TCP);
    mem_auto char *url = tcp ? mem_printf("http://%s/", target + strlen(TCP)) : NULL;
    struct http_request req = {
        .method = "GET",
        .url = tcp ? url : target,
        .connect_only = tcp,
        .timeout_us = left_us > USEC_PER_MSEC ? left_us : USEC_PER_MSEC,
        .max_body = BODY_MAX,
    };
    *a = (struct attempt){.check = c};
    a->call = http_start(c->http, &req, NULL, on_response, a);
    if (c->tried < c->current.n)
        uv_timer_start(&c->timer, on_timer, STAGGER_MS, 0);
    else
        uv_timer_stop(&c->timer);
}

static void begin(struct selfcheck *c)
{
    targets_copy(&c->current, &c->wanted);
    c->state = CHECK_RUNNING;
    c->began_us = c->now_us(c->ctx);
    c->began_ns = clock_mono_ns();
    c->tried = c->failed = 0;
    str_copy(c->detail, sizeof(c->detail), "");
    try_next(c);
}

static void on_timer(uv_timer_t *t)
{
    struct selfcheck *c = container_of(t, struct selfcheck, timer);
    if (c->state == CHECK_RUNNING) {
        try_next(c);
        return;
    }
    assert(c->state == CHECK_SPACED);
    c->state = CHECK_IDLE;
    if (TAILQ_EMPTY(&c->waits))
        return;
    if (c->wanted.n)
        begin(c);
    else
        end(c, true); /* the targets are gone: nobody doubts the prober any more */
}

/* ---- asking ---------------------------------------------------------------------------- */

static void schedule(struct selfcheck *c)
{
    int64_t since_us = c->began_us == INT64_MIN ? SPACE_US : c->now_us(c->ctx) - c->began_us;
    if (since_us >= SPACE_US || since_us < 0) {
        begin(c);
        return;
    }
    c->state = CHECK_SPACED;
    uv_timer_start(&c->timer, on_timer, (uint64_t)((SPACE_US - since_us) / USEC_PER_MSEC) + 1, 0);
}

struct selfcheck_wait *selfcheck_ask(struct selfcheck *c, selfcheck_fn fn, void *ctx)
{
    if (!c->wanted.n)
        return NULL;
    struct selfcheck_wait *w = mem_alloc(sizeof(*w));
    w->fn = fn;
    w->ctx = ctx;
    w->check = c;
    TAILQ_INSERT_TAIL(&c->waits, w, link);
    if (c->state == CHECK_IDLE)
        schedule(c);
    return w;
}

void selfcheck_cancel(struct selfcheck_wait *w)
{
    TAILQ_REMOVE(w->telling ? &w->check->telling : &w->check->waits, w, link);
    free(w);
}

/* ---- life -------------------------------------------------------------------------------- */

void selfcheck_set(struct selfcheck *c, const struct self_check_config *config)
{
    assert(config->targets.n <= SELFCHECK_TARGETS_MAX);
    targets_release(&c->wanted);
    for (size_t i = 0; i < config->targets.n; i++)
        c->wanted.url[c->wanted.n++] = mem_strdup(config->targets.at[i]);
    c->wanted.timeout_us = config->timeout_us;
}

struct selfcheck *selfcheck_new(struct uv_loop_s *loop, struct http_client *http,
                                int64_t (*now_us)(void *ctx), void *ctx)
{
    struct selfcheck *c = mem_alloc(sizeof(*c));
    c->http = http;
    c->now_us = now_us;
    c->ctx = ctx;
    c->began_us = INT64_MIN;
    TAILQ_INIT(&c->waits);
    TAILQ_INIT(&c->telling);
    uv_timer_init(loop, &c->timer);
    return c;
}

static void on_closed(uv_handle_t *h)
{
    struct selfcheck *c = container_of((uv_timer_t *)h, struct selfcheck, timer);
    targets_release(&c->wanted);
    targets_release(&c->current);
    free(c);
}

void selfcheck_close(struct selfcheck *c)
{
    if (!c)
        return;
    assert(TAILQ_EMPTY(&c->waits));
    cancel_attempts(c);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

/* ---- configuration -------------------------------------------------------------------------- */

/* A tcp target is a host and a port, and is reached as a URL of them would be. */
static int check_target(const char *target, struct err *reterr)
{
    if (!strstr(target, "://"))
        return err_set(reterr, "expected tcp://address:port or a URL; found '%.100s'", target);
    if (!str_starts(target, TCP))
        return url_check(target, reterr);
    const char *place = target + strlen(TCP);
    const char *port = strrchr(place, ':');
    size_t digits = port ? strlen(port + 1) : 0;
    mem_auto char *url = mem_printf("http://%s/", place);
    if (!digits || strspn(port + 1, "0123456789") != digits)
        return err_set(reterr, "expected a host and a port, like tcp://10.0.0.1:53; found '%.100s'",
                       target);
    return url_check(url, reterr);
}

void selfcheck_finish(const struct config *cfg, const struct node *daemon, struct decode *c)
{
    const struct node *group = daemon ? node_get(daemon, "self_check") : NULL;
    const struct node *list = group && group->kind == NODE_MAP ? node_get(group, "targets") : NULL;
    const struct string_list *targets = &cfg->daemon.self_check.targets;
    struct err err;
    if (!list)
        return;
    if (targets->n > SELFCHECK_TARGETS_MAX)
        diag_error(c->diag, list->pos, "targets: at most %d", SELFCHECK_TARGETS_MAX);
    for (size_t i = 0; i < targets->n; i++)
        if (check_target(targets->at[i], &err) < 0)
            diag_error(c->diag,
                       list->kind == NODE_SEQ && i < list->n ? list->items[i]->pos : list->pos,
                       "targets: %s", err.msg);
    if (group->n && targets->n == 0)
        diag_error(c->diag, list->pos, "targets: there is none");
}
