#include "web/routes.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/units.h"
#include "engine/edit.h"
#include "engine/import.h"
#include "web/alertmanager.h"
#include "web/health.h"
#include "web/metrics.h"
#include "wire/exposition.h"

#define ANSWER_MAX (256u << 20) /* metrics of ten thousand probes fit well */

#define TEXT "text/plain; charset=utf-8"
#define JSON "application/json"

static void reply(struct httpd_call *call, int status, const char *type, const struct str *body)
{
    struct httpd_answer a = {status, type, body->buf, body->len};

    if (body->overflow)
        a = (struct httpd_answer){500, TEXT, "too large\n", 10};
    httpd_reply(call, &a);
}

static void error_json(struct str *out, const char *message)
{
    str_add(out, "{\"error\":");
    json_add_string(out, message);
    str_add(out, "}\n");
}

static void reply_error(struct httpd_call *call, int status, const char *message)
{
    struct str body;

    str_init(&body, 4096);
    error_json(&body, message);
    reply(call, status, JSON, &body);
    str_release(&body);
}

/* ---- documents -------------------------------------------------------------- */

struct view {
    struct httpd_call *call;
    const struct routes *routes;
    const struct status *status; /* or NULL */
    int64_t mono_ns;
    struct str out;
};

static int get_live(struct view *v)
{
    bool alive = status_alive(v->status, v->mono_ns);

    str_add(&v->out, alive ? "ok\n" : "the event loop does not move\n");
    return alive ? 200 : 503;
}

static int get_ready(struct view *v)
{
    return health_ready(v->status, v->mono_ns, &v->out) ? 200 : 503;
}

static int get_health(struct view *v)
{
    return health_details(v->status, v->mono_ns, &v->out) ? 200 : 503;
}

static int get_version(struct view *v)
{
    health_version(&v->out);
    return 200;
}

static int get_metrics(struct view *v)
{
    metrics_write(v->status, v->mono_ns, &v->out);
    return 200;
}

static int get_index(struct view *v);

/* ---- jobs: on their own thread, see job.h ------------------------------------ */

struct job_arg {
    const struct web_options *opts;
    struct web_import how;
};

static int do_import(const void *arg, struct web_body *body, struct str *out)
{
    const struct job_arg *a = arg;
    struct import_totals t = {0};
    struct err err = {0};
    int rc = a->opts->import(a->opts->ctx, body, &a->how, &t, &err);

    str_addc(out, '{');
    if (rc < 0) {
        str_add(out, "\"error\":");
        json_add_string(out, err.msg);
        str_addc(out, ',');
    }
    str_addf(out,
             "\"lines\":%lld,\"inserted\":%lld,\"same\":%lld,\"different\":%lld,"
             "\"replaced\":%lld}\n",
             (long long)t.lines, (long long)t.inserted, (long long)t.same, (long long)t.different,
             (long long)t.replaced);
    return rc < 0 ? 400 : 200;
}

/* All of the body, in `text`: 0, or the status of an error. */
static int read_text(struct web_body *body, struct str *text, struct str *out)
{
    char buf[4096];
    ssize_t n;

    while ((n = web_body_read(body, buf, sizeof(buf))) > 0)
        str_addn(text, buf, (size_t)n);
    if (n == 0 && !text->overflow)
        return 0;
    error_json(out, n < 0 ? "the request did not end" : "the request is too long");
    return n < 0 ? 400 : 413;
}

static int do_edit(const void *arg, struct web_body *body, struct str *out)
{
    const struct job_arg *a = arg;
    struct err err = {0};
    struct str text;

    str_init(&text, EDIT_REQUEST_MAX);
    int status = read_text(body, &text, out);
    if (status == 0) {
        status = 200;
        if (a->opts->edit(a->opts->ctx, text.buf, text.len, out, &err) < 0) {
            error_json(out, err.msg);
            status = 400;
        }
    }
    str_release(&text);
    return status;
}

static int do_reload(const void *arg, struct web_body *body, struct str *out)
{
    const struct job_arg *a = arg;
    struct err err = {0};

    (void)body;
    if (a->opts->reload(a->opts->ctx, &err) < 0) {
        error_json(out, err.msg);
        return 409;
    }
    str_add(out, "{\"reloaded\":true}\n");
    return 200;
}

static int parse_count(const char *text, int64_t max, int64_t *ret)
{
    char *end;

    if (!text)
        return 0;
    if (*text < '0' || *text > '9')
        return -1;
    long long v = strtoll(text, &end, 10);
    if (*end || v > max)
        return -1;
    *ret = v;
    return 0;
}

