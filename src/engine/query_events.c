#include "engine/query_internal.h"

#include "base/mem.h"
#include "base/vec.h"
#include "nines/store_reader.h"

/* ---- incidents ---------------------------------------------------------------- */

struct incidents {
    const struct slo_query *q;
    VEC(struct report_incident) list;
    bool open; /* the last one */
};

static void end_incident(struct incidents *in, int64_t at_us)
{
    struct report_incident *last = &in->list.at[in->list.len - 1];
    last->to_us = at_us;
    in->open = false;
    if (at_us <= in->q->out->start_us)
        in->list.len--; /* over before the window began */
}

static bool add_transition(void *ctx, const struct alert_transition *t)
{
    struct incidents *in = ctx;
    if (*t->condition || !str_eq(t->objective_name, in->q->def->objective_name))
        return true;
    if (!in->open && t->state.phase == ALERT_FIRING) {
        vec_push(&in->list, ((struct report_incident){.from_us = t->at_us}));
        in->open = true;
    }
    if (!in->open)
        return true;
    struct report_incident *last = &in->list.at[in->list.len - 1];
    if (t->severity > last->severity)
        last->severity = t->severity;
    if (t->kind == ALERT_EVENT_RESOLVE)
        end_incident(in, t->at_us);
    return true;
}

static int count_lost(const struct slo_query *q, struct report_incident *i, struct err *reterr)
{
    const struct report_slo *s = q->out;
    int64_t from = i->from_us > s->start_us ? i->from_us : s->start_us;
    int64_t to = i->to_us && i->to_us < s->upto_us ? i->to_us : s->upto_us;
    struct counts c = {0};
    /* Where results are gone only minutes are known: rounded out. */
    if (from < q->raw_since_us && from > s->start_us)
        from -= from % USEC_PER_MIN;
    if (to < q->raw_since_us && to < s->upto_us && to % USEC_PER_MIN)
        to += USEC_PER_MIN - to % USEC_PER_MIN;
    if (from < to && slo_query_counts(q, from, to, &c, reterr) < 0)
        return -1;
    i->bad = c.bad;
    return 0;
}

static int keep_incidents(struct slo_query *q, const struct incidents *in, struct err *reterr)
{
    struct report_slo *s = q->out;
    size_t n = in->list.len, skip = n > QUERY_INCIDENTS_MAX ? n - QUERY_INCIDENTS_MAX : 0;
    s->incidents = arena_alloc(q->arena, (n - skip + 1) * sizeof(*s->incidents));
    for (size_t i = skip; i < n; i++) {
        struct report_incident *kept = &s->incidents[s->incident_count++];
        *kept = in->list.at[i];
        if (count_lost(q, kept, reterr) < 0)
            return -1;
    }
    return 0;
}

/* From the first to fire to its resolution, as it was stored: what a replay
 * would say today does not matter to the people who were paged. */
int query_step_incidents(struct slo_query *q, struct err *reterr)
{
    struct incidents in = {.q = q};
    int rc = store_reader_transitions(q->reader, q->def->name, 0, q->out->upto_us + 1,
                                      add_transition, &in, reterr);
    if (rc == 0)
        rc = keep_incidents(q, &in, reterr);
    vec_release(&in.list);
    return rc;
}
