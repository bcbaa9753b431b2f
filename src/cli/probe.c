/* nines probe URL|ID: one run, now. */
#include "cli/probe.h"

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/probe_live.h"
#include "cli/probe_subject.h"
#include "cli/table.h"
#include "io/http.h"
#include "io/jsonpath.h"

#include <assert.h>
#include <uv.h>

#define OUTPUT_MAX (32 << 20) /* the marks of a long answer, most of it */

/* ---- the run --------------------------------------------------------------------------- */

struct session {
    uv_loop_t loop;
    struct clock clock;
    struct http_client *http;
    struct jsonpath *json;
    const struct probe_options *options;
    const struct probe_subject *subject;
    int64_t started_us;
    struct timeline line;    /* of an agent's answer */
    struct probe_live *live; /* or NULL */
    struct str out;
    int exit_code;
};

static int64_t session_wall_us(void *ctx)
{
    const struct session *s = ctx;
    return s->clock.wall_us(s->clock.ctx);
}

static void on_mark(void *ctx, const struct answer_mark *mark)
{
    struct session *s = ctx;
    timeline_add(&s->line, mark);
}

static bool wants_json(const struct session *s)
{
    return str_eq(s->options->common.format, "json");
}

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
        .line = s->subject->def.kind->answers ? &s->line : NULL,
        .currency = s->subject->config ? s->subject->config->daemon.prices.currency : NULL,
        .dropped = probe_live_close(s->live),
    };
    (void)(wants_json(s) ? probe_put_json(&view, &s->out) : probe_put_text(&view, &s->out));
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
                            .wall_us = session_wall_us,
                            .ctx = s,
                            .verbose = s->options->verbose,
                            .watch = on_mark};
    const struct probe_def *def = &s->subject->def;
    bool color = cli_color(&s->options->common, stdout);
    s->started_us = session_wall_us(s);
    if (def->kind->answers && !wants_json(s))
        s->live = probe_live_new(&s->loop, &s->line, def->id, color);
    def->kind->start(&env, def, NULL, on_done, s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    if (s->out.overflow)
        return err_set(reterr, "the result is longer than %d bytes", OUTPUT_MAX);
    return 0;
}

/* Some agents are told that the run is over (mcp); nobody waits for that but us. */
static void session_end(struct session *s)
{
    fputs(s->out.buf, stdout);
    fflush(stdout);
    while (!http_client_idle(s->http))
        uv_run(&s->loop, UV_RUN_ONCE);
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
    timeline_init(&s.line);
    int rc = http_client_new(&s.loop, subject->dns_servers.buf, &s.http, reterr);
    if (rc == 0)
        rc = jsonpath_new(&s.json, reterr);
    if (rc == 0)
        rc = session_run(&s, reterr);
    if (rc == 0)
        session_end(&s);
    if (s.http)
        http_client_close(s.http, on_closed, NULL);
    uv_run(&s.loop, UV_RUN_DEFAULT);
    rc = rc < 0 ? -1 : s.exit_code;
    int closed = uv_loop_close(&s.loop);
    assert(closed == 0);
    (void)closed;
    jsonpath_free(s.json);
    timeline_release(&s.line);
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
        {"bearer-env", 0, OPT_STRING, &o.bearer_env, "VARIABLE",
         "bearer token, from the environment"},
        {"header-env", 0, OPT_STRINGS, &o.header_envs, "LINE",
         "'Name: VARIABLE' of the environment; may be repeated"},
        {"kind", 0, OPT_STRING, &o.kind, "NAME",
         "http, health, readiness, metrics or agent; default http"},
        {"protocol", 0, OPT_STRING, &o.protocol, "NAME",
         "of an agent: json, sse, openai, anthropic, mcp, a2a; default by the URL"},
        {"model", 0, OPT_STRING, &o.model, "NAME", "model that is asked"},
        {"system", 0, OPT_STRING, &o.system, "TEXT", "what it is told first"},
        {"prompt", 0, OPT_STRING, &o.prompt, "TEXT",
         "what it is asked; {nonce} is new in each run"},
        {"max-tokens", 0, OPT_STRING, &o.max_tokens, "N", "of its answer; 64"},
        {"no-stream", 0, OPT_FLAG, &o.no_stream, NULL, "ask for one document"},
        {"tool", 0, OPT_STRING, &o.tool, "NAME", "which one to call, of an MCP server"},
        {"arguments", 0, OPT_STRING, &o.arguments, "JSON", "with these"},
        {"read", 0, OPT_STRINGS, &o.read, "KEY=PATH",
         "where json and sse have things: text=$.delta; may be repeated"},
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
               "The answer of an agent is drawn on a time line, on a terminal while it comes\n"
               "in: where it was slow, the largest gap, tokens and cost.\n"
               "Exit status: 0 good, 1 bad, 2 usage.\n\n"
               "Examples:\n"
               "  nines probe https://example.com/\n"
               "  nines probe -d '{\"input\":\"ping\"}' http://localhost:8000/v1/agents/a/execute\n"
               "  nines probe --expect-status 200,503 --json http://localhost:8000/ready\n"
               "  nines probe --kind readiness --verbose http://localhost:8000/ready\n"
               "  nines probe --kind agent --model gpt-4o-mini --bearer-env OPENAI_API_KEY "
               "https://api.openai.com/v1/chat/completions\n"
               "  nines probe --kind agent --tool search --arguments '{\"query\":\"slo\"}' "
               "http://localhost:8000/mcp\n"
               "  nines probe api-health\n",
    .run = run,
};
