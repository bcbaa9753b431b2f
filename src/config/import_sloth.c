/*
 * Sloth: prometheus/v1 files, and the PrometheusServiceLevel of Kubernetes, whose
 * keys are spelled in the other way. Both spellings are read in both.
 */
#include "config/import_internal.h"

#include "base/str.h"

#define ALERT_TEXT "nines' alerts carry the name of their SLO; route by that or by its labels"
#define PLUGIN_TEXT "nines has no plugins"

static const struct import_key document_keys[] = {
    {"version", NULL},
    {"service", NULL},
    {"labels", NULL},
    {"slos", NULL},
    {"slo_plugins", PLUGIN_TEXT},
    {"sloPlugins", PLUGIN_TEXT},
    {0},
};

static const struct import_key resource_keys[] = {
    {"apiVersion", NULL},
    {"kind", NULL},
    {"metadata", NULL},
    {"spec", NULL},
    {"status", "it is the cluster's"},
    {0},
};

/* Its rules have none of them. */
static const struct import_key resource_metadata_keys[] = {
    {"name", NULL},
    {"namespace", NULL},
    {"labels", "they are the resource's; those of 'spec' are carried over"},
    {"annotations", "they are the resource's"},
    IMPORT_CLUSTER_KEYS,
    {0},
};

static const struct import_key slo_keys[] = {
    {"name", NULL}, {"objective", NULL}, {"description", NULL},    {"labels", NULL},
    {"sli", NULL},  {"alerting", NULL},  {"plugins", PLUGIN_TEXT}, {0},
};

static const struct import_key sli_keys[] = {
    {"events", NULL},
    {"raw", NULL},
    {"plugin", NULL},
    {0},
};

static const struct import_key events_keys[] = {
    {"error_query", NULL}, {"errorQuery", NULL}, {"total_query", NULL}, {"totalQuery", NULL}, {0},
};

static const struct import_key raw_keys[] = {
    {"error_ratio_query", NULL},
    {"errorRatioQuery", NULL},
    {0},
};

static const struct import_key alerting_keys[] = {
    {"name", ALERT_TEXT}, {"labels", NULL},       {"annotations", NULL}, {"page_alert", NULL},
    {"pageAlert", NULL},  {"ticket_alert", NULL}, {"ticketAlert", NULL}, {0},
};

static const struct import_key alert_keys[] = {
    {"disable", NULL},
    {"labels", "both severities have the labels of their SLO; receivers tell them apart by "
               "'severity'"},
    {"annotations", "alerts have a 'runbook' and the 'description' of the SLO; put it there"},
    {0},
};

static bool says(const struct node *doc, const char *key, const char *text)
{
    const struct node *n = node_get(doc, key);
    return n && n->kind == NODE_SCALAR && str_eq(n->text, text);
}

bool import_is_sloth(const struct node *doc)
{
    return says(doc, "version", "prometheus/v1") || (says(doc, "apiVersion", "sloth.slok.dev/v1") &&
                                                     says(doc, "kind", "PrometheusServiceLevel"));
}

/* ---- indicators ------------------------------------------------------------------------- */

static void read_events(struct import *m, const struct node *events)
{
    struct import_query bad, total;
    struct err err;
    if (!import_keys(m, events, "events", events_keys))
        return;
    const char *error = import_text(m, events, "error_query", "errorQuery");
    const char *all = import_text(m, events, "total_query", "totalQuery");
    if (!error || !all) {
        import_drop(m, events->pos, "it has no '%s'", error ? "total_query" : "error_query");
        return;
    }
    const struct node *error_at = import_get(events, "error_query", "errorQuery");
    const struct node *all_at = import_get(events, "total_query", "totalQuery");
    if (import_query(m, error, false, &bad, &err) < 0)
        import_drop(m, error_at->pos, "error_query: %s; nines takes the growth of one selector",
                    err.msg);
    else if (import_query(m, all, false, &total, &err) < 0)
        import_drop(m, all_at->pos, "total_query: %s; nines takes the growth of one selector",
                    err.msg);
    else
        import_counters(m, error_at->pos, &bad, false, &total);
}

static void read_raw(struct import *m, const struct node *raw)
{
    struct import_query part, total;
    struct err err;
    bool complement;
    if (!import_keys(m, raw, "raw", raw_keys))
        return;
    const char *text = import_text(m, raw, "error_ratio_query", "errorRatioQuery");
    if (!text) {
        import_drop(m, raw->pos, "it has no 'error_ratio_query'");
        return;
    }
    const struct node *at = import_get(raw, "error_ratio_query", "errorRatioQuery");
    if (import_ratio(m, text, &part, &total, &complement, &err) < 0)
        import_drop(m, at->pos,
                    "error_ratio_query: %s; a ratio has no events to count: name the counters that "
                    "it is made of",
                    err.msg);
    else
        import_counters(m, at->pos, &part, complement, &total);
}

