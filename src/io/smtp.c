#include "io/smtp.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "io/smtp_internal.h"
#include "io/resolve.h"
#include "io/trust.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NS_PER_MS 1000000LL
#define SAY(call, ...) snprintf((call)->message, sizeof((call)->message), __VA_ARGS__)

/* ---- the end --------------------------------------------------------------------- */

static void release(struct smtp_call *call)
{
    struct http_client *c = call->client;

    if (--call->handles > 0)
        return;
    if (call->easy)
        curl_easy_cleanup(call->easy);
    if (call->url)
        curl_url_cleanup(call->url);
    cert_store_unref(call->store);
    str_release(&call->mail);
    str_release(&call->command);
    str_release(&call->input);
    arena_release(&call->arena);
    free(call);
    http_client_drop(c);
}

static void on_timer_closed(uv_handle_t *h)
{
    release(container_of((uv_timer_t *)h, struct smtp_call, deadline));
}

static void on_poll_closed(uv_handle_t *h)
{
    release(container_of((uv_poll_t *)h, struct smtp_call, poll));
}

/* The poll goes first: afterwards its descriptor is somebody else's. */
void smtp_end(struct smtp_call *call)
{
    assert(call->state != SMTP_ENDED);
    call->state = SMTP_ENDED;
    TAILQ_REMOVE(&call->client->mails, call, link);
    if (call->wait)
        resolver_cancel(call->wait);
    call->wait = NULL;
    if (call->polling)
        uv_close((uv_handle_t *)&call->poll, on_poll_closed);
    uv_close((uv_handle_t *)&call->deadline, on_timer_closed);
    smtp_easy_remove(call);
}

void smtp_finish(struct smtp_call *call, enum smtp_outcome outcome)
{
    smtp_end(call);
    call->done(call->ctx, outcome, call->message);
}

void smtp_cancel(struct smtp_call *call)
{
    assert(!call->client->in_curl && call->state < SMTP_LEAVING);
    smtp_end(call);
}

void smtp_end_all(struct http_client *c)
{
    struct smtp_call *call;

    while ((call = TAILQ_FIRST(&c->mails)))
        smtp_end(call);
}

/* ---- what is said ------------------------------------------------------------------ */

/* Appends a line that can be shown: no control characters, nothing that we know to be
 * secret, whoever says it. */
static void add_visible(const struct smtp_call *call, struct str *out, const char *text, size_t n)
{
    const char *secret = call->req.password;
    size_t len = secret ? strlen(secret) : 0;

    for (size_t i = 0; i < n; i++) {
        if (len && n - i >= len && memcmp(text + i, secret, len) == 0) {
            str_add(out, "[secret]");
            i += len - 1;
        } else {
            str_addc(out, text[i] < ' ' || text[i] > '~' ? ' ' : text[i]);
        }
    }
}

static void show(const struct smtp_call *call, const char *who, const char *text, size_t n)
{
    struct str line;

    if (!call->req.show)
        return;
    str_init(&line, 2 * SMTP_REPLIES_MAX);
    str_add(&line, who);
    add_visible(call, &line, text, n);
    call->req.show(call->req.show_ctx, line.buf);
    str_release(&line);
}

void smtp_said(struct smtp_call *call, const char *text, size_t n)
{
    size_t verb, word;

    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (call->in_auth) {
        show(call, "C: ", "[secret]", 8);
        return;
    }
    call->in_auth = n > 5 && memcmp(text, "AUTH ", 5) == 0;
    for (verb = 0; verb < n && text[verb] != ' ';)
        verb++;
    snprintf(call->doing, sizeof(call->doing), "%.*s", (int)verb, text);
    for (word = verb + 1; call->in_auth && word < n && text[word] != ' ';)
        word++;
    if (call->in_auth && word < n) {
        char line[64];
        snprintf(line, sizeof(line), "%.*s [secret]", (int)word, text);
        show(call, "C: ", line, strlen(line));
        return;
    }
    show(call, "C: ", text, n);
}

bool smtp_heard(struct smtp_call *call, const char *line, size_t n)
{
    struct str visible;

    while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        n--;
    call->heard += n + 2;
    if (call->heard > SMTP_REPLIES_MAX) {
        call->too_long = true;
        return false;
    }
    show(call, "S: ", line, n);
    str_init(&visible, sizeof(call->line) - 1);
    add_visible(call, &visible, line, n);
    str_copy(call->line, sizeof(call->line), visible.buf);
    str_release(&visible);
    call->code = 0;
    for (size_t i = 0; i < 3; i++)
        call->code = i < n && line[i] >= '0' && line[i] <= '9' && call->code >= 0
                         ? call->code * 10 + line[i] - '0'
                         : -1;
    if (call->code != 334)
        call->in_auth = false;
    return true;
}

