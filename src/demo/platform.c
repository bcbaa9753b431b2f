#include "demo/platform_internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <assert.h>
#include <jansson.h>
#include <signal.h>

#define DRIP_GAP_US USEC_PER_SEC
#define INCIDENT_SIZE 512

static const char *const dependencies[] = {"postgres", "redis", "clickhouse"};

int64_t platform_uptime(const struct platform *p)
{
    return clock_mono_ns() / NSEC_PER_USEC - p->started_us;
}

json_t *call_object(struct call *c)
{
    json_error_t why;
    json_t *o = json_loadb(c->request->body, c->request->body_len, JSON_REJECT_DUPLICATES, &why);
    if (json_is_object(o))
        return o;
    json_decref(o);
    call_fail(c, 400, "the body must be a JSON object");
    return NULL;
}

void call_takes(struct call *c, double median_us, double sigma)
{
    c->reply->delay_us = (int64_t)dice_lognormal(&c->p->dice, median_us, sigma);
}

void call_fail(struct call *c, int status, const char *text)
{
    struct reply *r = c->reply;
    str_clear(&r->body);
    vec_clear(&r->cuts);
    r->chunked = false;
    r->status = status;
    r->type = "application/json";
    if (!text)
        return;
    str_add(&r->body, "{\"error\":");
    json_add_string(&r->body, text);
    str_add(&r->body, "}\n");
}

/* ---- health ------------------------------------------------------------------------ */

static void put_checks(struct call *c)
{
    struct str *b = &c->reply->body;
    str_add(b, "\"checks\":{");
    for (size_t i = 0; i < countof(dependencies); i++) {
        bool lost = str_eq(c->lost, dependencies[i]);
        str_addf(b, "%s\"%s\":{\"status\":\"%s\",\"latency_ms\":%d}", i ? "," : "", dependencies[i],
                 lost ? "unhealthy" : "healthy", lost ? 0 : 1 + (int)(dice_next(&c->p->dice) % 5));
    }
    str_add(b, "}");
}

static void route_health(struct call *c)
{
    char uptime[UNITS_MAX];
    int64_t us = platform_uptime(c->p) / USEC_PER_SEC * USEC_PER_SEC;
    call_takes(c, 2200, 0.5);
    c->reply->status = c->lost ? 503 : 200;
    str_addf(&c->reply->body, "{\"status\":\"%s\",", c->lost ? "unhealthy" : "healthy");
    put_checks(c);
    str_addf(&c->reply->body, ",\"version\":\"%s\",\"uptime\":\"%s\"}\n", NINES_VERSION,
             us ? units_duration(uptime, us) : "0s");
}

static void route_live(struct call *c)
{
    str_add(&c->reply->body, "{\"status\":\"alive\"}\n");
}

/* The list is what a handler gives that returns a pair to a framework which
 * takes any value for a body: the status stays 200. */
static void ready_list(struct call *c)
{
    str_addf(&c->reply->body,
             c->lost ? "[{\"ready\":false,\"lost\":\"%s\"},503]\n" : "{\"ready\":true}\n", c->lost);
}

static void route_ready(struct call *c)
{
    call_takes(c, 4000, 0.5);
    if (str_eq(c->request->query, "form=list")) {
        ready_list(c);
        return;
    }
    c->reply->status = c->lost ? 503 : 200;
    str_addf(&c->reply->body, "{\"status\":\"%s\",\"ready\":%s,", c->lost ? "not_ready" : "ready",
             c->lost ? "false" : "true");
    put_checks(c);
    str_add(&c->reply->body, "}\n");
}

static void route_version(struct call *c)
{
    str_addf(&c->reply->body, "{\"version\":\"%s\",\"uptime_seconds\":%lld}\n", NINES_VERSION,
             platform_uptime(c->p) / USEC_PER_SEC);
}

static void route_metrics(struct call *c)
{
    c->reply->type = "text/plain; version=0.0.4; charset=utf-8";
    call_takes(c, 1500, 0.4);
    traffic_write(&c->p->traffic, &c->reply->body);
}

/* ---- alerts and incidents -------------------------------------------------------------- */

