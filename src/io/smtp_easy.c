#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "io/smtp_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define SAY(call, ...) snprintf((call)->message, sizeof((call)->message), __VA_ARGS__)

/* ---- what curl tells us -------------------------------------------------------------- */

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct smtp_call *call = arg;
    int fd = socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);

    (void)purpose;
    if (fd < 0) {
        call->socket_errno = errno;
        return CURL_SOCKET_BAD;
    }
    http_sockets_opened(call->client, fd);
    return fd;
}

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *arg)
{
    struct smtp_call *call = arg;

    (void)easy;
    cert_install(ssl_ctx, call->store, &call->cert);
    return CURLE_OK;
}

static size_t on_reply(char *data, size_t size, size_t n, void *arg)
{
    return smtp_heard(arg, data, size * n) ? size * n : 0;
}

static int on_debug(CURL *easy, curl_infotype type, char *data, size_t n, void *arg)
{
    (void)easy;
    if (type == CURLINFO_HEADER_OUT)
        smtp_said(arg, data, n);
    return 0;
}

/* ---- options -------------------------------------------------------------------------- */

int smtp_easy_parse(struct smtp_call *call, struct err *reterr)
{
    const struct smtp_request *r = &call->req;
    const char *name = r->server_name ? r->server_name : r->host;
    const char *host = strchr(name, ':') ? arena_printf(&call->arena, "[%s]", name) : name;
    const char *path = arena_printf(&call->arena, "/%s", r->hello);
    char port[16];

    snprintf(port, sizeof(port), "%d", r->port);
    str_copy(call->host, sizeof(call->host), r->host);
    call->url = curl_url();
    assert(call->url);
    curl_url_set(call->url, CURLUPART_SCHEME, r->security == SMTP_TLS ? "smtps" : "smtp", 0);
    if (curl_url_set(call->url, CURLUPART_HOST, host, 0) != CURLUE_OK)
        return err_set(reterr, "%.200s is no name of a mail server", name);
    if (curl_url_set(call->url, CURLUPART_PORT, port, 0) != CURLUE_OK)
        return err_set(reterr, "%s is no port", port);
    if (curl_url_set(call->url, CURLUPART_PATH, path, CURLU_URLENCODE) != CURLUE_OK)
        return err_set(reterr, "'%.200s' is nothing to say hello with", r->hello);
    return 0;
}

#define SET(option, value) (bad |= curl_easy_setopt(e, (option), (value)) != CURLE_OK)

static bool set_connection(CURL *e, struct smtp_call *call)
{
    /* Our deadline comes first; curl's own must not. */
    long never_ms = (long)(call->req.timeout_us / 1000) + 60000;
    bool bad = false;

    SET(CURLOPT_CURLU, call->url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECT_ONLY, 1L); /* never reused; forbidding it would close it now */
    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, never_ms);
    SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, never_ms / 1000);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, call);
    SET(CURLOPT_HEADERFUNCTION, on_reply);
    SET(CURLOPT_HEADERDATA, call);
    SET(CURLOPT_VERBOSE, 1L); /* for on_debug() */
    SET(CURLOPT_DEBUGFUNCTION, on_debug);
    SET(CURLOPT_DEBUGDATA, call);
    SET(CURLOPT_ERRORBUFFER, call->errbuf);
    SET(CURLOPT_PRIVATE, &call->transfer);
    return bad;
}

