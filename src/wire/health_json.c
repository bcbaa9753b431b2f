/* The JSON shapes of health documents. */
#include "wire/health_internal.h"

#include "base/mem.h"
#include "base/str.h"

#include <jansson.h>
#include <math.h>
#include <strings.h>

#define NESTING_MAX 8   /* components within components */
#define ENVELOPES_MAX 2 /* {"data": {"status": ...}} */
#define LATENCY_MAX_US (86400.0 * 1e6)

/* What counts as a component in a map of them. */
enum picky {
    PICK_ALL,     /* all but numbers, which count something */
    PICK_WORDS,   /* what has a state, words of the table included */
    PICK_OBJECTS, /* objects that have a state */
};

/* Where components are. "details" and the like hold other things as well. */
static const struct container {
    const char *key;
    enum picky top, nested;
} containers[] = {
    {"checks", PICK_ALL, PICK_ALL},        {"services", PICK_ALL, PICK_ALL},
    {"components", PICK_ALL, PICK_ALL},    {"dependencies", PICK_ALL, PICK_ALL},
    {"subsystems", PICK_ALL, PICK_ALL},    {"entries", PICK_WORDS, PICK_OBJECTS},
    {"details", PICK_WORDS, PICK_OBJECTS}, {"results", PICK_WORDS, PICK_OBJECTS},
};

static const char *const envelopes[] = {"data", "health", "result"};
static const char *const state_keys[] = {"status", "state", "health"};
static const char *const flag_keys[] = {"ready",     "healthy", "ok",         "up",
                                        "alive",     "live",    "available",  "connected",
                                        "reachable", "success", "is_healthy", "isHealthy"};
static const char *const why_keys[] = {"error",       "message",   "output", "reason",
                                       "description", "exception", "detail", "msg"};
static const char *const name_keys[] = {"name",    "component", "componentName",
                                        "service", "id",        "key"};
static const char *const version_keys[] = {"releaseId",  "version", "app_version",
                                           "appVersion", "release", "gitVersion"};
static const char *const build_keys[] = {"build", "app", "info"};

/* Microseconds of a bare number under the key. */
static const struct {
    const char *key;
    double unit_us;
} latency_keys[] = {
    {"latency_ms", 1e3},      {"latencyMs", 1e3},        {"response_time_ms", 1e3},
    {"responseTimeMs", 1e3},  {"duration_ms", 1e3},      {"durationMs", 1e3},
    {"elapsed_ms", 1e3},      {"time_ms", 1e3},          {"rtt_ms", 1e3},
    {"latency_us", 1},        {"duration_us", 1},        {"latency_s", 1e6},
    {"latency_seconds", 1e6}, {"response_time_s", 1e6},  {"response_time_seconds", 1e6},
    {"duration_s", 1e6},      {"duration_seconds", 1e6}, {"latency", 1e3},
    {"response_time", 1e3},   {"responseTime", 1e3},     {"duration", 1e3},
    {"elapsed", 1e3},
};

static const struct {
    const char *name;
    double us;
} time_units[] = {
    {"ns", 1e-3}, {"us", 1}, {"\xc2\xb5s", 1}, {"\xce\xbcs", 1}, {"ms", 1e3}, {"s", 1e6},
};

/* ---- latencies ------------------------------------------------------------------- */

static int64_t microseconds(double us)
{
    return us >= 0 && us <= LATENCY_MAX_US ? llround(us) : -1; /* not if NaN */
}

static int64_t by_unit(double value, const char *unit)
{
    for (size_t i = 0; i < countof(time_units); i++) {
        if (strcasecmp(unit, time_units[i].name) == 0)
            return microseconds(value * time_units[i].us);
    }
    return -1;
}

/* "2ms", "1.5 s", "00:00:00.0123", "2" in the key's own unit. */
static int64_t latency_text(const char *text, double unit_us)
{
    int hours, minutes, used = 0;
    double seconds;
    char *end;
    if (sscanf(text, "%3d:%2d:%lf%n", &hours, &minutes, &seconds, &used) == 3)
        return text[used] ? -1 : microseconds((hours * 3600.0 + minutes * 60.0 + seconds) * 1e6);
    double value = strtod(text, &end);
    if (end == text)
        return -1;
    end += strspn(end, " ");
    return *end ? by_unit(value, end) : microseconds(value * unit_us);
}

