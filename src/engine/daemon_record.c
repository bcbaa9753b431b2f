/* Results on their way to the store. */
#include "engine/daemon_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/units.h"
#include "engine/components.h"
#include "engine/versions.h"

static int64_t hook_now(void *ctx)
{
    return daemon_now(ctx);
}

/* The end of the run, not when the loop came round to it: what lies between is
 * noise that would be stored with every result. */
static int64_t hook_done(void *ctx, int64_t end_us)
{
    struct daemon *d = ctx;
    return evaluator_done_us(d->evaluator, end_us, daemon_now(d));
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

/* What a target says it runs is another one than it said last: a deploy. */
static void note_version(struct daemon *d, const struct scheduled *p, const struct observation *obs)
{
    char text[2 * VERSION_MAX + 8];
    const char *id = p->def->id, *before, *arrow = " -> ";
    if (!obs->version ||
        !versions_said(d->versions, id, obs->version, obs->result.done_us, &before))
        return;
    if (!before[0])
        arrow = ""; /* the first that is known */
    snprintf(text, sizeof(text), "%s%s%.*s", before, arrow, VERSION_MAX - 1, obs->version);
    struct annotation a = {obs->result.done_us, "deploy", id, text};
    store_push_annotation(d->store, &a);
    log_info("version", "probe", id, "version", text, NULL);
}

static void record(struct daemon *d, struct scheduled *p, const struct observation *obs)
{
    const struct result *r = &obs->result;
    bool good = r->outcome == OUTCOME_GOOD;
    /* An evaluation sees what was done by its instant: those before this
     * result's come first. */
    evaluator_run_due(d->evaluator, r->done_us - 1);
    struct store_extra extra = {.samples = obs->samples, .sample_count = obs->sample_count};
    if (!good) {
        extra.message = obs->message;
        extra.body = obs->body;
        extra.body_len = obs->body_len;
    }
    /* What the store had no room for, windows are not to know either. */
    struct observation lost = {.result = {.slot_us = r->slot_us,
                                          .done_us = r->done_us,
                                          .outcome = OUTCOME_SKIPPED,
                                          .reason = REASON_PROBER}};
    bool kept = store_push_result(d->store, p->handle, r, &extra);
    evaluator_result(d->evaluator, p->def->id, kept ? obs : &lost);
    conditions_result(d->conditions, p->def->id, kept ? obs : &lost);
    note_version(d, p, obs);
    if (d->test.path)
        daemon_kick(d);
    daemon_check_stop(d);
}

static void hook_result(void *ctx, struct scheduled *p, const struct observation *obs)
{
    if (!p->def->kind->components || !obs->sample_count) {
        record(ctx, p, obs);
        return;
    }
    struct observation recorded = *obs;
    struct sample *left = mem_array(obs->sample_count, sizeof(*left));
    recorded.samples = left;
    recorded.sample_count =
        components_record(&p->recorded, p->def, obs->samples, obs->sample_count, left);
    record(ctx, p, &recorded);
    free(left);
}

static void hook_adopt(void *ctx, struct scheduled *p, int64_t now_us)
{
    struct daemon *d = ctx;
    store_push_probe(d->store, p->handle, p->def, now_us);
    store_push_wanted(d->store, p->handle, p->def, now_us);
    evaluator_add_revision(d->evaluator, p->def, now_us);
}

/* In test time nothing stalls: runs take no engine time at all. */
static bool hook_stalled(void *ctx, int64_t since_ns)
{
    struct daemon *d = ctx;
    return !d->test.path && pulse_stalled_since(&d->pulse, since_ns);
}

static struct selfcheck_wait *hook_ask(void *ctx, selfcheck_fn told, void *arg)
{
    struct daemon *d = ctx;
    return selfcheck_ask(d->selfcheck, told, arg);
}

struct scheduler_hooks daemon_scheduler_hooks(struct daemon *d)
{
    return (struct scheduler_hooks){
        .now_us = hook_now,
        .done_us = hook_done,
        .reserve = hook_reserve,
        .unreserve = hook_unreserve,
        .result = hook_result,
        .adopt = hook_adopt,
        .stalled = hook_stalled,
        .ask = hook_ask,
        .unask = selfcheck_cancel,
        .ctx = d,
    };
}
