#include "sample.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/units.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define SLOS_MAX 64

static const struct tier_def default_tiers[] = {
    {SEVERITY_PAGE, 1 * USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 2},
    {SEVERITY_PAGE, 6 * USEC_PER_HOUR, 30 * USEC_PER_MIN, {6, 0}, 2},
    {SEVERITY_TICKET, 1 * USEC_PER_DAY, 2 * USEC_PER_HOUR, {3, 0}, 2},
    {SEVERITY_TICKET, 3 * USEC_PER_DAY, 6 * USEC_PER_HOUR, {1, 0}, 2},
};

/* Fractions from a counter: the same report on every machine. */
static double noise(unsigned long long i)
{
    return (double)(str_hash(&i, sizeof i) >> 11) / 9007199254740992.0;
}

struct span {
    int first, last; /* steps */
    double lost;     /* of each step's events; < 0: no data, > 1: excluded */
};

struct shape {
    const char *name, *service, *probe, *description;
    struct decimal target;
    struct window_def window;
    int64_t faster_than_us, start_us, end_us;
    int steps_from, steps, per_step; /* steps with data, events a step */
    double base_ms;
    struct span spans[8];
    enum sli_source source; /* SOURCE_RESULTS: one event a slot */
    const char *expression;
    int events; /* of a scrape */
};

static double lost_at(const struct shape *h, int step)
{
    for (size_t i = 0; i < 8 && h->spans[i].last > 0; i++) {
        if (step >= h->spans[i].first && step <= h->spans[i].last)
            return h->spans[i].lost;
    }
    return 0;
}

static void fill_point(struct report_point *p, const struct shape *h, int step)
{
    double lost = lost_at(h, step);
    p->p50_us = p->p95_us = p->p99_us = -1;
    p->expected = h->per_step;
    if (lost < 0 && h->source != SOURCE_RESULTS)
        p->counts.silent = h->per_step;
    if (step < h->steps_from || lost < 0)
        return;
    if (lost > 1) {
        p->counts.excluded = h->per_step;
        p->expected = 0;
        return;
    }
    p->observed = h->per_step;
    if (h->source != SOURCE_RESULTS) {
        p->counts.scrapes = h->per_step;
        p->counts.bad = llround(lost * h->per_step * h->events);
        p->counts.good = h->per_step * h->events - p->counts.bad;
        return;
    }
    p->counts.bad = llround(lost * h->per_step);
    if (!p->counts.bad && !h->steps_from && noise((unsigned)step * 7u + 3) > 0.985)
        p->counts.bad = 1;
    p->counts.good = h->per_step - p->counts.bad;
    double daily = 1 + 0.25 * sin(step * 2 * 3.14159265 / 24);
    double slow = lost > 0.02 ? 4 : 1;
    p->p50_us = llround(h->base_ms * 1000 * daily * slow * (0.9 + 0.2 * noise((unsigned)step)));
    p->p95_us = llround((double)p->p50_us * (2.4 + noise((unsigned)step * 3u)));
    p->p99_us = llround((double)p->p95_us * (1.6 + 2 * noise((unsigned)step * 5u)));
}

/* Budget and burn of each step from its counts: from all of the budget down to
 * the report's own remaining ratio. */
static void fill_curves(struct report_slo *s, const struct shape *h)
{
    double share = 1 - decimal_double(h->target);
    double allowed = 0, bad = 0;
    for (size_t i = 0; i < s->point_count; i++)
        allowed += share * (double)counts_total(s->points[i].counts);
    for (size_t i = 0; i < s->point_count; i++) {
        struct report_point *p = &s->points[i];
        int64_t total = counts_total(p->counts);
        bad += (double)p->counts.bad;
        p->has_budget = allowed > 0;
        p->budget_remaining = allowed > 0 ? 1 - bad / allowed : 0;
        p->has_burn = total > 0;
        p->burn = total ? (double)p->counts.bad / (double)total / share : 0;
    }
}

