/*
 * Conditions over a script of runs: when they fire, cool and resolve, that a restart at
 * any instant changes none of it, and what reloads do.
 */
#include "engine/conditions.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "config/load.h"
#include "engine/attach.h"
#include "engine/evaluate.h"
#include "engine/gone.h"
#include "engine/kinds.h"
#include "nines/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S USEC_PER_SEC
#define MIN USEC_PER_MIN
#define T0 (20022 * USEC_PER_DAY)
#define TICK (10 * S)
#define PATIENCE (30 * S)
#define PROBES 2 /* "api" and what it depends on, "net" */

static const char *const ids[PROBES] = {"api", "net"};

struct world {
    char dir[64], *path;
    struct store *store;
    struct evaluator *e;
    struct conditions *c;
    struct config *config;
    int64_t now_us;
    int64_t cert_us, failing_us;
    struct str log; /* transitions: "90 failures 3/5 fire page told\n" */
};

/* ---- a daemon of its parts ------------------------------------------------------------ */

static void note(struct world *w, const struct alert_transition *t)
{
    str_addf(&w->log, "%lld %s %s%s%s %s %s%s\n", (long long)((t->at_us - T0) / S), t->condition,
             t->slo, t->objective_name[0] ? " " : "", t->objective_name, alert_event_name(t->kind),
             severity_name(t->severity), t->notify ? " told" : "");
    store_push_transition(w->store, t);
}

static void on_condition(void *ctx, const struct condition_now *now,
                         const struct condition_view *view, const struct alert_transition *t)
{
    struct world *w = ctx;
    (void)now, (void)view;
    note(w, t);
}

static void on_burn(void *ctx, const struct slo_view *view, const struct alert_transition *t)
{
    struct world *w = ctx;
    (void)view;
    store_push_transition(w->store, t);
}

static void on_ticked(void *ctx, int64_t t_us)
{
    struct world *w = ctx;
    conditions_tick(w->c, w->e, w->failing_us, t_us);
}

static void on_gone(void *ctx, const struct alert_transition *t)
{
    note(ctx, t);
}

static struct config *load(const char *text)
{
    struct config *cfg;
    struct diag diag = {0};
    int rc = config_load_text("x.yaml", text, strlen(text), engine_config_tables(), &cfg, &diag);
    for (size_t i = 0; rc < 0 && i < diag.n; i++)
        print_error("%d: %s\n", diag.items[i].pos.line, diag.items[i].text);
    assert_int_equal(rc, 0);
    diag_release(&diag);
    return cfg;
}

/* As the daemon does: daemon_reload.c. */
static void adopt(struct world *w, const char *text)
{
    struct config *cfg = load(text);
    struct err err;
    evaluator_set_config(w->e, cfg, NULL, w->now_us);
    conditions_set_config(w->c, cfg);
    config_unref(w->config);
    w->config = cfg;
    for (size_t i = 0; i < cfg->probe_count; i++) {
        store_push_probe(w->store, (uint32_t)i, cfg->probes[i], w->now_us);
        evaluator_add_revision(w->e, cfg->probes[i], w->now_us);
    }
    for (size_t i = 0; i < cfg->slo_count; i++) {
        if (cfg->slos[i]->member_count == 0)
            store_push_sli(w->store, &cfg->slos[i]->sli);
        store_push_slo(w->store, cfg->slos[i], w->now_us);
    }
    struct attach *a = attach_new(w->e, cfg);
    attach_want_conditions(a, w->c, w->e);
    assert_int_equal(store_flush(w->store, PATIENCE, &err), 0);
    if (attach_read(a, w->path) < 0)
        fail_msg("%s", attach_error(a));
    attach_merge(a, w->e);
    attach_conditions(a, w->c);
    gone_end(attach_gone(a), w->now_us, on_gone, w);
    attach_free(a);
}

static void begin(struct world *w, const char *text)
{
    struct evaluator_hooks hooks = {.transition = on_burn, .ctx = w, .ticked = on_ticked};
    struct conditions_hooks told = {on_condition, w};
    struct store_options o = {.path = w->path};
    struct err err;
    if (store_open(&o, &w->store, &err) < 0)
        fail_msg("%s", err.msg);
    w->e = evaluator_new(&hooks, w->now_us);
    w->c = conditions_new(&told, w->now_us);
    adopt(w, text);
}

