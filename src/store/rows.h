/* How a struct result lies in the table `result`. */
#pragma once

#include "io/sqlite.h"
#include "nines/slo.h"

#define RESULT_COLUMNS                                                                             \
    "slot, done, outcome, reason, code, total, dns, connect, tls, send, wait, transfer,"           \
    " lag, flags"

/* What is stored wins: look at sqlite_changes(). */
#define RESULT_INSERT                                                                              \
    "INSERT INTO result(probe, " RESULT_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"         \
    " ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT DO NOTHING"

#define RESULT_BIND(num, r)                                                                        \
    BIND(v_int(num), v_int((r)->slot_us), v_int((r)->done_us), v_int((r)->outcome),                \
         v_int((r)->reason), v_int((r)->code), v_int((r)->total_us), v_int((r)->phases.dns_us),    \
         v_int((r)->phases.connect_us), v_int((r)->phases.tls_us), v_int((r)->phases.send_us),     \
         v_int((r)->phases.wait_us), v_int((r)->phases.transfer_us), v_int((r)->lag_us),           \
         v_int((r)->flags))

/* A row of "SELECT RESULT_COLUMNS ...". */
static inline void result_read(struct sqlite_rows *q, struct result *ret)
{
    *ret = (struct result){
        .slot_us = sqlite_int(q, 0),
        .done_us = sqlite_int(q, 1),
        .outcome = (uint8_t)sqlite_int(q, 2),
        .reason = (uint8_t)sqlite_int(q, 3),
        .code = (int16_t)sqlite_int(q, 4),
        .total_us = sqlite_int(q, 5),
        .phases = {.dns_us = sqlite_int(q, 6),
                   .connect_us = sqlite_int(q, 7),
                   .tls_us = sqlite_int(q, 8),
                   .send_us = sqlite_int(q, 9),
                   .wait_us = sqlite_int(q, 10),
                   .transfer_us = sqlite_int(q, 11)},
        .lag_us = (int32_t)sqlite_int(q, 12),
        .flags = (uint32_t)sqlite_int(q, 13),
    };
}

/* The columns that counting needs, cheaper than all of them. */
#define EVENT_COLUMNS "slot, outcome, reason, total"

static inline void event_read(struct sqlite_rows *q, struct result *ret)
{
    ret->slot_us = sqlite_int(q, 0);
    ret->outcome = (uint8_t)sqlite_int(q, 1);
    ret->reason = (uint8_t)sqlite_int(q, 2);
    ret->total_us = sqlite_int(q, 3);
}

/* Why an event that an SLI counts as bad is bad. */
static inline enum reason bad_reason(const struct sli_def *sli, const struct result *r)
{
    if (r->outcome == OUTCOME_GOOD) /* slower, or dearer, than the SLI allows */
        return sli->measure == MEASURE_COST ? REASON_COST : REASON_LATENCY;
    return r->reason < REASON_COUNT ? (enum reason)r->reason : REASON_INTERNAL;
}
