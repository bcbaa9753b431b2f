#include "engine/import.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/table.h"
#include "base/units.h"
#include "model/series.h"
#include "wire/import.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

/* A batch and what its rows point to. */
struct load {
    struct import_batch batch;
    struct table ids;    /* to themselves: each id once */
    struct table series; /* canonical ones, by what the lines say */
    struct arena arena;
    int64_t bytes; /* of the source, with its last line */
};

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
    struct str room, canonical; /* for series */

    struct load loads[2];
    struct load *filling; /* one of them */
    struct load *storing; /* the other, or NULL */
    size_t batch_rows;

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

static void load_clear(struct load *l)
{
    l->batch.n = 0;
    l->batch.totals = (struct import_totals){0};
    table_release(&l->ids);
    table_release(&l->series);
    arena_release(&l->arena);
}

static void load_release(struct load *l)
{
    load_clear(l);
    free(l->batch.rows);
}

/* Waits for the batch under way, if there is one. */
static int finish_storing(struct importer *im, struct err *reterr)
{
    struct load *l = im->storing;
    if (!l)
        return 0;
    pthread_mutex_lock(&im->mutex);
    while (!im->stored)
        pthread_cond_wait(&im->wake, &im->mutex);
    pthread_mutex_unlock(&im->mutex);
    im->storing = NULL;
    const struct import_batch *b = &l->batch;
    add_totals(im->totals, &b->totals);
    if (b->status < 0)
        return b->err_line ? line_error(im, b->err_line, b->err.msg, reterr)
                           : err_set(reterr, "%s", b->err.msg);
    load_clear(l);
    if (im->o->progress)
        im->o->progress(im->o->ctx, l->bytes, im->totals);
    return 0;
}

/* Hands over what was read, once the batch before it is stored. */
static int store_batch(struct importer *im, struct err *reterr)
{
    struct load *l = im->filling;
    if (finish_storing(im, reterr) < 0)
        return -1;
    if (l->batch.n == 0)
        return 0;
    l->bytes = im->bytes - (int64_t)(im->len - im->at);
    im->stored = false;
    im->storing = l;
    im->filling = l == im->loads ? im->loads + 1 : im->loads;
    store_import(im->store, &l->batch, on_stored, im);
    return 0;
}

/* The rows of a probe share its id, and mostly follow each other. */
static const char *keep_id(struct load *l, const char *id)
{
    const struct import_batch *b = &l->batch;
    const char *last = b->n ? b->rows[b->n - 1].probe : NULL;
    if (last && str_eq(last, id))
        return last;
    char *kept = table_get(&l->ids, id);
    if (!kept) {
        kept = arena_strdup(&l->arena, id);
        table_set(&l->ids, kept, kept);
    }
    return kept;
}

/* What lines call a series mostly comes again at the next instant. NULL: it is
 * none. */
static const char *keep_series(struct importer *im, const char *text, struct err *reterr)
{
    struct load *l = im->filling;
    const char *kept = *text ? table_get(&l->series, text) : "";
    struct series parsed;
    if (kept)
        return kept;
    str_clear(&im->canonical);
    if (series_parse(text, strlen(text), &im->room, &parsed, reterr) < 0 ||
        series_put(&parsed, &im->canonical, reterr) < 0)
        return NULL;
    char *copy = arena_strdup(&l->arena, im->canonical.buf);
    table_set(&l->series, arena_strdup(&l->arena, text), copy);
    return copy;
}

static int add_line(struct importer *im, const char *text, size_t n, struct err *reterr)
{
    struct import_line line;
    struct import_batch *b = &im->filling->batch;
    struct err why;
    im->line++;
    if (strspn(text, " \t\r") >= n)
        return 0;
    if (import_line_parse(text, n, &line, &why) < 0)
        return line_error(im, im->line, why.msg, reterr);
    struct import_row row = {
        .probe = keep_id(im->filling, line.probe), .result = line.result, .line = im->line};
    if (line.sample) {
        row.series = keep_series(im, line.series, &why);
        row.value = line.value;
    }
    if (line.sample && !row.series)
        return line_error(im, im->line, why.msg, reterr);
    b->rows[b->n++] = row;
    return b->n == im->batch_rows ? store_batch(im, reterr) : 0;
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

static int read_lines(struct importer *im, struct err *reterr)
{
    while (!im->ended)
        if (fill(im, reterr) < 0 || take_lines(im, reterr) < 0)
            return -1;
    const char *rest = im->buf + im->at;
    size_t n = im->len - im->at;
    im->at = im->len;
    return n ? add_line(im, rest, n, reterr) : 0;
}

static int import_lines(struct importer *im, struct err *reterr)
{
    struct err earlier;
    int rc = read_lines(im, reterr);
    if (rc == 0)
        rc = store_batch(im, reterr);
    /* What is under way comes before the line that failed. */
    if (finish_storing(im, &earlier) < 0)
        rc = err_set(reterr, "%s", earlier.msg);
    return rc;
}

int64_t import_new_id(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * USEC_PER_SEC + now.tv_nsec / NSEC_PER_USEC;
}

int import_into(struct store *s, const struct import_source *src, const struct import_options *o,
                struct import_totals *totals, struct err *reterr)
{
    struct importer im = {
        .store = s,
        .src = src,
        .o = o,
        .totals = totals,
        .buf = mem_alloc(IMPORT_LINE_MAX + 2),
        .batch_rows = o->batch_rows ? o->batch_rows : IMPORT_BATCH_ROWS,
    };
    struct import_batch batch = {
        .replace = o->replace,
        .create_interval_us = o->create_interval_us,
        .slice_rows = o->slice_rows,
        .import_id = o->import_id ? o->import_id : import_new_id(),
    };
    for (size_t i = 0; i < countof(im.loads); i++) {
        batch.rows = mem_array(im.batch_rows, sizeof(*batch.rows));
        im.loads[i].batch = batch;
    }
    str_init(&im.room, IMPORT_SERIES_MAX);
    str_init(&im.canonical, SAMPLE_SERIES_MAX);
    im.filling = im.loads;
    pthread_mutex_init(&im.mutex, NULL);
    pthread_cond_init(&im.wake, NULL);
    int rc = import_lines(&im, reterr);
    pthread_cond_destroy(&im.wake);
    pthread_mutex_destroy(&im.mutex);
    for (size_t i = 0; i < countof(im.loads); i++)
        load_release(&im.loads[i]);
    str_release(&im.room);
    str_release(&im.canonical);
    free(im.buf);
    return rc;
}