static void sum_up(struct report_slo *s)
{
    for (size_t i = 0; i < s->point_count; i++) {
        counts_add(&s->counts, s->points[i].counts);
        s->expected += s->points[i].expected;
        s->observed += s->points[i].observed;
    }
    if (!s->observed)
        return;
    double v = (double)counts_total(s->counts), share = 1 - decimal_double(s->def->target);
    double p = (double)s->counts.good / v, z = 1.959963984540054, z2 = z * z;
    double mid = (p + z2 / (2 * v)) / (1 + z2 / v);
    double half = z * sqrt(p * (1 - p) / v + z2 / (4 * v * v)) / (1 + z2 / v);
    s->has_sli = s->has_budget = true;
    s->has_confidence = s->source == SOURCE_RESULTS;
    s->sli = p;
    s->confidence_low = mid - half;
    s->confidence_high = fmin(mid + half, 1);
    s->allowed = share * v;
    s->projected = s->upto_us > s->start_us ? s->allowed * (double)(s->end_us - s->start_us) /
                                                  (double)(s->upto_us - s->start_us)
                                            : 0;
    s->use.spent = (uint128)s->counts.bad * 1000;
    s->use.allowed = (uint128)counts_total(s->counts) *
                     (uint128)(decimal_one_minus(s->def->target).n *
                               decimal_pow10(3 - decimal_one_minus(s->def->target).scale));
    s->consumed = (double)s->counts.bad;
    s->remaining = s->allowed - s->consumed;
    s->consumed_ratio = s->consumed / s->allowed;
    s->remaining_ratio = s->remaining / s->allowed;
}

static void fill_tables(struct report *r, struct report_slo *s, double burn)
{
    static const int64_t minutes[] = {5, 30, 60, 120, 360, 1440, 4320};
    s->burn_count = 7;
    for (size_t i = 0; i < 7; i++)
        s->burn[i] = (struct report_burn){minutes[i] * USEC_PER_MIN, s->has_sli,
                                          burn / sqrt(1 + (double)i * 2)};
    s->tier_count = 4;
    s->tiers = arena_alloc(&r->arena, 4 * sizeof *s->tiers);
    for (size_t i = 0; i < 4; i++) {
        double b = burn / (1 + (double)i * 0.8);
        bool firing = b >= decimal_double(default_tiers[i].factor);
        s->tiers[i] = (struct report_tier){default_tiers[i], firing, b, b * 1.1};
    }
    s->latency = (struct report_latency){
        .p50_us = -1, .p90_us = -1, .p95_us = -1, .p99_us = -1, .max_us = -1};
    if (s->source != SOURCE_RESULTS && s->counts.bad)
        s->reasons[s->reason_count++] = (struct report_reason){REASON_METRIC, s->counts.bad};
    if (!s->has_sli || s->source != SOURCE_RESULTS)
        return;
    s->latency = (struct report_latency){.count = s->observed,
                                         .censored = s->counts.bad,
                                         .p50_us = 12300,
                                         .p90_us = 31850,
                                         .p95_us = 48210,
                                         .p99_us = 512000,
                                         .max_us = 5000120,
                                         .p99_lower = s->counts.bad * 100 > s->observed};
    if (!s->counts.bad)
        return;
    int64_t main_part = s->counts.bad * 6 / 10;
    s->reasons[0] = (struct report_reason){REASON_STATUS, s->counts.bad - main_part / 2};
    s->reasons[1] = (struct report_reason){REASON_TTFB_TIMEOUT, main_part / 2};
    s->reason_count = main_part / 2 > 0 ? 2 : 1;
}

static void fill_events(struct report *r, struct report_slo *s, const struct shape *h)
{
    s->incidents = arena_alloc(&r->arena, 8 * sizeof *s->incidents);
    for (size_t i = 0; i < 8 && h->spans[i].last > 0; i++) {
        const struct span *n = &h->spans[i];
        if (n->lost <= 0.02 || n->lost > 1)
            continue;
        bool open = h->start_us + (n->last + 1) * s->step_us >= s->upto_us;
        s->incidents[s->incident_count++] = (struct report_incident){
            h->start_us + n->first * s->step_us + 11 * USEC_PER_MIN,
            open ? 0 : h->start_us + (n->last + 1) * s->step_us + 26 * USEC_PER_MIN,
            n->lost > 0.05 ? SEVERITY_PAGE : SEVERITY_TICKET,
            llround(n->lost * h->per_step * (n->last - n->first + 1))};
    }
    if (!s->counts.bad)
        return;
    s->failures = arena_alloc(&r->arena, 3 * sizeof *s->failures);
    s->failure_count = 3;
    s->failures[0] = (struct report_failure){s->upto_us - 95 * USEC_PER_SEC, REASON_STATUS, 503,
                                             "status 503, expected 200"};
    s->failures[1] = (struct report_failure){s->upto_us - 3700 * USEC_PER_SEC, REASON_TTFB_TIMEOUT,
                                             0, "no first byte within 5s of sending the request"};
    s->failures[2] = (struct report_failure){s->upto_us - 9000 * USEC_PER_SEC, REASON_JSON, 200,
                                             "$.checks.redis.status is \"degraded\", expected "
                                             "\"healthy\""};
}

