#include "web/metrics.h"

#include "base/mem.h"
#include "web/metrics_answers.h"
#include "web/metrics_notify.h"
#include "web/metrics_watchdog.h"
#include "web/metrics_conditions.h"
#include "web/metrics_probes.h"
#include "web/process.h"
#include "wire/exposition.h"

/* ---- families with one sample ------------------------------------------------- */

static void gauge_seconds(struct exposition *e, const char *name, const char *help, int64_t us)
{
    exposition_family(e, name, EXPOSITION_GAUGE, help);
    exposition_seconds(e, NULL, 0, us);
}

/* ---- SLOs --------------------------------------------------------------------------- */

/* Every series of an SLO begins with these. */
#define SLO_LABELS(slo)                                                                            \
    {"slo", (slo)->def->name}, {"objective", (slo)->def->objective_name},                          \
    {                                                                                              \
        "service", (slo)->def->service                                                             \
    }

static void slo_ratio(struct exposition *e, const struct status_slo *slo, double value)
{
    const struct label l[] = {SLO_LABELS(slo)};
    exposition_double(e, l, countof(l), value);
}

static void slo_ratios(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_slo_target_ratio", EXPOSITION_GAUGE, "The objective's target.");
    for (size_t i = 0; i < s->slo_count; i++)
        slo_ratio(e, &s->slos[i], decimal_double(s->slos[i].def->target));

    exposition_family(e, "nines_slo_sli_ratio", EXPOSITION_GAUGE,
                      "Good events, or slices, over all of the window.");
    for (size_t i = 0; i < s->slo_count; i++) {
        if (s->slos[i].has_sli)
            slo_ratio(e, &s->slos[i], s->slos[i].sli);
    }
    exposition_family(e, "nines_slo_budget_remaining_ratio", EXPOSITION_GAUGE,
                      "Error budget left: 1 full, 0 used up, negative overspent.");
    for (size_t i = 0; i < s->slo_count; i++) {
        if (s->slos[i].has_budget)
            slo_ratio(e, &s->slos[i], s->slos[i].remaining_ratio);
    }
    exposition_family(e, "nines_slo_coverage_ratio", EXPOSITION_GAUGE,
                      "Observed slots over expected slots of the window.");
    for (size_t i = 0; i < s->slo_count; i++) {
        const struct status_slo *slo = &s->slos[i];
        if (slo->expected > 0)
            slo_ratio(e, slo, (double)slo->observed / (double)slo->expected);
    }
}

/* Scrapes by their share are told with what is behind the point. */
static void put_events(struct exposition *e, const struct label *l, size_t n,
                       const struct status_slo *slo, int64_t events)
{
    int64_t event = sli_event(&slo->def->sli);
    if (event == 1)
        exposition_int(e, l, n, events);
    else
        exposition_double(e, l, n, (double)events / (double)event);
}

static void slo_events(struct exposition *e, const struct status *s)
{
    exposition_family(
        e, "nines_slo_events", EXPOSITION_GAUGE,
        "Events in the SLO's window; excluded and silent ones of a metric SLI are scrapes.");
    for (size_t i = 0; i < s->slo_count; i++) {
        const struct status_slo *slo = &s->slos[i];
        const struct label good[] = {SLO_LABELS(slo), {"class", "good"}};
        const struct label bad[] = {SLO_LABELS(slo), {"class", "bad"}};
        const struct label excluded[] = {SLO_LABELS(slo), {"class", "excluded"}};
        put_events(e, good, countof(good), slo, slo->counts.good);
        put_events(e, bad, countof(bad), slo, slo->counts.bad);
        exposition_int(e, excluded, countof(excluded), slo->counts.excluded);
        const struct label silent[] = {SLO_LABELS(slo), {"class", "silent"}};
        if (slo->def->sli.metric)
            exposition_int(e, silent, countof(silent), slo->counts.silent);
    }
}

