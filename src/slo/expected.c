#include "slo/expected.h"

#include "model/schedule.h"

int64_t expected_slots(const struct probe_revision *revs, size_t n, int64_t from_us, int64_t to_us)
{
    int64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t start = i == 0 || revs[i].since_us < from_us ? from_us : revs[i].since_us;
        int64_t end = i + 1 < n && revs[i + 1].since_us < to_us ? revs[i + 1].since_us : to_us;
        total += schedule_count(revs[i].phase_us, revs[i].interval_us, start, end);
    }
    return total;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct coverage expected_coverage(const struct probe_revision *revs, size_t n, int64_t from_us,
                                  int64_t to_us, int64_t first_event_us, struct counts c,
                                  int64_t early_excluded)
{
    int64_t slots = expected_slots(revs, n, from_us, to_us);
    int64_t early = expected_slots(revs, n, from_us, min64(first_event_us, to_us));
    struct coverage v = {.observed = counts_total(c), .expected = slots - c.excluded};
    /* Imported results need not lie on slots; there can be more of them. */
    if (v.expected < v.observed)
        v.expected = v.observed;
    early = early > early_excluded ? early - early_excluded : 0;
    v.not_started = min64(early, v.expected - v.observed);
    v.prober_down = v.expected - v.observed - v.not_started;
    return v;
}
