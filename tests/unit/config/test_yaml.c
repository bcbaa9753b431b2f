/* The tree, its positions, and every limit of the reader. */
#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/str.h"
#include "config/tree.h"

#include <stdio.h>

struct parsed {
    struct arena arena;
    struct diag diag;
    struct yaml_documents docs;
    int rc;
};

static struct parsed parse(const char *text, size_t len)
{
    struct parsed p = {0};
    p.rc = yaml_parse(&p.arena, &p.arena, "f.yaml", text, len, &p.diag, &p.docs);
    return p;
}

static void release(struct parsed *p)
{
    arena_release(&p->arena);
    diag_release(&p->diag);
}

static void refused(const char *text, size_t len, int line, int column, const char *why)
{
    struct parsed p = parse(text, len);
    assert_int_equal(p.rc, -1);
    assert_int_equal(p.docs.n, 0);
    assert_int_equal(p.diag.errors, 1);
    assert_int_equal(p.diag.items[0].pos.line, line);
    assert_int_equal(p.diag.items[0].pos.column, column);
    if (!strstr(p.diag.items[0].text, why))
        fail_msg("'%s' does not say '%s'", p.diag.items[0].text, why);
    release(&p);
}

static void tree(void **state)
{
    (void)state;
    static const char text[] = "a: 1\nb:\n  - 'x'\n  - {c: ~, ü: \"\"}\n---\n---\nsecond\n";
    struct parsed p = parse(text, sizeof(text) - 1);
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.diag.n, 0);
    assert_int_equal(p.docs.n, 2); /* the one in between is empty */
    const struct node *doc = p.docs.at[0];
    assert_int_equal(doc->kind, NODE_MAP);
    assert_int_equal(doc->n, 2);
    assert_string_equal(node_get(doc, "a")->text, "1");
    assert_true(node_get(doc, "a")->plain);
    assert_null(node_get(doc, "c"));
    const struct node *list = node_get(doc, "b");
    assert_int_equal(list->kind, NODE_SEQ);
    assert_int_equal(list->n, 2);
    assert_false(list->items[0]->plain);
    assert_int_equal(list->items[0]->pos.line, 3);
    assert_int_equal(list->items[0]->pos.column, 5);
    const struct node *map = list->items[1];
    assert_true(node_is_null(node_get(map, "c")));
    assert_false(node_is_null(node_get(map, "ü"))); /* quoted and empty is a text */
    assert_int_equal(node_get(map, "ü")->pos.column, 15);
    assert_string_equal(p.docs.at[1]->text, "second");
    assert_null(node_get(p.docs.at[1], "a"));
    assert_null(node_get(NULL, "a"));
    release(&p);
}

static void bytes(void **state)
{
    (void)state;
    refused("a: b\nc: \0d", 10, 2, 4, "NUL");
    refused("a: \xff\n", 5, 1, 4, "0xff");
    refused("ü: \xc3", 5, 1, 4, "0xc3");
    refused("a: \xed\xa0\x80", 6, 1, 4, "UTF-8"); /* a surrogate */
    refused("\xff\xfe"
            "a\0:\0",
            6, 1, 1, "0xff"); /* UTF-16 */
    refused("a: \x01\n", 5, 1, 4, "control characters");
    refused("a: \"\\u0000\"", 11, 1, 4, "NUL");
}

static void nesting(void **state)
{
    (void)state;
    char text[20000];
    memset(text, '[', sizeof(text));
    refused(text, sizeof(text), 1, YAML_DEPTH_MAX + 1, "64 levels");
    struct str s;
    str_init(&s, 100000);
    for (int i = 0; i < 10000; i++)
        str_add(&s, "- ");
    refused(s.buf, s.len, 1, 2 * YAML_DEPTH_MAX + 1, "64 levels");
    str_clear(&s);
    for (int i = 0; i < 10000; i++)
        str_add(&s, "{a: ");
    refused(s.buf, s.len, 1, 4 * YAML_DEPTH_MAX + 1, "64 levels");
    str_clear(&s);
    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        str_add(&s, "[");
    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        str_add(&s, "]");
    struct parsed p = parse(s.buf, s.len);
    assert_int_equal(p.rc, 0);
    release(&p);
    str_release(&s);
}

static void sizes(void **state)
{
    (void)state;
    struct str s;
    str_init(&s, 4 << 20);
    for (int i = 0; i < YAML_EVENTS_MAX; i++)
        str_add(&s, "- a\n");
    refused(s.buf, s.len, YAML_EVENTS_MAX - 2, 3, "100000 values");
    str_clear(&s);
    while (s.len <= YAML_FILE_MAX)
        str_add(&s, "# a comment of some length\n");
    refused(s.buf, s.len, 0, 0, "1024 KiB");
    str_release(&s);
}

static void bombs(void **state)
{
    (void)state;
    static const char bomb[] = "a: &a [x, x]\nb: [*a, *a]\nc: [*b, *b]\n";
    struct parsed p = parse(bomb, sizeof(bomb) - 1);
    assert_int_equal(p.rc, -1);
    assert_int_equal(p.diag.errors, 2); /* the anchor, and the first alias */
    assert_int_equal(p.diag.items[1].pos.line, 2);
    assert_int_equal(p.diag.items[1].pos.column, 5);
    release(&p);
}

/* As many keys as fit are told apart without comparing all with all. */
static void many_keys(void **state)
{
    (void)state;
    struct str s;
    str_init(&s, 1 << 20);
    for (int i = 0; i < 40000; i++)
        str_addf(&s, "k%d: 1\n", i == 39999 ? 7 : i);
    struct parsed p = parse(s.buf, s.len);
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.diag.errors, 1);
    assert_int_equal(p.diag.items[0].pos.line, 40000);
    assert_non_null(strstr(p.diag.items[0].text, "line 8"));
    assert_int_equal(p.docs.at[0]->n, 39999);
    release(&p);
    str_release(&s);
}

/* Cut anywhere, it is read or refused, and nothing leaks. */
static void cut_off(void **state)
{
    (void)state;
    static const char text[] = "a: {b: [1, \"x\\n\", 'y'], ü: }\n? k\n: |\n  v\n---\n- >-\n f\n"
                               "...\n";
    for (size_t n = 0; n < sizeof(text); n++) {
        struct parsed p = parse(text, n);
        assert_int_equal(p.rc, p.diag.errors ? -1 : 0);
        release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree),    cmocka_unit_test(bytes), cmocka_unit_test(nesting),
        cmocka_unit_test(sizes),   cmocka_unit_test(bombs), cmocka_unit_test(many_keys),
        cmocka_unit_test(cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
