/* One page that stands alone: styles and drawings inline, no script, and a
 * policy that forbids it to load or run anything. */
#include "report/answers.h"
#include "report/charts.h"
#include "report/fmt.h"
#include "report/formats.h"
#include "report/groups.h"
#include "report/html.h"
#include "report/incidents.h"
#include "report/svg.h"

#include "base/units.h"

void html_title(struct str *out, const struct report_slo *s)
{
    struct str title;
    str_init(&title, 4096);
    fmt_title(&title, s);
    html_text(out, title.buf);
    str_release(&title);
}

void html_state(struct str *out, enum slo_state state)
{
    static const char *const marks[] = {
        [SLO_MET] = "<circle cx=\"5\" cy=\"5\" r=\"4.5\"/>",
        [SLO_BREACHED] = "<path d=\"M1.5 0 5 3.5 8.5 0 10 1.5 6.5 5 10 8.5 8.5 10 5 6.5 1.5 10 0 "
                         "8.5 3.5 5 0 1.5z\"/>",
        [SLO_AT_RISK] = "<path d=\"M5 .5 10 9.5H0z\"/>",
        [SLO_WARMING] = "<path d=\"M5 .5a4.5 4.5 0 1 0 0 9zM5 .5a4.5 4.5 0 0 1 0 "
                        "9V8a3 3 0 0 0 0-6z\"/>",
        [SLO_NO_DATA] = "<path d=\"M0 4h10v2H0z\"/>",
    };
    str_addf(out,
             "<span class=\"state %s\"><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\">"
             "%s</svg>%s</span>",
             slo_state_name(state), marks[state], fmt_state(state));
}

static void put_verdict(struct str *out, const struct report *r)
{
    size_t met = fmt_tally(r, SLO_MET);
    if (!r->slo_count)
        str_add(out, "No objectives are declared");
    else if (r->slo_count == 1)
        str_addf(out, "The objective %s %s", r->slos[0].state == SLO_NO_DATA ? "has" : "is",
                 fmt_state(r->slos[0].state));
    else if (met == r->slo_count)
        str_addf(out, "All %zu objectives are met", met);
    else
        str_addf(out, "%zu of %zu objectives %s met", met, r->slo_count, met == 1 ? "is" : "are");
}

static void put_rest(struct str *out, const struct report *r)
{
    const char *comma = "";
    for (enum slo_state s = SLO_BREACHED; s <= SLO_NO_DATA; s++) {
        size_t n = fmt_tally(r, s);
        if (!n || r->slo_count < 2)
            continue;
        str_addf(out, "%s%zu %s", comma, n, fmt_state(s));
        comma = ", ";
    }
    if (comma[0])
        str_add(out, ". ");
}

static void put_head(struct str *out, const struct report *r)
{
    char at[FMT_MAX], generated[FMT_MAX];
    str_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                 "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
                 "form-action 'none'\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n"
                 "<meta name=\"generator\" content=\"nines " NINES_VERSION "\">\n"
                 "<link rel=\"icon\" href=\"data:,\">\n<title>");
    put_verdict(out, r);
    str_addf(out, ", %s</title>\n<style>\n", fmt_date(at, r->at_us));
    str_add(out, report_css);
    if (answers_any(r))
        str_add(out, answers_css);
    /* One hatching for all strips. */
    str_add(out, "</style>\n</head>\n<body>\n<svg width=\"0\" height=\"0\" aria-hidden=\"true\" "
                 "style=\"position:absolute\"><pattern id=\"hatch\" width=\"4\" height=\"14\" "
                 "patternUnits=\"userSpaceOnUse\"><path d=\"M0 14 4 0\"/></pattern></svg>\n"
                 "<header class=\"top\">\n<p class=\"over\">Error-budget report</p>\n<h1>");
    put_verdict(out, r);
    str_add(out, "</h1>\n<p class=\"lead\">");
    put_rest(out, r);
    str_addf(out, "As of %s", fmt_instant(at, r->at_us));
    if (r->generated_at_us != r->at_us)
        str_addf(out, ", generated %s", fmt_instant(generated, r->generated_at_us));
    str_add(out, ".</p>\n</header>\n<main>\n");
}

static void put_row(struct str *out, const struct report_slo *s, size_t index)
{
    char a[FMT_MAX], t[UNITS_MAX];
    const struct report_burn *burn = fmt_find_burn(s, USEC_PER_HOUR);
    double coverage;

    str_addf(out, "<tr><th scope=\"row\"><a href=\"#slo-%zu\">", index);
    html_title(out, s);
    str_add(out, "</a></th><td>");
    html_state(out, s->state);
    str_addf(out, "</td><td class=\"n\">%s</td>", fmt_sli(a, s));
    str_addf(out, "<td class=\"n dim\">%s</td>", decimal_percent(t, s->def->target));
    str_add(out, "<td class=\"tight\">");
    chart_meter(out, s);
    bool spent = s->has_budget && s->remaining <= 0;
    str_addf(out, "</td><td class=\"n tight%s\">%s</td>", spent ? " hot" : "",
             s->has_budget ? fmt_percent(a, s->remaining_ratio, 1) : FMT_NONE);
    str_addf(out, "<td class=\"n\">%s</td>", burn ? fmt_burn(a, burn->rate) : FMT_NONE);
    str_addf(out, "<td class=\"n\">%s</td></tr>\n",
             fmt_coverage(s, &coverage) ? fmt_floor(a, coverage, 1) : FMT_NONE);
}

static void put_summary(struct str *out, const struct report *r)
{
    str_add(out, "<div class=\"scroll\"><table class=\"summary\"><thead><tr><th>Objective</th>"
                 "<th>State</th><th class=\"n\">SLI</th><th class=\"n\">Target</th>"
                 "<th colspan=\"2\" class=\"tight\">Budget left</th><th class=\"n\">Burn, 1h</th>"
                 "<th class=\"n\">Coverage</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < r->slo_count; i++)
        put_row(out, &r->slos[i], i);
    str_add(out, "</tbody></table></div>\n");
}

static void put_foot(struct str *out)
{
    str_add(out, "</main>\n<footer>\n<h3>How to read this</h3>\n<dl>"
                 "<dt>SLI</dt><dd>Good events by good and bad ones. Excluded events count in "
                 "neither.</dd>"
                 "<dt>Budget</dt><dd>The bad events or slices that the target allows in the "
                 "window.</dd>"
                 "<dt>Burn rate</dt><dd>How fast the budget goes: at 1 it lasts exactly the "
                 "window, at 2 half of it.</dd>"
                 "<dt>Coverage</dt><dd>Checks, or scrapes of a metric, observed of those expected. "
                 "What is missing is not counted as good.</dd>"
                 "<dt>\xe2\x89\xa5</dt><dd>The percentile falls on a failed run: the true value is "
                 "at least this.</dd></dl>\n"
                 "<p>All times are UTC. Made by nines " NINES_VERSION ".</p>\n</footer>\n"
                 "</body>\n</html>\n");
}

static int write_html(const struct report *r, const struct report_style *style, struct str *out)
{
    put_head(out, r);
    if (style->group_by)
        groups_put_html(out, r, style->group_by);
    if (r->slo_count > 1)
        put_summary(out, r);
    for (size_t i = 0; i < r->slo_count; i++)
        html_slo(out, r, i);
    incidents_put_html(out, r);
    put_foot(out);
    return out->overflow ? -1 : 0;
}

const struct report_format report_html = {
    .name = "html",
    .help = "one self-contained page with charts",
    .write = write_html,
};
