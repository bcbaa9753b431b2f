/*
 * A lane on clocks of the test's, before an integration that does what the test says: no
 * threads, no network, no waiting.
 */
#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/str.h"
#include "notify/lane.h"
#include "notify/notify.h"
#include "notify/send.h"

#include <string.h>

#define S USEC_PER_SEC
#define MINUTE USEC_PER_MIN

/* What the integration gets and answers. */
struct world {
    struct lane_owner owner;
    struct lane *lane;
    struct config config;
    int64_t now_us, mono_us;
    struct str said; /* "a1" delivered, "a1?" tried again later, "a1!" dead */
    enum delivery answer;
    int64_t retry_after_us;
    const char *fails; /* a group that does, whatever the answer */
    bool hangs;
    notifier_done_fn done;
    void *done_ctx;
    int cancelled;
    int sent;
    char detail[512]; /* of the last end */
    int64_t wait_us;
    char last_key[16], last_group[16];
    bool last_unrecorded;
};

static struct world *world_of(struct notifier_env *env)
{
    return env->ctx;
}

static void *fake_send(struct notifier_env *env, const struct integration_def *def,
                       const struct notification *n, notifier_done_fn done, void *ctx)
{
    struct world *w = world_of(env);
    assert_string_equal(def->name, "fake");
    w->sent++;
    str_copy(w->last_key, sizeof(w->last_key), n->dedup_key);
    str_copy(w->last_group, sizeof(w->last_group), n->message->group_key);
    w->last_unrecorded = n->unrecorded;
    if (w->hangs) {
        w->done = done;
        w->done_ctx = ctx;
        return w;
    }
    enum delivery d =
        w->fails && str_eq(w->fails, n->message->group_key) ? DELIVERY_RETRY : w->answer;
    done(ctx, d, d == DELIVERY_OK ? "fine" : "not fine", w->retry_after_us);
    return NULL;
}

static void fake_cancel(void *delivery)
{
    struct world *w = delivery;
    w->cancelled++;
}

static void on_ended(void *ctx, const struct item *it, const struct lane_end *end)
{
    static const char *const marks[] = {
        [DELIVERY_OK] = "", [DELIVERY_RETRY] = "?", [DELIVERY_REJECTED] = "!"};
    struct world *w = ctx;
    str_addf(&w->said, "%s%s ", it->dedup_key, marks[end->delivery]);
    str_copy(w->detail, sizeof(w->detail), end->detail);
    w->wait_us = end->retry_in_us;
}

static int64_t fake_now(void *ctx)
{
    struct world *w = ctx;
    return w->now_us;
}

static int64_t fake_mono(void *ctx)
{
    struct world *w = ctx;
    return w->mono_us;
}

/* The shortest of each wait. */
static uint64_t fake_random(void *ctx)
{
    (void)ctx;
    return 0;
}

static const struct notifier_kind fake_kind = {
    .name = "fake", .send = fake_send, .cancel = fake_cancel};
static const struct integration_def fake_def = {.name = "fake", .kind = &fake_kind};

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->config.refs = 1;
    w->now_us = 1790000000 * S;
    w->mono_us = 1000 * S;
    str_init(&w->said, 1 << 16);
    w->owner = (struct lane_owner){
        .env = {.now_us = fake_now, .ctx = w},
        .backoff_min_us = 1 * S,
        .backoff_max_us = 300 * S,
        .give_up_us = NOTIFY_GIVE_UP_US,
        .now_us = fake_now,
        .mono_us = fake_mono,
        .random = fake_random,
        .ended = on_ended,
        .ctx = w,
    };
    w->lane = lane_new(&w->owner, "team", "fake");
    w->lane->def = &fake_def;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    lane_free(w->lane);
    assert_int_equal(w->config.refs, 1);
    str_release(&w->said);
    mem_free(&w);
    return 0;
}

static struct item *item(struct world *w, const char *key)
{
    struct item *it = mem_alloc(sizeof(*it));
    *it = (struct item){.outbox_id = 1,
                        .created_us = w->now_us,
                        .receiver = mem_strdup("team"),
                        .integration = mem_strdup("fake"),
                        .group_key = mem_strndup(key, 1),
                        .dedup_key = mem_strdup(key)};
    it->payload = mem_printf("{\"receiver\":\"team\",\"status\":\"firing\",\"groupKey\":\"%s\"}",
                             it->group_key);
    return it;
}

/* "a1 b1 a2": keys; the letter is the group. */
static void push(struct world *w, const char *keys)
{
    while (*keys) {
        size_t n = strcspn(keys, " ");
        mem_auto char *key = mem_strndup(keys, n);
        lane_push(w->lane, item(w, key));
        keys += n + (keys[n] == ' ');
    }
}

