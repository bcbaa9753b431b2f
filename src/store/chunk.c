#include "store/chunk.h"

#include "base/mem.h"
#include "base/varint.h"
#include "store/chunk_answer.h"
#include "store/column.h"

#include <assert.h>

/* A version byte, the number of rows, the columns, a check sum of all that. A chunk that
 * has answers is of the second version: their columns follow, of the rows that have one. */
#define VERSION 1
#define VERSION_ANSWERS 2
#define SUM_BYTES 4

/* In the order in which they are stored: the sums come after what they are of. */
enum column {
    COLUMN_SLOT,
    COLUMN_OUTCOME,
    COLUMN_REASON,
    COLUMN_CODE,
    COLUMN_FLAGS,
    COLUMN_LAG,
    COLUMN_DNS,
    COLUMN_CONNECT,
    COLUMN_TLS,
    COLUMN_SEND,
    COLUMN_WAIT,
    COLUMN_TRANSFER,
    COLUMN_TOTAL, /* what it is over the sum of the phases */
    COLUMN_DONE,  /* what it is over slot, lag and total */
    COLUMN_COUNT
};

static uint64_t phases_sum(const struct phases *p)
{
    return (uint64_t)p->dns_us + (uint64_t)p->connect_us + (uint64_t)p->tls_us +
           (uint64_t)p->send_us + (uint64_t)p->wait_us + (uint64_t)p->transfer_us;
}

static uint64_t end_of(const struct result *r)
{
    return (uint64_t)r->slot_us + (uint64_t)(int64_t)r->lag_us + (uint64_t)r->total_us;
}

static int64_t get(const struct result *r, enum column c)
{
    switch (c) {
    case COLUMN_SLOT:
        return r->slot_us;
    case COLUMN_OUTCOME:
        return r->outcome;
    case COLUMN_REASON:
        return r->reason;
    case COLUMN_CODE:
        return r->code;
    case COLUMN_FLAGS:
        return r->flags;
    case COLUMN_LAG:
        return r->lag_us;
    case COLUMN_DNS:
        return r->phases.dns_us;
    case COLUMN_CONNECT:
        return r->phases.connect_us;
    case COLUMN_TLS:
        return r->phases.tls_us;
    case COLUMN_SEND:
        return r->phases.send_us;
    case COLUMN_WAIT:
        return r->phases.wait_us;
    case COLUMN_TRANSFER:
        return r->phases.transfer_us;
    case COLUMN_TOTAL:
        return (int64_t)((uint64_t)r->total_us - phases_sum(&r->phases));
    case COLUMN_DONE:
        return (int64_t)((uint64_t)r->done_us - end_of(r));
    case COLUMN_COUNT:
        break;
    }
    assert(!"a column of results");
    return 0;
}

/* False: the value does not fit its field. */
static bool set(struct result *r, enum column c, int64_t v)
{
    switch (c) {
    case COLUMN_SLOT:
        r->slot_us = v;
        return true;
    case COLUMN_OUTCOME:
        r->outcome = (uint8_t)v;
        return v >= 0 && v < OUTCOME_COUNT;
    case COLUMN_REASON:
        r->reason = (uint8_t)v;
        return v >= 0 && v < REASON_COUNT;
    case COLUMN_CODE:
        r->code = (int16_t)v;
        return r->code == v;
    case COLUMN_FLAGS:
        r->flags = (uint32_t)v;
        return r->flags == v;
    case COLUMN_LAG:
        r->lag_us = (int32_t)v;
        return r->lag_us == v;
    case COLUMN_DNS:
        r->phases.dns_us = v;
        return true;
    case COLUMN_CONNECT:
        r->phases.connect_us = v;
        return true;
    case COLUMN_TLS:
        r->phases.tls_us = v;
        return true;
    case COLUMN_SEND:
        r->phases.send_us = v;
        return true;
    case COLUMN_WAIT:
        r->phases.wait_us = v;
        return true;
    case COLUMN_TRANSFER:
        r->phases.transfer_us = v;
        return true;
    case COLUMN_TOTAL:
        r->total_us = (int64_t)((uint64_t)v + phases_sum(&r->phases));
        return true;
    case COLUMN_DONE:
        r->done_us = (int64_t)((uint64_t)v + end_of(r));
        return true;
    case COLUMN_COUNT:
        break;
    }
    assert(!"a column of results");
    return false;
}

static bool has_answer(const struct result *r)
{
    return r->flags & RESULT_ANSWER;
}

static size_t count_answers(const struct result *rows, size_t n)
{
    size_t answers = 0;
    for (size_t i = 0; i < n; i++)
        answers += has_answer(&rows[i]);
    return answers;
}

/* Of what readers rely on: a row that is not so stays a row. */
static int check(const struct result *rows, size_t n, struct err *reterr)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i].outcome >= OUTCOME_COUNT || rows[i].reason >= REASON_COUNT)
            return err_set(reterr, "a result has an outcome or a reason that is not known");
        if (i > 0 && rows[i].slot_us <= rows[i - 1].slot_us)
            return err_set(reterr, "results are not in the order of their slots");
    }
    return 0;
}

static uint32_t sum_of(const void *data, size_t n)
{
    return (uint32_t)str_hash(data, n);
}

static void put_sum(struct str *out, size_t from)
{
    uint32_t sum = sum_of(out->buf + from, out->len - from);
    unsigned char bytes[SUM_BYTES];
    for (unsigned i = 0; i < SUM_BYTES; i++)
        bytes[i] = (unsigned char)(sum >> 8 * i);
    str_addn(out, bytes, sizeof(bytes));
}

