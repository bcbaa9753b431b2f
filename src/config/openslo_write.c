#include "config/openslo_write.h"

#include "config/openslo_group.h"
#include "config/openslo_write_indicator.h"

#include "base/mem.h"
#include "base/when.h"
#include "config/yaml_text.h"

#include <inttypes.h>
#include <string.h>

/* ---- values --------------------------------------------------------------------- */

static void put_pair(struct str *out, const char *indent, const char *key, const char *value)
{
    str_addf(out, "%s", indent);
    yaml_put_text(out, key);
    str_add(out, ": ");
    yaml_put_text(out, value);
    str_addc(out, '\n');
}

/* In the largest unit it has; 0 when it is no whole number of minutes. */
static int put_duration(struct str *out, int64_t us)
{
    static const struct {
        int64_t us;
        char letter;
    } units[] = {{USEC_PER_DAY, 'd'}, {USEC_PER_HOUR, 'h'}, {USEC_PER_MIN, 'm'}};
    for (size_t i = 0; i < countof(units); i++) {
        if (us % units[i].us != 0)
            continue;
        str_addf(out, "%" PRId64 "%c", us / units[i].us, units[i].letter);
        return 0;
    }
    return -1;
}

/* ---- metadata ---------------------------------------------------------------------- */

static const char *severity_key(enum severity s)
{
    return s == SEVERITY_PAGE ? "page" : "ticket";
}

static void put_tier(struct str *out, const struct tier_decl *t)
{
    char text[UNITS_MAX];
    str_addf(out, "{severity: %s, long: %s", severity_key(t->severity),
             units_duration(text, t->long_us));
    if (t->short_us)
        str_addf(out, ", short: %s", units_duration(text, t->short_us));
    if (t->factor.n)
        str_addf(out, ", factor: %s", decimal_text(text, t->factor));
    else
        str_addf(out, ", budget: %s", decimal_percent(text, t->budget));
    if (t->min_failures)
        str_addf(out, ", min_failures: %d", t->min_failures);
    str_addc(out, '}');
}

/* As the short form has it under `alerting`. */
static void put_alerting(struct str *out, const struct slo_def *s)
{
    struct str text;
    str_init(&text, 8192);
    if (!s->alerting) {
        str_add(&text, "none");
    } else if (!s->declared && !s->min_failures && !s->for_us) {
        str_add(&text, "default");
    } else {
        char wait[UNITS_MAX];
        const char *sep = "{";
        if (s->for_us) {
            str_addf(&text, "%sfor: %s", sep, units_duration(wait, s->for_us));
            sep = ", ";
        }
        if (s->min_failures) {
            str_addf(&text, "%smin_failures: %d", sep, s->min_failures);
            sep = ", ";
        }
        for (size_t i = 0; i < s->declared_count; i++) {
            str_addf(&text, "%s%s", i ? ", " : sep, i ? "" : "tiers: [");
            put_tier(&text, &s->declared[i]);
        }
        str_add(&text, s->declared ? "]}" : "}");
    }
    put_pair(out, "    ", "nines/alerting", text.buf);
    str_release(&text);
}

static void put_rule(struct str *out, const struct condition *r)
{
    char wait[UNITS_MAX];
    static const char *const keys[CONDITION_KINDS] = {
        [CONDITION_NO_DATA] = "silent",
        [CONDITION_BUDGET_SPENT] = "budget_spent",
        [CONDITION_EXHAUSTS] = "exhausts_in",
    };
    str_addf(out, "%s{%s: %s, severity: %s", out->len ? ", " : "", keys[r->kind],
             r->kind == CONDITION_NO_DATA ? "true" : r->key, severity_name(r->severity));
    if (r->for_us)
        str_addf(out, ", for: %s", units_duration(wait, r->for_us));
    str_addc(out, '}');
}

