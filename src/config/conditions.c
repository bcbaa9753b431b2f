#include "config/conditions.h"

#include "base/str.h"
#include "base/units.h"
#include "nines/probe.h"

#include <string.h>

#define GRID_US (10 * USEC_PER_SEC) /* alerts are looked at at its multiples */
#define FOR_MAX_US USEC_PER_DAY
#define WITHIN_MAX_US (3650 * USEC_PER_DAY)
#define LABEL_MAX 64
#define PACE_US (6 * USEC_PER_HOUR) /* what exhausts_in goes by */

static const char *const severity_names[] = {"page", "ticket", "none", NULL};
static const char *const told_names[] = {"page", "ticket", NULL};
static const enum severity severities[] = {SEVERITY_PAGE, SEVERITY_TICKET, SEVERITY_NONE};

/* One rule as written. */
struct raw {
    int64_t failures, of, certificate_us, exhausts_us, for_us;
    struct decimal spent;
    bool silent;
    int severity; /* index into severity_names; -1: not said */
};

#define RAW(member) offsetof(struct raw, member)

static void decode_for(struct decode *c, const struct node *n, void *out)
{
    static const struct field duration = {"for", FIELD_DURATION, .min = GRID_US, .max = FOR_MAX_US};
    char text[UNITS_MAX];
    int64_t us = 0;
    if (n->kind == NODE_SCALAR && str_eq(n->text, "0s")) {
        *(int64_t *)out = 0;
        return;
    }
    decode_value(c, n, &duration, &us);
    if (us % GRID_US != 0)
        decode_error(c, n->pos, "for: alerts are looked at each 10s; %s is no multiple of it",
                     units_duration(text, us));
    else
        *(int64_t *)out = us;
}

static void decode_spent(struct decode *c, const struct node *n, void *out)
{
    static const struct field percent = {"budget_spent", FIELD_PERCENT};
    struct decimal d = {-1, 0};
    decode_value(c, n, &percent, &d);
    if (d.n < 0)
        return;
    if (d.n == 0 || decimal_cmp(d, (struct decimal){10, 0}) > 0)
        decode_error(c, n->pos,
                     "budget_spent: the share of the budget that is spent is above 0%% and at "
                     "most 1000%%; found '%.60s'",
                     n->text);
    else
        *(struct decimal *)out = d;
}

#define COMMON                                                                                     \
    {"severity", FIELD_ENUM, RAW(severity), .names = told_names},                                  \
        {"for", FIELD_CUSTOM, RAW(for_us), .decode = decode_for},                                  \
    {                                                                                              \
        0                                                                                          \
    }

static const struct field probe_rule_fields[] = {
    {"failures", FIELD_INT, RAW(failures), .min = 1, .max = CONDITION_RUNS_MAX},
    {"of", FIELD_INT, RAW(of), .min = 1, .max = CONDITION_RUNS_MAX},
    {"certificate", FIELD_DURATION, RAW(certificate_us), .min = GRID_US, .max = WITHIN_MAX_US},
    COMMON,
};

static const struct field slo_rule_fields[] = {
    {"budget_spent", FIELD_CUSTOM, RAW(spent), .decode = decode_spent},
    {"exhausts_in", FIELD_DURATION, RAW(exhausts_us), .min = GRID_US, .max = WITHIN_MAX_US},
    {"silent", FIELD_BOOL, RAW(silent)},
    COMMON,
};

/* How a list of rules is read: the keys of which each rule has one, and what it says. */
struct reading {
    const struct field *fields;
    const char *example;
    const char *keys[4]; /* NULL-ended */
    enum condition_kind kinds[3];
};

static const struct reading probe_reading = {
    probe_rule_fields,
    "{failures: 3, of: 5, severity: page}",
    {"failures", "certificate"},
    {CONDITION_FAILURES, CONDITION_CERTIFICATE},
};

static const struct reading slo_reading = {
    slo_rule_fields,
    "{budget_spent: 75%, severity: ticket}",
    {"budget_spent", "exhausts_in", "silent"},
    {CONDITION_BUDGET_SPENT, CONDITION_EXHAUSTS, CONDITION_NO_DATA},
};

/* ---- one rule ---------------------------------------------------------------------- */

/* The one that the rule is about, or -1, reported. */
static int chosen_kind(struct decode *c, const struct node *n, const struct reading *r)
{
    int found = -1;
    bool misspelt = false;
    for (int i = 0; r->keys[i]; i++) {
        const struct node *at = node_get(n, r->keys[i]);
        misspelt |= decode_misspelt(n, r->fields, r->keys[i]);
        if (at && found >= 0) {
            decode_error(c, at->pos, "%s: a rule asks one thing; this one has '%s' as well",
                         r->keys[i], r->keys[found]);
            return -1;
        }
        if (at)
            found = i;
    }
    if (found < 0 && !misspelt)
        decode_error(c, n->pos, "missing what the rule asks: '%s' or '%s', as in %s", r->keys[0],
                     r->keys[1], r->example);
    return found;
}

