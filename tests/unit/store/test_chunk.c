/* Chunks and their columns: what goes in comes out, bit for bit, and damage is
 * told. */
#include "store/chunk.h"

#include "base/mem.h"
#include "base/units.h"
#include "store/column.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SLOT0 (1790000000 * USEC_PER_SEC + 3217)

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = *seed ^ *seed >> 29;
    return x * 0x9e3779b97f4a7c15u >> 7 ^ x;
}

/* Numbers of all magnitudes, and the ends of the range. */
static int64_t any_number(uint64_t *seed)
{
    static const int64_t ends[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1};
    if (next(seed) % 8 == 0)
        return ends[next(seed) % countof(ends)];
    int64_t v = (int64_t)(next(seed) >> (next(seed) % 63));
    return next(seed) % 2 ? v : -v;
}

/* ---- columns --------------------------------------------------------------- */

#define VALUES 3000

struct bench {
    int64_t in[VALUES], out[VALUES];
    uint64_t left[VALUES];
    unsigned char symbols[VALUES];
};

static size_t column_round_trip(struct bench *b, size_t n)
{
    struct str s;
    struct err err = {{0}};
    struct column_room room = {b->left, b->symbols};
    str_init(&s, CHUNK_BYTES_MAX);
    if (column_encode(b->in, n, &room, &s, &err) < 0)
        fail_msg("%s", err.msg);
    assert_false(s.overflow);
    /* An exact copy: a sanitizer sees a read behind it. */
    unsigned char *copy = mem_alloc(s.len);
    memcpy(copy, s.buf, s.len);
    const unsigned char *p = copy;
    if (column_decode(&p, copy + s.len, b->out, n, &room, &err) < 0)
        fail_msg("%s", err.msg);
    assert_ptr_equal(p, copy + s.len);
    assert_memory_equal(b->in, b->out, n * sizeof(*b->in));
    p = copy; /* cut off anywhere, it is no column of n values */
    assert_int_equal(column_decode(&p, copy + s.len - 1, b->out, n, &room, NULL), -1);
    size_t len = s.len;
    free(copy);
    str_release(&s);
    return len;
}

static void columns_of_anything_round_trip(void **state)
{
    (void)state;
    struct bench *b = mem_alloc(sizeof(*b));
    uint64_t seed = 11;
    for (int round = 0; round < 300; round++) {
        size_t n = 1 + next(&seed) % (round % 10 ? 40 : VALUES);
        unsigned kind = next(&seed) % 5, shift = next(&seed) % 64;
        for (size_t i = 0; i < n; i++) {
            int64_t noise = (int64_t)(next(&seed) >> shift);
            switch (kind) {
            case 0:
                b->in[i] = any_number(&seed);
                break;
            case 1:
                b->in[i] = noise;
                break;
            case 2: /* a walk */
                b->in[i] = (int64_t)((uint64_t)(i ? b->in[i - 1] : 0) + (uint64_t)noise);
                break;
            case 3: /* an outlier among zeros */
                b->in[i] = next(&seed) % 50 ? 0 : noise;
                break;
            default:
                b->in[i] = -noise;
                break;
            }
        }
        column_round_trip(b, n);
    }
    free(b);
}

static void what_follows_a_rule_takes_next_to_nothing(void **state)
{
    (void)state;
    struct bench *b = mem_alloc(sizeof(*b));
    for (size_t i = 0; i < VALUES; i++)
        b->in[i] = 200;
    assert_true(column_round_trip(b, VALUES) <= 3);
    for (size_t i = 0; i < VALUES; i++)
        b->in[i] = SLOT0 + (int64_t)i * 15000000;
    assert_true(column_round_trip(b, VALUES) <= 15);
    for (size_t i = 0; i < VALUES; i++) /* one slot is missing */
        b->in[i] = SLOT0 + (int64_t)(i + (i > 1000)) * 15000000;
    assert_true(column_round_trip(b, VALUES) <= 64);
    free(b);
}

