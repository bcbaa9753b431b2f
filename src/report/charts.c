#include "report/charts.h"

#include "report/answers.h"
#include "report/charts_frame.h"
#include "report/curve.h"
#include "report/fmt.h"
#include "report/svg.h"

#include "base/mem.h"
#include "base/units.h"

#include <assert.h>
#include <math.h>

#define MARKS_MAX 16 /* one for each tier there may be */
#define FAINT_STUB 7.0
#define STUB 22.0         /* the least height of a cell that is there at all */
#define AT_RISK_LEFT 0.25 /* what is left where `at_risk` begins */

/* ---- availability ------------------------------------------------------ */

static void strip_text(struct str *text, const struct report_slo *s, const struct bucket *b)
{
    char n[FMT_MAX];
    int64_t total = counts_total(b->counts);
    chart_time(text, b);
    str_add(text, !total && b->observed ? "no events" : cell_name(curve_cell(b)));
    if (total)
        str_addf(text, ", %s events", fmt_counted(n, s, total));
    if (b->counts.bad)
        str_addf(text, ", %s bad", fmt_counted(n, s, b->counts.bad));
    if (b->counts.excluded)
        str_addf(text, ", %s excluded", fmt_count(n, b->counts.excluded));
    if (b->expected > b->observed)
        str_addf(text, ", %s missing", fmt_count(n, b->expected - b->observed));
}

/* A single lost event among thousands must still be seen; but where requests are
 * counted some are lost in every cell, and what the target allows is not what
 * people look for. */
static double lost_height(const struct report_slo *s, const struct bucket *b)
{
    bool counted = s->source == SOURCE_RATIO || s->source == SOURCE_HISTOGRAM;
    double lost = (double)b->counts.bad / (double)counts_total(b->counts);
    double allowed = decimal_double(decimal_one_minus(s->def->target));
    return fmax(counted && lost <= allowed ? FAINT_STUB : STUB, sqrt(lost) * 100);
}

static void put_cell(const struct plot *p, const struct report_slo *s, const struct bucket *b)
{
    static const char *const css[] = {[CELL_NO_DATA] = "c-none",
                                      [CELL_EXCLUDED] = "c-out",
                                      [CELL_GOOD] = "c-good",
                                      [CELL_PARTIAL] = "c-good",
                                      [CELL_BAD] = "c-bad"};
    enum cell cell = curve_cell(b);
    double x = plot_x(p, b->from_us), w = plot_x(p, b->to_us) - x;
    w -= fmin(1, w * 0.2); /* the gap between cells */
    double tall = cell == CELL_NO_DATA ? STUB : 100;
    svg_rect(p->out, css[cell], x, 100 - tall, w, tall);
    if (cell != CELL_PARTIAL)
        return;
    double h = lost_height(s, b);
    svg_rect(p->out, "c-bad", x, 100 - h, w, h);
}

static void put_strip(struct str *out, const struct report_slo *s, const struct curve *c)
{
    char step[UNITS_MAX], label[256], sli[FMT_MAX], bad[FMT_MAX];
    snprintf(label, sizeof label, "Good and bad events, one cell per %s; SLI %s, %s bad",
             units_duration(step, c->step_us), fmt_sli(sli, s), fmt_counted(bad, s, s->counts.bad));
    struct plot p = {.out = out,
                     .css = "strip",
                     .label = label,
                     .from_us = s->start_us,
                     .to_us = s->end_us,
                     .y = {SCALE_LINEAR, 0, 1}};
    figure_open(out, fmt_sli_name(s));
    str_addf(out,
             "<span>one cell is %s</span><span class=\"key\"><i class=\"c-good\"></i>good "
             "<i class=\"c-part\"></i>partly bad <i class=\"c-bad\"></i>bad "
             "<i class=\"c-none\"></i>no data <i class=\"c-out\"></i>excluded</span>"
             "</figcaption>",
             step);
    plot_open(&p);
    chart_future(&p, s);
    for (size_t i = 0; i < c->n; i++)
        put_cell(&p, s, &c->at[i]);
    plot_hover(&p, c, strip_text);
    plot_close(&p);
    if (s->incident_count) {
        p.css = "lane";
        p.label = "Alerts over the window; the table of incidents has the times";
        plot_open(&p);
        chart_incidents(&p, s);
        plot_close(&p);
    }
    str_add(out, "</figure>\n");
}

/* ---- budget ------------------------------------------------------------ */

static bool budget_value(const struct bucket *b, double *ret)
{
    *ret = b->budget;
    return b->has_budget;
}

static void budget_text(struct str *text, const struct report_slo *s, const struct bucket *b)
{
    char n[FMT_MAX], day[FMT_MAX], clock[FMT_MAX];
    (void)s;
    str_addf(text, "%s %s UTC: ", fmt_day(day, b->to_us), fmt_clock(clock, b->to_us));
    if (b->has_budget)
        str_addf(text, "%s of the budget left", fmt_percent(n, b->budget, 1));
    else
        str_add(text, "no data");
}

