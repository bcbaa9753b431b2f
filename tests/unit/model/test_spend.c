/* Caps on what probing may cost, and what is spent, over hours and days. */
#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "model/spend.h"
#include "nines/answer.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct spend *spend;
    struct spend_account *chat, *search;
};

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));
    f->spend = spend_new();
    f->chat = spend_account(f->spend, "chat");
    f->search = spend_account(f->spend, "search");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    spend_free(f->spend);
    free(f);
    return 0;
}

static int64_t at(const char *text)
{
    struct err err;
    int64_t us;
    assert_int_equal(when_parse(text, strlen(text), &us, &err), 0);
    return us;
}

static struct spend_taken taken(int64_t tokens, int64_t cost, const char *when)
{
    return (struct spend_taken){tokens, cost, at(when)};
}

/* A run that began and ended, and used what it took. */
static void spent(struct fixture *f, struct spend_account *a, int64_t tokens, const char *when)
{
    struct spend_taken t = taken(tokens, 0, when);
    spend_take(f->spend, a, &t);
    spend_settle(f->spend, a, &t, tokens, 0);
}

static const struct spend_caps none = {0};

#define ALLOWED(f, account, caps, t)                                                               \
    do {                                                                                           \
        char buf_[SPEND_REFUSAL_MAX];                                                              \
        struct spend_taken t_ = (t);                                                               \
        assert_null(spend_refuses((f)->spend, account, caps, &t_, buf_, sizeof(buf_)));            \
    } while (0)

#define REFUSED(f, account, caps, t, text)                                                         \
    do {                                                                                           \
        char buf_[SPEND_REFUSAL_MAX];                                                              \
        struct spend_taken t_ = (t);                                                               \
        const char *why_ = spend_refuses((f)->spend, account, caps, &t_, buf_, sizeof(buf_));      \
        assert_non_null(why_);                                                                     \
        assert_string_equal(why_, text);                                                           \
    } while (0)

#define NOW(f, account, when, th, td, ch, cd)                                                      \
    do {                                                                                           \
        struct spend_caps now_;                                                                    \
        spend_now((f)->spend, account, at(when), &now_);                                           \
        assert_int_equal(now_.tokens_hour, th);                                                    \
        assert_int_equal(now_.tokens_day, td);                                                     \
        assert_int_equal(now_.cost_hour, ch);                                                      \
        assert_int_equal(now_.cost_day, cd);                                                       \
    } while (0)

static void test_exactly_the_cap_may_be_spent(void **state)
{
    struct fixture *f = *state;
    struct spend_caps caps = {.tokens_hour = 100};
    spent(f, f->chat, 60, "2026-11-20T08:00:00Z");
    ALLOWED(f, f->chat, &caps, taken(40, 0, "2026-11-20T08:59:59.999999Z"));
    REFUSED(f, f->chat, &caps, taken(41, 0, "2026-11-20T08:59:59.999999Z"),
            "not sent until 09:00 UTC: 60 of 100 tokens an hour of this probe are spent, and a "
            "run may come to 41");
    ALLOWED(f, f->chat, &caps, taken(41, 0, "2026-11-20T09:00:00Z"));
    /* What another spent is its own matter. */
    ALLOWED(f, f->search, &caps, taken(100, 0, "2026-11-20T08:59:00Z"));
    ALLOWED(f, f->chat, &none, taken(INT64_MAX, INT64_MAX, "2026-11-20T08:59:00Z"));
}

static void test_all_probes_share_a_cap(void **state)
{
    struct fixture *f = *state;
    struct spend_caps caps = {.tokens_hour = 2000};
    spend_limit(f->spend, &caps, NULL);
    assert_int_equal(spend_caps(f->spend)->tokens_hour, 2000);
    spent(f, f->chat, 1000, "2026-11-20T08:10:00Z");
    spent(f, f->search, 990, "2026-11-20T08:20:00Z");
    REFUSED(f, f->chat, &none, taken(64, 0, "2026-11-20T08:30:00Z"),
            "not sent until 09:00 UTC: 1,990 of 2,000 tokens an hour of all probes are spent, "
            "and a run may come to 64");
    NOW(f, NULL, "2026-11-20T08:30:00Z", 1990, 1990, 0, 0);
    NOW(f, f->chat, "2026-11-20T08:30:00Z", 1000, 1000, 0, 0);
    NOW(f, NULL, "2026-11-20T09:30:00Z", 0, 1990, 0, 0);
    /* Raised, by a reload. */
    caps.tokens_hour = 3000;
    spend_limit(f->spend, &caps, NULL);
    ALLOWED(f, f->chat, &none, taken(64, 0, "2026-11-20T08:30:00Z"));
}