static void a_number_from_a_narrow_range_takes_its_bits(void **state)
{
    (void)state;
    struct bench *b = mem_alloc(sizeof(*b));
    uint64_t seed = 5;
    for (size_t i = 0; i < VALUES; i++)
        b->in[i] = 700 + (int64_t)(next(&seed) % 64);
    size_t len = column_round_trip(b, VALUES);
    assert_in_range(len, VALUES * 6 / 8, VALUES * 6 / 8 * 104 / 100 + 64);
    free(b);
}

/* ---- chunks ---------------------------------------------------------------- */

struct rows {
    struct result in[CHUNK_ROWS_MAX], out[CHUNK_ROWS_MAX];
};

static void encode(const struct result *rows, size_t n, struct str *out)
{
    struct err err = {{0}};
    str_init(out, CHUNK_BYTES_MAX);
    if (chunk_encode(rows, n, out, &err) < 0)
        fail_msg("%s", err.msg);
}

static size_t chunk_round_trip(struct rows *r, size_t n)
{
    struct str s;
    size_t got = 0;
    encode(r->in, n, &s);
    size_t len = s.len;
    memset(r->out, 0xa5, sizeof(r->out));
    assert_int_equal(chunk_decode(s.buf, s.len, r->out, &got, NULL), 0);
    assert_int_equal(got, n);
    assert_memory_equal(r->in, r->out, n * sizeof(*r->in));
    str_release(&s);
    return len;
}

/* A day of a real-looking probe with gaps, failures and skipped slots. */
static void plausible(struct result *r, size_t n, uint64_t *seed)
{
    int64_t slot = SLOT0;
    memset(r, 0, n * sizeof(*r));
    for (size_t i = 0; i < n; i++, r++) {
        slot += 15 * USEC_PER_SEC * (next(seed) % 100 ? 1 : 7);
        r->slot_us = slot;
        r->lag_us = (int32_t)(next(seed) % 900);
        r->phases =
            (struct phases){1,  40 + (int64_t)(next(seed) % 60),  0,
                            12, 80 + (int64_t)(next(seed) % 400), (int64_t)(next(seed) % 20)};
        r->total_us = r->phases.dns_us + r->phases.connect_us + r->phases.send_us +
                      r->phases.wait_us + r->phases.transfer_us;
        r->code = 200;
        if (i / 50 % 9 == 4) { /* a run of failures: the sum is more than its phases */
            r->outcome = OUTCOME_BAD;
            r->reason = REASON_TTFB_TIMEOUT;
            r->code = 0;
            r->total_us = 5000000 + (int64_t)(next(seed) % 300);
        } else if (i / 50 % 9 == 7) {
            r->outcome = OUTCOME_SKIPPED;
            r->reason = REASON_PROBER;
            r->code = 0;
            r->phases = (struct phases){0};
            r->total_us = 0;
        }
        r->done_us = slot + r->lag_us + r->total_us + 50;
    }
}

/* Version 1 of the format, as every nines has read it. */
#define IS_PLAIN 1
#define HAS_ANSWERS 2

static unsigned version_of(const struct result *rows, size_t n)
{
    struct str s;
    encode(rows, n, &s);
    unsigned version = (unsigned char)s.buf[0];
    str_release(&s);
    return version;
}

static struct answer any_answer(uint64_t *seed)
{
    return (struct answer){(uint32_t)any_number(seed),
                           (uint32_t)any_number(seed),
                           (uint32_t)any_number(seed),
                           (uint32_t)any_number(seed),
                           (uint32_t)any_number(seed),
                           (uint32_t)any_number(seed),
                           (uint32_t)any_number(seed),
                           (uint32_t)any_number(seed),
                           (int32_t)any_number(seed),
                           (int32_t)any_number(seed),
                           (int32_t)any_number(seed),
                           (int32_t)any_number(seed),
                           any_number(seed)};
}

