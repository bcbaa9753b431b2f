#include "report/svg.h"

#include "report/fmt.h"

#include "base/mem.h"
#include "base/units.h"

#include <assert.h>
#include <math.h>

#define WIDTH 1000.0
#define HEIGHT 100.0
#define NAME_HEIGHT 13.0 /* of a mark, in units of a plot of middle height */

void html_text(struct str *out, const char *s)
{
    size_t len;
    for (size_t n = strlen(s); n > 0; s += len, n -= len) {
        uint32_t cp = fmt_code_point(s, n, &len);
        switch (cp) {
        case '&':
            str_add(out, "&amp;");
            break;
        case '<':
            str_add(out, "&lt;");
            break;
        case '>':
            str_add(out, "&gt;");
            break;
        case '"':
            str_add(out, "&quot;");
            break;
        case '\'':
            str_add(out, "&#39;");
            break;
        default:
            fmt_add_code_point(out, cp);
        }
    }
}

void svg_number(struct str *out, double v)
{
    char buf[FMT_MAX];
    str_add(out, fmt_real(buf, isfinite(v) ? v : 0, 2));
}

/* ---- scales ------------------------------------------------------------ */

static double warp(const struct scale *s, double v)
{
    switch (s->kind) {
    case SCALE_LINEAR:
        return v;
    case SCALE_LOG:
        return log(fmax(v, s->lo));
    case SCALE_LOG1P:
        return log1p(fmax(v, 0));
    }
    assert(!"scale_kind");
    return v;
}