/* What went wrong with the counters that metric SLIs are derived from. */
static void slo_counters(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_slo_resets_total", EXPOSITION_COUNTER,
                      "Scrapes by which a counter of the SLI began anew, since the start.");
    for (size_t i = 0; i < s->slo_count; i++) {
        const struct label l[] = {SLO_LABELS(&s->slos[i])};
        if (s->slos[i].def->sli.metric)
            exposition_int(e, l, countof(l), s->slos[i].resets);
    }
    exposition_family(e, "nines_slo_clamped_total", EXPOSITION_COUNTER,
                      "Scrapes by which more events were good than there were, or a raw ratio was "
                      "not from 0 to 1, since the start.");
    for (size_t i = 0; i < s->slo_count; i++) {
        const struct label l[] = {SLO_LABELS(&s->slos[i])};
        if (s->slos[i].def->sli.metric)
            exposition_int(e, l, countof(l), s->slos[i].clamped);
    }
}

static void slo_burn(struct exposition *e, const struct status *s)
{
    char window[UNITS_MAX];

    exposition_family(e, "nines_slo_burn_rate", EXPOSITION_GAUGE,
                      "Error ratio of the window over the ratio the target allows.");
    for (size_t i = 0; i < s->slo_count; i++) {
        const struct status_slo *slo = &s->slos[i];
        for (size_t b = 0; b < slo->burn_count; b++) {
            const struct report_burn *burn = &slo->burn[b];
            const struct label l[] = {SLO_LABELS(slo),
                                      {"window", units_duration(window, burn->window_us)}};
            if (burn->has_rate)
                exposition_double(e, l, countof(l), burn->rate);
        }
    }
}

static void slo_states(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_slo_state", EXPOSITION_GAUGE, "1 for the state the SLO is in.");
    for (size_t i = 0; i < s->slo_count; i++) {
        const struct status_slo *slo = &s->slos[i];
        for (int k = SLO_MET; k <= SLO_NO_DATA; k++) {
            const struct label l[] = {SLO_LABELS(slo),
                                      {"state", slo_state_name((enum slo_state)k)}};
            exposition_int(e, l, countof(l), slo->state == (enum slo_state)k);
        }
    }
}

static void slo_alerts(struct exposition *e, const struct status *s)
{
    char lng[UNITS_MAX], shrt[UNITS_MAX];

    exposition_family(e, "nines_alert_firing", EXPOSITION_GAUGE,
                      "Whether the SLO's alert is active, by its highest severity.");
    for (size_t i = 0; i < s->slo_count; i++) {
        const struct status_slo *slo = &s->slos[i];
        for (int k = SEVERITY_TICKET; k <= SEVERITY_PAGE; k++) {
            const struct label l[] = {SLO_LABELS(slo),
                                      {"severity", severity_name((enum severity)k)}};
            exposition_int(e, l, countof(l),
                           alert_is_on(&slo->alert) && slo->alert.severity == (enum severity)k);
        }
    }
    exposition_family(e, "nines_slo_tier_firing", EXPOSITION_GAUGE,
                      "Whether a burn-rate tier fires.");
    for (size_t i = 0; i < s->slo_count; i++) {
        const struct status_slo *slo = &s->slos[i];
        for (size_t t = 0; t < slo->def->tier_count && t < STATUS_TIERS_MAX; t++) {
            const struct tier_def *tier = &slo->def->tiers[t];
            const struct label l[] = {SLO_LABELS(slo),
                                      {"severity", severity_name(tier->severity)},
                                      {"long", units_duration(lng, tier->long_us)},
                                      {"short", units_duration(shrt, tier->short_us)}};
            exposition_int(e, l, countof(l), slo->firing[t]);
        }
    }
}

/* ---- the daemon itself ----------------------------------------------------------------- */

