#include "fixture.h"

#include "base/clock.h"
#include "base/mem.h"

#define NOW_US 1790000000123456

static const struct probe_kind kind = {.name = "http"};
static const struct probe_kind scraped = {.name = "health", .samples = true};
static const struct probe_kind asked = {.name = "agent", .answers = true};
static const struct sli_metric metric = {.kind = SLI_THRESHOLD};

static const struct tier_def tiers[] = {
    {SEVERITY_PAGE, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 2},
    {SEVERITY_TICKET, 3 * USEC_PER_DAY, 6 * USEC_PER_HOUR, {1, 0}, 2},
};

static struct probe_def *make_probe(struct arena *a, const char *id)
{
    struct probe_def *p = arena_alloc(a, sizeof(*p));

    p->id = id;
    p->kind = &kind;
    p->interval_us = 15 * USEC_PER_SEC;
    p->timeout_us = 5 * USEC_PER_SEC;
    return p;
}

static struct slo_def *make_slo(struct arena *a, const char *name)
{
    struct slo_def *s = arena_alloc(a, sizeof(*s));

    s->name = name;
    s->service = "agent \"api\"\n\\ core";
    s->objective_name = "";
    s->target = (struct decimal){999, 3};
    s->tiers = tiers;
    s->tier_count = countof(tiers);
    return s;
}

struct config *fixture_config(void)
{
    struct config *c = mem_alloc(sizeof(*c));

    c->refs = 1;
    c->file_count = 2;
    c->slo_count = 3;
    c->probe_count = 4;
    c->probes = mem_array(c->probe_count, sizeof(*c->probes));
    c->slos = mem_array(3, sizeof(*c->slos));
    c->probes[0] = make_probe(&c->arena, "api-health");
    c->probes[1] = make_probe(&c->arena, "fresh");
    c->slos[0] = make_slo(&c->arena, "api-availability");
    c->slos[1] = make_slo(&c->arena, "empty");
    struct probe_def *ready = make_probe(&c->arena, "api-ready");
    struct slo_def *redis = make_slo(&c->arena, "api-redis");
    ready->kind = &scraped;
    redis->sli = (struct sli_def){.probe = "api-ready", .metric = &metric};
    c->probes[2] = ready;
    c->probes[3] = make_probe(&c->arena, "chat");
    c->probes[3]->kind = &asked;
    c->daemon.prices.currency = "USD";
    c->slos[2] = redis;
    return c;
}

/* By hand: the kinds in it know no release. */
void fixture_config_free(struct config *c)
{
    arena_release(&c->arena);
    free(c->probes);
    free(c->slos);
    free(c);
}

static void fill_probe(struct status *s, struct status_probe *p)
{
    const struct result good = {
        .slot_us = NOW_US - 20 * USEC_PER_SEC, .total_us = 12345, .code = 200};
    const struct result bad = {.slot_us = NOW_US - 5 * USEC_PER_SEC,
                               .total_us = 5000000,
                               .code = 503,
                               .outcome = OUTCOME_BAD,
                               .reason = REASON_STATUS,
                               .phases = {100, 900, 0, 10, 11200, 100}};

    struct probe_counters counters;

    probe_counters_init(&counters);
    for (int i = 0; i < 7; i++)
        probe_counters_add(&counters, &good);
    probe_counters_add(&counters, &bad);
    p->counters = probe_counters_copy(&s->arena, &counters);
    probe_counters_release(&counters);
    p->has_last = true;
    p->last = bad;
    p->message = status_text(s, "the status is 503, expected 200");
    p->cert_not_after_us = NOW_US + 30 * USEC_PER_DAY;
    p->in_flight = 1;
}

/* Two scrapes: five samples and none; redis is slow and degraded. */
static void fill_scraped(struct status *s, struct status_probe *p)
{
    static const struct sample samples[] = {
        {"component_latency_seconds{component=\"redis\"}", 0.25},
        {"component_up{component=\"redis\"}", 0.5},
        {"component_up{component=\"a \\\"b\\\"\"}", 0},
        {"component_up{component=\"db\"}", 1},
        {"component_upside", 1},
    };
    struct components c = {0};

    components_take(&c, samples, countof(samples));
    p->components = components_copy(&s->arena, &c);
    components_release(&c);
    probe_counters_add_scrape(&p->counters, countof(samples));
    probe_counters_add_scrape(&p->counters, 0);
    p->has_last = true;
    p->last = (struct result){.slot_us = NOW_US, .code = 200, .flags = RESULT_SCRAPED};
}

