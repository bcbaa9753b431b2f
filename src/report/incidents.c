/* Incidents for people. */
#include "report/incidents.h"

#include "report/fmt.h"
#include "report/html.h"
#include "report/svg.h"

#include <inttypes.h>

#define TITLE_COLUMNS_MIN 16
#define LINE_COLUMNS 64 /* of all but the title */
#define SPENT_SHOWN 4

const char *incident_state(const struct incident *in)
{
    return in->closed_us ? "closed" : "open";
}

char *incident_span(char buf[static FMT_MAX], int64_t us)
{
    if (us >= 0)
        return fmt_span(buf, us);
    snprintf(buf, FMT_MAX, "%s", FMT_NONE);
    return buf;
}

void incident_by(struct str *out, const char *who)
{
    str_addf(out, "by %s", *who ? who : "an alert");
}

/* "2 incidents, 1 of them open, 1 that no alert told of" */
static void put_numbers(struct str *out, const struct report *r)
{
    size_t open = 0, missed = 0, n = r->incident_count;
    for (size_t i = 0; i < n; i++) {
        open += r->incidents[i].incident.closed_us == 0;
        missed += !r->incidents[i].times.alerted;
    }
    str_addf(out, "%zu incident%s", n, n == 1 ? "" : "s");
    if (open)
        str_addf(out, ", %zu open", open);
    if (missed)
        str_addf(out, ", %zu that no alert told of", missed);
}

static void put_mean(struct str *out, const char *what, const struct incident_mean *m)
{
    char mean[FMT_MAX], median[FMT_MAX];
    if (m->n)
        str_addf(out, "; %s %s", what, fmt_span(mean, m->mean_us));
    if (m->n > 1)
        str_addf(out, " (mean; median %s)", fmt_span(median, m->median_us));
}

static void put_summary(struct str *out, const struct report *r)
{
    put_numbers(out, r);
    put_mean(out, "detected after", &r->to_detect);
    put_mean(out, "restored after", &r->to_restore);
}

/* "api-availability 12 (6.9% of the budget)" */
static void put_spent(struct str *out, const struct incident_spent *s)
{
    char bad[FMT_MAX], share[FMT_MAX];
    struct report_slo of = {.def = s->def};
    fmt_title(out, &of);
    str_addf(out, " %s", fmt_counted(bad, &of, s->bad));
    if (s->has_ratio)
        str_addf(out, " (%s of the budget)", fmt_percent(share, s->ratio, 1));
}

static void put_all_spent(struct str *out, const struct incident_case *c)
{
    for (size_t i = 0; i < c->spent_count && i < SPENT_SHOWN; i++) {
        str_add(out, i ? ", " : "");
        put_spent(out, &c->spent[i]);
    }
    if (c->spent_count > SPENT_SHOWN)
        str_addf(out, " and %zu more", c->spent_count - SPENT_SHOWN);
}

/* When it began, or if that is not known was opened. */
static int64_t start_of(const struct incident_case *c)
{
    return c->times.began_us ? c->times.began_us : c->incident.opened_us;
}

/* ---- terminal ------------------------------------------------------------------------ */

static void put_line(struct term *t, const struct incident_case *c)
{
    char text[FMT_MAX];
    const struct incident *in = &c->incident;
    int room = t->width - LINE_COLUMNS;
    snprintf(text, sizeof(text), "#%" PRId64, in->id);
    str_add(t->out, "  ");
    term_cell(t, TERM_PLAIN, 6, text);
    term_cell(t, TERM_PLAIN, 20, fmt_stamp(text, start_of(c)));
    term_cell(t, in->severity == SEVERITY_PAGE ? TERM_RED : TERM_YELLOW, 7,
              severity_name(in->severity));
    term_cell(t, in->closed_us ? TERM_DIM : TERM_BOLD, 7, incident_state(in));
    term_right(t, c->times.alerted ? TERM_PLAIN : TERM_RED, 10,
               incident_span(text, c->times.detect_us));
    term_right(t, TERM_PLAIN, 10, incident_span(text, c->times.restore_us));
    str_add(t->out, "  ");
    term_clean(t, TERM_PLAIN, in->title,
               (size_t)(room < TITLE_COLUMNS_MIN ? TITLE_COLUMNS_MIN : room));
    str_addc(t->out, '\n');
}

