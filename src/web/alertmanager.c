#include "web/alertmanager.h"

#include "alert/default_route.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"
#include "engine/edit.h"
#include "model/matcher.h"
#include "nines/notifier.h"
#include "nines/store_reader.h"
#include "web/alertmanager_internal.h"
#include "web/peer.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define BASE "/api/v2/"
#define SILENCE BASE "silence/"
#define JSON "application/json"

/* ---- the job's thread -------------------------------------------------------------------- */

enum page {
    PAGE_STATUS,
    PAGE_ALERTS,
    PAGE_GROUPS,
    PAGE_RECEIVERS,
    PAGE_SILENCES,
    PAGE_SILENCE,
    PAGE_MAKE,
    PAGE_EXPIRE,
};

struct request {
    const struct web_options *opts;
    struct status *status; /* a reference, or NULL */
    enum page page;
    int64_t id; /* of a silence */
    struct am_query query;
};

static int fail(struct str *out, int status, const char *message)
{
    str_clear(out);
    json_add_string(out, message);
    str_addc(out, '\n');
    return status;
}

static void put_status(int64_t started_us, struct str *out)
{
    char text[WHEN_MAX];
    str_addf(out,
             "{\"cluster\":{\"status\":\"disabled\",\"peers\":[]},\"config\":{\"original\":\"\"},"
             "\"uptime\":\"%s\",\"versionInfo\":{\"branch\":\"\",\"buildDate\":\"\","
             "\"buildUser\":\"\",\"goVersion\":\"\",\"revision\":\"nines\",\"version\":\"%s\"}}\n",
             when_text(text, started_us), NINES_VERSION);
}

static void put_receivers(const struct am_view *v, struct str *out)
{
    str_addc(out, '[');
    for (size_t i = 0; i < v->config->receiver_count; i++) {
        str_add(out, i ? ",{\"name\":" : "{\"name\":");
        json_add_string(out, v->config->receivers[i]->name);
        str_addc(out, '}');
    }
    str_add(out, "]\n");
}

/* A filter is about the matchers of silences: their names, and their values as labels. */
static bool is_wanted(const struct am_view *v, const struct silence *s)
{
    for (size_t i = 0; i < v->filter.n; i++) {
        const struct matcher *want = &v->filter.at[i];
        bool found = false, taken = false;
        for (size_t k = 0; k < s->matchers.n; k++) {
            const struct matcher *m = &s->matchers.at[k];
            if (!str_eq(m->name, want->name))
                continue;
            found = true;
            taken = taken || matcher_takes(want, m->value);
        }
        if (found ? !taken : !matcher_takes(want, ""))
            return false;
    }
    return true;
}

static void put_silence(const struct am_view *v, const struct stored_silence *s, struct str *out)
{
    str_addc(out, '{');
    silencing_put_json(s, v->now_us, out);
    str_addc(out, '}');
}

static void put_silences(const struct am_view *v, struct str *out)
{
    const char *sep = "";
    str_addc(out, '[');
    for (size_t i = 0; i < v->known.silence_count; i++) {
        const struct stored_silence *s = &v->known.silences[i];
        if (!is_wanted(v, s->silence))
            continue;
        str_add(out, sep);
        put_silence(v, s, out);
        sep = ",";
    }
    str_add(out, "]\n");
}

static int put_page(const struct request *q, struct am_view *v, struct str *out)
{
    const struct stored_silence *s;
    switch (q->page) {
    case PAGE_STATUS:
        put_status(q->status->started_us, out);
        break;
    case PAGE_ALERTS:
        am_put_alerts(v, out);
        break;
    case PAGE_GROUPS:
        am_put_groups(v, out);
        break;
    case PAGE_RECEIVERS:
        put_receivers(v, out);
        break;
    case PAGE_SILENCES:
        put_silences(v, out);
        break;
    default:
        s = silencing_get(&v->known, q->id);
        if (!s)
            return fail(out, 404, "there is no such silence");
        put_silence(v, s, out);
        str_addc(out, '\n');
    }
    return out->overflow ? fail(out, 500, "there is too much to show") : 200;
}

/* ---- looking --------------------------------------------------------------------------- */

