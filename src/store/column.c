#include "store/column.h"

#include "base/varint.h"
#include "base/wide.h"
#include "io/squeeze.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/*
 * A column: a byte that says how, the numbers its prediction begins with, the
 * symbols (their length first, if they are compressed), the low bits.
 *
 * Numbers below 8 are their own symbol. Above, a symbol is an exponent and the
 * LEAD bits after the leading one; what follows those are the low bits. That is
 * 252 symbols for all of uint64_t. More LEAD bits, or a number of them for each
 * column, gain less than 0.2 % on columns of a thousand values and more.
 */
enum predict {
    PREDICT_BASE, /* all are near one number and not below: what is above it */
    PREDICT_ZERO, /* near zero, on both sides */
    PREDICT_LAST, /* as the one before */
    PREDICT_STEP, /* as far from the one before as that was from its own */
    PREDICT_COUNT
};

/* The first byte. */
#define HOW_PREDICT 3u
#define HOW_EMPTY 4u /* nothing is left to say: no symbols follow */
#define HOW_PLAIN 8u /* the symbols are not compressed */
#define HOW_KNOWN 15u

#define LEAD 2u
#define SYMBOLS 256
#define TABLE_BITS 5   /* what a symbol takes in the table of frequencies, about */
#define FRAME_BITS 128 /* and what compressing costs beside it */
#define SAMPLE 1024    /* values by which the encoder chooses */

struct model {
    enum predict predict;
    int64_t base, step;
};

/* ---- symbols -------------------------------------------------------------- */

static unsigned exponent_of(uint64_t x)
{
    return 63u - (unsigned)__builtin_clzll(x);
}

static unsigned low_bits_of(uint64_t x)
{
    return x < 2u << LEAD ? 0 : exponent_of(x) - LEAD;
}

static unsigned symbol_of(uint64_t x)
{
    unsigned bits = low_bits_of(x);
    return (unsigned)(x >> bits) + (bits << LEAD);
}

/* What a symbol stands for: the number with all low bits 0, and their count. */
struct meaning {
    uint64_t number;
    unsigned bits;
};

static bool symbol_meaning(unsigned symbol, struct meaning *ret)
{
    unsigned row = symbol >> LEAD;
    ret->bits = row < 2 ? 0 : row - 1;
    if (ret->bits + LEAD > 63)
        return false;
    ret->number = (uint64_t)(symbol - (ret->bits << LEAD)) << ret->bits;
    return true;
}

/* ---- prediction ----------------------------------------------------------- */

/* Differences wrap, and wrap back. */
static uint64_t zigzag(uint64_t difference)
{
    return varint_zigzag((int64_t)difference);
}

static void subtract(const struct model *m, const int64_t *v, size_t n, uint64_t *ret)
{
    uint64_t step = (uint64_t)m->step, last = (uint64_t)m->base - step;
    for (size_t i = 0; i < n; i++) {
        uint64_t now = (uint64_t)v[i];
        switch (m->predict) {
        case PREDICT_BASE:
            ret[i] = now - last;
            break;
        case PREDICT_ZERO:
            ret[i] = zigzag(now);
            break;
        case PREDICT_LAST:
            ret[i] = zigzag(now - last);
            last = now;
            break;
        default:
            ret[i] = zigzag(now - last - step);
            step = now - last;
            last = now;
            break;
        }
    }
}

static void add_back(const struct model *m, const uint64_t *left, size_t n, int64_t *ret)
{
    uint64_t step = (uint64_t)m->step, last = (uint64_t)m->base - step;
    for (size_t i = 0; i < n; i++) {
        uint64_t difference = (uint64_t)varint_unzigzag(left[i]);
        switch (m->predict) {
        case PREDICT_BASE:
            ret[i] = (int64_t)(last + left[i]);
            break;
        case PREDICT_ZERO:
            ret[i] = (int64_t)difference;
            break;
        case PREDICT_LAST:
            last += difference;
            ret[i] = (int64_t)last;
            break;
        default:
            step += difference;
            last += step;
            ret[i] = (int64_t)last;
            break;
        }
    }
}

