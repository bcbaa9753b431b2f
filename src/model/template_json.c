/* Values as JSON, as Go's encoding/json writes what Alertmanager's templates get. */
#include "model/template_internal.h"

#include "base/json.h"

#include <string.h>

static void add_text(struct str *out, const char *s)
{
    struct str plain;
    str_init(&plain, 2 * TEXT_MAX);
    json_add_string(&plain, s);
    out->overflow = out->overflow || plain.overflow;
    for (size_t i = 0; i < plain.len; i++) {
        const char *p = plain.buf + i;
        bool separator = memcmp(p, "\xe2\x80", plain.len - i < 2 ? 1 : 2) == 0 &&
                         plain.len - i > 2 && (p[2] == '\xa8' || p[2] == '\xa9');
        if (*p == '<' || *p == '>' || *p == '&')
            str_addf(out, "\\u%04x", *p);
        else if (separator)
            str_add(out, p[2] == '\xa8' ? "\\u2028" : "\\u2029");
        else
            str_addc(out, *p);
        i += separator ? 2 : 0;
    }
    str_release(&plain);
}

static void add_map(struct str *out, const struct string_map *map)
{
    str_addc(out, '{');
    for (size_t i = 0; i < map->n; i++) {
        str_add(out, i ? "," : "");
        add_text(out, map->at[i].key);
        str_addc(out, ':');
        add_text(out, map->at[i].value);
    }
    str_addc(out, '}');
}

static void add_pair(struct str *out, const struct pair *p)
{
    str_add(out, "{\"Name\":");
    add_text(out, p->key);
    str_add(out, ",\"Value\":");
    add_text(out, p->value);
    str_addc(out, '}');
}

static void add_time(struct str *out, int64_t us)
{
    tmpl_time_format(out, us ? us : TIME_ZERO_US, "\"2006-01-02T15:04:05.999999999Z07:00\"");
}

static void add_alert(struct str *out, const struct message_alert *a)
{
    str_addf(out, "{\"status\":\"%s\",\"labels\":", a->firing ? "firing" : "resolved");
    add_map(out, &a->labels);
    str_add(out, ",\"annotations\":");
    add_map(out, &a->annotations);
    str_add(out, ",\"startsAt\":");
    add_time(out, a->starts_us);
    str_add(out, ",\"endsAt\":");
    add_time(out, a->ends_us);
    str_add(out, ",\"generatorURL\":");
    add_text(out, a->generator_url);
    str_add(out, ",\"fingerprint\":");
    add_text(out, a->fingerprint);
    str_addc(out, '}');
}

static void add_alerts(struct str *out, const struct message *m, unsigned which)
{
    const char *sep = "";
    str_addc(out, '[');
    for (size_t i = 0; i < m->alert_count; i++) {
        if (!(which & (m->alerts[i].firing ? ALERTS_FIRING : ALERTS_RESOLVED)))
            continue;
        str_add(out, sep);
        add_alert(out, &m->alerts[i]);
        sep = ",";
    }
    str_addc(out, ']');
}

static void add_message(struct str *out, const struct message *m)
{
    str_add(out, "{\"receiver\":");
    add_text(out, m->receiver);
    str_addf(out, ",\"status\":\"%s\",\"alerts\":", m->firing ? "firing" : "resolved");
    add_alerts(out, m, ALERTS_FIRING | ALERTS_RESOLVED);
    str_add(out, ",\"groupLabels\":");
    add_map(out, &m->group_labels);
    str_add(out, ",\"commonLabels\":");
    add_map(out, &m->common_labels);
    str_add(out, ",\"commonAnnotations\":");
    add_map(out, &m->common_annotations);
    str_add(out, ",\"externalURL\":");
    add_text(out, m->external_url);
    str_addc(out, '}');
}

static void add_list(struct str *out, const struct value *v)
{
    size_t n = v->type == TYPE_PAIRS ? v->map.n : v->texts.n;
    str_addc(out, '[');
    for (size_t i = 0; i < n; i++) {
        str_add(out, i ? "," : "");
        if (v->type == TYPE_PAIRS)
            add_pair(out, &v->map.at[i]);
        else
            add_text(out, v->texts.at[i]);
    }
    str_addc(out, ']');
}

void tmpl_value_json(struct str *out, const struct value *v)
{
    switch (v->type) {
    case TYPE_MESSAGE:
        add_message(out, v->message);
        break;
    case TYPE_ALERTS:
        add_alerts(out, v->alerts.of, v->alerts.which);
        break;
    case TYPE_ALERT:
        add_alert(out, v->alert);
        break;
    case TYPE_MAP:
        add_map(out, &v->map);
        break;
    case TYPE_PAIR:
        add_pair(out, v->pair);
        break;
    case TYPE_PAIRS:
    case TYPE_TEXTS:
        add_list(out, v);
        break;
    case TYPE_TEXT:
        add_text(out, v->text);
        break;
    case TYPE_TIME:
        add_time(out, v->number);
        break;
    case TYPE_SPAN: /* nanoseconds, as a number */
        str_addf(out, "%lld", (long long)v->number);
        break;
    default:
        tmpl_value_print(out, v);
        break;
    }
}

EVAL(tmpl_eval_json)
{
    (void)call;
    struct str out;
    str_init(&out, TEXT_MAX);
    tmpl_value_json(&out, &args[0]);
    return tmpl_run_str(r, &out);
}
