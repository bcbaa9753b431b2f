/*
 * Samples become events of metric SLIs. An SLI without its history cannot tell
 * by what its counters grew: until that is read, what comes is held.
 */
#include "engine/evaluate_internal.h"

#include "base/mem.h"
#include "slo/live.h"

#include <math.h>
#include <string.h>

#define HELD_MAX_BYTES (4u << 20) /* of one probe: minutes, while the history takes seconds */

/* ---- from scrapes to windows ------------------------------------------------ */

struct fed {
    struct eval_sli *sli;
    int64_t slot_us;
    bool reset, clamped;
};

/* As the store has it: silence is an event, and the first one too, of an SLI that
 * was named then. */
static void count(struct eval_sli *sli, int64_t scraped_us, int64_t slot_us, struct counts c)
{
    bool data = c.good | c.bad | c.scrapes;
    if (!data && scraped_us < sli->asked.named_us && scraped_us <= sli->first_event_us)
        return;
    eval_add_event(sli, slot_us, c);
    if (data)
        eval_note_data(sli, slot_us);
    if ((data || c.silent) && slot_us < sli->first_event_us)
        sli->first_event_us = slot_us;
}

static void on_derived(void *ctx, const struct derived *e)
{
    struct fed *f = ctx;
    count(f->sli, f->slot_us, e->slot_us, e->counts);
    f->reset |= e->reset;
    f->clamped |= e->clamped;
}

/* What was kept back for a self-check comes after its successor: nothing grew
 * by it. */
static void feed_late(struct eval_sli *sli, const struct scrape *s)
{
    struct counts c = {.excluded = s->state == SCRAPE_EXCLUDED,
                       .silent = s->state != SCRAPE_EXCLUDED};
    count(sli, s->slot_us, s->slot_us, c);
}

/* A run that did not look for all of its series. */
static void know(struct eval_sli *sli, const struct scrape *s)
{
    for (size_t i = 0; s->state == SCRAPE_DATA && i < s->n; i++)
        if (!isnan(s->at[i].value))
            derive_know(sli->stream->derive, s->at[i].series, s->slot_us);
}

/* Several reloads may have come while a run was in flight. */
static void begin_anew(struct eval_sli *sli, int64_t slot_us)
{
    size_t n = 0;
    while (n < sli->anew.len && sli->anew.at[n] <= slot_us)
        n++;
    if (n == 0)
        return;
    derive_restart(sli->stream->derive, sli->anew.at[n - 1]);
    sli->anew.len -= n;
    memmove(sli->anew.at, sli->anew.at + n, sli->anew.len * sizeof(*sli->anew.at));
}

static void feed(struct eval_sli *sli, const struct scrape *s)
{
    struct fed f = {.sli = sli, .slot_us = s->slot_us};
    if (s->slot_us < sli->since_us)
        return;
    if (s->slot_us < sli->asked.since_us) {
        know(sli, s);
        return;
    }
    if (s->slot_us <= sli->fed_us) {
        feed_late(sli, s);
        return;
    }
    sli->fed_us = s->slot_us;
    begin_anew(sli, s->slot_us);
    derive_feed(sli->stream->derive, s, on_derived, &f);
    sli->resets += f.reset;
    sli->clamped += f.clamped;
}

/* ---- held ---------------------------------------------------------------------- */

static size_t scrape_bytes(const struct scrape *s)
{
    size_t bytes = sizeof(struct eval_held) + s->n * sizeof(*s->at);
    for (size_t i = 0; i < s->n; i++)
        bytes += strlen(s->at[i].series) + 1;
    return bytes;
}

static struct eval_held *copy_scrape(const struct scrape *s, int64_t done_us, size_t bytes)
{
    struct eval_held *h = mem_alloc(bytes);
    char *text = (char *)&h->at[s->n];
    h->scrape = *s;
    h->done_us = done_us;
    h->scrape.at = h->at;
    for (size_t i = 0; i < s->n; i++) {
        size_t len = strlen(s->at[i].series) + 1;
        h->at[i] = (struct sample){text, s->at[i].value};
        memcpy(text, s->at[i].series, len);
        text += len;
    }
    return h;
}

void eval_forget_held(struct watched *w)
{
    for (size_t i = 0; i < w->held.len; i++)
        free(w->held.at[i]);
    vec_release(&w->held);
    w->held_bytes = 0;
}

static bool is_pending(const struct eval_sli *sli)
{
    return sli->def->metric && !sli->merged;
}

static bool has_pending(const struct watched *w)
{
    for (size_t i = 0; i < w->slis.len; i++)
        if (is_pending(w->slis.at[i]))
            return true;
    return false;
}

/* Whoever misses one cannot go on from its history: it is to be read again. */
static void give_up(struct watched *w)
{
    for (size_t i = 0; i < w->slis.len; i++)
        w->slis.at[i]->torn |= is_pending(w->slis.at[i]);
    eval_forget_held(w);
}

static void hold(struct watched *w, const struct scrape *s, int64_t done_us)
{
    size_t bytes = scrape_bytes(s);
    if (w->held_bytes + bytes > HELD_MAX_BYTES) {
        give_up(w);
        return;
    }
    w->held_bytes += bytes;
    vec_push(&w->held, copy_scrape(s, done_us, bytes));
}

void eval_release_held(struct eval_sli *sli)
{
    struct watched *w = sli->probe;
    for (size_t i = 0; i < w->held.len; i++) {
        const struct eval_held *h = w->held.at[i];
        if (h->done_us > sli->attached_us && h->scrape.slot_us > w->stored_us)
            feed(sli, &h->scrape);
    }
    if (!has_pending(w))
        eval_forget_held(w);
}

/* ---- one run ---------------------------------------------------------------------- */

/* Of the schedule in force at the slot; the first one covers all before. */
static int64_t interval_at(const struct watched *w, int64_t slot_us)
{
    size_t i = w->revisions.len;
    while (i > 1 && w->revisions.at[i - 1].since_us > slot_us)
        i--;
    return i ? w->revisions.at[i - 1].interval_us : 0;
}

void eval_scrape(struct watched *w, const struct observation *obs)
{
    const struct result *r = &obs->result;
    bool scraped = r->flags & RESULT_SCRAPED, pending = false;
    struct scrape s = {.slot_us = r->slot_us, .interval_us = interval_at(w, r->slot_us)};
    s.state = r->outcome == OUTCOME_EXCLUDED ? SCRAPE_EXCLUDED
              : scraped                      ? SCRAPE_DATA
                                             : SCRAPE_SILENT;
    if (s.state == SCRAPE_DATA) {
        s.at = obs->samples;
        s.n = obs->sample_count;
    }
    for (size_t i = 0; i < w->slis.len; i++) {
        struct eval_sli *sli = w->slis.at[i];
        if (sli->def->metric && sli->merged)
            feed(sli, &s);
        pending |= is_pending(sli) && !sli->torn;
    }
    if (pending)
        hold(w, &s, r->done_us);
    else if (w->held.len)
        eval_forget_held(w); /* a reload took those that waited */
}
