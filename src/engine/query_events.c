#include "engine/query_internal.h"

#include "base/mem.h"
#include "base/vec.h"

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
    if (!str_eq(t->objective_name, in->q->def->objective_name))
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

/* ---- failures and reasons --------------------------------------------------------- */

int query_step_failures(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    struct failure *f = mem_array(QUERY_FAILURES_MAX, sizeof(*f));
    size_t n = 0;
    int rc = store_reader_failures(q->reader, q->def->sli.probe, s->start_us, s->upto_us, f,
                                   QUERY_FAILURES_MAX, &n, reterr);
    if (rc == 0) {
        s->failures = arena_alloc(q->arena, (n + 1) * sizeof(*s->failures));
        s->failure_count = n;
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        s->failures[i] = (struct report_failure){.at_us = f[i].result.slot_us,
                                                 .reason = (enum reason)f[i].result.reason,
                                                 .code = f[i].result.code,
                                                 .message = arena_strdup(q->arena, f[i].message)};
    }
    free(f);
    return rc;
}

/* Silent slots that the objective takes for bad ones. */
static int count_silent_bad(const struct slo_query *q, int64_t *ret, struct err *reterr)
{
    struct counts c;
    *ret = 0;
    if (q->def->no_data != NO_DATA_BAD)
        return 0;
    if (slo_query_stored(q, q->out->start_us, q->out->upto_us, &c, reterr) < 0)
        return -1;
    *ret = c.silent;
    return 0;
}

/* Falling count; equal ones in the order of the enum. */
static void insert_reason(struct report_slo *s, struct report_reason r)
{
    size_t i = s->reason_count++;
    for (; i > 0 && s->reasons[i - 1].count < r.count; i--)
        s->reasons[i] = s->reasons[i - 1];
    s->reasons[i] = r;
}

int query_step_reasons(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    int64_t counts[REASON_COUNT] = {0}, silent;
    if (store_reader_reasons(q->reader, &q->def->sli, s->start_us, s->upto_us, counts, reterr) <
            0 ||
        count_silent_bad(q, &silent, reterr) < 0)
        return -1;
    counts[REASON_METRIC] += silent;
    for (int i = 0; i < REASON_COUNT; i++) {
        if (counts[i] > 0)
            insert_reason(s, (struct report_reason){(enum reason)i, counts[i]});
    }
    return 0;
}
