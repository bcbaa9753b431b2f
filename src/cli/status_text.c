#include "cli/status.h"

#include "base/units.h"
#include "nines/probe.h"
#include "report/fmt.h"
#include "report/groups.h"
#include "report/term.h"

#define NAME_COLUMNS_MIN 12
#define NAME_COLUMNS_MAX 40
#define BAR_COLUMNS 14
#define WIDE_ENOUGH_FOR_BAR 96
#define SLO_COLUMNS 59   /* of a line, without name, bar and alert */
#define ALERT_COLUMNS 26 /* "   ticket cooling 100d" and some room */
#define PROBE_COLUMNS 38 /* without name and cause */
#define COMPONENTS_BYTES 65536

/* Wide enough for the longest name, if the other columns leave room for it. */
static int name_columns(size_t longest, int room)
{
    int n = longest > NAME_COLUMNS_MAX ? NAME_COLUMNS_MAX : (int)longest;
    if (n > room)
        n = room;
    return n < NAME_COLUMNS_MIN ? NAME_COLUMNS_MIN : n;
}

static const char *ago(char buf[static FMT_MAX], int64_t now_us, int64_t then_us)
{
    char span[FMT_MAX];
    snprintf(buf, FMT_MAX, "%s ago", fmt_span(span, now_us > then_us ? now_us - then_us : 0));
    return buf;
}

/* ---- the daemon ----------------------------------------------------------- */

static void put_daemon(struct term *t, const struct overview *o)
{
    char text[FMT_MAX];
    term_paint(t, TERM_BOLD, "nines");
    term_paint(t, TERM_DIM, " at %s\n", fmt_stamp(text, o->now_us));
    if (o->past) {
        str_add(t->out, "as it stood then");
    } else if (o->running) {
        term_paint(t, TERM_GREEN, "running");
        str_addf(t->out, " for %s", fmt_span(text, o->now_us - o->heartbeat.started_us));
    } else if (o->heartbeat.alive_us > 0) {
        term_paint(t, TERM_RED, "not running");
        str_addf(t->out, ", last seen %s", ago(text, o->now_us, o->heartbeat.alive_us));
    } else {
        term_paint(t, TERM_DIM, "no daemon has run on this database");
    }
    str_addf(t->out, "; %zu of %zu probes down\n", o->down, o->probe_count);
    if (!o->past && o->heartbeat.watchdog_us > 0)
        str_addf(t->out, "watchdog last delivered %s\n",
                 ago(text, o->now_us, o->heartbeat.watchdog_us));
    status_put_all_spend(t, o);
    str_addc(t->out, '\n');
}

/* ---- SLOs -------------------------------------------------------------------- */

static const char *budget_color(const struct report_slo *s)
{
    if (!s->has_budget)
        return TERM_DIM;
    return s->remaining <= 0 ? TERM_RED : s->consumed_ratio >= 0.75 ? TERM_YELLOW : TERM_GREEN;
}

static void put_burn(struct term *t, const struct report_slo *s, int64_t window_us)
{
    char text[FMT_MAX];
    const struct report_burn *b = fmt_find_burn(s, window_us);
    bool has = b && b->has_rate;
    const char *color = !has ? TERM_DIM : b->rate >= 6 ? TERM_RED : b->rate >= 1 ? TERM_YELLOW : "";
    term_right(t, color, 9, has ? fmt_burn(text, b->rate) : FMT_NONE);
}

/* At the end of the line, or on one of its own where there is no room. */
static void put_alert(struct term *t, const struct alert_state *a, int64_t now_us, int room)
{
    char text[FMT_MAX];
    if (a->phase == ALERT_INACTIVE)
        return;
    if (room < ALERT_COLUMNS)
        str_addc(t->out, '\n');
    const char *color =
        a->phase == ALERT_FIRING && a->severity == SEVERITY_PAGE ? TERM_RED : TERM_YELLOW;
    str_add(t->out, "   ");
    term_paint(t, color, "%s %s", severity_name(a->severity), alert_phase_name(a->phase));
    term_paint(t, TERM_DIM, " %s", fmt_span(text, now_us - a->since_us));
}

static void put_slo(struct term *t, int columns, const struct overview *o, size_t i)
{
    const struct report_slo *s = &o->report->slos[i];
    char text[FMT_MAX], target[UNITS_MAX];
    term_paint(t, term_state_color(s->state), "%s ", term_state_mark(s->state));
    term_title(t, columns, s->def->name, s->def->objective_name);
    str_addc(t->out, ' ');
    term_cell(t, term_state_color(s->state), 9, fmt_state(s->state));
    term_right(t, TERM_DIM, 8, decimal_percent(target, s->def->target));
    term_right(t, TERM_PLAIN, 11, fmt_sli(text, s));
    str_add(t->out, "  ");
    if (t->width >= WIDE_ENOUGH_FOR_BAR)
        term_bar(t, budget_color(s), s->has_budget ? s->remaining_ratio : 0, BAR_COLUMNS);
    term_right(t, budget_color(s), 8,
               s->has_budget ? fmt_percent(text, s->remaining_ratio, 1) : FMT_NONE);
    put_burn(t, s, USEC_PER_HOUR);
    put_burn(t, s, 6 * USEC_PER_HOUR);
    int bar = t->width >= WIDE_ENOUGH_FOR_BAR ? BAR_COLUMNS : 0;
    put_alert(t, &o->alerts[i], o->now_us, t->width - columns - SLO_COLUMNS - bar);
    str_addc(t->out, '\n');
}

