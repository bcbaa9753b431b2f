/* Percentiles of times over time: of latency, and of what answers are measured by. */
#include "report/charts_frame.h"
#include "report/fmt.h"

#include "base/mem.h"
#include "base/units.h"

#include <math.h>
#include <stdio.h>

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
    chart_time(text, b);
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
        ticks_add(&t, 0, "0");
        for (double v = step; v <= y->hi; v += step)
            ticks_add(&t, v, fmt_tick(text, v));
        return t;
    }
    bool wide = y->hi / y->lo > 200;
    const double *steps = wide ? decades : ones;
    size_t n = wide ? countof(decades) : countof(ones);
    for (double unit = pow(10, floor(log10(y->lo))); unit <= y->hi; unit *= 10) {
        for (size_t i = 0; i < n; i++) {
            if (steps[i] * unit >= y->lo && steps[i] * unit <= y->hi)
                ticks_add(&t, steps[i] * unit, fmt_tick(text, steps[i] * unit));
        }
    }
    return t;
}

/* From the least p50 to the greatest p99; false without any latency. */
static bool latency_scale(const struct curve *c, int64_t limit_us, struct scale *y)
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
    most = fmax(most, (double)limit_us);
    least = fmax(least, 1);
    most = fmax(most, least);
    *y = most / least > 12 ? (struct scale){SCALE_LOG, least * 0.8, most * 1.25}
                           : (struct scale){SCALE_LINEAR, 0, most * 1.12};
    return true;
}

static void put_lines(const struct plot *p, const struct report_slo *s, const struct curve *c)
{
    plot_open(p);
    chart_incidents(p, s);
    chart_future(p, s);
    chart_annotations(p, s);
    plot_line(p, "p99", c, LINE_AT_MIDDLE, p99_value);
    plot_line(p, "p95", c, LINE_AT_MIDDLE, p95_value);
    plot_line(p, "p50", c, LINE_AT_MIDDLE, p50_value);
    plot_hover(p, c, latency_text);
    plot_close(p);
}

void chart_percentiles(struct str *out, const struct report_slo *s, const struct curve *c,
                       const struct percentiles_chart *what)
{
    struct scale y;
    char label[160], a[FMT_MAX], b[FMT_MAX];
    struct mark mark = {.css = "limit"};
    if (!latency_scale(c, what->limit_us, &y))
        return;
    struct ticks t = latency_ticks(&y);
    if (what->limit_us > 0) {
        mark.at = (double)what->limit_us;
        snprintf(mark.text, sizeof mark.text, "objective %.32s", units_duration(a, what->limit_us));
    }
    snprintf(label, sizeof label, "%s percentiles over time; p50 %s, p99 %s in the window",
             what->title, fmt_latency(a, what->of->p50_us, what->of->p50_lower),
             fmt_latency(b, what->of->p99_us, what->of->p99_lower));
    struct plot p = {.out = out,
                     .css = "mid",
                     .label = label,
                     .from_us = s->start_us,
                     .to_us = s->end_us,
                     .y = y,
                     .ticks = t.at,
                     .tick_count = t.n,
                     .marks = &mark,
                     .mark_count = what->limit_us > 0};

    figure_open(out, what->title);
    str_addf(out,
             "<span>all runs, failed ones rank last%s</span><span class=\"key\">"
             "<i class=\"l-p50\"></i>p50 <i class=\"l-p95\"></i>p95 <i class=\"l-p99\"></i>"
             "p99</span></figcaption>",
             y.kind == SCALE_LOG ? "; logarithmic" : "");
    put_lines(&p, s, c);
    str_add(out, "</figure>\n");
}
