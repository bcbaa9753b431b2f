/* Import lines: what is accepted keeps its promises, and what the scanner takes
 * the library takes for the same. */
#include "fuzz.h"

#include "wire/import.h"

#include <assert.h>
#include <string.h>

static void check_scanner(const char *text, size_t n)
{
    struct import_line fast, slow;
    struct err err;
    if (!import_line_scan(text, n, &fast))
        return;
    int rc = import_line_read(text, n, &slow, &err);
    assert(rc == 0);
    const struct result *a = &fast.result, *b = &slow.result;
    assert(strcmp(fast.probe, slow.probe) == 0);
    assert(a->slot_us == b->slot_us && a->done_us == b->done_us && a->total_us == b->total_us);
    assert(memcmp(&a->phases, &b->phases, sizeof(a->phases)) == 0);
    assert(a->code == b->code && a->outcome == b->outcome && a->reason == b->reason);
    assert(a->flags == b->flags && a->lag_us == b->lag_us);
    assert(fast.sample == slow.sample);
    if (fast.sample)
        assert(strcmp(fast.series, slow.series) == 0 && fast.value == slow.value);
}

/* What was read, written and read again is the same. */
static void check_writer(const struct import_line *l)
{
    struct import_writer w;
    struct import_line again;
    char text[IMPORT_WRITE_MAX];
    import_writer_init(&w, l->probe);
    size_t n = import_writer_put(&w, &l->result, text);
    int rc = import_line_parse(text, n - 1, &again, NULL);
    assert(rc == 0 && strcmp(l->probe, again.probe) == 0);
    assert(l->result.slot_us == again.result.slot_us && l->result.code == again.result.code);
    assert(l->result.total_us == again.result.total_us);
    assert(memcmp(&l->result.phases, &again.result.phases, sizeof(struct phases)) == 0);
    assert(l->result.outcome == again.result.outcome && l->result.reason == again.result.reason);
    assert(l->result.flags == again.result.flags);
    assert(memcmp(&l->result.answer, &again.result.answer, sizeof(struct answer)) == 0);
}

static void check_sample(const struct import_line *l)
{
    struct import_line again;
    struct str text;
    assert(strlen(l->series) <= IMPORT_SERIES_MAX && l->value == l->value);
    str_init(&text, 64 << 10);
    import_write_sample(&text, l->probe, l->result.slot_us, l->series, l->value);
    int rc = import_line_parse(text.buf, text.len - 1, &again, NULL);
    assert(rc == 0 && again.sample && strcmp(l->probe, again.probe) == 0);
    assert(l->result.slot_us == again.result.slot_us && l->value == again.value);
    assert(strcmp(l->series, again.series) == 0);
    str_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct import_line l;
    struct err err;
    check_scanner((const char *)data, size);
    if (import_line_parse((const char *)data, size, &l, &err) < 0) {
        assert(strlen(err.msg) < sizeof(err.msg));
        return 0;
    }
    if (l.sample) {
        check_sample(&l);
        return 0;
    }
    const struct result *r = &l.result;
    assert(l.probe[0] && strlen(l.probe) <= IMPORT_PROBE_MAX);
    assert(r->outcome < OUTCOME_COUNT && r->reason < REASON_COUNT);
    assert(r->total_us >= 0 && r->total_us <= IMPORT_LATENCY_MAX_US);
    assert(r->slot_us >= 0 && r->done_us == r->slot_us + r->total_us);
    assert(r->outcome != OUTCOME_GOOD || r->reason == REASON_NONE);
    assert(r->outcome != OUTCOME_BAD || r->reason != REASON_NONE);
    check_writer(&l);
    return 0;
}