/* Texts come from outside: nothing in them may steer the terminal. `before` is said before each
 * line. */
static void say_plain(FILE *out, const char *text, const char *before)
{
    fputs(before, out);
    for (; text && *text; text++)
        if (*text == '\n')
            fprintf(out, "\n%s", before);
        else
            fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

static void say_alert(FILE *out, const json_t *alert)
{
    const json_t *labels = json_object_get(alert, "labels");
    const json_t *notes = json_object_get(alert, "annotations");
    const char *summary = json_string_value(json_object_get(notes, "summary"));
    const char *description = json_string_value(json_object_get(notes, "description"));
    say_plain(out, json_string_value(json_object_get(labels, "severity")), "alert received: ");
    say_plain(out, json_string_value(json_object_get(alert, "status")), " ");
    say_plain(out, summary ? summary : "(no summary)", ": ");
    fputc('\n', out);
    say_plain(out, description ? description : "(nothing)", "alert says: ");
    fputc('\n', out);
}

/* The webhook of an Alertmanager, version 4. */
static void route_alerts(struct call *c)
{
    json_error_t why;
    json_t *o = json_loadb(c->request->body, c->request->body_len, 0, &why);
    const json_t *list = json_object_get(o, "alerts");
    for (size_t i = 0; i < json_array_size(list); i++)
        say_alert(c->p->out, json_array_get(list, i));
    fflush(c->p->out);
    json_decref(o);
    c->reply->status = 202;
    str_add(&c->reply->body, "{\"status\":\"accepted\"}\n");
}

static bool active(const struct platform *p, const struct incident *in)
{
    int64_t now = platform_uptime(p);
    return now >= in->start_us && now < in->start_us + in->length_us;
}

static void route_incidents(struct call *c)
{
    struct str *b = &c->reply->body;
    str_add(b, "[");
    for (size_t i = 0; i < c->p->incident_count; i++) {
        const struct incident *in = &c->p->incidents[i];
        char fault[FAULT_TEXT_MAX];
        str_addf(b, "%s{\"path\":", i ? "," : "");
        json_add_string(b, in->prefix);
        str_addf(b,
                 ",\"fault\":\"%s\",\"start_seconds\":%.3f,\"length_seconds\":%.3f,"
                 "\"active\":%s}",
                 fault_text(fault, &in->fault), (double)in->start_us / 1e6,
                 (double)in->length_us / 1e6, active(c->p, in) ? "true" : "false");
    }
    str_add(b, "]\n");
}

/* Finished incidents make room for new ones. */
static void forget_over(struct platform *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->incident_count; i++)
        if (!p->incidents[i].over)
            p->incidents[kept++] = p->incidents[i];
    p->incident_count = kept;
}

static void route_add_incident(struct call *c)
{
    struct platform *p = c->p;
    struct incident in;
    struct err err;
    if (c->request->body_len >= INCIDENT_SIZE) {
        call_fail(c, 413, "an incident is one short line");
        return;
    }
    if (incident_parse(c->request->body, &in, &err) < 0) {
        call_fail(c, 400, err.msg);
        return;
    }
    if (p->incident_count == INCIDENTS_MAX)
        forget_over(p);
    if (p->incident_count == INCIDENTS_MAX) {
        call_fail(c, 429, "there are as many incidents as there is room for");
        return;
    }
    in.start_us += platform_uptime(p);
    p->incidents[p->incident_count++] = in;
    c->reply->status = 202;
    str_add(&c->reply->body, "{\"status\":\"accepted\"}\n");
}

static void announce(struct platform *p, struct incident *in)
{
    char fault[FAULT_TEXT_MAX], length[UNITS_MAX];
    int64_t now = platform_uptime(p);
    if (!in->begun && now >= in->start_us) {
        in->begun = true;
        fprintf(p->out, "incident begins: %s on %s for %s\n", fault_text(fault, &in->fault),
                in->prefix, units_duration(length, in->length_us));
        fflush(p->out);
    }
    if (!in->over && now >= in->start_us + in->length_us) {
        in->over = true;
        fprintf(p->out, "incident over: %s on %s\n", fault_text(fault, &in->fault), in->prefix);
        fflush(p->out);
    }
}