static void scheduler(struct exposition *e, const struct status *s)
{
    const struct status_scheduler *sc = &s->scheduler;

    exposition_counter(e, "nines_scheduler_slots_run_total", "Slots that were measured.",
                       sc->slots_run);
    exposition_counter(e, "nines_scheduler_slots_skipped_total", "Slots that were not measured.",
                       sc->slots_skipped);
    exposition_gauge(e, "nines_scheduler_runs_in_flight", "Runs that have not ended.",
                     sc->in_flight);
    exposition_family(e, "nines_loop_lag_seconds", EXPOSITION_HISTOGRAM,
                      "How late the event loop wakes up.");
    exposition_histogram(e, NULL, 0, sc->lag.bounds_us, sc->lag.counts, sc->lag.n, sc->lag.sum_us);
    gauge_seconds(e, "nines_loop_lag_max_seconds", "Largest loop lag of the last 10 s.",
                  sc->lag_max_us);
}

static void store(struct exposition *e, const struct status *s)
{
    const struct store_stats *st = &s->store;

    exposition_gauge(e, "nines_store_queue_bytes", "Records that wait to be committed.",
                     st->queued_bytes);
    exposition_gauge(e, "nines_store_queue_limit_bytes", "Size at which slots stop to run.",
                     st->queue_limit_bytes);
    exposition_counter(e, "nines_store_records_total", "Records committed.", st->committed_records);
    exposition_counter(e, "nines_store_commits_total", "Transactions committed.", st->commits);
    exposition_counter(e, "nines_store_commit_failures_total",
                       "Transactions that failed and are retried.", st->failed_commits);
    exposition_counter(e, "nines_store_refused_slots_total",
                       "Slots that did not run for want of queue space.", st->refused_slots);
    exposition_gauge(e, "nines_store_failing", "Whether commits fail now.",
                     st->failing_since_us != 0);
    exposition_gauge(e, "nines_store_database_bytes", "Size of the database file.",
                     st->database_bytes);
    exposition_gauge(e, "nines_store_used_bytes",
                     "Size of the database without free pages, at the last look.", st->used_bytes);
    exposition_gauge(e, "nines_store_max_bytes", "retention.max_size; 0: no limit.", st->max_bytes);
    exposition_gauge(e, "nines_store_oversize",
                     "Whether the database is over retention.max_size and nothing may go.",
                     st->oversize);
    exposition_counter(e, "nines_store_deleted_results_total", "Results deleted by retention.",
                       st->deleted_results);
    exposition_gauge(e, "nines_store_wal_bytes", "Size of the write-ahead log.", st->wal_bytes);
    gauge_seconds(e, "nines_store_complete_through_timestamp_seconds",
                  "Everything before this instant is stored.", st->complete_through_us);
}

/* What the store thread does in turns, by kind. */
static void store_slices(struct exposition *e, const struct status *s)
{
    const struct store_slice_stats *st = s->store.slices;

    exposition_family(e, "nines_store_slice_longest_seconds", EXPOSITION_GAUGE,
                      "The longest that the store thread did one thing, since the start.");
    for (int k = 0; k < STORE_SLICES; k++) {
        const struct label l[] = {{"kind", store_slice_name((enum store_slice)k)}};
        exposition_seconds(e, l, countof(l), st[k].longest_us);
    }
    exposition_family(e, "nines_store_slices_total", EXPOSITION_COUNTER,
                      "Commits and slices of upkeep.");
    for (int k = 0; k < STORE_SLICES; k++) {
        const struct label l[] = {{"kind", store_slice_name((enum store_slice)k)}};
        exposition_int(e, l, countof(l), st[k].turns);
    }
    exposition_family(e, "nines_store_slice_failures_total", EXPOSITION_COUNTER,
                      "Commits, and slices of upkeep, that failed.");
    for (int k = 0; k < STORE_SLICES; k++) {
        const struct label l[] = {{"kind", store_slice_name((enum store_slice)k)}};
        exposition_int(e, l, countof(l), st[k].failures);
    }
    exposition_family(e, "nines_store_failing_since_timestamp_seconds", EXPOSITION_GAUGE,
                      "Engine time since when it fails; absent when it does not.");
    for (int k = 0; k < STORE_SLICES; k++) {
        const struct label l[] = {{"kind", store_slice_name((enum store_slice)k)}};
        if (st[k].failing_since_us)
            exposition_seconds(e, l, countof(l), st[k].failing_since_us);
    }
}