/* The prediction with what it begins with, so that the first values cost nothing. */
static struct model model_of(enum predict predict, const int64_t *v, size_t n)
{
    struct model m = {.predict = predict};
    if (predict == PREDICT_ZERO)
        return m;
    m.base = v[0];
    for (size_t i = 1; i < n && predict == PREDICT_BASE; i++)
        m.base = v[i] < m.base ? v[i] : m.base;
    if (predict == PREDICT_STEP && n > 1)
        m.step = (int64_t)((uint64_t)v[1] - (uint64_t)v[0]);
    return m;
}

/* ---- choosing ------------------------------------------------------------- */

/* Bits that n values take of which x[0, sample) are the first, about: the low
 * bits, and the symbols either plain or by their entropy, with a table. */
static double cost_of(const uint64_t *x, size_t sample, size_t n)
{
    uint32_t count[SYMBOLS] = {0};
    double low = 0, entropy = 0, table = FRAME_BITS, scale = (double)n / (double)sample;
    for (size_t i = 0; i < sample; i++) {
        count[symbol_of(x[i])]++;
        low += low_bits_of(x[i]);
    }
    for (size_t i = 0; i < SYMBOLS; i++) {
        if (!count[i])
            continue;
        entropy += count[i] * log2((double)sample / count[i]);
        table += TABLE_BITS;
    }
    return low * scale + fmin(entropy * scale + table, 8.0 * (double)n);
}

/* The prediction that leaves least of the first values. */
static struct model choose(const int64_t *v, size_t n, uint64_t *left)
{
    size_t sample = n < SAMPLE ? n : SAMPLE;
    struct model best = {0};
    double best_cost = INFINITY;
    for (enum predict p = 0; p < PREDICT_COUNT; p++) {
        struct model m = model_of(p, v, n);
        subtract(&m, v, sample, left);
        double cost = cost_of(left, sample, n);
        if (cost < best_cost) {
            best = m;
            best_cost = cost;
        }
    }
    return best;
}

/* ---- low bits ------------------------------------------------------------- */

static void put_low_bits(const uint64_t *x, size_t n, struct str *out)
{
    unsigned char bytes[256];
    size_t used = 0;
    uint128 pending = 0;
    unsigned have = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned bits = low_bits_of(x[i]);
        pending |= (uint128)(x[i] & ((1ull << bits) - 1)) << have;
        for (have += bits; have >= 8; have -= 8, pending >>= 8)
            bytes[used++] = (unsigned char)pending;
        if (used > sizeof(bytes) - 2 * sizeof(uint128)) {
            str_addn(out, bytes, used);
            used = 0;
        }
    }
    if (have)
        bytes[used++] = (unsigned char)pending;
    str_addn(out, bytes, used);
}

struct bits {
    const unsigned char *p, *end;
    uint64_t pending;
    unsigned have;
};

/* At most 56; beyond the end come zeros, it was checked before. */
static uint64_t take_some(struct bits *b, unsigned n)
{
    while (b->have < n) {
        uint64_t byte = b->p < b->end ? *b->p++ : 0;
        b->pending |= byte << b->have;
        b->have += 8;
    }
    uint64_t v = b->pending & ((1ull << n) - 1);
    b->pending >>= n;
    b->have -= n;
    return v;
}

static uint64_t take_bits(struct bits *b, unsigned n)
{
    if (n <= 32)
        return take_some(b, n);
    uint64_t low = take_some(b, 32);
    return low | take_some(b, n - 32) << 32;
}

