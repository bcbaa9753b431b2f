/* Reading messages: jansson's tree into ours, with a path in each error. */
#include "wire/message.h"

#include "base/when.h"
#include "model/message.h"

#include <jansson.h>
#include <string.h>

struct reader {
    struct arena *arena;
    struct err *err;
    char where[48]; /* "" or "alerts[3]." */
};

static int expected(struct reader *r, const char *key, const char *what)
{
    return err_set(r->err, "%s%s: expected %s", r->where, key, what);
}

static int read_text(struct reader *r, json_t *object, const char *key, const char *absent,
                     const char **ret)
{
    json_t *v = json_object_get(object, key);
    if (!v && absent) {
        *ret = absent;
        return 0;
    }
    if (!json_is_string(v))
        return expected(r, key, "a text");
    *ret = arena_strdup(r->arena, json_string_value(v));
    return 0;
}

static int read_status(struct reader *r, json_t *object, bool *ret)
{
    const char *text;
    if (read_text(r, object, "status", NULL, &text) < 0)
        return -1;
    *ret = strcmp(text, "firing") == 0;
    if (!*ret && strcmp(text, "resolved") != 0)
        return expected(r, "status", "firing or resolved");
    return 0;
}

static int read_time(struct reader *r, json_t *object, const char *key, int64_t *ret_us)
{
    const char *text;
    struct err err;
    if (read_text(r, object, key, "0001-01-01T00:00:00Z", &text) < 0)
        return -1;
    *ret_us = 0;
    if (strncmp(text, "0001-01-01T", 11) == 0)
        return 0;
    if (when_parse(text, strlen(text), ret_us, &err) < 0)
        return err_set(r->err, "%s%s: %s", r->where, key, err.msg);
    return 0;
}

static int read_map(struct reader *r, json_t *object, const char *key, struct string_map *ret)
{
    json_t *map = json_object_get(object, key), *v;
    const char *name;
    *ret = (struct string_map){0};
    if (!map || json_is_null(map))
        return 0;
    if (!json_is_object(map))
        return expected(r, key, "an object");
    if (json_object_size(map) > MESSAGE_LABELS_MAX)
        return err_set(r->err, "%s%s: more than %d members", r->where, key, MESSAGE_LABELS_MAX);
    ret->at = arena_alloc(r->arena, (json_object_size(map) + 1) * sizeof(*ret->at));
    json_object_foreach(map, name, v)
    {
        if (!json_is_string(v))
            return expected(r, key, "texts as values");
        if (strlen(name) > MESSAGE_LABEL_BYTES_MAX ||
            json_string_length(v) > MESSAGE_LABEL_BYTES_MAX)
            return err_set(r->err, "%s%s: a text of more than %d bytes", r->where, key,
                           MESSAGE_LABEL_BYTES_MAX);
        ret->at[ret->n++] = (struct pair){.key = arena_strdup(r->arena, name),
                                          .value = arena_strdup(r->arena, json_string_value(v))};
    }
    message_sort_map(ret);
    return 0;
}

static int read_alert(struct reader *r, json_t *object, struct message_alert *ret)
{
    if (!json_is_object(object))
        return expected(r, "", "an object");
    if (read_status(r, object, &ret->firing) < 0 ||
        read_map(r, object, "labels", &ret->labels) < 0 ||
        read_map(r, object, "annotations", &ret->annotations) < 0 ||
        read_time(r, object, "startsAt", &ret->starts_us) < 0 ||
        read_time(r, object, "endsAt", &ret->ends_us) < 0 ||
        read_text(r, object, "generatorURL", "", &ret->generator_url) < 0 ||
        read_text(r, object, "fingerprint", "", &ret->fingerprint) < 0)
        return -1;
    if (ret->starts_us == 0)
        return expected(r, "startsAt", "a time");
    if (ret->firing)
        ret->ends_us = 0;
    else if (ret->ends_us == 0)
        return expected(r, "endsAt", "a time, as the alert is resolved");
    char print[FINGERPRINT_SIZE];
    if (!*ret->fingerprint)
        ret->fingerprint = arena_strdup(r->arena, message_fingerprint(print, &ret->labels));
    return 0;
}