/* ---- deadlines --------------------------------------------------------------------- */

static bool may_try_next(const struct smtp_call *call)
{
    return call->state == SMTP_CONNECTING && !smtp_easy_tcp_connected(call) &&
           call->addr + 1 < call->addrs.n && clock_mono_ns() < call->end_by_ns;
}

/* While there are more addresses to try each gets an equal share of what is left. */
static int64_t due_ns(const struct smtp_call *call)
{
    if (!may_try_next(call))
        return call->end_by_ns;
    return call->added_ns +
           (call->end_by_ns - call->added_ns) / (int64_t)(call->addrs.n - call->addr);
}

static void on_deadline(uv_timer_t *t);

static void arm(struct smtp_call *call)
{
    int64_t left_ns = due_ns(call) - clock_mono_ns();

    uv_update_time(call->client->loop);
    uv_timer_start(&call->deadline, on_deadline,
                   left_ns > 0 ? (uint64_t)((left_ns + NS_PER_MS - 1) / NS_PER_MS) : 0, 0);
}

void smtp_leave(struct smtp_call *call)
{
    call->state = SMTP_LEAVING;
    call->req.show = NULL; /* nobody is there any more */
    uv_update_time(call->client->loop);
    uv_timer_start(&call->deadline, on_deadline, SMTP_GOODBYE_US / USEC_PER_MSEC, 0);
}

static void fail(struct smtp_call *call, enum smtp_outcome outcome, const char *why)
{
    str_copy(call->message, sizeof(call->message), why);
    smtp_finish(call, outcome);
}

static void connect_to(struct smtp_call *call)
{
    call->state = SMTP_CONNECTING;
    call->added_ns = clock_mono_ns();
    smtp_easy_connect(call);
    arm(call);
}

static void try_next_address(struct smtp_call *call)
{
    smtp_easy_remove(call);
    call->addr++;
    connect_to(call);
}

/* ---- from the start to the connection ---------------------------------------------- */

void smtp_ended(struct http_transfer *t, CURLcode code)
{
    struct smtp_call *call = container_of(t, struct smtp_call, transfer);

    if (code == CURLE_OK)
        smtp_talk(call);
    else if (code == CURLE_COULDNT_CONNECT && may_try_next(call))
        try_next_address(call);
    else
        smtp_finish(call, smtp_easy_failure(call, code));
}

static void on_resolved(void *ctx, const struct resolve_addrs *addrs, const char *error,
                        bool local_fault)
{
    struct smtp_call *call = ctx;

    (void)local_fault;
    call->wait = NULL;
    if (!addrs->n) {
        SAY(call, "lookup of %s: %s", call->host, error);
        smtp_finish(call, SMTP_LATER);
        return;
    }
    call->addrs = *addrs;
    connect_to(call);
}

static void begin(struct smtp_call *call)
{
    struct resolver *r = call->client->resolver;
    struct err error;

    if (call->refused) {
        fail(call, SMTP_REFUSED, call->refused);
        return;
    }
    if (call->req.security != SMTP_OPPORTUNISTIC && !call->req.insecure && !call->store) {
        switch (trust_get(call->client->trust, call->req.ca_file, &call->store, &error)) {
        case TRUST_READY:
            cert_store_ref(call->store);
            break;
        case TRUST_LOADING:
            call->state = SMTP_TRUST;
            call->store = NULL;
            return;
        default:
            call->store = NULL;
            fail(call, SMTP_LATER, error.msg);
            return;
        }
    }
    if (smtp_easy_parse(call, &error) < 0 || smtp_easy_setup(call, &error) < 0) {
        fail(call, SMTP_REFUSED, error.msg);
        return;
    }
    call->state = SMTP_RESOLVING;
    call->end_by_ns = clock_mono_ns() + call->req.timeout_us * NSEC_PER_USEC;
    if (resolver_now(r, call->host, AF_UNSPEC, false, &call->addrs)) {
        connect_to(call);
        return;
    }
    call->wait = resolver_start(r, call->host, AF_UNSPEC, false, on_resolved, call);
    arm(call);
}

void smtp_trust_changed(struct http_client *c)
{
    struct smtp_call *call;

    TAILQ_FOREACH(call, &c->mails, link)
    {
        if (call->state != SMTP_TRUST)
            continue;
        call->state = SMTP_QUEUED;
        uv_timer_start(&call->deadline, on_deadline, 0, 0);
    }
}