/* The values of the symbols with their low bits. */
static int join(const unsigned char *symbols, size_t n, const unsigned char **p,
                const unsigned char *end, uint64_t *ret, struct err *reterr)
{
    struct meaning table[SYMBOLS];
    bool known[SYMBOLS];
    uint64_t bits = 0;
    for (unsigned s = 0; s < SYMBOLS; s++)
        known[s] = symbol_meaning(s, &table[s]);
    for (size_t i = 0; i < n; i++) {
        if (!known[symbols[i]])
            return err_set(reterr, "a column has a symbol that means nothing");
        bits += table[symbols[i]].bits;
    }
    uint64_t bytes = (bits + 7) / 8;
    if (bytes > (uint64_t)(end - *p))
        return err_set(reterr, "a column is cut off");
    struct bits b = {.p = *p, .end = *p + bytes};
    for (size_t i = 0; i < n; i++) {
        const struct meaning *m = &table[symbols[i]];
        ret[i] = m->number | take_bits(&b, m->bits);
    }
    *p += bytes;
    return 0;
}

/* ---- a column ------------------------------------------------------------- */

/* 1 compressed, 0 plain. */
static int put_symbols(const unsigned char *symbols, size_t n, struct str *out, struct err *reterr)
{
    struct str squeezed;
    str_init(&squeezed, out->max);
    int rc = squeeze(symbols, n, &squeezed, reterr);
    if (rc == 0 && squeezed.len < n) {
        varint_put(out, squeezed.len);
        str_addn(out, squeezed.buf, squeezed.len);
        rc = 1;
    } else if (rc == 0) {
        str_addn(out, symbols, n);
    }
    str_release(&squeezed);
    return rc;
}

int column_encode(const int64_t *v, size_t n, const struct column_room *room, struct str *out,
                  struct err *reterr)
{
    assert(n > 0);
    struct model m = choose(v, n, room->left);
    size_t how_at = out->len;
    uint64_t any = 0;
    subtract(&m, v, n, room->left);
    for (size_t i = 0; i < n; i++) {
        any |= room->left[i];
        room->symbols[i] = (unsigned char)symbol_of(room->left[i]);
    }
    unsigned how = m.predict | (any ? 0 : HOW_EMPTY);
    str_addc(out, (char)how);
    if (m.predict != PREDICT_ZERO)
        varint_put(out, varint_zigzag(m.base));
    if (m.predict == PREDICT_STEP)
        varint_put(out, varint_zigzag(m.step));
    if (!any)
        return 0;
    int rc = put_symbols(room->symbols, n, out, reterr);
    if (rc < 0)
        return -1;
    if (rc == 0 && !out->overflow)
        out->buf[how_at] = (char)(how | HOW_PLAIN);
    put_low_bits(room->left, n, out);
    return 0;
}

static int get_symbols(const unsigned char **p, const unsigned char *end, bool plain,
                       unsigned char *ret, size_t n, struct err *reterr)
{
    uint64_t len = n;
    if ((!plain && !varint_get(p, end, &len)) || len > (uint64_t)(end - *p))
        return err_set(reterr, "a column is cut off");
    if (plain)
        memcpy(ret, *p, n);
    else if (unsqueeze(*p, len, ret, n, reterr) < 0)
        return -1;
    *p += len;
    return 0;
}

static bool get_signed(const unsigned char **p, const unsigned char *end, int64_t *ret)
{
    uint64_t v;
    if (!varint_get(p, end, &v))
        return false;
    *ret = varint_unzigzag(v);
    return true;
}

int column_decode(const unsigned char **p, const unsigned char *end, int64_t *ret, size_t n,
                  const struct column_room *room, struct err *reterr)
{
    if (*p >= end)
        return err_set(reterr, "a column is missing");
    unsigned how = *(*p)++;
    struct model m = {.predict = how & HOW_PREDICT};
    if (how & ~HOW_KNOWN)
        return err_set(reterr, "a column is packed in a way that is not known");
    if ((m.predict != PREDICT_ZERO && !get_signed(p, end, &m.base)) ||
        (m.predict == PREDICT_STEP && !get_signed(p, end, &m.step)))
        return err_set(reterr, "a column is cut off");
    if (how & HOW_EMPTY)
        memset(room->left, 0, n * sizeof(*room->left));
    else if (get_symbols(p, end, how & HOW_PLAIN, room->symbols, n, reterr) < 0 ||
             join(room->symbols, n, p, end, room->left, reterr) < 0)
        return -1;
    add_back(&m, room->left, n, ret);
    return 0;
}
