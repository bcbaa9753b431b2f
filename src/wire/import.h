/*
 * One line of an import file: a JSON object that says what a slot of a probe
 * produced, or one of its samples. docs/import.md shows it.
 *
 *     {"probe":"api-health","time":"2026-10-22T08:00:00.123Z","outcome":"good",
 *      "code":200,"latency_ms":12.345,
 *      "phases_ms":{"dns":0.1,"connect":0.9,"tls":0,"send":0.1,"wait":11.2,"transfer":0.1}}
 *
 *     {"probe":"api-metrics","time":"2026-10-22T08:00:00.123Z",
 *      "series":"http_requests_total{status=\"200\"}","value":1234}
 *
 * Strict: unknown and repeated keys are errors, and so is a value that is not
 * what it should be. `reason` is needed with bad; with excluded and skipped it may
 * be left out, and with good it must be absent, null, "" or "none".
 * `latency_ms` is needed for good and bad; `code`, `phases_ms` and `answer`
 * (answer_json.h) are optional.
 * Milliseconds become whole microseconds, rounded to the nearest. `value` is a
 * number, or one of the strings "+Inf" and "-Inf"; the series "" is a scrape that
 * may have had no samples.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "nines/result.h"

#include <stdbool.h>
#include <stddef.h>

#define IMPORT_PROBE_MAX 255
#define IMPORT_LATENCY_MAX_US (24LL * 3600 * 1000000)
#define IMPORT_CODE_MAX 999
#define IMPORT_SERIES_MAX 2048 /* as written */

struct import_line {
    char probe[IMPORT_PROBE_MAX + 1];
    struct result
        result; /* done = slot + latency; flags has RESULT_IMPORTED, and RESULT_ANSWER. Of a sample:
                             slot_us alone */
    bool sample;
    double value; /* of a sample; never a NaN */
    /* Likewise: as it is written, any bytes but NUL. */
    char series[IMPORT_SERIES_MAX + 1];
};

/* `n` bytes without the line's end. *ret is only written when the line is good. */
int import_line_parse(const char *text, size_t n, struct import_line *ret, struct err *reterr);

/*
 * Its two halves, apart for tests: what the first takes, the second takes as
 * the same. The first is by far faster and takes lines with the keys in the
 * order above, no answer (any of the optional ones may be missing, `reason` stands behind
 * `outcome`), plain text, and numbers without exponent and with at most three
 * decimals (of a sample, any number of them); false, with *ret in pieces, says
 * no more than that it was another line. The second reads any JSON and tells what is wrong.
 */
bool import_line_scan(const char *text, size_t n, struct import_line *ret);
int import_line_read(const char *text, size_t n, struct import_line *ret, struct err *reterr);

/*
 * The other way: lines as import_line_scan() takes them (but for answers), with all
 * phases if there is one. Not written, for a line cannot say it: lag, flags, and a done
 * instant that is not slot + latency.
 */
#define IMPORT_WRITE_MAX 2816 /* bytes of a line */
#define IMPORT_HEAD_MAX 1648  /* of those, up to its time */

/* Can a line say it, so that it is taken again? Not what a damaged file makes
 * up, nor a reason that only a newer nines knows. */
bool import_writable(const struct result *r);

struct import_writer {
    char head[IMPORT_HEAD_MAX]; /* of each line of the probe */
    size_t head_len;
    int64_t day;   /* that `date` says; -1: none */
    char date[12]; /* "2026-10-22T" */
};

void import_writer_init(struct import_writer *w, const char *probe);

/* Appends the line of a sample: `series` is canonical, or "" for a scrape without
 * any, `value` no NaN. */
int import_write_sample(struct str *out, const char *probe, int64_t slot_us, const char *series,
                        double value);

/* The line with its newline, no NUL; returns its length. */
size_t import_writer_put(struct import_writer *w, const struct result *r,
                         char buf[static IMPORT_WRITE_MAX]);