static void check_of(struct decode *c, const struct node *n, const struct raw *raw)
{
    const struct node *of = node_get(n, "of");
    if (of && !node_get(n, "failures"))
        decode_error(c, of->pos, "of: belongs to 'failures'");
    else if (of && raw->of && raw->of < raw->failures)
        decode_error(c, of->pos,
                     "of: %lld failures of the last %lld runs can never be; 'of' is at least as "
                     "many",
                     (long long)raw->failures, (long long)raw->of);
}

static const char *key_of(struct arena *a, const struct condition *r)
{
    char text[UNITS_MAX];
    switch (r->kind) {
    case CONDITION_FAILURES:
        return arena_printf(a, "%d/%d", r->failures, r->of);
    case CONDITION_CERTIFICATE:
    case CONDITION_EXHAUSTS:
        return arena_strdup(a, units_duration(text, r->within_us));
    case CONDITION_BUDGET_SPENT:
        return arena_strdup(a, decimal_percent(text, r->spent));
    case CONDITION_NO_DATA:
    case CONDITION_PROBER_DOWN:
    case CONDITION_KINDS:
        break;
    }
    return "";
}

/* Severities unless they are said: what wakes people is what fails now. */
static enum severity usual(enum condition_kind k)
{
    return k == CONDITION_FAILURES ? SEVERITY_PAGE : SEVERITY_TICKET;
}

/* False: there is an error in it. */
static bool decode_rule(struct decode *c, const struct node *n, const struct reading *r,
                        struct condition *ret, struct raw *raw)
{
    size_t errors = c->diag->errors;
    *raw = (struct raw){.severity = -1};
    decode_object(c, n, r->fields, raw);
    if (n->kind != NODE_MAP)
        return false;
    int kind = chosen_kind(c, n, r);
    check_of(c, n, raw);
    if (kind < 0 || c->diag->errors != errors)
        return false;
    *ret = (struct condition){
        .kind = r->kinds[kind],
        .failures = (int)raw->failures,
        .of = (int)(raw->of ? raw->of : raw->failures),
        .within_us = raw->certificate_us ? raw->certificate_us : raw->exhausts_us,
        .spent = raw->spent,
        .for_us = raw->for_us,
        .pos = n->pos,
    };
    ret->severity = raw->severity < 0 ? usual(ret->kind) : severities[raw->severity];
    ret->key = key_of(c->arena, ret);
    return true;
}

/* ---- lists ------------------------------------------------------------------------- */

static void check_new(struct decode *c, const struct condition_list *list,
                      const struct condition *r, const char *what)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->at[i].kind == r->kind && str_eq(list->at[i].key, r->key))
            decode_error(c, r->pos, "%s%s%s is asked twice; also at line %d", what,
                         r->key[0] ? ": " : "", r->key, list->at[i].pos.line);
}

static const char *key_name(const struct reading *r, enum condition_kind kind)
{
    size_t i = 0;
    while (r->kinds[i] != kind)
        i++;
    return r->keys[i];
}

/* `silent: false` is no rule, and takes none with it. */
static bool is_off(struct decode *c, const struct node *n, const struct condition *r,
                   const struct raw *raw)
{
    const struct node *more =
        node_get(n, "severity") ? node_get(n, "severity") : node_get(n, "for");
    if (r->kind != CONDITION_NO_DATA || raw->silent)
        return false;
    if (more)
        decode_error(c, more->pos, "silent: false is no alert; it has neither severity nor for");
    return true;
}

struct raw_list {
    struct condition_list list;
    bool silent_given;
};

static void decode_rules(struct decode *c, const struct node *n, const struct reading *r,
                         struct raw_list *out)
{
    char found[FOUND_MAX];
    struct raw raw;
    if (n->kind != NODE_SEQ) {
        decode_error(c, n->pos, "alerts: expected a list of rules such as %s; found %s", r->example,
                     decode_found(n, found));
        return;
    }
    if (n->n > CONDITIONS_MAX) {
        decode_error(c, n->pos, "alerts: at most %d rules; found %zu", CONDITIONS_MAX, n->n);
        return;
    }
    struct condition *rules = arena_alloc(c->arena, (n->n + 1) * sizeof(*rules));
    out->list.at = rules;
    for (size_t i = 0; i < n->n; i++) {
        struct condition *rule = &rules[out->list.n];
        if (!decode_rule(c, n->items[i], r, rule, &raw))
            continue;
        if (rule->kind == CONDITION_NO_DATA && out->silent_given)
            decode_error(c, rule->pos, "silent is asked twice");
        out->silent_given |= rule->kind == CONDITION_NO_DATA;
        if (is_off(c, n->items[i], rule, &raw))
            continue;
        if (rule->kind != CONDITION_NO_DATA)
            check_new(c, &out->list, rule, key_name(r, rule->kind));
        out->list.n++;
    }
}

