/* Prices and caps of a configuration: what is refused and what is warned of; what counts as
 * spent after a restart. */
#include "engine/spending.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "config/load.h"
#include "engine/kinds.h"
#include "model/spend.h"
#include "nines/store.h"
#include "probe/agent.h"
#include "slo/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAEMON "apiVersion: nines/v1\nkind: Daemon\n"
#define PRICES                                                                                     \
    "prices: {currency: USD, models: {small: {input: 1, output: 2}, big: {input: 10, output: "     \
    "50}}}\n"
#define PROBES "---\napiVersion: nines/v1\nkind: Probes\ndefaults: {interval: 1m}\nprobes:\n"
#define AGENT(id, model, more)                                                                     \
    "  - id: " id "\n    agent: {protocol: json, url: \"http://localhost:1/\", "                   \
    "body: '{\"model\": \"" model "\", \"max_tokens\": 90}', read: {text: $.a}" more "}\n"

static struct config *load(const char *text, const char *said)
{
    struct diag diag = {0};
    struct config *config = NULL;
    struct str all;
    str_init(&all, 1 << 16);
    int rc = config_load_text("n.yml", text, strlen(text), engine_config_tables(), &config, &diag);
    for (size_t i = 0; i < diag.n; i++)
        str_addf(&all, "%d:%d: %s: %s\n", diag.items[i].pos.line, diag.items[i].pos.column,
                 diag.items[i].warning ? "warning" : "error", diag.items[i].text);
    assert_string_equal(all.buf, said);
    assert_int_equal(rc, diag.errors ? -1 : 0);
    str_release(&all);
    diag_release(&diag);
    return config;
}

static const struct agent_spec *spec_of(const struct config *c, const char *id)
{
    return spending_agent(config_probe(c, id));
}

static void test_models_get_their_prices(void **state)
{
    (void)state;
    struct config *c =
        load(DAEMON PRICES PROBES AGENT("a", "small", "") AGENT("b", "big", "")
                 AGENT("c", "smal", "") "  - {id: d, http: {url: \"http://localhost:1/\"}}\n",
             "13:9: warning: what runs of 'c' cost is not known: 'prices' of nines.yaml have none "
             "for its model 'smal'; did you mean 'small'?\n");
    assert_int_equal(spec_of(c, "a")->price->out, 2000000);
    assert_int_equal(spec_of(c, "b")->price->out, 50000000);
    assert_null(spec_of(c, "c")->price);
    assert_null(spending_agent(config_probe(c, "d")));
    config_unref(c);
    /* Without any prices nobody asks for one. */
    config_unref(load(DAEMON PROBES AGENT("a", "small", ""), ""));
}

static void test_a_price_is_no_part_of_a_probe(void **state)
{
    (void)state;
    struct config *c = load(DAEMON PRICES PROBES AGENT("a", "small", ""), ""),
                  *d = load(DAEMON "spend: {day: {tokens: 500}}\n" PROBES AGENT("a", "small", ""),
                            "");
    assert_int_equal(config_probe(c, "a")->revision, config_probe(d, "a")->revision);
    assert_int_equal(config_probe(c, "a")->content, config_probe(d, "a")->content);
    config_unref(c);
    config_unref(d);
}

static void test_a_cap_on_cost_needs_prices(void **state)
{
    (void)state;
    load(DAEMON PROBES AGENT("a", "small", ", spend: {hour: {tokens: 500}, day: {cost: 1}}"),
         "9:163: error: spend: a cap on cost needs a price for the probe: 'prices' of nines.yaml "
         "have none for its model 'small'\n");
    load(DAEMON PRICES "spend: {day: {cost: 1}}\n" PROBES AGENT("a", "small", "")
             AGENT("b", "smoll", ""),
         "4:21: error: spend: a cap on cost needs a price for each agent, and 'b' has none: "
         "'prices' of nines.yaml have none for its model 'smoll'; did you mean 'small'?\n");
    load(DAEMON PRICES "spend: {day: {cost: 1}}\n" PROBES
                       "  - id: m\n    agent: {protocol: mcp, url: \"http://localhost:1/\", tool: "
                       "echo}\n",
         "4:21: error: spend: a cap on cost needs a price for each agent, and 'm' has none: it "
         "names no model\n");
    config_unref(load(DAEMON "prices: {currency: USD, models: {free: {input: 0, output: 0}}}\n"
                             "spend: {day: {cost: 1}}\n" PROBES
                             "  - id: m\n    agent: {protocol: mcp, url: \"http://localhost:1/\", "
                             "tool: echo, model: free}\n",
                      ""));
    config_unref(
        load(DAEMON PRICES "spend: {day: {cost: 1}}\n" PROBES AGENT("a", "small", ""), ""));
}

