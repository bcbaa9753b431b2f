#include "notify/rate.h"

#include "base/units.h"

#include <assert.h>

/* One message is a minute / per_minute. A full bucket has room for all of a minute's, so
 * one may be taken while the bucket is full again within a minute less one message. */
int64_t rate_due_us(const struct rate *r, int per_minute, int64_t now_us)
{
    assert(per_minute >= 1);
    int64_t one_us = (USEC_PER_MIN + r->rest + per_minute - 1) / per_minute;
    int64_t due_us = r->full_us + one_us - USEC_PER_MIN;
    return due_us > now_us ? due_us : now_us;
}

void rate_take(struct rate *r, int per_minute, int64_t now_us)
{
    if (r->full_us < now_us)
        *r = (struct rate){.full_us = now_us};
    int64_t parts = r->rest + USEC_PER_MIN % per_minute;
    r->full_us += USEC_PER_MIN / per_minute + parts / per_minute;
    r->rest = parts % per_minute;
}
