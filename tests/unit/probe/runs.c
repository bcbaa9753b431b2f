#include "runs.h"

#include "base/mem.h"
#include "base/units.h"
#include "io/http.h"
#include "io/jsonpath.h"
#include "support/spawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int64_t wall_us(void *ctx)
{
    struct runs *r = ctx;
    return r->wall_us;
}

int runs_setup(void **state, const char *script)
{
    struct runs *r = mem_alloc(sizeof(*r));
    struct err err = {{0}};
    r->server = spawn_python(script);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    assert_int_equal(http_client_new(&r->loop, NULL, &r->http, &err), 0);
    assert_int_equal(jsonpath_new(&r->json, &err), 0);
    r->wall_us = 1700000000LL * USEC_PER_SEC;
    r->env = (struct probe_env){
        .loop = &r->loop, .http = r->http, .json = r->json, .wall_us = wall_us, .ctx = r};
    *state = r;
    return 0;
}

static void on_closed(void *ctx)
{
    (void)ctx;
}

int runs_teardown(void **state)
{
    struct runs *r = *state;
    http_client_close(r->http, on_closed, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    jsonpath_free(r->json);
    spawn_stop(r->server);
    free(r);
    return 0;
}

static void on_done(void *ctx, const struct observation *obs)
{
    struct seen *s = ctx;
    s->calls++;
    s->result = obs->result;
    s->hops = obs->hop_count;
    s->assertions = obs->assertion_count;
    s->samples = obs->sample_count;
    snprintf(s->message, sizeof(s->message), "%s", obs->message);
    snprintf(s->url, sizeof(s->url), "%s", obs->hops[0].url);
    for (size_t i = 0; i < obs->assertion_count && i < SEEN_MAX; i++) {
        const struct assertion_seen *a = &obs->assertions[i];
        s->assertion[i].ok = a->ok;
        snprintf(s->assertion[i].what, sizeof(s->assertion[i].what), "%s", a->what);
        snprintf(s->assertion[i].seen, sizeof(s->assertion[i].seen), "%s", a->seen);
    }
    for (size_t i = 0; i < obs->sample_count && i < SEEN_MAX; i++) {
        snprintf(s->sample[i].series, sizeof(s->sample[i].series), "%s", obs->samples[i].series);
        s->sample[i].value = obs->samples[i].value;
    }
    s->body_len = obs->body_len;
    if (obs->body)
        memcpy(s->body, obs->body, obs->body_len);
    if (obs->headers)
        snprintf(s->headers, sizeof(s->headers), "%.*s", (int)obs->headers_len, obs->headers);
}

struct seen runs_once(struct runs *r, const struct probe_def *def, struct probe_memory *memory)
{
    struct seen seen = {0};
    def->kind->start(&r->env, def, memory, on_done, &seen);
    assert_int_equal(seen.calls, 0);
    while (!seen.calls)
        uv_run(&r->loop, UV_RUN_ONCE);
    assert_int_equal(seen.calls, 1);
    return seen;
}

struct seen runs_yaml(struct runs *r, const struct probe_kind *kind, const char *fmt, ...)
{
    char yaml[4096];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(yaml, sizeof(yaml), fmt, ap);
    va_end(ap);
    assert_true(n > 0 && n < (int)sizeof(yaml));
    struct fixture f;
    fixture_init_kind(&f, kind, yaml);
    if (f.diag.errors)
        fail_msg("%s: %s", yaml, f.diag.items[0].text);
    struct seen seen = runs_once(r, &f.def, NULL);
    fixture_release(&f);
    return seen;
}

void seen_reason(const struct seen *s, enum reason reason, const char *message)
{
    if (s->result.reason != reason || !strstr(s->message, message))
        fail_msg("%s: %s, not %s: %s", reason_name(s->result.reason), s->message,
                 reason_name(reason), message);
}

double seen_value(const struct seen *s, const char *series)
{
    for (size_t i = 0; i < s->samples && i < SEEN_MAX; i++) {
        if (strcmp(s->sample[i].series, series) == 0)
            return s->sample[i].value;
    }
    fail_msg("no series %s among %zu", series, s->samples);
    return 0;
}
