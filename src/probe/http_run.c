/* The life of one run: request, redirects, verdict. */
#include "probe/http.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/gunzip.h"
#include "io/http.h"
#include "io/jsonpath.h"
#include "io/work.h"
#include "probe/http_job.h"
#include "probe/judge.h"
#include "probe/redact.h"
#include "probe/redirect.h"

#include <assert.h>
#include <strings.h>

#define EVIDENCE_MAX 1024
#define LOCATION_MAX 8192
#define LINES_MAX 80

/* REQUEST: a call is out. JUDGE: a large body is on the pool. Each ends in
 * finish() or in cancel, whichever comes first. */
enum run_state { RUN_REQUEST, RUN_JUDGE, RUN_FINISHED };

/* A large response while the pool judges it. */
struct judged {
    struct http_response resp;
    struct verdict verdict;
    bool packed;
    char *raw;       /* the body as it came */
    struct str body; /* unpacked; resp.body points to it then */
};

/* As long as a run is under way there is one of these, and of most runs
 * nothing more: what only redirects and large bodies need is in the arena. */
struct http_run {
    struct http_job job;
    struct http_start at;
    struct probe_env *env;
    const struct probe_def *def;
    const struct http_spec *spec;
    const struct http_reader *reader; /* or NULL */
    struct probe_memory *memory;      /* or NULL */
    struct http_reading reading;
    bool read; /* by `reader` */
    probe_done_fn done;
    void *ctx;
    enum run_state state;
    int64_t started_ns, hop_started_ns;
    int64_t total_us;
    struct http_call *call; /* REQUEST */
    struct work *work;      /* JUDGE */
    struct target target;
    struct hop *hops; /* `only`, or as many as there may be */
    struct hop only;
    const char **methods; /* of the hops; NULL while there is only one */
    size_t hop_count;
    struct arena arena; /* strings of hops and targets, a kept response */
    struct judged *judged;
    int64_t judged_wall_us;
};

static void on_response(void *ctx, const struct http_response *r);

static void run_free(struct http_run *run)
{
    if (run->judged) {
        free(run->judged->raw);
        str_release(&run->judged->body);
    }
    arena_release(&run->arena);
    free(run);
}

/* ---- the end ----------------------------------------------------------------- */

void http_hide(const struct http_spec *s, char *text, size_t n)
{
    for (size_t i = 0; i < s->hidden_count; i++)
        redact(text, n, s->hidden[i]);
    redact_query(text, n);
}

/* The start of what came, as it may be shown. */
static size_t take_evidence(const struct http_run *run, const char *text, size_t len,
                            char evidence[static EVIDENCE_MAX])
{
    size_t n = !text ? 0 : len < EVIDENCE_MAX ? len : EVIDENCE_MAX;
    if (n)
        memcpy(evidence, text, n);
    http_hide(run->spec, evidence, n);
    return n;
}

size_t http_show_headers(struct arena *a, const struct http_spec *s, const struct http_response *r,
                         const char **ret)
{
    static const char cookie[] = "\r\nSet-Cookie:";
    char *text = arena_printf(a, "\r\n%.*s", (int)r->headers_len, r->headers ? r->headers : "");
    for (char *p = text; (p = strcasestr(p, cookie)) != NULL;) {
        p += sizeof(cookie) - 1;
        p += strcspn(p, "=\r");
        if (*p == '=')
            memset(p + 1, '*', strcspn(p + 1, ";\r"));
    }
    http_hide(s, text, strlen(text));
    *ret = text + 2;
    return strlen(*ret);
}

static void redact_hops(struct http_run *run)
{
    for (size_t i = 0; i < run->hop_count; i++) {
        const char *url = run->hops[i].url;
        if (run->hop_count == 1 && !strchr(url, '?'))
            continue;
        char *shown = arena_strdup(&run->arena, url);
        http_hide(run->spec, shown, strlen(shown));
        run->hops[i].url = shown;
    }
}

