/* What a bare reader notices of a stream of chat completions: when its pieces came. No
 * more than searching for their key; an event that two reads cut in two is a piece of none. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reading {
    int64_t first, last, gap; /* us since the epoch, 0: none; the longest gap in us */
    bool ended;
};

int64_t reading_now(void);
void reading_take(struct reading *r, const char *data, size_t n);
