/*
 * What the files of the exposition reader share:
 *
 *     promtext.c              the calls, errors and their places
 *     promtext_wanted.c       which series are wanted
 *     promtext_token.c        names, quoted values, numbers, times
 *     promtext_text.c         Prometheus text
 *     promtext_openmetrics.c  lines of OpenMetrics
 *     promtext_family.c       what they mean together: families, metrics
 *     promtext_point.c        and the samples of one point in time
 *     promtext_keys.c         what has been seen
 *
 * Scanners take where to begin and give what is behind, or NULL when they failed.
 */
#pragma once

#include "base/wide.h"
#include "wire/promtext.h"

/* ---- what has been seen: a set of hashes ------------------------------------------- */

/* 128 bits: that two of a million are the same by chance does not happen. */
struct seen_key {
    uint64_t a, b;
};

struct seen {
    struct seen_key *slots; /* a == 0: free */
    size_t size, count;
};

enum seen_kind { SEEN_NAME = 1, SEEN_METRIC, SEEN_MEMBER };

struct seen_key seen_key(enum seen_kind kind, uint64_t within);
void seen_mix(struct seen_key *k, const char *text, size_t n);
void seen_mix_label(struct seen_key *k, const struct series_label *l);
bool seen_same(const struct seen_key *a, const struct seen_key *b);
bool seen_has(const struct seen *s, struct seen_key k);
/* false: it was there. */
bool seen_add(struct seen *s, struct seen_key k);
void seen_release(struct seen *s);

/* ---- which series are wanted ------------------------------------------------------- */

struct wanted {
    const struct selector *const *selectors;
    size_t count;
    bool all;
    size_t *by_name; /* selectors with a name: numbers, ordered by it */
    size_t named;
    size_t *nameless;
    size_t nameless_count;
    uint64_t lengths; /* of names, modulo 64: most others are told by that */

    const char *name; /* of the last question */
    size_t name_len;
    size_t *candidates; /* for that name, rising */
    size_t candidate_count;
    size_t *matched;
    size_t matched_count;
    size_t *matches; /* per selector */
};

void wanted_init(struct wanted *w, const struct selector *const *selectors, size_t n);
void wanted_release(struct wanted *w);
/* Whether a series of that name can be. `name` must stay where it is. */
bool wanted_name(struct wanted *w, const char *name, size_t n);
/* 1 or 0: whether a series of the name last asked for is; -1: a pattern hit its limits. */
int wanted_match(struct wanted *w, const struct series *s, struct err *reterr);

/* ---- tokens ------------------------------------------------------------------------- */

enum { NAME_CHAR = 1, NAME_START = 2, LABEL_CHAR = 4, LABEL_START = 8, DIGIT = 16, BLANK = 32 };
extern const unsigned char char_kinds[256];

static inline bool char_is(char c, unsigned kind)
{
    return char_kinds[(unsigned char)c] & kind;
}

static inline const char *skip_chars(const char *s, const char *end, unsigned kind)
{
    while (s < end && char_is(*s, kind))
        s++;
    return s;
}

enum number { NUMBER_OK, NUMBER_SYNTAX, NUMBER_RANGE };

/* Decimal, infinities in any spelling, and NaN without a sign. */
enum number number_read(const char *s, size_t n, double *ret);
/* Seconds as a plain decimal, in picoseconds; what does not fit is at the limit. */
enum number seconds_read(const char *s, size_t n, int128 *ret_ps);
int64_t us_of_ps(int128 ps);

/* The byte at `s` as messages show it: 'x', "the end of the line", ... */
#define SHOWN_MAX 32
const char *shown(char buf[static SHOWN_MAX], const char *s, const char *end);

/* Behind the closing quote of the value that begins at `s`, behind the opening
 * one. */
const char *quoted_end(struct promtext *p, const char *s, const char *end, bool newlines,
                       bool *ret_escaped);
/* Whether all of it is UTF-8; *ret_at: what is not. */
bool text_valid(const char *s, size_t n, const char **ret_at);

#define EXEMPLAR_CHARS_MAX 128

/* A sample as it stands in its line. */
struct sample_line {
    struct series series;
    uint64_t escaped; /* bit i: labels[i] is written with a backslash */
    double value;
    bool has_time;
    int128 time_ps;

