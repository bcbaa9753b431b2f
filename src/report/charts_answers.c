/* Charts of answers: times that are no latency of HTTP, tokens and cost by the day. */
#include "report/answers.h"
#include "report/charts_frame.h"

#include "base/mem.h"
#include "base/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HELD_TALL 7.0     /* of the mark over a day */
#define HEIGHT_MAX 7e18   /* ticks are written as an int64_t */
#define MILLIONTH 1000000 /* of COST_ONE for one */

/* ---- times ------------------------------------------------------------------------ */

/* The same buckets with these in the place of latency. */
static void show(struct curve *c, bool gap)
{
    for (size_t i = 0; i < c->n; i++) {
        struct bucket *b = &c->at[i];
        const struct percentiles *p = gap ? &b->gap : &b->ttft;
        b->p50_us = p->p50_us;
        b->p95_us = p->p95_us;
        b->p99_us = p->p99_us;
    }
}

static void put_times(struct str *out, const struct report_slo *s)
{
    const struct sli_def *sli = &s->def->sli;
    const struct percentiles_chart charts[] = {
        {"Time to first token", &s->answers->ttft, sli->measure == MEASURE_TTFT ? sli->bound : 0},
        {"Longest gap", &s->answers->gap, sli->measure == MEASURE_GAP ? sli->bound : 0}};
    for (size_t i = 0; i < countof(charts); i++) {
        struct curve c;
        curve_build(&c, s, CURVE_MAX);
        show(&c, i == 1);
        chart_percentiles(out, s, &c, &charts[i]);
    }
}

/* ---- bars of days ------------------------------------------------------------------ */

/* Whole days, as many to a column as it takes. */
static int64_t days_step(const struct report_slo *s)
{
    static const int64_t days[] = {1, 2, 7, 14, 28, 56, 182, 364};
    int64_t span = (s->end_us - s->start_us) / USEC_PER_DAY + 2;
    for (size_t i = 0; i < countof(days); i++)
        if (span / days[i] + 1 <= CURVE_MAX)
            return days[i] * USEC_PER_DAY;
    return (span / CURVE_MAX + 1) * USEC_PER_DAY;
}

/* Columns of those days that there is anything of. */
static void days_build(struct curve *c, const struct report_slo *s)
{
    const struct report_answers *a = s->answers;
    *c = (struct curve){.slo = s, .step_us = days_step(s)};
    for (size_t i = 0; i < a->day_count; i++) {
        const struct report_answer_day *d = &a->days[i];
        struct bucket *last = c->n ? &c->at[c->n - 1] : NULL;
        if (last && last->from_us / c->step_us == d->from_us / c->step_us) {
            last->to_us = d->to_us;
            continue;
        }
        if (c->n == countof(c->at))
            return;
        c->at[c->n++] = (struct bucket){.from_us = d->from_us, .to_us = d->to_us};
    }
}

static struct answer_sums sums_of(const struct report_slo *s, const struct bucket *b)
{
    struct answer_sums sums = {0};
    for (size_t i = 0; i < s->answers->day_count; i++) {
        const struct report_answer_day *d = &s->answers->days[i];
        if (d->from_us >= b->from_us && d->to_us <= b->to_us)
            answer_sums_add(&sums, &d->sums);
    }
    return sums;
}

static void put_days(struct str *text, const struct bucket *b)
{
    char from[FMT_MAX], to[FMT_MAX];
    if (b->to_us - b->from_us <= USEC_PER_DAY)
        str_addf(text, "%s: ", fmt_day(from, b->from_us));
    else
        str_addf(text, "%s to %s: ", fmt_day(from, b->from_us), fmt_day(to, b->to_us - 1));
}

static void put_runs(struct str *text, const struct answer_sums *sums)
{
    char n[FMT_MAX];
    str_addf(text, "; %s runs", fmt_count(n, sums->runs));
    if (sums->held)
        str_addf(text, ", %s held back by spend caps", fmt_count(n, sums->held));
}

static void tokens_text(struct str *text, const struct report_slo *s, const struct bucket *b)
{
    struct answer_sums sums = sums_of(s, b);
    put_days(text, b);
    answers_tokens_text(text, &sums);
    put_runs(text, &sums);
}

static void cost_text(struct str *text, const struct report_slo *s, const struct bucket *b)
{
    struct answer_sums sums = sums_of(s, b);
    put_days(text, b);
    answers_day_cost(text, s->answers, &sums);
    put_runs(text, &sums);
}

static double tokens_in(const struct answer_sums *sums)
{
    return (double)sums->tokens_in;
}

static double tokens_all(const struct answer_sums *sums)
{
    return (double)sums->tokens_in + (double)sums->tokens_out;
}

static double cost(const struct answer_sums *sums)
{
    return (double)sums->cost;
}

/* One stack of a column: `below` reaches from the axis, `all` over it. */
struct bars {
    const char *title, *note;
    double (*below)(const struct answer_sums *sums); /* NULL: one part only */
    double (*all)(const struct answer_sums *sums);
    char *(*tick)(char buf[static FMT_MAX], double v);
    hover_text *hover;
};

