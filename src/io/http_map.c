#include "base/mem.h"
#include "base/units.h"
#include "io/http_internal.h"
#include "io/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- helpers ----------------------------------------------------------------- */

static char *tried_address(const struct http_call *call, size_t i, char buf[HTTP_ADDRESS_MAX])
{
    if (call->req.unix_socket)
        snprintf(buf, HTTP_ADDRESS_MAX, "unix:%s", call->req.unix_socket);
    else if (i < call->addrs.n)
        resolve_addr_text(buf, HTTP_ADDRESS_MAX, &call->addrs.at[i], call->port);
    else
        buf[0] = '\0';
    return buf;
}

static curl_off_t info(const struct http_call *call, CURLINFO what)
{
    curl_off_t v = 0;

    return call->easy && curl_easy_getinfo(call->easy, what, &v) == CURLE_OK ? v : 0;
}

static long info_long(const struct http_call *call, CURLINFO what)
{
    long v = 0;

    return call->easy && curl_easy_getinfo(call->easy, what, &v) == CURLE_OK ? v : 0;
}

bool http_tcp_connected(const struct http_call *call)
{
    return call->at.prereq || call->at.tls || info(call, CURLINFO_CONNECT_TIME_T) > 0;
}

/* A first header line has a stamp of ours. For half of one there is curl's,
 * which is wrong with a body: it is set by the first send then. */
static bool response_begun(const struct http_call *call)
{
    return call->at.first || (!call->req.body && info(call, CURLINFO_STARTTRANSFER_TIME_T) > 0);
}

int http_connect_errno(const struct http_call *call)
{
    return call->socket_errno ? call->socket_errno : (int)info_long(call, CURLINFO_OS_ERRNO);
}

bool http_is_unreachable_errno(int errnum)
{
    return errnum == ENETUNREACH || errnum == EADDRNOTAVAIL || errnum == EAFNOSUPPORT;
}

bool http_is_local_errno(const struct http_call *call, int errnum)
{
    switch (errnum) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return true;
    case EADDRNOTAVAIL: /* out of ports, or no IPv6 at all on this machine? */
        return call->addr < call->addrs.n && resolve_addr_usable(&call->addrs.at[call->addr]);
    default:
        return false;
    }
}

#define SAY(call, ...) snprintf((call)->message, sizeof((call)->message), __VA_ARGS__)

static struct http_verdict verdict(enum reason reason)
{
    return (struct http_verdict){.reason = reason};
}

static struct http_verdict local(void)
{
    return (struct http_verdict){.reason = REASON_PROBER, .local_fault = true};
}

/* The end of curl's or OpenSSL's message, without its library's bookkeeping:
 * "error:0A00010B:SSL routines::wrong version number". */
static const char *detail(const struct http_call *call, CURLcode code)
{
    const char *text = call->errbuf[0] ? call->errbuf : curl_easy_strerror(code);
    const char *tail = strstr(text, "routines::");

    return tail ? tail + strlen("routines::") : text;
}

/* ---- failures ---------------------------------------------------------------- */

static struct http_verdict map_connect(struct http_call *call)
{
    int errnum = http_connect_errno(call);
    size_t which = call->addr;
    char address[HTTP_ADDRESS_MAX], more[48] = "";

    if (http_is_local_errno(call, errnum)) {
        SAY(call, "no local socket for a connection to %s: %s", tried_address(call, which, address),
            strerror(errnum));
        return local();
    }
    if (http_is_unreachable_errno(errnum) && call->failed_errno) {
        errnum = call->failed_errno;
        which = call->failed_addr;
    }
    if (call->addr > 0)
        snprintf(more, sizeof(more), " (%zu addresses tried)", call->addr + 1);
    (void)tried_address(call, which, address);
    if (errnum == ECONNREFUSED)
        SAY(call, "connection refused by %s%s", address, more);
    else if (errnum)
        SAY(call, "no connection to %s: %s%s", address, strerror(errnum), more);
    else
        SAY(call, "no connection to %s: %s%s", address, detail(call, CURLE_COULDNT_CONNECT), more);
    return verdict(REASON_CONNECT);
}

