/* Sketches against exact percentiles of the same values. */
#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/varint.h"
#include "model/sketch.h"

#include <stdlib.h>
#include <string.h>

/* xorshift64*: the same values on every machine. */
static uint64_t rnd(uint64_t *s)
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * 2685821657736338717u;
}

static double unit(uint64_t *s)
{
    return (double)(rnd(s) >> 11) / 9007199254740992.0;
}

/* Sum of twelve uniforms, less six: near enough to normal. */
static double normal(uint64_t *s)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += unit(s);
    return sum;
}

static double exp_of(double x)
{
    /* Without libm: (1 + x/1024)^1024. */
    double y = 1 + x / 1024;
    for (int i = 0; i < 10; i++)
        y *= y;
    return y;
}

static int64_t clamp(double us)
{
    return us < 10 ? 10 : us > (double)USEC_PER_HOUR ? USEC_PER_HOUR : (int64_t)us;
}

static int64_t draw_uniform(uint64_t *s)
{
    return clamp(10 + unit(s) * (double)USEC_PER_HOUR);
}

static int64_t draw_lognormal(uint64_t *s)
{
    return clamp(20000 * exp_of(normal(s)));
}

static int64_t draw_bimodal(uint64_t *s)
{
    return clamp(unit(s) < 0.7 ? 800 + 50 * normal(s) : 2500000 + 100000 * normal(s));
}

static int64_t draw_constant(uint64_t *s)
{
    (void)s;
    return 123457;
}

static int64_t draw_heavy_tail(uint64_t *s)
{
    double u = unit(s) + 1e-9;
    return clamp(1000 / u);
}

