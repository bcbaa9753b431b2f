/* What `nines metrics` reads, wherever it comes from. */
#pragma once

#include "base/err.h"
#include "cli/cli.h"
#include "wire/promtext.h"

#include <stddef.h>

#define METRICS_PAGE_MAX (128 << 20) /* unpacked */

struct metrics_source {
    const char *target; /* a file, "-" or a URL */
    bool openmetrics;   /* asked for */
    bool insecure;
    struct option_list headers; /* "Name: value"; URL */
    int64_t timeout_us;
};

struct metrics_page {
    const char *name; /* as errors call it; lives as long as the source's target */
    char *text;       /* the caller frees it */
    size_t n;
    enum promtext_format format;
};

bool metrics_is_url(const char *target);

/* Reads all of it, and unpacks it if it is gzip. Blocks. */
int metrics_fetch(const struct metrics_source *src, struct metrics_page *ret, struct err *reterr);
