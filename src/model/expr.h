/*
 * Conditions on scraped series, for assertions and threshold SLIs:
 *
 *     db_connections_active <= 80
 *     max(worker_queue_depth) < 10000
 *     rate(traces_ingested_total) >= 1000/s            since the scrape before
 *     increase(http_requests_total{status=~"5.."}[5m])
 *         / increase(http_requests_total[5m]) <= 0.05
 *     quantile(0.95, http_request_duration_seconds[5m]) <= 2s
 *     hits / (hits + misses) >= 50%
 *     age(backup_finished_timestamp_seconds) < 26h     seconds since that time
 *     change(config_hash) == 0                         newest less the one before
 *     present(app_info), absent(fatal_errors_total)
 *
 * Compares by == != < <= > >= with a number, which may have a unit (ms s m h d,
 * KiB MiB GiB, %, and /s behind any of them). Terms are a bare selector, sum min
 * max avg count of one, rate increase change age quantile; + - * / and
 * parentheses. Pure.
 *
 * - A bare selector, an age or a change alone on its side must hold for each of
 *   its series; within arithmetic it is the sum of them.
 * - rate, increase and quantile are of the sum of their series: sum(rate(x)) is
 *   the same. They grow over a [window], which must be filled, else since the
 *   scrape before (model/history.h). Counters that are not there have grown by
 *   nothing, as long as another series of the condition is there.
 * - quantile takes a histogram by its name and is what PromQL's
 *   histogram_quantile() says of the growth of NAME_bucket.
 * - x / 0 cannot be told.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPR_TEXT_MAX 4096
#define EXPR_SELECTORS_MAX 16
#define EXPR_NODES_MAX 256 /* terms and operators */
#define EXPR_DEPTH_MAX 32  /* parentheses */
#define EXPR_WINDOW_MAX_US (24 * 3600LL * 1000000)

struct expr;
struct history;
struct selector;

/* Lives in the arena. *ret_at: bytes into the text where an error is. */
int expr_parse(struct arena *a, const char *text, const struct expr **ret, size_t *ret_at,
               struct err *reterr);

const char *expr_text(const struct expr *e); /* canonical: equal for equal ones */
/* The series it looks at; a quantile wants NAME_bucket. */
size_t expr_selectors(const struct expr *e, const struct selector *ret[static EXPR_SELECTORS_MAX]);
int64_t expr_window_us(const struct expr *e); /* the longest one; 0: none */
bool expr_looks_back(const struct expr *e);   /* it needs two scrapes to be told */

enum expr_answer {
    EXPR_FAILS,
    EXPR_HOLDS,
    EXPR_UNKNOWN, /* a series is absent, NaN, or there is not enough history yet */
};

/* As of the newest scrape; `now_us` for ages. `seen`: what was found, or why it
 * cannot be told, for people ("worker_queue_depth{queue="b"} 12000"); cut to
 * `size`, NULL with 0. */
enum expr_answer expr_ask(const struct expr *e, struct history *h, int64_t now_us, char *seen,
                          size_t size);
