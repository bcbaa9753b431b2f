#include "notify/retry.h"

#include <assert.h>

int64_t retry_backoff_us(int attempts, int64_t min_us, int64_t max_us, uint64_t random)
{
    assert(attempts >= 1 && min_us > 0 && max_us >= min_us);

    int64_t high = min_us;
    for (int i = 1; i < attempts && high < max_us; i++)
        high = high > max_us / 2 ? max_us : high * 2;
    int64_t low = high / 2 > min_us ? high / 2 : min_us;
    return low + (int64_t)(random % (uint64_t)(high - low + 1));
}
