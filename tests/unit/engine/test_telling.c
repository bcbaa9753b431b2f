/*
 * From transitions to notify_put(), with a store that answers when the test says so: what
 * telling.c calls of store and notify is wrapped by the linker, and finds the test's world
 * where it has its store and its notify.
 */
#include "../cmocka_all.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/telling.h"
#include "model/message.h"
#include "notify/notify.h"
#include "slo/budget.h"

#include <pthread.h>
#include <string.h>
#include <uv.h>

#define T0 (1790000000 * USEC_PER_SEC)

struct world {
    uv_loop_t loop;
    struct telling *telling;
    struct config *config;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool answers; /* the store does */
    int asked;
    int idle;
    struct str told;       /* "api+critical ": fires; "-": is over */
    const char *last;      /* summary of the last one */
    int64_t last_at_us;    /* when it was put */
    int64_t last_since_us; /* since when it fires */
    struct arena arena;
    struct slo_view on; /* what `expect` names; def NULL: nothing */
};

static const struct slo_def api = {.name = "api",
                                   .objective_name = "",
                                   .service = "s",
                                   .target = {999, 3},
                                   .window.text = "30d",
                                   .sli.probe = "p",
                                   .alerting = true};
static const struct slo_def web = {.name = "web",
                                   .objective_name = "",
                                   .service = "s",
                                   .target = {999, 3},
                                   .window.text = "30d",
                                   .sli.probe = "p",
                                   .alerting = true};

/* ---- what the linker puts in place ------------------------------------------------------ */

void __wrap_notify_put(struct notify *n, const struct message_alert *alerts, size_t count,
                       int64_t at_us);
int __wrap_store_flush(struct store *s, int64_t patience_us, struct err *reterr);
void __wrap_store_get_stats(struct store *s, struct store_stats *ret);
int __wrap_store_reader_open(const char *path, struct store_reader **ret, struct err *reterr);

void __wrap_notify_put(struct notify *n, const struct message_alert *alerts, size_t count,
                       int64_t at_us)
{
    struct world *w = (struct world *)(void *)n;
    for (size_t i = 0; i < count; i++) {
        const struct message_alert *a = &alerts[i];
        str_addf(&w->told, "%s%c%s ", message_label(&a->labels, "slo"), a->firing ? '+' : '-',
                 message_label(&a->labels, "severity"));
        w->last = arena_strdup(&w->arena, message_label(&a->annotations, "summary"));
        w->last_since_us = a->starts_us;
    }
    w->last_at_us = at_us;
}

int __wrap_store_flush(struct store *s, int64_t patience_us, struct err *reterr)
{
    struct world *w = (struct world *)(void *)s;
    (void)patience_us;
    (void)reterr;
    pthread_mutex_lock(&w->mutex);
    w->asked++;
    pthread_cond_broadcast(&w->cond);
    while (!w->answers)
        pthread_cond_wait(&w->cond, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
    return 0;
}

void __wrap_store_get_stats(struct store *s, struct store_stats *ret)
{
    (void)s;
    *ret = (struct store_stats){0};
}

int __wrap_store_reader_open(const char *path, struct store_reader **ret, struct err *reterr)
{
    (void)ret;
    return err_set(reterr, "%s: there is none", path);
}

/* ---- the world ----------------------------------------------------------------------------- */

static void on_idle(void *ctx)
{
    struct world *w = ctx;
    w->idle++;
}

static void on_expect(void *ctx, struct telling *t)
{
    struct world *w = ctx;
    if (w->on.def)
        telling_expect_slo(t, &w->on);
}

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    assert_int_equal(uv_loop_init(&w->loop), 0);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->cond, NULL);
    str_init(&w->told, 1 << 16);
    w->config = mem_alloc(sizeof(*w->config));
    w->config->refs = 1;
    w->config->daemon.severity_labels = SEVERITY_LABELS_DEFAULT;
    struct telling_options o = {.loop = &w->loop,
                                .database = "nines.db",
                                .store = (struct store *)(void *)w,
                                .notify = (struct notify *)(void *)w,
                                .idle = on_idle,
                                .expect = on_expect,
                                .ctx = w};
    w->telling = telling_new(&o);
    telling_set_config(w->telling, w->config);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    telling_close(w->telling);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(w->config->refs, 1);
    config_unref(w->config);
    pthread_mutex_destroy(&w->mutex);
    pthread_cond_destroy(&w->cond);
    str_release(&w->told);
    arena_release(&w->arena);
    mem_free(&w);
    return 0;
}

static void answer(struct world *w)
{
    pthread_mutex_lock(&w->mutex);
    w->answers = true;
    pthread_cond_broadcast(&w->cond);
    pthread_mutex_unlock(&w->mutex);
}