static bool parse_import(struct httpd_call *call, struct web_import *ret)
{
    int64_t replace = 0;
    const char *wrong = NULL;

    if (parse_count(httpd_query(call, "create_interval_us"), IMPORT_INTERVAL_MAX_US,
                    &ret->create_interval_us) < 0 ||
        (ret->create_interval_us && ret->create_interval_us < IMPORT_INTERVAL_MIN_US))
        wrong = "create_interval_us: expected microseconds, of 100 ms to 366 days";
    else if (parse_count(httpd_query(call, "replace"), 1, &replace) < 0)
        wrong = "replace: expected 0 or 1";
    else if (parse_count(httpd_query(call, "id"), INT64_MAX, &ret->id) < 0)
        wrong = "id: expected a number";
    ret->replace = replace != 0;
    if (wrong)
        reply_error(call, 400, wrong);
    return !wrong;
}

static void run_job(const struct routes *r, struct httpd_call *call, job_fn fn)
{
    struct job_arg arg = {.opts = r->opts};

    if (parse_import(call, &arg.how) && !jobs_start(r->jobs, call, fn, &arg, sizeof(arg)))
        reply_error(call, 503, "too many requests of this kind are under way");
}

/* ---- the table ------------------------------------------------------------------ */

static const struct route {
    const char *method, *path, *type;
    int (*get)(struct view *v); /* either a document, */
    job_fn job;                 /* or a job: control socket only */
    const char *help;
} table[] = {
    {"GET", "/", TEXT, get_index, NULL, "this text"},
    {"GET", "/livez", TEXT, get_live, NULL, "503 when the event loop hangs: restart it"},
    {"GET", "/readyz", JSON, get_ready, NULL, "503 when probing or storing does not work"},
    {"GET", "/health", JSON, get_health, NULL, "the checks, every probe and every SLO"},
    {"GET", "/version", JSON, get_version, NULL, "the version"},
    {"GET", "/metrics", EXPOSITION_CONTENT_TYPE, get_metrics, NULL, "metrics for Prometheus"},
    {"POST", "/v1/import", JSON, NULL, do_import, "backfill results from NDJSON"},
    {"POST", "/v1/edit", JSON, NULL, do_edit, "write a deploy or a note"},
    {"POST", "/v1/reload", JSON, NULL, do_reload, "read the configuration again"},
};

static bool visible(const struct routes *r, const struct route *route)
{
    return !route->job || r->control;
}

static int get_index(struct view *v)
{
    str_add(&v->out, "nines " NINES_VERSION "\n\n");
    for (size_t i = 0; i < countof(table); i++) {
        if (visible(v->routes, &table[i]))
            str_addf(&v->out, "%-4s %-12s %s\n", table[i].method, table[i].path, table[i].help);
    }
    str_addf(&v->out, "%-4s %-12s %s\n", "GET", "/api/v2/...", "alerts and silences, for amtool");
    return 200;
}

static void answer_document(const struct routes *r, struct httpd_call *call,
                            const struct route *route)
{
    struct status *s = status_get(r->opts->board);
    struct view v = {call, r, s, clock_mono_ns(), {0}};

    str_init(&v.out, ANSWER_MAX);
    int status = route->get(&v);
    reply(call, status, route->type, &v.out);
    str_release(&v.out);
    status_unref(s);
}

static void refuse_method(struct httpd_call *call, const char *allow)
{
    static const char text[] = "method not allowed\n";
    const struct httpd_field field = {"Allow", allow};
    struct httpd_answer a = {405, TEXT, text, sizeof(text) - 1, &field, 1};
    httpd_reply(call, &a);
}

void routes_begin(void *ctx, struct httpd_call *call)
{
    const struct routes *r = ctx;
    const char *method = httpd_method(call);
    const struct route *route = NULL;

    if (alertmanager_serves(httpd_path(call))) {
        alertmanager_begin(r, call);
        return;
    }
    for (size_t i = 0; i < countof(table); i++) {
        if (str_eq(table[i].path, httpd_path(call)) && visible(r, &table[i]))
            route = &table[i];
    }
    if (!route)
        reply_error(call, 404, "no such page; / lists them");
    else if (!str_eq(method, route->method) && !(route->get && str_eq(method, "HEAD")))
        refuse_method(call, route->get ? "GET, HEAD" : "POST");
    else if (route->job)
        run_job(r, call, route->job);
    else if (httpd_has_body(call))
        reply_error(call, 413, "a body is not expected here");
    else
        answer_document(r, call, route);
}
