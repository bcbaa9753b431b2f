#include "engine/incidents.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "engine/excluding.h"
#include "engine/sieved.h"
#include "nines/config.h"
#include "slo/expected.h"
#include "slo/incidents.h"

#include <stdlib.h>

#define LOOK_BACK_MAX_US (90 * USEC_PER_DAY) /* no tier is longer */

int incidents_list(struct store_reader *r, int64_t since_us, struct arena *arena,
                   struct incident_case **ret, size_t *ret_n, struct err *reterr)
{
    struct incident *list;
    if (store_reader_incidents(r, since_us, arena, &list, ret_n, reterr) < 0)
        return -1;
    *ret = arena_alloc(arena, (*ret_n + 1) * sizeof(**ret));
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i].incident = list[i];
    return 0;
}

/* ---- when trouble began --------------------------------------------------------------- */

/* The events of one part of an objective. */
struct past {
    struct store_reader *reader;
    const struct slo_def *part;
    struct sieve sieve;
    int64_t raw_since_us;
};

static int is_bad(struct past *p, int64_t from_us, int64_t to_us, bool *ret, struct err *reterr)
{
    struct counts c;
    if (sieved_counts(p->reader, &p->part->sli, &p->sieve, from_us, to_us, &c, reterr) < 0)
        return -1;
    *ret = slo_apply_no_data(p->part, c).bad > 0;
    return 0;
}

/* The first bad event of a minute; where results are gone only minutes are known. */
static int find_slot(struct past *p, int64_t minute_us, int64_t *ret, struct err *reterr)
{
    int64_t low = minute_us, high = minute_us + USEC_PER_MIN;
    while (minute_us >= p->raw_since_us && high - low > 1) {
        int64_t mid = low + (high - low) / 2;
        bool bad;
        if (is_bad(p, minute_us, mid, &bad, reterr) < 0)
            return -1;
        if (bad)
            high = mid;
        else
            low = mid;
    }
    *ret = low;
    return 0;
}

/*
 * Back from where it fired, as long as there was a bad event at least as often as the short
 * window is long, and not before the long window. 0: there was none.
 */
static int look_back(struct past *p, const struct incident_alert *a, int64_t *ret,
                     struct err *reterr)
{
    int64_t long_us = a->long_us < LOOK_BACK_MAX_US ? a->long_us : LOOK_BACK_MAX_US;
    int64_t from = (a->fired_us - long_us) / USEC_PER_MIN;
    int64_t to = (a->fired_us + USEC_PER_MIN - 1) / USEC_PER_MIN;
    from = from > 0 ? from : 0;
    size_t n = (size_t)(to - from), first = n;
    int64_t *edges = mem_array(n + 1, sizeof(*edges));
    struct counts *c = mem_array(n + 1, sizeof(*c));
    for (size_t i = 0; i <= n; i++)
        edges[i] = (from + (int64_t)i) * USEC_PER_MIN;
    int rc = sieved_cells(p->reader, &p->part->sli, &p->sieve, edges, n, c, reterr);
    for (size_t i = n; rc == 0 && i-- > 0;) {
        if (edges[first] - edges[i + 1] > a->short_us)
            break;
        if (slo_apply_no_data(p->part, c[i]).bad > 0)
            first = i;
    }
    *ret = 0;
    if (rc == 0 && first < n)
        rc = find_slot(p, edges[first], ret, reterr);
    free(edges);
    free(c);
    return rc;
}

static int look_at(struct past *p, const struct incident_alert *a, int64_t *earliest_us,
                   struct err *reterr)
{
    struct store_probe known = {0};
    int64_t at;
    int found = store_reader_probe(p->reader, p->part->sli.probe, &known, reterr);
    if (found <= 0)
        return found;
    p->raw_since_us = known.raw_since_us;
    revisions_free(known.revisions, known.revision_count);
    if (look_back(p, a, &at, reterr) < 0)
        return -1;
    if (at && (!*earliest_us || at < *earliest_us))
        *earliest_us = at;
    return 0;
}

static int look_at_part(struct store_reader *r, const struct slo_def *slo, size_t part,
                        const struct excluding *x, const struct incident_alert *a,
                        int64_t *earliest_us, struct err *reterr)
{
    struct past p = {.reader = r, .part = slo_part(slo, part)};
    const struct exclusions *set = x ? excluding_of_part(x, slo, part) : NULL;
    p.sieve = sieve_make(set, p.part);
    int rc = look_at(&p, a, earliest_us, reterr);
    exclusions_unref(set);
    return rc;
}

static const struct slo_def *find_slo(const struct config *cfg, const struct incident_alert *a)
{
    for (size_t i = 0; i < cfg->slo_count; i++)
        if (str_eq(cfg->slos[i]->name, a->slo) &&
            str_eq(cfg->slos[i]->objective_name, a->objective_name))
            return cfg->slos[i];
    return NULL;
}

int incidents_time(struct store_reader *r, const struct config *cfg, const struct excluding *x,
                   struct incident_case *c, struct err *reterr)
{
    int64_t earliest = 0;
    for (size_t i = 0; !c->incident.began_us && i < c->incident.alert_count; i++) {
        const struct incident_alert *a = &c->incident.alerts[i];
        const struct slo_def *slo = a->long_us ? find_slo(cfg, a) : NULL;
        for (size_t part = 0; slo && part < slo_part_count(slo); part++)
            if (look_at_part(r, slo, part, x, a, &earliest, reterr) < 0)
                return -1;
    }
    c->times = incident_times(&c->incident, earliest);
    return 0;
}

/* ---- several -------------------------------------------------------------------------- */

static bool has_name(const struct string_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_eq(list->at[i], name))
            return true;
    return false;
}

bool incidents_concern(const struct incident *in, const struct slo_def *slo)
{
    bool is = has_name(&in->slos, slo->name) || has_name(&in->services, slo->service);
    for (size_t i = 0; !is && i < in->alert_count; i++)
        is = str_eq(in->alerts[i].slo, slo->name);
    return is;
}

struct incident_mean incidents_mean(const struct incident_case *list, size_t n, bool restore)
{
    int64_t *spans = mem_array(n + 1, sizeof(*spans));
    size_t known = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t span = restore ? list[i].times.restore_us : list[i].times.detect_us;
        if (span >= 0)
            spans[known++] = span;
    }
    struct incident_mean m = incident_mean(spans, known);
    free(spans);
    return m;
}
