/* Unpacking gzip: whole, cut, broken, too long, and given up. */
#include "io/gunzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* gzip of "a" */
static const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00,
                                       0x00, 0x00, 0x03, 0x4b, 0x04, 0x00, 0x43,
                                       0xbe, 0xb7, 0xe8, 0x01, 0x00, 0x00, 0x00};

static void unpacks_to(const void *data, size_t n, size_t max, enum gunzip_end end,
                       const char *text)
{
    struct str s;
    str_init(&s, max);
    assert_int_equal(gunzip(data, n, NULL, &s), end);
    assert_string_equal(s.len ? s.buf : "", text);
    str_release(&s);
}

static void test_ends(void **state)
{
    unsigned char other[2 * sizeof(packed)];
    (void)state;
    unpacks_to(packed, sizeof(packed), 100, GUNZIP_DONE, "a");
    unpacks_to("", 0, 100, GUNZIP_CUT, "");
    for (size_t n = 1; n < sizeof(packed) - 8; n++)
        unpacks_to(packed, n, 100, GUNZIP_CUT, n > 11 ? "a" : "");
    unpacks_to("a 1\n", 4, 100, GUNZIP_BROKEN, "");
    memcpy(other, packed, sizeof(packed));
    other[13] ^= 1; /* the checksum */
    unpacks_to(other, sizeof(packed), 100, GUNZIP_BROKEN, "a");
    memcpy(other, packed, sizeof(packed));
    memcpy(other + sizeof(packed), packed, sizeof(packed));
    unpacks_to(other, sizeof(other), 100, GUNZIP_DONE, "aa");
    unpacks_to(other, sizeof(other), 1, GUNZIP_TOO_LONG, "a");
}

static bool take(void *ctx, const char *data, size_t n)
{
    struct str *s = ctx;
    return str_addn(s, data, n) == 0;
}

/* Feeds `piece` bytes at a time. */
static enum gunzip_end feed(const unsigned char *data, size_t n, size_t piece, struct str *out)
{
    struct gunzip *g = gunzip_new();
    enum gunzip_end end = GUNZIP_CUT;
    for (size_t i = 0; i < n && (end == GUNZIP_CUT || end == GUNZIP_DONE); i += piece)
        end = gunzip_feed(g, data + i, n - i < piece ? n - i : piece, take, out);
    gunzip_free(g);
    return end;
}

static void test_pieces(void **state)
{
    unsigned char twice[2 * sizeof(packed)], broken[sizeof(packed)];
    (void)state;
    memcpy(twice, packed, sizeof(packed));
    memcpy(twice + sizeof(packed), packed, sizeof(packed));
    memcpy(broken, packed, sizeof(packed));
    broken[13] ^= 1;
    for (size_t piece = 1; piece <= sizeof(twice); piece++) {
        struct str s;
        str_init(&s, 100);
        assert_int_equal(feed(twice, sizeof(twice), piece, &s), GUNZIP_DONE);
        assert_string_equal(s.buf, "aa");
        str_clear(&s);
        assert_int_equal(feed(twice, sizeof(twice) - 1, piece, &s), GUNZIP_CUT);
        assert_string_equal(s.buf, "aa");
        str_clear(&s);
        assert_int_equal(feed(broken, sizeof(broken), piece, &s), GUNZIP_BROKEN);
        str_release(&s);
        str_init(&s, 1);
        assert_int_equal(feed(twice, sizeof(twice), piece, &s), GUNZIP_STOPPED);
        str_release(&s);
    }
}

static void test_stop(void **state)
{
    atomic_bool stop = true;
    struct str s;
    (void)state;
    str_init(&s, 100);
    assert_int_equal(gunzip(packed, sizeof(packed), &stop, &s), GUNZIP_STOPPED);
    str_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
