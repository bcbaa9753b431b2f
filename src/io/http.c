#include "io/http.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "io/http_internal.h"
#include "io/resolve.h"
#include "io/trust.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_MS 1000000LL
/* A deadline seen this late is the loop's stall: what arrived meanwhile is in
 * the sockets, so they are looked at once more. */
#define LATE_NS (20 * NS_PER_MS)

/* ---- the end of a call --------------------------------------------------------- */

static struct call_list *list_of(struct http_call *call)
{
    switch (call->state) {
    case CALL_QUEUED:
        return &call->client->queued;
    case CALL_TRUST:
        return &call->client->held;
    default:
        return &call->client->active;
    }
}

/* The only place where the state changes. */
static void move(struct http_call *call, enum call_state to)
{
    assert(call->state != CALL_ENDED);
    TAILQ_REMOVE(list_of(call), call, link);
    call->state = to;
    if (to != CALL_ENDED)
        TAILQ_INSERT_TAIL(list_of(call), call, link);
}

/* Leaves everything; what was received is still there. */
static void end(struct http_call *call)
{
    if (call->wait)
        resolver_cancel(call->wait);
    call->wait = NULL;
    http_multi_remove(call);
    uv_timer_stop(&call->deadline);
    move(call, CALL_ENDED);
    call->client->calls--;
}

static void finish(struct http_call *call, struct http_verdict v)
{
    char address[HTTP_ADDRESS_MAX];
    struct http_response resp = {
        .reason = v.reason, .local_fault = v.local_fault, .message = call->message};

    http_map_response(call, clock_mono_ns(), address, &resp);
    end(call);
    call->done(call->ctx, &resp);
    http_call_release(call);
}

static void fail_locally(struct http_call *call, const char *why)
{
    str_copy(call->message, sizeof(call->message), why);
    finish(call, (struct http_verdict){.reason = REASON_PROBER, .local_fault = true});
}

/* ---- deadlines ------------------------------------------------------------------ */

/* While there are more addresses to try, each gets an equal share of what is
 * left to connect; once the TCP connection is there it is not given up. */
static int64_t due_ns(const struct http_call *call)
{
    if (call->state == CALL_TRANSFER && call->at.prereq)
        return call->end_by_ns;
    if (call->state != CALL_TRANSFER || call->addr + 1 >= call->addrs.n || http_tcp_connected(call))
        return call->connect_by_ns;
    return call->at.added +
           (call->connect_by_ns - call->at.added) / (int64_t)(call->addrs.n - call->addr);
}

static void on_deadline(uv_timer_t *t);

static void arm(struct http_call *call)
{
    int64_t left_ns = due_ns(call) - clock_mono_ns();

    uv_update_time(call->client->loop);
    uv_timer_start(&call->deadline, on_deadline,
                   left_ns > 0 ? (uint64_t)((left_ns + NS_PER_MS - 1) / NS_PER_MS) : 0, 0);
}

/* ---- connecting ------------------------------------------------------------------- */

static void transfer(struct http_call *call)
{
    call->at.resolved = clock_mono_ns();
    move(call, CALL_TRANSFER);
    http_easy_connect_to(call);
    http_multi_add(call); /* may end the call */
}

static void try_next_address(struct http_call *call)
{
    int errnum = http_connect_errno(call);

    http_multi_remove(call);
    if (!http_is_unreachable_errno(errnum)) {
        call->failed_errno = errnum ? errnum : ETIMEDOUT;
        call->failed_addr = call->addr;
    }
    call->addr++;
    call->socket_errno = 0;
    call->at.tls = 0;
    call->errbuf[0] = '\0';
    http_easy_connect_to(call);
    http_multi_add_later(call);
    arm(call);
}

static bool may_try_next(const struct http_call *call)
{
    return !http_tcp_connected(call) && call->addr + 1 < call->addrs.n &&
           clock_mono_ns() < call->connect_by_ns;
}

void http_transfer_ended(struct http_transfer *t, CURLcode code)
{
    struct http_call *call = container_of(t, struct http_call, transfer);

    if ((code == CURLE_OK && call->stop == STOP_NONE) || call->stop == STOP_CONNECTED) {
        finish(call, (struct http_verdict){.reason = REASON_NONE});
        return;
    }
    if (code == CURLE_COULDNT_CONNECT && may_try_next(call) &&
        !http_is_local_errno(call, http_connect_errno(call)))
        try_next_address(call);
    else
        finish(call, http_map_failure(call, code));
}