static struct http_verdict map_tls(struct http_call *call, CURLcode code)
{
    char address[HTTP_ADDRESS_MAX];

    SAY(call, "TLS handshake with %s failed: %s", tried_address(call, call->addr, address),
        strstr(call->errbuf, "SSL_ERROR_SYSCALL") ? "the connection closed" : detail(call, code));
    return verdict(REASON_TLS);
}

static struct http_verdict map_own_certificate(struct http_call *call, CURLcode code)
{
    SAY(call, "the client certificate cannot be used: %s", detail(call, code));
    return local();
}

static struct http_verdict map_cert(struct http_call *call)
{
    const char *name = call->req.server_name ? call->req.server_name : call->host;

    cert_explain(&call->cert, name, call->message, sizeof(call->message));
    return verdict(REASON_CERT);
}

static struct http_verdict map_stop(struct http_call *call)
{
    char size[UNITS_MAX];

    switch (call->stop) {
    case STOP_HEADERS:
        SAY(call, "the response headers are over %s", units_size(size, call->req.max_headers));
        return verdict(REASON_PROTOCOL);
    case STOP_RESEND:
        SAY(call, "the kept connection closed without a response");
        return verdict(REASON_TRUNCATED);
    case STOP_BODY_SIZE:
        SAY(call, "the body is over %s", units_size(size, call->req.max_body));
        return verdict(REASON_BODY);
    default:
        SAY(call, "the body was refused after %zu bytes", call->body_bytes);
        return verdict(REASON_BODY);
    }
}

static struct http_verdict map_partial(struct http_call *call)
{
    curl_off_t length = info(call, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T);

    if (length > 0)
        SAY(call, "the connection closed after %zu of %lld body bytes", call->body_bytes,
            (long long)length);
    else
        SAY(call, "the connection closed before the response ended, after %zu body bytes",
            call->body_bytes);
    return verdict(REASON_TRUNCATED);
}

static struct http_verdict map_protocol(struct http_call *call, CURLcode code)
{
    SAY(call, "the response is not valid HTTP: %s", detail(call, code));
    return verdict(REASON_PROTOCOL);
}

/* A reset of the stream is how HTTP/2 breaks a response off; that the server broke the
 * rules is what our own side says when it resets. */
static struct http_verdict map_stream(struct http_call *call, CURLcode code)
{
    if (strstr(call->errbuf, "PROTOCOL_ERROR"))
        return map_protocol(call, code);
    SAY(call, "the server broke off %s: %s",
        response_begun(call) ? "within the response" : "before a response", detail(call, code));
    return verdict(REASON_TRUNCATED);
}

/* After the handshake curl has one code for three things. */
static struct http_verdict map_receive(struct http_call *call, CURLcode code)
{
    int errnum = (int)info_long(call, CURLINFO_OS_ERRNO);

    if (call->tls && strstr(call->errbuf, "alert")) {
        SAY(call, "the server ended TLS: %s", detail(call, code));
        return verdict(REASON_TLS);
    }
    if (strstr(call->errbuf, "chunk"))
        return map_protocol(call, code);
    SAY(call, "the connection broke %s: %s",
        response_begun(call) ? "within the response" : "before a response",
        errnum ? strerror(errnum) : detail(call, code));
    return verdict(REASON_TRUNCATED);
}

static struct http_verdict map_out_of_memory(struct http_call *call)
{
    if (call->at.prereq) { /* what curl calls a header line over its limit */
        SAY(call, "a response header line is over 100KiB");
        return verdict(REASON_PROTOCOL);
    }
    SAY(call, "out of memory");
    return local();
}

