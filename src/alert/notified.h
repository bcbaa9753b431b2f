/*
 * What an integration was told of a group last, so that it is not told again: the entry
 * of a notification log. Sets of alerts are their fingerprints as numbers, rising. Pure.
 */
#pragma once

#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct notified_set {
    const uint64_t *at;
    size_t n;
};

/* As it is stored and restored: by (group_key, receiver, integration). */
struct notified {
    const char *group_key, *receiver, *integration;
    int64_t told_us;
    struct notified_set firing, resolved; /* alerts of the last message, cut ones included */
};

/* The number of a fingerprint of 16 hexadecimal digits. */
uint64_t notified_number(const char *fingerprint);

/* Sorts; numbers are distinct. */
void notified_sort(uint64_t *at, size_t n);
bool notified_has(const struct notified_set *set, uint64_t number);
bool notified_subset(const struct notified_set *part, const struct notified_set *whole);

enum notified_why {
    NOTIFIED_NOTHING, /* no news, and it is not time to repeat */
    NOTIFIED_NEWS,    /* alerts fire that it was not told of, or have resolved */
    NOTIFIED_OVER,    /* all that it was told of is over */
    NOTIFIED_REPEAT
};

/* Whether there is something to tell, as Alertmanager decides. `last` is NULL when it was
 * told nothing. That all is over is noted for those as well that do not hear of resolved
 * alerts. A repetition is due when the interval has passed in full. */
enum notified_why notified_decide(const struct notified *last, const struct notified_set *firing,
                                  const struct notified_set *resolved, bool send_resolved,
                                  int64_t repeat_us, int64_t now_us);