static int64_t draw_tiny(uint64_t *s)
{
    return 10 + (int64_t)(rnd(s) % 300);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void check_against(const struct sketch *s, const int64_t *sorted, int64_t n)
{
    static const int permille[] = {1, 10, 100, 250, 500, 750, 900, 950, 990, 999, 1000};
    for (size_t i = 0; i < countof(permille); i++) {
        int64_t rank = (n * permille[i] + 999) / 1000;
        int64_t exact = sorted[rank - 1];
        bool lower = true;
        int64_t got = sketch_quantile(s, permille[i], 1000, &lower);
        assert_false(lower);
        assert_true(llabs(got - exact) * 125 <= exact); /* 0.8 % */
        if (exact < 128)
            assert_true(got == exact);
    }
}

static void error_is_below_one_percent(void **state)
{
    (void)state;
    int64_t (*const draws[])(uint64_t *) = {draw_uniform,  draw_lognormal,  draw_bimodal,
                                            draw_constant, draw_heavy_tail, draw_tiny};
    static const int sizes[] = {1, 2, 3, 10, 99, 1000, 20000};
    uint64_t seed = 0x9e3779b97f4a7c15u;
    int64_t *values = mem_array(20000, sizeof(*values));
    for (size_t d = 0; d < countof(draws); d++) {
        for (size_t k = 0; k < countof(sizes); k++) {
            struct sketch s = SKETCH_INIT;
            for (int i = 0; i < sizes[k]; i++) {
                values[i] = draws[d](&seed);
                sketch_add(&s, values[i], false);
            }
            qsort(values, (size_t)sizes[k], sizeof(*values), compare);
            check_against(&s, values, sizes[k]);
            assert_true(s.count == sizes[k] && s.max_us == values[sizes[k] - 1]);
            sketch_release(&s);
        }
    }
    free(values);
}

static void every_magnitude_alone(void **state)
{
    (void)state;
    for (int64_t us = 10; us <= USEC_PER_HOUR; us += us / 37 + 1) {
        struct sketch s = SKETCH_INIT;
        bool lower;
        sketch_add(&s, us, false);
        sketch_add(&s, USEC_PER_HOUR, false); /* so that max_us does not help */
        int64_t got = sketch_quantile(&s, 1, 2, &lower);
        assert_true(llabs(got - us) * 125 <= us);
        sketch_release(&s);
    }
}

static bool same(const struct sketch *a, const struct sketch *b)
{
    struct str x, y;
    str_init(&x, 1 << 16);
    str_init(&y, 1 << 16);
    sketch_encode(a, &x);
    sketch_encode(b, &y);
    bool equal = x.len == y.len && memcmp(x.buf, y.buf, x.len) == 0 && a->count == b->count;
    str_release(&x);
    str_release(&y);
    return equal;
}

static void merge_is_addition_in_any_order(void **state)
{
    (void)state;
    uint64_t seed = 7;
    struct sketch all = SKETCH_INIT, forth = SKETCH_INIT, back = SKETCH_INIT, parts[8];
    for (int i = 0; i < 8; i++)
        parts[i] = (struct sketch)SKETCH_INIT;
    for (int i = 0; i < 5000; i++) {
        int64_t us = draw_heavy_tail(&seed);
        bool censored = rnd(&seed) % 10 == 0;
        sketch_add(&all, us, censored);
        sketch_add(&parts[rnd(&seed) % 7], us, censored); /* the last stays empty */
    }
    for (int i = 0; i < 8; i++) {
        sketch_merge(&forth, &parts[i]);
        sketch_merge(&back, &parts[7 - i]);
    }
    assert_true(same(&all, &forth));
    assert_true(same(&all, &back));
    sketch_clear(&forth);
    assert_int_equal(forth.count, 0);
    bool lower;
    assert_int_equal(sketch_quantile(&forth, 1, 2, &lower), -1);
    sketch_merge(&forth, &all);
    assert_true(same(&all, &forth));
    for (int i = 0; i < 8; i++)
        sketch_release(&parts[i]);
    sketch_release(&all);
    sketch_release(&forth);
    sketch_release(&back);
}

static void censored_runs_rank_above_all(void **state)
{
    (void)state;
    struct sketch s = SKETCH_INIT;
    bool lower = true;
    assert_int_equal(sketch_quantile(&s, 1, 2, &lower), -1);
    assert_false(lower);
    for (int i = 0; i < 98; i++)
        sketch_add(&s, 100, false);
    sketch_add(&s, 5, true); /* failed at once: ranks last all the same */
    sketch_add(&s, 7, true);
    assert_int_equal(sketch_quantile(&s, 50, 100, &lower), 100);
    assert_int_equal(sketch_quantile(&s, 98, 100, &lower), 100);
    assert_false(lower);
    assert_int_equal(sketch_quantile(&s, 981, 1000, &lower), 100); /* rank 99: censored */
    assert_true(lower);
    sketch_add(&s, 5000000, true);
    assert_int_equal(sketch_quantile(&s, 99, 100, &lower), 5000000);
    assert_true(lower);
    sketch_release(&s);

    sketch_add(&s, 30, true); /* nothing but failures */
    assert_int_equal(sketch_quantile(&s, 1, 100, &lower), 30);
    assert_true(lower);
    sketch_release(&s);
}

static void quantile_rank_is_the_ceiling(void **state)
{
    (void)state;
    struct sketch s = SKETCH_INIT;
    bool lower;
    for (int i = 1; i <= 10; i++)
        sketch_add(&s, i, false);
    assert_int_equal(sketch_quantile(&s, 50, 100, &lower), 5);
    assert_int_equal(sketch_quantile(&s, 51, 100, &lower), 6);
    assert_int_equal(sketch_quantile(&s, 90, 100, &lower), 9);
    assert_int_equal(sketch_quantile(&s, 99, 100, &lower), 10);
    assert_int_equal(sketch_quantile(&s, 1, 1000, &lower), 1);
    sketch_release(&s);
}

static void giants_share_the_last_bucket(void **state)
{
    (void)state;
    struct sketch s = SKETCH_INIT;
    bool lower;
    sketch_add(&s, INT64_MAX, false);
    sketch_add(&s, 0, false);
    assert_int_equal(sketch_quantile(&s, 1, 2, &lower), 0);
    assert_true(sketch_quantile(&s, 1, 1, &lower) > 1LL << 32);
    sketch_release(&s);
}

static void round_trip(void **state)
{
    (void)state;
    uint64_t seed = 99;
    for (int n = 0; n < 200; n += 9) {
        struct sketch s = SKETCH_INIT, t = SKETCH_INIT;
        for (int i = 0; i < n; i++)
            sketch_add(&s, draw_lognormal(&seed), i % 7 == 3);
        struct str out;
        struct err err;
        str_init(&out, 1 << 16);
        sketch_encode(&s, &out);
        assert_int_equal(sketch_decode(out.buf, out.len, &t, &err), 0);
        assert_true(same(&s, &t));
        /* decode adds */
        assert_int_equal(sketch_decode(out.buf, out.len, &t, &err), 0);
        assert_true(t.count == 2 * n && t.max_us == s.max_us);
        for (size_t cut = 0; cut < out.len; cut++)
            assert_int_equal(sketch_decode(out.buf, cut, &t, &err), -1);
        str_addc(&out, 0);
        assert_int_equal(sketch_decode(out.buf, out.len, &t, &err), -1);
        assert_int_equal(t.count, 2 * n); /* failures add nothing */
        str_release(&out);
        sketch_release(&s);
        sketch_release(&t);
    }
}

/* As earlier releases wrote it: distances and counts as plain numbers. */
static void encode_version_1(const struct sketch *s, struct str *out)
{
    uint64_t used = 0;
    for (int i = 0; s->buckets && i < SKETCH_BUCKETS; i++)
        used += s->buckets[i] != 0;
    varint_put(out, 1);
    varint_put(out, (uint64_t)s->censored);
    varint_put(out, (uint64_t)(s->max_us + 1));
    varint_put(out, used);
    for (int i = 0, last = -1; s->buckets && i < SKETCH_BUCKETS; i++) {
        if (!s->buckets[i])
            continue;
        varint_put(out, (uint64_t)(i - last - 1));
        varint_put(out, s->buckets[i]);
        last = i;
    }
}

static void the_older_encoding_is_read(void **state)
{
    (void)state;
    uint64_t seed = 4711;
    for (int n = 0; n < 500; n += 31) {
        struct sketch s = SKETCH_INIT, t = SKETCH_INIT;
        struct str out;
        str_init(&out, SKETCH_ENCODED_MAX);
        for (int i = 0; i < n; i++)
            sketch_add(&s, draw_bimodal(&seed), i % 7 == 3);
        encode_version_1(&s, &out);
        assert_int_equal(sketch_decode(out.buf, out.len, &t, NULL), 0);
        assert_true(same(&s, &t));
        for (size_t cut = 0; cut < out.len; cut++)
            assert_int_equal(sketch_decode(out.buf, cut, &t, NULL), -1);
        str_release(&out);
        sketch_release(&s);
        sketch_release(&t);
    }
}

/* Every bucket full, far beyond what there can be. */
static void the_longest_encoding_fits(void **state)
{
    (void)state;
    struct sketch s = SKETCH_INIT, t = SKETCH_INIT;
    struct str out;
    str_init(&out, SKETCH_ENCODED_MAX);
    for (int64_t us = 0; us < 1LL << 33; us += us < 128 ? 1 : us / 128)
        sketch_add(&s, us, false);
    for (int i = s.first; i < s.end; i++)
        s.buckets[i] = i % 2 ? UINT32_MAX : 1;
    sketch_encode(&s, &out);
    assert_false(out.overflow);
    assert_int_equal(sketch_decode(out.buf, out.len, &t, NULL), 0);
    assert_memory_equal(s.buckets, t.buckets, SKETCH_BUCKETS * sizeof(*s.buckets));
    str_release(&out);
    sketch_release(&s);
    sketch_release(&t);
}

static size_t encoded_size(const struct sketch *s)
{
    struct str out;
    str_init(&out, SKETCH_ENCODED_MAX);
    sketch_encode(s, &out);
    size_t n = out.len;
    str_release(&out);
    return n;
}

/* The size of an hour counts: there is one for each probe and hour. */
static void an_hour_is_short(void **state)
{
    (void)state;
    static const struct {
        int n;
        int64_t (*draw)(uint64_t *);
        size_t most;
    } cases[] = {
        {240, draw_lognormal, 120},  {3600, draw_lognormal, 360},  {240, draw_bimodal, 90},
        {3600, draw_bimodal, 220},   {240, draw_constant, 16},     {3600, draw_constant, 16},
        {240, draw_heavy_tail, 120}, {3600, draw_heavy_tail, 420},
    };
    uint64_t seed = 3;
    for (size_t k = 0; k < countof(cases); k++) {
        struct sketch s = SKETCH_INIT;
        for (int i = 0; i < cases[k].n; i++)
            sketch_add(&s, cases[k].draw(&seed), false);
        size_t n = encoded_size(&s);
        if (n > cases[k].most)
            fail_msg("case %zu takes %zu bytes", k, n);
        sketch_release(&s);
    }
}

/* A day is its hours, a month its days, however they were put together: also
 * by way of their encodings, and with hours that are empty. */
static void hours_days_and_months_are_the_same(void **state)
{
    (void)state;
    int64_t (*const draws[])(uint64_t *) = {draw_uniform,  draw_lognormal,  draw_bimodal,
                                            draw_constant, draw_heavy_tail, draw_tiny};
    uint64_t seed = 0x123456789abcdefu;
    for (size_t d = 0; d < countof(draws); d++) {
        struct sketch all = SKETCH_INIT, month = SKETCH_INIT, day = SKETCH_INIT, hour = SKETCH_INIT;
        struct str out;
        str_init(&out, SKETCH_ENCODED_MAX);
        for (int h = 0; h < 30 * 24; h++) {
            for (uint64_t n = rnd(&seed) % 60; n > 0; n--) {
                bool censored = rnd(&seed) % 50 == 0;
                int64_t us = draws[d](&seed);
                sketch_add(&hour, us, censored);
                sketch_add(&all, us, censored);
            }
            str_clear(&out);
            sketch_encode(&hour, &out);
            assert_int_equal(sketch_decode(out.buf, out.len, &day, NULL), 0);
            sketch_clear(&hour);
            if (h % 24 != 23)
                continue;
            sketch_merge(&month, &day);
            sketch_clear(&day);
        }
        assert_true(same(&all, &month));
        str_release(&out);
        sketch_release(&all);
        sketch_release(&month);
        sketch_release(&day);
        sketch_release(&hour);
    }
}

static void hostile_bytes(void **state)
{
    (void)state;
    uint64_t seed = 1234567;
    struct sketch model = SKETCH_INIT;
    for (int i = 0; i < 40; i++)
        sketch_add(&model, draw_heavy_tail(&seed), i % 9 == 0);
    struct str good;
    str_init(&good, 1 << 16);
    sketch_encode(&model, &good);
    int accepted = 0;
    for (int round = 0; round < 100000; round++) {
        unsigned char *bytes = mem_alloc(good.len); /* exact: ASan sees overreads */
        memcpy(bytes, good.buf, good.len);
        for (uint64_t flips = rnd(&seed) % 4 + 1; flips > 0; flips--)
            bytes[rnd(&seed) % good.len] = (unsigned char)rnd(&seed);
        size_t n = rnd(&seed) % 4 ? good.len : rnd(&seed) % good.len;
        struct sketch s = SKETCH_INIT;
        struct err err;
        if (sketch_decode(bytes, n, &s, &err) == 0) {
            bool lower;
            accepted++;
            assert_true(s.count >= s.censored && s.censored >= 0);
            for (int q = 1; q <= 100; q += 33)
                assert_true(sketch_quantile(&s, q, 100, &lower) <= s.max_us);
        } else {
            assert_true(s.count == 0 && s.max_us == -1 && !s.buckets);
        }
        sketch_release(&s);
        free(bytes);
    }
    assert_true(accepted > 0); /* else nothing behind the checks was tried */
    str_release(&good);
    sketch_release(&model);
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned char bytes[8];
        size_t n;
    } cases[] = {
        {{3, 0, 0, 0}, 4},            /* version */
        {{1, 0, 5, 0}, 4},            /* a largest value of nothing */
        {{1, 1, 0, 0}, 4},            /* a run without a largest value */
        {{1, 0, 3, 1, 50, 1}, 6},     /* largest 2 us, bucket 50 us */
        {{1, 0, 60, 1, 50, 0}, 6},    /* empty bucket stored */
        {{1, 0, 60, 2, 50, 1, 7}, 7}, /* cut off */
        {{1, 0x80, 0, 0, 0}, 5},      /* long form of a number */
        {{2, 0, 5, 0}, 4},            /* the same of version 2 */
        {{2, 0, 3, 1, 50, 1}, 6},     /* largest 2 us, bucket 50 us */
        {{2, 0, 60, 1, 50, 3}, 6},    /* a bit that nobody wrote */
        {{2, 0, 60, 1, 50, 1, 0}, 7}, /* something behind it */
        {{2, 0, 60, 2, 50, 1}, 6},    /* cut off */
        {{2, 0, 60, 1, 50, 0}, 6},    /* no number */
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct sketch s = SKETCH_INIT;
        struct err err = {""};
        assert_int_equal(sketch_decode(cases[i].bytes, cases[i].n, &s, &err), -1);
        assert_true(err.msg[0] && s.count == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_is_below_one_percent),
        cmocka_unit_test(every_magnitude_alone),
        cmocka_unit_test(merge_is_addition_in_any_order),
        cmocka_unit_test(censored_runs_rank_above_all),
        cmocka_unit_test(quantile_rank_is_the_ceiling),
        cmocka_unit_test(giants_share_the_last_bucket),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(the_older_encoding_is_read),
        cmocka_unit_test(the_longest_encoding_fits),
        cmocka_unit_test(an_hour_is_short),
        cmocka_unit_test(hours_days_and_months_are_the_same),
        cmocka_unit_test(hostile_bytes),
        cmocka_unit_test(contradictions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