struct http_verdict http_map_failure(struct http_call *call, CURLcode code)
{
    if (call->stop != STOP_NONE)
        return map_stop(call);
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_INTERFACE_FAILED:
        return map_connect(call);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        return map_tls(call, code);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return map_cert(call);
    case CURLE_SSL_CERTPROBLEM:
        return map_own_certificate(call, code);
    case CURLE_SEND_ERROR:
        SAY(call, "the request could not be sent: %s", detail(call, code));
        return verdict(REASON_WRITE);
    case CURLE_GOT_NOTHING:
        SAY(call, "the connection closed without a response");
        return verdict(REASON_TRUNCATED);
    case CURLE_PARTIAL_FILE:
        return map_partial(call);
    case CURLE_RECV_ERROR:
        return map_receive(call, code);
    case CURLE_OPERATION_TIMEDOUT:
        return http_map_deadline(call);
    case CURLE_OUT_OF_MEMORY:
        return map_out_of_memory(call);
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: anything without a status line */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_FUNCTION_ARGUMENT: /* a header line without a colon */
    case CURLE_BAD_CONTENT_ENCODING:
#if LIBCURL_VERSION_NUM >= 0x080600
    case CURLE_TOO_LARGE:
#endif
    case CURLE_HTTP2:
        return map_protocol(call, code);
    case CURLE_HTTP2_STREAM:
        return map_stream(call, code);
    default:
        SAY(call, "libcurl error %d: %s", (int)code, detail(call, code));
        return verdict(REASON_INTERNAL);
    }
}

/* ---- deadlines ---------------------------------------------------------------- */

static struct http_verdict map_connect_deadline(struct http_call *call)
{
    char address[HTTP_ADDRESS_MAX], limit[UNITS_MAX];
    bool connected = http_tcp_connected(call);

    SAY(call,
        connected ? "TLS handshake with %s did not end within %s" : "no connection to %s within %s",
        tried_address(call, call->addr, address),
        units_duration(limit, call->req.connect_timeout_us));
    return verdict(connected && call->tls ? REASON_TLS : REASON_CONNECT);
}

struct http_verdict http_map_deadline(struct http_call *call)
{
    char limit[UNITS_MAX];

    (void)units_duration(limit, call->req.timeout_us);
    if (call->state == CALL_RESOLVING) {
        SAY(call, "lookup of %s did not end within %s", call->host,
            units_duration(limit, call->req.connect_timeout_us));
        return verdict(REASON_DNS);
    }
    if (!call->at.prereq)
        return map_connect_deadline(call);
    if (response_begun(call)) {
        SAY(call, "the response did not end within %s: %zu body bytes so far", limit,
            call->body_bytes);
        return verdict(REASON_TOTAL_TIMEOUT);
    }
    if (call->req.body_len > HTTP_READ_BODY && call->body_sent < call->req.body_len) {
        SAY(call, "the server took %zu of %zu request bytes within %s", call->body_sent,
            call->req.body_len, limit);
        return verdict(REASON_WRITE);
    }
    SAY(call, "no response within %s", limit);
    return verdict(REASON_TTFB_TIMEOUT);
}

/* ---- the response --------------------------------------------------------------- */

enum { S_START, S_RESOLVED, S_CONNECTED, S_TLS, S_SENT, S_FIRST, S_END, S_COUNT };

/* What curl's times count from: it took the call up after it was added, and each
 * of its times was taken shortly before the stamp of ours that follows it. The
 * closest pair tells, whatever held up the loop between the others. */
static int64_t curl_zero_ns(const struct http_call *call)
{
    const struct {
        int64_t stamp_ns;
        CURLINFO before;
    } pairs[] = {
        {call->at.opened, CURLINFO_NAMELOOKUP_TIME_T},
        {call->at.prereq, CURLINFO_CONNECT_TIME_T},
        {call->at.prereq, CURLINFO_APPCONNECT_TIME_T},
        {call->at.first, CURLINFO_STARTTRANSFER_TIME_T},
    };
    int64_t zero = INT64_MAX;

    for (size_t i = 0; i < countof(pairs); i++) {
        int64_t us = pairs[i].stamp_ns > call->at.added ? info(call, pairs[i].before) : 0;

        if (us > 0 && pairs[i].stamp_ns - us * NSEC_PER_USEC < zero)
            zero = pairs[i].stamp_ns - us * NSEC_PER_USEC;
    }
    return zero == INT64_MAX || zero < call->at.added ? call->at.added : zero;
}

/* Writing a request on loopback wakes its server: 10 us that are not yet
 * waiting. For what curl writes at once it has a stamp after that. */