static void answers_come_back(void **state)
{
    (void)state;
    struct rows *r = mem_alloc(sizeof(*r));
    uint64_t seed = 77;
    for (int round = 0; round < 60; round++) {
        size_t n = 1 + next(&seed) % (round % 10 ? 200 : CHUNK_ROWS_MAX);
        bool any = false;
        plausible(r->in, n, &seed);
        for (size_t i = 0; i < n; i++) {
            if (next(&seed) % (1 + (uint64_t)round % 7))
                continue;
            any = true;
            r->in[i].flags = RESULT_ANSWER;
            r->in[i].answer = any_answer(&seed);
        }
        chunk_round_trip(r, n);
        assert_int_equal(version_of(r->in, n), any ? HAS_ANSWERS : IS_PLAIN);
    }
    free(r);
}

/* A day of an agent, asked each minute: what its answers add. */
static void plausible_answers_are_small(void **state)
{
    (void)state;
    struct rows *r = mem_alloc(sizeof(*r));
    uint64_t seed = 5;
    plausible(r->in, 1440, &seed);
    size_t plain = chunk_round_trip(r, 1440);
    for (size_t i = 0; i < 1440; i++) {
        struct answer *a = &r->in[i].answer;
        r->in[i].flags = RESULT_ANSWER;
        *a = (struct answer){.flags = 3, .events = 30, .tokens_in = 21, .tokens_cached = 0};
        a->headers_us = 200000 + (uint32_t)(next(&seed) % 50000);
        a->first_event_us = a->headers_us + 300 + (uint32_t)(next(&seed) % 200);
        a->first_token_us = a->first_event_us + 150000 + (uint32_t)(next(&seed) % 50000);
        a->last_token_us = a->first_token_us + 1000000 + (uint32_t)(next(&seed) % 500000);
        a->last_event_us = a->last_token_us + 200 + (uint32_t)(next(&seed) % 100);
        a->gap_us = 60000 + (uint32_t)(next(&seed) % 60000);
        a->tokens_out = 30 + (int32_t)(next(&seed) % 8);
        a->tokens_reasoning = -1;
        a->cost = 150000 * 21 + 600000 * (int64_t)a->tokens_out;
    }
    assert_in_range(chunk_round_trip(r, 1440) - plain, 1, 1440 * 16);
    free(r);
}

/* Whatever the fields can hold. */
static void adversarial(struct result *r, size_t n, uint64_t *seed)
{
    int64_t slot = next(seed) % 2 ? INT64_MIN : (int64_t)(next(seed) >> 20);
    memset(r, 0, n * sizeof(*r));
    for (size_t i = 0; i < n; i++, r++) {
        r->slot_us = slot;
        slot += 1 + (int64_t)(next(seed) >> (20 + next(seed) % 40));
        r->done_us = any_number(seed);
        r->total_us = any_number(seed);
        r->phases = (struct phases){any_number(seed), any_number(seed), any_number(seed),
                                    any_number(seed), any_number(seed), any_number(seed)};
        r->lag_us = (int32_t)any_number(seed);
        r->code = (int16_t)any_number(seed);
        r->flags = (uint32_t)any_number(seed);
        r->outcome = (uint8_t)(next(seed) % OUTCOME_COUNT);
        r->reason = (uint8_t)(next(seed) % REASON_COUNT);
    }
}

static void chunks_round_trip(void **state)
{
    (void)state;
    struct rows *r = mem_alloc(sizeof(*r));
    uint64_t seed = 3;
    for (int round = 0; round < 60; round++) {
        size_t n = 1 + next(&seed) % (round % 10 ? 200 : CHUNK_ROWS_MAX);
        if (round % 2)
            plausible(r->in, n, &seed);
        else
            adversarial(r->in, n, &seed);
        chunk_round_trip(r, n);
    }
    adversarial(r->in, CHUNK_ROWS_MAX, &seed);
    assert_true(chunk_round_trip(r, CHUNK_ROWS_MAX) < CHUNK_BYTES_MAX);
    adversarial(r->in, 1, &seed);
    r->in[0].slot_us = INT64_MAX;
    chunk_round_trip(r, 1);
    free(r);
}