void decode_probe_alerts(struct decode *c, const struct node *n, void *out)
{
    struct raw_list raw = {0};
    decode_rules(c, n, &probe_reading, &raw);
    *(struct condition_list *)out = raw.list;
}

void decode_slo_alerts(struct decode *c, const struct node *n, void *out)
{
    struct slo_alerts *alerts = out;
    struct raw_list raw = {0};
    decode_rules(c, n, &slo_reading, &raw);
    *alerts = (struct slo_alerts){raw.list, raw.silent_given};
}

/* ---- whose they are ------------------------------------------------------------------ */

static void check_exhausts(struct decode *c, const struct condition *r, const struct slo_def *slo)
{
    char text[UNITS_MAX];
    if (slo->window.type != WINDOW_ROLLING)
        decode_error(c, r->pos,
                     "exhausts_in: is told of rolling windows, and this one is %s; budget_spent "
                     "is told of all",
                     slo->window.text);
    else if (slo->member_count && slo->method == METHOD_OCCURRENCES)
        decode_error(c, r->pos,
                     "exhausts_in: the events of a composite are not one stream; ask its members, "
                     "or budget it in Timeslices");
    else if (slo->method != METHOD_OCCURRENCES && PACE_US % slo->slice_us != 0)
        decode_error(c, r->pos,
                     "exhausts_in: goes by the last 6h, which is no whole number of slices of %s",
                     units_duration(text, slo->slice_us));
    else if (r->within_us > slo->window.duration_us)
        decode_error(c, r->pos,
                     "exhausts_in: %s is more than the window of %s: what is further away than "
                     "that is not in sight",
                     units_duration(text, r->within_us), slo->window.text);
}

void conditions_of_slo(struct decode *c, const struct slo_alerts *alerts, struct slo_def *slo,
                       bool first)
{
    static const char silent[] = "";
    const struct condition_list *list = &alerts->list;
    struct condition *out = arena_alloc(c->arena, (list->n + 1) * sizeof(*out));
    bool usual_silence = first && !alerts->silent_given && slo->alerting && !slo->sli.metric &&
                         slo->member_count == 0;
    size_t n = 0;
    if (usual_silence)
        out[n++] = (struct condition){.kind = CONDITION_NO_DATA,
                                      .severity = usual(CONDITION_NO_DATA),
                                      .key = silent,
                                      .pos = slo->pos};
    for (size_t i = 0; i < list->n; i++) {
        if (list->at[i].kind == CONDITION_NO_DATA && !first)
            continue;
        if (list->at[i].kind == CONDITION_EXHAUSTS)
            check_exhausts(c, &list->at[i], slo);
        out[n++] = list->at[i];
    }
    slo->conditions = (struct condition_list){out, n};
}

void conditions_of_probe(struct decode *c, const struct condition_list *own,
                         const struct condition_list *defaults, struct probe_def *def)
{
    def->conditions = own->at ? *own : *defaults;
    for (size_t i = 0; own->at && def->spec && i < own->n; i++)
        if (own->at[i].kind == CONDITION_CERTIFICATE && !def->sees_certificates)
            decode_warning(c, own->at[i].pos,
                           "certificate: '%s' asks no https:// URL; no run of it sees a "
                           "certificate, so this never alerts",
                           def->id);
}

/* ---- nines.yaml ---------------------------------------------------------------------- */

void decode_process_alerts(struct decode *c, const struct node *n, void *out)
{
    static const struct field fields[] = {
        {"prober_down", FIELD_ENUM, 0, .names = severity_names},
        {0},
    };
    struct condition *r = out;
    int which = 0;
    decode_object(c, n, fields, &which);
    r->severity = severities[which];
}

static void check_label(struct decode *c, const struct node *n, const char *key, const char *text)
{
    size_t len = strlen(text);
    if (node_get(n, key) && (len == 0 || len > LABEL_MAX))
        decode_error(c, node_get(n, key)->pos, "%s: expected 1 to %d bytes; found %zu", key,
                     LABEL_MAX, len);
}

void decode_severity_labels(struct decode *c, const struct node *n, void *out)
{
    static const struct field fields[] = {
        {"page", FIELD_STRING, offsetof(struct severity_labels, page)},
        {"ticket", FIELD_STRING, offsetof(struct severity_labels, ticket)},
        {0},
    };
    struct severity_labels *names = out;
    decode_object(c, n, fields, names);
    check_label(c, n, "page", names->page);
    check_label(c, n, "ticket", names->ticket);
}