/* Three answers, one of which tells nothing of its tokens; two slots were held back. */
static void fill_asked(struct status *s, struct status_probe *p)
{
    struct result r = {.slot_us = NOW_US,
                       .total_us = 900000,
                       .code = 200,
                       .flags = RESULT_ANSWER,
                       .answer = {.first_token_us = 300000,
                                  .last_event_us = 800000,
                                  .gap_us = 20000,
                                  .flags = ANSWER_STREAMED | ANSWER_ENDED,
                                  .tokens_in = 120,
                                  .tokens_out = 30,
                                  .tokens_cached = 100,
                                  .tokens_reasoning = -1,
                                  .cost = COST_ONE / 400}};
    struct probe_counters counters;

    probe_counters_init(&counters);
    probe_counters_add(&counters, &r);
    probe_counters_add(&counters, &r);
    r.answer.tokens_in = r.answer.tokens_out = r.answer.tokens_cached = -1;
    r.answer.cost = -1;
    r.outcome = OUTCOME_SKIPPED; /* the prober stalled; it was sent all the same */
    r.reason = REASON_PROBER;
    probe_counters_add(&counters, &r);
    const struct result held = {.outcome = OUTCOME_EXCLUDED, .reason = REASON_SPEND_CAP};
    const struct result wait = {.outcome = OUTCOME_BAD, .reason = REASON_OVERLOADED};
    probe_counters_add_held(&counters, &wait);
    probe_counters_add_held(&counters, &held);
    p->counters = probe_counters_copy(&s->arena, &counters);
    probe_counters_release(&counters);
    p->held = status_text(s, "2 USD a day of this probe: next at 00:00 UTC");
    p->held_reason = REASON_SPEND_CAP;
    p->spending = arena_alloc(&s->arena, sizeof(*p->spending));
    *p->spending = (struct status_spending){
        .spent = {1300, 1450, COST_ONE / 200, 3 * COST_ONE / 2},
        .caps = {.tokens_hour = 20000, .cost_day = 2 * COST_ONE},
        .priced = true,
    };
    s->spending = arena_alloc(&s->arena, sizeof(*s->spending));
    s->spending->spent = p->spending->spent;
    s->spending->caps.tokens_day = 100000;
}

static void fill_metric_slo(struct status_slo *slo)
{
    slo->state = SLO_MET;
    slo->counts = (struct counts){.good = 90, .bad = 10, .scrapes = 100, .silent = 7};
    slo->judged = slo->counts;
    slo->has_sli = counts_total(slo->counts) > 0;
    slo->sli = slo->has_sli ? (double)slo->counts.good / (double)counts_total(slo->counts) : 0;
    slo->expected = 110;
    slo->observed = 100;
    slo->clamped = 2;
    slo->resets = 3;
}

static void fill_slo(struct status_slo *slo)
{
    slo->state = SLO_AT_RISK;
    slo->counts = (struct counts){999, 1, 3};
    slo->judged = slo->counts;
    slo->has_sli = counts_total(slo->counts) > 0;
    slo->sli = slo->has_sli ? (double)slo->counts.good / (double)counts_total(slo->counts) : 0;
    slo->expected = 1010;
    slo->observed = 1000;
    slo->has_budget = true;
    slo->remaining_ratio = -0.25;
    slo->burn[0] = (struct report_burn){5 * USEC_PER_MIN, true, 14.5};
    slo->burn[1] = (struct report_burn){USEC_PER_HOUR, false, 0};
    slo->burn_count = 2;
    slo->firing[0] = true;
    slo->alert.phase = ALERT_FIRING;
    slo->alert.severity = SEVERITY_PAGE;
}

static void fill_lanes(struct status *s)
{
    static const struct notify_lane_stats lanes[] = {
        {.receiver = "team \"a\"", .integration = "slack", .delivered = 3},
        {.receiver = "team \"a\"",
         .integration = "slack 2",
         .retried = 9,
         .rejected = 1,
         .pending = 2,
         .oldest_us = NOW_US - 90500000,
         .failing = true,
         .broken = true},
    };
    s->lanes = arena_alloc(&s->arena, sizeof(lanes));
    s->lane_count = countof(lanes);
    for (size_t i = 0; i < countof(lanes); i++)
        s->lanes[i] = lanes[i];
    s->notify = (struct notify_stats){.messages = 6, .pending = 2, .failing = 1, .broken = 1};
}

struct status *fixture_status(struct config *c)
{
    struct status *s = status_new(c);

    s->built_mono_ns = clock_mono_ns();
    s->confirmed_mono_ns = s->built_mono_ns;
    s->now_us = NOW_US;
    s->started_us = NOW_US - USEC_PER_HOUR;
    fill_probe(s, &s->probes[0]);
    fill_slo(&s->slos[0]);
    fill_scraped(s, &s->probes[2]);
    fill_asked(s, &s->probes[3]);
    fill_metric_slo(&s->slos[2]);
    s->reload = (struct status_reload){.succeeded = 1, .last_ok = true, .last_us = NOW_US};
    s->store.queue_limit_bytes = STORE_QUEUE_BYTES;
    s->store.commits = 17;
    fill_lanes(s);
    histogram_add(&s->scheduler.lag, 120);
    return s;
}