    const char *at, *value_at, *time_at;
    struct {
        const char *at; /* NULL: none */
        size_t chars;   /* code points of its label names and values */
        double value;
        const char *value_at;
    } exemplar;
};

/* Adds a label whose value is raw; -1: too many. */
int sample_line_add(struct promtext *p, struct sample_line *l, const char *name, size_t name_len,
                    const char *value, size_t value_len, bool escaped);
/* Unescapes the values and sorts the labels; -1: a name twice. */
int sample_line_finish(struct promtext *p, struct sample_line *l);

/* ---- OpenMetrics: where in the page we are -------------------------------------------- */

enum suffix {
    SUFFIX_NONE,
    SUFFIX_TOTAL,
    SUFFIX_CREATED,
    SUFFIX_BUCKET,
    SUFFIX_COUNT,
    SUFFIX_SUM,
    SUFFIX_GCOUNT,
    SUFFIX_GSUM,
    SUFFIX_INFO,
    SUFFIXES,
};

enum meta { META_TYPE, META_UNIT, META_HELP, METAS };

struct family {
    const char *name; /* NULL: before the first */
    size_t len;
    const char *at; /* its first line */
    enum promtext_type type;
    const char *meta[METAS]; /* lines; NULL: none */
    bool settled;            /* has samples, or is over */
    uint64_t number;
};

/* The samples of one metric at one time. */
struct point {
    bool open;
    const char *at;
    bool has_time;
    int128 time_ps;
    unsigned suffixes; /* seen; bits */
    uint64_t number;
    double le, bucket; /* the last bucket */
    double count, sum;
    bool negative_le;
};

struct openmetrics {
    struct family family;
    struct seen_key metric; /* the current one */
    bool in_metric;
    struct point point;
    uint64_t points;
    struct seen seen;
    bool over; /* # EOF was read */
};

/* A line of metadata; `text` is what stands behind the name. */
int family_meta(struct promtext *p, const char *line, enum meta what, const char *name, size_t len,
                const char *text, size_t n);
int family_sample(struct promtext *p, const struct sample_line *l, enum promtext_type *ret);
int family_end(struct promtext *p); /* at the end of the page, or of the family */

int point_sample(struct promtext *p, const struct sample_line *l, enum suffix suffix);
int point_end(struct promtext *p);
const struct series_label *line_label(const struct sample_line *l, const char *name, size_t n);
/* The label that tells samples of one point apart, or NULL. */
const struct series_label *member_label(const struct family *f, const struct sample_line *l,
                                        enum suffix suffix);

/* ---- the reader -------------------------------------------------------------------------- */

#define BOUNDS_MAX 64

struct promtext_reader {
    enum promtext_format format;
    const char *page, *end, *at;
    const char *resume;  /* not NULL: failed, and where to read on */
    const char *counted; /* up to here there are `lines` ends of lines */
    size_t lines;

    struct wanted wanted;
    struct sample_line line;
    char *room; /* unescaped values of the line */
    size_t room_size;

    struct {                   /* text */
        const char *type_name; /* TYPE line last seen */
        size_t type_len;
        enum promtext_type type;
        /* The unwanted line before: how much of it the next one shares needs no
         * second look. Labels begin at `bounds`. */
        const char *before;
        size_t before_len; /* up to the end of the last label */
        size_t bounds[BOUNDS_MAX];
        size_t bound_count;
    } text;
    struct openmetrics om;
};

/* Sets the error of the place; gives -1. go_on reads on behind that line, or at
 * the line being read when the place lies before it. */
int promtext_fail(struct promtext *p, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool promtext_stop(struct promtext *p); /* true */

/* Whether nobody waits for the page any more; the error is set then. */
static inline bool promtext_stopped(struct promtext *p)
{
    return p->stop && atomic_load_explicit(p->stop, memory_order_relaxed) && promtext_stop(p);
}

/* The sample, unless no selector matches it; 1, 0 or -1. */
int promtext_give(struct promtext *p, const struct sample_line *l, enum promtext_type type,
                  struct promtext_sample *ret);

int text_next(struct promtext *p, struct promtext_sample *ret);
int openmetrics_next(struct promtext *p, struct promtext_sample *ret);
enum promtext_type type_of_word(const char *s, size_t n); /* PROMTEXT_TYPES: none */
