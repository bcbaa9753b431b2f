#include "engine/alert_text.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "engine/alert_describe.h"
#include "engine/alert_summary.h"
#include "model/message.h"
#include "report/fmt.h"
#include "slo/budget.h"

#include <stdio.h>
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
    int64_t left_us = w->facts->exhausts_at_us - w->t->at_us;
    if (!w->facts->exhausts_at_us || w->t->kind == ALERT_EVENT_RESOLVE)
        return;
    put(&w->out, "exhausts_at",
        arena_strdup(w->out.arena, when_text(when, w->facts->exhausts_at_us)));
    if (left_us >= USEC_PER_SEC)
        put(&w->out, "exhausts_in", arena_strdup(w->out.arena, fmt_span(text, left_us)));
}

/* "12 times status, 3 times connect" */
static void add_reasons(struct str *out, const struct alert_probe *p)
{
    for (size_t i = 0; i < p->reason_count && i < ALERT_TEXT_REASONS_MAX; i++)
        str_addf(out, "%s%lld %s %s", i ? ", " : "", (long long)p->reasons[i].count,
                 p->reasons[i].count == 1 ? "time" : "times",
                 p->reasons[i].reason == REPORT_REASON_UNKNOWN
                     ? "unknown"
                     : reason_name((enum reason)p->reasons[i].reason));
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
    char when[WHEN_MAX], code[16];
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
    snprintf(code, sizeof(code), "%d", e->code);
    if (e->code && !strstr(fmt_failure(e), code))
        str_addf(&text, "%s ", code);
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

/* Its matchers say whose alert it is, of whatever severity. */
static void put_silence(struct telling *w, const struct string_map *labels)
{
    static const char *const names[] = {"alertname", "slo", "objective", "probe"};
    struct str text;
    str_init(&text, TEXT_MAX);
    str_add(&text, "nines silence add --for " SILENCE_FOR " --comment ...");
    for (size_t i = 0; i < countof(names); i++) {
        const char *value = message_label(labels, names[i]);
        if (value)
            add_matcher(&text, names[i], value);
    }
    put_text(&w->out, "silence_command", &text);
}

static const char *dashboard(const struct telling *w, const struct slo_def *slo)
{
    return slo && slo->dashboard && slo->dashboard[0] ? slo->dashboard : w->facts->dashboard_url;
}

/* Where to read on; `slo` may be NULL. */
static void put_links(struct telling *w, const struct slo_def *slo)
{
    put(&w->out, "runbook_url", slo ? slo->runbook : NULL);
    put(&w->out, "dashboard_url", dashboard(w, slo));
    if (w->facts->incident)
        put(&w->out, "incident", arena_printf(w->out.arena, "%lld", (long long)w->facts->incident));
}

/* What a resolve adds: how long it lasted, and what of the budget it cost. */
static void put_cost(struct telling *w)
{
    const struct alert_transition *t = w->t;
    char text[FMT_MAX], share[FMT_MAX], count[FMT_MAX];
    put(&w->out, "lasted", arena_strdup(w->out.arena, fmt_span(text, t->at_us - t->since_us)));
    if (!w->facts->has_lost)
        return;
    put(&w->out, "cost",
        arena_printf(w->out.arena, "%s bad %s%s, %s of the budget",
                     fmt_count(count, w->facts->lost),
                     w->view->def->method == METHOD_OCCURRENCES ? "event" : "slice",
                     w->facts->lost == 1 ? "" : "s", fmt_percent(share, w->facts->lost_ratio, 1)));
}

static void put_description(struct telling *w, const struct slo_def *slo, const char *probe,
                            const char *says)
{
    const struct alert_story story = {.slo = slo,
                                      .probe = probe,
                                      .says = says,
                                      .over = w->t->kind == ALERT_EVENT_RESOLVE,
                                      .notes = &w->out.map};
    struct str text;
    str_init(&text, TEXT_MAX);
    alert_describe(&story, &text);
    put_text(&w->out, "description", &text);
}

/* Of what is over it says what it cost, too. */
static char *summary(const struct telling *w)
{
    mem_auto char *line = alert_summary(w->view, w->t);
    const char *cost = message_label(&w->out.map, "cost");
    return arena_printf(w->out.arena, "%s%s%s", line, cost ? ", cost " : "", cost ? cost : "");
}

static struct string_map annotations(struct telling *w, const struct string_map *labels)
{
    char when[WHEN_MAX];
    w->out = maker_new(w->out.arena, MAP_MAX);
    put(&w->out, "since", arena_strdup(w->out.arena, when_text(when, w->t->since_us)));
    put_burns(w);
    put_budget(w);
    if (w->t->kind == ALERT_EVENT_RESOLVE)
        put_cost(w);
    put(&w->out, "summary", summary(w));
    put_probes(w);
    put_deploy(w);
    put_links(w, w->view->def);
    if (w->t->kind != ALERT_EVENT_RESOLVE)
        put_silence(w, labels);
    put_description(w, w->view->def, NULL, NULL);
    return w->out.map;
}

/* ---- alerts -------------------------------------------------------------------- */

static struct message_alert alert_of(const struct telling *w, struct string_map labels, bool firing)
{
    char print[FINGERPRINT_SIZE];
    struct message_alert a = {.firing = firing,
                              .labels = labels,
                              .starts_us = w->t->since_us,
                              .ends_us = firing ? 0 : w->t->at_us,
                              .generator_url =
                                  w->facts->generator_url ? w->facts->generator_url : ""};
    a.fingerprint = arena_strdup(w->out.arena, message_fingerprint(print, &a.labels));
    return a;
}

/* The end of the label that the alert had: it is no incident that is over. */
static struct string_map moved(struct telling *w, const char *title, const struct slo_def *slo,
                               enum severity old)
{
    struct maker m = maker_new(w->out.arena, 4);
    put(&m, "summary",
        arena_printf(m.arena, "%s: %s now, no longer %s", title,
                     severity_word(w->names, w->t->severity), severity_word(w->names, old)));
    put(&m, "runbook_url", slo ? slo->runbook : NULL);
    put(&m, "dashboard_url", dashboard(w, slo));
    return m.map;
}

static const char *slo_title(const struct slo_def *def, struct arena *arena)
{
    const char *name = def->objective_name;
    return arena_printf(arena, "%s%s%s", def->name, name[0] ? " / " : "", name);
}

/* The severity under which the alert is over by this transition; NONE: it is under none. */
static enum severity left_behind(const struct alert_transition *t,
                                 const struct severity_labels *names)
{
    bool changed = t->kind == ALERT_EVENT_ESCALATE || t->kind == ALERT_EVENT_DEESCALATE;
    if (!changed || str_eq(names->page, names->ticket))
        return SEVERITY_NONE;
    return t->severity == SEVERITY_PAGE ? SEVERITY_TICKET : SEVERITY_PAGE;
}

size_t alert_text(const struct slo_view *view, const struct alert_transition *t,
                  const struct alert_facts *facts, const struct severity_labels *names,
                  struct arena *arena, struct message_alert ret[static ALERT_TEXT_MAX])
{
    struct telling w = {view, t, facts, names, {.arena = arena}};
    enum severity old = left_behind(t, names);
    size_t n = 0;
    if (old != SEVERITY_NONE) {
        ret[n] = alert_of(&w, alert_labels(view->def, old, names, arena), false);
        ret[n++].annotations = moved(&w, slo_title(view->def, arena), view->def, old);
    }
    ret[n] = alert_of(&w, alert_labels(view->def, t->severity, names, arena),
                      t->kind != ALERT_EVENT_RESOLVE);
    ret[n].annotations = annotations(&w, &ret[n].labels);
    return n + 1;
}

/* ---- conditions ---------------------------------------------------------------- */

struct string_map condition_labels(const struct condition *c, const struct condition_subject *who,
                                   enum severity severity, const struct severity_labels *names,
                                   struct arena *arena)
{
    struct maker m = maker_new(arena, MAP_MAX);
    put(&m, "alertname", condition_info(c->kind)->alert);
    put(&m, "severity", severity_word(names, severity));
    put(&m, "threshold", c->key);
    if (who->slo) {
        put(&m, "slo", who->slo->name);
        put(&m, "service", who->slo->service);
        put(&m, "objective", who->slo->objective_name);
        put_all(&m, &who->slo->labels);
    }
    if (who->probe) {
        put(&m, "probe", who->probe->id);
        put_all(&m, &who->probe->labels);
    }
    return m.map;
}

static const char *condition_title(const struct condition_subject *who, struct arena *arena)
{
    return who->slo ? slo_title(who->slo, arena) : who->probe ? who->probe->id : "nines";
}

static const char *prober_says(const struct condition_view *v, int64_t t_us, struct arena *arena)
{
    char span[FMT_MAX], when[WHEN_MAX];
    if (!v->failing_us && !v->gap_to_us)
        return "could not store anything"; /* and can again */
    if (v->failing_us)
        return arena_printf(arena, "cannot store anything for %s",
                            fmt_span(span, t_us - v->failing_us));
    return arena_printf(arena, "measured nothing for %s, until %s",
                        fmt_span(span, v->gap_to_us - v->gap_from_us),
                        when_text(when, v->gap_to_us));
}

static const char *certificate_says(int64_t ends_us, int64_t t_us, struct arena *arena)
{
    char span[FMT_MAX], when[WHEN_MAX];
    if (!ends_us) /* not since the start */
        return "its certificate ends soon, or has ended, as it was last seen";
    when_text(when, ends_us);
    if (ends_us <= t_us)
        return arena_printf(arena, "its certificate ended at %s", when);
    return arena_printf(arena, "its certificate ends in %s, at %s", fmt_span(span, ends_us - t_us),
                        when);
}

/* Since a start the prober may not have listened for as long as the alert is on. */
static int64_t silent_since(const struct condition_view *v, int64_t alert_since_us)
{
    int64_t before = alert_since_us - condition_silent_us(v->interval_us);
    return condition_silent_since(v) < before ? condition_silent_since(v) : before;
}

/* What holds, after the title and a colon. */
static const char *condition_says(const struct condition *c, const struct condition_view *v,
                                  const struct alert_transition *t, struct arena *arena)
{
    char text[FMT_MAX];
    int64_t t_us = t->at_us;
    switch (c->kind) {
    case CONDITION_NO_DATA:
        return arena_printf(arena, "no data for %s",
                            fmt_span(text, t_us - silent_since(v, t->since_us)));
    case CONDITION_PROBER_DOWN:
        return prober_says(v, t_us, arena);
    case CONDITION_FAILURES:
        return arena_printf(arena, "%d or more of its last %d runs failed", c->failures, c->of);
    case CONDITION_CERTIFICATE:
        return certificate_says(v->cert_not_after_us, t_us, arena);
    case CONDITION_BUDGET_SPENT:
        return arena_printf(arena, "%s of its error budget is spent",
                            fmt_floor(text, budget_consumed(v->use), 1));
    case CONDITION_EXHAUSTS:
        return arena_printf(arena, "at the pace of the last 6h its error budget is gone within %s",
                            units_duration(text, c->within_us));
    case CONDITION_KINDS:
        break;
    }
    return "";
}

static struct string_map condition_notes(struct telling *w, const struct string_map *labels,
                                         const char *title, const char *says,
                                         const struct condition_subject *who)
{
    char when[WHEN_MAX], span[FMT_MAX];
    bool over = w->t->kind == ALERT_EVENT_RESOLVE;
    struct arena *arena = w->out.arena;
    fmt_span(span, w->t->at_us - w->t->since_us);
    w->out = maker_new(arena, MAP_MAX);
    put(&w->out, "summary",
        over ? arena_printf(arena, "%s: resolved after %s", title, span)
             : arena_printf(arena, "%s: %s", title, says));
    put(&w->out, "since", arena_strdup(arena, when_text(when, w->t->since_us)));
    if (over)
        put(&w->out, "lasted", arena_strdup(arena, span));
    put_probes(w);
    put_deploy(w);
    put_links(w, who->slo);
    if (!over)
        put_silence(w, labels);
    put_description(w, who->slo, who->probe ? who->probe->id : NULL, says);
    return w->out.map;
}

size_t condition_text(const struct condition *c, const struct condition_subject *who,
                      const struct condition_view *view, const struct alert_transition *t,
                      const struct alert_facts *facts, const struct severity_labels *names,
                      struct arena *arena, struct message_alert ret[static ALERT_TEXT_MAX])
{
    struct telling w = {NULL, t, facts, names, {.arena = arena}};
    const char *title = condition_title(who, arena);
    const char *says = condition_says(c, view, t, arena);
    enum severity old = left_behind(t, names);
    size_t n = 0;
    if (old != SEVERITY_NONE) {
        ret[n] = alert_of(&w, condition_labels(c, who, old, names, arena), false);
        ret[n++].annotations = moved(&w, title, who->slo, old);
    }
    ret[n] = alert_of(&w, condition_labels(c, who, t->severity, names, arena),
                      t->kind != ALERT_EVENT_RESOLVE);
    ret[n].annotations = condition_notes(&w, &ret[n].labels, title, says, who);
    return n + 1;
}
