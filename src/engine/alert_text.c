#include "engine/alert_text.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "engine/message.h"
#include "model/message.h"
#include "report/fmt.h"
#include "slo/budget.h"

#include <string.h>

#define MAP_MAX 128      /* labels of an SLO and its probe are far fewer */
#define TEXT_MAX 16384   /* of one annotation */
#define SILENCE_FOR "2h" /* what the command proposes */

/* ---- maps ---------------------------------------------------------------------- */

struct maker {
    struct arena *arena;
    struct string_map map;
    size_t max;
};

static struct maker maker_new(struct arena *arena, size_t max)
{
    return (struct maker){arena, {arena_alloc(arena, max * sizeof(struct pair)), 0}, max};
}

/* What has no value is left out, as is what is there already. */
static void put(struct maker *m, const char *key, const char *value)
{
    if (!value || !value[0] || m->map.n == m->max || message_label(&m->map, key))
        return;
    m->map.at[m->map.n++] = (struct pair){.key = key, .value = value};
    message_sort_map(&m->map);
}

static void put_text(struct maker *m, const char *key, struct str *text)
{
    put(m, key, arena_strdup(m->arena, text->buf ? text->buf : ""));
    str_release(text);
}

static void put_all(struct maker *m, const struct string_map *from)
{
    for (size_t i = 0; i < from->n; i++)
        put(m, from->at[i].key, from->at[i].value);
}

static const char *severity_word(const struct severity_labels *names, enum severity s)
{
    return s == SEVERITY_PAGE ? names->page : names->ticket;
}

struct string_map alert_labels(const struct slo_def *def, enum severity severity,
                               const struct severity_labels *names, struct arena *arena)
{
    struct maker m = maker_new(arena, MAP_MAX);
    put(&m, "alertname", "ErrorBudgetBurn");
    put(&m, "slo", def->name);
    put(&m, "service", def->service);
    put(&m, "objective", def->objective_name);
    put(&m, "severity", severity_word(names, severity));
    put_all(&m, &def->labels);
    if (def->probe)
        put_all(&m, &def->probe->labels);
    return m.map;
}

/* ---- annotations --------------------------------------------------------------- */

struct telling {
    const struct slo_view *view;
    const struct alert_transition *t;
    const struct alert_facts *facts;
    const struct severity_labels *names;
    struct maker out;
};

static void put_burns(struct telling *w)
{
    const struct alert_transition *t = w->t;
    char text[UNITS_MAX];
    if (!t->tier.long_us)
        return; /* the tier is not configured any more */
    put(&w->out, "burn_long",
        arena_printf(w->out.arena, "%.1fx over %s", t->long_burn,
                     units_duration(text, t->tier.long_us)));
    put(&w->out, "burn_short",
        arena_printf(w->out.arena, "%.1fx over %s", t->short_burn,
                     units_duration(text, t->tier.short_us)));
}

static void put_budget(struct telling *w)
{
    char text[FMT_MAX], when[WHEN_MAX];
    struct report_slo r = {0};
    budget_fill(&r, w->view->use, 0);
    if (!r.has_budget)
        return;
    put(&w->out, "budget_spent",
        arena_strdup(w->out.arena, fmt_percent(text, r.consumed_ratio, 1)));
    put(&w->out, "budget_left",
        arena_strdup(w->out.arena, fmt_percent(text, r.remaining_ratio, 1)));
    if (w->facts->exhausts_at_us && w->t->kind != ALERT_EVENT_RESOLVE)
        put(&w->out, "exhausts_at",
            arena_strdup(w->out.arena, when_text(when, w->facts->exhausts_at_us)));
}

/* "status 12, connect 3" */
static void add_reasons(struct str *out, const struct alert_probe *p)
{
    for (size_t i = 0; i < p->reason_count && i < ALERT_TEXT_REASONS_MAX; i++)
        str_addf(out, "%s%s %lld", i ? ", " : "",
                 p->reasons[i].reason == REPORT_REASON_UNKNOWN
                     ? "unknown"
                     : reason_name((enum reason)p->reasons[i].reason),
                 (long long)p->reasons[i].count);
}

