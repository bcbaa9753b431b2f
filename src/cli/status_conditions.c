/* What of nines status is about alerts besides burn rates, which SLOs show by themselves. */
#include "cli/json_out.h"
#include "cli/status.h"

#include "base/str.h"
#include "model/message.h"
#include "report/fmt.h"
#include "report/term.h"

static bool is_other(const struct message_alert *a)
{
    const char *name = message_label(&a->labels, "alertname");
    return name && !str_eq(name, "ErrorBudgetBurn");
}

static const char *text_of(const struct string_map *map, const char *key)
{
    const char *text = message_label(map, key);
    return text ? text : "";
}

void status_put_conditions(struct term *t, const struct overview *o)
{
    char span[FMT_MAX];
    size_t n = 0;
    for (size_t i = 0; i < o->told.alert_count; i++)
        n += is_other(&o->told.alerts[i]);
    if (n == 0)
        return;
    term_paint(t, TERM_RED, "%zu other alert%s\n", n, n == 1 ? "" : "s");
    for (size_t i = 0; i < o->told.alert_count; i++) {
        const struct message_alert *a = &o->told.alerts[i];
        if (!is_other(a))
            continue;
        str_addf(t->out, "  %-18s  %-8s  for %-8s  ", text_of(&a->labels, "alertname"),
                 text_of(&a->labels, "severity"), fmt_span(span, o->now_us - a->starts_us));
        term_clean(t, TERM_PLAIN, text_of(&a->annotations, "summary"),
                   t->width > 80 ? (size_t)t->width - 48 : 40);
        str_addc(t->out, '\n');
    }
    str_addc(t->out, '\n');
}

static void put_one_json(struct str *out, const struct message_alert *a)
{
    str_addc(out, '{');
    json_put_string(out, "alertname", text_of(&a->labels, "alertname"));
    json_put_string(out, "severity", text_of(&a->labels, "severity"));
    json_put_string(out, "slo", text_of(&a->labels, "slo"));
    json_put_string(out, "objective", text_of(&a->labels, "objective"));
    json_put_string(out, "probe", text_of(&a->labels, "probe"));
    json_put_string(out, "threshold", text_of(&a->labels, "threshold"));
    json_put_time(out, "since", a->starts_us);
    json_put_string(out, "summary", text_of(&a->annotations, "summary"));
    str_addc(out, '}');
}

void status_put_conditions_json(struct str *out, const struct overview *o)
{
    str_add(out, ",\"other_alerts\":[");
    for (size_t i = 0; i < o->told.alert_count; i++) {
        if (!is_other(&o->told.alerts[i]))
            continue;
        if (out->buf[out->len - 1] != '[')
            str_addc(out, ',');
        put_one_json(out, &o->told.alerts[i]);
    }
    str_addc(out, ']');
}
