/* err, str, arena, vec, json and varint. */
#include "../cmocka_all.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/varint.h"
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void err_chains_and_truncates(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(err_set(&e, "line %d", 3), -1);
    err_set(&e, "file: %s", e.msg);
    assert_string_equal(e.msg, "file: line 3");
    err_errno(&e, ENOENT, "open %s", "x");
    assert_string_equal(e.msg, "open x: No such file or directory");
    char big[3000];
    memset(big, 'a', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    err_set(&e, "%s", big);
    assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
    err_errno(&e, ENOENT, "%s", big);
    assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
    assert_int_equal(err_set(NULL, "nobody listens"), -1);
}

static void str_grows_to_its_maximum(void **state)
{
    (void)state;
    struct str s;
    str_init(&s, 200);
    assert_string_equal(s.buf, "");
    for (int i = 0; i < 20; i++)
        assert_int_equal(str_addf(&s, "%s", "0123456789"), 0);
    assert_int_equal(s.len, 200);
    assert_int_equal(s.buf[200], '\0');
    assert_int_equal(str_addc(&s, 'x'), -1);
    assert_true(s.overflow);
    assert_int_equal(s.len, 200);
    str_clear(&s);
    assert_false(s.overflow);
    assert_int_equal(str_addf(&s, "%0300d", 1), -1);
    assert_string_equal(s.buf, "");
    assert_int_equal(str_add(&s, ""), -1); /* sticky */
    str_release(&s);
}

static void str_refused_text_leaves_no_trace(void **state)
{
    (void)state;
    struct str s;
    str_init(&s, 8);
    str_add(&s, "12345");
    assert_int_equal(str_addf(&s, "%d", 678901), -1);
    assert_string_equal(s.buf, "12345");
    str_release(&s);
}

static void str_detach_empties(void **state)
{
    (void)state;
    struct str s;
    str_init(&s, 10);
    str_add(&s, "abc");
    char *text = str_detach(&s);
    assert_string_equal(text, "abc");
    assert_string_equal(s.buf, "");
    assert_int_equal(str_add(&s, "12345678901"), -1);
    free(text);
    str_release(&s);
}

static void plain_string_helpers(void **state)
{
    (void)state;
    assert_true(str_eq(NULL, NULL));
    assert_false(str_eq("a", NULL));
    assert_true(str_eq("a", "a"));
    assert_true(str_starts("abc", "ab"));
    assert_false(str_starts("a", "ab"));
    char small[4];
    str_copy(small, sizeof(small), "abcdef");
    assert_string_equal(small, "abc");
}

static void nearest_word(void **state)
{
    (void)state;
    static const char *const keys[] = {"interval", "timeout", "url", "labels"};
    assert_string_equal(str_nearest("intervall", keys, 4), "interval");
    assert_string_equal(str_nearest("tiemout", keys, 4), "timeout");
    assert_string_equal(str_nearest("URL", keys, 4), "url");
    assert_string_equal(str_nearest("label", keys, 4), "labels");
    assert_null(str_nearest("zzz", keys, 4));
    assert_null(str_nearest("", keys, 4));
    char longest[200];
    memset(longest, 'i', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(str_nearest(longest, keys, 4));
}

static void hash_is_what_it_was(void **state)
{
    (void)state;
    /* Phases of declared probes depend on these numbers. */
    assert_true(str_hash("", 0) == 0xefd01f60ba992926ull);
    assert_true(str_hash("api-health", 10) == str_hash("api-health", 10));
    int buckets[8] = {0};
    for (int i = 0; i < 8000; i++) {
        char id[16];
        int n = snprintf(id, sizeof(id), "probe-%d", i);
        buckets[str_hash(id, (size_t)n) % 8]++;
    }
    for (int i = 0; i < 8; i++)
        assert_in_range(buckets[i], 850, 1150);
}

static void arena_keeps_everything(void **state)
{
    (void)state;
    struct arena a = {0};
    char *texts[3000];
    for (int i = 0; i < 3000; i++)
        texts[i] = arena_printf(&a, "text %d", i);
    char *big = arena_alloc(&a, 100000);
    memset(big, 1, 100000);
    char *zero = arena_alloc(&a, 2000);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(zero[i], 0);
    for (int i = 0; i < 3000; i++) {
        char want[20];
        snprintf(want, sizeof(want), "text %d", i);
        assert_string_equal(texts[i], want);
        assert_int_equal((uintptr_t)texts[i] % _Alignof(max_align_t), 0);
    }
    assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
    assert_null(arena_strdup(&a, NULL));
    assert_int_equal(strlen(arena_printf(&a, "%0255d", 1)), 255);
    assert_int_equal(strlen(arena_printf(&a, "%0256d", 1)), 256);
    assert_int_equal(strlen(arena_printf(&a, "%09000d", 1)), 9000);
    arena_release(&a);
    arena_release(&a);
}

/* What comes after a reset is zeroed again, also where something was. */
static void arena_reset_is_a_new_one(void **state)
{
    (void)state;
    struct arena a = {0};
    arena_reset(&a);
    for (int round = 0; round < 3; round++) {
        char *small = arena_alloc(&a, 1000), *large = arena_alloc(&a, 100000);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(small[i], 0);
        memset(small, 'x', 1000);
        memset(large, 'x', 100000);
        for (int i = 0; i < 200; i++)
            arena_printf(&a, "%0100d", i);
        arena_reset(&a);
    }
    arena_release(&a);
}

static void vec_grows(void **state)
{
    (void)state;
    VEC(int) v = {0};
    for (int i = 0; i < 1000; i++)
        vec_push(&v, i);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(v.at[i], i);
    vec_clear(&v);
    assert_int_equal(v.len, 0);
    vec_release(&v);
}

static void check_json(const char *in, size_t n, const char *want)
{
    struct str s;
    str_init(&s, 1000);
    assert_int_equal(json_add_stringn(&s, in, n), 0);
    assert_string_equal(s.buf, want);
    str_release(&s);
}

static void json_strings(void **state)
{
    (void)state;
    check_json("a\"b\\c\n\t\x01", 8, "\"a\\\"b\\\\c\\n\\t\\u0001\"");
    check_json("\0x", 2, "\"\\u0000x\"");
    check_json("\x7f", 1, "\"\\u007f\"");
    check_json("\xc2\x9b[\xc2\xa0", 5, "\"\\u009b[\xc2\xa0\"");
    check_json("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", 11,
               "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"");
    check_json("\xff\xc0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    check_json("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* surrogate */
    check_json("\xf0\x9f\x98", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* cut off */
    struct str s;
    str_init(&s, 4);
    json_add_string(&s, NULL);
    assert_string_equal(s.buf, "null");
    str_clear(&s);
    assert_int_equal(json_add_string(&s, "too long"), -1);
    str_release(&s);
}

static void varint_round_trip(void **state)
{
    (void)state;
    static const uint64_t values[] = {
        0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < countof(values); i++) {
        struct str s;
        str_init(&s, 20);
        varint_put(&s, values[i]);
        const unsigned char *p = (const unsigned char *)s.buf, *end = p + s.len;
        uint64_t v = 0;
        for (const unsigned char *cut = p; cut < end; cut++) {
            const unsigned char *at = p;
            assert_false(varint_get(&at, cut, &v));
            assert_ptr_equal(at, p);
        }
        assert_true(varint_get(&p, end, &v));
        assert_true(v == values[i]);
        assert_ptr_equal(p, end);
        str_release(&s);
    }
    static const int64_t deltas[] = {0, -1, 1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < countof(deltas); i++)
        assert_true(varint_unzigzag(varint_zigzag(deltas[i])) == deltas[i]);
    assert_true(varint_zigzag(-1) == 1 && varint_zigzag(1) == 2);
}

static void varint_refuses(void **state)
{
    (void)state;
    static const unsigned char longer[] = {0x80, 0x00};
    static const unsigned char beyond[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                                           0xff, 0xff, 0xff, 0xff, 0x02};
    const unsigned char *p = longer;
    uint64_t v;
    assert_false(varint_get(&p, longer + sizeof(longer), &v));
    p = beyond;
    assert_false(varint_get(&p, beyond + sizeof(beyond), &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(err_chains_and_truncates),
        cmocka_unit_test(str_grows_to_its_maximum),
        cmocka_unit_test(str_refused_text_leaves_no_trace),
        cmocka_unit_test(str_detach_empties),
        cmocka_unit_test(plain_string_helpers),
        cmocka_unit_test(nearest_word),
        cmocka_unit_test(hash_is_what_it_was),
        cmocka_unit_test(arena_keeps_everything),
        cmocka_unit_test(arena_reset_is_a_new_one),
        cmocka_unit_test(vec_grows),
        cmocka_unit_test(json_strings),
        cmocka_unit_test(varint_round_trip),
        cmocka_unit_test(varint_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
