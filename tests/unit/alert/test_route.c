/* Which routes an alert takes, and the names of routes and groups. */
#include "labels.h"

#include "alert/route.h"

/* root > (a: s=1 > (a1: t=x, continue) (a2: t=~x|y)) (b: s=1, continue) (c: z="") */
struct tree {
    struct arena arena;
    struct routing_def routing;
    struct route_def children[3], below[2];
    struct str taken;
};

static void add_taken(void *ctx, const struct route_taken *taken)
{
    struct tree *t = ctx;
    str_addf(&t->taken, "%s ", taken->path[taken->depth]->receiver);
    assert_ptr_equal(taken->path[0], &t->routing.root);
}

static int begin(void **state)
{
    struct tree *t = mem_alloc(sizeof(*t));
    struct route_def *root = &t->routing.root, *c = t->children, *b = t->below;
    *root = (struct route_def){.receiver = "root", .routes = c, .route_count = 3};
    c[0] = (struct route_def){.receiver = "a", .routes = b, .route_count = 2};
    c[1] = (struct route_def){.receiver = "b", .go_on = true};
    c[2] = (struct route_def){.receiver = "c"};
    b[0] = (struct route_def){.receiver = "a1", .go_on = true};
    b[1] = (struct route_def){.receiver = "a2"};
    matchers_of(&t->arena, &c[0].matchers, "s=1");
    matchers_of(&t->arena, &c[1].matchers, "s=~\"1|2\"");
    matchers_of(&t->arena, &c[2].matchers, "z=\"\"");
    matchers_of(&t->arena, &b[0].matchers, "t=x,q!=w");
    matchers_of(&t->arena, &b[1].matchers, "t=~\"x|y\"");
    str_init(&t->taken, 1024);
    *state = t;
    return 0;
}

static int end(void **state)
{
    struct tree *t = *state;
    str_release(&t->taken);
    arena_release(&t->arena);
    mem_free(&t);
    return 0;
}

static void takes(struct tree *t, const char *labels, const char *expected)
{
    struct string_map map = labels_of(&t->arena, labels);
    size_t words = 0;
    for (const char *p = expected; *p; p++)
        words += *p == ' ';
    str_clear(&t->taken);
    assert_int_equal(route_walk(&t->routing, &map, add_taken, t), words);
    assert_string_equal(t->taken.buf, expected);
}

static void test_walk(void **state)
{
    struct tree *t = *state;
    takes(t, "", "c ");
    takes(t, "z=1", "root ");
    takes(t, "s=1", "a "); /* none of its children; b is not asked */
    takes(t, "s=1 t=y", "a2 ");
    takes(t, "s=1 t=x", "a1 a2 "); /* continue */
    takes(t, "s=1 t=x q=w", "a2 ");
    takes(t, "s=2", "b c "); /* goes on behind b */
    takes(t, "s=2 z=1", "b ");
    t->children[0].go_on = true;
    takes(t, "s=1 t=x", "a1 a2 b c ");
}

static void add_key(void *ctx, const struct route_taken *taken)
{
    struct tree *t = ctx;
    struct string_map labels = labels_of(&t->arena, "t=x s=1 a=\"q\"");
    struct string_map group = route_group_labels(taken->path[taken->depth], &labels, &t->arena);
    route_key(taken, &t->taken);
    str_addc(&t->taken, '\n');
    route_group_key(taken, &group, &t->taken);
    str_addc(&t->taken, '\n');
}

static void test_keys(void **state)
{
    struct tree *t = *state;
    struct string_map map = labels_of(&t->arena, "t=x s=1 a=1");
    const char *by[] = {"t", "absent", "a"};
    t->below[0].group_by_all = true;
    t->below[1].group_by = (struct string_list){by, 3};
    route_walk(&t->routing, &map, add_key, t);
    assert_string_equal(t->taken.buf,
                        "{}/{s=\"1\"}/{q!=\"w\",t=\"x\"}\n"
                        "{}/{s=\"1\"}/{q!=\"w\",t=\"x\"}:{a=\"\\\"q\\\"\", s=\"1\", t=\"x\"}\n"
                        "{}/{s=\"1\"}/{t=~\"x|y\"}\n"
                        "{}/{s=\"1\"}/{t=~\"x|y\"}:{a=\"\\\"q\\\"\", t=\"x\"}\n");
}

static void test_no_groups(void **state)
{
    struct tree *t = *state;
    struct string_map map = labels_of(&t->arena, "z=1");
    route_walk(&t->routing, &map, add_key, t);
    assert_string_equal(t->taken.buf, "{}\n{}:{}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_walk, begin, end),
        cmocka_unit_test_setup_teardown(test_keys, begin, end),
        cmocka_unit_test_setup_teardown(test_no_groups, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
