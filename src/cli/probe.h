/*
 * The two voices of `nines probe`. Both append what one run saw to `out`; -1
 * when it overflows.
 */
#pragma once

#include "base/str.h"
#include "nines/probe.h"

#include <stdbool.h>
#include <stdint.h>

struct timeline;

struct probe_view {
    const char *id;     /* of a configured probe; NULL for a bare URL */
    int64_t started_us; /* wall time of the start */
    int64_t now_us;
    const struct observation *obs;
    bool color;
    bool verbose; /* with samples, headers and body */
    int width;    /* columns */
    /* Of a run of an agent: its marks, what costs are in (or NULL), and how many pictures on
     * the way were not shown. */
    const struct timeline *line;
    const char *currency;
    int dropped;
};

/* A waterfall of phases for each hop on one common scale, or the time line of an answer,
 * its numbers and its text; what is behind it if verbose, the assertions with what was
 * seen, and the verdict. */
int probe_put_text(const struct probe_view *v, struct str *out);

/*
 * {"probe", "time", "outcome", "reason", "code", "latency_ms", "phases_ms": {"dns",
 *  "connect", "tls", "send", "wait", "transfer"}, "message", "reused",
 *  "certificate": null or {"not_after", "days_left"},
 *  "hops": [{"url", "address", "protocol", "status", "reused", "bytes", "phases_ms"}],
 *  "assertions": [{"ok", "expected", "seen"}],
 *  "samples": [{"series", "value"}], "version": null or text,
 *  "headers": null or text, "body": null or text}
 *
 * A run of an agent also has "answer", what it measured (docs/numbers.md), "told": null or
 * {"text", "tools", "model", "finish", "cut"}, "marks": [{"at_ms", "kind", "name", "text",
 * "bytes"}], what happened and when since the run began, and "marks_dropped", how many more
 * there were.
 *
 * The first fields are those of an import line. A value that is no finite number
 * is a text: "NaN", "+Inf", "-Inf". Headers, and the body of a good run, are
 * there only if verbose.
 */
int probe_put_json(const struct probe_view *v, struct str *out);

/* Whole days until the certificate expires; negative: it did. */
int64_t probe_days_left(const struct probe_view *v);

/* A sample's value: the shortest text that reads back as the same. Returns buf. */
#define PROBE_VALUE_MAX 32
const char *probe_value(char buf[static PROBE_VALUE_MAX], double value);