/* A worker is in the middle of it. */
static void wait_asked(struct world *w, int n)
{
    pthread_mutex_lock(&w->mutex);
    while (w->asked < n)
        pthread_cond_wait(&w->cond, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
}

static void settle(struct world *w)
{
    while (!telling_idle(w->telling))
        uv_run(&w->loop, UV_RUN_ONCE);
}

static struct slo_view view_of(const struct slo_def *def)
{
    struct slo_view v = {.def = def};
    v.use = budget_use_make((struct counts){.good = 99956, .bad = 44}, def->target, 1);
    return v;
}

static void tell(struct world *w, const struct slo_def *def, enum alert_event_kind kind,
                 enum severity severity, int minute)
{
    struct slo_view v = view_of(def);
    struct alert_transition t = {.slo = def->name,
                                 .objective_name = "",
                                 .service = "s",
                                 .at_us = T0 + minute * USEC_PER_MIN,
                                 .kind = kind,
                                 .notify = true,
                                 .severity = severity,
                                 .since_us = T0,
                                 .tier = {severity, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 2},
                                 .long_burn = 16.2,
                                 .short_burn = 148.1};
    telling_slo(w->telling, &v, &t);
}

/* ---- tests --------------------------------------------------------------------------------- */

/* In the order of the transitions, one after another, and nobody waits at the end. */
static void test_order(void **state)
{
    struct world *w = *state;
    answer(w);
    tell(w, &api, ALERT_EVENT_FIRE, SEVERITY_TICKET, 0);
    tell(w, &web, ALERT_EVENT_FIRE, SEVERITY_PAGE, 1);
    tell(w, &api, ALERT_EVENT_ESCALATE, SEVERITY_PAGE, 2);
    tell(w, &api, ALERT_EVENT_RESOLVE, SEVERITY_PAGE, 3);
    assert_string_equal(w->told.buf ? w->told.buf : "", "");
    settle(w);
    assert_string_equal(w->told.buf,
                        "api+warning web+critical api-warning api+critical api-critical ");
    assert_in_range(w->asked, 1, 4); /* a flush is for all that was there before it */
    assert_int_equal(w->idle, 1);
    assert_int_equal(w->last_at_us, T0 + 3 * USEC_PER_MIN);
    assert_string_equal(w->last, "api: resolved after 3m");
}

/* A store that hangs is not waited for longer than said; what it finds then is nobody's,
 * and nothing is told twice. */
static void test_slow_store(void **state)
{
    struct world *w = *state;
    int64_t begun_ns = clock_mono_ns();
    tell(w, &api, ALERT_EVENT_FIRE, SEVERITY_PAGE, 0);
    tell(w, &web, ALERT_EVENT_FIRE, SEVERITY_PAGE, 0);
    tell(w, &api, ALERT_EVENT_RESOLVE, SEVERITY_PAGE, 1);
    wait_asked(w, 1);
    while (w->told.len == 0)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_true(clock_mono_ns() - begun_ns >= TELLING_WAIT_US * NSEC_PER_USEC);
    while (!strstr(w->told.buf, "api-"))
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_string_equal(w->told.buf, "api+critical web+critical api-critical ");
    assert_int_equal(w->asked, 1); /* nothing else is begun meanwhile */
    assert_false(telling_idle(w->telling));
    assert_int_equal(w->idle, 0);
    answer(w);
    settle(w);
    assert_string_equal(w->told.buf, "api+critical web+critical api-critical ");
    assert_int_equal(w->asked, 1);
    assert_int_equal(w->idle, 1);
    tell(w, &web, ALERT_EVENT_RESOLVE, SEVERITY_PAGE, 2);
    settle(w);
    assert_int_equal(w->asked, 2);
    assert_string_equal(w->told.buf, "api+critical web+critical api-critical web-critical ");
}

/* At the end all goes at once as it is, but the worker must come back first. */
static void test_stop(void **state)
{
    struct world *w = *state;
    tell(w, &api, ALERT_EVENT_FIRE, SEVERITY_PAGE, 0);
    tell(w, &web, ALERT_EVENT_FIRE, SEVERITY_TICKET, 0);
    telling_reconcile(w->telling, T0);
    wait_asked(w, 1);
    telling_hurry(w->telling);
    assert_string_equal(w->told.buf, "api+critical web+warning ");
    assert_false(telling_idle(w->telling));
    answer(w);
    settle(w);
    assert_string_equal(w->told.buf, "api+critical web+warning ");
    assert_int_equal(w->asked, 1);
}

/* What is on and unknown is told, what is known and not on is over; and only once all from
 * before was told. */
static void test_reconcile(void **state)
{
    struct world *w = *state;
    answer(w);
    w->on = view_of(&web);
    w->on.alert = (struct alert_state){.phase = ALERT_FIRING,
                                       .severity = SEVERITY_PAGE,
                                       .since_us = T0 - USEC_PER_HOUR,
                                       .told = SEVERITY_PAGE};
    tell(w, &api, ALERT_EVENT_FIRE, SEVERITY_PAGE, 0);
    telling_reconcile(w->telling, T0 + 4 * USEC_PER_MIN);
    settle(w);
    assert_string_equal(w->told.buf, "api+critical api-critical "); /* nothing to say of web yet */
    assert_true(telling_late(w->telling));
    w->on.at_us = T0;
    telling_reconcile(w->telling, T0 + 5 * USEC_PER_MIN);
    settle(w);
    assert_false(telling_late(w->telling));
    assert_string_equal(w->told.buf, "api+critical api-critical web+critical ");
    assert_int_equal(w->last_since_us, T0 - USEC_PER_HOUR);
    assert_int_equal(w->last_at_us, T0 + 5 * USEC_PER_MIN);
    /* All is as it should be. */
    str_clear(&w->told);
    telling_reconcile(w->telling, T0 + 6 * USEC_PER_MIN);
    settle(w);
    assert_int_equal(w->told.len, 0);
    /* Nobody was told of it by the evaluator: it is not on. */
    w->on.alert.told = SEVERITY_NONE;
    telling_reconcile(w->telling, T0 + 7 * USEC_PER_MIN);
    settle(w);
    assert_string_equal(w->told.buf, "web-critical ");
    assert_string_equal(w->last, "web: ended after 1h7m, as the objective alerts no more");
    assert_int_equal(w->idle, 4);
}

#define TELLING_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TELLING_TEST(test_order),
        TELLING_TEST(test_slow_store),
        TELLING_TEST(test_stop),
        TELLING_TEST(test_reconcile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
