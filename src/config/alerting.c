#include "config/alerting.h"

#include "base/str.h"
#include "base/units.h"

#include <inttypes.h>

#define GRID_US (10 * USEC_PER_SEC) /* alerts are evaluated at its multiples */
#define LONG_MIN_US USEC_PER_MIN
#define TIER_MAX_US (3660 * USEC_PER_DAY)
#define FOR_MAX_US USEC_PER_DAY

struct raw_tier {
    int severity; /* index into severity_names, -1 */
    int64_t long_us, short_us, min_failures;
    struct decimal factor, budget;
};

static const char *const severity_names[] = {"page", "ticket", NULL};
static const enum severity severities[] = {SEVERITY_PAGE, SEVERITY_TICKET};

static void decode_factor(struct decode *c, const struct node *n, void *out)
{
    char found[FOUND_MAX];
    struct decimal d, one = {1, 0};
    struct err err;
    if (n->kind != NODE_SCALAR || node_is_null(n)) {
        decode_error(c, n->pos, "factor: expected a number like 14.4; found %s",
                     decode_found(n, found));
        return;
    }
    if (decimal_parse(n->text, &d, &err) < 0)
        decode_error(c, n->pos, "factor: %s", err.msg);
    else if (decimal_cmp(d, one) < 0)
        decode_error(c, n->pos,
                     "factor: a burn rate below 1 leaves budget over at the window's end; it must "
                     "be at least 1, found %s",
                     decode_found(n, found));
    else
        *(struct decimal *)out = d;
}

static void decode_share(struct decode *c, const struct node *n, void *out)
{
    static const struct field share = {"budget", FIELD_PERCENT};
    struct decimal d = {-1, 0}, one = {1, 0};
    decode_value(c, n, &share, &d);
    if (d.n < 0)
        return;
    if (d.n == 0 || decimal_cmp(d, one) > 0)
        decode_error(c, n->pos,
                     "budget: the share of the budget that is spent when the tier fires is above "
                     "0%% and at most 100%%");
    else
        *(struct decimal *)out = d;
}

#define RAW(member) offsetof(struct raw_tier, member)

static const struct field tier_fields[] = {
    {"severity", FIELD_ENUM, RAW(severity), .flags = FIELD_REQUIRED, .names = severity_names},
    {"long", FIELD_DURATION, RAW(long_us), .flags = FIELD_REQUIRED, .min = LONG_MIN_US,
     .max = TIER_MAX_US},
    {"short", FIELD_DURATION, RAW(short_us), .min = LONG_MIN_US, .max = TIER_MAX_US},
    {"factor", FIELD_CUSTOM, RAW(factor), .decode = decode_factor},
    {"budget", FIELD_CUSTOM, RAW(budget), .decode = decode_share},
    {"min_failures", FIELD_INT, RAW(min_failures), .min = 1, .max = ALERTING_MIN_FAILURES_MAX},
    {0},
};

/* Windows begin at whole steps: a length that is none would be another one. */
static void check_step(struct decode *c, const struct node *n, const char *key, int64_t us,
                       bool minutes)
{
    char step_text[UNITS_MAX], text[UNITS_MAX];
    int64_t step = us > 3 * USEC_PER_DAY           ? USEC_PER_HOUR
                   : us > USEC_PER_HOUR || minutes ? USEC_PER_MIN
                                                   : GRID_US;
    if (us % step != 0)
        decode_error(c, n->pos, "%s: a window of %s must be a multiple of %s", key,
                     units_duration(text, us), units_duration(step_text, step));
}

static void check_windows(struct decode *c, const struct node *n, const struct raw_tier *raw)
{
    const struct node *lng = node_get(n, "long"), *shrt = node_get(n, "short");
    char long_text[UNITS_MAX], short_text[UNITS_MAX];
    if (raw->long_us)
        check_step(c, lng, "long", raw->long_us, false);
    if (raw->short_us)
        check_step(c, shrt, "short", raw->short_us, true);
    if (raw->long_us && raw->short_us && raw->long_us <= raw->short_us)
        decode_error(
            c, shrt->pos, "short: the short window (%s) must be shorter than the long one (%s)",
            units_duration(short_text, raw->short_us), units_duration(long_text, raw->long_us));
}

static void check_burn(struct decode *c, const struct node *n)
{
    const struct node *factor = node_get(n, "factor"), *budget = node_get(n, "budget");
    if (factor && budget)
        decode_error(c, budget->pos,
                     "budget: a tier fires at a factor or at a share of the budget; this one has "
                     "both");
    else if (!factor && !budget && !decode_misspelt(n, tier_fields, "factor") &&
             !decode_misspelt(n, tier_fields, "budget"))
        decode_error(c, n->pos,
                     "missing when the tier fires: 'factor: 14.4', or 'budget: 2%%' for the share "
                     "of the budget spent in its long window");
}

