#include "engine/facts.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "engine/query.h"
#include "slo/budget.h"

#include <math.h>
#include <stdlib.h>

struct facts {
    struct store_reader *reader;
    const struct facts_wanted *w;
    struct arena *arena;
    struct alert_facts *out;
    struct alert_probe *probes; /* out's */
};

static bool in_time(const struct facts *f)
{
    return clock_mono_ns() < f->w->deadline_ns;
}

/* Of what is over: from the short window on that it fired in, which is where its failures are. */
static int64_t incident_from(const struct alert_transition *t)
{
    return t->since_us - t->tier.short_us;
}

/* Where the failures began that made the alert. */
static int64_t cause_from(const struct alert_transition *t)
{
    if (t->kind == ALERT_EVENT_RESOLVE)
        return incident_from(t);
    int64_t back = t->tier.long_us ? t->tier.long_us : FACTS_UNKNOWN_US;
    int64_t from = t->at_us - (back < FACTS_BACK_US ? back : FACTS_BACK_US);
    return t->since_us && t->since_us < from ? t->since_us : from;
}

/* ---- failing probes -------------------------------------------------------------- */

static struct report_failure *keep_failure(struct facts *f, int64_t at_us, enum reason reason,
                                           int code, const char *message)
{
    struct report_failure *kept = arena_alloc(f->arena, sizeof(*kept));
    *kept = (struct report_failure){at_us, reason, code, arena_strdup(f->arena, message)};
    return kept;
}

static void add_probe(struct facts *f, const char *id, const struct report_reason *reasons,
                      size_t n, const struct report_failure *evidence)
{
    struct report_reason *kept = arena_alloc(f->arena, (n + 1) * sizeof(*kept));
    for (size_t i = 0; i < n; i++)
        kept[i] = reasons[i];
    f->probes[f->out->probe_count++] =
        (struct alert_probe){arena_strdup(f->arena, id), kept, n, evidence};
}

static void take_part(struct facts *f, const struct report_slo *s)
{
    const struct report_failure *newest = NULL;
    if (s->reason_count == 0)
        return;
    if (s->failure_count > 0)
        newest = keep_failure(f, s->failures[0].at_us, s->failures[0].reason, s->failures[0].code,
                              s->failures[0].message);
    add_probe(f, s->def->sli.probe, s->reasons, s->reason_count, newest);
}

/* As a report of that time counts them: without what is excluded. */
static void read_part(struct facts *f, const struct slo_def *slo)
{
    const struct alert_transition *t = f->w->alert;
    struct query q = {
        .slo = slo->name, .from_us = cause_from(t), .to_us = t->at_us, .no_incidents = true};
    struct report *report;
    q.at_us = q.generated_at_us = q.to_us;
    if (!in_time(f) || query_report(f->w->config, f->reader, &q, &report, NULL) < 0)
        return;
    for (size_t i = 0; i < report->slo_count; i++)
        if (report->slos[i].def == slo)
            take_part(f, &report->slos[i]);
    query_report_free(report);
}

static int64_t failures_of(const struct alert_probe *p)
{
    int64_t sum = 0;
    for (size_t i = 0; i < p->reason_count; i++)
        sum += p->reasons[i].count;
    return sum;
}

static int worst_first(const void *a, const void *b)
{
    int64_t x = failures_of(a), y = failures_of(b);
    return x == y ? 0 : x < y ? 1 : -1;
}

static void read_parts(struct facts *f)
{
    const struct slo_def *slo = f->w->slo;
    f->probes = arena_alloc(f->arena, slo_part_count(slo) * sizeof(*f->probes));
    if (slo->member_count == 0)
        read_part(f, slo);
    for (size_t i = 0; i < slo->member_count; i++)
        read_part(f, slo->members[i].slo);
    if (f->out->probe_count > 1)
        qsort(f->probes, f->out->probe_count, sizeof(*f->probes), worst_first);
    f->out->probes = f->probes;
}

static int by_count(const void *a, const void *b)
{
    const struct report_reason *x = a, *y = b;
    return x->count == y->count ? (int)x->reason - (int)y->reason : x->count < y->count ? 1 : -1;
}

struct tally {
    const struct facts *f;
    struct report_reason reasons[REASON_COUNT];
    size_t kinds;
};

static bool count_failure(void *ctx, const struct result *r)
{
    struct tally *y = ctx;
    if (r->outcome == OUTCOME_BAD) {
        struct report_reason *one = &y->reasons[r->reason];
        one->reason = (enum reason)r->reason;
        y->kinds += one->count++ == 0;
    }
    return in_time(y->f);
}