/* Where the line changes its colour: spent, at risk, fine. */
static void put_budget_colors(const struct plot *p, size_t index)
{
    double risk = plot_y(p, AT_RISK_LEFT), spent = plot_y(p, 0);
    const struct {
        double at;
        const char *css;
    } stops[] = {{risk, "s-good"}, {risk, "s-risk"}, {spent, "s-risk"}, {spent, "s-bad"}};
    str_addf(p->out,
             "<linearGradient id=\"budget%zu\" gradientUnits=\"userSpaceOnUse\" x1=\"0\" "
             "x2=\"0\" y1=\"0\" y2=\"100\">",
             index);
    for (size_t i = 0; i < countof(stops); i++) {
        str_addf(p->out, "<stop class=\"%s\" offset=\"", stops[i].css);
        svg_number(p->out, stops[i].at);
        str_add(p->out, "%\"/>");
    }
    str_add(p->out, "</linearGradient>");
}

static struct ticks budget_ticks(const struct scale *y)
{
    struct ticks t = {.n = 0};
    char text[FMT_MAX];
    double step = nice_step(y->lo, y->hi, 4);
    for (double v = ceil(y->lo / step) * step; v <= y->hi + step / 100; v += step)
        ticks_add(&t, fabs(v) < step / 100 ? 0 : v, fmt_percent(text, v, step < 0.01 ? 1 : 0));
    return t;
}

static void put_budget(struct str *out, const struct report_slo *s, const struct curve *c,
                       size_t index)
{
    struct scale y = {SCALE_LINEAR, 0, 1};
    char label[256], n[FMT_MAX];
    for (size_t i = 0; i < c->n; i++) {
        if (!c->at[i].has_budget)
            continue;
        y.lo = fmin(y.lo, c->at[i].budget);
        y.hi = fmax(y.hi, c->at[i].budget);
    }
    y.lo = y.lo < 0 ? y.lo - (y.hi - y.lo) * 0.06 : 0;
    struct ticks t = budget_ticks(&y);
    snprintf(label, sizeof label, "Error budget remaining over time; now %s",
             s->has_budget ? fmt_percent(n, s->remaining_ratio, 1) : "unknown");
    struct mark marks[] = {{0, "limit", "budget spent"}};
    struct plot p = {.out = out,
                     .css = "tall",
                     .label = label,
                     .from_us = s->start_us,
                     .to_us = s->end_us,
                     .y = y,
                     .ticks = t.at,
                     .tick_count = t.n,
                     .marks = marks,
                     .mark_count = 1};
    figure_open(out, "Error budget remaining");
    str_addf(out,
             "<span>from all of it at the start of the window to what is left now</span>%s"
             "</figcaption>",
             s->annotation_count
                 ? "<span class=\"key\"><i class=\"l-change\"></i>deploy or note</span>"
                 : "");
    plot_open(&p);
    put_budget_colors(&p, index);
    chart_incidents(&p, s);
    chart_future(&p, s);
    chart_annotations(&p, s);
    str_addf(out, "<g style=\"--paint:url(#budget%zu)\">", index);
    plot_area(&p, "budget", c, LINE_AT_END, budget_value, 0);
    plot_line(&p, "budget", c, LINE_AT_END, budget_value);
    str_add(out, "</g>");
    plot_hover(&p, c, budget_text);
    plot_close(&p);
    str_add(out, "</figure>\n");
}

/* ---- burn -------------------------------------------------------------- */

static void burn_text(struct str *text, const struct report_slo *s, const struct bucket *b)
{
    char n[FMT_MAX];
    (void)s;
    chart_time(text, b);
    if (b->has_burn)
        str_addf(text, "burn %s", fmt_burn(n, b->burn));
    else
        str_add(text, "no data");
}

static const char *burn_css(const struct report_slo *s, double burn)
{
    enum severity worst = SEVERITY_NONE;
    for (size_t i = 0; i < s->tier_count; i++) {
        const struct tier_def *d = &s->tiers[i].def;
        if (burn >= decimal_double(d->factor) && d->severity > worst)
            worst = d->severity;
    }
    if (worst == SEVERITY_PAGE)
        return "b-page";
    return worst == SEVERITY_TICKET || burn >= 1 ? "b-ticket" : "b-calm";
}

static struct ticks burn_ticks(const struct scale *y)
{
    struct ticks t = {.n = 0};
    char text[FMT_MAX];
    ticks_add(&t, 0, "0");
    if (y->kind == SCALE_LINEAR) {
        double step = nice_step(0, y->hi, 3);
        for (double v = step; v <= y->hi; v += step)
            ticks_add(&t, v, fmt_real(text, v, 2));
        return t;
    }
    for (double v = 1; v <= y->hi; v *= 10)
        ticks_add(&t, v, fmt_events(text, v));
    return t;
}