static struct pos pos_of(const struct node *n, const char *key)
{
    const struct node *at = node_get(n, key);
    return at ? at->pos : n->pos;
}

static void decode_tier(struct decode *c, const struct node *n, struct tier_decl *out)
{
    struct raw_tier raw = {.severity = -1};
    decode_object(c, n, tier_fields, &raw);
    if (n->kind != NODE_MAP)
        return;
    check_windows(c, n, &raw);
    check_burn(c, n);
    *out = (struct tier_decl){.pos = n->pos,
                              .long_pos = pos_of(n, "long"),
                              .short_pos = pos_of(n, "short"),
                              .burn_pos = pos_of(n, raw.factor.n ? "factor" : "budget"),
                              .long_us = raw.long_us,
                              .short_us = raw.short_us,
                              .factor = raw.factor,
                              .budget = raw.budget,
                              .min_failures = (int)raw.min_failures};
    if (raw.severity >= 0)
        out->severity = severities[raw.severity];
}

static void decode_tiers(struct decode *c, const struct node *n, void *out)
{
    char found[FOUND_MAX];
    struct alerting *a = out;
    if (n->kind != NODE_SEQ) {
        decode_error(c, n->pos, "tiers: expected a list of tiers; found %s",
                     decode_found(n, found));
        return;
    }
    if (n->n == 0 || n->n > ALERTING_TIERS_MAX) {
        decode_error(c, n->pos, "tiers: expected 1 to %d of them; found %zu%s", ALERTING_TIERS_MAX,
                     n->n, n->n ? "" : " ('alerting: none' is for an objective without alerts)");
        return;
    }
    struct tier_decl *tiers = arena_alloc(c->arena, n->n * sizeof(*tiers));
    for (size_t i = 0; i < n->n; i++)
        decode_tier(c, n->items[i], &tiers[i]);
    a->tiers = tiers;
    a->n = n->n;
}

struct raw_alerting {
    struct alerting alerting;
    int64_t min_failures;
};

static const struct field alerting_fields[] = {
    {"tiers", FIELD_CUSTOM, offsetof(struct raw_alerting, alerting), .decode = decode_tiers},
    {"min_failures", FIELD_INT, offsetof(struct raw_alerting, min_failures), .min = 1,
     .max = ALERTING_MIN_FAILURES_MAX},
    {"for", FIELD_DURATION, offsetof(struct raw_alerting, alerting.for_us), .min = GRID_US,
     .max = FOR_MAX_US},
    {0},
};

static void check_for(struct decode *c, const struct node *n, int64_t for_us)
{
    char text[UNITS_MAX];
    if (for_us % GRID_US != 0)
        decode_error(c, n->pos, "for: alerts are looked at each 10s; %s is no multiple of it",
                     units_duration(text, for_us));
}

void decode_alerting(struct decode *c, const struct node *n, void *out)
{
    static const char *const words[] = {"default", "none", NULL};
    static const struct field word = {"alerting", FIELD_ENUM, .names = words};
    struct alerting *a = out;
    struct raw_alerting raw = {0};
    char found[FOUND_MAX];
    int which = 0;
    if (n->kind == NODE_SEQ) {
        decode_tiers(c, n, a);
    } else if (n->kind == NODE_MAP && n->n > 0) {
        decode_object(c, n, alerting_fields, &raw);
        *a = raw.alerting;
        a->min_failures = (int)raw.min_failures;
        check_for(c, node_get(n, "for"), a->for_us);
    } else if (n->kind == NODE_SCALAR && !node_is_null(n)) {
        decode_value(c, n, &word, &which);
        a->none = which == 1;
    } else {
        decode_error(c, n->pos,
                     "alerting: expected default, none, or a mapping with tiers, min_failures or "
                     "for; "
                     "found %s",
                     n->kind == NODE_MAP ? "an empty mapping" : decode_found(n, found));
    }
}

void alerting_identify(const struct slo_def *slo, struct str *text)
{
    char factor[UNITS_MAX], budget[UNITS_MAX];
    if (slo->min_failures)
        str_addf(text, "\nmin_failures %d", slo->min_failures);
    if (slo->for_us)
        str_addf(text, "\nfor %" PRId64, slo->for_us);
    for (size_t i = 0; i < slo->declared_count; i++) {
        const struct tier_decl *t = &slo->declared[i];
        str_addf(text, "\n%d %" PRId64 " %" PRId64 " %s %s %d", t->severity, t->long_us,
                 t->short_us, decimal_text(factor, t->factor), decimal_text(budget, t->budget),
                 t->min_failures);
    }
}
