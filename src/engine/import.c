#include "engine/import.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "wire/import.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

struct importer {
    struct store *store;
    const struct import_source *src;
    const struct import_options *o;
    struct import_totals *totals;
    int64_t bytes; /* read so far */
    long line;

    char *buf; /* IMPORT_LINE_MAX + 1 bytes: text[at, len) is not yet parsed */
    size_t at, len;
    bool ended;

    struct import_batch batch;
    struct arena ids; /* of the batch's rows */

    pthread_mutex_t mutex; /* guards stored */
    pthread_cond_t wake;
    bool stored;
};

static int line_error(const struct importer *im, long line, const char *msg, struct err *reterr)
{
    struct err e; /* msg may be reterr's own */
    if (im->o->name)
        err_set(&e, "%s:%ld: %s", im->o->name, line, msg);
    else
        err_set(&e, "%ld: %s", line, msg);
    /* It quotes the file, which may hold sequences that a terminal obeys. */
    for (char *p = e.msg; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            *p = '?';
    return err_set(reterr, "%s", e.msg);
}

/* ---- batches ------------------------------------------------------------------ */

static void on_stored(void *ctx)
{
    struct importer *im = ctx;
    pthread_mutex_lock(&im->mutex);
    im->stored = true;
    pthread_cond_signal(&im->wake);
    pthread_mutex_unlock(&im->mutex);
}

static void add_totals(struct import_totals *into, const struct import_totals *t)
{
    into->lines += t->lines;
    into->inserted += t->inserted;
    into->same += t->same;
    into->different += t->different;
    into->replaced += t->replaced;
}

static int store_batch(struct importer *im, struct err *reterr)
{
    struct import_batch *b = &im->batch;
    if (b->n == 0)
        return 0;
    im->stored = false;
    store_import(im->store, b, on_stored, im);
    pthread_mutex_lock(&im->mutex);
    while (!im->stored)
        pthread_cond_wait(&im->wake, &im->mutex);
    pthread_mutex_unlock(&im->mutex);
    if (b->status < 0)
        return b->err_line ? line_error(im, b->err_line, b->err.msg, reterr)
                           : err_set(reterr, "%s", b->err.msg);
    add_totals(im->totals, &b->totals);
    b->totals = (struct import_totals){0};
    b->n = 0;
    arena_release(&im->ids);
    if (im->o->progress)
        im->o->progress(im->o->ctx, im->bytes, im->totals);
    return 0;
}

static int add_line(struct importer *im, const char *text, size_t n, struct err *reterr)
{
    struct import_line line;
    struct import_batch *b = &im->batch;
    struct err why;
    im->line++;
    if (strspn(text, " \t\r") >= n)
        return 0;
    if (import_line_parse(text, n, &line, &why) < 0)
        return line_error(im, im->line, why.msg, reterr);
    const char *last = b->n ? b->rows[b->n - 1].probe : NULL;
    b->rows[b->n++] = (struct import_row){
        .probe = last && str_eq(last, line.probe) ? last : arena_strdup(&im->ids, line.probe),
        .result = line.result,
        .line = im->line,
    };
    return b->n == IMPORT_BATCH_ROWS ? store_batch(im, reterr) : 0;
}

/* ---- lines -------------------------------------------------------------------- */

/* Moves the rest of a line to the front and reads more behind it. */
static int fill(struct importer *im, struct err *reterr)
{
    memmove(im->buf, im->buf + im->at, im->len - im->at);
    im->len -= im->at;
    im->at = 0;
    if (im->len > IMPORT_LINE_MAX)
        return line_error(im, im->line + 1, "longer than 64 KiB", reterr);
    ssize_t n = im->src->read(im->src->ctx, im->buf + im->len, IMPORT_LINE_MAX + 1 - im->len);
    if (n < 0)
        return err_errno(reterr, errno, "cannot read %s", im->o->name ? im->o->name : "the body");
    im->ended = n == 0;
    im->len += (size_t)n;
    im->bytes += n;
    im->buf[im->len] = '\0';
    return 0;
}

static int take_lines(struct importer *im, struct err *reterr)
{
    char *nl;
    while ((nl = memchr(im->buf + im->at, '\n', im->len - im->at))) {
        char *text = im->buf + im->at;
        *nl = '\0';
        im->at = (size_t)(nl + 1 - im->buf);
        if (add_line(im, text, (size_t)(nl - text), reterr) < 0)
            return -1;
    }
    return 0;
}

static int import_lines(struct importer *im, struct err *reterr)
{
    while (!im->ended)
        if (fill(im, reterr) < 0 || take_lines(im, reterr) < 0)
            return -1;
    if (im->at < im->len && add_line(im, im->buf + im->at, im->len - im->at, reterr) < 0)
        return -1;
    return store_batch(im, reterr);
}

int import_into(struct store *s, const struct import_source *src, const struct import_options *o,
                struct import_totals *totals, struct err *reterr)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct importer im = {
        .store = s,
        .src = src,
        .o = o,
        .totals = totals,
        .buf = mem_alloc(IMPORT_LINE_MAX + 2),
        .batch = {.rows = mem_array(IMPORT_BATCH_ROWS, sizeof(struct import_row)),
                  .replace = o->replace,
                  .create_interval_us = o->create_interval_us,
                  .import_id = now.tv_sec * USEC_PER_SEC + now.tv_nsec / NSEC_PER_USEC},
    };
    pthread_mutex_init(&im.mutex, NULL);
    pthread_cond_init(&im.wake, NULL);
    int rc = import_lines(&im, reterr);
    pthread_cond_destroy(&im.wake);
    pthread_mutex_destroy(&im.mutex);
    arena_release(&im.ids);
    free(im.batch.rows);
    free(im.buf);
    return rc;
}
