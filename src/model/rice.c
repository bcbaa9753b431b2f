#include "model/rice.h"

#define UNARY_MAX 20 /* so many zeros: the number follows in 32 bits */
#define MEMORY 16    /* numbers after which the older ones count half */

static inline void learn(struct rice *k, uint32_t v)
{
    k->sum += v < 1u << 24 ? v : 1u << 24;
    if (++k->n == MEMORY) {
        k->sum /= 2;
        k->n /= 2;
    }
    while (k->n << k->low < k->sum)
        k->low++;
    while (k->low > 0 && k->n << (k->low - 1) >= k->sum)
        k->low--;
}

static void put_bits(struct rice_writer *w, uint64_t bits, int n)
{
    w->bits |= bits << w->n;
    w->n += n;
    for (; w->n >= 8; w->n -= 8, w->bits >>= 8)
        str_addc(w->out, (char)(w->bits & 0xff));
}

void rice_put(struct rice_writer *w, struct rice *k, uint32_t v)
{
    uint32_t high = v >> k->low;
    if (high < UNARY_MAX) {
        put_bits(w, 1ull << high, (int)high + 1);
        put_bits(w, v & ((1ull << k->low) - 1), k->low);
    } else {
        put_bits(w, 1ull << UNARY_MAX, UNARY_MAX + 1);
        put_bits(w, v, 32);
    }
    learn(k, v);
}

void rice_finish(struct rice_writer *w)
{
    if (w->n > 0)
        put_bits(w, 0, 8 - w->n);
}

/* At least 57 bits, unless there are no more. */
static void fill(struct rice_reader *r)
{
    for (; r->n <= 56 && r->p < r->end; r->n += 8)
        r->bits |= (uint64_t)*r->p++ << r->n;
}

static bool take(struct rice_reader *r, int n, uint32_t *ret)
{
    if (r->n < n)
        return false;
    *ret = (uint32_t)(r->bits & ((1ull << n) - 1));
    r->bits >>= n;
    r->n -= n;
    return true;
}

bool rice_get(struct rice_reader *r, struct rice *k, uint32_t *ret)
{
    uint32_t v;
    if (r->n < UNARY_MAX + 1 + 32)
        fill(r);
    int high = r->bits ? __builtin_ctzll(r->bits) : UNARY_MAX + 1;
    if (high > UNARY_MAX || high >= r->n)
        return false;
    r->bits >>= high + 1;
    r->n -= high + 1;
    if (!take(r, high < UNARY_MAX ? k->low : 32, &v))
        return false;
    if (high < UNARY_MAX)
        v |= (uint32_t)high << k->low;
    else if (v >> k->low < UNARY_MAX)
        return false; /* there is a shorter form */
    learn(k, v);
    *ret = v;
    return true;
}

bool rice_at_end(const struct rice_reader *r)
{
    return r->p == r->end && r->n < 8 && r->bits == 0;
}
