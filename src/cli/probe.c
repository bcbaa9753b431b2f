/* nines probe URL|ID: one run, now. */
#include "cli/probe.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "io/http.h"
#include "io/jsonpath.h"
#include "nines/config.h"
#include "nines/diag.h"
#include "probe/http.h"

#include <assert.h>
#include <uv.h>

#define OUTPUT_MAX (1 << 20)
#define DEFAULT_TIMEOUT_US (10 * USEC_PER_SEC)

struct options {
    struct cli_common common;
    const char *method, *body, *expect_status;
    struct option_list headers;
    int64_t timeout_us;
    bool insecure, follow;
};

/* What is probed, from the configuration or from the command line. */
struct subject {
    const char *id; /* NULL for a URL */
    struct probe_def def;
    struct config *config; /* ID */
    struct arena arena;    /* URL */
    struct http_probe spec;
    struct str dns_servers;
};

static void subject_release(struct subject *s)
{
    if (!s->id)
        expect_release(&s->spec.http.expect);
    if (s->config)
        config_unref(s->config);
    str_release(&s->dns_servers);
    arena_release(&s->arena);
}

/* ---- a URL ------------------------------------------------------------------------- */

static int add_header(struct subject *s, const char *line, struct err *reterr)
{
    const char *colon = strchr(line, ':');
    if (!colon || colon == line)
        return err_set(reterr, "expected --header 'Name: value'");
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    s->spec.http.headers.at[s->spec.http.headers.n++] = (struct secret_pair){
        .key = arena_strndup(&s->arena, line, (size_t)(colon - line)),
        .value = {.value = arena_strdup(&s->arena, value), .source = "the command line"},
    };
    return 0;
}

static int subject_from_url(struct subject *s, const struct options *o, const char *url,
                            struct err *reterr)
{
    struct http_spec *spec = &s->spec.http;
    spec->url = url;
    spec->method = o->method;
    spec->body = o->body;
    spec->tls.insecure = o->insecure;
    spec->follow = o->follow ? HTTP_PROBE_MAX_FOLLOW : 0;
    spec->headers.at = arena_alloc(&s->arena, (o->headers.n + 1) * sizeof(*spec->headers.at));
    for (size_t i = 0; i < o->headers.n; i++) {
        if (add_header(s, o->headers.at[i], reterr) < 0)
            return -1;
    }
    if (o->expect_status &&
        status_set_parse(&s->arena, o->expect_status, &spec->expect.status, reterr) < 0)
        return -1;
    struct diag diag = {0};
    struct decode c = {.arena = &s->arena, .diag = &diag};
    http_spec_prepare(&c, NULL, (struct pos){0}, spec);
    int rc = diag.errors ? err_set(reterr, "%s", diag.items[0].text) : 0;
    diag_release(&diag);
    s->def = (struct probe_def){.id = url,
                                .kind = &probe_http,
                                .spec = &s->spec,
                                .max_in_flight = 1,
                                .timeout_us = o->timeout_us ? o->timeout_us : DEFAULT_TIMEOUT_US,
                                .interval_us = USEC_PER_MIN};
    return rc;
}

/* ---- an ID --------------------------------------------------------------------------- */

static const char *url_only_option(const struct options *o)
{
    return o->method          ? "--method"
           : o->body          ? "--body"
           : o->headers.n     ? "--header"
           : o->expect_status ? "--expect-status"
           : o->insecure      ? "--insecure"
           : o->follow        ? "--follow"
                              : NULL;
}

static int unknown_probe(const struct command *self, const struct config *config, const char *id)
{
    mem_auto const char **ids = mem_array(config->probe_count, sizeof(*ids));
    for (size_t i = 0; i < config->probe_count; i++)
        ids[i] = config->probes[i]->id;
    const char *near = str_nearest(id, ids, config->probe_count);
    if (near)
        return cli_fail(self, "no probe '%s' is configured; did you mean '%s'?", id, near);
    return cli_fail(self, "no probe '%s' is configured; a URL begins with http:// or https://", id);
}

/* -1, or an exit code. */
static int subject_from_id(const struct command *self, struct subject *s, const struct options *o,
                           const char *id)
{
    const char *extra = url_only_option(o);
    if (extra)
        return cli_usage(self, "%s goes with a URL; '%s' is a configured probe", extra, id);
    s->id = id;
    s->config = cli_config(self, &o->common, true);
    if (!s->config)
        return EXIT_BAD;
    const struct probe_def *def = config_probe(s->config, id);
    if (!def)
        return unknown_probe(self, s->config, id);
    s->def = *def;
    if (o->timeout_us)
        s->def.timeout_us = o->timeout_us;
    const struct string_list *servers = &s->config->daemon.dns_servers;
    for (size_t i = 0; i < servers->n; i++)
        str_addf(&s->dns_servers, "%s%s", i ? "," : "", servers->at[i]);
    return -1;
}

/* ---- the run --------------------------------------------------------------------------- */

