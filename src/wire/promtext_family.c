/*
 * What the lines of an OpenMetrics page mean together. A family is settled when
 * its first sample comes or it is over: then its metadata is complete, and the
 * names that its samples may have are claimed for it. Its samples are grouped by
 * metric (a set of labels) and by point (a time).
 */
#include "base/mem.h"
#include "wire/promtext_internal.h"

static const struct {
    const char *text;
    size_t n;
} suffix_texts[SUFFIXES] = {
    [SUFFIX_NONE] = {"", 0},
    [SUFFIX_TOTAL] = {"_total", 6},
    [SUFFIX_CREATED] = {"_created", 8},
    [SUFFIX_BUCKET] = {"_bucket", 7},
    [SUFFIX_COUNT] = {"_count", 6},
    [SUFFIX_SUM] = {"_sum", 4},
    [SUFFIX_GCOUNT] = {"_gcount", 7},
    [SUFFIX_GSUM] = {"_gsum", 5},
    [SUFFIX_INFO] = {"_info", 5},
};

#define BIT(s) (1U << SUFFIX_##s)

static const unsigned type_suffixes[PROMTEXT_TYPES] = {
    [PROMTEXT_UNTYPED] = BIT(NONE),
    [PROMTEXT_COUNTER] = BIT(TOTAL) | BIT(CREATED),
    [PROMTEXT_GAUGE] = BIT(NONE),
    [PROMTEXT_HISTOGRAM] = BIT(BUCKET) | BIT(COUNT) | BIT(SUM) | BIT(CREATED),
    [PROMTEXT_SUMMARY] = BIT(NONE) | BIT(COUNT) | BIT(SUM) | BIT(CREATED),
    [PROMTEXT_GAUGEHISTOGRAM] = BIT(BUCKET) | BIT(GCOUNT) | BIT(GSUM),
    [PROMTEXT_STATESET] = BIT(NONE),
    [PROMTEXT_INFO] = BIT(INFO),
};

#define NAME_SHOWN 120

static int width(size_t n)
{
    return n > NAME_SHOWN ? NAME_SHOWN : (int)n;
}

/* No name, of a family or of a sample that one of its type can have, is
 * another family's. */
static bool claim_name(struct openmetrics *om, const char *name, size_t n)
{
    struct seen_key key = seen_key(SEEN_NAME, 0);
    seen_mix(&key, name, n);
    return seen_add(&om->seen, key);
}

/* ---- metadata -------------------------------------------------------------------------- */

static int family_begin(struct promtext *p, const char *line, const char *name, size_t len)
{
    struct openmetrics *om = &p->reader->om;
    if (family_end(p) < 0)
        return -1;
    om->family =
        (struct family){.name = name, .len = len, .at = line, .number = om->family.number + 1};
    if (*name == '_')
        return promtext_fail(p, name, "names that begin with '_' are reserved");
    if (!claim_name(om, name, len))
        return promtext_fail(p, name,
                             "'%.*s' is a name of an earlier family; a family stands together, "
                             "its metadata first",
                             width(len), name);
    return 0;
}

/* `unit` and how long it is are behind the name in its line. */
static int check_unit(struct promtext *p, const struct family *f, const char *unit, size_t n)
{
    bool suffix = f->len > n + 1 && f->name[f->len - n - 1] == '_' &&
                  memcmp(f->name + f->len - n, unit, n) == 0;
    if (!suffix)
        return promtext_fail(p, unit, "the unit '%.*s' is not the last part of the name '%.*s'",
                             width(n), unit, width(f->len), f->name);
    return 0;
}

static int take_type(struct promtext *p, struct family *f, const char *text, size_t n)
{
    enum promtext_type type = PROMTEXT_UNTYPED;
    if (n != strlen("unknown") || memcmp(text, "unknown", n) != 0) {
        type = type_of_word(text, n);
        if (type == PROMTEXT_UNTYPED || type == PROMTEXT_TYPES)
            return promtext_fail(p, text,
                                 "'%.*s' is not a type; there are counter, gauge, histogram, "
                                 "gaugehistogram, summary, stateset, info and unknown",
                                 width(n), text);
    }
    f->type = type;
    return 0;
}

int family_meta(struct promtext *p, const char *line, enum meta what, const char *name, size_t len,
                const char *text, size_t n)
{
    static const char *const names[METAS] = {"TYPE", "UNIT", "HELP"};
    struct family *f = &p->reader->om.family;
    bool same = f->name && f->len == len && memcmp(f->name, name, len) == 0;
    if ((!same || f->settled) && family_begin(p, line, name, len) < 0)
        return -1;
    if (n == 0 && what != META_TYPE)
        return 0; /* as if it were not there */
    if (f->meta[what])
        return promtext_fail(p, line, "a second %s of '%.*s'", names[what], width(len), name);
    f->meta[what] = line;
    if (what == META_TYPE)
        return take_type(p, f, text, n);
    return what == META_UNIT ? check_unit(p, f, text, n) : 0;
}

/* ---- names of samples ---------------------------------------------------------------------- */

