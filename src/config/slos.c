/* Documents of kind SLOs, the short form. */
#include "config/alerting.h"
#include "config/anchor.h"
#include "config/budgeting.h"
#include "config/build.h"
#include "config/sli.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MIN_US USEC_PER_MIN
#define SLO_TEXT_MAX 65536
#define WINDOW_MAX_US (3660 * USEC_PER_DAY)

struct slos_doc {
    const char *api_version, *kind;
    const struct node *slos;
};

struct slo_raw {
    struct slo_def def;
    struct sli_raw sli;
    struct alerting alerting;
    int no_data;
};

static const struct field document_fields[] = {
    {"apiVersion", FIELD_STRING, offsetof(struct slos_doc, api_version)},
    {"kind", FIELD_STRING, offsetof(struct slos_doc, kind)},
    {"slos", FIELD_CUSTOM, offsetof(struct slos_doc, slos), .decode = decode_keep},
    {0},
};

/* ---- objective and window -------------------------------------------------------------- */

static void decode_objective(struct decode *c, const struct node *n, void *out)
{
    static const struct field percent = {"objective", FIELD_PERCENT};
    struct decimal d = {-1, 0}, one = {1, 0};
    decode_value(c, n, &percent, &d);
    if (d.n < 0)
        return;
    if (decimal_cmp(d, one) > 0)
        decode_error(c, n->pos, "objective: more than 100%% cannot be met; it must be below 100%%");
    else if (decimal_cmp(d, one) == 0)
        decode_error(c, n->pos,
                     "objective: 100%% leaves no error budget: one failure breaches it for good "
                     "and a burn rate would divide by zero; choose less, such as 99.99%%");
    else
        *(struct decimal *)out = d;
    if (d.n == 0)
        decode_warning(c, n->pos,
                       "objective: 0%% promises nothing: it is met when all events are bad");
}

/* "1M", "1Q", "3 months": periods that are no fixed length of time. */
static bool looks_calendar(const char *text)
{
    static const char *const units[] = {"M",       "Q",    "Y",     "month",   "months",
                                        "quarter", "year", "years", "quarters"};
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits + strspn(text + digits, " ");
    for (size_t i = 0; digits && i < countof(units); i++)
        if (str_eq(unit, units[i]))
            return true;
    return false;
}

static void decode_rolling(struct decode *c, const struct node *n, struct window_def *w)
{
    static const struct field window = {"window", FIELD_DURATION, .min = WINDOW_MIN_US,
                                        .max = WINDOW_MAX_US};
    char text[UNITS_MAX];
    int64_t us = 0;
    if (looks_calendar(n->text)) {
        decode_error(c, n->pos,
                     "window: months, quarters and years differ in length, a rolling window does "
                     "not: write 30d, or {calendar: 1 month} for the calendar's; found '%.60s'",
                     n->text);
        return;
    }
    decode_value(c, n, &window, &us);
    w->type = WINDOW_ROLLING;
    w->duration_us = us;
    w->text = arena_strdup(c->arena, units_duration(text, us));
}

struct period {
    const char *name;
    enum calendar_unit unit;
    int max;
};

static void decode_period(struct decode *c, const struct node *n, void *out)
{
    static const struct period periods[] = {{"day", CALENDAR_DAY, 366},
                                            {"week", CALENDAR_WEEK, 52},
                                            {"month", CALENDAR_MONTH, 12},
                                            {"quarter", CALENDAR_QUARTER, 4},
                                            {"year", CALENDAR_YEAR, 10}};
    struct window_def *w = out;
    char found[FOUND_MAX], unit[16];
    size_t digits = n->kind == NODE_SCALAR ? strspn(n->text, "0123456789") : 0;
    int count = digits >= 1 && digits <= 3 ? (int)strtol(n->text, NULL, 10) : 0;
    const char *name = count ? n->text + digits + strspn(n->text + digits, " ") : "";
    str_copy(unit, sizeof(unit), name);
    if (unit[0] && unit[strlen(unit) - 1] == 's')
        unit[strlen(unit) - 1] = '\0';
    for (size_t i = 0; i < countof(periods); i++) {
        if (!str_eq(periods[i].name, unit) || count > periods[i].max)
            continue;
        w->unit = periods[i].unit;
        w->count = count;
        w->text = arena_printf(c->arena, "%d %s%s", count, unit, count > 1 ? "s" : "");
        return;
    }
    decode_error(c, n->pos,
                 "calendar: expected 1 day, 1 week, 1 month, 1 quarter or 1 year (or "
                 "several of them); found %s",
                 decode_found(n, found));
}

static void decode_start(struct decode *c, const struct node *n, void *out)
{
    struct window_def *w = out;
    char found[FOUND_MAX];
    if (n->kind != NODE_SCALAR || !anchor_parse(n->text, &w->anchor_s))
        decode_error(c, n->pos,
                     "start: expected when a period begins, as YYYY-MM-DD or 'YYYY-MM-DD HH:MM:SS' "
                     "on the wall clock of the time zone; found %s",
                     decode_found(n, found));
}