/* As the short form has it under `alerts`; nothing where that would say nothing. */
static void put_alerts(struct str *out, const struct slo_def *s)
{
    bool usual = s->alerting && !s->sli.metric && !s->member_count, silent = false;
    struct str text, list;
    str_init(&text, 8192);
    str_init(&list, 8192);
    for (size_t i = 0; i < s->conditions.n; i++) {
        const struct condition *r = &s->conditions.at[i];
        bool is_silence = r->kind == CONDITION_NO_DATA;
        silent |= is_silence;
        if (!is_silence || !usual || r->severity != SEVERITY_TICKET || r->for_us)
            put_rule(&text, r);
    }
    if (usual && !silent)
        str_addf(&text, "%s{silent: false}", text.len ? ", " : "");
    if (text.len) {
        str_addf(&list, "[%s]", text.buf);
        put_pair(out, "    ", "nines/alerts", list.buf);
    }
    str_release(&text);
    str_release(&list);
}

/* As the short form has it in the list under `window`. */
static void add_window(struct str *out, const struct window_def *w)
{
    int64_t days = w->anchor_s / 86400, rest = w->anchor_s % 86400, year;
    int month, day;
    if (w->type == WINDOW_ROLLING) {
        str_add(out, w->text);
        return;
    }
    str_addf(out, "{calendar: %s, timezone: %s", w->text, w->timezone);
    when_civil_from_days(days, &year, &month, &day);
    if (w->anchor_s != window_default_anchor(w->unit))
        str_addf(out, ", start: '%04" PRId64 "-%02d-%02d %02d:%02d:%02d'", year, month, day,
                 (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
    str_addc(out, '}');
}

/* OpenSLO has one window: those behind the first are an annotation. */
static void put_windows(struct str *out, const struct openslo_group *g)
{
    struct str text;
    if (g->window_count == 1)
        return;
    str_init(&text, 8192);
    for (size_t i = 1; i < g->window_count; i++) {
        str_add(&text, i > 1 ? ", " : "[");
        add_window(&text, &g->windows[i]->window);
    }
    str_addc(&text, ']');
    put_pair(out, "    ", "nines/windows", text.buf);
    str_release(&text);
}

/* As the short form has it under `policy`, on one line. */
static void put_policy(struct str *out, const struct slo_policy *p)
{
    char spent[UNITS_MAX];
    struct str text;
    if (p->n == 0)
        return;
    str_init(&text, 1 << 16);
    str_addc(&text, '[');
    for (size_t i = 0; i < p->n; i++) {
        const struct policy_step *s = &p->at[i];
        str_addf(&text, "%s{spent: %s, then: ", i ? ", " : "", decimal_percent(spent, s->spent));
        yaml_put_text(&text, s->then);
        str_add(&text, s->stop ? ", stop: true}" : "}");
    }
    str_addc(&text, ']');
    put_pair(out, "    ", "nines/policy", text.buf);
    str_release(&text);
}

static void put_depends(struct str *out, const struct string_list *names)
{
    struct str text;
    if (names->n == 0)
        return;
    str_init(&text, 1 << 13);
    for (size_t i = 0; i < names->n; i++) {
        str_add(&text, i ? ", " : "[");
        yaml_put_text(&text, names->at[i]);
    }
    str_addc(&text, ']');
    put_pair(out, "    ", "nines/depends_on", text.buf);
    str_release(&text);
}

static void put_metadata(struct str *out, const struct openslo_group *g)
{
    const struct slo_def *s = g->windows[0];
    static const char *const no_data[] = {"exclude", "good", "bad"};
    put_pair(out, "  ", "name", s->name);
    if (s->labels.n)
        str_add(out, "  labels:\n");
    for (size_t i = 0; i < s->labels.n; i++)
        put_pair(out, "    ", s->labels.at[i].key, s->labels.at[i].value);
    str_add(out, "  annotations:\n");
    put_alerting(out, s);
    put_alerts(out, s);
    if (g->parts[0].slo->no_data != NO_DATA_EXCLUDE)
        put_pair(out, "    ", "nines/no_data", no_data[g->parts[0].slo->no_data]);
    if (s->runbook)
        put_pair(out, "    ", "nines/runbook", s->runbook);
    if (s->dashboard)
        put_pair(out, "    ", "nines/dashboard", s->dashboard);
    put_depends(out, &s->depends_on);
    put_policy(out, &s->policy);
    put_windows(out, g);
}

/* ---- windows, objectives ------------------------------------------------------------- */

static void put_calendar(struct str *out, const struct window_def *w)
{
    static const char letters[] = {'d', 'w', 'M', 'Q', 'Y'};
    int64_t days = w->anchor_s / 86400, rest = w->anchor_s % 86400, year;
    int month, day;
    when_civil_from_days(days, &year, &month, &day);
    str_addf(out,
             "    - duration: %d%c\n      isRolling: false\n      calendar:\n"
             "        startTime: %04" PRId64 "-%02d-%02d %02d:%02d:%02d\n        timeZone: ",
             w->count, letters[w->unit], year, month, day, (int)(rest / 3600),
             (int)(rest / 60 % 60), (int)(rest % 60));
    yaml_put_text(out, w->timezone);
    str_addc(out, '\n');
}

static int put_window(struct str *out, const struct slo_def *s, struct err *reterr)
{
    str_add(out, "  timeWindow:\n");
    if (s->window.type == WINDOW_CALENDAR) {
        put_calendar(out, &s->window);
        return 0;
    }
    str_add(out, "    - duration: ");
    if (put_duration(out, s->window.duration_us) < 0)
        return err_set(reterr, "SLO '%s': OpenSLO's durations are whole minutes; the window is %s",
                       s->name, s->window.text);
    str_add(out, "\n      isRolling: true\n");
    return 0;
}

static void put_objective(struct str *out, const struct openslo_group *g,
                          const struct openslo_part *p)
{
    static const struct decimal one = {1, 0};
    const struct slo_def *s = p->slo;
    char text[UNITS_MAX];
    str_addf(out, "    - target: %s\n", decimal_text(text, s->target));
    if (p->name[0])
        put_pair(out, "      ", "displayName", p->name);
    if (g->composite && decimal_cmp(p->weight, one) != 0)
        str_addf(out, "      compositeWeight: %s\n", decimal_text(text, p->weight));
    openslo_put_comparison(out, s);
    if (s->method != METHOD_OCCURRENCES) {
        str_add(out, "      timeSliceWindow: ");
        put_duration(out, s->slice_us);
        str_addc(out, '\n');
    }
    if (s->method == METHOD_TIMESLICES)
        str_addf(out, "      timeSliceTarget: %s\n", decimal_text(text, s->slice_target));
    if (g->composite)
        openslo_put_indicator(out, s, g->windows[0]->name, "    ");
}

/* ---- all of it ------------------------------------------------------------------------- */

static int put_document(const struct openslo_group *g, struct str *out, struct err *reterr)
{
    static const char *const methods[] = {"Occurrences", "Timeslices", "RatioTimeslices"};
    const struct slo_def *s = g->windows[0];
    str_add(out, "---\napiVersion: openslo/v1\nkind: SLO\nmetadata:\n");
    put_metadata(out, g);
    str_add(out, "spec:\n");
    if (s->description)
        put_pair(out, "  ", "description", s->description);
    put_pair(out, "  ", "service", s->service[0] ? s->service : s->name);
    if (!g->composite)
        openslo_put_indicator(out, s, s->name, "");
    put_pair(out, "  ", "budgetingMethod", methods[s->method]);
    if (put_window(out, s, reterr) < 0)
        return -1;
    str_add(out, "  objectives:\n");
    for (size_t i = 0; i < g->part_count; i++)
        put_objective(out, g, &g->parts[i]);
    if (out->overflow)
        return err_set(reterr, "SLO '%s' is too large to be written", s->name);
    return 0;
}

int openslo_write(struct slo_def *const *slos, size_t n, struct str *out, struct err *reterr)
{
    struct openslo_group g;
    struct str text;
    str_init(&text, out->max);
    int rc = openslo_group(slos, n, &g, reterr);
    if (rc == 0)
        rc = put_document(&g, &text, reterr);
    if (rc == 0 && str_addn(out, text.buf, text.len) < 0)
        rc = err_set(reterr, "SLO '%s' is too large to be written", slos[0]->name);
    str_release(&text);
    return rc;
}