/* The only way out but cancel: reports and frees. */
static void finish(struct http_run *run, const struct http_response *r, struct verdict *v)
{
    char text[EVIDENCE_MAX];
    assert(run->state != RUN_FINISHED);
    run->state = RUN_FINISHED;
    if (run->read && run->reader->remember)
        run->reader->remember(run->def, run->memory, run->judged_wall_us, v, &run->reading);
    for (size_t i = 0; i < v->seen_count; i++)
        http_hide(run->spec, v->text[i], strlen(v->text[i]));
    http_hide(run->spec, v->message, strlen(v->message));
    redact_hops(run);

    bool verbose = run->env->verbose;
    bool keeps = v->outcome == OUTCOME_BAD || verbose;
    size_t evidence = keeps ? take_evidence(run, r->body, r->body_len, text) : 0;
    const char *headers = NULL;
    size_t headers_len = verbose ? http_show_headers(&run->arena, run->spec, r, &headers) : 0;
    const struct hop *last = &run->hops[run->hop_count - 1];
    struct observation obs = {
        .result = {.total_us = run->total_us,
                   .phases = last->phases,
                   .code = (int16_t)last->status,
                   .outcome = (uint8_t)v->outcome,
                   .reason = (uint8_t)v->reason,
                   .flags = (last->reused ? RESULT_REUSED : 0) |
                            (run->reading.scraped ? RESULT_SCRAPED : 0)},
        .message = v->message,
        .hops = run->hops,
        .hop_count = run->hop_count,
        .assertions = v->seen,
        .assertion_count = v->seen_count,
        .body = evidence ? text : NULL,
        .body_len = evidence,
        .headers = headers,
        .headers_len = headers_len,
        .samples = run->reading.samples,
        .sample_count = run->reading.sample_count,
        .version = run->reading.version,
        .cert_not_after_us = r->cert_not_after_us,
    };
    run->done(run->ctx, &obs);
    run_free(run);
}

/* ---- judging ------------------------------------------------------------------- */

static void judge_here(struct http_run *run, const struct http_response *r, struct jsonpath *json,
                       struct verdict *ret)
{
    struct judge_input in = {
        .resp = r, .total_us = run->total_us, .wall_us = run->judged_wall_us, .json = json};
    judge(&run->spec->expect, &in, ret);
    run->read = run->reader && r->reason == REASON_NONE && !r->local_fault;
    if (run->read)
        run->reader->read(run->def, &in, ret, &run->reading);
}

/* -1: the verdict says why. */
static int unpack(struct http_run *run)
{
    struct judged *j = run->judged;
    char size[UNITS_MAX];
    str_init(&j->body, (size_t)run->spec->max_body);
    enum gunzip_end end = gunzip(j->resp.body, j->resp.body_len, &run->reading.stop, &j->body);
    j->resp.body = j->body.buf;
    j->resp.body_len = j->body.len;
    if (end == GUNZIP_TOO_LONG)
        verdict_fail(&j->verdict, REASON_BODY, "the body unpacks to over %s",
                     units_size(size, run->spec->max_body));
    else if (end == GUNZIP_CUT)
        verdict_fail(&j->verdict, REASON_TRUNCATED, "the packed body ends in its middle");
    else if (end == GUNZIP_BROKEN)
        verdict_fail(&j->verdict, REASON_PROTOCOL, "the body is said to be gzip, but is not");
    return end == GUNZIP_DONE ? 0 : -1;
}

/* On a worker thread: the loop's JSON engine is not ours to use here. */
static void judge_on_pool(void *ctx)
{
    struct http_run *run = ctx;
    struct judged *j = run->judged;
    struct jsonpath *json = NULL;
    struct err err;
    bool reads_json = run->spec->expect.reads_json || (run->reader && run->reader->json);
    if (j->packed && unpack(run) < 0)
        return;
    if (reads_json && jsonpath_new(&json, &err) < 0)
        verdict_fail(&j->verdict, REASON_PROBER, "%s", err.msg);
    else
        judge_here(run, &j->resp, json, &j->verdict);
    jsonpath_free(json);
}

static void on_judged(void *ctx)
{
    struct http_run *run = ctx;
    assert(run->state == RUN_JUDGE);
    run->work = NULL;
    finish(run, &run->judged->resp, &run->judged->verdict);
}

/* A response lives only during its callback; so do these texts of its hop. */
static void keep_hop(struct http_run *run)
{
    struct hop *last = &run->hops[run->hop_count - 1];
    last->address = arena_strdup(&run->arena, last->address);
    last->protocol = arena_strdup(&run->arena, last->protocol);
}