static void test_days_end_at_midnight_in_utc(void **state)
{
    struct fixture *f = *state;
    struct spend_caps caps = {.tokens_hour = 100, .tokens_day = 150};
    spent(f, f->chat, 90, "2026-11-20T08:00:00Z");
    spent(f, f->chat, 55, "2026-11-20T23:00:00Z");
    /* Both caps are in the way: that which lasts longest is told; here both end at
     * midnight, and the first one is. */
    REFUSED(f, f->chat, &caps, taken(50, 0, "2026-11-20T23:59:59Z"),
            "not sent until 00:00 UTC: 55 of 100 tokens an hour of this probe are spent, and a "
            "run may come to 50");
    REFUSED(f, f->chat, &caps, taken(10, 0, "2026-11-20T12:00:00Z"),
            "not sent until 00:00 UTC: 145 of 150 tokens a day of this probe are spent, and a "
            "run may come to 10");
    spent(f, f->chat, 95, "2026-11-20T12:00:00Z");
    REFUSED(f, f->chat, &caps, taken(10, 0, "2026-11-20T12:10:00Z"),
            "not sent until 00:00 UTC: 240 of 150 tokens a day of this probe are spent, and a "
            "run may come to 10");
    ALLOWED(f, f->chat, &caps, taken(100, 0, "2026-11-21T00:00:00Z"));
}

static void test_a_run_in_flight_holds_what_it_took(void **state)
{
    struct fixture *f = *state;
    struct spend_caps caps = {.tokens_hour = 1000};
    struct spend_taken one = taken(600, 7, "2026-11-20T08:00:00Z");
    spend_take(f->spend, f->chat, &one);
    NOW(f, f->chat, "2026-11-20T08:00:01Z", 600, 600, 7, 7);
    REFUSED(f, f->chat, &caps, taken(600, 0, "2026-11-20T08:00:01Z"),
            "not sent until 09:00 UTC at the latest: 0 of 1,000 tokens an hour of this probe "
            "are spent, 600 are in flight, and a run may come to 600");
    /* It used less than that. */
    spend_settle(f->spend, f->chat, &one, 30, 2);
    NOW(f, f->chat, "2026-11-20T08:00:02Z", 30, 30, 2, 2);
    ALLOWED(f, f->chat, &caps, taken(600, 0, "2026-11-20T08:00:02Z"));
    /* And this one does not say: what it took is what it used. */
    struct spend_taken two = taken(600, 9, "2026-11-20T08:01:00Z");
    spend_take(f->spend, f->chat, &two);
    spend_settle(f->spend, f->chat, &two, -1, -1);
    NOW(f, NULL, "2026-11-20T08:02:00Z", 630, 630, 11, 11);
    /* More than it took: that counts as well. */
    struct spend_taken three = taken(1, 0, "2026-11-20T08:03:00Z");
    spend_take(f->spend, f->chat, &three);
    spend_settle(f->spend, f->chat, &three, 5000, 0);
    NOW(f, NULL, "2026-11-20T08:04:00Z", 5630, 5630, 11, 11);
}

static void test_a_run_over_the_border_counts_where_it_began(void **state)
{
    struct fixture *f = *state;
    struct spend_taken t = taken(500, 3, "2026-11-20T23:59:59Z");
    spend_take(f->spend, f->chat, &t);
    NOW(f, f->chat, "2026-11-21T00:00:00Z", 0, 0, 0, 0);
    spend_settle(f->spend, f->chat, &t, 400, 2);
    NOW(f, f->chat, "2026-11-21T00:00:01Z", 0, 0, 0, 0);
    NOW(f, f->chat, "2026-11-20T23:59:59Z", 400, 400, 2, 2);
    struct spend_taken u = taken(500, 3, "2026-11-21T05:59:59Z");
    spend_take(f->spend, f->chat, &u);
    spent(f, f->chat, 10, "2026-11-21T06:00:00Z");
    spend_settle(f->spend, f->chat, &u, 300, 1);
    NOW(f, f->chat, "2026-11-21T06:00:01Z", 10, 310, 0, 1);
}

