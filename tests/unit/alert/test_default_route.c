/* Without a route, each receiver is told of each alert by itself. */
#include "labels.h"

#include "alert/default_route.h"
#include "alert/route.h"
#include "base/units.h"
#include "nines/notifier.h"

static void note(void *ctx, const struct route_taken *taken)
{
    struct str *out = ctx;
    str_addf(out, "%s ", taken->path[taken->depth]->receiver);
}

static void walked(const struct config *config, const char *want)
{
    struct arena arena = {0};
    struct str out;
    str_init(&out, 1024);
    const struct routing_def *r = default_route(config, &arena);
    struct string_map labels = labels_of(&arena, "alertname=x slo=y");
    route_walk(r, &labels, note, &out);
    assert_string_equal(out.buf, want);
    str_release(&out);
    arena_release(&arena);
}

static void test_receivers(void **state)
{
    (void)state;
    struct receiver_def defs[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    struct receiver_def *at[] = {&defs[0], &defs[1], &defs[2]};
    struct config config = {.receivers = at};
    walked(&config, " ");
    config.receiver_count = 1;
    walked(&config, "a ");
    config.receiver_count = 3;
    walked(&config, "a b c ");
    config.daemon.watchdog.receiver = "b"; /* told by the watchdog alone */
    walked(&config, "a c ");
    config.daemon.watchdog.receiver = "a";
    walked(&config, "b c ");
    config.receiver_count = 1;
    walked(&config, " ");
}

static void test_groups(void **state)
{
    (void)state;
    struct receiver_def def = {.name = "a"}, *at = &def;
    struct config config = {.receivers = &at, .receiver_count = 1};
    struct arena arena = {0};
    const struct route_def *r = &default_route(&config, &arena)->root.routes[0];
    struct string_map labels = labels_of(&arena, "alertname=x slo=y");
    assert_int_equal(route_group_labels(r, &labels, &arena).n, 2);
    assert_int_equal(r->group_wait_us, 0);
    assert_int_equal(r->group_interval_us, 10 * USEC_PER_SEC);
    assert_int_equal(r->repeat_interval_us, 4 * USEC_PER_HOUR);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receivers),
        cmocka_unit_test(test_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
