#include "wire/promtext_internal.h"

#include "base/mem.h"

/* The two halves of a product: every bit of the input reaches every bit below
 * and above it. The factors are odd, of no meaning and different by lane. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
    uint128 m = (uint128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline void mix_word(struct seen_key *k, uint64_t w)
{
    k->a = fold(k->a ^ w, 0xd1342543de82ef95u) + w;
    k->b = fold(k->b + w, 0xaf251af3b0f025b5u) ^ (w << 32 | w >> 32);
}

struct seen_key seen_key(enum seen_kind kind, uint64_t within)
{
    struct seen_key k = {0x9e3779b97f4a7c15u * (uint64_t)kind, 0xc2b2ae3d27d4eb4fu};
    mix_word(&k, within);
    return k;
}

static void mix_text(struct seen_key *k, const char *text, size_t n)
{
    uint64_t w;
    for (; n >= sizeof(w); n -= sizeof(w), text += sizeof(w)) {
        memcpy(&w, text, sizeof(w));
        mix_word(k, w);
    }
    if (n == 0)
        return;
    w = 0;
    memcpy(&w, text, n);
    mix_word(k, w);
}

void seen_mix(struct seen_key *k, const char *text, size_t n)
{
    mix_word(k, n);
    mix_text(k, text, n);
}

void seen_mix_label(struct seen_key *k, const struct series_label *l)
{
    mix_word(k, (uint64_t)l->name_len << 32 | l->value_len); /* "ab" "c" is not "a" "bc" */
    mix_text(k, l->name, l->name_len);
    mix_text(k, l->value, l->value_len);
}

bool seen_same(const struct seen_key *a, const struct seen_key *b)
{
    return a->a == b->a && a->b == b->b;
}

/* Where the key is, or would be. */
static struct seen_key *seen_slot(const struct seen *s, struct seen_key k)
{
    k.a |= 1; /* 0 is a free slot */
    /* Not the low bits of a half: those of alike texts lie close to each other. */
    size_t i = fold(k.a ^ k.b, 0xb5ad4eceda1ce2a9u) >> 7 & (s->size - 1);
    while (s->slots[i].a && !seen_same(&s->slots[i], &k))
        i = (i + 1) & (s->size - 1);
    return &s->slots[i];
}

static void seen_grow(struct seen *s)
{
    struct seen bigger = {.size = s->size ? s->size * 2 : 256, .count = s->count};
    bigger.slots = mem_array(bigger.size, sizeof(*bigger.slots));
    for (size_t i = 0; i < s->size; i++) {
        if (s->slots[i].a)
            *seen_slot(&bigger, s->slots[i]) = s->slots[i];
    }
    free(s->slots);
    *s = bigger;
}

bool seen_has(const struct seen *s, struct seen_key k)
{
    return s->size > 0 && seen_slot(s, k)->a;
}

bool seen_add(struct seen *s, struct seen_key k)
{
    if (s->count >= s->size / 4 * 3)
        seen_grow(s);
    struct seen_key *slot = seen_slot(s, k);
    if (slot->a)
        return false;
    *slot = (struct seen_key){k.a | 1, k.b};
    s->count++;
    return true;
}

void seen_release(struct seen *s)
{
    mem_free(&s->slots);
}
