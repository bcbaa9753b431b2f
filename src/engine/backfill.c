#include "engine/backfill.h"

#include "base/mem.h"
#include "engine/sieved.h"
#include "engine/stream.h"
#include "slo/live.h"
#include "slo/tiers.h"

#include <stdlib.h>

/* A run may last this long: rows younger than this are looked at one by one,
 * for whether they were done by the attach instant. Timeouts are at most 1 h. */
#define SETTLE_US (2 * USEC_PER_HOUR)
#define MINUTES_US (3 * USEC_PER_DAY)
/* A little more than the longest window that begins at tens of seconds: a tick
 * may be late. */
#define TENS_US (USEC_PER_HOUR + 2 * USEC_PER_MIN)

struct rows {
    struct backfill *b;
    struct live *live;
};

static bool add_event(void *ctx, int64_t slot_us, int64_t done_us, struct counts c)
{
    struct rows *rows = ctx;
    if (done_us > rows->b->attached_us)
        return true;
    c = sieve_event(&rows->b->sieve, slot_us, c);
    live_add_event(rows->live, slot_us, c);
    rows->b->events += counts_total(c) + c.excluded;
    return true;
}

static bool add_row(void *ctx, const struct result *r)
{
    struct rows *rows = ctx;
    enum outcome o = sli_classify(rows->b->sli, r);
    struct counts c = {o == OUTCOME_GOOD, o == OUTCOME_BAD, o == OUTCOME_EXCLUDED};
    if (r->done_us > rows->b->attached_us || o == OUTCOME_SKIPPED)
        return true;
    c = sieve_event(&rows->b->sieve, r->slot_us, c);
    live_add_event(rows->live, r->slot_us, c);
    rows->b->events += counts_total(c) + c.excluded;
    return true;
}

