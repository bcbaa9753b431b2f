/* Copies of observations: nothing of the original is needed, and bytes are bytes. */
#include "probe/observation.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text(const char *s)
{
    char *copy = strdup(s);
    assert_non_null(copy);
    return copy;
}

static void test_all_of_it_is_copied(void **state)
{
    char *message = text("m"), *url = text("u"), *address = text("1.2.3.4"), *protocol = text("p");
    char *what = text("what"), *seen = text("seen"), *series = text("a{b=\"c\"}");
    char *said = text("1");
    struct hop hop = {.url = url, .address = address, .protocol = protocol, .status = 503};
    struct assertion_seen assertion = {.what = what, .seen = seen, .ok = true};
    struct sample sample = {series, 7};
    struct observation o = {.message = message,
                            .hops = &hop,
                            .hop_count = 1,
                            .assertions = &assertion,
                            .assertion_count = 1,
                            .samples = &sample,
                            .sample_count = 1,
                            .version = said};
    struct arena a = {0};
    (void)state;
    struct observation copy = observation_copy(&a, &o);
    char *const texts[] = {message, url, address, protocol, what, seen, series, said};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        free(texts[i]);
    assert_string_equal(copy.message, "m");
    assert_string_equal(copy.hops[0].url, "u");
    assert_string_equal(copy.hops[0].address, "1.2.3.4");
    assert_string_equal(copy.hops[0].protocol, "p");
    assert_int_equal(copy.hops[0].status, 503);
    assert_string_equal(copy.assertions[0].what, "what");
    assert_string_equal(copy.assertions[0].seen, "seen");
    assert_string_equal(copy.samples[0].series, "a{b=\"c\"}");
    assert_true(copy.samples[0].value == 7);
    assert_string_equal(copy.version, "1");
    assert_null(copy.body);
    arena_release(&a);
}

/* A body that is cut at a NUL but keeps its length gives our own memory away. */
static void test_bodies_hold_nuls(void **state)
{
    static const char body[] = "a\0b", headers[] = "X: \0y";
    struct observation o = {.message = "",
                            .body = body,
                            .body_len = sizeof(body),
                            .headers = headers,
                            .headers_len = sizeof(headers)};
    struct arena a = {0};
    (void)state;
    struct observation copy = observation_copy(&a, &o);
    assert_int_equal(copy.body_len, sizeof(body));
    assert_memory_equal(copy.body, body, sizeof(body));
    assert_memory_equal(copy.headers, headers, sizeof(headers));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_it_is_copied),
        cmocka_unit_test(test_bodies_hold_nuls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