/* Of a probe itself, where no SLI counts reasons. */
static void read_probe(struct facts *f, const struct probe_def *probe)
{
    const struct alert_transition *t = f->w->alert;
    struct tally y = {.f = f};
    struct failure newest;
    size_t n = 0;
    if (store_reader_results(f->reader, probe->id, cause_from(t), t->at_us, count_failure, &y,
                             NULL) < 0 ||
        y.kinds == 0 || !in_time(f) ||
        store_reader_failures(f->reader, probe->id, cause_from(t), t->at_us, &newest, 1, &n, NULL) <
            0)
        return;
    qsort(y.reasons, REASON_COUNT, sizeof(*y.reasons), by_count);
    f->out->probes = f->probes = arena_alloc(f->arena, sizeof(*f->probes));
    add_probe(f, probe->id, y.reasons, y.kinds,
              n == 0 ? NULL
                     : keep_failure(f, newest.result.slot_us, (enum reason)newest.result.reason,
                                    newest.result.code, newest.message));
}

/* ---- the rest -------------------------------------------------------------------- */

static bool keep_deploy(void *ctx, const struct annotation *a)
{
    struct facts *f = ctx;
    const struct slo_def *slo = f->w->slo;
    bool foreign = slo ? query_is_foreign(f->w->config, slo, a->probe)
                       : a->probe[0] && !str_eq(a->probe, f->w->probe->id);
    if (!str_eq(a->kind, "deploy") || foreign)
        return true;
    struct annotation *kept = arena_alloc(f->arena, sizeof(*kept));
    *kept = (struct annotation){.at_us = a->at_us,
                                .kind = "deploy",
                                .probe = arena_strdup(f->arena, a->probe),
                                .text = arena_strdup(f->arena, a->text)};
    f->out->deploy = kept;
    return true;
}

/* The last one before it began, or a later one while it goes on. */
static void read_deploy(struct facts *f)
{
    const struct alert_transition *t = f->w->alert;
    if (in_time(f))
        store_reader_annotations(f->reader, t->at_us - FACTS_DEPLOY_US, t->at_us + 1, keep_deploy,
                                 f, NULL);
}

static const struct report_slo *find(const struct report *r, const struct slo_def *slo)
{
    for (size_t i = 0; i < r->slo_count; i++)
        if (r->slos[i].def == slo)
            return &r->slos[i];
    return NULL;
}

static void read_outlook(struct facts *f)
{
    const struct facts_wanted *w = f->w;
    struct query q = {.slo = w->slo->name, .at_us = w->alert->at_us, .brief = true};
    struct report *report;
    q.generated_at_us = q.at_us;
    if (!in_time(f) || query_report(w->config, f->reader, &q, &report, NULL) < 0)
        return;
    const struct report_slo *s = find(report, w->slo);
    f->out->exhausts_at_us = s ? s->exhausts_at_us : 0;
    query_report_free(report);
}

/* What an incident lost, of the budget as it is when it ends. */
static void read_cost(struct facts *f)
{
    const struct facts_wanted *w = f->w;
    struct report_slo now = {0};
    struct query q = {.slo = w->slo->name,
                      .from_us = incident_from(w->alert),
                      .to_us = w->alert->at_us,
                      .brief = true};
    struct report *report;
    q.at_us = q.generated_at_us = q.to_us;
    budget_fill(&now, w->use, 0);
    if (!now.has_budget || q.from_us >= q.to_us || !in_time(f) ||
        query_report(w->config, f->reader, &q, &report, NULL) < 0)
        return;
    const struct report_slo *s = find(report, w->slo);
    if (s) {
        f->out->has_lost = true;
        f->out->lost = llround(s->consumed);
        f->out->lost_ratio = s->consumed / now.allowed;
    }
    query_report_free(report);
}

static void read_incident(struct facts *f)
{
    if (in_time(f))
        store_reader_incident_of(f->reader, f->w->alert, &f->out->incident, NULL);
}

void facts_read(struct store_reader *r, const struct facts_wanted *w, struct arena *arena,
                struct alert_facts *ret)
{
    struct facts f = {.reader = r, .w = w, .arena = arena, .out = ret};
    bool over = w->alert->kind == ALERT_EVENT_RESOLVE,
         condition = w->alert->condition && w->alert->condition[0];
    read_incident(&f);
    if (!w->slo && !w->probe)
        return;
    if (w->slo)
        read_parts(&f);
    else
        read_probe(&f, w->probe);
    read_deploy(&f);
    if (!w->slo || condition)
        return;
    if (over)
        read_cost(&f);
    else
        read_outlook(&f);
}
