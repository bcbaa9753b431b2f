/* Import lines: what is accepted keeps its promises. */
#include "fuzz.h"

#include "wire/import.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct import_line l;
    struct err err;
    if (import_line_parse((const char *)data, size, &l, &err) < 0) {
        assert(strlen(err.msg) < sizeof(err.msg));
        return 0;
    }
    const struct result *r = &l.result;
    assert(l.probe[0] && strlen(l.probe) <= IMPORT_PROBE_MAX);
    assert(r->outcome < OUTCOME_COUNT && r->reason < REASON_COUNT);
    assert(r->total_us >= 0 && r->total_us <= IMPORT_LATENCY_MAX_US);
    assert(r->slot_us >= 0 && r->done_us == r->slot_us + r->total_us);
    assert(r->outcome != OUTCOME_GOOD || r->reason == REASON_NONE);
    assert(r->outcome != OUTCOME_BAD || r->reason != REASON_NONE);
    return 0;
}