static void only_results_in_order_are_taken(void **state)
{
    (void)state;
    struct rows *r = mem_alloc(sizeof(*r));
    uint64_t seed = 9;
    struct str s;
    str_init(&s, CHUNK_BYTES_MAX);
    plausible(r->in, 20, &seed);
    r->in[7].slot_us = r->in[6].slot_us;
    assert_int_equal(chunk_encode(r->in, 20, &s, NULL), -1);
    plausible(r->in, 20, &seed);
    r->in[19].outcome = OUTCOME_COUNT;
    assert_int_equal(chunk_encode(r->in, 20, &s, NULL), -1);
    plausible(r->in, 20, &seed);
    r->in[0].reason = REASON_COUNT;
    assert_int_equal(chunk_encode(r->in, 20, &s, NULL), -1);
    str_release(&s);
    free(r);
}

static void every_bent_bit_and_every_cut_is_told(void **state)
{
    (void)state;
    struct rows *r = mem_alloc(sizeof(*r));
    uint64_t seed = 21;
    struct str s;
    size_t n;
    plausible(r->in, 120, &seed);
    for (size_t i = 0; i < 120; i += 3) {
        r->in[i].flags = RESULT_ANSWER;
        r->in[i].answer = any_answer(&seed);
    }
    encode(r->in, 120, &s);
    for (size_t i = 0; i < s.len; i++) {
        assert_int_equal(chunk_decode(s.buf, i, r->out, &n, NULL), -1);
        s.buf[i] ^= (char)(1 << i % 8);
        assert_int_equal(chunk_decode(s.buf, s.len, r->out, &n, NULL), -1);
        s.buf[i] ^= (char)(1 << i % 8);
    }
    assert_int_equal(chunk_decode(s.buf, s.len, r->out, &n, NULL), 0);
    str_release(&s);
    free(r);
}

static void chunks_are_small(void **state)
{
    (void)state;
    struct rows *r = mem_alloc(sizeof(*r));
    uint64_t seed = 1;
    plausible(r->in, 4320, &seed);
    /* 9.8 + 5.9 + 8.6 + 4.3 bits of noise in what is not constant, a ninth failing */
    assert_true(chunk_round_trip(r, 4320) < 4320 * 4);
    free(r);
}

static void sum_up(struct str *s)
{
    uint64_t sum = str_hash(s->buf, s->len - 4);
    for (unsigned i = 0; i < 4; i++)
        s->buf[s->len - 4 + i] = (char)(sum >> 8 * i);
}

static void a_version_says_whether_there_are_answers(void **state)
{
    (void)state;
    struct rows *r = mem_alloc(sizeof(*r));
    uint64_t seed = 3;
    struct err err = {{0}};
    size_t n;
    plausible(r->in, 20, &seed);
    for (int answers = 0; answers < 2; answers++) {
        struct str s;
        r->in[7].flags = answers ? RESULT_ANSWER : 0;
        encode(r->in, 20, &s);
        s.buf[0] = answers ? IS_PLAIN : HAS_ANSWERS;
        sum_up(&s);
        assert_int_equal(chunk_decode(s.buf, s.len, r->out, &n, &err), -1);
        assert_non_null(strstr(err.msg, answers ? "has no answers" : "has answers"));
        s.buf[0] = 3;
        sum_up(&s);
        assert_int_equal(chunk_decode(s.buf, s.len, r->out, &n, &err), -1);
        assert_string_equal(err.msg,
                            "a chunk of results is of version 3, this nines knows 1 and 2");
        str_release(&s);
    }
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_of_anything_round_trip),
        cmocka_unit_test(what_follows_a_rule_takes_next_to_nothing),
        cmocka_unit_test(a_number_from_a_narrow_range_takes_its_bits),
        cmocka_unit_test(chunks_round_trip),
        cmocka_unit_test(only_results_in_order_are_taken),
        cmocka_unit_test(every_bent_bit_and_every_cut_is_told),
        cmocka_unit_test(chunks_are_small),
        cmocka_unit_test(answers_come_back),
        cmocka_unit_test(plausible_answers_are_small),
        cmocka_unit_test(a_version_says_whether_there_are_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
