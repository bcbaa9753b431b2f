/*
 * Pieces of text for a terminal: paint, cells, bars, sparklines. Without
 * colour every piece still says the same: state marks differ in shape, strips
 * in height.
 */
#pragma once

#include "report/curve.h"

#include <stdbool.h>
#include <stddef.h>

#define TERM_PLAIN ""
#define TERM_BOLD "1"
#define TERM_DIM "2"
#define TERM_RED "31"
#define TERM_GREEN "32"
#define TERM_YELLOW "33"
#define TERM_BLUE "34"

struct term {
    struct str *out;
    bool color;
    int width;
};

void term_paint(struct term *t, const char *sgr, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Text cleaned and cut to `columns`, then padded: on the right, or before it. */
void term_cell(struct term *t, const char *sgr, int columns, const char *text);
void term_right(struct term *t, const char *sgr, int columns, const char *text);
size_t term_clean(struct term *t, const char *sgr, const char *text, size_t columns);

/* A cell with what fmt_title() says. Where it is too long the SLO's name is cut, not that of
 * its objective: it is what tells the lines of one SLO apart. */
void term_title(struct term *t, int columns, const char *slo, const char *objective);

/* ASCII text from column `indent` on, where the line is: cut between words, later lines
 * indented too, and a newline at the end. */
void term_wrap(struct term *t, const char *sgr, int indent, const char *text);

void term_rule(struct term *t); /* a line across */

/* `ratio` of `columns` in eighths of a column, clamped to [0, 1]; the plain
 * one draws no track. A ratio above 0 is never drawn as nothing. */
void term_bar(struct term *t, const char *sgr, double ratio, int columns);
void term_bar_plain(struct term *t, const char *sgr, double ratio, int columns);

/* Availability, one column a bucket: full height good, lower partly bad, a
 * foot bad, a dot no data, a dash excluded. */
void term_strip(struct term *t, const struct curve *c);

/* Burn, logarithmic from 0 to `peak`. */
void term_spark(struct term *t, const struct curve *c, double peak);
bool term_burn_peak(const struct curve *c, double *ret); /* false without data */

const char *term_state_mark(enum slo_state s); /* one column */
const char *term_state_color(enum slo_state s);
