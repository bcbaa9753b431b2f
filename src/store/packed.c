#include "store/packed.h"

#include "base/varint.h"

#define VERSION 1
#define VERSION_METRIC 2 /* of counts, with scrapes and silent */
#define TIME_MAX (INT64_MAX / 4)

bool packed_can_be(struct counts c)
{
    const int64_t all[] = {c.good, c.bad, c.excluded, c.scrapes, c.silent};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (all[i] < 0 || all[i] > PACKED_COUNT_MAX)
            return false;
    return true;
}

static bool is_metric(const struct counts *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (parts[i].scrapes || parts[i].silent)
            return true;
    return false;
}

void packed_put_counts(struct str *out, const struct counts *parts, size_t n)
{
    bool metric = is_metric(parts, n);
    str_addc(out, metric ? VERSION_METRIC : VERSION);
    for (size_t i = 0, run; i < n; i += run) {
        run = 1;
        while (i + run < n && counts_empty(counts_minus(parts[i], parts[i + run])))
            run++;
        varint_put(out, run);
        varint_put(out, (uint64_t)parts[i].good);
        varint_put(out, (uint64_t)parts[i].bad);
        varint_put(out, (uint64_t)parts[i].excluded);
        if (!metric)
            continue;
        varint_put(out, (uint64_t)parts[i].scrapes);
        varint_put(out, (uint64_t)parts[i].silent);
    }
}

static int damaged(struct err *reterr)
{
    return err_set(reterr, "a rollup is damaged: it cannot be decoded");
}

/* Takes the version off *p: at least 1 and at most `newest`; else 0. */
static int get_version(const unsigned char **p, const unsigned char *end, int newest,
                       struct err *reterr)
{
    if (*p == end) {
        damaged(reterr);
        return 0;
    }
    if (**p < 1 || **p > newest) {
        err_set(reterr, "a rollup has the unknown version %d", **p);
        return 0;
    }
    return *(*p)++;
}

static bool has_version(const unsigned char **p, const unsigned char *end, struct err *reterr)
{
    return get_version(p, end, VERSION, reterr) != 0;
}

static bool get_count(const unsigned char **p, const unsigned char *end, int64_t *ret)
{
    uint64_t v;
    if (!varint_get(p, end, &v) || v > PACKED_COUNT_MAX)
        return false;
    *ret = (int64_t)v;
    return true;
}

void packed_open(struct packed_runs *r, const void *data, size_t n, size_t parts)
{
    const unsigned char *p = data;
    *r = (struct packed_runs){.parts = parts, .p = p, .limit = n ? p + n : p};
}

int packed_next(struct packed_runs *r, struct counts *ret, struct err *reterr)
{
    if (r->end == 0)
        r->version = get_version(&r->p, r->limit, VERSION_METRIC, reterr);
    if (!r->version)
        return -1;
    if (r->end == r->parts)
        return r->p == r->limit ? 0 : damaged(reterr);
    int64_t run;
    struct counts c = {0};
    if (!get_count(&r->p, r->limit, &run) || !get_count(&r->p, r->limit, &c.good) ||
        !get_count(&r->p, r->limit, &c.bad) || !get_count(&r->p, r->limit, &c.excluded) ||
        run < 1 || run > (int64_t)(r->parts - r->end))
        return damaged(reterr);
    if (r->version == VERSION_METRIC &&
        (!get_count(&r->p, r->limit, &c.scrapes) || !get_count(&r->p, r->limit, &c.silent)))
        return damaged(reterr);
    int64_t each_max = PACKED_COUNT_MAX / run;
    if (c.good > each_max || c.bad > each_max || c.excluded > each_max || c.scrapes > each_max ||
        c.silent > each_max)
        return damaged(reterr);
    r->first = r->end;
    r->end += (size_t)run;
    *ret = c;
    return 1;
}