static int64_t floor_to(int64_t us, int64_t step_us)
{
    return us - us % step_us;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Edges of steps from `from` up to `to`; the first one is there already. */
static size_t add_edges(struct backfill *b, size_t n, int64_t from_us, int64_t to_us,
                        int64_t step_us)
{
    size_t more = to_us > from_us ? (size_t)((to_us - from_us) / step_us) : 0;
    if (n + more + 1 > b->room) {
        b->room = 2 * (n + more + 1);
        b->edges = mem_resize(b->edges, b->room, sizeof(*b->edges));
        b->counts = mem_resize(b->counts, b->room, sizeof(*b->counts));
    }
    b->edges[n] = from_us;
    for (size_t i = 1; i <= more; i++)
        b->edges[n + i] = from_us + (int64_t)i * step_us;
    return n + more;
}

/* Steps of one length, of which those with events count. */
static void add_part(struct backfill *b, size_t from, size_t to, int64_t *ret_steps,
                     struct live *live)
{
    if (from == to)
        return;
    live_add_counts(live, b->edges[from], b->edges[from + 1] - b->edges[from], &b->counts[from],
                    to - from);
    for (size_t i = from; i < to; i++) {
        int64_t n = counts_total(b->counts[i]) + b->counts[i].excluded;
        *ret_steps += !counts_empty(b->counts[i]);
        b->events += n;
    }
}

static int64_t first_step(const struct backfill *b)
{
    return max64(floor_to(b->attached_us - b->longest_us, USEC_PER_HOUR) - USEC_PER_HOUR, 0);
}

/* Hours up to `minutes`, minutes up to `tens`, tens of seconds up to `end`: in
 * one question, so that the store goes through its rollups once. */
static int add_steps(struct backfill *b, int64_t minutes_us, int64_t tens_us, int64_t end_us,
                     struct live *live, struct err *reterr)
{
    int64_t first = first_step(b);
    minutes_us = max64(minutes_us, first);
    tens_us = max64(tens_us, minutes_us);
    size_t hours = add_edges(b, 0, first, minutes_us, USEC_PER_HOUR);
    size_t minutes = add_edges(b, hours, minutes_us, tens_us, USEC_PER_MIN);
    size_t tens = add_edges(b, minutes, tens_us, end_us, EVALUATE_EVERY_US);
    if (sieved_cells(b->reader, b->sli, &b->sieve, b->edges, tens, b->counts, reterr) < 0)
        return -1;
    add_part(b, 0, hours, &b->hours, live);
    add_part(b, hours, minutes, &b->minutes, live);
    add_part(b, minutes, tens, &b->tens, live);
    return 0;
}

static int read_all_done(struct backfill *b, struct live *live, struct err *reterr)
{
    int64_t minutes = floor_to(b->attached_us - MINUTES_US, USEC_PER_HOUR) - USEC_PER_HOUR;
    int64_t tens = floor_to(b->attached_us - TENS_US, USEC_PER_MIN);
    int64_t end = floor_to(b->attached_us, EVALUATE_EVERY_US) + EVALUATE_EVERY_US;
    return add_steps(b, minutes, tens, end, live, reterr);
}

static int read_settled(struct backfill *b, struct live *live, struct err *reterr)
{
    struct rows rows = {b, live};
    int64_t minutes = floor_to(b->attached_us - MINUTES_US, USEC_PER_HOUR) - USEC_PER_HOUR;
    int64_t settled = floor_to(b->attached_us - SETTLE_US, USEC_PER_HOUR);
    /* What counters grew by since the newest scrape may be spread over all the time
     * from it on: there is no telling from the slot when it was done. */
    bool spreads = b->sli->metric && b->sli->metric->kind == SLI_RATIO && b->scraped_us >= 0;
    if (spreads && b->scraped_us < settled)
        settled = max64(floor_to(b->scraped_us, USEC_PER_HOUR), first_step(b));
    if (minutes > settled)
        minutes = settled;
    if (add_steps(b, minutes, settled, settled, live, reterr) < 0)
        return -1;
    if (b->sli->metric)
        return store_reader_events(b->reader, b->sli, settled, b->attached_us + 1, add_event, &rows,
                                   reterr);
    return store_reader_results(b->reader, b->sli->probe, settled, b->attached_us + 1, add_row,
                                &rows, reterr);
}

static bool note_newest(void *ctx, const struct result *r)
{
    struct backfill *b = ctx;
    if (r->done_us > b->attached_us)
        b->undone_us = r->slot_us < b->undone_us ? r->slot_us : b->undone_us;
    else if (r->outcome != OUTCOME_SKIPPED && r->slot_us > b->newest_us)
        b->newest_us = r->slot_us;
    return true;
}

struct seeds {
    struct backfill *b;
    int64_t since_us; /* counters go on since then */
    struct stream *stream;
};

static void add_seed(void *ctx, const char *series, int64_t slot_us, double value)
{
    struct seeds *s = ctx;
    if (series) {
        derive_seed(s->stream->derive, series, slot_us, value);
        return;
    }
    if (slot_us < s->since_us)
        return;
    derive_seed_scrape(s->stream->derive, slot_us);
    s->b->scraped_us = slot_us;
}

/* An import can bring scrapes of a time to come, without results. */
static void note_later(void *ctx, const char *series, int64_t slot_us, double value)
{
    struct backfill *b = ctx;
    (void)series;
    (void)slot_us;
    (void)value;
    b->all_done = false;
}

/* Runs of a probe with samples follow one another: what is older than the newest
 * one that was done was done as well. */
static int find_newest(struct backfill *b, struct err *reterr)
{
    b->undone_us = b->attached_us + 1;
    b->newest_us = INT64_MIN;
    if (b->all_done && store_reader_samples(b->reader, b->sli->probe, b->attached_us + 1, INT64_MAX,
                                            note_later, b, reterr) < 0)
        return -1;
    if (!b->all_done)
        return store_reader_results(b->reader, b->sli->probe, b->attached_us - SETTLE_US,
                                    b->attached_us + 1, note_newest, b, reterr);
    b->newest_us = b->last_slot_us;
    return 0;
}

int backfill_stream(struct backfill *b, struct stream *s, struct err *reterr)
{
    struct seeds seeds = {.b = b, .stream = s};
    b->scraped_us = INT64_MIN;
    if (find_newest(b, reterr) < 0)
        return -1;
    int64_t next_us = max64(b->undone_us, b->newest_us + 1);
    /* Runs of the target before may still be in flight. */
    seeds.since_us = next_us <= b->asked.anew_us ? b->asked.before_us : b->asked.anew_us;
    if (seeds.since_us > INT64_MIN)
        derive_restart(s->derive, seeds.since_us);
    if (store_reader_last_samples(b->reader, b->sli->probe, next_us, add_seed, &seeds, reterr) < 0)
        return -1;
    b->newest_us = max64(b->newest_us, b->scraped_us);
    return 0;
}

int backfill_read(struct backfill *b, struct live **ret, struct err *reterr)
{
    struct live *live = live_new(b->longest_us, b->attached_us);
    int rc = b->all_done ? read_all_done(b, live, reterr) : read_settled(b, live, reterr);
    if (rc == 0)
        *ret = live;
    else
        live_free(live);
    return rc;
}

void backfill_release(struct backfill *b)
{
    free(b->edges);
    free(b->counts);
}
