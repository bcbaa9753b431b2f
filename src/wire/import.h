/*
 * One line of an import file: a JSON object that says what a slot of a probe
 * produced. docs/import.md shows it.
 *
 *     {"probe":"api-health","time":"2026-10-22T08:00:00.123Z","outcome":"good",
 *      "code":200,"latency_ms":12.345,
 *      "phases_ms":{"dns":0.1,"connect":0.9,"tls":0,"send":0.1,"wait":11.2,"transfer":0.1}}
 *
 * Strict: unknown and repeated keys are errors, and so is a value that is not
 * what it should be. `reason` is needed with bad; with excluded and skipped it may
 * be left out, and with good it must be absent, null, "" or "none".
 * `latency_ms` is needed for good and bad; `code` and `phases_ms` are optional.
 * Milliseconds become whole microseconds, rounded to the nearest.
 */
#pragma once

#include "base/err.h"
#include "nines/result.h"

#include <stddef.h>

#define IMPORT_PROBE_MAX 255
#define IMPORT_LATENCY_MAX_US (24LL * 3600 * 1000000)

struct import_line {
    char probe[IMPORT_PROBE_MAX + 1];
    struct result result; /* done = slot + latency; flags has RESULT_IMPORTED */
};

/* `n` bytes without the line's end. */
int import_line_parse(const char *text, size_t n, struct import_line *ret, struct err *reterr);
