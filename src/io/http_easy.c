#include "base/clock.h"
#include "io/http_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* ---- what curl tells us ------------------------------------------------------- */

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct http_call *call = arg;
    int64_t now_ns = clock_mono_ns();
    int fd = socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);

    (void)purpose;
    if (!call->at.opened)
        call->at.opened = now_ns;
    if (fd < 0) {
        call->socket_errno = errno; /* curl says no more than "could not connect" */
        return CURL_SOCKET_BAD;
    }
    http_sockets_opened(call->client, fd);
    return fd;
}

static int on_prereq(void *arg, char *primary_ip, char *local_ip, int primary_port, int local_port)
{
    struct http_call *call = arg;

    (void)primary_ip, (void)local_ip, (void)primary_port, (void)local_port;
    if (call->at.prereq) { /* the kept connection died; curl would ask again on a new one */
        call->stop = STOP_RESEND;
        return CURL_PREREQFUNC_ABORT;
    }
    call->at.prereq = clock_mono_ns();
    if (call->req.connect_only) {
        call->stop = STOP_CONNECTED;
        return CURL_PREREQFUNC_ABORT;
    }
    call->at.sent = 0;
    call->body_sent = 0;
    if (call->tls && call->req.reuse && !call->cert.seen) {
        struct curl_tlssessioninfo *tls = NULL;

        /* A kept connection has no handshake to look at. */
        if (curl_easy_getinfo(call->easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls)
            call->cert.not_after_us = cert_peer_not_after(tls->internals);
    }
    return CURL_PREREQFUNC_OK;
}

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *arg)
{
    struct http_call *call = arg;

    (void)easy;
    call->at.tls = clock_mono_ns(); /* curl tells of the connect only after TLS */
    assert(call->store || call->req.insecure);
    cert_install(ssl_ctx, call->store, &call->cert);
    return CURLE_OK;
}

static bool is_blank(const char *line, size_t n)
{
    return n == 0 || (n == 1 && line[0] == '\r');
}

/* Of "HTTP/1.1 200 OK": 200; 0 if it is none. */
static int status_of(const char *line, size_t n)
{
    const char *p = memchr(line, ' ', n), *end = line + n;
    int status = 0;

    for (; p && p < end && *p == ' '; p++)
        continue;
    for (; p && p < end && *p >= '0' && *p <= '9' && status < 1000; p++)
        status = status * 10 + (*p - '0');
    return status;
}

/* When what is being read had come: others that were ready as well may have been served
 * before, which is our time and not the target's. */
static int64_t came_ns(const struct http_call *call, int64_t read_ns)
{
    int64_t ready_ns = call->client->sockets.ready_ns;

    return ready_ns > call->at.prereq && ready_ns < read_ns ? ready_ns : read_ns;
}

static void tell_head(struct http_call *call)
{
    if (!call->req.head || call->head_status < 200)
        return;

    struct http_response head = {
        .message = "",
        .status = call->head_status,
        .headers = call->head.buf,
        .headers_len = call->head.len,
    };
    int64_t first_us = (came_ns(call, call->at.first) - call->at.start) / NSEC_PER_USEC;

    call->unkept = !call->req.head(call->ctx, first_us, &head);
}

/* One line of a response head without its \n. Only the last head is kept, so
 * interim 1xx ones go; a line that begins with white space continues the one
 * before. Trailers come after the head is closed and are not kept. */
static int keep_head_line(struct http_call *call, const char *line, size_t n)
{
    if (!call->head_open) {
        if (n < 5 || memcmp(line, "HTTP/", 5) != 0)
            return 0;
        call->head_open = true;
        call->head_status = status_of(line, n);
        str_clear(&call->head);
        return 0;
    }
    if (is_blank(line, n)) {
        call->head_open = false;
        tell_head(call);
        return 0;
    }
    if (line[n - 1] == '\r')
        n--;
    if ((line[0] == ' ' || line[0] == '\t') && call->head.len >= 2) {
        call->head.len -= 2; /* the line end before */
        while (n && (line[0] == ' ' || line[0] == '\t'))
            line++, n--;
        str_addc(&call->head, ' ');
    }
    str_addn(&call->head, line, n);
    return str_add(&call->head, "\r\n");
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * n;

    if (!call->at.first)
        call->at.first = clock_mono_ns();
    call->header_bytes += len;
    if (call->header_bytes > (size_t)call->req.max_headers ||
        keep_head_line(call, data, len && data[len - 1] == '\n' ? len - 1 : len) < 0) {
        call->stop = STOP_HEADERS;
        return 0;
    }
    return len;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * n;

    call->body_bytes += len;
    if (call->body_bytes > call->body.max ||
        (!call->unkept && str_addn(&call->body, data, len) < 0)) {
        call->stop = STOP_BODY_SIZE;
        return 0;
    }
    if (call->data &&
        !call->data(call->ctx, (came_ns(call, clock_mono_ns()) - call->at.start) / NSEC_PER_USEC,
                    data, len)) {
        call->stop = STOP_BY_CALLER;
        return 0;
    }
    return len;
}

static size_t on_read_body(char *buf, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    size_t left = call->req.body_len - call->body_sent;
    size_t len = size * n < left ? size * n : left;

    memcpy(buf, call->req.body + call->body_sent, len);
    call->body_sent += len;
    call->at.sent = clock_mono_ns();
    return len;
}

