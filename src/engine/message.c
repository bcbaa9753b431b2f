#include "engine/message.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"
#include "slo/budget.h"
#include "slo/composite.h"
#include "slo/expected.h"
#include "slo/source.h"

#include <jansson.h>

#define EXPRESSION_MAX 16384
#define SUMMARY_EXPRESSION 120 /* bytes of it in the summary */

void message_dedup_key(const struct alert_transition *t, char *buf, size_t size)
{
    snprintf(buf, size, "%s/%s/%lld/%s/%lld", t->slo, t->objective_name, (long long)t->since_us,
             alert_event_name(t->kind), (long long)t->at_us);
}

static const char *status(const struct alert_transition *t)
{
    return t->kind == ALERT_EVENT_RESOLVE ? "resolved" : "firing";
}

static json_t *window(const struct slo_def *def, int64_t length_us, struct counts c,
                      int64_t expected, double burn)
{
    char text[UNITS_MAX];
    int64_t observed = def->member_count ? c.scrapes : sli_observed(&def->sli, c);
    return json_pack("{s:s, s:f, s:I, s:I, s:I, s:I}", "window", units_duration(text, length_us),
                     "burn", burn, "bad", (json_int_t)c.bad, "total", (json_int_t)counts_total(c),
                     "observed", (json_int_t)observed, "expected", (json_int_t)expected);
}

static json_t *budget(const struct slo_view *v)
{
    struct report_slo r = {0};
    budget_fill(&r, v->use, 0);
    if (!r.has_budget)
        return json_null();
    return json_pack("{s:f, s:f, s:f, s:f}", "allowed", r.allowed, "consumed", r.consumed,
                     "consumed_ratio", r.consumed_ratio, "remaining_ratio", r.remaining_ratio);
}

static json_t *labels(const struct slo_def *def)
{
    json_t *o = json_object();
    for (size_t i = 0; i < def->labels.n; i++)
        json_object_set_new(o, def->labels.at[i].key, json_string(def->labels.at[i].value));
    return o;
}

static enum sli_source source_of(const struct slo_def *def)
{
    return def->member_count ? SOURCE_COMPOSITE : sli_source(&def->sli);
}

static void describe(const struct slo_def *def, struct str *out)
{
    if (def->member_count)
        composite_expression(def, out);
    else
        sli_expression(&def->sli, out);
}

/* Names the component, the metric or the members, which an SLO's name need not; "" for
 * results of the probe. At most SUMMARY_EXPRESSION bytes, cut between
 * characters. */
static char *condition(const struct slo_def *def)
{
    struct str text;
    str_init(&text, EXPRESSION_MAX);
    str_add(&text, "; ");
    describe(def, &text);
    size_t n = text.len;
    bool cut = n > SUMMARY_EXPRESSION;
    for (n = cut ? SUMMARY_EXPRESSION : n; cut && ((unsigned char)text.buf[n] & 0xC0) == 0x80; n--)
        ;
    char *line = source_of(def) == SOURCE_RESULTS
                     ? mem_strdup("")
                     : mem_printf("%.*s%s", (int)n, text.buf, cut ? "..." : "");
    str_release(&text);
    return line;
}

static json_t *source(const struct slo_def *def)
{
    struct str text;
    str_init(&text, EXPRESSION_MAX);
    describe(def, &text);
    json_t *o =
        json_pack("{s:s, s:s}", "kind", sli_source_name(source_of(def)), "expression", text.buf);
    str_release(&text);
    return o;
}

/* "api", or "api / goal" where there are several; the caller frees. */
static char *title(const struct alert_transition *t)
{
    return mem_printf("%s%s%s", t->slo, t->objective_name[0] ? " / " : "", t->objective_name);
}

char *message_summary(const struct slo_view *v, const struct alert_transition *t)
{
    char lng[UNITS_MAX], shrt[UNITS_MAX], target[UNITS_MAX], took[UNITS_MAX];
    mem_auto char *name = title(t);
    if (t->kind == ALERT_EVENT_RESOLVE)
        return mem_printf("%s: resolved after %s", name,
                          units_duration(took, t->at_us - t->since_us));
    mem_auto char *what = condition(v->def);
    return mem_printf("%s (%s %s%s) burns its error budget at %.1fx over %s and %.1fx over %s",
                      name, v->def->service, decimal_percent(target, v->def->target), what,
                      t->long_burn, units_duration(lng, t->tier.long_us), t->short_burn,
                      units_duration(shrt, t->tier.short_us));
}

char *message_payload(const struct slo_view *view, const struct alert_transition *t)
{
    const struct slo_def *def = view->def;
    char at[WHEN_MAX], since[WHEN_MAX], target[UNITS_MAX], factor[UNITS_MAX];
    mem_auto char *line = message_summary(view, t);
    mem_auto char *key = mem_printf("%s/%s", t->slo, t->objective_name);
    json_t *o = json_pack(
        "{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "version", 1, "status",
        status(t), "event", alert_event_name(t->kind), "severity", severity_name(t->severity),
        "alert", key, "slo", t->slo, "objective_name", t->objective_name, "service", t->service,
        "target", decimal_text(target, def->target), "window", def->window.text, "at",
        when_text(at, t->at_us), "since", when_text(since, t->since_us), "summary", line);
    json_object_set_new(o, "factor", json_string(decimal_text(factor, t->tier.factor)));
    json_object_set_new(
        o, "long", window(def, t->tier.long_us, t->long_counts, t->long_expected, t->long_burn));
    json_object_set_new(
        o, "short",
        window(def, t->tier.short_us, t->short_counts, t->short_expected, t->short_burn));
    json_object_set_new(o, "budget", budget(view));
    json_object_set_new(o, "probe", def->sli.probe ? json_string(def->sli.probe) : json_null());
    json_object_set_new(o, "source", source(def));
    json_object_set_new(o, "runbook", def->runbook ? json_string(def->runbook) : json_null());
    json_object_set_new(o, "labels", labels(def));
    char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(o);
    return text;
}

char *message_gone(const struct alert_transition *t)
{
    char at[WHEN_MAX], since[WHEN_MAX], took[UNITS_MAX];
    units_duration(took, t->at_us - t->since_us);
    mem_auto char *key = mem_printf("%s/%s", t->slo, t->objective_name);
    mem_auto char *name = title(t);
    mem_auto char *line =
        mem_printf("%s: ended after %s, as the objective alerts no more", name, took);
    json_t *o = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "version", 1,
                          "status", status(t), "event", alert_event_name(t->kind), "severity",
                          severity_name(t->severity), "alert", key, "slo", t->slo, "objective_name",
                          t->objective_name, "service", t->service, "at", when_text(at, t->at_us),
                          "since", when_text(since, t->since_us), "summary", line);
    json_object_set_new(o, "labels", json_object());
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}

char *message_storage(int64_t since_us, int64_t at_us, const char *error)
{
    char at[WHEN_MAX], since[WHEN_MAX], took[UNITS_MAX];
    units_duration(took, (at_us - since_us) / USEC_PER_SEC * USEC_PER_SEC);
    mem_auto char *line = error ? mem_printf("nines cannot store anything for %s: %s", took, error)
                                : mem_printf("nines stores again after %s", took);
    json_t *o = json_pack(
        "{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "version", 1, "status",
        error ? "firing" : "resolved", "event", error ? "fire" : "resolve", "severity", "page",
        "alert", "nines/storage", "slo", "nines", "objective_name", "storage", "service", "nines",
        "at", when_text(at, at_us), "since", when_text(since, since_us), "summary", line);
    json_object_set_new(o, "labels", json_object());
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}
