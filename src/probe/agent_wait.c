#include "probe/agent_wait.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "io/http.h"
#include "model/spend.h"
#include "probe/agent.h"
#include "probe/judge.h"

#include <stdio.h>
#include <stdlib.h>

#define VALUE_MAX 128

struct probe_memory {
    int64_t until_us; /* 0: it may be asked */
    struct held_slot held;
};

struct probe_memory *agent_memory_new(const struct probe_def *def)
{
    (void)def;
    return mem_alloc(sizeof(struct probe_memory));
}

void agent_memory_free(struct probe_memory *memory)
{
    free(memory);
}

struct spend_taken agent_worst(const struct probe_env *env, const struct probe_def *def,
                               int64_t now_us)
{
    const struct agent_spec *s = def->spec;
    return spend_worst(spend_account(env->spend, def->id), s->price, s->worst_in, s->worst_out,
                       now_us);
}

static bool spent(struct probe_env *env, const struct probe_def *def, int64_t now_us,
                  struct held_slot *ret)
{
    const struct agent_spec *s = def->spec;
    if (!env->spend)
        return false;
    struct spend_taken worst = agent_worst(env, def, now_us);
    ret->outcome = OUTCOME_EXCLUDED;
    ret->reason = REASON_SPEND_CAP;
    return spend_refuses(env->spend, spend_account(env->spend, def->id), &s->spend, &worst,
                         ret->message, sizeof(ret->message)) != NULL;
}

bool agent_held(struct probe_env *env, const struct probe_def *def,
                const struct probe_memory *memory, int64_t now_us, struct held_slot *ret)
{
    if (memory && now_us < memory->until_us) {
        *ret = memory->held;
        return true;
    }
    return spent(env, def, now_us, ret);
}

void agent_wait_note(struct probe_memory *memory, const struct agent_spec *s,
                     const struct http_response *r, const struct verdict *v, int64_t now_us)
{
    char value[VALUE_MAX], until[WHEN_MAX];
    bool asks = v->reason == REASON_RATE_LIMITED || v->reason == REASON_OVERLOADED;
    if (!memory || !asks || !s->retry_after_max_us ||
        !http_header(r, "Retry-After", value, sizeof(value)))
        return;
    int64_t wait_us = when_retry_after_us(value, now_us);
    if (wait_us > s->retry_after_max_us)
        wait_us = s->retry_after_max_us;
    if (wait_us <= 0 || now_us + wait_us <= memory->until_us)
        return;
    memory->until_us = now_us + wait_us;
    memory->held.outcome = v->outcome;
    memory->held.reason = v->reason;
    when_text(until, memory->until_us / USEC_PER_SEC * USEC_PER_SEC);
    snprintf(memory->held.message, sizeof(memory->held.message),
             "not sent: it asked to be left alone until %s (%.150s)", until, v->message);
}