static int on_seek_body(void *arg, curl_off_t offset, int origin)
{
    struct http_call *call = arg;

    if (origin != SEEK_SET || offset < 0 || (size_t)offset > call->req.body_len)
        return CURL_SEEKFUNC_CANTSEEK;
    call->body_sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* ---- options -------------------------------------------------------------------- */

/* Every refusal counts: an option that silently did not take would measure
 * something else than was asked for. */
#define SET(option, value) (bad |= curl_easy_setopt(e, (option), (value)) != CURLE_OK)

static bool set_connection(CURL *e, struct http_call *call)
{
    const struct http_request *r = &call->req;
    bool bad = false;

    SET(CURLOPT_CURLU, call->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)(call->tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    SET(CURLOPT_FRESH_CONNECT, r->reuse ? 0L : 1L);
    SET(CURLOPT_FORBID_REUSE, r->reuse ? 0L : 1L);
    /* Ours comes first; curl's own default of 300 s must not. */
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(r->connect_timeout_us / 1000 + 60000));
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, call);
    SET(CURLOPT_PREREQFUNCTION, on_prereq);
    SET(CURLOPT_PREREQDATA, call);
    if (r->unix_socket)
        SET(CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
    return bad;
}

static bool set_tls(CURL *e, struct http_call *call)
{
    const struct http_request *r = &call->req;
    bool bad = false;

    SET(CURLOPT_SSL_VERIFYPEER, r->insecure ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, r->insecure ? 0L : 2L);
    SET(CURLOPT_SSL_SESSIONID_CACHE, r->reuse ? 1L : 0L);
    /* The store is ours, by on_ssl_ctx(): curl would parse the system's bundle
     * for every connection, for 25 ms of the loop's time. */
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_CA_CACHE_TIMEOUT, 0L);
    SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
    SET(CURLOPT_SSL_CTX_DATA, call);
    if (r->cert_file)
        SET(CURLOPT_SSLCERT, r->cert_file);
    if (r->key_file)
        SET(CURLOPT_SSLKEY, r->key_file);
    return bad;
}

static bool set_body(CURL *e, struct http_call *call)
{
    const struct http_request *r = &call->req;
    bool bad = false;

    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
    if (r->body_len <= HTTP_READ_BODY) {
        SET(CURLOPT_POSTFIELDS, r->body);
        return bad;
    }
    SET(CURLOPT_READFUNCTION, on_read_body);
    SET(CURLOPT_READDATA, call);
    SET(CURLOPT_SEEKFUNCTION, on_seek_body);
    SET(CURLOPT_SEEKDATA, call);
    return bad;
}

static bool set_request(CURL *e, struct http_call *call)
{
    const struct http_request *r = &call->req;
    bool bad = false;

    if (str_eq(r->method, "HEAD"))
        SET(CURLOPT_NOBODY, 1L);
    else if (r->body)
        bad |= set_body(e, call);
    else if (str_eq(r->method, "POST")) {
        SET(CURLOPT_POSTFIELDS, "");
        SET(CURLOPT_POSTFIELDSIZE, 0L);
    }
    if (!str_eq(r->method, r->body ? "POST" : "GET") && !str_eq(r->method, "HEAD"))
        SET(CURLOPT_CUSTOMREQUEST, r->method);
    if (call->headers)
        SET(CURLOPT_HTTPHEADER, call->headers);
    if (r->user) {
        SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        SET(CURLOPT_USERNAME, r->user);
        SET(CURLOPT_PASSWORD, r->password ? r->password : "");
    }
    return bad;
}

static bool set_response(CURL *e, struct http_call *call)
{
    bool bad = false;

    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, call);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, call);
    if (call->req.head) /* of many streams at once none is fast */
        SET(CURLOPT_BUFFERSIZE, 4096L);
    SET(CURLOPT_ERRORBUFFER, call->errbuf);
    call->transfer.ended = http_transfer_ended;
    SET(CURLOPT_PRIVATE, &call->transfer);
    return bad;
}

int http_easy_setup(struct http_call *call, struct err *reterr)
{
    if (!call->easy)
        call->easy = curl_easy_init();
    if (!call->easy)
        return err_set(reterr, "libcurl could not make a handle");
    CURL *e = call->easy;
    bool bad = set_connection(e, call) || set_request(e, call) || set_response(e, call);

    if (call->tls)
        bad |= set_tls(e, call);
    if (bad)
        return err_set(reterr, "libcurl refused an option");
    return 0;
}

/* A literal needs no redirection, and may carry a zone that only curl knows. */
static bool is_literal(const char *host)
{
    unsigned char ip[16];

    return inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1;
}

void http_easy_connect_to(struct http_call *call)
{
    char address[64];

    if (call->req.unix_socket ||
        (is_literal(call->host) && !call->req.server_name && !call->req.address))
        return;
    resolve_addr_text(address, sizeof(address), &call->addrs.at[call->addr], call->port);
    snprintf(call->connect_to_text, sizeof(call->connect_to_text), "::%s", address);
    call->connect_to = (struct curl_slist){.data = call->connect_to_text};
    curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, &call->connect_to);
}