static void on_deadline(uv_timer_t *t)
{
    struct http_call *call = container_of(t, struct http_call, deadline);
    int64_t late_ns = clock_mono_ns() - due_ns(call);

    if (late_ns < 0) {
        arm(call);
    } else if (late_ns > LATE_NS && !call->second_chance) {
        call->second_chance = true;
        uv_timer_start(t, on_deadline, 1, 0);
    } else if (call->state == CALL_TRANSFER && may_try_next(call)) {
        try_next_address(call);
    } else {
        finish(call, http_map_deadline(call));
    }
}

static void on_resolved(void *ctx, const struct resolve_addrs *addrs, const char *error,
                        bool local_fault)
{
    struct http_call *call = ctx;

    call->wait = NULL;
    if (!addrs->n) {
        snprintf(call->message, sizeof(call->message), "lookup of %s: %s", call->host, error);
        finish(call, (struct http_verdict){.reason = local_fault ? REASON_PROBER : REASON_DNS,
                                           .local_fault = local_fault});
        return;
    }
    call->addrs = *addrs;
    transfer(call);
}

/* ---- beginning -------------------------------------------------------------------- */

/* Here the clock starts: everything before is our own work. */
static void resolve(struct http_call *call)
{
    static const int families[] = {[IP_ANY] = AF_UNSPEC, [IP_V4] = AF_INET, [IP_V6] = AF_INET6};
    struct resolver *r = call->client->resolver;
    int family = families[call->req.family];

    call->at.start = clock_mono_ns();
    call->connect_by_ns = call->at.start + call->req.connect_timeout_us * NSEC_PER_USEC;
    call->end_by_ns = call->at.start + call->req.timeout_us * NSEC_PER_USEC;
    move(call, CALL_RESOLVING);
    const char *name = call->req.address ? call->req.address : call->host;
    if (call->req.unix_socket || resolver_now(r, name, family, call->req.dns_fresh, &call->addrs)) {
        arm(call);
        transfer(call);
        return;
    }
    call->wait = resolver_start(r, name, family, call->req.dns_fresh, on_resolved, call);
    arm(call);
}

/* False while the bundle is being loaded; then the call is held. */
static bool get_trust(struct http_call *call, struct err *error)
{
    switch (trust_get(call->client->trust, call->req.ca_file, &call->store, error)) {
    case TRUST_READY:
        cert_store_ref(call->store);
        return true;
    case TRUST_LOADING:
        move(call, CALL_TRUST);
        return false;
    default:
        call->store = NULL;
        fail_locally(call, error->msg);
        return false;
    }
}

static void begin(struct http_call *call)
{
    struct err error;

    if (call->refused) {
        fail_locally(call, call->refused);
        return;
    }
    if (!call->url && http_call_parse(call, &error) < 0) {
        fail_locally(call, error.msg);
        return;
    }
    if (call->tls && !call->req.insecure && !get_trust(call, &error))
        return;
    if (http_easy_setup(call, &error) < 0)
        fail_locally(call, error.msg);
    else
        resolve(call);
}

/* Calls started from here on wait for the next turn, or a `done` that starts
 * another call could hold the loop. */
void http_run_queue(struct http_client *c)
{
    struct http_call *last = TAILQ_LAST(&c->queued, call_list), *call;
    bool more = last;

    while (more && !c->closing && (call = TAILQ_FIRST(&c->queued))) {
        more = call != last;
        begin(call);
        if (more && !c->closing)
            http_sockets_serve(c);
    }
    if (!c->closing)
        http_multi_drain(c);
    if (!c->closing && !TAILQ_EMPTY(&c->queued))
        http_multi_wake(c);
}

static void on_trust_changed(void *ctx)
{
    struct http_client *c = ctx;
    struct http_call *call;

    while ((call = TAILQ_FIRST(&c->held)))
        move(call, CALL_QUEUED);
    smtp_trust_changed(c);
    http_multi_wake(c);
}

