/* nines probe URL|ID: one run, now. */
#include "cli/probe.h"

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/probe_subject.h"
#include "cli/table.h"
#include "io/http.h"
#include "io/jsonpath.h"

#include <assert.h>
#include <uv.h>

#define OUTPUT_MAX (4 << 20)

/* ---- the run --------------------------------------------------------------------------- */

struct session {
    uv_loop_t loop;
    struct clock clock;
    struct http_client *http;
    struct jsonpath *json;
    const struct probe_options *options;
    const struct probe_subject *subject;
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
        .verbose = s->options->verbose,
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
                            .ctx = s->clock.ctx,
                            .verbose = s->options->verbose};
    const struct probe_def *def = &s->subject->def;
    s->started_us = s->clock.wall_us(s->clock.ctx);
    def->kind->start(&env, def, NULL, on_done, s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    if (s->out.overflow)
        return err_set(reterr, "the result is longer than %d bytes", OUTPUT_MAX);
    return 0;
}

/* The exit code, or -1. */
static int probe_once(const struct probe_subject *subject, const struct probe_options *o,
                      struct err *reterr)
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

static int run(const struct command *self, int argc, char **argv)
{
    struct probe_options o = {0};
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
        {"kind", 0, OPT_STRING, &o.kind, "NAME",
         "http, health, readiness or metrics; default http"},
        {"verbose", 'v', OPT_FLAG, &o.verbose, NULL,
         "show headers, samples and the start of the body"},
        {0},
    };
    int first, rc = cli_parse(self, options, argc, argv, &o.common, &first);
    if (rc >= 0)
        return rc;
    if (argc - first != 1)
        return cli_usage(self, "expected one URL or probe ID");
    if (o.common.format && !str_eq(o.common.format, "json") && !str_eq(o.common.format, "text"))
        return cli_usage(self, "--format is text or json; found '%s'", o.common.format);
    struct probe_subject s;
    struct err err;
    probe_subject_init(&s);
    rc = probe_subject_open(self, &s, &o, argv[first]);
    if (rc < 0) {
        rc = probe_once(&s, &o, &err);
        rc = rc < 0 ? cli_fail(self, "%s", err.msg) : rc;
    }
    probe_subject_release(&s);
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
               "  nines probe --kind readiness --verbose http://localhost:8000/ready\n"
               "  nines probe api-health\n",
    .run = run,
};
