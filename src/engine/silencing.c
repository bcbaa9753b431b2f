#include "engine/silencing.h"

#include "base/json.h"
#include "base/when.h"
#include "model/matcher.h"
#include "wire/message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int silencing_read_silences(struct store_reader *r, struct silencing *ret, struct err *reterr)
{
    *ret = (struct silencing){0};
    if (!r ||
        store_reader_silences(r, &ret->arena, &ret->silences, &ret->silence_count, reterr) == 0)
        return 0;
    silencing_release(ret);
    return -1;
}

static int by_start(const void *a, const void *b)
{
    const struct message_alert *x = a, *y = b;
    if (x->starts_us != y->starts_us)
        return x->starts_us < y->starts_us ? -1 : 1;
    return strcmp(x->fingerprint, y->fingerprint);
}

static int read_alerts(struct store_reader *r, struct silencing *s, struct err *reterr)
{
    struct dispatch_past past;
    if (store_reader_dispatch(r, &s->arena, &past, reterr) < 0)
        return -1;
    s->alerts = arena_alloc(&s->arena, (past.alert_count + 1) * sizeof(*s->alerts));
    for (size_t i = 0; i < past.alert_count; i++) {
        struct message_alert *to = &s->alerts[s->alert_count];
        const char *text = past.alerts[i].alert;
        if (message_alert_read(text, strlen(text), &s->arena, to, reterr) < 0)
            return -1;
        s->alert_count += to->firing;
    }
    if (s->alert_count)
        qsort(s->alerts, s->alert_count, sizeof(*s->alerts), by_start);
    return 0;
}

int silencing_read(struct store_reader *r, struct silencing *ret, struct err *reterr)
{
    if (silencing_read_silences(r, ret, reterr) < 0)
        return -1;
    if (!r || read_alerts(r, ret, reterr) == 0)
        return 0;
    silencing_release(ret);
    return -1;
}

void silencing_release(struct silencing *s)
{
    arena_release(&s->arena);
    *s = (struct silencing){0};
}

const struct stored_silence *silencing_get(const struct silencing *s, int64_t id)
{
    for (size_t i = 0; i < s->silence_count; i++)
        if (s->silences[i].id == id)
            return &s->silences[i];
    return NULL;
}

size_t silencing_count(const struct silencing *s, const struct matchers *matchers)
{
    size_t n = 0;
    for (size_t i = 0; i < s->alert_count; i++)
        n += matchers_match(matchers, &s->alerts[i].labels);
    return n;
}

const struct stored_silence *silencing_find(const struct silencing *s,
                                            const struct string_map *labels, int64_t t_us)
{
    for (size_t i = 0; i < s->silence_count; i++)
        if (silence_mutes(s->silences[i].silence, labels, t_us))
            return &s->silences[i];
    return NULL;
}

/* ---- JSON ------------------------------------------------------------------------------ */

static void put_string(struct str *out, const char *key, const char *value)
{
    str_addf(out, ",\"%s\":", key);
    json_add_string(out, value);
}

static void put_time(struct str *out, const char *key, int64_t us)
{
    char text[WHEN_MAX];
    put_string(out, key, when_text(text, us));
}

static void put_matchers(const struct matchers *list, struct str *out)
{
    str_add(out, ",\"matchers\":[");
    for (size_t i = 0; i < list->n; i++) {
        const struct matcher *m = &list->at[i];
        bool equal = m->op == MATCH_EQUAL || m->op == MATCH_REGEX;
        str_addf(out, "%s{\"isEqual\":%s,\"isRegex\":%s", i ? "," : "", equal ? "true" : "false",
                 m->op >= MATCH_REGEX ? "true" : "false");
        put_string(out, "name", m->name);
        put_string(out, "value", m->value);
        str_addc(out, '}');
    }
    str_addc(out, ']');
}

void silencing_put_json(const struct stored_silence *s, int64_t now_us, struct str *out)
{
    const struct silence *at = s->silence;
    str_addf(out, "\"id\":\"%" PRId64 "\",\"status\":{\"state\":\"%s\"}", s->id,
             silence_state_name(silence_state(at, now_us)));
    put_matchers(&at->matchers, out);
    put_time(out, "startsAt", at->starts_us);
    put_time(out, "endsAt", at->ends_us);
    put_time(out, "updatedAt", s->expired_us ? s->expired_us : s->created_us);
    put_string(out, "createdBy", at->author);
    put_string(out, "comment", at->comment);
}

void silencing_put_map(const struct string_map *map, struct str *out)
{
    str_addc(out, '{');
    for (size_t i = 0; i < map->n; i++) {
        str_add(out, i ? "," : "");
        json_add_string(out, map->at[i].key);
        str_addc(out, ':');
        json_add_string(out, map->at[i].value);
    }
    str_addc(out, '}');
}
