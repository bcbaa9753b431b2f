/* Documents of kind SLOs, the short form. */
#include "config/alerting.h"
#include "config/budgeting.h"
#include "config/build.h"
#include "config/composite.h"
#include "config/conditions.h"
#include "config/policy.h"
#include "config/objectives.h"
#include "config/sli.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SLO_TEXT_MAX 65536

struct slos_doc {
    const char *api_version, *kind;
    const struct node *slos;
};

struct slo_raw {
    struct slo_def def;
    struct sli_raw sli;
    struct alerting alerting;
    struct slo_alerts alerts;
    struct objectives objectives;
    struct slo_windows windows;
    int no_data;
    const struct node *composite;
};

static const struct field document_fields[] = {
    {"apiVersion", FIELD_STRING, offsetof(struct slos_doc, api_version)},
    {"kind", FIELD_STRING, offsetof(struct slos_doc, kind)},
    {"slos", FIELD_CUSTOM, offsetof(struct slos_doc, slos), .decode = decode_keep},
    {0},
};

/* ---- one SLO ------------------------------------------------------------------------- */

#define DEF(member) offsetof(struct slo_raw, def.member)

static const struct field slo_fields[] = {
    {"name", FIELD_STRING, DEF(name), .flags = FIELD_REQUIRED},
    {"service", FIELD_STRING, DEF(service)},
    {"description", FIELD_STRING, DEF(description)},
    {"runbook", FIELD_STRING, DEF(runbook)},
    {"dashboard", FIELD_STRING, DEF(dashboard)},
    {"sli", FIELD_OBJECT, offsetof(struct slo_raw, sli), .fields = sli_fields},
    {"composite", FIELD_CUSTOM, offsetof(struct slo_raw, composite), .decode = decode_keep},
    {"objective", FIELD_CUSTOM, offsetof(struct slo_raw, objectives), .decode = decode_objectives},
    {"window", FIELD_CUSTOM, offsetof(struct slo_raw, windows), .flags = FIELD_REQUIRED,
     .decode = decode_windows},
    {"budgeting", FIELD_CUSTOM, offsetof(struct slo_raw, def), .decode = decode_budgeting},
    {"no_data", FIELD_ENUM, offsetof(struct slo_raw, no_data),
     .names = (const char *const[]){"exclude", "good", "bad", NULL}},
    {"alerting", FIELD_CUSTOM, offsetof(struct slo_raw, alerting), .decode = decode_alerting},
    {"alerts", FIELD_CUSTOM, offsetof(struct slo_raw, alerts), .decode = decode_slo_alerts},
    {"labels", FIELD_STRING_MAP, DEF(labels)},
    {"policy", FIELD_CUSTOM, DEF(policy), .decode = decode_policy},
    {"depends_on", FIELD_STRING_LIST, DEF(depends_on)},
    {0},
};

static void open_zone(struct build *b, const struct node *n, struct window_def *w)
{
    struct err err;
    struct zone *zone = NULL;
    const struct node *at = node_get(n, "timezone");
    if (w->type != WINDOW_CALENDAR || !b->tables->zone_open)
        return;
    if (b->tables->zone_open(w->timezone, &zone, &err) < 0)
        decode_error(&b->decode, at ? at->pos : n->pos, "timezone: %s", err.msg);
    w->zone = zone;
}

/* What its numbers depend on: another description is the same revision. */
static uint64_t content_hash(const struct slo_def *s)
{
    char target[UNITS_MAX];
    struct str text;
    str_init(&text, SLO_TEXT_MAX);
    str_addf(&text, "%s\n%s\n%s\n%d %" PRId64 " %d %d %s\n%d %d", s->name, s->sli.key,
             decimal_text(target, s->target), s->window.type, s->window.duration_us, s->window.unit,
             s->window.count, s->window.timezone ? s->window.timezone : "", s->no_data,
             s->alerting);
    if (s->objective_name[0])
        str_addf(&text, "\n%s", s->objective_name);
    if (s->window.type == WINDOW_CALENDAR &&
        s->window.anchor_s != window_default_anchor(s->window.unit))
        str_addf(&text, "\nfrom %" PRId64, s->window.anchor_s);
    alerting_identify(s, &text);
    budgeting_identify(s, &text);
    uint64_t h = str_hash(text.buf, text.len);
    str_release(&text);
    return h;
}

/* What counters say while nobody hears them is made up for by the next scrape. */
static void check_no_data(struct build *b, const struct node *n, const struct slo_def *def)
{
    const struct sli_metric *m = def->sli.metric;
    if (m && m->kind == SLI_RATIO && def->no_data != NO_DATA_EXCLUDE)
        decode_error(&b->decode, node_get(n, "no_data")->pos,
                     "no_data: counters go on while nobody hears them, so a silent scrape of a "
                     "ratio or histogram is neither good nor bad: exclude");
}

