#include "report/charts.h"

#include "report/curve.h"
#include "report/fmt.h"
#include "report/svg.h"

#include "base/mem.h"
#include "base/units.h"

#include <assert.h>
#include <math.h>

#define TICKS_MAX 12
#define MARKS_MAX 16 /* one for each tier there may be */
#define FAINT_STUB 7.0
#define STUB 22.0         /* the least height of a cell that is there at all */
#define AT_RISK_LEFT 0.25 /* what is left where `at_risk` begins */

struct ticks {
    struct tick at[TICKS_MAX];
    size_t n;
};

static void add_tick(struct ticks *t, double at, const char *text)
{
    if (t->n == TICKS_MAX)
        return;
    struct tick *k = &t->at[t->n++];
    *k = (struct tick){.at = at, .zero = at == 0};
    str_copy(k->text, sizeof k->text, text);
}

static void put_incidents(const struct plot *p, const struct report_slo *s)
{
    for (size_t i = 0; i < s->incident_count; i++) {
        const struct report_incident *n = &s->incidents[i];
        int64_t to = n->to_us ? n->to_us : s->upto_us;
        if (to < p->from_us || n->from_us >= p->to_us)
            continue;
        plot_band(p, n->severity == SEVERITY_PAGE ? "band page" : "band ticket", n->from_us, to);
    }
}

/* The part of a calendar period that is still to come. */
static void put_future(const struct plot *p, const struct report_slo *s)
{
    if (s->upto_us < s->end_us && s->upto_us > s->start_us)
        svg_rect(p->out, "future", plot_x(p, s->upto_us), 0, 1000 - plot_x(p, s->upto_us), 100);
}

/* Deploys and notes; the table of changes tells what they are. */
static void put_annotations(const struct plot *p, const struct report_slo *s)
{
    for (size_t i = 0; i < s->annotation_count; i++) {
        double x = plot_x(p, s->annotations[i].at_us);
        svg_line(p->out, "change", x, 0, x, 100);
    }
}

static void bucket_time(struct str *text, const struct bucket *b)
{
    char day[FMT_MAX], from[FMT_MAX], to[FMT_MAX];
    if (b->to_us - b->from_us >= USEC_PER_DAY && b->from_us % USEC_PER_DAY == 0)
        str_addf(text, "%s: ", fmt_day(day, b->from_us));
    else
        str_addf(text, "%s %s to %s UTC: ", fmt_day(day, b->from_us), fmt_clock(from, b->from_us),
                 fmt_clock(to, b->to_us));
}

static void figure_open(struct str *out, const char *title)
{
    str_addf(out, "<figure><figcaption><b>%s</b>", title);
}

/* ---- availability ------------------------------------------------------ */