static void test_a_cap_below_one_run(void **state)
{
    (void)state;
    /* 36 bytes are 12 tokens at worst, and 90 come back. */
    config_unref(
        load(DAEMON PRICES PROBES AGENT("a", "small", ", spend: {hour: {tokens: 200}}"), ""));
    load(DAEMON PRICES PROBES AGENT("a", "small", ", spend: {hour: {tokens: 90}}"),
         "10:129: error: spend: no run would be sent: a run may come to 102 "
         "tokens, and 90 an hour are for this probe\n");
    load(DAEMON PRICES "spend: {day: {cost: 0.000100}}\n" PROBES AGENT("a", "small", ""),
         "4:8: error: spend: no run of 'a' would be sent: a run may come to "
         "0.000192 USD, and 0.0001 USD a day are for all probes\n");
}

/* An SLO on a cost says of which currency, where prices name one. */
static void test_a_bound_on_cost_has_its_currency(void **state)
{
    (void)state;
#define SLOS                                                                                       \
    "---\napiVersion: nines/v1\nkind: SLOs\nslos:\n"                                               \
    "  - {name: a, sli: {probe: a, cost_at_most: 0.002}, objective: 90%, window: 30d, "            \
    "alerting: none}\n"                                                                            \
    "  - {name: b, sli: {probe: a, tokens_per_second_at_least: 1}, objective: 90%, window: 30d, "  \
    "alerting: none}\n"
    static const char told[] = "  - {id: m, agent: {protocol: json, url: \"http://localhost:1/\", "
                               "read: {text: $.a, tokens_out: $.o, cost: $.cost}}}\n";
    static const char priced[] =
        "  - {id: a, agent: {protocol: json, url: \"http://localhost:1/\", body: {model: small}, "
        "read: {text: $.a, tokens_in: $.i, tokens_out: $.o}}}\n";
    mem_auto char *asked = mem_printf("%s%s%s", DAEMON PRICES PROBES, priced, SLOS);
    struct config *c = load(asked, "");
    struct str said;
    str_init(&said, 200);
    sli_expression(&c->slos[0]->sli, &said);
    assert_string_equal(said.buf, "at a cost of at most 0.002 USD");
    str_clear(&said);
    sli_expression(&c->slos[1]->sli, &said);
    assert_string_equal(said.buf, "at least 1 token a second");
    config_unref(c);
    /* What the answer tells is in no currency that anyone named. */
    mem_auto char *text = mem_printf("%s%s%s", DAEMON PROBES, told, SLOS);
    for (char *at = text; (at = strstr(at, "probe: a")) != NULL; at++)
        at[strlen("probe: ")] = 'm';
    c = load(text, "");
    str_clear(&said);
    sli_expression(&c->slos[0]->sli, &said);
    assert_string_equal(said.buf, "at a cost of at most 0.002");
    config_unref(c);
    str_release(&said);
}

/* ---- after a restart ------------------------------------------------------------------ */

#define T0 (20022 * USEC_PER_DAY)

static void push(struct store *s, uint32_t probe, int64_t at_us, int32_t in, int32_t out,
                 int64_t cost, enum outcome o)
{
    struct result r = {.slot_us = at_us,
                       .done_us = at_us + USEC_PER_SEC,
                       .outcome = (uint8_t)o,
                       .reason = o == OUTCOME_GOOD ? REASON_NONE : REASON_PROBER,
                       .flags = RESULT_ANSWER,
                       .answer = {.tokens_in = in,
                                  .tokens_out = out,
                                  .tokens_cached = -1,
                                  .tokens_reasoning = -1,
                                  .cost = cost}};
    assert_true(store_reserve(s));
    assert_true(store_push_result(s, probe, &r, NULL));
}

#define NOW(s, account, at, th, td, ch, cd)                                                        \
    do {                                                                                           \
        struct spend_caps now_;                                                                    \
        spend_now(s, account, at, &now_);                                                          \
        assert_int_equal(now_.tokens_hour, th);                                                    \
        assert_int_equal(now_.tokens_day, td);                                                     \
        assert_int_equal(now_.cost_hour, ch);                                                      \
        assert_int_equal(now_.cost_day, cd);                                                       \
    } while (0)

