/*
 * Text for a terminal: colours that may be off, columns, and what strangers wrote made
 * harmless: nothing of it steers the terminal or turns the direction of writing.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define PAINT_BOLD "\033[1m"
#define PAINT_DIM "\033[2m"
#define PAINT_RED "\033[31m"
#define PAINT_GREEN "\033[32m"
#define PAINT_YELLOW "\033[33m"
#define PAINT_BLUE "\033[34m"
#define PAINT_MAGENTA "\033[35m"
#define PAINT_CYAN "\033[36m"

/* Text in a colour, or plain. */
void paint(struct str *out, bool on, const char *color, const char *text);
void paint_pad(struct str *out, int n); /* n spaces; none if negative */

/* Columns that a UTF-8 text of ours takes: wide characters count as one. */
int paint_columns(const char *text);

/* One line of a stranger's text, at most `columns` wide: what does not show is '?', a line
 * break a space, wide characters count as two. From the front, or its end; what is cut is
 * an ellipsis. Returns the columns taken. */
int paint_clean(struct str *out, const char *text, size_t n, int columns);
int paint_clean_end(struct str *out, const char *text, size_t n, int columns);

/* Lines of a stranger's text, each indented by two columns, and an empty line after. */
void paint_lines(struct str *out, const char *text, size_t n);
