#include "cli/probe.h"

#include "base/json.h"
#include "base/units.h"
#include "base/when.h"
#include "cli/probe_answer.h"

#include <math.h>

static void put_ms(struct str *out, const char *key, int64_t us)
{
    str_addf(out, "\"%s\":%lld.%03lld", key, (long long)(us / USEC_PER_MSEC),
             (long long)(us % USEC_PER_MSEC));
}

static void put_text(struct str *out, const char *key, const char *text)
{
    str_addf(out, "\"%s\":", key);
    json_add_string(out, text);
}

static void put_phases(struct str *out, const struct phases *p)
{
    const struct {
        const char *name;
        int64_t us;
    } all[] = {{"dns", p->dns_us},   {"connect", p->connect_us}, {"tls", p->tls_us},
               {"send", p->send_us}, {"wait", p->wait_us},       {"transfer", p->transfer_us}};
    str_add(out, "\"phases_ms\":{");
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        str_add(out, i ? "," : "");
        put_ms(out, all[i].name, all[i].us);
    }
    str_add(out, "}");
}

static void put_result(const struct probe_view *v, struct str *out)
{
    const struct result *r = &v->obs->result;
    char text[WHEN_MAX];
    put_text(out, "probe", v->id);
    str_addf(out, ",\"time\":\"%s\",\"outcome\":\"%s\",\"reason\":\"%s\",\"code\":%d,",
             when_text(text, v->started_us), outcome_name((enum outcome)r->outcome),
             reason_name((enum reason)r->reason), r->code);
    put_ms(out, "latency_ms", r->total_us);
    str_add(out, ",");
    put_phases(out, &r->phases);
    str_add(out, ",");
    put_text(out, "message", v->obs->message);
    str_addf(out, ",\"reused\":%s", r->flags & RESULT_REUSED ? "true" : "false");
}

static void put_certificate(const struct probe_view *v, struct str *out)
{
    int64_t end_us = v->obs->cert_not_after_us;
    char text[WHEN_MAX];
    if (!end_us)
        str_add(out, ",\"certificate\":null");
    else
        str_addf(out, ",\"certificate\":{\"not_after\":\"%s\",\"days_left\":%lld}",
                 when_text(text, end_us), (long long)probe_days_left(v));
}

static void put_hops(const struct probe_view *v, struct str *out)
{
    str_add(out, ",\"hops\":[");
    for (size_t i = 0; i < v->obs->hop_count; i++) {
        const struct hop *h = &v->obs->hops[i];
        str_add(out, i ? ",{" : "{");
        put_text(out, "url", h->url);
        str_add(out, ",");
        put_text(out, "address", h->address);
        str_add(out, ",");
        put_text(out, "protocol", h->protocol);
        str_addf(out, ",\"status\":%d,\"reused\":%s,\"bytes\":%lld,", h->status,
                 h->reused ? "true" : "false", (long long)h->bytes);
        put_phases(out, &h->phases);
        str_add(out, "}");
    }
    str_add(out, "]");
}

static void put_assertions(const struct probe_view *v, struct str *out)
{
    str_add(out, ",\"assertions\":[");
    for (size_t i = 0; i < v->obs->assertion_count; i++) {
        const struct assertion_seen *a = &v->obs->assertions[i];
        str_addf(out, "%s{\"ok\":%s,%s", i ? "," : "", a->ok ? "true" : "false",
                 a->open ? "\"open\":true," : "");
        put_text(out, "expected", a->what);
        str_add(out, ",");
        put_text(out, "seen", a->seen);
        str_add(out, "}");
    }
    str_add(out, "]");
}

static void put_samples(const struct probe_view *v, struct str *out)
{
    str_add(out, ",\"samples\":[");
    for (size_t i = 0; i < v->obs->sample_count; i++) {
        const struct sample *s = &v->obs->samples[i];
        char value[PROBE_VALUE_MAX];
        const char *quote = isfinite(s->value) ? "" : "\"";
        str_add(out, i ? ",{" : "{");
        put_text(out, "series", s->series);
        str_addf(out, ",\"value\":%s%s%s}", quote, probe_value(value, s->value), quote);
    }
    str_add(out, "],");
    put_text(out, "version", v->obs->version);
}

static void put_start(struct str *out, const char *key, const char *text, size_t n)
{
    str_addf(out, ",\"%s\":", key);
    if (text)
        json_add_stringn(out, text, n);
    else
        str_add(out, "null");
}

int probe_put_json(const struct probe_view *v, struct str *out)
{
    str_add(out, "{");
    put_result(v, out);
    put_certificate(v, out);
    put_hops(v, out);
    put_assertions(v, out);
    put_samples(v, out);
    put_start(out, "headers", v->obs->headers, v->obs->headers_len);
    put_start(out, "body", v->obs->body, v->obs->body_len);
    if (v->line)
        probe_put_answer_json(v, out);
    str_add(out, "}\n");
    return out->overflow ? -1 : 0;
}