static const struct report_failure *newest(const struct alert_facts *f)
{
    const struct report_failure *best = NULL;
    for (size_t i = 0; i < f->probe_count; i++) {
        const struct report_failure *e = f->probes[i].evidence;
        if (e && (!best || e->at_us > best->at_us))
            best = e;
    }
    return best;
}

static void put_probes(struct telling *w)
{
    const struct alert_facts *f = w->facts;
    struct str text;
    char when[WHEN_MAX];
    str_init(&text, TEXT_MAX);
    for (size_t i = 0; i < f->probe_count && i < ALERT_TEXT_PROBES_MAX; i++) {
        str_addf(&text, "%s%s", i ? "; " : "", f->probes[i].id);
        if (f->probes[i].reason_count)
            str_add(&text, ": ");
        add_reasons(&text, &f->probes[i]);
    }
    if (f->probe_count > ALERT_TEXT_PROBES_MAX)
        str_addf(&text, "; and %zu more", f->probe_count - ALERT_TEXT_PROBES_MAX);
    put_text(&w->out, "failing_probes", &text);
    const struct report_failure *e = newest(f);
    if (!e)
        return;
    str_init(&text, TEXT_MAX);
    str_addf(&text, "%s ", when_text(when, e->at_us));
    if (e->code)
        str_addf(&text, "%d ", e->code);
    fmt_clean(&text, fmt_failure(e), ALERT_TEXT_QUOTE_MAX);
    put_text(&w->out, "evidence", &text);
}

static void put_deploy(struct telling *w)
{
    const struct annotation *d = w->facts->deploy;
    struct str text;
    char when[WHEN_MAX];
    if (!d)
        return;
    str_init(&text, TEXT_MAX);
    str_addf(&text, "%s ", when_text(when, d->at_us));
    if (d->probe && d->probe[0])
        str_addf(&text, "%s ", d->probe);
    fmt_clean(&text, d->text, ALERT_TEXT_QUOTE_MAX);
    put_text(&w->out, "last_deploy", &text);
}

/* For a shell: in single quotes, which are closed around those in the text. */
static void add_quoted(struct str *out, const char *text)
{
    str_addc(out, '\'');
    for (; *text; text++)
        str_add(out, *text == '\'' ? "'\\''" : (const char[]){*text, '\0'});
    str_addc(out, '\'');
}

static void add_matcher(struct str *out, const char *label, const char *value)
{
    struct str text;
    str_init(&text, TEXT_MAX);
    str_addf(&text, "%s=", label);
    message_quote(value, strlen(value), &text);
    str_addc(out, ' ');
    add_quoted(out, text.buf);
    str_release(&text);
}

static void put_silence(struct telling *w)
{
    struct str text;
    str_init(&text, TEXT_MAX);
    str_add(&text, "nines silence add --for " SILENCE_FOR " --comment ...");
    add_matcher(&text, "alertname", "ErrorBudgetBurn");
    add_matcher(&text, "slo", w->view->def->name);
    if (w->view->def->objective_name[0])
        add_matcher(&text, "objective", w->view->def->objective_name);
    put_text(&w->out, "silence_command", &text);
}

/* What a resolve adds: how long it lasted, and what of the budget it cost. */
static void put_cost(struct telling *w)
{
    const struct alert_transition *t = w->t;
    char text[UNITS_MAX], share[FMT_MAX], count[FMT_MAX];
    put(&w->out, "lasted",
        arena_strdup(w->out.arena, units_duration(text, t->at_us - t->since_us)));
    if (!w->facts->has_lost)
        return;
    put(&w->out, "cost",
        arena_printf(w->out.arena, "%s bad %s, %s of the budget", fmt_count(count, w->facts->lost),
                     w->view->def->method == METHOD_OCCURRENCES ? "events" : "slices",
                     fmt_percent(share, w->facts->lost_ratio, 1)));
}

