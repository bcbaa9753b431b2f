/* Pieces of an arena are zeroed, aligned, apart from each other, and stay. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PIECES 400

struct piece {
    unsigned char *at;
    size_t size;
};

static size_t next_size(uint64_t *rng)
{
    *rng ^= *rng << 13;
    *rng ^= *rng >> 7;
    *rng ^= *rng << 17;
    return *rng % 20 ? *rng % 300 : *rng % 30000;
}

static void fill(struct arena *a, struct piece *pieces, uint64_t seed)
{
    for (size_t i = 0; i < PIECES; i++) {
        struct piece *p = &pieces[i];
        p->size = next_size(&seed);
        p->at = arena_alloc(a, p->size);
        assert_int_equal((uintptr_t)p->at % alignof(max_align_t), 0);
        for (size_t j = 0; j < p->size; j++)
            assert_int_equal(p->at[j], 0);
        memset(p->at, (int)i % 255 + 1, p->size);
    }
}

static void check(const struct piece *pieces)
{
    for (size_t i = 0; i < PIECES; i++)
        for (size_t j = 0; j < pieces[i].size; j++)
            assert_int_equal(pieces[i].at[j], i % 255 + 1);
}

static void test_pieces_stay(void **state)
{
    struct arena a = {0};
    struct piece pieces[PIECES];
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        fill(&a, pieces, seed * 0x9e3779b97f4a7c15);
        check(pieces);
        if (seed % 5 == 0)
            arena_release(&a);
        else
            arena_reset(&a);
    }
    arena_release(&a);
    arena_reset(&a); /* of use again, also when empty */
    assert_string_equal(arena_strdup(&a, "again"), "again");
    assert_null(arena_strdup(&a, NULL));
    arena_release(&a);
}

static void test_texts(void **state)
{
    struct arena a = {0};
    char longer[700];
    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    char *one = arena_printf(&a, "%d %s", 7, longer);
    assert_int_equal(strlen(one), sizeof(longer) + 1);
    assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(&a, "ab", 3), "ab");
    assert_string_equal(one + 2, longer);
    arena_release(&a);
}

struct log {
    char order[8];
    size_t n;
};

struct owner {
    struct log *log;
    char name;
};

static void on_release(void *ptr)
{
    const struct owner *o = ptr; /* lives in the arena, which is still whole */
    o->log->order[o->log->n++] = o->name;
}

static void own(struct arena *a, struct log *log, char name)
{
    struct owner *o = arena_alloc(a, sizeof(*o));
    *o = (struct owner){log, name};
    arena_on_release(a, on_release, o);
}

static void test_hooks_run_once_newest_first(void **state)
{
    struct arena a = {0};
    struct log log = {0};
    (void)state;
    own(&a, &log, 'a');
    arena_alloc(&a, 20000);
    own(&a, &log, 'b');
    arena_reset(&a);
    assert_string_equal(log.order, "ba");
    arena_reset(&a);
    own(&a, &log, 'c');
    arena_release(&a);
    arena_release(&a);
    assert_string_equal(log.order, "bac");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_stay),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_hooks_run_once_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
