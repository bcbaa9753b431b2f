#include "web/metrics_probes.h"

#include "base/mem.h"
#include "nines/probe.h"
#include "wire/exposition.h"

static int64_t results_of(const struct probe_counters *c, int outcome)
{
    int64_t sum = 0;
    for (size_t i = 0; i < c->count_n; i++)
        sum += c->counts[i].outcome == outcome ? c->counts[i].n : 0;
    return sum;
}

static void probe_results(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_probe_results_total", EXPOSITION_COUNTER,
                      "Slots by outcome since the start.");
    for (size_t i = 0; i < s->probe_count; i++) {
        const struct status_probe *p = &s->probes[i];
        for (int o = 0; o < OUTCOME_COUNT; o++) {
            const struct label l[] = {{"probe", p->def->id},
                                      {"outcome", outcome_name((enum outcome)o)}};
            int64_t n = results_of(&p->counters, o);
            if (n > 0 || o == OUTCOME_GOOD || o == OUTCOME_BAD)
                exposition_int(e, l, countof(l), n);
        }
    }
}

static void probe_failures(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_probe_failures_total", EXPOSITION_COUNTER,
                      "Slots that were not good, by outcome and reason, since the start.");
    for (size_t i = 0; i < s->probe_count; i++) {
        const struct status_probe *p = &s->probes[i];
        for (size_t k = 0; k < p->counters.count_n; k++) {
            const struct probe_count *c = &p->counters.counts[k];
            const struct label l[] = {{"probe", p->def->id},
                                      {"outcome", outcome_name((enum outcome)c->outcome)},
                                      {"reason", reason_name((enum reason)c->reason)}};
            if (c->outcome != OUTCOME_GOOD)
                exposition_int(e, l, countof(l), c->n);
        }
    }
}

static void probe_latency(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_probe_duration_seconds", EXPOSITION_HISTOGRAM,
                      "Duration of the runs that ended good or bad.");
    for (size_t i = 0; i < s->probe_count; i++) {
        const struct histogram *h = &s->probes[i].counters.latency;
        const struct label l[] = {{"probe", s->probes[i].def->id}};
        exposition_histogram(e, l, countof(l), h->bounds_us, h->counts, h->n, h->sum_us);
    }
}

static void probe_phases(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_probe_phase_seconds", EXPOSITION_GAUGE,
                      "Phases of the newest run.");
    for (size_t i = 0; i < s->probe_count; i++) {
        const struct status_probe *p = &s->probes[i];
        const struct phases *ph = &p->last.phases;
        const struct {
            const char *name;
            int64_t us;
        } phases[] = {
            {"dns", ph->dns_us},   {"connect", ph->connect_us}, {"tls", ph->tls_us},
            {"send", ph->send_us}, {"wait", ph->wait_us},       {"transfer", ph->transfer_us},
        };
        for (size_t k = 0; p->has_last && k < countof(phases); k++) {
            const struct label l[] = {{"probe", p->def->id}, {"phase", phases[k].name}};
            if (phases[k].us > 0)
                exposition_seconds(e, l, countof(l), phases[k].us);
        }
    }
}

/* One value of each probe. */
static int64_t last_good(const struct status_probe *p)
{
    return p->last.outcome == OUTCOME_GOOD;
}

static int64_t last_code(const struct status_probe *p)
{
    return p->last.code;
}

static int64_t last_slot(const struct status_probe *p)
{
    return p->last.slot_us;
}

static int64_t last_total(const struct status_probe *p)
{
    return p->last.total_us;
}

static int64_t in_flight(const struct status_probe *p)
{
    return p->in_flight;
}

static int64_t interval(const struct status_probe *p)
{
    return p->def->interval_us;
}

static int64_t certificate(const struct status_probe *p)
{
    return p->cert_not_after_us;
}