static int read_query(struct am_view *v, struct err *reterr)
{
    struct err err;
    size_t at;
    for (const char *p = v->query->filter; *p; p += strcspn(p, "\n") + 1) {
        const char *line = arena_strndup(&v->arena, p, strcspn(p, "\n"));
        if (matchers_parse(line, &v->arena, &v->filter, &at, &err) < 0)
            return err_set(reterr, "bad filter, at byte %zu: %s", at + 1, err.msg);
    }
    if (*v->query->receiver && matchers_add(&v->receiver, &v->arena, "receiver", MATCH_REGEX,
                                            v->query->receiver, &err) < 0)
        return err_set(reterr, "bad receiver: %s", err.msg);
    return 0;
}

static int read_stored(const struct request *q, struct am_view *v, struct err *reterr)
{
    struct store_reader *r;
    if (store_reader_open(q->opts->database, &r, reterr) < 0)
        return -1;
    int rc = silencing_read(r, &v->known, reterr);
    store_reader_free(r);
    if (rc < 0)
        return -1;
    v->firing = arena_alloc(&v->arena, (v->known.alert_count + 1) * sizeof(*v->firing));
    for (size_t i = 0; i < v->known.alert_count; i++)
        v->firing[i] = &v->known.alerts[i].labels;
    return 0;
}

static int look(const struct request *q, struct str *out)
{
    struct am_view v = {.query = &q->query, .config = q->status->config};
    struct err err;
    int status;
    /* Not that of the picture: a silence that was made since would not have begun. */
    v.now_us = q->status->now_us + (clock_mono_ns() - q->status->built_mono_ns) / NSEC_PER_USEC;
    v.routing = v.config->routing ? v.config->routing : default_route(v.config, &v.arena);
    if (read_query(&v, &err) < 0)
        status = fail(out, 400, err.msg);
    else if (read_stored(q, &v, &err) < 0)
        status = fail(out, 500, err.msg);
    else
        status = put_page(q, &v, out);
    matchers_release(&v.filter);
    matchers_release(&v.receiver);
    silencing_release(&v.known);
    arena_release(&v.arena);
    return status;
}

static int do_look(const void *arg, struct web_body *body, struct str *out)
{
    const struct request *q = arg;
    (void)body;
    int status = look(q, out);
    status_unref(q->status);
    return status;
}

/* ---- changing --------------------------------------------------------------------------- */

/* The text of a matcher as the API has it. */
static int add_matcher(struct matchers *list, struct arena *arena, json_t *from, struct err *reterr)
{
    const char *name, *value;
    int regex, equal = 1;
    if (json_unpack(from, "{s:s, s:s, s:b, s?b}", "name", &name, "value", &value, "isRegex", &regex,
                    "isEqual", &equal) < 0)
        return err_set(reterr, "expected matchers with name, value and isRegex");
    return matchers_add(list, arena, name,
                        regex ? (equal ? MATCH_REGEX : MATCH_NOT_REGEX)
                              : (equal ? MATCH_EQUAL : MATCH_NOT_EQUAL),
                        value, reterr);
}

static int take_matchers(json_t *from, struct str *text, struct err *reterr)
{
    struct arena arena = {0};
    struct matchers list = {0};
    size_t i;
    json_t *item;
    int rc = 0;
    json_array_foreach(from, i, item)
    {
        rc = rc < 0 ? rc : add_matcher(&list, &arena, item, reterr);
    }
    if (rc == 0)
        matchers_text(&list, text);
    matchers_release(&list);
    arena_release(&arena);
    return rc < 0 || !text->overflow ? rc : err_set(reterr, "the request is too long");
}

static int take_time(const char *text, int64_t *ret, struct err *reterr)
{
    return when_parse(text, strlen(text), ret, reterr);
}