#define DAY_START(days) (SAMPLE_AT_US - (days)*USEC_PER_DAY)

static const struct shape shapes[SAMPLE_KINDS] = {
    [SAMPLE_MET] = {"api-availability",
                    "agent-api",
                    "api-health",
                    "The API answers /health with 200 and reports itself healthy.",
                    {999, 3},
                    {WINDOW_ROLLING, 30 * USEC_PER_DAY, .text = "30d"},
                    0,
                    DAY_START(30),
                    SAMPLE_AT_US,
                    0,
                    720,
                    240,
                    9,
                    {{131, 133, 0.08}, {290, 301, 2}, {420, 424, -1}, {618, 618, 0.03}}},
    [SAMPLE_BREACHED] = {"chat-first-token",
                         "agent-api",
                         "chat-completions",
                         NULL,
                         {99, 2},
                         {WINDOW_ROLLING, 7 * USEC_PER_DAY, .text = "7d"},
                         500000,
                         DAY_START(7),
                         SAMPLE_AT_US,
                         0,
                         168,
                         240,
                         95,
                         {{20, 22, 0.04}, {70, 78, 0.12}, {158, 167, 0.31}}},
    [SAMPLE_AT_RISK] = {"execute-availability",
                        "agent-runtime",
                        "agent-execute",
                        NULL,
                        {995, 3},
                        {WINDOW_CALENDAR, .unit = CALENDAR_MONTH, .count = 1,
                         .timezone = "Europe/Berlin", .text = "1 month"},
                        0,
                        1793487600000000LL,
                        1796079600000000LL,
                        0,
                        481,
                        120,
                        41,
                        {{100, 103, 0.22}, {240, 250, 0.01}, {331, 333, 0.4}}},
    [SAMPLE_WARMING] = {"ready-new-region",
                        "agent-runtime",
                        "eu-west-readyz",
                        NULL,
                        {999, 3},
                        {WINDOW_ROLLING, 30 * USEC_PER_DAY, .text = "30d"},
                        0,
                        DAY_START(30),
                        SAMPLE_AT_US,
                        718,
                        720,
                        240,
                        14,
                        {{0}}},
    [SAMPLE_NO_DATA] = {"billing-webhook",
                        "billing",
                        "billing-hook",
                        NULL,
                        {99, 2},
                        {WINDOW_ROLLING, 7 * USEC_PER_DAY, .text = "7d"},
                        0,
                        DAY_START(7),
                        SAMPLE_AT_US,
                        168,
                        168,
                        240,
                        1,
                        {{0}}},
    [SAMPLE_HOSTILE] = {"</title><script>alert(1)</script>|*_`\"'",
                        "a,\"b\"\r\n=1+1",
                        "probe\033[31m\x01",
                        "\xff\xfe bad <b>bytes</b> @everyone \xe2\x80\xae",
                        {9, 1},
                        {WINDOW_ROLLING, USEC_PER_DAY, .text = "1d"},
                        1000,
                        DAY_START(1),
                        SAMPLE_AT_US,
                        0,
                        24,
                        60,
                        5,
                        {{3, 4, 0.5}}},
    [SAMPLE_RATIO] =
        {"api-errors",
         "agent-api",
         "api-metrics",
         "Requests that are not answered with a server error.",
         {999, 3},
         {WINDOW_ROLLING, 7 * USEC_PER_DAY, .text = "7d"},
         0,
         DAY_START(7),
         SAMPLE_AT_US,
         0,
         168,
         240,
         0,
         {{0, 40, 0.0004}, {41, 43, 0.013}, {44, 80, 0.0003}, {90, 92, -1}, {93, 167, 0.0002}},
         SOURCE_RATIO,
         "bad http_requests_total{status=~\"5..\"} of http_requests_total",
         53},
    [SAMPLE_COMPONENT] = {"api-redis",
                          "agent-api",
                          "api-ready",
                          NULL,
                          {99, 2},
                          {WINDOW_ROLLING, USEC_PER_DAY, .text = "1d"},
                          0,
                          DAY_START(1),
                          SAMPLE_AT_US,
                          0,
                          24,
                          60,
                          0,
                          {{5, 5, 0.2}, {12, 13, -1}},
                          SOURCE_COMPONENT,
                          "redis within 50ms",
                          1},
};

