#include "cli/replay.h"

#include "base/units.h"
#include "base/when.h"
#include "cli/json_out.h"

#include <inttypes.h>

#define NAME_COLUMNS 28
#define TIER_COLUMNS 13 /* "14.4x 1h/5m" */

/* ---- NDJSON ---------------------------------------------------------------------- */

static void put_window(struct str *out, const char *key, int64_t length_us, struct counts c,
                       int64_t expected, double burn)
{
    char text[UNITS_MAX];
    json_put_key(out, key);
    str_addc(out, '{');
    json_put_string(out, "window", units_duration(text, length_us));
    json_put_int(out, "good", c.good);
    json_put_int(out, "bad", c.bad);
    json_put_int(out, "excluded", c.excluded);
    json_put_int(out, "expected", expected);
    str_addf(out, ",\"burn\":%.9g}", burn);
}

static const char *severity(enum severity s)
{
    return s == SEVERITY_NONE ? NULL : severity_name(s);
}

static void put_state(struct str *out, const struct alert_state *s)
{
    str_add(out, ",\"state\":{");
    json_put_string(out, "phase", alert_phase_name(s->phase));
    json_put_string(out, "severity", severity(s->severity));
    json_put_time_if(out, "since", s->since_us);
    json_put_time_if(out, "cooling_since", s->cooling_since_us);
    json_put_int(out, "firing", s->firing);
    json_put_string(out, "told", severity(s->told));
    str_addc(out, '}');
}

void replay_put_json(struct str *out, const struct alert_transition *t)
{
    char factor[UNITS_MAX];
    str_addc(out, '{');
    json_put_time(out, "at", t->at_us);
    json_put_string(out, "slo", t->slo);
    json_put_string(out, "objective_name", t->objective_name);
    json_put_string(out, "service", t->service);
    json_put_string(out, "event", alert_event_name(t->kind));
    json_put_string(out, "severity", severity(t->severity));
    json_put_bool(out, "notify", t->notify);
    json_put_time_if(out, "since", t->since_us);
    str_add(out, ",\"tier\":{");
    json_put_string(out, "severity", severity(t->tier.severity));
    json_put_string(out, "factor", decimal_text(factor, t->tier.factor));
    json_put_int(out, "min_failures", t->tier.min_failures);
    str_addc(out, '}');
    put_window(out, "long", t->tier.long_us, t->long_counts, t->long_expected, t->long_burn);
    put_window(out, "short", t->tier.short_us, t->short_counts, t->short_expected, t->short_burn);
    put_state(out, &t->state);
    str_add(out, "}\n");
}

static void put_share(struct str *out, const char *key, size_t part, size_t whole)
{
    json_put_number(out, key, whole > 0, whole ? (double)part / (double)whole : 0, fmt_ratio);
}

static void put_incident(struct str *out, const struct score_incident *in)
{
    str_addc(out, '{');
    json_put_time(out, "from", in->from_us);
    json_put_time_if(out, "to", in->to_us);
    json_put_string(out, "name", in->name);
    json_put_bool(out, "judged", in->judged);
    json_put_int(out, "alerts", (int64_t)in->alerts);
    json_put_string(out, "severity", severity(in->severity));
    json_put_seconds_if(out, "detection_seconds", in->detected_us);
    json_put_seconds_if(out, "page_seconds", in->page_us);
    json_put_seconds_if(out, "ticket_seconds", in->ticket_us);
    json_put_seconds_if(out, "reset_seconds", in->reset_us);
    str_addc(out, '}');
}

static void put_incidents(struct str *out, const struct replay_summary *s)
{
    put_share(out, "precision", s->score->right, score_sent(s->score));
    put_share(out, "recall", s->score->detected, s->score->judged);
    str_add(out, ",\"incidents\":[");
    for (size_t i = 0; i < s->incident_count; i++) {
        if (i)
            str_addc(out, ',');
        put_incident(out, &s->incidents[i]);
    }
    str_addc(out, ']');
}

void replay_sum_json(struct str *out, const struct replay_summary *s)
{
    const struct score *sc = s->score;
    str_add(out, "{\"summary\":{");
    json_put_time(out, "from", sc->from_us);
    json_put_time_if(out, "to", sc->to_us);
    json_put_int(out, "slos", (int64_t)s->totals->slos);
    json_put_int(out, "results", s->totals->results);
    json_put_int(out, "evaluations", s->totals->evaluations);
    json_put_int(out, "transitions", sc->transitions);
    json_put_int(out, "alerts", (int64_t)score_sent(sc));
    json_put_int(out, "pages", (int64_t)sc->pages);
    json_put_int(out, "tickets", (int64_t)sc->tickets);
    json_put_int(out, "muted", (int64_t)sc->muted);
    json_put_int(out, "firing", (int64_t)sc->firing);
    json_put_seconds_if(out, "longest_seconds",
                        sc->longest ? score_length_us(sc, sc->longest) : -1);
    json_put_string(out, "longest_slo", sc->longest ? sc->longest->slo : NULL);
    if (s->declared)
        put_incidents(out, s);
    str_add(out, "}}\n");
}

/* ---- text -------------------------------------------------------------------------- */

