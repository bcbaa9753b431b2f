/* The codecs of a rollup row: what goes in comes out, damage is told. */
#include "store/packed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void minutes_round_trip(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 300; round++) {
        struct counts in[PACKED_MINUTES] = {0}, out[PACKED_MINUTES];
        uint32_t spread = 1 + next(&seed) % 20;
        for (int i = 0; i < PACKED_MINUTES; i++)
            if (next(&seed) % spread == 0)
                in[i] = (struct counts){next(&seed) % 5, next(&seed) % 100000, next(&seed) % 2};
        struct str s;
        str_init(&s, PACKED_MAX);
        packed_put_counts(&s, in, PACKED_MINUTES);
        assert_false(s.overflow);
        assert_int_equal(packed_get_counts(s.buf, s.len, out, PACKED_MINUTES, NULL), 0);
        assert_memory_equal(in, out, sizeof(in));
        str_release(&s);
    }
}

static void a_steady_hour_is_short(void **state)
{
    (void)state;
    struct counts in[PACKED_MINUTES];
    for (int i = 0; i < PACKED_MINUTES; i++)
        in[i] = (struct counts){4, 0, 0};
    struct str s;
    str_init(&s, PACKED_MAX);
    packed_put_counts(&s, in, PACKED_MINUTES);
    assert_int_equal(s.len, 5);
    str_release(&s);
}

/* Scrapes and silent slots make another version, which only metric SLIs have. */
static void minutes_of_scrapes_round_trip(void **state)
{
    (void)state;
    uint32_t seed = 2;
    for (int round = 0; round < 300; round++) {
        struct counts in[PACKED_MINUTES] = {0}, out[PACKED_MINUTES];
        uint32_t spread = 1 + next(&seed) % 20;
        for (int i = 0; i < PACKED_MINUTES; i++)
            if (next(&seed) % spread == 0)
                in[i] = (struct counts){(int64_t)next(&seed) * next(&seed), next(&seed) % 1000,
                                        next(&seed) % 2, next(&seed) % 5, next(&seed) % 3};
        in[7].silent = 1;
        struct str s;
        str_init(&s, PACKED_MAX);
        packed_put_counts(&s, in, PACKED_MINUTES);
        assert_false(s.overflow);
        assert_int_equal(s.buf[0], 2);
        assert_int_equal(packed_get_counts(s.buf, s.len, out, PACKED_MINUTES, NULL), 0);
        assert_memory_equal(in, out, sizeof(in));
        for (size_t cut = 0; cut < s.len; cut++)
            assert_int_equal(packed_get_counts(s.buf, cut, out, PACKED_MINUTES, NULL), -1);
        str_release(&s);
    }
}

static void reasons_round_trip_and_add(void **state)
{
    (void)state;
    int64_t in[REASON_COUNT] = {0}, out[REASON_COUNT] = {0};
    in[REASON_STATUS] = 61;
    in[REASON_DNS] = PACKED_COUNT_MAX;
    in[REASON_COUNT - 1] = 1;
    struct str s;
    str_init(&s, PACKED_MAX);
    packed_put_reasons(&s, in);
    assert_int_equal(packed_get_reasons(s.buf, s.len, out, NULL), 0);
    assert_memory_equal(in, out, sizeof(in));
    assert_int_equal(packed_get_reasons(s.buf, s.len, out, NULL), 0);
    assert_int_equal(out[REASON_STATUS], 122);
    str_release(&s);
}

static void damage_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {
        {"", 0},            /* empty */
        {"\3\74\4\0\0", 5}, /* a version of the future */
        {"\0\74\4\0\0", 5},
        {"\2\74\4\0\0\1", 6}, /* scrapes, and nothing of silence */
        /* 60 times more than there may be at all */
        {"\1\74\200\200\220\273\272\326\255\360\15\0\0", 13},
        {"\1\74\4\0", 4},     /* cut off */
        {"\1\75\4\0\0", 5},   /* 61 minutes */
        {"\1\0\4\0\0", 5},    /* a run of nothing */
        {"\1\74\4\0\0\0", 6}, /* something behind it */
        {"\1\73\4\0\0", 5},   /* 59 minutes */
    };
    struct counts out[PACKED_MINUTES];
    int64_t reasons[REASON_COUNT] = {0};
    struct err err;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        err.msg[0] = '\0';
        assert_int_equal(packed_get_counts(bad[i].bytes, bad[i].n, out, PACKED_MINUTES, &err), -1);
        assert_non_null(strstr(err.msg, "rollup"));
    }
    assert_int_equal(packed_get_reasons("\1\177\1", 3, reasons, &err), -1);   /* no such reason */
    assert_int_equal(packed_get_reasons("\1\1\1\1\1", 5, reasons, &err), -1); /* twice */
    assert_int_equal(packed_get_reasons("\1\1", 2, reasons, &err), -1);
    for (int i = 0; i < REASON_COUNT; i++)
        assert_int_equal(reasons[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minutes_round_trip),
        cmocka_unit_test(a_steady_hour_is_short),
        cmocka_unit_test(minutes_of_scrapes_round_trip),
        cmocka_unit_test(reasons_round_trip_and_add),
        cmocka_unit_test(damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
