/* The client's side of POST /v1/import: whole lines, a few MiB a request, so
 * that memory does not depend on the file and progress can be shown. */
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "engine/import.h"
#include "engine/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#define PART_BYTES (8 << 20)

struct sending {
    struct remote *remote;
    const struct import_source *src;
    const struct import_options *o;
    struct import_totals *totals;
    int64_t import_id; /* one for all parts */
    int64_t bytes;
    long lines; /* sent in earlier parts */

    char *buf;  /* PART_BYTES */
    size_t len; /* of buf */
    bool ended;
};

/* ---- the reply ---------------------------------------------------------------- */

static int read_totals(struct sending *r, json_t *reply, struct err *reterr)
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
static int read_error(struct sending *r, json_t *reply, int status, struct err *reterr)
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

/* ---- requests ----------------------------------------------------------------- */

static int send_lines(struct sending *r, size_t n, struct err *reterr)
{
    char path[160];
    json_t *reply;
    int status;
    snprintf(path, sizeof(path), "/v1/import?create_interval_us=%" PRId64 "&replace=%d&id=%" PRId64,
             r->o->create_interval_us, r->o->replace, r->import_id);
    if (remote_post(r->remote, path, r->buf, n, &status, &reply, reterr) < 0)
        return -1;
    int rc = status == 200 ? read_totals(r, reply, reterr) : read_error(r, reply, status, reterr);
    json_decref(reply);
    return rc;
}

static int fill(struct sending *r, struct err *reterr)
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
static size_t whole_lines(const struct sending *r)
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

static int send_all(struct sending *r, struct err *reterr)
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
    struct sending r = {
        .src = src,
        .o = o,
        .totals = totals,
        .import_id = o->import_id ? o->import_id : import_new_id(),
    };
    if (remote_open(socket_path, &r.remote, reterr) < 0)
        return -1;
    r.buf = mem_alloc(PART_BYTES);
    int rc = send_all(&r, reterr);
    free(r.buf);
    remote_close(r.remote);
    return rc;
}