static enum slo_state state_of(enum sample_kind kind)
{
    static const enum slo_state states[] = {SLO_MET,     SLO_BREACHED, SLO_AT_RISK, SLO_WARMING,
                                            SLO_NO_DATA, SLO_MET,      SLO_AT_RISK, SLO_MET};
    return states[kind];
}

static void set_state(struct report_slo *s, enum sample_kind kind)
{
    s->state = state_of(kind);
    if (kind == SAMPLE_AT_RISK)
        s->exhausts_at_us = SAMPLE_AT_US + 52 * USEC_PER_HOUR;
    if (kind == SAMPLE_AT_RISK || kind == SAMPLE_MET)
        s->exhausts_earliest_us = SAMPLE_AT_US + 31 * USEC_PER_HOUR;
    if (kind == SAMPLE_AT_RISK)
        s->exhausts_latest_us = SAMPLE_AT_US + 90 * USEC_PER_HOUR;
    if (kind == SAMPLE_WARMING)
        s->not_started = s->expected - s->observed;
    else if (s->source != SOURCE_RESULTS)
        s->target_silent = s->counts.silent;
    else if (s->has_sli)
        s->prober_down = s->expected - s->observed;
    else
        s->target_silent = s->expected;
}

static void fill_annotations(struct report *r, struct report_slo *s, enum sample_kind kind)
{
    static const struct report_annotation deploys[] = {
        {DAY_START(6), "deploy", "api-health", "1.4.0 -> 1.5.0-rc1"},
        {DAY_START(5) - 8 * USEC_PER_HOUR, "note", "", "load test of the new pool"},
        {DAY_START(2), "deploy", "api-health", "1.5.0-rc1 -> 1.5.0"},
    };
    if (kind != SAMPLE_RATIO && kind != SAMPLE_HOSTILE)
        return;
    s->annotation_count = countof(deploys);
    s->annotations = arena_alloc(&r->arena, sizeof deploys);
    memcpy(s->annotations, deploys, sizeof deploys);
    if (kind == SAMPLE_HOSTILE)
        s->annotations[0].text = "</td><script>alert(2)</script> | \x1b[31m \xff";
}

static void fill_policy(struct slo_def *def, struct report_slo *s, enum sample_kind kind)
{
    static const struct policy_step steps[] = {
        {{5, 1}, "Each change is looked at twice.", false},
        {{1, 0}, "Only fixes until the budget is back.", true},
    };
    static const struct policy_step hostile[] = {
        {{1, 12}, "<script>alert(3)</script> | `x` \x1b[31m \xff", true}};
    bool breached = kind == SAMPLE_BREACHED;
    if (kind == SAMPLE_HOSTILE) {
        def->policy = (struct slo_policy){hostile, 1};
        s->policy_next = hostile;
    } else if (breached || kind == SAMPLE_AT_RISK) {
        def->policy = (struct slo_policy){steps, 2};
        s->policy = &steps[breached];
        s->policy_next = breached ? NULL : &steps[1];
    }
}

struct report_slo *sample_add(struct report *r, enum sample_kind kind)
{
    static const double burns[] = {0.42, 31.5, 1.6, 0, 0, 0.2, 0, 2};
    const struct shape *h = &shapes[kind];
    struct slo_def *def = arena_alloc(&r->arena, sizeof *def);
    char text[UNITS_MAX];

