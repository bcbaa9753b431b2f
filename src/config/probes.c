/* Documents of kind Probes. */
#include "config/build.h"
#include "config/conditions.h"

#include "base/str.h"
#include "base/units.h"
#include "model/schedule.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define INTERVAL_MIN_US (100 * USEC_PER_MSEC)
#define INTERVAL_MAX_US USEC_PER_DAY
#define INTERVAL_DEFAULT_US (30 * USEC_PER_SEC)
#define TIMEOUT_MIN_US USEC_PER_MSEC
#define TIMEOUT_MAX_US USEC_PER_HOUR
#define TIMEOUT_DEFAULT_US (10 * USEC_PER_SEC)
#define IN_FLIGHT_MAX 1000

struct probe_raw {
    const char *id, *renamed_from;
    int64_t interval_us, timeout_us, max_in_flight; /* 0: not given */
    struct string_map labels;
    struct condition_list alerts;
    const struct node *hours, *depends_on;
    struct choice kind;
};

struct defaults {
    int64_t interval_us, timeout_us;
    struct string_map labels;
    struct condition_list alerts;
    const struct node *hours;
};

struct probes_doc {
    const char *api_version, *kind;
    struct defaults defaults;
    const struct node *probes;
};

static const struct field defaults_fields[] = {
    {"interval", FIELD_DURATION, offsetof(struct defaults, interval_us), .min = INTERVAL_MIN_US,
     .max = INTERVAL_MAX_US},
    {"timeout", FIELD_DURATION, offsetof(struct defaults, timeout_us), .min = TIMEOUT_MIN_US,
     .max = TIMEOUT_MAX_US},
    {"labels", FIELD_STRING_MAP, offsetof(struct defaults, labels)},
    {"hours", FIELD_CUSTOM, offsetof(struct defaults, hours), .decode = decode_keep},
    {"alerts", FIELD_CUSTOM, offsetof(struct defaults, alerts), .decode = decode_probe_alerts},
    {0},
};

static const struct field document_fields[] = {
    {"apiVersion", FIELD_STRING, offsetof(struct probes_doc, api_version)},
    {"kind", FIELD_STRING, offsetof(struct probes_doc, kind)},
    {"defaults", FIELD_OBJECT, offsetof(struct probes_doc, defaults), .fields = defaults_fields},
    {"probes", FIELD_CUSTOM, offsetof(struct probes_doc, probes), .decode = decode_keep},
    {0},
};

static const struct field probe_fields[] = {
    {"id", FIELD_STRING, offsetof(struct probe_raw, id), .flags = FIELD_REQUIRED},
    {"renamed_from", FIELD_STRING, offsetof(struct probe_raw, renamed_from)},
    {"interval", FIELD_DURATION, offsetof(struct probe_raw, interval_us), .min = INTERVAL_MIN_US,
     .max = INTERVAL_MAX_US},
    {"timeout", FIELD_DURATION, offsetof(struct probe_raw, timeout_us), .min = TIMEOUT_MIN_US,
     .max = TIMEOUT_MAX_US},
    {"max_in_flight", FIELD_INT, offsetof(struct probe_raw, max_in_flight), .min = 1,
     .max = IN_FLIGHT_MAX},
    {"labels", FIELD_STRING_MAP, offsetof(struct probe_raw, labels)},
    {"hours", FIELD_CUSTOM, offsetof(struct probe_raw, hours), .decode = decode_keep},
    {"alerts", FIELD_CUSTOM, offsetof(struct probe_raw, alerts), .decode = decode_probe_alerts},
    {"depends_on", FIELD_CUSTOM, offsetof(struct probe_raw, depends_on), .decode = decode_keep},
    {0},
};

static size_t kind_names(const struct config_tables *t, const char *names[static KINDS_MAX],
                         const char *helps[static KINDS_MAX])
{
    size_t n = 0;
    for (; t->probe_kinds[n]; n++) {
        assert(n < KINDS_MAX);
        names[n] = t->probe_kinds[n]->name;
        helps[n] = t->probe_kinds[n]->help;
    }
    return n;
}