static void test_a_clock_set_back_finds_what_it_spent(void **state)
{
    struct fixture *f = *state;
    struct spend_caps caps = {.tokens_hour = 100};
    spent(f, f->chat, 100, "2026-11-20T08:30:00Z");
    spent(f, f->chat, 50, "2026-11-20T09:00:00Z");
    REFUSED(f, f->chat, &caps, taken(1, 0, "2026-11-20T08:59:00Z"),
            "not sent until 09:00 UTC: 100 of 100 tokens an hour of this probe are spent, and a "
            "run may come to 1");
    /* A clock that was years ahead holds nobody back for years. */
    spent(f, f->chat, 100, "2036-01-01T00:00:00Z");
    ALLOWED(f, f->chat, &caps, taken(50, 0, "2026-11-20T09:01:00Z"));
    NOW(f, f->chat, "2026-11-20T09:01:00Z", 50, 150, 0, 0);
    /* A run whose hour is forgotten when it ends takes nothing from another. */
    struct spend_taken t = taken(70, 0, "2026-11-20T10:00:00Z");
    spend_take(f->spend, f->chat, &t);
    for (int i = 1; i < 9; i++)
        spent(f, f->chat, 1,
              (const char *[]){"2026-12-01T01:00:00Z", "2026-12-02T02:00:00Z",
                               "2026-12-03T03:00:00Z", "2026-12-04T04:00:00Z"}[i & 3]);
    spent(f, f->chat, 5, "2026-11-20T10:30:00Z");
    spend_settle(f->spend, f->chat, &t, 20, 0);
    NOW(f, f->chat, "2026-11-20T10:31:00Z", 25, 25, 0, 0);
}

static void test_a_run_larger_than_its_cap_never_goes(void **state)
{
    struct fixture *f = *state;
    struct spend_caps caps = {.tokens_day = 1000000, .cost_hour = 40 * COST_ONE / 100};
    spend_limit(f->spend, &none, "USD");
    REFUSED(f, f->chat, &caps, taken(1234567, 0, "2026-11-20T08:00:00Z"),
            "a run may come to 1,234,567 tokens, and 1,000,000 a day are for this "
            "probe");
    REFUSED(f, f->chat, &caps, taken(10, COST_ONE / 2, "2026-11-20T08:00:00Z"),
            "a run may come to 0.5 USD, and 0.4 USD an hour are for this probe");
}

static void test_money(void **state)
{
    struct fixture *f = *state;
    struct spend_caps caps = {.cost_day = 2 * COST_ONE};
    spend_limit(f->spend, &caps, "EUR");
    struct spend_taken t = taken(10, 1999999000000, "2026-11-20T08:00:00Z");
    ALLOWED(f, f->chat, &none, t);
    spend_take(f->spend, f->chat, &t);
    spend_settle(f->spend, f->chat, &t, 10, -1);
    ALLOWED(f, f->search, &none, taken(1, 1000000, "2026-11-20T08:00:00Z"));
    REFUSED(f, f->search, &none, taken(1, 1000001, "2026-11-20T08:00:00Z"),
            "not sent until 00:00 UTC: 1.999999 EUR of 2 EUR a day of all probes are spent, and "
            "a run may come to 0.000001000001 EUR");
}

static void test_sums_do_not_wrap(void **state)
{
    struct fixture *f = *state;
    struct spend_caps caps = {.tokens_hour = INT64_MAX};
    for (int i = 0; i < 4; i++) {
        struct spend_taken t = {INT64_MAX, INT64_MAX, at("2026-11-20T08:00:00Z")};
        spend_take(f->spend, f->chat, &t);
        if (i & 1)
            spend_settle(f->spend, f->chat, &t, i == 1 ? INT64_MAX : -1, INT64_MAX);
    }
    NOW(f, f->chat, "2026-11-20T08:00:00Z", INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX);
    char buf[SPEND_REFUSAL_MAX];
    struct spend_taken t = taken(1, 0, "2026-11-20T08:00:00Z");
    assert_non_null(spend_refuses(f->spend, f->chat, &caps, &t, buf, sizeof(buf)));
    struct spend_taken large = {INT64_MAX, INT64_MAX, at("2026-11-20T08:00:00Z")};
    for (int i = 0; i < 2; i++)
        spend_settle(f->spend, f->chat, &large, 0, 0);
    NOW(f, f->chat, "2026-11-20T08:00:00Z", INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX);
}