/* 0 is "now" to the edit, so what began before 1970 would too. */
static json_t *silence_of(json_t *doc, struct err *reterr)
{
    const char *id = NULL, *starts, *ends, *author, *comment;
    int64_t from, to;
    json_t *matchers, *request = NULL;
    struct str text;
    if (json_unpack(doc, "{s?s, s:o, s:s, s:s, s:s, s:s}", "id", &id, "matchers", &matchers,
                    "startsAt", &starts, "endsAt", &ends, "createdBy", &author, "comment",
                    &comment) < 0) {
        err_set(reterr, "expected matchers, startsAt, endsAt, createdBy and comment");
        return NULL;
    }
    str_init(&text, EDIT_REQUEST_MAX);
    if (take_time(starts, &from, reterr) == 0 && take_time(ends, &to, reterr) == 0 &&
        take_matchers(matchers, &text, reterr) == 0) {
        request = json_pack("{s:s, s:s, s:I, s:I, s:i, s:s, s:s}", "do", "silence", "matchers",
                            text.buf, "from_us", (json_int_t)from, "to_us", (json_int_t)to,
                            "for_us", 0, "author", author, "comment", comment);
        if (request && id && *id)
            json_object_set_new(request, "replaces", json_integer(strtoll(id, NULL, 10)));
    }
    str_release(&text);
    return request;
}

/* What cannot be expired is a 500 there. */
static int edit(const struct request *q, json_t *request, struct str *out)
{
    struct err err;
    struct str answer;
    mem_auto char *text = json_dumps(request, JSON_COMPACT);
    str_init(&answer, EDIT_REQUEST_MAX);
    int rc = q->opts->edit(q->opts->ctx, text, strlen(text), &answer, &err);
    json_t *doc = rc == 0 ? json_loadb(answer.buf, answer.len, 0, NULL) : NULL;
    if (rc == 0 && q->page == PAGE_MAKE)
        str_addf(out, "{\"silenceID\":\"%" JSON_INTEGER_FORMAT "\"}\n",
                 json_integer_value(json_object_get(doc, "id")));
    json_decref(doc);
    str_release(&answer);
    if (rc == 0)
        return 200;
    bool gone = str_starts(err.msg, "there is no silence");
    return fail(out, gone ? 404 : q->page == PAGE_EXPIRE ? 500 : 400, err.msg);
}

static int read_body(struct web_body *body, struct str *text)
{
    char buf[4096];
    ssize_t n;
    while ((n = web_body_read(body, buf, sizeof(buf))) > 0)
        str_addn(text, buf, (size_t)n);
    return n < 0 || text->overflow ? -1 : 0;
}

static int do_make(const void *arg, struct web_body *body, struct str *out)
{
    const struct request *q = arg;
    struct err err = {"expected a JSON object"};
    struct str text;
    str_init(&text, EDIT_REQUEST_MAX);
    json_t *doc = NULL, *request = NULL;
    if (read_body(body, &text) < 0)
        err_set(&err, "a request has %d bytes at most", EDIT_REQUEST_MAX);
    else
        doc = json_loadb(text.buf, text.len, JSON_REJECT_DUPLICATES, NULL);
    str_release(&text);
    if (doc)
        request = silence_of(doc, &err);
    int status = request ? edit(q, request, out) : fail(out, 400, err.msg);
    json_decref(request);
    json_decref(doc);
    return status;
}

static int do_expire(const void *arg, struct web_body *body, struct str *out)
{
    const struct request *q = arg;
    (void)body;
    json_t *request = json_pack("{s:s, s:[I], s:s}", "do", "expire_silences", "ids",
                                (json_int_t)q->id, "by", "API");
    int status = edit(q, request, out);
    json_decref(request);
    return status;
}

/* ---- the web thread ----------------------------------------------------------------------- */

static void refuse(struct httpd_call *call, int status, const char *message)
{
    struct str body;
    str_init(&body, 4096);
    fail(&body, status, message);
    struct httpd_answer a = {status, JSON, body.buf, body.len, NULL, 0};
    httpd_reply(call, &a);
    str_release(&body);
}

static bool is_false(struct httpd_call *call, const char *name)
{
    const char *text = httpd_query(call, name);
    return text && str_eq(text, "false");
}

struct filters {
    char *to;
    size_t room;
    bool over;
};

static void add_filter(void *ctx, const char *value)
{
    struct filters *f = ctx;
    size_t n = strlen(value);
    f->over = f->over || n + 2 > f->room || strchr(value, '\n');
    if (f->over)
        return;
    memcpy(f->to, value, n);
    f->to[n] = '\n';
    f->to += n + 1;
    f->room -= n + 1;
}