static void put_slos(struct term *t, const struct overview *o)
{
    size_t longest = 0;
    struct str title;
    str_init(&title, 4096);
    for (size_t i = 0; i < o->report->slo_count; i++) {
        str_clear(&title);
        fmt_title(&title, &o->report->slos[i]);
        size_t n = fmt_columns(title.buf);
        longest = n > longest ? n : longest;
    }
    str_release(&title);
    bool bar = t->width >= WIDE_ENOUGH_FOR_BAR;
    int columns = name_columns(longest, t->width - SLO_COLUMNS - (bar ? BAR_COLUMNS : 0));
    str_add(t->out, "  ");
    term_cell(t, TERM_DIM, columns, "SLO");
    str_addc(t->out, ' ');
    term_cell(t, TERM_DIM, 9, "state");
    term_right(t, TERM_DIM, 8, "target");
    term_right(t, TERM_DIM, 11, "SLI");
    str_add(t->out, "  ");
    if (bar)
        term_cell(t, TERM_DIM, BAR_COLUMNS, "budget left");
    term_right(t, TERM_DIM, 8, bar ? "" : "budget");
    term_right(t, TERM_DIM, 9, "burn 1h");
    term_right(t, TERM_DIM, 9, "6h");
    str_addc(t->out, '\n');
    for (size_t i = 0; i < o->report->slo_count; i++)
        put_slo(t, columns, o, i);
    str_addc(t->out, '\n');
}

/* ---- probes -------------------------------------------------------------------- */

static void put_cause(struct term *t, const struct result *r, const char *message, int room)
{
    const char *why = message;
    if (!why || !*why)
        why = r->reason == REASON_NONE ? "" : reason_text((enum reason)r->reason);
    if (*why && room > 8) {
        str_add(t->out, "   ");
        term_clean(t, TERM_PLAIN, why, (size_t)room - 3);
    }
}

/* Those that are not well first: the line may be cut. */
static void put_components(struct term *t, const struct components *c)
{
    struct str line;
    char latency[FMT_MAX];
    if (c->n == 0)
        return;
    str_init(&line, COMPONENTS_BYTES);
    for (int healthy = 0; healthy < 2; healthy++) {
        for (size_t i = 0; i < c->n; i++) {
            const struct component *at = &c->at[i];
            if (component_is_healthy(at) != (bool)healthy)
                continue;
            str_addf(&line, "%s%s %s", line.len ? " \xc2\xb7 " : "", at->name, at->state);
            if (at->latency_us >= 0)
                str_addf(&line, " %s", fmt_latency(latency, at->latency_us, false));
        }
    }
    str_add(t->out, "    ");
    term_clean(t, components_ailing(c) ? TERM_YELLOW : TERM_DIM, line.buf, (size_t)t->width - 4);
    str_addc(t->out, '\n');
    str_release(&line);
}

static void put_probe(struct term *t, int columns, const struct overview *o,
                      const struct overview_probe *p)
{
    static const char *const marks[OUTCOME_COUNT] = {
        [OUTCOME_GOOD] = "\xe2\x9c\x93", /* check mark */
        [OUTCOME_BAD] = "\xe2\x9c\x97",  /* cross */
        [OUTCOME_EXCLUDED] = "-",
        [OUTCOME_SKIPPED] = "?",
    };
    static const char *const colors[OUTCOME_COUNT] = {[OUTCOME_GOOD] = TERM_GREEN,
                                                      [OUTCOME_BAD] = TERM_RED,
                                                      [OUTCOME_EXCLUDED] = TERM_DIM,
                                                      [OUTCOME_SKIPPED] = TERM_YELLOW};
    char text[FMT_MAX];
    const struct result *r = overview_health(p);
    if (!r) {
        str_add(t->out, "  ");
        term_cell(t, TERM_PLAIN, columns, p->def->id);
        term_paint(t, TERM_DIM, p->held ? " no run of late\n" : " no result yet\n");
        status_put_spend(t, o, p);
        return;
    }
    term_paint(t, colors[r->outcome], "%s ", marks[r->outcome]);
    term_cell(t, TERM_PLAIN, columns, p->def->id);
    str_addc(t->out, ' ');
    term_cell(t, colors[r->outcome], 9, outcome_name((enum outcome)r->outcome));
    term_right(t, TERM_PLAIN, 9, fmt_latency(text, r->total_us, false));
    term_right(t, TERM_DIM, 14, ago(text, o->now_us, r->slot_us));
    put_cause(t, r, p->held ? p->ran_message : p->message, t->width - columns - PROBE_COLUMNS);
    str_addc(t->out, '\n');
    put_components(t, &p->components);
    status_put_spend(t, o, p);
}

static void put_probes(struct term *t, const struct overview *o)
{
    size_t longest = 0;
    for (size_t i = 0; i < o->probe_count; i++) {
        size_t n = fmt_columns(o->probes[i].def->id);
        longest = n > longest ? n : longest;
    }
    int columns = name_columns(longest, t->width - PROBE_COLUMNS);
    str_add(t->out, "  ");
    term_cell(t, TERM_DIM, columns, "probe");
    str_addc(t->out, ' ');
    term_cell(t, TERM_DIM, 9, "last");
    term_right(t, TERM_DIM, 9, "latency");
    str_addc(t->out, '\n');
    for (size_t i = 0; i < o->probe_count; i++)
        put_probe(t, columns, o, &o->probes[i]);
}

int status_put_text(const struct overview *o, const struct report_style *style, struct str *out)
{
    struct term t = {out, style->color, style->width};
    put_daemon(&t, o);
    status_put_incidents(&t, o);
    status_put_conditions(&t, o);
    status_put_silences(&t, o);
    if (o->report->slo_count && style->group_by)
        groups_put_text(&t, o->report, style->group_by);
    else if (o->report->slo_count)
        put_slos(&t, o);
    if (o->probe_count)
        put_probes(&t, o);
    return out->overflow ? -1 : 0;
}