static int64_t latency_of(json_t *object)
{
    for (size_t i = 0; i < countof(latency_keys); i++) {
        json_t *v = json_object_get(object, latency_keys[i].key);
        int64_t us = -1;
        if (json_is_number(v))
            us = microseconds(json_number_value(v) * latency_keys[i].unit_us);
        else if (json_is_string(v))
            us = latency_text(json_string_value(v), latency_keys[i].unit_us);
        if (us >= 0)
            return us;
    }
    return -1;
}

/* ---- states ---------------------------------------------------------------------- */

/* What both say about one thing: known words count before unknown ones, and of
 * the known ones the worse. */
static struct health_claim both(struct health_claim a, struct health_claim b)
{
    if (a.listed != b.listed)
        return a.listed ? a : b;
    return health_worse(a.state, b.state) == a.state ? a : b;
}

static int http_status(json_t *v)
{
    json_int_t i = json_integer_value(v);
    return json_is_integer(v) && i >= 100 && i <= 599 ? (int)i : 0;
}

/* `flag`: the key says what true means. False: nothing is said. */
static bool claim_value(struct arena *a, const char *key, bool flag, json_t *v,
                        struct health_claim *ret)
{
    int status = flag ? 0 : http_status(v);
    if (status) {
        *ret = health_claim_bool(status < 400);
        ret->said = arena_printf(a, "%d", status);
        return true;
    }
    if (json_is_boolean(v)) {
        *ret = health_claim_bool(json_is_true(v));
        if (flag)
            ret->said = json_is_true(v) ? key : arena_printf(a, "not %s", key);
        return true;
    }
    if (!json_is_string(v) || json_string_length(v) == 0)
        return false;
    *ret = health_claim_text(a, json_string_value(v), json_string_length(v));
    return ret->listed || !flag;
}

static const char *why_of(struct arena *a, json_t *object)
{
    for (size_t i = 0; i < countof(why_keys); i++) {
        json_t *v = json_object_get(object, why_keys[i]);
        if (json_is_object(v))
            v = json_object_get(v, "message");
        if (json_is_string(v) && json_string_length(v) > 0)
            return health_text(a, json_string_value(v), json_string_length(v), HEALTH_WHY_MAX);
    }
    json_t *details = json_object_get(object, "details");
    return json_is_object(details) ? why_of(a, details) : "";
}

static bool claim_object(struct arena *a, json_t *object, struct health_claim *ret)
{
    struct health_claim claim, all = {0};
    bool said = false;
    for (size_t i = 0; i < countof(state_keys) + countof(flag_keys); i++) {
        bool flag = i >= countof(state_keys);
        const char *key = flag ? flag_keys[i - countof(state_keys)] : state_keys[i];
        if (claim_value(a, key, flag, json_object_get(object, key), &claim)) {
            all = said ? both(all, claim) : claim;
            said = true;
        }
    }
    if (said && all.state != HEALTH_OK && (!*all.why || !all.listed)) {
        const char *why = why_of(a, object);
        all.why = *why ? why : all.why;
    }
    *ret = all;
    return said;
}

/* ---- components ------------------------------------------------------------------- */

static size_t add_container(struct health_draft *d, const char *prefix, json_t *v, enum picky picky,
                            int depth);

static size_t add_containers(struct health_draft *d, const char *prefix, json_t *object, int depth)
{
    size_t added = 0;
    for (size_t i = 0; i < countof(containers) && depth < NESTING_MAX; i++) {
        const struct container *c = &containers[i];
        added += add_container(d, prefix, json_object_get(object, c->key),
                               depth ? c->nested : c->top, depth);
    }
    return added;
}

static bool measures_time(const char *metric)
{
    return strcasestr(metric, "latency") || strcasestr(metric, "responsetime") ||
           strcasestr(metric, "response_time") || strcasestr(metric, "duration");
}

/* health+json: "redis:latency": [{"status": "pass", "observedValue": 2,
 * "observedUnit": "ms"}, ...], one entry for each node. Those without a state
 * are measurements. */