/* The paragraph of those who read no further. */
static void put_description(struct telling *w)
{
    static const struct {
        const char *key, *before;
    } parts[] = {
        {"lasted", "lasted "},
        {"cost", "cost "},
        {"burn_long", "burn rate "},
        {"burn_short", "burn rate "},
        {"budget_spent", "budget spent "},
        {"budget_left", "budget left "},
        {"exhausts_at", "budget used up at "},
        {"failing_probes", "failing: "},
        {"evidence", "for example "},
        {"last_deploy", "last deploy "},
    };
    struct str text;
    str_init(&text, TEXT_MAX);
    for (size_t i = 0; i < countof(parts); i++) {
        const char *value = message_label(&w->out.map, parts[i].key);
        if (value)
            str_addf(&text, "%s%s%s", text.len ? "; " : "", parts[i].before, value);
    }
    if (w->view->def->description)
        str_addf(&text, "%s%s", text.len ? "\n" : "", w->view->def->description);
    put_text(&w->out, "description", &text);
}

static struct string_map annotations(struct telling *w)
{
    char when[WHEN_MAX];
    mem_auto char *line = message_summary(w->view, w->t);
    w->out = maker_new(w->out.arena, MAP_MAX);
    put(&w->out, "summary", arena_strdup(w->out.arena, line));
    put(&w->out, "since", arena_strdup(w->out.arena, when_text(when, w->t->since_us)));
    put_burns(w);
    put_budget(w);
    if (w->t->kind == ALERT_EVENT_RESOLVE)
        put_cost(w);
    put_probes(w);
    put_deploy(w);
    put(&w->out, "runbook_url", w->view->def->runbook);
    put(&w->out, "dashboard_url", w->facts->dashboard_url);
    if (w->t->kind != ALERT_EVENT_RESOLVE)
        put_silence(w);
    put_description(w);
    return w->out.map;
}

/* ---- alerts -------------------------------------------------------------------- */

static struct message_alert alert_of(const struct telling *w, enum severity severity, bool firing)
{
    char print[FINGERPRINT_SIZE];
    struct message_alert a = {
        .firing = firing,
        .labels = alert_labels(w->view->def, severity, w->names, w->out.arena),
        .starts_us = w->t->since_us,
        .ends_us = firing ? 0 : w->t->at_us,
        .generator_url = w->facts->generator_url ? w->facts->generator_url : ""};
    a.fingerprint = arena_strdup(w->out.arena, message_fingerprint(print, &a.labels));
    return a;
}

/* The end of the label that the alert had: it is no incident that is over. */
static struct string_map moved(struct telling *w, enum severity old)
{
    struct maker m = maker_new(w->out.arena, 4);
    const struct slo_def *def = w->view->def;
    const char *name = def->objective_name;
    put(&m, "summary",
        arena_printf(m.arena, "%s%s%s: %s now, no longer %s", def->name, name[0] ? " / " : "", name,
                     severity_word(w->names, w->t->severity), severity_word(w->names, old)));
    put(&m, "runbook_url", def->runbook);
    put(&m, "dashboard_url", w->facts->dashboard_url);
    return m.map;
}

size_t alert_text(const struct slo_view *view, const struct alert_transition *t,
                  const struct alert_facts *facts, const struct severity_labels *names,
                  struct arena *arena, struct message_alert ret[static ALERT_TEXT_MAX])
{
    struct telling w = {view, t, facts, names, {.arena = arena}};
    bool changed = t->kind == ALERT_EVENT_ESCALATE || t->kind == ALERT_EVENT_DEESCALATE;
    enum severity old = t->severity == SEVERITY_PAGE ? SEVERITY_TICKET : SEVERITY_PAGE;
    size_t n = 0;
    if (changed && !str_eq(names->page, names->ticket)) {
        ret[n] = alert_of(&w, old, false);
        ret[n++].annotations = moved(&w, old);
    }
    ret[n] = alert_of(&w, t->severity, t->kind != ALERT_EVENT_RESOLVE);
    ret[n++].annotations = annotations(&w);
    return n;
}