/* *q is zeroes. */
static bool take_query(struct httpd_call *call, struct am_query *q)
{
    struct filters f = {q->filter, sizeof(q->filter), false};
    const char *receiver = httpd_query(call, "receiver");
    httpd_query_each(call, "filter", add_filter, &f);
    if (f.over || (receiver && strlen(receiver) >= sizeof(q->receiver))) {
        refuse(call, 400, "the query is too long");
        return false;
    }
    str_copy(q->receiver, sizeof(q->receiver), receiver ? receiver : "");
    q->without_active = is_false(call, "active");
    q->without_silenced = is_false(call, "silenced");
    q->without_inhibited = is_false(call, "inhibited");
    return true;
}

static const char *host_is_ours(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; host && i < countof(names); i++) {
        size_t n = strlen(names[i]);
        if (strncmp(host, names[i], n) == 0 && (host[n] == '\0' || host[n] == ':'))
            return names[i];
    }
    return NULL;
}

/* A page of a browser may send any request it likes from the user's own machine, but not
 * without an Origin, JSON without asking first, or by an address that it was not loaded
 * from (a name of its own that leads here is seen in Host). */
static bool may_change(const struct routes *r, struct httpd_call *call, bool body)
{
    const char *type = httpd_header(call, "Content-Type");
    if (r->control)
        return true;
    if (httpd_header(call, "Origin") || !host_is_ours(httpd_header(call, "Host")))
        refuse(call, 403, "this is not for pages of a browser");
    else if (body && (!type || strncasecmp(type, JSON, strlen(JSON)) != 0))
        refuse(call, 415, "expected Content-Type: application/json");
    else if (!peer_is_us(httpd_fd(call)))
        refuse(call, 403, "expected a process of the same user, on this machine");
    else
        return true;
    return false;
}

static void start(const struct routes *r, struct httpd_call *call, struct request *q)
{
    job_fn fn = q->page == PAGE_MAKE ? do_make : q->page == PAGE_EXPIRE ? do_expire : do_look;
    bool looks = fn == do_look;
    if (!looks && !may_change(r, call, q->page == PAGE_MAKE))
        return;
    if (looks && !take_query(call, &q->query))
        return;
    if (looks && (!(q->status = status_get(r->opts->board)) || !q->status->config)) {
        status_unref(q->status);
        refuse(call, 503, "not started");
        return;
    }
    if (!jobs_start(r->jobs, call, fn, q, sizeof(*q))) {
        status_unref(q->status);
        refuse(call, 503, "too many requests are under way");
    }
}

static const struct {
    const char *method, *path;
    enum page page;
} pages[] = {
    {"GET", BASE "status", PAGE_STATUS},
    {"GET", BASE "alerts", PAGE_ALERTS},
    {"GET", BASE "alerts/groups", PAGE_GROUPS},
    {"GET", BASE "receivers", PAGE_RECEIVERS},
    {"GET", BASE "silences", PAGE_SILENCES},
    {"POST", BASE "silences", PAGE_MAKE},
    {"GET", SILENCE, PAGE_SILENCE},
    {"DELETE", SILENCE, PAGE_EXPIRE},
};

bool alertmanager_serves(const char *path)
{
    return str_starts(path, BASE);
}

/* Whose path it is; a silence's ends with its number, 0 if that is none. */
static bool is_path(const char *path, const char *of, int64_t *ret_id)
{
    char *end;
    *ret_id = 0;
    if (!str_eq(of, SILENCE))
        return str_eq(path, of);
    if (!str_starts(path, SILENCE) || !path[strlen(SILENCE)])
        return false;
    long long id = strtoll(path + strlen(SILENCE), &end, 10);
    *ret_id = *end || id < 0 ? 0 : id;
    return true;
}

void alertmanager_begin(const struct routes *r, struct httpd_call *call)
{
    const char *method = httpd_method(call), *path = httpd_path(call);
    bool known = false;
    struct request q = {.opts = r->opts};
    for (size_t i = 0; i < countof(pages); i++) {
        if (!is_path(path, pages[i].path, &q.id))
            continue;
        known = true;
        if (!str_eq(method, pages[i].method))
            continue;
        q.page = pages[i].page;
        start(r, call, &q);
        return;
    }
    refuse(call, known ? 405 : 404, known ? "method not allowed" : "no such path");
}
