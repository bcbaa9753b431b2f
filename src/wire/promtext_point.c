/* The samples of one metric at one time: what a type allows of them, and what
 * must be there when they are over. */
#include "wire/promtext_internal.h"

#include <math.h>

static bool is_whole(double v)
{
    return isfinite(v) && v == floor(v);
}

static int value_fail(struct promtext *p, const struct sample_line *l, const char *rule)
{
    return promtext_fail(p, l->value_at, "%.*s %s; found %.17g",
                         l->series.name_len > 120 ? 120 : (int)l->series.name_len, l->series.name,
                         rule, l->value);
}

static int check_counter_value(struct promtext *p, const struct sample_line *l)
{
    return l->value >= 0 ? 0 : value_fail(p, l, "is a number from 0 on");
}

static int check_count(struct promtext *p, const struct sample_line *l)
{
    return l->value >= 0 && is_whole(l->value) ? 0 : value_fail(p, l, "is a whole number");
}

/* ---- samples that a label tells apart ------------------------------------------------------ */

static int member_fail(struct promtext *p, const struct series_label *label, const char *rule)
{
    return promtext_fail(p, label->name, "%.*s %s",
                         (int)(label->name_len > 60 ? 60 : label->name_len), label->name, rule);
}

static int member_twice(struct promtext *p, const struct sample_line *l, const char *text, size_t n)
{
    struct openmetrics *om = &p->reader->om;
    struct seen_key key = seen_key(SEEN_MEMBER, om->point.number);
    seen_mix(&key, text, n);
    return seen_add(&om->seen, key) ? 0 : promtext_fail(p, l->at, "this series comes twice");
}

static int check_bucket(struct promtext *p, const struct sample_line *l)
{
    struct point *point = &p->reader->om.point;
    const struct series_label *label = line_label(l, "le", 2);
    bool first = !(point->suffixes >> SUFFIX_BUCKET & 1);
    double le;
    if (!label)
        return promtext_fail(p, l->at, "a bucket has a label 'le'");
    if (number_read(label->value, label->value_len, &le) != NUMBER_OK || isnan(le))
        return member_fail(p, label, "is a number");
    if (isinf(le) && (label->value_len != 4 || memcmp(label->value, "+Inf", 4) != 0))
        return member_fail(p, label, "is written +Inf when it is infinite");
    if (check_count(p, l) < 0)
        return -1;
    if (!first && le <= point->le)
        return member_fail(p, label, "rises from bucket to bucket, and none comes twice");
    if (!first && l->value < point->bucket)
        return value_fail(p, l, "is at least as much as the bucket above: buckets are cumulative");
    point->le = le;
    point->bucket = l->value;
    point->negative_le |= le < 0;
    if (l->exemplar.at && !(l->exemplar.value <= le))
        return promtext_fail(p, l->exemplar.value_at, "the exemplar does not lie in its bucket");
    return 0;
}

static int check_quantile(struct promtext *p, const struct sample_line *l)
{
    const struct series_label *label = line_label(l, "quantile", 8);
    double q;
    if (!label)
        return promtext_fail(p, l->at,
                             "a summary's value has a label 'quantile'; others of its "
                             "samples end in _sum, _count or _created");
    if (number_read(label->value, label->value_len, &q) != NUMBER_OK || !(q >= 0 && q <= 1))
        return member_fail(p, label, "is a number from 0 to 1");
    if (l->value < 0)
        return value_fail(p, l, "is not negative");
    q += 0.0; /* -0 is 0 */
    return member_twice(p, l, (const char *)&q, sizeof(q));
}

static int check_state(struct promtext *p, const struct sample_line *l)
{
    const struct family *f = &p->reader->om.family;
    const struct series_label *label = line_label(l, f->name, f->len);
    if (!label)
        return promtext_fail(p, l->at, "a sample of a stateset has a label of the family's name");
    if (l->value != 0 && l->value != 1)
        return value_fail(p, l, "is 0 or 1");
    return member_twice(p, l, label->value, label->value_len);
}

/* ---- samples that there is one of ------------------------------------------------------------ */

/* `le` and `quantile` belong to buckets and quantiles alone. */
static int check_labels(struct promtext *p, const struct sample_line *l, enum suffix suffix)
{
    enum promtext_type type = p->reader->om.family.type;
    const struct series_label *label = NULL;
    if ((type == PROMTEXT_HISTOGRAM || type == PROMTEXT_GAUGEHISTOGRAM) && suffix != SUFFIX_BUCKET)
        label = line_label(l, "le", 2);
    if (type == PROMTEXT_SUMMARY && suffix != SUFFIX_NONE)
        label = line_label(l, "quantile", 8);
    return label ? member_fail(p, label, "is only a label of the values that it tells apart") : 0;
}