/* All that is due now; what it says. */
static void says(struct world *w, const char *want)
{
    str_clear(&w->said);
    while (lane_due_us(w->lane) <= w->mono_us)
        lane_pump(w->lane, &w->config);
    assert_string_equal(w->said.buf, want);
}

static void pass(struct world *w, int64_t us)
{
    w->mono_us += us;
    w->now_us += us;
}

static void test_order(void **state)
{
    struct world *w = *state;
    assert_int_equal(lane_due_us(w->lane), INT64_MAX);
    push(w, "a1 b1 a2 b2 a3");
    assert_int_equal(w->lane->pending, 5);
    says(w, "a1 b1 a2 b2 a3 ");
    assert_int_equal(w->lane->delivered, 5);
    assert_int_equal(w->lane->pending, 0);
    assert_int_equal(lane_due_us(w->lane), INT64_MAX);
    assert_string_equal(w->detail, "fine");
}

/* One group fails for a while: its messages keep their order, the others go on. */
static void test_failing_group(void **state)
{
    struct world *w = *state;
    w->fails = "a";
    push(w, "a1 b1 a2 c1 b2");
    says(w, "a1? b1 c1 b2 ");
    assert_int_equal(w->wait_us, 0);
    assert_int_equal(lane_due_us(w->lane), w->mono_us + 1 * S);
    pass(w, 1 * S - 1);
    says(w, "");
    pass(w, 1);
    push(w, "b3");
    says(w, "a1? b3 "); /* it came first */
    pass(w, 1 * S);
    says(w, "a1? ");
    pass(w, 2 * S);
    w->fails = NULL;
    says(w, "a1 a2 ");
    assert_int_equal(w->lane->retried, 3);
    assert_false(w->lane->failing);
}

static void test_retry_after(void **state)
{
    struct world *w = *state;
    w->answer = DELIVERY_RETRY;
    w->retry_after_us = 100 * S;
    push(w, "a1");
    says(w, "a1? ");
    assert_int_equal(w->wait_us, 100 * S);
    pass(w, 100 * S - 1);
    says(w, "");
    pass(w, 1);
    w->retry_after_us = 10 * NOTIFY_RETRY_AFTER_MAX_US;
    says(w, "a1? ");
    assert_int_equal(w->wait_us, NOTIFY_RETRY_AFTER_MAX_US);
    pass(w, NOTIFY_RETRY_AFTER_MAX_US);
    w->retry_after_us = 1; /* our own is longer */
    says(w, "a1? ");
    assert_true(w->wait_us >= 1 * S);
}

/* Who asks for time gets it, from all groups; a failure without a word holds its own. */
static void test_asked_to_wait(void **state)
{
    struct world *w = *state;
    w->fails = "a";
    w->retry_after_us = 100 * S;
    push(w, "a1 b1 c1");
    says(w, "a1? ");
    assert_int_equal(lane_due_us(w->lane), w->mono_us + 100 * S);
    assert_int_equal(breaker_state(&w->lane->breaker, w->mono_us), BREAKER_CLOSED);
    pass(w, 100 * S - 1);
    push(w, "d1");
    says(w, "");
    w->fails = NULL;
    w->retry_after_us = 0;
    pass(w, 1);
    says(w, "a1 b1 c1 d1 ");
    push(w, "e1");
    says(w, "e1 ");
}

/* Five failures, of whatever groups, and nobody is tried; then one; then, when that is
 * delivered, all. */
static void test_breaker(void **state)
{
    struct world *w = *state;
    w->answer = DELIVERY_RETRY;
    push(w, "a1 b1 c1 d1 e1 f1 g1");
    says(w, "a1? b1? c1? d1? e1? ");
    assert_int_equal(breaker_state(&w->lane->breaker, w->mono_us), BREAKER_OPEN);
    int64_t open_us = lane_due_us(w->lane) - w->mono_us;
    assert_int_equal(open_us, 8 * S); /* the shortest fifth wait */
    pass(w, open_us - 1);
    says(w, "");
    pass(w, 1);
    says(w, "a1? "); /* the first one that waits asks for all */
    assert_int_equal(lane_due_us(w->lane) - w->mono_us, 16 * S);
    pass(w, 16 * S);
    w->answer = DELIVERY_OK;
    says(w, "a1 b1 c1 d1 e1 f1 g1 ");
    assert_int_equal(w->sent, 5 + 1 + 7);
    /* From there on it takes five again. */
    w->answer = DELIVERY_RETRY;
    push(w, "a2 b2 c2 d2");
    says(w, "a2? b2? c2? d2? ");
    assert_int_equal(breaker_state(&w->lane->breaker, w->mono_us), BREAKER_CLOSED);
}