static const char *color_of(const struct alert_transition *tr)
{
    if (tr->kind == ALERT_EVENT_RESOLVE)
        return TERM_GREEN;
    if (tr->state.phase != ALERT_FIRING)
        return TERM_DIM;
    return tr->severity == SEVERITY_PAGE ? TERM_RED : TERM_YELLOW;
}

static void put_name(struct term *t, const struct alert_transition *tr)
{
    term_title(t, NAME_COLUMNS, tr->slo, tr->objective_name);
}

static void put_tier(struct term *t, const struct tier_def *tier)
{
    char text[4 * UNITS_MAX], factor[UNITS_MAX], lng[UNITS_MAX], shrt[UNITS_MAX];
    snprintf(text, sizeof(text), "%sx %s/%s", decimal_text(factor, tier->factor),
             units_duration(lng, tier->long_us), units_duration(shrt, tier->short_us));
    term_cell(t, TERM_PLAIN, TIER_COLUMNS, text);
}

/* What its bad events are of: runs that were due, or requests and the like, of
 * which nobody knows how many were. */
static int64_t all_of(const struct alert_transition *tr)
{
    const struct counts *c = &tr->long_counts;
    return c->scrapes > 0 ? c->good + c->bad : tr->long_expected;
}

void replay_put_text(struct term *t, const struct alert_transition *tr)
{
    char text[FMT_MAX];
    str_addf(t->out, "%s  ", fmt_stamp(text, tr->at_us));
    term_paint(t, color_of(tr), "%-10s %-6s", alert_event_name(tr->kind),
               severity_name(tr->severity));
    str_add(t->out, tr->notify ? "   " : " - "); /* nobody is told */
    put_name(t, tr);
    str_addc(t->out, ' ');
    put_tier(t, &tr->tier);
    str_addf(t->out, " burn %s", fmt_burn(text, tr->long_burn));
    str_addf(t->out, " and %s", fmt_burn(text, tr->short_burn));
    str_addf(t->out, "; bad %s", fmt_count(text, tr->long_counts.bad));
    str_addf(t->out, " of %s\n", fmt_count(text, all_of(tr)));
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static const char *span(char buf[static FMT_MAX], int64_t us)
{
    return us < 0 ? FMT_NONE : fmt_span(buf, us);
}

static void put_incident_line(struct term *t, const struct score_incident *in)
{
    char text[FMT_MAX];
    str_add(t->out, "  ");
    term_cell(t, TERM_PLAIN, NAME_COLUMNS, in->name);
    str_addf(t->out, " %s", fmt_stamp(text, in->from_us));
    term_right(t, TERM_PLAIN, 9, span(text, in->to_us - in->from_us));
    if (!in->judged) {
        term_paint(t, TERM_DIM, "  begins outside of the span\n");
        return;
    }
    term_right(t, TERM_PLAIN, 10, in->alerts ? severity_name(in->severity) : "missed");
    term_right(t, TERM_PLAIN, 10, span(text, in->detected_us));
    term_right(t, TERM_PLAIN, 10, span(text, in->page_us));
    term_right(t, TERM_PLAIN, 10, span(text, in->reset_us));
    str_addf(t->out, "%8zu\n", in->alerts);
}

static void put_shares(struct term *t, const struct score *sc)
{
    char text[FMT_MAX];
    size_t sent = score_sent(sc);
    str_addf(t->out, "precision %s: %zu of %zu alert%s in an incident\n",
             sent ? fmt_percent(text, (double)sc->right / (double)sent, 1) : FMT_NONE, sc->right,
             sent, plural(sent));
    str_addf(t->out, "recall %s: %zu of %zu incident%s detected\n",
             sc->judged ? fmt_percent(text, (double)sc->detected / (double)sc->judged, 1)
                        : FMT_NONE,
             sc->detected, sc->judged, plural(sc->judged));
}

static void put_table(struct term *t, const struct replay_summary *s)
{
    str_addc(t->out, '\n');
    term_paint(t, TERM_BOLD, "  %-*s %-19s %8s %9s %9s %9s %9s %7s\n", NAME_COLUMNS, "incident",
               "from", "lasted", "first", "after", "page", "reset", "alerts");
    for (size_t i = 0; i < s->incident_count; i++)
        put_incident_line(t, &s->incidents[i]);
    str_addc(t->out, '\n');
    put_shares(t, s->score);
}

void replay_sum_text(struct term *t, const struct replay_summary *s)
{
    const struct score *sc = s->score;
    char text[FMT_MAX];
    size_t sent = score_sent(sc);
    if (sc->transitions)
        str_addc(t->out, '\n');
    str_addf(t->out, "%zu alert%s: %zu page%s, %zu ticket%s", sent, plural(sent), sc->pages,
             plural(sc->pages), sc->tickets, plural(sc->tickets));
    if (sc->muted)
        str_addf(t->out, "; %zu muted", sc->muted);
    if (sc->firing)
        str_addf(t->out, "; %zu not resolved at the end", sc->firing);
    if (sc->longest) {
        str_addf(t->out, "; the longest %s, ", fmt_span(text, score_length_us(sc, sc->longest)));
        fmt_clean(t->out, sc->longest->slo, NAME_COLUMNS);
        str_addf(t->out, " from %s", fmt_stamp(text, sc->longest->from_us));
    }
    str_addc(t->out, '\n');
    if (s->declared)
        put_table(t, s);
}