static size_t add_entries(struct health_draft *d, const char *name, const char *metric,
                          json_t *array)
{
    struct health_claim claim, all = {0};
    int64_t latency_us = -1;
    bool said = false;
    size_t i;
    json_t *entry;
    json_array_foreach(array, i, entry)
    {
        json_t *value = json_object_get(entry, "observedValue");
        const char *unit = json_string_value(json_object_get(entry, "observedUnit"));
        int64_t us = latency_of(entry);
        if (json_is_number(value) && unit && measures_time(metric))
            us = by_unit(json_number_value(value), unit);
        if (us > latency_us)
            latency_us = us;
        if (!json_is_object(entry) || !claim_object(d->arena, entry, &claim))
            continue;
        bool worse = !said || health_worse(all.state, claim.state) != all.state;
        all = worse ? claim : all;
        said = true;
    }
    if (said)
        health_add(d, name, all, latency_us);
    return said;
}

static size_t add_object(struct health_draft *d, const char *name, json_t *object, enum picky picky,
                         int depth)
{
    struct health_claim claim;
    if (claim_object(d->arena, object, &claim)) {
        health_add(d, name, claim, latency_of(object));
        return 1 + add_containers(d, name, object, depth + 1);
    }
    json_t *error = json_object_get(object, "error");
    if (picky == PICK_ALL && error && !json_is_null(error) && !json_is_false(error)) {
        claim = health_claim_bool(false);
        claim.why = why_of(d->arena, object);
        health_add(d, name, claim, latency_of(object));
        return 1;
    }
    /* A group: {"databases": {"primary": {"status": "up"}}} */
    size_t added =
        depth + 1 < NESTING_MAX ? add_container(d, name, object, PICK_OBJECTS, depth + 1) : 0;
    if (added || picky != PICK_ALL)
        return added;
    claim = health_claim_text(d->arena, "", 0);
    health_add(d, name, claim, latency_of(object));
    return 1;
}

static size_t add_member(struct health_draft *d, const char *prefix, const char *key, json_t *v,
                         enum picky picky, int depth)
{
    struct health_claim claim;
    const char *name = *prefix ? arena_printf(d->arena, "%s/%s", prefix, key) : key;
    if (json_is_object(v))
        return add_object(d, name, v, picky, depth);
    if (json_is_array(v)) {
        const char *colon = strchr(name, ':');
        const char *of = colon ? arena_strndup(d->arena, name, (size_t)(colon - name)) : name;
        return add_entries(d, of, colon ? colon + 1 : "", v);
    }
    if (json_is_string(v))
        claim = health_claim_text(d->arena, json_string_value(v), json_string_length(v));
    else if (json_is_boolean(v))
        claim = health_claim_bool(json_is_true(v));
    else if (json_is_null(v))
        claim = health_claim_text(d->arena, "null", 4);
    else
        return 0;
    if (picky == PICK_OBJECTS || (picky == PICK_WORDS && !(json_is_string(v) && claim.listed)))
        return 0;
    health_add(d, name, claim, -1);
    return 1;
}

/* [{"name": "db", "status": "UP"}, ...] */
static size_t add_list(struct health_draft *d, const char *prefix, json_t *array, enum picky picky,
                       int depth)
{
    size_t i, added = 0;
    json_t *v;
    json_array_foreach(array, i, v)
    {
        const char *name = NULL;
        for (size_t k = 0; k < countof(name_keys) && !name; k++)
            name = json_string_value(json_object_get(v, name_keys[k]));
        if (json_is_object(v) && name)
            added += add_member(d, prefix, name, v, picky, depth);
        else if (json_is_object(v))
            added +=
                add_member(d, prefix, arena_printf(d->arena, "%zu", i), v, PICK_OBJECTS, depth);
    }
    return added;
}

static size_t add_container(struct health_draft *d, const char *prefix, json_t *v, enum picky picky,
                            int depth)
{
    size_t added = 0;
    const char *key;
    json_t *member;
    if (json_is_array(v))
        return add_list(d, prefix, v, picky, depth);
    json_object_foreach(v, key, member) /* none if it is no object */
        added += add_member(d, prefix, key, member, picky, depth);
    return added;
}

/* ---- documents ---------------------------------------------------------------------- */