static int check_single(struct promtext *p, const struct sample_line *l, enum suffix suffix)
{
    struct point *point = &p->reader->om.point;
    switch (suffix) {
    case SUFFIX_TOTAL:
        return check_counter_value(p, l);
    case SUFFIX_CREATED:
        return isfinite(l->value) ? 0 : value_fail(p, l, "is a time in seconds");
    case SUFFIX_COUNT:
    case SUFFIX_GCOUNT:
        point->count = l->value;
        return check_count(p, l);
    case SUFFIX_SUM:
        point->sum = l->value;
        return check_counter_value(p, l);
    case SUFFIX_GSUM:
        point->sum = l->value;
        return isnan(l->value) ? value_fail(p, l, "is not NaN") : 0;
    case SUFFIX_INFO:
        return l->value == 1 ? 0 : value_fail(p, l, "is 1");
    default:
        return 0;
    }
}

static int check_exemplar(struct promtext *p, const struct sample_line *l, enum suffix suffix)
{
    if (!l->exemplar.at || suffix == SUFFIX_TOTAL || suffix == SUFFIX_BUCKET)
        return 0;
    return promtext_fail(p, l->exemplar.at,
                         "only totals of counters and buckets of histograms have exemplars");
}

int point_sample(struct promtext *p, const struct sample_line *l, enum suffix suffix)
{
    struct openmetrics *om = &p->reader->om;
    struct point *point = &om->point;
    enum promtext_type type = om->family.type;
    unsigned bit = 1U << suffix, before = point->suffixes;
    int rc;
    if (check_labels(p, l, suffix) < 0 || check_exemplar(p, l, suffix) < 0)
        return -1;
    if (suffix == SUFFIX_BUCKET)
        rc = check_bucket(p, l);
    else if (suffix == SUFFIX_NONE && type == PROMTEXT_SUMMARY)
        rc = check_quantile(p, l);
    else if (type == PROMTEXT_STATESET)
        rc = check_state(p, l);
    else if (before & bit)
        rc = promtext_fail(p, l->at, "this series comes twice");
    else
        rc = check_single(p, l, suffix);
    point->suffixes |= bit;
    return rc;
}

/* ---- at its end -------------------------------------------------------------------------- */

static int check_histogram(struct promtext *p, const struct point *point, enum promtext_type type)
{
    bool gauge = type == PROMTEXT_GAUGEHISTOGRAM;
    bool count = point->suffixes >> (gauge ? SUFFIX_GCOUNT : SUFFIX_COUNT) & 1;
    bool sum = point->suffixes >> (gauge ? SUFFIX_GSUM : SUFFIX_SUM) & 1;
    const char *names = gauge ? "_gsum and _gcount" : "_sum and _count";
    if (!(point->suffixes >> SUFFIX_BUCKET & 1) || !isinf(point->le))
        return promtext_fail(p, point->at, "the histogram that begins here has no bucket +Inf");
    if (count != sum)
        return promtext_fail(p, point->at,
                             "of the histogram that begins here only one of %s is there", names);
    if (count && point->count != point->bucket)
        return promtext_fail(p, point->at,
                             "of the histogram that begins here the count is %.17g, and the "
                             "bucket +Inf %.17g",
                             point->count, point->bucket);
    if (!gauge && sum && point->negative_le)
        return promtext_fail(p, point->at, "a histogram with buckets below 0 has no _sum");
    if (gauge && sum && point->sum < 0 && !point->negative_le)
        return promtext_fail(p, point->at,
                             "a histogram without buckets below 0 has no negative _gsum");
    return 0;
}

int point_end(struct promtext *p)
{
    struct openmetrics *om = &p->reader->om;
    struct point *point = &om->point;
    enum promtext_type type = om->family.type;
    if (!point->open)
        return 0;
    point->open = false;
    if (type == PROMTEXT_HISTOGRAM || type == PROMTEXT_GAUGEHISTOGRAM)
        return check_histogram(p, point, type);
    if (type == PROMTEXT_COUNTER && !(point->suffixes >> SUFFIX_TOTAL & 1))
        return promtext_fail(p, point->at, "the counter that begins here has no _total");
    return 0;
}