/* All metadata is there. */
static int family_settle(struct promtext *p)
{
    struct openmetrics *om = &p->reader->om;
    struct family *f = &om->family;
    f->settled = true;
    if (f->meta[META_UNIT] && (f->type == PROMTEXT_INFO || f->type == PROMTEXT_STATESET))
        return promtext_fail(p, f->meta[META_UNIT], "%s has no unit",
                             f->type == PROMTEXT_INFO ? "an info" : "a stateset");
    int rc = 0;
    for (enum suffix i = SUFFIX_NONE + 1; i < SUFFIXES; i++) {
        if (!(type_suffixes[f->type] >> i & 1))
            continue;
        char few[256];
        size_t n = f->len + suffix_texts[i].n;
        char *name = n > sizeof(few) ? mem_alloc(n) : few;
        memcpy(name, f->name, f->len);
        memcpy(name + f->len, suffix_texts[i].text, suffix_texts[i].n);
        if (!claim_name(om, name, n))
            rc = promtext_fail(p, f->at, "'%.*s', a sample's name here, is one of another family",
                               width(n), name);
        if (name != few)
            free(name);
    }
    return rc;
}

int family_end(struct promtext *p)
{
    struct openmetrics *om = &p->reader->om;
    if (point_end(p) < 0)
        return -1;
    om->in_metric = false;
    if (om->family.name && !om->family.settled)
        return family_settle(p);
    return 0;
}

/* The suffix by which a sample belongs to the family; SUFFIXES: it does not. */
static enum suffix suffix_of(const struct family *f, const char *name, size_t n)
{
    if (!f->name || n < f->len || memcmp(name, f->name, f->len) != 0)
        return SUFFIXES;
    name += f->len;
    n -= f->len;
    for (enum suffix i = 0; i < SUFFIXES; i++) {
        if (type_suffixes[f->type] >> i & 1 && suffix_texts[i].n == n &&
            memcmp(suffix_texts[i].text, name, n) == 0)
            return i;
    }
    return SUFFIXES;
}

static int wrong_name(struct promtext *p, const char *at)
{
    const struct family *f = &p->reader->om.family;
    char list[128];
    size_t n = 0;
    for (enum suffix i = 0; i < SUFFIXES; i++) {
        if (type_suffixes[f->type] >> i & 1)
            n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "",
                                  suffix_texts[i].text);
    }
    return promtext_fail(p, at, "samples of the %s '%.*s' end in %s", promtext_type_name(f->type),
                         width(f->len), f->name, list);
}

/* ---- metrics ------------------------------------------------------------------------------- */

const struct series_label *line_label(const struct sample_line *l, const char *name, size_t n)
{
    for (size_t i = 0; i < l->series.label_count; i++) {
        const struct series_label *label = &l->series.labels[i];
        if (label->name_len == n && memcmp(label->name, name, n) == 0)
            return label;
    }
    return NULL;
}

const struct series_label *member_label(const struct family *f, const struct sample_line *l,
                                        enum suffix suffix)
{
    if (suffix == SUFFIX_BUCKET)
        return line_label(l, "le", 2);
    if (suffix == SUFFIX_NONE && f->type == PROMTEXT_SUMMARY)
        return line_label(l, "quantile", 8);
    return f->type == PROMTEXT_STATESET ? line_label(l, f->name, f->len) : NULL;
}

/* Empty labels are the same as none. */
static struct seen_key metric_key(const struct family *f, const struct sample_line *l,
                                  const struct series_label *member)
{
    struct seen_key key = seen_key(SEEN_METRIC, f->number);
    for (size_t i = 0; i < l->series.label_count; i++) {
        const struct series_label *label = &l->series.labels[i];
        if (label == member || label->value_len == 0)
            continue;
        seen_mix_label(&key, label);
    }
    return key;
}

/* The sample begins a metric, or a later point of the one that we are in. */
static int enter(struct promtext *p, const struct sample_line *l, const struct seen_key *key)
{
    struct openmetrics *om = &p->reader->om;
    struct point *point = &om->point;
    bool same = om->in_metric && seen_same(&om->metric, key);
    if (same && point->open) {
        if (l->has_time != point->has_time)
            return promtext_fail(p, l->at,
                                 "of the samples of one metric either all or none have "
                                 "a timestamp");
        if (!l->has_time || l->time_ps == point->time_ps)
            return 0;
        if (l->time_ps < point->time_ps)
            return promtext_fail(p, l->time_at, "the timestamp is before that of the point above");
    }
    if (point_end(p) < 0)
        return -1;
    /* Where we are needs no remembering: most families have one metric. */
    if (!same && om->in_metric)
        seen_add(&om->seen, om->metric);
    if (!same && seen_has(&om->seen, *key))
        return promtext_fail(p, l->at,
                             "a metric with these labels stood here before: a series "
                             "comes once, and the samples of a metric stand together");
    om->metric = *key;
    om->in_metric = true;
    *point = (struct point){.open = true,
                            .at = l->at,
                            .has_time = l->has_time,
                            .time_ps = l->time_ps,
                            .number = ++om->points};
    return 0;
}

int family_sample(struct promtext *p, const struct sample_line *l, enum promtext_type *ret)
{
    struct openmetrics *om = &p->reader->om;
    struct family *f = &om->family;
    const char *name = l->series.name;
    size_t n = l->series.name_len;
    enum suffix suffix = suffix_of(f, name, n);
    if (suffix == SUFFIXES) {
        if (f->name && f->len == n && memcmp(f->name, name, n) == 0)
            return wrong_name(p, l->at);
        if (family_begin(p, l->at, name, n) < 0)
            return -1;
        suffix = SUFFIX_NONE;
    }
    if (!f->settled && family_settle(p) < 0)
        return -1;
    struct seen_key key = metric_key(f, l, member_label(f, l, suffix));
    if (enter(p, l, &key) < 0 || point_sample(p, l, suffix) < 0)
        return -1;
    *ret = f->type;
    return 0;
}
