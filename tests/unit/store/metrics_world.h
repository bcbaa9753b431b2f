/*
 * A probe whose scrapes are kept in memory beside the store, with all sorts of
 * metric SLIs on it: both are asked the same questions. What the SLIs are to
 * make of the scrapes is worked out here in one go, from the first to the last.
 */
#pragma once

#include "fixture.h"

#include "base/arena.h"

#define WORLD_INTERVAL_US (30 * USEC_PER_SEC)
#define WORLD_SLOTS 6000 /* 50 hours */
#define WORLD_SERIES 9
#define WORLD_SLIS 5
#define WORLD_PROBE "api-metrics"

struct world_slot {
    bool present; /* a result is stored */
    bool scrape;  /* samples are */
    bool imported;
    uint8_t outcome;
    uint32_t has; /* a bit for each series */
    double values[WORLD_SERIES];
};

struct world {
    struct fixture f;
    uint32_t seed;
    struct arena arena;
    struct sli_metric metrics[WORLD_SLIS];
    struct sli_def slis[WORLD_SLIS];
    bool declared[WORLD_SLIS]; /* ever */
    struct world_asked {
        bool asked, named;
        int run; /* of slots whose scrapes follow one another */
    } asked[WORLD_SLIS][WORLD_SLOTS];
    uint64_t source;
    struct world_slot slots[WORLD_SLOTS];
    double counters[WORLD_SERIES]; /* of the target, now */
    int64_t live;                  /* the next slot */
};

extern const char *const world_series[WORLD_SERIES];

void world_init(struct world *w, uint32_t seed); /* opens the store */
void world_release(struct world *w);
uint32_t world_next(struct world *w);

int64_t world_slot_us(int64_t i);

/* The probe and the SLIs below `slis`. */
void world_declare(struct world *w, size_t slis);

/* The probe, now of this source, and the SLIs with a bit in `slis`: from now on
 * only their series are looked for. Without a source (0) its kind has no samples. */
void world_declare_only(struct world *w, unsigned slis, uint64_t source);

/* What the target shows at the next instant. */
void world_scrape(struct world *w, struct world_slot *ret);

/* Pushes slot i as it is; samples in any order. */
void world_push(struct world *w, int64_t i);

/* Some slots, most of them scraped; and a heartbeat. */
void world_run(struct world *w, int64_t n);

/* Readers say what the scrapes do. */
void world_check(struct world *w);

/* Settles; then the database agrees with itself. Returns how many events it has. */
int64_t world_verify(struct world *w);