static int read_alerts(struct reader *r, json_t *root, struct message *ret)
{
    json_t *list = json_object_get(root, "alerts");
    if (!list || json_is_null(list))
        return 0;
    if (!json_is_array(list))
        return expected(r, "alerts", "a list");
    size_t n = json_array_size(list);
    if (n > MESSAGE_ALERTS_MAX)
        return err_set(r->err, "alerts: %zu of them, at most %d are allowed", n,
                       MESSAGE_ALERTS_MAX);
    ret->alerts = arena_alloc(r->arena, (n + 1) * sizeof(*ret->alerts));
    for (size_t i = 0; i < n; i++) {
        snprintf(r->where, sizeof(r->where), "alerts[%zu].", i);
        if (read_alert(r, json_array_get(list, i), &ret->alerts[i]) < 0)
            return -1;
    }
    r->where[0] = '\0';
    ret->alert_count = n;
    return 0;
}

static int read_root(struct reader *r, json_t *root, struct message *ret)
{
    const char *version;
    if (!json_is_object(root))
        return expected(r, "message", "an object");
    if (read_text(r, root, "version", "4", &version) < 0)
        return -1;
    if (strcmp(version, "4") != 0)
        return expected(r, "version", "\"4\"");
    if (read_text(r, root, "receiver", NULL, &ret->receiver) < 0 ||
        read_text(r, root, "groupKey", "", &ret->group_key) < 0 ||
        read_status(r, root, &ret->firing) < 0 ||
        read_map(r, root, "groupLabels", &ret->group_labels) < 0 ||
        read_map(r, root, "commonLabels", &ret->common_labels) < 0 ||
        read_map(r, root, "commonAnnotations", &ret->common_annotations) < 0 ||
        read_text(r, root, "externalURL", "", &ret->external_url) < 0 ||
        read_time(r, root, "at", &ret->at_us) < 0 || read_alerts(r, root, ret) < 0)
        return -1;
    json_t *truncated = json_object_get(root, "truncatedAlerts");
    if (truncated && (!json_is_integer(truncated) || json_integer_value(truncated) < 0))
        return expected(r, "truncatedAlerts", "a count");
    ret->truncated = json_integer_value(truncated);
    return 0;
}

static json_t *load(const char *text, size_t n, struct err *reterr)
{
    json_error_t error;
    if (n > MESSAGE_TEXT_MAX) {
        err_set(reterr, "a message of %zu bytes: at most %zu are allowed", n, MESSAGE_TEXT_MAX);
        return NULL;
    }
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        err_set(reterr, "line %d, column %d: %s", error.line, error.column, error.text);
    return root;
}

static bool is_fingerprint(const char *text)
{
    return strspn(text, "0123456789abcdef") == FINGERPRINT_SIZE - 1 &&
           text[FINGERPRINT_SIZE - 1] == '\0';
}

int message_alert_read(const char *text, size_t n, struct arena *arena, struct message_alert *ret,
                       struct err *reterr)
{
    struct reader r = {.arena = arena, .err = reterr};
    struct message_alert a = {0};
    json_t *root = load(text, n, reterr);
    if (!root)
        return -1;
    str_copy(r.where, sizeof(r.where), "alert.");
    int rc = read_alert(&r, root, &a);
    if (rc == 0 && !is_fingerprint(a.fingerprint))
        rc = expected(&r, "fingerprint", "16 hexadecimal digits");
    json_decref(root);
    if (rc == 0)
        *ret = a;
    return rc;
}

int message_read(const char *text, size_t n, struct arena *arena, struct message *ret,
                 struct err *reterr)
{
    struct reader r = {.arena = arena, .err = reterr};
    struct message m = {0};
    json_t *root = load(text, n, reterr);
    if (!root)
        return -1;
    int rc = read_root(&r, root, &m);
    json_decref(root);
    if (rc == 0)
        *ret = m;
    return rc;
}
