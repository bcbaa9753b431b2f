/* Results and transitions on their way to the store. */
#include "engine/daemon_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/units.h"
#include "engine/message.h"
#include "nines/notifier.h"

#define UNRECORDED_AFTER_US (30 * USEC_PER_SEC)

static int64_t hook_now(void *ctx)
{
    return daemon_now(ctx);
}

static bool hook_reserve(void *ctx)
{
    struct daemon *d = ctx;
    return store_reserve(d->store);
}

static void hook_unreserve(void *ctx)
{
    struct daemon *d = ctx;
    store_unreserve(d->store);
}

static void hook_result(void *ctx, struct scheduled *p, const struct observation *obs)
{
    struct daemon *d = ctx;
    const struct result *r = &obs->result;
    bool good = r->outcome == OUTCOME_GOOD;
    /* An evaluation sees what was done by its instant: those before this
     * result's come first. */
    evaluator_run_due(d->evaluator, r->done_us - 1);
    store_push_result(d->store, p->handle, r, good ? NULL : obs->message, good ? NULL : obs->body,
                      good ? 0 : obs->body_len);
    evaluator_result(d->evaluator, p->def->id, r);
    if (d->test.path)
        daemon_kick(d);
    daemon_check_stop(d);
}

static void hook_adopt(void *ctx, struct scheduled *p)
{
    struct daemon *d = ctx;
    store_push_probe(d->store, p->handle, p->def, daemon_now(d));
    evaluator_add_revision(d->evaluator, p->def, daemon_now(d));
}

/* In test time nothing stalls: runs take no engine time at all. */
static bool hook_stalled(void *ctx, int64_t since_ns)
{
    struct daemon *d = ctx;
    return !d->test.path && pulse_stalled_since(&d->pulse, since_ns);
}

struct scheduler_hooks daemon_scheduler_hooks(struct daemon *d)
{
    return (struct scheduler_hooks){
        .now_us = hook_now,
        .reserve = hook_reserve,
        .unreserve = hook_unreserve,
        .result = hook_result,
        .adopt = hook_adopt,
        .stalled = hook_stalled,
        .ctx = d,
    };
}

/* ---- transitions -------------------------------------------------------------- */

static void log_transition(const struct alert_transition *t)
{
    char lng[32], shrt[32];
    snprintf(lng, sizeof(lng), "%.2f", t->long_burn);
    snprintf(shrt, sizeof(shrt), "%.2f", t->short_burn);
    log_warn("alert", "event", alert_event_name(t->kind), "slo", t->slo, "severity",
             severity_name(t->severity), "long_burn#", lng, "short_burn#", shrt, NULL);
}

static void keep_unrecorded(struct daemon *d, const char *receiver, const char *key,
                            const char *payload)
{
    struct unrecorded *u = mem_alloc(sizeof(*u));
    u->pushed_ns = clock_mono_ns();
    u->receiver = mem_strdup(receiver);
    u->dedup_key = mem_strdup(key);
    u->payload = mem_strdup(payload);
    u->next = d->unrecorded;
    d->unrecorded = u;
}

static void hook_transition(void *ctx, const struct slo_view *view, const struct alert_transition *t)
{
    struct daemon *d = ctx;
    log_transition(t);
    if (!t->notify) {
        store_push_transition(d->store, t, NULL, 0);
        return;
    }
    char key[512];
    mem_auto char *payload = message_payload(view, t);
    message_dedup_key(t, key, sizeof(key));
    size_t n = d->config->receiver_count;
    struct outbox_new *out = mem_array(n, sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct outbox_new){d->config->receivers[i]->name, key, payload};
        keep_unrecorded(d, out[i].receiver, key, payload);
    }
    store_push_transition(d->store, t, out, n);
    free(out);
}

struct evaluator_hooks daemon_evaluator_hooks(struct daemon *d)
{
    return (struct evaluator_hooks){.transition = hook_transition, .ctx = d};
}

static void free_one(struct unrecorded *u)
{
    free(u->receiver);
    free(u->dedup_key);
    free(u->payload);
    free(u);
}

/*
 * Pages wait for their commit. If nothing could be committed for 30 s they go
 * out from memory; once commits succeed again, what is older than a flush has
 * been recorded and went the ordinary way.
 */
void daemon_send_unrecorded(struct daemon *d)
{
    int64_t failing = atomic_load(&d->store_failing_since_us);
    int64_t now_ns = clock_mono_ns();
    for (struct unrecorded **at = &d->unrecorded, *u; (u = *at);) {
        int64_t age_us = (now_ns - u->pushed_ns) / NSEC_PER_USEC;
        bool send = failing && age_us >= UNRECORDED_AFTER_US;
        bool settled = !failing && age_us >= 5 * STORE_FLUSH_US;
        if (!send && !settled) {
            at = &u->next;
            continue;
        }
        if (send)
            notify_push_unrecorded(d->notify, u->receiver, u->dedup_key, u->payload);
        *at = u->next;
        free_one(u);
    }
}

void daemon_free_unrecorded(struct daemon *d)
{
    while (d->unrecorded) {
        struct unrecorded *u = d->unrecorded;
        d->unrecorded = u->next;
        free_one(u);
    }
}
