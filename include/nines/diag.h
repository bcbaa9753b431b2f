/*
 * Everything wrong with a set of configuration files, collected so that a
 * person can mend all of it in one go.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* 1-based; line 0 means "the file as a whole". `file` is owned by the
 * snapshot or diag that the position came from. */
struct pos {
    const char *file;
    int line, column;
};

struct diag_item {
    bool warning;
    struct pos pos;
    char *text;
};

#define DIAG_MAX 200 /* further errors are counted, not kept */

struct diag {
    struct diag_item *items;
    size_t n, cap;
    size_t errors, warnings, dropped;
};

void diag_error(struct diag *d, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void diag_warning(struct diag *d, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void diag_sort(struct diag *d); /* by file, line, column; stable; what comes twice goes */
void diag_release(struct diag *d);
