#include "slo/ring.h"

#include "base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Each bucket counts `least` and, unless width is 0, what `at` says beyond that
 * in integers of so many bytes. */
struct ring_block {
    union {
        uint8_t *w1;
        uint16_t *w2;
        uint32_t *w4;
        uint64_t *w8;
        void *at;
    };
    uint64_t least : 56, width : 8;
};

_Static_assert(sizeof(struct ring_block) == 16, "there are a hundred of them for each SLI");

/* ---- one block ------------------------------------------------------------ */

static unsigned width_for(uint64_t beyond)
{
    return beyond <= UINT8_MAX ? 1 : beyond <= UINT16_MAX ? 2 : beyond <= UINT32_MAX ? 4 : 8;
}

static uint64_t block_get(const struct ring_block *b, size_t i)
{
    switch (b->width) {
    case 0:
        return b->least;
    case 1:
        return b->least + b->w1[i];
    case 2:
        return b->least + b->w2[i];
    case 4:
        return b->least + b->w4[i];
    default:
        return b->least + b->w8[i];
    }
}

static void block_put(struct ring_block *b, size_t i, uint64_t value)
{
    value -= b->least;
    switch (b->width) {
    case 1:
        b->w1[i] = (uint8_t)value;
        break;
    case 2:
        b->w2[i] = (uint16_t)value;
        break;
    case 4:
        b->w4[i] = (uint32_t)value;
        break;
    default:
        b->w8[i] = value;
    }
}

static void block_clear(struct ring_block *b)
{
    if (b->width)
        free(b->at);
    *b = (struct ring_block){0};
}

static void block_get_all(const struct ring_block *b, uint64_t ret[static RING_BLOCK])
{
    for (size_t i = 0; i < RING_BLOCK; i++)
        ret[i] = block_get(b, i);
}