static void read_sli(struct import *m, const struct node *sli)
{
    if (!sli || !import_keys(m, sli, "sli", sli_keys)) {
        import_drop(m, sli ? sli->pos : m->slo->pos, "it has no indicator");
        return;
    }
    const struct node *events = import_get(sli, "events", NULL),
                      *raw = import_get(sli, "raw", NULL);
    const struct node *plugin = import_get(sli, "plugin", NULL);
    if (plugin)
        import_drop(m, plugin->pos,
                    "its queries come from a plugin of Sloth; run `sloth generate` "
                    "and take them from the rules");
    else if (!events == !raw)
        import_drop(m, sli->pos, "expected one of 'events' and 'raw'");
    else if (events)
        read_events(m, events);
    else
        read_raw(m, raw);
    if (!m->slo->dropped && !m->slo->total && !m->slo->histogram)
        import_drop(m, sli->pos, "it has no indicator");
}

/* ---- alerts ------------------------------------------------------------------------------ */

static const struct import_tier tiers[] = {
    {"page", USEC_PER_HOUR, 5 * USEC_PER_MIN, 144},
    {"page", 6 * USEC_PER_HOUR, 30 * USEC_PER_MIN, 60},
    {"ticket", USEC_PER_DAY, 2 * USEC_PER_HOUR, 30},
    {"ticket", 3 * USEC_PER_DAY, 6 * USEC_PER_HOUR, 10},
};

static bool disabled(struct import *m, const struct node *alert, const char *what)
{
    return alert && import_keys(m, alert, what, alert_keys) && import_true(m, alert, "disable");
}

static void read_alerting(struct import *m, const struct node *alerting)
{
    if (!alerting || !import_keys(m, alerting, "alerting", alerting_keys))
        return;
    const struct node *page = import_get(alerting, "page_alert", "pageAlert");
    const struct node *ticket = import_get(alerting, "ticket_alert", "ticketAlert");
    const struct node *annotations = import_get(alerting, "annotations", NULL);
    bool no_page = disabled(m, page, "page_alert"), no_ticket = disabled(m, ticket, "ticket_alert");
    import_labels(m, import_get(alerting, "labels", NULL));
    for (size_t i = 0; annotations && annotations->kind == NODE_MAP && i < annotations->n; i++)
        import_annotation(m, annotations->items[2 * i], annotations->items[2 * i]->text,
                          annotations->items[2 * i + 1]);
    if (no_page && no_ticket)
        m->slo->alerting = "none";
    else if (no_page || no_ticket)
        import_tiers(m, alerting->pos, no_page ? tiers + 2 : tiers, 2);
}

/* ---- documents ----------------------------------------------------------------------------- */

static void read_slo(struct import *m, const struct node *n, const struct node *spec)
{
    const char *service = import_text(m, spec, "service", NULL);
    const char *name = n->kind == NODE_MAP ? import_text(m, n, "name", NULL) : NULL;
    if (!name || !*name) {
        import_note(m, n->pos, "an SLO without a name is not carried over");
        return;
    }
    /* As Sloth's own ids: names repeat from service to service. */
    if (service && *service)
        name = arena_printf(&m->arena, "%s-%s", service, name);
    struct import_slo *s = import_begin(m, n->pos, name);
    import_keys(m, n, "an SLO", slo_keys);
    s->service = service;
    s->description = import_text(m, n, "description", NULL);
    s->window = "30d";
    import_target(m, import_get(n, "objective", NULL), "objective", true);
    import_labels(m, import_get(n, "labels", NULL));
    import_labels(m, import_get(spec, "labels", NULL));
    read_alerting(m, import_get(n, "alerting", NULL));
    read_sli(m, import_get(n, "sli", NULL));
    import_end(m);
}

void import_sloth(struct import *m, const struct node *doc)
{
    const struct node *spec = doc;
    if (node_get(doc, "apiVersion")) {
        const struct node *metadata = import_get(doc, "metadata", NULL);
        import_keys(m, doc, "PrometheusServiceLevel", resource_keys);
        if (metadata)
            import_keys(m, metadata, "metadata", resource_metadata_keys);
        spec = import_get(doc, "spec", NULL);
    }
    if (!spec || !import_keys(m, spec, "Sloth's specification", document_keys))
        return;
    const struct node *slos = import_get(spec, "slos", NULL);
    if (!slos || slos->kind != NODE_SEQ) {
        import_note(m, slos ? slos->pos : spec->pos,
                    "no SLO is carried over: expected a list under 'slos'");
        return;
    }
    import_note(m, slos->pos,
                "the window is not in the file, Sloth takes it from its command line: "
                "30d, its default; change 'window' if yours is another");
    for (size_t i = 0; i < slos->n; i++)
        read_slo(m, slos->items[i], spec);
}