const struct field *probes_fields(struct arena *a, const struct config_tables *tables)
{
    const char *names[KINDS_MAX], *helps[KINDS_MAX];
    size_t n = kind_names(tables, names, helps);
    return build_kind_fields(a, probe_fields, names, helps, n, offsetof(struct probe_raw, kind));
}

/* ---- one probe -------------------------------------------------------------------- */

/* The probe's own labels over the defaults. */
static struct string_map merge_labels(struct arena *a, const struct string_map *defaults,
                                      const struct string_map *own)
{
    struct string_map m = {arena_alloc(a, (defaults->n + own->n + 1) * sizeof(*m.at)), 0};
    for (size_t i = 0; i < own->n; i++)
        m.at[m.n++] = own->at[i];
    for (size_t i = 0; i < defaults->n; i++) {
        size_t j = 0;
        while (j < own->n && !str_eq(own->at[j].key, defaults->at[i].key))
            j++;
        if (j == own->n)
            m.at[m.n++] = defaults->at[i];
    }
    return m;
}

/* So many runs may overlap that a hanging target cannot thin out its own
 * outage: every slot finds a place. */
static int in_flight(struct build *b, const struct node *n, const struct probe_def *def,
                     int64_t given)
{
    int64_t least = (def->timeout_us + def->interval_us - 1) / def->interval_us;
    const struct node *at = node_get(n, "max_in_flight");
    char timeout[UNITS_MAX], interval[UNITS_MAX];
    units_duration(timeout, def->timeout_us);
    units_duration(interval, def->interval_us);
    if (least > IN_FLIGHT_MAX)
        decode_error(&b->decode, n->pos,
                     "a timeout of %s every %s means %" PRId64 " runs in flight; at most %d",
                     timeout, interval, least, IN_FLIGHT_MAX);
    else if (given && given < least && at)
        decode_error(&b->decode, at->pos,
                     "max_in_flight: a timeout of %s every %s needs at least %" PRId64
                     ", else a hanging target shrinks its own outage; found '%" PRId64 "'",
                     timeout, interval, least, given);
    return (int)(given >= least ? given : least < IN_FLIGHT_MAX ? least : IN_FLIGHT_MAX);
}

static uint64_t hash_text(uint64_t h, const char *text)
{
    return hash_mix(h, text ? str_hash(text, strlen(text)) : 0);
}

static void set_hours(struct build *b, const struct probe_raw *raw, const struct defaults *defaults,
                      struct probe_def *def)
{
    const struct node *n = raw->hours ? raw->hours : defaults->hours;
    def->hours = n ? build_hours(b, n) : NULL;
    if (!def->hours)
        return;
    def->revision = hash_text(def->revision, b->tables->hours->text(def->hours));
    build_check_hours(b, n, def);
}

static void set_schedule(struct build *b, const struct node *n, const struct probe_raw *raw,
                         const struct defaults *defaults, struct probe_def *def)
{
    char text[128];
    def->interval_us = raw->interval_us        ? raw->interval_us
                       : defaults->interval_us ? defaults->interval_us
                                               : INTERVAL_DEFAULT_US;
    def->timeout_us = raw->timeout_us ? raw->timeout_us : defaults->timeout_us;
    if (!def->timeout_us)
        def->timeout_us =
            def->interval_us < TIMEOUT_DEFAULT_US ? def->interval_us : TIMEOUT_DEFAULT_US;
    def->phase_us = schedule_phase(def->id, def->interval_us);
    def->max_in_flight = in_flight(b, n, def, raw->max_in_flight);
    int len =
        snprintf(text, sizeof(text), "interval=%" PRId64 " phase=%" PRId64 " timeout=%" PRId64,
                 def->interval_us, def->phase_us, def->timeout_us);
    def->revision = str_hash(text, (size_t)len);
    set_hours(b, raw, defaults, def);
}