static uint32_t get_sum(const unsigned char *p)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < SUM_BYTES; i++)
        sum |= (uint32_t)p[i] << 8 * i;
    return sum;
}

/* ---- encoding --------------------------------------------------------------- */

/* What both ways work in, one column at a time. */
struct room {
    int64_t values[CHUNK_ROWS_MAX];
    uint64_t left[CHUNK_ROWS_MAX];
    unsigned char symbols[CHUNK_ROWS_MAX];
};

static int put_columns(const struct result *rows, size_t n, struct str *out, struct err *reterr)
{
    mem_auto struct room *room = mem_alloc(sizeof(*room));
    struct column_room cr = {room->left, room->symbols};
    for (enum column c = 0; c < COLUMN_COUNT; c++) {
        for (size_t i = 0; i < n; i++)
            room->values[i] = get(&rows[i], c);
        if (column_encode(room->values, n, &cr, out, reterr) < 0)
            return -1;
    }
    return 0;
}

static int put_answers(const struct result *rows, size_t n, size_t answers, struct str *out,
                       struct err *reterr)
{
    mem_auto struct room *room = mem_alloc(sizeof(*room));
    struct column_room cr = {room->left, room->symbols};
    for (int c = 0; c < ANSWER_COLUMNS; c++) {
        size_t at = 0;
        for (size_t i = 0; i < n; i++)
            if (has_answer(&rows[i]))
                room->values[at++] = chunk_answer_get(&rows[i].answer, c);
        if (column_encode(room->values, answers, &cr, out, reterr) < 0)
            return -1;
    }
    return 0;
}

int chunk_encode(const struct result *rows, size_t n, struct str *out, struct err *reterr)
{
    assert(n > 0 && n <= CHUNK_ROWS_MAX);
    size_t from = out->len, answers = count_answers(rows, n);
    if (check(rows, n, reterr) < 0)
        return -1;
    str_addc(out, answers ? VERSION_ANSWERS : VERSION);
    varint_put(out, n);
    if (put_columns(rows, n, out, reterr) < 0 ||
        (answers && put_answers(rows, n, answers, out, reterr) < 0))
        return -1;
    put_sum(out, from);
    return out->overflow ? err_set(reterr, "a chunk of results is too large") : 0;
}

/* ---- decoding --------------------------------------------------------------- */

static int get_columns(const unsigned char **p, const unsigned char *end, struct result *rows,
                       size_t n, struct err *reterr)
{
    mem_auto struct room *room = mem_alloc(sizeof(*room));
    struct column_room cr = {room->left, room->symbols};
    for (enum column c = 0; c < COLUMN_COUNT; c++) {
        if (column_decode(p, end, room->values, n, &cr, reterr) < 0)
            return -1;
        bool fits = true;
        for (size_t i = 0; i < n; i++)
            fits &= set(&rows[i], c, room->values[i]);
        if (!fits)
            return err_set(reterr, "a column holds a number that its field cannot");
    }
    return check(rows, n, reterr);
}

static int get_answers(const unsigned char **p, const unsigned char *end, struct result *rows,
                       size_t n, size_t answers, struct err *reterr)
{
    mem_auto struct room *room = mem_alloc(sizeof(*room));
    struct column_room cr = {room->left, room->symbols};
    for (int c = 0; c < ANSWER_COLUMNS; c++) {
        if (column_decode(p, end, room->values, answers, &cr, reterr) < 0)
            return -1;
        bool fits = true;
        size_t at = 0;
        for (size_t i = 0; i < n; i++)
            if (has_answer(&rows[i]))
                fits &= chunk_answer_set(&rows[i].answer, c, room->values[at++]);
        if (!fits)
            return err_set(reterr, "a column of answers holds a number that its field cannot");
    }
    return 0;
}

int chunk_decode(const void *data, size_t len, struct result *ret, size_t *ret_n,
                 struct err *reterr)
{
    const unsigned char *p = data;
    if (len < 1 + 1 + SUM_BYTES)
        return err_set(reterr, "a chunk of results is cut off");
    unsigned version = *p;
    if (version != VERSION && version != VERSION_ANSWERS)
        return err_set(reterr, "a chunk of results is of version %u, this nines knows %u and %u",
                       version, VERSION, VERSION_ANSWERS);
    const unsigned char *end = p + len - SUM_BYTES;
    if (get_sum(end) != sum_of(p, len - SUM_BYTES))
        return err_set(reterr, "a chunk of results is damaged: its check sum differs");
    uint64_t n;
    p++;
    if (!varint_get(&p, end, &n) || n < 1 || n > CHUNK_ROWS_MAX)
        return err_set(reterr, "a chunk of results is damaged: its length makes no sense");
    memset(ret, 0, n * sizeof(*ret));
    if (get_columns(&p, end, ret, n, reterr) < 0)
        return -1;
    size_t answers = count_answers(ret, n);
    if ((answers > 0) != (version == VERSION_ANSWERS))
        return err_set(reterr, "a chunk of results is damaged: its version says that it has %s",
                       answers ? "no answers" : "answers");
    if (answers && get_answers(&p, end, ret, n, answers, reterr) < 0)
        return -1;
    if (p != end)
        return err_set(reterr, "a chunk of results has more bytes than columns");
    *ret_n = n;
    return 0;
}
