#include "notify/retry.h"

#include "base/units.h"
#include "base/when.h"

#include <assert.h>
#include <errno.h>

int64_t retry_backoff_us(int attempts, int64_t min_us, int64_t max_us, uint64_t random)
{
    assert(attempts >= 1 && min_us > 0 && max_us >= min_us);

    int64_t high = min_us;
    for (int i = 1; i < attempts && high < max_us; i++)
        high = high > max_us / 2 ? max_us : high * 2;
    int64_t low = high / 2 > min_us ? high / 2 : min_us;
    return low + (int64_t)(random % (uint64_t)(high - low + 1));
}

static int64_t date_us(const char *value)
{
    struct tm tm = {0};

    const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end)
        return 0;
    int64_t days = when_days_from_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    int64_t secs = tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
    return days * USEC_PER_DAY + secs * USEC_PER_SEC;
}

int64_t retry_after_us(const char *value, int64_t now_us)
{
    char *end;

    if (*value < '0' || *value > '9') {
        int64_t at = date_us(value);
        return at > now_us ? at - now_us : 0;
    }
    errno = 0;
    long long secs = strtoll(value, &end, 10);
    if (*end)
        return 0;
    if (errno == ERANGE || secs > INT64_MAX / USEC_PER_SEC)
        return INT64_MAX;
    return secs * USEC_PER_SEC;
}
