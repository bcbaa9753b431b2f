#include "model/schedule.h"

#include "base/str.h"
#include "base/units.h"

#include <assert.h>
#include <string.h>

int64_t schedule_phase(const char *id, int64_t interval_us)
{
    assert(interval_us > 0);
    uint64_t steps = (uint64_t)(interval_us / USEC_PER_MSEC);
    return steps ? (int64_t)(str_hash(id, strlen(id)) % steps) * USEC_PER_MSEC : 0;
}

/* How many slots lie before t. */
static int64_t slots_before(int64_t phase_us, int64_t interval_us, int64_t t_us)
{
    assert(interval_us > 0);
    if (t_us <= phase_us)
        return 0;
    return (t_us - phase_us - 1) / interval_us + 1;
}

int64_t schedule_next(int64_t phase_us, int64_t interval_us, int64_t t_us)
{
    return phase_us + slots_before(phase_us, interval_us, t_us) * interval_us;
}

int64_t schedule_count(int64_t phase_us, int64_t interval_us, int64_t from_us, int64_t to_us)
{
    if (to_us <= from_us)
        return 0;
    return slots_before(phase_us, interval_us, to_us) -
           slots_before(phase_us, interval_us, from_us);
}
