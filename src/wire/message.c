/* Writing a message; reading it: message_read.c. */
#include "wire/message.h"

#include "base/json.h"
#include "base/when.h"

#include <string.h>

static void add_map(struct str *out, const char *key, const struct string_map *map)
{
    str_addf(out, ",\"%s\":{", key);
    for (size_t i = 0; i < map->n; i++) {
        if (i > 0)
            str_addc(out, ',');
        json_add_string(out, map->at[i].key);
        str_addc(out, ':');
        json_add_string(out, map->at[i].value);
    }
    str_addc(out, '}');
}

static void add_text(struct str *out, const char *key, const char *text)
{
    str_addf(out, ",\"%s\":", key);
    json_add_string(out, text ? text : "");
}

/* As Go writes it: a fraction without zeros at its end; its zero time for none. */
static void add_time(struct str *out, const char *key, int64_t us)
{
    char buf[WHEN_MAX];
    const char *text = us ? when_text(buf, us) : "0001-01-01T00:00:00Z";
    size_t n = strlen(text) - 1; /* without the Z */
    bool fraction = memchr(text, '.', n);
    while (fraction && text[n - 1] == '0')
        n--;
    str_addf(out, ",\"%s\":\"%.*sZ\"", key, (int)n, text);
}

static const char *status(bool firing)
{
    return firing ? "firing" : "resolved";
}

void message_alert_write(const struct message_alert *a, struct str *out)
{
    str_addf(out, "{\"status\":\"%s\"", status(a->firing));
    add_map(out, "labels", &a->labels);
    add_map(out, "annotations", &a->annotations);
    add_time(out, "startsAt", a->starts_us);
    add_time(out, "endsAt", a->firing ? 0 : a->ends_us);
    add_text(out, "generatorURL", a->generator_url);
    add_text(out, "fingerprint", a->fingerprint);
    str_addc(out, '}');
}

void message_write(const struct message *m, struct str *out)
{
    str_add(out, "{\"receiver\":");
    json_add_string(out, m->receiver ? m->receiver : "");
    str_addf(out, ",\"status\":\"%s\",\"alerts\":[", status(m->firing));
    for (size_t i = 0; i < m->alert_count; i++) {
        if (i > 0)
            str_addc(out, ',');
        message_alert_write(&m->alerts[i], out);
    }
    str_addc(out, ']');
    add_map(out, "groupLabels", &m->group_labels);
    add_map(out, "commonLabels", &m->common_labels);
    add_map(out, "commonAnnotations", &m->common_annotations);
    add_text(out, "externalURL", m->external_url);
    str_add(out, ",\"version\":\"4\"");
    add_text(out, "groupKey", m->group_key);
    str_addf(out, ",\"truncatedAlerts\":%lld", (long long)m->truncated);
    if (m->at_us)
        add_time(out, "at", m->at_us);
    str_addc(out, '}');
}