static size_t burn_marks(const struct report_slo *s, struct mark *marks)
{
    char factor[FMT_MAX], window[UNITS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < s->tier_count && n < MARKS_MAX; i++) {
        const struct tier_def *d = &s->tiers[i].def;
        struct mark *m = &marks[n++];
        m->at = decimal_double(d->factor);
        m->css = d->severity == SEVERITY_PAGE ? "page" : "ticket";
        snprintf(m->text, sizeof m->text, "%.20s %.8s over %.16s", fmt_factor(factor, d->factor),
                 severity_name(d->severity), units_duration(window, d->long_us));
    }
    return n;
}

static void put_burn(struct str *out, const struct report_slo *s, const struct curve *c)
{
    struct mark marks[MARKS_MAX] = {{0}};
    size_t mark_count = burn_marks(s, marks);
    double peak = 0, top = 1;
    char label[128], n[FMT_MAX], step[UNITS_MAX];
    for (size_t i = 0; i < c->n; i++) {
        if (c->at[i].has_burn)
            peak = fmax(peak, c->at[i].burn);
    }
    for (size_t i = 0; i < mark_count; i++)
        top = fmax(top, marks[i].at);
    top = fmax(top * 1.6, peak * 1.12); /* room for the name of the highest mark */
    struct scale y = {top > 20 || mark_count > 2 ? SCALE_LOG1P : SCALE_LINEAR, 0, top};
    struct ticks t = burn_ticks(&y);
    snprintf(label, sizeof label, "Burn rate over time; the highest step burns at %s",
             fmt_burn(n, peak));
    struct plot p = {.out = out,
                     .css = "mid",
                     .label = label,
                     .from_us = s->start_us,
                     .to_us = s->end_us,
                     .y = y,
                     .ticks = t.at,
                     .tick_count = t.n,
                     .marks = marks,
                     .mark_count = mark_count};

    figure_open(out, "Burn rate");
    str_addf(out,
             "<span>highest in each %s; at 1 the budget lasts exactly the window%s</span>"
             "</figcaption>",
             units_duration(step, c->step_us), y.kind == SCALE_LOG1P ? "; logarithmic" : "");
    plot_open(&p);
    chart_incidents(&p, s);
    chart_future(&p, s);
    chart_annotations(&p, s);
    for (size_t i = 0; i < c->n; i++) {
        const struct bucket *b = &c->at[i];
        if (!b->has_burn || b->burn <= 0)
            continue;
        double x = plot_x(&p, b->from_us), w = plot_x(&p, b->to_us) - x;
        double top_y = fmin(plot_y(&p, b->burn), 98);
        svg_rect(out, burn_css(s, b->burn), x, top_y, w - fmin(1, w * 0.2), 100 - top_y);
    }
    plot_hover(&p, c, burn_text);
    plot_close(&p);
    str_add(out, "</figure>\n");
}

void charts_write(struct str *out, const struct report *r, size_t index)
{
    const struct report_slo *s = &r->slos[index];
    struct curve c;
    curve_build(&c, s, CURVE_MAX);
    if (!c.n)
        return;
    str_add(out, "<div class=\"charts\">\n");
    put_strip(out, s, &c);
    put_budget(out, s, &c, index);
    put_burn(out, s, &c);
    const struct percentiles_chart latency = {s->answers ? "Whole answer" : "Latency", &s->latency,
                                              s->def->sli.faster_than_us};
    chart_percentiles(out, s, &c, &latency);
    if (s->answers)
        answers_charts(out, r, s);
    str_add(out, "</div>\n");
}

void chart_meter(struct str *out, const struct report_slo *s)
{
    char text[FMT_MAX];
    const char *css = !s->has_budget                          ? "m-none"
                      : s->remaining <= 0                     ? "m-bad"
                      : s->consumed_ratio >= 1 - AT_RISK_LEFT ? "m-risk"
                                                              : "m-good";
    double left = s->has_budget && isfinite(s->remaining_ratio) ? s->remaining_ratio : 0;
    bool overdrawn = s->has_budget && left <= 0;
    /* Overdrawn: a full bar in the colour of the breach. */
    double width = overdrawn ? 1 : fmin(fmax(left, left > 0 ? 0.01 : 0), 1);
    str_addf(out,
             "<span class=\"meter %s\" role=\"img\" aria-label=\"budget left: %s\">"
             "<i style=\"width:",
             css, s->has_budget ? fmt_percent(text, s->remaining_ratio, 1) : "no data");
    svg_number(out, width * 100);
    str_add(out, "%\"></i></span>");
}