static double clamp(double v, double lo, double hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

double plot_y(const struct plot *p, double v)
{
    double lo = warp(&p->y, p->y.lo), hi = warp(&p->y, p->y.hi);
    assert(lo < hi);
    return clamp((hi - warp(&p->y, v)) / (hi - lo) * HEIGHT, 0, HEIGHT);
}

double plot_x(const struct plot *p, int64_t us)
{
    assert(p->from_us < p->to_us);
    return clamp((double)(us - p->from_us) / (double)(p->to_us - p->from_us) * WIDTH, 0, WIDTH);
}

double nice_step(double lo, double hi, int n)
{
    static const double steps[] = {1, 2, 2.5, 5, 10};
    double raw = (hi - lo) / n, unit = pow(10, floor(log10(raw)));
    for (size_t i = 0; i < countof(steps); i++) {
        if (steps[i] * unit >= raw * 0.999)
            return steps[i] * unit;
    }
    return 10 * unit;
}

size_t time_ticks(int64_t from_us, int64_t to_us, size_t max, int64_t at[TIME_TICKS_MAX],
                  bool *ret_clock)
{
    static const int64_t minutes[] = {1,   2,    5,    10,   15,   30,    60,    120,   180,   360,
                                      720, 1440, 2880, 4320, 7200, 10080, 14400, 43200, 129600};
    int64_t step = 0;
    size_t n = 0;
    assert(max <= TIME_TICKS_MAX);
    for (size_t i = 0; i < countof(minutes); i++) {
        step = minutes[i] * USEC_PER_MIN;
        if ((to_us - from_us) / step < (int64_t)max)
            break;
    }
    *ret_clock = step < USEC_PER_DAY;
    for (int64_t t = (from_us + step - 1) / step * step; t < to_us && n < max; t += step)
        at[n++] = t;
    return n;
}

/* ---- marks ------------------------------------------------------------- */

void svg_rect(struct str *out, const char *css, double x, double y, double w, double h)
{
    str_addf(out, "<rect class=\"%s\" x=\"", css);
    svg_number(out, x);
    str_add(out, "\" y=\"");
    svg_number(out, y);
    str_add(out, "\" width=\"");
    svg_number(out, w);
    str_add(out, "\" height=\"");
    svg_number(out, h);
    str_add(out, "\"/>");
}

void svg_line(struct str *out, const char *css, double x1, double y1, double x2, double y2)
{
    str_addf(out, "<path class=\"%s\" d=\"M", css);
    svg_number(out, x1);
    str_addc(out, ' ');
    svg_number(out, y1);
    str_addc(out, 'L');
    svg_number(out, x2);
    str_addc(out, ' ');
    svg_number(out, y2);
    str_add(out, "\"/>");
}

void plot_band(const struct plot *p, const char *css, int64_t from_us, int64_t to_us)
{
    double x = plot_x(p, from_us), w = plot_x(p, to_us) - x;
    w = fmax(w, 2.5);
    svg_rect(p->out, css, fmin(x, WIDTH - w), 0, w, HEIGHT);
}

static void move(struct str *out, char op, double x, double y)
{
    str_addc(out, op);
    svg_number(out, x);
    str_addc(out, ' ');
    svg_number(out, y);
}

static double line_x(const struct plot *p, const struct bucket *b, enum line_at at)
{
    return plot_x(p, at == LINE_AT_END ? b->to_us : b->from_us + (b->to_us - b->from_us) / 2);
}

/* One stretch of buckets that all have a value: [first, ret). */
static size_t stretch(const struct curve *c, size_t first, bucket_value *value)
{
    double v;
    while (first < c->n && value(&c->at[first], &v))
        first++;
    return first;
}

static void put_stretch(const struct plot *p, const struct curve *c, size_t first, size_t last,
                        enum line_at at, bucket_value *value)
{
    double v = 0;
    for (size_t i = first; i < last; i++) {
        value(&c->at[i], &v);
        move(p->out, i == first ? 'M' : 'L', line_x(p, &c->at[i], at), plot_y(p, v));
    }
}

void plot_line(const struct plot *p, const char *css, const struct curve *c, enum line_at at,
               bucket_value *value)
{
    str_addf(p->out, "<path class=\"line %s\" d=\"", css);
    size_t last;
    for (size_t i = 0; i < c->n; i = last + 1) {
        last = stretch(c, i, value);
        put_stretch(p, c, i, last, at, value);
        if (last == i + 1)
            str_add(p->out, "h.1"); /* a lone point becomes a dot by its round caps */
    }
    str_add(p->out, "\"/>");
}

void plot_area(const struct plot *p, const char *css, const struct curve *c, enum line_at at,
               bucket_value *value, double base)
{
    str_addf(p->out, "<path class=\"area %s\" d=\"", css);
    size_t last;
    for (size_t i = 0; i < c->n; i = last + 1) {
        last = stretch(c, i, value);
        if (last == i)
            continue;
        put_stretch(p, c, i, last, at, value);
        move(p->out, 'L', line_x(p, &c->at[last - 1], at), plot_y(p, base));
        move(p->out, 'L', line_x(p, &c->at[i], at), plot_y(p, base));
        str_addc(p->out, 'Z');
    }
    str_add(p->out, "\"/>");
}

void plot_hover(const struct plot *p, const struct curve *c, hover_text *text)
{
    struct str line;
    str_init(&line, 4096);
    str_add(p->out, "<g class=\"hit\">");
    for (size_t i = 0; i < c->n; i++) {
        const struct bucket *b = &c->at[i];
        double x = plot_x(p, b->from_us);
        str_clear(&line);
        text(&line, c->slo, b);
        str_add(p->out, "<rect x=\"");
        svg_number(p->out, x);
        str_add(p->out, "\" width=\"");
        svg_number(p->out, plot_x(p, b->to_us) - x);
        str_add(p->out, "\" height=\"100\"><title>");
        html_text(p->out, line.buf);
        str_add(p->out, "</title></rect>");
    }
    str_add(p->out, "</g>");
    str_release(&line);
}

/* ---- the frame --------------------------------------------------------- */

void plot_open(const struct plot *p)
{
    int64_t at[TIME_TICKS_MAX];
    bool clock;
    str_addf(p->out,
             "<div class=\"plot %s\"><svg viewBox=\"0 0 1000 100\" "
             "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"",
             p->css);
    html_text(p->out, p->label);
    str_add(p->out, "\">");
    size_t n = time_ticks(p->from_us, p->to_us, 8, at, &clock);
    for (size_t i = 0; i < n; i++)
        svg_line(p->out, "grid", plot_x(p, at[i]), 0, plot_x(p, at[i]), HEIGHT);
    for (size_t i = 0; i < p->tick_count; i++) {
        double y = plot_y(p, p->ticks[i].at);
        svg_line(p->out, p->ticks[i].zero ? "grid zero" : "grid", 0, y, WIDTH, y);
    }
}

static void put_x_labels(const struct plot *p)
{
    int64_t at[TIME_TICKS_MAX];
    char text[FMT_MAX];
    bool clock;
    size_t n = time_ticks(p->from_us, p->to_us, 8, at, &clock);
    str_add(p->out, "<div class=\"x\" aria-hidden=\"true\">");
    for (size_t i = 0; i < n; i++) {
        double x = plot_x(p, at[i]) / WIDTH * 100;
        if (x > 97)
            continue; /* it would stand out of the page */
        bool day = !clock || at[i] % USEC_PER_DAY == 0;
        str_addf(p->out, "<span%s style=\"left:", i % 2 ? " class=\"odd\"" : "");
        svg_number(p->out, x);
        str_addf(p->out, "%%\">%s</span>", day ? fmt_day(text, at[i]) : fmt_clock(text, at[i]));
    }
    str_add(p->out, "</div>");
}

static void put_mark_labels(const struct plot *p)
{
    double before = 0;
    int shift = 0;
    for (size_t i = 0; i < p->mark_count; i++) {
        double y = plot_y(p, p->marks[i].at);
        /* Names of near lines stand side by side. */
        shift = i > 0 && fabs(y - before) < NAME_HEIGHT ? !shift : 0;
        before = y;
        str_addf(p->out, "<span class=\"name %s\" aria-hidden=\"true\" style=\"--shift:%d;top:",
                 p->marks[i].css, shift);
        svg_number(p->out, plot_y(p, p->marks[i].at));
        str_add(p->out, "%\">");
        html_text(p->out, p->marks[i].text);
        str_add(p->out, "</span>");
    }
}

void plot_close(const struct plot *p)
{
    for (size_t i = 0; i < p->mark_count; i++) {
        char css[64];
        double y = plot_y(p, p->marks[i].at);
        snprintf(css, sizeof css, "mark %s", p->marks[i].css);
        svg_line(p->out, css, 0, y, WIDTH, y);
    }
    str_add(p->out, "</svg><div class=\"y\" aria-hidden=\"true\">");
    for (size_t i = 0; i < p->tick_count; i++) {
        str_add(p->out, "<span style=\"top:");
        svg_number(p->out, plot_y(p, p->ticks[i].at));
        str_add(p->out, "%\">");
        html_text(p->out, p->ticks[i].text);
        str_add(p->out, "</span>");
    }
    str_add(p->out, "</div>");
    put_mark_labels(p);
    put_x_labels(p);
    str_add(p->out, "</div>");
}