/* Few counts differ, and those that do not by much. */
static void block_put_all(struct ring_block *b, const uint64_t values[static RING_BLOCK])
{
    uint64_t least = values[0], most = values[0];
    for (size_t i = 1; i < RING_BLOCK; i++) {
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    unsigned width = most > least ? width_for(most - least) : 0;
    if (b->width != width) {
        block_clear(b);
        b->width = width;
        if (width)
            b->at = mem_array(RING_BLOCK, width);
    }
    b->least = least;
    for (size_t i = 0; width && i < RING_BLOCK; i++)
        block_put(b, i, values[i]);
}

static void block_pack(struct ring_block *b)
{
    uint64_t values[RING_BLOCK];
    if (!b->width)
        return;
    block_get_all(b, values);
    block_put_all(b, values);
}

static void block_widen(struct ring_block *b, unsigned width)
{
    struct ring_block wide = {.least = b->least, .width = width};
    wide.at = mem_array(RING_BLOCK, width);
    for (size_t i = 0; i < RING_BLOCK; i++)
        block_put(&wide, i, block_get(b, i));
    block_clear(b);
    *b = wide;
}

/* Less than the least: a correction, which is rare. */
static void block_lower(struct ring_block *b, size_t i, uint64_t value)
{
    uint64_t values[RING_BLOCK];
    block_get_all(b, values);
    values[i] = value;
    block_put_all(b, values);
}

static void block_add(struct ring_block *b, size_t i, int64_t n)
{
    uint64_t value = block_get(b, i) + (uint64_t)n;
    assert(value < (uint64_t)RING_COUNT_MAX);
    if (value < b->least) {
        block_lower(b, i, value);
        return;
    }
    unsigned width = width_for(value - b->least);
    if (b->width < width)
        block_widen(b, width);
    block_put(b, i, value);
    /* The last one to come, mostly. */
    if (i == RING_BLOCK - 1)
        block_pack(b);
}

static int64_t block_sum(const struct ring_block *b, size_t from, size_t to)
{
    int64_t sum = (int64_t)b->least * (int64_t)(to - from);
    switch (b->width) {
    case 0:
        break;
    case 1:
        for (; from < to; from++)
            sum += b->w1[from];
        break;
    case 2:
        for (; from < to; from++)
            sum += b->w2[from];
        break;
    case 4:
        for (; from < to; from++)
            sum += b->w4[from];
        break;
    default:
        for (; from < to; from++)
            sum += (int64_t)b->w8[from];
    }
    return sum;
}

static bool block_is_zero(const struct ring_block *b)
{
    return !b->width && !b->least;
}

static void block_add_all(struct ring_block *b, const uint64_t more[static RING_BLOCK])
{
    uint64_t values[RING_BLOCK];
    block_get_all(b, values);
    for (size_t i = 0; i < RING_BLOCK; i++) {
        values[i] += more[i];
        assert(values[i] < (uint64_t)RING_COUNT_MAX);
    }
    block_put_all(b, values);
}

/* ---- the ring --------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Blocks are numbered as buckets are; buckets before the epoch count nothing. */
static struct ring_block *block_at(const struct ring *r, enum ring_column c, int64_t block)
{
    return &r->columns[c][(uint64_t)block % r->blocks];
}

/* The blocks in [first, head's] are in the ring. */
static int64_t first_block(const struct ring *r)
{
    int64_t first = r->head / RING_BLOCK - (int64_t)r->blocks + 1;
    return first < 0 ? 0 : first;
}

void ring_init(struct ring *r, int64_t step_us, size_t buckets, int64_t now_us)
{
    assert(now_us >= 0);
    *r = (struct ring){.step_us = step_us, .head = now_us / step_us};
    r->blocks = (uint32_t)(buckets / RING_BLOCK + 2); /* the head's may have begun just now */
}

void ring_release(struct ring *r)
{
    for (int c = 0; c < RING_COLUMNS; c++) {
        for (size_t i = 0; r->columns[c] && i < r->blocks; i++)
            block_clear(&r->columns[c][i]);
        free(r->columns[c]);
        r->columns[c] = NULL;
    }
}

int64_t ring_oldest_us(const struct ring *r)
{
    return first_block(r) * RING_BLOCK * r->step_us;
}

/* Events come late, but seldom later than a block: those two are complete. */
static void enter_block(struct ring *r, enum ring_column c, int64_t block)
{
    block_clear(block_at(r, c, block));
    for (int64_t b = block - 1; b >= 0 && b >= block - 2; b--)
        block_pack(block_at(r, c, b));
}

void ring_advance(struct ring *r, int64_t now_us)
{
    int64_t head = floor_div(now_us, r->step_us);
    if (head <= r->head)
        return;
    int64_t from = r->head / RING_BLOCK + 1, to = head / RING_BLOCK;
    if (to - from >= r->blocks)
        from = to - r->blocks + 1;
    for (int c = 0; c < RING_COLUMNS; c++)
        for (int64_t b = from; r->columns[c] && b <= to; b++)
            enter_block(r, c, b);
    r->head = head;
}

static int64_t *column_of(struct counts *c, enum ring_column k)
{
    switch (k) {
    case RING_GOOD:
        return &c->good;
    case RING_BAD:
        return &c->bad;
    case RING_EXCLUDED:
        return &c->excluded;
    case RING_SCRAPES:
        return &c->scrapes;
    default:
        return &c->silent;
    }
}

static void need_column(struct ring *r, enum ring_column c)
{
    if (!r->columns[c])
        r->columns[c] = mem_array(r->blocks, sizeof(*r->columns[c]));
}

static void add_to(struct ring *r, enum ring_column c, int64_t b, int64_t n)
{
    assert(n > -RING_COUNT_MAX && n < RING_COUNT_MAX);
    if (n == 0)
        return;
    need_column(r, c);
    block_add(block_at(r, c, b / RING_BLOCK), (size_t)(b % RING_BLOCK), n);
}

static bool holds(const struct ring *r, int64_t b)
{
    return b <= r->head && b >= first_block(r) * RING_BLOCK;
}

void ring_add(struct ring *r, int64_t at_us, struct counts c)
{
    int64_t b = floor_div(at_us, r->step_us);
    if (!holds(r, b))
        return;
    for (int k = 0; k < RING_COLUMNS; k++)
        add_to(r, k, b, *column_of(&c, k));
}

/* One column of the counts, from values[first] on; are there any? */
static bool take_column(uint64_t values[static RING_BLOCK], size_t first, enum ring_column c,
                        const struct counts *at, size_t n)
{
    int64_t any = 0;
    memset(values, 0, RING_BLOCK * sizeof(*values));
    for (size_t i = 0; i < n; i++) {
        struct counts one = at[i];
        int64_t count = *column_of(&one, c);
        any |= count;
        values[first + i] = (uint64_t)count;
    }
    assert(any >= 0 && any < RING_COUNT_MAX);
    return any != 0;
}

void ring_add_series(struct ring *r, int64_t from_us, const struct counts *at, size_t n)
{
    uint64_t values[RING_BLOCK];
    int64_t b = floor_div(from_us, r->step_us), end = b + (int64_t)n;
    int64_t first = b, oldest = first_block(r) * RING_BLOCK;
    assert(from_us % r->step_us == 0);
    if (b < oldest)
        b = oldest;
    if (end > r->head + 1)
        end = r->head + 1;
    while (b < end) {
        int64_t next = (b / RING_BLOCK + 1) * RING_BLOCK;
        next = next < end ? next : end;
        for (int c = 0; c < RING_COLUMNS; c++) {
            if (!take_column(values, (size_t)(b % RING_BLOCK), c, &at[b - first],
                             (size_t)(next - b)))
                continue;
            need_column(r, c);
            block_add_all(block_at(r, c, b / RING_BLOCK), values);
        }
        b = next;
    }
}

static void merge_column(struct ring *into, const struct ring *from, enum ring_column c)
{
    uint64_t values[RING_BLOCK];
    int64_t b = first_block(from), end = from->head / RING_BLOCK;
    if (b < first_block(into))
        b = first_block(into);
    if (!from->columns[c])
        return;
    need_column(into, c);
    for (; b <= end; b++) {
        const struct ring_block *more = block_at(from, c, b);
        if (block_is_zero(more))
            continue;
        block_get_all(more, values);
        block_add_all(block_at(into, c, b), values);
    }
}

void ring_merge(struct ring *into, const struct ring *from)
{
    assert(into->step_us == from->step_us);
    ring_advance(into, from->head * from->step_us);
    for (int c = 0; c < RING_COLUMNS; c++)
        merge_column(into, from, c);
}

static int64_t column_sum(const struct ring *r, enum ring_column c, int64_t from, int64_t to)
{
    int64_t sum = 0;
    if (!r->columns[c])
        return 0;
    while (from < to) {
        int64_t block = from / RING_BLOCK, end = (block + 1) * RING_BLOCK;
        if (end > to)
            end = to;
        sum += block_sum(block_at(r, c, block), (size_t)(from % RING_BLOCK),
                         (size_t)(end - block * RING_BLOCK));
        from = end;
    }
    return sum;
}

void ring_sum(const struct ring *r, int64_t from_us, int64_t to_us, struct counts *sum)
{
    int64_t from = floor_div(from_us, r->step_us), to = floor_div(to_us, r->step_us);
    int64_t oldest = first_block(r) * RING_BLOCK;
    if (from < oldest)
        from = oldest;
    if (to > r->head + 1)
        to = r->head + 1;
    for (int k = 0; k < RING_COLUMNS; k++)
        *column_of(sum, k) += column_sum(r, k, from, to);
}
