#include "engine/replay_feed.h"

#include "base/arena.h"
#include "base/units.h"
#include "nines/store_reader.h"

#include <string.h>

#define PAGE_ROWS 1024
#define PAGE_SLOTS 64 /* of a probe with samples */
#define PAGE_SAMPLES (PAGE_SLOTS * SAMPLES_MAX)

struct page {
    struct feed *f;
    int64_t to_us;             /* where it ends: before `to_us` of the question if it is full */
    VEC(struct feed_row) rows; /* by slot */
    size_t at;                 /* rows before it have their samples */
    /* of the scrape that is being read */
    VEC(struct sample) scrape;
    struct arena texts;
    int64_t scrape_us; /* INT64_MIN: none */
    size_t samples;
};

void feed_init(struct feed *f, const char *probe, bool samples, int64_t interval_us,
               int64_t from_us, int64_t to_us)
{
    *f = (struct feed){.probe = probe,
                       .samples = samples,
                       .step_us = PAGE_SLOTS * interval_us,
                       .from_us = from_us,
                       .to_us = to_us,
                       .read_us = from_us > FEED_SETTLE_US ? from_us - FEED_SETTLE_US : 0};
}

void feed_release(struct feed *f)
{
    for (size_t i = f->head; i < f->rows.len; i++)
        free(f->rows.at[i].at);
    vec_release(&f->rows);
}

/* ---- one page ------------------------------------------------------------------ */

static bool take_result(void *ctx, const struct result *r)
{
    struct page *p = ctx;
    if (p->rows.len == PAGE_ROWS) {
        p->to_us = r->slot_us;
        return false;
    }
    vec_push(&p->rows,
             ((struct feed_row){.result = *r, .measured = r->outcome != OUTCOME_SKIPPED}));
    return true;
}

/* One block, with the texts behind the samples. */
static struct sample *copy_scrape(const struct page *p)
{
    size_t bytes = (p->scrape.len + 1) * sizeof(struct sample);
    for (size_t i = 0; i < p->scrape.len; i++)
        bytes += strlen(p->scrape.at[i].series) + 1;
    struct sample *copy = mem_alloc(bytes);
    char *text = (char *)&copy[p->scrape.len + 1];
    for (size_t i = 0; i < p->scrape.len; i++) {
        size_t n = strlen(p->scrape.at[i].series) + 1;
        memcpy(text, p->scrape.at[i].series, n);
        copy[i] = (struct sample){text, p->scrape.at[i].value};
        text += n;
    }
    return copy;
}

/* The row of the scrape's slot; an import may have brought samples alone. */
static struct feed_row *row_of(struct page *p, int64_t slot_us)
{
    while (p->at < p->rows.len && p->rows.at[p->at].result.slot_us < slot_us)
        p->at++;
    if (p->at < p->rows.len && p->rows.at[p->at].result.slot_us == slot_us)
        return &p->rows.at[p->at];
    struct feed_row row = {.result = {.slot_us = slot_us, .done_us = slot_us}};
    vec_push(&p->rows, row);
    memmove(&p->rows.at[p->at + 1], &p->rows.at[p->at], (p->rows.len - 1 - p->at) * sizeof(row));
    p->rows.at[p->at] = row;
    return &p->rows.at[p->at];
}

static void end_scrape(struct page *p)
{
    if (p->scrape_us == INT64_MIN)
        return;
    struct feed_row *row = row_of(p, p->scrape_us);
    row->at = copy_scrape(p);
    row->n = p->scrape.len;
    row->result.flags |= RESULT_SCRAPED; /* whoever brought them */
    vec_clear(&p->scrape);
    arena_reset(&p->texts);
    p->scrape_us = INT64_MIN;
}

static void take_sample(void *ctx, const char *series, int64_t slot_us, double value)
{
    struct page *p = ctx;
    if (slot_us >= p->to_us)
        return;
    if (slot_us != p->scrape_us) {
        end_scrape(p);
        if (p->samples >= PAGE_SAMPLES) {
            p->to_us = slot_us; /* the next page begins with it */
            return;
        }
        p->scrape_us = slot_us;
    }
    p->samples++;
    if (series)
        vec_push(&p->scrape, ((struct sample){arena_strdup(&p->texts, series), value}));
}

static int read_page(struct page *p, struct store_reader *r, struct err *reterr)
{
    const struct feed *f = p->f;
    if (store_reader_begin(r, reterr) < 0)
        return -1;
    int rc = store_reader_results(r, f->probe, f->read_us, p->to_us, take_result, p, reterr);
    if (rc == 0 && f->samples)
        rc = store_reader_samples(r, f->probe, f->read_us, p->to_us, take_sample, p, reterr);
    end_scrape(p);
    store_reader_end(r);
    return rc;
}

/* ---- rows ------------------------------------------------------------------------ */

static bool later(const struct feed_row *a, const struct feed_row *b)
{
    return a->result.done_us != b->result.done_us ? a->result.done_us > b->result.done_us
                                                  : a->result.slot_us > b->result.slot_us;
}

/* Mostly at the end: runs overlap little. */
static void insert(struct feed *f, struct feed_row row)
{
    size_t i = f->rows.len;
    vec_push(&f->rows, row);
    for (; i > f->head && later(&f->rows.at[i - 1], &row); i--)
        f->rows.at[i] = f->rows.at[i - 1];
    f->rows.at[i] = row;
}

static bool is_wanted(const struct page *p, const struct feed_row *row)
{
    const struct result *r = &row->result;
    return r->slot_us < p->to_us && r->done_us > p->f->from_us && r->done_us <= p->f->to_us &&
           (row->measured || row->at);
}

static void take_page(struct feed *f, struct page *p)
{
    if (f->head) {
        memmove(f->rows.at, f->rows.at + f->head, (f->rows.len - f->head) * sizeof(*f->rows.at));
        f->rows.len -= f->head;
        f->head = 0;
    }
    for (size_t i = 0; i < p->rows.len; i++) {
        if (is_wanted(p, &p->rows.at[i]))
            insert(f, p->rows.at[i]);
        else
            free(p->rows.at[i].at);
    }
    f->read_us = p->to_us;
}

static int fetch(struct feed *f, struct store_reader *r, struct err *reterr)
{
    struct page p = {.f = f, .to_us = f->to_us + 1, .scrape_us = INT64_MIN};
    if (f->samples && f->step_us < p.to_us - f->read_us)
        p.to_us = f->read_us + f->step_us;
    int rc = read_page(&p, r, reterr);
    take_page(f, &p);
    vec_release(&p.rows);
    vec_release(&p.scrape);
    arena_release(&p.texts);
    return rc;
}

int feed_fill(struct feed *f, struct store_reader *r, struct err *reterr)
{
    while (f->read_us <= f->to_us &&
           (f->head == f->rows.len || f->rows.at[f->head].result.done_us > f->read_us))
        if (fetch(f, r, reterr) < 0)
            return -1;
    return f->head < f->rows.len;
}

const struct feed_row *feed_first(const struct feed *f)
{
    return &f->rows.at[f->head];
}

void feed_next(struct feed *f)
{
    mem_free(&f->rows.at[f->head].at);
    f->head++;
}
