/*
 * What the writer keeps in memory of its own tables: probes and roll streams,
 * and how far each is rolled up. Only the writer thread touches it. After a
 * rolled-back transaction it is loaded again, so it never knows more than the
 * file.
 */
#pragma once

#include "base/err.h"
#include "base/table.h"
#include "base/vec.h"
#include "nines/slo.h"
#include "nines/store_reader.h"

#include <stdbool.h>
#include <stdint.h>

struct feed;
struct metric_stream;
struct sqlite;

/* Stored. The last four are of a probe that has answers: sketches in the order of enum
 * answer_sketch, and sums. */
enum stream_kind {
    STREAM_SLI,
    STREAM_LATENCY,
    STREAM_METRIC,
    STREAM_TTFT,
    STREAM_GAP,
    STREAM_TOKEN,
    STREAM_ANSWERS,
};
#define STREAM_KINDS 7

/* Its rows hold a sketch; else counts, or the sums of answers. */
static inline bool stream_is_sketch(enum stream_kind kind)
{
    return kind == STREAM_LATENCY || (kind >= STREAM_TTFT && kind <= STREAM_TOKEN);
}

struct stream {
    int64_t num, probe;
    enum stream_kind kind;
    struct sli_def sli;           /* SLI streams; `key` is owned, the other pointers are NULL */
    struct metric_stream *metric; /* STREAM_METRIC; else NULL */
    int64_t rolled_through;       /* start of an hour */
    int64_t days_through;         /* start of a day: days before it are summed up too */
    size_t next;                  /* of the same probe; STREAM_NONE: the last */
};

#define STREAM_NONE SIZE_MAX
#define NEWEST_UNKNOWN INT64_MAX

struct catalog_probe {
    int64_t num;
    char *id;
    bool known; /* has a schedule; else only an SLI has named it so far */
    int64_t first_event, imported_through;
    size_t first_stream;            /* in streams; STREAM_NONE: it has none */
    int64_t rolled_min, rolled_max; /* of its streams; without any, min is INT64_MAX, max 0 */
    bool days_behind;               /* a stream has a day before rolled_through to sum up */
    int64_t raw_since;              /* start of an hour: results before it are gone; 0: none are */
    int64_t sealed_through;         /* no chunk reaches to this slot or beyond */
    int64_t seal_after;             /* before this instant it has nothing to be sealed; seal.c's */
    uint64_t newest_hours;          /* catalog_hours() of the newest schedule */
    struct probe_revision newest;   /* interval 0: not known here */
    bool metric;                    /* one of its streams is a metric SLI's */
    bool answers;                   /* it has the streams of answers */
    int64_t newest_slot;            /* that has anything stored, or NEWEST_UNKNOWN */
    struct feed *feed;              /* of its samples (samples.h); NULL: none came yet */
};

struct catalog {
    VEC(struct catalog_probe) probes; /* at[num - 1] */
    VEC(struct stream) streams;
    struct table by_id; /* probe numbers, as pointers */
    size_t behind;      /* streams that are not DERIVED_ALL */
};

int catalog_load(struct catalog *c, struct sqlite *db, struct err *reterr);
void catalog_release(struct catalog *c);

/* For catalog_load(). What is pushed is taken over. */
void catalog_clear(struct catalog *c);
void catalog_push_probe(struct catalog *c, const struct catalog_probe *p);
void catalog_push_stream(struct catalog *c, struct stream s);

/* By number; never NULL. Pointers die with the next probe that is added. */
struct catalog_probe *catalog_at(struct catalog *c, int64_t num);

/* The number of a probe, which is added if there is none. */
int catalog_probe(struct catalog *c, struct sqlite *db, const char *id, int64_t *ret_num,
                  struct err *reterr);
/* The number of a probe, 0 if there is none. */
int64_t catalog_find(const struct catalog *c, const char *id);

/* Makes sure that the stream is there, as it is defined now. `sli` is NULL for
 * the latencies of the probe. A new one begins where the probe's results do;
 * events of a metric SLI are derived from there on (derived.h). */
int catalog_stream(struct catalog *c, struct sqlite *db, int64_t probe, const struct sli_def *sli,
                   struct err *reterr);

/* A result of the probe has an answer: the streams of answers are there. They begin where
 * its results do, like others. */
int catalog_answers(struct catalog *c, struct sqlite *db, int64_t probe, struct err *reterr);

/* To be called for every result that is inserted or changed, in the same
 * transaction: takes back the rollups from its hour on, so that a rollup never
 * says anything else than its rows. There may be none before raw_since. */
int catalog_touch(struct catalog *c, struct sqlite *db, int64_t probe, int64_t slot_us,
                  struct err *reterr);

/* Moves rolled_through; backwards, the hours and days from there on go. */
int catalog_set_rolled(struct catalog *c, struct sqlite *db, struct stream *s, int64_t through_us,
                       struct err *reterr);

/* The same for a change at `slot_us` that only this stream has. */
int catalog_touch_stream(struct catalog *c, struct sqlite *db, struct stream *s, int64_t slot_us,
                         struct err *reterr);

/* Of a metric stream: moves derived_through; backwards, its first event goes if
 * that is after it. */
int catalog_set_derived(struct catalog *c, struct sqlite *db, struct stream *s, int64_t through_us,
                        struct err *reterr);
/* Its first event is at most `slot_us`. */
int catalog_saw_first(struct sqlite *db, struct stream *s, int64_t slot_us, struct err *reterr);

/* Moves days_through forward: the start of a day that is not after rolled_through. */
int catalog_set_days(struct catalog *c, struct sqlite *db, struct stream *s, int64_t through_us,
                     struct err *reterr);

/* Rollups say everything before this, for each stream of the probe. */
int64_t catalog_rolled_min(const struct catalog *c, int64_t probe);

/* Results before `since_us`, the start of an hour that is rolled up, are gone. */
int catalog_set_raw_since(struct catalog *c, struct sqlite *db, int64_t probe, int64_t since_us,
                          struct err *reterr);

/* No chunk of the probe reaches to `through_us` or beyond. */
int catalog_set_sealed(struct catalog *c, struct sqlite *db, int64_t probe, int64_t through_us,
                       struct err *reterr);

/* first_event of the probe is at most `slot_us`. */
int catalog_saw_event(struct catalog *c, struct sqlite *db, int64_t probe, int64_t slot_us,
                      struct err *reterr);

static inline int64_t hour_floor(int64_t t_us)
{
    int64_t r = t_us % USEC_PER_HOUR;
    return t_us - (r < 0 ? r + USEC_PER_HOUR : r);
}

static inline int64_t day_floor(int64_t t_us)
{
    int64_t r = t_us % USEC_PER_DAY;
    return t_us - (r < 0 ? r + USEC_PER_DAY : r);
}

/* What a file may be asked to be, before its numbers are reckoned with. An instant
 * that is the start of a `unit`: */
bool catalog_is_start(int64_t t_us, int64_t unit_us);
/* Tells service hours apart, as they are stored. */
uint64_t catalog_hours(const char *text);

bool catalog_is_schedule(const struct probe_revision *rev);

/* The stored form of an SLI's reason map and back; what is missing is -1. */
void classify_load(int8_t classify[static REASON_COUNT], const void *data, size_t n);
