#include "config/objectives.h"

#include "config/anchor.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTIVES_MAX 16
#define OBJECTIVE_NAME_MAX 63
#define WINDOWS_MAX 8
#define WINDOW_MIN_US USEC_PER_MIN
#define WINDOW_MAX_US (3660 * USEC_PER_DAY)

/* ---- objectives -------------------------------------------------------------------- */

static void decode_target(struct decode *c, const struct node *n, struct decimal *out)
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
        *out = d;
    if (d.n == 0)
        decode_warning(c, n->pos,
                       "objective: 0%% promises nothing: it is met when all events are bad");
}

/* As names of labels are, and no longer than OpenSLO's displayName. */
static bool check_name(struct decode *c, const struct node *key)
{
    const char *name = key->text;
    char found[FOUND_MAX];
    bool ok = name[0] && !isdigit((unsigned char)name[0]) && strlen(name) <= OBJECTIVE_NAME_MAX;
    for (const char *p = name; ok && *p; p++)
        ok = isalnum((unsigned char)*p) || *p == '_';
    if (!ok)
        decode_error(c, key->pos,
                     "objective: a name is made of up to %d letters, digits and '_' and does not "
                     "start with a digit; found %s",
                     OBJECTIVE_NAME_MAX, decode_found(key, found));
    return ok;
}

static struct objective *new_objectives(struct decode *c, size_t n, struct objectives *ret)
{
    struct objective *list = arena_alloc(c->arena, n * sizeof(*list));
    for (size_t i = 0; i < n; i++)
        list[i] = (struct objective){.name = ""};
    *ret = (struct objectives){list, n};
    return list;
}

void decode_objectives(struct decode *c, const struct node *n, void *out)
{
    if (n->kind != NODE_MAP) {
        decode_target(c, n, &new_objectives(c, 1, out)->target);
        return;
    }
    if (n->n < 2 || n->n > OBJECTIVES_MAX) {
        decode_error(c, n->pos,
                     "objective: expected a percentage, or a mapping of 2 to %d names to "
                     "percentages; found %zu%s",
                     OBJECTIVES_MAX, n->n, n->n == 1 ? " (one alone has no name)" : "");
        return;
    }
    struct objective *list = new_objectives(c, n->n, out);
    for (size_t i = 0; i < n->n; i++) {
        if (check_name(c, n->items[2 * i]))
            list[i].name = n->items[2 * i]->text;
        decode_target(c, n->items[2 * i + 1], &list[i].target);
    }
}

const char *objective_name(struct arena *a, const char *given, const struct objective *o,
                           const struct window_def *w)
{
    const char *name = o->name[0] ? o->name : given;
    if (!w)
        return name;
    return arena_printf(a, "%s%s%s", name, name[0] ? " " : "", w->text);
}

/* ---- windows ----------------------------------------------------------------------- */

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

static void decode_window(struct decode *c, const struct node *n, struct window_def *w)
{
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

/* Reports are told apart by them. */
static void check_distinct(struct decode *c, const struct slo_window *list, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (str_eq(list[i].def.text, list[k].def.text))
                decode_error(c, list[i].at->pos,
                             "window: there is one of %s already; windows of an SLO are told apart "
                             "by their length, so this one is for an SLO of its own",
                             list[i].def.text);
}

void decode_windows(struct decode *c, const struct node *n, void *out)
{
    struct slo_windows *ret = out;
    const struct node *const alone[] = {n};
    const struct node *const *nodes = alone;
    size_t count = 1, errors = c->diag->errors;
    if (n->kind == NODE_SEQ) {
        nodes = (const struct node *const *)n->items;
        count = n->n;
    }
    if (n->kind == NODE_SEQ && (n->n < 2 || n->n > WINDOWS_MAX)) {
        decode_error(c, n->pos,
                     "window: expected a window, or a list of 2 to %d of them; found %zu",
                     WINDOWS_MAX, n->n);
        return;
    }
    struct slo_window *list = arena_alloc(c->arena, count * sizeof(*list));
    for (size_t i = 0; i < count; i++) {
        list[i].at = nodes[i];
        decode_window(c, nodes[i], &list[i].def);
    }
    if (c->diag->errors == errors)
        check_distinct(c, list, count);
    *ret = (struct slo_windows){list, count};
}
