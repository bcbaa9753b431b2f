/* Roll-ups for people: a line for each group. */
#include "report/fmt.h"
#include "report/groups.h"
#include "report/html.h"
#include "report/svg.h"
#include "report/term.h"

#define NONE "(none)"
#define NAME_COLUMNS_MAX 20
#define LEAST_COLUMNS 22
#define EVENTS_COLUMNS 24
#define WIDE_ENOUGH_FOR_EVENTS 100
#define STATES_COLUMNS_MIN 12
#define STATES_BYTES 256
#define TITLE_BYTES 4096

static const char *name_of(const struct report_group *g)
{
    return g->name ? g->name : NONE;
}

static char *left(char buf[static FMT_MAX], const struct report_group *g)
{
    if (g->least)
        return fmt_percent(buf, g->least->remaining_ratio, 1);
    snprintf(buf, FMT_MAX, "%s", FMT_NONE);
    return buf;
}

static void put_events(struct str *out, const struct report_group *g)
{
    char bad[FMT_MAX], total[FMT_MAX];
    if (g->has_events)
        str_addf(out, "%s of %s", fmt_count(bad, g->bad), fmt_count(total, g->total));
    else
        str_add(out, FMT_NONE);
}

/* ---- terminal ------------------------------------------------------------------------ */

static const char *left_color(const struct report_group *g)
{
    const struct report_slo *s = g->least;
    if (!s)
        return TERM_DIM;
    return s->remaining <= 0 ? TERM_RED : s->consumed_ratio >= 0.75 ? TERM_YELLOW : TERM_GREEN;
}

static void put_line(struct term *t, const struct report_group *g, int columns)
{
    char text[FMT_MAX];
    struct str states, events;
    enum slo_state state = groups_state(g);
    str_init(&states, STATES_BYTES);
    str_init(&events, STATES_BYTES);
    groups_states(&states, g);
    put_events(&events, g);
    term_paint(t, term_state_color(state), "%s ", term_state_mark(state));
    term_cell(t, g->name ? TERM_PLAIN : TERM_DIM, columns, name_of(g));
    term_right(t, left_color(g), 11, left(text, g));
    str_add(t->out, "  ");
    if (g->least)
        term_title(t, LEAST_COLUMNS, g->least->def->name, g->least->def->objective_name);
    else
        term_cell(t, TERM_PLAIN, LEAST_COLUMNS, "");
    bool wide = t->width >= WIDE_ENOUGH_FOR_EVENTS;
    if (wide)
        term_right(t, TERM_PLAIN, EVENTS_COLUMNS, events.buf);
    int used = 2 + columns + 11 + 2 + LEAST_COLUMNS + (wide ? EVENTS_COLUMNS : 0) + 2;
    int room = t->width - used;
    str_add(t->out, "  ");
    term_clean(t, term_state_color(state), states.buf,
               (size_t)(room < STATES_COLUMNS_MIN ? STATES_COLUMNS_MIN : room));
    str_addc(t->out, '\n');
    str_release(&states);
    str_release(&events);
}

void groups_put_text(struct term *t, const struct report *r, const char *by)
{
    struct report_groups g;
    size_t widest = fmt_columns(by);
    groups_make(&g, r, by);
    for (size_t i = 0; i < g.n; i++) {
        size_t n = fmt_columns(name_of(&g.at[i]));
        widest = n > widest ? n : widest;
    }
    int columns = widest < NAME_COLUMNS_MAX ? (int)widest : NAME_COLUMNS_MAX;
    str_add(t->out, "  ");
    term_cell(t, TERM_DIM, columns, by);
    term_right(t, TERM_DIM, 11, "least left");
    str_add(t->out, "  ");
    term_cell(t, TERM_DIM, LEAST_COLUMNS, "of");
    if (t->width >= WIDE_ENOUGH_FOR_EVENTS)
        term_right(t, TERM_DIM, EVENTS_COLUMNS, "bad events");
    term_paint(t, TERM_DIM, "  %s\n", "objectives");
    for (size_t i = 0; i < g.n; i++)
        put_line(t, &g.at[i], columns);
    str_addc(t->out, '\n');
    groups_release(&g);
}

/* ---- pages --------------------------------------------------------------------------- */

void groups_put_markdown(struct str *out, const struct report *r, const char *by, groups_text *text)
{
    char a[FMT_MAX];
    struct report_groups g;
    struct str title;
    groups_make(&g, r, by);
    str_init(&title, TITLE_BYTES);
    str_add(out, "| By ");
    text(out, by);
    str_add(out, " | Objectives | | Least left | Of | Bad events |\n|---|--:|---|--:|---|--:|\n");
    for (size_t i = 0; i < g.n; i++) {
        str_clear(&title);
        if (g.at[i].least)
            fmt_title(&title, g.at[i].least);
        str_add(out, "| ");
        text(out, name_of(&g.at[i]));
        str_addf(out, " | %zu | ", g.at[i].objectives);
        groups_states(out, &g.at[i]);
        str_addf(out, " | %s | ", left(a, &g.at[i]));
        text(out, title.buf);
        str_add(out, " | ");
        put_events(out, &g.at[i]);
        str_add(out, " |\n");
    }
    str_addc(out, '\n');
    str_release(&title);
    groups_release(&g);
}

void groups_put_html(struct str *out, const struct report *r, const char *by)
{
    char a[FMT_MAX];
    struct report_groups g;
    groups_make(&g, r, by);
    str_add(out, "<div class=\"scroll\"><table class=\"summary\"><thead><tr><th>By ");
    html_text(out, by);
    str_add(out, "</th><th>State</th><th class=\"n\">Objectives</th><th></th>"
                 "<th class=\"n\">Least left</th><th>Of</th><th class=\"n\">Bad events</th></tr>"
                 "</thead><tbody>\n");
    for (size_t i = 0; i < g.n; i++) {
        const struct report_group *at = &g.at[i];
        str_add(out, "<tr><th scope=\"row\">");
        html_text(out, name_of(at));
        str_add(out, "</th><td>");
        html_state(out, groups_state(at));
        str_addf(out, "</td><td class=\"n\">%zu</td><td class=\"dim\">", at->objectives);
        groups_states(out, at);
        str_addf(out, "</td><td class=\"n%s\">%s</td><td>",
                 at->least && at->least->remaining <= 0 ? " hot" : "", left(a, at));
        if (at->least)
            html_title(out, at->least);
        str_add(out, "</td><td class=\"n\">");
        put_events(out, at);
        str_add(out, "</td></tr>\n");
    }
    str_add(out, "</tbody></table></div>\n");
    groups_release(&g);
}
