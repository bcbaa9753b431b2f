#include "store/derivation.h"

#include "store/samples.h"

void derivation_init(struct derivation *d, const struct sli_def *sli,
                     const struct asked_spans *asked, int64_t from_us)
{
    *d = (struct derivation){
        .asked = asked, .derive = derive_new(sli), .since_us = asked_since(asked, from_us)};
    if (d->since_us > INT64_MIN)
        derive_restart(d->derive, d->since_us);
}

void derivation_release(struct derivation *d)
{
    derive_free(d->derive);
    *d = (struct derivation){0};
}

void derivation_seed(struct derivation *d, const char *series, int64_t slot_us, double value)
{
    if (series)
        derive_seed(d->derive, series, slot_us, value);
    else if (slot_us >= d->since_us)
        derive_seed_scrape(d->derive, slot_us);
}

static void seed(void *ctx, const char *series, int64_t slot_us, double value)
{
    derivation_seed(ctx, series, slot_us, value);
}

int derivation_seed_all(struct derivation *d, struct sqlite *db, int64_t probe, int64_t before_us,
                        struct err *reterr)
{
    return samples_before(db, probe, before_us, seed, d, reterr);
}

bool derivation_feed(struct derivation *d, const struct scraped *slot, derive_fn emit, void *ctx)
{
    const struct scrape *s = &slot->scrape;
    int64_t since_us = asked_since(d->asked, s->slot_us);
    if (since_us != d->since_us)
        derive_restart(d->derive, since_us);
    d->since_us = since_us;
    if (asked_at(d->asked, s->slot_us) != ASKED_NOT) {
        derive_feed(d->derive, s, emit, ctx);
        return true;
    }
    for (size_t i = 0; s->state == SCRAPE_DATA && i < s->n; i++)
        derive_know(d->derive, s->at[i].series, s->slot_us);
    return false;
}

bool derivation_counts(const struct derivation *d, const struct scraped *slot, struct counts c,
                       int64_t first_event_us)
{
    int64_t at = slot->scrape.slot_us;
    bool data = (c.good | c.bad | c.scrapes) != 0;
    bool told = slot->measured && asked_at(d->asked, at) == ASKED_NAMED;
    return !counts_empty(c) && (data || told || at > first_event_us);
}
