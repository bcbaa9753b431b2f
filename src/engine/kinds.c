/* To add a probe kind or a receiver kind: its file, and its line here. */
#include "engine/kinds.h"

#include "engine/answers.h"
#include "engine/excluding.h"
#include "engine/retention.h"
#include "engine/selfcheck.h"
#include "engine/spending.h"
#include "io/zone.h"
#include "notify/kinds.h"
#include "notify/receivers.h"
#include "probe/agent.h"
#include "probe/health.h"
#include "probe/http.h"
#include "probe/metrics.h"
#include "probe/prometheus.h"
#include "slo/exclusions.h"
#include "slo/hours.h"
#include "slo/composite.h"
#include "slo/slices.h"
#include "slo/tiers.h"

/* clang-format off */
static const struct probe_kind *const probe_kinds[] = {
    &probe_http,
    &probe_health,
    &probe_readiness,
    &probe_metrics,
    &probe_prometheus,
    &probe_agent,
    NULL,
};

static const struct notifier_kind *const notifier_kinds[] = {
    &notifier_alertmanager,
    &notifier_discord,
    &notifier_email,
    &notifier_exec,
    &notifier_log,
    &notifier_msteams,
    &notifier_msteamsv2,
    &notifier_ntfy,
    &notifier_opsgenie,
    &notifier_pagerduty,
    &notifier_slack,
    &notifier_telegram,
    &notifier_webhook,
    NULL,
};
/* clang-format on */

static void finish_slo(struct slo_def *slo, struct decode *c)
{
    if (slo->member_count && slo->method == METHOD_OCCURRENCES)
        composite_set_target(slo, c->diag);
    slo_finish(slo, c);
    slices_check(slo, c->diag);
}

static void finish(const struct config *cfg, const struct node *daemon, struct decode *c)
{
    retention_finish(cfg, daemon, c);
    selfcheck_finish(cfg, daemon, c);
    excluding_finish(cfg, c);
    spending_finish(cfg, daemon, c);
    answers_finish(cfg, c);
    alertmanager_check(cfg, c);
}

static const struct config_tables tables = {
    .probe_kinds = probe_kinds,
    .notifiers = notifier_kinds,
    .hours = &hours_ops,
    .exclusions = &exclusion_ops,
    .zone_open = zone_open,
    .zone_free = zone_free,
    .finish_slo = finish_slo,
    .finish = finish,
};

const struct config_tables *engine_config_tables(void)
{
    return &tables;
}