/* The pool needs it longer. */
static void keep(struct http_run *run, const struct http_response *r)
{
    struct arena *a = &run->arena;
    run->judged = arena_alloc(a, sizeof(*run->judged));
    struct http_response *kept = &run->judged->resp;
    *kept = *r;
    kept->message = arena_strdup(a, r->message);
    keep_hop(run);
    kept->protocol = run->hops[run->hop_count - 1].protocol;
    kept->address = run->hops[run->hop_count - 1].address;
    char *headers = arena_alloc(a, r->headers_len + 1);
    if (r->headers_len)
        memcpy(headers, r->headers, r->headers_len);
    kept->headers = headers;
    run->judged->raw = str_detach(r->room);
    kept->body = run->judged->raw;
    kept->room = NULL;
}

static bool is_packed(const struct http_run *run, const struct http_response *r)
{
    char value[32];
    return run->spec->gzip && r->body_len &&
           http_header(r, "Content-Encoding", value, sizeof(value)) &&
           strcasecmp(value, "gzip") == 0;
}

static void judge_response(struct http_run *run, const struct http_response *r)
{
    const struct expect *e = &run->spec->expect;
    struct probe_env *env = run->env;
    run->judged_wall_us = env->wall_us(env->ctx);
    size_t light = run->reader && run->reader->light ? run->reader->light : HTTP_PROBE_POOL_BODY;
    bool heavy = (run->reader || e->reads_body || e->reads_json) && r->body_len > light;
    bool packed = is_packed(run, r);
    if ((!heavy && !packed) || r->reason != REASON_NONE) {
        struct verdict verdict;
        judge_here(run, r, env->json, &verdict);
        finish(run, r, &verdict);
        return;
    }
    keep(run, r);
    run->judged->packed = packed;
    run->state = RUN_JUDGE;
    run->work = work_start(env->loop, judge_on_pool, on_judged, run);
}

/* ---- requests -------------------------------------------------------------------- */

static int64_t since_us(int64_t start_ns, int64_t now_ns)
{
    return (now_ns - start_ns) / NSEC_PER_USEC;
}

static size_t pick_lines(const struct http_run *run, const char *lines[static LINES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < run->spec->line_count; i++) {
        const struct header_line *l = &run->spec->lines[i];
        bool skip = (l->bound && !run->target.credentials) || (l->content && !run->target.body);
        if (!skip && n < LINES_MAX)
            lines[n++] = l->text;
    }
    return n;
}

/* A lookup may have taken all there was; the rest is told by the request then. */
static int64_t left_us(int64_t limit_us, int64_t spent_us)
{
    return limit_us > spent_us ? limit_us - spent_us : 1;
}

static void send_request(struct http_run *run, int64_t now_ns)
{
    const struct http_spec *s = run->spec;
    const struct target *t = &run->target;
    const char *lines[LINES_MAX];
    int64_t spent_us = since_us(run->started_ns, now_ns);
    struct http_request req = {
        .method = t->method,
        .url = t->url,
        .headers = lines,
        .header_count = pick_lines(run, lines),
        .body = t->body ? s->body : NULL,
        .body_len = t->body ? s->body_len : 0,
        .connect_timeout_us = s->connect_timeout_us,
        .timeout_us = left_us(run->def->timeout_us, spent_us),
        .max_body = s->max_body,
        .address = t->credentials ? run->at.address : NULL, /* of the origin */
        .family = (enum ip_family)s->ip,
        .reuse = s->reuse,
        .dns_fresh = s->dns == 1,
        .insecure = s->tls.insecure,
        .ca_file = s->tls.ca_file,
    };
    if (t->credentials) {
        req.user = s->auth.basic.user;
        req.password = s->auth.basic.password.value;
        req.bearer = s->auth.bearer.value;
        req.cert_file = s->tls.cert_file;
        req.key_file = s->tls.key_file;
        req.server_name = s->tls.server_name;
    }
    run->state = RUN_REQUEST;
    run->hop_started_ns = now_ns;
    run->call = http_start(run->env->http, &req, NULL, on_response, run);
}

static void add_hop(struct http_run *run, const struct http_response *r)
{
    assert(run->hop_count <= (run->methods ? HTTP_PROBE_MAX_FOLLOW : 0));
    if (run->methods)
        run->methods[run->hop_count] = run->target.method;
    run->hops[run->hop_count++] = (struct hop){
        .url = run->target.url,
        .address = r->address ? r->address : "",
        .protocol = r->protocol ? r->protocol : "",
        .status = r->status,
        .reused = r->reused,
        .phases = r->phases,
        .bytes = (int64_t)r->body_len,
    };
    if (run->hop_count == 1)
        run->hops[0].phases.dns_us += since_us(run->started_ns, run->hop_started_ns);
}

