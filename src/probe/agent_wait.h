/*
 * What an `agent` probe remembers from run to run: until when its target asked to be left
 * alone. For agent*.c alone.
 */
#pragma once

#include "nines/probe.h"

#include <stdint.h>

struct agent_spec;
struct http_response;
struct spend_taken;
struct verdict;

/* Of struct probe_kind. */
struct probe_memory *agent_memory_new(const struct probe_def *def);
void agent_memory_free(struct probe_memory *memory);
bool agent_held(struct probe_env *env, const struct probe_def *def,
                const struct probe_memory *memory, int64_t now_us, struct held_slot *ret);

/* The answer to a run at `now_us`: one that is limited or overloaded, and says until when,
 * is remembered. `memory` may be NULL. */
void agent_wait_note(struct probe_memory *memory, const struct agent_spec *s,
                     const struct http_response *r, const struct verdict *v, int64_t now_us);

/* What a run takes at worst. */
struct spend_taken agent_worst(const struct probe_env *env, const struct probe_def *def,
                               int64_t now_us);