static const struct probe_gauge {
    const char *name, *help;
    int64_t (*value)(const struct status_probe *p);
    bool seconds;
    enum { ALWAYS, WITH_RESULT, NOT_ZERO } when;
} probe_gauges[] = {
    {"nines_probe_good", "Whether the newest result is good.", last_good, false, WITH_RESULT},
    {"nines_probe_status_code", "HTTP status of the newest result, 0 without one.", last_code,
     false, WITH_RESULT},
    {"nines_probe_last_slot_timestamp_seconds", "Slot of the newest result.", last_slot, true,
     WITH_RESULT},
    {"nines_probe_last_duration_seconds", "Duration of the newest run.", last_total, true,
     WITH_RESULT},
    {"nines_probe_runs_in_flight", "Runs of the probe that have not ended.", in_flight, false,
     NOT_ZERO},
    {"nines_probe_interval_seconds", "Distance between slots.", interval, true, ALWAYS},
    {"nines_probe_certificate_expiry_timestamp_seconds", "When the certificate last seen expires.",
     certificate, true, NOT_ZERO},
};

/* ---- samples ------------------------------------------------------------------------ */

static void probe_scrapes(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_probe_scrapes_total", EXPOSITION_COUNTER,
                      "Runs whose samples are complete, since the start.");
    for (size_t i = 0; i < s->probe_count; i++) {
        const struct status_probe *p = &s->probes[i];
        const struct label l[] = {{"probe", p->def->id}};
        if (p->def->kind->samples)
            exposition_int(e, l, countof(l), p->counters.scrapes);
    }
    exposition_family(e, "nines_probe_samples_total", EXPOSITION_COUNTER,
                      "Samples of those runs: the series that an SLO or an assertion names.");
    for (size_t i = 0; i < s->probe_count; i++) {
        const struct status_probe *p = &s->probes[i];
        const struct label l[] = {{"probe", p->def->id}};
        if (p->def->kind->samples)
            exposition_int(e, l, countof(l), p->counters.samples);
    }
}

static void probe_components(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_probe_component_state", EXPOSITION_GAUGE,
                      "1 for the state that the newest health document gives the component.");
    for (size_t i = 0; i < s->probe_count; i++) {
        const struct components *c = &s->probes[i].components;
        for (size_t k = 0; k < c->n; k++) {
            const struct label l[] = {{"probe", s->probes[i].def->id},
                                      {"component", c->at[k].name},
                                      {"state", c->at[k].state}};
            exposition_int(e, l, countof(l), 1);
        }
    }
    exposition_family(e, "nines_probe_component_latency_seconds", EXPOSITION_GAUGE,
                      "Latency that the newest health document gives the component.");
    for (size_t i = 0; i < s->probe_count; i++) {
        const struct components *c = &s->probes[i].components;
        for (size_t k = 0; k < c->n; k++) {
            const struct label l[] = {{"probe", s->probes[i].def->id},
                                      {"component", c->at[k].name}};
            if (c->at[k].latency_us >= 0)
                exposition_seconds(e, l, countof(l), c->at[k].latency_us);
        }
    }
}

void metrics_probes(struct exposition *e, const struct status *s)
{
    probe_results(e, s);
    probe_failures(e, s);
    probe_latency(e, s);
    probe_phases(e, s);
    probe_scrapes(e, s);
    probe_components(e, s);
    for (size_t g = 0; g < countof(probe_gauges); g++) {
        const struct probe_gauge *pg = &probe_gauges[g];
        exposition_family(e, pg->name, EXPOSITION_GAUGE, pg->help);
        for (size_t i = 0; i < s->probe_count; i++) {
            const struct status_probe *p = &s->probes[i];
            const struct label l[] = {{"probe", p->def->id}};
            if ((pg->when == WITH_RESULT && !p->has_last) ||
                (pg->when == NOT_ZERO && pg->value(p) == 0))
                continue;
            (pg->seconds ? exposition_seconds : exposition_int)(e, l, countof(l), pg->value(p));
        }
    }
}
