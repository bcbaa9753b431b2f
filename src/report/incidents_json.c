#include "base/json.h"
#include "base/when.h"
#include "report/fmt.h"
#include "report/incidents.h"

#include <inttypes.h>

static void put_string(struct str *out, const char *key, const char *value)
{
    str_addf(out, ", \"%s\": ", key);
    json_add_string(out, value);
}

/* 0: null */
static void put_time(struct str *out, const char *key, int64_t us)
{
    char at[WHEN_MAX];
    if (us)
        str_addf(out, ", \"%s\": \"%s\"", key, when_text(at, us));
    else
        str_addf(out, ", \"%s\": null", key);
}

/* -1: null */
static void put_seconds(struct str *out, const char *key, int64_t us)
{
    char text[FMT_MAX];
    str_addf(out, ", \"%s\": %s", key, us < 0 ? "null" : fmt_seconds(text, us));
}

static void put_names(struct str *out, const char *key, const struct string_list *list)
{
    str_addf(out, ", \"%s\": [", key);
    for (size_t i = 0; i < list->n; i++) {
        str_add(out, i ? ", " : "");
        json_add_string(out, list->at[i]);
    }
    str_addc(out, ']');
}

static void put_alert(struct str *out, const struct incident_alert *a)
{
    str_add(out, "{\"condition\": ");
    json_add_string(out, *a->condition ? a->condition : NULL);
    put_string(out, "slo", a->slo);
    put_string(out, "objective_name", a->objective_name);
    put_string(out, "service", a->service);
    put_string(out, "severity", severity_name(a->severity));
    put_time(out, "since", a->since_us);
    put_time(out, "told", a->told_us);
    put_time(out, "cleared", a->cleared_us);
    put_time(out, "resolved", a->resolved_us);
    str_addc(out, '}');
}

static void put_note(struct str *out, const struct incident_note *n)
{
    char at[WHEN_MAX];
    str_addf(out, "{\"at\": \"%s\"", when_text(at, n->at_us));
    put_string(out, "author", n->author);
    put_string(out, "text", n->text);
    str_addc(out, '}');
}

static void put_spent(struct str *out, const struct incident_spent *s)
{
    char text[FMT_MAX];
    str_add(out, "{\"slo\": ");
    json_add_string(out, s->def->name);
    put_string(out, "objective_name", s->def->objective_name);
    str_addf(out, ", \"bad\": %" PRId64 ", \"consumed_ratio\": %s}", s->bad,
             s->has_ratio ? fmt_ratio(text, s->ratio) : "null");
}

static void put_lists(struct str *out, const struct incident_case *c)
{
    const struct incident *in = &c->incident;
    put_names(out, "slos", &in->slos);
    put_names(out, "services", &in->services);
    str_add(out, ", \"alerts\": [");
    for (size_t i = 0; i < in->alert_count; i++) {
        str_add(out, i ? ", " : "");
        put_alert(out, &in->alerts[i]);
    }
    str_add(out, "], \"notes\": [");
    for (size_t i = 0; i < in->note_count; i++) {
        str_add(out, i ? ", " : "");
        put_note(out, &in->notes[i]);
    }
    str_add(out, "], \"spent\": [");
    for (size_t i = 0; i < c->spent_count; i++) {
        str_add(out, i ? ", " : "");
        put_spent(out, &c->spent[i]);
    }
    str_addc(out, ']');
}

void incident_put_json(struct str *out, const struct incident_case *c)
{
    const struct incident *in = &c->incident;
    const struct incident_times *t = &c->times;
    str_addf(out, "{\"id\": %" PRId64, in->id);
    put_string(out, "title", in->title);
    put_string(out, "severity", severity_name(in->severity));
    put_string(out, "state", incident_state(in));
    put_time(out, "began", t->began_us);
    put_time(out, "detected", t->detected_us);
    put_time(out, "restored", t->restored_us);
    put_seconds(out, "detect_seconds", t->detect_us);
    put_seconds(out, "restore_seconds", t->restore_us);
    str_addf(out, ", \"alerted\": %s", t->alerted ? "true" : "false");
    put_time(out, "opened", in->opened_us);
    put_string(out, "opened_by", *in->opened_by ? in->opened_by : NULL);
    put_time(out, "closed", in->closed_us);
    put_string(out, "closed_by", *in->closed_by ? in->closed_by : NULL);
    put_lists(out, c);
}

static void put_mean(struct str *out, const char *key, const struct incident_mean *m)
{
    str_addf(out, "\"%s\": {\"count\": %zu", key, m->n);
    put_seconds(out, "mean_seconds", m->n ? m->mean_us : -1);
    put_seconds(out, "median_seconds", m->n ? m->median_us : -1);
    str_addc(out, '}');
}

void incidents_put_json(struct str *out, const struct report *r, const char *newline)
{
    str_add(out, "[");
    for (size_t i = 0; i < r->incident_count; i++) {
        str_addf(out, "%s%s", i ? "," : "", newline);
        incident_put_json(out, &r->incidents[i]);
        str_addc(out, '}');
    }
    str_add(out, "],\n  \"incident_times\": {");
    put_mean(out, "to_detect", &r->to_detect);
    str_add(out, ", ");
    put_mean(out, "to_restore", &r->to_restore);
    str_addc(out, '}');
}