/* Decodes what is under the kind's key; def->spec stays NULL when it is wrong. */
static void set_spec(struct build *b, const struct node *n, const struct probe_raw *raw,
                     struct probe_def *def)
{
    const char *names[KINDS_MAX], *helps[KINDS_MAX];
    size_t count = kind_names(b->tables, names, helps);
    int chosen = build_choice(b, n, b->probe_fields, &raw->kind, names, count, "probe");
    if (chosen < 0)
        return;
    const struct node *under = raw->kind.at[chosen];
    size_t errors = b->decode.diag->errors;
    def->kind = b->tables->probe_kinds[chosen];
    void *spec = arena_alloc(&b->config->arena, def->kind->spec_size);
    build_spec(b, under, def->kind->name, def->kind->fields, spec);
    if (b->decode.diag->errors != errors)
        return;
    def->spec = spec;
    b->decode.peer = NULL;
    b->decode.certificates = false;
    if (def->kind->prepare)
        def->kind->prepare(&b->decode, under, def, spec);
    def->peer = b->decode.peer;
    def->sees_certificates = b->decode.certificates;
}

/* Covers the effective values, so that a changed default is a changed probe. */
static uint64_t content_hash(const struct build *b, const struct node *n,
                             const struct probe_def *def)
{
    uint64_t h = hash_mix(node_hash(n), def->revision);
    h = hash_mix(h, (uint64_t)def->max_in_flight);
    for (size_t i = 0; i < def->labels.n; i++)
        h = hash_text(hash_text(h, def->labels.at[i].key), def->labels.at[i].value);
    return hash_mix(h, b->decode.secrets);
}

static void add_rename(struct build *b, const struct node *n, const struct probe_raw *raw,
                       struct probe_def *def)
{
    if (!raw->renamed_from || !build_check_name(b, n, "renamed_from", raw->renamed_from))
        return;
    def->renamed_from = raw->renamed_from;
    vec_push(&b->renames, ((struct named){raw->renamed_from, node_get(n, "renamed_from")->pos}));
}

/* What is wrong below an id that cannot be used is told as well. */
static void build_probe(struct build *b, const struct node *n, const struct defaults *defaults)
{
    struct probe_raw raw = {0};
    decode_object(&b->decode, n, b->probe_fields, &raw);
    if (n->kind != NODE_MAP) {
        b->unread = true;
        return;
    }
    bool named = raw.id && build_check_name(b, n, "id", raw.id);
    struct probe_def *def = arena_alloc(&b->config->arena, sizeof(*def));
    def->id = named ? raw.id : "";
    def->pos = named ? node_get(n, "id")->pos : n->pos;
    b->decode.secrets = 0;
    build_check_labels(b, &raw.labels);
    def->labels = merge_labels(&b->config->arena, &defaults->labels, &raw.labels);
    add_rename(b, n, &raw, def);
    set_schedule(b, n, &raw, defaults, def);
    set_spec(b, n, &raw, def);
    conditions_of_probe(&b->decode, &raw.alerts, &defaults->alerts, def);
    def->content = content_hash(b, n, def);
    vec_push(&b->probes, def);
    if (raw.depends_on)
        vec_push(&b->dependents, ((struct dependent){.def = def, .node = raw.depends_on}));
    if (named)
        vec_push(&b->probe_ids, ((struct named){def->id, def->pos}));
    else
        b->unread = true; /* an SLO may mean this one */
}

/* Told once, not for each of the probes. */
static void check_defaults(struct build *b, struct defaults *d)
{
    struct hours *hours = d->hours ? build_hours(b, d->hours) : NULL;
    if (hours)
        b->tables->hours->unref(hours);
    else
        d->hours = NULL;
}

void build_probes(struct build *b, const struct node *doc)
{
    struct probes_doc d = {0};
    decode_object(&b->decode, doc, document_fields, &d);
    build_check_labels(b, &d.defaults.labels);
    check_defaults(b, &d.defaults);
    const struct node *list = build_list(b, doc, "probes");
    if (!list) {
        b->unread = true;
        return;
    }
    for (size_t i = 0; i < list->n; i++)
        build_probe(b, list->items[i], &d.defaults);
}
