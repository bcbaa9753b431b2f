/* 128-bit integers: products of two 64-bit numbers compared or divided without
 * loss. gcc and clang only, like the cleanup attribute. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

struct wide {
    uint128 high, low;
};

static inline struct wide wide_product(uint128 a, uint128 b)
{
    uint128 a0 = (uint64_t)a, a1 = a >> 64, b0 = (uint64_t)b, b1 = b >> 64;
    uint128 low = a0 * b0, middle = a1 * b0 + (low >> 64), other = a0 * b1 + (uint64_t)middle;
    return (struct wide){a1 * b1 + (middle >> 64) + (other >> 64), (other << 64) | (uint64_t)low};
}

/* a * b >= c * d, exactly. */
static inline bool wide_at_least(uint128 a, uint128 b, uint128 c, uint128 d)
{
    struct wide have = wide_product(a, b), need = wide_product(c, d);
    return have.high != need.high ? have.high > need.high : have.low >= need.low;
}

static inline bool wide_less(struct wide a, struct wide b)
{
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

static inline struct wide wide_minus(struct wide a, struct wide b)
{
    return (struct wide){a.high - b.high - (a.low < b.low), a.low - b.low};
}

static inline struct wide wide_twice(struct wide a)
{
    return (struct wide){a.high << 1 | a.low >> 127, a.low << 1};
}

/* a * b / (c * d), rounded down. c * d is above 0 and below 2^255, and the quotient
 * below 2^128. */
static inline uint128 wide_quotient(uint128 a, uint128 b, uint128 c, uint128 d)
{
    struct wide part = wide_product(a, b), whole = wide_product(c, d), rest = {0, 0};
    uint128 quotient = 0;
    if (part.high == 0 && whole.high == 0)
        return part.low / whole.low;
    for (int i = 0; i < 256; i++) {
        rest = wide_twice(rest);
        rest.low |= part.high >> 127;
        part = wide_twice(part);
        quotient <<= 1;
        if (wide_less(rest, whole))
            continue;
        rest = wide_minus(rest, whole);
        quotient |= 1;
    }
    return quotient;
}
