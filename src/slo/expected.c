#include "slo/expected.h"

#include "slo/hours.h"

#include <stdlib.h>

int64_t expected_slots(const struct probe_revision *revs, size_t n, int64_t from_us, int64_t to_us)
{
    int64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t start = i == 0 || revs[i].since_us < from_us ? from_us : revs[i].since_us;
        int64_t end = i + 1 < n && revs[i + 1].since_us < to_us ? revs[i + 1].since_us : to_us;
        total += hours_count(revs[i].hours, revs[i].phase_us, revs[i].interval_us, start, end);
    }
    return total;
}

void revisions_free(struct probe_revision *revs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hours_unref(revs[i].hours);
    free(revs);
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t sli_observed(const struct sli_def *sli, struct counts c)
{
    return sli->metric ? c.scrapes : counts_total(c);
}

struct counts slo_apply_no_data(const struct slo_def *slo, struct counts c)
{
    int64_t events = c.silent * sli_event(&slo->sli);
    if (slo->no_data == NO_DATA_EXCLUDE)
        return c;
    if (slo->no_data == NO_DATA_GOOD)
        c.good += events;
    else
        c.bad += events;
    c.scrapes += c.silent;
    c.silent = 0;
    return c;
}

struct coverage expected_of_slots(const struct sli_def *sli, int64_t slots, int64_t before,
                                  struct counts c, int64_t early)
{
    struct coverage v = {.observed = sli_observed(sli, c),
                         .target_silent = c.silent,
                         .expected = slots - c.excluded};
    /* Imported results need not lie on slots; there can be more of them. */
    if (v.expected < v.observed + v.target_silent)
        v.expected = v.observed + v.target_silent;
    int64_t missing = v.expected - v.observed - v.target_silent;
    v.not_started = min64(before > early ? before - early : 0, missing);
    v.prober_down = missing - v.not_started;
    return v;
}

struct coverage expected_coverage(const struct sli_def *sli, const struct probe_revision *revs,
                                  size_t n, int64_t from_us, int64_t to_us, int64_t first_event_us,
                                  struct counts c, int64_t early)
{
    int64_t slots = expected_slots(revs, n, from_us, to_us);
    int64_t before = expected_slots(revs, n, from_us, min64(first_event_us, to_us));
    return expected_of_slots(sli, slots, before, c, early);
}