static void on_deadline(uv_timer_t *t)
{
    struct smtp_call *call = container_of(t, struct smtp_call, deadline);
    char limit[UNITS_MAX];

    if (call->state == SMTP_QUEUED) {
        begin(call);
        return;
    }
    if (call->state == SMTP_LEAVING) {
        smtp_end(call);
        return;
    }
    if (clock_mono_ns() < due_ns(call)) {
        arm(call);
        return;
    }
    if (may_try_next(call)) {
        try_next_address(call);
        return;
    }
    (void)units_duration(limit, call->req.timeout_us);
    if (call->state == SMTP_RESOLVING) {
        SAY(call, "lookup of %s did not end within %s", call->host, limit);
        smtp_finish(call, SMTP_LATER);
    } else if (call->state == SMTP_CONNECTING) {
        smtp_finish(call, smtp_easy_failure(call, CURLE_OPERATION_TIMEDOUT));
    } else {
        smtp_talk_deadline(call);
    }
}

/* ---- starting ----------------------------------------------------------------------- */

static bool is_line(const char *s)
{
    for (; s && *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return false;
    return true;
}

/* Nothing that could end an address, or a command. */
static bool is_address(const char *s)
{
    for (const char *p = s; p && *p; p++)
        if (*p <= ' ' || *p > '~' || *p == '<' || *p == '>')
            return false;
    return s && *s && strlen(s) <= 320;
}

static const char *refuse(const struct smtp_request *r)
{
    if (!r->host || !*r->host || strlen(r->host) >= RESOLVE_MAX_NAME || r->port <= 0)
        return "the mail server has no usable name";
    if (r->to_count == 0 || r->to_count > SMTP_RECIPIENTS_MAX)
        return "no recipient, or too many of them";
    if (r->data_len > SMTP_DATA_MAX)
        return "the mail is over 16 MiB";
    if (!is_address(r->from))
        return "the sender is not an address";
    for (size_t i = 0; i < r->to_count; i++)
        if (!is_address(r->to[i]))
            return "a recipient is not an address";
    if (!is_line(r->hello) || !is_line(r->user) || !is_line(r->password) || !is_line(r->identity))
        return "a control character in the name or password for the mail server";
    return NULL;
}

/* Lines end in CRLF and nothing else does: a server that takes more for a line end could
 * be made to see an end of the mail in the midst of it. */
static void stuff(struct str *out, const char *data, size_t n)
{
    bool start = true;

    for (size_t i = 0; i < n; i++) {
        if (start && data[i] == '.')
            str_addc(out, '.');
        start = data[i] == '\n' || data[i] == '\r';
        if (!start) {
            str_addc(out, data[i]);
            continue;
        }
        if (data[i] == '\r' && i + 1 < n && data[i + 1] == '\n')
            i++;
        str_add(out, "\r\n");
    }
    str_add(out, start ? ".\r\n" : "\r\n.\r\n");
}

static void copy(struct smtp_call *call, const struct smtp_request *r)
{
    struct arena *a = &call->arena;
    struct smtp_request *q = &call->req;
    const char **to = arena_alloc(a, r->to_count * sizeof(*to));

    *q = *r;
    q->host = arena_strdup(a, r->host);
    q->ca_file = arena_strdup(a, r->ca_file);
    q->cert_file = arena_strdup(a, r->cert_file);
    q->key_file = arena_strdup(a, r->key_file);
    q->server_name = arena_strdup(a, r->server_name);
    q->hello = arena_strdup(a, r->hello ? r->hello : "localhost");
    q->user = arena_strdup(a, r->user);
    q->password = arena_strdup(a, r->password);
    q->identity = arena_strdup(a, r->identity);
    q->from = arena_strdup(a, r->from);
    for (size_t i = 0; i < r->to_count; i++)
        to[i] = arena_strdup(a, r->to[i]);
    q->to = to;
    stuff(&call->mail, r->data, r->data_len);
    q->data = NULL;
}

struct smtp_call *smtp_start(struct http_client *c, const struct smtp_request *req,
                             smtp_done_fn done, void *ctx)
{
    struct smtp_call *call = mem_alloc(sizeof(*call));

    assert(!c->closing && req->timeout_us > 0);
    call->transfer.ended = smtp_ended;
    call->client = c;
    call->done = done;
    call->ctx = ctx;
    str_init(&call->mail, 2 * SMTP_DATA_MAX + 16);
    str_init(&call->command, 512);
    str_init(&call->input, SMTP_REPLIES_MAX);
    call->refused = refuse(req);
    if (!call->refused)
        copy(call, req);
    TAILQ_INSERT_TAIL(&c->mails, call, link);
    c->open++;
    uv_timer_init(c->loop, &call->deadline);
    call->handles = 1;
    uv_timer_start(&call->deadline, on_deadline, 0, 0);
    return call;
}