static void test_what_is_stored_of_today_is_spent(void **state)
{
    (void)state;
    char dir[] = "/tmp/nines-spending-XXXXXX";
    assert_non_null(mkdtemp(dir));
    mem_auto char *path = mem_printf("%s/x.db", dir);
    struct store_options o = {.path = path};
    struct err err;
    struct store *s;
    assert_int_equal(store_open(&o, &s, &err), 0);
    struct config *c =
        load(DAEMON PRICES PROBES AGENT("a", "small", "") AGENT("gone", "big", ""), "");
    for (uint32_t i = 0; i < 2; i++)
        store_push_probe(s, i, c->probes[i], T0);
    const int64_t h = USEC_PER_HOUR;
    push(s, 0, T0 - 1, 1000, 1000, 1000, OUTCOME_GOOD); /* yesterday */
    push(s, 0, T0, 10, 5, 20, OUTCOME_GOOD);
    push(s, 0, T0 + 9 * h - 1, 100, 50, 200, OUTCOME_GOOD);
    push(s, 0, T0 + 9 * h, 1, 2, 4, OUTCOME_BAD);
    push(s, 0, T0 + 9 * h + 60, -1, -1, -1, OUTCOME_BAD);    /* 102 at worst */
    push(s, 0, T0 + 9 * h + 70, 7, 7, 30, OUTCOME_EXCLUDED); /* it was sent all the same */
    push(s, 1, T0 + 9 * h, 40, 2, 9, OUTCOME_GOOD);
    push(s, 1, T0 + 9 * h + 60, 2, 3, -1, OUTCOME_GOOD);
    assert_int_equal(store_close(s, 10 * USEC_PER_SEC, &err), 0);
    config_unref(c);

    c = load(DAEMON PRICES PROBES AGENT("a", "small", ""), "");
    struct spend *spend = spend_new();
    const int64_t at = T0 + 9 * h + h / 2, worst = 12 * 1000000 + 90 * 2000000;
    assert_int_equal(spending_restore(spend, c, path, at, &err), 0);
    NOW(spend, spend_account(spend, "a"), at, 3 + 102 + 14, 15 + 150 + 3 + 102 + 14, 4 + worst + 30,
        20 + 200 + 4 + worst + 30);
    /* What a probe that is gone did not tell is reckoned at the dearest price. */
    const int64_t gone = AGENT_TOKENS_UNSAID * 50000000LL;
    NOW(spend, spend_account(spend, "gone"), at, 47, 47, 9 + gone, 9 + gone);
    NOW(spend, NULL, at, 119 + 47, 284 + 47, 34 + worst + 9 + gone, 254 + worst + 9 + gone);
    spend_free(spend);

    /* In the first hour of a day both are the same. */
    spend = spend_new();
    assert_int_equal(spending_restore(spend, c, path, T0 + 1, &err), 0);
    NOW(spend, spend_account(spend, "a"), T0 + 1, 15, 15, 20, 20);
    spend_free(spend);

    /* A renamed probe keeps its account. */
    spend = spend_new();
    struct spend_account *a = spend_account(spend, "gone");
    config_unref(c);
    c = load(DAEMON PRICES "spend: {day: {tokens: 7770}}\n" PROBES
                           "  - id: new\n    renamed_from: gone\n    agent: {protocol: json, url: "
                           "\"http://localhost:1/\", body: '{}', read: {text: $.a}}\n",
             "");
    spending_set_config(spend, c);
    assert_ptr_equal(spend_account(spend, "new"), a);
    assert_int_equal(spend_caps(spend)->tokens_day, 7770);
    spend_free(spend);
    config_unref(c);
    static const char *const endings[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < countof(endings); i++) {
        mem_auto char *file = mem_printf("%s%s", path, endings[i]);
        unlink(file);
    }
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_get_their_prices),
        cmocka_unit_test(test_a_price_is_no_part_of_a_probe),
        cmocka_unit_test(test_a_cap_on_cost_needs_prices),
        cmocka_unit_test(test_a_cap_below_one_run),
        cmocka_unit_test(test_a_bound_on_cost_has_its_currency),
        cmocka_unit_test(test_what_is_stored_of_today_is_spent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
