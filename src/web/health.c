#include "web/health.h"

#include "base/when.h"

#include <jansson.h>

static void dump(json_t *doc, struct str *out)
{
    char *text = json_dumps(doc, JSON_INDENT(2) | JSON_REAL_PRECISION(9));

    if (text)
        str_add(out, text);
    str_addc(out, '\n');
    free(text);
    json_decref(doc);
}

static json_t *time_json(int64_t us)
{
    char buf[WHEN_MAX];
    return us > 0 ? json_string(when_text(buf, us)) : json_null();
}

static json_t *text_json(const char *text)
{
    json_t *j = text ? json_string(text) : NULL; /* NULL for invalid UTF-8 as well */
    return j ? j : json_null();
}

static json_t *checks_json(const struct status_check *checks)
{
    json_t *list = json_array();

    for (size_t i = 0; i < STATUS_CHECKS; i++)
        json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "name", checks[i].name, "ok",
                                              checks[i].ok, "detail", checks[i].detail));
    return list;
}

bool health_ready(const struct status *s, int64_t mono_ns, struct str *out)
{
    struct status_check checks[STATUS_CHECKS];
    bool ready = status_checks(s, mono_ns, checks);

    dump(json_pack("{s:b, s:o}", "ready", ready, "checks", checks_json(checks)), out);
    return ready;
}

static json_t *components_json(const struct components *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n; i++) {
        const struct component *at = &c->at[i];
        json_t *latency =
            at->latency_us < 0 ? json_null() : json_real((double)at->latency_us / 1000);
        json_array_append_new(list, json_pack("{s:o, s:s, s:o}", "name", text_json(at->name),
                                              "state", at->state, "latency_ms", latency));
    }
    return list;
}

static json_t *probe_json(const struct status_probe *p)
{
    json_t *o = json_pack("{s:s, s:s, s:i}", "id", p->def->id, "kind", p->def->kind->name,
                          "in_flight", p->in_flight);

    if (p->held)
        json_object_set_new(o, "held_back", text_json(p->held));
    if (!p->has_last) {
        json_object_set_new(o, "outcome", json_null());
        return o;
    }
    const struct result *r = &p->last;
    json_object_set_new(o, "outcome", json_string(outcome_name((enum outcome)r->outcome)));
    json_object_set_new(o, "reason", json_string(reason_name((enum reason)r->reason)));
    json_object_set_new(o, "message", text_json(p->message));
    json_object_set_new(o, "code", json_integer(r->code));
    json_object_set_new(o, "slot", time_json(r->slot_us));
    json_object_set_new(o, "latency_ms", json_real((double)r->total_us / 1000));
    if (p->components.n)
        json_object_set_new(o, "components", components_json(&p->components));
    if (p->cert_not_after_us)
        json_object_set_new(o, "certificate_not_after", time_json(p->cert_not_after_us));
    return o;
}

static json_t *slo_json(const struct status_slo *slo)
{
    bool firing = slo->alert.phase != ALERT_INACTIVE;
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "slo", slo->def->name, "objective_name",
                          slo->def->objective_name, "service", slo->def->service, "state",
                          slo_state_name(slo->state), "good", (json_int_t)slo->counts.good, "bad",
                          (json_int_t)slo->counts.bad);
    if (sli_event(&slo->def->sli) != 1)
        json_object_set_new(o, "event_parts", json_integer(sli_event(&slo->def->sli)));

    json_object_set_new(o, "sli", slo->has_sli ? json_real(slo->sli) : json_null());
    json_object_set_new(o, "budget_remaining_ratio",
                        slo->has_budget ? json_real(slo->remaining_ratio) : json_null());
    json_object_set_new(o, "alert", json_string(alert_phase_name(slo->alert.phase)));
    json_object_set_new(o, "severity",
                        firing ? json_string(severity_name(slo->alert.severity)) : json_null());
    return o;
}

static void add_details(json_t *doc, const struct status *s)
{
    json_t *probes = json_array(), *slos = json_array();

    for (size_t i = 0; i < s->probe_count; i++)
        json_array_append_new(probes, probe_json(&s->probes[i]));
    for (size_t i = 0; i < s->slo_count; i++)
        json_array_append_new(slos, slo_json(&s->slos[i]));
    json_object_set_new(doc, "now", time_json(s->now_us));
    json_object_set_new(doc, "started", time_json(s->started_us));
    json_object_set_new(doc, "last_reload",
                        json_pack("{s:b, s:o, s:o}", "ok", s->reload.last_ok, "time",
                                  time_json(s->reload.last_us), "error",
                                  text_json(s->reload.error)));
    json_object_set_new(doc, "probes", probes);
    json_object_set_new(doc, "slos", slos);
}

bool health_details(const struct status *s, int64_t mono_ns, struct str *out)
{
    struct status_check checks[STATUS_CHECKS];
    bool ready = status_checks(s, mono_ns, checks);
    json_t *doc = json_pack("{s:s, s:s, s:o}", "status", ready ? "ok" : "failing", "version",
                            NINES_VERSION, "checks", checks_json(checks));

    if (s)
        add_details(doc, s);
    dump(doc, out);
    return ready;
}

void health_version(struct str *out)
{
    dump(json_pack("{s:s, s:s}", "name", "nines", "version", NINES_VERSION), out);
}