static void put_bar(const struct plot *p, const struct report_slo *s, const struct bars *bars,
                    const struct bucket *b)
{
    struct answer_sums sums = sums_of(s, b);
    double x = plot_x(p, b->from_us), w = plot_x(p, b->to_us) - x;
    double all = plot_y(p, bars->all(&sums)), below = all;
    w -= fmin(2, w * 0.2);
    if (bars->below && bars->below(&sums) > 0) {
        below = plot_y(p, bars->below(&sums));
        svg_rect(p->out, "t-in", x, below, w, 100 - below);
    }
    if (bars->all(&sums) > 0)
        svg_rect(p->out, "t-out", x, all, w, (bars->below ? below : 100) - all);
    if (sums.held)
        svg_rect(p->out, "held", x, 0, w, HELD_TALL);
}

static struct ticks bar_ticks(double top, const struct bars *bars)
{
    struct ticks t = {.n = 0};
    char text[FMT_MAX];
    double step = nice_step(0, top, 3);
    ticks_add(&t, 0, "0");
    for (double v = step; v <= top; v += step)
        ticks_add(&t, v, bars->tick(text, v));
    return t;
}

/* Of any column. */
static double highest(const struct report_slo *s, const struct curve *c,
                      double (*of)(const struct answer_sums *sums))
{
    double top = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct answer_sums sums = sums_of(s, &c->at[i]);
        top = fmin(fmax(top, of(&sums)), HEIGHT_MAX);
    }
    return top;
}

static void put_bars(struct str *out, const struct report_slo *s, const struct curve *c,
                     const struct bars *bars)
{
    double top = highest(s, c, bars->all);
    bool held = s->answers->sums.held > 0;
    if (top <= 0)
        return;
    top *= held ? 1.2 : 1.1; /* the mark is above the bars */
    struct ticks t = bar_ticks(top, bars);
    struct plot p = {.out = out,
                     .css = "mid",
                     .label = bars->note,
                     .from_us = s->start_us,
                     .to_us = s->end_us,
                     .y = {SCALE_LINEAR, 0, top},
                     .ticks = t.at,
                     .tick_count = t.n};
    figure_open(out, bars->title);
    str_add(out, "<span>");
    html_text(out, bars->note);
    str_addf(out, "</span><span class=\"key\">%s%s</span></figcaption>",
             bars->below ? "<i class=\"t-in\"></i>in <i class=\"t-out\"></i>out " : "",
             held ? "<i class=\"held\"></i>runs held back" : "");
    plot_open(&p);
    chart_future(&p, s);
    for (size_t i = 0; i < c->n; i++)
        put_bar(&p, s, bars, &c->at[i]);
    plot_hover(&p, c, bars->hover);
    plot_close(&p);
    str_add(out, "</figure>\n");
}

/* Short enough to stand beside the chart: "750", "100k", "2.5M". */
static char *count_tick(char buf[static FMT_MAX], double v)
{
    double unit = v >= 1e6 ? 1e6 : v >= 1e4 ? 1e3 : 1;
    fmt_events(buf, v / unit);
    size_t n = strlen(buf);
    snprintf(buf + n, FMT_MAX - n, "%s", unit > 1e3 ? "M" : unit > 1 ? "k" : "");
    return buf;
}

static char *money_tick(char buf[static FMT_MAX], double v)
{
    return fmt_cost(buf, llround(v));
}

static char *millionths_tick(char buf[static FMT_MAX], double v)
{
    return fmt_cost(buf, llround(v * MILLIONTH));
}

/* "per day of UTC" */
static void put_step(struct str *out, const struct curve *c)
{
    char days[UNITS_MAX];
    str_addf(out, "per %s of UTC",
             c->step_us == USEC_PER_DAY ? "day" : units_duration(days, c->step_us));
}

static void put_tokens(struct str *out, const struct report_slo *s, const struct curve *c)
{
    struct str note;
    str_init(&note, 4096);
    put_step(&note, c);
    str_addf(&note, ", as the answers told%s",
             s->answers->sums.tokens_unknown ? "; some did not" : "");
    const struct bars tokens = {"Tokens by day", note.buf,   tokens_in,
                                tokens_all,      count_tick, tokens_text};
    put_bars(out, s, c, &tokens);
    str_release(&note);
}

/* Where a day costs next to nothing in millionths, which are short to write. */
static void put_cost(struct str *out, const struct report_slo *s, const struct curve *c)
{
    const struct report_answers *a = s->answers;
    bool small = highest(s, c, cost) < COST_ONE / 1e3;
    struct str note;
    str_init(&note, 4096);
    if (a->currency)
        str_addf(&note, "%s%s ", small ? "millionths of " : "", a->currency);
    else
        str_add(&note, small ? "millionths " : "");
    put_step(&note, c);
    str_add(&note, a->sums.cost_unknown ? "; some is not known" : "");
    const struct bars money = {
        "Cost by day", note.buf, NULL, cost, small ? millionths_tick : money_tick, cost_text};
    put_bars(out, s, c, &money);
    str_release(&note);
}

static void put_day_charts(struct str *out, const struct report_slo *s)
{
    struct curve c;
    days_build(&c, s);
    put_tokens(out, s, &c);
    if (answers_priced(s->answers))
        put_cost(out, s, &c);
}

void answers_charts(struct str *out, const struct report *r, const struct report_slo *s)
{
    if (s->answers->streams)
        put_times(out, s);
    if (!answers_told_by(r, s))
        put_day_charts(out, s);
}
