#include "store/turns.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/units.h"
#include "store/internal.h"

#include <time.h>

const char *store_slice_name(enum store_slice k)
{
    static const char *const names[STORE_SLICES] = {
        [STORE_SLICE_COMMIT] = "commit",       [STORE_SLICE_IMPORT] = "import",
        [STORE_SLICE_ROLLUP] = "rollup",       [STORE_SLICE_SEAL] = "seal",
        [STORE_SLICE_RETENTION] = "retention", [STORE_SLICE_CHECKPOINT] = "checkpoint",
    };
    return names[k];
}

int64_t turns_now(const struct store *s)
{
    int64_t heartbeat_us = atomic_load(&s->q.last_heartbeat_us);
    if (heartbeat_us)
        return heartbeat_us;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / NSEC_PER_USEC;
}

static bool all_well(const struct store_stats *st)
{
    for (int k = 0; k < STORE_SLICES; k++)
        if (st->slices[k].failing_since_us)
            return false;
    return true;
}

void turns_note(struct store *s, enum store_slice kind, int64_t began_ns, const struct err *err)
{
    int64_t took_us = (clock_mono_ns() - began_ns) / NSEC_PER_USEC;
    pthread_mutex_lock(&s->q.mutex);
    struct store_slice_stats *st = &s->stats.slices[kind];
    st->turns++;
    if (took_us > st->longest_us)
        st->longest_us = took_us;
    if (!err) {
        st->failing_since_us = 0;
    } else {
        st->failures++;
        if (!st->failing_since_us)
            st->failing_since_us = turns_now(s);
        str_copy(s->stats.error, sizeof(s->stats.error), err->msg);
    }
    if (all_well(&s->stats))
        s->stats.error[0] = '\0';
    pthread_mutex_unlock(&s->q.mutex);
}
