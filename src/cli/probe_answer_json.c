#include "base/json.h"
#include "base/units.h"
#include "cli/probe_answer.h"
#include "cli/timeline.h"
#include "wire/answer_json.h"

#include <inttypes.h>

static void comma(struct str *out)
{
    if (out->len && out->buf[out->len - 1] != '{')
        str_addc(out, ',');
}

static void put_ms(struct str *out, const char *key, int64_t us)
{
    comma(out);
    str_addf(out, "\"%s\":%lld.%03lld", key, (long long)(us / USEC_PER_MSEC),
             (long long)(us % USEC_PER_MSEC));
}

static void put_count(struct str *out, const char *key, int64_t n)
{
    comma(out);
    str_addf(out, "\"%s\":%" PRId64, key, n);
}

static void put_text(struct str *out, const char *key, const char *text)
{
    comma(out);
    str_addf(out, "\"%s\":", key);
    json_add_string(out, text);
}

static void put_told(const struct answer_told *told, struct str *out)
{
    if (!told) {
        str_add(out, ",\"told\":null");
        return;
    }
    str_add(out, ",\"told\":{");
    put_text(out, "text", told->text);
    put_text(out, "tools", told->tools);
    put_text(out, "model", told->model);
    put_text(out, "finish", told->finish);
    str_addf(out, ",\"cut\":%s}", told->cut ? "true" : "false");
}

static void put_mark(const struct answer_mark *m, struct str *out)
{
    static const char *const kinds[TIMELINE_KINDS] = {
        "request",   "headers", "event",     "ping",       "text",  "tool",
        "reasoning", "error",   "malformed", "terminator", "closed"};
    str_add(out, "{");
    put_ms(out, "at_ms", m->at_us);
    put_text(out, "kind", kinds[m->kind]);
    put_text(out, "name", m->name);
    put_text(out, "text", m->text);
    put_count(out, "bytes", m->bytes);
    str_add(out, "}");
}

void probe_put_answer_json(const struct probe_view *v, struct str *out)
{
    const struct timeline *t = v->line;
    char answer[ANSWER_JSON_MAX];
    str_add(out, ",\"answer\":");
    str_addn(out, answer, answer_json_write(&v->obs->result.answer, answer));
    put_told(v->obs->told, out);
    str_add(out, ",\"marks\":[");
    for (size_t i = 0; i < t->n; i++) {
        str_add(out, i ? "," : "");
        put_mark(&t->marks[i], out);
    }
    str_addf(out, "],\"marks_dropped\":%" PRId64, t->dropped);
}