/* ---- routes ----------------------------------------------------------------------------- */

static const struct route {
    const char *method, *path;
    void (*run)(struct call *c);
} routes[] = {
    {"GET", "/health", route_health},
    {"GET", "/live", route_live},
    {"GET", "/livez", route_live},
    {"GET", "/ready", route_ready},
    {"GET", "/readyz", route_ready},
    {"GET", "/health/ready", route_ready},
    {"GET", "/version", route_version},
    {"GET", "/metrics", route_metrics},
    {"POST", "/v1/agents/{id}/execute", route_execute},
    {"POST", "/v1/agents/{id}/events", route_events},
    {"POST", "/v1/chat/completions", route_chat},
    {"POST", "/v1/messages", route_messages},
    {"POST", "/mcp", route_mcp},
    {"DELETE", "/mcp", route_mcp_leave},
    {"GET", "/.well-known/agent-card.json", route_a2a_card},
    {"POST", "/a2a", route_a2a},
    {"POST", "/v1/alerts", route_alerts},
    {"GET", "/incidents", route_incidents},
    {"POST", "/incidents", route_add_incident},
};

/* A pattern holds at most one {id}: one non-empty segment. */
static bool matches(const char *pattern, const char *path, struct call *c)
{
    size_t n = strcspn(pattern, "{");
    if (!pattern[n])
        return str_eq(pattern, path);
    if (strncmp(pattern, path, n) != 0)
        return false;
    c->id = path + n;
    c->id_len = strcspn(c->id, "/");
    return c->id_len > 0 && str_eq(strchr(pattern, '}') + 1, c->id + c->id_len);
}

/* HEAD is a GET whose body the server keeps. */
static const struct route *find_route(struct call *c, bool *ret_known)
{
    const char *method = str_eq(c->request->method, "HEAD") ? "GET" : c->request->method;
    *ret_known = false;
    for (size_t i = 0; i < countof(routes); i++) {
        if (!matches(routes[i].path, c->request->path, c))
            continue;
        *ret_known = true;
        if (str_eq(routes[i].method, method))
            return &routes[i];
    }
    return NULL;
}

/* ---- faults ------------------------------------------------------------------------------ */

/* The header's fault, or that of the first incident which is on; one that
 * cannot be read is answered 400. */
static int choose_fault(struct call *c, struct fault *ret)
{
    struct err err;
    const char *header = request_header(c->request, "X-Nines-Fault");
    *ret = (struct fault){0};
    if (header) {
        int rc = fault_parse(header, ret, &err);
        if (rc < 0)
            call_fail(c, 400, err.msg);
        return rc;
    }
    for (size_t i = 0; i < c->p->incident_count; i++) {
        const struct incident *in = &c->p->incidents[i];
        if (active(c->p, in) && str_starts(c->request->path, in->prefix)) {
            *ret = in->fault;
            return 0;
        }
    }
    return 0;
}

static void drip(struct reply *r)
{
    vec_clear(&r->cuts);
    r->chunked = false;
    for (size_t i = 1; i < r->body.len; i++)
        vec_push(&r->cuts, ((struct cut){i, DRIP_GAP_US}));
}

static void turn_away(struct call *c, int status, const char *code)
{
    struct reply *r = c->reply;
    r->delay_us = (int64_t)dice_lognormal(&c->p->dice, 6000, 0.4);
    call_fail(c, status, NULL);
    str_addf(&r->body, "{\"error\":{\"message\":\"come back later\",\"code\":\"%s\"}}\n", code);
    r->retry_after = (int)(c->fault.delay_us / USEC_PER_SEC);
}

static bool sends_away(enum fault_kind kind)
{
    return kind == FAULT_STATUS || kind == FAULT_RATE_LIMITED || kind == FAULT_OVERLOADED;
}