/* What it counts, and by what objective: an SLI of its own, or other SLOs. */
static void decode_source(struct build *b, const struct node *n, struct slo_raw *raw)
{
    static const struct objective members_own = {.name = ""};
    const struct node *sli = node_get(n, "sli");
    if (raw->composite) {
        composite_decode(b, n, raw->composite, &raw->def);
        if (raw->def.method == METHOD_OCCURRENCES)
            raw->objectives = (struct objectives){&members_own, 1};
        return;
    }
    if (n->kind == NODE_MAP && !sli && !decode_misspelt(n, slo_fields, "sli") &&
        !decode_misspelt(n, slo_fields, "composite"))
        decode_error(&b->decode, n->pos, "missing key 'sli' (or 'composite')");
    if (n->kind == NODE_MAP && !node_get(n, "objective") &&
        !decode_misspelt(n, slo_fields, "objective"))
        decode_error(&b->decode, n->pos, "missing key 'objective'");
    if (sli && sli->kind == NODE_MAP)
        sli_build(&b->decode, sli, &raw->sli, &raw->def.sli);
}

/* What all of its objectives have in common; NULL: not even a name, reported. */
static struct slo_def *decode_slo(struct build *b, const struct node *n, struct slo_raw *raw)
{
    struct slo_def *def = &raw->def;
    sli_raw_init(&raw->sli);
    decode_object(&b->decode, n, slo_fields, raw);
    decode_source(b, n, raw);
    if (!def->name || !build_check_name(b, n, "name", def->name))
        return NULL;
    build_check_labels(b, &def->labels);
    def->pos = node_get(n, "name")->pos;
    def->no_data = (enum no_data)raw->no_data;
    check_no_data(b, n, def);
    return def;
}

static void push_slo(struct build *b, const struct node *n, const struct slo_def *made)
{
    struct slo_def *def = arena_alloc(&b->config->arena, sizeof(*def));
    const struct node *sli = node_get(n, "sli");
    *def = *made;
    vec_push(&b->slos,
             ((struct built_slo){def, node_get(sli, "probe"), node_get(sli, "faster_than"),
                                 node_get(sli, "component"), node_get(n, "composite"),
                                 node_get(n, "depends_on"), false, 0}));
}

/* Nobody is to be paged twice for one thing: alerts go by the first window. */
static void set_alerting(struct slo_def *def, const struct alerting *a, size_t window)
{
    if (window > 0)
        return;
    def->alerting = !a->none;
    def->min_failures = a->min_failures;
    def->for_us = a->for_us;
    def->declared = a->tiers;
    def->declared_count = a->n;
}

/* An objective over a window: false if the window's zone cannot be had, reported. */
static bool add_objective(struct build *b, const struct node *n, const struct slo_raw *raw,
                          size_t objective, size_t window)
{
    struct slo_def def = raw->def;
    const struct slo_window *w = &raw->windows.at[window];
    size_t errors = b->decode.diag->errors;
    def.objective_name =
        objective_name(b->decode.arena, raw->def.objective_name, &raw->objectives.at[objective],
                       raw->windows.n > 1 ? &w->def : NULL);
    def.target = raw->objectives.at[objective].target;
    def.window = w->def;
    set_alerting(&def, &raw->alerting, window);
    if (window == 0)
        conditions_of_slo(&b->decode, &raw->alerts, &def, objective == 0);
    open_zone(b, w->at, &def.window);
    if (b->decode.diag->errors == errors)
        def.content = content_hash(&def);
    else
        def.sli.key = NULL;
    push_slo(b, n, &def);
    return def.sli.key != NULL;
}

void build_slo(struct build *b, const struct node *n, const char *name)
{
    struct slo_raw raw = {.def = {.service = "", .objective_name = name}};
    size_t errors = b->decode.diag->errors;
    struct slo_def *def = decode_slo(b, n, &raw);
    if (!def)
        return;
    if (b->decode.diag->errors != errors) {
        def->sli.key = NULL; /* its name and probe are looked at all the same */
        push_slo(b, n, def);
        return;
    }
    for (size_t w = 0; w < raw.windows.n; w++)
        for (size_t o = 0; o < raw.objectives.n; o++)
            if (!add_objective(b, n, &raw, o, w))
                break;
}

void build_slos(struct build *b, const struct node *doc)
{
    struct slos_doc d = {0};
    decode_object(&b->decode, doc, document_fields, &d);
    const struct node *list = build_list(b, doc, "slos");
    for (size_t i = 0; list && i < list->n; i++)
        build_slo(b, list->items[i], "");
}
