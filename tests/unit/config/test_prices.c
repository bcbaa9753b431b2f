/* `prices` and `spend` of the Daemon document: exact numbers. What is refused is in
 * tests/golden/config. */
#include "../cmocka_all.h"
#include "fake.h"

#include "base/str.h"
#include "config/load.h"
#include "config/prices.h"
#include "nines/answer.h"
#include "nines/diag.h"

#include <stdio.h>
#include <string.h>

#define HEAD "apiVersion: nines/v1\nkind: Daemon\n"

static struct config *load(const char *text, const char *said)
{
    struct diag diag = {0};
    struct config *config = NULL;
    int rc = config_load_text("n.yml", text, strlen(text), &fake_tables, &config, &diag);
    assert_string_equal(diag.n ? diag.items[0].text : "", said);
    assert_int_equal(rc, diag.errors ? -1 : 0);
    diag_release(&diag);
    return config;
}

static void test_none(void **state)
{
    (void)state;
    struct config *c = load(HEAD, "");
    assert_null(c->daemon.prices.currency);
    assert_null(price_find(&c->daemon.prices, "m"));
    assert_int_equal(c->daemon.spend.tokens_day, 0);
    config_unref(c);
}

static void test_prices_are_exact(void **state)
{
    (void)state;
    struct config *c = load(HEAD "prices:\n"
                                 "  currency: USD\n"
                                 "  models:\n"
                                 "    z: {input: 0.15, output: 0.60, cached_input: 0.075}\n"
                                 "    \"org/a model:1\": {input: 0.000001, output: 10000}\n"
                                 "    free: {input: 0, output: 0.0}\n",
                            "");
    const struct price_table *t = &c->daemon.prices;
    assert_string_equal(t->currency, "USD");
    assert_int_equal(t->n, 3);
    /* 0.15 for 10^6 is 150000 * 10^-12 for one. */
    const struct price *p = price_find(t, "z");
    assert_int_equal(p->in, 150000);
    assert_int_equal(p->out, 600000);
    assert_int_equal(p->cached, 75000);
    assert_int_equal(p->pos.line, 6);
    p = price_find(t, "org/a model:1");
    assert_int_equal(p->in, 1);
    assert_int_equal(p->out, COST_ONE / 100);
    assert_int_equal(p->cached, 1); /* as any of the input */
    assert_int_equal(price_find(t, "free")->out, 0);
    assert_null(price_find(t, "Z"));
    config_unref(c);
}

static void test_caps_are_exact(void **state)
{
    (void)state;
    struct config *c = load(HEAD "spend: {hour: {tokens: 20000, cost: 0.50}}\n", "");
    assert_int_equal(c->daemon.spend.tokens_hour, 20000);
    assert_int_equal(c->daemon.spend.cost_hour, COST_ONE / 2);
    assert_int_equal(c->daemon.spend.tokens_day, 0);
    assert_int_equal(c->daemon.spend.cost_day, 0);
    assert_int_equal(c->daemon.spend.cost_pos.column, 37);
    config_unref(c);
    c = load(HEAD "spend: {day: {tokens: 1, cost: 1000000}}\n", "");
    assert_int_equal(c->daemon.spend.tokens_day, 1);
    assert_int_equal(c->daemon.spend.cost_day, 1000000 * COST_ONE);
    assert_int_equal(c->daemon.spend.tokens_hour, 0);
    config_unref(c);
}

static void test_so_many_models(void **state)
{
    (void)state;
    struct str text;
    str_init(&text, 1 << 20);
    str_add(&text, HEAD "prices:\n  currency: USD\n  models:\n");
    for (int i = 0; i < PRICES_MAX; i++)
        str_addf(&text, "    m%d: {input: 1, output: %d}\n", i, i % 100);
    struct config *c = load(text.buf, "");
    for (int i = 0; i < PRICES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%d", i);
        assert_int_equal(price_find(&c->daemon.prices, name)->out, i % 100 * 1000000);
    }
    config_unref(c);
    str_add(&text, "    more: {input: 1, output: 1}\n");
    assert_null(load(text.buf, "models: at most 1000"));
    str_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_prices_are_exact),
        cmocka_unit_test(test_caps_are_exact),
        cmocka_unit_test(test_so_many_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