static void apply_fault(struct call *c, const struct fault *f)
{
    struct reply *r = c->reply;
    switch (f->kind) {
    case FAULT_STATUS:
        r->delay_us = (int64_t)dice_lognormal(&c->p->dice, 6000, 0.4);
        call_fail(c, f->status, "scripted fault");
        break;
    case FAULT_DELAY:
        r->delay_us += f->delay_us;
        break;
    case FAULT_HANG:
        r->end = REPLY_HANG;
        break;
    case FAULT_RESET:
        r->end = REPLY_RESET;
        break;
    case FAULT_TRUNCATE:
        r->end = REPLY_TRUNCATE;
        break;
    case FAULT_DRIP:
        drip(r);
        break;
    case FAULT_RATE_LIMITED:
        turn_away(c, 429, "rate_limit_exceeded");
        break;
    case FAULT_OVERLOADED:
        turn_away(c, 503, "overloaded");
        break;
    default: /* the route does it */
        break;
    }
}

static void answer(struct call *c, const struct route *route, bool known)
{
    const struct fault *f = &c->fault;
    if (choose_fault(c, &c->fault) < 0)
        return;
    c->lost = f->kind == FAULT_NOT_READY ? f->dependency : NULL;
    if (!route)
        call_fail(c, known ? 405 : 404, known ? "this path takes another method" : "no such path");
    else if (!sends_away(f->kind))
        route->run(c);
    apply_fault(c, f);
    if (sends_away(f->kind) && route && route->run == route_execute)
        traffic_execution(&c->p->traffic, 0, false, c->reply->delay_us, 0, 0);
}

static void on_request(void *ctx, const struct request *request, struct reply *reply)
{
    struct call c = {.p = ctx, .request = request, .reply = reply};
    bool known, answered;
    const struct route *route = find_route(&c, &known);
    answer(&c, route, known);
    answered = reply->end == REPLY_COMPLETE || reply->end == REPLY_TRUNCATE;
    traffic_request(&c.p->traffic, route ? route->path : "other", request->method,
                    answered ? reply->status : 0, reply_takes(reply), request->body_len,
                    answered ? reply->body.len : 0);
}

/* ---- the process -------------------------------------------------------------------------- */

static void on_second(uv_timer_t *t)
{
    struct platform *p = t->data;
    bool failing = false;
    for (size_t i = 0; i < p->incident_count; i++) {
        announce(p, &p->incidents[i]);
        failing = failing || (active(p, &p->incidents[i]) &&
                              str_starts("/v1/agents", p->incidents[i].prefix) &&
                              p->incidents[i].fault.kind == FAULT_STATUS);
    }
    traffic_second(&p->traffic, failing);
}

static void on_signal(uv_signal_t *s, int number)
{
    struct platform *p = s->data;
    (void)number;
    if (uv_is_closing((uv_handle_t *)&p->second))
        return;
    server_close(p->server);
    uv_close((uv_handle_t *)&p->second, NULL);
    uv_close((uv_handle_t *)&p->interrupt, NULL);
    uv_close((uv_handle_t *)&p->terminate, NULL);
}

static void start_handles(struct platform *p)
{
    uv_timer_init(&p->loop, &p->second);
    uv_signal_init(&p->loop, &p->interrupt);
    uv_signal_init(&p->loop, &p->terminate);
    p->second.data = p->interrupt.data = p->terminate.data = p;
    uv_timer_start(&p->second, on_second, 0, 1000);
    uv_signal_start(&p->interrupt, on_signal, SIGINT);
    uv_signal_start(&p->terminate, on_signal, SIGTERM);
}

int platform_run(const struct platform_options *o, struct err *reterr)
{
    struct platform *p = mem_alloc(sizeof(*p));
    p->dice = (struct dice){o->seed};
    p->out = o->out;
    p->started_us = clock_mono_ns() / NSEC_PER_USEC;
    traffic_init(&p->traffic, o->seed + 1);
    for (; p->incident_count < o->incident_count; p->incident_count++)
        p->incidents[p->incident_count] = o->incidents[p->incident_count];
    uv_loop_init(&p->loop);
    int rc = server_start(&p->loop, o->listen, on_request, p, &p->server, reterr);
    if (rc == 0) {
        start_handles(p);
        fprintf(p->out, "http://%s\n", server_address(p->server));
        fflush(p->out);
    }
    uv_run(&p->loop, UV_RUN_DEFAULT);
    int left = uv_loop_close(&p->loop);
    assert(left == 0);
    (void)left;
    free(p);
    return rc;
}