static void end(struct world *w)
{
    struct err err;
    assert_int_equal(store_close(w->store, PATIENCE, &err), 0);
    evaluator_free(w->e);
    conditions_free(w->c);
    config_unref(w->config);
    w->config = NULL;
}

static void run(struct world *w, size_t probe, char c)
{
    enum outcome o = c == 'b'   ? OUTCOME_BAD
                     : c == 's' ? OUTCOME_SKIPPED
                     : c == 'h' ? OUTCOME_EXCLUDED
                                : OUTCOME_GOOD;
    struct result r = {.slot_us = w->now_us - S, .done_us = w->now_us, .total_us = S};
    struct observation obs = {.cert_not_after_us = w->cert_us};
    r.outcome = (uint8_t)o;
    r.reason = o == OUTCOME_GOOD ? REASON_NONE : c == 'h' ? REASON_SPEND_CAP : REASON_STATUS;
    obs.result = r;
    evaluator_run_due(w->e, r.done_us - 1);
    assert_true(store_reserve(w->store));
    store_push_result(w->store, (uint32_t)probe, &r, NULL);
    evaluator_result(w->e, ids[probe], &obs);
    conditions_result(w->c, ids[probe], &obs);
}

/* A step of 10 s: a run of each that has one ends 3 s into it. '-': it has none; g, b, s:
 * good, bad, skipped; h: held back by a spend cap. */
static void step(struct world *w, char api, char net)
{
    const char seen[PROBES] = {api, net};
    int64_t begin_us = w->now_us;
    for (size_t i = 0; i < PROBES; i++) {
        w->now_us = begin_us + 3 * S + (int64_t)i;
        if (seen[i] != '-')
            run(w, i, seen[i]);
    }
    w->now_us = begin_us + 9 * S;
    store_push_heartbeat(w->store, w->now_us, w->now_us);
    w->now_us = begin_us + TICK;
    evaluator_run_due(w->e, w->now_us);
}

