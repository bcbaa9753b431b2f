/* Recurrence rules. What is accepted gives occurrences in order, all of one time of day,
 * and asked at any of them the same ones. */
#include "fuzz.h"

#include "base/mem.h"
#include "slo/rrule.h"

#include <assert.h>
#include <string.h>

#define DAY 1440

static void walk(const struct rrule *r, int64_t first)
{
    int64_t at, again, last = -1;
    for (int i = 0; i < 50 && rrule_next(r, last + 1, &at); i++, last = at) {
        assert(at > last && at >= first && at % DAY == first % DAY);
        bool found = rrule_next(r, at, &again);
        assert(found && again == at);
    }
    assert(rrule_distance(r) >= DAY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t firsts[] = {20514LL * DAY, 19782LL * DAY + 150, 3LL * DAY + 1439};
    mem_auto char *text = mem_alloc(size + 1);
    struct rrule *r;
    if (size)
        memcpy(text, data, size);
    for (size_t i = 0; i < countof(firsts); i++) {
        if (rrule_parse(text, firsts[i], &r, NULL) < 0)
            continue;
        walk(r, firsts[i]);
        rrule_free(r);
    }
    return 0;
}
