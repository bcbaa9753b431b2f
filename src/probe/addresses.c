/*
 * `addresses: all`: a name is looked up once, then each address is asked, all
 * within the one timeout. An observation lives only while it is told, so what
 * may be the result is copied.
 */
#include "probe/http_job.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/vec.h"
#include "io/http.h"
#include "probe/observation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct fan;

struct child {
    struct fan *fan;
    struct http_job *job; /* NULL: has ended */
    const char *address;
    const struct hop *hops; /* in the fan's arena */
    size_t hop_count;
};

struct fan {
    struct http_job job;
    struct probe_env *env;
    const struct probe_def *def;
    const struct http_spec *spec;
    const struct http_reader *reader;
    probe_done_fn done;
    void *ctx;
    int64_t started_ns;
    struct http_lookup *lookup; /* NULL: over */
    struct arena arena;
    struct http_addresses found;
    struct child children[HTTP_ADDRESSES_MAX];
    size_t left, good;
    const struct child *worst; /* NULL: none has ended */
    struct observation obs;    /* the worst one's, in the arena; at the end with all hops */
};

static void fan_free(struct fan *f)
{
    arena_release(&f->arena);
    free(f);
}

/* ---- the end ------------------------------------------------------------------------- */

static void join_hops(struct fan *f)
{
    struct hop *hops;
    size_t n = 0;
    for (size_t i = 0; i < f->found.n; i++)
        n += f->children[i].hop_count;
    f->obs.hop_count = 0;
    f->obs.hops = hops = arena_alloc(&f->arena, (n + 1) * sizeof(*hops));
    for (size_t i = 0; i < f->found.n; i++)
        for (size_t k = 0; k < f->children[i].hop_count; k++)
            hops[f->obs.hop_count++] = f->children[i].hops[k];
}

static void finish(struct fan *f)
{
    join_hops(f);
    if (f->obs.result.outcome != OUTCOME_GOOD && f->found.n > 1)
        f->obs.message = arena_printf(&f->arena, "%s: %s; %zu of %zu addresses are good",
                                      f->worst->address, f->obs.message, f->good, f->found.n);
    f->done(f->ctx, &f->obs);
    fan_free(f);
}

static int badness(const struct result *r)
{
    static const int order[OUTCOME_COUNT] = {
        [OUTCOME_GOOD] = 0, [OUTCOME_EXCLUDED] = 1, [OUTCOME_SKIPPED] = 2, [OUTCOME_BAD] = 3};
    return order[r->outcome];
}

static bool is_worse(const struct fan *f, const struct result *r)
{
    int more = badness(r) - badness(&f->obs.result);
    return more > 0 ||
           (more == 0 && r->outcome == OUTCOME_GOOD && r->total_us > f->obs.result.total_us);
}

static void on_child(void *ctx, const struct observation *obs)
{
    struct child *c = ctx;
    struct fan *f = c->fan;
    struct observation copy = observation_copy(&f->arena, obs);
    c->job = NULL;
    c->hops = copy.hops;
    c->hop_count = copy.hop_count;
    f->good += obs->result.outcome == OUTCOME_GOOD;
    if (!f->worst || is_worse(f, &obs->result)) {
        f->worst = c;
        f->obs = copy;
    }
    if (--f->left == 0)
        finish(f);
}

/* ---- the beginning --------------------------------------------------------------------- */

static void ask_all(struct fan *f)
{
    struct http_start at = {.started_ns = f->started_ns};
    f->left = f->found.n;
    for (size_t i = 0; i < f->found.n; i++) {
        struct child *c = &f->children[i];
        *c = (struct child){.fan = f, .address = f->found.at[i]};
        at.address = c->address;
        c->job = http_run_at(f->env, f->def, f->spec, f->reader, NULL, &at, on_child, c);
    }
}

static void on_found(void *ctx, const struct http_addresses *found)
{
    struct fan *f = ctx;
    f->lookup = NULL;
    f->found = *found;
    if (found->reason == REASON_NONE) {
        ask_all(f);
        return;
    }
    int64_t took_us = (clock_mono_ns() - f->started_ns) / NSEC_PER_USEC;
    f->obs.result.total_us = f->obs.result.phases.dns_us = took_us;
    f->obs.result.outcome = found->local_fault ? OUTCOME_SKIPPED : OUTCOME_BAD;
    f->obs.result.reason = (uint8_t)found->reason;
    f->obs.message = found->message;
    finish(f);
}

static void cancel(struct http_job *job)
{
    struct fan *f = container_of(job, struct fan, job);
    if (f->lookup)
        http_lookup_cancel(f->lookup);
    for (size_t i = 0; i < HTTP_ADDRESSES_MAX; i++)
        if (f->children[i].job)
            f->children[i].job->cancel(f->children[i].job);
    fan_free(f);
}

struct http_job *addresses_start(struct probe_env *env, const struct probe_def *def,
                                 const struct http_spec *spec, const struct http_reader *reader,
                                 probe_done_fn done, void *ctx)
{
    struct fan *f = mem_alloc(sizeof(*f));
    struct http_request req = {
        .url = spec->url,
        .family = (enum ip_family)spec->ip,
        .dns_fresh = spec->dns == 1,
        .timeout_us = def->timeout_us,
        .connect_timeout_us = spec->connect_timeout_us,
    };
    f->job.cancel = cancel;
    f->env = env;
    f->def = def;
    f->spec = spec;
    f->reader = reader;
    f->done = done;
    f->ctx = ctx;
    f->started_ns = clock_mono_ns();
    f->lookup = http_lookup(env->http, &req, &f->found, on_found, f);
    if (!f->lookup)
        ask_all(f);
    return &f->job;
}