static void put_cost(struct term *t, const struct incident_case *c)
{
    struct str spent;
    if (!c->spent_count)
        return;
    str_init(&spent, 16 << 10);
    put_all_spent(&spent, c);
    str_add(t->out, "          lost: ");
    term_clean(t, TERM_DIM, spent.buf, (size_t)t->width - 16);
    str_addc(t->out, '\n');
    str_release(&spent);
}

void incidents_put_text(struct term *t, const struct report *r)
{
    struct str summary;
    if (!r->incident_count)
        return;
    str_init(&summary, 4096);
    put_summary(&summary, r);
    term_paint(t, TERM_BOLD, "Incidents\n");
    term_wrap(t, TERM_PLAIN, 0, summary.buf);
    str_add(t->out, "  ");
    term_cell(t, TERM_DIM, 6, "");
    term_cell(t, TERM_DIM, 34, "began");
    term_right(t, TERM_DIM, 10, "detected");
    term_right(t, TERM_DIM, 10, "restored");
    str_addc(t->out, '\n');
    for (size_t i = 0; i < r->incident_count; i++) {
        put_line(t, &r->incidents[i]);
        put_cost(t, &r->incidents[i]);
    }
    str_addc(t->out, '\n');
    str_release(&summary);
}

/* ---- pages --------------------------------------------------------------------------- */

void incidents_put_markdown(struct str *out, const struct report *r, incidents_text *text)
{
    char a[FMT_MAX], b[FMT_MAX], d[FMT_MAX];
    struct str spent;
    if (!r->incident_count)
        return;
    str_init(&spent, 16 << 10);
    str_add(out, "\n## Incidents\n\n");
    put_summary(out, r);
    str_add(out, ".\n\n| Incident | Began (UTC) | Severity | State | Detected after "
                 "| Restored after | Lost |\n|---|---|---|---|--:|--:|---|\n");
    for (size_t i = 0; i < r->incident_count; i++) {
        const struct incident_case *c = &r->incidents[i];
        str_clear(&spent);
        put_all_spent(&spent, c);
        str_addf(out, "| %" PRId64 ": ", c->incident.id);
        text(out, c->incident.title);
        str_addf(out, " | %s | %s | %s | %s%s | %s | ", fmt_stamp(a, start_of(c)),
                 severity_name(c->incident.severity), incident_state(&c->incident),
                 incident_span(b, c->times.detect_us), c->times.alerted ? "" : " (no alert)",
                 incident_span(d, c->times.restore_us));
        text(out, spent.buf);
        str_add(out, " |\n");
    }
    str_release(&spent);
}

static void put_html_row(struct str *out, const struct incident_case *c)
{
    char a[FMT_MAX];
    struct str spent;
    str_init(&spent, 16 << 10);
    put_all_spent(&spent, c);
    str_addf(out, "<tr><th scope=\"row\">%" PRId64 ": ", c->incident.id);
    html_text(out, c->incident.title);
    str_addf(out, "</th><td>%s</td><td>%s</td>", fmt_stamp(a, start_of(c)),
             severity_name(c->incident.severity));
    str_addf(out, "<td>%s</td>", incident_state(&c->incident));
    str_addf(out, "<td class=\"n%s\">%s%s</td>", c->times.alerted ? "" : " hot",
             incident_span(a, c->times.detect_us), c->times.alerted ? "" : " (no alert)");
    str_addf(out, "<td class=\"n\">%s</td><td class=\"dim\">",
             incident_span(a, c->times.restore_us));
    html_text(out, spent.buf);
    str_add(out, "</td></tr>\n");
    str_release(&spent);
}

void incidents_put_html(struct str *out, const struct report *r)
{
    if (!r->incident_count)
        return;
    str_add(out, "<section id=\"incidents\">\n<h2>Incidents</h2>\n<p>");
    put_summary(out, r);
    str_add(out, ".</p>\n<div class=\"scroll\"><table class=\"summary\"><thead><tr>"
                 "<th>Incident</th><th>Began (UTC)</th><th>Severity</th><th>State</th>"
                 "<th class=\"n\">Detected after</th><th class=\"n\">Restored after</th>"
                 "<th>Lost</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < r->incident_count; i++)
        put_html_row(out, &r->incidents[i]);
    str_add(out, "</tbody></table></div>\n</section>\n");
}
