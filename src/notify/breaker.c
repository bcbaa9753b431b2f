#include "notify/breaker.h"

#include <assert.h>
#include <limits.h>

enum breaker_state breaker_state(const struct breaker *b, int64_t now_us)
{
    if (b->until_us == 0)
        return BREAKER_CLOSED;
    return now_us < b->until_us ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

int64_t breaker_due_us(const struct breaker *b, int64_t now_us)
{
    int64_t due_us = b->until_us > b->held_us ? b->until_us : b->held_us;
    return due_us > now_us ? due_us : now_us;
}

void breaker_success(struct breaker *b)
{
    *b = (struct breaker){0};
}

void breaker_failure(struct breaker *b, int limit, int64_t now_us, int64_t open_us)
{
    assert(limit > 0 && open_us > 0);
    if (b->failures < INT_MAX)
        b->failures++;
    if (b->failures >= limit)
        b->until_us = now_us + open_us;
}

void breaker_hold(struct breaker *b, int64_t until_us)
{
    if (until_us > b->held_us)
        b->held_us = until_us;
}
