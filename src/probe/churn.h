/*
 * How many different series a probe wants in a day. A page may name others at each
 * scrape (a request's id among the labels), and each is kept by whoever looks back
 * at it: that must end before it fills memory and database.
 */
#pragma once

#include "base/arena.h"
#include "base/table.h"
#include "nines/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHURN_SERIES_MAX 10000 /* in a day: some 2 MB */

struct churn {
    struct arena arena;
    struct table series;
    int64_t since_us; /* the day began; 0: none has */
};

/* Notes the series of a scrape. False: one is new, and there have been too many; a
 * scrape of nothing but known ones is fine. All is forgotten a day after it began. */
bool churn_note(struct churn *c, int64_t at_us, const struct sample *at, size_t n);
void churn_release(struct churn *c);