static struct world *world_new(void)
{
    struct world *w = mem_alloc(sizeof(*w));
    str_copy(w->dir, sizeof(w->dir), "/tmp/nines-conditions-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->path = mem_printf("%s/x.db", w->dir);
    w->now_us = T0;
    str_init(&w->log, 1 << 20);
    return w;
}

static void world_free(struct world *w)
{
    static const char *const endings[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < countof(endings); i++) {
        mem_auto char *path = mem_printf("%s%s", w->path, endings[i]);
        unlink(path);
    }
    rmdir(w->dir);
    str_release(&w->log);
    free(w->path);
    free(w);
}

/* ---- scripts --------------------------------------------------------------------------- */

#define HEAD "apiVersion: nines/v1\nkind: Probes\ndefaults: {interval: 10s, timeout: 5s}\nprobes:\n"
#define NET "  - {id: net, http: {url: 'http://localhost:1/'}}\n"
#define API "  - {id: api, http: {url: 'http://localhost:1/'}}\n"
#define SLO_HEAD "---\napiVersion: nines/v1\nkind: SLOs\nslos:\n"

/* `at`: the step before which there is a restart; -1: there is none. */
static char *play(const char *config, const char *api, const char *net, int at)
{
    struct world *w = world_new();
    begin(w, config);
    for (int i = 0; api[i]; i++) {
        if (i == at) {
            end(w);
            begin(w, config);
        }
        step(w, api[i], net ? net[i] : 'g');
    }
    char *log = mem_strdup(w->log.buf ? w->log.buf : "");
    end(w);
    world_free(w);
    return log;
}

/* The script with so many steps of `c` behind it. */
static void add_steps(struct str *out, char c, int n)
{
    for (int i = 0; i < n; i++)
        str_addc(out, c);
}

/* At each step at first, where most happens, and then at each seventh. */
static void same_with_a_restart(const char *config, const char *api, const char *net,
                                const char *want)
{
    mem_auto char *log = play(config, api, net, -1);
    assert_string_equal(log, want);
    for (int i = 1, n = (int)strlen(api); i < n; i += i < 20 ? 1 : 7) {
        mem_auto char *again = play(config, api, net, i);
        if (!str_eq(again, want))
            fail_msg("restart before step %d:\n%s", i, again);
    }
}

/* What others tell of at each step, at some of them. */
static void same_with_some_restarts(const char *config, const char *api, const char *net,
                                    const char *want)
{
    for (int i = -1, n = (int)strlen(api); i < n; i += 18) {
        mem_auto char *log = play(config, api, net, i);
        if (!str_eq(log, want))
            fail_msg("restart before step %d:\n%s", i, log);
    }
}

static void three_of_five(void **state)
{
    static const char config[] =
        HEAD "  - {id: api, http: {url: 'http://localhost:1/'}, alerts: [{failures: 3, of: 5},"
             " {failures: 4, severity: ticket, for: 20s}]}\n" NET;
    (void)state;
    struct str script;
    str_init(&script, 256);
    str_add(&script, "ggbgbsbbbbbg");
    add_steps(&script, 'g', 36);
    same_with_a_restart(config, script.buf, NULL,
                        "70 failures api 3/5 fire page told\n"
                        "90 failures api 4/4 pend ticket\n"
                        "110 failures api 4/4 fire ticket told\n"
                        "120 failures api 4/4 cool ticket\n"
                        "140 failures api 3/5 cool page\n"
                        "420 failures api 4/4 resolve ticket told\n"
                        "440 failures api 3/5 resolve page told\n");
    str_release(&script);
}

/* What they know is that `net` fails. */
static void muted(void **state)
{
    static const char config[] = HEAD "  - {id: api, http: {url: 'http://localhost:1/'}, "
                                      "depends_on: [net], alerts: [{failures: 2}]}\n" NET;
    (void)state;
    same_with_a_restart(config, "ggbbbbbb", "gbbbbbgg",
                        "40 failures api 2/2 fire page\n"
                        "70 failures api 2/2 fire page told\n");
}

static void silent_slo(void **state)
{
    static const char config[] =
        HEAD "  - {id: api, http: {url: 'http://localhost:1/'}}\n" NET SLO_HEAD
             "  - {name: up, service: s, sli: {probe: api}, objective: 99%, window: 30d}\n";
    (void)state;
    struct str script;
    str_init(&script, 256);
    add_steps(&script, 'g', 5);
    add_steps(&script, '-', 40);
    add_steps(&script, 'g', 35);
    /* Slot 42 was the last; then there is one at 452 again. */
    same_with_a_restart(config, script.buf, NULL,
                        "350 no_data up fire ticket told\n"
                        "460 no_data up cool ticket\n"
                        "760 no_data up resolve ticket told\n");
    str_release(&script);
}

/* Slots that a spend cap holds back are nobody's silence; what was silent before stays so
 * until there is data again. */
static void held_back_slo(void **state)
{
    static const char config[] =
        HEAD "  - {id: api, http: {url: 'http://localhost:1/'}}\n" NET SLO_HEAD
             "  - {name: up, service: s, sli: {probe: api}, objective: 99%, window: 30d}\n";
    (void)state;
    struct str script;
    str_init(&script, 256);
    add_steps(&script, 'g', 5);
    add_steps(&script, 'h', 60);
    same_with_a_restart(config, script.buf, NULL, "");
    str_clear(&script);
    add_steps(&script, 'g', 5);
    add_steps(&script, '-', 40);
    add_steps(&script, 'h', 60);
    same_with_a_restart(config, script.buf, NULL, "350 no_data up fire ticket told\n");
    str_release(&script);
}

#define UP_AND_NET                                                                                 \
    "  - {name: up, service: s, sli: {probe: api}, objective: 99%, window: 30d,"                   \
    " alerts: [{silent: false}]}\n"                                                                \
    "  - {name: line, service: s, sli: {probe: net}, objective: 99%, window: 30d,"                 \
    " alerts: [{silent: false}]}\n"
#define BOTH                                                                                       \
    "  - {name: both, service: s, composite: [{slo: up}, {slo: line}], window: 30d,"               \
    " alerts: [{silent: true, severity: page}]}\n"

/* As long as one member is heard, it is not silent. */
static void silent_composite(void **state)
{
    static const char config[] = HEAD API NET SLO_HEAD UP_AND_NET BOTH;
    (void)state;
    struct str api, net;
    str_init(&api, 256);
    str_init(&net, 256);
    add_steps(&api, 'g', 5);
    add_steps(&api, '-', 120);
    add_steps(&net, 'g', 40);
    add_steps(&net, '-', 40);
    add_steps(&net, 'g', 45);
    /* Slot 392 was the last of both; then there is one of one of them at 802. */
    same_with_some_restarts(config, api.buf, net.buf,
                            "700 no_data both fire page told\n"
                            "810 no_data both cool page\n"
                            "1110 no_data both resolve page told\n");
    str_release(&api);
    str_release(&net);
}

#define HOURS ", hours: {timezone: UTC, days: daily, from: '00:00', to: '00:01'}}\n"
#define API_BY_DAY "  - {id: api, http: {url: 'http://localhost:1/'}" HOURS
#define NET_BY_DAY "  - {id: net, http: {url: 'http://localhost:1/'}" HOURS

/* Nor is one of which nobody is to be heard; but one whose other member is. */
static void composite_out_of_hours(void **state)
{
    static const char neither[] = HEAD API_BY_DAY NET_BY_DAY SLO_HEAD UP_AND_NET BOTH;
    static const char one[] = HEAD API_BY_DAY NET SLO_HEAD UP_AND_NET BOTH;
    (void)state;
    struct str script;
    str_init(&script, 256);
    add_steps(&script, 'g', 7); /* behind the last slot, whatever their phases are */
    add_steps(&script, '-', 40);
    same_with_some_restarts(neither, script.buf, script.buf, "");
    same_with_some_restarts(one, script.buf, script.buf, "370 no_data both fire page told\n");
    str_release(&script);
}

/* A prober that cannot listen hears no silence. */
static void deaf(void **state)
{
    static const char config[] =
        HEAD "  - {id: api, http: {url: 'http://localhost:1/'}}\n" NET SLO_HEAD
             "  - {name: up, service: s, sli: {probe: api}, objective: 99%, window: 30d}\n";
    (void)state;
    struct str script;
    str_init(&script, 256);
    add_steps(&script, 'g', 5);
    add_steps(&script, 's', 60);
    mem_auto char *log = play(config, script.buf, NULL, -1);
    assert_string_equal(log, "");
    str_release(&script);
}

static void budgets(void **state)
{
    static const char config[] = HEAD
        "  - {id: api, http: {url: 'http://localhost:1/'}}\n" NET SLO_HEAD
        "  - {name: up, service: s, sli: {probe: api}, objective: 90%, window: 1d, alerting: none,"
        " alerts: [{budget_spent: 100%}, {exhausts_in: 5h, severity: page}]}\n";
    (void)state;
    /* Of n runs 0.1 n may fail, and 2 do: at that pace the rest lasts (0.1 n - 2) * 12 h. */
    same_with_a_restart(config, "gggggggggbbgggggggggggggggg", NULL,
                        "100 budget_spent up 100% fire ticket told\n"
                        "100 exhausts_in up 5h fire page told\n"
                        "210 budget_spent up 100% cool ticket\n"
                        "250 exhausts_in up 5h cool page\n");
}

static void certificate(void **state)
{
    static const char config[] = HEAD
        "  - {id: api, http: {url: 'https://localhost:1/'}, alerts: [{certificate: 1h}]}\n" NET;
    (void)state;
    for (int at = -1; at < 50; at += at < 20 ? 1 : 7) {
        struct world *w = world_new();
        begin(w, config);
        w->cert_us = T0 + 3600 * S + 65 * S;
        for (int i = 0; i < 50; i++) {
            if (i == at) {
                end(w);
                begin(w, config);
            }
            if (i == 15)
                w->cert_us += USEC_PER_DAY;
            step(w, 'g', 'g');
        }
        assert_string_equal(w->log.buf, "70 certificate api 1h fire ticket told\n"
                                        "160 certificate api 1h cool ticket\n"
                                        "460 certificate api 1h resolve ticket told\n");
        end(w);
        world_free(w);
    }
}

/* An alert that comes again while it cools is the same; later it is another one. */
static void flapping(void **state)
{
    static const char config[] =
        HEAD "  - {id: api, http: {url: 'http://localhost:1/'}, alerts: [{failures: 1}]}\n" NET;
    (void)state;
    for (int calm = 1; calm < 36; calm++) {
        struct str script, want;
        str_init(&script, 256);
        str_init(&want, 4096);
        str_addc(&script, 'b');
        add_steps(&script, 'g', calm);
        str_addc(&script, 'b');
        int again = 10 * (calm + 2);
        str_add(&want, "10 failures api 1/1 fire page told\n20 failures api 1/1 cool page\n");
        if (again <= 320)
            str_addf(&want, "%d failures api 1/1 refire page\n", again);
        else
            str_addf(&want,
                     "320 failures api 1/1 resolve page told\n"
                     "%d failures api 1/1 fire page told\n",
                     again);
        mem_auto char *log = play(config, script.buf, NULL, -1);
        assert_string_equal(log, want.buf);
        str_release(&script);
        str_release(&want);
    }
}

static void the_prober(void **state)
{
    static const char config[] = HEAD API NET;
    static const char off[] = HEAD API NET "---\napiVersion: nines/v1\nkind: Daemon\n"
                                           "alerts: {prober_down: none}\n";
    (void)state;
    struct world *w = world_new();
    begin(w, config);
    step(w, '-', 'g');
    w->failing_us = w->now_us;
    for (int i = 0; i < 4; i++)
        step(w, '-', 'g');
    w->failing_us = 0;
    step(w, '-', 'g');
    w->now_us += 10 * MIN; /* the machine slept */
    step(w, '-', 'g');
    assert_string_equal(w->log.buf, "40 prober_down  fire page told\n"
                                    "60 prober_down  cool page\n"
                                    "660 prober_down  refire page\n"
                                    "670 prober_down  deescalate ticket told\n");
    str_clear(&w->log);
    adopt(w, off);
    assert_string_equal(w->log.buf, "670 prober_down  resolve ticket told\n");
    end(w);
    begin(w, config); /* as short as a restart is */
    step(w, '-', 'g');
    end(w);
    w->now_us += 2 * MIN;
    str_clear(&w->log);
    begin(w, config);
    step(w, '-', 'g');
    assert_string_equal(w->log.buf, "810 prober_down  fire ticket told\n");
    end(w);
    world_free(w);
}

/* A rule that goes ends its alert, and one that stays keeps it. */
static void reloads(void **state)
{
    static const char before[] = HEAD "  - {id: api, http: {url: 'http://localhost:1/'}, alerts: "
                                      "[{failures: 2}, {failures: 3}]}\n" NET;
    static const char after[] = HEAD "  - {id: api, http: {url: 'http://localhost:1/'}, alerts: "
                                     "[{failures: 3}, {failures: 4}]}\n" NET;
    (void)state;
    struct world *w = world_new();
    begin(w, before);
    for (int i = 0; i < 4; i++)
        step(w, 'b', 'g');
    adopt(w, after);
    step(w, 'b', 'g');
    assert_string_equal(w->log.buf, "20 failures api 2/2 fire page told\n"
                                    "30 failures api 3/3 fire page told\n"
                                    "40 failures api 2/2 resolve page told\n"
                                    "50 failures api 4/4 fire page told\n");
    end(w);
    begin(w, HEAD NET); /* the probe is gone while nobody ran */
    assert_non_null(strstr(w->log.buf, "50 failures api 3/3 resolve page told\n"));
    assert_non_null(strstr(w->log.buf, "50 failures api 4/4 resolve page told\n"));
    end(w);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_of_five),
        cmocka_unit_test(muted),
        cmocka_unit_test(held_back_slo),
        cmocka_unit_test(silent_slo),
        cmocka_unit_test(deaf),
        cmocka_unit_test(silent_composite),
        cmocka_unit_test(composite_out_of_hours),
        cmocka_unit_test(budgets),
        cmocka_unit_test(certificate),
        cmocka_unit_test(flapping),
        cmocka_unit_test(the_prober),
        cmocka_unit_test(reloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