int packed_get_counts(const void *data, size_t n, struct counts *ret, size_t parts,
                      struct err *reterr)
{
    struct packed_runs runs;
    struct counts c;
    int rc;
    packed_open(&runs, data, n, parts);
    while ((rc = packed_next(&runs, &c, reterr)) > 0)
        for (size_t i = runs.first; i < runs.end; i++)
            ret[i] = c;
    return rc;
}

void packed_put_reasons(struct str *out, const int64_t reasons[static REASON_COUNT])
{
    str_addc(out, VERSION);
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        if (!reasons[i])
            continue;
        varint_put(out, i);
        varint_put(out, (uint64_t)reasons[i]);
    }
}

int packed_get_reasons(const void *data, size_t n, int64_t into[static REASON_COUNT],
                       struct err *reterr)
{
    const unsigned char *p = data, *end = n ? p + n : p;
    if (!has_version(&p, end, reterr))
        return -1;
    int64_t got[REASON_COUNT] = {0};
    while (p < end) {
        uint64_t reason;
        int64_t count;
        if (!varint_get(&p, end, &reason) || reason >= REASON_COUNT ||
            !get_count(&p, end, &count) || got[reason] > 0)
            return damaged(reterr);
        got[reason] = count;
    }
    for (unsigned i = 0; i < REASON_COUNT; i++)
        into[i] += got[i];
    return 0;
}

void packed_put_answers(struct str *out, const struct answer_sums *s)
{
    str_addc(out, VERSION);
#define XX(field) varint_put(out, (uint64_t)s->field);
    ANSWER_SUMS_MAP(XX)
#undef XX
}

static bool get_sum(const unsigned char **p, const unsigned char *end, int64_t *ret)
{
    uint64_t v;
    if (!varint_get(p, end, &v) || v > INT64_MAX)
        return false;
    *ret = (int64_t)v;
    return true;
}

int packed_get_answers(const void *data, size_t n, struct answer_sums *into, struct err *reterr)
{
    const unsigned char *p = data, *end = n ? p + n : p;
    struct answer_sums s = {0};
    bool ok = true;
    if (!has_version(&p, end, reterr))
        return -1;
#define XX(field) ok = ok && get_sum(&p, end, &s.field);
    ANSWER_SUMS_MAP(XX)
#undef XX
    if (!ok || p != end)
        return damaged(reterr);
    answer_sums_add(into, &s);
    return 0;
}

/* Each hour: p50 + 1, then what p95 and p99 are more than the one before. 0: it
 * has no runs. */
void packed_put_percentiles(struct str *out, const struct percentiles hours[static PACKED_HOURS])
{
    str_addc(out, VERSION);
    for (size_t i = 0; i < PACKED_HOURS; i++) {
        const struct percentiles *h = &hours[i];
        varint_put(out, (uint64_t)(h->p50_us + 1));
        if (h->p50_us < 0)
            continue;
        varint_put(out, (uint64_t)(h->p95_us - h->p50_us));
        varint_put(out, (uint64_t)(h->p99_us - h->p95_us));
    }
}

int packed_get_percentiles(const unsigned char **p, const unsigned char *end,
                           struct percentiles ret[static PACKED_HOURS], struct err *reterr)
{
    if (!has_version(p, end, reterr))
        return -1;
    for (size_t i = 0; i < PACKED_HOURS; i++) {
        uint64_t p50, p95, p99;
        ret[i] = (struct percentiles){-1, -1, -1};
        if (!varint_get(p, end, &p50) || p50 > TIME_MAX)
            return damaged(reterr);
        if (p50 == 0)
            continue;
        if (!varint_get(p, end, &p95) || p95 > TIME_MAX || !varint_get(p, end, &p99) ||
            p99 > TIME_MAX)
            return damaged(reterr);
        ret[i].p50_us = (int64_t)p50 - 1;
        ret[i].p95_us = ret[i].p50_us + (int64_t)p95;
        ret[i].p99_us = ret[i].p95_us + (int64_t)p99;
    }
    return 0;
}
