#include "alert/notified.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

uint64_t notified_number(const char *fingerprint)
{
    assert(strspn(fingerprint, "0123456789abcdef") == 16 && !fingerprint[16]);
    return strtoull(fingerprint, NULL, 16);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void notified_sort(uint64_t *at, size_t n)
{
    if (n > 1)
        qsort(at, n, sizeof(*at), by_number);
}

bool notified_has(const struct notified_set *set, uint64_t number)
{
    return set->n > 0 && bsearch(&number, set->at, set->n, sizeof(number), by_number);
}

bool notified_subset(const struct notified_set *part, const struct notified_set *whole)
{
    bool all = part->n <= whole->n;
    for (size_t i = 0; all && i < part->n; i++)
        all = notified_has(whole, part->at[i]);
    return all;
}

enum notified_why notified_decide(const struct notified *last, const struct notified_set *firing,
                                  const struct notified_set *resolved, bool send_resolved,
                                  int64_t repeat_us, int64_t now_us)
{
    if (!last)
        return firing->n > 0 ? NOTIFIED_NEWS : NOTIFIED_NOTHING;
    if (!notified_subset(firing, &last->firing))
        return NOTIFIED_NEWS;
    if (firing->n == 0)
        return last->firing.n > 0 ? NOTIFIED_OVER : NOTIFIED_NOTHING;
    if (send_resolved && !notified_subset(resolved, &last->resolved))
        return NOTIFIED_NEWS;
    return now_us - last->told_us >= repeat_us ? NOTIFIED_REPEAT : NOTIFIED_NOTHING;
}