static void strip_text(struct str *text, const struct report_slo *s, const struct bucket *b)
{
    char n[FMT_MAX];
    int64_t total = counts_total(b->counts);
    bucket_time(text, b);
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
    put_future(&p, s);
    for (size_t i = 0; i < c->n; i++)
        put_cell(&p, s, &c->at[i]);
    plot_hover(&p, c, strip_text);
    plot_close(&p);
    if (s->incident_count) {
        p.css = "lane";
        p.label = "Alerts over the window; the table of incidents has the times";
        plot_open(&p);
        put_incidents(&p, s);
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
        add_tick(&t, fabs(v) < step / 100 ? 0 : v, fmt_percent(text, v, step < 0.01 ? 1 : 0));
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
    put_incidents(&p, s);
    put_future(&p, s);
    put_annotations(&p, s);
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
    bucket_time(text, b);
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
    add_tick(&t, 0, "0");
    if (y->kind == SCALE_LINEAR) {
        double step = nice_step(0, y->hi, 3);
        for (double v = step; v <= y->hi; v += step)
            add_tick(&t, v, fmt_real(text, v, 2));
        return t;
    }
    for (double v = 1; v <= y->hi; v *= 10)
        add_tick(&t, v, fmt_events(text, v));
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
    put_incidents(&p, s);
    put_future(&p, s);
    put_annotations(&p, s);
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

/* ---- latency ----------------------------------------------------------- */

static bool latency_of(int64_t us, double *ret)
{
    *ret = (double)us;
    return us >= 0;
}

static bool p50_value(const struct bucket *b, double *ret)
{
    return latency_of(b->p50_us, ret);
}

static bool p95_value(const struct bucket *b, double *ret)
{
    return latency_of(b->p95_us, ret);
}

static bool p99_value(const struct bucket *b, double *ret)
{
    return latency_of(b->p99_us, ret);
}

static void latency_text(struct str *text, const struct report_slo *s, const struct bucket *b)
{
    char p50[FMT_MAX], p95[FMT_MAX], p99[FMT_MAX];
    (void)s;
    bucket_time(text, b);
    if (b->p50_us < 0)
        str_add(text, "no data");
    else
        str_addf(text, "p50 %s, p95 %s, p99 %s", fmt_latency(p50, b->p50_us, false),
                 fmt_latency(p95, b->p95_us, false), fmt_latency(p99, b->p99_us, false));
}

static struct ticks latency_ticks(const struct scale *y)
{
    static const double ones[] = {1, 2, 5}, decades[] = {1};
    struct ticks t = {.n = 0};
    char text[FMT_MAX];
    if (y->kind == SCALE_LINEAR) {
        double step = nice_step(0, y->hi, 3);
        add_tick(&t, 0, "0");
        for (double v = step; v <= y->hi; v += step)
            add_tick(&t, v, fmt_tick(text, v));
        return t;
    }
    bool wide = y->hi / y->lo > 200;
    const double *steps = wide ? decades : ones;
    size_t n = wide ? countof(decades) : countof(ones);
    for (double unit = pow(10, floor(log10(y->lo))); unit <= y->hi; unit *= 10) {
        for (size_t i = 0; i < n; i++) {
            if (steps[i] * unit >= y->lo && steps[i] * unit <= y->hi)
                add_tick(&t, steps[i] * unit, fmt_tick(text, steps[i] * unit));
        }
    }
    return t;
}

/* From the least p50 to the greatest p99; false without any latency. */
static bool latency_scale(const struct report_slo *s, const struct curve *c, struct scale *y)
{
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (c->at[i].p50_us < 0)
            continue;
        least = fmin(least, (double)c->at[i].p50_us);
        most = fmax(most, fmax((double)c->at[i].p99_us, (double)c->at[i].p50_us));
    }
    if (!isfinite(least))
        return false;
    if (s->def->sli.faster_than_us > 0)
        most = fmax(most, (double)s->def->sli.faster_than_us);
    least = fmax(least, 1);
    most = fmax(most, least);
    *y = most / least > 12 ? (struct scale){SCALE_LOG, least * 0.8, most * 1.25}
                           : (struct scale){SCALE_LINEAR, 0, most * 1.12};
    return true;
}

static void put_latency(struct str *out, const struct report_slo *s, const struct curve *c)
{
    struct scale y;
    char label[160], a[FMT_MAX], b[FMT_MAX];
    struct mark mark = {.css = "limit"};
    if (!latency_scale(s, c, &y))
        return;
    struct ticks t = latency_ticks(&y);
    int64_t limit = s->def->sli.faster_than_us;
    if (limit > 0) {
        mark.at = (double)limit;
        snprintf(mark.text, sizeof mark.text, "objective %.32s", units_duration(a, limit));
    }
    snprintf(label, sizeof label, "Latency percentiles over time; p50 %s, p99 %s in the window",
             fmt_latency(a, s->latency.p50_us, s->latency.p50_lower),
             fmt_latency(b, s->latency.p99_us, s->latency.p99_lower));
    struct plot p = {.out = out,
                     .css = "mid",
                     .label = label,
                     .from_us = s->start_us,
                     .to_us = s->end_us,
                     .y = y,
                     .ticks = t.at,
                     .tick_count = t.n,
                     .marks = &mark,
                     .mark_count = limit > 0};

    figure_open(out, "Latency");
    str_addf(out,
             "<span>all runs, failed ones rank last%s</span><span class=\"key\">"
             "<i class=\"l-p50\"></i>p50 <i class=\"l-p95\"></i>p95 <i class=\"l-p99\"></i>"
             "p99</span></figcaption>",
             y.kind == SCALE_LOG ? "; logarithmic" : "");
    plot_open(&p);
    put_incidents(&p, s);
    put_future(&p, s);
    put_annotations(&p, s);
    plot_line(&p, "p99", c, LINE_AT_MIDDLE, p99_value);
    plot_line(&p, "p95", c, LINE_AT_MIDDLE, p95_value);
    plot_line(&p, "p50", c, LINE_AT_MIDDLE, p50_value);
    plot_hover(&p, c, latency_text);
    plot_close(&p);
    str_add(out, "</figure>\n");
}

void charts_write(struct str *out, const struct report_slo *s, size_t index)
{
    struct curve c;
    curve_build(&c, s, CURVE_MAX);
    if (!c.n)
        return;
    str_add(out, "<div class=\"charts\">\n");
    put_strip(out, s, &c);
    put_budget(out, s, &c, index);
    put_burn(out, s, &c);
    put_latency(out, s, &c);
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
