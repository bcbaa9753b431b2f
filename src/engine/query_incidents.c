/* Incidents of a report, and what each took of the budgets. */
#include "engine/excluding.h"
#include "engine/incidents.h"
#include "engine/query_internal.h"

#include "base/mem.h"
#include "base/units.h"
#include "slo/budget.h"

#include <string.h>

/* ---- which ---------------------------------------------------------------------- */

/* The end of what it spends; INT64_MAX: it goes on. */
static int64_t end_of(const struct incident_case *c)
{
    return c->times.restored_us    ? c->times.restored_us
           : c->incident.closed_us ? c->incident.closed_us
                                   : INT64_MAX;
}

static int64_t start_of(const struct incident_case *c)
{
    return c->times.began_us ? c->times.began_us : c->incident.opened_us;
}

static bool is_wanted(const struct incident_case *c, int64_t from_us, int64_t at_us)
{
    return start_of(c) < at_us && end_of(c) > from_us;
}

int query_read_incidents(struct report *report, struct store_reader *r, int64_t from_us,
                         struct err *reterr)
{
    struct incident_case *all;
    size_t n;
    if (incidents_list(r, from_us, &report->arena, &all, &n, reterr) < 0)
        return -1;
    report->incidents = all;
    for (size_t i = 0; i < n; i++) {
        if (incidents_time(r, report->config, report->excluding, &all[i], reterr) < 0)
            return -1;
        if (is_wanted(&all[i], from_us, report->at_us))
            report->incidents[report->incident_count++] = all[i];
    }
    return 0;
}

/* ---- what they spent ------------------------------------------------------------- */

/* Of the window, between instants where what is left of old results is known. */
static bool span_of(const struct slo_query *q, const struct incident_case *c, int64_t *from,
                    int64_t *to)
{
    const struct report_slo *s = q->whole ? q->whole->out : q->out;
    *from = start_of(c) > s->start_us ? start_of(c) : s->start_us;
    *to = end_of(c) < s->upto_us ? end_of(c) : s->upto_us;
    if (*from > s->start_us)
        *from -= *from % USEC_PER_MIN;
    if (*to < s->upto_us && *to % USEC_PER_MIN)
        *to += USEC_PER_MIN - *to % USEC_PER_MIN;
    if (*from < s->start_us)
        *from = s->start_us;
    if (*to > s->upto_us)
        *to = s->upto_us;
    return *from < *to;
}

static bool concerns(const struct slo_query *q, const struct incident_case *c)
{
    return incidents_concern(&c->incident, q->whole ? q->whole->def : q->def);
}

void query_incident_instants(struct slo_query *q)
{
    const struct slo_query *of = q->whole ? q->whole : q;
    for (size_t i = 0; i < of->incident_count; i++) {
        int64_t from, to;
        if (!concerns(q, &of->incidents[i]) || !span_of(q, &of->incidents[i], &from, &to))
            continue;
        vec_push(&q->instants, from);
        vec_push(&q->instants, to);
    }
}

static void add_spent(struct slo_query *q, struct incident_case *c, int64_t bad)
{
    const struct report_slo *s = q->out;
    struct incident_spent *list = arena_alloc(q->arena, (c->spent_count + 1) * sizeof(*c->spent));
    if (c->spent_count)
        memcpy(list, c->spent, c->spent_count * sizeof(*c->spent));
    list[c->spent_count++] = (struct incident_spent){
        .def = q->def,
        .bad = bad,
        .has_ratio = s->has_budget && !q->member_count,
        .ratio = budget_consumed(budget_use_with(s->use, bad)),
    };
    c->spent = list;
}

int query_step_spent(struct slo_query *q, struct err *reterr)
{
    for (size_t i = 0; i < q->incident_count; i++) {
        struct incident_case *c = &q->incidents[i];
        struct counts judged;
        int64_t from, to;
        if (!concerns(q, c) || !span_of(q, c, &from, &to))
            continue;
        if (slo_query_judged(q, from, to, &judged, reterr) < 0)
            return -1;
        if (judged.bad > 0)
            add_spent(q, c, judged.bad);
    }
    return 0;
}

/* ---- at the end ------------------------------------------------------------------- */

/* One about objectives that were not asked for is not of this report. */
static bool is_of(const struct report *report, const struct incident *in)
{
    for (size_t i = 0; i < report->slo_count; i++)
        if (incidents_concern(in, report->slos[i].def))
            return true;
    return in->slos.n == 0 && in->services.n == 0;
}

void query_end_incidents(struct report *report, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < report->incident_count; i++)
        if (all || is_of(report, &report->incidents[i].incident))
            report->incidents[kept++] = report->incidents[i];
    report->incident_count = kept;
    report->to_detect = incidents_mean(report->incidents, kept, false);
    report->to_restore = incidents_mean(report->incidents, kept, true);
}