static bool set_tls(CURL *e, struct smtp_call *call)
{
    const struct smtp_request *r = &call->req;
    bool verify = call->store != NULL;
    bool bad = false;

    SET(CURLOPT_USE_SSL,
        (long)(r->security == SMTP_OPPORTUNISTIC ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    SET(CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    SET(CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    SET(CURLOPT_CAINFO, NULL); /* the store is ours, by on_ssl_ctx() */
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

/* Named ones only: of all that curl knows some ask other servers first, and wait. */
static bool set_login(CURL *e, struct smtp_call *call)
{
    const struct smtp_request *r = &call->req;
    bool bad = false;

    SET(CURLOPT_LOGIN_OPTIONS, r->cram ? "AUTH=CRAM-MD5" : "AUTH=PLAIN;AUTH=LOGIN");
    SET(CURLOPT_USERNAME, r->user);
    SET(CURLOPT_PASSWORD, r->password ? r->password : "");
    if (r->identity)
        SET(CURLOPT_SASL_AUTHZID, r->identity);
    return bad;
}

int smtp_easy_setup(struct smtp_call *call, struct err *reterr)
{
    call->easy = curl_easy_init();
    if (!call->easy)
        return err_set(reterr, "libcurl could not make a handle");
    bool bad = set_connection(call->easy, call) || set_tls(call->easy, call);

    if (call->req.user)
        bad |= set_login(call->easy, call);
    return bad ? err_set(reterr, "libcurl refused an option") : 0;
}

void smtp_easy_connect(struct smtp_call *call)
{
    char address[64];

    assert(!call->client->in_curl && !call->added);
    call->socket_errno = 0;
    call->errbuf[0] = '\0';
    resolve_addr_text(address, sizeof(address), &call->addrs.at[call->addr], call->req.port);
    snprintf(call->connect_to_text, sizeof(call->connect_to_text), "::%s", address);
    call->connect_to = (struct curl_slist){.data = call->connect_to_text};
    curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, &call->connect_to);
    CURLMcode rc = curl_multi_add_handle(call->client->multi, call->easy); /* asks for a kick */

    assert(rc == CURLM_OK);
    (void)rc;
    call->added = true;
}

void smtp_easy_remove(struct smtp_call *call)
{
    assert(!call->client->in_curl);
    if (!call->added)
        return;
    call->added = false;
    curl_multi_remove_handle(call->client->multi, call->easy);
}

bool smtp_easy_tcp_connected(const struct smtp_call *call)
{
    curl_off_t us = 0;

    return call->cert.seen || call->heard ||
           (curl_easy_getinfo(call->easy, CURLINFO_CONNECT_TIME_T, &us) == CURLE_OK && us > 0);
}

/* ---- failures -------------------------------------------------------------------------- */

static const char *detail(const struct smtp_call *call, CURLcode code)
{
    const char *text = call->errbuf[0] ? call->errbuf : curl_easy_strerror(code);
    const char *tail = strstr(text, "routines::");

    return tail ? tail + strlen("routines::") : text;
}

static void say_unconnected(struct smtp_call *call, CURLcode code)
{
    const char *address = call->connect_to_text + 2;
    long errnum = call->socket_errno;

    if (!errnum)
        curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &errnum);
    if (errnum == ECONNREFUSED)
        SAY(call, "connection refused by %s", address);
    else
        SAY(call, "no connection to %s: %s", address,
            errnum ? strerror((int)errnum) : detail(call, code));
}

static void say_timeout(struct smtp_call *call)
{
    char limit[UNITS_MAX];

    (void)units_duration(limit, call->req.timeout_us);
    if (!smtp_easy_tcp_connected(call))
        SAY(call, "no connection to %s within %s", call->connect_to_text + 2, limit);
    else if (!call->doing[0])
        SAY(call, "%s did not greet within %s", call->connect_to_text + 2, limit);
    else
        SAY(call, "no answer to %s within %s", call->doing, limit);
}

/* The server's answer decides where there is one that refuses. */
static enum smtp_outcome by_answer(struct smtp_call *call, CURLcode code)
{
    const char *what = call->doing[0] ? call->doing : "the connection";

    if (call->code >= 400 && call->code < 600) {
        SAY(call, "the server refused %s: %s", what, call->line);
        return call->code < 500 ? SMTP_LATER : SMTP_REFUSED;
    }
    if (code == CURLE_LOGIN_DENIED)
        SAY(call, "the server offers no way to log in that is wanted here (%s)",
            call->req.cram ? "CRAM-MD5" : "PLAIN, LOGIN");
    else if (code == CURLE_USE_SSL_FAILED)
        SAY(call, "the server does not offer STARTTLS");
    else if (code == CURLE_WEIRD_SERVER_REPLY)
        SAY(call, "not an answer of a mail server: %.200s", call->line);
    else if (code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING || code == CURLE_SEND_ERROR)
        SAY(call, "the server closed the connection after %s",
            call->doing[0] ? call->doing : "it was made");
    else
        SAY(call, "libcurl error %d: %s", (int)code, detail(call, code));
    return SMTP_LATER;
}

enum smtp_outcome smtp_easy_failure(struct smtp_call *call, CURLcode code)
{
    const char *name = call->req.server_name ? call->req.server_name : call->host;

    if (call->too_long) {
        SAY(call, "the server said more than 64 KiB");
        return SMTP_LATER;
    }
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_INTERFACE_FAILED:
        say_unconnected(call, code);
        return SMTP_LATER;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        cert_explain(&call->cert, name, call->message, sizeof(call->message));
        return SMTP_LATER;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        SAY(call, "TLS handshake with %s failed: %s", call->connect_to_text + 2,
            strstr(call->errbuf, "SSL_ERROR_SYSCALL") ? "the connection closed"
                                                      : detail(call, code));
        return SMTP_LATER;
    case CURLE_SSL_CERTPROBLEM:
        SAY(call, "the client certificate cannot be used: %s", detail(call, code));
        return SMTP_LATER;
    case CURLE_OPERATION_TIMEDOUT:
        say_timeout(call);
        return SMTP_LATER;
    default:
        return by_answer(call, code);
    }
}
