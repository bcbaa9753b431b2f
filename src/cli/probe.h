/*
 * The two voices of `nines probe`. Both append what one run saw to `out`; -1
 * when it overflows.
 */
#pragma once

#include "base/str.h"
#include "nines/probe.h"

#include <stdbool.h>
#include <stdint.h>

struct probe_view {
    const char *id;     /* of a configured probe; NULL for a bare URL */
    int64_t started_us; /* wall time of the start */
    int64_t now_us;
    const struct observation *obs;
    bool color;
    int width; /* columns */
};

/* A waterfall of phases for each hop on one common scale, the assertions with
 * what was seen, and the verdict. */
int probe_put_text(const struct probe_view *v, struct str *out);

/*
 * {"probe", "time", "outcome", "reason", "code", "latency_ms", "phases_ms": {"dns",
 *  "connect", "tls", "send", "wait", "transfer"}, "message", "reused",
 *  "certificate": null or {"not_after", "days_left"},
 *  "hops": [{"url", "address", "protocol", "status", "reused", "bytes", "phases_ms"}],
 *  "assertions": [{"ok", "expected", "seen"}], "body": null or text}
 *
 * The first fields are those of an import line.
 */
int probe_put_json(const struct probe_view *v, struct str *out);
