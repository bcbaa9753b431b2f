/* The client's side of POST /v1/import: whole lines, a few MiB a request, so
 * that memory does not depend on the file and progress can be shown. */
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "engine/import.h"
#include "io/http.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <uv.h>

#define PART_BYTES (8 << 20)
#define REPLY_BYTES (64 << 10)
#define TIMEOUT_US (5 * USEC_PER_MIN)

struct remote {
    const char *socket_path;
    const struct import_source *src;
    const struct import_options *o;
    struct import_totals *totals;
    int64_t import_id; /* one for all parts */
    int64_t bytes;
    long lines; /* sent in earlier parts */

    uv_loop_t loop;
    struct http_client *client;

    char *buf;  /* PART_BYTES */
    size_t len; /* of buf */
    bool ended;

    bool replied; /* to the call under way */
    int rc;
    struct err *reterr;
};

/* ---- the reply ---------------------------------------------------------------- */

static int read_totals(struct remote *r, json_t *reply, struct err *reterr)
{
    json_int_t lines, inserted, same, different, replaced;
    if (json_unpack(reply, "{s:I, s:I, s:I, s:I, s:I}", "lines", &lines, "inserted", &inserted,
                    "same", &same, "different", &different, "replaced", &replaced) < 0)
        return err_set(reterr, "the process that holds the database gave a strange answer");
    r->totals->lines += lines;
    r->totals->inserted += inserted;
    r->totals->same += same;
    r->totals->different += different;
    r->totals->replaced += replaced;
    return 0;
}

/* The server counts the lines of one request: "17: message". What it stored
 * before that is in the totals. */
static int read_error(struct remote *r, json_t *reply, int status, struct err *reterr)
{
    (void)read_totals(r, reply, NULL); /* not there when it did not even begin */
    const char *text = json_string_value(json_object_get(reply, "error"));
    char *end;
    if (!text)
        return err_set(reterr, "the process that holds the database answered with status %d",
                       status);
    long line = strtol(text, &end, 10);
    if (end == text || line < 1 || !str_starts(end, ": "))
        return err_set(reterr, "%s", text);
    return err_set(reterr, "%s:%ld: %s", r->o->name ? r->o->name : "-", r->lines + line, end + 2);
}

static void on_reply(void *ctx, const struct http_response *resp)
{
    struct remote *r = ctx;
    r->replied = true;
    if (resp->reason != REASON_NONE) {
        r->rc = err_set(r->reterr, "%s: %s", r->socket_path, resp->message);
        return;
    }
    json_t *reply = json_loadb(resp->body, resp->body_len, JSON_REJECT_DUPLICATES, NULL);
    r->rc = resp->status == 200 ? read_totals(r, reply, r->reterr)
                                : read_error(r, reply, resp->status, r->reterr);
    json_decref(reply);
}

/* ---- requests ----------------------------------------------------------------- */

static int send_lines(struct remote *r, size_t n, struct err *reterr)
{
    char url[160];
    snprintf(url, sizeof(url),
             "http://localhost/v1/import?create_interval_us=%" PRId64 "&replace=%d&id=%" PRId64,
             r->o->create_interval_us, r->o->replace, r->import_id);
    const char *const headers[] = {"Content-Type: application/x-ndjson"};
    struct http_request req = {
        .method = "POST",
        .url = url,
        .unix_socket = r->socket_path,
        .headers = headers,
        .header_count = 1,
        .body = r->buf,
        .body_len = n,
        .timeout_us = TIMEOUT_US,
        .max_body = REPLY_BYTES,
    };
    r->replied = false;
    r->reterr = reterr;
    http_start(r->client, &req, NULL, on_reply, r);
    while (!r->replied)
        uv_run(&r->loop, UV_RUN_ONCE);
    return r->rc;
}

static int fill(struct remote *r, struct err *reterr)
{
    while (!r->ended && r->len < PART_BYTES) {
        ssize_t n = r->src->read(r->src->ctx, r->buf + r->len, PART_BYTES - r->len);
        if (n < 0)
            return err_errno(reterr, errno, "cannot read %s", r->o->name ? r->o->name : "-");
        r->ended = n == 0;
        r->len += (size_t)n;
        r->bytes += n;
    }
    return 0;
}

/* How much of the buffer are whole lines; at the end of the text, all of it. */
static size_t whole_lines(const struct remote *r)
{
    const char *nl = memrchr(r->buf, '\n', r->len);
    if (r->ended || !nl)
        return r->len; /* a line of megabytes: the server says what is wrong with it */
    return (size_t)(nl + 1 - r->buf);
}

static long count_lines(const char *text, size_t n)
{
    long lines = 0;
    const char *end = text + n;
    while ((text = memchr(text, '\n', (size_t)(end - text)))) {
        text++;
        lines++;
    }
    return lines;
}

static int send_all(struct remote *r, struct err *reterr)
{
    while (!r->ended || r->len) {
        if (fill(r, reterr) < 0)
            return -1;
        size_t n = whole_lines(r);
        if (n && send_lines(r, n, reterr) < 0)
            return -1;
        r->lines += count_lines(r->buf, n);
        r->len -= n;
        memmove(r->buf, r->buf + n, r->len);
        if (r->o->progress)
            r->o->progress(r->o->ctx, r->bytes - (int64_t)r->len, r->totals);
    }
    return 0;
}

int import_remote(const char *socket_path, const struct import_source *src,
                  const struct import_options *o, struct import_totals *totals, struct err *reterr)
{
    struct remote r = {
        .socket_path = socket_path,
        .src = src,
        .o = o,
        .totals = totals,
        .import_id = o->import_id ? o->import_id : import_new_id(),
    };
    int rc = uv_loop_init(&r.loop);
    if (rc < 0)
        return err_set(reterr, "cannot make an event loop: %s", uv_strerror(rc));
    rc = http_client_new(&r.loop, NULL, &r.client, reterr);
    if (rc == 0) {
        r.buf = mem_alloc(PART_BYTES);
        rc = send_all(&r, reterr);
        free(r.buf);
        http_client_close(r.client, NULL, NULL);
        uv_run(&r.loop, UV_RUN_DEFAULT);
    }
    int closed = uv_loop_close(&r.loop);
    assert(closed == 0);
    (void)closed;
    return rc;
}