static void configuration(struct exposition *e, const struct status *s)
{
    const struct label ok[] = {{"result", "ok"}}, failed[] = {{"result", "failed"}};

    exposition_family(e, "nines_config_reloads_total", EXPOSITION_COUNTER,
                      "Configuration loads by result.");
    exposition_int(e, ok, 1, s->reload.succeeded);
    exposition_int(e, failed, 1, s->reload.failed);
    exposition_gauge(e, "nines_config_last_reload_successful", "Whether the last load succeeded.",
                     s->reload.last_ok);
    gauge_seconds(e, "nines_config_last_reload_timestamp_seconds", "When it was.",
                  s->reload.last_us);
    exposition_gauge(e, "nines_config_probes", "Probes in force.", (int64_t)s->probe_count);
    exposition_gauge(e, "nines_config_slos", "SLO objectives in force.", (int64_t)s->slo_count);
}

static void process(struct exposition *e)
{
    struct process_stats p;

    process_get_stats(&p);
    if (p.cpu_us >= 0) {
        exposition_family(e, "process_cpu_seconds_total", EXPOSITION_COUNTER,
                          "CPU time spent in user and system mode.");
        exposition_seconds(e, NULL, 0, p.cpu_us);
    }
    if (p.started_us >= 0)
        gauge_seconds(e, "process_start_time_seconds", "Start of the process.", p.started_us);
    if (p.resident_bytes >= 0)
        exposition_gauge(e, "process_resident_memory_bytes", "Resident memory.", p.resident_bytes);
    if (p.virtual_bytes >= 0)
        exposition_gauge(e, "process_virtual_memory_bytes", "Virtual memory.", p.virtual_bytes);
    if (p.open_fds >= 0)
        exposition_gauge(e, "process_open_fds", "Open file descriptors.", p.open_fds);
    if (p.max_fds >= 0)
        exposition_gauge(e, "process_max_fds", "Limit of file descriptors.", p.max_fds);
    if (p.threads >= 0)
        exposition_gauge(e, "process_threads", "Threads.", p.threads);
}

void metrics_write(const struct status *s, int64_t mono_ns, struct str *out)
{
    struct exposition e = {.out = out};
    struct status_check checks[STATUS_CHECKS];
    const struct label version[] = {{"version", NINES_VERSION}};

    exposition_family(&e, "nines_build_info", EXPOSITION_GAUGE, "1, with the version.");
    exposition_int(&e, version, 1, 1);
    exposition_gauge(&e, "nines_ready", "Whether every readiness check is well.",
                     status_checks(s, mono_ns, checks));
    exposition_family(&e, "nines_check_ok", EXPOSITION_GAUGE, "Readiness checks one by one.");
    for (size_t i = 0; i < STATUS_CHECKS; i++) {
        const struct label l[] = {{"check", checks[i].name}};
        exposition_int(&e, l, 1, checks[i].ok);
    }
    process(&e);
    if (!s)
        return;
    gauge_seconds(&e, "nines_engine_time_seconds", "Engine time of this picture.", s->now_us);
    scheduler(&e, s);
    store(&e, s);
    store_slices(&e, s);
    metrics_notify(&e, s);
    metrics_watchdog(&e, s);
    configuration(&e, s);
    metrics_probes(&e, s);
    metrics_answers(&e, s);
    slo_ratios(&e, s);
    slo_events(&e, s);
    slo_counters(&e, s);
    slo_burn(&e, s);
    slo_states(&e, s);
    slo_alerts(&e, s);
    metrics_conditions(&e, s);
}
