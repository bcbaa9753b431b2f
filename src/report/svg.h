/*
 * Plots as HTML: an inline SVG of a fixed 1000 by 100 box that stretches to
 * any width, under axis labels that are ordinary text, so that a page stays
 * legible from a telephone to paper. Colours come from classes (style.css).
 */
#pragma once

#include "report/curve.h"

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends text with everything HTML interprets made harmless; see fmt.h for
 * what happens to control characters. */
void html_text(struct str *out, const char *s);

/* A coordinate or size: two decimals, never "-0". */
void svg_number(struct str *out, double v);

enum scale_kind {
    SCALE_LINEAR,
    SCALE_LOG,   /* lo > 0 */
    SCALE_LOG1P, /* log(1 + v): has a zero and bears bursts */
};

struct scale {
    enum scale_kind kind;
    double lo, hi; /* lo < hi */
};

struct tick {
    double at;
    char text[24];
    bool zero; /* drawn as a firm line */
};

/* A threshold: a line across and its name at the left, where the old data is. */
struct mark {
    double at;
    const char *css;
    char text[64];
};

struct plot {
    struct str *out;
    const char *css;        /* class of the plot: its height */
    const char *label;      /* for screen readers, plain text */
    int64_t from_us, to_us; /* the x axis */
    struct scale y;
    const struct tick *ticks;
    size_t tick_count;
    const struct mark *marks;
    size_t mark_count;
};

double plot_x(const struct plot *p, int64_t us); /* 0..1000, clamped */
double plot_y(const struct plot *p, double v);   /* 0 (top)..100, clamped */

void plot_open(const struct plot *p);  /* up to and with the grid */
void plot_close(const struct plot *p); /* the marks and the labels of the axes */

void svg_rect(struct str *out, const char *css, double x, double y, double w, double h);
void svg_line(struct str *out, const char *css, double x1, double y1, double x2, double y2);

/* Shades [from, to) over the height. At least wide enough to be seen. */
void plot_band(const struct plot *p, const char *css, int64_t from_us, int64_t to_us);

/* Invisible columns that carry a tooltip each. `text` fills a plain string. */
typedef void hover_text(struct str *text, const struct report_slo *s, const struct bucket *b);
void plot_hover(const struct plot *p, const struct curve *c, hover_text *text);

/* A line through value(b) of each bucket, drawn at its middle or end; buckets
 * without a value break it. */
typedef bool bucket_value(const struct bucket *b, double *ret);
enum line_at { LINE_AT_MIDDLE, LINE_AT_END };
void plot_line(const struct plot *p, const char *css, const struct curve *c, enum line_at at,
               bucket_value *value);

/* The same line closed down to `base`. */
void plot_area(const struct plot *p, const char *css, const struct curve *c, enum line_at at,
               bucket_value *value, double base);

/* Round steps of 1, 2, 2.5 or 5 that cut [lo, hi] into about n parts. */
double nice_step(double lo, double hi, int n);

/* Round instants inside [from, to): at most `max`. Returns how many; *ret_clock
 * says that they are to be shown by hour and minute. */
#define TIME_TICKS_MAX 12
size_t time_ticks(int64_t from_us, int64_t to_us, size_t max, int64_t at[TIME_TICKS_MAX],
                  bool *ret_clock);
