#include "store/packed.h"

#include "base/varint.h"

#define VERSION 1
#define COUNT_MAX (INT64_MAX / 1024) /* sums of an hour's minutes cannot overflow */

static bool same(const struct counts *a, const struct counts *b)
{
    return a->good == b->good && a->bad == b->bad && a->excluded == b->excluded;
}

void packed_put_minutes(struct str *out, const struct counts minutes[static PACKED_MINUTES])
{
    str_addc(out, VERSION);
    for (size_t i = 0, run; i < PACKED_MINUTES; i += run) {
        run = 1;
        while (i + run < PACKED_MINUTES && same(&minutes[i], &minutes[i + run]))
            run++;
        varint_put(out, run);
        varint_put(out, (uint64_t)minutes[i].good);
        varint_put(out, (uint64_t)minutes[i].bad);
        varint_put(out, (uint64_t)minutes[i].excluded);
    }
}

static int damaged(struct err *reterr)
{
    return err_set(reterr, "a rollup is damaged");
}

/* Sets *p behind the version byte. */
static int begin(const unsigned char **p, const unsigned char *end, struct err *reterr)
{
    if (*p == end)
        return damaged(reterr);
    if (**p != VERSION)
        return err_set(reterr, "a rollup has the unknown version %d", **p);
    (*p)++;
    return 0;
}

static bool get_count(const unsigned char **p, const unsigned char *end, int64_t *ret)
{
    uint64_t v;
    if (!varint_get(p, end, &v) || v > COUNT_MAX)
        return false;
    *ret = (int64_t)v;
    return true;
}

int packed_get_minutes(const void *data, size_t n, struct counts ret[static PACKED_MINUTES],
                       struct err *reterr)
{
    const unsigned char *p = data, *end = n ? p + n : p;
    if (begin(&p, end, reterr) < 0)
        return -1;
    struct counts minutes[PACKED_MINUTES];
    size_t at = 0;
    while (at < PACKED_MINUTES) {
        int64_t run;
        struct counts c;
        if (!get_count(&p, end, &run) || !get_count(&p, end, &c.good) ||
            !get_count(&p, end, &c.bad) || !get_count(&p, end, &c.excluded))
            return damaged(reterr);
        if (run < 1 || run > (int64_t)(PACKED_MINUTES - at))
            return damaged(reterr);
        while (run-- > 0)
            minutes[at++] = c;
    }
    if (p != end)
        return damaged(reterr);
    memcpy(ret, minutes, sizeof(minutes));
    return 0;
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
    if (begin(&p, end, reterr) < 0)
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
