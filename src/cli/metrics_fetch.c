/* The page of `nines metrics`: from a file, the standard input or a server. */
#include "cli/metrics.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/gunzip.h"
#include "io/http.h"
#include "io/url.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#define ACCEPT_ANY                                                                                 \
    "Accept: text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"
#define ACCEPT_OPENMETRICS "Accept: application/openmetrics-text;version=1.0.0"

bool metrics_is_url(const char *target)
{
    return strstr(target, "://") != NULL;
}

static int too_long(struct err *reterr)
{
    char size[UNITS_MAX];
    return err_set(reterr, "the page is over %s", units_size(size, METRICS_PAGE_MAX));
}

/* ---- files ---------------------------------------------------------------------------- */

static int read_all(int fd, struct str *out, struct err *reterr)
{
    char buf[64 << 10];
    for (;;) {
        ssize_t n = read(fd, buf, sizeof(buf));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(reterr, errno, "cannot read it");
        if (n == 0)
            return 0;
        if (str_addn(out, buf, (size_t)n) < 0)
            return too_long(reterr);
    }
}

static int read_file(const char *path, struct str *out, struct err *reterr)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(reterr, errno, "cannot open it");
    int rc = read_all(fd, out, reterr);
    close(fd);
    return rc;
}

/* ---- a server ---------------------------------------------------------------------------- */

struct session {
    uv_loop_t loop;
    struct http_client *http;
    struct str *out;
    enum promtext_format format;
    int rc;
    struct err *err;
};

static int take_response(struct session *s, const struct http_response *r)
{
    char type[256];
    if (r->reason != REASON_NONE)
        return err_set(s->err, "%s: %s", reason_name(r->reason), r->message);
    if (r->status != 200)
        return err_set(s->err, "the answer has status %d", r->status);
    if (http_header(r, "Content-Type", type, sizeof(type)))
        s->format = promtext_format(type);
    return str_addn(s->out, r->body, r->body_len) < 0 ? too_long(s->err) : 0;
}

static void on_done(void *ctx, const struct http_response *r)
{
    struct session *s = ctx;
    s->rc = take_response(s, r);
    uv_stop(&s->loop);
}

static void on_closed(void *ctx)
{
    (void)ctx;
}

static bool has_accept(const struct metrics_source *src)
{
    for (size_t i = 0; i < src->headers.n; i++) {
        if (strncasecmp(src->headers.at[i], "Accept:", strlen("Accept:")) == 0)
            return true;
    }
    return false;
}

static void request(struct session *s, const struct metrics_source *src)
{
    const char *headers[countof(src->headers.at) + 2];
    struct http_request req = {
        .method = "GET",
        .url = src->target,
        .headers = headers,
        .timeout_us = src->timeout_us,
        .max_body = METRICS_PAGE_MAX,
        .insecure = src->insecure,
    };
    for (size_t i = 0; i < src->headers.n; i++)
        headers[req.header_count++] = src->headers.at[i];
    headers[req.header_count++] = "Accept-Encoding: gzip";
    if (!has_accept(src))
        headers[req.header_count++] = src->openmetrics ? ACCEPT_OPENMETRICS : ACCEPT_ANY;
    http_start(s->http, &req, NULL, on_done, s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
}

static int read_url(const struct metrics_source *src, struct str *out, enum promtext_format *format,
                    struct err *reterr)
{
    struct session s = {.out = out, .format = *format, .err = reterr, .rc = -1};
    if (uv_loop_init(&s.loop) != 0)
        return err_set(reterr, "cannot make an event loop");
    if (http_client_new(&s.loop, NULL, &s.http, reterr) == 0) {
        request(&s, src);
        http_client_close(s.http, on_closed, NULL);
    }
    uv_run(&s.loop, UV_RUN_DEFAULT);
    int closed = uv_loop_close(&s.loop);
    assert(closed == 0);
    (void)closed;
    *format = s.format;
    return s.rc;
}

/* ---- both --------------------------------------------------------------------------------- */

static int unpack(struct str *packed, struct err *reterr)
{
    struct str plain;
    if (!gunzip_is(packed->buf, packed->len))
        return 0;
    str_init(&plain, METRICS_PAGE_MAX);
    enum gunzip_end end = gunzip(packed->buf, packed->len, NULL, &plain);
    str_release(packed);
    *packed = plain;
    switch (end) {
    case GUNZIP_DONE:
        return 0;
    case GUNZIP_TOO_LONG:
        return too_long(reterr);
    case GUNZIP_CUT:
        return err_set(reterr, "the gzip data is cut off");
    default:
        return err_set(reterr, "the gzip data is damaged");
    }
}

int metrics_fetch(const struct metrics_source *src, struct metrics_page *ret, struct err *reterr)
{
    enum promtext_format format = PROMTEXT_TEXT;
    struct str text;
    int rc;
    str_init(&text, METRICS_PAGE_MAX);
    if (metrics_is_url(src->target))
        rc = read_url(src, &text, &format, reterr);
    else if (str_eq(src->target, "-"))
        rc = read_all(STDIN_FILENO, &text, reterr);
    else
        rc = read_file(src->target, &text, reterr);
    if (rc == 0)
        rc = unpack(&text, reterr);
    if (rc < 0) {
        str_release(&text);
        return -1;
    }
    *ret = (struct metrics_page){
        .name = str_eq(src->target, "-") ? "stdin" : src->target,
        .n = text.len,
        .format = src->openmetrics ? PROMTEXT_OPENMETRICS : format,
    };
    ret->text = str_detach(&text);
    str_release(&text); /* the empty one that is left */
    return 0;
}