static void test_what_was_spent_before_is_restored(void **state)
{
    struct fixture *f = *state;
    spend_restore(f->spend, f->chat, at("2026-11-20T08:15:00Z"), 10, 100, 1, 11);
    spend_restore(f->spend, f->search, at("2026-11-20T08:15:00Z"), 20, 200, 2, 22);
    NOW(f, f->chat, "2026-11-20T08:59:00Z", 10, 100, 1, 11);
    NOW(f, NULL, "2026-11-20T08:59:00Z", 30, 300, 3, 33);
    NOW(f, NULL, "2026-11-20T09:00:00Z", 0, 300, 0, 33);
    NOW(f, NULL, "2026-11-21T08:15:00Z", 0, 0, 0, 0);
}

static void test_accounts_are_kept_by_name(void **state)
{
    struct fixture *f = *state;
    spent(f, f->chat, 10, "2026-11-20T08:00:00Z");
    assert_ptr_equal(spend_account(f->spend, "chat"), f->chat);
    spend_rename(f->spend, "chat", "search"); /* has one: both stay */
    assert_ptr_equal(spend_account(f->spend, "search"), f->search);
    spend_rename(f->spend, "nobody", "talk");
    spend_rename(f->spend, "chat", "talk");
    assert_ptr_equal(spend_account(f->spend, "talk"), f->chat);
    NOW(f, spend_account(f->spend, "talk"), "2026-11-20T08:00:00Z", 10, 10, 0, 0);
    assert_ptr_not_equal(spend_account(f->spend, "chat"), f->chat);
    NOW(f, spend_account(f->spend, "chat"), "2026-11-20T08:00:00Z", 0, 0, 0, 0);
}

static void test_what_a_run_costs(void **state)
{
    struct fixture *f = *state;
    /* 0.15, 0.60 and 0.075 for a million. */
    struct price p = {"m", 150000, 600000, 75000, {0}};
    assert_int_equal(spend_cost(&p, 1000, 100, -1), 210000000);
    assert_int_equal(spend_cost(&p, 1000, 100, 1000), 135000000);
    assert_int_equal(spend_cost(&p, 1000, 100, 400), 180000000);
    assert_int_equal(spend_cost(&p, 1000, 100, 4000), 135000000);
    assert_int_equal(spend_cost(&p, 0, 0, 0), 0);
    assert_int_equal(spend_cost(NULL, 1, 1, 0), -1);
    assert_int_equal(spend_cost(&p, -1, 1, 0), -1);
    assert_int_equal(spend_cost(&p, 1, -1, 0), -1);
    struct price free_of_charge = {"m", 0, 0, 0, {0}};
    assert_int_equal(spend_cost(&free_of_charge, -1, -1, -1), 0);
    struct price dear = {"m", INT64_MAX, INT64_MAX, 0, {0}};
    assert_int_equal(spend_cost(&dear, 2, 2, 0), INT64_MAX);

    struct spend_taken t = spend_worst(f->chat, &p, 100, 50, 77);
    assert_int_equal(t.tokens, 150);
    assert_int_equal(t.cost, 100 * 150000 + 50 * 600000);
    assert_int_equal(t.at_us, 77);
    t = spend_worst(f->chat, NULL, 100, 50, 77);
    assert_int_equal(t.cost, 0);
    /* A run used more than that: the next one may as well. */
    struct spend_taken u = taken(150, 0, "2026-11-20T08:00:00Z");
    spend_take(f->spend, f->chat, &u);
    spend_settle(f->spend, f->chat, &u, 200, 7);
    t = spend_worst(f->chat, &p, 100, 50, 77);
    assert_int_equal(t.tokens, 200);
    assert_int_equal(t.cost, 100 * 150000 + 50 * 600000 + 50 * 600000);
    t = spend_worst(f->chat, NULL, 100, 50, 77);
    assert_int_equal(t.cost, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_exactly_the_cap_may_be_spent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_probes_share_a_cap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_days_end_at_midnight_in_utc, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_run_in_flight_holds_what_it_took, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_run_over_the_border_counts_where_it_began, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_set_back_finds_what_it_spent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_run_larger_than_its_cap_never_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_money, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sums_do_not_wrap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_spent_before_is_restored, setup, teardown),
        cmocka_unit_test_setup_teardown(test_accounts_are_kept_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_run_costs, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
