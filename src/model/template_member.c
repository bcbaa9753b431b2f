/* What may follow a dot. */
#include "model/template_internal.h"

#include "base/mem.h"
#include "model/message.h"

#include <string.h>

static struct value text(const char *s)
{
    return (struct value){.type = TYPE_TEXT, .text = s ? s : ""};
}

static struct value map(const struct string_map *m)
{
    return (struct value){.type = TYPE_MAP, .map = *m};
}

static struct value time_at(int64_t us)
{
    return (struct value){.type = TYPE_TIME, .number = us ? us : TIME_ZERO_US};
}

static struct value number(int64_t n)
{
    return (struct value){.type = TYPE_INT, .number = n};
}

static struct value alerts(const struct value *v, unsigned which)
{
    struct value ret = *v;
    ret.alerts.which &= which;
    return ret;
}

/* Values of one line each. */
#define GET(name, what)                                                                            \
    static EVAL(get_##name)                                                                        \
    {                                                                                              \
        (void)r;                                                                                   \
        (void)call;                                                                                \
        return what;                                                                               \
    }

#define ALL_ALERTS                                                                                 \
    {                                                                                              \
        args->message, ALERTS_FIRING | ALERTS_RESOLVED                                             \
    }

/* clang-format off */
GET(receiver, text(args->message->receiver))
GET(status, text(args->message->firing ? "firing" : "resolved"))
GET(alerts, ((struct value){.type = TYPE_ALERTS, .alerts = ALL_ALERTS}))
GET(group_labels, map(&args->message->group_labels))
GET(common_labels, map(&args->message->common_labels))
GET(common_annotations, map(&args->message->common_annotations))
GET(external_url, text(args->message->external_url))
GET(group_key, text(args->message->group_key))
GET(truncated, number(args->message->truncated))
GET(at, time_at(args->message->at_us))
GET(firing, alerts(args, ALERTS_FIRING))
GET(resolved, alerts(args, ALERTS_RESOLVED))
GET(alert_status, text(args->alert->firing ? "firing" : "resolved"))
GET(labels, map(&args->alert->labels))
GET(annotations, map(&args->alert->annotations))
GET(starts_at, time_at(args->alert->starts_us))
GET(ends_at, time_at(args->alert->ends_us))
GET(generator_url, text(args->alert->generator_url))
GET(fingerprint, text(args->alert->fingerprint))
GET(label, text(message_label(&args->map, call->data)))
GET(pair_name, text(args->pair->key))
GET(pair_value, text(args->pair->value))
GET(unix, number((args->number - (args->number % 1000000 + 1000000) % 1000000) / 1000000))
GET(utc, *args)
GET(is_zero, ((struct value){.type = TYPE_BOOL, .flag = args->number == TIME_ZERO_US}))
GET(sub, ((struct value){.type = TYPE_SPAN,
                         .number = tmpl_span_between(args[0].number, args[1].number)}))
GET(hours, ((struct value){.type = TYPE_FLOAT, .real = (double)args->number / 3600e9}))
GET(minutes, ((struct value){.type = TYPE_FLOAT, .real = (double)args->number / 60e9}))
GET(seconds, ((struct value){.type = TYPE_FLOAT, .real = (double)args->number / 1e9}))
/* clang-format on */

/* ---- sets of labels --------------------------------------------------------------- */

static EVAL(sorted_pairs)
{
    (void)call;
    const struct string_map *m = &args->map;
    struct value v = {.type = TYPE_PAIRS};
    struct pair *at = tmpl_run_alloc(r, (m->n + 1) * sizeof(*at));
    for (size_t i = 0; at && i < m->n; i++)
        if (strcmp(m->at[i].key, "alertname") == 0)
            at[v.map.n++] = m->at[i];
    for (size_t i = 0; at && i < m->n; i++)
        if (strcmp(m->at[i].key, "alertname") != 0)
            at[v.map.n++] = m->at[i];
    v.map.at = at;
    return v;
}

static struct value column(struct run *r, const struct value *list, bool names)
{
    struct value v = {.type = TYPE_TEXTS};
    struct value pairs = list->type == TYPE_MAP ? sorted_pairs(r, NULL, list) : *list;
    v.texts.at = tmpl_run_alloc(r, (pairs.map.n + 1) * sizeof(*v.texts.at));
    for (size_t i = 0; v.texts.at && i < pairs.map.n; i++)
        v.texts.at[v.texts.n++] = names ? pairs.map.at[i].key : pairs.map.at[i].value;
    return v;
}

static EVAL(names)
{
    (void)call;
    return column(r, args, true);
}

static EVAL(values)
{
    (void)call;
    return column(r, args, false);
}

static bool is_in(struct run *r, const struct string_list *list, const char *s)
{
    tmpl_run_step(r, list->n);
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->at[i], s) == 0)
            return true;
    return false;
}

static EVAL(without)
{
    (void)call;
    struct value v = {.type = TYPE_MAP};
    v.map.at = tmpl_run_alloc(r, (args->map.n + 1) * sizeof(*v.map.at));
    for (size_t i = 0; v.map.at && i < args->map.n; i++)
        if (!is_in(r, &args[1].texts, args->map.at[i].key))
            v.map.at[v.map.n++] = args->map.at[i];
    return v;
}

/* ---- the table -------------------------------------------------------------------- */

#define PLAIN(of, name, eval, type)                                                                \
    {                                                                                              \
        of,                                                                                        \
        {                                                                                          \
            name, eval, type, {BIT(of)}, 1, 1, NULL                                                \
        }                                                                                          \
    }