struct http_call *http_start(struct http_client *c, const struct http_request *req,
                             http_data_fn data, http_done_fn done, void *ctx)
{
    assert(!c->closing);
    struct http_call *call = http_call_new(c, req);

    call->data = data;
    call->done = done;
    call->ctx = ctx;
    if (c->calls >= HTTP_MAX_CALLS)
        call->refused = "too many requests under way";
    c->calls++;
    TAILQ_INSERT_TAIL(&c->queued, call, link);
    http_multi_wake(c);
    return call;
}

void http_cancel(struct http_call *call)
{
    assert(!call->client->in_curl);
    end(call);
    http_call_release(call);
}

int64_t http_began_ns(const struct http_call *call)
{
    return call->at.start;
}

void http_expire(struct http_call *call, int64_t limit_us)
{
    assert(!call->client->in_curl);
    call->req.timeout_us = limit_us;
    if (call->req.connect_timeout_us > limit_us)
        call->req.connect_timeout_us = limit_us;
    finish(call, http_map_deadline(call));
}

void http_stop(struct http_call *call, enum reason reason, const char *message)
{
    assert(!call->client->in_curl && reason != REASON_NONE);
    str_copy(call->message, sizeof(call->message), message);
    finish(call, (struct http_verdict){.reason = reason});
}

/* ---- client ---------------------------------------------------------------------- */

int http_client_new(struct uv_loop_s *loop, const char *dns_servers, struct http_client **ret,
                    struct err *reterr)
{
    struct http_client *c = mem_alloc(sizeof(*c));
    struct resolver_options o = {.servers = dns_servers};

    if (http_sockets_open(c, reterr) < 0) {
        free(c);
        return -1;
    }
    if (resolver_new(loop, &o, &c->resolver, reterr) < 0) {
        close(c->sockets.epoll_fd);
        free(c);
        return -1;
    }
    c->loop = loop;
    TAILQ_INIT(&c->queued);
    TAILQ_INIT(&c->held);
    TAILQ_INIT(&c->active);
    TAILQ_INIT(&c->spare);
    TAILQ_INIT(&c->mails);
    c->trust = trust_new(loop, on_trust_changed, c);
    c->open = 2; /* resolver and trust */
    http_multi_init(c);
    *ret = c;
    return 0;
}

void http_client_drop(struct http_client *c)
{
    if (--c->open > 0)
        return;
    void (*closed)(void *) = c->closed;
    void *ctx = c->closed_ctx;

    free(c);
    if (closed)
        closed(ctx);
}

static void on_part_closed(void *ctx)
{
    http_client_drop(ctx);
}

static void end_all(struct call_list *list)
{
    struct http_call *call;

    while ((call = TAILQ_FIRST(list))) {
        end(call);
        http_call_release(call);
    }
}

bool http_client_idle(const struct http_client *c)
{
    return TAILQ_EMPTY(&c->queued) && TAILQ_EMPTY(&c->held) && TAILQ_EMPTY(&c->active);
}

void http_client_close(struct http_client *c, void (*closed)(void *ctx), void *ctx)
{
    assert(!c->closing && !c->in_curl);
    c->closing = true;
    c->closed = closed;
    c->closed_ctx = ctx;
    end_all(&c->queued);
    end_all(&c->held);
    end_all(&c->active);
    smtp_end_all(c);
    http_call_close_spare(c);
    http_multi_close(c);
    resolver_close(c->resolver, on_part_closed, c);
    trust_close(c->trust, on_part_closed, c);
}

bool http_header(const struct http_response *r, const char *name, char *buf, size_t size)
{
    size_t n = strlen(name);

    for (const char *line = r->headers; line && *line;) {
        const char *end_of_line = strstr(line, "\r\n");
        const char *next = end_of_line ? end_of_line + 2 : line + strlen(line);

        if (!end_of_line)
            end_of_line = next;
        if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
            const char *value = line + n + 1;

            while (value < end_of_line && (*value == ' ' || *value == '\t'))
                value++;
            while (end_of_line > value && (end_of_line[-1] == ' ' || end_of_line[-1] == '\t'))
                end_of_line--;
            snprintf(buf, size, "%.*s", (int)(end_of_line - value), value);
            return true;
        }
        line = next;
    }
    return false;
}

void http_global_init(void)
{
    signal(SIGPIPE, SIG_IGN); /* a write to a closed connection is an error code */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
}

void http_global_cleanup(void)
{
    curl_global_cleanup();
}