static const struct field window_fields[] = {
    {"calendar", FIELD_CUSTOM, 0, .flags = FIELD_REQUIRED, .decode = decode_period},
    {"start", FIELD_CUSTOM, 0, .decode = decode_start},
    {"timezone", FIELD_STRING, offsetof(struct window_def, timezone)},
    {0},
};

static void decode_window(struct decode *c, const struct node *n, void *out)
{
    struct window_def *w = out;
    char found[FOUND_MAX];
    if (n->kind == NODE_MAP) {
        w->type = WINDOW_CALENDAR;
        w->timezone = "UTC";
        decode_object(c, n, window_fields, w);
        if (!node_get(n, "start"))
            w->anchor_s = window_default_anchor(w->unit);
    } else if (n->kind == NODE_SCALAR && !node_is_null(n)) {
        decode_rolling(c, n, w);
    } else {
        decode_error(c, n->pos,
                     "window: expected a duration like 30d, or {calendar: 1 month}; "
                     "found %s",
                     decode_found(n, found));
    }
}

/* ---- one SLO ------------------------------------------------------------------------- */

#define DEF(member) offsetof(struct slo_raw, def.member)

static const struct field slo_fields[] = {
    {"name", FIELD_STRING, DEF(name), .flags = FIELD_REQUIRED},
    {"service", FIELD_STRING, DEF(service)},
    {"description", FIELD_STRING, DEF(description)},
    {"runbook", FIELD_STRING, DEF(runbook)},
    {"sli", FIELD_OBJECT, offsetof(struct slo_raw, sli), .flags = FIELD_REQUIRED,
     .fields = sli_fields},
    {"objective", FIELD_CUSTOM, DEF(target), .flags = FIELD_REQUIRED, .decode = decode_objective},
    {"window", FIELD_CUSTOM, DEF(window), .flags = FIELD_REQUIRED, .decode = decode_window},
    {"budgeting", FIELD_CUSTOM, offsetof(struct slo_raw, def), .decode = decode_budgeting},
    {"no_data", FIELD_ENUM, offsetof(struct slo_raw, no_data),
     .names = (const char *const[]){"exclude", "good", "bad", NULL}},
    {"alerting", FIELD_CUSTOM, offsetof(struct slo_raw, alerting), .decode = decode_alerting},
    {"labels", FIELD_STRING_MAP, DEF(labels)},
    {0},
};

static void open_zone(struct build *b, const struct node *n, struct window_def *w)
{
    struct err err;
    struct zone *zone = NULL;
    const struct node *window = node_get(n, "window");
    const struct node *at = node_get(window, "timezone");
    if (w->type != WINDOW_CALENDAR || !b->tables->zone_open)
        return;
    if (b->tables->zone_open(w->timezone, &zone, &err) < 0)
        decode_error(&b->decode, at ? at->pos : window->pos, "timezone: %s", err.msg);
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

void build_slo(struct build *b, const struct node *n, const char *objective_name)
{
    struct slo_raw raw = {.def = {.service = "", .objective_name = objective_name}};
    size_t errors = b->decode.diag->errors;
    sli_raw_init(&raw.sli);
    decode_object(&b->decode, n, slo_fields, &raw);
    const struct node *sli = n->kind == NODE_MAP ? node_get(n, "sli") : NULL;
    if (sli && sli->kind == NODE_MAP)
        sli_build(&b->decode, sli, &raw.sli, &raw.def.sli);
    if (!raw.def.name || !build_check_name(b, n, "name", raw.def.name))
        return;
    build_check_labels(b, &raw.def.labels);

    struct slo_def *def = arena_alloc(&b->config->arena, sizeof(*def));
    *def = raw.def;
    def->pos = node_get(n, "name")->pos;
    def->no_data = (enum no_data)raw.no_data;
    def->alerting = !raw.alerting.none;
    def->min_failures = raw.alerting.min_failures;
    def->declared = raw.alerting.tiers;
    def->declared_count = raw.alerting.n;
    check_no_data(b, n, def);
    if (b->decode.diag->errors == errors) {
        open_zone(b, n, &def->window);
        def->content = content_hash(def);
    } else {
        def->sli.key = NULL;
    }
    vec_push(&b->slos,
             ((struct built_slo){def, node_get(sli, "probe"), node_get(sli, "faster_than"),
                                 node_get(sli, "component")}));
}

void build_slos(struct build *b, const struct node *doc)
{
    struct slos_doc d = {0};
    decode_object(&b->decode, doc, document_fields, &d);
    const struct node *list = build_list(b, doc, "slos");
    for (size_t i = 0; list && i < list->n; i++)
        build_slo(b, list->items[i], "");
}
