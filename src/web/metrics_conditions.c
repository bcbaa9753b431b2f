#include "web/metrics_conditions.h"

#include "base/mem.h"
#include "slo/conditions.h"

void metrics_conditions(struct exposition *e, const struct status *s)
{
    exposition_family(e, "nines_alerts", EXPOSITION_GAUGE,
                      "1 for each alert of a condition that is on; those of burn rates are in "
                      "nines_alert_firing.");
    for (size_t i = 0; i < s->condition_count; i++) {
        const struct status_condition *c = &s->conditions[i];
        const struct label l[] = {
            {"alertname", condition_info(c->def->kind)->alert},
            {"severity", severity_name(c->alert.severity)},
            {"threshold", c->def->key ? c->def->key : ""},
            {"slo", c->slo ? c->slo->name : ""},
            {"objective", c->slo ? c->slo->objective_name : ""},
            {"probe", c->probe ? c->probe->id : ""},
        };
        exposition_int(e, l, countof(l), 1);
    }
}