#define WITH(of, name, eval, type, arg)                                                            \
    {                                                                                              \
        of,                                                                                        \
        {                                                                                          \
            name, eval, type, {BIT(of), BIT(arg)}, 2, 2, NULL                                      \
        }                                                                                          \
    }

/* clang-format off */
static const struct member members[] = {
    PLAIN(TYPE_MESSAGE, "Receiver", get_receiver, TYPE_TEXT),
    PLAIN(TYPE_MESSAGE, "Status", get_status, TYPE_TEXT),
    PLAIN(TYPE_MESSAGE, "Alerts", get_alerts, TYPE_ALERTS),
    PLAIN(TYPE_MESSAGE, "GroupLabels", get_group_labels, TYPE_MAP),
    PLAIN(TYPE_MESSAGE, "CommonLabels", get_common_labels, TYPE_MAP),
    PLAIN(TYPE_MESSAGE, "CommonAnnotations", get_common_annotations, TYPE_MAP),
    PLAIN(TYPE_MESSAGE, "ExternalURL", get_external_url, TYPE_TEXT),
    PLAIN(TYPE_MESSAGE, "GroupKey", get_group_key, TYPE_TEXT),
    PLAIN(TYPE_MESSAGE, "TruncatedAlerts", get_truncated, TYPE_INT),
    PLAIN(TYPE_MESSAGE, "At", get_at, TYPE_TIME),
    PLAIN(TYPE_ALERTS, "Firing", get_firing, TYPE_ALERTS),
    PLAIN(TYPE_ALERTS, "Resolved", get_resolved, TYPE_ALERTS),
    PLAIN(TYPE_ALERT, "Status", get_alert_status, TYPE_TEXT),
    PLAIN(TYPE_ALERT, "Labels", get_labels, TYPE_MAP),
    PLAIN(TYPE_ALERT, "Annotations", get_annotations, TYPE_MAP),
    PLAIN(TYPE_ALERT, "StartsAt", get_starts_at, TYPE_TIME),
    PLAIN(TYPE_ALERT, "EndsAt", get_ends_at, TYPE_TIME),
    PLAIN(TYPE_ALERT, "GeneratorURL", get_generator_url, TYPE_TEXT),
    PLAIN(TYPE_ALERT, "Fingerprint", get_fingerprint, TYPE_TEXT),
    PLAIN(TYPE_MAP, "SortedPairs", sorted_pairs, TYPE_PAIRS),
    PLAIN(TYPE_MAP, "Names", names, TYPE_TEXTS),
    PLAIN(TYPE_MAP, "Values", values, TYPE_TEXTS),
    WITH(TYPE_MAP, "Remove", without, TYPE_MAP, TYPE_TEXTS),
    PLAIN(TYPE_PAIRS, "Names", names, TYPE_TEXTS),
    PLAIN(TYPE_PAIRS, "Values", values, TYPE_TEXTS),
    PLAIN(TYPE_PAIR, "Name", get_pair_name, TYPE_TEXT),
    PLAIN(TYPE_PAIR, "Value", get_pair_value, TYPE_TEXT),
    WITH(TYPE_TIME, "Format", tmpl_eval_format, TYPE_TEXT, TYPE_TEXT),
    WITH(TYPE_TIME, "Sub", get_sub, TYPE_SPAN, TYPE_TIME),
    PLAIN(TYPE_TIME, "Unix", get_unix, TYPE_INT),
    PLAIN(TYPE_TIME, "UTC", get_utc, TYPE_TIME),
    PLAIN(TYPE_TIME, "IsZero", get_is_zero, TYPE_BOOL),
    PLAIN(TYPE_SPAN, "Hours", get_hours, TYPE_FLOAT),
    PLAIN(TYPE_SPAN, "Minutes", get_minutes, TYPE_FLOAT),
    PLAIN(TYPE_SPAN, "Seconds", get_seconds, TYPE_FLOAT),
};
static const struct function label = {"a label", get_label, TYPE_TEXT, {BIT(TYPE_MAP)}, 1, 1, NULL};
/* clang-format on */

const struct function *tmpl_member_find(enum type of, const char *name, size_t n)
{
    for (size_t i = 0; i < countof(members); i++)
        if (members[i].of == of && strlen(members[i].f.name) == n &&
            memcmp(members[i].f.name, name, n) == 0)
            return &members[i].f;
    return NULL;
}

const struct function *tmpl_member_label(void)
{
    return &label;
}

int tmpl_member_unknown(struct parse *p, size_t at, enum type of, const char *name, size_t n)
{
    const char *known[countof(members)];
    char word[64];
    size_t count = 0;
    snprintf(word, sizeof(word), "%.*s", (int)(n < 60 ? n : 60), name);
    for (size_t i = 0; i < countof(members); i++)
        if (members[i].of == of)
            known[count++] = members[i].f.name;
    const char *near = str_nearest(word, known, count);
    if (near)
        return tmpl_parse_fail(p, at, "%s has no .%s; is it .%s?", tmpl_type_name(of), word, near);
    struct str all;
    str_init(&all, 300);
    for (size_t i = 0; i < count; i++)
        str_addf(&all, "%s.%s", i ? " " : "", known[i]);
    tmpl_parse_fail(p, at, "%s has no .%s; it has %s", tmpl_type_name(of), word,
                    count ? all.buf : "none");
    str_release(&all);
    return -1;
}