static int64_t sent_ns(const struct http_call *call)
{
    int64_t written_ns =
        curl_zero_ns(call) + info(call, CURLINFO_PRETRANSFER_TIME_T) * NSEC_PER_USEC;

    if (call->at.sent)
        return call->at.sent;
    if (call->stop == STOP_RESEND) /* curl has begun to count anew */
        return call->at.prereq;
    return call->at.prereq && written_ns > call->at.prereq ? written_ns : call->at.prereq;
}

/* Stamps in order; one that did not come is where the next one is, so the
 * phase in which a call ended gets the rest of the time. */
static void fill_stamps(const struct http_call *call, int64_t end_ns, bool reused,
                        int64_t s[static S_COUNT])
{
    int64_t zero = curl_zero_ns(call);
    int64_t connect = info(call, CURLINFO_CONNECT_TIME_T) * NSEC_PER_USEC;
    int64_t tls = info(call, CURLINFO_APPCONNECT_TIME_T) * NSEC_PER_USEC;

    s[S_START] = call->at.start ? call->at.start : end_ns;
    s[S_RESOLVED] = call->at.opened && !reused ? call->at.opened : call->at.resolved;
    s[S_CONNECTED] = connect > 0 ? zero + connect : call->at.tls;
    s[S_TLS] = call->tls ? (tls > 0 ? zero + tls : 0) : s[S_CONNECTED];
    s[S_SENT] = sent_ns(call);
    s[S_FIRST] = call->at.first;
    s[S_END] = end_ns;
    if (reused)
        s[S_CONNECTED] = s[S_TLS] = s[S_RESOLVED];
    for (int i = S_END - 1; i > S_START; i--)
        if (s[i] == 0)
            s[i] = s[i + 1];
    for (int i = S_RESOLVED; i < S_END; i++) {
        s[i] = s[i] < s[i - 1] ? s[i - 1] : s[i];
        s[i] = s[i] > end_ns ? end_ns : s[i];
    }
}

static const char *protocol_name(long version)
{
    switch (version) {
    case CURL_HTTP_VERSION_1_0:
        return "HTTP/1.0";
    case CURL_HTTP_VERSION_1_1:
        return "HTTP/1.1";
    case CURL_HTTP_VERSION_2_0:
        return "HTTP/2";
    case CURL_HTTP_VERSION_3:
        return "HTTP/3";
    default:
        return "";
    }
}

void http_map_response(struct http_call *call, int64_t end_ns, char *address,
                       struct http_response *ret)
{
    bool reused = call->stop == STOP_RESEND ||
                  (call->at.prereq && info_long(call, CURLINFO_NUM_CONNECTS) == 0);
    int64_t s[S_COUNT], us[S_COUNT];
    int64_t curl_end_ns = curl_zero_ns(call) + info(call, CURLINFO_TOTAL_TIME_T) * NSEC_PER_USEC;

    /* A complete response waited until other sockets were served. */
    if (ret->reason == REASON_NONE && curl_end_ns < end_ns && curl_end_ns > call->at.first)
        end_ns = curl_end_ns;
    fill_stamps(call, end_ns, reused, s);
    for (int i = 0; i < S_COUNT; i++)
        us[i] = (s[i] - s[S_START]) / NSEC_PER_USEC; /* so that the phases add up */
    ret->phases = (struct phases){
        .dns_us = us[S_RESOLVED] - us[S_START],
        .connect_us = us[S_CONNECTED] - us[S_RESOLVED],
        .tls_us = us[S_TLS] - us[S_CONNECTED],
        .send_us = us[S_SENT] - us[S_TLS],
        .wait_us = us[S_FIRST] - us[S_SENT],
        .transfer_us = us[S_END] - us[S_FIRST],
    };
    ret->total_us = us[S_END];
    ret->reused = reused;
    ret->status = (int)info_long(call, CURLINFO_RESPONSE_CODE);
    ret->protocol = ret->status ? protocol_name(info_long(call, CURLINFO_HTTP_VERSION)) : "";
    ret->address = tried_address(call, call->addr, address);
    ret->headers = call->head.buf;
    ret->headers_len = call->head.len;
    ret->body = call->body.buf;
    ret->body_len = call->body.len;
    ret->received = call->body_bytes;
    ret->room = &call->body;
    ret->cert_not_after_us = call->cert.not_after_us;
}