/* There will be another hop. */
static void make_room(struct http_run *run)
{
    keep_hop(run);
    if (run->methods)
        return;
    run->methods = arena_alloc(&run->arena, (HTTP_PROBE_MAX_FOLLOW + 1) * sizeof(*run->methods));
    run->hops = arena_alloc(&run->arena, (HTTP_PROBE_MAX_FOLLOW + 1) * sizeof(*run->hops));
    run->methods[0] = run->target.method;
    run->hops[0] = run->only;
}

static bool was_here(const struct http_run *run, const struct target *t)
{
    for (size_t i = 0; i < run->hop_count; i++) {
        if (str_eq(run->hops[i].url, t->url) && str_eq(run->methods[i], t->method))
            return true;
    }
    return false;
}

/* Sends the next hop, or fails the run. */
static void follow(struct http_run *run, const struct http_response *r, const char *location)
{
    struct target next;
    struct err err;
    int64_t now_ns = clock_mono_ns();
    char text[UNITS_MAX];
    struct verdict verdict, *v = &verdict;
    make_room(run);
    v->reason = REASON_NONE;
    v->seen_count = 0;
    if (redirect_next(&run->arena, &run->target, r->status, location, &next, &err) < 0)
        verdict_fail(v, REASON_REDIRECT, "%s", err.msg);
    else if (was_here(run, &next))
        verdict_fail(v, REASON_REDIRECT, "a redirect loop: back to %.300s", next.url);
    else if (run->hop_count > (size_t)run->spec->follow)
        verdict_fail(v, REASON_REDIRECT, "more than %d redirects; the next is %.300s",
                     (int)run->spec->follow, next.url);
    else if (since_us(run->started_ns, now_ns) >= run->def->timeout_us)
        verdict_fail(v, REASON_TOTAL_TIMEOUT, "the redirects took the whole timeout of %s",
                     units_duration(text, run->def->timeout_us));
    if (v->reason != REASON_NONE) {
        finish(run, r, v);
        return;
    }
    run->target = next;
    send_request(run, now_ns);
}

static void on_response(void *ctx, const struct http_response *r)
{
    struct http_run *run = ctx;
    assert(run->state == RUN_REQUEST);
    run->call = NULL;
    run->total_us = since_us(run->started_ns, run->hop_started_ns) + r->total_us;
    add_hop(run, r);
    char location[LOCATION_MAX + 2];
    bool redirects = run->spec->follow > 0 && r->reason == REASON_NONE && !r->local_fault &&
                     redirect_status(r->status) &&
                     http_header(r, "Location", location, sizeof(location));
    if (redirects)
        follow(run, r, location);
    else
        judge_response(run, r);
}

static void cancel(struct http_job *job)
{
    struct http_run *run = container_of(job, struct http_run, job);
    assert(run->state == RUN_REQUEST || run->state == RUN_JUDGE);
    atomic_store_explicit(&run->reading.stop, true, memory_order_relaxed);
    if (run->state == RUN_REQUEST)
        http_cancel(run->call);
    else
        work_cancel(run->work);
    run_free(run);
}

struct http_job *http_run_at(struct probe_env *env, const struct probe_def *def,
                             const struct http_spec *spec, const struct http_reader *reader,
                             struct probe_memory *memory, const struct http_start *at,
                             probe_done_fn done, void *ctx)
{
    struct http_run *run = mem_alloc(sizeof(*run));
    run->job.cancel = cancel;
    run->at = *at;
    run->env = env;
    run->def = def;
    run->spec = spec;
    run->reader = reader;
    run->memory = memory;
    run->reading.arena = &run->arena;
    run->done = done;
    run->ctx = ctx;
    run->hops = &run->only;
    run->target = (struct target){spec->url, spec->method, spec->body != NULL, true};
    run->started_ns = at->started_ns;
    send_request(run, at->address ? clock_mono_ns() : at->started_ns);
    return &run->job;
}

void *http_run_start(struct probe_env *env, const struct probe_def *def,
                     const struct http_spec *spec, const struct http_reader *reader,
                     struct probe_memory *memory, probe_done_fn done, void *ctx)
{
    struct http_start at = {.started_ns = clock_mono_ns()};
    if (spec->addresses)
        return addresses_start(env, def, spec, reader, done, ctx);
    return http_run_at(env, def, spec, reader, memory, &at, done, ctx);
}

void http_run_cancel(void *run)
{
    struct http_job *job = run;
    job->cancel(job);
}