struct session {
    uv_loop_t loop;
    struct clock clock;
    struct http_client *http;
    struct jsonpath *json;
    const struct options *options;
    const struct subject *subject;
    int64_t started_us;
    struct str out;
    int exit_code;
};

static void on_done(void *ctx, const struct observation *obs)
{
    struct session *s = ctx;
    struct probe_view view = {
        .id = s->subject->id,
        .started_us = s->started_us,
        .now_us = s->clock.wall_us(s->clock.ctx),
        .obs = obs,
        .color = cli_color(&s->options->common, stdout),
        .width = cli_width(stdout),
    };
    bool json = str_eq(s->options->common.format, "json");
    (void)(json ? probe_put_json(&view, &s->out) : probe_put_text(&view, &s->out));
    s->exit_code = obs->result.outcome == OUTCOME_GOOD ? EXIT_GOOD : EXIT_BAD;
    uv_stop(&s->loop);
}

static void on_closed(void *ctx)
{
    (void)ctx;
}

static int session_run(struct session *s, struct err *reterr)
{
    struct probe_env env = {.loop = &s->loop,
                            .http = s->http,
                            .json = s->json,
                            .wall_us = s->clock.wall_us,
                            .ctx = s->clock.ctx};
    const struct probe_def *def = &s->subject->def;
    s->started_us = s->clock.wall_us(s->clock.ctx);
    def->kind->start(&env, def, NULL, on_done, s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    if (s->out.overflow)
        return err_set(reterr, "the result is longer than %d bytes", OUTPUT_MAX);
    return 0;
}

/* The exit code, or -1. */
static int probe_once(const struct subject *subject, const struct options *o, struct err *reterr)
{
    struct session s = {.options = o, .subject = subject};
    if (uv_loop_init(&s.loop) != 0)
        return err_set(reterr, "cannot make an event loop");
    clock_init(&s.clock);
    str_init(&s.out, OUTPUT_MAX);
    int rc = http_client_new(&s.loop, subject->dns_servers.buf, &s.http, reterr);
    if (rc == 0)
        rc = jsonpath_new(&s.json, reterr);
    if (rc == 0)
        rc = session_run(&s, reterr);
    if (rc == 0)
        fputs(s.out.buf, stdout);
    if (s.http)
        http_client_close(s.http, on_closed, NULL);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    rc = rc < 0 ? -1 : s.exit_code;
    int closed = uv_loop_close(&s.loop);
    assert(closed == 0);
    (void)closed;
    jsonpath_free(s.json);
    str_release(&s.out);
    return rc;
}

static int run_subject(const struct command *self, struct subject *s, const struct options *o,
                       const char *target)
{
    struct err err;
    if (strstr(target, "://")) {
        if (subject_from_url(s, o, target, &err) < 0)
            return cli_usage(self, "%s", err.msg);
    } else {
        int rc = subject_from_id(self, s, o, target);
        if (rc >= 0)
            return rc;
    }
    int rc = probe_once(s, o, &err);
    return rc < 0 ? cli_fail(self, "%s", err.msg) : rc;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct options o = {0};
    const struct cli_option options[] = {
        {"method", 'X', OPT_STRING, &o.method, "NAME", "request method; GET, or POST with --body"},
        {"header", 'H', OPT_STRINGS, &o.headers, "LINE", "'Name: value'; may be repeated"},
        {"body", 'd', OPT_STRING, &o.body, "TEXT", "request body"},
        {"expect-status", 0, OPT_STRING, &o.expect_status, "LIST",
         "good statuses: 200,204,300-399; default 2xx"},
        {"timeout", 't', OPT_DURATION, &o.timeout_us, "DURATION",
         "whole run; 10s, or the probe's own"},
        {"follow", 'L', OPT_FLAG, &o.follow, NULL, "follow up to 10 redirects"},
        {"insecure", 'k', OPT_FLAG, &o.insecure, NULL, "accept any certificate"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &o.common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1)
        return cli_usage(self, "expected one URL or probe ID");
    if (o.common.format && !str_eq(o.common.format, "json") && !str_eq(o.common.format, "text"))
        return cli_usage(self, "--format is text or json; found '%s'", o.common.format);
    struct subject s = {0};
    str_init(&s.dns_servers, 4096);
    rc = run_subject(self, &s, &o, argv[first]);
    subject_release(&s);
    return rc;
}

const struct command command_probe = {
    .name = "probe",
    .arguments = "URL|ID",
    .summary = "run one probe now and show its phases and assertions",
    .details = "An ID is a probe of the configuration, run exactly as `nines run` would; with\n"
               "a URL the options say what to send and what is good. Nothing is recorded.\n"
               "Exit status: 0 good, 1 bad, 2 usage.\n\n"
               "Examples:\n"
               "  nines probe https://example.com/\n"
               "  nines probe -d '{\"input\":\"ping\"}' http://localhost:8000/v1/agents/a/execute\n"
               "  nines probe --expect-status 200,503 --json http://localhost:8000/ready\n"
               "  nines probe api-health\n",
    .run = run,
};