/* Who refuses is there. */
static void test_refused(void **state)
{
    struct world *w = *state;
    w->answer = DELIVERY_REJECTED;
    push(w, "a1 b1 c1 d1 e1 f1 a2");
    says(w, "a1! b1! c1! d1! e1! f1! a2! ");
    assert_int_equal(w->lane->rejected, 7);
    assert_true(w->lane->failing);
    assert_int_equal(breaker_state(&w->lane->breaker, w->mono_us), BREAKER_CLOSED);
}

static void test_gives_up(void **state)
{
    struct world *w = *state;
    struct item *it = item(w, "a1");
    w->answer = DELIVERY_RETRY;
    it->attempts = 300;
    lane_push(w->lane, it);
    pass(w, NOTIFY_GIVE_UP_US - 1);
    says(w, "a1? ");
    pass(w, lane_due_us(w->lane) - w->mono_us);
    says(w, "a1! ");
    assert_string_equal(w->detail, "given up after 302 attempts: not fine");
}

/* What waited when the process ended waits on, with the attempts it had. */
static void test_due_later(void **state)
{
    struct world *w = *state;
    struct item *it = item(w, "a1");
    it->attempts = 3;
    it->due_us = w->mono_us + 20 * S;
    lane_push(w->lane, it);
    push(w, "a2 b1");
    says(w, "b1 ");
    assert_int_equal(lane_due_us(w->lane), w->mono_us + 20 * S);
    pass(w, 20 * S);
    w->fails = "a";
    says(w, "a1? ");
    assert_int_equal(w->wait_us, 4 * S); /* the shortest fourth wait */
}

static void test_rate(void **state)
{
    struct world *w = *state;
    w->lane->per_minute = 3;
    push(w, "a1 a2 b1 b2 a3");
    says(w, "a1 a2 b1 ");
    assert_int_equal(lane_due_us(w->lane), w->mono_us + 20 * S);
    pass(w, 20 * S);
    says(w, "b2 ");
    pass(w, 20 * S);
    says(w, "a3 ");
    pass(w, 10 * MINUTE);
    push(w, "c1 c2 c3 c4");
    says(w, "c1 c2 c3 ");
}

static void test_gone(void **state)
{
    struct world *w = *state;
    w->lane->def = NULL;
    push(w, "a1 b1 a2");
    str_clear(&w->said);
    lane_pump(w->lane, &w->config);
    assert_int_equal(w->lane->pending, 0);
    assert_non_null(strstr(w->said.buf, "a1! "));
    assert_non_null(strstr(w->said.buf, "a2! "));
    assert_non_null(strstr(w->said.buf, "b1! "));
    assert_int_equal(w->sent, 0);
    assert_string_equal(w->detail, "the configuration has no such integration");
}

static void test_unreadable(void **state)
{
    struct world *w = *state;
    struct item *it = item(w, "a1");
    it->payload[0] = '[';
    lane_push(w->lane, it);
    push(w, "a2");
    says(w, "a1! a2 ");
    assert_int_equal(w->sent, 1);
    assert_int_equal(w->lane->rejected, 1);
}

/* One at a time; the message in flight can be found, and is let go of at the end. */
static void test_in_flight(void **state)
{
    struct world *w = *state;
    w->hangs = true;
    push(w, "a1 b1");
    says(w, "");
    assert_true(w->lane->sending);
    assert_int_equal(w->sent, 1);
    assert_int_equal(w->config.refs, 2);
    assert_non_null(lane_find(w->lane, "a1"));
    assert_null(lane_find(w->lane, "a3"));
    push(w, "a2");
    lane_pump(w->lane, &w->config);
    assert_int_equal(w->sent, 1);
    w->hangs = false;
    str_clear(&w->said);
    w->done(w->done_ctx, DELIVERY_OK, "fine", 0);
    assert_string_equal(w->said.buf, "a1 ");
    assert_int_equal(w->config.refs, 1);
    says(w, "b1 a2 ");
    w->hangs = true;
    push(w, "a3");
    says(w, "");
    lane_free(w->lane);
    assert_int_equal(w->cancelled, 1);
    w->lane = lane_new(&w->owner, "team", "fake");
}

int main(void)
{
#define LANE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        LANE_TEST(test_order),         LANE_TEST(test_failing_group), LANE_TEST(test_retry_after),
        LANE_TEST(test_asked_to_wait), LANE_TEST(test_breaker),       LANE_TEST(test_refused),
        LANE_TEST(test_gives_up),      LANE_TEST(test_due_later),     LANE_TEST(test_rate),
        LANE_TEST(test_gone),          LANE_TEST(test_unreadable),    LANE_TEST(test_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