    assert(r->slo_count < SLOS_MAX);
    *def = (struct slo_def){.name = h->name,
                            .service = h->service,
                            .description = h->description,
                            .objective_name = "",
                            .target = h->target,
                            .window = h->window,
                            .alerting = true,
                            .tiers = default_tiers,
                            .tier_count = 4,
                            .sli = {.probe = h->probe, .faster_than_us = h->faster_than_us}};
    struct report_slo *s = &r->slos[r->slo_count++];
    *s = (struct report_slo){.def = def,
                             .source = h->source,
                             .expression = h->expression,
                             .budgeting_method = "Occurrences",
                             .start_us = h->start_us,
                             .end_us = h->end_us,
                             .step_us = USEC_PER_HOUR};
    if (h->faster_than_us)
        s->expression =
            arena_printf(&r->arena, "within %s", units_duration(text, h->faster_than_us));
    s->upto_us = h->end_us < SAMPLE_AT_US ? h->end_us : SAMPLE_AT_US;
    s->point_count = (size_t)h->steps;
    s->points = arena_alloc(&r->arena, s->point_count * sizeof *s->points);
    for (int i = 0; i < h->steps; i++) {
        s->points[i].at_us = h->start_us + i * s->step_us;
        fill_point(&s->points[i], h, i);
    }
    fill_curves(s, h);
    sum_up(s);
    fill_tables(r, s, burns[kind]);
    fill_events(r, s, h);
    set_state(s, kind);
    fill_annotations(r, s, kind);
    fill_policy(def, s, kind);
    if (kind == SAMPLE_HOSTILE)
        s->failures[0].message = "<img src=x onerror=alert(1)> | a\x1b]0;title\x07 \"quoted\"\n"
                                 "line two \xc0\xaf & \xf0\x9f\x94\xa5";
    return s;
}

void sample_init(struct report *r)
{
    *r = (struct report){.generated_at_us = SAMPLE_AT_US, .at_us = SAMPLE_AT_US};
    r->slos = arena_alloc(&r->arena, SLOS_MAX * sizeof *r->slos);
}

/* One that an alert opened, and is over; one that a person saw, and no alert. */
void sample_incidents(struct report *r)
{
    const int64_t began = SAMPLE_AT_US - 9 * USEC_PER_DAY + 15 * USEC_PER_SEC;
    const int64_t opened = SAMPLE_AT_US - 2 * USEC_PER_HOUR;
    struct incident_case *list = arena_alloc(&r->arena, 2 * sizeof(*list));
    struct incident_alert *alert = arena_alloc(&r->arena, sizeof(*alert));
    struct incident_note *note = arena_alloc(&r->arena, sizeof(*note));
    struct incident_spent *spent = arena_alloc(&r->arena, 2 * sizeof(*spent));
    const char **service = arena_alloc(&r->arena, sizeof(*service));
    service[0] = "agent-api";
    *alert = (struct incident_alert){
        .condition = "",
        .slo = r->slos[0].def->name,
        .objective_name = "",
        .service = "agent-api",
        .severity = SEVERITY_PAGE,
        .since_us = began + 45 * USEC_PER_SEC,
        .told_us = began + 45 * USEC_PER_SEC,
        .cleared_us = began + 25 * USEC_PER_MIN,
        .resolved_us = began + 30 * USEC_PER_MIN,
    };
    *note =
        (struct incident_note){opened + USEC_PER_MIN, "anna", "queue | grows <fast>, @ops told"};
    for (size_t i = 0; i < 2; i++)
        spent[i] = (struct incident_spent){r->slos[i].def, 24 + (int64_t)i, i == 0, 0.138888};
    list[0] = (struct incident_case){
        .incident = {.id = 3,
                     .title = r->slos[0].def->name,
                     .severity = SEVERITY_PAGE,
                     .opened_us = alert->since_us,
                     .opened_by = "",
                     .closed_us = alert->resolved_us,
                     .closed_by = "",
                     .services = {service, 1},
                     .alerts = alert,
                     .alert_count = 1},
        .times = {began, alert->told_us, alert->cleared_us, 45 * USEC_PER_SEC, 25 * USEC_PER_MIN,
                  true},
        .spent = spent,
        .spent_count = 2,
    };
    list[1] = (struct incident_case){
        .incident = {.id = 7,
                     .title = "answers in the wrong <language>",
                     .severity = SEVERITY_TICKET,
                     .opened_us = opened,
                     .opened_by = "anna",
                     .closed_by = "",
                     .notes = note,
                     .note_count = 1},
        .times = {opened - 10 * USEC_PER_MIN, opened, 0, 10 * USEC_PER_MIN, -1, false},
    };
    r->incidents = list;
    r->incident_count = 2;
    r->to_detect = (struct incident_mean){2, 322500000, 322500000};
    r->to_restore = (struct incident_mean){1, 25 * USEC_PER_MIN, 25 * USEC_PER_MIN};
}

void sample_all(struct report *r)
{
    sample_init(r);
    for (int k = SAMPLE_MET; k < SAMPLE_HOSTILE; k++)
        sample_add(r, (enum sample_kind)k);
    sample_incidents(r);
}

void sample_release(struct report *r)
{
    arena_release(&r->arena);
}