static const char *version_of(struct arena *a, json_t *object)
{
    for (size_t i = 0; i < countof(version_keys); i++) {
        json_t *v = json_object_get(object, version_keys[i]);
        if (json_is_string(v) && json_string_length(v) > 0)
            return health_text(a, json_string_value(v), json_string_length(v), HEALTH_VERSION_MAX);
        if (json_is_integer(v))
            return arena_printf(a, "%lld", (long long)json_integer_value(v));
    }
    return NULL;
}

static void take_version(struct health_draft *d, json_t *object)
{
    if (!d->doc->version)
        d->doc->version = version_of(d->arena, object);
    for (size_t i = 0; i < countof(build_keys) && !d->doc->version; i++)
        d->doc->version = version_of(d->arena, json_object_get(object, build_keys[i]));
}

static void take_claim(struct health *doc, struct health_claim claim)
{
    struct health_claim old = {
        .state = doc->state, .listed = true, .said = doc->said, .why = doc->why};
    if (*doc->said)
        claim = both(old, claim);
    doc->state = claim.state;
    doc->said = claim.said;
    doc->why = claim.why;
}

/* {"database": "ok", "redis": {"state": "up"}}, where nothing else says more. */
static size_t add_flat(struct health_draft *d, json_t *object)
{
    size_t added = 0;
    const char *key;
    json_t *member;
    json_object_foreach(object, key, member)
    {
        bool is_why = false;
        for (size_t i = 0; i < countof(why_keys); i++)
            is_why |= str_eq(key, why_keys[i]);
        if (!is_why)
            added += add_member(d, "", key, member, PICK_WORDS, 0);
    }
    return added;
}

/* Whether it says anything of health or version. */
static bool read_object(struct health_draft *d, json_t *object, int depth)
{
    struct health_claim claim;
    bool said = claim_object(d->arena, object, &claim);
    if (said)
        take_claim(d->doc, claim);
    int status = http_status(json_object_get(object, "status"));
    if (status)
        d->doc->claimed_status = status;
    said |= add_containers(d, "", object, 0) > 0;
    take_version(d, object);
    for (size_t i = 0; i < countof(envelopes) && depth < ENVELOPES_MAX; i++) {
        json_t *inner = json_object_get(object, envelopes[i]);
        if (json_is_object(inner))
            said |= read_object(d, inner, depth + 1);
    }
    if (!said && depth == 0)
        said = add_flat(d, object) > 0;
    return said || d->doc->version;
}

/* [{"ready": false, ...}, 503], with headers behind it or not; or components. */
static bool read_array(struct health_draft *d, json_t *array)
{
    size_t n = json_array_size(array);
    json_t *first = json_array_get(array, 0), *third = json_array_get(array, 2);
    int status = http_status(json_array_get(array, 1));
    bool answer = status && (n == 2 || (n == 3 && json_is_object(third)));
    if (!answer)
        return add_list(d, "", array, PICK_WORDS, 0) > 0;
    bool said = json_is_object(first) && read_object(d, first, 0);
    d->doc->claimed_status = status;
    return said;
}

static bool read_string(struct health_draft *d, json_t *v)
{
    struct health_claim claim =
        health_claim_text(d->arena, json_string_value(v), json_string_length(v));
    if (claim.listed)
        take_claim(d->doc, claim);
    return claim.listed;
}

/* jansson recurses, and its own limit is too far for the stacks of threads. */
static bool too_deep(const char *body, size_t n)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        char c = body[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']'))
            depth--;
        if (depth > HEALTH_DEPTH_MAX)
            return true;
    }
    return false;
}

int health_read_json(struct health_draft *d, const char *body, size_t n, struct err *reterr)
{
    json_error_t error;
    if (too_deep(body, n))
        return err_set(reterr, "JSON nested deeper than %d", HEALTH_DEPTH_MAX);
    json_t *root = json_loadb(body, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!root)
        return err_set(reterr, "not valid JSON at %d:%d: %s", error.line, error.column,
                       json_error_code(&error) == json_error_null_character ? "a NUL character"
                                                                            : error.text);
    bool said = json_is_object(root)  ? read_object(d, root, 0)
                : json_is_array(root) ? read_array(d, root)
                                      : read_string(d, root);
    json_decref(root);
    if (said)
        return 0;
    return err_set(reterr, "JSON without a state: there is no \"status\", \"ready\", \"checks\" "
                           "or the like");
}
